//! Events without secrets: every text that a task or its failure brings passes here on its way to the report.

use super::mask::Mask;
use crate::event::{Fact, Failure};
use crate::plan::RunReason;

/// The fact with every secret masked. Names of tasks and codes hold none.
pub(super) fn masked(mask: &Mask, fact: Fact) -> Fact {
    if mask.is_empty() {
        return fact;
    }
    let text = |text: String| mask.text(&text);
    match fact {
        Fact::Notice { code, message, help } => {
            Fact::Notice { code, message: text(message), help: help.map(text) }
        }
        Fact::Started { task, reason, own, command, expected_ms, restored } => {
            let (reason, command) = (of_reason(mask, reason), command.map(text));
            Fact::Started { task, reason, own, command, expected_ms, restored }
        }
        Fact::Command { task, command, directory } => {
            Fact::Command { task, command: text(command), directory }
        }
        Fact::Output { task, line } => Fact::Output { task, line: text(line) },
        Fact::Finished { task, result, reason, duration_ms, note, log, failure } => Fact::Finished {
            task,
            result,
            reason: reason.map(|reason| of_reason(mask, reason)),
            duration_ms,
            note: note.map(text),
            log,
            failure: failure.map(|failure| of_failure(mask, failure)),
        },
        other @ (Fact::Began { .. }
        | Fact::Waiting { .. }
        | Fact::Terminal { .. }
        | Fact::Interrupted { .. }
        | Fact::Ended { .. }) => other,
    }
}

fn of_failure(mask: &Mask, failure: Failure) -> Failure {
    // What a diagnostic says cannot be changed: one that holds a secret is not shown, and the message stands alone.
    let clean = |said: &str| mask.text(said) == said;
    let diagnostic = failure.diagnostic.filter(|found| {
        clean(&found.to_string()) && found.help().is_none_or(|help| clean(&help.to_string()))
    });
    Failure {
        message: mask.text(&failure.message),
        command: failure.command.map(|command| mask.text(&command)),
        tail: failure.tail.iter().map(|line| mask.text(line)).collect(),
        diagnostic,
        ..failure
    }
}

fn of_reason(mask: &Mask, mut reason: RunReason) -> RunReason {
    match &mut reason {
        RunReason::Changed { changes } | RunReason::ManifestDiffers { changes } => {
            for change in changes {
                for value in [&mut change.old, &mut change.new].into_iter().flatten() {
                    *value = mask.text(value);
                }
            }
        }
        RunReason::Arguments { words } => *words = mask.text(words),
        _ => {}
    }
    reason
}
