//! Whole runs, as bytes. `1|` stands before what went to standard output, `2|` before standard error.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use indicatif::{InMemoryTerm, TermLike as _};

use super::super::text::program_line;
use super::*;
use crate::event::{Counts, Declared, Fact, Failure, TaskResult};
use crate::plan::{FieldChange, RunReason};

/// Both streams, in the order written.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<String>>);

struct Head(Tape, &'static str);

impl Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut tape = self.0.0.lock().unwrap();
        for line in std::str::from_utf8(bytes).unwrap().lines() {
            *tape += format!("{}{line}", self.1).trim_end();
            tape.push('\n');
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn options(verbosity: Verbosity) -> Options {
    let style = Style { unicode: true, ..Style::plain() };
    Options {
        mode: Mode::Plain,
        verbosity,
        silent: false,
        trace: false,
        held_back: false,
        style,
        color_stdout: false,
        github: false,
    }
}

fn taped(options: Options) -> (Reporter, Tape) {
    let tape = Tape::default();
    let sinks = Sinks {
        out: Box::new(Head(tape.clone(), "1|")),
        err: Box::new(Head(tape.clone(), "2|")),
        events: None,
        screen: None,
        below: String::new(),
    };
    (Reporter::new(options, sinks), tape)
}

fn played(options: Options, facts: Vec<(u64, Fact)>) -> String {
    let (mut reporter, tape) = taped(options);
    for (at_ms, fact) in facts {
        reporter.send(&Event { at_ms, fact });
    }
    assert!(reporter.finish().is_empty());
    tape.0.lock().unwrap().clone()
}

fn normal(facts: Vec<(u64, Fact)>) -> String {
    played(options(Verbosity::Normal), facts)
}

fn began(targets: &[&str], tasks: usize) -> Fact {
    let targets = targets.iter().map(|&target| target.to_owned()).collect();
    Fact::Began { version: "0.1.0".to_owned(), targets, by_default: false, tasks, jobs: 4 }
}

fn tag_moved() -> RunReason {
    let change = |key: &str, old: &str, new: &str| FieldChange {
        key: key.to_owned(),
        old: Some(format!("{old:?}")),
        new: Some(format!("{new:?}")),
    };
    RunReason::Changed {
        changes: vec![
            change("tool.uv.sources.bench-utils.tag", "v0.1.2", "v0.1.3"),
            change("project.version", "1", "2"),
        ],
    }
}

fn started(task: &str, command: &str) -> Fact {
    let (task, command) = (task.to_owned(), Some(command.to_owned()));
    Fact::Started { task, reason: tag_moved(), own: false, command, expected_ms: None, restored: false }
}

fn own(task: &str, command: &str) -> Fact {
    let (task, command) = (task.to_owned(), Some(command.to_owned()));
    Fact::Started { task, reason: RunReason::Always, own: true, command, expected_ms: None, restored: false }
}

fn output(task: &str, line: &str) -> Fact {
    Fact::Output { task: task.to_owned(), line: line.to_owned() }
}

fn ended_as(task: &str, result: TaskResult, duration_ms: u64) -> Fact {
    let reason = (result != TaskResult::Fresh).then(tag_moved);
    Fact::Finished {
        task: task.to_owned(),
        result,
        reason,
        duration_ms,
        note: None,
        log: None,
        failure: None,
    }
}

fn own_ran(task: &str, duration_ms: u64) -> Fact {
    Fact::Finished {
        task: task.to_owned(),
        result: TaskResult::Ran,
        reason: Some(RunReason::Always),
        duration_ms,
        note: None,
        log: None,
        failure: None,
    }
}

fn failed(task: &str, failure: Failure) -> Fact {
    Fact::Finished {
        task: task.to_owned(),
        result: TaskResult::Failed,
        reason: Some(tag_moved()),
        duration_ms: 1234,
        note: None,
        log: Some(PathBuf::from(".envloom/log/lock-prod.log")),
        failure: Some(failure),
    }
}

fn uv_failed() -> Failure {
    Failure {
        message: "uv exited with status 1".to_owned(),
        command: Some("uv lock --directory prod".to_owned()),
        directory: Some(PathBuf::from("prod")),
        tail: vec!["from the tail".to_owned()],
        diagnostic: None,
        declared: None,
        code: None,
    }
}

fn over(counts: Counts, wall_ms: u64) -> Fact {
    let slowest = Some(("lock:prod".to_owned(), 1234));
    Fact::Ended { counts, wall_ms, sum_ms: 7900, slowest, exit_code: 0 }
}

fn a_mixed_run() -> Vec<(u64, Fact)> {
    let mut noted = ended_as("generate:prod", TaskResult::Ran, 12);
    if let Fact::Finished { note, .. } = &mut noted {
        *note = Some("3 entries changed".to_owned());
    }
    let help = Some("envloom doctor".to_owned());
    let notice =
        Fact::Notice { code: "envloom::tool::old".to_owned(), message: "uv is old".to_owned(), help };
    vec![
        (0, began(&["lock:*", "check:prod"], 5)),
        (1, notice.clone()),
        (1, notice),
        (2, ended_as("generate:dev", TaskResult::Fresh, 0)),
        (2, started("generate:prod", "envloom generate:prod")),
        (14, noted),
        (15, started("lock:prod", "uv lock --directory prod")),
        (15, started("lock:dev", "uv lock")),
        (20, output("lock:prod", "  × No solution found")),
        (21, output("lock:dev", "Resolved 4 packages")),
        (22, output("lock:prod", "")),
        (23, output("lock:prod", "  ╰─▶ \u{1b}[31mbecause\u{1b}[0m")),
        (1249, failed("lock:prod", uv_failed())),
        (1250, ended_as("check:prod", TaskResult::Skipped, 0)),
        (1300, ended_as("lock:dev", TaskResult::Ran, 1285)),
        (1301, over(Counts { ran: 2, fresh: 1, failed: 1, skipped: 1, ..Counts::default() }, 1301)),
    ]
}

#[test]
fn what_ran_is_listed_and_what_failed_is_repeated() {
    insta::assert_snapshot!(normal(a_mixed_run()), @r#"
    2|warning: uv is old
    2|  help: envloom doctor
    2|✓ generate:prod  ran in 12ms, 3 entries changed  (tool.uv.sources.bench-utils.tag: "v0.1.2" -> "v0.1.3" (and 1 more))
    2|✗ lock:prod  failed after 1.2s: uv exited with status 1
    2|      × No solution found
    2|
    2|      ╰─▶ because
    2|  to repeat: uv lock --directory prod
    2|  directory: prod
    2|  log: .envloom/log/lock-prod.log
    2|✓ lock:dev  ran in 1.2s  (tool.uv.sources.bench-utils.tag: "v0.1.2" -> "v0.1.3" (and 1 more))
    2|
    2|failed:
    2|  ✗ lock:prod: uv exited with status 1
    2|    to repeat: uv lock --directory prod
    2|    log: .envloom/log/lock-prod.log
    2|skipped: check:prod
    2|ran 2, up to date 1, failed 1, skipped 1 in 1.3s (one after the other: 7.9s); slowest lock:prod 1.2s
    "#);
}

#[test]
fn verbose_gives_every_task_its_reason_and_shows_what_programs_print() {
    insta::assert_snapshot!(played(options(Verbosity::Verbose), a_mixed_run()), @r#"
    2|envloom 0.1.0: lock:* check:prod, 5 tasks, 4 at a time
    2|warning[envloom::tool::old]: uv is old
    2|  help: envloom doctor
    2|= generate:dev  up to date
    2|> generate:prod: envloom generate:prod
    2|✓ generate:prod  ran in 12ms, 3 entries changed
    2|    tool.uv.sources.bench-utils.tag: "v0.1.2" -> "v0.1.3"
    2|    project.version: "1" -> "2"
    2|> lock:prod: uv lock --directory prod
    2|  × No solution found
    2|
    2|  ╰─▶ because
    2|✗ lock:prod  failed after 1.2s: uv exited with status 1
    2|    tool.uv.sources.bench-utils.tag: "v0.1.2" -> "v0.1.3"
    2|    project.version: "1" -> "2"
    2|  to repeat: uv lock --directory prod
    2|  directory: prod
    2|  log: .envloom/log/lock-prod.log
    2|> lock:dev: uv lock
    2|Resolved 4 packages
    2|- check:prod  skipped
    2|✓ lock:dev  ran in 1.2s
    2|    tool.uv.sources.bench-utils.tag: "v0.1.2" -> "v0.1.3"
    2|    project.version: "1" -> "2"
    2|
    2|failed:
    2|  ✗ lock:prod: uv exited with status 1
    2|    to repeat: uv lock --directory prod
    2|    log: .envloom/log/lock-prod.log
    2|ran 2, up to date 1, failed 1, skipped 1 in 1.3s (one after the other: 7.9s); slowest lock:prod 1.2s
    "#);
}

#[test]
fn quiet_shows_failures_and_warnings() {
    insta::assert_snapshot!(played(options(Verbosity::Quiet), a_mixed_run()), @r#"
    2|warning: uv is old
    2|  help: envloom doctor
    2|✗ lock:prod  failed after 1.2s: uv exited with status 1
    2|    from the tail
    2|  to repeat: uv lock --directory prod
    2|  directory: prod
    2|  log: .envloom/log/lock-prod.log
    "#);
}

#[test]
fn a_last_failure_is_not_repeated() {
    let mut facts = a_mixed_run();
    facts.truncate(13);
    facts.push((1301, over(Counts { failed: 1, ..Counts::default() }, 1301)));
    let text = normal(facts);
    assert_eq!(text.matches("to repeat").count(), 1, "{text}");
}

#[test]
fn a_run_without_work_is_one_line() {
    let fresh = |targets: &[&str], by_default: bool, tasks: usize| {
        let mut first = began(targets, tasks);
        if let Fact::Began { by_default: given, .. } = &mut first {
            *given = by_default;
        }
        let task = |number| (3, ended_as(&format!("lock:e{number}"), TaskResult::Fresh, 0));
        let counts = Counts { fresh: tasks, ..Counts::default() };
        let facts = [(0, first)].into_iter().chain((0..tasks).map(task)).chain([(4, over(counts, 4))]);
        normal(facts.collect())
    };
    assert_eq!(fresh(&["lock:*", "check:*"], false, 12), "2|everything up to date (12 tasks, 4ms)\n");
    assert_eq!(fresh(&["lock:prod"], false, 1), "2|lock:prod is up to date (4ms)\n");
    assert_eq!(fresh(&["lock:*"], false, 3), "2|lock:* is up to date (3 tasks, 4ms)\n");
    assert_eq!(fresh(&["check"], true, 3), "2|everything up to date (the default, check: 3 tasks, 4ms)\n");
    assert_eq!(fresh(&[], false, 0), "2|nothing to do (4ms)\n");
}

#[test]
fn the_named_target_is_told_even_where_only_a_dependency_ran() {
    let text = normal(vec![
        (0, began(&["lock:prod"], 2)),
        (1, started("generate:prod", "envloom generate:prod")),
        (5, ended_as("generate:prod", TaskResult::Ran, 4)),
        (6, ended_as("lock:prod", TaskResult::Fresh, 0)),
        (6, over(Counts { ran: 1, fresh: 1, ..Counts::default() }, 6)),
    ]);
    insta::assert_snapshot!(text, @r#"
    2|✓ generate:prod  ran in 4ms  (tool.uv.sources.bench-utils.tag: "v0.1.2" -> "v0.1.3" (and 1 more))
    2|= lock:prod  up to date
    2|ran 1, up to date 1 in 6ms
    "#);
}

#[test]
fn one_own_task_streams_to_standard_output() {
    let facts = vec![
        (0, began(&["test"], 1)),
        (1, own("test", "pytest -q")),
        (2, output("test", "one \u{1b}[32mgreen\u{1b}[0m")),
        (3, output("test", "::error::as the linter says")),
    ];
    insta::assert_snapshot!(normal(facts.clone()), @r#"
    2|> test: pytest -q
    1|one green
    1|::error::as the linter says
    "#);
    let silent = Options { silent: true, github: true, ..options(Verbosity::Normal) };
    insta::assert_snapshot!(played(silent, facts), @r#"
    1|one green
    1|::error::as the linter says
    "#);
}

#[test]
fn several_own_tasks_are_grouped_and_the_last_one_streams() {
    let text = normal(vec![
        (0, began(&["test:*"], 2)),
        (1, own("test@a", "pytest a")),
        (2, output("test@a", "a1")),
        (3, own("test@b", "pytest b")),
        (4, output("test@b", "b1")),
        (5, output("test@a", "a2")),
        (6, own_ran("test@a", 5)),
        (7, output("test@b", "b2")),
        (8, own_ran("test@b", 5)),
    ]);
    insta::assert_snapshot!(text, @r#"
    2|> test@a: pytest a
    1|a1
    1|a2
    2|✓ test@a  ran in 5ms
    2|> test@b: pytest b
    1|b1
    1|b2
    2|✓ test@b  ran in 5ms
    "#);
}

#[test]
fn a_dry_run_lists_what_would_run() {
    let text = normal(vec![
        (0, began(&["lock:prod"], 2)),
        (1, ended_as("generate:prod", TaskResult::Fresh, 0)),
        (1, ended_as("lock:prod", TaskResult::WouldRun, 0)),
        (1, over(Counts { would_run: 1, fresh: 1, ..Counts::default() }, 4)),
    ]);
    insta::assert_snapshot!(text, @r#"
    2|~ lock:prod  would run  (tool.uv.sources.bench-utils.tag: "v0.1.2" -> "v0.1.3" (and 1 more))
    2|up to date 1, would run 1 in 4ms
    "#);
}

#[test]
fn long_silence_is_broken() {
    let (mut reporter, tape) = taped(options(Verbosity::Normal));
    reporter.send(&Event { at_ms: 0, fact: began(&["lock:*"], 3) });
    reporter.send(&Event { at_ms: 100, fact: started("lock:dev", "uv lock") });
    reporter.send(&Event { at_ms: 20_000, fact: started("lock:prod", "uv lock") });
    let lock = "venv dev-cu124".to_owned();
    reporter.send(&Event { at_ms: 20_000, fact: Fact::Waiting { task: "sync:dev@cu124".to_owned(), lock } });
    for now in (21_000..115_000).step_by(1000) {
        reporter.tick(now);
    }
    reporter.send(&Event { at_ms: 115_000, fact: Fact::Interrupted { signal: 2, restart: false } });
    insta::assert_snapshot!(tape.0.lock().unwrap(), @r#"
    2|sync:dev@cu124 is waiting for venv dev-cu124, held by another envloom
    2|[0/3] still running: lock:dev 49.9s, lock:prod 30.0s, sync:dev@cu124 30.0s (waiting)
    2|[0/3] still running: lock:dev 1m19s, lock:prod 1m00s, sync:dev@cu124 1m00s (waiting)
    2|[0/3] still running: lock:dev 1m49s, lock:prod 1m30s, sync:dev@cu124 1m30s (waiting)
    2|interrupted by SIGINT: stopping 3 tasks, once more to kill them
    "#);
}

#[test]
fn a_refusal_of_ours_shows_its_diagnostic() {
    let found = miette::MietteDiagnostic::new("`tool.uv.index` was edited by hand")
        .with_code("envloom::manifest::hand_edit")
        .with_help("envloom absorb prod");
    let failure = Failure {
        message: "`tool.uv.index` was edited by hand".to_owned(),
        command: None,
        directory: None,
        tail: Vec::new(),
        diagnostic: Some(Arc::new(found)),
        declared: None,
        code: Some("envloom::manifest::hand_edit".to_owned()),
    };
    let facts = vec![(0, began(&["generate:prod"], 1)), (1, failed("generate:prod", failure))];
    insta::assert_snapshot!(normal(facts.clone()), @r"
    2|✗ generate:prod  failed
    2|error[envloom::manifest::hand_edit]: `tool.uv.index` was edited by hand
    2|help: envloom absorb prod
    2|  log: .envloom/log/lock-prod.log
    ");
    let json = played(Options { mode: Mode::Json, ..options(Verbosity::Normal) }, facts);
    let last = json.lines().last().unwrap().strip_prefix("1|").unwrap();
    let read: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(read["failure"]["diagnostic"]["code"], "envloom::manifest::hand_edit");
}

#[test]
fn hostile_names_are_escaped_and_command_no_runner() {
    let evil = "::add-path::/evil\u{1b}[2J\r";
    let facts = vec![
        (0, began(&[evil], 1)),
        (1, started(evil, evil)),
        (2, output(evil, "::set-env name=A::b\u{1b}]52;c;aGk=\u{7}")),
        (
            3,
            failed(evil, Failure { message: evil.to_owned(), command: Some(evil.to_owned()), ..uv_failed() }),
        ),
        (4, Fact::Notice { code: evil.to_owned(), message: evil.to_owned(), help: Some(evil.to_owned()) }),
        (5, over(Counts { failed: 1, ..Counts::default() }, 5)),
    ];
    for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
        let text = played(Options { github: true, ..options(verbosity) }, facts.clone());
        for line in text.lines() {
            let line = &line[2..];
            assert_eq!(crate::base::printable(line), line);
            let ours = ["::group::", "::endgroup::", "::notice title=", "::error title="];
            assert!(!line.trim().starts_with("::") || ours.iter().any(|own| line.starts_with(own)), "{line}");
        }
    }
}

/// Two own tasks side by side, others among them, three failures.
fn a_run_on_github() -> Vec<(u64, Fact)> {
    let declared = Some(Declared { file: "tasks.kdl".to_owned(), line: 3, column: 1 });
    let uv = Failure { declared: declared.clone(), ..uv_failed() };
    let found =
        miette::MietteDiagnostic::new("it was edited").with_code("envloom::x").with_help("absorb, it");
    let refused = Failure { diagnostic: Some(Arc::new(found)), command: None, declared, ..uv_failed() };
    vec![
        (0, began(&["test:*", "lock"], 5)),
        (
            0,
            Fact::Notice {
                code: "envloom::x".to_owned(),
                message: "100 %".to_owned(),
                help: Some("do".to_owned()),
            },
        ),
        (1, own("test@a", "pytest a")),
        (2, output("test@a", "a1")),
        (3, ended_as("generate:dev", TaskResult::Ran, 1)),
        (3, output("test@a", "::warning file=a.py::unused")),
        (4, own("test@b", "pytest b")),
        (5, output("test@b", "::add-path::/evil")),
        (5, output("test@a", "a2")),
        (6, own_ran("test@a", 5)),
        (7, output("test@b", "b2")),
        (8, failed("test@b", Failure { message: "pytest exited with status 1".to_owned(), ..uv.clone() })),
        (8, failed("lock:prod", uv)),
        (9, failed("check:prod", refused)),
        (9, over(Counts { ran: 2, failed: 3, ..Counts::default() }, 9)),
    ]
}

#[test]
fn github_gets_groups_annotations_and_notices() {
    let github = Options { github: true, ..options(Verbosity::Normal) };
    let text = played(github, a_run_on_github());
    insta::assert_snapshot!(text, @r#"
    2|::notice title=envloom%3A%3Ax::100 %25%0Ahelp: do
    1|::group::test@a: pytest a
    1|a1
    1|::endgroup::
    2|✓ generate:dev  ran in 1ms  (tool.uv.sources.bench-utils.tag: "v0.1.2" -> "v0.1.3" (and 1 more))
    1|::group::test@a
    1|::warning file=a.py::unused
    1|a2
    1|::endgroup::
    2|✓ test@a  ran in 5ms
    1|::group::test@b: pytest b
    1|: :add-path::/evil
    1|b2
    1|::endgroup::
    2|✗ test@b  failed after 1.2s: pytest exited with status 1
    2|  to repeat: uv lock --directory prod
    2|  directory: prod
    2|  log: .envloom/log/lock-prod.log
    2|::error file=tasks.kdl,line=3,col=1,title=test@b::pytest exited with status 1%0Afrom the tail
    2|✗ lock:prod  failed after 1.2s: uv exited with status 1
    2|    from the tail
    2|  to repeat: uv lock --directory prod
    2|  directory: prod
    2|  log: .envloom/log/lock-prod.log
    2|::error file=tasks.kdl,line=3,col=1,title=lock%3Aprod::uv exited with status 1%0Afrom the tail
    2|✗ check:prod  failed
    2|    from the tail
    2|error[envloom::x]: it was edited
    2|help: absorb, it
    2|  directory: prod
    2|  log: .envloom/log/lock-prod.log
    2|::error file=tasks.kdl,line=3,col=1,title=check%3Aprod%3A envloom%3A%3Ax::it was edited%0Ahelp: absorb, it
    2|
    2|failed:
    2|  ✗ test@b: pytest exited with status 1
    2|    to repeat: uv lock --directory prod
    2|    log: .envloom/log/lock-prod.log
    2|  ✗ lock:prod: uv exited with status 1
    2|    to repeat: uv lock --directory prod
    2|    log: .envloom/log/lock-prod.log
    2|  ✗ check:prod: uv exited with status 1
    2|    log: .envloom/log/lock-prod.log
    2|ran 2, failed 3 in 9ms (one after the other: 7.9s); slowest lock:prod 1.2s
    "#);
}

#[test]
fn what_a_signal_cut_off_is_no_mistake_to_annotate() {
    let github = Options { github: true, ..options(Verbosity::Normal) };
    let text = played(
        github,
        vec![
            (0, began(&["test"], 1)),
            (1, own("test", "pytest")),
            (2, Fact::Interrupted { signal: 2, restart: false }),
            (3, failed("test", uv_failed())),
        ],
    );
    assert!(!text.contains("::error"), "{text}");
    assert!(text.contains("::endgroup::"), "{text}");
}

#[test]
fn a_closed_stream_is_told_once_and_the_others_go_on() {
    let tape = Tape::default();
    let sinks = Sinks {
        out: Box::new(Closed),
        err: Box::new(Head(tape.clone(), "2|")),
        events: Some(Box::new(Closed)),
        screen: None,
        below: String::new(),
    };
    let (sender, thread) = Reporter::spawn(options(Verbosity::Normal), sinks);
    for at_ms in 0..5000 {
        sender.send(Event { at_ms, fact: output("test", "x") }).unwrap();
    }
    sender.send(Event { at_ms: 1, fact: began(&["test"], 1) }).unwrap();
    sender.send(Event { at_ms: 1, fact: own("test", "pytest") }).unwrap();
    sender.send(Event { at_ms: 1, fact: output("test", "x") }).unwrap();
    sender.send(Event { at_ms: 2, fact: own_ran("test", 1) }).unwrap();
    drop(sender);
    let broken: Vec<Outlet> = thread.join().unwrap().iter().map(|each| each.outlet).collect();
    assert_eq!(broken, [Outlet::Out, Outlet::Events]);
    assert_eq!(*tape.0.lock().unwrap(), "2|> test: pytest\n2|✓ test  ran in 1ms\n");
}

#[test]
fn colour_adds_nothing_but_colour() {
    let plain = options(Verbosity::Verbose);
    let colored = Options { style: Style { color: true, ..plain.style }, color_stdout: true, ..plain };
    let text = played(colored, a_mixed_run());
    assert!(text.contains("\u{1b}[32m✓\u{1b}[0m"));
    let stripped: String = text.lines().map(|line| program_line(line, false) + "\n").collect();
    assert_eq!(stripped, played(plain, a_mixed_run()));
}

#[test]
fn status_lines_need_a_terminal_that_someone_watches() {
    let given = |name: &'static str, value: &'static str| {
        move |asked: &str| (asked == name).then(|| value.to_owned())
    };
    assert_eq!(Mode::choose(true, given("TERM", "xterm")), Mode::Terminal);
    assert_eq!(Mode::choose(true, given("TERM", "dumb")), Mode::Plain);
    assert_eq!(Mode::choose(true, given("CI", "true")), Mode::Plain);
    assert_eq!(Mode::choose(false, given("TERM", "xterm")), Mode::Plain);
}

/// A writer onto the terminal that the status lines are drawn on.
struct Screen(InMemoryTerm);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_str(&std::str::from_utf8(bytes).unwrap().replace('\n', "\r\n"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn on_a_terminal_lines_stand_above_the_status() {
    let screen = InMemoryTerm::new(24, 80);
    let sinks = Sinks {
        out: Box::new(Screen(screen.clone())),
        err: Box::new(Screen(screen.clone())),
        events: None,
        screen: Some(ProgressDrawTarget::term_like(Box::new(screen.clone()))),
        below: String::new(),
    };
    let style = Style { unicode: true, terminal: true, width: 80, color: false };
    let mut reporter =
        Reporter::new(Options { mode: Mode::Terminal, style, ..options(Verbosity::Normal) }, sinks);
    for (at_ms, fact) in a_mixed_run().into_iter().take(13) {
        reporter.send(&Event { at_ms, fact });
    }
    insta::assert_snapshot!(screen.contents(), @r#"
    warning: uv is old
      help: envloom doctor
    ✓ generate:prod  ran in 12ms, 3 entries changed  (tool.uv.sources.bench-utils.…)
    ✗ lock:prod  failed after 1.2s: uv exited with status 1
          × No solution found

          ╰─▶ because
      to repeat: uv lock --directory prod
      directory: prod
      log: .envloom/log/lock-prod.log
    [3/5] 1 running, 1 up to date, 1 failed
      lock:dev  1.2s
    "#);
    for (at_ms, fact) in a_mixed_run().into_iter().skip(13) {
        reporter.send(&Event { at_ms, fact });
    }
    assert!(reporter.finish().is_empty());
    let left = screen.contents();
    assert!(
        left.contains("ran 2, up to date 1, failed 1, skipped 1 in 1.3s") && !left.contains("running"),
        "{left}"
    );
}

#[test]
fn held_back_lines_come_at_the_end_in_one_piece() {
    let facts = vec![
        (0, own("one", "a")),
        (1, output("one", "first")),
        (2, own("two", "b")),
        (3, output("two", "between")),
        (4, own_ran("two", 1)),
        (5, output("one", "last")),
        (6, own_ran("one", 1)),
    ];
    let held_back = Options { held_back: true, ..options(Verbosity::Normal) };
    insta::assert_snapshot!(played(held_back, facts), @r"
    2|> two: b
    1|between
    2|✓ two  ran in 1ms
    2|> one: a
    1|first
    1|last
    2|✓ one  ran in 1ms
    ");
}

#[test]
fn a_trace_names_the_reason_and_each_program() {
    let program = |command: &str| Fact::Command {
        task: "one".to_owned(),
        command: command.to_owned(),
        directory: PathBuf::from("/r"),
    };
    let facts = vec![
        (0, own("one", "a && b")),
        (1, program("/bin/a")),
        (2, program("/bin/b")),
        (3, own_ran("one", 1)),
    ];
    let trace = Options { trace: true, ..options(Verbosity::Normal) };
    insta::assert_snapshot!(played(trace, facts), @r"
    2|one: runs every time
    2|one: + /bin/a
    2|one: + /bin/b
    2|✓ one  ran in 1ms
    ");
}
