//! What lies where the outputs are declared. What git ignores counts: most outputs are ignored.

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
    if !patterns.is_empty() {
        enter(root, &RelPath::root(), patterns, &mut found)?;
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
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
        // git's and envloom's own.
        _ if [".git", ".envloom"].iter().any(|own| name.eq_ignore_ascii_case(own)) => return Ok(()),
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
    let left = if kind.is_symlink() {
        let target = fs::read_link(entry.path()).map_err(fail)?;
        match target.to_str().filter(|target| stays_inside(&path, target)) {
            Some(target) => Found::Symlink(target.to_owned()),
            None => return Err(KeepError::Leaves { path, target: target.to_string_lossy().into_owned() }),
        }
    } else if kind.is_file() {
        Found::File(entry.metadata().map_err(fail)?)
    } else {
        return Err(KeepError::Special { path });
    };
    found.push((path, left));
    Ok(())
}
