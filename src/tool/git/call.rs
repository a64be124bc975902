//! How git is found and called.
//!
//! | rule | why |
//! | --- | --- |
//! | `protocol.ext.allow=never`, `GIT_ALLOW_PROTOCOL` | `ext::` runs a program |
//! | `safe.bareRepository=explicit`, `core.fsmonitor=false`, `core.hooksPath=/dev/null` | a bare repository hidden in a tree, a hook, a monitor: each would run a program of the repository |
//! | `GIT_*` is an allow-list | inside a hook `GIT_DIR` and `GIT_INDEX_FILE` name another repository; `GIT_EXTERNAL_DIFF` and its kin run programs; `GIT_TRACE` prints credentials |
//! | replace refs off | they show another content under a commit's id |
//! | no terminal prompt, ssh in batch mode | nobody is there to answer: git's group is in the background and would stop |
//! | `gc.auto=0`, optional locks off | reading must not write |
//! | lazy fetching off | a local question never calls the network |
//!
//! What CI systems log in with stays: `GIT_CONFIG_COUNT` and its keys, `GIT_ASKPASS`, ssh agent,
//! proxies, certificates.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pep440_rs::Version;

use crate::tool::error::ToolError;
use crate::tool::run::Query;
use crate::tool::surroundings::Surroundings;

/// The git program and the environment its calls get.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    /// Absolute.
    pub(crate) path: PathBuf,
    /// The numbers of `git --version`; a vendor's addition is left out.
    pub(crate) version: Version,
    /// Time limits; the defaults suit people, tests shorten them.
    pub(crate) limits: Limits,
    /// What `url.*.insteadOf` of the user's and the system's configuration says: prefix, and what stands for it. Read
    /// when the first remote is asked.
    pub(super) rewrites: Arc<OnceLock<Vec<(String, String)>>>,
    /// The environment of each call.
    pub(super) vars: BTreeMap<OsString, OsString>,
}

/// How long each kind of call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Questions to a repository on this machine.
    pub(crate) local: Duration,
    /// Asking a remote for its tags.
    pub(crate) asking: Duration,
    /// Cloning and fetching.
    pub(crate) transfer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let minutes = Duration::from_mins;
        Self { local: minutes(1), asking: minutes(1), transfer: minutes(30) }
    }
}

/// `GIT_*` variables that are passed on; all others are dropped.
const PASSED: [&str; 14] = [
    "GIT_ASKPASS",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_SYSTEM",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_PROXY_COMMAND",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_SSL_CAINFO",
    "GIT_USER_AGENT",
];
const PASSED_PREFIXES: [&str; 4] = ["GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_SSL_", "GIT_HTTP_"];

/// The first arguments of every call.
const SETTINGS: [&str; 20] = [
    "--no-pager",
    "--literal-pathspecs",
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "safe.bareRepository=explicit",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "init.defaultRefFormat=files",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "submodule.recurse=false",
    "-c",
    "color.ui=false",
];

/// What a call over the network has besides: it gives up on a connection that no longer moves.
pub(super) const STALLED: [&str; 4] = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30"];

impl Git {
    /// Finds git on the cleaned `PATH` and asks for its version. `root` is the top of the
    /// repository, from which no program is taken.
    pub(crate) fn find(surroundings: &Surroundings, root: &Path) -> Result<Self, ToolError> {
        let programs = surroundings.programs("git", root);
        let path = programs.into_iter().next().ok_or(ToolError::GitNotFound)?;
        let mut git = Self {
            path,
            version: Version::new([0]),
            limits: Limits::default(),
            rewrites: Arc::default(),
            vars: child_vars(surroundings, root),
        };
        let arguments = vec![OsString::from("--version")];
        let query = git.query(Path::new("/"), arguments, git.limits.local);
        let answer = query.demand()?;
        let version =
            parse_version(&answer).ok_or_else(|| query.unexpected(&String::from_utf8_lossy(&answer)))?;
        git.version = version;
        Ok(git)
    }

    /// A question to the repository that `directory` is in.
    pub(super) fn local<'a, I>(&'a self, directory: &'a Path, arguments: I) -> Query<'a>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.query(directory, with_settings(arguments), self.limits.local)
    }

    /// A call with these exact arguments; `local` and the remote calls go through it.
    pub(super) fn query<'a>(
        &'a self,
        directory: &'a Path,
        arguments: Vec<OsString>,
        limit: Duration,
    ) -> Query<'a> {
        // A person who repeats the line needs no protection from the repository's settings, and has patience.
        let has = |from: usize, settings: &[&str]| {
            let words = arguments.get(from..from + settings.len()).unwrap_or_default();
            !words.is_empty()
                && words.iter().zip(settings).all(|(word, setting)| word.as_os_str() == *setting)
        };
        let mut preamble = 0;
        for settings in [&SETTINGS[..], &STALLED] {
            preamble += if has(preamble, settings) { settings.len() } else { 0 };
        }
        Query { program: &self.path, arguments, preamble, directory, vars: &self.vars, limit }
    }
}

/// The settings of every call, then `arguments`.
pub(super) fn with_settings<I>(arguments: I) -> Vec<OsString>
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    let mut words: Vec<OsString> = SETTINGS.iter().map(OsString::from).collect();
    words.extend(arguments.into_iter().map(|word| word.as_ref().to_owned()));
    words
}

fn child_vars(surroundings: &Surroundings, root: &Path) -> BTreeMap<OsString, OsString> {
    let mut vars = surroundings.vars.clone();
    vars.retain(|name, _| is_passed(&name.to_string_lossy()));
    vars.insert("PATH".into(), surroundings.clean_path(root));
    let fixed = [
        ("LC_ALL", "C"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_ALLOW_PROTOCOL", "https:ssh"),
        ("GCM_INTERACTIVE", "never"),
    ];
    vars.extend(fixed.map(|(name, value)| (name.into(), value.into())));
    vars
}

fn is_passed(name: &str) -> bool {
    if name.starts_with("GIT_") {
        PASSED.contains(&name) || PASSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    } else {
        name != "VIRTUAL_ENV" && name != "LANGUAGE" && !name.starts_with("PYTHON")
    }
}

/// `git version 2.39.3 (Apple Git-146)`, `git version 2.45.1.windows.1`
fn parse_version(answer: &[u8]) -> Option<Version> {
    let text = std::str::from_utf8(answer).ok()?;
    let word = text.strip_prefix("git version ")?.split_whitespace().next()?;
    let numbers: Vec<u64> = word.split('.').map_while(|part| part.parse().ok()).collect();
    (numbers.len() >= 2).then(|| Version::new(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::{Place, executable};

    #[test]
    fn the_machines_git_is_found_with_its_version() {
        let place = Place::new();
        let git = Git::find(&place.machine(), place.root()).unwrap();
        assert!(git.path.is_absolute() && git.version > Version::new([2]), "{git:?}");
    }

    #[test]
    fn the_line_to_repeat_has_no_settings_of_ours_and_all_others_whole() {
        let place = Place::new();
        let git = Git::find(&place.machine(), place.root()).unwrap();
        let repeated = |arguments: Vec<OsString>| {
            let query = git.query(place.root(), arguments, git.limits.local);
            query.arguments[query.preamble..].join(OsStr::new(" ")).into_string().unwrap()
        };
        let network = crate::tool::git::remote::network(["ls-remote", "--", "https://h/x"]);
        assert_eq!(repeated(network), "ls-remote -- https://h/x");
        assert_eq!(repeated(with_settings(["-c", "a=b", "diff"])), "-c a=b diff");
        assert_eq!(repeated(vec!["--version".into()]), "--version");
    }

    #[test]
    fn a_git_in_the_repository_is_not_run() {
        let place = Place::new();
        let bin = place.directory("repo/bin");
        executable(&bin.join("git"), "touch ../canary; echo git version 2.50.0");
        let error = Git::find(&place.surroundings(&[&bin]), &place.root().join("repo"));
        assert!(matches!(error, Err(ToolError::GitNotFound)));
        assert!(!place.root().join("repo/canary").exists());
    }

    #[test]
    fn versions_of_vendors_parse_and_other_programs_do_not() {
        for (answer, version) in [
            ("git version 2.47.3\n", Some(Version::new([2, 47, 3]))),
            ("git version 2.39.3 (Apple Git-146)\n", Some(Version::new([2, 39, 3]))),
            ("git version 2.45.1.windows.1\n", Some(Version::new([2, 45, 1]))),
            ("hub version 2.1\n", None),
        ] {
            assert_eq!(parse_version(answer.as_bytes()), version, "{answer}");
        }
    }

    #[test]
    fn variables_of_a_hook_are_dropped_and_those_for_logging_in_are_kept() {
        let place = Place::new();
        let mut surroundings = place.machine();
        let dropped = ["GIT_DIR", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF", "GIT_TRACE", "PYTHONPATH"];
        let kept = ["GIT_ASKPASS", "GIT_CONFIG_KEY_0", "SSH_AUTH_SOCK", "HTTPS_PROXY"];
        for name in dropped.iter().chain(&kept) {
            surroundings.vars.insert(name.into(), "/x".into());
        }
        let vars = child_vars(&surroundings, place.root());
        assert_eq!(vars[OsStr::new("GIT_TERMINAL_PROMPT")], "0");
        assert!(dropped.iter().all(|name| !vars.contains_key(OsStr::new(name))));
        assert!(kept.iter().all(|name| vars.contains_key(OsStr::new(name))));
    }
}
