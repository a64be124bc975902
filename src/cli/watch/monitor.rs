//! What is heard while a watch runs its targets or waits, and what it means.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use super::super::exit;
use super::super::load::Stop;
use super::super::locate::Place;
use super::look::Look;
use super::{Message, QUIET};
use crate::cache::Observation;
use crate::exec::{Cancel, SignalEvent};

/// Ends a run once something has changed that it does not make itself. Gives the exit code if a signal came.
pub(super) fn monitor(
    inbox: &mut Receiver<Message>,
    look: &Look,
    place: &Place,
    again: &dyn Fn() -> Result<Look, Stop>,
    cancel: &Cancel,
) -> Option<u8> {
    // What changed before it was listened to was not heard.
    let (mut stopped, mut is_due) = (None, true);
    loop {
        let message = if is_due {
            inbox.recv_timeout(QUIET)
        } else {
            inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match message {
            Ok(Message::Heard(paths)) => is_due |= concerns(&paths, &look.seen, place),
            Ok(Message::Over) | Err(RecvTimeoutError::Disconnected) => return stopped,
            Ok(message) => stopped = stopped.or(stop_of(&message)),
            Err(RecvTimeoutError::Timeout) => {
                is_due = false;
                // A mistake is told once the run is over.
                if again().is_ok_and(|now| now.has_other_sources(look)) {
                    cancel.ask();
                }
            }
        }
    }
}

/// The exit code of a signal that ends the watch.
pub(super) fn stop_of(message: &Message) -> Option<u8> {
    match message {
        Message::Signal(SignalEvent::Stop(signal)) => {
            Some(exit::SIGNAL.saturating_add(u8::try_from(signal.as_raw()).unwrap_or_default()))
        }
        _ => None,
    }
}

/// May what was seen have changed, if something happened at `paths`?
pub(super) fn concerns(paths: &[PathBuf], seen: &Observation, place: &Place) -> bool {
    let own = place.state();
    let is_seen = |path: &Path| {
        let below = || seen.range(path.to_owned()..).next().is_some_and(|(first, _)| first.starts_with(path));
        path.parent().is_some_and(|parent| seen.contains_key(parent)) || below()
    };
    paths.is_empty() || paths.iter().any(|path| !path.starts_with(&own) && is_seen(path))
}

/// Is all that was seen as it was, but for what is envloom's own?
pub(super) fn holds(seen: &Observation, place: &Place) -> bool {
    let own = place.state();
    seen.iter().filter(|(path, _)| !path.starts_with(&own)).all(|(path, stamp)| stamp.holds(path))
}
