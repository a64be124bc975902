//! What the scheduler tells -> facts, and what the summary counts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cancel::Cancel;
use super::failure::TaskFailure;
use super::masked::masked;
use super::run::Request;
use super::schedule::{Because, Finish, ScheduleEvent, TaskIndex};
use super::work::{Done, Said, Tasks};
use crate::event::{Counts, Declared, Event, Fact, Failure, Ready, TaskResult, millis};
use crate::graph::Kind;
use crate::plan::RunReason;

/// What the summary needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// How many tasks ended in which way.
    pub(crate) counts: Counts,
    /// The durations of all tasks together.
    pub(crate) sum: Duration,
    /// The task that took longest.
    pub(crate) slowest: Option<(String, Duration)>,
    /// Did a task run out of its time?
    pub(crate) timed_out: bool,
}

/// Turns the scheduler's events into facts.
pub(super) struct Narrator<'a> {
    request: &'a Request<'a>,
    send: &'a mut dyn FnMut(Event),
    reasons: BTreeMap<TaskIndex, RunReason>,
    tally: Tally,
    /// Is the run ended to begin anew?
    restarts: bool,
}

impl<'a> Narrator<'a> {
    /// Nothing is told yet.
    pub(super) fn new(request: &'a Request<'a>, send: &'a mut dyn FnMut(Event)) -> Self {
        Self { request, send, reasons: BTreeMap::new(), tally: Tally::default(), restarts: false }
    }

    /// What was counted, once nothing more is told.
    pub(super) fn ended(self) -> Tally {
        self.tally
    }

    /// Says what happened, where anyone is to know.
    pub(super) fn tell(&mut self, event: ScheduleEvent<Tasks<'_>>) {
        match event {
            // A task says that it begins once it was decided to run.
            ScheduleEvent::Started { .. } | ScheduleEvent::Killed => {}
            ScheduleEvent::Report { task, report } => self.said(task, report),
            ScheduleEvent::LockWaiting { task, busy, .. } => {
                let lock = match busy.holder {
                    Some(pid) => format!("{} (process {pid})", busy.name),
                    None => busy.name,
                };
                let task = self.id(task);
                self.fact(Fact::Waiting { task, lock });
            }
            ScheduleEvent::Finished { task, finish, duration } => self.finished(task, finish, duration),
            ScheduleEvent::Skipped { task, because } => self.skipped(task, because),
            ScheduleEvent::NoMoreTokens { cause } => {
                let message = format!("the jobserver can no longer be used: {cause}");
                self.notice("envloom::exec::jobserver", message, None);
            }
            ScheduleEvent::Interrupted { signal } => {
                self.restarts = self.request.cancel.is_some_and(Cancel::is_asked);
                self.fact(Fact::Interrupted { signal: signal.as_raw(), restart: self.restarts });
            }
        }
    }

    fn said(&mut self, task: TaskIndex, said: Said) {
        match said {
            Said::Begins { reason, command, expected_ms, restored } => {
                self.reasons.insert(task, reason.clone());
                let own = self.request.graph.tasks()[task.0].key.kind() == Kind::Own;
                let task = self.id(task);
                self.fact(Fact::Started { task, reason, own, command, expected_ms, restored });
            }
            Said::Runs { command, directory } => {
                let task = self.id(task);
                self.fact(Fact::Command { task, command, directory });
            }
            Said::Terminal(ready) => {
                let task = self.id(task);
                self.fact(Fact::Terminal { task, ready: Ready(ready) });
            }
            Said::Line(line) => {
                let task = self.id(task);
                self.fact(Fact::Output { task, line });
            }
            Said::Notice(code, message, help) => self.notice(code, message, help),
        }
    }

    fn finished(&mut self, task: TaskIndex, finish: Finish<Done, TaskFailure>, duration: Duration) {
        let id = self.id(task);
        let reason = self.reasons.remove(&task);
        let (result, note, log, failure) = match finish {
            Finish::Ran(done) if done.restored => (TaskResult::Restored, done.note, done.log, None),
            Finish::Ran(done) if done.touched => (TaskResult::Touched, done.note, done.log, None),
            Finish::Ran(done) => (TaskResult::Ran, done.note, done.log, None),
            Finish::Fresh => (TaskResult::Fresh, None, None, None),
            // What it was told to do is no failure.
            Finish::Failed(failure) if self.restarts => {
                (TaskResult::Skipped, Some("stopped, to begin anew".to_owned()), failure.log, None)
            }
            Finish::Failed(failure) => {
                self.tally.timed_out |= failure.timed_out;
                let log = failure.log.clone();
                (TaskResult::Failed, None, log, Some(for_event(failure, self.declared(task))))
            }
        };
        let did_nothing = matches!(result, TaskResult::Fresh | TaskResult::Touched);
        let took = if did_nothing { Duration::ZERO } else { duration };
        self.tally.count(result);
        self.tally.sum += took;
        if self.tally.slowest.as_ref().is_none_or(|(_, slowest)| *slowest < took) && took > Duration::ZERO {
            self.tally.slowest = Some((id.clone(), took));
        }
        self.fact(Fact::Finished { task: id, result, reason, duration_ms: millis(took), note, log, failure });
    }

    fn skipped(&mut self, task: TaskIndex, because: Because) {
        let note = match because {
            Because::Failed(on) => format!("{} failed", self.id(on)),
            Because::Stopped => "another task failed first".to_owned(),
            Because::Interrupted if self.restarts => "the run begins anew".to_owned(),
            Because::Interrupted => "the run was interrupted".to_owned(),
        };
        self.tally.count(TaskResult::Skipped);
        let task = self.id(task);
        self.fact(Fact::Finished {
            task,
            result: TaskResult::Skipped,
            reason: None,
            duration_ms: 0,
            note: Some(note),
            log: None,
            failure: None,
        });
    }

    /// What a user should know although no task fails of it.
    pub(super) fn notice(&mut self, code: &str, message: String, help: Option<String>) {
        self.fact(Fact::Notice { code: code.to_owned(), message, help });
    }

    fn fact(&mut self, fact: Fact) {
        let fact = masked(&self.request.means.mask, fact);
        (self.send)(Event { at_ms: millis(self.request.began.elapsed()), fact });
    }

    fn id(&self, task: TaskIndex) -> String {
        self.request.graph.tasks()[task.0].id.clone()
    }

    /// Where a task comes from; a task of a whole environment from that one's node.
    fn declared(&self, task: TaskIndex) -> Option<Declared> {
        let task = &self.request.graph.tasks()[task.0];
        let premises = self.request.premises;
        let source =
            if task.is_private() { &premises.local.as_ref()?.source } else { &premises.model.source };
        let (line, column) = source.line_column(task.span.offset());
        Some(Declared { file: source.name().to_owned(), line, column })
    }
}

fn for_event(failure: TaskFailure, declared: Option<Declared>) -> Failure {
    let code = failure.diagnostic.as_ref().and_then(|found| found.code()).map(|code| code.to_string());
    Failure {
        message: failure.message,
        command: failure.command,
        directory: failure.directory,
        tail: failure.tail,
        declared,
        diagnostic: failure.diagnostic,
        code,
    }
}

impl Tally {
    pub(crate) fn count(&mut self, result: TaskResult) {
        let counter = match result {
            TaskResult::Ran => &mut self.counts.ran,
            TaskResult::Fresh => &mut self.counts.fresh,
            TaskResult::Restored => &mut self.counts.restored,
            TaskResult::Touched => &mut self.counts.touched,
            TaskResult::WouldRun => &mut self.counts.would_run,
            TaskResult::Failed => &mut self.counts.failed,
            TaskResult::Skipped => &mut self.counts.skipped,
        };
        *counter += 1;
    }
}
