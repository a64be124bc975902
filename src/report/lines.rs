//! The lines about one task, as text: its end, its failure, its name before its output.

use std::fmt::Write as _;
use std::path::Path;

use crate::base::printable;
use crate::event::{Failure, TaskResult};
use crate::plan::RunReason;

use super::diagnostic::diagnostic;
use super::held::Taken;
use super::style::{Role, Style};
use super::text::{duration, fit, indent, listed, program_line};

/// Changed fields that `-v` lists below a task.
const CHANGES: usize = 20;
/// A reason that would have to be shorter is left out.
const LEAST_REASON: usize = 24;

/// What `Fact::Finished` says, borrowed.
#[derive(Clone, Copy)]
pub(super) struct Ending<'a> {
    pub(super) task: &'a str,
    pub(super) result: TaskResult,
    pub(super) reason: Option<&'a RunReason>,
    pub(super) duration_ms: u64,
    pub(super) note: Option<&'a str>,
    pub(super) log: Option<&'a Path>,
    pub(super) failure: Option<&'a Failure>,
}

/// `✓ lock:prod  ran in 1.2s, 3 entries changed  (tool.uv…tag: "v0.1.2" -> "v0.1.3")`, and with `-v` every
/// change on its own line below.
pub(super) fn ending(style: Style, verbose: bool, ending: &Ending) -> String {
    let task = printable(ending.task);
    let said = said(ending);
    let mut line = format!("{} {}  {said}", style.mark(ending.result), style.paint(Role::Strong, &task));
    let told = match ending.result {
        TaskResult::Ran | TaskResult::Restored | TaskResult::Touched | TaskResult::WouldRun => {
            verbose || ending.reason != Some(&RunReason::Always)
        }
        TaskResult::Fresh | TaskResult::Failed => verbose,
        TaskResult::Skipped => false,
    };
    let Some(reason) = ending.reason.filter(|_| told) else {
        return line;
    };
    let changes = reason.changes();
    if verbose && changes.len() > 1 {
        for change in changes.iter().take(CHANGES) {
            line += "\n";
            line += &style.paint(Role::Faint, &format!("    {}", printable(&change.to_string())));
        }
        if changes.len() > CHANGES {
            // Writing to a String cannot fail, here and below.
            let _ = write!(line, "\n    and {} more: envloom explain {task}", changes.len() - CHANGES);
        }
        return line;
    }
    let mut reason = printable(&reason.to_string()).into_owned();
    if style.terminal && !verbose {
        let taken = task.chars().count() + said.chars().count() + 8;
        let room = style.width.saturating_sub(taken);
        // A few letters of a reason say nothing, and a line that is wrapped is hard to scan. `-v` has it whole.
        if room < LEAST_REASON && reason.chars().count() > room {
            return line;
        }
        reason = fit(&reason, room, style.ellipsis());
    }
    line + "  " + &style.paint(Role::Faint, &format!("({reason})"))
}

/// The words after the task's name.
fn said(ending: &Ending) -> String {
    let took = duration(ending.duration_ms);
    let mut said = match ending.result {
        TaskResult::Ran => format!("ran in {took}"),
        TaskResult::Fresh => "up to date".to_owned(),
        TaskResult::Restored => "restored".to_owned(),
        // Its note says what became of it.
        TaskResult::Touched => return printable(ending.note.unwrap_or("not run")).into_owned(),
        TaskResult::WouldRun => "would run".to_owned(),
        // What was refused before anything ran took no time worth telling.
        TaskResult::Failed if ending.failure.is_some_and(|failure| failure.command.is_none()) => {
            "failed".to_owned()
        }
        TaskResult::Failed => format!("failed after {took}"),
        TaskResult::Skipped => "skipped".to_owned(),
    };
    if let Some(note) = ending.note {
        said += if ending.result == TaskResult::Skipped { ": " } else { ", " };
        said += &printable(note);
    }
    match ending.failure {
        // The diagnostic's first line says it, just below.
        Some(failure) if failure.diagnostic.is_none() => said + ": " + &printable(&failure.message),
        _ => said,
    }
}

/// What stands below the line of a failed task: what it printed (`printed`, or the tail that the event
/// brings), the diagnostic, and how to go on. Empty, or ended by a line end.
pub(super) fn failure(style: Style, ending: &Ending, printed: Option<Taken>) -> String {
    let Some(failure) = ending.failure else {
        return String::new();
    };
    let mut text = String::new();
    let mut add = |line: &str| text.extend([line, "\n"]);
    if let Some(taken) = printed {
        let Taken { head, missing, tail } = taken;
        let tail = if head.is_empty() { failure.tail.clone() } else { tail.into() };
        for line in &head {
            add(&indent(&program_line(line, style.color), "    "));
        }
        if missing > 0 {
            add(&format!("    {}", gap(style, missing)));
        }
        for line in &tail {
            add(&indent(&program_line(line, style.color), "    "));
        }
    }
    if let Some(found) = &failure.diagnostic {
        add(diagnostic(found.as_ref(), style).trim_end());
    }
    let directory = failure.directory.as_deref().map(Path::to_string_lossy);
    let log = ending.log.map(Path::to_string_lossy);
    for (label, value) in [
        ("to repeat", failure.command.as_deref()),
        ("directory", directory.as_deref().filter(|directory| !matches!(*directory, "" | "."))),
        ("log", log.as_deref()),
    ] {
        if let Some(value) = value {
            add(&format!("  {} {}", style.paint(Role::Faint, &format!("{label}:")), printable(value)));
        }
    }
    text
}

/// The line where held lines are missing.
pub(super) fn gap(style: Style, missing: u64) -> String {
    style.paint(
        Role::Faint,
        &format!(
            "{} {missing} {} left out, the log has all",
            style.ellipsis(),
            if missing == 1 { "line" } else { "lines" }
        ),
    )
}

/// The line before what a task prints.
pub(super) fn speaker(style: Style, task: &str, command: Option<&str>) -> String {
    let name = style.paint(Role::Strong, &printable(task));
    match command {
        Some(command) => format!("> {name}: {}", printable(command)),
        None => format!("> {name}"),
    }
}

/// `warning: …` and what to type.
pub(super) fn notice(style: Style, code: Option<&str>, message: &str, help: Option<&str>) -> String {
    let head = code.map_or_else(|| "warning".to_owned(), |code| format!("warning[{}]", printable(code)));
    let mut text = format!("{}: {}", style.paint(Role::Warning, &head), printable(message));
    if let Some(help) = help {
        let _ = write!(text, "\n  help: {}", printable(help));
    }
    text
}

/// `skipped: a, b and 3 more`.
pub(super) fn skipped(tasks: &[String]) -> String {
    let names: Vec<_> = tasks.iter().map(|task| printable(task)).collect();
    format!("skipped: {}", listed(&names, 5))
}
