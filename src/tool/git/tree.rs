//! What commits hold, and whether a working tree holds more. No network.

use std::path::Path;

use super::call::Git;
use super::object::{ObjectId, TreeEntry, parse_tree};
use crate::base::RelPath;
use crate::tool::error::ToolError;

impl Git {
    /// Every file of a commit below a directory of its repository.
    pub(crate) fn files_of(
        &self,
        directory: &Path,
        commit: &ObjectId,
        below: &RelPath,
    ) -> Result<Vec<TreeEntry>, ToolError> {
        let mut arguments = vec!["ls-tree", "-r", "-z", "--long", "--full-tree", commit.as_str()];
        if !below.is_root() {
            arguments.extend(["--", below.as_str()]);
        }
        let query = self.query_in(directory, arguments);
        parse_tree(&query.demand()?).map_err(|what| query.unexpected(&what))
    }

    /// The content of a file, by its id.
    pub(crate) fn blob(&self, directory: &Path, id: &ObjectId) -> Result<Vec<u8>, ToolError> {
        self.query_in(directory, ["cat-file", "blob", id.as_str()]).demand()
    }

    /// The commit that a checkout is at, or `None` before its first.
    pub(crate) fn checked_out(&self, directory: &Path) -> Result<Option<ObjectId>, ToolError> {
        self.commit_of(directory, "HEAD")
    }

    /// Does the working tree hold exactly what is checked out, ignored files aside? Below `directory`, and of `paths`
    /// where there are any.
    pub(crate) fn is_clean(&self, directory: &Path, paths: &[RelPath]) -> Result<bool, ToolError> {
        let paths = paths.iter().map(RelPath::as_str);
        let paths = if paths.len() == 0 { vec!["."] } else { paths.collect() };
        let status = ["status", "--porcelain", "-z", "--untracked-files=all", "--"];
        Ok(self.local(directory, status.into_iter().chain(paths)).demand()?.is_empty())
    }
}
