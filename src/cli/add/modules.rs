//! `.gitmodules` of the repository, as a file that changes with the others; and whether git's own files can.

use std::path::Path;

use super::super::load::Stop;
use super::super::locate::Place;
use super::error::AddError;
use super::note::token;
use crate::base::{RelPath, read_if_exists};
use crate::cache::FileChange;
use crate::tool::git::Git;

/// Stops where git's index or settings could not be changed when all else is done.
///
/// # Errors
/// When another git has them.
pub(super) fn refuse_git_at_work(place: &Place, git: &Git) -> Result<(), Stop> {
    let Some(lock) = git.lock_in_the_way(&place.root, &token(place))? else { return Ok(()) };
    let lock = lock.strip_prefix(&place.root).unwrap_or(&lock).display().to_string();
    Err(AddError::GitAtWork { lock }.into())
}

/// The file as `change` makes it; none where `change` says nothing, or nothing else. Without any line it goes.
///
/// # Errors
/// When it is a link, or cannot be read.
pub(super) fn modules_file(
    root: &Path,
    change: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Result<Option<FileChange>, Stop> {
    let unfit = |problem: String| AddError::ModulesUnfit { problem };
    let path = RelPath::parse(".gitmodules").map_err(|cause| unfit(cause.to_string()))?;
    let place = path.under(root);
    if place.is_symlink() {
        return Err(unfit("it is a link, which git does not follow".to_owned()).into());
    }
    let before = read_if_exists(&place)?;
    let Some(after) = change(before.as_deref().unwrap_or_default()) else { return Ok(None) };
    let after = (!after.trim_ascii().is_empty()).then_some(after);
    Ok((after != before).then_some(FileChange { path, before, after }))
}
