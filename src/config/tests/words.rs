//! How mistakes of the words look.

use insta::assert_snapshot;

use super::*;

#[test]
fn not_local() {
    let source = SourceFile::new("tasks.local.kdl", "project \"p\"\njobs 0\nworkers 4\n");
    assert_snapshot!(rendered(&parse_local(&source).unwrap_err()), @r#"
      × tasks.local.kdl has 3 mistakes

    Error: envloom::config::not_local

      × `project` may not stand in a local file
       ╭─[tasks.local.kdl:1:1]
     1 │ project "p"
       · ───┬───
       ·    ╰── reaches committed files
     2 │ jobs 0
       ╰────
      help: move it to tasks.kdl; a local file may set only what reaches no committed file: task,
            resources, remotes, default, default-environment, prefer, jobs, env, venvs, cache

    Error: envloom::config::wrong_kind

      × the number of `jobs` must be a whole number from 1
       ╭─[tasks.local.kdl:2:6]
     1 │ project "p"
     2 │ jobs 0
       ·      ┬
       ·      ╰── this is a number
     3 │ workers 4
       ╰────
      help: write `jobs 4`

    Error: envloom::config::unknown_node

      × unknown node `workers`
       ╭─[tasks.local.kdl:3:1]
     2 │ jobs 0
     3 │ workers 4
       · ───┬───
       ·    ╰── not known at the top of the file
       ╰────
      help: use one of: task, resources, remotes, default, default-environment, prefer, jobs, env,
            venvs, cache
    "#);
}

#[test]
fn unknown_node() {
    assert_snapshot!(seen("enviroment \"dev\"\nzebra\n"), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::config::unknown_node

      × unknown node `enviroment`
       ╭─[tasks.kdl:1:1]
     1 │ enviroment "dev"
       · ─────┬────
       ·      ╰── not known at the top of the file
     2 │ zebra
       ╰────
      help: did you mean `environment`?

    Error: envloom::config::unknown_node

      × unknown node `zebra`
       ╭─[tasks.kdl:2:1]
     1 │ enviroment "dev"
     2 │ zebra
       · ──┬──
       ·   ╰── not known at the top of the file
       ╰────
      help: use one of: envloom, uv, project, package, index, variants, environment, projects, task,
            resources, remotes, default, default-environment
    "#);
}

#[test]
fn misplaced() {
    assert_snapshot!(seen("pin \"a\" \"v1\"\nproject \"p\" { task \"x\" }\njobs 4\n"), @r#"
      × tasks.kdl has 3 mistakes

    Error: envloom::config::misplaced

      × `pin` may not stand at the top of the file
       ╭─[tasks.kdl:1:1]
     1 │ pin "a" "v1"
       · ─┬─
       ·  ╰── not here
     2 │ project "p" { task "x" }
       ╰────
      help: move it into `environment`

    Error: envloom::config::misplaced

      × `task` may not stand in `project`
       ╭─[tasks.kdl:2:15]
     1 │ pin "a" "v1"
     2 │ project "p" { task "x" }
       ·               ──┬─
       ·                 ╰── not here
     3 │ jobs 4
       ╰────
      help: move it to the top of the file

    Error: envloom::config::misplaced

      × `jobs` may not stand at the top of the file
       ╭─[tasks.kdl:3:1]
     2 │ project "p" { task "x" }
     3 │ jobs 4
       · ──┬─
       ·   ╰── not here
       ╰────
      help: move it to tasks.local.kdl
    "#);
}

#[test]
fn not_supported_yet() {
    assert_snapshot!(seen("default \"check\"\nremote \"https://cache.example.com\"\n"), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::not_supported_yet

      × `remote` is not supported yet by this version
       ╭─[tasks.kdl:2:1]
     1 │ default "check"
     2 │ remote "https://cache.example.com"
       · ───┬──
       ·    ╰── reserved
       ╰────
      help: delete it; the word is reserved for a later version of envloom
    "#);
}

#[test]
fn unknown_property() {
    assert_snapshot!(seen("package \"a\" pth=\"x\" b=\"c\"\nenvironment \"dev\" manifest=\"pyproject.toml\"\n"), @r#"
      × tasks.kdl has 3 mistakes

    Error: envloom::config::unknown_property

      × `package` has no property `pth`
       ╭─[tasks.kdl:1:13]
     1 │ package "a" pth="x" b="c"
       ·             ─┬─
       ·              ╰── not known
     2 │ environment "dev" manifest="pyproject.toml"
       ╰────
      help: did you mean `path`?

    Error: envloom::config::unknown_property

      × `package` has no property `b`
       ╭─[tasks.kdl:1:21]
     1 │ package "a" pth="x" b="c"
       ·                     ┬
       ·                     ╰── not known
     2 │ environment "dev" manifest="pyproject.toml"
       ╰────
      help: use one of: path, git, subdirectory, role, environments, extras, tag

    Error: envloom::config::unknown_property

      × `environment` has no property `manifest`
       ╭─[tasks.kdl:2:19]
     1 │ package "a" pth="x" b="c"
     2 │ environment "dev" manifest="pyproject.toml"
       ·                   ────┬───
       ·                       ╰── not known
       ╰────
      help: write it as a child: environment … { manifest "prod/pyproject.toml" }
    "#);
}

#[test]
fn twice() {
    assert_snapshot!(seen("package \"a\" path=\"x\" path=\"y\"\nuv \"0.13.9\"\nuv \"0.13.8\"\n"), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::config::twice

      × `path` is written twice
       ╭─[tasks.kdl:1:18]
     1 │ package "a" path="x" path="y"
       ·                  ─┬─ ────┬───
       ·                   │      ╰── again here
       ·                   ╰── first here
     2 │ uv "0.13.9"
       ╰────
      help: keep one of the two

    Error: envloom::config::twice

      × `uv` is written twice
       ╭─[tasks.kdl:2:1]
     1 │ package "a" path="x" path="y"
     2 │ uv "0.13.9"
       · ─────┬─────
       ·      ╰── first here
     3 │ uv "0.13.8"
       · ─┬
       ·  ╰── again here
       ╰────
      help: keep one of the two
    "#);
}

#[test]
fn missing() {
    assert_snapshot!(seen("project\nindex \"x\"\ntask \"t\"\nvariants \"cuda\" { }\n"), @r#"
      × tasks.kdl has 4 mistakes

    Error: envloom::config::missing

      × `project` needs its name
       ╭─[tasks.kdl:1:1]
     1 │ project
       · ───┬───
       ·    ╰── without it
     2 │ index "x"
       ╰────
      help: write `project "name" { … }`

    Error: envloom::config::missing

      × `index` needs the property `url`
       ╭─[tasks.kdl:2:1]
     1 │ project
     2 │ index "x"
       · ──┬──
       ·   ╰── without it
     3 │ task "t"
       ╰────
      help: write `index "corp" url="https://…"`

    Error: envloom::config::missing

      × `task` needs a `run`, `shell`, `service` or `after` in its block
       ╭─[tasks.kdl:3:1]
     2 │ index "x"
     3 │ task "t"
       · ──┬─
       ·   ╰── without it
     4 │ variants "cuda" { }
       ╰────
      help: write `run "pytest" "-q"`

    Error: envloom::config::missing

      × `variants` needs a `variant` in its block
       ╭─[tasks.kdl:4:1]
     3 │ task "t"
     4 │ variants "cuda" { }
       · ────┬───
       ·     ╰── without it
       ╰────
      help: write `variant "cu124" index="https://…"`
    "#);
}

#[test]
fn extra_argument() {
    assert_snapshot!(seen("project \"p\" \"q\""), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::extra_argument

      × `project` takes no further argument
       ╭─[tasks.kdl:1:13]
     1 │ project "p" "q"
       ·             ─┬─
       ·              ╰── one too many
       ╰────
      help: write `project "name" { … }`
    "#);
}

#[test]
fn wrong_kind() {
    assert_snapshot!(seen("project 5\npackage \"a\" role=\"membr\"\nindex \"x\" url=#null explicit=\"yes\"\n"), @r#"
      × tasks.kdl has 4 mistakes

    Error: envloom::config::wrong_kind

      × the name of `project` must be text
       ╭─[tasks.kdl:1:9]
     1 │ project 5
       ·         ┬
       ·         ╰── this is a number
     2 │ package "a" role="membr"
       ╰────
      help: quote it: "5"

    Error: envloom::config::wrong_kind

      × `role` of `package` must be one of: dependency, member, path
       ╭─[tasks.kdl:2:18]
     1 │ project 5
     2 │ package "a" role="membr"
       ·                  ───┬───
       ·                     ╰── this is another word
     3 │ index "x" url=#null explicit="yes"
       ╰────
      help: did you mean "member"?

    Error: envloom::config::wrong_kind

      × `url` of `index` must be text
       ╭─[tasks.kdl:3:15]
     2 │ package "a" role="membr"
     3 │ index "x" url=#null explicit="yes"
       ·               ──┬──
       ·                 ╰── this is nothing
       ╰────
      help: give it a value, or delete it

    Error: envloom::config::wrong_kind

      × `explicit` of `index` must be #true or #false
       ╭─[tasks.kdl:3:30]
     2 │ package "a" role="membr"
     3 │ index "x" url=#null explicit="yes"
       ·                              ──┬──
       ·                                ╰── this is text
       ╰────
      help: write #true or #false
    "#);
}

#[test]
fn empty() {
    assert_snapshot!(seen("project \"\"\npackage \"a\" path=\" \""), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::config::empty

      × the name of `project` is empty
       ╭─[tasks.kdl:1:9]
     1 │ project ""
       ·         ─┬
       ·          ╰── nothing between the quotes
     2 │ package "a" path=" "
       ╰────
      help: give it a value, or delete it

    Error: envloom::config::empty

      × `path` of `package` is empty
       ╭─[tasks.kdl:2:18]
     1 │ project ""
     2 │ package "a" path=" "
       ·                  ─┬─
       ·                   ╰── nothing between the quotes
       ╰────
      help: give it a value, or delete it
    "#);
}

#[test]
fn no_children() {
    assert_snapshot!(seen("package \"a\" { path \"x\" }"), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::no_children

      × `package` has no children
       ╭─[tasks.kdl:1:15]
     1 │ package "a" { path "x" }
       ·               ────┬────
       ·                   ╰── delete this block
       ╰────
      help: write `package "bench-utils" path="packages/bench_utils"`
    "#);
}

#[test]
fn pins_disagree() {
    let text = "environment \"a\" {\n    pin \"b\"\n    pin \"c\" \"v1\" rev=\"x\"\n    pin \"d\" rev=\"x\"\n    pin \"e\" \"v1\" version=1\n}\n";
    assert_snapshot!(seen(text), @r#"
      × tasks.kdl has 4 mistakes

    Error: envloom::config::disagree

      × a pin needs a tag or a `rev`
       ╭─[tasks.kdl:2:5]
     1 │ environment "a" {
     2 │     pin "b"
       ·     ───┬───
       ·        ╰── in this node
     3 │     pin "c" "v1" rev="x"
       ╰────
      help: write `pin "b" "v0.1.2"` or `pin "b" rev="<40 hexadecimal digits>" version="0.1.2"`

    Error: envloom::config::disagree

      × a pin has a tag or a `rev`, not both
       ╭─[tasks.kdl:3:5]
     2 │     pin "b"
     3 │     pin "c" "v1" rev="x"
       ·     ──────────┬─────────
       ·               ╰── in this node
     4 │     pin "d" rev="x"
       ╰────
      help: write `pin "c" "v0.1.2"`

    Error: envloom::config::disagree

      × a pin by `rev` needs the version at that commit
       ╭─[tasks.kdl:4:5]
     3 │     pin "c" "v1" rev="x"
     4 │     pin "d" rev="x"
       ·     ───────┬───────
       ·            ╰── in this node
     5 │     pin "e" "v1" version=1
       ╰────
      help: write `pin "d" rev="<40 hexadecimal digits>" version="0.1.2"`

    Error: envloom::config::disagree

      × a tag says its version itself
       ╭─[tasks.kdl:5:5]
     4 │     pin "d" rev="x"
     5 │     pin "e" "v1" version=1
       ·     ───────────┬──────────
       ·                ╰── in this node
     6 │ }
       ╰────
      help: write `pin "e" "v0.1.2"`
    "#);
}

#[test]
fn sources_disagree() {
    let text = "environment \"a\" { sources \"tags\" }\nenvironment \"f\" { sources \"workspace\" channel=\"dev\" }\n";
    assert_snapshot!(seen(text), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::config::disagree

      × `sources "tags"` needs a channel
       ╭─[tasks.kdl:1:19]
     1 │ environment "a" { sources "tags" }
       ·                   ───────┬──────
       ·                          ╰── in this node
     2 │ environment "f" { sources "workspace" channel="dev" }
       ╰────
      help: write channel="stable", or channel="dev" to accept dev tags too

    Error: envloom::config::disagree

      × only `sources "tags"` has a channel
       ╭─[tasks.kdl:2:19]
     1 │ environment "a" { sources "tags" }
     2 │ environment "f" { sources "workspace" channel="dev" }
       ·                   ────────────────┬────────────────
       ·                                   ╰── in this node
       ╰────
      help: delete `channel`, or write `sources "tags"`
    "#);
}
