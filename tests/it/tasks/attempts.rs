//! `finally`, `timeout` and `retries`.

use super::tasks;
use crate::support::{Gate, Signal};

#[test]
fn finally_runs_whatever_happened_and_the_first_failure_is_told() {
    let repo = tasks(
        r#"
        task "good" { run "echo" "work"; finally "echo" "put away" }
        task "bad" { run "sh" "-c" "echo work; exit 3"; run "echo" "never"; finally "echo" "put away"; finally "false"; finally "echo" "and more" }
        task "missing" { run "no-such-program"; finally "echo" "put away" }
        task "late" { run "echo" "work"; finally "sh" "-c" "echo trouble; exit 5"; finally "echo" "and more" }
        "#,
    );
    assert_eq!(repo.run("good").success().stdout(), "work\nput away\n");
    insta::assert_snapshot!(repo.run("bad").code(1).failed(&["bad"]).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    work
    put away
    and more
    ----- stderr -----
    > bad: sh -c 'echo work; exit 3' && echo never
    warning: bad: finally: false exited with status 1
    ✗ bad  failed after [TIME]: sh exited with status 3
      to repeat: /usr/bin/sh -c 'echo work; exit 3'
      directory: [ROOT]/repo
      log: [ROOT]/repo/.envloom/logs/bad.log
    failed 1 in [TIME]
    ");
    assert_eq!(repo.read(".envloom/logs/bad.log"), "work\nput away\nand more\n");
    assert_eq!(repo.run("missing").code(1).stdout(), "put away\n");
    insta::assert_snapshot!(repo.run("late").code(1).failed(&["late"]).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    work
    trouble
    and more
    ----- stderr -----
    > late: echo work
    ✗ late  failed after [TIME]: sh exited with status 5
      to repeat: /usr/bin/sh -c 'echo trouble; exit 5'
      directory: [ROOT]/repo
      log: [ROOT]/repo/.envloom/logs/late.log
    failed 1 in [TIME]
    ");
}

#[test]
fn finally_runs_after_an_interrupt_and_is_left_alone() {
    let repo = tasks(
        r#"
        task "long" { run "[ROOT]/gate/gate" "work"; finally "[ROOT]/gate/gate" "finally" }
        task "done" { run "true"; finally "[ROOT]/gate/gate" "finally" }
        "#,
    );
    let gate = Gate::new(&repo);
    let run = repo.spawn("long");
    gate.wait_started(1);
    run.signal(Signal::INT);
    gate.wait_started(2);
    gate.release("finally");
    run.wait().code(130).failed(&["long"]);

    // One that is under way when the signal comes is not told either.
    let run = repo.spawn("done");
    gate.wait_started(3);
    run.signal(Signal::TERM);
    run.wait_for_line("interrupted");
    gate.release("finally");
    run.wait().code(143).ran(&["done"]);
}

#[test]
fn a_task_that_was_cut_off_before_it_began_puts_nothing_away() {
    let repo = tasks(
        r#"
        task "first" { run "[ROOT]/gate/gate" "work" }
        task "second" { after "first"; run "true"; finally "touch" "[ROOT]/put-away" }
        "#,
    );
    let gate = Gate::new(&repo);
    let run = repo.spawn("second");
    gate.wait_started(1);
    run.signal(Signal::INT);
    run.wait().code(130).skipped(&["second"]);
    assert!(!repo.root().join("put-away").exists());
}

#[test]
fn a_task_that_runs_out_of_its_time_is_ended_and_put_away() {
    let repo = tasks(
        r#"
        task "long" { run "true"; run "[ROOT]/gate/gate" "work"; finally "echo" "put away"; timeout "1s" }
        "#,
    );
    let _gate = Gate::new(&repo);
    let ran = repo.run("long").code(124).failed(&["long"]);
    insta::assert_snapshot!(ran.output_snapshot(), @r"
    exit: 124
    ----- stdout -----
    put away
    ----- stderr -----
    > long: true && [ROOT]/gate/gate work
    ✗ long  failed after [TIME]: gate ran out of its time
      to repeat: [ROOT]/gate/gate work
      directory: [ROOT]/repo
      log: [ROOT]/repo/.envloom/logs/long.log
    failed 1 in [TIME]
    ");
}

#[test]
fn a_failed_task_is_tried_again_and_its_log_has_every_attempt() {
    let repo = tasks(
        r#"
        task "flaky" { run "./flaky" "3"; finally "echo" "put away"; retries 2 }
        task "hopeless" { run "./flaky" "9"; retries 1 }
        task "missing" { run "no-such-program"; retries 5 }
        "#,
    );
    repo.write_program(
        "flaky",
        "#!/bin/sh\necho x >> tries\nn=$(wc -l < tries)\necho try $n\n[ $n -ge $1 ]\n",
    );
    insta::assert_snapshot!(repo.run("flaky").success().ran(&["flaky"]).output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    try 1
    put away
    try 2
    put away
    try 3
    put away
    ----- stderr -----
    > flaky: ./flaky 3
    warning: flaky: flaky exited with status 1; attempt 2 of 3 begins
    warning: flaky: flaky exited with status 1; attempt 3 of 3 begins
    ✓ flaky  ran in [TIME], attempt 3 of 3
    ran 1 in [TIME]
    ");
    insta::assert_snapshot!(repo.read(".envloom/logs/flaky.log"), @r"
    try 1
    put away
    --- attempt 2 of 3 ---
    try 2
    put away
    --- attempt 3 of 3 ---
    try 3
    put away
    ");
    repo.remove("tries");
    insta::assert_snapshot!(repo.run("hopeless").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    try 1
    try 2
    ----- stderr -----
    > hopeless: ./flaky 9
    warning: hopeless: flaky exited with status 1; attempt 2 of 2 begins
    ✗ hopeless  failed after [TIME]: flaky exited with status 1 (attempt 2 of 2)
      to repeat: [ROOT]/repo/flaky 9
      directory: [ROOT]/repo
      log: [ROOT]/repo/.envloom/logs/hopeless.log
    failed 1 in [TIME]
    ");
    let missing = repo.run("missing").code(1);
    assert!(!missing.stderr().contains("attempt"), "{missing}");
}

#[test]
fn a_timeout_is_tried_again_and_an_interrupt_is_not() {
    let repo = tasks(
        r#"
        task "slow" { run "sh" "-c" "mkdir first && exec [ROOT]/gate/gate hangs; echo quick"; timeout "2s"; retries 1 }
        task "long" { run "[ROOT]/gate/gate" "long"; retries 3 }
        "#,
    );
    let gate = Gate::new(&repo);
    repo.run("slow").success().ran(&["slow"]).stderr_has("sh ran out of its time; attempt 2 of 2 begins");
    let run = repo.spawn("long");
    gate.wait_started(2);
    run.signal(Signal::INT);
    run.wait().code(130);
    assert_eq!(gate.started(), ["hangs", "long"]);
}

#[test]
fn a_timeout_is_not_passed_over() {
    let repo = tasks(r#"task "long" { run "[ROOT]/gate/gate" "work"; run "echo" "on"; timeout "1s" }"#);
    let _gate = Gate::new(&repo);
    let ran = repo.run("-i long").code(124);
    assert_eq!(ran.stdout(), "");
}
