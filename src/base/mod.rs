//! Layer 0: what every room may use and nothing that knows about uv, git or the KDL words.
//!
//! Comes in: text, bytes, paths. Goes out: positions in a text ([`Spanned`], [`SourceFile`]),
//! digests ([`Digest`]), paths that cannot leave the repository ([`RelPath`]), whole-file writes
//! ([`write_whole`]), patterns of paths ([`Patterns`]), amounts ([`parse_bytes`], [`parse_duration`]), work on several items at once ([`side_by_side`]) and text that is safe to print ([`printable`], [`hidden`]).

mod digest;
mod file;
mod path;
mod pattern;
mod quantity;
mod secret;
mod side_by_side;
mod span;
mod text;

#[cfg(test)]
pub(crate) mod testing;

pub(crate) use digest::{Digest, Hasher};
pub(crate) use file::{
    FileError, clear_siblings, open_ordinary, read_if_exists, read_ordinary, remove_if_exists, write_cached,
    write_whole,
};
pub(crate) use path::RelPath;
#[expect(unused_imports, reason = "what a fault is, is only shown")]
pub(crate) use pattern::{PatternError, PatternFault, Patterns};
pub(crate) use quantity::{bytes_text, duration_text, parse_bytes, parse_duration};
pub(crate) use secret::{credentials, hidden, hide};
pub(crate) use side_by_side::side_by_side;
pub(crate) use span::{SourceFile, Spanned};
pub(crate) use text::{brief, conflict_marker, counted, nearest, percent_decoded, printable, suggest};
