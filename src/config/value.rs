//! One value against the kind its place demands.

use kdl::{KdlEntry, KdlValue};
use miette::SourceSpan;

use super::error::ConfigFinding;
use super::schema::{Kind, NodeSpec};
use crate::base::{Spanned, brief, nearest, printable};

/// A decoded value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    Count(u32),
}

/// What a value is for.
pub(super) struct Subject {
    pub(super) spec: &'static NodeSpec,
    pub(super) what: String,
    pub(super) kind: Kind,
}

impl Subject {
    /// The value of an entry, if it is of the kind wanted.
    pub(super) fn value(
        &self,
        entry: &KdlEntry,
        findings: &mut Vec<ConfigFinding>,
    ) -> Option<Spanned<Value>> {
        let repr = entry.format().map_or("", |format| format.value_repr.as_str());
        let span = value_span(entry, repr);
        let value = match (self.kind, entry.value()) {
            (Kind::Text | Kind::Version, KdlValue::String(text)) => self.text(text, span, findings),
            // Free text may hold tabs and lines.
            (Kind::Free, KdlValue::String(text)) => {
                visible(text, &text.replace(['\n', '\t'], " "), span, findings)
            }
            (Kind::Version, KdlValue::Float(_) | KdlValue::Integer(_)) => Some(Value::Text(repr.to_owned())),
            (Kind::Flag, KdlValue::Bool(flag)) => Some(Value::Flag(*flag)),
            (Kind::Count, KdlValue::Integer(number)) if *number > 0 => {
                u32::try_from(*number).ok().map(Value::Count).or_else(|| self.wrong(entry, repr, findings))
            }
            (Kind::Word(words), KdlValue::String(text)) if words.contains(&text.as_str()) => {
                Some(Value::Text(text.clone()))
            }
            _ => self.wrong(entry, repr, findings),
        };
        value.map(|value| Spanned::new(value, span))
    }

    fn text(&self, text: &str, span: SourceSpan, findings: &mut Vec<ConfigFinding>) -> Option<Value> {
        if text.trim().is_empty() {
            findings.push(ConfigFinding::Empty { node: self.spec.name, what: self.what.clone(), span });
            return None;
        }
        visible(text, text, span, findings)
    }

    fn wrong(&self, entry: &KdlEntry, repr: &str, findings: &mut Vec<ConfigFinding>) -> Option<Value> {
        let quoted = brief(repr.trim_matches('"'));
        let (wanted, help) = match self.kind {
            Kind::Text | Kind::Free => ("text".to_owned(), format!("quote it: \"{quoted}\"")),
            Kind::Version => ("a version".to_owned(), "write it between quotes".to_owned()),
            Kind::Flag => ("#true or #false".to_owned(), "write #true or #false".to_owned()),
            Kind::Count => ("a whole number from 1".to_owned(), format!("write `{}`", self.spec.example)),
            Kind::Word(words) => {
                let near = entry.value().as_string().and_then(|text| nearest(text, words.iter().copied()));
                let help = near.map_or_else(
                    || format!("write \"{}\"", words[0]),
                    |near| format!("did you mean \"{near}\"?"),
                );
                (format!("one of: {}", words.join(", ")), help)
            }
        };
        let help = if entry.value().is_null() { "give it a value, or delete it".to_owned() } else { help };
        let found = match entry.value() {
            KdlValue::String(_) if matches!(self.kind, Kind::Word(_)) => "another word",
            KdlValue::String(_) => "text",
            KdlValue::Integer(_) => "a number",
            KdlValue::Float(_) => "a number with a fraction",
            KdlValue::Bool(_) => "a flag",
            KdlValue::Null => "nothing",
        };
        let span = value_span(entry, repr);
        let (node, what) = (self.spec.name, self.what.clone());
        findings.push(ConfigFinding::WrongKind { node, what, wanted, help, span, found });
        None
    }
}

/// Text whose escapes hide nothing; `judged` is what of it must be visible.
fn visible(text: &str, judged: &str, span: SourceSpan, findings: &mut Vec<ConfigFinding>) -> Option<Value> {
    let hidden = judged
        .chars()
        .find(|character| printable(character.encode_utf8(&mut [0; 4])).len() != character.len_utf8());
    let Some(hidden) = hidden else {
        return Some(Value::Text(text.to_owned()));
    };
    let character = format!("U+{:04X}", u32::from(hidden));
    findings.push(ConfigFinding::InvisibleCharacter { character, help: "delete the escape", span });
    None
}

/// The value alone: the last bytes of its entry.
pub(super) fn value_span(entry: &KdlEntry, repr: &str) -> SourceSpan {
    let (start, length) = (entry.span().offset(), entry.span().len());
    if repr.is_empty() || repr.len() > length {
        return entry.span();
    }
    (start + length - repr.len(), repr.len()).into()
}
