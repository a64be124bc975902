//! Remotes that stall, hang up, fail or ask for a password; Ctrl-C and its kin while envloom waits for one.

use std::fs;

use super::{campaign, eventually, figure, litter, processes, timed};
use crate::seed::locked;
use crate::support::{BadRemote, Monorepo, Package, Signal};

/// A repository in which every one of [`ASKING`] has to ask a remote.
fn asking() -> Monorepo {
    locked().add(Package::new("baz").tag("v0.1.2").remote_only()).release("foo", "v0.1.3")
}

/// One in which submodules are empty, for [`FETCHING`].
fn emptied() -> Monorepo {
    locked().deinit("foo").deinit("bar")
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
    "--json add package baz --git https://git.example.com/baz.git -n",
];

/// Likewise, where submodules are empty.
const FETCHING: &[&str] = &["fetch", "--json fetch foo", "doctor --fix"];

/// Those that fetch more than tags.
const CLONING: &[&str] = &[
    "pin prod foo v0.1.3",
    "-B promote staging prod",
    "generate:prod --accept-moved foo",
    "add package baz --git https://git.example.com/baz.git",
];

/// Every call that waits for a remote, where it does.
fn calls() -> Vec<(Monorepo, &'static str)> {
    let of = |repo: &Monorepo, lines: &[&'static str]| -> Vec<_> {
        lines.iter().map(|line| (repo.clone(), *line)).collect()
    };
    [of(&asking(), ASKING), of(&emptied(), FETCHING)].concat()
}

/// A remote that stalls, the machine that has it, and the calls that meet it.
struct Stall {
    name: String,
    remote: BadRemote,
    repo: Monorepo,
    lines: &'static [&'static str],
}

/// Remotes that stall: at once, in the head of an answer, in the names of tags, in a pack.
fn stalls() -> Vec<Stall> {
    let (asking, emptied) = (asking(), emptied());
    let mut stalls = Vec::new();
    let mut add = |name: String, remote: BadRemote, repo: &Monorepo, lines| {
        let repo = remote.before(repo);
        stalls.push(Stall { name, remote, repo, lines });
    };
    for after in [0, 30, 130, ANSWER.len()] {
        let name = format!("after {after} bytes of an answer");
        add(name.clone(), BadRemote::stalling_after(&ANSWER[..after]), &asking, ASKING);
        add(name, BadRemote::stalling_after(&ANSWER[..after]), &emptied, FETCHING);
    }
    for after in [0, 40, 400] {
        let name = format!("after {after} bytes of a pack");
        add(name.clone(), BadRemote::torn_after(&asking, after), &asking, CLONING);
        add(name, BadRemote::torn_after(&emptied, after), &emptied, FETCHING);
    }
    stalls
}

/// What a call that did not come to its end has left.
fn left(repo: &Monorepo) -> Option<String> {
    let processes = processes(repo).len();
    let clones = repo.exec("find", &[".", "-name", ".clone-*"]).text().lines().count();
    let modules = fs::read_dir(repo.path(".git/modules/packages")).unwrap();
    let modules = modules.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let modules: Vec<String> = modules.filter(|name| !["foo", "bar"].contains(&name.as_str())).collect();
    let litter = litter(repo);
    let status = repo.git(&["status", "--porcelain"]).text();
    let is_clean = processes + clones == 0 && modules.is_empty() && litter.is_empty() && status.is_empty();
    let text = format!("{processes} processes, {clones} clones, {modules:?}, {litter:?}, {status}");
    (!is_clean).then_some(text)
}

#[test]
fn a_signal_while_a_remote_stalls_ends_the_call_and_its_git_at_once() {
    let (mut tried, mut bad) = (0, Vec::new());
    let signals = [Signal::INT, Signal::TERM, Signal::HUP];
    for (at, Stall { name, remote, repo, lines }) in stalls().iter().enumerate() {
        for (nth, line) in lines.iter().enumerate() {
            // Each call at each place with another signal; the campaign sends all.
            let every = if campaign().is_some() { 1 } else { 3 };
            for signal in signals.iter().skip((at + nth) % every).step_by(every) {
                let asked = remote.asked();
                let running = repo.spawn(line);
                assert!(eventually(|| remote.asked() > asked || running.has_ended()));
                if running.has_ended() {
                    bad.push(format!("{name}: {line} was to wait\n{}", running.wait()));
                    continue;
                }
                running.signal(*signal);
                let ran = running.wait();
                let left = left(repo);
                if ran.exit_code() != Some(128 + signal.as_raw()) || left.is_some() {
                    bad.push(format!("{name}: {line}, {signal:?}: left {left:?}\n{ran}"));
                }
                tried += 1;
            }
        }
    }
    figure("F24 signals while a remote stalls, not ended with everything", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

/// A git that gives up after a second without a byte, where envloom tells it to after 30.
fn hasty(repo: &Monorepo) -> Monorepo {
    let git = repo.exec("sh", &["-c", "command -v git"]).text();
    let text = format!(
        "#!/bin/sh\nfor word; do\n    shift\n    case \"$word\" in http.lowSpeedTime=*) word=http.lowSpeedTime=1;; esac\n    \
         set -- \"$@\" \"$word\"\ndone\nexec '{git}' \"$@\"\n"
    );
    repo.write_program("../hasty/git", &text);
    repo.path_first(repo.root().join("hasty"))
}

#[test]
fn a_remote_that_stalls_is_given_up_with_a_code_and_nothing_is_left() {
    let (mut tried, mut bad) = (0, Vec::new());
    let every = if campaign().is_some() { 1 } else { 9 };
    for (at, Stall { name, remote, repo, lines }) in stalls().iter().enumerate() {
        let repo = hasty(repo);
        for line in lines.iter().skip(at % lines.len().min(every)).step_by(every) {
            let asked = remote.asked();
            let ran = repo.run(line);
            let fits = ran.exit_code() == Some(1)
                || ran.exit_code() == Some(2)
                // It says what it could not ask, and is no failure.
                || (line.contains("outdated") && ran.exit_code() == Some(0));
            let all = format!("{}{}", ran.stdout(), ran.stderr());
            let said = all.contains("envloom::") || all.contains("Operation too slow");
            let left = left(&repo);
            if !fits || !said || left.is_some() || remote.asked() == asked {
                bad.push(format!("{name}: {line}: left {left:?}\n{ran}"));
            }
            tried += 1;
        }
    }
    figure("F24 remotes that stall x calls, not given up with a code", tried, bad.len());
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
