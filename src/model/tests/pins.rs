//! How mistakes in pins and URLs look.

use insta::assert_snapshot;

use super::*;

#[test]
fn invalid_tag() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
package "a" path="a" git="https://h/a.git"
package "b" path="b" git="https://h/b.git" tag="b-v{version}"
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags" channel="stable"
    pin "a" "--upload-pack=id"
    pin "b" "b-v1;id"
}
"#), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::model::invalid_tag

      × `--upload-pack=id` is no tag: it starts with `-`, `.`, `/` or `+`
        ╭─[tasks.kdl:9:13]
      8 │     sources "tags" channel="stable"
      9 │     pin "a" "--upload-pack=id"
        ·             ─────────┬────────
        ·                      ╰── refused
     10 │     pin "b" "b-v1;id"
        ╰────
      help: write a tag of the package's repository: "v0.1.2"

    Error: envloom::model::invalid_tag

      × `b-v1;id` is no tag: it holds a character that git or a shell gives a meaning
        ╭─[tasks.kdl:10:13]
      9 │     pin "a" "--upload-pack=id"
     10 │     pin "b" "b-v1;id"
        ·             ────┬────
        ·                 ╰── refused
     11 │ }
        ╰────
      help: write a tag of the package's repository: "v0.1.2"
    "#);
}

#[test]
fn tag_without_version() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
package "a" path="a" git="https://h/a.git"
package "b" path="b" git="https://h/b.git" tag="b-v{version}"
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags" channel="stable"
    pin "a" "release"
    pin "b" "v1"
}
"#), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::model::tag_without_version

      × the tag `release` names no version
        ╭─[tasks.kdl:9:13]
      8 │     sources "tags" channel="stable"
      9 │     pin "a" "release"
        ·             ────┬────
        ·                 ╰── no version in it
     10 │     pin "b" "v1"
        ╰────
      help: tags of `a` are of the form `0.1.2` or `v0.1.2`; change the tag, or its `tag=`

    Error: envloom::model::tag_without_version

      × the tag `v1` names no version
        ╭─[tasks.kdl:10:13]
      9 │     pin "a" "release"
     10 │     pin "b" "v1"
        ·             ──┬─
        ·               ╰── no version in it
     11 │ }
        ╰────
      help: tags of `b` are of the form `b-v0.1.2`; change the tag, or its `tag=`
    "#);
}

#[test]
fn invalid_tag_form() {
    assert_snapshot!(seen(r#"package "a" path="a" tag="v"
package "b" path="b" tag="~{version}"
"#), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::model::invalid_tag_form

      × the form of tags `v` has no `{version}`
       ╭─[tasks.kdl:1:26]
     1 │ package "a" path="a" tag="v"
       ·                          ─┬─
       ·                           ╰── cannot be used
     2 │ package "b" path="b" tag="~{version}"
       ╰────
      help: write what stands around the version: tag="bench-utils-v{version}"

    Error: envloom::model::invalid_tag_form

      × the form of tags `~{version}` gives no tag that git allows
       ╭─[tasks.kdl:2:26]
     1 │ package "a" path="a" tag="v"
     2 │ package "b" path="b" tag="~{version}"
       ·                          ──────┬─────
       ·                                ╰── cannot be used
       ╰────
      help: write what stands around the version: tag="bench-utils-v{version}"
    "#);
}

#[test]
fn unstable_pin() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
package "a" path="a" git="https://h/a.git"
package "b" path="b" git="https://h/b.git" tag="b-v{version}"
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags" channel="stable"
    pin "a" "v0.1.2.dev0"
    pin "b" rev="0000000000000000000000000000000000000000" version="1.0rc1"
}
"#), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::model::unstable_pin

      × `v0.1.2.dev0` is a development release; environment `prod` accepts stable ones only
        ╭─[tasks.kdl:8:13]
      7 │     manifest "prod/pyproject.toml"
      8 │     sources "tags" channel="stable"
        ·             ───┬──
        ·                ╰── accepts stable tags only
      9 │     pin "a" "v0.1.2.dev0"
        ·             ──────┬──────
        ·                   ╰── not stable
     10 │     pin "b" rev="0000000000000000000000000000000000000000" version="1.0rc1"
        ╰────
      help: pin a stable release such as "v0.1.2", or write channel="dev"

    Error: envloom::model::unstable_pin

      × `1.0rc1` is a development release; environment `prod` accepts stable ones only
        ╭─[tasks.kdl:8:13]
      7 │     manifest "prod/pyproject.toml"
      8 │     sources "tags" channel="stable"
        ·             ───┬──
        ·                ╰── accepts stable tags only
      9 │     pin "a" "v0.1.2.dev0"
     10 │     pin "b" rev="0000000000000000000000000000000000000000" version="1.0rc1"
        ·                                                                    ────┬───
        ·                                                                        ╰── not stable
     11 │ }
        ╰────
      help: pin a stable release such as "b-v1.0", or write channel="dev"
    "#);
}

#[test]
fn idle_pin() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
package "a" path="a" git="https://h/a.git"
package "b" path="b" git="https://h/b.git" tag="b-v{version}"
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags" channel="stable"
    packages "b"
    pin "a" "v1"
    pin "b" "b-v1"
}
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::idle_pin

      × package `a` does not take part in environment `prod`
        ╭─[tasks.kdl:10:5]
      9 │     packages "b"
     10 │     pin "a" "v1"
        ·     ──────┬─────
        ·           ╰── pins nothing
     11 │     pin "b" "b-v1"
        ╰────
      help: delete the pin, or add it to the environment's `packages`
    "#);
}

#[test]
fn missing_pin() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
package "a" path="a" git="https://h/a.git"
package "b" path="b" git="https://h/b.git" tag="b-v{version}"
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags" channel="stable"
    pin "a" "v1"
}
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::missing_pin

      × environment `prod` has no pin for package `b`
       ╭─[tasks.kdl:5:9]
     4 │ package "a" path="a" git="https://h/a.git"
     5 │ package "b" path="b" git="https://h/b.git" tag="b-v{version}"
       ·         ─┬─
       ·          ╰── takes part
     6 │ environment "prod" {
       ·             ───┬──
       ·                ╰── no pin in here
     7 │     manifest "prod/pyproject.toml"
       ╰────
      help: add `pin "b" "b-v…"` to environment `prod`
    "#);
}

#[test]
fn pin_in_workspace() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
package "a" path="a" git="https://h/a.git"
package "b" path="b" git="https://h/b.git" tag="b-v{version}"
environment "dev" { manifest "pyproject.toml"; pin "a" "v1" }
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::pin_in_workspace

      × environment `dev` uses the working tree and has no pins
       ╭─[tasks.kdl:6:48]
     5 │ package "b" path="b" git="https://h/b.git" tag="b-v{version}"
     6 │ environment "dev" { manifest "pyproject.toml"; pin "a" "v1" }
       ·                                                ──────┬─────
       ·                                                      ╰── has no effect
       ╰────
      help: delete the pin, or write `sources "tags" channel="dev"`
    "#);
}

#[test]
fn invalid_rev() {
    assert_snapshot!(seen(r#"project "p" {
    requires-python ">=3.10"
}
package "a" path="a" git="https://h/a.git"
package "b" path="b" git="https://h/b.git" tag="b-v{version}"
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags" channel="stable"
    pin "a" rev="abc123" version="1.0"
    pin "b" "b-v1"
}
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::invalid_rev

      × `abc123` is no commit
        ╭─[tasks.kdl:9:17]
      8 │     sources "tags" channel="stable"
      9 │     pin "a" rev="abc123" version="1.0"
        ·                 ────┬───
        ·                     ╰── not 40 hexadecimal digits
     10 │     pin "b" "b-v1"
        ╰────
      help: write all 40 hexadecimal digits: git rev-parse HEAD
    "#);
}

#[test]
fn invalid_url() {
    assert_snapshot!(seen(r#"package "a" git="ext::sh -c id"
package "b" git="git+https://h/b.git"
index "c" url="ftp://h/simple"
"#), @r#"
      × tasks.kdl has 3 mistakes

    Error: envloom::model::invalid_url

      × `ext::sh -c id` cannot be used as a remote: it holds a blank, a quote or an invisible
      │ character
       ╭─[tasks.kdl:1:17]
     1 │ package "a" git="ext::sh -c id"
       ·                 ───────┬───────
       ·                        ╰── refused
     2 │ package "b" git="git+https://h/b.git"
       ╰────
      help: write https://host/path.git, ssh://git@host/path.git or git@host:path.git

    Error: envloom::model::invalid_url

      × `git+https://h/b.git` cannot be used as a remote: `git+` is uv's way to write it
       ╭─[tasks.kdl:2:17]
     1 │ package "a" git="ext::sh -c id"
     2 │ package "b" git="git+https://h/b.git"
       ·                 ──────────┬──────────
       ·                           ╰── refused
     3 │ index "c" url="ftp://h/simple"
       ╰────
      help: leave `git+` out

    Error: envloom::model::invalid_url

      × `ftp://h/simple` cannot be used as an index: its scheme is not used here
       ╭─[tasks.kdl:3:15]
     2 │ package "b" git="git+https://h/b.git"
     3 │ index "c" url="ftp://h/simple"
       ·               ────────┬───────
       ·                       ╰── refused
       ╰────
      help: write https://host/simple, or a directory in the repository
    "#);
}

#[test]
fn insecure_url() {
    assert_snapshot!(seen(r#"package "a" git="http://h/a.git"
index "b" url="http://localhost:8000/simple"
index "c" url="http://10.0.0.1/simple"
"#), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::model::insecure_url

      × `http://h/a.git` is not encrypted
       ╭─[tasks.kdl:1:17]
     1 │ package "a" git="http://h/a.git"
       ·                 ────────┬───────
       ·                         ╰── anyone on the way can change what comes back
     2 │ index "b" url="http://localhost:8000/simple"
       ╰────
      help: write https://; plain http is for this machine only

    Error: envloom::model::insecure_url

      × `http://10.0.0.1/simple` is not encrypted
       ╭─[tasks.kdl:3:15]
     2 │ index "b" url="http://localhost:8000/simple"
     3 │ index "c" url="http://10.0.0.1/simple"
       ·               ────────────┬───────────
       ·                           ╰── anyone on the way can change what comes back
       ╰────
      help: write https://; plain http is for this machine only
    "#);
}

/// Three places where people leave a password.
const WITH_CREDENTIALS: &str = r#"package "a" git="https://user:hunter2@h/a.git"
index "c" url="https://token-abc@h/simple"
project "p" { dependencies "x @ https://u:secret@h/x.whl" }
"#;

#[test]
fn credentials() {
    assert_snapshot!(seen(WITH_CREDENTIALS), @r#"
      × tasks.kdl has 3 mistakes

    Error: envloom::model::credentials

      × a remote holds credentials
       ╭─[tasks.kdl:1:17]
     1 │ package "a" git="https://************@h/a.git"
       ·                 ───────────────┬──────────────
       ·                                ╰── everybody who can read this file can use them
     2 │ index "c" url="https://*********@h/simple"
       ╰────
      help: delete what stands before the `@`; use a keyring, netrc, UV_INDEX_<NAME>_USERNAME or git's
            credential helper, and revoke what was committed

    Error: envloom::model::credentials

      × an index holds credentials
       ╭─[tasks.kdl:2:15]
     1 │ package "a" git="https://************@h/a.git"
     2 │ index "c" url="https://*********@h/simple"
       ·               ──────────────┬─────────────
       ·                             ╰── everybody who can read this file can use them
     3 │ project "p" { dependencies "x @ https://********@h/x.whl" }
       ╰────
      help: delete what stands before the `@`; use a keyring, netrc, UV_INDEX_<NAME>_USERNAME or git's
            credential helper, and revoke what was committed

    Error: envloom::model::credentials

      × the URL of a requirement holds credentials
       ╭─[tasks.kdl:3:28]
     2 │ index "c" url="https://*********@h/simple"
     3 │ project "p" { dependencies "x @ https://********@h/x.whl" }
       ·                            ───────────────┬──────────────
       ·                                           ╰── everybody who can read this file can use them
       ╰────
      help: delete what stands before the `@`; use a keyring, netrc, UV_INDEX_<NAME>_USERNAME or git's
            credential helper, and revoke what was committed
    "#);
}
