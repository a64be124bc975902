//! The verb `graph`: what waits for what, as text, data or a drawing. It runs nothing and writes nothing.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::Format;
use super::call::Call;
use super::error::CliError;
use super::load::Stop;
use super::output::Output;
use super::svg::{Edge, svg};
use crate::base::printable;
use crate::graph::TaskGraph;

/// `graph`: what waits for what.
///
/// # Errors
/// When the words mean nothing.
pub(super) fn graph(call: &Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    let chosen = call.choose("graph ", words)?;
    chosen.selection.notes.autos.iter().for_each(|auto| output.say(auto));
    let graph = &chosen.graph;
    let format = if output.is_json() { Some(Format::Json) } else { call.arguments.format };
    Ok(match format.unwrap_or(Format::Text) {
        Format::Json => Output::answer(&as_json(graph)),
        Format::Markdown => {
            return Err(
                CliError::OptionWithoutUse { option: "--format markdown", belongs_to: "`diff`" }.into()
            );
        }
        Format::Text => Output::data(&as_text(graph)),
        Format::Dot => Output::data(&as_dot(graph)),
        Format::Mermaid => Output::data(&as_mermaid(graph)),
        Format::Svg => {
            let names: Vec<String> = graph.tasks().iter().map(|task| task.id.clone()).collect();
            Output::data(&svg(&names, &edges(graph)))
        }
    })
}

fn ids<'a>(graph: &'a TaskGraph, places: &[usize]) -> Vec<&'a str> {
    places.iter().map(|&place| graph.tasks()[place].id.as_str()).collect()
}

/// Every edge, in the order of the tasks that wait.
fn edges(graph: &TaskGraph) -> Vec<Edge> {
    let of = |to: usize, places: &[usize], only_orders: bool| {
        places.iter().map(move |&from| Edge { from, to, only_orders }).collect::<Vec<_>>()
    };
    let all = graph.tasks().iter().enumerate();
    all.flat_map(|(to, task)| [of(to, &task.needs, false), of(to, &task.after, true)].concat()).collect()
}

fn as_json(graph: &TaskGraph) -> Value {
    let tasks: Vec<Value> = graph
        .tasks()
        .iter()
        .map(|task| json!({ "task": task.id, "needs": ids(graph, &task.needs), "after": ids(graph, &task.after) }))
        .collect();
    json!({ "tasks": tasks })
}

fn as_text(graph: &TaskGraph) -> String {
    let mut text = String::new();
    for task in graph.tasks() {
        text.push_str(&printable(&task.id));
        for (word, places) in [("<-", &task.needs), ("after", &task.after)] {
            if !places.is_empty() {
                // Writing to a String cannot fail, here and below.
                let _ = write!(text, " {word} {}", printable(&ids(graph, places).join(" ")));
            }
        }
        text.push('\n');
    }
    text
}

/// Graphviz: an arrow leads from what comes first to what waits for it; dashed where it only orders.
fn as_dot(graph: &TaskGraph) -> String {
    let quoted = |id: &str| format!("\"{}\"", printable(id).replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = String::from("digraph envloom {\n    rankdir=LR;\n    node [shape=box];\n");
    for task in graph.tasks() {
        let _ = writeln!(text, "    {};", quoted(&task.id));
        for (places, style) in [(&task.needs, ""), (&task.after, " [style=dashed]")] {
            for id in ids(graph, places) {
                let _ = writeln!(text, "    {} -> {}{style};", quoted(id), quoted(&task.id));
            }
        }
    }
    text.push_str("}\n");
    text
}

/// Mermaid, as GitHub and GitLab draw it. Names are labels only: `:` and `@` mean something in an id there.
fn as_mermaid(graph: &TaskGraph) -> String {
    let mut text = String::from("flowchart LR\n");
    for (at, task) in graph.tasks().iter().enumerate() {
        let _ = writeln!(text, "    t{at}[\"{}\"]", label(&task.id));
    }
    for Edge { from, to, only_orders } in edges(graph) {
        let arrow = if only_orders { "-.->" } else { "-->" };
        let _ = writeln!(text, "    t{from} {arrow} t{to}");
    }
    text
}

/// A label between quotes: what Mermaid or HTML would take for its own is written as an entity.
fn label(id: &str) -> String {
    let mut label = String::new();
    for letter in printable(id).chars() {
        match letter {
            '"' => label.push_str("#quot;"),
            '#' => label.push_str("#35;"),
            '&' => label.push_str("#amp;"),
            '<' => label.push_str("#lt;"),
            '>' => label.push_str("#gt;"),
            // A label that begins with one is Markdown.
            '`' => label.push_str("#96;"),
            other => label.push(other),
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_nothing_but_text_to_mermaid() {
        assert_eq!(label("sync:dev@cu124,none"), "sync:dev@cu124,none");
        assert_eq!(label("`a` \"#1\" <b>&c"), "#96;a#96; #quot;#35;1#quot; #lt;b#gt;#amp;c");
    }
}
