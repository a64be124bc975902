//! The check of what was absorbed: the new text of `tasks.kdl`, resolved and rendered, against the manifest.

use std::collections::BTreeSet;

use toml_edit::{InlineTable, Value};

use super::super::entry::{EntryPath, Segment};
use super::super::error::{ManifestError, ManifestFinding};
use super::super::faithful::{holds, is_exists};
use super::super::identity;
use super::super::python::PYTHON_VERSION;
use super::super::request::{Change, Request};
use super::super::words::{self, parts, shown};
use super::difference::{Edit, Looked, differing};
use super::ground::Ground;
use super::{Absorbed, entangled, unfit};
use crate::base::{Digest, SourceFile, printable};
use crate::ledger::Owned;
use crate::model::EnvironmentId;

/// What was absorbed, checked.
#[derive(Debug)]
pub(crate) struct Settled {
    /// What envloom owns of the manifest now.
    pub(crate) owned: Owned,
    /// What was absorbed.
    pub(crate) changes: Vec<Change>,
    /// What was not.
    pub(crate) left: Vec<Left>,
    /// The environments whose manifests the next generate changes.
    pub(crate) behind: Vec<EnvironmentId>,
}

/// An edit that stays in the manifest alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// Its place.
    pub(crate) path: String,
    /// The line of the manifest, from 1.
    pub(crate) line: usize,
    /// Does it stop generate?
    pub(crate) stops: bool,
    /// Why, and what to type.
    pub(crate) reason: String,
}

impl Absorbed {
    /// Compares what the new text asks for, `after`, with the manifest and with what was asked for `before`.
    ///
    /// # Errors
    /// When something else would change, or an absorbed entry would not be as it stands.
    pub(crate) fn settle(&self, before: &Request<'_>, after: &Request<'_>) -> Result<Settled, ManifestError> {
        // An entry beside envloom's may stand there twice, one of envloom's may not.
        if let Some(refused) = unfit(after, self.environment) {
            return Err(refused);
        }
        let (old, new) = (Ground::of(before), Ground::of(after));
        let views = new.views();
        let environment = after.model.environment(self.environment);
        let Some(here) = new.looked(after, &views, self.environment) else {
            return Err(entangled(before, self.environment, &self.edits));
        };
        let remaining = here.edits();
        let touched = self.touched();
        if let Some(path) = self.misplaced(&remaining) {
            return Err(self.refused(&here, path, &environment.name.value));
        }
        let pin = environment.settings.python.as_ref().map(|pin| pin.value.as_str());
        if self.python.as_ref().is_some_and(|(_, found)| pin != Some(found)) {
            let path = EntryPath::keys(&[PYTHON_VERSION]);
            return Err(self.refused(&here, &path, &environment.name.value));
        }
        let mut behind = Vec::new();
        for (id, wanted) in &new.wanted {
            let former = old.wanted.get(id).map_or(&[][..], Vec::as_slice);
            let differing = differing(former, wanted);
            let there = new.looked(after, &views, *id);
            let is_there = |path: &EntryPath| {
                let wanted = wanted.iter().find(|entry| entry.path == *path);
                there.as_ref().is_some_and(|there| match wanted {
                    Some(entry) => holds(there.view, entry),
                    None => there.found(path).is_none(),
                })
            };
            // A list that had to be there, empty, has entries of its own now.
            let is_filled = |path: &EntryPath| {
                former.iter().any(|entry| entry.path == *path && is_exists(entry))
                    && wanted.iter().any(|entry| entry.path.is_in(path))
            };
            let open: Vec<&EntryPath> =
                differing.iter().filter(|path| !is_filled(path) && !is_there(path)).collect();
            let wrong = open.iter().find(|path| !touched.allows(path, *id == self.environment));
            if let Some(path) = wrong {
                let name = &after.model.environment(*id).name.value;
                return Err(self.refused(&here, path, name));
            }
            if !open.is_empty() {
                behind.push(*id);
            }
        }
        let mut owned = here.owned_now();
        if let Some((_, found)) = &self.python {
            owned.insert(PYTHON_VERSION.to_owned(), Digest::of(found));
        }
        let left = remaining.iter().map(|edit| self.left(&here, edit)).collect();
        Ok(Settled { owned, changes: self.changes(), left, behind })
    }

    fn touched(&self) -> Touched {
        let placed = self.edits.iter().filter(|edit| self.placed.contains(&edit.path));
        let paths: BTreeSet<EntryPath> = placed
            .flat_map(|edit| [Some(edit.path.clone()), edit.wanted.as_ref().map(|entry| entry.path.clone())])
            .flatten()
            .collect();
        let bare = |path: &EntryPath| parts(path).1.map(|identity| identity::bare(identity).to_owned());
        let names = paths.iter().filter_map(bare).chain(self.made.iter().cloned()).collect();
        Touched { paths, names }
    }

    /// A placed entry that is still an edit.
    fn misplaced<'e>(&'e self, remaining: &'e [Edit]) -> Option<&'e EntryPath> {
        remaining.iter().map(|edit| &edit.path).find(|path| self.placed.contains(*path))
    }

    fn refused(&self, here: &Looked<'_>, path: &EntryPath, environment: &str) -> ManifestError {
        let source = SourceFile::new(here.environment.manifest.value.as_str(), here.view.text);
        let edit = self.edits.iter().find(|edit| edit.path == *path).or_else(|| self.edits.first());
        let finding = ManifestFinding::NotAbsorbed {
            path: words::path(path),
            environment: environment.to_owned(),
            span: edit.map_or(0..0, |edit| edit.span.clone()).into(),
        };
        ManifestError::new(&source, vec![finding])
    }

    fn changes(&self) -> Vec<Change> {
        let placed = self.edits.iter().filter(|edit| self.placed.contains(&edit.path));
        let mut changes: Vec<Change> = placed.map(change).collect();
        changes.extend(self.python.as_ref().map(|(pin, found)| Change {
            path: PYTHON_VERSION.to_owned(),
            old: Some(format!("\"{}\"", printable(pin))),
            new: Some(format!("\"{}\"", printable(found))),
        }));
        changes
    }

    fn left(&self, here: &Looked<'_>, edit: &Edit) -> Left {
        let source = SourceFile::new("", here.view.text);
        let reason = self.reasons.get(&edit.path).cloned();
        Left {
            path: words::path(&edit.path),
            line: source.line_column(edit.span.start).0,
            stops: edit.wanted.is_some() || here.owned.contains_key(&edit.path.to_string()),
            reason: reason.unwrap_or_else(|| "tasks.kdl has no word for it".to_owned()),
        }
    }
}

/// The edit for a reader: the one key that differs, where tables differ in one.
fn change(edit: &Edit) -> Change {
    let wanted = edit.wanted.as_ref().map(|entry| &entry.value);
    if let (Some(Value::InlineTable(old)), Some(Value::InlineTable(new))) = (wanted, &edit.found) {
        let text = |table: &InlineTable, key: &str| table.get(key).map(shown);
        let keys: BTreeSet<&str> = old.iter().chain(new).map(|(key, _)| key).collect();
        let mut keys = keys.into_iter().filter(|key| text(old, key) != text(new, key));
        if let (Some(key), None) = (keys.next(), keys.next()) {
            let path = words::path(&edit.path.clone().key(key));
            return Change { path, old: text(old, key), new: text(new, key) };
        }
    }
    let path = words::path(&edit.path);
    Change { path, old: wanted.map(shown), new: edit.found.as_ref().map(shown) }
}

/// What absorbed entries may bring about.
struct Touched {
    paths: BTreeSet<EntryPath>,
    names: BTreeSet<String>,
}

impl Touched {
    /// May the next generate change that place?
    fn allows(&self, path: &EntryPath, is_here: bool) -> bool {
        let (keys, element) = parts(path);
        match keys.as_slice() {
            // Bounds and shims follow from requirements and releases.
            ["tool", "uv", "constraint-dependencies" | "exclude-dependencies" | "dependency-metadata"] => {
                true
            }
            ["tool", "uv", "sources", name] => self.names.contains(*name),
            // The rest of a group that the environment has from now on.
            ["dependency-groups", _] if is_here => {
                let array =
                    |path: &EntryPath| path.0.iter().filter(|one| matches!(one, Segment::Key(_))).count();
                let same = |known: &EntryPath| parts(known).0 == keys && array(known) == keys.len();
                element.is_some() && self.paths.iter().any(same)
            }
            _ => self.paths.contains(path),
        }
    }
}
