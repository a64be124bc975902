//! Reads one release from its package's repository, and says what is wrong with it.
//!
//! In: what a pin needs. Out: the release for the record, checked against the pin: the tag or commit is there,
//! the manifest at it can be read, name and version are the pin's. Nothing a stranger wrote into it reaches
//! the record or a terminal unless it has its form.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pep440_rs::Version;

use super::at_commit::{Fault, Found, ManifestAt, Sought, Spot, read_in};
use super::complete::Need;
use super::error::LedgerFinding;
use super::record::{Release, ReleaseKey};
use super::repository::{Progress, Remotes};
use crate::base::{hidden, nearest, printable};
use crate::model::{Model, Package, PackageName, PinReference, TagForm};
use crate::tool::ToolError;
use crate::tool::git::{ObjectId, Revision};

/// Needs of one remote.
pub(super) struct Group<'a> {
    pub(super) url: &'a str,
    pub(super) needs: Vec<&'a Need>,
}

/// A release, or why it cannot be recorded.
pub(super) type Answer = Result<(ReleaseKey, Release), LedgerFinding>;

/// Reads all releases of one remote, which is cloned or fetched at most once: from submodules that have the tags, else
/// from the bare clone. Each of them is asked once.
pub(super) fn read_all(model: &Model, group: &Group<'_>, remotes: &Remotes<'_>) -> Vec<Answer> {
    let readings: Vec<Reading<'_>> =
        group.needs.iter().map(|need| Reading { model, need, url: group.url, remotes }).collect();
    let mut places: BTreeMap<Option<PathBuf>, Vec<&Reading<'_>>> = BTreeMap::new();
    for reading in &readings {
        let checkout = remotes.checkout(reading.package(), group.url);
        places.entry(checkout).or_default().push(reading);
    }
    let mut answers = Vec::new();
    let mut open = places.remove(&None).unwrap_or_default();
    for (checkout, readings) in places {
        let found = checkout.map(|checkout| read_in(remotes.git(), &checkout, &sought(&readings)));
        // What cannot be read there may be in the clone.
        let found = found.and_then(Result::ok).unwrap_or_default();
        let found = found.into_iter().chain(std::iter::repeat_with(|| None));
        for (reading, found) in readings.into_iter().zip(found) {
            match found {
                Some(found) => answers.push(reading.answer(found)),
                None => open.push(reading),
            }
        }
    }
    let Some(first) = open.first() else { return answers };
    // The others of this remote would only say the same.
    let unreachable = |error| Err(first.unreachable(error));
    let mirror = match remotes.mirror(group.url) {
        Ok(Some(mirror)) => mirror,
        Ok(None) => return answers.into_iter().chain(open.iter().map(|one| Err(one.offline()))).collect(),
        Err(error) => return answers.into_iter().chain([unreachable(error)]).collect(),
    };
    match read_in(remotes.git(), &mirror, &sought(&open)) {
        Err(error) => answers.push(unreachable(error)),
        Ok(found) => answers.extend(open.iter().zip(found).map(|(reading, found)| match found {
            Some(found) => reading.answer(found),
            None => Err(reading.absent(&mirror)),
        })),
    }
    answers
}

fn sought<'a>(readings: &[&Reading<'a>]) -> Vec<Sought<'a>> {
    readings.iter().map(|reading| reading.sought()).collect()
}

/// One release that is being read.
struct Reading<'a> {
    model: &'a Model,
    need: &'a Need,
    url: &'a str,
    remotes: &'a Remotes<'a>,
}

impl<'a> Reading<'a> {
    fn package(&self) -> &'a Package {
        self.model.package(self.need.package)
    }

    fn sought(&self) -> Sought<'a> {
        let spot = Spot { url: self.url, subdirectory: &self.package().subdirectory };
        let revision = match &self.need.reference {
            PinReference::Tag(tag) => Revision::Tag(tag),
            PinReference::Rev(commit) => {
                Revision::Commit(commit.parse().expect("the model lets no other form pass"))
            }
        };
        Sought { spot, revision }
    }

    /// The release that was found, checked against the pin.
    fn answer(&self, (commit, found): Found) -> Answer {
        let found = found.map_err(|fault| match fault {
            Fault::NoManifest { path } => self.no_manifest(&commit, path),
            Fault::Bad { path, reason } => self.bad_manifest(&path, &reason),
        })?;
        self.check(&found, &commit)?;
        let (package, reference) = (self.need.key.package.as_str(), self.need.key.reference.as_str());
        self.remotes.tell(Progress::Read { package, reference });
        Ok((self.need.key.clone(), found.release))
    }

    /// Name and version must be those of the pin.
    fn check(&self, found: &ManifestAt, commit: &ObjectId) -> Result<(), LedgerFinding> {
        let (package, reference, commit, span) = (
            self.need.key.package.to_string(),
            self.need.key.reference.clone(),
            commit.short(),
            self.need.span,
        );
        if PackageName::parse(&found.name).as_ref() != Ok(&self.need.key.package) {
            let found = printable(&found.name).into_owned();
            return Err(LedgerFinding::WrongName { package, reference, commit, found, span });
        }
        match &found.release.version {
            Some(version) if version.parse().as_ref() != Ok(&self.need.version) => {
                let (expected, found) = (self.need.version.to_string(), printable(version).into_owned());
                Err(LedgerFinding::WrongVersion { package, reference, commit, expected, found, span })
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

    fn bad_manifest(&self, path: &str, reason: &str) -> LedgerFinding {
        LedgerFinding::BadManifest {
            package: self.need.key.package.to_string(),
            reference: self.need.key.reference.clone(),
            path: path.to_owned(),
            reason: printable(&hidden(reason)).into_owned(),
            span: self.need.span,
        }
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
