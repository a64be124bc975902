//! What an own task waits for: the words of its `after`, and the tasks that make what it reads.
//!
//! An edge leads from a cell to the cells that agree with it: on every axis that both have they have the same value. A
//! task without matrix agrees with all, so that one report waits for every cell. Nothing here depends on the directory
//! of the call.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use miette::SourceSpan;

use super::cell::{CellRequest, Choice, cells, items};
use super::environment::environments_of;
use super::error::{GraphError, GraphFinding};
use super::flow::Flow;
use super::own_error::OwnFinding;
use super::target::{Notes, Scope};
use super::task::{Declared, OwnKey, Task, TaskKey, VERBS_OF_TASKS};
use super::words::{Parts, Words, split};
use crate::base::{Patterns, SourceFile, Spanned, printable};
use crate::config::AxisChoice;
use crate::model::{Axis, Cell, EnvironmentId, Job, LocalModel, Model, OwnCell, OwnTask, Sources};

/// Everything that edges are found by.
pub(super) struct Edges<'a> {
    model: &'a Model,
    local: Option<&'a LocalModel>,
    /// The call's words.
    typed: &'a Words<'a>,
    /// The same, as if made at the root: an edge is the same wherever the call was made.
    words: Words<'a>,
    /// Values of parameters, by their names as declared.
    parameters: BTreeMap<String, String>,
    /// Files between own tasks, found when the first own task is met.
    flow: OnceCell<Flow>,
}

impl<'a> Edges<'a> {
    pub(super) fn new(model: &'a Model, local: Option<&'a LocalModel>, typed: &'a Words<'a>) -> Self {
        let words = Words { directory: None, ..typed.clone() };
        let declared = model.tasks.iter().chain(local.iter().flat_map(|local| &local.tasks));
        let names = declared.flat_map(|task| &task.parameters).map(|parameter| &parameter.name.value);
        let scope = Scope { model, local, words: typed };
        let given = names.filter_map(|name| Some((name.clone(), scope.assigned(name)?.value.clone())));
        Self { model, local, typed, parameters: given.collect(), words, flow: OnceCell::new() }
    }

    fn scope(&self) -> Scope<'_> {
        Scope { model: self.model, local: self.local, words: &self.words }
    }

    fn source(&self, declared: Declared) -> &SourceFile {
        match (declared, self.local) {
            (Declared::Private(_), Some(local)) => &local.source,
            _ => &self.model.source,
        }
    }

    fn wrong(&self, declared: Declared, findings: Vec<GraphFinding>) -> GraphError {
        GraphError { source_code: self.source(declared).named(), findings }
    }

    /// What a task waits for.
    pub(super) fn needs_of(&self, key: &TaskKey) -> Result<Vec<TaskKey>, GraphError> {
        let key = match key {
            TaskKey::Own(key) => key,
            other => return Ok(needs_of(self.model, other)),
        };
        let scope = self.scope();
        let mut needs = scope.after(key).map_err(|finding| self.wrong(key.task, vec![finding]))?;
        let task = scope.declaration(key.task);
        let job = task.job(self.model, &key.cell, &self.parameters);
        if let Some(inputs) = &job.inputs {
            let makers = self.flow(key.task)?.makers_of(key, inputs).into_keys().map(TaskKey::Own);
            let new: Vec<TaskKey> = makers.filter(|maker| !needs.contains(maker)).collect();
            needs.extend(new);
        }
        Ok(needs)
    }

    fn flow(&self, declared: Declared) -> Result<&Flow, GraphError> {
        if let Some(flow) = self.flow.get() {
            return Ok(flow);
        }
        let scope = self.scope();
        let flow = Flow::new(&scope, &self.parameters);
        let clashes = flow.clashes(&scope);
        if !clashes.is_empty() {
            return Err(self.wrong(declared, clashes));
        }
        Ok(self.flow.get_or_init(|| flow))
    }

    /// A task's name, the node that declared it, and what it is told.
    pub(super) fn declaration(&self, key: &TaskKey) -> Result<(String, SourceSpan, Option<Job>), GraphError> {
        let key = match key {
            TaskKey::Own(key) => key,
            other => {
                let span =
                    other.environment().map_or(SourceSpan::from(0), |id| self.model.environment(id).span);
                return Ok((other.name(self.model), span, None));
            }
        };
        let scope = self.scope();
        let task = scope.declaration(key.task);
        let id = scope.own_id(key);
        let mut job = task.job(self.model, &key.cell, &self.parameters);
        let findings = self.spoilt(task, &id, &job);
        if !findings.is_empty() {
            return Err(self.wrong(key.task, findings));
        }
        if !job.outputs.is_empty() {
            self.flow(key.task)?;
        }
        job.made = self.made(key, &job)?;
        Ok((id, task.span, Some(job)))
    }

    /// The patterns of what the tasks before one make: those that its `after` names, and those whose files it reads.
    fn made(&self, key: &OwnKey, job: &Job) -> Result<Vec<String>, GraphError> {
        let scope = self.scope();
        let mut made = BTreeSet::new();
        if let Some(inputs) = &job.inputs {
            made.extend(self.flow(key.task)?.makers_of(key, inputs).into_values().flatten());
        }
        for need in scope.after(key).map_err(|finding| self.wrong(key.task, vec![finding]))? {
            if let TaskKey::Own(need) = need {
                let before = scope.declaration(need.task).job(self.model, &need.cell, &self.parameters);
                made.extend(before.outputs.into_iter().filter(|text| !text.starts_with('!')));
            }
        }
        Ok(made.into_iter().collect())
    }

    /// Parameters without a value, and paths that values of the call spoil.
    fn spoilt(&self, task: &OwnTask, id: &str, job: &Job) -> Vec<GraphFinding> {
        let mut findings: Vec<GraphFinding> = Vec::new();
        for parameter in &task.parameters {
            if parameter.default.is_none() && !self.parameters.contains_key(&parameter.name.value) {
                let (task, name) = (task.name.value.clone(), parameter.name.value.clone());
                findings.push(OwnFinding::ParameterRequired { task, name, span: parameter.name.span }.into());
            }
        }
        let mut spoilt = |text: &str, reason: String, span: SourceSpan| {
            let (task, text) = (id.to_owned(), printable(text).into_owned());
            findings.push(OwnFinding::SpoiltPath { task, text, reason, span }.into());
        };
        if let (Err((text, reason)), Some(cwd)) = (&job.cwd, &task.cwd) {
            spoilt(text, reason.clone(), cwd.span);
        }
        let inputs = job.inputs.iter().flatten().zip(task.inputs.iter().flatten());
        for (text, declared) in inputs.chain(job.outputs.iter().zip(&task.outputs)) {
            if text != "@closure"
                && let Err(faults) = Patterns::parse([text.as_str()])
            {
                for found in faults {
                    spoilt(text, found.fault.to_string(), declared.span);
                }
            }
        }
        findings
    }

    /// Values of the call that no task of the graph takes, although one of the file would.
    pub(super) fn idle_variables(&self, tasks: &[Task]) -> Result<(), GraphError> {
        let scope = self.scope();
        let selected: BTreeSet<Declared> = tasks
            .iter()
            .filter_map(|task| match &task.key {
                TaskKey::Own(key) => Some(key.task),
                _ => None,
            })
            .collect();
        let takes = |declared: Declared, name: &str| scope.takes(declared, name);
        let mut findings = Vec::new();
        for assignment in &self.typed.assignments {
            let name = &assignment.name.value;
            let known: Vec<Declared> = scope.all_declared().filter(|one| takes(*one, name)).collect();
            if !known.is_empty() && !scope.is_common(name) && !known.iter().any(|one| selected.contains(one))
            {
                let belongs: Vec<&str> =
                    known.iter().map(|one| scope.declaration(*one).name.value.as_str()).collect();
                let (name, belongs) = (printable(name).into_owned(), belongs.join(", "));
                findings.push(OwnFinding::IdleVariable { name, belongs, span: assignment.name.span }.into());
            }
        }
        if findings.is_empty() {
            return Ok(());
        }
        Err(GraphError { source_code: self.typed.source.named(), findings })
    }
}

/// What a task of envloom's own waits for (product section 4).
fn needs_of(model: &Model, key: &TaskKey) -> Vec<TaskKey> {
    match key {
        TaskKey::Lock(id) if model.environment(*id).is_written() => vec![TaskKey::Generate(*id)],
        TaskKey::Sync(cell) => {
            let id = cell.environment;
            match model.environment(id).sources {
                Sources::Workspace => vec![TaskKey::Lock(id)],
                // A frozen sync writes no tracked file, and starts only after check and verify passed.
                Sources::Tags(_) => vec![TaskKey::Check(id), TaskKey::Verify(id)],
            }
        }
        TaskKey::Lock(_)
        | TaskKey::Generate(_)
        | TaskKey::Check(_)
        | TaskKey::Verify(_)
        | TaskKey::Own(_) => Vec::new(),
    }
}

impl Scope<'_> {
    /// What the words of `after` mean for one cell.
    pub(super) fn after(&self, key: &OwnKey) -> Result<Vec<TaskKey>, GraphFinding> {
        let mut needs = Vec::new();
        for word in &self.declaration(key.task).after {
            for need in self.meant(key, &self.unquoted(key.task, word))? {
                if !needs.contains(&need) {
                    needs.push(need);
                }
            }
        }
        Ok(needs)
    }

    /// A word of a KDL text with the place of what stands between its quotes.
    fn unquoted(&self, declared: Declared, word: &Spanned<String>) -> Spanned<String> {
        let source = match (declared, self.local) {
            (Declared::Private(_), Some(local)) => &local.source,
            _ => &self.model.source,
        };
        let (start, length) = (word.span.offset(), word.span.len());
        let plain = source.text().get(start + 1..start + 1 + word.value.len()) == Some(word.value.as_str());
        if plain && length == word.value.len() + 2 {
            return Spanned::new(word.value.clone(), (start + 1, word.value.len()));
        }
        word.clone()
    }

    fn meant(&self, key: &OwnKey, word: &Spanned<String>) -> Result<Vec<TaskKey>, GraphFinding> {
        let parts = split(word)?;
        if let Some(declared) = self.visible_from(key.task, parts.task.value) {
            return self.agreeing(key, declared, &parts);
        }
        if !VERBS_OF_TASKS.contains(&parts.task.value) {
            return Err(self.unknown_task(parts.task));
        }
        if self.model.environments.is_empty() {
            return Err(self.no_project(parts.task));
        }
        if parts.task.value == "sync" {
            return self.syncs(key, &parts);
        }
        match (&key.cell.cell, parts.environment) {
            (Some(cell), None) if parts.cell.is_none() => {
                Ok(vec![super::target::whole_task(parts.task.value, cell.environment)])
            }
            _ => self.whole(&parts),
        }
    }

    /// The own task of that name that a task may wait for: one of `tasks.kdl` must mean the same on every machine.
    fn visible_from(&self, from: Declared, name: &str) -> Option<Declared> {
        let shared = matches!(from, Declared::Shared(_));
        self.own(name).filter(|found| !(shared && matches!(found, Declared::Private(_))))
    }

    /// The cells of another own task that agree with this one.
    fn agreeing(
        &self,
        key: &OwnKey,
        declared: Declared,
        parts: &Parts<'_>,
    ) -> Result<Vec<TaskKey>, GraphFinding> {
        let found = self.own_cells(declared, parts)?;
        let task = self.declaration(declared);
        let mut axes = self.axes_of(task, &found.cells);
        axes.retain(|axis| !self.says(parts, axis, &found.cells));
        let agrees = |cell: &&OwnCell| {
            axes.iter().all(|axis| match (key.cell.value(self.model, axis), cell.value(self.model, axis)) {
                (Some(one), Some(other)) => one == other,
                _ => true,
            })
        };
        let needs: Vec<TaskKey> = found
            .cells
            .iter()
            .filter(agrees)
            .map(|cell| TaskKey::Own(OwnKey { task: declared, cell: cell.clone() }))
            .collect();
        if needs.is_empty() {
            let (cell, on) = (self.own_id(key), parts.task.value.to_owned());
            return Err(OwnFinding::NoAgreeingCell { cell, on, span: parts.whole.span }.into());
        }
        Ok(needs)
    }

    /// Does a word of `after` name a value on that axis itself? There it means that one, whatever this cell has.
    fn says(&self, parts: &Parts<'_>, axis: &str, found: &[OwnCell]) -> bool {
        if axis == "environment" && parts.environment.is_some() {
            return true;
        }
        let has =
            |value: &str| found.iter().all(|cell| cell.value(self.model, axis).as_deref() == Some(value));
        items(parts.cell).iter().any(|item| match item.value.split_once('=') {
            Some((name, _)) => name == axis,
            None => has(item.value),
        })
    }

    /// Syncs: of this very cell where the word says no more than `sync`.
    fn syncs(&self, key: &OwnKey, parts: &Parts<'_>) -> Result<Vec<TaskKey>, GraphFinding> {
        let Some(cell) = &key.cell.cell else {
            return self.sync(parts, &mut Notes::default());
        };
        if parts.environment.is_none() && parts.cell.is_none() {
            return Ok(vec![TaskKey::Sync(cell.clone())]);
        }
        let environments = match parts.environment {
            Some(_) => environments_of(self, parts)?,
            None => vec![cell.environment],
        };
        let mut needs = Vec::new();
        for environment in environments {
            needs.extend(self.syncs_of(environment, cell, parts)?.into_iter().map(TaskKey::Sync));
        }
        Ok(needs)
    }

    fn syncs_of(
        &self,
        environment: EnvironmentId,
        cell: &Cell,
        parts: &Parts<'_>,
    ) -> Result<Vec<Cell>, GraphFinding> {
        let request = CellRequest { scope: self, parts, environment, anywhere: false };
        if parts.cell.is_some() {
            return Ok(cells(&request)?.cells);
        }
        let python = request.default_python()?;
        let (own, others) = (self.model.axes_of(cell.environment), self.model.axes_of(environment));
        // Another environment may have other axes: what is chosen here is chosen there where it has the same name.
        let same = |axis: &Axis| -> Option<Option<usize>> {
            let at = own.iter().position(|known| known.name.value == axis.name.value)?;
            match cell.choices.get(at)? {
                None => (axis.choose != AxisChoice::ExactlyOne).then_some(None),
                Some(choice) => {
                    let name = &own[at].variants.get(*choice)?.name.value;
                    axis.variants.iter().position(|variant| variant.name.value == *name).map(Some)
                }
            }
        };
        let mut cells = vec![Cell { environment, choices: Vec::new(), python }];
        for axis in others {
            let values = match same(axis) {
                Some(choice) => vec![choice],
                None => request.values(axis, &Choice::Open)?.0,
            };
            let longer = |cell: &Cell| {
                let cell = cell.clone();
                values.iter().map(move |value| {
                    let mut cell = cell.clone();
                    cell.choices.push(*value);
                    cell
                })
            };
            cells = cells.iter().flat_map(longer).collect();
        }
        Ok(cells)
    }
}

#[cfg(test)]
mod tests {
    use crate::base::testing::rendered;
    use crate::graph::testing::graph_with;

    const TASKS: &str = r#"
task "gen" { run "x"; outputs "src/gen.py" }
task "build" { matrix { environment "dev"; cuda "cu124" "cpu"; size "s" "m" }; after "sync"; run "x"; outputs "dist/{cell}.whl" }
task "test" { matrix { environment "dev"; cuda "cpu"; size "s" "m" }; after "build"; inputs "src/**/*.py" "!src/gen_*"; run "x" }
task "report" { after "test"; run "x" }
task "image" { matrix { size "m" }; after "build:dev@cu124"; run "x" }
task "ship" { inputs "dist/*.whl" "dist/**"; run "x" }
task "locks" { after "lock" "sync:dev@cpu"; run "x" }
task "each" { matrix { environment "*"; cuda "cpu" }; after "check" "sync"; run "x" }
task "greet" { parameter "WHO"; run "echo" "{WHO}" }
task "inner" private=#true { run "x" }
"#;

    fn graph(line: &str) -> Vec<String> {
        graph_with(TASKS, line).map_err(|error| rendered(&error)).unwrap()
    }

    fn refused(tasks: &str, line: &str) -> String {
        rendered(&graph_with(tasks, line).unwrap_err())
    }

    #[test]
    fn edges_go_cell_by_cell_and_a_task_without_matrix_joins_all() {
        insta::assert_snapshot!(graph("report").join("\n"), @r"
        generate:dev
        lock:dev <- generate:dev
        sync:dev@cpu,none <- lock:dev
        build:dev@cpu,none,s <- sync:dev@cpu,none
        gen
        test:dev@cpu,none,s <- build:dev@cpu,none,s gen
        build:dev@cpu,none,m <- sync:dev@cpu,none
        test:dev@cpu,none,m <- build:dev@cpu,none,m gen
        report <- test:dev@cpu,none,s test:dev@cpu,none,m
        ");
    }

    #[test]
    fn a_word_that_names_its_cell_means_that_one() {
        insta::assert_snapshot!(graph("image").join("\n"), @r"
        generate:dev
        lock:dev <- generate:dev
        sync:dev@cu124,none <- lock:dev
        build:dev@cu124,none,m <- sync:dev@cu124,none
        image@m <- build:dev@cu124,none,m
        ");
    }

    #[test]
    fn an_output_that_is_an_input_is_an_edge() {
        insta::assert_snapshot!(graph("ship").join("\n"), @r"
        generate:dev
        lock:dev <- generate:dev
        sync:dev@cu124,none <- lock:dev
        build:dev@cu124,none,m <- sync:dev@cu124,none
        build:dev@cu124,none,s <- sync:dev@cu124,none
        sync:dev@cpu,none <- lock:dev
        build:dev@cpu,none,m <- sync:dev@cpu,none
        build:dev@cpu,none,s <- sync:dev@cpu,none
        ship <- build:dev@cu124,none,m build:dev@cu124,none,s build:dev@cpu,none,m build:dev@cpu,none,s
        ");
        let circle = "task \"a\" { run \"x\"; inputs \"b\"; outputs \"a\" }\ntask \"b\" { run \"x\"; inputs \"a\"; outputs \"b\" }";
        insta::assert_snapshot!(refused(circle, "a"), @r#"
          × the call cannot be carried out

        Error: envloom::graph::cycle

          × tasks wait for one another: b -> a -> b
            ╭─[tasks.kdl:17:1]
         16 │ task "fmt" { run "true" }
         17 │ task "a" { run "x"; inputs "b"; outputs "a" }
            · ──────────────────────┬─────────────────────
            ·                       ╰── in the circle
         18 │ task "b" { run "x"; inputs "a"; outputs "b" }
            · ──────────────────────┬─────────────────────
            ·                       ╰── in the circle
            ╰────
          help: remove one of these dependencies
        "#);
    }

    #[test]
    fn whole_environments_are_those_of_the_cell_or_all() {
        insta::assert_snapshot!(graph("locks each:prod").join("\n"), @r"
        generate:dev
        lock:dev <- generate:dev
        generate:staging
        lock:staging <- generate:staging
        generate:prod
        lock:prod <- generate:prod
        sync:dev@cpu,none <- lock:dev
        locks <- lock:dev lock:staging lock:prod sync:dev@cpu,none
        check:prod after generate:prod lock:prod
        verify:prod after generate:prod lock:prod
        sync:prod@cpu,none <- check:prod verify:prod
        each:prod@cpu,none <- check:prod sync:prod@cpu,none
        ");
    }

    #[test]
    fn a_parameter_is_given_or_asked_for() {
        assert_eq!(graph("greet WHO=you"), ["greet"]);
        insta::assert_snapshot!(refused(TASKS, "greet"), @r#"
          × the call cannot be carried out

        Error: envloom::graph::parameter_required

          × task `greet` needs `WHO=…`
            ╭─[tasks.kdl:26:26]
         25 │ task "each" { matrix { environment "*"; cuda "cpu" }; after "check" "sync"; run "x" }
         26 │ task "greet" { parameter "WHO"; run "echo" "{WHO}" }
            ·                          ──┬──
            ·                            ╰── has no default
         27 │ task "inner" private=#true { run "x" }
            ╰────
          help: type `envloom greet WHO=…`, or give the parameter a `default=`
        "#);
        insta::assert_snapshot!(refused(TASKS, "gen WHO=you SIZE=s"), @r"
          × the call cannot be carried out, for 2 reasons

        Error: envloom::graph::idle_variable

          × `WHO` says nothing to the tasks of this call
           ╭─[command line:1:5]
         1 │ gen WHO=you SIZE=s
           ·     ─┬─
           ·      ╰── of no use here
           ╰────
          help: it belongs to: greet

        Error: envloom::graph::idle_variable

          × `SIZE` says nothing to the tasks of this call
           ╭─[command line:1:13]
         1 │ gen WHO=you SIZE=s
           ·             ──┬─
           ·               ╰── of no use here
           ╰────
          help: it belongs to: build, test, image
        ");
    }

    #[test]
    fn cells_are_narrowed_by_words_of_the_target_and_by_assignments() {
        let test = |line: &str| -> Vec<String> {
            graph(line)
                .into_iter()
                .filter_map(|task| Some(task.strip_prefix("test:")?.split(' ').next()?.to_owned()))
                .collect()
        };
        assert_eq!(test("test"), ["dev@cpu,none,s", "dev@cpu,none,m"]);
        assert_eq!(test("test@m"), ["dev@cpu,none,m"]);
        assert_eq!(test("test:dev@size=s,cpu"), ["dev@cpu,none,s"]);
        assert_eq!(test("test SIZE=s"), ["dev@cpu,none,s"]);
        assert_eq!(test("test@*"), ["dev@cpu,none,s", "dev@cpu,none,m"]);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "it is the look of seven errors")]
    fn words_that_leave_no_cell_are_refused_all_at_once() {
        insta::assert_snapshot!(refused(TASKS, "test:prod test@cu124 test@l test@colour=red gen@s inner image:dev"), @r"
          × the call cannot be carried out, for 7 reasons

        Error: envloom::graph::no_such_cell

          × task `test` has no cell with `prod`
           ╭─[command line:1:6]
         1 │ test:prod test@cu124 test@l test@colour=red gen@s inner image:dev
           ·      ──┬─
           ·        ╰── leaves no cell of its matrix
           ╰────
          help: it has test:dev@cpu,none,s, test:dev@cpu,none,m

        Error: envloom::graph::no_such_cell

          × task `test` has no cell with `cu124`
           ╭─[command line:1:16]
         1 │ test:prod test@cu124 test@l test@colour=red gen@s inner image:dev
           ·                ──┬──
           ·                  ╰── leaves no cell of its matrix
           ╰────
          help: it has test:dev@cpu,none,s, test:dev@cpu,none,m

        Error: envloom::graph::no_such_cell

          × task `test` has no cell with `l`
           ╭─[command line:1:27]
         1 │ test:prod test@cu124 test@l test@colour=red gen@s inner image:dev
           ·                           ┬
           ·                           ╰── leaves no cell of its matrix
           ╰────
          help: it has test:dev@cpu,none,s, test:dev@cpu,none,m

        Error: envloom::graph::unknown_axis

          × unknown axis `colour`
           ╭─[command line:1:34]
         1 │ test:prod test@cu124 test@l test@colour=red gen@s inner image:dev
           ·                                  ─────┬────
           ·                                       ╰── unknown axis
           ╰────
          help: use one of: attention, cuda, environment, python, size

        Error: envloom::graph::needless_environment

          × `gen` has no matrix, so it takes no environment and no cell
           ╭─[command line:1:49]
         1 │ test:prod test@cu124 test@l test@colour=red gen@s inner image:dev
           ·                                                 ┬
           ·                                                 ╰── not needed
           ╰────
          help: write `gen` alone

        Error: envloom::graph::private_task

          × task `inner` is private: only other tasks use it
           ╭─[command line:1:51]
         1 │ test:prod test@cu124 test@l test@colour=red gen@s inner image:dev
           ·                                                   ──┬──
           ·                                                     ╰── no target
           ╰────
          help: name a task that comes after it, or delete `private=#true`

        Error: envloom::graph::no_such_cell

          × task `image` has no cell with `dev`
           ╭─[command line:1:63]
         1 │ test:prod test@cu124 test@l test@colour=red gen@s inner image:dev
           ·                                                               ─┬─
           ·                                                                ╰── leaves no cell of its matrix
           ╰────
          help: it has image@m
        ");
        insta::assert_snapshot!(refused(TASKS, "test CUDA=cu124"), @r"
          × the call cannot be carried out

        Error: envloom::graph::no_such_cell

          × task `test` has no cell with `cu124`
           ╭─[command line:1:11]
         1 │ test CUDA=cu124
           ·           ──┬──
           ·             ╰── leaves no cell of its matrix
           ╰────
          help: it has test:dev@cpu,none,s, test:dev@cpu,none,m
        ");
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        let tasks = "task \"a\" { matrix { size \"s\" }; run \"x\" }
task \"b\" { matrix { size \"m\" }; after \"a\"; run \"x\" }
task \"c\" { after \"nothing\"; run \"x\" }
task \"d\" { matrix { environment \"dev\"; cuda \"mps\" }; run \"x\" }
task \"e\" { parameter \"P\" default=\"x\"; cwd \"a/{P}\"; outputs \"{P}/b\"; run \"x\" }
task \"f\" { after \"sync:dev\"; run \"x\" }";
        for line in ["b", "c", "e P=../..", "f"] {
            insta::assert_snapshot!(format!("leads_nowhere_{}", &line[..1]), refused(tasks, line));
        }
        #[cfg(target_os = "linux")]
        insta::assert_snapshot!(refused(tasks, "d"), @r"
          × the call cannot be carried out

        Error: envloom::graph::no_cell_here

          × no cell of task `d` exists for this platform
           ╭─[command line:1:1]
         1 │ d
           · ┬
           · ╰── nothing of it can run here
           ╰────
          help: 1 cells are for other platforms: envloom list --cells
        ");
    }

    #[test]
    fn two_makers_of_one_file_are_refused() {
        let tasks = "task \"a\" { matrix { size \"s\" \"m\" }; outputs \"dist/x.whl\"; run \"x\" }
task \"b\" { outputs \"dist/**\"; run \"x\" }
task \"c\" { outputs \"other/\"; run \"x\" }";
        insta::assert_snapshot!(refused(tasks, "b"), @r#"
          × the call cannot be carried out, for 2 reasons

        Error: envloom::graph::same_output

          × `a@s` and `b` both make `dist/**`
            ╭─[tasks.kdl:17:45]
         16 │ task "fmt" { run "true" }
         17 │ task "a" { matrix { size "s" "m" }; outputs "dist/x.whl"; run "x" }
            ·                                             ──────┬─────
            ·                                                   ╰── here
         18 │ task "b" { outputs "dist/**"; run "x" }
            ·                    ────┬────
            ·                        ╰── and here
         19 │ task "c" { outputs "other/"; run "x" }
            ╰────
          help: give each its own file, with `{cell}` in its name for the cells of one task

        Error: envloom::graph::same_output

          × `a@s` and `a@m` both make `dist/x.whl`
            ╭─[tasks.kdl:17:45]
         16 │ task "fmt" { run "true" }
         17 │ task "a" { matrix { size "s" "m" }; outputs "dist/x.whl"; run "x" }
            ·                                             ──────┬─────
            ·                                                   ╰── here
         18 │ task "b" { outputs "dist/**"; run "x" }
            ╰────
          help: give each its own file, with `{cell}` in its name for the cells of one task
        "#);
    }

    #[test]
    fn long_chains_are_walked_without_recursion() {
        let later = (1..3000).map(|at| format!("task \"t{at}\" {{ after \"t{}\"; run \"x\" }}", at - 1));
        let tasks = later.chain(["task \"t0\" { run \"x\" }".to_owned()]).collect::<Vec<_>>().join("\n");
        assert_eq!(graph_with(&tasks, "t2999").unwrap().len(), 3000);
    }
}
