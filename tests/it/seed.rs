//! The monorepo that most tests start from: three environments, two packages of which one names the other as its
//! sibling and requires torch, two variants.

use crate::support::{Monorepo, Package};

/// `tasks.kdl` of [`three_environments`].
const TASKS: &str = include_str!("fixtures/three_envs.kdl");

/// Indexes, packages with their tags, `tasks.kdl`, all committed; nothing generated yet.
pub(crate) fn three_environments() -> Monorepo {
    Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("ruff", "0.4.2"), ("torch", "2.7.1")])
        .index("cu124", &[("torch", "2.6.0+cu124")])
        .index("cpu", &[("torch", "2.7.0+cpu")])
        .add(
            Package::new("foo")
                .requires("bar")
                .requires("torch>=2.4")
                .workspace_source("bar")
                .tag("v0.1.1")
                .tag("v0.1.2.dev0")
                .tag("v0.1.2"),
        )
        .package("bar", &["v0.1.1", "v0.1.2.dev0", "v0.1.2"])
        .tasks_kdl(TASKS)
        .commit("start")
}

/// [`three_environments`] with the indexes as directories `wheels/NAME` of the repository.
pub(crate) fn wheels_inside() -> Monorepo {
    let repo = three_environments();
    repo.exec("cp", &["-r", "[ROOT]/index", "[ROOT]/repo/wheels"]).success();
    for name in ["pypi", "cpu", "cu124"] {
        repo.replace("tasks.kdl", &format!("[INDEX]/{name}"), &format!("wheels/{name}"));
    }
    repo
}

/// [`three_environments`], generated and locked, committed.
pub(crate) fn locked() -> Monorepo {
    let repo = three_environments();
    repo.run("lock").success();
    repo.commit("locked")
}
