//! git's own server of repositories over HTTP, one request at a time.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use super::machine;

/// One request, answered by `git http-backend` from the repositories below `remotes`. `most` says of the request's body
/// how many bytes of the answer's body are sent.
pub(crate) fn answer(
    mut stream: &TcpStream,
    remotes: &Path,
    most: impl FnOnce(&[u8]) -> usize,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (method, target) = line.split_once(' ').unwrap_or_default();
    let target = target.split(' ').next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut backend = Command::new(machine::git());
    backend
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", remotes)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                length = value.parse().unwrap_or_default();
                backend.env("CONTENT_LENGTH", value);
            }
            "content-type" => drop(backend.env("CONTENT_TYPE", value)),
            "content-encoding" => drop(backend.env("HTTP_CONTENT_ENCODING", value)),
            "git-protocol" => drop(backend.env("GIT_PROTOCOL", value)),
            _ => {}
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    let mut child = backend.spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&body)?;
    }
    let output = child.wait_with_output()?.stdout;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(output.len());
    let headers = String::from_utf8_lossy(&output[..end]);
    let status = headers.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n\r\n")?;
    let rest = output.get(end + 4..).unwrap_or_default();
    stream.write_all(&rest[..most(&body).min(rest.len())])?;
    stream.flush()
}
