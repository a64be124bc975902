//! Ending a run from outside, as SIGTERM would: a watch that starts anew.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::tool::{allow_questions, stop_questions};

/// Ends the run that it was armed by. Asked for before that run began, it ends it at once; and with it the questions
/// that programs are being asked, until it is dropped.
#[derive(Default)]
pub(crate) struct Cancel(Mutex<State>);

#[derive(Default)]
struct State {
    asked: bool,
    stop: Option<Box<dyn Fn() + Send>>,
}

impl Cancel {
    /// Asks the run to end; a second time says nothing.
    pub(crate) fn ask(&self) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.asked, true) {
            stop_questions(None);
            if let Some(stop) = &state.stop {
                stop();
            }
        }
    }

    /// Was it asked for?
    pub(crate) fn is_asked(&self) -> bool {
        self.state().asked
    }

    /// Says how the run is ended.
    pub(super) fn arm(&self, stop: impl Fn() + Send + 'static) {
        let mut state = self.state();
        if state.asked {
            stop();
        }
        state.stop = Some(Box::new(stop));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        if self.is_asked() {
            allow_questions();
        }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("asked", &self.is_asked()).finish_non_exhaustive()
    }
}
