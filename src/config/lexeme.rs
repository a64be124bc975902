//! The pre-scan's tokens: strings of every form, words, numbers, keywords.
//!
//! Comes in: a [`Scanner`] that stands at a token. Goes out: the scanner behind it, its findings, and what
//! kind of token it was. KDL 1 and TOML habits are recognised here, where the text is still whole.

use super::error::ConfigFinding;
use super::scanner::Scanner;
use crate::base::brief;

/// What kind of token was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lexeme {
    /// A string or an identifier: may name a node or a property.
    Text,
    /// A number or a keyword.
    Value,
    /// Nothing that counts: a mistake was replaced by blanks.
    Nothing,
}

/// The longest run of `#` around a raw string.
const MAX_HASHES: usize = 16;
/// More digits than any number of the language needs, and fewer than overflow the parser's.
const MAX_DIGITS: usize = 30;

/// A blank that does not end a line.
pub(super) fn is_blank(character: char) -> bool {
    matches!(
        character,
        '\t' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

impl Scanner<'_> {
    /// Reads the token here.
    pub(super) fn lexeme(&mut self) -> Lexeme {
        match self.peek() {
            Some('"') => self.quoted(),
            Some('#') => self.hash(),
            _ => self.word(),
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// `"…"` or `"""…"""`.
    fn quoted(&mut self) -> Lexeme {
        let start = self.at;
        if self.rest().starts_with("\"\"\"") {
            self.multi_line(0);
            return Lexeme::Text;
        }
        self.at += 1;
        loop {
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Lexeme::Text;
                }
                Some('\\') => self.escape(false),
                Some('\n' | '\r') | None => {
                    self.unclosed_string(start);
                    return Lexeme::Text;
                }
                Some(other) => self.at += other.len_utf8(),
            }
        }
    }

    fn unclosed_string(&mut self, start: usize) {
        let help = "close it on the same line, or write it between \"\"\" lines".to_owned();
        self.refuse(ConfigFinding::Unclosed { what: "the string", help, span: (start, 1).into() });
    }

    /// A `\` within a string.
    fn escape(&mut self, multi_line: bool) {
        let start = self.at;
        self.at += 1;
        let Some(next) = self.peek() else { return };
        if is_blank(next) || matches!(next, '\n' | '\r') {
            if multi_line {
                self.at += next.len_utf8();
                let (escape, span) = ("\\ and a blank".to_owned(), (start, 1).into());
                return self.refuse(ConfigFinding::Escape { escape, span });
            }
            let rest = self.rest();
            self.at +=
                rest.len() - rest.trim_start_matches(|c| is_blank(c) || matches!(c, '\n' | '\r')).len();
            return;
        }
        let known = match next {
            '\\' | '"' | 'b' | 'f' | 'n' | 'r' | 't' | 's' => Some(1),
            'u' => unicode_escape(self.rest()),
            _ => None,
        };
        self.at += known.unwrap_or(next.len_utf8());
        if known.is_none() {
            self.fill(start, b'_');
            let escape = brief(&self.text[start..self.at]);
            self.report(ConfigFinding::Escape { escape, span: self.span_from(start) });
        }
    }

    /// `"""` on its own line, or `#"""`, up to the closing quotes on their own line.
    fn multi_line(&mut self, hashes: usize) {
        let start = self.at;
        self.at += hashes + 3;
        let newline = if self.rest().starts_with("\r\n") { 2 } else { 1 };
        if !self.rest().starts_with(['\n', '\r']) {
            let help = "text between \"\"\" starts on the next line".to_owned();
            let character = "\"\"\"".to_owned();
            self.refuse(ConfigFinding::Unexpected { character, help, span: self.span_from(start) });
            return self.skip_line();
        }
        self.at += newline;
        let body = self.at;
        let closing = format!("\"\"\"{}", "#".repeat(hashes));
        while !self.rest().starts_with(&closing) {
            match self.peek() {
                Some('\\') if hashes == 0 => self.escape(true),
                Some(other) => self.at += other.len_utf8(),
                None => return self.unclosed_string(start),
            }
        }
        self.indentation(body);
        self.at += closing.len();
    }

    /// Every line from `body` to here starts like the last one, which holds nothing but blanks.
    fn indentation(&mut self, body: usize) {
        let text = &self.text[body..self.at];
        let last = text.rfind('\n').map_or(0, |at| at + 1);
        let prefix = &text[last..];
        if !prefix.chars().all(is_blank) {
            return self.refuse(ConfigFinding::Indentation { span: (self.at, 3).into() });
        }
        let mut start = body;
        for line in text[..last].split_inclusive('\n') {
            if !line.trim_end_matches(['\n', '\r']).chars().all(is_blank) && !line.starts_with(prefix) {
                return self
                    .refuse(ConfigFinding::Indentation { span: (start, line.trim_end().len()).into() });
            }
            start += line.len();
        }
    }

    /// A raw string, a keyword, or what a TOML writer means by `#`.
    fn hash(&mut self) -> Lexeme {
        let start = self.at;
        let hashes = self.rest().bytes().take_while(|&byte| byte == b'#').count();
        let after = &self.rest()[hashes..];
        if hashes > MAX_HASHES {
            let what = "the `#` of a raw string";
            self.give_up(ConfigFinding::TooDeep { what, most: MAX_HASHES, span: (start, 1).into() });
            return Lexeme::Nothing;
        }
        if after.starts_with("\"\"\"") {
            self.multi_line(hashes);
            return Lexeme::Text;
        }
        if after.starts_with('"') {
            self.raw(hashes);
            return Lexeme::Text;
        }
        if self.starts_a_node()
            || hashes > 1
            || after.starts_with(|c: char| c.is_whitespace())
            || after.is_empty()
        {
            self.skip_line();
            self.fill(start, b' ');
            let help = "a comment starts with `//`".to_owned();
            let span = (start, hashes).into();
            self.report(ConfigFinding::Unexpected { character: "#".repeat(hashes), help, span });
            return Lexeme::Nothing;
        }
        self.at = self.word_end(start + 1);
        let word = &self.text[start + 1..self.at];
        if !matches!(word, "true" | "false" | "null" | "inf" | "-inf" | "nan") {
            let help = "KDL knows #true, #false and #null; text needs quotes".to_owned();
            let word = brief(&self.text[start..self.at]);
            self.fill(start, b'_');
            self.report(ConfigFinding::Keyword { word, help, span: self.span_from(start) });
        }
        Lexeme::Value
    }

    /// `#"…"#` on one line.
    fn raw(&mut self, hashes: usize) {
        let start = self.at;
        self.at += hashes + 1;
        let closing = format!("\"{}", "#".repeat(hashes));
        let line = self.rest().split('\n').next().unwrap_or_default();
        if let Some(end) = line.find(&closing) {
            self.at += end + closing.len();
        } else {
            self.skip_line();
            self.unclosed_string(start);
        }
    }

    /// Where a word that starts at `start` ends, with whatever would need quotes.
    fn word_end(&self, start: usize) -> usize {
        for (at, character) in self.text[start..].char_indices() {
            let rest = &self.text[start + at..];
            let ends = match character {
                '\n' | '\r' | '{' | '}' | ';' | '=' | '"' | '(' | ')' => true,
                '/' => rest.starts_with("//") || rest.starts_with("/*"),
                '\\' => rest[1..].trim_start_matches(is_blank).starts_with(['\n', '\r']),
                other => is_blank(other),
            };
            if ends {
                return start + at;
            }
        }
        self.text.len()
    }

    /// An identifier, a number, or text that needs quotes.
    fn word(&mut self) -> Lexeme {
        let start = self.at;
        let end = self.word_end(start);
        let (word, after) = (&self.text[start..end], &self.text[end..]);
        if word.strip_prefix('r').is_some_and(|hashes| hashes.bytes().all(|byte| byte == b'#'))
            && after.starts_with('"')
        {
            self.blank(1);
            self.fill(start, b' ');
            self.report(ConfigFinding::RawString { span: (start, 1).into() });
            return Lexeme::Nothing;
        }
        if word == "," {
            self.blank(1);
            self.fill(start, b' ');
            let help = "values are separated by blanks".to_owned();
            self.report(ConfigFinding::Unexpected {
                character: ",".to_owned(),
                help,
                span: (start, 1).into(),
            });
            return Lexeme::Nothing;
        }
        if let Some(end) = self.unquoted_end(start, end) {
            self.at = end;
            self.fill(start, b'_');
            let text = &self.text[start..end];
            let quoted = brief(text.trim_matches('\''));
            self.report(ConfigFinding::Unquoted { text: brief(text), quoted, span: self.span_from(start) });
            return Lexeme::Text;
        }
        self.at = end;
        self.number_or_name(start)
    }

    /// Where unquoted text that starts at `start` really ends, if it is such: `'q'`, `>=3.10, <3.13`,
    /// `https://x`, `a/b`.
    fn unquoted_end(&self, start: usize, end: usize) -> Option<usize> {
        let (word, after) = (&self.text[start..end], &self.text[end..]);
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        if let Some(closing) = line.strip_prefix('\'').and_then(|rest| rest.find('\'')) {
            return Some(start + closing + 2);
        }
        let compares = word.ends_with(['<', '>', '!', '~']) && after.starts_with('=');
        if compares || after.starts_with("==") {
            let mut length = 0;
            for part in line.split_inclusive(is_blank) {
                length += part.find(['"', '{', '}', ';', '\r']).unwrap_or(part.len());
                if !part.trim_end().ends_with(',') {
                    break;
                }
            }
            return Some(start + line[..length].trim_end().len());
        }
        if word.ends_with(':') && after.starts_with("//") {
            let length = line.find(|c: char| c.is_whitespace() || matches!(c, '"' | '{' | '}' | ';'));
            return Some(start + length.unwrap_or(line.len()));
        }
        word.contains(['[', ']', '/', '#', '\\']).then_some(end)
    }

    /// The word from `start` to here is a number, a keyword without `#`, or a name.
    fn number_or_name(&mut self, start: usize) -> Lexeme {
        let word = &self.text[start..self.at];
        let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
        let digits = unsigned.strip_prefix('.').unwrap_or(unsigned);
        if digits.starts_with(|c: char| c.is_ascii_digit()) {
            if !is_number(unsigned) {
                let text = brief(word);
                self.fill(start, b'_');
                self.report(ConfigFinding::Number { text, span: self.span_from(start) });
            }
            return Lexeme::Value;
        }
        if matches!(word, "true" | "false" | "null" | "inf" | "-inf" | "nan") {
            let help = format!("write #{word}, or \"{word}\" for the text");
            let word = word.to_owned();
            self.fill(start, b'_');
            self.report(ConfigFinding::Keyword { word, help, span: self.span_from(start) });
            return Lexeme::Value;
        }
        Lexeme::Text
    }
}

/// The length of `u{1f600}` at the start of `text`.
fn unicode_escape(text: &str) -> Option<usize> {
    let (digits, _) = text.strip_prefix("u{")?.split_once('}')?;
    let hexadecimal = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let code = hexadecimal.then(|| u32::from_str_radix(digits, 16).ok()).flatten()?;
    char::from_u32(code).map(|_| digits.len() + 3)
}

/// Is this a number of KDL, less its sign?
fn is_number(text: &str) -> bool {
    let of = |text: &str, radix: u32| {
        text.len() <= MAX_DIGITS
            && text.starts_with(|c: char| c.is_digit(radix))
            && text.chars().all(|c| c.is_digit(radix) || c == '_')
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return of(digits, radix);
        }
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    of(whole, 10)
        && fraction.is_none_or(|digits| of(digits, 10))
        && exponent.is_none_or(|exponent| of(exponent.strip_prefix(['+', '-']).unwrap_or(exponent), 10))
}
