//! What happens in a run, as data: the only channel from `exec` to `report`.
//!
//! `--json` writes each event as one line of JSON on standard output, in the form documented in the README:
//! an object with `event` (the kind in snake case) and `at_ms` (milliseconds since the run began) beside the
//! fields below. Fields may be added; none changes its meaning.
//!
//! Texts in events are raw: whoever prints them to a terminal passes them through `base::printable`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use miette::Diagnostic;
use serde::{Serialize, Serializer};

use crate::plan::RunReason;

/// One fact and its time.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Event {
    /// Milliseconds since the run began.
    pub(crate) at_ms: u64,
    /// The fact.
    #[serde(flatten)]
    pub(crate) fact: Fact,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Fact {
    /// The run begins.
    Began {
        /// envloom's version.
        version: String,
        /// The targets, as typed or as `default` gives them.
        targets: Vec<String>,
        /// Did `default` give them?
        by_default: bool,
        /// How many tasks the targets select.
        tasks: usize,
        /// How many may run at once.
        jobs: usize,
    },
    /// Something a user should know that stops nothing.
    Notice {
        /// The diagnostic code, `envloom::…`.
        code: String,
        /// One line.
        message: String,
        /// What to type next.
        help: Option<String>,
    },
    /// A task begins to run.
    Started {
        /// The task.
        task: String,
        /// Why it runs.
        reason: RunReason,
        /// Is it one of the maintainer's own? What those print is what the user came for.
        own: bool,
        /// The line to paste that does the same, where the task runs a program.
        command: Option<String>,
        /// How long it took last time.
        expected_ms: Option<u64>,
        /// Is its result put back from the store? What it prints then is its log of when it ran.
        restored: bool,
    },
    /// A running task starts a program.
    Command {
        /// The task.
        task: String,
        /// The line to paste that does the same.
        command: String,
        /// Where.
        #[serde(serialize_with = "path_as_shown")]
        directory: PathBuf,
    },
    /// A line that a running task printed.
    Output {
        /// The task.
        task: String,
        /// The line, cleaned for a terminal (see `exec::child`), without its end.
        line: String,
    },
    /// A task gets the terminal. Nothing else is written until the task has ended.
    Terminal {
        /// The task.
        task: String,
        /// Told once everything before was written.
        #[serde(skip)]
        ready: Ready,
    },
    /// A task waits because another envloom holds what it needs.
    Waiting {
        /// The task.
        task: String,
        /// The lock: `venv dev-cu124`.
        lock: String,
    },
    /// A task has ended, or will not run. Every selected task has exactly one such event.
    Finished {
        /// The task.
        task: String,
        /// How.
        result: TaskResult,
        /// Why it ran, or would run.
        reason: Option<RunReason>,
        /// How long it ran; 0 where it did not.
        duration_ms: u64,
        /// What the task did, in a few words: `3 entries changed`.
        note: Option<String>,
        /// Its log file, where it ran a program.
        #[serde(serialize_with = "as_shown")]
        log: Option<PathBuf>,
        /// What failed.
        failure: Option<Failure>,
    },
    /// The run is ended from outside; running tasks are told.
    Interrupted {
        /// The number of the signal that came, or that stands for the wish to begin anew.
        signal: i32,
        /// Does a watch end the run, to begin anew?
        restart: bool,
    },
    /// The run is over. The last event.
    Ended {
        /// How many tasks ended in which way.
        counts: Counts,
        /// From the first event to this one.
        wall_ms: u64,
        /// The durations of all tasks together: what one after the other would have cost.
        sum_ms: u64,
        /// The task that took longest, and how long.
        slowest: Option<(String, u64)>,
        /// What the process will return.
        exit_code: u8,
    },
}

/// The way back to somebody who waits until everything before an event was written. Dropped unheard it says the same.
#[derive(Debug, Clone)]
pub(crate) struct Ready(pub(crate) SyncSender<()>);

impl Ready {
    /// Everything before was written.
    pub(crate) fn tell(&self) {
        // Whoever no longer waits needs no answer.
        let _ = self.0.try_send(());
    }
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskResult {
    /// It ran and succeeded.
    Ran,
    /// It was up to date.
    Fresh,
    /// Its result was in the store, and was put back.
    Restored,
    /// It was not run: `-t` was given.
    Touched,
    /// It would run: `-n` was given.
    WouldRun,
    /// It ran, or was decided, and failed.
    Failed,
    /// Something it waits for failed, or the run stopped first.
    Skipped,
}

/// A failed task.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Failure {
    /// One line: `uv exited with status 1`.
    pub(crate) message: String,
    /// The line to paste to repeat it, from the root of the repository.
    pub(crate) command: Option<String>,
    /// Where it ran.
    #[serde(serialize_with = "as_shown")]
    pub(crate) directory: Option<PathBuf>,
    /// The last lines it printed, cleaned.
    pub(crate) tail: Vec<String>,
    /// The node that the task comes from.
    pub(crate) declared: Option<Declared>,
    /// The diagnostic where envloom itself refused. `report` renders it: as text in the user's style, as an
    /// object in JSON, where it is the field `diagnostic`.
    #[serde(skip)]
    pub(crate) diagnostic: Option<Arc<dyn Diagnostic + Send + Sync>>,
    /// The diagnostic's code.
    pub(crate) code: Option<String>,
}

/// A place in `tasks.kdl` or `tasks.local.kdl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Declared {
    /// The file, relative to the root.
    pub(crate) file: String,
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
}

impl Failure {
    /// Of something that envloom itself found.
    pub(crate) fn found(diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self {
            message: diagnostic.to_string(),
            command: None,
            directory: None,
            tail: Vec::new(),
            declared: None,
            code: diagnostic.code().map(|code| code.to_string()),
            diagnostic: Some(Arc::new(diagnostic)),
        }
    }
}

/// How many tasks ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Ran and succeeded.
    pub(crate) ran: usize,
    /// Up to date.
    pub(crate) fresh: usize,
    /// Put back from the store.
    pub(crate) restored: usize,
    /// Called up to date as they are.
    pub(crate) touched: usize,
    /// Would run.
    pub(crate) would_run: usize,
    /// Failed.
    pub(crate) failed: usize,
    /// Did not run.
    pub(crate) skipped: usize,
}

/// Whole milliseconds, saturating.
#[must_use]
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A path that is not Unicode is shown as well as it can be.
fn path_as_shown<S: Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(serializer)
}

/// A path that is not Unicode is shown as well as it can be; serde would refuse the whole event.
#[expect(clippy::ref_option, reason = "serde passes the field as it is")]
fn as_shown<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}
