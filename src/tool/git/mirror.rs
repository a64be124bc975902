//! A bare clone kept for reading files at tags, where no submodule has them.
//!
//! The first clone is made in a sibling directory and renamed, so an interrupted one is never
//! taken for a whole one. Later calls fetch. Tags are forced to what the remote says now, and those
//! deleted there are deleted here: this is a copy, the ledger judges whether a tag moved.
//! Its configuration is a fixed text. Anything else under that name (a repository someone committed
//! into the tree, with a credential helper of theirs) is not used but replaced: git's settings can
//! run programs.
//!
//! Concurrent first clones are harmless (one wins); concurrent fetches are the caller's to order.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::call::Git;
use super::object::ObjectId;
use super::remote::{network, patiently};
use crate::tool::address::check_url;
use crate::tool::error::ToolError;

/// What a fetch brings: branches for pins of a commit, and tags.
const BRANCHES: &str = "+refs/heads/*:refs/heads/*";
const TAGS: &str = "+refs/tags/*:refs/tags/*";
/// The digits of an id that is SHA-256.
const SHA256_DIGITS: usize = 64;
/// The whole configuration of a clone.
const SETTINGS: &str = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
/// The same for a remote whose ids are SHA-256.
const SETTINGS_SHA256: &str = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n\
    [extensions]\n\tobjectformat = sha256\n";

impl Git {
    /// Makes `into` (absolute) a bare clone of `url`, or brings it up to date.
    pub(crate) fn mirror(&self, url: &str, into: &Path) -> Result<(), ToolError> {
        let git = self.reaching(url)?;
        // In the copy of a trial its place is a link to the repository's, and messages outlive the copy.
        let parent = into.parent().and_then(|parent| parent.canonicalize().ok());
        let place = parent.and_then(|parent| Some(parent.join(into.file_name()?)));
        let into = place.as_deref().unwrap_or(into);
        if is_mirror(into) { git.fetch(url, into) } else { git.clone_bare(url, into) }
    }

    /// A bare repository of its own, in a fresh directory below `parent`, with nothing but what `commits` hold: no
    /// history, no tags. Lighter than a clone where only their files are to be read; it goes when it is dropped.
    ///
    /// # Errors
    /// When the remote lacks one, or gives away only what has a name; a clone then tells which.
    pub(crate) fn bare_commits(
        &self,
        url: &str,
        commits: &[ObjectId],
        parent: &Path,
    ) -> Result<TempDir, ToolError> {
        let git = self.reaching(url)?;
        fs::create_dir_all(parent).map_err(ToolError::io("create", parent))?;
        let place = beside(parent)?;
        let is_sha256 = commits.iter().any(|commit| commit.as_str().len() == SHA256_DIGITS);
        let settings = if is_sha256 { SETTINGS_SHA256 } else { SETTINGS };
        for directory in ["objects", "refs"] {
            let made = place.path().join(directory);
            fs::create_dir(&made).map_err(ToolError::io("create", &made))?;
        }
        for (file, text) in [("config", settings), ("HEAD", "ref: refs/heads/main\n")] {
            let made = place.path().join(file);
            fs::write(&made, text).map_err(ToolError::io("write", &made))?;
        }
        let mut option = OsString::from("--git-dir=");
        option.push(place.path());
        let fetch = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--", url];
        let mut arguments = network(fetch);
        let verb = arguments.len() - fetch.len();
        arguments.insert(verb, option);
        arguments.extend(commits.iter().map(|commit| commit.as_str().into()));
        git.query(Path::new("/"), arguments, git.limits.transfer).demand()?;
        Ok(place)
    }

    fn clone_bare(&self, url: &str, into: &Path) -> Result<(), ToolError> {
        let parent = into.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(ToolError::io("create", parent))?;
        let place = beside(parent)?;
        let fresh = place.path().join("git");
        let arguments = network(["clone", "--bare", "--quiet", "--template=", "--no-hardlinks", "--", url]);
        let mut query = self.query(Path::new("/"), arguments, self.limits.transfer);
        let line = query.line();
        query.arguments.push(fresh.clone().into());
        patiently(&query, check_url(url)?).map_err(|error| error.elsewhere(line))?;
        simplify(&fresh)?;
        if !is_mirror(into) && into.symlink_metadata().is_ok() {
            let aside = place.path().join("old");
            fs::rename(into, &aside).map_err(ToolError::io("move aside", into))?;
        }
        match fs::rename(&fresh, into) {
            // Someone else's clone was there first, and it is as new as ours.
            Err(_) if is_mirror(into) => Ok(()),
            renamed => renamed.map_err(ToolError::io("rename the clone to", into)),
        }
    }

    fn fetch(&self, url: &str, into: &Path) -> Result<(), ToolError> {
        let mut option = OsString::from("--git-dir=");
        option.push(into);
        let fetch = ["fetch", "--quiet", "--prune", "--no-write-fetch-head", "--", url, BRANCHES, TAGS];
        let mut arguments = network(fetch);
        let verb = arguments.len() - fetch.len();
        arguments.insert(verb, option);
        let query = self.query(Path::new("/"), arguments, self.limits.transfer);
        patiently(&query, check_url(url)?).map(drop)
    }
}

/// A fresh directory for a clone that nobody is to take for a whole one.
fn beside(parent: &Path) -> Result<TempDir, ToolError> {
    let place = tempfile::Builder::new().prefix(".clone-").tempdir_in(parent);
    place.map_err(ToolError::io("create a directory in", parent))
}

/// Whether `directory` is a clone this file made: bare, with no settings but ours.
pub(super) fn is_mirror(directory: &Path) -> bool {
    let is_link = directory.symlink_metadata().is_ok_and(|found| found.is_symlink());
    // With `commondir` the settings would come from elsewhere.
    let own = !is_link && directory.join("commondir").symlink_metadata().is_err();
    own && fs::read_to_string(directory.join("config"))
        .is_ok_and(|text| text == SETTINGS || text == SETTINGS_SHA256)
}

/// Replaces the settings of a fresh clone by ours.
fn simplify(clone: &Path) -> Result<(), ToolError> {
    let file = clone.join("config");
    let text = fs::read_to_string(&file).map_err(ToolError::io("read", &file))?;
    let sha256 = text.to_ascii_lowercase().contains("objectformat = sha256");
    let settings = if sha256 { SETTINGS_SHA256 } else { SETTINGS };
    fs::write(&file, settings).map_err(ToolError::io("write", &file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::Place;

    #[test]
    fn a_clone_follows_moved_new_and_deleted_tags() {
        let place = Place::new();
        let top = place.directory("remote");
        place.git(&top, &["init", "-q"]);
        place.git(&top, &["commit", "-q", "--allow-empty", "-m", "one"]);
        place.git(&top, &["tag", "v1"]);
        place.git(&top, &["tag", "gone"]);
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let url = format!("file://{}", top.display());
        let into = place.root().join("cache/git/x");
        git.mirror(&url, &into).unwrap();
        let first = git.resolve_tag(&into, "v1").unwrap().unwrap();

        place.git(&top, &["commit", "-q", "--allow-empty", "-m", "two"]);
        place.git(&top, &["tag", "-f", "v1"]);
        place.git(&top, &["tag", "v2"]);
        place.git(&top, &["tag", "-d", "gone"]);
        git.mirror(&url, &into).unwrap();
        assert_ne!(git.resolve_tag(&into, "v1").unwrap().unwrap(), first);
        assert_eq!(git.local_tags(&into).unwrap(), git.local_tags(&top).unwrap());
        assert!(git.has_commit(&into, &first).unwrap());
        // Nothing but the clone is left beside it.
        assert_eq!(fs::read_dir(into.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_repository_with_settings_of_its_own_is_replaced_unread() {
        let place = Place::new();
        let top = place.directory("remote");
        place.git(&top, &["init", "-q", "--object-format=sha256"]);
        place.git(&top, &["commit", "-q", "--allow-empty", "-m", "one"]);
        let into = place.directory("cache/x");
        place.git(&into, &["init", "-q", "--bare"]);
        place.git(&into, &["--git-dir=.", "config", "core.gitProxy", "evil"]);
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let url = format!("file://{}", top.display());
        for _ in 0..2 {
            git.mirror(&url, &into).unwrap();
            assert_eq!(git.head(&into).unwrap(), git.head(&top).unwrap());
        }
        assert_eq!(fs::read_to_string(into.join("config")).unwrap(), SETTINGS_SHA256);
    }

    #[test]
    fn single_commits_are_brought_without_history() {
        let place = Place::new();
        for format in ["sha1", "sha256"] {
            let top = place.directory(format);
            place.git(&top, &["init", "-q", &format!("--object-format={format}")]);
            let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
            let commits = ["one", "two", "three"].map(|text| {
                fs::write(top.join("file"), text).unwrap();
                place.git(&top, &["add", "."]);
                place.git(&top, &["commit", "-q", "-m", text]);
                git.head(&top).unwrap().unwrap()
            });
            let [one, two, three] = commits;
            let parent = place.root().join("cache");
            let url = format!("file://{}", top.display());
            let bare = git.bare_commits(&url, &[one.clone(), three.clone()], &parent).unwrap();
            for (commit, text) in [(&one, "one"), (&three, "three")] {
                assert_eq!(git.show(bare.path(), commit, "file").unwrap().unwrap(), text.as_bytes());
            }
            assert!(!git.has_commit(bare.path(), &two).unwrap());
            let absent = "0".repeat(one.as_str().len()).parse().unwrap();
            git.bare_commits(&url, &[one, absent], &parent).unwrap_err();
            drop(bare);
            assert_eq!(fs::read_dir(&parent).unwrap().count(), 0);
        }
    }

    #[test]
    fn a_failed_clone_leaves_nothing() {
        let place = Place::new();
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let into = place.root().join("cache/x");
        assert!(git.mirror("file:///nonexistent", &into).is_err());
        assert_eq!(fs::read_dir(place.root().join("cache")).unwrap().count(), 0);
    }
}
