//! What stops a call before its tasks: files that are none, directories, variables, words.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::seed::{locked, three_environments};
use crate::support::{Monorepo, Ran};

/// A call on a `tasks.kdl` of this content.
fn with(content: &[u8]) -> Ran {
    Monorepo::new().write_bytes("tasks.kdl", content).run("")
}

#[test]
fn an_empty_file_has_nothing_to_do() {
    insta::assert_snapshot!(with(b"").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::nothing_to_do]: nothing to do: no target was given and tasks.kdl has no `default`
    help: name a target, for example `envloom lock`, or declare `default "check"`; `envloom list` shows all
    "#);
    with(b"// later\n/* much later */\n").code(2).stderr_has("envloom::graph::nothing_to_do");
}

#[test]
fn bytes_that_are_no_text() {
    insta::assert_snapshot!(with(b"default \"\xff\"\n").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 1 mistake

    error[envloom::config::not_utf8]: the file is not UTF-8
     --> tasks.kdl:1:10
    1 | default "�"
      |          ^ the first byte that is not
    help: save it as UTF-8
    "#);
}

#[test]
fn a_manifest_that_is_no_text() {
    let repo = three_environments();
    repo.write_bytes("prod/pyproject.toml", b"[project]\nname = \"\xff\"\n");
    insta::assert_snapshot!(repo.run("generate:prod").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_utf8]: prod/pyproject.toml is not UTF-8: byte 18 fits no character
    help: save it as UTF-8
    ");
}

#[test]
fn two_mebibytes_are_refused_before_they_are_read() {
    insta::assert_snapshot!(with(&vec![b'/'; 2 << 20]).code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 1 mistake

    error[envloom::config::too_large]: the file has 2097152 bytes; at most 1048576 are read
    help: remove what does not belong in this file
    ");
}

#[test]
fn a_directory_and_a_pipe_are_no_files() {
    let repo = Monorepo::new();
    fs::create_dir(repo.path("tasks.kdl")).unwrap();
    insta::assert_snapshot!(repo.run("check").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_a_file]: [ROOT]/repo/tasks.kdl is no ordinary file
    help: put a plain text file there
    ");
    repo.remove("tasks.kdl").exec("mkfifo", &["tasks.kdl"]).success();
    repo.run("check").code(2).stderr_has("envloom::cli::not_a_file");
    let repo = locked().remove("prod/pyproject.toml");
    repo.exec("mkfifo", &["prod/pyproject.toml"]).success();
    repo.run("check:prod").code(2).stderr_has("envloom::cli::not_a_file");
}

#[test]
fn a_file_that_may_not_be_read() {
    let repo = Monorepo::new().tasks_kdl("default \"t\"\n");
    fs::set_permissions(repo.path("tasks.kdl"), fs::Permissions::from_mode(0o0)).unwrap();
    // The superuser reads everything, and then nothing is wrong with the permissions.
    let readable = fs::read(repo.path("tasks.kdl")).is_ok();
    let ran = repo.run("check");
    if readable {
        ran.code(2).stderr_has("envloom::graph::");
    } else {
        ran.code(1).stderr_has("envloom::base::file");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named_with_its_cause() {
    let repo = three_environments();
    // A directory where a file is to be: also for the superuser.
    repo.run("generate:staging").success();
    repo.remove(".envloom/locks").write(".envloom/locks", "");
    insta::assert_snapshot!(repo.run("generate:dev").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error[envloom::exec::lock]: cannot lock `[ROOT]/repo/.envloom/locks`: File exists (os error 17)
    caused by: File exists (os error 17)
    help: envloom writes its locks below `.envloom/locks`; mend the cause and run again
    ");
    assert!(!repo.exists("pyproject.toml"));
}

#[test]
fn outside_any_repository() {
    let repo = Monorepo::new();
    let nowhere = repo.root().join("tmp");
    let ran = repo.run(&format!("-C {} check", nowhere.display()));
    insta::assert_snapshot!(ran.code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_tasks_file]: there is no tasks.kdl in [ROOT]/tmp or above
    help: go to the repository, name it with `-C DIR`, or write a tasks.kdl (`envloom help` shows the words)
    ");
    insta::assert_snapshot!(repo.run("-C nowhere check").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::bad_directory]: -C nowhere: no such directory
    help: name a directory that exists
    ");
}

#[test]
fn a_file_where_envloom_keeps_its_state() {
    let repo = three_environments().write(".envloom", "mine\n");
    insta::assert_snapshot!(repo.run("generate").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::state_in_the_way]: [ROOT]/repo/.envloom is no directory
    help: remove it: envloom keeps its state in a directory of that name
    ");
    assert_eq!(repo.read(".envloom"), "mine\n");
}

#[test]
fn state_that_came_with_the_repository_is_not_believed() {
    let repo = three_environments().write(".envloom/cache/verdict", "theirs\n");
    insta::assert_snapshot!(repo.run("generate").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::foreign_state]: [ROOT]/repo/.envloom was not made here by envloom: what it holds is not believed
    help: type `rm -r [ROOT]/repo/.envloom`, or `git rm -r --cached` it first where git tracks it
    ");
}

#[test]
fn a_wrong_uv_is_named() {
    let repo = locked().env("ENVLOOM_UV", "/nonexistent/uv");
    insta::assert_snapshot!(repo.run("-B check:dev").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::tool::uv_override]: ENVLOOM_UV is `/nonexistent/uv`, which is not a file
    help: type `unset ENVLOOM_UV`, or set it to the absolute path of a suitable uv
    ");
}

#[test]
fn a_submodule_that_is_not_there_is_named_with_the_line_to_type() {
    let repo = locked().deinit("foo");
    insta::assert_snapshot!(repo.run("lock:dev").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::submodule_empty]: not checked out: foo
    help: type `envloom fetch`, or `git submodule update --init -- packages/foo` at the root of the repository
    ");
    // The environments of tags have no need of it.
    repo.run("check:prod verify:prod").success();
    repo.remove("packages/foo").run("lock:dev").code(2).stderr_has("submodule update --init");
}

#[test]
fn a_package_that_is_nowhere_is_named() {
    let repo = three_environments();
    repo.replace("tasks.kdl", "path=\"packages/bar\"", "path=\"packages/baz\"");
    insta::assert_snapshot!(repo.run("lock:dev").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::package_missing]: no manifest of bar: there is no packages/baz/pyproject.toml
    help: correct `path=` of the package in tasks.kdl, or put the package there
    ");
}
