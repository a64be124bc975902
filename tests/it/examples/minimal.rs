//! `examples/minimal`: ten lines, and whatever index the user has.

use super::files;
use crate::support::Monorepo;

/// The example in an empty repository; six and ruff are in the default index of the user's uv.toml.
fn minimal() -> Monorepo {
    let repo = Monorepo::new().index("pypi", &[("six", "1.17.0"), ("ruff", "0.12.0")]);
    files("minimal").into_iter().fold(repo, |repo, (name, text)| repo.write_bytes(&name, text.as_bytes()))
}

#[test]
fn it_is_ten_lines() {
    assert_eq!(minimal().read("tasks.kdl").lines().count(), 10);
}

#[test]
fn it_locks_and_syncs_from_nothing() {
    let repo = minimal();
    repo.run("lock").success().ran(&["generate:dev", "lock:dev", "generate:prod", "lock:prod"]);
    repo.run("sync:dev").success();
    let modules = ["run", "dev", "--", "python", "-c", "import six, ruff; print(six.__version__)"];
    assert_eq!(repo.run_args(&modules).text(), "1.17.0");
    assert!(repo.read("uv.lock").contains("name = \"ruff\""));
    assert!(!repo.read("prod/uv.lock").contains("name = \"ruff\""));
    repo.run("check verify").success();
    repo.run("lock check verify sync:dev").success().ran(&[]);
}
