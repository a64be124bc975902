//! Own tasks beside make and ninja: the same copies, in layers, each of three files of the layer before.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::measure::{Pair, Rounds, heading, pair, row, timed};
use crate::scene::ENVLOOM;
use crate::support::{Monorepo, ambient};

/// Tasks in one layer.
const WIDTH: usize = 100;

/// Longer than what any memory of envloom's counts as just changed.
const SETTLING: Duration = Duration::from_secs(2);

/// Programs that do the same, and how they are told to do all of it.
const PEERS: [(&str, &[&str]); 2] = [("make", &["-s", "-j2", "all"]), ("ninja", &["--quiet", "-j2", "all"])];

/// Tables of own tasks.
pub(crate) fn tasks() {
    heading(
        "tasks: own tasks in layers of 100, each of three inputs",
        "`envloom -q -j2 everything`, beside make and ninja.",
    );
    for count in [1000, 4000] {
        for (peer, words) in PEERS {
            if !is_on_path(peer) {
                row_of_nothing(peer);
                continue;
            }
            let (ours, theirs) = (copies(count), copies(count));
            let envloom = || timed(ours.command(ENVLOOM, &["-q", "-j2", "everything"]));
            let run_peer = || timed(theirs.command(peer, words));
            let once = Rounds { rounds: 1, ours: 1 };
            row(&format!("{count} tasks, cold"), peer, pair(once, envloom, run_peer));
            let begun = Instant::now();
            while begun.elapsed() < SETTLING {
                envloom();
            }
            let rounds = Rounds { rounds: 10, ours: 3 };
            row(&format!("{count} tasks, nothing changed"), peer, pair(rounds, envloom, run_peer));
            let mut number = 0;
            let mut change = |repo: &Monorepo| {
                number += 1;
                repo.write("in/7", &format!("{number}\n"));
            };
            let changed: Pair = {
                let (mut our_times, mut peer_times) = (Vec::new(), Vec::new());
                for _ in 0..5 {
                    change(&ours);
                    our_times.push(envloom());
                    change(&theirs);
                    peer_times.push(run_peer());
                }
                our_times.sort();
                peer_times.sort();
                Pair { ours: our_times[2], peer: peer_times[2] }
            };
            row(&format!("{count} tasks, one leaf changed"), peer, changed);
        }
    }
}

fn row_of_nothing(peer: &str) {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "| {peer} is not on this machine | | | | |").expect("someone reads it");
}

fn is_on_path(program: &str) -> bool {
    let path = ambient("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// A repository with so many copies, told to each of the three programs.
fn copies(count: usize) -> Monorepo {
    let repo = Monorepo::new();
    let layers = count / WIDTH;
    let output = |layer: usize, at: usize| match layer.checked_sub(1) {
        None => format!("in/{}", at % WIDTH),
        Some(layer) => format!("out/{layer}-{}", at % WIDTH),
    };
    let (mut kdl, mut makefile, mut ninja) = (String::new(), String::new(), String::new());
    let mut all = Vec::new();
    ninja += "rule copy\n  command = cp $from $out\n";
    for layer in 1..=layers {
        for at in 0..WIDTH {
            let made = output(layer, at);
            let from: Vec<String> = (0..3).map(|step| output(layer - 1, at + step)).collect();
            let quoted = from.iter().map(|path| format!("\"{path}\"")).collect::<Vec<_>>().join(" ");
            writeln!(
                kdl,
                "task \"t{layer}-{at}\" {{ inputs {quoted}; outputs \"{made}\"; run \"cp\" \"{}\" \"{made}\" }}",
                from[0]
            )
            .expect("a string takes everything");
            writeln!(makefile, "{made}: {}\n\tcp $< $@", from.join(" ")).expect("a string takes everything");
            writeln!(ninja, "build {made}: copy {}\n  from = {}", from.join(" "), from[0])
                .expect("a string takes everything");
            all.push((format!("t{layer}-{at}"), made));
        }
    }
    let last = &all[all.len() - WIDTH..];
    let names: Vec<String> = last.iter().map(|(task, _)| format!("\"{task}\"")).collect();
    writeln!(kdl, "task \"everything\" {{ after {} }}", names.join(" ")).expect("a string takes everything");
    let made: Vec<&str> = all.iter().map(|(_, made)| made.as_str()).collect();
    repo.write("Makefile", &format!(".PHONY: all\nall: {}\n{makefile}", made.join(" ")));
    repo.write("build.ninja", &format!("{ninja}build all: phony {}\ndefault all\n", made.join(" ")));
    repo.tasks_kdl(&kdl);
    for at in 0..WIDTH {
        repo.write(&format!("in/{at}"), "1\n");
    }
    fs::create_dir_all(Path::new(&repo.path("out"))).expect("its place is free");
    repo.write(".gitignore", "out/\n");
    repo
}
