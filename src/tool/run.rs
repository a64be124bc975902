//! Asks an external program one short question.
//!
//! In: an absolute program, its arguments, directory, whole environment and time limit. Out: how
//! it ended and what it printed. This is the only place of the room that starts a process, so the
//! invocation rule is kept here: no shell, no stdin but what is given, a process group of its own (which the time
//! limit kills as a whole), nothing inherited.
//!
//! It must not know which program it runs. Long work with live output belongs to `exec`.
//!
//! The child is watched with `waitid(WNOWAIT)`: it stays a zombie until its group has been killed,
//! so its process id cannot have gone to someone else by then.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::os::unix::process::{CommandExt, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::address::{last_lines, plain, printable};
use super::error::{QueryFailed, ToolError};
use super::leash::{Held, LEASH, listen};

/// An answer longer than this is an error, never cut: half an answer may look whole.
const LONGEST_ANSWER: usize = 64 << 20;
/// Bytes kept of stderr, counted from the end.
const KEPT_STDERR: usize = 64 << 10;
/// How long output may stay open after the child's end: a background process may hold it.
const LINGER: Duration = Duration::from_millis(200);
/// How long a child has from SIGTERM to SIGKILL when envloom is told to end.
const GRACE: Duration = Duration::from_secs(1);

/// How often a question is asked again that a signal to envloom has ended.
const ASKED_AGAIN: usize = 3;
/// The signals that a terminal, or whoever ends envloom, sends to its group.
const ENDING: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// One question to one program.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    /// Absolute.
    pub(crate) program: &'a Path,
    /// Without the program itself.
    pub(crate) arguments: Vec<OsString>,
    /// How many of the first arguments messages leave out: settings that every call has.
    pub(crate) preamble: usize,
    /// The working directory.
    pub(crate) directory: &'a Path,
    /// The whole environment of the child.
    pub(crate) vars: &'a BTreeMap<OsString, OsString>,
    /// After this long the child and its group are killed.
    pub(crate) limit: Duration,
}

/// What a child that ended by itself has left.
#[derive(Debug)]
pub(crate) struct Answer {
    /// How it ended; may be a failure.
    pub(crate) status: ExitStatus,
    /// All it wrote to stdout.
    pub(crate) stdout: Vec<u8>,
    /// The end of what it wrote to stderr, as it came: pass it through `plain` before showing it.
    pub(crate) stderr: String,
}

impl Query<'_> {
    /// Starts the program and waits for its end; a failed child is an answer, not an error.
    pub(crate) fn ask(&self) -> Result<Answer, ToolError> {
        let mut answer = self.ask_with(None)?;
        // Before it leads a group of its own the terminal's Ctrl-C reaches a child, too, which has done nothing by then.
        // Where no signal is to end what is being done, it is asked again.
        for _ in 0..ASKED_AGAIN {
            let is_ended = answer.status.signal().is_some_and(|signal| ENDING.contains(&signal));
            if !is_ended || !LEASH.is_shielded() {
                break;
            }
            answer = self.ask_with(None)?;
        }
        Ok(answer)
    }

    /// Like [`Query::ask`], with what the program reads from stdin.
    pub(crate) fn ask_with(&self, input: Option<Vec<u8>>) -> Result<Answer, ToolError> {
        debug_assert!(self.program.is_absolute(), "programs are found before they are asked");
        listen();
        let Some(held) = LEASH.begin() else { return Err(self.interrupted()) };
        let stdin = if input.is_some() { Stdio::piped } else { Stdio::null };
        let mut group = Group::new(self.spawn(stdin).map_err(|source| self.not_started(source))?, held);
        group.feed(input.unwrap_or_default()).map_err(|source| self.not_started(source))?;
        let (sender, notes) = mpsc::channel();
        group.hold(&sender);
        let stderr = Arc::new(Mutex::new(Vec::new()));
        group.watch(&sender, &stderr).map_err(|source| self.not_started(source))?;
        drop(sender);
        let stdout = self.collect(&group, &notes)?;
        let status = group.end().map_err(|source| self.not_started(source))?;
        let stderr = stderr.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Answer { status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
    }

    /// Like [`Query::ask`], but a failed child is an error.
    pub(crate) fn demand(&self) -> Result<Vec<u8>, ToolError> {
        let answer = self.ask()?;
        if answer.status.success() { Ok(answer.stdout) } else { Err(self.failed(&answer)) }
    }

    /// Like [`Query::demand`], with what the program reads from stdin.
    pub(crate) fn demand_with(&self, input: Vec<u8>) -> Result<Vec<u8>, ToolError> {
        let answer = self.ask_with(Some(input))?;
        if answer.status.success() { Ok(answer.stdout) } else { Err(self.failed(&answer)) }
    }

    /// The error for an answer that was a failure.
    pub(crate) fn failed(&self, answer: &Answer) -> ToolError {
        let shown = last_lines(&answer.stderr);
        ToolError::Failed(Box::new(QueryFailed {
            line: self.line(),
            directory: printable(&quoted(&self.directory.to_string_lossy())),
            status: answer.status.to_string(),
            stderr: if shown.is_empty() { shown } else { format!(":\n{shown}") },
        }))
    }

    /// The error for an answer that does not parse.
    pub(crate) fn unexpected(&self, what: &str) -> ToolError {
        ToolError::Unexpected { line: self.line(), what: plain(what) }
    }

    /// The command line for pasting into a shell, without the preamble, credentials masked.
    pub(crate) fn line(&self) -> String {
        let program = quoted(&self.program.to_string_lossy());
        let words = self.arguments.iter().skip(self.preamble);
        let words = words.map(|word| quoted(&word.to_string_lossy()));
        printable(&std::iter::once(program).chain(words).collect::<Vec<_>>().join(" "))
    }

    fn interrupted(&self) -> ToolError {
        ToolError::Interrupted { line: self.line() }
    }

    fn not_started(&self, source: io::Error) -> ToolError {
        ToolError::NotStarted { program: self.program.to_path_buf(), source }
    }

    fn spawn(&self, stdin: fn() -> Stdio) -> io::Result<Child> {
        let mut attempts = 0;
        loop {
            let spawned = Command::new(self.program)
                .args(&self.arguments)
                .current_dir(self.directory)
                .env_clear()
                .envs(self.vars)
                .stdin(stdin())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .process_group(0)
                .spawn();
            match spawned {
                // A file written a moment ago: another thread's fork may still hold it for
                // writing until that child's exec.
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && attempts < 50 => {
                    attempts += 1;
                    thread::sleep(Duration::from_millis(10));
                }
                other => return other,
            }
        }
    }

    /// Waits for the child's end and its whole stdout.
    fn collect(&self, group: &Group<'_>, notes: &Receiver<Note>) -> Result<Vec<u8>, ToolError> {
        let mut progress = Progress::default();
        let mut until = Instant::now() + self.limit;
        let (mut killed, mut stopped) = (false, false);
        while !progress.is_complete() {
            match notes.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Note::Ended) => {
                    progress.ended = true;
                    until = Instant::now() + LINGER;
                }
                Ok(Note::Stdout(Ok(bytes))) if bytes.len() > LONGEST_ANSWER => {
                    return Err(self.unexpected("more than 64 MiB"));
                }
                Ok(Note::Stdout(Ok(bytes))) => progress.stdout = Some(bytes),
                Ok(Note::Stdout(Err(error))) => return Err(self.unexpected(&error.to_string())),
                Ok(Note::Stderr) => progress.stderr = true,
                Ok(Note::Stop) => {
                    stopped = true;
                    until = Instant::now() + GRACE;
                }
                // Whatever it has answered by now may be half of it.
                Err(_) if stopped => break,
                Err(RecvTimeoutError::Timeout) if progress.ended && !killed => {
                    // A background process of the child's group holds its output.
                    group.kill();
                    killed = true;
                    until = Instant::now() + LINGER;
                }
                Err(_) if progress.ended => break,
                Err(_) => {
                    return Err(ToolError::TimedOut { line: self.line(), seconds: self.limit.as_secs() });
                }
            }
        }
        if stopped {
            group.held.iter().for_each(Held::was_stopped);
            return Err(self.interrupted());
        }
        // Stderr may be held on by a daemon (ssh's ControlPersist); stdout may not.
        progress.stdout.ok_or_else(|| self.unexpected("a background process holds its output"))
    }
}

/// What the watching threads report.
enum Note {
    /// The child has ended; it is not reaped yet.
    Ended,
    Stdout(io::Result<Vec<u8>>),
    /// Stderr is closed.
    Stderr,
    /// envloom is told to end, and the child with it.
    Stop,
}

#[derive(Default)]
struct Progress {
    ended: bool,
    stderr: bool,
    stdout: Option<Vec<u8>>,
}

impl Progress {
    fn is_complete(&self) -> bool {
        self.ended && self.stderr && self.stdout.is_some()
    }
}

/// A child that leads its own process group. Dropped before its end, the group is killed.
struct Group<'l> {
    child: Child,
    leader: Pid,
    /// `None` once it is reaped.
    held: Option<Held<'l>>,
}

impl<'l> Group<'l> {
    fn new(child: Child, held: Held<'l>) -> Self {
        let leader = Pid::from_child(&child);
        Self { child, leader, held: Some(held) }
    }

    /// From now on it ends when envloom is told to.
    fn hold(&self, notes: &Sender<Note>) {
        let notes = notes.clone();
        // A failed send means that the question is over.
        let tell = move || drop(notes.send(Note::Stop));
        self.held.iter().for_each(|held| held.started(self.leader, tell.clone()));
    }

    /// Gives it what it reads, beside its answers: either may be longer than a pipe holds.
    fn feed(&mut self, input: Vec<u8>) -> io::Result<()> {
        let Some(mut pipe) = self.child.stdin.take() else { return Ok(()) };
        // A child that ends before it has read all says so itself.
        let write = move || drop(pipe.write_all(&input));
        thread::Builder::new().spawn(write).map(drop)
    }

    fn watch(&mut self, notes: &Sender<Note>, stderr: &Arc<Mutex<Vec<u8>>>) -> io::Result<()> {
        let start = |body: Box<dyn FnOnce() + Send>| thread::Builder::new().spawn(body).map(drop);
        // A failed send means that the question was given up: nobody waits for the note.
        if let Some(pipe) = self.child.stdout.take() {
            let notes = notes.clone();
            start(Box::new(move || {
                let mut bytes = Vec::new();
                let most = LONGEST_ANSWER as u64 + 1;
                let read = pipe.take(most).read_to_end(&mut bytes).map(|_| bytes);
                let _ = notes.send(Note::Stdout(read));
            }))?;
        }
        if let Some(pipe) = self.child.stderr.take() {
            let (notes, kept) = (notes.clone(), Arc::clone(stderr));
            start(Box::new(move || {
                keep_end(pipe, &kept);
                let _ = notes.send(Note::Stderr);
            }))?;
        }
        let (notes, leader) = (notes.clone(), self.leader);
        start(Box::new(move || {
            let how = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(leader), how), Err(rustix::io::Errno::INTR)) {}
            let _ = notes.send(Note::Ended);
        }))
    }

    /// Reaps a child whose end was noted.
    fn end(&mut self) -> io::Result<ExitStatus> {
        self.held = None;
        self.child.wait()
    }

    fn kill(&self) {
        // Fails only when the group is gone already.
        let _ = kill_process_group(self.leader, Signal::KILL);
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if self.held.is_some() {
            self.kill();
            self.held = None;
            let _ = self.child.wait();
        }
    }
}

/// Reads to the end, keeping the last bytes.
fn keep_end(mut pipe: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 8 << 10];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..count]);
                if kept.len() > 2 * KEPT_STDERR {
                    let surplus = kept.len() - KEPT_STDERR;
                    kept.drain(..surplus);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Bytes that are no text, likewise.
pub(crate) fn quoted_bytes(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for &byte in word {
        match byte {
            b'\'' => quoted.extend(b"'\\''"),
            other => quoted.push(other),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// A word as a shell reads it back: bash, zsh and, but for control characters, any other.
pub(crate) fn quoted(word: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,%".contains(c);
    if !word.is_empty() && word.chars().all(bare) {
        word.to_owned()
    } else if word.contains(char::is_control) {
        // Whoever prints the line would escape a line end in the shell's place.
        let escaped = |c: char| match c {
            '\n' => r"\n".to_owned(),
            '\t' => r"\t".to_owned(),
            '\'' | '\\' => format!("\\{c}"),
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        format!("$'{}'", word.chars().map(escaped).collect::<String>())
    } else if word.contains('\'') && !word.contains(['"', '$', '`', '\\', '!']) {
        format!("\"{word}\"")
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Answer, ToolError> {
        let vars = BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let arguments = vec!["-c".into(), script.into()];
        let (program, directory) = (Path::new("/bin/sh"), Path::new("/"));
        Query { program, arguments, preamble: 0, directory, vars: &vars, limit }.ask()
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_quoted_word_is_read_back_by_a_shell_as_it_was() {
        for (word, written) in [
            ("a-b=c", "a-b=c"),
            ("", "''"),
            ("two words", "'two words'"),
            ("print('x')", "\"print('x')\""),
            ("it's $5", r"'it'\''s $5'"),
            ("import a\n\tprint('\\')\u{1b}", r"$'import a\n\tprint(\'\\\')\u001b'"),
        ] {
            assert_eq!(quoted(word), written);
            let vars = BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]);
            let arguments = vec!["-c".into(), format!("printf %s {}", quoted(word)).into()];
            let bash = which::which("bash").unwrap();
            let query = Query {
                program: &bash,
                arguments,
                preamble: 0,
                directory: Path::new("/"),
                vars: &vars,
                limit: LONG,
            };
            assert_eq!(query.ask().unwrap().stdout, word.as_bytes());
        }
    }

    #[test]
    fn what_a_signal_to_envloom_has_ended_is_asked_again_where_none_may_end_it() {
        let place = tempfile::tempdir().unwrap();
        let mark = quoted(&place.path().join("mark").display().to_string());
        let script = format!("if [ -e {mark} ]; then echo again; else : > {mark}; kill -INT $$; fi");
        let shield = crate::tool::Shield::take();
        assert_eq!(shell(&script, LONG).unwrap().stdout, b"again\n");
        // One that ends in this way whatever happens is answered so.
        assert_eq!(shell("kill -INT $$", LONG).unwrap().status.signal(), Some(SIGINT));
        drop(shield);
    }

    #[test]
    fn output_and_status_come_back() {
        let answer = shell("echo out; echo err >&2; exit 3", LONG).unwrap();
        assert_eq!(answer.status.code(), Some(3));
        assert_eq!(answer.stdout, b"out\n");
        assert_eq!(answer.stderr, "err\n");
    }

    #[test]
    fn nothing_is_inherited_and_stdin_is_empty() {
        let answer = shell("cat; env", LONG).unwrap();
        let text = String::from_utf8(answer.stdout).unwrap();
        let names: Vec<&str> = text.lines().filter_map(|l| l.split('=').next()).collect();
        assert!(!names.contains(&"HOME") && names.contains(&"PATH"), "{names:?}");
    }

    #[test]
    fn what_is_given_is_read_however_long_and_need_not_be() {
        let vars = BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let (program, directory) = (Path::new("/bin/sh"), Path::new("/"));
        let ask = |script: &str, input: &[u8]| {
            let arguments = vec!["-c".into(), script.into()];
            let query = Query { program, arguments, preamble: 0, directory, vars: &vars, limit: LONG };
            query.ask_with(Some(input.to_vec())).unwrap().stdout
        };
        let long = b"0123456789".repeat(1 << 16);
        assert_eq!(ask("cat", &long), long);
        assert_eq!(ask("echo done", &long), b"done\n");
        assert_eq!(ask("cat", b""), b"");
    }

    #[test]
    fn the_time_limit_ends_the_whole_group() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        let error = shell(&script, Duration::from_millis(500)).unwrap_err();
        assert!(matches!(error, ToolError::TimedOut { .. }), "{error}");
        let pid = std::fs::read_to_string(file).unwrap();
        // Dying takes a moment, and the orphan stays a zombie until its reaper comes.
        let dead = || {
            let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            status.map_or(true, |text| text.contains(") Z"))
        };
        let until = Instant::now() + LONG;
        while !dead() {
            assert!(Instant::now() < until, "the grandchild lives");
            thread::yield_now();
        }
    }

    #[test]
    fn a_background_process_that_holds_the_output_is_not_waited_for() {
        let answer = shell("sleep 600 & echo done", LONG).unwrap();
        assert_eq!(answer.stdout, b"done\n");
    }

    #[test]
    fn endless_output_is_refused_with_bounded_memory() {
        let error = shell("yes", LONG).unwrap_err();
        assert!(matches!(error, ToolError::Unexpected { .. }), "{error}");
        let answer = shell("yes | head -c 1000000 >&2; echo last >&2", LONG).unwrap();
        assert!(answer.stderr.ends_with("last\n") && answer.stderr.len() < 3 * KEPT_STDERR);
    }

    #[test]
    fn a_missing_program_is_named() {
        let vars = BTreeMap::new();
        let program = Path::new("/nonexistent/uv");
        let directory = Path::new("/");
        let (arguments, preamble) = (vec![], 0);
        let query = Query { program, arguments, preamble, directory, vars: &vars, limit: LONG };
        assert!(query.ask().unwrap_err().to_string().contains("/nonexistent/uv"));
    }

    #[test]
    fn the_line_can_be_pasted_and_hides_passwords() {
        let vars = BTreeMap::new();
        let arguments = vec!["a b".into(), "it's".into(), "https://u:s3cret@h/x".into()];
        let (program, directory) = (Path::new("/usr/bin/git"), Path::new("/"));
        let arguments = [vec!["-c".into(), "a=b".into()], arguments].concat();
        let query = Query { program, arguments, preamble: 2, directory, vars: &vars, limit: LONG };
        assert_eq!(query.line(), r#"/usr/bin/git 'a b' "it's" https://***@h/x"#);
    }
}
