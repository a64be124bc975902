//! Gates: task commands that report their start and wait to be released.
//!
//! Order and parallelism are asserted with them, never with sleeps or elapsed time. A gate's
//! command is a small script that talks through named pipes in the root: one pipe for everybody's
//! reports, one per waiting command for its answer.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use super::monorepo::Monorepo;
use super::running::LIMIT;

/// A gate of one monorepo. Dropping it releases everybody with code 99.
#[derive(Debug)]
pub(crate) struct Gate {
    directory: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Names in the order of their start.
    started: Vec<String>,
    /// Process id and name of those that wait, in the order of their start.
    waiting: Vec<(String, String)>,
    max_waiting: usize,
    /// The code that newcomers are released with at once.
    open: Option<i32>,
}

impl Gate {
    /// A gate whose command is [`Self::program`], for as long as the value lives.
    pub(crate) fn new(monorepo: &Monorepo) -> Self {
        let directory = monorepo.root().join("gate");
        fs::create_dir(&directory).expect("a monorepo has one gate");
        let program = directory.join("gate");
        fs::write(&program, include_str!("gate.sh")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let events = directory.join("events");
        monorepo.exec("mkfifo", &[events.to_str().expect("the root is UTF-8")]).success();
        let gate = Self { directory, shared: Arc::default() };
        // Open for both, so that there is no end of file between two reports.
        let reports = OpenOptions::new().read(true).write(true).open(events).unwrap();
        let (directory, shared) = (gate.directory.clone(), Arc::clone(&gate.shared));
        thread::spawn(move || follow(reports, &directory, &shared));
        gate
    }

    /// The program; its one argument is the name that it reports. In texts: `[ROOT]/gate/gate`.
    pub(crate) fn program(&self) -> PathBuf {
        self.directory.join("gate")
    }

    /// Waits until commands have started `count` times in all. Returns their names, sorted.
    #[track_caller]
    pub(crate) fn wait_started(&self, count: usize) -> Vec<String> {
        let state = self.wait_until(|state| state.started.len() >= count);
        let mut started = state.started.clone();
        drop(state);
        assert_eq!(started.len(), count, "commands that have started: {started:?}");
        started.sort();
        started
    }

    /// The names of the commands that have started so far, in their order.
    pub(crate) fn started(&self) -> Vec<String> {
        self.shared.lock().started.clone()
    }

    /// The names of the commands that are waiting now.
    pub(crate) fn waiting(&self) -> BTreeSet<String> {
        self.shared.lock().waiting.iter().map(|(_, name)| name.clone()).collect()
    }

    /// The largest number of commands that waited at one time.
    pub(crate) fn max_concurrency(&self) -> usize {
        self.shared.lock().max_waiting
    }

    /// Lets a command end with code 0, once it has started.
    #[track_caller]
    pub(crate) fn release(&self, name: &str) -> &Self {
        self.release_with(name, 0)
    }

    /// Lets a command end with a code, once it has started. Of two of one name, the older.
    #[track_caller]
    pub(crate) fn release_with(&self, name: &str, code: i32) -> &Self {
        let position = |state: &State| state.waiting.iter().position(|(_, waiting)| waiting == name);
        let mut state = self.wait_until(|state| position(state).is_some());
        let Some(position) = position(&state) else {
            let started = state.started.clone();
            drop(state);
            panic!("`{name}` does not wait at the gate; started so far: {started:?}");
        };
        let (process, _) = state.waiting.remove(position);
        answer(&self.directory, &process, code);
        drop(state);
        self
    }

    /// Releases everybody who waits and, from now on, whoever comes.
    pub(crate) fn open(&self) -> &Self {
        self.open_with(0)
    }

    fn open_with(&self, code: i32) -> &Self {
        let mut state = self.shared.lock();
        state.open = Some(code);
        for (process, _) in std::mem::take(&mut state.waiting) {
            answer(&self.directory, &process, code);
        }
        drop(state);
        self
    }

    fn wait_until(&self, done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let deadline = Instant::now() + LIMIT;
        let mut state = self.shared.lock();
        while !done(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.shared.changed.wait_timeout(state, left).expect("no thread panics holding it").0;
        }
        state
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open_with(99);
        if let Ok(mut events) = OpenOptions::new().write(true).open(self.directory.join("events")) {
            writeln!(events, "closed 0 gate").ok();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics holding it")
    }
}

/// Takes the commands' reports until the gate is dropped.
fn follow(reports: File, directory: &Path, shared: &Shared) {
    for line in BufReader::new(reports).lines().map_while(Result::ok) {
        let mut words = line.splitn(3, ' ');
        let (report, process, name) =
            (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut state = shared.lock();
        match report {
            Some("started") => {
                state.started.push(name.to_owned());
                // Counted also when the gate is open: the command has run.
                state.waiting.push((process.to_owned(), name.to_owned()));
                state.max_waiting = state.max_waiting.max(state.waiting.len());
                if let Some(code) = state.open {
                    state.waiting.pop();
                    answer(directory, process, code);
                }
            }
            Some("ended") => state.waiting.retain(|(waiting, _)| waiting != process),
            _ => break,
        }
        drop(state);
        shared.changed.notify_all();
    }
}

/// Answers a waiting command. One that was killed leaves its pipe behind, and nobody who reads it:
/// opened for both, neither the opening nor the writing waits.
fn answer(directory: &Path, process: &str, code: i32) {
    if let Ok(mut pipe) =
        OpenOptions::new().read(true).write(true).open(directory.join(format!("answer.{process}")))
    {
        writeln!(pipe, "{code}").ok();
    }
}
