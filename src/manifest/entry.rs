//! Entries: the unit of ownership.

use std::fmt;
use std::str::FromStr;

use miette::SourceSpan;
use toml_edit::{Key, Value};

use crate::base::Digest;

/// A place in a manifest that one value stands at: keys from the top, the last of which may pick one element
/// of an array by what identifies it. Shown as `project.dependencies[numpy]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryPath(pub(crate) Vec<Segment>);

/// One step of an [`EntryPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    /// A key of a table.
    Key(String),
    /// The element of an array that this identifies: a requirement by its normalised name and marker, an
    /// index or a metadata shim by its name, a conflict set by its members.
    Element(String),
}

/// One entry envloom wants in a manifest.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Where.
    pub(crate) path: EntryPath,
    /// What. Compared by parsed value, not by layout.
    pub(crate) value: Value,
    /// The KDL that asks for it, for messages.
    pub(crate) span: SourceSpan,
}

impl Entry {
    /// The digest by which `envloom.lock` remembers the value.
    #[must_use]
    pub(crate) fn digest(&self) -> Digest {
        digest(&self.value)
    }
}

/// The digest of a value's meaning: layout, comments and the order of keys in a table do not matter.
pub(super) fn digest(value: &Value) -> Digest {
    Digest::of(canonical(value))
}

/// One text for all layouts of a value.
pub(super) fn canonical(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", text.value()),
        Value::Integer(number) => number.value().to_string(),
        Value::Float(number) => format!("{:?}", number.value()),
        Value::Boolean(truth) => truth.value().to_string(),
        Value::Datetime(moment) => moment.value().to_string(),
        Value::Array(array) => {
            let items: Vec<String> = array.iter().map(canonical).collect();
            format!("[{}]", items.join(", "))
        }
        Value::InlineTable(table) => {
            let mut items: Vec<String> =
                table.iter().map(|(key, item)| format!("{key:?} = {}", canonical(item))).collect();
            items.sort();
            format!("{{{}}}", items.join(", "))
        }
    }
}

impl EntryPath {
    /// From keys alone.
    #[must_use]
    pub(crate) fn keys(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| Segment::Key((*key).to_owned())).collect())
    }

    /// This place's element of that identity.
    #[must_use]
    pub(crate) fn element(mut self, identity: impl Into<String>) -> Self {
        self.0.push(Segment::Element(identity.into()));
        self
    }

    /// This place's key of that name.
    #[must_use]
    pub(crate) fn key(mut self, name: impl Into<String>) -> Self {
        self.0.push(Segment::Key(name.into()));
        self
    }

    /// The last key on the way.
    #[must_use]
    pub(crate) fn last_key(&self) -> &str {
        self.0
            .iter()
            .rev()
            .find_map(|segment| match segment {
                Segment::Key(key) => Some(key.as_str()),
                Segment::Element(_) => None,
            })
            .unwrap_or_default()
    }

    /// Is this `other` or a place within it?
    #[must_use]
    pub(crate) fn is_in(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) => {
                    let dot = if at == 0 { "" } else { "." };
                    write!(f, "{dot}{}", Key::new(key))?;
                }
                Segment::Element(identity) => write!(f, "[{identity}]")?,
            }
        }
        Ok(())
    }
}

/// The text is no [`EntryPath`] as shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a manifest")]
pub(crate) struct NoPath;

/// Reads what `Display` shows, which is how `envloom.lock` names entries: an element comes last.
impl FromStr for EntryPath {
    type Err = NoPath;

    fn from_str(text: &str) -> Result<Self, NoPath> {
        let (keys, element) = match text.strip_suffix(']').map(split_unquoted) {
            Some(Some((keys, element))) => (keys, Some(element)),
            Some(None) => return Err(NoPath),
            None => (text, None),
        };
        let keys = Key::parse(keys).map_err(|_| NoPath)?;
        let keys = keys.into_iter().map(|key| Segment::Key(key.get().to_owned()));
        Ok(Self(keys.chain(element.map(|identity| Segment::Element(identity.to_owned()))).collect()))
    }
}

/// Splits at the first `[` outside quotes.
fn split_unquoted(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '[') => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_its_text() {
        for path in [
            EntryPath::keys(&["project", "name"]),
            EntryPath::keys(&["tool", "uv", "sources", "a.b[c]\"d'"]),
            EntryPath::keys(&["project", "dependencies"]).element("a ; extra == 'x[y]'"),
            EntryPath::keys(&["dependency-groups", "x[y]"]).element("]["),
        ] {
            assert_eq!(path.to_string().parse(), Ok(path));
        }
        for wrong in ["a]", "", "a b", ".python-version"] {
            assert_eq!(wrong.parse::<EntryPath>(), Err(NoPath), "{wrong}");
        }
    }

    #[test]
    fn a_digest_ignores_layout() {
        let digest_of = |text: &str| digest(&text.parse::<Value>().unwrap());
        assert_eq!(digest_of("{ a = 'x', b = [ 1,2 ] }"), digest_of("{b=[1, 2], a=\"x\"}"));
        assert_ne!(digest_of("[1, 2]"), digest_of("[2, 1]"));
    }
}
