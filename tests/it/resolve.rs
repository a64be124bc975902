//! `resolve`: what a merge left in conflict of the files that envloom and uv write.

use crate::seed::locked;
use crate::support::Monorepo;

/// Two branches: here prod pins foo v0.1.3, there bar v0.1.3, and each was locked and committed. Merged.
pub(crate) fn merged() -> Monorepo {
    merged_with(|_| {}, |_| {})
}

/// The same, with something that each side does besides.
pub(crate) fn merged_with(theirs: impl Fn(&Monorepo), ours: impl Fn(&Monorepo)) -> Monorepo {
    let repo = branches(theirs, ours);
    repo.git(&["merge", "-q", "theirs"]).code(1);
    repo
}

/// The same before the merge, at the branch `main`.
pub(crate) fn branches(theirs: impl Fn(&Monorepo), ours: impl Fn(&Monorepo)) -> Monorepo {
    let repo = locked().release("foo", "v0.1.3").release("bar", "v0.1.3");
    repo.git(&["checkout", "-q", "-b", "theirs"]).success();
    repo.run("pin prod bar v0.1.3").success();
    theirs(&repo);
    repo.commit("theirs").git(&["checkout", "-q", "-"]).success();
    repo.run("pin prod foo v0.1.3").success();
    ours(&repo);
    repo.commit("ours")
}

/// Takes both sides' pins, as a person would, wherever the tasks file is.
pub(crate) fn settle_tasks(repo: &Monorepo) {
    let text = repo.git(&["show", ":1:./tasks.kdl"]).success().text();
    let both = |text: &str| {
        let (start, end) = text.rsplit_once("pin \"foo\" \"v0.1.2\"").unwrap();
        format!(
            "{start}pin \"foo\" \"v0.1.3\"{}",
            end.replace("pin \"bar\" \"v0.1.2\"", "pin \"bar\" \"v0.1.3\"")
        )
    };
    repo.write("tasks.kdl", &(both(&text) + "\n"));
}

#[test]
fn two_branches_that_pin_different_releases_come_together() {
    let repo = merged();
    insta::assert_snapshot!(repo.run("resolve").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 1 mistake

    error[envloom::config::conflict]: a merge left conflict markers in this file
     --> tasks.kdl:31:1
    31 | <<<<<<< HEAD
       | ^^^^^^^^^^^^ the first one
    help: take the lines that are to stay, and the markers out; then type `envloom resolve`: it settles manifests, lockfiles and envloom.lock
    ");
    settle_tasks(&repo);
    let before = repo.tree("").without(".envloom");
    insta::assert_snapshot!(repo.run("resolve -n").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ✓ lock:prod  ran in [TIME], prod/uv.lock written  (no record of it here)
    ✓ verify:prod  ran in [TIME], 6 packages  (no record of it here)
    ran 2, up to date 2 in [TIME]
    would resolve: envloom.lock, prod/pyproject.toml, prod/uv.lock, tasks.kdl
    ");
    assert_eq!(repo.tree("").without(".envloom"), before);
    insta::assert_snapshot!(repo.run("resolve").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ✓ lock:prod  ran in [TIME], prod/uv.lock written  (no record of it here)
    ✓ verify:prod  ran in [TIME], 6 packages  (no record of it here)
    ran 2, up to date 2 in [TIME]
    resolved: envloom.lock, prod/pyproject.toml, prod/uv.lock, tasks.kdl
    look at `git diff`, then type: git add -- envloom.lock prod/pyproject.toml prod/uv.lock tasks.kdl
    and then: git merge --continue
    ");
    assert!(repo.status().contains("UU tasks.kdl"), "{}", repo.status());
    let resolved = ["envloom.lock", "prod/pyproject.toml", "prod/uv.lock"].map(|file| repo.read(file));
    repo.commit("merged").run("check verify").success();

    // What is made from nothing is the same.
    repo.git(&["checkout", "-q", "HEAD~1", "--", "envloom.lock", "prod"]).success();
    repo.run("lock").success();
    assert_eq!(["envloom.lock", "prod/pyproject.toml", "prod/uv.lock"].map(|file| repo.read(file)), resolved);
    repo.git(&["checkout", "-q", "HEAD", "--", "."]).success();
    insta::assert_snapshot!(repo.run("resolve").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    nothing to resolve: no file that envloom or uv writes is in conflict
    ");
}

/// What the index holds of a file on this side.
fn ours(repo: &Monorepo, path: &str) -> String {
    repo.git(&["show", &format!(":2:{path}")]).success().text()
}

#[test]
fn what_people_wrote_beside_our_entries_comes_from_both_sides() {
    let repo = merged_with(
        |repo| drop(repo.append("prod/pyproject.toml", "\n[tool.theirs]\nkey = 1\n")),
        |repo| drop(repo.replace("prod/pyproject.toml", "[project]", "[tool.ours]\nkey = 1\n\n[project]")),
    );
    settle_tasks(&repo);
    assert!(repo.read("prod/pyproject.toml").contains("<<<<<<<"));
    let answer = repo.run("resolve --json").success().text();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["environments"], serde_json::json!(["prod"]));
    assert_eq!(
        answer["add"],
        serde_json::json!(["envloom.lock", "prod/pyproject.toml", "prod/uv.lock", "tasks.kdl"])
    );
    let manifest = repo.read("prod/pyproject.toml");
    assert!(manifest.contains("[tool.ours]") && manifest.contains("[tool.theirs]"), "{manifest}");
    assert_eq!(manifest.matches("tag = \"v0.1.3\"").count(), 2, "{manifest}");
    repo.run("check verify").success();
}

#[test]
fn lines_that_are_nobodys_but_both_sides_changed_are_for_people() {
    let line = |value: &'static str| {
        move |repo: &Monorepo| {
            drop(repo.append("prod/pyproject.toml", &format!("\n[tool.mine]\nkey = {value}\n")));
        }
    };
    let repo = merged_with(line("1"), line("2"));
    settle_tasks(&repo);
    let before = repo.tree("").without(".envloom");
    insta::assert_snapshot!(repo.run("resolve").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::by_hand]: prod/pyproject.toml has conflicts that are not envloom's to settle:
      in HEAD (main): key = 2
      in theirs: key = 1
    help: take the lines that are to stay, and the markers out of prod/pyproject.toml; then type `envloom resolve` again
    ");
    assert_eq!(repo.tree("").without(".envloom"), before);
    // Settled by hand, whatever was taken of envloom's entries.
    repo.write("prod/pyproject.toml", &ours(&repo, "prod/pyproject.toml"));
    repo.run("resolve").success();
    let manifest = repo.read("prod/pyproject.toml");
    assert!(manifest.contains("key = 2"), "{manifest}");
    assert_eq!(manifest.matches("tag = \"v0.1.3\"").count(), 2, "{manifest}");
    repo.run("check verify").success();
}

#[test]
fn lockfiles_keep_the_versions_of_the_merge_base() {
    let repo = merged();
    settle_tasks(&repo);
    // What the base has locked is no longer the newest.
    repo.index("pypi", &[("tqdm", "4.99.0")]);
    repo.run("resolve").success();
    let locked = repo.read("prod/uv.lock");
    assert!(locked.contains("4.67.1") && !locked.contains("4.99.0"), "{locked}");
}

#[test]
fn one_tag_at_two_commits_is_for_people() {
    let repo = locked().release("foo", "v0.1.3").release("bar", "v0.1.3");
    repo.git(&["checkout", "-q", "-b", "theirs"]).success();
    repo.run("pin prod foo v0.1.3").success();
    repo.commit("theirs").git(&["checkout", "-q", "-"]).success();
    repo.move_tag("foo", "v0.1.3");
    repo.run("pin prod foo v0.1.3").success();
    repo.commit("ours").git(&["merge", "-q", "theirs"]).code(1);
    let before = repo.tree("").without(".envloom");
    insta::assert_snapshot!(repo.run("resolve").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::two_commits]: `foo v0.1.3` is recorded at two commits: [COMMIT] in HEAD (main), [COMMIT] in theirs
    help: the tag was moved: find out why; `envloom resolve --accept-moved foo` believes where it leads now
    ");
    assert_eq!(repo.tree("").without(".envloom"), before);
    repo.run("resolve --accept-moved foo").success();
    repo.run("check verify").success();
}

#[test]
fn what_cannot_be_resolved_is_said_and_changes_nothing() {
    let repo = locked();
    let said = |line: &str| format!("$ {line}\n{}\n", repo.run(line).output_snapshot());
    let mut text = said("resolve prod") + &said("resolve --locked");
    repo.append("prod/uv.lock", "<<<<<<< HEAD\n").append("packages/foo/pyproject.toml", "<<<<<<< HEAD\n");
    text += &said("resolve");
    insta::assert_snapshot!(text, @r"
    $ resolve prod
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `resolve` takes no words
    help: type `envloom resolve`
    $ resolve --locked
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::locked_verb]: `resolve` writes tracked files, and --locked, the default where CI is set, lets it write none
    help: type it where you work and commit what it writes; or add --no-locked
    $ resolve
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::by_hand]: packages/foo/pyproject.toml has conflicts that are not envloom's to settle
    help: take the lines that are to stay, and the markers out of packages/foo/pyproject.toml; then type `envloom resolve` again

    error[envloom::resolve::no_sides]: prod/uv.lock holds conflict markers, and git no longer knows the sides
    help: take the file of a commit without them: `git checkout HEAD~1 -- prod/uv.lock`, or of another one; then type `envloom resolve` again
    ");
}

#[test]
fn the_first_lines_of_an_older_record_are_no_drift() {
    let repo = locked();
    let text = repo.read("envloom.lock");
    let older = text.replace("type `envloom resolve`", "take either side and type `envloom generate`");
    assert_ne!(older, text);
    repo.write("envloom.lock", &older).commit("older");
    repo.run("--locked generate check verify").success();
    repo.run("lock").success();
    assert_eq!(repo.read("envloom.lock"), older);
}
