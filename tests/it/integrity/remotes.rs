//! Tags at their remotes, and manifests at recorded commits: what a lockfile that suits its manifest does not tell.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::seed::{locked, three_environments};
use crate::support::{Monorepo, Package};

/// A git before the real one that counts its calls in `calls.txt`.
fn counting(repo: &Monorepo) -> Monorepo {
    let bin = repo.root().join("counting");
    fs::create_dir_all(&bin).unwrap();
    let real = std::env::split_paths(&repo.git(&["--exec-path"]).text())
        .next()
        .map(|directory| directory.join("git"))
        .filter(|git| git.exists())
        .unwrap();
    let text = format!(
        "#!/bin/sh\necho \"$*\" >> '{}'\nexec '{}' \"$@\"\n",
        repo.root().join("calls.txt").display(),
        real.display()
    );
    fs::write(bin.join("git"), text).unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    repo.path_first(bin)
}

/// The calls of git since this was asked last.
fn calls(repo: &Monorepo) -> Vec<String> {
    let file = repo.root().join("calls.txt");
    let text = fs::read_to_string(&file).unwrap_or_default();
    fs::remove_file(&file).ok();
    text.lines().map(ToOwned::to_owned).collect()
}

/// How often remotes were asked for their tags.
fn asked(calls: &[String]) -> usize {
    calls.iter().filter(|call| call.contains("ls-remote --tags")).count()
}

#[test]
fn a_tag_that_moved_after_locking_is_found_though_the_lockfile_suits() {
    let repo = locked();
    repo.run("verify:prod").success();
    let old = repo.tag_commit("foo", "v0.1.2");
    repo.move_tag("foo", "v0.1.2");
    let new = repo.tag_commit("foo", "v0.1.2");
    // Neither uv nor a lock asks the remote: the lockfile suits.
    repo.run("lock:prod check:prod").success().ran(&[]);
    // What the remote said before is believed for an hour, and asked for again by -B.
    repo.run("verify:prod").success().ran(&[]);
    let found = repo.run("-B verify:prod").code(1).failed(&["verify:prod"]);
    assert!(found.stderr().contains(&old) && found.stderr().contains(&new), "{found}");
    insta::assert_snapshot!(found.output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ verify:prod  failed
    error: the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

    error[envloom::ledger::moved_tag]: `foo` v0.1.2 was [COMMIT] when it was recorded, and is [COMMIT] at its remote
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.2"
       |               ^^^^^^^^ moved
    help: the tag was moved. Pin another release; or, if the move is meant, type `envloom lock:prod --accept-moved foo`
    failed 1 in [TIME]
    "#);
    // It is known now, and a sync does not start.
    repo.run("sync:prod@cpu").code(1).failed(&["verify:prod"]);
    let offline = repo.run("--offline verify:prod").code(1);
    offline.stderr_has(" at its remote ").stderr_has(" ago");
    // Accepted, the older answer is at odds with the record and asked for again.
    repo.run("lock:prod --accept-moved foo").success();
    repo.run("verify:prod").success();
    assert!(repo.read("envloom.lock").contains(&new));
}

#[test]
fn a_tag_that_is_gone_is_named_with_the_nearest() {
    let repo = locked();
    repo.delete_tag("foo", "v0.1.2");
    insta::assert_snapshot!(repo.run("verify:prod").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ verify:prod  failed
    error: the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

    error[envloom::ledger::tag_gone]: `foo` has no tag `v0.1.2` at https://git.example.com/foo.git any more
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.2"
       |               ^^^^^^^^ no such tag now
    help: push the tag, or pin one of the nearest: `v0.1.2.dev0`, `v0.1.1`
    failed 1 in [TIME]
    "#);
}

#[test]
fn a_remote_is_asked_once_for_all_environments_and_not_again_while_its_answer_is_young() {
    let repo = counting(&locked());
    repo.run("verify").success().ran(&["verify:dev", "verify:prod", "verify:staging"]);
    assert_eq!(asked(&calls(&repo)), 2, "foo and bar, each once");
    repo.run("verify").success().ran(&[]);
    repo.run("verify:prod").success().ran(&[]);
    repo.run("sync:prod@cpu").success().ran(&["sync:prod@cpu"]);
    let further = calls(&repo);
    assert_eq!(further.iter().filter(|call| call.contains("remote")).count(), 0, "{further:?}");
    repo.run("sync:prod@cpu").success().ran(&[]);
    assert_eq!(calls(&repo), [] as [String; 0], "what is up to date starts no git");
    repo.run("-B verify:prod").success();
    assert_eq!(asked(&calls(&repo)), 2);
}

#[test]
fn answers_that_are_too_old_are_asked_for_again() {
    let repo = counting(&locked());
    repo.write("tasks.local.kdl", "remotes max-age=\"0\"\n");
    repo.run("verify:prod").success().ran(&["verify:prod"]);
    calls(&repo);
    let again = repo.run("-v verify:prod").success().ran(&["verify:prod"]);
    assert!(again.stderr().contains("its tags were asked 0 s ago"), "{again}");
    assert_eq!(asked(&calls(&repo)), 2);
    // In one call each remote is asked once, whoever needs it.
    repo.run("verify").success();
    assert_eq!(asked(&calls(&repo)), 2);
    // A clock that was set back makes no answer young.
    repo.write("tasks.local.kdl", "remotes max-age=\"1h\"\n");
    for entry in fs::read_dir(repo.path(".envloom/cache/tags")).unwrap() {
        let path = entry.unwrap().path();
        let mut answer: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        answer["asked"] = (answer["asked"].as_u64().unwrap() + 86_400_000_000).into();
        fs::write(&path, answer.to_string()).unwrap();
    }
    let set_back = repo.run("-v verify:prod").success().ran(&["verify:prod"]);
    assert!(set_back.stderr().contains("its tags were never asked"), "{set_back}");
    repo.run("verify:prod").success().ran(&[]);
}

#[test]
fn a_remote_that_does_not_answer_stops_a_frozen_sync_and_offline_says_what_was_not_asked() {
    let repo = locked();
    fs::rename(repo.remote("foo"), repo.root().join("gone")).unwrap();
    let silent = repo.run("sync:prod@cpu").code(1).failed(&["verify:prod"]).skipped(&["sync:prod@cpu"]);
    silent
        .stderr_has("envloom::ledger::remote_silent")
        .stderr_has("https://git.example.com/foo.git could not be asked");
    let offline = repo.run("--offline verify:prod").success().ran(&["verify:prod"]);
    insta::assert_snapshot!(offline.output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    warning: `prod`: no remote was asked whether tags moved: https://git.example.com/bar.git (asked [TIME] ago), https://git.example.com/foo.git (never asked)
      help: without --offline they are asked
    ✓ verify:prod  ran in [TIME], 6 packages  (no record of it here)
    ran 1 in [TIME]
    ");
    // It has left no verdict that an online call would believe.
    repo.run("verify:prod").code(1);
    fs::rename(repo.root().join("gone"), repo.remote("foo")).unwrap();
    repo.run("verify:prod").success().ran(&["verify:prod"]);
    // Known answers do, and their age is told, each time.
    for _ in 0..2 {
        let known = repo.run("--offline verify:prod").success().ran(&[]);
        insta::allow_duplicates!(insta::assert_snapshot!(known.output_snapshot(), @r"
        exit: 0
        ----- stdout -----

        ----- stderr -----
        warning: `prod`: no remote was asked whether tags moved: https://git.example.com/bar.git (asked [TIME] ago), https://git.example.com/foo.git (asked [TIME] ago)
          help: without --offline they are asked
        verify:prod is up to date ([TIME])
        "));
    }
}

#[test]
fn a_record_that_says_something_else_than_the_manifest_at_the_commit_is_an_error() {
    let repo = locked();
    repo.run("verify:prod").success();
    // Who changes the record changes the shim with it, so that the lockfile suits again.
    let of_prod =
        "version = \"0.1.2\", requires-python = \">=3.10\", requires-dist = [\"bar\", \"torch>=2.4\"]";
    repo.replace("envloom.lock", of_prod, &of_prod.replace("2.4", "2.3"));
    repo.run("generate:prod lock:prod").success();
    assert!(repo.read("prod/uv.lock").contains("torch>=2.3"));
    insta::assert_snapshot!(repo.run("verify:prod").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ verify:prod  failed
    error: the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

    error[envloom::ledger::record_differs]: envloom.lock says that the requires-dist of `foo` v0.1.2 is [bar, torch>=2.3]; at its commit [COMMIT] it is [bar, torch>=2.4]
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.2"
       |               ^^^^^^^^ pinned here
    help: envloom.lock was changed by hand or by a merge; type `envloom lock:prod --accept-moved foo` to have it read again

    error[envloom::ledger::shim_differs]: the metadata shim of `foo` v0.1.2 in the lockfile says requires-dist [bar, torch>=2.3]; its manifest says [bar, torch>=2.4]
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.2"
       |               ^^^^^^^^ pinned here
    help: uv believes whatever a shim says; type `envloom generate:prod lock:prod`
    failed 1 in [TIME]
    "#);
}

#[test]
fn manifests_are_read_from_the_remote_where_no_checkout_has_them() {
    let repo = counting(&locked());
    repo.deinit("foo").deinit("bar");
    repo.run("verify:prod").success();
    // The commits were brought for one look: no clone stays.
    assert_eq!(fs::read_dir(repo.path(".envloom/git")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(repo.path(".envloom/cache/releases")).unwrap().count(), 2);
    calls(&repo);
    repo.remove(".envloom/git");
    repo.append("prod/uv.lock", "\n");
    repo.run("verify:prod").success().ran(&["verify:prod"]);
    assert_eq!(calls(&repo), [] as [String; 0], "a commit is read once");
}

#[test]
fn a_version_that_is_computed_is_not_compared_and_that_is_said() {
    let repo = three_environments();
    let dynamic = "[project]\nname = \"bar\"\ndynamic = [\"version\"]\n\n[build-system]\nrequires = []\n\
                   build-backend = \"backend\"\nbackend-path = [\"_build\"]\n";
    let backend = include_str!("../support/backend.py").replace(
        "project = tomllib.loads(text)[\"project\"]",
        "project = {**tomllib.loads(text)[\"project\"], \"version\": \"0.1.3\"}",
    );
    let bar = Package::new("bar").pyproject(dynamic).file("_build/backend.py", &backend);
    repo.push(bar.tag("v0.1.3"));
    repo.replace("tasks.kdl", "    pin \"bar\" \"v0.1.2\"\n}", "    pin \"bar\" \"v0.1.3\"\n}");
    repo.run("lock:prod").success();
    insta::assert_snapshot!(repo.run("verify:prod").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ✓ verify:prod  ran in [TIME], 6 packages, 1 dynamic version not compared  (no record of it here)
    ran 1 in [TIME]
    ");
}
