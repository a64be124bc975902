//! The last lines of a run: what failed once more, and one line that says how it went.

use std::fmt::Write as _;

use crate::base::printable;
use crate::event::{Counts, TaskResult};

use super::lines;
use super::progress::Progress;
use super::style::{Role, Style};
use super::text::duration;

/// A failure as it is repeated at the end.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) task: String,
    pub(super) message: String,
    pub(super) command: Option<String>,
    pub(super) log: Option<String>,
}

/// What `Fact::Ended` says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended<'a> {
    pub(super) counts: Counts,
    pub(super) wall_ms: u64,
    pub(super) sum_ms: u64,
    pub(super) slowest: Option<(&'a str, u64)>,
}

/// All failures, each with what to paste. For the end of a run that printed other things since.
pub(super) fn failures(style: Style, failed: &[Failed]) -> String {
    let mut text = String::from("\nfailed:\n");
    for Failed { task, message, command, log } in failed {
        let (mark, task) = (style.mark(TaskResult::Failed), style.paint(Role::Strong, &printable(task)));
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "  {mark} {task}: {}", printable(headline(message)));
        for (label, value) in [("to repeat", command), ("log", log)] {
            if let Some(value) = value {
                let label = style.paint(Role::Faint, &format!("{label}:"));
                let _ = writeln!(text, "    {label} {}", printable(value));
            }
        }
    }
    text
}

/// The first line of a message, without the colon that announces the rest.
fn headline(message: &str) -> &str {
    message.lines().next().unwrap_or_default().trim_end_matches(':')
}

/// The one line at the end.
pub(super) fn closing(style: Style, progress: &Progress, skipped: &[String], ended: &Ended) -> String {
    let Counts { ran, fresh, restored, touched, would_run, failed, skipped: left } = ended.counts;
    if ran + restored + touched + would_run + failed + left == 0 {
        return nothing_ran(progress, fresh, ended.wall_ms);
    }
    let shown = [
        ("ran", ran),
        ("restored", restored),
        ("touched", touched),
        ("up to date", fresh),
        ("would run", would_run),
        ("failed", failed),
        ("skipped", left),
    ];
    let parts: Vec<String> = shown
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| {
            let part = format!("{word} {count}");
            if word == "failed" { style.paint(Role::Bad, &part) } else { part }
        })
        .collect();
    let mut line = format!("{} in {}", parts.join(", "), duration(ended.wall_ms));
    // Where nothing ran beside anything else, the sum and the slowest say nothing new.
    if ran + failed > 1 {
        if ended.sum_ms > ended.wall_ms + ended.wall_ms / 10 {
            let _ = write!(line, " (one after the other: {})", duration(ended.sum_ms));
        }
        if let Some((task, ms)) = ended.slowest {
            let _ = write!(line, "; slowest {} {}", printable(task), duration(ms));
        }
    }
    if skipped.is_empty() { line } else { format!("{}\n{line}", lines::skipped(skipped)) }
}

fn nothing_ran(progress: &Progress, fresh: usize, wall_ms: u64) -> String {
    let took = duration(wall_ms);
    let tasks = crate::base::counted(fresh, "task", "tasks");
    let targets = progress.targets.join(" ");
    match (progress.sole_target(), fresh) {
        (_, 0) => format!("nothing to do ({took})"),
        (Some(target), 1) => format!("{} is up to date ({took})", printable(target)),
        (Some(target), _) => format!("{} is up to date ({tasks}, {took})", printable(target)),
        (None, _) if progress.by_default && !targets.is_empty() => {
            format!("everything up to date (the default, {}: {tasks}, {took})", printable(&targets))
        }
        (None, _) => format!("everything up to date ({tasks}, {took})"),
    }
}
