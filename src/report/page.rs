//! Lines on their way to the writers: whose they are decides what may stand in them.

use super::github::{self, no_command};
use super::outlet::Outlet;

/// Lines on their way to the writers, in order.
#[derive(Debug, Default)]
pub(super) struct Page {
    github: bool,
    parts: Vec<(Outlet, String)>,
    lines: u64,
}

impl Page {
    /// An empty one; `github`: its runner reads along.
    pub(super) fn new(github: bool) -> Self {
        Self { github, ..Self::default() }
    }

    /// What is to be written.
    pub(super) fn take(&mut self) -> Vec<(Outlet, String)> {
        std::mem::take(&mut self.parts)
    }

    /// How many lines there were so far.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// A line of ours, or several.
    pub(super) fn note(&mut self, text: &str) {
        for line in text.lines() {
            let line = if self.github { no_command(line) } else { line.into() };
            self.push(Outlet::Err, &line);
        }
    }

    /// A line that an own task printed.
    pub(super) fn data(&mut self, line: &str) {
        let line = if self.github { github::of_task(line) } else { line.into() };
        self.push(Outlet::Out, &line);
    }

    /// A line that GitHub's runner is to obey.
    pub(super) fn command(&mut self, outlet: Outlet, line: &str) {
        self.push(outlet, line);
    }

    fn push(&mut self, outlet: Outlet, line: &str) {
        self.lines += 1;
        match self.parts.last_mut() {
            Some((last, text)) if *last == outlet => text.extend([line, "\n"]),
            _ => self.parts.push((outlet, format!("{line}\n"))),
        }
    }
}
