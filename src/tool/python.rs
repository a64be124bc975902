//! The Pythons of this machine.
//!
//! In: [`Surroundings`]. Out: interpreters with their versions, newest first, and the choice of one
//! for a request. Looked at, in this order: pyenv's versions (and what lies behind other shims),
//! `PATH` past shims, the Pythons uv manages. A virtual environment counts as the interpreter it
//! was made from.
//!
//! Starting a Python costs 10 to 50 ms, so a version is read from the name of its directory where
//! pyenv or uv gave that name; the others are asked, all at once. Nothing of `site-packages` runs
//! (`-I -S`).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use pep440_rs::{Version, VersionSpecifiers};
use rustix::fs::{Access, access};
use serde::{Deserialize, Serialize};

use super::run::Query;
use super::surroundings::{Surroundings, subdirectories};

/// An interpreter that can be used for a project; 3.8 or newer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interpreter {
    /// Absolute, without symlinks.
    pub(crate) path: PathBuf,
    /// With a pre-release part if it has one.
    pub(crate) version: Version,
    pub(crate) implementation: Implementation,
}

/// Which kind of Python. [`choose`] takes `CPython` unless `3.13t` is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Implementation {
    CPython,
    /// `CPython` built without the global lock: another ABI, so other wheels.
    FreeThreaded,
    /// `pypy`, `graalpy` …, as it calls itself.
    Other(String),
}

/// Prints implementation, version and ABI flags; fails on Python 2, which has no such name.
const QUESTION: &str =
    "import sys; print(sys.implementation.name, *sys.version_info[:5], sys.abiflags + '.')";

/// All interpreters, newest first; among equal versions in the order they were looked for. `root`
/// is the top of the repository, from which no program is taken.
pub(crate) fn discover(surroundings: &Surroundings, root: &Path) -> Vec<Interpreter> {
    let programs = programs(surroundings, root);
    let mut found: Vec<Interpreter> = thread::scope(|scope| {
        let start = |program: PathBuf| match named(surroundings, &program) {
            Some(known) => Ok(known),
            None => Err(scope.spawn(move || ask(surroundings, &program, root))),
        };
        let started: Vec<_> = programs.into_iter().map(start).collect();
        let finish = |one: Result<Interpreter, thread::ScopedJoinHandle<'_, _>>| match one {
            Ok(known) => Some(known),
            Err(asked) => asked.join().ok().flatten(),
        };
        started.into_iter().filter_map(finish).collect()
    });
    found.retain(|python| python.version >= Version::new([3, 8]));
    found.sort_by(|a, b| b.version.cmp(&a.version));
    found
}

/// The interpreter for a request such as `3.12`, `3.12.1` or `3.13t`, within `requires`: the
/// newest, a pre-release only if nothing else suits. Without a request, the newest that suits.
pub(crate) fn choose<'a>(
    interpreters: &'a [Interpreter],
    request: Option<&str>,
    requires: Option<&VersionSpecifiers>,
) -> Option<&'a Interpreter> {
    let (number, kind) = match request.map(|text| (text.strip_suffix('t'), text)) {
        Some((Some(number), _)) => (Some(number), Implementation::FreeThreaded),
        Some((None, number)) => (Some(number), Implementation::CPython),
        None => (None, Implementation::CPython),
    };
    let number: Option<Version> = match number {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    let suits = |python: &&Interpreter| {
        python.implementation == kind
            && number.as_ref().is_none_or(|number| matches(&python.version, number))
            && requires.is_none_or(|range| range.contains(&python.version))
    };
    let mut suitable = interpreters.iter().filter(suits).peekable();
    let newest = suitable.peek().copied();
    suitable.find(|python| python.version.is_stable()).or(newest)
}

/// The files and directories the result of [`discover`] depends on, for the memo.
pub(crate) fn watched(surroundings: &Surroundings, root: &Path) -> Vec<PathBuf> {
    let mut paths = surroundings.version_homes("python", &surroundings.path_entries(root));
    paths.extend(surroundings.listed_entries());
    paths.extend(surroundings.uv_pythons());
    paths.extend(directories(surroundings, root));
    paths.extend(programs(surroundings, root));
    paths
}

/// `3.12` matches 3.12.7; `3.12.1` only itself; a pre-release number only itself.
fn matches(version: &Version, number: &Version) -> bool {
    if number.any_prerelease() || number.release().len() > 2 {
        return version == number;
    }
    version.release().starts_with(number.release())
}

fn directories(surroundings: &Surroundings, root: &Path) -> Vec<PathBuf> {
    // What lies behind shims first, then PATH: `program_directories` has them the other way round.
    let entries = surroundings.path_entries(root);
    let all = surroundings.program_directories("python", root);
    let (on_path, behind): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|directory| entries.contains(directory));
    let managed = surroundings.uv_pythons().map(|home| subdirectories(&home)).unwrap_or_default();
    let managed = managed.into_iter().map(|python| python.join("bin"));
    behind.into_iter().chain(on_path).chain(managed).collect()
}

/// Every executable Python, resolved and each once; newest minor version of a directory first, so
/// that `python3.12` and not `python` names what both link to.
fn programs(surroundings: &Surroundings, root: &Path) -> Vec<PathBuf> {
    let real_root = fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for directory in directories(surroundings, root) {
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| is_python(name)).collect();
        names.sort();
        for name in names.iter().rev() {
            let Ok(real) = fs::canonicalize(directory.join(name)) else {
                continue;
            };
            let usable = real.is_file() && access(&real, Access::EXEC_OK).is_ok();
            let shim = real.parent().is_some_and(|parent| parent.ends_with("shims"));
            // mise links every name to itself, so the name of the real file counts, too.
            let stem = real.file_name().unwrap_or_default().to_string_lossy();
            let python = stem.starts_with("py") || stem.starts_with("graalpy");
            if usable && python && !shim && !real.starts_with(&real_root) && seen.insert(real.clone()) {
                found.push(real);
            }
        }
    }
    found
}

/// `python`, `python3`, `python3.12`, `python3.13t`; not `python3-config`.
fn is_python(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("python") else {
        return false;
    };
    let minor = |rest: &str| {
        let digits = rest.strip_suffix('t').unwrap_or(rest);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    matches!(rest, "" | "3") || rest.strip_prefix("3.").is_some_and(minor)
}

/// What the directory's name says, if pyenv or uv gave that name and the program agrees with it.
fn named(surroundings: &Surroundings, program: &Path) -> Option<Interpreter> {
    let installation = program.parent().filter(|bin| bin.ends_with("bin"))?.parent()?;
    let home = fs::canonicalize(installation.parent()?).ok()?;
    let name = installation.file_name()?.to_str()?;
    let is = |place: Option<PathBuf>| {
        place.and_then(|place| fs::canonicalize(place).ok()).is_some_and(|place| place == home)
    };
    let (version, implementation) = if is(surroundings.pyenv_versions()) {
        plain_version(name)?
    } else if is(surroundings.uv_pythons()) {
        // cpython-3.13.0+freethreaded-linux-x86_64-gnu
        let number = name.strip_prefix("cpython-")?.split('-').next()?;
        match number.split_once('+') {
            None => plain_version(number)?,
            Some((number, "freethreaded")) => (plain_version(number)?.0, Implementation::FreeThreaded),
            Some(_) => return None,
        }
    } else {
        return None;
    };
    let minor = format!("python{}.{}", version.release().first()?, version.release().get(1)?);
    let stem = program.file_name()?.to_str()?;
    let agrees = stem.strip_suffix('t').unwrap_or(stem) == minor;
    agrees.then(|| Interpreter { path: program.to_path_buf(), version, implementation })
}

/// `3.12.1`, `3.14.0rc1`, `3.13.0t`; nothing shorter, since `3.12` may be any patch release.
fn plain_version(name: &str) -> Option<(Version, Implementation)> {
    let (number, implementation) = match name.strip_suffix('t') {
        Some(number) => (number, Implementation::FreeThreaded),
        None => (name, Implementation::CPython),
    };
    // `3.15-dev` would parse as a development release; it is a branch built some day.
    if !number.starts_with(|first: char| first.is_ascii_digit()) || number.contains('-') {
        return None;
    }
    let version: Version = number.parse().ok()?;
    (version.release().len() == 3).then_some((version, implementation))
}

fn ask(surroundings: &Surroundings, program: &Path, root: &Path) -> Option<Interpreter> {
    let vars = surroundings.harmless_vars(root);
    let query = Query {
        program,
        arguments: ["-I", "-S", "-c", QUESTION].map(OsString::from).to_vec(),
        preamble: 0,
        directory: Path::new("/"),
        vars: &vars,
        limit: Duration::from_secs(10),
    };
    // A Python that cannot say what it is cannot be used either: it is left out.
    let answer = query.demand().ok()?;
    parse_answer(program, std::str::from_utf8(&answer).ok()?)
}

/// `cpython 3 13 0 final 0 t.`
fn parse_answer(program: &Path, answer: &str) -> Option<Interpreter> {
    let words: Vec<&str> = answer.split_whitespace().collect();
    let [name, major, minor, patch, level, serial, flags] = words.as_slice() else {
        return None;
    };
    let suffix = match *level {
        "final" => String::new(),
        "candidate" => format!("rc{serial}"),
        "beta" => format!("b{serial}"),
        _ => format!("a{serial}"),
    };
    let version = format!("{major}.{minor}.{patch}{suffix}").parse().ok()?;
    let implementation = match (*name, flags.contains('t')) {
        ("cpython", false) => Implementation::CPython,
        ("cpython", true) => Implementation::FreeThreaded,
        (other, _) => Implementation::Other(other.to_owned()),
    };
    Some(Interpreter { path: program.to_path_buf(), version, implementation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::{Place, executable};

    const ELSEWHERE: &str = "/nowhere";

    fn python(version: &str, implementation: Implementation) -> Interpreter {
        let path = PathBuf::from(format!("/p/{version}"));
        Interpreter { path, version: version.parse().unwrap(), implementation }
    }

    fn shown(found: &[Interpreter]) -> Vec<String> {
        found.iter().map(|python| format!("{} {:?}", python.version, python.implementation)).collect()
    }

    #[test]
    fn versions_come_from_names_where_pyenv_and_uv_gave_them_without_a_start() {
        let place = Place::new();
        let uv = ".local/share/uv/python";
        for (directory, name) in [
            (".pyenv/versions/3.12.1/bin".to_owned(), "python3.12"),
            (".pyenv/versions/3.14.0rc1/bin".to_owned(), "python3.14"),
            (".pyenv/versions/2.7.18/bin".to_owned(), "python"),
            (".pyenv/versions/3.7.16/bin".to_owned(), "python3.7"),
            (format!("{uv}/cpython-3.11.9-linux-x86_64-gnu/bin"), "python3.11"),
            (format!("{uv}/cpython-3.13.0+freethreaded-linux-x86_64-gnu/bin"), "python3.13t"),
        ] {
            let bin = place.directory(&directory);
            executable(&bin.join(name), &format!("touch {}/canary", place.root().display()));
            executable(&bin.join("python3-config"), "exit 1");
        }
        // The one without a telling name (2.7's `python`) is asked, and touches the canary.
        fs::remove_file(place.root().join(".pyenv/versions/2.7.18/bin/python")).unwrap();
        let found = discover(&place.surroundings(&[]), Path::new(ELSEWHERE));
        assert_eq!(
            shown(&found),
            ["3.14.0rc1 CPython", "3.13.0 FreeThreaded", "3.12.1 CPython", "3.11.9 CPython"]
        );
        assert!(!place.root().join("canary").exists());
    }

    #[test]
    fn others_are_asked_and_links_to_the_same_file_count_once() {
        let place = Place::new();
        let bin = place.directory("bin");
        executable(&bin.join("python3.12"), "echo cpython 3 12 4 final 0 .");
        std::os::unix::fs::symlink("python3.12", bin.join("python3")).unwrap();
        std::os::unix::fs::symlink("python3", bin.join("python")).unwrap();
        let other = place.directory("other");
        executable(&other.join("python3"), "echo pypy 3 10 14 final 0 .");
        let broken = place.directory("broken");
        executable(&broken.join("python3"), "exit 1");
        let found = discover(&place.surroundings(&[&bin, &other, &broken]), Path::new(ELSEWHERE));
        assert_eq!(shown(&found), ["3.12.4 CPython", "3.10.14 Other(\"pypy\")"]);
    }

    #[test]
    fn a_python_in_the_repository_or_a_shim_is_not_run() {
        let place = Place::new();
        let canary = format!("touch {}/canary; echo cpython 3 12 4 final 0 .", place.root().display());
        let (inside, shims) = (place.directory("repo/.venv/bin"), place.directory("x/shims"));
        executable(&inside.join("python3"), &canary);
        executable(&shims.join("python3"), &canary);
        let surroundings = place.surroundings(&[&inside, &shims]);
        assert!(discover(&surroundings, &place.root().join("repo")).is_empty());
        assert!(!place.root().join("canary").exists());
    }

    #[test]
    fn the_machines_own_pythons_tell_the_same_version_as_their_names() {
        let place = Place::new();
        let surroundings = place.real_home();
        let found = discover(&surroundings, Path::new(ELSEWHERE));
        assert!(!found.is_empty(), "this test needs any Python 3.8 or newer");
        for python in &found {
            let asked = ask(&surroundings, &python.path, Path::new(ELSEWHERE)).unwrap();
            assert_eq!(&asked, python);
        }
    }

    #[test]
    fn the_newest_patch_of_the_asked_minor_is_chosen() {
        use Implementation::{CPython, FreeThreaded};
        let all = [
            python("3.15.0b1", CPython),
            python("3.13.2", FreeThreaded),
            python("3.13.0", CPython),
            python("3.12.7", CPython),
            python("3.12.1", CPython),
            python("3.10.14", Implementation::Other("pypy".to_owned())),
        ];
        let requires: VersionSpecifiers = ">=3.10, <3.13".parse().unwrap();
        for (request, requires, expected) in [
            (Some("3.12"), None, Some("3.12.7")),
            (Some("3.12.1"), None, Some("3.12.1")),
            (Some("3.12.9"), None, None),
            (Some("3.1"), None, None),
            (Some("3.10"), None, None),
            (Some("3.13t"), None, Some("3.13.2")),
            (Some("3.15"), None, Some("3.15.0b1")),
            (Some("nonsense"), None, None),
            (None, None, Some("3.13.0")),
            (None, Some(&requires), Some("3.12.7")),
            (Some("3.13"), Some(&requires), None),
        ] {
            let chosen = choose(&all, request, requires).map(|python| python.version.to_string());
            assert_eq!(chosen.as_deref(), expected, "{request:?} {requires:?}");
        }
    }
}
