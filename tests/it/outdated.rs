//! `outdated`: newer tags of pins, as real remotes have them.

use std::fs;

use serde_json::Value;

use crate::seed::locked;
use crate::support::Monorepo;

/// Staging pins `v0.1.2.dev0` of both packages, prod `v0.1.2`; foo has newer tags of both kinds.
fn repo() -> Monorepo {
    let repo = locked();
    repo.release("foo", "v0.1.10").release("foo", "v0.1.9").release("foo", "v0.2.0.dev1")
}

/// Gives a tag of any name to the commit of foo's `v0.1.2`.
fn hostile_tag(repo: &Monorepo, name: &str) {
    let remote = repo.remote("foo");
    let commit = repo.tag_commit("foo", "v0.1.2");
    let reference = remote.join("refs/tags").join(name);
    fs::create_dir_all(reference.parent().unwrap()).unwrap();
    fs::write(reference, format!("{commit}\n")).unwrap();
}

#[test]
fn newer_tags_of_each_channel() {
    let repo = repo();
    insta::assert_snapshot!(repo.run("outdated").output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    package  environment  pinned       newest       newest of all
    foo      staging      v0.1.2.dev0  v0.2.0.dev1  v0.2.0.dev1
    bar      staging      v0.1.2.dev0  v0.1.2       v0.1.2
    foo      prod         v0.1.2       v0.1.10      v0.2.0.dev1
    ----- stderr -----
    3 of 4 pins have newer tags
    ");
    insta::assert_snapshot!(repo.run("outdated prod -v").output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    package  environment  pinned  newest   newest of all
    foo      prod         v0.1.2  v0.1.10  v0.2.0.dev1
    bar      prod         v0.1.2  v0.1.2   v0.1.2
    ----- stderr -----
    1 of 2 pins has a newer tag
    the remotes were asked [TIME] ago; -B asks anew
    ");
    repo.run("outdated --exit-code").code(1);
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.10\"\n");
    insta::assert_snapshot!(repo.run("outdated prod --exit-code").output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    all 2 pins are the newest of their channels
    the remotes were asked [TIME] ago; -B asks anew
    ");
    repo.replace("tasks.kdl", "channel=\"stable\"", "channel=\"dev\"");
    insta::assert_snapshot!(repo.run("outdated prod").text(), @r"
    package  environment  pinned   newest       newest of all
    foo      prod         v0.1.10  v0.2.0.dev1  v0.2.0.dev1
    ");
}

#[test]
fn data_for_scripts() {
    let repo = repo();
    let rev = repo.tag_commit("foo", "v0.1.2");
    repo.replace(
        "tasks.kdl",
        "pin \"foo\" \"v0.1.2\"\n",
        &format!("pin \"foo\" rev=\"{rev}\" version=\"0.1.2\"\n"),
    );
    let found: Value = serde_json::from_str(&repo.run("outdated prod --json").text()).unwrap();
    let mut pin = found["pins"][0].clone();
    assert!(pin["asked"].take().as_u64().unwrap() > 1_767_225_600);
    insta::assert_snapshot!(repo.redact(&format!("{pin:#}")), @r#"
    {
      "asked": null,
      "channel": "stable",
      "environment": "prod",
      "newer": true,
      "newest": {
        "commit": "[COMMIT]",
        "tag": "v0.1.10",
        "version": "0.1.10"
      },
      "newest_of_all": {
        "commit": "[COMMIT]",
        "tag": "v0.2.0.dev1",
        "version": "0.2.0.dev1"
      },
      "package": "foo",
      "pinned": {
        "rev": "[COMMIT]",
        "tag": null,
        "version": "0.1.2"
      },
      "problem": null
    }
    "#);
    assert_eq!((found["newer"].as_u64(), found["pins"][1]["newer"].as_bool()), (Some(1), Some(false)));
    let table = repo.run("outdated prod").text();
    assert!(table.contains(&format!("{} (0.1.2)", &rev[..12])), "{table}");
}

#[test]
fn remotes_are_asked_once_in_an_hour() {
    let repo = repo();
    repo.run("outdated prod").success().stderr_has("1 of 2 pins has a newer tag");
    repo.release("bar", "v0.3.0");
    // What was said is believed, also without the network.
    for line in ["outdated prod", "outdated prod --offline"] {
        let ran = repo.run(line).success();
        assert!(!ran.stdout().contains("bar"), "{}", ran.stdout());
        ran.stderr_has("ago; -B asks anew");
    }
    let ran = repo.run("outdated prod -B").success().stderr_has("2 of 2 pins have newer tags");
    assert!(!ran.stderr().contains("ago"), "{}", ran.stderr());
    repo.replace("tasks.kdl", "default \"check\"", "remotes max-age=\"0\"\ndefault \"check\"");
    repo.release("foo", "v0.4.0");
    assert!(repo.run("outdated prod").text().contains("v0.4.0"));
}

#[test]
fn a_remote_that_is_not_known_is_said() {
    let repo = repo();
    insta::assert_snapshot!(repo.run("outdated prod --offline").output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    no pin could be judged
    https://git.example.com/bar.git was never asked, and --offline forbids it
    https://git.example.com/foo.git was never asked, and --offline forbids it
    ");
    fs::remove_dir_all(repo.remote("bar")).unwrap();
    let ran = repo.run("outdated prod").code(1);
    assert!(ran.stdout().contains("v0.1.10") && !ran.stdout().contains("bar"), "{}", ran.stdout());
    let ran = ran
        .stderr_has("1 of 1 pin has a newer tag")
        .stderr_has("bar.git' does not appear to be a git repository");
    // What git says after that is git's.
    let first: Vec<&str> = ran.stderr().lines().take(3).collect();
    insta::assert_snapshot!(first.join("\n"), @"
    1 of 1 pin has a newer tag
    error[envloom::cli::remote_silent]: no tags were learnt from https://git.example.com/bar.git
    help: mend what git says and type the same command again; `--offline` goes by what was said before
    ");
    let found: Value = serde_json::from_str(repo.run("outdated prod --json").code(1).stdout()).unwrap();
    assert!(found["pins"][1]["problem"].as_str().unwrap().contains("git"), "{found:#}");
    assert_eq!(found["pins"][0]["newer"], true);
}

#[test]
fn tags_that_are_no_releases_are_neither_taken_nor_shown() {
    let repo = repo();
    let canary = repo.root().join("canary");
    let touch = format!("v9.0;touch${{IFS}}{}", canary.display().to_string().replace('/', "%"));
    for name in [
        "v9.0;id",
        "-v9.1",
        "--upload-pack=x",
        "v9.2\u{202e}",
        "v9.3\u{1b}[2J",
        "v9.4`id`",
        "v9.5|x",
        "9.6$(id)",
        &touch,
    ] {
        hostile_tag(&repo, name);
    }
    for line in ["outdated -v", "outdated --json"] {
        let ran = repo.run(line).success();
        let printed = ran.stdout().to_owned() + ran.stderr();
        assert!(printed.contains("v0.1.10") && !printed.contains('\u{1b}'), "{printed}");
        assert!(!printed.contains("9.0") && !printed.contains("9.6"), "{printed}");
    }
    assert!(!canary.exists());
}

#[test]
fn what_has_no_pins_is_said() {
    let repo = locked();
    let said = |line: &str, code: i32| {
        let ran = repo.run(line).code(code);
        format!("$ {line}\n{}", repo.redact(ran.stderr()))
    };
    let calls = ["outdated dev", "outdated prod@cpu", "outdated prod FOO=1", "outdated prood"];
    insta::assert_snapshot!(calls.map(|line| said(line, 2)).concat(), @r"
    $ outdated dev
    error[envloom::cli::no_pins]: environment `dev` takes its packages from the workspace: it has no pins
    help: those that have pins: staging, prod
    $ outdated prod@cpu
    error[envloom::cli::verb_words]: `outdated` takes names of environments
    help: type `envloom outdated [ENV…]`
    $ outdated prod FOO=1
    error[envloom::cli::verb_words]: `outdated` takes names of environments
    help: type `envloom outdated [ENV…]`
    $ outdated prood
    error: the call cannot be carried out

    error[envloom::graph::unknown_environment]: unknown environment `prood`
     --> command line:1:18
    1 | envloom outdated prood
      |                  ^^^^^ no environment, manifest or directory of that name
    help: did you mean `prod`?
    ");
    let repo = Monorepo::new().tasks_kdl(
        "project \"app\" { version \"1\" }\nenvironment \"dev\" { manifest \"pyproject.toml\" }\n",
    );
    insta::assert_snapshot!(repo.run("outdated").output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    nothing is pinned
    ");
}
