//! `remove package`: a package with its submodule and all that follows goes, or nothing.

use crate::add::stocked;
use crate::support::{Monorepo, Package};

/// [`stocked`] with a package more that nothing requires, added and committed.
pub(crate) fn added() -> Monorepo {
    let package = Package::new("bench-utils").tag("v0.3.0").remote_only();
    let repo = stocked().add(package);
    let url = repo.package_url("bench-utils");
    repo.run(&format!("add package bench-utils --git {url}")).success();
    repo.commit("added")
}

#[test]
#[expect(clippy::too_many_lines, reason = "one package, and all that follows from it")]
fn a_package_goes_as_it_came() {
    let stocked = stocked().add(Package::new("bench-utils").tag("v0.3.0").remote_only());
    let settings = |repo: &Monorepo| repo.git(&["config", "--list", "--local"]).text();
    let (before, git) = (stocked.tree("").without(".envloom"), settings(&stocked));
    let url = stocked.package_url("bench-utils");
    let repo = stocked;
    repo.run(&format!("add package bench-utils --git {url}")).success();
    repo.commit("added");
    let looked = repo.run("-j1 remove package bench-utils -n").success();
    assert!(repo.status().is_empty() && repo.exists("packages/bench_utils/pyproject.toml"));
    let ran = repo.run("-j1 remove package Bench_Utils").success();
    assert_eq!(ran.stdout(), looked.stdout());
    insta::assert_snapshot!(ran.output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    prod/pyproject.toml
    @@ -10,3 +10,2 @@
         "bar",
    -    "bench-utils",
     ]
    @@ -30,3 +29,2 @@
         "torch>=2.4,<2.8",
    -    "bench-utils",
     ]
    @@ -46,3 +44,2 @@
     ]
    -bench-utils = { git = "https://git.example.com/bench-utils.git", tag = "v0.3.0" }
     
    prod/uv.lock

    internal packages
      bench-utils  - v0.3.0 ([COMMIT])

    4 packages agree
    pyproject.toml
    @@ -10,3 +10,2 @@
         "bar",
    -    "bench-utils",
     ]
    @@ -42,3 +41,2 @@
         "packages/bar",
    -    "packages/bench_utils",
     ]
    @@ -52,3 +50,2 @@
     ]
    -bench-utils = { workspace = true }
     
    staging/pyproject.toml
    @@ -10,3 +10,2 @@
         "bar",
    -    "bench-utils",
     ]
    @@ -30,3 +29,2 @@
         "torch>=2.4,<2.8",
    -    "bench-utils",
     ]
    @@ -46,3 +44,2 @@
     ]
    -bench-utils = { git = "https://git.example.com/bench-utils.git", tag = "v0.3.0" }
     
    staging/uv.lock

    internal packages
      bench-utils  - v0.3.0 ([COMMIT])

    4 packages agree
    tasks.kdl
    @@ -10,3 +10,2 @@
     package "bar" path="packages/bar" git="https://git.example.com/bar.git"
    -package "bench-utils" path="packages/bench_utils" git="https://git.example.com/bench-utils.git"
     index "pypi" url="[INDEX]/pypi" default=#true
    @@ -27,3 +26,2 @@
         pin "bar" "v0.1.2.dev0"
    -    pin "bench-utils" "v0.3.0"
     }
    @@ -34,3 +32,2 @@
         pin "bar" "v0.1.2"
    -    pin "bench-utils" "v0.3.0"
     }
    uv.lock

    internal packages
      bench-utils  - 0.3.0 in packages/bench_utils

    5 packages agree
    ----- stderr -----
    ✓ generate:dev  ran in [TIME], pyproject.toml, 3 entries  (pyproject.toml: project.dependencies[bench-utils]: removed "bench-utils" (and 2 more))
    ✓ lock:dev  ran in [TIME], uv.lock written  (no record of it here)
    ✓ generate:staging  ran in [TIME], staging/pyproject.toml, 3 entries  (staging/pyproject.toml: project.dependencies[bench-utils]: removed "bench-utils" (and 2 more))
    ✓ lock:staging  ran in [TIME], staging/uv.lock written  (no record of it here)
    ✓ generate:prod  ran in [TIME], prod/pyproject.toml, 3 entries  (prod/pyproject.toml: project.dependencies[bench-utils]: removed "bench-utils" (and 2 more))
    ✓ lock:prod  ran in [TIME], prod/uv.lock written  (no record of it here)
    ✓ verify:dev  ran in [TIME], 7 packages  (no record of it here)
    ✓ verify:staging  ran in [TIME], 6 packages  (no record of it here)
    ✓ verify:prod  ran in [TIME], 6 packages  (no record of it here)
    ran 9, up to date 3 in [TIME]
    bench-utils is no package any more: .gitmodules, envloom.lock, prod/pyproject.toml, prod/uv.lock, pyproject.toml, staging/pyproject.toml, staging/uv.lock, tasks.kdl, uv.lock
    packages/bench_utils, its submodule, is gone
    "#);
    assert_eq!(repo.tree("").without(".envloom"), before);
    assert!(!repo.exists(".git/modules/packages/bench_utils"));
    assert_eq!(settings(&repo), git);
    insta::assert_snapshot!(repo.status(), @r"
    M  .gitmodules
     M envloom.lock
    D  packages/bench_utils
     M prod/pyproject.toml
     M prod/uv.lock
     M pyproject.toml
     M staging/pyproject.toml
     M staging/uv.lock
     M tasks.kdl
     M uv.lock
    ");
    repo.run("check verify").success();
    assert!(repo.commit("removed").status().is_empty());
    // It may come again.
    repo.run(&format!("add package bench-utils --git {url}")).success();
}

#[test]
fn what_only_the_submodule_has_is_not_lost() {
    let repo = added();
    let before = repo.tree("").without(".envloom");
    let inner = repo.in_dir("packages/bench_utils");
    repo.write("packages/bench_utils/new.py", "");
    let mut said = repo.run("remove package bench-utils").code(2).output_snapshot();
    repo.remove("packages/bench_utils/new.py");
    inner.git(&["commit", "-q", "--allow-empty", "-m", "mine"]).success();
    said += &repo.run("remove package bench-utils").code(2).output_snapshot();
    repo.git(&["add", "packages/bench_utils"]).success();
    said += &repo.run("remove package bench-utils --offline").code(2).output_snapshot();
    inner.git(&["branch", "kept"]).success();
    inner.git(&["checkout", "-q", "--detach", "HEAD~"]).success();
    repo.git(&["add", "packages/bench_utils"]).success();
    said += &repo.run("remove package bench-utils").code(2).output_snapshot();
    insta::assert_snapshot!(said, @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::package_has_work]: packages/bench_utils has what would be lost with it:
      new.py is not committed
    help: nothing was changed; commit and push it there, or throw it away, or leave its files where they are with --keep-filesexit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::package_has_work]: packages/bench_utils has what would be lost with it:
      it is at [COMMIT], not at [COMMIT], which the index pins
    help: nothing was changed; type `git submodule update`, or add the submodule as it is, or leave its files where they are with --keep-filesexit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::package_has_work]: packages/bench_utils has what would be lost with it:
      commit [COMMIT] is on no remote: mine
    help: nothing was changed; push it there, or delete its branch or tag, or leave its files where they are with --keep-filesexit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::package_has_work]: packages/bench_utils has what would be lost with it:
      commit [COMMIT] is on no remote: mine
    help: nothing was changed; push it there, or delete its branch or tag, or leave its files where they are with --keep-files
    ");
    assert_eq!(repo.tree("").without(".envloom"), before);
    let ran = repo.run("remove package bench-utils --keep-files").success();
    assert!(ran.stderr().contains("packages/bench_utils is no submodule any more; its files stay"), "{ran}");
    assert_eq!(inner.git(&["rev-parse", "--abbrev-ref", "kept"]).text().trim_end(), "kept");
    assert!(!repo.read(".gitmodules").contains("bench") && !repo.read("tasks.kdl").contains("bench"));
    insta::assert_snapshot!(repo.status(), @r"
    M  .gitmodules
     M envloom.lock
    D  packages/bench_utils
     M prod/pyproject.toml
     M prod/uv.lock
     M pyproject.toml
     M staging/pyproject.toml
     M staging/uv.lock
     M tasks.kdl
     M uv.lock
    ?? packages/bench_utils/
    ");
}

#[test]
fn a_package_that_something_requires_stays() {
    let repo = stocked();
    let before = repo.tree("").without(".envloom");
    let mut said = repo.run("remove package bar").code(2).output_snapshot();
    said += &repo.run("remove package nothing").code(2).output_snapshot();
    said += &repo.run("remove package").code(2).output_snapshot();
    said += &repo.run("remove package bar --git URL").code(2).output_snapshot();
    said += &repo.run("remove package bar --locked").code(2).output_snapshot();
    said += &repo.run("remove tqdm --keep-files").code(2).output_snapshot();
    insta::assert_snapshot!(said, @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::package_required]: bar is still required:
      by foo, in packages/foo/pyproject.toml
      by foo v0.1.2.dev0 in staging
      by foo v0.1.2 in prod
    help: nothing was changed; take it out there first, with `envloom remove bar --package foo`exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::unknown_package]: `remove package nothing`: tasks.kdl declares no such package
    help: use one of: foo, barexit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `remove package` takes one name
    help: type `envloom remove package NAME [--keep-files]`exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--git` says nothing to this call
    help: it belongs to `add package NAME`exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::locked_verb]: `remove` writes tracked files, and --locked, the default where CI is set, lets it write none
    help: type it where you work and commit what it writes; or add --no-lockedexit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--keep-files` says nothing to this call
    help: it belongs to `remove package NAME`
    ");
    assert_eq!(repo.tree("").without(".envloom"), before);
    repo.append("tasks.kdl", "task \"t\" {\n    inputs \"packages/foo/**\"; run \"true\"\n}\n");
    let ran = repo.run("remove package foo").success();
    let line = repo.read("tasks.kdl").lines().position(|line| line.contains("packages/foo")).unwrap() + 1;
    let said = format!("tasks.kdl:{line} names what was in packages/foo: look at it");
    assert!(ran.stderr().contains(&said), "{ran}");
    repo.run("remove package bar").success();
    assert!(!repo.exists(".gitmodules") && !repo.exists("packages"));
    repo.run("check verify").success();
}

#[test]
fn what_declares_submodules_is_an_ordinary_file() {
    let repo = stocked();
    std::fs::rename(repo.path(".gitmodules"), repo.path("modules")).unwrap();
    std::os::unix::fs::symlink("modules", repo.path(".gitmodules")).unwrap();
    insta::assert_snapshot!(repo.run("remove package foo").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::gitmodules_unfit]: `.gitmodules` cannot be changed: it is a link, which git does not follow
    help: nothing was changed; mend it, then type the same again
    ");
    assert!(repo.exists("packages/foo/pyproject.toml") && repo.path(".gitmodules").is_symlink());
}

#[test]
fn the_files_of_a_package_without_a_submodule_stay() {
    let tasks = include_str!("fixtures/three_envs.kdl")
        .replace("    group \"dev\" \"ruff>=0.4\"", "    group \"dev\" \"ruff>=0.4\" \"tools\"")
        + "package \"tools\" path=\"libs/tools\" role=\"member\"\n\
           task \"lint\" { cwd \"libs/tools\"; inputs \"libs/tools/**\"; run \"true\" }\n";
    let repo = stocked().add(Package::new("tools").path("libs/tools").in_tree()).tasks_kdl(&tasks);
    repo.run("lock").success();
    repo.commit("tools");
    let ran = repo.run("-j1 remove package tools --json").success();
    insta::assert_snapshot!(ran.stdout(), @r#"
    {
      "environments": [
        "dev"
      ],
      "files": [
        "envloom.lock",
        "pyproject.toml",
        "tasks.kdl",
        "uv.lock"
      ],
      "files_stay": true,
      "locked": [
        {
          "added": [],
          "agreeing": 5,
          "differs": true,
          "internal": [
            {
              "from": [
                {
                  "editable": "libs/tools",
                  "version": "0.1.0"
                }
              ],
              "package": "tools",
              "to": []
            }
          ],
          "lockfile": "uv.lock",
          "removed": [],
          "settings": [],
          "third_party": [],
          "variants": []
        }
      ],
      "named_in_lines": [],
      "package": "tools",
      "still_locked": [],
      "submodule": null,
      "written": true
    }
    "#);
    insta::assert_snapshot!(repo.status(), @r"
    M envloom.lock
    M pyproject.toml
    M tasks.kdl
    M uv.lock
    ");
    assert!(repo.exists("libs/tools/pyproject.toml") && repo.read("tasks.kdl").contains("\"ruff>=0.4\"\n"));
    repo.git(&["checkout", "-q", "."]).success();
    let ran = repo.run("remove package tools -n").success();
    let said: Vec<&str> = ran.stderr().lines().skip_while(|line| !line.starts_with("tools")).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    tools would be no package any more: envloom.lock, pyproject.toml, tasks.kdl, uv.lock
    its files stay in libs/tools
    ");
    repo.run("check verify").success();
}

#[test]
fn a_removal_that_was_cut_off_is_forgotten_or_completed() {
    let repo = added();
    let (url, commit) = (repo.package_url("bench-utils"), repo.tag_commit("bench-utils", "v0.3.0"));
    let note = |decided: bool| {
        format!(
            r#"{{"format":2,"work":"removed","decided":{decided},"path":"packages/bench_utils","name":"packages/bench_utils","url":"{url}","commit":"{commit}","elsewhere":["{commit}"]}}"#
        )
    };
    let before = repo.tree("").without(".envloom");
    repo.write(".envloom/journal/submodule.json", &note(false));
    let ran = repo.run("list").success();
    assert!(!ran.stderr().contains("cut off"), "{ran}");
    assert_eq!(repo.tree("").without(".envloom"), before);
    // Somebody goes on working in it.
    repo.write(".envloom/journal/submodule.json", &note(true)).write("packages/bench_utils/new.py", "");
    let ran = repo.run("list").success();
    assert!(ran.stderr().contains("is no submodule now; it has changes: its files stay"), "{ran}");
    assert!(repo.exists("packages/bench_utils/new.py") && repo.exists(".git/modules/packages/bench_utils"));
    repo.remove("packages/bench_utils/new.py");
    // The checkout was aside already, and its repository not.
    repo.write(".envloom/journal/submodule.json", &note(true));
    std::fs::create_dir_all(repo.path(".git/modules/packages/.clone-x")).unwrap();
    std::fs::rename(repo.path("packages/bench_utils"), repo.path(".git/modules/packages/.clone-x/tree"))
        .unwrap();
    let ran = repo.run("list").success();
    assert!(ran.stderr().contains("packages/bench_utils, whose removal was cut off, is gone now"), "{ran}");
    assert!(
        !repo.exists(".git/modules/packages/bench_utils") && !repo.exists(".git/modules/packages/.clone-x")
    );
    assert!(!repo.exists(".envloom/journal/submodule.json"));
}

#[test]
fn a_lock_of_gits_is_named_before_anything_is_changed() {
    let repo = added();
    let url = repo.package_url("bench-utils");
    repo.write(".git/index.lock", "");
    insta::assert_snapshot!(repo.run("remove package bench-utils").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::git_at_work]: git is at work here, or was killed: .git/index.lock is there
    help: nothing was changed; wait for that git, or remove the file if no git is running
    ");
    let line = format!("add package other --git {url}");
    assert!(repo.run(&line).code(2).stderr().contains("envloom::cli::git_at_work"));
    repo.remove(".git/index.lock");
    assert!(repo.status().is_empty() && !repo.exists("packages/other"));
}

#[test]
fn an_adopted_manifest_and_a_strangers_package_ask_for_it_too() {
    let repo = added();
    repo.index("pypi", &[crate::support::Wheel::new("plugin", "1.0").requires("bench-utils")]);
    repo.index("pypi", &[crate::support::Wheel::new("bench-utils", "9.9.9")]);
    repo.run("add plugin --environment prod").success();
    let tasks = repo.read("tasks.kdl");
    repo.append("tasks.kdl", "environment \"app\" { manifest \"app/pyproject.toml\"; adopt }\n");
    repo.write(
        "app/pyproject.toml",
        "[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = [\"Bench.Utils>=0\"]\n",
    );
    let ran = repo.run("remove package bench-utils").code(2);
    assert!(
        ran.stderr().contains("bench-utils is still required:\n  by app, in app/pyproject.toml\n"),
        "{ran}"
    );
    repo.write("tasks.kdl", &tasks);
    let ran = repo.run("remove package bench-utils").success();
    let said = "prod/uv.lock has bench-utils 9.9.9 still, from elsewhere: plugin asks for it";
    assert!(ran.stderr().contains(said), "{ran}");
}

#[test]
fn a_submodule_in_which_another_package_lies_stays() {
    let inner = "[project]\nname = \"inner\"\nversion = \"1\"\nrequires-python = \">=3.10\"\n";
    let outer = Package::new("outer").file("inner/pyproject.toml", inner).tag("v1.0");
    let tasks = include_str!("fixtures/three_envs.kdl").to_owned()
        + "package \"outer\" path=\"packages/outer\" git=\"https://git.example.com/outer.git\" environments=\"dev\"\n\
           package \"inner\" path=\"packages/outer/inner\" role=\"path\"\n";
    let repo = stocked().add(outer).tasks_kdl(&tasks);
    repo.run("lock").success();
    repo.commit("outer");
    let ran = repo.run("remove package outer").success();
    assert!(ran.stderr().contains("packages/outer stays: inner lies in it, too"), "{ran}");
    assert!(repo.exists("packages/outer/pyproject.toml") && repo.read(".gitmodules").contains("outer"));
    let ran = repo.run("remove package inner").success();
    assert!(ran.stderr().contains("packages/outer, its submodule, is gone"), "{ran}");
    assert!(!repo.exists("packages/outer") && !repo.exists(".git/modules/packages/outer"));
    repo.run("check verify").success();
}
