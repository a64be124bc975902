//! In GitHub Actions: groups, annotations, notices, and no command that somebody else wrote.

use crate::seed::three_environments;
use crate::support::Monorepo;

const TASKS: &str = r#"
task "build" { run "echo" "built" }
task "lint" { run "./lint" }
"#;

/// A linter that also tries to set a variable of the job.
const LINT: &str = "#!/bin/sh
echo '::error file=a.py,line=1::E501 too long'
echo '::add-path::/evil'
echo '  ::set-env name=LD_PRELOAD::/evil.so' >&2
echo '##[add-path]/evil'
exit 3
";

fn repo() -> Monorepo {
    Monorepo::new().tasks_kdl(TASKS).write_program("lint", LINT).env("GITHUB_ACTIONS", "true")
}

#[test]
fn own_tasks_are_folded_away_and_a_failure_is_annotated_where_it_was_declared() {
    let repo = repo();
    insta::assert_snapshot!(repo.run("-j1 -k build lint").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    ::group::build: echo built
    built
    ::endgroup::
    ::group::lint: ./lint
    ::error file=a.py,line=1::E501 too long
    : :add-path::/evil
      : :set-env name=LD_PRELOAD::/evil.so
    ## [add-path]/evil
    ::endgroup::
    ----- stderr -----
    ✓ build  ran in [TIME]
    ✗ lint  failed after [TIME]: lint exited with status 3
      to repeat: [ROOT]/repo/lint
      directory: [ROOT]/repo
      log: [ROOT]/repo/.envloom/logs/lint.log
    ::error file=tasks.kdl,line=3,col=1,title=lint::lint exited with status 3%0A::error file=a.py,line=1::E501 too long%0A::add-path::/evil%0A  ::set-env name=LD_PRELOAD::/evil.so%0A## [add-path]/evil
    ran 1, failed 1 in [TIME]
    ");
    // Standard output that was asked for as it is holds no groups.
    let silent = repo.run("-s build").success();
    assert_eq!(silent.stdout(), "built\n");
    // Elsewhere nothing of this is printed.
    let elsewhere = repo.without_env("GITHUB_ACTIONS").run("lint").code(1);
    assert!(elsewhere.stdout().contains("\n::add-path::/evil\n") && !elsewhere.stderr().contains("::error "));
}

#[test]
fn json_stays_as_it_is() {
    let repo = repo();
    let ran = repo.run("--json lint").code(1);
    let plain = repo.without_env("GITHUB_ACTIONS").run("--json lint").code(1);
    for (with, without) in ran.stdout().lines().zip(plain.stdout().lines()) {
        let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        assert_eq!(read(with)["event"], read(without)["event"]);
        assert_eq!(read(with)["line"], read(without)["line"]);
    }
    let stopped = repo.run("--json nothing").code(2);
    assert!(stopped.stdout().starts_with("{\"error\":") && stopped.stderr().is_empty(), "{stopped}");
}

#[test]
fn mistakes_are_annotated_in_the_workspace_of_the_runner() {
    let repo = repo();
    let workspace = repo.root().to_str().unwrap().to_owned();
    let repo = repo.env("GITHUB_WORKSPACE", &workspace);
    let broken = repo.write("tasks.kdl", "task \"a\" { rum \"x\" }\ntask \"b, 100%\" { run \"x\" }\n");
    insta::assert_snapshot!(broken.run("a").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 2 mistakes

    error[envloom::config::missing]: `task` needs a `run`, `shell`, `service` or `after` in its block
     --> tasks.kdl:1:1
    1 | task "a" { rum "x" }
      | ^^^^ without it
    help: write `run "pytest" "-q"`

    error[envloom::config::unknown_node]: unknown node `rum`
     --> tasks.kdl:1:12
    1 | task "a" { rum "x" }
      |            ^^^ not known in `task`
    help: did you mean `run`?
    ::error file=repo/tasks.kdl,line=1,col=1,title=envloom%3A%3Aconfig%3A%3Amissing::`task` needs a `run`, `shell`, `service` or `after` in its block%0Ahelp: write `run "pytest" "-q"`
    ::error file=repo/tasks.kdl,line=1,col=12,title=envloom%3A%3Aconfig%3A%3Aunknown_node::unknown node `rum`%0Ahelp: did you mean `run`?
    "#);
    insta::assert_snapshot!(repo.tasks_kdl(TASKS).run("biuld").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::unknown_task]: unknown task `biuld`
     --> command line:1:9
    1 | envloom biuld
      |         ^^^^^ no such task
    help: did you mean `build`?
    ::error title=envloom%3A%3Agraph%3A%3Aunknown_task::unknown task `biuld`%0Ahelp: did you mean `build`?
    ");
}

#[test]
fn a_refused_task_is_annotated_in_its_manifest_and_a_notice_is_one() {
    let repo = three_environments().env("GITHUB_ACTIONS", "true");
    repo.run("lock:dev").success();
    repo.replace("pyproject.toml", "\"tqdm>=4\",", "\"tqdm>=3\",\n    \"packaging\",");
    insta::assert_snapshot!(repo.run("check:dev").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ check:dev  failed
    error: `pyproject.toml` is left as it is

    error[envloom::manifest::hand_edit]: `project.dependencies[tqdm]` was edited by hand: it is "tqdm>=3"
     --> pyproject.toml:8:5
    8 |     "tqdm>=3",
      |     ^^^^^^^^^ tasks.kdl:6:18 asks for "tqdm>=4"
    help: to keep it: envloom absorb dev, or write at tasks.kdl:6:18: dependencies "tqdm>=3"
          to undo it: envloom generate:dev --discard
    ::error file=pyproject.toml,line=8,col=5,title=check%3Adev%3A envloom%3A%3Amanifest%3A%3Ahand_edit::`project.dependencies[tqdm]` was edited by hand: it is "tqdm>=3"%0Ahelp: to keep it: envloom absorb dev, or write at tasks.kdl:6:18: dependencies "tqdm>=3"%0Ato undo it: envloom generate:dev --discard
    failed 1 in [TIME]
    "#);
    let noted = repo.run("generate:dev --discard").success();
    noted.stderr_has("::notice title=envloom%3A%3Amanifest%3A%3Aforeign_entry::pyproject.toml:");
}
