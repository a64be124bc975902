//! Every code of the reference is seen in a snapshot: a message that nobody has looked at is not finished.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::Monorepo;

/// Codes that no test can bring about without breaking the machine it runs on, or envloom itself. Each with why.
const UNSEEN: &[(&str, &str)] = &[];

/// The text of inline snapshots: raw and plain strings behind an `@`.
fn inline_snapshots(source: &str) -> String {
    let mut snapshots = String::new();
    for (at, _) in source.match_indices("@r") {
        let rest = &source[at + 2..];
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let Some(body) = rest[hashes..].strip_prefix('"') else { continue };
        snapshots.push_str(body.split_once(&end).map_or("", |(text, _)| text));
        snapshots.push('\n');
    }
    for (at, _) in source.match_indices("@\"") {
        let body = &source[at + 2..];
        snapshots.push_str(body.split_once('"').map_or("", |(text, _)| text));
        snapshots.push('\n');
    }
    snapshots
}

/// Everything that snapshots under a directory hold.
fn snapshots(directory: &Path, found: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            snapshots(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("snap") => found.push_str(&text),
            Some("rs") => found.push_str(&inline_snapshots(&text)),
            _ => {}
        }
    }
}

/// The codes of the reference, notices aside.
fn codes(reference: &str) -> BTreeSet<&str> {
    let errors = reference.split("### Error codes").nth(1).unwrap().split("### Notices").next().unwrap();
    errors
        .lines()
        .filter_map(|line| line.strip_prefix("| `envloom::"))
        .map(|row| row.split('`').next().unwrap())
        .collect()
}

#[test]
fn every_code_has_a_snapshot() {
    let reference = Monorepo::new().run("__reference").text();
    let codes = codes(&reference);
    assert!(codes.len() > 100, "the reference lists {} codes", codes.len());
    let mut seen = String::new();
    for directory in ["src", "tests"] {
        snapshots(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory), &mut seen);
    }
    // A code ends where no further letter follows: `tool::io` is not seen in `tool::iota`.
    let has = |code: &str| {
        let whole = format!("envloom::{code}");
        seen.match_indices(&whole).any(|(at, _)| {
            !seen[at + whole.len()..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
        })
    };
    let excused: BTreeSet<&str> = UNSEEN.iter().map(|(code, _)| *code).collect();
    let unseen: Vec<&str> =
        codes.iter().copied().filter(|code| !has(code) && !excused.contains(code)).collect();
    assert!(unseen.is_empty(), "{} of {} codes have no snapshot: {unseen:#?}", unseen.len(), codes.len());
    let needless: Vec<&str> = excused.into_iter().filter(|code| has(code) || !codes.contains(code)).collect();
    assert!(needless.is_empty(), "these are seen, or are no codes: {needless:?}");
}
