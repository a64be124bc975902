//! Tasks that have the terminal.

use crate::support::{Monorepo, python};

/// `ask` reads an answer; `beside` could run at the same time, and must not.
const TASKS: &str = r#"
task "ask" { interactive; run "sh" "-c" "test -t 0 && test -t 1 && echo a terminal; echo question; read answer; echo got $answer; test ! -e busy" }
task "beside" { run "sh" "-c" "touch busy; echo beside; rm busy" }
task "both" { after "ask" "beside" }
"#;

/// Runs a command line in a pseudo-terminal, answers once it was asked, and prints what the terminal showed.
const TERMINAL: &str = r#"
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown, answered = b"", False
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    shown += part
    if b"\nquestion" in shown and not answered:
        answered = True
        os.write(terminal, b"forty-two\n")
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.stdout.write(shown.decode().replace("\r", ""))
sys.exit(status)
"#;

#[test]
fn an_interactive_task_has_the_terminal_and_runs_alone() {
    let repo = Monorepo::new().tasks_kdl(TASKS);
    let envloom = crate::support::ENVLOOM;
    let python = python("3.12");
    let python = python.to_str().expect("interpreters have names in UTF-8");
    let shown = repo.exec(python, &["-c", TERMINAL, envloom, "--no-progress", "-j4", "both"]).success();
    let shown = shown.stdout();
    assert!(shown.contains("a terminal\nquestion\n") && shown.contains("got forty-two\n"), "{shown}");
    assert!(shown.contains("ask  ran in") && shown.contains("beside"), "{shown}");
    // With status lines, too: nothing is drawn while the task has the terminal.
    let shown = repo.env("TERM", "xterm").exec(python, &["-c", TERMINAL, envloom, "-j4", "both"]).success();
    assert!(shown.stdout().contains("got forty-two\n"), "{}", shown.stdout());
}

#[test]
fn without_a_terminal_it_has_what_the_caller_has() {
    let repo = Monorepo::new().tasks_kdl(TASKS);
    let ran = repo.run("ask").success();
    assert_eq!(ran.stdout(), "question\ngot\n");
    insta::assert_snapshot!(repo.run("--json ask").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----
    {"error":{"causes":[],"code":"envloom::cli::option_without_use","help":"it belongs to calls without interactive tasks, which write to standard output themselves","labels":[],"message":"`--json` says nothing to this call","related":[],"severity":"error"}}
    ----- stderr -----
    "#);
}
