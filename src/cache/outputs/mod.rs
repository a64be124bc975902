//! The store of outputs: what tasks left behind, under the digest of what they were made from.
//!
//! In: a task's key, the patterns of its outputs, its log. Out: the same files and the same log in another working
//! tree, or later. The store is shared by the worktrees of one repository (`place` says where it lies) and by processes
//! that know nothing of one another.
//!
//! ```text
//! blobs/<2 digits>/<digest>       contents of outputs and logs, equal ones once
//! actions/<2 digits>/<key>.json   a `Kept` each, with its own digest in front
//! tmp/                            what is being written
//! ```
//!
//! # Design note
//! No locks: every file is whole or absent, has its content's digest for a name or its content's digest inside, and
//! equal names hold equal meaning. An action is written after its blobs, so that what is found is complete; where one
//! is gone all the same (pruned, damaged), [`OutputStore::restore`] says [`RestoreError::Miss`] before it has moved
//! anything, and the task runs. Whoever uses an action touches it and its blobs, and [`OutputStore::prune`] takes what
//! was not touched for longest: it needs to read no action to know which blobs are wanted.
//!
//! Nothing is synced to disk file by file, which would cost more than most tasks: after a power loss a file may be short,
//! and none is used before its digest was compared. Refused: hard links into the working tree (a tool that
//! writes in place would change the store), archives (equal files many times).

mod clear;
mod collect;
mod differ;
mod file;
mod keep;
mod prune;
mod restore;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

pub(crate) use clear::Before;
pub(crate) use differ::Difference;
pub(crate) use keep::Made;
pub(crate) use prune::{Limits, Size};
pub(in crate::cache) use restore::STAGED;

use crate::base::{Digest, RelPath};

/// Use is noted no more often than this.
const TOUCHED_EVERY: Duration = Duration::from_hours(24);

/// What a task left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The task that ran.
    pub(crate) task: String,
    /// The fingerprint it ran with: key path -> value, or the digest of a value that is long.
    pub(crate) fields: BTreeMap<String, String>,
    /// Sorted by path.
    pub(crate) outputs: Vec<Output>,
    /// The outputs that lay there before it ran and that it did not touch: someone else's, or what a run left of which
    /// nothing is known. Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) found: Vec<RelPath>,
    /// What it printed.
    pub(crate) log: Option<Digest>,
    /// How long it ran, in milliseconds.
    pub(crate) duration_ms: u64,
}

/// One output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Output {
    /// Where, relative to the root.
    pub(crate) path: RelPath,
    /// What.
    #[serde(flatten)]
    pub(crate) left: Left,
}

/// What lay at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Left {
    /// A file: its content, its permission bits, its bytes.
    File { digest: Digest, mode: u32, size: u64 },
    /// A link that stays in the repository, as it was written.
    Symlink { target: String },
    /// A directory without anything in it.
    Directory,
}

impl Kept {
    /// The outputs that its run wrote.
    fn written(&self) -> impl Iterator<Item = &Output> {
        self.outputs.iter().filter(|output| self.found.binary_search(&output.path).is_err())
    }

    /// The blobs it needs.
    fn blobs(&self) -> impl Iterator<Item = Digest> {
        let files = self.outputs.iter().filter_map(|output| match output.left {
            Left::File { digest, .. } => Some(digest),
            _ => None,
        });
        files.chain(self.log)
    }
}

/// The store in one directory.
#[derive(Debug, Clone)]
pub(crate) struct OutputStore {
    directory: PathBuf,
}

impl OutputStore {
    /// The store in `directory`, which need not exist.
    #[must_use]
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// What is kept under `key`, if it can be read. That writes nothing: see [`OutputStore::note_use`].
    #[must_use]
    pub(crate) fn find(&self, key: Digest) -> Option<Kept> {
        file::read(&self.action_path(key), key)
    }

    /// Notes that a run used what it found under `key`, so that it is kept longer than what nobody uses.
    pub(crate) fn note_use(&self, key: Digest) {
        let (path, now) = (self.action_path(key), SystemTime::now());
        if is_due(&path, now)
            && let Some(kept) = self.find(key)
        {
            // The blobs first: while they are no older than their action they outlive it.
            for blob in kept.blobs() {
                touch(&self.blob_path(blob), now);
            }
            touch(&path, now);
        }
    }

    /// Where it lies.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the task printed, if it is still there and whole.
    #[must_use]
    pub(crate) fn log(&self, kept: &Kept) -> Option<Vec<u8>> {
        let digest = kept.log?;
        let bytes = fs::read(self.blob_path(digest)).ok()?;
        (Digest::of(&bytes) == digest).then_some(bytes)
    }

    /// The bytes of an output that is a file, if they are still there and whole.
    #[must_use]
    pub(crate) fn content(&self, kept: &Kept, path: &RelPath) -> Option<Vec<u8>> {
        let digest = kept.outputs.iter().find_map(|output| match output.left {
            Left::File { digest, .. } if output.path == *path => Some(digest),
            _ => None,
        })?;
        let bytes = fs::read(self.blob_path(digest)).ok()?;
        (Digest::of(&bytes) == digest).then_some(bytes)
    }

    fn blobs(&self) -> PathBuf {
        self.directory.join("blobs")
    }

    fn actions(&self) -> PathBuf {
        self.directory.join("actions")
    }

    /// Where files are written before they get their name.
    fn workshop(&self) -> PathBuf {
        self.directory.join("tmp")
    }

    fn blob_path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.blobs().join(&name[..2]).join(name)
    }

    fn action_path(&self, key: Digest) -> PathBuf {
        let name = key.to_string();
        self.actions().join(&name[..2]).join(format!("{name}.json"))
    }
}

/// Was the use of this last noted so long ago that it is time again?
pub(super) fn is_due(path: &Path, now: SystemTime) -> bool {
    let noted = fs::metadata(path).and_then(|metadata| metadata.modified());
    noted.is_ok_and(|noted| now.duration_since(noted).map_or(true, |since| since > TOUCHED_EVERY))
}

/// Notes the use of a file. Where that fails (another's, read-only, just pruned) it is forgotten earlier, no more.
pub(super) fn touch(path: &Path, now: SystemTime) {
    if let Ok(file) = File::options().write(true).open(path) {
        drop(file.set_modified(now));
    }
}
