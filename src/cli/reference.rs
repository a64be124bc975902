//! The reference part of the README, made from the tables that parse: the words of `tasks.kdl` and the codes of errors.

use std::fmt::Write as _;

use super::codes::CODES;
use super::doctor;
use crate::{config, exec, graph, ledger, manifest, model, plan, tool};

/// Where the generated part of the README begins and ends.
pub(super) const MARKS: (&str, &str) = ("<!-- reference: begin -->", "<!-- reference: end -->");

/// Codes that are notices: they stop nothing.
const NOTICES: &[(&str, &str)] = &[
    ("envloom::cache::inputs_moved", "what a task reads changed while it ran, so nothing is remembered"),
    (
        "envloom::cache::lockfile_restored",
        "a lock was cut off; its former lockfile is back, and what stood there since is kept",
    ),
    (
        "envloom::cache::not_kept",
        "an output is nothing that the store can keep; the task runs again next time",
    ),
    ("envloom::cache::not_restored", "an output could not be put back from the store; the task runs instead"),
    ("envloom::cache::not_written", "the cache could not be written; the next run costs more"),
    ("envloom::cache::output_missing", "a task succeeded and did not make an output that it declares"),
    (
        "envloom::cache::shortage",
        "a task met the end of the disk, the memory or the like; nothing of it is kept",
    ),
    ("envloom::cli::affected", "how many tasks `--since` or `--affected` left, and since which commit"),
    ("envloom::cli::changed", "with `watch --json`: what the run that begins is for"),
    (
        "envloom::cli::cut_off",
        "an earlier call was cut off while it changed tracked files; what became of that",
    ),
    ("envloom::exec::finally_failed", "a `finally` failed, and something before it had failed already"),
    ("envloom::exec::jobserver", "slots are not shared with make as they could be"),
    ("envloom::exec::leaked", "a process outlived its task"),
    ("envloom::exec::no_load", "this system tells no load average, so `-l` limits nothing"),
    ("envloom::exec::retried", "a task failed and is tried again"),
    ("envloom::exec::service_stop", "something failed while a service was stopped"),
    ("envloom::graph::auto", "which variant `auto` chose, and why"),
    ("envloom::graph::left_out", "`*` left out cells that do not exist for this platform"),
    ("envloom::ledger::not_asked", "`--offline`: `verify` asked no remote; how old what it knows is"),
    (
        "envloom::manifest::foreign_entry",
        "someone wrote an entry beside envloom's; other environments lack it",
    ),
    ("envloom::tool::variable_dropped", "a variable of the caller does not reach children (`-v`)"),
    ("envloom::tool::variables_withheld", "variables of the caller that own tasks do not name (`-v`)"),
];

/// Every table of codes.
fn tables() -> [&'static [(&'static str, &'static str)]; 17] {
    [
        CODES,
        doctor::CODES,
        super::promote::CODES,
        super::add::CODES,
        super::fetch::CODES,
        super::resolve::CODES,
        config::CODES,
        model::CODES,
        ledger::CODES,
        manifest::CODES,
        graph::CODES,
        plan::CODES,
        plan::REFUSAL_CODES,
        exec::CODES,
        exec::MEANS_CODES,
        tool::CODES,
        &[("envloom::base::file", "a file could not be read, written or removed")],
    ]
}

/// The text between the marks.
pub(super) fn reference() -> String {
    let mut text = format!(
        "{}\n\n### Words of the configuration\n\n{}\n### Error codes\n\n",
        MARKS.0,
        config::reference()
    );
    let mut codes: Vec<(&str, &str)> = tables().into_iter().flatten().copied().collect();
    codes.sort_unstable();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{} codes. Each message says where, and what to type next.\n", codes.len());
    table(&mut text, &codes);
    text.push_str("\n### Notices\n\n");
    table(&mut text, NOTICES);
    text.push_str("\n### Variables of own tasks\n\n| passed on | for |\n| --- | --- |\n");
    for (purpose, names) in tool::variables::OWN_TASKS {
        let names: Vec<String> = names.split_whitespace().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(text, "| {} | {purpose} |", names.join(" "));
    }
    let _ = writeln!(text, "\n{}", MARKS.1);
    text
}

fn table(text: &mut String, rows: &[(&str, &str)]) {
    text.push_str("| code | means |\n| --- | --- |\n");
    for (code, meaning) in rows {
        let _ = writeln!(text, "| `{code}` | {meaning} |");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// Every `envloom::room::code` in the sources, tests aside.
    fn used(directory: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("tests") {
                    used(&path, found);
                }
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            for rest in code.split("code(envloom::").skip(1) {
                found.insert(format!("envloom::{}", rest.split(')').next().unwrap()));
            }
        }
    }

    #[test]
    fn every_code_of_the_sources_is_in_the_reference_once() {
        let mut found = BTreeSet::new();
        used(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        let codes: Vec<&str> = tables().into_iter().flatten().map(|(code, _)| *code).collect();
        let listed: BTreeSet<String> = codes.iter().map(|code| (*code).to_owned()).collect();
        assert_eq!(listed.len(), codes.len(), "a code is listed twice");
        assert_eq!(found, listed);
    }

    #[test]
    fn the_readme_has_the_reference_as_it_is() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let readme = fs::read_to_string(&path).unwrap();
        let (begin, end) = (readme.find(MARKS.0).unwrap(), readme.find(MARKS.1).unwrap() + MARKS.1.len() + 1);
        assert_eq!(
            readme[begin..end],
            reference(),
            "replace the part between the marks by the output of `cargo run -- __reference`"
        );
    }
}
