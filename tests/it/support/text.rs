//! Texts that hold what differs between runs.
//!
//! On the way in, `fill` puts the values: `[ROOT]` is the test's directory, `[INDEX]` the
//! `file://` address of its indexes (`[INDEX]/cu124`), `[HTTP]` the address of the same by HTTP.
//! On the way out, `redact` puts the names back, and further ones for what no test chooses:
//!
//! | name | stands for |
//! | --- | --- |
//! | `[UV]` | the version of uv |
//! | `[PYTHON-3.12]` | the path of a real interpreter; patch releases become `3.12.[X]` |
//! | `[COMMIT]` | a git commit, whole or shortened |
//! | `[HASH]` | a SHA-256 |
//! | `[TIME]` | a duration; in a run's summary the sum and the slowest task are left out |

use std::sync::OnceLock;

use regex::{Captures, Regex};

use super::monorepo::Monorepo;
use super::{python, uv};

impl Monorepo {
    /// Puts values for `[ROOT]`, `[INDEX]` and `[HTTP]`; the latter starts the server.
    pub(crate) fn fill(&self, text: &str) -> String {
        let root = self.root().to_str().expect("the root is UTF-8");
        let mut text = text.replace("[INDEX]", &format!("file://{root}/index")).replace("[ROOT]", root);
        if text.contains("[HTTP]") {
            text = text.replace("[HTTP]", &self.server().url());
        }
        text
    }

    /// Puts names for everything that differs between runs or machines.
    pub(crate) fn redact(&self, text: &str) -> String {
        let root = self.root().to_str().expect("the root is UTF-8");
        let mut text = text.replace(&format!("file://{root}/index"), "[INDEX]").replace(root, "[ROOT]");
        if let Some(url) = self.server_url() {
            text = text.replace(&url, "[HTTP]");
        }
        text = text.replace(uv::real().to_str().expect("a path of this machine"), "[UV-PROGRAM]");
        for (path, name) in interpreter_names() {
            text = text.replace(path, name);
        }
        for (pattern, name) in patterns() {
            text = pattern.replace_all(&text, *name).into_owned();
        }
        short_commit().replace_all(&text, redact_short_commit).into_owned()
    }
}

/// The paths of interpreters and their names, longest paths first: one may begin another.
fn interpreter_names() -> &'static [(String, String)] {
    static NAMES: OnceLock<Vec<(String, String)>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let mut names = Vec::new();
        for interpreter in python::interpreters() {
            for path in interpreter.names() {
                names.push((path.to_string_lossy().into_owned(), format!("[PYTHON-{}]", interpreter.minor)));
            }
        }
        names.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        names
    })
}

/// What is recognised by its form, in this order.
fn patterns() -> &'static [(Regex, &'static str)] {
    static PATTERNS: OnceLock<Vec<(Regex, &'static str)>> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let uv = regex::escape(uv::VERSION);
        let version = format!(
            r"\b{uv}(?: \([0-9a-f]{{7,}}[^)\n]*\)| \([^)\n]*-linux-[^)\n]*\)| \([^)\n]*-darwin[^)\n]*\))?"
        );
        [
            (version.as_str(), "[UV]"),
            (r"\b[0-9a-f]{64}\b", "[HASH]"),
            (r"\b[0-9a-f]{40}\b", "[COMMIT]"),
            (r"\b(?P<python>C?[Pp]ython) 3\.(?P<minor>\d+)\.\d+\b", "$python 3.$minor.[X]"),
            (r"\b(?:\d+m )?\d+(?:\.\d+)? ?(?:ns|µs|us|ms|s)\b", "[TIME]"),
            // Which task was slowest, and whether the sum is worth telling, is the machine's affair.
            (r" \(one after the other: \[TIME\]\)|; slowest \S+ \[TIME\]", ""),
        ]
        .map(|(pattern, name)| (Regex::new(pattern).expect("a pattern that was tried"), name))
        .into()
    })
}

fn short_commit() -> &'static Regex {
    static PATTERN: OnceLock<Regex> = OnceLock::new();
    PATTERN.get_or_init(|| Regex::new(r"\b[0-9a-f]{7,12}\b").expect("a pattern that was tried"))
}

/// Words and numbers are spared: a commit is taken for one when it has both digits and letters.
fn redact_short_commit(found: &Captures<'_>) -> String {
    let digits = found[0].bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 || digits == found[0].len() { found[0].to_owned() } else { "[COMMIT]".to_owned() }
}
