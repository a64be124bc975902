//! The copy of a repository that a trial works in.
//!
//! | in the repository | in the copy |
//! | --- | --- |
//! | a directory with a manifest in it or below, or that something may be written into | a directory |
//! | `pyproject.toml`, `uv.lock`, `.python-version` in one of these; `tasks.kdl`, `envloom.lock` | a copy |
//! | a link that stays inside | a link to the same place of the copy |
//! | `.git` | a `.git` of its own that shares objects, tags and settings, as a linked worktree's does |
//! | everything else | a link to it |
//!
//! What uv writes there is what it would write in the repository, byte for byte (tried, for workspaces and tags), but for
//! one thing: of a path index uv notes the absolute place (uv#15055). The copy's name is put in and taken out of these.
//! What lies beside the repository is found from the copy too ([`super::outside`]).
//!
//! A manifest never lies in a hidden directory, in `node_modules` or in a venv: these are not searched.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Place;
use super::outside::{AROUND, Outside};
use crate::base::{FileError, RelPath, read_if_exists, remove_if_exists, write_cached};
use crate::cache::{FileChange, Observer, Repository};
use crate::ledger::FILE_NAME;

/// The files that generate and lock write.
const WRITTEN: [&str; 3] = ["pyproject.toml", "uv.lock", ".python-version"];

/// What is known to be kept of uv's and git's answers: asked once, by the repository or by its copies.
const SHARED: [&str; 3] = ["git", "cache/tags", "cache/releases"];

/// Directories of other people's files, of which there may be very many.
const SKIPPED: [&str; 2] = ["node_modules", "__pycache__"];

/// The copy, and what it was made from.
pub(super) struct Mirror {
    root: PathBuf,
    copy: PathBuf,
    /// The copied files as they were.
    before: BTreeMap<RelPath, Vec<u8>>,
    /// The directories of the copy that are no links.
    directories: BTreeSet<RelPath>,
    /// The tasks file's name.
    tasks: String,
    /// What lies beside the repository and is found from the copy.
    outside: BTreeSet<Outside>,
    /// How many repositories there are.
    repositories: usize,
}

/// The directories of the repository that are no links in a copy: those `real`, even where they hold no manifest yet,
/// those with a manifest in them or below, and all above.
pub(super) fn directories(root: &Path, real: BTreeSet<RelPath>) -> Result<BTreeSet<RelPath>, FileError> {
    let mut directories = real;
    search(root, &RelPath::root(), &mut directories)?;
    let above: Vec<RelPath> = directories.iter().flat_map(ancestors).collect();
    directories.extend(above);
    Ok(directories)
}

/// Makes the copy.
pub(super) fn make(
    place: &Place,
    trial: &Place,
    (directories, outside): (BTreeSet<RelPath>, BTreeSet<Outside>),
) -> Result<Mirror, FileError> {
    let mut mirror = Mirror {
        root: place.root.clone(),
        copy: trial.root.clone(),
        before: BTreeMap::new(),
        directories,
        tasks: place.file_name.clone(),
        outside,
        repositories: 0,
    };
    mirror.directory(&RelPath::root())?;
    Ok(mirror)
}

/// The copy's state knows what remotes have said, and what is said to it is known in the repository.
pub(super) fn share_state(place: &Place, trial: &Place) -> Result<(), FileError> {
    for name in SHARED {
        let (there, here) = (place.state().join(name), trial.state().join(name));
        fs::create_dir_all(&there).map_err(|cause| FileError::new("make", &there, cause))?;
        let above = here.parent().unwrap_or(&here);
        fs::create_dir_all(above).map_err(|cause| FileError::new("make", above, cause))?;
        symlink(&there, &here).map_err(|cause| FileError::new("make", &here, cause))?;
    }
    Ok(())
}

impl Mirror {
    /// Puts another content into the copy; what the repository has stays what the change is measured by.
    pub(super) fn put(&self, path: &RelPath, content: Option<&[u8]>) -> Result<(), FileError> {
        let place = path.under(&self.copy);
        match content {
            Some(bytes) if path.file_name() == "uv.lock" => {
                write_cached(&place, self.moved_in(bytes).as_deref().unwrap_or(bytes))
            }
            Some(bytes) => write_cached(&place, bytes),
            None => remove_if_exists(&place).map(drop),
        }
    }

    /// The absolute root of the repository.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What the repository has there; `None`: nothing, or nothing that is copied.
    pub(super) fn before(&self, path: &RelPath) -> Option<&[u8]> {
        self.before.get(path).map(Vec::as_slice)
    }

    /// Every file whose content in the copy is another one now.
    pub(super) fn changes(&self) -> Result<Vec<FileChange>, FileError> {
        let files = self.directories.iter().flat_map(|directory| {
            let extra = if directory.is_root() { vec![self.tasks.as_str(), FILE_NAME] } else { Vec::new() };
            let names = WRITTEN.into_iter().chain(extra);
            names.filter_map(|name| directory.join(name).ok()).collect::<Vec<_>>()
        });
        let mut changes = Vec::new();
        for path in files.collect::<BTreeSet<_>>() {
            let place = path.under(&self.copy);
            if place.is_symlink() {
                continue;
            }
            let after = read_if_exists(&place)?;
            let after = match after {
                Some(bytes) if path.file_name() == "uv.lock" => Some(self.moved_out(bytes)),
                after => after,
            };
            let before = self.before.get(&path).cloned();
            if before != after {
                changes.push(FileChange { path, before, after });
            }
        }
        Ok(changes)
    }

    fn directory(&mut self, directory: &RelPath) -> Result<(), FileError> {
        let (from, to) = (directory.under(&self.root), directory.under(&self.copy));
        fs::create_dir_all(&to).map_err(|cause| FileError::new("make", &to, cause))?;
        for entry in entries(&from)? {
            let name = entry.file_name();
            if name == ".git" {
                self.repository(&from, &to)?;
                continue;
            }
            if directory.is_root() && name == ".envloom" {
                continue;
            }
            let inner = name.to_str().and_then(|name| directory.join(name).ok());
            match inner {
                Some(inner) if is_directory(&entry) && self.directories.contains(&inner) => {
                    self.directory(&inner)?;
                }
                Some(inner) if self.is_copied(directory, &name) && is_file(&entry) => {
                    let bytes = read_if_exists(&entry.path())?.unwrap_or_default();
                    self.put(&inner, Some(&bytes))?;
                    self.before.insert(inner, bytes);
                }
                _ => self.link(&entry, &to.join(&name))?,
            }
        }
        Ok(())
    }

    fn is_copied(&self, directory: &RelPath, name: &OsStr) -> bool {
        let of_root = name == self.tasks.as_str() || name == FILE_NAME;
        WRITTEN.iter().any(|written| name == *written) || (directory.is_root() && of_root)
    }

    fn link(&self, entry: &DirEntry, to: &Path) -> Result<(), FileError> {
        let path = entry.path();
        let inside = path.canonicalize().ok().filter(|_| path.is_symlink());
        let inside = inside.and_then(|real| Some(self.copy.join(real.strip_prefix(&self.root).ok()?)));
        symlink(inside.unwrap_or(path), to).map_err(|cause| FileError::new("make", to, cause))
    }

    /// Makes `to` a checkout of the repository whose checkout `from` is. What cannot be read as one is left out: git
    /// then finds the repository around.
    fn repository(&mut self, from: &Path, to: &Path) -> Result<(), FileError> {
        let Some(Repository { common, own, .. }) = Repository::at(from, &Observer::new())? else {
            return Ok(());
        };
        let (Ok(common), Some(head)) = (common.canonicalize(), read_if_exists(&own.join("HEAD"))?) else {
            return Ok(());
        };
        let place = self.copy.join(".envloom/repositories").join(self.repositories.to_string());
        self.repositories += 1;
        let line = |path: &Path| [path.as_os_str().as_encoded_bytes(), b"\n"].concat();
        write_cached(&place.join("HEAD"), &head)?;
        write_cached(&place.join("commondir"), &line(&common))?;
        write_cached(&place.join("gitdir"), &line(&to.join(".git")))?;
        if let Some(index) = read_if_exists(&own.join("index"))? {
            write_cached(&place.join("index"), &index)?;
        }
        write_cached(&to.join(".git"), &[b"gitdir: ".to_vec(), line(&place)].concat())
    }

    /// A lockfile with the absolute places of path indexes as they are in the copy; `None`: it is no text.
    fn moved_in(&self, lockfile: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(lockfile).ok()?;
        let root = self.root.to_str()?;
        let mut moved = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("\"file://") {
            moved.extend([before, "\"file://"]);
            rest = after;
            if let Some(end) = behind(after, root) {
                moved.extend([&after[..end], &self.added()]);
                rest = &after[end..];
            } else if let Some((copied, end)) =
                self.outside.iter().find_map(|one| one.moved_in(after, &self.root, &self.copy))
            {
                moved.push_str(&copied);
                rest = &after[end..];
            }
        }
        moved.push_str(rest);
        Some(moved.into_bytes())
    }

    /// The same as they are in the repository. What the copy's place has behind the repository's goes; of a place
    /// beside the repository, which lies fewer directories deep there, as many of the root's directories too.
    fn moved_out(&self, lockfile: Vec<u8>) -> Vec<u8> {
        let text = match String::from_utf8(lockfile) {
            Ok(text) => text,
            Err(other) => return other.into_bytes(),
        };
        let added = self.added();
        let around = format!("/{AROUND}");
        let depth = added.matches(&around).count();
        let trial = added.strip_suffix(&around.repeat(depth)).unwrap_or(&added);
        let mut moved = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once(trial) {
            moved.push_str(before);
            rest = after;
            let mut up = depth;
            while let Some(inner) = rest.strip_prefix(&around).filter(|_| up > 0) {
                (rest, up) = (inner, up - 1);
            }
            for _ in 0..up {
                moved.truncate(moved.rfind('/').unwrap_or(moved.len()));
            }
        }
        moved.push_str(rest);
        moved.into_bytes()
    }

    /// What the copy's place has behind the repository's. It needs no percent sign.
    fn added(&self) -> String {
        format!("/{}", self.copy.strip_prefix(&self.root).unwrap_or(&self.copy).display())
    }
}

/// Finds the directories with a manifest in them or below; says whether this is one.
fn search(root: &Path, directory: &RelPath, all: &mut BTreeSet<RelPath>) -> Result<bool, FileError> {
    let mut found = false;
    for entry in none_where_closed(entries(&directory.under(root)))? {
        let name = entry.file_name();
        if name == "pyproject.toml" {
            found = true;
        } else if is_directory(&entry) && !is_skipped(&name) && !entry.path().join("pyvenv.cfg").exists() {
            let Some(inner) = name.to_str().and_then(|name| directory.join(name).ok()) else { continue };
            found |= search(root, &inner, all)?;
        }
    }
    if found {
        all.insert(directory.clone());
    }
    Ok(found)
}

/// Where `root` ends at the beginning of a percent-encoded path; `None`: it is not there as a directory.
pub(super) fn behind(encoded: &str, root: &str) -> Option<usize> {
    let mut at = 0;
    for byte in root.bytes() {
        let rest = &encoded.as_bytes()[at..];
        let code = rest.strip_prefix(b"%").and_then(|rest| std::str::from_utf8(rest.get(..2)?).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if code == Some(byte) {
            at += 3;
        } else if rest.first() == Some(&byte) {
            at += 1;
        } else {
            return None;
        }
    }
    encoded[at..].starts_with(['/', '"']).then_some(at)
}

/// The directories above.
fn ancestors(path: &RelPath) -> Vec<RelPath> {
    let mut above = vec![path.parent()];
    while let Some(last) = above.last().filter(|last| !last.is_root()) {
        let next = last.parent();
        above.push(next);
    }
    above
}

fn entries(directory: &Path) -> Result<Vec<DirEntry>, FileError> {
    let fail = |cause| FileError::new("list", directory, cause);
    fs::read_dir(directory).map_err(fail)?.collect::<Result<_, _>>().map_err(fail)
}

/// A directory that may not be looked into, such as a container's data, holds no manifest of ours; nor does one that went
/// away a moment ago.
fn none_where_closed(entries: Result<Vec<DirEntry>, FileError>) -> Result<Vec<DirEntry>, FileError> {
    use std::io::ErrorKind;
    match entries {
        Err(error) if matches!(error.cause.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound) => {
            Ok(Vec::new())
        }
        entries => entries,
    }
}

/// A directory, and no link to one.
fn is_directory(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

/// A file, and no link to one.
fn is_file(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_file())
}

fn is_skipped(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || SKIPPED.iter().any(|skipped| name == *skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_in_an_encoded_path() {
        let root = "/srv/a b%'é";
        for (encoded, end) in [
            ("/srv/a%20b%25'%C3%A9/indexes\"", Some(20)),
            ("/srv/a%20b%25'%c3%a9\"", Some(20)),
            ("/srv/a b%'é/x", Some(12)),
            ("/srv/a%20b%25'%C3%A9x/indexes", None),
            ("/srv/a", None),
        ] {
            assert_eq!(behind(encoded, root), end, "{encoded}");
        }
    }

    #[test]
    fn a_directory_that_may_not_be_looked_into_is_passed_by() {
        use std::io::ErrorKind;
        for (kind, passed) in
            [(ErrorKind::PermissionDenied, true), (ErrorKind::NotFound, true), (ErrorKind::Other, false)]
        {
            let error = FileError::new("list", "data", kind.into());
            assert_eq!(none_where_closed(Err(error)).is_ok(), passed, "{kind}");
        }
        // A user for whom all is open meets none that is closed, but one that is gone.
        let root = tempfile::tempdir().unwrap();
        let gone = RelPath::parse("gone").unwrap();
        assert!(!search(root.path(), &gone, &mut BTreeSet::new()).unwrap());
    }

    fn git(directory: &Path, arguments: &[&str]) -> String {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(directory)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn place(root: &Path, home: &Path) -> Place {
        Place {
            root: root.to_owned(),
            home: home.to_owned(),
            file_name: "tasks.kdl".to_owned(),
            directory: None,
        }
    }

    /// A repository with a submodule, an environment and links, and its copy.
    fn mirrored() -> (tempfile::TempDir, PathBuf, Mirror) {
        let home = tempfile::tempdir().unwrap();
        let top = home.path().canonicalize().unwrap();
        let (package, root) = (top.join("package"), top.join("re po"));
        for directory in [&package, &root.join("prod"), &root.join("data/deep"), &root.join("empty")] {
            fs::create_dir_all(directory).unwrap();
        }
        git(&package, &["init", "-q"]);
        fs::write(package.join("pyproject.toml"), "").unwrap();
        fs::write(package.join("x.py"), "").unwrap();
        git(&package, &["add", "."]);
        git(&package, &["commit", "-q", "-m", "one"]);
        git(&package, &["tag", "v1"]);
        git(&root, &["init", "-q"]);
        git(&root, &["submodule", "--quiet", "add", package.to_str().unwrap(), "packages/a"]);
        for file in ["tasks.kdl", "prod/pyproject.toml", "prod/uv.lock", "data/tasks.kdl", "data/deep/x"] {
            fs::write(root.join(file), file).unwrap();
        }
        symlink("prod", root.join("within")).unwrap();
        symlink(&package, root.join("out")).unwrap();
        let copy = root.join(".envloom/trial/t1");
        let real = BTreeSet::from([RelPath::parse("empty").unwrap()]);
        let directories = directories(&root, real).unwrap();
        let mirror =
            make(&place(&root, &root), &place(&copy, &root), (directories, BTreeSet::new())).unwrap();
        (home, root, mirror)
    }

    #[test]
    fn only_what_may_be_written_is_copied() {
        let (_home, root, mirror) = mirrored();
        let copy = &mirror.copy;
        for directory in ["prod", "packages", "packages/a", "empty"] {
            assert!(copy.join(directory).symlink_metadata().unwrap().is_dir(), "{directory}");
        }
        for file in ["tasks.kdl", "prod/pyproject.toml", "prod/uv.lock", "packages/a/pyproject.toml"] {
            assert!(copy.join(file).symlink_metadata().unwrap().is_file(), "{file}");
            assert_eq!(fs::read(copy.join(file)).unwrap(), fs::read(root.join(file)).unwrap(), "{file}");
        }
        for (link, to) in [
            ("data", root.join("data")),
            ("packages/a/x.py", root.join("packages/a/x.py")),
            ("within", copy.join("prod")),
            ("out", root.join("out")),
        ] {
            assert_eq!(fs::read_link(copy.join(link)).unwrap(), to, "{link}");
        }
        assert_eq!(mirror.changes().unwrap(), []);
        fs::write(copy.join("prod/uv.lock"), "new").unwrap();
        fs::write(copy.join("empty/pyproject.toml"), "made").unwrap();
        fs::remove_file(copy.join("prod/pyproject.toml")).unwrap();
        let changes = mirror.changes().unwrap();
        let told = changes
            .iter()
            .map(|change| (change.path.as_str(), change.before.is_some(), change.after.is_some()));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("empty/pyproject.toml", false, true),
                ("prod/pyproject.toml", true, false),
                ("prod/uv.lock", true, true)
            ]
        );
    }

    #[test]
    fn checkouts_of_the_copy_answer_as_those_of_the_repository() {
        let (_home, root, mirror) = mirrored();
        let (there, here) = (root.join("packages/a"), mirror.copy.join("packages/a"));
        assert_eq!(git(&here, &["rev-parse", "--show-toplevel"]).trim_end(), here.to_str().unwrap());
        for question in [
            &["describe", "--tags"][..],
            &["remote", "get-url", "origin"],
            &["ls-files", "-s"],
            &["rev-parse", "HEAD"],
        ] {
            assert_eq!(git(&here, question), git(&there, question), "{question:?}");
        }
        assert_eq!(git(&mirror.copy, &["ls-files", "-s"]), git(&root, &["ls-files", "-s"]));
        // What git notes of a look at the copy is the copy's.
        let index = fs::read(root.join(".git/modules/packages/a/index")).unwrap();
        git(&here, &["status"]);
        assert_eq!(fs::read(root.join(".git/modules/packages/a/index")).unwrap(), index);
    }

    #[test]
    fn a_lockfile_moves_into_the_copy_and_out_again() {
        let (_home, root, mirror) = mirrored();
        let encoded = root.to_str().unwrap().replace(' ', "%20");
        let text =
            format!("a = \"file://{encoded}/x\"\nb = \"file://{encoded}x\"\nc = \"file://{encoded}\"\n");
        let moved = String::from_utf8(mirror.moved_in(text.as_bytes()).unwrap()).unwrap();
        let copy = format!("{encoded}/.envloom/trial/t1");
        assert_eq!(
            moved,
            format!("a = \"file://{copy}/x\"\nb = \"file://{encoded}x\"\nc = \"file://{copy}\"\n")
        );
        assert_eq!(mirror.moved_out(moved.into_bytes()), text.as_bytes());
        assert_eq!(mirror.moved_out(vec![0xff]), [0xff]);
    }
}
