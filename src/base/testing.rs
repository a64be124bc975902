//! How a user sees an error, for the snapshots of every room.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

/// The report as a terminal of 100 columns shows it, without colour.
pub(crate) fn rendered(error: &dyn Diagnostic) -> String {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    handler.with_links(false).render_report(&mut text, error).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}
