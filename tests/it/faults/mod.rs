//! Faults: what envloom must survive, injected with real processes.
//!
//! | file | injects |
//! | --- | --- |
//! | `additions` | SIGKILL and Ctrl-C of `add`, `add package` and `remove package`, at any moment and while they write |
//! | `generate` | SIGKILL while manifests are written; file size limits at every write |
//! | `edits` | hand edits of generated manifests; manifests formatted by hand |
//! | `interrupted` | SIGKILL, SIGTERM, SIGINT during `sync` and `lock` |
//! | `promote` | SIGKILL of a promotion, at any moment and while it writes its files |
//! | `resolve` | SIGKILL of a merge being resolved |
//! | `remotes` | remotes that stall, hang up, fail or ask for a password; signals meanwhile |
//! | `races` | concurrent runs with different TMPDIRs; a holder of locks that is killed |
//! | `freshness` | inputs edited while a task runs; games with times; outputs deleted by hand |
//! | `secrets` | secrets in URLs, variables, settings of git and netrc, against every verb of releases |
//! | `signals` | every stop signal, to the process and to its group; suspension; closed output |
//! | `own_tasks` | changes of what tasks declare, and of what they do not; outputs touched; tasks killed half-way |
//! | `orphans` | SIGKILL of envloom above grandchildren |
//! | `hostile` | KDL that aims at the parser; names, paths, symlinks, FIFOs, tags and URLs |
//! | `known` | nothing: the repository that `hostile_releases` and `secrets` put back after each call |
//! | `hostile_packages` | releases whose manifest, tree or commit is no honest package's; names that are no text |
//! | `hostile_releases` | hostile words in remotes, files and command lines against every verb of releases |
//! | `programs` | programs called `uv` that are not uv; escape sequences; verbs that must write nothing |
//!
//! Each test tries a few times, enough to see that the fault is injected and survived. The same code is the
//! campaign: `ENVLOOM_CAMPAIGN=80` makes each test try 80 times where it is meant to be repeated, and then every
//! test prints its figure as `row: n tried, k bad`, with plain uv in the same trial as the control where there is
//! one. Moments are random within the fault's range; a delay here is the fault, never a substitute for a
//! condition.

mod additions;
mod edits;
mod freshness;
mod generate;
mod hostile;
mod hostile_packages;
mod hostile_releases;
mod interrupted;
mod known;
mod orphans;
mod own_tasks;
mod programs;
mod promote;
mod races;
mod remotes;
mod resolve;
mod secrets;
mod signals;

use std::fmt::Display;
use std::fs;
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Monorepo, Running, ambient};

/// Far above what anything here takes.
const LIMIT: Duration = Duration::from_mins(1);

/// How often a fault is injected: `few` times, or as often as the campaign says.
fn rounds(few: usize) -> usize {
    campaign().unwrap_or(few)
}

fn campaign() -> Option<usize> {
    ambient("ENVLOOM_CAMPAIGN").and_then(|count| count.to_str()?.parse().ok())
}

/// Prints a figure of the campaign.
fn figure(row: &str, tried: usize, bad: impl Display) {
    if campaign().is_some() {
        writeln!(io::stderr(), "figure {row}: {tried} tried, {bad} bad").ok();
    }
}

/// Numbers that differ from run to run. The moments of faults need nothing better.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        Self(now.as_secs() ^ (u64::from(now.subsec_nanos()) << 20) | 1)
    }

    /// Below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit as u64)).expect("it is below a usize")
    }

    /// A moment from the start to a fifth past the end of what takes `duration`.
    fn moment(&mut self, duration: Duration) -> Duration {
        duration * u32::try_from(self.below(1200)).expect("it is below a u32") / 1000
    }
}

/// How long a call takes.
fn timed(call: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    call();
    begun.elapsed()
}

/// Waits for a condition that other processes make true. Says whether it came true.
fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + LIMIT;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}

/// The processes that run in a monorepo's surroundings, whoever started them: they carry its HOME. A supervisor
/// carries nothing and is not among them, as it would not be in the session of who is killed.
fn processes(repo: &Monorepo) -> Vec<Pid> {
    let mark = format!("HOME={}\0", repo.root().join("home").display());
    let carries = |pid: &Pid| {
        let path = format!("/proc/{}/environ", pid.as_raw_pid());
        fs::read(path).is_ok_and(|environ| environ.windows(mark.len()).any(|part| part == mark.as_bytes()))
    };
    let entries = fs::read_dir("/proc").expect("these tests need /proc").map_while(Result::ok);
    let pids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(carries).collect()
}

/// SIGKILL to a program and to everything it started, as when a machine's session ends.
fn kill_all(repo: &Monorepo, program: &Running) {
    program.signal(Signal::KILL);
    for pid in processes(repo) {
        // One that has ended meanwhile is no mistake.
        kill_process(pid, Signal::KILL).ok();
    }
}

/// Lets a started program go on for that long, then interrupts it, and waits until nothing of it is left.
fn interrupt_after(repo: &Monorepo, program: Running, delay: Duration, signal: Signal) {
    thread::sleep(delay);
    if signal == Signal::KILL {
        kill_all(repo, &program);
    } else {
        program.signal_group(signal);
    }
    program.wait();
    assert!(eventually(|| processes(repo).is_empty()), "processes are left after {signal:?}");
}

/// One project in two environments, whose dependencies are `packages` wheels of `files` files each.
pub(crate) fn wide_project(packages: usize, files: usize) -> Monorepo {
    use crate::support::Wheel;
    let wheels: Vec<Wheel> = (0..packages)
        .map(|package| {
            (0..files).fold(Wheel::new(&format!("wide-{package}"), "1.0"), |wheel, file| {
                wheel.file(&format!("wide_{package}/part{file}.py"), &format!("x = {file}\n"))
            })
        })
        .collect();
    let names: String =
        (0..packages).map(|package| [" \"wide-", &package.to_string(), "\""].concat()).collect();
    Monorepo::new().index("pypi", &wheels).tasks_kdl(&format!(
        r#"project "app" {{
    version "0.1.0"
    requires-python ">=3.10"
    dependencies{names}
}}
environment "dev" {{ manifest "pyproject.toml" }}
environment "prod" {{ manifest "prod/pyproject.toml"; sources "tags" channel="stable" }}
"#
    ))
}

/// The files that envloom puts beside those it replaces, wherever they were left.
fn litter(repo: &Monorepo) -> Vec<String> {
    let tree = repo.tree("");
    let tracked = tree.paths().into_iter().filter(|path| !path.starts_with(".envloom/"));
    let is_litter = |path: &&str| path.rsplit('/').next().is_some_and(|name| name.contains(".envloom-"));
    tracked.filter(is_litter).map(ToOwned::to_owned).collect()
}
