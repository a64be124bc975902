//! How mistakes in single words look.

use insta::assert_snapshot;

use super::*;

#[test]
fn other_envloom() {
    assert_snapshot!(seen(r#"envloom ">=99""#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::other_envloom

      × this file is for envloom >=99; this is envloom 0.1.0
       ╭─[tasks.kdl:1:9]
     1 │ envloom ">=99"
       ·         ───┬──
       ·            ╰── does not include 0.1.0
       ╰────
      help: install an envloom in that range: uv tool install 'envloom>=99'
    "#);
}

#[test]
fn invalid_version() {
    assert_snapshot!(seen(r#"project "p" {
    version "one"
    python "3"
}
"#), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::model::invalid_version

      × `one` is no version
       ╭─[tasks.kdl:2:13]
     1 │ project "p" {
     2 │     version "one"
       ·             ──┬──
       ·               ╰── not a version as PEP 440 writes it
     3 │     python "3"
       ╰────
      help: write it like "0.1.0"

    Error: envloom::model::invalid_version

      × `3` is no Python version
       ╭─[tasks.kdl:3:12]
     2 │     version "one"
     3 │     python "3"
       ·            ─┬─
       ·             ╰── not a version as PEP 440 writes it
     4 │ }
       ╰────
      help: write it like "3.12" or "3.12.1"
    "#);
}

#[test]
fn invalid_range() {
    assert_snapshot!(seen(r#"envloom "0.1"
project "p" { requires-python "=>3.10" }
"#), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::model::invalid_range

      × `0.1` is no version range
       ╭─[tasks.kdl:1:9]
     1 │ envloom "0.1"
       ·         ──┬──
       ·           ╰── not a range as PEP 440 writes it
     2 │ project "p" { requires-python "=>3.10" }
       ╰────
      help: write ">=0.1"

    Error: envloom::model::invalid_range

      × `=>3.10` is no version range
       ╭─[tasks.kdl:2:31]
     1 │ envloom "0.1"
     2 │ project "p" { requires-python "=>3.10" }
       ·                               ────┬───
       ·                                   ╰── not a range as PEP 440 writes it
       ╰────
      help: write it like ">=3.10, <3.13"
    "#);
}

#[test]
fn invalid_sha256() {
    assert_snapshot!(seen(r#"uv ">=0.13" sha256="abc""#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::invalid_sha256

      × this is no SHA-256
       ╭─[tasks.kdl:1:20]
     1 │ uv ">=0.13" sha256="abc"
       ·                    ──┬──
       ·                      ╰── of no use here
       ╰────
      help: write the 64 hexadecimal digits of one wheel, beside one exact version
    "#);
}

#[test]
fn invalid_name() {
    assert_snapshot!(seen(r#"project "-p-"
task "My Task" { run "x" }
variants "cuda" { variant "12.4" }
"#), @r#"
      × tasks.kdl has 3 mistakes

    Error: envloom::model::invalid_name

      × `-p-` is no name for a project
       ╭─[tasks.kdl:1:9]
     1 │ project "-p-"
       ·         ──┬──
       ·           ╰── not of this form
     2 │ task "My Task" { run "x" }
       ╰────
      help: use letters, digits, `-`, `_` and `.`, with a letter or digit at both ends

    Error: envloom::model::invalid_name

      × `My Task` is no name for a task
       ╭─[tasks.kdl:2:6]
     1 │ project "-p-"
     2 │ task "My Task" { run "x" }
       ·      ────┬────
       ·          ╰── not of this form
     3 │ variants "cuda" { variant "12.4" }
       ╰────
      help: use lower-case letters, digits, `-` and `_`, a letter or digit first

    Error: envloom::model::invalid_name

      × `12.4` is no name for a variant
       ╭─[tasks.kdl:3:27]
     2 │ task "My Task" { run "x" }
     3 │ variants "cuda" { variant "12.4" }
       ·                           ───┬──
       ·                              ╰── not of this form
       ╰────
      help: start with a letter: `cu124`, not `12.4`, which would be a Python
    "#);
}

#[test]
fn reserved_name() {
    assert_snapshot!(seen(r#"task "sync" { run "x" }
variants "python" { variant "none" }
"#), @r#"
      × tasks.kdl has 3 mistakes

    Error: envloom::model::reserved_name

      × `sync` is taken and cannot name a task
       ╭─[tasks.kdl:1:6]
     1 │ task "sync" { run "x" }
       ·      ───┬──
       ·         ╰── a word of envloom
     2 │ variants "python" { variant "none" }
       ╰────
      help: choose another one, such as `my-sync`

    Error: envloom::model::reserved_name

      × `python` is taken and cannot name an axis
       ╭─[tasks.kdl:2:10]
     1 │ task "sync" { run "x" }
     2 │ variants "python" { variant "none" }
       ·          ────┬───
       ·              ╰── a word of envloom
       ╰────
      help: choose another one, such as `my-python`

    Error: envloom::model::reserved_name

      × `none` is taken and cannot name a variant
       ╭─[tasks.kdl:2:29]
     1 │ task "sync" { run "x" }
     2 │ variants "python" { variant "none" }
       ·                             ───┬──
       ·                                ╰── a word of envloom
       ╰────
      help: choose another one, such as `my-none`
    "#);
}

#[test]
fn duplicate() {
    assert_snapshot!(seen(r#"package "Foo" path="a"
package "foo__x" path="b"
package "Foo-x" path="a"
project "p" { dependencies "a" "a" }
"#), @r#"
      × tasks.kdl has 3 mistakes

    Error: envloom::model::duplicate

      × package `Foo-x` is declared twice
       ╭─[tasks.kdl:2:9]
     1 │ package "Foo" path="a"
     2 │ package "foo__x" path="b"
       ·         ────┬───
       ·             ╰── first here
     3 │ package "Foo-x" path="a"
       ·         ───┬───
       ·            ╰── again here
     4 │ project "p" { dependencies "a" "a" }
       ╰────
      help: names are equal when they differ only in case, `-`, `_` and `.`; rename or delete one of
            them

    Error: envloom::model::duplicate

      × the path `a` is declared twice
       ╭─[tasks.kdl:1:20]
     1 │ package "Foo" path="a"
       ·                    ─┬─
       ·                     ╰── first here
     2 │ package "foo__x" path="b"
     3 │ package "Foo-x" path="a"
       ·                      ─┬─
       ·                       ╰── again here
     4 │ project "p" { dependencies "a" "a" }
       ╰────
      help: two packages cannot lie in one directory, nor in two that some file systems take for one

    Error: envloom::model::duplicate

      × the requirement of `a` is declared twice
       ╭─[tasks.kdl:4:28]
     3 │ package "Foo-x" path="a"
     4 │ project "p" { dependencies "a" "a" }
       ·                            ─┬─ ─┬─
       ·                             │   ╰── again here
       ·                             ╰── first here
       ╰────
      help: a list has a package once for each marker; write one requirement: "name>=1,<3"
    "#);
}

#[test]
fn duplicates_of_variants() {
    assert_snapshot!(seen(r#"project "p" { extra "cu124" "x" }
variants "cuda" { variant "cu124" index="wheels"; variant "CU124" }
index "cu124" url="other"
"#), @r#"
      × tasks.kdl has 3 mistakes

    Error: envloom::model::duplicate

      × extra `cu124` is declared twice
       ╭─[tasks.kdl:1:21]
     1 │ project "p" { extra "cu124" "x" }
       ·                     ───┬───
       ·                        ╰── again here
     2 │ variants "cuda" { variant "cu124" index="wheels"; variant "CU124" }
       ·                           ───┬───
       ·                              ╰── first here
     3 │ index "cu124" url="other"
       ╰────
      help: names are equal when they differ only in case, `-`, `_` and `.`; rename or delete one of
            them

    Error: envloom::model::duplicate

      × variant `CU124` is declared twice
       ╭─[tasks.kdl:2:27]
     1 │ project "p" { extra "cu124" "x" }
     2 │ variants "cuda" { variant "cu124" index="wheels"; variant "CU124" }
       ·                           ───┬───                         ───┬───
       ·                              │                               ╰── again here
       ·                              ╰── first here
     3 │ index "cu124" url="other"
       ╰────
      help: names are equal when they differ only in case, `-`, `_` and `.`; rename or delete one of
            them

    Error: envloom::model::duplicate

      × index `cu124` is declared twice
       ╭─[tasks.kdl:2:27]
     1 │ project "p" { extra "cu124" "x" }
     2 │ variants "cuda" { variant "cu124" index="wheels"; variant "CU124" }
       ·                           ───┬───
       ·                              ╰── first here
     3 │ index "cu124" url="other"
       ·       ───┬───
       ·          ╰── again here
       ╰────
      help: a variant's index is named like the variant; rename one
    "#);
}

#[test]
fn invalid_requirement() {
    assert_snapshot!(seen(r#"project "p" { dependencies "tqdm>=" "a b" "é" }"#), @r#"
      × tasks.kdl has 3 mistakes

    Error: envloom::model::invalid_requirement

      × `tqdm>=` is no requirement: `>=` is no version range
       ╭─[tasks.kdl:1:28]
     1 │ project "p" { dependencies "tqdm>=" "a b" "é" }
       ·                            ────┬───
       ·                                ╰── not as PEP 508 writes it
       ╰────
      help: write it as in a pyproject.toml: "pandas>=2.3"

    Error: envloom::model::invalid_requirement

      × `a b` is no requirement: `b` is no version range
       ╭─[tasks.kdl:1:37]
     1 │ project "p" { dependencies "tqdm>=" "a b" "é" }
       ·                                     ──┬──
       ·                                       ╰── not as PEP 508 writes it
       ╰────
      help: write it as in a pyproject.toml: "pandas>=2.3"

    Error: envloom::model::invalid_requirement

      × `é` is no requirement: it holds a character outside ASCII
       ╭─[tasks.kdl:1:43]
     1 │ project "p" { dependencies "tqdm>=" "a b" "é" }
       ·                                           ─┬─
       ·                                            ╰── not as PEP 508 writes it
       ╰────
      help: write it as in a pyproject.toml: "pandas>=2.3"
    "#);
}

#[test]
fn invalid_marker() {
    assert_snapshot!(seen(r#"project "p" { platforms "linux" }"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::invalid_marker

      × `linux` is no marker: `linux` is no variable; a text needs quotes
       ╭─[tasks.kdl:1:25]
     1 │ project "p" { platforms "linux" }
       ·                         ───┬───
       ·                            ╰── not as PEP 508 writes it
       ╰────
      help: write it as in a pyproject.toml: "sys_platform == 'linux'"
    "#);
}

#[test]
fn internal_requirement() {
    assert_snapshot!(seen(r#"package "a" path="a"
package "b" path="b" role="path"
project "p" { dependencies "A>=1" "b" }
"#), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::model::internal_requirement

      × `a` is an internal package
       ╭─[tasks.kdl:1:9]
     1 │ package "a" path="a"
       ·         ─┬─
       ·          ╰── declared here
     2 │ package "b" path="b" role="path"
     3 │ project "p" { dependencies "A>=1" "b" }
       ·                            ───┬──
       ·                               ╰── must not be required here
       ╰────
      help: delete it: the `package` node already makes it a dependency

    Error: envloom::model::internal_requirement

      × `b` is an internal package
       ╭─[tasks.kdl:2:9]
     1 │ package "a" path="a"
     2 │ package "b" path="b" role="path"
       ·         ─┬─
       ·          ╰── declared here
     3 │ project "p" { dependencies "A>=1" "b" }
       ·                                   ─┬─
       ·                                    ╰── must not be required here
       ╰────
      help: put it into a `group`, or delete the package's `role=`
    "#);
}

#[test]
fn too_many_cells() {
    assert_snapshot!(seen(r#"variants "x0" { variant "v0-0"; variant "v0-1"; variant "v0-2"; variant "v0-3"; variant "v0-4"; variant "v0-5"; variant "v0-6"; variant "v0-7"; variant "v0-8"; variant "v0-9"; variant "v0-10";}
variants "x1" { variant "v1-0"; variant "v1-1"; variant "v1-2"; variant "v1-3"; variant "v1-4"; variant "v1-5"; variant "v1-6"; variant "v1-7"; variant "v1-8"; variant "v1-9"; variant "v1-10";}
variants "x2" { variant "v2-0"; variant "v2-1"; variant "v2-2"; variant "v2-3"; variant "v2-4"; variant "v2-5"; variant "v2-6"; variant "v2-7"; variant "v2-8"; variant "v2-9"; variant "v2-10";}
variants "x3" { variant "v3-0"; variant "v3-1"; variant "v3-2"; variant "v3-3"; variant "v3-4"; variant "v3-5"; variant "v3-6"; variant "v3-7"; variant "v3-8"; variant "v3-9"; variant "v3-10";}
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::too_many_cells

      × the axes have 14641 combinations; at most 10000 are allowed
       ╭─[tasks.kdl:4:10]
     3 │ variants "x2" { variant "v2-0"; variant "v2-1"; variant "v2-2"; variant "v2-3"; variant "v2-4"; variant "v2-5"; variant "v2-6"; variant "v2-7"; variant "v2-8"; variant "v2-9"; variant "v2-10";}
     4 │ variants "x3" { variant "v3-0"; variant "v3-1"; variant "v3-2"; variant "v3-3"; variant "v3-4"; variant "v3-5"; variant "v3-6"; variant "v3-7"; variant "v3-8"; variant "v3-9"; variant "v3-10";}
       ·          ──┬─
       ·            ╰── the last axis
       ╰────
      help: put variants that exclude one another on one axis
    "#);
}

#[test]
fn python_outside_range() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10, !=3.11.*"
    python "3.11"
}
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::python_outside_range

      × Python 3.11 is outside `>=3.10, !=3.11.*`
       ╭─[tasks.kdl:2:21]
     1 │ project "p" {
     2 │     requires-python ">=3.10, !=3.11.*"
       ·                     ─────────┬────────
       ·                              ╰── supported
     3 │     python "3.11"
       ·            ───┬──
       ·               ╰── not supported
     4 │ }
       ╰────
      help: choose a Python that `requires-python` includes
    "#);
}
