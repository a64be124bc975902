//! Is what lies in the working tree what the record says?

use std::fs;
use std::io;
use std::path::Path;

use super::{Kept, Left, Output};
use crate::base::{FileError, RelPath};
use crate::cache::content::{Contents, link_text};
use crate::cache::observe::Observer;

/// An output that is not as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Nothing is there.
    Missing { path: RelPath },
    /// Something else is there.
    Changed { path: RelPath },
    /// The same file with other permissions.
    Mode { path: RelPath, was: u32, is: u32 },
}

impl Difference {
    /// Where.
    pub(super) fn path(&self) -> &RelPath {
        match self {
            Self::Missing { path } | Self::Changed { path } | Self::Mode { path, .. } => path,
        }
    }
}

impl Kept {
    /// The outputs below `root` that are not as they were kept. What lies there besides does not count. Each look is
    /// noted with the observer, and a file is read only where its stat is new.
    ///
    /// # Errors
    /// When something is there and cannot be looked at.
    pub(crate) fn differs(
        &self,
        root: &Path,
        contents: &Contents,
        observer: &Observer,
    ) -> Result<Vec<Difference>, FileError> {
        let mut found = Vec::new();
        for output in &self.outputs {
            found.extend(output.differs(root, contents, observer)?);
        }
        Ok(found)
    }
}

impl Output {
    fn differs(
        &self,
        root: &Path,
        contents: &Contents,
        observer: &Observer,
    ) -> Result<Option<Difference>, FileError> {
        let place = self.path.under(root);
        let path = || self.path.clone();
        let metadata = match fs::symlink_metadata(&place) {
            Ok(metadata) => metadata,
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                observer.stat(&place)?;
                return Ok(Some(Difference::Missing { path: path() }));
            }
            Err(cause) => return Err(FileError::new("look at", place, cause)),
        };
        if metadata.is_symlink() {
            let text = link_text(&place, observer)?;
            let is_same = matches!(&self.left, Left::Symlink { target } if text == target.as_str());
            return Ok((!is_same).then(|| Difference::Changed { path: path() }));
        }
        match self.left {
            Left::File { digest, mode, size } if metadata.is_file() && metadata.len() == size => {
                let now = contents.file(&place, observer)?;
                Ok(match now {
                    None => Some(Difference::Missing { path: path() }),
                    Some(now) if now.digest != digest => Some(Difference::Changed { path: path() }),
                    Some(now) if now.signature.mode() != mode => {
                        Some(Difference::Mode { path: path(), was: mode, is: now.signature.mode() })
                    }
                    Some(_) => None,
                })
            }
            _ => {
                observer.stat(&place)?;
                let is_same = self.left == Left::Directory && metadata.is_dir();
                Ok((!is_same).then(|| Difference::Changed { path: path() }))
            }
        }
    }
}
