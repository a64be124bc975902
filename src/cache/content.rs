//! The contents of files, remembered from run to run.
//!
//! Comes in: paths of input and output files. Goes out: their digests, read only where the stat is not one that was
//! met before. One file below `.envloom/cache` holds all: a digest in front, so that a damaged one says nothing, then
//! stat -> digest, without paths: a stat names its file by device and inode, and a file that was moved is known.
//!
//! # What is believed
//! The digest of a file whose stat was taken when the file had been left alone for a while (see `stamp`): any later
//! change gives it another change time. Of a file that changed just before it was looked at nothing is remembered.
//! Each entry holds the day of its last use; those that nobody asked for in [`KEPT_DAYS`] go.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::observe::{Hashed, Observer};
use super::stamp::Signature;
use crate::base::{Digest, FileError, Hasher, RelPath, read_if_exists, write_whole};

/// The form of the file.
const FORMAT: &str = "envloom contents 1";

/// How long an entry is kept that nobody asks for.
const KEPT_DAYS: u32 = 30;

/// How many entries are kept at most: ninety bytes each.
const MOST: usize = 1_000_000;

/// What is known of contents. Shared by the threads that decide.
#[derive(Debug)]
pub(crate) struct Contents {
    file: PathBuf,
    today: u32,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    entries: BTreeMap<Signature, Entry>,
    /// Is there something that the file does not hold?
    is_new: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    digest: Digest,
    /// The day of its last use, counted from 1970.
    day: u32,
}

/// The file behind its digest.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: String,
    entries: Vec<(Signature, [u8; 32], u32)>,
}

impl Contents {
    /// What the file in `.envloom/cache`, given as `directory`, remembers: nothing where it cannot be read.
    #[must_use]
    pub(crate) fn load(directory: &Path) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let today = u32::try_from(since.as_secs() / 86_400).unwrap_or_default();
        let file = directory.join("contents");
        let entries = read(&file).unwrap_or_default();
        Self { file, today, known: Mutex::new(Known { entries, is_new: false }) }
    }

    /// The digest of an input: of a file its bytes and whether it may be run, of a link out of the repository or to a
    /// directory its text. `None`: nothing is there, or nothing that could be read (a pipe, a device, a directory).
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn input(
        &self,
        root: &Path,
        path: &RelPath,
        observer: &Observer,
    ) -> Result<Option<Digest>, FileError> {
        let place = path.under(root);
        let Ok(metadata) = fs::symlink_metadata(&place) else {
            // Whatever is wrong with it: the look that is noted says so.
            observer.stat(&place)?;
            return Ok(None);
        };
        if metadata.is_symlink() && !leads_to_file_inside(root, &place) {
            return link(&place, observer).map(Some);
        }
        let leads_to_file = if metadata.is_symlink() { place.is_file() } else { metadata.is_file() };
        if !leads_to_file {
            observer.stat(&place)?;
            return Ok(None);
        }
        let Some(hashed) = self.file(&place, observer)? else { return Ok(None) };
        let may_be_run = hashed.signature.mode() & 0o100 != 0;
        let marked = || Hasher::new("envloom program 1").field(hashed.digest.bytes()).finish();
        Ok(Some(if may_be_run { marked() } else { hashed.digest }))
    }

    /// The content of the file that `path` leads to, by its stat where that is known.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(crate) fn file(&self, path: &Path, observer: &Observer) -> Result<Option<Hashed>, FileError> {
        let hashed = observer.digest(path, |signature| self.recall(signature))?;
        if let Some(Hashed { signature, digest, is_settled: true }) = hashed {
            self.remember(signature, digest);
        }
        Ok(hashed)
    }

    /// Writes what is new, for the next run. Of two processes the later one's is kept.
    ///
    /// # Errors
    /// When it cannot be written; the caller warns and goes on.
    pub(crate) fn save(&self) -> Result<(), FileError> {
        let mut known = self.known();
        if !known.is_new {
            return Ok(());
        }
        let oldest = self.today.saturating_sub(KEPT_DAYS);
        known.entries.retain(|_, entry| entry.day >= oldest);
        if known.entries.len() > MOST {
            known.entries.retain(|_, entry| entry.day == self.today);
        }
        let entries = known.entries.iter();
        let entries =
            entries.take(MOST).map(|(signature, entry)| (*signature, entry.digest.bytes(), entry.day));
        let stored = Stored { format: FORMAT.to_owned(), entries: entries.collect() };
        let body = postcard::to_stdvec(&stored)
            .map_err(|cause| FileError::new("write", &self.file, std::io::Error::other(cause)))?;
        let mut bytes = Digest::of(&body).bytes().to_vec();
        bytes.extend(body);
        write_whole(&self.file, &bytes)?;
        known.is_new = false;
        Ok(())
    }

    fn recall(&self, signature: &Signature) -> Option<Digest> {
        let mut known = self.known();
        let entry = known.entries.get_mut(signature)?;
        let digest = entry.digest;
        if entry.day != self.today {
            entry.day = self.today;
            known.is_new = true;
        }
        Some(digest)
    }

    fn remember(&self, signature: Signature, digest: Digest) {
        let entry = Entry { digest, day: self.today };
        let mut known = self.known();
        known.is_new |= known.entries.insert(signature, entry) != Some(entry);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the file remembers; `None` where anything is wrong with it.
fn read(file: &Path) -> Option<BTreeMap<Signature, Entry>> {
    let bytes = read_if_exists(file).ok()??;
    let (digest, body) = bytes.split_first_chunk::<32>()?;
    if Digest::of(body).bytes() != *digest {
        return None;
    }
    let stored: Stored = postcard::from_bytes(body).ok()?;
    let entry = |(signature, digest, day)| (signature, Entry { digest: Digest::from_bytes(digest), day });
    (stored.format == FORMAT).then(|| stored.entries.into_iter().map(entry).collect())
}

/// Does the link end at an ordinary file of the repository?
fn leads_to_file_inside(root: &Path, place: &Path) -> bool {
    let (Ok(end), Ok(root)) = (place.canonicalize(), root.canonicalize()) else { return false };
    end.starts_with(root) && end.is_file()
}

/// The digest of a link's text.
fn link(place: &Path, observer: &Observer) -> Result<Digest, FileError> {
    let text = link_text(place, observer)?;
    Ok(Hasher::new("envloom link 1").field(text.as_encoded_bytes()).finish())
}

/// The text of a link. It is noted with the listing of its directory, which changes when the link is made anew, and with
/// what it leads to: something may come to be there.
pub(super) fn link_text(place: &Path, observer: &Observer) -> Result<OsString, FileError> {
    if let Some(parent) = place.parent() {
        observer.stat(parent)?;
    }
    // A link in a circle leads nowhere, but no stamp can hold that.
    if observer.stat(place).is_err() {
        observer.look_beyond_files();
    }
    let text = fs::read_link(place).map_err(|cause| FileError::new("read", place, cause))?;
    Ok(text.into_os_string())
}
