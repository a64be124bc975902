//! What someone changed in a manifest: its text against what envloom wants there and what it last wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml_edit::Value;

use super::super::entry::{Entry, EntryPath, Segment, canonical, digest};
use super::super::faithful::{holds, is_exists};
use super::super::foreign::concerning;
use super::super::ownership::places;
use super::super::view::{View, kind_at};
use crate::base::Digest;
use crate::ledger::Owned;
use crate::model::{Environment, Model};

/// One entry that someone changed.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    /// Where it stands now; where it stood, if it is gone.
    pub(super) path: EntryPath,
    /// What envloom wants there. `None`: nothing, someone put it beside envloom's.
    pub(super) wanted: Option<Entry>,
    /// What stands there. `None`: someone took it away.
    pub(super) found: Option<Value>,
    /// Where, in the manifest.
    pub(super) span: Range<usize>,
}

/// One manifest with what is known of it.
pub(super) struct Looked<'l> {
    pub(super) model: &'l Model,
    pub(super) environment: &'l Environment,
    pub(super) view: &'l View<'l>,
    pub(super) wanted: &'l [Entry],
    /// What `import` left as it is: no edit, whatever stands there.
    pub(super) left_out: &'l [Entry],
    pub(super) owned: &'l Owned,
}

impl Looked<'_> {
    /// Every entry that someone changed, in the order of `wanted`, then those put beside them in that of the text.
    pub(super) fn edits(&self) -> Vec<Edit> {
        let owned = places(self.owned);
        let mut edits = Vec::new();
        let mut stood_in: BTreeSet<EntryPath> = BTreeSet::new();
        for entry in self.wanted.iter().filter(|entry| !holds(self.view, entry)) {
            edits.extend(self.edit(entry, &owned, &mut stood_in));
        }
        edits.extend(self.added(&owned, &stood_in));
        edits
    }

    fn edit(
        &self,
        entry: &Entry,
        owned: &BTreeMap<EntryPath, Digest>,
        stood_in: &mut BTreeSet<EntryPath>,
    ) -> Option<Edit> {
        let written = owned.get(&entry.path);
        let wanted = Some(entry.clone());
        match self.found(&entry.path) {
            Some((found, span)) => {
                // tasks.kdl asks for something new, and nobody touched the old.
                let untouched = written == Some(&digest(&found)) || is_exists(entry);
                let path = entry.path.clone();
                (!untouched).then_some(Edit { path, wanted, found: Some(found), span })
            }
            // Nobody wrote it yet.
            None if written.is_none() => None,
            None => Some(if let Some((path, found, span)) = self.stand_in(&entry.path, owned, stood_in) {
                stood_in.insert(path.clone());
                Edit { path, wanted, found: Some(found), span }
            } else {
                let span = super::super::edit::span_of(self.view, &entry.path);
                Edit { path: entry.path.clone(), wanted, found: None, span }
            }),
        }
    }

    /// What stands at a place.
    pub(super) fn found(&self, path: &EntryPath) -> Option<(Value, Range<usize>)> {
        self.view.find(&path.0).ok().flatten().map(|node| (node.value(), node.span()))
    }

    /// The element that an owned one has become, where its very identity was edited, such as by a marker.
    fn stand_in(
        &self,
        path: &EntryPath,
        owned: &BTreeMap<EntryPath, Digest>,
        taken: &BTreeSet<EntryPath>,
    ) -> Option<(EntryPath, Value, Range<usize>)> {
        let (Segment::Element(identity), array) = path.0.split_last()? else { return None };
        let kind = kind_at(array)?;
        let mut candidates = self.view.leaves().into_iter().filter(|leaf| {
            let Some((Segment::Element(other), around)) = leaf.path.0.split_last() else { return false };
            around == array
                && kind.alike(identity, other)
                && !owned.contains_key(&leaf.path)
                && !taken.contains(&leaf.path)
                && !self.wanted.iter().any(|entry| entry.path == leaf.path)
        });
        let leaf = candidates.next()?;
        candidates.next().is_none().then_some((leaf.path, leaf.value, leaf.span))
    }

    /// What someone put beside envloom's entries, or wrote where envloom wants nothing any more.
    fn added(&self, owned: &BTreeMap<EntryPath, Digest>, stood_in: &BTreeSet<EntryPath>) -> Vec<Edit> {
        let mut added: Vec<Edit> = Vec::new();
        for leaf in self.view.leaves().into_iter().filter(|leaf| !leaf.strange) {
            let Some(path) = concerning(self.model, self.environment, &leaf.path) else { continue };
            let known = |entry: &Entry| path.is_in(&entry.path) && !is_exists(entry);
            let again = added.iter().any(|edit| edit.path == path);
            if again || stood_in.contains(&path) || self.wanted.iter().chain(self.left_out).any(known) {
                continue;
            }
            let Some((found, span)) = self.found(&path) else { continue };
            // Left over by envloom, and untouched: the next generate takes it away.
            if owned.get(&path) != Some(&digest(&found)) {
                added.push(Edit { path, wanted: None, found: Some(found), span });
            }
        }
        added.sort_by_key(|edit| edit.span.start);
        added
    }

    /// What envloom owns of this text: what it wants and finds there, and what it wrote and nobody touched.
    pub(super) fn owned_now(&self) -> Owned {
        let mut now = Owned::new();
        for (name, written) in self.owned {
            let Ok(path) = name.parse::<EntryPath>() else {
                // `.python-version`, and what `import` left out.
                now.insert(name.clone(), *written);
                continue;
            };
            let is_edited = self.wanted.iter().any(|entry| entry.path == path);
            let is_within = |entry: &Entry| entry.path != path && entry.path.is_in(&path);
            // A list whose elements are wanted is there for them, not for itself.
            let is_there = self.found(&path).is_some() && !self.wanted.iter().any(is_within);
            // Of what is still an edit the old digest stays: that it is one must not be forgotten.
            if is_there || is_edited {
                now.insert(name.clone(), *written);
            }
        }
        for entry in self.wanted.iter().filter(|entry| holds(self.view, entry)) {
            now.insert(entry.path.to_string(), entry.digest());
        }
        now
    }
}

/// The places at which two lists of entries differ.
pub(super) fn differing(one: &[Entry], other: &[Entry]) -> BTreeSet<EntryPath> {
    let of = |entries: &[Entry]| -> BTreeMap<EntryPath, String> {
        entries.iter().map(|entry| (entry.path.clone(), canonical(&entry.value))).collect()
    };
    let (one, other) = (of(one), of(other));
    let paths = one.keys().chain(other.keys());
    paths.filter(|path| one.get(path) != other.get(path)).cloned().collect()
}
