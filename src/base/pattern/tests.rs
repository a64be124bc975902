use super::*;
use globset::{GlobBuilder, GlobMatcher};
use proptest::prelude::*;

fn patterns(texts: &[&str]) -> Patterns {
    Patterns::parse(texts.iter().copied()).unwrap()
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

fn matched<'a>(texts: &[&str], paths: &[&'a str]) -> Vec<&'a str> {
    let patterns = patterns(texts);
    paths.iter().copied().filter(|text| patterns.matches(&path(text))).collect()
}

#[test]
fn the_table_of_the_header_holds() {
    let paths = ["src/a.py", "src/b/c.py", "src/b/d/e.py", "packages/x/src/a.py", "a.py", "srcs"];
    assert_eq!(matched(&["src/a.py"], &paths), ["src/a.py"]);
    assert_eq!(matched(&["src"], &paths), ["src/a.py", "src/b/c.py", "src/b/d/e.py"]);
    assert_eq!(matched(&["packages/*/src"], &paths), ["packages/x/src/a.py"]);
    assert_eq!(matched(&["src/*"], &paths), ["src/a.py"]);
    assert_eq!(matched(&["src/*/"], &paths), ["src/b/c.py", "src/b/d/e.py"]);
    assert_eq!(matched(&["**/*.py"], &paths), paths[..5]);
    assert_eq!(matched(&["src/**"], &paths), paths[..3]);
    assert_eq!(matched(&["src/**/*.py", "!**/d", "src/b/d/e.py"], &paths), paths[..3]);
    assert_eq!(matched(&["src/**/*.py", "!**/d"], &paths), paths[..2]);
    assert_eq!(matched(&["."], &paths), paths);
    assert_eq!(matched(&["!src"], &paths), [""; 0]);
    assert_eq!(matched(&["./src//b/"], &paths), ["src/b/c.py", "src/b/d/e.py"]);
}

#[test]
fn wildcards_stay_in_their_part() {
    let paths = ["a/b.c", "a/.b", "a/b/c", "a/xy", "a/[x]"];
    assert_eq!(matched(&["a/?"], &paths), [""; 0]);
    assert_eq!(matched(&["a/??"], &paths), ["a/.b", "a/xy"]);
    assert_eq!(matched(&["a/*b*"], &paths), ["a/b.c", "a/.b"]);
    assert_eq!(matched(&["a/[[]x]"], &paths), ["a/[x]"]);
    assert_eq!(matched(&["a/[!a-w]y"], &paths), ["a/xy"]);
    assert_eq!(matched(&["a/[]x-z]?"], &paths), ["a/xy"]);
    assert_eq!(matched(&["a/{b,c}"], &["a/b", "a/{b,c}"]), ["a/{b,c}"]);
}

#[test]
fn each_entry_that_is_wrong_is_named() {
    let refused = Patterns::parse([
        "ok", "", "!", "/x", "~x", "a/../b", "[a", "a[z-b]", "a**", ".git/x", "a\\b", "[a/b]",
    ])
    .unwrap_err();
    let said: Vec<String> = refused.iter().map(|wrong| format!("{} {}", wrong.entry, wrong.fault)).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    1 the pattern is empty
    2 the pattern is empty
    3 the path is absolute
    4 the path is absolute
    5 `..` has no place in a pattern
    6 a `[` is not closed; `[[]` is the character itself
    7 a range in `[…]` runs backwards
    8 `**` stands alone between slashes
    9 the path lies in a directory that belongs to git or to envloom
    10 the path contains a character that cannot be shown or shared
    11 a `[` is not closed; `[[]` is the character itself
    ");
}

#[test]
fn literals_are_told_from_patterns() {
    let patterns = patterns(&["a/b", "*.py", "!c", "d/", "e[[]f"]);
    let literals: Vec<&str> = patterns.literals().map(RelPath::as_str).collect();
    assert_eq!(literals, ["a/b", "d", "e[f"]);
    assert!(!patterns.is_empty() && self::patterns(&["!c"]).is_empty());
}

#[test]
fn a_directory_matches_itself_where_it_is_meant() {
    assert!(patterns(&["out/"]).matches_directory(&path("out")));
    assert!(!patterns(&["out/"]).matches(&path("out")));
    assert!(patterns(&["out"]).matches_directory(&path("out")));
    assert!(patterns(&["out/**"]).matches_directory(&path("out/empty")));
    assert!(!patterns(&["out/**"]).matches_directory(&path("out")));
    assert!(Patterns::below(&path("out")).matches(&path("out/x")));
    assert!(Patterns::below(&RelPath::root()).matches(&path("x")));
}

#[test]
fn directories_that_hold_nothing_are_passed_over() {
    let patterns = patterns(&["packages/*/src/**/*.py", "data", "!**/vendored/"]);
    for (directory, may) in [
        (".", true),
        ("packages", true),
        ("packages/x", true),
        ("packages/x/src/a/b", true),
        ("packages/x/docs", false),
        ("data/deep/down", true),
        ("tests", false),
        ("packages/x/src/vendored/y", false),
    ] {
        assert_eq!(patterns.may_hold(&path(directory)), may, "{directory}");
    }
}

#[test]
fn lists_that_can_share_a_file_overlap() {
    for (one, other, shared) in [
        (&["reports/dev.xml"][..], &["reports/dev.xml"][..], true),
        (&["reports/dev.xml"], &["reports/prod.xml"], false),
        (&["reports"], &["reports/dev.xml"], true),
        (&["reports/"], &["reports"], true),
        (&["reports/*.xml"], &["reports/*.json"], false),
        (&["reports/*.xml"], &["reports/d*"], true),
        (&["reports/*"], &["reports/a/b"], false),
        (&["src/**/*.py"], &["src/gen.py"], true),
        (&["src/**/*.py"], &["src/gen/**"], true),
        (&["**/a"], &["**/b"], true),
        (&["**/*.a"], &["**/*.b"], false),
        (&["src/**"], &["src"], true),
        (&["src/**"], &["tests/**"], false),
        (&["src/**", "!src/gen.py"], &["src/gen.py"], false),
        (&["src/**", "!src/gen/"], &["src/gen/x.py"], false),
        (&["src/**", "!src/gen"], &["src/gen/*.py"], true),
        (&["[a-c]x"], &["[b-d]x"], true),
        (&["[a-c]x"], &["[d-f]x"], false),
        (&["[!a-c]x"], &["[a-b]x"], false),
        (&["!a"], &["a"], false),
        (&["a"], &["."], true),
    ] {
        assert_eq!(patterns(one).overlaps(&patterns(other)), shared, "{one:?} {other:?}");
        assert_eq!(patterns(other).overlaps(&patterns(one)), shared, "{other:?} {one:?}");
    }
}

#[test]
fn many_stars_do_not_take_long() {
    let pattern = patterns(&[&"*a".repeat(100)]);
    assert!(!pattern.matches(&path(&"a".repeat(99))));
    assert!(!pattern.matches(&path(&format!("{}b", "a".repeat(250)))));
}

#[test]
fn comparing_patterns_of_many_stars_does_not_take_long() {
    let many = |end: &str| patterns(&[&format!("o/{}{end}", "*a".repeat(100))]);
    assert!(!many("b").overlaps(&many("c")) && many("b").overlaps(&many("*")));
    let deep = |end: &str| patterns(&[&format!("{}{end}", "**/a/".repeat(60))]);
    assert!(!deep("b?").overlaps(&deep("c?")) && deep("b?").overlaps(&deep("*")));
}

/// What globset says of one pattern, the meaning of directories aside.
fn oracle(pattern: &str) -> GlobMatcher {
    GlobBuilder::new(pattern).literal_separator(true).build().unwrap().compile_matcher()
}

fn texts() -> impl Strategy<Value = String> {
    prop::collection::vec("(\\*\\*|[ab?*]{1,3}|[ab]|\\[[ab]\\]|\\[!a\\])", 1..5)
        .prop_map(|parts| parts.join("/"))
        .prop_filter("two stars stand alone", |text| {
            text.split('/').all(|part| part == "**" || !part.contains("**"))
        })
}

fn paths() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab]{1,3}", 1..6).prop_map(|parts| parts.join("/"))
}

proptest! {
    #![proptest_config(crate::base::testing::properties(3000))]

    #[test]
    fn matches_are_those_of_globset(text in texts(), name in paths()) {
        let (own, parsed) = (oracle(&text), patterns(&[&text]));
        let last = text.rsplit('/').next().unwrap();
        let reaches = !last.contains(['*', '?']) && Part::parse(last).unwrap().literal().is_some();
        let ends: Vec<usize> = name.match_indices('/').map(|(at, _)| at).chain([name.len()]).collect();
        let expected = own.is_match(&name) || (reaches && ends.iter().any(|end| own.is_match(&name[..*end])));
        prop_assert_eq!(parsed.matches(&path(&name)), expected, "{} {}", text, name);
    }

    #[test]
    fn a_directory_above_a_match_may_hold_it(one in texts(), other in texts(), name in paths()) {
        for list in [vec![one.clone()], vec![one.clone(), format!("!{other}")], vec![format!("{one}/"), other]] {
            let list = patterns(&list.iter().map(String::as_str).collect::<Vec<_>>());
            if list.matches(&path(&name)) {
                let mut above = path(&name);
                while !above.is_root() {
                    above = above.parent();
                    prop_assert!(list.may_hold(&above), "{:?} {}", list, above);
                }
            }
        }
    }

    #[test]
    fn lists_that_share_a_path_overlap(one in texts(), other in texts(), without in texts(), name in paths()) {
        let one = patterns(&[&one, &format!("!{without}")]);
        let other = patterns(&[&other]);
        if one.matches(&path(&name)) && other.matches(&path(&name)) {
            prop_assert!(one.overlaps(&other) && other.overlaps(&one), "{:?} {:?} {}", one, other, name);
        }
    }

    #[test]
    fn a_literal_overlaps_only_what_matches_it(text in texts(), name in paths()) {
        let (pattern, literal) = (patterns(&[&text]), patterns(&[&name]));
        // The literal may be a directory: then anything below it counts.
        let below = format!("{name}/a");
        let reached = pattern.matches(&path(&name)) || pattern.matches(&path(&below)) || pattern.may_hold(&path(&name));
        prop_assert_eq!(pattern.overlaps(&literal), reached, "{} {}", text, name);
    }
}
