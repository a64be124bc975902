//! envloom keeps the environments of a Python monorepo built on uv: one `tasks.kdl` describes them, envloom writes
//! their manifests, locks, checks and syncs them in parallel, and does only what changed.
//!
//! Data goes one way. Each arrow is a door between two rooms; holding the type that passes it proves that the checks
//! of all earlier rooms have passed. Rooms import only from rooms of a smaller number; `tests/it/layering.rs` fails
//! on any other import.
//!
//! ```text
//! KDL text -> Config -> Model -> ManifestSet -> TaskGraph -> decisions -> Events -> report
//! ```
//!
//! | room | layer | door |
//! | --- | --- | --- |
//! | `base` | 0 | `Spanned`, `SourceFile`, `Digest`, `RelPath`: places, digests, paths, whole-file writes |
//! | `tool` | 1 | `Surroundings` -> `Uv`, `Git`, `Interpreter`: external programs and their answers |
//! | `config` | 1 | KDL text -> `Config` |
//! | `model` | 2 | `Config` -> `Model` |
//! | `ledger` | 3 | `envloom.lock` <-> `Record`; a `Lockfile` against both |
//! | `manifest` | 3 | `Model` + `Record` + old TOML -> `ManifestSet` |
//! | `graph` | 4 | `Model` + words -> `TaskGraph` |
//! | `cache` | 5 | verdicts, stamps, the compiled plan, the journal |
//! | `import` | 5 | the facts of manifests -> the text of a `tasks.kdl`, for `envloom import` |
//! | `plan` | 6 | `Premises` + a task -> `Decided`: run and why, fresh, or refused |
//! | `event` | 7 | what happened, as data |
//! | `exec` | 8 | `TaskGraph` + `Premises` -> `Event`s |
//! | `report` | 8 | `Event`s -> a terminal, plain lines, JSON; it never sees `exec` |
//! | `cli` | 9 | wires the rooms; reads arguments and environment |
//!
//! Everything up to `plan` changes nothing but caches and starts only read-only queries; what `exec` runs has effects.

mod base;
mod cache;
mod config;
mod event;
mod exec;
mod graph;
mod import;
mod ledger;
mod manifest;
mod model;
mod plan;
mod report;
mod tool;

pub mod cli;
