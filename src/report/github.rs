//! What GitHub's runner reads in a log: its commands written for it, and none that anybody else could forge.
//!
//! # Design note
//! Actions reads a log line as a command when, trimmed, it starts with `::`, or when it contains `##[` anywhere. A tag
//! named `::add-path::/evil` in a message of ours must stay text, so both are taken apart by a space. The lines of own
//! tasks are treated alike, but for the commands that only show or hide something ([`SHOWING`]): annotations of linters
//! are wanted there, and a secret that a task masks must not be printed by taking its command apart.
//!
//! `::stop-commands::TOKEN` around what tasks print was refused: it would take the annotations and the masks away with
//! the rest, its token must be kept from tasks that may read the log, and a run that is killed leaves commands off.
//! Every line passes through the reporter anyway.
//!
//! Groups go to the stream of the lines they hold, since the runner reads both streams side by side. With `-s` there
//! are none: then standard output is data and nothing else.

use std::borrow::Cow;

use miette::{Diagnostic, Severity};

use super::finding::Finding;
use super::text::program_line;
use crate::base::printable;
use crate::event::Failure;

/// Commands that change no variable, path or output of the job.
const SHOWING: [&str; 5] = ["add-mask", "debug", "error", "notice", "warning"];

/// GitHub shows no more of a kind in a step.
const MOST: usize = 10;

/// Of what a failed program printed, so many lines are part of its annotation.
const LAST_LINES: usize = 5;

/// The source that a call's words are shown in; no file.
const COMMAND_LINE: &str = "command line";

/// `line` such that it is no workflow command. It has no line end.
pub(super) fn no_command(line: &str) -> Cow<'_, str> {
    let trimmed = line.trim_start();
    let starts = trimmed.starts_with("::");
    if !starts && !line.contains("##[") {
        return Cow::Borrowed(line);
    }
    let (margin, rest) = line.split_at(line.len() - trimmed.len());
    let rest = rest.replace("##[", "## [");
    let rest = if starts { rest.replacen("::", ": :", 1) } else { rest };
    Cow::Owned(format!("{margin}{rest}"))
}

/// Text of several lines, none of which is a workflow command.
pub(crate) fn no_commands(text: &str) -> String {
    text.lines().map(|line| no_command(line).into_owned() + "\n").collect()
}

/// A line that an own task printed.
pub(super) fn of_task(line: &str) -> Cow<'_, str> {
    let shows = |name: &str| {
        let rest = line.trim_start().strip_prefix("::").and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with("::") || rest.starts_with(' '))
    };
    if SHOWING.into_iter().any(shows) { Cow::Borrowed(line) } else { no_command(line) }
}

/// Where an annotation belongs.
struct Spot {
    file: String,
    line: usize,
    column: usize,
}

/// Opens a group; what it holds can be folded away.
pub(super) fn group(title: &str) -> String {
    format!("::group::{}", data(title))
}

/// Closes it.
pub(super) const END_OF_GROUP: &str = "::endgroup::";

/// `::notice title=…::…`
pub(super) fn notice(title: &str, message: &str, help: Option<&str>) -> String {
    annotation("notice", None, title, message, help)
}

/// `::error file=…,line=…,col=…,title=…::…`, where `spot` is relative to the workspace.
fn error(spot: Option<&Spot>, title: &str, message: &str, help: Option<&str>) -> String {
    annotation("error", spot, title, message, help)
}

/// Annotations for what a diagnostic says, each at its first place in a file; a place in the call's own words is none.
/// `below` stands before each file: the way from the workspace to the repository's root.
pub(crate) fn annotations(found: &dyn Diagnostic, below: &str) -> Vec<String> {
    let mut said = Vec::new();
    told(&Finding::of(found, "…"), &About { title: None, spot: None, below }, &mut said);
    said.truncate(MOST);
    said
}

/// Annotations for what a task failed of: where its diagnostic says, else where the task was declared.
pub(super) fn of_failure(failure: &Failure, task: &str, below: &str) -> Vec<String> {
    let declared = failure.declared.as_ref().map(|declared| Spot {
        file: format!("{below}{}", declared.file),
        line: declared.line,
        column: declared.column,
    });
    let spot = declared.as_ref();
    let Some(found) = &failure.diagnostic else {
        // Why a program failed stands in its last lines.
        let last = &failure.tail[failure.tail.len().saturating_sub(LAST_LINES)..];
        let message = [std::slice::from_ref(&failure.message), last].concat().join("\n");
        return vec![error(spot, task, &message, None)];
    };
    let mut said = Vec::new();
    told(&Finding::of(found.as_ref(), "…"), &About { title: Some(task), spot, below }, &mut said);
    said.truncate(MOST);
    said
}

/// What all annotations of one failure share.
struct About<'a> {
    title: Option<&'a str>,
    /// Where nothing better is known.
    spot: Option<&'a Spot>,
    below: &'a str,
}

/// What only says that there is something below is left to what is below.
fn told(finding: &Finding, about: &About<'_>, said: &mut Vec<String>) {
    if finding.related.is_empty() || !finding.places.is_empty() {
        let place = finding.places.iter().find(|place| place.file != COMMAND_LINE);
        let spot = place.map(|place| Spot {
            file: format!("{}{}", about.below, place.file),
            line: place.start.0,
            column: place.start.1,
        });
        let code = finding.code.as_deref().unwrap_or("envloom");
        let title = about.title.map_or_else(|| code.to_owned(), |title| format!("{title}: {code}"));
        let (spot, help) = (spot.as_ref().or(about.spot), finding.help.as_deref());
        let kind = if finding.severity == Severity::Warning { "warning" } else { "error" };
        said.push(annotation(kind, spot, &title, &finding.message, help));
    }
    finding.related.iter().for_each(|related| told(related, about, said));
}

fn annotation(kind: &str, spot: Option<&Spot>, title: &str, message: &str, help: Option<&str>) -> String {
    let place = spot.map_or_else(String::new, |Spot { file, line, column }| {
        format!("file={},line={line},col={column},", property(file))
    });
    let help = help.map_or_else(String::new, |help| format!("\nhelp: {help}"));
    format!("::{kind} {place}title={}::{}", property(title), data(&format!("{message}{help}")))
}

/// Text behind a command: its line ends are written as the runner reads them.
fn data(text: &str) -> String {
    let line = |line: &str| printable(&program_line(line, false)).replace('%', "%25").replace("##[", "## [");
    text.lines().map(line).collect::<Vec<_>>().join("%0A")
}

/// Text within a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use miette::{LabeledSpan, MietteDiagnostic};

    use super::*;

    #[test]
    fn commands_become_text() {
        assert_eq!(no_command("::add-path::/evil"), ": :add-path::/evil");
        assert_eq!(no_command("  \u{a0}::set-env name=A::b"), "  \u{a0}: :set-env name=A::b");
        assert_eq!(no_command("tag ##[add-path]/evil"), "tag ## [add-path]/evil");
        assert_eq!(no_command(":::error::"), ": ::error::");
        assert_eq!(no_commands("a\n::set-env name=A::b\n"), "a\n: :set-env name=A::b\n");
    }

    #[test]
    fn other_lines_stay() {
        assert_eq!(no_command("error[envloom::tool::missing]: x"), "error[envloom::tool::missing]: x");
    }

    #[test]
    fn a_task_may_show_and_hide_and_nothing_else() {
        for line in
            ["::error file=a.py,line=1::E501", "  ::warning::w", "::add-mask::s3cret", "::debug::d", "x"]
        {
            assert_eq!(of_task(line), line);
        }
        for line in [
            "::add-path::/evil",
            "::set-env name=LD_PRELOAD::/evil.so",
            "::set-output name=a::b",
            "::save-state name=a::b",
            "::stop-commands::x",
            "::group::g",
            "::endgroup::",
            "::add-matcher::m.json",
            "::errors::x",
            "::Error::x",
            ":: error::x",
            "\u{a0}::add-path::/evil",
            "##[add-path]/evil",
        ] {
            assert!(!of_task(line).trim().starts_with("::") && !of_task(line).contains("##["), "{line}");
        }
    }

    #[test]
    fn text_cannot_leave_its_annotation() {
        let spot = Spot { file: "a,b:c.kdl".to_owned(), line: 3, column: 4 };
        let line = error(Some(&spot), "t:1,file=/etc/passwd", "100 %\r\n::add-path::/evil", Some("a\nb"));
        assert_eq!(
            line,
            "::error file=a%2Cb%3Ac.kdl,line=3,col=4,title=t%3A1%2Cfile=/etc/passwd::100 %25%0A::add-path::/evil%0Ahelp: a%0Ab"
        );
        assert_eq!(group("t%\n::endgroup::"), "::group::t%25%0A::endgroup::");
    }

    #[test]
    fn every_finding_is_annotated_where_it_lies_in_a_file() {
        let at = |source: &str, code: &str| {
            let found =
                MietteDiagnostic::new("unknown").with_code(code).with_label(LabeledSpan::at(4, "here"));
            miette::Report::new(found)
                .with_source_code(miette::NamedSource::new(source, "one\ntwo".to_owned()))
        };
        assert_eq!(
            annotations(at("tasks.kdl", "envloom::x").as_ref(), "services/ml/"),
            ["::error file=services/ml/tasks.kdl,line=2,col=1,title=envloom%3A%3Ax::unknown"]
        );
        assert_eq!(
            annotations(at("command line", "envloom::x").as_ref(), ""),
            ["::error title=envloom%3A%3Ax::unknown"]
        );
    }
}
