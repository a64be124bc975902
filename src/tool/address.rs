//! URLs and tag names at the door, and outside text made fit to show.
//!
//! In: text from `tasks.kdl`, `.gitmodules`, a remote or a child's stderr. Out: the kind of remote,
//! or a refusal with its reason; or the same text with credentials masked and unprintable
//! characters replaced. Pure: nothing is looked up, no program is started.
//!
//! The rules are an allow-list where that is possible (tags, schemes). They are stricter than
//! git's: a tag also goes into TOML, into messages and into lockfiles.

use super::error::ToolError;

/// How a remote is reached; decides which of git's transports are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// `https://`
    Https,
    /// `ssh://` or `git@host:path`
    Ssh,
    /// `file://` or an absolute path
    File,
    /// `http://` on a loopback address: a mirror or a test server on this machine
    LoopbackHttp,
}

/// Lines kept of a child's stderr, counted from the end.
const KEPT_LINES: usize = 20;
/// Characters kept of one line of outside text.
const KEPT_CHARACTERS: usize = 400;

/// Checks a git URL before it is stored or given to git, and says how it is reached.
pub(crate) fn check_url(url: &str) -> Result<Transport, ToolError> {
    classify(url).map_err(|reason| ToolError::UrlRefused { url: plain_line(&mask_text(url)), reason })
}

/// Checks a tag name, without `refs/tags/`.
pub(crate) fn check_tag(tag: &str) -> Result<(), ToolError> {
    match tag_fault(tag) {
        Some(reason) => Err(ToolError::TagRefused { tag: plain_line(tag), reason }),
        None => Ok(()),
    }
}

fn classify(url: &str) -> Result<Transport, &'static str> {
    if url.is_empty() {
        return Err("it is empty");
    }
    if url.len() > 2048 {
        return Err("it is longer than 2048 bytes");
    }
    if url.starts_with('-') {
        return Err("it begins with `-`, which git would read as an option");
    }
    if url.chars().any(|c| c.is_whitespace() || is_hidden(c)) {
        return Err("it contains white space, a control character or an invisible character");
    }
    let lower = url.to_ascii_lowercase();
    if ["%00", "%0a", "%0d", "%2e%2e"].iter().any(|code| lower.contains(code)) {
        return Err("it hides a line break, a zero byte or `..` behind percent signs");
    }
    if url.split(['/', ':']).any(|part| part == "..") {
        return Err("it contains `..`");
    }
    // `ext::sh -c …` and its kin name a program; `::` also stands in an IPv6 address, in brackets.
    if url.find("::").is_some_and(|at| !url[..at].contains(['/', '['])) {
        return Err("it names a remote helper (`name::…`)");
    }
    match url.split_once("://") {
        Some((scheme, rest)) => classify_scheme(&scheme.to_ascii_lowercase(), rest),
        None if url.starts_with('/') => Ok(Transport::File),
        None => classify_short(url),
    }
}

fn classify_scheme(scheme: &str, rest: &str) -> Result<Transport, &'static str> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if scheme == "file" {
        let local = authority.is_empty() || authority.eq_ignore_ascii_case("localhost");
        return if local && !path.is_empty() {
            Ok(Transport::File)
        } else {
            Err("a file url is `file:///` and an absolute path")
        };
    }
    if rest.contains(['?', '#']) {
        return Err("it has a query or a fragment");
    }
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(u, h)| (Some(u), h));
    check_host(host)?;
    match scheme {
        "https" | "http" if user.is_some() => Err("it contains credentials"),
        "https" => Ok(Transport::Https),
        "http" if is_loopback(host) => Ok(Transport::LoopbackHttp),
        "http" => Err("plain http can be changed on the way"),
        "ssh" => check_user(user).map(|()| Transport::Ssh),
        _ => Err("only https, ssh and file are allowed"),
    }
}

/// `git@host:path`, the short form of ssh.
fn classify_short(url: &str) -> Result<Transport, &'static str> {
    let Some((address, path)) = url.split_once(':').filter(|(address, _)| !address.contains('/')) else {
        return Err("it is a relative path; write it absolute or as a url");
    };
    let (user, host) = address.rsplit_once('@').map_or((None, address), |(u, h)| (Some(u), h));
    check_host(host)?;
    check_user(user)?;
    if path.is_empty() || path.starts_with('-') {
        return Err("its path is empty or begins with `-`");
    }
    Ok(Transport::Ssh)
}

fn check_user(user: Option<&str>) -> Result<(), &'static str> {
    match user {
        Some(user) if user.contains(':') => Err("it contains credentials"),
        Some(user) if user.is_empty() || user.starts_with('-') => {
            Err("its user name is empty or begins with `-`")
        }
        _ => Ok(()),
    }
}

fn check_host(host: &str) -> Result<(), &'static str> {
    if host.is_empty() || host.starts_with(['-', ':']) {
        return Err("its host name is empty or begins with `-`");
    }
    let known = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if host.chars().all(known) { Ok(()) } else { Err("its host name has an odd character") }
}

/// Is the host, with or without a port, this machine?
#[must_use]
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn tag_fault(tag: &str) -> Option<&'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-+/@!=".contains(c);
    if tag.is_empty() || tag.len() > 200 {
        Some("it is empty or longer than 200 bytes")
    } else if tag.starts_with('-') {
        Some("it begins with `-`, which git would read as an option")
    } else if !tag.chars().all(known) {
        Some("it has a character that is not a letter, a digit or one of `. _ - + / @ ! =`")
    } else if tag.contains("..") || tag == "@" {
        Some("git reads `..` and `@` as something else")
    } else if tag.ends_with('.') || tag.split('/').any(is_bad_component) {
        Some("a part of it is empty, begins or ends with `.`, or ends with `.lock`")
    } else {
        None
    }
}

fn is_bad_component(part: &str) -> bool {
    let lower = part.to_ascii_lowercase();
    part.is_empty() || part.starts_with('.') || lower.strip_suffix(".lock").is_some()
}

/// Outside text for a line to paste: credentials masked, unprintable characters replaced, nothing
/// cut.
pub(crate) fn printable(text: &str) -> String {
    mask_text(text).chars().map(shown).collect()
}

/// Outside text made fit for a message: credentials masked, unprintable characters replaced, long
/// lines cut. Line breaks stay.
pub(crate) fn plain(text: &str) -> String {
    let masked = mask_text(text);
    let lines: Vec<String> = masked.lines().map(plain_line).collect();
    lines.join("\n")
}

/// The last lines of a child's stderr, made fit for a message; empty when there are none.
pub(crate) fn last_lines(stderr: &str) -> String {
    let text = plain(stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(KEPT_LINES)..].join("\n")
}

fn plain_line(line: &str) -> String {
    let mut text: String = line.chars().take(KEPT_CHARACTERS).map(shown).collect();
    if line.chars().nth(KEPT_CHARACTERS).is_some() {
        text.push('…');
    }
    text
}

fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        c if is_hidden(c) => '\u{fffd}',
        c => c,
    }
}

/// Whether a character changes how text *looks* without being seen: control, bidi, zero width.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Hides what stands before `@` in the authority of each URL in `text`, and each URL's query.
fn mask_text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        masked.push_str(before);
        let end = after.find(is_url_end).unwrap_or(after.len());
        let (url, tail) = after.split_at(end);
        masked.push_str(&mask_authority(url));
        rest = tail;
    }
    masked.push_str(rest);
    masked
}

/// `url` is what follows `://`.
fn mask_authority(url: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, _)) => (address, "?***"),
        None => (url, ""),
    };
    // The last `@` of the whole address, not of the authority: a password may hold a raw slash.
    match address.rsplit_once('@') {
        Some((user, host)) if user != "git" => format!("***@{host}{query}"),
        _ => format!("{address}{query}"),
    }
}

fn is_url_end(c: char) -> bool {
    c.is_whitespace() || "\"'`<>".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_urls_pass_with_their_transport() {
        for (url, transport) in [
            ("https://github.com/a/b.git", Transport::Https),
            ("ssh://git@host:2222/a/b.git", Transport::Ssh),
            ("git@github.com:a/b.git", Transport::Ssh),
            ("file:///srv/git/b.git", Transport::File),
            ("/srv/git/b.git", Transport::File),
            ("http://127.0.0.1:8080/b.git", Transport::LoopbackHttp),
            ("http://[::1]:8080/b.git", Transport::LoopbackHttp),
        ] {
            assert_eq!(check_url(url).unwrap(), transport, "{url}");
        }
    }

    #[test]
    fn hostile_urls_are_refused() {
        for url in [
            "",
            "-x",
            "--upload-pack=touch x",
            "ext::sh -c id",
            "fd::17",
            "https:///h",
            "https://-h/x",
            "http://example.com/b.git",
            "http://127.0.0.1.evil.com/b",
            "git://h/b",
            "https://h/a\nb",
            "https://h/%0ab",
            "https://h/a/../b",
            "../b.git",
            "./b.git",
            "https://user:pw@h/b",
            "https://token@h/b",
            "ssh://u:p@h/b",
            "ssh://-oProxyCommand=id/b",
            "-oProxyCommand=id:b",
            "git@-h:b",
            "h:-b",
            "https://h/b?token=1",
            "https://h/\u{202e}b",
            "https://h/\u{1b}[2Jb",
            "file://server/share",
            "ftp://h/b",
            "transport::https://h/b",
        ] {
            assert!(check_url(url).is_err(), "{url:?} passed");
        }
    }

    #[test]
    fn ordinary_tags_pass_and_hostile_ones_do_not() {
        for tag in ["v0.1.2", "0.1.2", "v0.1.2.dev0", "bench-utils-v1!2.0+cu124", "@scope/x@1.0"] {
            assert!(check_tag(tag).is_ok(), "{tag}");
        }
        for tag in [
            "",
            "-x",
            "v1;id",
            "v1\"x",
            "v1 2",
            "a..b",
            "a//b",
            "/a",
            "a/",
            "a.lock",
            "a.LOCK",
            ".a",
            "a/.b",
            "a.",
            "v1\u{202e}",
            "v1\n",
            "v1~1",
            "v1^{}",
            "a:b",
            "@",
            "v$(id)",
            "é",
        ] {
            assert!(check_tag(tag).is_err(), "{tag:?} passed");
        }
    }

    #[test]
    fn credentials_never_reach_a_message() {
        let text = "fatal: 'https://u:s3cret@h/a' and https://s3cret@h/b, https://h/c?t=s3cret x";
        let shown = plain(text);
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("https://***@h/a"), "{shown}");
        assert_eq!(mask_text("ssh://git@h/a"), "ssh://git@h/a");
        assert!(!mask_text("https://u:a/s3cret@h/x").contains("s3cret"));
        let refused = check_url("https://u:s3cret@h/b").unwrap_err();
        assert!(!format!("{refused:?}{refused}").contains("s3cret"));
    }

    #[test]
    fn terminal_sequences_and_long_lines_are_defused() {
        assert_eq!(plain("a\u{1b}[2J\u{202e}b\r"), "a\u{fffd}[2J\u{fffd}b\u{fffd}");
        assert_eq!(plain(&"x".repeat(1000)).chars().count(), KEPT_CHARACTERS + 1);
        let many = "line\n".repeat(100);
        assert_eq!(last_lines(&many).lines().count(), KEPT_LINES);
    }
}
