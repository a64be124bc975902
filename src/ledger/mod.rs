//! Layer 3: `envloom.lock` <-> [`Record`], and what uv wrote against it.
//!
//! `envloom.lock` is committed and machine-written: one entry a line, sorted, so that it merges well. It
//! holds the releases that pins name (tag -> peeled commit, and the metadata of the package there) and,
//! for each manifest, which entries envloom wrote last, by digest.
//!
//! [`tags_of`] knows what remotes say of their tags, as old as the caller allows.
//!
//! [`Record::parse`] and [`Record::render`] are pure. [`complete`] asks git for the releases that the model
//! pins and the record lacks, so that rendering manifests stays pure. [`verify`] holds a [`Lockfile`] against
//! the model and the record, and is pure too. Only `generate` and `lock` write the file, through the
//! coordinator.

mod at_commit;
mod complete;
mod difference;
mod error;
mod finding;
mod fork;
mod lockfile;
mod merge;
mod metadata;
mod newest;
mod origin;
mod reading;
mod record;
mod released;
mod repository;
mod requirement;
mod settings;
mod tags;
mod tested;
mod variants;
mod verify;

#[cfg(test)]
mod testing;

pub(crate) use at_commit::{AtCommit, ManifestsAt, Reach, manifests_at};
pub(crate) use complete::{complete, missing, prune, releases_of};
pub(crate) use difference::{Build, Change, Difference, SettingChange, Side, Taken, difference};
pub(crate) use error::{CODES, LedgerError};
pub(crate) use finding::{VerifyError, VerifyFinding};
pub(crate) use lockfile::{GitReference, Lockfile, Source};
pub(crate) use merge::{Merged, merged};
pub(crate) use newest::{Tagged, newest, releases};
pub(crate) use origin::lies_at;
pub(crate) use record::{FILE_NAME, Owned, Record, Release, ReleaseKey};
pub(crate) use released::{Doubt, doubtful};
pub(crate) use repository::{Progress, Remotes};
pub(crate) use tags::{Answer, Asked, Asking, Freshness, Told, answer_place, max_age, tags_of};
pub(crate) use tested::{Candidate, Match, Unlike, matching};
pub(crate) use verify::{Evidence, Subject, verify};
