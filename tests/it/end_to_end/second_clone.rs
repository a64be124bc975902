//! The second clone: it reads, and writes nothing but `.envloom/`.

use super::shop::locked;

const READING: [&str; 6] =
    ["check:dev", "check:staging", "check:prod", "verify:dev", "verify:staging", "verify:prod"];

#[test]
fn a_second_clone_checks_and_verifies_what_the_first_committed() {
    let (_origin, first) = locked();
    let second = first.colleague();
    let before = second.tree("");
    second.run("check verify").success().ran(&READING);
    second.assert_clean();
    assert_eq!(second.tree("").without(".envloom"), before);
    second.env("CI", "true").run("check verify").success().fresh(&READING);
}

#[test]
fn the_continuous_integration_of_a_fresh_clone_passes_from_nothing() {
    let (_origin, first) = locked();
    let second = first.colleague().env("CI", "true");
    second.run("check verify").success().ran(&READING);
    second.run("lock").success();
    second.assert_clean();
}

#[test]
fn a_sync_of_prod_in_a_second_clone_writes_only_the_state_directory() {
    let (_origin, first) = locked();
    let second = first.colleague();
    let (tree, home) = (second.tree(""), second.tree("../home"));
    second.run("sync:prod@cu124").success().ran(&["check:prod", "verify:prod", "sync:prod@cu124"]);
    second.assert_clean();
    assert_eq!(second.tree("").without(".envloom"), tree);
    assert_eq!(second.tree("../home"), home);
    let ignored = second.git(&["status", "--porcelain", "--ignored"]).text();
    assert_eq!(ignored, "!! .envloom/");
    let import =
        "import torch, hello_world; print(torch.__version__, torch.__index__, hello_world.__version__)";
    let printed = second.run_args(&["run", "prod@cu124", "--", "python", "-c", import]).text();
    assert_eq!(printed, "2.6.0+cu124 cu124 0.1.2");
    second.run("sync:prod@cu124").success().ran(&[]);
}
