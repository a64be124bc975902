//! Where things lie: the git repository around a root, and the store that its worktrees share.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use super::observe::Observer;
use crate::base::{Digest, FileError};

/// A git repository as its files show it. git itself is not asked: this is looked at by every call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    /// The top of the working tree.
    pub(crate) top: PathBuf,
    /// What this working tree alone has: `HEAD` and `index` are in there.
    pub(crate) own: PathBuf,
    /// What its worktrees share: `info/exclude` is in there.
    pub(crate) common: PathBuf,
}

impl Repository {
    /// The repository that `directory` lies in. What was looked at on the way up is noted.
    ///
    /// # Errors
    /// When something is there and cannot be looked at.
    pub(crate) fn around(directory: &Path, observer: &Observer) -> Result<Option<Self>, FileError> {
        for top in directory.ancestors() {
            if let Some(found) = Self::at(top, observer)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The repository whose working tree's top is `top`.
    ///
    /// # Errors
    /// When something is there and cannot be looked at.
    pub(crate) fn at(top: &Path, observer: &Observer) -> Result<Option<Self>, FileError> {
        let dot_git = top.join(".git");
        let Ok(metadata) = fs::metadata(&dot_git) else {
            observer.stat(&dot_git)?;
            return Ok(None);
        };
        let (own, common) = if metadata.is_dir() {
            // Not its stat: git writes into it all the time.
            (dot_git.clone(), dot_git)
        } else {
            let text = observer.read(&dot_git)?.unwrap_or_default();
            let Some(directory) = text.strip_prefix(b"gitdir:").map(named) else { return Ok(None) };
            let directory = top.join(directory);
            match observer.read(&directory.join("commondir"))? {
                Some(common) => (directory.clone(), directory.join(named(&common))),
                None => (directory.clone(), directory),
            }
        };
        Ok(Some(Self { top: top.to_owned(), own, common }))
    }
}

/// The path in a file of git's.
fn named(text: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(text.trim_ascii().to_vec()))
}

/// The directory of the store for the repository that `root` lies in, below the user's cache: the same for all its
/// worktrees, and for the same root in each of them. Without git each root has its own.
///
/// # Errors
/// When git's files cannot be looked at.
pub(crate) fn store_directory(cache: &Path, root: &Path, observer: &Observer) -> Result<PathBuf, FileError> {
    let repository = Repository::around(root, observer)?;
    let (shared, within) = match &repository {
        Some(found) => (found.common.as_path(), root.strip_prefix(&found.top).unwrap_or(root)),
        None => (root, Path::new("")),
    };
    let shared = shared.canonicalize().unwrap_or_else(|_| shared.to_owned());
    let name = shared.ancestors().find_map(|above| {
        let name = above.file_name()?.to_str()?;
        (name != ".git").then(|| name.to_owned())
    });
    let readable: String = name.unwrap_or_default().chars().filter(|c| is_plain(*c)).take(40).collect();
    let mut subject = shared.into_os_string().into_vec();
    subject.push(0);
    subject.extend(within.as_os_str().as_encoded_bytes());
    Ok(cache.join("store").join(format!("{readable}-{}", &Digest::of(subject).to_string()[..16])))
}

/// May a directory's name hold it anywhere?
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

/// Why a store's directory is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its owner could put anything into it.
    OtherOwner,
    /// A link or a file.
    NoDirectory,
    /// Everybody may write into it.
    Writable,
}

/// Is the store's directory, should it be there, one that only this user writes into?
///
/// # Errors
/// Why not.
pub(crate) fn check_owner(directory: &Path) -> Result<(), Refused> {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(metadata) = fs::symlink_metadata(directory) else { return Ok(()) };
    if !metadata.is_dir() {
        return Err(Refused::NoDirectory);
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(Refused::OtherOwner);
    }
    if metadata.mode() & 0o022 != 0 { Err(Refused::Writable) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::process::Command;

    fn git(directory: &Path, arguments: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments)
            .current_dir(directory)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn store(root: &Path) -> PathBuf {
        store_directory(Path::new("/cache"), root, &Observer::new()).unwrap()
    }

    #[test]
    fn worktrees_of_one_repository_share_a_store_and_nobody_else() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        for name in ["main repo", "other"] {
            let top = home.join(name);
            fs::create_dir_all(top.join("sub")).unwrap();
            git(&top, &["init", "-q"]);
            git(&top, &["commit", "-q", "--allow-empty", "-m", "one"]);
        }
        let main = home.join("main repo");
        git(&main, &["worktree", "add", "-q", "../tree"]);
        fs::create_dir(home.join("tree/sub")).unwrap();
        assert_eq!(store(&main), store(&home.join("tree")));
        assert_eq!(store(&main.join("sub")), store(&home.join("tree/sub")));
        assert_ne!(store(&main), store(&main.join("sub")));
        assert_ne!(store(&main), store(&home.join("other")));
        let name = store(&main).file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("mainrepo-") && name.len() == "mainrepo-".len() + 16, "{name}");
        let plain = home.join("plain");
        fs::create_dir_all(plain.join("sub")).unwrap();
        assert_ne!(store(&plain), store(&plain.join("sub")));
        assert!(store(&plain).starts_with("/cache/store"));
    }

    #[test]
    fn a_repository_that_comes_to_be_around_is_seen() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("a/b");
        fs::create_dir_all(&root).unwrap();
        let observer = Observer::new();
        assert_eq!(Repository::around(&root, &observer).unwrap(), None);
        fs::create_dir(home.path().join("a/.git")).unwrap();
        assert!(!observer.seen().iter().all(|(path, stamp)| stamp.holds(path)));
        fs::remove_dir(home.path().join("a/.git")).unwrap();
        fs::write(home.path().join("a/.git"), "no repository").unwrap();
        assert_eq!(Repository::around(&root, &observer).unwrap(), None);
    }

    #[test]
    fn a_directory_that_others_may_write_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let store = home.path().join("store");
        assert_eq!(check_owner(&store), Ok(()));
        fs::create_dir(&store).unwrap();
        assert_eq!(check_owner(&store), Ok(()));
        for mode in [0o777, 0o770, 0o702] {
            fs::set_permissions(&store, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(check_owner(&store), Err(Refused::Writable), "{mode:o}");
        }
        fs::remove_dir(&store).unwrap();
        symlink(home.path(), &store).unwrap();
        assert_eq!(check_owner(&store), Err(Refused::NoDirectory));
        // Only root can give a file away; whoever runs this as someone else sees a directory of root's.
        let root_owned = Path::new("/");
        let is_root = rustix::process::geteuid().is_root();
        assert_eq!(check_owner(root_owned) == Err(Refused::OtherOwner), !is_root);
    }
}
