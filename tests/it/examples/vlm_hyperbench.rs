//! `examples/vlm-hyperbench`: `try.sh` as a newcomer runs it, then what it left behind.

use std::fs;
use std::os::unix::fs::symlink;

use super::{files, folder};
use crate::support::{ENVLOOM, Monorepo, Ran};

/// Where the example stands below the root of a clone.
const PLACE: &str = "examples/vlm-hyperbench";

/// The versions of torch by variant, and of the internal packages by environment.
const VARIANTS: [(&str, &str); 3] =
    [("cu124", "2.6.0+cu124"), ("cu128", "2.7.0+cu128"), ("cpu", "2.7.0+cpu")];
const ENVIRONMENTS: [(&str, &str); 3] = [("dev", "0.1.2"), ("staging", "0.1.2.dev0"), ("prod", "0.1.2")];

/// A clone with the example in it. Its index is empty: nothing but what the example makes can be found. A `cargo`
/// that has built envloom already stands first on PATH.
fn clone() -> Monorepo {
    let repo = Monorepo::new();
    for (name, text) in files("vlm-hyperbench") {
        repo.write_bytes(&format!("{PLACE}/{name}"), text.as_bytes());
    }
    repo.write_program("bin/cargo", "#!/bin/sh\nexit 0\n");
    let built = repo.path("target/release");
    fs::create_dir_all(&built).unwrap();
    symlink(ENVLOOM, built.join("envloom")).unwrap();
    repo.path_first(repo.path("bin"))
}

/// Runs a line as someone types it after the first three of the README.
fn typed(repo: &Monorepo, line: &str) -> Ran {
    let begin = "eval \"$(python3 assemble.py --env)\"; cd build/vlm-hyperbench; PATH=../../../../target/release:$PATH";
    repo.in_dir(PLACE).exec("bash", &["-euc", &format!("{begin}\n{line}")])
}

#[test]
fn try_sh_brings_a_clone_to_synced_environments() {
    let repo = clone();
    let tried = repo.exec("bash", &["examples/vlm-hyperbench/try.sh"]).success();
    assert!(
        tried.stdout().contains("\ntorch 2.6.0+cu124\n") && tried.stdout().contains("\ntorch 2.7.0+cpu\n")
    );
    assert!(
        tried.stderr().trim_end().ends_with(')')
            && tried.stderr().contains("everything up to date (17 tasks, ")
    );

    for (environment, version) in ENVIRONMENTS {
        for (variant, torch) in VARIANTS {
            let smoke = format!("envloom run {environment}@{variant} -- python tests/smoke.py");
            let said = typed(&repo, &smoke).text();
            for line in [format!("torch {torch}"), format!("model-interface {version}")] {
                assert!(
                    said.lines().any(|said| said == line),
                    "{environment}@{variant} has no {line}:\n{said}"
                );
            }
        }
        let lockfile = repo.read(&format!("{PLACE}/build/vlm-hyperbench/{}", lockfile(environment)));
        // The traps of the wheelhouse: a torch of no variant, a stranger's print-utils.
        assert!(!lockfile.contains("2.7.1") && !lockfile.contains("9.9.9"), "{lockfile}");
    }
    typed(&repo, "envloom lock check verify 'sync:*@*'").success().ran(&[]);
    assert_eq!(typed(&repo, "git status --porcelain").text(), "");
    typed(&repo, "envloom hello").success();

    // A second time it does nothing but say so.
    let again = repo.exec("bash", &["examples/vlm-hyperbench/try.sh"]).success();
    // A promotion is tried each time, in a copy; it finds that prod has everything.
    again.stderr_has("prod has all that staging has tested: nothing changes").ran(&[
        "lock:prod",
        "verify:prod",
        "check:staging",
        "verify:staging",
    ]);
}

fn lockfile(environment: &str) -> String {
    if environment == "dev" { "uv.lock".to_owned() } else { format!("{environment}/uv.lock") }
}

#[test]
fn try_sh_types_what_the_readmes_say() {
    let read = |path: &str| fs::read_to_string(folder("vlm-hyperbench").join(path)).unwrap();
    let commands = |text: &str, before: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(before));
        let lines = lines.filter(|line| line.starts_with("envloom ") || line.starts_with("python3 "));
        lines.map(|line| line.split(" #").next().unwrap().trim().to_owned()).collect()
    };
    let (readme, script) = (read("README.md"), read("try.sh"));
    let documented = commands(&readme, "");
    assert!(documented.len() > 5, "{documented:?}");
    assert_eq!(documented, commands(&script, "step "));
    assert!(read("../../README.md").contains("\nbash examples/vlm-hyperbench/try.sh "));
}
