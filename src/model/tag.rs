//! Which texts may name a tag, whatever a repository holds.
//!
//! The rules of `git check-ref-format`, and no more than ASCII that a shell and a TOML string leave alone: a
//! tag goes into command lines, manifests and messages.

use super::package::TagForm;

/// Why `tag` cannot be used; `None`: it can.
pub(super) fn tag_fault(tag: &str) -> Option<&'static str> {
    if tag.is_empty() || tag.len() > 200 {
        return Some("it is empty or longer than 200 characters");
    }
    if !tag.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("it holds a blank or a character outside ASCII");
    }
    if tag.starts_with(['-', '.', '/', '+']) {
        return Some("it starts with `-`, `.`, `/` or `+`");
    }
    let wild = |character: char| {
        matches!(character, '~' | '^' | ':' | '?' | '*' | '[' | '\\' | '\'' | '"' | '`' | '$')
    };
    if tag.contains(wild) || tag.contains(['&', '|', ';', '<', '>', '(', ')', '{', '}', '!', '#', '%']) {
        return Some("it holds a character that git or a shell gives a meaning");
    }
    let parts_fault = tag.split('/').any(|part| {
        part.is_empty()
            || part.starts_with('.')
            || part.strip_suffix(".lock").is_some()
            || part.ends_with('.')
    });
    if parts_fault || tag.contains("..") || tag.contains("@{") || tag == "@" {
        return Some("git allows no such name");
    }
    None
}

/// The form that `tag=` writes.
pub(super) fn parse_form(text: &str) -> Result<TagForm, &'static str> {
    let (prefix, suffix) = text.split_once("{version}").ok_or("has no `{version}`")?;
    if suffix.contains("{version}") {
        return Err("has `{version}` twice");
    }
    if tag_fault(&format!("{prefix}1.0{suffix}")).is_some() {
        return Err("gives no tag that git allows");
    }
    if prefix.ends_with(|c: char| c.is_ascii_digit()) || suffix.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("has a digit beside the version");
    }
    Ok(TagForm::Around { prefix: prefix.to_owned(), suffix: suffix.to_owned() })
}

/// A tag of that form.
pub(super) fn example(form: &TagForm, version: &dyn std::fmt::Display) -> String {
    match form {
        TagForm::Plain => format!("v{version}"),
        TagForm::Around { prefix, suffix } => format!("{prefix}{version}{suffix}"),
    }
}

/// The form as a message shows it.
pub(super) fn form_text(form: &TagForm) -> String {
    match form {
        TagForm::Plain => "`0.1.2` or `v0.1.2`".to_owned(),
        TagForm::Around { prefix, suffix } => format!("`{prefix}0.1.2{suffix}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_tags_are_refused() {
        let hostile = [
            "",
            "-v1",
            "--upload-pack=x",
            "v1;id",
            "v1\"x",
            "v1 x",
            "v1\n",
            "v1\u{202e}",
            "a..b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "@{1}",
            "@",
            "a.lock",
            "a.lock/b",
            "a/",
            "/a",
            "a//b",
            ".a",
            "a/.b",
            "a.",
            "$(id)",
            "`id`",
            "é",
            "v1'x",
            "+a:b",
            "v1|x",
        ];
        for tag in hostile {
            assert!(tag_fault(tag).is_some(), "{tag:?}");
        }
        for tag in ["v0.1.2", "0.1.2.dev0", "bench-utils-v1.0", "pkg/v1", "pkg@1.0", "v1.0+cu124"] {
            assert_eq!(tag_fault(tag), None, "{tag}");
        }
    }

    #[test]
    fn a_form_has_one_version() {
        let around = TagForm::Around { prefix: "a-v".to_owned(), suffix: String::new() };
        assert_eq!(parse_form("a-v{version}"), Ok(around));
        assert!(parse_form("a").is_err());
        assert!(parse_form("{version}{version}").is_err());
        assert!(parse_form("-{version}").is_err());
    }
}
