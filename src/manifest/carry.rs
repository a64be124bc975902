//! Resolution settings that tags environments take over from the workspace environment's manifest, so that
//! what was tested is what ships.
//!
//! Only what is foreign there is carried: what envloom itself writes into the workspace's manifest it writes
//! into the others too, or has a reason not to. Arrays that both sides have are carried element by element.

use std::collections::BTreeSet;

use miette::SourceSpan;
use toml_edit::Value;

use super::entry::{Entry, EntryPath, Segment};
use super::faithful::is_ours;
use super::layout;
use super::view::View;
use super::words::parts;
use crate::base::RelPath;
use crate::model::{CARRIED, Environment};

/// The workspace environment's side.
pub(super) struct Origin<'o> {
    /// Its manifest.
    pub(super) view: &'o View<'o>,
    /// The directory of its manifest.
    pub(super) directory: RelPath,
    /// What envloom wants or wanted there.
    pub(super) ours: &'o BTreeSet<EntryPath>,
}

/// What `environment` carries over.
pub(super) fn entries(origin: &Origin<'_>, environment: &Environment) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    for leaf in origin.view.leaves() {
        let (keys, element) = parts(&leaf.path);
        let ["tool", "uv", setting, ..] = keys.as_slice() else {
            continue;
        };
        let carried = CARRIED.contains(setting) && may_carry(environment, setting);
        if !carried || is_ours(&leaf.path, origin.ours) || leaf.strange {
            continue;
        }
        let path =
            if element.is_some() { leaf.path.clone() } else { EntryPath::keys(&["tool", "uv", setting]) };
        if found.iter().any(|known| known.path == path) {
            continue;
        }
        let value = match origin.view.find(&path.0) {
            Ok(Some(node)) => node.value(),
            _ => leaf.value,
        };
        let value = moved(setting, &plain(&value), &origin.directory, &environment.directory());
        found.push(Entry { path, value, span: span(environment, setting) });
    }
    found
}

fn may_carry(environment: &Environment, setting: &str) -> bool {
    environment.carry.as_ref().is_none_or(|allowed| allowed.iter().any(|word| word.value == setting))
}

/// The word of `carry` that allows it, or the environment.
fn span(environment: &Environment, setting: &str) -> SourceSpan {
    let word = environment.carry.iter().flatten().find(|word| word.value == setting);
    word.map_or(environment.span, |word| word.span)
}

/// The value without the layout it was written in.
pub(super) fn plain(value: &Value) -> Value {
    layout::line(value).parse().unwrap_or_else(|_| value.clone())
}

/// The value with the relative paths in it leading to the same place from another directory.
fn moved(setting: &str, value: &Value, from: &RelPath, to: &RelPath) -> Value {
    let text = |value: &Value| value.as_str().map(|text| Value::from(relocated(text, from, to)));
    match (setting, value) {
        ("index", Value::InlineTable(table)) => {
            let mut table = table.clone();
            if let Some(url) = table.get("url").and_then(text) {
                table.insert("url", url);
            }
            Value::InlineTable(table)
        }
        ("find-links" | "extra-index-url", Value::Array(places)) => {
            Value::Array(places.iter().map(|place| text(place).unwrap_or_else(|| place.clone())).collect())
        }
        ("index-url", place) => text(place).unwrap_or_else(|| place.clone()),
        _ => value.clone(),
    }
}

/// The way to the same place from another directory. A URL and an absolute path lead there from anywhere.
fn relocated(place: &str, from: &RelPath, to: &RelPath) -> String {
    let drive = place.as_bytes().get(1) == Some(&b':');
    if place.contains("://")
        || place.starts_with("file:")
        || place.starts_with(['/', '\\', '~', '$'])
        || drive
    {
        return place.to_owned();
    }
    let mut parts: Vec<&str> = from.parts().collect();
    for part in place.split('/').filter(|part| !matches!(*part, "" | ".")) {
        // A way that leaves the repository goes on with `..`.
        if part == ".." && parts.last().is_some_and(|last| *last != "..") {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    let here: Vec<&str> = to.parts().collect();
    let shared = here.iter().zip(&parts).take_while(|(one, other)| one == other).count();
    let way: Vec<&str> = here[shared..].iter().map(|_| "..").chain(parts[shared..].iter().copied()).collect();
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}

/// Puts what is carried behind what is wanted anyway; the same place is wanted once.
pub(super) fn merged(mut wanted: Vec<Entry>, carried: Vec<Entry>) -> Vec<Entry> {
    for entry in carried {
        if wanted.iter().any(|known| known.path.is_in(&entry.path) || entry.path.is_in(&known.path)) {
            continue;
        }
        // Behind the last entry that is no deeper than [tool.uv], so that a new manifest keeps its order.
        let (keys, _) = parts(&entry.path);
        let same = wanted.iter().rposition(|known| parts(&known.path).0 == keys);
        let before = |known: &Entry| {
            let (keys, element) = parts(&known.path);
            let tabled = matches!(keys.last(), Some(&("index" | "dependency-metadata"))) && element.is_some();
            keys.first() != Some(&"tool") || (keys.len() == 3 && !tabled)
        };
        let tabled = matches!(entry.path.0.as_slice(), [.., Segment::Key(key), Segment::Element(_)] if key == "index" || key == "dependency-metadata");
        let at = match same {
            Some(at) => at + 1,
            None if tabled => wanted.len(),
            None => wanted.iter().rposition(before).map_or(wanted.len(), |at| at + 1),
        };
        wanted.insert(at, entry);
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_the_same_place_from_elsewhere() {
        let way = |place: &str, from: &str, to: &str| {
            relocated(place, &RelPath::parse(from).unwrap(), &RelPath::parse(to).unwrap())
        };
        assert_eq!(way("wheels", ".", "prod"), "../wheels");
        assert_eq!(way("./prod/wheels", ".", "prod"), "wheels");
        assert_eq!(way("../outside", ".", "a/b"), "../../../outside");
        assert_eq!(way("../x", "a", "."), "x");
        assert_eq!(way("https://x/y", ".", "prod"), "https://x/y");
        assert_eq!(way("/abs", ".", "prod"), "/abs");
    }
}
