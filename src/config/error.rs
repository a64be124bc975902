//! Every mistake that can be seen in a KDL text alone.

use miette::{NamedSource, SourceSpan};

use super::prescan::MAX_FINDINGS;
use crate::base::{SourceFile, printable};

/// One mistake in `tasks.kdl` or `tasks.local.kdl`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub(crate) enum ConfigFinding {
    /// The file is larger than anyone writes by hand.
    #[error("the file has {bytes} bytes; at most {most} are read")]
    #[diagnostic(code(envloom::config::too_large), help("remove what does not belong in this file"))]
    TooLarge { bytes: u64, most: u64 },

    /// The bytes are no text.
    #[error("the file is not UTF-8")]
    #[diagnostic(code(envloom::config::not_utf8), help("save it as UTF-8"))]
    NotUtf8 {
        #[label("the first byte that is not")]
        span: SourceSpan,
    },

    /// Both sides of a merge stand in it.
    #[error("a merge left conflict markers in this file")]
    #[diagnostic(
        code(envloom::config::conflict),
        help(
            "take the lines that are to stay, and the markers out; then type `envloom resolve`: it settles manifests, lockfiles and envloom.lock"
        )
    )]
    Conflict {
        #[label("the first one")]
        span: SourceSpan,
    },

    /// A character that a reader cannot see.
    #[error("the invisible character {character} stands here")]
    #[diagnostic(code(envloom::config::invisible_character), help("{help}"))]
    InvisibleCharacter {
        character: String,
        help: &'static str,
        #[label("it can make a text look like another one")]
        span: SourceSpan,
    },

    /// A line too long to show.
    #[error("the line has {bytes} bytes; at most {most} are read")]
    #[diagnostic(
        code(envloom::config::line_too_long),
        help("break it with a `\\` at the end of the line, or write the node several times")
    )]
    LineTooLong {
        bytes: usize,
        most: usize,
        #[label("this line")]
        span: SourceSpan,
    },

    /// Nested deeper than the parser can follow.
    #[error("{what} are nested more than {most} deep")]
    #[diagnostic(
        code(envloom::config::too_deep),
        help("no node of this file needs more than 3 levels of `{{`")
    )]
    TooDeep {
        what: &'static str,
        most: usize,
        #[label("one too many")]
        span: SourceSpan,
    },

    /// More nodes than anyone writes by hand.
    #[error("the file has more than {most} nodes")]
    #[diagnostic(code(envloom::config::too_many_nodes), help("remove what does not belong in this file"))]
    TooManyNodes {
        most: usize,
        #[label("one too many")]
        span: SourceSpan,
    },

    /// A string, comment or block without its end.
    #[error("{what} is not closed")]
    #[diagnostic(code(envloom::config::unclosed), help("{help}"))]
    Unclosed {
        what: &'static str,
        help: String,
        #[label("opened here")]
        span: SourceSpan,
    },

    /// A `}` too many.
    #[error("this `}}` closes nothing")]
    #[diagnostic(code(envloom::config::unopened), help("delete it, or add the missing `{{` above"))]
    Unopened {
        #[label("no `{{` is open here")]
        span: SourceSpan,
    },

    /// The lines of a `"""` string do not line up.
    #[error("this line of a multi-line string is indented less than its closing quotes")]
    #[diagnostic(
        code(envloom::config::indentation),
        help("indent every line at least as far as the closing quotes, which stand on a line of their own")
    )]
    Indentation {
        #[label("indented less")]
        span: SourceSpan,
    },

    /// `\x` where KDL knows no such escape.
    #[error("`{escape}` is no escape")]
    #[diagnostic(
        code(envloom::config::escape),
        help("write `\\\\` for a backslash, or a raw string: #\"…\"#")
    )]
    Escape {
        escape: String,
        #[label("not known")]
        span: SourceSpan,
    },

    /// A character that has no meaning where it stands.
    #[error("unexpected `{character}`")]
    #[diagnostic(code(envloom::config::unexpected), help("{help}"))]
    Unexpected {
        character: String,
        help: String,
        #[label("not expected here")]
        span: SourceSpan,
    },

    /// Two values that touch.
    #[error("a blank is missing between two values")]
    #[diagnostic(code(envloom::config::missing_space), help("put a blank or a new line before this"))]
    MissingSpace {
        #[label("starts without one")]
        span: SourceSpan,
    },

    /// `true` for `#true`.
    #[error("`{word}` is no value of KDL 2")]
    #[diagnostic(code(envloom::config::keyword), help("{help}"))]
    Keyword {
        word: String,
        help: String,
        #[label("not a value")]
        span: SourceSpan,
    },

    /// `0.1.2` without quotes.
    #[error("`{text}` is no number")]
    #[diagnostic(code(envloom::config::number), help("versions are text: write \"{text}\""))]
    Number {
        text: String,
        #[label("starts like a number")]
        span: SourceSpan,
    },

    /// Text that must be quoted.
    #[error("`{text}` needs quotes")]
    #[diagnostic(code(envloom::config::unquoted), help("write \"{quoted}\""))]
    Unquoted {
        text: String,
        quoted: String,
        #[label("KDL reads this as something else")]
        span: SourceSpan,
    },

    /// `r"…"`, the raw string of KDL 1.
    #[error("`r\"…\"` is a raw string of KDL 1")]
    #[diagnostic(code(envloom::config::raw_string), help("write #\"…\"#"))]
    RawString {
        #[label("KDL 2 has no `r`")]
        span: SourceSpan,
    },

    /// `(type)value`.
    #[error("a type annotation has no meaning here")]
    #[diagnostic(code(envloom::config::type_annotation), help("delete `{text}`"))]
    TypeAnnotation {
        text: String,
        #[label("not used by envloom")]
        span: SourceSpan,
    },

    /// Anything else the KDL parser refuses.
    #[error("not KDL: {message}")]
    #[diagnostic(code(envloom::config::syntax), help("{help}"))]
    Syntax {
        message: String,
        help: String,
        #[label("here")]
        span: SourceSpan,
    },

    /// A node that no version knows.
    #[error("unknown node `{name}`")]
    #[diagnostic(code(envloom::config::unknown_node), help("{help}"))]
    UnknownNode {
        name: String,
        help: String,
        #[label("not known {place}")]
        span: SourceSpan,
        place: String,
    },

    /// A node that belongs elsewhere.
    #[error("`{name}` may not stand {place}")]
    #[diagnostic(code(envloom::config::misplaced), help("{help}"))]
    Misplaced {
        name: String,
        place: String,
        help: String,
        #[label("not here")]
        span: SourceSpan,
    },

    /// A word of the language that this version does not know yet.
    #[error("`{name}` is not supported yet by this version")]
    #[diagnostic(
        code(envloom::config::not_supported_yet),
        help("delete it; the word is reserved for a later version of envloom")
    )]
    NotSupportedYet {
        name: String,
        #[label("reserved")]
        span: SourceSpan,
    },

    /// A node of `tasks.kdl` in `tasks.local.kdl`.
    #[error("`{name}` may not stand in a local file")]
    #[diagnostic(
        code(envloom::config::not_local),
        help("move it to tasks.kdl; a local file may set only what reaches no committed file: {known}")
    )]
    NotLocal {
        name: String,
        known: String,
        #[label("reaches committed files")]
        span: SourceSpan,
    },

    /// A property that the node does not have.
    #[error("`{node}` has no property `{name}`")]
    #[diagnostic(code(envloom::config::unknown_property), help("{help}"))]
    UnknownProperty {
        node: &'static str,
        name: String,
        help: String,
        #[label("not known")]
        span: SourceSpan,
    },

    /// A property or a node that may stand once, twice.
    #[error("`{name}` is written twice")]
    #[diagnostic(code(envloom::config::twice), help("keep one of the two"))]
    Twice {
        name: String,
        #[label("first here")]
        first: SourceSpan,
        #[label("again here")]
        span: SourceSpan,
    },

    /// An argument, property or child that must be there.
    #[error("`{node}` needs {what}")]
    #[diagnostic(code(envloom::config::missing), help("write `{example}`"))]
    Missing {
        node: &'static str,
        what: String,
        example: String,
        #[label("without it")]
        span: SourceSpan,
    },

    /// An argument too many.
    #[error("`{node}` takes no further argument")]
    #[diagnostic(code(envloom::config::extra_argument), help("write `{example}`"))]
    ExtraArgument {
        node: &'static str,
        example: String,
        #[label("one too many")]
        span: SourceSpan,
    },

    /// A value of another kind.
    #[error("{what} of `{node}` must be {wanted}")]
    #[diagnostic(code(envloom::config::wrong_kind), help("{help}"))]
    WrongKind {
        node: &'static str,
        what: String,
        wanted: String,
        help: String,
        #[label("this is {found}")]
        span: SourceSpan,
        found: &'static str,
    },

    /// An empty string.
    #[error("{what} of `{node}` is empty")]
    #[diagnostic(code(envloom::config::empty), help("give it a value, or delete it"))]
    Empty {
        node: &'static str,
        what: String,
        #[label("nothing between the quotes")]
        span: SourceSpan,
    },

    /// `{ … }` where a node has none.
    #[error("`{node}` has no children")]
    #[diagnostic(code(envloom::config::no_children), help("write `{example}`"))]
    NoChildren {
        node: &'static str,
        example: String,
        #[label("delete this block")]
        span: SourceSpan,
    },

    /// Words of one node that do not go together.
    #[error("{what}")]
    #[diagnostic(code(envloom::config::disagree), help("{help}"))]
    Disagree {
        what: &'static str,
        help: String,
        #[label("in this node")]
        span: SourceSpan,
    },
}

/// All mistakes of one text.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{} has {}", printable(file.name()), mistakes(*count))]
pub(crate) struct ConfigError {
    /// The text the findings point into.
    file: SourceFile,
    #[source_code]
    shown: NamedSource<String>,
    /// What was found, in the order of the text, the first [`MAX_FINDINGS`]; never empty.
    #[related]
    findings: Vec<ConfigFinding>,
    /// How many there were.
    count: usize,
}

impl ConfigError {
    /// Joins findings with their text.
    pub(super) fn new(file: &SourceFile, mut findings: Vec<ConfigFinding>) -> Self {
        let count = findings.len();
        findings.truncate(MAX_FINDINGS);
        Self { file: file.clone(), shown: file.named(), findings, count }
    }

    /// For a caller that sees the size of `name` before it reads the file: see
    /// [`MAX_BYTES`](super::MAX_BYTES).
    #[must_use]
    pub(crate) fn too_large(name: &str, bytes: u64) -> Self {
        let finding = ConfigFinding::TooLarge { bytes, most: super::MAX_BYTES as u64 };
        Self::new(&SourceFile::new(name, ""), vec![finding])
    }

    /// What was found, in the order of the text; never empty.
    #[cfg(test)]
    pub(crate) fn findings(&self) -> &[ConfigFinding] {
        &self.findings
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

/// Where a finding starts, for sorting.
pub(super) fn offset(finding: &ConfigFinding) -> usize {
    span(finding).map_or(0, |span| span.offset())
}

/// The place of a finding: its last label.
pub(super) fn span(finding: &ConfigFinding) -> Option<SourceSpan> {
    let labels = miette::Diagnostic::labels(finding)?;
    labels.last().map(|label| *label.inner())
}
