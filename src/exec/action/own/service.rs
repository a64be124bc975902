//! The task of a service: it starts the program and asks until that can be used. What goes on afterwards is
//! [`Services`](crate::exec::services::Services)'.

use std::fs::{self, File};
use std::time::Duration;

use super::super::child::{Terms, log, run_silently};
use super::stage::{Clock, Stage};
use crate::base::FileError;
use crate::exec::child::Exit;
use crate::exec::command::CommandLine;
use crate::exec::error::ExecError;
use crate::exec::failure::TaskFailure;
use crate::exec::groups::Standing;
use crate::exec::services::{End, Recipe};
use crate::exec::work::{Done, Said};
use crate::model::ServiceJob;

/// Between two questions whether it is ready.
const PAUSE: Duration = Duration::from_millis(100);

/// How long it has to become ready, where the task gives no `timeout`.
const PATIENCE: Duration = Duration::from_mins(1);

/// Starts the service and waits until it is ready. One that does not become so is stopped.
pub(super) fn serve(stage: &Stage<'_>, job: &ServiceJob) -> Result<Done, TaskFailure> {
    let (hand, work) = (stage.hand, stage.work);
    let command = |words: &Vec<String>| stage.command(words, &[]);
    let start = command(&job.start)?;
    if let Some(directory) = hand.log.parent() {
        fs::create_dir_all(directory).map_err(|cause| FileError::new("make", directory, cause))?;
    }
    // Several programs add to it at the same time, so that none of them begins it.
    File::create(hand.log).map_err(|cause| FileError::new("write", hand.log, cause))?;
    let recipe = Recipe {
        id: hand.id.to_owned(),
        start: start.clone(),
        stop: job.stop.as_ref().map(command).transpose()?,
        finally: work.job.finally.iter().map(command).collect::<Result<_, _>>()?,
        log: hand.log.to_owned(),
        mask: hand.means.mask.clone(),
        held: hand.context.held().to_owned(),
    };
    hand.context.report(Said::Runs { command: start.to_paste(), directory: start.directory.clone() });
    let end = work.services.start(work.place, recipe)?;
    let ready = job.ready.as_ref().map(command).transpose();
    let waited = ready.map_err(TaskFailure::from).and_then(|ready| match ready {
        None => Ok(()),
        Some(ready) => until_ready(stage, &end, &ready),
    });
    match waited {
        Ok(()) => Ok(Done { note: Some("ready".to_owned()), log: Some(log(hand)), ..Done::default() }),
        Err(failure) => {
            work.services.stop_now(work.place);
            Err(TaskFailure {
                command: failure.command.or_else(|| Some(start.to_paste())),
                directory: Some(start.directory),
                log: Some(log(hand)),
                ..failure
            })
        }
    }
}

/// Asks again and again.
fn until_ready(stage: &Stage<'_>, end: &End, ready: &CommandLine) -> Result<(), TaskFailure> {
    let groups = stage.hand.context.groups();
    let clock = Clock::start(groups, Some(stage.work.job.timeout.unwrap_or(PATIENCE)));
    let mut last: Option<Exit> = None;
    loop {
        if let Some((how, tail)) = end.within(Duration::ZERO) {
            return Err(TaskFailure {
                tail,
                ..TaskFailure::said(format!("it ended before it was ready: {how}"))
            });
        }
        if groups.standing() != Standing::Going {
            return Err(ExecError::Interrupted.into());
        }
        let left = clock.left().unwrap_or_default();
        if left.is_zero() {
            return Err(TaskFailure {
                command: Some(ready.to_paste()),
                tail: last.map(|exit| exit.tail).unwrap_or_default(),
                timed_out: true,
                ..TaskFailure::said("it was not ready in time".to_owned())
            });
        }
        let exit = run_silently(
            stage.hand,
            ready,
            &Terms { further: true, timeout: Some(left), ..Terms::default() },
        )?;
        if exit.success() && end.within(Duration::ZERO).is_none() {
            return Ok(());
        }
        last = Some(exit);
        end.within(PAUSE.min(left));
    }
}
