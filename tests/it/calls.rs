//! The command line: words, options, exit codes, what is printed where.

use crate::seed::{locked, three_environments};
use crate::support::Monorepo;

#[test]
fn words_that_mean_nothing_are_shown_with_the_nearest() {
    let repo = three_environments();
    insta::assert_snapshot!(repo.run("snyc lock:prdo sync@cu12 lock FOO=1").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out, for 4 reasons

    error[envloom::graph::unknown_variable]: unknown variable `FOO`
     --> command line:1:39
    1 | envloom snyc lock:prdo sync@cu12 lock FOO=1
      |                                       ^^^ no axis, ENV or PYTHON
    help: use one of: CUDA, ENV, PYTHON

    error[envloom::graph::unknown_task]: unknown task `snyc`
     --> command line:1:9
    1 | envloom snyc lock:prdo sync@cu12 lock FOO=1
      |         ^^^^ no such task
    help: did you mean `sync`?

    error[envloom::graph::unknown_environment]: unknown environment `prdo`
     --> command line:1:19
    1 | envloom snyc lock:prdo sync@cu12 lock FOO=1
      |                   ^^^^ no environment, manifest or directory of that name
    help: did you mean `prod`?

    error[envloom::graph::unknown_value]: no axis has the value `cu12`
     --> command line:1:29
    1 | envloom snyc lock:prdo sync@cu12 lock FOO=1
      |                             ^^^^ unknown value
    help: did you mean `cu124`?
    ");
    let before = repo.tree("");
    repo.run("lock CUDA=cu999").code(2);
    assert_eq!(repo.tree(""), before);
}

#[test]
fn verbs_say_how_they_are_used() {
    let repo = three_environments();
    insta::assert_snapshot!(repo.run("explain").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `explain` needs a target
    help: type `envloom explain TARGET…`
    ");
    insta::assert_snapshot!(repo.run("check --upgrade").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--upgrade` says nothing to this call
    help: it belongs to `lock`
    ");
    insta::assert_snapshot!(repo.run("check -- word").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::arguments_without_use]: words after `--` go to `lock`, to `sync` or to one own task
    help: name one of these, or leave the words out
    ");
    for line in
        ["run dev@cpu", "use a b", "completions tcsh", "list dev", "task", "list --upgrade", "lock --cells"]
    {
        let ran = repo.run(line).code(2);
        assert!(ran.stderr().contains("help: "), "{ran}");
    }
    repo.run("--nonsense").code(2);
    repo.run("help").success();
    repo.run("--version").success();
}

#[test]
fn a_dry_run_says_what_would_run_and_writes_nothing() {
    let repo = locked();
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    let before = repo.tree("");
    insta::assert_snapshot!(repo.run("-n lock:prod").success().output_snapshot(), @r#"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ~ generate:prod  would run  (prod/pyproject.toml: project.dependencies[tqdm]: "tqdm>=4" -> "tqdm>=4.60")
    = lock:prod  up to date
    up to date 1, would run 1 in [TIME]
    "#);
    repo.run("-n sync:dev@*").success().ran(&[]);
    assert_eq!(repo.tree(""), before);
    // Nor does what only looks.
    for line in ["list", "list --cells", "graph lock", "explain lock:dev sync:dev@cpu"] {
        repo.run(line).success();
        assert_eq!(repo.tree(""), before, "{line}");
    }
    let fresh = three_environments();
    let before = fresh.tree("");
    fresh.run("-n generate").success();
    assert_eq!(fresh.tree(""), before);
}

#[test]
fn what_was_asked_for_is_forced_and_what_it_needs_is_not() {
    let repo = locked();
    repo.run("-B check:prod").success().ran(&["check:prod"]);
    repo.run("-B lock:prod").success().ran(&["lock:prod"]).fresh(&["generate:prod"]);
    repo.assert_clean();
}

#[test]
fn going_on_after_a_failure_finishes_what_does_not_depend_on_it() {
    let repo = locked();
    repo.replace("prod/pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    repo.replace("tasks.kdl", "group \"dev\" \"ruff>=0.4\"", "group \"dev\" \"ruff>=0.4.1\"");
    let kept = repo.run("-k lock").code(1).failed(&["generate:prod"]).skipped(&["lock:prod"]);
    kept.ran(&["generate:dev", "lock:dev"]);
}

#[test]
fn the_directory_and_the_file_may_be_named() {
    let repo = locked();
    repo.in_dir("packages/foo").run("check:dev").success();
    repo.run("-C packages -C foo check:dev").success();
    let (moved, root) = (repo.root().join("tmp"), repo.path("tasks.kdl"));
    repo.run(&format!("-C {} -f {} check:dev", moved.display(), root.display())).success();
    // In the directory of an environment a target without one means that one.
    let here = repo.in_dir("prod").run("-n sync@cpu").success();
    assert!(here.events().tasks("finished").contains(&"sync:prod@cpu"), "{here}");
}

#[test]
fn every_line_of_json_parses_and_every_task_ends_once() {
    let repo = locked();
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.1\"\n");
    let ran = repo.run("--json -k lock check verify sync:dev@cpu").success();
    let mut ended: Vec<String> = Vec::new();
    for line in ran.stdout().lines() {
        let event: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if event["event"] == "finished" {
            ended.push(event["task"].as_str().unwrap().to_owned());
        }
    }
    ended.sort();
    let mut expected: Vec<String> = Vec::new();
    for environment in ["dev", "prod", "staging"] {
        expected.extend(["check", "generate", "lock", "verify"].map(|task| format!("{task}:{environment}")));
    }
    expected.push("sync:dev@cpu".to_owned());
    expected.sort();
    assert_eq!(ended, expected);
    // A mistake is JSON, too.
    let wrong = repo.run("--json snyc").code(2);
    let answer: serde_json::Value = serde_json::from_str(wrong.stdout()).unwrap();
    assert_eq!(answer["error"]["related"][0]["code"], "envloom::graph::unknown_task", "{answer:#}");
}

#[test]
fn how_much_is_said() {
    let repo = locked();
    repo.run("-q lock").success();
    assert_eq!(repo.run("-q check:dev").success().stderr(), "");
    insta::assert_snapshot!(repo.run("-j2 -v check:dev").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    envloom 0.1.0: check:dev, 1 task, 2 at a time
    = check:dev  up to date
    check:dev is up to date ([TIME])
    ");
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    repo.run("-q check:dev").code(1).stderr_has("envloom::plan::drift");
    repo.run("-q generate:dev").success();
    insta::assert_snapshot!(repo.run("-j2 -v -B lock:dev").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    envloom 0.1.0: lock:dev, 2 tasks, 2 at a time
    = generate:dev  up to date
    > lock:dev
    Using CPython 3.12.[X] interpreter at: [PYTHON-3.12]
    Resolved 7 packages in [TIME]
    ✓ lock:dev  ran in [TIME], uv.lock written  (forced by -B)
    ran 1, up to date 1 in [TIME]
    ");
}

#[test]
fn a_star_is_every_cell() {
    let repo = locked();
    repo.run("-j2 sync:dev@*").success().ran(&["sync:dev@cu124", "sync:dev@cpu"]);
    repo.run("sync:dev@*").success().ran(&[]);
}

#[test]
fn no_target_is_the_default() {
    let repo = locked();
    insta::assert_snapshot!(repo.run("check verify").success().run("").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    everything up to date (the default, check: 3 tasks, [TIME])
    ");
    let none = Monorepo::new().tasks_kdl("task \"t\" { run \"true\" }\n");
    none.run("").code(2).stderr_has("envloom::graph::nothing_to_do");
}
