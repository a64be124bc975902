//! Nodes of the graph.

use std::fmt;

use miette::SourceSpan;

use crate::model::{Cell, EnvironmentId, Job, Model, OwnCell};

/// The words that select envloom's own kinds of task.
pub(crate) const VERBS_OF_TASKS: [&str; 5] = ["generate", "lock", "check", "verify", "sync"];

/// What a task does, and for what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TaskKey {
    /// Writes the entries of a manifest that envloom owns.
    Generate(EnvironmentId),
    /// `uv lock`, and the ledger.
    Lock(EnvironmentId),
    /// Drift of the manifest, and `uv lock --check`; reads only.
    Check(EnvironmentId),
    /// The integrity rules; reads only.
    Verify(EnvironmentId),
    /// `uv sync` into the cell's venv.
    Sync(Cell),
    /// A task of the maintainer's, in one cell.
    Own(OwnKey),
}

/// An own task in one cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OwnKey {
    /// Which task.
    pub(crate) task: Declared,
    /// In which cell; the empty one for a task without matrix.
    pub(crate) cell: OwnCell,
}

/// Where an own task is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Declared {
    /// In `tasks.kdl`, by its place in the model.
    Shared(usize),
    /// In `tasks.local.kdl`, by its place in the local model.
    Private(usize),
}

/// What kinds of task share: how many run at once, how they are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// [`TaskKey::Generate`]
    Generate,
    /// [`TaskKey::Lock`]
    Lock,
    /// [`TaskKey::Check`]
    Check,
    /// [`TaskKey::Verify`]
    Verify,
    /// [`TaskKey::Sync`]
    Sync,
    /// [`TaskKey::Own`]
    Own,
}

/// A node of the graph.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// What it does.
    pub(crate) key: TaskKey,
    /// Its name, as a user would type it: `lock:prod`, `sync:dev@cu124`. Stable across runs.
    pub(crate) id: String,
    /// The tasks that must have succeeded: places in the graph.
    pub(crate) needs: Vec<usize>,
    /// The tasks it comes after where both are selected; they too must not have failed.
    pub(crate) after: Vec<usize>,
    /// The node of `tasks.kdl` that declared it (of `tasks.local.kdl` for a private one).
    pub(crate) span: SourceSpan,
    /// What an own task is told in this call; `None` for envloom's own kinds.
    pub(crate) job: Option<Box<Job>>,
}

impl Task {
    /// Does its span point into `tasks.local.kdl`?
    pub(crate) fn is_private(&self) -> bool {
        matches!(&self.key, TaskKey::Own(OwnKey { task: Declared::Private(_), .. }))
    }
}

impl TaskKey {
    /// Its kind.
    #[must_use]
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Generate(_) => Kind::Generate,
            Self::Lock(_) => Kind::Lock,
            Self::Check(_) => Kind::Check,
            Self::Verify(_) => Kind::Verify,
            Self::Sync(_) => Kind::Sync,
            Self::Own(_) => Kind::Own,
        }
    }

    /// The environment that it works on; `None`: an own task, which works in one at most.
    #[must_use]
    pub(crate) fn environment(&self) -> Option<EnvironmentId> {
        match self {
            Self::Generate(id) | Self::Lock(id) | Self::Check(id) | Self::Verify(id) => Some(*id),
            Self::Sync(cell) => Some(cell.environment),
            Self::Own(_) => None,
        }
    }

    /// The name of a task of envloom's own, as a user would type it; empty for the maintainer's.
    pub(crate) fn name(&self, model: &Model) -> String {
        self.id(model, "")
    }

    /// Its name as a user would type it. Own tasks are named by whoever has their declaration.
    pub(super) fn id(&self, model: &Model, own_name: &str) -> String {
        if let Self::Own(key) = self {
            return format!("{own_name}{}", key.cell.address(model));
        }
        let Some(environment) = self.environment() else { return own_name.to_owned() };
        let name = &model.environment(environment).name.value;
        let address = match self {
            Self::Sync(cell) => cell.address(model),
            _ => None,
        };
        match address {
            Some(address) => format!("{}:{name}@{address}", self.kind()),
            None => format!("{}:{name}", self.kind()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generate => "generate",
            Self::Lock => "lock",
            Self::Check => "check",
            Self::Verify => "verify",
            Self::Sync => "sync",
            Self::Own => "task",
        })
    }
}
