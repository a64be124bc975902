//! Variables of the caller: which reach uv, which count, which are refused.

use super::{locked, small};

#[test]
fn a_variable_that_would_change_the_task_reaches_no_child_and_is_reported() {
    let repo = small("");
    let set = ["UV_FROZEN", "UV_NO_SYNC", "UV_PROJECT", "UV_WORKING_DIRECTORY", "UV_PYTHON", "UV_NO_SOURCES"];
    let changed = set.iter().fold(repo.clone(), |repo, name| repo.env(name, "/nowhere"));
    let ran = changed.run("-v lock").success();
    for name in set {
        assert!(ran.stderr().contains(name), "{name} is not reported by {ran}");
    }
    assert!(repo.exists("uv.lock"));
    insta::assert_snapshot!(repo.env("UV_FROZEN", "1").run("-j2 -v lock").success().output_snapshot(), @r#"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    envloom 0.1.0: lock, 2 tasks, 2 at a time
    warning[envloom::tool::variable_dropped]: UV_FROZEN is not passed on: the task says whether the lockfile is written, checked or taken as it is
    = generate:dev  up to date
    = lock:dev  up to date
    lock is up to date (2 tasks, [TIME])
    "#);
    // Without -v it is nothing to talk about, and no reason to run.
    let quiet = changed.run("lock").success().ran(&[]);
    assert!(!quiet.stderr().contains("UV_FROZEN"), "{quiet}");
}

#[test]
fn a_variable_that_counts_causes_a_run_and_is_the_reason() {
    let repo = small("");
    repo.run("lock").success();
    repo.run("check").success().ran(&[]);
    let with = repo.env("UV_PRERELEASE", "allow");
    let explained = with.run("explain check").success();
    insta::assert_snapshot!(explained.stdout(), @r#"check:dev would run: variable UV_PRERELEASE: added allow"#);
    let ran = with.run("-v check");
    assert!(ran.stderr().contains("variable UV_PRERELEASE: "), "{ran}");
    // An unknown one of a later uv counts as well; its value is not shown.
    let later = repo.env("UV_OF_A_LATER_RELEASE", "s3cret").run("-v check").success();
    assert!(later.stderr().contains("variable UV_OF_A_LATER_RELEASE: "), "{later}");
    assert!(!later.stderr().contains("s3cret"), "{later}");
    // What reaches uv and decides nothing causes no run.
    repo.env("UV_CONCURRENT_DOWNLOADS", "3").run("check").success().ran(&[]);
}

#[test]
fn a_variable_that_changes_trust_stops_a_tags_environment_before_anything_runs() {
    let repo = locked();
    for target in ["lock:prod", "check:staging", "sync:prod@cpu"] {
        let refused = repo.env("UV_INDEX", "[HTTP]/cu124").run(target).code(2);
        refused.stderr_has("envloom::plan::refused_variables").assert_clean();
    }
    let refused = repo.env("UV_INDEX", "[HTTP]/cu124").env("UV_PRERELEASE", "allow").run("lock:prod").code(2);
    insta::assert_snapshot!(refused.output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::plan::refused_variables]: UV_INDEX, UV_PRERELEASE would change what `prod` resolves to, or how far it is believed
    help: `prod` takes its packages from tags, so its manifest alone decides; run it without: env -u UV_INDEX -u UV_PRERELEASE envloom …
    "#);
    // dev is whoever works on it's own.
    repo.env("UV_INDEX", "[HTTP]/cu124").run("check:dev").success();
}

#[test]
fn an_active_venv_and_the_variables_of_a_git_hook_are_harmless() {
    let repo = locked();
    repo.git(&["init", "--quiet", "../other"]).success();
    repo.uv(&["venv", "--quiet", "../active"]).success();
    let active = repo.tree_hash("../active");
    let inside = repo
        .env("VIRTUAL_ENV", "[ROOT]/active")
        .env("GIT_DIR", "[ROOT]/other/.git")
        .env("GIT_WORK_TREE", "[ROOT]/other")
        .env("GIT_INDEX_FILE", "[ROOT]/other/.git/index")
        .env("GIT_PREFIX", "packages/");
    let other = repo.tree_hash("../other");
    // Everything anew: the ledger asks git for tags, uv fetches commits.
    repo.remove("envloom.lock").remove("prod/uv.lock").remove(".envloom").remove("../cache/uv");
    inside.run("lock").success();
    inside.run("check verify sync:dev@cpu sync:prod@cpu").success();
    assert_eq!((repo.tree_hash("../active"), repo.tree_hash("../other")), (active, other));
    repo.assert_clean();
}
