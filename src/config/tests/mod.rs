//! The language as a user meets it: the whole example, every error, hostile texts.

mod text;
mod words;

use proptest::prelude::*;

use super::prescan::prescan;
use super::*;
use crate::base::SourceFile;
use crate::base::testing::{properties, rendered};

/// What a user sees of a wrong `tasks.kdl`.
fn seen(text: &str) -> String {
    rendered(&parse(&SourceFile::new("tasks.kdl", text)).unwrap_err())
}

/// The example of the README, less what later versions add.
const EXAMPLE: &str = include_str!("example.kdl");

#[test]
fn the_example_says_what_it_says() {
    let config = parse(&SourceFile::new("tasks.kdl", EXAMPLE)).map_err(|error| rendered(&error)).unwrap();
    assert_eq!(config.packages.len(), 3);
    assert_eq!(config.environments.len(), 3);
    assert_eq!(config.variants[0].variants.len(), 3);
    let (foreign, from_index) = &config.variants[0].variants[1].dependencies[0];
    assert_eq!((foreign.items[0].value.as_str(), *from_index), ("flash-attn", false));
    let span = config.packages[1].git.as_ref().unwrap().span;
    let written = &EXAMPLE[span.offset()..span.offset() + span.len()];
    assert_eq!(written, "\"https://github.com/VLMHyperBenchTeam/hello_world.git\"");
    let pin = &config.environments[2].pins[0];
    assert_eq!(
        &EXAMPLE[pin.span.offset()..pin.span.offset() + pin.span.len()],
        "pin \"bench-utils\" \"v0.1.2\""
    );
}

#[test]
fn what_was_stored_says_what_was_parsed() {
    let tasks = include_str!("../../../examples/vlm-hyperbench/tasks.kdl");
    for text in [EXAMPLE, tasks, "", "task t private=#true { shell \"a | b\"; retries 2; env A }"] {
        let source = SourceFile::new("tasks.kdl", text);
        let parsed = parse(&source).map_err(|error| rendered(&error)).unwrap();
        let stored: Config = postcard::from_bytes(&postcard::to_stdvec(&parsed).unwrap()).unwrap();
        assert_eq!(format!("{:?}", Config { source, ..stored }), format!("{parsed:?}"));
    }
}

#[test]
fn a_bare_version_stays_as_it_is_written() {
    let text = "uv 0.13\nproject \"p\" { python 3.10; version 1_0 }\n";
    let config = parse(&SourceFile::new("tasks.kdl", text)).unwrap();
    let settings = config.project.unwrap().settings;
    assert_eq!(settings.python.unwrap().value, "3.10");
    assert_eq!(settings.version.unwrap().value, "1_0");
    assert_eq!(config.uv.unwrap().version.value, "0.13");
}

#[test]
fn kdl_in_all_its_forms_is_read() {
    let text = "\u{feff}/- project \"hidden\" { zebra }\n/* a /* b */ * / */ project \\ // on\n \"p\" /- 5 { // c\r\n    description #\"a \\ b\"#;\n    extra \"x\" \\\n        \"a\" /-\"b\" \"c\"\n} /-{ x }\ntask t { run sh -c \"\"\"\n    one\n\n      two\n    \"\"\" \"\" ##\"a\"#\"##; }";
    let config = parse(&SourceFile::new("tasks.kdl", text)).map_err(|error| rendered(&error)).unwrap();
    let project = config.project.unwrap();
    assert_eq!(project.name.value, "p");
    assert_eq!(project.settings.description.unwrap().value, "a \\ b");
    let extra: Vec<String> =
        project.settings.extras[0].requirements.items.iter().map(ToString::to_string).collect();
    assert_eq!(extra, ["a", "c"]);
    let StepNode::Run(run) = &config.tasks[0].common.steps[0] else { panic!("it runs a program") };
    let argv: Vec<String> = run.argv.iter().map(ToString::to_string).collect();
    assert_eq!(argv, ["sh", "-c", "one\n\n  two", "", "a\"#"]);
}

#[test]
fn hostile_texts_are_refused_and_never_abort() {
    let megabyte = MAX_BYTES - 8;
    let mut texts = vec![
        "\0".repeat(1000),
        format!("project \"{}\"", "x".repeat(megabyte)),
        "#".repeat(100_000),
        format!("x {}\"a\"{}", "#".repeat(100_000), "#".repeat(100_000)),
        "x\r".repeat(1000),
        "\u{feff}\u{feff}x".to_owned(),
        format!("/*{}*/ x", "*".repeat(megabyte)),
        "a /-{ ".repeat(16) + &"}".repeat(16),
        "a b)".repeat(50_000),
        "a \"b\"c=".repeat(50_000),
        "(".repeat(10_000),
    ];
    for depth in [65, 1_000, 50_000] {
        for opening in [
            "x {", "x {\n", "{", "/-", "a /-{\n", "/-a {\n", "/*", "/* \n", "}", ")", "= ", "a=", "\"", "'",
            ";",
        ] {
            texts.push(opening.repeat(depth.min(megabyte / opening.len())));
        }
    }
    for text in texts {
        assert!(
            parse(&SourceFile::new("tasks.kdl", text.as_str())).is_err(),
            "{}",
            &text[..text.len().min(40)]
        );
    }
}

#[test]
fn the_deepest_text_that_is_parsed_fits_the_stack() {
    for opening in ["x {", "x /-{} {", "x 1 /* */ {\n"] {
        let text = opening.repeat(64) + &"}".repeat(64);
        assert!(prescan(&text).parseable, "{opening}");
        assert!(parse(&SourceFile::new("tasks.kdl", text)).is_err());
    }
}

#[test]
fn every_code_is_listed_and_has_a_snapshot() {
    let codes: Vec<&str> = include_str!("../error.rs")
        .split("code(")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    let listed: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, listed);
    let snapshots = concat!(include_str!("text.rs"), include_str!("words.rs"));
    for code in codes {
        assert!(snapshots.contains(&format!("{code}\n")), "{code} has no snapshot");
    }
}

#[test]
fn the_reference_names_every_node() {
    let reference = reference();
    for word in ["`pin \"bench-utils\" \"v0.1.2\"` | `environment`", "`from-index`", "`venvs", "`matrix {"] {
        assert!(reference.contains(word), "{word}");
    }
}

/// Pieces of KDL, and of what is not.
const PIECES: &[&str] = &[
    "a",
    "project",
    "x",
    " ",
    " ",
    "\n",
    "\r\n",
    "\r",
    "{",
    "}",
    ";",
    "=",
    "\"",
    "\"b\"",
    "\"\"\"",
    "\"\"\"\n",
    "#",
    "##",
    "#\"",
    "\"#",
    "#true",
    "true",
    "/-",
    "//",
    "/*",
    "*/",
    "\\",
    "\\n",
    "\\u{41}",
    "(",
    ")",
    "[",
    "]",
    ",",
    "1",
    "1.",
    "0x",
    "3.10",
    "0.1.2",
    "-",
    "+",
    ".",
    "1e5",
    "_",
    "'",
    "'q'",
    ">",
    "==",
    "r",
    "r\"",
    "é",
    "\u{202e}",
    "\u{feff}",
    "\u{a0}",
    "\t",
    "\0",
    "\u{2028}",
    "https://",
    "/",
    "<",
    "#inf",
    "nan",
    "task \"t\" {",
    "run ",
    "\u{85}",
    "\u{b}",
];

fn piece() -> impl Strategy<Value = String> {
    prop::sample::select(PIECES).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(properties(200))]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let _ = parse(&SourceFile::new("tasks.kdl", text.as_str()));
        let _ = parse_local(&SourceFile::new("tasks.local.kdl", text.as_str()));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_bytes("tasks.kdl", bytes).and_then(|source| parse(&source).map(|_| ()));
    }

    #[test]
    fn what_the_pre_scan_lets_through_the_parser_takes(pieces in prop::collection::vec(piece(), 0..30)) {
        let text = pieces.concat();
        let scan = prescan(&text);
        if scan.parseable {
            prop_assert_eq!(scan.text.len(), text.len());
            prop_assert!(kdl::KdlDocument::parse_v2(&scan.text).is_ok(), "{:?}", scan.text);
        } else {
            prop_assert!(!scan.findings.is_empty());
        }
        if let Err(error) = parse(&SourceFile::new("tasks.kdl", text.as_str())) {
            rendered(&error);
        }
    }

    #[test]
    fn a_mutated_example_is_read_or_refused(at in 0..EXAMPLE.len(), length in 0..20_usize, with in piece()) {
        let (mut start, mut end) = (at, (at + length).min(EXAMPLE.len()));
        while !EXAMPLE.is_char_boundary(start) { start -= 1; }
        while !EXAMPLE.is_char_boundary(end) { end += 1; }
        let text = format!("{}{with}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
        let scan = prescan(&text);
        prop_assert!(!scan.parseable || kdl::KdlDocument::parse_v2(&scan.text).is_ok(), "{}", scan.text);
        if let Err(error) = parse(&SourceFile::new("tasks.kdl", text.as_str())) {
            rendered(&error);
        }
    }
}
