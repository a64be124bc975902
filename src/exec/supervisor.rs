//! One process per run that outlives envloom and kills what envloom leaves behind.
//!
//! Comes in: over a pipe, `+GROUP` and `-GROUP` lines as children start and end, and `done` at the end
//! of the run. Goes out: SIGKILL to whatever is left, and at a normal end the names of what that was.
//!
//! The supervisor is envloom itself under a hidden verb. It leaves envloom's session, so that a SIGKILL
//! of that session spares it, and ignores the signals that only mean "stop". The end of its pipe without
//! `done` is envloom's death, however it came about. It then kills
//! - every group that is still registered. A group is unregistered before its leader is reaped, so the
//!   id cannot meanwhile belong to a stranger;
//! - on Linux, every process whose environment carries the run's id. This closes the gap between the
//!   start of a child and its registration, and catches daemons that left their group (`setsid`). It is
//!   repeated until nothing was found [`QUIET_SCANS`] times in a row, since a child that was just being
//!   started shows envloom's own environment until it has become the program.
//!
//! What escapes: a descendant that left its group *and* wiped its environment.
//!
//! Refused: `PR_SET_PDEATHSIG` (needs `pre_exec`, fires when the spawning thread ends, reaches only the
//! child itself); making envloom a subreaper (does nothing when envloom is killed); a supervisor per child.
//!
//! The supervisor carries no environment at all, so it never matches a run's id: a run inside a task has
//! its own supervisor, which ends by itself when its envloom is killed.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group, setsid};

use super::error::ExecError;
use super::run_id::{RunId, belongs_to};
use crate::base::printable;

/// The hidden verb under which envloom becomes a supervisor.
pub(crate) const SUPERVISE_VERB: &str = "__supervise";

/// How long the supervisor may take to leave the session.
const READY_WAIT: Duration = Duration::from_secs(10);

/// How long the supervisor may take to clean up after a normal end.
const FINISH_WAIT: Duration = Duration::from_secs(6);

/// Between two looks at the process table.
const SCAN_PAUSE: Duration = Duration::from_millis(20);

/// How many looks in a row must find nothing.
const QUIET_SCANS: u32 = 3;

/// How many looks at most: a process in uninterruptible sleep does not die of SIGKILL at once.
const MOST_SCANS: u32 = 250;

/// At a normal end, how long a descendant that is just about to end is waited for.
const LAST_MOMENT: Duration = Duration::from_millis(60);

/// A process that outlived its task and was killed at the end of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leak {
    /// Its process id.
    pub(crate) pid: i32,
    /// The name the system shows for it, safe to print.
    pub(crate) name: String,
}

/// A run's supervisor, which is started before the run's first child: a run that finds everything up to date
/// starts none.
pub(crate) struct Watch {
    /// This program.
    envloom: PathBuf,
    /// Held while it is started, so that it is started once.
    starting: Mutex<()>,
    /// The supervisor, once there is one.
    started: OnceLock<Supervisor>,
}

impl Watch {
    /// `envloom` is this program; on Linux `/proc/self/exe` still names it after an upgrade has replaced the
    /// file.
    pub(crate) fn new(envloom: &Path) -> Self {
        Self { envloom: envloom.to_owned(), starting: Mutex::new(()), started: OnceLock::new() }
    }

    /// Starts the supervisor of `run` unless it is started, and waits until it is out of reach.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub(super) fn ready(&self, run: &RunId) -> Result<(), ExecError> {
        let starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        let supervisor = if let Some(supervisor) = self.started.get() {
            supervisor
        } else {
            let supervisor = Supervisor::start(&self.envloom, run)?;
            self.started.get_or_init(|| supervisor)
        };
        drop(starting);
        supervisor.ready()
    }

    /// The supervisor, if it was started.
    pub(super) fn started(&self) -> Option<&Supervisor> {
        self.started.get()
    }

    /// The normal end of the run: see [`Supervisor::finish`]. Where none was started nothing can be left.
    pub(super) fn finish(self) -> Vec<Leak> {
        self.started.into_inner().map(Supervisor::finish).unwrap_or_default()
    }
}

/// envloom's end of the pipe.
pub(super) struct Supervisor {
    /// The process.
    child: Child,
    /// Its standard input. A lock, since workers write whole lines to it.
    stdin: Mutex<ChildStdin>,
    /// Its standard output.
    stdout: Mutex<ChildStdout>,
    /// Whether it has said that it is out of reach.
    ready: OnceLock<bool>,
}

impl Supervisor {
    /// Starts the supervisor of `run` and does not wait for it.
    fn start(envloom: &Path, run: &RunId) -> Result<Self, ExecError> {
        let fail = |cause| ExecError::Supervisor { cause };
        // Its own process group would make it a group leader, which cannot start a session.
        let mut child = Command::new(envloom)
            .arg(SUPERVISE_VERB)
            .arg(run.own())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(fail)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => Ok(Self {
                child,
                stdin: Mutex::new(stdin),
                stdout: Mutex::new(stdout),
                ready: OnceLock::new(),
            }),
            _ => Err(fail(ErrorKind::BrokenPipe.into())),
        }
    }

    /// Waits, once, until the supervisor is out of reach of whatever may kill envloom.
    fn ready(&self) -> Result<(), ExecError> {
        let ready = *self.ready.get_or_init(|| {
            let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
            read_until(&mut stdout, Instant::now() + READY_WAIT, |text| text.ends_with(b"\n")) == b"ready\n"
        });
        if ready { Ok(()) } else { Err(ExecError::Supervisor { cause: ErrorKind::TimedOut.into() }) }
    }

    /// A group lives.
    pub(super) fn add(&self, group: Pid) {
        self.tell(&format!("+{}\n", group.as_raw_pid()));
    }

    /// A group is about to be reaped.
    pub(super) fn remove(&self, group: Pid) {
        self.tell(&format!("-{}\n", group.as_raw_pid()));
    }

    /// Writes one line. A supervisor that was killed cannot be told: the run goes on without it.
    fn tell(&self, line: &str) {
        let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = stdin.write_all(line.as_bytes());
    }

    /// The normal end of the run: the supervisor kills what is left, says what that was, and ends.
    fn finish(self) -> Vec<Leak> {
        let told = self.ready();
        self.tell("done\n");
        let Self { mut child, stdin, stdout, .. } = self;
        drop(stdin);
        let mut stdout = stdout.into_inner().unwrap_or_else(PoisonError::into_inner);
        let text = read_until(&mut stdout, Instant::now() + FINISH_WAIT, |_| false);
        if told.is_err() || !text.ends_with(b"end\n") {
            let _ = child.kill();
        }
        let _ = child.wait();
        String::from_utf8_lossy(&text).lines().filter_map(parse_leak).collect()
    }
}

/// `leak PID NAME`.
fn parse_leak(line: &str) -> Option<Leak> {
    let (pid, name) = line.strip_prefix("leak ")?.split_once(' ')?;
    Some(Leak { pid: pid.parse().ok()?, name: printable(name).into_owned() })
}

/// Reads until the text is complete, the pipe is closed, or the deadline has passed.
fn read_until(stdout: &mut ChildStdout, deadline: Instant, complete: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    while !complete(&text) {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).unwrap_or_default();
        let mut watched = [PollFd::new(&*stdout, PollFlags::IN)];
        match poll(&mut watched, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => continue,
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        match stdout.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => text.extend_from_slice(&chunk[..count]),
            Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    text
}

/// The supervisor's whole life: called by the hidden verb, with the id of the run to watch over.
pub(crate) fn supervise(run: &str, input: impl Read, mut output: impl Write) {
    // Fails only for a group leader, that is, when someone typed the verb by hand.
    let _ = setsid();
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
    }
    // Nobody may be left to read: every write may fail.
    let _ = output.write_all(b"ready\n").and_then(|()| output.flush());
    let (groups, done) = listen(input);
    let leaks = if done { leaks(run) } else { Vec::new() };
    for leak in &leaks {
        let _ = writeln!(output, "leak {} {}", leak.pid, leak.name);
    }
    match (done, leaks.is_empty() && groups.is_empty()) {
        // The usual end: one look was enough.
        (true, true) => {}
        (true, false) => kill(run, &groups, 1),
        (false, _) => kill(run, &groups, QUIET_SCANS),
    }
    let _ = output.write_all(b"end\n").and_then(|()| output.flush());
}

/// Follows the run. Gives the groups left at its end, and whether that end was a normal one.
fn listen(input: impl Read) -> (BTreeMap<i32, Pid>, bool) {
    let mut groups = BTreeMap::new();
    for line in BufReader::new(input).lines() {
        let Ok(line) = line else { break };
        if line == "done" {
            return (groups, true);
        }
        if let Some(group) = line.strip_prefix('+').and_then(parse_group) {
            groups.insert(group.as_raw_pid(), group);
        } else if let Some(group) = line.strip_prefix('-').and_then(parse_group) {
            groups.remove(&group.as_raw_pid());
        }
    }
    (groups, false)
}

/// A group id. 1 and below would mean "every process" to `kill`.
fn parse_group(text: &str) -> Option<Pid> {
    text.parse().ok().filter(|id| *id > 1).and_then(Pid::from_raw)
}

/// Who is left at a normal end. One that ends by itself within a moment is not counted.
fn leaks(run: &str) -> Vec<Leak> {
    let deadline = Instant::now() + LAST_MOMENT;
    loop {
        let left = members(run);
        if left.is_empty() || Instant::now() >= deadline {
            return left.into_iter().map(|pid| Leak { pid: pid.as_raw_pid(), name: name(pid) }).collect();
        }
        std::thread::sleep(SCAN_PAUSE);
    }
}

/// Kills the groups, then every process of the run until none was found `quiet` times in a row.
fn kill(run: &str, groups: &BTreeMap<i32, Pid>, quiet: u32) {
    for group in groups.values() {
        let _ = kill_process_group(*group, Signal::KILL);
    }
    let mut empty = 0;
    for _ in 0..MOST_SCANS {
        let left = members(run);
        empty = if left.is_empty() { empty + 1 } else { 0 };
        if empty == quiet {
            return;
        }
        for pid in left {
            kill_member(run, pid);
        }
        std::thread::sleep(SCAN_PAUSE);
    }
}

/// The processes whose environment carries the run's id. A zombie's environment is empty, another
/// user's is not ours to read: neither is a member.
fn members(run: &str) -> Vec<Pid> {
    let Ok(table) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    table
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
        .filter(|pid| is_member(run, *pid))
        .collect()
}

/// Whether the process carries the run's id.
fn is_member(run: &str, pid: Pid) -> bool {
    std::fs::read(format!("/proc/{}/environ", pid.as_raw_pid()))
        .is_ok_and(|environ| belongs_to(&environ, run))
}

/// The name of a process.
fn name(pid: Pid) -> String {
    let name = std::fs::read(format!("/proc/{}/comm", pid.as_raw_pid())).unwrap_or_default();
    printable(String::from_utf8_lossy(&name).trim_end()).into_owned()
}

/// Kills one member. The handle is opened before the second look, so that a pid that was given to another
/// process in between is not hit.
#[cfg(target_os = "linux")]
fn kill_member(run: &str, pid: Pid) {
    use rustix::process::{PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) if is_member(run, pid) => {
            let _ = pidfd_send_signal(&handle, Signal::KILL);
        }
        // A kernel before 5.3: the plain call, with its small window.
        Err(rustix::io::Errno::NOSYS) => {
            let _ = kill_process(pid, Signal::KILL);
        }
        _ => {}
    }
}

/// Without `/proc` there are no members.
#[cfg(not(target_os = "linux"))]
fn kill_member(_: &str, _: Pid) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_registrations_and_ignores_nonsense() {
        let groups = |text: &str| {
            let (groups, done) = listen(text.as_bytes());
            (groups.into_keys().collect::<Vec<_>>(), done)
        };
        assert_eq!(groups("+70\n+71\n-70\n+1\n+0\n+-1\n+x\n?\n+72"), (vec![71, 72], false));
        assert_eq!(groups("+70\ndone\n+71\n"), (vec![70], true));
    }

    #[test]
    fn a_leaks_name_is_made_safe() {
        assert_eq!(parse_leak("leak 12 a\u{1b}b c"), Some(Leak { pid: 12, name: "a\\u{1b}b c".to_owned() }));
        assert_eq!(parse_leak("end"), None);
    }
}
