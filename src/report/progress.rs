//! How far a run is, as counted from its events: what the status lines, heartbeats and the last line read.

use std::collections::BTreeMap;

use crate::event::{Counts, Event, Fact, TaskResult};

/// How far the run is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The targets, as typed or as `default` gives them.
    pub(super) targets: Vec<String>,
    /// Did `default` give them?
    pub(super) by_default: bool,
    /// How many tasks they select.
    pub(super) selected: usize,
    /// How many tasks have ended, and how.
    pub(super) counts: Counts,
    /// What runs or waits for another envloom.
    pub(super) running: BTreeMap<String, Running>,
    /// The task that has the terminal: nothing is drawn meanwhile.
    pub(super) terminal_of: Option<String>,
}

/// A task that has begun and not ended.
#[derive(Debug)]
pub(super) struct Running {
    /// When it began, in milliseconds of the run.
    pub(super) since_ms: u64,
    /// How long it took last time.
    pub(super) expected_ms: Option<u64>,
    /// The lock it waits for.
    pub(super) waiting: Option<String>,
}

impl Progress {
    pub(super) fn apply(&mut self, event: &Event) {
        match &event.fact {
            Fact::Began { targets, by_default, tasks, .. } => {
                self.targets.clone_from(targets);
                self.by_default = *by_default;
                self.selected = *tasks;
            }
            Fact::Started { task, expected_ms, .. } => {
                let started = Running { since_ms: event.at_ms, expected_ms: *expected_ms, waiting: None };
                self.running.insert(task.clone(), started);
            }
            Fact::Terminal { task, .. } => self.terminal_of = Some(task.clone()),
            Fact::Waiting { task, lock } => {
                self.running
                    .entry(task.clone())
                    .or_insert(Running { since_ms: event.at_ms, expected_ms: None, waiting: None })
                    .waiting = Some(lock.clone());
            }
            // Whoever prints has the lock it waited for.
            Fact::Output { task, .. } => {
                if let Some(running) = self.running.get_mut(task) {
                    running.waiting = None;
                }
            }
            Fact::Finished { task, result, .. } => {
                self.running.remove(task);
                self.terminal_of = self.terminal_of.take().filter(|holder| holder != task);
                match result {
                    TaskResult::Ran => self.counts.ran += 1,
                    TaskResult::Fresh => self.counts.fresh += 1,
                    TaskResult::Restored => self.counts.restored += 1,
                    TaskResult::Touched => self.counts.touched += 1,
                    TaskResult::WouldRun => self.counts.would_run += 1,
                    TaskResult::Failed => self.counts.failed += 1,
                    TaskResult::Skipped => self.counts.skipped += 1,
                }
            }
            Fact::Notice { .. } | Fact::Command { .. } | Fact::Interrupted { .. } | Fact::Ended { .. } => {}
        }
    }

    /// How many tasks have ended.
    pub(super) fn ended(&self) -> usize {
        let Counts { ran, fresh, restored, touched, would_run, failed, skipped } = self.counts;
        ran + fresh + restored + touched + would_run + failed + skipped
    }

    /// Did nothing but comparing happen so far?
    pub(super) fn idle(&self) -> bool {
        self.ended() == self.counts.fresh && self.running.is_empty()
    }

    /// The one target the user named, if it is one.
    pub(super) fn sole_target(&self) -> Option<&str> {
        match self.targets.as_slice() {
            [only] if !self.by_default => Some(only),
            _ => None,
        }
    }

    /// What runs, longest first.
    pub(super) fn oldest_first(&self) -> Vec<(&str, &Running)> {
        let mut all: Vec<_> = self.running.iter().map(|(task, running)| (task.as_str(), running)).collect();
        all.sort_by_key(|(_, running)| running.since_ms);
        all
    }
}
