//! What git's index and the working tree hold of the files in conflict. Reads only.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::super::call::Call;
use super::super::load::Stop;
use super::error::ResolveFinding;
use crate::base::{RelPath, SourceFile, read_if_exists};
use crate::ledger::{self, FILE_NAME, Merged, Record, conflict_marker};
use crate::plan;
use crate::tool::git::{Git, Stages};

/// What both have grown from.
pub(super) const BASE: usize = 0;
/// What is checked out; of a rebase, what is rebased onto.
pub(super) const OURS: usize = 1;
/// What is merged.
pub(super) const THEIRS: usize = 2;

/// Where git notes the commit that is being merged, whatever kind of merge it is.
const OTHER_HEADS: [&str; 4] = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD", "REVERT_HEAD"];

/// The merge that is going on.
pub(super) struct Sides<'s> {
    call: &'s Call<'s>,
    pub(super) git: &'s Git,
    unmerged: BTreeMap<RelPath, Stages>,
    /// Paths in conflict that are no text.
    strange: Vec<String>,
    changed: OnceCell<BTreeSet<RelPath>>,
}

/// `envloom.lock` of each side, and merged.
pub(super) struct Recorded {
    pub(super) sides: [Record; 3],
    pub(super) merged: Merged,
}

impl<'s> Sides<'s> {
    /// Asks git what is in conflict.
    pub(super) fn read(call: &'s Call<'s>, git: &'s Git) -> Result<Self, Stop> {
        let (mut unmerged, mut strange) = (BTreeMap::new(), Vec::new());
        for (path, stages) in git.unmerged(&call.place.root)? {
            match path.to_str().map(RelPath::parse) {
                Some(Ok(path)) => drop(unmerged.insert(path, stages)),
                _ => strange.push(path.display().to_string()),
            }
        }
        Ok(Self { call, git, unmerged, strange, changed: OnceCell::new() })
    }

    /// Is it in conflict?
    pub(super) fn is_unmerged(&self, path: &RelPath) -> bool {
        self.unmerged.contains_key(path)
    }

    /// A file of the working tree; never through a link.
    pub(super) fn bytes(&self, path: &RelPath) -> Result<Option<Vec<u8>>, Stop> {
        let root = &self.call.place.root;
        let place = path.under(root);
        if place.symlink_metadata().is_ok() {
            plan::inside(root, path)?;
        }
        Ok(read_if_exists(&place)?)
    }

    /// Does it hold conflict markers?
    pub(super) fn is_marked(&self, path: &RelPath) -> Result<bool, Stop> {
        let bytes = self.bytes(path)?.unwrap_or_default();
        Ok(conflict_marker(&String::from_utf8_lossy(&bytes)).is_some())
    }

    /// What one side has.
    pub(super) fn side(&self, path: &RelPath, at: usize) -> Result<Option<Vec<u8>>, Stop> {
        let id = self.unmerged.get(path).and_then(|stages| stages[at].as_ref());
        Ok(id.map(|id| self.git.blob(&self.call.place.root, id)).transpose()?)
    }

    /// The same as text.
    pub(super) fn text(&self, path: &RelPath, at: usize) -> Result<Option<String>, Stop> {
        let Some(bytes) = self.side(path, at)? else { return Ok(None) };
        let text = String::from_utf8(bytes);
        Ok(Some(text.map_err(|_| ResolveFinding::NotText { path: path.to_string() })?))
    }

    /// The record of each side, and what comes of them.
    pub(super) fn recorded(&self) -> Result<Recorded, Stop> {
        let path = RelPath::parse(FILE_NAME).expect("the file's name is a path");
        if self.is_unmerged(&path) {
            let side = |at: usize, name: &str| -> Result<Record, Stop> {
                let text = self.text(&path, at)?.unwrap_or_default();
                parsed(&format!("{FILE_NAME} ({name})"), text)
            };
            let sides = [side(BASE, "merge base")?, side(OURS, "ours")?, side(THEIRS, "theirs")?];
            let merged = ledger::merged([&sides[BASE], &sides[OURS], &sides[THEIRS]]);
            return Ok(Recorded { sides, merged });
        }
        if self.is_marked(&path)? {
            return Err(ResolveFinding::NoSides { path: path.to_string() }.into());
        }
        let text = String::from_utf8_lossy(&self.bytes(&path)?.unwrap_or_default()).into_owned();
        let record = parsed(FILE_NAME, text)?;
        let ours = self.record_at("HEAD")?;
        let mut theirs = None;
        for head in OTHER_HEADS {
            theirs = theirs.or(self.record_at(head)?);
        }
        let sides = [Some(record.clone()), ours, theirs].map(|side| side.unwrap_or_else(|| record.clone()));
        Ok(Recorded { sides, merged: Merged { record, ..Merged::default() } })
    }

    fn record_at(&self, revision: &str) -> Result<Option<Record>, Stop> {
        let root = &self.call.place.root;
        if self.unmerged.is_empty() {
            return Ok(None);
        }
        let Some(commit) = self.git.commit_of(root, revision)? else { return Ok(None) };
        let Some(bytes) = self.git.file_at(root, &commit, FILE_NAME)? else { return Ok(None) };
        parsed(&format!("{FILE_NAME} ({revision})"), String::from_utf8_lossy(&bytes).into_owned()).map(Some)
    }

    /// What differs from what is checked out: in a merge, what the other side brought.
    pub(super) fn changed(&self) -> Result<&BTreeSet<RelPath>, Stop> {
        if let Some(known) = self.changed.get() {
            return Ok(known);
        }
        let root = &self.call.place.root;
        let changes = match self.git.commit_of(root, "HEAD") {
            Ok(Some(commit)) => self.git.changes_since(root, &commit)?,
            _ => Vec::new(),
        };
        let paths = changes.iter().filter_map(|change| RelPath::parse(change.path.to_str()?).ok());
        Ok(self.changed.get_or_init(|| paths.collect()))
    }

    /// The paths in conflict that envloom or uv writes, and `tasks.kdl`.
    pub(super) fn ours(&self) -> Vec<RelPath> {
        self.unmerged.keys().filter(|path| self.is_ours(path)).cloned().collect()
    }

    /// Is one of them in conflict?
    pub(super) fn has_ours(&self) -> bool {
        self.unmerged.keys().any(|path| self.is_ours(path))
    }

    /// All other paths in conflict, for a reader.
    pub(super) fn others(&self) -> Vec<String> {
        let others = self.unmerged.keys().filter(|path| !self.is_ours(path)).map(RelPath::to_string);
        others.chain(self.strange.iter().cloned()).collect()
    }

    fn is_ours(&self, path: &RelPath) -> bool {
        let beside = ["pyproject.toml", "uv.lock", ".python-version"].contains(&path.file_name());
        path.as_str() == FILE_NAME
            || path.as_str() == self.call.place.file_name
            || (beside && self.call.model.environments.iter().any(|one| one.directory() == path.parent()))
    }
}

fn parsed(name: &str, text: String) -> Result<Record, Stop> {
    if text.is_empty() { Ok(Record::default()) } else { Ok(Record::parse(&SourceFile::new(name, text))?) }
}
