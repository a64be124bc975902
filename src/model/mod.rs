//! Layer 2: [`Config`](crate::config::Config), and what was [`Found`] in the repository -> [`Model`].
//!
//! Holding a [`Model`] proves that names are unique and well formed (PEP 503), references resolve,
//! versions (PEP 440), requirements (PEP 508) and tags parse, every path stays in the repository and
//! every environment has the pins it needs. Whether a sync has its variant only the target knows: that
//! is `graph`.
//!
//! The room is pure: it reads no file and starts nothing.

mod adopted_error;
mod cell;
mod codes;
mod environment;
mod error;
mod found;
mod marker;
mod matrix;
mod name;
mod package;
mod pin_error;
mod report;
mod resolve;
mod tag;
mod task;
mod task_error;
mod template;
#[cfg(test)]
mod tests;
mod url;
mod variant;
mod verb;

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use cell::{Cell, OwnCell};
pub(crate) use codes::CODES;
#[cfg(test)]
pub(crate) use environment::Settings;
#[cfg(test)]
pub(crate) use environment::Sync;
pub(crate) use environment::{
    CARRIED, Environment, EnvironmentId, Group, Kept, Participant, Pin, PinReference, Project, Requirement,
    Sources, lockfile_beside,
};

pub(crate) use found::{Facts, Found, FoundProject, Supplied};
pub(crate) use marker::{even, marker_fault};
pub(crate) use matrix::Point;
pub(crate) use name::{PackageName, normal};
pub(crate) use package::{Package, PackageId, TagForm};

pub(crate) use resolve::requirement::is_requirement;
pub(crate) use resolve::{resolve, resolve_local};
pub(crate) use task::{Job, OwnTask, ServiceJob};
#[cfg(test)]
pub(crate) use variant::Platform;
pub(crate) use variant::{Axis, Index, IndexLocation, Variant};
pub(crate) use verb::VERBS;

use crate::base::{SourceFile, Spanned};

/// The whole meaning of `tasks.kdl`.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    /// The text that every span of this model points into.
    pub(crate) source: SourceFile,
    /// Which uv the file asks for.
    pub(crate) uv: Option<UvRequest>,
    /// What is common to all environments. `None`: a file of tasks only.
    pub(crate) project: Option<Project>,
    /// Internal packages, in the order written. [`PackageId`] indexes it.
    pub(crate) packages: Vec<Package>,
    /// Indexes declared by `index`; those of variants are in [`Variant::index`].
    pub(crate) indexes: Vec<Index>,
    /// Axes of variants that `tasks.kdl` declares, in the order written; see [`Model::axes_of`].
    pub(crate) axes: Vec<Axis>,
    /// Environments, in the order written. [`EnvironmentId`] indexes it.
    pub(crate) environments: Vec<Environment>,
    /// The maintainer's own tasks, those of `tasks.local.kdl` not among them.
    pub(crate) tasks: Vec<OwnTask>,
    /// How much there is of the pools that tasks take from: amounts, bytes for `memory`.
    pub(crate) pools: BTreeMap<String, u64>,
    /// How long what remotes said of their tags is believed; `None`: not said.
    pub(crate) max_age: Option<Duration>,
    /// Targets of a call that names none, unparsed.
    pub(crate) default: Vec<Spanned<String>>,
    /// The environment of `sync`, `run` and `use` where nothing else says.
    pub(crate) default_environment: Option<EnvironmentId>,
}

/// The meaning of `tasks.local.kdl`, checked against the [`Model`].
#[derive(Debug, Clone)]
pub(crate) struct LocalModel {
    /// The text that every span of this model points into.
    pub(crate) source: SourceFile,
    /// Replaces [`Model::default`] unless empty.
    pub(crate) default: Vec<Spanned<String>>,
    /// Replaces [`Model::default_environment`].
    pub(crate) default_environment: Option<EnvironmentId>,
    /// The preferred choices by the axes' places in [`Model::axes`]. An axis without a preference is absent.
    pub(crate) prefer: BTreeMap<usize, Preference>,
    /// The width of a run without `-j`.
    pub(crate) jobs: Option<u32>,
    /// Variables for own tasks and `run`.
    pub(crate) env: Vec<(String, String)>,
    /// Private tasks.
    pub(crate) tasks: Vec<OwnTask>,
    /// How much this machine has of the pools; replaces [`Model::pools`] pool by pool.
    pub(crate) pools: BTreeMap<String, u64>,
    /// Replaces [`Model::max_age`].
    pub(crate) max_age: Option<Duration>,
    /// An absolute directory for cells' venvs, or one relative to the repository's root.
    pub(crate) venvs: Option<String>,
    /// The store of outputs.
    pub(crate) cache: CacheSettings,
}

/// Where outputs of tasks are kept, and how much of them; what is absent has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CacheSettings {
    /// An absolute directory, or one relative to the repository's root.
    pub(crate) directory: Option<String>,
    /// Bytes at most.
    pub(crate) limit: Option<u64>,
    /// How long what nobody uses is kept.
    pub(crate) age: Option<Duration>,
}

/// What `prefer` says of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preference {
    /// What suits the NVIDIA driver.
    Auto,
    /// A variant; `None` is the empty choice `none`.
    One(Option<usize>),
}

/// The uv that `tasks.kdl` asks for.
#[derive(Debug, Clone)]
pub(crate) struct UvRequest {
    /// As written; becomes `tool.uv.required-version`.
    pub(crate) text: Spanned<String>,
    /// What it means.
    pub(crate) wanted: WantedUv,
    /// SHA-256 of the wheel to provision, 64 hexadecimal digits in lower case.
    pub sha256: Option<String>,
}

/// One version or a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WantedUv {
    /// Exactly this; provisioned when missing.
    Exact(pep440_rs::Version),
    /// Any of these.
    Range(pep440_rs::VersionSpecifiers),
}

impl Model {
    /// The environment of that id.
    #[must_use]
    pub(crate) fn environment(&self, id: EnvironmentId) -> &Environment {
        &self.environments[id.0]
    }

    /// The axes that a sync of the environment chooses on; [`Cell::choices`] has one choice for each.
    #[must_use]
    pub(crate) fn axes_of(&self, id: EnvironmentId) -> &[Axis] {
        let environment = self.environment(id);
        if environment.kept == Kept::Generated { &self.axes } else { &environment.axes }
    }

    /// The names of all axes that cells may have: those of `tasks.kdl`, then those of adopted manifests.
    pub(crate) fn axis_names(&self) -> impl Iterator<Item = &str> {
        let adopted = self.environments.iter().flat_map(|environment| &environment.axes);
        self.axes.iter().chain(adopted).map(|axis| axis.name.value.as_str())
    }

    /// The internal package of that id.
    #[must_use]
    pub(crate) fn package(&self, id: PackageId) -> &Package {
        &self.packages[id.0]
    }

    /// All environments with their ids.
    pub(crate) fn environments(&self) -> impl Iterator<Item = (EnvironmentId, &Environment)> {
        self.environments.iter().enumerate().map(|(at, environment)| (EnvironmentId(at), environment))
    }

    /// The environment whose manifest is the uv workspace: the one that tagged environments carry their
    /// resolution settings from. The first one declared where there are several.
    #[must_use]
    pub(crate) fn workspace_environment(&self) -> Option<(EnvironmentId, &Environment)> {
        self.environments().find(|(_, environment)| {
            environment.kept == Kept::Generated && environment.sources == Sources::Workspace
        })
    }
}
