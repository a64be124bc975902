//! What git's index and the working tree hold of the files in conflict. Reads only.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::call::Call;
use super::super::load::Stop;
use super::error::ResolveFinding;
use crate::base::{RelPath, SourceFile, conflict_marker, read_if_exists};
use crate::ledger::{self, FILE_NAME, Merged, Record};
use crate::model::Environment;
use crate::plan;
use crate::tool::git::{Conflict, Git, ObjectId, Underway};
use crate::tool::run::quoted;

/// What both have grown from.
pub(super) const BASE: usize = 0;
/// What is checked out; of a rebase, what is rebased onto.
pub(super) const OURS: usize = 1;
/// What is merged.
pub(super) const THEIRS: usize = 2;

/// The files of an environment that envloom and uv write.
const WRITTEN: [&str; 3] = ["pyproject.toml", "uv.lock", ".python-version"];

/// The merge that is going on.
pub(super) struct Sides<'s> {
    call: &'s Call<'s>,
    pub(super) git: &'s Git,
    unmerged: BTreeMap<RelPath, Conflict>,
    /// Paths in conflict that are no text, or lie beside the project.
    strange: Vec<String>,
    /// Asked for where something is in conflict.
    underway: OnceCell<Underway>,
    changed: OnceCell<BTreeSet<RelPath>>,
}

/// `envloom.lock` of each side, and merged.
pub(super) struct Recorded {
    /// `None`: git has no note of where that side comes from.
    pub(super) sides: [Option<Record>; 3],
    pub(super) merged: Merged,
}

impl<'s> Sides<'s> {
    /// Asks git what is in conflict. What was settled with `git add` while it still holds markers is, too.
    pub(super) fn read(call: &'s Call<'s>, git: &'s Git) -> Result<Self, Stop> {
        let mut sides = Self {
            call,
            git,
            unmerged: BTreeMap::new(),
            strange: Vec::new(),
            underway: OnceCell::new(),
            changed: OnceCell::new(),
        };
        let root = &call.place.root;
        // What lies beside the project keeps the merge from going on as well.
        let top = git.toplevel(root)?.unwrap_or_else(|| root.clone());
        for (path, conflict) in git.unmerged(&top)? {
            let path = seen_from(root, &top.join(path));
            match path.to_str().map(RelPath::parse) {
                Some(Ok(path)) => drop(sides.unmerged.insert(path, conflict)),
                _ => sides.strange.push(path.display().to_string()),
            }
        }
        for (path, conflict) in git.once_unmerged(root)? {
            let Some(Ok(path)) = path.to_str().map(RelPath::parse) else { continue };
            if sides.is_ours(&path) && sides.is_marked(&path)? {
                sides.unmerged.entry(path).or_insert(conflict);
            }
        }
        Ok(sides)
    }

    /// What is merged, and what people call the sides.
    pub(super) fn underway(&self) -> Result<&Underway, Stop> {
        if let Some(known) = self.underway.get() {
            return Ok(known);
        }
        let theirs = self.unmerged.iter().find_map(|(path, conflict)| {
            conflict.files[THEIRS].as_ref().map(|content| (path.as_str(), content))
        });
        let underway = self.git.underway(&self.call.place.root, theirs)?;
        Ok(self.underway.get_or_init(|| underway))
    }

    /// What people call one of the sides.
    pub(super) fn name(&self, at: usize) -> Result<&str, Stop> {
        let [ours, theirs] = &self.underway()?.names;
        Ok(match at {
            BASE => "the merge base",
            OURS => ours,
            _ => theirs,
        })
    }

    /// The commits of a submodule in conflict.
    pub(super) fn commits(&self) -> impl Iterator<Item = (&RelPath, [Option<&str>; 2])> {
        self.unmerged.iter().filter_map(|(path, conflict)| {
            let [_, ours, theirs] = conflict.commits.each_ref().map(|id| id.as_ref().map(ObjectId::as_str));
            (ours.is_some() || theirs.is_some()).then_some((path, [ours, theirs]))
        })
    }

    /// Paths as they are typed where the user is, for a line to paste.
    pub(super) fn typed<'p>(&self, paths: impl IntoIterator<Item = &'p RelPath>) -> String {
        let here = &self.call.process.surroundings.cwd;
        let here = here.canonicalize().unwrap_or_else(|_| here.clone());
        let typed =
            |path: &RelPath| quoted(&seen_from(&here, &path.under(&self.call.place.root)).to_string_lossy());
        paths.into_iter().map(typed).collect::<Vec<_>>().join(" ")
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
        let id = self.unmerged.get(path).and_then(|conflict| conflict.files[at].as_ref());
        Ok(id.map(|id| self.git.blob(&self.call.place.root, id)).transpose()?)
    }

    /// The same as text.
    pub(super) fn text(&self, path: &RelPath, at: usize) -> Result<Option<String>, Stop> {
        let Some(bytes) = self.side(path, at)? else { return Ok(None) };
        if let Ok(text) = String::from_utf8(bytes) {
            return Ok(Some(text));
        }
        let [ours, theirs] = self.underway()?.names.clone();
        let typed = self.typed([path]);
        Err(ResolveFinding::NotText { path: path.to_string(), typed, ours, theirs }.into())
    }

    /// The record of each side, and what comes of them.
    pub(super) fn recorded(&self) -> Result<Recorded, Stop> {
        let path = RelPath::parse(FILE_NAME).expect("the file's name is a path");
        if self.is_unmerged(&path) {
            let side = |at: usize| -> Result<Record, Stop> {
                let text = self.text(&path, at)?.unwrap_or_default();
                parsed(&format!("{FILE_NAME} of {}", self.name(at)?), text)
            };
            let sides = [side(BASE)?, side(OURS)?, side(THEIRS)?];
            let merged = ledger::merged([&sides[BASE], &sides[OURS], &sides[THEIRS]]);
            return Ok(Recorded { sides: sides.map(Some), merged });
        }
        let text = String::from_utf8_lossy(&self.bytes(&path)?.unwrap_or_default()).into_owned();
        let record = parsed(FILE_NAME, text)?;
        let mut sides = [None, None, None];
        if !self.unmerged.is_empty() {
            let Underway { base, theirs, .. } = self.underway()?;
            let head = self.git.commit_of(&self.call.place.root, "HEAD")?;
            for (at, commit) in [base.clone(), head, theirs.clone()].into_iter().enumerate() {
                sides[at] = self.record_at(at, commit)?;
            }
        }
        Ok(Recorded { sides, merged: Merged { record, ..Merged::default() } })
    }

    fn record_at(&self, at: usize, commit: Option<ObjectId>) -> Result<Option<Record>, Stop> {
        let Some(commit) = commit else { return Ok(None) };
        let bytes = self.git.file_at(&self.call.place.root, &commit, FILE_NAME)?;
        let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
        parsed(&format!("{FILE_NAME} of {}", self.name(at)?), text).map(Some)
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

    /// Files in conflict of environments that there are no more: a side that took one away has changed none of them.
    pub(super) fn gone(&self, recorded: &Recorded) -> Vec<RelPath> {
        let records = recorded.sides.iter().flatten().chain([&recorded.merged.record]);
        let owned: BTreeSet<&RelPath> = records.flat_map(|record| record.owned.keys()).collect();
        let is_gone = |path: &&RelPath| {
            let manifest = path.parent().join("pyproject.toml");
            !self.is_ours(path)
                && WRITTEN.contains(&path.file_name())
                && manifest.is_ok_and(|manifest| owned.contains(&manifest))
        };
        self.unmerged.keys().filter(is_gone).cloned().collect()
    }

    /// All other paths in conflict, for a reader.
    pub(super) fn others(&self, gone: &[RelPath]) -> Vec<String> {
        let others = self.unmerged.keys().filter(|path| !self.is_ours(path) && !gone.contains(path));
        others.map(RelPath::to_string).chain(self.strange.iter().cloned()).collect()
    }

    fn is_ours(&self, path: &RelPath) -> bool {
        path.as_str() == FILE_NAME
            || path.as_str() == self.call.place.file_name
            || (WRITTEN.contains(&path.file_name())
                && self.call.model.environments.iter().any(|one| one.directory() == path.parent()))
    }
}

/// A file beside an environment's manifest.
pub(super) fn beside(environment: &Environment, name: &str) -> RelPath {
    environment.directory().join(name).expect("the file's name is a path")
}

fn parsed(name: &str, text: String) -> Result<Record, Stop> {
    if text.is_empty() { Ok(Record::default()) } else { Ok(Record::parse(&SourceFile::new(name, text))?) }
}

/// An absolute path as it is typed in an absolute directory.
fn seen_from(here: &Path, path: &Path) -> PathBuf {
    let shared = here.iter().zip(path).take_while(|(here, there)| here == there).count();
    let up = here.iter().skip(shared).map(|_| "..".as_ref());
    up.chain(path.iter().skip(shared)).collect()
}
