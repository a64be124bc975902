//! A diagnostic as a user sees it: drawn on a terminal, written elsewhere, or as JSON.
//!
//! Drawing is miette's. Its handler without drawing misplaces a second label, and without a terminal it still
//! draws boxes, so the written form is our own: the shape of rustc's, which editors and CI systems know.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, Severity, ThemeCharacters, ThemeStyles};
use serde_json::{Value, json};

use super::finding::{Finding, Place};
use super::style::{Role, Style};
use super::text::indent;

/// The diagnostic in the user's style, ended by a line end.
#[must_use]
pub(crate) fn diagnostic(found: &dyn Diagnostic, style: Style) -> String {
    let finding = Finding::of(found, style.ellipsis());
    if style.terminal
        && style.unicode
        && let Some(drawn) = drawn(&finding, style)
    {
        return drawn;
    }
    let mut text = String::new();
    written(&finding, style, &mut text);
    // Helps have it, too; where it is no character of the terminal's it must not reach it.
    if style.unicode { text } else { text.replace('…', style.ellipsis()) }
}

/// `{code, severity, message, help, causes, labels: [{file, line, column, end_line, end_column, text}],
/// related}`. Lines and columns count from 1, columns in characters; the end is exclusive.
#[must_use]
pub(crate) fn diagnostic_json(found: &dyn Diagnostic) -> Value {
    as_json(&Finding::of(found, ""))
}

fn as_json(finding: &Finding) -> Value {
    let label = |place: &Place| {
        json!({
            "file": place.file,
            "line": place.start.0,
            "column": place.start.1,
            "end_line": place.end.0,
            "end_column": place.end.1,
            "text": place.text,
        })
    };
    json!({
        "code": finding.code,
        "severity": finding.severity_word(),
        "message": finding.message,
        "help": finding.help,
        "causes": finding.causes().collect::<Vec<_>>(),
        "labels": finding.places.iter().map(label).collect::<Vec<_>>(),
        "related": finding.related.iter().map(as_json).collect::<Vec<_>>(),
    })
}

/// miette's drawing. `None` if it fails, which a finding's ranges give no cause for.
fn drawn(finding: &Finding, style: Style) -> Option<String> {
    let styles = if style.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    let theme = GraphicalTheme { characters: ThemeCharacters::unicode(), styles };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .without_syntax_highlighting()
        .with_width(style.width.max(40))
        .with_context_lines(1);
    let mut text = String::new();
    handler.render_report(&mut text, finding.alone().unwrap_or(finding)).ok()?;
    Some(text)
}

fn written(finding: &Finding, style: Style, text: &mut String) {
    let mut add = |line: &str| text.extend([line, "\n"]);
    let role = if finding.severity == Severity::Error { Role::Bad } else { Role::Warning };
    let code = finding.code.as_ref().map(|code| format!("[{code}]")).unwrap_or_default();
    let head = style.paint(role, &format!("{}{code}", finding.severity_word()));
    add(&format!("{head}: {}", style.paint(Role::Strong, &finding.message)));
    finding.causes().for_each(|cause| add(&format!("caused by: {cause}")));
    let lines: Vec<&str> = finding.lines().collect();
    for place in &finding.places {
        add(&format!(" --> {}:{}:{}", place.file, place.start.0, place.start.1));
        shown(place, &lines, style, &mut add);
    }
    if let Some(help) = &finding.help {
        add(&hanging("help: ", help));
    }
    for related in &finding.related {
        text.push('\n');
        written(related, style, text);
    }
}

/// The lines of a place, each with carets below; the label stands behind the last.
fn shown(place: &Place, lines: &[&str], style: Style, add: &mut impl FnMut(&str)) {
    let (start, end) = place.range;
    let mut offset = 0;
    let mut marked = Vec::new();
    for (number, line) in (1..).zip(lines) {
        let stop = offset + line.len();
        if start <= stop && end >= offset && !(end == offset && start < offset) {
            let from = start.max(offset) - offset;
            marked.push((number, *line, from, end.min(stop) - offset));
        }
        offset = stop + 1;
    }
    let margin = marked.last().map_or(0, |(number, ..)| usize::to_string(number).len());
    let last = marked.len().saturating_sub(1);
    for (at, (number, line, from, to)) in marked.into_iter().enumerate() {
        let expand = |text: &str| text.replace('\t', "    ");
        add(format!("{number:>margin$} | {}", expand(line)).trim_end());
        let (before, within) = (expand(&line[..from]), expand(&line[from..to]));
        let carets = style.paint(Role::Bad, &"^".repeat(within.chars().count().max(1)));
        let gap = " ".repeat(before.chars().count());
        let label = place.text.as_deref().filter(|_| at == last).unwrap_or_default();
        add(hanging(&format!("{:margin$} | {gap}{carets} ", ""), label).trim_end());
    }
}

/// `text` behind `head`, further lines below the first.
fn hanging(head: &str, text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let rest = indent(rest, "      ");
    if rest.is_empty() { format!("{head}{first}") } else { format!("{head}{first}\n{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SourceFile;
    use miette::{LabeledSpan, MietteDiagnostic, SourceSpan};

    #[derive(Debug, thiserror::Error, Diagnostic)]
    enum Leaf {
        #[error("unknown environment `{name}`")]
        #[diagnostic(code(envloom::model::unknown_environment), help("declare it, or use one of: dev, prod"))]
        Unknown {
            name: String,
            #[label("not declared")]
            span: SourceSpan,
        },
        #[error("package `bench-utils` is declared twice")]
        #[diagnostic(code(envloom::model::twice), severity(Warning))]
        Twice {
            #[label("first here")]
            first: SourceSpan,
            #[label("and here\nagain")]
            second: SourceSpan,
        },
    }

    #[derive(Debug, thiserror::Error, Diagnostic)]
    #[error("tasks.kdl has 2 mistakes")]
    #[diagnostic(code(envloom::model::invalid))]
    struct Room {
        #[source_code]
        text: miette::NamedSource<String>,
        #[related]
        findings: Vec<Leaf>,
    }

    const KDL: &str = "package \"bench-utils\"\n\nproject {\n}\ntask \"t\" {\n\tafter \"lock:prd\"\n}\npackage \"bench-utils\"\n";

    fn span(text: &str, nth: usize) -> SourceSpan {
        let (at, found) = KDL.match_indices(text).nth(nth).unwrap();
        (at, found.len()).into()
    }

    fn room() -> Room {
        Room {
            text: SourceFile::new("tasks.kdl", KDL).named(),
            findings: vec![
                Leaf::Unknown { name: "prd".to_owned(), span: span("prd", 0) },
                Leaf::Twice { first: span("\"bench-utils\"", 0), second: span("\"bench-utils\"", 1) },
            ],
        }
    }

    #[test]
    fn written_for_a_log() {
        insta::assert_snapshot!(diagnostic(&room(), Style::plain()), @r#"
        error[envloom::model::invalid]: tasks.kdl has 2 mistakes

        error[envloom::model::unknown_environment]: unknown environment `prd`
         --> tasks.kdl:6:14
        6 |     after "lock:prd"
          |                 ^^^ not declared
        help: declare it, or use one of: dev, prod

        warning[envloom::model::twice]: package `bench-utils` is declared twice
         --> tasks.kdl:1:9
        1 | package "bench-utils"
          |         ^^^^^^^^^^^^^ first here
         --> tasks.kdl:8:9
        8 | package "bench-utils"
          |         ^^^^^^^^^^^^^ and here
              again
        "#);
    }

    #[test]
    fn drawn_on_a_terminal() {
        let style = Style { terminal: true, unicode: true, ..Style::plain() };
        insta::assert_snapshot!(diagnostic(&room(), style), @r#"
        envloom::model::invalid

          × tasks.kdl has 2 mistakes

        Error: envloom::model::unknown_environment

          × unknown environment `prd`
           ╭─[tasks.kdl:6:14]
         5 │ task "t" {
         6 │     after "lock:prd"
           ·                 ─┬─
           ·                  ╰── not declared
         7 │ }
           ╰────
          help: declare it, or use one of: dev, prod

        Warning: envloom::model::twice

          ⚠ package `bench-utils` is declared twice
           ╭─[tasks.kdl:1:9]
         1 │ package "bench-utils"
           ·         ──────┬──────
           ·               ╰── first here
         2 │ 
           ╰────
           ╭─[tasks.kdl:8:9]
         7 │ }
         8 │ package "bench-utils"
           ·         ──────┬──────
           ·               ╰─┤ and here
           ·                 │ again
           ╰────
        "#);
    }

    #[test]
    fn as_data() {
        let found = room();
        insta::assert_snapshot!(diagnostic_json(&found.findings[0]), @r#"{"causes":[],"code":"envloom::model::unknown_environment","help":"declare it, or use one of: dev, prod","labels":[],"message":"unknown environment `prd`","related":[],"severity":"error"}"#);
        let whole = diagnostic_json(&found);
        insta::assert_snapshot!(whole["related"][1]["labels"][1], @r#"{"column":9,"end_column":22,"end_line":8,"file":"tasks.kdl","line":8,"text":"and here\nagain"}"#);
    }

    #[test]
    fn spans_of_several_lines_and_at_the_end() {
        let whole = (KDL.find("task").unwrap(), "task \"t\" {\n\tafter \"lock:prd\"\n}".len());
        let found = MietteDiagnostic::new("x").with_labels([
            LabeledSpan::new_with_span(Some("this".to_owned()), whole),
            LabeledSpan::new_with_span(None, (KDL.len(), 0)),
        ]);
        let report = miette::Report::new(found).with_source_code(SourceFile::new("tasks.kdl", KDL).named());
        insta::assert_snapshot!(diagnostic(report.as_ref(), Style::plain()), @r#"
        error: x
         --> tasks.kdl:5:1
        5 | task "t" {
          | ^^^^^^^^^^
        6 |     after "lock:prd"
          | ^^^^^^^^^^^^^^^^^^^^
        7 | }
          | ^ this
         --> tasks.kdl:9:1
        9 |
          | ^
        "#);
    }

    #[test]
    fn nothing_hostile_gets_through() {
        let name = "a\u{1b}[2J\u{202e}b";
        let text = format!("{}{name}{}", "x".repeat(100_000), "y".repeat(100_000));
        let found = MietteDiagnostic::new(format!("unknown {name}"))
            .with_code(name)
            .with_help(format!("remove\n{name}"))
            .with_label(LabeledSpan::new_with_span(Some(name.to_owned()), (100_000, name.len())));
        let report = miette::Report::new(found).with_source_code(miette::NamedSource::new(name, text));
        for (terminal, unicode) in [(false, false), (true, true), (false, true)] {
            let shown = diagnostic(report.as_ref(), Style { unicode, terminal, ..Style::plain() });
            assert!(shown.lines().all(|line| crate::base::printable(line) == line), "{shown}");
            assert!(shown.len() < 2000, "{} bytes", shown.len());
            assert!(shown.contains("xxx") && shown.contains("yyy"));
        }
        insta::assert_snapshot!(diagnostic(report.as_ref(), Style::plain()), @r#"
        error[a\u{1b}[2J\u{202e}b]: unknown a\u{1b}[2J\u{202e}b
         --> a\u{1b}[2J\u{202e}b:1:100001
        1 | ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxa\u{1b}[2J\u{202e}byyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...
          |                                  ^^^^^^^^^^^^^^^^^^^ a\u{1b}[2J\u{202e}b
        help: remove
              a\u{1b}[2J\u{202e}b
        "#);
    }

    #[test]
    fn causes_are_told() {
        #[derive(Debug, thiserror::Error, Diagnostic)]
        #[error("cannot read uv.lock")]
        struct Outer(#[source] std::io::Error);
        #[derive(Debug, thiserror::Error, Diagnostic)]
        #[error("cannot lock")]
        struct Above(#[diagnostic_source] Outer);
        let found = Outer(std::io::ErrorKind::PermissionDenied.into());
        insta::assert_snapshot!(diagnostic(&found, Style::plain()), @r#"
        error: cannot read uv.lock
        caused by: permission denied
        "#);

        let found = Above(Outer(std::io::ErrorKind::PermissionDenied.into()));
        insta::assert_snapshot!(diagnostic(&found, Style::plain()), @r#"
        error: cannot lock
        caused by: cannot read uv.lock
        caused by: permission denied
        "#);
    }
}
