//! A colleague's machine: the same git hosts, nothing else in common.
//!
//! In: a monorepo with a commit. Out: another root with a clone of it, another `HOME`, empty caches
//! and settings of its own. The hosts are the same: its `remotes` lead to the first one's.

use std::fs;
use std::os::unix::fs::symlink;

use super::monorepo::Monorepo;

impl Monorepo {
    /// Clones the last commit, submodules included, as someone else would on another machine. The
    /// user's uv.toml there names no index: what is resolved there is resolved by `tasks.kdl`.
    /// `[HTTP]` is no word of its texts: the server stays the first one's, which must be kept.
    pub(crate) fn colleague(&self) -> Self {
        let other = Self::new();
        let root = other.root();
        for directory in ["repo", "remotes"] {
            fs::remove_dir_all(root.join(directory)).unwrap();
        }
        symlink(self.root().join("remotes"), root.join("remotes")).unwrap();
        fs::write(root.join("home/.config/uv/uv.toml"), "concurrent-downloads = 5\n").unwrap();
        let (from, to) = (self.path(""), other.path(""));
        let words = ["clone", "--quiet", "--recurse-submodules"];
        let places = [&from, &to].map(|path| path.to_str().expect("the root is UTF-8"));
        other
            .in_dir(root.to_str().expect("the root is UTF-8"))
            .git(&[&words[..], &places].concat())
            .success();
        other
    }
}
