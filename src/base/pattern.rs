//! Patterns of paths: which files a task reads and which it writes.
//!
//! In: words as `tasks.kdl` has them. Out: answers about paths relative to the repository's root. It reads no file
//! and knows nothing of git.
//!
//! | pattern | matches |
//! | --- | --- |
//! | `src/a.py` | that file; if it is a directory, everything below it |
//! | `packages/*/src` | likewise, in each package |
//! | `src/*` | what lies in `src` itself, not deeper |
//! | `src/*/` | everything below the directories in `src` |
//! | `**/*.py` | at any depth, none included |
//! | `src/**` | everything below `src` |
//! | `!…` | takes out of what stood before; of all that match a path the last decides |
//!
//! `?` is one character, `[a-z]` and `[!a-z]` are classes, `\` is refused as in every path, `{` and `}` stand for
//! themselves: braces belong to the names in `tasks.kdl`. No wildcard passes a `/` but `**`, which stands alone between
//! two. A leading dot is a character like others. Upper and lower case differ.
//!
//! # Design note
//! A pattern whose last part has a wildcard does not take in directories, since `src/*` would else mean the same as
//! `src/**` and nobody could say "the files here". A last part without wildcard does: whoever names a directory means
//! what is in it.
//!
//! Parts are matched by hand, not by a set of regular expressions: one representation answers all four questions (does
//! it match, can anything below match, is it literal, can two patterns meet), and a thousand tasks compile nothing. The
//! tests compare it with globset on random patterns and paths.

use super::RelPath;
use super::path::PathFault;

mod part;

use part::{ClassFault, Part};

/// An ordered list of patterns. One without patterns matches nothing; one that begins with a negation has nothing to
/// take out of.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Patterns {
    entries: Vec<Entry>,
}

/// What is wrong with which pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatternError {
    /// The place in the list, from 0.
    pub(crate) entry: usize,
    /// Why it is refused.
    pub(crate) fault: PatternFault,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternFault {
    /// Nothing, or nothing after `!`.
    #[error("the pattern is empty")]
    Empty,
    /// As a path it would be refused for this.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// `..`, which names what only a file system knows.
    #[error("`..` has no place in a pattern")]
    Parent,
    /// `[` and its class.
    #[error(transparent)]
    Class(#[from] ClassFault),
    /// `a**`, `**b`.
    #[error("`**` stands alone between slashes")]
    Stars,
}

/// One pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// Does it take out?
    negated: bool,
    parts: Vec<Part>,
    /// The path, where there is no wildcard.
    literal: Option<RelPath>,
    /// What it matches besides the path that its parts spell.
    reach: Reach,
}

/// Is it the path itself that a pattern spells, or what is below?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Only itself: its last part has a wildcard.
    Itself,
    /// Itself and everything below: its last part has none.
    AndBelow,
    /// Only what is below, itself if it is a directory: it ends in `/`.
    Below,
}

impl Patterns {
    /// Reads a list of patterns.
    ///
    /// # Errors
    /// Every entry that is wrong.
    pub(crate) fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<PatternError>> {
        let (mut entries, mut errors) = (Vec::new(), Vec::new());
        for (entry, text) in texts.into_iter().enumerate() {
            match Entry::parse(text) {
                Ok(parsed) => entries.push(parsed),
                Err(fault) => errors.push(PatternError { entry, fault }),
            }
        }
        if errors.is_empty() { Ok(Self { entries }) } else { Err(errors) }
    }

    /// Everything below a directory, and the file of that name.
    #[must_use]
    pub(crate) fn below(directory: &RelPath) -> Self {
        let parts = directory.parts().map(Part::exactly).collect();
        let entry = Entry { negated: false, parts, literal: Some(directory.clone()), reach: Reach::AndBelow };
        Self { entries: vec![entry] }
    }

    /// Does nothing match?
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.iter().all(|entry| entry.negated)
    }

    /// Does the file (or link) at `path` match?
    #[must_use]
    pub(crate) fn matches(&self, path: &RelPath) -> bool {
        let parts: Vec<&str> = path.parts().collect();
        self.decides(|entry| entry.matches(&parts, false))
    }

    /// Does the directory at `path` match, itself, not only what is in it?
    #[must_use]
    pub(crate) fn matches_directory(&self, path: &RelPath) -> bool {
        let parts: Vec<&str> = path.parts().collect();
        self.decides(|entry| entry.matches(&parts, true))
    }

    /// Does what is called `name` in `directory` match, where the name is not one that a [`RelPath`] may have?
    #[must_use]
    pub(crate) fn matches_below(&self, directory: &RelPath, name: &str, is_directory: bool) -> bool {
        let parts: Vec<&str> = directory.parts().chain([name]).collect();
        self.decides(|entry| entry.matches(&parts, is_directory))
    }

    /// Can anything below the directory match? `false` is certain, `true` may be too hopeful where negations stand.
    #[must_use]
    pub(crate) fn may_hold(&self, directory: &RelPath) -> bool {
        let parts: Vec<&str> = directory.parts().collect();
        for entry in self.entries.iter().rev() {
            if !entry.negated && entry.may_hold(&parts) {
                return true;
            }
            // A directory that is taken out whole is taken out of everything that stood before.
            if entry.negated && entry.takes_all_below(&parts) {
                return false;
            }
        }
        false
    }

    /// The paths that are named without a wildcard, as written. They count even where git ignores them.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &RelPath> {
        self.entries.iter().filter(|entry| !entry.negated).filter_map(|entry| entry.literal.as_ref())
    }

    /// The paths, where the list names each of them without a wildcard and takes nothing out.
    #[must_use]
    pub(crate) fn only_literals(&self) -> Option<Vec<&RelPath>> {
        self.entries.iter().map(|entry| entry.literal.as_ref().filter(|_| !entry.negated)).collect()
    }

    /// Could a file match both lists, so that what one task writes is what another reads? Exact for two patterns but
    /// for two negated classes, which are taken to meet. A negation counts only where it takes out all that a pattern
    /// means: "yes" may be wrong where negations stand, "no" never.
    #[must_use]
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.standing().any(|(one, later)| {
            other.standing().any(|(two, latest)| {
                let is_out = |entry: &Entry| entry.negated && (entry.covers(one) || entry.covers(two));
                one.meets(two) && !later.iter().any(is_out) && !latest.iter().any(is_out)
            })
        })
    }

    /// Each entry that takes in, with those behind it.
    fn standing(&self) -> impl Iterator<Item = (&Entry, &[Entry])> {
        let entries = self.entries.iter().enumerate().filter(|(_, entry)| !entry.negated);
        entries.map(|(at, entry)| (entry, &self.entries[at + 1..]))
    }

    fn decides(&self, matches: impl Fn(&Entry) -> bool) -> bool {
        self.entries.iter().rev().find(|entry| matches(entry)).is_some_and(|entry| !entry.negated)
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, PatternFault> {
        let (negated, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        if text.is_empty() {
            return Err(PatternFault::Empty);
        }
        if text.split('/').any(|part| part == "..") {
            return Err(PatternFault::Parent);
        }
        // The same rules as for a path; wildcards are characters that a path may have.
        let path = RelPath::parse(text)?;
        let mut parts = path.parts().map(Part::parse).collect::<Result<Vec<_>, _>>()?;
        parts.dedup_by(|one, other| *one == Part::Any && *other == Part::Any);
        let is_literal = parts.iter().all(|part| part.literal().is_some());
        let below = text.ends_with('/') || text.ends_with("/.") || path.is_root();
        let reach = match parts.last() {
            _ if below => Reach::Below,
            Some(last) if last.literal().is_none() => Reach::Itself,
            _ => Reach::AndBelow,
        };
        // A literal `[[]x` names another path than its text.
        let literal = is_literal.then(|| {
            let names: Vec<String> = parts.iter().filter_map(Part::literal).collect();
            RelPath::parse(&names.join("/"))
        });
        Ok(Self { negated, literal: literal.transpose()?, parts, reach })
    }

    fn matches(&self, path: &[&str], is_directory: bool) -> bool {
        if let Some(literal) = &self.literal {
            let own = literal.parts().count();
            let is_below = path.len() > own || (path.len() == own && is_directory);
            return literal.parts().zip(path).filter(|(one, other)| one == *other).count() == own
                && (is_below || (self.reach == Reach::AndBelow && path.len() == own));
        }
        match self.reach {
            Reach::Itself => spells(&self.parts, path),
            Reach::AndBelow => (1..=path.len()).any(|length| spells(&self.parts, &path[..length])),
            Reach::Below => {
                let most = if is_directory { path.len() } else { path.len().saturating_sub(1) };
                (0..=most).any(|length| spells(&self.parts, &path[..length]))
            }
        }
    }

    /// Can a path below `directory` match?
    fn may_hold(&self, directory: &[&str]) -> bool {
        let below = self.reach != Reach::Itself;
        begins(&self.parts, directory, below)
    }

    /// Does everything below `directory` match?
    fn takes_all_below(&self, directory: &[&str]) -> bool {
        match self.parts.last() {
            Some(Part::Any) => {
                let above = &self.parts[..self.parts.len() - 1];
                (0..=directory.len()).any(|length| spells(above, &directory[..length]))
            }
            _ => {
                self.reach != Reach::Itself
                    && (0..=directory.len()).any(|length| spells(&self.parts, &directory[..length]))
            }
        }
    }

    /// Can a path match both?
    fn meets(&self, other: &Self) -> bool {
        let reaches = |entry: &Self| entry.reach != Reach::Itself;
        meet(&self.parts, &other.parts, reaches(self), reaches(other))
    }

    /// Does this match everything that `other` matches? Only what can be told for certain.
    fn covers(&self, other: &Self) -> bool {
        self.parts == other.parts && self.reach == other.reach
            || other.literal.as_ref().is_some_and(|literal| {
                let parts: Vec<&str> = literal.parts().collect();
                self.takes_all_below(&parts) && (other.reach == Reach::Below || self.matches(&parts, false))
            })
    }
}

/// Does the pattern spell just this path?
fn spells(pattern: &[Part], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((Part::Any, rest)), _) => {
            // At the end it stands for one name at least: `src/**` is what is in src.
            let least = usize::from(rest.is_empty());
            (least..=path.len()).any(|skipped| spells(rest, &path[skipped..]))
        }
        (Some((Part::Name(pieces), rest)), Some((name, below))) => {
            part::matches(pieces, name) && spells(rest, below)
        }
        _ => false,
    }
}

/// Can the pattern spell a path below `directory`, or, if it reaches `below`, above or at it?
fn begins(pattern: &[Part], directory: &[&str], below: bool) -> bool {
    match (pattern.split_first(), directory.split_first()) {
        (None, _) => below,
        (Some((Part::Any, _)), _) | (Some(_), None) => true,
        (Some((Part::Name(pieces), rest)), Some((name, deeper))) => {
            part::matches(pieces, name) && begins(rest, deeper, below)
        }
    }
}

/// Can a path be spelt by both, where each may reach below what it spells? As with names, from the back.
fn meet(one: &[Part], other: &[Part], one_reaches: bool, other_reaches: bool) -> bool {
    let (length, width) = (one.len(), other.len());
    let mut behind = vec![false; width + 1];
    for at in (0..=length).rev() {
        let mut row = vec![false; width + 1];
        for place in (0..=width).rev() {
            row[place] = match (one.get(at), other.get(place)) {
                (None, None) => true,
                (None, Some(_)) => one_reaches,
                (Some(_), None) => other_reaches,
                // It stands for no name, for this one and more, or, at the end, for this one.
                (Some(Part::Any), Some(_)) => {
                    let is_last = at + 1 == length;
                    row[place + 1] || if is_last { behind[place + 1] } else { behind[place] }
                }
                (Some(_), Some(Part::Any)) => {
                    let is_last = place + 1 == width;
                    behind[place] || if is_last { behind[place + 1] } else { row[place + 1] }
                }
                (Some(Part::Name(a)), Some(Part::Name(b))) => part::meet(a, b) && behind[place + 1],
            };
        }
        behind = row;
    }
    behind[0]
}

#[cfg(test)]
mod tests;
