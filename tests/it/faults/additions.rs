//! SIGKILL of the whole session, and Ctrl-C, at random moments of `add REQUIREMENT`, `add package` and `remove package`.
//!
//! What is compared is all that these verbs change: every file of the working tree, submodules included, git's index and
//! settings, and the repositories of submodules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::{Random, eventually, figure, interrupt_after, kill_all, litter, processes, rounds, timed};
use crate::add::stocked;
use crate::support::{Monorepo, Package, Running, Signal};

/// A repository in which `line` changes something: how it is before and after, and how long that takes.
struct Trial {
    repo: Monorepo,
    line: String,
    /// A copy of the repository as it is before, without envloom's state, which knows where it was made.
    kept: PathBuf,
    old: String,
    new: String,
    duration: Duration,
}

/// How often something was half done: right after the call, and after the next call of envloom.
#[derive(Default)]
struct Halves {
    at_once: usize,
    after_next: usize,
    new: usize,
    /// Calls that were interrupted, and did not end as such.
    other_codes: usize,
}

impl Trial {
    fn new(repo: Monorepo, line: &str) -> Self {
        let line = line.replace("URL", &repo.package_url("bench-utils"));
        let kept = repo.root().join("kept");
        fs::create_dir_all(&kept).unwrap();
        copy(&repo.path(""), &kept);
        let mut trial =
            Self { kept, old: state(&repo), new: String::new(), duration: Duration::ZERO, repo, line };
        trial.repo.run(&trial.line).success();
        trial.new = state(&trial.repo);
        trial.restore();
        trial.duration = timed(|| drop(trial.repo.run(&trial.line).success()));
        assert_eq!(state(&trial.repo), trial.new);
        trial
    }

    /// Puts everything back as it was before.
    fn restore(&self) {
        let root = self.repo.path("");
        for entry in fs::read_dir(&root).unwrap().map(Result::unwrap) {
            if entry.file_name() == ".envloom" {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                fs::remove_dir_all(entry.path()).unwrap();
            } else {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        copy(&self.kept, &root);
        assert_eq!(state(&self.repo), self.old);
    }

    fn is_whole(&self) -> bool {
        let now = state(&self.repo);
        now == self.old || now == self.new
    }

    /// Cuts calls off and looks at what they leave, `tried` times.
    fn cut_off(&self, tried: usize, mut cut_off: impl FnMut(&Monorepo, Running) -> bool) -> Halves {
        let (repo, mut halves) = (&self.repo, Halves::default());
        for _ in 0..tried {
            self.restore();
            halves.other_codes += usize::from(!cut_off(repo, repo.spawn(&self.line)));
            halves.at_once += usize::from(!self.is_whole() || is_busy(repo));
            repo.run("list").success();
            let is_clean = litter(repo).is_empty() && !is_busy(repo);
            if !self.is_whole() || !is_clean {
                halves.after_next += 1;
                let now = state(repo);
                figure(&format!("{}:\n--- old\n{}\n--- now\n{now}\n", self.line, self.old), 1, 1);
            }
            halves.new += usize::from(state(repo) == self.new);
        }
        // What was left of the last one is in nobody's way.
        self.restore();
        repo.run(&self.line).success();
        assert_eq!(state(repo), self.new);
        repo.run("check verify").success();
        halves
    }

    /// A kill at any moment, and one while all is written.
    fn kill(&self) {
        let (tried, mut random) = (rounds(3), Random::new());
        let halves = self.cut_off(tried, |repo, running| {
            interrupt_after(repo, running, random.moment(self.duration), Signal::KILL);
            true
        });
        self.told("killed at any moment", tried, &halves);
        let log = self.repo.path(".envloom/journal/commit.json");
        // Files, each synced, then git's index and settings, and a submodule that goes.
        let window = (self.duration / 4).min(Duration::from_millis(300));
        let halves = self.cut_off(tried, |repo, running| {
            assert!(eventually(|| log.exists() || running.has_ended()));
            thread::sleep(window * u32::try_from(random.below(1000)).unwrap() / 1000);
            kill_all(repo, &running);
            running.wait();
            assert!(eventually(|| processes(repo).is_empty()));
            true
        });
        self.told("killed while it writes", tried, &halves);
    }

    /// Ctrl-C at any moment, every other time while all is written: whole or nothing at once.
    fn interrupt(&self) {
        let (tried, mut random) = (rounds(4), Random::new());
        let (log, mut round) = (self.repo.path(".envloom/journal/commit.json"), 0);
        let halves = self.cut_off(tried, |repo, running| {
            round += 1;
            if round % 2 == 0 {
                assert!(eventually(|| log.exists() || running.has_ended()));
                thread::sleep(Duration::from_micros(100) * u32::try_from(random.below(1000)).unwrap());
            } else {
                thread::sleep(random.moment(self.duration));
            }
            running.signal_group(Signal::INT);
            let ran = running.wait();
            assert!(eventually(|| processes(repo).is_empty()));
            if !self.is_whole() || is_busy(repo) {
                let notes = repo.tree(".envloom/journal").paths().join(" ");
                figure(&format!("{ran}\nin round {round}, with {notes}\n{}\n", state(repo)), 1, 1);
            }
            // One that had ended, or was about to, was not interrupted; one that had not begun ended by the signal.
            matches!(ran.exit_code(), None | Some(0 | 130))
        });
        self.told("interrupted at any moment", tried, &halves);
        assert_eq!(halves.at_once + halves.other_codes, 0);
    }

    fn told(&self, how: &str, tried: usize, halves: &Halves) {
        let verb = self.line.split(" --").next().unwrap_or_default();
        figure(&format!("{verb} {how}, half done right after"), tried, halves.at_once);
        let row = format!("{verb} {how}, half done after the next call (all new: {})", halves.new);
        figure(&row, tried, halves.after_next);
        assert_eq!(halves.after_next, 0, "{row}");
    }
}

/// Is something left that keeps git from its work?
fn is_busy(repo: &Monorepo) -> bool {
    ["index.lock", "config.lock"].iter().any(|lock| repo.exists(&format!(".git/{lock}")))
}

/// All that is compared.
fn state(repo: &Monorepo) -> String {
    let tree = repo.tree("").without(".envloom").hash();
    let index = repo.git(&["ls-files", "--stage"]).text();
    let settings = fs::read_to_string(repo.path(".git/config")).unwrap();
    let mut places = Vec::new();
    for below in ["modules", "modules/packages"] {
        let entries = fs::read_dir(repo.path(".git").join(below));
        let names = entries.into_iter().flatten().map(|entry| entry.unwrap().file_name());
        places.extend(names.map(|name| format!("{below}/{}", name.to_string_lossy())));
    }
    places.sort();
    // Whether they are as git makes them git says; of one that goes nothing is left.
    let submodules = repo.git(&["submodule", "status"]);
    let submodules = format!("{:?} {}", submodules.exit_code(), submodules.stdout());
    format!("{tree}\n{index}\n{settings}\n{}\n{submodules}", places.join("\n"))
}

/// Copies what a directory holds, but for envloom's state.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_name() != ".envloom" {
            let copied = Command::new("cp").arg("-a").arg(entry.path()).arg(to).status().unwrap();
            assert!(copied.success());
        }
    }
}

/// A repository beside which there is a package more.
fn beside() -> Monorepo {
    stocked().add(Package::new("bench-utils").tag("v0.3.0").remote_only())
}

/// The same with the package in it.
fn added() -> Monorepo {
    let repo = beside();
    let url = repo.package_url("bench-utils");
    repo.run(&format!("add package bench-utils --git {url}")).success();
    repo.commit("added")
}

#[test]
fn a_requirement_that_is_killed_on_its_way_is_asked_for_or_not() {
    Trial::new(beside(), "add numpy>=1.26").kill();
}

#[test]
fn a_package_that_is_killed_on_its_way_is_there_or_not() {
    Trial::new(beside(), "add package bench-utils --git URL").kill();
}

#[test]
fn a_package_that_is_killed_on_its_way_out_is_there_or_not() {
    Trial::new(added(), "remove package bench-utils").kill();
}

#[test]
fn a_requirement_that_is_interrupted_is_asked_for_or_not_at_once() {
    Trial::new(beside(), "add numpy>=1.26").interrupt();
}

#[test]
fn a_package_that_is_interrupted_on_its_way_is_there_or_not_at_once() {
    Trial::new(beside(), "add package bench-utils --git URL").interrupt();
}

#[test]
fn a_package_that_is_interrupted_on_its_way_out_is_there_or_not_at_once() {
    Trial::new(added(), "remove package bench-utils").interrupt();
}
