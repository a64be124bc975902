//! The condition of a working tree: what is not committed, tracked, ignored; which commit is older.
//!
//! Comparing a file with a commit may run a program: a filter that cleans it. Those of the user's own settings are the
//! user's; a repository whose own settings name filters is not compared.

use std::path::Path;

use super::call::Git;
use super::object::ObjectId;
use crate::tool::error::ToolError;

impl Git {
    /// How many files of a checkout differ from its commit, or are neither tracked nor ignored; `None`: its own settings
    /// name programs to compare with, or it has no commit yet.
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn uncommitted(&self, checkout: &Path) -> Result<Option<usize>, ToolError> {
        if self.names_filters(checkout)? {
            return Ok(None);
        }
        let Some(head) = self.commit_of(checkout, "HEAD")? else { return Ok(None) };
        let arguments = [
            "diff",
            "--name-only",
            "-z",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            // A look into an inner submodule would be a call with settings of its own.
            "--ignore-submodules=dirty",
            head.as_str(),
            "--",
        ];
        let differing = self.local(checkout, arguments).demand()?;
        let others = ["ls-files", "--others", "--exclude-standard", "-z"];
        let others = self.local(checkout, others).demand()?;
        let files = |list: &[u8]| list.split_inclusive(|byte| *byte == 0).count();
        Ok(Some(files(&differing) + files(&others)))
    }

    /// Do a checkout's own settings name programs to compare files with?
    ///
    /// # Errors
    /// When git cannot be asked.
    pub(super) fn names_filters(&self, checkout: &Path) -> Result<bool, ToolError> {
        let filters = ["config", "--includes", "--show-scope", "--name-only", "--get-regexp", r"^filter\."];
        let answer = self.local(checkout, filters).ask()?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        Ok(text.lines().any(|line| line.starts_with("local\t") || line.starts_with("worktree\t")))
    }

    /// Is `older` one of the commits that `newer` has grown from, or `newer` itself?
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn is_ancestor(
        &self,
        directory: &Path,
        older: &ObjectId,
        newer: &ObjectId,
    ) -> Result<bool, ToolError> {
        let query = self.local(directory, ["merge-base", "--is-ancestor", older.as_str(), newer.as_str()]);
        let answer = query.ask()?;
        match answer.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(query.failed(&answer)),
        }
    }

    /// Does the index hold `path`, or something below it? `None`: there is no repository.
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn tracks(&self, directory: &Path, path: &str) -> Result<Option<bool>, ToolError> {
        if self.toplevel(directory)?.is_none() {
            return Ok(None);
        }
        let answer = self.local(directory, ["ls-files", "-z", "--", path]).demand()?;
        Ok(Some(!answer.is_empty()))
    }

    /// Would `git add` leave `path`, which is there and not tracked, alone?
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn ignores(&self, directory: &Path, path: &str) -> Result<bool, ToolError> {
        let arguments = ["ls-files", "--others", "--exclude-standard", "--directory", "-z", "--", path];
        Ok(self.local(directory, arguments).demand()?.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::tool::testing::Place;

    #[test]
    fn a_repository_that_names_its_own_filters_is_not_compared() {
        let place = Place::new();
        let top = place.directory("repo");
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        place.git(&top, &["init", "-q"]);
        assert_eq!(git.uncommitted(&top).unwrap(), None);
        fs::write(top.join("a"), "one").unwrap();
        place.git(&top, &["add", "."]);
        place.git(&top, &["commit", "-q", "-m", "one"]);
        assert_eq!(git.uncommitted(&top).unwrap(), Some(0));
        fs::write(top.join("a"), "two").unwrap();
        assert_eq!(git.uncommitted(&top).unwrap(), Some(1));
        let canary = place.root().join("canary");
        fs::write(top.join(".gitattributes"), "* filter=evil\n").unwrap();
        place.git(&top, &["config", "filter.evil.clean", &format!("touch {}", canary.display())]);
        assert_eq!(git.uncommitted(&top).unwrap(), None);
        assert!(!canary.exists());
    }

    #[test]
    fn what_is_tracked_ignored_and_older() {
        let place = Place::new();
        let top = place.directory("repo");
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        assert_eq!(git.tracks(&top, "d").unwrap(), None);
        place.git(&top, &["init", "-q"]);
        place.directory("repo/d");
        fs::write(top.join("d/x"), "").unwrap();
        assert_eq!((git.tracks(&top, "d").unwrap(), git.ignores(&top, "d").unwrap()), (Some(false), false));
        fs::write(top.join(".git/info/exclude"), "d/\n").unwrap();
        assert!(git.ignores(&top, "d").unwrap());
        place.git(&top, &["add", "--force", "d"]);
        assert_eq!(git.tracks(&top, "d").unwrap(), Some(true));
        place.git(&top, &["commit", "-q", "-m", "one"]);
        let one = git.head(&top).unwrap().unwrap();
        place.git(&top, &["commit", "-q", "--allow-empty", "-m", "two"]);
        let two = git.head(&top).unwrap().unwrap();
        assert!(git.is_ancestor(&top, &one, &two).unwrap() && !git.is_ancestor(&top, &two, &one).unwrap());
    }
}
