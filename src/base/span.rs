//! Positions in a text, kept from parsing until the last error that can need them.
//!
//! A span is a byte range. It means nothing without its [`SourceFile`], which the room that reports
//! an error adds once.

use std::fmt;
use std::sync::Arc;

use miette::{NamedSource, SourceSpan};
use serde::{Deserialize, Serialize};

/// A value together with the bytes it was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spanned<T> {
    /// What was written, decoded.
    pub(crate) value: T,
    /// Where it was written, in bytes of its source.
    pub(crate) span: SourceSpan,
}

impl<T> Spanned<T> {
    /// Joins a value with its place.
    pub(crate) fn new(value: T, span: impl Into<SourceSpan>) -> Self {
        Self { value, span: span.into() }
    }

    /// The same place with another value.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: change(self.value), span: self.span }
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// A text that spans point into, with the name to show for it. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
}

impl SourceFile {
    /// `name` is what a user sees: a path relative to the repository, or `command line`.
    pub(crate) fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The name shown to a user.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The form miette prints labels from. Characters that a terminal would obey are replaced by visible ones
    /// of the same length, and credentials by `*`, so that spans stay true.
    pub(crate) fn named(&self) -> NamedSource<String> {
        NamedSource::new(super::printable(&self.name), super::text::visible(&super::hidden(&self.text)))
    }

    /// Line and column of a byte, both counted from 1; the column counts characters.
    pub(crate) fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let source = SourceFile::new("tasks.kdl", "a\né x");
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.line_column(2), (2, 1));
        assert_eq!(source.line_column(5), (2, 3));
        assert_eq!(source.line_column(99), (2, 4));
    }
}
