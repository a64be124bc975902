//! Own tasks, which need neither a project nor uv; `tasks.local.kdl`.

use crate::seed::locked;
use crate::support::Monorepo;

const TASKS: &str = r#"
task "hello" {
    description "says hello"
    run "echo" "hello"
}
task "twice" {
    run "echo" "one"
    run "echo" "two"
}
task "fails" { run "./fails" }
task "sync" { run "echo" "not the verb" }
default "hello"
"#;

#[test]
fn a_file_of_tasks_only_needs_no_project() {
    let repo =
        Monorepo::new().tasks_kdl(&TASKS.replace("task \"sync\" { run \"echo\" \"not the verb\" }\n", ""));
    repo.write_program("fails", "#!/bin/sh\necho out\necho err >&2\nexit 3\n");
    let repo = repo.without_env("ENVLOOM_UV");
    insta::assert_snapshot!(repo.run("").success().ran(&["hello"]).output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    hello
    ----- stderr -----
    no target given, the default is hello
    > hello: echo hello
    ✓ hello  ran in [TIME]
    ran 1 in [TIME]
    ");
    insta::assert_snapshot!(repo.run("twice -- three").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    one
    two three
    ----- stderr -----
    > twice: echo one && echo two three
    ✓ twice  ran in [TIME]
    ran 1 in [TIME]
    ");
    insta::assert_snapshot!(repo.run("-s task hello").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    hello
    ----- stderr -----
    ✓ hello  ran in [TIME]
    ran 1 in [TIME]
    ");
    insta::assert_snapshot!(repo.run("fails").code(1).failed(&["fails"]).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    out
    err
    ----- stderr -----
    > fails: ./fails
    ✗ fails  failed after [TIME]: fails exited with status 3
      to repeat: [ROOT]/repo/fails
      directory: [ROOT]/repo
      log: [ROOT]/repo/.envloom/logs/fails.log
    failed 1 in [TIME]
    ");
    insta::assert_snapshot!(repo.run("lock").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::no_project]: `lock` needs a project, and tasks.kdl declares none
     --> command line:1:9
    1 | envloom lock
      |         ^^^^ needs a project
    help: declare `project "name" { … }` and an `environment`, or run one of its tasks: hello, twice, fails
    "#);
    // Always run, however often.
    repo.run("hello").success().ran(&["hello"]);
}

#[test]
fn a_reserved_word_is_no_name_of_a_task() {
    insta::assert_snapshot!(Monorepo::new().tasks_kdl(TASKS).run("list").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 1 mistake

    error[envloom::model::reserved_name]: `sync` is taken and cannot name a task
     --> tasks.kdl:11:6
    11 | task "sync" { run "echo" "not the verb" }
       |      ^^^^^^ a word of envloom
    help: choose another one, such as `my-sync`
    "#);
}

#[test]
fn a_missing_program_is_named() {
    let repo = Monorepo::new().tasks_kdl("task \"t\" { run \"no-such-program\" }\n");
    insta::assert_snapshot!(repo.run("t").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    > t: no-such-program
    ✗ t  failed
    error[envloom::exec::program_missing]: program `no-such-program` does not exist
    help: install it, or sync the environment it belongs to
    failed 1 in [TIME]
    ");
}

#[test]
fn one_machines_settings_stay_in_tasks_local_kdl() {
    let repo = locked();
    repo.write(
        "tasks.local.kdl",
        "default \"sync\"\nprefer \"cuda\" \"cpu\"\njobs 2\nenv \"GREETING\" \"hi\"\n\
         task \"mine\" { run \"sh\" \"-c\" \"echo $GREETING\" }\n",
    );
    repo.run("").success().ran(&["sync:dev@cpu"]);
    assert!(repo.run("mine").success().stdout().contains("hi"));
    assert_eq!(repo.run("run dev@cpu -- sh -c 'echo $GREETING'").text(), "hi");
    repo.assert_clean();
}

#[test]
fn what_reaches_committed_files_is_refused_in_tasks_local_kdl() {
    let repo = locked();
    repo.write("tasks.local.kdl", "package \"x\" path=\"x\"\nproject \"other\" {\n}\n");
    insta::assert_snapshot!(repo.run("check").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.local.kdl has 2 mistakes

    error[envloom::config::not_local]: `package` may not stand in a local file
     --> tasks.local.kdl:1:1
    1 | package "x" path="x"
      | ^^^^^^^ reaches committed files
    help: move it to tasks.kdl; a local file may set only what reaches no committed file: task, resources, remotes, default, default-environment, prefer, jobs, env, venvs, cache

    error[envloom::config::not_local]: `project` may not stand in a local file
     --> tasks.local.kdl:2:1
    2 | project "other" {
      | ^^^^^^^ reaches committed files
    help: move it to tasks.kdl; a local file may set only what reaches no committed file: task, resources, remotes, default, default-environment, prefer, jobs, env, venvs, cache
    "#);
}

#[test]
fn a_circle_of_private_tasks_is_shown_where_they_are_declared() {
    let repo = Monorepo::new().tasks_kdl("task \"shared\" { run \"true\" }\n");
    repo.write(
        "tasks.local.kdl",
        "task \"one\" { after \"two\"; run \"true\" }\ntask \"two\" { after \"one\" \"shared\"; run \"true\" }\n",
    );
    insta::assert_snapshot!(repo.run("one").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::cycle]: tasks wait for one another: two -> one -> two
     --> tasks.local.kdl:2:1
    2 | task "two" { after "one" "shared"; run "true" }
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ in the circle
     --> tasks.local.kdl:1:1
    1 | task "one" { after "two"; run "true" }
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ in the circle
    help: remove one of these dependencies
    "#);
    // A circle through both files: what one makes the other reads.
    repo.tasks_kdl("task \"shared\" { inputs \"x\"; run \"true\" }\n");
    repo.write("tasks.local.kdl", "task \"mine\" { outputs \"x\"; after \"shared\"; run \"true\" }\n");
    insta::assert_snapshot!(repo.run("mine").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::cycle]: tasks wait for one another: shared -> mine -> shared
     --> tasks.kdl:1:1
    1 | task "shared" { inputs "x"; run "true" }
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ in the circle
    help: remove one of these dependencies
    "#);
}
