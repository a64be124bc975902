//! `lock` and `check`: what they write, what they refuse, and when nothing is done again.

use std::fs;
use std::os::unix::fs::symlink;

use crate::seed::{locked, three_environments};
use crate::support::Signal;

#[test]
fn every_environment_is_generated_and_locked() {
    let repo = three_environments();
    let ran = repo.run("-j4 lock").success().ran(&[
        "generate:dev",
        "lock:dev",
        "generate:staging",
        "lock:staging",
        "generate:prod",
        "lock:prod",
    ]);
    ran.finished_in_order(&["generate:prod", "lock:prod"]);
    let lockfile = repo.read("prod/uv.lock");
    assert!(lockfile.contains(&format!("foo.git?tag=v0.1.2#{}", repo.tag_commit("foo", "v0.1.2"))));
    // The variants supply torch, never the default index, although foo asks for it.
    for environment in ["", "staging/", "prod/"] {
        let lockfile = repo.read(&format!("{environment}uv.lock"));
        assert!(lockfile.contains("2.6.0+cu124") && lockfile.contains("2.7.0+cpu"), "{lockfile}");
        assert!(!lockfile.contains("2.7.1"), "{lockfile}");
    }
    repo.run("lock").success().ran(&[]);
    repo.run("check verify").success();
}

#[test]
fn one_environment_is_one_environments_work() {
    let repo = three_environments();
    repo.run("lock:prod").success().ran(&["generate:prod", "lock:prod"]);
    assert!(!repo.exists("uv.lock") && !repo.exists("staging/uv.lock"));
}

#[test]
fn a_clone_checks_and_verifies_without_writing() {
    let repo = locked();
    let before = repo.remove(".envloom").tree("");
    repo.run("check verify").success();
    let after = repo.remove(".envloom").tree("");
    assert_eq!(before, after);
    repo.assert_clean();
}

#[test]
fn check_shows_what_generate_would_write() {
    let repo = locked();
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    insta::assert_snapshot!(repo.run("check:prod").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ check:prod  failed
    error[envloom::plan::drift]: prod/pyproject.toml is not what tasks.kdl says:
      prod/pyproject.toml: project.dependencies[tqdm]: "tqdm>=4" -> "tqdm>=4.60"
    help: type `envloom generate:prod` and commit what it writes
    failed 1 in [TIME]
    "#);
    assert_eq!(repo.git(&["diff", "--name-only"]).text(), "tasks.kdl");
}

#[test]
fn another_environments_new_pin_is_no_drift_of_this_one() {
    let repo = locked();
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.1\"\n");
    repo.run("check:dev check:staging").success();
    insta::assert_snapshot!(repo.run("check:prod").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::release_unknown]: envloom.lock does not hold foo v0.1.1
    help: type `envloom lock:prod` where the remotes can be reached, and commit envloom.lock
    ");
}

#[test]
fn a_stale_lockfile_fails_check_and_no_frozen_sync_starts() {
    let repo = locked();
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.1\"\n");
    repo.run("generate:prod").success();
    insta::assert_snapshot!(repo.run("check:prod").code(1).failed(&["check:prod"]).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ check:prod  failed after [TIME]
        Using CPython 3.12.[X] interpreter at: [PYTHON-3.12]
           Updating https://git.example.com/foo.git (v0.1.1)
            Updated https://git.example.com/foo.git ([COMMIT])
        Resolved 6 packages in [TIME]
        error: The lockfile at `uv.lock` needs to be updated, but `--check` was provided.

        hint: To update the lockfile, run `uv lock`.
    error[envloom::plan::stale_lockfile]: prod/pyproject.toml and prod/uv.lock do not agree
    help: type `envloom lock:prod` and commit what it writes; what uv said stands above
      to repeat: UV_PYTHON=[PYTHON-3.12] [UV-PROGRAM] lock --directory prod --check
      directory: [ROOT]/repo
      log: [ROOT]/repo/.envloom/logs/check-prod.log
    failed 1 in [TIME]
    ");
    let sync = repo.run("-k sync:prod@cpu").code(1);
    sync.skipped(&["sync:prod@cpu"]);
    assert!(!repo.exists(".envloom/venvs"));
}

#[test]
fn a_lockfile_that_is_not_there_is_named_with_the_line_to_type() {
    let repo = locked();
    repo.remove("prod/uv.lock");
    insta::assert_snapshot!(repo.run("check:prod").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ check:prod  failed
    error[envloom::plan::no_lockfile]: there is no prod/uv.lock
    help: type `envloom lock:prod` and commit what it writes
    failed 1 in [TIME]
    ");
    repo.run("verify:prod").code(1).stderr_has("envloom::plan::no_lockfile");
    repo.run("lock:prod").success().ran(&["lock:prod"]).assert_clean();
}

#[test]
fn in_ci_nothing_is_written_and_the_difference_is_shown() {
    let repo = locked();
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    repo.run("generate:prod").success();
    let before = repo.status();
    insta::assert_snapshot!(repo.env("CI", "1").run("lock:dev").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ generate:dev  failed
    error[envloom::plan::drift]: pyproject.toml is not what tasks.kdl says:
      pyproject.toml: project.dependencies[tqdm]: "tqdm>=4" -> "tqdm>=4.60"
    help: type `envloom generate:dev` and commit what it writes
    skipped: lock:dev
    failed 1, skipped 1 in [TIME]
    "#);
    repo.run("--locked lock:dev").code(1).failed(&["generate:dev"]).skipped(&["lock:dev"]);
    // A lockfile behind its manifest is as much a difference.
    repo.env("CI", "true").run("lock:prod").code(1).failed(&["lock:prod"]);
    assert_eq!(repo.status(), before);
    repo.env("CI", "false").run("-n lock:dev").success();
    repo.env("CI", "1").run("--no-locked lock").success();
    assert!(repo.read("prod/uv.lock").contains("4.60"));
    repo.commit("moved").env("CI", "1").run("lock").success();
    repo.assert_clean();
}

#[test]
fn an_upgrade_is_asked_for() {
    let repo = locked();
    repo.index("pypi", &[("tqdm", "4.68.0"), ("ruff", "0.5.0")]);
    repo.run("lock:dev").success().ran(&[]);
    repo.run("lock:dev --upgrade-package tqdm").success().ran(&["lock:dev"]);
    let lockfile = repo.read("uv.lock");
    assert!(lockfile.contains("4.68.0") && !lockfile.contains("0.5.0"), "{lockfile}");
    repo.run("lock:dev --upgrade").success().ran(&["lock:dev"]);
    assert!(repo.read("uv.lock").contains("0.5.0"));
    insta::assert_snapshot!(repo.run("--locked lock:dev --upgrade").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ lock:dev  failed
    error[envloom::plan::upgrade_locked]: an upgrade, or words for uv, may change the lockfile, and --locked forbids that
    help: leave `--locked` out; where CI is set, add `--no-locked`
    up to date 1, failed 1 in [TIME]
    ");
}

#[test]
fn words_after_two_dashes_are_uvs() {
    let repo = locked();
    repo.index("pypi", &[("tqdm", "4.68.0")]);
    repo.run("lock:dev -- --upgrade-package tqdm").success().ran(&["lock:dev"]);
    assert!(repo.read("uv.lock").contains("4.68.0"));
}

#[test]
fn a_lock_that_fails_leaves_the_former_lockfile_and_shows_how_to_repeat_it() {
    let repo = locked();
    let before = repo.read("uv.lock");
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=5\"");
    insta::assert_snapshot!(repo.run("lock:dev").code(1).failed(&["lock:dev"]).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✓ generate:dev  ran in [TIME], pyproject.toml  (pyproject.toml: project.dependencies[tqdm]: "tqdm>=4" -> "tqdm>=5")
    ✗ lock:dev  failed after [TIME]: uv exited with status 1
        Using CPython 3.12.[X] interpreter at: [PYTHON-3.12]
        error: No solution found when resolving dependencies for split (included: app[cu124]; excluded: app[cpu])
          cause: Because only tqdm==4.67.1 is available and app depends on tqdm>=5, we can conclude that app's requirements are unsatisfiable.
                 And because your workspace requires app, we can conclude that your workspace's requirements are unsatisfiable.
      to repeat: UV_PYTHON=[PYTHON-3.12] [UV-PROGRAM] lock --directory .
      directory: [ROOT]/repo
      log: [ROOT]/repo/.envloom/logs/lock-dev.log
    ran 1, failed 1 in [TIME]
    "#);
    assert_eq!(repo.read("uv.lock"), before);
    // A failure is never remembered as a success.
    repo.run("lock:dev").code(1).failed(&["lock:dev"]);
}

#[test]
fn a_lockfile_that_is_a_link_is_refused_and_what_it_leads_to_stays() {
    let repo = locked();
    let canary = repo.root().join("canary.lock");
    fs::write(&canary, "canary\n").unwrap();
    repo.remove("prod/uv.lock");
    symlink(&canary, repo.path("prod/uv.lock")).unwrap();
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    insta::assert_snapshot!(repo.run("lock:prod").code(1).failed(&["lock:prod"]).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✓ generate:prod  ran in [TIME], prod/pyproject.toml  (prod/pyproject.toml: project.dependencies[tqdm]: "tqdm>=4" -> "tqdm>=4.60")
    ✗ lock:prod  failed
    error[envloom::plan::not_ordinary]: prod/uv.lock is a link to [ROOT]/canary.lock, or lies behind one
    help: put an ordinary file there: uv would write through the link, to a place that is not this repository's
    ran 1, failed 1 in [TIME]
    "#);
    repo.run("verify:prod").code(1).stderr_has("envloom::plan::not_ordinary");
    assert_eq!(fs::read_to_string(&canary).unwrap(), "canary\n");
}

#[test]
fn a_relock_that_changes_nothing_leaves_syncs_fresh() {
    let repo = locked();
    repo.run("sync:dev@cpu").success().ran(&["sync:dev@cpu"]);
    repo.run("-B lock:dev sync:dev@cpu").success().ran(&["lock:dev", "sync:dev@cpu"]);
    // A member's manifest is read by the lock; what it says there changes no installation.
    repo.append("packages/bar/pyproject.toml", "\n[tool.other]\nkey = 1\n");
    repo.run("sync:dev@cpu").success();
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    repo.run("generate:dev").success();
    repo.run("lock:dev").success().ran(&["lock:dev"]);
    repo.run("lock:dev --upgrade").success().ran(&["lock:dev"]);
    repo.run("sync:dev@cpu").success();
    repo.run("lock:dev --upgrade").success().ran(&["lock:dev"]);
    repo.run("sync:dev@cpu").success().ran(&[]);
}

#[test]
fn words_for_uv_are_those_of_the_task_that_was_asked_for() {
    let repo = locked();
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    // `--inexact` is sync's word: the lock before it would be refused with it.
    repo.run("sync:dev@cpu -- --inexact").success().ran(&["generate:dev", "lock:dev", "sync:dev@cpu"]);
}

#[test]
fn a_lock_with_words_for_uv_leaves_no_verdict() {
    let repo = locked();
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    // uv only says what it would write, with status 0.
    repo.run("lock:dev -- --dry-run").success().ran(&["generate:dev", "lock:dev"]);
    repo.run("check:dev").code(1).stderr_has("envloom::plan::stale_lockfile");
}

#[test]
fn a_lockfile_that_came_after_a_lock_was_cut_off_is_kept_aside() {
    let repo = locked();
    let uv = repo.exec("sh", &["-c", "printf %s \"$ENVLOOM_UV\""]).text();
    let script =
        format!("#!/bin/sh\nif [ \"$1\" = lock ]; then echo started; exec sleep 600; fi\nexec {uv} \"$@\"\n");
    repo.write_program("../bin/uv", &script);
    let run = repo.env("ENVLOOM_UV", "[ROOT]/bin/uv").spawn("-B -vv lock:prod");
    run.wait_for_line("started");
    run.signal(Signal::KILL);
    run.wait().killed_by(Signal::KILL);
    // Someone goes on by hand.
    let by_hand = format!("{}# by hand\n", repo.read("prod/uv.lock"));
    repo.write("prod/uv.lock", &by_hand);
    repo.run("lock:prod").success().stderr_has("what stood there since is in .envloom/replaced/");
    let kept: Vec<_> =
        fs::read_dir(repo.path(".envloom/replaced")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(fs::read_to_string(&kept[0]).unwrap(), by_hand);
    repo.assert_clean();
}
