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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::observe::{Hashed, Observer};
use super::stamp::Signature;
use crate::base::{Digest, FileError, Hasher, RelPath, read_if_exists, write_cached};

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
    /// Lists of inputs of this run, by their digests.
    lists: Mutex<BTreeMap<String, Arc<str>>>,
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
        let known = Mutex::new(Known { entries, is_new: false });
        Self { file, today, known, lists: Mutex::default() }
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

    /// Remembers a list of inputs for the time of this run; its digest stands for it.
    pub(crate) fn note_list(&self, list: String) -> Digest {
        let digest = Digest::of(&list);
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.entry(digest.to_string()).or_insert_with(|| list.into());
        digest
    }

    /// A list of [`Contents::note_list`], by its digest as text.
    pub(crate) fn list(&self, digest: &str) -> Option<Arc<str>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
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
        write_cached(&self.file, &bytes)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::time::Duration;

    /// What changes, and how.
    type Change = (&'static str, fn(&Path));

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    fn input(root: &Path, name: &str) -> Option<Digest> {
        Contents::load(root).input(root, &path(name), &Observer::new()).unwrap()
    }

    fn put(place: &Path, text: &str) {
        fs::write(place, text).unwrap();
    }

    #[test]
    fn bytes_and_the_right_to_be_run_are_what_counts() {
        let root = tempfile::tempdir().unwrap();
        put(&root.path().join("a"), "text");
        let plain = input(root.path(), "a").unwrap();
        assert_eq!(plain, Digest::of("text"));
        let set =
            |mode| fs::set_permissions(root.path().join("a"), fs::Permissions::from_mode(mode)).unwrap();
        set(0o600);
        assert_eq!(input(root.path(), "a"), Some(plain));
        set(0o755);
        assert_ne!(input(root.path(), "a"), Some(plain));
        assert_eq!(input(root.path(), "b"), None);
        assert_eq!(input(root.path(), "."), None);
    }

    #[test]
    fn a_link_counts_as_what_it_leads_to_inside_and_as_its_text_outside() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        fs::create_dir_all(root.join("dir")).unwrap();
        put(&root.join("a"), "text");
        put(&home.path().join("outside"), "text");
        for (target, expected) in
            [("a", true), ("dir/../a", true), ("../outside", false), ("dir", false), ("no", false)]
        {
            symlink(target, root.join("link")).unwrap();
            let found = input(&root, "link").unwrap();
            assert_eq!(found == Digest::of("text"), expected, "{target}");
            let text = Hasher::new("envloom link 1").field(target).finish();
            assert_eq!(found == text, !expected, "{target}");
            fs::remove_file(root.join("link")).unwrap();
        }
    }

    #[test]
    fn whatever_changes_an_input_is_noted() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        fs::create_dir(&root).unwrap();
        put(&root.join("a"), "text");
        put(&root.join("b"), "text");
        let link = root.join("link");
        let changes: [Change; 4] = [
            ("a", |root| fs::write(root.join("a"), "test").unwrap()),
            ("b", |root| fs::remove_file(root.join("b")).unwrap()),
            ("c", |root| fs::write(root.join("c"), "").unwrap()),
            ("link", |root| {
                fs::remove_file(root.join("link")).unwrap();
                symlink("nothing", root.join("link")).unwrap();
            }),
        ];
        symlink("nowhere", &link).unwrap();
        for (name, change) in changes {
            let observer = Observer::new();
            let before = Contents::load(&root).input(&root, &path(name), &observer).unwrap();
            let seen = observer.seen();
            assert!(seen.iter().all(|(path, stamp)| stamp.holds(path)), "{name}");
            change(&root);
            assert_ne!(input(&root, name), before, "{name}");
            assert!(!seen.iter().all(|(path, stamp)| stamp.holds(path)), "{name}");
        }
    }

    #[test]
    fn only_what_was_left_alone_is_remembered_and_a_file_of_that_stat_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a");
        put(&file, "text");
        let contents = Contents::load(root.path());
        let observer = Observer::new();
        let young = contents.file(&file, &observer).unwrap().unwrap();
        assert!(!young.is_settled);
        contents.save().unwrap();
        assert!(!root.path().join("contents").exists());
        // As if it had been looked at later.
        contents.remember(young.signature, Digest::of("remembered"));
        contents.save().unwrap();
        let next = Contents::load(root.path());
        assert_eq!(next.recall(&young.signature), Some(Digest::of("remembered")));
        // It is young all the same: the file speaks.
        assert_eq!(next.file(&file, &observer).unwrap().unwrap().digest, Digest::of("text"));
        while Signature::at(&file).unwrap().unwrap().is_young(SystemTime::now()) {
            std::thread::yield_now();
        }
        assert_eq!(next.file(&file, &observer).unwrap().unwrap().digest, Digest::of("remembered"));
        put(&file, "other");
        assert_eq!(next.file(&file, &observer).unwrap().unwrap().digest, Digest::of("other"));
    }

    #[test]
    fn what_nobody_asks_for_is_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let signature = |name: &str| {
            put(&root.path().join(name), name);
            Signature::at(&root.path().join(name)).unwrap().unwrap()
        };
        let (used, unused) = (signature("used"), signature("unused"));
        let mut contents = Contents::load(root.path());
        contents.remember(used, Digest::of("used"));
        contents.remember(unused, Digest::of("unused"));
        contents.save().unwrap();
        contents.today += KEPT_DAYS + 1;
        assert_eq!(contents.recall(&used), Some(Digest::of("used")));
        contents.save().unwrap();
        let next = Contents::load(root.path());
        assert_eq!((next.recall(&used), next.recall(&unused)), (Some(Digest::of("used")), None));
    }

    #[test]
    fn no_damaged_file_is_believed() {
        let root = tempfile::tempdir().unwrap();
        put(&root.path().join("a"), "text");
        let signature = Signature::at(&root.path().join("a")).unwrap().unwrap();
        let contents = Contents::load(root.path());
        contents.remember(signature, Digest::of("text"));
        contents.save().unwrap();
        let file = root.path().join("contents");
        let whole = fs::read(&file).unwrap();
        for length in 0..whole.len() {
            fs::write(&file, &whole[..length]).unwrap();
            assert_eq!(Contents::load(root.path()).recall(&signature), None, "{length}");
        }
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, &damaged).unwrap();
            assert_eq!(Contents::load(root.path()).recall(&signature), None, "bit {bit}");
        }
        fs::write(&file, &whole).unwrap();
        assert!(Contents::load(root.path()).recall(&signature).is_some());
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_young() {
        let root = tempfile::tempdir().unwrap();
        put(&root.path().join("a"), "text");
        let signature = Signature::at(&root.path().join("a")).unwrap().unwrap();
        let stamp = |looked| super::super::stamp::Stamp::of_read(signature, looked, || Digest::of("text"));
        let now = SystemTime::now();
        assert_eq!(stamp(now), super::super::stamp::Stamp::Young(signature, Digest::of("text")));
        assert_eq!(stamp(now + Duration::from_mins(1)), super::super::stamp::Stamp::Settled(signature));
    }
}
