//! The monorepo's working tree: writing, reading, committing, comparing.
//!
//! Texts are filled in on the way in (`[ROOT]`, `[INDEX]`, `[HTTP]`; see `text`); paths are
//! relative to the repository.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::monorepo::Monorepo;
use super::tree::Tree;

impl Monorepo {
    /// Writes `tasks.kdl`.
    pub(crate) fn tasks_kdl(&self, text: &str) -> Self {
        self.write("tasks.kdl", text)
    }

    /// Writes a file and the directories above it.
    pub(crate) fn write(&self, path: &str, text: &str) -> Self {
        self.write_bytes(path, self.fill(text).as_bytes())
    }

    /// Writes a file as it is, without filling anything in.
    pub(crate) fn write_bytes(&self, path: &str, content: &[u8]) -> Self {
        let file = self.path(path);
        fs::create_dir_all(file.parent().expect("a file stands in a directory")).unwrap();
        fs::write(file, content).unwrap();
        self.clone()
    }

    /// Writes a program: a script with its `#!` line.
    pub(crate) fn write_program(&self, path: &str, text: &str) -> Self {
        let monorepo = self.write(path, text);
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755)).unwrap();
        monorepo
    }

    /// Adds to the end of a file, which is made when it is not there.
    pub(crate) fn append(&self, path: &str, text: &str) -> Self {
        let old = if self.exists(path) { self.read(path) } else { String::new() };
        self.write_bytes(path, (old + &self.fill(text)).as_bytes())
    }

    /// Replaces the one place of a file where `from` stands.
    #[track_caller]
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) -> Self {
        let (old, from) = (self.read(path), self.fill(from));
        assert_eq!(old.matches(&from).count(), 1, "`{from}` must stand once in {path}:\n{old}");
        self.write_bytes(path, old.replace(&from, &self.fill(to)).as_bytes())
    }

    /// Removes a file or a directory with all it holds.
    #[track_caller]
    pub(crate) fn remove(&self, path: &str) -> Self {
        let place = self.path(path);
        let removed = if place.is_dir() && !place.is_symlink() {
            fs::remove_dir_all(&place)
        } else {
            fs::remove_file(&place)
        };
        removed.unwrap_or_else(|error| panic!("cannot remove {path}: {error}"));
        self.clone()
    }

    /// The text of a file.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
    }

    /// The text of a file, redacted for a snapshot.
    #[track_caller]
    pub(crate) fn snapshot(&self, path: &str) -> String {
        self.redact(&self.read(path))
    }

    /// Whether something stands at a path, be it a broken symlink.
    pub(crate) fn exists(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// Commits everything there is, ignored files aside. The clock gives the date.
    pub(crate) fn commit(&self, message: &str) -> Self {
        self.git(&["add", "--all"]).success();
        let date = self.tick();
        let dated = self.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        dated.git(&["commit", "--quiet", "--allow-empty", "--message", message]).success();
        self.clone()
    }

    /// What `git status` says of the working tree, submodules and untracked files included.
    pub(crate) fn status(&self) -> String {
        self.git(&["status", "--porcelain", "--untracked-files=all", "--ignore-submodules=none"])
            .success()
            .stdout()
            .to_owned()
    }

    /// Asserts that nothing differs from the last commit.
    #[track_caller]
    pub(crate) fn assert_clean(&self) -> Self {
        let status = self.status();
        assert!(status.is_empty(), "the working tree is not clean:\n{status}");
        self.clone()
    }

    /// Content and mode of everything under a path, for [`assert_eq!`] to tell the difference.
    /// `.git` is left out: looking at a repository refreshes its index.
    pub(crate) fn tree(&self, path: &str) -> Tree {
        Tree::of(&self.path(path))
    }

    /// One hash over [`Self::tree`].
    pub(crate) fn tree_hash(&self, path: &str) -> String {
        self.tree(path).hash()
    }
}
