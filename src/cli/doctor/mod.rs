//! `doctor`: what is wrong with the repository, and what mends it.
//!
//! Without `--fix` it reads. No network is used, nothing of the repository is executed, nothing is written: what it asks is git (whose
//! hooks, filters and monitors are off), the uv and the Pythons of this machine for their versions, and the driver.
//! It judges what can be judged so. Whether a lockfile agrees with its manifest only uv knows, and what remotes say only
//! they: `check` and `verify` are for that.
//!
//! A repository on which nothing is wrong has no findings: what may be meant so is none. Each finding has a code, a
//! place, and what mends it. Exit code 1 says that there are errors.

mod finding;
mod fix;
mod ground;
mod lockfiles;
mod machine;
mod manifests;
mod record;
mod requirements;
mod state;
mod submodules;
mod trouble;
mod venvs;

pub(super) use self::requirements::required;
pub(super) use trouble::CODES;

use std::path::Path;

use serde_json::json;

use finding::{Finding, Mend, Place as At};
use ground::Ground;
use trouble::Trouble;

use super::args::Arguments;
use super::call::{Call, place_of};
use super::exit;
use super::load::Stop;
use super::locate::Place;
use super::output::Output;
use super::state as own_state;
use super::surroundings::Process;
use crate::base::counted;
use crate::cache::Observer;
use crate::tool::git::Git;
use crate::tool::interrupted;

/// Carries out the verb.
///
/// # Errors
/// When there is no repository, or `tasks.kdl` has mistakes.
pub(super) fn carry_out(process: &Process, arguments: &Arguments, output: &Output) -> Result<u8, Stop> {
    let observer = Observer::new();
    let place = place_of(process, arguments, &observer)?;
    // Nothing can be said of a repository of which two are told at once.
    if let Some(marked) = marked(&place, &observer)? {
        return Ok(print(&[marked], &place.root, output));
    }
    let call = Call::of(process, arguments, place.clone(), observer)?;
    let (ground, findings) = diagnose(&call);
    if arguments.fix && !arguments.dry_run && interrupted().is_none() {
        fix::fix(&ground, &findings, output)?;
        // What was read before is no longer what is there.
        let call = Call::of(process, arguments, place, Observer::new())?;
        return Ok(print(&diagnose(&call).1, &call.place.root, output));
    }
    Ok(print(&findings, &place.root, output))
}

/// Conflict markers in `tasks.kdl`.
fn marked(place: &Place, observer: &Observer) -> Result<Option<Finding>, Stop> {
    let bytes = observer.read(&place.file())?.unwrap_or_default();
    Ok(ground::marked(&place.file_name, &String::from_utf8_lossy(&bytes)))
}

/// All that is found, errors first.
fn diagnose<'c>(call: &'c Call<'c>) -> (Ground<'c>, Vec<Finding>) {
    let foreign = own_state::refuse_foreign(&call.place).err().map(|refused| refused.to_string());
    let (git, missing) = match Git::find(&call.process.surroundings, &call.place.home) {
        Ok(git) => (Some(git), None),
        Err(error) => (None, Some(missing_git(error.to_string()))),
    };
    let (ground, mut findings) = Ground::read(call, git, foreign);
    findings.extend(missing);
    for check in [
        submodules::check,
        manifests::check,
        lockfiles::check,
        record::check,
        venvs::check,
        machine::check,
        state::check,
    ] {
        findings.extend(check(&ground));
    }
    findings.sort_by_key(Finding::order);
    findings.dedup_by_key(|finding| finding.order());
    (ground, findings)
}

fn missing_git(said: String) -> Finding {
    Finding {
        trouble: Trouble::GitMissing { said },
        place: At::machine(),
        mend: Mend::Do("install git".to_owned()),
    }
}

/// Prints what was found.
fn print(findings: &[Finding], root: &Path, output: &Output) -> u8 {
    // What git and uv were kept from saying looks as if it were not there.
    if interrupted().is_some() {
        output.say("told to end: what was found so far is not all, and may be wrong");
        return exit::FAILED;
    }
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let warnings = findings.len() - errors;
    let printed = if output.is_json() {
        let findings: Vec<_> = findings.iter().map(Finding::json).collect();
        Output::answer(&json!({ "findings": findings, "errors": errors, "warnings": warnings }))
    } else {
        let printed = output.text(&findings.iter().map(Finding::text).collect::<String>());
        output.annotate(findings.iter().map(Finding::diagnostic), root);
        let errors = counted(errors, "error", "errors");
        let warnings = counted(warnings, "warning", "warnings");
        output.say(&match findings {
            [] => "nothing is wrong".to_owned(),
            _ => format!("{errors}, {warnings}"),
        });
        printed
    };
    if errors > 0 && printed == exit::DONE { exit::FAILED } else { printed }
}
