//! A git remote over loopback HTTP that does not do its part.
//!
//! In: the bytes it answers every request with, and whether it then hangs up; or real repositories, and how much of a
//! pack it sends. Out: how often it was asked. A [`Monorepo`] whose git takes it for `https://git.example.com/` is made
//! by [`BadRemote::before`].

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::backend;
use super::monorepo::Monorepo;

/// What it does with a request.
enum Manner {
    /// Sends these bytes; then holds the connection, or hangs up.
    Bytes { answer: Vec<u8>, holds: bool },
    /// Serves the repositories below the directory, and of a pack only so much.
    Torn { remotes: PathBuf, after: usize },
}

/// A running server. Dropping it closes the port and every connection.
#[derive(Debug)]
pub(crate) struct BadRemote {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    held: Arc<Mutex<Vec<TcpStream>>>,
}

impl BadRemote {
    /// Answers with `bytes` and keeps the connection open, which nothing further comes through.
    pub(crate) fn stalling_after(bytes: &[u8]) -> Self {
        Self::start(Manner::Bytes { answer: bytes.to_vec(), holds: true })
    }

    /// Answers with `bytes` and hangs up.
    pub(crate) fn cut_after(bytes: &[u8]) -> Self {
        Self::start(Manner::Bytes { answer: bytes.to_vec(), holds: false })
    }

    /// Names the tags of a monorepo's remotes as they are; whoever fetches gets `after` bytes, and nothing further. Only
    /// who fetches is counted.
    pub(crate) fn torn_after(repo: &Monorepo, after: usize) -> Self {
        Self::start(Manner::Torn { remotes: repo.root().join("remotes"), after })
    }

    fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            stopping: Arc::default(),
            held: Arc::default(),
        };
        let (asked, stopping) = (Arc::clone(&server.asked), Arc::clone(&server.stopping));
        let held = Arc::clone(&server.held);
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                if stopping.load(Ordering::SeqCst) {
                    break;
                }
                // A client that hangs up has its answer.
                let is_fault = match &manner {
                    Manner::Bytes { answer, .. } => answered(&mut stream, answer).is_ok(),
                    Manner::Torn { remotes, after } => torn(&stream, remotes, *after).unwrap_or(false),
                };
                let holds = !matches!(&manner, Manner::Bytes { holds: false, .. });
                if holds && is_fault {
                    held.lock().unwrap().push(stream);
                }
                if is_fault || matches!(&manner, Manner::Bytes { .. }) {
                    asked.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        server
    }

    /// The same monorepo on a machine whose git finds this server in place of every remote.
    pub(crate) fn before(&self, repo: &Monorepo) -> Monorepo {
        repo.env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", &format!("url.http://{}/.insteadOf", self.address))
            .env("GIT_CONFIG_VALUE_0", "https://git.example.com/")
            .without_env("GIT_TERMINAL_PROMPT")
    }

    /// How many requests were answered, or left without an answer.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Reads a request and sends the bytes.
fn answered(stream: &mut TcpStream, answer: &[u8]) -> io::Result<()> {
    let mut lines = BufReader::new(&*stream).lines().map_while(Result::ok);
    while lines.next().is_some_and(|header| !header.is_empty()) {}
    stream.write_all(answer)
}

/// One request, answered by `git http-backend`. Says whether it was one for a pack, and torn.
fn torn(stream: &TcpStream, remotes: &Path, after: usize) -> io::Result<bool> {
    let mut is_fetch = false;
    backend::answer(stream, remotes, |body| {
        let has = |word: &[u8]| body.windows(word.len()).any(|part| part == word);
        is_fetch = has(b"command=fetch") || has(b"0032want ");
        if is_fetch { after } else { usize::MAX }
    })?;
    Ok(is_fetch)
}

impl Drop for BadRemote {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // `accept` has no timeout: a last connection wakes it.
        drop(TcpStream::connect(self.address));
    }
}
