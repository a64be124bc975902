//! `-n`: decides every task as a run would, and runs none. Writes nothing.

use crate::event::{Fact, Failure, TaskResult};
use crate::exec::Tally;
use crate::graph::{Task, TaskGraph, TaskKey};
use crate::plan::{Decided, Premises, Refusal, RunReason, decide};

/// Says of each task what a run would do, what comes before it first. A task behind one that would run is decided
/// on what is there now; where that is not enough, it would run too.
pub(super) fn look(premises: &Premises, graph: &TaskGraph, tell: &mut dyn FnMut(Fact)) -> Tally {
    let mut tally = Tally::default();
    let mut results: Vec<Option<TaskResult>> = vec![None; graph.tasks().len()];
    for place in in_order(graph) {
        let task = &graph.tasks()[place];
        let before = || task.needs.iter().chain(&task.after).filter_map(|&on| results[on]);
        let (result, reason, failure) =
            if before().any(|result| result == TaskResult::Failed || result == TaskResult::Skipped) {
                (TaskResult::Skipped, None, None)
            } else {
                let pending = before().any(|result| result == TaskResult::WouldRun);
                match decide(premises, place, task) {
                    // What it was found up to date with is about to change, perhaps.
                    Ok(Decided::Fresh) if pending && reads_what_is_made(task) => {
                        (TaskResult::WouldRun, Some(RunReason::AfterOthers), None)
                    }
                    decided => of(decided, pending),
                }
            };
        results[place] = Some(result);
        tally.count(result);
        tell(Fact::Finished {
            task: task.id.clone(),
            result,
            reason,
            duration_ms: 0,
            note: None,
            log: None,
            failure,
        });
    }
    tally
}

fn of(decided: Result<Decided, Refusal>, pending: bool) -> (TaskResult, Option<RunReason>, Option<Failure>) {
    match decided {
        Ok(Decided::Fresh) => (TaskResult::Fresh, None, None),
        Ok(Decided::Run { reason, .. } | Decided::Restore { reason, .. }) => {
            (TaskResult::WouldRun, Some(reason), None)
        }
        // What is missing now is what the task before would make.
        Err(_) if pending => (TaskResult::WouldRun, Some(RunReason::AfterOthers), None),
        Err(refusal) => (TaskResult::Failed, None, Some(Failure::found(refusal))),
    }
}

/// Does an own task read what a task before it makes: a file, or the venv of its cell?
fn reads_what_is_made(task: &Task) -> bool {
    let in_cell = matches!(&task.key, TaskKey::Own(key) if key.cell.cell.is_some());
    task.job.as_ref().is_some_and(|job| !job.steps.is_empty() && (in_cell || !job.made.is_empty()))
}

/// The places of the graph, each after what it waits for.
fn in_order(graph: &TaskGraph) -> Vec<usize> {
    let tasks = graph.tasks();
    let mut waiting: Vec<usize> = tasks.iter().map(|task| task.needs.len() + task.after.len()).collect();
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); tasks.len()];
    for (place, task) in tasks.iter().enumerate() {
        for &on in task.needs.iter().chain(&task.after) {
            dependents[on].push(place);
        }
    }
    let mut ready: std::collections::BTreeSet<usize> =
        (0..tasks.len()).filter(|&place| waiting[place] == 0).collect();
    let mut order = Vec::with_capacity(tasks.len());
    while let Some(place) = ready.pop_first() {
        order.push(place);
        for &next in &dependents[place] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.insert(next);
            }
        }
    }
    order
}
