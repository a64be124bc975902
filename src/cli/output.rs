//! The process's streams: what verbs print, how errors are shown, and the reporter of a run.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use miette::Diagnostic;
use serde_json::Value;

use super::args::{Arguments, ColorChoice, OutputSync};
use super::error::CliError;
use super::exit;
use super::surroundings::Process;
use crate::base::printable;
use crate::cache::Notice;
use crate::event::Event;
use crate::report::{self, Broken, Mode, Options, Outlet, Reporter, Sinks, Style, Verbosity};

/// Width of lines where there is no terminal to ask and `COLUMNS` says nothing.
const WIDTH: usize = 100;

/// How this call speaks.
pub(super) struct Output {
    options: Options,
    json: bool,
    events: Option<String>,
    /// Where GitHub's runner has the repository.
    workspace: Option<String>,
    /// What the next run's events say first.
    announced: Mutex<Vec<Notice>>,
    /// The repository, where what is reported on is a copy of it.
    home: Option<PathBuf>,
}

impl Output {
    /// From what the process is attached to, its variables and its options.
    pub(super) fn new(process: &Process, arguments: &Arguments) -> Self {
        let variable = |name: &str| process.variable(name);
        let choice = match arguments.color {
            ColorChoice::Auto => report::ColorChoice::Auto,
            ColorChoice::Always => report::ColorChoice::Always,
            ColorChoice::Never => report::ColorChoice::Never,
        };
        let terminal = process.err_is_terminal;
        let mode = match () {
            () if arguments.json => Mode::Json,
            () if arguments.no_progress => Mode::Plain,
            () => Mode::choose(terminal, variable),
        };
        let verbosity = match () {
            () if arguments.verbose > 0 => Verbosity::Verbose,
            () if arguments.quiet || arguments.question => Verbosity::Quiet,
            () => Verbosity::Normal,
        };
        let style = Style {
            color: report::color(choice, variable, terminal),
            unicode: report::unicode(variable),
            terminal,
            width: width(process),
        };
        let color_stdout = report::color(choice, variable, process.out_is_terminal);
        let github = report::in_github(variable);
        let options = Options {
            mode,
            verbosity,
            silent: arguments.silent,
            trace: arguments.trace,
            held_back: arguments.output_sync == Some(OutputSync::Target),
            style,
            color_stdout,
            github,
        };
        let (events, workspace) = (process.variable("ENVLOOM_EVENTS"), process.variable("GITHUB_WORKSPACE"));
        Self { options, json: arguments.json, events, workspace, announced: Mutex::default(), home: None }
    }

    /// The same for a run in a copy of the repository at `home`: places are told as the repository's.
    pub(super) fn of_copy(self, home: &Path) -> Self {
        Self { home: Some(home.to_owned()), ..self }
    }

    /// The reporter's thread, fed through the channel until it is dropped.
    ///
    /// # Errors
    /// When the file that `ENVLOOM_EVENTS` names cannot be written.
    pub(super) fn reporter(
        &self,
        root: &Path,
    ) -> Result<(SyncSender<Event>, JoinHandle<Vec<Broken>>), crate::base::FileError> {
        Ok(Reporter::spawn(self.options, Sinks { below: self.below(root), ..self.sinks()? }))
    }

    /// Reports events that are all there already: no thread is worth its start then.
    ///
    /// # Errors
    /// When the file that `ENVLOOM_EVENTS` names cannot be written.
    pub(super) fn report(
        &self,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<(), crate::base::FileError> {
        self.broken(&Reporter::show(self.options, self.sinks()?, events));
        Ok(())
    }

    fn sinks(&self) -> Result<Sinks, crate::base::FileError> {
        let events: Option<Box<dyn Write + Send>> = match &self.events {
            None => None,
            Some(path) => {
                let file = OpenOptions::new().create(true).append(true).open(path);
                Some(Box::new(file.map_err(|cause| crate::base::FileError::new("write", path, cause))?))
            }
        };
        Ok(Sinks {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            events,
            screen: None,
            below: String::new(),
        })
    }

    /// The way from GitHub's workspace to the repository's root, for annotations.
    fn below(&self, root: &Path) -> String {
        let root = self.home.as_deref().unwrap_or(root);
        let below = self.workspace.as_ref().and_then(|workspace| root.strip_prefix(workspace).ok());
        below
            .iter()
            .flat_map(|below| below.iter())
            .map(|part| part.to_string_lossy().into_owned() + "/")
            .collect()
    }

    /// Waits for the reporter. A closed standard stream was the reader's choice (`| head`); the file of events that
    /// could not be written is said.
    pub(super) fn closed(&self, reporter: JoinHandle<Vec<Broken>>) {
        self.broken(&reporter.join().unwrap_or_default());
    }

    fn broken(&self, broken: &[Broken]) {
        for one in broken.iter().filter(|one| one.outlet == Outlet::Events) {
            self.say(&format!("the file that ENVLOOM_EVENTS names is incomplete: {}", one.cause));
        }
    }

    /// Does a child's colour reach anyone?
    pub(super) fn colour(&self) -> bool {
        self.options.style.color || self.options.color_stdout
    }

    /// Are answers wanted as JSON?
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints data to standard output. A reader that has gone away (`| head`) is no failure.
    pub(super) fn data(text: &str) -> u8 {
        Self::bytes(text.as_bytes())
    }

    /// The same for what need not be text.
    pub(super) fn bytes(bytes: &[u8]) -> u8 {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Ok(()) => exit::DONE,
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => exit::DONE,
            Err(_) => exit::FAILED,
        }
    }

    /// The same for text that strangers may have written into.
    pub(super) fn text(&self, text: &str) -> u8 {
        if self.options.github { Self::data(&report::no_commands(text)) } else { Self::data(text) }
    }

    /// In GitHub Actions: annotations for what was found below `root`.
    pub(super) fn annotate(&self, found: impl Iterator<Item = impl Diagnostic>, root: &Path) {
        if !self.options.github {
            return;
        }
        let below = self.below(root);
        let lines = found.flat_map(|found| report::annotations(&found, &below)).map(|line| line + "\n");
        // Where standard error is closed nobody listens.
        let _ = io::stderr().write_all(lines.collect::<String>().as_bytes());
    }

    /// Prints a JSON answer.
    pub(super) fn answer(value: &Value) -> u8 {
        Self::data(&report::json_answer(value))
    }

    /// One line that is no data.
    pub(super) fn say(&self, line: &str) {
        if self.options.verbosity != Verbosity::Quiet {
            self.insist(line);
        }
    }

    /// What nobody may miss, `-q` or not; programs find it among the events of the run, if there is one.
    pub(super) fn announce(&self, code: &str, message: &str) {
        self.insist(message);
        if self.json {
            self.announced().push((code.to_owned(), printable(message).into_owned(), None));
        }
    }

    /// Takes what was announced.
    pub(super) fn take_announced(&self) -> Vec<Notice> {
        std::mem::take(&mut self.announced())
    }

    fn announced(&self) -> MutexGuard<'_, Vec<Notice>> {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insist(&self, line: &str) {
        let line = printable(line);
        let line = if self.options.github { report::no_commands(&line) } else { format!("{line}\n") };
        // Where standard error is closed nobody listens.
        let _ = io::stderr().write_all(line.as_bytes());
    }

    /// Shows what stopped the call, and its exit code. `root` is the repository's, where there is one.
    pub(super) fn stopped(&self, stop: &(dyn Diagnostic + Send + Sync), root: Option<&Path>) -> u8 {
        if self.json {
            let answer = serde_json::json!({ "error": report::diagnostic_json(stop) });
            let _ = writeln!(io::stdout(), "{}", report::json_answer_line(&answer));
        } else {
            let mut text = report::diagnostic(stop, self.options.style);
            if self.options.github {
                text = report::no_commands(&text);
                let below = root.map(|root| self.below(root)).unwrap_or_default();
                for annotation in report::annotations(stop, &below) {
                    text.extend([annotation.as_str(), "\n"]);
                }
            }
            let _ = io::stderr().write_all(text.as_bytes());
        }
        code_of(stop)
    }

    /// For a call that did not come far enough to know how to speak.
    pub(super) fn last_words(stop: &CliError, code: u8) -> u8 {
        let _ = io::stderr().write_all(report::diagnostic(stop, Style::plain()).as_bytes());
        code
    }
}

/// Usage and configuration are 2; drift that a call meets before any task, and files that cannot be read, are 1; a
/// mistake of envloom's own is 3.
fn code_of(stop: &(dyn Diagnostic + Send + Sync)) -> u8 {
    let first = stop.related().and_then(|mut related| related.next());
    let code = stop.code().or_else(|| first.and_then(Diagnostic::code));
    let code = code.map(|code| code.to_string()).unwrap_or_default();
    match code.as_str() {
        "envloom::cli::internal" => exit::INTERNAL,
        // What tasks ask of a machine that has not got it was asked for in vain, and so is what a variable forbids.
        "envloom::plan::refused_variables"
        | "envloom::exec::pool_too_small"
        | "envloom::exec::unknown_pool"
        | "envloom::exec::secret_too_short" => exit::USAGE,
        "envloom::cli::release_unknown"
        | "envloom::cli::not_synced"
        | "envloom::cli::already_there"
        | "envloom::cli::tasks_file_above"
        | "envloom::cli::unabsorbable"
        | "envloom::cli::moved"
        | "envloom::cli::commit_failed"
        | "envloom::cli::commit_left"
        | "envloom::cli::not_committed"
        | "envloom::cli::unfinished"
        | "envloom::cli::not_then"
        | "envloom::cli::remote_silent"
        | "envloom::cli::unreadable_manifest"
        | "envloom::base::file" => exit::FAILED,
        code if ["exec", "manifest", "plan", "promote", "resolve"].iter().any(|room| is_of(code, room)) => {
            exit::FAILED
        }
        _ => exit::USAGE,
    }
}

fn is_of(code: &str, room: &str) -> bool {
    code.strip_prefix("envloom::")
        .and_then(|code| code.strip_prefix(room))
        .is_some_and(|rest| rest.starts_with("::"))
}

/// The width of standard error.
fn width(process: &Process) -> usize {
    let said = process.variable("COLUMNS").and_then(|columns| columns.parse().ok());
    let asked = || rustix::termios::tcgetwinsize(io::stderr()).ok().map(|size| usize::from(size.ws_col));
    said.or_else(asked).filter(|width| *width >= 40).unwrap_or(WIDTH)
}
