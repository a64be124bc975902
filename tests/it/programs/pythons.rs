//! Which Python a child gets.

use std::fs;
use std::os::unix::fs::symlink;

use super::{small, without_uv};
use crate::support::{Monorepo, python};

/// The same small project with another Python.
fn asking(python: &str) -> Monorepo {
    let repo = small("");
    repo.replace("tasks.kdl", "    requires-python \">=3.10\"\n", python);
    repo.commit("python")
}

/// What the venv of dev was made with.
fn version_in_venv(repo: &Monorepo) -> String {
    repo.exec(repo.path(".venv/bin/python"), &["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        .text()
}

#[test]
fn the_pinned_python_is_found_among_others_and_past_shims() {
    for minor in ["3.10", "3.12"] {
        let repo = asking(&format!("    requires-python \">=3.10\"\n    python \"{minor}\"\n")).with_shims();
        repo.run("sync").success();
        assert_eq!(version_in_venv(&repo), minor);
        assert_eq!(repo.shim_calls(), [""; 0]);
    }
}

#[test]
fn a_range_that_no_python_here_suits_says_which_there_are() {
    let repo = without_uv(&asking("    requires-python \">=3.10, <3.12\"\n"));
    let repo = repo.env("ENVLOOM_UV", &super::real_uv(&small("")));
    insta::assert_snapshot!(repo.run("lock").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::interpreter_missing]: no Python on this machine suits dev: a Python >=3.10, <3.12; found 3.12.1
    help: install one, for example `uv python install '>=3.10,<3.12'` or with pyenv; envloom looks in PATH, pyenv's versions and uv's own
    "#);
    let repo = without_uv(&asking("    requires-python \">=3.10\"\n    python \"3.10\"\n"));
    let repo = repo.env("ENVLOOM_UV", &super::real_uv(&small("")));
    insta::assert_snapshot!(repo.run("lock").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::interpreter_missing]: no Python on this machine suits dev: Python 3.10; found 3.12.1
    help: install one, for example `uv python install 3.10` or with pyenv; envloom looks in PATH, pyenv's versions and uv's own
    "#);
}

#[test]
fn a_python_that_appears_is_noticed() {
    let repo = without_uv(&asking("    requires-python \">=3.10\"\n    python \"3.10\"\n"));
    let repo = repo.env("ENVLOOM_UV", &super::real_uv(&small(""))).env("PYENV_ROOT", "[ROOT]/pyenv");
    fs::create_dir_all(repo.root().join("pyenv/versions")).unwrap();
    repo.run("lock").code(2).stderr_has("envloom::cli::interpreter_missing");
    install(&repo, "3.10");
    repo.run("sync").success();
    assert_eq!(version_in_venv(&repo), "3.10");
}

#[test]
fn a_newer_python_that_appears_is_no_stale_plan() {
    let repo = without_uv(&asking("    requires-python \">=3.10\"\n"));
    let repo = repo.env("ENVLOOM_UV", &super::real_uv(&small(""))).env("PYENV_ROOT", "[ROOT]/pyenv");
    fs::remove_file(repo.root().join("bin/python3")).unwrap();
    install(&repo, "3.10");
    repo.run("sync").success();
    assert_eq!(version_in_venv(&repo), "3.10");
    // Twice: the second answer is that of the compiled plan.
    repo.run("sync").success().ran(&[]);
    repo.run("sync").success().ran(&[]);
    install(&repo, "3.12");
    let ran = repo.run("-v sync").success();
    assert!(ran.events().tasks("started").contains(&"sync:dev"), "{ran}");
    assert_eq!(version_in_venv(&repo), "3.12");
    // And one that goes away.
    fs::remove_dir_all(repo.root().join("pyenv/versions/3.12")).unwrap();
    repo.run("sync").success();
    assert_eq!(version_in_venv(&repo), "3.10");
}

/// Puts a real interpreter into the fake pyenv, as pyenv would.
fn install(repo: &Monorepo, minor: &str) {
    let bin = repo.root().join("pyenv/versions").join(minor).join("bin");
    fs::create_dir_all(&bin).unwrap();
    for name in ["python", "python3", &format!("python{minor}")] {
        symlink(python(minor), bin.join(name)).unwrap();
    }
}
