//! The error of the room: all findings with the text they point into.

use miette::{NamedSource, SourceSpan};

use super::error::ModelFinding;
use crate::base::{SourceFile, credentials, hide, printable};

/// All mistakes of one text.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{} has {}", printable(file.name()), mistakes(*count))]
pub(crate) struct ModelError {
    /// The text the findings point into.
    file: SourceFile,
    #[source_code]
    shown: NamedSource<String>,
    /// What was found, in the order of the text, the first [`MAX_FINDINGS`]; never empty.
    #[related]
    findings: Vec<ModelFinding>,
    /// How many there were.
    count: usize,
}

/// Nobody mends more at a time, and each is shown with its lines.
const MAX_FINDINGS: usize = 50;

impl ModelError {
    /// Joins findings with their text.
    pub(super) fn new(file: &SourceFile, mut findings: Vec<ModelFinding>) -> Self {
        findings.sort_by_key(offset);
        let secrets = findings.iter().filter_map(|finding| match finding {
            ModelFinding::Credentials { span, .. } => Some(*span),
            _ => None,
        });
        let masked = SourceFile::new(file.name(), mask(file.text(), secrets));
        let count = findings.len();
        findings.truncate(MAX_FINDINGS);
        Self { file: file.clone(), shown: masked.named(), findings, count }
    }
}

/// `1 mistake`, `2 mistakes`, `4000 mistakes; these are the first 50`.
fn mistakes(count: usize) -> String {
    match count {
        1 => "1 mistake".to_owned(),
        2..=MAX_FINDINGS => format!("{count} mistakes"),
        _ => format!("{count} mistakes; these are the first {MAX_FINDINGS}"),
    }
}

/// The text, as long as before, with what a URL of these places may hide behind escapes hidden: the whole place
/// where no credentials can be seen in it. Those that can be seen are hidden whenever a text is shown.
fn mask(text: &str, secrets: impl Iterator<Item = SourceSpan>) -> String {
    let mut masked = text.to_owned();
    for span in secrets {
        let place = span.offset()..span.offset() + span.len();
        if text.get(place.clone()).is_some_and(|written| credentials(written).is_none()) {
            hide(&mut masked, place);
        }
    }
    masked
}

/// Where a finding starts: its last label.
fn offset(finding: &ModelFinding) -> usize {
    let last = miette::Diagnostic::labels(finding).and_then(Iterator::last);
    last.map_or(0, |label| label.offset())
}
