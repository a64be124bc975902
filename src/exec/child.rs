//! Runs one child process to its end, on the thread that calls.
//!
//! Comes in: a [`ChildRequest`] with everything explicit. Goes out: an [`Exit`], the log file, cleaned
//! live lines. The rule for every child: absolute program, argument list, standard input null, own
//! process group, complete environment, fixed directory.
//!
//! Standard output and standard error share one pipe, so the log has their bytes in the order of arrival
//! and needs no thread. The thread sleeps in one `poll` over that pipe and the child's pidfd until
//! something happens or a deadline passes; where there is no pidfd (macOS, an old kernel) it looks for
//! the child's end every [`LOOK_AGAIN`].
//!
//! **Leaks.** The child's end is the task's end, though a descendant may hold the pipe open: after
//! [`LEAK_WAIT`] the task is marked as leaked and goes on. What was left is killed at the end of the run,
//! not here, since it may be a server that a later task of the user's uses.
//!
//! **Timeouts** send SIGTERM to the group, wait the grace, and send SIGKILL. A shell dies of SIGTERM at
//! once while the program it started cleans up, so the group has its whole grace although its leader has
//! ended, or until nobody is left in it; then it is killed even if the pipe was closed.
//!
//! Refused: `pre_exec` (unsafe, and std forks instead of spawning then); a reader thread per pipe (two
//! threads per task, and the order of the two streams is lost); merging on a pseudo-terminal (programs
//! would draw). This file does not know tasks, the cache or the screen.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, PipeReader, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use super::error::ExecError;
use super::groups::{Groups, Member, Standing};
use super::mask::Hides;
use super::output::Sink;
use super::spawn::{log_error, out_of_files, output, spawn};

/// How long the pipe may stay open after the child's end.
const LEAK_WAIT: Duration = Duration::from_millis(200);

/// Without a pidfd: how often to look whether the child has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What is read at once; a pipe holds no more.
const CHUNK: usize = 64 * 1024;

/// A child to run.
pub(crate) struct ChildRequest<'a> {
    /// Absolute path.
    pub(crate) program: &'a Path,
    /// Its arguments, without the program itself.
    pub(crate) args: &'a [OsString],
    /// Where it runs.
    pub(crate) directory: &'a Path,
    /// Its whole environment; only the run's mark and the locks are added.
    pub(crate) environment: &'a BTreeMap<OsString, OsString>,
    /// The locks its task holds ([`LockGuard::held`](super::locks::LockGuard::held)), or nothing.
    pub(crate) held: &'a str,
    /// Gets its output, byte for byte but for secrets.
    pub(crate) log: &'a Path,
    /// Whether the log goes on (a further command of the same task) or begins anew.
    pub(crate) append: bool,
    /// Whether live lines keep their colour.
    pub(crate) colour: bool,
    /// What is taken out of its output.
    pub(crate) hides: Hides<'a>,
    /// How long it may run. Time spent suspended does not count.
    pub(crate) timeout: Option<Duration>,
    /// How long its group has between SIGTERM and SIGKILL.
    pub(crate) grace: Duration,
    /// The child is told to end, as by a timeout, when the other end of this is closed.
    pub(crate) told: Option<&'a PipeReader>,
    /// A clean-up command: it is started, and left alone, although the run is being stopped.
    pub(crate) cleanup: bool,
}

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Exit {
    /// Its own end.
    pub(crate) ended: Ended,
    /// From the start to the end of its output.
    pub(crate) duration: Duration,
    /// The last lines it wrote, cleaned.
    pub(crate) tail: Vec<String>,
    /// Its output was still held open by a descendant.
    pub(crate) leaked: bool,
    /// It was ended because its time was up.
    pub(crate) timed_out: bool,
    /// The log is incomplete.
    pub(crate) log_error: Option<ExecError>,
}

impl Exit {
    /// Whether the child did its work: status 0, in time, and its log is whole.
    pub(crate) fn success(&self) -> bool {
        self.ended == Ended::Code(0) && !self.timed_out && self.log_error.is_none()
    }
}

/// A process's own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It exited with this status.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// Runs the child and follows it to its end. `live` gets each line of its output, ready to be shown.
///
/// # Errors
/// When the child could not be started or followed; in the latter case its group was killed.
pub(crate) fn run(
    request: &ChildRequest<'_>,
    groups: &Groups,
    live: &mut dyn FnMut(String),
) -> Result<Exit, ExecError> {
    run_watched(request, groups, live, pidfd)
}

/// [`run`], with the way to notice the child's end given.
fn run_watched(
    request: &ChildRequest<'_>,
    groups: &Groups,
    live: &mut dyn FnMut(String),
    pidfd: fn(Pid) -> Option<OwnedFd>,
) -> Result<Exit, ExecError> {
    match groups.standing() {
        Standing::Going => {}
        Standing::Stopping(_) if request.cleanup => {}
        Standing::Stopping(_) | Standing::Killed => return Err(ExecError::Interrupted),
    }
    groups.prepare()?;
    let log = OpenOptions::new()
        .create(true)
        .write(true)
        .append(request.append)
        .truncate(!request.append)
        .open(request.log)
        .map_err(|cause| out_of_files(cause, |cause| log_error(request, cause)))?;
    let (reader, writer) = io::pipe().map_err(|cause| out_of_files(cause, |cause| output(request, cause)))?;
    let begun = Instant::now();
    let suspended_before = groups.suspended_for();
    let member = groups.enter(spawn(request, groups, writer)?, request.cleanup);
    let mut follow = Follow {
        pidfd: pidfd(member.group()),
        member: &member,
        groups,
        cleanup: request.cleanup,
        told: request.told,
        reader: Some(reader),
        deadline: request.timeout.and_then(|timeout| begun.checked_add(timeout)),
        suspended_before,
        grace: request.grace,
        kill_at: None,
        timed_out: false,
        was_told: false,
        ended: None,
        sink: Sink::new(log, request, live),
    };
    let ended = follow.until_the_end().map_err(|cause| output(request, cause))?;
    let (leaked, timed_out) = (follow.reader.is_some(), follow.timed_out);
    let (tail, log_failure) = follow.sink.finish();
    member.leave(leaked);
    Ok(Exit {
        ended,
        duration: begun.elapsed(),
        tail,
        leaked,
        timed_out,
        log_error: log_failure.map(|cause| log_error(request, cause)),
    })
}

/// A child that is being followed.
struct Follow<'a> {
    /// The child's registration.
    member: &'a Member<'a>,
    /// The run's groups, for what was decided about all of them.
    groups: &'a Groups,
    /// Becomes readable when the child ends. `None`: look for it now and then.
    pidfd: Option<OwnedFd>,
    /// Whether a stop of the run leaves this child alone.
    cleanup: bool,
    /// Closed at its other end when the child is to end; `None` once it was told.
    told: Option<&'a PipeReader>,
    /// The output; `None` once all its writers have closed it.
    reader: Option<PipeReader>,
    /// When its time is up, suspensions not counted.
    deadline: Option<Instant>,
    /// How long the run had been suspended when it started.
    suspended_before: Duration,
    /// From SIGTERM to SIGKILL.
    grace: Duration,
    /// When its group gets SIGKILL.
    kill_at: Option<Instant>,
    /// Its time was up.
    timed_out: bool,
    /// It was told to end: because its time was up, or by whoever runs it.
    was_told: bool,
    /// Its end, and until when the pipe may stay open.
    ended: Option<(Ended, Instant)>,
    /// Takes its output.
    sink: Sink<'a>,
}

impl Follow<'_> {
    /// Follows the child until it has ended and its output is closed or given up.
    fn until_the_end(&mut self) -> io::Result<Ended> {
        if let Some(reader) = &self.reader {
            rustix::io::ioctl_fionbio(reader, true)?;
        }
        let mut chunk = vec![0; CHUNK];
        loop {
            let now = Instant::now();
            self.enforce(now);
            if let Some((ended, open_until)) = self.ended
                && (self.reader.is_none() || now >= open_until)
            {
                self.drain(&mut chunk)?;
                self.sweep();
                return Ok(ended);
            }
            let (readable, over) = self.wait(now)?;
            if readable {
                self.read(&mut chunk)?;
            }
            if over {
                self.look_for_the_end()?;
            }
        }
    }

    /// Sends the signals whose time has come.
    fn enforce(&mut self, now: Instant) {
        if self.kill_at.is_some_and(|at| now >= at) {
            self.kill_at = None;
            self.member.signal(Signal::KILL);
            if let Some((_, open_until)) = &mut self.ended {
                *open_until = now + LEAK_WAIT;
            }
        }
        if let Some((_, open_until)) = &mut self.ended
            && *open_until > now + LEAK_WAIT
            && (self.groups.standing() == Standing::Killed || !self.member.has_company())
        {
            // Nobody needs the rest of the grace: whoever still holds the pipe has left the group.
            *open_until = now + LEAK_WAIT;
        }
        if self.ended.is_none() && self.deadline.is_some_and(|at| now >= at) {
            let suspended = self.groups.suspended_for().saturating_sub(self.suspended_before);
            if suspended > Duration::ZERO {
                // It did not run all the time: give back what it missed and count from here.
                self.suspended_before += suspended;
                self.deadline = self.deadline.map(|at| at + suspended);
            } else {
                self.deadline = None;
                self.timed_out = true;
                self.end(now);
            }
        }
    }

    /// Tells the child to end, and sets its grace.
    fn end(&mut self, now: Instant) {
        self.was_told = true;
        self.kill_at = Some(now + self.grace);
        self.member.signal(Signal::TERM);
        self.member.signal(Signal::CONT);
    }

    /// Sleeps until there is output, the child has ended, or a deadline is due.
    fn wait(&mut self, now: Instant) -> io::Result<(bool, bool)> {
        let running = self.ended.is_none();
        let deadlines = [
            self.kill_at,
            self.deadline.filter(|_| running),
            self.ended.map(|(_, open_until)| open_until.min(now + LEAK_WAIT)),
            (running && self.pidfd.is_none()).then(|| now + LOOK_AGAIN),
        ];
        let timeout =
            deadlines.into_iter().flatten().min().map(|at| timespec(at.saturating_duration_since(now)));
        let pidfd = self.pidfd.as_ref().filter(|_| running);
        let mut watched = Vec::with_capacity(2);
        watched.extend(self.reader.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
        watched.extend(pidfd.map(|fd| PollFd::new(fd, PollFlags::IN)));
        let process_at = watched.len().saturating_sub(1);
        let told = self.told.filter(|_| running);
        watched.extend(told.map(|fd| PollFd::new(fd, PollFlags::IN)));
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok((false, false)),
            Err(errno) => return Err(errno.into()),
        }
        let ready = |at: usize| watched.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let readable = self.reader.is_some() && ready(0);
        let over = if pidfd.is_some() { ready(process_at) } else { running };
        let told = told.is_some() && ready(watched.len() - 1);
        drop(watched);
        if told {
            self.told = None;
            self.end(now);
        }
        Ok((readable, over))
    }

    /// Reads once. At the end of the output the pipe is closed. Gives how much was read.
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        let Some(reader) = &mut self.reader else {
            return Ok(0);
        };
        match reader.read(chunk) {
            Ok(0) => {
                self.reader = None;
                Ok(0)
            }
            Ok(count) => {
                self.sink.take(&chunk[..count]);
                Ok(count)
            }
            Err(cause) if matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(0)
            }
            Err(cause) => Err(cause),
        }
    }

    /// Takes what the pipe holds now, and no more: a leaked writer may go on for ever.
    fn drain(&mut self, chunk: &mut [u8]) -> io::Result<()> {
        let mut held = match &self.reader {
            Some(reader) => usize::try_from(rustix::io::ioctl_fionread(reader)?).unwrap_or(CHUNK),
            None => 0,
        };
        while held > 0 {
            let most = held.min(chunk.len());
            match self.read(&mut chunk[..most])? {
                0 => break,
                count => held -= count,
            }
        }
        Ok(())
    }

    /// Notes the child's end without reaping it, so that its group's id stays its own.
    fn look_for_the_end(&mut self) -> io::Result<()> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let status = match waitid(WaitId::Pid(self.member.group()), options) {
            Ok(Some(status)) => status,
            Ok(None) | Err(Errno::INTR) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        };
        let ended = match status.terminating_signal() {
            Some(signal) => Ended::Signal(signal),
            None => Ended::Code(status.exit_status().unwrap_or(-1)),
        };
        let now = Instant::now();
        let graced = match self.groups.standing() {
            Standing::Stopping(until) if !self.cleanup => Some(until),
            _ => self.kill_at,
        };
        self.ended = Some((ended, graced.unwrap_or(now).max(now) + LEAK_WAIT));
        Ok(())
    }

    /// A child that was told to end leaves nobody behind.
    fn sweep(&self) {
        if self.was_told || self.groups.standing() != Standing::Going {
            self.member.signal(Signal::KILL);
        }
    }
}

/// A deadline for `poll`, which takes no more than an `i64` of seconds.
fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 })
}

/// A descriptor that becomes readable when the process ends.
#[cfg(target_os = "linux")]
fn pidfd(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

/// Only Linux has them.
#[cfg(not(target_os = "linux"))]
fn pidfd(_: Pid) -> Option<OwnedFd> {
    None
}

#[cfg(test)]
mod tests {
    use rustix::process::test_kill_process_group;

    use super::*;
    use crate::exec::mask::Mask;
    use crate::exec::run_id::{RUN_VARIABLE, RunId};

    /// A place to run things in, and what they need.
    struct Place {
        root: tempfile::TempDir,
        mask: Mask,
        groups: Groups,
    }

    fn place() -> Place {
        Place {
            root: tempfile::tempdir().unwrap(),
            mask: Mask::default(),
            groups: Groups::new(RunId::generate(None), None),
        }
    }

    impl Place {
        fn log(&self) -> Vec<u8> {
            std::fs::read(self.root.path().join("log")).unwrap()
        }

        fn request<T>(&self, script: &str, with: impl FnOnce(ChildRequest<'_>) -> T) -> T {
            with(ChildRequest {
                program: Path::new("/bin/sh"),
                args: &["-c".into(), script.into()],
                directory: self.root.path(),
                environment: &BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
                held: "",
                log: &self.root.path().join("log"),
                append: false,
                colour: false,
                hides: Hides { mask: &self.mask, urls: false },
                timeout: None,
                grace: Duration::from_secs(20),
                told: None,
                cleanup: false,
            })
        }

        fn sh(&self, script: &str) -> Exit {
            self.request(script, |request| run(&request, &self.groups, &mut |_| {})).unwrap()
        }

        /// Runs with the timeout; `live` sees each line.
        fn timed(&self, script: &str, grace: u64, live: &mut dyn FnMut(String)) -> Exit {
            self.request(script, |request| {
                let timeout = Some(Duration::from_millis(300));
                run(
                    &ChildRequest { timeout, grace: Duration::from_millis(grace), ..request },
                    &self.groups,
                    live,
                )
            })
            .unwrap()
        }
    }

    fn gone(pid: &str) {
        let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while test_kill_process_group(pid).is_ok() {
            assert!(Instant::now() < deadline, "group {pid:?} lives");
            std::thread::yield_now();
        }
    }

    #[test]
    fn both_streams_arrive_in_order_and_byte_for_byte() {
        let place = place();
        let script = r"printf 'one\n'; printf 'two\377\n' >&2; printf 'three\033[2J'";
        let mut lines = Vec::new();
        let exit = place
            .request(script, |request| run(&request, &place.groups, &mut |line| lines.push(line)))
            .unwrap();
        assert!(exit.success() && !exit.leaked);
        assert_eq!(place.log(), b"one\ntwo\xff\nthree\x1b[2J");
        assert_eq!(lines, ["one", "two\u{fffd}", "three"]);
        assert_eq!(exit.tail, lines);
    }

    #[test]
    fn a_further_command_appends_to_the_log() {
        let place = place();
        place.sh("echo old");
        place.sh("echo one");
        place
            .request("echo two", |request| {
                run(&ChildRequest { append: true, ..request }, &place.groups, &mut |_| {})
            })
            .unwrap();
        assert_eq!(place.log(), b"one\ntwo\n");
    }

    #[test]
    fn ends_are_told_apart() {
        let place = place();
        assert_eq!(place.sh("exit 7").ended, Ended::Code(7));
        assert_eq!(place.sh("kill -9 $$").ended, Ended::Signal(9));
        let exit = place.sh("exec >&- 2>&-; exit 3");
        assert_eq!((exit.ended, exit.leaked), (Ended::Code(3), false));
    }

    #[test]
    fn the_environment_is_complete_and_marked() {
        let place = place();
        place.sh("env");
        let log = String::from_utf8(place.log()).unwrap();
        let names: Vec<_> = log.lines().filter_map(|line| line.split('=').next()).collect();
        assert!(!names.contains(&"HOME") && names.contains(&RUN_VARIABLE), "{log}");
        place.sh("cat; ps -o pgid= -p $$ | tr -d ' '; echo $$");
        let log = String::from_utf8(place.log()).unwrap();
        let mut lines = log.lines();
        assert_eq!(lines.next(), lines.next());
    }

    #[test]
    fn much_output_without_a_newline_is_only_logged() {
        let place = place();
        let mut shown = 0;
        let script = "head -c 50000000 /dev/zero; yes | head -c 1000000";
        place
            .request(script, |request| run(&request, &place.groups, &mut |line| shown += line.len()))
            .unwrap();
        assert_eq!(place.log().len(), 51_000_000);
        assert!(shown < 1_000_000, "{shown}");
    }

    #[test]
    fn a_child_that_cannot_start_says_why() {
        let place = place();
        let path = |name: &str| place.root.path().join(name);
        std::fs::write(path("plain"), "x").unwrap();
        std::fs::write(path("orphan"), "#!/no/such/python\n").unwrap();
        std::fs::set_permissions(path("orphan"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let start = |program: &Path, directory: &Path| {
            let attempt = |request: ChildRequest<'_>| {
                run(&ChildRequest { program, directory, ..request }, &place.groups, &mut |_| {})
            };
            place.request("", attempt).unwrap_err()
        };
        let root = place.root.path();
        assert!(matches!(start(&path("none"), root), ExecError::ProgramMissing { .. }));
        assert!(matches!(start(&path("orphan"), root), ExecError::InterpreterMissing { .. }));
        assert!(matches!(start(&path("plain"), root), ExecError::NotExecutable { .. }));
        assert!(matches!(start(Path::new("/bin/sh"), &path("none")), ExecError::DirectoryMissing { .. }));
    }

    #[test]
    fn a_log_that_cannot_be_written_is_no_success() {
        let place = place();
        let exit = place
            .request("echo x", |request| {
                run(&ChildRequest { log: Path::new("/dev/full"), ..request }, &place.groups, &mut |_| {})
            })
            .unwrap();
        assert_eq!(exit.ended, Ended::Code(0));
        assert!(!exit.success() && matches!(exit.log_error, Some(ExecError::Log { .. })));
    }

    #[test]
    fn a_background_process_that_holds_the_output_is_a_leak_and_dies_with_the_run() {
        for pidfd in [pidfd, (|_| None) as fn(Pid) -> Option<OwnedFd>] {
            let place = place();
            let exit = place
                .request("sleep 999 & echo $$", |request| {
                    run_watched(&request, &place.groups, &mut |_| {}, pidfd)
                })
                .unwrap();
            assert!(exit.success() && exit.leaked);
            place.groups.finish();
            gone(&exit.tail[0]);
        }
    }

    #[test]
    fn a_leak_that_writes_for_ever_does_not_hold_the_task() {
        let place = place();
        assert!(place.sh("yes & :").leaked);
        place.groups.finish();
    }

    #[test]
    fn a_child_whose_time_is_up_is_killed_with_its_group() {
        let place = place();
        let exit =
            place.timed("trap '' TERM; echo $$; sleep 999 & while :; do sleep 999; done", 10, &mut |_| {});
        assert_eq!(exit.ended, Ended::Signal(9));
        assert!(exit.timed_out && !exit.leaked && !exit.success());
        gone(&exit.tail[0]);
    }

    #[test]
    fn a_program_behind_a_shell_has_its_grace_though_the_shell_is_dead() {
        let place = place();
        let script = "(trap 'echo cleaned; exit' TERM; echo ready; while :; do sleep 0.01; done) & wait";
        let mut stop = |line: String| {
            if line == "ready" {
                place.groups.stop(Signal::TERM, Instant::now() + Duration::from_secs(20));
            }
        };
        let exit = place.request(script, |request| run(&request, &place.groups, &mut stop)).unwrap();
        assert_eq!((exit.ended, exit.leaked), (Ended::Signal(15), false));
        assert_eq!(exit.tail.last().map(String::as_str), Some("cleaned"));
    }

    #[test]
    fn a_stopped_run_starts_only_what_cleans_up() {
        let place = place();
        place.groups.stop(Signal::TERM, Instant::now() + Duration::from_secs(20));
        let attempt = |cleanup: bool| {
            place.request("echo x", |request| {
                run(&ChildRequest { cleanup, ..request }, &place.groups, &mut |_| {})
            })
        };
        assert!(matches!(attempt(false), Err(ExecError::Interrupted)));
        assert!(attempt(true).unwrap().success());
        place.groups.kill_all();
        assert!(matches!(attempt(true), Err(ExecError::Interrupted)));
    }

    #[test]
    fn time_spent_suspended_does_not_count() {
        let place = place();
        let mut suspend = |line: String| {
            if line == "ready" {
                place.groups.suspend();
                // Longer than the timeout: nothing but time can show that it does not count.
                std::thread::sleep(Duration::from_millis(400));
                place.groups.resume();
            }
        };
        let exit = place.timed("echo ready; sleep 0.1", 10, &mut suspend);
        assert!(exit.success(), "{exit:?}");
    }
}
