//! `promote`: what one environment has tested becomes another one's, or nothing does.

use crate::seed::locked;
use crate::support::{Monorepo, Package, Ran, Tree};

/// Staging has tested 0.1.3.dev0 of both packages, and 0.1.3 of both was released since; prod is at 0.1.2.
fn tested() -> Monorepo {
    let repo = locked().release("foo", "v0.1.3.dev0").release("bar", "v0.1.3.dev0");
    repo.run("pin staging foo v0.1.3.dev0").success();
    repo.run("pin staging bar v0.1.3.dev0").success();
    repo.commit("staging").release("foo", "v0.1.3").release("bar", "v0.1.3")
}

/// The locked version of a package.
fn version(repo: &Monorepo, lockfile: &str, package: &str) -> String {
    let text = repo.read(lockfile);
    let behind = text.split(&format!("name = \"{package}\"\nversion = \"")).nth(1).unwrap();
    behind.split('"').next().unwrap().to_owned()
}

/// What a run said, but for the remotes it fetched: they are asked side by side.
fn said(ran: &Ran) -> String {
    let text = ran.output_snapshot();
    text.lines().filter(|line| !line.starts_with("fetching ")).flat_map(|line| [line, "\n"]).collect()
}

fn everything(repo: &Monorepo) -> Tree {
    repo.tree("").without(".envloom")
}

#[test]
fn the_tested_releases_and_versions_become_prods() {
    let repo = tested();
    // Staging has moved on to a later tqdm; a still later one has come out since, which nobody has tested.
    repo.index("pypi", &[("tqdm", "4.68.0")]).run("lock:staging --upgrade-package tqdm").success();
    repo.commit("tqdm").index("pypi", &[("tqdm", "4.69.0")]);
    let looked =
        repo.run("promote staging prod -n").success().stderr_has("prod would have what staging has tested");
    repo.assert_clean();
    let ran = repo.run("-j1 promote staging prod").success();
    assert_eq!(ran.stdout(), looked.stdout());
    insta::assert_snapshot!(said(&ran), @r#"
    exit: 0
    ----- stdout -----
    prod/pyproject.toml
    @@ -38,4 +38,4 @@
     [tool.uv.sources]
    -foo = { git = "https://git.example.com/foo.git", tag = "v0.1.2" }
    -bar = { git = "https://git.example.com/bar.git", tag = "v0.1.2" }
    +foo = { git = "https://git.example.com/foo.git", tag = "v0.1.3" }
    +bar = { git = "https://git.example.com/bar.git", tag = "v0.1.3" }
     torch = [
    @@ -62,3 +62,3 @@
     name = "foo"
    -version = "0.1.2"
    +version = "0.1.3"
     requires-dist = [
    prod/uv.lock

    internal packages
      bar  v0.1.2 ([COMMIT]) -> v0.1.3 (107983632050)
      foo  v0.1.2 ([COMMIT]) -> v0.1.3 ([COMMIT])

    third-party versions
      tqdm  4.67.1 -> 4.68.0

    1 package agrees
    tasks.kdl
    @@ -30,4 +30,4 @@
         sources "tags" channel="stable"
    -    pin "foo" "v0.1.2"
    -    pin "bar" "v0.1.2"
    +    pin "foo" "v0.1.3"
    +    pin "bar" "v0.1.3"
     }
    ----- stderr -----
    ✓ generate:prod  ran in [TIME], prod/pyproject.toml, 3 entries  (prod/pyproject.toml: tool.uv.sources.foo.tag: "v0.1.2" -> "v0.1.3" (and 2 more))
    ✓ lock:prod  ran in [TIME], prod/uv.lock written  (no record of it here)
    ✓ verify:prod  ran in [TIME], 6 packages  (no record of it here)
    ✓ check:staging  ran in [TIME]  (no record of it here)
    ✓ verify:staging  ran in [TIME], 6 packages  (no record of it here)
    ran 5, up to date 1 in [TIME]
    prod has what staging has tested:
      foo v0.1.2 -> v0.1.3 (tested as v0.1.3.dev0 ([COMMIT]))
      bar v0.1.2 -> v0.1.3 (tested as v0.1.3.dev0 ([COMMIT]))
    every third-party version is the one that staging has locked
    wrote envloom.lock, prod/pyproject.toml, prod/uv.lock, tasks.kdl
    "#);
    assert_eq!(version(&repo, "prod/uv.lock", "tqdm"), "4.68.0");
    assert_eq!(version(&repo, "prod/uv.lock", "torch"), version(&repo, "staging/uv.lock", "torch"));
    repo.run("check verify").success();
    // Once is enough.
    repo.commit("promoted")
        .run("promote staging prod")
        .success()
        .stderr_has("prod has all that staging has tested: nothing changes\n");
    repo.assert_clean();
}

#[test]
fn a_release_that_is_something_else_stops_unless_it_is_allowed() {
    let changed = |content: &str| {
        let package = Package::new("foo").requires("bar").requires("torch>=2.4").workspace_source("bar");
        package.file("src/foo/more.py", content)
    };
    let repo = locked().push(changed("x = 0").tag("v0.1.3.dev0"));
    repo.run("pin staging foo v0.1.3.dev0").success();
    repo.commit("staging")
        .push(changed("x = 1").file("CHANGELOG.md", "0.1.3").tag("v0.1.3"))
        .push(changed("x = 2").file("README.md", "").tag("v0.1.4"));
    let before = everything(&repo);
    insta::assert_snapshot!(repo.run("promote staging prod").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    fetching https://git.example.com/foo.git
    error: staging cannot be promoted to prod: nothing was changed

    error[envloom::promote::untested]: no stable tag of `foo` is what staging has tested, commit [COMMIT]
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.2"
       |               ^^^^^^^^ stays
    help: `v0.1.3` differs in src/foo/more.py; `v0.1.2` differs in src/foo/more.py; tag that commit, or take the newest tag as it is with `--allow-untested foo`
    "#);
    assert_eq!(everything(&repo), before);
    repo.run("promote staging prod --allow-untested foo --commit").success();
    repo.assert_clean();
    insta::assert_snapshot!(repo.redact(&repo.git(&["log", "-1", "--format=%B", "--stat=80"]).text()), @r"
    Promote staging to prod: foo v0.1.4

    foo v0.1.2 -> v0.1.4 (NOT TESTED, allowed; tested was v0.1.3.dev0 ([COMMIT]))
    every third-party version is the one that staging has locked


     envloom.lock        |  6 +++---
     prod/pyproject.toml |  4 ++--
     prod/uv.lock        | 10 +++++-----
     tasks.kdl           |  2 +-
     4 files changed, 11 insertions(+), 11 deletions(-)
    ");
}

#[test]
fn the_tag_of_the_tested_commit_comes_before_a_newer_one_of_the_same_tree() {
    let repo = tested();
    // Channel dev takes a stable release, too: then that is what was tested, under that name.
    repo.run("pin staging foo v0.1.3").success();
    repo.release("foo", "v0.1.4").release("bar", "v0.1.4").commit("staging");
    // And a further tag of that commit, which says another version than the commit does.
    let foo = ["--git-dir", "[ROOT]/remotes/foo.git", "tag"];
    repo.exec("git", &[&foo[..], &["v0.1.3.post1", "v0.1.3"]].concat()).success();
    let said = said(&repo.run("promote staging prod -n").success());
    let moved: Vec<&str> = said.lines().filter(|line| line.contains("(tested as")).collect();
    insta::assert_snapshot!(moved.join("\n"), @r"
      foo v0.1.2 -> v0.1.3 (tested as v0.1.3 ([COMMIT]))
      bar v0.1.2 -> v0.1.4 (tested as v0.1.3.dev0 ([COMMIT]))
    ");
}

#[test]
fn a_tag_that_leads_to_no_commit_keeps_no_other_from_being_found() {
    let repo = tested();
    let tag = |name: &str, words: &[&str]| {
        let remote = format!("[ROOT]/remotes/{name}.git");
        repo.exec("git", &[&["--git-dir", &remote, "tag"], words].concat()).success();
    };
    tag("foo", &["v0.1.9", "main:pyproject.toml"]);
    repo.run("promote staging prod --package foo").success().stderr_has("foo v0.1.2 -> v0.1.3");
    repo.push(Package::new("bar").file("more", "").tag("v0.1.4.dev0"));
    repo.run("pin staging bar v0.1.4.dev0").success();
    repo.commit("bar");
    tag("bar", &["v0.1.9", "main:pyproject.toml"]);
    tag("bar", &["-d", "v0.1.3"]);
    let before = everything(&repo);
    insta::assert_snapshot!(said(&repo.run("promote staging prod --package bar").code(1)), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: staging cannot be promoted to prod: nothing was changed

    error[envloom::promote::untested]: no stable tag of `bar` is what staging has tested, commit [COMMIT]
     --> tasks.kdl:32:15
    32 |     pin "bar" "v0.1.2"
       |               ^^^^^^^^ stays
    help: `v0.1.2` differs in more; `v0.1.9` leads to no commit; tag that commit, or take the newest tag as it is with `--allow-untested bar`
    "#);
    let allowed = repo.run("promote staging prod --package bar --allow-untested bar -n").success();
    assert!(allowed.stderr().contains("prod has all that staging has tested: nothing changes"), "{allowed}");
    // A clone that is older than a tag, or than the tested commit, does not know it.
    let offline = "promote staging prod --package bar --offline";
    repo.run(offline).code(1).stderr_has("`v0.1.9` leads to no commit of the clone kept here; tag that");
    repo.remove(".envloom/git").remove("packages/bar/.git");
    repo.run(offline).code(1).stderr_has("it is in no clone kept here, and --offline lets nobody fetch it");
    assert_eq!(everything(&repo), before);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, whose steps build on each other")]
fn one_package_moves_alone_where_the_others_suffice() {
    let repo = locked().release("bar", "v0.1.3.dev0");
    let foo =
        || Package::new("foo").requires("bar>=0.1.3.dev0").requires("torch>=2.4").workspace_source("bar");
    repo.push(foo().tag("v0.1.3.dev0"));
    repo.run("pin staging bar v0.1.3.dev0").success();
    repo.run("pin staging foo v0.1.3.dev0").success();
    repo.commit("staging").release("bar", "v0.1.3").push(foo().tag("v0.1.3"));
    repo.index("pypi", &[("tqdm", "4.68.0")]).run("lock:staging --upgrade").success();
    repo.commit("tqdm");
    let before = everything(&repo);
    insta::assert_snapshot!(repo.run("promote staging prod --package foo").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    fetching https://git.example.com/foo.git
    error: staging cannot be promoted to prod: nothing was changed

    error[envloom::promote::needs_newer]: `foo` v0.1.3 needs bar>=0.1.3.dev0, and prod would have bar 0.1.2
     --> tasks.kdl:32:15
    32 |     pin "bar" "v0.1.2"
       |               ^^^^^^^^ not new enough
    help: add `--package bar`
    "#);
    assert_eq!(everything(&repo), before);
    let ran = repo.run("promote staging prod --package bar --json").success();
    insta::assert_snapshot!(repo.redact(ran.stdout()), @r#"
    {
      "committed": false,
      "files": [
        "envloom.lock",
        "prod/pyproject.toml",
        "prod/uv.lock",
        "tasks.kdl"
      ],
      "from": "staging",
      "locked": [
        {
          "added": [],
          "agreeing": 3,
          "differs": true,
          "internal": [
            {
              "from": [
                {
                  "commit": "[COMMIT]",
                  "git": "https://git.example.com/bar.git",
                  "tag": "v0.1.2",
                  "version": "0.1.2"
                }
              ],
              "package": "bar",
              "to": [
                {
                  "commit": "[COMMIT]",
                  "git": "https://git.example.com/bar.git",
                  "tag": "v0.1.3",
                  "version": "0.1.3"
                }
              ]
            }
          ],
          "lockfile": "prod/uv.lock",
          "removed": [],
          "settings": [],
          "third_party": [],
          "variants": []
        }
      ],
      "promoted": [
        {
          "new": "v0.1.3",
          "old": "v0.1.2",
          "package": "bar",
          "tested": "v0.1.3.dev0 ([COMMIT])",
          "untested": false
        }
      ],
      "third_party": [],
      "to": "prod",
      "written": true
    }
    "#);
    assert_eq!(version(&repo, "prod/uv.lock", "tqdm"), "4.67.1");
    repo.run("promote staging prod --package foo").success();
}

#[test]
fn what_is_checked_out_is_promoted_once_it_is_a_commit() {
    let repo = locked();
    repo.write("packages/foo/new.py", "");
    let ran = repo.run("promote dev staging --package foo").code(1);
    insta::assert_snapshot!(ran.output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: dev cannot be promoted to staging: nothing was changed

    error[envloom::promote::no_commit]: what dev has of `foo` is no commit that its remote has: its checkout has changes that are not committed
     --> tasks.kdl:25:15
    25 |     pin "foo" "v0.1.2.dev0"
       |               ^^^^^^^^^^^^^ would move
    help: commit it there, push it and tag it
    "#);
    repo.remove("packages/foo/new.py");
    // The commit of v0.1.2 is checked out, and channel dev takes stable tags too.
    repo.run("promote dev staging").success().stderr_has("foo v0.1.2.dev0 -> v0.1.2 (tested as ");
    repo.run("check:staging verify:staging").success();
}

#[test]
fn versions_of_indexes_in_the_repository_are_kept_from_another_directory_too() {
    let repo = crate::seed::wheels_inside();
    repo.run("lock").success();
    repo.index("pypi", &[("tqdm", "4.68.0")]).index("cu124", &[("torch", "2.7.0+cu124")]);
    repo.exec("cp", &["-r", "[ROOT]/index/.", "[ROOT]/repo/wheels"]).success();
    repo.remove("staging/uv.lock").run("lock:staging").success();
    assert!(repo.read("staging/uv.lock").contains("2.7.0+cu124"));
    repo.commit("staging has what dev has not").run("promote dev staging").success();
    let lockfile = repo.read("staging/uv.lock");
    assert!(lockfile.contains("2.6.0+cu124") && !lockfile.contains("2.7.0+cu124"), "{lockfile}");
    assert_eq!(version(&repo, "staging/uv.lock", "tqdm"), "4.67.1");
}

#[test]
#[expect(clippy::too_many_lines, reason = "the looks of ten mistakes")]
fn mistakes_are_named() {
    let repo = tested();
    repo.run("pin prod foo v0.1.3").success();
    repo.push(Package::new("foo").requires("bar").file("more", "").tag("v0.1.4"));
    repo.run("pin prod foo v0.1.4").success();
    repo.commit("prod is ahead");
    let tasks = repo.read("tasks.kdl");
    repo.replace(
        "tasks.kdl",
        "channel=\"dev\"\n    pin \"foo\" \"v0.1.3.dev0\"\n",
        "channel=\"dev\"\n    packages \"bar\"\n",
    )
    .run("lock:staging")
    .success();
    let before = everything(&repo);
    let said: String = [
        "promote staging prod",
        "promote staging prod --package bar --offline",
        "promote prod prod",
        "promote staging dev",
        "promote staging",
        "promote staging prd",
        "promote staging prod --package baz",
        "promote prod staging --package foo",
        "lock --commit",
        "list --package foo",
        "promote staging prod --package bar --commit",
        "--locked promote staging prod",
    ]
    .map(|line| {
        if line.contains("--offline") {
            repo.remove(".envloom/cache/tags");
        }
        format!("$ {line}\n{}\n", repo.run(line).output_snapshot())
    })
    .concat();
    insta::assert_snapshot!(said, @r#"
    $ promote staging prod
    exit: 1
    ----- stdout -----

    ----- stderr -----
    fetching https://git.example.com/bar.git
    error: staging cannot be promoted to prod: nothing was changed

    error[envloom::promote::not_there]: staging does not have `foo`: it was not tested there
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.4"
       |               ^^^^^^^^ would move
    help: leave it out by naming the others with `--package`, or let it take part in staging
    $ promote staging prod --package bar --offline
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: staging cannot be promoted to prod: nothing was changed

    error[envloom::promote::tags_unknown]: the tags of `bar` are not known: the remote was never asked, and --offline lets nobody ask it
     --> tasks.kdl:32:15
    32 |     pin "bar" "v0.1.2"
       |               ^^^^^^^^ would move
    help: type the command again where https://git.example.com/bar.git can be reached
    $ promote prod prod
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `promote` takes two different environments
    help: type `envloom promote FROM TO`
    $ promote staging dev
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_pins]: environment `dev` takes its packages from the workspace: it has no pins
    help: name one that does: staging, prod
    $ promote staging
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `promote` takes two environments
    help: type `envloom promote FROM TO [--package X]… [--commit]`
    $ promote staging prd
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::unknown_environment]: unknown environment `prd`
     --> command line:1:25
    1 | envloom promote staging prd
      |                         ^^^ no environment, manifest or directory of that name
    help: did you mean `prod`?
    $ promote staging prod --package baz
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::unknown_package]: `--package baz`: tasks.kdl declares no such package
    help: did you mean `bar`?
    $ promote prod staging --package foo
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `--package foo` names a package that takes no part in staging
    help: type `envloom promote FROM TO`
    $ lock --commit
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--commit` says nothing to this call
    help: it belongs to `promote`
    $ list --package foo
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--package` says nothing to this call
    help: it belongs to `promote`, `add` and `remove`
    $ promote staging prod --package bar --commit
    exit: 1
    ----- stdout -----

    ----- stderr -----
    fetching https://git.example.com/bar.git
    error[envloom::cli::not_committed]: `promote --commit` would commit changes that are not its own: tasks.kdl, envloom.lock or the files of that environment differ from the last commit
    help: commit or stash them first, or leave --commit out
    $ --locked promote staging prod
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::locked_verb]: `promote` writes tracked files, and --locked, the default where CI is set, lets it write none
    help: type it where you work and commit what it writes; or add --no-locked
    "#);
    assert_eq!(everything(&repo), before);
    repo.tasks_kdl(&tasks).run("lock:staging").success();
    insta::assert_snapshot!(repo.run("promote staging prod").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: staging cannot be promoted to prod: nothing was changed

    error[envloom::promote::older]: staging has tested `foo` v0.1.3, and prod pins v0.1.4, which is newer
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.4"
       |               ^^^^^^^^ newer
    help: test the newer one first: `envloom pin staging foo TAG`; to go back all the same: `envloom pin prod foo v0.1.3`
    "#);
}

#[test]
fn a_commit_that_git_refuses_puts_everything_back() {
    let repo = tested();
    repo.write_program(".git/hooks/pre-commit", "#!/bin/sh\necho 'not today' >&2\nexit 1\n");
    let before = everything(&repo);
    let ran = repo.run("promote staging prod --commit").code(1);
    let error = ran.output_snapshot();
    insta::assert_snapshot!(&error[error.find("error[").unwrap()..], @r"
    error[envloom::cli::commit_failed]: git made no commit: not today
    help: every file is as it was; mend the cause, or leave --commit out and commit by hand
    ");
    assert_eq!(everything(&repo), before);
    repo.assert_clean();
    // What a hook makes of a file is not overwritten, and nothing is said to be as it was.
    let hook = "#!/bin/sh\necho '// neat' >>tasks.kdl\necho 'was not neat' >&2\nexit 1\n";
    repo.write_program(".git/hooks/pre-commit", hook);
    let ran = repo.run("promote staging prod --commit").code(1);
    let error = ran.output_snapshot();
    insta::assert_snapshot!(&error[error.find("error[").unwrap()..], @r"
    error[envloom::cli::commit_left]: git made no commit: was not neat; and [ROOT]/repo/tasks.kdl was changed meanwhile, so that everything stays as it was to be committed
    help: look at `git diff`; then commit it by hand, or take it back with `git checkout -- envloom.lock prod/pyproject.toml prod/uv.lock tasks.kdl`
    ");
    assert!(
        repo.read("tasks.kdl").ends_with("// neat\n") && version(&repo, "prod/uv.lock", "foo") == "0.1.3"
    );
}
