//! `absorb` and `eject`: edits that people, uv and bots make in generated manifests.

use crate::seed::locked;
use crate::support::{Monorepo, Ran};

/// The lines of `tasks.kdl` that differ from the last commit.
fn hunk(repo: &Monorepo) -> String {
    let diff = repo.git(&["diff", "--unified=0", "--", "tasks.kdl"]).text();
    let lines = diff.lines().skip(4).filter(|line| !line.starts_with("@@"));
    repo.redact(&lines.flat_map(|line| [line, "\n"]).collect::<String>())
}

/// Absorbs what differs in dev and asserts that nothing of it is lost or misplaced: the manifest is as it was, and the
/// next generate of dev has nothing to write into it.
#[track_caller]
fn absorbed(repo: &Monorepo, environment: &str, manifest: &str) -> Ran {
    let before = repo.read(manifest);
    let ran = repo.run(&format!("absorb {environment}")).success();
    assert_eq!(repo.read(manifest), before, "{ran}");
    let record = repo.read("envloom.lock");
    repo.run(&format!("generate:{environment}")).success();
    assert_eq!((repo.read(manifest), repo.read("envloom.lock")), (before, record), "{ran}");
    ran
}

fn with_wheels() -> Monorepo {
    let repo = locked();
    repo.index("pypi", &[("packaging", "24.0"), ("rich", "13.0"), ("tqdm", "4.68.0"), ("ruff", "0.5.0")]);
    repo
}

#[test]
fn a_package_that_uv_adds_goes_to_the_environment() {
    let repo = with_wheels();
    repo.uv(&["add", "packaging"]).success();
    insta::assert_snapshot!(absorbed(&repo, "dev", "pyproject.toml").output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    @@ -20,2 +20,3 @@
         groups "dev"
    +    dependencies "packaging>=24.0"
     }
    ----- stderr -----
    tasks.kdl absorbed 1 entry of pyproject.toml
      + project.dependencies[packaging] = "packaging>=24.0"
    "#);
    insta::assert_snapshot!(hunk(&repo), @r#"
    +    dependencies "packaging>=24.0"
    "#);
    // uv's lockfile is right for what tasks.kdl says now.
    repo.run("check").success();
    insta::assert_snapshot!(repo.run("absorb dev").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    tasks.kdl has nothing to absorb from pyproject.toml
    ");
}

#[test]
fn several_packages_and_ranges_share_a_line() {
    let repo = with_wheels();
    repo.uv(&["add", "packaging>=23,<25", "rich"]).success();
    absorbed(&repo, "dev", "pyproject.toml");
    insta::assert_snapshot!(hunk(&repo), @r#"
    +    dependencies "packaging>=23,<25" "rich>=13.0"
    "#);
}

#[test]
fn what_uv_adds_to_groups_goes_there() {
    let repo = with_wheels();
    repo.uv(&["add", "--dev", "rich"]).success();
    repo.uv(&["add", "--group", "docs", "packaging"]).success();
    absorbed(&repo, "dev", "pyproject.toml");
    insta::assert_snapshot!(hunk(&repo), @r#"
    -    group "dev" "ruff>=0.4"
    +    group "dev" "ruff>=0.4" "rich>=13.0"
    +    group "docs" "packaging>=24.0"
    "#);
    repo.run("check").success();
}

#[test]
fn what_uv_adds_to_an_extra_goes_there() {
    let repo = with_wheels();
    repo.uv(&["add", "--optional", "viz", "rich"]).success();
    absorbed(&repo, "dev", "pyproject.toml");
    repo.commit("rich").uv(&["add", "--optional", "viz", "packaging"]).success();
    absorbed(&repo, "dev", "pyproject.toml");
    insta::assert_snapshot!(hunk(&repo), @r#"
    -    extra "viz" "rich>=13.0"
    +    extra "viz" "rich>=13.0" "packaging>=24.0"
    "#);
    repo.run("check").success();
}

#[test]
fn what_uv_adds_to_a_variant_is_the_variants() {
    let repo = with_wheels();
    repo.uv(&["add", "--optional", "cu124", "rich"]).success();
    absorbed(&repo, "dev", "pyproject.toml");
    insta::assert_snapshot!(hunk(&repo), @r#"
    -    variant "cu124" index="[INDEX]/cu124"
    +    variant "cu124" index="[INDEX]/cu124" { dependencies "rich>=13.0" from-index=#false }
    "#);
    repo.run("generate lock").success();
}

#[test]
fn what_uv_removes_goes_where_nobody_else_has_it() {
    let repo = with_wheels();
    repo.uv(&["add", "packaging", "rich"]).success();
    repo.run("absorb dev").success();
    repo.run("lock").success();
    repo.commit("two more");
    repo.uv(&["remove", "rich"]).success();
    repo.uv(&["remove", "--dev", "ruff"]).success();
    absorbed(&repo, "dev", "pyproject.toml");
    insta::assert_snapshot!(hunk(&repo), @r#"
    -    group "dev" "ruff>=0.4"
    +    group "dev"
    -    dependencies "packaging>=24.0" "rich>=13.0"
    +    dependencies "packaging>=24.0"
    "#);
    repo.run("check").success();
    repo.uv(&["remove", "packaging"]).success();
    absorbed(&repo, "dev", "pyproject.toml");
    insta::assert_snapshot!(hunk(&repo), @r#"
    -    group "dev" "ruff>=0.4"
    +    group "dev"
    -    dependencies "packaging>=24.0" "rich>=13.0"
    "#);
}

#[test]
fn what_is_gone_altogether_goes_with_its_node() {
    let repo = with_wheels();
    repo.replace("tasks.kdl", "    groups \"dev\"", "    groups \"dev\"\n    extra \"viz\" \"rich>=12\"");
    repo.run("generate").success();
    repo.commit("its own extra");
    let text = repo.read("pyproject.toml");
    let text = text.replace("viz = [\n    \"rich>=12\",\n]\n", "");
    let text = text.replace("[dependency-groups]\ndev = [\n    \"ruff>=0.4\",\n]\n\n", "");
    repo.write_bytes("pyproject.toml", text.as_bytes());
    repo.run("generate:dev").code(1).stderr_has("envloom absorb dev");
    insta::assert_snapshot!(absorbed(&repo, "dev", "pyproject.toml").output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    @@ -6,3 +6,2 @@
         dependencies "tqdm>=4"
    -    group "dev" "ruff>=0.4"
     }
    @@ -19,4 +18,2 @@
         sources "workspace"
    -    groups "dev"
    -    extra "viz" "rich>=12"
     }
    ----- stderr -----
    tasks.kdl absorbed 2 entries of pyproject.toml
      - project.optional-dependencies.viz[rich] = "rich>=12"
      - dependency-groups.dev[ruff] = "ruff>=0.4"
    "#);
    repo.run("lock:dev check:dev").success();
}

#[test]
fn what_others_have_too_is_not_taken_from_them() {
    let repo = with_wheels();
    repo.uv(&["remove", "tqdm"]).success();
    insta::assert_snapshot!(repo.run("absorb dev").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    tasks.kdl absorbed nothing of pyproject.toml
    pyproject.toml:7: project.dependencies[tqdm] not absorbed: staging, prod have it too: for all, take it out at tasks.kdl:6:18; for dev alone, write in its environment: dependencies only=#true
    ");
    assert_eq!(hunk(&repo), "");
    // The line that was named, typed.
    repo.replace("tasks.kdl", "    groups \"dev\"", "    groups \"dev\"; dependencies only=#true");
    repo.run("generate").success().ran(&["generate:dev"]);
}

#[test]
fn a_bots_bump_is_everybodys() {
    let repo = with_wheels();
    repo.replace("pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.68\"");
    insta::assert_snapshot!(absorbed(&repo, "dev", "pyproject.toml").output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    @@ -5,3 +5,3 @@
         python "3.12"
    -    dependencies "tqdm>=4"
    +    dependencies "tqdm>=4.68"
         group "dev" "ruff>=0.4"
    ----- stderr -----
    tasks.kdl absorbed 1 entry of pyproject.toml
      ~ project.dependencies[tqdm]: "tqdm>=4" -> "tqdm>=4.68"
    next: envloom generate (it changes staging, prod)
    "#);
    insta::assert_snapshot!(hunk(&repo), @r#"
    -    dependencies "tqdm>=4"
    +    dependencies "tqdm>=4.68"
    "#);
}

#[test]
fn a_bump_in_every_variants_extra_is_the_axis_and_in_one_the_variants() {
    let repo = locked();
    let text = repo.read("pyproject.toml");
    let extras = text.replace("    \"torch>=2.4,<2.8\",\n]\ncpu", "    \"torch>=2.5,<2.8\",\n]\ncpu");
    repo.write_bytes("pyproject.toml", extras.as_bytes());
    repo.run("absorb dev").success();
    insta::assert_snapshot!(hunk(&repo), @r#"
    -    dependencies "torch>=2.4,<2.8"
    -    variant "cu124" index="[INDEX]/cu124"
    -    variant "cpu" index="[INDEX]/cpu"
    +    variant "cu124" index="[INDEX]/cu124" { dependencies "torch>=2.5,<2.8" }
    +    variant "cpu" index="[INDEX]/cpu" { dependencies "torch>=2.4,<2.8" }
    "#);
    repo.git(&["checkout", "--quiet", "."]).success();
    let all = extras.replace("    \"torch>=2.4,<2.8\",\n]\n\n[dep", "    \"torch>=2.5,<2.8\",\n]\n\n[dep");
    repo.write_bytes("pyproject.toml", all.as_bytes());
    insta::assert_snapshot!(repo.run("absorb dev").success().output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    @@ -12,3 +12,3 @@
     variants "cuda" choose="exactly-one" {
    -    dependencies "torch>=2.4,<2.8"
    +    dependencies "torch>=2.5,<2.8"
         variant "cu124" index="[INDEX]/cu124"
    ----- stderr -----
    tasks.kdl absorbed 2 entries of pyproject.toml
      ~ project.optional-dependencies.cu124[torch]: "torch>=2.4,<2.8" -> "torch>=2.5,<2.8"
      ~ project.optional-dependencies.cpu[torch]: "torch>=2.4,<2.8" -> "torch>=2.5,<2.8"
    next: envloom generate (it changes dev, staging, prod)
    "#);
    // The bound among the constraints follows.
    repo.run("lock").success();
    assert_eq!(repo.read("pyproject.toml").matches("torch>=2.5,<2.8").count(), 3);
    repo.run("check").success();
}

#[test]
fn a_bumped_tag_is_the_pins() {
    let repo = locked();
    let text = repo
        .read("prod/pyproject.toml")
        .replace("foo.git\", tag = \"v0.1.2\"", "foo.git\", tag = \"v0.1.1\"");
    repo.write_bytes("prod/pyproject.toml", text.as_bytes());
    insta::assert_snapshot!(repo.run("absorb prod").success().output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    @@ -30,3 +30,3 @@
         sources "tags" channel="stable"
    -    pin "foo" "v0.1.2"
    +    pin "foo" "v0.1.1"
         pin "bar" "v0.1.2"
    ----- stderr -----
    tasks.kdl absorbed 1 entry of prod/pyproject.toml
      ~ tool.uv.sources.foo.tag: "v0.1.2" -> "v0.1.1"
    next: envloom generate (it changes prod)
    "#);
    repo.run("lock:prod").success();
    assert!(repo.read("prod/pyproject.toml").contains("foo.git\", tag = \"v0.1.1\""));
    repo.run("check:prod verify:prod").success();
}

#[test]
fn the_pythons_follow() {
    let repo = locked();
    repo.replace("pyproject.toml", "\">=3.10\"", "\">=3.11\"").replace(
        "pyproject.toml",
        "\"0.1.0\"",
        "\"0.2.0\"",
    );
    repo.write(".python-version", "3.13\n");
    insta::assert_snapshot!(absorbed(&repo, "dev", "pyproject.toml").output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    @@ -2,5 +2,5 @@
     project "app" {
    -    version "0.1.0"
    -    requires-python ">=3.10"
    -    python "3.12"
    +    version "0.2.0"
    +    requires-python ">=3.11"
    +    python "3.13"
         dependencies "tqdm>=4"
    ----- stderr -----
    tasks.kdl absorbed 3 entries of pyproject.toml
      ~ project.version: "0.1.0" -> "0.2.0"
      ~ project.requires-python: ">=3.10" -> ">=3.11"
      ~ .python-version: "3.12" -> "3.13"
    next: envloom generate (it changes staging, prod)
    "#);
}

#[test]
fn comments_and_order_are_no_edit() {
    let repo = locked();
    repo.replace(
        "pyproject.toml",
        "    \"tqdm>=4\",\n    \"foo\",\n",
        "    # why\n    'foo',\n    \"tqdm>=4\", # mine\n",
    );
    insta::assert_snapshot!(absorbed(&repo, "dev", "pyproject.toml").output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    tasks.kdl has nothing to absorb from pyproject.toml
    ");
    assert_eq!(hunk(&repo), "");
}

#[test]
fn a_member_that_uv_makes_is_a_package() {
    let repo = locked();
    repo.uv(&["init", "--bare", "--package", "packages/new_one"]).success();
    repo.uv(&["add", "--no-sync", "packages/new_one"]).success();
    absorbed(&repo, "dev", "pyproject.toml");
    insta::assert_snapshot!(hunk(&repo), @r#"
    +package "new-one" path="packages/new_one" environments="dev"
    "#);
    repo.commit("one").uv(&["init", "--bare", "--package", "packages/other"]).success();
    repo.run("absorb dev").success();
    insta::assert_snapshot!(hunk(&repo), @r#"
    +package "other" path="packages/other" role="member"
    "#);
    repo.run("check:staging check:prod").success();
    // Every member has a source.
    repo.run("lock:dev").success();
    assert!(repo.read("pyproject.toml").contains("other = { workspace = true }"));
    repo.run("check:dev").success();
}

#[test]
fn what_all_environments_have_is_the_projects() {
    let repo = with_wheels();
    for manifest in ["pyproject.toml", "staging/pyproject.toml", "prod/pyproject.toml"] {
        repo.replace(manifest, "    \"tqdm>=4\",", "    \"packaging>=24\",\n    \"tqdm>=4.68\",");
    }
    for environment in ["dev", "prod"] {
        repo.run(&format!("absorb {environment}")).success();
    }
    insta::assert_snapshot!(hunk(&repo), @r#"
    -    dependencies "tqdm>=4"
    +    dependencies "tqdm>=4.68" "packaging>=24"
    "#);
    insta::assert_snapshot!(repo.run("absorb staging --json").success().stdout(), @r#"
    {
      "absorbed": [],
      "behind": [],
      "environment": "staging",
      "left": [],
      "manifest": "staging/pyproject.toml",
      "written": false
    }
    "#);
    repo.run("lock").success();
    repo.run("check").success();
}

#[test]
fn line_ends_and_everything_else_stay() {
    let repo = with_wheels();
    let text =
        repo.read("tasks.kdl").replace("    groups \"dev\"\n", "    groups \"dev\" /* é */ // our tools\n");
    repo.write_bytes("tasks.kdl", text.replace('\n', "\r\n").as_bytes()).commit("crlf");
    repo.uv(&["add", "packaging"]).success();
    repo.replace("pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.68\"");
    absorbed(&repo, "dev", "pyproject.toml");
    let now = repo.read("tasks.kdl");
    assert_eq!(now.matches('\n').count(), now.matches("\r\n").count());
    insta::assert_snapshot!(hunk(&repo).replace('\r', "\\r"), @r#"
    -    dependencies "tqdm>=4"
    +    dependencies "tqdm>=4.68"
    +    dependencies "packaging>=24.0"
    "#);
}

#[test]
fn in_a_dry_run_and_with_locked_nothing_is_written() {
    let repo = with_wheels();
    repo.replace("pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.68\"");
    let before = repo.tree("");
    insta::assert_snapshot!(repo.run("absorb dev -n").success().output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    @@ -5,3 +5,3 @@
         python "3.12"
    -    dependencies "tqdm>=4"
    +    dependencies "tqdm>=4.68"
         group "dev" "ruff>=0.4"
    ----- stderr -----
    tasks.kdl would absorb 1 entry of pyproject.toml
      ~ project.dependencies[tqdm]: "tqdm>=4" -> "tqdm>=4.68"
    next: envloom generate (it changes staging, prod)
    "#);
    insta::assert_snapshot!(repo.env("CI", "true").run("absorb dev").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::locked_verb]: `absorb` writes tracked files, and --locked, the default where CI is set, lets it write none
    help: type it where you work and commit what it writes; or add --no-locked
    ");
    insta::assert_snapshot!(repo.run("eject --locked").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::locked_verb]: `eject` writes tracked files, and --locked, the default where CI is set, lets it write none
    help: type it where you work and commit what it writes; or add --no-locked
    ");
    assert_eq!(repo.tree("").paths(), before.paths());
    assert_eq!(hunk(&repo), "");
}

#[test]
fn what_has_no_word_stays_and_is_said() {
    let repo = with_wheels();
    repo.uv(&["add", "rich", "--index", &repo.fill("corp=[INDEX]/pypi")]).success();
    repo.replace("pyproject.toml", "package = false", "package = true");
    insta::assert_snapshot!(repo.run("absorb dev").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----
    @@ -20,2 +20,3 @@
         groups "dev"
    +    dependencies "rich>=13.0"
     }
    ----- stderr -----
    tasks.kdl absorbed 1 entry of pyproject.toml
      + project.dependencies[rich] = "rich>=13.0"
    pyproject.toml:28: tool.uv.package not absorbed: it follows from tasks.kdl:2:1
    pyproject.toml:54: tool.uv.index[pypi] not absorbed: take it out at tasks.kdl:11:1
    pyproject.toml:52: tool.uv.sources.rich stays beside envloom's entries: tasks.kdl has no word for it
    "#);
    insta::assert_snapshot!(hunk(&repo), @r#"
    +    dependencies "rich>=13.0"
    "#);
}

#[test]
fn an_override_taken_away_lets_no_other_back() {
    let repo = with_wheels();
    let own = |line: &str| format!("    groups \"dev\"{line}");
    repo.replace("tasks.kdl", &own(""), &own("; dependencies \"tqdm>=4.5\""));
    repo.run("generate").success();
    repo.commit("its own range");
    repo.replace("pyproject.toml", "    \"tqdm>=4.5\",\n", "");
    insta::assert_snapshot!(repo.run("absorb dev").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    tasks.kdl absorbed nothing of pyproject.toml
    pyproject.toml:7: project.dependencies[tqdm] not absorbed: without it the one at tasks.kdl:6:18 holds: take it out at tasks.kdl:20:32 and write in the environment: dependencies only=#true
    ");
    assert_eq!(repo.status(), " M pyproject.toml\n");
    // The line that was named, typed.
    repo.replace("tasks.kdl", "dependencies \"tqdm>=4.5\"", "dependencies only=#true");
    repo.run("generate:dev").success();
    assert!(!repo.read("pyproject.toml").contains("tqdm"));
}

#[test]
fn what_uv_adds_to_lists_that_tasks_kdl_has_empty_goes_there() {
    let repo = with_wheels();
    repo.replace("tasks.kdl", "    group \"dev\" \"ruff>=0.4\"\n", "    group \"dev\"\n    extra \"viz\"\n");
    repo.run("generate lock").success();
    repo.commit("empty lists");
    repo.uv(&["add", "--dev", "ruff"]).success();
    repo.uv(&["add", "--optional", "viz", "rich"]).success();
    absorbed(&repo, "dev", "pyproject.toml");
    insta::assert_snapshot!(hunk(&repo), @r#"
    -    group "dev"
    -    extra "viz"
    +    group "dev" "ruff>=0.5.0"
    +    extra "viz" "rich>=13.0"
    "#);
    repo.run("check:dev").success();
}

#[test]
fn an_edit_that_would_come_back_otherwise_is_refused_whole() {
    let repo = with_wheels();
    repo.replace(
        "tasks.kdl",
        "    python \"3.12\"\n",
        "    python \"3.12\"\n    extra \"viz\" \"rich>=12\"\n",
    )
    .replace("tasks.kdl", "    groups \"dev\"", "    groups \"dev\"\n    extra \"viz\" \"packaging\"");
    repo.run("generate").success();
    repo.commit("its own extra");
    let two = "    \"rich>=12\",\n    \"rich<14 ; sys_platform == 'win32'\",\n";
    repo.replace("pyproject.toml", "    \"rich>=12\",\n", two);
    insta::assert_snapshot!(repo.run("absorb dev").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: `pyproject.toml` is left as it is

    error[envloom::manifest::not_absorbed]: written into tasks.kdl, this would not leave `project.optional-dependencies.viz[rich]` of dev as it stands
     --> pyproject.toml:22:5
    22 |     "rich<14 ; sys_platform == 'win32'",
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ edited
    help: nothing was written; change tasks.kdl by hand, then run: envloom generate
    "#);
    assert_eq!(repo.status(), " M pyproject.toml\n");
}

#[test]
fn what_would_be_wrong_in_tasks_kdl_is_refused_whole() {
    let repo = locked();
    let text = repo
        .read("prod/pyproject.toml")
        .replace("foo.git\", tag = \"v0.1.2\"", "foo.git\", tag = \"v0.1.2.dev0\"");
    repo.write_bytes("prod/pyproject.toml", text.as_bytes());
    insta::assert_snapshot!(repo.run("absorb prod").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::unabsorbable]: what stands in prod/pyproject.toml cannot be written into tasks.kdl: `v0.1.2.dev0` is a development release; environment `prod` accepts stable ones only
    help: nothing was written; mend the manifest, or change tasks.kdl by hand
    ");
    assert_eq!(repo.status(), " M prod/pyproject.toml\n");
    insta::assert_snapshot!(repo.run("absorb nothing").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::unknown_environment]: unknown environment `nothing`
     --> command line:1:16
    1 | envloom absorb nothing
      |                ^^^^^^^ no environment, manifest or directory of that name
    help: use one of: dev, staging, prod
    ");
    insta::assert_snapshot!(repo.run("absorb").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::verb_words]: `absorb` takes one environment
    help: type `envloom absorb ENV`
    ");
}

#[test]
fn a_manifest_that_is_not_envlooms_has_nothing_to_absorb() {
    let repo = Monorepo::new()
        .write("pyproject.toml", "[project]\nname = \"a\"\nversion = \"1\"\n")
        .tasks_kdl("project \"b\"\nenvironment \"a\" { manifest \"pyproject.toml\"; adopt }\nenvironment \"b\" { manifest \"b/pyproject.toml\" }\n");
    insta::assert_snapshot!(repo.run("absorb a").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::adopted_manifest]: pyproject.toml is adopted: envloom owns nothing in it
    help: there is nothing to absorb: edit it as you like, then `envloom lock`
    ");
    insta::assert_snapshot!(repo.run("absorb b").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::never_generated]: envloom has not written b/pyproject.toml yet: there is no edit of it
    help: type `envloom generate:b`, with `--take-over` where the manifest exists
    ");
}

#[test]
fn eject_forgets_and_changes_nothing_else() {
    let repo = locked();
    insta::assert_snapshot!(repo.run("eject staging").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    envloom.lock forgot 23 entries of staging/pyproject.toml, which stays as it is
    next: take its environment out of tasks.kdl
    to have envloom write it again: envloom generate --take-over
    ");
    assert_eq!(repo.status(), " M envloom.lock\n");
    insta::assert_snapshot!(repo.run("eject").success().output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    envloom.lock forgot 23 entries of prod/pyproject.toml, which stays as it is
    envloom.lock forgot 22 entries of pyproject.toml, which stays as it is
    next, to go on without envloom: git rm -f tasks.kdl envloom.lock; rm -rf .envloom tasks.local.kdl
    to have envloom write it again: envloom generate --take-over
    ");
    assert_eq!(repo.status(), " M envloom.lock\n");
    assert!(!repo.read("envloom.lock").contains("[owned"));
    // What is as tasks.kdl says is envloom's again, which is said; anything else is asked for.
    repo.replace("pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    repo.run("generate:dev").code(1).stderr_has("envloom generate:dev --take-over");
    let owned = "(envloom.lock: entries of prod/pyproject.toml that envloom owns: none -> 23)";
    repo.run("generate:prod").success().stderr_has(owned);
    repo.uv(&["lock", "--check", "--project", "prod"]).success();
}

#[test]
fn entries_that_are_owned_no_longer_are_not_called_added() {
    let repo = locked();
    repo.replace("tasks.kdl", "    dependencies \"tqdm>=4\"\n", "");
    repo.replace("pyproject.toml", "    \"tqdm>=4\",\n", "");
    let said = "(envloom.lock: entries of pyproject.toml that envloom owns: 22 -> 21)";
    repo.run("generate:dev").success().stderr_has(said);
}

#[test]
fn eject_waits_for_what_was_cut_off() {
    let repo = locked();
    let note = r#"{ "manifest": "prod/pyproject.toml", "digest": "DIGEST", "owned": {} }"#;
    repo.write(".envloom/journal/manifest-x.json", &note.replace("DIGEST", &"0".repeat(64)));
    insta::assert_snapshot!(repo.run("eject").code(1).output_snapshot(), @r"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error[envloom::cli::unfinished]: a run was cut off while it wrote prod/pyproject.toml
    help: type `envloom lock` first, which finishes that or puts back what was there
    ");
    repo.assert_clean();
}

#[test]
fn cut_off_between_its_two_files_it_is_completed_by_the_next() {
    for next in ["generate:dev", "absorb dev"] {
        let repo = with_wheels();
        repo.uv(&["add", "packaging"]).success();
        repo.replace("pyproject.toml", "\"tqdm>=4\"", "\"tqdm>=4.68\"");
        let (manifest, lock) = (repo.read("pyproject.toml"), repo.read("envloom.lock"));
        repo.run("absorb dev").success();
        let whole = repo.read("envloom.lock");
        // tasks.kdl is written first.
        repo.write_bytes("envloom.lock", lock.as_bytes());
        repo.run(next).success();
        assert_eq!(repo.read("envloom.lock"), whole, "{next}");
        assert_eq!(repo.read("pyproject.toml"), manifest, "{next}");
    }
}
