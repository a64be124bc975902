//! Own tasks: the command lines of their steps, one after the other, in the task's directory and cell.
//!
//! # One attempt
//! Steps until one fails, then every `finally`, whatever happened, then the verdict: the step's failure, else the first
//! of a `finally`. A timeout is one attempt's; each `finally` has as long again. A stop of the run leaves `finally` alone
//! until its grace is over, so that a `docker compose down` after Ctrl-C comes to its end. Where the run was stopped
//! before the attempt began, there is nothing to put away.
//!
//! # Further attempts
//! `retries` begins anew after a program has failed or run out of its time, never after an interrupt, and not where
//! nothing could be started: a missing program stays missing. All attempts share one log, a line between them.
//!
//! With `-i` a step that fails is passed over, as make does with a line of a recipe: the task counts as done, and its
//! note says what was passed over. What a signal to envloom has ended is no such failure, nor is a timeout.

mod service;
mod stage;

use self::service::serve;
use self::stage::{Passed, Stage};
use super::child::{log, notice};
use crate::exec::failure::TaskFailure;
use crate::exec::groups::Standing;
use crate::exec::work::{Done, Hand, OwnWork};

/// Runs the task; the last attempt's failure is its own.
pub(in crate::exec) fn own(hand: &Hand<'_>, work: &OwnWork<'_>) -> Result<Done, TaskFailure> {
    let stage = Stage::new(hand, work)?;
    if let Some(job) = &work.job.service {
        return serve(&stage, job);
    }
    let most = work.job.retries.saturating_add(1);
    let mut attempt = 1;
    let passed = loop {
        match stage.attempt() {
            Err(failure) if attempt < most && may_help(hand, &failure) => {
                attempt += 1;
                let message = format!("{}; attempt {attempt} of {most} begins", failure.message);
                notice(hand, "envloom::exec::retried", message, None);
                stage.begin_again(&format!("--- attempt {attempt} of {most} ---"))?;
            }
            Err(mut failure) => {
                if attempt > 1 {
                    failure.message = format!("{} (attempt {attempt} of {most})", failure.message);
                }
                return Err(failure);
            }
            Ok(passed) => break passed,
        }
    };
    let log = (!work.job.steps.is_empty()).then(|| log(hand));
    Ok(Done {
        note: note(&passed, attempt, most),
        log,
        took: passed.duration,
        unsure: !passed.ignored.is_empty() || stage.has_leaked(),
        ..Done::default()
    })
}

/// May another attempt help?
fn may_help(hand: &Hand<'_>, failure: &TaskFailure) -> bool {
    failure.command.is_some() && hand.context.groups().standing() == Standing::Going
}

/// What is to be said of a success.
fn note(passed: &Passed, attempt: u32, most: u32) -> Option<String> {
    let again = (attempt > 1).then(|| format!("attempt {attempt} of {most}"));
    let ignored = (!passed.ignored.is_empty()).then(|| format!("{} (ignored)", passed.ignored.join(", ")));
    let parts: Vec<String> = again.into_iter().chain(ignored).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
