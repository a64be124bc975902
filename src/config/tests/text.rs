//! How mistakes of the text look, before any word is known.

use insta::assert_snapshot;

use super::*;

#[test]
fn of_a_merge_that_is_not_settled_nothing_else_is_said() {
    let text = "uv \"0.13.9\"\n<<<<<<< HEAD\nfoo\n=======\nbar {\n>>>>>>> other\n";
    assert_snapshot!(seen(text), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::conflict

      × a merge left conflict markers in this file
       ╭─[tasks.kdl:2:1]
     1 │ uv "0.13.9"
     2 │ <<<<<<< HEAD
       · ──────┬─────
       ·       ╰── the first one
     3 │ foo
       ╰────
      help: take the lines that are to stay, and the markers out; then type `envloom resolve`: it
            settles manifests, lockfiles and envloom.lock
    "#);
    // Markers are no mistake where a text holds them.
    let held = "project \"x\" { description \"\"\"\n<<<<<<< HEAD\n\"\"\"\n}\n";
    assert!(parse(&SourceFile::new("tasks.kdl", held)).is_ok());
}

#[test]
fn too_large() {
    assert_snapshot!(seen(&"x".repeat(MAX_BYTES + 1)), @r"
      × tasks.kdl has 1 mistake

    Error: envloom::config::too_large

      × the file has 1048577 bytes; at most 1048576 are read
      help: remove what does not belong in this file
    ");
    assert_eq!(rendered(&ConfigError::too_large("tasks.kdl", 1_048_577)), seen(&"x".repeat(MAX_BYTES + 1)));
}

#[test]
fn not_utf8() {
    let bytes = b"project \"caf\xe9\"".to_vec();
    assert_snapshot!(rendered(&from_bytes("tasks.kdl", bytes).unwrap_err()), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::not_utf8

      × the file is not UTF-8
       ╭─[tasks.kdl:1:13]
     1 │ project "caf�"
       ·             ┬
       ·             ╰── the first byte that is not
       ╰────
      help: save it as UTF-8
    "#);
}

#[test]
fn line_too_long() {
    let finding =
        parse(&SourceFile::new("tasks.kdl", "x ".repeat(9000))).unwrap_err().findings()[0].to_string();
    assert_snapshot!(finding, @"the line has 18000 bytes; at most 16384 are read");
    assert_snapshot!(seen(&format!("{}default", " ".repeat(16400))).replace(&" ".repeat(80), ""), @r"
      × tasks.kdl has 1 mistake

    Error: envloom::config::line_too_long

      × the line has 16407 bytes; at most 16384 are read
       ╭─[tasks.kdl:1:1]
     1 │ default
       · ────────────────────────────────────────┬───────────────────────────────────────
       ·                                         ╰── this line
       ╰────
      help: break it with a `\` at the end of the line, or write the node several times
    ");
}

#[test]
fn syntax() {
    // The pre-scan leaves nothing known to the parser; the finding is for what a later parser may refuse.
    let finding = ConfigFinding::Syntax {
        message: "no closing '}'".to_owned(),
        help: "close it".to_owned(),
        span: (0, 1).into(),
    };
    let error = ConfigError::new(&SourceFile::new("tasks.kdl", "x {"), vec![finding]);
    assert_snapshot!(rendered(&error), @r"
      × tasks.kdl has 1 mistake

    Error: envloom::config::syntax

      × not KDL: no closing '}'
       ╭─[tasks.kdl:1:1]
     1 │ x {
       · ┬
       · ╰── here
       ╰────
      help: close it
    ");
}

#[test]
fn too_many_nodes() {
    assert_snapshot!(seen(&"a;\n".repeat(200_000)), @r"
      × tasks.kdl has 1 mistake

    Error: envloom::config::too_many_nodes

      × the file has more than 50000 nodes
           ╭─[tasks.kdl:50001:1]
     50000 │ a;
     50001 │ a;
           · ┬
           · ╰── one too many
     50002 │ a;
           ╰────
      help: remove what does not belong in this file
    ");
    // As many as there may be are read, blocks and arguments not counted.
    let most = "a 1 {b}\n".repeat(25_000);
    assert!(crate::config::prescan::prescan(&most).findings.is_empty());
}

#[test]
fn too_deep() {
    assert_snapshot!(seen(&"x {\n".repeat(65)), @r"
      × tasks.kdl has 1 mistake

    Error: envloom::config::too_deep

      × blocks are nested more than 64 deep
        ╭─[tasks.kdl:65:3]
     64 │ x {
     65 │ x {
        ·   ┬
        ·   ╰── one too many
        ╰────
      help: no node of this file needs more than 3 levels of `{`
    ");
}

#[test]
fn invisible_character() {
    assert_snapshot!(seen("task \"a\" { run \"b\" } // \u{202e}x\rproject \"p\""), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::config::invisible_character

      × the invisible character U+202E stands here
       ╭─[tasks.kdl:1:25]
     1 │ task "a" { run "b" } // �x?project "p"
       ·                         ┬
       ·                         ╰── it can make a text look like another one
       ╰────
      help: delete it

    Error: envloom::config::invisible_character

      × the invisible character U+000D stands here
       ╭─[tasks.kdl:1:29]
     1 │ task "a" { run "b" } // �x?project "p"
       ·                           ┬
       ·                           ╰── it can make a text look like another one
       ╰────
      help: end lines with a line feed
    "#);
}

#[test]
fn escape_of_an_invisible_character() {
    assert_snapshot!(seen("task \"a\" { description \"\\u{1b}[2J\"; run \"b\" }"), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::invisible_character

      × the invisible character U+001B stands here
       ╭─[tasks.kdl:1:24]
     1 │ task "a" { description "\u{1b}[2J"; run "b" }
       ·                        ─────┬─────
       ·                             ╰── it can make a text look like another one
       ╰────
      help: delete the escape
    "#);
}

#[test]
fn unclosed() {
    assert_snapshot!(seen("project \"p\" {\n    description \"open\n"), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::unclosed

      × the string is not closed
       ╭─[tasks.kdl:2:17]
     1 │ project "p" {
     2 │     description "open
       ·                 ┬
       ·                 ╰── opened here
       ╰────
      help: close it on the same line, or write it between """ lines
    "#);
}

#[test]
fn unclosed_comment() {
    assert_snapshot!(seen("/* never"), @r"
      × tasks.kdl has 1 mistake

    Error: envloom::config::unclosed

      × the comment is not closed
       ╭─[tasks.kdl:1:1]
     1 │ /* never
       · ─┬
       ·  ╰── opened here
       ╰────
      help: write `*/` where the comment ends
    ");
}

#[test]
fn unopened() {
    assert_snapshot!(seen("default \"x\"\n}\n"), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::unopened

      × this `}` closes nothing
       ╭─[tasks.kdl:2:1]
     1 │ default "x"
     2 │ }
       · ┬
       · ╰── no `{` is open here
       ╰────
      help: delete it, or add the missing `{` above
    "#);
}

#[test]
fn indentation() {
    assert_snapshot!(seen("task \"a\" {\n    run \"sh\" \"-c\" \"\"\"\n  one\n    \"\"\"\n}\n"), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::indentation

      × this line of a multi-line string is indented less than its closing quotes
       ╭─[tasks.kdl:3:1]
     2 │     run "sh" "-c" """
     3 │   one
       · ──┬──
       ·   ╰── indented less
     4 │     """
       ╰────
      help: indent every line at least as far as the closing quotes, which stand on a line of their
            own
    "#);
}

#[test]
fn escape() {
    assert_snapshot!(seen("package \"a\" path=\"packages\\a\""), @r##"
      × tasks.kdl has 1 mistake

    Error: envloom::config::escape

      × `\a` is no escape
       ╭─[tasks.kdl:1:27]
     1 │ package "a" path="packages\a"
       ·                           ─┬
       ·                            ╰── not known
       ╰────
      help: write `\\` for a backslash, or a raw string: #"…"#
    "##);
}

#[test]
fn unexpected() {
    assert_snapshot!(seen("version = \"1\"\nproject \"p\" {\n    dependencies [\"a\", \"b\"]\n}\n# comment\n"), @r#"
      × tasks.kdl has 6 mistakes

    Error: envloom::config::misplaced

      × `version` may not stand at the top of the file
       ╭─[tasks.kdl:1:1]
     1 │ version = "1"
       · ───┬───
       ·    ╰── not here
     2 │ project "p" {
       ╰────
      help: move it into `project`

    Error: envloom::config::unexpected

      × unexpected `=`
       ╭─[tasks.kdl:1:9]
     1 │ version = "1"
       ·         ┬
       ·         ╰── not expected here
     2 │ project "p" {
       ╰────
      help: leave it out: a node's name is followed by its values

    Error: envloom::config::unexpected

      × unexpected `[`
       ╭─[tasks.kdl:3:18]
     2 │ project "p" {
     3 │     dependencies ["a", "b"]
       ·                  ┬
       ·                  ╰── not expected here
     4 │ }
       ╰────
      help: arguments stand side by side: dependencies "a" "b"

    Error: envloom::config::unexpected

      × unexpected `,`
       ╭─[tasks.kdl:3:22]
     2 │ project "p" {
     3 │     dependencies ["a", "b"]
       ·                      ┬
       ·                      ╰── not expected here
     4 │ }
       ╰────
      help: values are separated by blanks

    Error: envloom::config::unexpected

      × unexpected `]`
       ╭─[tasks.kdl:3:27]
     2 │ project "p" {
     3 │     dependencies ["a", "b"]
       ·                           ┬
       ·                           ╰── not expected here
     4 │ }
       ╰────
      help: arguments stand side by side: dependencies "a" "b"

    Error: envloom::config::unexpected

      × unexpected `#`
       ╭─[tasks.kdl:5:1]
     4 │ }
     5 │ # comment
       · ┬
       · ╰── not expected here
       ╰────
      help: a comment starts with `//`
    "#);
}

#[test]
fn missing_space() {
    assert_snapshot!(seen("package \"a\"path=\"b\""), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::missing_space

      × a blank is missing between two values
       ╭─[tasks.kdl:1:12]
     1 │ package "a"path="b"
       ·            ──┬─
       ·              ╰── starts without one
       ╰────
      help: put a blank or a new line before this
    "#);
}

#[test]
fn keyword() {
    assert_snapshot!(seen("index \"a\" url=\"https://x.org/simple\" explicit=true default=#yes"), @r#"
      × tasks.kdl has 2 mistakes

    Error: envloom::config::keyword

      × `true` is no value of KDL 2
       ╭─[tasks.kdl:1:47]
     1 │ index "a" url="https://x.org/simple" explicit=true default=#yes
       ·                                               ──┬─
       ·                                                 ╰── not a value
       ╰────
      help: write #true, or "true" for the text

    Error: envloom::config::keyword

      × `#yes` is no value of KDL 2
       ╭─[tasks.kdl:1:60]
     1 │ index "a" url="https://x.org/simple" explicit=true default=#yes
       ·                                                            ──┬─
       ·                                                              ╰── not a value
       ╰────
      help: KDL knows #true, #false and #null; text needs quotes
    "#);
}

#[test]
fn number() {
    assert_snapshot!(seen("project \"p\" { version 0.1.2 }"), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::number

      × `0.1.2` is no number
       ╭─[tasks.kdl:1:23]
     1 │ project "p" { version 0.1.2 }
       ·                       ──┬──
       ·                         ╰── starts like a number
       ╰────
      help: versions are text: write "0.1.2"
    "#);
}

#[test]
fn unquoted() {
    assert_snapshot!(seen("project 'p' {\n    requires-python >=3.10, !=3.11.*\n    dependencies torch==2.1 a[b]\n}\nindex x url=https://x.org/simple\n"), @r#"
      × tasks.kdl has 5 mistakes

    Error: envloom::config::unquoted

      × `'p'` needs quotes
       ╭─[tasks.kdl:1:9]
     1 │ project 'p' {
       ·         ─┬─
       ·          ╰── KDL reads this as something else
     2 │     requires-python >=3.10, !=3.11.*
       ╰────
      help: write "p"

    Error: envloom::config::unquoted

      × `>=3.10, !=3.11.*` needs quotes
       ╭─[tasks.kdl:2:21]
     1 │ project 'p' {
     2 │     requires-python >=3.10, !=3.11.*
       ·                     ────────┬───────
       ·                             ╰── KDL reads this as something else
     3 │     dependencies torch==2.1 a[b]
       ╰────
      help: write ">=3.10, !=3.11.*"

    Error: envloom::config::unquoted

      × `torch==2.1` needs quotes
       ╭─[tasks.kdl:3:18]
     2 │     requires-python >=3.10, !=3.11.*
     3 │     dependencies torch==2.1 a[b]
       ·                  ─────┬────
       ·                       ╰── KDL reads this as something else
     4 │ }
       ╰────
      help: write "torch==2.1"

    Error: envloom::config::unquoted

      × `a[b]` needs quotes
       ╭─[tasks.kdl:3:29]
     2 │     requires-python >=3.10, !=3.11.*
     3 │     dependencies torch==2.1 a[b]
       ·                             ──┬─
       ·                               ╰── KDL reads this as something else
     4 │ }
       ╰────
      help: write "a[b]"

    Error: envloom::config::unquoted

      × `https://x.org/simple` needs quotes
       ╭─[tasks.kdl:5:13]
     4 │ }
     5 │ index x url=https://x.org/simple
       ·             ──────────┬─────────
       ·                       ╰── KDL reads this as something else
       ╰────
      help: write "https://x.org/simple"
    "#);
}

#[test]
fn raw_string() {
    assert_snapshot!(seen("project r\"p\""), @r##"
      × tasks.kdl has 1 mistake

    Error: envloom::config::raw_string

      × `r"…"` is a raw string of KDL 1
       ╭─[tasks.kdl:1:9]
     1 │ project r"p"
       ·         ┬
       ·         ╰── KDL 2 has no `r`
       ╰────
      help: write #"…"#
    "##);
}

#[test]
fn type_annotation() {
    assert_snapshot!(seen("project (u8)\"p\""), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::config::type_annotation

      × a type annotation has no meaning here
       ╭─[tasks.kdl:1:9]
     1 │ project (u8)"p"
       ·         ──┬─
       ·           ╰── not used by envloom
       ╰────
      help: delete `(u8)`
    "#);
}
