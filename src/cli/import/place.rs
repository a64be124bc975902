//! Where the files are to be, and what speaks against it.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::args::Arguments;
use super::super::error::CliError;
use super::super::load::Stop;
use super::super::locate::{Place, TASKS_FILE, enter};
use super::super::surroundings::Process;
use super::error::ImportError;
use crate::ledger::FILE_NAME;
use crate::manifest::quoted;

/// The current directory, unless there is a `tasks.kdl` in it, or above in the same repository.
///
/// # Errors
/// When there is one, or nothing may be written.
pub(super) fn place(process: &Process, arguments: &Arguments, verb: &'static str) -> Result<Place, Stop> {
    if arguments.file.is_some() {
        return Err(
            CliError::OptionWithoutUse { option: "--file", belongs_to: "targets and other verbs" }.into()
        );
    }
    let in_ci = process.variable("CI").is_some_and(|value| value != "0" && value != "false");
    if (arguments.locked || (in_ci && !arguments.no_locked)) && !arguments.dry_run {
        return Err(CliError::LockedVerb { verb }.into());
    }
    let root: PathBuf = enter(&process.surroundings.cwd, &arguments.directory)?;
    let place = Place { home: root.clone(), root, file_name: TASKS_FILE.to_owned(), directory: None };
    free(&place)?;
    if let Some(path) = above(&place.root) {
        let line = line(path.parent().unwrap_or(&path), &place.root);
        return Err(ImportError::TasksFileAbove { path, directory: place.root, line }.into());
    }
    Ok(place)
}

/// Is nothing in the way?
///
/// # Errors
/// When there is one of the files.
pub(super) fn free(place: &Place) -> Result<(), ImportError> {
    for name in [TASKS_FILE, FILE_NAME] {
        let path = place.root.join(name);
        if fs::symlink_metadata(&path).is_ok() {
            return Err(ImportError::AlreadyThere { path });
        }
    }
    Ok(())
}

/// The `tasks.kdl` that is meant here so far; one of another repository, further up, does not count.
fn above(root: &Path) -> Option<PathBuf> {
    let is_top = |directory: &&Path| directory.join(".git").exists();
    let top = root.ancestors().find(is_top);
    let inside =
        root.ancestors().skip(1).take_while(|directory| top.is_none_or(|top| directory.starts_with(top)));
    inside.map(|directory| directory.join(TASKS_FILE)).find(|file| file.is_file())
}

/// What takes the projects in a directory into the `tasks.kdl` above.
fn line(above: &Path, root: &Path) -> String {
    let inside = root.strip_prefix(above).unwrap_or(root).to_string_lossy().into_owned();
    if root.join("pyproject.toml").is_file() {
        let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let manifest = quoted(&format!("{inside}/pyproject.toml"));
        return format!("environment {} {{ manifest {manifest}; adopt }}", quoted(&name));
    }
    format!("projects {}", quoted(&format!("{inside}/*")))
}
