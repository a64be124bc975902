//! The error of the room: all findings with the text they point into.

use miette::{NamedSource, SourceSpan};

use super::error::ModelFinding;
use crate::base::{SourceFile, printable};

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

/// The text, as long as before, with what stands before an `@` in those places hidden.
fn mask(text: &str, secrets: impl Iterator<Item = SourceSpan>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for span in secrets {
        let end = (span.offset() + span.len()).min(bytes.len());
        let secret = bytes.get_mut(span.offset()..end).unwrap_or_default();
        let start = secret.windows(3).position(|three| three == b"://").map_or(0, |at| at + 3);
        let end = secret.iter().rposition(|&byte| byte == b'@').unwrap_or(secret.len());
        secret.get_mut(start..end).unwrap_or_default().fill(b'*');
    }
    // `://` and `@` are ASCII, so that whole characters were replaced.
    String::from_utf8(bytes).unwrap_or_default()
}

/// Where a finding starts: its last label.
fn offset(finding: &ModelFinding) -> usize {
    let last = miette::Diagnostic::labels(finding).and_then(Iterator::last);
    last.map_or(0, |label| label.offset())
}
