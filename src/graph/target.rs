//! Targets: `TASK[:ENVIRONMENT][@CELL]`.
//!
//! ```text
//! CELL = ITEM(,ITEM)*     ITEM = [AXIS=]VALUE | *     lock:prod  sync:dev@cu124  check:*
//! ```
//!
//! Brackets are accepted for `@`. Without ENVIRONMENT `generate`, `lock`, `check` and `verify` mean all;
//! `sync` means `ENV=…`, else the environment of the current directory, else the default, else the only one.
//! The choice on an axis comes from the target, else `AXIS=VALUE`, else `UV_TORCH_BACKEND`, else
//! `tasks.local.kdl`; `auto` in any of these places is what suits the NVIDIA driver (`auto.rs`). Every mistake of a call is reported at once.

use std::collections::BTreeSet;

use super::cell::{CellRequest, cells};
use super::environment::{environments_of, the_environment};
use super::error::{GraphError, GraphFinding};
use super::own_error::OwnFinding;
use super::task::{Declared, OwnKey, TaskKey, VERBS_OF_TASKS};
use super::words::{Parts, Words, malformed, span_of, split};
use crate::base::{Spanned, printable};
use crate::model::{Cell, EnvironmentId, LocalModel, Model};

/// What a call selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The tasks, in the order asked for.
    pub(crate) keys: Vec<TaskKey>,
    /// What is to be said of how they were chosen.
    pub(crate) notes: Notes,
}

/// What a user should know of how cells were chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Notes {
    /// Cells that `*` left out since they do not exist for this platform.
    pub(crate) left_out: usize,
    /// What `auto` chose, one sentence each.
    pub(crate) autos: Vec<String>,
}

impl Notes {
    pub(super) fn add(&mut self, other: Self) {
        self.left_out += other.left_out;
        for auto in other.autos {
            if !self.autos.contains(&auto) {
                self.autos.push(auto);
            }
        }
    }
}

/// Everything a target is read against.
pub(super) struct Scope<'a> {
    pub(super) model: &'a Model,
    pub(super) local: Option<&'a LocalModel>,
    pub(super) words: &'a Words<'a>,
}

/// The tasks that the words name.
///
/// # Errors
/// Every word that names nothing, or too much, with the nearest name.
pub(crate) fn select(
    model: &Model,
    local: Option<&LocalModel>,
    words: &Words<'_>,
) -> Result<Selection, GraphError> {
    let scope = Scope { model, local, words };
    let mut findings = scope.unknown_variables();
    let mut selection = Selection { keys: Vec::new(), notes: Notes::default() };
    let mut seen = BTreeSet::new();
    for target in &words.targets {
        match scope.read(target, &mut selection.notes) {
            Ok(keys) => selection.keys.extend(keys.into_iter().filter(|key| seen.insert(key.clone()))),
            Err(finding) => findings.push(finding),
        }
    }
    for finding in scope.unknown_values() {
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    if findings.is_empty() {
        return Ok(selection);
    }
    Err(GraphError { source_code: words.source.named(), findings })
}

/// The cell that `ENVIRONMENT@CELL` names, for the verbs that take one: `run`, `use`, `env`.
///
/// # Errors
/// As [`select`] for a sync; also where the words name more than one cell.
pub(crate) fn cell_of(
    model: &Model,
    local: Option<&LocalModel>,
    words: &Words<'_>,
) -> Result<(Cell, Notes), GraphError> {
    let scope = Scope { model, local, words };
    let wrong = |finding| GraphError { source_code: words.source.named(), findings: vec![finding] };
    let target = words.targets.first().cloned().unwrap_or_else(|| Spanned::new(String::new(), (0, 0)));
    let as_sync = Spanned::new(format!("sync:{}", target.value), target.span);
    let parts = if target.value.is_empty() || target.value.starts_with('@') {
        let text = target.value.strip_prefix('@');
        Parts {
            whole: &as_sync,
            task: Spanned::new("sync", target.span),
            environment: None,
            cell: text.map(|text| Spanned::new(text, target.span)),
        }
    } else {
        let mut parts = split(&as_sync).map_err(wrong)?;
        // The spans of the parts are relative to the word with `sync:` in front.
        for part in [&mut parts.environment, &mut parts.cell].into_iter().flatten() {
            part.span = (part.span.offset().saturating_sub("sync:".len()), part.span.len()).into();
        }
        parts
    };
    let mut notes = Notes::default();
    let found = scope.sync(&parts, &mut notes).map_err(|finding| wrong(as_cell(finding)))?;
    match found.as_slice() {
        [TaskKey::Sync(cell)] => Ok((cell.clone(), notes)),
        _ => Err(wrong(malformed(&target, "names more than one cell"))),
    }
}

/// The environment that the one word names, for the verbs that take one: `absorb`, `eject`.
///
/// # Errors
/// When no environment has that name or place, or several have.
pub(crate) fn environment_of(model: &Model, words: &Words<'_>) -> Result<EnvironmentId, GraphError> {
    let scope = Scope { model, local: None, words };
    let word = words
        .targets
        .first()
        .map_or(Spanned::new("", (0, 0)), |word| Spanned::new(word.value.as_str(), word.span));
    let wrong = |finding| GraphError { source_code: words.source.named(), findings: vec![finding] };
    super::environment::named(&scope, word).map_err(wrong)
}

/// What a sync is told, for a verb that takes a cell: nobody typed `sync:`.
pub(super) fn as_cell(mut finding: GraphFinding) -> GraphFinding {
    if let GraphFinding::VariantRequired { target, example, .. } = &mut finding {
        *example = example.replacen("sync:", "", 1);
        let typed = target.strip_prefix("sync:").filter(|typed| !typed.is_empty()).map(str::to_owned);
        let environment = || example.trim_matches('`').split('@').next().unwrap_or_default().to_owned();
        *target = typed.unwrap_or_else(environment);
    }
    finding
}

/// What is said of a call that names no target where `default` names none either.
#[must_use]
pub(crate) fn nothing_to_do(model: &Model) -> GraphError {
    let own = model.tasks.first().map(|task| task.name.value.clone());
    let example = own.unwrap_or_else(|| "lock".to_owned());
    GraphError {
        source_code: model.source.named(),
        findings: vec![GraphFinding::NothingToDo {
            file: model.source.name().to_owned(),
            example: format!("`envloom {example}`"),
        }],
    }
}

impl Scope<'_> {
    /// The tasks of one target.
    pub(super) fn read(
        &self,
        target: &Spanned<String>,
        notes: &mut Notes,
    ) -> Result<Vec<TaskKey>, GraphFinding> {
        let parts = split(target)?;
        if let Some(declared) = self.own(parts.task.value) {
            if self.declaration(declared).private {
                let task = parts.task.value.to_owned();
                return Err(OwnFinding::PrivateTask { task, span: parts.task.span }.into());
            }
            let found = self.own_cells(declared, &parts)?;
            notes.add(found.notes);
            let key = |cell| TaskKey::Own(OwnKey { task: declared, cell });
            return Ok(found.cells.into_iter().map(key).collect());
        }
        if !VERBS_OF_TASKS.contains(&parts.task.value) {
            return Err(self.unknown_task(parts.task));
        }
        if self.model.project.is_none() && self.model.environments.is_empty() {
            return Err(self.no_project(parts.task));
        }
        if parts.task.value == "sync" {
            return self.sync(&parts, notes);
        }
        self.whole(&parts)
    }

    /// A task of whole environments.
    pub(super) fn whole(&self, parts: &Parts<'_>) -> Result<Vec<TaskKey>, GraphFinding> {
        if let Some(cell) = parts.cell {
            let instead = match parts.environment {
                Some(environment) => format!("{}:{}", parts.task.value, environment.value),
                None => parts.task.value.to_owned(),
            };
            return Err(GraphFinding::NeedlessCell {
                task: printable(parts.task.value).into_owned(),
                instead: printable(&instead).into_owned(),
                span: cell.span,
            });
        }
        let task = |id| whole_task(parts.task.value, id);
        let mut environments = environments_of(self, parts)?;
        if parts.task.value == "generate" {
            environments = self.written(parts, &environments)?;
        }
        Ok(environments.into_iter().map(task).collect())
    }

    /// The environments whose manifests envloom writes. That there is none is a mistake of whoever asked for one; where all
    /// were meant there is nothing to do.
    fn written(
        &self,
        parts: &Parts<'_>,
        environments: &[EnvironmentId],
    ) -> Result<Vec<EnvironmentId>, GraphFinding> {
        let is_written = |id: &EnvironmentId| self.model.environment(*id).is_written();
        let written: Vec<EnvironmentId> = environments.iter().copied().filter(is_written).collect();
        match environments {
            [first, ..] if written.is_empty() && parts.environment.is_some_and(|word| word.value != "*") => {
                let name = self.model.environment(*first).name.value.clone();
                Err(GraphFinding::AdoptedManifest { name, span: span_of(None, parts) })
            }
            _ => Ok(written),
        }
    }

    /// Syncs of cells.
    pub(super) fn sync(&self, parts: &Parts<'_>, notes: &mut Notes) -> Result<Vec<TaskKey>, GraphFinding> {
        let environments = match parts.environment {
            Some(word) if word.value == "*" => environments_of(self, parts)?,
            Some(_) => environments_of(self, parts)?,
            None => vec![the_environment(self, parts)?],
        };
        let mut keys = Vec::new();
        for environment in environments {
            let found = cells(&CellRequest { scope: self, parts, environment, anywhere: false })?;
            notes.add(found.notes);
            keys.extend(found.cells.into_iter().map(TaskKey::Sync));
        }
        Ok(keys)
    }

    /// The own task of that name.
    pub(super) fn own(&self, name: &str) -> Option<Declared> {
        let private =
            self.local.and_then(|local| local.tasks.iter().position(|task| task.name.value == name));
        let own = self.model.tasks.iter().position(|task| task.name.value == name);
        private.map(Declared::Private).or(own.map(Declared::Shared))
    }

    /// The value of `NAME=…`, in whatever case the name was typed; the last one counts, as in make.
    pub(super) fn assigned(&self, name: &str) -> Option<&Spanned<String>> {
        self.words
            .assignments
            .iter()
            .rev()
            .find(|assignment| assignment.name.value.eq_ignore_ascii_case(name))
            .map(|assignment| &assignment.value)
    }
}

/// A task of a whole environment, by its verb.
pub(super) fn whole_task(verb: &str, id: EnvironmentId) -> TaskKey {
    match verb {
        "generate" => TaskKey::Generate(id),
        "lock" => TaskKey::Lock(id),
        "check" => TaskKey::Check(id),
        _ => TaskKey::Verify(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::rendered;
    use crate::graph::testing::{local, selected, selected_at, words};

    fn refused(line: &str) -> String {
        rendered(&selected(line).unwrap_err())
    }

    #[test]
    fn whole_environment_tasks_mean_all_environments_or_the_named_one() {
        assert_eq!(selected("check").unwrap(), ["check:dev", "check:staging", "check:prod"]);
        assert_eq!(selected("check:*").unwrap(), ["check:dev", "check:staging", "check:prod"]);
        assert_eq!(selected("lock:prod lock:prod").unwrap(), ["lock:prod"]);
        assert_eq!(selected("lock ENV=prod").unwrap(), ["lock:prod"]);
        assert_eq!(selected("lock:staging/pyproject.toml").unwrap(), ["lock:staging"]);
        assert_eq!(selected("lock:./staging/").unwrap(), ["lock:staging"]);
        assert_eq!(selected("fmt").unwrap(), ["fmt"]);
    }

    #[test]
    fn a_sync_takes_its_environment_from_the_directory_and_its_choices_from_four_places() {
        assert_eq!(selected("sync@cpu").unwrap(), ["sync:dev@cpu,none"]);
        assert_eq!(selected_at("sync@cpu", "prod", None).unwrap(), ["sync:prod@cpu,none"]);
        assert_eq!(selected("sync[cpu]").unwrap(), ["sync:dev@cpu,none"]);
        assert_eq!(selected("sync CUDA=cu124").unwrap(), ["sync:dev@cu124,none"]);
        assert_eq!(selected("sync@flash CUDA=cpu").unwrap(), ["sync:dev@cpu,flash"]);
        assert_eq!(selected("sync:prod@cuda=cpu,attention=flash").unwrap(), ["sync:prod@cpu,flash"]);
        let prefers = local("prefer \"cuda\" \"cu124\"");
        assert_eq!(selected_at("sync", ".", Some(&prefers)).unwrap(), ["sync:dev@cu124,none"]);
        assert_eq!(selected_at("sync CUDA=cpu", ".", Some(&prefers)).unwrap(), ["sync:dev@cpu,none"]);
        let mut call = words("sync", ".");
        call.torch_backend = Some("cpu".to_owned());
        let found = select(&crate::graph::testing::model(), Some(&prefers), &call).unwrap();
        assert_eq!(found.keys[0].name(&crate::graph::testing::model()), "sync:dev@cpu,none");
    }

    #[test]
    fn another_python_is_another_cell() {
        assert_eq!(selected("sync@cpu,3.12").unwrap(), ["sync:dev@cpu,none"]);
        assert_eq!(selected("sync@cpu,3.10").unwrap(), ["sync:dev@cpu,none,3.10"]);
        assert_eq!(selected("sync@cpu PYTHON=3.13").unwrap(), ["sync:dev@cpu,none,3.13"]);
        assert_eq!(selected("sync@cpu,python=3.10").unwrap(), ["sync:dev@cpu,none,3.10"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_star_takes_what_is_possible_here_and_counts_the_rest() {
        assert_eq!(
            selected("sync:dev@*").unwrap(),
            ["sync:dev@cu124,flash", "sync:dev@cu124,none", "sync:dev@cpu,flash", "sync:dev@cpu,none"]
        );
        let model = crate::graph::testing::model();
        assert_eq!(select(&model, None, &words("sync:dev@*", ".")).unwrap().notes.left_out, 1);
        assert_eq!(selected("sync:dev@cuda=*").unwrap(), ["sync:dev@cu124,none", "sync:dev@cpu,none"]);
        insta::assert_snapshot!(refused("sync:dev@mps"));
    }

    #[test]
    fn a_sync_without_its_variant_is_refused_with_the_line_to_type() {
        insta::assert_snapshot!(refused("sync:prod"));
    }

    #[test]
    fn every_mistake_of_a_call_is_shown_at_once() {
        insta::assert_snapshot!(refused(
            "lokc check:prd sync:dev@cu125 sync:dev@cudaa=cpu sync:dev@cpu,cu124 lock:prod@cpu fmt:dev sync: X=1"
        ));
        insta::assert_snapshot!(refused("sync:dev@cpu,auto sync:dev@cpu,3.11 sync:dev[cpu"));
    }

    #[test]
    fn a_word_that_could_mean_two_environments_means_neither() {
        let mut model = crate::graph::testing::model();
        model.environments[0].name.value = "prod".to_owned();
        model.environments[2].name.value = "live".to_owned();
        let error = select(&model, None, &words("lock:prod", ".")).unwrap_err();
        insta::assert_snapshot!(rendered(&error));
        let mut call = words("sync@cpu", ".");
        call.directory = None;
        insta::assert_snapshot!(rendered(&select(&model, None, &call).unwrap_err()));
    }

    #[test]
    fn a_value_of_two_axes_needs_its_axis() {
        let mut model = crate::graph::testing::model();
        model.axes[1].variants[0].name.value = "cpu".to_owned();
        insta::assert_snapshot!(rendered(&select(&model, None, &words("sync:dev@cpu", ".")).unwrap_err()));
    }

    #[test]
    fn a_file_of_tasks_only_has_no_environments() {
        let mut model = crate::graph::testing::model();
        model.project = None;
        model.environments.clear();
        insta::assert_snapshot!(rendered(&select(&model, None, &words("lock", ".")).unwrap_err()));
        insta::assert_snapshot!(rendered(&nothing_to_do(&model)));
    }

    #[test]
    fn a_verb_takes_one_cell() {
        let model = crate::graph::testing::model();
        let (cell, _) = cell_of(&model, None, &words("prod@cpu", ".")).unwrap();
        assert_eq!(TaskKey::Sync(cell).name(&model), "sync:prod@cpu,none");
        let (cell, _) = cell_of(&model, None, &words("@cpu", ".")).unwrap();
        assert_eq!(TaskKey::Sync(cell).name(&model), "sync:dev@cpu,none");
        insta::assert_snapshot!(rendered(&cell_of(&model, None, &words("prod@*", ".")).unwrap_err()));
        insta::assert_snapshot!(rendered(&cell_of(&model, None, &words("prd@cpu", ".")).unwrap_err()));
    }

    #[test]
    fn every_code_of_the_room_is_in_its_table() {
        let source = [include_str!("error.rs"), include_str!("own_error.rs")].concat();
        let used = source.split("code(envloom::graph::").skip(1).filter_map(|rest| rest.split_once(')'));
        let used: Vec<String> = used.map(|(code, _)| format!("envloom::graph::{code}")).collect();
        let listed: Vec<&str> = crate::graph::CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(used, listed);
    }
}
