//! What is remembered of one working tree in `.envloom/`: verdicts, contents, last runs, compiled plans. Notes of
//! interrupted work, logs and venvs lie beside and are no cache.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::outputs::Size;
use crate::base::FileError;

/// The directories below envloom's own that hold nothing but what can be found out again.
const FORGETTABLE: [&str; 2] = ["cache", "plans"];

/// How much is remembered below `state`.
///
/// # Errors
/// When a directory cannot be read.
pub(crate) fn memory_size(state: &Path) -> Result<Size, FileError> {
    let mut size = Size::default();
    for directory in places(state) {
        add(&directory, &mut size).map_err(|cause| FileError::new("list", directory, cause))?;
    }
    Ok(size)
}

/// Forgets all of it; says how much it was.
///
/// # Errors
/// When it cannot be removed.
pub(crate) fn forget_memory(state: &Path) -> Result<Size, FileError> {
    let size = memory_size(state)?;
    for directory in places(state) {
        match fs::remove_dir_all(&directory) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(FileError::new("remove", directory, cause));
            }
            _ => {}
        }
    }
    Ok(size)
}

fn places(state: &Path) -> [PathBuf; 2] {
    FORGETTABLE.map(|name| state.join(name))
}

/// Links are counted, never followed.
fn add(directory: &Path, size: &mut Size) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            add(&entry.path(), size)?;
        } else {
            // One that another run has just replaced is not missed.
            size.files += 1;
            size.bytes += entry.metadata().map_or(0, |metadata| metadata.len());
        }
    }
    Ok(())
}
