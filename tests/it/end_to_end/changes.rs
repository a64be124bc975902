//! One byte changed: noticed, explained by key path, and forgotten once it is changed back.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::shop::locked;
use crate::support::Monorepo;

/// One byte of one file.
struct Change {
    file: PathBuf,
    from: &'static str,
    to: &'static str,
}

/// A second clone in which everything is up to date, below a directory with settings of its own.
fn checked() -> (Monorepo, Monorepo) {
    let (origin, first) = locked();
    let second = first.colleague();
    fs::write(second.root().join("uv.toml"), "concurrent-builds = 5\n").unwrap();
    second.run("check verify").success();
    second.run("check verify").success().ran(&[]);
    (origin, second)
}

impl Change {
    fn swap(&self, from: &str, to: &str) {
        let old = fs::read_to_string(&self.file).unwrap();
        assert!(from.len() == to.len() && old.contains(from), "{} has no {from}", self.file.display());
        fs::write(&self.file, old.replacen(from, to, 1)).unwrap();
    }

    /// Makes the change and returns what `explain` says of the tasks that are no longer up to date, and how the
    /// run ends, which is with `code`. Then undoes it: nothing is left to run.
    #[track_caller]
    fn tried(&self, repo: &Monorepo, code: i32) -> String {
        self.swap(self.from, self.to);
        let explained = repo.run("explain check verify").success();
        let told = explained.stdout().split_inclusive('\n').filter(|line| !is_of_the_past(line));
        let told: String = told.collect();
        let run = repo.run("-k check verify").code(code);
        let changed: BTreeSet<String> = run.events().all().iter().filter_map(outcome).collect();
        self.swap(self.to, self.from);
        repo.run("check verify").success().ran(&[]);
        repo.assert_clean();
        repo.redact(&format!("{told}-> {}", changed.into_iter().collect::<Vec<_>>().join(", ")))
    }
}

/// How a task ended that was not up to date: `check:dev ran`.
fn outcome(event: &Value) -> Option<String> {
    let ended = event["event"] == "finished" && event["result"] != "fresh";
    ended.then(|| Some(format!("{} {}", event["task"].as_str()?, event["result"].as_str()?)))?
}

/// What `explain` says of tasks that would not run, and of runs before.
fn is_of_the_past(line: &str) -> bool {
    line.contains(" is up to date") || line.starts_with("  it ran last") || line.starts_with("  and took")
}

#[test]
fn a_byte_of_a_manifest_is_noticed_and_explained() {
    let (_origin, repo) = checked();
    let change =
        Change { file: repo.path("prod/pyproject.toml"), from: "tag = \"v0.1.2\"", to: "tag = \"v0.1.1\"" };
    insta::assert_snapshot!(change.tried(&repo, 1), @r#"
    check:prod would fail: `prod/pyproject.toml` is left as it is
      `tool.uv.sources.hello-world.tag` was edited by hand: it is "v0.1.1"
    verify:prod would fail: `prod/pyproject.toml` is left as it is
      `tool.uv.sources.hello-world.tag` was edited by hand: it is "v0.1.1"
    -> check:prod failed, verify:prod failed
    "#);
}

#[test]
fn a_byte_of_a_lockfile_is_noticed_and_explained() {
    let (_origin, repo) = checked();
    let change = Change { file: repo.path("staging/uv.lock"), from: "4.67.1", to: "4.67.0" };
    insta::assert_snapshot!(change.tried(&repo, 1), @r#"
    check:staging would run: staging/uv.lock: digest:[HASH] -> digest:[HASH]
    verify:staging would run: staging/uv.lock: digest:[HASH] -> digest:[HASH]
    -> check:staging failed, verify:staging ran
    "#);
}

#[test]
fn a_byte_of_the_users_settings_is_noticed_and_explained() {
    let (_origin, repo) = checked();
    let file = repo.root().join("home/.config/uv/uv.toml");
    let change = Change { file, from: "= 5", to: "= 6" };
    insta::assert_snapshot!(change.tried(&repo, 0), @r"
    check:dev would run: [ROOT]/home/.config/uv/uv.toml: concurrent-downloads: 5 -> 6
    check:staging would run: [ROOT]/home/.config/uv/uv.toml: concurrent-downloads: 5 -> 6
    check:prod would run: [ROOT]/home/.config/uv/uv.toml: concurrent-downloads: 5 -> 6
    verify:dev would run: [ROOT]/home/.config/uv/uv.toml: concurrent-downloads: 5 -> 6
    verify:staging would run: [ROOT]/home/.config/uv/uv.toml: concurrent-downloads: 5 -> 6
    verify:prod would run: [ROOT]/home/.config/uv/uv.toml: concurrent-downloads: 5 -> 6
    -> check:dev ran, check:prod ran, check:staging ran, verify:dev ran, verify:prod ran, verify:staging ran
    ");
}

#[test]
fn a_byte_of_a_parents_settings_is_noticed_and_explained() {
    let (_origin, repo) = checked();
    let change = Change { file: repo.root().join("uv.toml"), from: "= 5", to: "= 6" };
    insta::assert_snapshot!(change.tried(&repo, 0), @r#"
    check:dev would run: [ROOT]/uv.toml: concurrent-builds: 5 -> 6
    check:staging would run: [ROOT]/uv.toml: concurrent-builds: 5 -> 6
    check:prod would run: [ROOT]/uv.toml: concurrent-builds: 5 -> 6
    -> check:dev ran, check:prod ran, check:staging ran
    "#);
}

#[test]
fn a_byte_of_a_submodule_is_noticed_and_explained() {
    let (_origin, repo) = checked();
    let file = repo.path("packages/hello-world/pyproject.toml");
    let change = Change { file, from: "0.1.2", to: "0.1.3" };
    insta::assert_snapshot!(change.tried(&repo, 1), @r#"
    check:dev would run: packages/hello-world/pyproject.toml: project.version: "0.1.2" -> "0.1.3"
    -> check:dev failed
    "#);
}
