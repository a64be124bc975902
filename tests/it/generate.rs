//! `generate`: what it writes, what it leaves alone, and what it refuses.

use std::fs;

use crate::seed::{locked, three_environments};
use crate::support::{Package, Signal};

#[test]
#[expect(clippy::too_many_lines, reason = "three manifests as they are written")]
fn from_nothing_every_manifest_is_written() {
    let repo = three_environments();
    repo.run("generate").success().ran(&["generate:dev", "generate:staging", "generate:prod"]);
    insta::assert_snapshot!(repo.status(), @r"
    ?? .python-version
    ?? envloom.lock
    ?? prod/.python-version
    ?? prod/pyproject.toml
    ?? pyproject.toml
    ?? staging/.python-version
    ?? staging/pyproject.toml
    ");
    insta::assert_snapshot!(repo.snapshot("pyproject.toml"), @r#"
    # Written by envloom from tasks.kdl. Edit that and run `envloom generate`; what is added here by hand stays.

    [project]
    name = "app"
    version = "0.1.0"
    requires-python = ">=3.10"
    dependencies = [
        "tqdm>=4",
        "foo",
        "bar",
    ]

    [project.optional-dependencies]
    cu124 = [
        "torch>=2.4,<2.8",
    ]
    cpu = [
        "torch>=2.4,<2.8",
    ]

    [dependency-groups]
    dev = [
        "ruff>=0.4",
    ]

    [tool.uv]
    package = false
    conflicts = [
        [{ extra = "cu124" }, { extra = "cpu" }],
    ]
    constraint-dependencies = [
        "torch>=2.4,<2.8",
    ]
    exclude-dependencies = [
        { package = { name = "foo" }, dependencies = ["torch"] },
    ]

    [tool.uv.workspace]
    members = [
        "packages/foo",
        "packages/bar",
    ]

    [tool.uv.sources]
    foo = { workspace = true }
    bar = { workspace = true }
    torch = [
        { index = "cu124", extra = "cu124" },
        { index = "cpu", extra = "cpu" },
    ]

    [[tool.uv.index]]
    name = "pypi"
    url = "[INDEX]/pypi"
    default = true

    [[tool.uv.index]]
    name = "cu124"
    url = "[INDEX]/cu124"
    explicit = true

    [[tool.uv.index]]
    name = "cpu"
    url = "[INDEX]/cpu"
    explicit = true
    "#);
    insta::assert_snapshot!(repo.snapshot("prod/pyproject.toml"), @r#"
    # Written by envloom from tasks.kdl. Edit that and run `envloom generate`; what is added here by hand stays.

    [project]
    name = "app"
    version = "0.1.0"
    requires-python = ">=3.10"
    dependencies = [
        "tqdm>=4",
        "foo",
        "bar",
    ]

    [project.optional-dependencies]
    cu124 = [
        "torch>=2.4,<2.8",
    ]
    cpu = [
        "torch>=2.4,<2.8",
    ]

    [tool.uv]
    package = false
    conflicts = [
        [{ extra = "cu124" }, { extra = "cpu" }],
    ]
    constraint-dependencies = [
        "foo",
        "bar",
        "torch>=2.4,<2.8",
    ]
    exclude-dependencies = [
        { package = { name = "foo" }, dependencies = ["torch"] },
    ]

    [tool.uv.workspace]
    members = []

    [tool.uv.sources]
    foo = { git = "https://git.example.com/foo.git", tag = "v0.1.2" }
    bar = { git = "https://git.example.com/bar.git", tag = "v0.1.2" }
    torch = [
        { index = "cu124", extra = "cu124" },
        { index = "cpu", extra = "cpu" },
    ]

    [[tool.uv.index]]
    name = "pypi"
    url = "[INDEX]/pypi"
    default = true

    [[tool.uv.index]]
    name = "cu124"
    url = "[INDEX]/cu124"
    explicit = true

    [[tool.uv.index]]
    name = "cpu"
    url = "[INDEX]/cpu"
    explicit = true

    [[tool.uv.dependency-metadata]]
    name = "foo"
    version = "0.1.2"
    requires-dist = [
        "bar",
        "torch>=2.4",
    ]
    provides-extra = []
    "#);
}

#[test]
fn staging_differs_from_prod_only_in_pins() {
    let repo = three_environments();
    repo.run("generate").success();
    assert_eq!(repo.read("staging/pyproject.toml").replace(".dev0", ""), repo.read("prod/pyproject.toml"));
}

#[test]
fn the_second_time_nothing_runs_and_no_byte_changes() {
    let repo = three_environments();
    repo.run("generate").success();
    // A stored plan is written again once its stamps are old enough to be settled: that is a matter of time.
    let tree = || repo.tree("").without(".envloom/plans");
    let before = tree();
    let again = repo.run("generate").success().ran(&[]);
    again.fresh(&["generate:dev", "generate:staging", "generate:prod"]);
    assert_eq!(tree(), before);
}

#[test]
fn a_changed_pin_rewrites_its_entries_and_no_others() {
    let repo = locked();
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.1\"\n");
    repo.run("generate").success().ran(&["generate:prod"]).fresh(&["generate:dev", "generate:staging"]);
    insta::assert_snapshot!(repo.git(&["diff", "--unified=0", "--", "prod/pyproject.toml"]).output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    diff --git a/prod/pyproject.toml b/prod/pyproject.toml
    index [COMMIT]..[COMMIT] 100644
    --- a/prod/pyproject.toml
    +++ b/prod/pyproject.toml
    @@ -39 +39 @@ members = []
    -foo = { git = "https://git.example.com/foo.git", tag = "v0.1.2" }
    +foo = { git = "https://git.example.com/foo.git", tag = "v0.1.1" }
    @@ -63 +63 @@ name = "foo"
    -version = "0.1.2"
    +version = "0.1.1"
    ----- stderr -----
    "#);
    insta::assert_snapshot!(repo.status(), @r"
    M envloom.lock
    M prod/pyproject.toml
    M tasks.kdl
    ");
}

#[test]
fn a_pin_that_two_environments_share_is_recorded_for_either() {
    let repo = three_environments();
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2.dev0\"", "pin \"foo\" \"v0.1.2\"");
    repo.run("generate:prod").success().ran(&["generate:prod"]);
    assert!(repo.read("prod/pyproject.toml").contains("[[tool.uv.dependency-metadata]]"));
}

#[test]
fn a_removed_package_leaves_no_trace() {
    let repo = three_environments();
    repo.run("generate").success();
    let without = repo.read("tasks.kdl");
    let clean = repo.tree("");

    let more = "package \"baz\" path=\"packages/baz\" git=\"https://git.example.com/baz.git\"\n";
    let with = without
        .replace("index \"pypi\"", &format!("{more}index \"pypi\""))
        .replace("pin \"foo\" \"v0.1.2.dev0\"", "pin \"foo\" \"v0.1.2.dev0\"; pin \"baz\" \"v1.0\"")
        .replace("pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.2\"; pin \"baz\" \"v1.0\"\n");
    repo.add(Package::new("baz").tag("v1.0").remote_only());
    repo.tasks_kdl(&with)
        .write("packages/baz/pyproject.toml", "[project]\nname = \"baz\"\nversion = \"1.0\"\n");
    repo.run("generate").success().ran(&["generate:dev", "generate:staging", "generate:prod"]);
    assert!(repo.read("prod/pyproject.toml").contains("baz") && repo.read("envloom.lock").contains("baz"));
    repo.commit("baz");

    // A fresh clone knows what envloom wrote from envloom.lock alone.
    repo.remove(".envloom").remove("packages/baz").tasks_kdl(&without);
    repo.run("generate").success().ran(&["generate:dev", "generate:staging", "generate:prod"]);
    repo.remove(".envloom");
    let now = repo.tree("");
    let kept: Vec<&str> = clean.paths().into_iter().filter(|path| !path.starts_with(".envloom")).collect();
    assert_eq!(now.paths(), kept);
    for file in ["pyproject.toml", "staging/pyproject.toml", "prod/pyproject.toml", "envloom.lock"] {
        assert!(!repo.read(file).contains("baz"), "{file}:\n{}", repo.read(file));
    }
}

#[test]
fn a_hand_edit_stops_with_both_places_and_the_ways_out() {
    let repo = locked();
    repo.replace("pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    let before = repo.tree("pyproject.toml");
    insta::assert_snapshot!(repo.run("generate:dev").code(1).failed(&["generate:dev"]).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ generate:dev  failed
    error: `pyproject.toml` is left as it is

    error[envloom::manifest::hand_edit]: `project.dependencies[tqdm]` was edited by hand: it is "tqdm>=4.60"
     --> pyproject.toml:8:5
    8 |     "tqdm>=4.60",
      |     ^^^^^^^^^^^^ tasks.kdl:6:18 asks for "tqdm>=4"
    help: to keep it: envloom absorb dev, or write at tasks.kdl:6:18: dependencies "tqdm>=4.60"
          to undo it: envloom generate:dev --discard
    failed 1 in [TIME]
    "#);
    assert_eq!(repo.tree("pyproject.toml"), before);
    // What follows from it stops, too.
    repo.run("lock:dev").code(1).failed(&["generate:dev"]).skipped(&["lock:dev"]);
}

#[test]
fn a_hand_edit_is_discarded_when_asked() {
    let repo = locked();
    repo.replace("pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    insta::assert_snapshot!(repo.run("generate:dev --discard").success().output_snapshot(), @r#"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    ✓ generate:dev  ran in [TIME], pyproject.toml  (pyproject.toml: project.dependencies[tqdm]: "tqdm>=4.60" -> "tqdm>=4")
    ran 1 in [TIME]
    "#);
    repo.assert_clean();
}

#[test]
fn a_hand_edit_that_the_declaration_follows_is_no_edit() {
    let repo = locked();
    repo.replace("pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    repo.run("generate").success().ran(&["generate:dev", "generate:staging", "generate:prod"]);
}

#[test]
fn a_foreign_entry_is_kept_and_reported() {
    let repo = locked();
    repo.index("pypi", &[("packaging", "24.0")]);
    repo.replace("pyproject.toml", "    \"tqdm>=4\",", "    \"packaging>=24\", # mine\n    \"tqdm>=4\",");
    insta::assert_snapshot!(repo.run("generate:dev").success().output_snapshot(), @r#"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    warning: pyproject.toml:8: project.dependencies[packaging] is not in tasks.kdl
      help: to write it into tasks.kdl: envloom absorb dev; to have it in every environment, add to tasks.kdl: dependencies "packaging>=24"
    generate:dev is up to date ([TIME])
    "#);
    repo.run("lock:dev").success().stderr_has("project.dependencies[packaging] is not in tasks.kdl");
    repo.run("check:dev").success().stderr_has("add to tasks.kdl: dependencies \"packaging>=24\"");
    // Also when the answer comes from the compiled plan.
    repo.run("check:dev")
        .success()
        .ran(&[])
        .stderr_has("project.dependencies[packaging] is not in tasks.kdl");
    assert!(repo.read("pyproject.toml").contains("\"packaging>=24\", # mine\n"));
    // The declaration takes it over, and the comment stays.
    repo.replace("tasks.kdl", "dependencies \"tqdm>=4\"", "dependencies \"packaging>=24\" \"tqdm>=4\"");
    let taken = repo.run("generate").success();
    assert_eq!(taken.stderr().matches("warning").count(), 0, "{taken}");
    assert!(repo.read("pyproject.toml").contains("\"packaging>=24\", # mine\n"));
    assert!(repo.read("prod/pyproject.toml").contains("packaging>=24"));
}

#[test]
fn a_manifest_that_envloom_did_not_write_is_taken_over_only_when_asked() {
    let repo = three_environments();
    let theirs = "[project]\nname = \"old\" # theirs\nversion = \"0.1.0\"\ndependencies = [\"six\"]\n\n[tool.ruff]\nline-length = 99\n";
    repo.write("prod/pyproject.toml", theirs);
    insta::assert_snapshot!(repo.run("generate:prod").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ generate:prod  failed
    error: `prod/pyproject.toml` is left as it is

    error[envloom::manifest::never_generated]: envloom did not write this manifest, and generating it would change 21 entries:
      ~ project.name: "old" -> "app"
      + project.requires-python = ">=3.10"
      + project.dependencies[tqdm] = "tqdm>=4"
      + project.dependencies[foo] = "foo"
      + project.dependencies[bar] = "bar"
      + project.optional-dependencies.cu124[torch] = "torch>=2.4,<2.8"
      + project.optional-dependencies.cpu[torch] = "torch>=2.4,<2.8"
      + tool.uv.package = false
      + tool.uv.conflicts[cu124,cpu] = [{ extra = "cu124" }, { extra = "cpu" }]
      + tool.uv.constraint-dependencies[foo] = "foo"
      + tool.uv.constraint-dependencies[bar] = "bar"
      + tool.uv.constraint-dependencies[torch] = "torch>=2.4,<2.8"
      + tool.uv.exclude-dependencies[package:foo] = { package = { name = "foo" }, dependencies = ["torch"] }
      + tool.uv.workspace.members = []
      + tool.uv.sources.foo = { git = "https://git.example.com/foo.git", tag = "v0.1.2" }
      + tool.uv.sources.bar = { git = "https://git.example.com/bar.git", tag = "v0.1.2" }
      + tool.uv.sources.torch = [{ index = "cu124", extra = "cu124" }, { index = "cpu", extra = "cpu" }]
      + tool.uv.index[pypi] = { name = "pypi", url = "[INDEX]/pypi", default = true }
      + tool.uv.index[cu124] = { name = "cu124", url = "[INDEX]/cu124", explicit = tr…
      + tool.uv.index[cpu] = { name = "cpu", url = "[INDEX]/cpu", explicit = true }
      and 1 more
     --> prod/pyproject.toml:2:8
    2 | name = "old" # theirs
      |        ^^^^^ the first of them
    help: to make these changes and own these entries from now on: envloom generate:prod --take-over
    failed 1 in [TIME]
    "#);
    assert_eq!(repo.read("prod/pyproject.toml"), theirs);
    repo.run("generate:prod --take-over").success().ran(&["generate:prod"]);
    let taken = repo.read("prod/pyproject.toml");
    assert!(taken.starts_with("[project]\nname = \"app\" # theirs\n"), "{taken}");
    assert!(
        taken.contains("dependencies = [\"six\", \"tqdm>=4\"") && taken.contains("line-length = 99"),
        "{taken}"
    );
    repo.run("generate:prod").success().ran(&[]);
}

#[test]
fn a_uv_toml_beside_a_generated_manifest_is_refused() {
    let repo = three_environments();
    repo.write("prod/uv.toml", "offline = true\n");
    insta::assert_snapshot!(repo.run("generate:prod").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ generate:prod  failed
    error: `prod/pyproject.toml` is left as it is

    error[envloom::manifest::uv_toml]: a `uv.toml` beside a generated manifest makes uv ignore most of its [tool.uv]
     --> prod/uv.toml:1:1
    1 | offline = true
      | ^^^^^^^^^^^^^^ uv reads this instead
    help: move its settings into [tool.uv] of the manifest, where they stay, and remove the file
    failed 1 in [TIME]
    ");
    assert!(!repo.exists("prod/pyproject.toml"));
}

#[test]
fn a_manifest_that_is_no_toml_is_shown_and_left() {
    let repo = locked();
    let broken = "[project]\nname = \"app\nversion = 1\n";
    repo.write("prod/pyproject.toml", broken);
    let before = repo.read("envloom.lock");
    insta::assert_snapshot!(repo.run("generate:prod").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ generate:prod  failed
    error: `prod/pyproject.toml` is left as it is

    error[envloom::manifest::not_toml]: the manifest is not valid TOML: invalid basic string, expected `"`
     --> prod/pyproject.toml:2:12
    2 | name = "app
      |            ^ here
    help: mend the text by hand or with git: envloom changes no manifest that it cannot read
    failed 1 in [TIME]
    "#);
    assert_eq!(repo.read("prod/pyproject.toml"), broken);
    assert_eq!(repo.read("envloom.lock"), before);
}

#[test]
fn windows_line_endings_stay() {
    let repo = locked();
    let text = repo.read("pyproject.toml").replace('\n', "\r\n");
    repo.write("pyproject.toml", &text);
    repo.run("generate:dev").success().ran(&[]);
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    repo.run("generate:dev").success().ran(&["generate:dev"]);
    assert_eq!(repo.read("pyproject.toml"), text.replace("\"tqdm>=4\"", "\"tqdm>=4.60\""));
}

#[test]
fn a_run_killed_between_manifest_and_record_is_completed() {
    let repo = locked();
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    // envloom.lock cannot be written while another holds it: the manifest is, by then.
    let path = repo.path(".envloom/locks/ledger.lock");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let held = fs::File::create(&path).unwrap();
    held.lock().unwrap();
    let run = repo.spawn("generate:prod");
    let manifest = repo.path("prod/pyproject.toml");
    let journal = repo.path(".envloom/journal");
    wait_until(|| fs::read_to_string(&manifest).is_ok_and(|text| text.contains("tqdm>=4.60")));
    run.signal(Signal::KILL);
    run.wait().killed_by(Signal::KILL);
    drop(held);
    assert!(journal.exists());
    assert_eq!(repo.git(&["diff", "--name-only"]).text(), "prod/pyproject.toml\ntasks.kdl");

    // Not a hand edit, whatever the declaration has become since.
    repo.replace("tasks.kdl", "\"tqdm>=4.60\"", "\"tqdm>=4.61\"");
    repo.run("generate:prod").success().ran(&["generate:prod"]);
    assert!(repo.read("prod/pyproject.toml").contains("tqdm>=4.61"));
    repo.run("generate:prod").success().ran(&[]);
}

#[test]
fn what_someone_writes_while_a_generate_waits_is_not_overwritten() {
    let repo = locked();
    repo.replace("tasks.kdl", "python \"3.12\"", "python \"3.11\"");
    for (file, text) in [("prod/.python-version", "3.10\n"), ("prod/pyproject.toml", "# mine\n")] {
        let before = repo.read(file);
        let held = fs::File::create(repo.path(".envloom/locks/manifest-prod.lock")).unwrap();
        held.lock().unwrap();
        let run = repo.spawn("generate:prod");
        run.wait_for_line("generate:prod is waiting for");
        repo.write(file, text);
        drop(held);
        run.wait().code(1).stderr_has("envloom::plan::moved_manifest");
        assert_eq!(repo.read(file), text);
        repo.write(file, &before);
    }
    repo.run("generate:prod").success().ran(&["generate:prod"]);
    assert_eq!(repo.read("prod/.python-version"), "3.11\n");
}

#[test]
fn a_generate_keeps_the_releases_that_another_process_has_recorded_meanwhile() {
    let repo = locked();
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.1\"\n");
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    let before = repo.read("envloom.lock");
    repo.run("generate:prod").success();
    let recorded = repo.read("envloom.lock");
    repo.write("envloom.lock", &before);
    let held = fs::File::create(repo.path(".envloom/locks/ledger.lock")).unwrap();
    held.lock().unwrap();
    let run = repo.spawn("generate:staging");
    wait_until(|| repo.read("staging/pyproject.toml").contains("tqdm>=4.60"));
    repo.write("envloom.lock", &recorded);
    drop(held);
    run.wait().success();
    repo.run("generate:prod generate:staging").success().ran(&[]);
}

/// Waits for another process to have done something.
fn wait_until(done: impl Fn() -> bool) {
    let limit = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !done() {
        assert!(std::time::Instant::now() < limit, "it never came");
        std::thread::yield_now();
    }
}

#[test]
fn a_manifest_that_is_a_link_out_of_the_repository_is_not_written_through() {
    let repo = three_environments();
    let canary = repo.root().join("canary.toml");
    fs::write(&canary, "canary\n").unwrap();
    fs::create_dir(repo.path("prod")).unwrap();
    std::os::unix::fs::symlink(&canary, repo.path("prod/pyproject.toml")).unwrap();
    insta::assert_snapshot!(repo.run("generate:prod").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ generate:prod  failed
    error[envloom::plan::not_ordinary]: prod/pyproject.toml is a link to [ROOT]/canary.toml, or lies behind one
    help: put an ordinary file there: uv would write through the link, to a place that is not this repository's
    failed 1 in [TIME]
    ");
    assert_eq!(fs::read_to_string(&canary).unwrap(), "canary\n");
}
