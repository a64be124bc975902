//! A result of searching the machine, remembered in a file for as long as nothing it was built
//! from has changed.
//!
//! In: a file, the variables and paths the search depends on, the search. Out: its result, from the
//! file or fresh. A memo is a convenience: one that cannot be read, was written by another version
//! or does not parse is a miss, and one that cannot be written costs time only.
//!
//! The stamp is the stat (size, mtime, ctime, inode, device) of every path or its absence, and the
//! variables that steer the search. A path as young as the stamp could change once more without its
//! times moving, so nothing is remembered then; the next run will.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ToolError;
use super::surroundings::Surroundings;

/// Raised with every change of the file's layout; other numbers are misses.
const FORMAT: u32 = 1;
/// The coarsest clock of the file systems in use.
const COARSE: Duration = Duration::from_secs(2);
/// The variables that steer a search for programs.
const STEERING: [&str; 10] = [
    "PATH",
    "HOME",
    "PYENV_ROOT",
    "ENVLOOM_UV",
    "ENVLOOM_CACHE_DIR",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "UV_PYTHON_INSTALL_DIR",
    "LD_LIBRARY_PATH",
    "TMPDIR",
];

/// What a remembered result was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Digest of the steering variables, the working directory and `subject`.
    steering: String,
    /// Each path with its stat, `None` for absent.
    paths: BTreeMap<PathBuf, Option<Stat>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stat {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The file's layout.
#[derive(Serialize, Deserialize)]
struct Remembered<T> {
    format: u32,
    stamp: Stamp,
    value: T,
}

/// A search that can be remembered.
#[derive(Debug)]
pub(crate) struct Memo<'a> {
    /// Where the result is kept: see [`place`].
    pub(crate) file: &'a Path,
    pub(crate) surroundings: &'a Surroundings,
    /// Whatever else the result depends on, such as the wanted range and the repository's root.
    pub(crate) subject: &'a str,
}

/// Where the memo `name` for the repository at `root` belongs: in the user's own cache. In the
/// repository a pull request could bring one that names a program of its own.
pub(crate) fn place(surroundings: &Surroundings, root: &Path, name: &str) -> Option<PathBuf> {
    let digest = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
    let file = format!("{}-{name}.json", &digest[..16]);
    surroundings.cache_home().map(|cache| cache.join("memo").join(file))
}

impl Memo<'_> {
    /// The remembered result, or the one of `search`, which then is remembered with `watched`.
    pub(crate) fn recall_or<T, S, W>(&self, search: S, watched: W) -> Result<T, ToolError>
    where
        T: Serialize + DeserializeOwned,
        S: FnOnce() -> Result<T, ToolError>,
        W: FnOnce(&T) -> Vec<PathBuf>,
    {
        if let Some(value) = self.recall() {
            return Ok(value);
        }
        let begun = SystemTime::now();
        let value = search()?;
        let stamp = Stamp::take(self.surroundings, self.subject, watched(&value));
        // A failure costs the next run a search, nothing else.
        let _ = self.remember(&stamp, &value, begun);
        Ok(value)
    }

    /// The remembered result if nothing it was built from has changed.
    pub(crate) fn recall<T: DeserializeOwned>(&self) -> Option<T> {
        let bytes = fs::read(self.file).ok()?;
        let found: Remembered<T> = serde_json::from_slice(&bytes).ok()?;
        let paths = found.stamp.paths.keys().cloned().collect();
        let now = Stamp::take(self.surroundings, self.subject, paths);
        (found.format == FORMAT && now == found.stamp).then_some(found.value)
    }

    /// Writes the result, unless something in the stamp changed after `begun` or shortly before.
    pub(crate) fn remember<T: Serialize>(
        &self,
        stamp: &Stamp,
        value: &T,
        begun: SystemTime,
    ) -> Result<(), ToolError> {
        let Some(settled) = begun.checked_sub(COARSE) else {
            return Ok(());
        };
        if stamp.is_younger_than(settled) {
            return Ok(());
        }
        let parent = self.file.parent().unwrap_or(Path::new("/"));
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(parent);
        made.map_err(ToolError::io("create", parent))?;
        let fail = |error: std::io::Error| ToolError::io("write", self.file)(error);
        let whole = Remembered { format: FORMAT, stamp: stamp.clone(), value };
        let text = serde_json::to_vec(&whole).map_err(|error| fail(error.into()))?;
        let mut file = tempfile::NamedTempFile::new_in(parent).map_err(fail)?;
        file.write_all(&text).map_err(fail)?;
        file.persist(self.file).map_err(|error| fail(error.error))?;
        Ok(())
    }
}

impl Stamp {
    /// The stamp of now.
    pub(crate) fn take(surroundings: &Surroundings, subject: &str, paths: Vec<PathBuf>) -> Self {
        let mut hasher = blake3::Hasher::new();
        let values = STEERING.iter().map(|name| surroundings.var(name).map(OsStr::as_encoded_bytes));
        let other = [Some(surroundings.cwd.as_os_str().as_encoded_bytes()), Some(subject.as_bytes())];
        for value in values.chain(other) {
            // The length keeps neighbours apart; an unset one differs from all set ones.
            hasher.update(&value.map_or(u64::MAX, |value| value.len() as u64).to_le_bytes());
            hasher.update(value.unwrap_or_default());
        }
        let paths = paths.into_iter().map(|path| (path.clone(), Stat::of(&path))).collect();
        Self { steering: hasher.finalize().to_hex().to_string(), paths }
    }

    fn is_younger_than(&self, time: SystemTime) -> bool {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        self.paths.values().flatten().any(|stat| stat.modified.0 >= seconds || stat.changed.0 >= seconds)
    }
}

impl Stat {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::tool::testing::Place;

    /// As if the search had begun later, when nothing is young any more.
    fn later() -> SystemTime {
        SystemTime::now() + Duration::from_mins(1)
    }

    fn remembered(place: &Place) -> (Surroundings, PathBuf, PathBuf) {
        let surroundings = place.surroundings(&[]);
        let (file, watched) = (place.root().join("memo.json"), place.directory("watched"));
        let absent = place.root().join("absent");
        let memo = Memo { file: &file, surroundings: &surroundings, subject: "s" };
        let stamp = Stamp::take(&surroundings, "s", vec![watched.clone(), absent]);
        memo.remember(&stamp, &7, later()).unwrap();
        (surroundings, file, watched)
    }

    #[test]
    fn an_unchanged_machine_is_not_searched_again() {
        let place = Place::new();
        let (surroundings, file, _) = remembered(&place);
        let memo = Memo { file: &file, surroundings: &surroundings, subject: "s" };
        let searched = Cell::new(false);
        let search = || {
            searched.set(true);
            Ok(8)
        };
        assert_eq!(memo.recall_or(search, |_| vec![]).unwrap(), 7);
        assert!(!searched.get());
    }

    #[test]
    fn each_change_is_a_miss() {
        let place = Place::new();
        let (mut surroundings, file, watched) = remembered(&place);
        let recall = |surroundings: &Surroundings, subject: &str| {
            Memo { file: &file, surroundings, subject }.recall::<i32>()
        };
        assert_eq!(recall(&surroundings, "s"), Some(7));
        assert_eq!(recall(&surroundings, "other"), None);
        for name in STEERING {
            let before = surroundings.vars.insert(name.into(), "/changed".into());
            assert_eq!(recall(&surroundings, "s"), None, "{name}");
            match before {
                Some(value) => surroundings.vars.insert(name.into(), value),
                None => surroundings.vars.remove(OsStr::new(name)),
            };
        }
        let absent = place.root().join("absent");
        fs::write(&absent, "").unwrap();
        assert_eq!(recall(&surroundings, "s"), None, "a path came into being");
        fs::remove_file(&absent).unwrap();
        assert_eq!(recall(&surroundings, "s"), Some(7));
        fs::write(watched.join("uv"), "").unwrap();
        assert_eq!(recall(&surroundings, "s"), None, "a directory has a new file");
    }

    #[test]
    fn a_damaged_memo_is_a_miss_and_is_replaced() {
        let place = Place::new();
        let (surroundings, file, _) = remembered(&place);
        let memo = Memo { file: &file, surroundings: &surroundings, subject: "s" };
        let whole = fs::read(&file).unwrap();
        for length in 0..whole.len() {
            fs::write(&file, &whole[..length]).unwrap();
            assert_eq!(memo.recall::<i32>(), None, "cut after {length} bytes");
        }
        assert_eq!(memo.recall_or(|| Ok(8), |_| vec![]).unwrap(), 8);
        assert_eq!(memo.recall::<i32>(), Some(8));
    }

    #[test]
    fn what_was_changed_a_moment_ago_is_not_remembered() {
        let place = Place::new();
        let surroundings = place.surroundings(&[]);
        let (file, watched) = (place.root().join("memo.json"), place.directory("watched"));
        let memo = Memo { file: &file, surroundings: &surroundings, subject: "s" };
        assert_eq!(memo.recall_or(|| Ok(1), |_| vec![watched]).unwrap(), 1);
        assert!(!file.exists());
    }
}
