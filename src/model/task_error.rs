//! Every mistake in what tasks mean.

use miette::SourceSpan;

/// One mistake in a `task`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub(crate) enum TaskFinding {
    /// Braces that do not fit.
    #[error("{reason}")]
    #[diagnostic(
        code(envloom::model::invalid_text),
        help("write `{{{{` and `}}}}` where braces are meant; `${{…}}` is left to the shell")
    )]
    InvalidText {
        reason: &'static str,
        #[label("in this text")]
        span: SourceSpan,
    },

    /// A name in braces that stands for nothing.
    #[error("`{{{name}}}` stands for nothing in task `{task}`")]
    #[diagnostic(code(envloom::model::unknown_place), help("{help}"))]
    UnknownPlace {
        name: String,
        task: String,
        help: String,
        #[label("in this text")]
        span: SourceSpan,
    },

    /// No pattern of paths.
    #[error("`{pattern}` is no pattern: {reason}")]
    #[diagnostic(
        code(envloom::model::invalid_pattern),
        help("write it relative to the root: \"src/**/*.py\", \"reports/\", \"!**/gen.py\"")
    )]
    InvalidPattern {
        pattern: String,
        reason: String,
        #[label("not a pattern")]
        span: SourceSpan,
    },

    /// No duration, or no amount.
    #[error("`{text}` is no {what}")]
    #[diagnostic(code(envloom::model::invalid_amount), help("write it like {example}"))]
    InvalidAmount {
        what: &'static str,
        text: String,
        example: &'static str,
        #[label("cannot be read")]
        span: SourceSpan,
    },

    /// A value that an axis has not.
    #[error("`{value}` is not on the axis `{axis}`")]
    #[diagnostic(code(envloom::model::unknown_axis_value), help("{help}"))]
    UnknownAxisValue {
        value: String,
        axis: String,
        help: String,
        #[label("no such value")]
        span: SourceSpan,
    },

    /// Values for only some of the axes.
    #[error("this cell has no value on `{axis}`")]
    #[diagnostic(
        code(envloom::model::incomplete_cell),
        help("an `include` gives a value on every axis of its matrix")
    )]
    IncompleteCell {
        axis: String,
        #[label("lacks `{axis}=`")]
        span: SourceSpan,
    },

    /// Everything was excluded.
    #[error("the matrix of task `{task}` has no cell")]
    #[diagnostic(code(envloom::model::empty_matrix), help("delete an `exclude`, or the matrix"))]
    EmptyMatrix {
        task: String,
        #[label("nothing is left of it")]
        span: SourceSpan,
    },

    /// More cells than anyone runs.
    #[error("the matrix of task `{task}` has {count} cells; at most {most} are allowed")]
    #[diagnostic(
        code(envloom::model::too_many_task_cells),
        help("take values away, or split the task: {axes}")
    )]
    TooManyTaskCells {
        task: String,
        count: String,
        most: usize,
        axes: String,
        #[label("spans that many")]
        span: SourceSpan,
    },

    /// A cell needs an environment, and none is meant.
    #[error("the matrix of task `{task}` does not say which environment")]
    #[diagnostic(
        code(envloom::model::matrix_without_environment),
        help("add `environment \"{example}\"` to the matrix, or declare a `default-environment`")
    )]
    MatrixWithoutEnvironment {
        task: String,
        example: String,
        #[label("variants and Pythons belong to an environment")]
        span: SourceSpan,
    },

    /// Two cells of one task with the same file-safe name.
    #[error("two cells of task `{task}` would both be called `{slug}`")]
    #[diagnostic(
        code(envloom::model::same_task_cell),
        help("rename a value: logs and outputs have the cell's name")
    )]
    SameTaskCell {
        task: String,
        slug: String,
        #[label("in this matrix")]
        span: SourceSpan,
    },

    /// Words that cannot both hold.
    #[error("`{word}` does not go with `{with}`, which task `{task}` has")]
    #[diagnostic(code(envloom::model::unfitting_words), help("{help}"))]
    UnfittingWords {
        word: &'static str,
        with: &'static str,
        task: String,
        help: &'static str,
        #[label("cannot hold here")]
        span: SourceSpan,
    },

    /// A word without the one it is about.
    #[error("`{word}` means the outputs of task `{task}`, and it has none")]
    #[diagnostic(code(envloom::model::no_outputs), help("declare `outputs \"…\"`, or delete `{word}`"))]
    NoOutputs {
        word: &'static str,
        task: String,
        #[label("of which outputs?")]
        span: SourceSpan,
    },
}
