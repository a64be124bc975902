//! What a row of the language's table says, and the reference made of it.
//!
//! The rows are in `table`. `check` reads a document against them, `decode` relies on what they promise, and
//! [`reference`] prints them for the README.

use std::fmt::Write as _;

use super::table::{LOCAL_ROOT, ROOT};

/// A place where nodes stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// The nodes that may stand here, in lists that places share.
    pub(crate) nodes: &'static [&'static [NodeSpec]],
    /// Words reserved for a later version.
    pub(crate) reserved: &'static [&'static str],
    /// A node of any other name: the axes of a matrix.
    pub(crate) other: Option<&'static NodeSpec>,
}

/// A node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeSpec {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it says, in one line.
    pub(crate) doc: &'static str,
    /// How it is written.
    pub(crate) example: &'static str,
    /// Arguments that must be there.
    pub(crate) arguments: &'static [ArgumentSpec],
    /// One more argument, or any number.
    pub(crate) rest: Rest,
    /// Its properties.
    pub(crate) properties: &'static [PropertySpec],
    /// A property of any other name: pools, axes.
    pub(crate) other: Option<PropertySpec>,
    /// Its children.
    pub(crate) children: Option<&'static Block>,
    /// It may be written several times.
    pub(crate) repeats: bool,
    /// Its block must hold one at least.
    pub(crate) required: bool,
}

/// An argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArgumentSpec {
    /// What it is, for messages and the reference.
    pub(crate) name: &'static str,
    /// What may stand for it.
    pub(crate) kind: Kind,
}

/// What follows the arguments that must be there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rest {
    /// Nothing.
    None,
    /// At most one more.
    Optional(ArgumentSpec),
    /// Any number.
    Any(ArgumentSpec),
}

/// A property.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PropertySpec {
    /// Its name.
    pub(crate) name: &'static str,
    /// What may stand for it.
    pub(crate) kind: Kind,
    /// What it says, in one line.
    pub(crate) doc: &'static str,
    /// It must be there.
    pub(crate) required: bool,
}

/// What may stand for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One line of text, not empty.
    Text,
    /// Any text, also an empty one or several lines: an argument of a command.
    Free,
    /// Text, or a bare number, which is taken as it is written: 3.10 stays 3.10.
    Version,
    /// `#true` or `#false`.
    Flag,
    /// A whole number from 1.
    Count,
    /// One of these words.
    Word(&'static [&'static str]),
}

pub(super) const fn argument(name: &'static str, kind: Kind) -> ArgumentSpec {
    ArgumentSpec { name, kind }
}

pub(super) const fn property(name: &'static str, kind: Kind, doc: &'static str) -> PropertySpec {
    PropertySpec { name, kind, doc, required: false }
}

impl NodeSpec {
    /// A node without arguments that stands once.
    pub(super) const fn new(name: &'static str, example: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            doc,
            example,
            arguments: &[],
            rest: Rest::None,
            properties: &[],
            other: None,
            children: None,
            repeats: false,
            required: false,
        }
    }

    pub(super) const fn takes(self, arguments: &'static [ArgumentSpec]) -> Self {
        Self { arguments, ..self }
    }

    pub(super) const fn then(self, rest: Rest) -> Self {
        Self { rest, ..self }
    }

    pub(super) const fn with(self, properties: &'static [PropertySpec]) -> Self {
        Self { properties, ..self }
    }

    pub(super) const fn with_any(self, other: PropertySpec) -> Self {
        Self { other: Some(other), ..self }
    }

    pub(super) const fn holds(self, children: &'static Block) -> Self {
        Self { children: Some(children), ..self }
    }

    pub(super) const fn repeats(self) -> Self {
        Self { repeats: true, ..self }
    }

    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

impl Block {
    /// The nodes of this block.
    pub(crate) fn specs(&self) -> impl Iterator<Item = &'static NodeSpec> {
        self.nodes.iter().copied().flatten()
    }

    /// The node of that name.
    #[must_use]
    pub(crate) fn find(&self, name: &str) -> Option<&'static NodeSpec> {
        self.specs().find(|spec| spec.name == name)
    }
}

/// The reference of both files for the README: a Markdown table each.
#[must_use]
pub(crate) fn reference() -> String {
    let mut text = String::new();
    for (file, block) in [("tasks.kdl", &ROOT), ("tasks.local.kdl", &LOCAL_ROOT)] {
        let _ = write!(
            text,
            "#### `{file}`\n\n| Node | Stands in | Says | Properties |\n| --- | --- | --- | --- |\n"
        );
        rows(&mut text, block, "the top");
        text.push('\n');
        let words = reserved(block);
        if !words.is_empty() {
            let _ = writeln!(text, "Reserved for later versions: {}.\n", words.join("; "));
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The rows of a block, each node followed by those in it. What may stand several times says so.
fn rows(text: &mut String, block: &Block, place: &str) {
    for spec in block.specs().chain(block.other) {
        let properties: Vec<String> = spec.properties.iter().chain(&spec.other).map(property_cell).collect();
        let (example, doc) = (spec.example.replace('|', "\\|"), spec.doc.replace('|', "\\|"));
        let times = if spec.repeats { "; may be repeated" } else { "" };
        let _ = writeln!(text, "| `{example}` | {place} | {doc}{times} | {} |", properties.join("<br>"));
        if let Some(children) = spec.children {
            rows(text, children, &format!("`{}`", spec.name));
        }
    }
}

fn property_cell(property: &PropertySpec) -> String {
    let must = if property.required { " (required)" } else { "" };
    let words = match property.kind {
        Kind::Word(words) => format!(" ({})", words.join(", ")),
        _ => String::new(),
    };
    format!("`{}`{must}{words}: {}", property.name, property.doc)
}

/// The reserved words of a block and of those in it, place by place.
fn reserved(block: &Block) -> Vec<String> {
    let listed = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let mut places = Vec::new();
    if !block.reserved.is_empty() {
        places.push(format!("at the top {}", listed(block.reserved)));
    }
    for spec in block.specs() {
        if let Some(children) = spec.children.filter(|children| !children.reserved.is_empty()) {
            places.push(format!("in `{}` {}", spec.name, listed(children.reserved)));
        }
    }
    places
}
