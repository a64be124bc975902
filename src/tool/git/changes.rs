//! What differs between a commit and the working tree, and which commit a revision names.
//!
//! A revision comes from the command line. It is resolved to a full id first, behind `--end-of-options`, and only the
//! id reaches other calls.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::call::Git;
use super::object::ObjectId;
use super::submodule::GITLINK;
use crate::tool::error::ToolError;

/// A path that differs from a commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Change {
    /// Relative to the directory that was asked about, with `..` in front where it lies beside it; may be any bytes.
    pub(crate) path: PathBuf,
    /// Is it, or was it, a repository of its own, so that everything below it may differ?
    pub(crate) is_tree: bool,
    /// Has it come or gone, so that its directory lists other names?
    pub(crate) is_listed: bool,
}

/// The branch that others start from, in the order in which it is looked for.
const DEFAULT_BRANCHES: [&str; 5] = [
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
];

impl Git {
    /// The commit that a revision names, or `None` where this repository has none.
    pub(crate) fn commit_of(&self, directory: &Path, revision: &str) -> Result<Option<ObjectId>, ToolError> {
        // No revision begins so, and older gits take it for an option all the same.
        if revision.is_empty() || revision.starts_with('-') || revision.contains('\0') {
            return Ok(None);
        }
        self.known_repository(directory)?;
        let wanted = format!("{revision}^{{commit}}");
        let query =
            self.local(directory, ["rev-parse", "--verify", "--quiet", "--end-of-options", wanted.as_str()]);
        let answer = query.ask()?;
        if !answer.status.success() {
            // 1 for a name that is not there, 128 for one that cannot be.
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&answer.stdout);
        let id = text.lines().last().unwrap_or_default();
        id.parse().map(Some).map_err(|what: String| query.unexpected(&what))
    }

    /// The names of branches and tags, as short as they may be typed.
    pub(crate) fn revisions(&self, directory: &Path) -> Result<Vec<String>, ToolError> {
        let format = "--format=%(refname:lstrip=2)";
        let arguments = ["for-each-ref", format, "refs/heads", "refs/tags", "refs/remotes"];
        let answer = self.local(directory, arguments).demand()?;
        Ok(String::from_utf8_lossy(&answer).lines().map(str::to_owned).collect())
    }

    /// The default branch as this clone knows it: what the remote says, else `main` or `master`.
    pub(crate) fn default_branch(&self, directory: &Path) -> Result<Option<(String, ObjectId)>, ToolError> {
        for reference in DEFAULT_BRANCHES {
            if let Some(commit) = self.commit_of(directory, reference)? {
                let name = reference.splitn(3, '/').nth(2).unwrap_or(reference);
                return Ok(Some((name.to_owned(), commit)));
            }
        }
        Ok(None)
    }

    /// The commit that HEAD and `other` have both grown from, or `None` where this clone knows of none.
    pub(crate) fn merge_base(
        &self,
        directory: &Path,
        other: &ObjectId,
    ) -> Result<Option<ObjectId>, ToolError> {
        let query = self.local(directory, ["merge-base", "HEAD", other.as_str()]);
        let answer = query.ask()?;
        if answer.status.code() == Some(1) {
            return Ok(None);
        }
        if !answer.status.success() {
            return Err(query.failed(&answer));
        }
        let text = String::from_utf8_lossy(&answer.stdout);
        text.trim_end().parse().map(Some).map_err(|what: String| query.unexpected(&what))
    }

    /// Does the clone lack older commits?
    pub(crate) fn is_shallow(&self, directory: &Path) -> Result<bool, ToolError> {
        let answer = self.local(directory, ["rev-parse", "--is-shallow-repository"]).demand()?;
        Ok(answer.starts_with(b"true"))
    }

    /// Everything in the repository around `directory` that differs between `commit` and the working tree, sorted; also
    /// what is not tracked, as far as git does not ignore it. Of a renamed file both names.
    pub(crate) fn changes_since(
        &self,
        directory: &Path,
        commit: &ObjectId,
    ) -> Result<Vec<Change>, ToolError> {
        let query = self.local(
            directory,
            [
                // A user may have set it, and older gits know no option against it.
                "-c",
                "diff.relative=false",
                "diff",
                "--raw",
                "-z",
                "--no-renames",
                "--no-ext-diff",
                "--no-textconv",
                "--ignore-submodules=none",
                commit.as_str(),
                "--",
            ],
        );
        let mut changes = parse_raw(&query.demand()?).map_err(|what| query.unexpected(&what))?;
        let below = self.prefix(directory)?;
        // What is not tracked is told of one directory and what is below it.
        let top = directory.join(below.iter().map(|_| "..").collect::<PathBuf>());
        let others = self.local(&top, ["ls-files", "--others", "--exclude-standard", "-z"]).demand()?;
        changes.extend(others.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(untracked));
        for change in &mut changes {
            change.path = seen_from(&below, &change.path);
        }
        changes.sort();
        changes.dedup();
        Ok(changes)
    }

    /// The way from the top of the repository to `directory`.
    fn prefix(&self, directory: &Path) -> Result<PathBuf, ToolError> {
        let mut prefix = self.local(directory, ["rev-parse", "--show-prefix"]).demand()?;
        prefix.pop_if(|byte| *byte == b'\n');
        Ok(OsString::from_vec(prefix).into())
    }

    /// The bytes of a file below `directory` at a commit, or `None` where there was none.
    pub(crate) fn file_at(
        &self,
        directory: &Path,
        commit: &ObjectId,
        name: &str,
    ) -> Result<Option<Vec<u8>>, ToolError> {
        let path = self.prefix(directory)?.join(name);
        match path.to_str() {
            Some(path) => self.show(directory, commit, path),
            // No text: whoever compares takes it for unknown.
            None => Ok(None),
        }
    }
}

/// An untracked path; a repository within the working tree is listed with a `/` behind it.
fn untracked(path: &[u8]) -> Change {
    let bare = path.strip_suffix(b"/");
    Change { path: OsStr::from_bytes(bare.unwrap_or(path)).into(), is_tree: bare.is_some(), is_listed: true }
}

/// A path of the repository as it is seen from the directory `below` of it.
fn seen_from(below: &Path, path: &Path) -> PathBuf {
    let shared = below.iter().zip(path).take_while(|(here, there)| here == there).count();
    let up = below.iter().skip(shared).map(|_| OsStr::new(".."));
    up.chain(path.iter().skip(shared)).collect()
}

/// Reads `diff --raw -z`: `:<mode> <mode> <id> <id> <status>\0<path>\0`.
fn parse_raw(text: &[u8]) -> Result<Vec<Change>, String> {
    let mut fields = text.split(|byte| *byte == 0);
    let mut changes = Vec::new();
    while let (Some(head), Some(path)) = (fields.next().filter(|head| !head.is_empty()), fields.next()) {
        let head = String::from_utf8_lossy(head).into_owned();
        let words: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
        let [old, new, _, _, status] = words[..] else { return Err(format!("the line `{head}`")) };
        let is_link = |mode: &str| u32::from_str_radix(mode, 8) == Ok(GITLINK);
        changes.push(Change {
            path: OsStr::from_bytes(path).into(),
            is_tree: is_link(old) || is_link(new),
            is_listed: matches!(status, "A" | "D"),
        });
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::Place;
    use std::fs;

    fn at(path: &str, is_tree: bool, is_listed: bool) -> Change {
        Change { path: path.into(), is_tree, is_listed }
    }

    /// A repository `outer` with the submodule `sub`, and files in `below/`.
    fn repository(place: &Place) -> (Git, PathBuf) {
        let (inner, outer) = (place.directory("inner"), place.directory("outer"));
        place.git(&inner, &["init", "-q"]);
        place.git(&inner, &["commit", "-q", "--allow-empty", "-m", "one"]);
        place.git(&outer, &["init", "-q", "-b", "trunk"]);
        place.directory("outer/below");
        for name in ["a", "b", "below/c", "below/d"] {
            fs::write(outer.join(name), name).unwrap();
        }
        fs::write(outer.join(".gitignore"), "*.o\n").unwrap();
        place.git(&outer, &["submodule", "--quiet", "add", &inner.display().to_string(), "sub"]);
        place.git(&outer, &["add", "."]);
        place.git(&outer, &["commit", "-q", "-m", "one"]);
        (Git::find(&place.machine(), Path::new("/nowhere")).unwrap(), outer)
    }

    #[test]
    fn every_kind_of_change_is_told() {
        let place = Place::new();
        let (git, top) = repository(&place);
        let head = git.commit_of(&top, "HEAD").unwrap().unwrap();
        assert_eq!(git.changes_since(&top, &head).unwrap(), []);
        fs::write(top.join("a"), "other").unwrap();
        fs::remove_file(top.join("b")).unwrap();
        place.git(&top, &["mv", "below/c", "below/e"]);
        fs::write(top.join("below/new name"), "x").unwrap();
        fs::write(top.join("below/x.o"), "x").unwrap();
        fs::write(top.join("sub/dirty"), "x").unwrap();
        place.git(&place.directory("outer/nested"), &["init", "-q"]);
        place.git(&top.join("nested"), &["commit", "-q", "--allow-empty", "-m", "one"]);
        let found = git.changes_since(&top, &head).unwrap();
        let expected = [
            at("a", false, false),
            at("b", false, true),
            at("below/c", false, true),
            at("below/e", false, true),
            at("below/new name", false, true),
            at("nested", true, true),
            at("sub", true, false),
        ];
        assert_eq!(found, expected);
        // Seen from a directory: by names from there, what lies beside it as well.
        let below: Vec<_> = git.changes_since(&top.join("below"), &head).unwrap();
        let beside = [
            at("../a", false, false),
            at("../b", false, true),
            at("../nested", true, true),
            at("../sub", true, false),
        ];
        let inside = [at("c", false, true), at("e", false, true), at("new name", false, true)];
        assert_eq!(below, [&beside[..], &inside[..]].concat());
        assert_eq!(git.file_at(&top.join("below"), &head, "c").unwrap().unwrap(), b"below/c");
        assert_eq!(git.file_at(&top.join("below"), &head, "e").unwrap(), None);
    }

    #[test]
    fn a_moved_gitlink_is_a_tree() {
        let place = Place::new();
        let (git, top) = repository(&place);
        let head = git.commit_of(&top, "HEAD").unwrap().unwrap();
        place.git(&top.join("sub"), &["commit", "-q", "--allow-empty", "-m", "two"]);
        place.git(&top, &["add", "sub"]);
        place.git(&top, &["commit", "-q", "-m", "two"]);
        assert_eq!(git.changes_since(&top, &head).unwrap(), [at("sub", true, false)]);
    }

    #[test]
    fn revisions_are_names_never_options() {
        let place = Place::new();
        let (git, top) = repository(&place);
        place.git(&top, &["tag", "v1"]);
        let head = git.commit_of(&top, "HEAD").unwrap();
        for same in ["trunk", "v1", "HEAD^{}", "refs/tags/v1", head.as_ref().unwrap().as_str()] {
            assert_eq!(git.commit_of(&top, same).unwrap(), head, "{same}");
        }
        for none in ["", "--all", "-h", "nothing", "HEAD~9", "a b", "v1..trunk", "HEAD:a"] {
            assert_eq!(git.commit_of(&top, none).unwrap(), None, "{none}");
        }
        assert_eq!(git.revisions(&top).unwrap(), ["trunk", "v1"]);
        assert!(matches!(git.commit_of(place.root(), "v1"), Err(ToolError::NotARepository { .. })));
    }

    #[test]
    fn the_default_branch_is_what_the_remote_says() {
        let place = Place::new();
        let (git, top) = repository(&place);
        assert_eq!(git.default_branch(&top).unwrap(), None);
        place.git(&top, &["branch", "master"]);
        assert_eq!(git.default_branch(&top).unwrap().unwrap().0, "master");
        place.git(&top, &["update-ref", "refs/remotes/origin/dev", "HEAD"]);
        place.git(&top, &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/dev"]);
        let (name, commit) = git.default_branch(&top).unwrap().unwrap();
        assert_eq!(name, "origin/HEAD");
        place.git(&top, &["commit", "-q", "--allow-empty", "-m", "on"]);
        assert_eq!(git.merge_base(&top, &commit).unwrap(), Some(commit));
        assert!(!git.is_shallow(&top).unwrap());
        place.git(&top, &["checkout", "-q", "--orphan", "other"]);
        place.git(&top, &["commit", "-q", "--allow-empty", "-m", "other"]);
        let (_, commit) = git.default_branch(&top).unwrap().unwrap();
        assert_eq!(git.merge_base(&top, &commit).unwrap(), None);
    }

    #[test]
    fn an_answer_that_is_no_difference_is_an_error() {
        assert!(parse_raw(b"nonsense\0a\0").is_err());
        assert_eq!(parse_raw(b"").unwrap(), []);
    }
}
