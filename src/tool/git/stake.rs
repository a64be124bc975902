//! What is lost with a checkout and its repository: what is not committed, and commits that no remote is known to have.
//!
//! What git ignores is not counted, nor what only a reflog remembers: git, too, takes a submodule with these away.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::call::Git;
use super::checkout::Standing;
use super::object::ObjectId;
use crate::base::RelPath;
use crate::tool::error::ToolError;

/// So many of what is lost are looked at: they are to be named.
const NAMED: usize = 5;

/// A thing that is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stake {
    /// A file that is not committed as it is.
    File(PathBuf),
    /// A commit that no remote is known to have, with the first line of its message.
    Commit(ObjectId, String),
    /// Another working tree of the same repository.
    Worktree,
    /// The repository's own settings name programs to compare files with, which are not run.
    Filters,
}

/// What is not lost although no branch of a remote here leads to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// Are the repository's tags those that it was cloned with?
    pub(crate) tags: bool,
    /// Commits that the remote is known to have.
    pub(crate) commits: BTreeSet<ObjectId>,
}

/// All that is lost with one of the repositories, and where that one lies: the submodule, or one within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AtStake {
    /// From the submodule.
    pub(crate) inner: PathBuf,
    /// A few.
    pub(crate) lost: Vec<Stake>,
}

impl Git {
    /// What is lost where a submodule goes; nothing: it may.
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn at_stake(
        &self,
        top: &Path,
        (path, name): (&RelPath, &str),
        elsewhere: &Elsewhere,
    ) -> Result<Vec<AtStake>, ToolError> {
        let place = self.module_place(top, name)?;
        let standing = self.standing(top, path)?;
        let tree = matches!(standing, Standing::CheckedOut(_)).then(|| path.under(top));
        self.look((tree.as_deref(), &place), Path::new(""), elsewhere)
    }

    /// Looks at a checkout, if it is there, and its repository, and at those within it.
    fn look(
        &self,
        (tree, place): (Option<&Path>, &Path),
        inner: &Path,
        elsewhere: &Elsewhere,
    ) -> Result<Vec<AtStake>, ToolError> {
        let mut lost = Vec::new();
        if let Some(tree) = tree {
            lost.extend(self.uncommitted_files(tree)?);
        }
        if place.is_dir() {
            lost.extend(self.unknown_commits(place, elsewhere)?);
            if place.join("worktrees").read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
                lost.push(Stake::Worktree);
            }
        }
        let mut all = Vec::new();
        if !lost.is_empty() {
            all.push(AtStake { inner: inner.to_owned(), lost });
        }
        let Some(tree) = tree else { return Ok(all) };
        for one in self.submodules(tree)? {
            let Some(below) = one.path.to_str().and_then(|path| RelPath::parse(path).ok()) else { continue };
            if !matches!(self.standing(tree, &below)?, Standing::CheckedOut(_)) {
                continue;
            }
            let here = below.under(tree);
            let place = self.local(&here, ["rev-parse", "--absolute-git-dir"]).demand()?;
            let place = PathBuf::from(String::from_utf8_lossy(&place).trim_end());
            // What the remote of that one has is not known.
            all.extend(self.look(
                (Some(&here), &place),
                &inner.join(below.as_str()),
                &Elsewhere::default(),
            )?);
        }
        Ok(all)
    }

    fn uncommitted_files(&self, tree: &Path) -> Result<Vec<Stake>, ToolError> {
        if self.checked_out(tree)?.is_some() && self.names_filters(tree)? {
            return Ok(vec![Stake::Filters]);
        }
        // A look into an inner submodule would be a call with settings of its own.
        let status = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"];
        let answer = self.local(tree, status.into_iter().chain(["--ignore-submodules=dirty"])).demand()?;
        let files = answer.split(|byte| *byte == 0).filter_map(|record| record.get(3..)).take(NAMED);
        Ok(files.map(|path| Stake::File(String::from_utf8_lossy(path).into_owned().into())).collect())
    }

    /// Commits of this repository's branches, tags and stash that no branch of a remote leads to, nor what is `elsewhere`.
    fn unknown_commits(&self, place: &Path, elsewhere: &Elsewhere) -> Result<Vec<Stake>, ToolError> {
        let mut git_dir = OsString::from("--git-dir=");
        git_dir.push(place);
        let limit = format!("--max-count={NAMED}");
        // Where the checkout is gone its place would be an error. A repository need not have a stash, or a commit.
        let lead = ["--work-tree=/", "rev-list", "--ignore-missing", "--format=%H%x09%s", &limit];
        let mut asked: Vec<OsString> = [git_dir].into_iter().chain(lead.map(OsString::from)).collect();
        let tags = if elsewhere.tags { ["--not", "--tags"] } else { ["--tags", "--not"] };
        asked.extend(["HEAD", "refs/stash", "--branches"].into_iter().chain(tags).map(OsString::from));
        asked.push("--remotes".into());
        asked.extend(elsewhere.commits.iter().map(|id| id.as_str().into()));
        let query = self.local(Path::new("/"), asked);
        let answer = query.demand()?;
        let mut found = Vec::new();
        for line in String::from_utf8_lossy(&answer).lines() {
            let Some((id, subject)) = line.split_once('\t') else { continue };
            let id = id.parse().map_err(|what: String| query.unexpected(&what))?;
            found.push(Stake::Commit(id, subject.to_owned()));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::tool::testing::Place;

    #[test]
    fn all_that_only_this_machine_has_is_named() {
        let place = Place::new();
        let (inner, outer) = (place.directory("inner"), place.directory("outer"));
        place.git(&inner, &["init", "-q"]);
        fs::write(inner.join("x"), "one").unwrap();
        fs::write(inner.join(".gitignore"), "*.o\n").unwrap();
        place.git(&inner, &["add", "."]);
        place.git(&inner, &["commit", "-q", "-m", "one"]);
        place.git(&outer, &["init", "-q"]);
        place.git(&outer, &["submodule", "--quiet", "add", &inner.display().to_string(), "a"]);
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let path = RelPath::parse("a").unwrap();
        let lost = |elsewhere: &Elsewhere| {
            let all = git.at_stake(&outer, (&path, "a"), elsewhere).unwrap();
            all.into_iter().flat_map(|one| one.lost).collect::<Vec<_>>()
        };
        let none = Elsewhere::default();
        let tree = outer.join("a");
        fs::write(tree.join("y.o"), "").unwrap();
        assert_eq!(lost(&none), []);
        fs::write(tree.join("new"), "").unwrap();
        fs::write(tree.join("x"), "two").unwrap();
        assert_eq!(lost(&none), [Stake::File("x".into()), Stake::File("new".into())]);
        place.git(&tree, &["stash", "-q", "-u"]);
        assert!(
            lost(&none).iter().any(|one| matches!(one, Stake::Commit(_, text) if text.starts_with("WIP")))
        );
        place.git(&tree, &["stash", "drop", "-q"]);
        // A commit on a branch that is not pushed, also where the checkout is elsewhere, or gone.
        place.git(&tree, &["commit", "-q", "--allow-empty", "-m", "mine"]);
        let mine = git.head(&tree).unwrap().unwrap();
        place.git(&tree, &["branch", "kept"]);
        place.git(&tree, &["reset", "-q", "--hard", "HEAD~"]);
        assert_eq!(lost(&none), [Stake::Commit(mine.clone(), "mine".to_owned())]);
        assert_eq!(lost(&Elsewhere { commits: BTreeSet::from([mine.clone()]), ..none.clone() }), []);
        place.git(&tree, &["branch", "-q", "-D", "kept"]);
        place.git(&tree, &["tag", "kept", mine.as_str()]);
        assert_eq!(lost(&none), [Stake::Commit(mine.clone(), "mine".to_owned())]);
        assert_eq!(lost(&Elsewhere { tags: true, ..none.clone() }), []);
        fs::remove_dir_all(&tree).unwrap();
        assert_eq!(lost(&none), [Stake::Commit(mine, "mine".to_owned())]);
        // What compares files would be a program of the repository's.
        place.git(&outer, &["submodule", "--quiet", "update", "--init"]);
        place.git(&tree, &["tag", "-d", "kept"]);
        let canary = place.root().join("canary");
        place.git(&tree, &["config", "filter.evil.clean", &format!("touch {}", canary.display())]);
        assert_eq!(lost(&none), [Stake::Filters]);
        assert!(!canary.exists());
    }
}
