//! What differs between two texts, as lines.

use crate::base::printable;

/// The lines that differ, those that go before those that come.
pub(super) fn hunk(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // lengths[at][to]: how many lines the rests from there have in common.
    let head = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(one, other)| one == other);
    let tail = tail.count();
    let (old, new) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut lengths = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for at in (0..old.len()).rev() {
        for to in (0..new.len()).rev() {
            lengths[at][to] = if old[at] == new[to] {
                lengths[at + 1][to + 1] + 1
            } else {
                lengths[at + 1][to].max(lengths[at][to + 1])
            };
        }
    }
    let (mut at, mut to, mut text) = (0, 0, String::new());
    while at < old.len() || to < new.len() {
        let (mark, line) = if at < old.len() && to < new.len() && old[at] == new[to] {
            (at, to) = (at + 1, to + 1);
            continue;
        } else if at < old.len() && (to == new.len() || lengths[at + 1][to] >= lengths[at][to + 1]) {
            at += 1;
            ('-', old[at - 1])
        } else {
            to += 1;
            ('+', new[to - 1])
        };
        text.extend([mark.to_string().as_str(), &printable(line), "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::hunk;

    #[test]
    fn only_lines_that_differ_are_shown() {
        assert_eq!(hunk("a\nb\nc\nd\n", "a\nB\nc\nx\nd\n"), "-b\n+B\n+x\n");
        assert_eq!(hunk("a\n", "a\n"), "");
        assert_eq!(hunk("a\r\nb\r\n", "a\r\n"), "-b\n");
    }
}
