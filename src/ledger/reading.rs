//! Reads one release from its package's repository, and says what is wrong with it.
//!
//! In: what a pin needs. Out: the release for the record, checked against the pin: the tag or commit is there,
//! the manifest at it can be read, name and version are the pin's. Nothing a stranger wrote into it reaches
//! the record or a terminal unless it has its form.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pep440_rs::Version;

use super::at_commit::{Fault, ManifestAt, Spot, read_at};
use super::complete::Need;
use super::error::LedgerFinding;
use super::record::{Release, ReleaseKey};
use super::repository::{Progress, Remotes};
use crate::base::{nearest, printable};
use crate::model::{Model, Package, PackageName, PinReference, TagForm};
use crate::tool::ToolError;
use crate::tool::git::ObjectId;

/// Needs of one remote.
pub(super) struct Group<'a> {
    pub(super) url: &'a str,
    pub(super) needs: Vec<&'a Need>,
}

/// A release, or why it cannot be recorded.
pub(super) type Answer = Result<(ReleaseKey, Release), LedgerFinding>;

/// Reads all releases of one remote, which is cloned or fetched at most once.
pub(super) fn read_all(model: &Model, group: &Group<'_>, remotes: &Remotes<'_>) -> Vec<Answer> {
    let mirror = OnceCell::new();
    let mut answers = Vec::new();
    for need in &group.needs {
        let reading = Reading { model, need, url: group.url, remotes };
        let answer = reading.release(&mirror);
        let is_unreachable = matches!(answer, Err(LedgerFinding::Unreachable { .. }));
        answers.push(answer.map(|release| (need.key.clone(), release)));
        if is_unreachable {
            // The others of this remote would only say the same.
            break;
        }
    }
    answers
}

/// One release that is being read.
struct Reading<'a> {
    model: &'a Model,
    need: &'a Need,
    url: &'a str,
    remotes: &'a Remotes<'a>,
}

/// What went wrong at one place: git, which another place may not suffer from, or the release itself.
enum Trouble {
    Git(ToolError),
    Release(LedgerFinding),
}

impl From<ToolError> for Trouble {
    fn from(error: ToolError) -> Self {
        Self::Git(error)
    }
}

impl Reading<'_> {
    /// From the submodule if it has the tag, else from the bare clone.
    fn release(&self, mirror: &OnceCell<Option<PathBuf>>) -> Result<Release, LedgerFinding> {
        if let Some(checkout) = self.remotes.checkout(self.package(), self.url) {
            match self.read_in(&checkout) {
                Ok(Some(release)) => return Ok(release),
                Err(Trouble::Release(finding)) => return Err(finding),
                Ok(None) | Err(Trouble::Git(_)) => {}
            }
        }
        if mirror.get().is_none() {
            let _ = mirror.set(self.remotes.mirror(self.url).map_err(|error| self.unreachable(error))?);
        }
        let Some(mirror) = mirror.get().and_then(Option::as_ref) else {
            return Err(self.offline());
        };
        match self.read_in(mirror) {
            Ok(Some(release)) => Ok(release),
            Ok(None) => Err(self.absent(mirror)),
            Err(Trouble::Release(finding)) => Err(finding),
            Err(Trouble::Git(error)) => Err(self.unreachable(error)),
        }
    }

    fn package(&self) -> &Package {
        self.model.package(self.need.package)
    }

    /// The release as the repository at `directory` has it; `None` where it has no such tag or commit.
    fn read_in(&self, directory: &Path) -> Result<Option<Release>, Trouble> {
        let git = self.remotes.git();
        let commit = match &self.need.reference {
            PinReference::Tag(tag) => git.resolve_tag(directory, tag)?,
            PinReference::Rev(rev) => match rev.parse::<ObjectId>() {
                Ok(commit) if git.has_commit(directory, &commit)? => Some(commit),
                _ => None,
            },
        };
        let Some(commit) = commit else { return Ok(None) };
        let release = self.release_at(directory, &commit)?;
        let (package, reference) = (self.need.key.package.as_str(), self.need.key.reference.as_str());
        self.remotes.tell(Progress::Read { package, reference });
        Ok(Some(release))
    }

    /// The release at a commit, checked against the pin.
    fn release_at(&self, directory: &Path, commit: &ObjectId) -> Result<Release, Trouble> {
        let spot = Spot { url: self.url, subdirectory: &self.package().subdirectory };
        let found = read_at(self.remotes.git(), directory, spot, commit).map_err(|fault| match fault {
            Fault::Git(error) => Trouble::Git(error),
            Fault::NoManifest { path } => Trouble::Release(self.no_manifest(commit, path)),
            Fault::Bad { path, reason } => self.bad_manifest(&path, &reason),
        })?;
        self.check(&found, commit)?;
        Ok(found.release)
    }

    /// Name and version must be those of the pin.
    fn check(&self, found: &ManifestAt, commit: &ObjectId) -> Result<(), Trouble> {
        let (package, reference, commit, span) = (
            self.need.key.package.to_string(),
            self.need.key.reference.clone(),
            commit.short(),
            self.need.span,
        );
        if PackageName::parse(&found.name).as_ref() != Ok(&self.need.key.package) {
            let found = printable(&found.name).into_owned();
            return Err(Trouble::Release(LedgerFinding::WrongName {
                package,
                reference,
                commit,
                found,
                span,
            }));
        }
        match &found.release.version {
            Some(version) if version.parse().as_ref() != Ok(&self.need.version) => {
                let (expected, found) = (self.need.version.to_string(), printable(version).into_owned());
                let finding =
                    LedgerFinding::WrongVersion { package, reference, commit, expected, found, span };
                Err(Trouble::Release(finding))
            }
            _ => Ok(()),
        }
    }
}

/// What is said about a release that cannot be recorded.
impl Reading<'_> {
    fn no_manifest(&self, commit: &ObjectId, path: String) -> LedgerFinding {
        LedgerFinding::NoManifest {
            package: self.need.key.package.to_string(),
            reference: self.need.key.reference.clone(),
            commit: commit.short(),
            path,
            span: self.need.span,
        }
    }

    fn bad_manifest(&self, path: &str, reason: &str) -> Trouble {
        Trouble::Release(LedgerFinding::BadManifest {
            package: self.need.key.package.to_string(),
            reference: self.need.key.reference.clone(),
            path: path.to_owned(),
            reason: printable(reason).into_owned(),
            span: self.need.span,
        })
    }

    fn unreachable(&self, error: ToolError) -> LedgerFinding {
        LedgerFinding::Unreachable {
            package: self.need.key.package.to_string(),
            reference: self.need.key.reference.clone(),
            git: self.url.to_owned(),
            cause: Box::new(error),
            span: self.need.span,
        }
    }

    fn offline(&self) -> LedgerFinding {
        LedgerFinding::Offline {
            package: self.need.key.package.to_string(),
            reference: self.need.key.reference.clone(),
            git: self.url.to_owned(),
            environment: self.model.environment(self.need.environment).name.value.clone(),
            span: self.need.span,
        }
    }

    /// The repository has no such tag or commit. An old clone says nothing about the remote.
    fn absent(&self, mirror: &Path) -> LedgerFinding {
        if self.remotes.is_offline() {
            return self.offline();
        }
        let (package, git, span) = (self.need.key.package.to_string(), self.url.to_owned(), self.need.span);
        match &self.need.reference {
            PinReference::Rev(rev) => {
                LedgerFinding::MissingCommit { package, commit: rev.clone(), git, span }
            }
            PinReference::Tag(tag) => {
                let tags = match self.remotes.git().local_tags(mirror) {
                    Ok(tags) => tags.into_keys().collect(),
                    Err(error) => return self.unreachable(error),
                };
                let near = near(tag, &self.need.version, &self.package().tag_form, &tags);
                LedgerFinding::MissingTag { package, tag: tag.clone(), git, near, span }
            }
        }
    }
}

/// What to pin instead of a tag that is not there, in words: the releases before and after it, and the like-named.
pub(super) fn near(tag: &str, wanted: &Version, form: &TagForm, tags: &BTreeSet<String>) -> String {
    let mut versions: Vec<(Version, &str)> =
        tags.iter().filter_map(|tag| Some((form.version_of(tag)?, tag.as_str()))).collect();
    versions.sort();
    let at = versions.partition_point(|(version, _)| version < wanted);
    let neighbours = at.checked_sub(1).into_iter().chain([at]).filter_map(|at| versions.get(at));
    let mut found: Vec<&str> = neighbours.map(|(_, tag)| *tag).collect();
    found.extend(nearest(tag, tags.iter().map(String::as_str)).filter(|name| !found.contains(name)));
    if found.is_empty() {
        return "it has no tag of that form: push the tag, or pin a commit with `rev=` and `version=`"
            .to_owned();
    }
    let named: Vec<String> = found.iter().map(|tag| format!("`{}`", printable(tag))).collect();
    format!("push the tag, or pin one of the nearest: {}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_tags_are_neighbours_by_version_or_alike_by_name() {
        let near = |tag: &str, names: &[&str]| {
            let tags = names.iter().map(|name| (*name).to_owned()).collect();
            near(tag, &TagForm::Plain.version_of(tag).unwrap(), &TagForm::Plain, &tags)
        };
        assert!(near("v0.1.2", &["v0.1.1", "v0.1.10", "v0.1.3", "x"]).ends_with("`v0.1.1`, `v0.1.3`"));
        assert!(near("v0.1.2.dev0", &["v0.1.2.dev1"]).ends_with("`v0.1.2.dev1`"));
        assert!(near("v1.0", &["v0.9", "release-1.0", "v10"]).ends_with("`v0.9`, `v10`"));
        assert!(near("v1", &["x"]).contains("no tag of that form"));
    }
}
