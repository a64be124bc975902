//! What is remembered of each cell's venv: `.envloom/cells/<slug>.json`, and the mark of a sync under way.
//!
//! The mark `<slug>.mark` is on the disk before the first file of the venv is touched and goes when the sync has
//! succeeded and its RECORDs were checked. A mark found at the start of a run therefore means that a sync was
//! cut off, be it by `kill -9` or by the loss of power, and that nothing in the venv may be believed.
//!
//! Whatever is wrong with a record is no record: the sync runs. Another format number is no record either;
//! a writer replaces the whole file, so no old one drops a new one's fields.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::venv::VenvState;
use crate::base::{FileError, remove_if_exists, write_whole};
use crate::cache::Observer;

const FORMAT: u32 = 1;

/// A venv as the last successful sync left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CellRecord {
    /// The fingerprint of that sync.
    pub(crate) fields: BTreeMap<String, String>,
    /// The venv right after it.
    pub(crate) state: VenvState,
    /// The Python it was made with.
    pub(crate) interpreter: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    format: u32,
    cell: T,
}

/// The directory `.envloom/cells`.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    directory: PathBuf,
}

impl Cells {
    /// The records in `directory`, which need not exist.
    #[must_use]
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The record of the cell `slug`, if there is one that can be read.
    #[must_use]
    pub(crate) fn record(&self, slug: &str, observer: &Observer) -> Option<CellRecord> {
        let bytes = observer.read(&self.record_path(slug)).ok()??;
        let stored: Versioned<CellRecord> = serde_json::from_slice(&bytes).ok()?;
        (stored.format == FORMAT).then_some(stored.cell)
    }

    /// Keeps the record of the cell.
    ///
    /// # Errors
    /// When it cannot be written; the caller warns and goes on.
    pub(crate) fn keep(&self, slug: &str, record: &CellRecord) -> Result<(), FileError> {
        let path = self.record_path(slug);
        let bytes = serde_json::to_vec(&Versioned { format: FORMAT, cell: record })
            .map_err(|cause| FileError::new("write", &path, cause.into()))?;
        write_whole(&path, &bytes).map(|_| ())
    }

    /// Was a sync of the cell cut off, or is one under way? A mark that cannot be looked at is one.
    #[must_use]
    pub(crate) fn is_marked(&self, slug: &str, observer: &Observer) -> bool {
        !matches!(observer.stat(&self.mark_path(slug)), Ok(None))
    }

    /// Puts the mark, on the disk when this returns. Then the record goes: it no longer holds.
    ///
    /// # Errors
    /// When it cannot be written; the sync must not start then.
    pub(crate) fn begin(&self, slug: &str) -> Result<(), FileError> {
        write_whole(&self.mark_path(slug), b"a sync of this cell is under way or was cut off\n")?;
        remove_if_exists(&self.record_path(slug)).map(|_| ())
    }

    /// Takes the mark away: the venv is whole.
    ///
    /// # Errors
    /// When it cannot be removed; the next run rebuilds the venv.
    pub(crate) fn end(&self, slug: &str) -> Result<(), FileError> {
        remove_if_exists(&self.mark_path(slug)).map(|_| ())
    }

    fn record_path(&self, slug: &str) -> PathBuf {
        self.path(slug, "json")
    }

    fn mark_path(&self, slug: &str) -> PathBuf {
        self.path(slug, "mark")
    }

    /// A slug holds dots (`py3.12`), so an extension is added, never set.
    fn path(&self, slug: &str, end: &str) -> PathBuf {
        self.directory.join(format!("{slug}.{end}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;
    use crate::plan::venv::Entry;
    use std::fs;
    use std::path::Path;

    fn record(root: &Path) -> CellRecord {
        fs::write(root.join("x"), "").unwrap();
        let signature = Observer::new().stat(&root.join("x")).unwrap();
        CellRecord {
            fields: BTreeMap::from([("uv".into(), "0.13.9".into())]),
            state: VenvState {
                config: Some(Digest::of("c")),
                interpreter: signature,
                entries: BTreeMap::from([
                    ("a-1.dist-info".into(), Entry::Installed(signature.unwrap())),
                    ("x.pth".into(), Entry::Content(Digest::of("p"))),
                    ("b-1.egg-info".into(), Entry::Unrecorded),
                ]),
            },
            interpreter: "/usr/bin/python3.12".into(),
        }
    }

    #[test]
    fn a_record_comes_back_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let (cells, record) = (Cells::new(root.path().join("cells")), record(root.path()));
        let load = || cells.record("dev-cu124-py3.12", &Observer::new());
        assert_eq!(load(), None);
        cells.keep("dev-cu124-py3.12", &record).unwrap();
        assert_eq!(load(), Some(record));
        let path = root.path().join("cells/dev-cu124-py3.12.json");
        let whole = fs::read_to_string(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(load(), None, "{length}");
        }
        fs::write(&path, whole.replace("\"format\":1", "\"format\":2")).unwrap();
        assert_eq!(load(), None);
    }

    #[test]
    fn a_mark_stands_from_begin_to_end_and_takes_the_record_with_it() {
        let root = tempfile::tempdir().unwrap();
        let cells = Cells::new(root.path().join("cells"));
        let marked = || cells.is_marked("dev", &Observer::new());
        cells.keep("dev", &record(root.path())).unwrap();
        assert!(!marked());
        cells.begin("dev").unwrap();
        assert!(marked());
        assert_eq!(cells.record("dev", &Observer::new()), None);
        cells.end("dev").unwrap();
        assert!(!marked());
        cells.end("dev").unwrap();
    }
}
