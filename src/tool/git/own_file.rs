//! A change of git's own files, `index` and `config`, that no kill leaves half done.
//!
//! git makes `index.lock`, and leaves it behind where it is killed: every later call of git then refuses. So git changes
//! a copy here, which takes the place of the file at once, while a lock of ours keeps other gits away. The lock holds a
//! text that the caller has noted before: whoever comes after a kill knows by it that nobody has the lock any more.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::call::Git;
use crate::base::remove_if_exists;
use crate::tool::error::ToolError;

/// How often, and how long apart, a lock that somebody else has is asked for. An editor that looks at the repository
/// has it for moments.
const TRIES: (u32, Duration) = (40, Duration::from_millis(50));

impl Git {
    /// Where `name` of the repository around `top` lies: in a linked worktree some files are shared, and some are not.
    pub(super) fn own_file(&self, top: &Path, name: &str) -> Result<PathBuf, ToolError> {
        let query = self.local(top, ["rev-parse", "--path-format=absolute", "--git-path", name]);
        let answer = query.demand()?;
        Ok(PathBuf::from(String::from_utf8_lossy(&answer).trim_end_matches('\n')))
    }

    /// The lock of another git, at work or killed, that keeps the index or the settings from being changed.
    ///
    /// # Errors
    /// When git cannot say where they are.
    pub(crate) fn lock_in_the_way(&self, top: &Path, token: &str) -> Result<Option<PathBuf>, ToolError> {
        for name in ["index", "config"] {
            let lock = beside(&self.own_file(top, name)?, ".lock");
            if lock.symlink_metadata().is_ok() && fs::read(&lock).ok().as_deref() != Some(token.as_bytes()) {
                return Ok(Some(lock));
            }
        }
        Ok(None)
    }

    /// Changes `file` through a copy of it.
    pub(super) fn change_own(
        file: &Path,
        token: &str,
        change: impl FnOnce(&Path) -> Result<(), ToolError>,
    ) -> Result<(), ToolError> {
        let lock = beside(file, ".lock");
        let copy = beside(file, ".envloom-copy");
        let remove =
            |path: &Path| remove_if_exists(path).map_err(|error| ToolError::io("remove", path)(error.cause));
        take(&lock, token)?;
        let changed = (|| {
            // Of one that was cut off.
            remove(&beside(&copy, ".lock"))?;
            remove(&copy)?;
            if file.symlink_metadata().is_ok() {
                fs::copy(file, &copy).map_err(ToolError::io("copy", file))?;
            }
            change(&copy)?;
            fs::rename(&copy, file).map_err(ToolError::io("write", file))
        })();
        if changed.is_err() {
            // The first failure says more.
            drop(remove(&copy));
        }
        let freed = remove(&lock);
        changed.and(freed.map(drop))
    }
}

/// Makes the lock; one that holds our text was left by a call that was killed.
fn take(lock: &Path, token: &str) -> Result<(), ToolError> {
    let fail = |cause| ToolError::io("create", lock)(cause);
    for attempt in 0.. {
        match create(lock, token) {
            Ok(()) => break,
            Err(cause) if cause.kind() != ErrorKind::AlreadyExists => return Err(fail(cause)),
            Err(_) if fs::read(lock).is_ok_and(|found| found == token.as_bytes()) => break,
            Err(cause) if attempt >= TRIES.0 => return Err(fail(cause)),
            Err(_) => thread::sleep(TRIES.1),
        }
    }
    Ok(())
}

/// Makes the lock with its text at once, so that a kill leaves no lock that is nobody's.
fn create(lock: &Path, token: &str) -> io::Result<()> {
    let whole = beside(lock, ".envloom");
    fs::write(&whole, token)?;
    let linked = fs::hard_link(&whole, lock);
    fs::remove_file(&whole)?;
    match linked {
        Err(cause) if cause.kind() != ErrorKind::AlreadyExists => {
            // A file system without hard links.
            fs::OpenOptions::new().write(true).create_new(true).open(lock)?.write_all(token.as_bytes())
        }
        linked => linked,
    }
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::Place;

    #[test]
    fn a_lock_that_a_kill_has_left_is_taken_over_and_no_one_elses() {
        let place = Place::new();
        let file = place.root().join("index");
        fs::write(&file, "old").unwrap();
        fs::write(place.root().join("index.lock"), "mine").unwrap();
        fs::write(place.root().join("index.envloom-copy"), "half").unwrap();
        fs::write(place.root().join("index.envloom-copy.lock"), "").unwrap();
        let change = |copy: &Path| {
            assert_eq!(fs::read(copy).unwrap(), b"old");
            fs::write(copy, "new").map_err(ToolError::io("write", copy))
        };
        Git::change_own(&file, "mine", change).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        let refuse = |copy: &Path| Err(ToolError::io("write", copy)(ErrorKind::Other.into()));
        Git::change_own(&file, "mine", refuse).unwrap_err();
        let names = fs::read_dir(place.root()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(
            !names.into_iter().any(|name| name != "index" && name.to_string_lossy().starts_with("index"))
        );
        // git is at work there.
        fs::write(place.root().join("index.lock"), "").unwrap();
        assert!(Git::change_own(&file, "mine", |_| Ok(())).is_err());
        assert!(place.root().join("index.lock").exists());
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }
}
