//! Out of the store, into the working tree.
//!
//! First everything is copied beside the working tree and compared with its digest; then it is looked whether anything
//! stands in the way; only then the first rename. So a store that lacks a blob changes nothing. Each file is whole at
//! any moment; that all of them are new at the same moment no file system offers: who is killed between two renames
//! finds, at the next run, outputs that are not those of the last, and restores or runs again.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Seek as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir, TempPath};

use super::{Kept, Left, Output, OutputStore};
use crate::base::{Digest, FileError, RelPath, open_ordinary, remove_if_exists};

/// How directories begin where a run's outputs wait.
pub(in crate::cache) const STAGED: &str = "restore-";

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// A blob is gone or damaged: the task has to run.
    #[error("the store no longer has `{path}`")]
    Miss { path: RelPath },
    /// Something that no task of this key made would have to go.
    #[error("cannot restore `{path}`: {what}")]
    InTheWay { path: RelPath, what: &'static str },
    /// The working tree cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// An output ready to be renamed into place.
struct Staged<'a> {
    output: &'a Output,
    /// `None`: an empty directory, or what is there already.
    from: Option<TempPath>,
}

/// The working tree that is written.
struct Tree<'a> {
    root: &'a Path,
    /// A directory of this run alone, in envloom's own.
    stage: TempDir,
    /// What the task left here before.
    former: Option<&'a Kept>,
}

impl OutputStore {
    /// Puts the outputs of `kept` back below `root`, and removes what `former`, the record of what the task left here
    /// before, has and `kept` has not, if it still is as it was left. `stage` is a directory of envloom's own where
    /// files wait, on the root's file system if possible.
    ///
    /// # Errors
    /// Nothing is changed on a [`RestoreError::Miss`] or [`RestoreError::InTheWay`].
    pub(crate) fn restore(
        &self,
        kept: &Kept,
        root: &Path,
        stage: &Path,
        former: Option<&Kept>,
    ) -> Result<(), RestoreError> {
        let make = || {
            fs::create_dir_all(stage)?;
            tempfile::Builder::new().prefix(STAGED).tempdir_in(stage)
        };
        let stage = make().map_err(|cause| FileError::new("make", stage, cause))?;
        let tree = Tree { root, stage, former };
        let staged = kept.outputs.iter().map(|output| self.stage(output, &tree));
        let staged = staged.collect::<Result<Vec<_>, _>>()?;
        for each in &staged {
            tree.check(&each.output.path, each.output.left == Left::Directory)?;
        }
        tree.remove_obsolete(kept)?;
        staged.into_iter().try_for_each(|each| tree.place(each))
    }

    /// Copies one output to where it waits.
    fn stage<'a>(&self, output: &'a Output, tree: &Tree<'_>) -> Result<Staged<'a>, RestoreError> {
        let from = match &output.left {
            Left::Directory => None,
            _ if tree.holds(output) => None,
            Left::Symlink { target } => {
                let staged = tree.waiting_room(&output.path).and_then(|room| stage_link(&room, target));
                Some(staged.map_err(|cause| FileError::new("write", output.path.under(tree.root), cause))?)
            }
            Left::File { digest, mode, .. } => Some(self.stage_file(output, *digest, *mode, tree)?),
        };
        Ok(Staged { output, from })
    }

    fn stage_file(
        &self,
        output: &Output,
        digest: Digest,
        mode: u32,
        tree: &Tree<'_>,
    ) -> Result<TempPath, RestoreError> {
        let blob = self.blob_path(digest);
        let miss = || RestoreError::Miss { path: output.path.clone() };
        // Whatever keeps the blob from being read, it is not there.
        let mut from = open_ordinary(&blob).map_err(|_| miss())?;
        let mut copy = || {
            let mut copy = NamedTempFile::new_in(tree.waiting_room(&output.path)?)?;
            io::copy(&mut from, copy.as_file_mut())?;
            copy.rewind()?;
            let (found, _) = Digest::of_stream(copy.as_file())?;
            copy.as_file().set_permissions(Permissions::from_mode(mode))?;
            Ok((found, copy.into_temp_path()))
        };
        let (found, copy) = copy()
            .map_err(|cause: io::Error| FileError::new("write", output.path.under(tree.root), cause))?;
        if found == digest {
            return Ok(copy);
        }
        // Damaged: nobody can use it, and as long as it is there nobody would write a whole one.
        remove_if_exists(&blob)?;
        Err(miss())
    }
}

/// A link that waits in `room` under a name of its own.
fn stage_link(room: &Path, target: &str) -> io::Result<TempPath> {
    let link = tempfile::Builder::new().make_in(room, |place| symlink(target, place))?;
    Ok(link.into_temp_path())
}

impl Tree<'_> {
    /// Where an output waits: with the others, or, where its place is on another file system, beside it.
    fn waiting_room(&self, path: &RelPath) -> io::Result<PathBuf> {
        let mut near = path.parent().under(self.root);
        while !near.is_dir() && near != self.root {
            near.pop();
        }
        let is_same = fs::metadata(&near)?.dev() == fs::metadata(self.stage.path())?.dev();
        Ok(if is_same { self.stage.path().to_owned() } else { near })
    }

    /// Is the output in its place?
    fn holds(&self, output: &Output) -> bool {
        let place = output.path.under(self.root);
        if self.blocked(&output.path).is_some() {
            return false;
        }
        let Ok(metadata) = fs::symlink_metadata(&place) else { return false };
        is_as_left(&place, &metadata, &output.left, true)
    }

    /// Can the output be put in its place without losing what is not the task's?
    fn check(&self, path: &RelPath, is_directory: bool) -> Result<(), RestoreError> {
        let in_the_way = |what| Err(RestoreError::InTheWay { path: path.clone(), what });
        if let Some(what) = self.blocked(path) {
            return in_the_way(what);
        }
        let place = path.under(self.root);
        match fs::symlink_metadata(&place) {
            Ok(metadata) if metadata.is_dir() && !is_directory && !self.will_be_empty(path) => {
                in_the_way("a directory with files in it lies there")
            }
            Ok(metadata) if !metadata.is_dir() && is_directory && !self.is_formers(path) => {
                in_the_way("a file lies there")
            }
            _ => Ok(()),
        }
    }

    /// What on the way to `path` is no directory.
    fn blocked(&self, path: &RelPath) -> Option<&'static str> {
        let mut above = path.parent();
        let mut what = None;
        while !above.is_root() {
            match fs::symlink_metadata(above.under(self.root)) {
                Ok(metadata) if metadata.is_symlink() => what = Some("a link stands on the way to it"),
                Ok(metadata) if !metadata.is_dir() && !self.is_formers(&above) => {
                    what = Some("a file stands on the way to it");
                }
                _ => {}
            }
            above = above.parent();
        }
        what
    }

    /// Did the task leave a file or link of that path before?
    fn is_formers(&self, path: &RelPath) -> bool {
        let outputs = self.former.iter().flat_map(|former| &former.outputs);
        outputs.into_iter().any(|output| output.path == *path && output.left != Left::Directory)
    }

    /// Does the directory hold nothing but what the task left before?
    fn will_be_empty(&self, directory: &RelPath) -> bool {
        let Ok(entries) = fs::read_dir(directory.under(self.root)) else { return false };
        entries.into_iter().all(|entry| {
            let Ok(entry) = entry else { return false };
            let name = entry.file_name();
            let Some(Ok(path)) = name.to_str().map(|name| directory.join(name)) else { return false };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.will_be_empty(&path),
                _ => self.is_formers(&path),
            }
        })
    }

    /// Removes what the task left before and does not leave now. What someone has changed since is theirs.
    fn remove_obsolete(&self, kept: &Kept) -> Result<(), RestoreError> {
        let now: BTreeSet<&RelPath> = kept.outputs.iter().map(|output| &output.path).collect();
        let former = self.former.iter().flat_map(|former| former.written());
        for output in former.filter(|output| !now.contains(&output.path)) {
            let place = output.path.under(self.root);
            let Ok(metadata) = fs::symlink_metadata(&place) else { continue };
            if self.blocked(&output.path).is_some() || !is_as_left(&place, &metadata, &output.left, false) {
                continue;
            }
            if metadata.is_dir() {
                // Somebody may have put something into it.
                drop(fs::remove_dir(&place));
            } else {
                remove_if_exists(&place)?;
            }
        }
        Ok(())
    }

    /// The rename.
    fn place(&self, staged: Staged<'_>) -> Result<(), RestoreError> {
        let path = &staged.output.path;
        let place = path.under(self.root);
        let fail = |cause| FileError::new("write", &place, cause);
        // Once more: what was checked before the first rename may have changed since.
        self.check(path, staged.output.left == Left::Directory)?;
        if staged.output.left == Left::Directory {
            fs::create_dir_all(&place).map_err(fail)?;
        }
        let Some(from) = staged.from else { return Ok(()) };
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(fail)?;
        }
        if fs::symlink_metadata(&place).is_ok_and(|there| there.is_dir()) {
            remove_empty(&place).map_err(fail)?;
        }
        from.persist(&place).map_err(|failed| fail(failed.error))?;
        Ok(())
    }
}

/// Removes a directory that holds directories only.
fn remove_empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty(&entry.path())?;
        }
    }
    fs::remove_dir(directory)
}

/// Is what lies there what was left?
fn is_as_left(place: &Path, metadata: &Metadata, left: &Left, with_mode: bool) -> bool {
    match left {
        Left::Directory => metadata.is_dir(),
        Left::Symlink { target } => {
            metadata.is_symlink() && fs::read_link(place).is_ok_and(|text| text == Path::new(target))
        }
        Left::File { digest, mode, size } => {
            metadata.is_file()
                && metadata.len() == *size
                && (!with_mode || metadata.mode() & 0o777 == *mode)
                && File::open(place).and_then(Digest::of_stream).is_ok_and(|(found, _)| found == *digest)
        }
    }
}
