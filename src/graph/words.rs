//! The words of a call, and one target taken apart. Nothing is looked up here.

use miette::SourceSpan;

use super::auto::AskDriver;
use super::error::GraphFinding;
use crate::base::{RelPath, SourceFile, Spanned, printable};
use crate::model::Model;

/// The words of a call.
#[derive(Debug, Clone)]
pub(crate) struct Words<'a> {
    /// The command line, or the file whose `default` is meant: what the spans point into.
    pub(crate) source: SourceFile,
    /// The targets.
    pub(crate) targets: Vec<Spanned<String>>,
    /// `VAR=VALUE` words of the command line.
    pub(crate) assignments: Vec<Assignment>,
    /// The current directory, relative to the repository's root; `None`: outside of it.
    pub(crate) directory: Option<RelPath>,
    /// The value of `UV_TORCH_BACKEND`.
    pub(crate) torch_backend: Option<String>,
    /// For `auto`.
    pub(crate) driver: AskDriver<'a>,
}

/// `VAR=VALUE`.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    /// The word before `=`.
    pub(crate) name: Spanned<String>,
    /// What stands after it.
    pub(crate) value: Spanned<String>,
}

/// One target, taken apart.
pub(super) struct Parts<'a> {
    /// As it was typed.
    pub(super) whole: &'a Spanned<String>,
    /// What stands before `:` and `@`.
    pub(super) task: Spanned<&'a str>,
    /// What stands behind `:`.
    pub(super) environment: Option<Spanned<&'a str>>,
    /// What stands behind `@`, or in brackets.
    pub(super) cell: Option<Spanned<&'a str>>,
}

impl Words<'_> {
    /// The words of no call: what `tasks.kdl` alone decides.
    pub(crate) fn none(model: &Model) -> Self {
        Self {
            source: model.source.clone(),
            targets: Vec::new(),
            assignments: Vec::new(),
            directory: None,
            torch_backend: None,
            driver: AskDriver(&|| Ok(None)),
        }
    }
}

impl<'a> Parts<'a> {
    /// A target that says no more than a task's name.
    pub(super) fn alone(name: &'a Spanned<String>) -> Self {
        let task = Spanned::new(name.value.as_str(), name.span);
        Self { whole: name, task, environment: None, cell: None }
    }
}

/// Takes a target apart.
pub(super) fn split(target: &Spanned<String>) -> Result<Parts<'_>, GraphFinding> {
    let text = target.value.as_str();
    let start = target.span.offset();
    let part = |from: usize, to: usize| Spanned::new(&text[from..to], (start + from, to - from));
    let (body, cell) = match text.find(['@', '[']) {
        None => (text.len(), None),
        Some(at) if text[at..].starts_with('[') => {
            let inner = text.strip_suffix(']').ok_or_else(|| malformed(target, "`[` is not closed"))?;
            (at, Some(part(at + 1, inner.len())))
        }
        Some(at) => (at, Some(part(at + 1, text.len()))),
    };
    let colon = text[..body].find(':');
    let task = part(0, colon.unwrap_or(body));
    let environment = colon.map(|colon| part(colon + 1, body));
    for (piece, problem) in [
        (Some(task), "no task before `:` or `@`"),
        (environment, "no environment after `:`"),
        (cell, "no cell after `@`"),
    ] {
        if piece.is_some_and(|piece| piece.value.is_empty()) {
            return Err(malformed(target, problem));
        }
    }
    Ok(Parts { whole: target, task, environment, cell })
}

/// A target that cannot be taken apart, or says too much.
pub(super) fn malformed(target: &Spanned<String>, problem: &str) -> GraphFinding {
    GraphFinding::MalformedTarget {
        target: printable(&target.value).into_owned(),
        span: target.span,
        problem: problem.to_owned(),
    }
}

/// The span of a part, or of the whole target where there is none.
pub(super) fn span_of(part: Option<Spanned<&str>>, parts: &Parts<'_>) -> SourceSpan {
    part.map_or(parts.whole.span, |part| part.span)
}
