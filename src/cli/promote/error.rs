//! What keeps a package from being promoted. Each finding points at the pin that would move.

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

use crate::base::SourceFile;

/// The codes of this verb and what they mean, for the README.
pub(in crate::cli) const CODES: &[(&str, &str)] = &[
    ("envloom::promote::untested", "no tag of the channel has the tree of the commit that was tested"),
    ("envloom::promote::older", "what was tested is older than what is pinned"),
    ("envloom::promote::not_there", "the environment that is promoted from does not have the package"),
    ("envloom::promote::no_commit", "what was tested is no commit that others have"),
    ("envloom::promote::tags_unknown", "the tags of a package's remote cannot be had"),
    (
        "envloom::promote::needs_newer",
        "a package would need another internal package in a version that is not pinned",
    ),
];

/// All that is wrong with one promotion.
#[derive(Debug, Error, Diagnostic)]
#[error("{from} cannot be promoted to {to}: nothing was changed")]
pub(in crate::cli) struct PromoteError {
    /// The environment that was tested.
    pub(super) from: String,
    /// The environment that would have followed.
    pub(super) to: String,
    #[source_code]
    pub(super) source_code: NamedSource<String>,
    /// At least one.
    #[related]
    pub(super) findings: Vec<PromoteFinding>,
}

impl PromoteError {
    pub(super) fn new((from, to): (&str, &str), source: &SourceFile, findings: Vec<PromoteFinding>) -> Self {
        Self { from: from.to_owned(), to: to.to_owned(), source_code: source.named(), findings }
    }
}

/// What keeps one package.
#[derive(Debug, Error, Diagnostic)]
pub(in crate::cli) enum PromoteFinding {
    /// No tag is the tested commit's.
    #[error("no {channel} tag of `{package}` is what {from} has tested, commit {commit}")]
    #[diagnostic(
        code(envloom::promote::untested),
        help(
            "{nearest}; tag that commit, or take the newest tag as it is with `--allow-untested {package}`"
        )
    )]
    Untested {
        /// The package.
        package: String,
        /// `stable` or `dev`.
        channel: &'static str,
        /// The environment.
        from: String,
        /// The tested commit, short.
        commit: String,
        /// The nearest tags and what differs.
        nearest: String,
        #[label("stays")]
        span: SourceSpan,
    },
    /// The tested one would be a step back.
    #[error("{from} has tested `{package}` {tested}, and {to} pins {pinned}, which is newer")]
    #[diagnostic(
        code(envloom::promote::older),
        help(
            "test the newer one first: `envloom pin {from} {package} TAG`; to go back all the same: `envloom pin {to} {package} {tested}`"
        )
    )]
    Older {
        /// The package.
        package: String,
        /// The environment.
        from: String,
        /// The environment that would go back.
        to: String,
        /// The tag that was tested.
        tested: String,
        /// The tag that is pinned.
        pinned: String,
        #[label("newer")]
        span: SourceSpan,
    },
    /// Not a participant.
    #[error("{from} does not have `{package}`: it was not tested there")]
    #[diagnostic(
        code(envloom::promote::not_there),
        help("leave it out by naming the others with `--package`, or let it take part in {from}")
    )]
    NotThere {
        /// The package.
        package: String,
        /// The environment.
        from: String,
        #[label("would move")]
        span: SourceSpan,
    },
    /// Not clean, not a checkout, not pushed.
    #[error("what {from} has of `{package}` is no commit that its remote has: {reason}")]
    #[diagnostic(code(envloom::promote::no_commit), help("commit it there, push it and tag it"))]
    NoCommit {
        /// The package.
        package: String,
        /// The environment.
        from: String,
        /// Which of these.
        reason: String,
        #[label("would move")]
        span: SourceSpan,
    },
    /// Offline, or the remote is away.
    #[error("the tags of `{package}` are not known: {reason}")]
    #[diagnostic(
        code(envloom::promote::tags_unknown),
        help("type the command again where {git} can be reached")
    )]
    TagsUnknown {
        /// The package.
        package: String,
        /// Why not.
        reason: String,
        /// Its remote.
        git: String,
        #[label("would move")]
        span: SourceSpan,
    },
    /// Between internal packages.
    #[error("`{package}` {release} needs {requirement}, and {to} would have {other} {version}")]
    #[diagnostic(code(envloom::promote::needs_newer), help("{help}"))]
    NeedsNewer {
        /// The package that would move.
        package: String,
        /// To what.
        release: String,
        /// What it asks for.
        requirement: String,
        /// The environment.
        to: String,
        /// The other package.
        other: String,
        /// The version it would have.
        version: String,
        /// What to type.
        help: String,
        #[label("not new enough")]
        span: SourceSpan,
    },
}
