//! Where a package's repository can be read: its submodule in the working tree, else a bare clone in
//! `.envloom/git`.
//!
//! A submodule is read only if it is what `tasks.kdl` declares: a checkout of its own inside the repository
//! whose `origin` is the declared url, to the byte. Anything else could show another repository's tags under
//! this package's name. Nothing in it is changed; the bare clone is a copy that may be deleted at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use super::tags::{Answer, answer_place};
use crate::base::{Digest, RelPath, read_if_exists};
use crate::model::Package;
use crate::tool::ToolError;
use crate::tool::git::{Git, ObjectId};

/// How to reach the packages' repositories.
pub(crate) struct Remotes<'a> {
    git: &'a Git,
    root: &'a Path,
    offline: bool,
    /// Packages whose tags are asked of the remote alone: a checkout keeps the tags it has.
    remote_only: &'a [String],
    progress: &'a (dyn Fn(Progress<'_>) + Sync),
    /// Bare clones that are as new as their remotes were a moment ago.
    fetched: Mutex<BTreeSet<String>>,
    /// Checkouts that were found: several packages may lie in one.
    checkouts: Mutex<BTreeMap<RelPath, Checkout>>,
}

/// A checkout in the working tree.
#[derive(Debug, Clone)]
struct Checkout {
    directory: PathBuf,
    /// The url it comes from.
    origin: String,
}

/// What is being done, for a status line. May come from several threads at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress<'a> {
    /// A remote is cloned or fetched.
    Fetching {
        /// Its url.
        git: &'a str,
    },
    /// A remote is asked for its tags.
    Asking {
        /// Its url.
        git: &'a str,
    },
    /// A release was read.
    Read {
        /// The package.
        package: &'a str,
        /// The tag or commit.
        reference: &'a str,
    },
}

impl<'a> Remotes<'a> {
    /// `root` is the absolute root of the repository. With `offline` no remote is asked.
    pub(crate) fn new(
        git: &'a Git,
        root: &'a Path,
        offline: bool,
        progress: &'a (dyn Fn(Progress<'_>) + Sync),
    ) -> Self {
        let (fetched, checkouts) = Default::default();
        Self { git, root, offline, remote_only: &[], progress, fetched, checkouts }
    }

    /// The same, reading the tags of `packages` from their remotes, whatever checkouts say.
    pub(crate) fn believing_only_remotes(self, packages: &'a [String]) -> Self {
        Self { remote_only: packages, ..self }
    }

    /// The program that answers.
    pub(super) fn git(&self) -> &Git {
        self.git
    }

    /// Tells what is being done.
    pub(super) fn tell(&self, progress: Progress<'_>) {
        (self.progress)(progress);
    }

    /// The package's own checkout in the working tree, if it is one and comes from `url`.
    pub(crate) fn checkout(&self, package: &Package, url: &str) -> Option<PathBuf> {
        if self.remote_only.iter().any(|name| *name == package.name.value.to_string()) {
            return None;
        }
        let path = above(&package.path.as_ref()?.value, &package.subdirectory)?;
        let known = || self.checkouts.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().get(&path).cloned();
        let found = match found {
            Some(found) => found,
            None => self.look(&path).inspect(|found| drop(known().insert(path, found.clone())))?,
        };
        (found.origin == url).then_some(found.directory)
    }

    /// The checkout at `path`, whosever it is. What cannot be read is none: the bare clone then says what is wrong.
    fn look(&self, path: &RelPath) -> Option<Checkout> {
        let directory = path.under(self.root);
        directory.join(".git").symlink_metadata().ok()?;
        let directory = directory.canonicalize().ok()?;
        let is_inside = self.root.canonicalize().is_ok_and(|root| directory.starts_with(root));
        let top = self.git.toplevel(&directory).ok()??;
        let origin = self.git.origin(&directory).ok()??;
        (is_inside && top == directory).then_some(Checkout { directory, origin })
    }

    /// A bare clone of `url`, as new as the remote; with `--offline` as old as it is, `None` if there is none.
    pub(super) fn mirror(&self, url: &str) -> Result<Option<PathBuf>, ToolError> {
        if self.offline {
            return Ok(self.kept_mirror(url));
        }
        let into = self.mirror_place(url);
        let fetched = || self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        if !fetched().contains(url) {
            self.tell(Progress::Fetching { git: url });
            self.git.mirror(url, &into)?;
            fetched().insert(url.to_owned());
        }
        Ok(Some(into))
    }

    /// What `commits` hold, brought for one look; `None`: the remote does not give them away, or may not be asked.
    pub(super) fn commits(&self, url: &str, commits: &[ObjectId]) -> Option<TempDir> {
        if self.offline {
            return None;
        }
        self.tell(Progress::Fetching { git: url });
        self.git.bare_commits(url, commits, &self.root.join(".envloom/git")).ok()
    }

    /// The bare clone of `url` as it is, if there is one.
    pub(super) fn kept_mirror(&self, url: &str) -> Option<PathBuf> {
        let place = self.mirror_place(url);
        place.join("HEAD").is_file().then_some(place)
    }

    /// The names of the tags that `url` is known to have without asking it: those of its bare clone, and those it named
    /// when it was asked last. What cannot be read is not known.
    pub(crate) fn kept_tags(&self, url: &str) -> BTreeSet<String> {
        let cloned = self.kept_mirror(url).and_then(|clone| self.git.local_tags(&clone).ok());
        let told = read_if_exists(&answer_place(&self.root.join(".envloom"), url)).ok().flatten();
        let told = told.and_then(|bytes| Answer::parse(&bytes, url)).map(|answer| answer.tags);
        cloned.into_iter().chain(told).flat_map(BTreeMap::into_keys).collect()
    }

    fn mirror_place(&self, url: &str) -> PathBuf {
        self.root.join(".envloom/git").join(Digest::of(url).to_string())
    }

    /// May no remote be asked?
    pub(super) fn is_offline(&self) -> bool {
        self.offline
    }
}

/// The directory that `subdirectory` lies in when it is at `path`: the top of the package's repository.
fn above(path: &RelPath, subdirectory: &RelPath) -> Option<RelPath> {
    let path: Vec<&str> = path.parts().collect();
    let below: Vec<&str> = subdirectory.parts().collect();
    RelPath::parse(&path.strip_suffix(below.as_slice())?.join("/")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_of_a_repository_is_above_its_subdirectory() {
        let path = |text| RelPath::parse(text).unwrap();
        assert_eq!(above(&path("packages/a"), &RelPath::root()), Some(path("packages/a")));
        assert_eq!(above(&path("packages/a/python"), &path("python")), Some(path("packages/a")));
        assert_eq!(above(&path("packages/a"), &path("packages/a")), Some(RelPath::root()));
        assert_eq!(above(&path("packages/a"), &path("python")), None);
    }
}
