//! Running a task's program, and keeping its verdict.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::base::{Digest, FileError};
use crate::cache::{LastRun, Verdict};
use crate::exec::child::{ChildRequest, Exit, run};
use crate::exec::command::CommandLine;
use crate::exec::error::ExecError;
use crate::exec::failure::TaskFailure;
use crate::exec::interactive;
use crate::exec::mask::Hides;
use crate::exec::work::{Hand, Said};
use crate::plan::Fingerprint;

/// From SIGTERM to SIGKILL, as long as a run gives its children when it is interrupted.
const GRACE: Duration = Duration::from_secs(10);

/// How a program of a task runs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terms {
    /// It goes on in the log that an earlier program of the task has begun.
    pub(super) further: bool,
    /// How long it may run.
    pub(super) timeout: Option<Duration>,
    /// It is started, and left alone, although the run is being stopped.
    pub(super) cleanup: bool,
    /// It is uv: what it says of a file may repeat a URL with a password.
    pub(super) hides_urls: bool,
}

/// Runs a command line to its end; its output goes to the task's log and, line by line, to the report.
pub(super) fn spawn(hand: &Hand<'_>, command: &CommandLine, terms: &Terms) -> Result<Exit, TaskFailure> {
    hand.context.report(Said::Runs { command: command.to_paste(), directory: command.directory.clone() });
    follow(hand, command, terms, &mut |line| hand.context.report(Said::Line(line)))
}

/// The same for what is asked again and again: only the log hears of it.
pub(super) fn run_silently(
    hand: &Hand<'_>,
    command: &CommandLine,
    terms: &Terms,
) -> Result<Exit, TaskFailure> {
    follow(hand, command, terms, &mut |_| {})
}

/// The same for a program that has the terminal.
pub(super) fn hand_over(
    hand: &Hand<'_>,
    command: &CommandLine,
    timeout: Option<Duration>,
) -> Result<Exit, TaskFailure> {
    hand.context.report(Said::Runs { command: command.to_paste(), directory: command.directory.clone() });
    let (ready, written) = sync_channel(1);
    hand.context.report(Said::Terminal(ready));
    // A report that is gone writes nothing more: that says the same.
    let _ = written.recv();
    let exit = interactive::run(command, hand.context.groups(), hand.context.held(), (timeout, GRACE))?;
    if exit.success() { Ok(exit) } else { Err(TaskFailure::exited(command, exit, log(hand))) }
}

fn follow(
    hand: &Hand<'_>,
    command: &CommandLine,
    terms: &Terms,
    live: &mut dyn FnMut(String),
) -> Result<Exit, TaskFailure> {
    if let Some(directory) = hand.log.parent() {
        std::fs::create_dir_all(directory).map_err(|cause| FileError::new("make", directory, cause))?;
    }
    let request = ChildRequest {
        program: &command.program,
        args: &command.arguments,
        directory: &command.directory,
        environment: &command.environment,
        held: hand.context.held(),
        log: hand.log,
        append: terms.further,
        colour: hand.colour,
        hides: Hides { mask: &hand.means.mask, urls: terms.hides_urls },
        timeout: terms.timeout,
        grace: GRACE,
        told: None,
        cleanup: terms.cleanup,
    };
    Ok(run(&request, hand.context.groups(), live)?)
}

/// Runs uv; a failure where it does not succeed. `further` calls of a task go on in the same log.
pub(super) fn succeed(hand: &Hand<'_>, command: &CommandLine, further: bool) -> Result<Exit, TaskFailure> {
    succeed_under(hand, command, &Terms { further, hides_urls: true, ..Terms::default() })
}

/// As [`spawn`], and a failure where the program does not succeed.
pub(super) fn succeed_under(
    hand: &Hand<'_>,
    command: &CommandLine,
    terms: &Terms,
) -> Result<Exit, TaskFailure> {
    let exit = spawn(hand, command, terms)?;
    if exit.leaked {
        notice(hand, "envloom::exec::leaked", "a process it started still holds its output open", None);
    }
    if exit.success() { Ok(exit) } else { Err(TaskFailure::exited(command, exit, log(hand))) }
}

/// The task's log.
pub(super) fn log(hand: &Hand<'_>) -> PathBuf {
    hand.log.to_owned()
}

/// Says something that stops nothing.
pub(super) fn notice(hand: &Hand<'_>, code: &'static str, message: impl Into<String>, help: Option<String>) {
    hand.context.report(Said::Notice(code, format!("{}: {}", hand.id, message.into()), help));
}

/// Keeps a verdict for `fingerprint`, and what the task did last. `duration` is that of its program. A cache that
/// cannot be written costs time, not the result, so it is a notice.
pub(super) fn keep(hand: &Hand<'_>, fingerprint: &Fingerprint, duration: Duration) {
    let fields = fingerprint.fields.clone();
    let store = &hand.premises.store;
    let verdict = match &fingerprint.uncacheable {
        None => {
            store.keep(fingerprint.digest(), &Verdict { task: hand.id.to_owned(), fields: fields.clone() })
        }
        Some(_) => Ok(()),
    };
    told(hand, verdict);
    remember(hand, fields, duration);
}

/// Notes what the task did last, without a verdict. As with [`keep`], a cache that cannot be written is a notice.
pub(super) fn remember(hand: &Hand<'_>, fields: BTreeMap<String, String>, duration: Duration) {
    let kept = if fields.is_empty() {
        hand.premises.store.last(hand.id).and_then(|last| last.kept)
    } else {
        Some(Fingerprint { fields: fields.clone(), uncacheable: None }.digest())
    };
    remember_kept(hand, fields, duration, kept);
}

/// The same, with the key of what the task itself has left here last.
pub(super) fn remember_kept(
    hand: &Hand<'_>,
    fields: BTreeMap<String, String>,
    duration: Duration,
    kept: Option<Digest>,
) {
    let reason = serde_json::to_value(hand.reason).unwrap_or_default();
    let run = LastRun { fields, duration_ms: crate::event::millis(duration), reason, kept };
    told(hand, hand.premises.store.note(hand.id, &run));
}

fn told(hand: &Hand<'_>, written: Result<(), FileError>) {
    if let Err(error) = written {
        notice(hand, "envloom::cache::not_written", error.to_string(), None);
    }
}

/// Keeps the verdict if the inputs are still those that were decided on; what may differ is named in `made`, the
/// fields that the task itself writes. Else says that nothing was kept, since the task may have read either state.
pub(super) fn keep_if_unmoved(hand: &Hand<'_>, after: &Fingerprint, made: &[String], duration: Duration) {
    let Some(before) = hand.fingerprint else { return };
    let moved: Vec<String> = after
        .changes_since(&before.fields)
        .into_iter()
        .map(|change| change.key)
        .filter(|key| !made.contains(key))
        .collect();
    match moved.first() {
        None => keep(hand, after, duration),
        Some(first) => notice(
            hand,
            "envloom::cache::inputs_moved",
            format!("{first} changed while it ran, so nothing is remembered"),
            Some("run the same command again".to_owned()),
        ),
    }
}

/// For a task whose interpreter is missing, which is refused before it is decided.
pub(super) fn missing() -> TaskFailure {
    ExecError::Undecided.into()
}
