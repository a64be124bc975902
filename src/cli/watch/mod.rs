//! `watch`: runs targets, then again whenever what they rest on has changed.
//!
//! # Design note
//! What a decision rests on is noted while it is made: files, listings, absences. A *look* decides every task without
//! running it, and gives those notes with what each task rested on. After a run there is always a look, so that what
//! changed meanwhile is found; then the directories of what was seen are listened to ([`ear`]), and whatever is heard
//! only leads to another look. So nothing depends on which events an editor or `git checkout` causes, or on none being
//! lost: a file that was written and has its old content starts nothing, and the last state is always run.
//!
//! A task is run again when it is not up to date and rests on something else than when it was last decided; the run is
//! then that of all targets. What the run itself makes is no change: the tasks behind it were decided after it. One
//! that changes what it reads, undeclared, would run for ever: runs for what has changed during the run before follow
//! ever more slowly (see [`pace`]), until what is heard while nothing runs shows that someone else writes.
//!
//! `.envloom` is never listened to. With `--restart` a thread looks while a run is going, and ends it as SIGTERM would
//! once something has changed that no task of the run makes.

mod ear;
mod look;
mod monitor;
mod once;
mod pace;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use self::ear::{Deaf, Ear};
use self::look::{Look, refreshed};
use self::monitor::{concerns, holds, monitor, stop_of};
use self::once::run_watched;
use self::pace::Pace;
use super::args::Arguments;
use super::call::place_of;
use super::error::CliError;
use super::exit;
use super::load::Stop;
use super::locate::Place;
use super::output::Output;
use super::surroundings::Process;
use crate::cache::{Notice, Observer};
use crate::exec::{Cancel, SignalEvent, SignalWatch, suspend_self};
use crate::plan::Rest;

/// Nothing may change for so long before the next look.
const QUIET: Duration = Duration::from_millis(100);

/// Where something always changes, it is looked after so long all the same.
const MOST_PATIENCE: Duration = Duration::from_secs(2);

/// How often there is a look where nothing is told.
const POLL: Duration = Duration::from_secs(1);

/// After so many looks in a row all directories are listened to.
const MOST_LOOKS: usize = 4;

/// What reaches the watch.
pub(super) enum Message {
    /// Something may have changed: at these paths, or anywhere.
    Heard(Vec<PathBuf>),
    /// A signal to this process.
    Signal(SignalEvent),
    /// The run is over.
    Over,
}

/// A watch.
struct Watch<'a> {
    process: &'a Process,
    arguments: &'a Arguments,
    words: &'a [String],
    output: &'a Output,
    place: Place,
    inbox: Receiver<Message>,
    sender: Sender<Message>,
    ear: Ear,
    /// As of the last look.
    look: Look,
    /// What each task rested on when it was last decided in a run.
    known: BTreeMap<String, Rest>,
}

/// How a run of a watch ended.
enum End {
    /// It is over; what each task rested on.
    Over(BTreeMap<String, Rest>),
    /// This process was told to end.
    Stopped(u8),
}

/// What a watch has waited for.
enum Waited {
    /// Something that was seen has changed.
    Changed,
    /// The time was up.
    Enough,
    /// This process was told to end.
    Stopped(u8),
}

/// Watches the targets among `words` until a signal ends it.
///
/// # Errors
/// What stops the first run before its tasks.
pub(super) fn watch(
    process: &Process,
    arguments: &Arguments,
    words: &[String],
    output: &Output,
) -> Result<u8, Stop> {
    check_options(arguments)?;
    let place = place_of(process, arguments, &Observer::new())?;
    let (sender, inbox) = channel();
    let told = sender.clone();
    // A watch that is over no longer listens.
    let _signals = SignalWatch::start(move |event| drop(told.send(Message::Signal(event))))?;
    let (ear, deaf) = Ear::new(sender.clone(), arguments.poll);
    let mut watch = Watch {
        process,
        arguments,
        words,
        output,
        place,
        inbox,
        sender,
        ear,
        look: Look::default(),
        known: BTreeMap::new(),
    };
    watch.tell(deaf);
    // What a look cannot see, the run says.
    if let Ok(look) = watch.look() {
        watch.look = look;
    }
    if arguments.restart {
        let deaf = watch.ear.listen(&watch.look.seen, &watch.place.state());
        watch.tell(deaf);
    }
    match watch.run(arguments, None)? {
        End::Stopped(code) => Ok(code),
        End::Over(rests) => {
            watch.known = rests;
            Ok(watch.go_on())
        }
    }
}

impl Watch<'_> {
    /// Looks, runs, waits; until a signal. Gives the exit code.
    fn go_on(&mut self) -> u8 {
        // The first run alone was asked to run whatever is up to date.
        let again = Arguments { always_make: false, ..self.arguments.clone() };
        let (mut in_a_row, mut has_run) = (0_u32, true);
        loop {
            let changed = self.look_again();
            let waited = match (&changed, Pace::after(in_a_row)) {
                (Some(_), Pace::AtOnce) => Waited::Enough,
                (Some(changed), pace @ Pace::After(pause)) => {
                    if pace.is_first_pause() {
                        self.tell(Some(unceasing(changed, "running again ever more slowly")));
                    }
                    self.wait(Some(pause))
                }
                _ => {
                    self.rest(changed.as_ref(), std::mem::take(&mut has_run));
                    self.wait(None)
                }
            };
            match (waited, changed) {
                (Waited::Stopped(code), _) => return code,
                (Waited::Enough, Some(changed)) => {
                    (in_a_row, has_run) = (in_a_row.saturating_add(1), true);
                    match self.run(&again, Some(&changed)) {
                        Ok(End::Stopped(code)) => return code,
                        Ok(End::Over(rests)) => self.known = rests,
                        Err(stop) => {
                            self.output.stopped(stop.as_ref(), Some(&self.place.root));
                            self.known.clone_from(&self.look.rests);
                        }
                    }
                }
                // While nothing runs: it is someone's.
                _ => in_a_row = 0,
            }
        }
    }

    /// Nothing is run for now. `changed` is what is passed over, since it changes without end.
    fn rest(&mut self, changed: Option<&String>, has_run: bool) {
        if let Some(changed) = changed {
            self.tell(Some(unceasing(changed, "waiting for another change")));
            self.known.clone_from(&self.look.rests);
        }
        if has_run {
            self.output.say("waiting for changes");
        }
    }

    /// Looks, and listens to what was seen. Says what has changed if a task is to run for it.
    fn look_again(&mut self) -> Option<String> {
        let mut looks = 0;
        loop {
            looks += 1;
            // Before the look: what is mended while it goes on must not pass for what it has seen.
            let seen = refreshed(&self.look.seen, &self.place);
            let look = match self.look() {
                Ok(look) => look,
                Err(stop) => {
                    // The same mistake is told once.
                    let mistake = stop.to_string();
                    if self.look.mistake.as_ref() != Some(&mistake) || !holds(&self.look.seen, &self.place) {
                        self.output.stopped(stop.as_ref(), Some(&self.place.root));
                    }
                    std::mem::take(&mut self.look).mistaken(seen, mistake)
                }
            };
            let deaf = self.ear.listen(&look.seen, &self.place.state());
            let before = std::mem::replace(&mut self.look, look);
            self.tell(deaf);
            // What changed before it was listened to was not heard.
            if !holds(&self.look.seen, &self.place) && looks < MOST_LOOKS {
                continue;
            }
            if self.look.mistake.is_some() {
                return None;
            }
            if self.look.is_to_run(&self.known) {
                return Some(self.look.changes_since(&before, &self.place.root));
            }
            if before.mistake.is_some() {
                self.output.say("nothing is to be run for it");
            }
            return None;
        }
    }

    fn look(&self) -> Result<Look, Stop> {
        Look::take(self.process, self.arguments, self.words)
    }

    /// Runs the targets. `changed` is what for.
    fn run(&mut self, arguments: &Arguments, changed: Option<&String>) -> Result<End, Stop> {
        let notice: Option<Notice> = changed
            .filter(|_| self.output.is_json())
            .map(|changed| ("envloom::cli::changed".to_owned(), changed.clone(), None));
        if let Some(changed) = changed.filter(|_| !self.output.is_json()) {
            self.output.say(&format!("{changed}: running"));
        }
        let process = Process { began: Instant::now(), ..self.process.clone() };
        let cancel = Cancel::default();
        let (output, words) = (self.output, self.words);
        let run = || run_watched((&process, arguments), output, words, &cancel, notice);
        let mut stopped = None;
        let result = if self.arguments.restart {
            let (look, place, inbox, sender) = (&self.look, &self.place, &mut self.inbox, &self.sender);
            let own = || Look::take(self.process, self.arguments, words);
            thread::scope(|scope| {
                let monitor = scope.spawn(|| monitor(inbox, look, place, &own, &cancel));
                let result = run();
                // The monitor has the other end.
                drop(sender.send(Message::Over));
                stopped = monitor.join().unwrap_or_default();
                result
            })
        } else {
            run()
        };
        let stopped = stopped.or_else(|| self.inbox.try_iter().find_map(|message| stop_of(&message)));
        let (code, rests) = match (result, stopped) {
            (Ok(ended), _) => ended,
            // It was stopped before its tasks.
            (Err(_), Some(code)) => return Ok(End::Stopped(code)),
            (Err(_), None) if cancel.is_asked() => return Ok(End::Over(BTreeMap::new())),
            (Err(stop), None) => return Err(stop),
        };
        let by_signal = (code > exit::SIGNAL && !cancel.is_asked()).then_some(code);
        Ok(match stopped.or(by_signal) {
            Some(code) => End::Stopped(code),
            // What was cut off is owed, even if the change was taken back.
            None if cancel.is_asked() && code > exit::SIGNAL => End::Over(BTreeMap::new()),
            None => {
                // A task that was not even decided rests on what the look has seen.
                if self.look.rests.is_empty()
                    && let Ok(look) = self.look()
                {
                    self.look = look;
                }
                End::Over(self.look.rests.clone().into_iter().chain(rests).collect())
            }
        })
    }

    /// Waits until something that was seen has changed and all is quiet, or for so long.
    fn wait(&mut self, most: Option<Duration>) -> Waited {
        let began = Instant::now();
        let mut since: Option<Instant> = None;
        loop {
            let patience = match since {
                Some(since) if since.elapsed() >= MOST_PATIENCE => Some(Duration::ZERO),
                Some(_) => Some(QUIET),
                None => self.ear.is_deaf().then_some(POLL),
            };
            let rest = most.map(|most| most.saturating_sub(began.elapsed())).filter(|_| since.is_none());
            let message = match patience.into_iter().chain(rest).min() {
                None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(patience) => self.inbox.recv_timeout(patience),
            };
            match message {
                Ok(Message::Heard(paths)) if concerns(&paths, &self.look.seen, &self.place) => {
                    since.get_or_insert_with(Instant::now);
                }
                Ok(Message::Heard(_) | Message::Over) => {}
                Ok(Message::Signal(SignalEvent::Suspend)) => suspend_self(),
                Ok(message) => {
                    if let Some(code) = stop_of(&message) {
                        return Waited::Stopped(code);
                    }
                }
                Err(_) if !holds(&self.look.seen, &self.place) => return Waited::Changed,
                Err(_) if most.is_some_and(|most| began.elapsed() >= most) => return Waited::Enough,
                Err(_) => since = None,
            }
        }
    }

    fn tell(&self, deaf: Option<Deaf>) {
        if let Some(Deaf { message, help }) = deaf {
            self.output.say(&format!("warning: {message}"));
            if let Some(help) = help {
                self.output.say(&format!("  help: {help}"));
            }
        }
    }
}

/// That something changes with every run, and what follows.
fn unceasing(changed: &str, what: &str) -> Deaf {
    let help =
        "where a task writes it, declare it as one of the task's `outputs`, or let git ignore it".to_owned();
    Deaf { message: format!("{changed} with every run: {what}"), help: Some(help) }
}

/// Words that `watch` does not go with.
///
/// # Errors
/// The first of them.
fn check_options(arguments: &Arguments) -> Result<(), CliError> {
    let idle = [(arguments.dry_run, "--dry-run"), (arguments.question, "--question")];
    match idle.into_iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(CliError::OptionWithoutUse { option, belongs_to: "a call that runs once" }),
        None => Ok(()),
    }
}
