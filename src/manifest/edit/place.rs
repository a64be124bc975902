//! Where tables end and where keys begin.

use std::ops::Range;

use toml_edit::{InlineTable, Item, Table, Value};

/// The last of a table's own lines: its last value, or its header. `None`: it has neither.
pub(super) fn body_last(table: &Table) -> Option<Range<usize>> {
    let values = table.iter().filter_map(|(_, item)| match item {
        Item::Value(value) => value.span(),
        Item::Table(below) if below.is_dotted() => body_last(below),
        _ => None,
    });
    let header = if table.is_dotted() || table.is_implicit() { None } else { table.span() };
    values.chain(header.filter(|span| span.end > 0)).max_by_key(|span| span.end)
}

/// The last byte of a table and of all that its headers' names put below it.
pub(super) fn deep_end(table: &Table) -> usize {
    let below = table.iter().map(|(_, item)| match item {
        Item::Table(below) => deep_end(below),
        Item::ArrayOfTables(tables) => tables.iter().map(deep_end).max().unwrap_or(0),
        Item::Value(_) | Item::None => 0,
    });
    below.max().unwrap_or(0).max(body_last(table).map_or(0, |last| last.end))
}

/// A key and its value in an inline table.
pub(super) struct Pair {
    /// The keys from the table's brackets down.
    pub(super) keys: Vec<String>,
    /// From the first key to the end of the value.
    pub(super) range: Range<usize>,
}

/// The pairs of an inline table in the order written; dotted keys are followed down.
pub(super) fn inline_pairs(text: &str, table: &InlineTable) -> Vec<Pair> {
    let mut found: Vec<(Vec<String>, Range<usize>)> = Vec::new();
    descend(table, &mut Vec::new(), &mut found);
    found.sort_by_key(|(_, value)| value.start);
    let mut end = table.span().map_or(0, |span| span.start + 1);
    let mut pairs = Vec::new();
    for (keys, value) in found {
        let start = skip_separators(text, end, value.start);
        end = value.end;
        pairs.push(Pair { keys, range: start..value.end });
    }
    pairs
}

fn descend(table: &InlineTable, keys: &mut Vec<String>, found: &mut Vec<(Vec<String>, Range<usize>)>) {
    for (key, value) in table {
        keys.push(key.to_owned());
        match value {
            Value::InlineTable(below) if below.is_dotted() => descend(below, keys, found),
            _ => found.push((keys.clone(), value.span().unwrap_or_default())),
        }
        keys.pop();
    }
}

/// Past blanks, commas and comments.
fn skip_separators(text: &str, from: usize, limit: usize) -> usize {
    let mut at = from;
    while at < limit {
        match text.as_bytes()[at] {
            b'#' => at = text[at..limit].find('\n').map_or(limit, |newline| at + newline),
            b' ' | b'\t' | b'\r' | b'\n' | b',' => at += 1,
            _ => break,
        }
    }
    at
}
