//! What a manifest says that decides a resolution, setting by setting.
//!
//! Each value is a set of elements, so that two lists are told apart by what only one of them has. Where internal
//! packages come from is no setting here: their releases are told as packages, and every environment has its own.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::SettingChange;
use super::contents::Side;
use crate::model::{CARRIED, normal};

/// Keys of `[tool.uv]` that decide a resolution and are nobody's to carry.
const FURTHER: [&str; 2] = ["conflicts", "required-version"];

/// Settings whose values are URLs, or paths from the manifest.
const PLACES: [&str; 3] = ["tool.uv.find-links", "tool.uv.extra-index-url", "tool.uv.index-url"];

/// Where the settings stand that a lockfile holds.
pub(super) const OPTIONS: &str = "uv.lock options";

/// Settings by their keys, each with its elements as TOML.
pub(super) type Settings = BTreeMap<String, BTreeSet<String>>;

/// The settings of one side.
pub(super) fn settings(side: &Side<'_>, internal: &BTreeSet<String>) -> Settings {
    let mut reading = Reading { side, internal, found: Settings::new() };
    let table = |keys: &[&str]| keys.iter().try_fold(side.manifest, |table, key| table.get(*key)?.as_table());
    let entries = |keys: &[&str]| table(keys).into_iter().flatten();
    for (key, value) in entries(&["project"]) {
        if matches!(key.as_str(), "requires-python" | "dependencies") {
            reading.add(&format!("project.{key}"), value);
        }
    }
    for (extra, list) in entries(&["project", "optional-dependencies"]) {
        reading.add(&format!("project.optional-dependencies.{extra}"), list);
    }
    for (group, list) in entries(&["dependency-groups"]) {
        reading.add(&format!("dependency-groups.{group}"), list);
    }
    for (key, value) in entries(&["tool", "uv"]) {
        if CARRIED.contains(&key.as_str()) || FURTHER.contains(&key.as_str()) {
            reading.add(&format!("tool.uv.{key}"), value);
        }
    }
    for (package, sources) in entries(&["tool", "uv", "sources"]) {
        if !internal.contains(&normal(package)) {
            reading.add(&format!("tool.uv.sources.{package}"), sources);
        }
    }
    for (key, value) in &side.lockfile.options {
        reading.add(&format!("{OPTIONS}.{key}"), value);
    }
    reading.found
}

/// What differs, setting by setting.
pub(super) fn changes(before: &Settings, after: &Settings) -> Vec<SettingChange> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = BTreeSet::new();
    keys.into_iter()
        .filter_map(|key| {
            let (one, other) = (before.get(key).unwrap_or(&none), after.get(key).unwrap_or(&none));
            (one != other).then(|| SettingChange {
                setting: key.clone(),
                from: one.difference(other).cloned().collect(),
                to: other.difference(one).cloned().collect(),
            })
        })
        .collect()
}

struct Reading<'a> {
    side: &'a Side<'a>,
    internal: &'a BTreeSet<String>,
    found: Settings,
}

impl Reading<'_> {
    /// A value's elements, less those that are about internal packages. A list of nothing else is not set.
    fn add(&mut self, key: &str, value: &Value) {
        let elements: BTreeSet<String> = match value {
            Value::Array(list) => {
                let foreign = list.iter().filter(|element| !self.is_internal(element));
                foreign.map(|element| self.text(key, element)).collect()
            }
            Value::Table(table) if !key.starts_with("tool.uv.sources.") => table
                .iter()
                .filter(|(name, _)| !self.internal.contains(&normal(name)))
                .map(|(name, value)| format!("{name} = {}", self.text(key, value)))
                .collect(),
            one => [self.text(key, one)].into(),
        };
        if !elements.is_empty() {
            self.found.insert(key.to_owned(), elements);
        }
    }

    /// Is an element about an internal package: a requirement on it, or its metadata?
    fn is_internal(&self, element: &Value) -> bool {
        let name = match element {
            Value::String(requirement) => {
                let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                Some(requirement.split(|c| !is_of_name(c)).next().unwrap_or_default())
            }
            Value::Table(table) if table.contains_key("version") || table.contains_key("requires-dist") => {
                table.get("name").and_then(Value::as_str)
            }
            _ => None,
        };
        name.is_some_and(|name| self.internal.contains(&normal(name)))
    }

    /// A value as TOML, with the paths in it from the root of the repository.
    fn text(&self, key: &str, value: &Value) -> String {
        let rooted = |text: &String| Value::String(self.side.place(text));
        match value {
            Value::String(place) if PLACES.contains(&key) => rooted(place).to_string(),
            Value::Table(table) => {
                let entries = table.iter().map(|(key, value)| match (key.as_str(), value) {
                    ("url" | "path", Value::String(place)) => (key.clone(), rooted(place)),
                    _ => (key.clone(), value.clone()),
                });
                Value::Table(entries.collect::<Table>()).to_string()
            }
            other => other.to_string(),
        }
    }
}
