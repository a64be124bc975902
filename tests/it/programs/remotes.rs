//! Releases of internal packages, read with git: from submodules, from remotes, or not at all.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use super::{locked, unlocked};
use crate::support::Monorepo;

/// Pins of prod moved to a tag.
fn pinned(repo: &Monorepo, tag: &str) -> Monorepo {
    repo.replace("tasks.kdl", "    pin \"bar\" \"v0.1.2\"\n", &format!("    pin \"bar\" \"{tag}\"\n"))
}

/// The bare clones in envloom's own directory.
fn clones(repo: &Monorepo) -> usize {
    super::names(&repo.path(".envloom/git")).len()
}

#[test]
fn a_tag_that_only_the_remote_has_is_read_through_a_bare_clone() {
    let repo = locked();
    assert_eq!(clones(&repo), 0, "the submodules had every tag");
    let submodules = repo.tree_hash("packages");
    repo.release("bar", "v0.1.3");
    let repo = pinned(&repo, "v0.1.3");
    repo.run("lock:prod").success();
    assert_eq!(clones(&repo), 1);
    let commit = repo.tag_commit("bar", "v0.1.3");
    assert!(repo.read("prod/uv.lock").contains(&commit) && repo.read("envloom.lock").contains(&commit));
    // Nothing was fetched into the submodule.
    assert_eq!(repo.tree_hash("packages"), submodules);
    repo.run("check:prod verify:prod").success();
    // The clone is a copy: it may go, and it is brought up to date when another tag is asked for.
    repo.release("bar", "v0.1.4").remove(".envloom/git");
    pinned_from(&repo, "v0.1.3", "v0.1.4").run("lock:prod").success();
    assert!(repo.read("prod/uv.lock").contains(&repo.tag_commit("bar", "v0.1.4")));
}

fn pinned_from(repo: &Monorepo, from: &str, to: &str) -> Monorepo {
    repo.replace("tasks.kdl", &format!("pin \"bar\" \"{from}\""), &format!("pin \"bar\" \"{to}\""))
}

#[test]
fn a_tag_that_nobody_has_is_named() {
    let repo = pinned(&locked(), "v0.1.9");
    let missing = repo.run("lock:prod").code(2);
    insta::assert_snapshot!(missing.output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    fetching https://git.example.com/bar.git
    error: a pinned release cannot be recorded

    error[envloom::ledger::missing_tag]: `bar` has no tag `v0.1.9` at https://git.example.com/bar.git
     --> tasks.kdl:32:15
    32 |     pin "bar" "v0.1.9"
       |               ^^^^^^^^ no such tag
    help: push the tag, or pin one of the nearest: `v0.1.2`
    "#);
}

#[test]
fn a_remote_that_cannot_be_reached_is_an_error_and_no_prompt() {
    let repo = pinned(&locked(), "v0.1.3");
    // It is gone.
    fs::rename(repo.remote("bar"), repo.root().join("gone")).unwrap();
    let gone = repo.run("lock:prod").code(2);
    gone.stderr_has("envloom::ledger::unreachable")
        .stderr_has("could not be read from https://git.example.com/bar.git")
        .stderr_has("pin \"bar\" \"v0.1.3\"")
        .stderr_has("caused by: `")
        .stderr_has("does not appear to be a git repository");
    // A host that does not answer: it is asked again, and the run ends.
    let asking = repo.without_env("GIT_CONFIG_COUNT").env("HTTPS_PROXY", "http://127.0.0.1:9");
    let refused = asking.run("lock:prod").code(2);
    refused.stderr_has("envloom::ledger::unreachable").stderr_has("unable to access");
    assert_eq!(clones(&repo), 0, "nothing half made stays");
}

#[test]
fn a_remote_that_wants_a_password_is_an_error_and_no_prompt() {
    let repo = pinned(&locked(), "v0.1.3");
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let remote = format!("url.http://{}/.insteadOf", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            while lines.next().is_some_and(|header| !header.is_empty()) {}
            let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"tests\"\r\n\
                          Content-Length: 0\r\nConnection: close\r\n\r\n";
            // A client that hangs up has its answer.
            (&stream).write_all(answer.as_bytes()).ok();
        }
    });
    let wanting = repo
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", &remote)
        .env("GIT_CONFIG_VALUE_0", "https://git.example.com/")
        .without_env("GIT_TERMINAL_PROMPT");
    let refused = wanting.run("lock:prod").code(2);
    refused.stderr_has("envloom::ledger::unreachable").stderr_has("terminal prompts disabled");
    assert_eq!(clones(&repo), 0, "nothing half made stays");
}

#[test]
fn without_a_network_missing_releases_are_named_and_known_ones_do() {
    let repo = locked();
    repo.run("--offline lock check verify").success();
    let missing = pinned(&repo, "v0.1.3").run("--offline lock:prod").code(2);
    insta::assert_snapshot!(missing.output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: a pinned release cannot be recorded

    error[envloom::ledger::offline]: envloom.lock has no release `bar v0.1.3`, and --offline forbids asking https://git.example.com/bar.git
     --> tasks.kdl:32:15
    32 |     pin "bar" "v0.1.3"
       |               ^^^^^^^^ pinned here
    help: type `envloom generate:prod` once without --offline, and commit envloom.lock
    "#);
    // What the submodules have needs no network.
    unlocked().run("--offline generate").success();
}
