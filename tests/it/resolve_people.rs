//! `resolve`: what it leaves to people, and that it says so before anything is changed.

use crate::resolve::{branches, merged, merged_with, settle_tasks};
use crate::seed::locked;
use crate::support::{Monorepo, Package, Ran};

/// Refused, and nothing has changed; what is said.
fn refused(repo: &Monorepo) -> String {
    let before = repo.tree("").without(".envloom");
    let ran = repo.run("resolve").code(1);
    assert_eq!(repo.tree("").without(".envloom"), before);
    ran.output_snapshot()
}

fn resolved(repo: &Monorepo) -> Ran {
    let ran = repo.run("resolve").success();
    repo.run("check verify").success();
    ran
}

#[test]
fn sides_have_the_names_of_branches_and_commits() {
    let line = |value: &'static str| {
        move |repo: &Monorepo| {
            drop(repo.append("prod/pyproject.toml", &format!("\n[tool.mine]\nkey = {value}\n")));
        }
    };
    let repo = branches(line("1"), line("2"));
    // One that shows the base as well.
    repo.git(&["config", "merge.conflictStyle", "diff3"]).success();
    repo.git(&["checkout", "-q", "theirs"]).success();
    repo.git(&["commit", "-q", "--amend", "-m", "theirs \u{1b}[2J https://me:secret@host/x"]).success();
    repo.git(&["rebase", "-q", "main"]).code(1);
    settle_tasks(&repo);
    insta::assert_snapshot!(refused(&repo), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::by_hand]: prod/pyproject.toml has conflicts that are not envloom's to settle:
      in HEAD, [COMMIT] (ours): key = 2
      in [COMMIT] (theirs \u{1b}[2J https://*********@host/x): key = 1
    help: take the lines that are to stay, and the markers out of prod/pyproject.toml; then type `envloom resolve` again
    ");
}

#[test]
fn what_was_edited_in_one_side_is_kept_or_discarded() {
    let repo = merged_with(|repo| drop(repo.replace("prod/pyproject.toml", "tqdm>=4", "tqdm>=4.1")), |_| {});
    settle_tasks(&repo);
    insta::assert_snapshot!(refused(&repo), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::edited_side]: in theirs, prod/pyproject.toml is not as envloom left it:
      `project.dependencies[tqdm]` was edited by hand: it is "tqdm>=4.1"; tasks.kdl:6:18 asks for "tqdm>=4"
    help: to keep an edit: write it into tasks.kdl, and type `envloom resolve` again; to undo what tasks.kdl does not say: envloom resolve --discard
    "#);
    repo.run("resolve --discard").success();
    repo.run("check verify").success();
    assert!(repo.read("prod/pyproject.toml").contains("\"tqdm>=4\""));
    // The other way.
    repo.git(&["checkout", "-q", "-m", "--", "prod/pyproject.toml"]).success();
    repo.replace("tasks.kdl", "tqdm>=4", "tqdm>=4.1");
    repo.run("resolve").success();
    assert!(repo.read("prod/pyproject.toml").contains("\"tqdm>=4.1\""));
}

#[test]
fn a_side_that_is_no_manifest_is_for_people() {
    let breaks = |repo: &Monorepo| {
        repo.replace("prod/pyproject.toml", "dependencies = [\n    \"tqdm>=4\"", "dependencies = [\n    1");
    };
    let repo = merged_with(breaks, |_| {});
    settle_tasks(&repo);
    insta::assert_snapshot!(refused(&repo), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::by_hand]: prod/pyproject.toml has conflicts that are not envloom's to settle, in theirs:
      1 is not a requirement
    help: take the lines that are to stay, and the markers out of prod/pyproject.toml; then type `envloom resolve` again
    ");
}

#[test]
fn a_table_of_both_sides_in_two_places_is_for_people() {
    let repo = merged_with(
        |repo| drop(repo.append("prod/pyproject.toml", "\n[tool.mine]\nkey = 1\n")),
        |repo| drop(repo.replace("prod/pyproject.toml", "[project]", "[tool.mine]\nkey = 2\n\n[project]")),
    );
    settle_tasks(&repo);
    insta::assert_snapshot!(refused(&repo), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::by_hand]: prod/pyproject.toml has conflicts that are not envloom's to settle: what both sides have together is not valid TOML at `[tool.mine]`: duplicate key
    help: take the lines that are to stay, and the markers out of prod/pyproject.toml; then type `envloom resolve` again
    ");
}

#[test]
fn a_python_version_that_tasks_kdl_names_is_written_and_any_other_is_for_people() {
    let writes = |version: &'static str| {
        move |repo: &Monorepo| drop(repo.write(".python-version", &format!("{version}\n")))
    };
    // No environment asks for a Python.
    let repo = locked().replace("tasks.kdl", "    python \"3.12\"\n", "");
    repo.run("lock").success();
    repo.write(".python-version", "3.12\n")
        .commit("no pin")
        .git(&["checkout", "-q", "-b", "theirs"])
        .success();
    writes("3.11")(&repo);
    repo.commit("theirs").git(&["checkout", "-q", "main"]).success();
    writes("3.10")(&repo);
    repo.commit("ours").git(&["merge", "-q", "theirs"]).code(1);
    insta::assert_snapshot!(refused(&repo), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::by_hand]: .python-version has conflicts that are not envloom's to settle
    help: take the lines that are to stay, and the markers out of .python-version; then type `envloom resolve` again
    ");
    writes("3.12")(&repo);
    resolved(&repo);
    assert_eq!(repo.read(".python-version"), "3.12\n");

    let pins = |version: &'static str| {
        move |repo: &Monorepo| {
            repo.replace("tasks.kdl", "python \"3.12\"", &format!("python \"{version}\""))
                .run("lock")
                .success();
        }
    };
    let repo = merged_with(pins("3.11"), pins("3.10"));
    settle_tasks(&repo);
    assert!(repo.read("prod/.python-version").contains("<<<<<<<"));
    resolved(&repo);
    for file in [".python-version", "prod/.python-version", "staging/.python-version"] {
        assert_eq!(repo.read(file), "3.12\n", "{file}");
    }
}

#[test]
fn a_submodule_in_conflict_comes_first() {
    let at = |tag: &'static str| {
        move |repo: &Monorepo| {
            repo.git(&["-C", "packages/foo", "fetch", "-q", "--tags"]).success();
            repo.git(&["-C", "packages/foo", "checkout", "-q", tag]).success();
            repo.run("lock:dev").success();
        }
    };
    let repo = merged_with(at("v0.1.3"), at("v0.1.1"));
    settle_tasks(&repo);
    insta::assert_snapshot!(refused(&repo), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::submodule]: the submodule packages/foo is in conflict: [COMMIT] in HEAD (main), [COMMIT] in theirs
    help: check out there what is to stay, such as `git -C packages/foo checkout [COMMIT]`, and type `git add -- packages/foo`; then `envloom resolve` again
    ");
    repo.git(&["-C", "packages/foo", "checkout", "-q", "v0.1.3"]).success();
    repo.git(&["add", "--", "packages/foo"]).success();
    resolved(&repo);
    assert!(repo.read("uv.lock").contains("0.1.3"));
}

#[test]
fn conflicts_in_gitmodules_come_first() {
    let repo = merged();
    settle_tasks(&repo);
    repo.append(".gitmodules", "<<<<<<< HEAD\n");
    insta::assert_snapshot!(refused(&repo), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::by_hand]: .gitmodules has conflicts that are not envloom's to settle
    help: take the lines that are to stay, and the markers out of .gitmodules; then type `envloom resolve` again
    ");
}

/// An environment that people write, and one that is made from it.
fn adopted() -> Monorepo {
    let repo = Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("ruff", "0.4.2"), ("torch", "2.7.1")])
        .add(Package::new("core").path("libs/core").tag("v1.0.0").tag("v1.0.1"))
        .write(
            "app/pyproject.toml",
            r#"[project]
name = "app"
version = "1"
requires-python = ">=3.10"
dependencies = [
    "core",
]

[tool.uv]
package = false

[tool.uv.sources]
core = { path = "../libs/core", editable = true }
"#,
        )
        .tasks_kdl(
            r#"package "core" path="libs/core" git="https://git.example.com/core.git"
environment "app" { manifest "app/pyproject.toml"; adopt }
environment "app-prod" { manifest "app/prod/pyproject.toml"; from "app"; sources "tags" channel="stable"; pin "core" "v1.0.0" }
"#,
        );
    repo.run("lock").success();
    repo.commit("locked")
}

#[test]
fn an_adopted_manifest_is_peoples_and_what_is_made_from_it_follows() {
    let repo = adopted();
    repo.git(&["checkout", "-q", "-b", "theirs"]).success();
    let with = |name: &str, version: &str| {
        repo.replace("app/pyproject.toml", "    \"core\",\n", &format!("    \"core\",\n    \"{name}\",\n"));
        repo.write("app/.python-version", &format!("{version}\n")).run("lock").success();
        repo.commit(name);
    };
    with("tqdm", "3.12");
    repo.git(&["checkout", "-q", "main"]).success();
    with("ruff", "3.11");
    repo.git(&["merge", "-q", "theirs"]).code(1);
    insta::assert_snapshot!(refused(&repo), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::by_hand]: app/.python-version has conflicts that are not envloom's to settle
    help: take the lines that are to stay, and the markers out of app/.python-version; then type `envloom resolve` again

    error[envloom::resolve::by_hand]: app/pyproject.toml has conflicts that are not envloom's to settle
    help: take the lines that are to stay, and the markers out of app/pyproject.toml; then type `envloom resolve` again
    ");
    let text = repo.git(&["show", ":2:app/pyproject.toml"]).text();
    repo.write("app/pyproject.toml", &text.replace("    \"ruff\",", "    \"ruff\",\n    \"tqdm\","));
    repo.write("app/.python-version", "3.12\n");
    let ran = resolved(&repo);
    let said = ran.output_snapshot();
    insta::assert_snapshot!(said[said.find("resolved").unwrap()..].to_owned(), @r"
    resolved: app/.python-version, app/prod/.python-version, app/prod/pyproject.toml, app/prod/uv.lock, app/pyproject.toml, app/uv.lock, envloom.lock
    look at `git diff`, then type: git add -- app/.python-version app/prod/.python-version app/prod/pyproject.toml app/prod/uv.lock app/pyproject.toml app/uv.lock envloom.lock
    and then: git merge --continue
    ");
    let derived = repo.read("app/prod/pyproject.toml");
    assert!(derived.contains("tqdm") && derived.contains("ruff") && !derived.contains("<<<<"), "{derived}");
}
