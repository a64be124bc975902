//! Is the place that a lockfile names the one that was declared? Pure: no path is looked up.

use std::path::Path;

use super::lockfile::{GitReference, Source};
use crate::base::{RelPath, hidden, percent_decoded, printable};
use crate::model::IndexLocation;
use crate::tool::address::is_loopback;

/// Where paths of a lockfile are relative to.
#[derive(Debug, Clone)]
pub(super) struct Here<'a> {
    /// The absolute root of the repository.
    pub(super) root: &'a Path,
    /// The lockfile's directory.
    pub(super) directory: RelPath,
}

impl Here<'_> {
    /// Is `recorded` that path of the repository? It may be relative to the lockfile, absolute, or a
    /// `file://` url: releases of uv differ.
    pub(super) fn is_path(&self, recorded: &str, declared: &RelPath) -> bool {
        if let Some(path) = recorded.strip_prefix("file://") {
            return Path::new(&percent_decoded(path)) == declared.under(self.root);
        }
        if recorded.starts_with('/') {
            return Path::new(recorded) == declared.under(self.root);
        }
        self.directory.join(recorded).is_ok_and(|path| path == *declared)
    }

    /// Is `source` that index?
    pub(super) fn is_index(&self, source: &Source, declared: &IndexLocation) -> bool {
        match (source, declared) {
            (Source::Registry(recorded), IndexLocation::Path(path)) => self.is_path(recorded, path),
            (Source::Registry(recorded), IndexLocation::Url(url)) => {
                // uv records the index at a `file://` url by its absolute path.
                let path = url.strip_prefix("file://").filter(|_| recorded.starts_with('/'));
                trimmed(recorded) == trimmed(path.unwrap_or(url))
            }
            _ => false,
        }
    }

    /// An index in words, a path as the lockfile would write it.
    pub(super) fn describe_index(&self, location: &IndexLocation) -> String {
        match location {
            IndexLocation::Url(url) => format!("the index {url}"),
            IndexLocation::Path(path) => format!("the index {}", path.relative_to(&self.directory)),
        }
    }
}

/// Is `source`, in a lockfile that lies in `directory` of the repository at `root`, that directory of it?
#[must_use]
pub(crate) fn lies_at(source: &Source, (root, directory): (&Path, &RelPath), declared: &RelPath) -> bool {
    match source {
        Source::Editable(path) | Source::Virtual(path) | Source::Directory(path) => {
            Here { root, directory: directory.clone() }.is_path(path, declared)
        }
        _ => false,
    }
}

/// Do two spellings name one remote? `git@host:path` is what uv calls `ssh://git@host/path`, and an absolute
/// path is a `file://` url.
pub(super) fn is_same_remote(one: &str, other: &str) -> bool {
    canonical_remote(one) == canonical_remote(other)
}

fn canonical_remote(url: &str) -> String {
    let short = url.split_once(':').filter(|(host, path)| !host.contains('/') && !path.starts_with("//"));
    let long = match short {
        _ if url.starts_with('/') => format!("file://{url}"),
        Some((host, path)) => format!("ssh://{host}/{}", path.trim_start_matches('/')),
        None => url.to_owned(),
    };
    percent_decoded(&trimmed(&long))
}

/// A url without the slash at its end.
fn trimmed(url: &str) -> String {
    percent_decoded(url.trim_end_matches('/'))
}

/// The url of a source that is fetched by plain http from another machine.
pub(super) fn plain_http(source: &Source) -> Option<&str> {
    let (Source::Registry(url) | Source::Url(url) | Source::Git { url, .. }) = source else {
        return None;
    };
    let (scheme, rest) = url.split_once("://")?;
    (scheme.eq_ignore_ascii_case("http") && !is_loopback(host_of(rest))).then_some(url)
}

/// The first url in a text that is fetched by plain http from another machine: the text may be a url, a requirement
/// with one, or `git+http://…`.
pub(super) fn plain_http_in(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    lower.match_indices("http://").find_map(|(at, scheme)| {
        let url = &text[at..];
        let end = url.find(|c: char| c.is_whitespace() || "'\"<>".contains(c)).unwrap_or(url.len());
        let url = &url[..end];
        (!is_loopback(host_of(&url[scheme.len().min(url.len())..]))).then_some(url)
    })
}

/// The host, with its port, of what follows `://`.
pub(super) fn host_of(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// A source in words.
pub(super) fn describe(source: &Source) -> String {
    let words = match source {
        Source::Registry(index) => format!("the index {index}"),
        Source::Git { url, reference, subdirectory, .. } => describe_git(url, reference, subdirectory),
        Source::Url(url) => url.clone(),
        Source::Path(path) => format!("the archive {path}"),
        Source::Directory(path) => format!("the directory {path}"),
        Source::Editable(path) => format!("the editable directory {path}"),
        Source::Virtual(path) => format!("the virtual directory {path}"),
    };
    printable(&hidden(&words)).into_owned()
}

/// A git source in words: `tag v0.1.2 of https://…`.
pub(super) fn describe_git(url: &str, reference: &GitReference, subdirectory: &str) -> String {
    let asked = match reference {
        GitReference::Tag(tag) => format!("tag {tag}"),
        GitReference::Rev(rev) => format!("commit {rev}"),
        GitReference::Branch(branch) => format!("branch {branch}"),
        GitReference::Default => "the default branch".to_owned(),
    };
    let within = if subdirectory.is_empty() { String::new() } else { format!(", directory {subdirectory}") };
    printable(&hidden(&format!("{asked} of {url}{within}"))).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_index_is_known_in_every_spelling() {
        let here = Here { root: Path::new("/home/a b/repo"), directory: RelPath::parse("staging").unwrap() };
        let cpu = RelPath::parse("indexes/cpu").unwrap();
        for same in ["../indexes/cpu", "/home/a b/repo/indexes/cpu", "file:///home/a%20b/repo/indexes/cpu"] {
            assert!(here.is_path(same, &cpu), "{same}");
        }
        let directory = &here.directory;
        let at = |source| lies_at(&source, (here.root, directory), &cpu);
        assert!(at(Source::Editable("/home/a b/repo/indexes/cpu".to_owned())));
        assert!(at(Source::Virtual("../indexes/cpu".to_owned())));
        assert!(!at(Source::Path("../indexes/cpu".to_owned())));
        for other in ["indexes/cpu", "../indexes/cu124", "/elsewhere/indexes/cpu", "../../indexes/cpu"] {
            assert!(!here.is_path(other, &cpu), "{other}");
        }
    }

    #[test]
    fn an_index_at_a_file_url_is_known_by_its_path() {
        let here = Here { root: Path::new("/repo"), directory: RelPath::parse("staging").unwrap() };
        let declared = IndexLocation::Url("file:///srv/a%20b/cpu/".to_owned());
        for same in ["/srv/a b/cpu", "file:///srv/a%20b/cpu"] {
            assert!(here.is_index(&Source::Registry(same.to_owned()), &declared), "{same}");
        }
        for other in ["/srv/a b/cu124", "srv/a b/cpu"] {
            assert!(!here.is_index(&Source::Registry(other.to_owned()), &declared), "{other}");
        }
    }

    #[test]
    fn spellings_of_one_remote_are_one() {
        assert!(is_same_remote("git@github.com:a/b.git", "ssh://git@github.com/a/b.git"));
        assert!(is_same_remote("/srv/a b", "file:///srv/a%20b/"));
        assert!(!is_same_remote("https://github.com/a/b.git", "https://github.com/evil/b.git"));
        assert!(!is_same_remote("https://h/a", "https://h/a.git"));
    }

    #[test]
    fn only_this_machine_may_go_without_encryption() {
        let http = |url: &str| plain_http(&Source::Registry(url.to_owned())).is_some();
        assert!(http("http://index.example.com/simple") && http("HTTP://127.0.0.1.evil.com/"));
        assert!(http("http://localhost@evil.com/"));
        for fine in
            ["https://h/simple", "http://127.0.0.1:80/", "http://[::1]:80/x", "http://localhost/x", "../x"]
        {
            assert!(!http(fine), "{fine}");
        }
    }
}
