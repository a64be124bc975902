//! Slots shared with the make above and with what own tasks start.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use super::{assert_no_pipe, gated, make, makefile};
use crate::support::{Gate, Monorepo, Signal};

/// A make's jobserver made by the test: a named pipe with so many tokens, and the variable that names it.
fn fifo(repo: &Monorepo, tokens: usize) -> (File, Monorepo) {
    let path = repo.root().join("tokens");
    repo.exec("mkfifo", &[path.to_str().unwrap()]).success();
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap();
    let mut file = OpenOptions::new().read(true).write(true).custom_flags(nonblock).open(&path).unwrap();
    file.write_all(&vec![b'+'; tokens]).unwrap();
    (file, repo.env("MAKEFLAGS", "k -j9 --jobserver-auth=fifo:[ROOT]/tokens"))
}

/// How many tokens the pipe holds.
fn count(mut file: &File) -> usize {
    let mut tokens = Vec::new();
    // Reading goes on until there is nothing more, which is an error for a pipe that somebody may write to.
    file.read_to_end(&mut tokens).unwrap_err();
    file.write_all(&tokens).unwrap();
    tokens.len()
}

#[test]
fn recipes_and_own_tasks_share_makes_slots() {
    let repo = gated(&["one", "two", "three"]);
    makefile(
        &repo,
        "all: a b own\na b: ; @$(GATE) $@\nown: ; +@$(ENVLOOM) one two three\n.PHONY: all a b own\n",
    );
    let gate = Gate::new(&repo);
    let run = make(&repo, &["-j3", "all"]);
    assert_eq!(gate.wait_started(3), ["a", "b", "one"]);
    gate.release("a");
    assert_eq!(gate.wait_started(4), ["a", "b", "one", "two"]);
    gate.open();
    run.wait().success();
    assert_eq!(gate.max_concurrency(), 3);
}

#[test]
fn a_recipe_without_plus_is_told_and_runs_one_at_a_time() {
    let repo = gated(&["one", "two"]);
    makefile(&repo, "own: ; @$(ENVLOOM) one two\n");
    let gate = Gate::new(&repo);
    let run = make(&repo, &["-j3", "own"]);
    gate.wait_started(1);
    gate.open();
    let ran = run.wait().success().stderr_has("begin the line of the recipe with `+`");
    assert_eq!(ran.stderr().matches("the jobserver of the make above is out of reach").count(), 1);
    assert_eq!(gate.max_concurrency(), 1);
}

#[test]
fn tokens_of_a_fifo_are_taken_as_they_come_and_all_go_back() {
    let repo = gated(&["one", "two", "three"]);
    let (mut tokens, under) = fifo(&repo, 1);
    let gate = Gate::new(&repo);
    let run = under.spawn("one two three");
    gate.wait_started(2);
    assert_eq!(count(&tokens), 0);
    tokens.write_all(b"+").unwrap();
    gate.wait_started(3);
    gate.open();
    run.wait().success();
    assert_eq!(count(&tokens), 2);
}

#[test]
fn tokens_go_back_after_failures_and_signals() {
    let repo = gated(&["one", "two"]);
    let (tokens, under) = fifo(&repo, 1);
    let gate = Gate::new(&repo);
    let run = under.spawn("one two");
    gate.wait_started(2);
    gate.release_with("one", 7);
    gate.release_with("two", 7);
    run.wait().code(1);
    assert_eq!(count(&tokens), 1);

    let run = under.spawn("one two");
    gate.wait_started(4);
    run.signal(Signal::TERM);
    run.wait().code(143);
    assert_eq!(count(&tokens), 1);
}

#[test]
fn jobs_of_the_command_line_win_with_a_warning() {
    let repo = gated(&["one", "two"]);
    let (tokens, under) = fifo(&repo, 0);
    let gate = Gate::new(&repo);
    let run = under.spawn("-j2 one two");
    gate.wait_started(2);
    gate.open();
    let ran = run.wait().success().stderr_has("the jobserver of the make above is not used");
    assert_eq!(count(&tokens), 0);
    assert_no_pipe(&ran);
}

#[test]
fn a_make_in_an_own_task_shares_envlooms_slots() {
    let repo = gated(&["one", "two"]);
    repo.append("tasks.kdl", "task \"sub\" { run \"make\" \"all\" }\n");
    makefile(&repo, "all: a b c d\na b c d: ; @$(GATE) $@\n.PHONY: all a b c d\n");
    let gate = Gate::new(&repo);
    let run = repo.spawn("-j4 sub one two");
    gate.wait_started(4);
    gate.release("one");
    gate.wait_started(5);
    gate.release("two");
    gate.wait_started(6);
    gate.open();
    let ran = run.wait().success().ran(&["sub", "one", "two"]);
    assert_eq!(gate.max_concurrency(), 4);
    assert_no_pipe(&ran);
}

#[test]
fn without_jobs_a_make_in_an_own_task_runs_as_it_does_alone() {
    let repo = Monorepo::new().tasks_kdl("task \"flags\" { run \"sh\" \"-c\" \"echo [$MAKEFLAGS]\" }\n");
    assert_eq!(repo.run("flags").text(), "[]");
    assert_eq!(repo.run("-j1 flags").text(), "[]");
    assert_eq!(repo.run("-j flags").text(), "[]");
    assert_eq!(repo.env("MAKEFLAGS", "w -- X=1").run("flags").text(), "[w -- X=1]");
}

#[test]
fn a_make_that_knows_fifos_is_told_the_name_and_an_older_one_descriptors() {
    let repo = Monorepo::new().tasks_kdl("task \"flags\" { run \"sh\" \"-c\" \"echo [$MAKEFLAGS]\" }\n");
    for (version, address) in
        [("4.3", "--jobserver-auth="), ("4.4", "--jobserver-auth=fifo:[ROOT]/repo/.envloom/")]
    {
        let directory = repo.root().join(version);
        std::fs::create_dir(&directory).unwrap();
        repo.write_program(&format!("../{version}/make"), &format!("#!/bin/sh\necho GNU Make {version}\n"));
        let ran = repo.path_first(directory).env("MAKEFLAGS", "k -- X=1").run("-j4 flags").success();
        let told = repo.redact(ran.stdout());
        assert!(told.starts_with(&format!("[k -j4 {address}")) && told.ends_with(" -- X=1]\n"), "{told}");
        assert_eq!(told.contains("fifo:"), version == "4.4", "{told}");
        assert_no_pipe(&ran);
    }
}

#[test]
fn what_a_service_holds_is_not_given_out_again() {
    let repo = gated(&["one"]);
    repo.append(
        "tasks.kdl",
        "task \"make\" { service { start \"sh\" \"-c\" \"make all; exec sleep 600\" } }
task \"first\" { after \"make\"; run \"[ROOT]/gate/gate\" \"first\" }
task \"second\" { after \"first\"; run \"[ROOT]/gate/gate\" \"second\" }
task \"third\" { after \"first\"; run \"[ROOT]/gate/gate\" \"third\" }
task \"fourth\" { after \"first\"; run \"[ROOT]/gate/gate\" \"fourth\" }
",
    );
    makefile(&repo, "all: a b c\na b c: ; @$(GATE) $@\n.PHONY: all a b c\n");
    let gate = Gate::new(&repo);
    let run = repo.spawn("-j3 second third fourth");
    // The service's own job, its two tokens, and the one task that needs none.
    gate.wait_started(4);
    gate.release("first");
    gate.wait_started(5);
    gate.release("second");
    gate.release("third");
    gate.release("fourth");
    gate.wait_started(7);
    gate.open();
    run.wait().success();
    assert_eq!(gate.max_concurrency(), 4);
}
