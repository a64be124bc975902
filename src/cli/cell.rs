//! The verbs that use a cell's venv: `run`, `use`, `env`. Each first makes sure that the venv is whole and what
//! the lockfile says, by the sync that a target would run; what is in order costs a few stats.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::args::Arguments;
use super::call::Call;
use super::error::CliError;
use super::exit;
use super::load::Stop;
use super::output::Output;
use super::prepare;
use super::surroundings::Process;
use super::targets;
use crate::base::FileError;
use crate::exec::cell_variables;
use crate::graph::{AskDriver, TaskGraph, TaskKey, cell_of};
use crate::model::Cell;
use crate::plan::{Decided, Premises, decide};
use crate::tool::run::{quoted, quoted_bytes};
use crate::tool::variables::{Variables, by_hand};

/// A cell whose venv is whole.
struct Ready<'a> {
    process: &'a Process,
    arguments: &'a Arguments,
    premises: Premises,
    cell: Cell,
}

/// `run ENV@CELL -- CMD`: envloom's process becomes the command.
///
/// # Errors
/// When the cell is unknown, cannot be synced, or the command does not exist.
pub(super) fn run(call: Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    let ready = match ready(call, "run ", words, output, |_, _| Ok(()))? {
        Ok(ready) => ready,
        Err(code) => return Ok(code),
    };
    let variables = ready.variables();
    let (program, arguments) = ready
        .arguments
        .trailing
        .split_first()
        .ok_or_else(|| CliError::Internal { what: "run without a command".to_owned() })?;
    let path = variables.get(OsStr::new("PATH"));
    let found = which::which_in(program, path, &ready.process.surroundings.cwd).map_err(|_| {
        CliError::ProgramNotFound { program: program.to_string_lossy().into_owned(), cell: ready.name() }
    })?;
    // Nothing of envloom's is left to wait: signals, the terminal and the exit status are the command's own.
    let cause = Command::new(&found)
        .args(arguments)
        .env_clear()
        .envs(&variables)
        .current_dir(&ready.process.surroundings.cwd)
        .exec();
    Err(FileError::new("run", found, cause).into())
}

/// `env ENV@CELL`: the lines that `eval` or direnv takes.
///
/// # Errors
/// When the cell is unknown or cannot be synced.
pub(super) fn exports(call: Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    let ready = match ready(call, "env ", words, output, |_, _| Ok(()))? {
        Ok(ready) => ready,
        Err(code) => return Ok(code),
    };
    let before = &ready.process.surroundings.vars;
    let mut set = ready.variables();
    set.retain(|name, value| before.get(name) != Some(value));
    if output.is_json() {
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        let pairs: serde_json::Map<_, _> =
            set.iter().map(|(name, value)| (text(name), json!(text(value)))).collect();
        return Ok(Output::answer(&json!({ "cell": ready.name(), "set": pairs })));
    }
    let mut lines = Vec::new();
    for (name, value) in &set {
        // A value is bytes: a directory of PATH need not be UTF-8.
        let value = value.to_str().map_or_else(|| quoted_bytes(value.as_bytes()), |text| quoted(text).into());
        lines.extend([b"export ", name.as_bytes(), b"=", &value, b"\n"].concat());
    }
    Ok(Output::bytes(&lines))
}

/// `use ENV@CELL`: `.venv` beside the manifest leads to the cell's venv.
///
/// # Errors
/// When the cell is unknown or cannot be synced, or something else is called `.venv`.
pub(super) fn point(call: Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    let ready = match ready(call, "use ", words, output, refuse_directory)? {
        Ok(ready) => ready,
        Err(code) => return Ok(code),
    };
    let premises = &ready.premises;
    let link = premises.directory(ready.cell.environment).join(".venv");
    if premises.is_only_cell(&ready.cell) {
        output.say(&format!("{} is this cell's own venv", premises.shown(&link)));
        return Ok(exit::DONE);
    }
    let venv = premises.venv(&ready.cell);
    replace_link(&link, &venv)?;
    output.say(&format!("{} -> {}", premises.shown(&link), premises.shown(&venv)));
    Ok(exit::DONE)
}

/// Points `link` at `venv` in one step.
fn replace_link(link: &Path, venv: &Path) -> Result<(), Stop> {
    let fail = |cause| FileError::new("link", link, cause);
    free_for_link(link)?;
    let aside = link.with_file_name(format!(".venv.envloom-{}", std::process::id()));
    crate::base::remove_if_exists(&aside)?;
    symlink(venv, &aside).map_err(fail)?;
    fs::rename(&aside, link).map_err(fail)?;
    Ok(())
}

/// What would be refused after a sync is refused before it.
fn refuse_directory(read: &Call<'_>, chosen: &Cell) -> Result<(), CliError> {
    let directory = read.model.environment(chosen.environment).directory();
    let link = directory.under(&read.place.root).join(".venv");
    if read.model.is_only_cell(chosen) { Ok(()) } else { free_for_link(&link) }
}

/// A directory that stands there is somebody's.
fn free_for_link(link: &Path) -> Result<(), CliError> {
    match fs::symlink_metadata(link) {
        Ok(metadata) if !metadata.is_symlink() => Err(CliError::VenvInTheWay { path: link.to_owned() }),
        _ => Ok(()),
    }
}

/// The cell that the words name, once its venv is whole; or the exit code of a sync that failed.
fn ready<'a>(
    call: Call<'a>,
    lead: &str,
    words: &[String],
    output: &Output,
    check: impl FnOnce(&Call<'a>, &Cell) -> Result<(), CliError>,
) -> Result<Result<Ready<'a>, u8>, Stop> {
    let (process, arguments) = (call.process, call.arguments);
    let ask = || call.driver();
    let (found, notes) =
        cell_of(&call.model, call.local.as_ref(), &call.cell_words(lead, words, AskDriver(&ask)))?;
    notes.autos.iter().for_each(|auto| output.say(auto));
    check(&call, &found)?;
    let target = TaskKey::Sync(found.clone()).name(&call.model);
    let premises = look(call, &target)?;
    if let Some(premises) = premises {
        return Ok(Ok(Ready { process, arguments, premises, cell: found }));
    }
    let code = targets::run_sync(process, arguments, output, &target)?;
    if code != exit::DONE {
        return Ok(Err(code));
    }
    let Some(premises) = look(Call::read(process, arguments)?, &target)? else {
        let name = target.strip_prefix("sync:").unwrap_or(&target).to_owned();
        let reason = "it changed again after its sync".to_owned();
        return Err(CliError::NotSynced { cell: name, found: reason }.into());
    };
    Ok(Ok(Ready { process, arguments, premises, cell: found }))
}

/// The premises of a sync all of whose tasks are up to date; else `None`.
fn look(mut call: Call<'_>, target: &str) -> Result<Option<Premises>, Stop> {
    call.for_uv.clear();
    let chosen = call.choose("", std::slice::from_ref(&target.to_owned()))?;
    let premises = match prepare::premises(call.ground(&chosen, true, &|_| {}), &chosen.graph) {
        Ok(premises) => premises,
        // A release that is not recorded yet is the sync's to look up, or to refuse.
        Err(stop) if stop.code().is_some_and(|code| code.to_string() == "envloom::cli::release_unknown") => {
            return Ok(None);
        }
        Err(stop) => return Err(stop),
    };
    Ok(is_fresh(&premises, &chosen.graph).then_some(premises))
}

fn is_fresh(premises: &Premises, graph: &TaskGraph) -> bool {
    let mut tasks = graph.tasks().iter().enumerate();
    tasks.all(|(place, task)| matches!(decide(premises, place, task), Ok(Decided::Fresh)))
}

impl Ready<'_> {
    /// What a command in the cell sees.
    fn variables(&self) -> Variables {
        let (mut variables, _) = by_hand(&self.premises.machine.variables);
        for (name, value) in self.premises.local.iter().flat_map(|local| &local.env) {
            variables.insert(OsString::from(name), OsString::from(value));
        }
        cell_variables(&self.premises, &self.cell, &mut variables);
        variables
    }

    /// The cell as in a target, without the task.
    fn name(&self) -> String {
        let target = TaskKey::Sync(self.cell.clone()).name(&self.premises.model);
        target.strip_prefix("sync:").unwrap_or(&target).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_replaced_and_a_directory_is_not() {
        let root = tempfile::tempdir().unwrap();
        let (link, one, two) = (root.path().join(".venv"), root.path().join("1"), root.path().join("2"));
        replace_link(&link, &one).unwrap();
        replace_link(&link, &two).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), two);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        fs::remove_file(&link).unwrap();
        fs::create_dir(&link).unwrap();
        let error = replace_link(&link, &one).unwrap_err();
        assert_eq!(error.code().unwrap().to_string(), "envloom::cli::venv_in_the_way");
    }
}
