//! What could be typed: the words that complete a target, and the cells of targets, whatever the platform.

use super::environment::environments_of;
use super::error::{GraphError, GraphFinding};
use super::target::{Notes, Scope};
use super::task::{OwnKey, TaskKey, VERBS_OF_TASKS};
use super::words::{Parts, Words, split};
use crate::base::Spanned;
use crate::model::{Axis, LocalModel, Model};

/// Every word that could complete a target: tasks, `TASK:ENVIRONMENT`, `sync:ENVIRONMENT@CELL`.
#[must_use]
pub(crate) fn candidates(model: &Model, local: Option<&LocalModel>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    if model.project.is_some() || !model.environments.is_empty() {
        for verb in VERBS_OF_TASKS {
            words.push(verb.to_owned());
            for (id, environment) in model.environments() {
                if verb == "generate" && !environment.is_written() {
                    continue;
                }
                words.push(format!("{verb}:{}", environment.name.value));
                if verb == "sync" {
                    if model.axes.iter().any(Axis::knows_drivers) {
                        words.push(format!("sync:{}@auto", environment.name.value));
                    }
                    words.extend(model.cells(id).iter().map(|cell| TaskKey::Sync(cell.clone()).name(model)));
                }
            }
        }
    }
    words.extend(own_candidates(model, local));
    words.dedup();
    words
}

/// Own tasks, each cell of those with a matrix behind the name.
fn own_candidates(model: &Model, local: Option<&LocalModel>) -> Vec<String> {
    let words = Words::none(model);
    let scope = Scope { model, local, words: &words };
    let mut found = Vec::new();
    for declared in scope.all_declared().filter(|declared| !scope.declaration(*declared).private) {
        let task = scope.declaration(declared);
        found.push(task.name.value.clone());
        if task.matrix.is_some() {
            // Cells that only a call settles are not offered.
            let cells = scope.all_cells(task, &Parts::alone(&task.name)).unwrap_or_default();
            found.extend(cells.into_iter().map(|cell| scope.own_id(&OwnKey { task: declared, cell })));
        }
    }
    found
}

/// The cells of targets, also those that this platform cannot have; without targets those of every own task.
///
/// # Errors
/// As [`select`].
pub(crate) fn matrix(
    model: &Model,
    local: Option<&LocalModel>,
    words: &Words<'_>,
) -> Result<Vec<(String, TaskKey)>, GraphError> {
    let scope = Scope { model, local, words };
    let mut findings = scope.unknown_variables();
    let mut found = Vec::new();
    let listed = scope.all_declared().map(|declared| &scope.declaration(declared).name);
    let every: Vec<Spanned<String>> = match words.targets.as_slice() {
        [] => listed.filter(|name| scope.own_names().contains(&name.value.as_str())).cloned().collect(),
        typed => typed.to_vec(),
    };
    for target in &every {
        match scope.cells_of_target(target) {
            Ok(keys) => found.extend(keys),
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() {
        return Ok(found.into_iter().map(|key| (scope.id(&key), key)).collect());
    }
    // Without targets a mistake lies in what the file leaves open.
    let source = if words.targets.is_empty() { &model.source } else { &words.source };
    Err(GraphError { source_code: source.named(), findings })
}

impl Scope<'_> {
    /// The cells of one target, whatever the platform.
    fn cells_of_target(&self, target: &Spanned<String>) -> Result<Vec<TaskKey>, GraphFinding> {
        let parts = split(target)?;
        if let Some(declared) = self.own(parts.task.value) {
            let found = self.cells_anywhere(declared, &parts)?;
            let key = |cell| TaskKey::Own(OwnKey { task: declared, cell });
            return Ok(found.cells.into_iter().map(key).collect());
        }
        if parts.task.value == "sync" && parts.cell.is_none() && !self.model.environments.is_empty() {
            let environments = environments_of(self, &parts)?.into_iter();
            return Ok(environments.flat_map(|id| self.model.cells(id)).map(TaskKey::Sync).collect());
        }
        self.read(target, &mut Notes::default())
    }

    /// A task's name, as a user would type it.
    fn id(&self, key: &TaskKey) -> String {
        match key {
            TaskKey::Own(own) => self.own_id(own),
            _ => key.name(self.model),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completion_offers_every_target() {
        let found = candidates(&crate::graph::testing::model(), None);
        for word in ["check", "lock:prod", "sync:staging@cpu,none", "fmt"] {
            assert!(found.contains(&word.to_owned()), "{word}");
        }
    }
}
