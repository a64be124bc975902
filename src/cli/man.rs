//! `man`: the manual page, as roff. Options come from clap's table, verbs from [`VERBS`], targets and examples from
//! what the help ends with, exit codes from theirs: nothing is said twice.

use std::io;

use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::args::Arguments;
use super::exit;
use super::vocabulary::{AFTER_HELP, VERBS};

/// What is read and written besides what `tasks.kdl` names.
const FILES: &[(&str, &str)] = &[
    ("tasks.kdl", "the configuration; its directory is the root"),
    ("tasks.local.kdl", "what is true of this machine only; not committed"),
    ("envloom.lock", "releases of internal packages and owned entries; written by envloom, committed"),
    (".envloom/", "cache, venvs, logs; not committed"),
];

/// The page. Every character is ASCII, so that any roff shows it.
///
/// # Errors
/// None: it is written to memory, which clap's writer cannot know.
pub(super) fn page() -> io::Result<String> {
    let man = Man::new(Arguments::table());
    // The writer's own title has no place for a date that is left out, and one would differ from build to build.
    let mut page = Vec::from(concat!(
        ".TH ENVLOOM 1 \"\" \"envloom ",
        env!("CARGO_PKG_VERSION"),
        "\" \"User Commands\"\n"
    ));
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    section("TARGETS", &help_section("Targets:")).to_writer(&mut page)?;
    let verbs: Vec<(String, String)> = VERBS
        .iter()
        .map(|(verb, words, what)| (format!("{verb} {words}").trim_end().to_owned(), (*what).to_owned()))
        .collect();
    section("VERBS", &verbs).to_writer(&mut page)?;
    man.render_options_section(&mut page)?;
    section("EXIT STATUS", &owned(exit::TABLE)).to_writer(&mut page)?;
    section("FILES", &owned(FILES)).to_writer(&mut page)?;
    section("EXAMPLES", &help_section("Examples:")).to_writer(&mut page)?;
    Ok(ascii(&String::from_utf8_lossy(&page)))
}

fn owned(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(term, what)| ((*term).to_owned(), (*what).to_owned())).collect()
}

/// The rows below a heading of the help: a term, two spaces or more, what it means.
fn help_section(heading: &str) -> Vec<(String, String)> {
    let below = AFTER_HELP.lines().skip_while(|line| !line.starts_with(heading)).skip(1);
    below
        .map_while(|line| line.strip_prefix("  "))
        .map(|row| match row.split_once("  ") {
            Some((term, what)) => (term.to_owned(), what.trim().to_owned()),
            None => (row.to_owned(), String::new()),
        })
        .collect()
}

fn section(title: &str, rows: &[(String, String)]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (term, what) in rows {
        roff.control("TP", []);
        roff.text([bold(term)]);
        // A tag without a paragraph would swallow the next tag.
        let what: Inline = if what.is_empty() { roman("\u{a0}") } else { roman(what) };
        roff.text([what]);
    }
    roff
}

/// Other characters by their numbers, as groff and mandoc read them.
fn ascii(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            character if character.is_ascii() => character.to_string(),
            character => format!("\\[u{:04X}]", u32::from(character)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word as roff writes it.
    fn escaped(word: &str) -> String {
        word.replace('-', "\\-").replace('\'', "\\*(Aq")
    }

    #[test]
    fn every_option_verb_target_and_exit_code_is_in_the_page() {
        let page = page().unwrap();
        assert!(page.is_ascii());
        for option in Arguments::table().get_opts() {
            let long = option.get_long().unwrap();
            assert!(page.contains(&format!("\\fB\\-\\-{}\\fR", escaped(long))), "{long}");
        }
        for (verb, words, what) in VERBS {
            let term = format!("{verb} {words}");
            let row = format!("\n\\fB{}\\fR\n{}\n", escaped(term.trim_end()), escaped(what));
            assert!(page.contains(&ascii(&row)), "{row}");
        }
        for target in ["generate", "lock", "check", "verify", "sync"] {
            assert!(page.contains(&format!("\n\\fB{target}[:E]")), "{target}");
        }
        for (code, _) in exit::TABLE {
            assert!(page.contains(&format!("\n\\fB{code}\\fR\n")), "{code}");
        }
    }
}
