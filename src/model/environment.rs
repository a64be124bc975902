//! Environments: what each manifest is to say.

use miette::SourceSpan;

use super::name::PackageName;
use super::package::PackageId;
use super::variant::Axis;
use crate::base::{RelPath, Spanned};
use crate::config::{Channel, Install};

/// Indexes [`Model::environments`](super::Model::environments).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EnvironmentId(pub(crate) usize);

/// What is common to all environments.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// The project's name in every manifest.
    pub(crate) name: Spanned<PackageName>,
    /// The node that declared it.
    pub(crate) span: SourceSpan,
}

/// One environment: one manifest and one lockfile.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// Its name: lower-case letters, digits, `-` and `_`.
    pub(crate) name: Spanned<String>,
    /// Its `pyproject.toml`.
    pub(crate) manifest: Spanned<RelPath>,
    /// How that manifest comes about.
    pub(crate) kept: Kept,
    /// The name that its manifest gives the project. `None`: a manifest that is only adopted gives none.
    pub(crate) project: Option<PackageName>,
    /// Where internal packages come from. Of an adopted one only the manifest itself knows: it counts as
    /// [`Sources::Workspace`], whose syncs may lock.
    pub(crate) sources: Sources,
    /// The project's words with the environment's added or put in their place.
    pub(crate) settings: Settings,
    /// The internal packages that take part, in the order `tasks.kdl` declares packages.
    pub(crate) packages: Vec<Participant>,
    /// The dependency groups its manifest has.
    pub(crate) groups: Vec<Group>,
    /// Keys of `[tool.uv]` to carry from the workspace environment; `None`: all that can be carried.
    pub(crate) carry: Option<Vec<Spanned<String>>>,
    /// How it is synced.
    pub(crate) sync: Sync,
    /// The axes of an adopted manifest: extras that exclude one another there. A derived one has those of its origin.
    /// Where envloom writes the manifest from `tasks.kdl` it is empty, and [`Model::axes`](super::Model::axes) hold.
    pub(crate) axes: Vec<Axis>,
    /// The node that declared it.
    pub(crate) span: SourceSpan,
}

/// How a manifest comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// envloom writes it, from `tasks.kdl`.
    Generated,
    /// It exists, and envloom never writes it.
    Adopted,
    /// envloom writes it, from the manifest of that adopted environment.
    Derived(EnvironmentId),
}

/// Where an environment's internal packages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sources {
    /// The working tree, editable.
    Workspace,
    /// Git tags of that channel; syncs are frozen.
    Tags(Channel),
}

/// The words of `project`, as one environment has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// `project.version`; `None` is written as `0.0.0`, which a manifest needs.
    pub(crate) version: Option<Spanned<String>>,
    /// `project.description`.
    pub(crate) description: Option<Spanned<String>>,
    /// `project.requires-python`.
    pub(crate) requires_python: Option<Spanned<String>>,
    /// The pin: a version such as `3.12` or `3.12.1`.
    pub(crate) python: Option<Spanned<String>>,
    /// `project.dependencies`, less the internal packages.
    pub(crate) dependencies: Vec<Requirement>,
    /// `project.optional-dependencies`, less the variants.
    pub(crate) extras: Vec<Group>,
    /// `tool.uv.environments`.
    pub(crate) platforms: Vec<Spanned<String>>,
}

/// A requirement (PEP 508) as written, with the name it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// The package.
    pub(crate) name: PackageName,
    /// The whole text as written.
    pub(crate) text: String,
    /// Where it was written.
    pub(crate) span: SourceSpan,
}

/// An extra or a dependency group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Its name.
    pub(crate) name: Spanned<String>,
    /// Its requirements; a group may name an internal package.
    pub(crate) requirements: Vec<Requirement>,
}

/// An internal package in an environment.
#[derive(Debug, Clone)]
pub(crate) struct Participant {
    /// The package.
    pub(crate) package: PackageId,
    /// Its release; `Some` exactly in tags environments.
    pub(crate) pin: Option<Pin>,
}

/// The release of a package that an environment uses.
#[derive(Debug, Clone)]
pub(crate) struct Pin {
    /// The tag or commit.
    pub(crate) reference: PinReference,
    /// The version that the tag names, or that stands beside the commit.
    pub(crate) version: pep440_rs::Version,
    /// The node, or the tag in it.
    pub(crate) span: SourceSpan,
}

/// How a pin names its commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PinReference {
    /// By a tag.
    Tag(String),
    /// By itself: 40 hexadecimal digits in lower case.
    Rev(String),
}

impl PinReference {
    /// The tag or the commit, as text.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Rev(text) => text,
        }
    }
}

/// How an environment is synced.
#[derive(Debug, Clone)]
pub(crate) struct Sync {
    /// Groups to install; `None`: those that the manifest has by default, as uv finds them.
    pub(crate) groups: Option<Vec<String>>,
    /// Extras to install besides the variants.
    pub(crate) extras: Vec<String>,
    /// What to leave out.
    pub(crate) install: Install,
    /// Internal packages editable; only a workspace environment may say yes.
    pub(crate) editable: bool,
    /// uv's `--link-mode`.
    pub(crate) link_mode: Option<String>,
}

impl Environment {
    /// Does envloom write its manifest?
    #[must_use]
    pub(crate) fn is_written(&self) -> bool {
        self.kept != Kept::Adopted
    }

    /// The directory of the manifest: where uv runs and the lockfile lies.
    #[must_use]
    pub(crate) fn directory(&self) -> RelPath {
        self.manifest.value.parent()
    }

    /// The lockfile that uv keeps there.
    #[must_use]
    pub(crate) fn lockfile(&self) -> RelPath {
        lockfile_beside(&self.manifest.value)
    }
}

/// The lockfile that uv keeps beside a manifest.
#[must_use]
pub(crate) fn lockfile_beside(manifest: &RelPath) -> RelPath {
    manifest.parent().join("uv.lock").expect("the file's name is a path")
}

/// Keys of `[tool.uv]` that `carry` may name: what decides a resolution, so that what was tested is what ships.
pub(crate) const CARRIED: &[&str] = &[
    "override-dependencies",
    "constraint-dependencies",
    "build-constraint-dependencies",
    "exclude-dependencies",
    "dependency-metadata",
    "environments",
    "index-strategy",
    "index-url",
    "extra-index-url",
    "prerelease",
    "resolution",
    "fork-strategy",
    "exclude-newer",
    "exclude-newer-package",
    "no-build-isolation",
    "no-build-isolation-package",
    "no-build",
    "no-build-package",
    "no-binary",
    "no-binary-package",
    "config-settings",
    "config-settings-package",
    "extra-build-dependencies",
    "extra-build-variables",
    "required-environments",
    "keyring-provider",
    "no-index",
    "find-links",
    "index",
];
