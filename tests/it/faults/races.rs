//! Concurrent runs with different TMPDIRs, and a holder of locks that is killed while others wait.

use std::fs;
use std::time::{Duration, Instant};

use super::{campaign, eventually, figure, rounds, wide_project};
use crate::support::{Gate, Monorepo, Running, Signal};

/// The same project seen with a TMPDIR of its own: uv's locks lie there, so two uvs do not see each other's.
fn with_temporary(repo: &Monorepo, name: &str) -> Monorepo {
    let directory = repo.root().join(name);
    fs::create_dir_all(&directory).unwrap();
    repo.env("TMPDIR", directory.to_str().unwrap())
}

#[test]
fn concurrent_syncs_with_different_tmpdirs_all_succeed_and_one_of_them_works() {
    let repo = wide_project(10, 40);
    repo.run("lock:dev").success();
    let views: Vec<Monorepo> = (0..8).map(|one| with_temporary(&repo, &format!("tmp{one}"))).collect();
    let plain = repo.root().join("plain");
    fs::create_dir_all(&plain).unwrap();
    for file in ["pyproject.toml", "uv.lock"] {
        fs::copy(repo.path(file), plain.join(file)).unwrap();
    }
    let uv = repo.exec("sh", &["-c", "printf %s \"$ENVLOOM_UV\""]).text();
    let (mut failed, mut doubled, mut control, tried) = (0, 0, 0, rounds(3));
    for round in 0..tried {
        for directory in [".venv", ".envloom/cells", ".envloom/plans"] {
            fs::remove_dir_all(repo.path(directory)).ok();
        }
        let count = if campaign().is_some() { 2 } else { [2, 4, 8][round % 3] };
        let running: Vec<Running> = views[..count].iter().map(|view| view.spawn("sync:dev")).collect();
        let ran: Vec<_> = running.into_iter().map(Running::wait).collect();
        failed += usize::from(ran.iter().any(|ran| ran.exit_code() != Some(0)));
        let worked = ran.iter().filter(|ran| {
            ran.exit_code() == Some(0)
                && ran.events().all().iter().any(|event| {
                    event["event"] == "finished" && event["task"] == "sync:dev" && event["result"] == "ran"
                })
        });
        doubled += worked.count().saturating_sub(1);
        if campaign().is_some() {
            fs::remove_dir_all(plain.join(".venv")).ok();
            let arguments = ["--directory", plain.to_str().unwrap(), "sync", "--frozen"];
            let running: Vec<Running> =
                views[..2].iter().map(|view| view.spawn_program(&uv, &arguments)).collect();
            let codes: Vec<_> = running.into_iter().map(|one| one.wait().exit_code()).collect();
            control += usize::from(codes.iter().any(|code| *code != Some(0)));
        }
    }
    figure("F8 concurrent envlooms with different TMPDIRs, failures", tried, failed);
    figure("F8 tasks that ran twice", tried, doubled);
    figure("F8 the same with `uv sync`, failures (control)", tried, control);
    assert_eq!((failed, doubled), (0, 0));
}

#[test]
fn waiters_go_on_when_the_holder_is_killed() {
    let repo = wide_project(1, 0);
    let gate = Gate::new(&repo);
    repo.run("lock:dev").success();
    // A uv that waits at the gate, so that the holder holds its locks for as long as the test says.
    let uv = repo.exec("sh", &["-c", "printf %s \"$ENVLOOM_UV\""]).text();
    repo.write_program(
        "../bin/uv",
        &format!(
            "#!/bin/sh\ncase \"$*\" in *sync*) {} held || exit;; esac\nexec {uv} \"$@\"\n",
            gate.program().display()
        ),
    );
    let held = repo.env("ENVLOOM_UV", "[ROOT]/bin/uv");
    let (mut slowest, tried) = (Duration::ZERO, rounds(3));
    for _ in 0..tried {
        fs::remove_dir_all(repo.path(".envloom/cells")).ok();
        fs::remove_dir_all(repo.path(".envloom/plans")).ok();
        let holder = held.spawn("sync:dev");
        assert!(eventually(|| !gate.waiting().is_empty()), "nobody came to the gate");
        let waiters: Vec<Running> = (0..2).map(|_| repo.spawn("sync:dev")).collect();
        for waiter in &waiters {
            waiter.wait_for_line("process ");
        }
        repo.run("sync:dev --no-wait").code(1);
        assert!(waiters.iter().all(|waiter| !waiter.has_ended()));
        let killed = Instant::now();
        holder.signal(Signal::KILL);
        for waiter in waiters {
            waiter.wait().success();
        }
        slowest = slowest.max(killed.elapsed());
        holder.wait();
        gate.release("held");
    }
    figure(
        &format!("F9 holder killed, stale locks (slowest waiter was done {slowest:?} after the kill)"),
        tried,
        0,
    );
}

/// `absorb dev` at work, which has read everything and waits for the record, and the lock that it waits for.
fn absorbing(repo: &Monorepo) -> (fs::File, Running) {
    let record = fs::File::create(repo.path(".envloom/locks/ledger.lock")).unwrap();
    record.lock().unwrap();
    let running = repo.spawn("absorb dev");
    let waits = format!(" {} ", running.pid());
    let is_waiting = || {
        let locks = fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|line| line.contains("-> FLOCK") && line.contains(&waits))
    };
    assert!(eventually(is_waiting), "absorb does not wait for the record");
    (record, running)
}

#[test]
fn what_is_written_while_absorb_works_is_kept() {
    let repo = crate::seed::locked();
    repo.replace("pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    let (record, running) = absorbing(&repo);
    repo.append("tasks.kdl", "// someone else\n");
    let before = repo.tree("").without(".envloom");
    drop(record);
    let ran = running.wait().code(1);
    insta::assert_snapshot!(ran.output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::moved]: [ROOT]/repo/tasks.kdl was changed meanwhile
    help: nothing was written; type the command again
    ");
    assert_eq!(repo.tree("").without(".envloom"), before);
    repo.run("absorb dev").success();
    assert!(repo.read("tasks.kdl").ends_with("// someone else\n"));
}

#[test]
fn a_manifest_that_is_edited_while_absorb_works_is_not_taken_for_absorbed() {
    let repo = crate::seed::locked();
    repo.replace("pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    let (record, running) = absorbing(&repo);
    repo.replace("pyproject.toml", "\"tqdm>=4.60\"", "\"tqdm>=4.61\"");
    let before = repo.tree("").without(".envloom");
    drop(record);
    running.wait().code(1).stderr_has("pyproject.toml was changed meanwhile");
    assert_eq!(repo.tree("").without(".envloom"), before);
}
