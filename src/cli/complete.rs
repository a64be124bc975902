//! Completion: scripts for three shells, all of which ask envloom itself, and the answer.
//!
//! A script passes the words before the cursor, the program's name not among them; the last one is being typed and
//! may be empty. The answer is one candidate a line. It must be quick and must never print an error: a repository
//! that cannot be read simply has no targets. Where there is no candidate the shell completes file names.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write as _};

use clap::{Arg, ArgAction, Command};

use super::args::Arguments;
use super::call::Call;
use super::exit;
use super::habits::{is_optional, may_take};
use super::surroundings::Process;
use super::vocabulary::VERBS;
use crate::base::read_if_exists;
use crate::graph::candidates;
use crate::model::{Axis, Environment, Group, Kept, Model};
use crate::tool::git::Git;

/// readline replaces only what stands after the last of `COMP_WORDBREAKS`, which targets are full of. So the words
/// are taken from the line itself, and what readline keeps is taken off the candidates. An `@` it replaces as well.
const BASH: &str = r#"_envloom() {
    local line=${COMP_LINE:0:COMP_POINT} breaks= kept= each
    line=${line#*"$1"}
    local word=${line##*[[:space:]]} words
    IFS=$' \t\n' read -r -a words <<< "${line%"$word"}"
    for each in : = @; do
        if [[ $COMP_WORDBREAKS == *"$each"* ]]; then breaks+=$each; fi
    done
    if [[ -n $breaks ]]; then kept=${word%"${word##*[$breaks]}"}; kept=${kept%@}; fi
    COMPREPLY=()
    while IFS= read -r each; do
        COMPREPLY+=("${each#"$kept"}")
    done < <("$1" __complete -- "${words[@]}" "$word" 2>/dev/null)
}
complete -o bashdefault -o default -F _envloom envloom
"#;

const ZSH: &str = r#"#compdef envloom
_envloom() {
    local -a found
    found=("${(@f)$($words[1] __complete -- "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    found=("${(@)found:#}")
    if (( $#found )); then compadd -- "${(@)found}"; else _files; fi
}
if [[ $funcstack[1] == _envloom ]]; then _envloom "$@"; else compdef _envloom envloom; fi
"#;

const FISH: &str = r#"function __envloom_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    $words[1] __complete -- $words[2..] "$word" 2>/dev/null
end
complete -c envloom -f -a '(__envloom_complete)'
complete -c envloom -s C -l directory -r -F
complete -c envloom -s f -l file -r -F
complete -c envloom -n 'contains -- -- (commandline -opc)' -F
"#;

/// The script for a shell; `None`: an unknown one.
pub(super) fn script(shell: &str) -> Option<&'static str> {
    match shell {
        "bash" => Some(BASH),
        "zsh" => Some(ZSH),
        "fish" => Some(FISH),
        _ => None,
    }
}

/// Answers a shell: `words` are `--` and the words up to the cursor.
pub(super) fn answer(process: &Process, words: &[OsString]) -> u8 {
    let words: Vec<String> = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let (current, before) = words.split_last().map_or(("", &[][..]), |(last, rest)| (last.as_str(), rest));
    let text: String = found(process, before, current).into_iter().map(|word| word + "\n").collect();
    // A shell that has gone away wants no answer.
    let _ = io::stdout().write_all(text.as_bytes());
    exit::DONE
}

/// The candidates that begin with `current`.
fn found(process: &Process, before: &[String], current: &str) -> Vec<String> {
    if before.iter().any(|word| word == "--") {
        return Vec::new();
    }
    let table = Arguments::table();
    // A value may stand in the option's own word.
    let (option, current) = match current.split_once('=') {
        Some((option, value)) if option.starts_with("--") => (Some(option), value),
        _ => (None, current),
    };
    let (mut words, prefix) = match (option, Typed::of(&table, before)) {
        (Some(word), Typed::Words(_)) => {
            let wanted = wanted(&table, word).map(|option| values(process, before, &option));
            (wanted.unwrap_or_default(), format!("{word}="))
        }
        (_, Typed::ValueOf(option)) => {
            // Without its value the option could not be read.
            (values(process, &before[..before.len() - 1], &option), String::new())
        }
        (None, Typed::Words(_)) if current.starts_with('-') => (options(&table), String::new()),
        (None, Typed::Words(typed)) => (plain(process, before, &typed, current), String::new()),
    };
    words.retain(|word| word.starts_with(current));
    words.into_iter().map(|word| prefix.clone() + &word).collect()
}

/// What stands before the cursor.
enum Typed<'a> {
    /// An option that wants a value.
    ValueOf(Box<Arg>),
    /// Words that are neither options nor their values.
    Words(Vec<&'a str>),
}

impl<'a> Typed<'a> {
    fn of(table: &Command, before: &'a [String]) -> Self {
        let mut words = Vec::new();
        let mut rest = before.iter().peekable();
        while let Some(word) = rest.next() {
            if !word.starts_with('-') {
                words.push(word.as_str());
                continue;
            }
            if is_optional(word) {
                let _ = rest.next_if(|next| may_take(word, next));
                continue;
            }
            let Some(option) = wanted(table, word) else { continue };
            if rest.next().is_none() {
                return Self::ValueOf(Box::new(option));
            }
        }
        Self::Words(words)
    }
}

/// The option that takes what follows the word for its value; `None`: it takes none, or has it.
fn wanted(table: &Command, word: &str) -> Option<Arg> {
    let option = table.get_arguments().find(|option| match word.strip_prefix("--") {
        Some(long) => {
            let aliases = option.get_all_aliases().unwrap_or_default();
            option.get_long() == Some(long) || aliases.contains(&long)
        }
        None => option.get_short().is_some_and(|short| word.ends_with(short)),
    })?;
    matches!(option.get_action(), ArgAction::Set | ArgAction::Append).then(|| option.clone())
}

/// The values of an option: those of a list, or what the repository has.
fn values(process: &Process, before: &[String], option: &Arg) -> Vec<String> {
    match option.get_long() {
        Some("since") => revisions(process),
        Some("package" | "allow-untested" | "accept-moved") => packages(process, before),
        Some("environment") => written(process, before),
        Some("upgrade-package") => asked(process, before, |call| locked(call, before)),
        Some("group") => asked(process, before, |call| of_written(&call.model, |one| &one.groups)),
        Some("extra") => asked(process, before, |call| of_written(&call.model, |one| &one.settings.extras)),
        Some("variant") => asked(process, before, |call| {
            let of_axis = |axis: &Axis| {
                let variants = axis.variants.iter().map(|variant| variant.name.value.clone());
                variants.chain([axis.name.value.clone()]).collect::<Vec<_>>()
            };
            call.model.axes.iter().flat_map(of_axis).collect()
        }),
        _ => option.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect(),
    }
}

/// The groups or extras of the environments that `tasks.kdl` describes, each once.
fn of_written(model: &Model, groups: impl Fn(&Environment) -> &[Group]) -> Vec<String> {
    let written = model.environments.iter().filter(|one| one.kept == Kept::Generated);
    let names = written.flat_map(|one| groups(one).iter().map(|group| group.name.value.clone()));
    names.collect::<BTreeSet<String>>().into_iter().collect()
}

/// The packages in the lockfiles of the targets typed so far, or in all lockfiles. They are only looked through: to parse
/// them takes too long for somebody who waits for a key.
fn locked(call: &Call<'_>, before: &[String]) -> Vec<String> {
    let is_typed = |one: &&Environment| {
        before.iter().any(|word| word.split_once(':').is_some_and(|(_, name)| name == one.name.value))
    };
    let all = &call.model.environments;
    let is_any = all.iter().any(|one| is_typed(&one));
    let mut names = BTreeSet::new();
    for environment in all.iter().filter(|one| !is_any || is_typed(one)) {
        // One that is not there, or is no text, has no names.
        let text = read_if_exists(&environment.lockfile().under(&call.place.root)).ok().flatten();
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let mut lines = text.lines();
        while lines.any(|line| line == "[[package]]") {
            let name = lines.next().and_then(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
            names.extend(name.map(str::to_owned));
        }
    }
    names.into_iter().collect()
}

/// Every long option, and every short one.
fn options(table: &Command) -> Vec<String> {
    let long = table.get_arguments().filter_map(clap::Arg::get_long).map(|name| format!("--{name}"));
    let short = table.get_arguments().filter_map(clap::Arg::get_short).map(|letter| format!("-{letter}"));
    long.chain(short).chain(["--version".to_owned()]).collect()
}

/// Verbs, targets and cells.
fn plain(process: &Process, before: &[String], typed: &[&str], current: &str) -> Vec<String> {
    match typed {
        ["cache"] => ["dir", "size", "prune", "clean"].map(str::to_owned).to_vec(),
        ["completions"] => ["bash", "zsh", "fish"].map(str::to_owned).to_vec(),
        ["add" | "remove"] => vec!["package".to_owned()],
        ["pin", _] | ["fetch", ..] | ["remove", "package"] => packages(process, before),
        ["export"] => ["make", "pre-commit"].map(str::to_owned).to_vec(),
        ["export", "pre-commit", ..]
        | ["import" | "init" | "list" | "doctor" | "resolve" | "man" | "help" | "version", ..]
        | [
            "absorb" | "add" | "cache" | "completions" | "eject" | "env" | "remove" | "run" | "task" | "use",
            _,
            ..,
        ]
        | ["diff" | "pin" | "promote", _, _, ..] => Vec::new(),
        ["absorb" | "eject" | "pin" | "promote"] | ["promote", _] => written(process, before),
        ["use" | "run" | "env"] => cells_of(&targets(process, before)),
        ["outdated", ..] => environments(&targets(process, before)),
        ["diff"] | ["diff", _] => subjects(&targets(process, before)),
        [] => {
            let verbs = VERBS.iter().map(|(name, ..)| (*name).to_owned());
            verbs.chain(without_environment(targets(process, before), current)).collect()
        }
        _ => without_environment(targets(process, before), current),
    }
}

/// The environments whose manifests envloom writes.
fn written(process: &Process, before: &[String]) -> Vec<String> {
    let prefix = |target: &String| target.strip_prefix("generate:").map(str::to_owned);
    targets(process, before).iter().filter_map(prefix).collect()
}

/// The internal packages.
fn packages(process: &Process, before: &[String]) -> Vec<String> {
    asked(process, before, |call| {
        call.model.packages.iter().map(|package| package.name.value.to_string()).collect()
    })
}

/// The targets of the repository.
fn targets(process: &Process, before: &[String]) -> Vec<String> {
    asked(process, before, |call| candidates(&call.model, call.local.as_ref()))
}

/// What the repository has that the options typed so far lead to; nothing where it cannot be read.
fn asked(process: &Process, before: &[String], what: impl FnOnce(&Call<'_>) -> Vec<String>) -> Vec<String> {
    let Ok(arguments) = Arguments::read(before.iter().map(OsString::from)) else { return Vec::new() };
    Call::read(process, &arguments).map_or_else(|_| Vec::new(), |call| what(&call))
}

/// Branches and tags of the repository that the current directory is in.
fn revisions(process: &Process) -> Vec<String> {
    let here = &process.surroundings.cwd;
    let git = Git::find(&process.surroundings, here);
    git.and_then(|git| git.revisions(here)).unwrap_or_default()
}

/// `ENV` and `ENV@CELL`, from the targets of sync.
fn cells_of(targets: &[String]) -> Vec<String> {
    targets.iter().filter_map(|target| target.strip_prefix("sync:")).map(str::to_owned).collect()
}

/// Every environment, and every cell.
fn subjects(targets: &[String]) -> Vec<String> {
    let cells = cells_of(targets).into_iter().filter(|cell| cell.contains('@'));
    environments(targets).into_iter().chain(cells).collect()
}

/// Every environment.
fn environments(targets: &[String]) -> Vec<String> {
    targets.iter().filter_map(|target| target.strip_prefix("lock:")).map(str::to_owned).collect()
}

/// Where `sync@…` is typed, also the targets without their environment.
fn without_environment(mut targets: Vec<String>, current: &str) -> Vec<String> {
    if current.starts_with("sync@") {
        let cells = targets.iter().filter_map(|target| target.strip_prefix("sync:")?.split_once('@'));
        let mut short: Vec<String> = cells.map(|(_, cell)| format!("sync@{cell}")).collect();
        short.sort_unstable();
        short.dedup();
        targets.extend(short);
    }
    targets
}
