//! Which uv is used, and which are passed over.

use std::os::unix::fs::symlink;

use super::{printing, real_uv, small, without_uv};

#[test]
fn uv_is_found_behind_a_shim_that_is_never_run() {
    let repo = small("uv \">=0.13,<0.14\"").with_shims().without_env("ENVLOOM_UV");
    // A pin that this pyenv does not have: the shim would fail.
    let repo = repo.write(".python-version", "3.99\n").write("packages/.python-version", "3.99\n");
    repo.run("lock").success();
    assert!(repo.exists("uv.lock"));
    assert_eq!(repo.shim_calls(), [""; 0]);
}

#[test]
fn the_uv_in_range_is_taken_past_others_on_the_path() {
    let repo = without_uv(&small("uv \">=0.13,<0.14\"")).path_first("/nowhere");
    let real = real_uv(&small(""));
    let script = format!("#!/bin/sh\necho \"$1\" >> '[ROOT]/calls'\nexec '{real}' \"$@\"\n");
    let repo = repo.write_program("../bin/uv", &script).without_env("PATH");
    let repo = printing(&printing(&repo, "newer", "uv 0.99.0"), "wrong", "universal viewer 3.0");
    let directories = ["wrong", "newer", "bin"].map(|name| format!("[ROOT]/{name}")).join(":");
    let repo = repo.env("PATH", &directories);
    repo.run("lock").success();
    assert!(repo.read("../calls").lines().any(|call| call == "lock"));
}

#[test]
fn nothing_suitable_on_the_path_is_said_with_what_was_seen() {
    let repo = without_uv(&small("uv \">=0.13,<0.14\""));
    let on_path = |name: &str| repo.env("PATH", &format!("[ROOT]/{name}:[ROOT]/bin"));

    printing(&repo, "wrong", "universal viewer 3.0");
    insta::assert_snapshot!(on_path("wrong").run("lock").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::tool::uv_not_found]: uv was not found; passed over: [ROOT]/wrong/uv is another program: it printed `universal viewer 3.0`
    help: type `python3 -m pip install 'uv>=0.13,<0.14'`, or write an exact version such as `uv "[UV]"` into tasks.kdl and envloom fetches it
    "#);

    printing(&repo, "newer", "uv 0.99.0");
    insta::assert_snapshot!(on_path("newer").run("lock").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::tool::uv_out_of_range]: no uv here is >=0.13, <0.14: found 0.99.0 ([ROOT]/newer/uv)
    help: type `python3 -m pip install 'uv>=0.13,<0.14'`, or write an exact version such as `uv "[UV]"` into tasks.kdl and envloom fetches it
    "#);

    insta::assert_snapshot!(on_path("none").run("lock").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::tool::uv_not_found]: uv was not found
    help: type `python3 -m pip install 'uv>=0.13,<0.14'`, or write an exact version such as `uv "[UV]"` into tasks.kdl and envloom fetches it
    "#);
}

#[test]
fn a_uv_with_the_archive_flaw_is_refused() {
    for wanted in ["", "uv \"<0.10\""] {
        let repo = without_uv(&small(wanted));
        printing(&repo, "old", "uv 0.9.4");
        let refused = repo.env("PATH", "[ROOT]/old:[ROOT]/bin").run("lock").code(2);
        refused.stderr_has("envloom::tool::uv_too_old");
    }
    let repo = small("");
    printing(&repo, "old", "uv 0.9.4");
    let refused = repo.env("ENVLOOM_UV", "[ROOT]/old/uv").run("lock").code(2);
    insta::assert_snapshot!(refused.output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::tool::uv_too_old]: uv 0.9.4 ([ROOT]/old/uv) is older than 0.9.5, which closed the archive flaw GHSA-w476-p2h3-79g9 (CVE-2025-62518)
    help: type `python3 -m pip install 'uv>=0.9.5'`, and raise the version in tasks.kdl if it names this one
    "#);
}

#[test]
fn the_uv_that_the_variable_names_is_used_or_refused_and_never_replaced() {
    let repo = small("uv \">=0.99\"").with_uv_on_path();
    insta::assert_snapshot!(repo.run("lock").code(2).stderr().replace(&real_uv(&repo), "[REAL]"), @r#"
    error[envloom::tool::uv_override]: ENVLOOM_UV is `[REAL]`, which is uv 0.13.9, and >=0.99 is wanted
    help: type `unset ENVLOOM_UV`, or set it to the absolute path of a suitable uv
    "#);
    let repo = small("").with_uv_on_path();
    insta::assert_snapshot!(repo.env("ENVLOOM_UV", "[ROOT]/absent").run("lock").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::tool::uv_override]: ENVLOOM_UV is `[ROOT]/absent`, which is not a file
    help: type `unset ENVLOOM_UV`, or set it to the absolute path of a suitable uv
    "#);
}

#[test]
fn another_uv_is_noticed_and_is_the_reason() {
    let repo = small("uv \">=0.13,<0.14\"");
    let real = real_uv(&repo);
    let newer =
        format!("#!/bin/sh\n[ \"$1\" = --version ] && echo 'uv 0.13.10' && exit\nexec '{real}' \"$@\"\n");
    repo.write_program("../newer/uv", &newer);
    // By the variable that names it.
    repo.run("lock").success();
    repo.run("check").success().ran(&[]);
    let named = repo.env("ENVLOOM_UV", "[ROOT]/newer/uv").run("-v check").success().ran(&["check:dev"]);
    named.stderr_has("uv: 0.13.9 -> 0.13.10");
    repo.run("check").success();

    // By its appearance in a directory of PATH that was not there either, where a plan and a memo know only the other.
    let repo = without_uv(&repo);
    repo.write_program("../bin/uv", &format!("#!/bin/sh\nexec '{real}' \"$@\"\n"));
    let repo = repo.env("PATH", "[ROOT]/later:[ROOT]/bin");
    repo.run("-v check").success();
    repo.run("-v check").success().ran(&[]);
    repo.write_program("../later/uv", &newer);
    repo.run("-v check").success().ran(&["check:dev"]).stderr_has("uv: 0.13.9 -> 0.13.10");
}

#[test]
fn an_entry_of_path_that_cannot_be_looked_at_holds_no_program() {
    let repo = small("");
    let real = real_uv(&repo);
    let repo = without_uv(&repo);
    repo.write_program("../bin/uv", &format!("#!/bin/sh\nexec '{real}' \"$@\"\n"));
    symlink("loop", repo.root().join("loop")).unwrap();
    let repo = repo.env("PATH", "[ROOT]/loop:[ROOT]/bin");
    repo.run("lock").success();
    repo.run("lock").success().ran(&[]);
}
