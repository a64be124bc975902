//! envloom as make, beside make, below make. These tests run the real make.

mod export;
mod habits;
mod jobserver;

use crate::support::{ENVLOOM, Monorepo, Ran, Running};

/// Own tasks that wait at the gate, one for each name.
fn gated(names: &[&str]) -> Monorepo {
    let task = |name: &&str| format!("task \"{name}\" {{ run \"[ROOT]/gate/gate\" \"{name}\" }}\n");
    Monorepo::new().tasks_kdl(&names.iter().map(task).collect::<String>())
}

/// A Makefile; `GATE` is the gate's program and `ENVLOOM` the program under test.
fn makefile(repo: &Monorepo, text: &str) {
    repo.write("Makefile", &format!("GATE = [ROOT]/gate/gate\nENVLOOM ?= {ENVLOOM}\n{text}"));
}

fn make(repo: &Monorepo, arguments: &[&str]) -> Running {
    repo.spawn_program("make", arguments)
}

/// Neither a pipe nor anything else of a jobserver is left but the lock.
#[track_caller]
fn assert_no_pipe(ran: &Ran) {
    let left = std::fs::read_dir(ran.path(".envloom")).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pipes: Vec<String> =
        names.filter(|name| name.starts_with("jobserver.") && name != "jobserver.lock").collect();
    assert!(pipes.is_empty(), "{pipes:?}");
}
