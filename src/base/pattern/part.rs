//! One part of a pattern, what stands between two slashes, against one name.

/// What stands between two slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// `**`: any number of names, also none.
    Any,
    /// One name.
    Name(Vec<Piece>),
}

/// What a name is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    /// This character.
    Exactly(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// `[a-z]`, ranges from first to last.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// What is wrong with a `[…]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClassFault {
    /// No `]` before the next slash.
    #[error("a `[` is not closed; `[[]` is the character itself")]
    Open,
    /// `[z-a]`.
    #[error("a range in `[…]` runs backwards")]
    Backwards,
}

impl Part {
    /// A part that matches this name only.
    pub(super) fn exactly(name: &str) -> Self {
        Self::Name(name.chars().map(Piece::Exactly).collect())
    }

    pub(super) fn parse(text: &str) -> Result<Self, super::PatternFault> {
        if text == "**" {
            return Ok(Self::Any);
        }
        if text.contains("**") {
            return Err(super::PatternFault::Stars);
        }
        let mut pieces = Vec::new();
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            pieces.push(match character {
                '*' => Piece::Many,
                '?' => Piece::One,
                '[' => {
                    let (class, after) = class(rest.as_str())?;
                    rest = after.chars();
                    class
                }
                other => Piece::Exactly(other),
            });
        }
        Ok(Self::Name(pieces))
    }

    /// The one name that this matches, if it is one.
    pub(super) fn literal(&self) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Name(pieces) => literal(pieces),
        }
    }
}

/// The one name that these match, if it is one. `[x]` is how a wildcard is written as itself.
pub(super) fn literal(pieces: &[Piece]) -> Option<String> {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Exactly(character) => Some(*character),
            Piece::Class { negated: false, ranges } => match ranges[..] {
                [(first, last)] if first == last => Some(first),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// What stands behind a `[`: the class, and the text after its `]`. A `]` right at the start is one of its characters.
fn class(text: &str) -> Result<(Piece, &str), ClassFault> {
    let (negated, body) = match text.strip_prefix(['!', '^']) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut ranges = Vec::new();
    let mut rest = body;
    loop {
        let mut characters = rest.chars();
        let first = characters.next().ok_or(ClassFault::Open)?;
        if first == ']' && rest.len() != body.len() {
            return Ok((Piece::Class { negated, ranges }, characters.as_str()));
        }
        let mut ahead = characters.clone();
        let last = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(last)) if last != ']' => {
                characters = ahead;
                last
            }
            _ => first,
        };
        if last < first {
            return Err(ClassFault::Backwards);
        }
        ranges.push((first, last));
        rest = characters.as_str();
    }
}

/// Does the name match? Of several `*` only the last is tried again, so that no name takes long.
pub(super) fn matches(pieces: &[Piece], name: &str) -> bool {
    let (mut at, mut rest) = (0, name);
    // Behind the last star, and what it has not yet taken.
    let mut again: Option<(usize, &str)> = None;
    loop {
        match (pieces.get(at), rest.chars().next()) {
            (Some(Piece::Many), _) => {
                at += 1;
                again = Some((at, rest));
            }
            (Some(piece), Some(character)) if fits(piece, character) => {
                at += 1;
                rest = &rest[character.len_utf8()..];
            }
            (None, None) => return true,
            _ => {
                let Some((behind, untaken)) = again else { return false };
                let mut characters = untaken.chars();
                if characters.next().is_none() {
                    return false;
                }
                again = Some((behind, characters.as_str()));
                (at, rest) = (behind, characters.as_str());
            }
        }
    }
}

fn fits(piece: &Piece, character: char) -> bool {
    match piece {
        Piece::Exactly(own) => *own == character,
        Piece::One => true,
        Piece::Many => false,
        Piece::Class { negated, ranges } => {
            ranges.iter().any(|(first, last)| (*first..=*last).contains(&character)) != *negated
        }
    }
}

/// Can a name match both? Two negated classes are taken to share a character. Each pair of ends is judged once, from the
/// back: stars would else double the work.
pub(super) fn meet(one: &[Piece], other: &[Piece]) -> bool {
    let mut behind = vec![false; other.len() + 1];
    for at in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 1];
        for place in (0..=other.len()).rev() {
            row[place] = match (one.get(at), other.get(place)) {
                (None, None) => true,
                (Some(Piece::Many), _) => behind[place] || row.get(place + 1).is_some_and(|met| *met),
                (_, Some(Piece::Many)) => row[place + 1] || (at < one.len() && behind[place]),
                (Some(a), Some(b)) => share(a, b) && behind[place + 1],
                _ => false,
            };
        }
        behind = row;
    }
    behind[0]
}

/// Is there a character that both take?
fn share(one: &Piece, other: &Piece) -> bool {
    match (one, other) {
        (Piece::Exactly(character), piece) | (piece, Piece::Exactly(character)) => fits(piece, *character),
        (Piece::Class { negated: false, ranges }, Piece::Class { negated: false, ranges: others }) => {
            let overlap =
                |(first, last): &(char, char)| others.iter().any(|(from, to)| first <= to && from <= last);
            ranges.iter().any(overlap)
        }
        (Piece::Class { negated: false, ranges }, Piece::Class { negated: true, ranges: others })
        | (Piece::Class { negated: true, ranges: others }, Piece::Class { negated: false, ranges }) => {
            // Left out whole by one range; that several together leave it out is not looked for.
            !ranges.iter().all(|(first, last)| others.iter().any(|(from, to)| from <= first && last <= to))
        }
        _ => true,
    }
}
