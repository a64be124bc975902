//! The entries that every manifest has, wherever its internal packages come from.

use miette::SourceSpan;
use toml_edit::{Array, InlineTable, Value};

use super::entry::{Entry, EntryPath, canonical};
use super::identity::{self, Kind};
use super::supply;
use crate::config::Role;
use crate::model::{Environment, Group, Model, Project, Requirement, WantedUv};

/// Entries in the order a new manifest has them; one place once.
#[derive(Default)]
pub(super) struct Entries(pub(super) Vec<Entry>);

impl Entries {
    /// A value at a key.
    pub(super) fn key(&mut self, keys: &[&str], value: impl Into<Value>, span: SourceSpan) {
        self.put(Entry { path: EntryPath::keys(keys), value: value.into(), span });
    }

    /// An element of an array. Two requirements of one identity become one that asks for both.
    pub(super) fn element(&mut self, keys: &[&str], value: impl Into<Value>, span: SourceSpan) {
        let value = value.into();
        let identity =
            Kind::at(keys).and_then(|kind| kind.identity(&value)).unwrap_or_else(|| canonical(&value));
        self.put(Entry { path: EntryPath::keys(keys).element(identity), value, span });
    }

    fn put(&mut self, entry: Entry) {
        let Some(known) = self.0.iter_mut().find(|known| known.path == entry.path) else {
            self.0.push(entry);
            return;
        };
        let both = known.value.as_str().zip(entry.value.as_str()).and_then(|(one, other)| joined(one, other));
        known.value = both.map_or(entry.value, Value::from);
        known.span = entry.span;
    }
}

/// One requirement that asks for what both ask, if that can be said: extras and ranges are joined, a URL is
/// not. The markers are equal.
pub(super) fn joined(one: &str, other: &str) -> Option<String> {
    let (one, other) = (Parts::of(one)?, Parts::of(other)?);
    let together = |one: &[String], other: &[String]| {
        let new = other.iter().filter(|item| !one.contains(item));
        one.iter().chain(new).map(String::as_str).collect::<Vec<_>>().join(",")
    };
    let extras = together(&one.extras, &other.extras);
    let extras = if extras.is_empty() { extras } else { format!("[{extras}]") };
    let marker = if one.marker.is_empty() { String::new() } else { format!(" ; {}", one.marker) };
    Some(format!("{}{extras}{}{marker}", one.name, together(&one.ranges, &other.ranges)))
}

/// A requirement without a URL, taken apart as written.
pub(super) struct Parts {
    /// The name as written.
    pub(super) name: String,
    /// The extras asked for.
    pub(super) extras: Vec<String>,
    /// `>=2.4`, `<2.8`.
    pub(super) ranges: Vec<String>,
    /// Empty where there is none.
    pub(super) marker: String,
}

impl Parts {
    pub(super) fn of(text: &str) -> Option<Self> {
        let (_, rest) = identity::split_name(text)?;
        if rest.starts_with('@') {
            return None;
        }
        let name = text.trim()[..text.trim().len() - rest.len()].trim_end().to_owned();
        let marker = identity::marker_of(rest).to_owned();
        let middle = rest.split(';').next().unwrap_or_default();
        let (extras, ranges) = match middle.strip_prefix('[').and_then(|open| open.split_once(']')) {
            Some((extras, ranges)) => (extras, ranges),
            None => ("", middle),
        };
        let list = |text: &str| -> Vec<String> {
            let text = text.trim().trim_start_matches('(').trim_end_matches(')');
            text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
        };
        Some(Self { name, extras: list(extras), ranges: list(ranges), marker })
    }
}

/// The `[project]`, the extras and the groups.
pub(super) fn project(model: &Model, environment: &Environment, project: &Project) -> Entries {
    let settings = &environment.settings;
    let mut entries = Entries::default();
    let name = environment.project.as_ref().unwrap_or(&project.name.value);
    entries.key(&["project", "name"], name.as_str(), project.name.span);
    match &settings.version {
        Some(version) => entries.key(&["project", "version"], version.value.as_str(), version.span),
        None => entries.key(&["project", "version"], "0.0.0", project.span),
    }
    if let Some(text) = &settings.description {
        entries.key(&["project", "description"], text.value.as_str(), text.span);
    }
    if let Some(range) = &settings.requires_python {
        entries.key(&["project", "requires-python"], range.value.as_str(), range.span);
    }
    requirements(&mut entries, &["project", "dependencies"], &settings.dependencies);
    for participant in &environment.packages {
        let package = model.package(participant.package);
        if package.role == Role::Dependency {
            let extras = if package.extras.is_empty() {
                String::new()
            } else {
                format!("[{}]", package.extras.join(","))
            };
            let text = format!("{}{extras}", package.name.value);
            entries.element(&["project", "dependencies"], text, package.span);
        }
    }
    groups(&mut entries, &["project", "optional-dependencies"], &settings.extras);
    supply::extras(model, environment, &mut entries);
    groups(&mut entries, &["dependency-groups"], &environment.groups);
    entries
}

/// A list of requirements at a key.
pub(super) fn requirements(entries: &mut Entries, keys: &[&str], list: &[Requirement]) {
    for requirement in list {
        entries.element(keys, requirement.text.as_str(), requirement.span);
    }
}

fn groups(entries: &mut Entries, above: &[&str], groups: &[Group]) {
    for group in groups {
        let keys: Vec<&str> = above.iter().copied().chain([group.name.value.as_str()]).collect();
        if group.requirements.is_empty() {
            entries.key(&keys, Array::new(), group.name.span);
        }
        requirements(entries, &keys, &group.requirements);
    }
}

/// The first words of `[tool.uv]`.
pub(super) fn tool(model: &Model, environment: &Environment, project: &Project, entries: &mut Entries) {
    entries.key(&["tool", "uv", "package"], false, project.span);
    required_uv(model, entries);
    for platform in &environment.settings.platforms {
        entries.element(&["tool", "uv", "environments"], platform.value.as_str(), platform.span);
    }
    supply::conflicts(model, entries);
}

/// The uv that `tasks.kdl` asks for; says whether it asks for one.
pub(super) fn required_uv(model: &Model, entries: &mut Entries) -> bool {
    let Some(uv) = &model.uv else { return false };
    let text = match &uv.wanted {
        WantedUv::Exact(version) => format!("=={version}"),
        WantedUv::Range(_) => uv.text.value.clone(),
    };
    entries.key(&["tool", "uv", "required-version"], text, uv.text.span);
    true
}

/// An inline table in the order given.
pub(super) fn table<'k>(items: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    let mut table = InlineTable::new();
    for (key, value) in items {
        table.insert(key, value);
    }
    Value::InlineTable(table)
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn two_requirements_become_one() {
        let both = |one: &str, other: &str| joined(one, other);
        assert_eq!(both("a>=1", "a <2, >=1").as_deref(), Some("a>=1,<2"));
        assert_eq!(both("a[x]", "A[y,x]==2").as_deref(), Some("a[x,y]==2"));
        assert_eq!(both("a>1; os_name=='x'", "a<3 ; os_name=='x'").as_deref(), Some("a>1,<3 ; os_name=='x'"));
        assert_eq!(both("a @ https://x", "a>1"), None);
    }
}
