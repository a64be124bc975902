//! SIGKILL while manifests are written, and file size limits at every write.

use std::collections::BTreeSet;
use std::fs;

use super::{Random, eventually, figure, interrupt_after, kill_all, litter, rounds, timed, wide_project};
use crate::support::{Monorepo, Ran, Signal};

const MANIFESTS: [&str; 2] = ["pyproject.toml", "prod/pyproject.toml"];

/// The tasks file with one version or the other.
fn describe(repo: &Monorepo, version: &str) {
    let (old, new) = if version == "0.2.0" { ("0.1.0", "0.2.0") } else { ("0.2.0", "0.1.0") };
    if repo.read("tasks.kdl").contains(&format!("version \"{old}\"")) {
        repo.replace("tasks.kdl", &format!("version \"{old}\""), &format!("version \"{new}\""));
    }
}

/// What both states of the project look like: each manifest, and every `envloom.lock` on the way from one to the
/// other, in either direction.
struct States {
    manifests: [BTreeSet<String>; 2],
    ledgers: BTreeSet<String>,
}

impl States {
    fn of(repo: &Monorepo) -> Self {
        let mut states = Self { manifests: [BTreeSet::new(), BTreeSet::new()], ledgers: BTreeSet::new() };
        for version in ["0.1.0", "0.2.0", "0.1.0"] {
            for target in ["generate:dev", "generate:prod", "generate:dev"] {
                describe(repo, version);
                repo.run(target).success();
                states.ledgers.insert(repo.read("envloom.lock"));
            }
            for (texts, manifest) in states.manifests.iter_mut().zip(MANIFESTS) {
                texts.insert(repo.read(manifest));
            }
        }
        // The other order on the way.
        for (version, target) in
            [("0.2.0", "generate:prod"), ("0.2.0", "generate:dev"), ("0.1.0", "generate:prod")]
        {
            describe(repo, version);
            repo.run(target).success();
            states.ledgers.insert(repo.read("envloom.lock"));
        }
        repo.run("generate").success();
        states
    }

    /// Is each file old or new in full?
    fn hold(&self, repo: &Monorepo) -> bool {
        let manifests = self.manifests.iter().zip(MANIFESTS);
        let whole = manifests.into_iter().all(|(texts, manifest)| texts.contains(&repo.read(manifest)));
        whole && self.ledgers.contains(&repo.read("envloom.lock"))
    }
}

#[test]
fn a_killed_generate_leaves_whole_files_and_the_next_one_completes() {
    let repo = wide_project(3, 0);
    let states = States::of(&repo);
    describe(&repo, "0.2.0");
    let duration = timed(|| drop(repo.run("generate").success()));
    let (mut random, tried) = (Random::new(), rounds(6));
    let (mut torn, mut stuck, mut dirty) = (0, Vec::new(), Vec::new());
    for round in 0..tried {
        let version = if round % 2 == 0 { "0.1.0" } else { "0.2.0" };
        describe(&repo, version);
        let running = repo.spawn("generate");
        interrupt_after(&repo, running, random.moment(duration), Signal::KILL);
        torn += usize::from(!states.hold(&repo));
        let next = repo.run("generate");
        let complete = next.exit_code() == Some(0)
            && MANIFESTS
                .iter()
                .all(|manifest| repo.read(manifest).contains(&format!("version = \"{version}\"")));
        if !complete {
            stuck.push(next.to_string());
        }
        if !litter(&repo).is_empty() {
            dirty.push(format!("{:?} after {next}", litter(&repo)));
            for file in litter(&repo) {
                repo.remove(&file);
            }
        }
    }
    figure("F1 kill -9 during generate, torn files", tried, torn);
    figure("F1 next generate does not complete", tried, stuck.len());
    figure("F1 litter after the next generate", tried, dirty.len());
    assert_eq!(torn, 0);
    assert!(stuck.is_empty(), "{}", stuck.join("\n"));
    assert!(dirty.is_empty(), "{}", dirty.join("\n"));
}

#[test]
fn cut_off_twice_it_is_still_no_hand_edit() {
    let repo = wide_project(1, 0);
    repo.run("generate").success();
    // A manifest larger than the note of it, so that a limit stops the one and not the other.
    repo.append("pyproject.toml", &format!("\n# {}\n", "mine ".repeat(4_000)));
    let ledger = fs::File::create(repo.path(".envloom/locks/ledger.lock")).unwrap();
    ledger.lock().unwrap();
    describe(&repo, "0.2.0");
    let running = repo.spawn("generate:dev");
    assert!(eventually(|| repo.read("pyproject.toml").contains("0.2.0")));
    kill_all(&repo, &running);
    running.wait();
    drop(ledger);
    repo.replace("tasks.kdl", "\"0.2.0\"", "\"0.3.0\"");
    limited(&repo, 8_192, "generate:dev").code(1).stderr_has("File too large");
    repo.run("generate:dev").success();
    assert!(repo.read("pyproject.toml").contains("0.3.0"));
}

#[test]
fn a_file_that_was_begun_when_envloom_was_killed_is_cleared_away() {
    let repo = wide_project(1, 0);
    repo.run("generate").success();
    // What a SIGKILL between creation and renaming leaves.
    for place in [
        ".pyproject.toml.envloom-abc123.tmp",
        "prod/.pyproject.toml.envloom-x.tmp",
        ".envloom.lock.envloom-y.tmp",
    ] {
        repo.write(place, "[proj");
    }
    repo.write(".other.toml.envloom-z.tmp", "of no file that is written here");
    describe(&repo, "0.2.0");
    repo.run("generate").success();
    assert_eq!(litter(&repo), [".other.toml.envloom-z.tmp"]);
}

/// Every file of the repository that git could track.
fn tracked(repo: &Monorepo) -> Vec<(String, String)> {
    let files =
        ["tasks.kdl", "pyproject.toml", "prod/pyproject.toml", "envloom.lock", "uv.lock", "prod/uv.lock"];
    let there = files.into_iter().filter(|file| repo.exists(file));
    there.map(|file| (file.to_owned(), repo.read(file))).collect()
}

/// envloom under a limit of the file size. The harness's own file of events would be cut short, too.
fn limited(repo: &Monorepo, limit: usize, line: &str) -> Ran {
    let command = format!(
        "unset ENVLOOM_EVENTS; exec prlimit --fsize={limit} {} {line}",
        env!("CARGO_BIN_EXE_envloom")
    );
    repo.exec("sh", &["-c", &command])
}

#[test]
fn a_file_size_limit_is_an_error_with_path_and_reason_and_damages_nothing() {
    let repo = wide_project(3, 0);
    repo.run("generate").success();
    let (old_manifest, old_ledger) = (repo.read("pyproject.toml"), repo.read("envloom.lock"));
    describe(&repo, "0.2.0");
    repo.run("generate").success();
    let (new_manifest, new_ledger) = (repo.read("pyproject.toml"), repo.read("envloom.lock"));
    let step = if super::campaign().is_some() { 16 } else { 400 };
    let (mut tried, mut damaged, mut unsaid) = (0, 0, 0);
    for limit in (0..2_800).step_by(step) {
        repo.write("pyproject.toml", &old_manifest).write("envloom.lock", &old_ledger);
        let limited = limited(&repo, limit, "generate:dev");
        let (manifest, ledger) = (repo.read("pyproject.toml"), repo.read("envloom.lock"));
        let whole = (manifest == old_manifest || manifest == new_manifest)
            && !(ledger != old_ledger
                && ledger != new_ledger
                && !ledger.contains("[owned.\"pyproject.toml\"]"));
        damaged += usize::from(!whole || !litter(&repo).is_empty());
        let said = limited.exit_code() == Some(0)
            || limited.exit_code().is_some()
                && limited.stderr().contains("File too large")
                && limited.stderr().contains(repo.root().to_str().unwrap());
        unsaid += usize::from(!said);
        tried += 1;
        // The next run completes what was begun, and takes it for nobody's edit.
        repo.run("generate:dev").success();
        assert_eq!(repo.read("pyproject.toml"), new_manifest);
    }
    figure("F6 RLIMIT_FSIZE during generate, damaged or littered", tried, damaged);
    figure("F6 no path and reason said", tried, unsaid);
    assert_eq!((damaged, unsaid), (0, 0));
}

#[test]
fn a_file_size_limit_during_lock_leaves_the_former_lockfile() {
    let repo = wide_project(2, 0);
    repo.run("lock").success();
    let former = tracked(&repo);
    repo.index("pypi", &[("wide-0", "2.0")]);
    let steps = if super::campaign().is_some() { 40 } else { 3 };
    let mut damaged = 0;
    for step in 0..steps {
        let limit = 4096 * step / steps;
        let limited = limited(&repo, limit, "lock:dev --upgrade");
        let after = tracked(&repo);
        let upgraded = limited.exit_code() == Some(0);
        if upgraded {
            damaged += usize::from(!repo.read("uv.lock").contains("2.0"));
            repo.write("uv.lock", &former.iter().find(|(file, _)| file == "uv.lock").unwrap().1);
        } else {
            damaged += usize::from(after != former || !litter(&repo).is_empty());
        }
    }
    figure("F6 RLIMIT_FSIZE during lock, damaged", steps, damaged);
    assert_eq!(damaged, 0);
}

#[test]
fn an_interrupted_first_generate_is_no_hand_edit() {
    for _ in 0..rounds(2).min(20) {
        let repo = wide_project(2, 0);
        let mut random = Random::new();
        let running = repo.spawn("generate");
        std::thread::sleep(random.moment(std::time::Duration::from_millis(60)));
        kill_all(&repo, &running);
        running.wait();
        repo.run("generate").success();
    }
}
