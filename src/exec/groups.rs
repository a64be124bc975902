//! The live process groups of a run: one registry shared by the workers and the signal side.
//!
//! Comes in: each child from the worker that started it. Goes out: signals to whole groups. Every child
//! leads its own group, so a signal reaches its descendants too, and the terminal's Ctrl-C reaches them
//! only through here.
//!
//! Two rules keep a signal from hitting a stranger or missing a child:
//! - A group is taken out *before* its leader is reaped: until then the pid, and with it the group id,
//!   cannot be given to another process. A child whose group still holds its output open is kept
//!   unreaped until the end of the run.
//! - A child that enters after a signal was sent gets that signal at once. There is no moment between
//!   "the others were told to stop" and "this one was started" in which it could slip through.

use std::collections::BTreeMap;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::error::ExecError;
use super::run_id::RunId;
use super::supervisor::{Leak, Supervisor, Watch};

/// All process groups of a run.
pub(crate) struct Groups {
    /// The run they belong to.
    run: RunId,
    /// Watches over envloom's own death. `None` where the caller has decided to go without.
    watch: Option<Watch>,
    /// What changes.
    state: Mutex<State>,
}

/// What the registry knows at one moment.
#[derive(Default)]
struct State {
    /// The groups whose leader is not reaped yet, by number.
    live: BTreeMap<i32, Live>,
    /// Leaders that have ended while their group holds the output open.
    kept: Vec<Child>,
    /// Set once the run is being stopped.
    stop: Option<Stop>,
    /// Set once everything was killed.
    killed: bool,
    /// When the groups were suspended, if they are.
    suspended: Option<Instant>,
    /// How long they were suspended before.
    suspended_for: Duration,
}

/// A live group.
#[derive(Clone, Copy)]
struct Live {
    /// Its leader.
    group: Pid,
    /// A stop leaves it alone.
    spared: bool,
}

/// An orderly stop under way.
#[derive(Clone, Copy)]
struct Stop {
    /// What the children were sent.
    signal: Signal,
    /// When they will be killed.
    until: Instant,
}

/// What a child may do at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The run goes on.
    Going,
    /// Children were told to end and will be killed at this time.
    Stopping(Instant),
    /// Everything was killed.
    Killed,
}

impl Groups {
    /// An empty registry.
    pub(crate) fn new(run: RunId, watch: Option<Watch>) -> Self {
        Self { run, watch, state: Mutex::default() }
    }

    /// The run's id.
    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    /// Called before a child is started: the supervisor must be there and be out of reach of whatever may kill envloom.
    pub(super) fn prepare(&self) -> Result<(), ExecError> {
        self.watch.as_ref().map_or(Ok(()), |watch| watch.ready(&self.run))
    }

    /// Registers a child that was just started. `spared` leaves it out of a stop, be it under way or to come (what
    /// cleans up must come to its end), but never out of a kill.
    pub(super) fn enter(&self, child: Child, spared: bool) -> Member<'_> {
        let group = Pid::from_child(&child);
        let mut state = self.lock();
        state.live.insert(group.as_raw_pid(), Live { group, spared });
        if state.killed {
            send(group, Signal::KILL);
        } else if let Some(stop) = state.stop
            && !spared
        {
            send(group, stop.signal);
        } else if state.suspended.is_some() {
            send(group, Signal::STOP);
        }
        drop(state);
        if let Some(supervisor) = self.supervisor() {
            supervisor.add(group);
        }
        Member { groups: self, group, child: Some(child) }
    }

    /// Whether the run goes on.
    pub(crate) fn standing(&self) -> Standing {
        let state = self.lock();
        match state.stop {
            _ if state.killed => Standing::Killed,
            Some(stop) => Standing::Stopping(stop.until),
            None => Standing::Going,
        }
    }

    /// Is there a child, or what one has left behind?
    pub(crate) fn has_live(&self) -> bool {
        !self.lock().live.is_empty()
    }

    /// The signal of the stop that is under way.
    pub(super) fn stopping(&self) -> Option<Signal> {
        self.lock().stop.map(|stop| stop.signal)
    }

    /// Begins an orderly stop: all groups but spared ones get `signal`, and so does every child that still enters. The
    /// caller kills at `until`.
    pub(crate) fn stop(&self, signal: Signal, until: Instant) {
        let mut state = self.lock();
        state.stop = Some(Stop { signal, until });
        for live in state.live.values().filter(|live| !live.spared) {
            send(live.group, signal);
        }
        // A stopped process acts on no other signal than SIGKILL until it is continued.
        state.signal_all(Signal::CONT);
        state.resumed();
    }

    /// Kills every group, and every child that still enters.
    pub(crate) fn kill_all(&self) {
        let mut state = self.lock();
        state.killed = true;
        state.signal_all(Signal::KILL);
    }

    /// Suspends every group (Ctrl-Z).
    pub(crate) fn suspend(&self) {
        let mut state = self.lock();
        state.suspended.get_or_insert_with(Instant::now);
        state.signal_all(Signal::STOP);
    }

    /// Continues every group.
    pub(crate) fn resume(&self) {
        let mut state = self.lock();
        state.resumed();
        state.signal_all(Signal::CONT);
    }

    /// For how long the run has been suspended so far: timeouts do not count it.
    pub(super) fn suspended_for(&self) -> Duration {
        let state = self.lock();
        state.suspended_for + state.suspended.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// The end of the run, when no task is running: whatever was left behind is killed and named.
    pub(crate) fn finish(mut self) -> Vec<Leak> {
        let leaks = self.watch.take().map(Watch::finish).unwrap_or_default();
        let mut state = self.lock();
        state.signal_all(Signal::KILL);
        for mut child in std::mem::take(&mut state.kept) {
            // It has ended: this only takes it off the process table.
            let _ = child.wait();
        }
        state.live.clear();
        drop(state);
        leaks
    }

    fn supervisor(&self) -> Option<&Supervisor> {
        self.watch.as_ref().and_then(Watch::started)
    }

    /// The state. A worker that panicked cannot have left it half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Sends to all that are registered.
    fn signal_all(&self, signal: Signal) {
        for live in self.live.values() {
            send(live.group, signal);
        }
    }

    /// Adds up the time spent suspended.
    fn resumed(&mut self) {
        if let Some(since) = self.suspended.take() {
            self.suspended_for += since.elapsed();
        }
    }
}

/// Sends to one group. One that is gone already needs nothing.
fn send(group: Pid, signal: Signal) {
    let _ = kill_process_group(group, signal);
}

/// A registered child. Dropping it (its worker panicked) kills its group.
pub(super) struct Member<'a> {
    /// Where it is registered.
    groups: &'a Groups,
    /// Its group, which is its pid.
    group: Pid,
    /// The child; `None` once it has left.
    child: Option<Child>,
}

impl Member<'_> {
    /// The child's pid, which is its group's id.
    pub(super) fn group(&self) -> Pid {
        self.group
    }

    /// Sends to the child's group.
    pub(super) fn signal(&self, signal: Signal) {
        send(self.group, signal);
    }

    /// Whether anyone but its ended leader is in the group. Asked rarely: it looks at every process.
    pub(super) fn has_company(&self) -> bool {
        let Ok(table) = std::fs::read_dir("/proc") else {
            return true;
        };
        let group = self.group.as_raw_pid().to_string();
        table.filter_map(Result::ok).any(|entry| {
            let stat = std::fs::read(entry.path().join("stat")).unwrap_or_default();
            let stat = String::from_utf8_lossy(&stat);
            // `pid (name) state parent group …`, and the name may hold anything.
            let mut fields = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default().split(' ');
            let state = fields.next().unwrap_or_default();
            !matches!(state, "" | "Z" | "X") && fields.nth(1) == Some(&group)
        })
    }

    /// The child has ended and is reaped. One whose group lives on stays registered until the end of the run.
    pub(super) fn leave(mut self, leaked: bool) {
        if let Some(child) = self.child.take() {
            if leaked {
                self.groups.lock().kept.push(child);
            } else {
                self.remove(child);
            }
        }
    }

    /// Unregisters, then reaps: in this order.
    fn remove(&self, mut child: Child) {
        self.groups.lock().live.remove(&self.group.as_raw_pid());
        if let Some(supervisor) = self.groups.supervisor() {
            supervisor.remove(self.group);
        }
        let _ = child.wait();
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            send(self.group, Signal::KILL);
            self.remove(child);
        }
    }
}
