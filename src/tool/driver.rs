//! The NVIDIA driver of this machine: it decides which CUDA builds run here.
//!
//! In: [`Surroundings`], and a way to read files that remembers what was read. Out: the driver's version and who
//! gave it, or that there is none. Asked in this order, as uv does for its own `--torch-backend=auto`:
//!
//! | | gives |
//! | --- | --- |
//! | `UV_CUDA_DRIVER_VERSION` | what the user says, `550.144.03`: uv's own variable, for machines that build for others |
//! | `/proc/driver/nvidia/version`, `/sys/module/nvidia/version` | the loaded kernel module |
//! | `nvidia-smi` | where the module is out of sight: containers, WSL |
//!
//! A `nvidia-smi` that fails has no driver to talk to, and that is an answer. One that hangs or prints something else
//! is not: then nothing is known, and whoever asked is told rather than given the build for machines without a GPU.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pep440_rs::Version;

use super::address::plain;
use super::run::Query;
use super::surroundings::Surroundings;
use crate::base::FileError;

/// The variable that says it for the machine.
const VARIABLE: &str = "UV_CUDA_DRIVER_VERSION";
/// The program that knows it.
const PROGRAM: &str = "nvidia-smi";
/// Files of the loaded kernel module; no program needs to be started where there is one.
const FILES: [&str; 2] = ["/proc/driver/nvidia/version", "/sys/module/nvidia/version"];
/// A machine with many devices that no process keeps awake takes seconds to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A driver that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Driver {
    /// What ranges are asked with.
    pub(crate) version: Version,
    /// As its source writes it: `550.144.03`.
    pub(crate) text: String,
    /// The variable, file or program that gave it.
    pub(crate) from: &'static str,
}

/// Something that should give the version and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// The variable, file or program.
    pub(crate) from: &'static str,
    /// What it gave instead, as it may be shown.
    pub(crate) said: String,
}

/// The driver; `None`: the machine has none.
pub(crate) type Seen = Result<Option<Driver>, Unreadable>;

/// Reads a file; `None` where there is none.
pub(crate) type Reader<'a> = dyn Fn(&Path) -> Result<Option<Vec<u8>>, FileError> + 'a;

/// How a driver is looked for.
pub(crate) struct Search<'a> {
    /// Variables, and where programs may come from.
    pub(crate) surroundings: &'a Surroundings,
    /// The top of the repository, from which no program is taken.
    pub(crate) root: &'a Path,
    /// How long the program may take.
    pub(crate) patience: Duration,
    /// Remembers what it read, where that matters.
    pub(crate) read: &'a Reader<'a>,
    /// Called before a program is started: its answer is in no file.
    pub(crate) starting: &'a dyn Fn(),
}

impl Search<'_> {
    /// Looks.
    pub(crate) fn look(&self) -> Seen {
        if let Some(said) = self.surroundings.var(VARIABLE) {
            return driver(VARIABLE, &said.to_string_lossy()).map(Some);
        }
        // A file in a form of its own stops nothing while something else can tell.
        let mut trouble = None;
        for path in FILES {
            match (self.read)(Path::new(path)) {
                Ok(None) => {}
                Ok(Some(bytes)) => match driver(path, &String::from_utf8_lossy(&bytes)) {
                    Ok(found) => return Ok(Some(found)),
                    Err(unreadable) => trouble = Some(unreadable),
                },
                Err(error) => trouble = Some(Unreadable { from: path, said: error.to_string() }),
            }
        }
        match (self.ask()?, trouble) {
            (None, Some(unreadable)) => Err(unreadable),
            (found, _) => Ok(found),
        }
    }

    /// What `nvidia-smi` says, where there is one.
    fn ask(&self) -> Seen {
        let Some(program) = self.surroundings.programs(PROGRAM, self.root).into_iter().next() else {
            return Ok(None);
        };
        (self.starting)();
        let query = Query {
            program: &program,
            arguments: ["--query-gpu=driver_version", "--format=csv,noheader"].map(Into::into).into(),
            preamble: 0,
            directory: Path::new("/"),
            vars: &self.surroundings.harmless_vars(self.root),
            limit: self.patience,
        };
        match query.ask() {
            Ok(answer) if !answer.status.success() => Ok(None),
            Ok(answer) => driver(PROGRAM, &String::from_utf8_lossy(&answer.stdout)).map(Some),
            Err(error) => Err(Unreadable { from: PROGRAM, said: error.to_string() }),
        }
    }
}

/// The directories and files besides [`FILES`] that the absence of a program rests on.
pub(crate) fn watched(surroundings: &Surroundings, root: &Path) -> Vec<PathBuf> {
    let mut paths = surroundings.version_homes(PROGRAM, &surroundings.path_entries(root));
    paths.extend(surroundings.listed_entries());
    paths.extend(surroundings.program_directories(PROGRAM, root));
    paths
}

/// The version in what a source says: all of its first line, or its first word that is one and has a point, since
/// `/proc/driver/nvidia/version` is a sentence. Several devices share one driver.
fn driver(from: &'static str, said: &str) -> Result<Driver, Unreadable> {
    let line = said.lines().next().unwrap_or_default().trim();
    let driver =
        |text: &str| text.parse().ok().map(|version| Driver { version, text: text.to_owned(), from });
    let word = || line.split_whitespace().filter(|word| word.contains('.')).find_map(driver);
    match driver(line).or_else(word) {
        Some(driver) => Ok(driver),
        None => Err(Unreadable { from, said: format!("`{}`", plain(line)) }),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use super::super::testing::{Place, executable};
    use super::*;

    /// Looks at a machine with these files, and what `nvidia-smi` does.
    fn look(variable: Option<&str>, files: [Option<&str>; 2], script: Option<&str>) -> (Seen, bool) {
        let place = Place::new();
        let bin = place.directory("bin");
        if let Some(script) = script {
            executable(&bin.join("nvidia-smi"), script);
        }
        let mut surroundings = place.surroundings(&[&bin, Path::new("/usr/bin"), Path::new("/bin")]);
        if let Some(value) = variable {
            surroundings.vars.insert(VARIABLE.into(), value.into());
        }
        let started = Cell::new(false);
        let seen = Search {
            surroundings: &surroundings,
            root: &place.directory("repo"),
            patience: Duration::from_millis(300),
            read: &|path| {
                let at = FILES.iter().position(|file| Path::new(file) == path).unwrap();
                Ok(files[at].map(|text| text.as_bytes().to_vec()))
            },
            starting: &|| started.set(true),
        }
        .look();
        (seen, started.get())
    }

    fn version(seen: (Seen, bool)) -> String {
        let found = seen.0.unwrap().unwrap();
        format!("{} by {}{}", found.text, found.from, if seen.1 { ", started" } else { "" })
    }

    const OPEN: &str = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.144.03  Release Build  (dvs-builder@U16)\nGCC version:  gcc version 12.3.0\n";
    const OLD: &str =
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  375.74  Wed Jun 14 01:39:39 PDT 2017\n";

    #[test]
    fn the_variable_wins_over_files_and_files_over_the_program() {
        let smi = Some("echo 470.1");
        assert_eq!(
            version(look(Some("580.65.06"), [Some(OPEN), None], smi)),
            "580.65.06 by UV_CUDA_DRIVER_VERSION"
        );
        assert_eq!(
            version(look(Some(""), [Some(OPEN), None], smi)),
            "550.144.03 by /proc/driver/nvidia/version"
        );
        assert_eq!(version(look(None, [Some(OLD), None], smi)), "375.74 by /proc/driver/nvidia/version");
        assert_eq!(
            version(look(None, [None, Some("570.86.10\n")], smi)),
            "570.86.10 by /sys/module/nvidia/version"
        );
        assert_eq!(version(look(None, [None, None], smi)), "470.1 by nvidia-smi, started");
    }

    #[test]
    fn several_devices_share_a_driver_and_the_program_gets_these_words() {
        let script = r#"[ "$*" = "--query-gpu=driver_version --format=csv,noheader" ] && printf '550.54.15\n550.54.15\n'"#;
        assert_eq!(version(look(None, [None, None], Some(script))), "550.54.15 by nvidia-smi, started");
    }

    #[test]
    fn a_machine_without_any_of_them_has_no_driver() {
        assert_eq!(look(None, [None, None], None), (Ok(None), false));
        assert_eq!(look(None, [None, None], Some("echo 'no driver is loaded'; exit 9")), (Ok(None), true));
    }

    #[test]
    fn what_is_no_version_is_said_and_not_taken_for_a_machine_without_a_driver() {
        let said =
            |seen: (Seen, bool)| seen.0.map_err(|unreadable| (unreadable.from, unreadable.said)).unwrap_err();
        assert_eq!(
            said(look(Some("new"), [None, None], None)),
            ("UV_CUDA_DRIVER_VERSION", "`new`".to_owned())
        );
        assert_eq!(
            said(look(None, [None, None], Some("echo '[N/A]'"))),
            ("nvidia-smi", "`[N/A]`".to_owned())
        );
        assert_eq!(
            said(look(None, [Some("?"), None], None)),
            ("/proc/driver/nvidia/version", "`?`".to_owned())
        );
        let (from, hangs) = said(look(None, [None, None], Some("exec sleep 60")));
        assert_eq!(from, "nvidia-smi");
        assert!(hangs.contains("nvidia-smi"), "{hangs}");
        // A file of an unknown form stops nothing while the program answers.
        assert_eq!(
            version(look(None, [Some("?"), None], Some("echo 535.1"))),
            "535.1 by nvidia-smi, started"
        );
    }

    #[test]
    fn a_program_of_the_repository_is_not_asked() {
        let place = Place::new();
        let inside = place.directory("repo/bin");
        executable(&inside.join("nvidia-smi"), "echo 550.1");
        let surroundings = place.surroundings(&[&inside]);
        let search = Search {
            surroundings: &surroundings,
            root: &place.directory("repo"),
            patience: PATIENCE,
            read: &|_| Ok(None),
            starting: &|| panic!("it was started"),
        };
        assert_eq!(search.look(), Ok(None));
        assert!(watched(&surroundings, &place.directory("repo")).contains(&inside));
        assert!(fs::metadata(inside.join("nvidia-smi")).is_ok());
    }
}
