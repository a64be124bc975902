//! Layer 4: [`Model`](crate::model::Model) + the words of the command line -> [`TaskGraph`].
//!
//! [`select`] reads targets, [`TaskGraphBuilder`] adds what they wait for and seals the graph. Holding a
//! [`TaskGraph`] proves that it is acyclic, that every dependency exists and that a sync has its choice on
//! every axis. The room is pure.

mod auto;
mod build;
mod cell;
mod edges;
mod environment;
mod error;
mod flow;
mod listing;
mod own;
mod own_error;
mod subject;
mod target;
mod task;
mod unknown;
mod words;

#[cfg(test)]
mod testing;

pub(crate) use auto::AskDriver;
pub(crate) use build::{TaskGraph, TaskGraphBuilder};
pub(crate) use error::{CODES, GraphError};
pub(crate) use listing::{candidates, matrix};
pub(crate) use subject::{Subject, subjects};
pub(crate) use target::{Selection, cell_of, environment_of, nothing_to_do, select};
pub(crate) use task::{Declared, Kind, OwnKey, Task, TaskKey, VERBS_OF_TASKS};
pub(crate) use words::{Assignment, Words};
