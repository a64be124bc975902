//! From selected tasks to a sealed graph.

use std::collections::BTreeMap;

use miette::SourceSpan;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::edges::Edges;
use super::error::{GraphError, GraphFinding};
use super::target::Selection;
use super::task::{Task, TaskKey};
use super::words::Words;
use crate::model::{LocalModel, Model};

/// Tasks and what they wait for; acyclic. Tasks stand in the order they were asked for, what a task needs
/// before it, so that the same call gives the same places.
#[derive(Debug, Clone)]
pub(crate) struct TaskGraph {
    tasks: Vec<Task>,
}

impl TaskGraph {
    /// All tasks; [`Task::needs`] and [`Task::after`] are places in this list.
    #[must_use]
    pub(crate) fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The graph of the tasks at these places alone, with all that they need.
    #[must_use]
    pub(crate) fn only(&self, places: impl IntoIterator<Item = usize>) -> Self {
        let mut kept = vec![false; self.tasks.len()];
        let mut way: Vec<usize> = places.into_iter().collect();
        while let Some(place) = way.pop() {
            if !std::mem::replace(&mut kept[place], true) {
                way.extend(&self.tasks[place].needs);
            }
        }
        let mut moved = vec![None; self.tasks.len()];
        for (now, place) in (0..self.tasks.len()).filter(|place| kept[*place]).enumerate() {
            moved[place] = Some(now);
        }
        let here = |places: &[usize]| places.iter().filter_map(|place| moved[*place]).collect();
        let tasks = self.tasks.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(task, _)| Task {
            needs: here(&task.needs),
            after: here(&task.after),
            ..task.clone()
        });
        Self { tasks: tasks.collect() }
    }
}

/// Collects tasks; [`seal`](Self::seal) is the only way to a [`TaskGraph`].
#[derive(Debug, Default)]
pub(crate) struct TaskGraphBuilder {
    tasks: Vec<Task>,
    places: BTreeMap<TaskKey, usize>,
}

impl TaskGraphBuilder {
    /// An empty one.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds every selected task and all that it waits for. `words` are those of the call.
    ///
    /// # Errors
    /// Every edge of an own task that leads nowhere, and every file that two tasks make, over the text that declares
    /// them; or a value of the call that says nothing to its tasks.
    pub(crate) fn with_selection(
        mut self,
        model: &Model,
        local: Option<&LocalModel>,
        words: &Words,
        selection: &Selection,
    ) -> Result<Self, GraphError> {
        let edges = Edges::new(model, local, words);
        for key in &selection.keys {
            self.add_with_needs(&edges, key)?;
        }
        self.order_readers_after_writers();
        edges.idle_variables(&self.tasks)?;
        Ok(self)
    }

    /// Adds one task without edges; says where it stands. A second addition of a key is the first.
    pub(crate) fn add(&mut self, key: TaskKey, id: String, span: SourceSpan) -> usize {
        if let Some(&place) = self.places.get(&key) {
            return place;
        }
        let place = self.tasks.len();
        self.places.insert(key.clone(), place);
        self.tasks.push(Task { key, id, needs: Vec::new(), after: Vec::new(), span, job: None });
        place
    }

    /// Lets the task at `from` wait for the success of the one at `on`.
    pub(crate) fn needs(&mut self, from: usize, on: usize) {
        if !self.tasks[from].needs.contains(&on) {
            self.tasks[from].needs.push(on);
        }
    }

    /// Proves the graph acyclic.
    ///
    /// # Errors
    /// Every circle, each shown whole over the text of `tasks.kdl`; those of private tasks alone over that of
    /// `tasks.local.kdl`, once there are no others.
    pub(crate) fn seal(self, model: &Model, local: Option<&LocalModel>) -> Result<TaskGraph, GraphError> {
        let (shared, private): (Vec<Circle>, Vec<Circle>) =
            self.circles().into_iter().partition(|circle| !circle.is_private);
        let (source, circles) = match local {
            Some(local) if shared.is_empty() => (&local.source, private),
            _ => (&model.source, shared),
        };
        if circles.is_empty() {
            return Ok(TaskGraph { tasks: self.tasks });
        }
        let findings = circles.into_iter().map(|circle| circle.finding).collect();
        Err(GraphError { source_code: source.named(), findings })
    }

    /// Adds a task behind everything that it waits for. Chains of own tasks may be long, so the way down is a list and
    /// no recursion; a task that is met again on its own way down is part of a circle, which [`Self::seal`] shows.
    fn add_with_needs(&mut self, edges: &Edges<'_>, key: &TaskKey) -> Result<(), GraphError> {
        let mut needs: BTreeMap<TaskKey, Vec<TaskKey>> = BTreeMap::new();
        let mut added = Vec::new();
        let mut way = vec![(key.clone(), false)];
        while let Some((key, done)) = way.pop() {
            if done {
                let (id, span, job) = edges.declaration(&key)?;
                let place = self.add(key.clone(), id, span);
                self.tasks[place].job = job.map(Box::new);
                added.push(key);
            } else if !needs.contains_key(&key) && !self.places.contains_key(&key) {
                let before = edges.needs_of(&key)?;
                way.push((key.clone(), true));
                way.extend(before.iter().rev().map(|need| (need.clone(), false)));
                needs.insert(key, before);
            }
        }
        for key in added {
            for need in &needs[&key] {
                self.needs(self.places[&key], self.places[need]);
            }
        }
        Ok(())
    }

    /// `check` and `verify` read what `generate` and `lock` write: in one call they come after.
    fn order_readers_after_writers(&mut self) {
        for place in 0..self.tasks.len() {
            let writers: Vec<usize> = match self.tasks[place].key {
                TaskKey::Check(id) | TaskKey::Verify(id) => [TaskKey::Generate(id), TaskKey::Lock(id)]
                    .iter()
                    .filter_map(|writer| self.places.get(writer).copied())
                    .collect(),
                _ => Vec::new(),
            };
            self.tasks[place].after = writers;
        }
    }

    fn circles(&self) -> Vec<Circle> {
        let mut graph = DiGraph::<(), (), u32>::with_capacity(self.tasks.len(), self.tasks.len());
        let nodes: Vec<NodeIndex<u32>> = self.tasks.iter().map(|_| graph.add_node(())).collect();
        for (place, task) in self.tasks.iter().enumerate() {
            for &on in task.needs.iter().chain(&task.after) {
                graph.add_edge(nodes[place], nodes[on], ());
            }
        }
        tarjan_scc(&graph)
            .into_iter()
            .filter(|component| component.len() > 1 || graph.contains_edge(component[0], component[0]))
            .map(|component| self.circle(&component.iter().map(|node| node.index()).collect::<Vec<_>>()))
            .collect()
    }

    /// One circle through a strongly connected component: from its first task along edges that stay in it.
    fn circle(&self, component: &[usize]) -> Circle {
        let mut walk = vec![component.iter().copied().min().unwrap_or_default()];
        let back = loop {
            let here = &self.tasks[walk[walk.len() - 1]];
            let next = here.needs.iter().chain(&here.after).copied().find(|on| component.contains(on));
            let next = next.expect("every task of a strongly connected component has an edge within it");
            if let Some(at) = walk.iter().position(|&seen| seen == next) {
                break at;
            }
            walk.push(next);
        };
        let circle = &walk[back..];
        let mut names: Vec<&str> = circle.iter().map(|&at| self.tasks[at].id.as_str()).collect();
        names.push(names[0]);
        // A circle through both files is shown over `tasks.kdl`, where places of the other one mean nothing.
        let (private, shared): (Vec<usize>, Vec<usize>) =
            circle.iter().partition(|&&at| self.tasks[at].is_private());
        let is_private = shared.is_empty();
        let shown = if is_private { private } else { shared };
        let spans = shown.iter().map(|&at| self.tasks[at].span).collect();
        Circle { finding: GraphFinding::Cycle { path: names.join(" -> "), spans }, is_private }
    }
}

/// Tasks that wait for one another.
struct Circle {
    finding: GraphFinding,
    /// Does none of them stand in `tasks.kdl`?
    is_private: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SourceFile;
    use crate::graph::task::{Declared, OwnKey};
    use crate::graph::testing;
    use crate::model::OwnCell;

    fn own(at: usize) -> TaskKey {
        TaskKey::Own(OwnKey { task: Declared::Shared(at), cell: OwnCell::default() })
    }

    #[test]
    fn a_frozen_sync_waits_for_check_and_verify_and_not_for_lock() {
        assert_eq!(
            testing::graph("sync:prod@cu124,none"),
            ["check:prod", "verify:prod", "sync:prod@cu124,none <- check:prod verify:prod"]
        );
    }

    #[test]
    fn a_workspace_sync_waits_for_its_lock() {
        assert_eq!(
            testing::graph("sync:dev@cpu,none"),
            ["generate:dev", "lock:dev <- generate:dev", "sync:dev@cpu,none <- lock:dev"]
        );
    }

    #[test]
    fn readers_come_after_writers_of_the_same_call_only() {
        assert_eq!(
            testing::graph("check:prod lock:prod"),
            ["check:prod after generate:prod lock:prod", "generate:prod", "lock:prod <- generate:prod"]
        );
        assert_eq!(testing::graph("check:prod"), ["check:prod"]);
    }

    #[test]
    fn a_circle_is_shown_whole() {
        let model = Model { source: SourceFile::new("tasks.kdl", "a b c"), ..testing::model() };
        let mut builder = TaskGraphBuilder::new();
        let places: Vec<usize> = ["a", "b", "c", "d"]
            .iter()
            .enumerate()
            .map(|(at, name)| builder.add(own(at), (*name).to_owned(), (at * 2, 1).into()))
            .collect();
        builder.needs(places[0], places[1]);
        builder.needs(places[1], places[2]);
        builder.needs(places[2], places[0]);
        builder.needs(places[3], places[0]);
        let error = builder.seal(&model, None).unwrap_err();
        assert_eq!(error.findings.len(), 1);
        assert_eq!(error.findings[0].to_string(), "tasks wait for one another: a -> b -> c -> a");
    }

    #[test]
    fn a_long_chain_overflows_no_stack() {
        let mut builder = TaskGraphBuilder::new();
        for at in 0..100_000 {
            builder.add(own(at), at.to_string(), (0, 0).into());
        }
        for at in 1..100_000 {
            builder.needs(at, at - 1);
        }
        assert_eq!(builder.seal(&testing::model(), None).unwrap().tasks().len(), 100_000);
    }
}
