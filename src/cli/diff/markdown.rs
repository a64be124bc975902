//! A difference as tables of Markdown, for the text of a pull request.
//!
//! Everything that stands in a file goes into code spans, where neither HTML nor a mention of a person means anything.

use super::text::{name, sections, values, words};
use crate::base::counted;
use crate::ledger::Difference;

/// A heading, and a table for each section that has rows.
#[must_use]
pub(super) fn markdown((from, to): (&str, &str), difference: &Difference) -> String {
    let agreeing = counted(difference.agreeing, "package", "packages");
    let (from, to) = (code(from), code(to));
    if difference.is_empty() {
        return format!("{from} and {to} agree: {agreeing}.\n");
    }
    let mut text = format!("### {from} → {to}\n");
    for (title, changes) in sections(difference) {
        let rows = changes.iter().map(|change| (name(change), words(change)));
        table(&mut text, [title, &from, &to], &rows.collect::<Vec<_>>());
    }
    let settings = difference.settings.iter().map(|change| (change.setting.clone(), values(change)));
    table(&mut text, ["settings", &from, &to], &settings.collect::<Vec<_>>());
    let verb = if difference.agreeing == 1 { "agrees" } else { "agree" };
    text + &format!("\n{agreeing} {verb}.\n")
}

fn table(text: &mut String, head: [&str; 3], rows: &[(String, (String, String))]) {
    if rows.is_empty() {
        return;
    }
    text.extend(["\n| ", &head.join(" | "), " |\n| --- | --- | --- |\n"]);
    for (name, (from, to)) in rows {
        text.extend(["| ", &code(name), " | ", &code(from), " | ", &code(to), " |\n"]);
    }
}

/// A code span that a table can hold; nothing for nothing.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("`{}`", crate::base::printable(text).replace('`', "'").replace('|', "\\|"))
}
