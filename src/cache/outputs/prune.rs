//! How much the store holds, and what goes when it is too much.
//!
//! What was not used for longest goes first, actions and blobs alike, by the time that their use was last noted. Blobs
//! bear the time of the youngest action that uses them (see `note_use` and `keep`), so that a blob never goes before such an
//! action. No file needs to be read for that, and stopping after any removal leaves a sound store: that is what bounds
//! the time.

use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::OutputStore;
use crate::base::{Digest, FileError, remove_if_exists};

/// How much a store may hold.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    /// Bytes at most.
    pub(crate) bytes: Option<u64>,
    /// How long what nobody uses is kept.
    pub(crate) age: Option<Duration>,
}

/// How much a cache holds, or held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Files of any kind.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pruned {
    /// How much.
    pub(crate) removed: Size,
    /// Was there no time for all of it?
    pub(crate) is_partial: bool,
}

/// A file that was not finished in this time never will be.
const ABANDONED: Duration = Duration::from_hours(24);

/// How often a run looks whether the store is too large.
const EVERY: Duration = Duration::from_hours(1);

/// Two hexadecimal digits name a shard.
const SHARDS: u64 = 256;

/// One file. What is abandoned comes first, then what was used longest ago; of two of one moment the action.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Aged {
    is_in_use: bool,
    used: SystemTime,
    is_blob: bool,
    path: PathBuf,
    bytes: u64,
}

impl OutputStore {
    /// How much it holds.
    ///
    /// # Errors
    /// When a directory of it cannot be read.
    pub(crate) fn size(&self) -> Result<Size, FileError> {
        let mut size = Size::default();
        for shard in 0..SHARDS {
            for file in self.shard(shard, SystemTime::UNIX_EPOCH)? {
                size.files += 1;
                size.bytes += file.bytes;
            }
        }
        Ok(size)
    }

    /// Is it so long since anybody has looked that it is time again?
    #[must_use]
    pub(crate) fn is_prune_due(&self) -> bool {
        let looked = fs::metadata(self.look_mark()).and_then(|mark| mark.modified());
        looked.map_or(self.actions().is_dir(), |looked| looked.elapsed().map_or(true, |since| since > EVERY))
    }

    /// Removes what is beyond the limits, and what others have begun and never finished, for as long as `budget`.
    /// Where that does not suffice even to look at everything, the part that was looked at is held to its share.
    ///
    /// # Errors
    /// When a directory of it cannot be read or a file not be removed.
    pub(crate) fn prune(&self, limits: Limits, budget: Duration) -> Result<Pruned, FileError> {
        let (began, now) = (Instant::now(), SystemTime::now());
        let mut pruned = Pruned::default();
        if !self.directory.is_dir() {
            return Ok(pruned);
        }
        self.remove_abandoned(now, &mut pruned)?;
        let mut files = Vec::new();
        let mut looked_at = 0;
        // Another shard first each time: where there is never time for all, all get their turn.
        let first = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / 61;
        for shard in (0..SHARDS).map(|shard| (first + shard) % SHARDS) {
            if began.elapsed() > budget / 2 && looked_at > 0 {
                pruned.is_partial = true;
                break;
            }
            files.extend(self.shard(shard, now)?);
            looked_at += 1;
        }
        files.sort_unstable();
        let mut rest: u64 = files.iter().map(|file| file.bytes).sum();
        let share =
            |limit: u64| u64::try_from(u128::from(limit) * looked_at / u128::from(SHARDS)).unwrap_or(limit);
        let limit = limits.bytes.map_or(u64::MAX, share);
        // A little more than needed, so that the next run has nothing to do.
        let goal = if rest > limit { limit - limit / 10 } else { limit };
        let oldest = limits.age.and_then(|age| now.checked_sub(age));
        for file in files {
            let is_young = oldest.is_none_or(|oldest| file.used >= oldest);
            if file.is_in_use && is_young && rest <= goal {
                break;
            }
            if began.elapsed() > budget {
                pruned.is_partial = true;
                break;
            }
            rest -= file.bytes;
            pruned.remove(&file.path, file.bytes)?;
        }
        self.note_look()?;
        Ok(pruned)
    }

    /// Removes everything.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn clean(&self) -> Result<Size, FileError> {
        let size = self.size()?;
        if !self.directory.is_dir() {
            return Ok(size);
        }
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |cause| FileError::new("remove", path, cause)
        };
        // Out of the way first: others who write meanwhile make their directories anew.
        let mut doomed = tempfile::Builder::new();
        let doomed = doomed.prefix(CLEANED).tempdir_in(&self.directory).map_err(fail(&self.directory))?;
        for (at, own) in [self.actions(), self.blobs(), self.workshop()].iter().enumerate() {
            match fs::rename(own, doomed.path().join(at.to_string())) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(fail(own)(cause)),
                _ => {}
            }
        }
        remove_if_exists(&self.look_mark())?;
        let path = doomed.path().to_owned();
        doomed.close().map_err(fail(&path))?;
        // Of a store that nobody needs nothing is left.
        drop(fs::remove_dir(&self.directory));
        Ok(size)
    }

    /// The actions and blobs whose digests begin with that byte, and what someone began to write there and left long
    /// before `now`.
    fn shard(&self, shard: u64, now: SystemTime) -> Result<Vec<Aged>, FileError> {
        let mut files = Vec::new();
        for (directory, is_blob) in [(self.actions(), false), (self.blobs(), true)] {
            for entry in list(&directory.join(format!("{shard:02x}")))? {
                // One that is gone by now needs no removal.
                let (name, Ok(metadata)) = (entry.file_name(), entry.metadata()) else { continue };
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                let is_in_use = name.to_str().is_some_and(|name| is_finished(name, is_blob));
                // Being written: it is somebody's until it is old.
                if is_in_use || is_abandoned(used, now) {
                    let (path, bytes) = (entry.path(), metadata.len());
                    files.push(Aged { is_in_use, used, is_blob, path, bytes });
                }
            }
        }
        Ok(files)
    }

    /// Removes what someone has begun to write or to remove and left.
    fn remove_abandoned(&self, now: SystemTime, pruned: &mut Pruned) -> Result<(), FileError> {
        let is_old = |entry: &DirEntry| {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            written.is_ok_and(|written| is_abandoned(written, now))
        };
        for entry in list(&self.workshop())?.iter().filter(|entry| is_old(entry)) {
            pruned.remove(&entry.path(), entry.metadata().map_or(0, |metadata| metadata.len()))?;
        }
        let is_cleaned = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with(CLEANED));
        let cleaned = list(&self.directory)?;
        for entry in cleaned.iter().filter(|entry| is_cleaned(&entry.file_name()) && is_old(entry)) {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(|cause| FileError::new("remove", &path, cause))?;
        }
        Ok(())
    }

    fn look_mark(&self) -> PathBuf {
        self.directory.join("looked")
    }

    fn note_look(&self) -> Result<(), FileError> {
        let mark = self.look_mark();
        fs::write(&mark, "").map_err(|cause| FileError::new("write", mark, cause))
    }
}

/// How directories begin that are being removed.
const CLEANED: &str = "cleaned-";

impl Pruned {
    fn remove(&mut self, path: &Path, bytes: u64) -> Result<(), FileError> {
        // Another process may have been quicker.
        if remove_if_exists(path)? {
            self.removed.files += 1;
            self.removed.bytes += bytes;
        }
        Ok(())
    }
}

/// Is it the name of an action or of a blob?
fn is_finished(name: &str, is_blob: bool) -> bool {
    let digest = if is_blob { Some(name) } else { name.strip_suffix(".json") };
    digest.is_some_and(|digest| digest.parse::<Digest>().is_ok())
}

fn is_abandoned(written: SystemTime, now: SystemTime) -> bool {
    now.duration_since(written).is_ok_and(|since| since > ABANDONED)
}

/// What is in a directory; nothing when it is absent.
fn list(directory: &Path) -> Result<Vec<DirEntry>, FileError> {
    let fail = |cause| FileError::new("list", directory, cause);
    match fs::read_dir(directory) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.map_err(fail)?.collect::<io::Result<_>>().map_err(fail),
    }
}
