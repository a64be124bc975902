//! Files are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// A file operation that failed, with the path and the system's reason.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot {doing} `{}`: {cause}", path.display())]
#[diagnostic(
    code(envloom::base::file),
    help("nothing was left half-written; mend the cause and run the same command again")
)]
pub(crate) struct FileError {
    /// The verb: `read`, `write`, `remove`.
    pub(crate) doing: &'static str,
    /// What it was done to.
    pub(crate) path: PathBuf,
    /// What the system said.
    #[source]
    pub(crate) cause: io::Error,
}

impl FileError {
    /// Names what failed.
    pub(crate) fn new(doing: &'static str, path: impl Into<PathBuf>, cause: io::Error) -> Self {
        Self { doing, path: path.into(), cause }
    }
}

/// Puts `bytes` at `path`: to a sibling, synced, renamed, the directory synced. A file that already holds
/// them is not touched. An existing file keeps its permissions. Says whether anything was written.
///
/// # Errors
/// The old file is intact and no litter is left when this fails.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<bool, FileError> {
    if read_if_exists(path)?.as_deref() == Some(bytes) {
        return Ok(false);
    }
    replace(path, bytes, true)?;
    Ok(true)
}

/// Puts `bytes` at `path` whole for everybody who reads it, but not for a machine that loses its power: for what is
/// recognised when it is damaged and then made again. Waiting for the disk would cost more than most tasks.
///
/// # Errors
/// As with [`write_whole`].
pub(crate) fn write_cached(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, bytes, false)
}

/// Writes a sibling and renames it.
fn replace(path: &Path, bytes: &[u8], is_lasting: bool) -> Result<(), FileError> {
    let fail = |cause| FileError::new("write", path, cause);
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(fail)?;
    let mut sibling = tempfile::Builder::new()
        .prefix(&sibling_prefix(path))
        .suffix(SIBLING_END)
        .permissions(permissions_for(path))
        .tempfile_in(directory)
        .map_err(fail)?;
    sibling.write_all(bytes).map_err(fail)?;
    if is_lasting {
        sibling.as_file().sync_all().map_err(fail)?;
        sibling.persist(path).map_err(|failed| fail(failed.error))?;
        return File::open(directory).and_then(|opened| opened.sync_all()).map_err(fail);
    }
    if swapped(&sibling, path) {
        // What was there before goes with the sibling's name.
        return sibling.close().map_err(fail);
    }
    sibling.persist(path).map(drop).map_err(|failed| fail(failed.error))
}

/// Have the two files changed names? A file that takes the name of another one is written out by ext4 then and there, in
/// case the machine loses its power, and that takes longer than most tasks; one that changes names is not.
#[cfg(target_os = "linux")]
fn swapped(sibling: &tempfile::NamedTempFile, path: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    path.symlink_metadata().is_ok_and(|there| there.is_file())
        && renameat_with(CWD, sibling.path(), CWD, path, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn swapped(_: &tempfile::NamedTempFile, _: &Path) -> bool {
    false
}

/// Removes what a [`write_whole`] of `path` left when it was killed between creating its sibling and renaming it.
/// The caller holds whatever keeps others from writing `path`: a sibling that is found is nobody's.
///
/// # Errors
/// When the directory cannot be read or a sibling cannot be removed.
pub(crate) fn clear_siblings(path: &Path) -> Result<(), FileError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(cause) if absent(&cause) => return Ok(()),
        Err(cause) => return Err(FileError::new("read", directory, cause)),
    };
    let prefix = sibling_prefix(path);
    for entry in entries {
        let name = entry.map_err(|cause| FileError::new("read", directory, cause))?.file_name();
        let is_sibling =
            name.to_str().is_some_and(|name| name.starts_with(&prefix) && name.ends_with(SIBLING_END));
        if is_sibling {
            remove_if_exists(&directory.join(name))?;
        }
    }
    Ok(())
}

/// How the siblings of `path` end.
const SIBLING_END: &str = ".tmp";

/// How the siblings of `path` begin: hidden, and of this file alone.
fn sibling_prefix(path: &Path) -> String {
    format!(".{}.envloom-", path.file_name().unwrap_or_default().to_string_lossy())
}

/// The permissions of the file that is replaced, else those an ordinary new file gets.
fn permissions_for(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    // The process's umask is applied on top by the system.
    fs::metadata(path).map_or_else(|_| fs::Permissions::from_mode(0o666), |existing| existing.permissions())
}

/// Opens an ordinary file. A pipe or a device would make the reader wait, or never end: it is refused, and opened
/// without waiting should it have taken the file's place meanwhile.
///
/// # Errors
/// When it cannot be read, or is no ordinary file.
pub(crate) fn open_ordinary(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let ordinary = |metadata: &fs::Metadata| {
        if metadata.is_file() { Ok(()) } else { Err(io::Error::other("it is no ordinary file")) }
    };
    ordinary(&fs::metadata(path)?)?;
    let unwaiting = i32::from_ne_bytes(rustix::fs::OFlags::NONBLOCK.bits().to_ne_bytes());
    let file = File::options().read(true).custom_flags(unwaiting).open(path)?;
    ordinary(&file.metadata()?)?;
    Ok(file)
}

/// The bytes of an ordinary file: see [`open_ordinary`].
///
/// # Errors
/// When it cannot be read, or is no ordinary file.
pub(crate) fn read_ordinary(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open_ordinary(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or_default());
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The bytes at `path`, or `None` when nothing is there.
///
/// # Errors
/// Everything but absence.
pub(crate) fn read_if_exists(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match read_ordinary(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if absent(&cause) => Ok(None),
        Err(cause) => Err(FileError::new("read", path, cause)),
    }
}

/// Removes the file at `path`; absence is success. Says whether one was there.
///
/// # Errors
/// Everything but absence.
pub(crate) fn remove_if_exists(path: &Path) -> Result<bool, FileError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(cause) if absent(&cause) => Ok(false),
        Err(cause) => Err(FileError::new("remove", path, cause)),
    }
}

/// A missing file and a missing directory on the way are the same to a reader.
fn absent(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    #[test]
    fn the_message_names_path_and_cause() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = FileError::new("write", "prod/pyproject.toml", denied);
        insta::assert_snapshot!(crate::base::testing::told(&error), @r"
        envloom::base::file
            cannot write `prod/pyproject.toml`: permission denied
            help: nothing was left half-written; mend the cause and run the same command again
        ");
    }

    #[test]
    fn an_equal_file_is_not_touched() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b.toml");
        assert!(write_whole(&path, b"x").unwrap());
        let before = fs::metadata(&path).unwrap().ino();
        assert!(!write_whole(&path, b"x").unwrap());
        assert_eq!(fs::metadata(&path).unwrap().ino(), before);
    }

    #[test]
    fn a_replaced_file_keeps_its_permissions() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("b.toml");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write_whole(&path, b"y").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_cached_file_takes_the_place_of_what_was_there_and_of_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("cached");
        for text in ["one", "two", "a longer one", ""] {
            write_cached(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let (link, other) = (root.path().join("link"), root.path().join("other"));
        fs::write(&other, "other").unwrap();
        std::os::unix::fs::symlink(&other, &link).unwrap();
        write_cached(&link, b"new").unwrap();
        assert!(link.symlink_metadata().unwrap().is_file());
        assert_eq!(fs::read_to_string(&other).unwrap(), "other");
        fs::create_dir(root.path().join("directory")).unwrap();
        write_cached(&root.path().join("directory"), b"new").unwrap_err();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 4);
    }

    #[test]
    fn a_failed_write_leaves_no_litter() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("taken")).unwrap();
        fs::write(root.path().join("taken/x"), "").unwrap();
        write_whole(&root.path().join("taken"), b"y").unwrap_err();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
