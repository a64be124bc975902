//! Where `import` may write, what it says of what lies around, and a call that was cut off.

use crate::support::{ENVLOOM, Monorepo, Signal};

const APP: &str = "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.10\"\n";

#[test]
fn below_a_tasks_file_nothing_is_nested() {
    let repo = Monorepo::new()
        .write("tasks.kdl", "project \"a\"\nenvironment \"dev\" { manifest \"pyproject.toml\" }\n")
        .write("libs/web/pyproject.toml", APP);
    insta::assert_snapshot!(repo.in_dir("libs/web").run("import").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::tasks_file_above]: [ROOT]/repo/tasks.kdl is there already, and [ROOT]/repo/libs/web lies below it
    help: one tasks.kdl describes a repository: write into that one `environment "web" { manifest "libs/web/pyproject.toml"; adopt }`, or move it away
    "#);
    repo.in_dir("libs").run("init").code(1).stderr_has("projects \"libs/*\"");
    assert!(!repo.exists("libs/web/tasks.kdl") && !repo.exists("libs/tasks.kdl"));
    // A repository of its own, as a submodule is, has one of its own.
    repo.in_dir("libs/web").git(&["init", "--quiet"]).success();
    repo.in_dir("libs/web").run("import").success();
}

#[test]
fn what_lies_outside_of_the_directory_is_said() {
    let repo = Monorepo::new()
        .write("services/app/pyproject.toml", APP)
        .write("libs/core/pyproject.toml", &APP.replace("app", "core"))
        .write("libs/more/pyproject.toml", &APP.replace("app", "more"))
        .commit("as it was");
    insta::assert_snapshot!(repo.in_dir("services").run("import").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    app  app/pyproject.toml  adopted
    adopted: tasks.kdl describes one project, of several environments or at the root, and there is none
    wrote tasks.kdl and envloom.lock
    next:
      envloom list
      envloom lock
      envloom sync:app
    ----- stderr -----
    warning: 2 manifests of this git repository, outside of [ROOT]/repo/services, are left out; to take in all: envloom -C [ROOT]/repo import
    ");
    repo.in_dir("services").run("list").success();
    assert!(!repo.run("import").success().stderr().contains("warning"));
}

#[test]
fn a_member_of_a_workspace_above_is_not_a_project() {
    let repo = Monorepo::new()
        .write("pyproject.toml", &format!("{APP}[tool.uv.workspace]\nmembers = [\"libs/*\"]\n"))
        .write("libs/core/pyproject.toml", &APP.replace("app", "core"))
        .commit("as it was");
    insta::assert_snapshot!(repo.in_dir("libs/core").run("import").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    warning: 1 manifest of this git repository, outside of [ROOT]/repo/libs/core, is left out; to take in all: envloom -C [ROOT]/repo import
    error[envloom::cli::nothing_adoptable]: nothing in [ROOT]/repo/libs/core can be described or adopted:
      pyproject.toml: it is a member of a workspace above, which uv locks as a whole
    help: nothing was written; mend one of them and type the command again
    ");
    repo.in_dir("libs/core").run("init").code(2).stderr_has("nothing_adoptable");
    repo.assert_clean();
}

#[test]
fn what_git_ignores_and_tracks_all_the_same_is_imported() {
    let repo = Monorepo::new().write(".gitignore", "/build/\n").write("build/app/pyproject.toml", APP);
    repo.git(&["add", "--force", "build"]).success();
    let repo = repo.write("build/other/pyproject.toml", APP).commit("as it was");
    let ran = repo.run("import").success();
    assert!(ran.stdout().starts_with("app  build/app/pyproject.toml  adopted\n"), "{ran}");
    assert!(!ran.stdout().contains("other"), "{ran}");
}

#[test]
fn where_nothing_can_be_adopted_nothing_is_written() {
    let repo = Monorepo::new()
        .write("a/pyproject.toml", "[project\n")
        .write("b/pyproject.toml", "[project]\nname = \"b\"\nversion = \"1\"\n[tool.uv]\nmanaged = false\n")
        .write("c/pyproject.toml", "[project]\nname = \"c\"\nversion = \"1\"\n[project.optional-dependencies]\nnone = []\nother = []\n[tool.uv]\nconflicts = [[{ extra = \"none\" }, { extra = \"other\" }]]\n")
        .write("Makefile", "test:\n\ttrue\n")
        .commit("as it was");
    insta::assert_snapshot!(repo.run("import").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::nothing_adoptable]: nothing in [ROOT]/repo can be described or adopted:
      c/pyproject.toml: the cells `c@none` and `c@none` would both be called `c-none`
      a/pyproject.toml: it is no TOML
      b/pyproject.toml: it says `tool.uv.managed = false`
    help: nothing was written; mend one of them and type the command again
    ");
    repo.run("init").code(2);
    repo.remove("c/pyproject.toml").commit("without");
    repo.run("import").code(2).stderr_has("a/pyproject.toml: it is no TOML");
    repo.assert_clean();
}

#[test]
fn groups_that_include_others_are_said_once() {
    let groups = "[dependency-groups]\nlint = [\"ruff\"]\ndev = [{ include-group = \"lint\" }]\nci = [{ include-group = \"lint\" }]\n";
    let repo = Monorepo::new()
        .index("pypi", &[("ruff", "0.12.0")])
        .write("pyproject.toml", &format!("{APP}{groups}"))
        .commit("as it was");
    let said = "pyproject.toml: groups include others (include-group), which tasks.kdl has no word for: they go on doing so";
    let ran = repo.run("import").success();
    assert!(ran.stdout().contains(said), "{ran}");
    for line in ["generate", "lock", "check", "absorb dev"] {
        let ran = repo.run(line).success();
        assert!(!ran.stderr().contains("include-group"), "{ran}");
    }
    // Another environment with the same group lacks it.
    repo.write(
        "tasks.kdl",
        &repo.read("tasks.kdl").replace(
            "default \"check\"",
            "environment \"prod\" { manifest \"prod/pyproject.toml\"; groups \"dev\" }\ndefault \"check\"",
        ),
    );
    repo.run("generate:dev")
        .success()
        .stderr_has("dependency-groups.dev[include-group:lint] is not in tasks.kdl");
}

#[test]
fn cut_off_at_any_moment_it_is_completed_by_the_next_call() {
    let manifest = format!("{APP}dependencies = [\"tqdm\"]\n");
    let begun = || {
        Monorepo::new()
            .index("pypi", &[("tqdm", "4.67.1")])
            .write("pyproject.toml", &manifest)
            .commit("as it was")
    };
    let whole = begun();
    whole.run("import").success();
    let mut moments = [0, 0];
    for at in 1.. {
        let repo = begun();
        let inject = format!("inject=rename,renameat,renameat2:signal=KILL:when={at}");
        let ran = repo.exec("strace", &["-f", "-qq", "-o", "/dev/null", "-e", &inject, ENVLOOM, "import"]);
        if ran.exit_code() == Some(0) {
            break;
        }
        ran.killed_by(Signal::KILL);
        assert!(!repo.exists("envloom.lock") || repo.exists("tasks.kdl"), "{at}");
        moments[usize::from(repo.exists("tasks.kdl"))] += 1;
        let next = if repo.exists("tasks.kdl") { "generate" } else { "import" };
        repo.run(next).success();
        assert_eq!(repo.read("tasks.kdl"), whole.read("tasks.kdl"), "{at}");
        assert_eq!(repo.read("envloom.lock"), whole.read("envloom.lock"), "{at}");
        assert_eq!(repo.read("pyproject.toml"), manifest, "{at}");
        assert_eq!(repo.status(), "?? envloom.lock\n?? tasks.kdl\n", "{at}");
        repo.run("lock check").success();
    }
    // It was cut off before and after the first of the two files.
    assert!(moments.iter().all(|count| *count > 0), "{moments:?}");
}
