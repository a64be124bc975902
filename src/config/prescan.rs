//! One linear pass over the raw text, before the KDL parser sees it.
//!
//! The parser recurses: deep `{` or `/*`, many `*` within a comment, and many stray `}`, `)` or `=` overflow
//! its stack, which aborts the process; nested `/-` double its time at every level (kdl-rs #177), and it
//! stumbles over `/-a;`. So nothing reaches it that this pass has not found whole: blocks, strings and
//! comments are closed, tokens stand where they may, and nesting is bounded. The pass itself never recurses,
//! and takes any text.
//!
//! It returns the text for the parser, byte for byte as long as the original so that spans stay true:
//! comments and what `/-` hides are blanks, and a mistake whose meaning is clear (`true`, `'q'`, `>=3.10`) is
//! reported and replaced by something harmless, so that the later checks can report what else is wrong.

use super::error::ConfigFinding;
use super::scanner::Scanner;
use crate::base::printable;

/// The largest file that is read. Whoever reads one looks at its metadata first and answers with
/// [`ConfigError::too_large`](super::ConfigError::too_large), so that 100 MB never reach memory.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// The longest line.
const MAX_LINE: usize = 16 << 10;
/// After so many findings the rest of the text is not looked at.
pub(super) const MAX_FINDINGS: usize = 50;

/// What the pass found.
pub(super) struct Prescan {
    /// As long as the original; safe to parse if `parseable`.
    pub(super) text: String,
    /// Mistakes, in the order of the text.
    pub(super) findings: Vec<ConfigFinding>,
    /// Every finding was replaced by something harmless.
    pub(super) parseable: bool,
}

/// Looks through `text`.
pub(super) fn prescan(text: &str) -> Prescan {
    if text.len() > MAX_BYTES {
        let finding = ConfigFinding::TooLarge { bytes: text.len() as u64, most: MAX_BYTES as u64 };
        return Prescan { text: String::new(), findings: vec![finding], parseable: false };
    }
    let (visible, findings, short) = characters(text);
    if !short {
        // The scanner looks ahead within a line, again and again: only short lines keep that linear.
        return Prescan { text: visible, findings, parseable: false };
    }
    Scanner::new(&visible, findings).run()
}

/// The text with every invisible character replaced, what was found, and whether its lines are short.
fn characters(text: &str) -> (String, Vec<ConfigFinding>, bool) {
    let mut visible = String::with_capacity(text.len());
    let mut findings = Vec::new();
    let mut short = true;
    for (start, line) in lines(text) {
        if line.len() > MAX_LINE {
            short = false;
            let span = (start, line.len().min(80)).into();
            findings.push(ConfigFinding::LineTooLong { bytes: line.len(), most: MAX_LINE, span });
        }
    }
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let lone_return = character == '\r' && characters.peek().is_none_or(|&(_, next)| next != '\n');
        let harmless = match character {
            '\n' | '\t' => true,
            '\r' => !lone_return,
            '\u{feff}' => at == 0,
            '\u{7f}' => false,
            other => printable(other.encode_utf8(&mut [0; 4])).len() == other.len_utf8(),
        };
        if harmless {
            visible.push(character);
            continue;
        }
        visible.extend(std::iter::repeat_n(if lone_return { '\n' } else { '_' }, character.len_utf8()));
        if findings.len() < MAX_FINDINGS {
            let help = if lone_return { "end lines with a line feed" } else { "delete it" };
            let character = format!("U+{:04X}", u32::from(character));
            let span = (at, visible.len() - at).into();
            findings.push(ConfigFinding::InvisibleCharacter { character, help, span });
        }
    }
    (visible, findings, short)
}

/// The lines of a text with their starts.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n').scan(0, |next, line| {
        let start = *next;
        *next += line.len() + 1;
        Some((start, line))
    })
}
