//! A difference as lines, and the words that the tables of Markdown share with them.

use std::fmt::Write as _;

use crate::base::{counted, hidden, printable};
use crate::ledger::{Build, Change, Difference, SettingChange, Source};

/// The sections, each with its rows; what differs in nothing is one line.
#[must_use]
pub(super) fn text((from, to): (&str, &str), difference: &Difference) -> String {
    let agreeing = counted(difference.agreeing, "package", "packages");
    if difference.is_empty() {
        return format!("{from} and {to} agree: {agreeing}\n");
    }
    format!("{from} -> {to}\n{}", body(difference))
}

/// The sections, and how many packages are the same.
#[must_use]
pub(in crate::cli) fn body(difference: &Difference) -> String {
    let agreeing = counted(difference.agreeing, "package", "packages");
    let mut text = String::new();
    for (title, changes) in sections(difference) {
        let rows: Vec<(String, String)> =
            changes.iter().map(|change| (name(change), row(&words(change)))).collect();
        section(&mut text, title, &rows);
    }
    let settings = difference.settings.iter();
    let settings: Vec<(String, String)> =
        settings.map(|change| (shown(&change.setting), row(&values(change)))).collect();
    section(&mut text, "settings", &settings);
    let verb = if difference.agreeing == 1 { "agrees" } else { "agree" };
    text + &format!("\n{agreeing} {verb}\n")
}

/// The sections of packages, in the order in which they are told.
pub(super) fn sections(difference: &Difference) -> [(&'static str, &[Change]); 5] {
    [
        ("internal packages", &difference.internal),
        ("third-party versions", &difference.third_party),
        ("variant builds", &difference.variants),
        ("added", &difference.added),
        ("removed", &difference.removed),
    ]
}

/// A package, with the variants whose builds are meant.
pub(super) fn name(change: &Change) -> String {
    let package = shown(&change.package);
    if change.variants.is_empty() {
        package
    } else {
        format!("{package} ({})", shown(&change.variants.join(", ")))
    }
}

/// Both sides of a change in words; an empty one: nothing.
pub(super) fn words(change: &Change) -> (String, String) {
    let versions = |builds: &[Build]| builds.iter().map(Build::version).collect::<Vec<_>>();
    // Where it comes from is told where nothing else would differ.
    let told = versions(&change.from) == versions(&change.to);
    let list = |builds: &[Build]| builds.iter().map(|build| of(build, told)).collect::<Vec<_>>().join(", ");
    (list(&change.from), list(&change.to))
}

/// The elements of a setting that differ.
pub(super) fn values(change: &SettingChange) -> (String, String) {
    let list = |values: &[String]| values.iter().map(|value| shown(value)).collect::<Vec<_>>().join(", ");
    (list(&change.from), list(&change.to))
}

fn of(build: &Build, told: bool) -> String {
    match (&build.source, build.release()) {
        (_, Some((reference, commit))) if reference == commit => format!("{} at {commit}", build.version()),
        (_, Some((reference, commit))) => format!("{reference} ({commit})"),
        (Source::Editable(path) | Source::Directory(path) | Source::Virtual(path), None) => {
            format!("{} in {}", build.version(), shown(path))
        }
        (Source::Registry(_), None) if !told => build.version(),
        _ => format!("{} from {}", build.version(), build.place()),
    }
}

fn row((from, to): &(String, String)) -> String {
    match (from.as_str(), to.as_str()) {
        ("", to) => format!("+ {to}"),
        (from, "") => format!("- {from}"),
        (from, to) => format!("{from} -> {to}"),
    }
}

fn section(text: &mut String, title: &str, rows: &[(String, String)]) {
    if rows.is_empty() {
        return;
    }
    text.extend(["\n", title, "\n"]);
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, what) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:width$}  {what}");
    }
}

/// What stands in a lockfile or a manifest, as it may be printed.
fn shown(text: &str) -> String {
    printable(&hidden(text)).into_owned()
}
