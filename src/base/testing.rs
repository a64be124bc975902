//! For the tests of every room: how a user sees an error, and how often a property is tried.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use proptest::test_runner::Config;

/// The report as a terminal of 100 columns shows it, without colour.
pub(crate) fn rendered(error: &dyn Diagnostic) -> String {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    handler.with_links(false).render_report(&mut text, error).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Tries each property so many times; `PROPTEST_CASES` may say another number.
pub(crate) fn properties(cases: u32) -> Config {
    // What `default` reads from the environment is told from what it has without.
    const UNASKED: u32 = 256;
    let asked = Config::default();
    let cases = if asked.cases == UNASKED { cases } else { asked.cases };
    Config { cases, failure_persistence: None, ..asked }
}

/// Code, message and help of an error without a place of its own, for a list of them.
pub(crate) fn told(error: &dyn Diagnostic) -> String {
    let code = error.code().map(|code| code.to_string()).unwrap_or_default();
    let help = error.help().map(|help| format!("\n    help: {help}")).unwrap_or_default();
    format!("{code}\n    {error}{help}\n")
}
