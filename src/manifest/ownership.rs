//! Whose is what: compares what is wanted, what envloom last wrote, and what stands in the text.
//!
//! | wanted | written | in the text | |
//! | --- | --- | --- | --- |
//! | a | any | a | kept |
//! | a | - | - | added |
//! | a | b | b | changed |
//! | - | b | b | removed |
//! | - | b | - | forgotten |
//! | any | b | c | hand edit |
//! | a | b | - | removed by hand |
//! | a | - | c | foreign in place |
//!
//! A text that envloom never wrote is refused as a whole unless everything wanted is kept. What the record says was
//! left out when the text was imported is not wanted here at all: [`left_out`].

mod findings;

use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::Value;

use super::entry::{Entry, EntryPath, Segment, digest};
use super::error::ManifestFinding;
use super::faithful::{holds, is_array, is_exists};
use super::request::{Change, Disposition};
use super::view::{Leaf, View, kind_at};
use super::words::{self, shown};
use crate::base::Digest;
use crate::ledger::Owned;
use crate::model::{Environment, Model};

/// What is known before a text is edited.
pub(super) struct Case<'c> {
    pub(super) model: &'c Model,
    pub(super) environment: &'c Environment,
    pub(super) view: &'c View<'c>,
    pub(super) wanted: &'c [Entry],
    /// `None`: envloom never wrote this manifest.
    pub(super) owned: Option<&'c Owned>,
    pub(super) disposition: Disposition,
}

/// What to do.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// Entries to put at their place.
    pub(super) set: Vec<Entry>,
    /// Entries to put in the place of another element of the same array.
    pub(super) exchange: Vec<(EntryPath, Entry)>,
    /// Entries to take away.
    pub(super) remove: Vec<EntryPath>,
    /// The same for a reader.
    pub(super) changes: Vec<Change>,
}

/// The entries of `owned`, as places.
pub(super) fn places(owned: &Owned) -> BTreeMap<EntryPath, Digest> {
    owned.iter().filter_map(|(path, digest)| path.parse().ok().map(|path| (path, *digest))).collect()
}

/// The line of the record by which `import` leaves an entry as it is: absent, or with another value. It holds as long as
/// `tasks.kdl` asks for that very value. No path begins with its mark, so that it owns nothing.
pub(super) fn left_out(entry: &Entry) -> (String, Digest) {
    (format!("!{}", entry.path), entry.digest())
}

/// Compares everything.
pub(super) fn judge(case: &Case<'_>) -> Result<Edits, Vec<ManifestFinding>> {
    let mut judge = Judge { case, leaves: case.view.leaves(), edits: Edits::default(), findings: Vec::new() };
    let owned = case.owned.map(places).unwrap_or_default();
    judge.text_is_fit(&owned);
    if !judge.findings.is_empty() {
        return Err(judge.findings);
    }
    for entry in case.wanted {
        judge.wanted(entry, owned.get(&entry.path), &owned);
    }
    for (path, written) in &owned {
        if !case.wanted.iter().any(|entry| entry.path == *path) {
            judge.unwanted(path, written);
        }
    }
    judge.never_generated();
    if !judge.findings.is_empty() {
        return Err(judge.findings);
    }
    judge.pair();
    Ok(judge.edits)
}

struct Judge<'c> {
    case: &'c Case<'c>,
    leaves: Vec<Leaf>,
    edits: Edits,
    findings: Vec<ManifestFinding>,
}

impl Judge<'_> {
    /// Nothing stands in the way, no entry stands twice, the arrays concerned hold what they may.
    fn text_is_fit(&mut self, owned: &BTreeMap<EntryPath, Digest>) {
        let environment = || self.case.environment.name.value.clone();
        let mut blocked = Vec::new();
        for path in self.case.wanted.iter().map(|entry| &entry.path).chain(owned.keys()) {
            if let Err(found) = self.case.view.find(&path.0)
                && !blocked.contains(&found)
            {
                blocked.push(found);
            }
            let mut same = self.leaves.iter().filter(|leaf| leaf.path == *path);
            if let (Some(first), Some(again)) = (same.next(), same.next()) {
                let (span, again) = (first.span.clone().into(), again.span.clone().into());
                let (path, environment) = (words::path(path), environment());
                let finding = ManifestFinding::ListedTwice { path, environment, span, again };
                if !self.findings.iter().any(|known| known.to_string() == finding.to_string()) {
                    self.findings.push(finding);
                }
            }
        }
        self.findings.extend(blocked.into_iter().map(|found| ManifestFinding::InTheWay {
            path: words::path(&found.path),
            found: found.found,
            wanted: found.wanted,
            environment: environment(),
            span: found.span.into(),
        }));
        let concerned = |leaf: &&Leaf| {
            let array = &leaf.path.0[..leaf.path.0.len() - 1];
            leaf.strange && self.case.wanted.iter().any(|entry| entry.path.0.starts_with(array))
        };
        let strange: Vec<ManifestFinding> = self
            .leaves
            .iter()
            .filter(concerned)
            .map(|leaf| ManifestFinding::NotARequirement {
                text: shown(&leaf.value),
                span: leaf.span.clone().into(),
            })
            .collect();
        self.findings.extend(strange);
    }

    fn found(&self, path: &EntryPath) -> Option<(Value, Range<usize>)> {
        self.case.view.find(&path.0).ok().flatten().map(|node| (node.value(), node.span()))
    }

    fn wanted(&mut self, entry: &Entry, written: Option<&Digest>, owned: &BTreeMap<EntryPath, Digest>) {
        if holds(self.case.view, entry) {
            return;
        }
        let disposition = self.case.disposition;
        match (self.found(&entry.path), written) {
            (None, Some(_)) => match self.stand_in(&entry.path, owned) {
                Some((path, value, _)) if disposition.discards() => {
                    self.change(&entry.path, Some(&value), Some(&entry.value));
                    self.edits.exchange.push((path, entry.clone()));
                }
                Some((_, value, span)) => self.hand_edit(&entry.path, &value, span, Some(entry)),
                None if disposition.discards() => self.set(entry, None),
                None => self.hand_removal(entry),
            },
            (Some((value, span)), Some(written))
                if digest(&value) != *written && !disposition.discards() && !is_exists(entry) =>
            {
                self.hand_edit(&entry.path, &value, span, Some(entry));
            }
            (Some((value, span)), None) if self.case.owned.is_some() && !disposition.takes_over() => {
                self.foreign_in_place(entry, &value, span);
            }
            (found, _) => self.set(entry, found.as_ref().map(|(value, _)| value)),
        }
    }

    fn set(&mut self, entry: &Entry, old: Option<&Value>) {
        self.change(&entry.path, old, Some(&entry.value));
        self.edits.set.push(entry.clone());
    }

    fn unwanted(&mut self, path: &EntryPath, written: &Digest) {
        // What was an empty array is the place of elements now.
        if self.case.wanted.iter().any(|entry| entry.path.is_in(path)) {
            return;
        }
        let Some((value, span)) = self.found(path) else {
            return;
        };
        let emptied = kind_at(&path.0).is_some()
            && self.case.view.find(&path.0).ok().flatten().is_some_and(is_array)
            && *written == digest(&Value::Array(toml_edit::Array::new()));
        if emptied && value.as_array().is_some_and(|array| !array.is_empty()) {
            return;
        }
        if digest(&value) != *written && !self.case.disposition.discards() {
            self.hand_edit(path, &value, span, None);
            return;
        }
        self.change(path, Some(&value), None);
        self.edits.remove.push(path.clone());
    }

    /// The element that an owned one has become, where its very identity was edited.
    fn stand_in(
        &self,
        path: &EntryPath,
        owned: &BTreeMap<EntryPath, Digest>,
    ) -> Option<(EntryPath, Value, Range<usize>)> {
        let (Segment::Element(identity), array) = path.0.split_last()? else {
            return None;
        };
        let kind = kind_at(array)?;
        let candidate = |leaf: &&Leaf| {
            let Some((Segment::Element(other), around)) = leaf.path.0.split_last() else {
                return false;
            };
            around == array
                && kind.alike(identity, other)
                && !owned.contains_key(&leaf.path)
                && !self.case.wanted.iter().any(|entry| entry.path == leaf.path)
        };
        let mut candidates = self.leaves.iter().filter(candidate);
        let leaf = candidates.next()?;
        candidates.next().is_none().then(|| (leaf.path.clone(), leaf.value.clone(), leaf.span.clone()))
    }

    /// A removed and an added element that are alike become one exchange, so that the new one stands where the
    /// old one stood.
    fn pair(&mut self) {
        let mut removed = std::mem::take(&mut self.edits.remove);
        let set = std::mem::take(&mut self.edits.set);
        for entry in set {
            let old = removed.iter().position(|path| are_alike(path, &entry.path));
            match old.filter(|_| self.found(&entry.path).is_none()) {
                Some(at) => self.edits.exchange.push((removed.remove(at), entry)),
                None => self.edits.set.push(entry),
            }
        }
        self.edits.remove = removed;
    }

    /// Records what a reader is to see: key by key where both are tables.
    fn change(&mut self, path: &EntryPath, old: Option<&Value>, new: Option<&Value>) {
        if let (Some(Value::InlineTable(from)), Some(Value::InlineTable(to))) = (old, new) {
            let keys = from
                .iter()
                .map(|(key, _)| key)
                .chain(to.iter().map(|(key, _)| key).filter(|key| !from.contains_key(key)));
            for key in keys.collect::<Vec<_>>() {
                let (one, other) = (from.get(key).map(shown), to.get(key).map(shown));
                if one != other {
                    let path = format!("{}.{key}", words::path(path));
                    self.edits.changes.push(Change { path, old: one, new: other });
                }
            }
            return;
        }
        self.edits.changes.push(Change { path: words::path(path), old: old.map(shown), new: new.map(shown) });
    }
}

fn are_alike(one: &EntryPath, other: &EntryPath) -> bool {
    match (one.0.split_last(), other.0.split_last()) {
        (Some((Segment::Element(from), array)), Some((Segment::Element(to), same))) if array == same => {
            kind_at(array).is_some_and(|kind| kind.alike(from, to))
        }
        _ => false,
    }
}
