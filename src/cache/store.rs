//! Verdicts and what tasks did last, as small files.
//!
//! `records/<digest>.json` holds the verdict for one fingerprint: its presence says that a task with just
//! these inputs has succeeded. `last/<task>.json` holds the fingerprint of the task's last success, for
//! explaining the next miss, and the reason of its last run. Both carry [`FORMAT`]; another number is a miss.
//! Several processes write at once: each file is whole or absent, and equal keys hold equal meaning.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::outputs::Size;
use crate::base::{Digest, FileError, read_if_exists, remove_if_exists, write_cached};

/// The form of the files below. Readers take no other; writers of another form use other names for fields
/// they must not drop, so nothing is rewritten in place.
const FORMAT: u32 = 1;

/// So many verdicts are never too many.
const MANY: usize = 1000;

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
    /// The digest of the last fields that were not empty: the key of an own task's last run here of which outputs were
    /// kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<Digest>,
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

    /// What every task did last, as far as it can be read.
    ///
    /// # Errors
    /// When the notes cannot be listed.
    pub(crate) fn lasts(&self) -> Result<Vec<LastRun>, FileError> {
        let directory = self.directory.join("last");
        let fail = |cause| FileError::new("list", &directory, cause);
        let entries = match fs::read_dir(&directory) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(fail)?,
        };
        let paths =
            entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>().map_err(fail)?;
        Ok(paths.iter().filter_map(|path| load(path)).collect())
    }

    /// Notes what `task` did.
    ///
    /// # Errors
    /// When it cannot be written; the caller warns and goes on.
    pub(crate) fn note(&self, task: &str, run: &LastRun) -> Result<(), FileError> {
        save(&self.last_path(task), run)
    }

    /// Forgets verdicts that are older than `age` where there are more than [`MANY`]: each costs a few milliseconds to
    /// find again, and none says when it was last used.
    ///
    /// # Errors
    /// When they cannot be listed or removed.
    pub(crate) fn prune(&self, age: Duration) -> Result<Size, FileError> {
        let (directory, now) = (self.directory.join("records"), SystemTime::now());
        let mut removed = Size::default();
        let Ok(entries) = fs::read_dir(&directory) else { return Ok(removed) };
        let entries = entries.collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|cause| FileError::new("list", &directory, cause))?;
        if entries.len() <= MANY {
            return Ok(removed);
        }
        for entry in entries {
            let Ok(metadata) = entry.metadata() else { continue };
            let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let is_old = now.duration_since(written).is_ok_and(|since| since > age);
            if is_old && remove_if_exists(&entry.path())? {
                removed.files += 1;
                removed.bytes += metadata.len();
            }
        }
        Ok(removed)
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
    write_cached(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn of_many_verdicts_the_old_go() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path());
        assert_eq!(store.prune(Duration::ZERO).unwrap(), Size::default());
        let records = root.path().join("records");
        fs::create_dir(&records).unwrap();
        let old = SystemTime::now() - Duration::from_hours(48);
        for at in 0..MANY {
            let file = fs::File::create(records.join(format!("{at}.json"))).unwrap();
            file.set_modified(if at < 10 { old } else { SystemTime::now() }).unwrap();
        }
        assert_eq!(store.prune(Duration::from_hours(24)).unwrap(), Size::default());
        store.keep(Digest::of("a"), &verdict()).unwrap();
        assert_eq!(store.prune(Duration::from_hours(24)).unwrap().files, 10);
        assert_eq!(store.verdict(Digest::of("a")), Some(verdict()));
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
