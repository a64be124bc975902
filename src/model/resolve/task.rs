//! `task` nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::error::ModelFinding;
use super::super::matrix::{AxisKind, Matrix};
use super::super::task::{CellWords, OwnTask, Parameter, Service, Step};
use super::super::task_error::TaskFinding;
use super::super::template::{Template, TemplateFault};
use super::super::{EnvironmentId, Model, VERBS};
use super::{Resolver, Thing};
use crate::base::{Patterns, RelPath, Spanned, brief, nearest, parse_bytes, parse_duration};
use crate::config::{self, CommandNode, StepNode, TaskNode};

/// What tasks of one file are read against.
pub(super) struct Ground<'g> {
    /// Everything but the tasks.
    pub(super) model: &'g Model,
    /// The tasks of the other file.
    pub(super) others: &'g [OwnTask],
    /// The environment of a matrix that names none.
    pub(super) environment: Option<EnvironmentId>,
}

/// What names in one task's texts may be.
struct Known<'k> {
    task: &'k Spanned<String>,
    names: Vec<String>,
}

impl Resolver {
    /// The tasks of one file.
    pub(super) fn tasks(&mut self, nodes: &[TaskNode], ground: &Ground<'_>) -> Vec<OwnTask> {
        let mut names = BTreeMap::new();
        let mut tasks = Vec::new();
        for node in nodes {
            let fits = self.word("a task", &node.name) && !self.reserved("a task", &node.name, VERBS);
            let fresh = self.once(&mut names, node.name.value.clone(), &Thing::new("task", &node.name));
            if ground.others.iter().any(|other| other.name.value == node.name.value) {
                let (what, name, by) = ("a private task", brief(&node.name.value), "a task of tasks.kdl");
                self.report(ModelFinding::ReservedName { what, name, by, span: node.name.span });
            }
            self.refuse_unfitting(node);
            let task = self.task(node, ground);
            if fits && fresh {
                tasks.push(task);
            }
        }
        tasks
    }

    fn task(&mut self, node: &TaskNode, ground: &Ground<'_>) -> OwnTask {
        let parameters = self.parameters(node);
        let matrix = node.matrix.as_ref().map(|matrix| self.matrix(&node.name, matrix, ground));
        let known = Known { task: &node.name, names: places(ground.model, matrix.as_ref(), &parameters) };
        for (word, given) in [("check", &node.check), ("cache", &node.cache)] {
            let of_outputs = word == "check" && node.outputs.is_empty();
            if let Some(given) = given.as_ref().filter(|given| given.value && of_outputs) {
                let task = brief(&node.name.value);
                self.report(TaskFinding::NoOutputs { word, task, span: given.span }.into());
            }
        }
        self.variables(
            node.common.env.iter().map(|(name, _)| name).chain(&node.pass_env).chain(&node.secrets),
        );
        OwnTask {
            name: node.name.clone(),
            private: node.private,
            description: node.description.as_ref().map(|text| text.value.clone()),
            after: node.after.clone(),
            inputs: node.inputs.as_ref().map(|inputs| self.patterns(inputs, &known)),
            outputs: self.patterns(&node.outputs, &known),
            pass_env: node.pass_env.iter().map(|name| name.value.clone()).collect(),
            secrets: node.secrets.iter().map(|name| name.value.clone()).collect(),
            cwd: node.cwd.as_ref().and_then(|cwd| self.cwd(cwd, &known)),
            finally: node.finally.iter().map(|command| self.command(command, &known)).collect(),
            service: node.service.as_ref().map(|service| Service {
                start: self.command(&service.start, &known),
                ready: service.ready.as_ref().map(|command| self.command(command, &known)),
                stop: service.stop.as_ref().map(|command| self.command(command, &known)),
            }),
            interactive: node.interactive,
            cache: node.cache.as_ref().is_some_and(|flag| flag.value),
            check: node.check.as_ref().is_some_and(|flag| flag.value),
            common: self.cell_words(&node.common, &known),
            cells: node
                .cells
                .iter()
                .map(|cell| {
                    let coordinates = self.coordinates(&cell.coordinates, matrix.as_ref(), ground.model);
                    self.variables(cell.words.env.iter().map(|(name, _)| name));
                    (coordinates, self.cell_words(&cell.words, &known))
                })
                .collect(),
            matrix,
            parameters,
            span: node.span,
        }
    }

    /// Words that would be passed over, or promise what cannot be kept.
    fn refuse_unfitting(&mut self, node: &TaskNode) {
        let task = || brief(&node.name.value);
        if node.service.is_some() {
            let words = node.cells.iter().map(|cell| &cell.words).chain([&node.common]);
            for retries in words.filter_map(|words| words.retries.as_ref()) {
                let help = "delete it: the program of a service is started once. Where `ready` fails it is asked again, \
                            for as long as `timeout` says";
                let (word, with, span) = ("retries", "service", retries.span);
                self.report(TaskFinding::UnfittingWords { word, with, task: task(), help, span }.into());
            }
        }
        if node.interactive {
            for secret in &node.secrets {
                let help = "what an interactive task prints goes straight to the terminal, where nothing can be masked. \
                            Delete `interactive`, or use `pass-env` if the value may be seen";
                let (word, with, span) = ("secret", "interactive", secret.span);
                self.report(TaskFinding::UnfittingWords { word, with, task: task(), help, span }.into());
            }
        }
    }

    fn parameters(&mut self, node: &TaskNode) -> Vec<Parameter> {
        let mut names = BTreeMap::new();
        let mut parameters = Vec::new();
        for parameter in &node.parameters {
            let name = &parameter.name;
            let fits = name.value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
            if !fits {
                self.invalid_name("a parameter", name, "use letters, digits, `_` and `-`, no digit first");
            }
            let reserved = ["env", "environment", "python", "cell", "project"];
            self.reserved("a parameter", name, &reserved);
            if self.once(&mut names, name.value.clone(), &Thing::new("parameter", name)) {
                let default = parameter.default.as_ref().map(|text| text.value.clone());
                parameters.push(Parameter { name: name.clone(), default });
            }
        }
        parameters
    }

    /// Names of variables.
    pub(super) fn variables<'v>(&mut self, names: impl Iterator<Item = &'v Spanned<String>>) {
        for name in names {
            let fits = name.value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !fits {
                self.invalid_name("a variable", name, "use letters, digits and `_`, no digit first");
            }
        }
    }

    fn cell_words(&mut self, words: &config::CellWords, known: &Known<'_>) -> CellWords {
        CellWords {
            steps: words
                .steps
                .iter()
                .map(|step| match step {
                    StepNode::Run(command) => Step::Run(self.command(command, known)),
                    StepNode::Shell(line) => Step::Shell(self.template(line, known)),
                })
                .collect(),
            env: words
                .env
                .iter()
                .map(|(name, value)| {
                    (name.value.clone(), value.as_ref().map(|value| self.template(value, known)))
                })
                .collect(),
            timeout: words.timeout.as_ref().and_then(|text| self.duration(text)),
            retries: words.retries.as_ref().map(|count| count.value),
            resources: self.amounts(&words.resources),
        }
    }

    fn command(&mut self, node: &CommandNode, known: &Known<'_>) -> Vec<Template> {
        node.argv.iter().map(|word| self.template(word, known)).collect()
    }

    /// A text whose names all stand for something.
    fn template(&mut self, text: &Spanned<String>, known: &Known<'_>) -> Template {
        let template = match Template::parse(&text.value) {
            Ok(template) => template,
            Err(fault) => {
                let reason = match fault {
                    TemplateFault::Open => "a `{` is not closed",
                    TemplateFault::Close => "a `}` closes nothing",
                    TemplateFault::Empty => "`{}` names nothing",
                };
                self.report(TaskFinding::InvalidText { reason, span: text.span }.into());
                return Template::default();
            }
        };
        for name in template.names().filter(|name| !known.names.iter().any(|known| known == name)) {
            let names = || known.names.iter().map(String::as_str);
            let instead = match nearest(name, names()) {
                Some(near) => format!("did you mean `{{{near}}}`?"),
                None => format!("known here: {}.", names().collect::<Vec<_>>().join(", ")),
            };
            let help = format!("{instead} Write `{{{{` where a brace is meant");
            let (name, task) = (brief(name), brief(&known.task.value));
            self.report(TaskFinding::UnknownPlace { name, task, help, span: text.span }.into());
        }
        template
    }

    /// Patterns of paths; judged with a word in place of each name.
    fn patterns(&mut self, texts: &[Spanned<String>], known: &Known<'_>) -> Vec<Spanned<Template>> {
        let mut patterns = Vec::new();
        for text in texts {
            let template = self.template(text, known);
            let sample = template.fill(&|_| Some("x".to_owned()));
            if sample != "@closure"
                && let Err(faults) = Patterns::parse([sample.as_str()])
            {
                for found in faults {
                    let (pattern, reason) = (brief(&text.value), found.fault.to_string());
                    self.report(TaskFinding::InvalidPattern { pattern, reason, span: text.span }.into());
                }
            }
            patterns.push(Spanned::new(template, text.span));
        }
        patterns
    }

    fn cwd(&mut self, text: &Spanned<String>, known: &Known<'_>) -> Option<Spanned<Template>> {
        let template = self.template(text, known);
        let sample = template.fill(&|_| Some("x".to_owned()));
        if let Err(fault) = RelPath::parse(&sample) {
            self.invalid_path(text, fault.to_string());
            return None;
        }
        Some(Spanned::new(template, text.span))
    }

    pub(super) fn duration(&mut self, text: &Spanned<String>) -> Option<Duration> {
        let found = parse_duration(&text.value).ok().filter(|found| !found.is_zero());
        if found.is_none() {
            let (what, example) = ("duration", "\"90s\", \"30m\" or \"1h30m\"");
            let text_of = brief(&text.value);
            self.report(TaskFinding::InvalidAmount { what, text: text_of, example, span: text.span }.into());
        }
        found
    }

    /// Amounts of pools: a number, or bytes.
    pub(super) fn amounts(
        &mut self,
        nodes: &[(Spanned<String>, Spanned<String>)],
    ) -> Vec<(Spanned<String>, u64)> {
        let mut amounts = Vec::new();
        for (name, text) in nodes {
            self.word("a pool", name);
            if let Some(amount) = text.value.parse().ok().or_else(|| parse_bytes(&text.value).ok()) {
                amounts.push((name.clone(), amount));
                continue;
            }
            let (what, example) = ("amount", "2, or \"16GiB\"");
            let text_of = brief(&text.value);
            let finding = TaskFinding::InvalidAmount { what, text: text_of, example, span: text.span };
            self.report(finding.into());
        }
        amounts
    }
}

/// The names that stand for something in a task's texts.
fn places(model: &Model, matrix: Option<&Matrix>, parameters: &[Parameter]) -> Vec<String> {
    let mut names = Vec::new();
    let in_environments =
        matrix.and_then(|matrix| matrix.points.first()).is_some_and(|point| point.environment.is_some());
    if model.project.is_some() || in_environments {
        names.push("project".to_owned());
    }
    if let Some(matrix) = matrix {
        names.push("cell".to_owned());
        names.extend(matrix.axes.iter().map(|axis| axis.name.value.clone()));
        if in_environments {
            let in_cells = model.axis_names().map(str::to_owned);
            names.extend(["environment".to_owned(), "python".to_owned()].into_iter().chain(in_cells));
        }
    }
    names.extend(parameters.iter().map(|parameter| parameter.name.value.clone()));
    names.sort();
    names.dedup();
    names
}

/// Axes that are no words of a task's own.
pub(super) fn kind_of_axis(model: &Model, name: &str) -> AxisKind {
    match name {
        "environment" => AxisKind::Environment,
        "python" => AxisKind::Python,
        _ => match model.axes.iter().position(|axis| axis.name.value == name) {
            Some(at) => AxisKind::Variants(at),
            None => AxisKind::Own,
        },
    }
}
