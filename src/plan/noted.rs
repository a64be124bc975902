//! What each task rested on when it was decided: for a watch, which runs them again once that has changed.
//!
//! It is noted by [`decide`](super::decide) itself, at the moment a run decides the task, so that what a task before it
//! makes counts, and what someone changes later does not. A task that always runs has a fingerprint here too.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::decider::Decided;
use super::own::{self, Look, Subject};
use super::own_inputs::input_list;
use super::premises::Premises;
use super::refusal::Refusal;
use crate::base::Digest;
use crate::graph::{Task, TaskKey};

/// What a task rested on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It was up to date.
    Fresh,
    /// On what has this digest.
    On(Digest),
    /// It was refused with these words, or runs whatever there is.
    Said(String),
}

/// The notes of one run, by the tasks' names. Shared by the threads that decide.
#[derive(Debug, Default)]
pub(crate) struct Noted(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    rests: BTreeMap<String, Rest>,
    inputs: BTreeMap<String, String>,
}

impl Noted {
    /// Notes how a task was decided.
    pub(super) fn note(&self, premises: &Premises, task: &Task, decided: &Result<Decided, Refusal>) {
        let own = match (&task.key, &task.job) {
            (TaskKey::Own(key), Some(job)) => {
                let subject = Subject { id: &task.id, key, task: premises.own_task(key.task), job };
                let look = Look { walk: &premises.walk, observer: &premises.observer };
                Some(own::fingerprint(premises, look, subject))
            }
            _ => None,
        };
        let rest = match decided {
            Ok(Decided::Fresh) => Rest::Fresh,
            Ok(
                Decided::Run { fingerprint: Some(fingerprint), .. } | Decided::Restore { fingerprint, .. },
            ) => Rest::On(fingerprint.digest()),
            Ok(Decided::Run { reason, fingerprint: None }) => match &own {
                Some(Ok(fingerprint)) => Rest::On(fingerprint.digest()),
                Some(Err(refusal)) => Rest::Said(refusal.to_string()),
                None => Rest::Said(reason.to_string()),
            },
            Err(refusal) => Rest::Said(refusal.to_string()),
        };
        let inputs =
            own.and_then(Result::ok).and_then(|fingerprint| input_list(premises, &fingerprint.fields));
        let lines = inputs.iter().flat_map(|list| list.lines()).filter_map(|line| line.split_once(' '));
        let inputs: Vec<(String, String)> =
            lines.map(|(digest, path)| (path.to_owned(), digest.to_owned())).collect();
        let mut notes = self.notes();
        notes.rests.insert(task.id.clone(), rest);
        notes.inputs.extend(inputs);
    }

    /// All notes.
    #[must_use]
    pub(crate) fn all(&self) -> BTreeMap<String, Rest> {
        self.notes().rests.clone()
    }

    /// The inputs of the own tasks, by path, with their contents.
    #[must_use]
    pub(crate) fn inputs(&self) -> BTreeMap<String, String> {
        self.notes().inputs.clone()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
