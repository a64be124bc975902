//! The door: a sealed graph and its premises -> events, and how it ended.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cancel::Cancel;
use super::error::ExecError;
use super::groups::Groups;
use super::jobserver::Jobserver;
use super::locks::Locks;
use super::means::Means;
use super::narrator::{Narrator, Tally};
use super::run_id::RunId;
use super::schedule::{
    Control, LoadLimit, Options, Resource, Schedule, ScheduleEvent, TaskIndex, TaskSpec, execute as schedule,
    load_average,
};
use super::services::Services;
use super::supervisor::Watch;
use super::work::Tasks;
use crate::base::{Digest, FileError};
use crate::cache::{Limits, sweep_stage};
use crate::event::{Counts, Event};
use crate::graph::{Kind, Task, TaskGraph, TaskKey};
use crate::model::Sources;
use crate::plan::{Premises, sweep_lists};

/// At most so many syncs write to one disk: more only make it seek.
const SYNCS: u64 = 2;

/// How long a run may spend on removing old outputs.
const PRUNING: Duration = Duration::from_millis(100);

/// What is to be run, and how.
pub(crate) struct Request<'a> {
    /// What every decision rests on.
    pub(crate) premises: &'a Premises,
    /// The tasks.
    pub(crate) graph: &'a TaskGraph,
    /// How many at once.
    pub(crate) jobs: usize,
    /// Go on after a failure.
    pub(crate) keep_going: bool,
    /// Shares the slots with a make above, and with the children of own tasks.
    pub(crate) jobserver: Option<&'a Jobserver>,
    /// The load average at which nothing is started beside others.
    pub(crate) load: Option<f64>,
    /// Fail where another envloom holds something.
    pub(crate) no_wait: bool,
    /// What own tasks share and hide.
    pub(crate) means: &'a Means,
    /// Whether live lines keep their colour.
    pub(crate) colour: bool,
    /// Ends the run from outside.
    pub(crate) cancel: Option<&'a Cancel>,
    /// This program, for the supervisor.
    pub(crate) envloom: PathBuf,
    /// What `ENVLOOM_RUN` and `ENVLOOM_LOCKS` held when envloom started.
    pub(crate) outer: (Option<String>, Option<String>),
    /// When the call began.
    pub(crate) began: Instant,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// How many tasks ended in which way.
    pub(crate) counts: Counts,
    /// The signal that stopped it.
    pub(crate) interrupted: Option<i32>,
    /// Did a task run out of its time?
    pub(crate) timed_out: bool,
}

/// Runs the graph to its end and sends every fact. The last fact, `Ended`, is the caller's: it knows the exit code.
///
/// # Errors
/// When nothing could be started: no state directory, no threads.
pub(crate) fn execute(
    request: &Request<'_>,
    send: &mut dyn FnMut(Event),
) -> Result<(Ended, Tally), ExecError> {
    let state = request.premises.state();
    let locks = Locks::new(&state.join("locks"), request.outer.1.as_deref())?;
    let run = RunId::generate(request.outer.0.as_deref());
    let groups = Arc::new(Groups::new(run, Some(Watch::new(&request.envloom))));
    let services = Services::new(Arc::clone(&groups), request.graph);
    let tasks = Tasks::new(request.premises, request.graph, request.means, &services, request.colour);
    let options = Options {
        jobs: request.jobs,
        keep_going: request.keep_going,
        no_wait: request.no_wait,
        load: request.load.map(|most| LoadLimit { most, average: load_average }),
        ..Options::default()
    };
    let control = Control {
        options: &options,
        groups: &groups,
        locks: Some(&locks),
        jobserver: request.jobserver,
        cancel: request.cancel,
    };
    let mut narrator = Narrator::new(request, send);
    if request.load.is_some() && load_average().is_none() {
        let message = "this system tells no load average, so -l limits nothing".to_owned();
        narrator.notice("envloom::exec::no_load", message, None);
    }
    let outcome = schedule(&schedule_of(request), &tasks, control, &mut |event| {
        if let ScheduleEvent::Finished { task, .. } | ScheduleEvent::Skipped { task, .. } = &event {
            services.ended(task.0);
        }
        narrator.tell(event);
    });
    for wrong in services.finish() {
        narrator.notice("envloom::exec::service_stop", wrong, None);
    }
    let outcome = outcome?;
    // Every thread that had a part in it has ended.
    for leak in Arc::into_inner(groups).map(Groups::finish).unwrap_or_default() {
        narrator.notice(
            "envloom::exec::leaked",
            format!("process {} ({}) outlived its task and was killed", leak.pid, leak.name),
            Some("let the task wait for what it starts".to_owned()),
        );
    }
    if let Err(error) = put_in_order(request.premises) {
        narrator.notice("envloom::cache::not_written", error.to_string(), None);
    }
    let tally = narrator.ended();
    let ended = Ended { counts: tally.counts, interrupted: outcome.interrupted, timed_out: tally.timed_out };
    Ok((ended, tally))
}

/// What is left to do for the next run: contents are remembered, and what was not used for long goes, for no longer than
/// nobody notices.
fn put_in_order(premises: &Premises) -> Result<(), FileError> {
    premises.contents.save()?;
    premises.uses.note(&premises.outputs);
    if premises.outputs.is_prune_due() {
        premises.outputs.prune(premises.limits, PRUNING)?;
        if let Some(age) = premises.limits.age {
            premises.store.prune(age)?;
            premises.touched.prune(Limits { bytes: None, age: Some(age) }, PRUNING)?;
        }
        sweep_lists(&premises.state(), &premises.store)?;
        sweep_stage(&premises.state())?;
    }
    Ok(())
}

/// The scheduler's view of the tasks.
fn schedule_of(request: &Request<'_>) -> Schedule {
    let (premises, tasks) = (request.premises, request.graph.tasks());
    let is_shared = tasks.iter().any(|task| is_interactive(premises, task));
    let mut shelf = Shelf { terminal: is_shared, ..Shelf::default() };
    let tasks = tasks
        .iter()
        .map(|task| {
            let after = task.needs.iter().chain(&task.after).map(|&place| TaskIndex(place)).collect();
            let known = premises.known.held(&task.id);
            let last = if known { None } else { premises.store.last(&task.id) };
            let expected = Duration::from_millis(last.map_or(0, |last| last.duration_ms));
            TaskSpec { after, claims: shelf.claims(request, task), expected, known }
        })
        .collect();
    Schedule { tasks, resources: shelf.resources }
}

/// The things that tasks share, by name.
#[derive(Default)]
struct Shelf {
    /// Does any task take the terminal?
    terminal: bool,
    resources: Vec<Resource>,
    places: BTreeMap<String, usize>,
}

impl Shelf {
    /// What a task holds while it runs (product section 4): a venv, a manifest with its lockfile, and the source
    /// directories it may build are one task's at a time.
    fn claims(&mut self, request: &Request<'_>, task: &Task) -> BTreeMap<usize, u64> {
        let premises = request.premises;
        let mut names: Vec<(String, u64, bool)> = Vec::new();
        match &task.key {
            TaskKey::Generate(id) | TaskKey::Lock(id) | TaskKey::Check(id) | TaskKey::Verify(id) => {
                names.push((manifest_lock(&premises.model.environment(*id).name.value), 1, true));
            }
            TaskKey::Sync(cell) => {
                names.push((format!("venv-{}", cell.slug(&premises.model)), 1, true));
                names.push(("syncs".to_owned(), SYNCS, false));
            }
            // Whoever waited for another envloom finds the result there.
            TaskKey::Own(key) => {
                let own = premises.own_task(key.task);
                if own.service.is_none() && (own.cache || !own.outputs.is_empty()) {
                    names.push((format!("task-{}", Digest::of(&task.id).short()), 1, true));
                }
            }
        }
        if matches!(task.key.kind(), Kind::Lock | Kind::Sync)
            && let Some(id) = task.key.environment()
            && premises.model.environment(id).sources == Sources::Workspace
        {
            let packages = &premises.model.environment(id).packages;
            let built = packages.iter().filter_map(|one| premises.model.package(one.package).path.as_ref());
            names.extend(built.map(|path| (format!("source-{}", path.value), 1, true)));
        }
        let mut claims: BTreeMap<usize, u64> = names
            .into_iter()
            .map(|(name, capacity, shared)| (self.place(name, capacity, shared), 1))
            .collect();
        if self.terminal {
            let alone = if is_interactive(premises, task) { ALL } else { 1 };
            claims.insert(self.place("terminal".to_owned(), ALL, false), alone);
        }
        for (pool, amount) in task.job.iter().flat_map(|job| &job.resources) {
            let capacity = request.means.pools.get(pool).copied().unwrap_or_default();
            claims.insert(self.place(format!("pool-{pool}"), capacity, false), *amount);
        }
        claims
    }

    fn place(&mut self, name: String, capacity: u64, shared: bool) -> usize {
        *self.places.entry(name.clone()).or_insert_with(|| {
            self.resources.push(Resource { name, capacity, shared });
            self.resources.len() - 1
        })
    }
}

/// The lock of an environment's manifest and lockfile.
pub(crate) fn manifest_lock(environment: &str) -> String {
    format!("manifest-{environment}")
}

/// Everything there is of the terminal: more than tasks can run at once.
const ALL: u64 = u64::MAX;

/// Does the task take the terminal? It then runs alone.
fn is_interactive(premises: &Premises, task: &Task) -> bool {
    matches!(&task.key, TaskKey::Own(key) if premises.own_task(key.task).interactive)
}
