//! Remotes that stall, hang up, fail or ask for a password; Ctrl-C and its kin while envloom waits for one.

use super::{campaign, eventually, figure, litter, processes, timed};
use crate::seed::locked;
use crate::support::{BadRemote, Monorepo, Signal};

/// A repository in which every one of [`ASKING`] has to ask a remote.
fn asking() -> Monorepo {
    locked().release("foo", "v0.1.3")
}

/// Calls that wait for a remote: for its tags or for a clone, before their tasks or in one.
const ASKING: &[&str] = &[
    "-B verify:prod",
    "-B outdated",
    "--json -B outdated",
    "pin prod foo v0.1.3",
    "-B promote staging prod",
    "lock:prod --accept-moved foo",
    "generate:prod --accept-moved foo",
    "-B -j4 sync:prod@cpu check:dev",
    "add package baz --git https://git.example.com/baz.git",
];

/// Calls that fetch submodules which are empty.
const FETCHING: &[&str] = &["fetch", "fetch foo --json", "doctor --fix"];

/// Every call that waits for a remote, where it does.
fn calls() -> Vec<(Monorepo, &'static str)> {
    let (asking, fetching) = (asking(), locked().deinit("foo").deinit("bar"));
    let of = |repo: &Monorepo, lines: &[&'static str]| -> Vec<_> {
        lines.iter().map(|line| (repo.clone(), *line)).collect()
    };
    [of(&asking, ASKING), of(&fetching, FETCHING)].concat()
}

/// What is in the repository, but for what envloom keeps for itself.
fn tracked(repo: &Monorepo) -> String {
    repo.git(&["status", "--porcelain"]).text()
}

#[test]
fn a_signal_while_a_remote_stalls_ends_the_call_and_its_git_at_once() {
    let stalling = BadRemote::stalling_after(b"");
    let (mut tried, mut bad) = (0, Vec::new());
    for (repo, line) in calls() {
        let repo = stalling.before(&repo);
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            let asked = stalling.asked();
            let running = repo.spawn(line);
            assert!(eventually(|| stalling.asked() > asked || running.has_ended()));
            assert!(!running.has_ended(), "it was to wait\n{}", running.wait());
            running.signal(signal);
            let ran = running.wait();
            let left = processes(&repo).len();
            let clones = repo.exec("find", &[".", "-name", ".clone-*"]).text().lines().count();
            if ran.exit_code() != Some(128 + signal.as_raw())
                || left + clones + litter(&repo).len() > 0
                || !tracked(&repo).is_empty()
            {
                bad.push(format!(
                    "{line}, {signal:?}: {left} processes, {clones} clones left, {}\n{ran}",
                    tracked(&repo)
                ));
            }
            tried += 1;
        }
    }
    figure("F24 signals while a remote stalls, not ended with everything", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

#[test]
fn what_was_stopped_says_so() {
    let stalling = BadRemote::stalling_after(b"");
    let repo = stalling.before(&asking());
    let git = repo.exec("sh", &["-c", "command -v git"]).text();
    let stopped = |line: &str| {
        let asked = stalling.asked();
        let running = repo.spawn(line);
        assert!(eventually(|| stalling.asked() > asked || running.has_ended()));
        running.signal(Signal::INT);
        running.wait().output_snapshot().replace(&git, "[GIT]")
    };
    insta::assert_snapshot!(stopped("-B outdated"), @r"
    exit: 130
    ----- stdout -----

    ----- stderr -----
    error[envloom::tool::interrupted]: `[GIT] ls-remote --tags -- https://git.example.com/bar.git` was stopped: envloom was told to end
    help: run the same command again to go on
    ");
    insta::assert_snapshot!(stopped("-B verify:prod"), @r"
    exit: 130
    ----- stdout -----

    ----- stderr -----
    interrupted by SIGINT: stopping 1 task, once more to kill it
    ✗ verify:prod  failed
    error[envloom::tool::interrupted]: `[GIT] ls-remote --tags -- https://git.example.com/bar.git` was stopped: envloom was told to end
    help: run the same command again to go on
    failed 1 in [TIME]
    ");
    let repo = stalling.before(&locked().deinit("foo").deinit("bar"));
    let stopped = |line: &str| {
        let asked = stalling.asked();
        let running = repo.spawn(line);
        assert!(eventually(|| stalling.asked() > asked || running.has_ended()));
        running.signal(Signal::INT);
        running.wait().output_snapshot()
    };
    let said = stopped("fetch");
    assert_eq!(said.matches("error[envloom::tool::interrupted]").count(), 1, "{said}");
    let said = stopped("doctor --fix");
    assert!(!said.contains("envloom::doctor::") && !said.contains(" errors, "), "{said}");
}

/// The beginning of what a remote answers to `ls-remote`.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\
    Content-Length: 400\r\n\r\n001e# service=git-upload-pack\n0000\
    00aa1111111111111111111111111111111111111111 HEAD\0multi_ack side-band-64k ofs-delta symref=HEAD:refs/heads/main\n";

/// How a remote fails, and with what.
fn faults() -> Vec<(String, BadRemote)> {
    let head = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n");
    let mut faults: Vec<(String, BadRemote)> = (0..ANSWER.len())
        .step_by(if campaign().is_some() { 8 } else { 100 })
        .map(|at| (format!("cut after {at} bytes"), BadRemote::cut_after(&ANSWER[..at])))
        .collect();
    for status in ["500 Oops", "502 Bad", "503 Busy", "504 Late", "429 Slow down", "404 No", "403 No"] {
        faults.push((status.to_owned(), BadRemote::cut_after(format!("{}\r\n", head(status)).as_bytes())));
    }
    for scheme in ["Basic realm=\"\x1b[31mtests\"", "Negotiate", "Digest realm=\"x\", nonce=\"y\""] {
        let answer = format!("{}WWW-Authenticate: {scheme}\r\n\r\n", head("401 Unauthorized"));
        faults.push((format!("asks for a password: {scheme:?}"), BadRemote::cut_after(answer.as_bytes())));
    }
    for to in ["ext::touch [ROOT]/canary", "file:///etc/passwd", "http://127.0.0.1:1/", "git://127.0.0.1:1/"]
    {
        let answer = format!("{}Location: {to}\r\n\r\n", head("302 Found"));
        faults.push((format!("redirects to {to}"), BadRemote::cut_after(answer.as_bytes())));
    }
    faults.push(("garbage".to_owned(), BadRemote::cut_after(b"\x1b]0;x\x07\xff\xfe\0\r\n\r\n")));
    faults
}

#[test]
fn a_remote_that_fails_is_an_error_without_a_prompt_a_hang_or_a_trace() {
    let calls = calls();
    let before: Vec<_> = calls.iter().map(|(repo, _)| repo.tree("").without(".envloom")).collect();
    let (mut tried, mut bad) = (0, Vec::new());
    let mut slowest = std::time::Duration::ZERO;
    for (at, (name, remote)) in faults().into_iter().enumerate() {
        // Three calls each, others for the next; the campaign makes them all.
        let every = if campaign().is_some() { 1 } else { 4 };
        for (repo, line) in calls.iter().skip(at % every).step_by(every) {
            let faulty = remote.before(repo);
            let mut ran = None;
            slowest = slowest.max(timed(|| ran = Some(faulty.run(line))));
            let ran = ran.unwrap();
            let raw = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
            // `outdated` says what it could not ask, and is no failure.
            let fits = if line.contains("outdated") {
                ran.exit_code().is_some_and(|code| code < 3)
            } else {
                matches!(ran.exit_code(), Some(1 | 2))
            };
            if !fits || raw(ran.stderr()) || raw(ran.stdout()) {
                bad.push(format!("{name}: {line}\n{ran}"));
            }
            tried += 1;
        }
        assert!(remote.asked() > 0, "{name}");
    }
    for ((repo, _), before) in calls.iter().zip(before) {
        assert!(!repo.root().join("canary").exists());
        assert_eq!(repo.tree("").without(".envloom"), before);
    }
    figure(
        &format!("F24 remotes that fail x calls, prompted, raw or accepted (slowest {slowest:?})"),
        tried,
        bad.len(),
    );
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}
