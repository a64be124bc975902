//! What makes an element of an array this one and not another.
//!
//! An identity depends on the element alone, never on its neighbours, so that a foreign element beside ours
//! cannot change what ours is called.

use toml_edit::{InlineTable, Value};

use crate::model::{PackageName, even, is_requirement};

/// What kind of elements an array holds, which says what identifies one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Requirements (PEP 508), or tables that include a group.
    Requirements,
    /// Tables with a `name`: indexes and metadata shims.
    Named,
    /// Sets of conflicting extras and groups.
    Conflicts,
    /// Requirements, or tables that scope them to one package.
    Excludes,
    /// Plain text: markers, globs.
    Texts,
}

impl Kind {
    /// The kind of the array at these keys; `None` where an array is one value.
    pub(super) fn at(keys: &[&str]) -> Option<Self> {
        match keys {
            ["project", "dependencies"]
            | ["project", "optional-dependencies", _]
            | ["dependency-groups", _] => Some(Self::Requirements),
            ["tool", "uv", "workspace", "members"] => Some(Self::Texts),
            ["tool", "uv", key] => match *key {
                "constraint-dependencies" | "override-dependencies" | "build-constraint-dependencies" => {
                    Some(Self::Requirements)
                }
                "exclude-dependencies" => Some(Self::Excludes),
                "environments" | "required-environments" => Some(Self::Texts),
                "index" | "dependency-metadata" => Some(Self::Named),
                "conflicts" => Some(Self::Conflicts),
                _ => None,
            },
            _ => None,
        }
    }

    /// The element's identity, or `None` when it is none this array can have.
    pub(super) fn identity(self, element: &Value) -> Option<String> {
        match (self, element) {
            (Self::Texts, Value::String(text)) => Some(text.value().clone()),
            (Self::Requirements | Self::Excludes, Value::String(text)) => requirement(text.value()),
            (Self::Requirements, Value::InlineTable(table)) => {
                Some(format!("include-group:{}", text_at(table, "include-group")?))
            }
            (Self::Excludes, Value::InlineTable(table)) => {
                let package = table.get("package").and_then(Value::as_inline_table)?;
                let name = PackageName::parse(text_at(package, "name")?).ok()?;
                let version =
                    text_at(package, "version").map(|version| format!("=={version}")).unwrap_or_default();
                Some(format!("package:{name}{version}"))
            }
            (Self::Named, Value::InlineTable(table)) => {
                text_at(table, "name").or_else(|| text_at(table, "url")).map(str::to_owned)
            }
            (Self::Conflicts, Value::Array(set)) => {
                let members: Option<Vec<String>> = set.iter().map(conflict_member).collect();
                Some(members?.join(","))
            }
            _ => None,
        }
    }

    /// May the element of identity `one` have become the element of identity `other`?
    pub(super) fn alike(self, one: &str, other: &str) -> bool {
        match self {
            Self::Conflicts => one.split(',').any(|member| other.split(',').any(|also| member == also)),
            Self::Requirements => bare(one) == bare(other),
            Self::Named | Self::Excludes | Self::Texts => false,
        }
    }
}

/// The identity's package name, without the marker.
pub(super) fn bare(identity: &str) -> &str {
    identity.split(';').next().unwrap_or_default().trim_end()
}

/// The string at a key of a table.
fn text_at<'t>(table: &'t InlineTable, key: &str) -> Option<&'t str> {
    table.get(key).and_then(Value::as_str)
}

/// `cu124`, or `group:dev` where a group conflicts.
fn conflict_member(member: &Value) -> Option<String> {
    let table = member.as_inline_table()?;
    let package = text_at(table, "package").map(|package| format!("{package}/")).unwrap_or_default();
    text_at(table, "extra")
        .map(|extra| format!("{package}{extra}"))
        .or_else(|| text_at(table, "group").map(|group| format!("{package}group:{group}")))
        .or_else(|| (!package.is_empty()).then(|| package.clone()))
}

/// A requirement's normalised name and, after `;`, its marker with blanks and quotes made even.
pub(super) fn requirement(text: &str) -> Option<String> {
    let (name, rest) = split_name(text)?;
    let marker = marker_of(rest);
    Some(if marker.is_empty() { name.to_string() } else { format!("{name} ; {}", even(marker)) })
}

/// The requirement's name and what follows it, if it is of the form that PEP 508 asks for.
pub(super) fn split_name(text: &str) -> Option<(PackageName, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(text.len());
    let name = PackageName::parse(&text[..end]).ok()?;
    let rest = text[end..].trim_start();
    // uv takes more after `@` than PEP 508 has (relative paths), and expands variables there: its name will do.
    let fine = rest.starts_with('@') || is_requirement(text);
    fine.then_some((name, rest))
}

/// The marker in what follows a requirement's name; a URL may hold a `;` that is not followed by a blank.
pub(super) fn marker_of(rest: &str) -> &str {
    let at = if rest.starts_with('@') { rest.find(" ;").map(|at| at + 1) } else { rest.find(';') };
    at.map_or("", |at| rest[at + 1..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_is_known_by_its_name_and_marker() {
        let id = |text: &str| requirement(text);
        assert_eq!(id("Foo_Bar[x]>=1").as_deref(), Some("foo-bar"));
        assert_eq!(id("a>=1;  python_version <  \"3.12\"").as_deref(), Some("a ; python_version < '3.12'"));
        assert_eq!(id("a @ https://x/y;z").as_deref(), Some("a"));
        for wrong in ["", "=1", "a b", "a >", "é"] {
            assert_eq!(id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn elements_are_known_by_what_names_them() {
        let value = |text: &str| text.parse::<Value>().unwrap();
        assert_eq!(
            Kind::Excludes
                .identity(&value(r#"{ package = { name = "M_I" }, dependencies = ["torch"] }"#))
                .as_deref(),
            Some("package:m-i")
        );
        assert_eq!(
            Kind::Conflicts.identity(&value(r#"[{ extra = "a" }, { group = "b" }]"#)).as_deref(),
            Some("a,group:b")
        );
        assert_eq!(Kind::Named.identity(&value(r#"{ url = "u" }"#)).as_deref(), Some("u"));
        assert_eq!(Kind::Named.identity(&value("3")), None);
    }
}
