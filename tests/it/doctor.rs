//! `doctor`: what is wrong with a repository is found, and nothing is on which nothing is wrong.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::seed::{locked, three_environments, wheels_inside};
use crate::support::{Monorepo, Ran};

/// The codes of what was found.
fn codes(ran: &Ran) -> BTreeSet<String> {
    let answer: Value = serde_json::from_str(ran.stdout()).unwrap();
    let findings = answer["findings"].as_array().unwrap();
    findings.iter().map(|found| found["code"].as_str().unwrap().to_owned()).collect()
}

/// Without the list of the Pythons that the machine has.
fn without_pythons(text: &str) -> String {
    let cut = |line: &str| match line.split_once("; found ") {
        Some((start, _)) => format!("{start}; found [PYTHONS]\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(cut).collect()
}

#[test]
fn a_clean_repository_has_no_findings() {
    let repo = locked();
    let before = repo.tree_hash("");
    insta::assert_snapshot!(repo.run("doctor").output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    nothing is wrong
    ");
    assert_eq!(repo.tree_hash(""), before);
    // Nor after syncs, and from a directory below.
    repo.run("sync:dev@cpu sync:prod@cpu").success();
    repo.run("use dev@cpu").success();
    assert_eq!(codes(&repo.in_dir("prod").run("doctor --json").success()), BTreeSet::new());
}

/// A repository with a defect of each of ten kinds.
fn ten_defects() -> Monorepo {
    let repo = locked();
    // 1: not checked out. 2: no entry. 3: an entry of nothing.
    repo.deinit("foo").write(".gitmodules", "[submodule \"gone\"]\n\tpath = packages/gone\n\turl = x\n");
    // 4: older than what is recorded and pinned. 5: not committed. 6: tags of two styles.
    repo.git(&["-C", "packages/bar", "checkout", "--quiet", "v0.1.1"]).success();
    repo.append("packages/bar/pyproject.toml", "# changed\n");
    repo.git(&["-C", "packages/bar", "tag", "0.1.3"]).success();
    // 7: a source for nothing. 8: a setting of prod's alone.
    repo.replace(
        "prod/pyproject.toml",
        "[tool.uv.sources]\n",
        "[tool.uv.sources]\nrich = { git = \"https://git.example.com/rich.git\" }\n",
    );
    repo.replace("prod/pyproject.toml", "[tool.uv]\n", "[tool.uv]\nprerelease = \"allow\"\n");
    // 9: a lockfile of other requirements.
    repo.replace(
        "staging/uv.lock",
        "{ name = \"tqdm\", specifier = \">=4\" }",
        "{ name = \"tqdm\", specifier = \">=3\" }",
    );
    // 10: git tracks what is of one machine.
    repo.write("tasks.local.kdl", "").git(&["add", "--force", "tasks.local.kdl"]).success();
    repo.clone()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one repository with many defects, and one look at them")]
fn each_of_ten_defects_is_found() {
    let repo = ten_defects();
    let before = repo.tree_hash("");
    insta::assert_snapshot!(repo.run("doctor").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----
    error: the lockfile of staging is stale: requires tqdm >=4, and >=3 when it was locked
      staging/uv.lock, envloom::doctor::lockfile_stale
      type `envloom lock:staging`
    error: submodule packages/foo has no entry in .gitmodules: no clone can fetch it
      tasks.kdl:9:20, envloom::doctor::submodule_unlisted
      type `git config -f .gitmodules submodule.packages/foo.path packages/foo && git config -f .gitmodules submodule.packages/foo.url https://git.example.com/foo.git`
    error: submodule packages/foo is not checked out
      tasks.kdl:9:20, envloom::doctor::submodule_empty
      type `envloom fetch foo`
    error: submodule packages/bar has no entry in .gitmodules: no clone can fetch it
      tasks.kdl:10:20, envloom::doctor::submodule_unlisted
      type `git config -f .gitmodules submodule.packages/bar.path packages/bar && git config -f .gitmodules submodule.packages/bar.url https://git.example.com/bar.git`
    error: git tracks tasks.local.kdl, which is of one machine only
      tasks.local.kdl, envloom::doctor::state_tracked
      type `git rm --cached tasks.local.kdl`
    warning: .gitmodules names packages/gone, and the index has no submodule there
      .gitmodules, envloom::doctor::submodule_unlinked
      type `git config -f .gitmodules --remove-section submodule.gone`
    warning: submodule packages/bar holds changes that are not committed: 1 file
      packages/bar, envloom::doctor::submodule_dirty
      commit them there, or put them aside: git -C packages/bar stash -u
    warning: submodule packages/bar is at [COMMIT], and this repository records [COMMIT]
      packages/bar, envloom::doctor::submodule_moved
      to record it, type `git add packages/bar`; to go back, `git submodule update -- packages/bar`
    warning: tool.uv.prerelease of prod is not that of dev: "allow" here, nothing there
      prod/pyproject.toml:22:1, envloom::doctor::settings_differ
      write it into both, or into neither; `envloom diff dev prod` shows all
    warning: tool.uv.sources names `rich`, and nothing in prod requires it
      prod/pyproject.toml:40:1, envloom::doctor::source_unused
      require it, or take its source out
    warning: tags of `bar` are spelt in two ways: v0.1.2.dev0 and 0.1.3
      tasks.kdl:10:20, envloom::doctor::tag_styles
      tag in one way, and pin tags of that one: a version tagged twice may be two commits
    warning: submodule packages/bar is older than v0.1.2.dev0, which staging pins
      tasks.kdl:26:15, envloom::doctor::submodule_behind
      type `git -C packages/bar checkout v0.1.2.dev0`
    ----- stderr -----
    5 errors, 7 warnings
    "#);
    assert_eq!(repo.tree_hash(""), before);
    let annotated = repo.env("GITHUB_ACTIONS", "true").run("doctor").code(1);
    insta::assert_snapshot!(repo.redact(annotated.stderr()), @r#"
    ::error file=staging/uv.lock,line=1,col=1,title=envloom%3A%3Adoctor%3A%3Alockfile_stale::the lockfile of staging is stale: requires tqdm >=4, and >=3 when it was locked%0Ahelp: type `envloom lock:staging`
    ::error file=tasks.kdl,line=9,col=20,title=envloom%3A%3Adoctor%3A%3Asubmodule_unlisted::submodule packages/foo has no entry in .gitmodules: no clone can fetch it%0Ahelp: type `git config -f .gitmodules submodule.packages/foo.path packages/foo && git config -f .gitmodules submodule.packages/foo.url https://git.example.com/foo.git`
    ::error file=tasks.kdl,line=9,col=20,title=envloom%3A%3Adoctor%3A%3Asubmodule_empty::submodule packages/foo is not checked out%0Ahelp: type `envloom fetch foo`
    ::error file=tasks.kdl,line=10,col=20,title=envloom%3A%3Adoctor%3A%3Asubmodule_unlisted::submodule packages/bar has no entry in .gitmodules: no clone can fetch it%0Ahelp: type `git config -f .gitmodules submodule.packages/bar.path packages/bar && git config -f .gitmodules submodule.packages/bar.url https://git.example.com/bar.git`
    ::error file=tasks.local.kdl,line=1,col=1,title=envloom%3A%3Adoctor%3A%3Astate_tracked::git tracks tasks.local.kdl, which is of one machine only%0Ahelp: type `git rm --cached tasks.local.kdl`
    ::warning file=.gitmodules,line=1,col=1,title=envloom%3A%3Adoctor%3A%3Asubmodule_unlinked::.gitmodules names packages/gone, and the index has no submodule there%0Ahelp: type `git config -f .gitmodules --remove-section submodule.gone`
    ::warning file=packages/bar,line=1,col=1,title=envloom%3A%3Adoctor%3A%3Asubmodule_dirty::submodule packages/bar holds changes that are not committed: 1 file%0Ahelp: commit them there, or put them aside: git -C packages/bar stash -u
    ::warning file=packages/bar,line=1,col=1,title=envloom%3A%3Adoctor%3A%3Asubmodule_moved::submodule packages/bar is at [COMMIT], and this repository records [COMMIT]%0Ahelp: to record it, type `git add packages/bar`; to go back, `git submodule update -- packages/bar`
    ::warning file=prod/pyproject.toml,line=22,col=1,title=envloom%3A%3Adoctor%3A%3Asettings_differ::tool.uv.prerelease of prod is not that of dev: "allow" here, nothing there%0Ahelp: write it into both, or into neither; `envloom diff dev prod` shows all
    ::warning file=prod/pyproject.toml,line=40,col=1,title=envloom%3A%3Adoctor%3A%3Asource_unused::tool.uv.sources names `rich`, and nothing in prod requires it%0Ahelp: require it, or take its source out
    ::warning file=tasks.kdl,line=10,col=20,title=envloom%3A%3Adoctor%3A%3Atag_styles::tags of `bar` are spelt in two ways: v0.1.2.dev0 and 0.1.3%0Ahelp: tag in one way, and pin tags of that one: a version tagged twice may be two commits
    ::warning file=tasks.kdl,line=26,col=15,title=envloom%3A%3Adoctor%3A%3Asubmodule_behind::submodule packages/bar is older than v0.1.2.dev0, which staging pins%0Ahelp: type `git -C packages/bar checkout v0.1.2.dev0`
    5 errors, 7 warnings
    "#);
    let answer: Value = serde_json::from_str(repo.run("doctor --json").code(1).stdout()).unwrap();
    insta::assert_snapshot!(format!("{:#}", answer["findings"][0]), @r#"
    {
      "code": "envloom::doctor::lockfile_stale",
      "column": null,
      "command": "envloom lock:staging",
      "file": "staging/uv.lock",
      "help": "type `envloom lock:staging`",
      "line": null,
      "message": "the lockfile of staging is stale: requires tqdm >=4, and >=3 when it was locked",
      "severity": "error"
    }
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one look at the whole answer")]
fn files_that_cannot_be_what_they_are_meant_to_be() {
    let repo = locked();
    fs::rename(repo.path("uv.lock"), repo.root().join("uv.lock")).unwrap();
    symlink(repo.root().join("uv.lock"), repo.path("uv.lock")).unwrap();
    repo.remove("prod/uv.lock").write("staging/uv.toml", "offline = true\n");
    repo.append("staging/uv.lock", "version = 2\n");
    repo.append("envloom.lock", "<<<<<<< HEAD\n");
    insta::assert_snapshot!(repo.run("doctor").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    error: a merge left conflict markers in envloom.lock
      envloom.lock:84:1, envloom::doctor::conflict_markers
      type `envloom resolve`
    error: prod has no lockfile
      prod/pyproject.toml, envloom::doctor::lockfile_missing
      type `envloom lock:prod`
    error: staging/uv.lock cannot be read: duplicate key
      staging/uv.lock, envloom::doctor::lockfile_unreadable
      take the committed one back (git checkout -- staging/uv.lock), or type `envloom lock:staging`
    error: staging/uv.toml switches off parts of [tool.uv] in the manifest beside it
      staging/uv.toml, envloom::doctor::uv_toml
      move its settings into [tool.uv] of the manifest, and remove it
    error: uv.lock is a link to [ROOT]/uv.lock, or lies behind one
      uv.lock, envloom::doctor::not_ordinary
      put an ordinary file there: uv would write through the link
    ----- stderr -----
    5 errors, 0 warnings
    ");
    repo.write("envloom.lock", "nothing\n").append("pyproject.toml", "=======\n>>>>>>> theirs\n");
    let text = repo.run("doctor").code(1).output_snapshot();
    insta::assert_snapshot!(text, @r"
    exit: 1
    ----- stdout -----
    error: envloom.lock cannot be read: key with no value, expected `=`
      envloom.lock, envloom::doctor::record_unreadable
      take the committed one back: git checkout -- envloom.lock
    error: prod has no lockfile
      prod/pyproject.toml, envloom::doctor::lockfile_missing
      type `envloom lock:prod`
    error: a merge left conflict markers in pyproject.toml
      pyproject.toml:67:1, envloom::doctor::conflict_markers
      type `envloom resolve`
    error: staging/uv.lock cannot be read: duplicate key
      staging/uv.lock, envloom::doctor::lockfile_unreadable
      take the committed one back (git checkout -- staging/uv.lock), or type `envloom lock:staging`
    error: staging/uv.toml switches off parts of [tool.uv] in the manifest beside it
      staging/uv.toml, envloom::doctor::uv_toml
      move its settings into [tool.uv] of the manifest, and remove it
    error: uv.lock is a link to [ROOT]/uv.lock, or lies behind one
      uv.lock, envloom::doctor::not_ordinary
      put an ordinary file there: uv would write through the link
    ----- stderr -----
    6 errors, 0 warnings
    ");
    repo.append("tasks.kdl", "<<<<<<< HEAD\n");
    insta::assert_snapshot!(repo.run("doctor").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    error: a merge left conflict markers in tasks.kdl
      tasks.kdl:36:1, envloom::doctor::conflict_markers
      take the lines that are to stay, and the markers out; then type `envloom resolve`
    ----- stderr -----
    1 error, 0 warnings
    ");
}

#[test]
fn the_record_and_the_manifests() {
    let repo = locked();
    let text = repo.read("envloom.lock");
    let line = text.lines().find(|line| line.starts_with("\"bar v0.1.2\"")).unwrap();
    repo.replace("envloom.lock", line, &format!("{}\n{line}", line.replace("bar v0.1.2", "bar v0.1.1")));
    repo.replace("tasks.kdl", "    pin \"foo\" \"v0.1.2\"\n", "    pin \"foo\" \"v0.1.1\"\n");
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    insta::assert_snapshot!(repo.run("doctor").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    error: the lockfile of prod is stale: it holds foo v0.1.2, and v0.1.1 is pinned
      prod/uv.lock, envloom::doctor::lockfile_stale
      type `envloom lock:prod`
    error: pyproject.toml is not what tasks.kdl says: project.dependencies[tqdm]
      pyproject.toml, envloom::doctor::manifest_drift
      type `envloom lock:dev`
    error: staging/pyproject.toml is not what tasks.kdl says: project.dependencies[tqdm]
      staging/pyproject.toml, envloom::doctor::manifest_drift
      type `envloom lock:staging`
    error: envloom.lock does not hold foo v0.1.1, which prod pins
      tasks.kdl:31:15, envloom::doctor::release_unrecorded
      type `envloom lock:prod`
    warning: envloom.lock holds bar v0.1.1, which nothing asks for
      envloom.lock:6:1, envloom::doctor::record_unused
      type `envloom doctor --fix`
    warning: envloom.lock holds foo v0.1.2, which nothing asks for
      envloom.lock:9:1, envloom::doctor::record_unused
      type `envloom doctor --fix`
    ----- stderr -----
    4 errors, 2 warnings
    ");
    let repo = three_environments();
    insta::assert_snapshot!(repo.run("doctor").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    error: pyproject.toml is not what tasks.kdl says: it is not there
      pyproject.toml, envloom::doctor::manifest_drift
      type `envloom lock:dev`
    error: envloom.lock does not hold foo v0.1.2.dev0, which staging pins
      tasks.kdl:25:15, envloom::doctor::release_unrecorded
      type `envloom lock:staging`
    error: envloom.lock does not hold bar v0.1.2.dev0, which staging pins
      tasks.kdl:26:15, envloom::doctor::release_unrecorded
      type `envloom lock:staging`
    error: envloom.lock does not hold foo v0.1.2, which prod pins
      tasks.kdl:31:15, envloom::doctor::release_unrecorded
      type `envloom lock:prod`
    error: envloom.lock does not hold bar v0.1.2, which prod pins
      tasks.kdl:32:15, envloom::doctor::release_unrecorded
      type `envloom lock:prod`
    ----- stderr -----
    5 errors, 0 warnings
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one repository with many defects, and one look at them")]
fn the_machine_and_its_venvs() {
    let repo = locked();
    repo.replace("tasks.kdl", "variant \"cpu\"", "variant \"cpu\" driver=\">=570\"");
    repo.run("sync:dev@cpu").success();
    let site = ".envloom/venvs/dev-cpu-py3.12/lib/python3.12/site-packages";
    repo.remove(&format!("{site}/tqdm-4.67.1.dist-info"));
    repo.write(".envloom/cells/prod-cpu-py3.12.mark", "")
        .write(".envloom/venvs/old-cpu-py3.12/pyvenv.cfg", "");
    repo.write(".envloom/journal/lockfile-x.json", r#"{"lockfile":"prod/uv.lock","former":null}"#);
    symlink("../nowhere", repo.path("staging/.venv")).unwrap();
    repo.replace("tasks.kdl", "project \"app\" {", "uv \">=0.14\"\nproject \"app\" {");
    repo.replace("tasks.kdl", "python \"3.12\"", "python \"3.19\"");
    let git = repo.exec("sh", &["-c", "command -v git"]).text();
    let old =
        format!("#!/bin/sh\ncase $1 in --version) echo git version 2.34.1;; *) exec {git} \"$@\";; esac\n");
    repo.write_program("../bin/git", &old);
    let machine = repo.path_first(repo.root().join("bin")).env("UV_CUDA_DRIVER_VERSION", "550.54");
    insta::assert_snapshot!(without_pythons(&machine.run("doctor").code(1).output_snapshot()), @r"
    exit: 1
    ----- stdout -----
    error: prod/pyproject.toml is not what tasks.kdl says: tool.uv.required-version
      prod/pyproject.toml, envloom::doctor::manifest_drift
      type `envloom lock:prod`
    error: pyproject.toml is not what tasks.kdl says: tool.uv.required-version
      pyproject.toml, envloom::doctor::manifest_drift
      type `envloom lock:dev`
    error: staging/pyproject.toml is not what tasks.kdl says: tool.uv.required-version
      staging/pyproject.toml, envloom::doctor::manifest_drift
      type `envloom lock:staging`
    error: ENVLOOM_UV is `[UV-PROGRAM]`, which is uv [UV], and >=0.14 is wanted
      tasks.kdl:2:4, envloom::doctor::uv_unsuitable
      type `unset ENVLOOM_UV`, or set it to the absolute path of a suitable uv
    error: no Python on this machine suits dev: Python 3.19; found [PYTHONS]
      tasks.kdl:6:12, envloom::doctor::python_missing
      install one, for example `uv python install 3.19` or with pyenv; envloom looks in PATH, pyenv's versions and uv's own
    warning: git 2.34.1 ([ROOT]/bin/git) can be made to run programs by a repository hidden in a working tree
      this machine, envloom::doctor::git_old
      install git 2.38 or newer
    warning: work was cut off, and prod/uv.lock may be half-done
      .envloom/journal, envloom::doctor::unfinished
      type `envloom lock`
    warning: the venv of dev@cpu,3.12 is not as its last sync left it: tqdm-4.67.1.dist-info is gone
      .envloom/venvs/dev-cpu-py3.12, envloom::doctor::venv_changed
      type `envloom sync:dev@cpu,3.12`
    warning: .envloom/venvs/old-cpu-py3.12 is of a cell that tasks.kdl has no more
      .envloom/venvs/old-cpu-py3.12, envloom::doctor::venv_stale
      type `envloom doctor --fix`
    warning: a sync of prod@cpu,3.12 was cut off: its venv may be half-made
      .envloom/venvs/prod-cpu-py3.12, envloom::doctor::venv_cut_off
      type `envloom sync:prod@cpu,3.12`
    warning: staging/.venv leads to ../nowhere, and nothing is there
      staging/.venv, envloom::doctor::venv_dangling
      point it at a cell (envloom use staging), or remove it
    warning: cpu needs a driver >=570, and this machine has 550.54 (UV_CUDA_DRIVER_VERSION)
      tasks.kdl:16:26, envloom::doctor::driver_old
      update the driver, or sync another variant
    ----- stderr -----
    5 errors, 7 warnings
    ");
    repo.write_program(
        "../bin/git",
        "#!/bin/sh\ncase $1 in --version) echo git version 2.54.1;; *) exit 3;; esac\n",
    );
    let answer = machine.run("doctor --json").code(1);
    let answer: Value = serde_json::from_str(answer.stdout()).unwrap();
    insta::assert_snapshot!(repo.redact(&format!("{:#}", answer["findings"][0])), @r#"
    {
      "code": "envloom::doctor::git_silent",
      "column": null,
      "command": null,
      "file": ".",
      "help": "mend what git says",
      "line": null,
      "message": "git was asked and gave no answer: `[ROOT]/bin/git rev-parse --show-toplevel` failed with exit status: 3",
      "severity": "error"
    }
    "#);
    // A uv that the next run fetches is no error; without git there is one.
    let repo = locked();
    repo.replace("tasks.kdl", "project \"app\" {", "uv \"0.13.8\"\nproject \"app\" {");
    repo.run("generate").success();
    let bare = repo.without_env("ENVLOOM_UV");
    insta::assert_snapshot!(bare.run("doctor").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----
    warning: uv 0.13.8 is not on this machine: the next run fetches it
      tasks.kdl:2:4, envloom::doctor::uv_missing
      type `python3 -m pip install 'uv==0.13.8'`
    ----- stderr -----
    0 errors, 1 warning
    ");
    insta::assert_snapshot!(bare.env("PATH", "/nowhere").run("doctor").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    error: git was not found on PATH
      this machine, envloom::doctor::git_missing
      install git
    error: no Python on this machine suits dev: Python 3.12; found none
      tasks.kdl:6:12, envloom::doctor::python_missing
      install one, for example `uv python install 3.12` or with pyenv; envloom looks in PATH, pyenv's versions and uv's own
    warning: uv 0.13.8 is not on this machine: the next run fetches it
      tasks.kdl:2:4, envloom::doctor::uv_missing
      type `python3 -m pip install 'uv==0.13.8'`
    ----- stderr -----
    2 errors, 1 warning
    ");
}

#[test]
fn what_a_repository_brings_along_is_not_believed() {
    let repo = locked();
    repo.git(&["add", "--force", ".envloom"]).success();
    insta::assert_snapshot!(repo.run("doctor").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    error: git tracks .envloom, which is of one machine only
      .envloom, envloom::doctor::state_tracked
      type `git rm -r --cached .envloom`
    ----- stderr -----
    1 error, 0 warnings
    ");
    repo.git(&["rm", "--quiet", "-r", "--cached", ".envloom"]).success();
    repo.write(".envloom/made-here", "").write(".git/info/exclude", "");
    insta::assert_snapshot!(repo.run("doctor").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    error: [ROOT]/repo/.envloom was not made here by envloom: what it holds is not believed
      .envloom, envloom::doctor::state_foreign
      type `rm -r .envloom`
    warning: git does not ignore .envloom, which is of one machine only
      .envloom, envloom::doctor::not_ignored
      type `envloom doctor --fix`
    ----- stderr -----
    1 error, 1 warning
    ");
}

#[test]
fn packages_and_their_sources() {
    let repo = locked();
    // An adopted project that takes an internal package from wherever an index has it, and one that is no TOML.
    repo.write(
        "app/pyproject.toml",
        "[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = [\"bar\"]\n",
    );
    repo.write("broken/pyproject.toml", "[project\n");
    repo.append("tasks.kdl", "environment \"x\" { manifest \"app/pyproject.toml\"; adopt }\n");
    repo.append("tasks.kdl", "environment \"y\" { manifest \"broken/pyproject.toml\"; adopt }\n");
    repo.append(
        "tasks.kdl",
        "package \"lost\" path=\"packages/lost\" role=\"member\" environments=\"dev\"\n",
    );
    repo.replace("staging/pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    insta::assert_snapshot!(repo.run("doctor").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----
    error: x has no lockfile
      app/pyproject.toml, envloom::doctor::lockfile_missing
      type `envloom lock:x`
    error: x requires the internal package `bar` and names no source for it: an index supplies it
      app/pyproject.toml:5:1, envloom::doctor::source_missing
      name its source in [tool.uv.sources] of app/pyproject.toml
    error: broken/pyproject.toml is no TOML
      broken/pyproject.toml, envloom::doctor::manifest_edited
      type `envloom check:y`
    error: y has no lockfile
      broken/pyproject.toml, envloom::doctor::lockfile_missing
      type `envloom lock:y`
    error: staging/pyproject.toml: `project.dependencies[tqdm]` was edited by hand: it is "tqdm>=4.60"
      staging/pyproject.toml:8:5, envloom::doctor::manifest_edited
      to keep it: envloom absorb staging, or write at tasks.kdl:6:18: dependencies "tqdm>=4.60"
      to undo it: envloom generate:staging --discard
    error: the lockfile of staging is stale: requires tqdm >=4.60, and >=4 when it was locked
      staging/uv.lock, envloom::doctor::lockfile_stale
      type `envloom lock:staging`
    error: `lost` is an internal package, and there is no packages/lost/pyproject.toml
      tasks.kdl:38:21, envloom::doctor::package_missing
      correct `path=`, or put the package there
    ----- stderr -----
    7 errors, 0 warnings
    "#);
}

#[test]
fn what_is_safe_to_mend_is_mended() {
    let repo = locked();
    let text = repo.read("envloom.lock");
    let line = text.lines().find(|line| line.starts_with("\"bar v0.1.2\"")).unwrap();
    repo.replace("envloom.lock", line, &format!("{}\n{line}", line.replace("bar v0.1.2", "bar v0.1.1")));
    repo.deinit("foo").write("tasks.local.kdl", "").write(".git/info/exclude", "");
    repo.write(".envloom/venvs/old-cpu-py3.12/pyvenv.cfg", "");
    let seen = codes(&repo.run("doctor -n --fix --json").code(1));
    assert_eq!(seen.len(), 4, "{seen:?}");
    repo.env("CI", "true").run("doctor --fix").code(2).stderr_has("envloom::cli::locked_verb");
    insta::assert_snapshot!(repo.run("doctor --fix").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    envloom.lock holds only what is asked for
    removed .envloom/venvs/old-cpu-py3.12
    fetching packages/foo from https://git.example.com/foo.git
    fetched 1, there already 1
    nothing is wrong
    ");
    assert_eq!(repo.read("envloom.lock"), text);
    repo.run("--fix lock:dev").code(2).stderr_has("envloom::cli::option_without_use");
}

/// What runs a program when git, uv or Python are not careful.
#[test]
fn nothing_of_a_hostile_repository_is_executed_and_no_network_is_used() {
    let repo = locked();
    let canary = repo.root().join("canary");
    let touch = format!("touch {}", canary.display());
    let program = format!("#!/bin/sh\n{touch}\nexit 1\n");
    for path in
        ["uv", "git", "python3", "python3.12", "nvidia-smi", ".venv/bin/python", ".git/hooks/post-checkout"]
    {
        repo.write_program(path, &program);
    }
    repo.write(".gitattributes", "* filter=evil diff=evil\n")
        .write("packages/bar/.gitattributes", "* filter=evil diff=evil\n");
    for directory in [".", "packages/bar"] {
        for (key, value) in [
            ("core.fsmonitor", touch.as_str()),
            ("core.sshCommand", &touch),
            ("core.hooksPath", "hooks"),
            ("filter.evil.clean", &touch),
            ("filter.evil.process", &touch),
            ("diff.evil.textconv", &touch),
            ("diff.external", &touch),
        ] {
            repo.git(&["-C", directory, "config", key, value]).success();
        }
    }
    let url = format!("ext::sh -c {}", canary.display());
    repo.append(
        ".gitmodules",
        &format!("[submodule \"-x\\u001b\"]\n\tpath = --upload-pack=x\n\turl = \"{url}\"\n"),
    );
    repo.append("packages/bar/pyproject.toml", "# \u{1b}[31m changed\n");
    repo.append("tasks.kdl", &format!("task \"t\" {{ run \"touch\" \"{}\" }}\n", canary.display()));
    // A git that says when it is called with a word that could reach the network.
    let git = repo.exec("sh", &["-c", "command -v git"]).text();
    let calls = repo.root().join("calls");
    repo.write_program(
        "../bin/git",
        &format!("#!/bin/sh\necho \"$@\" >> {}\nexec {git} \"$@\"\n", calls.display()),
    );
    let hostile = repo.env(
        "PATH",
        &format!("{}:.:{}:/usr/bin:/bin", repo.root().join("bin").display(), repo.path("").display()),
    );
    let before = repo.tree_hash("");
    let ran = hostile.run("doctor");
    assert!(!canary.exists(), "{ran}");
    assert_eq!(repo.tree_hash(""), before);
    assert!(!ran.stdout().contains('\u{1b}') && !ran.stderr().contains('\u{1b}'), "{ran}");
    let calls = fs::read_to_string(calls).unwrap();
    assert!(calls.lines().count() > 3, "{calls}");
    for word in ["fetch", "clone", "ls-remote", "remote", "pull", "push", "submodule"] {
        assert!(!calls.lines().any(|line| line.split(' ').any(|one| one == word)), "{word}: {calls}");
    }
}

#[test]
fn tags_are_known_from_what_remotes_have_said_too() {
    let repo = locked();
    repo.release("bar", "0.1.3");
    assert_eq!(codes(&repo.run("doctor --json").success()), BTreeSet::new());
    repo.run("outdated").success();
    for repo in [repo.clone(), repo.deinit("bar")] {
        let found = repo.run("doctor");
        assert!(
            found.stdout().contains("tags of `bar` are spelt in two ways: v0.1.2.dev0 and 0.1.3"),
            "{found}"
        );
    }
    // What came with the repository has said nothing.
    repo.write(".envloom/made-here", "");
    assert!(!codes(&repo.run("doctor --json").code(1)).contains("envloom::doctor::tag_styles"));
}

#[test]
fn checkouts_that_are_none() {
    let repo = locked();
    // Cut off while its files were written; and its repository is gone.
    repo.write(".git/modules/packages/foo/envloom-fetching", "").remove(".git/modules/packages/foo/index");
    repo.remove(".git/modules/packages/bar");
    insta::assert_snapshot!(repo.run("doctor").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----
    error: submodule packages/foo is not checked out
      tasks.kdl:9:20, envloom::doctor::submodule_empty
      type `envloom fetch foo`
    error: submodule packages/bar is not checked out
      tasks.kdl:10:20, envloom::doctor::submodule_empty
      move what lies in packages/bar away, and type `envloom fetch bar`
    ----- stderr -----
    2 errors, 0 warnings
    ");
    repo.write("packages/bar/.git", "gitdir: ../..\n");
    // What git says is shown line by line.
    let found = repo.run("doctor").code(1);
    assert!(found.stdout().contains("status: 128:\n  fatal: not a git repository: "), "{found}");
}

#[test]
fn a_lockfile_of_other_groups_is_stale() {
    let repo = locked();
    repo.replace("pyproject.toml", "\"ruff>=0.4\"", "\"ruff>=0.4.1\"");
    insta::assert_snapshot!(repo.run("doctor").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----
    error: pyproject.toml: `dependency-groups.dev[ruff]` was edited by hand: it is "ruff>=0.4.1"
      pyproject.toml:23:5, envloom::doctor::manifest_edited
      to keep it: envloom absorb dev, or write at tasks.kdl:7:17: group "dev" "ruff>=0.4.1"
      to undo it: envloom generate:dev --discard
    error: the lockfile of dev is stale: group dev requires ruff >=0.4.1, and >=0.4 when it was locked
      uv.lock, envloom::doctor::lockfile_stale
      type `envloom lock:dev`
    ----- stderr -----
    2 errors, 0 warnings
    "#);
    repo.replace("pyproject.toml", "\"ruff>=0.4.1\"", "\"ruff>=0.4\"");
    repo.append("packages/bar/pyproject.toml", "[dependency-groups]\nlint = [\"ruff\"]\n");
    let found = repo.run("doctor").code(1);
    assert!(found.stdout().contains("group lint of bar requires ruff, which was not required"), "{found}");
}

#[test]
fn a_file_that_nobody_added_to_a_submodule_is_said() {
    let repo = locked();
    repo.write("packages/bar/.gitignore", "*.log\n").git(&["-C", "packages/bar", "add", "."]).success();
    repo.git(&["-C", "packages/bar", "commit", "--quiet", "--message=ignore"]).success();
    repo.write("packages/bar/run.log", "").write("packages/bar/src/new.py", "");
    let found = repo.run("doctor").success();
    assert!(
        found.stdout().contains("submodule packages/bar holds changes that are not committed: 1 file\n"),
        "{found}"
    );
}

#[test]
fn a_lockfile_of_another_commit_than_the_recorded_one_is_stale() {
    let repo = locked();
    repo.run("pin staging bar v0.1.2").success();
    repo.move_tag("bar", "v0.1.2").run("lock:prod --accept-moved bar").success();
    let found = repo.run("doctor").code(1);
    assert!(found.stdout().contains("it holds bar v0.1.2 at "), "{found}");
    assert!(found.stdout().contains("type `envloom lock:staging --accept-moved bar`"), "{found}");
    repo.run("lock:staging --accept-moved bar").success();
    repo.run("doctor").success();
}

#[test]
fn a_lockfile_that_was_locked_in_another_directory_is_stale() {
    let repo = wheels_inside();
    repo.run("lock:prod").success();
    let before = repo.read("prod/uv.lock");
    let here = format!("file://{}/", repo.path("wheels").display());
    assert!(before.contains(&here), "{before}");
    repo.write("prod/uv.lock", &before.replace(&here, "file:///elsewhere/"));
    repo.run("check:prod").code(1);
    let found = repo.run("doctor").code(1);
    assert!(found.stdout().contains("locked in another directory"), "{found}");
    repo.write("prod/uv.lock", &before).run("check:prod").success();
    assert!(!repo.run("doctor").stdout().contains("locked in another directory"));
}

#[test]
fn a_tasks_file_that_was_emptied_says_nothing_of_the_record() {
    let repo = locked();
    repo.write("tasks.kdl", "");
    assert!(!codes(&repo.run("doctor --json")).contains("envloom::doctor::record_unused"));
    let before = repo.read("envloom.lock");
    repo.run("doctor --fix").success();
    assert_eq!(repo.read("envloom.lock"), before);
}
