//! What is remembered of one working tree in `.envloom/`: verdicts, contents, last runs, compiled plans. Notes of
//! interrupted work, logs and venvs lie beside and are no cache.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::outputs::{STAGED, Size};
use crate::base::{FileError, remove_if_exists};

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

/// What was written so long ago is nobody's who is just at work.
const ABANDONED: Duration = Duration::from_hours(24);

/// Removes what killed runs left where outputs wait to be put back. What a check put aside stays: it may be the only
/// copy of what is committed.
///
/// # Errors
/// When it cannot be listed or removed.
pub(crate) fn sweep_stage(state: &Path) -> Result<Size, FileError> {
    let is_litter = |path: &Path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(STAGED))
    };
    sweep(&state.join("stage"), &is_litter)
}

/// Removes what lies in a directory, is litter and has been there for a while; says how much it was.
///
/// # Errors
/// When it cannot be listed or removed.
pub(crate) fn sweep(directory: &Path, is_litter: &dyn Fn(&Path) -> bool) -> Result<Size, FileError> {
    let mut size = Size::default();
    let fail = |cause| FileError::new("list", directory, cause);
    let entries = match fs::read_dir(directory) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(size),
        entries => entries.map_err(fail)?,
    };
    for entry in entries {
        let path = entry.map_err(fail)?.path();
        // One that another run has just removed is not missed.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let written = metadata.modified().and_then(|written| written.elapsed().map_err(io::Error::other));
        if !is_litter(&path) || !written.is_ok_and(|since| since > ABANDONED) {
            continue;
        }
        if metadata.is_dir() {
            add(&path, &mut size).map_err(|cause| FileError::new("list", &path, cause))?;
            fs::remove_dir_all(&path).map_err(|cause| FileError::new("remove", &path, cause))?;
        } else if remove_if_exists(&path)? {
            size.files += 1;
            size.bytes += metadata.len();
        }
    }
    Ok(size)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn what_killed_runs_left_goes_in_time_and_what_a_check_put_aside_stays() {
        let state = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - ABANDONED * 2;
        for (name, is_old) in [("restore-a", true), ("restore-b", false), ("check-c", true)] {
            let place = state.path().join("stage").join(name);
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("file"), "text").unwrap();
            if is_old {
                fs::File::open(&place).unwrap().set_modified(old).unwrap();
            }
        }
        assert_eq!(sweep_stage(state.path()).unwrap(), Size { files: 1, bytes: 4 });
        let exists = |name: &str| state.path().join("stage").join(name).exists();
        assert_eq!((exists("restore-a"), exists("restore-b"), exists("check-c")), (false, true, true));
        assert_eq!(sweep_stage(state.path()).unwrap(), Size::default());
    }
}
