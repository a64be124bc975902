//! Rooms import downwards only, and no file grows long. The numbers of the rooms are those of `src/lib.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room and its layer, lowest first.
const ROOMS: &[(&str, u8)] = &[
    ("base", 0),
    ("tool", 1),
    ("config", 1),
    ("model", 2),
    ("ledger", 3),
    ("manifest", 3),
    ("graph", 4),
    ("cache", 5),
    ("import", 5),
    ("plan", 6),
    ("event", 7),
    ("exec", 8),
    ("report", 8),
    ("cli", 9),
];

/// A room may use its neighbour on the same layer only where the design says that data goes that way.
const NEIGHBOURS: &[(&str, &str)] = &[("manifest", "ledger")];

/// So many lines a file has at most before its tests; one of tests, or one with them, has at most [`WITH_TESTS`].
const BEFORE_TESTS: usize = 400;
const WITH_TESTS: usize = 800;

fn layer(room: &str) -> u8 {
    let found = ROOMS.iter().find(|(name, _)| *name == room);
    found.unwrap_or_else(|| panic!("the room `{room}` has no layer: add it to ROOMS and to src/lib.rs")).1
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A source text before the module of tests that it ends with.
fn before_tests(text: &str) -> &str {
    let modules = text.match_indices("\n#[cfg(test)]\nmod ");
    let body = |at: usize| text[at..].lines().nth(2).is_some_and(|line| line.ends_with('{'));
    modules.map(|(at, _)| at).find(|at| body(*at)).map_or(text, |at| &text[..=at])
}

/// Does a `mod` line under `#[cfg(test)]` lead to a source, or to a directory it lies in?
fn is_for_tests(src: &Path, path: &Path) -> bool {
    path.ancestors().take_while(|place| *place != src).any(|place| {
        let Some((parent, name)) = place.parent().zip(place.file_stem()) else { return false };
        let line = format!("#[cfg(test)]\nmod {};", name.display());
        let declares = |file: PathBuf| fs::read_to_string(file).is_ok_and(|text| text.contains(&line));
        declares(parent.join("mod.rs")) || declares(parent.with_extension("rs"))
    })
}

/// The files below `root` that are too long, one line each.
fn long_files(root: &Path, are_tests: bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources(root) {
        let text = fs::read_to_string(&path).unwrap();
        let only_tests = are_tests || is_for_tests(root, &path);
        let before = if only_tests { 0 } else { before_tests(&text).lines().count() };
        let whole = text.lines().count();
        if before > BEFORE_TESTS || whole > WITH_TESTS {
            let relative = path.strip_prefix(root).unwrap();
            found.push(format!("{}: {before} lines before its tests, {whole} in all", relative.display()));
        }
    }
    found
}

/// The rooms that a source text names after `crate::`, in imports or in passing; doc links do not count, and
/// neither do tests, which may look upwards for their input.
fn named_rooms(text: &str) -> Vec<String> {
    before_tests(text)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .filter_map(|rest| {
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            (!name.is_empty()).then_some(name)
        })
        .collect()
}

/// Upward or sideways imports of the sources below `src`, one line each.
fn violations(src: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources(src) {
        let relative = path.strip_prefix(src).unwrap();
        let room =
            relative.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if matches!(room, "lib" | "main")
            || relative.ends_with("testing.rs")
            || relative.ends_with("tests.rs")
        {
            continue;
        }
        for named in named_rooms(&fs::read_to_string(&path).unwrap()) {
            let down = named == room || layer(&named) < layer(room) || NEIGHBOURS.contains(&(room, &named));
            if !down {
                found.push(format!(
                    "{}: `{room}` (layer {}) uses `{named}` (layer {})",
                    relative.display(),
                    layer(room),
                    layer(&named)
                ));
            }
        }
    }
    found
}

#[test]
fn rooms_import_downwards_only() {
    let found = violations(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_upward_import_is_found() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("report")).unwrap();
    fs::write(root.path().join("report/mod.rs"), "//! crate::exec is fine here\nuse crate::exec::Plan;\n")
        .unwrap();
    assert_eq!(violations(root.path()), ["report/mod.rs: `report` (layer 8) uses `exec` (layer 8)"]);
}

#[test]
fn every_room_of_the_source_has_a_layer() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(&src).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let room = name.trim_end_matches(".rs");
        if !matches!(room, "lib" | "main") {
            layer(room);
        }
    }
}

#[test]
fn no_file_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = long_files(&root.join("src"), false);
    found.extend(long_files(&root.join("tests"), true));
    assert!(found.is_empty(), "split by what they are about:\n{}", found.join("\n"));
}

#[test]
fn a_long_file_is_found_and_its_tests_do_not_count() {
    let root = tempfile::tempdir().unwrap();
    let (long, tests) = ("//\n".repeat(401), "\n#[cfg(test)]\nmod tests {\n");
    let write = |name: &str, text: String| fs::write(root.path().join(name), text).unwrap();
    write("mod.rs", "#[cfg(test)]\nmod laws;\nmod long;\nmod tested;\n".to_owned());
    write("laws.rs", long.clone());
    write("long.rs", format!("#[cfg(test)]\nmod tests;\n{long}"));
    write("tested.rs", format!("use x;\n{tests}{long}}}\n"));
    write("whole.rs", format!("use x;\n{tests}{long}{long}}}\n"));
    let expected =
        ["long.rs: 403 lines before its tests, 403 in all", "whole.rs: 2 lines before its tests, 807 in all"];
    assert_eq!(long_files(root.path(), false), expected);
}
