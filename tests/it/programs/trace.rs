//! What a run looked at in the file system, as strace saw it.
//!
//! In: the words of a call. Out: for each uv that envloom started, its words and the paths it opened or asked for.
//! The children of uv (git, a package's build) are other programs and are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::Monorepo;

/// How a path was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// A file was opened to be read.
    Read,
    /// A directory was opened, as for a listing.
    Listed,
    /// Nothing was there.
    Missed,
}

/// One uv: its words, and what it looked at.
#[derive(Debug)]
pub(super) struct Uv {
    pub(super) words: String,
    pub(super) looks: BTreeSet<(PathBuf, Look)>,
}

/// Runs envloom under strace.
///
/// # Panics
/// When strace is not there, or envloom fails.
#[track_caller]
pub(super) fn trace(repo: &Monorepo, words: &[&str]) -> Vec<Uv> {
    let found = repo.exec("sh", &["-c", "command -v strace"]);
    assert!(
        !found.stdout().is_empty(),
        "this test needs strace and this machine has none: install it, as with `apt-get install strace`"
    );
    let file = repo.root().join("strace.txt");
    let lead = ["-f", "-y", "-s", "4096", "-e", "trace=%file,%process", "-o", file.to_str().unwrap()];
    let arguments = [&lead, [env!("CARGO_BIN_EXE_envloom")].as_slice(), words].concat();
    repo.exec("strace", &arguments).success();
    read(&fs::read_to_string(&file).unwrap())
}

/// One line may be cut in two while another thread's is written: they are put together first.
fn calls(text: &str) -> Vec<(&str, String)> {
    let mut unfinished: BTreeMap<&str, &str> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let (process, rest) = line.split_once(' ').expect("strace -f begins each line with a process");
        let rest = rest.trim_start();
        if let Some(begin) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(process, begin);
        } else if rest.starts_with("<... ") {
            let end = rest.split_once(" resumed>").expect("what strace resumes it says so").1;
            let begin = unfinished.remove(process).expect("only what is unfinished is resumed");
            calls.push((process, format!("{begin}{end}")));
        } else {
            calls.push((process, rest.to_owned()));
        }
    }
    calls
}

fn read(text: &str) -> Vec<Uv> {
    let started = Regex::new(r#"^execve\("([^"]*)", \[(.*?)\].* = 0$"#).unwrap();
    let cloned = Regex::new(r"^v?(?:clone3?|fork)\(.* = (\d+)$").unwrap();
    let looked = Regex::new(
        r#"^(open|openat|statx|stat|lstat|newfstatat|access|faccessat2?)\((?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]*)"(.*?)\) = (\S+)"#,
    )
    .unwrap();
    let calls = calls(text);
    // A thread may be seen before the call that made it returns.
    let parent: BTreeMap<String, &str> = calls
        .iter()
        .filter_map(|(process, call)| Some((cloned.captures(call)?[1].to_owned(), *process)))
        .collect();
    // A process is what it became last; a thread is what made it.
    let mut programs: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found: Vec<Uv> = Vec::new();
    for (process, call) in &calls {
        if let Some(start) = started.captures(call) {
            programs.insert(process, found.len());
            let is_uv = start[1].ends_with("/uv");
            let words = if is_uv { start[2].replace("\", \"", " ").replace('"', "") } else { String::new() };
            found.push(Uv { words, looks: BTreeSet::new() });
        } else if let Some(look) = looked.captures(call) {
            let mut from = *process;
            while let (false, Some(made_by)) = (programs.contains_key(from), parent.get(from)) {
                from = made_by;
            }
            let program = &mut found[*programs.get(from).expect("strace saw every process begin")];
            let path = Path::new(look.get(2).map_or("", |directory| directory.as_str())).join(&look[3]);
            program.looks.extend(look_of(&look[1], &look[4], &look[5]).map(|look| (clean(&path), look)));
        }
    }
    found.retain(|uv| !uv.words.is_empty());
    found
}

/// What one call means; `None` where it only writes, or asks for what is there.
fn look_of(call: &str, arguments: &str, result: &str) -> Option<Look> {
    match result {
        "-1" if arguments.contains("O_CREAT") => None,
        "-1" => Some(Look::Missed),
        _ if !call.starts_with("open") || arguments.contains("O_WRONLY") || arguments.contains("O_CREAT") => {
            None
        }
        _ if arguments.contains("O_DIRECTORY") => Some(Look::Listed),
        _ => Some(Look::Read),
    }
}

/// Without the slash that uv puts after a file to ask for what a symlink leads to.
fn clean(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_across_cut_lines_threads_and_children() {
        let text = r#"1 execve("/b/envloom", ["envloom", "check"], 0x7 /* 2 vars */) = 0
1 openat(AT_FDCWD</r>, "tasks.kdl", O_RDONLY) = 3</r/tasks.kdl>
1 clone3({flags=CLONE_VM|CLONE_VFORK}, 88 <unfinished ...>
2 execve("/b/uv", ["/b/uv", "lock", "--check"], 0x7 /* 2 vars */ <unfinished ...>
1 <... clone3 resumed>) = 2
2 <... execve resumed>) = 0
2 clone3({flags=CLONE_THREAD} => {parent_tid=[3]}, 88) = 3
3 openat(AT_FDCWD</r>, "uv.lock", O_RDONLY|O_CLOEXEC <unfinished ...>
2 statx(AT_FDCWD</r>, "/r/uv.toml", AT_STATX_SYNC_AS_STAT, STATX_ALL, 0x7) = -1 ENOENT (No such file or directory)
3 <... openat resumed>) = 5</r/uv.lock>
3 openat(AT_FDCWD</r>, "/r/packages/", O_RDONLY|O_DIRECTORY) = 6</r/packages>
3 openat(AT_FDCWD</r>, "/r/new", O_RDWR|O_CREAT) = 7</r/new>
3 vfork() = 4
4 execve("/usr/bin/git", ["git", "fetch"], 0x7 /* 2 vars */) = 0
4 openat(AT_FDCWD</r>, "/r/.git/config", O_RDONLY) = 3</r/.git/config>
"#;
        let found = read(text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].words, "/b/uv lock --check");
        let expected =
            [("/r/packages", Look::Listed), ("/r/uv.lock", Look::Read), ("/r/uv.toml", Look::Missed)];
        assert_eq!(found[0].looks, expected.map(|(path, look)| (PathBuf::from(path), look)).into());
    }
}
