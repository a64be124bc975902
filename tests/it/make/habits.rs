//! Options with make's meanings, on the command line and in `MAKEFLAGS`.

use crate::seed::locked;
use crate::support::{Gate, Monorepo};

/// Two tasks that wait at a gate, and two that fail.
fn tasks() -> Monorepo {
    let repo = Monorepo::new().tasks_kdl(
        r#"
        task "one" { run "[ROOT]/gate/gate" "one" }
        task "two" { run "[ROOT]/gate/gate" "two" }
        task "fails" {
            run "./fails"
            run "no-such-program"
            run "echo" "went on"
        }
        task "hello" { run "echo" "hello" }
        "#,
    );
    repo.write_program("fails", "#!/bin/sh\necho before\nexit 3\n");
    repo
}

#[test]
fn ignored_failures_are_told_and_the_task_counts_as_done() {
    let repo = tasks();
    repo.run("fails").code(1).failed(&["fails"]);
    insta::assert_snapshot!(repo.run("-i fails").success().ran(&["fails"]).output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    before
    went on
    ----- stderr -----
    > fails: ./fails && no-such-program && echo 'went on'
    ✓ fails  ran in [TIME], fails exited with status 3, program `no-such-program` does not exist (ignored)
    ran 1 in [TIME]
    ");
}

#[test]
fn a_failed_check_is_not_ignored() {
    let repo = locked();
    repo.replace("pyproject.toml", "tqdm>=4", "tqdm>=5");
    repo.run("-i check:dev").code(1).failed(&["check:dev"]);
}

#[test]
fn a_question_is_answered_by_the_exit_code_alone() {
    let repo = locked();
    repo.run("-j2 check:dev").success();
    insta::assert_snapshot!(repo.run("--question check:dev").success().fresh(&["check:dev"]).output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ");
    insta::assert_snapshot!(repo.run("--question -B check:dev").code(1).ran(&[]).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ");
    tasks().run("--question hello").code(1).ran(&[]);
}

#[test]
fn a_trace_tells_reasons_and_commands() {
    let repo = locked();
    insta::assert_snapshot!(repo.run("--trace -B check:dev").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    check:dev: forced by -B
    check:dev: + UV_PYTHON=[PYTHON-3.12] [UV-PROGRAM] lock --directory . --check
    ✓ check:dev  ran in [TIME]  (forced by -B)
    ran 1 in [TIME]
    ");
    insta::assert_snapshot!(tasks().run("--trace -s hello").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    hello
    ----- stderr -----
    hello: runs every time
    hello: + /usr/bin/echo hello
    ✓ hello  ran in [TIME]
    ran 1 in [TIME]
    ");
}

#[test]
fn at_the_load_limit_tasks_run_one_at_a_time() {
    let repo = tasks();
    let gate = Gate::new(&repo);
    let run = repo.spawn("-j4 -l0 one two");
    gate.wait_started(1);
    let first = gate.waiting();
    gate.release(first.first().unwrap());
    gate.wait_started(2);
    gate.open();
    run.wait().success().ran(&["one", "two"]);
    assert_eq!(gate.max_concurrency(), 1);
}

#[test]
fn makeflags_count_unless_the_command_line_says_otherwise() {
    let repo = tasks();
    repo.env("MAKEFLAGS", "n").run("hello").success().ran(&[]);
    repo.env("MAKEFLAGS", "q").run("hello").code(1).ran(&[]);
    repo.env("MAKEFLAGS", "i").run("fails").success().ran(&["fails"]);
    repo.env("MAKEFLAGS", "w -- n=1").run("hello").success().ran(&["hello"]);
    repo.env("MAKEFLAGS", "k").run("-j1 fails hello").code(1).ran(&["hello"]).failed(&["fails"]);
    let silent = repo.env("MAKEFLAGS", "s --no-print-directory").run("hello");
    assert!(!silent.stderr().contains("echo hello"), "{silent}");
    // A verb that runs no targets takes none of them.
    repo.env("MAKEFLAGS", "nis -l2").run("list").success();
}

#[test]
fn forced_by_makeflags_is_not_answered_from_the_compiled_plan() {
    let repo = locked();
    repo.run("check:dev").success();
    repo.run("check:dev").success().ran(&[]);
    repo.env("MAKEFLAGS", "B").run("check:dev").success().ran(&["check:dev"]);
    repo.run("check:dev").success().ran(&[]);
}
