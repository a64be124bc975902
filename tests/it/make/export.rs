//! `export make` in a Makefile of the repository's, run by the real make; `export pre-commit`.

use super::{gated, make, makefile};
use crate::seed::locked;
use crate::support::{ENVLOOM, Gate, Monorepo};

/// Writes the fragment for `targets`, and a Makefile that includes it after `text`.
fn exported(repo: &Monorepo, targets: &str, text: &str) {
    let fragment = repo.run(&format!("export make {targets}")).success();
    repo.write("envloom.mk", fragment.stdout());
    makefile(repo, &format!("{text}\ninclude envloom.mk\n"));
}

#[test]
fn four_jobs_are_four_jobs_whoever_runs_them() {
    let repo = gated(&["one", "two", "three", "four"]);
    let gate = Gate::new(&repo);
    exported(
        &repo,
        "one two three",
        "all: a b c one two three pair\na b c: ; @$(GATE) $@\npair: ; +@$(ENVLOOM) four\n.PHONY: all a b c pair",
    );
    let run = make(&repo, &["-j4", "all"]);
    let mut started = gate.wait_started(4);
    assert_eq!(gate.waiting().len(), 4);
    // One comes for each that goes: three recipes, four own tasks.
    for next in 5..=7 {
        gate.release(gate.waiting().first().unwrap());
        started = gate.wait_started(next);
    }
    assert_eq!(started, ["a", "b", "c", "four", "one", "three", "two"]);
    gate.open();
    run.wait().success();
    assert_eq!(gate.max_concurrency(), 4);
}

#[test]
fn several_tasks_of_one_call_share_makes_slots_too() {
    let repo = gated(&["one", "two", "three", "four"]);
    let gate = Gate::new(&repo);
    makefile(
        &repo,
        "all: a b c own\na b c: ; @$(GATE) $@\nown: ; +@$(ENVLOOM) one two three four\n.PHONY: all a b c own\n",
    );
    let run = make(&repo, &["-j4", "all"]);
    gate.wait_started(4);
    for next in 5..=7 {
        gate.release(gate.waiting().first().unwrap());
        gate.wait_started(next);
    }
    gate.open();
    run.wait().success();
    assert_eq!(gate.max_concurrency(), 4);
}

#[test]
fn make_asks_envloom_only_when_a_file_that_counts_is_newer() {
    let repo = locked();
    exported(&repo, "check:dev verify", "build: check\\:dev verify\n\t@echo built");
    let ran = make(&repo, &["build"]).wait().success();
    assert!(ran.stdout().contains("envloom check:dev") && ran.stdout().ends_with("built\n"), "{ran}");
    assert_eq!(make(&repo, &["build"]).wait().text(), "built");
    repo.append("pyproject.toml", "# a comment\n");
    let again = make(&repo, &["build"]).wait().success();
    assert!(again.stdout().contains("envloom check:dev"), "{again}");
    // What was not there counts once it is.
    repo.write("uv.toml", "");
    repo.exec("make", &["build"]).code(2);
    repo.remove("uv.toml");
    repo.exec("make", &["build"]).success();
}

#[test]
fn a_percent_in_a_file_name_is_no_pattern() {
    let repo = Monorepo::new()
        .write("100%.txt", "1")
        .write("a%b%c d.txt", "1")
        .write("plain.txt", "1")
        .tasks_kdl("task \"count\" {\n    inputs \"*.txt\"\n    outputs \"out/n\"\n    shell \"mkdir -p out; cat *.txt > out/n\"\n}\n");
    exported(&repo, "count", "build: count");
    make(&repo, &["build"]).wait().success();
    assert_eq!(repo.read("out/n"), "111");
    let again = make(&repo, &["build"]).wait().success();
    assert!(!again.stdout().contains("envloom count"), "{again}");
    repo.write("a%b%c d.txt", "2").write("100%.txt", "2");
    make(&repo, &["build"]).wait().success();
    assert_eq!(repo.read("out/n"), "221");
    // One that is gone stops nothing.
    repo.remove("100%.txt");
    make(&repo, &["build"]).wait().success();
    assert_eq!(repo.read("out/n"), "21");
}

#[test]
fn a_failure_leaves_no_stamp() {
    let repo = locked();
    exported(&repo, "check:dev", "");
    repo.replace("pyproject.toml", "tqdm>=4", "tqdm>=5");
    repo.exec("make", &["check:dev"]).code(2);
    repo.exec("make", &["check:dev"]).code(2);
    repo.replace("pyproject.toml", "tqdm>=5", "tqdm>=4");
    repo.exec("make", &["check:dev"]).success();
}

#[test]
fn a_dry_run_of_make_is_one_of_envlooms() {
    let repo = locked();
    exported(&repo, "check:dev", "");
    let ran = repo.exec("make", &["-nB", "check:dev"]).success().stderr_has("would run");
    assert!(!ran.exists(".envloom/make"));
}

#[test]
fn odd_names_are_named_to_make() {
    let repo = locked();
    repo.append(
        "tasks.kdl",
        "environment \"odd\" { manifest \"o d$d#x=y%*'q'/pyproject.toml\"; sources \"workspace\" }\n",
    );
    repo.run("lock:odd").success();
    exported(&repo, "generate:odd lock:odd", "");
    repo.exec("make", &["generate:odd", "lock:odd"]).success();
    let quiet = repo.exec("make", &["generate:odd", "lock:odd"]).success();
    assert!(!quiet.stdout().contains("envloom"), "{quiet}");
    // Not there when the rules were made, and hard to name: envloom is asked.
    repo.write("o d$d#x=y%*'q'/.python-versions", "3.12\n");
    let asked = repo.exec("make", &["lock:odd"]).success();
    assert!(asked.stdout().contains("envloom lock:odd"), "{asked}");
}

#[test]
fn the_fragment_suits_the_directory_it_was_made_in() {
    let repo = locked();
    let inside = repo.in_dir("staging");
    let fragment = inside.run("export make verify:staging").success();
    repo.write("staging/Makefile", &format!("ENVLOOM = {ENVLOOM}\n{}", fragment.stdout()));
    inside.exec("make", &["verify:staging"]).success();
    let quiet = inside.exec("make", &["verify:staging"]).success();
    assert!(quiet.stdout().contains("Nothing to be done"), "{quiet}");
}

#[test]
fn what_export_prints() {
    let repo = Monorepo::new().tasks_kdl("task \"t\" { run \"true\" }\ndefault \"t\"\n");
    insta::assert_snapshot!(repo.redact(&repo.run("export make").text()), @r"
    # Made by `envloom export make` for a Makefile in the same directory, to be included there. Make it
    # again when tasks.kdl or the set of files changes. Variables of the environment are no files: after a
    # change of one that counts, call envloom itself.
    ENVLOOM ?= envloom
    envloom_goal := $(.DEFAULT_GOAL)
    .PHONY: envloom_ask
    envloom_ask:

    envloom_1 := $(wildcard envloom.lock) \
        tasks.kdl \
        $(wildcard tasks.local.kdl)
    .PHONY: t
    t: $(envloom_1)
    	+$(ENVLOOM) t
    $(envloom_1):

    # What the Makefile makes by default stays what it was.
    .DEFAULT_GOAL := $(envloom_goal)
    ");
    insta::assert_snapshot!(repo.run("export").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `export` takes `make` and targets, or `pre-commit`
    help: type `envloom export make|pre-commit [TARGET…]`
    ");
    repo.run("export pre-commit").code(2).stderr_has("there is no environment to check");
}

#[test]
fn pre_commit_checks_what_a_commit_changes() {
    let repo = Monorepo::new();
    repo.write(
        "sub/tasks.kdl",
        r#"
        project "p" { version "1" }
        package "a" path="packages/a.b"
        environment "dev" { manifest "pyproject.toml"; sources "workspace" }
        environment "prod" { manifest "prod/pyproject.toml"; sources "workspace"; packages }
        "#,
    );
    insta::assert_snapshot!(repo.in_dir("sub").run("export pre-commit").text(), @r"
    repos:
      - repo: local
        hooks:
          - id: 'envloom-check-dev'
            name: 'envloom check dev'
            entry: 'envloom -C sub check:dev'
            language: system
            files: '^(sub/tasks\.kdl|sub/envloom\.lock|sub/pyproject\.toml|sub/uv\.lock|sub/packages/a\.b/pyproject\.toml)$'
            pass_filenames: false
            require_serial: true
          - id: 'envloom-check-prod'
            name: 'envloom check prod'
            entry: 'envloom -C sub check:prod'
            language: system
            files: '^(sub/tasks\.kdl|sub/envloom\.lock|sub/prod/pyproject\.toml|sub/prod/uv\.lock)$'
            pass_filenames: false
            require_serial: true
    ");
}
