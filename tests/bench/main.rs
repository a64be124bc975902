//! What envloom costs beside the uv commands that it replaces: `cargo bench --locked`, or `envloom bench`.
//!
//! Whole processes, the release build, real uv and git, offline. Both sides of every row are measured
//! alternately in the same run; the table gives medians and their ratio. Nothing is asserted about time: a
//! loaded machine would fail what is right, and a fast one pass what is wrong. What is asserted is that every
//! call succeeds and that what is called unchanged ran nothing.
//!
//! A word picks the tables whose name holds it: `cargo bench --locked -- growth`.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#[path = "../it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests' harness serves more than what is measured here")]
mod support;

mod laboratory;
mod measure;
mod projects;
mod remotes;
mod scene;
mod tasks;

use std::fmt::Write as _;

use measure::{Pair, Rounds, heading, pair, row, timed};
use scene::{ALL, ENVLOOM, LOOK, Scene};
use support::Monorepo;

/// The peer of most rows.
const UV: &str = "15 uv commands in a row";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let tables: [(&str, fn()); 8] = [
        ("seed", seed),
        ("venv", large_venv),
        ("growth", growth),
        ("start", start),
        ("tasks", tasks::tasks),
        ("projects", projects::projects),
        ("matrix", laboratory::matrix),
        ("verify", remotes::verify),
    ];
    for (name, table) in tables {
        if words.is_empty() || words.iter().any(|word| name.contains(word.as_str())) {
            table();
        }
    }
}

/// The seed project from nothing, unchanged, and with one pin moved.
fn seed() {
    heading("seed: 3 environments, 3 variants, 5 packages", &format!("`envloom {ALL}`; peer: {UV}."));
    let mut ours = Scene::new(5, 0);
    let mut peer = Scene::done(5, 0);

    let few = Rounds { rounds: 3, ours: 1 };
    let counts = ours.counts(ALL);
    let cold = pair(
        few,
        || {
            ours.chill();
            ours.envloom(ALL)
        },
        || {
            peer.chill();
            peer.uv_commands()
        },
    );
    row(&format!("cold ({counts})"), UV, cold);

    ours.repo.commit("generated and locked");
    unchanged(&ours, &peer);

    ours.move_pin("tasks.kdl");
    let counts = ours.counts(ALL);
    peer.move_pin("prod/pyproject.toml");
    peer.uv_commands();
    let moved = pair(
        Rounds { rounds: 6, ours: 1 },
        || {
            ours.move_pin("tasks.kdl");
            ours.envloom(ALL)
        },
        || {
            peer.move_pin("prod/pyproject.toml");
            peer.uv_commands()
        },
    );
    row(&format!("one pin moved ({counts})"), UV, moved);
}

/// The rows of a scene in which nothing changes.
fn unchanged(ours: &Scene, peer: &Scene) {
    let many = Rounds { rounds: 10, ours: 5 };
    for line in [ALL, LOOK] {
        ours.settle(line);
        let counts = ours.counts(line);
        assert!(counts.starts_with("0 ran"), "{counts}");
        row(
            &format!("`{line}` unchanged ({counts})"),
            UV,
            pair(many, || ours.envloom(line), || peer.uv_commands()),
        );
    }
    let looked = pair(many, || ours.envloom_without_plan(LOOK), || peer.uv_commands());
    row(&format!("`{LOOK}` unchanged, without the compiled plan"), UV, looked);
}

/// The same with a torch as large as the real one.
fn large_venv() {
    heading("venv: a torch of 30,000 files in one variant", "Nothing changes.");
    let (ours, peer) = (Scene::done(5, 30_000), Scene::done(5, 30_000));
    peer.uv_commands();
    unchanged(&ours, &peer);
}

/// More packages: linear, and no step.
fn growth() {
    heading("growth: internal packages", &format!("`envloom {LOOK}`, nothing changes."));
    for packages in [5, 20, 80] {
        let (ours, peer) = (Scene::done(packages, 0), Scene::done(packages, 0));
        peer.uv_commands();
        ours.settle(LOOK);
        let rounds = Rounds { rounds: 5, ours: 5 };
        let fast = pair(rounds, || ours.envloom(LOOK), || peer.uv_commands());
        row(&format!("{packages} packages"), UV, fast);
        let slow = pair(rounds, || ours.envloom_without_plan(LOOK), || peer.uv_commands());
        row(&format!("{packages} packages, without the compiled plan"), UV, slow);
    }
}

/// What a shell waits for.
fn start() {
    heading("start: what a shell waits for", "A `tasks.kdl` of 1,000 own tasks.");
    let repo = Monorepo::new().with_uv_on_path();
    let tasks = (0..1000).fold("envloom \">=0.1\"\n".to_owned(), |mut text, number| {
        writeln!(text, "task \"task-{number}\" {{ description \"number {number}\"; run \"true\" }}")
            .expect("a string takes everything");
        text
    });
    repo.tasks_kdl(&tasks);
    let measure = |words: &[&str]| -> Pair {
        let ours = || timed(repo.command(ENVLOOM, words));
        pair(Rounds { rounds: 20, ours: 2 }, ours, || timed(repo.command("uv", &["--version"])))
    };
    row("`--version`", "`uv --version`", measure(&["--version"]));
    row("completion of `task-9`", "`uv --version`", measure(&["__complete", "--", "envloom task-9"]));
    row("`list`", "`uv --version`", measure(&["list"]));
    row("`graph task-9`", "`uv --version`", measure(&["graph", "task-9"]));
}
