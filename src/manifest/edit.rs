//! Puts one entry into a text, or takes one out, and leaves every other byte alone.
//!
//! In: a text that parses, a place, a value. Out: the text with it. Each operation parses the text anew: a
//! manifest is small, edits are few, and no span outlives a splice. An entry is changed where it stands, in
//! whatever form: a key of a table, of dotted keys, of an inline table, an element of an array, `[[…]]`. A
//! new one goes behind its neighbours; a table that is missing goes to the end of the text.
//!
//! Not known here: which entries there are and whose they are.

mod add;
mod place;
mod remove;

use std::ops::Range;

use toml_edit::{InlineTable, Value};

pub(super) use remove::{prune, remove};

use super::entry::{EntryPath, Segment, canonical};
use super::layout;
use super::sequence::{Sequence, Splice, indent, line_end, newline, spliced};
use super::view::{Blocked, Node, View};
use add::add;

/// Why an entry cannot be edited.
#[derive(Debug)]
pub(super) enum Fault {
    /// Something else is in the way.
    Blocked(Blocked),
    /// A splice made a text that is no TOML: a defect of envloom.
    Broken,
}

impl From<Blocked> for Fault {
    fn from(blocked: Blocked) -> Self {
        Self::Blocked(blocked)
    }
}

impl From<toml_edit::TomlError> for Fault {
    fn from(_: toml_edit::TomlError) -> Self {
        Self::Broken
    }
}

/// The text with `value` at `path`.
pub(super) fn set(text: &str, path: &EntryPath, value: &Value) -> Result<String, Fault> {
    let view = View::parse(text)?;
    match view.find(&path.0)? {
        None => add(&view, path, value),
        Some(node) if canonical(&node.value()) == canonical(value) => Ok(text.to_owned()),
        Some(Node::Value(old)) => replace(text, path, old, value),
        Some(node @ Node::Table(_)) => match value {
            Value::InlineTable(new) => set_keys(text, path, node, new),
            _ => set(&remove(text, path)?, path, value),
        },
        Some(Node::Tables(_)) => set(&remove(text, path)?, path, value),
    }
}

/// The text with `value` in the place of the element at `old`.
pub(super) fn exchange(text: &str, old: &EntryPath, value: &Value) -> Result<String, Fault> {
    let view = View::parse(text)?;
    match view.find(&old.0)? {
        Some(Node::Value(found)) => replace(text, old, found, value),
        _ => Err(Fault::Broken),
    }
}

/// Brings a table that has a line for each key to the wanted keys.
fn set_keys(text: &str, path: &EntryPath, old: Node<'_>, new: &InlineTable) -> Result<String, Fault> {
    let mut result = text.to_owned();
    for (name, value) in new {
        result = set(&result, &path.clone().key(name), value)?;
    }
    for (key, _) in old.entries().into_iter().filter(|(key, _)| !new.contains_key(key.get())) {
        result = remove(&result, &path.clone().key(key.get()))?;
    }
    Ok(result)
}

/// Another value where one stands: as little of it as differs.
fn replace(text: &str, path: &EntryPath, old: &Value, new: &Value) -> Result<String, Fault> {
    match (old, new) {
        (Value::Array(from), Value::Array(to)) if !from.is_empty() && !to.is_empty() => {
            let items: Vec<&Value> = from.iter().collect();
            let wanted: Vec<&Value> = to.iter().collect();
            let breakable = is_breakable(text, path)?;
            Ok(spliced(text, rearranged(text, old, (&items, &wanted), breakable)))
        }
        (Value::InlineTable(from), Value::InlineTable(to)) if from.is_dotted() || same_keys(from, to) => {
            set_keys(text, path, Node::Value(old), to)
        }
        _ => {
            let Some(span) = old.span() else {
                return Err(Fault::Broken);
            };
            let name = path.last_key();
            let breakable = is_breakable(text, path)?;
            let fresh = if breakable {
                layout::block(name, new, indent(text, span.start), newline(text))
            } else {
                layout::line(new)
            };
            Ok(spliced(text, vec![Splice { range: span, text: fresh }]))
        }
    }
}

fn same_keys(one: &InlineTable, other: &InlineTable) -> bool {
    one.len() == other.len() && one.iter().all(|(key, _)| other.contains_key(key))
}

/// Elements in common at both ends stay; those between are replaced one by one, then taken away or added.
fn rearranged(text: &str, array: &Value, (old, new): (&[&Value], &[&Value]), breakable: bool) -> Vec<Splice> {
    let equal = |one: &&Value, other: &&Value| canonical(one) == canonical(other);
    let head = old.iter().zip(new).take_while(|(one, other)| equal(one, other)).count();
    let (rest, wanted) = (&old[head..], &new[head..]);
    let tail =
        rest.iter().rev().zip(wanted.iter().rev()).take_while(|(one, other)| equal(one, other)).count();
    let (rest, wanted) = (&rest[..rest.len() - tail], &wanted[..wanted.len() - tail]);
    let sequence = array_sequence(text, array, old.iter().copied(), breakable);
    let mut splices: Vec<Splice> = rest
        .iter()
        .zip(wanted)
        .filter(|(one, other)| !equal(one, other))
        .map(|(one, other)| Splice { range: one.span().unwrap_or_default(), text: layout::line(other) })
        .collect();
    let shared = rest.len().min(wanted.len());
    if rest.len() > shared {
        // One after the other would need new spans: a run of removed elements is rare, and its splices may meet.
        let mut survivors: Vec<String> = old.iter().map(|value| raw(text, value)).collect();
        survivors.drain(head + shared..head + rest.len());
        if rest.len() - shared == 1 {
            splices.extend(sequence.remove(head + shared));
            return splices;
        }
        for (at, value) in wanted.iter().enumerate() {
            survivors[head + at] = layout::line(value);
        }
        let fresh = if breakable {
            layout::rows(survivors, indent(text, sequence.outer.start), newline(text))
        } else {
            format!("[{}]", survivors.join(", "))
        };
        return vec![Splice { range: sequence.outer, text: fresh }];
    }
    let added: Vec<String> = wanted[shared..].iter().map(|value| layout::line(value)).collect();
    let after = (head + shared).checked_sub(1);
    // Insertions at one point are made in the order given, which is that of the splices.
    for item in &added {
        splices.extend(sequence.insert(after, item));
    }
    splices
}

fn raw(text: &str, value: &Value) -> String {
    value.span().and_then(|span| text.get(span)).unwrap_or_default().to_owned()
}

/// What stands between the brackets of an array.
fn array_sequence<'t, 'v>(
    text: &'t str,
    array: &Value,
    elements: impl IntoIterator<Item = &'v Value>,
    breakable: bool,
) -> Sequence<'t> {
    let items = elements.into_iter().filter_map(Value::span).collect();
    Sequence { text, outer: array.span().unwrap_or_default(), items, breakable }
}

/// May a value at that place have lines of its own? Not in an inline table, where TOML 1.0 has none, nor in an
/// array, whose elements have a line each.
fn is_breakable(text: &str, path: &EntryPath) -> Result<bool, Fault> {
    let view = View::parse(text)?;
    for end in 1..path.0.len() {
        if let Some(Node::Value(Value::InlineTable(_))) = view.find(&path.0[..end])? {
            return Ok(false);
        }
    }
    Ok(matches!(path.0.last(), Some(Segment::Key(_))))
}

/// The bytes that an entry, or what is there of the way to it, takes up: its first line, for a label.
pub(super) fn span_of(view: &View<'_>, path: &EntryPath) -> Range<usize> {
    let found = (1..=path.0.len()).rev().find_map(|end| view.find(&path.0[..end]).ok().flatten());
    let span = found.map_or(0..0, Node::span);
    span.start..span.end.min(line_end(view.text, span.start))
}
