//! SIGKILL of the whole session at random moments of `promote`, and while it writes its files.

use std::thread;
use std::time::Duration;

use super::{Random, eventually, figure, interrupt_after, kill_all, litter, processes, rounds, timed};
use crate::seed::locked;
use crate::support::{Monorepo, Running, Signal};

/// What a promotion writes.
const FILES: [&str; 4] = ["envloom.lock", "prod/pyproject.toml", "prod/uv.lock", "tasks.kdl"];

fn contents(repo: &Monorepo) -> Vec<String> {
    FILES.iter().map(|file| repo.read(file)).collect()
}

/// How often something was half done: right after the kill, and after the next call of envloom.
#[derive(Default)]
struct Halves {
    at_once: usize,
    after_next: usize,
    new: usize,
}

/// A repository in which a promotion changes all its files, how these are before and after it, and how long it takes.
struct Trial {
    repo: Monorepo,
    old: Vec<String>,
    new: Vec<String>,
    duration: Duration,
}

impl Trial {
    fn new() -> Self {
        let repo = locked().release("foo", "v0.1.3").release("bar", "v0.1.3");
        repo.run("pin staging foo v0.1.3").success();
        repo.run("pin staging bar v0.1.3").success();
        repo.commit("staging");
        let old = contents(&repo);
        repo.run("promote staging prod").success();
        let new = contents(&repo);
        assert!(old.iter().zip(&new).all(|(old, new)| old != new));
        repo.git(&["checkout", "-q", "."]).success();
        let duration = timed(|| drop(repo.run("promote staging prod").success()));
        Self { repo, old, new, duration }
    }

    /// Kills a promotion and looks at what it leaves, `tried` times.
    fn kill(&self, tried: usize, mut kill: impl FnMut(&Monorepo, Running)) -> Halves {
        let (repo, mut halves) = (&self.repo, Halves::default());
        for _ in 0..tried {
            repo.git(&["checkout", "-q", "."]).success();
            kill(repo, repo.spawn("promote staging prod"));
            let is_whole = |now: &Vec<String>| *now == self.old || *now == self.new;
            halves.at_once += usize::from(!is_whole(&contents(repo)));
            repo.run("list").success();
            let now = contents(repo);
            halves.after_next += usize::from(!is_whole(&now) || !litter(repo).is_empty());
            halves.new += usize::from(now == self.new);
        }
        // What was left of the last one is in nobody's way.
        repo.git(&["checkout", "-q", "."]).success();
        repo.run("promote staging prod").success();
        assert_eq!(contents(repo), self.new);
        repo.run("check verify").success();
        halves
    }
}

#[test]
fn a_promotion_that_is_killed_is_done_or_not_after_the_next_call() {
    let (trial, tried, mut random) = (Trial::new(), rounds(4), Random::new());
    let duration = trial.duration;
    let halves = trial.kill(tried, |repo, running| {
        interrupt_after(repo, running, random.moment(duration), Signal::KILL);
    });
    figure("promote killed at any moment, half-moved right after", tried, halves.at_once);
    let row =
        format!("promote killed at any moment, half-moved after the next call (all new: {})", halves.new);
    figure(&row, tried, halves.after_next);
    assert_eq!(halves.after_next, 0);

    let log = trial.repo.path(".envloom/journal/commit.json");
    // Four files, each synced: the time it takes to write them is the range of the moments.
    let window = Duration::from_millis(12);
    let mut while_it_writes = |repo: &Monorepo, running: Running| {
        assert!(eventually(|| log.exists() || running.has_ended()));
        thread::sleep(window * u32::try_from(random.below(1000)).unwrap() / 1000);
        kill_all(repo, &running);
        running.wait();
        assert!(eventually(|| processes(repo).is_empty()));
    };
    let halves = trial.kill(tried, &mut while_it_writes);
    figure("promote killed while it writes, half-moved right after", tried, halves.at_once);
    figure("promote killed while it writes, half-moved after the next call", tried, halves.after_next);
    assert_eq!(halves.after_next, 0);
    let halves = trial.kill(tried, |repo, running| {
        while_it_writes(repo, running);
        repo.git(&["checkout", "-q", "."]).success();
    });
    figure("promote killed while it writes, put back by hand, moved by the next call", tried, halves.new);
    assert_eq!((halves.after_next, halves.new), (0, 0));
}
