//! `sync`: uv on the cell's venv, between a mark and a record.
//!
//! uv's own answer about a venv is not believed after an interruption: it looks at dist-info directories and says
//! that all is well while files are missing (tried: 19 to 46 % of interrupted syncs). So a mark stands while uv
//! writes; a mark that is found means that the venv is removed and built anew. After uv, every file that a RECORD
//! names is looked at once; what is noted then is compared at each use (`plan::venv`).

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::child::{keep, log, missing, notice, succeed};
use crate::base::FileError;
use crate::exec::command::CommandLine;
use crate::exec::failure::TaskFailure;
use crate::exec::work::{Done, Hand};
use crate::model::Cell;
use crate::plan::{self, CellRecord, PlanError, Refusal, RunReason, sync_arguments, sync_fingerprint};

/// Makes the cell's venv what the lockfile says.
pub(in crate::exec) fn sync(hand: &Hand<'_>, cell: &Cell) -> Result<Done, TaskFailure> {
    let premises = hand.premises;
    let venv = premises.venv(cell);
    let slug = cell.slug(&premises.model);
    let cells = premises.cells();
    if matches!(hand.reason, RunReason::VenvInterrupted) {
        clear(&venv)?;
    }
    refuse_stranger(premises.shown(&venv), &venv)?;
    cells.begin(&slug)?;
    let duration = whole(hand, cell, &venv).inspect_err(|failure| {
        // A uv that gave up by itself, a network that was away, has left no half file: nothing is to be rebuilt.
        if failure.ended_by_itself && matches!(plan::check_records(&venv), Ok(None)) {
            // Should this fail, the venv is rebuilt without need.
            let _ = cells.end(&slug);
        }
    })?;
    let fingerprint = sync_fingerprint(premises, cell)?;
    let moved = hand.fingerprint.map(|before| fingerprint.changes_since(&before.fields)).unwrap_or_default();
    if let Some(first) = moved.first() {
        // The mark stays: what was installed may be of either state.
        return Err(Refusal::inputs_moved(&first.key).into());
    }
    let state = plan::inspect(&venv, &premises.observer)?;
    if state.config.is_none() {
        return Err(Refusal::NoVenv { place: premises.shown(&venv) }.into());
    }
    let interpreter = premises.interpreter_of_cell(cell).ok_or_else(missing)?.path.clone();
    cells.keep(&slug, &CellRecord { fields: fingerprint.fields.clone(), state, interpreter })?;
    cells.end(&slug)?;
    keep(hand, &fingerprint, duration);
    Ok(Done { log: Some(log(hand)), ..Done::default() })
}

/// Syncs until every file that a RECORD names is there: at most twice.
fn whole(hand: &Hand<'_>, cell: &Cell, venv: &Path) -> Result<Duration, TaskFailure> {
    let mut duration = uv_sync(hand, cell, venv, false)?;
    if let Some(damage) = plan::check_records(venv)? {
        // uv took a damaged installation for a whole one: only a new venv is surely whole.
        notice(hand, "envloom::plan::venv_damaged", format!("{damage}; the venv is rebuilt"), None);
        clear(venv)?;
        duration += uv_sync(hand, cell, venv, true)?;
        if let Some(damage) = plan::check_records(venv)? {
            return Err(PlanError::VenvDamaged { venv: hand.premises.shown(venv), damage }.into());
        }
    }
    Ok(duration)
}

fn uv_sync(hand: &Hand<'_>, cell: &Cell, venv: &Path, further: bool) -> Result<Duration, TaskFailure> {
    let premises = hand.premises;
    let interpreter = premises.interpreter_of_cell(cell).ok_or_else(missing)?;
    let command = CommandLine::uv(premises, cell.environment, "sync", &interpreter.path)
        .ok_or_else(missing)?
        .telling("UV_PROJECT_ENVIRONMENT", venv)
        .with(sync_arguments(premises, cell));
    Ok(succeed(hand, &command, further)?.duration)
}

/// Removes a venv that may be broken. What is removed first is what makes it a venv, so that a removal that is
/// itself cut off leaves nothing that looks whole.
fn clear(venv: &Path) -> Result<(), FileError> {
    let fail = |cause| FileError::new("remove", venv, cause);
    match fs::symlink_metadata(venv) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(fail(cause)),
        Ok(metadata) if !metadata.is_dir() => return fs::remove_file(venv).map_err(fail),
        Ok(_) => {}
    }
    crate::base::remove_if_exists(&venv.join("pyvenv.cfg"))?;
    fs::remove_dir_all(venv).map_err(fail)
}

/// A directory that is no venv is not ours to fill.
fn refuse_stranger(shown: String, venv: &Path) -> Result<(), TaskFailure> {
    let is_venv = venv.join("pyvenv.cfg").exists();
    let is_empty = fs::read_dir(venv).map_or(true, |mut entries| entries.next().is_none());
    if is_venv || is_empty { Ok(()) } else { Err(Refusal::NotAVenv { place: shown }.into()) }
}
