//! A diagnostic taken out of its error: owned, safe to print, short enough to show.
//!
//! All renderings start from it, so that none can print what another filters. It is a `Diagnostic` itself,
//! for miette's graphical handler.

use std::error::Error;
use std::fmt;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

use crate::base::SourceFile;

use super::excerpt::excerpt;
use super::text::printable_lines;

/// Causes below causes that are followed.
const CAUSES: usize = 16;

/// A diagnostic and those related to it.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) code: Option<String>,
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) places: Vec<Place>,
    pub(super) related: Vec<Finding>,
    cause: Option<Box<Cause>>,
    /// The rewritten source that the places' ranges point into.
    source: Option<NamedSource<String>>,
}

/// What a label points at.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) file: String,
    /// Line and column, from 1, in the real source; the column counts characters.
    pub(super) start: (usize, usize),
    pub(super) end: (usize, usize),
    pub(super) text: Option<String>,
    /// Where in the rewritten source.
    pub(super) range: (usize, usize),
}

#[derive(Debug)]
struct Cause {
    message: String,
    below: Option<Box<Cause>>,
}

impl Finding {
    pub(super) fn of(found: &dyn Diagnostic, ellipsis: &str) -> Self {
        Self::below(found, None, ellipsis)
    }

    /// A related diagnostic without a source of its own uses that of the one above.
    fn below(found: &dyn Diagnostic, above: Option<&dyn SourceCode>, ellipsis: &str) -> Self {
        let source = found.source_code().or(above);
        let (places, text) = places(found, source, ellipsis).unwrap_or_default();
        Self {
            code: found.code().map(|code| printable_lines(&code.to_string())),
            severity: found.severity().unwrap_or_default(),
            message: printable_lines(&found.to_string()),
            help: found.help().map(|help| printable_lines(&help.to_string())),
            related: found
                .related()
                .into_iter()
                .flatten()
                .map(|each| Self::below(each, source, ellipsis))
                .collect(),
            cause: cause(found),
            source: places.first().map(|place| NamedSource::new(&place.file, text)),
            places,
        }
    }

    /// The one diagnostic below, where this one only says that there is one.
    pub(super) fn alone(&self) -> Option<&Self> {
        let says_more =
            self.code.is_some() || self.help.is_some() || self.cause.is_some() || !self.places.is_empty();
        match self.related.as_slice() {
            [only] if !says_more => Some(only),
            _ => None,
        }
    }

    /// The lines of the rewritten source, the first being line 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.source.iter().flat_map(|source| source.inner().split('\n'))
    }

    /// What led to it, nearest first.
    pub(super) fn causes(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(self.cause.as_deref(), |cause| cause.below.as_deref())
            .map(|cause| cause.message.as_str())
    }

    pub(super) fn severity_word(&self) -> &'static str {
        match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Advice => "advice",
        }
    }
}

/// The labels with their lines and columns, and the rewritten source. `None` without labels or source.
fn places(
    found: &dyn Diagnostic,
    source: Option<&dyn SourceCode>,
    ellipsis: &str,
) -> Option<(Vec<Place>, String)> {
    let labels: Vec<LabeledSpan> = found.labels()?.collect();
    // All of it: as many lines as there are after the first byte.
    let contents = source?.read_span(&(0, 0).into(), 0, usize::MAX).ok()?;
    let text = String::from_utf8_lossy(contents.data());
    let file = SourceFile::new(printable_lines(contents.name().unwrap_or("input")), text.as_ref());
    let spans: Vec<_> =
        labels.iter().map(|label| (label.offset(), label.offset().saturating_add(label.len()))).collect();
    let (clean, ranges) = excerpt(&text, &spans, ellipsis);
    let places = labels.iter().zip(spans).zip(ranges).map(|((label, (start, end)), range)| Place {
        file: file.name().to_owned(),
        start: file.line_column(start),
        end: file.line_column(end),
        text: label.label().map(printable_lines).filter(|text| !text.is_empty()),
        range,
    });
    Some((places.collect(), clean))
}

/// The chain of errors below a diagnostic: first those that are diagnostics themselves.
fn cause(found: &dyn Diagnostic) -> Option<Box<Cause>> {
    let mut messages = Vec::new();
    let mut found = found;
    while let Some(below) = found.diagnostic_source().filter(|_| messages.len() < CAUSES) {
        messages.push(printable_lines(&below.to_string()));
        found = below;
    }
    let mut next = found.source();
    while let Some(error) = next.filter(|_| messages.len() < CAUSES) {
        messages.push(printable_lines(&error.to_string()));
        next = error.source();
    }
    messages.into_iter().rev().fold(None, |below, message| Some(Box::new(Cause { message, below })))
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Finding {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.below.as_ref().map(|cause| cause as _)
    }
}

impl Diagnostic for Finding {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.as_ref().map(|code| Box::new(code) as _)
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = |place: &Place| {
            LabeledSpan::new(place.text.clone(), place.range.0, place.range.1 - place.range.0)
        };
        (!self.places.is_empty()).then(|| Box::new(self.places.iter().map(label)) as _)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        (!self.related.is_empty())
            .then(|| Box::new(self.related.iter().map(|each| each as &dyn Diagnostic)) as _)
    }
}
