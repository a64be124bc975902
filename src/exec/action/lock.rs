//! `lock` and `check`: uv on the lockfile, and what it leaves.

use super::child::{keep_if_unmoved, log, missing, notice, remember, succeed};
use crate::base::{RelPath, SourceFile, clear_siblings, read_if_exists, remove_if_exists, write_whole};
use crate::exec::command::CommandLine;
use crate::exec::failure::TaskFailure;
use crate::exec::work::{Done, Hand};
use crate::ledger::{self, Evidence, Lockfile, Subject, VerifyError, VerifyFinding};
use crate::model::EnvironmentId;
use crate::plan::{Refusal, RunReason, agreement};

/// `uv lock`. A run that fails, or is cut off, leaves the former lockfile.
pub(in crate::exec) fn lock(hand: &Hand<'_>, id: EnvironmentId) -> Result<Done, TaskFailure> {
    let premises = hand.premises;
    if premises.wishes.locked {
        return check(hand, id);
    }
    let lockfile = premises.lockfile(id);
    let place = lockfile.under(&premises.root);
    let journal = premises.journal();
    clear_siblings(&place)?;
    if let Some(kept) = journal.recover_lockfile(&premises.root, &lockfile)? {
        let message = format!("{lockfile} is again as it was before a lock that was cut off");
        let help = format!("what stood there since is in {}", premises.shown(&kept));
        notice(hand, "envloom::cache::lockfile_restored", message, Some(help));
    }
    let former = read_if_exists(&place)?;
    journal.begin_lockfile(&lockfile, former.as_deref())?;
    let result = relock(hand, id, &lockfile);
    if result.is_err() {
        match &former {
            Some(bytes) => write_whole(&place, bytes)?,
            None => remove_if_exists(&place)?,
        };
    }
    journal.end_lockfile(&lockfile)?;
    premises.observer.forget(&place);
    let duration = result?;
    let changed = read_if_exists(&place)? != former;
    let agreement = agreement(premises, id)?;
    if has_further_words(hand) {
        // What uv was told besides may have kept it from writing, or made a lockfile that `check` will not accept.
        remember(hand, agreement.fields, duration);
    } else {
        keep_if_unmoved(hand, &agreement, &[lockfile.to_string()], duration);
    }
    let note = if changed { format!("{lockfile} written") } else { "lockfile unchanged".to_owned() };
    Ok(Done { note: Some(note), log: Some(log(hand)), ..Done::default() })
}

/// Runs uv and looks at what it wrote: a tag that no longer leads to the recorded commit is an error.
fn relock(
    hand: &Hand<'_>,
    id: EnvironmentId,
    lockfile: &RelPath,
) -> Result<std::time::Duration, TaskFailure> {
    let premises = hand.premises;
    let wishes = &premises.wishes;
    let mut command = uv(hand, id)?;
    if wishes.upgrade && was_asked_for(hand) {
        command = command.with(["--upgrade"]);
    }
    for package in &wishes.upgrade_packages {
        command = command.with(["--upgrade-package", package]);
    }
    if has_further_words(hand) {
        command = command.with(&wishes.arguments);
    }
    let exit = succeed(hand, &command, false)?;
    let bytes = read_if_exists(&lockfile.under(&premises.root))?.unwrap_or_default();
    let environment = premises.model.environment(id).name.value.as_str();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let parsed = Lockfile::parse(&SourceFile::new(lockfile.as_str(), text), environment)
        .map_err(TaskFailure::found)?;
    // What remotes say is `verify`'s matter: uv has just asked them.
    let mut findings = ledger::verify(&Subject {
        model: &premises.model,
        environment: id,
        record: &premises.record,
        lockfile: &parsed,
        root: &premises.root,
        evidence: &Evidence::default(),
    });
    findings.retain(|finding| matches!(finding, VerifyFinding::MovedTag { .. }));
    match VerifyError::of(environment, &premises.model.source, findings) {
        None => Ok(exit.duration),
        Some(moved) => Err(TaskFailure::found(moved)),
    }
}

/// Is this a lock that the call's own wishes made run? Another is only needed by something, and wishes are not its.
fn was_asked_for(hand: &Hand<'_>) -> bool {
    matches!(hand.reason, RunReason::Upgrade | RunReason::Arguments { .. })
}

/// Is uv told the words after `--`?
fn has_further_words(hand: &Hand<'_>) -> bool {
    was_asked_for(hand) && !hand.premises.wishes.arguments.is_empty()
}

/// `uv lock --check`: reads only.
pub(in crate::exec) fn check(hand: &Hand<'_>, id: EnvironmentId) -> Result<Done, TaskFailure> {
    let premises = hand.premises;
    let lockfile = premises.lockfile(id);
    let command = uv(hand, id)?.with(["--check"]);
    match succeed(hand, &command, false) {
        Ok(exit) => {
            keep_if_unmoved(hand, &agreement(premises, id)?, &[], exit.duration);
            Ok(Done { log: Some(log(hand)), ..Done::default() })
        }
        Err(failure) => Err(failure.explained(Refusal::stale(premises, id, &lockfile))),
    }
}

fn uv(hand: &Hand<'_>, id: EnvironmentId) -> Result<CommandLine, TaskFailure> {
    let interpreter = hand.premises.interpreter(id).ok_or_else(missing)?;
    CommandLine::uv(hand.premises, id, "lock", &interpreter.path).ok_or_else(missing)
}
