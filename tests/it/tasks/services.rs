//! Services: started once, ready before others start, stopped when nobody needs them.

use super::tasks;
use crate::support::{Gate, Monorepo, Signal};

/// A service that is there while a file says so; it notes its start and its end.
const SERVER: &str = "#!/bin/sh\n\
    echo started >> story\n\
    trap 'echo ended >> story; rm -f up; exit 0' TERM\n\
    echo listening\n\
    touch up\n\
    while :; do sleep 0.05; done\n";

fn served(text: &str) -> Monorepo {
    let repo = tasks(
        &(text.to_owned() + "task \"db\" { service { start \"./server\"; ready \"test\" \"-e\" \"up\" } }\n"),
    );
    repo.write_program("server", SERVER);
    repo
}

#[test]
fn a_service_is_shared_by_the_cells_and_stopped_after_the_last_one() {
    let repo = served(
        r#"
        task "test" { matrix { n "1" "2" }; after "db"; run "test" "-e" "up"; run "[ROOT]/gate/gate" "{n}" }
        task "report" { after "test"; shell "echo report >> story" }
        task "other" { after "report" "test"; run "[ROOT]/gate/gate" "other" }
        "#,
    );
    let gate = Gate::new(&repo);
    // One slot: the service holds none.
    let run = repo.spawn("-j2 test");
    gate.wait_started(2);
    assert_eq!(repo.read("story"), "started\n");
    gate.open();
    run.wait().success().ran(&["db", "test@1", "test@2"]);
    assert_eq!(repo.read("story"), "started\nended\n");
    assert!(repo.read(".envloom/logs/db.log").contains("listening\n"));
    // What comes after at whatever distance counts.
    repo.remove("story");
    repo.run("-j1 report").success().finished_in_order(&["db", "test@1", "report"]);
    assert_eq!(repo.read("story"), "started\nreport\nended\n");
    insta::assert_snapshot!(repo.run("db").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    > db: ./server
    ✓ db  ran in [TIME], ready
    ran 1 in [TIME]
    ");
    insta::assert_snapshot!(repo.run("-n test@1").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ~ db  would run
    ~ test@1  would run
    would run 2 in [TIME]
    ");
}

#[test]
fn a_service_is_stopped_after_a_failure_and_an_interrupt() {
    let repo = served(
        r#"
        task "bad" { after "db"; run "false" }
        task "long" { after "db"; run "[ROOT]/gate/gate" "long"; finally "test" "-e" "up" }
        "#,
    );
    let gate = Gate::new(&repo);
    repo.run("bad").code(1).failed(&["bad"]);
    assert_eq!(repo.read("story"), "started\nended\n");
    let run = repo.spawn("long");
    gate.wait_started(1);
    run.signal(Signal::INT);
    let ran = run.wait().code(130);
    // The service outlives what its users put away.
    assert!(!ran.stderr().contains("finally"), "{ran}");
    assert_eq!(repo.read("story"), "started\nended\nstarted\nended\n");
}

#[test]
fn a_service_that_ends_is_the_failure_of_what_needs_it() {
    let repo = tasks(
        r#"
        task "early" { service { start "sh" "-c" "echo no such port; exit 4"; ready "false" } }
        task "a" { after "early"; run "true" }
        task "slow" { service { start "sleep" "600"; ready "sh" "-c" "echo not yet; false" }; timeout "1s" }
        task "late" { service { start "sh" "-c" "echo $$ > pid; exec [ROOT]/gate/gate late"; ready "test" "-s" "pid" } }
        task "b" { after "late"; run "[ROOT]/gate/gate" "b"; shell "while kill -0 $(cat pid); do sleep 0.02; done 2> /dev/null" }
        task "c" { after "b"; run "true" }
        "#,
    );
    let gate = Gate::new(&repo);
    insta::assert_snapshot!(repo.run("a").code(1).failed(&["early"]).skipped(&["a"]).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    > early: sh -c 'echo no such port; exit 4'
    ✗ early  failed after [TIME]: it ended before it was ready: it exited with status 4
      to repeat: /usr/bin/sh -c 'echo no such port; exit 4'
      directory: [ROOT]/repo
      log: [ROOT]/repo/.envloom/logs/early.log
    skipped: a
    failed 1, skipped 1 in [TIME]
    ");
    insta::assert_snapshot!(repo.run("slow").code(124).output_snapshot(), @r"
    exit: 124
    ----- stdout -----

    ----- stderr -----
    > slow: sleep 600
    ✗ slow  failed after [TIME]: it was not ready in time
      to repeat: /usr/bin/sh -c 'echo not yet; false'
      directory: [ROOT]/repo
      log: [ROOT]/repo/.envloom/logs/slow.log
    failed 1 in [TIME]
    ");
    let run = repo.spawn("b");
    gate.wait_started(2);
    gate.release_with("late", 7);
    // It goes on until envloom has seen the service's end.
    gate.release("b");
    insta::assert_snapshot!(run.wait().code(1).failed(&["b"]).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    > late: sh -c 'echo $$ > pid; exec [ROOT]/gate/gate late'
    ✓ late  ran in [TIME], ready
    > b: [ROOT]/gate/gate b && sh -c 'while kill -0 $(cat pid); do sleep 0.02; done 2> /dev/null'
    ✗ b  failed
    error[envloom::exec::service_ended]: the service `late` ended while it was needed: it exited with status 7
    help: its log says more: [ROOT]/repo/.envloom/logs/late.log
    ran 1, failed 1 in [TIME]
    ");
}

#[test]
fn a_stop_command_ends_a_service_and_finally_comes_after() {
    let repo = tasks(
        r#"
        task "db" {
            service { start "sh" "-c" "trap '' TERM; echo up >> story; read line < pipe; echo down >> story"; ready "test" "-e" "story"; stop "sh" "-c" "echo stop >> story; echo > pipe" }
            finally "sh" "-c" "echo put away >> story"
        }
        task "uses" { after "db"; shell "echo used >> story" }
        task "ill" { service { start "sleep" "600"; stop "false" } }
        "#,
    );
    repo.exec("mkfifo", &["pipe"]).success();
    repo.run("uses").success();
    assert_eq!(repo.read("story"), "up\nused\nstop\ndown\nput away\n");
    repo.run("ill").success().stderr_has("warning: ill: stop exited with status 1");
}
