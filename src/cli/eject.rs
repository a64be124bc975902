//! `eject [E]`: envloom forgets which entries of manifests are its own.
//!
//! Only the tables of owned entries leave `envloom.lock`. Manifests and lockfiles stay, and work with plain uv; the pinned
//! releases stay until nobody pins them.

use serde_json::json;

use super::absorb::{environment, refuse_locked};
use super::call::Call;
use super::error::CliError;
use super::exit;
use super::load::{self, Stop};
use super::output::Output;
use super::state;
use crate::base::{RelPath, counted};
use crate::cache::Journal;
use crate::exec::change_record;
use crate::ledger::{FILE_NAME, Record};

/// Carries out the verb.
///
/// # Errors
/// When nothing may be written, work was cut off, or the word names no environment.
pub(super) fn carry_out(call: &Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    refuse_locked(call, "eject")?;
    let one = match words {
        [] => None,
        words => {
            let id = environment(call, "eject ", words)?;
            Some(call.model.environment(id).manifest.value.clone())
        }
    };
    let unfinished = Journal::new(&call.place.state()).unfinished()?;
    if !unfinished.is_empty() {
        return Err(CliError::Unfinished { files: unfinished.join(", ") }.into());
    }
    let record = load::record(&call.place, &call.model, &call.observer)?;
    let is_meant = |path: &RelPath| one.as_ref().is_none_or(|one| one == path);
    let owned: Vec<(&RelPath, usize)> = record
        .owned
        .iter()
        .filter(|(path, _)| is_meant(path))
        .map(|(path, owned)| (path, owned.len()))
        .collect();
    if !owned.is_empty() && !call.arguments.dry_run {
        state::make(&call.place)?;
        change_record(&call.place.root, &call.place.state(), |record: &mut Record| -> Result<(), Stop> {
            record.owned.retain(|path, _| !is_meant(path));
            Ok(())
        })?;
    }
    if output.is_json() {
        let manifests: serde_json::Map<_, _> =
            owned.iter().map(|(path, count)| (path.to_string(), (*count).into())).collect();
        return Ok(Output::answer(&json!({ "ejected": manifests, "written": !call.arguments.dry_run })));
    }
    told(call, &owned, one.is_some(), output);
    Ok(exit::DONE)
}

/// What happened, and what is the user's to do.
fn told(call: &Call<'_>, owned: &[(&RelPath, usize)], is_one: bool, output: &Output) {
    if owned.is_empty() {
        return output.say("envloom owns nothing there");
    }
    let would = if call.arguments.dry_run { "would forget" } else { "forgot" };
    for (path, count) in owned {
        let count = counted(*count, "entry", "entries");
        output.say(&format!("{FILE_NAME} {would} {count} of {path}, which stays as it is"));
    }
    let tasks = &call.place.file_name;
    if is_one {
        output.say(&format!("next: take its environment out of {tasks}"));
    } else {
        output.say(&format!(
            "next, to go on without envloom: git rm -f {tasks} {FILE_NAME}; rm -rf .envloom tasks.local.kdl"
        ));
    }
    output.say("to have envloom write it again: envloom generate --take-over");
}
