//! The verbs that are no targets: which one a call means, and what it does.

use super::absorb;
use super::add;
use super::affected;
use super::args::Arguments;
use super::cache;
use super::call::Call;
use super::cell;
use super::complete;
use super::diff;
use super::doctor;
use super::eject;
use super::error::CliError;
use super::export;
use super::fetch;
use super::graph;
use super::import;
use super::load::Stop;
use super::man;
use super::matrix;
use super::outdated;
use super::output::Output;
use super::pin;
use super::promote;
use super::resolve;
use super::show;
use super::surroundings::Process;
use super::targets;
use super::vocabulary::VERBS;
use super::watch;

/// A verb and the words after it.
pub(super) struct Verb<'a> {
    name: &'static str,
    usage: &'static str,
    words: &'a [String],
}

/// The verb of a call, if its first word is one.
pub(super) fn of(arguments: &Arguments) -> Option<Verb<'_>> {
    let (first, words) = arguments.words.split_first()?;
    let (name, usage, _) = VERBS.iter().find(|(name, ..)| name == first)?;
    Some(Verb { name, usage, words })
}

/// Does the call run targets, with the options that belong to them?
pub(super) fn runs_targets(arguments: &Arguments) -> bool {
    of(arguments).is_none_or(|verb| ["task", "watch"].contains(&verb.name))
}

impl Verb<'_> {
    /// Does it leave even what was cut off as it is, and say so instead?
    pub(super) fn only_reads(&self, arguments: &Arguments) -> bool {
        self.name == "doctor" && !arguments.fix
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When its words or the repository do not allow it.
    pub(super) fn carry_out(
        &self,
        process: &Process,
        arguments: &Arguments,
        output: &Output,
    ) -> Result<u8, Stop> {
        self.check_options(arguments)?;
        match self.name {
            "help" => Ok(Output::data(&Arguments::table().render_help().to_string())),
            "version" => Ok(Output::data(concat!("envloom ", env!("CARGO_PKG_VERSION"), "\n"))),
            "man" => {
                self.no_words()?;
                let page = man::page();
                Ok(Output::data(&page.map_err(|cause| CliError::Internal { what: cause.to_string() })?))
            }
            "completions" => match self.words {
                [shell] if complete::script(shell).is_some() => {
                    Ok(Output::data(complete::script(shell).unwrap_or_default()))
                }
                _ => Err(self.wrong("takes one of bash, zsh, fish").into()),
            },
            "cache" => match self.words {
                [word] => match cache::Word::read(word) {
                    Some(word) => cache::carry_out(&Call::read(process, arguments)?, word, output),
                    None => Err(self.wrong("takes one of dir, size, prune, clean").into()),
                },
                _ => Err(self.wrong("takes one of dir, size, prune, clean").into()),
            },
            "import" | "init" | "absorb" | "eject" | "pin" | "promote" | "add" | "remove" | "resolve" => {
                self.write(process, arguments, output)
            }
            "list" => {
                self.no_words()?;
                Ok(show::list(&Call::read(process, arguments)?, output))
            }
            "graph" => graph::graph(&Call::read(process, arguments)?, self.words, output),
            "watch" => watch::watch(process, arguments, self.words, output),
            "affected" => affected::list(process, arguments, self.words, output),
            "diff" => diff::diff(process, arguments, self.words, output),
            "outdated" => outdated::outdated(&Call::read(process, arguments)?, self.words, output),
            "fetch" => fetch::fetch(&Call::read(process, arguments)?, self.words, output),
            "doctor" => {
                self.no_words()?;
                doctor::carry_out(process, arguments, output)
            }
            "matrix" => matrix::matrix(&Call::read(process, arguments)?, self.words, output),
            "explain" if self.words.is_empty() => Err(self.wrong("needs a target").into()),
            "explain" => show::explain(Call::read(process, arguments)?, self.words, output),
            "export" => match self.words.split_first().map(|(what, rest)| (what.as_str(), rest)) {
                Some(("make", targets)) => export::make(process, arguments, targets),
                Some(("pre-commit", [])) => export::pre_commit(process, arguments),
                _ => Err(self.wrong("takes `make` and targets, or `pre-commit`").into()),
            },
            "task" => match self.words {
                [_] => targets::run(process, arguments, output, self.words),
                _ => Err(self.wrong("takes the name of one own task").into()),
            },
            "use" => cell::point(self.cell(process, arguments)?, self.words, output),
            "env" => cell::exports(self.cell(process, arguments)?, self.words, output),
            _ if arguments.trailing.is_empty() => Err(self.wrong("needs a command after `--`").into()),
            _ => cell::run(self.cell(process, arguments)?, self.words, output),
        }
    }

    /// The verbs that write `tasks.kdl` or the record.
    fn write(&self, process: &Process, arguments: &Arguments, output: &Output) -> Result<u8, Stop> {
        match self.name {
            "import" => {
                self.no_words()?;
                import::import(process, arguments, output)
            }
            "init" => {
                self.no_words()?;
                import::init(process, arguments, output)
            }
            "resolve" => {
                self.no_words()?;
                resolve::carry_out(process, arguments, output)
            }
            "absorb" => match self.words {
                [_] => absorb::carry_out(&Call::read(process, arguments)?, self.words, output),
                _ => Err(self.wrong("takes one environment").into()),
            },
            "promote" => match self.words {
                [_, _] => promote::carry_out(&Call::read(process, arguments)?, self.words, output),
                _ => Err(self.wrong("takes two environments").into()),
            },
            "pin" => match self.words {
                [_, _, _] | [_, _, _, _] => {
                    pin::carry_out(&Call::read(process, arguments)?, self.words, output)
                }
                _ => Err(self.wrong("takes an environment, a package and a tag").into()),
            },
            "add" | "remove" if self.words.first().is_some_and(|word| word == "package") => {
                self.package(process, arguments, output)
            }
            "add" | "remove" if arguments.adding.git.is_some() => {
                Err(CliError::OptionWithoutUse { option: "--git", belongs_to: "`add package NAME`" }.into())
            }
            "add" | "remove" if arguments.adding.keep_files => {
                let belongs_to = "`remove package NAME`";
                Err(CliError::OptionWithoutUse { option: "--keep-files", belongs_to }.into())
            }
            "add" | "remove" if self.words.is_empty() => Err(self.wrong("takes requirements").into()),
            "add" => add::add(&Call::read(process, arguments)?, self.words, output),
            "remove" => add::remove(&Call::read(process, arguments)?, self.words, output),
            _ => match self.words {
                [] | [_] => eject::carry_out(&Call::read(process, arguments)?, self.words, output),
                _ => Err(self.wrong("takes one environment, or none for all").into()),
            },
        }
    }

    /// `add package NAME` and `remove package NAME`.
    fn package(&self, process: &Process, arguments: &Arguments, output: &Output) -> Result<u8, Stop> {
        let adding = &arguments.adding;
        let is_added = self.name == "add";
        let misplaced = if is_added {
            adding.keep_files.then_some(("--keep-files", "`remove package NAME`"))
        } else {
            adding.git.is_some().then_some(("--git", "`add package NAME`"))
        };
        let option = adding.of_requirements();
        let option = option.or((!arguments.package.is_empty()).then_some("--package"));
        if let Some((option, belongs_to)) = option.map(|option| (option, "`add REQUIREMENT…`")).or(misplaced)
        {
            return Err(CliError::OptionWithoutUse { option, belongs_to }.into());
        }
        let [_, name] = self.words else {
            let usage = if is_added {
                "envloom add package NAME --git URL [--path PATH] [--tag TAG]"
            } else {
                "envloom remove package NAME [--keep-files]"
            };
            let (verb, problem) = (format!("{} package", self.name), "takes one name".to_owned());
            return Err(CliError::VerbWords { verb, problem, usage: usage.to_owned() }.into());
        };
        let call = Call::read(process, arguments)?;
        if is_added {
            add::add_package(&call, name, output)
        } else {
            add::remove_package(&call, name, output)
        }
    }

    /// The call of a verb that works on one cell.
    fn cell<'a>(&self, process: &'a Process, arguments: &'a Arguments) -> Result<Call<'a>, Stop> {
        let words = self.words.iter().filter(|word| !word.contains('=') || word.contains('@')).count();
        if words > 1 {
            return Err(self.wrong("takes one cell").into());
        }
        Call::read(process, arguments)
    }

    fn no_words(&self) -> Result<(), CliError> {
        if self.words.is_empty() { Ok(()) } else { Err(self.wrong("takes no words")) }
    }

    /// Options of targets say nothing to a verb.
    fn check_options(&self, arguments: &Arguments) -> Result<(), CliError> {
        let words_after = !arguments.trailing.is_empty() && !["run", "task", "watch"].contains(&self.name);
        let runs = ["task", "watch"].contains(&self.name);
        let is_narrowed = ["task", "affected"].contains(&self.name);
        let targets_only: [(bool, &'static str); 14] = [
            (arguments.since.is_some() && !is_narrowed && self.name != "diff", "--since"),
            (arguments.affected && !is_narrowed, "--affected"),
            (arguments.ignore_errors && !runs, "--ignore-errors"),
            (arguments.load.is_some() && !runs, "--load-average"),
            (arguments.output_sync.is_some() && !runs, "--output-sync"),
            (arguments.question && !runs, "--question"),
            (arguments.trace && !runs, "--trace"),
            (arguments.touch && !runs, "--touch"),
            (!arguments.what_if.is_empty() && !runs, "--what-if"),
            (!arguments.old_file.is_empty() && !runs, "--old-file"),
            (arguments.upgrade, "--upgrade"),
            (!arguments.upgrade_package.is_empty(), "--upgrade-package"),
            (arguments.discard && self.name != "resolve", "--discard"),
            (arguments.take_over, "--take-over"),
        ];
        if let Some((_, option)) = targets_only.into_iter().find(|(given, _)| *given) {
            return Err(CliError::OptionWithoutUse { option, belongs_to: "targets" });
        }
        let generates =
            ["pin", "promote", "add", "remove", "resolve", "watch", "task", "explain"].contains(&self.name);
        if !arguments.accept_moved.is_empty() && !generates {
            let belongs_to = "`generate`, `lock` and the verbs that do these";
            return Err(CliError::OptionWithoutUse { option: "--accept-moved", belongs_to });
        }
        for (given, option) in [(arguments.restart, "--restart"), (arguments.poll, "--poll")] {
            if given && self.name != "watch" {
                return Err(CliError::OptionWithoutUse { option, belongs_to: "`watch`" });
            }
        }
        let is_adding = ["add", "remove"].contains(&self.name);
        let of_promote = arguments.of_promote().filter(|(option, _)| !(is_adding && *option == "--package"));
        if let Some((option, belongs_to)) = of_promote.filter(|_| self.name != "promote") {
            return Err(CliError::OptionWithoutUse { option, belongs_to });
        }
        if let Some(option) = arguments.adding.given().filter(|_| !is_adding) {
            return Err(CliError::OptionWithoutUse { option, belongs_to: "`add` and `remove`" });
        }
        if arguments.cells && self.name != "list" {
            return Err(CliError::OptionWithoutUse { option: "--cells", belongs_to: "`list`" });
        }
        if arguments.format.is_some() && !["graph", "diff"].contains(&self.name) {
            return Err(CliError::OptionWithoutUse { option: "--format", belongs_to: "`graph` and `diff`" });
        }
        if arguments.fix && self.name != "doctor" {
            return Err(CliError::OptionWithoutUse { option: "--fix", belongs_to: "`doctor`" });
        }
        if arguments.exit_code && !["diff", "outdated"].contains(&self.name) {
            let belongs_to = "`diff` and `outdated`";
            return Err(CliError::OptionWithoutUse { option: "--exit-code", belongs_to });
        }
        if words_after { Err(self.wrong("takes no words after `--`")) } else { Ok(()) }
    }

    fn wrong(&self, problem: &str) -> CliError {
        CliError::VerbWords {
            verb: self.name.to_owned(),
            problem: problem.to_owned(),
            usage: format!("envloom {} {}", self.name, self.usage).trim_end().to_owned(),
        }
    }
}
