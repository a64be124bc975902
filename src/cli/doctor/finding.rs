//! What `doctor` finds: a trouble, where it is, and what mends it.

use std::error::Error;
use std::fmt;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode, SourceSpan};
use serde_json::{Value, json};

use super::trouble::Trouble;
use crate::base::{SourceFile, hidden, printable};

/// One finding.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) trouble: Trouble,
    pub(super) place: Place,
    pub(super) mend: Mend,
}

/// Where a trouble is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Relative to the root; `None`: the machine, not the repository.
    pub(super) file: Option<String>,
    /// Line and column, from 1; `None`: the file as a whole.
    pub(super) at: Option<(usize, usize)>,
}

/// What mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mend {
    /// A line to type.
    Type(String),
    /// What to do, in words.
    Do(String),
}

impl Place {
    /// A file or directory as a whole.
    pub(super) fn file(path: impl Into<String>) -> Self {
        Self { file: Some(path.into()), at: None }
    }

    /// A span of a text.
    pub(super) fn span(source: &SourceFile, span: SourceSpan) -> Self {
        Self { file: Some(source.name().to_owned()), at: Some(source.line_column(span.offset())) }
    }

    /// A byte of a file's text; the whole file where it is not known.
    pub(super) fn offset(path: &str, text: &str, offset: Option<usize>) -> Self {
        let source = SourceFile::new(path, text);
        Self { file: Some(path.to_owned()), at: offset.map(|offset| source.line_column(offset)) }
    }

    /// No file of the repository.
    pub(super) fn machine() -> Self {
        Self { file: None, at: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.at) {
            (None, _) => f.write_str("this machine"),
            (Some(file), None) => f.write_str(file),
            (Some(file), Some((line, column))) => write!(f, "{file}:{line}:{column}"),
        }
    }
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(line) => write!(f, "type `{line}`"),
            Self::Do(words) => f.write_str(words),
        }
    }
}

impl Finding {
    /// Is it an error?
    pub(super) fn is_error(&self) -> bool {
        self.trouble.severity() != Some(Severity::Warning)
    }

    fn word(&self) -> &'static str {
        if self.is_error() { "error" } else { "warning" }
    }

    fn code_text(&self) -> String {
        self.trouble.code().map(|code| code.to_string()).unwrap_or_default()
    }

    /// What orders findings: errors first, then by place.
    pub(super) fn order(&self) -> (bool, Place, String) {
        (!self.is_error(), self.place.clone(), self.trouble.to_string())
    }

    /// For a reader, in lines; all but the first are indented.
    pub(super) fn text(&self) -> String {
        let head = safe(&self.trouble.to_string());
        let place = format!("{}, {}", safe(&self.place.to_string()), self.code_text());
        let lines = [head, place, safe(&self.mend.to_string())].join("\n");
        format!("{}: {}\n", self.word(), lines.replace('\n', "\n  "))
    }

    /// For a program.
    pub(super) fn json(&self) -> Value {
        let command = match &self.mend {
            Mend::Type(line) => Some(safe(line)),
            Mend::Do(_) => None,
        };
        json!({
            "code": self.code_text(),
            "severity": self.word(),
            "message": safe(&self.trouble.to_string()),
            "file": self.place.file.as_deref().map(safe),
            "line": self.place.at.map(|(line, _)| line),
            "column": self.place.at.map(|(_, column)| column),
            "help": safe(&self.mend.to_string()),
            "command": command,
        })
    }

    /// As a diagnostic at its place, for annotations. The source is as many empty lines and blanks as it takes to have
    /// such a place: only that is read of it.
    pub(super) fn diagnostic(&self) -> impl Diagnostic {
        let (line, column) = self.place.at.unwrap_or((1, 1));
        let source = "\n".repeat(line - 1) + &" ".repeat(column);
        let offset = line - 1 + column - 1;
        let source = self.place.file.as_ref().map(|file| NamedSource::new(safe(file), source));
        Located {
            code: self.code_text(),
            message: safe(&self.trouble.to_string()),
            help: safe(&self.mend.to_string()),
            severity: if self.is_error() { Severity::Error } else { Severity::Warning },
            source,
            offset,
        }
    }
}

/// What strangers wrote, as it may be shown: line by line.
fn safe(text: &str) -> String {
    let hidden = hidden(text);
    hidden.lines().map(printable).collect::<Vec<_>>().join("\n")
}

#[derive(Debug)]
struct Located {
    code: String,
    message: String,
    help: String,
    severity: Severity,
    source: Option<NamedSource<String>>,
    offset: usize,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Located {}

impl Diagnostic for Located {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new(None, self.offset, 0);
        self.source.as_ref().map(|_| Box::new(std::iter::once(label)) as _)
    }
}
