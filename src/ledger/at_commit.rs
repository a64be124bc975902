//! A package's manifest at a commit, read with git: what a release is, whatever a record says of it.
//!
//! What a commit holds never changes, so that what was read is kept in `.envloom/cache/releases` and read once. The
//! package's own checkout answers where it has the commit, else the bare clone that is kept, else the commit alone is
//! fetched. Only where a remote does not give that away is it cloned, or the clone brought up to date.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::complete::{is_of, pins_of, recorded_path};
use super::metadata;
use super::record::{Record, Release, ReleaseKey};
use super::repository::Remotes;
use crate::base::{Digest, FileError, RelPath, printable, read_if_exists, side_by_side, write_cached};
use crate::model::{EnvironmentId, Model, Package};
use crate::tool::ToolError;
use crate::tool::git::{Git, ObjectId};

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
    /// The remote did not answer.
    Failed(ToolError),
}

/// What is known of the manifests of several releases.
#[derive(Debug, Default)]
pub(crate) struct ManifestsAt {
    /// By release.
    pub(crate) read: BTreeMap<ReleaseKey, AtCommit>,
    /// Why something that was read could not be kept.
    pub(crate) unkept: Option<FileError>,
}

/// Why a manifest cannot be read at a commit.
#[derive(Debug)]
pub(super) enum Fault {
    /// git cannot, at this place.
    Git(ToolError),
    /// There is no such file.
    NoManifest { path: String },
    /// It holds something else.
    Bad { path: String, reason: String },
}

impl From<ToolError> for Fault {
    fn from(error: ToolError) -> Self {
        Self::Git(error)
    }
}

/// Where a package lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'a> {
    /// The url of its repository.
    pub(super) url: &'a str,
    /// Its directory there.
    pub(super) subdirectory: &'a RelPath,
}

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
    /// Is it pinned by tag? A server may give away a commit that no branch or tag of its repository has, one of a fork:
    /// of a tag its own answer is compared, of a commit only a clone can tell.
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
        let light = Light { wanted: group, remotes: &remotes, brought: OnceCell::new() };
        let look = |wanted: &Wanted<'_>| (wanted.key.clone(), look(wanted, &light));
        group.iter().map(look).collect::<Vec<_>>()
    });
    for (key, at) in answers.into_iter().flatten() {
        if let AtCommit::Read(manifest) = &at {
            manifests.unkept = keep(state, manifest).err().or(manifests.unkept);
        }
        manifests.read.insert(key, at);
    }
    Ok(manifests)
}

/// The commits that are wanted of one remote, brought alone when the first of them is nowhere near.
struct Light<'a> {
    wanted: &'a [Wanted<'a>],
    remotes: &'a Remotes<'a>,
    brought: OnceCell<Option<TempDir>>,
}

impl Light<'_> {
    /// `None`: only a clone can tell.
    fn place(&self, url: &str) -> Option<PathBuf> {
        let brought = self.brought.get_or_init(|| {
            let tagged = self.wanted.iter().filter(|wanted| wanted.is_tag());
            let commits = tagged.filter_map(|wanted| wanted.release.commit.parse().ok());
            self.remotes.commits(url, &commits.collect::<Vec<_>>())
        });
        brought.as_ref().map(|place| place.path().to_owned())
    }
}

/// Reads one manifest wherever its commit is.
fn look(wanted: &Wanted<'_>, light: &Light<'_>) -> AtCommit {
    let remotes = light.remotes;
    let (package, url) = (wanted.package, wanted.release.git.as_str());
    let spot = Spot { url, subdirectory: &package.subdirectory };
    // A record whose commit has not its form cannot be read.
    let Ok(commit) = wanted.release.commit.parse::<ObjectId>() else { return AtCommit::Gone };
    let near = remotes.checkout(package, url).into_iter().chain(remotes.kept_mirror(url));
    let far = std::iter::once_with(|| wanted.is_tag().then(|| light.place(url))?).flatten();
    for directory in near.chain(far) {
        match read_at(remotes.git(), &directory, spot, &commit) {
            // It has not this commit, or cannot be read; another place may.
            Err(Fault::Git(_)) => {}
            read => return judged(read),
        }
    }
    if remotes.is_offline() {
        return AtCommit::NotAsked;
    }
    let mirror = match remotes.mirror(url) {
        Ok(Some(mirror)) => mirror,
        Ok(None) => return AtCommit::NotAsked,
        Err(error) => return AtCommit::Failed(error),
    };
    match read_at(remotes.git(), &mirror, spot, &commit) {
        Err(Fault::Git(_)) if matches!(remotes.git().has_commit(&mirror, &commit), Ok(false)) => {
            AtCommit::Gone
        }
        read => judged(read),
    }
}

fn judged(read: Result<ManifestAt, Fault>) -> AtCommit {
    match read {
        Ok(manifest) => AtCommit::Read(Box::new(manifest)),
        Err(Fault::Git(error)) => AtCommit::Failed(error),
        Err(Fault::NoManifest { path }) => AtCommit::Unusable(format!("there is no {}", printable(&path))),
        Err(Fault::Bad { path, reason }) => {
            AtCommit::Unusable(printable(&format!("{path}: {reason}")).into_owned())
        }
    }
}

/// The manifest of the package at `spot` in that commit, as the repository at `directory` has it.
pub(super) fn read_at(
    git: &Git,
    directory: &Path,
    spot: Spot<'_>,
    commit: &ObjectId,
) -> Result<ManifestAt, Fault> {
    let path = manifest_in(spot.subdirectory)?;
    let Some(text) = git.show(directory, commit, &path)? else { return Err(Fault::NoManifest { path }) };
    let metadata = match metadata::read(&text) {
        Ok(metadata) => metadata,
        Err(reason) => return Err(Fault::Bad { path, reason }),
    };
    let inherited = inherited_sources(git, directory, spot, commit)?;
    let required = metadata::required(&metadata.requires_dist);
    let mut sources = metadata.sources;
    sources.extend(inherited.intersection(&required).cloned());
    let release = Release {
        git: spot.url.to_owned(),
        subdirectory: recorded_path(spot.subdirectory),
        commit: commit.to_string(),
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

/// The manifest's path in a directory of the package's repository.
fn manifest_in(directory: &RelPath) -> Result<String, Fault> {
    let path = directory.join("pyproject.toml").map(|path| path.to_string());
    path.map_err(|fault| Fault::Bad { path: directory.to_string(), reason: fault.to_string() })
}

/// The sources of the uv workspace that the package is a member of in its own repository: those of the
/// nearest workspace root above it.
fn inherited_sources(
    git: &Git,
    directory: &Path,
    spot: Spot<'_>,
    commit: &ObjectId,
) -> Result<BTreeSet<String>, Fault> {
    let mut above = spot.subdirectory.clone();
    while !above.is_root() {
        above = above.parent();
        let path = manifest_in(&above)?;
        // A manifest that is a symbolic link or a directory there is no workspace root.
        let text = git.show(directory, commit, &path).ok().flatten();
        if let Some(sources) = text.as_deref().and_then(metadata::workspace_sources) {
            return Ok(sources);
        }
    }
    Ok(BTreeSet::new())
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
