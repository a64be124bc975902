//! Make's habits on the command line, in words that clap takes.
//!
//! clap would take the target after a lone `-j` for its value, as after `-l` and `-O`: an option whose value may be
//! missing gets it in the same word here. `-j` and `-l` take the next word only where it is a value, `-O` never
//! does, as with make; each may end a cluster (`-kj4`, `-kO`).

use std::ffi::OsString;
use std::iter::Peekable;

use super::args::{parse_jobs, parse_load};

/// Letters of options without a value.
const FLAGS: &str = "knBsvqihVt";

/// Options whose value may be missing.
#[derive(Clone, Copy)]
enum Optional {
    Jobs,
    Load,
    OutputSync,
}

impl Optional {
    fn of_letter(letter: char) -> Option<Self> {
        match letter {
            'j' => Some(Self::Jobs),
            'l' => Some(Self::Load),
            'O' => Some(Self::OutputSync),
            _ => None,
        }
    }

    fn of_name(word: &str) -> Option<Self> {
        match word {
            "--jobs" => Some(Self::Jobs),
            "--load-average" | "--max-load" => Some(Self::Load),
            "--output-sync" => Some(Self::OutputSync),
            _ => None,
        }
    }

    /// Its name, and what its absence of a value means.
    fn lone(self) -> (&'static str, &'static str) {
        match self {
            Self::Jobs => ("--jobs=", "unlimited"),
            Self::Load => ("--load-average=", "none"),
            Self::OutputSync => ("--output-sync=", "target"),
        }
    }

    /// May the next word be its value?
    fn takes(self, next: &OsString) -> bool {
        next.to_str().is_some_and(|next| match self {
            Self::Jobs => parse_jobs(next).is_ok(),
            Self::Load => parse_load(next).is_ok(),
            Self::OutputSync => false,
        })
    }
}

/// Gives every option whose value may be missing its value in the same word.
pub(super) fn normalise(words: Vec<OsString>) -> Vec<OsString> {
    let mut out = Vec::with_capacity(words.len());
    let mut rest = words.into_iter().peekable();
    while let Some(word) = rest.next() {
        if word == "--" {
            out.push(word);
            out.extend(rest);
            break;
        }
        let Some(found) = word.to_str().and_then(find) else {
            out.push(word);
            continue;
        };
        if !found.flags.is_empty() {
            out.push(format!("-{}", found.flags).into());
        }
        out.push(with_value(found.option, found.value, &mut rest));
    }
    out
}

/// An option whose value may be missing, in a word.
struct Found<'a> {
    /// The letters before it.
    flags: &'a str,
    option: Optional,
    /// The rest of the word; empty: no value there.
    value: &'a str,
}

/// Such an option, if the word holds one. Not `-fj`, which names a file.
fn find(word: &str) -> Option<Found<'_>> {
    if let Some(option) = Optional::of_name(word) {
        return Some(Found { flags: "", option, value: "" });
    }
    let cluster = word.strip_prefix('-').filter(|cluster| !cluster.starts_with('-'))?;
    let (at, letter) = cluster.char_indices().find(|(_, letter)| !FLAGS.contains(*letter))?;
    let option = Optional::of_letter(letter)?;
    let value = &cluster[at + 1..];
    Some(Found { flags: &cluster[..at], option, value: value.strip_prefix('=').unwrap_or(value) })
}

fn with_value(
    option: Optional,
    value: &str,
    rest: &mut Peekable<impl Iterator<Item = OsString>>,
) -> OsString {
    let (name, lone) = option.lone();
    let mut word = OsString::from(name);
    if value.is_empty() {
        word.push(rest.next_if(|next| option.takes(next)).unwrap_or_else(|| lone.into()));
    } else {
        word.push(value);
    }
    word
}

/// May the word after this one be the value of an option that can do without? For completion.
pub(super) fn may_take(word: &str, next: &str) -> bool {
    find(word).is_some_and(|found| found.value.is_empty() && found.option.takes(&next.into()))
}

/// Does the word end in an option that can do without a value?
pub(super) fn is_optional(word: &str) -> bool {
    find(word).is_some()
}
