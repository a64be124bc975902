//! A submodule that comes to a repository, or goes again before anybody has committed it.

use std::fs;
use std::path::Path;

use super::call::Git;
use super::checkout::{Module, Standing};
use super::object::ObjectId;
use super::remote::{network, patiently};
use crate::tool::address::check_url;
use crate::tool::error::ToolError;

impl Git {
    /// The commit of a remote's default branch; `None`: it has none yet.
    ///
    /// # Errors
    /// When the url is refused, or the remote does not answer.
    pub(crate) fn remote_head(&self, url: &str) -> Result<Option<ObjectId>, ToolError> {
        let git = self.reaching(url)?;
        let query = git.query(Path::new("/"), network(["ls-remote", "--", url, "HEAD"]), git.limits.asking);
        let answer = patiently(&query, check_url(url)?)?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        let id = text.lines().find_map(|line| line.strip_suffix("\tHEAD"));
        id.map(|id| id.parse().map_err(|what: String| query.unexpected(&what))).transpose()
    }

    /// Puts the submodule's commit and `.gitmodules` into the index, as `git submodule add` does.
    ///
    /// # Errors
    /// When git cannot write the index.
    pub(crate) fn stage_module(&self, module: &Module<'_>) -> Result<(), ToolError> {
        let entry = format!("160000,{},{}", module.commit, module.path);
        self.local(module.top, ["update-index", "--add", "--cacheinfo", entry.as_str()]).demand()?;
        self.local(module.top, ["add", "--", ".gitmodules"]).demand().map(drop)
    }

    /// Takes a submodule away that was checked out here and stands in nobody's history: its files, its repository, and
    /// the directories around them that are empty then. `false`: somebody has worked in it, and it is left as it is.
    ///
    /// # Errors
    /// When it cannot be looked at, or not be removed.
    pub(crate) fn take_away(&self, module: &Module<'_>) -> Result<bool, ToolError> {
        let tree = module.path.under(module.top);
        match self.standing(module.top, module.path)? {
            Standing::Empty => {}
            Standing::CheckedOut(at)
                if at.as_ref() == Some(module.commit) && self.is_clean(&tree, &[])? => {}
            _ => return Ok(false),
        }
        // What a clone that was cut off has left: whoever calls lets nobody else clone meanwhile.
        let beside = self.module_place(module.top, module.name)?.parent().map(fs::read_dir);
        for entry in beside.into_iter().flatten().flatten().flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(b".clone-") {
                fs::remove_dir_all(entry.path()).map_err(ToolError::io("remove", &entry.path()))?;
            }
        }
        for place in [self.module_place(module.top, module.name)?, tree] {
            if place.symlink_metadata().is_ok() {
                fs::remove_dir_all(&place).map_err(ToolError::io("remove", &place))?;
            }
            let mut above = place.parent();
            // A directory that is not empty, or the repository's own, stays.
            while let Some(directory) = above.filter(|one| *one != module.top && !one.ends_with(".git")) {
                if fs::remove_dir(directory).is_err() {
                    break;
                }
                above = directory.parent();
            }
        }
        Ok(true)
    }

    /// Is there a repository already where the submodule's would lie?
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn has_module(&self, top: &Path, name: &str) -> Result<bool, ToolError> {
        Ok(self.module_place(top, name)?.symlink_metadata().is_ok())
    }
}
