//! What was found up to date is in use, although nothing of it is taken from the store of outputs.
//!
//! Comes in: the keys that decisions have met. Goes out: the time of the last use on what the store has under them, once
//! a day, so that a prune keeps it. A call that a compiled plan answers decides nothing: beside the plan lies a file with
//! its keys, whose own time says when they were last noted. That is all that such a call looks at on any day but the
//! first.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::compiled::PlanKey;
use super::outputs::{OutputStore, is_due, touch};
use crate::base::{Digest, FileError, read_if_exists, remove_if_exists, write_cached};

/// The form of the file.
const FORMAT: &str = "envloom uses 1";

/// For so long a call notes uses; the next one goes on.
const BUDGET: Duration = Duration::from_millis(50);

/// The keys that the decisions of a run have found up to date. Shared by the threads that decide.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<BTreeSet<Digest>>);

/// The file beside a plan.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: String,
    store: PathBuf,
    keys: Vec<[u8; 32]>,
}

impl Uses {
    /// What is kept under the key is in use.
    pub(crate) fn add(&self, key: Digest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }

    /// What one task uses, too.
    pub(crate) fn adopt(&self, task: &Self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(task.keys());
    }

    /// Them all, for whoever keeps them; none are left.
    #[must_use]
    pub(crate) fn taken(&self) -> Self {
        let keys = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Self(Mutex::new(keys))
    }

    /// Notes all of them in the store.
    pub(crate) fn note(&self, store: &OutputStore) {
        note_all(store, self.keys());
    }

    /// Keeps the keys beside the plan of the call that met them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn save(&self, plans: &Path, key: PlanKey, store: &OutputStore) -> Result<(), FileError> {
        let (path, keys) = (path(plans, key), self.keys());
        if keys.is_empty() {
            return remove_if_exists(&path).map(drop);
        }
        let stored = Stored {
            format: FORMAT.to_owned(),
            store: store.directory().to_owned(),
            keys: keys.into_iter().map(Digest::bytes).collect(),
        };
        let bytes = postcard::to_stdvec(&stored)
            .map_err(|cause| FileError::new("write", &path, std::io::Error::other(cause)))?;
        write_cached(&path, &bytes)
    }

    /// Them all.
    #[must_use]
    pub(crate) fn keys(&self) -> BTreeSet<Digest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Notes the uses of the plan that has just answered a call, if that was not done today. Whatever cannot be read or
/// written is forgotten earlier, no more.
pub(crate) fn note_uses(plans: &Path, key: PlanKey) {
    let (path, now) = (path(plans, key), SystemTime::now());
    if !is_due(&path, now) {
        return;
    }
    let Some(bytes) = read_if_exists(&path).ok().flatten() else { return };
    let stored = postcard::from_bytes(&bytes).ok().filter(|stored: &Stored| stored.format == FORMAT);
    let Some(Stored { store, keys, .. }) = stored else { return };
    if note_all(&OutputStore::new(store), keys.into_iter().map(Digest::from_bytes)) {
        touch(&path, now);
    }
}

/// Notes uses for as long as there is time; says whether these were all.
fn note_all(store: &OutputStore, keys: impl IntoIterator<Item = Digest>) -> bool {
    let began = Instant::now();
    for key in keys {
        if began.elapsed() > BUDGET {
            return false;
        }
        store.note_use(key);
    }
    true
}

fn path(plans: &Path, key: PlanKey) -> PathBuf {
    key.file(plans, "uses")
}
