//! What a generator's outputs are in the last commit.
//!
//! git compares, not envloom: what it does to line ends and large files on their way into the tree is no difference. Below
//! a repository within this one it says nothing, and where there is no git, or no repository, nothing is committed
//! anywhere: then the tree alone counts.

use std::collections::BTreeSet;
use std::path::Path;

use super::premises::Premises;
use crate::base::{Patterns, RelPath};
use crate::tool::ToolError;

/// What matches and differs from the last commit, or is in none: sorted.
///
/// # Errors
/// When git cannot say.
pub(crate) fn uncommitted(premises: &Premises, outputs: &Patterns) -> Result<Vec<RelPath>, ToolError> {
    let Some(git) = &premises.machine.git else { return Ok(Vec::new()) };
    let root = &premises.root;
    if git.toplevel(root)?.is_none() {
        return Ok(Vec::new());
    }
    let path = |path: &Path| RelPath::parse(path.to_str()?).ok().filter(|path| outputs.matches(path));
    let mut found: BTreeSet<RelPath> = match git.commit_of(root, "HEAD")? {
        Some(head) => {
            git.changes_since(root, &head)?.iter().filter_map(|change| path(&change.path)).collect()
        }
        // Before the first commit.
        None => git.tracked_files(root)?.iter().filter_map(|tracked| path(tracked)).collect(),
    };
    // What git ignores is no change to it; a name without wildcard says that the file is there.
    let tracked: BTreeSet<RelPath> = git
        .tracked_files(root)?
        .iter()
        .filter_map(|tracked| RelPath::parse(tracked.to_str()?).ok())
        .collect();
    let is_known = |path: &RelPath| path.lineage().any(|one| tracked.contains(&one));
    let ignored = outputs.literals().filter(|path| path.under(root).is_file() && !is_known(path));
    found.extend(ignored.cloned());
    Ok(found.into_iter().collect())
}

/// What a file holds in the last commit; `None` where it is in none.
///
/// # Errors
/// When git cannot say.
pub(crate) fn head_content(premises: &Premises, path: &RelPath) -> Result<Option<Vec<u8>>, ToolError> {
    let Some(git) = &premises.machine.git else { return Ok(None) };
    match git.commit_of(&premises.root, "HEAD")? {
        Some(head) => git.file_at(&premises.root, &head, path.as_str()),
        None => Ok(None),
    }
}
