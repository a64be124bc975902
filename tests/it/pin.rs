//! `pin`: another release of one package, and all files that follow from it, or none.

use std::fs;
use std::os::unix::fs::symlink;

use crate::seed::{locked, three_environments};
use crate::support::{Monorepo, Package, Signal};

/// The files that a change of prod touches.
const FILES: [&str; 4] = ["envloom.lock", "prod/pyproject.toml", "prod/uv.lock", "tasks.kdl"];

fn contents(repo: &Monorepo) -> Vec<String> {
    FILES.iter().map(|file| repo.read(file)).collect()
}

#[test]
fn a_pin_moves_with_manifest_lockfile_and_record() {
    let repo = locked().release("foo", "v0.1.3");
    let looked =
        repo.run("pin prod foo v0.1.3 -n").success().stderr_has("prod would pin foo v0.1.3 (was v0.1.2)");
    repo.assert_clean();
    let ran = repo.run("pin prod foo v0.1.3").success();
    assert_eq!(ran.stdout(), looked.stdout());
    insta::assert_snapshot!(ran.output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    prod/pyproject.toml
    @@ -38,3 +38,3 @@
     [tool.uv.sources]
    -foo = { git = "https://git.example.com/foo.git", tag = "v0.1.2" }
    +foo = { git = "https://git.example.com/foo.git", tag = "v0.1.3" }
     bar = { git = "https://git.example.com/bar.git", tag = "v0.1.2" }
    @@ -62,3 +62,3 @@
     name = "foo"
    -version = "0.1.2"
    +version = "0.1.3"
     requires-dist = [
    prod/uv.lock

    internal packages
      foo  v0.1.2 ([COMMIT]) -> v0.1.3 ([COMMIT])

    3 packages agree
    tasks.kdl
    @@ -30,3 +30,3 @@
         sources "tags" channel="stable"
    -    pin "foo" "v0.1.2"
    +    pin "foo" "v0.1.3"
         pin "bar" "v0.1.2"
    ----- stderr -----
    fetching https://git.example.com/foo.git
    ✓ generate:prod  ran in [TIME], prod/pyproject.toml, 2 entries  (prod/pyproject.toml: tool.uv.sources.foo.tag: "v0.1.2" -> "v0.1.3" (and 1 more))
    ✓ lock:prod  ran in [TIME], prod/uv.lock written  (no record of it here)
    ✓ verify:prod  ran in [TIME], 6 packages  (no record of it here)
    ran 3, up to date 1 in [TIME]
    prod pins foo v0.1.3 (was v0.1.2): envloom.lock, prod/pyproject.toml, prod/uv.lock, tasks.kdl
    "#);
    assert_eq!(repo.status().lines().map(|line| &line[3..]).collect::<Vec<_>>(), FILES);
    assert!(!repo.path(".envloom/trial").read_dir().unwrap().any(|_| true));
    let tried = contents(&repo);
    repo.run("check:prod verify:prod").success();

    // Made in place it is the same, byte for byte.
    repo.git(&["checkout", "-q", "."]).success();
    repo.replace(
        "tasks.kdl",
        "pin \"foo\" \"v0.1.2\"\n    pin \"bar\" \"v0.1.2\"\n",
        "pin \"foo\" \"v0.1.3\"\n    pin \"bar\" \"v0.1.2\"\n",
    );
    repo.run("lock:prod").success();
    assert_eq!(tried, contents(&repo));
    insta::assert_snapshot!(repo.run("pin prod foo v0.1.3").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ✓ lock:prod  ran in [TIME], lockfile unchanged  (no record of it here)
    ✓ verify:prod  ran in [TIME], 6 packages  (no record of it here)
    ran 2, up to date 2 in [TIME]
    prod already pins foo v0.1.3: nothing changes
    ");
}

#[test]
fn path_indexes_are_locked_by_the_repositorys_own_place() {
    let repo = three_environments();
    repo.exec("cp", &["-r", "[ROOT]/index", "[ROOT]/repo/wheel house"]).success();
    for name in ["pypi", "cpu", "cu124"] {
        repo.replace("tasks.kdl", &format!("[INDEX]/{name}"), &format!("wheel house/{name}"));
    }
    repo.run("lock").success();
    repo.commit("locked").release("foo", "v0.1.3").run("pin prod foo v0.1.3").success();
    let tried = contents(&repo);
    assert!(tried[2].contains("/repo/wheel%20house/cpu\"") && !tried[2].contains("trial"), "{}", tried[2]);
    repo.run("check verify").success();
    repo.git(&["checkout", "-q", "prod/uv.lock"]).success();
    repo.run("lock:prod").success();
    assert_eq!(tried, contents(&repo));
}

#[test]
fn what_an_adopted_manifest_takes_from_beside_the_repository_is_found() {
    let repo = Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1")])
        .add(Package::new("core").path("libs/core").tag("v1.0.0").tag("v1.0.1"))
        .write(
            "app/pyproject.toml",
            r#"[project]
name = "app"
version = "1"
requires-python = ">=3.10"
dependencies = ["core", "tqdm"]

[tool.uv]
package = false

[tool.uv.sources]
core = { path = "../libs/core", editable = true }
tqdm = { index = "wheels" }

[[tool.uv.index]]
name = "wheels"
url = "../../index/pypi"
explicit = true
"#,
        )
        .tasks_kdl(
            r#"package "core" path="libs/core" git="https://git.example.com/core.git"
environment "app" { manifest "app/pyproject.toml"; adopt }
environment "app-prod" { manifest "app/prod/pyproject.toml"; from "app"; sources "tags" channel="stable"; pin "core" "v1.0.0" }
"#,
        )
        .commit("start");
    repo.run("lock").success();
    repo.commit("locked");
    let tried = || {
        ["envloom.lock", "app/uv.lock", "app/prod/pyproject.toml", "app/prod/uv.lock", "tasks.kdl"]
            .map(|file| repo.read(file))
    };
    repo.run("pin app-prod core v1.0.1").success();
    let pinned = tried();
    repo.git(&["checkout", "-q", "."]).success();
    repo.replace("tasks.kdl", "v1.0.0", "v1.0.1").run("lock").success();
    assert_eq!(pinned, tried());
}

#[test]
fn what_cannot_be_locked_changes_nothing() {
    let repo = locked();
    repo.push(Package::new("foo").requires("absent").tag("v0.1.3"));
    let before = repo.tree("").without(".envloom");
    let ran = repo.run("pin prod foo v0.1.3").code(1);
    assert!(ran.stderr().contains("✗ lock:prod  failed") && ran.stderr().contains("absent"), "{ran}");
    let last = ran.stderr().lines().last().unwrap();
    let kept = last.split(' ').find(|word| word.starts_with(".envloom/trial/")).unwrap();
    assert!(repo.exists(&format!("{kept}/.envloom/logs")), "{ran}");
    assert_eq!(repo.tree("").without(".envloom"), before);
    // The next trial removes what is left of it.
    repo.release("bar", "v0.1.3").run("pin prod bar v0.1.3").success();
    assert!(!repo.exists(kept));
}

#[test]
#[expect(clippy::too_many_lines, reason = "the looks of eight mistakes")]
fn mistakes_are_named() {
    let repo = locked();
    let before = repo.tree("").without(".envloom");
    let said = [
        "pin prod foo v0.1.9",
        "pin prod foo v0.1.2.dev0",
        "pin prod fooo v0.1.2",
        "pin dev foo v0.1.2",
        "pin prod foo",
        "pin prod foo rev=abc version=1",
        "pin prod foo a=b",
        "--locked pin prod foo v0.1.1",
    ];
    let said: String = said.map(|line| format!("$ {line}\n{}\n", repo.run(line).output_snapshot())).concat();
    insta::assert_snapshot!(said, @r#"
    $ pin prod foo v0.1.9
    exit: 2
    ----- stdout -----

    ----- stderr -----
    fetching https://git.example.com/foo.git
    error: a pinned release cannot be recorded

    error[envloom::ledger::missing_tag]: `foo` has no tag `v0.1.9` at https://git.example.com/foo.git
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.9"
       |               ^^^^^^^^ no such tag
    help: push the tag, or pin one of the nearest: `v0.1.2`, `v0.1.1`
    $ pin prod foo v0.1.2.dev0
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 1 mistake

    error[envloom::model::unstable_pin]: `v0.1.2.dev0` is a development release; environment `prod` accepts stable ones only
     --> tasks.kdl:30:13
    30 |     sources "tags" channel="stable"
       |             ^^^^^^ accepts stable tags only
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.2.dev0"
       |               ^^^^^^^^^^^^^ not stable
    help: pin a stable release such as "v0.1.2", or write channel="dev"
    $ pin prod fooo v0.1.2
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::unknown_package]: `pin fooo`: tasks.kdl declares no such package
    help: did you mean `foo`?
    $ pin dev foo v0.1.2
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_pins]: environment `dev` takes its packages from the workspace: it has no pins
    help: name one that does: staging, prod
    $ pin prod foo
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `pin` takes an environment, a package and a tag
    help: type `envloom pin ENV PACKAGE TAG`
    $ pin prod foo rev=abc version=1
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 1 mistake

    error[envloom::model::invalid_rev]: `abc` is no commit
     --> tasks.kdl:31:19
    31 |     pin "foo" rev="abc" version="1"
       |                   ^^^^^ not 40 hexadecimal digits
    help: write all 40 hexadecimal digits: git rev-parse HEAD
    $ pin prod foo a=b
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `pin` takes a tag, or rev=COMMIT version=VERSION
    help: type `envloom pin ENV PACKAGE TAG`
    $ --locked pin prod foo v0.1.1
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::locked_verb]: `pin` writes tracked files, and --locked, the default where CI is set, lets it write none
    help: type it where you work and commit what it writes; or add --no-locked
    "#);
    assert_eq!(repo.tree("").without(".envloom"), before);
}

#[test]
fn a_commit_is_pinned_and_a_tag_again() {
    let repo = locked();
    let commit = repo.tag_commit("foo", "v0.1.2");
    let ran = repo.run(&format!("pin prod foo rev={commit} version=0.1.2 --json")).success();
    insta::assert_snapshot!(repo.redact(ran.stdout()), @r#"
    {
      "environment": "prod",
      "files": [
        "envloom.lock",
        "prod/pyproject.toml",
        "prod/uv.lock",
        "tasks.kdl"
      ],
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
                  "git": "https://git.example.com/foo.git",
                  "tag": "v0.1.2",
                  "version": "0.1.2"
                }
              ],
              "package": "foo",
              "to": [
                {
                  "commit": "[COMMIT]",
                  "git": "https://git.example.com/foo.git",
                  "rev": "[COMMIT]",
                  "version": "0.1.2"
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
      "new": "0.1.2 ([COMMIT])",
      "old": "v0.1.2",
      "package": "foo",
      "written": true
    }
    "#);
    assert!(repo.read("tasks.kdl").contains(&format!("pin \"foo\" rev=\"{commit}\" version=\"0.1.2\"\n")));
    repo.run("pin prod foo v0.1.2").success();
    repo.assert_clean();
}

/// A uv that does something first when it locks.
fn with_uv(repo: &Monorepo, first: &str) -> Monorepo {
    let real = repo.exec("sh", &["-c", "printf %s \"$ENVLOOM_UV\""]).text();
    let script = format!("#!/bin/sh\ncase \"$*\" in *lock*) {first};; esac\nexec {real} \"$@\"\n");
    repo.write_program("../bin/uv", &script).env("ENVLOOM_UV", "[ROOT]/bin/uv")
}

#[test]
fn an_edit_that_someone_makes_meanwhile_is_kept_and_nothing_is_written() {
    let repo = locked().release("foo", "v0.1.3");
    let edited = with_uv(&repo, "echo '// mine' >> [ROOT]/repo/tasks.kdl");
    let before = repo.tree("").without(".envloom").without("tasks.kdl");
    let ran = edited.run("pin prod foo v0.1.3").code(1);
    let said = ran.output_snapshot();
    insta::assert_snapshot!(&said[said.find("error[").unwrap()..], @r"
    error[envloom::cli::moved]: [ROOT]/repo/tasks.kdl was changed meanwhile
    help: nothing was written; type the command again
    ");
    assert!(repo.read("tasks.kdl").ends_with("// mine\n") && !repo.read("tasks.kdl").contains("v0.1.3"));
    assert_eq!(repo.tree("").without(".envloom").without("tasks.kdl"), before);
}

#[test]
fn an_interrupt_changes_nothing() {
    let repo = locked().release("foo", "v0.1.3");
    let slow = with_uv(&repo, "mkfifo [ROOT]/cut; read x < [ROOT]/cut");
    let running = slow.spawn("pin prod foo v0.1.3");
    while !repo.root().join("cut").exists() {
        assert!(!running.has_ended(), "it has ended before uv was asked to lock");
        std::thread::yield_now();
    }
    running.signal(Signal::INT);
    running.wait().code(130).stderr_has("nothing was changed");
    repo.assert_clean();
    repo.run("pin prod foo v0.1.3").success();
}

#[test]
fn a_change_that_was_cut_off_is_completed_by_the_next_call() {
    let repo = locked();
    // What a call leaves that is killed when it has written the first of its files: `hi`, where nothing was.
    let log = r#"{"format":1,"by":"pin","files":[{"path":"prod/new","before":null,"after":"aGk="},{"path":"prod/other","before":null,"after":"aGk="}]}"#;
    let cut_off = || {
        repo.write("prod/other", "").remove("prod/other").write("prod/new", "hi");
        repo.write_bytes(".envloom/journal/commit.json", log.as_bytes())
    };
    let said = "`envloom pin` was cut off while it wrote its files; all of them are written now: prod/new, prod/other; see `git diff`";
    for call in ["check:prod", "-q check:prod", "check:prod --json", "list --json"] {
        let ran = cut_off().run(call).success().stderr_has(&format!("{said}\n"));
        assert_eq!((repo.read("prod/new"), repo.read("prod/other")), ("hi".into(), "hi".into()));
        assert!(!ran.exists(".envloom/journal/commit.json"));
        let is_event = |line: &str| line.contains("envloom::cli::cut_off") && line.contains(said);
        assert_eq!(ran.stdout().lines().any(is_event), call == "check:prod --json", "{ran}");
    }
    // Whoever has put everything back finds it so.
    let ran = cut_off().remove("prod/new").run("check:prod").success().stderr_has(
        "`envloom pin` was cut off while it wrote its files; none of it is there, so it is dropped: type it again if it is wanted\n",
    );
    assert!(!["prod/new", "prod/other", ".envloom/journal/commit.json"].iter().any(|path| ran.exists(path)));
    // Someone else's file is not overwritten.
    cut_off().write("prod/new", "mine").run("check:prod").success().stderr_has(
        "`envloom pin` was cut off while it wrote its files, and all stays as it is: prod/new was changed since; what was to be written is in .envloom/replaced/commit.json, see `git diff` too\n",
    );
    assert_eq!(repo.read("prod/new"), "mine");
    repo.write_bytes(".envloom/journal/commit.json", b"half").run("check:prod").success();
    assert_eq!(repo.read(".envloom/replaced/commit.json"), "half");
}

#[test]
fn a_tasks_file_that_is_a_link_is_read_and_never_replaced() {
    let repo = locked().release("foo", "v0.1.3");
    fs::rename(repo.path("tasks.kdl"), repo.path("real.kdl")).unwrap();
    symlink("real.kdl", repo.path("tasks.kdl")).unwrap();
    repo.run("check:prod").success();
    repo.run("pin prod foo v0.1.3").code(2).stderr_has("tasks.kdl is no ordinary file");
    assert!(repo.path("tasks.kdl").is_symlink() && !repo.read("real.kdl").contains("v0.1.3"));
}

#[test]
fn the_line_of_a_git_that_failed_works_when_it_is_pasted() {
    let repo = locked().release("foo", "v0.1.3");
    let (here, away) = (repo.remote("foo"), repo.root().join("away"));
    fs::rename(&here, &away).unwrap();
    let ran = repo.run("pin prod foo v0.1.3").code(2);
    fs::rename(&away, &here).unwrap();
    let (_, told) = ran.stderr().split_once("caused by: `").unwrap();
    let (line, _) = told.split_once('`').unwrap();
    let git = "/git clone --bare --quiet --template= --no-hardlinks -- https://git.example.com/foo.git";
    assert!(line.ends_with(git), "{line}");
    repo.exec("sh", &["-c", &format!("cd [ROOT]/tmp && {line}")]).success();
    // The other one, which needs no clone.
    fs::rename(&here, &away).unwrap();
    let ran = repo.run("outdated").code(1);
    fs::rename(&away, &here).unwrap();
    let (_, told) = ran.stderr().split_once("help: type `").unwrap();
    let (line, _) = told.split_once('`').unwrap();
    assert!(line.ends_with("/git ls-remote --tags -- https://git.example.com/foo.git"), "{line}");
    repo.exec("sh", &["-c", line]).success();
}

#[test]
fn annotations_of_a_trial_are_the_repositorys() {
    let repo = locked().release("foo", "v0.1.3");
    repo.replace("prod/pyproject.toml", "tqdm>=4", "tqdm>=4.1");
    let github = repo.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", "[ROOT]");
    for line in ["pin prod foo v0.1.3", "pin prod foo v0.1.3 --json"] {
        let ran = github.run(line).code(1);
        let both = [ran.stdout(), ran.stderr()].concat();
        let places: Vec<&str> = both.lines().filter_map(|line| line.strip_prefix("::error ")).collect();
        assert!(!places.is_empty(), "{ran}");
        for place in places {
            assert!(place.starts_with("file=repo/prod/pyproject.toml,line=8,"), "{place}");
        }
    }
}
