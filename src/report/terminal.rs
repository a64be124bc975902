//! The status lines at the bottom of a terminal, drawn with indicatif.
//!
//! One thread owns the terminal: the one that calls [`Board`]. Other text is written while the lines are
//! taken away ([`Board::aside`]). Nothing is drawn in the first moments, so that a run that finds everything
//! up to date does not flicker.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::base::printable;

use super::progress::{Progress, Running};
use super::style::{Role, Style};
use super::text::{elapsed, fit};

/// No status lines before.
const CALM_MS: u64 = 150;
/// More running tasks than this are counted.
const MOST: usize = 8;

/// The status lines.
pub(super) struct Board {
    screen: MultiProgress,
    bars: Vec<ProgressBar>,
    look: ProgressStyle,
}

impl Board {
    pub(super) fn new(target: ProgressDrawTarget) -> Self {
        let look =
            ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        Self { screen: MultiProgress::with_draw_target(target), bars: Vec::new(), look }
    }

    /// Shows how far the run is now.
    pub(super) fn show(&mut self, style: Style, progress: &Progress, now_ms: u64) {
        let lines = if now_ms < CALM_MS { Vec::new() } else { status(style, progress, now_ms) };
        while self.bars.len() > lines.len() {
            if let Some(bar) = self.bars.pop() {
                bar.finish_and_clear();
                self.screen.remove(&bar);
            }
        }
        for (at, line) in lines.into_iter().enumerate() {
            if let Some(bar) = self.bars.get(at) {
                bar.set_message(line);
            } else {
                let bar = self.screen.add(ProgressBar::new_spinner().with_style(self.look.clone()));
                bar.set_message(line);
                self.bars.push(bar);
            }
        }
    }

    /// Writes something else while the status lines are away.
    pub(super) fn aside(&self, write: impl FnOnce()) {
        self.screen.suspend(write);
    }

    /// Takes the status lines away for good.
    pub(super) fn clear(&mut self) {
        for bar in self.bars.drain(..) {
            bar.finish_and_clear();
        }
        // A terminal that is gone cannot be cleared.
        let _ = self.screen.clear();
    }
}

/// `[3/12] 2 running, 4 up to date`, and a line for each running task, the oldest first.
fn status(style: Style, progress: &Progress, now_ms: u64) -> Vec<String> {
    let running = progress.oldest_first();
    if running.is_empty() || progress.terminal_of.is_some() {
        return Vec::new();
    }
    let waiting = running.iter().filter(|(_, each)| each.waiting.is_some()).count();
    let counts = [
        ("running", running.len() - waiting),
        ("waiting", waiting),
        ("up to date", progress.counts.fresh),
        ("failed", progress.counts.failed),
    ];
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    let mut lines = vec![format!("[{}/{}] {}", progress.ended(), progress.selected, parts.join(", "))];
    lines.extend(running.iter().take(MOST).map(|(task, each)| task_line(style, task, each, now_ms)));
    if running.len() > MOST {
        lines.push(format!("  and {} more", running.len() - MOST));
    }
    lines
}

fn task_line(style: Style, task: &str, running: &Running, now_ms: u64) -> String {
    let passed = elapsed(now_ms.saturating_sub(running.since_ms));
    let rest = match (&running.waiting, running.expected_ms) {
        (Some(lock), _) => format!("{passed}  waiting for {}, held by another envloom", printable(lock)),
        (None, Some(expected)) => format!("{passed} of about {}", elapsed(expected)),
        (None, None) => passed,
    };
    let task = printable(task);
    let room = style.width.saturating_sub(task.chars().count() + 4).max(8);
    format!("  {}  {}", style.paint(Role::Strong, &task), fit(&rest, room, style.ellipsis()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Fact};
    use crate::plan::RunReason;

    fn begun(names: &[(&str, u64, Option<u64>)]) -> Progress {
        let mut progress = Progress { selected: 12, ..Progress::default() };
        progress.counts.fresh = 3;
        for &(task, at_ms, expected_ms) in names {
            let task = task.to_owned();
            let fact = Fact::Started {
                task,
                reason: RunReason::Always,
                own: false,
                command: None,
                expected_ms,
                restored: false,
            };
            progress.apply(&Event { at_ms, fact });
        }
        progress
    }

    #[test]
    fn the_oldest_stands_first_and_a_wait_is_named() {
        let mut progress = begun(&[("sync:dev@cu124", 900, Some(12_000)), ("lock:prod", 100, None)]);
        let waiting = Fact::Waiting { task: "sync:dev@cpu".to_owned(), lock: "venv dev-cpu".to_owned() };
        progress.apply(&Event { at_ms: 1000, fact: waiting });
        insta::assert_snapshot!(status(Style::plain(), &progress, 3200).join("\n"), @r#"
        [3/12] 2 running, 1 waiting, 3 up to date
          lock:prod  3.1s
          sync:dev@cu124  2.3s of about 12.0s
          sync:dev@cpu  2.2s  waiting for venv dev-cpu, held by another envloom
        "#);
    }

    #[test]
    fn many_tasks_are_counted() {
        let names: Vec<String> = (0..20).map(|number| format!("t{number:02}")).collect();
        let progress = begun(&names.iter().map(|name| (name.as_str(), 0, None)).collect::<Vec<_>>());
        let lines = status(Style::plain(), &progress, 500);
        assert_eq!((lines.len(), lines[9].as_str()), (10, "  and 12 more"));
    }
}
