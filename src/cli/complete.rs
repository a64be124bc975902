//! Completion: scripts for three shells, all of which ask envloom itself, and the answer.
//!
//! A script passes the words typed so far; the last one is being typed. The answer is one candidate a line. It must be
//! quick and must never print an error: a repository that cannot be read simply has no targets.

use std::ffi::OsString;
use std::io::{self, Write as _};

use super::args::{Arguments, VERBS};
use super::call::Call;
use super::exit;
use super::surroundings::Process;
use crate::graph::candidates;

const BASH: &str = r#"_envloom() {
    local IFS=$'\n' word="${COMP_WORDS[*]:1:COMP_CWORD}"
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    # Bash breaks words at `:` and `=`; join them to what was typed.
    local typed="${COMP_LINE:0:COMP_POINT}"
    typed="${typed##* }"
    COMPREPLY=($(envloom __complete -- "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
    local prefix="${typed%"${typed##*[:=]}"}"
    COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
}
complete -F _envloom envloom
"#;

const ZSH: &str = r#"#compdef envloom
_envloom() {
    local -a found
    found=("${(@f)$(envloom __complete -- "${LBUFFER}" 2>/dev/null)}")
    compadd -Q -- $found
}
compdef _envloom envloom
"#;

const FISH: &str = r"complete -c envloom -f -a '(envloom __complete -- (commandline -cp) 2>/dev/null)'
";

/// The script for a shell; `None`: an unknown one.
pub(super) fn script(shell: &str) -> Option<&'static str> {
    match shell {
        "bash" => Some(BASH),
        "zsh" => Some(ZSH),
        "fish" => Some(FISH),
        _ => None,
    }
}

/// Answers a shell: `words` are `--` and the line up to the cursor.
pub(super) fn answer(process: &Process, words: &[OsString]) -> u8 {
    let line = words.last().map(|line| line.to_string_lossy().into_owned()).unwrap_or_default();
    let typed: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).skip(1).collect();
    let current = if line.ends_with(' ') { "" } else { typed.last().copied().unwrap_or_default() };
    let before = if current.is_empty() { typed.as_slice() } else { &typed[..typed.len().saturating_sub(1)] };
    let text: String = found(process, before, current).into_iter().map(|word| word + "\n").collect();
    // A shell that has gone away wants no answer.
    let _ = io::stdout().write_all(text.as_bytes());
    exit::DONE
}

/// The candidates that begin with `current`.
fn found(process: &Process, before: &[&str], current: &str) -> Vec<String> {
    let verb = before.iter().find(|word| !word.starts_with('-')).copied();
    let mut words: Vec<String> = if current.starts_with('-') {
        options()
    } else if verb == Some("completions") {
        ["bash", "zsh", "fish"].map(str::to_owned).to_vec()
    } else {
        let targets = targets(process, before);
        match verb {
            Some("use" | "run" | "env") => cells_of(&targets),
            Some("list" | "help" | "version") => Vec::new(),
            Some(_) => targets,
            None => VERBS.iter().map(|(name, ..)| (*name).to_owned()).chain(targets).collect(),
        }
    };
    words.retain(|word| word.starts_with(current));
    words
}

/// Every long option, and every short one.
fn options() -> Vec<String> {
    let table = Arguments::table();
    let long = table.get_arguments().filter_map(|option| option.get_long()).map(|name| format!("--{name}"));
    let short = table.get_arguments().filter_map(clap::Arg::get_short).map(|letter| format!("-{letter}"));
    long.chain(short).collect()
}

/// The targets of the repository that the options typed so far lead to.
fn targets(process: &Process, before: &[&str]) -> Vec<String> {
    let options = before.iter().take_while(|word| **word != "--").map(OsString::from);
    let Ok(arguments) = Arguments::read(options) else { return Vec::new() };
    match Call::read(process, &arguments) {
        Ok(call) => candidates(&call.model, call.local.as_ref()),
        Err(_) => Vec::new(),
    }
}

/// `ENV` and `ENV@CELL`, from the targets of sync.
fn cells_of(targets: &[String]) -> Vec<String> {
    targets.iter().filter_map(|target| target.strip_prefix("sync:")).map(str::to_owned).collect()
}
