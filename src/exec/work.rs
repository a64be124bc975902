//! What the scheduler asks of tasks: deciding and running them.
//!
//! A task is decided on the worker that will run it, after everything before it is done and its locks are
//! held: whoever waited for another envloom then sees that one's result and finds itself up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::action;
use super::error::ExecError;
use super::failure::TaskFailure;
use super::groups::Groups;
use super::means::{GPU, Means};
use super::schedule::{Context, Decision, TaskIndex, Work};
use super::services::Services;
use crate::cache::Kept;
use crate::graph::{Declared, OwnKey, Task, TaskGraph, TaskKey, VERBS_OF_TASKS};
use crate::model::{Job, OwnTask};
use crate::plan::{Decided, Fingerprint, Premises, RunReason, decide};
use crate::tool::run::quoted;
use crate::tool::variables::{Variables, own_task};

/// The tasks of a run.
pub(crate) struct Tasks<'a> {
    /// What every decision rests on.
    pub(crate) premises: &'a Premises,
    /// The tasks.
    pub(crate) graph: &'a TaskGraph,
    /// Where logs go: one file a task.
    pub(crate) logs: PathBuf,
    /// Whether live lines keep their colour.
    pub(crate) colour: bool,
    /// What own tasks share and hide.
    means: &'a Means,
    /// The devices that no running task has, as places in [`Means::devices`].
    devices: Mutex<BTreeSet<usize>>,
    /// What goes on running for other tasks.
    services: &'a Services,
    /// The caller's variables that every own task gets.
    caller: Variables,
    /// Why each task that runs does, from its decision to its start.
    decided: Mutex<BTreeMap<TaskIndex, Awaited>>,
}

/// What a running task says.
#[derive(Debug)]
pub(crate) enum Said {
    /// It begins.
    Begins {
        /// Why.
        reason: RunReason,
        /// The line to paste that does the same; own tasks only, the others compose theirs as they go.
        command: Option<String>,
        /// How long its last run took.
        expected_ms: Option<u64>,
        /// Is its result put back from the store? What it says then is its log of when it ran.
        restored: bool,
    },
    /// It starts a program.
    Runs {
        /// The line to paste that does the same.
        command: String,
        /// Where.
        directory: PathBuf,
    },
    /// It takes the terminal; told once everything before was written.
    Terminal(SyncSender<()>),
    /// It printed a line.
    Line(String),
    /// Something a user should know: code, message, what to type.
    Notice(&'static str, String, Option<String>),
}

/// What was decided of a task that is about to begin.
#[derive(Debug)]
struct Awaited {
    /// Why it runs, or is restored.
    reason: RunReason,
    /// What its result will rest on.
    fingerprint: Option<Fingerprint>,
    /// The result in the store.
    kept: Option<Box<Kept>>,
}

/// What a task leaves behind.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Was its result put back from the store?
    pub(crate) restored: bool,
    /// Was it not run at all, since `-t` was given?
    pub(crate) touched: bool,
    /// In a few words, for the report.
    pub(crate) note: Option<String>,
    /// Its log, where it ran a program.
    pub(crate) log: Option<PathBuf>,
    /// How long its programs ran; own tasks only.
    pub(crate) took: Duration,
    /// Is the result not to be kept? A step failed that `-i` passed over, or a process goes on after the task.
    pub(crate) unsure: bool,
}

/// What an action has at hand.
pub(crate) struct Hand<'a> {
    /// What every decision rests on.
    pub(crate) premises: &'a Premises,
    /// The task's id.
    pub(crate) id: &'a str,
    /// What was decided to run it for.
    pub(crate) fingerprint: Option<&'a Fingerprint>,
    /// Why it runs.
    pub(crate) reason: &'a RunReason,
    /// Where its log goes.
    pub(crate) log: &'a Path,
    /// Whether live lines keep their colour.
    pub(crate) colour: bool,
    /// What own tasks share and hide.
    pub(crate) means: &'a Means,
    /// The way to the coordinator and the children's registry.
    pub(crate) context: &'a dyn Contact,
}

/// What an own task's action is about.
pub(crate) struct OwnWork<'a> {
    /// Its declaration.
    pub(crate) task: &'a OwnTask,
    /// Which cell of it.
    pub(crate) key: &'a OwnKey,
    /// What it is told in this call.
    pub(crate) job: &'a Job,
    /// The words after `--`.
    pub(crate) words: &'a [String],
    /// The caller's variables that every own task gets.
    pub(crate) caller: &'a Variables,
    /// The devices it may use.
    pub(crate) devices: Devices<'a>,
    /// What goes on running for other tasks.
    pub(crate) services: &'a Services,
    /// Its place in the graph.
    pub(crate) place: usize,
}

/// The devices that a running task has to itself. They are given back when this is dropped.
pub(crate) struct Devices<'a> {
    free: &'a Mutex<BTreeSet<usize>>,
    taken: Vec<usize>,
    /// What its programs are told; `None`: it says nothing of devices.
    pub(crate) told: Option<String>,
}

impl Drop for Devices<'_> {
    fn drop(&mut self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.taken.drain(..));
    }
}

/// A running task's way to the coordinator and to the children's registry.
pub(crate) trait Contact {
    /// Says something; it arrives in order, before the task's end.
    fn report(&self, said: Said);
    /// Where children register.
    fn groups(&self) -> &Groups;
    /// The locks that the task holds, for its children.
    fn held(&self) -> &str;
}

impl Contact for Context<'_, Tasks<'_>> {
    fn report(&self, said: Said) {
        Context::report(self, said);
    }

    fn groups(&self) -> &Groups {
        Context::groups(self)
    }

    fn held(&self) -> &str {
        Context::held(self)
    }
}

impl<'a> Tasks<'a> {
    /// The tasks of a graph.
    pub(crate) fn new(
        premises: &'a Premises,
        graph: &'a TaskGraph,
        means: &'a Means,
        services: &'a Services,
        colour: bool,
    ) -> Self {
        let logs = premises.state().join("logs");
        let (caller, _) = own_task(&premises.machine.variables);
        let devices = Mutex::new((0..means.devices.len()).collect());
        Self { premises, graph, logs, colour, means, devices, services, caller, decided: Mutex::default() }
    }

    /// The declaration of an own task.
    fn declared(&self, key: &OwnKey) -> Option<&OwnTask> {
        match key.task {
            Declared::Shared(at) => self.premises.model.tasks.get(at),
            Declared::Private(at) => self.premises.local.as_ref().and_then(|local| local.tasks.get(at)),
        }
    }

    /// A task's result, which is worth nothing where a service that it relies on has ended meanwhile.
    fn with_services(&self, place: usize, done: Result<Done, TaskFailure>) -> Result<Done, TaskFailure> {
        match (done, self.services.gone(place)) {
            (done, None) => done,
            (Ok(_), Some(error)) => Err(error.into()),
            (Err(failure), Some(error)) => Err(failure.explained(error)),
        }
    }

    /// Keeps what was decided until the task begins.
    fn await_start(
        &self,
        task: TaskIndex,
        reason: RunReason,
        fingerprint: Option<Fingerprint>,
        kept: Option<Box<Kept>>,
    ) -> Decision {
        let mut waiting = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(task, Awaited { reason, fingerprint, kept });
        Decision::Run
    }

    /// Devices of its own for a task. The scheduler starts none for which there are not enough.
    fn devices(&self, job: &Job) -> Devices<'_> {
        let mut free = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = job.resources.get(GPU).copied();
        let count = usize::try_from(wanted.unwrap_or_default()).unwrap_or(usize::MAX);
        let taken: Vec<usize> = free.iter().copied().take(count).collect();
        free.retain(|device| !taken.contains(device));
        let names = taken.iter().map(|device| self.means.devices[*device].as_str());
        let told = wanted.map(|_| names.collect::<Vec<_>>().join(","));
        Devices { free: &self.devices, taken, told }
    }

    /// The log of a task: ids hold characters that file names should not. No two tasks have one: a maintainer's may be
    /// called `lock-dev`, which is the log of `lock:dev`.
    pub(crate) fn log(&self, task: &Task) -> PathBuf {
        let is_own = matches!(task.key, TaskKey::Own(_));
        let sign = |c: char| match c {
            ':' if is_own => '.',
            '@' if is_own => '+',
            ',' if is_own => '=',
            c if c.is_ascii_alphanumeric() || "-_.+".contains(c) => c,
            _ => '-',
        };
        let mut name: String = task.id.chars().map(sign).collect();
        let is_like_ours =
            |verb: &&str| task.id.strip_prefix(*verb).is_some_and(|rest| rest.starts_with('-'));
        if is_own && VERBS_OF_TASKS.iter().any(is_like_ours) {
            name.push('+');
        }
        self.logs.join(format!("{name}.log"))
    }
}

/// The steps of an own task as one shell line; the words after `--` end it.
fn to_paste(steps: &[Vec<String>], further: &[String]) -> String {
    let line = |words: &[String]| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let steps = steps.iter().map(|step| line(step)).collect::<Vec<_>>().join(" && ");
    if further.is_empty() { steps } else { format!("{steps} {}", line(further)) }
}

impl Work for Tasks<'_> {
    type Report = Said;
    type Success = Done;
    type Failure = TaskFailure;

    fn decide(&self, task: TaskIndex) -> Result<Decision, TaskFailure> {
        let decided = decide(self.premises, task.0, &self.graph.tasks()[task.0])?;
        Ok(match decided {
            Decided::Fresh => Decision::Fresh,
            Decided::Run { reason, fingerprint } => self.await_start(task, reason, fingerprint, None),
            Decided::Restore { reason, fingerprint, kept } => {
                self.await_start(task, reason, Some(fingerprint), Some(kept))
            }
        })
    }

    fn run(&self, task: TaskIndex, context: &Context<'_, Self>) -> Result<Done, TaskFailure> {
        let node = &self.graph.tasks()[task.0];
        let decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner).remove(&task);
        let Awaited { reason, fingerprint, kept } = decided.ok_or(ExecError::Undecided)?;
        // What only others need was given no words.
        let asked = self.premises.wishes.asked.contains(&task.0);
        let words = if asked { self.premises.wishes.arguments.as_slice() } else { &[] };
        context.report(Said::Begins {
            reason: reason.clone(),
            command: node.job.as_ref().filter(|_| !self.premises.wishes.touch).map(|job| {
                match &job.service {
                    Some(service) => to_paste(std::slice::from_ref(&service.start), &[]),
                    None => to_paste(&job.steps, words),
                }
            }),
            expected_ms: self.premises.store.last(&node.id).map(|last| last.duration_ms),
            restored: kept.is_some(),
        });
        let hand = Hand {
            premises: self.premises,
            id: &node.id,
            fingerprint: fingerprint.as_ref(),
            reason: &reason,
            log: &self.log(node),
            colour: self.colour,
            means: self.means,
            context,
        };
        match &node.key {
            TaskKey::Generate(id) => action::generate(&hand, *id),
            TaskKey::Lock(id) => action::lock(&hand, *id),
            TaskKey::Check(id) => action::check(&hand, *id),
            TaskKey::Verify(id) => action::verify(&hand, *id),
            TaskKey::Sync(cell) => action::sync(&hand, cell),
            TaskKey::Own(key) => match (self.declared(key), &node.job) {
                (Some(own), Some(job)) => {
                    let devices = self.devices(job);
                    let (caller, services, place) = (&self.caller, self.services, task.0);
                    let work = OwnWork { task: own, key, job, words, caller, devices, services, place };
                    if self.premises.wishes.touch {
                        return Ok(action::touch(&hand, &work));
                    }
                    if let Some(done) = kept.and_then(|kept| action::restore(&hand, &work, &kept)) {
                        return Ok(done);
                    }
                    let checked = action::begin_check(&hand, &work)?;
                    self.services.gone(place).map_or(Ok(()), Err)?;
                    let lay = action::clear(&hand, &work)?;
                    let done = self.with_services(place, action::own(&hand, &work));
                    // Whatever it has changed, also when it failed, is looked at anew.
                    action::forget(&hand, &work);
                    let done = action::end_check(&hand, &work, checked, done)?;
                    action::keep_outputs(&hand, &work, &done, &lay);
                    Ok(done)
                }
                _ => Err(ExecError::Undecided.into()),
            },
        }
    }
}
