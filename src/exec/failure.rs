//! A failed task, as the report needs it.

use std::path::PathBuf;
use std::sync::Arc;

use miette::Diagnostic;

use super::child::{Ended, Exit};
use super::command::CommandLine;
use super::error::ExecError;
use crate::base::FileError;
use crate::ledger::LedgerError;
use crate::plan::{PlanError, Refusal};

/// Why a task failed.
#[derive(Debug, Clone)]
pub(crate) struct TaskFailure {
    /// One line.
    pub(crate) message: String,
    /// What envloom has to say of it: code, place, help.
    pub(crate) diagnostic: Option<Arc<dyn Diagnostic + Send + Sync>>,
    /// The line to paste to repeat it, from the root of the repository.
    pub(crate) command: Option<String>,
    /// Where it ran.
    pub(crate) directory: Option<PathBuf>,
    /// The last lines it printed, cleaned.
    pub(crate) tail: Vec<String>,
    /// Its log.
    pub(crate) log: Option<PathBuf>,
    /// Its program came to an end by itself: it was not killed, and did not run out of its time.
    pub(crate) ended_by_itself: bool,
    /// It ran out of its time.
    pub(crate) timed_out: bool,
}

impl TaskFailure {
    /// Of something envloom itself found.
    pub(crate) fn found(diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        let message = diagnostic.to_string();
        Self { diagnostic: Some(Arc::new(diagnostic)), ..Self::said(message) }
    }

    /// One that a line says.
    pub(crate) fn said(message: String) -> Self {
        Self {
            message,
            diagnostic: None,
            command: None,
            directory: None,
            tail: Vec::new(),
            log: None,
            ended_by_itself: false,
            timed_out: false,
        }
    }

    /// Of a program that did not succeed.
    pub(crate) fn exited(command: &CommandLine, exit: Exit, log: PathBuf) -> Self {
        let program = command.program_name();
        let message = match (exit.timed_out, exit.ended) {
            (true, _) => format!("{program} ran out of its time"),
            (_, Ended::Code(code)) => format!("{program} exited with status {code}"),
            (_, Ended::Signal(signal)) => format!("{program} was ended by signal {signal}"),
        };
        let diagnostic = exit.log_error.map(|error| Arc::new(error) as Arc<dyn Diagnostic + Send + Sync>);
        Self {
            message,
            diagnostic,
            command: Some(command.to_paste()),
            directory: Some(command.directory.clone()),
            tail: exit.tail,
            log: Some(log),
            ended_by_itself: matches!(exit.ended, Ended::Code(_)) && !exit.timed_out,
            timed_out: exit.timed_out,
        }
    }

    /// The same with what envloom knows about the cause.
    pub(crate) fn explained(mut self, diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        self.diagnostic = Some(Arc::new(diagnostic));
        self
    }
}

impl From<ExecError> for TaskFailure {
    fn from(error: ExecError) -> Self {
        Self::found(error)
    }
}

impl From<Refusal> for TaskFailure {
    fn from(refusal: Refusal) -> Self {
        Self::found(refusal)
    }
}

impl From<PlanError> for TaskFailure {
    fn from(error: PlanError) -> Self {
        Self::found(error)
    }
}

impl From<LedgerError> for TaskFailure {
    fn from(error: LedgerError) -> Self {
        Self::found(error)
    }
}

impl From<FileError> for TaskFailure {
    fn from(error: FileError) -> Self {
        Self::found(error)
    }
}
