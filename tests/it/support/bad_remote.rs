//! A git remote over loopback HTTP that does not do its part.
//!
//! In: the bytes it answers every request with, and whether it then hangs up. Out: how often it was asked. A
//! [`Monorepo`] whose git takes it for `https://git.example.com/` is made by [`BadRemote::before`].

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::monorepo::Monorepo;

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
        Self::start(bytes.to_vec(), true)
    }

    /// Answers with `bytes` and hangs up.
    pub(crate) fn cut_after(bytes: &[u8]) -> Self {
        Self::start(bytes.to_vec(), false)
    }

    fn start(answer: Vec<u8>, holds: bool) -> Self {
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
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                while lines.next().is_some_and(|header| !header.is_empty()) {}
                // A client that hangs up has its answer.
                stream.write_all(&answer).ok();
                if holds {
                    held.lock().unwrap().push(stream);
                }
                asked.fetch_add(1, Ordering::SeqCst);
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

impl Drop for BadRemote {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // `accept` has no timeout: a last connection wakes it.
        drop(TcpStream::connect(self.address));
    }
}
