//! The verbs that only look: `list`, `explain`; `graph` is in its own file. They write nothing and run nothing of the repository's.

use std::fmt::Write as _;

use miette::Diagnostic as _;
use serde_json::{Value, json};

use super::call::{Call, Chosen};
use super::exit;
use super::load::Stop;
use super::matrix::{describe, of_sync};
use super::output::Output;
use super::prepare;
use crate::base::printable;
use crate::graph::{Task, TaskKey, VERBS_OF_TASKS, Words, matrix};
use crate::model::{Cell, Environment, Kept, Model, OwnTask, Sources, Variant};
use crate::plan::{Decided, Premises, Refusal, RunReason, decide};

/// `list`: targets, environments, own tasks; with `--cells` every cell.
pub(super) fn list(call: &Call<'_>, output: &Output) -> u8 {
    let model = &call.model;
    let private = call.local.iter().flat_map(|local| &local.tasks);
    let own: Vec<&OwnTask> = model.tasks.iter().chain(private).filter(|task| !task.private).collect();
    // Cells that only a call settles are not listed.
    let own_cells = || matrix(model, call.local.as_ref(), &Words::none(model)).unwrap_or_default();
    if output.is_json() {
        let cells = call.arguments.cells.then(own_cells);
        return Output::answer(&list_json(model, &own, cells));
    }
    let mut text = String::new();
    if call.arguments.cells {
        let syncs = cells(model).map(|cell| TaskKey::Sync(cell.clone()).name(model));
        for target in syncs.chain(own_cells().into_iter().map(|(id, _)| id)) {
            line(&mut text, &target, "");
        }
        return Output::data(&text);
    }
    for (_, environment) in model.environments() {
        let what = kept(model, environment);
        line(&mut text, &environment.name.value, &format!("{} ({what})", environment.manifest.value));
    }
    for axis in &model.axes {
        let names: Vec<&str> = axis.variants.iter().map(|variant| variant.name.value.as_str()).collect();
        line(&mut text, &format!("@{}", axis.name.value), &names.join(" "));
    }
    if !model.environments.is_empty() {
        line(&mut text, "TASK:ENVIRONMENT", &format!("{}; sync:ENVIRONMENT@CELL", VERBS_OF_TASKS.join(" ")));
    }
    for task in own {
        line(&mut text, &task.name.value, task.description.as_deref().unwrap_or_default());
    }
    Output::data(&text)
}

/// Where an environment's manifest and packages come from.
fn kept(model: &Model, environment: &Environment) -> String {
    match (environment.kept, environment.sources) {
        (Kept::Adopted, _) => {
            let axes = environment.axes.iter().map(|axis| {
                let names = axis.variants.iter().map(|variant| variant.name.value.as_str());
                format!(", @{} {}", axis.name.value, names.collect::<Vec<_>>().join(" "))
            });
            format!("adopted{}", axes.collect::<String>())
        }
        (Kept::Derived(id), _) => format!("from {}, tags, frozen", model.environment(id).name.value),
        (Kept::Generated, Sources::Workspace) => "workspace".to_owned(),
        (Kept::Generated, Sources::Tags(_)) => "tags, frozen".to_owned(),
    }
}

/// The same in one word, for `--json`.
fn kept_word(environment: &Environment) -> &'static str {
    match environment.kept {
        Kept::Generated => "generated",
        Kept::Adopted => "adopted",
        Kept::Derived(_) => "derived",
    }
}

fn line(text: &mut String, name: &str, what: &str) {
    let name = printable(name);
    let row = if what.is_empty() { name.into_owned() } else { format!("{name:<24} {}", printable(what)) };
    text.push_str(row.trim_end());
    text.push('\n');
}

fn cells(model: &Model) -> impl Iterator<Item = Cell> + '_ {
    model.environments().flat_map(|(id, _)| model.cells(id))
}

fn list_json(model: &Model, own: &[&OwnTask], own_cells: Option<Vec<(String, TaskKey)>>) -> Value {
    let environments: Vec<Value> = model
        .environments()
        .map(|(_, environment)| {
            json!({
                "name": environment.name.value,
                "manifest": environment.manifest.value.as_str(),
                "kept": kept_word(environment),
                "frozen": matches!(environment.sources, Sources::Tags(_)),
            })
        })
        .collect();
    let axes: Vec<Value> = model
        .axes
        .iter()
        .map(|axis| {
            let values: Vec<Value> = axis.variants.iter().map(variant_json).collect();
            json!({ "name": axis.name.value, "values": values })
        })
        .collect();
    let tasks: Vec<Value> =
        own.iter().map(|task| json!({ "name": task.name.value, "description": task.description })).collect();
    let mut answer = json!({ "environments": environments, "axes": axes, "tasks": tasks });
    if let Some(own_cells) = own_cells {
        let syncs = cells(model).map(|cell| (TaskKey::Sync(cell.clone()).name(model), of_sync(cell)));
        let own = own_cells.into_iter().filter_map(|(id, key)| match key {
            TaskKey::Own(key) => Some((id, key.cell)),
            _ => None,
        });
        answer["cells"] = syncs.chain(own).map(|(id, cell)| describe(model, &id, &cell)).collect();
    }
    answer
}

fn variant_json(variant: &Variant) -> Value {
    let platforms: Vec<&str> = variant.platforms.iter().map(|platform| platform.word()).collect();
    json!({
        "name": variant.name.value,
        "platforms": platforms,
        "driver": variant.driver.as_ref().map(|range| range.value.to_string()),
        "possible": variant.is_possible_here(),
    })
}

/// `explain`: why each task would run, or that it is up to date and why it ran last; with `--json` also what that
/// rests on.
///
/// # Errors
/// When the words mean nothing, or the premises cannot be made.
pub(super) fn explain(call: Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    let chosen = call.choose("explain ", words)?;
    chosen.selection.notes.autos.iter().for_each(|auto| output.say(auto));
    let progress = |_: &str| {};
    let premises = prepare::premises(call.ground(&chosen, true, &progress), &chosen.graph)?;
    let Chosen { graph, selection, .. } = &chosen;
    let asked = graph.tasks().iter().enumerate().filter(|(_, task)| selection.keys.contains(&task.key));
    let answers: Vec<Answer<'_>> = asked
        .map(|(place, task)| Answer {
            task,
            decided: decide(&premises, place, task),
            last: premises.store.last(&task.id).and_then(|last| serde_json::from_value(last.reason).ok()),
        })
        .collect();
    if output.is_json() {
        let answers: Vec<Value> = answers.iter().map(Answer::json).collect();
        return Ok(Output::answer(&json!({ "tasks": answers, "inputs": inputs(&premises) })));
    }
    let text: String = answers.iter().map(|answer| answer.text(&premises)).collect();
    Output::data(&text);
    Ok(exit::DONE)
}

/// Every path that the answers rest on, also those where nothing was: relative to the root where it lies below.
fn inputs(premises: &Premises) -> Vec<String> {
    premises.observer.seen().keys().map(|path| premises.shown(path)).collect()
}

/// What is said of one task.
struct Answer<'a> {
    task: &'a Task,
    decided: Result<Decided, Refusal>,
    last: Option<RunReason>,
}

impl Answer<'_> {
    fn text(&self, premises: &Premises) -> String {
        let id = printable(&self.task.id);
        let mut text = match &self.decided {
            Ok(Decided::Fresh) => format!("{id} is up to date\n"),
            Ok(Decided::Run { reason, .. }) if reason.changes().len() < 2 => {
                format!("{id} would run: {reason}\n")
            }
            Ok(Decided::Run { reason, .. }) => {
                let changes = reason.changes().iter().map(|change| format!("  {change}\n"));
                format!(
                    "{id} would run: {} things changed\n{}",
                    reason.changes().len(),
                    changes.collect::<String>()
                )
            }
            Ok(Decided::Restore { reason, .. }) => format!("{id} would be restored: {reason}\n"),
            Err(refusal) => {
                let findings = refusal.related().into_iter().flatten();
                let findings = findings.map(|finding| format!("  {finding}\n"));
                format!("{id} would fail: {refusal}\n{}", findings.collect::<String>())
            }
        };
        if let Some(last) = &self.last {
            let _ = writeln!(text, "  it ran last because: {last}");
        }
        if let Some(last) = premises.store.last(&self.task.id).filter(|last| last.duration_ms > 0) {
            let _ = writeln!(text, "  and took {} ms", last.duration_ms);
        }
        text.lines().map(|line| printable(line).into_owned() + "\n").collect()
    }

    fn json(&self) -> Value {
        let (state, reason, refusal) = match &self.decided {
            Ok(Decided::Fresh) => ("fresh", None, None),
            Ok(Decided::Run { reason, .. }) => ("would_run", Some(reason), None),
            Ok(Decided::Restore { reason, .. }) => ("would_restore", Some(reason), None),
            Err(refusal) => ("would_fail", None, Some(crate::report::diagnostic_json(refusal))),
        };
        json!({ "task": self.task.id, "state": state, "reason": reason, "error": refusal, "last": self.last })
    }
}
