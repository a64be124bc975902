//! Checked `task` nodes -> [`TaskNode`].
//!
//! As with `lower`, the table has checked every node, so that nothing can fail here.

use super::check::Node;
use super::lower::{count, first};
use super::task_document::{
    CellNode, CellWords, CommandNode, CoordinatesNode, MatrixNode, ParameterNode, ServiceNode, StepNode,
    TaskNode,
};
use crate::base::Spanned;

/// A task.
pub(super) fn task(node: &Node) -> TaskNode {
    let of = |name: &'static str| node.children.iter().filter(move |child| child.spec.name == name);
    let texts = |name: &'static str| of(name).flat_map(Node::texts).collect::<Vec<_>>();
    let flag = |name: &'static str| of(name).map(|child| Spanned::new(child.flag(), child.span)).next();
    TaskNode {
        name: first(node),
        private: node.flag_of("private", false),
        description: of("description").map(first).next(),
        matrix: of("matrix").map(matrix).next(),
        after: texts("after"),
        inputs: of("inputs").next().map(|_| texts("inputs")),
        outputs: texts("outputs"),
        pass_env: texts("pass-env"),
        secrets: texts("secret"),
        cwd: of("cwd").map(first).next(),
        parameters: of("parameter")
            .map(|child| ParameterNode { name: first(child), default: child.text_of("default") })
            .collect(),
        finally: of("finally").map(command).collect(),
        service: of("service").find_map(service),
        interactive: flag("interactive").is_some_and(|flag| flag.value),
        cache: flag("cache"),
        check: flag("check"),
        common: words(&node.children),
        cells: of("cell")
            .map(|child| CellNode { coordinates: child.named_texts(), words: words(&child.children) })
            .collect(),
        span: node.span,
    }
}

/// What may differ from cell to cell.
fn words(children: &[Node]) -> CellWords {
    let mut words = CellWords::default();
    for child in children {
        match child.spec.name {
            "run" => words.steps.push(StepNode::Run(command(child))),
            "shell" => words.steps.push(StepNode::Shell(first(child))),
            "env" => words.env.push((first(child), child.texts().into_iter().nth(1))),
            "timeout" => words.timeout = Some(first(child)),
            "retries" => words.retries = count(child),
            "resources" => words.resources = child.named_texts(),
            _ => {}
        }
    }
    words
}

fn matrix(node: &Node) -> MatrixNode {
    let mut matrix =
        MatrixNode { axes: Vec::new(), include: Vec::new(), exclude: Vec::new(), span: node.span };
    for child in &node.children {
        let coordinates = || CoordinatesNode { values: child.named_texts(), span: child.span };
        match child.spec.name {
            "include" => matrix.include.push(coordinates()),
            "exclude" => matrix.exclude.push(coordinates()),
            _ => matrix.axes.push((child.name.clone(), child.texts())),
        }
    }
    matrix
}

/// `None` where its `start` was reported missing.
fn service(node: &Node) -> Option<ServiceNode> {
    let of = |name: &'static str| node.children.iter().find(|child| child.spec.name == name).map(command);
    Some(ServiceNode { start: of("start")?, ready: of("ready"), stop: of("stop") })
}

fn command(node: &Node) -> CommandNode {
    CommandNode { argv: node.texts() }
}
