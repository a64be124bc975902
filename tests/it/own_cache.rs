//! Own tasks that are up to date, restored or run: inputs, outputs, the store.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::Monorepo;

/// `upper` makes one file of another; `count` leaves nothing but is cached.
const TASKS: &str = r#"
task "upper" {
    inputs "src/**/*.txt" "!src/skip/**"
    outputs "out/upper.txt"
    env "MODE" "loud"
    env "CALLER"
    secret "TOKEN"
    pass-env "EDITOR"
    shell "mkdir -p out; cat src/*.txt | tr a-z A-Z > out/upper.txt; chmod 750 out/upper.txt; echo made $MODE $CALLER"
}
task "count" { cache; inputs "out/upper.txt"; run "wc" "-c" "out/upper.txt" }
task "always" { run "true" }
"#;

fn repo() -> Monorepo {
    let repo = Monorepo::new().tasks_kdl(TASKS);
    repo.write("src/a.txt", "abc\n");
    repo.write("src/skip/x.txt", "never\n");
    repo.write(".gitignore", "out/\nsrc/ignored.txt\n");
    repo
}

#[test]
fn an_own_task_runs_once_and_its_output_is_the_input_of_another() {
    let repo = repo();
    repo.run("count").success().ran(&["upper", "count"]);
    repo.run("count").success().ran(&[]).fresh(&["upper", "count"]);
    assert_eq!(repo.read("out/upper.txt"), "ABC\n");
    // A task without outputs runs every time, unless it says otherwise.
    repo.run("always").success().ran(&["always"]);
    repo.run("always").success().ran(&["always"]);
}

#[test]
fn every_declared_input_counts_and_nothing_else_does() {
    let repo = repo();
    repo.run("upper").success().ran(&["upper"]);
    let runs = |repo: &Monorepo| repo.run("upper").success().ran(&["upper"]);
    let rests = |repo: &Monorepo| repo.run("upper").success().ran(&[]);
    repo.write("src/b.txt", "d\n");
    runs(&repo);
    repo.write("src/skip/y.txt", "no input\n");
    repo.write("src/ignored.txt", "ignored by git\n");
    repo.write("README", "no input\n");
    rests(&repo);
    runs(&repo.env("CALLER", "me"));
    runs(&repo.env("CALLER", ""));
    rests(&repo.env("CALLER", "").env("TOKEN", "s3cret-1").env("EDITOR", "vi").env("OTHER", "x"));
    repo.write("tasks.kdl", &TASKS.replace("loud", "quiet"));
    runs(&repo);
    fs::remove_file(repo.path("src/b.txt")).unwrap();
    repo.write("tasks.kdl", TASKS);
    // What was made before with the same inputs comes back.
    repo.run("upper").success().restored(&["upper"]);
    assert_eq!(repo.read("out/upper.txt"), "ABC\n");
}

#[test]
fn of_many_tasks_only_those_are_looked_at_whose_files_have_changed_and_nothing_that_has_is_missed() {
    let task = |name: &str, from: &str| {
        format!(
            "task \"{name}\" {{ inputs \"{from}\"; outputs \"out/{name}\"; run \"cp\" \"-f\" \"{from}\" \"out/{name}\" }}\n"
        )
    };
    let kdl = [task("a", "src/a"), task("b", "src/b"), task("c", "out/b"), task("d", "out/a")].concat();
    let maybe = "task \"e\" { cache; inputs \"src/maybe\"; after \"a\"; run \"true\" }\n";
    let kdl = format!("{kdl}{maybe}task \"every\" {{ after \"c\" \"d\" \"e\" }}\n");
    let repo = Monorepo::new().tasks_kdl(&kdl);
    for (path, text) in [("src/a", "1"), ("src/b", "1"), ("out/keep", ""), (".gitignore", "out/\n")] {
        repo.write(path, text);
    }
    let runs = |tasks: &[&str]| {
        repo.run("-j1 every").success().ran(tasks);
        repo.run("-j1 every").success().ran(&[]).fresh(&["a", "b", "c", "d", "e", "every"]);
    };
    runs(&["a", "d", "e", "b", "c"]);
    repo.write("src/b", "2");
    runs(&["b", "c"]);
    // As long as before, with the old time, a moment after envloom has looked.
    let modified = fs::metadata(repo.path("src/a")).unwrap().modified().unwrap();
    repo.write("src/a", "2");
    fs::File::options().write(true).open(repo.path("src/a")).unwrap().set_modified(modified).unwrap();
    runs(&["a", "d"]);
    // Another file of the same bytes is no change; a link to others is one.
    fs::remove_file(repo.path("src/a")).unwrap();
    repo.write("src/other", "2");
    std::os::unix::fs::symlink("other", repo.path("src/a")).unwrap();
    runs(&[]);
    repo.write("src/other", "3");
    runs(&["a", "d"]);
    repo.write("src/maybe", "");
    runs(&["e"]);
    // Many changes between two calls; a lost output comes back.
    repo.write("src/b", "7");
    fs::remove_file(repo.path("out/a")).unwrap();
    repo.run("-j1 every").success().ran(&["b", "c"]).restored(&["a"]);
    assert_eq!((repo.read("out/c"), repo.read("out/d")), ("7".to_owned(), "3".to_owned()));
    // Equal in meaning; then not, and back again.
    repo.write("tasks.kdl", &format!("// the same\n{kdl}"));
    runs(&[]);
    repo.write("tasks.kdl", &kdl.replace("\"-f\" \"src/b\"", "\"-f\" \"src/a\""));
    runs(&["b", "c"]);
    repo.write("tasks.kdl", &kdl);
    repo.run("-j1 every").success().ran(&[]).restored(&["b", "c"]);
    assert_eq!(repo.read("out/c"), "7");
    // A run that fails leaves nothing that the next one could be wrong by.
    repo.write("src/a", "4");
    repo.write("tasks.kdl", &kdl.replace("\"-f\" \"out/b\"", "\"-f\" \"out/none\""));
    repo.run("-k -j1 every").code(1).failed(&["c"]).ran(&["a", "d"]);
    repo.write("tasks.kdl", &kdl);
    runs(&[]);
    assert_eq!(repo.read("out/d"), "4");
}

#[test]
fn a_lost_or_edited_output_comes_back_with_its_mode_and_the_log_is_said_again() {
    let repo = repo();
    repo.run("upper").success();
    repo.write("out/upper.txt", "edited\n");
    let ran = repo.run("upper").success().restored(&["upper"]);
    insta::assert_snapshot!(ran.output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    made loud
    ----- stderr -----
    > upper: sh -c 'mkdir -p out; cat src/*.txt | tr a-z A-Z > out/upper.txt; chmod 750 out/upper.txt; echo made $MODE $CALLER'  (from the store)
    ↺ upper  restored  (out/upper.txt was changed since)
    restored 1 in [TIME]
    ");
    fs::remove_file(repo.path("out/upper.txt")).unwrap();
    repo.run("upper").success().restored(&["upper"]);
    assert_eq!(repo.read("out/upper.txt"), "ABC\n");
    let mode = fs::metadata(repo.path("out/upper.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o750);
    repo.run("upper").success().fresh(&["upper"]);
}

#[test]
fn what_changed_is_told_by_name() {
    let repo = repo();
    repo.run("upper").success();
    repo.write("src/a.txt", "xyz\n");
    repo.write("src/b.txt", "new\n");
    let said = repo.run("explain upper").success().text();
    assert!(said.contains("2 things changed"), "{said}");
    assert!(said.contains("\n  src/a.txt: ") && said.contains("\n  src/b.txt: added "), "{said}");
    insta::assert_snapshot!(repo.env("CALLER", "me").run("-n upper").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ~ upper  would run  (src/a.txt: [COMMIT] -> [COMMIT] (and 2 more))
    would run 1 in [TIME]
    ");
}

#[test]
fn nothing_is_kept_of_a_failure_of_given_words_or_of_inputs_that_moved() {
    let repo = Monorepo::new().tasks_kdl(
        r#"
task "fails" { inputs "in"; outputs "out"; shell "echo x > out; exit 3" }
task "words" { inputs "in"; outputs "out2"; run "sh" "-c" "echo $0 > out2" }
task "moves" { inputs "in"; outputs "out3"; shell "cp in out3; echo more >> in" }
task "full" { inputs "tasks.kdl"; outputs "out4"; shell "echo 'No space left on device'; touch out4" }
task "lazy" { inputs "in"; outputs "out5"; run "true" }
"#,
    );
    repo.write("in", "1\n");
    for _ in 0..2 {
        repo.run("fails").code(1).failed(&["fails"]);
        repo.run("words -- a").success().ran(&["words"]);
        repo.run("full").success().ran(&["full"]);
        repo.run("lazy").success().ran(&["lazy"]);
        repo.run("moves").success().ran(&["moves"]);
    }
    insta::assert_snapshot!(repo.run("moves").output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    > moves: sh -c 'cp in out3; echo more >> in'
    warning: moves: in changed while it ran, so nothing is kept
      help: run the same command again
    ✓ moves  ran in [TIME]  (no record of it here)
    ran 1 in [TIME]
    ");
    insta::assert_snapshot!(repo.run("full").output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    No space left on device
    ----- stderr -----
    > full: sh -c "echo 'No space left on device'; touch out4"
    warning: full: it printed "No space left on device", so nothing is kept
      help: make room, and run it again
    ✓ full  ran in [TIME]  (no record of it here)
    ran 1 in [TIME]
    "#);
    insta::assert_snapshot!(repo.run("lazy").output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    > lazy: true
    warning: lazy: it did not make its output `out5`, so nothing is kept
    ✓ lazy  ran in [TIME]  (no record of it here)
    ran 1 in [TIME]
    ");
}

#[test]
fn worktrees_of_one_repository_share_what_was_made() {
    let repo = repo();
    repo.commit("start");
    repo.run("upper").success().ran(&["upper"]);
    repo.git(&["worktree", "add", "-q", "../other"]);
    let other = repo.in_dir("../other");
    other.run("upper").success().restored(&["upper"]);
    assert_eq!(fs::read_to_string(repo.path("../other/out/upper.txt")).unwrap(), "ABC\n");
}

#[test]
fn a_generator_under_check_must_not_change_what_is_committed() {
    let tasks =
        "task \"gen\" { check; inputs \"in\"; outputs \"gen.py\"; shell \"sed s/^/v=/ in > gen.py\" }\n";
    let repo = Monorepo::new().tasks_kdl(tasks);
    repo.write("in", "1\n2\n");
    repo.run("gen").success().ran(&["gen"]);
    assert_eq!(repo.read("gen.py"), "v=1\nv=2\n");
    // Nobody has committed it.
    insta::assert_snapshot!(repo.run("--locked gen").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    > gen: sh -c 'sed s/^/v=/ in > gen.py'
    ✗ gen  failed
    error[envloom::exec::not_committed]: what `gen` makes is not committed: gen.py; at gen.py:1:
    + v=1
    + v=2
    help: commit what `envloom gen --no-locked` makes
    failed 1 in [TIME]
    ");
    repo.commit("generated");
    repo.run("--locked gen").success().fresh(&["gen"]);
    repo.run("--locked -B gen").success();
    repo.write("in", "1\n3\n");
    insta::assert_snapshot!(repo.run("--locked gen").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    > gen: sh -c 'sed s/^/v=/ in > gen.py'
    ✗ gen  failed
    error[envloom::exec::not_as_committed]: `gen` would change gen.py; at gen.py:2:
    - v=2
    + v=3
    help: run `envloom gen --no-locked` and commit what it makes
    failed 1 in [TIME]
    ");
    assert_eq!(repo.read("gen.py"), "v=1\nv=2\n");
    repo.run("gen").success();
    assert_eq!(repo.read("gen.py"), "v=1\nv=3\n");
    // It is up to date in the tree, and the commit is not.
    insta::assert_snapshot!(repo.run("--locked gen").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    > gen: sh -c 'sed s/^/v=/ in > gen.py'
    ✗ gen  failed
    error[envloom::exec::not_committed]: what `gen` makes is not committed: gen.py; at gen.py:2:
    - v=2
    + v=3
    help: commit what `envloom gen --no-locked` makes
    failed 1 in [TIME]
    ");
    repo.git(&["add", "gen.py"]).success();
    repo.run("--locked -B gen").code(1).stderr_has("envloom::exec::not_committed");
    repo.commit("generated").run("--locked gen").success().fresh(&["gen"]);
    // The store knows what was made of this, and puts nothing over what is committed.
    repo.write("in", "1\n2\n");
    repo.run("--locked gen").code(1).stderr_has("would change gen.py");
    assert_eq!(repo.read("gen.py"), "v=1\nv=3\n");
}

#[test]
fn touch_what_if_and_old_file_mean_what_they_mean_to_make() {
    let repo = repo();
    repo.run("upper").success();
    // As if it had changed: it runs, and the one behind it sees the same output.
    repo.run("-W src/a.txt upper").success().ran(&["upper"]);
    repo.run("-n -W src/skip/x.txt upper").success().ran(&[]);
    repo.run("upper").success().fresh(&["upper"]);
    // As if it had not.
    repo.write("src/a.txt", "changed\n");
    repo.run("-o src/a.txt upper").success().fresh(&["upper"]);
    repo.in_dir("src").run("--old-file a.txt upper").success().fresh(&["upper"]);
    assert_eq!(repo.read("out/upper.txt"), "ABC\n");
    // What is there counts as made.
    insta::assert_snapshot!(repo.run("-t upper").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ✓ upper  touched, not run  (src/a.txt: [COMMIT] -> [COMMIT])
    touched 1 in [TIME]
    ");
    repo.run("upper").success().fresh(&["upper"]);
    assert_eq!(repo.read("out/upper.txt"), "ABC\n");
    insta::assert_snapshot!(repo.run("-t always").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ✓ always  not run; it is never up to date
    touched 1 in [TIME]
    ");
    insta::assert_snapshot!(locked_touch(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--what-if` says nothing to this call
    help: it belongs to own tasks
    ");
}

/// `-t` lets no frozen sync, and nothing else of envloom's own, pass for done.
fn locked_touch() -> String {
    let repo = crate::support::Monorepo::new().tasks_kdl(
        "project \"p\" { requires-python \">=3.9\" }\nenvironment \"dev\" { manifest \"pyproject.toml\" }\n",
    );
    repo.run("-t generate").success().ran(&["generate:dev"]);
    repo.run("-W x generate").code(2).output_snapshot()
}

#[test]
fn what_was_touched_is_known_to_this_working_tree_alone() {
    let repo = repo();
    repo.commit("start");
    repo.git(&["worktree", "add", "-q", "../other"]);
    let other = repo.in_dir("../other");
    repo.write("out/upper.txt", "by hand\n");
    repo.run("-t upper").success().touched(&["upper"]);
    repo.run("upper").success().fresh(&["upper"]);
    other.run("upper").success().ran(&["upper"]);
    assert_eq!(fs::read_to_string(repo.path("../other/out/upper.txt")).unwrap(), "ABC\n");
    // What the other has made takes nothing away from what was touched here, until that changes.
    repo.replace("tasks.kdl", "task \"always\"", "// a comment\ntask \"always\"");
    repo.run("upper").success().fresh(&["upper"]);
    assert_eq!(repo.read("out/upper.txt"), "by hand\n");
    repo.write("out/upper.txt", "by hand again\n");
    repo.run("upper").success().restored(&["upper"]);
    assert_eq!(repo.read("out/upper.txt"), "ABC\n");
    // Nor does a touch spoil what is in the store.
    repo.write("out/upper.txt", "by hand\n").run("-t upper").success().touched(&["upper"]);
    fs::remove_dir_all(repo.path("../other/out")).unwrap();
    other.run("upper").success().restored(&["upper"]);
    assert_eq!(fs::read_to_string(repo.path("../other/out/upper.txt")).unwrap(), "ABC\n");
}

#[test]
fn words_after_two_dashes_reach_only_the_task_that_was_asked_for() {
    let tasks = "task \"before\" { run \"echo\" \"before\" }\ntask \"main\" { after \"before\"; run \"echo\" \"main\" }\n";
    let ran = Monorepo::new().tasks_kdl(tasks).run("-j1 main -- word").success();
    assert_eq!(ran.stdout(), "before\nmain word\n");
}

#[test]
fn what_another_task_makes_counts_although_git_ignores_it() {
    let repo = Monorepo::new().tasks_kdl(
        r#"
task "one" { inputs "src/**"; outputs "dist/one.txt"; shell "mkdir -p dist; cat src/* > dist/one.txt" }
task "tree" { inputs "src/**"; outputs "dist/tree/**"; shell "mkdir -p dist/tree; cp src/* dist/tree" }
task "report" { inputs "dist/*.txt" "dist/tree/*"; outputs "report"; shell "cat dist/*.txt dist/tree/* > report" }
"#,
    );
    repo.write(".gitignore", "dist/\nreport\n");
    repo.write("src/a", "1\n");
    repo.run("report").success().ran(&["one", "tree", "report"]);
    repo.run("report").success().ran(&[]);
    repo.write("src/a", "2\n");
    repo.run("report").success().ran(&["one", "tree", "report"]);
    assert_eq!(repo.read("report"), "2\n2\n");
    // What nobody makes is no input where git ignores it.
    repo.write("dist/stray.txt", "x\n");
    repo.run("report").success().ran(&[]);
    // What would change is said of those behind it, too.
    repo.write("src/a", "3\n");
    insta::assert_snapshot!(repo.run("-n report").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ~ one  would run  (src/a: [COMMIT] -> [COMMIT])
    ~ tree  would run  (src/a: [COMMIT] -> [COMMIT])
    ~ report  would run  (what it reads is made by a task before it)
    would run 3 in [TIME]
    ");
}

#[test]
fn no_secret_is_kept_by_whatever_way_it_came() {
    let tasks = "task \"leak\" { secret \"TOKEN\"; env \"TOKEN\"; parameter \"P\"; inputs \"tasks.kdl\"; outputs \"out\"; shell \"echo {P} $TOKEN; touch out\" }\n";
    let repo = Monorepo::new().tasks_kdl(tasks);
    let told = repo.env("TOKEN", "s3cret-of-mine");
    let ran = told.run("leak P=s3cret-of-mine").success().ran(&["leak"]);
    assert!(!ran.stdout().contains("s3cret") && !ran.stderr().contains("s3cret"), "{ran}");
    let kept = repo.exec("grep", &["-rl", "s3cret-of-mine", ".", "../cache", "../events"]).code(1);
    assert_eq!(kept.stdout(), "");
}

#[test]
fn someone_s_edit_of_a_file_that_is_input_and_output_is_never_overwritten_by_the_store() {
    let tasks = "task \"fmt\" { inputs \"src/**\"; outputs \"src/**\"; shell \"sed -i s/a/b/ src/f\" }\n";
    let repo = Monorepo::new().tasks_kdl(tasks);
    repo.write("src/f", "a\n");
    repo.run("fmt").success();
    repo.write("src/f", "a mine\n");
    repo.run("fmt").success().ran(&["fmt"]);
    assert_eq!(repo.read("src/f"), "b mine\n");
}

#[test]
fn what_a_task_comes_after_counts_also_where_it_names_no_inputs() {
    let repo = Monorepo::new().tasks_kdl(
        r#"
task "gen" { env "GV"; inputs "tasks.kdl"; outputs "gen.txt"; shell "echo $GV > gen.txt" }
task "copy" { after "gen"; outputs "used"; run "cp" "gen.txt" "used" }
"#,
    );
    repo.write(".gitignore", "gen.txt\nused\n");
    repo.env("GV", "1").run("copy").success().ran(&["gen", "copy"]);
    repo.env("GV", "2").run("copy").success().ran(&["gen", "copy"]);
    assert_eq!(repo.read("used"), "2\n");
}

#[test]
fn variables_that_often_shape_a_result_are_in_the_key() {
    let repo = Monorepo::new()
        .tasks_kdl("task \"t\" { inputs \"tasks.kdl\"; outputs \"out\"; shell \"date +%Z > out\" }\n");
    repo.env("TZ", "UTC").run("t").success().ran(&["t"]);
    repo.env("TZ", "UTC").run("t").success().ran(&[]);
    repo.env("TZ", "Asia/Tokyo").run("t").success().ran(&["t"]);
    repo.env("TZ", "Asia/Tokyo").env("PASSED_BY", "x").run("t").success().ran(&[]);
}

#[test]
fn no_two_tasks_share_a_log() {
    let tasks = "task \"t\" { matrix { a \"s\" }; run \"echo\" \"cell\" }\ntask \"t-s\" { run \"echo\" \"task\" }\ntask \"lock-dev\" { run \"true\" }\n";
    let repo = Monorepo::new().tasks_kdl(tasks);
    repo.run("-j2 t t-s lock-dev").success();
    assert_eq!(
        (repo.read(".envloom/logs/t+s.log"), repo.read(".envloom/logs/t-s.log")),
        ("cell\n".into(), "task\n".into())
    );
    assert!(repo.exists(".envloom/logs/lock-dev+.log"));
}

#[test]
fn what_lies_behind_a_link_is_no_output_and_an_input_only_by_its_name() {
    let tasks = "task \"t\" { inputs \"data/x\"; outputs \"build/**\"; shell \"cat data/x > build/y\" }\n";
    let repo = Monorepo::new().tasks_kdl(tasks);
    repo.write("real/x", "1\n").write("real2/keep", "\n");
    std::os::unix::fs::symlink("real", repo.path("data")).unwrap();
    std::os::unix::fs::symlink("real2", repo.path("build")).unwrap();
    repo.run("t").success().ran(&["t"]).stderr_has("its outputs lie behind the link `build`");
    let tasks = "task \"t\" { inputs \"data/x\"; outputs \"y\"; shell \"cat data/x > y\" }\n";
    repo.tasks_kdl(tasks);
    repo.run("t").success().ran(&["t"]);
    repo.write("real/x", "2\n");
    repo.run("t").success().ran(&["t"]);
}

/// Each source makes a file of its name.
const SPREAD: &str = r#"
task "spread" {
    inputs "src/*"
    outputs "out/**"
    shell "for f in src/*; do n=$(basename $f); mkdir -p out/$n; cp $f out/$n/text; done"
}
"#;

#[test]
fn what_an_earlier_run_made_is_not_kept_as_what_this_one_made() {
    let repo = Monorepo::new().tasks_kdl(SPREAD);
    repo.write(".gitignore", "out/\n").write("src/a", "a\n").write("src/b", "b\n");
    repo.run("spread").success().ran(&["spread"]);
    fs::remove_file(repo.path("src/b")).unwrap();
    repo.run("spread").success().ran(&["spread"]);
    assert!(repo.exists("out/a/text") && !repo.exists("out/b"));
    // Words after `--` keep nothing; what was there before is known all the same.
    repo.write("src/c", "c\n");
    repo.run("spread -- x").success().ran(&["spread"]);
    fs::remove_file(repo.path("src/a")).unwrap();
    repo.run("spread").success().ran(&["spread"]);
    assert!(repo.exists("out/c/text") && !repo.exists("out/a"));
    fs::remove_dir_all(repo.path("out")).unwrap();
    repo.run("spread").success().restored(&["spread"]);
    assert!(repo.exists("out/c/text") && !repo.exists("out/a"));
}

#[test]
fn what_people_put_among_outputs_or_git_tracks_stays_when_the_task_runs_again() {
    let repo = Monorepo::new().tasks_kdl(SPREAD);
    for name in ["a", "b", "c", "d"] {
        repo.write(&format!("src/{name}"), "made\n");
    }
    repo.write("out/mine/text", "mine\n");
    repo.run("spread").success().ran(&["spread"]);
    // Edited, tracked, alone.
    repo.write("out/b/text", "edited\n");
    repo.git(&["add", "-f", "out/c/text"]);
    for name in ["b", "c", "d"] {
        fs::remove_file(repo.path(&format!("src/{name}"))).unwrap();
    }
    repo.run("spread").success().ran(&["spread"]);
    assert_eq!(repo.read("out/mine/text"), "mine\n");
    assert_eq!(repo.read("out/b/text"), "edited\n");
    assert_eq!(repo.read("out/c/text"), "made\n");
    assert!(!repo.exists("out/d"));
}

#[test]
fn a_task_that_rewrites_what_people_wrote_removes_none_of_it() {
    let tasks = "task \"fmt\" { outputs \"src/**\"; shell \"sed -i s/a/b/ src/*; touch src/made\" }\n";
    let repo = Monorepo::new().tasks_kdl(tasks);
    repo.write("src/f", "a\n").write("README", "1\n");
    for text in ["2\n", "3\n"] {
        repo.run("fmt").success().ran(&["fmt"]);
        repo.write("README", text);
    }
    repo.run("fmt").success().ran(&["fmt"]);
    assert_eq!(repo.read("src/f"), "b\n");
}

#[test]
fn inputs_behind_a_linked_directory_are_not_taken_for_unchanged() {
    for inputs in ["\"data/**\"", "\"data\"", "\"data/x\" \"src/*\""] {
        let tasks = format!("task \"t\" {{ inputs {inputs}; outputs \"y\"; shell \"cat data/x > y\" }}\n");
        let repo = Monorepo::new().tasks_kdl(&tasks);
        repo.write("real/x", "1\n");
        std::os::unix::fs::symlink("real", repo.path("data")).unwrap();
        repo.run("t").success().ran(&["t"]);
        let said = "`data` among its inputs is a link to a directory, which hides what is behind it";
        repo.run("t").success().ran(&["t"]).stderr_has(said);
    }
}
