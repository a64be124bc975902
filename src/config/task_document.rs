//! What an own task says, word by word, each value with its place: the part of `document` that is below a `task`.

use miette::SourceSpan;
use serde::{Deserialize, Serialize};

use crate::base::Spanned;

/// `task "test" { … }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TaskNode {
    /// Its name on the command line.
    pub(crate) name: Spanned<String>,
    /// `private=#true`: only other tasks use it.
    pub(crate) private: bool,
    /// One line for `list`.
    pub(crate) description: Option<Spanned<String>>,
    /// The cells it runs in.
    pub(crate) matrix: Option<MatrixNode>,
    /// Targets that come before.
    pub(crate) after: Vec<Spanned<String>>,
    /// Patterns of what it reads; absent: not said.
    pub(crate) inputs: Option<Vec<Spanned<String>>>,
    /// Patterns of what it makes.
    pub(crate) outputs: Vec<Spanned<String>>,
    /// Variables passed on that change no result.
    pub(crate) pass_env: Vec<Spanned<String>>,
    /// Variables passed on and never shown.
    pub(crate) secrets: Vec<Spanned<String>>,
    /// Where it runs.
    pub(crate) cwd: Option<Spanned<String>>,
    /// What a call may set.
    pub(crate) parameters: Vec<ParameterNode>,
    /// Runs at the end, whatever happened.
    pub(crate) finally: Vec<CommandNode>,
    /// What goes on running for others.
    pub(crate) service: Option<ServiceNode>,
    /// It has the terminal.
    pub(crate) interactive: bool,
    /// It is cached although it has no outputs; absent: not said.
    pub(crate) cache: Option<Spanned<bool>>,
    /// Its outputs are committed.
    pub(crate) check: Option<Spanned<bool>>,
    /// What may differ from cell to cell, as it is where nothing differs.
    pub(crate) common: CellWords,
    /// What differs in some cells.
    pub(crate) cells: Vec<CellNode>,
    /// The whole node.
    pub(crate) span: SourceSpan,
}

/// Words of a task that may differ from cell to cell.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct CellWords {
    /// What it runs, one after the other.
    pub(crate) steps: Vec<StepNode>,
    /// Variables; without a value: the caller's.
    pub(crate) env: Vec<(Spanned<String>, Option<Spanned<String>>)>,
    /// How long it may run.
    pub(crate) timeout: Option<Spanned<String>>,
    /// How often it is tried again.
    pub(crate) retries: Option<Spanned<u32>>,
    /// What it takes of the pools.
    pub(crate) resources: Vec<(Spanned<String>, Spanned<String>)>,
}

/// `cell cuda="cpu" { timeout "1h" }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CellNode {
    /// The values that make a cell one of these.
    pub(crate) coordinates: Vec<(Spanned<String>, Spanned<String>)>,
    /// What is different there.
    pub(crate) words: CellWords,
}

/// `matrix { environment "dev"; cuda "*"; python "3.10"; exclude cuda="cpu" }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MatrixNode {
    /// Axes and their values, in the order written.
    pub(crate) axes: Vec<(Spanned<String>, Vec<Spanned<String>>)>,
    /// Further cells.
    pub(crate) include: Vec<CoordinatesNode>,
    /// Cells to leave out.
    pub(crate) exclude: Vec<CoordinatesNode>,
    /// The whole node.
    pub(crate) span: SourceSpan,
}

/// Values on axes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CoordinatesNode {
    /// Axis and value, in the order written.
    pub(crate) values: Vec<(Spanned<String>, Spanned<String>)>,
    /// The whole node.
    pub(crate) span: SourceSpan,
}

/// `parameter "K" default="smoke"`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ParameterNode {
    /// Its name in the call and in strings.
    pub(crate) name: Spanned<String>,
    /// Its value where the call gives none.
    pub(crate) default: Option<Spanned<String>>,
}

/// `service { start "…"; ready "…"; stop "…" }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServiceNode {
    /// What goes on running.
    pub(crate) start: CommandNode,
    /// Succeeds once it can be used.
    pub(crate) ready: Option<CommandNode>,
    /// Ends it.
    pub(crate) stop: Option<CommandNode>,
}

/// One step of a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum StepNode {
    /// `run "pytest" "-q"`.
    Run(CommandNode),
    /// `shell "a | b"`.
    Shell(Spanned<String>),
}

/// A program and its arguments.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CommandNode {
    /// The program and its arguments; never empty.
    pub(crate) argv: Vec<Spanned<String>>,
}
