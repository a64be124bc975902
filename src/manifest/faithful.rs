//! The check after an edit: every entry holds, and nothing else differs.
//!
//! The splices are meant to make this true; this module does not believe them.

use std::collections::BTreeSet;

use toml_edit::Value;

use super::entry::{Entry, EntryPath, canonical};
use super::view::{Node, View, kind_at};

/// Does the text have the entry as wanted?
pub(super) fn holds(view: &View<'_>, entry: &Entry) -> bool {
    match view.find(&entry.path.0) {
        Ok(Some(node)) => {
            is_exists(entry) && is_array(node) || canonical(&node.value()) == canonical(&entry.value)
        }
        _ => false,
    }
}

/// Is the entry only that an array exists, whose elements are entries of their own?
pub(super) fn is_exists(entry: &Entry) -> bool {
    kind_at(&entry.path.0).is_some() && entry.value.as_array().is_some_and(toml_edit::Array::is_empty)
}

/// Is it an array of either form?
pub(super) fn is_array(node: Node<'_>) -> bool {
    matches!(node, Node::Tables(_) | Node::Value(Value::Array(_)))
}

/// The place that is not as it must be after the edit from `before` to `after`, if any. `ours` are the places
/// that may differ.
pub(super) fn fault(
    before: &View<'_>,
    after: &View<'_>,
    wanted: &[Entry],
    ours: &BTreeSet<EntryPath>,
) -> Option<EntryPath> {
    if let Some(entry) = wanted.iter().find(|entry| !holds(after, entry)) {
        return Some(entry.path.clone());
    }
    let (old, new) = (foreign(before, ours), foreign(after, ours));
    if old == new {
        return None;
    }
    let differing = old.iter().zip(&new).find(|(one, other)| one != other).map(|(one, _)| one);
    differing.or_else(|| old.get(new.len())).or_else(|| new.get(old.len())).map(|(path, _)| path.clone())
}

/// Every value that is not ours, sorted.
fn foreign(view: &View<'_>, ours: &BTreeSet<EntryPath>) -> Vec<(EntryPath, String)> {
    let mut leaves: Vec<_> = view
        .leaves()
        .into_iter()
        .filter(|leaf| !is_ours(&leaf.path, ours))
        .map(|leaf| (leaf.path, canonical(&leaf.value)))
        .collect();
    leaves.sort();
    leaves
}

/// Is the place one of ours, or within one?
pub(super) fn is_ours(path: &EntryPath, ours: &BTreeSet<EntryPath>) -> bool {
    (1..=path.0.len()).any(|end| ours.contains(&EntryPath(path.0[..end].to_vec())))
}
