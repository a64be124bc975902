//! A loopback HTTP server over the root's indexes.
//!
//! In: a directory. Out: `http://127.0.0.1:<port>` for as long as the value lives, and the list of
//! requests it answered. It knows GET and HEAD, no ranges and no connection reuse: enough for uv,
//! and each request is one line of the list.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use super::monorepo::Monorepo;

impl Monorepo {
    /// Serves the indexes over loopback HTTP, beside `file://`. `[HTTP]` in texts is the address.
    pub(crate) fn serve(&self) -> Self {
        self.server();
        self.clone()
    }

    /// The requests the server has answered, in their order: `GET /cu124/torch/`.
    pub(crate) fn http_requests(&self) -> Vec<String> {
        self.server().requests()
    }
}

/// A running server. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    stopping: Arc<AtomicBool>,
}

impl Server {
    pub(crate) fn start(directory: PathBuf) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            stopping: Arc::default(),
        };
        let (requests, stopping) = (Arc::clone(&server.requests), Arc::clone(&server.stopping));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopping.load(Ordering::SeqCst) {
                    break;
                }
                let (requests, directory) = (Arc::clone(&requests), directory.clone());
                // A client that hangs up in the middle of an answer is its own affair.
                thread::spawn(move || answer(stream, &directory, &requests).ok());
            }
        });
        server
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // `accept` has no timeout: a last connection wakes it.
        drop(TcpStream::connect(self.address));
    }
}

fn answer(mut stream: TcpStream, directory: &Path, requests: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|header| !header.is_empty()) {}
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method.is_empty() {
        return Ok(());
    }
    requests.lock().unwrap().push(format!("{method} {target}"));

    let (status, kind, body) = match file(directory, target) {
        Some(body) if body.starts_with(b"<!DOCTYPE html>") => ("200 OK", "text/html", body),
        Some(body) => ("200 OK", "application/octet-stream", body),
        None => ("404 Not Found", "text/plain", b"not found\n".to_vec()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    if method != "HEAD" {
        stream.write_all(&body)?;
    }
    stream.flush()
}

/// The file that a request's target names; a directory stands for its page.
fn file(directory: &Path, target: &str) -> Option<Vec<u8>> {
    let path = target.split(['?', '#']).next()?.replace("%2B", "+");
    let path = directory.join(path.trim_start_matches('/'));
    let inside = !path.components().any(|part| part.as_os_str() == "..");
    let path = if path.is_dir() { path.join("index.html") } else { path };
    inside.then(|| fs::read(path).ok())?
}
