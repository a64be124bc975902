//! Secrets are taken out of everything that is shown or kept.
//!
//! Comes in: the values of the variables that own tasks name with `secret`. Goes out: a [`Mask`] for whole texts, and
//! [`Masking`] for what a program writes, where a secret may be split over two reads. What is masked is one run's
//! secrets in all its tasks: a task that is not told one may still find it in a file that another wrote.
//!
//! # Forms
//! Programs do not print a secret only as it is. Besides the value itself these are masked: base64, in both alphabets,
//! alone (also wrapped at 64 or 76 columns) and at each of the three places in a longer text, as in the header of a
//! login; percent-encoded, as in a URL; as a shell, JSON or Python quotes it; and each longer line of a secret of
//! several lines. A form that a program makes up itself (reversed, hexadecimal, compressed) is not known.
//!
//! The filter holds back a byte only while it could still begin a form, so never more than the longest one.
//!
//! A value of fewer than [`SHORTEST`] characters is refused before anything runs: to mask it would take it out of every
//! word that has it, and not to mask it would be a promise broken. An empty one is no secret.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::tool::run::quoted;

/// A shorter value cannot be masked.
pub(crate) const SHORTEST: usize = 4;

/// What stands in place of a secret.
const MASKED: &[u8] = b"***";

/// A shorter line of a secret of several lines may well be no secret.
const SHORTEST_LINE: usize = 8;

/// A shorter part of a base64 text may well be a word.
const SHORTEST_PART: usize = 5;

/// Where `base64` and PEM break lines.
const WRAPPED: [usize; 2] = [76, 64];

/// The forms of a run's secrets.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    /// The longest first, so that no end of a longer one stays.
    forms: Vec<Vec<u8>>,
    /// By a form's first byte: whether there is one.
    begins: Vec<bool>,
}

impl Mask {
    /// Of these values.
    pub(crate) fn new<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Self {
        let forms: BTreeSet<Vec<u8>> =
            values.into_iter().filter(|value| !value.is_empty()).flat_map(forms).collect();
        let mut forms: Vec<Vec<u8>> = forms.into_iter().filter(|form| form.len() >= SHORTEST).collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let mut begins = vec![false; 256];
        for form in &forms {
            begins[usize::from(form[0])] = true;
        }
        Self { forms, begins }
    }

    /// Is there nothing to mask?
    pub(crate) fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// A whole text without secrets.
    pub(crate) fn text(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let mut shown = Vec::with_capacity(text.len());
        let mut masking = Masking::new(self);
        masking.push(text.as_bytes(), &mut |bytes| shown.extend_from_slice(bytes));
        masking.finish(&mut |bytes| shown.extend_from_slice(bytes));
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// What stands at the beginning of these bytes. `more`: further bytes may follow.
    fn look(&self, bytes: &[u8], more: bool) -> Found {
        for form in &self.forms {
            if bytes.starts_with(form) {
                return Found::Form(form.len());
            }
            if more && form.starts_with(bytes) {
                return Found::Perhaps;
            }
        }
        Found::Nothing
    }
}

/// What is taken out of a program's output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hides<'m> {
    /// These secrets.
    pub(crate) mask: &'m Mask,
    /// Passwords in URLs as well: it repeats lines of files that may have them.
    pub(crate) urls: bool,
}

/// What a place of a text holds.
enum Found {
    /// A form of so many bytes.
    Form(usize),
    /// The beginning of one.
    Perhaps,
    /// Neither.
    Nothing,
}

/// Masks a stream.
pub(super) struct Masking<'m> {
    mask: &'m Mask,
    /// What may be the beginning of a form.
    held: Vec<u8>,
}

impl<'m> Masking<'m> {
    /// Nothing is held back yet.
    pub(super) fn new(mask: &'m Mask) -> Self {
        Self { mask, held: Vec::new() }
    }

    /// Takes bytes and passes on what is no secret.
    pub(super) fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(&[u8])) {
        if self.mask.is_empty() {
            emit(bytes);
        } else if self.held.is_empty() {
            let rest = self.pass(bytes, true, emit);
            self.held.extend_from_slice(&bytes[bytes.len() - rest..]);
        } else {
            let mut all = std::mem::take(&mut self.held);
            all.extend_from_slice(bytes);
            let rest = self.pass(&all, true, emit);
            all.drain(..all.len() - rest);
            self.held = all;
        }
    }

    /// The end of the stream: what is held back is no secret.
    pub(super) fn finish(&mut self, emit: &mut dyn FnMut(&[u8])) {
        let held = std::mem::take(&mut self.held);
        self.pass(&held, false, emit);
    }

    /// Passes on what is no secret; how many bytes at the end may begin one.
    fn pass(&self, bytes: &[u8], more: bool, emit: &mut dyn FnMut(&[u8])) -> usize {
        let (mut plain, mut at) = (0, 0);
        while let Some(next) = bytes[at..].iter().position(|byte| self.mask.begins[usize::from(*byte)]) {
            at += next;
            match self.mask.look(&bytes[at..], more) {
                Found::Nothing => at += 1,
                Found::Perhaps => {
                    emit_some(&bytes[plain..at], emit);
                    return bytes.len() - at;
                }
                Found::Form(length) => {
                    emit_some(&bytes[plain..at], emit);
                    emit(MASKED);
                    at += length;
                    plain = at;
                }
            }
        }
        emit_some(&bytes[plain..], emit);
        0
    }
}

fn emit_some(bytes: &[u8], emit: &mut dyn FnMut(&[u8])) {
    if !bytes.is_empty() {
        emit(bytes);
    }
}

/// Every form of one value.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec()];
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    forms.extend(lines.filter(|line| line.len() >= SHORTEST_LINE).map(<[u8]>::to_vec));
    forms.extend(encoded(value));
    forms.extend(percent_encoded(value));
    if let Ok(text) = std::str::from_utf8(value) {
        forms.extend(escaped(text).into_iter().map(String::into_bytes));
    }
    forms
}

/// In base64: alone, and the part of a longer text that holds nothing else.
fn encoded(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for engine in [&STANDARD, &URL_SAFE] {
        let whole = engine.encode(value);
        for width in WRAPPED {
            if whole.len() > width {
                let lines = whole.as_bytes().chunks(width).filter(|line| line.len() >= SHORTEST_LINE);
                forms.extend(lines.map(<[u8]>::to_vec));
            }
        }
        forms.push(whole.into_bytes());
    }
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        forms.push(engine.encode(value).into_bytes());
        for before in 0..3 {
            let longer = [vec![0; before], value.to_vec()].concat();
            let text = engine.encode(&longer).into_bytes();
            // A character that holds a bit of a neighbour's differs with the neighbour.
            let part = text[(before * 8).div_ceil(6)..longer.len() * 8 / 6].to_vec();
            forms.extend(Some(part).filter(|part| part.len() >= SHORTEST_PART));
        }
    }
    forms
}

/// As in a URL: with and without `/`, a blank as `+` or `%20`, digits in either case.
fn percent_encoded(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for (slash, plus, upper) in (0..8).map(|number| (number & 1 > 0, number & 2 > 0, number & 4 > 0)) {
        let form = value.iter().fold(String::new(), |mut form, byte| {
            let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || slash && *byte == b'/';
            // Writing to a String cannot fail, here and below.
            match byte {
                b' ' if plus => form.push('+'),
                _ if plain => form.push(char::from(*byte)),
                _ if upper => drop(write!(form, "%{byte:02X}")),
                _ => drop(write!(form, "%{byte:02x}")),
            }
            form
        });
        forms.push(form.into_bytes());
    }
    forms
}

/// As quoted by shells, JSON and Python, without the quotes around it.
fn escaped(text: &str) -> Vec<String> {
    let with = |special: &str| {
        text.chars().fold(String::new(), |mut form, character| {
            if special.contains(character) {
                form.push('\\');
            }
            form.push(character);
            form
        })
    };
    let lines = |form: String| form.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    let ascii = |form: &str| {
        form.chars().fold(String::new(), |mut form, character| {
            if character.is_ascii() {
                form.push(character);
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(form, "\\u{unit:04x}");
                }
            }
            form
        })
    };
    let json = lines(with("\\\""));
    let ours = quoted(text);
    vec![
        ours.strip_prefix('\'').and_then(|form| form.strip_suffix('\'')).unwrap_or(&ours).to_owned(),
        text.replace('\'', r"'\''"),
        text.replace('\'', r#"'"'"'"#),
        with("\\\"$`"),
        ascii(&json),
        json,
        lines(with("\\'")),
        lines(with("\\")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cret/Tok en+\"it's\"$é=";

    fn split_at(mask: &Mask, text: &[u8], sizes: &[usize]) -> Vec<u8> {
        let (mut masking, mut shown, mut rest) = (Masking::new(mask), Vec::new(), text);
        let longest = mask.forms.first().map_or(0, Vec::len);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            masking.push(piece, &mut |bytes| shown.extend_from_slice(bytes));
            assert!(masking.held.len() < longest.max(1));
            rest = after;
        }
        masking.finish(&mut |bytes| shown.extend_from_slice(bytes));
        shown
    }

    #[test]
    fn every_form_is_masked() {
        let mask = Mask::new([SECRET.as_bytes()]);
        let in_login = |before: &str, after: &str| STANDARD.encode(format!("{before}{SECRET}{after}"));
        for (text, expected) in [
            (format!("a {SECRET} b"), "a *** b"),
            (STANDARD.encode(SECRET), "***"),
            (URL_SAFE_NO_PAD.encode(SECRET), "***"),
            ("https://h/?t=s3cret%2FTok%20en%2B%22it%27s%22%24%C3%A9%3D&x".to_owned(), "https://h/?t=***&x"),
            ("t=s3cret/Tok+en%2b%22it%27s%22%24%c3%a9%3d".to_owned(), "t=***"),
            (r#"'s3cret/Tok en+"it'\''s"$é='"#.to_owned(), "'***'"),
            (r#""s3cret/Tok en+\"it's\"$é=""#.to_owned(), "\"***\""),
            (r#""s3cret/Tok en+\"it's\"$\u00e9=""#.to_owned(), "\"***\""),
            (r#"'s3cret/Tok en+"it\'s"$é='"#.to_owned(), "'***'"),
        ] {
            assert_eq!(mask.text(&text), expected, "{text}");
        }
        for before in ["", "u", "us", "use", "user:"] {
            for after in ["", "\n", "\nx"] {
                let shown = mask.text(&in_login(before, after));
                assert!(shown.contains("***") && shown.len() < 24, "{before:?} {after:?} {shown}");
            }
        }
    }

    #[test]
    fn a_long_secret_is_masked_line_by_line_and_wrapped() {
        let key =
            format!("-----BEGIN KEY-----\n{}\n{}\n-----END KEY-----\n", "Ab1".repeat(20), "xY9".repeat(8));
        let mask = Mask::new([key.as_bytes()]);
        assert_eq!(mask.text(&format!("log: {}", "xY9".repeat(8))), "log: ***");
        assert_eq!(mask.text(&key), "***");
        let wrapped: Vec<String> = STANDARD
            .encode(&key)
            .as_bytes()
            .chunks(76)
            .map(|line| String::from_utf8(line.to_vec()).unwrap())
            .collect();
        assert_eq!(mask.text(&wrapped.join("\n")), vec!["***"; wrapped.len()].join("\n"));
    }

    #[test]
    fn nothing_else_is_touched() {
        let mask = Mask::new([b"secret".as_slice(), b"secretary", b""]);
        assert_eq!(mask.text("secre tary secretar secretary"), "secre tary ***ar ***");
        assert_eq!(mask.text("ssecret sssecret secre"), "s*** ss*** secre");
        let none = Mask::new([b"".as_slice()]);
        assert!(none.is_empty());
        assert_eq!(none.text("anything"), "anything");
    }

    #[test]
    fn a_secret_is_masked_however_it_is_split() {
        let mask = Mask::new([SECRET.as_bytes(), b"aab", b"aaab"]);
        let text = format!("x{SECRET}{SECRET}y{} aaaab {}", STANDARD.encode(SECRET), &SECRET[..9]);
        let whole = mask.text(&text);
        proptest::proptest!(|(sizes in proptest::collection::vec(1_usize..9, 1..20))| {
            assert_eq!(split_at(&mask, text.as_bytes(), &sizes), whole.as_bytes());
        });
        assert_eq!(whole, format!("x******y*** a*** {}", &SECRET[..9]));
    }
}
