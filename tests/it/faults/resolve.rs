//! SIGKILL of the whole session at random moments of `resolve`.

use super::{Random, figure, interrupt_after, litter, rounds, timed};
use crate::resolve::{merged, settle_tasks};
use crate::support::{Monorepo, Signal};

/// What is in conflict, and what `resolve` makes of it.
const FILES: [&str; 3] = ["envloom.lock", "prod/pyproject.toml", "prod/uv.lock"];

fn contents(repo: &Monorepo) -> [String; 3] {
    FILES.map(|file| repo.read(file))
}

#[test]
fn a_merge_is_resolved_or_not_after_the_next_call() {
    let repo = merged();
    settle_tasks(&repo);
    let old = contents(&repo);
    let duration = timed(|| drop(repo.run("resolve").success()));
    let new = contents(&repo);
    let (tried, mut random, mut bad, mut done) = (rounds(4), Random::new(), 0, 0);
    for _ in 0..tried {
        for (file, text) in FILES.iter().zip(&old) {
            repo.write_bytes(file, text.as_bytes());
        }
        interrupt_after(&repo, repo.spawn("resolve"), random.moment(duration), Signal::KILL);
        repo.run("list").success();
        let now = contents(&repo);
        bad += usize::from((now != old && now != new) || !litter(&repo).is_empty());
        done += usize::from(now == new);
    }
    figure(&format!("resolve killed at any moment, half after the next call (all new: {done})"), tried, bad);
    assert_eq!(bad, 0);
    // What was left of the last one is in nobody's way.
    repo.run("resolve").success();
    assert_eq!(contents(&repo), new);
    repo.run("check verify").success();
}
