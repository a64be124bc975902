//! Services: programs that go on running while tasks that come after them run.
//!
//! Comes in: a program that a service's task starts, and each task's end. Goes out: whether a service that a task relies
//! on is still there; at the end, what went wrong while services were stopped.
//!
//! A service is followed by a thread of its own, so that it holds no worker and no slot. Its group is spared by a stop of
//! the run, since tasks that are being put away may need it; it is ended when the last task behind it has, at whatever
//! distance, and at the end of the run at the latest: by its `stop`, else by SIGTERM, after the grace by SIGKILL. It
//! must not end by itself before: the tasks behind it have then failed, whatever they say.

use std::collections::BTreeMap;
use std::io::{self, PipeWriter};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::child::{ChildRequest, Ended, Exit, run};
use super::command::CommandLine;
use super::error::ExecError;
use super::groups::Groups;
use super::mask::{Hides, Mask};
use crate::graph::TaskGraph;

/// How long a `stop` may take, and a service after it or after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);

/// Everything that a service's programs need.
pub(crate) struct Recipe {
    /// The task's id.
    pub(crate) id: String,
    /// The program that goes on.
    pub(crate) start: CommandLine,
    /// Ends it.
    pub(crate) stop: Option<CommandLine>,
    /// Run once it has ended.
    pub(crate) finally: Vec<CommandLine>,
    /// Gets the output of all of them; it is there.
    pub(crate) log: PathBuf,
    /// What is taken out of it.
    pub(crate) mask: Arc<Mask>,
    /// The locks of its task.
    pub(crate) held: String,
}

/// The services of a run.
pub(crate) struct Services {
    groups: Arc<Groups>,
    /// By task: the services it relies on, as places in the graph.
    relied_on: Vec<Vec<usize>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By service: how many tasks have not ended, itself among them.
    users: BTreeMap<usize, usize>,
    live: BTreeMap<usize, Running>,
    stopping: Vec<JoinHandle<Vec<String>>>,
}

/// A service that runs.
struct Running {
    recipe: Arc<Recipe>,
    end: Arc<End>,
    /// The service is told to end when this is closed.
    leash: PipeWriter,
    thread: JoinHandle<()>,
}

/// A service's own end.
#[derive(Default)]
pub(crate) struct End {
    result: Mutex<Option<Result<Exit, ExecError>>>,
    came: Condvar,
}

impl End {
    /// Waits for it, no longer than this. In a few words how it ended, and its last lines.
    pub(crate) fn within(&self, limit: Duration) -> Option<(String, Vec<String>)> {
        let result = lock(&self.result);
        let waited = self.came.wait_timeout_while(result, limit, |result| result.is_none());
        let (result, _) = waited.unwrap_or_else(PoisonError::into_inner);
        result.as_ref().map(|result| match result {
            Ok(exit) => (format!("it {}", how(exit.ended)), exit.tail.clone()),
            Err(error) => (error.to_string(), Vec::new()),
        })
    }
}

impl Services {
    /// Of this graph; none runs.
    pub(crate) fn new(groups: Arc<Groups>, graph: &TaskGraph) -> Self {
        let tasks = graph.tasks();
        let is_service = |at: &usize| tasks[*at].job.as_ref().is_some_and(|job| job.service.is_some());
        let services: Vec<usize> = (0..tasks.len()).filter(is_service).collect();
        let mut relied_on = vec![Vec::new(); tasks.len()];
        let mut state = State::default();
        if !services.is_empty() {
            let mut behind = vec![Vec::new(); tasks.len()];
            for (at, task) in tasks.iter().enumerate() {
                for before in task.needs.iter().chain(&task.after) {
                    behind[*before].push(at);
                }
            }
            for service in services {
                let (mut users, mut way) = (1, behind[service].clone());
                while let Some(at) = way.pop() {
                    if relied_on[at].last() != Some(&service) {
                        relied_on[at].push(service);
                        users += 1;
                        way.extend(&behind[at]);
                    }
                }
                state.users.insert(service, users);
            }
        }
        Self { groups, relied_on, state: Mutex::new(state) }
    }

    /// Starts the program of a service, and follows it.
    ///
    /// # Errors
    /// When there is no room for a thread or a pipe. What the program itself meets is its end.
    pub(crate) fn start(&self, place: usize, recipe: Recipe) -> Result<Arc<End>, ExecError> {
        let program = recipe.start.program.clone();
        let fail = |cause: io::Error| ExecError::Spawn { program: program.clone(), cause };
        let (told, leash) = io::pipe().map_err(fail)?;
        let (recipe, end, groups) = (Arc::new(recipe), Arc::<End>::default(), Arc::clone(&self.groups));
        let (followed, its_end) = (Arc::clone(&recipe), Arc::clone(&end));
        let thread = std::thread::Builder::new()
            .name("envloom-service".to_owned())
            .spawn(move || {
                let request = ChildRequest { told: Some(&told), ..followed.request(&followed.start, None) };
                let result = run(&request, &groups, &mut |_| {});
                *lock(&its_end.result) = Some(result);
                its_end.came.notify_all();
            })
            .map_err(fail)?;
        let running = Running { recipe, end: Arc::clone(&end), leash, thread };
        lock(&self.state).live.insert(place, running);
        Ok(end)
    }

    /// A service that a task relies on and that has ended: its id, how, and its log.
    pub(crate) fn gone(&self, place: usize) -> Option<ExecError> {
        let state = lock(&self.state);
        let running = self.relied_on[place].iter().filter_map(|service| state.live.get(service));
        running.into_iter().find_map(|running| {
            let (how, _) = running.end.within(Duration::ZERO)?;
            let (service, log) = (running.recipe.id.clone(), running.recipe.log.clone());
            Some(ExecError::ServiceEnded { service, how, log })
        })
    }

    /// A task has ended, or will not run: services that nobody needs any more are stopped.
    pub(crate) fn ended(&self, place: usize) {
        let mut state = lock(&self.state);
        for service in self.relied_on[place].iter().copied().chain([place]) {
            let Some(users) = state.users.get_mut(&service) else { continue };
            *users -= 1;
            if *users == 0 {
                self.stop(&mut state, service);
            }
        }
    }

    /// Stops a service, and waits until it is.
    pub(crate) fn stop_now(&self, place: usize) {
        let running = lock(&self.state).live.remove(&place);
        if let Some(running) = running {
            running.stop(&self.groups);
        }
    }

    /// Stops a service, and does not wait.
    fn stop(&self, state: &mut State, service: usize) {
        let Some(running) = state.live.remove(&service) else { return };
        let groups = Arc::clone(&self.groups);
        let thread = std::thread::Builder::new().name("envloom-stop".to_owned());
        // Without room for a thread the leash is dropped with the closure, and the service gets SIGTERM.
        state.stopping.extend(thread.spawn(move || running.stop(&groups)).ok());
    }

    /// The end of the run: whatever is left is stopped. What went wrong with any.
    pub(crate) fn finish(self) -> Vec<String> {
        let mut state = std::mem::take(&mut *lock(&self.state));
        let left: Vec<usize> = state.live.keys().copied().collect();
        for service in left {
            self.stop(&mut state, service);
        }
        // A thread that panicked was reported by the panic hook.
        state.stopping.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    }
}

impl Running {
    /// By `stop`, else by closing the leash; then every `finally`. What went wrong.
    fn stop(self, groups: &Groups) -> Vec<String> {
        let Self { recipe, end, leash, thread } = self;
        let mut wrong = Vec::new();
        if end.within(Duration::ZERO).is_none()
            && let Some(stop) = &recipe.stop
        {
            wrong.extend(recipe.carry_out(stop, groups, "stop"));
            if wrong.is_empty() {
                end.within(GRACE);
            }
        }
        drop(leash);
        // It ends by itself, or by SIGKILL after the grace.
        if thread.join().is_err() {
            wrong.push(format!("{}: it could not be followed", recipe.id));
        }
        for command in &recipe.finally {
            wrong.extend(recipe.carry_out(command, groups, "finally"));
        }
        wrong
    }
}

impl Recipe {
    fn request<'a>(&'a self, command: &'a CommandLine, timeout: Option<Duration>) -> ChildRequest<'a> {
        ChildRequest {
            program: &command.program,
            args: &command.arguments,
            directory: &command.directory,
            environment: &command.environment,
            held: &self.held,
            log: &self.log,
            append: true,
            colour: false,
            hides: Hides { mask: &self.mask, urls: false },
            timeout,
            grace: GRACE,
            cleanup: true,
            told: None,
        }
    }

    /// Runs one of its commands; what went wrong.
    fn carry_out(&self, command: &CommandLine, groups: &Groups, word: &str) -> Option<String> {
        let begun = Instant::now();
        match run(&self.request(command, Some(GRACE)), groups, &mut |_| {}) {
            Ok(exit) if exit.success() => None,
            Ok(exit) if exit.timed_out => {
                Some(format!("{}: {word} took more than {} s", self.id, begun.elapsed().as_secs()))
            }
            Ok(exit) => Some(format!("{}: {word} {}", self.id, how(exit.ended))),
            Err(ExecError::Interrupted) => None,
            Err(error) => Some(format!("{}: {word}: {error}", self.id)),
        }
    }
}

fn how(ended: Ended) -> String {
    match ended {
        Ended::Code(code) => format!("exited with status {code}"),
        Ended::Signal(signal) => format!("was ended by signal {signal}"),
    }
}

/// What is locked is changed in one step: a thread that panicked cannot have left it half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
