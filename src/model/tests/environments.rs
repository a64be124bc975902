//! How mistakes in environments look.

use insta::assert_snapshot;

use super::*;

#[test]
fn unknown_name() {
    assert_snapshot!(seen(r#"project "p" { group "dev" "ruff" }
package "a" path="a" environments="dev, prodd"
variants "cuda" { variant "cpu" on="linux darwin" }
environment "dev" { manifest "pyproject.toml"; groups "dve" }
default-environment "def"
"#), @r#"
      × tasks.kdl has 4 mistakes

    Error: envloom::model::unknown_name

      × unknown environment `prodd`
       ╭─[tasks.kdl:2:41]
     1 │ project "p" { group "dev" "ruff" }
     2 │ package "a" path="a" environments="dev, prodd"
       ·                                         ──┬──
       ·                                           ╰── not declared
     3 │ variants "cuda" { variant "cpu" on="linux darwin" }
       ╰────
      help: declare it, or use one of: dev

    Error: envloom::model::unknown_name

      × unknown platform `darwin`
       ╭─[tasks.kdl:3:43]
     2 │ package "a" path="a" environments="dev, prodd"
     3 │ variants "cuda" { variant "cpu" on="linux darwin" }
       ·                                           ───┬──
       ·                                              ╰── not declared
     4 │ environment "dev" { manifest "pyproject.toml"; groups "dve" }
       ╰────
      help: did you mean `macos`?

    Error: envloom::model::unknown_name

      × unknown group `dve`
       ╭─[tasks.kdl:4:55]
     3 │ variants "cuda" { variant "cpu" on="linux darwin" }
     4 │ environment "dev" { manifest "pyproject.toml"; groups "dve" }
       ·                                                       ──┬──
       ·                                                         ╰── not declared
     5 │ default-environment "def"
       ╰────
      help: did you mean `dev`?

    Error: envloom::model::unknown_name

      × unknown environment `def`
       ╭─[tasks.kdl:5:21]
     4 │ environment "dev" { manifest "pyproject.toml"; groups "dve" }
     5 │ default-environment "def"
       ·                     ──┬──
       ·                       ╰── not declared
       ╰────
      help: did you mean `dev`?
    "#);
}

#[test]
fn unknown_words_of_an_environment() {
    assert_snapshot!(seen(r#"project "p"
environment "dev" {
    manifest "pyproject.toml"
    packages "b"
    carry "prerelase"
    sync { extras "x"; link-mode "copie" }
}
"#), @r#"
      × tasks.kdl has 5 mistakes

    Error: envloom::model::unknown_name

      × unknown package `b`
       ╭─[tasks.kdl:4:14]
     3 │     manifest "pyproject.toml"
     4 │     packages "b"
       ·              ─┬─
       ·               ╰── not declared
     5 │     carry "prerelase"
       ╰────
      help: declare it; there is no package yet

    Error: envloom::model::carry_in_workspace

      × environment `dev` uses the working tree and carries nothing
       ╭─[tasks.kdl:5:11]
     4 │     packages "b"
     5 │     carry "prerelase"
       ·           ─────┬─────
       ·                ╰── has no effect in here
     6 │     sync { extras "x"; link-mode "copie" }
       ╰────
      help: delete `carry`: environments of `sources "tags"` carry from this one's manifest

    Error: envloom::model::unknown_name

      × unknown setting `prerelase`
       ╭─[tasks.kdl:5:11]
     4 │     packages "b"
     5 │     carry "prerelase"
       ·           ─────┬─────
       ·                ╰── not declared
     6 │     sync { extras "x"; link-mode "copie" }
       ╰────
      help: did you mean `prerelease`?

    Error: envloom::model::unknown_name

      × unknown extra `x`
       ╭─[tasks.kdl:6:19]
     5 │     carry "prerelase"
     6 │     sync { extras "x"; link-mode "copie" }
       ·                   ─┬─
       ·                    ╰── not declared
     7 │ }
       ╰────
      help: declare it; there is no extra yet

    Error: envloom::model::unknown_name

      × unknown link mode `copie`
       ╭─[tasks.kdl:6:34]
     5 │     carry "prerelase"
     6 │     sync { extras "x"; link-mode "copie" }
       ·                                  ───┬───
       ·                                     ╰── not declared
     7 │ }
       ╰────
      help: did you mean `copy`?
    "#);
}

#[test]
fn missing_project() {
    assert_snapshot!(seen(r#"environment "dev" { manifest "pyproject.toml" }
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::missing_project

      × there are environments, but no project
       ╭─[tasks.kdl:1:13]
     1 │ environment "dev" { manifest "pyproject.toml" }
       ·             ──┬──
       ·               ╰── an environment of which project?
       ╰────
      help: write `project "name" { … }` above them
    "#);
}

#[test]
fn missing_manifest() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
environment "prod" { sources "tags" channel="dev" }
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::missing_manifest

      × environment `prod` has no manifest
       ╭─[tasks.kdl:4:13]
     3 │ }
     4 │ environment "prod" { sources "tags" channel="dev" }
       ·             ───┬──
       ·                ╰── without one
       ╰────
      help: write `manifest "prod/pyproject.toml"` in it
    "#);
}

#[test]
fn manifest_name() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
environment "prod" { manifest "prod/project.toml" }
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::manifest_name

      × a manifest is called pyproject.toml, not `prod/project.toml`
       ╭─[tasks.kdl:4:31]
     3 │ }
     4 │ environment "prod" { manifest "prod/project.toml" }
       ·                               ─────────┬─────────
       ·                                        ╰── uv does not read it
       ╰────
      help: write `manifest "prod/pyproject.toml"`
    "#);
}

#[test]
fn manifest_in_package() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
package "a" path="packages/a"
environment "dev" { manifest "packages/a/pyproject.toml" }
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::manifest_in_package

      × the manifest of environment `dev` lies in package `a`
       ╭─[tasks.kdl:4:9]
     3 │ }
     4 │ package "a" path="packages/a"
       ·         ─┬─
       ·          ╰── the package
     5 │ environment "dev" { manifest "packages/a/pyproject.toml" }
       ·                              ─────────────┬─────────────
       ·                                           ╰── inside it
       ╰────
      help: give the environment a directory of its own: `manifest "dev/pyproject.toml"`
    "#);
}

#[test]
fn invalid_path() {
    assert_snapshot!(seen(r#"package "a" path="../a"
package "b" path="."
"#), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::model::invalid_path

      × `../a` cannot be used: the path leaves the repository
       ╭─[tasks.kdl:1:18]
     1 │ package "a" path="../a"
       ·                  ───┬──
       ·                     ╰── refused
     2 │ package "b" path="."
       ╰────
      help: write a path inside the repository, relative to its root

    Error: envloom::model::invalid_path

      × `.` cannot be used: it is the repository itself
       ╭─[tasks.kdl:2:18]
     1 │ package "a" path="../a"
     2 │ package "b" path="."
       ·                  ─┬─
       ·                   ╰── refused
       ╰────
      help: write a path inside the repository, relative to its root
    "#);
}

#[test]
fn missing_place() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
package "a" path="a"
package "b" git="https://h/b.git"
package "c"
environment "dev" { manifest "pyproject.toml" }
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags" channel="stable"
    packages "a"
    pin "a" "v1"
}
"#), @r#"
      × tasks.kdl has 3 mistakes

    Error: envloom::model::missing_place

      × package `a` needs `git=` in environment `prod`, which uses tags
       ╭─[tasks.kdl:4:9]
     3 │ }
     4 │ package "a" path="a"
       ·         ─┬─
       ·          ╰── has none
     5 │ package "b" git="https://h/b.git"
       ╰────
      help: write git="…", or limit the package with environments="…"

    Error: envloom::model::missing_place

      × package `b` needs `path=` in environment `dev`, which uses the working tree
       ╭─[tasks.kdl:5:9]
     4 │ package "a" path="a"
     5 │ package "b" git="https://h/b.git"
       ·         ─┬─
       ·          ╰── has none
     6 │ package "c"
       ╰────
      help: write path="…", or limit the package with environments="…"

    Error: envloom::model::missing_place

      × package `c` needs `path=` or `git=`
       ╭─[tasks.kdl:6:9]
     5 │ package "b" git="https://h/b.git"
     6 │ package "c"
       ·         ─┬─
       ·          ╰── has none
     7 │ environment "dev" { manifest "pyproject.toml" }
       ╰────
      help: write path="…", or limit the package with environments="…"
    "#);
}

#[test]
fn excluded_package() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
package "a" path="a" environments="dev"
package "b" path="b" role="member" environments="prod"
environment "dev" { manifest "pyproject.toml" }
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags" channel="stable"
    packages "a" "b"
}
"#), @r#"
      × tasks.kdl has 3 mistakes

    Error: envloom::model::excluded_package

      × package `b` cannot take part in environment `prod`: it is of the working tree only, and
      │ packages come from tags
       ╭─[tasks.kdl:5:50]
     4 │ package "a" path="a" environments="dev"
     5 │ package "b" path="b" role="member" environments="prod"
       ·                                                  ──┬─
       ·                                                    ╰── asked for here
     6 │ environment "dev" { manifest "pyproject.toml" }
       ╰────
      help: delete the environment, or the package's `role=`

    Error: envloom::model::excluded_package

      × package `a` cannot take part in environment `prod`: its `environments=` leaves it out
        ╭─[tasks.kdl:10:14]
      9 │     sources "tags" channel="stable"
     10 │     packages "a" "b"
        ·              ─┬─
        ·               ╰── asked for here
     11 │ }
        ╰────
      help: add the environment to the package's `environments=`

    Error: envloom::model::excluded_package

      × package `b` cannot take part in environment `prod`: it is of the working tree only, and
      │ packages come from tags
        ╭─[tasks.kdl:10:18]
      9 │     sources "tags" channel="stable"
     10 │     packages "a" "b"
        ·                  ─┬─
        ·                   ╰── asked for here
     11 │ }
        ╰────
      help: delete the package's `role=`
    "#);
}

#[test]
fn absent_package() {
    assert_snapshot!(seen(r#"project "p" { group "dev" "tool" }
package "tool" path="tool" role="path" environments="dev"
environment "dev" { manifest "pyproject.toml"; groups "dev" }
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags" channel="stable"
    groups "dev"
}
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::absent_package

      × group `dev` needs package `tool`, which does not take part in environment `prod`
       ╭─[tasks.kdl:1:27]
     1 │ project "p" { group "dev" "tool" }
       ·                           ───┬──
       ·                              ╰── needed here
     2 │ package "tool" path="tool" role="path" environments="dev"
       ╰────
       ╭─[tasks.kdl:7:12]
     6 │     sources "tags" channel="stable"
     7 │     groups "dev"
       ·            ──┬──
       ·              ╰── without the package
     8 │ }
       ╰────
      help: leave `dev` out of `prod`, or let `tool` take part in it
    "#);
}

#[test]
fn editable_tags() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags" channel="stable"
    sync { editable #true }
}
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::editable_tags

      × environment `prod` takes packages from tags: nothing can be editable
       ╭─[tasks.kdl:7:21]
     6 │     sources "tags" channel="stable"
     7 │     sync { editable #true }
       ·                     ──┬──
       ·                       ╰── not possible here
     8 │ }
       ╰────
      help: delete `editable #true`
    "#);
}

#[test]
fn same_manifest() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
environment "dev" { manifest "pyproject.toml" }
environment "stage" { manifest "./pyproject.toml" }
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::duplicate

      × the manifest `pyproject.toml` is declared twice
       ╭─[tasks.kdl:4:30]
     3 │ }
     4 │ environment "dev" { manifest "pyproject.toml" }
       ·                              ────────┬───────
       ·                                      ╰── first here
     5 │ environment "stage" { manifest "./pyproject.toml" }
       ·                                ─────────┬────────
       ·                                         ╰── again here
       ╰────
      help: each environment has a manifest of its own, in a directory that differs in more than case
    "#);
}
