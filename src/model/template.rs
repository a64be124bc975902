//! Texts of a task with `{name}` in them.
//!
//! `{{` and `}}` stand for braces; `${` is left to the shell. What the names mean is known only for one cell of one
//! call, so that a text is taken apart once and filled in later.

/// A text with places to fill in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

/// Why a text is no template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TemplateFault {
    /// A `{` has no `}` behind it.
    Open,
    /// A `}` has no `{` before it.
    Close,
    /// `{}`
    Empty,
}

impl Template {
    /// Takes a text apart.
    ///
    /// # Errors
    /// When its braces do not fit.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateFault> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            plain.push_str(before);
            let twice = brace.starts_with("{{") || brace.starts_with("}}");
            if before.ends_with('$') && brace.starts_with('{') {
                // To its end, so that what stands in it is no name of ours.
                let end = brace.find('}').map_or(brace.len(), |end| end + 1);
                plain.push_str(&brace[..end]);
                rest = &brace[end..];
            } else if twice {
                plain.push_str(&brace[..1]);
                rest = &brace[2..];
            } else if brace.starts_with('}') {
                return Err(TemplateFault::Close);
            } else {
                let end = brace.find('}').ok_or(TemplateFault::Open)?;
                let name = &brace[1..end];
                if name.is_empty() {
                    return Err(TemplateFault::Empty);
                }
                parts.extend(text_part(&mut plain));
                parts.push(Part::Name(name.to_owned()));
                rest = &brace[end + 1..];
            }
        }
        plain.push_str(rest);
        parts.extend(text_part(&mut plain));
        Ok(Self { parts })
    }

    /// The names in it, in the order written.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text, each name replaced by what `value` says. A name without a value stays as it was written.
    pub(crate) fn fill(&self, value: &dyn Fn(&str) -> Option<String>) -> String {
        self.parts.iter().fold(String::new(), |mut text, part| {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Name(name) => text.push_str(&value(name).unwrap_or_else(|| format!("{{{name}}}"))),
            }
            text
        })
    }
}

fn text_part(plain: &mut String) -> Option<Part> {
    (!plain.is_empty()).then(|| Part::Text(std::mem::take(plain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, TemplateFault> {
        Template::parse(text).map(|template| template.fill(&|name| Some(format!("<{name}>"))))
    }

    #[test]
    fn names_are_filled_in_and_everything_else_stays() {
        for (text, expected) in [
            ("", ""),
            ("reports/{cell}.xml", "reports/<cell>.xml"),
            ("{a}{b}", "<a><b>"),
            ("print({{}})", "print({})"),
            ("echo ${HOME} {a} $x", "echo ${HOME} <a> $x"),
            ("${open", "${open"),
            ("größe {a}", "größe <a>"),
        ] {
            assert_eq!(filled(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn braces_that_do_not_fit_are_faults() {
        assert_eq!(filled("{a"), Err(TemplateFault::Open));
        assert_eq!(filled("a}"), Err(TemplateFault::Close));
        assert_eq!(filled("a {} b"), Err(TemplateFault::Empty));
    }
}
