//! The fingerprints of the tasks that uv does, made from the premises of a run; `fingerprint` says which fields there are.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::decider::name;
use super::error::PlanError;
use super::fingerprint::{Fingerprint, Inputs};
use super::premises::Premises;
use super::promises::promises;
use super::refusal::Refusal;
use crate::base::RelPath;
use crate::config::Install;
use crate::model::{Cell, EnvironmentId, Sources};
use crate::tool::python::Interpreter;
use crate::tool::run::quoted;

/// The fingerprint of "manifests and lockfile agree", also after a lock.
pub(crate) fn agreement(premises: &Premises, id: EnvironmentId) -> Result<Fingerprint, Refusal> {
    let interpreter = premises.interpreter(id).ok_or_else(|| Refusal::no_interpreter(premises, id))?;
    let directory = premises.model.environment(id).directory();
    let inputs = inputs(premises, &directory, interpreter)?;
    Ok(Fingerprint::agreement(&inputs.borrowed(premises), &name(premises, id))?)
}

/// The fingerprint of "the lockfile keeps envloom's promises".
pub(crate) fn verification(premises: &Premises, id: EnvironmentId) -> Result<Fingerprint, Refusal> {
    let interpreter = premises.interpreter(id).ok_or_else(|| Refusal::no_interpreter(premises, id))?;
    let directory = premises.model.environment(id).directory();
    let inputs = inputs(premises, &directory, interpreter)?;
    let promised = promises(premises, id).map_err(PlanError::from)?;
    Ok(Fingerprint::verification(&inputs.borrowed(premises), &name(premises, id), &promised)?)
}

/// The files that uv takes the environment's settings from, absolute.
pub(crate) fn files_of_settings(premises: &Premises, id: EnvironmentId) -> Result<Vec<PathBuf>, Refusal> {
    let interpreter = premises.interpreter(id).ok_or_else(|| Refusal::no_interpreter(premises, id))?;
    let directory = premises.model.environment(id).directory();
    let inputs = inputs(premises, &directory, interpreter)?;
    Ok(Fingerprint::files_of_settings(&inputs.borrowed(premises))?)
}

/// The fingerprint of a cell's venv.
pub(crate) fn sync_fingerprint(premises: &Premises, cell: &Cell) -> Result<Fingerprint, Refusal> {
    let id = cell.environment;
    let interpreter =
        premises.interpreter_of_cell(cell).ok_or_else(|| Refusal::no_interpreter(premises, id))?;
    let directory = premises.model.environment(id).directory();
    let inputs = inputs(premises, &directory, interpreter)?;
    let chosen = BTreeMap::from([
        ("arguments".to_owned(), in_words(&sync_arguments(premises, cell))),
        ("venv".to_owned(), premises.shown(&premises.venv(cell))),
    ]);
    Ok(Fingerprint::sync(&inputs.borrowed(premises), &name(premises, id), &chosen)?)
}

/// Arguments as a shell would read them: `a b` in one is not `a` and `b` in two.
fn in_words(arguments: &[String]) -> String {
    arguments.iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(" ")
}

/// What [`Inputs`] borrows and nobody else owns.
struct Owned<'a> {
    directory: &'a RelPath,
    interpreter: &'a Interpreter,
    python: String,
    uv: String,
}

fn inputs<'a>(
    premises: &Premises,
    directory: &'a RelPath,
    interpreter: &'a Interpreter,
) -> Result<Owned<'a>, Refusal> {
    let uv = premises.machine.uv.as_ref().ok_or(Refusal::NoUv)?;
    Ok(Owned { directory, interpreter, python: interpreter.version.to_string(), uv: uv.version.to_string() })
}

impl Owned<'_> {
    fn borrowed<'b>(&'b self, premises: &'b Premises) -> Inputs<'b> {
        Inputs {
            root: &premises.root,
            directory: self.directory,
            home: premises.machine.home.as_deref(),
            variables: &premises.machine.variables,
            uv: &self.uv,
            interpreter: &self.interpreter.path,
            python: &self.python,
            observer: &premises.observer,
            parsed: &premises.parsed,
        }
    }
}

/// What `uv sync` is told, after `--directory`: also a field of the fingerprint, so that both are one.
pub(crate) fn sync_arguments(premises: &Premises, cell: &Cell) -> Vec<String> {
    let environment = premises.model.environment(cell.environment);
    let mut arguments = vec!["--frozen".to_owned()];
    if environment.sync.groups.is_some() {
        arguments.push("--no-default-groups".to_owned());
    }
    let mut add = |flag: &str, value: &str| arguments.extend([flag.to_owned(), value.to_owned()]);
    for group in environment.sync.groups.iter().flatten() {
        add("--group", group);
    }
    for extra in environment.sync.extras.iter().map(String::as_str).chain(cell.variants(&premises.model)) {
        add("--extra", extra);
    }
    if let Some(mode) = &environment.sync.link_mode {
        add("--link-mode", mode);
    }
    if environment.sync.install == Install::ThirdParty {
        arguments.push("--no-install-local".to_owned());
    }
    if environment.sources == Sources::Workspace && !environment.sync.editable {
        arguments.push("--no-editable".to_owned());
    }
    arguments.extend(premises.wishes.arguments.iter().cloned());
    arguments
}
