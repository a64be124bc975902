//! Adopted environments, the projects found, and what is made from them.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use miette::SourceSpan;

use super::*;
use crate::config::AxisChoice;

/// A pattern is found by its text.
fn found(text: &str, directories: &[(&str, &str, Facts)]) -> Found {
    let at = |pattern: &str| {
        let pattern = format!("\"{pattern}\"");
        SourceSpan::from((text.find(&pattern).unwrap(), pattern.len()))
    };
    let manifest = |directory: &str| RelPath::parse(directory).unwrap().join("pyproject.toml").unwrap();
    Found {
        projects: directories
            .iter()
            .filter(|(_, pattern, _)| !pattern.is_empty())
            .map(|(directory, pattern, _)| FoundProject {
                directory: RelPath::parse(directory).unwrap(),
                span: at(pattern),
            })
            .collect(),
        manifests: directories
            .iter()
            .map(|(directory, _, facts)| (manifest(directory), facts.clone()))
            .collect::<BTreeMap<_, _>>(),
    }
}

fn resolved(text: &str, directories: &[(&str, &str, Facts)]) -> Result<Model, String> {
    let config = parse(&SourceFile::new("tasks.kdl", text)).map_err(|error| rendered(&error))?;
    resolve(config, &found(text, directories)).map_err(|error| rendered(&error))
}

fn facts() -> Facts {
    Facts {
        name: PackageName::parse("app").ok(),
        requires_python: Some(">=3.10".to_owned()),
        python: Some("3.12".to_owned()),
        extras: ["cpu", "cu124", "docs", "tests"].map(str::to_owned).into(),
        groups: vec!["dev".to_owned()],
        conflicts: vec![vec!["cpu".to_owned(), "cu124".to_owned()], vec!["docs".to_owned()]],
        supplies: BTreeMap::new(),
        requires: [PackageName::parse("core").unwrap()].into(),
        workspace: None,
    }
}

const DERIVED: &str = r#"
package "core" path="libs/core" git="https://git.example.com/core.git"
package "other" path="libs/other" git="https://git.example.com/other.git"
environment "app" { manifest "app/pyproject.toml"; adopt; sync { groups "dev"; extras "tests" } }
environment "app-prod" { manifest "app/prod/pyproject.toml"; from "app"; sources "tags" channel="stable"; pin "core" "v1.0" }
"#;

#[test]
fn an_adopted_environment_is_what_its_manifest_says() {
    let model = resolved(DERIVED, &[("app", "", facts())]).unwrap();
    let [app, prod] = model.environments.as_slice() else { panic!() };
    assert_eq!((app.kept, prod.kept), (Kept::Adopted, Kept::Derived(EnvironmentId(0))));
    assert_eq!(app.sync.groups.as_deref(), Some(["dev".to_owned()].as_slice()));
    assert_eq!(prod.sync.groups.as_deref(), Some([].as_slice()));
    for environment in [app, prod] {
        assert_eq!(environment.project.as_ref().map(PackageName::as_str), Some("app"));
        assert_eq!(environment.settings.python.as_ref().unwrap().value, "3.12");
        let [axis] = environment.axes.as_slice() else { panic!() };
        let extras: Vec<&str> = axis.variants.iter().map(|variant| variant.name.value.as_str()).collect();
        assert_eq!((axis.name.value.as_str(), axis.choose), ("extra", AxisChoice::OneOrNone));
        assert_eq!(extras, ["cpu", "cu124"]);
    }
    // Only what the adopted manifest requires takes part, or what a pin names.
    let names: Vec<usize> = prod.packages.iter().map(|participant| participant.package.0).collect();
    assert_eq!(names, [0]);
    assert_eq!(model.cells(EnvironmentId(1)).len(), 3);
}

#[test]
fn chains_of_conflicts_make_one_axis() {
    let sets = [&["a", "b"][..], &["c", "d"], &["b", "e"], &["d"]];
    let conflicts = sets.map(|set| set.iter().map(ToString::to_string).collect()).into();
    let text = "environment \"app\" { manifest \"app/pyproject.toml\"; adopt }";
    let model = resolved(text, &[("app", "", Facts { conflicts, ..Facts::default() })]).unwrap();
    let axes: Vec<(&str, usize)> = model.environments[0]
        .axes
        .iter()
        .map(|axis| (axis.name.value.as_str(), axis.variants.len()))
        .collect();
    assert_eq!(axes, [("extra", 3), ("extra2", 2)]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one snapshot of all that can be wrong")]
fn what_cannot_be_made_from_an_adopted_manifest() {
    let text = format!(
        "project \"p\"\n{DERIVED}{}",
        r#"environment "dev" { manifest "pyproject.toml"; packages }
environment "a" { manifest "a/pyproject.toml"; from "dev"; sources "tags" channel="dev" }
environment "b" { manifest "b/pyproject.toml"; from "app" }
environment "c" { manifest "c/pyproject.toml"; from "ap"; sources "tags" channel="dev" }
environment "d" { manifest "d/pyproject.toml"; from "app"; sources "tags" channel="dev"; groups "tests" }
"#
    );
    assert_snapshot!(resolved(&text, &[("app", "", facts())]).unwrap_err(), @r#"
      × tasks.kdl has 5 mistakes

    Error: envloom::model::not_adopted

      × environment `dev` is not adopted
       ╭─[tasks.kdl:8:53]
     7 │ environment "dev" { manifest "pyproject.toml"; packages }
     8 │ environment "a" { manifest "a/pyproject.toml"; from "dev"; sources "tags" channel="dev" }
       ·                                                     ──┬──
       ·                                                       ╰── envloom writes its manifest
     9 │ environment "b" { manifest "b/pyproject.toml"; from "app" }
       ╰────
      help: `from` takes a manifest that is written by hand; what is written from tasks.kdl shares
            `project` already

    Error: envloom::model::derived_in_workspace

      × environment `b` is made from an adopted one and has no `sources "tags"`
        ╭─[tasks.kdl:9:13]
      8 │ environment "a" { manifest "a/pyproject.toml"; from "dev"; sources "tags" channel="dev" }
      9 │ environment "b" { manifest "b/pyproject.toml"; from "app" }
        ·             ─┬─
        ·              ╰── its packages come from tags
     10 │ environment "c" { manifest "c/pyproject.toml"; from "ap"; sources "tags" channel="dev" }
        ╰────
      help: write `sources "tags" channel="stable"` and a `pin` for each internal package

    Error: envloom::model::unknown_name

      × unknown adopted environment `ap`
        ╭─[tasks.kdl:10:53]
      9 │ environment "b" { manifest "b/pyproject.toml"; from "app" }
     10 │ environment "c" { manifest "c/pyproject.toml"; from "ap"; sources "tags" channel="dev" }
        ·                                                     ──┬─
        ·                                                       ╰── not declared
     11 │ environment "d" { manifest "d/pyproject.toml"; from "app"; sources "tags" channel="dev"; groups "tests" }
        ╰────
      help: did you mean `app`?

    Error: envloom::model::missing_pin

      × environment `d` has no pin for package `core`
       ╭─[tasks.kdl:3:9]
     2 │
     3 │ package "core" path="libs/core" git="https://git.example.com/core.git"
       ·         ───┬──
       ·            ╰── takes part
     4 │ package "other" path="libs/other" git="https://git.example.com/other.git"
       ╰────
        ╭─[tasks.kdl:11:13]
     10 │ environment "c" { manifest "c/pyproject.toml"; from "ap"; sources "tags" channel="dev" }
     11 │ environment "d" { manifest "d/pyproject.toml"; from "app"; sources "tags" channel="dev"; groups "tests" }
        ·             ─┬─
        ·              ╰── no pin in here
        ╰────
      help: add `pin "core" "v…"` to environment `d`

    Error: envloom::model::unknown_name

      × unknown group `tests`
        ╭─[tasks.kdl:11:97]
     10 │ environment "c" { manifest "c/pyproject.toml"; from "ap"; sources "tags" channel="dev" }
     11 │ environment "d" { manifest "d/pyproject.toml"; from "app"; sources "tags" channel="dev"; groups "tests" }
        ·                                                                                                 ───┬───
        ·                                                                                                    ╰── not declared
        ╰────
      help: declare it, or use one of: dev
    "#);
}

#[test]
fn projects_that_cannot_be() {
    let text = "projects \"libs/*\" \"nothing/*\" except=\"../x\"\nenvironment \"one\" { manifest \"one/pyproject.toml\"; adopt }";
    let member = || Facts { workspace: Some("work".to_owned()), ..Facts::default() };
    let directories = [
        ("libs/one", "libs/*", Facts::default()),
        ("libs/all", "libs/*", Facts::default()),
        ("libs/in", "libs/*", member()),
        ("one", "", member()),
    ];
    assert_snapshot!(resolved(text, &directories).unwrap_err(), @r#"
      × tasks.kdl has 6 mistakes

    Error: envloom::model::same_project

      × libs/one/pyproject.toml and one/pyproject.toml would both be environment `one`
       ╭─[tasks.kdl:1:10]
     1 │ projects "libs/*" "nothing/*" except="../x"
       ·          ────┬───
       ·              ╰── libs/one/pyproject.toml
     2 │ environment "one" { manifest "one/pyproject.toml"; adopt }
       ·             ──┬──
       ·               ╰── one/pyproject.toml
       ╰────
      help: declare one by another name, `environment "…" { manifest "libs/one/pyproject.toml";
            adopt }`, or leave it out by `except=`

    Error: envloom::model::reserved_name

      × `all` is taken and cannot name an environment
       ╭─[tasks.kdl:1:10]
     1 │ projects "libs/*" "nothing/*" except="../x"
       ·          ────┬───
       ·              ╰── a word of envloom
     2 │ environment "one" { manifest "one/pyproject.toml"; adopt }
       ╰────
      help: choose another one, such as `my-all`

    Error: envloom::model::workspace_member

      × libs/in/pyproject.toml is a member of the workspace in work, whose lockfile is its lockfile
      │ too
       ╭─[tasks.kdl:1:10]
     1 │ projects "libs/*" "nothing/*" except="../x"
       ·          ────┬───
       ·              ╰── no lockfile of its own
     2 │ environment "one" { manifest "one/pyproject.toml"; adopt }
       ╰────
      help: adopt the root: `environment "…" { manifest "work/pyproject.toml"; adopt }`

    Error: envloom::model::no_projects

      × no directory that fits `nothing/*` has a pyproject.toml
       ╭─[tasks.kdl:1:19]
     1 │ projects "libs/*" "nothing/*" except="../x"
       ·                   ─────┬─────
       ·                        ╰── nothing here
     2 │ environment "one" { manifest "one/pyproject.toml"; adopt }
       ╰────
      help: a pattern is of directories, from the repository's root, such as "libs/*"

    Error: envloom::model::invalid_path

      × `../x` cannot be used: the path leaves the repository
       ╭─[tasks.kdl:1:39]
     1 │ projects "libs/*" "nothing/*" except="../x"
       ·                                       ──┬─
       ·                                         ╰── refused
     2 │ environment "one" { manifest "one/pyproject.toml"; adopt }
       ╰────
      help: write a path inside the repository, relative to its root

    Error: envloom::model::workspace_member

      × one/pyproject.toml is a member of the workspace in work, whose lockfile is its lockfile too
       ╭─[tasks.kdl:2:30]
     1 │ projects "libs/*" "nothing/*" except="../x"
     2 │ environment "one" { manifest "one/pyproject.toml"; adopt }
       ·                              ──────────┬─────────
       ·                                        ╰── no lockfile of its own
       ╰────
      help: adopt the root: `environment "…" { manifest "work/pyproject.toml"; adopt }`
    "#);
}

#[test]
fn what_is_declared_otherwise_is_no_project() {
    let text = r#"projects "libs/*"
package "core" path="libs/core" git="https://git.example.com/core.git"
environment "mine" { manifest "libs/declared/pyproject.toml"; adopt }
"#;
    let member = Facts { workspace: Some("libs/declared".to_owned()), ..Facts::default() };
    let model = resolved(
        text,
        &[
            ("libs/Caf\u{e9}_2", "libs/*", Facts::default()),
            ("libs/core", "libs/*", Facts::default()),
            ("libs/declared", "libs/*", Facts::default()),
            ("libs/member", "libs/*", member),
        ],
    );
    let model = model.unwrap();
    let names: Vec<&str> = model.environments.iter().map(|one| one.name.value.as_str()).collect();
    assert_eq!(names, ["mine", "caf-_2"]);
}
