//! Every stop signal, to the process and to its group; a second one; suspension; closed output.

use std::io::Write as _;

use super::{eventually, figure, processes, rounds, wide_project};
use crate::support::{Monorepo, Signal};

/// A task that reports its start and then waits, obedient or not, with a grandchild.
fn project() -> Monorepo {
    let repo = wide_project(1, 0);
    repo.append(
        "tasks.kdl",
        r#"
task "obedient" { run "sh" "-c" "sleep 600 & touch [ROOT]/up; wait" }
task "stubborn" { run "sh" "-c" "trap '' TERM INT HUP; (trap '' TERM INT HUP; exec sleep 601) & touch [ROOT]/up; while :; do sleep 602; done" }
task "counts"   { run "sh" "-c" "touch [ROOT]/up; read x < [ROOT]/go; echo went on" }
task "talks"    { run "sh" "-c" "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; touch [ROOT]/said" }
"#,
    );
    repo
}

fn started(repo: &Monorepo, line: &str) -> crate::support::Running {
    std::fs::remove_file(repo.root().join("up")).ok();
    let running = repo.spawn(line);
    assert!(eventually(|| repo.root().join("up").exists() || running.has_ended()), "{line} did not start");
    running
}

#[test]
fn a_stop_signal_reaches_everybody_and_gives_its_exit_code() {
    let repo = project();
    let (mut left, mut tried) = (0, 0);
    for _ in 0..rounds(1) {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            for group in [false, true] {
                let running = started(&repo, "obedient");
                if group {
                    running.signal_group(signal)
                } else {
                    running.signal(signal)
                };
                running.wait().code(128 + signal.as_raw());
                left += processes(&repo).len();
                tried += 1;
            }
        }
    }
    figure("F14 stop signals, processes left when envloom has ended", tried, left);
    assert_eq!(left, 0);
}

#[test]
fn a_second_ctrl_c_ends_what_ignores_the_first() {
    let repo = project();
    for signal in [Signal::INT, Signal::TERM] {
        let running = started(&repo, "stubborn");
        running.signal(signal);
        running.wait_for_line("once more to kill");
        // As a person does who sees no effect: twice within a moment counts as once.
        assert!(eventually(|| {
            running.signal(signal);
            running.has_ended()
        }));
        running.wait().code(128 + signal.as_raw());
        assert!(processes(&repo).is_empty());
    }
}

/// The state letter of a process, as the system shows it.
fn state(pid: rustix::process::Pid) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('X')
}

#[test]
fn suspended_and_continued_it_goes_on() {
    let repo = project();
    repo.exec("mkfifo", &["[ROOT]/go"]).success();
    for _ in 0..rounds(1).min(20) {
        let running = started(&repo, "counts");
        running.signal(Signal::TSTP);
        let all = |wanted: fn(char) -> bool| processes(&repo).into_iter().all(|pid| wanted(state(pid)));
        // A child that was started at this very moment is known to envloom a moment later: asked again, it stops.
        let stopped = || {
            let stopped = all(|state| state == 'T');
            if !stopped {
                running.signal(Signal::CONT).signal(Signal::TSTP);
            }
            stopped
        };
        assert!(eventually(stopped), "not everybody is stopped");
        // A stop that was asked for again may still be under way: continued again, it goes on.
        let mut go = std::fs::OpenOptions::new().read(true).write(true).open(repo.root().join("go")).unwrap();
        go.write_all(b"x\n").unwrap();
        let ended = || {
            running.signal_group(Signal::CONT);
            running.has_ended()
        };
        assert!(eventually(ended), "somebody is still stopped");
        running.wait().success();
    }
}

#[test]
fn a_closed_output_stops_no_task_and_leaves_nobody() {
    let repo = project();
    let envloom = env!("CARGO_BIN_EXE_envloom");
    for redirection in ["| true", "2>&1 | true", "| head -n 1", ">&- 2>&-", "> /dev/full 2>&1"] {
        std::fs::remove_file(repo.root().join("said")).ok();
        let ran = repo.exec("sh", &["-c", &format!("{envloom} -vv talks {redirection}")]);
        assert!(ran.exit_code().is_some() && !ran.stderr().contains("panicked"), "{ran}");
        assert!(eventually(|| processes(&repo).is_empty()));
        assert!(repo.root().join("said").exists(), "the task was stopped by {redirection}");
        let list = repo.exec("sh", &["-c", &format!("{envloom} list {redirection}")]);
        assert!(!list.stderr().contains("panicked"), "{list}");
    }
}
