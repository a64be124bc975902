//! What was under way when envloom was cut off.
//!
//! Before a manifest is written, a note names what envloom will own in it; before uv may write a lockfile, a
//! copy of the former one is kept. Both go away once the work is whole. A note that is still there tells the
//! next run that the work was not: it then owns what it had begun to write, and puts the lockfile back.
//!
//! A copy kept beside the work, not a transaction log: each note stands alone, so that a damaged one costs
//! one file's convenience, never another's content.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::{Digest, FileError, RelPath, read_if_exists, remove_if_exists, write_whole};
use crate::ledger::{Owned, Record};

/// The notes of one repository.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    directory: PathBuf,
}

/// A manifest whose write was under way.
#[derive(Debug, Serialize, Deserialize)]
struct ManifestNote {
    manifest: RelPath,
    /// Of the text that was being written.
    digest: Digest,
    /// What envloom owns in that text.
    owned: Owned,
    /// A file that the note goes with, and the digest of its text: without it the note says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    with: Option<(RelPath, Digest)>,
}

/// A lockfile as it was before uv ran.
#[derive(Debug, Serialize, Deserialize)]
struct LockfileNote {
    lockfile: RelPath,
    /// `None`: there was none.
    former: Option<String>,
}

impl Journal {
    /// The journal below envloom's state directory.
    pub(crate) fn new(state: &Path) -> Self {
        Self { directory: state.join("journal") }
    }

    /// Notes that `manifest` is about to become the text of that digest.
    pub(crate) fn begin_manifest(
        &self,
        manifest: &RelPath,
        digest: Digest,
        owned: &Owned,
    ) -> Result<(), FileError> {
        let note = ManifestNote { manifest: manifest.clone(), digest, owned: owned.clone(), with: None };
        Self::write(&self.path("manifest", manifest), &note)
    }

    /// Notes that `manifest`, whose text of that digest stays, is about to be envloom's, by a file that is about to be
    /// written `with` it. Cut off before that file, nothing is.
    pub(crate) fn begin_with(
        &self,
        manifest: &RelPath,
        digest: Digest,
        owned: &Owned,
        with: (RelPath, Digest),
    ) -> Result<(), FileError> {
        let note =
            ManifestNote { manifest: manifest.clone(), digest, owned: owned.clone(), with: Some(with) };
        Self::write(&self.path("manifest", manifest), &note)
    }

    /// Was the writing of a manifest, or of the record of it, cut off?
    pub(crate) fn has_manifest(&self, manifest: &RelPath) -> bool {
        self.path("manifest", manifest).exists()
    }

    /// The manifest and the record of it are whole.
    pub(crate) fn end_manifest(&self, manifest: &RelPath) -> Result<(), FileError> {
        remove_if_exists(&self.path("manifest", manifest)).map(|_| ())
    }

    /// Keeps the lockfile as it is before uv runs.
    pub(crate) fn begin_lockfile(&self, lockfile: &RelPath, former: Option<&[u8]>) -> Result<(), FileError> {
        // uv writes UTF-8; another file is not uv's, and must come back as it was all the same.
        let former = former.map(|bytes| bytes.iter().map(|byte| char::from(*byte)).collect());
        Self::write(&self.path("lockfile", lockfile), &LockfileNote { lockfile: lockfile.clone(), former })
    }

    /// Was a lock cut off, so that the lockfile may be half-written?
    pub(crate) fn has_lockfile(&self, lockfile: &RelPath) -> bool {
        self.path("lockfile", lockfile).exists()
    }

    /// The lockfile is whole.
    pub(crate) fn end_lockfile(&self, lockfile: &RelPath) -> Result<(), FileError> {
        remove_if_exists(&self.path("lockfile", lockfile)).map(|_| ())
    }

    /// Makes `record` own what an interrupted run had begun to write, where that text is what is on disk.
    pub(crate) fn recover_manifest(
        &self,
        root: &Path,
        manifest: &RelPath,
        record: &mut Record,
    ) -> Result<(), FileError> {
        let path = self.path("manifest", manifest);
        let Some(note) = read_note::<ManifestNote>(&path)? else { return Ok(()) };
        let is_there = |path: &RelPath, digest: Digest| -> Result<bool, FileError> {
            Ok(read_if_exists(&path.under(root))?.is_some_and(|text| Digest::of(text) == digest))
        };
        let goes_with = note.with.map_or(Ok(true), |(path, digest)| is_there(&path, digest))?;
        if goes_with && note.manifest == *manifest && is_there(manifest, note.digest)? {
            record.owned.insert(manifest.clone(), note.owned);
        }
        Ok(())
    }

    /// Puts back the lockfile that an interrupted run may have left half-written. What stood in its place may be
    /// whole and someone's: the path is where it is kept, until the next one replaces it.
    pub(crate) fn recover_lockfile(
        &self,
        root: &Path,
        lockfile: &RelPath,
    ) -> Result<Option<PathBuf>, FileError> {
        let path = self.path("lockfile", lockfile);
        let Some(note) = read_note::<LockfileNote>(&path)? else { return Ok(None) };
        if note.lockfile != *lockfile {
            return Ok(None);
        }
        let place = lockfile.under(root);
        let former = note.former.as_deref().map(to_bytes);
        let now = read_if_exists(&place)?.filter(|now| Some(now) != former.as_ref());
        let name = format!("{}-uv.lock", Digest::of(lockfile.as_str()).short());
        let kept = self.directory.with_file_name("replaced").join(name);
        if let Some(now) = &now {
            write_whole(&kept, now)?;
        }
        match former {
            Some(bytes) => write_whole(&place, &bytes)?,
            None => remove_if_exists(&place)?,
        };
        remove_if_exists(&path)?;
        Ok(now.map(|_| kept))
    }

    /// The files whose writing was cut off, as far as the notes of it can be read.
    pub(crate) fn unfinished(&self) -> Result<Vec<String>, FileError> {
        let fail = |cause| FileError::new("list", &self.directory, cause);
        let entries = match std::fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(fail(cause)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(fail)?.path();
            let manifest = read_note::<ManifestNote>(&path)?.map(|note| note.manifest.to_string());
            let lockfile = || Ok(read_note::<LockfileNote>(&path)?.map(|note| note.lockfile.to_string()));
            files.extend(manifest.map_or_else(lockfile, |manifest| Ok(Some(manifest)))?);
        }
        files.sort();
        Ok(files)
    }

    fn write(path: &Path, note: &impl Serialize) -> Result<(), FileError> {
        let bytes = serde_json::to_vec(note).map_err(|cause| FileError::new("write", path, cause.into()))?;
        write_whole(path, &bytes).map(|_| ())
    }

    fn path(&self, kind: &str, subject: &RelPath) -> PathBuf {
        self.directory.join(format!("{kind}-{}.json", Digest::of(subject.as_str()).short()))
    }
}

/// A note that cannot be read says nothing: it was cut off before the work it announces began.
fn read_note<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, FileError> {
    Ok(read_if_exists(path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// The bytes that [`Journal::begin_lockfile`] wrote as characters of the same number.
fn to_bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_interrupted_lock_is_undone_byte_for_byte() {
        let root = tempfile::tempdir().unwrap();
        let journal = Journal::new(&root.path().join(".envloom"));
        let lockfile = RelPath::parse("prod/uv.lock").unwrap();
        let former: Vec<u8> = (0..=255).collect();
        fs::create_dir(root.path().join("prod")).unwrap();
        journal.begin_lockfile(&lockfile, Some(&former)).unwrap();
        fs::write(lockfile.under(root.path()), "half").unwrap();
        let kept = journal.recover_lockfile(root.path(), &lockfile).unwrap().unwrap();
        assert_eq!(fs::read(lockfile.under(root.path())).unwrap(), former);
        assert_eq!(fs::read(kept).unwrap(), b"half");
        assert_eq!(journal.recover_lockfile(root.path(), &lockfile).unwrap(), None);
    }

    #[test]
    fn a_lockfile_that_was_not_there_goes_again() {
        let root = tempfile::tempdir().unwrap();
        let journal = Journal::new(root.path());
        let lockfile = RelPath::parse("uv.lock").unwrap();
        journal.begin_lockfile(&lockfile, None).unwrap();
        fs::write(lockfile.under(root.path()), "half").unwrap();
        assert!(journal.recover_lockfile(root.path(), &lockfile).unwrap().is_some());
        assert!(!lockfile.under(root.path()).exists());
    }

    #[test]
    fn a_manifest_is_owned_after_an_interruption_only_if_it_was_written_whole() {
        let root = tempfile::tempdir().unwrap();
        let journal = Journal::new(&root.path().join(".envloom"));
        let manifest = RelPath::parse("pyproject.toml").unwrap();
        let owned = Owned::from([("project.name".to_owned(), Digest::of("x"))]);
        journal.begin_manifest(&manifest, Digest::of("new"), &owned).unwrap();
        let mut record = Record::default();
        fs::write(manifest.under(root.path()), "old").unwrap();
        journal.recover_manifest(root.path(), &manifest, &mut record).unwrap();
        assert!(record.owned.is_empty());
        fs::write(manifest.under(root.path()), "new").unwrap();
        journal.recover_manifest(root.path(), &manifest, &mut record).unwrap();
        assert_eq!(record.owned[&manifest], owned);
    }

    #[test]
    fn what_goes_with_a_file_is_owned_only_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let journal = Journal::new(&root.path().join(".envloom"));
        let [manifest, tasks] = ["pyproject.toml", "tasks.kdl"].map(|path| RelPath::parse(path).unwrap());
        let owned = Owned::from([("project.name".to_owned(), Digest::of("x"))]);
        fs::write(manifest.under(root.path()), "text").unwrap();
        let with = (tasks.clone(), Digest::of("tasks"));
        journal.begin_with(&manifest, Digest::of("text"), &owned, with).unwrap();
        for (text, is_owned) in [(None, false), (Some("others"), false), (Some("tasks"), true)] {
            if let Some(text) = text {
                fs::write(tasks.under(root.path()), text).unwrap();
            }
            let mut record = Record::default();
            journal.recover_manifest(root.path(), &manifest, &mut record).unwrap();
            assert_eq!(record.owned.contains_key(&manifest), is_owned, "{text:?}");
        }
    }
}
