//! The captured process environment, and where programs may be looked for.
//!
//! In: variables and working directory, read once by `cli` and handed down. Out: cleaned `PATH`
//! entries, programs past version managers' shims, the user's directories, the environment of
//! harmless children. It starts nothing and must not read the real environment.
//!
//! Shims: pyenv, asdf and mise put a `shims` directory on `PATH`. Running what is in it inside a
//! repository obeys that repository's `.python-version` (and fails when that version is missing),
//! so such a directory is passed over, and what it stands for is looked up where the manager keeps
//! its installations.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The process environment as `cli` found it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// All variables.
    pub(crate) vars: BTreeMap<OsString, OsString>,
    /// The working directory; absolute.
    pub(crate) cwd: PathBuf,
}

/// What a child that only prints its version may see.
const HARMLESS: [&str; 6] = ["HOME", "USER", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT"];

impl Surroundings {
    /// A variable that is set and not empty.
    pub(crate) fn var(&self, name: &str) -> Option<&OsStr> {
        self.vars.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// A variable that holds an absolute path; a relative one counts as not set.
    fn path_var(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// The user's home directory.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.path_var("HOME")
    }

    /// envloom's own cache directory of this user; may not exist yet.
    pub(crate) fn cache_home(&self) -> Option<PathBuf> {
        if let Some(chosen) = self.var("ENVLOOM_CACHE_DIR") {
            return Some(self.cwd.join(chosen));
        }
        let shared = self.path_var("XDG_CACHE_HOME");
        let shared = shared.or_else(|| self.home().map(|home| home.join(".cache")));
        shared.map(|directory| directory.join("envloom"))
    }

    /// Where pyenv keeps its Pythons; may not exist.
    pub(crate) fn pyenv_versions(&self) -> Option<PathBuf> {
        let root = self.path_var("PYENV_ROOT");
        let root = root.or_else(|| self.home().map(|home| home.join(".pyenv")));
        root.map(|root| root.join("versions"))
    }

    /// Where uv keeps the Pythons it manages; may not exist.
    pub(crate) fn uv_pythons(&self) -> Option<PathBuf> {
        if let Some(chosen) = self.var("UV_PYTHON_INSTALL_DIR") {
            return Some(self.cwd.join(chosen));
        }
        let shared = self.path_var("XDG_DATA_HOME");
        let shared = shared.or_else(|| self.home().map(|home| home.join(".local/share")));
        shared.map(|directory| directory.join("uv/python"))
    }

    /// The directories of `PATH` that programs may come from, in order, each once: absolute,
    /// existing, and not inside the repository whose top is `root`, not even through a symlink.
    pub(crate) fn path_entries(&self, root: &Path) -> Vec<PathBuf> {
        let fence = Fence::new(root);
        let mut entries = self.listed_entries();
        entries.retain(|entry| entry.is_dir() && !fence.holds(entry));
        entries
    }

    /// The absolute entries of `PATH`, in order, each once, there or not: one that comes may hold another program, so
    /// whoever remembers what was found watches all of them.
    pub(crate) fn listed_entries(&self) -> Vec<PathBuf> {
        let mut seen = BTreeSet::new();
        let listed = self.var("PATH").map(std::env::split_paths);
        let absolute = listed.into_iter().flatten().filter(|entry| entry.is_absolute());
        absolute.filter(|entry| seen.insert(entry.clone())).collect()
    }

    /// `path_entries` as the `PATH` of a child.
    pub(crate) fn clean_path(&self, root: &Path) -> OsString {
        // Entries come from splitting a PATH, so none contains the separator.
        std::env::join_paths(self.path_entries(root)).unwrap_or_default()
    }

    /// Every directory a program `tool` may be in, best first: `PATH` without shims, then the
    /// installations behind the shims.
    pub(crate) fn program_directories(&self, tool: &str, root: &Path) -> Vec<PathBuf> {
        let fence = Fence::new(root);
        let (shims, mut found): (Vec<_>, Vec<_>) =
            self.path_entries(root).into_iter().partition(|entry| is_shims(entry));
        for versions in self.version_homes(tool, &shims) {
            for version in subdirectories(&versions) {
                // asdf has `bin` below the version, mise the program itself or one directory more.
                found.extend([version.join("bin"), version.clone()]);
                if versions.ends_with(format!("installs/{tool}")) {
                    found.extend(subdirectories(&version));
                }
            }
        }
        let mut seen = BTreeSet::new();
        found.retain(|entry| entry.is_dir() && !fence.holds(entry) && seen.insert(entry.clone()));
        found
    }

    /// The directories with one subdirectory per installed version, beside the shims in `entries`.
    pub(crate) fn version_homes(&self, tool: &str, entries: &[PathBuf]) -> Vec<PathBuf> {
        let shims = entries.iter().filter(|entry| is_shims(entry));
        let beside = shims
            .filter_map(|shims| shims.parent())
            .flat_map(|manager| [manager.join("versions"), manager.join("installs").join(tool)]);
        let mut homes: Vec<PathBuf> = self.pyenv_versions().into_iter().chain(beside).collect();
        homes.dedup();
        homes
    }

    /// Every program of that name, best first, each file once: absolute, executable, outside the
    /// repository, not a shim.
    pub(crate) fn programs(&self, name: &str, root: &Path) -> Vec<PathBuf> {
        let fence = Fence::new(root);
        let Ok(paths) = std::env::join_paths(self.program_directories(name, root)) else {
            return Vec::new();
        };
        let Ok(found) = which::which_in_all(name, Some(paths), Path::new("/")) else {
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        found
            .filter(|program| !fence.holds(program))
            .filter(|program| {
                let real = fs::canonicalize(program).unwrap_or_else(|_| program.clone());
                let shim = real.parent().is_some_and(is_shims);
                // mise and volta link every tool's name to themselves.
                let stem = real.file_name().and_then(OsStr::to_str).unwrap_or_default();
                !shim && !["mise", "asdf", "rtx", "volta-shim"].contains(&stem) && seen.insert(real)
            })
            .collect()
    }

    /// The environment for a child that only answers about itself.
    pub(crate) fn harmless_vars(&self, root: &Path) -> BTreeMap<OsString, OsString> {
        let mut vars: BTreeMap<OsString, OsString> = HARMLESS
            .iter()
            .filter_map(|name| Some((OsString::from(name), self.var(name)?.to_owned())))
            .collect();
        vars.insert("PATH".into(), self.clean_path(root));
        vars.insert("LC_ALL".into(), "C".into());
        vars
    }
}

/// Says whether a path lies inside the repository.
struct Fence {
    root: PathBuf,
    real: PathBuf,
}

impl Fence {
    fn new(root: &Path) -> Self {
        let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
        Self { root: root.to_path_buf(), real }
    }

    fn holds(&self, path: &Path) -> bool {
        let inside = |path: &Path| path.starts_with(&self.root) || path.starts_with(&self.real);
        inside(path) || fs::canonicalize(path).is_ok_and(|real| inside(&real))
    }
}

fn is_shims(directory: &Path) -> bool {
    directory.file_name() == Some(OsStr::new("shims"))
}

/// The subdirectories of `directory`, sorted by name; none if it cannot be read.
pub(crate) fn subdirectories(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Place, executable};
    use super::*;

    #[test]
    fn path_entries_of_the_repository_and_relative_ones_are_dropped() {
        let place = Place::new();
        let (repository, outside) = (place.directory("repo/bin"), place.directory("bin"));
        let link = place.root().join("link");
        std::os::unix::fs::symlink(&repository, &link).unwrap();
        let path = [Path::new(""), Path::new("."), Path::new("repo/bin"), &repository, &link, &outside];
        let surroundings = place.surroundings(&path);
        assert_eq!(surroundings.path_entries(&place.root().join("repo")), [outside]);
    }

    #[test]
    fn programs_behind_shims_are_found_and_shims_are_not() {
        let place = Place::new();
        executable(&place.directory(".pyenv/shims").join("uv"), "exit 127");
        let real = place.directory(".pyenv/versions/3.12.1/bin").join("uv");
        executable(&real, "echo uv 1.0");
        executable(&place.directory("mise/shims").join("uv"), "exit 127");
        let installed = place.directory("mise/installs/uv/1.0").join("uv");
        executable(&installed, "echo uv 1.0");
        let shims = [place.root().join(".pyenv/shims"), place.root().join("mise/shims")];
        let surroundings = place.surroundings(&[&shims[0], &shims[1]]);
        assert_eq!(surroundings.programs("uv", &place.directory("repo")), [real, installed]);
    }

    #[test]
    fn a_link_into_the_repository_or_to_a_shim_is_not_a_program() {
        let place = Place::new();
        let bin = place.directory("bin");
        let (inside, shim) = (place.directory("repo").join("uv"), place.directory("x/shims").join("uv"));
        executable(&inside, "exit 0");
        executable(&shim, "exit 0");
        std::os::unix::fs::symlink(&inside, bin.join("uv")).unwrap();
        let other = place.directory("other");
        std::os::unix::fs::symlink(&shim, other.join("uv")).unwrap();
        let surroundings = place.surroundings(&[&bin, &other]);
        assert!(surroundings.programs("uv", &place.directory("repo")).is_empty());
    }

    #[test]
    fn the_cache_follows_the_variables_in_order() {
        let mut surroundings = Surroundings { cwd: "/elsewhere".into(), ..Surroundings::default() };
        assert_eq!(surroundings.cache_home(), None);
        for (name, value, expected) in [
            ("HOME", "/home/u", "/home/u/.cache/envloom"),
            ("XDG_CACHE_HOME", "relative", "/home/u/.cache/envloom"),
            ("XDG_CACHE_HOME", "/xdg", "/xdg/envloom"),
            ("ENVLOOM_CACHE_DIR", "mine", "/elsewhere/mine"),
        ] {
            surroundings.vars.insert(name.into(), value.into());
            assert_eq!(surroundings.cache_home().unwrap(), Path::new(expected));
        }
    }
}
