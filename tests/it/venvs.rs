//! Venvs: each cell its own, whole, healed; `run`, `use` and `env`.

use std::fs;

use crate::seed::locked;
use crate::support::{Monorepo, Signal};

/// Where a cell's venv is.
fn venv(repo: &Monorepo, cell: &str) -> String {
    let directory = format!(".envloom/venvs/{cell}");
    assert!(repo.exists(&directory), "{:?}", repo.tree(".envloom").paths());
    directory
}

#[test]
fn each_cell_has_a_venv_of_its_own() {
    let repo = locked();
    repo.run("sync:dev@cu124 sync:dev@cpu").success().ran(&["sync:dev@cu124", "sync:dev@cpu"]);
    let print = "import torch, foo; print(torch.__version__, torch.__index__, foo.__file__)";
    for (cell, version) in [("cu124", "2.6.0+cu124 cu124"), ("cpu", "2.7.0+cpu cpu")] {
        let printed = repo.run(&format!("run dev@{cell} -- python -c '{print}'")).success();
        let expected = format!("{version} [ROOT]/repo/packages/foo/src/foo/__init__.py\n");
        assert_eq!(repo.redact(printed.stdout()), expected);
    }
    repo.run("sync:dev@cu124").success().ran(&[]);
    repo.assert_clean();
}

#[test]
fn a_frozen_cell_has_what_the_tags_hold() {
    let repo = locked();
    let synced = repo.run("sync:prod@cpu").success();
    synced.finished_in_order(&["verify:prod", "sync:prod@cpu"]);
    let printed = repo.run("run prod@cpu -- python -c 'import foo; print(foo.__version__, foo.__file__)'");
    assert!(
        printed.stdout().starts_with("0.1.2 ") && printed.stdout().contains("site-packages"),
        "{printed}"
    );
    // Nothing of dev's groups.
    repo.run("run prod@cpu -- python -c 'import ruff'").code(1);
    repo.assert_clean();
}

#[test]
fn a_venv_that_plain_uv_rewrote_is_healed_and_said() {
    let repo = locked();
    insta::assert_snapshot!(repo.run("use dev@cu124").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ✓ sync:dev@cu124  ran in [TIME]  (no record of it here)
    ran 1, up to date 2 in [TIME]
    .venv -> .envloom/venvs/dev-cu124-py3.12
    ");
    // Typed by hand through `.venv`: uv takes the variant's torch away and returns 0.
    repo.uv(&["sync", "--quiet"]).success();
    let site = format!("{}/lib/python3.12/site-packages", venv(&repo, "dev-cu124-py3.12"));
    assert!(!repo.exists(&format!("{site}/torch")));
    let healed = repo.run("sync:dev@cu124").success().ran(&["sync:dev@cu124"]);
    insta::assert_snapshot!(healed.output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ✓ sync:dev@cu124  ran in [TIME]  (the venv was changed by something else: torch-2.6.0+cu124.dist-info is gone)
    ran 1, up to date 2 in [TIME]
    ");
    assert!(repo.exists(&format!("{site}/torch")));

    // So is it by whatever else uses the cell.
    repo.uv(&["sync", "--quiet"]).success();
    let run = repo.run("run dev@cu124 -- python -c 'import torch; print(torch.__version__)'").success();
    assert_eq!(run.stdout(), "2.6.0+cu124\n");
    assert!(run.stderr().contains("changed by something else"), "{run}");
}

#[test]
fn an_interrupted_sync_is_rebuilt() {
    let repo = locked();
    repo.run("sync:dev@cpu").success();
    let cell = venv(&repo, "dev-cpu-py3.12");
    repo.run("-n sync:dev@cpu").success().fresh(&["generate:dev", "lock:dev", "sync:dev@cpu"]);

    // uv is stopped in the middle: it never ends by itself.
    repo.write_program(
        "slow-uv",
        "#!/bin/sh\nif [ \"$1\" = sync ]; then echo started; exec sleep 600; fi\nexec uv \"$@\"\n",
    );
    repo.remove(&format!("{cell}/lib/python3.12/site-packages/tqdm"));
    let run = repo.with_uv_on_path().env("ENVLOOM_UV", "[ROOT]/repo/slow-uv").spawn("-B -vv sync:dev@cpu");
    run.wait_for_line("started");
    run.signal(Signal::KILL);
    run.wait().killed_by(Signal::KILL);
    repo.remove("slow-uv");

    // uv itself says that all is well, and files are missing.
    let rebuilt = repo.run("sync:dev@cpu").success().ran(&["sync:dev@cpu"]);
    rebuilt.stderr_has("its last sync was cut off, the venv is rebuilt");
    assert!(repo.exists(&format!("{cell}/lib/python3.12/site-packages/tqdm/__init__.py")));
    repo.run("sync:dev@cpu").success().ran(&[]);
}

#[test]
fn a_variable_that_only_a_member_names_makes_a_sync_run() {
    let repo = locked();
    repo.append("packages/foo/pyproject.toml", "\n[tool.uv]\ncache-keys = [{ env = \"BUILD\" }]\n");
    let one = repo.env("BUILD", "1");
    one.run("sync:dev@cpu").success();
    one.run("sync:dev@cpu").success().ran(&[]);
    repo.env("BUILD", "2").run("sync:dev@cpu").success().ran(&["sync:dev@cpu"]);
}

#[test]
fn venvs_in_a_place_shared_by_repositories_are_each_repositorys_own() {
    let repo = locked();
    let place = repo.root().join("scratch");
    repo.write("tasks.local.kdl", &format!("venvs \"{}\"\n", place.display()));
    repo.run("sync:dev@cpu").success();
    let name = fs::read_dir(&place).unwrap().next().unwrap().unwrap().file_name();
    assert!(name.to_string_lossy().starts_with("repo-"), "{name:?}");
    assert!(place.join(name).join("dev-cpu-py3.12/pyvenv.cfg").exists());
    repo.run("sync:dev@cpu").success().ran(&[]);
}

#[test]
fn two_syncs_of_one_venv_with_different_temporary_directories_take_turns() {
    let repo = locked();
    fs::create_dir(repo.root().join("other")).unwrap();
    let one = repo.spawn("sync:dev@cpu");
    let two = repo.env("TMPDIR", "[ROOT]/other").spawn("sync:dev@cpu");
    let (one, two) = (one.wait().success(), two.wait().success());
    let ran = |ran: &crate::support::Ran| ran.events().tasks("started").contains(&"sync:dev@cpu");
    assert!(ran(&one) != ran(&two), "exactly one of them syncs:\n{one}\n{two}");
    repo.run("sync:dev@cpu").success().ran(&[]);
}

#[test]
fn run_gives_the_commands_own_exit_status_and_input() {
    let repo = locked();
    repo.run("run dev@cpu -- sh -c 'exit 7'").code(7);
    repo.run("run dev@cpu -- sh -c 'kill -TERM $$'").killed_by(Signal::TERM);
    insta::assert_snapshot!(repo.run("run dev@cpu -- nosuch").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::program_not_found]: `nosuch` is neither in the venv of dev@cpu nor on PATH
    help: add the package that has it to tasks.kdl, then sync
    ");
    let piped =
        repo.exec("sh", &["-c", "echo typed | \"$0\" run dev@cpu -- cat", env!("CARGO_BIN_EXE_envloom")]);
    assert_eq!(piped.text(), "typed");
    // In the caller's directory, not the root.
    let here = repo.in_dir("packages/foo").run("run dev@cpu -- pwd");
    assert_eq!(repo.redact(&here.text()), "[ROOT]/repo/packages/foo");
}

#[test]
fn a_nested_uv_lands_in_the_cell() {
    let repo = locked().with_uv_on_path();
    let nested = repo
        .run("run dev@cu124 -- uv run python -c 'import torch, sys; print(torch.__version__, sys.prefix)'");
    assert_eq!(repo.redact(&nested.text()), "2.6.0+cu124 [ROOT]/repo/.envloom/venvs/dev-cu124-py3.12");
    assert!(!repo.exists(".venv"));
}

#[test]
fn the_exports_of_a_cell_work_in_a_shell() {
    let repo = locked();
    let script = "eval \"$(\"$0\" env dev@cpu)\" && command -v python && python -c 'import torch; print(torch.__version__)'";
    let printed = repo.exec("sh", &["-c", script, env!("CARGO_BIN_EXE_envloom")]).text();
    insta::assert_snapshot!(repo.redact(&printed), @r"
    [ROOT]/repo/.envloom/venvs/dev-cpu-py3.12/bin/python
    2.7.0+cpu
    ");
    let exports = repo.redact(&repo.run("env dev@cpu").text());
    let (path, others) = exports.split_once('\n').unwrap();
    assert!(path.starts_with("export PATH=[ROOT]/repo/.envloom/venvs/dev-cpu-py3.12/bin:"), "{path}");
    insta::assert_snapshot!(others, @r"
    export UV_NO_SYNC=1
    export UV_PROJECT_ENVIRONMENT=[ROOT]/repo/.envloom/venvs/dev-cpu-py3.12
    export UV_PYTHON=[ROOT]/repo/.envloom/venvs/dev-cpu-py3.12/bin/python
    export VIRTUAL_ENV=[ROOT]/repo/.envloom/venvs/dev-cpu-py3.12
    ");
}

#[test]
fn use_never_replaces_a_directory() {
    let repo = locked();
    repo.write(".venv/mine", "mine\n");
    insta::assert_snapshot!(repo.run("use dev@cpu").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::venv_in_the_way]: [ROOT]/repo/.venv is a directory that envloom did not make
    help: move it away (`mv [ROOT]/repo/.venv [ROOT]/repo/.venv.old`) and type the command again
    ");
    assert_eq!(repo.read(".venv/mine"), "mine\n");
    // Refused before anything was synced.
    assert!(!repo.exists(".envloom/venvs/dev-cpu-py3.12"));
}

#[test]
fn a_project_without_a_choice_uses_its_own_venv() {
    let repo = Monorepo::new().index("pypi", &[("six", "1.16.0")]);
    repo.tasks_kdl(
        "project \"minimal\" {\n    version \"0.1.0\"\n    requires-python \">=3.10\"\n    dependencies \"six\"\n}\n\
         environment \"dev\" { manifest \"pyproject.toml\"; }\n",
    );
    repo.run("sync").success().ran(&["generate:dev", "lock:dev", "sync:dev"]);
    assert!(repo.exists(".venv/bin/python"));
    repo.run("run dev -- python -c 'import six'").success();
    insta::assert_snapshot!(repo.run("use dev").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    .venv is this cell's own venv
    ");
}

#[test]
fn the_place_of_a_venv_that_holds_something_else_is_left_alone() {
    let repo = locked();
    repo.write(".envloom/venvs/dev-cpu-py3.12/mine", "mine\n");
    insta::assert_snapshot!(repo.run("sync:dev@cpu").code(1).failed(&["sync:dev@cpu"]).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ sync:dev@cpu  failed
    error[envloom::plan::not_a_venv]: .envloom/venvs/dev-cpu-py3.12 holds something that is no venv
    help: move it away, then type the same command again
    up to date 2, failed 1 in [TIME]
    ");
    assert_eq!(repo.read(".envloom/venvs/dev-cpu-py3.12/mine"), "mine\n");
}

#[test]
fn exports_keep_a_path_that_is_not_utf8() {
    let repo = locked();
    let script = "PATH=\"$PATH:$(printf \"/it's \\377\")\" && export PATH && before=$PATH
        eval \"$(\"$0\" env dev@cpu)\" && case $PATH in */dev-cpu-py3.12/bin:\"$before\") echo kept ;; *) printf '%s' \"$PATH\" | od -c ;; esac";
    let printed = repo.exec("sh", &["-c", script, env!("CARGO_BIN_EXE_envloom")]).success();
    assert_eq!(printed.stdout(), "kept\n");
}
