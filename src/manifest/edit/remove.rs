//! Takes an entry out of a text.

use std::ops::Range;

use toml_edit::{Item, Table, Value};

use super::super::entry::{EntryPath, Segment};
use super::super::sequence::{Sequence, Splice, line_start, next_line, spliced};
use super::super::view::{Node, View};
use super::Fault;
use super::array_sequence;
use super::place::inline_pairs;

/// The text without the entry at `path`. Nothing there: the text as it is.
pub(in super::super) fn remove(text: &str, path: &EntryPath) -> Result<String, Fault> {
    let view = View::parse(text)?;
    let Some(node) = view.find(&path.0)? else {
        return Ok(text.to_owned());
    };
    let Some((last, above)) = path.0.split_last() else {
        return Err(Fault::Broken);
    };
    let Some(parent) = view.find(above)? else {
        return Err(Fault::Broken);
    };
    match (parent, node, last) {
        (Node::Value(array @ Value::Array(elements)), Node::Value(element), Segment::Element(_)) => {
            let at = elements
                .iter()
                .position(|candidate| std::ptr::eq(candidate, element))
                .ok_or(Fault::Broken)?;
            let sequence = array_sequence(text, array, elements.iter(), true);
            Ok(spliced(text, sequence.remove(at)))
        }
        (Node::Value(Value::InlineTable(_)), node, Segment::Key(_)) => match node {
            Node::Value(Value::InlineTable(table)) if table.is_dotted() => remove_below(text, path, node),
            _ => remove_pair(&view, path),
        },
        (_, Node::Table(table), _) => Ok(without_tables(text, &[table])),
        (_, Node::Tables(tables), _) => Ok(without_tables(text, &tables.iter().collect::<Vec<_>>())),
        (_, Node::Value(value), _) => {
            Ok(spliced(text, vec![cut(lines_of(text, value).ok_or(Fault::Broken)?)]))
        }
    }
}

fn cut(range: Range<usize>) -> Splice {
    Splice { range, text: String::new() }
}

/// The lines of a key and its value: in a table a key has its line to itself.
fn lines_of(text: &str, value: &Value) -> Option<Range<usize>> {
    value.span().map(|span| line_start(text, span.start)..next_line(text, span.end))
}

/// Every pair below an inline table of dotted keys.
fn remove_below(text: &str, path: &EntryPath, node: Node<'_>) -> Result<String, Fault> {
    let mut result = text.to_owned();
    for (key, _) in node.entries() {
        result = remove(&result, &path.clone().key(key.get()))?;
    }
    Ok(result)
}

/// Without the headers and keys of these tables, and of those below them.
fn without_tables(text: &str, tables: &[&Table]) -> String {
    let mut lines = Vec::new();
    for table in tables {
        table_lines(text, table, &mut lines);
    }
    lines.sort_by_key(|range| range.start);
    // Lines that touch become one range, so that the empty line before a table can be judged by what follows.
    let mut blocks: Vec<Range<usize>> = Vec::new();
    for range in lines {
        match blocks.last_mut() {
            Some(block) if block.end >= range.start => block.end = block.end.max(range.end),
            _ => blocks.push(range),
        }
    }
    spliced(text, blocks.into_iter().map(|block| cut(with_empty_line(text, block))).collect())
}

fn table_lines(text: &str, table: &Table, lines: &mut Vec<Range<usize>>) {
    if let Some(span) = table.span().filter(|_| !table.is_dotted() && !table.is_implicit()) {
        lines.push(line_start(text, span.start)..next_line(text, span.end));
    }
    for (_, item) in table {
        match item {
            Item::Value(value) => lines.extend(lines_of(text, value)),
            Item::Table(below) => table_lines(text, below, lines),
            Item::ArrayOfTables(tables) => tables.iter().for_each(|below| table_lines(text, below, lines)),
            Item::None => {}
        }
    }
}

/// A block of lines together with one empty line before it, if it starts with a header and nothing that is
/// left leans on it.
fn with_empty_line(text: &str, block: Range<usize>) -> Range<usize> {
    let above = line_start(text, block.start.saturating_sub(1));
    let headed = text[block.start..].trim_start_matches([' ', '\t']).starts_with('[');
    let lonely = block.end == text.len() || text[block.end..].starts_with(['\n', '\r', '[']);
    if headed && lonely && above < block.start && text[above..block.start].trim().is_empty() {
        above..block.end
    } else {
        block
    }
}

/// A key of an inline table, with its comma.
fn remove_pair(view: &View<'_>, path: &EntryPath) -> Result<String, Fault> {
    // The brackets are those of the nearest table around that has any.
    for depth in (0..path.0.len()).rev() {
        let Some(Node::Value(Value::InlineTable(table))) = view.find(&path.0[..depth])? else {
            break;
        };
        if table.is_dotted() {
            continue;
        }
        let below: Vec<&str> = path.0[depth..]
            .iter()
            .filter_map(|segment| match segment {
                Segment::Key(key) => Some(key.as_str()),
                Segment::Element(_) => None,
            })
            .collect();
        let pairs = inline_pairs(view.text, table);
        let at = pairs.iter().position(|pair| pair.keys == below).ok_or(Fault::Broken)?;
        let items = pairs.into_iter().map(|pair| pair.range).collect();
        let outer = table.span().unwrap_or_default();
        let sequence = Sequence { text: view.text, outer, items, breakable: false };
        return Ok(spliced(view.text, sequence.remove(at)));
    }
    Err(Fault::Broken)
}

/// The text without the arrays and tables around `path` that are empty now and hold no comment. `kept` says
/// which places stay although they are empty.
pub(in super::super) fn prune(
    text: &str,
    path: &EntryPath,
    kept: impl Fn(&EntryPath) -> bool,
) -> Result<String, Fault> {
    let mut result = text.to_owned();
    for depth in (1..path.0.len()).rev() {
        let around = EntryPath(path.0[..depth].to_vec());
        let view = View::parse(&result)?;
        let Some(node) = view.find(&around.0)? else {
            continue;
        };
        let empty = match node {
            Node::Value(Value::Array(array)) => array.is_empty(),
            Node::Value(Value::InlineTable(table)) => table.is_empty(),
            Node::Table(table) => table.is_empty(),
            _ => false,
        };
        if !empty || kept(&around) || has_comment(&result, node) {
            break;
        }
        result = remove(&result, &around)?;
    }
    Ok(result)
}

/// Does a comment stand within an empty array or table, or on its line? Comments right above the next header
/// belong to that.
fn has_comment(text: &str, node: Node<'_>) -> bool {
    let span = node.span();
    if !matches!(node, Node::Table(_)) {
        return text[span.clone()].contains('#')
            || text[span.end..].trim_start_matches([' ', '\t']).starts_with('#');
    }
    if text[span.end..next_line(text, span.end)].contains('#') {
        return true;
    }
    let after = &text[next_line(text, span.end)..];
    let body: Vec<&str> = after.lines().map(str::trim).take_while(|line| !line.starts_with('[')).collect();
    let is_last = body.len() == after.lines().count();
    let of_next =
        if is_last { 0 } else { body.iter().rev().take_while(|line| line.starts_with('#')).count() };
    body[..body.len() - of_next].iter().any(|line| line.starts_with('#'))
}
