//! A TOML file as fields of a fingerprint: one field a value, named by its key path.
//!
//! Comes in: bytes. Goes out: `tool.uv.sources.bench-utils.tag` -> `"v0.1.2"`. Layout and comments are gone,
//! so they are no change. Two files give equal fields exactly when they mean the same to uv:
//!
//! - An empty table or array is a field of its own (an empty `[tool.uv.workspace]` matters to uv).
//! - Requirements are named by what they ask for, since their order means nothing to a lock that is only
//!   checked; so is `dependency-metadata`, by its `name`. All other arrays keep their order: of indexes the first wins.
//! - Bare names and brackets cannot be confused: a key that is not bare is quoted.
//! - The user part of a URL is left out: credentials never reach a key, and uv writes none into a lockfile.
//!
//! It must not know files: who reads them is `uv_files`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::{Table, Value};

use crate::base::Digest;
use crate::tool::variables::without_credentials;

/// Tables of `[tool]` that are no fields, each with its reason. All others are, known or not.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    ("autopep8", "how code is formatted"),
    ("bandit", "how code is linted"),
    ("basedpyright", "how types are checked"),
    ("black", "how code is formatted"),
    ("codespell", "how spelling is checked"),
    ("coverage", "how tests are measured"),
    ("deptry", "how imports are checked"),
    ("flake8", "how code is linted"),
    ("importlinter", "how imports are checked"),
    ("interrogate", "how documentation is checked"),
    ("isort", "how code is formatted"),
    ("mypy", "how types are checked"),
    ("pydocstyle", "how documentation is checked"),
    ("pylint", "how code is linted"),
    ("pyrefly", "how types are checked"),
    ("pyright", "how types are checked"),
    ("pytest", "how tests are run"),
    ("ruff", "how code is linted"),
    ("towncrier", "how a changelog is written"),
    ("tox", "how tests are run"),
    ("ty", "how types are checked"),
    ("vulture", "how code is linted"),
    ("yapf", "how code is formatted"),
];

/// Arrays whose elements are requirements; `*` is any one name.
const REQUIREMENTS: &[&[&str]] = &[
    &["project", "dependencies"],
    &["project", "optional-dependencies", "*"],
    &["dependency-groups", "*"],
    &["build-system", "requires"],
    &["tool", "uv", "dev-dependencies"],
    &["tool", "uv", "constraint-dependencies"],
    &["tool", "uv", "override-dependencies"],
    &["tool", "uv", "exclude-dependencies"],
    &["tool", "uv", "build-constraint-dependencies"],
    &["tool", "uv", "dependency-metadata", "*", "requires-dist"],
];

/// Values longer than this are shown by digest.
const LONG: usize = 120;

/// The fields of one file, under `label` (`prod/pyproject.toml`), and its parsed form. A file that is no TOML
/// is one field, the digest of its bytes: uv says what is wrong with it.
pub(super) fn fields_of(label: &str, bytes: &[u8], fields: &mut BTreeMap<String, String>) -> Option<Table> {
    let Some(table) = std::str::from_utf8(bytes).ok().and_then(|text| toml::from_str::<Table>(text).ok())
    else {
        fields.insert(label.to_owned(), format!("not TOML, digest:{}", Digest::of(bytes)));
        return None;
    };
    // That the file is there matters even when it says nothing: a uv.toml hides parts of `[tool.uv]`.
    fields.insert(label.to_owned(), "present".to_owned());
    let mut walk = Walk { fields, places: Vec::new() };
    for (key, value) in &table {
        if key == "tool" && value.is_table() {
            for (tool, value) in value.as_table().into_iter().flatten() {
                if LEFT_OUT.binary_search_by_key(&tool.as_str(), |(name, _)| name).is_err() {
                    walk.places = vec!["tool".to_owned()];
                    walk.child(&format!("{label}: tool"), tool, value);
                }
            }
        } else {
            walk.places.clear();
            walk.place(format!("{label}: {}", bare_or_quoted(key)), key, value);
        }
    }
    Some(table)
}

/// A text as the value of a field.
pub(super) fn shown(text: &str) -> String {
    let text = without_credentials(text);
    if text.len() > LONG { format!("digest:{}", Digest::of(&text)) } else { Value::String(text).to_string() }
}

struct Walk<'f> {
    fields: &'f mut BTreeMap<String, String>,
    /// The names on the way to the present value; an element of an array is there by its name.
    places: Vec<String>,
}

impl Walk<'_> {
    /// A value under a key of the table at `path`.
    fn child(&mut self, path: &str, key: &str, value: &Value) {
        self.place(format!("{path}.{}", bare_or_quoted(key)), key, value);
    }

    fn place(&mut self, path: String, name: &str, value: &Value) {
        self.places.push(name.to_owned());
        self.value(path, value);
        self.places.pop();
    }

    /// Iterative depth is bounded by the parser's own limit on nesting.
    fn value(&mut self, path: String, value: &Value) {
        match value {
            Value::Table(table) if table.is_empty() => self.put(path, "{}".to_owned()),
            Value::Array(array) if array.is_empty() => self.put(path, "[]".to_owned()),
            Value::Table(table) => {
                for (key, value) in table {
                    self.child(&path, key, value);
                }
            }
            Value::Array(array) => self.array(&path, array),
            Value::String(text) => self.put(path, shown(text)),
            other => self.put(path, other.to_string()),
        }
    }

    fn array(&mut self, path: &str, array: &[Value]) {
        let requirements = self.holds_requirements();
        let metadata = self.places == ["tool", "uv", "dependency-metadata"];
        let mut met: BTreeMap<String, usize> = BTreeMap::new();
        // Two requirements on one name differ by marker; their texts in order make the numbering stable.
        let mut elements: Vec<(Option<String>, &Value)> = array
            .iter()
            .map(|value| {
                let name = if metadata || requirements { name_of(value, metadata) } else { None };
                (name, value)
            })
            .collect();
        if requirements || metadata {
            elements.sort_by_cached_key(|(name, value)| (name.clone(), value.to_string()));
        }
        for (at, (name, value)) in elements.into_iter().enumerate() {
            let mut step = name.unwrap_or_else(|| at.to_string());
            let times = met.entry(step.clone()).or_default();
            *times += 1;
            if *times > 1 {
                // Writing to a String cannot fail.
                let _ = write!(step, "#{times}");
            }
            self.place(format!("{path}[{step}]"), &step, value);
        }
    }

    fn holds_requirements(&self) -> bool {
        REQUIREMENTS.iter().any(|pattern| {
            pattern.len() == self.places.len()
                && pattern.iter().zip(&self.places).all(|(want, have)| *want == "*" || want == have)
        })
    }

    fn put(&mut self, path: String, value: String) {
        self.fields.insert(path, value);
    }
}

/// The package that an element is about, in the form of PEP 503.
fn name_of(value: &Value, metadata: bool) -> Option<String> {
    let text = match value {
        Value::String(text) if !metadata => text.as_str(),
        Value::Table(table) if metadata => table.get("name")?.as_str()?,
        _ => return None,
    };
    let text = text.trim_start();
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
        .unwrap_or(text.len());
    (end > 0).then(|| normalised(&text[..end]))
}

/// A package's name as PEP 503 compares it.
pub(super) fn normalised(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for part in name.split(['.', '-', '_']).filter(|part| !part.is_empty()) {
        if !normal.is_empty() {
            normal.push('-');
        }
        normal.push_str(&part.to_ascii_lowercase());
    }
    normal
}

fn bare_or_quoted(key: &str) -> String {
    let bare = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if bare { key.to_owned() } else { format!("{key:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(text: &str) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        fields_of("p.toml", text.as_bytes(), &mut fields);
        fields
    }

    #[test]
    fn the_table_is_sorted_since_it_is_searched() {
        assert!(LEFT_OUT.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn values_are_named_by_their_key_paths() {
        let fields = fields(
            r#"
            [project]
            dependencies = ["Torch>=2.4; sys_platform == 'linux'", "torch>=2", "tqdm"]
            [tool.uv]
            environments = ["sys_platform == 'linux'"]
            [tool.uv.workspace]
            [tool.uv.sources]
            bench-utils = { git = "https://u:p@git.example.com/b.git", tag = "v0.1.2" }
            torch = [{ index = "cu124", extra = "cu124" }]
            [[tool.uv.dependency-metadata]]
            name = "hello_world"
            version = "0.1.2"
            requires-dist = ["print-utils>=0.1"]
            [tool.ruff]
            line-length = 100
            "#,
        );
        let text: Vec<String> = fields.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        assert_eq!(
            text,
            [
                "p.toml = present",
                "p.toml: project.dependencies[torch#2] = \"torch>=2\"",
                "p.toml: project.dependencies[torch] = \"Torch>=2.4; sys_platform == 'linux'\"",
                "p.toml: project.dependencies[tqdm] = \"tqdm\"",
                "p.toml: tool.uv.dependency-metadata[hello-world].name = \"hello_world\"",
                "p.toml: tool.uv.dependency-metadata[hello-world].requires-dist[print-utils] = \"print-utils>=0.1\"",
                "p.toml: tool.uv.dependency-metadata[hello-world].version = \"0.1.2\"",
                "p.toml: tool.uv.environments[0] = \"sys_platform == 'linux'\"",
                "p.toml: tool.uv.sources.bench-utils.git = \"https://git.example.com/b.git\"",
                "p.toml: tool.uv.sources.bench-utils.tag = \"v0.1.2\"",
                "p.toml: tool.uv.sources.torch[0].extra = \"cu124\"",
                "p.toml: tool.uv.sources.torch[0].index = \"cu124\"",
                "p.toml: tool.uv.workspace = {}",
            ]
        );
    }

    #[test]
    fn layout_comments_and_linters_are_no_change_but_order_of_indexes_is() {
        let base = fields("[project]\nname = 'a'\ndependencies = ['b', 'c']\n[tool.ruff]\nx = 1\n");
        assert_eq!(
            base,
            fields("# hi\n[project]\ndependencies = [ 'c',\n'b' ] # x\nname = \"a\"\n[tool.mypy]\ny = 2\n")
        );
        let two = |a: &str, b: &str| {
            fields(&format!("[[tool.uv.index]]\nname='{a}'\n[[tool.uv.index]]\nname='{b}'\n"))
        };
        assert_ne!(two("a", "b"), two("b", "a"));
        assert_ne!(fields("a = 1"), fields("a = '1'"));
        assert_ne!(fields("a = []"), fields("a = {}"));
        assert_ne!(fields("'a.b' = 1"), fields("a.b = 1"));
    }

    #[test]
    fn what_is_no_toml_is_one_field_and_long_values_are_digests() {
        assert_eq!(fields("= broken").len(), 1);
        assert_ne!(fields("= broken"), fields("= broken "));
        let long = fields(&format!("a = '{}'", "x".repeat(500)));
        assert!(long["p.toml: a"].starts_with("digest:"));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::Integer),
            any::<bool>().prop_map(Value::Boolean),
            "[a-z.\\[\\]#0-9: =]{0,6}".prop_map(Value::String),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[a-c.\\[\\]0]{1,3}", inner, 0..4)
                    .prop_map(|map| Value::Table(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Outside requirement lists equal fields mean equal files, and the way through text changes nothing.
        #[test]
        fn fields_are_equal_exactly_when_the_values_are(one in value(), other in value()) {
            let text = |value: &Value| Table::from_iter([("k".to_owned(), value.clone())]).to_string();
            prop_assert_eq!(fields(&text(&one)) == fields(&text(&other)), one == other);
        }
    }
}
