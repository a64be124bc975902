//! `--since`, `--affected` and the verb: only what rests on a change.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::Monorepo;

/// `one` and `two` have their own inputs, `three` reads what `one` makes, `every` comes after both.
const TASKS: &str = r#"
task "one" { inputs "one/**"; outputs "out/one"; shell "mkdir -p out; cat one/* > out/one" }
task "two" { inputs "two/*.txt" "!two/not.txt"; outputs "out/two"; shell "mkdir -p out; cat two/*.txt > out/two" }
task "three" { inputs "out/one"; outputs "out/three"; shell "cat out/one > out/three" }
task "every" { after "two" "three"; inputs "none/"; run "true" }
task "free" { inputs "free/"; run "true" }
"#;

fn repo() -> Monorepo {
    let repo = Monorepo::new().tasks_kdl(TASKS);
    repo.write(".gitignore", "out/\n");
    repo.write("one/a", "1\n").write("two/a.txt", "2\n").write("two/not.txt", "no\n").write("free/a", "x\n");
    repo.commit("start");
    repo.git(&["tag", "base"]);
    repo
}

/// What the verb prints of every task.
#[track_caller]
fn affected(repo: &Monorepo) -> String {
    repo.run("affected one two three every free --since base").text().replace('\n', " ")
}

#[test]
fn a_task_is_affected_by_a_changed_an_untracked_and_a_deleted_input_and_by_what_it_waits_for() {
    let repo = repo();
    assert_eq!(affected(&repo), "");
    repo.write("two/not.txt", "other\n").write("README", "no input\n");
    assert_eq!(affected(&repo), "");
    repo.write("two/a.txt", "other\n");
    assert_eq!(affected(&repo), "two every");
    // Committed or not is the same.
    repo.commit("two");
    assert_eq!(affected(&repo), "two every");
    repo.write("free/new", "untracked\n");
    assert_eq!(affected(&repo), "two every free");
    repo.write("two/a.txt", "2\n").remove("free/new").remove("one/a");
    assert_eq!(affected(&repo), "one three every");
    repo.write("one/a", "1\n");
    assert_eq!(affected(&repo), "");
    repo.write(".gitignore", "out/\n*.log\n").write("free/x.log", "ignored by git\n");
    assert_eq!(affected(&repo), "");
}

#[test]
fn both_names_of_a_renamed_file_count() {
    let repo = repo();
    repo.git(&["mv", "one/a", "free/b"]).success();
    assert_eq!(affected(&repo), "one three every free");
}

#[test]
fn only_what_is_affected_runs_with_what_it_needs() {
    let repo = repo();
    repo.write("one/a", "other\n");
    // `every` waits for `two`, which is not affected and was never made.
    let ran = repo.run("one two three every free --since base").success();
    ran.ran(&["one", "three", "two", "every"]).stderr_has("3 of 5 tasks are affected since base");
    repo.run("--since base two").success().ran(&[]);
    insta::assert_snapshot!(repo.run("--since base two").output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    the task is not affected since base ([COMMIT])
    nothing to do ([TIME])
    ");
    insta::assert_snapshot!(repo.run("-n --since base free three").output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    1 of 2 tasks is affected since base ([COMMIT])
    everything up to date (2 tasks, [TIME])
    ");
    // A value for a task that is left out is no mistake, and no compiled plan answers for another state.
    repo.write(
        "tasks.kdl",
        &format!(
            "{TASKS}task \"k\" {{ inputs \"k/\"; parameter \"K\" default=\"x\"; run \"echo\" \"{{K}}\" }}\n"
        ),
    );
    repo.commit("k");
    repo.run("--since HEAD k K=1").success().ran(&[]);
    repo.write("k/a", "1\n");
    repo.run("--since HEAD k K=1").success().ran(&["k"]);
}

#[test]
fn the_verb_says_why_and_answers_as_json() {
    let repo = repo();
    repo.write("one/a", "other\n");
    insta::assert_snapshot!(repo.run("-v affected one two three --since base").output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    one  (one/a changed)
    three  (it comes after one)
    ----- stderr -----
    ");
    insta::assert_snapshot!(repo.run("--json affected one two three --since base").output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    {
      "asked": 3,
      "since": "[COMMIT]",
      "tasks": [
        {
          "because": "one/a changed",
          "task": "one"
        },
        {
          "because": "it comes after one",
          "task": "three"
        }
      ]
    }
    ----- stderr -----
    "#);
}

#[test]
fn of_an_edited_tasks_kdl_only_the_tasks_that_differ_are_affected() {
    let repo = repo();
    repo.replace("tasks.kdl", "cat two/*.txt >", "cat two/*.txt two/not.txt >");
    assert_eq!(affected(&repo), "two every");
    repo.append("tasks.kdl", "default \"one\"\n// a comment\n");
    assert_eq!(affected(&repo), "two every");
    repo.append("tasks.kdl", "uv \">=0.11.6\"\n");
    assert_eq!(affected(&repo), "one two three every free");
    repo.write("tasks.kdl", "task \"broken\" {");
    repo.commit("broken");
    repo.write("tasks.kdl", TASKS);
    assert_eq!(repo.run("affected one two --since HEAD").text(), "one\ntwo");
}

#[test]
fn a_moved_submodule_affects_whoever_reads_below_it() {
    let repo = Monorepo::new().package("foo", &["v0.1.0", "v0.2.0"]).tasks_kdl(
        "task \"foo\" { inputs \"packages/foo/src/**\"; run \"true\" }\ntask \"bar\" { inputs \"packages/bar/\"; run \"true\" }\n",
    );
    repo.commit("start");
    let affected = |repo: &Monorepo| repo.run("affected foo bar --since HEAD").text();
    assert_eq!(affected(&repo), "");
    repo.git(&["-C", "packages/foo", "checkout", "-q", "v0.1.0"]).success();
    assert_eq!(affected(&repo), "foo");
    repo.commit("moved");
    assert_eq!(affected(&repo), "");
    assert_eq!(repo.run("affected foo bar --since HEAD~1").text(), "foo");
    repo.write("packages/foo/new", "untracked in the submodule\n");
    assert_eq!(affected(&repo), "foo");
}

#[test]
fn affected_is_since_the_branch_left_the_default_one() {
    let repo = repo();
    repo.git(&["checkout", "-q", "-b", "work"]).success();
    repo.write("two/a.txt", "mine\n").commit("mine");
    repo.git(&["checkout", "-q", "main"]).success();
    repo.write("one/a", "theirs\n").commit("theirs");
    repo.git(&["checkout", "-q", "work"]).success();
    assert_eq!(repo.run("affected one two free").text(), "two");
    repo.run("--affected one two free").success().ran(&["two"]);
    assert_eq!(repo.run("affected one two free --since main").text(), "one\ntwo");
    repo.git(&["checkout", "-q", "--orphan", "alone"]).success();
    repo.commit("alone");
    insta::assert_snapshot!(repo.run("--affected one").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_merge_base]: HEAD and main have no commit in common
    help: name a revision with `--since REF`
    ");
    repo.git(&["branch", "-D", "main"]).success();
    insta::assert_snapshot!(repo.run("--affected one").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_default_branch]: nothing says which branch is the default one: there is no origin/HEAD, main or master
    help: type `git remote set-head origin --auto`, or name a revision with `--since REF`
    ");
}

#[test]
fn a_revision_that_is_not_there_is_refused_with_the_nearest_name() {
    let repo = repo();
    insta::assert_snapshot!(repo.run("--since bsae one").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::unknown_revision]: `--since bsae`: there is no such revision here
    help: did you mean `base`?
    ");
    repo.run("--since=--output=canary one").code(2);
    assert!(!repo.exists("canary"));
    // A clone that lacks the commit says so.
    let base = repo.git(&["rev-parse", "base"]).text();
    repo.write("one/a", "2\n").commit("two");
    let from = format!("file://{}", repo.path("").display());
    repo.git(&["clone", "-q", "--depth=1", &from, "../shallow"]).success();
    let shallow = repo.in_dir("../shallow");
    insta::assert_snapshot!(shallow.run(&format!("--since {base} one")).code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::unknown_revision]: `--since [COMMIT]`: there is no such revision here
    help: this clone is shallow: type `git fetch --unshallow`, or fetch the revision
    ");
    shallow.git(&["checkout", "-q", "--orphan", "other"]).success();
    shallow.git(&["commit", "-q", "-m", "other"]).success();
    insta::assert_snapshot!(shallow.run("--affected one").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_merge_base]: HEAD and origin/HEAD have no commit in common: this clone is shallow
    help: type `git fetch --unshallow` (in GitHub Actions: `fetch-depth: 0` of actions/checkout)
    ");
    fs::remove_dir_all(repo.path("../shallow/.git")).unwrap();
    shallow.run("--since base one").code(2).stderr_has("envloom::tool::not_a_repository");
}

#[test]
fn revisions_and_targets_are_completed() {
    let repo = repo();
    assert_eq!(repo.run("__complete -- one --since ''").text(), "main\nbase");
    assert_eq!(repo.run("__complete -- affected --since base tw").text(), "two");
    assert_eq!(repo.run("__complete -- watch tw").text(), "two");
}

#[test]
fn a_root_below_the_top_of_the_repository_sees_its_own_paths() {
    let repo = Monorepo::new();
    repo.write("sub/tasks.kdl", TASKS).write("sub/one/a", "1\n").write("one/a", "1\n").commit("start");
    let sub = repo.in_dir("sub");
    repo.write("one/a", "2\n");
    assert_eq!(sub.run("affected one two --since HEAD").text(), "");
    repo.write("sub/one/a", "2\n").replace("sub/tasks.kdl", "inputs \"free/\"", "inputs \"free2/\"");
    assert_eq!(sub.run("affected one two free --since HEAD").text(), "one\nfree");
}

/// Two adopted projects, one of which has the other as a path source, and a workspace.
fn projects() -> Monorepo {
    let project = |name: &str, rest: &str| {
        format!("[project]\nname = \"{name}\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n{rest}\n")
    };
    let repo = Monorepo::new().index("pypi", &[("tqdm", "4.67.1")]);
    repo.write("libs/one/pyproject.toml", &project("one", "dependencies = ['tqdm']"));
    repo.write(
        "libs/two/pyproject.toml",
        &project(
            "two",
            "dependencies = ['one']\n[tool.uv.sources]\none = { path = '../one', editable = true }",
        ),
    );
    repo.write(
        "ws/pyproject.toml",
        &project(
            "ws",
            "dependencies = []\n[tool.uv]\npackage = false\n[tool.uv.workspace]\nmembers = ['members/*']",
        ),
    );
    repo.write("ws/members/m/pyproject.toml", &project("m", "dependencies = []"));
    repo.write("ws/members/n/pyproject.toml", &project("n", "dependencies = []"));
    repo.tasks_kdl(
        "projects \"libs/*\" \"ws\"\ntask \"test\" { matrix { environment \"one\" \"two\" }; after \"sync\"; run \"true\" }\n",
    );
    repo.run("lock").success();
    repo.commit("start")
}

#[test]
fn locks_checks_and_syncs_are_affected_by_what_they_look_at() {
    let repo = projects();
    let affected =
        |words: &str| repo.run(&format!("affected {words} --since HEAD")).text().replace('\n', " ");
    assert_eq!(affected("lock check verify sync:* test"), "");
    repo.write("libs/one/notes.md", "no input\n");
    assert_eq!(affected("lock check verify sync:*"), "");
    assert_eq!(affected("test"), "test:one test:two");
    repo.remove("libs/one/notes.md");
    repo.replace("ws/members/n/pyproject.toml", "version = \"1\"", "version = \"2\"");
    assert_eq!(affected("lock check sync:*"), "lock:ws check:ws sync:ws");
    repo.git(&["checkout", "-q", "."]).success();
    repo.remove("ws/members/n");
    assert_eq!(affected("lock check"), "lock:ws check:ws");
    repo.git(&["checkout", "-q", "."]).success();
    repo.write(
        "ws/members/new/pyproject.toml",
        &repo.read("ws/members/m/pyproject.toml").replace("\"m\"", "\"new\""),
    );
    assert_eq!(affected("lock check"), "lock:ws check:ws");
    repo.remove("ws/members/new");
    // Whoever has it as a path source rests on its manifest.
    repo.replace("libs/one/pyproject.toml", "'tqdm'", "'tqdm>=4'");
    assert_eq!(affected("check"), "check:one check:two");
    assert_eq!(affected("test"), "test:one test:two");
    repo.git(&["checkout", "-q", "."]).success();
    repo.append("libs/two/uv.lock", "\n");
    assert_eq!(affected("check verify sync:* test"), "check:two verify:two sync:two test:two");
}

#[test]
fn a_pin_that_is_moved_affects_its_own_environment() {
    let repo = Monorepo::new()
        .package("foo", &["v0.1.1", "v0.1.2.dev0", "v0.1.2"])
        .tasks_kdl(
            r#"
project "shop" { requires-python ">=3.10" }
package "foo" path="packages/foo" git="file://[ROOT]/remotes/foo.git"
environment "dev" { manifest "pyproject.toml"; sources "workspace" }
environment "prod" { manifest "prod/pyproject.toml"; sources "tags" channel="stable"; pin "foo" "v0.1.2" }
environment "staging" { manifest "staging/pyproject.toml"; sources "tags" channel="dev"; pin "foo" "v0.1.2.dev0" }
"#,
        );
    repo.run("lock").success();
    repo.commit("start");
    let affected =
        |words: &str| repo.run(&format!("affected {words} --since HEAD")).text().replace('\n', " ");
    assert_eq!(affected("generate lock check verify"), "");
    repo.replace("tasks.kdl", "\"v0.1.2\" }", "\"v0.1.1\" }");
    repo.run("lock").success();
    assert_eq!(affected("generate lock check verify"), "generate:prod lock:prod check:prod verify:prod");
    repo.run("--since HEAD check verify").success();
    repo.commit("moved");
    // A workspace reads its members; what comes from tags does not.
    repo.append("packages/foo/pyproject.toml", "# a comment\n");
    assert_eq!(affected("generate lock check verify"), "lock:dev check:dev verify:dev");
}

#[test]
fn without_a_hit_the_verb_says_so_beside_its_data() {
    let repo = repo();
    insta::assert_snapshot!(repo.run("affected one two --since base").output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    none of 2 tasks is affected since base ([COMMIT])
    ");
    let json = repo.run("--json affected one two --since base");
    assert!(json.stdout().contains("\"tasks\": []"), "{json}");
    assert_eq!(json.stderr(), "", "{json}");
    repo.write("one/a", "2\n");
    assert_eq!(repo.run("affected one two --since base").stderr(), "");
}

#[test]
fn what_lies_beside_the_root_in_the_same_repository_counts() {
    let repo = Monorepo::new().index("pypi", &[("tqdm", "4.67.1")]);
    let project = |name: &str, rest: &str| {
        format!("[project]\nname = \"{name}\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n{rest}\n")
    };
    repo.write("libs/one/pyproject.toml", &project("one", "dependencies = []"));
    repo.write(
        "sub/app/pyproject.toml",
        &project(
            "app",
            "dependencies = ['one']\n[tool.uv.sources]\none = { path = '../../libs/one', editable = true }",
        ),
    );
    repo.write(
        "sub/tasks.kdl",
        "environment \"app\" { manifest \"app/pyproject.toml\"; adopt }\n\
         task \"closed\" { matrix { environment \"app\" }; inputs \"@closure\"; run \"true\" }\n\
         task \"plain\" { inputs \"app/**\"; run \"true\" }\n",
    );
    let sub = repo.in_dir("sub");
    sub.run("lock").success();
    repo.commit("start");
    let affected = || sub.run("affected lock check sync closed plain --since HEAD").text().replace('\n', " ");
    assert_eq!(affected(), "");
    repo.write("README.md", "nobody reads it\n").write("libs/two/x", "nor this\n");
    assert_eq!(affected(), "");
    repo.write("libs/one/notes.md", "untracked\n");
    assert_eq!(affected(), "closed:app");
    repo.remove("libs/one/notes.md");
    repo.replace("libs/one/pyproject.toml", "dependencies = []", "dependencies = ['tqdm']");
    assert_eq!(affected(), "lock:app check:app sync:app closed:app");
    insta::assert_snapshot!(sub.run("-v affected lock closed --since HEAD").text(), @r"
    lock:app  (../libs/one/pyproject.toml changed)
    closed:app  (../libs/one/pyproject.toml changed)
    ");
    repo.remove("libs/one/pyproject.toml");
    assert_eq!(affected(), "lock:app check:app sync:app closed:app");
}

#[test]
fn the_python_that_is_pinned_beside_a_manifest_counts_for_the_tasks_of_its_cells() {
    let repo = projects();
    repo.tasks_kdl(
        "projects \"libs/*\" \"ws\"\n\
         task \"test\" { matrix { environment \"one\" \"two\" }; inputs \"none/\"; run \"true\" }\n\
         task \"free\" { inputs \"none/\"; run \"true\" }\n",
    );
    repo.commit("tasks");
    let affected = || repo.run("affected test free --since HEAD").text().replace('\n', " ");
    assert_eq!(affected(), "");
    repo.write("libs/two/.python-version", "3.12\n");
    assert_eq!(affected(), "test:two");
    repo.commit("pinned");
    repo.remove("libs/two/.python-version").write("libs/one/.python-versions", "3.12\n");
    assert_eq!(affected(), "test:one test:two");
}

#[test]
fn what_an_input_leads_to_counts_as_the_input() {
    let repo = Monorepo::new().tasks_kdl(
        "task \"named\" { inputs \"conf/a\"; run \"true\" }\n\
         task \"found\" { inputs \"conf/**\"; run \"true\" }\n\
         task \"way\" { inputs \"way/file\"; run \"true\" }\n\
         task \"free\" { inputs \"free/**\"; run \"true\" }\n",
    );
    repo.write("shared/c", "1\n").write("real/file", "1\n").write("conf/b", "1\n").write("free/x", "1\n");
    symlink("../shared/link", repo.path("conf/a")).unwrap();
    symlink("c", repo.path("shared/link")).unwrap();
    symlink("real", repo.path("way")).unwrap();
    repo.commit("start");
    let affected = || repo.run("affected named found way free --since HEAD").text().replace('\n', " ");
    assert_eq!(affected(), "");
    repo.write("shared/c", "2\n");
    assert_eq!(affected(), "named found");
    repo.remove("shared/c");
    assert_eq!(affected(), "named found");
    repo.write("shared/c", "1\n").write("shared/d", "2\n");
    assert_eq!(affected(), "");
    // A link on the way leads elsewhere.
    repo.remove("shared/link");
    symlink("d", repo.path("shared/link")).unwrap();
    assert_eq!(affected(), "named found");
    repo.git(&["checkout", "-q", "."]).success();
    repo.write("real/file", "2\n");
    assert_eq!(affected(), "way");
    repo.write("real/file", "1\n").write("real2/file", "1\n").remove("way");
    symlink("real2", repo.path("way")).unwrap();
    assert_eq!(affected(), "way");
}
