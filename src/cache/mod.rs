//! Layer 5: what is remembered between runs: inside `.envloom/`, and, of outputs, in the user's cache.
//!
//! - [`Observer`] reads files for the rooms above and remembers every file, directory listing and absence it
//!   met, each with a [`Stamp`].
//! - [`Store`] keeps a [`Verdict`] under the digest of a fingerprint, and what each task's last success and
//!   last run were.
//! - [`Walk`] and [`Contents`] say which files patterns mean and what is in them.
//! - [`OutputStore`] keeps what own tasks left behind, for all worktrees of a repository.
//! - [`Uses`] notes there, once a day, what was found up to date, so that it is kept.
//! - [`Commit`] changes several tracked files together; [`Journal`] notes single ones.
//! - [`CompiledPlan`] is the no-op path: all stamps of a call that found everything up to date. While they
//!   hold, the same call needs to parse nothing.
//! - [`recall`] and [`remember`]: values that are made of others and cost more to make than to read.
//!
//! A broken cache costs time, never the result: whatever cannot be read is a miss.

mod commit;
mod compiled;
mod content;
mod journal;
mod memory;
mod observe;
mod outputs;
mod place;
mod snapshot;
mod stamp;
mod store;
mod uses;
mod walk;

pub(crate) use commit::{Commit, FileChange, Finished, Noted};
pub(crate) use compiled::{Answer, CompiledPlan, Notice, Part, PlanKey, Rest};
pub(crate) use content::Contents;
pub(crate) use journal::Journal;
pub(crate) use memory::{forget_memory, memory_size, sweep, sweep_stage};
pub(crate) use observe::{Observation, Observer};
pub(crate) use outputs::{Before, Difference, Kept, Limits, Made, OutputStore, Size};
pub(crate) use place::{Refused, Repository, check_owner, store_directory};
pub(crate) use snapshot::{recall, remember};
pub(crate) use stamp::{Signature, Stamp};
pub(crate) use store::{LastRun, Store, Verdict};
pub(crate) use uses::{Uses, note_uses};
pub(crate) use walk::Walk;
