//! The monorepo of these tests, and the two machines it is worked on.

use crate::support::{Monorepo, Package};

/// The tags of every internal package.
const TAGS: [&str; 3] = ["v0.1.1", "v0.1.2.dev0", "v0.1.2"];

/// Three internal packages, two of which name siblings as members of the workspace and one of which
/// requires torch; three variants; all indexes behind one HTTP server. The default index sets two
/// traps: a torch of no variant, newer than any, and a stranger's package of an internal name.
pub(super) fn shop() -> Monorepo {
    let released = |package: Package| TAGS.iter().fold(package, |package, tag| package.tag(tag));
    Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("ruff", "0.12.0"), ("packaging", "25.0")])
        .index("pypi", &[("torch", "2.7.1"), ("print-utils", "9.9.9")])
        .index("cu124", &[("torch", "2.5.1+cu124"), ("torch", "2.6.0+cu124")])
        .index("cu128", &[("torch", "2.7.0+cu128")])
        .index("cpu", &[("torch", "2.7.0+cpu")])
        .add(released(Package::new("print-utils")))
        .add(released(
            Package::new("hello-world").requires("print-utils>=0.1").workspace_source("print-utils"),
        ))
        .add(released(
            Package::new("model-interface")
                .requires("torch>=2.4")
                .requires("print-utils>=0.1")
                .workspace_source("print-utils"),
        ))
        .tasks_kdl(include_str!("tasks.kdl"))
        .commit("start")
}

/// The machine of whoever locks: a fresh clone, locked and committed. The first value has the server.
pub(super) fn locked() -> (Monorepo, Monorepo) {
    let origin = shop();
    let repo = origin.colleague();
    repo.run("lock").success();
    let repo = repo.commit("Lock all environments").assert_clean();
    (origin, repo)
}
