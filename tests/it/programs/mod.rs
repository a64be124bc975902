//! What envloom takes from the machine: uv, Pythons, variables, git; and what uv itself reads.

mod strace;
mod trace;

use crate::support::{Monorepo, Package};

/// Three environments, two variants, two internal packages of which one names the other as a
/// member of the workspace. Nothing is locked yet.
fn unlocked() -> Monorepo {
    let released = |package: Package| package.tag("v0.1.2.dev0").tag("v0.1.2");
    Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("packaging", "25.0")])
        .index("cu124", &[("torch", "2.6.0+cu124")])
        .index("cpu", &[("torch", "2.7.0+cpu")])
        .add(released(Package::new("bar")))
        .add(released(Package::new("foo").requires("bar>=0.1").workspace_source("bar")))
        .tasks_kdl(include_str!("tasks.kdl"))
        .commit("start")
}

/// The same, locked and committed.
fn locked() -> Monorepo {
    let repo = unlocked();
    repo.run("-j2 lock").success();
    repo.commit("lock")
}
