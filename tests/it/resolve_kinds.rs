//! `resolve` in every kind of merge, wherever it is typed, whatever git calls the sides, and interrupted.

use crate::resolve::{branches, merged, merged_with, settle_tasks};
use crate::support::{Monorepo, Package, Ran, Signal};

/// The line to paste that a message ends with.
fn line<'r>(ran: &'r Ran, before: &str) -> &'r str {
    let told = ran.stderr().lines().find_map(|line| line.split_once(before));
    told.unwrap_or_else(|| panic!("no `{before}` in {ran}")).1
}

/// Types the lines that `resolve` printed, and looks at what has come of it.
fn pasted(ran: &Ran) -> Monorepo {
    let repo = ran.env("GIT_EDITOR", "true");
    repo.exec("sh", &["-c", line(ran, "then type: ")]).success();
    if let Some((_, line)) = ran.stderr().split_once("and then: ") {
        repo.exec("sh", &["-c", line.trim()]).success();
        ran.assert_clean();
    }
    assert_eq!(repo.git(&["ls-files", "--unmerged"]).text(), "");
    repo.run("check verify").success();
    repo.run("resolve").success().stderr_has("nothing to resolve");
    repo
}

#[test]
fn a_rebase_goes_on_after_it() {
    let repo = branches(|_| {}, |_| {});
    repo.git(&["checkout", "-q", "theirs"]).success();
    repo.git(&["rebase", "-q", "main"]).code(1);
    settle_tasks(&repo);
    // The lines are for where they are typed.
    let ran = repo.in_dir("prod").run("resolve").success();
    assert_eq!(line(&ran, "then type: "), "git add -- ../envloom.lock pyproject.toml uv.lock ../tasks.kdl");
    assert_eq!(line(&ran, "and then: "), "git rebase --continue");
    pasted(&ran);
    assert_eq!(repo.git(&["log", "-2", "--format=%s"]).text(), "theirs\nours");
}

#[test]
fn a_cherry_pick_goes_on_after_it() {
    let repo = branches(|_| {}, |_| {});
    repo.git(&["cherry-pick", "theirs"]).code(1);
    settle_tasks(&repo);
    pasted(&repo.run("resolve").success().stderr_has("and then: git cherry-pick --continue"));
}

#[test]
fn a_revert_goes_on_after_it() {
    let repo = branches(|_| {}, |_| {});
    repo.run("pin prod bar v0.1.3").success();
    repo.commit("both").git(&["revert", "--no-edit", "HEAD~1"]).code(1);
    let text = repo.git(&["show", ":2:tasks.kdl"]).text();
    repo.write("tasks.kdl", &text.replace("pin \"foo\" \"v0.1.3\"", "pin \"foo\" \"v0.1.2\""));
    let ran = repo.run("resolve").success().stderr_has("and then: git revert --continue");
    let manifest = pasted(&ran).read("prod/pyproject.toml");
    assert_eq!(manifest.matches("tag = \"v0.1.2\"").count(), 1, "{manifest}");
}

#[test]
fn a_stash_is_taken_in() {
    let repo = branches(|_| {}, |_| {});
    repo.git(&["checkout", "-q", "HEAD~1"]).success();
    repo.run("pin prod bar v0.1.3").success();
    repo.append("prod/pyproject.toml", "\n[tool.mine]\nkey = 1\n").git(&["stash", "-q"]).success();
    repo.git(&["checkout", "-q", "main"]).success();
    repo.git(&["stash", "pop", "-q"]).code(1);
    settle_tasks(&repo);
    let ran = repo.run("resolve").success();
    assert!(!ran.stderr().contains("and then"), "{ran}");
    let manifest = pasted(&ran).read("prod/pyproject.toml");
    assert!(manifest.contains("[tool.mine]"), "{manifest}");
}

#[test]
fn an_edit_by_hand_that_a_stash_brings_is_not_lost() {
    let repo = branches(|_| {}, |_| {});
    repo.git(&["checkout", "-q", "HEAD~1"]).success();
    repo.replace("prod/pyproject.toml", "tqdm>=4", "tqdm>=4.1")
        .append("prod/pyproject.toml", "\n[tool.a]\nx = 1\n");
    repo.git(&["stash", "-q"]).success();
    repo.git(&["checkout", "-q", "main"]).success();
    repo.append("prod/pyproject.toml", "\n[tool.b]\nx = 1\n").commit("tool");
    repo.git(&["stash", "pop", "-q"]).code(1);
    let text = repo.git(&["show", ":2:prod/pyproject.toml"]).text() + "\n\n[tool.a]\nx = 1\n";
    let mut said = repo.run("resolve").code(1).output_snapshot() + "\n";
    repo.write("prod/pyproject.toml", &text.replace("tqdm>=4", "tqdm>=4.1"));
    said += &repo.run("resolve").code(1).output_snapshot();
    insta::assert_snapshot!(said, @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::edited_side]: in the stash, prod/pyproject.toml is not as envloom left it:
      `project.dependencies[tqdm]` was edited by hand: it is "tqdm>=4.1"; tasks.kdl:6:18 asks for "tqdm>=4"
    help: to keep an edit: write it into tasks.kdl, and type `envloom resolve` again; to undo what tasks.kdl does not say: envloom resolve --discard
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: the merge cannot be resolved yet: nothing was changed

    error[envloom::resolve::edited_side]: in the working tree, prod/pyproject.toml is not as envloom left it:
      `project.dependencies[tqdm]` was edited by hand: it is "tqdm>=4.1"; tasks.kdl:6:18 asks for "tqdm>=4"
    help: to keep an edit: write it into tasks.kdl, and type `envloom resolve` again; to undo what tasks.kdl does not say: envloom resolve --discard
    "#);
    // One side's pins are taken, as git has them in the working tree: envloom knows them for its own.
    repo.write("prod/pyproject.toml", &text);
    let manifest = pasted(&repo.run("resolve").success()).read("prod/pyproject.toml");
    assert!(manifest.contains("[tool.a]") && manifest.contains("[tool.b]"), "{manifest}");
}

#[test]
fn a_project_below_the_top_is_resolved_and_what_lies_beside_it_is_named() {
    let repo = Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1")])
        .add(Package::new("foo").path("proj/packages/foo").tag("v0.1.2").tag("v0.1.3"))
        .add(Package::new("bar").path("proj/packages/bar").tag("v0.1.2").tag("v0.1.3"))
        .write(
            "proj/tasks.kdl",
            r#"project "app" { version "1"; requires-python ">=3.10" }
package "foo" path="packages/foo" git="https://git.example.com/foo.git"
package "bar" path="packages/bar" git="https://git.example.com/bar.git"
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags" channel="stable"
    pin "foo" "v0.1.2"
    pin "bar" "v0.1.2"
}
"#,
        );
    let project = repo.in_dir("proj");
    project.run("lock").success();
    repo.write("beside", "0").commit("locked").git(&["checkout", "-q", "-b", "theirs"]).success();
    project.run("pin prod bar v0.1.3").success();
    repo.write("beside", "1").commit("theirs").git(&["checkout", "-q", "main"]).success();
    project.run("pin prod foo v0.1.3").success();
    repo.write("beside", "2").commit("ours").git(&["merge", "-q", "theirs"]).code(1);
    let text = repo.git(&["show", ":1:proj/tasks.kdl"]).text();
    repo.write("proj/tasks.kdl", &(text.replace("\" \"v0.1.2\"", "\" \"v0.1.3\"") + "\n"));
    let ran = repo.run("-C proj resolve").success();
    let said = ran.output_snapshot();
    insta::assert_snapshot!(said[said.find("resolved").unwrap()..].to_owned(), @r"
    resolved: envloom.lock, prod/pyproject.toml, prod/uv.lock, tasks.kdl
    still in conflict, and not envloom's: ../beside
    look at `git diff`, then type: git add -- proj/envloom.lock proj/prod/pyproject.toml proj/prod/uv.lock proj/tasks.kdl
    ");
    repo.exec("sh", &["-c", line(&ran, "then type: ")]).success();
    assert_eq!(repo.git(&["diff", "--name-only", "--diff-filter=U"]).text(), "beside");
    project.run("check verify").success();
}

#[test]
fn what_was_added_with_its_markers_is_resolved_all_the_same() {
    let repo = merged();
    settle_tasks(&repo);
    repo.git(&["add", "--all"]).success();
    let ran = repo.run("resolve").success().stderr_has("and then: git merge --continue");
    let manifest = pasted(&ran).read("prod/pyproject.toml");
    assert_eq!(manifest.matches("tag = \"v0.1.3\"").count(), 2, "{manifest}");
}

#[test]
fn a_new_environment_of_both_sides_is_one() {
    let added = |pins: [&str; 2]| {
        format!(
            "environment \"qa\" {{\n    manifest \"qa/pyproject.toml\"\n    sources \"tags\" channel=\"stable\"\n    \
             pin \"foo\" \"{}\"\n    pin \"bar\" \"{}\"\n}}\n",
            pins[0], pins[1]
        )
    };
    let with = |pins: [&'static str; 2]| {
        move |repo: &Monorepo| {
            repo.git(&["checkout", "-q", "HEAD", "--", "."]).success();
            repo.append("tasks.kdl", &added(pins)).run("lock").success();
        }
    };
    let repo = merged_with(with(["v0.1.2", "v0.1.3"]), with(["v0.1.3", "v0.1.2"]));
    let text = repo.git(&["show", ":1:tasks.kdl"]).text();
    repo.write("tasks.kdl", &format!("{text}\n{}", added(["v0.1.3"; 2])));
    assert!(repo.status().contains("AA qa/uv.lock"), "{}", repo.status());
    let manifest = pasted(&repo.run("--offline resolve").success()).read("qa/pyproject.toml");
    assert_eq!(manifest.matches("tag = \"v0.1.3\"").count(), 2, "{manifest}");
}

#[test]
fn an_environment_that_one_side_took_away_is_gone() {
    let repo = branches(|_| {}, |_| {});
    let text = repo.read("tasks.kdl");
    let (start, rest) = text.split_once("environment \"prod\"").unwrap();
    let without = format!("{start}{}", rest.split_once("}\n").unwrap().1);
    repo.write("tasks.kdl", &without).remove("prod").run("generate").success();
    repo.commit("gone").git(&["merge", "-q", "theirs"]).code(1);
    repo.write("tasks.kdl", &without);
    let ran = repo.run("resolve").success();
    let said = ran.output_snapshot();
    insta::assert_snapshot!(said[said.find("resolved").unwrap()..].to_owned(), @r"
    resolved: envloom.lock, tasks.kdl
    tasks.kdl has no environment for these any more, type: git rm -- prod/pyproject.toml prod/uv.lock
    look at `git diff`, then type: git add -- envloom.lock tasks.kdl
    and then: git merge --continue
    ");
    repo.exec("sh", &["-c", line(&ran, "any more, type: ")]).success();
    pasted(&ran);
    assert!(!repo.exists("prod"));
}

#[test]
fn an_environment_that_one_side_took_away_and_the_merge_keeps_is_written_anew() {
    let repo = branches(|_| {}, |_| {});
    let text = repo.read("tasks.kdl");
    let (start, rest) = text.split_once("environment \"prod\"").unwrap();
    repo.write("tasks.kdl", &format!("{start}{}", rest.split_once("}\n").unwrap().1));
    repo.remove("prod").run("generate").success();
    repo.commit("gone").git(&["checkout", "-q", "theirs"]).success();
    repo.git(&["merge", "-q", "main"]).code(1);
    settle_tasks(&repo);
    pasted(&repo.run("resolve").success());
    assert!(repo.read("prod/pyproject.toml").contains("v0.1.3"));
}

/// A uv that waits when it locks, until it is killed.
fn with_slow_uv(repo: &Monorepo) -> Monorepo {
    let real = repo.exec("sh", &["-c", "printf %s \"$ENVLOOM_UV\""]).text();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *lock*) mkfifo [ROOT]/cut; read x < [ROOT]/cut;; esac\nexec {real} \"$@\"\n"
    );
    repo.write_program("../bin/uv", &script).env("ENVLOOM_UV", "[ROOT]/bin/uv")
}

#[test]
fn an_interrupt_changes_nothing() {
    let repo = merged();
    settle_tasks(&repo);
    let before = repo.tree("").without(".envloom");
    let running = with_slow_uv(&repo).spawn("resolve");
    while !repo.root().join("cut").exists() {
        assert!(!running.has_ended(), "it has ended before uv was asked to lock");
        std::thread::yield_now();
    }
    running.signal(Signal::INT);
    running.wait().code(130).stderr_has("nothing was changed");
    assert_eq!(repo.tree("").without(".envloom"), before);
    pasted(&repo.run("resolve").success());
}
