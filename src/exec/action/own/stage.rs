//! Where an own task runs, what its programs see, and one attempt at it.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::child::{Terms, hand_over, notice, succeed_under};
use crate::exec::command::{CommandLine, cell_variables};
use crate::exec::error::ExecError;
use crate::exec::failure::TaskFailure;
use crate::exec::groups::{Groups, Standing};
use crate::exec::means::DEVICES_VARIABLE;
use crate::exec::work::{Hand, OwnWork};
use crate::tool::variables::Variables;

/// An own task at work.
pub(super) struct Stage<'a> {
    pub(super) hand: &'a Hand<'a>,
    pub(super) work: &'a OwnWork<'a>,
    directory: PathBuf,
    environment: Variables,
    /// Has a program of this task begun the log?
    begun: Cell<bool>,
    /// Has one left a process behind that still holds its output open?
    leaked: Cell<bool>,
}

/// An attempt that succeeded.
#[derive(Default)]
pub(super) struct Passed {
    /// How long its programs ran.
    pub(super) duration: Duration,
    /// What failed and was passed over.
    pub(super) ignored: Vec<String>,
}

/// The time an attempt has. What the run spends suspended does not count.
pub(super) struct Clock<'a> {
    groups: &'a Groups,
    began: Instant,
    suspended_before: Duration,
    limit: Option<Duration>,
}

impl<'a> Stage<'a> {
    /// Everything but the programs.
    pub(super) fn new(hand: &'a Hand<'a>, work: &'a OwnWork<'a>) -> Result<Self, TaskFailure> {
        let directory = work.job.cwd.as_ref().map_err(|_| ExecError::Undecided)?;
        let directory = directory.under(&hand.premises.root);
        Ok(Self {
            hand,
            work,
            directory,
            environment: variables(hand, work),
            begun: Cell::new(false),
            leaked: Cell::new(false),
        })
    }

    /// All steps, then every `finally`.
    pub(super) fn attempt(&self) -> Result<Passed, TaskFailure> {
        if self.hand.context.groups().standing() != Standing::Going {
            return Err(ExecError::Interrupted.into());
        }
        let steps = self.steps();
        let put_away = self.finally();
        match (steps, put_away) {
            (Ok(passed), Ok(())) => Ok(passed),
            (Ok(_), Err(failure)) | (Err(failure), Ok(())) => Err(failure),
            (Err(failure), Err(further)) => {
                self.tell_further(&further);
                Err(failure)
            }
        }
    }

    /// A line in the log before the next attempt.
    pub(super) fn begin_again(&self, line: &str) -> Result<(), ExecError> {
        let path = self.hand.log;
        let written = OpenOptions::new().append(true).open(path).and_then(|mut log| writeln!(log, "{line}"));
        written.map_err(|cause| ExecError::Log { path: path.to_owned(), cause })
    }

    /// The steps, to the first that fails. Words after `--` end the last step's line.
    fn steps(&self) -> Result<Passed, TaskFailure> {
        let (steps, wishes) = (&self.work.job.steps, &self.hand.premises.wishes);
        let clock = Clock::start(self.hand.context.groups(), self.work.job.timeout);
        let mut passed = Passed::default();
        let last = steps.len().saturating_sub(1);
        for (at, step) in steps.iter().enumerate() {
            let further = if at == last { self.work.words } else { &[] };
            match self.run(step, further, clock.left(), false) {
                Ok(took) => passed.duration += took,
                Err(failure) if wishes.ignore_errors && !failure.timed_out && self.goes_on() => {
                    passed.ignored.push(failure.message);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(passed)
    }

    /// Every `finally`, also after one that fails; the first failure.
    fn finally(&self) -> Result<(), TaskFailure> {
        let mut first = Ok(());
        for command in &self.work.job.finally {
            if self.hand.context.groups().standing() == Standing::Killed {
                break;
            }
            let Err(failure) = self.run(command, &[], self.work.job.timeout, true) else { continue };
            match &first {
                Ok(()) => first = Err(failure),
                Err(_) => self.tell_further(&failure),
            }
        }
        first
    }

    fn run(
        &self,
        words: &[String],
        further: &[String],
        timeout: Option<Duration>,
        cleanup: bool,
    ) -> Result<Duration, TaskFailure> {
        let command = self.command(words, further)?;
        if self.work.task.interactive {
            return Ok(hand_over(self.hand, &command, timeout)?.duration);
        }
        let terms = Terms { further: self.begun.replace(true), timeout, cleanup, hides_urls: false };
        let exit = succeed_under(self.hand, &command, &terms)?;
        self.leaked.set(self.leaked.get() | exit.leaked);
        Ok(exit.duration)
    }

    /// Has a program left a process behind?
    pub(super) fn has_leaked(&self) -> bool {
        self.leaked.get()
    }

    fn goes_on(&self) -> bool {
        self.hand.context.groups().standing() == Standing::Going
    }

    /// A failure that is not the task's own, since an earlier one is.
    fn tell_further(&self, failure: &TaskFailure) {
        let message = format!("finally: {}", failure.message);
        notice(self.hand, "envloom::exec::finally_failed", message, None);
    }

    /// The command line of a step.
    pub(super) fn command(&self, words: &[String], further: &[String]) -> Result<CommandLine, ExecError> {
        let (program, arguments) = words.split_first().ok_or(ExecError::Undecided)?;
        Ok(CommandLine {
            program: find(program, &self.environment, &self.directory)?,
            arguments: arguments.iter().chain(further).map(Into::into).collect(),
            directory: self.directory.clone(),
            environment: self.environment.clone(),
            telling: Vec::new(),
        })
    }
}

impl<'a> Clock<'a> {
    pub(super) fn start(groups: &'a Groups, limit: Option<Duration>) -> Self {
        Self { groups, began: Instant::now(), suspended_before: groups.suspended_for(), limit }
    }

    /// What is left of the limit; nothing at all ends a program at once.
    pub(super) fn left(&self) -> Option<Duration> {
        let suspended = self.groups.suspended_for().saturating_sub(self.suspended_before);
        let spent = self.began.elapsed().saturating_sub(suspended);
        self.limit.map(|limit| limit.saturating_sub(spent))
    }
}

/// A name without a slash is looked up on PATH alone; a path is the maintainer's own word for a program of the
/// repository.
fn find(program: &str, environment: &Variables, directory: &Path) -> Result<PathBuf, ExecError> {
    let path = environment.get(OsStr::new("PATH")).cloned();
    which::which_in(program, path, directory)
        .map_err(|_| ExecError::ProgramMissing { program: program.into() })
}

/// The whole environment of a task's programs: what every own task gets, the machine's own, the caller's that the task
/// names, the cell's, the task's. A variable that the cell decides cannot be the caller's.
fn variables(hand: &Hand<'_>, work: &OwnWork<'_>) -> Variables {
    let premises = hand.premises;
    let mut environment = work.caller.clone();
    for (name, value) in premises.local.iter().flat_map(|local| &local.env) {
        environment.insert(name.into(), value.into());
    }
    let declared = || work.job.env.iter();
    let named = declared().filter(|(_, value)| value.is_none()).map(|(name, _)| name);
    for name in work.task.pass_env.iter().chain(&work.task.secrets).chain(named) {
        match premises.machine.variables.get(OsStr::new(name)) {
            Some(value) => environment.insert(name.into(), value.clone()),
            None => environment.remove(OsStr::new(name)),
        };
    }
    if let Some(cell) = &work.key.cell.cell {
        cell_variables(premises, cell, &mut environment);
    }
    for (name, value) in declared().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        environment.insert(name.into(), value.into());
    }
    if let Some(devices) = &work.devices.told {
        environment.insert(DEVICES_VARIABLE.into(), devices.into());
    }
    environment
}
