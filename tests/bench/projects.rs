//! Fifty separate projects with committed lockfiles, adopted, beside loops of `uv lock --check`.

use std::fs;
use std::time::{Duration, Instant};

use crate::measure::{Rounds, heading, pair, row, timed};
use crate::scene::ENVLOOM;
use crate::support::Monorepo;

/// How many projects.
const PROJECTS: usize = 50;

/// Longer than what any memory of envloom's counts as just changed.
const SETTLING: Duration = Duration::from_secs(2);

/// One after the other, as a script in CI does it.
const LOOP: &str = "for project in libs/*; do uv lock --check --directory $project || exit 1; done";

/// Two at a time.
const XARGS: &str = "ls -d libs/* | xargs -P2 -I{} uv lock --check --directory {}";

/// Tables of many projects.
pub(crate) fn projects() {
    heading(
        "projects: 50 separate projects with committed lockfiles",
        "`envloom -q -j2 check` with `projects \"libs/*\"`; nobody names an interpreter.",
    );
    let (ours, theirs) = (fifty(), fifty());
    let check = || timed(ours.command(ENVLOOM, &["-q", "-j2", "check"]));
    let shell = |line: &'static str| move |repo: &Monorepo| timed(repo.command("bash", &["-c", line]));
    let (one_by_one, two_at_once) = (shell(LOOP), shell(XARGS));
    let forget = || fs::remove_dir_all(ours.path(".envloom")).expect("a check has made it");
    check();
    let few = Rounds { rounds: 4, ours: 1 };
    let cold = || {
        forget();
        check()
    };
    row("nothing known", "xargs -P2", pair(few, cold, || two_at_once(&theirs)));
    row("nothing known", "a loop", pair(few, cold, || one_by_one(&theirs)));
    let begun = Instant::now();
    while begun.elapsed() < SETTLING {
        check();
    }
    let many = Rounds { rounds: 5, ours: 5 };
    row("unchanged", "a loop", pair(many, check, || one_by_one(&theirs)));
    row("unchanged", "xargs -P2", pair(many, check, || two_at_once(&theirs)));
    let (ours, theirs) = (ours.with_shims(), theirs.with_shims());
    let check = || timed(ours.command(ENVLOOM, &["-q", "-j2", "check"]));
    let cold = || {
        forget();
        check()
    };
    let twice = Rounds { rounds: 2, ours: 1 };
    row("nothing known, pyenv's shims on PATH", "a loop", pair(twice, cold, || one_by_one(&theirs)));
}

/// A repository of projects, locked and committed.
fn fifty() -> Monorepo {
    let repo = Monorepo::new().with_uv_on_path();
    repo.index("pypi", &[("tqdm", "4.67.1"), ("numpy", "2.2.6"), ("ruff", "0.12.0"), ("idna", "3.10")]);
    repo.tasks_kdl("projects \"libs/*\"\n");
    for number in 0..PROJECTS {
        repo.write(
            &format!("libs/p{number:02}/pyproject.toml"),
            &format!(
                "[project]\nname = \"p{number:02}\"\nversion = \"0.1.0\"\nrequires-python = \">=3.10\"\n\
                 dependencies = [\"tqdm\", \"numpy\", \"ruff\", \"idna\"]\n"
            ),
        );
    }
    repo.run("-j2 lock").success();
    repo.commit("fifty projects")
}
