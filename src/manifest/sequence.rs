//! Splices in what stands between brackets: elements of an array, keys of an inline table.
//!
//! Between items stand only blanks, line ends, comments and commas, so that a comma is found by skipping
//! comments. An inserted item follows the layout it meets; a removed one takes its line, its comma and the
//! comment on its line with it, and comments on lines of their own stay.

use std::ops::Range;

use super::layout;

/// A replacement of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    /// What goes.
    pub(super) range: Range<usize>,
    /// What comes.
    pub(super) text: String,
}

/// Items between brackets.
pub(super) struct Sequence<'t> {
    /// The whole text.
    pub(super) text: &'t str,
    /// From the opening bracket to behind the closing one.
    pub(super) outer: Range<usize>,
    /// The items, in order.
    pub(super) items: Vec<Range<usize>>,
    /// May an item be put on a line of its own where the others are not?
    pub(super) breakable: bool,
}

/// The text with all splices made; they must not overlap.
pub(super) fn spliced(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let mut result = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for splice in splices {
        result.push_str(&text[at..splice.range.start]);
        result.push_str(&splice.text);
        at = splice.range.end;
    }
    result.push_str(&text[at..]);
    result
}

/// The line ending that the text uses first.
pub(super) fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The start of the line that `at` is on.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The end of the line that `at` is on, before its line ending.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    if end > at && text[..end].ends_with('\r') { end - 1 } else { end }
}

/// The start of the line after the one that `at` is on.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// The blanks that the line of `at` starts with.
pub(super) fn indent(text: &str, at: usize) -> &str {
    let start = line_start(text, at);
    let length = text[start..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[start..start + length]
}

/// Is there nothing but blanks between the start of the line and `at`?
fn is_first(text: &str, at: usize) -> bool {
    text[line_start(text, at)..at].trim().is_empty()
}

/// The byte of `wanted` in a gap between items, outside comments.
fn in_gap(text: &str, gap: Range<usize>, wanted: u8) -> Option<usize> {
    let mut comment = false;
    for at in gap {
        match text.as_bytes()[at] {
            b'\n' if wanted != b'\n' => comment = false,
            byte if byte == wanted && (!comment || wanted == b'\n') => return Some(at),
            b'#' => comment = true,
            _ => {}
        }
    }
    None
}

/// A line of its own behind the line of `at`, ended like that one.
pub(super) fn line_behind(text: &str, at: usize, line: &str) -> Splice {
    let end = line_end(text, at);
    match &text[end..next_line(text, at)] {
        "" => put(end, format!("{}{line}", newline(text))),
        ending => put(end + ending.len(), format!("{line}{ending}")),
    }
}

fn put(at: usize, text: String) -> Splice {
    Splice { range: at..at, text }
}

impl Sequence<'_> {
    /// Is anything on a line of its own?
    fn is_tall(&self) -> bool {
        (0..=self.items.len()).any(|at| self.text[self.gap(at)].contains('\n'))
    }

    /// What stands before the item of that number, or after the last.
    fn gap(&self, at: usize) -> Range<usize> {
        let start = at.checked_sub(1).map_or(self.outer.start + 1, |before| self.items[before].end);
        let end = self.items.get(at).map_or(self.outer.end - 1, |item| item.start);
        start..end
    }

    /// Puts `item` after the one of that number, or first.
    pub(super) fn insert(&self, after: Option<usize>, item: &str) -> Vec<Splice> {
        match after {
            _ if self.items.is_empty() => vec![self.insert_only(item)],
            None => vec![self.insert_first(item)],
            Some(at) if self.is_tall() => self.insert_tall(at, item),
            Some(at) => {
                let wide = self.line_width() + item.chars().count() + 2 > layout::WIDTH;
                if wide && self.breakable {
                    vec![self.broken(at, item)]
                } else {
                    vec![self.insert_flat(at, item)]
                }
            }
        }
    }

    fn line_width(&self) -> usize {
        let (start, end) = (line_start(self.text, self.outer.start), line_end(self.text, self.outer.end));
        self.text[start..end].chars().count()
    }

    fn insert_only(&self, item: &str) -> Splice {
        let (text, newline) = (self.text, newline(self.text));
        let inside = self.gap(0);
        if text[inside.clone()].contains('\n') {
            let close = line_start(text, inside.end);
            let comment = in_gap_comment(text, inside);
            let own = comment.filter(|&at| is_first(text, at)).map_or_else(
                || format!("{}    ", indent(text, self.outer.end - 1)),
                |at| indent(text, at).to_owned(),
            );
            return put(close, format!("{own}{item},{newline}"));
        }
        let base = indent(text, self.outer.start);
        let filled = if self.breakable {
            format!("{newline}{base}    {item},{newline}{base}")
        } else if text.as_bytes()[self.outer.start] == b'{' {
            format!(" {item} ")
        } else {
            item.to_owned()
        };
        Splice { range: inside, text: filled }
    }

    fn insert_first(&self, item: &str) -> Splice {
        let start = self.items[0].start;
        if is_first(self.text, start) {
            let own = indent(self.text, start);
            put(line_start(self.text, start), format!("{own}{item},{}", newline(self.text)))
        } else {
            put(start, format!("{item}, "))
        }
    }

    fn insert_flat(&self, at: usize, item: &str) -> Splice {
        put(self.items[at].end, format!(", {item}"))
    }

    /// All items and the new one, a line each. Only a sequence on one line comes here: it has no comments.
    fn broken(&self, at: usize, item: &str) -> Splice {
        let mut items: Vec<String> =
            self.items.iter().map(|range| self.text[range.clone()].to_owned()).collect();
        items.insert(at + 1, item.to_owned());
        let text = layout::rows(items, indent(self.text, self.outer.start), newline(self.text));
        Splice { range: self.outer.clone(), text }
    }

    fn insert_tall(&self, at: usize, item: &str) -> Vec<Splice> {
        let (text, newline) = (self.text, newline(self.text));
        let end = self.items[at].end;
        let gap = self.gap(at + 1);
        let own = self.row_indent(at);
        match in_gap(text, gap.clone(), b',') {
            Some(comma) => match in_gap(text, comma + 1..gap.end, b'\n') {
                Some(_) => vec![line_behind(text, comma, &format!("{own}{item},"))],
                None if at + 1 < self.items.len() => vec![put(comma + 1, format!(" {item},"))],
                None => vec![put(comma + 1, format!("{newline}{own}{item},"))],
            },
            None => match in_gap(text, gap, b'\n') {
                Some(_) => vec![put(end, ",".to_owned()), line_behind(text, end, &format!("{own}{item}"))],
                None => vec![put(end, format!(",{newline}{own}{item}"))],
            },
        }
    }

    /// The blanks before an item that has a line of its own.
    fn row_indent(&self, at: usize) -> String {
        let first = (0..=at).rev().map(|at| self.items[at].start).find(|&start| is_first(self.text, start));
        first.map_or_else(
            || format!("{}    ", indent(self.text, self.outer.start)),
            |start| indent(self.text, start).to_owned(),
        )
    }

    /// Takes the item of that number away.
    pub(super) fn remove(&self, at: usize) -> Vec<Splice> {
        let text = self.text;
        let item = &self.items[at];
        let (before, after) = (self.gap(at), self.gap(at + 1));
        let comma = in_gap(text, after.clone(), b',');
        let end = comma.map_or(item.end, |comma| comma + 1);
        let newline = in_gap(text, end..after.end, b'\n');
        let alone = is_first(text, item.start)
            && line_start(text, item.start) >= before.start
            && newline.is_some()
            && !text[item.end..end].contains('\n');
        let cut = |range: Range<usize>| Splice { range, text: String::new() };
        // A last item without a comma leaves the one before it last: that must not gain a comma.
        let dangling = comma.is_none().then(|| in_gap(text, before.clone(), b',')).flatten();
        if alone {
            let row = cut(line_start(text, item.start)..next_line(text, end));
            return dangling.map(|comma| cut(comma..comma + 1)).into_iter().chain([row]).collect();
        }
        if comma.is_some() && at + 1 < self.items.len() {
            let blanks = text[end..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            return vec![cut(item.start..end + blanks)];
        }
        let plain = |gap: &Range<usize>| !text[gap.clone()].contains(['\n', '#']);
        match dangling {
            Some(comma) if !text[before.clone()].contains('#') => vec![cut(comma..item.end)],
            Some(comma) => vec![cut(comma..comma + 1), cut(item.start..end)],
            None if at > 0 && plain(&before) => {
                let previous = in_gap(text, before.clone(), b',').map_or(before.start, |comma| comma + 1);
                vec![cut(previous..end)]
            }
            None if plain(&before) && plain(&(end..after.end)) && at == 0 => {
                vec![cut(before.start..after.end)]
            }
            None => vec![cut(item.start..end)],
        }
    }
}

/// The first comment in a gap.
fn in_gap_comment(text: &str, gap: Range<usize>) -> Option<usize> {
    text[gap.clone()].find('#').map(|at| gap.start + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    use toml_edit::Document;

    fn sequence(text: &str) -> Sequence<'_> {
        let document = Document::parse(text).unwrap();
        let value = document.get("k").unwrap().as_array().unwrap();
        let items = value.iter().map(|value| value.span().unwrap()).collect();
        Sequence { text, outer: value.span().unwrap(), items, breakable: true }
    }

    fn last(text: &str) -> String {
        let sequence = sequence(text);
        spliced(text, sequence.insert(sequence.items.len().checked_sub(1), "9"))
    }

    fn without(text: &str, at: usize) -> String {
        spliced(text, sequence(text).remove(at))
    }

    #[test]
    fn an_item_follows_the_layout_it_meets() {
        for (before, after) in [
            ("k = []", "k = [\n    9,\n]"),
            ("k = [ ]\r\n", "k = [\r\n    9,\r\n]\r\n"),
            ("k = [1, 2]", "k = [1, 2, 9]"),
            ("k = [1, 2,]", "k = [1, 2, 9,]"),
            ("k = [ 1 ]", "k = [ 1, 9 ]"),
            ("k = [\n  1,\n  2\n]", "k = [\n  1,\n  2,\n  9\n]"),
            ("k = [\n  1,\n  2, # c, d\n  # e\n]", "k = [\n  1,\n  2, # c, d\n  9,\n  # e\n]"),
            ("k = [\n  1 # c, d\n  # e\n]", "k = [\n  1, # c, d\n  9\n  # e\n]"),
            ("k = [1,\n     2]", "k = [1,\n     2,\n     9]"),
            ("k = [\n  1\n  , 2\n]", "k = [\n  1\n  , 2,\n  9\n]"),
            ("k = [\n  # none\n]", "k = [\n  # none\n  9,\n]"),
            ("k = [\n\t1,\r\n]", "k = [\n\t1,\r\n\t9,\r\n]"),
            ("k = [ # c\n  1,\n]", "k = [ # c\n  1,\n  9,\n]"),
        ] {
            assert_eq!(last(before), after);
        }
    }

    #[test]
    fn a_long_line_is_broken() {
        let text = format!("k = ['{}', 2]", "x".repeat(90));
        assert_eq!(last(&text).lines().count(), 5);
    }

    #[test]
    fn a_removed_item_takes_its_line_and_leaves_the_comments_of_others() {
        for (before, at, after) in [
            ("k = [1]", 0, "k = []"),
            ("k = [1, 2]", 0, "k = [2]"),
            ("k = [1, 2]", 1, "k = [1]"),
            ("k = [1, 2,]", 1, "k = [1,]"),
            ("k = [\n  # a\n  1, # b\n  # c\n  2,\n]", 0, "k = [\n  # a\n  # c\n  2,\n]"),
            ("k = [\n  1, # a\n  2 # b\n]", 1, "k = [\n  1 # a\n]"),
            ("k = [\n  1, # a\n  2]", 1, "k = [\n  1 # a\n  ]"),
            ("k = [1,\n     2]", 1, "k = [1]"),
            ("k = [1,\n  2, 3,\n]", 1, "k = [1,\n  3,\n]"),
            ("k = [\n  1\n  , 2\n]", 0, "k = [\n  2\n]"),
            ("k = [\n  1,\n]", 0, "k = [\n]"),
        ] {
            assert_eq!(without(before, at), after, "{before}");
        }
    }
}
