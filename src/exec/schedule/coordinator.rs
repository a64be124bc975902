//! The thread that owns the run. See the room's header for the design.

mod locking;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rayon::{Scope, ThreadPoolBuilder};
use rustix::process::Signal;

use self::locking::{LockWait, Locking};
use super::load::Load;
use super::progress::{News, Progress, State};
use super::shelf::{Part, Shelf};
use super::spec::{
    Because, Context, Control, Finish, Message, MessageOf, Outcome, Schedule, ScheduleEvent, TaskEnd,
    TaskIndex, Work,
};
use super::tokens::Tokens;
use super::worker::carry_out;
use crate::exec::error::ExecError;
use crate::exec::groups::Groups;
use crate::exec::locks::LockGuard;
use crate::exec::signals::{SignalEvent, SignalWatch, suspend_self};

/// How many messages wait for the coordinator before workers do.
const INBOX: usize = 1024;

/// More threads than this only cost memory.
const MOST_WORKERS: usize = 512;

/// How long a load that was too high is believed.
const LOOK_AT_LOAD_AGAIN: Duration = Duration::from_secs(1);

/// The same signal again within this time is the same request: `timeout` and shells signal a process
/// both by its pid and by its group.
const SAME_REQUEST: Duration = Duration::from_millis(200);

/// Runs the schedule to its end and passes every fact to `sink`. Listens for signals meanwhile.
///
/// # Errors
/// When the worker threads or the signal handlers cannot be set up. Nothing has run then.
pub(crate) fn execute<W: Work>(
    schedule: &Schedule,
    work: &W,
    control: Control<'_>,
    sink: &mut dyn FnMut(ScheduleEvent<W>),
) -> Result<Outcome, ExecError> {
    execute_wired(schedule, work, control, sink, |outbox| {
        if let Some(cancel) = control.cancel {
            let outbox = outbox.clone();
            cancel.arm(move || drop(outbox.send(Message::Signal(SignalEvent::Stop(Signal::TERM)))));
        }
        let outbox = outbox.clone();
        // A run that has ended no longer listens.
        SignalWatch::start(move |event| drop(outbox.send(Message::Signal(event))))
    })
}

/// [`execute`], with the source of signals given.
pub(super) fn execute_wired<W: Work, T>(
    schedule: &Schedule,
    work: &W,
    control: Control<'_>,
    sink: &mut dyn FnMut(ScheduleEvent<W>),
    wire: impl FnOnce(&SyncSender<MessageOf<W>>) -> Result<T, ExecError>,
) -> Result<Outcome, ExecError> {
    let threads = control.options.jobs.min(schedule.tasks.len()).clamp(1, MOST_WORKERS);
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("envloom-worker-{number}"))
        .build()
        .map_err(|cause| ExecError::Workers { threads, cause: cause.to_string() })?;
    let (outbox, inbox) = sync_channel(INBOX);
    let wired = wire(&outbox)?;
    let coordinator = Coordinator::new(schedule, work, control, outbox, sink);
    // `pool.scope` would run the coordinator on a worker.
    let outcome = pool.in_place_scope(|scope| coordinator.run(scope, inbox));
    drop(wired);
    Ok(outcome)
}

/// How many tasks run at a time.
fn slots(schedule: &Schedule, control: Control<'_>) -> usize {
    control.options.jobs.min(schedule.tasks.len()).clamp(1, MOST_WORKERS)
}

/// What to do about the news of a change.
fn news<W: Work>(
    shelf: &mut Shelf<'_>,
    sink: &mut dyn FnMut(ScheduleEvent<W>),
) -> impl FnMut(TaskIndex, News) {
    move |task, news| match news {
        News::Ready => shelf.push(task),
        News::Skipped(because) => sink(ScheduleEvent::Skipped { task, because }),
    }
}

/// All state of a run.
struct Coordinator<'a, W: Work> {
    /// Decides and runs one task.
    work: &'a W,
    /// Options, children, locks.
    control: Control<'a>,
    /// How many tasks run at a time.
    slots: usize,
    /// Cloned for each worker and lock thread.
    outbox: SyncSender<MessageOf<W>>,
    /// Gets every event.
    sink: &'a mut dyn FnMut(ScheduleEvent<W>),
    /// How far each task is.
    progress: Progress,
    /// Ready tasks that wait for a worker or a resource.
    shelf: Shelf<'a>,
    /// Ready tasks that wait for another process.
    lock_waits: BTreeMap<TaskIndex, LockWait>,
    /// The jobserver's tokens.
    tokens: Option<Tokens<'a>>,
    /// The load limit.
    load: Option<Load>,
    /// When the load is looked at again, if it was too high for a task that is ready.
    load_due: Option<Instant>,
    /// Whether no task is started any more.
    halted: bool,
    /// The first signal to stop, and when it came.
    interrupted: Option<(Signal, Instant)>,
    /// When the children are killed.
    kill_at: Option<Instant>,
}

impl<'a, W: Work> Coordinator<'a, W> {
    /// Everything waits.
    fn new(
        schedule: &'a Schedule,
        work: &'a W,
        control: Control<'a>,
        outbox: SyncSender<MessageOf<W>>,
        sink: &'a mut dyn FnMut(ScheduleEvent<W>),
    ) -> Self {
        let told = outbox.clone();
        // A run that has ended no longer listens.
        let notify = move || drop(told.send(Message::Token));
        Self {
            work,
            control,
            tokens: control.jobserver.map(|jobserver| Tokens::new(jobserver, Box::new(notify))),
            slots: slots(schedule, control),
            outbox,
            sink,
            progress: Progress::new(schedule),
            shelf: Shelf::new(schedule),
            lock_waits: BTreeMap::new(),
            load: control.options.load.map(|limit| Load::new(limit, Instant::now())),
            load_due: None,
            halted: false,
            interrupted: None,
            kill_at: None,
        }
    }

    /// Runs everything. The inbox is owned, so that a panic here closes it and no worker waits for ever.
    fn run<'scope>(mut self, scope: &Scope<'scope>, inbox: Receiver<MessageOf<W>>) -> Outcome
    where
        'a: 'scope,
    {
        let _kill = KillOnPanic(self.control.groups);
        self.progress.begin(&mut news(&mut self.shelf, self.sink));
        while let Some(task) = self.shelf.take_known() {
            self.finish(task, Finish::Fresh);
        }
        loop {
            self.start_what_fits(scope);
            if self.progress.running() == 0 && self.lock_waits.is_empty() {
                break;
            }
            match self.receive(&inbox) {
                Some(message) => self.handle(message, scope),
                None => self.tick(),
            }
        }
        drop(inbox);
        Outcome {
            ends: self.progress.into_ends(),
            interrupted: self.interrupted.map(|(signal, _)| signal.as_raw()),
        }
    }

    /// Changes a task's state and acts on what follows.
    fn transition(&mut self, task: TaskIndex, to: State) {
        let news = &mut news(&mut self.shelf, self.sink);
        self.progress.transition(task, to, news);
    }

    /// No task is started any more: all that have not started are skipped.
    fn halt(&mut self, because: Because) {
        if !std::mem::replace(&mut self.halted, true) {
            self.shelf.clear();
            self.lock_waits.clear();
            let news = &mut news(&mut self.shelf, self.sink);
            self.progress.skip_unstarted(because, news);
        }
    }

    /// Gives every free slot to the best task that fits and whose locks can be had.
    fn start_what_fits<'scope>(&mut self, scope: &Scope<'scope>)
    where
        'a: 'scope,
    {
        self.load_due = None;
        // A service may hold tokens while no task runs.
        if self.progress.running() == 0
            && !self.control.groups.has_live()
            && let Some(Err(cause)) = self.tokens.as_mut().map(Tokens::mend)
        {
            (self.sink)(ScheduleEvent::NoMoreTokens { cause });
        }
        while self.progress.running() < self.slots && self.shelf.has_ready() && self.may_start() {
            let Some(task) = self.shelf.take() else { break };
            match self.lock(task) {
                Ok(Locking::Held(guard)) => self.start(task, guard, scope),
                Ok(Locking::Waits) => {}
                Err(error) => {
                    self.shelf.release(task, Part::All);
                    self.fail_unstarted(task, error);
                }
            }
        }
        let running = self.progress.running();
        self.tokens.iter_mut().for_each(|tokens| tokens.keep(running));
    }

    /// May another task run, as far as others on this machine are concerned?
    fn may_start(&mut self) -> bool {
        self.has_room() && self.has_token()
    }

    /// Is there a token for another task?
    fn has_token(&mut self) -> bool {
        let running = self.progress.running() + 1;
        match self.tokens.as_mut().map_or(Ok(true), |tokens| tokens.allow(running)) {
            Ok(allowed) => allowed,
            Err(cause) => {
                (self.sink)(ScheduleEvent::NoMoreTokens { cause });
                false
            }
        }
    }

    /// Does the machine's load allow another task? The first one is always allowed.
    fn has_room(&mut self) -> bool {
        let now = Instant::now();
        let Some(load) = self.load.as_mut().filter(|_| self.progress.running() > 0) else { return true };
        let high = load.is_high(now);
        self.load_due = high.then(|| now + LOOK_AT_LOAD_AGAIN);
        !high
    }

    /// Puts a task on a worker.
    fn start<'scope>(&mut self, task: TaskIndex, guard: Option<LockGuard>, scope: &Scope<'scope>)
    where
        'a: 'scope,
    {
        let now = Instant::now();
        self.transition(task, State::Running(now));
        self.load.iter_mut().for_each(|load| load.started(now));
        (self.sink)(ScheduleEvent::Started { task });
        let (work, groups, outbox) = (self.work, self.control.groups, self.outbox.clone());
        scope.spawn(move |_| {
            let finish = carry_out(work, &Context { task, outbox: &outbox, groups, guard: guard.as_ref() });
            // Only a coordinator that panicked no longer listens.
            drop(outbox.send(Message::Ended(task, finish, guard)));
        });
    }

    /// Waits for a message, but no longer than until something is due.
    fn receive(&self, inbox: &Receiver<MessageOf<W>>) -> Option<MessageOf<W>> {
        match self.kill_at.into_iter().chain(self.next_lock_notice()).chain(self.load_due).min() {
            None => Some(inbox.recv().expect("the coordinator has a sender of its own")),
            Some(due) => match inbox.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    unreachable!("the coordinator has a sender of its own")
                }
            },
        }
    }

    /// Does what is due.
    fn tick(&mut self) {
        let now = Instant::now();
        if self.kill_at.is_some_and(|at| now >= at) {
            self.kill();
        }
        self.tell_lock_waits(now);
    }

    /// Acts on one message.
    fn handle<'scope>(&mut self, message: MessageOf<W>, scope: &Scope<'scope>)
    where
        'a: 'scope,
    {
        match message {
            Message::Report(task, report) => (self.sink)(ScheduleEvent::Report { task, report }),
            Message::Ended(task, finish, guard) => {
                self.shelf.release(task, Part::All);
                self.finish(task, finish);
                drop(guard);
            }
            Message::Locked(task, result) => self.locked(task, result, scope),
            Message::Token => self.tokens.iter_mut().for_each(Tokens::answered),
            Message::Signal(SignalEvent::Stop(signal)) => self.interrupt(signal),
            Message::Signal(SignalEvent::Suspend) => {
                self.control.groups.suspend();
                suspend_self();
            }
            Message::Signal(SignalEvent::Resume) => self.control.groups.resume(),
        }
    }

    /// A task has ended, or could not start.
    fn finish(&mut self, task: TaskIndex, finish: Finish<W::Success, W::Failure>) {
        let duration = self.progress.running_since(task).map_or(Duration::ZERO, |since| since.elapsed());
        let end = if matches!(finish, Finish::Failed(_)) { TaskEnd::Failed } else { TaskEnd::Done };
        (self.sink)(ScheduleEvent::Finished { task, finish, duration });
        self.transition(task, State::Ended(end));
        if end == TaskEnd::Failed && !self.control.options.keep_going {
            self.halt(Because::Stopped);
        }
    }

    /// A task's locks could not be had.
    fn fail_unstarted(&mut self, task: TaskIndex, error: ExecError) {
        self.finish(task, Finish::Failed(error.into()));
    }

    /// A signal asks to end.
    fn interrupt(&mut self, signal: Signal) {
        let now = Instant::now();
        match self.interrupted {
            None => {
                self.interrupted = Some((signal, now));
                let until = now + self.control.options.grace;
                self.kill_at = Some(until);
                self.control.groups.stop(signal, until);
                (self.sink)(ScheduleEvent::Interrupted { signal });
                self.halt(Because::Interrupted);
            }
            Some((first, at)) if first == signal && now < at + SAME_REQUEST => {}
            // The terminal's end after Ctrl-C is no second request.
            Some(_) if signal == Signal::HUP => {}
            Some(_) => self.kill(),
        }
    }

    /// The children's time is over.
    fn kill(&mut self) {
        self.kill_at = None;
        self.control.groups.kill_all();
        (self.sink)(ScheduleEvent::Killed);
    }
}

/// A coordinator that panics must not wait for its children.
struct KillOnPanic<'a>(&'a Groups);

impl Drop for KillOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.kill_all();
        }
    }
}
