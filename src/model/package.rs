//! Internal packages.

use miette::SourceSpan;

use super::name::PackageName;
use super::tag::parse_form;
use crate::base::{RelPath, Spanned};
use crate::config::Role;

/// Indexes [`Model::packages`](super::Model::packages).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackageId(pub(crate) usize);

/// One internal package.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: Spanned<PackageName>,
    /// Where it lies in the repository. `None`: it has only a remote.
    pub(crate) path: Option<Spanned<RelPath>>,
    /// Its remote, as written; free of credentials.
    pub(crate) git: Option<Spanned<String>>,
    /// Its directory within the remote's repository; the root where that is the package.
    pub(crate) subdirectory: RelPath,
    /// How it takes part.
    pub(crate) role: Role,
    /// Extras the project asks of it.
    pub(crate) extras: Vec<String>,
    /// The form of its tags.
    pub(crate) tag_form: TagForm,
    /// The node that declared it.
    pub(crate) span: SourceSpan,
}

/// How a package's tags spell a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TagForm {
    /// `0.1.2` or `v0.1.2`.
    Plain,
    /// `bench-utils-v{version}`: what stands before and after `{version}`.
    Around {
        /// Before the version.
        prefix: String,
        /// After it.
        suffix: String,
    },
}

impl TagForm {
    /// The version that `tag` names, or `None` when it is not of this form.
    #[must_use]
    pub(crate) fn version_of(&self, tag: &str) -> Option<pep440_rs::Version> {
        let text = match self {
            Self::Plain => tag.strip_prefix('v').unwrap_or(tag),
            Self::Around { prefix, suffix } => {
                tag.strip_prefix(prefix.as_str())?.strip_suffix(suffix.as_str())?
            }
        };
        // pep440_rs would also take a second `v`, blanks and epochs; a tag's version starts with a digit.
        text.starts_with(|first: char| first.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    }

    /// The form that `text` writes, as `tag=` has it; `None`: it is none.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        parse_form(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_its_version() {
        let version = |text: &str| text.parse::<pep440_rs::Version>().unwrap();
        assert_eq!(TagForm::Plain.version_of("v0.1.2.dev0"), Some(version("0.1.2.dev0")));
        assert_eq!(TagForm::Plain.version_of("0.1.2"), Some(version("0.1.2")));
        assert_eq!(TagForm::Plain.version_of("vv0.1.2"), None);
        assert_eq!(TagForm::Plain.version_of("release"), None);
        let around = TagForm::Around { prefix: "bench-utils-v".into(), suffix: String::new() };
        assert_eq!(around.version_of("bench-utils-v1.0"), Some(version("1.0")));
        assert_eq!(around.version_of("v1.0"), None);
    }
}
