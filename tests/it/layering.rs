//! Rooms import downwards only. The numbers are those of `src/lib.rs`.

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

/// The rooms that a source text names after `crate::`, in imports or in passing; doc links do not count, and
/// neither do tests, which may look upwards for their input.
fn named_rooms(text: &str) -> Vec<String> {
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text);
    code.lines()
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
