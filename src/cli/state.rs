//! `.envloom/`: made at the first run that has something to keep, and kept out of git.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::load::Stop;
use super::locate::Place;
use crate::base::{FileError, read_if_exists, write_whole};

/// What git is told to leave alone: envloom's own, venvs, and the file of one machine.
const IGNORED: [&str; 3] = [".envloom/", ".venv", "/tasks.local.kdl"];

/// Makes the directory, for this user alone, and tells git in `.git/info/exclude`, which is no tracked file.
///
/// # Errors
/// When it is a link or cannot be made.
pub(super) fn make(place: &Place) -> Result<(), Stop> {
    let state = place.state();
    match fs::symlink_metadata(&state) {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        // A link would let a repository choose where envloom writes.
        Ok(_) => return Err(CliError::StateInTheWay { path: state }.into()),
        Err(_) => {}
    }
    let fail = |cause| FileError::new("make", &state, cause);
    std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700).create(&state).map_err(fail)?;
    if let Some(directory) = git_directory(&place.root) {
        exclude(&directory.join("info/exclude"))?;
    }
    Ok(())
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
    let bytes = read_if_exists(path)?.unwrap_or_default();
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    let missing: Vec<&str> =
        IGNORED.into_iter().filter(|line| !text.lines().any(|known| known == *line)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for line in missing {
        text.push_str(line);
        text.push('\n');
    }
    write_whole(path, text.as_bytes()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_once_and_others_stay() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("exclude");
        fs::write(&path, "# mine\n*.swp").unwrap();
        exclude(&path).unwrap();
        let once = fs::read_to_string(&path).unwrap();
        assert_eq!(once, "# mine\n*.swp\n.envloom/\n.venv\n/tasks.local.kdl\n");
        exclude(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), once);
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
