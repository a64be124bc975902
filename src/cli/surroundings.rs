//! The one place that reads the process: arguments, variables, directory, streams.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::tool::Surroundings;

/// What the process was started with.
#[derive(Debug, Clone)]
pub(super) struct Process {
    /// The words of the command line after the program.
    pub(super) words: Vec<OsString>,
    /// Variables and directory.
    pub(super) surroundings: Surroundings,
    /// Is standard error a terminal?
    pub(super) err_is_terminal: bool,
    /// Is standard output a terminal?
    pub(super) out_is_terminal: bool,
    /// When it began.
    pub(super) began: Instant,
}

impl Process {
    /// Reads it.
    ///
    /// # Errors
    /// When the current directory is gone.
    #[expect(clippy::disallowed_methods, reason = "cli reads the environment once and passes it down")]
    pub(super) fn read() -> io::Result<Self> {
        let began = Instant::now();
        Ok(Self {
            words: std::env::args_os().skip(1).collect(),
            surroundings: Surroundings { vars: std::env::vars_os().collect(), cwd: std::env::current_dir()? },
            err_is_terminal: io::stderr().is_terminal(),
            out_is_terminal: io::stdout().is_terminal(),
            began,
        })
    }

    /// A variable as text, if it is set, not empty and Unicode.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let value = self.surroundings.vars.get(OsStr::new(name))?;
        value.to_str().filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// The program itself, for the supervisor: on Linux the link that still leads to it after an upgrade has
    /// replaced the file.
    pub(super) fn program() -> PathBuf {
        let link = Path::new("/proc/self/exe");
        if link.exists() {
            link.to_owned()
        } else {
            std::env::current_exe().unwrap_or_else(|_| "envloom".into())
        }
    }
}
