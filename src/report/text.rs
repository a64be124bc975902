//! Small pieces of text: durations, lists, lines of programs, lines that must fit.

use crate::base::printable;

/// A duration in milliseconds for people: `4ms`, `1.2s`, `2m03s`, `1h02m`.
#[must_use]
pub(crate) fn duration(ms: u64) -> String {
    if ms < 1000 { format!("{ms}ms") } else { elapsed(ms) }
}

/// A duration that is still growing: tenths from the start, so that its form does not jump.
pub(super) fn elapsed(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds}.{}s", ms % 1000 / 100),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// Text of several lines, each made safe to print.
pub(super) fn printable_lines(text: &str) -> String {
    text.trim_end().lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// Each line of `text` behind `margin`.
pub(super) fn indent(text: &str, margin: &str) -> String {
    text.lines().map(|line| format!("{margin}{line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// The first `most` of the names, and how many more.
pub(super) fn listed<S: AsRef<str>>(names: &[S], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// At most `width` characters of an unpainted text.
pub(super) fn fit(text: &str, width: usize, ellipsis: &str) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(ellipsis.chars().count());
    text.chars().take(kept).collect::<String>() + ellipsis
}

/// A line that a program printed, with colours (if `keep`) as its only escape sequences, and ended by a
/// reset. `exec` cleans lines already; a second sieve costs nothing where there is no control character.
pub(super) fn program_line(line: &str, keep: bool) -> String {
    if !line.contains(|character: char| character.is_control() && character != '\t') {
        return line.to_owned();
    }
    let mut clean = String::with_capacity(line.len() + 4);
    let mut rest = line.chars().peekable();
    let mut colored = false;
    while let Some(character) = rest.next() {
        if character != '\u{1b}' {
            if character == '\t' || !character.is_control() {
                clean.push(character);
            }
            continue;
        }
        match rest.next() {
            Some('[') => {
                let mut parameters = String::new();
                while let Some(parameter) = rest.next_if(|next| matches!(next, ' '..='?')) {
                    parameters.push(parameter);
                }
                let color = parameters.chars().all(|each| matches!(each, '0'..=';'));
                if rest.next() == Some('m') && keep && color {
                    clean.extend(["\u{1b}[", &parameters, "m"]);
                    colored = true;
                }
            }
            // An operating system command, up to BEL or ESC \ (whose backslash the next match eats).
            Some(']') => while rest.next_if(|&next| next != '\u{7}' && next != '\u{1b}').is_some() {},
            _ => {}
        }
    }
    if colored {
        clean.push_str("\u{1b}[0m");
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_figures_or_so() {
        let shown = [0, 4, 999, 1000, 1249, 59_999, 60_000, 123_400, 3_599_999, 3_720_000].map(duration);
        assert_eq!(
            shown,
            ["0ms", "4ms", "999ms", "1.0s", "1.2s", "59.9s", "1m00s", "2m03s", "59m59s", "1h02m"]
        );
        assert_eq!(elapsed(340), "0.3s");
    }

    #[test]
    fn programs_keep_their_colours_and_nothing_else() {
        let line =
            "\u{1b}[31mred\u{1b}[0m \u{1b}[2J\u{1b}]52;c;aGk=\u{7}x\u{1b}]8;;http://e\u{1b}\\y\r\u{9b}z\tt";
        assert_eq!(program_line(line, true), "\u{1b}[31mred\u{1b}[0m xyz\tt\u{1b}[0m");
        assert_eq!(program_line(line, false), "red xyz\tt");
        assert_eq!(program_line("\u{1b}[?25lx\u{1b}[1;", true), "x");
    }

    #[test]
    fn long_things_are_cut() {
        assert_eq!(fit("abcdef", 4, "…"), "abc…");
        assert_eq!(fit("abcd", 4, "…"), "abcd");
        assert_eq!(listed(&["a", "b", "c"], 2), "a, b and 1 more");
    }
}
