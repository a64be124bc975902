//! What lies where outputs are declared before the task runs: what its last run here wrote goes, all else stays and is
//! remembered as not the task's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::collect::{Found, collect};
use super::keep::KeepError;
use super::{Difference, Kept, Left};
use crate::base::{FileError, Patterns, RelPath, remove_if_exists};
use crate::cache::content::Contents;
use crate::cache::observe::Observer;
use crate::cache::stamp::Signature;

/// What lay where outputs are declared before a run, and is none of its own if it is still there afterwards.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// It is the task's where the task has written it anew.
    others: BTreeMap<RelPath, Was>,
    /// What the task read: someone's work, of which it makes what it makes.
    inputs: BTreeSet<RelPath>,
}

#[derive(Debug, PartialEq, Eq)]
enum Was {
    File(Signature),
    Symlink(String),
    Directory,
}

impl Was {
    fn of(found: &Found) -> Self {
        match found {
            Found::File(metadata) => Self::File(Signature::of(metadata)),
            Found::Symlink(target) => Self::Symlink(target.clone()),
            Found::Directory => Self::Directory,
        }
    }
}

impl Before {
    /// What matches below `root` now.
    ///
    /// # Errors
    /// When something matches that cannot be an output.
    pub(crate) fn look(root: &Path, outputs: &Patterns, inputs: &[RelPath]) -> Result<Self, KeepError> {
        let found = collect(root, outputs)?;
        let inputs = inputs.iter().filter(|path| outputs.matches(path)).cloned().collect();
        Ok(Self { others: found.into_iter().map(|(path, found)| (path, Was::of(&found))).collect(), inputs })
    }

    /// Is what lies there now not the run's?
    pub(super) fn holds(&self, path: &RelPath, found: &Found) -> bool {
        self.inputs.contains(path) || self.others.get(path).is_some_and(|was| *was == Was::of(found))
    }
}

impl Kept {
    /// Removes below `root` what the run wrote that this is the record of, as far as `may_go` says so and nobody has
    /// changed it since, and the directories that are empty then and of which `may_empty` says so.
    ///
    /// # Errors
    /// When something cannot be looked at or removed.
    pub(crate) fn clear(
        &self,
        root: &Path,
        contents: &Contents,
        may_go: &dyn Fn(&RelPath) -> bool,
        may_empty: &dyn Fn(&RelPath) -> bool,
    ) -> Result<(), FileError> {
        let differs = self.differs(root, contents, &Observer::new())?;
        let is_changed: BTreeSet<&RelPath> = differs.iter().map(Difference::path).collect();
        let mut emptied = BTreeSet::new();
        for output in self.written().filter(|output| !is_changed.contains(&output.path)) {
            let path = &output.path;
            if is_elsewhere(root, path) {
                continue;
            }
            if output.left == Left::Directory {
                emptied.insert(path.clone());
            } else if may_go(path) {
                remove_if_exists(&path.under(root))?;
                emptied.insert(path.parent());
            }
        }
        // The last of a directory's descendants sorts behind it.
        while let Some(directory) = emptied.pop_last() {
            // What is not empty refuses.
            if may_empty(&directory) && fs::remove_dir(directory.under(root)).is_ok() {
                emptied.insert(directory.parent());
            }
        }
        Ok(())
    }
}

/// Is one of the directories on the way a link, or a repository of its own, whose tracked files are not known here?
fn is_elsewhere(root: &Path, path: &RelPath) -> bool {
    path.parent().lineage().any(|above| {
        let place = above.under(root);
        place.is_symlink() || place.join(".git").symlink_metadata().is_ok()
    })
}
