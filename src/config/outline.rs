//! Where everything of a `tasks.kdl` stands, for who edits it by splices.
//!
//! Comes in: a text that [`parse`](super::parse) has read. Goes out: its nodes, arguments and blocks with their bytes,
//! and the text with every comment blanked, of the same length, in which the next token can be looked for. What the
//! words mean is not known here.

use std::ops::Range;

use kdl::{KdlDocument, KdlNode};

use super::error::ConfigError;
use super::prescan::prescan;
use super::value::value_span;
use crate::base::SourceFile;

/// The nodes of a text with their places.
#[derive(Debug, Clone)]
pub(crate) struct Outline {
    /// The nodes at the top.
    pub(crate) nodes: Vec<OutlineNode>,
    /// The text with its comments blanked, byte for byte as long.
    pub(crate) plain: String,
}

/// One node.
#[derive(Debug, Clone)]
pub(crate) struct OutlineNode {
    /// Its name.
    pub(crate) name: String,
    /// The bytes of its name.
    pub(crate) named: Range<usize>,
    /// The arguments that are text, and all others as an empty one, in order.
    pub(crate) arguments: Vec<(String, Range<usize>)>,
    /// The properties whose value is text or a flag: name, value as text, the value's bytes.
    pub(crate) properties: Vec<(String, String, Range<usize>)>,
    /// The bytes between its braces, and the nodes there.
    pub(crate) block: Option<(Range<usize>, Vec<OutlineNode>)>,
    /// The name and everything before the block.
    pub(crate) head: Range<usize>,
    /// From the name to the last byte, the closing brace included.
    pub(crate) span: Range<usize>,
}

/// The outline of a text.
///
/// # Errors
/// When it is no KDL, which [`parse`](super::parse) says better.
pub(crate) fn outline(source: &SourceFile) -> Result<Outline, ConfigError> {
    let scan = prescan(source.text());
    if !scan.parseable {
        return Err(ConfigError::new(source, scan.findings));
    }
    match KdlDocument::parse_v2(&scan.text) {
        Ok(document) => {
            let nodes = nodes(&document, &scan.text);
            Ok(Outline { nodes, plain: with_semicolons(&scan.text, source.text()) })
        }
        Err(error) => {
            Err(ConfigError::new(source, error.diagnostics.iter().map(super::decode::syntax).collect()))
        }
    }
}

/// The pre-scan's text with the semicolons that it makes line ends for the parser.
fn with_semicolons(plain: &str, original: &str) -> String {
    let mut text = String::with_capacity(plain.len());
    for (at, character) in plain.char_indices() {
        let is_semicolon = character == '\n' && original.as_bytes().get(at) == Some(&b';');
        text.push(if is_semicolon { ';' } else { character });
    }
    text
}

fn nodes(document: &KdlDocument, text: &str) -> Vec<OutlineNode> {
    document.nodes().iter().map(|one| node(one, text)).collect()
}

fn node(node: &KdlNode, text: &str) -> OutlineNode {
    let bytes = |span: miette::SourceSpan| span.offset()..span.offset() + span.len();
    let name = bytes(node.name().span());
    let (mut arguments, mut properties, mut end) = (Vec::new(), Vec::new(), name.end);
    for entry in node.entries() {
        let repr = entry.format().map_or("", |format| format.value_repr.as_str());
        let place = bytes(value_span(entry, repr));
        end = end.max(bytes(entry.span()).end);
        let value = entry.value();
        let value = match value.as_string() {
            Some(value) => value.to_owned(),
            None => value.as_bool().map(|flag| format!("#{flag}")).unwrap_or_default(),
        };
        match entry.name() {
            None => arguments.push((value, place)),
            Some(name) => properties.push((name.value().to_owned(), value, place)),
        }
    }
    let block = node.children().map(|children| {
        // Between the head and the block, and behind the last child, stands nothing that holds a brace, once comments
        // are blanked.
        let next = |from: usize, brace: char| text[from..].find(brace).map_or(text.len(), |at| from + at);
        let open = next(end, '{');
        let inner = nodes(children, text);
        let close = next(inner.last().map_or(open, |last| last.span.end), '}');
        (open + 1..close, inner)
    });
    let last = block.as_ref().map_or(end, |(inner, _)| inner.end + 1);
    OutlineNode {
        name: node.name().value().to_owned(),
        named: name.clone(),
        arguments,
        properties,
        block,
        head: name.start..end,
        span: name.start..last,
    }
}

impl Outline {
    /// The nodes around a byte, the outermost first.
    #[must_use]
    pub(crate) fn around(&self, at: usize) -> Vec<&OutlineNode> {
        let mut found = Vec::new();
        let mut nodes = &self.nodes;
        while let Some(node) = nodes.iter().find(|node| node.span.contains(&at)) {
            found.push(node);
            match &node.block {
                Some((_, inner)) => nodes = inner,
                None => break,
            }
        }
        found
    }
}

impl OutlineNode {
    /// The nodes of its block.
    #[must_use]
    pub(crate) fn children(&self) -> &[OutlineNode] {
        self.block.as_ref().map_or(&[], |(_, nodes)| nodes)
    }

    /// Its first argument.
    #[must_use]
    pub(crate) fn first(&self) -> Option<&str> {
        self.arguments.first().map(|(text, _)| text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_that_of_the_text() {
        let text = "// é\nproject \"a\" /* { */ {\n  version \"1\" // x }\n  dependencies \"b\" \\\n    \"c\"; group dev only=#true\n}\nindex x url=\"é}\"\n";
        let outline = outline(&SourceFile::new("tasks.kdl", text)).unwrap();
        let project = &outline.nodes[0];
        assert_eq!(&text[project.head.clone()], "project \"a\"");
        assert!(text[project.span.clone()].ends_with("#true\n}"), "{:?}", &text[project.span.clone()]);
        let (inner, children) = project.block.clone().unwrap();
        assert!(text[inner.clone()].starts_with("\n  version") && text[inner].ends_with("#true\n"));
        assert_eq!(&text[children[1].span.clone()], "dependencies \"b\" \\\n    \"c\"");
        assert_eq!(&text[children[1].arguments[1].1.clone()], "\"c\"");
        assert_eq!(children[2].first(), Some("dev"));
        assert_eq!(children[2].properties[0].1, "#true");
        assert_eq!(&text[outline.nodes[1].properties[0].2.clone()], "\"é}\"");
        assert_eq!(outline.plain.len(), text.len());
        let one = "a { b 1; dependencies \"y\" }";
        let inline = super::outline(&SourceFile::new("tasks.kdl", one)).unwrap();
        assert_eq!(inline.plain, one);
        assert_eq!(&one[inline.nodes[0].children()[1].span.clone()], "dependencies \"y\"");
        let at = text.find("\"c\"").unwrap();
        let names: Vec<&str> = outline.around(at).iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["project", "dependencies"]);
    }
}
