//! Models and calls for this room's tests.

use super::auto::AskDriver;
use super::build::TaskGraphBuilder;
use super::error::GraphError;
use super::target::{Scope, Selection, select};
use super::task::{Task, TaskKey};
use super::words::Words;
use crate::base::{RelPath, SourceFile};
use crate::config;
use crate::model::{Found, LocalModel, Model, resolve, resolve_local};

/// Three environments, one of them in the root; two axes, of which one may stay empty.
const TASKS: &str = r#"
project "demo" { version "1"; requires-python ">=3.10, !=3.11.*"; python "3.12" }
package "foo" path="packages/foo" git="https://git.example.com/foo.git"
variants "cuda" {
    dependencies "torch>=2"
    variant "cu124" index="https://index.example.com/cu124" driver=">=550.54" on="linux windows"
    variant "mps" index="https://index.example.com/mps" on="macos"
    variant "cpu" index="https://index.example.com/cpu"
}
variants "attention" choose="at-most-one" {
    variant "flash" index="https://index.example.com/flash" { dependencies "flash-attn" }
}
environment "dev" { manifest "pyproject.toml" }
environment "staging" { manifest "staging/pyproject.toml"; sources "tags" channel="dev"; pin "foo" "v0.2.dev0" }
environment "prod" { manifest "prod/pyproject.toml"; sources "tags" channel="stable"; pin "foo" "v0.1" }
task "fmt" { run "true" }
"#;

/// The model of [`TASKS`].
pub(super) fn model() -> Model {
    model_with("")
}

/// The model of [`TASKS`] and more tasks.
pub(super) fn model_with(tasks: &str) -> Model {
    resolve(
        config::parse(&SourceFile::new("tasks.kdl", format!("{TASKS}{tasks}"))).unwrap(),
        &Found::default(),
    )
    .unwrap()
}

/// A local model that prefers a variant.
pub(super) fn local(text: &str) -> LocalModel {
    resolve_local(config::parse_local(&SourceFile::new("tasks.local.kdl", text)).unwrap(), &model()).unwrap()
}

/// The words of a call, as `cli` hands them over, made in the directory `at`.
pub(super) fn words(line: &str, at: &str) -> Words<'static> {
    use super::words::Assignment;
    use crate::base::Spanned;
    let mut words = Words {
        source: SourceFile::new("command line", line),
        targets: Vec::new(),
        assignments: Vec::new(),
        directory: Some(RelPath::parse(at).unwrap()),
        torch_backend: None,
        driver: AskDriver(&|| Ok(None)),
    };
    let mut start = 0;
    for word in line.split(' ') {
        match word.split_once('=').filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase())) {
            Some((name, value)) => words.assignments.push(Assignment {
                name: Spanned::new(name.to_owned(), (start, name.len())),
                value: Spanned::new(value.to_owned(), (start + name.len() + 1, value.len())),
            }),
            None => words.targets.push(Spanned::new(word.to_owned(), (start, word.len()))),
        }
        start += word.len() + 1;
    }
    words
}

/// What a call selects, by name.
pub(super) fn selected(line: &str) -> Result<Vec<String>, GraphError> {
    selected_at(line, ".", None)
}

/// What a call selects in a directory, with a local model.
pub(super) fn selected_at(
    line: &str,
    at: &str,
    local: Option<&LocalModel>,
) -> Result<Vec<String>, GraphError> {
    let model = model();
    let selection = select(&model, local, &words(line, at))?;
    Ok(names(&model, local, &selection))
}

fn names(model: &Model, local: Option<&LocalModel>, selection: &Selection) -> Vec<String> {
    let words = Words::none(model);
    let scope = Scope { model, local, words: &words };
    selection
        .keys
        .iter()
        .map(|key| match key {
            TaskKey::Own(own) => scope.own_id(own),
            _ => key.name(model),
        })
        .collect()
}

/// The whole graph of a call: each task with what it waits for.
pub(super) fn graph(line: &str) -> Vec<String> {
    graph_with("", line).unwrap()
}

/// The same with more tasks.
pub(super) fn graph_with(tasks: &str, line: &str) -> Result<Vec<String>, GraphError> {
    let model = model_with(tasks);
    let words = words(line, ".");
    let selection = select(&model, None, &words)?;
    let builder = TaskGraphBuilder::new().with_selection(&model, None, &words, &selection)?;
    let graph = builder.seal(&model, None)?;
    let ids = |places: &[usize]| -> String {
        places.iter().map(|&at| " ".to_owned() + &graph.tasks()[at].id).collect()
    };
    let shown = |task: &Task| {
        let needs = if task.needs.is_empty() { String::new() } else { format!(" <-{}", ids(&task.needs)) };
        let after = if task.after.is_empty() { String::new() } else { format!(" after{}", ids(&task.after)) };
        format!("{}{needs}{after}", task.id)
    };
    Ok(graph.tasks().iter().map(shown).collect())
}
