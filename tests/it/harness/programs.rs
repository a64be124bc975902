//! Starting programs: surroundings, output, events, signals, gates, shims.

use std::collections::BTreeSet;

use crate::support::{Gate, Monorepo, Ran, Running, Signal};

/// A stand-in for envloom that writes a report.
const REPORTING: &str = r#"
echo '{"event":"started","task":"lock:prod"}' >> "$ENVLOOM_EVENTS"
echo '{"event":"finished","task":"lock:prod","result":"ran"}' >> "$ENVLOOM_EVENTS"
echo '{"event":"finished","task":"sync:dev@cpu","result":"fresh"}' >> "$ENVLOOM_EVENTS"
"#;

#[test]
fn what_ran_is_read_from_the_report() {
    let repo = Monorepo::new();
    let ran = repo.exec("sh", &["-c", REPORTING]).success();
    assert_eq!(ran.events().tasks("started"), ["lock:prod"]);
    assert_eq!(ran.events().all().len(), 3);
    ran.ran(&["lock:prod"])
        .fresh(&["sync:dev@cpu"])
        .restored(&[])
        .failed(&[])
        .skipped(&[])
        .finished_in_order(&["lock:prod", "sync:dev@cpu"])
        // Each run has a report of its own.
        .exec("sh", &["-c", ": > \"$ENVLOOM_EVENTS\""])
        .ran(&[]);
}

#[test]
#[should_panic(expected = "no events were written by `sh -c true`")]
fn a_run_without_a_report_does_not_pass_for_an_idle_one() {
    Monorepo::new().exec("sh", &["-c", "true"]).ran(&[]);
}

#[test]
fn the_environment_is_the_explicit_list() {
    let repo = Monorepo::new().env("ENVLOOM_JOBS", "[ROOT]").without_env("LANG");
    let text = repo.exec("env", &[]).text();
    let names: BTreeSet<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
    let shown: Vec<&str> = names.into_iter().filter(|name| !name.starts_with("GIT_CONFIG_")).collect();
    insta::assert_snapshot!(shown.join(" "), @"ALL_PROXY COLUMNS ENVLOOM_CACHE_DIR ENVLOOM_EVENTS ENVLOOM_JOBS ENVLOOM_UV GIT_AUTHOR_DATE GIT_AUTHOR_EMAIL GIT_AUTHOR_NAME GIT_CEILING_DIRECTORIES GIT_COMMITTER_DATE GIT_COMMITTER_EMAIL GIT_COMMITTER_NAME GIT_TERMINAL_PROMPT HOME HTTPS_PROXY HTTP_PROXY NO_COLOR NO_PROXY PATH SHELL TERM TMPDIR TZ USER UV_CACHE_DIR UV_HTTP_RETRIES UV_PYTHON_DOWNLOADS");
    assert!(text.contains(&repo.fill("ENVLOOM_JOBS=[ROOT]")));
    let path = text.lines().find(|line| line.starts_with("PATH=")).unwrap();
    assert!(!path.contains("shims"), "{path}");
}

#[test]
fn envloom_is_started_with_the_words_of_a_line() {
    let repo = Monorepo::new();
    repo.run("--version").success();
    repo.run_args(&["--version"]).success();
    repo.spawn("--version").wait().success();
}

#[test]
fn output_is_redacted() {
    let repo = Monorepo::new();
    let commit = repo.write("a", "b").commit("start").git(&["rev-parse", "--short=9", "HEAD"]).text();
    let script = format!(
        "uv --version; python3.12 --version; command -v python3.12; pwd; echo {commit} in 12ms, 1m 3s; false"
    );
    let output = repo.with_uv_on_path().exec("sh", &["-c", &script]).code(1).output_snapshot();
    insta::assert_snapshot!(output, @r#"
    exit: 1
    ----- stdout -----
    uv [UV]
    Python 3.12.[X]
    [PYTHON-3.12]
    [ROOT]/repo
    [COMMIT] in [TIME], [TIME]
    ----- stderr -----
    "#);
}

#[test]
fn a_running_program_is_watched_and_signalled() {
    let repo = Monorepo::new();
    let running = repo.spawn_program(
        "sh",
        &["-c", "trap 'echo bye; exit 7' TERM; echo ready 1; while :; do sleep 0.01; done"],
    );
    assert_eq!(running.wait_for_line("ready"), "ready 1");
    assert!(!running.has_ended());
    assert_eq!(running.signal(Signal::TERM).wait_for_line("bye"), "bye");
    let ran = running.wait().code(7);
    assert_eq!((ran.stdout(), ran.stderr()), ("ready 1\nbye\n", ""));

    // The job begins with INT ignored, so that no moment is left in which it is not.
    let job = "trap '' INT; sleep 1000 & trap - INT; echo $!; wait";
    let running = repo.spawn_program("sh", &["-c", job]);
    let sleeper = running.wait_for_line("");
    let pid = running.pid().to_string();
    running.signal_group(Signal::INT);
    running.wait();
    let signal_zero = |process: &str| -> Ran { repo.exec("kill", &["-0", process]) };
    signal_zero(&pid).code(1);
    signal_zero(&sleeper).success();
    repo.exec("kill", &[&sleeper]).success();
}

#[test]
fn gates_show_order_and_concurrency() {
    let repo = Monorepo::new();
    let gate = Gate::new(&repo);
    let start = |name: &str| repo.spawn_program(gate.program(), &[name]);
    let (a, b) = (start("a"), start("b"));
    assert_eq!(gate.wait_started(2), ["a", "b"]);
    gate.release("b");
    b.wait().success();
    assert_eq!(gate.waiting(), BTreeSet::from(["a".to_owned()]));
    gate.release_with("a", 3);
    a.wait().code(3);
    assert_eq!(gate.max_concurrency(), 2);

    // One that is told to stop waits no longer; one that is killed does not disturb the rest.
    let (c, d) = (start("c"), start("d"));
    gate.wait_started(4);
    c.signal(Signal::TERM);
    c.wait().code(143);
    d.signal(Signal::KILL);
    d.wait().killed_by(Signal::KILL);
    gate.open();
    start("e").wait().success();
    assert_eq!(gate.started().last().map(String::as_str), Some("e"));

    let forgotten: Running;
    let other = Monorepo::new();
    {
        let gate = Gate::new(&other);
        forgotten = other.spawn_program(gate.program(), &["f"]);
        gate.wait_started(1);
    }
    forgotten.wait().code(99);
}

#[test]
fn shims_behave_like_pyenvs_and_are_noticed() {
    let repo = Monorepo::new().with_shims();
    assert!(repo.exec("python3", &["--version"]).text().starts_with("Python 3."));
    assert!(repo.exec("uv", &["--version"]).text().starts_with("uv "));
    let missing = repo.write(".python-version", "3.99\n").exec("uv", &["--version"]).code(127);
    insta::assert_snapshot!(missing.output_snapshot(), @r#"
    exit: 127
    ----- stdout -----

    ----- stderr -----
    pyenv: version `3.99' is not installed (set by [ROOT]/repo/.python-version)
    "#);
    assert_eq!(repo.shim_calls(), ["python3 --version", "uv --version", "uv --version"]);
}
