//! Axes of variants, and the indexes they and the project use.

use miette::SourceSpan;

use super::environment::Requirement;
use crate::base::{RelPath, Spanned};
use crate::config::AxisChoice;

/// A package index.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    /// The name uv knows it by.
    pub(crate) name: Spanned<String>,
    /// Where it is.
    pub(crate) location: IndexLocation,
    /// Used only for packages that name it.
    pub(crate) explicit: bool,
    /// Replaces the public index.
    pub(crate) default: bool,
    /// The node, or the property, that declared it.
    pub(crate) span: SourceSpan,
}

/// Where an index is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IndexLocation {
    /// A URL, free of credentials.
    Url(String),
    /// A directory in the repository; each manifest names it relative to itself.
    Path(RelPath),
}

/// An axis of variants: one venv holds at most one of them.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// Its name, `cuda`.
    pub(crate) name: Spanned<String>,
    /// Exactly one, or at most one.
    pub(crate) choose: AxisChoice,
    /// What every variant provides, from its own index.
    pub(crate) requirements: Vec<Requirement>,
    /// The variants, in the order written.
    pub(crate) variants: Vec<Variant>,
    /// The node that declared it.
    pub(crate) span: SourceSpan,
}

/// One variant of an axis; becomes a uv extra of the same name.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    /// Its name, `cu124`: unique among variants and extras.
    pub(crate) name: Spanned<String>,
    /// Its own index, named like the variant. `None`: the default index.
    pub(crate) index: Option<Index>,
    /// The NVIDIA drivers it runs on.
    pub(crate) driver: Option<Spanned<pep440_rs::VersionSpecifiers>>,
    /// The platforms it exists for; empty: all.
    pub(crate) platforms: Vec<Platform>,
    /// Further requirements from its own index.
    pub(crate) requirements: Vec<Requirement>,
    /// Further requirements from wherever the project's come from (`from-index=#false`).
    pub(crate) foreign_requirements: Vec<Requirement>,
    /// The node that declared it.
    pub(crate) span: SourceSpan,
}

/// An operating system that a variant exists for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Platform {
    /// `sys_platform == 'linux'`
    Linux,
    /// `sys_platform == 'darwin'`
    Macos,
    /// `sys_platform == 'win32'`
    Windows,
}

impl Platform {
    /// The word in `tasks.kdl`.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Macos => "macos",
            Self::Windows => "windows",
        }
    }

    /// Python's `sys.platform` there, for markers.
    #[must_use]
    pub(crate) fn sys_platform(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Macos => "darwin",
            Self::Windows => "win32",
        }
    }

    /// The one this program was built for. `None` elsewhere.
    #[must_use]
    pub(crate) fn current() -> Option<Self> {
        match std::env::consts::OS {
            "linux" => Some(Self::Linux),
            "macos" => Some(Self::Macos),
            "windows" => Some(Self::Windows),
            _ => None,
        }
    }
}

impl Variant {
    /// Does it exist for the platform this program runs on?
    #[must_use]
    pub(crate) fn is_possible_here(&self) -> bool {
        self.platforms.is_empty() || Platform::current().is_some_and(|here| self.platforms.contains(&here))
    }
}

impl Axis {
    /// Does any variant say which NVIDIA drivers it runs on? Only then `auto` means something.
    #[must_use]
    pub(crate) fn knows_drivers(&self) -> bool {
        self.variants.iter().any(|variant| variant.driver.is_some())
    }

    /// All requirements that variants supply from their own indexes, the common ones first.
    pub(crate) fn supplied(&self) -> impl Iterator<Item = &Requirement> {
        self.requirements.iter().chain(self.variants.iter().flat_map(|variant| &variant.requirements))
    }
}
