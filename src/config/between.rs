//! What stands between tokens: comments, continued lines, and type annotations, which have no meaning here.

use super::error::ConfigFinding;
use super::lexeme::is_blank;
use super::scanner::{MAX_DEPTH, Scanner};
use crate::base::brief;

impl Scanner<'_> {
    /// `// …` up to the end of the line.
    pub(super) fn line_comment(&mut self) {
        let start = self.at;
        self.skip_line();
        let ends_in_return = self.text.as_bytes()[self.at - 1] == b'\r';
        self.at -= usize::from(ends_in_return);
        self.fill(start, b' ');
        self.blank(0);
    }

    pub(super) fn block_comment(&mut self) {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut depth = 0;
        while self.at < bytes.len() {
            let pair = &bytes[self.at..bytes.len().min(self.at + 2)];
            let here = (self.at, pair.len());
            self.at += 1;
            match pair {
                b"/*" if depth == MAX_DEPTH => {
                    let what = "comments";
                    return self.give_up(ConfigFinding::TooDeep { what, most: MAX_DEPTH, span: here.into() });
                }
                b"/*" => depth += 1,
                b"*/" => depth -= 1,
                _ => continue,
            }
            self.at += 1;
            if depth == 0 {
                self.fill(start, b' ');
                self.blank(0);
                return;
            }
        }
        let help = "write `*/` where the comment ends".to_owned();
        self.refuse(ConfigFinding::Unclosed { what: "the comment", help, span: (start, 2).into() });
    }

    /// A `\` outside a string: the node goes on in the next line.
    pub(super) fn continuation(&mut self) {
        let start = self.at;
        self.blank(1);
        let rest = &self.text[self.at..];
        let blanks = rest.len() - rest.trim_start_matches(is_blank).len();
        self.at += blanks;
        if self.text[self.at..].starts_with("//") {
            self.line_comment();
        }
        match self.peek() {
            None => {}
            Some('\n') => self.at += 1,
            Some('\r') => self.at += 2,
            Some(_) => {
                let finding = self.unexpected(start, "outside quotes it may only end a line");
                self.refuse(finding);
            }
        }
    }

    pub(super) fn annotation(&mut self) {
        let start = self.at;
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        let length = line.find(')').map_or(0, |end| end + 1);
        if self.peek() == Some('(') && length > 0 && !line[..length].contains(['"', '{', '}', '/', '\\']) {
            self.blank(length);
            self.fill(start, b' ');
            let text = brief(&line[..length]);
            self.report(ConfigFinding::TypeAnnotation { text, span: self.span_from(start) });
        } else {
            let finding = self.unexpected(start, "text with a parenthesis needs quotes");
            self.refuse(finding);
            self.blank(1);
        }
    }
}
