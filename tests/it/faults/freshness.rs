//! Inputs edited while a task runs, games with times, outputs deleted by hand: nothing stale may pass for fresh.

use std::fs::{self, File, FileTimes};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Random, eventually, figure, rounds, timed, wide_project};
use crate::support::Monorepo;

/// Did a finished task have this result?
fn result_of(ran: &crate::support::Ran, task: &str) -> String {
    let finished =
        ran.events().all().iter().find(|event| event["event"] == "finished" && event["task"] == task);
    finished.and_then(|event| event["result"].as_str()).unwrap_or_default().to_owned()
}

#[test]
fn an_input_edited_while_uv_runs_is_never_remembered() {
    let repo = wide_project(4, 0);
    repo.run("lock").success();
    let clean = repo.read("pyproject.toml");
    let duration = timed(|| drop(repo.run("-B check:dev").success()));
    let (mut random, tried, mut stale) = (Random::new(), rounds(8), 0);
    for round in 0..tried {
        let running = repo.spawn("-B check:dev");
        std::thread::sleep(random.moment(duration));
        // What the lockfile lacks: a verdict that was given before must not be kept for this.
        repo.write_bytes(
            "pyproject.toml",
            clean.replace("\"wide-0\"", &format!("\"missing-{round}\"")).as_bytes(),
        );
        running.wait();
        let after = repo.run("check:dev");
        stale += usize::from(after.exit_code() == Some(0));
        repo.write_bytes("pyproject.toml", clean.as_bytes());
        let restored = repo.run("check:dev");
        stale += usize::from(restored.exit_code() != Some(0));
    }
    figure("F10 input edited at a random moment of a check, stale hits", tried, stale);
    assert_eq!(stale, 0);
}

#[test]
fn an_input_edited_while_uv_is_held_is_noticed() {
    let repo = wide_project(2, 0);
    let gate = crate::support::Gate::new(&repo);
    repo.run("lock").success();
    let uv = repo.exec("sh", &["-c", "printf %s \"$ENVLOOM_UV\""]).text();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *lock*) {} held || exit;; esac\nexec {uv} \"$@\"\n",
        gate.program().display()
    );
    repo.write_program("../bin/uv", &script);
    let held = repo.env("ENVLOOM_UV", "[ROOT]/bin/uv");
    let running = held.spawn("-B check:dev");
    assert!(eventually(|| !gate.waiting().is_empty()));
    repo.append("../home/.config/uv/uv.toml", "\nprerelease = \"allow\"\n");
    gate.release("held");
    let ran = running.wait();
    assert!(ran.exit_code() != Some(0) || ran.stderr().contains("nothing is remembered"), "{ran}");
    let running = held.spawn("check:dev");
    assert!(eventually(|| !gate.waiting().is_empty() || running.has_ended()));
    assert!(!running.has_ended(), "the check was taken for fresh");
    gate.release("held");
    running.wait();
}

/// The files whose bytes decide about `check:dev`, and two states of each: agreeing and not.
fn states(repo: &Monorepo) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let other = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from) && from.len() == to.len());
        text.replacen(from, to, 1).into_bytes()
    };
    let [manifest, lockfile, tasks] = ["pyproject.toml", "uv.lock", "tasks.kdl"].map(|file| repo.read(file));
    vec![
        ("pyproject.toml", manifest.clone().into_bytes(), other(&manifest, "wide-0", "wide-9")),
        (
            "uv.lock",
            lockfile.clone().into_bytes(),
            other(&lockfile, "name = \"wide-0\"", "name = \"wide-7\""),
        ),
        ("tasks.kdl", tasks.clone().into_bytes(), other(&tasks, "\"0.1.0\"", "\"0.1.7\"")),
    ]
}

#[test]
fn no_game_with_times_makes_the_compiled_plan_answer_for_other_bytes() {
    let repo = wide_project(2, 0);
    repo.run("lock:dev").success().run("check:dev").success();
    let states = states(&repo);
    let day = Duration::from_hours(24);
    let times = [None, Some(UNIX_EPOCH), Some(UNIX_EPOCH + day * 365 * 130), Some(SystemTime::now() - day)];
    let (mut random, tried, mut false_hits, mut missed) = (Random::new(), rounds(6), 0, 0);
    for _ in 0..tried {
        let (file, good, bad) = &states[random.below(states.len())];
        let path = repo.path(file);
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let set = |time: Option<SystemTime>| {
            let opened = File::options().write(true).open(&path).unwrap();
            opened.set_times(FileTimes::new().set_modified(time.unwrap_or(before))).unwrap();
        };
        let time = times[random.below(times.len())];
        // Half of the plans are made while the file carries the odd time already.
        if random.below(2) == 0 {
            set(time);
            repo.run("check:dev").success();
        }
        let in_place = random.below(2) == 0;
        let write = |bytes: &[u8]| {
            if in_place {
                fs::write(&path, bytes).unwrap();
            } else {
                fs::write(path.with_extension("new"), bytes).unwrap();
                fs::rename(path.with_extension("new"), &path).unwrap();
            }
            set(time);
        };
        write(bad);
        false_hits += usize::from(repo.run("check:dev").exit_code() == Some(0));
        write(good);
        missed += usize::from(repo.run("check:dev").exit_code() != Some(0));
    }
    figure("F11 same size, chosen times, other bytes: false hits", tried, false_hits);
    figure("F11 the former bytes again: not accepted", tried, missed);
    assert_eq!((false_hits, missed), (0, 0));
}

#[test]
fn outputs_that_were_deleted_or_edited_after_a_hit_are_noticed() {
    let repo = wide_project(3, 3);
    repo.run("lock:dev sync:dev").success();
    repo.run("lock:dev sync:dev").success().ran(&[]);
    let whole = repo.tree(".venv").paths().len();
    let python = fs::read_dir(repo.path(".venv/lib")).unwrap().next().unwrap().unwrap().file_name();
    let site = format!(".venv/lib/{}/site-packages", python.to_str().unwrap());
    let outputs = [
        (".venv".to_owned(), "sync:dev"),
        (".venv/pyvenv.cfg".to_owned(), "sync:dev"),
        (format!("{site}/wide_0-1.0.dist-info"), "sync:dev"),
        (format!("{site}/wide_1-1.0.dist-info/RECORD"), "sync:dev"),
        ("uv.lock".to_owned(), "lock:dev"),
        ("pyproject.toml".to_owned(), "generate:dev"),
        ("envloom.lock".to_owned(), "generate:dev"),
    ];
    let (mut unnoticed, mut tried) = (Vec::new(), 0);
    for _ in 0..rounds(1).min(10) {
        for (output, task) in &outputs {
            repo.run("lock:dev sync:dev").success();
            repo.run("lock:dev sync:dev").success().ran(&[]);
            repo.remove(output);
            let mut ran = repo.run("lock:dev sync:dev");
            if output.ends_with("pyvenv.cfg") {
                // Without it, it is no venv but someone's directory.
                ran.code(1).stderr_has("envloom::plan::not_a_venv");
                ran = repo.remove(".venv").run("lock:dev sync:dev");
            }
            if output == "envloom.lock" {
                // What envloom owns is not known any more: it asks.
                assert!(
                    ran.exit_code() == Some(0) || repo.run("generate:dev --take-over").exit_code() == Some(0)
                );
                repo.run("lock:dev sync:dev").success();
            }
            if result_of(&ran, task) == "fresh"
                || !repo.exists(output)
                || repo.tree(".venv").paths().len() < whole
            {
                unnoticed.push(format!("{output} deleted\n{ran}"));
            }
            tried += 1;
        }
        repo.append(&format!("{site}/wide_0-1.0.dist-info/RECORD"), "x");
        let ran = repo.run("sync:dev");
        if result_of(&ran, "sync:dev") == "fresh" {
            unnoticed.push("a RECORD edited".to_owned());
        }
        tried += 1;
    }
    figure("F13 outputs deleted or edited after a hit, unnoticed", tried, unnoticed.len());
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n"));
}

#[test]
fn the_plan_compiled_after_tasks_ran_rests_on_what_they_left() {
    let repo = wide_project(2, 0);
    repo.run("lock:dev sync:dev").success();
    let plans = || fs::read_dir(repo.path(".envloom/plans")).unwrap().count();
    assert_eq!(plans(), 1);
    repo.run("lock:dev sync:dev").success().ran(&[]);
    assert_eq!(plans(), 1);
    for (file, text) in [
        ("uv.lock", "\n# x\n"),
        ("pyproject.toml", "\n[project.urls]\na = \"https://example.com\"\n"),
        ("tasks.kdl", "\n// x\n"),
    ] {
        repo.append(file, text);
        let ran = repo.run("-v lock:dev sync:dev");
        assert_eq!(ran.exit_code(), Some(0), "{file}: {ran}");
    }
    repo.replace("tasks.kdl", "\"wide-1\"", "\"wide-1==1.0\"");
    repo.run("lock:dev sync:dev").success().ran(&["generate:dev", "lock:dev", "sync:dev"]);
    repo.remove("uv.lock").run("lock:dev sync:dev").success();
    assert!(repo.exists("uv.lock"));
}
