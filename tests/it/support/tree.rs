//! What a directory holds, as a value.
//!
//! In: a path. Out: a line per entry, with mode and hash of the content (a symlink's target, a
//! directory's mere presence). Times are left out on purpose, as is everything named `.git`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::wheel::sha256_hex;

/// The entries of a directory, by their path relative to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree(BTreeMap<String, String>);

impl Tree {
    pub(super) fn of(path: &Path) -> Self {
        let mut entries = BTreeMap::new();
        collect(path, "", &mut entries);
        Self(entries)
    }

    pub(crate) fn hash(&self) -> String {
        sha256_hex(format!("{self:?}").as_bytes())
    }

    /// The same without a path and what lies under it.
    pub(crate) fn without(mut self, path: &str) -> Self {
        let below = format!("{path}/");
        self.0.retain(|name, _| name != path && !name.starts_with(&below));
        self
    }

    /// The paths, sorted.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

fn collect(path: &Path, name: &str, entries: &mut BTreeMap<String, String>) {
    let Ok(metadata) = path.symlink_metadata() else {
        return;
    };
    let mode = metadata.permissions().mode();
    let content = if metadata.is_symlink() {
        format!("-> {}", fs::read_link(path).unwrap().display())
    } else if metadata.is_file() {
        sha256_hex(&fs::read(path).unwrap())
    } else {
        String::new()
    };
    entries.insert(name.to_owned(), format!("{mode:o} {content}"));
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let file_name = entry.file_name().to_string_lossy().into_owned();
            if file_name != ".git" {
                collect(&entry.path(), format!("{name}/{file_name}").trim_start_matches('/'), entries);
            }
        }
    }
}
