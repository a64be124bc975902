//! Lines that GitHub's runner must not obey.
//!
//! Actions reads a log line as a command when, trimmed, it starts with `::`, or when it contains `##[`
//! anywhere. A tag named `::add-path::/evil` in a message of ours must stay text, so both are taken apart
//! by a space. What own tasks print is theirs to say and passes unchanged; see the room's header.
//! `::stop-commands::` was refused: its token would have to stay secret from the tasks, and a run that is
//! killed would leave commands off for the rest of the job.

use std::borrow::Cow;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_become_text() {
        assert_eq!(no_command("::add-path::/evil"), ": :add-path::/evil");
        assert_eq!(no_command("  \u{a0}::set-env name=A::b"), "  \u{a0}: :set-env name=A::b");
        assert_eq!(no_command("tag ##[add-path]/evil"), "tag ## [add-path]/evil");
        assert_eq!(no_command(":::error::"), ": ::error::");
    }

    #[test]
    fn other_lines_stay() {
        assert_eq!(no_command("error[envloom::tool::missing]: x"), "error[envloom::tool::missing]: x");
    }
}
