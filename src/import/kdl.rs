//! KDL text: strings that are read as they were, and nodes with their children.

use crate::base::printable;
use crate::manifest::quoted;

/// A text as a comment: one line, whatever it holds.
pub(super) fn comment(text: &str) -> String {
    format!("// {}", printable(text))
}

/// One node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    line: String,
    children: Vec<Node>,
    comments: Vec<String>,
}

/// The longest line that is written on purpose.
const WIDTH: usize = 100;

impl Node {
    /// A node of that name.
    pub(super) fn new(name: &str) -> Self {
        Self { line: name.to_owned(), children: Vec::new(), comments: Vec::new() }
    }

    /// With an argument.
    pub(super) fn argument(mut self, text: &str) -> Self {
        self.line.extend([" ", &quoted(text)]);
        self
    }

    /// With several.
    pub(super) fn arguments<'t>(self, texts: impl IntoIterator<Item = &'t String>) -> Self {
        texts.into_iter().fold(self, |node, text| node.argument(text))
    }

    /// With a property.
    pub(super) fn property(mut self, name: &str, text: &str) -> Self {
        self.line.extend([" ", name, "=", &quoted(text)]);
        self
    }

    /// With a flag that is set.
    pub(super) fn flag(mut self, name: &str) -> Self {
        self.line.extend([" ", name, "=#true"]);
        self
    }

    /// With a property whose value is written as it is.
    pub(super) fn raw(mut self, text: &str) -> Self {
        self.line.extend([" ", text]);
        self
    }

    /// With a child.
    pub(super) fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// With children.
    pub(super) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// With a line before it.
    pub(super) fn comment(mut self, text: &str) -> Self {
        self.comments.push(comment(text));
        self
    }

    /// The text of it, with its line end.
    pub(super) fn text(&self, indent: usize) -> String {
        let space = " ".repeat(indent);
        let mut text = String::new();
        for line in &self.comments {
            text.extend([space.as_str(), line, "\n"]);
        }
        let first = text.len();
        text.extend([space.as_str(), &self.line]);
        let short: Vec<String> = self.children.iter().map(|child| child.line.clone()).collect();
        let is_flat =
            self.children.iter().all(|child| child.children.is_empty() && child.comments.is_empty());
        let one_line = format!(" {{ {} }}", short.join("; "));
        if self.children.is_empty() {
        } else if is_flat && self.children.len() < 4 && text.len() - first + one_line.len() <= WIDTH {
            text.push_str(&one_line);
        } else {
            text.push_str(" {\n");
            text.extend(self.children.iter().map(|child| child.text(indent + 4)));
            text.extend([space.as_str(), "}"]);
        }
        text.push('\n');
        text
    }
}

/// The texts one to a node: a few beside one another, many below one another.
pub(super) fn requirements(name: &str, first: Option<&str>, texts: &[String]) -> Vec<Node> {
    let node = || first.map_or_else(|| Node::new(name), |first| Node::new(name).argument(first));
    let length: usize = texts.iter().map(|text| text.len() + 3).sum();
    if first.is_some() || length + 24 <= WIDTH {
        return vec![node().arguments(texts)];
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for text in texts {
        let used: usize = rows.last().map_or(WIDTH, |row| row.iter().map(|text| text.len() + 3).sum());
        if used + text.len() + 24 > WIDTH {
            rows.push(Vec::new());
        }
        rows.last_mut().expect("a row was just begun").push(text.clone());
    }
    rows.iter().map(|row| node().arguments(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_read_as_it_was() {
        assert_eq!(quoted("a\"b\\c\n\u{202e}é"), "\"a\\\"b\\\\c\\u{a}\\u{202e}é\"");
        assert_eq!(comment("a\nb"), "// a\\u{a}b");
    }
}
