//! What a call should say of its environments although nothing stops for it.

use super::args::Arguments;
use super::call::Chosen;
use crate::cache::Notice;
use crate::graph::Kind;
use crate::model::EnvironmentId;
use crate::plan::{Premises, unasked};
use crate::tool::variables::{by_hand, own_task};

/// What a user should know of the selected environments although nothing stops for it.
pub(super) fn notices(premises: &Premises, chosen: &Chosen, arguments: &Arguments) -> Vec<Notice> {
    let mut notices: Vec<Notice> = Vec::new();
    if chosen.selection.notes.left_out > 0 {
        let count = chosen.selection.notes.left_out;
        let cells = if count == 1 { "cell does" } else { "cells do" };
        notices.push((
            "envloom::graph::left_out".to_owned(),
            format!(
                "{count} {cells} not exist for this platform and {} left out",
                if count == 1 { "is" } else { "are" }
            ),
            None,
        ));
    }
    for auto in &chosen.selection.notes.autos {
        notices.push(("envloom::graph::auto".to_owned(), auto.clone(), None));
    }
    for rendered in premises.manifests.manifests.values() {
        let reported = chosen.graph.tasks().iter().any(|task| {
            matches!(task.key.kind(), Kind::Generate | Kind::Check)
                && task.key.environment() == Some(rendered.environment)
        });
        for foreign in rendered.foreign.iter().filter(|_| reported) {
            notices.push((
                "envloom::manifest::foreign_entry".to_owned(),
                format!("{}:{}: {} is not in tasks.kdl", rendered.path, foreign.line, foreign.path),
                foreign.kdl.as_ref().map(|line| {
                    let every = format!("to have it in every environment, add to tasks.kdl: {line}");
                    let environment = &premises.model.environment(rendered.environment).name.value;
                    if foreign.absorbable {
                        format!("to write it into tasks.kdl: envloom absorb {environment}; {every}")
                    } else {
                        every
                    }
                }),
            ));
        }
    }
    // What cannot be read the tasks themselves say.
    for line in unasked(premises, &verified(chosen)).unwrap_or_default() {
        let help = "without --offline they are asked".to_owned();
        notices.push(("envloom::ledger::not_asked".to_owned(), line, Some(help)));
    }
    if arguments.verbose > 0 {
        let (_, dropped) = by_hand(&premises.machine.variables);
        notices.extend(dropped.into_iter().map(|one| {
            (
                "envloom::tool::variable_dropped".to_owned(),
                format!("{} is not passed on: {}", one.name, one.why),
                None,
            )
        }));
        notices.extend(withheld(premises, chosen));
    }
    notices
}

/// The environments that are verified.
pub(super) fn verified(chosen: &Chosen) -> Vec<EnvironmentId> {
    let tasks = chosen.graph.tasks().iter().filter(|task| task.key.kind() == Kind::Verify);
    tasks.filter_map(|task| task.key.environment()).collect()
}

/// The caller's variables that own tasks do not see.
fn withheld(premises: &Premises, chosen: &Chosen) -> Option<Notice> {
    chosen.graph.tasks().iter().find(|task| task.key.kind() == Kind::Own)?;
    let (_, names) = own_task(&premises.machine.variables);
    let message = format!("own tasks see these variables only where they name them: {}", names.join(" "));
    let help = "to pass one on, write in the task: `pass-env`, `secret` or `env` with its name".to_owned();
    (!names.is_empty()).then(|| ("envloom::tool::variables_withheld".to_owned(), message, Some(help)))
}
