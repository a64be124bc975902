//! What differs between two texts, as lines.

use std::time::Duration;

use similar::TextDiff;

use crate::base::{hidden, printable};

/// Lines shown around those that differ: one says which table or node a line such as `version = "0.1.2"` is of.
const AROUND: usize = 1;

/// How long the shortest difference is looked for; after that one that is longer than need be is shown. Two lockfiles
/// of many thousand lines that share nothing would take minutes.
const PATIENCE: Duration = Duration::from_millis(500);

/// The lines that differ, in the form of `diff -u`, without its two lines of names.
pub(super) fn hunk(old: &str, new: &str) -> String {
    let mut text = String::new();
    let difference = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    for hunk in difference.unified_diff().context_radius(AROUND).iter_hunks() {
        text.extend([hunk.header().to_string().as_str(), "\n"]);
        for change in hunk.iter_changes() {
            let line = change.value();
            let line = line.strip_suffix('\n').unwrap_or(line);
            let line = line.strip_suffix('\r').unwrap_or(line);
            text.extend([change.tag().to_string().as_str(), &printable(&hidden(line)), "\n"]);
            if change.missing_newline() {
                text.push_str("\\ No newline at end of file\n");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::hunk;

    #[test]
    fn lines_that_differ_are_shown_with_one_around_them() {
        let (old, new) = ("a\nb\nc\nd\ne\nf\ng\n", "a\nB\nc\nd\ne\nf\ng\nx\n");
        assert_eq!(hunk(old, new), "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n@@ -7 +7,2 @@\n g\n+x\n");
        assert_eq!(hunk("a\n", "a\n"), "");
    }

    #[test]
    fn ends_of_lines_move_no_cursor_and_a_missing_one_is_said() {
        assert_eq!(hunk("a\r\nb\r\n", "a\r\n"), "@@ -1,2 +1 @@\n a\n-b\n");
        assert_eq!(hunk("a", "a\n"), "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
        assert_eq!(hunk("", "a\u{1b}[2J\n"), "@@ -0,0 +1 @@\n+a\\u{1b}[2J\n");
    }

    #[test]
    fn passwords_are_not_shown() {
        let said = hunk("", "x = { url = \"https://me:s3cret@h.example/x.whl\" }\n");
        assert_eq!(said, "@@ -0,0 +1 @@\n+x = { url = \"https://*********@h.example/x.whl\" }\n");
    }

    #[test]
    fn long_texts_that_share_nothing_are_shown_whole() {
        let text =
            |mark: &str| (0..20_000).fold(String::new(), |text, line| text + &format!("{mark}{line}\n"));
        let (old, new) = (text("a"), text("b"));
        assert_eq!(hunk(&old, &new).lines().count(), 40_001);
    }
}
