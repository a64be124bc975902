//! A program that has the terminal: standard input, output and error are the caller's own.
//!
//! It stays in envloom's process group, which is the terminal's: so it may read from it, and Ctrl-C and Ctrl-Z reach it
//! as they would without envloom. What it does about Ctrl-C is its own affair; the run stops once it has ended. SIGTERM
//! and SIGHUP are passed on, and SIGKILL when the grace is over.
//!
//! Refused: a process group of its own with `tcsetpgrp`, which needs SIGTTOU blocked around it (unsafe, or another
//! dependency) for nothing that a user would notice. The price: it has no log, and outlives an envloom that is killed by
//! SIGKILL, as it would outlive a shell.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::child::{Ended, Exit};
use super::command::CommandLine;
use super::error::ExecError;
use super::groups::{Groups, Standing};
use super::locks::LOCKS_VARIABLE;
use super::run_id::RUN_VARIABLE;
use super::spawn::refusal;

/// How often the program is looked at: it is waited for by a person.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Runs the program to its end.
///
/// # Errors
/// When it could not be started or waited for.
pub(super) fn run(
    command: &CommandLine,
    groups: &Groups,
    held: &str,
    terms: (Option<Duration>, Duration),
) -> Result<Exit, ExecError> {
    let began = Instant::now();
    let mut child = Command::new(&command.program)
        .args(&command.arguments)
        .current_dir(&command.directory)
        .env_clear()
        .envs(&command.environment)
        .env(RUN_VARIABLE, groups.run().chain())
        .env(LOCKS_VARIABLE, held)
        .stdin(Stdio::inherit())
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|cause| refusal(&command.program, &command.directory, cause))?;
    let mut ending = Ending { limit: terms.0, grace: terms.1, began, told: None, timed_out: false };
    let status = loop {
        let ended = child
            .try_wait()
            .map_err(|cause| ExecError::Output { program: command.program.clone(), cause })?;
        if let Some(status) = ended {
            break status;
        }
        ending.look(&mut child, groups);
        thread::sleep(LOOK_AGAIN);
    };
    let ended = match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Code(code),
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    };
    Ok(Exit {
        ended,
        duration: began.elapsed(),
        tail: Vec::new(),
        leaked: false,
        timed_out: ending.timed_out,
        log_error: None,
    })
}

/// How a program is brought to its end.
struct Ending {
    limit: Option<Duration>,
    grace: Duration,
    began: Instant,
    /// When it was told to end.
    told: Option<Instant>,
    timed_out: bool,
}

impl Ending {
    fn look(&mut self, child: &mut Child, groups: &Groups) {
        let over = self.limit.is_some_and(|limit| self.began.elapsed() >= limit);
        self.timed_out |= over && self.told.is_none();
        let is_late = self.told.is_some_and(|told| self.timed_out && told.elapsed() >= self.grace);
        // Ctrl-C has reached it by the terminal.
        let passed_on = groups.stopping().filter(|signal| *signal != Signal::INT);
        let passed_on = passed_on.or_else(|| over.then_some(Signal::TERM));
        if groups.standing() == Standing::Killed || is_late {
            // As above.
            drop(child.kill());
        } else if let (Some(signal), None) = (passed_on, self.told) {
            self.told = Some(Instant::now());
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                // One that has just ended is waited for next.
                let _ = kill_process(pid, signal);
            }
        }
    }
}
