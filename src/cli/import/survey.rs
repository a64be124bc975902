//! The files of a repository -> what `import` goes by.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::load::Stop;
use super::super::surroundings::Process;
use crate::base::{Patterns, RelPath, read_if_exists};
use crate::cache::{Observer, Walk};
use crate::import::{Manifest, Survey, Unreadable, just_recipes, locked_versions, make_targets};
use crate::plan::{Roots, is_unmanaged, table};
use crate::tool::git::Git;

/// Directories of installed packages, wherever they lie.
const INSTALLED: [&str; 2] = ["site-packages", "dist-packages"];

/// git, where the directory is of a repository of its.
///
/// # Errors
/// When git cannot say.
pub(super) fn git(root: &Path, process: &Process) -> Result<Option<Git>, Stop> {
    let Ok(git) = Git::find(&process.surroundings, root) else { return Ok(None) };
    Ok(git.toplevel(root)?.map(|_| git))
}

/// Looks through the repository: manifests that git tracks or does not ignore.
///
/// # Errors
/// When a directory or a file cannot be read, or git cannot say what it tracks.
pub(super) fn survey(root: &Path, git: Option<&Git>) -> Result<Survey, Stop> {
    let observer = Observer::new();
    let mut survey = Survey::default();
    let mut roots = Roots::new(&observer);
    for path in manifests(root, git, &observer)? {
        let Some(bytes) = observer.read(&path.under(root))? else { continue };
        match read(root, &path, &bytes, &mut roots)? {
            Ok(manifest) => drop(survey.manifests.insert(path, manifest)),
            Err(why) => drop(survey.left.insert(path, why)),
        }
    }
    let submodules = git.map(|git| git.submodules(root)).transpose()?;
    for submodule in submodules.into_iter().flatten() {
        if let (Some(path), Some(url)) = (submodule.path.to_str(), submodule.url) {
            survey.submodules.insert(path.to_owned(), url);
        }
    }
    survey.hints = hints(root)?;
    Ok(survey)
}

/// How many manifests of the git repository lie outside of `root`, and where it begins; `None`: it begins here.
///
/// # Errors
/// When git cannot say what it tracks.
pub(super) fn outside(root: &Path, git: Option<&Git>) -> Result<Option<(PathBuf, usize)>, Stop> {
    let Some(git) = git else { return Ok(None) };
    let Some(top) = git.toplevel(root)?.filter(|top| top != root) else { return Ok(None) };
    let tracked = git.tracked(&top, "pyproject.toml")?;
    let paths = tracked.iter().filter_map(|path| RelPath::parse(path.to_str()?).ok());
    let count = paths.filter(|path| is_own(&top, path) && !path.under(&top).starts_with(root)).count();
    Ok(Some((top, count)))
}

/// The manifests, sorted.
fn manifests(root: &Path, git: Option<&Git>, observer: &Observer) -> Result<BTreeSet<RelPath>, Stop> {
    let patterns = Patterns::parse(["**/pyproject.toml"]).expect("a pattern that is one");
    let user = match git {
        Some(git) => git.excludes_file(root)?.0,
        None => None,
    };
    let mut found: BTreeSet<RelPath> =
        Walk::new(root, user).files(&patterns, observer)?.iter().cloned().collect();
    if let Some(git) = git {
        let tracked = git.tracked(root, "pyproject.toml")?;
        found.extend(tracked.iter().filter_map(|path| RelPath::parse(path.to_str()?).ok()));
    }
    Ok(found.into_iter().filter(|path| is_own(root, path)).collect())
}

/// Is it one that the repository's authors wrote?
fn is_own(root: &Path, path: &RelPath) -> bool {
    path.parts().all(|part| !part.starts_with('.') && !INSTALLED.contains(&part))
        && !path.under(root).is_symlink()
}

/// One manifest and what lies beside it.
fn read(
    root: &Path,
    path: &RelPath,
    bytes: &[u8],
    roots: &mut Roots<'_>,
) -> Result<Result<Manifest, Unreadable>, Stop> {
    if std::str::from_utf8(bytes).is_err() {
        return Ok(Err(Unreadable::NotText));
    }
    let Some(table) = table(bytes) else { return Ok(Err(Unreadable::NotToml)) };
    if is_unmanaged(&table) {
        return Ok(Err(Unreadable::Unmanaged));
    }
    let beside = |name: &str| -> Result<Option<String>, Stop> {
        let bytes = read_if_exists(&path.under(root).with_file_name(name))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    let mut manifest = Manifest::of(&table, beside(".python-version")?.as_deref());
    if !manifest.is_for_uv {
        return Ok(Err(Unreadable::NotForUv));
    }
    // Only a commit has no version in its own name.
    if manifest.has_revs() {
        manifest.locked = beside("uv.lock")?.as_deref().map(locked_versions).unwrap_or_default();
    }
    if let Some(workspace) = roots.of(&path.parent().under(root), &table) {
        let Ok(inside) = workspace.strip_prefix(root) else { return Ok(Err(Unreadable::Member)) };
        manifest.workspace = inside.to_str().and_then(|inside| RelPath::parse(inside).ok());
    }
    Ok(Ok(manifest))
}

/// Targets of the programs that a repository is worked with today.
fn hints(root: &Path) -> Result<Vec<(&'static str, String)>, Stop> {
    type Reader = fn(&str) -> Vec<String>;
    let programs: [(&'static str, &[&str], Reader); 2] = [
        ("make", &["GNUmakefile", "makefile", "Makefile"], make_targets),
        ("just", &["justfile", "Justfile", ".justfile"], just_recipes),
    ];
    let mut hints = Vec::new();
    let mut named = BTreeMap::new();
    for (program, files, reader) in programs {
        for file in files {
            let path = root.join(file);
            if !path.is_file() {
                continue;
            }
            let text = read_if_exists(&path)?.unwrap_or_default();
            for target in reader(&String::from_utf8_lossy(&text)) {
                if named.insert(target.clone(), program).is_none() {
                    hints.push((program, target));
                }
            }
            break;
        }
    }
    Ok(hints)
}
