//! Layer 6: the graph, the manifests and the cache -> whether each task runs, and why.
//!
//! [`decide`] is the one code path behind running, `-n`, `-v` and `explain`. It compares a [`Fingerprint`], the
//! list of what a result depends on, with what is on record, and gives a [`RunReason`], says that the task is up to
//! date, or refuses it ([`Refusal`]). [`Premises`] is what all decisions of a run rest on.
//!
//! The room changes nothing but the records of cells ([`Cells`]), and starts nothing: versions and interpreters are
//! handed in.

mod affected;
mod cells;
mod closure;
mod committed;
mod decide;
mod decider;
mod error;
mod fingerprint;
mod known;
mod manifest_fields;
mod noted;
mod own;
mod own_inputs;
mod packages;
mod parsed;
mod premises;
mod promises;
mod reason;
mod records;
mod refusal;
mod remote_tags;
mod tracked;
mod uv_files;
mod uv_fingerprints;
mod venv;
mod workspace;

pub(crate) use affected::{Because, Declarations, Since, affected};
pub(crate) use cells::{CellRecord, Cells};
pub(crate) use committed::{head_content, uncommitted};
pub(crate) use decider::{Decided, decide, inside, rendered};
pub(crate) use error::{CODES, PlanError};
pub(crate) use fingerprint::Fingerprint;
pub(crate) use known::Known;
pub(crate) use noted::{Noted, Rest};
pub(crate) use own::{Look, Subject, changes_by_name, fingerprint as own_fingerprint};
pub(crate) use own_inputs::{input_list, link_before, list_path, patterns as inputs_of, sweep_lists};
pub(crate) use parsed::Parsed;
pub(crate) use premises::{Machine, Premises, Wishes, venvs};
#[cfg(test)]
pub(crate) use reason::FieldChange;
pub(crate) use reason::RunReason;
pub(crate) use records::check_records;
pub(crate) use refusal::{CODES as REFUSAL_CODES, Refusal, locked_elsewhere};
pub(crate) use remote_tags::{believed, field_names, freshness, pinned_remotes, unasked};
pub(crate) use tracked::Tracked;
pub(crate) use uv_fingerprints::{
    agreement, files_of_settings, sync_arguments, sync_fingerprint, verification,
};
pub(crate) use venv::{compare, inspect};
pub(crate) use workspace::{Roots, expand, is_unmanaged, matcher, table};
