//! git: read-only questions to repositories and remotes, and bare clones kept for reading.
//!
//! In: [`Surroundings`](super::Surroundings), directories, checked URLs and tags. Out: commits,
//! tags, trees, files, submodules. Only `commit`, `checkout`, `added` and `own_file` change a repository
//! of the user.
//!
//! Why the program and not a library: the user's credentials, ssh, proxies and `insteadOf` just
//! work, and uv uses the same program, so both see the same remote.
//!
//! The rules for every call stand in [`call`]. Judging what an answer means (a moved tag, a stale
//! submodule) is the caller's.

mod added;
mod batch;
mod call;
mod changes;
mod checkout;
mod commit;
mod condition;
mod mirror;
mod modules_file;
mod object;
mod origin;
mod own_file;
mod query;
mod remote;
mod stake;
mod submodule;
mod tree;
mod underway;
mod unmerged;

pub(crate) use batch::{Content, FilesAt, Question, Revision};
pub(crate) use call::Git;
pub(crate) use changes::Change;
pub(crate) use checkout::{Module, Standing};
pub(crate) use modules_file::{with_section, without_section};
pub(crate) use object::{ObjectId, TagRef, TreeEntry};
pub(crate) use stake::{AtStake, Elsewhere, Stake};
pub(crate) use submodule::Submodule;
pub(crate) use underway::Underway;
pub(crate) use unmerged::{Conflict, MergedText};
