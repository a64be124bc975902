//! What a call means: the repository, its models, and the tasks that its words select.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::args::{Arguments, shown};
use super::error::CliError;
use super::load::{self, Stop};
use super::locate::{Place, enter, locate};
use super::pin::unknown_package;
use super::prepare::Ground;
use super::state;
use super::surroundings::Process;
use crate::base::{SourceFile, Spanned};
use crate::cache::Observer;
use crate::graph::{
    AskDriver, Declared, GraphError, Kind, Selection, Task, TaskGraph, TaskGraphBuilder, TaskKey, Words,
    nothing_to_do, select,
};
use crate::manifest::Disposition;
use crate::model::{LocalModel, Model, OwnTask};
use crate::plan::Wishes;
use crate::tool::driver;

/// A call that has found its repository and read its configuration.
pub(super) struct Call<'a> {
    /// What the process was started with.
    pub(super) process: &'a Process,
    /// What the command line says.
    pub(super) arguments: &'a Arguments,
    /// Where the repository is.
    pub(super) place: Place,
    /// What `tasks.kdl` means.
    pub(super) model: Model,
    /// What `tasks.local.kdl` means.
    pub(super) local: Option<LocalModel>,
    /// The words after `--` that are uv's; a verb's own are not.
    pub(super) for_uv: Vec<String>,
    /// What was read so far.
    pub(super) observer: Observer,
    /// What [`Call::driver`] found.
    driver: OnceLock<driver::Seen>,
}

/// The tasks of a call.
pub(super) struct Chosen {
    /// The targets as typed, or as `default` gives them.
    pub(super) targets: Vec<String>,
    /// Did `default` give them?
    pub(super) by_default: bool,
    /// What they select.
    pub(super) selection: Selection,
    /// That with all it waits for.
    pub(super) graph: TaskGraph,
}

/// Finds the repository of a call.
///
/// # Errors
/// When there is none.
pub(super) fn place_of(
    process: &Process,
    arguments: &Arguments,
    observer: &Observer,
) -> Result<Place, CliError> {
    let here: PathBuf = enter(&process.surroundings.cwd, &arguments.directory)?;
    locate(&here, arguments.file.as_deref(), observer)
}

impl<'a> Call<'a> {
    /// Reads the configuration.
    ///
    /// # Errors
    /// When there is none, or it has mistakes.
    pub(super) fn read(process: &'a Process, arguments: &'a Arguments) -> Result<Self, Stop> {
        let observer = Observer::new();
        let place = place_of(process, arguments, &observer)?;
        Self::at(process, arguments, place, observer)
    }

    /// The same for a repository that was found.
    ///
    /// # Errors
    /// When its configuration has mistakes.
    pub(super) fn at(
        process: &'a Process,
        arguments: &'a Arguments,
        place: Place,
        observer: Observer,
    ) -> Result<Self, Stop> {
        state::refuse_foreign(&place)?;
        Self::of(process, arguments, place, observer)
    }

    /// The same where nothing is read of the state directory, whosever it is.
    ///
    /// # Errors
    /// When its configuration has mistakes.
    pub(super) fn of(
        process: &'a Process,
        arguments: &'a Arguments,
        place: Place,
        observer: Observer,
    ) -> Result<Self, Stop> {
        let (model, local) = load::models(&place, &process.surroundings, &observer)?;
        let for_uv = arguments.trailing.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        Ok(Self { process, arguments, place, model, local, for_uv, observer, driver: OnceLock::new() })
    }

    /// The tasks that `words` select. `lead` is the verb before them.
    ///
    /// # Errors
    /// When a word means nothing, or nothing was asked for.
    pub(super) fn choose(&self, lead: &str, words: &[String]) -> Result<Chosen, Stop> {
        let ask = || self.driver();
        let (words, by_default) = self.words(lead, words, AskDriver(&ask))?;
        let selection = select(&self.model, self.local.as_ref(), &words)?;
        let graph = TaskGraphBuilder::new()
            .with_selection(&self.model, self.local.as_ref(), &words, &selection)?
            .seal(&self.model, self.local.as_ref())?;
        let targets = words.targets.into_iter().map(|target| target.value).collect();
        Ok(Chosen { targets, by_default, selection, graph })
    }

    /// The words of the command line, or those of `default`.
    fn words<'w>(
        &self,
        lead: &str,
        words: &[String],
        driver: AskDriver<'w>,
    ) -> Result<(Words<'w>, bool), GraphError> {
        let typed = shown(lead, words);
        let (source, targets, by_default) = if typed.targets.is_empty() {
            let (source, targets) = self.default();
            if targets.is_empty() {
                return Err(nothing_to_do(&self.model));
            }
            (source, targets, true)
        } else {
            (SourceFile::new("command line", typed.text), typed.targets, false)
        };
        let words = Words {
            source,
            targets,
            assignments: typed.assignments,
            directory: self.place.directory.clone(),
            torch_backend: self.process.variable("UV_TORCH_BACKEND"),
            driver,
        };
        Ok((words, by_default))
    }

    fn default(&self) -> (SourceFile, Vec<Spanned<String>>) {
        match &self.local {
            Some(local) if !local.default.is_empty() => (local.source.clone(), local.default.clone()),
            _ => (self.model.source.clone(), self.model.default.clone()),
        }
    }

    /// The words for the one cell of a verb.
    pub(super) fn cell_words<'w>(&self, lead: &str, words: &[String], driver: AskDriver<'w>) -> Words<'w> {
        let typed = shown(lead, words);
        Words {
            source: SourceFile::new("command line", typed.text),
            targets: typed.targets,
            assignments: typed.assignments,
            directory: self.place.directory.clone(),
            torch_backend: self.process.variable("UV_TORCH_BACKEND"),
            driver,
        }
    }

    /// The NVIDIA driver of this machine, looked for when it is first asked for.
    pub(super) fn driver(&self) -> driver::Seen {
        let look = || {
            let (surroundings, root) = (&self.process.surroundings, &self.place.home);
            // A program that comes to lie on PATH would be asked.
            for path in driver::watched(surroundings, root) {
                // A place that cannot be looked at holds no program that could be started.
                drop(self.observer.stat(&path));
            }
            let search = driver::Search {
                surroundings,
                root,
                patience: driver::PATIENCE,
                read: &|path| self.observer.read(path),
                starting: &|| self.observer.look_beyond_files(),
            };
            search.look()
        };
        self.driver.get_or_init(look).clone()
    }

    /// Options that belong to a verb, where targets are run.
    fn check_options_of_verbs(&self) -> Result<(), CliError> {
        let arguments = self.arguments;
        for (given, option, belongs_to) in [
            (arguments.cells, "--cells", "`list`"),
            (arguments.format.is_some(), "--format", "`graph` and `diff`"),
            (arguments.fix, "--fix", "`doctor`"),
            (arguments.exit_code, "--exit-code", "`diff` and `outdated`"),
        ] {
            if given {
                return Err(CliError::OptionWithoutUse { option, belongs_to });
            }
        }
        if let Some((option, belongs_to)) = arguments.of_promote() {
            return Err(CliError::OptionWithoutUse { option, belongs_to });
        }
        for (given, option) in [(arguments.restart, "--restart"), (arguments.poll, "--poll")] {
            // `watch` is the first word of what is run here, too.
            if given && arguments.words.first().is_none_or(|word| word != "watch") {
                return Err(CliError::OptionWithoutUse { option, belongs_to: "`watch`" });
            }
        }
        if let Some(option) = arguments.adding.given() {
            return Err(CliError::OptionWithoutUse { option, belongs_to: "`add` and `remove`" });
        }
        Ok(())
    }

    /// Options that say nothing to the tasks of this call are mistakes, not noise.
    ///
    /// # Errors
    /// The first such option.
    pub(super) fn check_options(&self, chosen: &Chosen) -> Result<(), CliError> {
        let has = |kind: Kind| chosen.graph.tasks().iter().any(|task| task.key.kind() == kind);
        let asked = &chosen.selection.keys;
        let arguments = self.arguments;
        self.check_options_of_verbs()?;
        let upgrades = arguments.upgrade || !arguments.upgrade_package.is_empty();
        if upgrades && !asked.iter().any(|key| key.kind() == Kind::Lock) {
            return Err(CliError::OptionWithoutUse { option: "--upgrade", belongs_to: "`lock`" });
        }
        for (given, option) in [(arguments.discard, "--discard"), (arguments.take_over, "--take-over")] {
            if given && !has(Kind::Generate) {
                return Err(CliError::OptionWithoutUse { option, belongs_to: "`generate` and `lock`" });
            }
        }
        if !arguments.accept_moved.is_empty() && !has(Kind::Generate) {
            let (option, belongs_to) = ("--accept-moved", "`generate` and `lock`");
            return Err(CliError::OptionWithoutUse { option, belongs_to });
        }
        let is_known = |name: &&String| {
            self.model.packages.iter().any(|package| package.name.value.as_str() == name.as_str())
        };
        if let Some(name) = arguments.accept_moved.iter().find(|name| !is_known(name)) {
            return Err(unknown_package(&self.model, "--accept-moved", name));
        }
        for (given, option) in
            [(!arguments.what_if.is_empty(), "--what-if"), (!arguments.old_file.is_empty(), "--old-file")]
        {
            if given && !has(Kind::Own) {
                return Err(CliError::OptionWithoutUse { option, belongs_to: "own tasks" });
            }
        }
        let is_interactive = |task: &Task| matches!(&task.key, TaskKey::Own(key) if self.own_task(key.task).is_some_and(|task| task.interactive));
        if arguments.json && chosen.graph.tasks().iter().any(is_interactive) {
            let belongs_to = "calls without interactive tasks, which write to standard output themselves";
            return Err(CliError::OptionWithoutUse { option: "--json", belongs_to });
        }
        let own = asked.iter().filter(|key| key.kind() == Kind::Own).count();
        let takes = |key: &TaskKey| matches!(key.kind(), Kind::Lock | Kind::Sync) || own == 1;
        if !arguments.trailing.is_empty() && !asked.iter().all(takes) {
            return Err(CliError::ArgumentsWithoutUse);
        }
        Ok(())
    }

    /// May no tracked file be written?
    pub(super) fn is_locked(&self) -> bool {
        let in_ci = self.process.variable("CI").is_some_and(|value| value != "0" && value != "false");
        self.arguments.locked || (in_ci && !self.arguments.no_locked)
    }

    /// The declaration of an own task.
    fn own_task(&self, declared: Declared) -> Option<&OwnTask> {
        match declared {
            Declared::Shared(at) => self.model.tasks.get(at),
            Declared::Private(at) => self.local.as_ref()?.tasks.get(at),
        }
    }

    /// Everything that the premises of `chosen` are made from.
    pub(super) fn ground(
        self,
        chosen: &Chosen,
        read_only: bool,
        progress: &'a (dyn Fn(&str) + Sync),
    ) -> Ground<'a> {
        let arguments = self.arguments;
        let locked = self.is_locked();
        let environments: BTreeSet<_> = chosen
            .graph
            .tasks()
            .iter()
            .filter(|task| task.key.kind() == Kind::Generate)
            .filter_map(|task| task.key.environment())
            .collect();
        let keys: BTreeSet<&TaskKey> = chosen.selection.keys.iter().collect();
        let asked = chosen.graph.tasks().iter().enumerate();
        let asked = asked.filter(|(_, task)| keys.contains(&task.key)).map(|(place, _)| place);
        let wishes = Wishes {
            force: arguments.always_make,
            ignore_errors: arguments.ignore_errors,
            touch: arguments.touch,
            new_files: self.place.inner(&self.process.surroundings.cwd, &arguments.what_if),
            old_files: self.place.inner(&self.process.surroundings.cwd, &arguments.old_file),
            locked,
            offline: arguments.offline,
            upgrade: arguments.upgrade,
            // uv keeps the commit of a tag it has locked until it is told to look again.
            upgrade_packages: arguments
                .upgrade_package
                .iter()
                .chain(&arguments.accept_moved)
                .cloned()
                .collect(),
            arguments: self.for_uv,
            asked: asked.collect(),
        };
        let disposition = match (arguments.discard, arguments.take_over) {
            (true, true) => Disposition::DiscardAndTakeOver,
            (true, false) => Disposition::Discard,
            (false, true) => Disposition::TakeOver,
            (false, false) => Disposition::Stop,
        };
        Ground {
            place: self.place,
            surroundings: &self.process.surroundings,
            model: self.model,
            local: self.local,
            wishes,
            disposition: (disposition, environments),
            read_only,
            accept_moved: arguments.accept_moved.clone(),
            watching: false,
            observer: self.observer,
            progress,
        }
    }
}
