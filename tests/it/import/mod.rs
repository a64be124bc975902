//! `import` of repositories that were built in different ways: no byte of theirs changes, then or at the next `generate`.

mod place;

use crate::support::{Monorepo, Package};

/// What holds after an import, whatever was imported: `generate` writes nothing of the repository's, `list` and, where
/// there are lockfiles, `check` succeed. The repository is committed before.
#[track_caller]
fn nothing_changes(repo: &Monorepo, is_locked: bool) {
    repo.run("list").success();
    repo.run("generate").success();
    assert_eq!(repo.status(), "?? envloom.lock\n?? tasks.kdl\n");
    if is_locked {
        repo.run("check").success();
        assert_eq!(repo.status(), "?? envloom.lock\n?? tasks.kdl\n");
    }
}

/// Locks with uv in a directory, as the maintainer did.
#[track_caller]
fn uv_lock(repo: &Monorepo, directories: &[&str]) {
    for directory in directories {
        repo.in_dir(directory).uv(&["lock"]).success();
    }
}

/// `[tool.uv]` of the torch variants as uv's guide writes it.
const VARIANTS: &str = r#"
conflicts = [
    [
        { extra = "cpu" },    # no GPU
        { extra = "cu124" },
    ],
]

[[tool.uv.index]]
name = "pytorch-cpu"
url = "[INDEX]/cpu"
explicit = true

[[tool.uv.index]]
name = "pytorch-cu124"
url = "[INDEX]/cu124"
explicit = true
"#;

const TORCH: &str = r#"torch = [
    { index = "pytorch-cpu", extra = "cpu" },
    { index = "pytorch-cu124", extra = "cu124" },
]
"#;

/// Wheels of torch in three indexes, and some more.
fn torch() -> Monorepo {
    Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("ruff", "0.12.0"), ("torch", "2.7.1"), ("pandas", "2.3.0")])
        .index("cpu", &[("torch", "2.7.0+cpu")])
        .index("cu124", &[("torch", "2.6.0+cu124")])
}

/// dev, staging and prod of one project, each written by hand.
fn three_environments() -> Monorepo {
    let repo = torch()
        .add(Package::new("bench-utils").path("packages/bench_utils").tag("v0.1.2.dev0").tag("v0.1.2"))
        .add(Package::new("print-utils").path("packages/print_utils").tag("v0.1.0"));
    let project = |dependencies: &str, rest: &str| {
        format!(
            "[project]\nname = \"vlm-app\"\nversion = \"0.0.3\"\n{rest}\ndependencies = [\n{dependencies}]\n\n[project.optional-dependencies]\ncpu = [\"torch>=2.4\"]\ncu124 = [\"torch>=2.4\"]\n"
        )
    };
    let git = |name: &str| repo.package_url(name);
    let dev = project(
        "    \"tqdm>=4\",     # progress\n    \"bench-utils\",\n    'print-utils>=0.1',\n",
        "requires-python = \">=3.10\"",
    );
    let sources = "\n[tool.uv.workspace]\nmembers = [\"packages/*\"]\n\n[tool.uv.sources]\nbench-utils = { workspace = true }\nprint-utils = { workspace = true }\n";
    let dev = format!(
        "{dev}\n[dependency-groups]\ndev = [\"ruff>=0.4\"]\n{sources}{TORCH}\n[tool.uv]{VARIANTS}\n[tool.ruff]\nline-length = 110\n"
    );
    let tags = |bench: &str, print: &str| {
        format!(
            "\n[tool.uv.sources]\nbench_utils = {{ git = \"{}\", tag = \"{bench}\" }}\nprint-utils = {{ git = \"{}\", tag = \"{print}\" }}\n{TORCH}\n[tool.uv]\npackage = false{VARIANTS}",
            git("bench-utils"),
            git("print-utils")
        )
    };
    let staging = project(
        "    \"tqdm>=4\",\n    \"bench-utils\",\n    \"print-utils\",\n",
        "requires-python = \">=3.10\"",
    ) + &tags("v0.1.2.dev0", "v0.1.0");
    let prod = project(
        "    \"tqdm==4.67.1\",\n    \"pandas\",\n    \"bench-utils\",\n    \"print-utils\",\n",
        "requires-python = \">=3.12\"",
    ) + &tags("v0.1.2", "v0.1.0");
    let repo = repo
        .write("pyproject.toml", &dev)
        .write(".python-version", "3.12\n")
        .write("staging/pyproject.toml", &staging)
        .write("prod/pyproject.toml", &prod)
        .write("Makefile", "test:\n\tpytest\nlint check:\n\truff check\n");
    uv_lock(&repo, &["", "staging", "prod"]);
    repo.commit("as it was")
}

#[test]
fn three_manifests_are_one_project_in_three_environments() {
    let repo = three_environments();
    insta::assert_snapshot!(repo.run("import").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    dev      pyproject.toml  generated
    staging  staging/pyproject.toml  generated
    prod     prod/pyproject.toml  generated
    dev: left as found: 5 entries that envloom would write (project.dependencies[print-utils], tool.uv.package, tool.uv.constraint-dependencies[torch], …); to write them: envloom generate:dev --take-over
    staging: left as found: 4 entries that envloom would write (tool.uv.constraint-dependencies[bench-utils], tool.uv.constraint-dependencies[print-utils], tool.uv.constraint-dependencies[torch], …); to write them: envloom generate:staging --take-over
    prod: left as found: 4 entries that envloom would write (tool.uv.constraint-dependencies[bench-utils], tool.uv.constraint-dependencies[print-utils], tool.uv.constraint-dependencies[torch], …); to write them: envloom generate:prod --take-over
    wrote tasks.kdl and envloom.lock
    next:
      envloom list
      envloom check
      envloom sync:dev@cu124
    ----- stderr -----
    ");
    insta::assert_snapshot!(repo.snapshot("tasks.kdl"), @r#"
    // Written by `envloom import` from the manifests. It is yours: edit it.
    envloom ">=0.1"

    project "vlm-app" {
        version "0.0.3"
        requires-python ">=3.10"
        dependencies "tqdm>=4"
        group "dev" "ruff>=0.4"
    }

    package "bench-utils" path="packages/bench_utils" git="https://git.example.com/bench-utils.git"
    package "print-utils" path="packages/print_utils" git="https://git.example.com/print-utils.git"

    variants "cuda" choose="exactly-one" {
        dependencies "torch>=2.4"
        variant "cpu" index="[INDEX]/cpu" index-name="pytorch-cpu"
        variant "cu124" index="[INDEX]/cu124" index-name="pytorch-cu124"
    }

    environment "dev" {
        manifest "pyproject.toml"
        sources "workspace"
        groups "dev"
        python "3.12"
    }
    environment "staging" {
        manifest "staging/pyproject.toml"
        sources "tags" channel="dev"
        pin "bench-utils" "v0.1.2.dev0"
        pin "print-utils" "v0.1.0"
    }
    environment "prod" {
        manifest "prod/pyproject.toml"
        sources "tags" channel="stable"
        pin "bench-utils" "v0.1.2"
        pin "print-utils" "v0.1.0"
        requires-python ">=3.12"
        dependencies "tqdm==4.67.1" "pandas"
    }

    // What other programs do here; uncomment what envloom is to run.
    // task "test" { run "make" "test" }
    // task "lint" { run "make" "lint" }
    // task "make-check" { run "make" "check" }

    default "check"
    default-environment "dev"
    "#);
    nothing_changes(&repo, true);
}

#[test]
fn a_workspace_has_its_members_as_packages() {
    let member = |name: &str, rest: &str| {
        format!("[project]\nname = \"{name}\"\nversion = \"1.0\"\nrequires-python = \">=3.10\"\n{rest}")
    };
    let repo = Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("ruff", "0.12.0")])
        .write("libs/core/pyproject.toml", &member("core", "dependencies = [\"tqdm\"]\n"))
        .write("libs/Web_UI/pyproject.toml", &member("web-ui", "dependencies = [\"core\"]\n\n[tool.uv.sources]\ncore = { workspace = true }\n"))
        .write("libs/old/pyproject.toml", &member("old", "dependencies = []\n"))
        .write("tools/lint/pyproject.toml", &member("lint", "dependencies = [\"ruff\"]\n"))
        .write(
            "pyproject.toml",
            "[project]\nname = \"whole\"\nversion = \"2.0\"\nrequires-python = \">=3.10\"\ndependencies = [\"web-ui\"]\n\n[dependency-groups]\nlint = [\"ruff\"]\ndev = [{ include-group = \"lint\" }]\n\n[tool.uv.workspace]\nmembers = [\"libs/*\"]\nexclude = [\"libs/old\"]\n\n[tool.uv.sources]\nweb-ui = { workspace = true }\n",
        );
    uv_lock(&repo, &["", "libs/old", "tools/lint"]);
    let repo = repo.commit("as it was");
    insta::assert_snapshot!(repo.run("init").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    dev   pyproject.toml  generated
    old   libs/old/pyproject.toml  adopted
    lint  tools/lint/pyproject.toml  adopted
    pyproject.toml: group `dev` includes others (include-group), which tasks.kdl has no word for: they go on doing so
    adopted: all that is not of the one project that tasks.kdl describes
    dev: left as found: 4 entries that envloom would write (tool.uv.package, tool.uv.workspace.members[libs/core], tool.uv.workspace.members[libs/Web_UI], …); to write them: envloom generate:dev --take-over
    wrote tasks.kdl and envloom.lock
    next:
      envloom list
      envloom check
      envloom sync:dev
    ----- stderr -----
    ");
    insta::assert_snapshot!(repo.snapshot("tasks.kdl"), @r#"
    // Written by `envloom import` from the manifests. It is yours: edit it.
    envloom ">=0.1"

    project "whole" {
        version "2.0"
        requires-python ">=3.10"
        group "dev"
        group "lint" "ruff"
    }

    package "core" path="libs/core" role="member"
    package "web-ui" path="libs/Web_UI"

    environment "dev" {
        manifest "pyproject.toml"
        sources "workspace"
        groups "dev" "lint"
        sync { groups "dev" }
    }

    environment "old" { manifest "libs/old/pyproject.toml"; adopt }
    environment "lint" { manifest "tools/lint/pyproject.toml"; adopt }

    default "check"
    default-environment "dev"
    "#);
    nothing_changes(&repo, true);
}

#[test]
fn separate_projects_are_adopted_though_they_need_one_another() {
    let mut repo = Monorepo::new();
    let names = ["alpha", "beta", "gamma"];
    for (at, name) in names.iter().enumerate() {
        let other = names[(at + 1) % 3];
        repo = repo.write(
            &format!("libs/{name}/pyproject.toml"),
            &format!("[project]\nname = \"{name}\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = [\"{other}\"]\n[tool.uv]\npackage = false\n[tool.uv.sources]\n{other} = {{ path = \"../{other}\" }}\n"),
        );
    }
    let repo = repo
        .write(
            "apps/alpha/pyproject.toml",
            "[project]\nname = \"other\"\nversion = \"1\"\nrequires-python = \">=3.10\"\n",
        )
        .write("libs/notes/pyproject.toml", "[tool.black]\nline-length = 100\n")
        .write("libs/broken/pyproject.toml", "[project\n")
        .write(".venv/lib/x/pyproject.toml", "[project]\nname = \"x\"\n");
    uv_lock(&repo, &["libs/alpha", "libs/beta", "libs/gamma", "apps/alpha"]);
    let repo = repo.write(".gitignore", ".venv\n").commit("as it was");
    insta::assert_snapshot!(repo.run("import").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    beta        libs/beta/pyproject.toml  adopted
    gamma       libs/gamma/pyproject.toml  adopted
    apps-alpha  apps/alpha/pyproject.toml  adopted
    libs-alpha  libs/alpha/pyproject.toml  adopted
    apps/alpha/pyproject.toml, libs/alpha/pyproject.toml would all be called `alpha`: each is called by its whole path
    adopted: tasks.kdl describes one project, of several environments or at the root, and there is none
    libs/broken/pyproject.toml: left alone: it is no TOML
    libs/notes/pyproject.toml: left alone: it has neither `[project]` nor a workspace of uv's
    wrote tasks.kdl and envloom.lock
    next:
      envloom list
      envloom check
      envloom sync:beta
    ----- stderr -----
    ");
    insta::assert_snapshot!(repo.snapshot("tasks.kdl"), @r#"
    // Written by `envloom import` from the manifests. It is yours: edit it.
    envloom ">=0.1"

    environment "apps-alpha" { manifest "apps/alpha/pyproject.toml"; adopt }
    environment "libs-alpha" { manifest "libs/alpha/pyproject.toml"; adopt }

    projects "libs/*" except="libs/broken libs/notes"

    default "check"
    "#);
    nothing_changes(&repo, true);
}

#[test]
fn extras_that_exclude_one_another_are_variants() {
    let repo = torch().write(
        "pyproject.toml",
        &format!("[project]\nname = \"trainer\"\nversion = \"0.1.0\"\nrequires-python = \">=3.12\"\ndependencies = [\"tqdm\"]\n\n[project.optional-dependencies]\ncpu = [\"torch==2.7.0\"]\ncu124 = [\"torch>=2.6\", \"pandas\"]\nplot = [\"pandas\"]\n\n[tool.uv.sources]\n{TORCH}\n[tool.uv]{VARIANTS}"),
    );
    uv_lock(&repo, &[""]);
    let repo = repo.commit("as it was");
    insta::assert_snapshot!(repo.run("import").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    dev  pyproject.toml  generated
    dev: left as found: 1 entry that envloom would write (tool.uv.package); to write them: envloom generate:dev --take-over
    wrote tasks.kdl and envloom.lock
    next:
      envloom list
      envloom check
      envloom sync:dev@cu124
    ----- stderr -----
    ");
    insta::assert_snapshot!(repo.snapshot("tasks.kdl"), @r#"
    // Written by `envloom import` from the manifests. It is yours: edit it.
    envloom ">=0.1"

    project "trainer" {
        version "0.1.0"
        requires-python ">=3.12"
        dependencies "tqdm"
        extra "plot" "pandas"
    }

    variants "cuda" choose="exactly-one" {
        variant "cpu" index="[INDEX]/cpu" index-name="pytorch-cpu" {
            dependencies "torch==2.7.0"
        }
        variant "cu124" index="[INDEX]/cu124" index-name="pytorch-cu124" {
            dependencies "torch>=2.6"
            dependencies "pandas" from-index=#false
        }
    }

    environment "dev" { manifest "pyproject.toml"; sources "workspace" }

    default "check"
    default-environment "dev"
    "#);
    nothing_changes(&repo, true);
    repo.run("sync:dev@cpu").success();
    repo.run("sync:dev").code(2);
}

#[test]
fn what_only_a_build_can_tell_is_adopted() {
    let repo = Monorepo::new().add(
        Package::new("lib").in_tree().path("lib").pyproject(
            "[project]\nname = \"lib\"\ndynamic = [\"version\"]\nrequires-python = \">=3.10\"\n\n[build-system]\nrequires = []\nbuild-backend = \"build_backend\"\nbackend-path = [\".\"]\n",
        ),
    );
    let repo = repo
        .write(
            "pyproject.toml",
            "[project]\nname = \"root\"\ndynamic = [\"version\", \"readme\"]\n\n[tool.uv]\npackage = false\n",
        )
        .commit("as it was");
    insta::assert_snapshot!(repo.run("import").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    lib  lib/pyproject.toml  adopted
    dev  pyproject.toml  adopted
    adopted: all, since the one project that tasks.kdl would describe cannot be described
    pyproject.toml: adopted: only a build can tell its version (project.dynamic)
    wrote tasks.kdl and envloom.lock
    next:
      envloom list
      envloom lock
      envloom sync:lib
    ----- stderr -----
    ");
    insta::assert_snapshot!(repo.snapshot("tasks.kdl"), @r#"
    // Written by `envloom import` from the manifests. It is yours: edit it.
    envloom ">=0.1"

    environment "lib" { manifest "lib/pyproject.toml"; adopt }
    // adopted: only a build can tell its version (project.dynamic)
    environment "dev" { manifest "pyproject.toml"; adopt }

    default "check"
    "#);
    nothing_changes(&repo, false);
}

#[test]
fn comments_within_arrays_and_windows_line_ends_stay() {
    let text = "\u{feff}# the app\n[project]\nname = 'Odd_App' # not normal\nversion=\"1\"\n\"requires-python\" = '''>=3.10'''\ndependencies = [ # all of it\n  \"tqdm>=4\" , # progress\n\n  # not yet: 'pandas',\n  'ruff ; sys_platform != \"win32\"' # no comma\n]\n\n[tool]\nuv.package = false\nuv.environments = [\n  \"sys_platform == 'linux'\",  # here\n]\nuv . workspace . members = []\n[ dependency-groups ]\n  test = [ \"tqdm\" ,]\n".replace('\n', "\r\n");
    let repo = Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("ruff", "0.12.0")])
        .write_bytes("pyproject.toml", text.as_bytes())
        .write(".python-version", "3.12\n");
    uv_lock(&repo, &[""]);
    let repo = repo.write(".gitattributes", "* -text\n").commit("as it was");
    insta::assert_snapshot!(repo.run("import").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    dev  pyproject.toml  generated
    dev: left as found: 1 entry that envloom would write (project.name); to write them: envloom generate:dev --take-over
    wrote tasks.kdl and envloom.lock
    next:
      envloom list
      envloom check
      envloom sync:dev
    ----- stderr -----
    ");
    insta::assert_snapshot!(repo.snapshot("tasks.kdl"), @r#"
    // Written by `envloom import` from the manifests. It is yours: edit it.
    envloom ">=0.1"

    project "odd-app" {
        version "1"
        requires-python ">=3.10"
        python "3.12"
        dependencies "tqdm>=4" "ruff ; sys_platform != \"win32\""
        group "test" "tqdm"
        platforms "sys_platform == 'linux'"
    }

    environment "dev" {
        manifest "pyproject.toml"
        sources "workspace"
        groups "test"
        sync { groups }
    }

    default "check"
    default-environment "dev"
    "#);
    nothing_changes(&repo, true);
    assert_eq!(repo.read("pyproject.toml"), text);
}

#[test]
fn nothing_is_overwritten() {
    let repo = Monorepo::new()
        .write("pyproject.toml", "[project]\nname = \"a\"\nversion = \"1\"\n")
        .write("tasks.kdl", "// mine\n");
    insta::assert_snapshot!(repo.run("import").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::already_there]: [ROOT]/repo/tasks.kdl is there already, and import and init overwrite nothing
    help: to begin anew, move it away (`mv [ROOT]/repo/tasks.kdl [ROOT]/repo/tasks.kdl.old`) and type the command again
    ");
    repo.run("init").code(1);
    assert_eq!(repo.read("tasks.kdl"), "// mine\n");
    let repo = repo.remove("tasks.kdl").write("envloom.lock", "version = 1\n");
    repo.run("import").code(1).stderr_has("envloom.lock is there already");
    assert!(!repo.exists("tasks.kdl"));
}

#[test]
fn where_there_is_nothing_init_writes_a_beginning() {
    let repo = Monorepo::new();
    insta::assert_snapshot!(repo.run("import").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::nothing_to_import]: there is no pyproject.toml for uv in [ROOT]/repo or below
    help: type `envloom init` for a tasks.kdl to begin with, or name the repository with `-C DIR`
    ");
    insta::assert_snapshot!(repo.run("init").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    dev  pyproject.toml  generated
    wrote tasks.kdl
    next:
      envloom list
      envloom -n generate
      envloom lock sync:dev
    ----- stderr -----
    ");
    repo.run("list").success();
    repo.run("-n generate").success();
    repo.run("lock check").success();
}

#[test]
fn a_dry_run_writes_nothing_and_shows_all() {
    let repo = three_environments();
    let shown = repo.run("import -n").success();
    assert!(!repo.exists("tasks.kdl") && !repo.exists("envloom.lock"));
    repo.assert_clean();
    repo.run("import").success();
    assert_eq!(shown.stdout(), repo.read("tasks.kdl"));
    repo.remove("tasks.kdl").remove("envloom.lock");
    let answer: serde_json::Value =
        serde_json::from_str(repo.run("import --json").success().stdout()).unwrap();
    assert_eq!(answer["written"], serde_json::json!(["tasks.kdl", "envloom.lock"]));
    assert_eq!(
        answer["environments"][1],
        serde_json::json!({ "name": "staging", "manifest": "staging/pyproject.toml", "kept": "generated" })
    );
    assert_eq!(answer["tasks.kdl"], repo.read("tasks.kdl"));
}

#[test]
fn what_was_left_out_stays_out_until_it_is_asked_for() {
    let repo = three_environments();
    repo.run("import").success();
    let prod = repo.read("prod/pyproject.toml");
    // Another pin is written; the rest stays.
    repo.replace(
        "tasks.kdl",
        "pin \"print-utils\" \"v0.1.0\"\n    requires",
        "pin \"print-utils\" \"v0.2.0\"\n    requires",
    );
    repo.release("print-utils", "v0.2.0");
    repo.run("generate:prod").success();
    assert_eq!(repo.read("prod/pyproject.toml"), prod.replace("tag = \"v0.1.0\"", "tag = \"v0.2.0\""));
    repo.run("generate:prod --take-over").success();
    let taken = repo.read("prod/pyproject.toml");
    assert!(taken.contains("constraint-dependencies"), "{taken}");
    assert!(!repo.read("staging/pyproject.toml").contains("constraint-dependencies"));
    repo.run("generate").success().ran(&[]);
}

#[test]
fn manifests_of_envlooms_own_come_back_as_they_were() {
    let repo = crate::seed::locked();
    repo.remove("tasks.kdl").remove("envloom.lock");
    let told = repo.run("import").success();
    assert!(!told.stdout().contains("left as found"), "{told}");
    assert!(!told.stdout().contains("adopted"), "{told}");
    repo.run("generate").success();
    // Even the record is the one that was there.
    assert_eq!(repo.status(), " M tasks.kdl\n");
    repo.run("check verify").success();
}

#[test]
fn names_and_texts_are_escaped() {
    let repo = Monorepo::new().write(
        "pyproject.toml",
        "[project]\nname = \"a\"\nversion = \"1\"\ndescription = \"say \\\"hi\\\" \\\\ \\u00e9 {x} #true // no\"\ndependencies = [\"b ; python_version < \\\"3.12\\\"\"]\n\n[tool.uv]\npackage = false\n",
    )
    .write("Od d \"x\"/pyproject.toml", "[project]\nname = \"odd\"\nversion = \"1\"\n")
    .write("Makefile", "a\"b:\n\ttrue\nok*:\n")
    .commit("as it was");
    insta::assert_snapshot!(repo.run("import").success().output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    dev      pyproject.toml  generated
    od-d--x  Od d "x"/pyproject.toml  adopted
    adopted: all that is not of the one project that tasks.kdl describes
    wrote tasks.kdl and envloom.lock
    next:
      envloom list
      envloom lock
      envloom sync:dev
    ----- stderr -----
    "#);
    insta::assert_snapshot!(repo.snapshot("tasks.kdl"), @r#"
    // Written by `envloom import` from the manifests. It is yours: edit it.
    envloom ">=0.1"

    project "a" {
        version "1"
        description "say \"hi\" \\ é {x} #true // no"
        dependencies "b ; python_version < \"3.12\""
    }

    environment "dev" { manifest "pyproject.toml"; sources "workspace" }

    environment "od-d--x" { manifest "Od d \"x\"/pyproject.toml"; adopt }

    default "check"
    default-environment "dev"
    "#);
    nothing_changes(&repo, false);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a repository with everything that stays out")]
fn what_cannot_be_described_is_adopted_and_says_why() {
    let app = |rest: &str| {
        format!(
            "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.10\"\n{rest}\n[tool.uv]\npackage = false\n"
        )
    };
    let git =
        |place: &str| format!("dependencies = [\"lib\"]\n[tool.uv.sources]\nlib = {{ git = \"{place}\" }}");
    let repo = Monorepo::new()
        .package("lib", &["v1.0.0"])
        .write("pyproject.toml", &app("dependencies = [\"lib\"]\n[tool.uv.workspace]\nmembers = [\"packages/lib\"]\n[tool.uv.sources]\nlib = { workspace = true }"));
    let url = repo.package_url("lib");
    let repo = repo
        .write("branch/pyproject.toml", &app(&git(&format!("{url}\", branch = \"main"))))
        .write("gone/pyproject.toml", &app(&git(&format!("{url}\", tag = \"v9.9.9"))))
        .write("settings/pyproject.toml", &app("dependencies = []"))
        .write("settings/uv.toml", "offline = true\n")
        .write(
            "built/pyproject.toml",
            "[project]\nname = \"app\"\ndynamic = [\"version\", \"dependencies\"]\n",
        )
        .write("good/pyproject.toml", &app(&git(&format!("{url}\", tag = \"v1.0.0"))))
        .commit("as it was");
    insta::assert_snapshot!(repo.run("import").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    dev       pyproject.toml  generated
    good      good/pyproject.toml  generated
    branch    branch/pyproject.toml  adopted
    built     built/pyproject.toml  adopted
    gone      gone/pyproject.toml  adopted
    settings  settings/pyproject.toml  adopted
    branch/pyproject.toml: adopted: `lib` comes from a branch there, which is no release
    built/pyproject.toml: adopted: only a build can tell its version, dependencies (project.dynamic)
    gone/pyproject.toml: adopted: `lib` has no tag `v9.9.9` at https://git.example.com/lib.git
    settings/pyproject.toml: adopted: a `uv.toml` beside a generated manifest makes uv ignore most of its [tool.uv]
    good: left as found: 2 entries that envloom would write (tool.uv.constraint-dependencies[lib], tool.uv.workspace.members); to write them: envloom generate:good --take-over
    wrote tasks.kdl and envloom.lock
    next:
      envloom list
      envloom lock
      envloom sync:dev
    ----- stderr -----
    fetching https://git.example.com/lib.git
    ");
    insta::assert_snapshot!(repo.snapshot("tasks.kdl"), @r#"
    // Written by `envloom import` from the manifests. It is yours: edit it.
    envloom ">=0.1"

    project "app" { version "1"; requires-python ">=3.10" }

    package "lib" path="packages/lib" git="https://git.example.com/lib.git"

    environment "dev" { manifest "pyproject.toml"; sources "workspace" }
    environment "good" {
        manifest "good/pyproject.toml"
        sources "tags" channel="stable"
        pin "lib" "v1.0.0"
    }

    // adopted: `lib` comes from a branch there, which is no release
    environment "branch" { manifest "branch/pyproject.toml"; adopt }
    // adopted: only a build can tell its version, dependencies (project.dynamic)
    environment "built" { manifest "built/pyproject.toml"; adopt }
    // adopted: `lib` has no tag `v9.9.9` at https://git.example.com/lib.git
    environment "gone" { manifest "gone/pyproject.toml"; adopt }
    // adopted: a `uv.toml` beside a generated manifest makes uv ignore most of its [tool.uv]
    environment "settings" { manifest "settings/pyproject.toml"; adopt }

    default "check"
    default-environment "dev"
    "#);
    nothing_changes(&repo, false);
}

#[test]
fn an_environment_that_lacks_what_both_must_have_says_what() {
    let app = |conflicts: &str| {
        format!(
            r#"[project]
name = "app"
version = "1"
requires-python = ">=3.10"
dependencies = []
[project.optional-dependencies]
cu124 = ["torch"]
cpu = ["torch"]
[tool.uv]
package = false
{conflicts}
[tool.uv.sources]
torch = [{{ index = "cu124", extra = "cu124" }}, {{ index = "cpu", extra = "cpu" }}]
[[tool.uv.index]]
name = "cu124"
url = "https://download.example.com/cu124"
explicit = true
[[tool.uv.index]]
name = "cpu"
url = "https://download.example.com/cpu"
explicit = true
"#
        )
    };
    let repo = Monorepo::new()
        .write("pyproject.toml", &app("conflicts = [[{ extra = \"cu124\" }, { extra = \"cpu\" }]]"))
        .write("prod/pyproject.toml", &app(""))
        .commit("as it was");
    insta::assert_snapshot!(repo.run("import").success().output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    dev   pyproject.toml  generated
    prod  prod/pyproject.toml  adopted
    prod/pyproject.toml: adopted: it has no tool.uv.conflicts[cu124,cpu], and would get [{ extra = "cu124" }, { extra = "cpu" }]
    wrote tasks.kdl and envloom.lock
    next:
      envloom list
      envloom lock
      envloom sync:dev@cpu
    ----- stderr -----
    "#);
    nothing_changes(&repo, false);
}

#[test]
fn a_path_source_a_commit_and_another_name_are_still_one_project() {
    let repo = Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1")])
        .add(Package::new("a").path("libs/a").tag("v1.0.0"))
        .add(Package::new("b").path("libs/b").tag_with_version("b-v1.2.0", "1.2.0"));
    let app = |name: &str, rest: &str| {
        format!(
            "[project]\nname = \"{name}\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = [\"a\", \"b\", \"tqdm\"]\n[tool.uv]\npackage = false\n{rest}"
        )
    };
    let commit = repo.tag_commit("a", "v1.0.0");
    let (a, b) = (repo.package_url("a"), repo.package_url("b"));
    let released = format!(
        "[tool.uv.sources]\na = {{ git = \"{a}\", rev = \"{commit}\" }}\nb = {{ git = \"{b}\", tag = \"b-v1.2.0\" }}\n"
    );
    let dev = "override-dependencies = [\"tqdm>=4\"]\n[tool.uv.sources]\na = { path = \"libs/a\", editable = true }\nb = { path = \"libs/b\" }\n";
    let repo = repo
        .write("pyproject.toml", &app("app", dev))
        .write("prod/pyproject.toml", &app("app-prod", &released));
    uv_lock(&repo, &["", "prod"]);
    let repo = repo.commit("as it was");
    insta::assert_snapshot!(repo.run("import").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    dev   pyproject.toml  generated
    prod  prod/pyproject.toml  generated
    dev: left as found: 4 entries that envloom would write (tool.uv.workspace.members[libs/a], tool.uv.workspace.members[libs/b], tool.uv.sources.a, …); to write them: envloom generate:dev --take-over
    prod: left as found: 4 entries that envloom would write (tool.uv.constraint-dependencies[a], tool.uv.constraint-dependencies[b], tool.uv.override-dependencies[tqdm], …); to write them: envloom generate:prod --take-over
    wrote tasks.kdl and envloom.lock
    next:
      envloom list
      envloom check
      envloom sync:dev
    ----- stderr -----
    ");
    insta::assert_snapshot!(repo.snapshot("tasks.kdl"), @r#"
    // Written by `envloom import` from the manifests. It is yours: edit it.
    envloom ">=0.1"

    project "app" { version "1"; requires-python ">=3.10"; dependencies "tqdm" }

    package "a" path="libs/a" git="https://git.example.com/a.git"
    package "b" path="libs/b" git="https://git.example.com/b.git" tag="b-v{version}"

    environment "dev" { manifest "pyproject.toml"; sources "workspace" }
    environment "prod" {
        manifest "prod/pyproject.toml"
        sources "tags" channel="stable"
        pin "a" rev="[COMMIT]" version="1.0.0"
        pin "b" "b-v1.2.0"
        name "app-prod"
    }

    default "check"
    default-environment "dev"
    "#);
    nothing_changes(&repo, true);
    repo.run("verify").success();
}

#[test]
fn two_hundred_projects_are_two_patterns_but_for_the_one_that_cannot_be_adopted() {
    let project = |name: usize, rest: &str| {
        format!("[project]\nname = \"p{name}\"\nversion = \"1\"\nrequires-python = \">=3.10\"\n{rest}")
    };
    let repo = (0..200).fold(Monorepo::new(), |repo, at| {
        let place = if at % 2 == 0 { "libs" } else { "apps" };
        repo.write(&format!("{place}/p{at}/pyproject.toml"), &project(at, ""))
    });
    // No target could tell the extra from a choice of none.
    let taken = "[project.optional-dependencies]\nnone = []\nother = []\n[tool.uv]\nconflicts = [[{ extra = \"none\" }, { extra = \"other\" }]]\n";
    let repo = repo.write("tools/odd/pyproject.toml", &project(200, taken)).commit("as it was");
    let told = repo.run("import").success();
    assert!(told.stdout().contains("tools/odd/pyproject.toml: left alone: the cells"), "{told}");
    insta::assert_snapshot!(repo.snapshot("tasks.kdl"), @r#"
    // Written by `envloom import` from the manifests. It is yours: edit it.
    envloom ">=0.1"

    projects "apps/*"
    projects "libs/*"

    default "check"
    "#);
    nothing_changes(&repo, false);
}
