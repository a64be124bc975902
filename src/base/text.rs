//! Text that is safe to print, and the nearest name to a misspelt one.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

/// The text with every character that could move the cursor, forge a line or reverse the reading
/// direction written as an escape (`\u{1b}`). Names, tags and paths go through this before a terminal
/// sees them.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unsafe(character) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// The first conflict marker of git in a text, to the end of its line.
pub(crate) fn conflict_marker(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if ["<<<<<<<", "|||||||", ">>>>>>>"].iter().any(|marker| line.starts_with(marker)) {
            return Some(start..start + line.trim_end().len());
        }
        start += line.len();
    }
    None
}

/// A part of a URL with `%20` as a blank and so on; what is malformed stays as it is.
#[must_use]
pub(crate) fn percent_decoded(text: &str) -> String {
    String::from_utf8_lossy(&urlencoding::decode_binary(text.as_bytes())).into_owned()
}

/// `1 package`, `2 packages`.
#[must_use]
pub(crate) fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// The help for a name that is none of the known ones.
#[must_use]
pub(crate) fn suggest(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there are none".to_owned(),
        None => format!("use one of: {}", known.join(", ")),
    }
}

/// A text from a file as a message shows it: printable, without credentials, and cut when long.
#[must_use]
pub(crate) fn brief(text: &str) -> String {
    let mut short: String = super::hidden(text).chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    printable(&short).into_owned()
}

/// The text, byte for byte as long, with every character that [`printable`] would escape replaced by a visible
/// one, but for line ends and tabs.
pub(super) fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let ends_line = character == '\n' || (character == '\r' && characters.peek() == Some(&'\n'));
        match character.len_utf8() {
            _ if ends_line || character == '\t' || !is_unsafe(character) => visible.push(character),
            1 => visible.push('?'),
            2 => visible.push('·'),
            _ => visible.push('\u{fffd}'),
        }
    }
    visible
}

/// Control characters, bidirectional overrides and invisible joiners.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{061c}')
}

/// The known name that `name` most likely means, if one is near enough to suggest.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            let length = candidate.chars().count().min(lower.chars().count());
            *distance == 0 || *distance < length && *distance <= 1 + length / 4
        })
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_from_several() {
        let shown = [0, 1, 2].map(|count| counted(count, "entry", "entries"));
        assert_eq!(shown, ["0 entries", "1 entry", "2 entries"]);
    }

    #[test]
    fn escapes_what_a_terminal_would_obey() {
        assert_eq!(printable("plain é 漢"), "plain é 漢");
        assert_eq!(printable("a\u{1b}[2J\u{202e}"), "a\\u{1b}[2J\\u{202e}");
    }

    #[test]
    fn a_visible_text_keeps_its_length() {
        let hostile = "a\u{1b}[2J\r\n\tb\r\u{85}\u{202e}\u{7f}é";
        assert_eq!(visible(hostile), "a?[2J\r\n\tb?·\u{fffd}?é");
        assert_eq!(visible(hostile).len(), hostile.len());
    }

    #[test]
    fn codes_of_urls_are_decoded_and_what_is_none_stays() {
        for (text, expected) in
            [("a%20b+c", "a b+c"), ("50%", "50%"), ("%zz%2", "%zz%2"), ("%C3%A9", "\u{e9}")]
        {
            assert_eq!(percent_decoded(text), expected);
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(nearest("enviroment", ["environment", "extra"]), Some("environment"));
        assert_eq!(nearest("PROD", ["dev", "prod"]), Some("prod"));
        assert_eq!(nearest("zebra", ["dev", "prod"]), None);
        assert_eq!(nearest("a", ["b"]), None);
    }
}
