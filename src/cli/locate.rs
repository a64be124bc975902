//! Where the repository is: the directory of the nearest `tasks.kdl`.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::CliError;
use crate::base::RelPath;
use crate::cache::Observer;

/// The file's name.
pub(super) const TASKS_FILE: &str = "tasks.kdl";

/// The repository as this call sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The root: the absolute directory of the tasks file, without symbolic links.
    pub(crate) root: PathBuf,
    /// The repository that programs are looked for in, so that none of its own is ever started, and under whose name
    /// what was found is remembered: the root itself; in a trial the root of which that is a copy.
    pub(crate) home: PathBuf,
    /// The tasks file's name in it.
    pub(crate) file_name: String,
    /// The current directory relative to the root; `None`: outside of it (`-f`).
    pub(crate) directory: Option<RelPath>,
}

impl Place {
    /// The tasks file.
    pub(super) fn file(&self) -> PathBuf {
        self.root.join(&self.file_name)
    }

    /// Files that a call names, seen from `here`; those outside of the repository are no inputs.
    pub(super) fn inner(&self, here: &Path, files: &[PathBuf]) -> Vec<RelPath> {
        let from =
            self.directory.as_ref().map_or_else(|| here.to_owned(), |directory| directory.under(&self.root));
        let inner = |file: &PathBuf| {
            let path = from.join(file);
            let path = path.strip_prefix(&self.root).ok()?;
            RelPath::parse(path.to_str()?).ok()
        };
        files.iter().filter_map(inner).collect()
    }

    /// What envloom keeps for itself.
    pub(super) fn state(&self) -> PathBuf {
        self.root.join(".envloom")
    }
}

/// The directory that the `-C`s lead to, each relative to the one before.
///
/// # Errors
/// When one is no directory.
pub(super) fn enter(start: &Path, directories: &[PathBuf]) -> Result<PathBuf, CliError> {
    let mut here = start.to_owned();
    for directory in directories {
        here.push(directory);
        if !here.is_dir() {
            return Err(CliError::BadDirectory { path: directory.clone() });
        }
    }
    here.canonicalize().map_err(|_| CliError::BadDirectory { path: here })
}

/// Finds the tasks file: the one named, else the nearest upward of `here`. The absences on the way are
/// observed: a nearer file that appears is another repository.
///
/// # Errors
/// When there is none.
pub(super) fn locate(here: &Path, named: Option<&Path>, observer: &Observer) -> Result<Place, CliError> {
    let none = || CliError::NoTasksFile { directory: here.to_owned() };
    let file = match named {
        Some(named) => {
            let file = here.join(named);
            if !file.exists() {
                return Err(CliError::NotAFile { path: named.to_owned() });
            }
            file
        }
        None => here
            .ancestors()
            .map(|directory| directory.join(TASKS_FILE))
            .find(|candidate| !matches!(observer.stat(candidate), Ok(None)))
            .ok_or_else(none)?,
    };
    if !fs::metadata(&file).is_ok_and(|metadata| metadata.is_file()) {
        return Err(CliError::NotAFile { path: file });
    }
    let root = file.parent().and_then(|root| root.canonicalize().ok()).ok_or_else(none)?;
    let file_name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let directory = here
        .strip_prefix(&root)
        .ok()
        .and_then(|inner| inner.to_str())
        .and_then(|inner| RelPath::parse(inner).ok());
    Ok(Place { home: root.clone(), root, file_name, directory })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_upward_wins_and_the_absences_are_seen() {
        let root = tempfile::tempdir().unwrap();
        let top = root.path().canonicalize().unwrap();
        fs::create_dir_all(top.join("a/b")).unwrap();
        fs::write(top.join(TASKS_FILE), "").unwrap();
        let observer = Observer::new();
        let place = locate(&top.join("a/b"), None, &observer).unwrap();
        assert_eq!(place.root, top);
        assert_eq!(place.directory, Some(RelPath::parse("a/b").unwrap()));
        assert!(observer.seen().contains_key(&top.join("a").join(TASKS_FILE)));
        fs::write(top.join("a").join(TASKS_FILE), "").unwrap();
        assert_eq!(locate(&top.join("a/b"), None, &observer).unwrap().root, top.join("a"));
        assert_eq!(locate(&top, Some(Path::new("a/tasks.kdl")), &observer).unwrap().directory, None);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(TASKS_FILE)).unwrap();
        let found = locate(&root.path().canonicalize().unwrap(), None, &Observer::new());
        assert!(matches!(found, Err(CliError::NotAFile { .. })));
        assert!(matches!(enter(root.path(), &["x".into()]), Err(CliError::BadDirectory { .. })));
    }
}
