//! A repository in which every verb of releases works, and the way back to it after each trial.
//!
//! Everything was asked once, `baz` is a remote that no package has, and a second state stands in the middle of a merge
//! whose `tasks.kdl` is settled, for `resolve`. The state directory stays the one that envloom made: a copy of it would
//! be refused at the door, and no trial would come any further.

use crate::seed::locked;
use crate::support::{Monorepo, Package, Ran};

/// The repository, as it is put back.
pub(super) fn known() -> Monorepo {
    let repo = locked().add(Package::new("baz").tag("v0.1.2").remote_only());
    repo.release("bar", "v0.1.3").run("verify").success();
    repo.run("outdated").success();
    keep(&repo, "kept");
    repo.git(&["checkout", "-q", "-b", "theirs"]).success();
    repo.run("pin prod bar v0.1.3").success();
    repo.commit("theirs").git(&["checkout", "-q", "-"]).success();
    repo.run("pin prod bar v0.1.1").success();
    repo.commit("ours").git(&["merge", "-q", "theirs"]).code(1);
    repo.git(&["checkout", "-q", "--theirs", "--", "tasks.kdl"]).success();
    keep(&repo, "merged");
    put_back(&repo, "");
    repo
}

fn keep(repo: &Monorepo, name: &str) {
    repo.exec("cp", &["-a", "[ROOT]/repo", &format!("[ROOT]/{name}")]).success();
}

/// Everything in the repository as [`known`] left it, for this call: in the middle of a merge for `resolve`.
pub(super) fn put_back(repo: &Monorepo, line: &str) {
    let kept = if line.contains("resolve") { "merged" } else { "kept" };
    let script = format!(
        "find . -mindepth 1 -maxdepth 1 ! -name .envloom -exec rm -rf {{}} + && \
         find .envloom -mindepth 1 -maxdepth 1 -exec rm -rf {{}} + && cp -a [ROOT]/{kept}/. ."
    );
    repo.exec("sh", &["-c", &script]).success();
}

/// Was the call stopped before it looked at anything that a trial may have put there?
pub(super) fn is_turned_away(ran: &Ran) -> bool {
    ran.stderr().contains("envloom::cli::foreign_state")
}

/// Each call does what it is for where nothing is wrong: a trial in which it does not come that far shows nothing.
pub(super) fn assert_each_works(repo: &Monorepo, lines: &[&str]) {
    let mut bad = Vec::new();
    for line in lines {
        put_back(repo, line);
        let ran = repo.run(line);
        if ran.exit_code() != Some(0) {
            bad.push(ran.to_string());
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}
