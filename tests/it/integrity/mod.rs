//! What uv lets through and envloom does not.

mod remotes;
mod settings;
mod table;

use std::fs;

use crate::seed::{locked, three_environments};
use crate::support::Package;

#[test]
fn a_moved_tag_keeps_the_former_lockfile_and_names_both_commits() {
    let repo = locked();
    let (before, old) = (repo.read("prod/uv.lock"), repo.tag_commit("foo", "v0.1.2"));
    repo.move_tag("foo", "v0.1.2");
    let new = repo.tag_commit("foo", "v0.1.2");
    // uv believes a lockfile that suits the manifest; only an upgrade asks the remote again.
    fs::remove_dir_all(repo.root().join("cache/uv")).unwrap();
    let ran = repo.run("lock:prod --upgrade").code(1).failed(&["lock:prod"]);
    for commit in [&old, &new] {
        assert!(ran.stderr().contains(commit.as_str()), "{commit} is not named by {ran}");
    }
    // What uv says before comes in the order of its threads.
    let shown = ran.output_snapshot();
    let said = shown.find("error: the lockfile").unwrap();
    insta::assert_snapshot!(&shown[said..], @r#"
    error: the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

    error[envloom::ledger::moved_tag]: `foo` v0.1.2 was [COMMIT] when it was recorded, and is [COMMIT] in the lockfile
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.2"
       |               ^^^^^^^^ moved
    help: the tag was moved. Pin another release; or, if the move is meant, type `envloom lock:prod --accept-moved foo`
    up to date 1, failed 1 in [TIME]
    "#);
    assert_eq!(repo.read("prod/uv.lock"), before);
    repo.assert_clean();

    insta::assert_snapshot!(repo.run("lock:prod --accept-moved fooo").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::unknown_package]: `--accept-moved fooo`: tasks.kdl declares no such package
    help: did you mean `foo`?
    ");
    repo.run("lock:prod --accept-moved foo").success().ran(&["generate:prod", "lock:prod"]);
    assert!(repo.read("prod/uv.lock").contains(&new) && repo.read("envloom.lock").contains(&new));
    repo.run("check:prod verify:prod").success();
}

#[test]
fn an_internal_package_that_is_only_transitive_never_comes_from_an_index() {
    let repo = three_environments();
    // A stranger of the same name, with a higher version.
    repo.index("pypi", &[("bar", "9.9.9")]);
    repo.run("lock:prod").success();
    let lockfile = repo.read("prod/uv.lock");
    assert!(lockfile.contains("bar.git?tag=v0.1.2#") && !lockfile.contains("9.9.9"), "{lockfile}");
    repo.run("verify:prod").success();

    // Without a pin it would, and that is an error.
    let tasks = repo.read("tasks.kdl").replace("package \"bar\" ", "package \"bar\" role=\"member\" ");
    let unpinned = tasks.lines().filter(|line| !line.trim_start().starts_with("pin \"bar\""));
    repo.tasks_kdl(&unpinned.collect::<Vec<_>>().join("\n"));
    repo.run("lock:prod").success();
    assert!(repo.read("prod/uv.lock").contains("9.9.9"));
    insta::assert_snapshot!(repo.run("-k sync:prod@cpu").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ verify:prod  failed
    error: the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

    error[envloom::ledger::from_index]: internal package `bar` 9.9.9 is locked from the index [ROOT]/index/pypi
     --> tasks.kdl:10:1
    10 | package "bar" role="member" path="packages/bar" git="https://git.example.com/bar.git"
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ internal
    help: whoever owns that name there chooses your code; type `envloom generate:prod lock:prod`
    skipped: sync:prod@cpu
    up to date 1, failed 1, skipped 1 in [TIME]
    "#);
    assert!(!repo.exists(".envloom/venvs"));
}

#[test]
fn a_lockfile_with_a_stranger_under_an_internal_name_is_an_error() {
    let repo = locked();
    let commit = repo.tag_commit("bar", "v0.1.2");
    let git = format!("source = {{ git = \"https://git.example.com/bar.git?tag=v0.1.2#{commit}\" }}");
    repo.replace("prod/uv.lock", &git, "source = { registry = \"https://pypi.example.com/simple\" }");
    insta::assert_snapshot!(repo.run("verify:prod").code(1).failed(&["verify:prod"]).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ verify:prod  failed
    error: the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

    error[envloom::ledger::from_index]: internal package `bar` 0.1.2 is locked from the index https://pypi.example.com/simple
     --> tasks.kdl:32:15
    32 |     pin "bar" "v0.1.2"
       |               ^^^^^^^^ internal
    help: whoever owns that name there chooses your code; type `envloom generate:prod lock:prod`
    failed 1 in [TIME]
    "#);
}

#[test]
fn a_package_that_names_its_sibling_as_a_workspace_member_locks_from_tags() {
    let repo = locked();
    let lockfile = repo.read("prod/uv.lock");
    assert!(lockfile.contains("[[manifest.dependency-metadata]]"), "{lockfile}");
    // Without the shim uv refuses the package.
    let manifest = repo.read("prod/pyproject.toml");
    let shim = manifest.find("[[tool.uv.dependency-metadata]]").unwrap();
    repo.write("prod/pyproject.toml", &manifest[..shim]);
    let uv = repo.in_dir("prod").uv(&["lock"]);
    assert_eq!(uv.code(1).stderr().matches("references a workspace").count(), 1);
}

#[test]
fn a_tag_that_is_not_there_is_named_with_the_nearest() {
    let repo = three_environments();
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.3\"\n");
    insta::assert_snapshot!(repo.run("lock:prod").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    fetching https://git.example.com/foo.git
    error: a pinned release cannot be recorded

    error[envloom::ledger::missing_tag]: `foo` has no tag `v0.1.3` at https://git.example.com/foo.git
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.3"
       |               ^^^^^^^^ no such tag
    help: push the tag, or pin one of the nearest: `v0.1.2`, `v0.1.1`
    "#);
}

#[test]
fn a_tag_whose_commit_has_another_version_is_an_error() {
    let repo = three_environments();
    repo.push(Package::new("foo").tag_with_version("v0.1.3", "0.1.2"));
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.3\"\n");
    insta::assert_snapshot!(repo.run("lock:prod").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    fetching https://git.example.com/foo.git
    error: a pinned release cannot be recorded

    error[envloom::ledger::wrong_version]: `foo` v0.1.3 stands for version 0.1.3, but its pyproject.toml says 0.1.2 (commit [COMMIT])
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.3"
       |               ^^^^^^^^ stands for 0.1.3
    help: tag a commit whose version is 0.1.3, or pin the tag that belongs to 0.1.2
    "#);
}

#[test]
fn a_development_tag_is_no_release_of_a_stable_channel() {
    let repo = three_environments();
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.2.dev0\"\n");
    insta::assert_snapshot!(repo.run("lock:prod").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 1 mistake

    error[envloom::model::unstable_pin]: `v0.1.2.dev0` is a development release; environment `prod` accepts stable ones only
     --> tasks.kdl:30:13
    30 |     sources "tags" channel="stable"
       |             ^^^^^^ accepts stable tags only
     --> tasks.kdl:31:15
    31 |     pin "foo" "v0.1.2.dev0"
       |               ^^^^^^^^^^^^^ not stable
    help: pin a stable release such as "v0.1.2", or write channel="dev"
    "#);
}

#[test]
fn the_backend_never_comes_from_another_variants_index() {
    let repo = locked();
    let text = repo.read("prod/uv.lock");
    let (cpu, cu124) = (repo.root().join("index/cpu"), repo.root().join("index/cu124"));
    let swapped = text.replace(cpu.to_str().unwrap(), cu124.to_str().unwrap());
    repo.write("prod/uv.lock", &swapped);
    insta::assert_snapshot!(repo.run("verify:prod").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ verify:prod  failed
    error: the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

    error[envloom::ledger::wrong_index]: with `cpu`, `torch` 2.7.0+cpu comes from the index [ROOT]/index/cu124, not from the index [INDEX]/cpu
     --> tasks.kdl:15:13
    15 |     variant "cpu" index="[INDEX]/cpu"
       |             ^^^^^ this variant
    help: type `envloom generate:prod lock:prod`; if it stays, exclude `torch` from the package that asks for it
    failed 1 in [TIME]
    "#);
}

#[test]
fn a_variable_that_changes_what_frozen_means_is_refused() {
    let repo = locked().env("UV_INDEX", "https://elsewhere.example.com/simple");
    insta::assert_snapshot!(repo.run("check:prod").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::plan::refused_variables]: UV_INDEX would change what `prod` resolves to, or how far it is believed
    help: `prod` takes its packages from tags, so its manifest alone decides; run it without: env -u UV_INDEX envloom …
    ");
    repo.run("sync:prod@cpu").code(2).stderr_has("envloom::plan::refused_variables");
    // In a workspace environment it is passed on, and part of what the verdict rests on.
    repo.run("-n sync:dev@cpu").success();
}

#[test]
fn the_callers_own_venv_reaches_no_child() {
    let repo = locked();
    repo.env("VIRTUAL_ENV", "[ROOT]/elsewhere")
        .run("sync:prod@cpu")
        .success()
        .ran(&["verify:prod", "sync:prod@cpu"]);
    assert!(!repo.root().join("elsewhere").exists());
}

#[test]
fn a_sync_that_does_not_say_which_variant_is_refused() {
    let repo = locked();
    insta::assert_snapshot!(repo.run("sync:prod").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::variant_required]: `sync:prod` does not say which variant of `cuda`
     --> command line:1:9
    1 | envloom sync:prod
      |         ^^^^^^^^^ no variant chosen
    help: type `sync:prod@cu124`; the choices are cu124, cpu. A sync without one would remove what the variants supply. The axis is declared at tasks.kdl:12:10; `prefer "cuda" "…"` in tasks.local.kdl chooses for this machine
    "#);
    repo.run("run dev -- python -c 1").code(2).stderr_has("envloom::graph::variant_required");
    let names = ["sync:prod@cpu", "sync:prod[cpu]", "sync:prod CUDA=cpu", "sync@cpu ENV=prod"];
    for words in names {
        let ran = repo.run(&format!("-n {words}")).success();
        assert!(ran.events().tasks("finished").contains(&"sync:prod@cpu"), "{ran}");
    }
    repo.env("UV_TORCH_BACKEND", "cu124").run("-n sync:prod").success();
    repo.write("tasks.local.kdl", "prefer \"cuda\" \"cpu\"\n");
    let preferred = repo.run("-n sync:prod").success();
    assert!(preferred.events().tasks("finished").contains(&"sync:prod@cpu"), "{preferred}");
}
