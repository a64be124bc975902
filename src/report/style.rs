//! Colours and characters: what the surroundings allow, and how a text is painted.
//!
//! Everything is decided by pure functions over variables that `cli` read. Messages make sense without
//! colour: a mark or a colour never says what no word says.

use crate::event::TaskResult;

/// What the stream for messages can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// May colours be used?
    pub(crate) color: bool,
    /// Does the locale show characters beyond ASCII?
    pub(crate) unicode: bool,
    /// Is it a terminal? Decides whether diagnostics are drawn or written.
    pub(crate) terminal: bool,
    /// Columns.
    pub(crate) width: usize,
}

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ColorChoice {
    /// As the variables and the terminal say.
    #[default]
    Auto,
    /// Whatever they say.
    Always,
    /// No colours.
    Never,
}

/// May a stream be coloured? The choice, then `NO_COLOR`, `FORCE_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR=0`,
/// `TERM=dumb`, then whether it is a terminal. `NO_COLOR` beats `FORCE_COLOR`, as in uv.
pub(crate) fn color(choice: ColorChoice, variable: impl Fn(&str) -> Option<String>, terminal: bool) -> bool {
    let on = |name: &str| variable(name).map(|value| !value.is_empty() && value != "0");
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        // Any value but the empty one counts, "0" too: https://no-color.org.
        ColorChoice::Auto if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
        ColorChoice::Auto => match (on("FORCE_COLOR"), on("CLICOLOR_FORCE")) {
            (Some(forced), _) => forced,
            (None, Some(true)) => true,
            (None, _) => terminal && on("CLICOLOR") != Some(false) && !dumb(&variable),
        },
    }
}

/// Does the locale use UTF-8? The first of `LC_ALL`, `LC_CTYPE`, `LANG` that is not empty decides.
pub(crate) fn unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty())
        .is_some_and(|value| value.to_lowercase().replace('-', "").contains("utf8"))
}

/// Does `CI` say that nobody watches?
pub(crate) fn in_ci(variable: impl Fn(&str) -> Option<String>) -> bool {
    variable("CI").is_some_and(|value| !matches!(value.to_lowercase().as_str(), "" | "0" | "false" | "no"))
}

/// Does GitHub's runner read the lines?
pub(crate) fn in_github(variable: impl Fn(&str) -> Option<String>) -> bool {
    variable("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Can this terminal move its cursor?
pub(super) fn dumb(variable: impl Fn(&str) -> Option<String>) -> bool {
    variable("TERM").is_some_and(|value| value == "dumb")
}

/// What a colour is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Good,
    Bad,
    Warning,
    Strong,
    Faint,
}

impl Style {
    /// Plain text of a usual width.
    #[must_use]
    pub(crate) fn plain() -> Self {
        Self { color: false, unicode: false, terminal: false, width: 100 }
    }

    /// The text in the colour of its role, or as it is.
    pub(super) fn paint(self, role: Role, text: &str) -> String {
        let code = match role {
            Role::Good => "32",
            Role::Bad => "1;31",
            Role::Warning => "33",
            Role::Strong => "1",
            Role::Faint => "2",
        };
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// The sign before a task's line.
    pub(super) fn mark(self, result: TaskResult) -> String {
        let (role, unicode, ascii) = match result {
            TaskResult::Ran | TaskResult::Touched => (Role::Good, "✓", "+"),
            TaskResult::Fresh => (Role::Faint, "=", "="),
            TaskResult::Restored => (Role::Good, "↺", "<"),
            TaskResult::WouldRun => (Role::Warning, "~", "~"),
            TaskResult::Failed => (Role::Bad, "✗", "x"),
            TaskResult::Skipped => (Role::Faint, "-", "-"),
        };
        self.paint(role, if self.unicode { unicode } else { ascii })
    }

    /// The sign for something left out.
    pub(super) fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    fn auto(variables: &[(&str, &str)], terminal: bool) -> bool {
        color(ColorChoice::Auto, given(variables), terminal)
    }

    #[test]
    fn the_option_beats_every_variable() {
        assert!(color(ColorChoice::Always, given(&[("NO_COLOR", "1")]), false));
        assert!(!color(ColorChoice::Never, given(&[("FORCE_COLOR", "1")]), true));
    }

    #[test]
    fn variables_decide_in_a_fixed_order() {
        assert!(auto(&[], true));
        assert!(!auto(&[], false));
        assert!(!auto(&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], true));
        assert!(auto(&[("NO_COLOR", "")], true), "an empty NO_COLOR says nothing");
        assert!(auto(&[("FORCE_COLOR", "1"), ("TERM", "dumb")], false));
        assert!(!auto(&[("FORCE_COLOR", "0")], true));
        assert!(auto(&[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0")], false));
        assert!(!auto(&[("CLICOLOR", "0")], true));
        assert!(!auto(&[("TERM", "dumb")], true));
    }

    #[test]
    fn the_locale_decides_the_characters() {
        assert!(unicode(given(&[("LANG", "de_DE.UTF-8")])));
        assert!(unicode(given(&[("LANG", "C.utf8")])));
        assert!(!unicode(given(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")])));
        assert!(unicode(given(&[("LC_ALL", ""), ("LANG", "en_US.UTF-8")])));
        assert!(!unicode(given(&[])));
    }

    #[test]
    fn ci_and_github_are_recognised() {
        assert!(in_ci(given(&[("CI", "true")])));
        assert!(!in_ci(given(&[("CI", "false")])));
        assert!(!in_ci(given(&[])));
        assert!(in_github(given(&[("GITHUB_ACTIONS", "true")])));
    }
}
