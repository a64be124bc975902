//! The coordinator's side of a jobserver: which tokens it holds, and being told when there may be another.
//!
//! The first running task needs no token, each further one needs one. A thread waits for the pipe to become readable
//! and says so, once for each time it was asked; the coordinator itself takes the token, which another process may have
//! been quicker to take. So no token is ever on its way, and none is held for a task that cannot start.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::exec::jobserver::{Jobserver, Token};

/// How the coordinator is told.
type Notify = Box<dyn Fn() + Send>;

/// The tokens of a run.
pub(super) struct Tokens<'a> {
    jobserver: &'a Jobserver,
    held: Vec<Token<'a>>,
    /// Until the thread is started.
    notify: Option<Notify>,
    watcher: Option<Watcher>,
    /// Was the thread asked, and has not answered?
    asked: bool,
    /// What went wrong: nothing more is taken.
    broken: bool,
}

impl<'a> Tokens<'a> {
    /// None is held.
    pub(super) fn new(jobserver: &'a Jobserver, notify: Notify) -> Self {
        Self { jobserver, held: Vec::new(), notify: Some(notify), watcher: None, asked: false, broken: false }
    }

    /// May so many tasks run at once? If not, the coordinator is told when there may be another token.
    ///
    /// # Errors
    /// Once, when the jobserver can no longer be used; tasks then run on what is held.
    pub(super) fn allow(&mut self, running: usize) -> io::Result<bool> {
        while self.held.len() + 1 < running {
            if self.asked || self.broken {
                return Ok(false);
            }
            let jobserver = self.jobserver;
            let taken = jobserver.try_take().inspect_err(|_| self.broken = true)?;
            let Some(one) = taken else {
                self.ask().inspect_err(|_| self.broken = true)?;
                return Ok(false);
            };
            self.held.push(one);
        }
        Ok(true)
    }

    /// Gives back what so many running tasks do not need.
    pub(super) fn keep(&mut self, running: usize) {
        self.held.truncate(running.saturating_sub(1));
    }

    /// The thread has answered.
    pub(super) fn answered(&mut self) {
        self.asked = false;
    }

    /// Nothing runs: puts right what dead children took.
    ///
    /// # Errors
    /// As for [`allow`](Self::allow).
    pub(super) fn mend(&mut self) -> io::Result<()> {
        if self.broken {
            return Ok(());
        }
        self.jobserver.mend(self.held.len()).inspect_err(|_| self.broken = true)
    }

    fn ask(&mut self) -> io::Result<()> {
        if let Some(notify) = self.notify.take() {
            self.watcher = Some(Watcher::start(self.jobserver.readable()?, notify)?);
        }
        self.asked = self.watcher.as_ref().is_some_and(Watcher::ask);
        Ok(())
    }
}

/// The thread that waits.
struct Watcher {
    /// Asks it; dropped first, so that it ends.
    asks: Option<Sender<()>>,
    /// Its end wakes the thread.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    fn start(readable: File, notify: Notify) -> io::Result<Self> {
        let (asks, asked) = channel();
        let (stopped, stop) = io::pipe()?;
        let thread = std::thread::Builder::new()
            .name("envloom-jobserver".to_owned())
            .spawn(move || watch(&asked, &readable, &stopped, &notify))?;
        Ok(Self { asks: Some(asks), stop: Some(stop), thread: Some(thread) })
    }

    fn ask(&self) -> bool {
        self.asks.as_ref().is_some_and(|asks| asks.send(()).is_ok())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.asks = None;
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It can only have panicked in `notify`, which the panic hook has reported.
            let _ = thread.join();
        }
    }
}

fn watch(asked: &Receiver<()>, readable: &File, stopped: &PipeReader, notify: &Notify) {
    while asked.recv().is_ok() {
        let mut watched = [PollFd::new(readable, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        while poll(&mut watched, None) == Err(Errno::INTR) {}
        if !watched[1].revents().is_empty() {
            return;
        }
        // Another error shows when the coordinator takes the token.
        notify();
    }
}
