//! `.envloom/`: made at the first run that has something to keep, and kept out of git.
//!
//! # Whose it is
//! Verdicts, compiled plans, notes of interrupted work and venvs are believed because envloom wrote them. A
//! repository that has a `.envloom/` in its commits could bring all of them forged, with links out of the tree
//! besides. So the directory holds a mark that no commit can hold: the moment at which this very directory was made
//! (its inode's number where the file system keeps no such moment), which whoever writes a repository cannot know.
//! It is checked before anything else in there is read. Also the directory must be this user's.
//!
//! What this means: a moved repository keeps its state; a copied or unpacked one is asked to remove the copy, whose
//! venvs would hold the old place's paths anyway. Refused: asking git whether the directory is tracked (a process
//! at every start), a secret in the user's cache (a second place that must not be lost), removing it unasked (its
//! files may be tracked).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::error::CliError;
use super::load::Stop;
use super::locate::Place;
use crate::base::{FileError, read_if_exists, write_whole};

/// The mark's name.
const MARK: &str = "made-here";

/// What git is told to leave alone: envloom's own, venvs, and the file of one machine.
const IGNORED: [&str; 3] = [".envloom/", ".venv", "tasks.local.kdl"];

/// Makes the directory, for this user alone, and tells git in `.git/info/exclude`, which is no tracked file.
///
/// # Errors
/// When it is a link or cannot be made.
pub(super) fn make(place: &Place) -> Result<(), Stop> {
    let state = place.state();
    match fs::symlink_metadata(&state) {
        Ok(metadata) if metadata.is_dir() => {
            refuse_foreign(place)?;
            return mark(&state);
        }
        // A link would let a repository choose where envloom writes.
        Ok(_) => return Err(CliError::StateInTheWay { path: state }.into()),
        Err(_) => {}
    }
    // First, so that whoever is cut off here has left nothing that git would show.
    ignore(place)?;
    let fail = |cause| FileError::new("make", &state, cause);
    match std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700).create(&state) {
        // Another envloom has made it since the look above.
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => refuse_foreign(place)?,
        made => made.map_err(fail)?,
    }
    // Before anything else in it: a directory that holds something and has no mark is believed to be someone else's.
    mark(&state)?;
    Ok(())
}

/// Tells git what to leave alone.
///
/// # Errors
/// When its file cannot be read or written.
pub(super) fn ignore(place: &Place) -> Result<(), FileError> {
    match git_directory(&place.root) {
        Some(directory) => exclude(&directory.join("info/exclude")),
        None => Ok(()),
    }
}

/// Stops where the state directory is not one that envloom made here, for this user.
///
/// # Errors
/// When it is a link, another user's, or came with the repository.
pub(super) fn refuse_foreign(place: &Place) -> Result<(), CliError> {
    use std::os::unix::fs::MetadataExt as _;
    let path = place.state();
    let Ok(metadata) = fs::symlink_metadata(&path) else { return Ok(()) };
    if !metadata.is_dir() {
        return Err(CliError::StateInTheWay { path });
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(CliError::ForeignState { path, found: "belongs to another user" });
    }
    // The mark is looked at once more after a look at the rest: another envloom may be just making all of it.
    if is_marked(&path, &metadata) || !holds_more_than_mark(&path) || is_marked(&path, &metadata) {
        return Ok(());
    }
    Err(CliError::ForeignState { path, found: "was not made here by envloom" })
}

/// Does the directory hold the mark of itself?
fn is_marked(state: &Path, metadata: &fs::Metadata) -> bool {
    let mark = read_if_exists(&state.join(MARK));
    mark.is_ok_and(|mark| mark.is_some_and(|mark| mark == identity(metadata).as_bytes()))
}

/// An empty one is nobody's: envloom was killed between making it and marking it.
fn holds_more_than_mark(state: &Path) -> bool {
    let Ok(entries) = fs::read_dir(state) else { return true };
    let names = entries.map_while(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.into_iter().any(|name| name != MARK && !name.starts_with(&format!(".{MARK}.")))
}

/// Marks the directory.
fn mark(state: &Path) -> Result<(), Stop> {
    let metadata = fs::symlink_metadata(state).map_err(|cause| FileError::new("look at", state, cause))?;
    write_whole(&state.join(MARK), identity(&metadata).as_bytes())?;
    Ok(())
}

/// What no other directory has, and no commit can set.
fn identity(metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let made = metadata.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
    match made {
        Some(made) => format!("{}.{:09}\n", made.as_secs(), made.subsec_nanos()),
        None => format!("inode {}\n", metadata.ino()),
    }
}

/// The common git directory of the repository that `root` lies in: of a worktree the main one's.
fn git_directory(root: &Path) -> Option<PathBuf> {
    let dot_git = root.ancestors().map(|directory| directory.join(".git")).find(|path| path.exists())?;
    if dot_git.is_dir() {
        return Some(dot_git);
    }
    let text = fs::read_to_string(&dot_git).ok()?;
    let directory = dot_git.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    match fs::read_to_string(directory.join("commondir")) {
        Ok(common) => Some(directory.join(common.trim())),
        Err(_) => Some(directory),
    }
}

/// Adds the lines that are missing.
fn exclude(path: &Path) -> Result<(), FileError> {
    // Bytes, since the user's own lines need not be UTF-8.
    let mut text = read_if_exists(path)?.unwrap_or_default();
    let known = |line: &&str| text.split(|byte| *byte == b'\n').any(|known| known == line.as_bytes());
    let missing: Vec<&str> = IGNORED.into_iter().filter(|line| !known(line)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    for line in missing {
        text.extend([line.as_bytes(), b"\n"].concat());
    }
    write_whole(path, &text).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_once_and_others_stay() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("exclude");
        fs::write(&path, b"# mine\n*.\xff").unwrap();
        exclude(&path).unwrap();
        let once = fs::read(&path).unwrap();
        assert_eq!(once, b"# mine\n*.\xff\n.envloom/\n.venv\ntasks.local.kdl\n");
        exclude(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), once);
    }

    #[test]
    fn several_calls_that_are_each_the_first_make_it_together() {
        for _ in 0..50 {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir_all(root.path().join(".git/info")).unwrap();
            let place = Place {
                root: root.path().to_owned(),
                home: root.path().to_owned(),
                file_name: "tasks.kdl".to_owned(),
                directory: None,
            };
            let ready = std::sync::Barrier::new(4);
            std::thread::scope(|threads| {
                for _ in 0..4 {
                    threads.spawn(|| {
                        ready.wait();
                        make(&place).map_err(|stop| stop.to_string()).unwrap();
                        fs::create_dir_all(place.state().join("locks")).unwrap();
                    });
                }
            });
            refuse_foreign(&place).unwrap();
        }
    }

    #[test]
    fn a_worktree_leads_to_the_main_git_directory() {
        let root = tempfile::tempdir().unwrap();
        let git = root.path().join("main/.git/worktrees/w");
        fs::create_dir_all(&git).unwrap();
        fs::write(git.join("commondir"), "../..\n").unwrap();
        fs::create_dir(root.path().join("w")).unwrap();
        fs::write(root.path().join("w/.git"), format!("gitdir: {}\n", git.display())).unwrap();
        let found = git_directory(&root.path().join("w")).unwrap();
        assert_eq!(found.canonicalize().unwrap(), root.path().join("main/.git").canonicalize().unwrap());
    }
}
