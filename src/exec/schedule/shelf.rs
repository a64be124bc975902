//! The tasks that could run, and the resources they wait for.
//!
//! Comes in: ready tasks. Goes out: the best one whose claims fit, with the claims taken. It holds for
//! each resource: either nobody is parked there, or the best one parked does not fit, or somebody was
//! woken from there and is looked at next. Every loop below keeps that, so no wake-up is lost.
//!
//! It does not know states, locks or workers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::spec::{Schedule, TaskIndex};

/// A task by urgency: the longest first, then the smaller index.
type Ranked = (Duration, Reverse<TaskIndex>);

/// Which of a task's claims are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All.
    All,
    /// Those exclusive across processes.
    Shared,
    /// The others.
    Counted,
}

/// Ready tasks and free resources.
pub(super) struct Shelf<'a> {
    /// What the tasks claim.
    schedule: &'a Schedule,
    /// Tasks that have not been looked at since something changed for them.
    ready: BinaryHeap<Ranked>,
    /// Tasks that are known to be up to date, until the run begins.
    known: Vec<TaskIndex>,
    /// Can something have run?
    has_begun: bool,
    /// By resource: tasks that lacked it when they were last looked at.
    parked: Vec<BinaryHeap<Ranked>>,
    /// By resource: how much is free.
    free: Vec<u64>,
}

impl<'a> Shelf<'a> {
    /// An empty shelf; everything is free.
    pub(super) fn new(schedule: &'a Schedule) -> Self {
        Self {
            schedule,
            ready: BinaryHeap::new(),
            known: Vec::new(),
            has_begun: false,
            parked: schedule.resources.iter().map(|_| BinaryHeap::new()).collect(),
            free: schedule.resources.iter().map(|resource| resource.capacity).collect(),
        }
    }

    /// Adds a ready task.
    pub(super) fn push(&mut self, task: TaskIndex) {
        let spec = &self.schedule.tasks[task.0];
        if spec.known && !self.has_begun {
            self.known.push(task);
        } else {
            self.ready.push((spec.expected, Reverse(task)));
        }
    }

    /// Takes a task that is known to be up to date, nothing having run before it. It claims nothing. When none is left
    /// the run begins: from then on a task before may have changed what is known.
    pub(super) fn take_known(&mut self) -> Option<TaskIndex> {
        let known = self.known.pop();
        self.has_begun = known.is_none();
        known
    }

    /// Takes the best task that fits, and its claims.
    pub(super) fn take(&mut self) -> Option<TaskIndex> {
        loop {
            let ranked = self.ready.pop()?;
            let Reverse(task) = ranked.1;
            let lacking = self.lacking(task, Part::All);
            match lacking {
                Some(resource) => self.parked[resource].push(ranked),
                None => self.occupy(task, Part::All),
            }
            // It may have been woken from a resource that still has room: the next one there has its chance.
            self.wake_at_claims_of(task, Part::All);
            if lacking.is_none() {
                return Some(task);
            }
        }
    }

    /// Is there a task that may fit?
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes part of a task's claims, if all of that part fits.
    pub(super) fn reclaim(&mut self, task: TaskIndex, part: Part) -> bool {
        let fits = self.lacking(task, part).is_none();
        if fits {
            self.occupy(task, part);
        }
        fits
    }

    /// Gives back part of a task's claims.
    pub(super) fn release(&mut self, task: TaskIndex, part: Part) {
        for (resource, amount) in self.claims(task, part) {
            self.free[resource] += amount;
        }
        self.wake_at_claims_of(task, part);
    }

    /// Forgets every task. What is taken stays taken.
    pub(super) fn clear(&mut self) {
        self.ready.clear();
        self.parked.iter_mut().for_each(BinaryHeap::clear);
    }

    /// The names of the locks a task needs.
    pub(super) fn lock_names(&self, task: TaskIndex) -> impl Iterator<Item = &'a str> + use<'a> {
        let schedule = self.schedule;
        let claims = schedule.tasks[task.0].claims.keys();
        claims
            .map(|at| &schedule.resources[*at])
            .filter(|resource| resource.shared)
            .map(|resource| &*resource.name)
    }

    /// The first resource of which too little is free.
    fn lacking(&self, task: TaskIndex, part: Part) -> Option<usize> {
        self.claims(task, part)
            .find(|(resource, amount)| self.free[*resource] < *amount)
            .map(|(resource, _)| resource)
    }

    /// Takes what is known to fit.
    fn occupy(&mut self, task: TaskIndex, part: Part) {
        for (resource, amount) in self.claims(task, part) {
            self.free[resource] -= amount;
        }
    }

    /// A task's claims, none above the capacity.
    fn claims(&self, task: TaskIndex, part: Part) -> impl Iterator<Item = (usize, u64)> + use<'a> {
        let schedule = self.schedule;
        schedule.tasks[task.0].claims.iter().filter_map(move |(at, amount)| {
            let resource = &schedule.resources[*at];
            let meant = part == Part::All || (part == Part::Shared) == resource.shared;
            meant.then(|| (*at, (*amount).min(resource.capacity)))
        })
    }

    /// At each resource of this task, makes the best parked one ready if it fits there.
    fn wake_at_claims_of(&mut self, task: TaskIndex, part: Part) {
        for (resource, _) in self.claims(task, part) {
            let Some((_, Reverse(best))) = self.parked[resource].peek() else {
                continue;
            };
            let amount =
                self.claims(*best, Part::All).find(|(at, _)| *at == resource).map_or(0, |(_, amount)| amount);
            if amount <= self.free[resource] {
                self.ready.extend(self.parked[resource].pop());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::{Resource, TaskSpec};
    use super::*;

    fn schedule(capacities: &[u64], tasks: &[(u64, &[(usize, u64)])]) -> Schedule {
        let resource = |(at, capacity): (usize, &u64)| Resource {
            name: at.to_string(),
            capacity: *capacity,
            shared: false,
        };
        let task = |(seconds, claims): &(u64, &[(usize, u64)])| TaskSpec {
            claims: claims.iter().copied().collect(),
            expected: Duration::from_secs(*seconds),
            ..TaskSpec::default()
        };
        Schedule {
            tasks: tasks.iter().map(task).collect(),
            resources: capacities.iter().enumerate().map(resource).collect(),
        }
    }

    fn taken(shelf: &mut Shelf<'_>) -> Vec<usize> {
        std::iter::from_fn(|| shelf.take()).map(|task| task.0).collect()
    }

    #[test]
    fn the_longest_goes_first_then_the_earlier() {
        let schedule = schedule(&[], &[(1, &[]), (5, &[]), (1, &[]), (5, &[])]);
        let mut shelf = Shelf::new(&schedule);
        (0..4).for_each(|task| shelf.push(TaskIndex(task)));
        assert_eq!(taken(&mut shelf), [1, 3, 0, 2]);
    }

    #[test]
    fn a_release_wakes_the_best_and_no_more_than_fit() {
        let schedule = schedule(&[2], &[(1, &[(0, 1)]), (2, &[(0, 1)]), (3, &[(0, 1)]), (4, &[(0, 1)])]);
        let mut shelf = Shelf::new(&schedule);
        (0..4).for_each(|task| shelf.push(TaskIndex(task)));
        assert_eq!(taken(&mut shelf), [3, 2]);
        shelf.release(TaskIndex(3), Part::All);
        assert_eq!(taken(&mut shelf), [1]);
        shelf.release(TaskIndex(2), Part::All);
        shelf.release(TaskIndex(1), Part::All);
        assert_eq!(taken(&mut shelf), [0]);
    }

    #[test]
    fn one_that_needs_two_resources_does_not_block_those_behind_it() {
        // Task 1 lacks resource 1, so resource 0 must go on to task 2.
        let schedule =
            schedule(&[1, 1], &[(9, &[(0, 1)]), (8, &[(0, 1), (1, 1)]), (7, &[(0, 1)]), (10, &[(1, 1)])]);
        let mut shelf = Shelf::new(&schedule);
        (0..4).for_each(|task| shelf.push(TaskIndex(task)));
        assert_eq!(taken(&mut shelf), [3, 0]);
        shelf.release(TaskIndex(0), Part::All);
        assert_eq!(taken(&mut shelf), [2]);
        shelf.release(TaskIndex(3), Part::All);
        assert_eq!(taken(&mut shelf), [0; 0]);
        shelf.release(TaskIndex(2), Part::All);
        assert_eq!(taken(&mut shelf), [1]);
    }

    #[test]
    fn a_claim_above_the_capacity_runs_alone() {
        let schedule = schedule(&[4], &[(2, &[(0, 100)]), (1, &[(0, 1)])]);
        let mut shelf = Shelf::new(&schedule);
        (0..2).for_each(|task| shelf.push(TaskIndex(task)));
        assert_eq!(taken(&mut shelf), [0]);
        shelf.release(TaskIndex(0), Part::All);
        assert_eq!(taken(&mut shelf), [1]);
    }
}
