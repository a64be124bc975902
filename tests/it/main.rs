//! The one integration binary: envloom as its users meet it.
//!
//! Every test here runs the built program with real uv and real git, offline, in surroundings of
//! its own, through the harness in [`support`]. One binary links once and shares the provisioned
//! tools; a test per behaviour lives in the module of its subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod absorb;
mod add;
mod add_package;
mod adopt;
mod affected;
mod cache;
mod calls;
mod codes;
mod completions;
mod diff;
mod doctor;
mod driver;
mod end_to_end;
mod examples;
mod faults;
mod fetch;
mod generate;
mod github;
mod harness;
mod import;
mod integrity;
mod layering;
mod lock;
mod looking;
mod make;
mod matrix;
mod outdated;
mod own_cache;
mod own_tasks;
mod pin;
mod programs;
mod promote;
mod readme;
mod remove_package;
mod resolve;
mod resolve_kinds;
mod resolve_people;
mod seed;
mod support;
mod tasks;
mod trouble;
mod venvs;
mod watch;
