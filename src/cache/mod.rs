//! Layer 5: what is remembered between runs, all of it inside `.envloom/`.
//!
//! - [`Observer`] reads files for the rooms above and remembers every file, directory listing and absence it
//!   met, each with a [`Stamp`].
//! - [`Store`] keeps a [`Verdict`] under the digest of a fingerprint, and what each task's last success and
//!   last run were.
//! - [`CompiledPlan`] is the no-op path: all stamps of a call that found everything up to date. While they
//!   hold, the same call needs to parse nothing.
//!
//! A broken cache costs time, never the result: whatever cannot be read is a miss.

mod compiled;
mod journal;
mod observe;
mod stamp;
mod store;

pub(crate) use compiled::{CompiledPlan, Notice, PlanKey};
pub(crate) use journal::Journal;
pub(crate) use observe::Observer;
pub(crate) use stamp::Signature;
pub(crate) use store::{LastRun, Store, Verdict};
