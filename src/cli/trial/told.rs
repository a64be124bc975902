//! What a trial that passed would change, told to a reader and to a program.

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::hunk::hunk;
use super::super::output::Output;
use super::Passed;
use crate::base::{RelPath, SourceFile, printable};
use crate::cache::FileChange;
use crate::ledger::{FILE_NAME, Lockfile, Move, moves};

impl Passed {
    /// Prints what changes: the lines of `tasks.kdl` and of manifests, the versions of lockfiles.
    pub(in crate::cli) fn print(&self) -> u8 {
        let mut text = String::new();
        for change in self.files.iter().filter(|change| change.path.as_str() != FILE_NAME) {
            let lines = match locked(change) {
                Some(moved) if is_lockfile(&change.path) => moved.iter().map(line).collect(),
                _ => hunk(&content(change.before.as_ref()), &content(change.after.as_ref())),
            };
            if !lines.is_empty() {
                text.extend([&printable(change.path.as_str()), "\n", &lines]);
            }
        }
        Output::data(&text)
    }

    /// The same as data, in the fields that all verbs have which try something.
    pub(in crate::cli) fn json(&self, call: &Call<'_>) -> Value {
        let locked = self.files.iter().filter(|change| is_lockfile(&change.path)).map(|change| {
            let moved = locked(change).unwrap_or_default();
            let one = |one: &Move| json!({ "package": one.name, "old": one.old, "new": one.new, "internal": one.internal });
            json!({ "lockfile": change.path.as_str(), "packages": moved.iter().map(one).collect::<Vec<_>>() })
        });
        json!({
            "files": self.files.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(),
            "locked": locked.collect::<Vec<_>>(),
            "written": !call.arguments.dry_run,
        })
    }

    /// The paths of all files, for a message.
    pub(in crate::cli) fn paths(&self) -> String {
        self.files.iter().map(|change| change.path.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn is_lockfile(path: &RelPath) -> bool {
    path.file_name() == "uv.lock"
}

/// What differs; `None`: one of the two is no lockfile.
fn locked(change: &FileChange) -> Option<Vec<Move>> {
    let read = |bytes: Option<&Vec<u8>>| match bytes {
        Some(_) => Lockfile::parse(&SourceFile::new(change.path.as_str(), content(bytes)), "").ok(),
        None => Some(Lockfile::default()),
    };
    Some(moves(&read(change.before.as_ref())?, &read(change.after.as_ref())?))
}

fn line(one: &Move) -> String {
    let name = printable(&one.name);
    let (old, new) = (one.old.join(", "), one.new.join(", "));
    match (one.old.is_empty(), one.new.is_empty()) {
        (true, _) => format!("+ {name} {}\n", printable(&new)),
        (_, true) => format!("- {name} {}\n", printable(&old)),
        _ => format!("~ {name} {} -> {}\n", printable(&old), printable(&new)),
    }
}

fn content(bytes: Option<&Vec<u8>>) -> String {
    String::from_utf8_lossy(bytes.map(Vec::as_slice).unwrap_or_default()).into_owned()
}
