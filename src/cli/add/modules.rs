//! `.gitmodules` of the repository, as a file that changes with the others.

use std::path::Path;

use super::super::load::Stop;
use super::error::AddError;
use crate::base::{RelPath, read_if_exists};
use crate::cache::FileChange;

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
