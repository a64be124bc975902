//! A trial: what a change of `tasks.kdl` would make of manifests and lockfiles, before anything is changed.
//!
//! Comes in: files as they are to be (`tasks.kdl`, lockfiles to start from, a member's manifest), and targets. The targets
//! run by the ordinary machinery in a copy of the repository below `.envloom/trial` ([`mirror`]). Goes out: every file
//! that then differs, and [`Passed::commit`], which writes all of them or none (`cache::Commit`).
//!
//! Where a target fails nothing has happened but that the copy stays, so that its logs and the line to repeat can be
//! looked at; the next trial removes it. Trials of one repository wait for each other.
//!
//! Refused: writing in place and undoing it on failure (whoever works there meanwhile reads half a change, and a kill
//! leaves it), a linked worktree of git's (what is not committed, and empty submodules, would be missing).

mod mirror;
mod outside;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::args::Arguments;
use super::call::Call;
use super::error::CliError;
use super::load::{self, Stop};
use super::locate::Place;
use super::output::Output;
use super::surroundings::Process;
use super::{exit, state, targets};
use crate::base::{FileError, RelPath, SourceFile};
use crate::cache::{Commit, FileChange, Journal, Noted, Observer};
use crate::exec::{LOCKS_VARIABLE, LockGuard, Locks, lock_record, manifest_lock};
use crate::ledger::Difference;
use crate::model::Model;
use crate::tool::Shield;

/// What is tried.
pub(super) struct Request<'t> {
    /// The call, in the repository as it is.
    pub(super) call: &'t Call<'t>,
    /// Files as the verb has read them, and as they are to be before the targets run. A new text of `tasks.kdl` is one
    /// of them. Those named `uv.lock` are what uv starts from: what is to be in the end is uv's to say.
    pub(super) files: Vec<FileChange>,
    /// What runs then: `lock:prod`, `verify:prod`.
    pub(super) targets: Vec<String>,
    /// Options of the run: those of the call, or what `lock` is to be told besides.
    pub(super) arguments: Arguments,
}

/// How a trial ended.
pub(super) enum Tried {
    /// All targets succeeded.
    Passed(Box<Passed>),
    /// They did not, and that was said. With the exit code.
    Failed(u8),
}

/// What a trial that succeeded would change.
pub(super) struct Passed {
    /// Every file that differs, in the order of paths.
    pub(super) files: Vec<FileChange>,
    /// What the tried `tasks.kdl` means.
    pub(super) model: Model,
    /// What differs in those of them that are lockfiles.
    locked: BTreeMap<RelPath, Difference>,
    place: Place,
    /// The verb.
    by: String,
    locks: Locks,
    no_wait: bool,
    /// No other trial until this one is done with.
    _alone: LockGuard,
}

/// The targets after which environments are locked, and what was asked of them holds.
pub(super) fn locked_and_verified<N: std::fmt::Display>(environments: &[N]) -> Vec<String> {
    let of = |task| environments.iter().map(move |name| format!("{task}:{name}"));
    ["lock", "check", "verify"].into_iter().flat_map(of).collect()
}

/// Runs the targets in a copy.
///
/// # Errors
/// When the new `tasks.kdl` has mistakes, work of an earlier run was cut off, or the copy cannot be made.
pub(super) fn run(request: &Request<'_>, output: &Output) -> Result<Tried, Stop> {
    run_prepared(request, &|_| Ok(()), output)
}

/// The same, where something is done in the copy before the targets run.
///
/// # Errors
/// As [`run`]; and what `prepare`, which is given the copy's root, fails with.
pub(super) fn run_prepared(
    request: &Request<'_>,
    prepare: &dyn Fn(&Path) -> Result<(), Stop>,
    output: &Output,
) -> Result<Tried, Stop> {
    let call = request.call;
    let place = &call.place;
    state::make(place)?;
    let locks = Locks::new(&place.state().join("locks"), call.process.variable(LOCKS_VARIABLE).as_deref())?;
    let no_wait = call.arguments.no_wait;
    let alone = locks.hold(&BTreeSet::from(["trial".to_owned()]), no_wait, |_| {
        output.say("waiting for another envloom that changes tasks.kdl");
    })?;
    {
        let environments = call.model.environments.iter();
        let names = environments.map(|environment| manifest_lock(&environment.name.value)).collect();
        // Whoever is at work on one has notes in the journal, and will have none when it is done.
        let _settled = locks.hold(&names, no_wait, |_| output.say("waiting for another envloom"))?;
        refuse_unfinished(place, |_| true)?;
    }
    let model = model(request)?;
    let directory = fresh(place)?;
    let directories = mirror::directories(&place.root, real_directories(&model, &request.files))?;
    let outside = outside::outside(&place.root, &directories)?;
    let trial = trial_place(place, outside::surround(&place.root, directory.path(), &outside)?);
    state::make(&trial)?;
    let mirror = mirror::make(place, &trial, (directories, outside))?;
    mirror::share_state(place, &trial)?;
    for change in &request.files {
        if mirror.before(&change.path) != change.before.as_deref() {
            return Err(CliError::Moved { path: change.path.under(&place.root) }.into());
        }
        mirror.put(&change.path, change.after.as_deref())?;
    }
    prepare(&trial.root)?;
    let code = ran(request, &trial)?;
    if code != exit::DONE {
        let shown = directory.keep();
        let kept = shown.strip_prefix(&place.root).unwrap_or(&shown).display().to_string();
        if output.is_json() {
            output.stopped(&CliError::TrialFailed { kept }, None);
        } else {
            output.say(&format!("nothing was changed; what was tried stays in {kept} until the next trial"));
        }
        return Ok(Tried::Failed(code));
    }
    let files = mirror.changes()?;
    let locked = told::locked((&call.model, &model), &mirror, &files);
    let (place, by) = (place.clone(), verb(call));
    Ok(Tried::Passed(Box::new(Passed { files, locked, model, place, by, locks, no_wait, _alone: alone })))
}

impl Passed {
    /// Writes all files, or none.
    ///
    /// # Errors
    /// When one was changed by someone else since the trial began, or cannot be written.
    pub(super) fn commit(&self) -> Result<(), Stop> {
        self.commit_noted(None)
    }

    /// The same, and then a note of the verb's own is in the journal.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub(super) fn commit_noted(&self, noted: Option<&Noted>) -> Result<(), Stop> {
        if self.files.is_empty() && noted.is_none() {
            return Ok(());
        }
        let directories: BTreeSet<RelPath> = self.files.iter().map(|change| change.path.parent()).collect();
        let environments = self.model.environments.iter();
        let concerned = environments.filter(|one| directories.contains(&one.directory()));
        let names = concerned.map(|environment| manifest_lock(&environment.name.value)).collect();
        // Nobody generates or locks these meanwhile.
        let _held = self.locks.hold(&names, self.no_wait, |_| {})?;
        commit(&self.place, &self.by, &self.files, noted)
    }
}

/// The verb of a call, as it is typed.
fn verb(call: &Call<'_>) -> String {
    call.arguments.words.first().cloned().unwrap_or_default()
}

/// Changes all files of `place` for the verb `by`, or none.
///
/// # Errors
/// When one is not as it was found, or cannot be written; or when work of an earlier run was cut off.
pub(super) fn commit(
    place: &Place,
    by: &str,
    files: &[FileChange],
    noted: Option<&Noted>,
) -> Result<(), Stop> {
    let _recorded = lock_record(&place.state())?;
    // From here on all is written, whatever signal comes.
    let _shield = Shield::take();
    refuse_unfinished(place, |file| files.iter().any(|change| change.path.as_str() == file))?;
    match Commit::new(&place.root, &place.state()).carry_out(by, files, noted)? {
        None => Ok(()),
        Some(path) => Err(CliError::Moved { path: path.under(&place.root) }.into()),
    }
}

/// A note of a lockfile that was being written would bring the former one back, over what is written now.
fn refuse_unfinished(place: &Place, concerns: impl Fn(&str) -> bool) -> Result<(), Stop> {
    let mut unfinished = Journal::new(&place.state()).unfinished()?;
    unfinished.retain(|file| concerns(file));
    if unfinished.is_empty() {
        return Ok(());
    }
    Err(CliError::Unfinished { files: unfinished.join(", ") }.into())
}

/// What `tasks.kdl` will mean.
fn model(request: &Request<'_>) -> Result<Model, Stop> {
    let place = &request.call.place;
    let changed = request.files.iter().find(|change| change.path.as_str() == place.file_name);
    let Some(bytes) = changed.and_then(|change| change.after.as_ref()) else {
        return Ok(request.call.model.clone());
    };
    let text = String::from_utf8_lossy(bytes).into_owned();
    load::model_of(&place.root, &SourceFile::new(place.file_name.as_str(), text), &request.call.observer)
}

/// An empty directory for the copy. What former trials have left goes: none of them is at work.
fn fresh(place: &Place) -> Result<tempfile::TempDir, FileError> {
    let trials = place.state().join("trial");
    let fail = |cause| FileError::new("make", &trials, cause);
    if trials.symlink_metadata().is_ok() {
        fs::remove_dir_all(&trials).map_err(|cause| FileError::new("remove", &trials, cause))?;
    }
    fs::create_dir_all(&trials).map_err(fail)?;
    // The name stands in lockfiles until it is taken out of them: it occurs nowhere else.
    tempfile::Builder::new().prefix("t").rand_bytes(12).tempdir_in(&trials).map_err(fail)
}

fn trial_place(place: &Place, root: PathBuf) -> Place {
    Place { root, home: place.root.clone(), file_name: place.file_name.clone(), directory: None }
}

/// The directories that something may be written into.
fn real_directories(model: &Model, files: &[FileChange]) -> BTreeSet<RelPath> {
    let environments = model.environments.iter().map(crate::model::Environment::directory);
    let packages =
        model.packages.iter().filter_map(|package| package.path.as_ref()).map(|path| path.value.clone());
    environments.chain(packages).chain(files.iter().map(|change| change.path.parent())).collect()
}

/// Runs the targets there.
fn ran(request: &Request<'_>, trial: &Place) -> Result<u8, Stop> {
    let process: &Process = request.call.process;
    let arguments = Arguments {
        words: request.targets.clone(),
        trailing: Vec::new(),
        json: false,
        dry_run: false,
        question: false,
        since: None,
        affected: false,
        ..request.arguments.clone()
    };
    let there = Call::at(process, &arguments, trial.clone(), Observer::new())?;
    // Not as JSON: standard output is for the verb's one answer.
    targets::run_for_verb(there, &Output::new(process, &arguments).of_copy(&trial.home))
}
