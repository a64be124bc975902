//! A look: every task decided, nothing run or written, and all that was seen on the way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::args::Arguments;
use super::super::call::{Call, Chosen};
use super::super::load::{LOCAL_FILE, Stop};
use super::super::locate::Place;
use super::super::prepare::{self, Ground};
use super::super::surroundings::Process;
use crate::base::{Patterns, RelPath};
use crate::cache::{Observation, Observer};
use crate::graph::Kind;
use crate::ledger::FILE_NAME;
use crate::plan::{Premises, Rest, decide};

/// What a look found.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// All that was read, listed or missed.
    pub(super) seen: Observation,
    /// What each task rests on.
    pub(super) rests: BTreeMap<String, Rest>,
    /// What kept the look from being one.
    pub(super) mistake: Option<String>,
    /// What the tasks of the call write.
    made: Vec<Patterns>,
    /// The text of `tasks.kdl`.
    declared: String,
    /// The inputs of own tasks that no task of the call makes, with their contents.
    inputs: BTreeMap<String, String>,
}

impl Look {
    /// Decides the tasks of `words`.
    ///
    /// # Errors
    /// What would stop the call before its tasks.
    pub(super) fn take(process: &Process, arguments: &Arguments, words: &[String]) -> Result<Self, Stop> {
        let arguments = Arguments { always_make: false, ..arguments.clone() };
        let call = Call::read(process, &arguments)?;
        let chosen = call.choose("watch ", words)?;
        let ground = Ground { watching: true, ..call.ground(&chosen, true, &|_| {}) };
        let premises = prepare::premises(ground, &chosen.graph)?;
        for (place, task) in chosen.graph.tasks().iter().enumerate() {
            // How it was decided is noted.
            drop(decide(&premises, place, task));
        }
        let noted = premises.noted.as_ref();
        let made = made(&premises, &chosen);
        let mut inputs = noted.map(crate::plan::Noted::inputs).unwrap_or_default();
        inputs.retain(|path, _| {
            RelPath::parse(path).is_ok_and(|path| !made.iter().any(|patterns| patterns.matches(&path)))
        });
        let rests = noted.map(crate::plan::Noted::all).unwrap_or_default();
        Ok(Self {
            seen: premises.observer.seen(),
            rests,
            made,
            mistake: None,
            declared: premises.model.source.text().to_owned(),
            inputs,
        })
    }

    /// The look as the last one that was none: with a mistake in the way, after which `seen` is what is there.
    pub(super) fn mistaken(self, seen: Observation, mistake: String) -> Self {
        Self { seen, mistake: Some(mistake), ..self }
    }

    /// Is a task neither up to date nor resting on what it rested on when it was last decided?
    pub(super) fn is_to_run(&self, known: &BTreeMap<String, Rest>) -> bool {
        self.rests.iter().any(|(task, rest)| *rest != Rest::Fresh && known.get(task) != Some(rest))
    }

    /// Does `tasks.kdl` differ from an earlier look, or have own tasks other inputs, apart from what tasks make?
    pub(super) fn has_other_sources(&self, before: &Self) -> bool {
        // A look that could not be taken has nothing to compare with.
        !before.declared.is_empty() && (self.declared != before.declared || self.inputs != before.inputs)
    }

    /// What differs from an earlier look, in a few words: `src/a.py changed`.
    pub(super) fn changes_since(&self, before: &Self, root: &Path) -> String {
        let is_other = |path: &Path| {
            let name = path.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or_default();
            match (self.inputs.get(name), before.inputs.get(name), before.seen.get(path)) {
                (Some(now), Some(then), _) => now != then,
                (.., Some(stamp)) => !stamp.holds(path),
                (.., None) => path.exists(),
            }
        };
        let is_made = |path: &Path| {
            let name = path.strip_prefix(root).ok().and_then(|path| RelPath::parse(path.to_str()?).ok());
            name.is_some_and(|name| self.made.iter().any(|patterns| patterns.matches(&name)))
        };
        let own = root.join(".envloom");
        let gone = before.seen.keys().filter(|path| !self.seen.contains_key(*path));
        let paths = self.seen.keys().chain(gone);
        let files = paths.filter(|path| !path.starts_with(&own) && !path.is_dir() && is_other(path));
        // What people edit comes before what tasks make and what git notes for itself.
        let git = root.join(".git");
        let (edited, other): (Vec<&PathBuf>, Vec<_>) =
            files.partition(|path| path.starts_with(root) && !path.starts_with(&git) && !is_made(path));
        let files = if edited.is_empty() { other } else { edited };
        let Some(first) = files.first() else { return "something changed".to_owned() };
        let shown = first.strip_prefix(root).unwrap_or(first).display();
        match files.len() - 1 {
            0 => format!("{shown} changed"),
            more => format!("{shown} and {more} more changed"),
        }
    }
}

/// What the tasks of the call write.
fn made(premises: &Premises, chosen: &Chosen) -> Vec<Patterns> {
    let mut made = Vec::new();
    for task in chosen.graph.tasks() {
        if let Some(job) = &task.job {
            // What a value of the call spoils was refused when the graph was made.
            made.push(Patterns::parse(job.outputs.iter().map(String::as_str)).unwrap_or_default());
        }
        let writes = matches!(task.key.kind(), Kind::Generate | Kind::Lock);
        if let Some(id) = task.key.environment().filter(|_| writes) {
            let manifest = premises.manifest(id);
            let beside = ["uv.lock", ".python-version"].map(|name| manifest.parent().join(name));
            let record = RelPath::parse(FILE_NAME);
            let paths = beside.into_iter().chain([record]).filter_map(Result::ok).chain([manifest.clone()]);
            made.extend(paths.map(|path| Patterns::below(&path)));
        }
    }
    made
}

/// The same paths as they are now, and the files that a call cannot do without.
pub(super) fn refreshed(seen: &Observation, place: &Place) -> Observation {
    let observer = Observer::new();
    let always = [place.file(), place.root.join(LOCAL_FILE), place.root.join(FILE_NAME)];
    for path in seen.keys().chain(&always) {
        // One that cannot be looked at is not listened to either.
        drop(observer.stat(path));
    }
    observer.seen()
}
