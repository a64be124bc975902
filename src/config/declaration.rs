//! The top nodes of a text as they are written: for telling which of two texts' declarations differ.

use super::check::Node;
use super::decode::nodes;
use super::error::ConfigError;
use super::value::Value;
use crate::base::SourceFile;

/// A node at the top of `tasks.kdl`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Declaration {
    /// Its word: `task`, `environment`.
    pub(crate) word: String,
    /// Its first argument, where that is a text.
    pub(crate) name: Option<String>,
    /// The node as written, comments in it included; the brace that closes it may be missing.
    pub(crate) text: String,
}

/// The nodes of `tasks.kdl` in their order.
///
/// # Errors
/// Every mistake of the text.
pub(crate) fn declarations(source: &SourceFile) -> Result<Vec<Declaration>, ConfigError> {
    let (nodes, findings) = nodes(source, false)?;
    if !findings.is_empty() {
        return Err(ConfigError::new(source, findings));
    }
    let of = |node: &Node| {
        let (start, length) = (node.span.offset(), node.span.len());
        Declaration {
            word: node.name.value.clone(),
            name: node.arguments.first().and_then(|first| match &first.value {
                Value::Text(name) => Some(name.clone()),
                Value::Flag(_) | Value::Count(_) => None,
            }),
            text: source.text().get(start..start + length).unwrap_or_default().trim_end().to_owned(),
        }
    };
    Ok(nodes.iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_told_by_word_name_and_text() {
        let text =
            "default \"a\" // comment\ntask \"a\" { // inside\n  run \"x\"\n}\n/- task \"b\" { run \"x\" }\n";
        let found = declarations(&SourceFile::new("tasks.kdl", text)).unwrap();
        let found: Vec<_> =
            found.iter().map(|one| (one.word.as_str(), one.name.as_deref(), one.text.as_str())).collect();
        let task = "task \"a\" { // inside\n  run \"x\"";
        assert_eq!(found, [("default", Some("a"), "default \"a\""), ("task", Some("a"), task)]);
        assert!(declarations(&SourceFile::new("tasks.kdl", "tsk \"a\"\n")).is_err());
        assert!(declarations(&SourceFile::new("tasks.kdl", "task \"a\" {\n")).is_err());
    }
}
