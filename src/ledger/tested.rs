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
    Unlike(Vec<(Candidate, Vec<String>)>),
    /// The tested commit is in no repository that can be read: it was not pushed.
    NotThere,
}

/// Finds the first of `candidates` that is the `tested` commit of a package.
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
    let Some(place) = place(package, url, tested, candidates, remotes)? else { return Ok(Match::NotThere) };
    let trees = Trees { git: remotes.git(), place: &place, below: &package.subdirectory };
    let files = trees.files(tested)?;
    let mut unlike = Vec::new();
    for candidate in candidates {
        let differs = trees.differing(&files, &trees.files(&candidate.commit)?)?;
        if differs.is_empty() {
            return Ok(Match::Found(candidate.clone()));
        }
        unlike.push((candidate.clone(), differs));
    }
    unlike.sort_by_key(|(_, differs)| differs.len());
    Ok(Match::Unlike(unlike))
}

/// A repository that has all these commits: the checkout, the bare clone, or that once it is as new as the remote.
fn place(
    package: &Package,
    url: &str,
    tested: &ObjectId,
    candidates: &[Candidate],
    remotes: &Remotes<'_>,
) -> Result<Option<PathBuf>, ToolError> {
    let git = remotes.git();
    let has_all = |place: &Path| -> Result<bool, ToolError> {
        for commit in std::iter::once(tested).chain(candidates.iter().map(|candidate| &candidate.commit)) {
            if !git.has_commit(place, commit)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    for place in [remotes.checkout(package, url), remotes.kept_mirror(url)].into_iter().flatten() {
        if has_all(&place)? {
            return Ok(Some(place));
        }
    }
    match remotes.mirror(url)? {
        Some(place) if has_all(&place)? => Ok(Some(place)),
        _ => Ok(None),
    }
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
        let mut versions = None;
        let mut differing = Vec::new();
        for path in paths {
            let (old, new) = (here.get(path), there.get(path));
            let same = |old: &TreeEntry, new: &TreeEntry| (old.mode, &old.object) == (new.mode, &new.object);
            if old.zip(new).is_some_and(|(old, new)| same(old, new)) || is_prose(path) {
                continue;
            }
            let both =
                old.zip(new).filter(|(old, new)| old.mode == new.mode && old.mode & 0o170_000 == 0o100_000);
            let alike = match both {
                None => false,
                Some((old, new)) => {
                    if versions.is_none() {
                        versions = Some((self.version(here)?, self.version(there)?));
                    }
                    let (old, new) = (self.blob(old)?, self.blob(new)?);
                    let (before, after) =
                        versions.as_ref().map_or((None, None), |(one, two)| (one.as_deref(), two.as_deref()));
                    is_alike(path, (&old, before), (&new, after))
                }
            };
            if !alike {
                differing.push(printable(&path.to_string_lossy()).into_owned());
            }
        }
        Ok(differing)
    }

    fn blob(&self, file: &TreeEntry) -> Result<Vec<u8>, ToolError> {
        self.git.blob(self.place, &file.object)
    }

    /// The version that a commit's manifest says.
    fn version(&self, files: &Files) -> Result<Option<String>, ToolError> {
        let Some(file) = files.get(Path::new("pyproject.toml")) else { return Ok(None) };
        let manifest = parsed(&self.blob(file)?);
        let version =
            manifest.as_ref().and_then(|manifest| manifest.get("project")?.get("version")?.as_str());
        Ok(version.map(str::to_owned))
    }
}

/// Prose about releases lies beside the manifest.
fn is_prose(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_uppercase();
    !name.contains('/')
        && PROSE.iter().any(|prose| name.strip_prefix(prose).is_some_and(|end| PROSE_ENDS.contains(&end)))
}

/// Do two contents of one file differ in nothing but the version? With each the version of its commit.
fn is_alike(path: &Path, (old, before): (&[u8], Option<&str>), (new, after): (&[u8], Option<&str>)) -> bool {
    match path.to_str() {
        Some("pyproject.toml") => match (parsed(old), parsed(new)) {
            (Some(mut old), Some(mut new)) => {
                for keys in VERSIONS {
                    remove(&mut old, keys);
                    remove(&mut new, keys);
                }
                old == new
            }
            _ => false,
        },
        Some("uv.lock") => match (parsed(old), parsed(new)) {
            (Some(mut old), Some(mut new)) => {
                without_own_version(&mut old, before);
                without_own_version(&mut new, after);
                old == new
            }
            _ => false,
        },
        Some(name) if Path::new(name).extension().is_some_and(|extension| extension == "py") => {
            match (std::str::from_utf8(old), std::str::from_utf8(new)) {
                (Ok(old), Ok(new)) => without_version(old, before) == without_version(new, after),
                _ => false,
            }
        }
        _ => false,
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
        is_alike(Path::new(path), (old.as_bytes(), Some("1.0.dev0")), (new.as_bytes(), Some("1.0")))
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
