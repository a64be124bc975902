//! `add` and `remove`: requirements of `tasks.kdl`, with every file that follows from them, or none.

use crate::seed::{locked, three_environments};
use crate::support::Monorepo;

/// [`locked`] with a few packages more to ask for.
pub(crate) fn stocked() -> Monorepo {
    locked()
        .index("pypi", &[("numpy", "1.26.4"), ("mypy", "1.9.0")])
        .index("cu124", &[("flash", "2.6.1+cu124")])
        .index("cpu", &[("flash", "2.6.1+cpu")])
}

#[test]
#[expect(clippy::too_many_lines, reason = "a requirement there and back, with all that follows")]
fn a_requirement_comes_into_every_environment_and_goes_again() {
    let repo = stocked();
    let before = repo.tree("").without(".envloom");
    let looked = repo.run("-j1 add numpy>=1.26 -n").success();
    assert_eq!(repo.tree("").without(".envloom"), before);
    let ran = repo.run("-j1 add numpy>=1.26").success();
    assert_eq!(ran.stdout(), looked.stdout());
    insta::assert_snapshot!(ran.output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    prod/pyproject.toml
    @@ -10,2 +10,3 @@
         "bar",
    +    "numpy>=1.26",
     ]
    prod/uv.lock

    added
      numpy  + 1.26.4

    4 packages agree
    pyproject.toml
    @@ -10,2 +10,3 @@
         "bar",
    +    "numpy>=1.26",
     ]
    staging/pyproject.toml
    @@ -10,2 +10,3 @@
         "bar",
    +    "numpy>=1.26",
     ]
    staging/uv.lock

    added
      numpy  + 1.26.4

    4 packages agree
    tasks.kdl
    @@ -5,3 +5,3 @@
         python "3.12"
    -    dependencies "tqdm>=4"
    +    dependencies "tqdm>=4" "numpy>=1.26"
         group "dev" "ruff>=0.4"
    uv.lock

    added
      numpy  + 1.26.4

    5 packages agree
    ----- stderr -----
    ✓ generate:dev  ran in [TIME], pyproject.toml  (pyproject.toml: project.dependencies[numpy]: added "numpy>=1.26")
    ✓ lock:dev  ran in [TIME], uv.lock written  (no record of it here)
    ✓ generate:staging  ran in [TIME], staging/pyproject.toml  (staging/pyproject.toml: project.dependencies[numpy]: added "numpy>=1.26")
    ✓ lock:staging  ran in [TIME], staging/uv.lock written  (no record of it here)
    ✓ generate:prod  ran in [TIME], prod/pyproject.toml  (prod/pyproject.toml: project.dependencies[numpy]: added "numpy>=1.26")
    ✓ lock:prod  ran in [TIME], prod/uv.lock written  (no record of it here)
    ✓ verify:dev  ran in [TIME], 8 packages  (no record of it here)
    ✓ verify:staging  ran in [TIME], 7 packages  (no record of it here)
    ✓ verify:prod  ran in [TIME], 7 packages  (no record of it here)
    ran 9, up to date 3 in [TIME]
    tasks.kdl asks for numpy>=1.26 in dependencies: envloom.lock, prod/pyproject.toml, prod/uv.lock, pyproject.toml, staging/pyproject.toml, staging/uv.lock, tasks.kdl, uv.lock
    "#);
    repo.run("check verify").success();
    let ran = repo.run("-j1 remove numpy").success();
    insta::assert_snapshot!(ran.output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    prod/pyproject.toml
    @@ -10,3 +10,2 @@
         "bar",
    -    "numpy>=1.26",
     ]
    prod/uv.lock

    removed
      numpy  - 1.26.4

    4 packages agree
    pyproject.toml
    @@ -10,3 +10,2 @@
         "bar",
    -    "numpy>=1.26",
     ]
    staging/pyproject.toml
    @@ -10,3 +10,2 @@
         "bar",
    -    "numpy>=1.26",
     ]
    staging/uv.lock

    removed
      numpy  - 1.26.4

    4 packages agree
    tasks.kdl
    @@ -5,3 +5,3 @@
         python "3.12"
    -    dependencies "tqdm>=4" "numpy>=1.26"
    +    dependencies "tqdm>=4"
         group "dev" "ruff>=0.4"
    uv.lock

    removed
      numpy  - 1.26.4

    5 packages agree
    ----- stderr -----
    ✓ generate:dev  ran in [TIME], pyproject.toml  (pyproject.toml: project.dependencies[numpy]: removed "numpy>=1.26")
    ✓ lock:dev  ran in [TIME], uv.lock written  (no record of it here)
    ✓ generate:staging  ran in [TIME], staging/pyproject.toml  (staging/pyproject.toml: project.dependencies[numpy]: removed "numpy>=1.26")
    ✓ lock:staging  ran in [TIME], staging/uv.lock written  (no record of it here)
    ✓ generate:prod  ran in [TIME], prod/pyproject.toml  (prod/pyproject.toml: project.dependencies[numpy]: removed "numpy>=1.26")
    ✓ lock:prod  ran in [TIME], prod/uv.lock written  (no record of it here)
    ✓ verify:dev  ran in [TIME], 7 packages  (no record of it here)
    ✓ verify:staging  ran in [TIME], 6 packages  (no record of it here)
    ✓ verify:prod  ran in [TIME], 6 packages  (no record of it here)
    ran 9, up to date 3 in [TIME]
    tasks.kdl no longer asks for numpy in dependencies: envloom.lock, prod/pyproject.toml, prod/uv.lock, pyproject.toml, staging/pyproject.toml, staging/uv.lock, tasks.kdl, uv.lock
    "#);
    assert_eq!(repo.tree("").without(".envloom"), before);
}

#[test]
fn a_lockfile_whose_versions_stay_is_said_in_a_line() {
    let ran = stocked().run("-j1 add tqdm>=4.1 --environment dev -n").success();
    insta::assert_snapshot!(ran.stdout(), @r#"
    pyproject.toml
    @@ -7,3 +7,3 @@
     dependencies = [
    -    "tqdm>=4",
    +    "tqdm>=4.1",
         "foo",
    tasks.kdl
    @@ -20,2 +20,3 @@
         groups "dev"
    +    dependencies "tqdm>=4.1"
     }
    uv.lock
    every version is as it was (5 packages)
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one case for each list")]
fn a_requirement_comes_into_the_list_that_is_named() {
    let repo = stocked();
    repo.run("add mypy --group lint").success();
    repo.run("add numpy --environment prod").success();
    repo.run("add flash --variant cuda").success();
    let diff = repo.git(&["diff", "-U0", "tasks.kdl"]).text();
    let lines: Vec<&str> = diff.lines().skip_while(|line| !line.starts_with("@@")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    @@ -7,0 +8 @@ project "app" {
    +    group "lint" "mypy"
    @@ -13 +14 @@ variants "cuda" choose="exactly-one" {
    -    dependencies "torch>=2.4,<2.8"
    +    dependencies "torch>=2.4,<2.8" "flash"
    @@ -20 +21 @@ environment "dev" {
    -    groups "dev"
    +    groups "dev" "lint"
    @@ -32,0 +34 @@ environment "prod" {
    +    dependencies "numpy"
    "#);
    repo.run("check verify").success();
    assert!(repo.read("pyproject.toml").contains("lint = ["));
    assert!(!repo.read("staging/pyproject.toml").contains("numpy"));
    let ran = repo.run("add flash --variant cuda --json").success();
    insta::assert_snapshot!(ran.stdout(), @r#"
    {
      "added": [],
      "environments": [],
      "files": [],
      "list": "all variants of cuda",
      "locked": [],
      "written": false
    }
    "#);
    let refused = repo.run("add nobody-has-this --environment prod --json").code(1);
    let answer: serde_json::Value = serde_json::from_str(refused.stdout()).unwrap();
    let [code, message, help] = ["code", "message", "help"].map(|key| answer["error"][key].as_str().unwrap());
    insta::assert_snapshot!(format!("{code}: {message}"), @"envloom::cli::trial_failed: what was tried failed, and nothing was changed");
    assert!(help.contains("stays in .envloom/trial/t"), "{help}");
    let ran = repo.run("remove numpy --environment prod --json").success();
    insta::assert_snapshot!(repo.redact(ran.stdout()), @r#"
    {
      "environments": [
        "prod"
      ],
      "files": [
        "envloom.lock",
        "prod/pyproject.toml",
        "prod/uv.lock",
        "tasks.kdl"
      ],
      "list": "dependencies of prod",
      "locked": [
        {
          "added": [],
          "agreeing": 5,
          "differs": true,
          "internal": [],
          "lockfile": "prod/uv.lock",
          "removed": [
            {
              "from": [
                {
                  "index": "[ROOT]/index/pypi",
                  "version": "1.26.4"
                }
              ],
              "package": "numpy",
              "to": []
            }
          ],
          "settings": [
            {
              "from": [
                "\"numpy\""
              ],
              "setting": "project.dependencies",
              "to": []
            }
          ],
          "third_party": [],
          "variants": []
        }
      ],
      "removed": [
        "numpy"
      ],
      "written": true
    }
    "#);
}

#[test]
fn a_trial_locks_every_environment_as_it_is_locked_in_place() {
    let repo = three_environments();
    repo.index("pypi", &[("numpy", "1.26.4")]);
    repo.exec("cp", &["-r", "[ROOT]/index", "[ROOT]/repo/wheel house"]).success();
    for name in ["pypi", "cpu", "cu124"] {
        repo.replace("tasks.kdl", &format!("[INDEX]/{name}"), &format!("wheel house/{name}"));
    }
    repo.run("lock").success();
    repo.commit("locked").run("add numpy").success();
    let tried = repo.tree("").without(".envloom");
    let workspace = repo.read("uv.lock");
    assert!(workspace.contains("editable = \"packages/foo\"") && workspace.contains("wheel%20house"));
    assert!(workspace.contains("name = \"numpy\"") && !workspace.contains("trial"), "{workspace}");
    repo.git(&["checkout", "-q", "."]).success();
    repo.replace("tasks.kdl", "dependencies \"tqdm>=4\"", "dependencies \"tqdm>=4\" \"numpy\"");
    repo.run("lock").success();
    assert_eq!(repo.tree("").without(".envloom"), tried);
}

#[test]
fn what_cannot_be_locked_is_not_added() {
    let repo = stocked();
    let before = repo.tree("").without(".envloom");
    let ran = repo.run("add absent").code(1);
    assert!(
        ran.stderr().contains("✗ lock:dev  failed") && ran.stderr().contains("nothing was changed"),
        "{ran}"
    );
    assert_eq!(repo.tree("").without(".envloom"), before);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one look at every mistake")]
fn mistakes_are_named() {
    let repo = locked();
    repo.append("tasks.kdl", "environment \"lib\" { manifest \"lib/pyproject.toml\"; adopt }\nenvironment \"lib-prod\" { manifest \"lib/prod/pyproject.toml\"; from \"lib\"; sources \"tags\" channel=\"stable\" }\n");
    repo.write("lib/pyproject.toml", "[project]\nname = \"lib\"\nversion = \"1\"\n");
    let before = repo.tree("").without(".envloom");
    let said = [
        "add",
        "add ./numpy",
        "add foo",
        "add 'a @ https://me:secret@h.example/a.whl'",
        "add numpy --variant cu12",
        "add numpy --group a --extra b",
        "add numpy --no-from-index",
        "add numpy --environment prd",
        "add numpy --environment lib",
        "add numpy --environment lib-prod",
        "remove ruff torch",
        "remove numpy --group dev",
        "remove tqmd",
        "lock --group dev",
        "list --group dev",
        "--locked add numpy",
    ];
    let said: String = said.map(|line| format!("$ {line}\n{}\n", repo.run(line).output_snapshot())).concat();
    insta::assert_snapshot!(said, @r#"
    $ add
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `add` takes requirements
    help: type `envloom add REQUIREMENT… [--group G] [--environment ENV]`
    $ add ./numpy
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_a_requirement]: `./numpy` is no requirement
    help: write it as a manifest has it, quoted for the shell: 'numpy>=1.26'
    $ add foo
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 1 mistake

    error[envloom::model::internal_requirement]: `foo` is an internal package
     --> tasks.kdl:9:9
    9 | package "foo" path="packages/foo" git="https://git.example.com/foo.git"
      |         ^^^^^ declared here
     --> tasks.kdl:6:28
    6 |     dependencies "tqdm>=4" "foo"
      |                            ^^^^^ must not be required here
    help: delete it: the `package` node already makes it a dependency
    $ add 'a @ https://me:secret@h.example/a.whl'
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: tasks.kdl has 1 mistake

    error[envloom::model::credentials]: the URL of a requirement holds credentials
     --> tasks.kdl:6:28
    6 |     dependencies "tqdm>=4" "a @ https://*********@h.example/a.whl"
      |                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ everybody who can read this file can use them
    help: delete what stands before the `@`; use a keyring, netrc, UV_INDEX_<NAME>_USERNAME or git's credential helper, and revoke what was committed
    $ add numpy --variant cu12
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::unknown_variant]: `--variant cu12`: tasks.kdl declares no such variant
    help: did you mean `cu124`?
    $ add numpy --group a --extra b
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the argument '--group <GROUP>' cannot be used with '--extra <EXTRA>'

    Usage: envloom [OPTIONS] [TARGET…] [VAR=VALUE…] [-- ARGS…]
           envloom [OPTIONS] VERB [WORD…]

    For more information, try '--help'.
    $ add numpy --no-from-index
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the following required arguments were not provided:
      --variant <VARIANT>

    Usage: envloom [OPTIONS] [TARGET…] [VAR=VALUE…] [-- ARGS…]
           envloom [OPTIONS] VERB [WORD…]

    For more information, try '--help'.
    $ add numpy --environment prd
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::unknown_environment]: unknown environment `prd`
     --> command line:1:27
    1 | envloom add --environment prd
      |                           ^^^ no environment, manifest or directory of that name
    help: did you mean `prod`?
    $ add numpy --environment lib
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_lists]: lib takes its requirements from lib/pyproject.toml, not from tasks.kdl
    help: change them there, with `uv add` and `uv remove` in its directory, then `envloom lock`
    $ add numpy --environment lib-prod
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_lists]: lib-prod takes its requirements from lib/pyproject.toml, not from tasks.kdl
    help: change them there, with `uv add` and `uv remove` in its directory, then `envloom lock`
    $ remove ruff torch
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_asked_for]: ruff, torch are not asked for in dependencies
    help: it is elsewhere: `envloom remove ruff --group dev`, `envloom remove torch --variant cuda`
    $ remove numpy --group dev
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_asked_for]: numpy is not asked for in group dev
    help: no list of tasks.kdl asks for it by that name
    $ remove tqmd
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_asked_for]: tqmd is not asked for in dependencies
    help: no list of tasks.kdl asks for it by that name: did you mean `tqdm`?
    $ lock --group dev
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--group` says nothing to this call
    help: it belongs to `add` and `remove`
    $ list --group dev
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--group` says nothing to this call
    help: it belongs to `add` and `remove`
    $ --locked add numpy
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::locked_verb]: `add` writes tracked files, and --locked, the default where CI is set, lets it write none
    help: type it where you work and commit what it writes; or add --no-locked
    "#);
    assert_eq!(repo.tree("").without(".envloom"), before);
}

#[test]
fn where_manifests_are_adopted_requirements_stand_in_them() {
    let repo = Monorepo::new().tasks_kdl("environment \"lib\" { manifest \"pyproject.toml\"; adopt }\n");
    repo.write("pyproject.toml", "[project]\nname = \"lib\"\nversion = \"1\"\n");
    insta::assert_snapshot!(repo.run("add numpy").output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_lists]: every environment takes its requirements from pyproject.toml, not from tasks.kdl
    help: change them there, with `uv add` and `uv remove` in its directory, then `envloom lock`
    ");
    insta::assert_snapshot!(Monorepo::new().tasks_kdl("").run("add numpy").output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_lists]: tasks.kdl declares no environment
    help: declare one: environment "dev" { manifest "pyproject.toml" }
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a requirement there and back, and every mistake")]
fn a_requirement_comes_into_the_manifest_of_a_package_and_goes_again() {
    let repo = stocked();
    let before = repo.tree("").without(".envloom");
    let looked = repo.run("-j1 add numpy>=1.26 --package foo -n").success();
    assert_eq!(repo.tree("").without(".envloom"), before);
    let ran = repo.run("-j1 add numpy>=1.26 --package foo").success();
    assert_eq!(ran.stdout(), looked.stdout());
    insta::assert_snapshot!(ran.output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    packages/foo/pyproject.toml
    @@ -6,2 +6,3 @@
         "bar",
    +    "numpy>=1.26",
         "torch>=2.4",
    uv.lock

    added
      numpy  + 1.26.4

    5 packages agree
    ----- stderr -----
    ✓ lock:dev  ran in [TIME], uv.lock written  (no record of it here)
    ✓ verify:dev  ran in [TIME], 8 packages  (no record of it here)
    ran 2, up to date 2 in [TIME]
    foo asks for numpy>=1.26: packages/foo/pyproject.toml, uv.lock
    packages/foo is a submodule: commit pyproject.toml in it, then the submodule with the other files
    "#);
    repo.run("check verify").success();
    let ran = repo.run("add numpy>=1.26 --package foo").success();
    assert!(ran.stderr().contains("foo asks for numpy>=1.26 already: nothing changes"), "{ran}");
    let ran = repo.run("remove numpy --package foo --json").success();
    let answer: serde_json::Value = serde_json::from_str(ran.stdout()).unwrap();
    assert_eq!(answer["files"], serde_json::json!(["packages/foo/pyproject.toml", "uv.lock"]));
    assert_eq!(answer["removed"], serde_json::json!(["numpy"]));
    assert_eq!(answer["environments"], serde_json::json!(["dev"]));
    assert_eq!((&answer["submodule"], &answer["written"]), (&"packages/foo".into(), &true.into()));
    assert_eq!(repo.tree("").without(".envloom"), before);
    let ran = repo.run("add absent --package foo").code(1);
    assert!(ran.stderr().contains("✗ lock:dev  failed"), "{ran}");
    let said = [
        "remove numpy --package foo",
        "add 'x@https://me:s3cret@h.example/x.whl' --package foo",
        "add numpy --package fo",
        "add numpy --package foo --package bar",
        "add numpy --package foo --environment dev",
    ];
    let said = said.map(|line| format!("$ {line}\n{}\n", repo.run(&format!("-j1 {line}")).output_snapshot()));
    insta::assert_snapshot!(said.concat(), @r"
    $ remove numpy --package foo
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::uv_refused]: `uv remove` does not change the manifest of foo:
    error: The dependency `numpy` could not be found in `project.dependencies`
    help: nothing was changed; the words and options are uv's
    $ add 'x@https://me:s3cret@h.example/x.whl' --package foo
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::requirement_credentials]: the URL of `x@https://*********@h.example/x.whl` holds credentials
    help: everybody who can read the manifest could use them; use a keyring, netrc, UV_INDEX_<NAME>_USERNAME or git's credential helper
    $ add numpy --package fo
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::unknown_package]: `--package fo`: tasks.kdl declares no such package
    help: did you mean `foo`?
    $ add numpy --package foo --package bar
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::several_packages]: one package at a time, not foo, bar
    help: call it once for each
    $ add numpy --package foo --environment dev
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the argument '--package <PACKAGE>' cannot be used with '--environment <ENV>'

    Usage: envloom [OPTIONS] [TARGET…] [VAR=VALUE…] [-- ARGS…]
           envloom [OPTIONS] VERB [WORD…]

    For more information, try '--help'.
    ");
    assert_eq!(repo.tree("").without(".envloom"), before);
}

#[test]
fn a_package_that_is_not_here_or_that_nothing_holds_is_named() {
    let repo = locked();
    repo.deinit("foo");
    repo.replace("tasks.kdl", "package \"bar\"", "package \"bar\" environments=\"staging prod\"");
    let said = ["add tqdm --package foo", "remove tqdm --package bar"];
    let said = said.map(|line| format!("$ {line}\n{}\n", repo.run(line).output_snapshot()));
    insta::assert_snapshot!(said.concat(), @r"
    $ add tqdm --package foo
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::no_package_manifest]: the manifest of foo is not in this repository
    help: type `envloom fetch foo`, if packages/foo is a submodule that is empty
    $ remove tqdm --package bar
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::package_not_held]: no environment takes bar from the working tree
    help: nothing is to be locked: change its manifest with `uv add` and `uv remove` in packages/bar
    ");
}
