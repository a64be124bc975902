//! What is taken from the machine that the tests run on.
//!
//! The only place of the harness that reads the ambient environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A variable of the test process itself.
pub(crate) fn ambient(name: &str) -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "the one place where tests read their own environment")]
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The directories of PATH, without shims: a shim answers by the directory it is run in.
pub(crate) fn ambient_path() -> Vec<PathBuf> {
    let path = ambient("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|directory| directory.is_absolute() && !directory.ends_with("shims"))
        .collect()
}

/// The directories of git and of the system's tools.
pub(super) fn tool_directories() -> Vec<PathBuf> {
    let git = git().parent().expect("a program stands in a directory").to_owned();
    vec![git, "/usr/bin".into(), "/bin".into()]
}

/// The real git.
pub(super) fn git() -> &'static Path {
    static GIT: OnceLock<PathBuf> = OnceLock::new();
    GIT.get_or_init(|| find("git").expect("these tests need git on PATH"))
}

/// A program on PATH, past shims.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::join_paths(ambient_path()).expect("they come from PATH");
    which::which_in_global(program, Some(path)).ok()?.next()
}
