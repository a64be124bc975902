//! Reading with a memory: every file, listing and absence that a decision rests on is noted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::stamp::{Signature, Stamp};
use crate::base::{FileError, read_ordinary};

/// What was looked at, and how it was.
pub(crate) type Observation = BTreeMap<PathBuf, Stamp>;

/// Reads files and notes what it met. Shared by the threads that decide.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    seen: Mutex<Observation>,
}

impl Observer {
    /// One that has seen nothing.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The bytes at `path`, or `None` when nothing is there.
    ///
    /// # Errors
    /// Everything but absence.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        let fail = |cause| FileError::new("read", path, cause);
        // The stat comes first: bytes that change after it make the stamp fail, never pass.
        let Some(signature) = Signature::at(path).map_err(fail)? else {
            self.note(path, Stamp::Absent);
            return Ok(None);
        };
        let bytes = read_ordinary(path).map_err(fail)?;
        self.note(path, Stamp::of_read(signature, &bytes));
        Ok(Some(bytes))
    }

    /// The names in the directory `path`, sorted; none when it is absent.
    ///
    /// # Errors
    /// Everything but absence.
    pub(crate) fn list(&self, path: &Path) -> Result<Vec<String>, FileError> {
        let fail = |cause| FileError::new("list", path, cause);
        let stamp = Stamp::take(path).map_err(fail)?;
        let absent = stamp == Stamp::Absent;
        self.note(path, stamp);
        if absent {
            return Ok(Vec::new());
        }
        let mut names = fs::read_dir(path)
            .map_err(fail)?
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(fail)?;
        names.sort();
        Ok(names)
    }

    /// The stat of `path`, or `None` when nothing is there.
    ///
    /// # Errors
    /// Everything but absence.
    pub(crate) fn stat(&self, path: &Path) -> Result<Option<Signature>, FileError> {
        let stamp = Stamp::take(path).map_err(|cause| FileError::new("look at", path, cause))?;
        let signature = match &stamp {
            Stamp::Absent => None,
            Stamp::Settled(signature) | Stamp::Young(signature, _) => Some(*signature),
        };
        self.note(path, stamp);
        Ok(signature)
    }

    /// Forgets what a task has changed on purpose, so that it is looked at anew.
    pub(crate) fn forget(&self, path: &Path) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    /// All that was seen so far.
    #[must_use]
    pub(crate) fn seen(&self) -> Observation {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the latest look: what was decided last rests on it.
    fn note(&self, path: &Path, stamp: Stamp) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), stamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_listed_or_missed_is_noted() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), "1").unwrap();
        let observer = Observer::new();
        assert_eq!(observer.read(&root.path().join("a")).unwrap(), Some(b"1".to_vec()));
        assert_eq!(observer.read(&root.path().join("b")).unwrap(), None);
        assert_eq!(observer.list(root.path()).unwrap(), ["a"]);
        let seen = observer.seen();
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|(path, stamp)| stamp.holds(path)));
        assert_eq!(seen[&root.path().join("b")], Stamp::Absent);
    }
}
