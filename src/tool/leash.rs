//! Ends questions to programs when envloom is told to end.
//!
//! Every question ([`super::run`]) is on the one leash of the process while its child lives. A child leads a
//! process group of its own, so the terminal's Ctrl-C does not reach it, and a remote that stalls would keep both
//! git and whoever waits for it until the time limit. Signals are the process's, not an object's: so is the leash.
//!
//! | SIGINT, SIGTERM or SIGHUP comes | then |
//! | --- | --- |
//! | while a run or a watch listens ([`Charge`]) | it says [`Leash::stop`] and goes its own way |
//! | while a question is under way | the children get SIGTERM, a second later SIGKILL; no further question is asked, so that the call comes to its end and puts things back |
//! | while there is something to put back ([`Tidying`]) | the same, though no question is under way |
//! | while files are written that belong together ([`Shield`]) | they are, questions and all; the call ends by it then |
//! | again, or while there is no question | the signal does what it does to any program |
//!
//! After a run has listened the last row does nothing, as before: signals that were caught once stay caught.
//! SIGTERM first, since git removes its lock files and half made clones at it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// The same signal again within this time is the same request: `timeout` and shells signal a process both by its
/// pid and by its group.
const SAME_REQUEST: Duration = Duration::from_millis(200);

/// The one of this process.
pub(super) static LEASH: Leash = Leash(Mutex::new(State {
    held: BTreeMap::new(),
    next: 0,
    stopped: None,
    has_met: None,
    charges: 0,
    shields: 0,
    tidying: 0,
    was_charged: false,
}));

/// All questions that are under way.
#[derive(Debug)]
pub(super) struct Leash(Mutex<State>);

#[derive(Debug)]
struct State {
    /// By number; `None` while the child is being started.
    held: BTreeMap<u64, Option<Child>>,
    next: u64,
    /// Set once questions are to end: by which signal, if by one, and when.
    stopped: Option<(Option<i32>, Instant)>,
    /// The signal that a question has met.
    has_met: Option<i32>,
    /// How many listen in this file's place.
    charges: usize,
    /// How many are at what is done whole or not at all.
    shields: usize,
    /// How many have something to put back before the process ends.
    tidying: usize,
    was_charged: bool,
}

/// A child that runs, and how its watcher is told.
struct Child {
    leader: Pid,
    tell: Box<dyn Fn() + Send>,
}

impl std::fmt::Debug for Child {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Child").field(&self.leader).finish()
    }
}

impl Leash {
    /// A place for a child that is about to be started; `None` once questions are to end.
    pub(super) fn begin(&self) -> Option<Held<'_>> {
        let mut state = self.lock();
        if state.stopped.is_some() {
            state.meet();
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.held.insert(number, None);
        Some(Held { leash: self, number })
    }

    /// Ends all questions, and those that would be asked later.
    pub(super) fn stop(&self, signal: Option<i32>) {
        let mut state = self.lock();
        if state.stopped.is_none() {
            state.stopped = Some((signal, Instant::now()));
            state.held.values().flatten().for_each(Child::end);
        }
    }

    /// Is no signal to end what is being done?
    pub(super) fn is_shielded(&self) -> bool {
        self.lock().shields > 0
    }

    /// Questions are allowed again.
    fn go_on(&self) {
        self.lock().stopped = None;
    }

    /// A signal came: acts on it where nobody else listens. Says whether the process is to end by it.
    fn hear(&self, signal: i32) -> bool {
        let mut state = self.lock();
        match state.stopped {
            _ if state.charges > 0 => return false,
            _ if state.shields > 0 => {
                state.has_met = state.has_met.or(Some(signal));
                return false;
            }
            Some((Some(first), at)) if first == signal && at.elapsed() < SAME_REQUEST => return false,
            None if !state.held.is_empty() || state.tidying > 0 => {
                if state.tidying > 0 {
                    state.has_met = state.has_met.or(Some(signal));
                }
                drop(state);
                self.stop(Some(signal));
                return false;
            }
            _ => {}
        }
        for child in state.held.values_mut().flatten() {
            child.signal(Signal::KILL);
        }
        !state.was_charged
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A question does not come to its end because of what has stopped it.
    fn meet(&mut self) {
        self.has_met = self.has_met.or(self.stopped.and_then(|(signal, _)| signal));
    }
}

impl Child {
    fn end(&self) {
        self.signal(Signal::TERM);
        (self.tell)();
    }

    fn signal(&self, signal: Signal) {
        // Fails only when the group is gone already.
        let _ = kill_process_group(self.leader, signal);
    }
}

/// A child's place on the leash. It is given back before the child is reaped: until then its number is its own.
#[derive(Debug)]
pub(super) struct Held<'a> {
    leash: &'a Leash,
    number: u64,
}

impl Held<'_> {
    /// The child was started; `tell` is called when it is to end, which may be at once.
    pub(super) fn started(&self, leader: Pid, tell: impl Fn() + Send + 'static) {
        let mut state = self.leash.lock();
        let child = Child { leader, tell: Box::new(tell) };
        if state.stopped.is_some() {
            child.end();
        }
        state.held.insert(self.number, Some(child));
    }

    /// The child was ended before its time.
    pub(super) fn was_stopped(&self) {
        self.leash.lock().meet();
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.leash.lock().held.remove(&self.number);
    }
}

/// Whoever has one listens to signals itself. Dropped, questions that it has stopped may be asked again.
#[derive(Debug)]
pub(crate) struct Charge(());

impl Charge {
    /// Takes over.
    pub(crate) fn take() -> Self {
        let mut state = LEASH.lock();
        state.charges += 1;
        state.was_charged = true;
        Self(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        LEASH.lock().charges -= 1;
        LEASH.go_on();
    }
}

/// Whoever has one writes what belongs together, in a moment, and is not to be cut off: questions are asked, and answered,
/// whatever signal comes or came.
#[derive(Debug)]
pub(crate) struct Shield(());

impl Shield {
    /// Signals wait from now on.
    pub(crate) fn take() -> Self {
        listen();
        let mut state = LEASH.lock();
        state.shields += 1;
        state.stopped = None;
        Self(())
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        LEASH.lock().shields -= 1;
    }
}

/// Whoever has one puts back what it has made before the process ends: no signal ends it in between, but the next one.
#[derive(Debug)]
pub(crate) struct Tidying(());

impl Tidying {
    /// From now on there is something to put back.
    pub(crate) fn take() -> Self {
        listen();
        LEASH.lock().tidying += 1;
        Self(())
    }
}

impl Drop for Tidying {
    fn drop(&mut self) {
        LEASH.lock().tidying -= 1;
    }
}

/// Ends all questions, and those that would be asked later. `signal` is why, if it was one.
pub(crate) fn stop_questions(signal: Option<i32>) {
    LEASH.stop(signal);
}

/// Questions are allowed again: what was stopped is over.
pub(crate) fn allow_questions() {
    LEASH.go_on();
}

/// The signal that has kept a question from its answer.
pub(crate) fn interrupted() -> Option<i32> {
    LEASH.lock().has_met
}

/// Listens for signals, from the first question on: a call that asks nothing needs it not.
pub(super) fn listen() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let ignored = ignored_signals();
        let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter();
        let wanted = wanted.filter(|signal| ignored >> (signal - 1) & 1 == 0);
        // Where it cannot be done, a signal ends envloom alone, and its children meet their time limits.
        let Ok(mut signals) = Signals::new(wanted) else { return };
        let hear = move || {
            for signal in signals.forever().filter(|&signal| LEASH.hear(signal)) {
                // It cannot fail for signals whose default is to end.
                let _ = emulate_default_handler(signal);
            }
        };
        drop(thread::Builder::new().name("envloom-leash".to_owned()).spawn(hear));
    });
}

/// The signals ignored when envloom started, as a mask with bit `n - 1` for signal `n`. Asking the system
/// itself (`sigaction`) would need unsafe code. Where there is no `/proc`, none.
pub(crate) fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leash() -> Leash {
        Leash(Mutex::new(State {
            held: BTreeMap::new(),
            next: 0,
            stopped: None,
            has_met: None,
            charges: 0,
            shields: 0,
            tidying: 0,
            was_charged: false,
        }))
    }

    #[test]
    fn a_signal_without_a_question_ends_the_process_and_with_one_the_question() {
        let leash = leash();
        assert!(leash.hear(SIGINT));
        let held = leash.begin().unwrap();
        assert!(!leash.hear(SIGINT));
        assert!(leash.begin().is_none(), "no further question is asked");
        assert_eq!(leash.lock().has_met, Some(SIGINT));
        // As the terminal sends it, to the process and to its group.
        assert!(!leash.hear(SIGINT));
        assert!(leash.hear(SIGTERM), "asked for once more, it ends at once");
        drop(held);
        leash.go_on();
        assert!(leash.begin().is_some());
    }

    #[test]
    fn whoever_listens_in_its_place_is_left_alone() {
        let leash = leash();
        leash.lock().charges = 1;
        let _held = leash.begin();
        assert!(!leash.hear(SIGINT));
        assert!(leash.begin().is_some());
        leash.stop(None);
        assert!(leash.begin().is_none());
        assert_eq!(leash.lock().has_met, None, "it was no signal");
    }

    #[test]
    fn who_has_something_to_put_back_ends_by_the_second_signal() {
        let leash = leash();
        leash.lock().tidying = 1;
        assert!(!leash.hear(SIGINT));
        assert!(leash.begin().is_none(), "no further question is asked");
        assert_eq!(leash.lock().has_met, Some(SIGINT));
        assert!(leash.hear(SIGTERM));
    }

    #[test]
    fn what_is_done_whole_is_asked_to_its_end() {
        let leash = leash();
        leash.lock().shields = 1;
        let _held = leash.begin().unwrap();
        assert!(!leash.hear(SIGINT) && !leash.hear(SIGINT));
        assert!(leash.begin().is_some());
        assert_eq!(leash.lock().has_met, Some(SIGINT), "the call ends by it");
    }
}
