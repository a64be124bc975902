//! The state of a file, a directory or an absence, cheap enough to check at every start.
//!
//! # Design note
//! A stat is trusted to notice a change by size, modification time, change time and inode. The change time
//! cannot be set by a program, so an old modification time put back by hand is still noticed. The one hole is
//! a file that changes twice within the granularity of the kernel's clock: its second state carries the same
//! change time as its first. A stamp taken while the file was that young therefore also holds a digest, and
//! is checked by reading. Options refused: waiting until files are old (costs every run), trusting
//! modification times alone (`touch -r` and `tar` defeat them), hashing always (a venv has thousands of
//! files).

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::base::{Digest, Hasher, open_ordinary};

/// A file that changed this shortly before it was looked at is checked by content. The kernel's clock ticks
/// at least every 10 ms; network file systems keep time by another clock, so the margin is wide.
const YOUNG: Duration = Duration::from_millis(500);

/// What a stat says of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Signature {
    size: u64,
    mode: u32,
    inode: u64,
    device: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The state of one path at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stamp {
    /// Nothing was there.
    Absent,
    /// A file or directory that had been left alone for a while: its stat tells all.
    Settled(Signature),
    /// One that had just changed: its content must be looked at again.
    Young(Signature, Digest),
}

impl Signature {
    /// Of a stat.
    #[must_use]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            mode: metadata.mode(),
            inode: metadata.ino(),
            device: metadata.dev(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Of what `path` leads to; `None` when nothing is there.
    ///
    /// # Errors
    /// Everything but absence.
    pub(crate) fn at(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::of(&metadata))),
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(cause) => Err(cause),
        }
    }

    /// The permission bits.
    #[must_use]
    pub(crate) fn mode(&self) -> u32 {
        self.mode & 0o777
    }

    /// Had it changed within [`YOUNG`] of `now`, or, by a clock put back, after it?
    pub(super) fn is_young(&self, now: SystemTime) -> bool {
        let since_epoch = |(seconds, nanoseconds): (i64, i64)| {
            i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
        };
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let latest = since_epoch(self.changed).max(since_epoch(self.modified));
        let limit = i128::try_from(now.saturating_sub(YOUNG).as_nanos()).unwrap_or(i128::MAX);
        latest >= limit
    }
}

impl Stamp {
    /// Of `path` now, whatever is there.
    ///
    /// # Errors
    /// When it can neither be looked at nor is absent.
    pub(crate) fn take(path: &Path) -> io::Result<Self> {
        let looked = SystemTime::now();
        let Some(signature) = Signature::at(path)? else { return Ok(Self::Absent) };
        if signature.is_young(looked) {
            return Ok(Self::Young(signature, content(path)?));
        }
        Ok(Self::Settled(signature))
    }

    /// Of what has that `content`, read after `signature` was taken, which was after `looked`. The moment of the look
    /// counts, not the end of a long reading: what changes in between may carry the time of the change before it.
    #[must_use]
    pub(crate) fn of_read(
        signature: Signature,
        looked: SystemTime,
        content: impl FnOnce() -> Digest,
    ) -> Self {
        if signature.is_young(looked) {
            return Self::Young(signature, content());
        }
        Self::Settled(signature)
    }

    /// Is `path` still in this state? What cannot be looked at is not.
    #[must_use]
    pub(crate) fn holds(&self, path: &Path) -> bool {
        let Ok(now) = Signature::at(path) else { return false };
        match (self, now) {
            (Self::Absent, None) => true,
            (Self::Settled(then), Some(now)) => *then == now,
            (Self::Young(then, digest), Some(now)) => {
                *then == now && content(path).is_ok_and(|content| content == *digest)
            }
            _ => false,
        }
    }

    /// Does this look, which has just been taken at `path`, show what `then` did? Where a stat does not tell, the
    /// contents do.
    #[must_use]
    pub(crate) fn is_what_was(&self, then: &Self, path: &Path) -> bool {
        match (then, self) {
            (Self::Absent, Self::Absent) => true,
            (Self::Settled(then), Self::Settled(now)) => then == now,
            (Self::Young(then, was), Self::Young(now, is)) => then == now && was == is,
            // What is read now has the state that was looked at, since that is not young.
            (Self::Young(signature, _), Self::Settled(now)) => signature == now && then.holds(path),
            _ => false,
        }
    }

    /// Of a stamp that was found to hold at or after `looked`: the one that can be taken now. What was young
    /// had been left alone for a while when it was looked at, stat first, and its content was the same: from
    /// here on its stat tells all.
    #[must_use]
    pub(crate) fn settled(&self, looked: SystemTime) -> Option<Self> {
        match self {
            Self::Young(signature, _) if !signature.is_young(looked) => Some(Self::Settled(*signature)),
            _ => None,
        }
    }
}

/// The digest of a file's bytes, or of the sorted names in a directory, each with what it names.
fn content(path: &Path) -> io::Result<Digest> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() {
        return Digest::of_stream(open_ordinary(path)?).map(|(digest, _)| digest);
    }
    if !metadata.is_dir() {
        // A pipe or a device: it has no content of its own, and reading it might never end.
        return Ok(Digest::of("no ordinary file"));
    }
    let mut names = fs::read_dir(path)?
        .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut hasher = Hasher::new("envloom directory 2");
    for (name, kind) in names {
        let kind = [u8::from(kind.is_file()), u8::from(kind.is_dir()), u8::from(kind.is_symlink())];
        hasher.field(name.as_encoded_bytes()).field(kind);
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    fn settle(path: &Path) -> Stamp {
        let signature = Signature::at(path).unwrap().unwrap();
        Stamp::Settled(signature)
    }

    #[test]
    fn a_settled_stamp_notices_other_bytes_under_the_old_modification_time() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        fs::write(&path, "aaaa").unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let stamp = settle(&path);
        assert!(stamp.holds(&path));
        // The kernel's clock must tick once, else both states share one change time: that is Young's case.
        while Signature::at(&path).unwrap()
            == Some(match &stamp {
                Stamp::Settled(then) => *then,
                _ => panic!(),
            })
        {
            fs::write(&path, "bbbb").unwrap();
            File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        }
        assert!(!stamp.holds(&path));
    }

    #[test]
    fn a_young_file_is_checked_by_content() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        fs::write(&path, "a").unwrap();
        let Stamp::Young(signature, digest) = Stamp::take(&path).unwrap() else { panic!("just written") };
        assert!(Stamp::Young(signature, digest).holds(&path));
        assert!(!Stamp::Young(signature, Digest::of("b")).holds(&path));
    }

    #[test]
    fn a_young_stamp_settles_once_the_file_was_left_alone_for_a_while() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        fs::write(&path, "a").unwrap();
        let signature = Signature::at(&path).unwrap().unwrap();
        let young = Stamp::Young(signature, Digest::of("a"));
        let changed = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(young.settled(changed + YOUNG), None);
        let later = changed + YOUNG + Duration::from_millis(1);
        assert_eq!(young.settled(later), Some(Stamp::Settled(signature)));
        assert_eq!(Stamp::Settled(signature).settled(later), None);
        assert_eq!(Stamp::Absent.settled(later), None);
    }

    #[test]
    fn a_time_in_the_future_is_young() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        fs::write(&path, "a").unwrap();
        let future = SystemTime::now() + Duration::from_secs(1_000_000);
        File::options().write(true).open(&path).unwrap().set_modified(future).unwrap();
        assert!(matches!(Stamp::take(&path).unwrap(), Stamp::Young(..)));
    }

    #[test]
    fn absence_and_directory_listings_are_states_too() {
        let root = tempfile::tempdir().unwrap();
        let absent = Stamp::take(&root.path().join("x")).unwrap();
        let listing = Stamp::take(root.path()).unwrap();
        assert!(absent.holds(&root.path().join("x")) && listing.holds(root.path()));
        fs::write(root.path().join("x"), "").unwrap();
        assert!(!absent.holds(&root.path().join("x")));
        assert!(!listing.holds(root.path()));
    }
}
