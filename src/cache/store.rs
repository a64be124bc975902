//! Verdicts and what tasks did last, as small files.
//!
//! `records/<digest>.json` holds the verdict for one fingerprint: its presence says that a task with just
//! these inputs has succeeded. `last/<task>.json` holds the fingerprint of the task's last success, for
//! explaining the next miss, and the reason of its last run. Both carry [`FORMAT`]; another number is a miss.
//! Several processes write at once: each file is whole or absent, and equal keys hold equal meaning.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::{Digest, FileError, read_if_exists, write_whole};

/// The form of the files below. Readers take no other; writers of another form use other names for fields
/// they must not drop, so nothing is rewritten in place.
const FORMAT: u32 = 1;

/// That a task succeeded with the inputs of one fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// The task that ran.
    pub(crate) task: String,
    /// Key path -> value, or the digest of a value that is long.
    pub(crate) fields: BTreeMap<String, String>,
}

/// What a task did last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastRun {
    /// The fingerprint of its last success.
    pub(crate) fields: BTreeMap<String, String>,
    /// How long it ran, in milliseconds.
    pub(crate) duration_ms: u64,
    /// Why it ran, rendered by `explain`.
    pub(crate) reason: serde_json::Value,
}

/// A stored value and the form it is stored in.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    format: u32,
    #[serde(flatten)]
    value: T,
}

/// The directory `.envloom/cache`.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    directory: PathBuf,
}

impl Store {
    /// The store in `directory`, which need not exist.
    #[must_use]
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The verdict under `digest`, if there is one that can be read.
    #[must_use]
    pub(crate) fn verdict(&self, digest: Digest) -> Option<Verdict> {
        load(&self.record_path(digest))
    }

    /// Puts a verdict under `digest`.
    ///
    /// # Errors
    /// When it cannot be written; the caller warns and goes on.
    pub(crate) fn keep(&self, digest: Digest, verdict: &Verdict) -> Result<(), FileError> {
        save(&self.record_path(digest), verdict)
    }

    /// What `task` did last.
    #[must_use]
    pub(crate) fn last(&self, task: &str) -> Option<LastRun> {
        load(&self.last_path(task))
    }

    /// Notes what `task` did.
    ///
    /// # Errors
    /// When it cannot be written; the caller warns and goes on.
    pub(crate) fn note(&self, task: &str, run: &LastRun) -> Result<(), FileError> {
        save(&self.last_path(task), run)
    }

    fn record_path(&self, digest: Digest) -> PathBuf {
        self.directory.join("records").join(format!("{digest}.json"))
    }

    /// Task ids hold `:` and `@`, which some file systems refuse, and may be longer than a name may be.
    fn last_path(&self, task: &str) -> PathBuf {
        let readable: String =
            task.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(80).collect();
        self.directory.join("last").join(format!("{readable}.{}.json", Digest::of(task).short()))
    }
}

/// Whatever is wrong with the file is a miss.
fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = read_if_exists(path).ok()??;
    let stored: Versioned<T> = serde_json::from_slice(&bytes).ok()?;
    (stored.format == FORMAT).then_some(stored.value)
}

fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    let bytes = serde_json::to_vec(&Versioned { format: FORMAT, value })
        .map_err(|cause| FileError::new("write", path, cause.into()))?;
    write_whole(path, &bytes).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn verdict() -> Verdict {
        Verdict { task: "check:dev".into(), fields: BTreeMap::from([("uv".into(), "0.13.9".into())]) }
    }

    #[test]
    fn a_verdict_is_found_under_its_digest_only() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path());
        store.keep(Digest::of("a"), &verdict()).unwrap();
        assert_eq!(store.verdict(Digest::of("a")), Some(verdict()));
        assert_eq!(store.verdict(Digest::of("b")), None);
    }

    #[test]
    fn every_truncation_and_another_format_is_a_miss() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path());
        store.keep(Digest::of("a"), &verdict()).unwrap();
        let path = store.record_path(Digest::of("a"));
        let whole = fs::read_to_string(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(store.verdict(Digest::of("a")), None, "{length}");
        }
        fs::write(&path, whole.replace("\"format\":1", "\"format\":2")).unwrap();
        assert_eq!(store.verdict(Digest::of("a")), None);
    }
}
