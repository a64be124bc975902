//! Runs tasks in order, in parallel, each once.
//!
//! Comes in: a [`Schedule`] (who waits for whom, who needs what) and a [`Work`] that knows how to decide
//! and run one task. Goes out: [`ScheduleEvent`]s while it runs and an [`Outcome`] when nothing runs any
//! more. It does not know what a task is, what a cache is, or where a command runs.
//!
//! **One coordinator.** The thread that calls [`execute`] owns every piece of state and takes all
//! decisions; it sleeps on one channel. Workers are threads of a rayon pool of our own; each gets a task
//! only when a slot is free, runs it, and sends one message back. A task's state changes in one function,
//! so counters and queues cannot disagree:
//!
//! ```text
//! Waiting -> Ready -> Running -> Done | Failed
//! Waiting | Ready -> Skipped(because)         Ready -> Failed (its lock cannot be had)
//! ```
//!
//! **Which task next.** Of the ready tasks the one expected to take longest, then the one with the smaller
//! index. A task that lacks a resource is parked at that resource and holds no worker; a release wakes
//! the best parked one. One that needs much is not overtaken by those parked behind it.
//!
//! **Resources** are counted: GPUs, memory, "at most two syncs", and with a capacity of one anything
//! exclusive. A *shared* resource is exclusive across processes too, by a file lock of its name. Such a
//! lock is only taken when a slot is free. Holding it while waiting for a slot would let a task that runs
//! envloom itself wait for its own outer run. So when a waiter gets the lock and no slot is free, it is
//! given back and tried again later. While it waits for a lock, a task keeps its shared resources, so
//! that one thread waits per lock and not one per task, and gives back its counted ones.
//!
//! **Deciding** (fresh or not) is done by the worker, after the locks are held: it may hash files, and
//! whoever waited for another process then sees that process's result. The locks are given up only after
//! the coordinator has passed on the task's end, so that the result is recorded by then.
//!
//! **Edges** are of one kind. An edge that only orders two selected tasks (check after lock) is treated
//! like a dependency: if the earlier fails, the later would judge a state that nobody wanted.
//!
//! **The end.** Without `keep_going` the first failure lets running tasks finish and starts none. A
//! SIGINT, SIGTERM or SIGHUP is passed on to all process groups, with SIGKILL after the grace, or at once
//! on a second SIGINT or SIGTERM.
//!
//! **Load.** With a limit (`load`), nothing is started beside others while the machine's load is at or above it; it is
//! looked at again whenever something happens, and every second.
//!
//! **Jobserver.** Under make, or with a jobserver of envloom's own, every running task but the first has a token. One that
//! finds none waits as a ready task; a thread says when there may be one. A token is taken before a task's locks.
//!
//! The channel is bounded, so output faster than the screen slows its task down instead of filling the
//! memory. The sink of events must therefore not wait for anything a task does.
//!
//! Refused: one token per ready task with workers that choose (rayon runs them last in, first out, and two
//! sides would own the queue); `par_iter` or `join` inside a task (a waiting worker would steal whole
//! tasks): a [`Work`] must not use rayon on its own thread.

mod coordinator;
#[cfg(test)]
mod laws;
mod load;
mod progress;
mod shelf;
mod spec;
mod tokens;
mod worker;

pub(crate) use coordinator::execute;
pub(crate) use load::{LoadLimit, load_average};
#[cfg(test)]
pub(crate) use spec::Claims;
#[cfg(test)]
pub(crate) use spec::Outcome;
#[cfg(test)]
pub(crate) use spec::TaskEnd;
pub(crate) use spec::{
    Because, Context, Control, Decision, Finish, Options, Resource, Schedule, ScheduleEvent, TaskIndex,
    TaskSpec, Work,
};
