//! The harness: a monorepo in a temporary directory, with everything a run of envloom can touch.
//!
//! ```text
//! Monorepo::new()
//!     .index("cu124", &[("torch", "2.4.0+cu124")])    // fake wheels, PEP 503 pages on file://
//!     .package("foo", &["v0.1.2.dev0", "v0.1.2"])     // git remote with tags, as a submodule
//!     .tasks_kdl(include_str!("fixtures/three_envs.kdl"))
//!     .run("-j4 lock:prod").success().ran(&["generate:prod", "lock:prod"])
//!     .run("-j4 lock:prod").success().ran(&[]);
//! ```
//!
//! | file | holds |
//! | --- | --- |
//! | `monorepo` | [`Monorepo`], the handle that tests use; `files`: its working tree; `commands`: what it runs |
//! | `surroundings` | the explicit list of environment variables a child gets |
//! | `running`, `ran`, `events` | a started program; a finished one and its assertions; its JSON report |
//! | `text` | `[ROOT]` and its like: filled in on the way in, put back on the way out |
//! | `wheel`, `index`, `server` | fake wheels; PEP 503 pages over them; the same over loopback HTTP |
//! | `package`, `remote`, `submodule` | an internal package; its bare remote; its checkout |
//! | `backend` | git's own server of repositories over HTTP |
//! | `bad_remote` | a remote over HTTP that stalls, hangs up or fails |
//! | `colleague` | a clone on another machine |
//! | `machine`, `uv`, `python`, `pytest`, `shims` | what is taken from the machine, and the fake pyenv |
//! | `lab` | a project whose tests run in 24 cells |
//! | `gate` | a task command that waits to be released |
//! | `tree` | content and mode of a directory, for comparing |
//!
//! **Invariants.** No test reads or writes outside its root, except the provisioned uv and pytest. Nothing
//! reaches the network: the default index is a directory and every proxy variable points at a
//! closed port. Nothing here knows envloom's crate; it knows the built binary and its report.

pub(crate) mod backend;
mod bad_remote;
mod colleague;
mod commands;
mod events;
mod files;
mod gate;
mod index;
mod lab;
mod machine;
mod monorepo;
mod package;
mod pytest;
mod python;
mod ran;
mod remote;
mod running;
mod server;
mod shims;
mod submodule;
mod surroundings;
mod text;
mod tree;
mod uv;
mod wheel;

pub(crate) use bad_remote::BadRemote;
pub(crate) use commands::ENVLOOM;
pub(crate) use gate::Gate;
pub(crate) use lab::lab;
pub(crate) use machine::ambient;
pub(crate) use monorepo::Monorepo;
pub(crate) use package::Package;
pub(crate) use python::python;
pub(crate) use ran::Ran;
pub(crate) use remote::Entry;
pub(crate) use running::Running;
pub(crate) use rustix::process::Signal;
pub(crate) use tree::Tree;
pub(crate) use wheel::Wheel;
