//! A package's manifest at a commit, read with git: what a release is, whatever a record says of it.
//!
//! What a commit holds never changes, so that what was read is kept in `.envloom/cache/releases` and read once. The
//! package's own checkout answers where it has the commit, else the bare clone that is kept, else the commit alone is
//! fetched. Only where a remote does not give that away is it cloned, or the clone brought up to date.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::complete::{is_of, pins_of, recorded_path};
use super::metadata;
use super::record::{Record, Release, ReleaseKey};
use super::repository::Remotes;
use crate::base::{
    Digest, FileError, RelPath, hidden, printable, read_if_exists, side_by_side, write_cached,
};
use crate::model::{EnvironmentId, Model, Package};
use crate::tool::ToolError;
use crate::tool::git::{Content, FilesAt, Git, ObjectId, Question, Revision};
use serde::{Deserialize, Serialize};

/// The form of what is kept. Another one is none.
const FORMAT: u32 = 1;

/// What a package says of itself at a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestAt {
    /// Its name, as written.
    pub(crate) name: String,
    /// All that a record would hold of it.
    pub(crate) release: Release,
}

/// What is known of the manifest at a recorded commit.
#[derive(Debug)]
pub(crate) enum AtCommit {
    /// It was read.
    Read(Box<ManifestAt>),
    /// No checkout has the commit, and its remote neither.
    Gone,
    /// It is no manifest of a package; why.
    Unusable(String),
    /// No checkout and no clone has the commit, and the remote may not be asked.
    NotAsked,
    /// The remote did not answer, or its clone cannot be read.
    Failed(Arc<ToolError>),
}

/// What is known of the manifests of several releases.
#[derive(Debug, Default)]
pub(crate) struct ManifestsAt {
    /// By release.
    pub(crate) read: BTreeMap<ReleaseKey, AtCommit>,
    /// Why something that was read could not be kept.
    pub(crate) unkept: Option<FileError>,
}

/// Why what a commit has is no manifest.
#[derive(Debug)]
pub(super) enum Fault {
    /// There is no such file.
    NoManifest { path: String },
    /// It holds something else.
    Bad { path: String, reason: String },
}

/// Where a package lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'a> {
    /// The url of its repository.
    pub(super) url: &'a str,
    /// Its directory there.
    pub(super) subdirectory: &'a RelPath,
}

/// A manifest that is looked for in a repository.
#[derive(Debug, Clone)]
pub(super) struct Sought<'a> {
    /// Where.
    pub(super) spot: Spot<'a>,
    /// When.
    pub(super) revision: Revision<'a>,
}

impl<'a> Sought<'a> {
    /// The package's manifest, and those of the directories above it, from below.
    fn question(&self) -> Question<'a> {
        let mut directory = self.spot.subdirectory.clone();
        let mut paths = Vec::new();
        while !directory.is_root() {
            paths.push(format!("{directory}/pyproject.toml"));
            directory = directory.parent();
        }
        paths.push("pyproject.toml".to_owned());
        Question { revision: self.revision.clone(), paths }
    }
}

/// A commit, and the manifest that it has.
pub(super) type Found = (ObjectId, Result<ManifestAt, Fault>);

/// What is kept of a manifest.
#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    manifest: ManifestAt,
}

/// One manifest that is wanted.
struct Wanted<'a> {
    key: ReleaseKey,
    package: &'a Package,
    release: &'a Release,
}

impl Wanted<'_> {
    /// Is it pinned by tag, not by commit?
    fn is_tag(&self) -> bool {
        self.key.reference.parse::<ObjectId>().is_err()
    }
}

/// How commits are reached that were not read before.
pub(crate) struct Reach<'a> {
    /// The absolute root of the repository.
    pub(crate) root: &'a Path,
    /// May no remote be asked?
    pub(crate) offline: bool,
    /// Finds git, where something has to be read.
    pub(crate) git: &'a dyn Fn() -> Result<Git, ToolError>,
}

/// The manifests of the recorded releases that an environment pins.
///
/// # Errors
/// When something has to be read and there is no git. What keeps one manifest from being read is in its [`AtCommit`].
pub(crate) fn manifests_at(
    model: &Model,
    environment: EnvironmentId,
    record: &Record,
    reach: &Reach<'_>,
) -> Result<ManifestsAt, ToolError> {
    let state = &reach.root.join(".envloom");
    let mut manifests = ManifestsAt::default();
    let mut groups: BTreeMap<&str, Vec<Wanted<'_>>> = BTreeMap::new();
    for (key, package, pin) in pins_of(model, environment) {
        let Some(release) = record.releases.get(&key).filter(|release| is_of(package, pin, release)) else {
            continue;
        };
        match kept(state, release) {
            Some(manifest) => {
                manifests.read.insert(key, AtCommit::Read(Box::new(manifest)));
            }
            None => {
                groups.entry(release.git.as_str()).or_default().push(Wanted { key, package, release });
            }
        }
    }
    if groups.is_empty() {
        return Ok(manifests);
    }
    let git = (reach.git)()?;
    let remotes = Remotes::new(&git, reach.root, reach.offline, &|_| {});
    // A remote's clone is fetched by one thread.
    let groups: Vec<_> = groups.into_values().collect();
    let answers = side_by_side(&groups, |group| {
        let keys = group.iter().map(|wanted| wanted.key.clone());
        keys.zip(Search::new(group, &remotes).carry_out()).collect::<Vec<_>>()
    });
    for (key, at) in answers.into_iter().flatten() {
        if let AtCommit::Read(manifest) = &at {
            manifests.unkept = keep(state, manifest).err().or(manifests.unkept);
        }
        manifests.read.insert(key, at);
    }
    Ok(manifests)
}

/// The manifests that are wanted of one remote, looked for where it costs least first. Each place is asked once, for
/// all that was not found before.
struct Search<'a> {
    wanted: &'a [Wanted<'a>],
    /// Of each its commit; `None`: the record's has not its form.
    commits: Vec<Option<ObjectId>>,
    answers: Vec<Option<AtCommit>>,
    remotes: &'a Remotes<'a>,
}

impl<'a> Search<'a> {
    fn new(wanted: &'a [Wanted<'a>], remotes: &'a Remotes<'a>) -> Self {
        let commits = wanted.iter().map(|wanted| wanted.release.commit.parse().ok()).collect();
        Self { wanted, commits, answers: wanted.iter().map(|_| None).collect(), remotes }
    }

    /// The answers, in the order of what is wanted.
    fn carry_out(mut self) -> Vec<AtCommit> {
        self.near();
        self.alone();
        let rest = self.whole();
        self.answers.into_iter().map(|answer| answer.unwrap_or_else(&rest)).collect()
    }

    /// In checkouts, and in the clone that is kept.
    fn near(&mut self) {
        let mut places: BTreeMap<PathBuf, Vec<usize>> = BTreeMap::new();
        for at in self.open() {
            if let Some(checkout) = self.remotes.checkout(self.wanted[at].package, self.url()) {
                places.entry(checkout).or_default().push(at);
            }
        }
        for (place, which) in places {
            self.try_in(&place, &which);
        }
        if let Some(mirror) = self.remotes.kept_mirror(self.url()) {
            self.try_in(&mirror, &self.open());
        }
    }

    /// In what the remote gives away of these commits alone. Not those that are pinned by commit: a server may give
    /// away one that no branch or tag of its repository has, one of a fork. Of a tag its own answer is compared.
    fn alone(&mut self) {
        let mut which = self.open();
        which.retain(|at| self.wanted[*at].is_tag());
        let commits: Vec<ObjectId> = which.iter().filter_map(|at| self.commits[*at].clone()).collect();
        let brought = if commits.is_empty() { None } else { self.remotes.commits(self.url(), &commits) };
        if let Some(place) = brought {
            self.try_in(place.path(), &which);
        }
    }

    /// In a clone that is as new as the remote. What is to be said of those that it has not either.
    fn whole(&mut self) -> impl Fn() -> AtCommit + use<'a> {
        let asked = if self.open().is_empty() {
            Ok(true)
        } else {
            self.remotes.mirror(self.url()).and_then(|mirror| {
                mirror
                    .as_ref()
                    .map(|mirror| self.read(mirror, &self.open()))
                    .transpose()
                    .map(|read| read.is_some())
            })
        };
        let asked = asked.map_err(Arc::new);
        move || match &asked {
            Ok(true) => AtCommit::Gone,
            Ok(false) => AtCommit::NotAsked,
            Err(error) => AtCommit::Failed(Arc::clone(error)),
        }
    }

    fn url(&self) -> &'a str {
        self.wanted.first().map_or("", |wanted| wanted.release.git.as_str())
    }

    /// What has a commit and no answer.
    fn open(&self) -> Vec<usize> {
        let is_open = |at: &usize| self.answers[*at].is_none() && self.commits[*at].is_some();
        (0..self.wanted.len()).filter(is_open).collect()
    }

    /// A place that cannot be read keeps no other from answering.
    fn try_in(&mut self, place: &Path, which: &[usize]) {
        drop(self.read(place, which));
    }

    fn read(&mut self, place: &Path, which: &[usize]) -> Result<(), ToolError> {
        let sought = |at: &usize| {
            let spot = Spot { url: self.url(), subdirectory: &self.wanted[*at].package.subdirectory };
            self.commits[*at].clone().map(|commit| Sought { spot, revision: Revision::Commit(commit) })
        };
        let sought: Vec<Sought<'_>> = which.iter().filter_map(sought).collect();
        let found = read_in(self.remotes.git(), place, &sought)?;
        for (at, found) in which.iter().zip(found) {
            self.answers[*at] = found.map(|(_, manifest)| judged(manifest));
        }
        Ok(())
    }
}

fn judged(read: Result<ManifestAt, Fault>) -> AtCommit {
    match read {
        Ok(manifest) => AtCommit::Read(Box::new(manifest)),
        Err(Fault::NoManifest { path }) => AtCommit::Unusable(format!("there is no {}", printable(&path))),
        Err(Fault::Bad { path, reason }) => {
            AtCommit::Unusable(printable(&hidden(&format!("{path}: {reason}"))).into_owned())
        }
    }
}

/// The manifests that the repository at `directory` has; `None` for a commit that it has not.
pub(super) fn read_in(
    git: &Git,
    directory: &Path,
    sought: &[Sought<'_>],
) -> Result<Vec<Option<Found>>, ToolError> {
    let questions: Vec<Question<'_>> = sought.iter().map(Sought::question).collect();
    let answers = git.files_at(directory, &questions)?;
    let read = |((one, question), answer): ((&Sought<'_>, &Question<'_>), Option<FilesAt>)| {
        let answer = answer?;
        let manifest = manifest(one.spot, &question.paths, &answer);
        Some((answer.commit, manifest))
    };
    Ok(sought.iter().zip(&questions).zip(answers).map(read).collect())
}

/// What the manifests at `paths` say of the package.
fn manifest(spot: Spot<'_>, paths: &[String], at: &FilesAt) -> Result<ManifestAt, Fault> {
    let path = paths.first().cloned().unwrap_or_default();
    let text = match at.files.first() {
        Some(Content::File(text)) => text,
        Some(Content::Other) => return Err(Fault::Bad { path, reason: "it is no ordinary file".to_owned() }),
        Some(Content::TooLong) => {
            return Err(Fault::Bad { path, reason: "it is longer than 1 MiB".to_owned() });
        }
        Some(Content::Absent) | None => return Err(Fault::NoManifest { path }),
    };
    let metadata = match metadata::read(text) {
        Ok(metadata) => metadata,
        Err(reason) => return Err(Fault::Bad { path, reason }),
    };
    // The sources of the uv workspace that the package is a member of in its own repository: those of the nearest
    // workspace root above it. A manifest that is a symbolic link or a directory there is no workspace root.
    let above = at.files.iter().skip(1).filter_map(|content| match content {
        Content::File(text) => metadata::workspace_sources(text),
        Content::Other | Content::TooLong | Content::Absent => None,
    });
    let inherited = above.into_iter().next().unwrap_or_default();
    let required = metadata::required(&metadata.requires_dist);
    let mut sources = metadata.sources;
    sources.extend(inherited.intersection(&required).cloned());
    let release = Release {
        git: spot.url.to_owned(),
        subdirectory: recorded_path(spot.subdirectory),
        commit: at.commit.to_string(),
        version: metadata.version,
        requires_python: metadata.requires_python,
        requires_dist: metadata.requires_dist,
        provides_extra: metadata.provides_extra,
        sources: sources.into_iter().collect(),
        dynamic: metadata.dynamic,
    };
    match release.faults().first() {
        None => Ok(ManifestAt { name: metadata.name, release }),
        Some((field, reason)) => Err(Fault::Bad { path, reason: format!("`{field}`: {reason}") }),
    }
}

fn place(state: &Path, release: &Release) -> PathBuf {
    let name = Digest::of(format!("{}\0{}\0{}", release.git, release.subdirectory, release.commit));
    state.join("cache/releases").join(format!("{name}.json"))
}

/// What was read of the manifest of a release's remote, directory and commit. What cannot be read is read anew.
fn kept(state: &Path, release: &Release) -> Option<ManifestAt> {
    let bytes = read_if_exists(&place(state, release)).ok()??;
    let kept: Kept = serde_json::from_slice(&bytes).ok()?;
    let found = &kept.manifest.release;
    let is_same = found.git == release.git
        && found.subdirectory == release.subdirectory
        && found.commit == release.commit;
    (kept.format == FORMAT && is_same && found.faults().is_empty()).then_some(kept.manifest)
}

fn keep(state: &Path, manifest: &ManifestAt) -> Result<(), FileError> {
    let place = place(state, &manifest.release);
    let bytes = serde_json::to_vec(&Kept { format: FORMAT, manifest: manifest.clone() })
        .map_err(|cause| FileError::new("write", &place, std::io::Error::other(cause)))?;
    write_cached(&place, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::complete::complete;
    use crate::ledger::testing::{PROD, Place, model};

    const MANIFEST: &str =
        "[project]\nname = \"Bench_Utils\"\nversion = \"0.1.2\"\ndependencies = [\"tqdm\"]\n";

    fn one_package() -> Model {
        let mut model = model();
        model.packages.truncate(1);
        model.environments.iter_mut().for_each(|environment| environment.packages.truncate(1));
        model
    }

    fn looked(place: &Place, record: &Record, offline: bool) -> AtCommit {
        let reach = Reach { root: place.root(), offline, git: &|| Ok(place.git()) };
        let manifests = manifests_at(&one_package(), PROD, record, &reach).unwrap();
        assert!(manifests.unkept.is_none());
        manifests.read.into_values().next().unwrap()
    }

    #[test]
    fn a_manifest_is_read_once_and_then_known_without_git() {
        let place = Place::new();
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", MANIFEST)]);
        let git = place.git();
        let remotes = Remotes::new(&git, place.root(), false, &|_| {});
        let record = complete(&one_package(), Record::default(), &remotes).unwrap();
        place.remove(".envloom/git");
        assert!(matches!(looked(&place, &record, true), AtCommit::NotAsked));
        let AtCommit::Read(manifest) = looked(&place, &record, false) else { panic!("it is there") };
        assert_eq!(manifest.name, "Bench_Utils");
        assert_eq!(Some(&manifest.release), record.releases.values().next());
        place.remove(".envloom/git");
        place.remove("remotes/bench-utils.git");
        assert!(matches!(looked(&place, &record, true), AtCommit::Read(_)));
        place.remove(".envloom/cache");
        assert!(matches!(looked(&place, &record, false), AtCommit::Failed(_)));
    }

    #[test]
    fn a_commit_that_is_nowhere_is_gone() {
        let place = Place::new();
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", MANIFEST)]);
        let git = place.git();
        let remotes = Remotes::new(&git, place.root(), false, &|_| {});
        let mut record = complete(&one_package(), Record::default(), &remotes).unwrap();
        record.releases.values_mut().for_each(|release| release.commit = "0".repeat(40));
        assert!(matches!(looked(&place, &record, false), AtCommit::Gone));
    }

    #[test]
    fn what_is_no_manifest_says_why() {
        let place = Place::new();
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", MANIFEST)]);
        let git = place.git();
        let remotes = Remotes::new(&git, place.root(), false, &|_| {});
        let mut record = complete(&one_package(), Record::default(), &remotes).unwrap();
        for (text, part) in [("[tool]", "no [project] table"), ("", "no [project] table")] {
            let commit = place.release("bench-utils", "v0.1.3", &[("pyproject.toml", text)]);
            record.releases.values_mut().for_each(|release| release.commit.clone_from(&commit));
            let AtCommit::Unusable(reason) = looked(&place, &record, false) else { panic!("{text}") };
            assert!(reason.contains(part), "{reason}");
        }
    }
}
