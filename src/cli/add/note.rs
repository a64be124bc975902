//! What is noted while `add package` and `remove package` work, so that a call that was cut off is undone or completed by
//! the next one.
//!
//! | the note says | a call that finds it |
//! | --- | --- |
//! | an addition, not decided | takes the checkout away again, unless somebody has worked in it since |
//! | an addition, decided | makes git know the submodule: settings and index |
//! | a removal, not decided | leaves all as it is: nothing has happened |
//! | a removal, decided | makes git forget the submodule, and takes its files away, if nothing is lost with them |
//!
//! The note is decided together with the change of `tasks.kdl`, manifests, lockfiles and `.gitmodules` (`cache::Commit`):
//! exactly when all of these are as they are to be. git's settings and index change by a copy
//! that takes their place; files and repository go aside first. Whatever is cut off can be done again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::load::Stop;
use super::super::locate::Place;
use super::super::output::Output;
use super::super::surroundings::Process;
use super::super::unfinished::CUT_OFF;
use crate::base::{FileError, RelPath, read_if_exists, remove_if_exists, write_whole};
use crate::cache::{Commit, Noted};
use crate::exec::{Attempt, LOCKS_VARIABLE, Locks};
use crate::tool::Shield;
use crate::tool::ToolError;
use crate::tool::git::{Elsewhere, Git, Module, ObjectId, Standing};

/// The layout of the note; one of another number is set aside.
const FORMAT: u32 = 2;

/// Its name in the journal.
const NAME: &str = "submodule.json";

/// What is done to the submodule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Work {
    /// It comes.
    Added,
    /// It goes.
    Removed,
    /// git forgets it, and its files stay.
    Released,
}

/// The submodule that is being added or removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Note {
    format: u32,
    work: Work,
    decided: bool,
    path: String,
    name: String,
    url: String,
    commit: ObjectId,
    /// Commits that are not lost with it.
    elsewhere: BTreeSet<ObjectId>,
}

/// What came of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// What was begun has happened.
    Completed,
    /// It has not.
    Undone,
    /// Somebody has worked in it: its files stay.
    Left,
}

impl Note {
    pub(super) fn new(work: Work, module: &Module<'_>, elsewhere: BTreeSet<ObjectId>) -> Self {
        Self {
            format: FORMAT,
            work,
            decided: false,
            path: module.path.to_string(),
            name: module.name.to_owned(),
            url: module.url.to_owned(),
            commit: module.commit.clone(),
            elsewhere,
        }
    }

    /// Writes it; from then on a call that finds it acts on it.
    pub(super) fn write(&self, place: &Place) -> Result<(), Stop> {
        Ok(write_whole(&file(place), self.text().as_bytes()).map(drop)?)
    }

    /// The note as it is when all files are as they are to be.
    pub(super) fn decision(&self) -> Noted {
        let decided = Self { decided: true, ..self.clone() };
        Noted { name: NAME.to_owned(), text: decided.text() }
    }

    fn text(&self) -> String {
        // Texts and flags alone: it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Undoes or completes what the note in the journal says, and removes it. No signal ends this half-way.
    pub(super) fn settle(place: &Place, git: &Git) -> Result<Option<Settled>, Stop> {
        let _shield = Shield::take();
        // A change that could neither be written nor taken back is the next call's, and the submodule with it.
        if Commit::new(&place.root, &place.state()).is_pending() {
            return Ok(None);
        }
        let Some(bytes) = read_if_exists(&file(place))? else { return Ok(None) };
        let Some(note) = Self::read(&bytes) else { return Ok(None) };
        let settled = note.carry_out(place, git)?;
        remove_if_exists(&file(place))?;
        Ok(Some(settled))
    }

    /// The note, if it is one of this version's.
    fn read(bytes: &[u8]) -> Option<Self> {
        let note: Self = serde_json::from_slice(bytes).ok()?;
        let is_fit = note.format == FORMAT && RelPath::parse(&note.path).is_ok_and(|path| !path.is_root());
        is_fit.then_some(note)
    }

    fn carry_out(&self, place: &Place, git: &Git) -> Result<Settled, Stop> {
        let Ok(path) = RelPath::parse(&self.path) else { return Ok(Settled::Left) };
        let commit = &self.commit;
        let (top, token) = (place.root.as_path(), token(place));
        let module = Module { top, path: &path, name: &self.name, url: &self.url, commit };
        let mut elsewhere = Elsewhere { tags: false, commits: self.elsewhere.clone() };
        match (self.work, self.decided) {
            (Work::Added, true) => {
                git.register(&module, &token)?;
                git.stage_module(&module, &token)?;
                return Ok(Settled::Completed);
            }
            (Work::Added, false) => {
                // It was cloned for this.
                elsewhere.tags = true;
                elsewhere.commits.insert(commit.clone());
            }
            (Work::Removed | Work::Released, false) => return Ok(Settled::Undone),
            (Work::Released, true) => {
                git.unstage_module(top, (&path, &self.name), &token)?;
                return Ok(Settled::Completed);
            }
            (Work::Removed, true) => {
                git.unstage_module(top, (&path, &self.name), &token)?;
                git.forget(top, &self.name, &token)?;
            }
        }
        let is_free = match git.standing(top, &path)? {
            Standing::Empty => true,
            Standing::CheckedOut(at) => at.as_ref() == Some(commit),
            Standing::Occupied => false,
        };
        if !is_free || !git.at_stake(top, (&path, &self.name), &elsewhere)?.is_empty() {
            return Ok(Settled::Left);
        }
        git.take_away(&module)?;
        Ok(if self.work == Work::Added { Settled::Undone } else { Settled::Completed })
    }

    /// What is said where a call finds it.
    fn told(&self, settled: Settled) -> Option<String> {
        let path = &self.path;
        let added = self.work == Work::Added;
        Some(match settled {
            Settled::Completed if added => format!("{path}, whose addition was cut off, is a submodule now"),
            Settled::Undone if added => format!("{path}, whose addition was cut off, is gone again"),
            Settled::Left if added => {
                format!("{path}, whose addition was cut off, is left as it is: it has changes")
            }
            Settled::Completed if self.work == Work::Released => {
                format!("{path}, whose removal was cut off, is no submodule now; its files stay")
            }
            Settled::Completed => format!("{path}, whose removal was cut off, is gone now"),
            Settled::Left => format!(
                "{path}, whose removal was cut off, is no submodule now; it has changes: its files stay"
            ),
            // Nothing had happened.
            Settled::Undone => return None,
        })
    }
}

fn file(place: &Place) -> PathBuf {
    place.state().join("journal").join(NAME)
}

/// What locks of git's hold while envloom changes its files here. Nobody else has this state directory, and in it one
/// call at a time changes submodules.
pub(in crate::cli) fn token(place: &Place) -> String {
    format!("envloom, for {}\n", place.state().display())
}

/// Is there a note? The look costs one stat.
pub(in crate::cli) fn is_pending(place: &Place) -> bool {
    file(place).symlink_metadata().is_ok()
}

/// Acts on a note that was left, unless whoever wrote it is still at work.
///
/// # Errors
/// When the note cannot be looked at. Where git or the file system fails the note stays, and that is said: the call
/// goes on.
pub(in crate::cli) fn complete(process: &Process, place: &Place, output: &Output) -> Result<(), Stop> {
    let locks = Locks::new(&place.state().join("locks"), process.variable(LOCKS_VARIABLE).as_deref())?;
    let Attempt::Held(_alone) = locks.try_acquire(&BTreeSet::from(["submodules".to_owned()]))? else {
        return Ok(());
    };
    let Some(bytes) = read_if_exists(&file(place))? else { return Ok(()) };
    let Some(note) = Note::read(&bytes) else {
        let kept = set_aside(place, &bytes)?;
        let said = format!(
            "a package was being added or removed, by another version of envloom, and is left as it is: see {kept} and `git status`"
        );
        output.announce(CUT_OFF, &said);
        return Ok(());
    };
    let git = find(process, place)?;
    let said = match Note::settle(place, &git) {
        Ok(settled) => settled.and_then(|settled| note.told(settled)),
        // Another verb need not wait for it.
        Err(stop) => {
            let what = if note.work == Work::Added { "addition" } else { "removal" };
            Some(format!("{}, whose {what} was cut off, waits for the next call: {stop}", note.path))
        }
    };
    if let Some(said) = said {
        output.announce(CUT_OFF, &said);
    }
    Ok(())
}

fn find(process: &Process, place: &Place) -> Result<Git, ToolError> {
    Git::find(&process.surroundings, &place.home)
}

/// Moves the note to where it is looked at by people alone.
fn set_aside(place: &Place, bytes: &[u8]) -> Result<String, FileError> {
    let kept = place.state().join("replaced/submodule.json");
    write_whole(&kept, bytes)?;
    remove_if_exists(&file(place))?;
    Ok(kept.strip_prefix(&place.root).unwrap_or(&kept).display().to_string())
}
