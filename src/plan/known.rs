//! Which own tasks are known to be up to date, and what that rests on: by an earlier call, and by this one.
//!
//! In: the part of a compiled plan that still holds, if it stands on this call's ground. Out: the same for the next call. A
//! task that is known needs neither its fingerprint nor its record; whether all that it rests on still holds is the
//! whole question, and is asked again when its turn comes, since the tasks before it may have changed something.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::decider::Decided;
use super::refusal::Refusal;
use crate::cache::{Observer, Part, Rest, Uses};

/// What is known of own tasks. Shared by the threads that decide.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By an earlier call, and still so when this one began.
    before: BTreeMap<String, Rest>,
    /// By this call.
    now: Mutex<BTreeMap<String, Rest>>,
}

impl Known {
    /// What an earlier call's plan still says.
    pub(crate) fn new(part: Part) -> Self {
        Self { before: part.held, now: Mutex::default() }
    }

    /// Was the task up to date when this call began?
    pub(crate) fn held(&self, task: &str) -> bool {
        self.before.contains_key(task)
    }

    /// Is the task up to date now, as far as that is known?
    pub(super) fn holds(&self, task: &str) -> bool {
        self.before.get(task).is_some_and(|rest| rest.seen.iter().all(|(path, stamp)| stamp.holds(path)))
    }

    /// Notes how a task was decided, by what `observer` has seen for it alone.
    pub(super) fn note(
        &self,
        task: &str,
        decided: &Result<Decided, Refusal>,
        observer: &Observer,
        uses: &Uses,
    ) {
        if matches!(decided, Ok(Decided::Fresh)) && observer.looked_alone() {
            self.found().insert(task.to_owned(), Rest { seen: observer.seen(), keys: uses.keys() });
        }
    }

    /// Is nothing known, of no task?
    pub(crate) fn is_empty(&self) -> bool {
        self.before.is_empty() && self.found().is_empty()
    }

    /// What is known for the next call: it looks whether it still holds.
    pub(crate) fn all(&self) -> BTreeMap<String, Rest> {
        let mut all = self.before.clone();
        all.extend(self.found().clone());
        all
    }

    fn found(&self) -> MutexGuard<'_, BTreeMap<String, Rest>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
