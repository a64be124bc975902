//! Own tasks: the command lines of `run`, one after the other, at the root of the repository.
//!
//! With `-i` a step that fails is passed over, as make does with a line of a recipe: the task counts as done, and its
//! note says what was passed over. What a signal to envloom has ended is no such failure.

use std::time::Duration;

use super::child::{log, remember, succeed};
use crate::exec::command::CommandLine;
use crate::exec::error::ExecError;
use crate::exec::failure::TaskFailure;
use crate::exec::groups::Standing;
use crate::exec::work::{Done, Hand};
use crate::model::OwnTask;
use crate::plan::Premises;
use crate::tool::variables::{Variables, own_task};

/// Runs each step; the first that fails is the task's failure. Words after `--` end the last step's line.
pub(in crate::exec) fn own(hand: &Hand<'_>, task: &OwnTask) -> Result<Done, TaskFailure> {
    let premises = hand.premises;
    let (mut environment, _) = own_task(&premises.machine.variables);
    for (name, value) in premises.local.iter().flat_map(|local| &local.env) {
        environment.insert(name.into(), value.into());
    }
    let mut duration = Duration::ZERO;
    let mut ignored: Vec<String> = Vec::new();
    let last = task.steps.len().saturating_sub(1);
    for (at, step) in task.steps.iter().enumerate() {
        let further = if at == last { premises.wishes.arguments.as_slice() } else { &[] };
        let ran = command(premises, step, further, &environment)
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
    remember(hand, std::collections::BTreeMap::new(), duration);
    let note = (!ignored.is_empty()).then(|| format!("{} (ignored)", ignored.join(", ")));
    Ok(Done { note, log: Some(log(hand)) })
}

/// The command line of a step.
fn command(
    premises: &Premises,
    step: &[String],
    further: &[String],
    environment: &Variables,
) -> Result<CommandLine, ExecError> {
    let (program, arguments) = step.split_first().ok_or(ExecError::Undecided)?;
    let path = environment.get(std::ffi::OsStr::new("PATH")).cloned();
    // A name without a slash is looked up on PATH alone; a path is the maintainer's own word for a program
    // of the repository.
    let found = which::which_in(program, path, &premises.root)
        .map_err(|_| ExecError::ProgramMissing { program: program.into() })?;
    Ok(CommandLine {
        program: found,
        arguments: arguments.iter().chain(further).map(Into::into).collect(),
        directory: premises.root.clone(),
        environment: environment.clone(),
        telling: Vec::new(),
    })
}
