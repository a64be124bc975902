//! `diff`: what differs between two environments, two cells, or an environment then and now. It writes nothing.
//!
//! What differs is the ledger's to say ([`difference`]); here the two sides are read, from the working tree or from
//! a commit, and the answer is printed. Exit code 1 says that there is a difference, where `--exit-code` asks.

mod error;
mod json;
mod markdown;
mod side;
mod text;

use std::collections::BTreeSet;

pub(super) use json::json;
pub(super) use side::Reading;
pub(super) use text::body;

use text::text;

use super::affected;
use super::args::{Arguments, Format};
use super::call::Call;
use super::error::CliError;
use super::exit;
use super::load::Stop;
use super::output::Output;
use super::surroundings::Process;
use crate::graph::{AskDriver, Subject, subjects};
use crate::ledger::difference;
use crate::tool::git::Git;

/// `diff A B`, or `diff A --since REF`.
///
/// # Errors
/// When the words do not say what to compare, or a side cannot be read.
pub(super) fn diff(
    process: &Process,
    arguments: &Arguments,
    words: &[String],
    output: &Output,
) -> Result<u8, Stop> {
    let format = format(arguments, output)?;
    let call = Call::read(process, arguments)?;
    let [from, to] = sides(&call, words, output)?;
    let internal: BTreeSet<String> = from.internal.union(&to.internal).cloned().collect();
    let root = &call.place.root;
    let difference = difference(&internal, &from.side(&call.model, root), &to.side(&call.model, root));
    let labels = (from.label.as_str(), to.label.as_str());
    let printed = match format {
        Format::Json => {
            let mut answer = json(&difference);
            answer["from"] = from.json();
            answer["to"] = to.json();
            Output::answer(&answer)
        }
        Format::Markdown => Output::data(&markdown::markdown(labels, &difference)),
        _ => Output::data(&text(labels, &difference)),
    };
    let differs = arguments.exit_code && !difference.is_empty();
    Ok(if differs && printed == exit::DONE { exit::FAILED } else { printed })
}

/// How the answer is to look.
fn format(arguments: &Arguments, output: &Output) -> Result<Format, CliError> {
    let format = arguments.format.unwrap_or(if output.is_json() { Format::Json } else { Format::Text });
    match format {
        Format::Text | Format::Markdown | Format::Json => Ok(format),
        Format::Dot | Format::Mermaid | Format::Svg => {
            let option = "--format dot, mermaid or svg";
            Err(CliError::OptionWithoutUse { option, belongs_to: "`graph`" })
        }
    }
}

/// Both sides, read.
fn sides(call: &Call<'_>, words: &[String], output: &Output) -> Result<[Reading; 2], Stop> {
    let ask = || call.driver();
    let typed = call.cell_words("diff ", words, AskDriver(&ask));
    if !typed.assignments.is_empty() {
        return Err(wrong("takes no VAR=VALUE; write the cell: dev@cpu").into());
    }
    let (subjects, notes) = subjects(&call.model, call.local.as_ref(), &typed)?;
    notes.autos.iter().for_each(|auto| output.say(auto));
    let since = call.arguments.since.as_deref();
    match (subjects.as_slice(), since) {
        ([one, other], None) if one.cell.is_some() == other.cell.is_some() => {
            Ok([Reading::now(call, one)?, Reading::now(call, other)?])
        }
        ([_, _], None) => Err(wrong("compares two environments or two cells, not one with the other").into()),
        ([one], Some(since)) => since_then(call, one, since),
        _ => Err(wrong("takes two environments or two cells, or one and --since").into()),
    }
}

/// An environment or a cell at `REF` and now, or at both ends of `REF..REF`.
fn since_then(call: &Call<'_>, subject: &Subject, since: &str) -> Result<[Reading; 2], Stop> {
    let git = Git::find(&call.process.surroundings, &call.place.root)?;
    let then = |revision: &str| -> Result<Reading, Stop> {
        let commit = affected::named(&git, call, revision)?;
        Reading::then(call, subject, &git, (&commit, revision))
    };
    // No name of a branch, tag or commit holds two dots.
    match since.split_once("..") {
        Some((first, last)) => Ok([then(first)?, then(last)?]),
        None => Ok([then(since)?, Reading::now(call, subject)?]),
    }
}

fn wrong(problem: &str) -> CliError {
    CliError::VerbWords {
        verb: "diff".to_owned(),
        problem: problem.to_owned(),
        usage: "envloom diff A B` or `envloom diff A --since REF".to_owned(),
    }
}
