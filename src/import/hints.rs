//! Targets of a Makefile or a justfile, as hints of what the tasks of a repository are. Nothing is run to find them.

/// Never more than a reader looks through.
const MOST: usize = 20;

/// The targets that a Makefile's rules name by a plain word.
#[must_use]
pub(crate) fn make_targets(text: &str) -> Vec<String> {
    let rules = text.lines().filter(|line| !line.starts_with(['\t', ' ', '#', '.']));
    let left = rules.filter_map(|line| {
        let (left, right) = line.split_once(':')?;
        // `X := 1` is a variable.
        (!right.starts_with('=') && !right.starts_with(":=") && !left.contains('=')).then_some(left)
    });
    plain(left.flat_map(str::split_whitespace))
}

/// The recipes of a justfile that need no arguments.
#[must_use]
pub(crate) fn just_recipes(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with(['\t', ' ', '#', '[', '_']));
    let left = lines.filter_map(|line| {
        let (left, right) = line.split_once(':')?;
        (!right.starts_with('=') && !left.contains(['=', '"', '\''])).then_some(left.trim_start_matches('@'))
    });
    plain(left.filter(|left| left.split_whitespace().count() == 1).map(str::trim))
}

fn plain<'t>(names: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let is_word = |name: &&str| {
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    for name in names.filter(is_word) {
        if !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    }
    found.truncate(MOST);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_recipes_are_told_from_all_else() {
        let make =
            ".PHONY: all\nX := 1\nY ::= 2\nall test: lib.o\n\tcc: x\n%.o: %.c\n$(X): y\nout/x: z\nlint::\n";
        assert_eq!(make_targets(make), ["all", "test", "lint"]);
        let just = "set shell := ['x']\ntest:\n    a: b\n@fmt: test\nbuild target:\n_private:\nx := 'a:b'\n";
        assert_eq!(just_recipes(just), ["test", "fmt"]);
    }
}
