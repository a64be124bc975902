//! What git is in the middle of: which commit is merged with what is checked out, and what both are called.
//!
//! git numbers the sides by what it does: in a rebase "ours" is what is rebased onto, and "theirs" the commit of one's
//! own. So people are told names of branches and commits, as git writes them behind its conflict markers.

use std::path::Path;

use super::call::Git;
use super::object::ObjectId;
use crate::base::brief;
use crate::tool::error::ToolError;

/// A merge of any kind that is not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `git merge`.
    Merge,
    /// `git cherry-pick`.
    CherryPick,
    /// `git revert`.
    Revert,
    /// `git rebase`.
    Rebase,
    /// `git stash pop`.
    Stash,
    /// Anything else that leaves no note of what it does.
    Unknown,
}

impl Operation {
    /// What is typed when nothing is in conflict any more.
    pub(crate) fn continued(self) -> Option<&'static str> {
        match self {
            Self::Merge => Some("git merge --continue"),
            Self::CherryPick => Some("git cherry-pick --continue"),
            Self::Revert => Some("git revert --continue"),
            Self::Rebase => Some("git rebase --continue"),
            Self::Stash | Self::Unknown => None,
        }
    }
}

/// What is merged with what is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Underway {
    /// What the user typed.
    pub(crate) operation: Operation,
    /// What both sides have grown from; `None` where that is not known.
    pub(crate) base: Option<ObjectId>,
    /// The commit of the other side; `None` where git has no note of it.
    pub(crate) theirs: Option<ObjectId>,
    /// What to call ours and theirs, such as `HEAD (main)` and `feature`.
    pub(crate) names: [String; 2],
}

/// Where git notes the commit that is being merged.
const HEADS: [(&str, Operation); 4] = [
    ("MERGE_HEAD", Operation::Merge),
    ("CHERRY_PICK_HEAD", Operation::CherryPick),
    ("REVERT_HEAD", Operation::Revert),
    ("REBASE_HEAD", Operation::Rebase),
];

/// The newest stash. `git stash pop` keeps it until what it holds is taken in.
const STASH: &str = "refs/stash";

impl Git {
    /// What goes on in the repository around `directory`. A stash is known by `theirs`: a path in conflict, and what the
    /// other side has there.
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn underway(
        &self,
        directory: &Path,
        theirs: Option<(&str, &ObjectId)>,
    ) -> Result<Underway, ToolError> {
        let ours = match self.branch(directory)? {
            Some(branch) => format!("HEAD ({branch})"),
            None => format!("HEAD, {}", self.described(directory, "HEAD")?),
        };
        for (head, operation) in HEADS {
            let Some(commit) = self.commit_of(directory, head)? else { continue };
            let told = self.described(directory, head)?;
            if operation == Operation::Merge {
                let name = self.branch_at(directory, &commit)?.unwrap_or(told);
                let base = self.merge_base(directory, &commit)?;
                return Ok(Underway { operation, base, theirs: Some(commit), names: [ours, name] });
            }
            // Of a merge nobody has noted against which of its parents it is taken.
            let is_merge = self.commit_of(directory, &format!("{head}^2"))?.is_some();
            let parent = self.commit_of(directory, &format!("{head}^"))?.filter(|_| !is_merge);
            return Ok(if operation == Operation::Revert {
                let names = [ours, format!("what was before {told}")];
                Underway { operation, base: Some(commit), theirs: parent, names }
            } else {
                Underway { operation, base: parent, theirs: Some(commit), names: [ours, told] }
            });
        }
        if let Some((path, content)) = theirs
            && let Some(stash) = self.commit_of(directory, STASH)?
            && self.object_at(directory, &format!("{STASH}:./{path}"))?.as_ref() == Some(content)
        {
            let base = self.commit_of(directory, &format!("{STASH}^"))?;
            let names = [ours, "the stash".to_owned()];
            return Ok(Underway { operation: Operation::Stash, base, theirs: Some(stash), names });
        }
        let names = [ours, "what is applied to it".to_owned()];
        Ok(Underway { operation: Operation::Unknown, base: None, theirs: None, names })
    }

    /// What a revision with a path has there.
    fn object_at(&self, directory: &Path, place: &str) -> Result<Option<ObjectId>, ToolError> {
        let query = self.local(directory, ["rev-parse", "--verify", "--quiet", "--end-of-options", place]);
        let answer = query.ask()?;
        let text = String::from_utf8_lossy(&answer.stdout);
        // Older gits print `--end-of-options` too.
        let id = text.lines().last().filter(|_| answer.status.success());
        id.map(str::parse).transpose().map_err(|what: String| query.unexpected(&what))
    }

    /// The branch that is checked out.
    fn branch(&self, directory: &Path) -> Result<Option<String>, ToolError> {
        let answer = self.local(directory, ["symbolic-ref", "--quiet", "--short", "HEAD"]).ask()?;
        let name = String::from_utf8_lossy(&answer.stdout);
        Ok(answer.status.success().then(|| brief(name.trim_end())))
    }

    /// The first branch that is at a commit.
    fn branch_at(&self, directory: &Path, commit: &ObjectId) -> Result<Option<String>, ToolError> {
        let (at, format) = (format!("--points-at={commit}"), "--format=%(refname:lstrip=2)");
        let arguments = ["for-each-ref", at.as_str(), format, "refs/heads", "refs/remotes"];
        let answer = self.local(directory, arguments).demand()?;
        Ok(String::from_utf8_lossy(&answer).lines().next().map(brief))
    }

    /// A commit as git calls it behind a conflict marker: `1a2b3c4 (its subject)`.
    fn described(&self, directory: &Path, revision: &str) -> Result<String, ToolError> {
        let query =
            self.local(directory, ["log", "-1", "--no-show-signature", "--format=%h (%s)", revision, "--"]);
        let answer = query.ask()?;
        // Before the first commit there is none.
        Ok(if answer.status.success() {
            brief(String::from_utf8_lossy(&answer.stdout).trim_end())
        } else {
            revision.to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::Place;

    #[test]
    fn both_sides_have_names_that_people_know() {
        let place = Place::new();
        let top = place.directory("repo");
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let told = || {
            let content = git.object_at(&top, "refs/stash:./file").unwrap();
            let underway = git.underway(&top, content.as_ref().map(|id| ("file", id))).unwrap();
            let subject = |commit: Option<ObjectId>| {
                commit.map_or("?".to_owned(), |commit| git.described(&top, commit.as_str()).unwrap())
            };
            let (base, theirs) = (subject(underway.base), subject(underway.theirs));
            format!("{:?}: {base} -> {theirs}: {}", underway.operation, underway.names.join(" | "))
        };
        let commit = |text: &str| {
            std::fs::write(top.join("file"), text).unwrap();
            place.git(&top, &["add", "."]);
            place.git(&top, &["commit", "-q", "-m", text]);
        };
        place.git(&top, &["init", "-q", "-b", "main"]);
        let mut seen = vec![told()];
        commit("base");
        place.git(&top, &["checkout", "-q", "-b", "feature"]);
        commit("one");
        place.git(&top, &["checkout", "-q", "main"]);
        commit("two");
        commit("three");
        // What git notes, without its conflict.
        let during = |head: &str, revision: &str| {
            let commit = git.commit_of(&top, revision).unwrap().unwrap();
            let note = top.join(".git").join(head);
            std::fs::write(&note, format!("{commit}\n")).unwrap();
            let told = told();
            std::fs::remove_file(&note).unwrap();
            told
        };
        for (head, revision) in
            [("MERGE_HEAD", "feature"), ("CHERRY_PICK_HEAD", "feature"), ("REVERT_HEAD", "HEAD~1")]
        {
            seen.push(during(head, revision));
        }
        place.git(&top, &["checkout", "-q", "--detach"]);
        seen.push(during("REBASE_HEAD", "feature"));
        std::fs::write(top.join("file"), "stashed").unwrap();
        place.git(&top, &["stash", "-q"]);
        seen.push(told());
        insta::assert_snapshot!(seen.join("\n"), @r"
        Unknown: ? -> ?: HEAD (main) | what is applied to it
        Merge: b84e721 (base) -> 7f77d17 (one): HEAD (main) | feature
        CherryPick: b84e721 (base) -> 7f77d17 (one): HEAD (main) | 7f77d17 (one)
        Revert: a36cc78 (two) -> b84e721 (base): HEAD (main) | what was before a36cc78 (two)
        Rebase: b84e721 (base) -> 7f77d17 (one): HEAD, 8990d35 (three) | 7f77d17 (one)
        Stash: 8990d35 (three) -> c5f0b9f (WIP on (no branch): 8990d35 three): HEAD, 8990d35 (three) | the stash
        ");
    }
}
