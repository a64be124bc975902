//! The state of a venv, cheap enough to look at before every use of it.
//!
//! Comes in: a directory. Goes out: [`VenvState`], and what differs between two of them in words a user knows
//! ([`compare`]). A few stats only: `pyvenv.cfg`, the interpreter, the names in site-packages, one RECORD each.
//! A package that was replaced by hand has another dist-info or another RECORD; the files behind a RECORD are
//! looked at only after a sync or a mark (`records`), since a venv with torch has 30,000 of them.
//!
//! A RECORD is compared by stat: uv writes it anew for each venv (tried: it has one link). Small files that uv
//! links from its cache (`*.pth`, `METADATA`) are not, because their change time moves when another venv takes
//! a link to them: of a `*.pth` the content counts, and all else is the RECORD's matter.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::{Digest, FileError};
use crate::cache::{Observer, Signature};

/// How many differences a message names.
const NAMED: usize = 3;

/// What a venv looks like from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VenvState {
    /// The content of `pyvenv.cfg`; `None`: this is no venv.
    pub(crate) config: Option<Digest>,
    /// The stat of the Python that `bin/python` leads to; `None`: it leads nowhere.
    pub(crate) interpreter: Option<Signature>,
    /// The entries of site-packages that say what is installed, by name.
    pub(crate) entries: BTreeMap<String, Entry>,
}

/// One entry of site-packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// A `*.dist-info` with the stat of its RECORD.
    Installed(Signature),
    /// A `*.dist-info` without RECORD, or an `*.egg-info`: nothing vouches for its files.
    Unrecorded,
    /// A `*.pth` or `*.egg-link` with its content.
    Content(Digest),
}

/// Looks at the venv. A directory that is not there has an empty state.
///
/// # Errors
/// When something is there and cannot be looked at.
pub(crate) fn inspect(venv: &Path, observer: &Observer) -> Result<VenvState, FileError> {
    let config = observer.read(&venv.join("pyvenv.cfg"))?.map(Digest::of);
    let interpreter = observer.stat(&venv.join("bin/python"))?;
    let mut entries = BTreeMap::new();
    for directory in site_packages(venv, observer)? {
        for name in observer.list(&directory)? {
            let path = directory.join(&name);
            let entry = if has_end(&name, "dist-info") {
                observer.stat(&path.join("RECORD"))?.map_or(Entry::Unrecorded, Entry::Installed)
            } else if has_end(&name, "egg-info") {
                Entry::Unrecorded
            } else if has_end(&name, "pth") || has_end(&name, "egg-link") {
                observer.read(&path)?.map_or(Entry::Unrecorded, |bytes| Entry::Content(Digest::of(bytes)))
            } else {
                continue;
            };
            entries.insert(name, entry);
        }
    }
    Ok(VenvState { config, interpreter, entries })
}

/// The directories that packages are installed into: one, and a second one where `lib64` is no link.
pub(super) fn site_packages(venv: &Path, observer: &Observer) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for library in ["lib", "lib64"] {
        let library = venv.join(library);
        if library.is_symlink() {
            continue;
        }
        let names = observer.list(&library)?;
        let pythons = names.iter().filter(|name| name.starts_with("python") || name.starts_with("pypy"));
        found.extend(pythons.map(|name| library.join(name).join("site-packages")));
    }
    Ok(found)
}

/// What is other than recorded, in a few words; `None` if nothing is.
#[must_use]
pub(crate) fn compare(recorded: &VenvState, now: &VenvState) -> Option<String> {
    if recorded == now {
        return None;
    }
    let mut found = Vec::new();
    if recorded.config != now.config {
        found.push("pyvenv.cfg differs".to_owned());
    }
    if recorded.interpreter != now.interpreter {
        found.push(
            if now.interpreter.is_some() { "its Python is another" } else { "its Python is gone" }.to_owned(),
        );
    }
    for name in recorded.entries.keys().filter(|name| !now.entries.contains_key(*name)) {
        found.push(format!("{name} is gone"));
    }
    for (name, entry) in &now.entries {
        match recorded.entries.get(name) {
            None => found.push(format!("{name} came")),
            Some(before) if before != entry => found.push(format!("{name} differs")),
            Some(_) => {}
        }
    }
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    let mut text = found.join(", ");
    if more > 0 {
        // Writing to a String cannot fail.
        let _ = write!(text, " and {more} more");
    }
    Some(text)
}

/// Does the name end in `.end`?
pub(super) fn has_end(name: &str, end: &str) -> bool {
    name.strip_suffix(end).is_some_and(|start| start.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// What is found, and what was done.
    type Change = (&'static str, fn(&Path));

    /// A venv with packages of one file each.
    fn venv(root: &Path, packages: &[&str]) -> PathBuf {
        let venv = root.join("v");
        fs::create_dir_all(venv.join("bin")).unwrap();
        fs::write(venv.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        fs::write(venv.join("bin/python"), "").unwrap();
        for package in packages {
            let info = venv.join("lib/python3.12/site-packages").join(format!("{package}.dist-info"));
            fs::create_dir_all(&info).unwrap();
            fs::write(info.join("RECORD"), "x,,\n").unwrap();
        }
        venv
    }

    fn look(venv: &Path) -> VenvState {
        inspect(venv, &Observer::new()).unwrap()
    }

    #[test]
    fn a_replaced_package_is_told_by_name() {
        let root = tempfile::tempdir().unwrap();
        let venv = venv(root.path(), &["numpy-2.2.6", "torch-2.6.0+cu124"]);
        let before = look(&venv);
        assert_eq!(compare(&before, &look(&venv)), None);
        let site = venv.join("lib/python3.12/site-packages");
        fs::rename(site.join("torch-2.6.0+cu124.dist-info"), site.join("torch-2.7.1.dist-info")).unwrap();
        assert_eq!(
            compare(&before, &look(&venv)).unwrap(),
            "torch-2.6.0+cu124.dist-info is gone, torch-2.7.1.dist-info came"
        );
    }

    #[test]
    fn each_part_of_the_state_is_noticed() {
        let changes: [Change; 6] = [
            ("pyvenv.cfg differs", |venv| fs::write(venv.join("pyvenv.cfg"), "home = /opt\n").unwrap()),
            ("its Python is gone", |venv| fs::remove_file(venv.join("bin/python")).unwrap()),
            ("its Python is another", |venv| fs::write(venv.join("bin/python"), "new").unwrap()),
            ("a-1.dist-info differs", |venv| {
                fs::write(venv.join("lib/python3.12/site-packages/a-1.dist-info/RECORD"), "x,,\ny,,\n")
                    .unwrap();
            }),
            ("a-1.dist-info differs", |venv| {
                fs::remove_file(venv.join("lib/python3.12/site-packages/a-1.dist-info/RECORD")).unwrap();
            }),
            ("x.pth came", |venv| fs::write(venv.join("lib/python3.12/site-packages/x.pth"), "/x").unwrap()),
        ];
        for (expected, change) in changes {
            let root = tempfile::tempdir().unwrap();
            let venv = venv(root.path(), &["a-1"]);
            let before = look(&venv);
            change(&venv);
            assert_eq!(compare(&before, &look(&venv)).as_deref(), Some(expected));
            fs::remove_file(venv.join("pyvenv.cfg")).unwrap();
            assert_eq!(look(&venv).config, None);
        }
    }

    #[test]
    fn many_differences_are_counted() {
        let root = tempfile::tempdir().unwrap();
        let full = look(&venv(root.path(), &["a-1", "b-1", "c-1", "d-1", "e-1"]));
        let empty = VenvState { entries: BTreeMap::new(), ..full.clone() };
        assert!(compare(&full, &empty).unwrap().ends_with("c-1.dist-info is gone and 2 more"));
    }

    #[test]
    fn a_linked_lib64_is_looked_at_once() {
        let root = tempfile::tempdir().unwrap();
        let venv = venv(root.path(), &["a-1"]);
        std::os::unix::fs::symlink("lib", venv.join("lib64")).unwrap();
        assert_eq!(site_packages(&venv, &Observer::new()).unwrap().len(), 1);
    }
}
