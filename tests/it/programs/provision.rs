//! Fetching an exact uv that is missing: with the machine's own pip, checked, kept, refused.

use super::{names, real_uv, small, without_pip, without_uv};
use crate::support::{Monorepo, Wheel};

/// Where uv is put inside its wheel.
const SCRIPT: &str = "uv-0.13.9.data/scripts/uv";

/// A wheel whose uv notes that it was called and is the real one.
fn noting(repo: &Monorepo) -> Wheel {
    let script = format!("#!/bin/sh\necho \"$1\" >> '[ROOT]/calls'\nexec '{}' \"$@\"\n", real_uv(repo));
    Wheel::new("uv", "0.13.9").file(SCRIPT, &repo.fill(&script))
}

/// A machine without uv whose default index is a server with this wheel.
fn served(repo: &Monorepo, wheel: Wheel) -> Monorepo {
    let repo = repo.index("tools", &[wheel]).serve();
    without_uv(&repo).env("UV_DEFAULT_INDEX", "[HTTP]/tools").env("PIP_CONFIG_FILE", "/dev/null")
}

/// What is kept of fetched ones.
fn kept(repo: &Monorepo) -> Vec<String> {
    names(&repo.root().join("cache/envloom/uv"))
}

fn one_place() -> Vec<String> {
    vec![format!("0.13.9-{}-{}", std::env::consts::OS, std::env::consts::ARCH)]
}

#[test]
fn a_missing_exact_uv_is_fetched_from_the_machines_package_index_once() {
    let repo = without_uv(&small("uv \"0.13.9\""));
    let reaching = repo.with_machine_index();
    let fetched = reaching.run("lock");
    assert!(
        !fetched.stderr().contains("envloom::tool::fetch_failed"),
        "this test fetches uv 0.13.9 with the machine's pip, and the package index is out of reach or lacks it: \
         make it reachable; nothing else stands in for it\n{fetched}"
    );
    let fetched = fetched.success().stderr_has("fetching uv 0.13.9 with pip of ");
    assert_eq!(kept(&fetched), one_place());
    // Nothing can be fetched now, and nothing needs to be.
    without_pip(&repo);
    let again = repo.run("--offline -B check").success();
    assert!(!again.stderr().contains("fetching"), "{again}");
}

#[test]
fn a_wrong_sha256_of_the_real_wheel_is_refused_and_nothing_stays() {
    let wanted = format!("uv \"0.13.9\" sha256=\"{}\"", "0".repeat(64));
    let repo = without_uv(&small(&wanted));
    let refused = repo.with_machine_index().run("lock");
    assert!(
        !refused.stderr().contains("envloom::tool::fetch_failed"),
        "this test fetches uv 0.13.9 with the machine's pip, and the package index is out of reach or lacks it\n\
         {refused}"
    );
    let refused = refused.code(2).stderr_has("envloom::tool::wheel_refused").stderr_has("its sha256 is ");
    assert!(kept(&refused).is_empty(), "{:?}", kept(&refused));
    assert!(!repo.exists("uv.lock"));
}

#[test]
fn the_default_index_of_uv_is_where_pip_fetches_from() {
    let repo = small("uv \"0.13.9\"");
    let wheel = noting(&repo);
    let repo = served(&repo, wheel);
    repo.run("lock").success().stderr_has("fetching uv 0.13.9 with pip of ");
    let requests = repo.http_requests();
    assert!(requests.iter().any(|request| request.starts_with("GET /tools/uv/uv-0.13.9-")), "{requests:?}");
    assert_eq!(kept(&repo), one_place());
    // It is what the lock was made with.
    let calls = repo.read("../calls");
    assert!(calls.lines().any(|call| call == "lock"), "{calls}");
    let (before, again) = (requests.len(), repo.run("-B check").success());
    let since = repo.http_requests().split_off(before);
    assert!(since.iter().all(|request| !request.contains("/uv/")), "{since:?}");
    assert!(!again.stderr().contains("fetching"), "{again}");
}

#[test]
fn a_wheel_that_is_not_what_its_record_says_is_refused_and_nothing_stays() {
    let repo = small("uv \"0.13.9\"");
    let wheel = noting(&repo).misrecord(SCRIPT);
    let repo = served(&repo, wheel);
    let refused = repo.run("lock").code(2);
    insta::assert_snapshot!(refused.output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    fetching uv [UV] with pip of [PYTHON-3.12]
    error[envloom::tool::wheel_refused]: the wheel `uv-[UV]-py3-none-any.whl` was refused: `uv-[UV].data/scripts/uv` is not what RECORD says
    help: check the package index pip uses (`python3 -m pip config list`) and the sha256 in tasks.kdl
    "#);
    assert!(kept(&repo).is_empty(), "{:?}", kept(&repo));
    // Nothing of it has run.
    assert!(!repo.exists("../calls"));
}

#[test]
fn a_wheel_with_another_hash_than_tasks_kdl_names_is_refused() {
    let repo = small(&format!("uv \"0.13.9\" sha256=\"{}\"", "0".repeat(64)));
    let wheel = noting(&repo);
    let refused = served(&repo, wheel).run("lock").code(2);
    insta::assert_snapshot!(refused.output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    fetching uv [UV] with pip of [PYTHON-3.12]
    error[envloom::tool::wheel_refused]: the wheel `uv-[UV]-py3-none-any.whl` was refused: its sha256 is [HASH], and tasks.kdl wants [HASH]
    help: check the package index pip uses (`python3 -m pip config list`) and the sha256 in tasks.kdl
    "#);
    assert!(kept(&refused).is_empty() && !refused.exists("../calls"));
}

#[test]
fn what_cannot_be_fetched_is_named_with_the_line_to_type() {
    let repo = without_uv(&small("uv \"0.13.9\""));
    insta::assert_snapshot!(repo.run("--offline lock").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::tool::uv_offline]: uv [UV] is not on this machine, and --offline forbids fetching it
    help: run once without --offline, or type `python3 -m pip install 'uv==[UV]'` where there is a network
    "#);
    // An index that is there and lacks it.
    let lacking = repo.index("tools", &[("other", "1.0")]).serve();
    let lacking = lacking.env("UV_DEFAULT_INDEX", "[HTTP]/tools").env("PIP_CONFIG_FILE", "/dev/null");
    lacking.run("lock").code(2).stderr_has("envloom::tool::fetch_failed").stderr_has("-m pip download");
    without_pip(&repo);
    insta::assert_snapshot!(repo.run("lock").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::tool::no_pip]: uv [UV] is not on this machine, and no Python with pip was found to fetch it
    help: type `python3 -m ensurepip --upgrade`, or install uv [UV] yourself and set ENVLOOM_UV to its path
    "#);
    assert!(kept(&repo).is_empty(), "{:?}", kept(&repo));
}
