//! `add package`: a submodule with all that follows from it, or nothing.

use crate::add::stocked;
use crate::support::{Monorepo, Package};

/// [`stocked`] and a package that is not in it, with these tags.
fn beside(tags: &[&str]) -> Monorepo {
    let package = tags.iter().fold(Package::new("bench-utils"), |package, tag| package.tag(tag));
    stocked().add(package.remote_only())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one package, and all that follows from it")]
fn a_package_comes_as_a_submodule_with_its_pins() {
    let repo = beside(&["v0.3.0", "v0.4.0.dev1"]);
    let url = repo.package_url("bench-utils");
    let (before, git) =
        (repo.tree("").without(".envloom"), repo.git(&["config", "--list", "--local"]).text());
    let line = format!("-j1 add package bench-utils --git {url}");
    let looked = repo.run(&format!("{line} -n")).success();
    assert_eq!(repo.tree("").without(".envloom"), before);
    assert!(!repo.exists(".git/modules/packages/bench_utils") && repo.status().is_empty());
    let ran = repo.run(&line).success();
    assert_eq!(ran.stdout(), looked.stdout());
    insta::assert_snapshot!(ran.output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    prod/pyproject.toml
    @@ -10,2 +10,3 @@
         "bar",
    +    "bench-utils",
     ]
    @@ -29,2 +30,3 @@
         "torch>=2.4,<2.8",
    +    "bench-utils",
     ]
    @@ -44,2 +46,3 @@
     ]
    +bench-utils = { git = "https://git.example.com/bench-utils.git", tag = "v0.3.0" }
     
    prod/uv.lock

    internal packages
      bench-utils  + v0.3.0 ([COMMIT])

    4 packages agree
    pyproject.toml
    @@ -10,2 +10,3 @@
         "bar",
    +    "bench-utils",
     ]
    @@ -41,2 +42,3 @@
         "packages/bar",
    +    "packages/bench_utils",
     ]
    @@ -50,2 +52,3 @@
     ]
    +bench-utils = { workspace = true }
     
    staging/pyproject.toml
    @@ -10,2 +10,3 @@
         "bar",
    +    "bench-utils",
     ]
    @@ -29,2 +30,3 @@
         "torch>=2.4,<2.8",
    +    "bench-utils",
     ]
    @@ -44,2 +46,3 @@
     ]
    +bench-utils = { git = "https://git.example.com/bench-utils.git", tag = "v0.4.0.dev1" }
     
    staging/uv.lock

    internal packages
      bench-utils  + v0.4.0.dev1 ([COMMIT])

    4 packages agree
    tasks.kdl
    @@ -10,2 +10,3 @@
     package "bar" path="packages/bar" git="https://git.example.com/bar.git"
    +package "bench-utils" path="packages/bench_utils" git="https://git.example.com/bench-utils.git"
     index "pypi" url="[INDEX]/pypi" default=#true
    @@ -26,2 +27,3 @@
         pin "bar" "v0.1.2.dev0"
    +    pin "bench-utils" "v0.4.0.dev1"
     }
    @@ -32,2 +34,3 @@
         pin "bar" "v0.1.2"
    +    pin "bench-utils" "v0.3.0"
     }
    uv.lock

    internal packages
      bench-utils  + 0.4.0.dev1 in packages/bench_utils

    5 packages agree
    ----- stderr -----
    fetching packages/bench_utils from https://git.example.com/bench-utils.git
    ✓ generate:dev  ran in [TIME], pyproject.toml, 3 entries  (pyproject.toml: project.dependencies[bench-utils]: added "bench-utils" (and 2 more))
    ✓ lock:dev  ran in [TIME], uv.lock written  (no record of it here)
    ✓ generate:staging  ran in [TIME], staging/pyproject.toml, 3 entries  (staging/pyproject.toml: project.dependencies[bench-utils]: added "bench-utils" (and 2 more))
    ✓ lock:staging  ran in [TIME], staging/uv.lock written  (no record of it here)
    ✓ generate:prod  ran in [TIME], prod/pyproject.toml, 3 entries  (prod/pyproject.toml: project.dependencies[bench-utils]: added "bench-utils" (and 2 more))
    ✓ lock:prod  ran in [TIME], prod/uv.lock written  (no record of it here)
    ✓ verify:dev  ran in [TIME], 8 packages  (no record of it here)
    ✓ verify:staging  ran in [TIME], 7 packages  (no record of it here)
    ✓ verify:prod  ran in [TIME], 7 packages  (no record of it here)
    ran 9, up to date 3 in [TIME]
    bench-utils is a package, in packages/bench_utils: .gitmodules, envloom.lock, prod/pyproject.toml, prod/uv.lock, pyproject.toml, staging/pyproject.toml, staging/uv.lock, tasks.kdl, uv.lock
    "#);
    assert!(repo.read(".gitmodules").ends_with(&format!(
        "[submodule \"packages/bench_utils\"]\n\tpath = packages/bench_utils\n\turl = {url}\n"
    )));
    insta::assert_snapshot!(repo.status(), @r"
    M  .gitmodules
     M envloom.lock
    A  packages/bench_utils
     M prod/pyproject.toml
     M prod/uv.lock
     M pyproject.toml
     M staging/pyproject.toml
     M staging/uv.lock
     M tasks.kdl
     M uv.lock
    ");
    repo.run("check verify").success();
    // It is a submodule as git makes them.
    repo.git(&["submodule", "update", "--init"]).success();
    assert_ne!(repo.git(&["config", "--list", "--local"]).text(), git);
    assert!(repo.commit("added").status().is_empty());
    assert_eq!(repo.git(&["submodule", "status"]).text().lines().count(), 3);
}

#[test]
fn a_package_that_cannot_be_locked_leaves_nothing() {
    let package = Package::new("bench-utils").requires("absent").tag("v0.3.0.dev0").remote_only();
    let repo = stocked().add(package);
    let url = repo.package_url("bench-utils");
    let before = repo.tree("").without(".envloom");
    let ran = repo.run(&format!("add package bench-utils --git {url} --path libs/bench")).code(1);
    assert!(ran.stderr().contains("✗ lock:dev  failed"), "{ran}");
    assert_eq!(repo.tree("").without(".envloom"), before);
    assert!(!repo.exists(".git/modules/libs") && repo.status().is_empty());
    assert!(!repo.exists(".envloom/journal/submodule.json"));
}

#[test]
fn an_environment_whose_channel_has_no_tag_is_left_out() {
    let repo = beside(&["v0.3.0.dev1"]);
    let url = repo.package_url("bench-utils");
    let ran = repo.run(&format!("add package bench-utils --git {url} --tag v0.3.0.dev1 --json")).success();
    let answer: serde_json::Value = serde_json::from_str(ran.stdout()).unwrap();
    assert_eq!(answer["left_out"], serde_json::json!(["prod"]));
    assert!(repo.read("tasks.kdl").contains("environments=\"dev staging\""));
    assert!(repo.read("staging/pyproject.toml").contains("v0.3.0.dev1"));
    assert!(!repo.read("prod/pyproject.toml").contains("bench-utils"));
    repo.run("check verify").success();
}

#[test]
#[expect(clippy::too_many_lines, reason = "one look at every refusal")]
fn what_is_no_package_is_named() {
    let repo = beside(&["v0.3.0"]);
    let url = repo.package_url("bench-utils");
    let before = repo.tree("").without(".envloom");
    let said = [
        "add package",
        "add package bench-utils",
        "add package foo --git URL",
        "add package other --git URL",
        "add package bench-utils --git URL --path packages/foo",
        "add package bench-utils --git URL --path packages/foo/inner",
        "add package bench-utils --git URL --path packages",
        "add package bench-utils --git URL --path ../out",
        "add package bench-utils --git URL --tag v9",
        "add package bench-utils --git URL --offline",
        "add package bench-utils --git URL --group dev",
        "add numpy --git URL",
        "add package bench-utils --git URL --subdirectory ../x",
        "add package bench-utils --git URL --subdirectory python",
        "add package bench-utils --git URL --keep-files",
    ];
    let said = said.map(|line| {
        let ran = repo.run(&line.replace("URL", &url));
        format!("$ {line}\n{}\n", ran.output_snapshot())
    });
    insta::assert_snapshot!(said.concat(), @r"
    $ add package
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `add package` takes one name
    help: type `envloom add package NAME --git URL [--path PATH] [--tag TAG]`
    $ add package bench-utils
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_a_package]: nothing says where bench-utils comes from
    help: nothing was changed; type `envloom add package NAME --git URL [--path PATH] [--tag TAG]`
    $ add package foo --git URL
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_a_package]: foo is a package of tasks.kdl already
    help: nothing was changed; type `envloom add package NAME --git URL [--path PATH] [--tag TAG]`
    $ add package other --git URL
    exit: 2
    ----- stdout -----

    ----- stderr -----
    fetching packages/other from https://git.example.com/bench-utils.git
    error[envloom::cli::not_a_package]: https://git.example.com/bench-utils.git is the package bench-utils, not other
    help: nothing was changed; type `envloom add package NAME --git URL [--path PATH] [--tag TAG]`
    $ add package bench-utils --git URL --path packages/foo
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::package_place_taken]: packages/foo is taken, or was a submodule before
    help: name another place with --path; or move what lies there, and .git/modules/packages/foo, away
    $ add package bench-utils --git URL --path packages/foo/inner
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::package_place_taken]: packages/foo/inner is taken, or was a submodule before
    help: name another place with --path; or move what lies there, and .git/modules/packages/foo/inner, away
    $ add package bench-utils --git URL --path packages
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::package_place_taken]: packages is taken, or was a submodule before
    help: name another place with --path; or move what lies there, and .git/modules/packages, away
    $ add package bench-utils --git URL --path ../out
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_a_package]: `../out` is no path in the repository
    help: nothing was changed; type `envloom add package NAME --git URL [--path PATH] [--tag TAG]`
    $ add package bench-utils --git URL --tag v9
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_a_package]: https://git.example.com/bench-utils.git has no tag `v9` of a version
    help: nothing was changed; type `envloom add package NAME --git URL [--path PATH] [--tag TAG]`
    $ add package bench-utils --git URL --offline
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_a_package]: bench-utils is to be fetched, and --offline lets no remote be asked
    help: nothing was changed; type `envloom add package NAME --git URL [--path PATH] [--tag TAG]`
    $ add package bench-utils --git URL --group dev
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--group` says nothing to this call
    help: it belongs to `add REQUIREMENT…`
    $ add numpy --git URL
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--git` says nothing to this call
    help: it belongs to `add package NAME`
    $ add package bench-utils --git URL --subdirectory ../x
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::not_a_package]: `../x` is no directory in a repository
    help: nothing was changed; type `envloom add package NAME --git URL [--path PATH] [--tag TAG]`
    $ add package bench-utils --git URL --subdirectory python
    exit: 2
    ----- stdout -----

    ----- stderr -----
    fetching packages/bench_utils from https://git.example.com/bench-utils.git
    error[envloom::cli::not_a_package]: https://git.example.com/bench-utils.git has no pyproject.toml in python that names a package
    help: nothing was changed; type `envloom add package NAME --git URL [--path PATH] [--tag TAG]`
    $ add package bench-utils --git URL --keep-files
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::option_without_use]: `--keep-files` says nothing to this call
    help: it belongs to `remove package NAME`
    ");
    assert_eq!(repo.tree("").without(".envloom"), before);
    assert!(!repo.exists(".git/modules/packages/other") && repo.status().is_empty());
}

#[test]
#[expect(clippy::too_many_lines, reason = "one note, and every end it may come to")]
fn an_addition_that_was_cut_off_is_undone_or_completed() {
    let repo = beside(&["v0.3.0"]);
    let url = repo.package_url("bench-utils");
    let commit = repo.tag_commit("bench-utils", "v0.3.0");
    let note = |decided: bool| {
        format!(
            r#"{{"format":2,"work":"added","decided":{decided},"path":"packages/bench_utils","name":"packages/bench_utils","url":"{url}","commit":"{commit}","elsewhere":[]}}"#
        )
    };
    let before = repo.tree("").without(".envloom");
    // Cut off before anything was written.
    repo.git(&[
        "clone",
        "-q",
        "--separate-git-dir",
        ".git/modules/packages/bench_utils",
        &url,
        "packages/bench_utils",
    ])
    .success();
    repo.write(".envloom/journal/submodule.json", &note(false));
    let ran = repo.run("list").success();
    assert!(
        ran.stderr().contains("packages/bench_utils, whose addition was cut off, is gone again"),
        "{ran}"
    );
    assert_eq!(repo.tree("").without(".envloom"), before);
    assert!(!repo.exists(".git/modules/packages/bench_utils"));
    // Where somebody has worked in it since it stays.
    repo.git(&[
        "clone",
        "-q",
        "--separate-git-dir",
        ".git/modules/packages/bench_utils",
        &url,
        "packages/bench_utils",
    ])
    .success();
    repo.write(".envloom/journal/submodule.json", &note(false)).write("packages/bench_utils/new.py", "");
    let ran = repo.run("list").success();
    assert!(ran.stderr().contains("is left as it is: it has changes"), "{ran}");
    assert!(repo.exists("packages/bench_utils/new.py") && !repo.exists(".envloom/journal/submodule.json"));
    // What cannot be completed now keeps no other verb from its work.
    repo.remove("packages/bench_utils/new.py").write(".envloom/journal/submodule.json", &note(true));
    let modules = repo.read(".gitmodules");
    repo.append(
        ".gitmodules",
        &format!("[submodule \"packages/bench_utils\"]\n\tpath = packages/bench_utils\n\turl = {url}\n"),
    );
    repo.write(".git/index.lock", "");
    let ran = repo.run("list").success();
    assert!(ran.stderr().contains("whose addition was cut off, waits for the next call: "), "{ran}");
    assert!(repo.exists(".envloom/journal/submodule.json"));
    repo.remove(".git/index.lock").write(".gitmodules", &modules);
    // Cut off after the files were written: the index follows.
    repo.append(
        ".gitmodules",
        &format!("[submodule \"packages/bench_utils\"]\n\tpath = packages/bench_utils\n\turl = {url}\n"),
    );
    repo.write(".envloom/journal/submodule.json", &note(true));
    // git was killed while it had the index.
    let token = format!("envloom, for {}\n", repo.path(".envloom").display());
    repo.write(".git/index.lock", &token).write(".git/config.lock", &token);
    let ran = repo.run("list").success();
    assert!(
        ran.stderr().contains("packages/bench_utils, whose addition was cut off, is a submodule now"),
        "{ran}"
    );
    insta::assert_snapshot!(repo.status(), @r"
    M  .gitmodules
    A  packages/bench_utils
    ");
}

#[test]
fn a_manifest_that_is_a_link_to_a_device_is_not_read() {
    let repo = stocked();
    let remote = repo.root().join("remotes/endless.git");
    let work = repo.root().join("endless");
    std::fs::create_dir_all(&work).unwrap();
    std::os::unix::fs::symlink("/dev/zero", work.join("pyproject.toml")).unwrap();
    let work = work.to_str().unwrap();
    for arguments in [
        &["-C", work, "init", "--quiet"][..],
        &["-C", work, "add", "pyproject.toml"],
        &["-C", work, "commit", "--quiet", "--message", "one"],
        &["clone", "--quiet", "--bare", work, remote.to_str().unwrap()],
    ] {
        repo.git(arguments).success();
    }
    let ran = repo.run("add package endless --git https://git.example.com/endless.git").code(2);
    assert!(ran.stderr().contains("has no pyproject.toml that names a package"), "{ran}");
    assert_eq!(repo.status(), "");
}

#[test]
fn a_note_of_another_version_is_set_aside_and_said() {
    let repo = stocked();
    repo.write(".envloom/journal/submodule.json", r#"{"format":9,"path":"packages/x"}"#);
    let ran = repo.run("list").success();
    assert!(
        ran.stderr().contains(
            "a package was being added or removed, by another version of envloom, and is left as it is: see \
             .envloom/replaced/submodule.json and `git status`"
        ),
        "{ran}"
    );
    assert!(repo.exists(".envloom/replaced/submodule.json"));
    assert!(!repo.run("list").success().stderr().contains("another version"));
}

#[test]
fn what_a_user_has_not_staged_of_gitmodules_stays_unstaged() {
    let repo = beside(&["v0.3.0"]);
    let url = repo.package_url("bench-utils");
    repo.append(".gitmodules", "# mine\n[submodule \"packages/foo\"]\n\tshallow = true\n");
    repo.run(&format!("add package bench-utils --git {url}")).success();
    insta::assert_snapshot!(repo.git(&["diff", "-U0", ".gitmodules"]).text().lines().skip(5).collect::<Vec<_>>().join("\n"), @r#"
    +# mine
    +[submodule "packages/foo"]
    +	shallow = true
    "#);
    insta::assert_snapshot!(repo.git(&["diff", "-U0", "--cached", ".gitmodules"]).text().lines().skip(5).collect::<Vec<_>>().join("\n"), @r#"
    +[submodule "packages/bench_utils"]
    +	path = packages/bench_utils
    +	url = https://git.example.com/bench-utils.git
    "#);
    repo.run("remove package bench-utils").success();
    assert_eq!(repo.git(&["diff", "--cached", "--stat"]).text(), "");
    assert!(repo.read(".gitmodules").ends_with("# mine\n[submodule \"packages/foo\"]\n\tshallow = true\n"));
}

#[test]
fn a_package_in_a_directory_of_its_remote_has_tags_of_its_name() {
    let package = Package::new("bench-utils").subdirectory("python");
    let package =
        ["bench-utils-v0.3.0", "bench-utils-v0.4.0.dev1"].iter().fold(package, |one, tag| one.tag(tag));
    let repo = stocked().add(package.remote_only());
    let url = repo.package_url("bench-utils");
    repo.run(&format!("add package bench-utils --git {url} --subdirectory python --path libs/bench/"))
        .success();
    let diff = repo.git(&["diff", "-U0", "tasks.kdl"]).text();
    let lines: Vec<&str> = diff.lines().skip(4).filter(|line| !line.starts_with('@')).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    +package "bench-utils" path="libs/bench/python" git="https://git.example.com/bench-utils.git" subdirectory="python" tag="bench-utils-v{version}"
    +    pin "bench-utils" "bench-utils-v0.4.0.dev1"
    +    pin "bench-utils" "bench-utils-v0.3.0"
    "#);
    assert!(repo.read("prod/pyproject.toml").contains("subdirectory = \"python\""));
    repo.run("check verify").success();
    // It goes again with the directory around it.
    let ran = repo.run("remove package bench-utils").success();
    assert!(ran.stderr().contains("libs/bench, its submodule, is gone"), "{ran}");
    assert!(repo.status().is_empty() && !repo.exists("libs") && !repo.exists(".git/modules/libs"));
}

#[test]
fn a_member_alone_is_no_dependency_and_has_no_pin() {
    let repo = beside(&["v0.3.0"]);
    let url = repo.package_url("bench-utils");
    repo.run(&format!("add package bench-utils --git {url} --role member")).success();
    assert!(
        repo.read("tasks.kdl").contains("role=\"member\"") && !repo.read("tasks.kdl").contains("pin \"bench")
    );
    let manifest = repo.read("pyproject.toml");
    assert!(
        manifest.contains("\"packages/bench_utils\"") && !manifest.contains("\"bench-utils\""),
        "{manifest}"
    );
    repo.run("check verify").success();
}
