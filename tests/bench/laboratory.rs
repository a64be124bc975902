//! The laboratory's 24 cells by the clock. A report of what each call ran stands in its row.

use std::fs;
use std::io::Write as _;
use std::time::Duration;

use crate::measure::timed;
use crate::scene::ENVLOOM;
use crate::support::{Monorepo, lab};

/// The table of 24 cells.
pub(crate) fn matrix() {
    let mut out = std::io::stdout();
    let mut say = |line: &str| writeln!(out, "{line}").expect("someone reads what is measured");
    say("\n## matrix: 24 cells of real pytest runs, each with `uv run` behind it\n");
    say("2 environments x 3 variants x 2 Pythons x 2 precisions; no peer does this.\n");
    say("| call | wall time |\n|---|---|");
    let repo = lab();
    let mut row =
        |call: &str, took: Duration| say(&format!("| {call} | {:.0} ms |", took.as_secs_f64() * 1e3));
    let test = |repo: &Monorepo| timed(repo.command(ENVLOOM, &["-q", "test"]));
    row("cold: 12 syncs and 24 tests ran", test(&repo));
    test(&repo);
    row("unchanged: nothing ran", test(&repo));
    repo.write("src/lab.py", "def scale(name):\n    return int(name.removeprefix('fp'))\n");
    row("one source file changed: 24 tests ran", test(&repo));
    fs::remove_file(repo.path("reports/prod-cu128-py3.10-fp32.xml")).expect("a test has made it");
    row("one output deleted: 1 restored", test(&repo));
    repo.write("src/lab.py", "def scale(name):\n    return int(name[2:])\n");
    row("the source file as before: 24 restored", test(&repo));
}
