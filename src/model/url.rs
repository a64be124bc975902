//! Which URLs may name a remote or an index.
//!
//! A URL comes from a file that a pull request can change and goes into git's and uv's command lines: no
//! helper (`ext::`), no option (`-x`), no credentials, nothing unencrypted, nothing unprintable.

use crate::base::{credentials, printable};

/// Why a URL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UrlFault {
    /// A password, a token or a user where none belongs.
    Credentials,
    /// Plain http to another machine.
    Insecure,
    /// Anything else: why, and what to write.
    Form(&'static str, &'static str),
}

/// What a remote may look like.
const REMOTE: &str = "write https://host/path.git, ssh://git@host/path.git or git@host:path.git";
/// What an index may look like.
const INDEX: &str = "write https://host/simple, or a directory in the repository";

/// Refuses what is no remote.
pub(super) fn check_remote(url: &str) -> Result<(), UrlFault> {
    // First, so that no other message repeats them.
    if credentials(url).is_some() {
        return Err(UrlFault::Credentials);
    }
    check_characters(url, REMOTE)?;
    if url.starts_with("git+") {
        return Err(UrlFault::Form("`git+` is uv's way to write it", "leave `git+` out"));
    }
    if let Some((scheme, rest)) = url.split_once("://") {
        return check_scheme(scheme, rest, &["https", "ssh", "http", "file"], REMOTE);
    }
    if url.starts_with('/') {
        return Ok(());
    }
    let Some((host, path)) = url.split_once(':') else {
        return Err(UrlFault::Form("it names no machine", REMOTE));
    };
    if path.starts_with(':') {
        return Err(UrlFault::Form("it starts a helper program", REMOTE));
    }
    let (user, host) = host.split_once('@').unwrap_or(("git", host));
    if !is_word(user) || !is_host(host) || path.is_empty() || path.starts_with('-') {
        return Err(UrlFault::Form("it is of no known form", REMOTE));
    }
    Ok(())
}

/// Refuses what is no index. Only for texts with a scheme; others are paths.
pub(super) fn check_index(url: &str) -> Result<(), UrlFault> {
    if credentials(url).is_some() {
        return Err(UrlFault::Credentials);
    }
    check_characters(url, INDEX)?;
    let (scheme, rest) = url.split_once("://").ok_or(UrlFault::Form("it has no scheme", INDEX))?;
    check_scheme(scheme, rest, &["https", "http", "file"], INDEX)
}

fn check_characters(url: &str, help: &'static str) -> Result<(), UrlFault> {
    if printable(url) != url
        || url.contains(|c: char| c.is_whitespace() || matches!(c, '\\' | '"' | '\'' | '`' | '<' | '>'))
    {
        return Err(UrlFault::Form("it holds a blank, a quote or an invisible character", help));
    }
    if url.starts_with('-') {
        return Err(UrlFault::Form("it starts with `-`", help));
    }
    if url.contains(['?', '#']) {
        return Err(UrlFault::Form("it has a query or a fragment, and nothing may need a token", help));
    }
    Ok(())
}

fn check_scheme(scheme: &str, rest: &str, allowed: &[&str], help: &'static str) -> Result<(), UrlFault> {
    if !allowed.contains(&scheme) {
        return Err(UrlFault::Form("its scheme is not used here", help));
    }
    if scheme == "file" {
        let absolute = rest.starts_with('/');
        return if absolute { Ok(()) } else { Err(UrlFault::Form("a file URL starts with file:///", help)) };
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, address) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    if user.is_some_and(|user| scheme != "ssh" || user.contains(':')) {
        return Err(UrlFault::Credentials);
    }
    let (host, port) = split_port(address);
    if !is_host(host) || !user.is_none_or(is_word) || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlFault::Form("it names no machine", help));
    }
    if scheme == "http" && !is_loopback(host) {
        return Err(UrlFault::Insecure);
    }
    Ok(())
}

/// `host:port`, where an IPv6 host stands in brackets.
fn split_port(address: &str) -> (&str, &str) {
    match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (address, ""),
    }
}

fn is_loopback(host: &str) -> bool {
    let four = host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    host == "localhost" || host == "[::1]" || four
}

fn is_host(host: &str) -> bool {
    if let Some(six) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return six.parse::<std::net::Ipv6Addr>().is_ok();
    }
    host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

fn is_word(user: &str) -> bool {
    user.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_of_four_forms() {
        for good in [
            "https://github.com/a/b.git",
            "ssh://git@host:22/a/b",
            "git@host:a/b.git",
            "host:a/b",
            "file:///srv/a.git",
            "/srv/a.git",
            "http://localhost:8080/a",
            "http://127.0.0.1/a",
            "http://[::1]:80/a",
            "https://h/%7Ea",
        ] {
            assert_eq!(check_remote(good), Ok(()), "{good}");
        }
        for bad in [
            "-x",
            "ext::sh -c id",
            "ext::id",
            "https:///h",
            "https://h\nx/",
            "file://outside/x",
            "git://h/a",
            "a",
            "../a",
            "git+https://h/a",
            "ssh://-oProxyCommand=id/a",
            "-oProxyCommand=id:a",
            "git@-x:a",
            "git@h:-x",
            "https://h/\u{202e}a",
            "fd::7",
            "https://ho st/a",
            "ssh://git@-h/a",
            "C:\\a",
            "https://h/a?token=x",
            "git@h:a#x",
        ] {
            assert!(matches!(check_remote(bad), Err(UrlFault::Form(..))), "{bad:?}");
        }
        assert_eq!(check_remote("http://host/a"), Err(UrlFault::Insecure));
        assert_eq!(check_remote("http://127.0.0.1.evil.org/a"), Err(UrlFault::Insecure));
        for secret in [
            "https://token@h/a",
            "https://u:p@h/a",
            "ssh://u:p@h/a",
            "https://a@b@h/",
            "u:p@h:x",
            "https://u:p/q@h/",
        ] {
            assert_eq!(check_remote(secret), Err(UrlFault::Credentials), "{secret}");
        }
    }
}
