//! What own tasks need that only this machine and this call can say: values of secrets, to mask them, and the pools
//! that tasks take from.
//!
//! A [`Means`] is made before anything runs. Having one proves that every secret of the selected tasks can be masked,
//! and that no task takes more of a pool than there is.
//!
//! # Pools
//! A pool is what `resources` declares, in `tasks.local.kdl` before `tasks.kdl`. Two have a default: `gpu`, the NVIDIA
//! devices seen, and `memory`, the machine's, in bytes. Every running task that takes of `gpu` has devices of its own in
//! `CUDA_VISIBLE_DEVICES`, of those that an inherited one names; a task that takes none of it, and says so, sees none.
//! Pools are one run's: another envloom has its own, since nobody could say who should wait for whom.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::Arc;

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

use super::mask::{Mask, SHORTEST};
use crate::base::bytes_text;
use crate::graph::{Declared, Task, TaskGraph, TaskKey};
use crate::model::OwnTask;
use crate::plan::Premises;
use crate::tool::{Surroundings, hardware};

/// The codes of [`MeansFinding`] and what they mean, for the README.
pub(crate) const CODES: &[(&str, &str)] = &[
    ("envloom::exec::secret_too_short", "the value of a secret is too short to be masked"),
    ("envloom::exec::unknown_pool", "a task takes of a pool that nobody has declared"),
    ("envloom::exec::pool_too_small", "a task takes more of a pool than there is"),
];

/// The pool of NVIDIA devices.
pub(crate) const GPU: &str = "gpu";

/// The pool of bytes.
const MEMORY: &str = "memory";

/// The variable that says which devices a program sees.
pub(crate) const DEVICES_VARIABLE: &str = "CUDA_VISIBLE_DEVICES";

/// What tasks of a run share and hide.
#[derive(Debug, Default)]
pub(crate) struct Means {
    /// The secrets of all its tasks.
    pub(crate) mask: Arc<Mask>,
    /// How much there is of each pool that one of its tasks names.
    pub(crate) pools: BTreeMap<String, u64>,
    /// The devices behind [`GPU`], as programs are told them.
    pub(crate) devices: Vec<String>,
}

/// All that is wanting, over the text that asks for it.
#[derive(Debug, Error, Diagnostic)]
#[error("nothing was run: what the tasks need is not there")]
pub(crate) struct MeansError {
    #[source_code]
    source_code: NamedSource<String>,
    #[related]
    findings: Vec<MeansFinding>,
}

/// One thing that is wanting.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
pub(crate) enum MeansFinding {
    /// Too short to be masked.
    #[error("the value of the secret `{name}` is too short to be masked")]
    #[diagnostic(
        code(envloom::exec::secret_too_short),
        help(
            "to mask fewer than {SHORTEST} characters would hide every word that has them; give it a longer value, or pass it by `pass-env`"
        )
    )]
    SecretTooShort {
        /// The variable.
        name: String,
        /// The task's name.
        #[label("names it")]
        span: SourceSpan,
    },
    /// Nobody has said how much there is.
    #[error("`{task}` takes of the pool `{pool}`, which nobody has declared")]
    #[diagnostic(
        code(envloom::exec::unknown_pool),
        help(
            "say how much there is: `resources {pool}=2` in tasks.kdl, or in tasks.local.kdl for this machine"
        )
    )]
    UnknownPool {
        /// The task.
        task: String,
        /// The pool.
        pool: String,
        /// Its name in the task.
        #[label("how much is there?")]
        span: SourceSpan,
    },
    /// A task can never have what it takes.
    #[error("`{task}` takes {wanted} of `{pool}`, and there is {there}")]
    #[diagnostic(code(envloom::exec::pool_too_small), help("{help}"))]
    TooLittle {
        /// The task.
        task: String,
        /// The pool.
        pool: String,
        /// What it takes.
        wanted: String,
        /// What there is.
        there: String,
        /// Where that comes from.
        help: String,
        /// Its name in the task.
        #[label("more than there is")]
        span: SourceSpan,
    },
}

impl Means {
    /// What the own tasks of a graph need.
    ///
    /// # Errors
    /// Everything that is wanting in the file that has the first of it.
    pub(crate) fn of(
        premises: &Premises,
        graph: &TaskGraph,
        surroundings: &Surroundings,
    ) -> Result<Self, MeansError> {
        let mut collect = Collect {
            premises,
            surroundings,
            means: Self::default(),
            secrets: Vec::new(),
            findings: [Vec::new(), Vec::new()],
        };
        for task in graph.tasks() {
            if let Some(declared) = declared(premises, task) {
                collect.secrets(task, declared);
                collect.pools(task, declared);
            }
        }
        collect.finish()
    }
}

/// The declaration of an own task.
fn declared<'p>(premises: &'p Premises, task: &Task) -> Option<&'p OwnTask> {
    let TaskKey::Own(key) = &task.key else { return None };
    match key.task {
        Declared::Shared(at) => premises.model.tasks.get(at),
        Declared::Private(at) => premises.local.as_ref()?.tasks.get(at),
    }
}

struct Collect<'a> {
    premises: &'a Premises,
    surroundings: &'a Surroundings,
    means: Means,
    secrets: Vec<&'a [u8]>,
    /// In `tasks.kdl`, and in `tasks.local.kdl`.
    findings: [Vec<MeansFinding>; 2],
}

impl<'a> Collect<'a> {
    fn secrets(&mut self, task: &Task, declared: &'a OwnTask) {
        for name in &declared.secrets {
            let Some(value) = self.premises.machine.variables.get(OsStr::new(name)) else { continue };
            let value = value.as_encoded_bytes();
            if (1..SHORTEST).contains(&value.len()) {
                let finding = MeansFinding::SecretTooShort { name: name.clone(), span: declared.name.span };
                self.report(task, finding);
            }
            self.secrets.push(value);
        }
    }

    fn pools(&mut self, task: &Task, declared: &'a OwnTask) {
        let Some(job) = &task.job else { return };
        for (pool, wanted) in &job.resources {
            let span = declared.span_of_pool(pool);
            let Some(there) = self.capacity(pool) else {
                let (task_name, pool) = (task.id.clone(), pool.clone());
                self.report(task, MeansFinding::UnknownPool { task: task_name, pool, span });
                continue;
            };
            if *wanted > there {
                let amount = |amount: u64| {
                    if pool == MEMORY { bytes_text(amount) } else { amount.to_string() }
                };
                let finding = MeansFinding::TooLittle {
                    task: task.id.clone(),
                    pool: pool.clone(),
                    wanted: amount(*wanted),
                    there: amount(there),
                    help: self.help(pool),
                    span,
                };
                self.report(task, finding);
            }
        }
    }

    /// How much there is of a pool.
    fn capacity(&mut self, pool: &str) -> Option<u64> {
        if let Some(known) = self.means.pools.get(pool) {
            return Some(*known);
        }
        let capacity = match (self.declared(pool), pool) {
            (declared, GPU) => {
                let seen = declared.unwrap_or_else(|| {
                    hardware::gpus(self.surroundings, &self.premises.root).try_into().unwrap_or(u64::MAX)
                });
                let inherited = self.premises.machine.variables.get(OsStr::new(DEVICES_VARIABLE));
                let inherited = inherited.map(|value| value.to_string_lossy().into_owned());
                self.means.devices = hardware::visible(seen, inherited.as_deref());
                self.means.devices.len().try_into().unwrap_or(u64::MAX)
            }
            (Some(declared), _) => declared,
            (None, MEMORY) => hardware::memory()?,
            (None, _) => return None,
        };
        self.means.pools.insert(pool.to_owned(), capacity);
        Some(capacity)
    }

    fn declared(&self, pool: &str) -> Option<u64> {
        let local = self.premises.local.as_ref().and_then(|local| local.pools.get(pool));
        local.or_else(|| self.premises.model.pools.get(pool)).copied()
    }

    /// What to do about a pool that is too small.
    fn help(&self, pool: &str) -> String {
        let here = format!("`resources {pool}=…` in tasks.local.kdl says how much this machine has");
        match (self.declared(pool), pool) {
            (None, GPU) => format!("so many NVIDIA devices are seen here; {here}"),
            (None, _) => format!("so much memory has this machine; {here}"),
            (Some(_), _) => here,
        }
    }

    fn report(&mut self, task: &Task, finding: MeansFinding) {
        let findings = &mut self.findings[usize::from(task.is_private())];
        // One declaration in many cells wants the same in each: the first one says it.
        let place = |finding: &MeansFinding| match finding {
            MeansFinding::SecretTooShort { name, span } => (name.clone(), *span),
            MeansFinding::UnknownPool { pool, span, .. } | MeansFinding::TooLittle { pool, span, .. } => {
                (pool.clone(), *span)
            }
        };
        if !findings.iter().any(|known| place(known) == place(&finding)) {
            findings.push(finding);
        }
    }

    fn finish(mut self) -> Result<Means, MeansError> {
        let [shared, private] = self.findings;
        let source = match &self.premises.local {
            Some(local) if shared.is_empty() => &local.source,
            _ => &self.premises.model.source,
        };
        let findings = if shared.is_empty() { private } else { shared };
        if !findings.is_empty() {
            return Err(MeansError { source_code: source.named(), findings });
        }
        self.means.mask = Arc::new(Mask::new(self.secrets));
        Ok(self.means)
    }
}
