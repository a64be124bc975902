//! Why a task runs, as data. `explain`, `-v` and the JSON events render the same value.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::duration_text;

/// Why a task is run although the cache was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum RunReason {
    /// It has never succeeded here, or its record is gone.
    NoRecord,
    /// Its fingerprint differs from that of its last success.
    Changed {
        /// What differs, by key path.
        changes: Vec<FieldChange>,
    },
    /// Its manifest is not what `tasks.kdl` says.
    ManifestDiffers {
        /// What differs, by key path.
        changes: Vec<FieldChange>,
    },
    /// Something it made is gone.
    OutputMissing {
        /// The path, relative to the root of the repository.
        path: String,
    },
    /// Something it made was changed since.
    OutputChanged {
        /// The path, relative to the root of the repository.
        path: String,
    },
    /// `-W` says that an input was changed.
    WhatIf {
        /// The path, relative to the root of the repository.
        path: String,
    },
    /// Something it made is not what is committed (`check` under `--locked` only).
    NotCommitted {
        /// The path, relative to the root of the repository.
        path: String,
    },
    /// It was not run here last with these inputs, but once before, or in another worktree.
    MadeBefore,
    /// A sync of this venv was cut off.
    VenvInterrupted,
    /// Something else changed the venv since it was synced.
    VenvChanged {
        /// What was found, in a few words.
        found: String,
    },
    /// Its result depends on something that cannot be fingerprinted.
    NotCacheable {
        /// What, in a few words.
        because: String,
    },
    /// It was cut off the last time.
    Interrupted,
    /// `lock --upgrade` or `--upgrade-package` asks the indexes again.
    Upgrade,
    /// It was given words after `--`.
    Arguments {
        /// The words after `--`, joined by spaces.
        words: String,
    },
    /// What remotes said of the pinned tags is too old.
    TagsOld {
        /// How old; `None`: one was never asked.
        seconds: Option<u64>,
    },
    /// A task before it would run, and what it reads is not there yet (`-n` only).
    AfterOthers,
    /// `-B` was given.
    Forced,
    /// Tasks of this kind always run.
    Always,
}

/// One field of a fingerprint that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct FieldChange {
    /// The field: `prod/pyproject.toml: tool.uv.sources.bench-utils.tag`.
    pub(crate) key: String,
    /// Before; `None`: it was not there.
    pub(crate) old: Option<String>,
    /// After; `None`: it is gone.
    pub(crate) new: Option<String>,
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{}: {old} -> {new}", self.key),
            (None, Some(new)) => write!(f, "{}: added {new}", self.key),
            (Some(old), None) => write!(f, "{}: removed {old}", self.key),
            (None, None) => write!(f, "{}: unchanged", self.key),
        }
    }
}

impl RunReason {
    /// The fields that differ, where that is the reason.
    #[must_use]
    pub(crate) fn changes(&self) -> &[FieldChange] {
        match self {
            Self::Changed { changes } | Self::ManifestDiffers { changes } => changes,
            _ => &[],
        }
    }
}

/// One line; of several changes the first, and how many more.
impl fmt::Display for RunReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord => f.write_str("no record of it here"),
            Self::Changed { changes } | Self::ManifestDiffers { changes } => match changes.as_slice() {
                [] => f.write_str("changed"),
                [only] => only.fmt(f),
                [first, rest @ ..] => write!(f, "{first} (and {} more)", rest.len()),
            },
            Self::OutputMissing { path } => write!(f, "{path} is missing"),
            Self::OutputChanged { path } => write!(f, "{path} was changed since"),
            Self::WhatIf { path } => write!(f, "-W: as if {path} had changed"),
            Self::NotCommitted { path } => write!(f, "{path} is not what is committed"),
            Self::MadeBefore => f.write_str("made before with the same inputs"),
            Self::VenvInterrupted => f.write_str("its last sync was cut off, the venv is rebuilt"),
            Self::VenvChanged { found } => write!(f, "the venv was changed by something else: {found}"),
            Self::NotCacheable { because } => write!(f, "never cached: {because}"),
            Self::Interrupted => f.write_str("it was cut off the last time"),
            Self::Upgrade => f.write_str("an upgrade was asked for"),
            Self::Arguments { words } => write!(f, "it was given words: {words}"),
            Self::AfterOthers => f.write_str("what it reads is made by a task before it"),
            Self::TagsOld { seconds: Some(seconds) } => {
                write!(f, "its tags were asked {} ago", duration_text(Duration::from_secs(*seconds)))
            }
            Self::TagsOld { seconds: None } => f.write_str("its tags were never asked"),
            Self::Forced => f.write_str("forced by -B"),
            Self::Always => f.write_str("runs every time"),
        }
    }
}
