//! What is noted while `add package` works, so that a call that was cut off is undone or completed by the next one.
//!
//! `tasks.kdl`, manifests, lockfiles and `.gitmodules` change together (`cache::Commit`). Where `.gitmodules` has the
//! submodule the change has happened: git's settings and index are completed. Else it has not: the checkout goes again,
//! unless somebody has worked in it since.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::load::Stop;
use super::super::locate::Place;
use super::super::output::Output;
use super::super::surroundings::Process;
use super::super::unfinished::CUT_OFF;
use crate::base::{RelPath, read_if_exists, remove_if_exists, write_whole};
use crate::exec::{Attempt, LOCKS_VARIABLE, Locks};
use crate::tool::ToolError;
use crate::tool::git::{Git, Module, ObjectId};

/// The layout of the note; one of another number is left alone.
const FORMAT: u32 = 1;

/// The submodule that is being added.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Note {
    format: u32,
    path: String,
    url: String,
    commit: String,
}

/// What came of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// The submodule is one.
    Completed,
    /// It is gone.
    Undone,
    /// Somebody has worked in it.
    Left,
}

impl Note {
    pub(super) fn new(path: &RelPath, url: &str, commit: &ObjectId) -> Self {
        Self { format: FORMAT, path: path.to_string(), url: url.to_owned(), commit: commit.to_string() }
    }

    /// Writes it; from then on a call that finds it acts on it.
    pub(super) fn write(&self, place: &Place) -> Result<(), Stop> {
        let file = file(place);
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        Ok(write_whole(&file, &bytes).map(drop)?)
    }

    /// Undoes or completes what the note says, and removes it.
    pub(super) fn settle(&self, place: &Place, git: &Git) -> Result<Settled, Stop> {
        let (Ok(path), Ok(commit)) = (RelPath::parse(&self.path), self.commit.parse::<ObjectId>()) else {
            return Ok(Settled::Left);
        };
        let module =
            Module { top: &place.root, path: &path, name: path.as_str(), url: &self.url, commit: &commit };
        let settled = if is_declared(git, &place.root, &path)? {
            git.register(&module)?;
            git.stage_module(&module)?;
            Settled::Completed
        } else if git.take_away(&module)? {
            Settled::Undone
        } else {
            Settled::Left
        };
        remove_if_exists(&file(place))?;
        Ok(settled)
    }
}

fn file(place: &Place) -> PathBuf {
    place.state().join("journal/submodule.json")
}

fn is_declared(git: &Git, top: &Path, path: &RelPath) -> Result<bool, ToolError> {
    Ok(git.submodules(top)?.iter().any(|one| one.name.as_deref() == Some(path.as_str())))
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
    let note = serde_json::from_slice(&bytes).ok().filter(|note: &Note| note.format == FORMAT);
    let Some(note) = note else { return Ok(()) };
    let git = Git::find(&process.surroundings, &place.home)?;
    let path = &note.path;
    let said = match note.settle(place, &git) {
        Ok(Settled::Completed) => format!("{path}, whose addition was cut off, is a submodule now"),
        Ok(Settled::Undone) => format!("{path}, whose addition was cut off, is gone again"),
        Ok(Settled::Left) => format!("{path}, whose addition was cut off, is left as it is: it has changes"),
        // Another verb need not wait for it.
        Err(stop) => format!("{path}, whose addition was cut off, waits for the next call: {stop}"),
    };
    output.announce(CUT_OFF, &said);
    Ok(())
}
