//! Puts a value where none stands: behind its neighbours, in their form.

use toml_edit::{InlineTable, Table, Value};

use super::super::entry::{EntryPath, Segment};
use super::super::identity::Kind;
use super::super::layout;
use super::super::sequence::{Sequence, indent, line_behind, newline, next_line, spliced};
use super::super::view::{Blocked, Node, View, kind_at};
use super::place::{body_last, deep_end, inline_pairs};
use super::{Fault, array_sequence, is_breakable};

/// A value where none stands.
pub(super) fn add(view: &View<'_>, path: &EntryPath, value: &Value) -> Result<String, Fault> {
    let (depth, parent) = deepest(view, path)?;
    let (above, rest) = path.0.split_at(depth);
    let text = view.text;
    match (parent, rest) {
        (Node::Value(array @ Value::Array(elements)), [Segment::Element(_)]) => {
            let breakable = is_breakable(text, &EntryPath(above.to_vec()))?;
            let sequence = array_sequence(text, array, elements.iter(), breakable);
            let last = sequence.items.len().checked_sub(1);
            Ok(spliced(text, sequence.insert(last, &layout::line(value))))
        }
        (Node::Tables(tables), [Segment::Element(_)]) => {
            let at = tables.iter().map(deep_end).max().unwrap_or(text.len());
            Ok(put_block(text, at, &header(above, true), value))
        }
        (Node::Value(Value::InlineTable(table)), _) => Ok(add_inline(view, above, table, rest, value)),
        (Node::Table(table), _) => add_to_table(view, (above, table), rest, value),
        // The deepest node on the way was stepped through: it is a container.
        _ => Err(Fault::Broken),
    }
}

/// The deepest thing on the way to `path` that exists, and how deep it is.
fn deepest<'v>(view: &'v View<'_>, path: &EntryPath) -> Result<(usize, Node<'v>), Blocked> {
    let mut node = view.root();
    for (at, segment) in path.0.iter().enumerate() {
        match node.step(&path.0[..at], segment)? {
            Some(next) => node = next,
            None => return Ok((at, node)),
        }
    }
    Ok((path.0.len(), node))
}

/// The keys of `rest` and the value to put there: an element that has no array yet brings one.
fn flattened<'s>(rest: &'s [Segment], value: &Value) -> (Vec<&'s str>, Value, bool) {
    let names = rest
        .iter()
        .filter_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Element(_) => None,
        })
        .collect();
    if matches!(rest.last(), Some(Segment::Element(_))) {
        (names, Value::Array([value.clone()].into_iter().collect()), true)
    } else {
        (names, value.clone(), false)
    }
}

/// A key into `{ … }`, which may itself be of dotted keys within a larger one.
fn add_inline(
    view: &View<'_>,
    above: &[Segment],
    table: &InlineTable,
    rest: &[Segment],
    value: &Value,
) -> String {
    let (names, value, _) = flattened(rest, value);
    // The brackets are those of the nearest table around that has any.
    let mut outer = (above.len(), table);
    for depth in (0..above.len()).rev() {
        match view.find(&above[..depth]) {
            Ok(Some(Node::Value(Value::InlineTable(around)))) if outer.1.is_dotted() => {
                outer = (depth, around);
            }
            _ => break,
        }
    }
    let dotted = above[outer.0..].iter().filter_map(|segment| match segment {
        Segment::Key(key) => Some(key.as_str()),
        Segment::Element(_) => None,
    });
    let item = format!("{} = {}", layout::keys(dotted.chain(names)), layout::line(&value));
    let items = inline_pairs(view.text, outer.1).into_iter().map(|pair| pair.range).collect();
    let sequence =
        Sequence { text: view.text, outer: outer.1.span().unwrap_or_default(), items, breakable: false };
    let last = sequence.items.len().checked_sub(1);
    spliced(view.text, sequence.insert(last, &item))
}

/// A key, a table or a `[[…]]` below a table.
fn add_to_table(
    view: &View<'_>,
    (above, table): (&[Segment], &Table),
    rest: &[Segment],
    value: &Value,
) -> Result<String, Fault> {
    let text = view.text;
    // Dotted keys are written below the header that they stand under.
    let mut owner = (above.len(), table);
    while owner.1.is_dotted() {
        let depth = owner.0.checked_sub(1).ok_or(Fault::Broken)?;
        match view.find(&above[..depth])? {
            Some(Node::Table(around)) => owner = (depth, around),
            _ => return Err(Fault::Broken),
        }
    }
    let in_tables = above.iter().any(|segment| matches!(segment, Segment::Element(_)));
    let dotted = table.is_dotted() || in_tables;
    let keys: Vec<Segment> =
        rest.iter().filter(|segment| matches!(segment, Segment::Key(_))).cloned().collect();
    let full: Vec<Segment> = above.iter().chain(&keys).cloned().collect();
    if !dotted && keys.len() < rest.len() && kind_at(&full) == Some(Kind::Named) {
        return Ok(put_block(text, text.len(), &header(&full, true), value));
    }
    let (names, value, fresh) = flattened(rest, value);
    let write = |name: &str, indent: &str| {
        let shown = match (&value, fresh) {
            (Value::Array(array), true) => {
                layout::rows(array.iter().map(layout::line), indent, newline(text))
            }
            _ => layout::block(name, &value, indent, newline(text)),
        };
        format!("{name} = {shown}")
    };
    let headed = table.span().is_some() && !table.is_implicit() || above.is_empty();
    if dotted || (headed && names.len() == 1) {
        let between = above[owner.0..].iter().filter_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Element(_) => None,
        });
        let name = layout::keys(between.chain(names));
        let last = body_last(owner.1);
        let own = last.as_ref().map_or("", |span| indent(text, span.start)).to_owned();
        return Ok(put_line(text, last.map(|span| span.end), &format!("{own}{}", write(&name, &own))));
    }
    let line = write(&layout::key(names.last().copied().unwrap_or_default()), "");
    let table_path = &full[..full.len() - 1];
    Ok(put_text(text, text.len(), &format!("{}{}{line}", header(table_path, false), newline(text))))
}

/// `[a.b]` or `[[a.b]]`.
fn header(path: &[Segment], array: bool) -> String {
    let names = path.iter().filter_map(|segment| match segment {
        Segment::Key(key) => Some(key.as_str()),
        Segment::Element(_) => None,
    });
    let name = layout::keys(names);
    if array { format!("[[{name}]]") } else { format!("[{name}]") }
}

/// A `[[…]]` with its keys behind the line of `at`.
fn put_block(text: &str, at: usize, header: &str, value: &Value) -> String {
    let newline = newline(text);
    let mut block = header.to_owned();
    if let Value::InlineTable(table) = value {
        for (name, item) in table {
            let name = layout::key(name);
            block.extend([newline, &name, " = ", &layout::block(&name, item, "", newline)]);
        }
    }
    put_text(text, at, &block)
}

/// A block of lines behind the line of `at`, with an empty line before it.
fn put_text(text: &str, at: usize, block: &str) -> String {
    let newline = newline(text);
    if text.trim().is_empty() {
        return format!("{block}{newline}");
    }
    let (before, after) = text.split_at(next_line(text, at));
    let blank = if before.ends_with("\n\n") || before.ends_with("\n\r\n") { "" } else { newline };
    if before.ends_with('\n') {
        format!("{before}{blank}{block}{newline}{after}")
    } else {
        format!("{before}{newline}{newline}{block}")
    }
}

/// A line behind the line of `last`, or the first of the text.
fn put_line(text: &str, last: Option<usize>, line: &str) -> String {
    match last {
        Some(last) => spliced(text, vec![line_behind(text, last, line)]),
        None => format!("{line}{}{text}", newline(text)),
    }
}
