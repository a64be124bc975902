//! What a lockfile can hold that neither `tasks.kdl` nor `envloom.lock` asks for.
//!
//! Spans point into `tasks.kdl`, at the pin, the package, the variant or the environment that asked for
//! something else; [`VerifyError`] adds its text, once.

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

use crate::base::SourceFile;

/// All that is wrong with one environment's lockfile.
#[derive(Debug, Error, Diagnostic)]
#[error("the lockfile of `{environment}` is not what tasks.kdl and envloom.lock ask for")]
pub(crate) struct VerifyError {
    /// The environment's name.
    pub(crate) environment: String,
    /// `tasks.kdl`.
    #[source_code]
    pub(crate) source_code: NamedSource<String>,
    /// At least one.
    #[related]
    pub(crate) findings: Vec<VerifyFinding>,
}

impl VerifyError {
    /// Joins findings with `tasks.kdl`; `None` when there are none.
    #[must_use]
    pub(crate) fn of(environment: &str, source: &SourceFile, findings: Vec<VerifyFinding>) -> Option<Self> {
        let environment = environment.to_owned();
        (!findings.is_empty()).then(|| Self { environment, source_code: source.named(), findings })
    }
}

/// One way in which a lockfile is not what the model and the record ask for.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
pub(crate) enum VerifyFinding {
    /// A package that takes part is not in the lockfile.
    #[error("`{package}` takes part in `{environment}` and is not in its lockfile")]
    #[diagnostic(code(envloom::ledger::not_locked), help("type `envloom lock:{environment}`"))]
    NotLocked {
        package: String,
        environment: String,
        #[label("not locked")]
        span: SourceSpan,
    },

    /// An internal package is taken from an index.
    #[error("internal package `{package}` {version} is locked from the index {index}")]
    #[diagnostic(
        code(envloom::ledger::from_index),
        help(
            "whoever owns that name there chooses your code; type `envloom generate:{environment} lock:{environment}`"
        )
    )]
    FromIndex {
        package: String,
        version: String,
        index: String,
        environment: String,
        #[label("internal")]
        span: SourceSpan,
    },

    /// Something is installed from the working tree where tags are asked for.
    #[error("`{package}` is locked as {found}, but `{environment}` is frozen")]
    #[diagnostic(
        code(envloom::ledger::working_tree),
        help(
            "a frozen environment holds releases only; type `envloom generate:{environment} lock:{environment}`"
        )
    )]
    WorkingTree {
        package: String,
        found: String,
        environment: String,
        #[label("releases only")]
        span: SourceSpan,
    },

    /// An internal package comes from elsewhere than declared.
    #[error("`{package}` is locked from {found}, not from {expected}")]
    #[diagnostic(
        code(envloom::ledger::wrong_source),
        help("type `envloom generate:{environment} lock:{environment}`")
    )]
    WrongSource {
        package: String,
        found: String,
        expected: String,
        environment: String,
        #[label("{expected}")]
        span: SourceSpan,
    },

    /// An internal package reached the lockfile without a pin.
    #[error("internal package `{package}` is in the lockfile of `{environment}` without a pin")]
    #[diagnostic(
        code(envloom::ledger::unpinned),
        help("something requires it: add `pin \"{package}\" \"<tag>\"` to `environment \"{environment}\"`")
    )]
    Unpinned {
        package: String,
        environment: String,
        #[label("internal")]
        span: SourceSpan,
    },

    /// A pin's release is not in `envloom.lock`.
    #[error("envloom.lock has no release `{package} {reference}`")]
    #[diagnostic(
        code(envloom::ledger::not_recorded),
        help("type `envloom generate:{environment}` and commit envloom.lock")
    )]
    NotRecorded {
        package: String,
        reference: String,
        environment: String,
        #[label("pinned here")]
        span: SourceSpan,
    },

    /// The commit of a tag is not the recorded one.
    #[error("`{package}` {reference} was {recorded} when it was recorded, and is {now} {place}")]
    #[diagnostic(
        code(envloom::ledger::moved_tag),
        help(
            "the tag was moved. Pin another release; or, if the move is meant, type `envloom lock:{environment} --accept-moved {package}`"
        )
    )]
    MovedTag {
        package: String,
        reference: String,
        recorded: String,
        now: String,
        place: String,
        environment: String,
        #[label("moved")]
        span: SourceSpan,
    },

    /// The remote has a pinned tag no more.
    #[error("`{package}` has no tag `{tag}` at {git} any more")]
    #[diagnostic(code(envloom::ledger::tag_gone), help("{near}"))]
    TagGone {
        package: String,
        tag: String,
        git: String,
        near: String,
        #[label("no such tag now")]
        span: SourceSpan,
    },

    /// A remote did not answer.
    #[error("{git} could not be asked for {what}: {cause}")]
    #[diagnostic(
        code(envloom::ledger::remote_silent),
        help(
            "mend what git says; `--offline` verifies what this repository knows, and says what it did not ask"
        )
    )]
    RemoteSilent {
        git: String,
        what: String,
        cause: String,
        #[label("pinned here")]
        span: SourceSpan,
    },

    /// The recorded commit is nowhere.
    #[error(
        "the commit {commit}, which `{package}` {reference} was when it was recorded, is not at {git} any more"
    )]
    #[diagnostic(
        code(envloom::ledger::commit_gone),
        help(
            "its history was rewritten. Pin another release; or, if that is meant, type `envloom lock:{environment} --accept-moved {package}`"
        )
    )]
    CommitGone {
        package: String,
        reference: String,
        commit: String,
        git: String,
        environment: String,
        #[label("pinned here")]
        span: SourceSpan,
    },

    /// The record does not say what the manifest says.
    #[error(
        "envloom.lock says that the {field} of `{package}` {reference} is {recorded}; at its commit {commit} it is {found}"
    )]
    #[diagnostic(
        code(envloom::ledger::record_differs),
        help(
            "envloom.lock was changed by hand or by a merge; type `envloom lock:{environment} --accept-moved {package}` to have it read again"
        )
    )]
    RecordDiffers {
        package: String,
        reference: String,
        commit: String,
        field: &'static str,
        recorded: String,
        found: String,
        environment: String,
        #[label("pinned here")]
        span: SourceSpan,
    },

    /// A metadata shim does not say what the manifest says.
    #[error(
        "the metadata shim of `{package}` {reference} in the lockfile says {field} {found}; its manifest says {expected}"
    )]
    #[diagnostic(
        code(envloom::ledger::shim_differs),
        help("uv believes whatever a shim says; type `envloom generate:{environment} lock:{environment}`")
    )]
    ShimDiffers {
        package: String,
        reference: String,
        field: &'static str,
        found: String,
        expected: String,
        environment: String,
        #[label("pinned here")]
        span: SourceSpan,
    },

    /// Versions of one release disagree.
    #[error("`{package}` {reference} stands for version {expected}, but {place} says {found}")]
    #[diagnostic(
        code(envloom::ledger::version_differs),
        help("tag a commit whose version is {expected}, or pin the tag that belongs to {found}")
    )]
    VersionDiffers {
        package: String,
        reference: String,
        expected: String,
        place: &'static str,
        found: String,
        #[label("stands for {expected}")]
        span: SourceSpan,
    },

    /// A variant's package comes from elsewhere than the variant's index.
    #[error("with `{variant}`, `{package}` {version} comes from {found}, not from {expected}{through}")]
    #[diagnostic(
        code(envloom::ledger::wrong_index),
        help(
            "type `envloom generate:{environment} lock:{environment}`; if it stays, exclude `{package}` from the package that asks for it"
        )
    )]
    WrongIndex {
        variant: String,
        package: String,
        version: String,
        found: String,
        expected: String,
        through: String,
        environment: String,
        #[label("this variant")]
        span: SourceSpan,
    },

    /// A variant's extra lacks a package.
    #[error("the lockfile of `{environment}` has no `{package}` for `{variant}`")]
    #[diagnostic(
        code(envloom::ledger::variant_lacks),
        help("type `envloom generate:{environment} lock:{environment}`")
    )]
    VariantLacks {
        variant: String,
        package: String,
        environment: String,
        #[label("this variant")]
        span: SourceSpan,
    },

    /// A frozen environment takes something by plain http.
    #[error("`{package}` is locked from {url}, which is not encrypted")]
    #[diagnostic(
        code(envloom::ledger::plain_http),
        help("use the https address of that server; only this machine's own (localhost) may go without")
    )]
    PlainHttp {
        package: String,
        url: String,
        #[label("this environment is frozen")]
        span: SourceSpan,
    },

    /// An index that is meant for PyTorch alone serves every package.
    #[error("{manifest}: `{key}` is {url}, an index for variants, without `explicit = true`")]
    #[diagnostic(
        code(envloom::ledger::unexplicit_index),
        help(
            "every package may come from it: declare it as an index with `explicit = true`, and name it in `tool.uv.sources`"
        )
    )]
    UnexplicitIndex {
        manifest: String,
        key: String,
        url: String,
        #[label("this environment is frozen")]
        span: SourceSpan,
    },

    /// Indexes are searched in a way that lets a stranger's package win.
    #[error("{manifest} asks for `index-strategy` \"{strategy}\"")]
    #[diagnostic(
        code(envloom::ledger::unsafe_strategy),
        help(
            "whoever owns a name on any of the indexes chooses your code: delete it, so that the first index that has a name decides, and type `envloom lock:{environment}`"
        )
    )]
    UnsafeStrategy {
        manifest: String,
        strategy: String,
        environment: String,
        #[label("this environment is frozen")]
        span: SourceSpan,
    },

    /// A frozen environment takes a host at its word.
    #[error("{manifest} names {host} in `allow-insecure-host`")]
    #[diagnostic(
        code(envloom::ledger::insecure_host),
        help(
            "its certificate is not looked at, so that anyone on the way chooses the code: delete it, and name the authority that signed the certificate in SSL_CERT_FILE"
        )
    )]
    InsecureHost {
        manifest: String,
        host: String,
        #[label("this environment is frozen")]
        span: SourceSpan,
    },

    /// A setting of a frozen environment names something by plain http.
    #[error("{manifest}: `{key}` is {url}, which is not encrypted")]
    #[diagnostic(
        code(envloom::ledger::plain_http_setting),
        help("use the https address of that server; only this machine's own (localhost) may go without")
    )]
    PlainHttpSetting {
        manifest: String,
        key: String,
        url: String,
        #[label("this environment is frozen")]
        span: SourceSpan,
    },
}
