//! Own tasks: the command lines of their steps, one after the other, in the task's directory and cell.
//!
//! With `-i` a step that fails is passed over, as make does with a line of a recipe: the task counts as done, and its
//! note says what was passed over. What a signal to envloom has ended is no such failure.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::child::{log, remember, succeed};
use crate::exec::command::{CommandLine, cell_variables};
use crate::exec::error::ExecError;
use crate::exec::failure::TaskFailure;
use crate::exec::groups::Standing;
use crate::exec::work::{Done, Hand, OwnWork};
use crate::tool::variables::{Variables, own_task};

/// Runs each step; the first that fails is the task's failure. Words after `--` end the last step's line.
pub(in crate::exec) fn own(hand: &Hand<'_>, work: &OwnWork<'_>) -> Result<Done, TaskFailure> {
    let premises = hand.premises;
    let environment = variables(hand, work);
    let directory = work.job.cwd.as_ref().map_err(|_| ExecError::Undecided)?.under(&premises.root);
    let mut duration = Duration::ZERO;
    let mut ignored: Vec<String> = Vec::new();
    let last = work.job.steps.len().saturating_sub(1);
    for (at, step) in work.job.steps.iter().enumerate() {
        let further = if at == last { premises.wishes.arguments.as_slice() } else { &[] };
        let ran = command(&directory, step, further, &environment)
            .map_err(TaskFailure::from)
            .and_then(|command| succeed(hand, &command, at > 0));
        match ran {
            Ok(exit) => duration += exit.duration,
            Err(failure)
                if premises.wishes.ignore_errors && hand.context.groups().standing() == Standing::Going =>
            {
                ignored.push(failure.message);
            }
            Err(failure) => return Err(failure),
        }
    }
    remember(hand, BTreeMap::new(), duration);
    let note = (!ignored.is_empty()).then(|| format!("{} (ignored)", ignored.join(", ")));
    let log = (!work.job.steps.is_empty()).then(|| log(hand));
    Ok(Done { note, log })
}

/// The command line of a step.
fn command(
    directory: &Path,
    step: &[String],
    further: &[String],
    environment: &Variables,
) -> Result<CommandLine, ExecError> {
    let (program, arguments) = step.split_first().ok_or(ExecError::Undecided)?;
    let path = environment.get(OsStr::new("PATH")).cloned();
    // A name without a slash is looked up on PATH alone; a path is the maintainer's own word for a program
    // of the repository.
    let found = which::which_in(program, path, directory)
        .map_err(|_| ExecError::ProgramMissing { program: program.into() })?;
    Ok(CommandLine {
        program: found,
        arguments: arguments.iter().chain(further).map(Into::into).collect(),
        directory: directory.to_owned(),
        environment: environment.clone(),
        telling: Vec::new(),
    })
}

/// The whole environment of a task's programs: what everybody gets, the machine's own, the cell's, the task's.
fn variables(hand: &Hand<'_>, work: &OwnWork<'_>) -> Variables {
    let premises = hand.premises;
    let (mut environment, _) = own_task(&premises.machine.variables);
    for (name, value) in premises.local.iter().flat_map(|local| &local.env) {
        environment.insert(name.into(), value.into());
    }
    if let Some(cell) = &work.key.cell.cell {
        cell_variables(premises, cell, &mut environment);
    }
    let caller = |name: &String| premises.machine.variables.get(OsStr::new(name)).cloned();
    for name in work.task.pass_env.iter().chain(&work.task.secrets) {
        if let Some(value) = caller(name) {
            environment.insert(name.into(), value);
        }
    }
    for (name, value) in &work.job.env {
        match value.as_ref().map(Into::into).or_else(|| caller(name)) {
            Some(value) => environment.insert(name.into(), value),
            None => environment.remove(OsStr::new(name)),
        };
    }
    environment
}
