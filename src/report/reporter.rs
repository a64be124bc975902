//! The door: events go in, text comes out on the writers.

use std::io::Write;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::ProgressDrawTarget;

use crate::event::{Event, Fact, millis};

use super::json::json_line;
use super::outlet::{Broken, Outlet, Pipe};
use super::plain::Narrator;
use super::style::{Style, dumb, in_ci};
use super::terminal::Board;

/// Events that may wait for the reporter. When a program prints faster than the terminal takes it, whoever
/// sends waits, and with it the program: memory stays bounded.
const WAITING_EVENTS: usize = 1024;
/// Events handled before their text is written.
const BATCH: usize = 256;
/// How often the status lines move.
const FRAME: Duration = Duration::from_millis(100);
/// How often it is looked whether silence has lasted too long.
const PATIENCE: Duration = Duration::from_secs(1);

/// How events are shown.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is asked for by itself, and all combinations are allowed"
)]
pub(crate) struct Options {
    /// On what.
    pub(crate) mode: Mode,
    /// How much.
    pub(crate) verbosity: Verbosity,
    /// `-s`: the commands of own tasks are not echoed.
    pub(crate) silent: bool,
    /// `--trace`: each task's reason and every command line are told as they come.
    pub(crate) trace: bool,
    /// `-O`: what a task prints is shown at its end.
    pub(crate) held_back: bool,
    /// What standard error can show.
    pub(crate) style: Style,
    /// May lines on standard output keep their colours?
    pub(crate) color_stdout: bool,
    /// Does GitHub's runner read along?
    pub(crate) github: bool,
}

/// On what events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Lines, and status lines below them.
    Terminal,
    /// Lines only.
    Plain,
    /// One line of JSON for each event on standard output, and nothing else.
    Json,
}

/// How much is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// `-q`: failures, warnings, and what own tasks print.
    Quiet,
    /// What ran.
    #[default]
    Normal,
    /// `-v`: every task with its reason, and what programs print.
    Verbose,
}

/// Where text goes. Writers should not buffer lines of their own: each batch is flushed.
pub(crate) struct Sinks {
    /// Standard output.
    pub(crate) out: Box<dyn Write + Send>,
    /// Standard error.
    pub(crate) err: Box<dyn Write + Send>,
    /// The file that `ENVLOOM_EVENTS` names: JSON lines in every mode.
    pub(crate) events: Option<Box<dyn Write + Send>>,
    /// Where status lines are drawn; standard error if `None`. Used by [`Mode::Terminal`] only.
    pub(crate) screen: Option<ProgressDrawTarget>,
    /// The way from GitHub's workspace to the repository's root, for annotations: empty, or ended by `/`.
    pub(crate) below: String,
}

/// Shows a run.
pub(crate) struct Reporter {
    style: Style,
    out: Pipe,
    err: Pipe,
    events: Pipe,
    /// JSON that is to be written.
    json: String,
    /// `None`: standard output gets JSON.
    narrator: Option<Narrator>,
    board: Option<Board>,
}

impl Mode {
    /// Status lines only on a terminal that can move its cursor and that someone watches.
    pub(crate) fn choose(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        if terminal && !in_ci(&variable) && !dumb(&variable) { Self::Terminal } else { Self::Plain }
    }
}

impl Reporter {
    /// Nothing is written before the first event.
    #[must_use]
    pub(crate) fn new(options: Options, sinks: Sinks) -> Self {
        let Sinks { out, err, events, screen, below } = sinks;
        let drawn = options.mode == Mode::Terminal && options.verbosity != Verbosity::Quiet;
        Self {
            style: options.style,
            out: Pipe::new(Outlet::Out, Some(out)),
            err: Pipe::new(Outlet::Err, Some(err)),
            events: Pipe::new(Outlet::Events, events),
            json: String::new(),
            narrator: (options.mode != Mode::Json).then(|| Narrator::new(options, below)),
            board: drawn
                .then(|| Board::new(screen.unwrap_or_else(|| ProgressDrawTarget::stderr_with_hz(20)))),
        }
    }

    /// A reporter in its own thread, which owns the terminal. It ends when every sender is dropped, and
    /// returns the writers that broke. Sending blocks while the terminal is behind, and fails only if the
    /// thread is gone; neither is a reason to stop a run.
    #[must_use]
    pub(crate) fn spawn(options: Options, sinks: Sinks) -> (SyncSender<Event>, JoinHandle<Vec<Broken>>) {
        let (sender, receiver) = mpsc::sync_channel(WAITING_EVENTS);
        let thread = thread::spawn(move || Self::new(options, sinks).listen(&receiver));
        (sender, thread)
    }

    /// Shows events that are all there already, without a thread. Returns the writers that broke.
    #[must_use]
    pub(crate) fn show(
        options: Options,
        sinks: Sinks,
        events: impl IntoIterator<Item = Event>,
    ) -> Vec<Broken> {
        let mut reporter = Self::new(options, sinks);
        let last = events.into_iter().fold(0, |_, event| {
            reporter.hear(&event);
            event.at_ms
        });
        reporter.tick(last);
        reporter.finish()
    }

    fn listen(mut self, receiver: &Receiver<Event>) -> Vec<Broken> {
        // Events tell the time since the run began; between two of them this clock goes on.
        let mut heard: Option<(Instant, u64)> = None;
        loop {
            let wait = if self.board.is_some() { FRAME } else { PATIENCE };
            match receiver.recv_timeout(wait) {
                Ok(event) => {
                    heard = Some((Instant::now(), event.at_ms));
                    self.hear(&event);
                    receiver.try_iter().take(BATCH).for_each(|event| self.hear(&event));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.finish(),
            }
            if let Some((at, ms)) = heard {
                self.tick(ms + millis(at.elapsed()));
            }
        }
    }

    #[cfg(test)]
    /// Shows one event.
    pub(crate) fn send(&mut self, event: &Event) {
        self.hear(event);
        self.tick(event.at_ms);
    }

    fn hear(&mut self, event: &Event) {
        if self.narrator.is_none() || self.events.is_open() {
            self.json += &json_line(event);
            self.json.push('\n');
        }
        if let Some(narrator) = &mut self.narrator {
            narrator.hear(event);
        }
        if let Fact::Terminal { ready, .. } = &event.fact {
            if let Some(board) = &mut self.board {
                board.clear();
            }
            self.write();
            ready.tell();
        }
    }

    /// Time passes; `now_ms` is milliseconds since the run began.
    pub(crate) fn tick(&mut self, now_ms: u64) {
        if let Some(narrator) = &mut self.narrator {
            narrator.tick(now_ms);
            // Before the text is written: below the last line nothing must come back.
            if let Some(board) = &mut self.board {
                board.show(self.style, narrator.progress(), now_ms);
            }
        }
        self.write();
    }

    fn write(&mut self) {
        if !self.json.is_empty() {
            self.events.put(&self.json);
            if self.narrator.is_none() {
                self.out.put(&self.json);
            }
            self.json.clear();
        }
        let parts = self.narrator.as_mut().map(Narrator::take).unwrap_or_default();
        if parts.is_empty() {
            return;
        }
        let (out, err) = (&mut self.out, &mut self.err);
        let mut put = || {
            for (outlet, text) in &parts {
                if *outlet == Outlet::Out {
                    out.put(text);
                } else {
                    err.put(text);
                }
            }
        };
        match &self.board {
            Some(board) => board.aside(put),
            None => put(),
        }
    }

    /// Takes the status lines away. Returns the writers that broke, each once, with the first cause.
    #[must_use]
    pub(crate) fn finish(mut self) -> Vec<Broken> {
        self.write();
        if let Some(board) = &mut self.board {
            board.clear();
        }
        [self.out, self.err, self.events].into_iter().filter_map(Pipe::into_broken).collect()
    }
}

#[cfg(test)]
mod tests;
