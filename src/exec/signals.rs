//! The signals that reach envloom itself, as events for the coordinator.
//!
//! Goes out: [`SignalEvent`]s from one thread. What they mean for the run is decided by the coordinator;
//! this file only receives. A signal that was ignored when envloom started stays ignored: `nohup envloom`
//! survives its terminal, and a shell's background job does not end at Ctrl-C. SIGPIPE needs nothing:
//! Rust ignores it, and a closed standard output shows as a failed write.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use rustix::process::Signal;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGXFSZ};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use super::error::ExecError;
use crate::tool::{Charge, ignored_signals, stop_questions};

/// What a signal asks of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignalEvent {
    /// End: SIGINT, SIGTERM or SIGHUP.
    Stop(Signal),
    /// Ctrl-Z.
    Suspend,
    /// `fg` or `bg`.
    Resume,
}

/// The listening thread. Dropping it ends the listening; the signals are then without effect.
pub(crate) struct SignalWatch {
    /// Ends the thread.
    handle: Handle,
    /// The thread.
    thread: Option<JoinHandle<()>>,
    /// Nobody else acts on the signals meanwhile.
    _charge: Charge,
}

impl SignalWatch {
    /// Listens and calls `notify` for each signal, on a thread of its own. One that asks to end also ends the questions
    /// that programs are being asked: whoever waits for an answer must not wait longer than for a task.
    ///
    /// # Errors
    /// When the handlers cannot be installed or the thread cannot be started.
    pub(crate) fn start(notify: impl Fn(SignalEvent) + Send + 'static) -> Result<Self, ExecError> {
        let charge = Charge::take();
        let ignored = ignored_signals();
        let wanted = [SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT];
        let wanted = wanted.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let mut signals = Signals::new(wanted).map_err(|cause| ExecError::Signals { cause })?;
        let handle = signals.handle();
        let thread = std::thread::Builder::new()
            .name("envloom-signals".to_owned())
            .spawn(move || {
                for event in signals.forever().filter_map(meaning) {
                    if let SignalEvent::Stop(signal) = event {
                        stop_questions(Some(signal.as_raw()));
                    }
                    notify(event);
                }
            })
            .map_err(|cause| ExecError::Signals { cause })?;
        Ok(Self { handle, thread: Some(thread), _charge: charge })
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It can only have panicked in `notify`, which the panic hook has reported.
            let _ = thread.join();
        }
    }
}

/// What a signal means.
fn meaning(signal: i32) -> Option<SignalEvent> {
    match signal {
        SIGTSTP => Some(SignalEvent::Suspend),
        SIGCONT => Some(SignalEvent::Resume),
        _ => Signal::from_named_raw(signal).map(SignalEvent::Stop),
    }
}

/// Makes a write over a limit of the file size fail with a reason, as one to a full disk does. Unhandled, SIGXFSZ
/// ends the process in the middle of it. Children start with the usual handling again.
pub(crate) fn fail_writes_over_the_limit() {
    // Should it not be possible, the limit ends the process: no worse than without.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// Stops this process as SIGTSTP would have, until it is continued.
pub(crate) fn suspend_self() {
    // It cannot fail for a signal whose default is to stop.
    let _ = emulate_default_handler(SIGTSTP);
}
