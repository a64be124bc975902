//! A finished program and what a test asserts of it.
//!
//! Every assertion gives the value back, so that a test goes on with the next one or, since a
//! [`Ran`] is also its monorepo, with the next run. A failed one prints the whole output.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use super::events::Events;
use super::monorepo::Monorepo;

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(super) monorepo: Monorepo,
    /// The command line, for messages.
    pub(super) line: String,
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// `None` when the program wrote no report.
    pub(super) events: Option<Events>,
}

impl Ran {
    /// The exit code; `None` when a signal ended the program.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Asserts exit code 0.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.code(0)
    }

    /// Asserts an exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "the exit code of {self}");
        self
    }

    /// Asserts that a signal ended the program.
    #[track_caller]
    pub(crate) fn killed_by(self, signal: super::Signal) -> Self {
        assert_eq!(self.status.signal(), Some(signal.as_raw()), "the signal that ended {self}");
        self
    }

    /// Asserts that exactly these tasks ran, whatever their order.
    #[track_caller]
    pub(crate) fn ran(self, tasks: &[&str]) -> Self {
        self.assert_result("ran", tasks)
    }

    /// Asserts that exactly these tasks were up to date.
    #[track_caller]
    pub(crate) fn fresh(self, tasks: &[&str]) -> Self {
        self.assert_result("fresh", tasks)
    }

    /// Asserts that exactly these tasks were restored from a cache.
    #[track_caller]
    pub(crate) fn restored(self, tasks: &[&str]) -> Self {
        self.assert_result("restored", tasks)
    }

    /// Asserts that exactly these tasks were called up to date as they are.
    #[track_caller]
    pub(crate) fn touched(self, tasks: &[&str]) -> Self {
        self.assert_result("touched", tasks)
    }

    /// Asserts that exactly these tasks failed.
    #[track_caller]
    pub(crate) fn failed(self, tasks: &[&str]) -> Self {
        self.assert_result("failed", tasks)
    }

    /// Asserts that exactly these tasks were skipped.
    #[track_caller]
    pub(crate) fn skipped(self, tasks: &[&str]) -> Self {
        self.assert_result("skipped", tasks)
    }

    /// Asserts that the tasks finished in this order; others may stand between them.
    #[track_caller]
    pub(crate) fn finished_in_order(self, tasks: &[&str]) -> Self {
        let order = self.events().finished();
        let seen: Vec<&str> = order.into_iter().filter(|task| tasks.contains(task)).collect();
        assert_eq!(seen, tasks, "the order in which the tasks of {self} finished");
        self
    }

    /// Asserts that the standard error contains a text. Prefer a snapshot of the whole.
    #[track_caller]
    pub(crate) fn stderr_has(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in the standard error of {self}");
        self
    }

    /// The standard output, as it was printed.
    pub(crate) fn stdout(&self) -> &str {
        &self.stdout
    }

    /// The standard error, as it was printed.
    pub(crate) fn stderr(&self) -> &str {
        &self.stderr
    }

    /// The standard output of a program that succeeded, without space around it.
    #[track_caller]
    pub(crate) fn text(self) -> String {
        self.success().stdout.trim().to_owned()
    }

    /// Exit code and both streams, redacted: what a snapshot of a run holds.
    pub(crate) fn output_snapshot(&self) -> String {
        self.monorepo.redact(&self.report())
    }

    /// The JSON report.
    ///
    /// # Panics
    /// When the program wrote none: an absent report must not pass for "nothing ran".
    #[track_caller]
    pub(crate) fn events(&self) -> &Events {
        self.events.as_ref().unwrap_or_else(|| panic!("no events were written by {self}"))
    }

    #[track_caller]
    fn assert_result(self, result: &str, tasks: &[&str]) -> Self {
        let expected: BTreeSet<&str> = tasks.iter().copied().collect();
        let actual = self.events().with_result(result);
        assert_eq!(actual, expected, "the tasks with result `{result}` of {self}");
        self
    }

    fn report(&self) -> String {
        let end = match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("exit: {code}"),
            (None, signal) => format!("signal: {}", signal.unwrap_or_default()),
        };
        format!(
            "{end}\n----- stdout -----\n{}\n----- stderr -----\n{}",
            self.stdout.trim_end(),
            self.stderr.trim_end()
        )
    }
}

/// A run is followed by the next thing that happens to its monorepo.
impl Deref for Ran {
    type Target = Monorepo;

    fn deref(&self) -> &Monorepo {
        &self.monorepo
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`\n{}", self.line, self.report())
    }
}
