//! What manifests take from beside the repository: `foo = { path = "../foo" }`, an index in `../wheels`.
//!
//! uv reads these from the manifest's place, which is another one in the copy. So the copy lies as many directories
//! deep as the farthest of them is above the root, and each directory around it has a link to what is named there.
//! Generated manifests name nothing outside; adopted ones may. A project found so may name further ones.
//!
//! Left out: a source that is a directory above the root itself, which holds the repository; uv says that it is not there.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use toml::Value;

use super::mirror::behind;
use crate::base::{FileError, RelPath, read_if_exists};
use crate::plan;

/// The directories around the copy. No sibling of a repository has this name.
pub(super) const AROUND: &str = ".envloom-copy";

/// An entry of a directory above the root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Outside {
    /// How far above: 1 is the directory that the root lies in.
    up: usize,
    name: OsString,
}

impl Outside {
    /// Where the copy has it, if the percent-encoded path begins with it, and where the beginning ends.
    pub(super) fn moved_in(&self, encoded: &str, root: &Path, copy: &Path) -> Option<(String, usize)> {
        let there = root.ancestors().nth(self.up)?.join(&self.name);
        let here = copy.ancestors().nth(self.up)?.join(&self.name);
        Some((percent_encoded(here.to_str()?), behind(encoded, there.to_str()?)?))
    }
}

/// A path as uv writes it into a URL.
fn percent_encoded(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@|[]^\\".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// What the manifests in `directories` name outside of `root`, and those found so.
pub(super) fn outside(root: &Path, directories: &BTreeSet<RelPath>) -> Result<BTreeSet<Outside>, FileError> {
    let mut waiting: Vec<PathBuf> = directories.iter().map(|directory| directory.under(root)).collect();
    let mut seen: BTreeSet<PathBuf> = waiting.iter().cloned().collect();
    let mut found = BTreeSet::new();
    while let Some(directory) = waiting.pop() {
        for path in named_in(&directory)? {
            let Some(outside) = placed(root, &path) else { continue };
            found.insert(outside);
            if path.join("pyproject.toml").is_file() && seen.insert(path.clone()) {
                waiting.push(path);
            }
        }
    }
    Ok(found)
}

/// Where in `directory` the copy is to be, so that all of it is found from there; the links are made.
pub(super) fn surround(
    root: &Path,
    directory: &Path,
    outside: &BTreeSet<Outside>,
) -> Result<PathBuf, FileError> {
    let depth = outside.iter().map(|one| one.up).max().unwrap_or(0);
    let copy: PathBuf = std::iter::once(directory).chain((0..depth).map(|_| Path::new(AROUND))).collect();
    fs::create_dir_all(&copy).map_err(|cause| FileError::new("make", &copy, cause))?;
    for Outside { up, name } in outside {
        let (Some(there), Some(here)) = (root.ancestors().nth(*up), copy.ancestors().nth(*up)) else {
            continue;
        };
        let link = here.join(name);
        symlink(there.join(name), &link).map_err(|cause| FileError::new("make", &link, cause))?;
    }
    Ok(copy)
}

/// The relative paths that uv's settings there lead to.
fn named_in(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut paths = Vec::new();
    for (file, keys) in [("pyproject.toml", &["tool", "uv"][..]), ("uv.toml", &[])] {
        // What is no TOML uv will complain about.
        let bytes = read_if_exists(&directory.join(file))?;
        let Some(table) = bytes.as_deref().and_then(plan::table) else { continue };
        let table = Value::Table(table);
        let settings = keys.iter().try_fold(&table, |value, key| value.get(key));
        let mut texts = Vec::new();
        if let Some(settings) = settings {
            collect(settings, &mut texts);
        }
        paths.extend(texts.into_iter().map(|text| normal(&directory.join(text))));
    }
    Ok(paths)
}

fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.split('/').any(|part| part == "..") => texts.push(text),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Table(values) => values.iter().for_each(|(_, value)| collect(value, texts)),
        _ => {}
    }
}

/// The path without `.` and `..`, as uv reads it: links are not followed.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
    }
    normal
}

/// Where a path outside of `root` is; `None`: it is inside, above, or not there.
fn placed(root: &Path, path: &Path) -> Option<Outside> {
    let (up, above) = root.ancestors().enumerate().find(|(_, above)| path.starts_with(above))?;
    let first = path.strip_prefix(above).ok()?.components().next()?;
    let is_there = above.join(first).symlink_metadata().is_ok();
    (up > 0 && is_there).then(|| Outside { up, name: first.as_os_str().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_outside_is_found_from_the_copy_at_the_same_place() {
        let home = tempfile::tempdir().unwrap();
        let top = home.path().canonicalize().unwrap();
        let root = top.join("work/repo");
        for (file, text) in [
            (
                "work/repo/libs/a/pyproject.toml",
                "[tool.uv]\nfind-links = [\"../../../wheels\", \"../b\", \"../../../absent\"]\n\
                 sources = { x = { path = \"../../../x/python\" }, up = { path = \"../../..\" } }\n\
                 [tool.other]\npath = \"../../../unasked\"\n",
            ),
            ("work/x/python/pyproject.toml", "[tool.uv.sources]\ny = { path = \"../../../far/y\" }\n"),
            ("work/repo/uv.toml", "no toml ["),
            ("work/wheels/w.whl", "w"),
            ("work/unasked/x", ""),
            ("far/y/pyproject.toml", "[project]\nname = \"y\"\n"),
        ] {
            fs::create_dir_all(top.join(file).parent().unwrap()).unwrap();
            fs::write(top.join(file), text).unwrap();
        }
        let directories = [RelPath::root(), RelPath::parse("libs/a").unwrap()].into_iter().collect();
        let found = outside(&root, &directories).unwrap();
        let told: Vec<_> = found.iter().map(|one| (one.up, one.name.to_str().unwrap())).collect();
        assert_eq!(told, [(1, "wheels"), (1, "x"), (2, "far")]);
        let trial = root.join(".envloom/trial/t1");
        let copy = surround(&root, &trial, &found).unwrap();
        for path in ["../wheels", "../x/python", "../../far/y"] {
            let (there, here) = (root.join(path), copy.join(path));
            assert_eq!(here.canonicalize().unwrap(), there.canonicalize().unwrap(), "{path}");
        }
        assert!(copy.starts_with(&trial) && !copy.join("../unasked").exists());
        let place = |path: &Path| format!("{}/w\"", path.display());
        let wheels = found.iter().find(|one| one.name == "wheels").unwrap();
        let (moved, end) = wheels.moved_in(&place(&top.join("work/wheels")), &root, &copy).unwrap();
        assert_eq!(moved, copy.parent().unwrap().join("wheels").to_str().unwrap());
        assert_eq!(&place(&top.join("work/wheels"))[end..], "/w\"");
        assert_eq!(wheels.moved_in(&place(&top.join("work/wheels2")), &root, &copy), None);
        assert_eq!(percent_encoded("/a b%'é"), "/a%20b%25'%C3%A9");
        assert_eq!(surround(&root, &trial, &BTreeSet::new()).unwrap(), trial);
    }
}
