//! A merge that is not finished: the sides of each path that the index holds, and texts merged as git does it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::call::Git;
use super::object::{ObjectId, parse_index};
use super::submodule::GITLINK;
use crate::tool::error::ToolError;

/// The sides of a path: base, ours, theirs.
pub(crate) type Stages = [Option<ObjectId>; 3];

/// What the index holds of a path in conflict. A side that does not have the path, or as a link, is `None` in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// The contents, where it is an ordinary file.
    pub(crate) files: Stages,
    /// The commits, where it is a submodule.
    pub(crate) commits: Stages,
}

/// Three texts merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MergedText {
    /// The text; with git's markers where it has conflicts.
    pub(crate) text: Vec<u8>,
    /// Did both sides change the same lines?
    pub(crate) has_conflicts: bool,
}

impl Git {
    /// The paths below `directory` that a merge, rebase or cherry-pick left in conflict, relative to it.
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn unmerged(&self, directory: &Path) -> Result<BTreeMap<PathBuf, Conflict>, ToolError> {
        self.conflicts(directory, "--unmerged")
    }

    /// The same of those that were settled with `git add` since: what `git checkout -m` would bring back.
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn once_unmerged(&self, directory: &Path) -> Result<BTreeMap<PathBuf, Conflict>, ToolError> {
        self.conflicts(directory, "--resolve-undo")
    }

    fn conflicts(&self, directory: &Path, which: &str) -> Result<BTreeMap<PathBuf, Conflict>, ToolError> {
        if self.toplevel(directory)?.is_none() {
            return Ok(BTreeMap::new());
        }
        let mut found: BTreeMap<PathBuf, Conflict> = BTreeMap::new();
        let query = self.local(directory, ["ls-files", which, "-z"]);
        let answer = query.demand()?;
        for record in answer.split(|&byte| byte == 0).filter(|record| !record.is_empty()) {
            let entries = parse_index(record).map_err(|what| query.unexpected(&what))?;
            let head =
                String::from_utf8_lossy(record.split(|&byte| byte == b'\t').next().unwrap_or_default());
            let stage = head.rsplit(' ').next().and_then(|stage| stage.parse::<usize>().ok());
            let stage = stage.filter(|stage| (1..=3).contains(stage));
            let (Some(entry), Some(stage)) = (entries.into_iter().next(), stage) else {
                return Err(query.unexpected("an entry that is at no stage"));
            };
            let conflict = found.entry(entry.path).or_default();
            match entry.mode {
                0o100_644 | 0o100_755 => conflict.files[stage - 1] = Some(entry.object),
                GITLINK => conflict.commits[stage - 1] = Some(entry.object),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Merges the files `base`, `ours` and `theirs` of `directory`.
    ///
    /// # Errors
    /// When git cannot, as with bytes that are no text.
    pub(crate) fn merged_text(&self, directory: &Path) -> Result<MergedText, ToolError> {
        let query = self.local(
            directory,
            [
                // A user may have chosen one that shows the base, too.
                "-c",
                "merge.conflictStyle=merge",
                "merge-file",
                "-p",
                "-q",
                "--",
                "ours",
                "base",
                "theirs",
            ],
        );
        let answer = query.ask()?;
        // The status is the number of conflicts, 127 for all above.
        match answer.status.code() {
            Some(conflicts @ 0..=127) => Ok(MergedText { text: answer.stdout, has_conflicts: conflicts > 0 }),
            _ => Err(query.failed(&answer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::Place;

    #[test]
    fn both_sides_of_a_conflict_are_found_and_merge_as_git_merges() {
        let place = Place::new();
        let top = place.directory("repo");
        let write = |text: &str| std::fs::write(top.join("a b"), text).unwrap();
        place.git(&top, &["init", "-q", "-b", "main"]);
        write("one\ntwo\nthree\n");
        place.git(&top, &["add", "."]);
        place.git(&top, &["commit", "-q", "-m", "base"]);
        place.git(&top, &["checkout", "-q", "-b", "side"]);
        write("one\nTWO\nthree\n");
        place.git(&top, &["commit", "-q", "-a", "-m", "side"]);
        place.git(&top, &["checkout", "-q", "main"]);
        write("one\nzwei\nthree\n");
        place.git(&top, &["commit", "-q", "-a", "-m", "main"]);
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        assert_eq!(git.unmerged(&top).unwrap(), BTreeMap::new());
        assert_eq!(git.unmerged(place.root()).unwrap(), BTreeMap::new());
        place.git(&top, &["read-tree", "-i", "-m", "main~1", "main", "side"]);
        let found = git.unmerged(&top).unwrap();
        let sides = found[Path::new("a b")].files.clone().map(|id| git.blob(&top, &id.unwrap()).unwrap());
        assert_eq!(sides[1], b"one\nzwei\nthree\n");
        assert_eq!(git.once_unmerged(&top).unwrap(), BTreeMap::new());
        place.git(&top, &["add", "."]);
        assert_eq!(git.unmerged(&top).unwrap(), BTreeMap::new());
        assert_eq!(git.once_unmerged(&top).unwrap(), found);
        let scratch = place.directory("scratch");
        let merged = |sides: [&Vec<u8>; 3]| {
            for (name, text) in ["base", "ours", "theirs"].iter().zip(sides) {
                std::fs::write(scratch.join(name), text).unwrap();
            }
            git.merged_text(&scratch).unwrap()
        };
        let [base, ours, theirs] = &sides;
        assert!(merged([base, ours, theirs]).has_conflicts);
        assert_eq!(merged([base, ours, base]), MergedText { text: ours.clone(), has_conflicts: false });
    }
}
