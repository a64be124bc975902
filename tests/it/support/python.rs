//! The machine's Python interpreters, found as a user's machine would offer them: pyenv's
//! versions, then PATH, never through shims.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::machine::{ambient, ambient_path};

/// The interpreter that stands first on PATH, where the machine has it: the design's usual pin.
const PREFERRED: &str = "3.12";

/// A real interpreter.
#[derive(Debug)]
pub(super) struct Interpreter {
    /// `3.12`
    pub(super) minor: String,
    /// 12
    number: u32,
    pub(super) path: PathBuf,
}

impl Interpreter {
    /// The paths in its directory that lead to it, longest first: `python3.12`, `python3`, `python`.
    pub(super) fn names(&self) -> Vec<PathBuf> {
        let real = self.path.canonicalize().ok();
        let aliases = ["python3", "python"].map(|name| self.path.with_file_name(name));
        let aliases = aliases.into_iter().filter(|alias| alias.canonicalize().ok() == real);
        [self.path.clone()].into_iter().chain(aliases).collect()
    }

    /// The full version, `3.12.1`, as it says itself.
    pub(super) fn version(&self) -> String {
        let output =
            Command::new(&self.path).arg("--version").output().expect("an interpreter that was found");
        String::from_utf8_lossy(&output.stdout).trim().trim_start_matches("Python ").to_owned()
    }
}

/// The real interpreter of a version such as `3.12`.
///
/// # Panics
/// When the machine has none, with the versions that it has.
#[track_caller]
pub(crate) fn python(minor: &str) -> &'static Path {
    let Some(found) = interpreters().iter().find(|interpreter| interpreter.minor == minor) else {
        let known: Vec<&str> = interpreters().iter().map(|interpreter| interpreter.minor.as_str()).collect();
        panic!("this test needs Python {minor}, and this machine has {}: install it", known.join(", "));
    };
    &found.path
}

/// The interpreters, 3.10 and newer, in their order on PATH.
pub(super) fn interpreters() -> &'static [Interpreter] {
    static INTERPRETERS: OnceLock<Vec<Interpreter>> = OnceLock::new();
    INTERPRETERS.get_or_init(|| {
        let mut found: BTreeMap<u32, PathBuf> = BTreeMap::new();
        for directory in pyenv_directories().into_iter().chain(ambient_path()) {
            for number in 10..20 {
                let path = directory.join(format!("python3.{number}"));
                if path.is_file() {
                    found.entry(number).or_insert(path);
                }
            }
        }
        let mut interpreters: Vec<Interpreter> = found
            .into_iter()
            .map(|(number, path)| Interpreter { minor: format!("3.{number}"), number, path })
            .collect();
        interpreters.sort_by_key(|interpreter| interpreter.minor != PREFERRED);
        interpreters
    })
}

/// The interpreter with the highest version.
pub(super) fn newest() -> &'static Interpreter {
    let newest = interpreters().iter().max_by_key(|interpreter| interpreter.number);
    newest.expect("these tests need Python 3.10 or newer")
}

/// The interpreters' directories, in their order on PATH.
pub(super) fn directories() -> Vec<PathBuf> {
    let parents = interpreters().iter().filter_map(|interpreter| interpreter.path.parent());
    parents.map(Path::to_owned).collect()
}

/// `bin` of each of pyenv's versions, newest patch release first.
fn pyenv_directories() -> Vec<PathBuf> {
    let home = ambient("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let Some(root) = ambient("PYENV_ROOT").map(PathBuf::from).or(home) else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
    let mut directories: Vec<PathBuf> = entries.map(|entry| entry.path().join("bin")).collect();
    directories.sort_by_cached_key(|directory| {
        let name = directory
            .parent()
            .map(|version| version.file_name().unwrap_or_default().to_string_lossy().into_owned());
        let patch = name.and_then(|name| name.rsplit('.').next().and_then(|patch| patch.parse::<u32>().ok()));
        std::cmp::Reverse(patch)
    });
    directories
}
