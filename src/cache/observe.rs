//! Reading with a memory: every file, listing and absence that a decision rests on is noted.
//!
//! Of several looks at one path the first is kept, until [`Observer::forget`]: a task that was decided by it would
//! else rest on a state that only a later task has seen.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, DirEntry, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::stamp::{Signature, Stamp};
use crate::base::{Digest, FileError, open_ordinary, read_ordinary};

/// What was looked at, and how it was.
pub(crate) type Observation = BTreeMap<PathBuf, Stamp>;

/// The content of a file at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hashed {
    /// Its stat.
    pub(crate) signature: Signature,
    /// Of its bytes.
    pub(crate) digest: Digest,
    /// Had it been left alone for a while, so that its stat tells all?
    pub(crate) is_settled: bool,
}

/// Reads files and notes what it met. Shared by the threads that decide.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    seen: Mutex<Observation>,
    /// Was something looked at that no stamp can hold?
    beyond_files: AtomicBool,
    /// Was something looked at by someone else before?
    shared_looks: AtomicBool,
    /// Variables that something rests on and that only a file names.
    variables: Mutex<BTreeSet<String>>,
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
        let looked = SystemTime::now();
        let Some(signature) = Signature::at(path).map_err(fail)? else {
            self.note(path, Stamp::Absent);
            return Ok(None);
        };
        let bytes = read_ordinary(path).map_err(fail)?;
        self.note(path, Stamp::of_read(signature, looked, || Digest::of(&bytes)));
        Ok(Some(bytes))
    }

    /// The content of the file at `path`, or `None` when nothing is there. It is not read when `known` has the digest
    /// of a file with its stat.
    ///
    /// # Errors
    /// Everything but absence, a directory included.
    pub(crate) fn digest(
        &self,
        path: &Path,
        known: impl FnOnce(&Signature) -> Option<Digest>,
    ) -> Result<Option<Hashed>, FileError> {
        let fail = |cause| FileError::new("read", path, cause);
        let looked = SystemTime::now();
        let Some(signature) = Signature::at(path).map_err(fail)? else {
            self.note(path, Stamp::Absent);
            return Ok(None);
        };
        let is_settled = !signature.is_young(looked);
        let digest = match known(&signature).filter(|_| is_settled) {
            Some(digest) => digest,
            None => open_ordinary(path).and_then(Digest::of_stream).map_err(fail)?.0,
        };
        self.note(path, Stamp::of_read(signature, looked, || digest));
        Ok(Some(Hashed { signature, digest, is_settled }))
    }

    /// What is in the directory `path`, sorted by name; nothing when it is absent.
    ///
    /// # Errors
    /// Everything but absence.
    pub(crate) fn entries(&self, path: &Path) -> Result<Vec<(OsString, FileType)>, FileError> {
        let fail = |cause| FileError::new("list", path, cause);
        let stamp = Stamp::take(path).map_err(fail)?;
        let absent = stamp == Stamp::Absent;
        self.note(path, stamp);
        if absent {
            return Ok(Vec::new());
        }
        let mut entries = fs::read_dir(path)
            .and_then(|entries| {
                let read = |entry: DirEntry| Ok((entry.file_name(), entry.file_type()?));
                entries.map(|entry| entry.and_then(read)).collect::<io::Result<Vec<_>>>()
            })
            .map_err(fail)?;
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(entries)
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

    /// Forgets everything below a directory that a task has changed on purpose.
    pub(crate) fn forget_below(&self, directory: &Path, is_changed: impl Fn(&Path) -> bool) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let below = seen.range(directory.to_owned()..).map(|(path, _)| path);
        let below = below.take_while(|path| path.starts_with(directory));
        let changed: Vec<_> = below.filter(|path| is_changed(path)).cloned().collect();
        for path in changed {
            seen.remove(&path);
        }
    }

    /// Notes that a decision rests on a variable that only a file names.
    pub(crate) fn depend_on(&self, variable: &str) {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner).insert(variable.to_owned());
    }

    /// The variables of [`Observer::depend_on`].
    #[must_use]
    pub(crate) fn variables(&self) -> BTreeSet<String> {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a decision rests on something that no stamp can hold.
    pub(crate) fn look_beyond_files(&self) {
        self.beyond_files.store(true, Ordering::Relaxed);
    }

    /// Do the stamps of [`Observer::seen`] hold all that was looked at?
    pub(crate) fn has_seen_all(&self) -> bool {
        !self.beyond_files.load(Ordering::Relaxed)
    }

    /// Notes that a decision rests on a look that was noted elsewhere, by whoever took it first.
    pub(crate) fn share_a_look(&self) {
        self.shared_looks.store(true, Ordering::Relaxed);
    }

    /// Does [`Observer::seen`] hold every look that something rests on, its own and no other's?
    pub(crate) fn looked_alone(&self) -> bool {
        self.has_seen_all() && !self.shared_looks.load(Ordering::Relaxed)
    }

    /// Notes what one task's observer has noted.
    pub(crate) fn adopt(&self, task: &Self) {
        if !task.has_seen_all() {
            self.look_beyond_files();
        }
        self.variables.lock().unwrap_or_else(PoisonError::into_inner).extend(task.variables());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, stamp) in task.seen() {
            seen.entry(path).or_insert(stamp);
        }
    }

    /// All that was seen so far.
    #[must_use]
    pub(crate) fn seen(&self) -> Observation {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, path: &Path, stamp: Stamp) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).entry(path.to_owned()).or_insert(stamp);
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

    #[test]
    fn what_changes_between_two_looks_does_not_hold() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("uv.lock");
        fs::write(&path, "1").unwrap();
        let observer = Observer::new();
        observer.read(&path).unwrap();
        fs::write(&path, "22").unwrap();
        observer.read(&path).unwrap();
        assert!(!observer.seen()[&path].holds(&path));
        observer.forget(&path);
        observer.read(&path).unwrap();
        assert!(observer.seen()[&path].holds(&path));
    }
}
