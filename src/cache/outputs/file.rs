//! The file of an action: JSON that holds its own digest, so that no damage passes for another record.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Kept, Left};
use crate::base::{Digest, FileError, RelPath, read_if_exists, write_cached};

/// The form of the record. Readers take no other; nothing is rewritten in place.
const FORMAT: u32 = 1;

/// What stands around the digest.
const FRONT: &str = "{\"blake3\":\"";
const MIDDLE: &str = "\",\"action\":";
const END: &str = "}\n";

/// A record and what it belongs to.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    format: u32,
    key: Digest,
    #[serde(flatten)]
    kept: T,
}

/// The record under `key`; `None` where anything is wrong with the file.
pub(super) fn read(path: &Path, key: Digest) -> Option<Kept> {
    let bytes = read_if_exists(path).ok()??;
    let text = std::str::from_utf8(&bytes).ok()?;
    let (digest, rest) = text.strip_prefix(FRONT)?.split_at_checked(64)?;
    let body = rest.strip_prefix(MIDDLE)?.strip_suffix(END)?;
    if Digest::of(body).to_string() != digest {
        return None;
    }
    let stored: Versioned<Kept> = serde_json::from_str(body).ok()?;
    let fits = stored.format == FORMAT && stored.key == key && is_sound(&stored.kept);
    fits.then_some(stored.kept)
}

/// Writes the record under `key`.
pub(super) fn write(path: &Path, key: Digest, kept: &Kept) -> Result<(), FileError> {
    let body = serde_json::to_string(&Versioned { format: FORMAT, key, kept })
        .map_err(|cause| FileError::new("write", path, cause.into()))?;
    let text = [FRONT, &Digest::of(&body).to_string(), MIDDLE, &body, END].concat();
    write_cached(path, text.as_bytes())
}

/// Whoever can write into the store must not thereby write anywhere else: paths and links stay in the repository.
fn is_sound(kept: &Kept) -> bool {
    let paths: BTreeSet<&RelPath> = kept.outputs.iter().map(|output| &output.path).collect();
    let is_clean = |path: &RelPath| !path.is_root() && RelPath::parse(path.as_str()).as_ref() == Ok(path);
    // Nothing lies below an output: it is a file, a link or empty.
    let is_leaf = |path: &RelPath| {
        let above =
            std::iter::successors(Some(path.parent()), |above| (!above.is_root()).then(|| above.parent()));
        !above.into_iter().any(|above| paths.contains(&above))
    };
    paths.len() == kept.outputs.len()
        && paths.iter().all(|path| is_clean(path) && is_leaf(path))
        && kept.outputs.iter().all(|output| match &output.left {
            Left::Symlink { target } => stays_inside(&output.path, target),
            Left::File { mode, .. } => *mode <= 0o777,
            Left::Directory => true,
        })
}

/// Does a link at `path` with that text lead to a place in the repository?
pub(super) fn stays_inside(path: &RelPath, target: &str) -> bool {
    !target.is_empty() && path.parent().join(target).is_ok()
}
