//! A manifest's text, parsed, with the place of every value in it. Reads only.

use std::ops::Range;

use toml_edit::{ArrayOfTables, Document, Item, Key, Table, Value};

use super::entry::{EntryPath, Segment};
use super::identity::Kind;

/// A parsed manifest.
pub(super) struct View<'t> {
    /// The text, without a byte order mark.
    pub(super) text: &'t str,
    document: Document<&'t str>,
}

/// What stands at a place.
#[derive(Clone, Copy)]
pub(super) enum Node<'v> {
    /// A table with a header, of dotted keys, or implied by a header below it.
    Table(&'v Table),
    /// `[[…]]`, all of them.
    Tables(&'v ArrayOfTables),
    /// A value.
    Value(&'v Value),
}

/// Something on the way to a place that no table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocked {
    /// The place of what is in the way.
    pub(super) path: EntryPath,
    /// What it is, in words.
    pub(super) found: &'static str,
    /// What is needed there, in words.
    pub(super) wanted: &'static str,
    /// Where it stands.
    pub(super) span: Range<usize>,
}

/// A value that is no table, or an element of an array that is owned by element.
pub(super) struct Leaf {
    /// Its place. An element that nothing identifies has its number in it.
    pub(super) path: EntryPath,
    /// Its value.
    pub(super) value: Value,
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// Is it an element that its array cannot have?
    pub(super) strange: bool,
}

impl<'t> View<'t> {
    /// Parses `text`.
    pub(super) fn parse(text: &'t str) -> Result<Self, toml_edit::TomlError> {
        Ok(Self { text, document: Document::parse(text)? })
    }

    /// The whole.
    pub(super) fn root(&self) -> Node<'_> {
        Node::Table(self.document.as_table())
    }

    /// What stands at `path`; `None` where nothing does.
    pub(super) fn find(&self, path: &[Segment]) -> Result<Option<Node<'_>>, Blocked> {
        let mut node = self.root();
        for (at, segment) in path.iter().enumerate() {
            match node.step(&path[..at], segment)? {
                Some(next) => node = next,
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// All leaves, in the order of the tables.
    pub(super) fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        collect(self.root(), &mut Vec::new(), &mut leaves);
        leaves
    }
}

impl<'v> Node<'v> {
    fn of(item: &'v Item) -> Option<Self> {
        match item {
            Item::None => None,
            Item::Value(value) => Some(Self::Value(value)),
            Item::Table(table) => Some(Self::Table(table)),
            Item::ArrayOfTables(tables) => Some(Self::Tables(tables)),
        }
    }

    /// What this is, in words.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Table(_) => "a table",
            Self::Tables(_) => "an array of tables",
            Self::Value(value) => match value {
                Value::String(_) => "a string",
                Value::Integer(_) | Value::Float(_) => "a number",
                Value::Boolean(_) => "a boolean",
                Value::Datetime(_) => "a date",
                Value::Array(_) => "an array",
                Value::InlineTable(_) => "a table",
            },
        }
    }

    /// Where this stands: a value's bytes, a table's header or first key.
    pub(super) fn span(self) -> Range<usize> {
        match self {
            Self::Table(table) => table.span(),
            Self::Tables(tables) => tables.iter().next().and_then(Table::span),
            Self::Value(value) => value.span(),
        }
        .unwrap_or_default()
    }

    /// The same as one value, whatever its layout.
    pub(super) fn value(self) -> Value {
        let item = match self {
            Self::Table(table) => Item::Table(table.clone()),
            Self::Tables(tables) => Item::ArrayOfTables(tables.clone()),
            Self::Value(value) => Item::Value(value.clone()),
        };
        item.into_value().unwrap_or_else(|_| Value::Array(toml_edit::Array::new()))
    }

    /// The keys of a table with what stands there.
    pub(super) fn entries(self) -> Vec<(&'v Key, Node<'v>)> {
        let keyed = |(key, item): (&'v Key, &'v Item)| Self::of(item).map(|node| (key, node));
        match self {
            Self::Table(table) => {
                table.iter().filter_map(|(key, _)| table.get_key_value(key).and_then(keyed)).collect()
            }
            Self::Value(Value::InlineTable(table)) => {
                table.iter().filter_map(|(key, _)| table.get_key_value(key).and_then(keyed)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The elements of an array.
    pub(super) fn elements(self) -> Vec<Node<'v>> {
        match self {
            Self::Tables(tables) => tables.iter().map(Node::Table).collect(),
            Self::Value(Value::Array(array)) => array.iter().map(Node::Value).collect(),
            _ => Vec::new(),
        }
    }

    /// One step down; `so_far` is the way to here.
    pub(super) fn step(self, so_far: &[Segment], segment: &Segment) -> Result<Option<Self>, Blocked> {
        let blocked = |wanted| Blocked {
            path: EntryPath(so_far.to_vec()),
            found: self.word(),
            wanted,
            span: self.span(),
        };
        match (self, segment) {
            (Self::Table(table), Segment::Key(key)) => Ok(table.get(key).and_then(Self::of)),
            (Self::Value(Value::InlineTable(table)), Segment::Key(key)) => {
                Ok(table.get(key).map(Self::Value))
            }
            (Self::Tables(_) | Self::Value(Value::Array(_)), Segment::Element(identity)) => {
                let kind = kind_at(so_far);
                let is_it = |node: &Self| {
                    kind.and_then(|kind| kind.identity(&node.value())).is_some_and(|found| &found == identity)
                };
                Ok(self.elements().into_iter().find(is_it))
            }
            (_, Segment::Key(_)) => Err(blocked("a table")),
            (_, Segment::Element(_)) => Err(blocked("an array")),
        }
    }
}

/// The kind of the array at that place, if it is owned by element.
pub(super) fn kind_at(path: &[Segment]) -> Option<Kind> {
    let keys: Option<Vec<&str>> = path
        .iter()
        .map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Element(_) => None,
        })
        .collect();
    Kind::at(&keys?)
}

fn collect(node: Node<'_>, path: &mut Vec<Segment>, leaves: &mut Vec<Leaf>) {
    let is_table = matches!(node, Node::Table(_) | Node::Value(Value::InlineTable(_)));
    if is_table {
        for (key, below) in node.entries() {
            path.push(Segment::Key(key.get().to_owned()));
            collect(below, path, leaves);
            path.pop();
        }
        return;
    }
    let is_array = matches!(node, Node::Tables(_) | Node::Value(Value::Array(_)));
    let Some(kind) = kind_at(path).filter(|_| is_array) else {
        leaves.push(Leaf {
            path: EntryPath(path.clone()),
            value: node.value(),
            span: node.span(),
            strange: false,
        });
        return;
    };
    // Numbers count the strange alone, so that they stay when an element of ours comes or goes.
    let mut unknown = 0;
    for element in node.elements() {
        let value = element.value();
        let identity = kind.identity(&value);
        let strange = identity.is_none();
        unknown += usize::from(strange);
        path.push(Segment::Element(identity.unwrap_or_else(|| format!("#{unknown}"))));
        leaves.push(Leaf { path: EntryPath(path.clone()), value, span: element.span(), strange });
        path.pop();
    }
}
