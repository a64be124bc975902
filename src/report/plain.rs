//! Events -> lines, for a terminal and without one: who may print when, and which lines there are.
//!
//! A state machine without writers or clock: events and ticks go in, a [`Page`] comes out. The rules, and
//! why they are so, are in the header of the room.

mod voice;

use std::collections::{BTreeMap, BTreeSet};

use crate::base::printable;
use crate::event::{Event, Fact, Failure, TaskResult};

use super::github;
use super::held::Taken;
use super::lines::{self, Ending};
use super::outlet::Outlet;
use super::page::Page;
use super::progress::Progress;
use super::reporter::{Mode, Options, Verbosity};
use super::summary::{self, Ended, Failed};
use super::text::{elapsed, listed};

use voice::Voice;

/// After so long without a line, one tells what runs.
const HEARTBEAT_MS: u64 = 30_000;

/// Turns events into lines.
pub(super) struct Narrator {
    options: Options,
    progress: Progress,
    page: Page,
    /// The tasks that have started and not ended.
    voices: BTreeMap<String, Voice>,
    /// Whose lines were printed last.
    speaker: Option<String>,
    /// Notices told, so that none is told twice.
    told: BTreeSet<(String, String)>,
    failed: Vec<Failed>,
    skipped: Vec<String>,
    /// How many lines there were after the last failure.
    lines_at_failure: u64,
    /// When the last line was printed.
    quiet_since_ms: u64,
    /// Has the default been named?
    opened: bool,
    /// The stream of the group that is open in GitHub's log.
    group: Option<Outlet>,
    /// The way from GitHub's workspace to the root: empty, or ended by `/`.
    below: String,
    /// Did a signal end the run? What it cut off is no failure to come back to.
    cut_off: bool,
    /// Is it ended to begin anew?
    restarts: bool,
}

impl Narrator {
    pub(super) fn new(options: Options, below: String) -> Self {
        Self {
            options,
            progress: Progress::default(),
            page: Page::new(options.github),
            voices: BTreeMap::new(),
            speaker: None,
            told: BTreeSet::new(),
            failed: Vec::new(),
            skipped: Vec::new(),
            lines_at_failure: 0,
            quiet_since_ms: 0,
            opened: false,
            group: None,
            below,
            cut_off: false,
            restarts: false,
        }
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What is to be written, in order.
    pub(super) fn take(&mut self) -> Vec<(Outlet, String)> {
        self.page.take()
    }

    pub(super) fn hear(&mut self, event: &Event) {
        self.progress.apply(event);
        let before = self.page.lines();
        match &event.fact {
            Fact::Began { version, jobs, .. } => self.began(version, *jobs),
            Fact::Notice { code, message, help } => self.notice(code, message, help.as_deref()),
            Fact::Started { task, reason, own, command, restored, .. } => {
                self.traced(&format!("{task}: {reason}"));
                // What it printed when it ran must not be taken for what it prints now.
                let mark = if *restored { "  (from the store)" } else { "" };
                let command = command.as_ref().map(|command| format!("{command}{mark}"));
                self.started(task, *own, command.as_deref());
            }
            Fact::Command { task, command, .. } => self.traced(&format!("{task}: + {command}")),
            Fact::Output { task, line } => self.output(task, line),
            // The text before it is written by whoever hears this; the task speaks for itself.
            Fact::Terminal { task, .. } => self.introduce(task),
            Fact::Waiting { task, lock } => self.waiting(task, lock),
            Fact::Finished { task, result, reason, duration_ms, note, log, failure } => {
                self.finished(&Ending {
                    task,
                    result: *result,
                    reason: reason.as_ref(),
                    duration_ms: *duration_ms,
                    note: note.as_deref(),
                    log: log.as_deref(),
                    failure: failure.as_ref(),
                });
            }
            Fact::Interrupted { signal, restart } => self.interrupted(*signal, *restart),
            Fact::Ended { counts, wall_ms, sum_ms, slowest, .. } => self.ended(&Ended {
                counts: *counts,
                wall_ms: *wall_ms,
                sum_ms: *sum_ms,
                slowest: slowest.as_ref().map(|(task, ms)| (task.as_str(), *ms)),
            }),
        }
        if self.page.lines() > before {
            self.quiet_since_ms = event.at_ms;
        }
    }

    /// Time passes: without status lines, a long silence is broken.
    pub(super) fn tick(&mut self, now_ms: u64) {
        let recent = now_ms.saturating_sub(self.quiet_since_ms) < HEARTBEAT_MS;
        if recent || self.progress.running.is_empty() || self.quiet() || self.options.mode != Mode::Plain {
            return;
        }
        let names: Vec<String> = self
            .progress
            .oldest_first()
            .into_iter()
            .map(|(task, running)| {
                let waiting = if running.waiting.is_some() { " (waiting)" } else { "" };
                let passed = elapsed(now_ms.saturating_sub(running.since_ms));
                format!("{} {passed}{waiting}", printable(task))
            })
            .collect();
        let (ended, selected) = (self.progress.ended(), self.progress.selected);
        self.page.note(&format!("[{ended}/{selected}] still running: {}", listed(&names, 8)));
        self.quiet_since_ms = now_ms;
    }

    fn quiet(&self) -> bool {
        self.options.verbosity == Verbosity::Quiet
    }

    fn verbose(&self) -> bool {
        self.options.verbosity == Verbosity::Verbose
    }

    fn began(&mut self, version: &str, jobs: usize) {
        if self.verbose() {
            let Progress { targets, by_default, selected, .. } = &self.progress;
            let default = if *by_default { " (the default)" } else { "" };
            let targets = targets.join(" ");
            self.page.note(&format!(
                "envloom {}: {}{default}, {selected} {}, {jobs} at a time",
                printable(version),
                printable(&targets),
                if *selected == 1 { "task" } else { "tasks" },
            ));
            self.opened = true;
        }
    }

    /// Names the default before the first line about work: nobody typed it.
    fn open(&mut self) {
        if !self.opened && self.progress.by_default && !self.quiet() {
            let targets = self.progress.targets.join(" ");
            self.page.note(&format!("no target given, the default is {}", printable(&targets)));
        }
        self.opened = true;
    }

    fn notice(&mut self, code: &str, message: &str, help: Option<&str>) {
        if self.told.insert((code.to_owned(), message.to_owned())) {
            self.close_group();
            if self.options.github {
                self.page.command(Outlet::Err, &github::notice(code, message, help));
                return;
            }
            let code = self.verbose().then_some(code);
            self.page.note(&lines::notice(self.options.style, code, message, help));
        }
    }

    /// A line of `--trace`.
    fn traced(&mut self, line: &str) {
        if self.options.trace {
            self.page.note(&printable(line));
        }
    }

    fn waiting(&mut self, task: &str, lock: &str) {
        // On a terminal the status line says it.
        if self.options.mode == Mode::Plain && !self.quiet() {
            self.close_group();
            let (task, lock) = (printable(task), printable(lock));
            self.page.note(&format!("{task} is waiting for {lock}, held by another envloom"));
        }
    }

    fn finished(&mut self, ending: &Ending) {
        self.open_for(ending.result);
        let spoke = self.voices.get(ending.task).is_some_and(|voice| voice.voiced);
        if spoke {
            self.release(ending.task);
        }
        let shown_above = spoke && self.speaker.as_deref() == Some(ending.task);
        if self.is_listed(ending) || shown_above {
            self.close_group();
        }
        let held = self.voices.remove(ending.task).map(|mut voice| voice.held.take()).unwrap_or_default();
        if self.is_listed(ending) {
            self.page.note(&lines::ending(self.options.style, self.verbose(), ending));
        }
        match ending.result {
            TaskResult::Failed => {
                self.failed(ending, if shown_above { None } else { Some(held) });
            }
            TaskResult::Skipped => self.skipped.push(ending.task.to_owned()),
            TaskResult::Ran
            | TaskResult::Fresh
            | TaskResult::Restored
            | TaskResult::Touched
            | TaskResult::WouldRun => {}
        }
        if let Some(next) = self.sole_voice().filter(|_| !self.options.held_back).map(str::to_owned) {
            self.release(&next);
        }
    }

    fn open_for(&mut self, result: TaskResult) {
        if matches!(result, TaskResult::WouldRun | TaskResult::Failed) {
            self.open();
        }
    }

    fn is_listed(&self, ending: &Ending) -> bool {
        match ending.result {
            TaskResult::Failed => true,
            _ if self.quiet() => false,
            TaskResult::Ran | TaskResult::Restored | TaskResult::Touched | TaskResult::WouldRun => true,
            // What the user named is told also where only its dependencies ran. Where nothing ran, the last
            // line says it.
            TaskResult::Fresh => {
                self.verbose() || (!self.progress.idle() && self.progress.sole_target() == Some(ending.task))
            }
            TaskResult::Skipped => self.verbose(),
        }
    }

    fn failed(&mut self, ending: &Ending, printed: Option<Taken>) {
        // Quiet shows the last lines, not all.
        let printed = if self.quiet() { printed.map(|_| Taken::default()) } else { printed };
        self.page.note(&lines::failure(self.options.style, ending, printed));
        let failure = ending.failure;
        if let Some(failure) = failure.filter(|_| self.options.github && !self.cut_off) {
            self.annotate(ending.task, failure);
        }
        self.failed.push(Failed {
            task: ending.task.to_owned(),
            message: failure.map_or_else(|| "failed".to_owned(), |failure| failure.message.clone()),
            command: failure.and_then(|failure| failure.command.clone()),
            log: ending.log.map(|log| log.to_string_lossy().into_owned()),
        });
        self.speaker = None;
        self.lines_at_failure = self.page.lines();
    }

    /// Marks a failure where GitHub shows a change: at the place its diagnostic names, else where the task was declared.
    fn annotate(&mut self, task: &str, failure: &Failure) {
        for line in github::of_failure(failure, task, &self.below) {
            self.page.command(Outlet::Err, &line);
        }
    }

    fn interrupted(&mut self, signal: i32, restart: bool) {
        self.close_group();
        self.cut_off = true;
        let running = self.progress.running.len();
        let tasks = crate::base::counted(running, "task", "tasks");
        if restart {
            self.restarts = true;
            if !self.quiet() {
                let stopping = if running == 0 { String::new() } else { format!("stopping {tasks}, ") };
                self.page.note(&format!("{stopping}beginning anew"));
            }
            return;
        }
        let name = match signal {
            1 => "SIGHUP".to_owned(),
            2 => "SIGINT".to_owned(),
            15 => "SIGTERM".to_owned(),
            other => format!("signal {other}"),
        };
        let running = match running {
            0 => String::new(),
            1 => format!(": stopping {tasks}, once more to kill it"),
            _ => format!(": stopping {tasks}, once more to kill them"),
        };
        self.page.note(&format!("interrupted by {name}{running}"));
    }

    fn ended(&mut self, ended: &Ended) {
        self.close_group();
        let style = self.options.style;
        let buried = self.failed.len() > 1 || self.page.lines() > self.lines_at_failure;
        if buried && !self.failed.is_empty() && !self.cut_off && !self.quiet() {
            self.page.note(&summary::failures(style, &self.failed));
        }
        // A run that begins anew has not come to an end that says anything.
        if !self.quiet() && !self.restarts {
            let skipped = if self.verbose() { &[][..] } else { &self.skipped };
            self.page.note(&summary::closing(style, &self.progress, skipped, ended));
        }
    }
}
