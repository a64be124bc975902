//! What can be wrong with own tasks in a call: their cells, parameters and edges.

use miette::{Diagnostic, SourceSpan};
use thiserror::Error;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
pub(crate) enum OwnFinding {
    /// A task that only others use.
    #[error("task `{task}` is private: only other tasks use it")]
    #[diagnostic(
        code(envloom::graph::private_task),
        help("name a task that comes after it, or delete `private=#true`")
    )]
    PrivateTask {
        /// The task's word.
        task: String,
        /// The target.
        #[label("no target")]
        span: SourceSpan,
    },
    /// Values that no cell of the matrix has together.
    #[error("task `{task}` has no cell with `{value}`")]
    #[diagnostic(code(envloom::graph::no_such_cell), help("{help}"))]
    NoSuchCell {
        /// The task's word.
        task: String,
        /// What was asked for.
        value: String,
        /// The cells there are.
        help: String,
        /// The word that leaves nothing.
        #[label("leaves no cell of its matrix")]
        span: SourceSpan,
    },
    /// No cell of the matrix exists for this platform.
    #[error("no cell of task `{task}` exists for this platform")]
    #[diagnostic(
        code(envloom::graph::no_cell_here),
        help("{count} cells are for other platforms: envloom list --cells")
    )]
    NoCellHere {
        /// The task's word.
        task: String,
        /// How many there are elsewhere.
        count: usize,
        /// The target.
        #[label("nothing of it can run here")]
        span: SourceSpan,
    },
    /// A task before has no cell that fits.
    #[error("`{cell}` comes after `{on}`, which has no cell that agrees with it")]
    #[diagnostic(
        code(envloom::graph::no_agreeing_cell),
        help("cells agree where every axis that both have has the same value; name one: \"{on}@…\"")
    )]
    NoAgreeingCell {
        /// The cell that waits.
        cell: String,
        /// What it waits for.
        on: String,
        /// The word of `after`.
        #[label("nothing to wait for")]
        span: SourceSpan,
    },
    /// A parameter without a value.
    #[error("task `{task}` needs `{name}=…`")]
    #[diagnostic(
        code(envloom::graph::parameter_required),
        help("type `envloom {task} {name}=…`, or give the parameter a `default=`")
    )]
    ParameterRequired {
        /// The task's word.
        task: String,
        /// The parameter.
        name: String,
        /// Its declaration.
        #[label("has no default")]
        span: SourceSpan,
    },
    /// A value that nothing of the call takes.
    #[error("`{name}` says nothing to the tasks of this call")]
    #[diagnostic(code(envloom::graph::idle_variable), help("it belongs to: {belongs}"))]
    IdleVariable {
        /// The word.
        name: String,
        /// The tasks that have it.
        belongs: String,
        /// The word.
        #[label("of no use here")]
        span: SourceSpan,
    },
    /// Two tasks make one file.
    #[error("`{one}` and `{other}` both make `{output}`")]
    #[diagnostic(
        code(envloom::graph::same_output),
        help("give each its own file, with `{{cell}}` in its name for the cells of one task")
    )]
    SameOutput {
        /// The pattern.
        output: String,
        /// One task.
        one: String,
        /// The other.
        other: String,
        /// Of the other task, where it is another declaration.
        #[label("and here")]
        first: Option<SourceSpan>,
        /// Of one.
        #[label("here")]
        span: SourceSpan,
    },
    /// A directory or pattern that a value of the call spoils.
    #[error("`{task}` cannot work with `{text}`: {reason}")]
    #[diagnostic(
        code(envloom::graph::spoilt_path),
        help("give its parameters values that make a path in the repository")
    )]
    SpoiltPath {
        /// The task.
        task: String,
        /// The path.
        text: String,
        /// Why not.
        reason: String,
        /// The declaration.
        #[label("with the values of this call")]
        span: SourceSpan,
    },
}
