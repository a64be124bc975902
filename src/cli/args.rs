//! The command line: make's habits first, then one flat table of options.
//!
//! Options may stand anywhere before `--`, as with make. The first word decides: a verb (`list`, `run` …)
//! takes the words after it, anything else is a target or `VAR=VALUE`.

mod adding;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, CommandFactory as _, Parser, ValueEnum};

use super::habits::normalise;
use super::vocabulary::AFTER_HELP;
use crate::base::Spanned;
use crate::graph::Assignment;
use crate::tool::make::{Limit, MakeFlags};

pub(crate) use adding::{Adding, NewRole};

/// Everything a call says. The doc comments are the text of `--help`.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "envloom",
    version,
    about = "Keeps the environments of a Python monorepo built on uv: manifests, lockfiles, checks and venvs",
    disable_help_subcommand = true,
    disable_help_flag = true,
    override_usage = "envloom [OPTIONS] [TARGET…] [VAR=VALUE…] [-- ARGS…]\n       envloom [OPTIONS] VERB [WORD…]",
    after_help = AFTER_HELP,
    max_term_width = 100
)]
#[expect(clippy::struct_excessive_bools, reason = "clap makes one of each flag")]
pub(super) struct Arguments {
    /// Targets, VAR=VALUE words, or a verb and its words
    #[arg(value_name = "TARGET")]
    pub(crate) words: Vec<String>,
    /// Words for the one own task, for uv in `lock` and `sync`, or the command of `run`
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) trailing: Vec<OsString>,

    /// Run N tasks at once; a lone -j: as many as there are; also a share of the cores, 50%
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, overrides_with = "jobs")]
    pub(crate) jobs: Option<Jobs>,
    /// Start nothing more while others run and the load average is LOAD or above; a lone -l: no limit
    #[arg(short, long = "load-average", alias = "max-load", value_name = "LOAD", value_parser = parse_load)]
    #[arg(overrides_with = "load")]
    pub(crate) load: Option<Load>,
    /// Go on with whatever does not depend on a failure
    #[arg(short, long)]
    pub(crate) keep_going: bool,
    /// Go on as if steps of own tasks that fail had succeeded
    #[arg(short, long)]
    pub(crate) ignore_errors: bool,
    /// Only the targets' tasks that rest on something that differs from revision REF, and what comes after such
    #[arg(long, value_name = "REF", conflicts_with = "affected")]
    pub(crate) since: Option<String>,
    /// The same since this branch left the default branch
    #[arg(long)]
    pub(crate) affected: bool,
    /// Say what would run and why; write and run nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Run nothing and say nothing; exit code 1 if anything would run
    #[arg(long)]
    pub(crate) question: bool,
    /// Run the targets' tasks even if they are up to date
    #[arg(short = 'B', long = "always-make")]
    pub(crate) always_make: bool,
    /// Own tasks: call them up to date as they are, and run nothing of theirs
    #[arg(short, long)]
    pub(crate) touch: bool,
    /// Own tasks: as if FILE, an input, had just been changed; may be repeated
    #[arg(short = 'W', long, value_name = "FILE", aliases = ["new-file", "assume-new"])]
    pub(crate) what_if: Vec<PathBuf>,
    /// Own tasks: as if FILE, an input, had not been changed; may be repeated
    #[arg(short, long, value_name = "FILE", alias = "assume-old")]
    pub(crate) old_file: Vec<PathBuf>,
    /// Act as if called in DIR
    #[arg(short = 'C', long, value_name = "DIR", action = ArgAction::Append)]
    pub(crate) directory: Vec<PathBuf>,
    /// Read FILE instead of the nearest tasks.kdl; its directory is the root
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Show what an own task prints whole, at its end; a lone -O: target
    #[arg(short = 'O', long, value_name = "TYPE", overrides_with = "output_sync")]
    pub(crate) output_sync: Option<OutputSync>,
    /// Say why each task runs, and every command line, as it begins
    #[arg(long)]
    pub(crate) trace: bool,
    /// Do not show the command lines that are run
    #[arg(short, long)]
    pub(crate) silent: bool,
    /// Say why each task runs or does not; twice: what they print, too
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but failures
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Write no tracked file: what would change is a failure. The default where CI is set
    #[arg(long, overrides_with = "no_locked")]
    pub(crate) locked: bool,
    /// Write tracked files although CI is set
    #[arg(long, overrides_with = "locked")]
    pub(crate) no_locked: bool,
    /// Use no network
    #[arg(long)]
    pub(crate) offline: bool,
    /// Fail instead of waiting for what another envloom holds
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Colour the output
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// Draw no status lines
    #[arg(long)]
    pub(crate) no_progress: bool,
    /// Write events, or a verb's answer, as JSON to standard output
    #[arg(long)]
    pub(crate) json: bool,

    /// Print this help
    #[arg(short, long, action = ArgAction::HelpShort)]
    pub(crate) help: Option<bool>,

    /// With lock: allow every locked version to change
    #[arg(long, help_heading = "Lock and generate")]
    pub(crate) upgrade: bool,
    /// With lock: allow the locked version of PACKAGE to change; may be repeated
    #[arg(long, value_name = "PACKAGE", help_heading = "Lock and generate")]
    pub(crate) upgrade_package: Vec<String>,
    /// With generate, lock and resolve: put back what tasks.kdl says where someone edited an entry by hand
    #[arg(long, help_heading = "Lock and generate")]
    pub(crate) discard: bool,
    /// With generate and lock: begin to write a manifest that exists and was never generated
    #[arg(long, help_heading = "Lock and generate")]
    pub(crate) take_over: bool,
    /// With whatever generates, as lock, pin, promote, add, remove and resolve do: believe where PACKAGE's tag leads now,
    /// although it was recorded elsewhere; may be repeated
    #[arg(long, value_name = "PACKAGE", help_heading = "Lock and generate")]
    pub(crate) accept_moved: Vec<String>,

    /// Where `add` puts something.
    #[command(flatten)]
    pub(crate) adding: Adding,

    /// With list: every cell of every environment
    #[arg(long, help_heading = "Verbs")]
    pub(crate) cells: bool,
    /// With promote: only PACKAGE; may be repeated. With add and remove: in the manifest of PACKAGE
    #[arg(
        long,
        value_name = "PACKAGE",
        help_heading = "Verbs",
        conflicts_with_all = ["environment", "variant"]
    )]
    pub(crate) package: Vec<String>,
    /// With promote: take the newest tag of PACKAGE although nobody has tested it; may be repeated
    #[arg(long, value_name = "PACKAGE", help_heading = "Verbs")]
    pub(crate) allow_untested: Vec<String>,
    /// With promote: commit what it writes
    #[arg(long, help_heading = "Verbs")]
    pub(crate) commit: bool,
    /// With watch: end a run that is going when something changes, and begin anew, instead of running again after it
    #[arg(long, help_heading = "Verbs")]
    pub(crate) restart: bool,
    /// With watch: look every second, where the file system tells of no changes (NFS and its like)
    #[arg(long, help_heading = "Verbs")]
    pub(crate) poll: bool,
    /// With graph and diff: how it is printed
    #[arg(long, value_name = "FORMAT", help_heading = "Verbs")]
    pub(crate) format: Option<Format>,
    /// With diff and outdated: exit code 1 if there is any difference, any newer tag
    #[arg(long, help_heading = "Verbs")]
    pub(crate) exit_code: bool,
    /// With doctor: mend what is safe to mend
    #[arg(long, help_heading = "Verbs")]
    pub(crate) fix: bool,
}

/// How many tasks run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jobs {
    /// So many.
    Count(usize),
    /// A share of the cores, in percent.
    Share(usize),
    /// As many as there are.
    Unlimited,
}

/// `-l`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Load {
    /// No limit, whatever `MAKEFLAGS` says.
    Any,
    /// Below this.
    Below(f64),
}

/// `-O`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputSync {
    /// Lines as they come, while one task speaks.
    None,
    /// A task's lines at its end.
    Target,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Also into pipes.
    Always,
    /// Never.
    Never,
}

/// How `graph` and `diff` print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Lines.
    Text,
    /// As with --json.
    Json,
    /// graph: Graphviz.
    Dot,
    /// graph: Mermaid, as GitHub and GitLab draw it in Markdown.
    Mermaid,
    /// graph: a drawing.
    Svg,
    /// diff: tables for a pull request.
    Markdown,
}

impl Arguments {
    /// Reads the command line, the program's name not among it.
    ///
    /// # Errors
    /// clap's, which also carries `--help` and `--version`.
    pub(super) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let words = normalise(words.into_iter().collect());
        Self::try_parse_from(std::iter::once(OsString::from("envloom")).chain(words))
    }

    /// The same with what `MAKEFLAGS` adds. The command line wins.
    #[must_use]
    pub(super) fn after_make(mut self, flags: &MakeFlags) -> Self {
        self.keep_going |= flags.keep_going;
        self.dry_run |= flags.dry_run;
        self.always_make |= flags.always_make;
        self.ignore_errors |= flags.ignore_errors;
        self.silent |= flags.silent;
        self.question |= flags.question;
        self.touch |= flags.touch;
        self.load = self.load.or_else(|| {
            flags.load.map(|load| match load {
                Limit::Absent => Load::Any,
                Limit::At(most) => Load::Below(most),
            })
        });
        let sync = |whole| if whole { OutputSync::Target } else { OutputSync::None };
        self.output_sync = self.output_sync.or_else(|| flags.output_sync.map(sync));
        self
    }

    /// The first option of `promote` that is given, and the verbs that know it.
    pub(super) fn of_promote(&self) -> Option<(&'static str, &'static str)> {
        let given = [
            (!self.package.is_empty(), ("--package", "`promote`, `add` and `remove`")),
            (!self.allow_untested.is_empty(), ("--allow-untested", "`promote`")),
            (self.commit, ("--commit", "`promote`")),
        ];
        given.into_iter().find(|(given, _)| *given).map(|(_, option)| option)
    }

    /// Does the call run nothing?
    pub(super) fn only_looks(&self) -> bool {
        self.dry_run || self.question
    }

    /// The table itself, for help and completion.
    pub(super) fn table() -> clap::Command {
        Self::command()
    }
}

pub(super) fn parse_jobs(text: &str) -> Result<Jobs, String> {
    let wrong = || "a number from 1, or a share of the cores such as 50%".to_owned();
    if text == "unlimited" {
        return Ok(Jobs::Unlimited);
    }
    let (number, share) = text.strip_suffix('%').map_or((text, false), |number| (number, true));
    let number = number.parse::<usize>().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    Ok(if share { Jobs::Share(number) } else { Jobs::Count(number) })
}

/// A load average.
pub(super) fn parse_load(text: &str) -> Result<Load, String> {
    if text == "none" {
        return Ok(Load::Any);
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.map(Load::Below).ok_or_else(|| "a load average such as 2.5".to_owned())
}

impl Jobs {
    /// How many that is on a machine of so many cores; at least one.
    pub(super) fn on(self, cores: usize) -> usize {
        match self {
            Self::Count(number) => number,
            Self::Share(percent) => (cores * percent / 100).max(1),
            Self::Unlimited => usize::MAX,
        }
    }
}

/// Words with their places in the command line as it is shown in errors.
pub(super) struct Shown {
    /// The command line, words joined by a space.
    pub(crate) text: String,
    /// Words that are no assignments.
    pub(crate) targets: Vec<Spanned<String>>,
    /// `VAR=VALUE` words.
    pub(crate) assignments: Vec<Assignment>,
}

/// Tells targets from `VAR=VALUE`, and remembers where each stands after `lead`, the verb if there is one.
pub(super) fn shown(lead: &str, words: &[String]) -> Shown {
    let mut shown = Shown { text: format!("envloom {lead}"), targets: Vec::new(), assignments: Vec::new() };
    for word in words {
        if !shown.text.ends_with(' ') {
            shown.text.push(' ');
        }
        let start = shown.text.len();
        shown.text.push_str(word);
        match assignment(word) {
            Some(name) => shown.assignments.push(Assignment {
                name: Spanned::new(name.to_owned(), (start, name.len())),
                value: Spanned::new(
                    word[name.len() + 1..].to_owned(),
                    (start + name.len() + 1, word.len() - name.len() - 1),
                ),
            }),
            None => shown.targets.push(Spanned::new(word.clone(), (start, word.len()))),
        }
    }
    shown
}

/// The name of `NAME=VALUE`: a letter or `_`, then letters, digits, `_` and `-`.
fn assignment(word: &str) -> Option<&str> {
    let (name, _) = word.split_once('=')?;
    let mut characters = name.chars();
    let first = characters.next()?;
    let fits = (first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    fits.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::vocabulary::VERBS;

    fn read(line: &str) -> Arguments {
        Arguments::read(line.split_whitespace().map(OsString::from)).unwrap()
    }

    #[test]
    fn a_lone_j_does_not_eat_the_target() {
        for (line, jobs, words) in [
            ("-j lock:prod", Some(Jobs::Unlimited), vec!["lock:prod"]),
            ("-j 4 lock:prod", Some(Jobs::Count(4)), vec!["lock:prod"]),
            ("-j4 lock:prod", Some(Jobs::Count(4)), vec!["lock:prod"]),
            ("-kj4 lock:prod", Some(Jobs::Count(4)), vec!["lock:prod"]),
            ("-kj lock:prod", Some(Jobs::Unlimited), vec!["lock:prod"]),
            ("lock:prod -j", Some(Jobs::Unlimited), vec!["lock:prod"]),
            ("--jobs 50% check", Some(Jobs::Share(50)), vec!["check"]),
            ("--jobs check", Some(Jobs::Unlimited), vec!["check"]),
            ("-j 4 -- -j", Some(Jobs::Count(4)), vec![]),
        ] {
            let read = read(line);
            assert_eq!(
                (read.jobs, read.words),
                (jobs, words.iter().map(ToString::to_string).collect()),
                "{line}"
            );
        }
        assert!(read("-kj4 lock").keep_going);
        assert_eq!(read("-j 4 -- -j x").trailing, ["-j", "x"]);
        assert_eq!(read("-fj").file, Some("j".into()));
    }

    #[test]
    fn a_lone_l_or_o_does_not_eat_the_target_either() {
        for (line, load, output_sync, words) in [
            ("-l lock", Some(Load::Any), None, vec!["lock"]),
            ("-l 2.5 lock", Some(Load::Below(2.5)), None, vec!["lock"]),
            ("-l2 lock", Some(Load::Below(2.0)), None, vec!["lock"]),
            ("--max-load=2 lock", Some(Load::Below(2.0)), None, vec!["lock"]),
            ("--load-average lock", Some(Load::Any), None, vec!["lock"]),
            ("-O lock", None, Some(OutputSync::Target), vec!["lock"]),
            ("-Onone lock", None, Some(OutputSync::None), vec!["lock"]),
            ("-O -O=none lock", None, Some(OutputSync::None), vec!["lock"]),
            ("--output-sync lock", None, Some(OutputSync::Target), vec!["lock"]),
            ("--output-sync=none", None, Some(OutputSync::None), vec![]),
        ] {
            let read = read(line);
            assert_eq!((read.load, read.output_sync), (load, output_sync), "{line}");
            assert_eq!(read.words, words, "{line}");
        }
        let cluster = read("-kiBO -nsl3 -vj2 x");
        assert!(cluster.keep_going && cluster.ignore_errors && cluster.always_make && cluster.dry_run);
        assert_eq!((cluster.load, cluster.jobs), (Some(Load::Below(3.0)), Some(Jobs::Count(2))));
        assert!(Arguments::read(["-l-1".into()]).is_err());
        assert!(Arguments::read(["-Oline".into()]).is_err());
    }

    #[test]
    fn the_command_line_wins_over_makeflags() {
        let flags = MakeFlags::parse("kinBsq -l3 -O -j7");
        let merged = read("-l -Onone -j2 x").after_make(&flags);
        assert!(merged.keep_going && merged.ignore_errors && merged.always_make && merged.silent);
        assert!(merged.dry_run && merged.question && merged.only_looks());
        assert_eq!((merged.load, merged.output_sync), (Some(Load::Any), Some(OutputSync::None)));
        assert_eq!(merged.jobs, Some(Jobs::Count(2)));
        let merged = read("x").after_make(&flags);
        assert_eq!((merged.load, merged.output_sync), (Some(Load::Below(3.0)), Some(OutputSync::Target)));
    }

    #[test]
    fn no_zero_jobs() {
        assert!(Arguments::read(["-j0".into()]).is_err());
        assert_eq!(Jobs::Share(50).on(2), 1);
        assert_eq!(Jobs::Share(10).on(2), 1);
    }

    #[test]
    fn a_variable_is_told_from_a_target() {
        let shown = shown("", &["lock".into(), "CUDA=cu124".into(), "sync@cuda=cpu".into(), "a/b=c".into()]);
        let targets: Vec<&str> = shown.targets.iter().map(|target| target.value.as_str()).collect();
        assert_eq!(targets, ["lock", "sync@cuda=cpu", "a/b=c"]);
        assert_eq!(shown.assignments[0].value.value, "cu124");
        let span = shown.assignments[0].value.span;
        assert_eq!(&shown.text[span.offset()..span.offset() + span.len()], "cu124");
    }

    #[test]
    fn the_help_names_every_verb() {
        for (verb, ..) in VERBS.iter().filter(|(verb, ..)| !["help", "version"].contains(verb)) {
            assert!(AFTER_HELP.contains(&format!("\n  {verb} ")), "{verb}");
        }
        Arguments::table().debug_assert();
    }
}
