//! `doctor --fix`: what is safe to mend, because it takes nothing from anybody.
//!
//! | found | mended by |
//! | --- | --- |
//! | a submodule of a package that is not checked out | `fetch` |
//! | an entry of `envloom.lock` that nothing asks for | taking it out |
//! | a venv of a cell that there is no more | removing it, where envloom made it |
//! | a file of one machine that git does not ignore | `.git/info/exclude` |
//!
//! A change of several files that was cut off is completed before, as by every other call.

use std::fs;

use super::finding::Finding;
use super::ground::Ground;
use super::record::pruned;
use super::trouble::Trouble;
use super::venvs;
use crate::base::FileError;
use crate::cli::absorb::refuse_locked;
use crate::cli::args::Arguments;
use crate::cli::load::Stop;
use crate::cli::output::Output;
use crate::cli::{fetch, state};
use crate::exec::change_record;

/// Mends what of `findings` is safe to mend.
///
/// # Errors
/// When something cannot be written, or may not be.
pub(super) fn fix(ground: &Ground<'_>, findings: &[Finding], output: &Output) -> Result<(), Stop> {
    let call = ground.call;
    if ground.foreign.is_some() {
        return Ok(());
    }
    let any = |wanted: fn(&Trouble) -> bool| findings.iter().any(|finding| wanted(&finding.trouble));
    if any(|trouble| matches!(trouble, Trouble::NotIgnored { .. })) {
        state::ignore(&call.place)?;
        output.say("git ignores what is of this machine only, by .git/info/exclude");
    }
    if any(|trouble| matches!(trouble, Trouble::RecordUnused { .. })) {
        refuse_locked(call, "doctor --fix")?;
        state::make(&call.place)?;
        change_record(&call.place.root, &call.place.state(), |record| -> Result<(), Stop> {
            *record = pruned(&call.model, std::mem::take(record));
            Ok(())
        })?;
        output.say("envloom.lock holds only what is asked for");
    }
    for venv in venvs::stale(ground) {
        fs::remove_dir_all(&venv).map_err(|cause| FileError::new("remove", &venv, cause))?;
        output.say(&format!("removed {}", venv.strip_prefix(&call.place.root).unwrap_or(&venv).display()));
    }
    if any(|trouble| matches!(trouble, Trouble::SubmoduleEmpty { .. })) {
        // Standard output is for the one answer of this verb.
        let arguments = Arguments { json: false, ..call.arguments.clone() };
        // What cannot be fetched is said, and found again.
        fetch::fetch(call, &[], &Output::new(call.process, &arguments))?;
    }
    Ok(())
}
