//! The scheduler's vocabulary: what it is given, what it says, what comes out.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use rustix::process::Signal;

use super::load::LoadLimit;
use crate::exec::cancel::Cancel;
use crate::exec::error::ExecError;
use crate::exec::groups::Groups;
use crate::exec::jobserver::Jobserver;
use crate::exec::locks::{Busy, LockGuard, Locks};
use crate::exec::signals::SignalEvent;

/// A task's place in [`Schedule::tasks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskIndex(pub(crate) usize);

/// What is to be run. Acyclic; every index is in range.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schedule {
    /// The tasks; of two equally urgent ones the earlier goes first.
    pub(crate) tasks: Vec<TaskSpec>,
    /// What they share.
    pub(crate) resources: Vec<Resource>,
}

/// One task, as far as the scheduler cares.
#[derive(Debug, Clone, Default)]
pub(crate) struct TaskSpec {
    /// The tasks that must have succeeded before.
    pub(crate) after: Vec<TaskIndex>,
    /// What it needs while it runs.
    pub(crate) claims: Claims,
    /// How long it is expected to take.
    pub(crate) expected: Duration,
    /// Is it known to be up to date, unless something runs before it?
    pub(crate) known: bool,
}

/// Amounts by place in [`Schedule::resources`]. More than the capacity means all of it.
pub(crate) type Claims = BTreeMap<usize, u64>;

/// Something there is only so much of.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// What it is called; for a shared one, the lock's name.
    pub(crate) name: String,
    /// How much there is.
    pub(crate) capacity: u64,
    /// Whether other envloom processes use it too. Its capacity is then one.
    pub(crate) shared: bool,
}

/// How to go about it.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How many tasks run at a time.
    pub(crate) jobs: usize,
    /// Go on after a failure with whatever does not depend on it.
    pub(crate) keep_going: bool,
    /// Fail instead of waiting for another process's lock.
    pub(crate) no_wait: bool,
    /// From the first signal to SIGKILL.
    pub(crate) grace: Duration,
    /// How long a lock is waited for in silence.
    pub(crate) lock_notice: Duration,
    /// The load at which nothing is started beside others.
    pub(crate) load: Option<LoadLimit>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 1,
            keep_going: false,
            no_wait: false,
            grace: Duration::from_secs(10),
            lock_notice: Duration::from_secs(1),
            load: None,
        }
    }
}

/// What the run acts through.
#[derive(Clone, Copy)]
pub(crate) struct Control<'a> {
    /// How to go about it.
    pub(crate) options: &'a Options,
    /// The live children.
    pub(crate) groups: &'a Groups,
    /// Shares slots with make above and below.
    pub(crate) jobserver: Option<&'a Jobserver>,
    /// Locks between processes. `None`: shared resources are exclusive in this process only.
    pub(crate) locks: Option<&'a Locks>,
    /// Ends the run from outside.
    pub(crate) cancel: Option<&'a Cancel>,
}

/// How tasks are decided and run. Called from worker threads.
pub(crate) trait Work: Sync {
    /// What a running task has to say.
    type Report: Send + 'static;
    /// What a task that ran leaves for the coordinator.
    type Success: Send + 'static;
    /// Why a task failed.
    type Failure: Send + From<ExecError> + 'static;

    /// Whether the task must run, now that everything before it is done and its locks are held.
    ///
    /// # Errors
    /// A task that cannot be decided has failed.
    fn decide(&self, task: TaskIndex) -> Result<Decision, Self::Failure>;

    /// Runs the task.
    ///
    /// # Errors
    /// When the task failed.
    fn run(&self, task: TaskIndex, context: &Context<'_, Self>) -> Result<Self::Success, Self::Failure>;
}

/// What was decided about a ready task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It runs.
    Run,
    /// Its result is up to date.
    Fresh,
}

/// A running task's way to the coordinator.
pub(crate) struct Context<'a, W: Work + ?Sized> {
    /// Which task.
    pub(super) task: TaskIndex,
    /// The coordinator's channel.
    pub(super) outbox: &'a SyncSender<MessageOf<W>>,
    /// The live children.
    pub(super) groups: &'a Groups,
    /// The task's locks.
    pub(super) guard: Option<&'a LockGuard>,
}

impl<W: Work + ?Sized> Context<'_, W> {
    /// Says something. It arrives in order, before the task's end.
    pub(crate) fn report(&self, report: W::Report) {
        // Only a coordinator that panicked no longer listens.
        let _ = self.outbox.send(Message::Report(self.task, report));
    }

    /// Where children register.
    pub(crate) fn groups(&self) -> &Groups {
        self.groups
    }

    /// What children are told about the task's locks.
    pub(crate) fn held(&self) -> &str {
        self.guard.map_or("", LockGuard::held)
    }
}

/// What the tasks of a [`Work`] send.
pub(super) type MessageOf<W> = Message<<W as Work>::Report, <W as Work>::Success, <W as Work>::Failure>;

/// What reaches the coordinator. It owns everything it carries, unlike the [`Work`], which may borrow.
pub(super) enum Message<R, S, F> {
    /// A running task says something.
    Report(TaskIndex, R),
    /// A task has ended. It hands back its locks, to be given up once this was passed on.
    Ended(TaskIndex, Finish<S, F>, Option<LockGuard>),
    /// A task's locks are there.
    Locked(TaskIndex, Result<LockGuard, ExecError>),
    /// There may be a token.
    Token,
    /// envloom got a signal.
    Signal(SignalEvent),
}

/// How a task that was started ended.
pub(crate) enum Finish<S, F> {
    /// It ran and succeeded.
    Ran(S),
    /// It was up to date.
    Fresh,
    /// It failed.
    Failed(F),
}

/// One fact about the run.
pub(crate) enum ScheduleEvent<W: Work + ?Sized> {
    /// A task has a worker and its locks.
    Started {
        /// Which.
        #[cfg_attr(
            not(test),
            expect(dead_code, reason = "the laws read it; a task itself says when it begins")
        )]
        task: TaskIndex,
    },
    /// A running task says something.
    Report {
        /// Which.
        task: TaskIndex,
        /// What.
        report: W::Report,
    },
    /// A task waits for another process.
    LockWaiting {
        /// Which.
        task: TaskIndex,
        /// For what and whom.
        busy: Busy,
    },
    /// A task has ended. One that never started (its lock could not be had) took no time.
    Finished {
        /// Which.
        task: TaskIndex,
        /// How.
        finish: Finish<W::Success, W::Failure>,
        /// From its start.
        duration: Duration,
    },
    /// A task will not run.
    Skipped {
        /// Which.
        task: TaskIndex,
        /// Why.
        because: Because,
    },
    /// The jobserver can no longer be used.
    NoMoreTokens {
        /// What the system said.
        cause: io::Error,
    },
    /// A signal stops the run; children have the grace to end.
    Interrupted {
        /// Which.
        signal: Signal,
    },
    /// The grace is over, or a second signal came: the children were killed.
    Killed,
}

/// Why a task did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    /// This task, which it needs, at whatever distance, failed.
    Failed(TaskIndex),
    /// Another task failed first, and `keep_going` is off.
    Stopped,
    /// A signal came.
    Interrupted,
}

/// A task's last state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskEnd {
    /// It ran and succeeded, or was fresh.
    Done,
    /// It failed.
    Failed,
    /// It did not run.
    Skipped(Because),
}

/// The end of a run: every task has its end, nothing is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// By task.
    pub(crate) ends: Vec<TaskEnd>,
    /// The first signal that stopped the run; the exit code is 128 and its number.
    pub(crate) interrupted: Option<i32>,
}

#[cfg(test)]
impl Outcome {
    /// Whether every task is done.
    pub(crate) fn success(&self) -> bool {
        self.interrupted.is_none() && self.ends.iter().all(|end| *end == TaskEnd::Done)
    }
}
