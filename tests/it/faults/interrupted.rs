//! SIGKILL, SIGTERM and SIGINT at random moments of `sync` and `lock`, with plain uv in the same trial.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{Random, campaign, figure, interrupt_after, rounds, timed, wide_project};
use crate::support::{Monorepo, Signal};

/// Packages and files of the project: enough for a sync to take a while.
const PACKAGES: usize = 12;
const FILES: usize = 60;

/// What a venv holds, less what Python and uv write at their own time.
fn content(repo: &Monorepo, venv: &str) -> BTreeSet<String> {
    let paths = repo.tree(venv);
    let lasting = |path: &&str| !path.contains("__pycache__") && !path.ends_with("/.lock");
    paths
        .paths()
        .into_iter()
        .filter(lasting)
        .map(|path| {
            let size = fs::symlink_metadata(repo.path(venv).join(path))
                .map_or(0, |file| if file.is_file() { file.len() } else { 0 });
            format!("{path} {size}")
        })
        .collect()
}

fn remove_all(path: &Path) {
    // What is not there need not be removed.
    fs::remove_dir_all(path).ok();
}

/// The same project beside the repository, for plain uv.
fn plain_copy(repo: &Monorepo) -> Monorepo {
    let plain = repo.root().join("plain");
    fs::create_dir_all(&plain).unwrap();
    for file in ["pyproject.toml", "uv.lock"] {
        fs::copy(repo.path(file), plain.join(file)).unwrap();
    }
    repo.in_dir("../plain")
}

/// Interrupts `envloom sync` and `uv sync` in turn, runs each again, and counts the venvs that are not whole.
fn interrupt_syncs(signal: Signal, tried: usize) -> (usize, usize) {
    let repo = wide_project(PACKAGES, FILES);
    repo.run("lock:dev").success();
    repo.run("sync:dev").success();
    let clean = content(&repo, ".venv");
    let plain = plain_copy(&repo);
    plain.uv(&["sync", "--frozen"]).success();
    let plain_clean = content(&repo, "../plain/.venv");
    let fresh = |repo: &Monorepo| {
        remove_all(&repo.path(".venv"));
        remove_all(&repo.path(".envloom/cells"));
        remove_all(&repo.path(".envloom/plans"));
    };
    fresh(&repo);
    let duration = timed(|| drop(repo.run("sync:dev").success()));
    remove_all(&repo.path("../plain/.venv"));
    let uv_duration = timed(|| drop(plain.uv(&["sync", "--frozen"]).success()));
    let (mut random, mut broken, mut control) = (Random::new(), 0, 0);
    for _ in 0..tried {
        fresh(&repo);
        interrupt_after(&repo, repo.spawn("sync:dev"), random.moment(duration), signal);
        repo.run("sync:dev").success();
        broken += usize::from(content(&repo, ".venv") != clean);
        if campaign().is_some() {
            remove_all(&repo.path("../plain/.venv"));
            let program = repo.root().join("plain");
            let running = plain.spawn_program(
                uv_program(&repo),
                &["--directory", program.to_str().unwrap(), "sync", "--frozen"],
            );
            interrupt_after(&repo, running, random.moment(uv_duration), signal);
            plain.uv(&["sync", "--frozen"]);
            control += usize::from(content(&repo, "../plain/.venv") != plain_clean);
        }
    }
    (broken, control)
}

/// The real uv, as the surroundings name it.
fn uv_program(repo: &Monorepo) -> String {
    repo.exec("sh", &["-c", "printf %s \"$ENVLOOM_UV\""]).text()
}

#[test]
fn a_sync_that_was_interrupted_is_whole_after_the_next() {
    let tried = rounds(4);
    for (name, signal) in [("KILL", Signal::KILL), ("TERM", Signal::TERM), ("INT", Signal::INT)] {
        let (broken, control) = interrupt_syncs(signal, tried);
        figure(&format!("F2 {name} during sync, broken venvs after a rerun"), tried, broken);
        figure(&format!("F2 {name} during `uv sync`, broken (control)"), tried, control);
        assert_eq!(broken, 0, "{name}");
    }
}

#[test]
fn a_lock_that_was_interrupted_leaves_the_former_lockfile_or_says_so() {
    let repo = wide_project(4, 0);
    repo.run("lock:dev").success();
    let former = repo.read("uv.lock");
    repo.index("pypi", &[("wide-0", "2.0"), ("wide-1", "2.0")]);
    let duration = timed(|| drop(repo.run("lock:dev --upgrade").success()));
    let new = repo.read("uv.lock");
    assert_ne!(former, new);
    let (mut random, tried) = (Random::new(), rounds(6));
    let (mut bad, mut cut) = (0, 0);
    for round in 0..tried {
        let signal = [Signal::KILL, Signal::TERM, Signal::INT][round % 3];
        repo.write("uv.lock", &former);
        interrupt_after(&repo, repo.spawn("lock:dev --upgrade"), random.moment(duration), signal);
        let noted = fs::read_dir(repo.path(".envloom/journal")).unwrap().count() > 0;
        if signal == Signal::KILL && noted {
            // Nobody may believe a lockfile whose writing was cut off.
            cut += 1;
            // One that is still the former byte for byte is what it was.
            if repo.read("uv.lock") != former {
                repo.run("check:dev").code(1).stderr_has("lock_interrupted");
            }
            repo.run("lock:dev").success();
            bad += usize::from(repo.read("uv.lock") != former);
        } else {
            let now = repo.read("uv.lock");
            bad += usize::from(noted || now != former && now != new);
        }
        repo.run("lock:dev").success().run("check:dev").success();
    }
    figure("F2 interrupted locks with neither the former nor the new lockfile", tried, bad);
    figure("F2 interrupted locks that left a note", tried, cut);
    assert_eq!(bad, 0);
}

#[test]
fn a_lock_that_is_interrupted_while_uv_writes_restores_the_former_lockfile() {
    let repo = wide_project(1, 0);
    repo.run("lock:dev").success();
    let former = repo.read("uv.lock");
    // A uv that has cut the lockfile short and goes on.
    let half = repo.write_program(
        "../bin/uv",
        "#!/bin/sh\ncase \"$*\" in *lock*) printf half > uv.lock; mkfifo [ROOT]/cut; read x < [ROOT]/cut;; esac\nexec UV \"$@\"\n",
    );
    repo.replace("../bin/uv", "exec UV", &format!("exec {}", uv_program(&repo)));
    let half = half.env("ENVLOOM_UV", "[ROOT]/bin/uv");
    repo.replace("tasks.kdl", "dependencies \"wide-0\"", "dependencies \"wide-0>=1\"");
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let running = half.spawn("lock:dev");
        assert!(super::eventually(|| repo.root().join("cut").exists() || running.has_ended()));
        running.signal(signal);
        running.wait().code(128 + signal.as_raw());
        fs::remove_file(repo.root().join("cut")).unwrap();
        assert_eq!(repo.read("uv.lock"), former, "{signal:?}");
        assert_eq!(fs::read_dir(repo.path(".envloom/journal")).unwrap().count(), 0);
    }
    // SIGKILL gives no time for that: the next one does.
    let running = half.spawn("lock:dev");
    assert!(super::eventually(|| repo.root().join("cut").exists() || running.has_ended()));
    super::kill_all(&repo, &running);
    running.wait();
    assert_eq!(repo.read("uv.lock"), "half");
    repo.run("check:dev").code(1).stderr_has("lock_interrupted");
    assert_eq!(repo.read("uv.lock"), "half");
    repo.run("lock:dev").success();
    assert!(repo.read("uv.lock").contains("wide-0"));
    repo.run("check:dev").success();
}

#[test]
fn a_sync_that_fails_by_itself_keeps_a_whole_venv() {
    let repo = wide_project(2, 1);
    repo.run("lock:dev").success().run("sync:dev").success();
    let venv = repo.tree(".venv");
    // A new requirement whose wheel has gone from index and cache.
    repo.index("pypi", &[("late", "1.0")]).replace("tasks.kdl", "dependencies", "dependencies \"late\"");
    repo.run("lock:dev").success();
    repo.remove_from_index("pypi", "late");
    repo.env("UV_CACHE_DIR", "[ROOT]/cache/empty").run("sync:dev --offline").code(1);
    assert_eq!(repo.tree(".venv").paths().len(), venv.paths().len());
    repo.index("pypi", &[("late", "1.0")]);
    let again = repo.run("-v sync:dev").success();
    let rebuilt = again.stderr().contains("interrupted") || again.stdout().contains("interrupted");
    assert!(!rebuilt, "a venv that was whole is rebuilt: {again}");
}
