//! Own tasks: the command lines of `run`, one after the other, at the root of the repository.

use std::time::Duration;

use super::child::{log, remember, succeed};
use crate::exec::command::CommandLine;
use crate::exec::error::ExecError;
use crate::exec::failure::TaskFailure;
use crate::exec::work::{Done, Hand};
use crate::model::OwnTask;
use crate::tool::variables::own_task;

/// Runs each step; the first that fails is the task's failure. Words after `--` end the last step's line.
pub(in crate::exec) fn own(hand: &Hand<'_>, task: &OwnTask) -> Result<Done, TaskFailure> {
    let premises = hand.premises;
    let (mut environment, _) = own_task(&premises.machine.variables);
    for (name, value) in premises.local.iter().flat_map(|local| &local.env) {
        environment.insert(name.into(), value.into());
    }
    let mut duration = Duration::ZERO;
    let last = task.steps.len().saturating_sub(1);
    for (at, step) in task.steps.iter().enumerate() {
        let (program, arguments) = step.split_first().ok_or(ExecError::Undecided)?;
        let path = environment.get(std::ffi::OsStr::new("PATH")).cloned();
        // A name without a slash is looked up on PATH alone; a path is the maintainer's own word for a program
        // of the repository.
        let found = which::which_in(program, path, &premises.root)
            .map_err(|_| ExecError::ProgramMissing { program: program.into() })?;
        let further = if at == last { premises.wishes.arguments.as_slice() } else { &[] };
        let command = CommandLine {
            program: found,
            arguments: arguments.iter().chain(further).map(Into::into).collect(),
            directory: premises.root.clone(),
            environment: environment.clone(),
            telling: Vec::new(),
        };
        duration += succeed(hand, &command, at > 0)?.duration;
    }
    remember(hand, std::collections::BTreeMap::new(), duration);
    Ok(Done { log: Some(log(hand)), ..Done::default() })
}
