//! What can go wrong with an external program.
//!
//! No variant has a span: a missing uv has no place of its own, so whoever asked for the work adds
//! one. Every text that came from outside (a URL, a child's stderr) has passed
//! [`super::address::plain`] before it is put into a variant: credentials masked, control and bidi
//! characters replaced, long lines cut.

use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use pep440_rs::Version;
use thiserror::Error;

/// Every code of this room and what it means, for the README.
pub(crate) const CODES: &[(&str, &str)] = &[
    ("envloom::tool::uv_not_found", "there is no uv on this machine"),
    ("envloom::tool::uv_out_of_range", "there is a uv, but none of the wanted version"),
    ("envloom::tool::uv_too_old", "uv is older than the oldest that is safe"),
    ("envloom::tool::uv_override", "ENVLOOM_UV names something that cannot be used"),
    ("envloom::tool::uv_offline", "the wanted uv would have to be fetched, and --offline was given"),
    ("envloom::tool::no_pip", "the wanted uv would have to be fetched, and no Python has pip"),
    ("envloom::tool::fetch_failed", "pip could not download the wheel of uv"),
    ("envloom::tool::no_cache_directory", "neither a cache nor a home directory is known"),
    (
        "envloom::tool::unsafe_directory",
        "a directory that programs are run from belongs to someone else, or others may write to it",
    ),
    ("envloom::tool::wheel_refused", "a wheel of uv is not what it says it is"),
    ("envloom::tool::git_not_found", "git is missing"),
    ("envloom::tool::not_a_repository", "a directory is in no git repository"),
    ("envloom::tool::url_refused", "a URL that must not reach git"),
    ("envloom::tool::tag_refused", "a tag name that must not reach git"),
    ("envloom::tool::timed_out", "a program did not answer in time"),
    ("envloom::tool::interrupted", "a program was asked something when envloom was told to end"),
    ("envloom::tool::failed", "a program that was asked something failed"),
    ("envloom::tool::not_started", "a program could not be started"),
    ("envloom::tool::unexpected_answer", "a program answered what nobody understands"),
    ("envloom::tool::io", "a file could not be read or written"),
];

/// A failure to find, start or understand an external program.
#[derive(Debug, Error, Diagnostic)]
pub(crate) enum ToolError {
    /// No uv at all. `passed_over` names the programs called uv that were refused, or is empty.
    #[error("uv was not found{passed_over}")]
    #[diagnostic(
        code(envloom::tool::uv_not_found),
        help(
            "type `{install}`, or write an exact version such as `uv \"0.13.9\"` into tasks.kdl and envloom fetches it"
        )
    )]
    UvNotFound { passed_over: String, install: String },

    /// There is a uv, but none of the wanted version.
    #[error("no uv here is {wanted}: found {found}")]
    #[diagnostic(
        code(envloom::tool::uv_out_of_range),
        help(
            "type `{install}`, or write an exact version such as `uv \"0.13.9\"` into tasks.kdl and envloom fetches it"
        )
    )]
    UvOutOfRange { wanted: String, found: String, install: String },

    /// uv is below the floor this crate accepts.
    #[error("uv {found} is older than {floor}, which closed the archive flaw {advisory}")]
    #[diagnostic(
        code(envloom::tool::uv_too_old),
        help("type `{install}`, and raise the version in tasks.kdl if it names this one")
    )]
    UvTooOld { found: String, floor: Version, advisory: &'static str, install: String },

    /// `ENVLOOM_UV` names something that cannot be used.
    #[error("ENVLOOM_UV is `{value}`, which {reason}")]
    #[diagnostic(
        code(envloom::tool::uv_override),
        help("type `unset ENVLOOM_UV`, or set it to the absolute path of a suitable uv")
    )]
    UvOverride { value: String, reason: String },

    /// The wanted uv would have to be fetched, and the network may not be used.
    #[error("uv {version} is not on this machine, and --offline forbids fetching it")]
    #[diagnostic(
        code(envloom::tool::uv_offline),
        help("run once without --offline, or type `{install}` where there is a network")
    )]
    UvOffline { version: Version, install: String },

    /// The wanted uv would have to be fetched, and there is no pip to fetch it with.
    #[error("uv {version} is not on this machine, and no Python with pip was found to fetch it")]
    #[diagnostic(
        code(envloom::tool::no_pip),
        help(
            "type `python3 -m ensurepip --upgrade`, or install uv {version} yourself and set ENVLOOM_UV to its path"
        )
    )]
    NoPip { version: Version },

    /// pip could not download the wheel. Its working directory is gone, so the help has a line that
    /// works anywhere.
    #[error("pip could not fetch uv {version}: it ended with {status}{stderr}")]
    #[diagnostic(
        code(envloom::tool::fetch_failed),
        help("type `{line}` to see it again; if the index has no such version, change it in tasks.kdl")
    )]
    FetchFailed { version: Version, status: String, stderr: String, line: String },

    /// A cache directory is needed and neither it nor a home directory is known.
    #[error("there is no place to keep uv {version}: neither HOME nor a cache directory is set")]
    #[diagnostic(
        code(envloom::tool::no_cache_directory),
        help("set ENVLOOM_CACHE_DIR to an absolute path of your own")
    )]
    NoCache { version: Version },

    /// A directory that programs are run from belongs to someone else, or others may write to it.
    #[error("`{}` is not safe to run programs from: {reason}", directory.display())]
    #[diagnostic(
        code(envloom::tool::unsafe_directory),
        help("set ENVLOOM_CACHE_DIR to a directory only you can write to")
    )]
    UnsafeDirectory { directory: PathBuf, reason: String },

    /// A wheel of uv is not what it says it is. It has not been unpacked into the cache.
    #[error("the wheel `{wheel}` was refused: {reason}")]
    #[diagnostic(
        code(envloom::tool::wheel_refused),
        help("check the package index pip uses (`python3 -m pip config list`) and the sha256 in tasks.kdl")
    )]
    WheelRefused { wheel: String, reason: String },

    /// git is missing.
    #[error("git was not found on PATH")]
    #[diagnostic(
        code(envloom::tool::git_not_found),
        help(
            "install git (`apt-get install git`, `brew install git`) or add its directory to PATH; programs inside the repository are never run"
        )
    )]
    GitNotFound,

    /// The directory is in no git repository.
    #[error("`{}` is not in a git repository", directory.display())]
    #[diagnostic(
        code(envloom::tool::not_a_repository),
        help("type `git init`, or go to the repository with `-C DIRECTORY`")
    )]
    NotARepository { directory: PathBuf },

    /// A URL that must not reach git.
    #[error("the git url `{url}` is refused: {reason}")]
    #[diagnostic(
        code(envloom::tool::url_refused),
        help(
            "write it as `https://host/path`, `ssh://git@host/path`, `git@host:path` or `file:///path`; credentials belong in a credential helper"
        )
    )]
    UrlRefused { url: String, reason: &'static str },

    /// A tag name that must not reach git.
    #[error("the tag `{tag}` is refused: {reason}")]
    #[diagnostic(
        code(envloom::tool::tag_refused),
        help("use a tag of letters, digits and `. _ - + / @ ! =`, such as `v0.1.2`")
    )]
    TagRefused { tag: String, reason: &'static str },

    /// A query ended with a failure. Boxed, since it is much larger than its siblings.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Failed(Box<QueryFailed>),

    /// A query took longer than it may.
    #[error("`{line}` did not end within {seconds} s and was stopped")]
    #[diagnostic(
        code(envloom::tool::timed_out),
        help("type the line yourself to see what it waits for: a password, a proxy, a slow server")
    )]
    TimedOut { line: String, seconds: u64 },

    /// envloom was told to end meanwhile.
    #[error("`{line}` was stopped: envloom was told to end")]
    #[diagnostic(code(envloom::tool::interrupted), help("run the same command again to go on"))]
    Interrupted { line: String },

    /// A program could not be started at all.
    #[error("`{}` could not be started", program.display())]
    #[diagnostic(
        code(envloom::tool::not_started),
        help(
            "check that the file is executable by you (`ls -l`), and the limits on processes (`ulimit -a`)"
        )
    )]
    NotStarted {
        program: PathBuf,
        #[source]
        source: io::Error,
    },

    /// A program answered what nobody understands.
    #[error("`{line}` answered something unexpected: {what}")]
    #[diagnostic(
        code(envloom::tool::unexpected_answer),
        help(
            "type the line yourself; if its answer looks right, please report it to envloom with the program's version"
        )
    )]
    Unexpected { line: String, what: String },

    /// A file of this room could not be read or written.
    #[error("could not {action} `{}`", path.display())]
    #[diagnostic(
        code(envloom::tool::io),
        help("check free space (`df -h`) and the permissions of that path (`ls -ld`)")
    )]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// A child that ended with a failure, with all that is needed to repeat it.
#[derive(Debug, Error, Diagnostic)]
#[error("`{line}` failed with {status}{stderr}")]
#[diagnostic(code(envloom::tool::failed), help("type `cd {directory} && {line}` to see it again"))]
pub(crate) struct QueryFailed {
    /// The pasteable command line, credentials masked.
    pub(crate) line: String,
    /// Where it ran, quoted for a shell.
    pub(crate) directory: String,
    /// How it ended, as the standard library words it.
    pub(crate) status: String,
    /// The last lines of its stderr after a `:` and a line break, or nothing.
    pub(crate) stderr: String,
}

impl ToolError {
    /// The same of a query that worked in a directory which is gone: `line` is the query without it, and works in any
    /// fresh one.
    pub(super) fn elsewhere(self, line: String) -> Self {
        match self {
            Self::Failed(failed) => {
                let directory = "\"$(mktemp -d)\"".to_owned();
                Self::Failed(Box::new(QueryFailed { line, directory, ..*failed }))
            }
            Self::TimedOut { seconds, .. } => Self::TimedOut { line, seconds },
            Self::Interrupted { .. } => Self::Interrupted { line },
            other => other,
        }
    }

    /// Turns an I/O error of `path` into this room's error; for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::told;

    #[test]
    #[expect(clippy::too_many_lines, reason = "one line for each error, and the look of all of them")]
    fn every_message_says_what_to_do() {
        let version = || Version::new([0, 13, 9]);
        let install = || "curl … | sh".to_owned();
        let failed = QueryFailed {
            line: "git ls-remote x".to_owned(),
            directory: "/repo".to_owned(),
            status: "exit status: 128".to_owned(),
            stderr: ": fatal: no such remote".to_owned(),
        };
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let errors = [
            ToolError::UvNotFound { passed_over: "; a shim was passed over".to_owned(), install: install() },
            ToolError::UvOutOfRange { wanted: ">=0.13".into(), found: "0.12.0".into(), install: install() },
            ToolError::UvTooOld {
                found: "0.13.9".to_owned(),
                floor: version(),
                advisory: "GHSA-x",
                install: install(),
            },
            ToolError::UvOverride { value: "./uv".to_owned(), reason: "is not absolute".to_owned() },
            ToolError::UvOffline { version: version(), install: install() },
            ToolError::NoPip { version: version() },
            ToolError::FetchFailed {
                version: version(),
                status: "exit status: 1".to_owned(),
                stderr: ": no matching distribution".to_owned(),
                line: "python3 -m pip download uv".to_owned(),
            },
            ToolError::NoCache { version: version() },
            ToolError::UnsafeDirectory {
                directory: "/tmp/x".into(),
                reason: "others may write to it".into(),
            },
            ToolError::WheelRefused {
                wheel: "uv.whl".to_owned(),
                reason: "its sha256 is another".to_owned(),
            },
            ToolError::GitNotFound,
            ToolError::NotARepository { directory: "/tmp".into() },
            ToolError::UrlRefused { url: "ext::sh".to_owned(), reason: "it would run a program" },
            ToolError::TagRefused { tag: "-x".to_owned(), reason: "it begins with a dash" },
            ToolError::TimedOut { line: "git fetch".to_owned(), seconds: 60 },
            ToolError::Interrupted { line: "git fetch".to_owned() },
            ToolError::Failed(Box::new(failed)),
            ToolError::NotStarted { program: "/bin/git".into(), source: denied() },
            ToolError::Unexpected { line: "uv --version".to_owned(), what: "no version".to_owned() },
            ToolError::Io { action: "read", path: "/x".into(), source: denied() },
        ];
        assert_eq!(errors.len(), CODES.len());
        insta::assert_snapshot!(errors.iter().map(|error| told(error)).collect::<String>(), @r#"
        envloom::tool::uv_not_found
            uv was not found; a shim was passed over
            help: type `curl … | sh`, or write an exact version such as `uv "0.13.9"` into tasks.kdl and envloom fetches it
        envloom::tool::uv_out_of_range
            no uv here is >=0.13: found 0.12.0
            help: type `curl … | sh`, or write an exact version such as `uv "0.13.9"` into tasks.kdl and envloom fetches it
        envloom::tool::uv_too_old
            uv 0.13.9 is older than 0.13.9, which closed the archive flaw GHSA-x
            help: type `curl … | sh`, and raise the version in tasks.kdl if it names this one
        envloom::tool::uv_override
            ENVLOOM_UV is `./uv`, which is not absolute
            help: type `unset ENVLOOM_UV`, or set it to the absolute path of a suitable uv
        envloom::tool::uv_offline
            uv 0.13.9 is not on this machine, and --offline forbids fetching it
            help: run once without --offline, or type `curl … | sh` where there is a network
        envloom::tool::no_pip
            uv 0.13.9 is not on this machine, and no Python with pip was found to fetch it
            help: type `python3 -m ensurepip --upgrade`, or install uv 0.13.9 yourself and set ENVLOOM_UV to its path
        envloom::tool::fetch_failed
            pip could not fetch uv 0.13.9: it ended with exit status: 1: no matching distribution
            help: type `python3 -m pip download uv` to see it again; if the index has no such version, change it in tasks.kdl
        envloom::tool::no_cache_directory
            there is no place to keep uv 0.13.9: neither HOME nor a cache directory is set
            help: set ENVLOOM_CACHE_DIR to an absolute path of your own
        envloom::tool::unsafe_directory
            `/tmp/x` is not safe to run programs from: others may write to it
            help: set ENVLOOM_CACHE_DIR to a directory only you can write to
        envloom::tool::wheel_refused
            the wheel `uv.whl` was refused: its sha256 is another
            help: check the package index pip uses (`python3 -m pip config list`) and the sha256 in tasks.kdl
        envloom::tool::git_not_found
            git was not found on PATH
            help: install git (`apt-get install git`, `brew install git`) or add its directory to PATH; programs inside the repository are never run
        envloom::tool::not_a_repository
            `/tmp` is not in a git repository
            help: type `git init`, or go to the repository with `-C DIRECTORY`
        envloom::tool::url_refused
            the git url `ext::sh` is refused: it would run a program
            help: write it as `https://host/path`, `ssh://git@host/path`, `git@host:path` or `file:///path`; credentials belong in a credential helper
        envloom::tool::tag_refused
            the tag `-x` is refused: it begins with a dash
            help: use a tag of letters, digits and `. _ - + / @ ! =`, such as `v0.1.2`
        envloom::tool::timed_out
            `git fetch` did not end within 60 s and was stopped
            help: type the line yourself to see what it waits for: a password, a proxy, a slow server
        envloom::tool::interrupted
            `git fetch` was stopped: envloom was told to end
            help: run the same command again to go on
        envloom::tool::failed
            `git ls-remote x` failed with exit status: 128: fatal: no such remote
            help: type `cd /repo && git ls-remote x` to see it again
        envloom::tool::not_started
            `/bin/git` could not be started
            help: check that the file is executable by you (`ls -l`), and the limits on processes (`ulimit -a`)
        envloom::tool::unexpected_answer
            `uv --version` answered something unexpected: no version
            help: type the line yourself; if its answer looks right, please report it to envloom with the program's version
        envloom::tool::io
            could not read `/x`
            help: check free space (`df -h`) and the permissions of that path (`ls -ld`)
        "#);
    }
}
