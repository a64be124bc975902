//! What goes in at the door, and what comes out.

use std::collections::BTreeMap;

use super::error::ManifestError;
use super::foreign::Foreign;
use crate::base::{Digest, RelPath};
use crate::ledger::{Owned, Record};
use crate::model::{EnvironmentId, Model, PackageId};

/// What each internal package of the working tree requires, as [`requirements_of`](super::requirements_of) reads its manifest.
pub(crate) type Members = BTreeMap<PackageId, Vec<String>>;

/// Everything that manifests depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'r> {
    /// What `tasks.kdl` means.
    pub(crate) model: &'r Model,
    /// `envloom.lock`, completed.
    pub(crate) record: &'r Record,
    /// What stands in the file system, by environment; absent: nothing.
    pub(crate) on_disk: &'r BTreeMap<EnvironmentId, OnDisk>,
    /// What the packages of the working tree require.
    pub(crate) members: &'r Members,
    /// What to do with edits, by environment; absent: [`Disposition::Stop`].
    pub(crate) dispositions: &'r BTreeMap<EnvironmentId, Disposition>,
    /// Does this uv know `exclude-dependencies` scoped to one package?
    pub(crate) scoped_excludes: bool,
}

/// A manifest as found on disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct OnDisk {
    /// The text of `pyproject.toml`; `None` where there is none.
    pub(crate) manifest: Option<String>,
    /// The text of `uv.toml` beside it, which would switch off parts of `[tool.uv]`.
    pub(crate) uv_toml: Option<String>,
    /// The text of `.python-version` beside it.
    pub(crate) python_version: Option<String>,
}

/// What to do with entries that are not as envloom left them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Disposition {
    /// Stop and say so. The default.
    #[default]
    Stop,
    /// `--discard`: put back what `tasks.kdl` says, for entries that envloom owns.
    Discard,
    /// `--take-over`: begin to own entries that envloom did not write.
    TakeOver,
    /// Both options: whatever stands there gives way.
    DiscardAndTakeOver,
}

impl Disposition {
    /// Do edits of what envloom owns give way?
    pub(crate) fn discards(self) -> bool {
        matches!(self, Self::Discard | Self::DiscardAndTakeOver)
    }

    /// Does what envloom did not write give way?
    pub(crate) fn takes_over(self) -> bool {
        matches!(self, Self::TakeOver | Self::DiscardAndTakeOver)
    }
}

/// All manifests that envloom writes.
#[derive(Debug, Clone)]
pub(crate) struct ManifestSet {
    /// One for each environment but those that are adopted.
    pub(crate) manifests: BTreeMap<EnvironmentId, Rendered>,
}

/// One environment's manifest as it is to be.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    /// The environment.
    pub(crate) environment: EnvironmentId,
    /// The manifest's path.
    pub(crate) path: RelPath,
    /// Why it cannot be written: a hand edit, a manifest without a record, a text that cannot be served.
    /// The texts below are then those on disk.
    pub(crate) refused: Option<ManifestError>,
    /// The text before.
    pub(crate) old: Option<String>,
    /// The text after.
    pub(crate) text: String,
    /// The text of `.python-version` beside it before.
    pub(crate) old_python_version: Option<String>,
    /// What is to become of that file.
    pub(crate) python_version: PythonVersionFile,
    /// The digest of `text`.
    pub(crate) digest: Digest,
    /// What envloom will own once this is written. The manifest is to be written before `envloom.lock`: then
    /// an interrupted run leaves entries that equal what is wanted, which are no edits.
    pub(crate) owned: Owned,
    /// The owned entries whose value changes, by path.
    pub(crate) changes: Vec<Change>,
    /// Entries beside ours that tagged environments lack.
    pub(crate) foreign: Vec<Foreign>,
}

/// What is to become of a `.python-version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PythonVersionFile {
    /// Nothing: it is as it must be, or not ours.
    Leave,
    /// It is to have this text.
    Write(String),
    /// It goes: envloom wrote it, and no pin asks for it.
    Remove,
}

#[cfg(test)]
impl Rendered {
    /// Would writing change a file?
    #[must_use]
    pub(crate) fn differs(&self) -> bool {
        self.refused.is_none()
            && (self.old.as_deref() != Some(self.text.as_str())
                || self.python_version != PythonVersionFile::Leave)
    }
}

/// An entry that a manifest would get, or get otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Unlike {
    /// Its path, as shown.
    pub(crate) path: String,
    /// The keys of that path.
    pub(crate) keys: Vec<String>,
    /// What identifies the element, where it is one of an array.
    pub(crate) element: Option<String>,
    /// The value that `tasks.kdl` asks for, as shown.
    pub(crate) asked: String,
    /// The value that is there, as shown; `None`: there is none.
    pub(crate) found: Option<String>,
    /// The line of the record that leaves it as it is.
    pub(crate) left_out: (String, Digest),
}

/// One owned entry that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its path, as shown: `tool.uv.sources.bench-utils.tag`.
    pub(crate) path: String,
    /// The value before; `None`: added.
    pub(crate) old: Option<String>,
    /// The value after; `None`: removed.
    pub(crate) new: Option<String>,
}
