//! The text of `.gitmodules`, of which one section comes or goes: every other byte stays. Pure.
//!
//! git's own command writes the file anew, and knows nothing of a text that is not at the file's place, as that of the
//! index.

/// The text with a section more, as `git submodule add` writes it.
#[must_use]
pub(crate) fn with_section(text: &[u8], name: &str, path: &str, url: &str) -> Vec<u8> {
    let mut text = text.to_vec();
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    let (name, path, url) = (quoted(name), value(path), value(url));
    text.extend(format!("[submodule {name}]\n\tpath = {path}\n\turl = {url}\n").into_bytes());
    text
}

/// The text without the sections of that submodule; `None`: it has none. Comments behind them stay.
#[must_use]
pub(crate) fn without_section(text: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut kept = Vec::with_capacity(text.len());
    // Lines that go, unless they turn out to stand before the next section.
    let mut loose: Vec<&[u8]> = Vec::new();
    let (mut is_inside, mut found) = (false, false);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.trim_ascii();
        if bare.starts_with(b"[") {
            kept.extend(loose.drain(..).flatten());
            is_inside = section(bare).is_some_and(|section| section == name.as_bytes());
            found |= is_inside;
        }
        let is_comment = bare.is_empty() || bare.starts_with(b"#") || bare.starts_with(b";");
        match (is_inside, is_comment) {
            (false, _) => kept.extend(line),
            (true, true) => loose.push(line),
            (true, false) => loose.clear(),
        }
    }
    kept.extend(loose.into_iter().flatten());
    found.then_some(kept)
}

/// The submodule that a section's first line names.
fn section(line: &[u8]) -> Option<Vec<u8>> {
    let rest = line.strip_prefix(b"[")?.trim_ascii_start();
    let (word, rest) = rest.split_at_checked("submodule".len())?;
    let mut rest = rest
        .trim_ascii_start()
        .strip_prefix(b"\"")
        .filter(|_| word.eq_ignore_ascii_case(b"submodule"))?
        .iter();
    let mut name = Vec::new();
    loop {
        match rest.next()? {
            b'"' => return Some(name),
            b'\\' => name.push(*rest.next()?),
            byte => name.push(*byte),
        }
    }
}

/// A value of git's settings, as git itself writes it.
fn value(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-:@+~%".contains(letter);
    if text.chars().all(is_plain) { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_where_git_would_read_it_otherwise() {
        for (text, written) in [
            ("packages/a", "packages/a"),
            ("https://h/a.git", "https://h/a.git"),
            ("a b", "\"a b\""),
            ("a#b\"c\\", "\"a#b\\\"c\\\\\""),
        ] {
            assert_eq!(value(text), written);
        }
    }

    #[test]
    fn a_section_comes_and_goes_and_leaves_the_rest() {
        for before in ["", "# c\n[submodule \"b\"]\n\tpath = b\n", "[submodule \"b\"] ; c\r\n\tpath = b\r\n"]
        {
            let with = with_section(before.as_bytes(), "a \"q\" \\ b", "a b", "https://h/a");
            assert_eq!(without_section(&with, "a \"q\" \\ b").unwrap(), before.as_bytes());
            assert_eq!(without_section(&with, "q"), None);
        }
        let text = "[submodule \"a\"]\n\tpath = a\n# of b\n\n[ SubModule \"b\" ] x = y\n\t# in b\n\turl = b\n[core]\n";
        let without = |name| String::from_utf8(without_section(text.as_bytes(), name).unwrap()).unwrap();
        assert_eq!(without("a"), "# of b\n\n[ SubModule \"b\" ] x = y\n\t# in b\n\turl = b\n[core]\n");
        assert_eq!(without("b"), "[submodule \"a\"]\n\tpath = a\n# of b\n\n[core]\n");
        // The last line has no end, as an editor may leave it.
        assert_eq!(with_section(b"[core]", "a", "a", "u").split(|byte| *byte == b'\n').count(), 5);
    }
}
