//! Own tasks: what a maintainer declares, and what that is for one cell.
//!
//! An [`OwnTask`] holds texts with names in them. [`OwnTask::job`] fills them in for one [`OwnCell`] and one call, so
//! that everything behind the graph sees plain words.

use std::collections::BTreeMap;
use std::time::Duration;

use miette::SourceSpan;

use super::Model;
use super::cell::OwnCell;
use super::environment::{Environment, Kept};
use super::matrix::Matrix;
use super::template::Template;
use crate::base::{RelPath, Spanned};

/// A task that `tasks.kdl` or `tasks.local.kdl` declares.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of the language, and all combinations are allowed"
)]
pub(crate) struct OwnTask {
    /// Its name: lower-case letters, digits, `-`, `_`, and no reserved word.
    pub(crate) name: Spanned<String>,
    /// Only other tasks use it.
    pub(crate) private: bool,
    /// One line for `list`.
    pub(crate) description: Option<String>,
    /// The cells it runs in; `None`: it runs once.
    pub(crate) matrix: Option<Matrix>,
    /// Targets that come before, unparsed.
    pub(crate) after: Vec<Spanned<String>>,
    /// Patterns of what it reads, relative to the root; `None`: not said.
    pub(crate) inputs: Option<Vec<Spanned<Template>>>,
    /// Patterns of what it makes, relative to the root.
    pub(crate) outputs: Vec<Spanned<Template>>,
    /// Variables passed on that are not part of the key.
    pub(crate) pass_env: Vec<String>,
    /// Variables passed on whose values are masked; only their names are part of the key.
    pub(crate) secrets: Vec<String>,
    /// Where it runs; `None`: the root, or the directory of an adopted project.
    pub(crate) cwd: Option<Spanned<Template>>,
    /// What a call may set.
    pub(crate) parameters: Vec<Parameter>,
    /// Run at the end, whatever happened.
    pub(crate) finally: Vec<Vec<Template>>,
    /// What goes on running while the tasks behind it run. It then has no steps.
    pub(crate) service: Option<Service>,
    /// It has the terminal, and runs alone.
    pub(crate) interactive: bool,
    /// It is cached although it has no outputs.
    pub(crate) cache: bool,
    /// Its outputs are committed: under `--locked` it must not change them.
    pub(crate) check: bool,
    /// What may differ from cell to cell, as it is where nothing differs.
    pub(crate) common: CellWords,
    /// What differs in the cells with these values; of several that fit the later wins.
    pub(crate) cells: Vec<(Coordinates, CellWords)>,
    /// The node that declared it.
    pub(crate) span: SourceSpan,
}

/// Values on axes, by the axes' names.
pub(crate) type Coordinates = Vec<(String, String)>;

/// What a call may set: `envloom test K=smoke`.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    /// Its name, in the call and in strings.
    pub(crate) name: Spanned<String>,
    /// Its value where the call gives none.
    pub(crate) default: Option<String>,
}

/// What goes on running for other tasks.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// The program that goes on running.
    pub(crate) start: Vec<Template>,
    /// Succeeds once it can be used; `None`: at once.
    pub(crate) ready: Option<Vec<Template>>,
    /// Ends it; `None`: SIGTERM.
    pub(crate) stop: Option<Vec<Template>>,
}

/// Words of a task that may differ from cell to cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct CellWords {
    /// What it runs, one after the other; empty: nothing differs.
    pub(crate) steps: Vec<Step>,
    /// Variables; without a value: the caller's.
    pub(crate) env: Vec<(String, Option<Template>)>,
    /// How long it may run.
    pub(crate) timeout: Option<Duration>,
    /// How often it is tried again.
    pub(crate) retries: Option<u32>,
    /// What it takes of the pools: amounts, bytes for `memory`.
    pub(crate) resources: Vec<(Spanned<String>, u64)>,
}

/// One step.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A program and its arguments; never empty.
    Run(Vec<Template>),
    /// A line for `sh -c`.
    Shell(Template),
}

/// An own task in one cell of one call: plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// Command lines, run one after the other: program and arguments, never empty.
    pub(crate) steps: Vec<Vec<String>>,
    /// Command lines to run at the end, whatever happened.
    pub(crate) finally: Vec<Vec<String>>,
    /// What goes on running for others.
    pub(crate) service: Option<ServiceJob>,
    /// Variables; `None`: the caller's.
    pub(crate) env: BTreeMap<String, Option<String>>,
    /// Where it runs; or the text that is no path in the repository, and why.
    pub(crate) cwd: Result<RelPath, (String, String)>,
    /// Patterns of what it reads; `None`: not said.
    pub(crate) inputs: Option<Vec<String>>,
    /// Patterns of what tasks before it make, where its inputs mean that: such files count although git ignores them.
    /// The graph, which knows the tasks before it, says so.
    pub(crate) made: Vec<String>,
    /// Patterns of what it makes.
    pub(crate) outputs: Vec<String>,
    /// How long it may run.
    pub(crate) timeout: Option<Duration>,
    /// How often it is tried again.
    pub(crate) retries: u32,
    /// What it takes of the pools.
    pub(crate) resources: BTreeMap<String, u64>,
}

/// A service in one cell of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceJob {
    /// The program that goes on running.
    pub(crate) start: Vec<String>,
    /// Succeeds once it can be used.
    pub(crate) ready: Option<Vec<String>>,
    /// Ends it.
    pub(crate) stop: Option<Vec<String>>,
}

impl OwnTask {
    /// Where it says what it takes of a pool.
    pub(crate) fn span_of_pool(&self, pool: &str) -> SourceSpan {
        let words = self.cells.iter().map(|(_, words)| words).rev().chain([&self.common]);
        let amounts = words.flat_map(|words| &words.resources);
        amounts.filter(|(name, _)| name.value == pool).map(|(name, _)| name.span).next().unwrap_or(self.span)
    }

    /// The task's words for one cell, with the parameters of the call.
    pub(crate) fn job(&self, model: &Model, cell: &OwnCell, parameters: &BTreeMap<String, String>) -> Job {
        let value = |name: &str| self.value(model, cell, parameters, name);
        let fill = |template: &Template| template.fill(&value);
        let argv = |words: &Vec<Template>| words.iter().map(fill).collect::<Vec<_>>();
        let texts = |templates: &[Spanned<Template>]| {
            templates.iter().map(|template| fill(&template.value)).collect::<Vec<_>>()
        };
        let words = self.words_of(model, cell);
        Job {
            steps: words.steps.iter().map(|step| step.argv(&fill)).collect(),
            finally: self.finally.iter().map(argv).collect(),
            service: self.service.as_ref().map(|service| ServiceJob {
                start: argv(&service.start),
                ready: service.ready.as_ref().map(argv),
                stop: service.stop.as_ref().map(argv),
            }),
            env: words.env.iter().map(|(name, text)| (name.clone(), text.as_ref().map(fill))).collect(),
            cwd: self.directory(model, cell, &fill),
            inputs: self.inputs.as_deref().map(texts),
            made: Vec::new(),
            outputs: texts(&self.outputs),
            timeout: words.timeout,
            retries: words.retries.unwrap_or_default(),
            resources: words.resources.iter().map(|(name, amount)| (name.value.clone(), *amount)).collect(),
        }
    }

    /// What a name in its texts stands for.
    fn value(
        &self,
        model: &Model,
        cell: &OwnCell,
        parameters: &BTreeMap<String, String>,
        name: &str,
    ) -> Option<String> {
        match name {
            "cell" => Some(cell.slug(model)),
            "project" => {
                let environment = cell.cell.as_ref().map(|cell| model.environment(cell.environment));
                let of_cell = environment.and_then(|environment| environment.project.as_ref());
                let named = of_cell.or(model.project.as_ref().map(|project| &project.name.value));
                // A manifest that cannot be read gives no name; the environment's is the nearest.
                named
                    .map(ToString::to_string)
                    .or(environment.map(|environment| environment.name.value.clone()))
            }
            _ => cell.value(model, name).or_else(|| {
                let parameter = self.parameters.iter().find(|parameter| parameter.name.value == name)?;
                parameters.get(name).cloned().or_else(|| parameter.default.clone())
            }),
        }
    }

    /// Where it runs: an adopted project's own directory, as its authors would, else the root.
    fn directory(
        &self,
        model: &Model,
        cell: &OwnCell,
        fill: &dyn Fn(&Template) -> String,
    ) -> Result<RelPath, (String, String)> {
        if let Some(template) = &self.cwd {
            let text = fill(&template.value);
            return RelPath::parse(&text).map_err(|fault| (text.clone(), fault.to_string()));
        }
        let environment = cell.cell.as_ref().map(|cell| model.environment(cell.environment));
        let adopted = environment.filter(|environment| environment.kept == Kept::Adopted);
        Ok(adopted.map_or_else(RelPath::root, Environment::directory))
    }

    /// The words of one cell: those that all share, and what differs there.
    fn words_of(&self, model: &Model, cell: &OwnCell) -> CellWords {
        let mut words = self.common.clone();
        let fits = |coordinates: &Coordinates| {
            coordinates.iter().all(|(axis, value)| cell.value(model, axis).as_deref() == Some(value))
        };
        for (_, other) in self.cells.iter().filter(|(coordinates, _)| fits(coordinates)) {
            words.replace(other);
        }
        words
    }
}

impl CellWords {
    fn replace(&mut self, other: &Self) {
        if !other.steps.is_empty() {
            self.steps.clone_from(&other.steps);
        }
        // The later of two variables of one name wins when they are collected by name; so do resources.
        self.env.extend(other.env.iter().cloned());
        self.resources.extend(other.resources.iter().cloned());
        self.timeout = other.timeout.or(self.timeout);
        self.retries = other.retries.or(self.retries);
    }
}

impl Step {
    fn argv(&self, fill: &dyn Fn(&Template) -> String) -> Vec<String> {
        match self {
            Self::Run(words) => words.iter().map(fill).collect(),
            Self::Shell(line) => vec!["sh".to_owned(), "-c".to_owned(), fill(line)],
        }
    }
}
