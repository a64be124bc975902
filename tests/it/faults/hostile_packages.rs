//! What a package's remote holds at a pinned commit: manifests that are none, that are huge or deep, that lie; trees and
//! commits whose names are no text. Every verb that reads a release ends with a code, runs nothing, and reads no more
//! than a manifest may be long.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use super::hostile_releases::{outside, wrong};
use super::known::{known, put_back};
use super::{campaign, figure};
use crate::support::{Entry, Monorepo};

/// A manifest at a release, and a part of what is said of it.
struct Case {
    name: &'static str,
    entries: Vec<(&'static str, &'static [u8], Vec<u8>)>,
    said: &'static str,
}

/// A manifest in that place.
fn manifest(name: &'static str, text: impl AsRef<[u8]>, said: &'static str) -> Case {
    Case { name, entries: vec![("100644", b"pyproject.toml", text.as_ref().to_vec())], said }
}

/// An honest manifest with these lines besides, or instead.
fn project(lines: &str) -> String {
    let honest = [("name", "\"foo\""), ("version", "\"0.1.3\""), ("requires-python", "\">=3.10\"")];
    let honest = honest.iter().filter(|(key, _)| !lines.contains(&format!("{key} =")));
    let honest: Vec<String> = honest.map(|(key, value)| format!("{key} = {value}")).collect();
    format!("[project]\n{}\n{lines}\n", honest.join("\n"))
}

/// A word that no terminal and no shell should meet, in TOML.
const WORD: &str = r"v\u001b]0;x\u0007\u202e$(touch [ROOT]/canary)\n::add-path::/x";

fn cases() -> Vec<Case> {
    let deep = |open: &str, close: &str| {
        project(&format!("[tool.x]\na = {}{}", open.repeat(50_000), close.repeat(50_000)))
    };
    let bad = "envloom::ledger::bad_manifest";
    let huge = if campaign().is_some() { 40 << 20 } else { 1 << 20 };
    let with = |key: &str, value: &str| project(&format!("{key} = {}", value.replace("WORD", WORD)));
    let place = |name, mode, path: &'static [u8], content: &[u8], said| Case {
        name,
        entries: vec![(mode, path, content.to_vec())],
        said,
    };
    let mut cases = vec![
        manifest("huge", project(&format!("#{}", "x".repeat(huge))), "longer than 1 MiB"),
        manifest("arrays 50,000 deep", deep("[", "]"), bad),
        manifest("tables 50,000 deep", deep("{a=", "}"), bad),
        manifest("keys 50,000 deep", project(&format!("[{}a]", "a.".repeat(50_000))), bad),
        manifest("not TOML", "<html>proxy login</html>\x1b[2J", bad),
        manifest("empty", "", bad),
        manifest("NUL", project("x = \"a\0b\""), bad),
        manifest("not UTF-8", [project("").as_bytes(), b"x = \"\xff\xfe\""].concat(), bad),
        manifest("UTF-16", b"\xff\xfe[\0p\0", bad),
        manifest("name", with("name", "\"WORD\""), "envloom::ledger::wrong_name"),
        manifest("another's name", with("name", "\"torch\""), "envloom::ledger::wrong_name"),
        manifest("version", with("version", "\"WORD\""), bad),
        manifest("version of an option", with("version", "\"--output=x\""), bad),
        manifest("another version", with("version", "\"0.1.2\""), "envloom::ledger::wrong_version"),
        manifest("dynamic", with("dynamic", "[\"WORD\"]"), bad),
        manifest("requires-python", with("requires-python", "\"WORD\""), bad),
        manifest("dependencies", with("dependencies", "[\"WORD\"]"), bad),
        manifest("a dependency with escapes", with("dependencies", "[\"tqdm WORD\"]"), bad),
        manifest("a dependency that is an option", with("dependencies", "[\"--index-url=http://h\"]"), bad),
        manifest("a dependency that is a file", with("dependencies", "[\"-e .\"]"), bad),
        manifest("extra", with("optional-dependencies", "{ \"WORD\" = [] }"), bad),
        manifest("wrong types", with("dependencies", "{ a = 1 }"), bad),
        place("a link out", "120000", b"pyproject.toml", b"../../../outside/pyproject.toml", bad),
        place("a link to a device", "120000", b"pyproject.toml", b"/dev/zero", bad),
        place("a directory", "100644", b"pyproject.toml/x", b"", bad),
        place("a submodule", "160000", b"pyproject.toml", &[b'1'; 40], bad),
    ];
    if campaign().is_some() {
        let text = project(&format!("#{}", "x".repeat(100 << 20)));
        cases.push(manifest("longer than any answer of git", text, "more than 64 MiB"));
    }
    cases
}

fn push(repo: &Monorepo, name: &str, tag: &str, case: &Case) {
    let filled: Vec<_> = case
        .entries
        .iter()
        .map(|(mode, path, content)| match std::str::from_utf8(content) {
            Ok(text) if content.len() < 100_000 => (*mode, *path, repo.fill(text).into_bytes()),
            _ => (*mode, *path, content.clone()),
        })
        .collect();
    let entries: Vec<Entry<'_>> =
        filled.iter().map(|(mode, path, content)| Entry { mode, path, content }).collect();
    repo.push_entries(name, tag, &entries);
}

#[test]
fn a_release_without_an_honest_manifest_is_an_error_and_nothing_of_it_is_run() {
    let repo = known();
    let before = outside(&repo);
    let files = repo.tree("").without(".envloom");
    let (mut tried, mut bad) = (0, Vec::new());
    for (at, case) in cases().iter().enumerate() {
        // A tag of its own each, of one version: what was pushed stays.
        let tag = format!("v0.1.3+case{at}");
        push(&repo, "foo", &tag, case);
        let pinned = format!("pin \"foo\" \"{tag}\"");
        let commit = repo.tag_commit("foo", &tag);
        let lines = [
            format!("pin prod foo {tag}"),
            "lock:prod".to_owned(),
            "-B verify:prod".to_owned(),
            format!("--json pin prod foo {tag}"),
            "promote staging prod --allow-untested foo".to_owned(),
            "resolve".to_owned(),
        ];
        // One call each, another for the next; the campaign makes them all.
        let every = if campaign().is_some() { 1 } else { lines.len() };
        for line in lines.into_iter().skip(at % every).step_by(every) {
            put_back(&repo, &line);
            // What the release is pinned as, or what is believed of the one that is.
            if line == "lock:prod" || line == "resolve" {
                repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"", &pinned);
            }
            if line.contains("verify") {
                let record = repo.read("envloom.lock");
                repo.write("envloom.lock", &record.replace(&repo.tag_commit("foo", "v0.1.2"), &commit));
            }
            let there = repo.tree("").without(".envloom");
            let ran = repo.run(&line);
            let mut what = wrong(&repo, &ran, &before).unwrap_or_default();
            let is_asked_for = line.contains("pin") || line == "lock:prod";
            // It is not what was tested, so that another tag is taken.
            let is_passed_over = line.contains("promote") && !repo.read("tasks.kdl").contains(&tag);
            if is_passed_over && ran.exit_code() == Some(0) {
                continue;
            }
            if !matches!(ran.exit_code(), Some(1 | 2)) {
                what.push_str("accepted, ");
            }
            if is_asked_for && !format!("{}{}", ran.stdout(), ran.stderr()).contains(case.said) {
                what.push_str("not said, ");
            }
            if repo.tree("").without(".envloom") != there {
                what.push_str("something was written, ");
            }
            if !what.is_empty() {
                bad.push(format!("{}, {line}: {what}\n{ran}", case.name));
            }
            tried += 1;
        }
    }
    put_back(&repo, "");
    assert_eq!(repo.tree("").without(".envloom"), files);
    figure("F22 releases without an honest manifest x calls: accepted, run or printed raw", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

#[test]
fn a_package_without_an_honest_manifest_is_not_added() {
    let repo = known();
    repo.write("../outside/pyproject.toml", "[project]\nname = \"baz\"\nversion = \"0.1.3\"\n");
    let before = outside(&repo);
    let files = repo.tree("").without(".envloom");
    let (mut tried, mut bad) = (0, Vec::new());
    let every = if campaign().is_some() { 1 } else { 3 };
    for (at, case) in cases().iter().enumerate().step_by(every) {
        let tag = format!("v0.1.3+case{at}");
        push(&repo, "baz", &tag, case);
        let ran = repo.run(&format!("add package baz --git https://git.example.com/baz.git --tag {tag}"));
        let mut what = wrong(&repo, &ran, &before).unwrap_or_default();
        if !matches!(ran.exit_code(), Some(1 | 2)) || !ran.stderr().contains("envloom::") {
            what.push_str("accepted, ");
        }
        if repo.tree("").without(".envloom") != files || !repo.status().is_empty() {
            what.push_str("something is left, ");
            put_back(&repo, "");
        }
        if !what.is_empty() {
            bad.push(format!("{}: {what}\n{ran}", case.name));
        }
        tried += 1;
    }
    figure("F22 packages without an honest manifest: added, run or printed raw", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

/// Names that are no text, in the root and in a submodule.
const NAMES: [&[u8]; 3] = [b"caf\xe9.py", b"\xff\xfe", b"a\x1b]0;x\x07\n::add-path::x"];

/// Such files in the root, one of them tracked, and directories with manifests that nobody means.
fn strew(repo: &Monorepo, line: &str) {
    for (at, name) in NAMES.iter().enumerate() {
        let name = OsStr::from_bytes(name);
        fs::write(repo.path("").join(name), "x").unwrap();
        // Git would take a conflict for settled.
        if at == 0 && line != "resolve" {
            repo.git(&["add", "--all"]).success();
        }
        let directory = repo.path("extra").join(name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("pyproject.toml"), "[project]\nname = \"x\"\nversion = \"1\"\n").unwrap();
    }
}

#[test]
fn names_in_the_repository_that_are_no_text_are_in_nobodys_way() {
    let repo = known();
    let lines = [
        "list",
        "generate",
        "-B lock:prod",
        "check",
        "outdated",
        "affected --since HEAD",
        "--json affected --since HEAD",
        "diff prod --since HEAD",
        "promote staging prod",
        "pin prod foo v0.1.1",
        "add tqdm>=4.1",
        "add package baz --git https://git.example.com/baz.git",
        "doctor",
        "--json doctor --fix",
        "fetch",
        "resolve",
    ];
    let before = outside(&repo);
    let mut bad = Vec::new();
    for line in lines {
        put_back(&repo, line);
        strew(&repo, line);
        let ran = repo.run(line);
        let what = wrong(&repo, &ran, &before);
        if what.is_some() || ran.exit_code() != Some(0) {
            bad.push(format!("{line}: {}\n{ran}", what.unwrap_or_default()));
        }
    }
    figure("F21 calls where names are no text: failed or printed raw", lines.len(), bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

#[test]
fn a_tree_whose_names_are_no_text_is_compared_fetched_and_shown_escaped() {
    let repo = known();
    let entries = |content| NAMES.map(|path| Entry { mode: "100644", path, content });
    repo.push_entries("bar", "v0.1.4", &entries(b"\xff")).push_entries("bar", "v0.1.5", &entries(b"x"));
    let commit = repo.tag_commit("bar", "v0.1.4");
    repo.delete_tag("bar", "v0.1.4");
    // Checked out they are in no verb's way.
    repo.git(&["-C", "packages/bar", "fetch", "-q"]).success();
    repo.git(&["-C", "packages/bar", "checkout", "-q", &commit]).success();
    repo.commit("bar").deinit("bar");
    let before = outside(&repo);
    for line in ["fetch", "lock:dev", "--json doctor", "outdated"] {
        let ran = repo.run(line).success();
        assert_eq!(wrong(&repo, &ran, &before), None, "{ran}");
    }
    // What was tested has other content in them than any tag.
    let ran = repo.run("promote dev prod").code(1);
    assert_eq!(wrong(&repo, &ran, &before), None, "{ran}");
    insta::assert_snapshot!(ran.output_snapshot(), @r#"
        exit: 1
        ----- stdout -----

        ----- stderr -----
        error: dev cannot be promoted to prod: nothing was changed

        error[envloom::promote::untested]: no stable tag of `bar` is what dev has tested, commit [COMMIT]
         --> tasks.kdl:32:15
        32 |     pin "bar" "v0.1.2"
           |               ^^^^^^^^ stays
        help: `v0.1.5` differs in a\u{1b}]0;x\u{7}\u{a}::add-path::x, caf�.py, ��; `v0.1.3` differs in a\u{1b}]0;x\u{7}\u{a}::add-path::x, caf�.py, ��; tag that commit, or take the newest tag as it is with `--allow-untested bar`
        "#);
    fs::write(repo.path("packages/bar").join(OsStr::from_bytes(NAMES[1])), "changed").unwrap();
    for line in ["doctor", "--json doctor", "fetch", "promote dev prod"] {
        let ran = repo.run(line);
        assert_eq!(wrong(&repo, &ran, &before), None, "{ran}");
    }
}
