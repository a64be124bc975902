//! Room `tool`: the programs envloom starts but did not write, and their versions.
//!
//! In comes the captured process environment ([`Surroundings`]); out come absolute programs with
//! their versions ([`uv::Uv`], [`python::Interpreter`], [`git::Git`], [`driver::Driver`]) and the answers of read-only
//! questions to them.
//!
//! Invariants:
//! - Nothing is changed, with two exceptions: uv is provisioned into the *user's* cache
//!   ([`uv`]), and a bare clone is kept where the caller says ([`git::Git::mirror`]).
//! - No program is ever taken from the repository, from `.` or from an empty `PATH` entry; no
//!   version manager's shim is ever run.
//! - Every child follows one rule, in [`run`]: absolute program, argv array, `--` before data,
//!   no stdin, own process group, explicit environment, fixed directory, time limit, and an end at Ctrl-C ([`leash`]).
//! - Every URL and tag that reaches git passed [`address::check_url`] or [`address::check_tag`].
//!
//! It must not know what a package, an environment or a task is.

pub(crate) mod address;
pub(crate) mod driver;
pub(crate) mod error;
pub(crate) mod git;
pub(crate) mod hardware;
mod leash;
pub(crate) mod make;
pub(crate) mod memo;
pub(crate) mod python;
pub(crate) mod run;
pub(crate) mod surroundings;
pub(crate) mod uv;
mod variable_table;
pub(crate) mod variables;

pub(crate) use error::{CODES, ToolError};
pub(crate) use leash::{
    Charge, Shield, Tidying, allow_questions, ignored_signals, interrupted, stop_questions,
};
pub(crate) use surroundings::Surroundings;

#[cfg(test)]
mod testing;
