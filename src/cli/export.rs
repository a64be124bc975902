//! `export`: what makes envloom a part of the build that a repository has.
//!
//! `export make` asks of each task, alone, what its decision rests on, as `explain --json` does: those files are the
//! prerequisites of its rule. It writes nothing and runs nothing of the repository's.

mod makefile;
mod pre_commit;

use std::path::{Component, Path, PathBuf};

use self::makefile::{Fragment, Input, Rule};
use super::args::{Arguments, shown};
use super::call::Call;
use super::error::CliError;
use super::load::Stop;
use super::locate::enter;
use super::output::Output;
use super::prepare;
use super::surroundings::Process;
use crate::base::printable;
use crate::plan::{Decided, RunReason, decide};
use crate::tool::run::quoted;

/// Prints a fragment for a Makefile in the current directory: a rule for each task that `words` select.
///
/// # Errors
/// When a word means nothing, or the premises of a task cannot be made.
pub(super) fn make(process: &Process, arguments: &Arguments, words: &[String]) -> Result<u8, Stop> {
    const LEAD: &str = "export make ";
    let typed = shown(LEAD, words);
    let values =
        |word: &String| word.contains('=') && !typed.targets.iter().any(|target| target.value == *word);
    let assignments: Vec<String> = words.iter().filter(|word| values(word)).cloned().collect();
    let call = Call::read(process, arguments)?;
    let here = enter(&process.surroundings.cwd, &arguments.directory)?;
    let up = way_up(&here, &call.place.root);
    let mut fragment = Fragment {
        command: printable(&format!("{LEAD}{}", words.join(" "))).trim_end().to_owned(),
        options: arguments
            .file
            .iter()
            .map(|file| format!("-f {}", quoted(&file.to_string_lossy())))
            .collect(),
        assignments: assignments.clone(),
        state: up.join(".envloom/make"),
        ..Fragment::default()
    };
    for target in call.choose(LEAD, words)?.targets {
        let asked = call.choose(LEAD, &with(&target, &assignments))?;
        let keys = &asked.selection.keys;
        let ids = asked.graph.tasks().iter().filter(|task| keys.contains(&task.key));
        let ids: Vec<String> = ids.map(|task| task.id.clone()).collect();
        for id in &ids {
            if !fragment.rules.iter().any(|rule| rule.id == *id) {
                fragment.rules.push(rule(process, arguments, id, &assignments, &up)?);
            }
        }
        if ids != [target.as_str()] {
            fragment.groups.push((target, ids));
        }
    }
    Ok(Output::data(&fragment.text()))
}

/// The rule of one task.
fn rule(
    process: &Process,
    arguments: &Arguments,
    id: &str,
    assignments: &[String],
    up: &Path,
) -> Result<Rule, Stop> {
    let call = Call::read(process, arguments)?;
    let chosen = call.choose("export make ", &with(id, assignments))?;
    let premises = prepare::premises(call.ground(&chosen, true, &|_| {}), &chosen.graph)?;
    let mut always = false;
    for (place, task) in chosen.graph.tasks().iter().enumerate() {
        let decided = decide(&premises, place, task);
        let reason = decided.as_ref().ok().and_then(|decided| match decided {
            Decided::Run { reason, .. } | Decided::Restore { reason, .. } => Some(reason),
            Decided::Fresh => None,
        });
        always |= task.id == id && matches!(reason, Some(RunReason::Always | RunReason::NotCacheable { .. }));
    }
    let inputs = premises.observer.seen();
    let inputs = inputs.keys().map(|path| Input {
        is_there: path.exists(),
        path: path.strip_prefix(&premises.root).map_or_else(|_| path.clone(), |inner| up.join(inner)),
    });
    Ok(Rule { id: id.to_owned(), always, inputs: inputs.collect() })
}

fn with(target: &str, assignments: &[String]) -> Vec<String> {
    std::iter::once(target.to_owned()).chain(assignments.iter().cloned()).collect()
}

/// From a directory to the root: nothing, `../..`, or the root itself where the directory lies elsewhere.
fn way_up(here: &Path, root: &Path) -> PathBuf {
    match here.strip_prefix(root) {
        Ok(inner) => inner.components().map(|_| Component::ParentDir).collect(),
        Err(_) => root.to_owned(),
    }
}

/// Prints hooks for a `.pre-commit-config.yaml`.
///
/// # Errors
/// When there is no project, or no configuration.
pub(super) fn pre_commit(process: &Process, arguments: &Arguments) -> Result<u8, Stop> {
    let call = Call::read(process, arguments)?;
    if call.model.environments().next().is_none() {
        let problem = "pre-commit: there is no environment to check".to_owned();
        return Err(CliError::VerbWords {
            verb: "export".to_owned(),
            problem,
            usage: "envloom list".to_owned(),
        }
        .into());
    }
    let root = &call.place.root;
    let top = root.ancestors().find(|directory| directory.join(".git").exists()).unwrap_or(root);
    let below = root.strip_prefix(top).unwrap_or(Path::new(""));
    Ok(Output::data(&pre_commit::text(&call.model, &call.place.file_name, &below.to_string_lossy())))
}
