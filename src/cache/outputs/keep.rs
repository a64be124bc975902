//! Into the store.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use super::clear::Before;
use super::collect::{Found, collect};
use super::{Kept, Left, Output, OutputStore, file, touch};
use crate::base::{Digest, FileError, Patterns, RelPath, open_ordinary, printable};

/// A file of no more bytes is read once, into memory.
const SHORT: u64 = 1 << 20;

/// What a task has made, and how.
#[derive(Debug)]
pub(crate) struct Made<'a> {
    /// The task that ran.
    pub(crate) task: &'a str,
    /// The fingerprint it ran with.
    pub(crate) fields: BTreeMap<String, String>,
    /// What of the working tree it has written.
    pub(crate) outputs: &'a Patterns,
    /// What lay there before it ran.
    pub(crate) before: &'a Before,
    /// The file of what it printed.
    pub(crate) log: Option<&'a Path>,
    /// How long it ran, in milliseconds.
    pub(crate) duration_ms: u64,
}

/// Why outputs were not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    /// A pipe, a socket, a device.
    #[error("the output `{path}` is no file, link or directory")]
    Special { path: RelPath },
    /// A link that another working tree would not have the end of.
    #[error("the output `{path}` is a link out of the repository, to `{}`", printable(target))]
    Leaves { path: RelPath, target: String },
    /// A name that no record can hold.
    #[error("the name of the output `{shown}` cannot be shown or shared")]
    Name { shown: String },
    /// It could not be read, or the store not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl KeepError {
    pub(super) fn name(directory: &RelPath, name: &str) -> Self {
        Self::Name { shown: printable(&format!("{directory}/{name}")).into_owned() }
    }
}

impl OutputStore {
    /// Keeps the outputs that lie below `root` now, and the log, under `key`. The record is written last: what fails
    /// before leaves nothing that could be found.
    ///
    /// # Errors
    /// When an output cannot be kept or the store cannot be written.
    pub(crate) fn keep(&self, key: Digest, root: &Path, made: Made<'_>) -> Result<Kept, KeepError> {
        let began = SystemTime::now();
        self.make_workshop()?;
        let log = made.log.map(|log| self.keep_blob(log, began)).transpose()?.map(|(digest, _)| digest);
        let kept = gather(root, made, log, |place| self.keep_blob(place, SystemTime::now()))?;
        let path = self.action_path(key);
        file::write(&path, key, &kept)?;
        // No younger than its blobs, so that it goes before them.
        touch(&path, began);
        Ok(kept)
    }

    /// Records the outputs that lie below `root` now under `key`, without their contents: whether they are as they were
    /// can be told, and nothing can be restored.
    ///
    /// # Errors
    /// When an output cannot be kept or the record cannot be written.
    pub(crate) fn record(&self, key: Digest, root: &Path, made: Made<'_>) -> Result<Kept, KeepError> {
        let kept = gather(root, made, None, |place| {
            let cannot_read = |cause| FileError::new("read", place, cause);
            Digest::of_stream(open_ordinary(place).map_err(cannot_read)?).map_err(cannot_read)
        })?;
        file::write(&self.action_path(key), key, &kept)?;
        Ok(kept)
    }

    /// Puts the bytes of a file into the store, unless they are there.
    fn keep_blob(&self, source: &Path, now: SystemTime) -> Result<(Digest, u64), FileError> {
        let cannot_read = |cause| FileError::new("read", source, cause);
        let cannot_write = |cause| FileError::new("write", &self.directory, cause);
        let mut from = open_ordinary(source).map_err(cannot_read)?;
        let mut start = Vec::new();
        let read = (&from).take(SHORT + 1).read_to_end(&mut start).map_err(cannot_read)?;
        if read as u64 <= SHORT {
            // What is in memory changes no more.
            let digest = Digest::of(&start);
            if !self.has_blob(digest, read as u64, now) {
                self.write_blob(|copy| copy.write_all(&start).map(|()| digest)).map_err(cannot_write)?;
            }
            return Ok((digest, read as u64));
        }
        from.rewind().map_err(cannot_read)?;
        let (digest, size) = Digest::of_stream(&from).map_err(cannot_read)?;
        if self.has_blob(digest, size, now) {
            return Ok((digest, size));
        }
        from.rewind().map_err(cannot_read)?;
        let mut copied = size;
        // Under the name of what the copy holds: the source may change meanwhile.
        let copy = |copy: &mut File| {
            copied = io::copy(&mut from, copy)?;
            copy.rewind()?;
            Digest::of_stream(&*copy).map(|(digest, _)| digest)
        };
        let digest = self.write_blob(copy).map_err(cannot_write)?;
        Ok((digest, copied))
    }

    /// Is there one of that name and length? Then it is in use.
    fn has_blob(&self, digest: Digest, size: u64, now: SystemTime) -> bool {
        let place = self.blob_path(digest);
        let is_there = fs::metadata(&place).is_ok_and(|there| there.len() == size);
        if is_there {
            touch(&place, now);
        }
        is_there
    }

    /// A file that `fill` has filled, under the name of what is in it.
    fn write_blob(&self, fill: impl FnOnce(&mut File) -> io::Result<Digest>) -> io::Result<Digest> {
        let mut copy = tempfile::NamedTempFile::new_in(self.workshop())?;
        let digest = fill(copy.as_file_mut())?;
        let place = self.blob_path(digest);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        copy.persist(&place).map_err(|failed| failed.error)?;
        Ok(digest)
    }

    /// The store's directories, for this user alone.
    fn make_workshop(&self) -> Result<(), FileError> {
        let path = self.workshop();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|cause| FileError::new("make", path, cause))
    }
}

/// The record of what lies below `root` now; `content` takes the bytes of a file, and says which they are and how many.
fn gather(
    root: &Path,
    made: Made<'_>,
    log: Option<Digest>,
    content: impl Fn(&Path) -> Result<(Digest, u64), FileError>,
) -> Result<Kept, KeepError> {
    let (mut outputs, mut untouched) = (Vec::new(), Vec::new());
    for (path, found) in collect(root, made.outputs)? {
        if made.before.holds(&path, &found) {
            untouched.push(path.clone());
        }
        let left = match found {
            Found::File(metadata) => {
                let (digest, size) = content(&path.under(root))?;
                Left::File { digest, mode: metadata.permissions().mode() & 0o777, size }
            }
            Found::Symlink(target) => Left::Symlink { target },
            Found::Directory => Left::Directory,
        };
        outputs.push(Output { path, left });
    }
    let (task, fields, duration_ms) = (made.task.to_owned(), made.fields, made.duration_ms);
    Ok(Kept { task, fields, outputs, found: untouched, log, duration_ms })
}
