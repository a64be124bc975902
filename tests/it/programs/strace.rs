//! No file that uv looks at may be unknown to the fingerprints: what it read, listed or missed is held against what
//! `explain --json` says a task rests on.
//!
//! Only questions about an existing lockfile are asked here. A `uv lock` that changes one reads index pages, metadata
//! of wheels and git remotes besides; none of these can be an input, since asking them is what the run is for, and a
//! lockfile that still satisfies its manifest is no less right when they move.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::locked;
use super::trace::{Look, Uv, trace};
use crate::support::{Monorepo, Package, python};

/// What a task rests on, absolute.
fn inputs(repo: &Monorepo, target: &str) -> BTreeSet<PathBuf> {
    let explained = repo.run(&format!("explain --json {target}")).success();
    let answer: serde_json::Value = serde_json::from_str(explained.stdout()).unwrap();
    let paths = answer["inputs"].as_array().unwrap_or_else(|| panic!("no inputs in {answer}"));
    assert!(paths.iter().any(|path| path == "tasks.kdl"), "{answer}");
    paths.iter().map(|path| repo.path(path.as_str().unwrap())).collect()
}

/// What uv looked at and nothing names.
fn unnamed<'a>(repo: &Monorepo, uv: &'a Uv, inputs: &BTreeSet<PathBuf>) -> Vec<&'a (PathBuf, Look)> {
    uv.looks.iter().filter(|(path, _)| counts(repo, path) && !inputs.contains(path)).collect()
}

/// Is the path one that a result may depend on? Indexes of the repository, members and everything else below it is;
/// so is every file of settings, wherever it lies.
fn counts(repo: &Monorepo, path: &Path) -> bool {
    let settings = ["pyproject.toml", "uv.toml", ".python-version", ".python-versions"];
    let is_settings = path.file_name().is_some_and(|name| settings.iter().any(|one| name == *one));
    let inside = path.starts_with(repo.path("")) || path.starts_with(repo.root().join("home"));
    // envloom's own: venvs are compared with their records before every use.
    let own = path.starts_with(repo.path(".envloom"));
    // uv looks there for an interpreter, and each child is given one.
    let venv = path.file_name().is_some_and(|name| name == ".venv");
    // Pythons that uv manages: it only asks whether the interpreter it is given is one of them.
    let managed = path.starts_with(repo.root().join("home/.local/share/uv"));
    // Commits of tagged packages, among others: named by the lockfile.
    let cached = path.starts_with(repo.root().join("cache/uv"));
    (inside || is_settings) && !own && !venv && !managed && !cached
}

/// Runs a target under strace and holds each of its uv commands against what the target rests on.
fn holds(repo: &Monorepo, target: &str, verb: &str) {
    let traced = trace(repo, &["-B", target]);
    let mut inputs = inputs(repo, target);
    let verbs: Vec<&Uv> = traced.iter().filter(|uv| uv.words.contains(&format!(" {verb} "))).collect();
    assert_eq!(verbs.len(), 1, "one `uv {verb}` in {target}: {traced:?}");
    for uv in verbs {
        let found = unnamed(repo, uv, &inputs);
        assert!(found.is_empty(), "`{}` of {target} looks at what no field names: {found:#?}", uv.words);
        // A lockfile that nobody named would have been found.
        inputs.retain(|path| !path.ends_with("uv.lock"));
        let found = unnamed(repo, uv, &inputs);
        assert!(
            matches!(found[..], [(path, Look::Read)] if path.ends_with("uv.lock")),
            "{found:?} of {uv:?}"
        );
    }
}

#[test]
fn uv_looks_at_no_file_that_a_check_does_not_rest_on() {
    let repo = locked();
    for target in ["check:dev", "check:staging", "check:prod"] {
        holds(&repo, target, "lock");
    }
}

#[test]
fn uv_looks_at_no_file_that_a_sync_does_not_rest_on() {
    let repo = locked();
    // The second of dev finds its venv there.
    for target in ["sync:dev@cpu", "sync:prod@cpu", "sync:dev@cpu"] {
        holds(&repo, target, "sync");
    }
}

#[test]
fn files_that_appear_where_uv_looks_are_named_too() {
    let repo = locked()
        .write("packages/foo/setup.cfg", "")
        .write("packages/foo/setup.py", "from setuptools import setup\n")
        .write(".python-versions", "3.12\n")
        .write("prod/.python-version", "3.12\n")
        .write("../uv.toml", "")
        .write("../pyproject.toml", "[tool.ruff]\n")
        .write("../home/.config/uv/.python-version", "3.12\n");
    let interpreter = python("3.12").to_str().unwrap();
    let repo =
        repo.env("XDG_CONFIG_DIRS", "[ROOT]/system").write("../system/uv/uv.toml", "offline = false\n");
    let repo = repo.env("UV_PYTHON", interpreter);
    for target in ["check:dev", "check:prod"] {
        holds(&repo, target, "lock");
    }
    holds(&repo, "sync:dev@cpu", "sync");
}

#[test]
fn what_decides_about_dynamic_metadata_and_path_sources_is_named() {
    let keys = "[tool.uv]\ncache-keys = [{ file = \"pyproject.toml\" }, { file = \"VERSION\" }, \
                { file = \"src/**/*.py\" }, { dir = \"data\" }]";
    let repo = locked()
        .add(Package::new("tool").in_tree().path("tools/tool").toml(keys).file("VERSION", "1\n"))
        .write("tools/tool/data/table", "1\n")
        .replace(
            "tasks.kdl",
            "index \"wheels\"",
            "package \"tool\" path=\"tools/tool\" role=\"path\" environments=\"dev\"\n\nindex \"wheels\"",
        );
    // A lockfile that changes: the repository's files are the same ones, the rest comes over the network.
    holds(&repo, "lock:dev", "lock");
    holds(&repo, "check:dev", "lock");
    holds(&repo, "sync:dev@cpu", "sync");
    holds(&repo, "sync:dev@cpu", "sync");
}
