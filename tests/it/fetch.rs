//! `fetch`: empty submodules at the commits that the repository pins.

use crate::seed::locked;

#[test]
fn empty_submodules_are_checked_out_at_their_pinned_commits() {
    let repo = locked().deinit("foo").deinit("bar");
    let before = repo.tree("").without(".envloom");
    insta::assert_snapshot!(repo.run("fetch -n").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    packages/bar would be fetched at [COMMIT] from https://git.example.com/bar.git
    packages/foo would be fetched at [COMMIT] from https://git.example.com/foo.git
    would fetch 2, there already 0
    ");
    insta::assert_snapshot!(repo.run("fetch foo --offline").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::fetch_offline]: packages/foo was never fetched here, and --offline lets no remote be asked
    help: leave --offline out
    fetched 0, there already 0, failed 1
    ");
    assert_eq!(repo.tree("").without(".envloom"), before);
    let ran = repo.run("fetch foo").success();
    insta::assert_snapshot!(ran.output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    fetching packages/foo from https://git.example.com/foo.git
    fetched 1, there already 0
    ");
    insta::assert_snapshot!(repo.redact(repo.run("fetch --json").success().stdout()), @r#"
    {
      "failed": [],
      "fetched": [
        {
          "packages": [
            "bar"
          ],
          "path": "packages/bar",
          "pinned": "[COMMIT]",
          "url": "https://git.example.com/bar.git"
        }
      ],
      "present": [
        {
          "commit": "[COMMIT]",
          "packages": [
            "foo"
          ],
          "path": "packages/foo",
          "pinned": "[COMMIT]"
        }
      ],
      "written": true
    }
    "#);
    // git finds what it would have made itself.
    assert_eq!(repo.status(), "");
    let status = repo.git(&["submodule", "status"]).text();
    assert!(!status.contains(['-', '+']) && status.lines().count() == 2, "{status}");
    repo.git(&["submodule", "--quiet", "update", "--init"]).success();
    repo.run("lock:dev check:dev").success();
}

#[test]
fn a_submodule_that_gitmodules_lacks_comes_from_the_packages_remote() {
    let repo = locked().deinit("foo");
    repo.git(&["config", "-f", ".gitmodules", "--remove-section", "submodule.packages/foo"]).success();
    repo.commit("without entry");
    repo.run("fetch").success().stderr_has("fetched 1, there already 1");
    assert_eq!(repo.status(), "");
    repo.run("lock:dev").success();
}

#[test]
fn what_is_there_is_left_as_it_is() {
    let repo = locked();
    let commit = repo.tag_commit("foo", "v0.1.1");
    repo.git(&["-C", "packages/foo", "checkout", "-q", &commit]).success();
    repo.write("packages/bar/mine.py", "x = 1\n");
    let before = repo.tree("packages");
    insta::assert_snapshot!(repo.run("fetch").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    packages/foo is at [COMMIT], not at the pinned [COMMIT]: left as it is
    fetched 0, there already 2
    ");
    assert_eq!(repo.tree("packages"), before);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one look at every refusal")]
fn what_cannot_be_fetched_is_named_and_leaves_nothing() {
    let repo = locked().deinit("foo").deinit("bar");
    repo.write("packages/bar/mine.py", "x = 1\n");
    repo.git(&["config", "-f", ".gitmodules", "submodule.packages/foo.url", "ext::touch [ROOT]/canary"])
        .success();
    let before = repo.tree("").without(".envloom");
    let said = ["fetch", "fetch fooo", "fetch --package foo"];
    let said: String = said.map(|line| format!("$ {line}\n{}\n", repo.run(line).output_snapshot())).concat();
    insta::assert_snapshot!(said, @r"
    $ fetch
    exit: 1
    ----- stdout -----

    ----- stderr -----
    fetching packages/foo from ext::touch [ROOT]/canary
    error[envloom::cli::submodule_in_the_way]: packages/bar holds something that is no checkout of its own
    help: move it away, and type `envloom fetch` again
    error[envloom::tool::url_refused]: the git url `ext::touch [ROOT]/canary` is refused: it contains white space, a control character or an invisible character
    help: write it as `https://host/path`, `ssh://git@host/path`, `git@host:path` or `file:///path`; credentials belong in a credential helper
    fetched 0, there already 0, failed 2
    $ fetch fooo
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_submodule]: `fooo` is no submodule of this repository
    help: did you mean `foo`?
    $ fetch --package foo
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--package` says nothing to this call
    help: it belongs to `promote`, `add` and `remove`
    ");
    assert_eq!(repo.tree("").without(".envloom"), before);
    assert!(!repo.root().join("canary").exists());
    repo.git(&["config", "-f", ".gitmodules", "--remove-section", "submodule.packages/foo"]).success();
    repo.replace("tasks.kdl", " git=\"https://git.example.com/foo.git\"", "");
    repo.replace("tasks.kdl", "\n    pin \"foo\" \"v0.1.2.dev0\"", "\n    packages \"bar\"");
    repo.replace("tasks.kdl", "\n    pin \"foo\" \"v0.1.2\"", "\n    packages \"bar\"");
    insta::assert_snapshot!(repo.redact(repo.run("fetch foo --json").code(1).stdout()), @r#"
    {
      "failed": [
        {
          "error": {
            "causes": [],
            "code": "envloom::cli::no_submodule_url",
            "help": "write `git=\"https://…\"` into the `package` of tasks.kdl that lies there",
            "labels": [],
            "message": "nothing says where packages/foo comes from: .gitmodules has no url of it",
            "related": [],
            "severity": "error"
          },
          "packages": [
            "foo"
          ],
          "path": "packages/foo",
          "pinned": "[COMMIT]"
        }
      ],
      "fetched": [],
      "present": [],
      "written": false
    }
    "#);
}

#[test]
fn a_submodule_is_named_by_its_path_from_wherever_the_call_is_made() {
    let repo = locked().deinit("foo").deinit("bar");
    repo.in_dir("packages").run("fetch ./foo/").success().stderr_has("fetched 1, there already 0");
    repo.in_dir("packages/bar").run("fetch .").success().stderr_has("fetched 1, there already 0");
    repo.in_dir("packages").run("fetch packages/bar Foo").success().stderr_has("there already 2");
    repo.in_dir("packages").run("fetch prod").code(2).stderr_has("envloom::cli::no_submodule");
}

#[test]
fn what_somebody_completed_and_worked_in_since_is_left_alone() {
    let repo = locked();
    // What a fetch that was cut off leaves, mended by hand with git.
    repo.write(".git/modules/packages/foo/envloom-fetching", "")
        .append("packages/foo/pyproject.toml", "# mine\n");
    repo.run("fetch foo").success().stderr_has("fetched 0, there already 1");
    assert!(repo.read("packages/foo/pyproject.toml").ends_with("# mine\n"));
}

#[test]
fn a_checkout_whose_repository_is_gone_is_in_the_way() {
    let repo = locked();
    repo.remove(".git/modules/packages/foo");
    repo.run("fetch foo").code(1).stderr_has("envloom::cli::submodule_in_the_way");
    repo.remove("packages/foo");
    repo.run("fetch foo").success();
    assert_eq!(repo.status(), "");
}
