//! Several tracked files change together, or none of them does: a redo log.
//!
//! The log holds each file's digest as it was found and the whole of what it is to be. It is written whole and reaches the
//! disk before the first file is touched: from then on the change has happened, and whoever finds the log completes it
//! ([`Commit::finish`]). Before that nothing has. So a kill at any moment leaves all files old or, after the next call of
//! envloom, all new.
//!
//! Where a log is found and no file has what it says, it is dropped: either the kill came before the first file, or whoever
//! saw the half of it has put everything back (`git checkout .`). They see a repository in which nothing was changed, and
//! the call that was cut off has told them of no success; to change it under some later call would be a surprise. Where
//! one file has it, the rest follows: that half was made by nobody, and which half somebody wants cannot be known.
//!
//! Nobody's edit is overwritten: files are compared with what was found right before the log is written, and a log that
//! is found later is followed only while each file is one of the two. Else it is set aside, and that is said.
//!
//! Refused: an undo log, which must be right about what it undoes at a time when somebody may have gone on working, and
//! would bring back a state that had been left.
//!
//! A change may come with a note of the verb's own in the journal ([`Noted`]): it is written last, so that it is there
//! exactly when all files are as they are to be.
//!
//! The caller holds the lock of `envloom.lock` (`exec::lock_record`) around every call: two processes never write, or
//! complete, at once.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::base::{
    Digest, FileError, RelPath, clear_siblings, read_if_exists, remove_if_exists, write_whole,
};

/// The layout of the log; one of another number is set aside.
const FORMAT: u32 = 1;

/// A file as it was found and as it is to be. `None`: it is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileChange {
    /// Where it is.
    pub(crate) path: RelPath,
    /// What was found.
    pub(crate) before: Option<Vec<u8>>,
    /// What it is to be.
    pub(crate) after: Option<Vec<u8>>,
}

/// A note that the journal has when all files have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Noted {
    /// The file's name.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) text: String,
}

/// The log of one repository.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    root: PathBuf,
    journal: PathBuf,
    log: PathBuf,
    aside: PathBuf,
}

/// What came of looking for a log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    /// There was none.
    Nothing,
    /// The files it names are as it says now.
    Completed {
        /// The verb that was cut off.
        by: String,
        /// The files.
        paths: Vec<RelPath>,
    },
    /// No file had what it says; it is gone, and nothing was written.
    Dropped {
        /// The verb that was cut off.
        by: String,
    },
    /// It was moved to `kept`, and nothing was written, because a file is neither as it was found nor as it was to be; or
    /// because the log is not one.
    SetAside {
        /// The verb that was cut off; empty where the log is not one.
        by: String,
        /// Where the log is now.
        kept: PathBuf,
        /// The file.
        because: Option<RelPath>,
    },
}

#[derive(Serialize, Deserialize)]
struct Log {
    format: u32,
    /// The verb, for whoever is told.
    #[serde(default)]
    by: String,
    files: Vec<LoggedFile>,
    #[serde(default)]
    noted: Option<Noted>,
}

#[derive(Serialize, Deserialize)]
struct LoggedFile {
    path: String,
    before: Option<Digest>,
    /// In base64: lockfiles are text, what stands in their place need not be.
    after: Option<String>,
}

/// A file of a log that was read.
struct Step {
    path: RelPath,
    before: Option<Digest>,
    after: Option<Vec<u8>>,
}

impl Commit {
    /// The log of the repository at `root`, whose state directory is `state`.
    pub(crate) fn new(root: &Path, state: &Path) -> Self {
        let (journal, aside) = (state.join("journal"), state.join("replaced/commit.json"));
        Self { root: root.to_owned(), log: journal.join("commit.json"), journal, aside }
    }

    /// Was a change cut off? The look costs one stat.
    pub(crate) fn is_pending(&self) -> bool {
        self.log.symlink_metadata().is_ok()
    }

    /// Changes all files, for the verb `by`. `Some`: that file is no longer as it was found, and none was changed.
    ///
    /// # Errors
    /// When a file cannot be written: those that were are as before again. Where even that fails the log stays, and the
    /// next call completes it.
    pub(crate) fn carry_out(
        &self,
        by: &str,
        changes: &[FileChange],
        noted: Option<&Noted>,
    ) -> Result<Option<RelPath>, FileError> {
        if self.is_pending() {
            // Whoever wrote it was killed since this call began: the next one completes it.
            return Ok(Some(changes.first().map_or_else(RelPath::root, |change| change.path.clone())));
        }
        for change in changes {
            if read_if_exists(&change.path.under(&self.root))? != change.before {
                return Ok(Some(change.path.clone()));
            }
        }
        clear_siblings(&self.log)?;
        let files = changes.iter().map(|change| LoggedFile {
            path: change.path.to_string(),
            before: change.before.as_ref().map(Digest::of),
            after: change.after.as_ref().map(|bytes| STANDARD.encode(bytes)),
        });
        let log = Log { format: FORMAT, by: by.to_owned(), files: files.collect(), noted: noted.cloned() };
        let bytes = serde_json::to_vec(&log);
        let bytes = bytes.map_err(|cause| FileError::new("write", &self.log, cause.into()))?;
        write_whole(&self.log, &bytes)?;
        let put = |change: &FileChange| self.put(&change.path, change.after.as_deref());
        let written = changes.iter().try_for_each(put).and_then(|()| self.note(noted));
        if let Err(error) = written {
            for done in changes {
                self.put(&done.path, done.before.as_deref())?;
            }
            remove_if_exists(&self.log)?;
            return Err(error);
        }
        remove_if_exists(&self.log)?;
        Ok(None)
    }

    /// Completes a change that was cut off, or drops it where none of it is there.
    ///
    /// # Errors
    /// When a file cannot be read or written; the log stays.
    pub(crate) fn finish(&self) -> Result<Finished, FileError> {
        let Some(bytes) = read_if_exists(&self.log)? else { return Ok(Finished::Nothing) };
        let Some((by, steps, noted)) = read(&bytes) else {
            return self.set_aside(&bytes, String::new(), None);
        };
        let mut has_begun = false;
        for step in &steps {
            let now = read_if_exists(&step.path.under(&self.root))?;
            let is_after = now == step.after;
            let is_before = now.map(Digest::of) == step.before;
            if !is_after && !is_before {
                // What was noted before is of a change that is nobody's now.
                if let Some(noted) = &noted {
                    remove_if_exists(&self.journal.join(&noted.name))?;
                }
                return self.set_aside(&bytes, by, Some(step.path.clone()));
            }
            has_begun |= is_after && !is_before;
        }
        for step in &steps {
            // What was half-written when the kill came.
            clear_siblings(&step.path.under(&self.root))?;
            if has_begun {
                self.put(&step.path, step.after.as_deref())?;
            }
        }
        if has_begun {
            self.note(noted.as_ref())?;
        }
        remove_if_exists(&self.log)?;
        let paths = steps.into_iter().map(|step| step.path).collect();
        Ok(if has_begun { Finished::Completed { by, paths } } else { Finished::Dropped { by } })
    }

    fn set_aside(&self, bytes: &[u8], by: String, because: Option<RelPath>) -> Result<Finished, FileError> {
        write_whole(&self.aside, bytes)?;
        remove_if_exists(&self.log)?;
        Ok(Finished::SetAside { by, kept: self.aside.clone(), because })
    }

    fn note(&self, noted: Option<&Noted>) -> Result<(), FileError> {
        noted.map_or(Ok(()), |noted| {
            write_whole(&self.journal.join(&noted.name), noted.text.as_bytes()).map(drop)
        })
    }

    fn put(&self, path: &RelPath, content: Option<&[u8]>) -> Result<(), FileError> {
        let place = path.under(&self.root);
        match content {
            Some(bytes) => write_whole(&place, bytes)?,
            None => remove_if_exists(&place)?,
        };
        Ok(())
    }
}

/// The verb and the files of a log, and its note; `None`: it is none that this version writes.
fn read(bytes: &[u8]) -> Option<(String, Vec<Step>, Option<Noted>)> {
    let log: Log = serde_json::from_slice(bytes).ok().filter(|log: &Log| log.format == FORMAT)?;
    let step = |file: LoggedFile| {
        let after = file.after.map(|text| STANDARD.decode(text)).transpose().ok()?;
        Some(Step { path: RelPath::parse(&file.path).ok()?, before: file.before, after })
    };
    let is_name =
        |noted: &Noted| RelPath::parse(&noted.name).is_ok_and(|name| name.file_name() == noted.name);
    let steps = log.files.into_iter().map(step).collect::<Option<_>>()?;
    log.noted.as_ref().is_none_or(is_name).then_some((log.by, steps, log.noted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            place.write("tasks.kdl", b"old");
            place.write("prod/uv.lock", b"old\xff");
            place
        }

        fn commit(&self) -> Commit {
            Commit::new(self.0.path(), &self.0.path().join(".envloom"))
        }

        fn write(&self, path: &str, bytes: &[u8]) {
            write_whole(&self.0.path().join(path), bytes).unwrap();
        }

        fn read(&self, path: &str) -> Option<Vec<u8>> {
            read_if_exists(&self.0.path().join(path)).unwrap()
        }

        /// What all three files hold.
        fn all(&self) -> [Option<Vec<u8>>; 3] {
            ["tasks.kdl", "prod/uv.lock", "new/x"].map(|path| self.read(path))
        }

        fn log(&self) -> PathBuf {
            self.0.path().join(".envloom/journal/commit.json")
        }
    }

    fn changes() -> Vec<FileChange> {
        let change = |path: &str, before: Option<&[u8]>, after: Option<&[u8]>| FileChange {
            path: RelPath::parse(path).unwrap(),
            before: before.map(<[u8]>::to_vec),
            after: after.map(<[u8]>::to_vec),
        };
        vec![
            change("tasks.kdl", Some(b"old"), Some(b"new")),
            change("prod/uv.lock", Some(b"old\xff"), None),
            change("new/x", None, Some(b"\xfe")),
        ]
    }

    fn new() -> [Option<Vec<u8>>; 3] {
        [Some(b"new".to_vec()), None, Some(b"\xfe".to_vec())]
    }

    #[test]
    fn all_files_change() {
        let place = Place::new();
        assert_eq!(place.commit().carry_out("pin", &changes(), None).unwrap(), None);
        assert_eq!(place.all(), new());
        assert_eq!(place.commit().finish().unwrap(), Finished::Nothing);
    }

    #[test]
    fn a_note_is_there_exactly_when_all_files_have_changed() {
        let noted = Noted { name: "note.json".to_owned(), text: "decided".to_owned() };
        let place = Place::new();
        let read = |place: &Place| place.read(".envloom/journal/note.json");
        place.write("new/x", b"mine");
        assert!(place.commit().carry_out("add", &changes(), Some(&noted)).unwrap().is_some());
        assert_eq!(read(&place), None);
        fs::remove_file(place.0.path().join("new/x")).unwrap();
        assert_eq!(place.commit().carry_out("add", &changes(), Some(&noted)).unwrap(), None);
        assert_eq!(read(&place).unwrap(), b"decided");
        // Cut off: with the files, or not at all.
        let log = Log {
            format: FORMAT,
            by: String::new(),
            files: vec![
                LoggedFile { path: "new/x".to_owned(), before: None, after: None },
                LoggedFile { path: "tasks.kdl".to_owned(), before: None, after: Some("bmV3".to_owned()) },
            ],
            noted: Some(Noted { text: "again".to_owned(), ..noted }),
        };
        let log = serde_json::to_vec(&log).unwrap();
        place.write(".envloom/journal/commit.json", &log);
        assert!(matches!(place.commit().finish().unwrap(), Finished::SetAside { because: Some(_), .. }));
        assert_eq!(read(&place), None);
        fs::remove_file(place.0.path().join("new/x")).unwrap();
        place.write(".envloom/journal/commit.json", &log);
        assert!(matches!(place.commit().finish().unwrap(), Finished::Completed { .. }));
        assert_eq!(read(&place).unwrap(), b"again");
    }

    #[test]
    fn a_file_that_moved_keeps_all_as_they_are() {
        let place = Place::new();
        place.write("new/x", b"mine");
        let before = place.all();
        assert_eq!(
            place.commit().carry_out("pin", &changes(), None).unwrap(),
            Some(RelPath::parse("new/x").unwrap())
        );
        assert_eq!(place.all(), before);
        assert!(!place.commit().is_pending());
    }

    /// As if killed: the log is written by a commit that could not write its second file, nor put the first one back.
    fn logged(place: &Place) -> Vec<u8> {
        place.commit().carry_out("pin", &changes(), None).unwrap();
        let digest = |bytes: &[u8]| serde_json::to_value(Digest::of(bytes)).unwrap();
        let log = serde_json::json!({ "format": 1, "by": "pin", "files": [
            { "path": "tasks.kdl", "before": digest(b"old"), "after": "bmV3" },
            { "path": "prod/uv.lock", "before": digest(b"old\xff"), "after": null },
            { "path": "new/x", "before": null, "after": "/g==" },
        ] });
        serde_json::to_vec(&log).unwrap()
    }

    #[test]
    fn a_change_that_was_cut_off_anywhere_is_completed() {
        for (tasks, lockfile, x) in [
            (&b"new"[..], Some(&b"old\xff"[..]), None),
            (b"new", None, None),
            (b"new", None, Some(&b"\xfe"[..])),
            (b"old", Some(b"old\xff"), Some(b"\xfe")),
        ] {
            let place = Place::new();
            let log = logged(&place);
            place.write("tasks.kdl", tasks);
            for (path, content) in [("prod/uv.lock", lockfile), ("new/x", x)] {
                match content {
                    Some(bytes) => place.write(path, bytes),
                    None => drop(fs::remove_file(place.0.path().join(path))),
                }
            }
            fs::write(place.0.path().join(".tasks.kdl.envloom-abc.tmp"), "half").unwrap();
            fs::write(place.log(), &log).unwrap();
            let paths = changes().into_iter().map(|change| change.path).collect();
            assert_eq!(place.commit().finish().unwrap(), Finished::Completed { by: "pin".into(), paths });
            assert_eq!(place.all(), new());
            assert!(!place.commit().is_pending());
            assert_eq!(place.read(".tasks.kdl.envloom-abc.tmp"), None);
        }
    }

    #[test]
    fn a_change_of_which_nothing_is_there_is_dropped() {
        let place = Place::new();
        let log = logged(&place);
        place.write("tasks.kdl", b"old");
        place.write("prod/uv.lock", b"old\xff");
        fs::remove_file(place.0.path().join("new/x")).unwrap();
        let before = place.all();
        fs::write(place.log(), &log).unwrap();
        place.write(".tasks.kdl.envloom-abc.tmp", b"half");
        assert_eq!(place.commit().finish().unwrap(), Finished::Dropped { by: "pin".into() });
        assert_eq!(place.read(".tasks.kdl.envloom-abc.tmp"), None);
        assert_eq!(place.all(), before);
        assert!(!place.commit().is_pending());
    }

    #[test]
    fn an_edit_since_then_is_not_overwritten() {
        let place = Place::new();
        let log = logged(&place);
        place.write("tasks.kdl", b"old");
        place.write("new/x", b"mine");
        let before = place.all();
        fs::write(place.log(), &log).unwrap();
        let kept = place.0.path().join(".envloom/replaced/commit.json");
        let because = Some(RelPath::parse("new/x").unwrap());
        let aside = Finished::SetAside { by: "pin".into(), kept: kept.clone(), because };
        assert_eq!(place.commit().finish().unwrap(), aside);
        assert_eq!((place.all(), fs::read(kept).unwrap()), (before, log));
        assert!(!place.commit().is_pending());
    }

    #[test]
    fn what_is_no_log_is_set_aside() {
        let outside = br#"{"format":1,"files":[{"path":"../x","before":null,"after":""}]}"#;
        for bytes in [&b"{"[..], br#"{"format":2,"files":[]}"#, outside] {
            let place = Place::new();
            place.write(".envloom/journal/commit.json", bytes);
            assert!(matches!(place.commit().finish().unwrap(), Finished::SetAside { because: None, .. }));
            assert_eq!(place.all(), Place::new().all());
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_all_as_they_were() {
        let place = Place::new();
        let before = place.all();
        // A directory where the last file is to be: reading it as absent fails first, so it lies on the way.
        place.write("new", b"a file");
        let error = place.commit().carry_out("pin", &changes(), None).unwrap_err();
        assert_eq!(error.doing, "write");
        assert_eq!(place.all(), before);
        assert!(!place.commit().is_pending());
    }
}
