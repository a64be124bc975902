//! Running programs in the monorepo's surroundings: envloom, uv, git, anything.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use super::monorepo::Monorepo;
use super::ran::Ran;
use super::running::Running;
use super::{machine, uv};

/// The program under test.
pub(crate) const ENVLOOM: &str = env!("CARGO_BIN_EXE_envloom");

impl Monorepo {
    /// Runs envloom to its end. The line is split at spaces; quotes and backslashes hold words
    /// together, as in a shell. `[ROOT]` and its like are filled in.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.spawn(line).wait()
    }

    /// Runs envloom with arguments as they are.
    #[track_caller]
    pub(crate) fn run_args<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ran {
        self.start("envloom", Path::new(ENVLOOM), arguments, Stdio::null()).wait()
    }

    /// Starts envloom and leaves it running.
    #[track_caller]
    pub(crate) fn spawn(&self, line: &str) -> Running {
        self.start("envloom", Path::new(ENVLOOM), &split(&self.fill(line)), Stdio::null())
    }

    /// Runs the real uv itself.
    #[track_caller]
    pub(crate) fn uv(&self, arguments: &[&str]) -> Ran {
        self.start("uv", uv::real(), arguments, Stdio::null()).wait()
    }

    /// Runs the real git itself.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> Ran {
        self.start("git", machine::git(), arguments, Stdio::null()).wait()
    }

    /// Runs git with a file as its standard input.
    #[track_caller]
    pub(super) fn git_with_input(&self, arguments: &[&str], input: File) -> Ran {
        self.start("git", machine::git(), arguments, input.into()).wait()
    }

    /// Runs any program: a name is looked up on the PATH of the surroundings.
    #[track_caller]
    pub(crate) fn exec(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Ran {
        self.spawn_program(program, arguments).wait()
    }

    /// Starts any program and leaves it running.
    #[track_caller]
    pub(crate) fn spawn_program(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Running {
        let arguments: Vec<String> = arguments.iter().map(|argument| self.fill(argument)).collect();
        let program = program.as_ref();
        self.start(&program.to_string_lossy(), program, &arguments, Stdio::null())
    }

    /// A command in these surroundings that writes no report, for whoever starts and measures it.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, arguments: &[A]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.path("").join(&self.view.directory))
            .env_clear()
            .envs(self.environment())
            .stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn start<A: AsRef<OsStr>>(&self, name: &str, program: &Path, arguments: &[A], stdin: Stdio) -> Running {
        let events = self.next_events_file();
        let words = arguments.iter().map(|argument| argument.as_ref().to_string_lossy());
        let line = std::iter::once(name.into()).chain(words).collect::<Vec<_>>().join(" ");
        let mut command = self.command(program, arguments);
        command.env("ENVLOOM_EVENTS", &events).stdin(stdin);
        Running::start(self.clone(), line, command, events)
    }
}

/// Splits a command line into words, as a shell does without expanding anything.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    assert!(quote.is_none(), "a quote is left open in `{line}`");
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_line_is_split_as_a_shell_would() {
        assert_eq!(split(r#" -j4  "a b"c 'd "e' f\ g '' "#), ["-j4", "a bc", "d \"e", "f g", ""]);
        assert!(split("  ").is_empty());
    }
}
