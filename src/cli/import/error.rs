//! Why `import` and `init` write nothing.

use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

/// What is in the way.
#[derive(Debug, Error, Diagnostic)]
pub(super) enum ImportError {
    /// `import` where it was done.
    #[error("{} is there already, and import and init overwrite nothing", path.display())]
    #[diagnostic(
        code(envloom::cli::already_there),
        help("to begin anew, move it away (`mv {} {}.old`) and type the command again", path.display(), path.display())
    )]
    AlreadyThere {
        /// The file.
        path: PathBuf,
    },
    /// `import` without manifests.
    #[error("there is no pyproject.toml for uv in {} or below", directory.display())]
    #[diagnostic(
        code(envloom::cli::nothing_to_import),
        help("type `envloom init` for a tasks.kdl to begin with, or name the repository with `-C DIR`")
    )]
    NothingToImport {
        /// Where was looked.
        directory: PathBuf,
    },
    /// `import` or `init` where every manifest is left alone.
    #[error("nothing in {} can be described or adopted:{reasons}", directory.display())]
    #[diagnostic(
        code(envloom::cli::nothing_adoptable),
        help("nothing was written; mend one of them and type the command again")
    )]
    NothingAdoptable {
        /// Where was looked.
        directory: PathBuf,
        /// A line for each manifest, with why.
        reasons: String,
    },
    /// `import` or `init` where a file further up is meant already.
    #[error("{} is there already, and {} lies below it", path.display(), directory.display())]
    #[diagnostic(
        code(envloom::cli::tasks_file_above),
        help("one tasks.kdl describes a repository: write into that one `{line}`, or move it away")
    )]
    TasksFileAbove {
        /// The file.
        path: PathBuf,
        /// Where another one was wanted.
        directory: PathBuf,
        /// What to write into it instead.
        line: String,
    },
}
