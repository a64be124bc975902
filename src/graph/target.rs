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

use std::collections::{BTreeMap, BTreeSet};

use miette::SourceSpan;

use super::auto::AskDriver;
use super::cell::{CellRequest, cells, words_of};
use super::environment::{environments_of, the_environment};
use super::error::{GraphError, GraphFinding};
use super::own_error::OwnFinding;
use super::task::{Declared, OwnKey, TaskKey, VERBS_OF_TASKS};
use crate::base::{RelPath, SourceFile, Spanned, nearest, printable};
use crate::model::{Axis, Cell, EnvironmentId, LocalModel, Model};

/// The words of a call.
#[derive(Debug, Clone)]
pub(crate) struct Words<'a> {
    /// The command line, or the file whose `default` is meant: what the spans point into.
    pub(crate) source: SourceFile,
    /// The targets.
    pub(crate) targets: Vec<Spanned<String>>,
    /// `VAR=VALUE` words of the command line.
    pub(crate) assignments: Vec<Assignment>,
    /// The current directory, relative to the repository's root; `None`: outside of it.
    pub(crate) directory: Option<RelPath>,
    /// The value of `UV_TORCH_BACKEND`.
    pub(crate) torch_backend: Option<String>,
    /// For `auto`.
    pub(crate) driver: AskDriver<'a>,
}

/// `VAR=VALUE`.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    /// The word before `=`.
    pub(crate) name: Spanned<String>,
    /// What stands after it.
    pub(crate) value: Spanned<String>,
}

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

/// One target, taken apart.
pub(super) struct Parts<'a> {
    pub(super) whole: &'a Spanned<String>,
    pub(super) task: Spanned<&'a str>,
    pub(super) environment: Option<Spanned<&'a str>>,
    pub(super) cell: Option<Spanned<&'a str>>,
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
fn as_cell(mut finding: GraphFinding) -> GraphFinding {
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

impl Words<'_> {
    /// The words of no call: what `tasks.kdl` alone decides.
    pub(crate) fn none(model: &Model) -> Self {
        Self {
            source: model.source.clone(),
            targets: Vec::new(),
            assignments: Vec::new(),
            directory: None,
            torch_backend: None,
            driver: AskDriver(&|| Ok(None)),
        }
    }
}

impl<'a> Parts<'a> {
    /// A target that says no more than a task's name.
    pub(super) fn alone(name: &'a Spanned<String>) -> Self {
        let task = Spanned::new(name.value.as_str(), name.span);
        Self { whole: name, task, environment: None, cell: None }
    }
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

    /// The tasks of one target.
    fn read(&self, target: &Spanned<String>, notes: &mut Notes) -> Result<Vec<TaskKey>, GraphFinding> {
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
            let found = cells(&CellRequest { scope: self, parts, environment })?;
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

    fn own_names(&self) -> Vec<&str> {
        let private = self.local.iter().flat_map(|local| &local.tasks);
        let listed = self.model.tasks.iter().chain(private).filter(|task| !task.private);
        listed.map(|task| task.name.value.as_str()).collect()
    }

    pub(super) fn unknown_task(&self, word: Spanned<&str>) -> GraphFinding {
        let own = self.own_names();
        let known: Vec<&str> = VERBS_OF_TASKS.iter().copied().chain(own).collect();
        GraphFinding::UnknownTask {
            name: printable(word.value).into_owned(),
            help: suggest(word.value, &known),
            span: word.span,
        }
    }

    pub(super) fn no_project(&self, word: Spanned<&str>) -> GraphFinding {
        let own = self.own_names();
        GraphFinding::NoProject {
            task: word.value.to_owned(),
            file: self.model.source.name().to_owned(),
            tasks: if own.is_empty() { "it has none".to_owned() } else { own.join(", ") },
            span: word.span,
        }
    }

    /// The axes of `tasks.kdl` and those of adopted manifests; some have the same name.
    fn axes(&self) -> impl Iterator<Item = &Axis> {
        self.model.axes.iter().chain(self.model.environments.iter().flat_map(|environment| &environment.axes))
    }

    /// `VAR=VALUE` words that set nothing.
    fn unknown_variables(&self) -> Vec<GraphFinding> {
        let axes = self.axes().map(|axis| axis.name.value.to_uppercase());
        let tasks = self.all_declared().map(|declared| self.declaration(declared));
        let own = tasks.flat_map(|task| {
            let axes =
                task.matrix.iter().flat_map(|matrix| &matrix.axes).map(|axis| axis.name.value.to_uppercase());
            axes.chain(task.parameters.iter().map(|parameter| parameter.name.value.clone()))
        });
        let mut known: Vec<String> = axes.chain(own).filter(|name| name != "ENVIRONMENT").collect();
        known.extend(["ENV".to_owned(), "PYTHON".to_owned()]);
        known.dedup();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.words
            .assignments
            .iter()
            .filter(|assignment| !known.iter().any(|name| name.eq_ignore_ascii_case(&assignment.name.value)))
            .map(|assignment| GraphFinding::UnknownVariable {
                name: printable(&assignment.name.value).into_owned(),
                help: suggest(&assignment.name.value, &known),
                span: assignment.name.span,
            })
            .collect()
    }

    /// `AXIS=VALUE` words with a value that the axis has not, whether a target asks for it or not.
    fn unknown_values(&self) -> Vec<GraphFinding> {
        let mut axes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for axis in self.axes() {
            axes.entry(&axis.name.value).or_default().extend(words_of(axis));
        }
        let words = axes.into_iter().filter_map(|(axis, known)| Some((known, self.assigned(axis)?)));
        words
            .filter_map(|(known, word)| {
                let is_known = known.iter().chain(&["*", "auto"]).any(|known| *known == word.value);
                (!is_known).then(|| GraphFinding::UnknownValue {
                    value: printable(&word.value).into_owned(),
                    help: suggest(&word.value, &known),
                    span: word.span,
                })
            })
            .collect()
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

/// Takes a target apart.
pub(super) fn split(target: &Spanned<String>) -> Result<Parts<'_>, GraphFinding> {
    let text = target.value.as_str();
    let start = target.span.offset();
    let part = |from: usize, to: usize| Spanned::new(&text[from..to], (start + from, to - from));
    let (body, cell) = match text.find(['@', '[']) {
        None => (text.len(), None),
        Some(at) if text[at..].starts_with('[') => {
            let inner = text.strip_suffix(']').ok_or_else(|| malformed(target, "`[` is not closed"))?;
            (at, Some(part(at + 1, inner.len())))
        }
        Some(at) => (at, Some(part(at + 1, text.len()))),
    };
    let colon = text[..body].find(':');
    let task = part(0, colon.unwrap_or(body));
    let environment = colon.map(|colon| part(colon + 1, body));
    for (piece, problem) in [
        (Some(task), "no task before `:` or `@`"),
        (environment, "no environment after `:`"),
        (cell, "no cell after `@`"),
    ] {
        if piece.is_some_and(|piece| piece.value.is_empty()) {
            return Err(malformed(target, problem));
        }
    }
    Ok(Parts { whole: target, task, environment, cell })
}

pub(super) fn malformed(target: &Spanned<String>, problem: &str) -> GraphFinding {
    GraphFinding::MalformedTarget {
        target: printable(&target.value).into_owned(),
        span: target.span,
        problem: problem.to_owned(),
    }
}

/// The help for a name that is not known.
pub(super) fn suggest(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there are none".to_owned(),
        None => format!("use one of: {}", known.join(", ")),
    }
}

/// The span of a part, or of the whole target where there is none.
pub(super) fn span_of(part: Option<Spanned<&str>>, parts: &Parts<'_>) -> SourceSpan {
    part.map_or(parts.whole.span, |part| part.span)
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
    fn completion_offers_every_target() {
        let found = candidates(&crate::graph::testing::model(), None);
        for word in ["check", "lock:prod", "sync:staging@cpu,none", "fmt"] {
            assert!(found.contains(&word.to_owned()), "{word}");
        }
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
