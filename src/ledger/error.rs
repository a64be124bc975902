//! What keeps `envloom.lock` or a lockfile of uv from being read, and a release from being recorded.
//!
//! Findings carry spans; [`LedgerError`] adds the text they point into, once: `envloom.lock` or `uv.lock`
//! while reading, `tasks.kdl` for everything that a pin asked for. What a lockfile holds wrongly is in
//! `finding`; the codes of both stand here.

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

use crate::base::SourceFile;

/// All findings of one text.
#[derive(Debug, Error, Diagnostic)]
#[error("{summary}")]
pub(crate) struct LedgerError {
    /// What could not be done.
    pub(crate) summary: String,
    /// The text that the findings point into.
    #[source_code]
    pub(crate) source_code: NamedSource<String>,
    /// At least one.
    #[related]
    pub(crate) findings: Vec<LedgerFinding>,
}

impl LedgerError {
    /// Joins findings with their text.
    pub(super) fn new(summary: impl Into<String>, source: &SourceFile, findings: Vec<LedgerFinding>) -> Self {
        Self { summary: summary.into(), source_code: source.named(), findings }
    }
}

/// One thing that keeps the ledger from being read or completed, or a lockfile from being read.
#[derive(Debug, Error, Diagnostic)]
pub(crate) enum LedgerFinding {
    /// A merge left its markers in `envloom.lock`.
    #[error("a merge left conflict markers in envloom.lock")]
    #[diagnostic(
        code(envloom::ledger::conflict),
        help("type `envloom resolve`: it merges the two sides of envloom.lock entry by entry")
    )]
    Conflict {
        #[label("the first one")]
        span: SourceSpan,
    },

    /// No TOML, or not of the form this envloom writes.
    #[error("envloom.lock cannot be read: {message}")]
    #[diagnostic(
        code(envloom::ledger::syntax),
        help(
            "it is written by envloom alone; take the committed one back with `git checkout -- envloom.lock`"
        )
    )]
    Syntax {
        message: String,
        #[label("here")]
        span: Option<SourceSpan>,
    },

    /// A later envloom wrote it.
    #[error("envloom.lock has version {found}; this envloom knows version 1")]
    #[diagnostic(
        code(envloom::ledger::newer),
        help("upgrade envloom, for example with `cargo install envloom`")
    )]
    Newer {
        found: String,
        #[label("written by a later envloom")]
        span: SourceSpan,
    },

    /// A value that envloom never writes.
    #[error("{what} in envloom.lock is refused: {reason}")]
    #[diagnostic(
        code(envloom::ledger::value),
        help(
            "it is written by envloom alone; take the committed one back with `git checkout -- envloom.lock`"
        )
    )]
    Value {
        what: String,
        reason: String,
        #[label("not written by envloom")]
        span: SourceSpan,
    },

    /// A pin of a package without remote.
    #[error("`{package}` is pinned but has no remote")]
    #[diagnostic(
        code(envloom::ledger::no_remote),
        help("add `git=\"https://…\"` to `package \"{package}\"`")
    )]
    NoRemote {
        package: String,
        #[label("pinned here")]
        span: SourceSpan,
    },

    /// The remote has no such tag.
    #[error("`{package}` has no tag `{tag}` at {git}")]
    #[diagnostic(code(envloom::ledger::missing_tag), help("{near}"))]
    MissingTag {
        package: String,
        tag: String,
        git: String,
        near: String,
        #[label("no such tag")]
        span: SourceSpan,
    },

    /// The remote has no such commit on a branch or a tag.
    #[error("`{package}` has no commit {commit} on any branch or tag at {git}")]
    #[diagnostic(
        code(envloom::ledger::missing_commit),
        help("push it, or pin another one: `git ls-remote {git}` lists what is there")
    )]
    MissingCommit {
        package: String,
        commit: String,
        git: String,
        #[label("no such commit")]
        span: SourceSpan,
    },

    /// There is no `pyproject.toml` at that commit.
    #[error("`{package}` {reference} has no `{path}` (commit {commit})")]
    #[diagnostic(
        code(envloom::ledger::no_manifest),
        help(
            "if the package lies elsewhere in its repository, set `subdirectory=` of `package \"{package}\"`; else pin a release that has a pyproject.toml"
        )
    )]
    NoManifest {
        package: String,
        reference: String,
        commit: String,
        path: String,
        #[label("pinned here")]
        span: SourceSpan,
    },

    /// The `pyproject.toml` there cannot be used.
    #[error("`{path}` of `{package}` {reference} cannot be used: {reason}")]
    #[diagnostic(
        code(envloom::ledger::bad_manifest),
        help("mend it in the package's repository, tag a new release and pin that one")
    )]
    BadManifest {
        package: String,
        reference: String,
        path: String,
        reason: String,
        #[label("pinned here")]
        span: SourceSpan,
    },

    /// The version in the manifest is not the one the pin names.
    #[error(
        "`{package}` {reference} stands for version {expected}, but its pyproject.toml says {found} (commit {commit})"
    )]
    #[diagnostic(
        code(envloom::ledger::wrong_version),
        help("tag a commit whose version is {expected}, or pin the tag that belongs to {found}")
    )]
    WrongVersion {
        package: String,
        reference: String,
        commit: String,
        expected: String,
        found: String,
        #[label("stands for {expected}")]
        span: SourceSpan,
    },

    /// The manifest there is of another package.
    #[error("`{package}` {reference} is a package called `{found}` (commit {commit})")]
    #[diagnostic(
        code(envloom::ledger::wrong_name),
        help("check `git=` and `subdirectory=` of `package \"{package}\"`")
    )]
    WrongName {
        package: String,
        reference: String,
        commit: String,
        found: String,
        #[label("pinned here")]
        span: SourceSpan,
    },

    /// A release is not recorded and may not be fetched.
    #[error("envloom.lock has no release `{package} {reference}`, and --offline forbids asking {git}")]
    #[diagnostic(
        code(envloom::ledger::offline),
        help("type `envloom generate:{environment}` once without --offline, and commit envloom.lock")
    )]
    Offline {
        package: String,
        reference: String,
        git: String,
        environment: String,
        #[label("pinned here")]
        span: SourceSpan,
    },

    /// git could not answer.
    #[error("the release `{package} {reference}` could not be read from {git}")]
    #[diagnostic(
        code(envloom::ledger::unreachable),
        help("mend what git says, and run the same command again")
    )]
    Unreachable {
        package: String,
        reference: String,
        git: String,
        #[diagnostic_source]
        cause: Box<dyn Diagnostic + Send + Sync>,
        #[label("pinned here")]
        span: SourceSpan,
    },

    /// A merge left its markers in a lockfile.
    #[error("a merge left conflict markers in {file}")]
    #[diagnostic(
        code(envloom::ledger::lockfile_conflict),
        help(
            "type `envloom resolve`: it locks {environment} anew from what both sides have grown from, so that other versions stay"
        )
    )]
    LockfileConflict {
        file: String,
        environment: String,
        #[label("the first one")]
        span: SourceSpan,
    },

    /// The lockfile is no TOML, or not of uv's form.
    #[error("{file} cannot be read: {message}")]
    #[diagnostic(
        code(envloom::ledger::lockfile_syntax),
        help(
            "take the committed one back with `git checkout -- {file}`, or lock anew with `envloom lock:{environment}`"
        )
    )]
    LockfileSyntax {
        file: String,
        environment: String,
        message: String,
        #[label("here")]
        span: Option<SourceSpan>,
    },

    /// uv changed the form of its lockfile.
    #[error("{file} has version {found}; this envloom knows version 1")]
    #[diagnostic(
        code(envloom::ledger::lockfile_version),
        help("upgrade envloom, or lock with the uv that tasks.kdl names: `envloom lock:{environment}`")
    )]
    LockfileVersion {
        file: String,
        environment: String,
        found: String,
        #[label("an unknown version")]
        span: Option<SourceSpan>,
    },
}

/// Every code of this room with its meaning, for the reference.
pub(crate) const CODES: &[(&str, &str)] = &[
    ("envloom::ledger::conflict", "envloom.lock holds conflict markers of a merge"),
    ("envloom::ledger::syntax", "envloom.lock is no TOML, or not of the form envloom writes"),
    ("envloom::ledger::newer", "envloom.lock was written by a later envloom"),
    ("envloom::ledger::value", "envloom.lock holds a value that envloom never writes"),
    ("envloom::ledger::no_remote", "a pinned package has no remote"),
    ("envloom::ledger::missing_tag", "the remote has no such tag"),
    ("envloom::ledger::missing_commit", "the remote has no such commit"),
    ("envloom::ledger::no_manifest", "the pinned commit has no pyproject.toml where it should be"),
    ("envloom::ledger::bad_manifest", "the pyproject.toml at the pinned commit cannot be used"),
    ("envloom::ledger::wrong_version", "the version at the pinned commit is not the one the pin names"),
    ("envloom::ledger::wrong_name", "the package at the pinned commit has another name"),
    ("envloom::ledger::offline", "a release is not recorded and --offline forbids asking for it"),
    ("envloom::ledger::unreachable", "git could not read a release"),
    ("envloom::ledger::lockfile_conflict", "a lockfile holds conflict markers of a merge"),
    ("envloom::ledger::lockfile_syntax", "a lockfile is no TOML, or not of uv's form"),
    ("envloom::ledger::lockfile_version", "a lockfile is of a version this envloom does not know"),
    ("envloom::ledger::not_locked", "a package that takes part is not in the lockfile"),
    ("envloom::ledger::from_index", "an internal package is locked from an index"),
    ("envloom::ledger::working_tree", "a frozen environment is locked to files of the working tree"),
    ("envloom::ledger::wrong_source", "an internal package is locked from elsewhere than declared"),
    ("envloom::ledger::unpinned", "an internal package is in a frozen lockfile without a pin"),
    ("envloom::ledger::not_recorded", "a pin's release is not in envloom.lock"),
    (
        "envloom::ledger::moved_tag",
        "the commit of a tag, in the lockfile or at its remote, is not the recorded one",
    ),
    ("envloom::ledger::tag_gone", "a remote has a pinned tag no more"),
    (
        "envloom::ledger::remote_silent",
        "a remote did not answer, and `verify` cannot vouch for what comes from it",
    ),
    ("envloom::ledger::commit_gone", "the recorded commit of a release is nowhere any more"),
    (
        "envloom::ledger::record_differs",
        "envloom.lock does not say what a package's manifest says at its commit",
    ),
    ("envloom::ledger::shim_differs", "a metadata shim does not say what the package's manifest says"),
    ("envloom::ledger::version_differs", "versions of one release disagree"),
    ("envloom::ledger::wrong_index", "a variant's package comes from elsewhere than its index"),
    ("envloom::ledger::variant_lacks", "a variant's package is not in the lockfile"),
    ("envloom::ledger::plain_http", "a frozen environment takes something by plain http"),
    (
        "envloom::ledger::unexplicit_index",
        "an index for variants serves every package of a frozen environment",
    ),
    (
        "envloom::ledger::unsafe_strategy",
        "a frozen environment searches indexes in a way that lets strangers win",
    ),
    ("envloom::ledger::insecure_host", "a frozen environment does not look at a host's certificate"),
    (
        "envloom::ledger::plain_http_setting",
        "a setting of a frozen environment names something by plain http",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_code_once_and_in_order() {
        let text = [include_str!("error.rs"), include_str!("finding.rs")].concat();
        let declared: Vec<&str> = text
            .split("code(envloom")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
            .filter(|name| name.starts_with("::"))
            .collect();
        let listed: Vec<&str> = CODES.iter().map(|(code, _)| &code["envloom".len()..]).collect();
        assert_eq!(declared, listed);
    }
}
