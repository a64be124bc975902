//! What `tasks.kdl` only points at: the directories of `projects`, and what adopted manifests say.
//!
//! `cli` finds and reads them, so that the compiled plan rests on them; this room only judges. Of a manifest that is
//! missing or no TOML nothing is known, which is no mistake of `tasks.kdl`: its own tasks say so, and all others go on.

use std::collections::{BTreeMap, BTreeSet};

use miette::SourceSpan;

use super::name::PackageName;
use super::variant::IndexLocation;
use crate::base::RelPath;

/// All that was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// The directories of `projects`, sorted, each once.
    pub(crate) projects: Vec<FoundProject>,
    /// What manifests say, by their paths: those of `projects` and those that an environment adopts.
    pub(crate) manifests: BTreeMap<RelPath, Facts>,
}

/// A directory with a manifest.
#[derive(Debug, Clone)]
pub(crate) struct FoundProject {
    /// The directory.
    pub(crate) directory: RelPath,
    /// The pattern it fits.
    pub(crate) span: SourceSpan,
}

/// What an extra has from one index: its packages have `index` and `extra` among their sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Supplied {
    /// The index' name.
    pub(crate) index: String,
    /// Where it is.
    pub(crate) location: IndexLocation,
    /// The requirements, as the extra has them.
    pub(crate) requirements: Vec<(PackageName, String)>,
}

/// What an adopted manifest says, as far as envloom goes by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// `project.name`.
    pub(crate) name: Option<PackageName>,
    /// `project.requires-python`.
    pub(crate) requires_python: Option<String>,
    /// The version in `.python-version` beside it, where that is one such as `3.12` or `3.12.1`.
    pub(crate) python: Option<String>,
    /// Its extras.
    pub(crate) extras: Vec<String>,
    /// Its dependency groups.
    pub(crate) groups: Vec<String>,
    /// `tool.uv.conflicts`: of each set the extras of this project.
    pub(crate) conflicts: Vec<Vec<String>>,
    /// What an extra supplies from an index of its own.
    pub(crate) supplies: BTreeMap<String, Supplied>,
    /// The packages that it requires, be it in an extra or a group.
    pub(crate) requires: BTreeSet<PackageName>,
    /// The directory of the workspace it is a member of, as a user sees it; its lockfile lies there. `None`: it has
    /// a lockfile of its own.
    pub(crate) workspace: Option<String>,
}
