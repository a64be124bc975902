//! What keeps a side of a comparison from being read. The codes stand with those of the command line.

use miette::Diagnostic;
use thiserror::Error;

/// One thing that is wrong.
#[derive(Debug, Error, Diagnostic)]
pub(super) enum SideError {
    /// A revision before an environment was locked.
    #[error("there was no {path} in {revision}")]
    #[diagnostic(
        code(envloom::cli::not_then),
        help("name a later revision: `git log --oneline -- {path}` lists those that changed it")
    )]
    NotThen {
        /// The file.
        path: String,
        /// The revision as typed.
        revision: String,
    },
    /// `diff` reads it without writing it.
    #[error("{path} is no TOML")]
    #[diagnostic(
        code(envloom::cli::unreadable_manifest),
        help("mend it, or take the committed one back with `git checkout -- {path}`")
    )]
    UnreadableManifest {
        /// The manifest.
        path: String,
    },
}
