//! Adopted manifests: locked, checked and synced, and never written.

use crate::support::{Monorepo, Package};

/// A project that is no package.
fn project(name: &str, rest: &str) -> String {
    format!(
        "[project]\nname = \"{name}\"   # ours\nversion = \"1\"\nrequires-python = \">=3.9\"\n{rest}\n[tool.uv]\npackage = false\n"
    )
}

/// Two projects in `libs/` and one elsewhere, with an index to lock from.
fn libs() -> Monorepo {
    Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("ruff", "0.4.2")])
        .write("libs/one/pyproject.toml", &project("one", "dependencies = ['tqdm']"))
        .write(
            "libs/Two_Two/pyproject.toml",
            &project("two", "dependencies = []\n[dependency-groups]\ndev = ['ruff']"),
        )
        .write("libs/notes/README.md", "no project")
        .write("app/pyproject.toml", &project("app", "dependencies = ['tqdm']"))
        .tasks_kdl("environment \"app\" { manifest \"app/pyproject.toml\"; adopt }\nprojects \"libs/*\"\n")
}

#[test]
fn what_exists_is_locked_checked_and_synced_and_never_written() {
    let repo = libs().commit("as it was");
    let manifests =
        || ["app", "libs/one", "libs/Two_Two"].map(|at| repo.read(&format!("{at}/pyproject.toml")));
    let before = manifests();
    insta::assert_snapshot!(repo.run("list").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    app                      app/pyproject.toml (adopted)
    two_two                  libs/Two_Two/pyproject.toml (adopted)
    one                      libs/one/pyproject.toml (adopted)
    TASK:ENVIRONMENT         generate lock check verify sync; sync:ENVIRONMENT@CELL
    ----- stderr -----
    ");
    repo.run("lock").success().ran(&["lock:app", "lock:one", "lock:two_two"]);
    repo.run("check verify").success().ran(&["verify:app", "verify:one", "verify:two_two"]);
    repo.run("sync:*").success().ran(&["sync:app", "sync:one", "sync:two_two"]);
    assert!(repo.exists("libs/one/.venv/lib") && repo.exists("app/.venv/lib"));
    repo.run("check verify sync:*").success().ran(&[]);
    // As `uv sync` would, a sync installs the groups that the manifest has by default.
    assert!(repo.exec("libs/Two_Two/.venv/bin/python", &["-c", "import ruff"]).exit_code() == Some(0));
    assert_eq!(manifests(), before);
    let changed: Vec<String> = repo.status().lines().map(str::to_owned).collect();
    assert_eq!(changed, ["?? app/uv.lock", "?? libs/Two_Two/uv.lock", "?? libs/one/uv.lock"]);
    // Where all are meant there is nothing to do; who names one is mistaken.
    repo.run("generate").success().ran(&[]);
    insta::assert_snapshot!(repo.run("generate:app").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::adopted_manifest]: there is nothing to generate for `app`: its manifest is adopted
     --> command line:1:9
    1 | envloom generate:app
      |         ^^^^^^^^^^^^ never written by envloom
    help: edit the manifest itself; `lock:app` locks it, `check:app` compares it with its lockfile
    ");
    insta::assert_snapshot!(repo.run("graph sync:app check:one").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    lock:app
    sync:app <- lock:app
    check:one
    ----- stderr -----
    ");
}

#[test]
fn a_stale_lockfile_and_a_manifest_that_is_gone_fail_their_own_tasks_only() {
    let repo = libs();
    repo.run("lock").success();
    repo.replace("libs/one/pyproject.toml", "['tqdm']", "['tqdm', 'ruff']");
    repo.run("-k check").code(1).failed(&["check:one"]);
    let explained = repo.run("explain check:one").success();
    assert!(
        explained.stdout().contains("libs/one/pyproject.toml: project.dependencies[ruff]"),
        "{explained}"
    );
    repo.write("libs/one/pyproject.toml", "[project\n").remove("app");
    let ran = repo.run("-k check verify:app sync:app").code(1);
    insta::assert_snapshot!(ran.failed(&["check:one", "lock:app"]).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ lock:app  failed
    error[envloom::plan::no_manifest]: there is no app/pyproject.toml, which app adopts
    help: write it, check out the submodule it lies in, or delete the environment; envloom writes no adopted manifest
    ✗ check:one  failed after [TIME]
        warning: Failed to parse `pyproject.toml` during settings discovery:
          TOML parse error at line 1, column 9
            |
          1 | [project
            |         ^
          unclosed table, expected `]`

        error: Failed to parse: pyproject.toml
          cause: TOML parse error at line 1, column 9
                   |
                 1 | [project
                   |         ^
                 unclosed table, expected `]`
    error[envloom::plan::stale_lockfile]: libs/one/pyproject.toml and libs/one/uv.lock do not agree
    help: type `envloom lock:one` and commit what it writes; what uv said stands above
      to repeat: UV_PYTHON=[PYTHON-3.13] [UV-PROGRAM] lock --directory libs/one --check
      directory: [ROOT]/repo
      log: [ROOT]/repo/.envloom/logs/check-one.log

    failed:
      ✗ lock:app: there is no app/pyproject.toml, which app adopts
      ✗ check:one: uv exited with status 2
        to repeat: UV_PYTHON=[PYTHON-3.13] [UV-PROGRAM] lock --directory libs/one --check
        log: [ROOT]/repo/.envloom/logs/check-one.log
    skipped: check:app, verify:app, sync:app
    up to date 1, failed 2, skipped 3 in [TIME]
    ");
}

#[test]
fn a_new_directory_is_seen_by_a_call_that_was_fresh() {
    let repo = libs();
    repo.run("lock").success();
    repo.run("check").success().ran(&[]);
    repo.run("check").success().ran(&[]).fresh(&["check:app", "check:one", "check:two_two"]);
    repo.write("libs/three/pyproject.toml", &project("three", ""));
    repo.run("check").code(1).failed(&["check:three"]);
    repo.run("lock:three").success();
    repo.run("check").success();
    // A second name of a directory is no second project.
    std::os::unix::fs::symlink("one", repo.path("libs/again")).unwrap();
    repo.run("check").success().fresh(&["check:app", "check:one", "check:three", "check:two_two"]);
    // A directory that was there gets a manifest, and one loses it.
    repo.write("libs/notes/pyproject.toml", &project("notes", "")).remove("libs/three");
    repo.run("check").code(1).failed(&["check:notes"]);
}

#[test]
fn two_directories_of_one_name_are_shown_both() {
    let repo = libs()
        .write("tools/one/pyproject.toml", &project("other", ""))
        .write("libs/app/pyproject.toml", &project("app-lib", ""))
        .tasks_kdl(
            "environment \"app\" { manifest \"app/pyproject.toml\"; adopt }\nprojects \"libs/*\" \"tools/*\"\n",
        );
    insta::assert_snapshot!(repo.run("check").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 2 mistakes

    error[envloom::model::same_project]: libs/app/pyproject.toml and app/pyproject.toml would both be environment `app`
     --> tasks.kdl:1:13
    1 | environment "app" { manifest "app/pyproject.toml"; adopt }
      |             ^^^^^ app/pyproject.toml
     --> tasks.kdl:2:10
    2 | projects "libs/*" "tools/*"
      |          ^^^^^^^^ libs/app/pyproject.toml
    help: declare one by another name, `environment "…" { manifest "libs/app/pyproject.toml"; adopt }`, or leave it out by `except=`

    error[envloom::model::same_project]: tools/one/pyproject.toml and libs/one/pyproject.toml would both be environment `one`
     --> tasks.kdl:2:10
    2 | projects "libs/*" "tools/*"
      |          ^^^^^^^^ libs/one/pyproject.toml
     --> tasks.kdl:2:19
    2 | projects "libs/*" "tools/*"
      |                   ^^^^^^^^^ tools/one/pyproject.toml
    help: declare one by another name, `environment "…" { manifest "tools/one/pyproject.toml"; adopt }`, or leave it out by `except=`
    "#);
    // What is declared is not found a second time, and what is left out is not found.
    repo.tasks_kdl(
        r#"environment "app" { manifest "app/pyproject.toml"; adopt }
environment "tool" { manifest "tools/one/pyproject.toml"; adopt }
projects "libs/*" "tools/*" "libs/one" except="libs/app"
"#,
    );
    insta::assert_snapshot!(repo.run("list").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    app                      app/pyproject.toml (adopted)
    tool                     tools/one/pyproject.toml (adopted)
    two_two                  libs/Two_Two/pyproject.toml (adopted)
    one                      libs/one/pyproject.toml (adopted)
    TASK:ENVIRONMENT         generate lock check verify sync; sync:ENVIRONMENT@CELL
    ----- stderr -----
    ");
}

#[test]
fn members_have_the_lockfile_of_their_root_and_nested_roots_their_own() {
    let repo = Monorepo::new()
        .write(
            "work/pyproject.toml",
            &(project("work", "")
                + "[tool.uv.workspace]\nmembers = [\"libs/*\"]\nexclude = [\"libs/out\"]\n"),
        )
        .write("work/libs/in/pyproject.toml", &project("in", ""))
        .write("work/libs/out/pyproject.toml", &project("out", ""))
        .write(
            "work/libs/off/pyproject.toml",
            "[project]\nname = \"off\"\nversion = \"1\"\n[tool.uv]\nmanaged = false\n",
        )
        .write("work/libs/nested/pyproject.toml", &(project("nested", "") + "[tool.uv.workspace]\n"));
    repo.tasks_kdl("projects \"work\" \"work/libs/*\"\n");
    repo.run("lock").code(1);
    repo.replace("work/pyproject.toml", "[\"libs/out\"]", "[\"libs/out\", \"libs/nested\"]");
    repo.run("lock").success();
    repo.run("check").success().ran(&[]).fresh(&["check:work", "check:out", "check:nested"]);
    let locks = ["work", "work/libs/out", "work/libs/nested"].map(|at| repo.exists(&format!("{at}/uv.lock")));
    assert_eq!(locks, [true; 3]);
    assert!(!repo.exists("work/libs/in/uv.lock"));
    repo.tasks_kdl(
        "projects \"work/libs/*\"\nenvironment \"i\" { manifest \"work/libs/in/pyproject.toml\"; adopt }\n",
    );
    insta::assert_snapshot!(repo.run("check").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 1 mistake

    error[envloom::model::workspace_member]: work/libs/in/pyproject.toml is a member of the workspace in work, whose lockfile is its lockfile too
     --> tasks.kdl:2:28
    2 | environment "i" { manifest "work/libs/in/pyproject.toml"; adopt }
      |                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ no lockfile of its own
    help: adopt the root: `environment "…" { manifest "work/pyproject.toml"; adopt }`
    "#);
}

#[test]
fn path_sources_in_a_circle_are_inputs_and_no_edges() {
    let source = |name: &str, other: &str| {
        format!(
            "[project]\nname = \"{name}\"\nversion = \"1\"\nrequires-python = \">=3.9\"\ndependencies = [\"{other}\"]\n\n[tool.uv]\npackage = false\n\n[tool.uv.sources]\n{other} = {{ path = \"../{other}\" }}\n"
        )
    };
    let repo = Monorepo::new()
        .write("a/pyproject.toml", &source("a", "b"))
        .write("b/pyproject.toml", &source("b", "c"))
        .write("c/pyproject.toml", &source("c", "a"))
        .tasks_kdl("projects \"[abc]\"\n");
    repo.run("lock").success().ran(&["lock:a", "lock:b", "lock:c"]);
    repo.run("check sync:*").success().ran(&["sync:a", "sync:b", "sync:c"]);
    repo.run("check sync:*").success().ran(&[]);
    insta::assert_snapshot!(repo.run("graph check:*").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    check:a
    check:b
    check:c
    ----- stderr -----
    ");
    // What c requires is locked in a's lockfile too.
    repo.replace("c/pyproject.toml", "version = \"1\"", "version = \"2\"");
    repo.run("-k check").code(1).failed(&["check:a", "check:b", "check:c"]);
}

#[test]
fn extras_that_exclude_one_another_are_chosen_from() {
    let repo = Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("tqdm", "4.60.0")])
        .write(
            "app/pyproject.toml",
            &project("app", "[project.optional-dependencies]\nnew = ['tqdm>4.60']\nold = ['tqdm<=4.60']\n")
                .replace(
                    "package = false",
                    "package = false\nconflicts = [[{ extra = 'new' }, { extra = 'old' }]]",
                ),
        )
        .tasks_kdl("environment \"app\" { manifest \"app/pyproject.toml\"; adopt }\n");
    repo.run("lock").success();
    insta::assert_snapshot!(repo.run("sync:app").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::variant_required]: `sync:app` does not say which variant of `extra`
     --> command line:1:9
    1 | envloom sync:app
      |         ^^^^^^^^ no variant chosen
    help: type `sync:app@new`; the choices are new, old, none. A sync without one would remove what the variants supply. They exclude one another by `tool.uv.conflicts` of the adopted manifest
    ");
    repo.run("sync:app@new sync:app@old sync:app@none").success();
    repo.run("sync EXTRA=old").success().ran(&[]);
    let tqdm = |cell: &str| {
        let python = format!(".envloom/venvs/app-{cell}/bin/python");
        repo.exec(&python, &["-c", "import importlib.metadata as m; print(m.version('tqdm'))"])
            .stdout()
            .to_owned()
    };
    assert_eq!((tqdm("new").trim(), tqdm("old").trim()), ("4.67.1", "4.60.0"));
    insta::assert_snapshot!(repo.run("list").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    app                      app/pyproject.toml (adopted, @extra new old)
    TASK:ENVIRONMENT         generate lock check verify sync; sync:ENVIRONMENT@CELL
    ----- stderr -----
    ");
}

#[test]
fn words_that_do_not_go_together_are_shown() {
    let repo = Monorepo::new().tasks_kdl(
        r#"project "p"
environment "a" { manifest "a/pyproject.toml"; adopt; sources "tags" channel="stable"; python "3.12" }
"#,
    );
    insta::assert_snapshot!(repo.run("check").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 2 mistakes

    error[envloom::config::disagree]: an adopted manifest says this itself
     --> tasks.kdl:2:55
    2 | environment "a" { manifest "a/pyproject.toml"; adopt; sources "tags" channel="stable"; python "3.12" }
      |                                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ in this node
    help: delete it; what may stand here is adopt, manifest, sync

    error[envloom::config::disagree]: an adopted manifest says this itself
     --> tasks.kdl:2:88
    2 | environment "a" { manifest "a/pyproject.toml"; adopt; sources "tags" channel="stable"; python "3.12" }
      |                                                                                        ^^^^^^^^^^^^^ in this node
    help: delete it; what may stand here is adopt, manifest, sync
    "#);
    repo.tasks_kdl("projects \"libz/*\" \"../x\"\n");
    insta::assert_snapshot!(repo.run("check").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 2 mistakes

    error[envloom::model::no_projects]: no directory that fits `libz/*` has a pyproject.toml
     --> tasks.kdl:1:10
    1 | projects "libz/*" "../x"
      |          ^^^^^^^^ nothing here
    help: a pattern is of directories, from the repository's root, such as "libs/*"

    error[envloom::model::invalid_path]: `../x` cannot be used: the path leaves the repository
     --> tasks.kdl:1:19
    1 | projects "libz/*" "../x"
      |                   ^^^^^^ refused
    help: write a path inside the repository, relative to its root
    "#);
}

/// A hand-written development manifest over an internal package of the working tree, and what is made from it.
fn derived() -> Monorepo {
    Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("ruff", "0.4.2"), ("rich", "13.0")])
        .add(Package::new("core").path("libs/core").requires("rich>=13").tag("v1.0.0"))
        .write(
            "app/pyproject.toml",
            r#"# by hand
[project]
name = "app"
version = "2.0"
requires-python = ">=3.10"
dependencies = [
    "core",        # ours
    "tqdm>=4",
]

[project.optional-dependencies]
new = ["rich>=13"]
old = []

[dependency-groups]
dev = ["ruff", "tool"]

[tool.uv]
package = false
conflicts = [[{ extra = "new" }, { extra = "old" }, { group = "dev" }], [{ extra = "new" }, { extra = "old" }]]
constraint-dependencies = ["rich<14"]

[tool.uv.sources]
core = { path = "../libs/core", editable = true }
tool = { path = "../tool" }
tqdm = { index = "wheels" }

[[tool.uv.index]]
name = "wheels"
url = "[INDEX]/pypi"
explicit = true
"#,
        )
        .write("app/.python-version", "3.12\n")
        .write(
            "tool/pyproject.toml",
            "[project]\nname = \"tool\"\nversion = \"1\"\n[tool.uv]\npackage = false\n",
        )
        .tasks_kdl(
            r#"package "core" path="libs/core" git="https://git.example.com/core.git"
environment "app" { manifest "app/pyproject.toml"; adopt }
environment "app-prod" { manifest "app/prod/pyproject.toml"; from "app"; sources "tags" channel="stable"; pin "core" "v1.0.0" }
"#,
        )
}

#[test]
fn a_frozen_environment_is_made_from_a_hand_written_one() {
    let repo = derived();
    let by_hand = repo.tree("app");
    repo.run("lock:app-prod").success().ran(&["generate:app-prod", "lock:app-prod"]);
    insta::assert_snapshot!(repo.snapshot("app/prod/pyproject.toml"), @r#"
    # Written by envloom from app/pyproject.toml and tasks.kdl. Edit these and run `envloom generate`; what is added here by hand stays.

    [project]
    name = "app"
    version = "2.0"
    requires-python = ">=3.10"
    dependencies = [
        "core",
        "tqdm>=4",
    ]

    [project.optional-dependencies]
    new = [
        "rich>=13",
    ]
    old = []

    [tool.uv]
    package = false
    conflicts = [
        [{ extra = "new" }, { extra = "old" }],
    ]
    constraint-dependencies = [
        "core",
        "rich<14",
    ]

    [tool.uv.workspace]
    members = []

    [tool.uv.sources]
    core = { git = "https://git.example.com/core.git", tag = "v1.0.0" }
    tqdm = { index = "wheels" }

    [[tool.uv.index]]
    name = "wheels"
    url = "[INDEX]/pypi"
    explicit = true
    "#);
    insta::assert_snapshot!(repo.run("sync:app-prod").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::variant_required]: `sync:app-prod` does not say which variant of `extra`
     --> command line:1:9
    1 | envloom sync:app-prod
      |         ^^^^^^^^^^^^^ no variant chosen
    help: type `sync:app-prod@new`; the choices are new, old, none. A sync without one would remove what the variants supply. They exclude one another by `tool.uv.conflicts` of the adopted manifest
    ");
    repo.run("sync:app-prod@old").success().ran(&["verify:app-prod", "sync:app-prod@old"]);
    assert_eq!(
        repo.exec(".envloom/venvs/app-prod-old-py3.12/bin/python", &["-c", "import core, tqdm"]).exit_code(),
        Some(0)
    );
    repo.run("generate lock:app-prod check:app-prod verify:app-prod").success().ran(&[]);
    repo.remove("app/prod");
    assert_eq!(repo.tree("app"), by_hand);
}

#[test]
fn a_changed_manifest_changes_what_is_made_from_it() {
    let repo = derived();
    repo.run("lock").success();
    repo.replace("app/pyproject.toml", "tqdm>=4\"", "tqdm>=4.60\"");
    insta::assert_snapshot!(repo.run("check:app-prod").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ check:app-prod  failed
    error[envloom::plan::drift]: app/prod/pyproject.toml is not what tasks.kdl says:
      app/prod/pyproject.toml: project.dependencies[tqdm]: "tqdm>=4" -> "tqdm>=4.60"
    help: type `envloom generate:app-prod` and commit what it writes
    failed 1 in [TIME]
    "#);
    repo.run("generate").success().ran(&["generate:app-prod"]);
    assert!(repo.read("app/prod/pyproject.toml").contains("\"tqdm>=4.60\""));
    // What is written is guarded as every generated manifest is.
    repo.replace("app/prod/pyproject.toml", "tqdm>=4.60", "tqdm>=4.61");
    insta::assert_snapshot!(repo.run("generate").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ generate:app-prod  failed
    error: `app/prod/pyproject.toml` is left as it is

    error[envloom::manifest::hand_edit]: `project.dependencies[tqdm]` was edited by hand: it is "tqdm>=4.61"
     --> app/prod/pyproject.toml:9:5
    9 |     "tqdm>=4.61",
      |     ^^^^^^^^^^^^ tasks.kdl:3:1 asks for "tqdm>=4.60"
    help: to keep it, say the same in app/pyproject.toml
          to undo it: envloom generate:app-prod --discard
    failed 1 in [TIME]
    "#);
}

#[test]
fn what_a_frozen_environment_cannot_be_made_from() {
    let repo = derived();
    repo.replace("tasks.kdl", "pin \"core\" \"v1.0.0\"", "groups \"dev\"; pin \"core\" \"v1.0.0\"");
    insta::assert_snapshot!(repo.run("generate").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ generate:app-prod  failed
    error: `app/pyproject.toml` is left as it is

    error[envloom::manifest::from_working_tree]: `tool` comes from the working tree here, and `app-prod` has no release of it
     --> app/pyproject.toml:25:8
    25 | tool = { path = "../tool" }
       |        ^^^^^^^^^^^^^^^^^^^^ no release
    help: declare it in tasks.kdl, `package "tool" path="…" git="…"`, and pin it in environment "app-prod": `pin "tool" "v…"`
    failed 1 in [TIME]
    "#);
    repo.write("app/pyproject.toml", "[project]\nname = \"app\"\ndynamic = [\"version\", \"dependencies\"]\n[dependency-groups]\ndev = []\n");
    insta::assert_snapshot!(repo.run("generate").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ generate:app-prod  failed
    error: `app/pyproject.toml` is left as it is

    error[envloom::manifest::underivable]: no manifest can be made from this one: what it requires only a build can tell
     --> app/pyproject.toml:3:23
    3 | dynamic = ["version", "dependencies"]
      |                       ^^^^^^^^^^^^^^ here
    help: write name and dependencies into [project]; a frozen environment is made of what stands there
    failed 1 in [TIME]
    "#);
    repo.write("app/pyproject.toml", "[tool.uv]\n");
    repo.replace("tasks.kdl", "groups \"dev\"; ", "");
    insta::assert_snapshot!(repo.run("generate").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ generate:app-prod  failed
    error: `app/pyproject.toml` is left as it is

    error[envloom::manifest::underivable]: no manifest can be made from this one: it has no `[project]` with a name
     --> app/pyproject.toml:1:1
    1 | [tool.uv]
      | ^ here
    help: write name and dependencies into [project]; a frozen environment is made of what stands there
    failed 1 in [TIME]
    ");
    repo.remove("app/pyproject.toml");
    insta::assert_snapshot!(repo.run("generate").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ generate:app-prod  failed
    error: `app/pyproject.toml` is left as it is

    error[envloom::manifest::no_origin]: there is no such manifest to make another one from
     --> app/pyproject.toml:1:1
    1 |
      | ^ not there
    help: write it, or correct the `manifest` of environment `app`
    failed 1 in [TIME]
    ");
}

#[test]
fn own_tasks_run_in_adopted_projects_and_over_their_extras() {
    let repo = Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("tqdm", "4.60.0")])
        .write(
            "app/pyproject.toml",
            &project(
                "the-app",
                "[project.optional-dependencies]\nnew = ['tqdm>4.60']\nold = ['tqdm<=4.60']\n",
            )
            .replace(
                "package = false",
                "package = false\nconflicts = [[{ extra = 'new' }, { extra = 'old' }]]",
            ),
        )
        .write("lib/pyproject.toml", &project("the-lib", ""))
        .tasks_kdl(
            r#"projects "app" "lib"
task "where" { matrix { environment "lib" }; after "sync"; shell "echo {project} in $(basename $PWD)" }
task "which" {
    matrix { environment "app"; extra "new" "old" }
    after "sync"
    run "python" "-c" "import importlib.metadata as m; print('{extra}', m.version('tqdm'))"
}
"#,
        );
    repo.run("lock").success();
    let ran = repo.run("where which").success();
    assert!(ran.stdout().contains("the-lib in lib"), "{ran}");
    assert!(ran.stdout().contains("new 4.67.1") && ran.stdout().contains("old 4.60.0"), "{ran}");
    insta::assert_snapshot!(repo.run("graph which").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    lock:app
    sync:app@new <- lock:app
    which:app@new <- sync:app@new
    sync:app@old <- lock:app
    which:app@old <- sync:app@old
    ----- stderr -----
    ");
}

/// An adopted manifest with an extra for each of two indexes, and a frozen one made from it.
fn indexes() -> Monorepo {
    Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("core", "9.9.9")])
        .index("cu124", &[("torch", "2.6.0+cu124")])
        .index("cpu", &[("torch", "2.7.0+cpu")])
        .add(Package::new("core").path("libs/core").tag("v1.0.0"))
        .write(
            "app/pyproject.toml",
            r#"[project]
name = "app"
version = "1"
requires-python = ">=3.10"
dependencies = ["core"]

[project.optional-dependencies]
cu124 = ["torch"]
cpu = ["torch"]

[tool.uv]
package = false
conflicts = [[{ extra = "cu124" }, { extra = "cpu" }]]

[tool.uv.sources]
core = { path = "../libs/core" }
torch = [{ index = "cu124", extra = "cu124" }, { index = "cpu", extra = "cpu" }]

[[tool.uv.index]]
name = "cu124"
url = "[INDEX]/cu124"
explicit = true

[[tool.uv.index]]
name = "cpu"
url = "[INDEX]/cpu"
explicit = true
"#,
        )
        .tasks_kdl(
            r#"package "core" path="libs/core" git="https://git.example.com/core.git"
environment "app" { manifest "app/pyproject.toml"; adopt }
environment "app-prod" { manifest "app/prod/pyproject.toml"; from "app"; sources "tags" channel="stable"; pin "core" "v1.0.0" }
"#,
        )
}

#[test]
fn a_lockfile_that_breaks_what_an_adopted_manifest_says_is_found() {
    let repo = indexes();
    repo.run("lock").success();
    repo.run("verify").success().ran(&["verify:app", "verify:app-prod"]);
    let wrong = |lockfile: &str| {
        // The packages of one index as if they came from the other's.
        let text = repo.read(lockfile).replace("index/cu124\"", "index/cpu\"");
        repo.write(lockfile, &text);
    };
    wrong("app/uv.lock");
    wrong("app/prod/uv.lock");
    let ran = repo.run("-k verify").code(1).failed(&["verify:app", "verify:app-prod"]);
    ran.stderr_has("envloom::ledger::wrong_index");
    // What would take an internal package's name from an index.
    repo.replace("app/pyproject.toml", "core = { path = \"../libs/core\" }\n", "");
    repo.run("-k lock:app verify:app")
        .code(1)
        .failed(&["verify:app"])
        .stderr_has("envloom::ledger::from_index");
}
