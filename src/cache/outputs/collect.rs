//! What lies where the outputs are declared. What git ignores counts: most outputs are ignored.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry, Metadata};
use std::path::Path;

use super::file::stays_inside;
use super::keep::KeepError;
use crate::base::{FileError, Patterns, RelPath};

/// What was found at a path.
pub(super) enum Found {
    File(Metadata),
    Symlink(String),
    /// With nothing in it.
    Directory,
}

/// Everything below `root` that matches, sorted by path. Links are not followed.
pub(super) fn collect(root: &Path, patterns: &Patterns) -> Result<Vec<(RelPath, Found)>, KeepError> {
    let mut found = Vec::new();
    if let Some(files) = named(root, patterns) {
        for (path, metadata) in files {
            found.push((path.clone(), left(root, path, &metadata)?));
        }
    } else if !patterns.is_empty() {
        enter(root, &RelPath::root(), patterns, &mut found)?;
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

/// What lies at paths that are all named in full: no directory is listed, which would cost many tasks with outputs in one
/// the square of their number. `None`: one is a directory, or lies where nobody enters, so that the names in the
/// directories must say what is meant.
fn named<'p>(root: &Path, patterns: &'p Patterns) -> Option<BTreeMap<&'p RelPath, Metadata>> {
    let mut files = BTreeMap::new();
    for path in patterns.only_literals()? {
        let mut place = root.to_owned();
        let mut parts = path.parts().peekable();
        while let Some(part) = parts.next() {
            if is_ours(part) {
                return None;
            }
            place.push(part);
            let Ok(metadata) = fs::symlink_metadata(&place) else { return None };
            match parts.peek() {
                Some(_) if !metadata.is_dir() => return None,
                None if metadata.is_dir() => return None,
                None => drop(files.insert(path, metadata)),
                Some(_) => {}
            }
        }
    }
    Some(files)
}

/// git's and envloom's own.
fn is_ours(name: &str) -> bool {
    [".git", ".envloom"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn enter(
    root: &Path,
    directory: &RelPath,
    patterns: &Patterns,
    found: &mut Vec<(RelPath, Found)>,
) -> Result<(), KeepError> {
    let place = directory.under(root);
    let fail = |cause| FileError::new("list", &place, cause);
    let mut is_empty = true;
    for entry in fs::read_dir(&place).map_err(fail)? {
        is_empty = false;
        look(root, directory, &entry.map_err(fail)?, patterns, found)?;
    }
    if is_empty && patterns.matches_directory(directory) && !directory.is_root() {
        found.push((directory.clone(), Found::Directory));
    }
    Ok(())
}

fn look(
    root: &Path,
    directory: &RelPath,
    entry: &DirEntry,
    patterns: &Patterns,
    found: &mut Vec<(RelPath, Found)>,
) -> Result<(), KeepError> {
    let name = entry.file_name();
    let fail = |cause| FileError::new("look at", entry.path(), cause);
    let kind = entry.file_type().map_err(fail)?;
    let path = match name.to_str().map(|name| directory.join(name)) {
        Some(Ok(path)) => path,
        _ if name.to_str().is_some_and(is_ours) => return Ok(()),
        _ => {
            let shown = name.to_string_lossy();
            let is_meant = patterns.matches_below(directory, &shown, kind.is_dir());
            return if is_meant { Err(KeepError::name(directory, &shown)) } else { Ok(()) };
        }
    };
    if kind.is_dir() {
        let is_meant = patterns.may_hold(&path) || patterns.matches_directory(&path);
        return if is_meant { enter(root, &path, patterns, found) } else { Ok(()) };
    }
    if !patterns.matches(&path) {
        return Ok(());
    }
    let metadata = entry.metadata().map_err(fail)?;
    let left = left(root, &path, &metadata)?;
    found.push((path, left));
    Ok(())
}

/// What lies at a path that is no directory.
fn left(root: &Path, path: &RelPath, metadata: &Metadata) -> Result<Found, KeepError> {
    if metadata.is_symlink() {
        let place = path.under(root);
        let target = fs::read_link(&place).map_err(|cause| FileError::new("look at", &place, cause))?;
        return match target.to_str().filter(|target| stays_inside(path, target)) {
            Some(target) => Ok(Found::Symlink(target.to_owned())),
            None => {
                Err(KeepError::Leaves { path: path.clone(), target: target.to_string_lossy().into_owned() })
            }
        };
    }
    if metadata.is_file() {
        Ok(Found::File(metadata.clone()))
    } else {
        Err(KeepError::Special { path: path.clone() })
    }
}
