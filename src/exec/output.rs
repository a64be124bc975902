//! What becomes of the bytes a child writes: the log, the live lines, the tail for a failure message.
//!
//! Comes in: chunks of bytes as they were read. Goes out: the same bytes, secrets masked, to the log file, cleaned lines
//! to a callback, and at the end the last lines. Memory is bounded whatever the child writes: a line is
//! held up to [`RAW_LIMIT`], the tail up to [`TAIL_BYTES`]. So is time: of a flood no more than
//! [`LIVE_LINES`] lines a second are shown, and one line says how many are only in the log.
//!
//! A child's output is hostile: it may try to move the cursor, retitle the window, write the clipboard,
//! or look like another task's line. [`clean_line`] lets colour through and nothing else that a
//! terminal obeys. This file does not know which task writes, nor how a line is shown.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::iter::Peekable;
use std::str::Chars;
use std::time::{Duration, Instant};

use super::child::ChildRequest;
use super::mask::Masking;
use crate::base::{hidden, printable};

/// How much of one line is held before it is shown and the rest of it is only logged.
const RAW_LIMIT: usize = 8 * 1024;

/// How long a shown line may become, escapes included.
const SHOWN_LIMIT: usize = 4 * 1024;

/// How much of the end of the output is kept for a failure message.
const TAIL_BYTES: usize = 64 * 1024;

/// How many of its lines a failure message shows.
const TAIL_LINES: usize = 20;

/// How many lines are shown in one [`PACE`].
const LIVE_LINES: u64 = 20_000;

/// The time for [`LIVE_LINES`].
const PACE: Duration = Duration::from_secs(1);

/// Longer parameters than any real colour needs are not passed on.
const COLOUR_LIMIT: usize = 64;

/// A longer line is looked at for URLs in pieces.
const URL_LIMIT: usize = 64 * 1024;

/// Takes a child's bytes to the log, the screen and the tail.
pub(super) struct Sink<'a> {
    /// Takes passwords in URLs out, where the child may repeat lines of files that have them.
    urls: Option<Urls>,
    /// Takes secrets out.
    masking: Masking<'a>,
    /// Takes the rest.
    streams: Streams<'a>,
}

impl<'a> Sink<'a> {
    /// A sink that writes to `log` and calls `live` for each line.
    pub(super) fn new(log: File, request: &'a ChildRequest<'_>, live: &'a mut dyn FnMut(String)) -> Self {
        let screen = Screen { colour: request.colour, live, since: Instant::now(), shown: 0, hidden: 0 };
        let streams =
            Streams { log, log_error: None, lines: Lines::default(), tail: Tail::default(), screen };
        let urls = request.hides.urls.then(Urls::default);
        Self { urls, masking: Masking::new(request.hides.mask), streams }
    }

    /// Takes the next bytes. The child must be drained even when the disk is full, or it would block.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let hidden = self.urls.as_mut().map(|urls| urls.push(bytes));
        let bytes = hidden.as_deref().unwrap_or(bytes);
        self.masking.push(bytes, &mut |bytes| self.streams.take(bytes));
    }

    /// The end of the output: shows an unfinished line and hands over the tail.
    pub(super) fn finish(mut self) -> (Vec<String>, Option<io::Error>) {
        let rest = self.urls.take().map(Urls::finish).unwrap_or_default();
        self.masking.push(&rest, &mut |bytes| self.streams.take(bytes));
        self.masking.finish(&mut |bytes| self.streams.take(bytes));
        self.streams.finish()
    }
}

/// Hides passwords in URLs, line by line. uv hides those that it knows for URLs; of a file that it cannot read it prints
/// the line as it is (tried).
#[derive(Default)]
struct Urls {
    /// A line that is not complete yet.
    held: Vec<u8>,
}

impl Urls {
    /// Takes bytes and gives the lines that they complete.
    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let whole = self.held.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole = if self.held.len() - whole > URL_LIMIT { self.held.len() } else { whole };
        let lines: Vec<u8> = self.held.drain(..whole).collect();
        hidden(&String::from_utf8_lossy(&lines)).into_bytes()
    }

    /// The end of the output.
    fn finish(self) -> Vec<u8> {
        hidden(&String::from_utf8_lossy(&self.held)).into_bytes()
    }
}

/// Where bytes go once no secret is in them.
struct Streams<'a> {
    /// The log file. After the first failed write nothing more is written to it.
    log: File,
    /// Why the log is incomplete.
    log_error: Option<io::Error>,
    /// Gathers lines.
    lines: Lines,
    /// The end of the output.
    tail: Tail,
    /// Passes lines on.
    screen: Screen<'a>,
}

impl Streams<'_> {
    fn take(&mut self, bytes: &[u8]) {
        if self.log_error.is_none()
            && let Err(cause) = self.log.write_all(bytes)
        {
            self.log_error = Some(cause);
        }
        self.tail.push(bytes);
        if self.screen.since.elapsed() >= PACE {
            self.screen.catch_up();
        }
        self.lines.push(bytes, &mut |line| self.screen.show(line));
    }

    fn finish(mut self) -> (Vec<String>, Option<io::Error>) {
        self.lines.finish(&mut |line| self.screen.show(line));
        self.screen.catch_up();
        (self.tail.lines(), self.log_error)
    }
}

/// Passes lines on, as many as anybody could follow.
struct Screen<'a> {
    /// Whether live lines keep their colour.
    colour: bool,
    /// Gets each cleaned line.
    live: &'a mut dyn FnMut(String),
    /// When the current second began.
    since: Instant,
    /// How many lines were shown in it.
    shown: u64,
    /// How many were not.
    hidden: u64,
}

impl Screen<'_> {
    /// Shows a line, or counts it.
    fn show(&mut self, line: &[u8]) {
        if self.shown < LIVE_LINES {
            self.shown += 1;
            (self.live)(clean_line(line, self.colour));
        } else {
            self.hidden += 1;
        }
    }

    /// Says what was not shown and begins anew.
    fn catch_up(&mut self) {
        if self.hidden > 0 {
            (self.live)(format!("… {} more lines are in the log only", self.hidden));
        }
        (self.since, self.shown, self.hidden) = (Instant::now(), 0, 0);
    }
}

/// Cuts bytes into lines. `\n` and `\r\n` end a line. A lone `\r` takes back what the line held, as on a
/// terminal, so that a progress bar is one line and cannot overwrite the prefix before it.
#[derive(Default)]
struct Lines {
    /// The line so far.
    line: Vec<u8>,
    /// The last byte was `\r`: whether it ends the line shows with the next one.
    returned: bool,
    /// The line was too long and has been shown; the rest of it is skipped.
    skipping: bool,
}

impl Lines {
    /// Takes bytes and emits the lines they complete.
    fn push(&mut self, mut bytes: &[u8], emit: &mut dyn FnMut(&[u8])) {
        while let Some(first) = bytes.first() {
            if std::mem::take(&mut self.returned) && *first != b'\n' {
                self.line.clear();
                self.skipping = false;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            self.extend(&bytes[..end.unwrap_or(bytes.len())], emit);
            let Some(end) = end else { return };
            if bytes[end] == b'\n' {
                self.finish_line(emit);
            } else {
                self.returned = true;
            }
            bytes = &bytes[end + 1..];
        }
    }

    /// Adds to the line; one that grows too long is emitted at once.
    fn extend(&mut self, bytes: &[u8], emit: &mut dyn FnMut(&[u8])) {
        if self.skipping {
            return;
        }
        let room = RAW_LIMIT - self.line.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            emit(&self.line);
            self.line.clear();
            self.skipping = true;
        }
    }

    /// A newline.
    fn finish_line(&mut self, emit: &mut dyn FnMut(&[u8])) {
        if !std::mem::take(&mut self.skipping) {
            emit(&self.line);
        }
        self.line.clear();
    }

    /// The end of the output.
    fn finish(&mut self, emit: &mut dyn FnMut(&[u8])) {
        if !self.line.is_empty() {
            self.finish_line(emit);
        }
    }
}

/// The last bytes of the output.
#[derive(Default)]
struct Tail {
    /// At most [`TAIL_BYTES`].
    bytes: VecDeque<u8>,
    /// Whether earlier bytes were dropped, so that the first line may lack its beginning.
    cut: bool,
}

impl Tail {
    /// Takes bytes, dropping the oldest.
    fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let excess = (self.bytes.len() + kept.len()).saturating_sub(TAIL_BYTES);
        self.cut |= excess > 0 || kept.len() < bytes.len();
        self.bytes.drain(..excess);
        self.bytes.extend(kept);
    }

    /// The last lines, cleaned, without colour.
    fn lines(self) -> Vec<String> {
        let mut lines = Lines::default();
        let mut shown = VecDeque::new();
        let mut keep = |line: &[u8]| shown.push_back(clean_line(line, false));
        let (front, back) = self.bytes.as_slices();
        lines.push(front, &mut keep);
        lines.push(back, &mut keep);
        lines.finish(&mut keep);
        if self.cut && shown.len() > 1 {
            shown.pop_front();
        }
        let excess = shown.len().saturating_sub(TAIL_LINES);
        shown.drain(..excess);
        shown.into()
    }
}

/// The line as it may be shown: colour passes if wanted, every other escape sequence is dropped, control
/// and bidirectional characters are written as `\u{..}`, invalid UTF-8 is replaced, a long line is cut.
/// A line that sets a colour ends with a reset.
pub(crate) fn clean_line(line: &[u8], colour: bool) -> String {
    let text = String::from_utf8_lossy(line);
    let mut rest = text.chars().peekable();
    let mut shown = String::with_capacity(text.len().min(SHOWN_LIMIT));
    let mut coloured = false;
    while let Some(character) = rest.next() {
        if shown.len() >= SHOWN_LIMIT {
            shown.push('…');
            break;
        }
        match character {
            '\u{1b}' => {
                if let Some(parameters) = escape_sequence(&mut rest)
                    && colour
                {
                    coloured = !matches!(parameters.as_str(), "" | "0");
                    shown.push_str("\u{1b}[");
                    shown.push_str(&parameters);
                    shown.push('m');
                }
            }
            '\t' => shown.push('\t'),
            _ => shown.push_str(&printable(character.encode_utf8(&mut [0; 4]))),
        }
    }
    if coloured {
        shown.push_str("\u{1b}[0m");
    }
    shown
}

/// Reads past the escape sequence whose ESC was just read. Gives the parameters if it sets a colour.
fn escape_sequence(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    match rest.peek()? {
        '[' => {
            rest.next();
            control_sequence(rest)
        }
        // OSC, DCS, SOS, PM and APC carry text up to BEL or ESC \. Without an end they swallow the line,
        // as they would on a terminal.
        ']' | 'P' | 'X' | '^' | '_' => {
            while let Some(character) = rest.next() {
                match character {
                    '\u{7}' | '\u{9c}' => break,
                    '\u{1b}' if rest.next_if_eq(&'\\').is_some() => break,
                    _ => {}
                }
            }
            None
        }
        _ => {
            while rest.next_if(|next| matches!(next, ' '..='/')).is_some() {}
            rest.next_if(|next| matches!(next, '0'..='~'));
            None
        }
    }
}

/// Reads past `ESC [`, its parameters and its final character.
fn control_sequence(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut parameters = String::new();
    let mut plain = true;
    while let Some(next) = rest.next_if(|next| matches!(next, ' '..='?')) {
        plain &= matches!(next, '0'..='9' | ';' | ':') && parameters.len() < COLOUR_LIMIT;
        if plain {
            parameters.push(next);
        }
    }
    let last = rest.next_if(|next| matches!(next, '@'..='~'));
    (plain && last == Some('m')).then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(chunks: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.push(chunk, &mut |line| seen.push(clean_line(line, true)));
        }
        lines.finish(&mut |line| seen.push(clean_line(line, true)));
        seen
    }

    #[test]
    fn passwords_in_urls_are_hidden_wherever_the_output_is_cut() {
        let text = b"a https://u:p@h/x\nb \xff https://tok@h\n\nend https://u:p@h";
        for at in 0..text.len() {
            let mut urls = Urls::default();
            let mut shown = urls.push(&text[..at]);
            shown.extend(urls.push(&text[at..]));
            shown.extend(urls.finish());
            let shown = String::from_utf8(shown).unwrap();
            assert_eq!(shown, "a https://***@h/x\nb \u{fffd} https://***@h\n\nend https://***@h");
        }
        let mut endless = Urls::default();
        assert_eq!(endless.push(&vec![b'x'; URL_LIMIT + 1]).len(), URL_LIMIT + 1);
    }

    #[test]
    fn only_colour_passes() {
        let corpus: &[(&[u8], &str)] = &[
            (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
            (b"\x1b[1;38;5;208mopen", "\x1b[1;38;5;208mopen\x1b[0m"),
            (b"\x1b[2J\x1b[Hcleared", "cleared"),
            (b"\x1b[1A\x1b[2Kup", "up"),
            (b"\x1b[?1049hscreen\x1b[?25l", "screen"),
            (b"\x1b[>4;2mmodify", "modify"),
            (b"\x1b[ qcursor", "cursor"),
            (b"\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"\x1b]52;c;cm0gLXJmIC8=\x07copied", "copied"),
            (b"\x1b]0;title", ""),
            (b"\x1bPdevice\x1b\\after", "after"),
            (b"\x1b_apc\x07after", "after"),
            (b"\x1bcreset\x1b(0charset\x1b", "resetcharset"),
            (b"\x1b[31", ""),
            (b"\x1b\x1b[2Jtwice", "twice"),
            (b"\xc2\x9b31mc1", "\\u{9b}31mc1"),
            (b"\x9b2Jraw", "\u{fffd}2Jraw"),
            (b"\x07bell\x08back\x00nul\x7f", "\\u{7}bell\\u{8}back\\u{0}nul\\u{7f}"),
            ("a\u{202e}b\u{2066}c\u{200f}".as_bytes(), "a\\u{202e}b\\u{2066}c\\u{200f}"),
            (b"real\r[lock:prod] forged", "real\\u{d}[lock:prod] forged"),
            (b"caf\xc3\xa9 \xff\xfe\ttab", "caf\u{e9} \u{fffd}\u{fffd}\ttab"),
            ("line\u{2028}separator".as_bytes(), "line\\u{2028}separator"),
        ];
        for (raw, shown) in corpus {
            assert_eq!(clean_line(raw, true), *shown, "{}", raw.escape_ascii());
        }
        assert_eq!(clean_line(b"\x1b[31mred\x1b[0m", false), "red");
    }

    #[test]
    fn no_control_byte_survives_outside_colour() {
        proptest::proptest!(|(bytes: Vec<u8>)| {
            let shown = clean_line(&bytes, false);
            assert!(!shown.chars().any(|character| character.is_control() && character != '\t'), "{shown:?}");
        });
    }

    #[test]
    fn long_lines_are_cut() {
        let shown = clean_line(&vec![b'x'; 1_000_000], true);
        assert_eq!(shown.len(), SHOWN_LIMIT + '…'.len_utf8());
        let colours = "\u{1b}[31m".repeat(10_000);
        assert!(clean_line(colours.as_bytes(), true).len() < SHOWN_LIMIT + 16);
    }

    #[test]
    fn a_carriage_return_takes_back_its_own_line_only() {
        assert_eq!(lines_of(&[b"10%\r50%\r", b"100%\n"]), ["100%"]);
        assert_eq!(lines_of(&[b"dos\r", b"\nline\r\n"]), ["dos", "line"]);
        assert_eq!(lines_of(&[b"kept\r"]), ["kept"]);
        assert_eq!(lines_of(&[b"a\n\nb"]), ["a", "", "b"]);
    }

    #[test]
    fn an_endless_line_is_shown_once() {
        let chunk = vec![b'x'; 100_000];
        let seen = lines_of(&[&chunk, &chunk, b"\nnext\n"]);
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[1], "next");
    }

    #[test]
    fn a_flood_is_counted_instead_of_shown() {
        let mut seen = Vec::new();
        let mut live = |line| seen.push(line);
        let mut screen =
            Screen { colour: false, live: &mut live, since: Instant::now(), shown: 0, hidden: 0 };
        (0..LIVE_LINES + 5).for_each(|_| screen.show(b"y"));
        screen.catch_up();
        screen.show(b"calm");
        screen.catch_up();
        assert_eq!(seen.len() as u64, LIVE_LINES + 2);
        assert_eq!(seen[seen.len() - 2..], ["… 5 more lines are in the log only", "calm"]);
    }

    #[test]
    fn the_tail_is_bounded_and_starts_at_a_line() {
        let mut tail = Tail::default();
        for number in 0..100_000 {
            tail.push(format!("line {number}\n").as_bytes());
        }
        assert!(tail.bytes.len() <= TAIL_BYTES);
        let lines = tail.lines();
        assert_eq!(lines.len(), TAIL_LINES);
        assert_eq!(lines[TAIL_LINES - 1], "line 99999");

        let mut tail = Tail::default();
        tail.push(&vec![b'x'; 1_000_000]);
        assert_eq!(tail.lines().len(), 1);
    }
}
