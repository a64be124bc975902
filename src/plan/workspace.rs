//! Workspaces as uv finds them: a root, its members by globs, and which root a directory belongs to.
//!
//! Every directory whose names count is listed by the observer, so that a compiled plan knows of a new member.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use toml::{Table, Value};

use super::uv_files::clean;
use crate::base::FileError;
use crate::cache::Observer;

/// Never entered by `**`: large, and no place for a member or a cache key.
const NOT_ENTERED: [&str; 5] = [".envloom", ".git", ".venv", "__pycache__", "node_modules"];

/// The members of the workspace at `root`, sorted.
///
/// # Errors
/// When a directory cannot be listed.
pub(super) fn members(
    observer: &Observer,
    root: &Path,
    workspace: &Table,
) -> Result<Vec<PathBuf>, FileError> {
    let mut members = Vec::new();
    for pattern in texts(workspace.get("members")) {
        members.extend(expand(observer, root, pattern)?);
    }
    let excluded = patterns(workspace, "exclude");
    members.retain(|member| !fits_any(&excluded, member.strip_prefix(root).unwrap_or(member)));
    members.sort();
    members.dedup();
    Ok(members)
}

/// Would [`members`] name the directory, which is there? Nothing is listed, so that many projects below one root cost
/// one look each.
pub(super) fn is_member(root: &Path, workspace: &Table, directory: &Path) -> bool {
    let Ok(inside) = directory.strip_prefix(root) else { return false };
    fits_any(&patterns(workspace, "members"), inside) && !fits_any(&patterns(workspace, "exclude"), inside)
}

fn patterns(workspace: &Table, key: &str) -> Vec<GlobMatcher> {
    let cleaned = |pattern: &str| clean(Path::new(pattern)).to_string_lossy().into_owned();
    texts(workspace.get(key)).filter_map(|pattern| matcher(&cleaned(pattern))).collect()
}

fn fits_any(patterns: &[GlobMatcher], path: &Path) -> bool {
    patterns.iter().any(|pattern| pattern.is_match(path))
}

/// The paths below `base` that fit a pattern. Every directory whose names count is listed by the observer.
///
/// # Errors
/// When a directory cannot be listed.
pub(crate) fn expand(observer: &Observer, base: &Path, pattern: &str) -> Result<Vec<PathBuf>, FileError> {
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let start = if pattern.starts_with('/') { PathBuf::from("/") } else { base.to_owned() };
    let mut found = Vec::new();
    let mut open = vec![(start, parts.as_slice())];
    while let Some((path, parts)) = open.pop() {
        let Some((part, rest)) = parts.split_first() else {
            found.push(path);
            continue;
        };
        if !part.contains(['*', '?', '[', '{']) {
            open.push((clean(&path.join(part)), rest));
            continue;
        }
        if !path.is_dir() {
            // Absent now: should it come, the listing of its parent or this look will tell.
            observer.stat(&path)?;
            continue;
        }
        let names = observer.list(&path)?;
        if *part == "**" {
            open.push((path.clone(), rest));
            let enter = |name: &&String| !NOT_ENTERED.contains(&name.as_str());
            let below = names.iter().filter(enter).map(|name| path.join(name));
            // A link is not followed: it may lead in a circle.
            open.extend(
                below.filter(|below| below.is_dir() && !below.is_symlink()).map(|below| (below, parts)),
            );
        } else if let Some(glob) = matcher(part) {
            let fitting = names.iter().filter(|name| glob.is_match(name.as_str()));
            open.extend(fitting.map(|name| (path.join(name), rest)));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// A glob whose `*` stops at `/`. A pattern that is none fits nothing: uv refuses it.
pub(crate) fn matcher(pattern: &str) -> Option<GlobMatcher> {
    GlobBuilder::new(pattern).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
}

/// `[tool.uv]`.
pub(super) fn uv_table(manifest: &Table) -> Option<&Table> {
    manifest.get("tool")?.get("uv")?.as_table()
}

/// `[tool.uv.workspace]`, which makes a manifest's directory a root.
pub(super) fn workspace_of(manifest: &Table) -> Option<&Table> {
    uv_table(manifest)?.get("workspace")?.as_table()
}

/// Workspace roots that projects lie below, each read once.
pub(crate) struct Roots<'o> {
    observer: &'o Observer,
    /// `[tool.uv.workspace]` by directory.
    met: BTreeMap<PathBuf, Option<Table>>,
}

impl<'o> Roots<'o> {
    /// None yet.
    #[must_use]
    pub(crate) fn new(observer: &'o Observer) -> Self {
        Self { observer, met: BTreeMap::new() }
    }

    /// The root of the workspace that the project in `directory` is a member of; its lockfile lies there. `None`: the
    /// project has one of its own.
    #[must_use]
    pub(crate) fn of(&mut self, directory: &Path, manifest: &Table) -> Option<PathBuf> {
        if workspace_of(manifest).is_some() {
            return None;
        }
        let root = directory.ancestors().skip(1).find(|above| self.workspace(above).is_some())?;
        let workspace = self.workspace(root)?;
        is_member(root, workspace, directory).then(|| root.to_owned())
    }

    /// What cannot be read is no root: uv will say what is wrong with it.
    fn workspace(&mut self, directory: &Path) -> Option<&Table> {
        if !self.met.contains_key(directory) {
            let bytes = self.observer.read(&directory.join("pyproject.toml"));
            let table = bytes.ok().flatten().and_then(|bytes| table(&bytes));
            let workspace = table.as_ref().and_then(workspace_of).cloned();
            self.met.insert(directory.to_owned(), workspace);
        }
        self.met.get(directory)?.as_ref()
    }
}

/// A manifest as TOML; `None` where it is none.
#[must_use]
pub(crate) fn table(bytes: &[u8]) -> Option<Table> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.strip_prefix('\u{feff}').unwrap_or(text).parse().ok()
}

/// Does the manifest keep uv away?
#[must_use]
pub(crate) fn is_unmanaged(manifest: &Table) -> bool {
    uv_table(manifest).and_then(|uv| uv.get("managed")).and_then(Value::as_bool) == Some(false)
}

/// The texts of an array.
pub(super) fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
