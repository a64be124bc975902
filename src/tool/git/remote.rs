//! Questions to a remote: the network is used here and in `mirror`, nowhere else.
//!
//! All of it runs in `/`, outside of the repository, so that only the user's and the system's
//! configuration and the environment decide about `insteadOf`, helpers and proxies. uv fetches
//! from its own cache directory and thus sees the same.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use super::call::{Git, STALLED, with_settings};
use super::object::{TagRef, parse_tags};
use crate::tool::address::{Transport, check_url};
use crate::tool::error::ToolError;
use crate::tool::run::{Answer, Query};

/// Where network calls run.
const OUTSIDE: &str = "/";
/// Attempts for one network call. A timeout is not tried again: it has taken long enough.
const ATTEMPTS: u32 = 3;

impl Git {
    /// All tags of a remote that can be pinned, by name, each with the commit at its end.
    ///
    /// # Errors
    /// When the url is refused, or the remote does not answer with tags.
    pub(crate) fn remote_tags(&self, url: &str) -> Result<BTreeMap<String, TagRef>, ToolError> {
        let git = self.reaching(url)?;
        let arguments = network(["ls-remote", "--tags", "--", url]);
        let query = git.query(Path::new(OUTSIDE), arguments, git.limits.asking);
        let answer = patiently(&query, check_url(url)?)?;
        parse_tags(&answer.stdout).map_err(|what| query.unexpected(&what))
    }

    /// This git with the transports that `url` needs after the user's `insteadOf`, and with ssh
    /// kept from asking.
    pub(super) fn reaching(&self, url: &str) -> Result<Self, ToolError> {
        let declared = check_url(url)?;
        let mut allowed = vec!["https", "ssh"];
        let resolved = self.resolved_url(url)?;
        if declared == Transport::File || is_file(&resolved) {
            allowed.push("file");
        }
        // A mirror on this machine; anything else by http stays refused.
        if matches!(check_url(&resolved), Ok(Transport::LoopbackHttp)) {
            allowed.push("http");
        }
        let mut git = self.clone();
        git.vars.insert("GIT_ALLOW_PROTOCOL".into(), allowed.join(":").into());
        if is_ssh(&resolved) {
            git.silence_ssh()?;
        }
        Ok(git)
    }

    /// The URL git really uses, `insteadOf` applied. May hold credentials: never show it. It decides what git may do,
    /// not what it does, so that a difference from git's own view is a refusal.
    fn resolved_url(&self, url: &str) -> Result<String, ToolError> {
        let rewrites = if let Some(rewrites) = self.rewrites.get() {
            rewrites
        } else {
            let read = self.read_rewrites()?;
            self.rewrites.get_or_init(|| read)
        };
        Ok(rewritten(rewrites, url))
    }

    /// One question for all remotes, instead of one for each.
    fn read_rewrites(&self) -> Result<Vec<(String, String)>, ToolError> {
        let query =
            self.local(Path::new(OUTSIDE), ["config", "--null", "--get-regexp", r"^url\..*\.insteadof$"]);
        let answer = query.ask()?;
        match answer.status.code() {
            Some(0) => Ok(parse_rewrites(&answer.stdout)),
            // None at all.
            Some(1) => Ok(Vec::new()),
            _ => Err(query.failed(&answer)),
        }
    }

    /// ssh asks on the terminal even without stdin. An askpass program may still answer; a
    /// command the user chose is left alone.
    fn silence_ssh(&mut self) -> Result<(), ToolError> {
        let has = |name: &str| self.vars.contains_key(OsStr::new(name));
        if has("SSH_ASKPASS") {
            self.vars.entry("SSH_ASKPASS_REQUIRE".into()).or_insert_with(|| "force".into());
            return Ok(());
        }
        if has("GIT_SSH") || has("GIT_SSH_COMMAND") {
            return Ok(());
        }
        let query = self.local(Path::new(OUTSIDE), ["config", "--get", "core.sshCommand"]);
        if !query.ask()?.status.success() {
            self.vars.insert("GIT_SSH_COMMAND".into(), "ssh -oBatchMode=yes".into());
        }
        Ok(())
    }
}

/// The arguments of a network call: it gives up on a connection that no longer moves.
pub(super) fn network<const N: usize>(arguments: [&str; N]) -> Vec<OsString> {
    with_settings(STALLED.into_iter().chain(arguments))
}

/// Asks up to [`ATTEMPTS`] times, since a cut connection and a server's bad moment look like any
/// other failure. A remote on this machine is asked once.
pub(super) fn patiently(query: &Query<'_>, transport: Transport) -> Result<Answer, ToolError> {
    let attempts = if transport == Transport::File { 1 } else { ATTEMPTS };
    let mut attempt = 1;
    loop {
        let answer = query.ask()?;
        if answer.status.success() {
            return Ok(answer);
        }
        if attempt == attempts {
            return Err(query.failed(&answer));
        }
        thread::sleep(pause(attempt));
        attempt += 1;
    }
}

/// Longer after each attempt, and not the same for all jobs that failed together.
fn pause(attempt: u32) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let jitter = u64::from(now.subsec_nanos() % 200);
    Duration::from_millis(200 * u64::from(attempt) + jitter)
}

/// Reads `url.<base>.insteadof\n<prefix>\0`.
fn parse_rewrites(text: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(text);
    let entries = text.split('\0').filter_map(|entry| entry.split_once('\n'));
    let rewrite = |(key, prefix): (&str, &str)| {
        let base = key.strip_prefix("url.")?.strip_suffix(".insteadof")?;
        Some((prefix.to_owned(), base.to_owned()))
    };
    entries.filter_map(rewrite).collect()
}

/// The url with the longest prefix that is rewritten replaced; of equal ones the first counts, as with git.
fn rewritten(rewrites: &[(String, String)], url: &str) -> String {
    let fitting = rewrites.iter().filter(|(prefix, _)| url.starts_with(prefix.as_str()));
    let longest = fitting.rev().max_by_key(|(prefix, _)| prefix.len());
    longest.map_or_else(|| url.to_owned(), |(prefix, base)| format!("{base}{}", &url[prefix.len()..]))
}

fn is_file(resolved: &str) -> bool {
    resolved.starts_with(['/', '.']) || resolved.to_ascii_lowercase().starts_with("file://")
}

fn is_ssh(resolved: &str) -> bool {
    resolved.starts_with("ssh://") || (!resolved.contains("://") && !is_file(resolved))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::tool::testing::Place;

    /// The tags that a clone of the remote brings.
    fn tags_of(git: &Git, url: &str) -> Result<BTreeMap<String, TagRef>, ToolError> {
        let root = tempfile::tempdir().unwrap();
        let into = root.path().join("clone");
        git.mirror(url, &into)?;
        git.local_tags(&into)
    }

    fn remote(place: &Place) -> std::path::PathBuf {
        let top = place.directory("remote");
        place.git(&top, &["init", "-q"]);
        place.git(&top, &["commit", "-q", "--allow-empty", "-m", "one"]);
        place.git(&top, &["tag", "-a", "-m", "x", "v1"]);
        top
    }

    #[test]
    fn tags_of_a_file_remote_are_read_and_agree_with_its_own() {
        let place = Place::new();
        let top = remote(&place);
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let url = format!("file://{}", top.display());
        let tags = tags_of(&git, &url).unwrap();
        assert_eq!(tags, git.local_tags(&top).unwrap());
        assert_eq!(tags, git.remote_tags(&url).unwrap());
        assert_eq!(tags.len(), 1);
        assert_ne!(tags["v1"].object, tags["v1"].peeled);
        assert!(matches!(git.remote_tags("file:///nonexistent/repository"), Err(ToolError::Failed(_))));
        let gone = tags_of(&git, "file:///nonexistent/repository").unwrap_err();
        assert!(matches!(gone, ToolError::Failed(_)), "{gone}");
    }

    #[test]
    fn a_rewritten_url_may_be_a_file_only_if_the_users_configuration_says_so() {
        let place = Place::new();
        let top = remote(&place);
        let mut surroundings = place.machine();
        let key = format!("url.file://{}.insteadOf", top.display());
        for (name, value) in [
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", key.as_str()),
            ("GIT_CONFIG_VALUE_0", "https://example.invalid/x.git"),
        ] {
            surroundings.vars.insert(name.into(), value.into());
        }
        let git = Git::find(&surroundings, Path::new("/nowhere")).unwrap();
        assert_eq!(tags_of(&git, "https://example.invalid/x.git").unwrap().len(), 1);
        assert_eq!(git.remote_tags("https://example.invalid/x.git").unwrap().len(), 1);
    }

    #[test]
    fn urls_are_rewritten_as_git_does() {
        let place = Place::new();
        let mut surroundings = place.machine();
        let settings = [
            ("url.file:///a/.insteadOf", "https://h/"),
            ("url.file:///b/.insteadOf", "https://h/b/"),
            ("url.file:///c/.insteadOf", "https://h/"),
            ("url.Mixed Case/.insteadOf", "https://m/"),
        ];
        surroundings.vars.insert("GIT_CONFIG_COUNT".into(), settings.len().to_string().into());
        for (at, (key, value)) in settings.iter().enumerate() {
            surroundings.vars.insert(format!("GIT_CONFIG_KEY_{at}").into(), key.into());
            surroundings.vars.insert(format!("GIT_CONFIG_VALUE_{at}").into(), value.into());
        }
        let git = Git::find(&surroundings, Path::new("/nowhere")).unwrap();
        for url in ["https://h/x", "https://h/b/x", "https://m/x", "https://other/x", "https://h"] {
            let query = git.local(Path::new(OUTSIDE), ["ls-remote", "--get-url", "--", url]);
            let said = String::from_utf8(query.demand().unwrap()).unwrap();
            assert_eq!(git.resolved_url(url).unwrap(), said.trim_end(), "{url}");
        }
    }

    #[test]
    fn hostile_urls_reach_no_program() {
        let place = Place::new();
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let canary = place.root().join("canary");
        for url in [
            format!("ext::sh -c touch% {}", canary.display()),
            format!("--upload-pack=touch {}", canary.display()),
            format!("ext::touch\t{}", canary.display()),
        ] {
            let refused = tags_of(&git, &url).unwrap_err();
            assert!(matches!(refused, ToolError::UrlRefused { .. }), "{refused}");
            assert!(matches!(git.remote_tags(&url), Err(ToolError::UrlRefused { .. })));
        }
        assert!(!canary.exists());
    }

    #[test]
    fn a_remote_helper_behind_instead_of_is_not_run() {
        let place = Place::new();
        let canary = place.root().join("canary");
        let mut surroundings = place.machine();
        let key = format!("url.ext::touch {} .insteadOf", canary.display());
        for (name, value) in [
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", key.as_str()),
            ("GIT_CONFIG_VALUE_0", "https://example.invalid/"),
        ] {
            surroundings.vars.insert(name.into(), value.into());
        }
        let git = Git::find(&surroundings, Path::new("/nowhere")).unwrap();
        assert!(tags_of(&git, "https://example.invalid/x.git").is_err());
        assert!(git.remote_tags("https://example.invalid/x.git").is_err());
        assert!(!canary.exists());
    }

    #[test]
    fn a_server_that_never_answers_meets_the_time_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            // Held open, never answered.
            let held: Vec<_> = listener.incoming().collect();
            drop(held);
        });
        let place = Place::new();
        let mut git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        git.limits.transfer = Duration::from_secs(1);
        git.limits.asking = Duration::from_secs(1);
        let error = git.remote_tags(&format!("http://{address}/x.git")).unwrap_err();
        assert!(matches!(error, ToolError::TimedOut { .. }), "{error}");
        let error = tags_of(&git, &format!("http://{address}/x.git")).unwrap_err();
        assert!(matches!(error, ToolError::TimedOut { .. }), "{error}");
    }

    #[test]
    fn a_server_that_wants_a_password_fails_without_a_prompt_and_is_tried_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let calls = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counted = std::sync::Arc::clone(&calls);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(
                    b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\
                      Content-Length: 0\r\nConnection: close\r\n\r\n",
                );
            }
        });
        let place = Place::new();
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let error = tags_of(&git, &format!("http://{address}/x.git")).unwrap_err();
        assert!(matches!(error, ToolError::Failed(_)), "{error}");
        assert!(calls.load(std::sync::atomic::Ordering::SeqCst) >= ATTEMPTS);
    }
}
