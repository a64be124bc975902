//! What `tasks.kdl` and `tasks.local.kdl` say, word by word, each value with its place.
//!
//! These types mirror the text. Nothing is looked up, defaulted or normalised here, except where the
//! language itself has a default for a word that is absent (`role`, `choose`, `sources`).
//!
//! A [`Config`] can be stored, since reading it again costs a fraction of parsing. Its text is not stored with it: the
//! reader has it, and knows by it which stored one it wants. Whoever changes these types changes [`FORM`].

use miette::SourceSpan;
use serde::{Deserialize, Serialize};

use super::task_document::TaskNode;
use crate::base::{SourceFile, Spanned};

/// The form in which a [`Config`] is stored.
pub(crate) const FORM: u32 = 1;

/// The whole of `tasks.kdl`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Config {
    /// The text that every span points into.
    #[serde(skip)]
    pub(crate) source: SourceFile,
    /// `envloom ">=0.1"`: the versions of envloom this file is written for.
    pub(crate) envloom: Option<Spanned<String>>,
    /// `uv "0.13.9"`.
    pub(crate) uv: Option<UvNode>,
    /// `project "name" { … }`. Absent where a file only declares tasks.
    pub(crate) project: Option<ProjectNode>,
    /// Internal packages, in the order written.
    pub(crate) packages: Vec<PackageNode>,
    /// Package indexes beside those of variants.
    pub(crate) indexes: Vec<IndexNode>,
    /// Axes of variants.
    pub(crate) variants: Vec<VariantsNode>,
    /// Environments, in the order written.
    pub(crate) environments: Vec<EnvironmentNode>,
    /// Directories whose manifests are adopted.
    pub(crate) projects: Vec<ProjectsNode>,
    /// The maintainer's own tasks.
    pub(crate) tasks: Vec<TaskNode>,
    /// How much there is of the pools.
    pub(crate) resources: Vec<(Spanned<String>, Spanned<String>)>,
    /// `remotes max-age="1h"`: how long what remotes said is believed.
    pub(crate) max_age: Option<Spanned<String>>,
    /// `default "check" …`: the targets of a call that names none.
    pub(crate) default: Vec<Spanned<String>>,
    /// `default-environment "dev"`.
    pub(crate) default_environment: Option<Spanned<String>>,
}

/// The whole of `tasks.local.kdl`: only what reaches no committed file.
#[derive(Debug, Clone)]
pub(crate) struct LocalConfig {
    /// The text that every span points into.
    pub(crate) source: SourceFile,
    /// Replaces `default` of `tasks.kdl`.
    pub(crate) default: Vec<Spanned<String>>,
    /// Replaces `default-environment` of `tasks.kdl`.
    pub(crate) default_environment: Option<Spanned<String>>,
    /// `prefer "cuda" "cu124"`: the variant to take where a target names none.
    pub(crate) prefer: Vec<PreferNode>,
    /// `jobs 4`: the width of a run without `-j`.
    pub(crate) jobs: Option<Spanned<u32>>,
    /// `env "NAME" "value"`: set for own tasks and `run`.
    pub(crate) env: Vec<(Spanned<String>, Spanned<String>)>,
    /// Private tasks.
    pub(crate) tasks: Vec<TaskNode>,
    /// How much this machine has of the pools.
    pub(crate) resources: Vec<(Spanned<String>, Spanned<String>)>,
    /// Replaces `remotes` of `tasks.kdl`.
    pub(crate) max_age: Option<Spanned<String>>,
    /// `venvs "/scratch/venvs"`: where cells' venvs are made instead of `.envloom/venvs`.
    pub(crate) venvs: Option<Spanned<String>>,
    /// `cache directory="/scratch/cache" limit="10GiB" age="30d"`: the store of outputs.
    pub(crate) cache: Option<CacheNode>,
}

/// `cache directory="…" limit="…" age="…"`.
#[derive(Debug, Clone)]
pub(crate) struct CacheNode {
    /// Where, instead of the user's cache.
    pub(crate) directory: Option<Spanned<String>>,
    /// Bytes.
    pub(crate) limit: Option<Spanned<String>>,
    /// A length of time.
    pub(crate) age: Option<Spanned<String>>,
}

/// `prefer AXIS VARIANT`.
#[derive(Debug, Clone)]
pub(crate) struct PreferNode {
    /// The axis.
    pub(crate) axis: Spanned<String>,
    /// The variant of it.
    pub(crate) variant: Spanned<String>,
}

/// `uv "0.13.9" sha256="…"` or `uv ">=0.13,<0.14"`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UvNode {
    /// An exact version or a range.
    pub(crate) version: Spanned<String>,
    /// The SHA-256 of the wheel to provision, where one machine's platform is meant.
    pub sha256: Option<Spanned<String>>,
}

/// `project "name" { … }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ProjectNode {
    /// The name of the project in every manifest.
    pub(crate) name: Spanned<String>,
    /// The node's words.
    pub(crate) settings: SettingsNode,
    /// The whole node.
    pub(crate) span: SourceSpan,
}

/// What may stand in `project` and, adding to it or replacing it, in an `environment`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SettingsNode {
    /// `version "0.0.3"`.
    pub(crate) version: Option<Spanned<String>>,
    /// `description "…"`.
    pub(crate) description: Option<Spanned<String>>,
    /// `requires-python ">=3.10"`.
    pub(crate) requires_python: Option<Spanned<String>>,
    /// `python "3.12"`: the pin.
    pub(crate) python: Option<Spanned<String>>,
    /// `dependencies "a>=1" "b"`; may be written several times.
    pub(crate) dependencies: Vec<Requirements>,
    /// `extra "name" "a>=1"`.
    pub(crate) extras: Vec<GroupNode>,
    /// `group "name" "a>=1"`.
    pub(crate) groups: Vec<GroupNode>,
    /// `platforms "sys_platform == 'linux'"`.
    pub(crate) platforms: Option<Requirements>,
}

/// A list of requirements, or of markers, with its place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Requirements {
    /// The texts.
    pub(crate) items: Vec<Spanned<String>>,
    /// `only=#true`: in an environment, replaces the project's list instead of adding to it.
    pub(crate) only: bool,
}

/// A named list: an extra or a dependency group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GroupNode {
    /// The name.
    pub(crate) name: Spanned<String>,
    /// The requirements.
    pub(crate) requirements: Requirements,
}

/// How an internal package takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Role {
    /// A dependency of the project in every environment it belongs to. The default.
    Dependency,
    /// A workspace member only.
    Member,
    /// A path source, no member.
    Path,
}

/// `package "bench-utils" path="…" git="…" …`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PackageNode {
    /// Its name on the index.
    pub(crate) name: Spanned<String>,
    /// Where it lies in the repository.
    pub(crate) path: Option<Spanned<String>>,
    /// Its remote.
    pub(crate) git: Option<Spanned<String>>,
    /// Its directory within the remote's repository, where that is not the root.
    pub(crate) subdirectory: Option<Spanned<String>>,
    /// How it takes part.
    pub(crate) role: Role,
    /// The environments it belongs to, comma- or space-separated; absent: all.
    pub(crate) environments: Option<Spanned<String>>,
    /// Extras the project asks of it, comma- or space-separated.
    pub(crate) extras: Option<Spanned<String>>,
    /// The form of its tags, `bench-utils-v{version}`; absent: with or without `v`.
    pub(crate) tag: Option<Spanned<String>>,
    /// The whole node.
    pub(crate) span: SourceSpan,
}

/// `index "corp" url="…" explicit=#true`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IndexNode {
    /// The name uv knows it by.
    pub(crate) name: Spanned<String>,
    /// A URL, or a path in the repository.
    pub(crate) url: Spanned<String>,
    /// Used only for packages that name it.
    pub(crate) explicit: bool,
    /// Replaces the public index.
    pub(crate) default: bool,
    /// The whole node.
    pub(crate) span: SourceSpan,
}

/// How many variants of an axis a venv holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AxisChoice {
    /// One; a sync without a choice is refused. The default.
    ExactlyOne,
    /// One or none; the empty choice is called `none`.
    AtMostOne,
    /// One, or `none` where that is said: a sync without a choice is refused. Of extras that exclude one another in
    /// an adopted manifest nobody says whether one is needed.
    OneOrNone,
}

impl AxisChoice {
    /// Is there an empty choice?
    #[must_use]
    pub(crate) fn allows_none(self) -> bool {
        self != Self::ExactlyOne
    }
}

/// `variants "cuda" choose="exactly-one" { … }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VariantsNode {
    /// The axis' name.
    pub(crate) name: Spanned<String>,
    /// How many are chosen.
    pub(crate) choose: AxisChoice,
    /// What each variant provides, from its own index.
    pub(crate) dependencies: Vec<Requirements>,
    /// The variants, in the order written.
    pub(crate) variants: Vec<VariantNode>,
    /// The whole node.
    pub(crate) span: SourceSpan,
}

/// `variant "cu124" index="…" driver=">=550.54" on="linux windows" { dependencies … }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VariantNode {
    /// The name; becomes a uv extra.
    pub(crate) name: Spanned<String>,
    /// A URL or a path in the repository; absent: the default index.
    pub(crate) index: Option<Spanned<String>>,
    /// What uv calls that index; absent: as the variant.
    pub(crate) index_name: Option<Spanned<String>>,
    /// The NVIDIA drivers it runs on, a version range.
    pub(crate) driver: Option<Spanned<String>>,
    /// The platforms it exists for, of `linux`, `macos`, `windows`, separated by spaces; absent: all.
    pub(crate) on: Option<Spanned<String>>,
    /// Further requirements of this variant, with whether they come from its index.
    pub(crate) dependencies: Vec<(Requirements, bool)>,
    /// The whole node.
    pub(crate) span: SourceSpan,
}

/// Which tags an environment accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Channel {
    /// Stable and development releases.
    Dev,
    /// Stable releases only.
    Stable,
}

impl Channel {
    /// May an environment of this channel pin that version?
    pub(crate) fn accepts(self, version: &pep440_rs::Version) -> bool {
        self == Self::Dev || version.is_stable()
    }
}

/// Where an environment's internal packages come from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum SourcesNode {
    /// `sources "workspace"`: the working tree, editable. The default.
    Workspace,
    /// `sources "tags" channel="stable"`: git tags; syncs are frozen.
    Tags {
        /// What is accepted.
        channel: Channel,
        /// The word `tags`.
        span: SourceSpan,
    },
}

/// `pin "bench-utils" "v0.1.2"` or `pin "bench-utils" rev="<40 hex>" version="0.1.2"`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PinNode {
    /// The package.
    pub(crate) package: Spanned<String>,
    /// The tag.
    pub(crate) tag: Option<Spanned<String>>,
    /// The commit.
    pub(crate) rev: Option<Spanned<String>>,
    /// The version at that commit.
    pub(crate) version: Option<Spanned<String>>,
    /// The whole node.
    pub(crate) span: SourceSpan,
}

/// What a sync installs of the project itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Install {
    /// Everything locked. The default.
    All,
    /// Only what no internal package provides: a container's lower layer.
    ThirdParty,
}

/// `sync { groups …; extras …; install "all"; editable #false; link-mode "copy" }`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SyncNode {
    /// Groups to install, replacing the environment's.
    pub(crate) groups: Option<Vec<Spanned<String>>>,
    /// Extras to install, besides the variants.
    pub(crate) extras: Vec<Spanned<String>>,
    /// What to leave out.
    pub(crate) install: Option<Spanned<Install>>,
    /// Internal packages editable or built.
    pub(crate) editable: Option<Spanned<bool>>,
    /// uv's link mode.
    pub(crate) link_mode: Option<Spanned<String>>,
}

/// `projects "libs/*" except="libs/sdk-js"`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ProjectsNode {
    /// Patterns of directories; never empty.
    pub(crate) patterns: Vec<Spanned<String>>,
    /// Patterns of directories that are left out, comma- or space-separated.
    pub(crate) except: Option<Spanned<String>>,
}

/// Whose an environment's manifest is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum KeptNode {
    /// envloom's. The default.
    Generated,
    /// `adopt`: nobody's but its authors'.
    Adopted,
    /// `from "app"`: envloom's, made from the manifest of an adopted environment.
    From(Spanned<String>),
}

/// `environment "prod" { … }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EnvironmentNode {
    /// Its name.
    pub(crate) name: Spanned<String>,
    /// Its manifest; absent is an error of the next room, which knows what to suggest.
    pub(crate) manifest: Option<Spanned<String>>,
    /// Whose that is.
    pub(crate) kept: KeptNode,
    /// What its manifest calls the project; absent: what `project` says.
    pub(crate) project: Option<Spanned<String>>,
    /// Where internal packages come from.
    pub(crate) sources: SourcesNode,
    /// The groups its manifest has and a sync installs.
    pub(crate) groups: Vec<Spanned<String>>,
    /// The internal packages that take part; absent: all that allow it.
    pub(crate) packages: Option<Vec<Spanned<String>>>,
    /// The releases of a tags environment.
    pub(crate) pins: Vec<PinNode>,
    /// Resolution settings carried from the workspace environment; absent: all.
    pub(crate) carry: Option<Vec<Spanned<String>>>,
    /// How it is synced.
    pub(crate) sync: SyncNode,
    /// Adds to the project's words or replaces them.
    pub(crate) settings: SettingsNode,
    /// The whole node.
    pub(crate) span: SourceSpan,
}
