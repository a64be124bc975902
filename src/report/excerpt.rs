//! The part of a source that a diagnostic shows, made safe and short.
//!
//! A source may hold a line of 1 MB, terminal escapes or bidirectional overrides, and whoever renders a
//! diagnostic prints it raw. Here the text is rewritten before: lines far from every span become empty (line
//! numbers stay), long ones are cut around the span, unsafe characters are escaped, and the spans are moved
//! along. Tabs stay.

use crate::base::printable;

/// Characters of a line that are shown.
const LONGEST: usize = 120;
/// Of these, how many before the span.
const BEFORE: usize = 30;
/// A span over more lines is shown by its first.
const MOST_LINES: usize = 8;
/// Lines between two spans are shown if there are no more.
const ONE_PIECE: usize = 12;

/// A byte range.
pub(super) type Range = (usize, usize);

/// The rewritten text and, in the order given, where the spans are in it.
pub(super) fn excerpt(text: &str, spans: &[Range], ellipsis: &str) -> (String, Vec<Range>) {
    let lines = split(text);
    let spans: Vec<Range> = spans.iter().map(|span| shortened(*span, text, &lines)).collect();
    let at: Vec<Range> =
        spans.iter().map(|(start, end)| (line_of(&lines, *start), line_of(&lines, *end))).collect();
    let mut clean = String::new();
    let mut moved = vec![(0, 0); spans.len()];
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            clean.push('\n');
        }
        let near = at.iter().any(|(first, last)| (first.saturating_sub(1)..=last + 1).contains(&number))
            || between(&at, number);
        if !near {
            continue;
        }
        let focus = (0..spans.len()).filter(|&each| (at[each].0..=at[each].1).contains(&number)).min();
        let focus = focus.map_or(line.0, |each| spans[each].0.max(line.0));
        let offsets = write_line(&mut clean, text, *line, focus, ellipsis);
        let new = |old: usize| {
            let after = offsets.partition_point(|(from, _)| *from < old);
            offsets.get(after).or(offsets.last()).map_or(0, |(_, to)| *to)
        };
        for (each, (start, end)) in spans.iter().enumerate() {
            if at[each].0 == number {
                moved[each].0 = new(*start);
            }
            if at[each].1 == number {
                moved[each].1 = new(*end);
            }
        }
    }
    (clean, moved)
}

/// Does the line lie between two spans that are drawn as one piece?
fn between(at: &[Range], number: usize) -> bool {
    let before = at.iter().map(|(_, last)| *last).filter(|last| *last < number).max();
    let after = at.iter().map(|(first, _)| *first).filter(|first| *first > number).min();
    before.zip(after).is_some_and(|(before, after)| after - before <= ONE_PIECE)
}

/// Start and end of every line, without the line end.
fn split(text: &str) -> Vec<Range> {
    let mut start = 0;
    text.split('\n')
        .map(|line| {
            let range = (start, start + line.strip_suffix('\r').unwrap_or(line).len());
            start += line.len() + 1;
            range
        })
        .collect()
}

fn line_of(lines: &[Range], offset: usize) -> usize {
    lines.partition_point(|(start, _)| *start <= offset).saturating_sub(1)
}

/// The span within the text, between characters, of few lines, and not past the end of its last line.
fn shortened((start, end): Range, text: &str, lines: &[Range]) -> Range {
    let start = text.floor_char_boundary(start);
    let mut end = text.ceil_char_boundary(end).max(start);
    let first = line_of(lines, start);
    // A span that ends with a line end is one line's, not two.
    let mut last = line_of(lines, if end > start { end - 1 } else { end });
    if last - first >= MOST_LINES {
        last = first;
    }
    end = end.min(lines[last].1).max(start.min(lines[last].1));
    (start.min(end), end)
}

/// Appends one line. Returns where its characters (and its end) went: pairs of old and new offsets.
fn write_line(clean: &mut String, text: &str, line: Range, focus: usize, ellipsis: &str) -> Vec<Range> {
    let content = &text[line.0..line.1];
    let characters: Vec<(usize, char)> = content.char_indices().collect();
    let from = if characters.len() <= LONGEST {
        0
    } else {
        let focused = characters.partition_point(|(offset, _)| line.0 + offset < focus);
        focused.saturating_sub(BEFORE).min(characters.len() - LONGEST)
    };
    let to = characters.len().min(from + LONGEST);
    if from > 0 {
        clean.push_str(ellipsis);
    }
    let mut offsets = Vec::with_capacity(to - from + 1);
    for (offset, character) in &characters[from..to] {
        offsets.push((line.0 + offset, clean.len()));
        if *character == '\t' {
            clean.push('\t');
        } else {
            clean.push_str(&printable(character.encode_utf8(&mut [0; 4])));
        }
    }
    let end = characters.get(to).map_or(line.1, |(offset, _)| line.0 + offset);
    offsets.push((end, clean.len()));
    if to < characters.len() {
        clean.push_str(ellipsis);
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(clean: &str, span: Range) -> &str {
        &clean[span.0..span.1]
    }

    #[test]
    fn far_lines_are_empty_and_spans_move_along() {
        let (clean, moved) = excerpt("far\nfar\nnear\na \u{1b}[0m bad\nnear\nfar\n", &[(20, 23)], "…");
        assert_eq!(clean, "\n\nnear\na \\u{1b}[0m bad\nnear\n\n");
        assert_eq!(shown(&clean, moved[0]), "bad");
    }

    #[test]
    fn a_long_line_is_cut_around_the_span() {
        let text = format!("{}bad{}", "é".repeat(5000), "x".repeat(5000));
        let (clean, moved) = excerpt(&text, &[(10_000, 10_003)], "…");
        assert_eq!(shown(&clean, moved[0]), "bad");
        assert_eq!(clean.chars().count(), LONGEST + 2);
        let (clean, moved) = excerpt(&text, &[(10_000, 10_003), (0, 1)], "…");
        assert_eq!(
            (shown(&clean, moved[0]), shown(&clean, moved[1])),
            ("bad", ""),
            "a second span is clamped"
        );
    }

    #[test]
    fn every_span_of_every_text_stays_inside() {
        for text in ["", "\n", "a", "é\r\nb\r\n", "a\n\n\nb", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11"] {
            for start in 0..text.len() + 3 {
                for end in 0..text.len() + 3 {
                    let (clean, moved) = excerpt(text, &[(start, end)], "...");
                    assert!(moved[0].0 <= moved[0].1 && clean.get(moved[0].0..moved[0].1).is_some());
                    assert_eq!(clean.matches('\n').count(), text.matches('\n').count());
                }
            }
        }
    }
}
