//! What is wrong with a submodule that is to be fetched.

use miette::Diagnostic;
use thiserror::Error;

/// Every code of this verb and what it means, for the README.
pub(in crate::cli) const CODES: &[(&str, &str)] = &[
    ("envloom::cli::no_submodule", "fetch of something that is no submodule of the repository"),
    ("envloom::cli::no_submodule_url", "nothing says where a submodule comes from"),
    ("envloom::cli::submodule_in_the_way", "files lie where a submodule is to be checked out"),
    ("envloom::cli::fetch_offline", "fetch with --offline of a submodule that was never here"),
];

/// One thing that is wrong.
#[derive(Debug, Error, Diagnostic)]
pub(super) enum FetchError {
    /// A word that names none.
    #[error("`{name}` is no submodule of this repository")]
    #[diagnostic(code(envloom::cli::no_submodule), help("{help}"))]
    NoSubmodule {
        /// The word.
        name: String,
        /// Those that there are.
        help: String,
    },
    /// No entry anywhere.
    #[error("nothing says where {path} comes from: .gitmodules has no url of it")]
    #[diagnostic(
        code(envloom::cli::no_submodule_url),
        help("write `git=\"https://…\"` into the `package` of tasks.kdl that lies there")
    )]
    NoUrl {
        /// The submodule.
        path: String,
    },
    /// Somebody's files.
    #[error("{path} holds something that is no checkout of its own")]
    #[diagnostic(
        code(envloom::cli::submodule_in_the_way),
        help("move it away, and type `envloom fetch` again")
    )]
    InTheWay {
        /// The submodule.
        path: String,
    },
    /// `--offline`.
    #[error("{path} was never fetched here, and --offline lets no remote be asked")]
    #[diagnostic(code(envloom::cli::fetch_offline), help("leave --offline out"))]
    Offline {
        /// The submodule.
        path: String,
    },
}
