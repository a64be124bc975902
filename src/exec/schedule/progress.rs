//! How far each task is. The one place where a task's state changes.
//!
//! Comes in: the schedule's edges, then one change at a time. Goes out: what follows from each change:
//! tasks that became ready, tasks that will not run. Each edge is followed once.
//!
//! It does not know workers, resources or why a task failed.

use std::time::Instant;

use super::spec::{Because, Schedule, TaskEnd, TaskIndex};

/// A task's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// For tasks before it.
    Waiting,
    /// For a worker, a resource or a lock.
    Ready,
    /// On a worker since then.
    Running(Instant),
    /// Over.
    Ended(TaskEnd),
}

/// What followed from a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// The task may run.
    Ready,
    /// The task will not run.
    Skipped(Because),
}

/// All tasks' states.
pub(super) struct Progress {
    /// By task.
    states: Vec<State>,
    /// By task: how many tasks before it have not ended.
    before: Vec<usize>,
    /// By task: those after it.
    dependents: Vec<Vec<TaskIndex>>,
    /// How many are running.
    running: usize,
}

impl Progress {
    /// Everything waits, also what waits for nothing: see [`begin`](Self::begin).
    pub(super) fn new(schedule: &Schedule) -> Self {
        let mut dependents = vec![Vec::new(); schedule.tasks.len()];
        for (at, task) in schedule.tasks.iter().enumerate() {
            for earlier in &task.after {
                dependents[earlier.0].push(TaskIndex(at));
            }
        }
        Self {
            states: vec![State::Waiting; schedule.tasks.len()],
            before: schedule.tasks.iter().map(|task| task.after.len()).collect(),
            dependents,
            running: 0,
        }
    }

    /// Makes ready what waits for nothing.
    pub(super) fn begin(&mut self, news: &mut dyn FnMut(TaskIndex, News)) {
        for at in 0..self.states.len() {
            if self.before[at] == 0 {
                self.transition(TaskIndex(at), State::Ready, news);
            }
        }
    }

    /// Skips everything that has not started.
    pub(super) fn skip_unstarted(&mut self, because: Because, news: &mut dyn FnMut(TaskIndex, News)) {
        for at in 0..self.states.len() {
            if matches!(self.states[at], State::Waiting | State::Ready) {
                self.transition(TaskIndex(at), State::Ended(TaskEnd::Skipped(because)), news);
            }
        }
    }

    /// Changes a task's state, and those of the tasks after it as far as that follows. Iterative: a chain
    /// of any length needs no stack.
    pub(super) fn transition(&mut self, task: TaskIndex, to: State, news: &mut dyn FnMut(TaskIndex, News)) {
        let mut moves = vec![(task, to)];
        while let Some((task, to)) = moves.pop() {
            let from = std::mem::replace(&mut self.states[task.0], to);
            match (from, to) {
                (State::Waiting, State::Ready) => news(task, News::Ready),
                (State::Ready, State::Running(_)) => self.running += 1,
                (State::Running(_), State::Ended(end)) => {
                    self.running -= 1;
                    self.follow(task, end, &mut moves);
                }
                (State::Waiting | State::Ready, State::Ended(end)) => {
                    if let TaskEnd::Skipped(because) = end {
                        news(task, News::Skipped(because));
                    }
                    self.follow(task, end, &mut moves);
                }
                // Reached a second time, by another way: it keeps its end.
                (State::Ended(_), State::Ended(TaskEnd::Skipped(_))) => self.states[task.0] = from,
                (from, to) => unreachable!("no task goes from {from:?} to {to:?}"),
            }
        }
    }

    /// What a task's end means for those after it.
    fn follow(&mut self, task: TaskIndex, end: TaskEnd, moves: &mut Vec<(TaskIndex, State)>) {
        let because = match end {
            TaskEnd::Done => None,
            TaskEnd::Failed => Some(Because::Failed(task)),
            TaskEnd::Skipped(because) => Some(because),
        };
        // Backwards, since moves are made from the end: news come in the order of the tasks.
        for dependent in self.dependents[task.0].iter().rev() {
            self.before[dependent.0] -= 1;
            match because {
                Some(because) => moves.push((*dependent, State::Ended(TaskEnd::Skipped(because)))),
                None if self.before[dependent.0] == 0 && self.states[dependent.0] == State::Waiting => {
                    moves.push((*dependent, State::Ready));
                }
                None => {}
            }
        }
    }

    /// How many tasks are running.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// Since when a task is running.
    pub(super) fn running_since(&self, task: TaskIndex) -> Option<Instant> {
        match self.states[task.0] {
            State::Running(since) => Some(since),
            _ => None,
        }
    }

    /// Every task's end, once nothing runs and nothing can start.
    pub(super) fn into_ends(self) -> Vec<TaskEnd> {
        let end = |state| match state {
            State::Ended(end) => end,
            other => unreachable!("an acyclic graph leaves no task {other:?}"),
        };
        self.states.into_iter().map(end).collect()
    }
}
