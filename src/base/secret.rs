//! Passwords and tokens in URLs: where a text has them, and the text without them.
//!
//! Every text that a message repeats and every source that one shows lines of goes through [`hidden`], also
//! where nobody has judged it yet: a password that stands in the wrong place must not reach a CI log.

use std::ops::Range;

/// The bytes of `user:password` or `token` in the first URL of a text that has them. The user of an ssh URL
/// alone is no secret.
pub(crate) fn credentials(text: &str) -> Option<Range<usize>> {
    secrets(text).into_iter().find(|secret| !secret.query).map(|secret| secret.bytes)
}

/// The text with the credentials and queries of all its URLs replaced by `*`, byte for byte as long.
pub(crate) fn hidden(text: &str) -> String {
    let mut shown = text.to_owned();
    for secret in secrets(text) {
        hide(&mut shown, secret.bytes);
    }
    shown
}

/// Replaces these bytes by as many `*`.
pub(crate) fn hide(text: &mut String, bytes: Range<usize>) {
    let hidden = "*".repeat(bytes.len());
    if text.get(bytes.clone()).is_some() {
        text.replace_range(bytes, &hidden);
    }
}

/// Something that must not be shown.
struct Secret {
    bytes: Range<usize>,
    /// What follows a `?`: it can hold a token, and often holds none.
    query: bool,
}

/// How far behind a URL that a blank or quote cut short its `@` is looked for.
const REACH: usize = 200;

/// All secrets. Linear: no piece of the text is looked at twice, but for [`REACH`].
fn secrets(text: &str) -> Vec<Secret> {
    let mut found = Vec::new();
    let mut next = 0;
    while let Some(at) = text[next..].find(|c| !is_between(c)) {
        let start = next + at;
        next = text[start..].find(is_between).map_or(text.len(), |length| start + length);
        let word = &text[start..next];
        let mut urls = word.match_indices("://").map(|(at, _)| start + at + 3).peekable();
        if urls.peek().is_none() {
            found.extend(short_form(word).map(|user| plain(start + user.start..start + user.end)));
        }
        while let Some(from) = urls.next() {
            let to = urls.peek().map_or(next, |other| other - 3);
            let user = of_url(text, from..to);
            let after = user.as_ref().map_or(from, |user| user.end).min(to);
            let query = text[after..to].find('?').map(|at| after + at + 1..to);
            found.extend(user.map(plain));
            found.extend(query.map(|bytes| Secret { bytes, query: true }));
        }
    }
    found
}

fn plain(bytes: Range<usize>) -> Secret {
    Secret { bytes, query: false }
}

/// Can no URL hold it?
fn is_between(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '<' | '>' | '`')
}

/// The credentials of the URL whose text after `://` stands at these bytes.
fn of_url(text: &str, bytes: Range<usize>) -> Option<Range<usize>> {
    let (start, url) = (bytes.start, &text[bytes]);
    let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((user, _)) = authority.rsplit_once('@') {
        let is_secret = user.contains(':') || !text[..start].ends_with("ssh://");
        // A password may hold an `@` too.
        return url.rfind('@').filter(|_| is_secret).map(|at| start..start + at);
    }
    // An `@` behind the first `/` is a git reference, unless what stands before it is no `host:port`.
    let (_, port) = authority.split_once(':').filter(|_| !authority.starts_with('['))?;
    if port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let reach = text[start..].char_indices().take(REACH).take_while(|(_, c)| *c != '\n');
    let at = url.rfind('@').or_else(|| reach.filter(|(_, c)| *c == '@').last().map(|(at, _)| at));
    at.map(|at| start..start + at)
}

/// The short form of ssh, `user:password@host:path`, unlike the target `sync:dev@cpu` and an image's digest.
fn short_form(word: &str) -> Option<Range<usize>> {
    let (user, address) = word.rsplit_once('@')?;
    let (host, _) = address.split_once(':')?;
    let start = user.len() - user.trim_start_matches(['\'', '(']).len();
    (user.contains(':') && !user.contains('/') && host != "sha256").then_some(start..user.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_secrets_are_hidden() {
        for text in [
            "https://host/x@v1.0",
            "https://host:8080/x@v1",
            "https://[::1]:80/x@v1",
            "ssh://git@host/x",
            "git@host:team/x.git",
            "git+ssh://git@host/x@v1.0",
            "pkg @ https://host/x",
            "file:///srv/a@b",
            "a, b: c @ d",
            "sync:dev@cu124,3.12",
            "image:tag@sha256:00",
        ] {
            assert_eq!(hidden(text), text);
            assert_eq!(credentials(text), None, "{text}");
        }
        for (text, shown) in [
            ("a https://u:p@h b https://tok@h/x", "a https://***@h b https://***@h/x"),
            ("https://u:p@h,https://t@h/x", "https://***@h,https://*@h/x"),
            ("https://u:é/p@h", "https://******@h"),
            ("https://u:p?p@h/", "https://*****@h/"),
            ("https://u:p q@h/", "https://*****@h/"),
            ("https://u:p@p@h/", "https://*****@h/"),
            ("ssh://u:p@h/x@v1", "ssh://*******@v1"),
            ("'u:p@h:x'", "'***@h:x'"),
            ("https://h/x?token=1 y", "https://h/x?******* y"),
        ] {
            assert_eq!(hidden(text), shown);
        }
        assert_eq!(credentials("\"u:p@h:x\""), Some(1..4));
        assert_eq!(credentials("https://h/x?token=1"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_hidden_text_keeps_its_length_and_has_no_more_to_hide(text in "([a-c@:/?#é ]|://|\n){0,30}") {
            let shown = hidden(&text);
            prop_assert_eq!(shown.len(), text.len());
            prop_assert_eq!(shown.matches('\n').count(), text.matches('\n').count());
            for user in secrets(&text).into_iter().map(|secret| secret.bytes) {
                prop_assert!(shown[user].bytes().all(|byte| byte == b'*'));
            }
        }
    }
}
