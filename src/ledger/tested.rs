//! Which tag of a package is the commit that was tested.
//!
//! A release is rarely the very commit that was tested: the version is raised, the changelog written. So trees are
//! compared, of the directory that is the package, and a tag is the tested commit's if nothing differs but what this table
//! lets differ. Each row is something that no import and no build reads, or that says the version and nothing else.
//!
//! | may differ | why |
//! | --- | --- |
//! | in `pyproject.toml`: `project.version`, and the version that release tools note there | it is what a release changes; all else is compared as TOML, so that layout and comments may differ too |
//! | `CHANGELOG`, `CHANGES`, `HISTORY`, `NEWS` beside it, as `.md`, `.rst`, `.txt` and the like | prose about the release |
//! | in `uv.lock` beside it: the version of the package itself | uv writes it there; who installs the package does not read the rest |
//! | a line `__version__ = "V"`, where V is that commit's own version | the usual place of a version in code; any other text on the line, or another version, is a difference |
//!
//! A tag of the very commit that was tested comes before all others, the one that the tested environment pins before the
//! rest of these: for it nothing has to be shown, and what reads its own version at run time finds the tested one. Only
//! where there is none do trees count, and then the newest tag.
//!
//! Refused: trusting a tag because its version is the tested one's without `.dev0` (that is what has to be shown), and
//! comparing diffs by size.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pep440_rs::Version;
use toml::{Table, Value};

use super::repository::Remotes;
use crate::base::{RelPath, printable};
use crate::model::Package;
use crate::tool::ToolError;
use crate::tool::git::{Git, ObjectId, TreeEntry};

/// Where release tools note the version in `pyproject.toml`.
const VERSIONS: [&[&str]; 3] = [
    &["project", "version"],
    &["tool", "commitizen", "version"],
    &["tool", "bumpversion", "current_version"],
];

/// The names of files about releases, less their ends.
const PROSE: [&str; 4] = ["CHANGELOG", "CHANGES", "HISTORY", "NEWS"];

/// How they end. A module `news.py` is code, and anything may be data.
const PROSE_ENDS: [&str; 6] = ["", ".MD", ".MARKDOWN", ".RST", ".TXT", ".ADOC"];

/// A longer file is not read: one that differs at all is another.
const LONGEST_COMPARED: u64 = 8 << 20;

/// How many files are read from one process, twice over: what it prints is kept whole.
const READ_AT_ONCE: usize = 32;

/// How many bytes of files are.
const BYTES_AT_ONCE: u64 = 32 << 20;

/// A tag that may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The tag.
    pub(crate) tag: String,
    /// The version it stands for.
    pub(crate) version: Version,
    /// Its commit.
    pub(crate) commit: ObjectId,
}

/// What came of comparing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// The first candidate that is the tested commit.
    Found(Candidate),
    /// None is; those that differ least, and in what, the nearest first.
    Unlike(Vec<(Candidate, Unlike)>),
    /// The tested commit is in no repository that can be read.
    NotThere,
}

/// Why a candidate is not the tested commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unlike {
    /// These files differ.
    Files(Vec<String>),
    /// No repository that can be read has it as a commit: the tag is one of a file or a tree, or the clone is old and
    /// nobody may be asked.
    NoCommit,
}

/// Finds the first of `candidates` that is the `tested` commit of a package. A tag of that very commit comes before one
/// of the same tree: nothing needs to be shown for it.
///
/// # Errors
/// When a repository cannot be read.
pub(crate) fn matching(
    package: &Package,
    url: &str,
    tested: &ObjectId,
    candidates: &[Candidate],
    remotes: &Remotes<'_>,
) -> Result<Match, ToolError> {
    if let Some(same) = candidates.iter().find(|candidate| candidate.commit == *tested) {
        return Ok(Match::Found(same.clone()));
    }
    let Some(found) = place(package, url, tested, candidates, remotes)? else { return Ok(Match::NotThere) };
    let trees = Trees { git: remotes.git(), place: &found.place, below: &package.subdirectory };
    let files = trees.files(tested)?;
    let mut unlike = Vec::new();
    for (candidate, is_commit) in candidates.iter().zip(found.are_commits) {
        if !is_commit {
            unlike.push((candidate.clone(), Unlike::NoCommit));
            continue;
        }
        let differs = trees.differing(&files, &trees.files(&candidate.commit)?)?;
        if differs.is_empty() {
            return Ok(Match::Found(candidate.clone()));
        }
        unlike.push((candidate.clone(), Unlike::Files(differs)));
    }
    unlike.sort_by_key(|(_, unlike)| match unlike {
        Unlike::Files(files) => files.len(),
        Unlike::NoCommit => usize::MAX,
    });
    Ok(Match::Unlike(unlike))
}

/// A repository that has the tested commit.
struct Place {
    place: PathBuf,
    /// Of each candidate: does it have that, too?
    are_commits: Vec<bool>,
}

/// The checkout or the bare clone if it has all these commits; else the clone once it is as new as the remote, which has
/// whatever there is.
fn place(
    package: &Package,
    url: &str,
    tested: &ObjectId,
    candidates: &[Candidate],
    remotes: &Remotes<'_>,
) -> Result<Option<Place>, ToolError> {
    let all: Vec<&ObjectId> =
        std::iter::once(tested).chain(candidates.iter().map(|candidate| &candidate.commit)).collect();
    let look = |place: PathBuf| -> Result<Option<Place>, ToolError> {
        let mut known = remotes.git().has_commits(&place, &all)?.into_iter();
        Ok((known.next() == Some(true)).then(|| Place { place, are_commits: known.collect() }))
    };
    for place in [remotes.checkout(package, url), remotes.kept_mirror(url)].into_iter().flatten() {
        if let Some(found) = look(place)?.filter(|found| found.are_commits.iter().all(|known| *known)) {
            return Ok(Some(found));
        }
    }
    remotes.mirror(url)?.map_or(Ok(None), look)
}

/// The files of commits in one repository.
struct Trees<'t> {
    git: &'t Git,
    place: &'t Path,
    below: &'t RelPath,
}

type Files = BTreeMap<PathBuf, TreeEntry>;

impl Trees<'_> {
    /// The package's files, relative to its directory.
    fn files(&self, commit: &ObjectId) -> Result<Files, ToolError> {
        let below = if self.below.is_root() { "" } else { self.below.as_str() };
        let files = self.git.files_of(self.place, commit, self.below)?.into_iter();
        let within = |file: TreeEntry| Some((file.path.strip_prefix(below).ok()?.to_owned(), file));
        Ok(files.filter_map(within).collect())
    }

    /// The files that differ, and may not.
    fn differing(&self, here: &Files, there: &Files) -> Result<Vec<String>, ToolError> {
        let paths: BTreeSet<&PathBuf> = here.keys().chain(there.keys()).collect();
        let (mut differing, mut unread) = (BTreeSet::new(), Vec::new());
        for path in paths {
            let (old, new) = (here.get(path), there.get(path));
            let same = |old: &TreeEntry, new: &TreeEntry| (old.mode, &old.object) == (new.mode, &new.object);
            if old.zip(new).is_some_and(|(old, new)| same(old, new)) || is_prose(path) {
                continue;
            }
            let is_file = |file: &TreeEntry| file.mode & 0o170_000 == 0o100_000 && is_short(file);
            let both = old.zip(new).filter(|(old, new)| old.mode == new.mode && is_file(old) && is_file(new));
            match both.zip(Kind::of(path)) {
                Some(((old, new), kind)) => unread.push(Changed { path, kind, old, new }),
                None => drop(differing.insert(path)),
            }
        }
        if !unread.is_empty() {
            let versions = self.versions([here, there])?;
            for some in at_once(&unread) {
                differing.extend(self.unlike(some, [versions[0].as_deref(), versions[1].as_deref()])?);
            }
        }
        Ok(differing.into_iter().map(|path| printable(&path.to_string_lossy()).into_owned()).collect())
    }

    /// Those of the files that differ in more than the version, read by one process.
    fn unlike<'c>(
        &self,
        files: &[Changed<'c>],
        versions: [Option<&str>; 2],
    ) -> Result<Vec<&'c PathBuf>, ToolError> {
        let ids: Vec<&ObjectId> =
            files.iter().flat_map(|file| [&file.old.object, &file.new.object]).collect();
        let contents = self.git.blobs(self.place, &ids)?;
        let pairs = files.iter().zip(contents.chunks_exact(2));
        let unlike = pairs
            .filter(|(file, both)| !is_alike(file.kind, (&both[0], versions[0]), (&both[1], versions[1])));
        Ok(unlike.map(|(file, _)| file.path).collect())
    }

    /// The versions that commits' manifests say.
    fn versions(&self, commits: [&Files; 2]) -> Result<[Option<String>; 2], ToolError> {
        let manifests =
            commits.map(|files| files.get(Path::new("pyproject.toml")).filter(|file| is_short(file)));
        let ids: Vec<&ObjectId> = manifests.iter().flatten().map(|file| &file.object).collect();
        let mut contents = self.git.blobs(self.place, &ids)?.into_iter();
        Ok(manifests.map(|file| {
            let manifest = file.and_then(|_| parsed(&contents.next()?))?;
            Some(manifest.get("project")?.get("version")?.as_str()?.to_owned())
        }))
    }
}

/// A file that two commits have, and not alike.
struct Changed<'c> {
    path: &'c PathBuf,
    kind: Kind,
    old: &'c TreeEntry,
    new: &'c TreeEntry,
}

fn is_short(file: &TreeEntry) -> bool {
    file.size.is_none_or(|size| size <= LONGEST_COMPARED)
}

/// The files in pieces that one process may print.
fn at_once<'a, 'c>(files: &'a [Changed<'c>]) -> Vec<&'a [Changed<'c>]> {
    let size = |file: &Changed<'_>| file.old.size.unwrap_or_default() + file.new.size.unwrap_or_default();
    let (mut pieces, mut rest) = (Vec::new(), files);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |file: &&Changed<'_>| {
            bytes += size(file);
            bytes <= BYTES_AT_ONCE
        };
        let count = rest.iter().take(READ_AT_ONCE).take_while(fits).count().max(1);
        let (piece, others) = rest.split_at(count);
        pieces.push(piece);
        rest = others;
    }
    pieces
}

/// A file that may say the version.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Manifest,
    Lockfile,
    Module,
}

impl Kind {
    fn of(path: &Path) -> Option<Self> {
        match path.to_str()? {
            "pyproject.toml" => Some(Self::Manifest),
            "uv.lock" => Some(Self::Lockfile),
            name => (Path::new(name).extension()? == "py").then_some(Self::Module),
        }
    }
}

/// Prose about releases lies beside the manifest.
fn is_prose(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_uppercase();
    !name.contains('/')
        && PROSE.iter().any(|prose| name.strip_prefix(prose).is_some_and(|end| PROSE_ENDS.contains(&end)))
}

/// Do two contents of one file differ in nothing but the version? With each the version of its commit.
fn is_alike(kind: Kind, (old, before): (&[u8], Option<&str>), (new, after): (&[u8], Option<&str>)) -> bool {
    match kind {
        Kind::Manifest => match (parsed(old), parsed(new)) {
            (Some(mut old), Some(mut new)) => {
                for keys in VERSIONS {
                    remove(&mut old, keys);
                    remove(&mut new, keys);
                }
                old == new
            }
            _ => false,
        },
        Kind::Lockfile => match (parsed(old), parsed(new)) {
            (Some(mut old), Some(mut new)) => {
                without_own_version(&mut old, before);
                without_own_version(&mut new, after);
                old == new
            }
            _ => false,
        },
        Kind::Module => match (std::str::from_utf8(old), std::str::from_utf8(new)) {
            (Ok(old), Ok(new)) => without_version(old, before) == without_version(new, after),
            _ => false,
        },
    }
}

fn parsed(text: &[u8]) -> Option<Table> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn remove(table: &mut Table, keys: &[&str]) {
    let Some((last, way)) = keys.split_last() else { return };
    let mut table = Some(table);
    for key in way {
        table = table.and_then(|table| table.get_mut(*key)).and_then(Value::as_table_mut);
    }
    if let Some(table) = table {
        table.remove(*last);
    }
}

/// Takes the version from the packages that are directories of the lockfile's own repository and have that version.
fn without_own_version(lockfile: &mut Table, version: Option<&str>) {
    let packages = lockfile.get_mut("package").and_then(Value::as_array_mut);
    for package in packages.into_iter().flatten().filter_map(Value::as_table_mut) {
        let source = package.get("source").and_then(Value::as_table);
        let is_own =
            source.is_some_and(|source| source.contains_key("editable") || source.contains_key("virtual"));
        if is_own && package.get("version").and_then(Value::as_str) == version {
            package.remove("version");
        }
    }
}

/// The lines of a module, the one that says this version made the same in every release.
fn without_version<'t>(text: &'t str, version: Option<&str>) -> Vec<&'t str> {
    let says_it = |line: &str| {
        let value = line.strip_prefix("__version__").map(str::trim_start);
        let value = value.and_then(|value| value.strip_prefix('=')).map(str::trim);
        let quoted = |quote: char| value.and_then(|value| value.strip_prefix(quote)?.strip_suffix(quote));
        version.is_some() && (quoted('"') == version || quoted('\'') == version)
    };
    text.lines().map(|line| if says_it(line) { "__version__" } else { line }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(path: &str, old: &str, new: &str) -> bool {
        let kind = Kind::of(Path::new(path));
        let (old, new) = ((old.as_bytes(), Some("1.0.dev0")), (new.as_bytes(), Some("1.0")));
        kind.is_some_and(|kind| is_alike(kind, old, new))
    }

    #[test]
    fn versions_may_differ_and_nothing_else() {
        let manifest = "[project]\nname = \"a\"\nversion = \"1.0.dev0\" # next\ndependencies = [\"b>=1\"]\n";
        let released = manifest.replace("1.0.dev0\" # next", "1.0\"");
        assert!(alike("pyproject.toml", manifest, &released));
        assert!(!alike("pyproject.toml", manifest, &released.replace("b>=1", "b>=2")));
        assert!(!alike("pyproject.toml", manifest, "[project"));
        assert!(!alike("sub/pyproject.toml", manifest, &released));
        for (old, new, same) in [
            ("__version__ = \"1.0.dev0\"\n", "__version__ = \"1.0\"\n", true),
            ("# c\n__version__='1.0.dev0'\nx = 1\n", "# c\n__version__ = \"1.0\"\nx = 1\n", true),
            ("__version__ = \"1.0.dev0\"\n", "__version__ = \"2.0\"\n", false),
            ("__version__ = \"1.0.dev0\"\n", "__version__ = \"1.0\"; evil()\n", false),
            ("__version__ = \"1.0.dev0\"\nx = 1\n", "__version__ = \"1.0\"\nx = 2\n", false),
            ("__version__ = \"1.0.dev0\"\n", "", false),
        ] {
            assert_eq!(alike("src/a/__init__.py", old, new), same, "{new}");
        }
        assert!(!alike("version.txt", "1.0.dev0", "1.0"));
        let lockfile =
            "version = 1\n[[package]]\nname = \"a\"\nversion = \"1.0.dev0\"\nsource = { editable = \".\" }\n";
        assert!(alike("uv.lock", lockfile, &lockfile.replace("1.0.dev0", "1.0")));
        assert!(!alike("uv.lock", lockfile, &lockfile.replace("1.0.dev0", "3.0")));
    }

    #[test]
    fn prose_about_releases_lies_at_the_top() {
        for (name, prose) in [
            ("CHANGELOG.md", true),
            ("changes.rst", true),
            ("NEWS", true),
            ("docs/CHANGELOG.md", false),
            ("news_reader.py", false),
            ("news.py", false),
            ("history.so", false),
            ("CHANGES.toml", false),
            ("README.md", false),
        ] {
            assert_eq!(is_prose(Path::new(name)), prose, "{name}");
        }
    }
}
