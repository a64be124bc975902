//! A started program: its output as it comes, its signals, its end.
//!
//! In: a command. Out: a [`Ran`]. Every wait has the same limit, after which the program's process
//! group is killed and the test fails with what had been printed: a hang is a failure like others.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::events::Events;
use super::monorepo::Monorepo;
use super::ran::Ran;

/// How long anything may take. Far above what it takes, so that a slow machine fails no test.
pub(super) const LIMIT: Duration = Duration::from_mins(2);

/// How long output may go on after the program's end, where a descendant holds the pipe.
const GRACE: Duration = Duration::from_secs(1);

/// A program that is running. Dropping it kills its process group.
#[derive(Debug)]
pub(crate) struct Running {
    monorepo: Monorepo,
    /// The command line, for messages.
    line: String,
    pid: Pid,
    shared: Arc<Shared>,
    events: PathBuf,
}

#[derive(Debug, Default)]
struct Shared {
    capture: Mutex<Capture>,
    changed: Condvar,
}

/// What has been seen of the program so far.
#[derive(Debug, Default)]
struct Capture {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// How many of the two streams are at their end.
    ended_streams: u8,
    status: Option<ExitStatus>,
}

impl Running {
    #[track_caller]
    pub(super) fn start(monorepo: Monorepo, line: String, mut command: Command, events: PathBuf) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: signals to it must not reach the test.
        command.process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start `{line}`: {error}"));
        let pid = Pid::from_child(&child);
        let shared = Arc::<Shared>::default();
        follow(child.stdout.take().expect("piped"), &shared, |capture| &mut capture.stdout);
        follow(child.stderr.take().expect("piped"), &shared, |capture| &mut capture.stderr);
        let waiter = Arc::clone(&shared);
        thread::spawn(move || {
            let status = child.wait().expect("a child can be waited for");
            waiter.lock().status = Some(status);
            waiter.changed.notify_all();
        });
        Self { monorepo, line, pid, shared, events }
    }

    /// Waits until a whole line of either stream contains `text`. Returns the line.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, text: &str) -> String {
        let find =
            |capture: &Capture| line_with(&capture.stdout, text).or_else(|| line_with(&capture.stderr, text));
        let capture = self.wait_until(LIMIT, |capture| find(capture).is_some() || capture.is_over());
        let line = find(&capture);
        // Released first: a failed test must not poison what the drop looks at.
        drop(capture);
        line.unwrap_or_else(|| panic!("`{}` never printed `{text}`\n{}", self.line, self.so_far()))
    }

    /// Waits until so many whole lines of both streams together contain `text`.
    #[track_caller]
    pub(crate) fn wait_for_lines(&self, text: &str, count: usize) -> &Self {
        let found = |capture: &Capture| {
            [&capture.stdout, &capture.stderr].map(|stream| lines_with(stream, text)).iter().sum::<usize>()
        };
        let capture = self.wait_until(LIMIT, |capture| found(capture) >= count || capture.is_over());
        let seen = found(&capture);
        drop(capture);
        assert!(
            seen >= count,
            "`{}` printed `{text}` {seen} times, not {count}\n{}",
            self.line,
            self.so_far()
        );
        self
    }

    /// Sends a signal to the program alone.
    pub(crate) fn signal(&self, signal: Signal) -> &Self {
        // One that has ended is no longer there to be signalled, and that is no mistake.
        kill_process(self.pid, signal).ok();
        self
    }

    /// Sends a signal to the program's process group, as a terminal does.
    pub(crate) fn signal_group(&self, signal: Signal) -> &Self {
        kill_process_group(self.pid, signal).ok();
        self
    }

    /// The program's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Whether the program has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.shared.lock().status.is_some()
    }

    /// Waits for the program's end.
    #[track_caller]
    pub(crate) fn wait(self) -> Ran {
        let status = self.wait_until(LIMIT, |capture| capture.status.is_some()).status;
        let Some(status) = status else {
            panic!("`{}` is still running after {} s\n{}", self.line, LIMIT.as_secs(), self.so_far());
        };
        let capture = self.wait_until(GRACE, Capture::is_over);
        let (stdout, stderr) = (text_of(&capture.stdout), text_of(&capture.stderr));
        drop(capture);
        Ran {
            monorepo: self.monorepo.clone(),
            line: self.line.clone(),
            status,
            stdout,
            stderr,
            events: Events::read(&self.events),
        }
    }

    fn so_far(&self) -> String {
        let capture = self.shared.lock();
        format!(
            "----- stdout -----\n{}----- stderr -----\n{}",
            text_of(&capture.stdout),
            text_of(&capture.stderr)
        )
    }

    fn wait_until(&self, limit: Duration, done: impl Fn(&Capture) -> bool) -> MutexGuard<'_, Capture> {
        let deadline = Instant::now() + limit;
        let mut capture = self.shared.lock();
        while !done(&capture) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            capture = self.shared.changed.wait_timeout(capture, left).expect("no thread panics holding it").0;
        }
        capture
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.signal_group(Signal::KILL);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Capture> {
        self.capture.lock().expect("no thread panics holding it")
    }
}

impl Capture {
    fn is_over(&self) -> bool {
        self.status.is_some() && self.ended_streams == 2
    }
}

/// Collects a stream in a thread of its own.
fn follow(
    mut stream: impl Read + Send + 'static,
    shared: &Arc<Shared>,
    select: fn(&mut Capture) -> &mut Vec<u8>,
) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        loop {
            let count = stream.read(&mut buffer).unwrap_or(0);
            let mut capture = shared.lock();
            select(&mut capture).extend_from_slice(&buffer[..count]);
            if count == 0 {
                capture.ended_streams += 1;
            }
            drop(capture);
            shared.changed.notify_all();
            if count == 0 {
                break;
            }
        }
    });
}

fn line_with(stream: &[u8], text: &str) -> Option<String> {
    let end = stream.iter().rposition(|&byte| byte == b'\n')?;
    text_of(&stream[..end]).lines().find(|line| line.contains(text)).map(ToOwned::to_owned)
}

/// How many whole lines of a stream contain `text`.
fn lines_with(stream: &[u8], text: &str) -> usize {
    let end = stream.iter().rposition(|&byte| byte == b'\n').unwrap_or_default();
    text_of(&stream[..end]).lines().filter(|line| line.contains(text)).count()
}

fn text_of(stream: &[u8]) -> String {
    String::from_utf8_lossy(stream).into_owned()
}
