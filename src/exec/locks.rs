//! Locks between envloom processes that work on one repository.
//!
//! Comes in: names of things that one task may use at a time (a venv, a manifest). Goes out: a
//! [`LockGuard`] that holds them, or who has them. A lock is the system's lock on a file in
//! `.envloom/locks`: in the repository and not below TMPDIR, where uv's own are, since two processes with
//! different TMPDIRs would not see each other.
//!
//! - The system drops a lock when its holder dies, so there is no stale lock and nothing to clean up.
//! - A lock file is never deleted: a process that has opened it and one that creates it anew would hold
//!   locks on two different files of one name.
//! - Waiting needs no polling: a thread of its own blocks in the system's lock call.
//! - Of several locks only one is ever waited for, while none is held; the others are tried. So no
//!   processes can wait for each other in a ring.
//! - The file says which process took it last, for messages only.
//! - A task may run envloom itself. That inner run would wait for ever for a lock of the very task it is
//!   part of. So each child is told, in [`LOCKS_VARIABLE`], which locks its task holds, and such a wait is
//!   refused. A lock of another task of the outer run is waited for like any other.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::error::ExecError;
use crate::base::Digest;

/// The variable that tells a task's children which locks the task holds: short digests of the files'
/// paths, joined by `:`, those of outer runs first.
pub(crate) const LOCKS_VARIABLE: &str = "ENVLOOM_LOCKS";

/// A file name that is longer is shortened and made unique by a digest.
const LONGEST_NAME: usize = 120;

/// The locks of one repository, as seen by one run.
#[derive(Debug, Clone)]
pub(crate) struct Locks {
    /// `.envloom/locks`.
    directory: PathBuf,
    /// What [`LOCKS_VARIABLE`] held when envloom started.
    outer: String,
}

/// Locks that are held until this is dropped.
#[derive(Debug)]
pub(crate) struct LockGuard {
    /// Closing a file gives up its lock.
    _files: Vec<File>,
    /// The value of [`LOCKS_VARIABLE`] for children.
    held: String,
}

impl LockGuard {
    /// The value of [`LOCKS_VARIABLE`] for children of the task that holds this.
    pub(crate) fn held(&self) -> &str {
        &self.held
    }
}

/// What came of trying.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// All are held.
    Held(LockGuard),
    /// Another process has one; none is held.
    Busy(Busy),
}

/// A lock that another process has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Busy {
    /// Its name.
    pub(crate) name: String,
    /// The process that last took it, if the file says.
    pub(crate) holder: Option<u32>,
}

impl Locks {
    /// The locks below `directory`, which is made if missing, for this user alone. `outer` is what
    /// [`LOCKS_VARIABLE`] held when envloom started.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new(directory: &Path, outer: Option<&str>) -> Result<Self, ExecError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        // An inner run may come by another way to the same directory.
        match made.and_then(|()| directory.canonicalize()) {
            Ok(directory) => Ok(Self { directory, outer: outer.unwrap_or_default().to_owned() }),
            Err(cause) => Err(ExecError::Lock { path: directory.to_owned(), cause }),
        }
    }

    /// What stands for one lock in [`LOCKS_VARIABLE`].
    fn token(&self, name: &str) -> String {
        Digest::of(self.path(name).as_os_str().as_encoded_bytes()).short()
    }

    /// Takes all locks, or none.
    ///
    /// # Errors
    /// When a lock file cannot be opened or locked, or the task this run is part of holds one.
    pub(crate) fn try_acquire(&self, names: &BTreeSet<String>) -> Result<Attempt, ExecError> {
        self.try_others(names, None)
    }

    /// Waits for all locks, here and now. `told` hears of the first that another process has.
    ///
    /// # Errors
    /// As with [`Locks::try_acquire`]; with `no_wait` also where another process has one.
    pub(crate) fn hold(
        &self,
        names: &BTreeSet<String>,
        no_wait: bool,
        told: impl FnOnce(&Busy),
    ) -> Result<LockGuard, ExecError> {
        match self.try_acquire(names)? {
            Attempt::Held(guard) => Ok(guard),
            Attempt::Busy(Busy { name, holder }) if no_wait => Err(ExecError::LockBusy { name, holder }),
            Attempt::Busy(busy) => {
                told(&busy);
                self.acquire(names, busy)
            }
        }
    }

    /// Waits for all locks on a thread of its own, then calls `notify` with them. `busy` is the one to
    /// wait for first. The thread outlives whoever asked: if nobody wants the locks any more, `notify`
    /// drops them.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn acquire_notify(
        &self,
        names: BTreeSet<String>,
        busy: Busy,
        notify: impl FnOnce(Result<LockGuard, ExecError>) + Send + 'static,
    ) -> Result<(), ExecError> {
        let locks = self.clone();
        let path = self.path(&busy.name);
        std::thread::Builder::new()
            .name("envloom-lock".to_owned())
            .spawn(move || notify(locks.acquire(&names, busy)))
            .map(drop)
            .map_err(|cause| ExecError::Lock { path, cause })
    }

    /// Blocks until all are held.
    fn acquire(&self, names: &BTreeSet<String>, mut busy: Busy) -> Result<LockGuard, ExecError> {
        loop {
            let mut file = self.open(&busy.name)?;
            file.lock().map_err(|cause| self.fault(&busy.name, cause))?;
            Self::sign(&mut file);
            match self.try_others(names, Some((&busy.name, file)))? {
                Attempt::Held(guard) => return Ok(guard),
                Attempt::Busy(next) => busy = next,
            }
        }
    }

    /// Tries every lock but the one that is held already.
    fn try_others(&self, names: &BTreeSet<String>, held: Option<(&str, File)>) -> Result<Attempt, ExecError> {
        let (held_name, held_file) = held.unzip();
        let mut files = Vec::from_iter(held_file);
        for name in names.iter().filter(|name| Some(name.as_str()) != held_name) {
            let mut file = self.open(name)?;
            match file.try_lock() {
                Ok(()) => {
                    Self::sign(&mut file);
                    files.push(file);
                }
                Err(TryLockError::WouldBlock) => return Ok(Attempt::Busy(self.busy(name, &mut file)?)),
                Err(TryLockError::Error(cause)) => return Err(self.fault(name, cause)),
            }
        }
        let tokens = names.iter().map(|name| self.token(name));
        let outer = Some(self.outer.clone()).filter(|outer| !outer.is_empty());
        let held = outer.into_iter().chain(tokens).collect::<Vec<_>>().join(":");
        Ok(Attempt::Held(LockGuard { _files: files, held }))
    }

    /// Who has it. A task that this run is part of would never give it back.
    fn busy(&self, name: &str, file: &mut File) -> Result<Busy, ExecError> {
        let token = self.token(name);
        if self.outer.split(':').any(|outer| outer == token) {
            return Err(ExecError::LockHeldByParent { name: name.to_owned() });
        }
        let mut text = String::new();
        // For the moment that whoever has just got it takes to sign, it is the one before: a message may name that.
        let _ = file.take(16).read_to_string(&mut text);
        Ok(Busy { name: name.to_owned(), holder: text.trim_end().parse().ok() })
    }

    /// Says in the file who has it. Only messages depend on it, so a full disk is no reason to stop. Always as long, so that
    /// nothing of an earlier one is left: a file that is cut to nothing first is written to the disk when it is closed (ext4).
    fn sign(file: &mut File) {
        let line = format!("{:<10}\n", std::process::id());
        let _ = file.rewind().and_then(|()| file.write_all(line.as_bytes()));
    }

    /// Opens a lock file, making it if need be. It is never a link to somewhere else.
    fn open(&self, name: &str) -> Result<File, ExecError> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(i32::from_ne_bytes(rustix::fs::OFlags::NOFOLLOW.bits().to_ne_bytes()))
            .open(self.path(name))
            .map_err(|cause| self.fault(name, cause))
    }

    /// Where the lock called `name` is.
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(file_name(name))
    }

    /// Says what failed.
    fn fault(&self, name: &str, cause: io::Error) -> ExecError {
        let path = self.path(name);
        match Errno::from_io_error(&cause) {
            Some(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP) => {
                ExecError::LocksUnsupported { path, cause }
            }
            Some(Errno::MFILE | Errno::NFILE) => ExecError::OutOfFiles { cause },
            _ => ExecError::Lock { path, cause },
        }
    }
}

/// A file name that differs for every lock name, on file systems that ignore case and Unicode form too.
fn file_name(name: &str) -> String {
    use std::fmt::Write as _;
    let mut safe = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' => safe.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(safe, "%{byte:02x}")),
        }
    }
    if safe.len() > LONGEST_NAME {
        safe.truncate(LONGEST_NAME - 40);
        safe.push('~');
        safe.push_str(&Digest::of(name.as_bytes()).to_string()[..32]);
    }
    safe.push_str(".lock");
    safe
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn take(locks: &Locks, wanted: &[&str]) -> LockGuard {
        match locks.try_acquire(&names(wanted)).unwrap() {
            Attempt::Held(guard) => guard,
            Attempt::Busy(busy) => panic!("{busy:?}"),
        }
    }

    fn busy(locks: &Locks, wanted: &[&str]) -> Busy {
        match locks.try_acquire(&names(wanted)).unwrap() {
            Attempt::Busy(busy) => busy,
            Attempt::Held(_) => panic!("{wanted:?} are free"),
        }
    }

    #[test]
    fn file_names_are_safe_and_unique() {
        assert_eq!(file_name("venv:dev-cu124"), "venv%3adev-cu124.lock");
        assert_eq!(file_name("../x\0"), "..%2fx%00.lock");
        assert_ne!(file_name("Foo").to_lowercase(), file_name("foo").to_lowercase());
        let long = "x".repeat(300);
        assert!(file_name(&long).len() < 255);
        assert_ne!(file_name(&long), file_name(&format!("{long}y")));
    }

    #[test]
    fn all_or_none_and_the_waiter_gets_them_all() {
        let root = tempfile::tempdir().unwrap();
        let locks = Locks::new(&root.path().join("a/locks"), None).unwrap();
        let (first, second) = (take(&locks, &["b"]), take(&locks, &["c"]));
        let found = busy(&locks, &["a", "b", "c"]);
        assert_eq!(found, Busy { name: "b".to_owned(), holder: Some(std::process::id()) });
        drop(take(&locks, &["a"]));

        let (sender, receiver) = channel();
        locks
            .acquire_notify(names(&["a", "b", "c"]), found, move |result| {
                sender.send(result).unwrap();
            })
            .unwrap();
        drop(first);
        drop(second);
        let guard = receiver.recv_timeout(Duration::from_secs(20)).unwrap().unwrap();
        assert_eq!(busy(&locks, &["c"]).name, "c");
        drop(guard);
        drop(take(&locks, &["a", "b", "c"]));
    }

    #[test]
    fn waiting_for_ones_own_task_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let outer = Locks::new(root.path(), Some("x")).unwrap();
        let (mine, other) = (take(&outer, &["mine", "more"]), take(&outer, &["other"]));
        assert!(mine.held().starts_with("x:"));
        let inner = Locks::new(&root.path().join("."), Some(mine.held())).unwrap();
        let refused = inner.try_acquire(&names(&["mine"]));
        assert!(matches!(refused, Err(ExecError::LockHeldByParent { .. })));
        // Another task of the outer run will end.
        assert_eq!(busy(&inner, &["other"]).name, "other");
        drop(other);
    }

    #[test]
    fn a_lock_file_that_is_a_link_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let locks = Locks::new(&root.path().join("locks"), None).unwrap();
        std::os::unix::fs::symlink(root.path().join("canary"), root.path().join("locks/venv.lock")).unwrap();
        assert!(matches!(locks.try_acquire(&names(&["venv"])), Err(ExecError::Lock { .. })));
        assert!(!root.path().join("canary").exists());
    }
}
