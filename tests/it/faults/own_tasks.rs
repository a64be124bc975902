//! The cache of own tasks: any change of what a task declares misses, and nothing else does; outputs that are touched
//! are noticed; a task that is cut off leaves nothing that could be believed.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, UNIX_EPOCH};

use super::{Random, eventually, figure, processes, rounds, timed};
use crate::support::{Monorepo, Signal};

/// A task with every kind of declared input; `[N]` is a number that a test moves.
const TASK: &str = r#"
task "make" {
    inputs "src/**/*.txt" "!src/skip/" "one-file"
    outputs "out/made"
    env "DECLARED" "[N]"
    env "CALLERS"
    secret "TOKEN"
    pass-env "PASSED"
    parameter "P" default="p"
    shell "mkdir -p out; cat src/*.txt > out/made; echo [M] {P} $DECLARED >> out/made"
}
// [COMMENT]
task "other" { run "echo" "[OTHER]" }
"#;

/// What the task is told, beside its files.
#[derive(Clone)]
struct Told {
    declared: usize,
    command: usize,
    comment: usize,
    other: usize,
    callers: Option<usize>,
    token: usize,
    passed: usize,
    parameter: usize,
}

impl Told {
    fn write(&self, repo: &Monorepo) {
        let text = TASK
            .replace("[N]", &self.declared.to_string())
            .replace("[M]", &self.command.to_string())
            .replace("[COMMENT]", &self.comment.to_string())
            .replace("[OTHER]", &self.other.to_string());
        repo.tasks_kdl(&text);
    }

    /// How the task ends now.
    fn result(&self, repo: &Monorepo) -> String {
        let repo = repo.env("TOKEN", &format!("s3cret-{}", self.token));
        let repo = repo.env("PASSED", &self.passed.to_string());
        let repo = self.callers.map_or_else(|| repo.clone(), |value| repo.env("CALLERS", &value.to_string()));
        let ran = repo.run(&format!("make P=p{}", self.parameter)).success();
        let mut ended = ran.events().all().iter().filter(|event| event["event"] == "finished");
        ended.next().and_then(|event| event["result"].as_str()).unwrap_or_default().to_owned()
    }
}

/// One change; says whether it is one of what the task declares.
fn change(repo: &Monorepo, told: &mut Told, random: &mut Random, round: usize) -> (bool, &'static str) {
    let mode = |path: &str, mode: u32| {
        fs::set_permissions(repo.path(path), Permissions::from_mode(mode)).expect("it is ours");
    };
    match random.below(20) {
        0 => (drop(repo.write("src/a.txt", &format!("{round}\n"))), (true, "an input's content")).1,
        1 => (drop(repo.write(&format!("src/new-{round}.txt"), "new\n")), (true, "a new input")).1,
        2 => (drop(repo.write("one-file", &format!("now {round}\n"))), (true, "an input named in full")).1,
        3 => {
            repo.write(&format!("src/{round}.txt"), "to go\n");
            told.result(repo);
            (drop(repo.remove(&format!("src/{round}.txt"))), (true, "an input removed")).1
        }
        4 => {
            let was = fs::metadata(repo.path("src/b.txt")).expect("it is there").permissions().mode();
            (mode("src/b.txt", was ^ 0o100), (true, "an input that may be run, or no longer")).1
        }
        5 => (told.declared = round + 10, (true, "a declared variable")).1,
        6 => (told.command = round + 10, (true, "the command")).1,
        7 => {
            told.callers = if told.callers.is_some() { None } else { Some(round) };
            (true, "a variable of the caller's set or unset")
        }
        8 => (told.callers = Some(round + 1000), (true, "a variable of the caller's")).1,
        9 => (told.parameter = round + 10, (true, "a parameter")).1,
        10 => (told.comment = round, (false, "a comment")).1,
        11 => (told.other = round, (false, "another task")).1,
        12 => (told.token = round, (false, "a secret's value")).1,
        13 => (told.passed = round, (false, "a variable that is passed")).1,
        14 => (drop(repo.write("src/skip/x.txt", &round.to_string())), (false, "an excluded file")).1,
        15 => (drop(repo.write("src/x.log", &round.to_string())), (false, "a file of another name")).1,
        16 => (drop(repo.write("src/ignored.txt", &round.to_string())), (false, "a file git ignores")).1,
        17 => {
            let file = File::options().write(true).open(repo.path("src/a.txt")).expect("it is there");
            let times = FileTimes::new().set_modified(UNIX_EPOCH + Duration::from_secs(round as u64));
            (file.set_times(times).expect("it is ours"), (false, "a time")).1
        }
        18 => {
            let same = repo.read("src/a.txt");
            fs::remove_file(repo.path("src/a.txt")).expect("it is there");
            (drop(repo.write("src/a.txt", &same)), (false, "the same content written anew")).1
        }
        _ => (false, "nothing"),
    }
}

#[test]
fn a_change_of_what_a_task_declares_misses_and_nothing_else_does() {
    let repo = Monorepo::new();
    repo.write(".gitignore", "out/\nsrc/ignored.txt\n");
    repo.write("src/a.txt", "a\n").write("src/b.txt", "b\n").write("one-file", "1\n");
    let mut told = Told {
        declared: 0,
        command: 0,
        comment: 0,
        other: 0,
        callers: None,
        token: 0,
        passed: 0,
        parameter: 0,
    };
    told.write(&repo);
    assert_eq!(told.result(&repo), "ran");
    let (mut random, tried, mut wrong) = (Random::new(), rounds(40), Vec::new());
    for round in 0..tried {
        let (is_declared, what) = change(&repo, &mut told, &mut random, round);
        told.write(&repo);
        let result = told.result(&repo);
        // What was made before with the same inputs may come back from the store.
        let is_right = if is_declared { result != "fresh" } else { result == "fresh" };
        if !is_right {
            wrong.push(format!("{what}: {result}"));
        }
    }
    figure(
        "F12 one declared input changed, or something else: false hits and false misses",
        tried,
        wrong.len(),
    );
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn an_output_that_was_touched_is_never_taken_for_the_task_s() {
    let repo = Monorepo::new().tasks_kdl("task \"make\" { inputs \"in\"; outputs \"out/\"; shell \"mkdir -p out; cp in out/a; cp in out/b; ln -sf a out/c\" }\n");
    repo.write("in", "content\n");
    repo.run("make").success();
    let (mut random, tried, mut unnoticed) = (Random::new(), rounds(20), 0);
    for round in 0..tried {
        let path = ["out/a", "out/b", "out/c"][random.below(3)];
        match random.below(4) {
            0 => drop(repo.remove(path)),
            1 => {
                fs::remove_file(repo.path(path)).expect("it is there");
                repo.write(path, &format!("edited {round}\n"));
            }
            2 => fs::set_permissions(repo.path("out/a"), Permissions::from_mode(0o600)).expect("it is ours"),
            _ => fs::remove_dir_all(repo.path("out")).expect("it is there"),
        }
        repo.run("make").success().restored(&["make"]);
        let whole = ["out/a", "out/b", "out/c"].iter().all(|path| repo.read(path) == "content\n");
        let mode = fs::metadata(repo.path("out/a")).expect("it is back").permissions().mode() & 0o777;
        unnoticed += usize::from(!whole || mode != 0o644 || !repo.path("out/c").is_symlink());
    }
    figure("F13 outputs removed or edited, unnoticed", tried, unnoticed);
    assert_eq!(unnoticed, 0);
}

#[test]
fn a_task_that_is_cut_off_runs_again() {
    let slow = "task \"make\" { inputs \"in\"; outputs \"out\"; shell \"for n in 1 2 3 4 5 6 7 8; do cat in >> half; done; mv half out\" }\n";
    let repo = Monorepo::new().tasks_kdl(slow);
    repo.write("in", "content\n");
    let duration = timed(|| drop(repo.run("make").success()));
    let whole = repo.read("out");
    let (mut random, tried, mut false_hits) = (Random::new(), rounds(10), 0);
    for round in 0..tried {
        let content = format!("content {round}\n");
        repo.write("in", &content);
        let running = repo.spawn("make");
        std::thread::sleep(random.moment(duration));
        running.signal(Signal::KILL);
        running.wait();
        assert!(eventually(|| processes(&repo).is_empty()), "a child outlives its killed envloom");
        fs::remove_file(repo.path("half")).ok();
        repo.run("make").success();
        let right = whole.replace("content\n", &content);
        false_hits += usize::from(repo.read("out") != right);
    }
    figure("F3 killed while a task writes its output, false hits", tried, false_hits);
    assert_eq!(false_hits, 0);
}
