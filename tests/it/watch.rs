//! `watch`: targets are run again when what they rest on changes, and only then.

use std::fs;
use std::path::Path;

use crate::support::{Gate, Monorepo, Ran, Running, Signal};

/// `up` makes a file of others, cached; `log` makes nothing and says what it has seen.
const TASKS: &str = r#"
task "up" { inputs "src/**"; outputs "out/up"; shell "mkdir -p out; cat src/* > out/up; echo up: $(cat src/*)" }
task "log" { inputs "in/**"; shell "echo log: $(cat in/* | sort | tail -n1)" }
task "behind" { after "up"; inputs "out/up"; shell "echo behind: $(cat out/up)" }
"#;

fn repo() -> Monorepo {
    let repo = Monorepo::new().tasks_kdl(TASKS);
    repo.write(".gitignore", "out/\n").write("src/a", "1\n").write("in/a", "1\n");
    repo
}

/// Starts a watch and waits until its first run is over and it listens.
#[track_caller]
fn watch(repo: &Monorepo, line: &str) -> Running {
    let watch = repo.spawn(&format!("watch {line}"));
    idle(&watch, 1);
    watch
}

/// Waits until the watch waits for the so-manieth time.
#[track_caller]
fn idle(watch: &Running, times: usize) {
    watch.wait_for_lines("waiting for changes", times);
}

/// Ends a watch as Ctrl-C does.
#[track_caller]
fn end(watch: Running) -> Ran {
    watch.signal(Signal::INT);
    watch.wait().code(130)
}

/// The lines of the standard output that begin so.
fn said(ran: &Ran, begin: &str) -> Vec<String> {
    ran.stdout().lines().filter(|line| line.starts_with(begin)).map(str::to_owned).collect()
}

#[test]
fn an_edit_a_new_file_and_a_removed_directory_run_the_targets_again() {
    let repo = repo();
    let watching = watch(&repo, "up");
    repo.write("src/a", "2\n");
    idle(&watching, 2);
    repo.write("src/b", "3\n");
    idle(&watching, 3);
    repo.write("src/deep/c", "4\n").remove("src/b");
    idle(&watching, 4);
    repo.write("src/deep/c", "5\n");
    idle(&watching, 5);
    repo.remove("src/deep").write("src/a", "6\n");
    idle(&watching, 6);
    let ran = end(watching);
    assert_eq!(said(&ran, "up: ").first().map(String::as_str), Some("up: 1"), "{ran}");
    assert_eq!(said(&ran, "up: ").last().map(String::as_str), Some("up: 6"), "{ran}");
    ran.stderr_has("src/a changed: running").stderr_has("src/deep/c changed: running");
}

#[test]
fn the_watch_speaks_as_any_run_does() {
    let repo = repo();
    repo.run("-q up").success();
    let watching = watch(&repo, "up");
    repo.write("src/a", "2\n");
    idle(&watching, 2);
    insta::assert_snapshot!(end(watching).output_snapshot(), @r"
    exit: 130
    ----- stdout -----
    up: 2
    ----- stderr -----
    up is up to date ([TIME])
    waiting for changes
    src/a changed: running
    > up: sh -c 'mkdir -p out; cat src/* > out/up; echo up: $(cat src/*)'
    ✓ up  ran in [TIME]  (src/a: [COMMIT] -> [COMMIT])
    ran 1 in [TIME]
    waiting for changes
    ");
}

#[test]
fn what_is_renamed_over_a_file_counts_and_equal_content_does_not() {
    let repo = repo();
    let watching = watch(&repo, "up log");
    // As editors save: a temporary file beside it, renamed over.
    repo.write("src/.a.swp", "2\n");
    fs::rename(repo.path("src/.a.swp"), repo.path("src/a")).unwrap();
    watching.wait_for_line("up: 2");
    idle(&watching, 2);
    // The same bytes again, and a file that nobody reads.
    repo.write("src/a", "2\n").write("in/a", "1\n").write("README", "x\n");
    repo.write("in/b", "3\n");
    watching.wait_for_line("log: 3");
    idle(&watching, 3);
    let ran = end(watching);
    assert_eq!(said(&ran, "up: 2").len(), 1, "{ran}");
    assert_eq!(said(&ran, "log: 1").len(), 2, "{ran}");
    assert_eq!(ran.stderr().matches(": running").count(), 2, "{ran}");
}

#[test]
fn a_burst_and_a_checkout_are_few_runs_and_the_last_state_is_run() {
    let repo = repo();
    repo.commit("start");
    for at in 1..=200 {
        repo.write(&format!("in/{at:03}"), &format!("{at:03}\n"));
    }
    repo.commit("many");
    repo.git(&["checkout", "-q", "HEAD~1"]).success();
    let watching = watch(&repo, "log");
    repo.git(&["checkout", "-q", "main"]).success();
    watching.wait_for_line("log: 200");
    idle(&watching, 2);
    for at in 1..=200 {
        repo.write(&format!("in/{at:03}"), &format!("x{at:03}\n"));
    }
    watching.wait_for_line("log: x200");
    let ran = end(watching);
    let runs = said(&ran, "log: ").len();
    assert!((3..=5).contains(&runs), "{runs} runs: {ran}");
    assert_eq!(said(&ran, "log: ").last().map(String::as_str), Some("log: x200"), "{ran}");
}

#[test]
fn what_a_task_makes_for_another_is_no_change() {
    let repo = repo();
    let watching = watch(&repo, "behind");
    repo.write("src/a", "2\n");
    watching.wait_for_line("behind: 2");
    idle(&watching, 2);
    let ran = end(watching);
    assert_eq!(said(&ran, "behind: "), ["behind: 1", "behind: 2"], "{ran}");
}

#[test]
fn a_change_during_a_run_is_run_after_it_once() {
    let repo = Monorepo::new();
    let gate = Gate::new(&repo);
    repo.tasks_kdl("task \"g\" { inputs \"in/**\"; run \"[ROOT]/gate/gate\" \"g\" }\n").write("in/a", "1\n");
    let watching = repo.spawn("watch g");
    gate.wait_started(1);
    repo.write("in/a", "2\n").write("in/b", "3\n").write("in/a", "4\n");
    gate.release("g");
    gate.wait_started(2);
    gate.release("g");
    idle(&watching, 1);
    end(watching);
    assert_eq!(gate.started().len(), 2);
}

#[test]
fn with_restart_a_change_ends_the_run_and_begins_anew() {
    let repo = Monorepo::new();
    let gate = Gate::new(&repo);
    repo.tasks_kdl(
        "task \"make\" { inputs \"none/\"; outputs \"made/x\"; shell \"mkdir -p made; echo x > made/x\" }\n\
         task \"g\" { after \"make\"; inputs \"in/**\" \"made/**\"; run \"[ROOT]/gate/gate\" \"g\" }\n",
    );
    repo.write("in/a", "1\n");
    let watching = repo.spawn("watch g --restart");
    // What a task of the run has made ends nothing.
    gate.wait_started(1);
    repo.write("in/a", "2\n");
    gate.wait_started(2);
    repo.write("README", "not read\n").write("in/a", "2\n");
    gate.open();
    idle(&watching, 1);
    let ran = end(watching);
    assert_eq!(gate.started().len(), 2, "{ran}");
    ran.stderr_has("in/a changed: running");
}

#[test]
fn ctrl_c_during_a_run_ends_the_watch_and_its_children() {
    let repo = Monorepo::new();
    repo.tasks_kdl("task \"s\" { inputs \"in/\"; shell \"echo pid $$; exec sleep 999\" }\n");
    for line in ["watch s", "watch s --restart"] {
        let watching = repo.spawn(line);
        let pid = watching.wait_for_line("pid ").trim_start_matches("pid ").to_owned();
        end(watching);
        assert!(!Path::new("/proc").join(&pid).exists(), "{pid} is left");
    }
    let watching = repo.spawn("watch s");
    watching.wait_for_line("pid ");
    watching.signal(Signal::TERM);
    watching.wait().code(143);
}

#[test]
fn a_tasks_file_with_a_mistake_or_gone_is_told_and_watched_on() {
    let repo = repo();
    let watching = watch(&repo, "log");
    repo.write("tasks.kdl", "task \"log\" {\n");
    watching.wait_for_line("tasks.kdl has 1 mistake");
    repo.remove("tasks.kdl");
    watching.wait_for_line("envloom::cli::no_tasks_file");
    repo.tasks_kdl(TASKS);
    watching.wait_for_line("nothing is to be run for it");
    repo.tasks_kdl(&TASKS.replace("echo log:", "echo other:"));
    watching.wait_for_line("other: 1");
    idle(&watching, 2);
    let ran = end(watching);
    assert_eq!(said(&ran, "log: "), ["log: 1"], "{ran}");
}

#[test]
fn with_b_only_the_first_run_is_forced() {
    let repo = repo();
    repo.run("up log").success();
    let watching = watch(&repo, "-B up log");
    repo.write("in/a", "2\n");
    idle(&watching, 2);
    let ran = end(watching);
    assert_eq!((said(&ran, "up: ").len(), said(&ran, "log: ").len()), (1, 2), "{ran}");
}

#[test]
fn a_directory_that_is_moved_away_and_back_is_heard() {
    let repo = repo();
    repo.write("in/deep/b", "5\n").tasks_kdl("task \"log\" { inputs \"in/**\"; shell \"echo log: $(find in -type f | sort | xargs cat | tail -n1)\" }\n");
    let watching = watch(&repo, "log");
    fs::rename(repo.path("in/deep"), repo.path("away")).unwrap();
    watching.wait_for_line("log: 1");
    idle(&watching, 2);
    fs::rename(repo.path("away"), repo.path("in/deep")).unwrap();
    idle(&watching, 3);
    repo.write("in/deep/b", "6\n");
    watching.wait_for_line("log: 6");
    end(watching);
}

#[test]
fn a_failed_task_is_run_again_once_what_it_reads_has_changed() {
    let repo = Monorepo::new();
    repo.tasks_kdl(
        "task \"t\" { inputs \"in/**\"; outputs \"out/t\"; shell \"echo t: $(cat in/a); mkdir -p out; cp in/good out/t\" }\n\
         task \"u\" { after \"t\"; inputs \"in2/\"; run \"echo\" \"u\" }\n",
    );
    repo.write(".gitignore", "out/\n").write("in/a", "1\n");
    let watching = watch(&repo, "u");
    repo.write("in/a", "1\n").write("other", "x\n");
    repo.write("in/good", "x\n");
    idle(&watching, 2);
    let ran = end(watching);
    assert_eq!(said(&ran, "t: ").len(), 2, "{ran}");
    assert_eq!(said(&ran, "u"), ["u"], "{ran}");
    ran.stderr_has("in/good changed: running");
}

#[test]
fn a_task_that_changes_what_it_reads_does_not_run_for_ever() {
    let repo = Monorepo::new();
    repo.tasks_kdl("task \"loop\" { shell \"echo x >> seen.txt; echo loop\" }\n");
    let watching = repo.spawn("watch loop");
    watching.wait_for_line("seen.txt changed with every run: running again ever more slowly");
    repo.write("other.txt", "x\n");
    watching.wait_for_line("other.txt");
    let ran = end(watching);
    assert!(said(&ran, "loop").len() < 12, "{ran}");
}

#[test]
fn with_poll_nothing_has_to_be_told() {
    let repo = repo();
    let watching = watch(&repo, "log --poll");
    repo.write("in/b", "2\n");
    watching.wait_for_line("log: 2");
    end(watching);
}

#[test]
fn events_go_on_one_run_after_the_other() {
    let repo = repo();
    let watching = watch(&repo, "--json log");
    repo.write("in/b", "2\n");
    idle(&watching, 2);
    let ran = end(watching);
    let events: Vec<&str> = ran.events().all().iter().filter_map(|event| event["event"].as_str()).collect();
    let expected = ["began", "started", "command", "output", "finished", "ended"];
    let mut second = expected.to_vec();
    second.insert(1, "notice");
    assert_eq!(events, [expected.to_vec(), second].concat(), "{ran}");
    let notice = ran.events().all().iter().find(|event| event["event"] == "notice").unwrap();
    assert_eq!(notice["message"], "in/b changed");
    assert_eq!(notice["code"], "envloom::cli::changed");
}

#[test]
fn a_lock_is_made_again_when_its_manifest_changes() {
    let project =
        "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.9\"\ndependencies = []\n";
    let repo = Monorepo::new().index("pypi", &[("tqdm", "4.67.1")]);
    repo.write("app/pyproject.toml", project);
    repo.tasks_kdl("environment \"app\" { manifest \"app/pyproject.toml\"; adopt }\n");
    let watching = watch(&repo, "lock check");
    repo.write("app/pyproject.toml", &project.replace("[]", "['tqdm']"));
    idle(&watching, 2);
    assert!(repo.read("app/uv.lock").contains("tqdm"));
    end(watching).stderr_has("app/pyproject.toml changed: running");
}

#[test]
fn words_that_do_not_go_with_a_watch_are_refused() {
    let repo = repo();
    for line in
        ["-n watch log", "--question watch log", "--restart log", "list --poll", "watch --since HEAD log"]
    {
        repo.run(line).code(2).stderr_has("envloom::cli::option_without_use");
    }
    repo.run("watch nothing").code(2).stderr_has("envloom::graph::unknown_task");
}

#[test]
fn what_is_saved_during_each_of_many_runs_is_run_at_last() {
    let repo = Monorepo::new();
    let gate = Gate::new(&repo);
    repo.tasks_kdl("task \"g\" { inputs \"in/**\"; run \"[ROOT]/gate/gate\" \"g\" }\n").write("in/a", "0\n");
    let watching = repo.spawn("watch g");
    for at in 1..=5 {
        gate.wait_started(at);
        repo.write("in/a", &format!("{at}\n"));
        gate.release("g");
    }
    gate.wait_started(6);
    gate.release("g");
    idle(&watching, 1);
    // What is saved while nothing runs is someone's, and run for at once.
    repo.write("in/a", "last\n");
    gate.wait_started(7);
    gate.release("g");
    idle(&watching, 2);
    end(watching);
    assert_eq!(gate.started().len(), 7);
}

#[test]
fn a_restart_reads_as_one_and_not_as_a_failure() {
    let repo = Monorepo::new();
    repo.tasks_kdl(
        "task \"s\" { inputs \"in/**\"; shell \"x=$(cat in/a); echo saw $x; test $x = 2 || exec sleep 999\" }\n\
         task \"t\" { after \"s\"; run \"echo\" \"behind\" }\n",
    );
    repo.write("in/a", "1\n");
    let watching = repo.spawn("watch t --restart");
    watching.wait_for_line("saw 1");
    repo.write("in/a", "2\n");
    idle(&watching, 1);
    insta::assert_snapshot!(end(watching).output_snapshot(), @r"
    exit: 130
    ----- stdout -----
    saw 1
    saw 2
    behind
    ----- stderr -----
    > s: sh -c 'x=$(cat in/a); echo saw $x; test $x = 2 || exec sleep 999'
    stopping 1 task, beginning anew
    in/a changed: running
    > s: sh -c 'x=$(cat in/a); echo saw $x; test $x = 2 || exec sleep 999'
    ✓ s  ran in [TIME]
    > t: echo behind
    ✓ t  ran in [TIME]
    ran 2 in [TIME]
    waiting for changes
    ");
}

#[test]
fn a_target_that_is_not_there_is_shown_in_the_line_that_was_typed() {
    let repo = repo();
    insta::assert_snapshot!(repo.run("watch nope").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::unknown_task]: unknown task `nope`
     --> command line:1:15
    1 | envloom watch nope
      |               ^^^^ no such task
    help: use one of: generate, lock, check, verify, sync, up, log, behind
    ");
}
