//! What is wrong with a call of `add` or `remove`.

use miette::Diagnostic;
use thiserror::Error;

/// Every code of these verbs and what it means, for the README.
pub(in crate::cli) const CODES: &[(&str, &str)] = &[
    ("envloom::cli::not_a_requirement", "add or remove was given a word that is no requirement"),
    ("envloom::cli::unknown_variant", "--variant names neither a variant nor an axis"),
    ("envloom::cli::not_asked_for", "remove of a requirement that the list does not have"),
    ("envloom::cli::no_lists", "add or remove where no environment takes its requirements from tasks.kdl"),
];

/// One thing that is wrong.
#[derive(Debug, Error, Diagnostic)]
pub(in crate::cli) enum AddError {
    /// `add ./here`.
    #[error("`{text}` is no requirement")]
    #[diagnostic(
        code(envloom::cli::not_a_requirement),
        help("write it as a manifest has it, quoted for the shell: 'numpy>=1.26'")
    )]
    NotARequirement {
        /// The word.
        text: String,
    },
    /// `--variant` of nothing.
    #[error("`--variant {name}`: tasks.kdl declares no such variant")]
    #[diagnostic(code(envloom::cli::unknown_variant), help("{help}"))]
    UnknownVariant {
        /// What was named.
        name: String,
        /// The nearest name, or all of them.
        help: String,
    },
    /// It is somewhere else, or nowhere.
    #[error("{names} {} not asked for in {list}", if *is_one { "is" } else { "are" })]
    #[diagnostic(code(envloom::cli::not_asked_for), help("{help}"))]
    NotAskedFor {
        /// The packages.
        names: String,
        /// Is it one?
        is_one: bool,
        /// The list.
        list: String,
        /// Where they are.
        help: String,
    },
    /// All manifests are adopted or derived, or the environment's is.
    #[error("{what} takes its requirements from {manifest}, not from tasks.kdl")]
    #[diagnostic(
        code(envloom::cli::no_lists),
        help("change them there, with `uv add` and `uv remove` in its directory, then `envloom lock`")
    )]
    NoLists {
        /// The environment, or every one.
        what: String,
        /// The manifest.
        manifest: String,
    },
}
