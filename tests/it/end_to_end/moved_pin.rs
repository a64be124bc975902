//! A pin is moved: one call writes, locks, checks, verifies and syncs.

use super::shop::locked;

#[test]
fn a_moved_pin_is_generated_locked_checked_and_synced_by_one_call() {
    let (_origin, repo) = locked();
    let repo =
        repo.replace("tasks.kdl", "\"print-utils\"     \"v0.1.2\"\n", "\"print-utils\"     \"v0.1.1\"\n");
    // Without a task that may write, the release is not known and the line to type is said.
    repo.run("sync:prod@cpu").code(1).stderr_has("envloom lock:prod");
    // The check finds the verdict that the lock has just left.
    repo.run("lock:prod sync:prod@cpu")
        .success()
        .ran(&["generate:prod", "lock:prod", "verify:prod", "sync:prod@cpu"])
        .fresh(&["check:prod"]);
    repo.run("lock:prod sync:prod@cpu").success().ran(&[]);
}
