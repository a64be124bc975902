//! Why a task may neither run nor count as up to date.

use std::path::Path;
use std::sync::Arc;

use miette::Diagnostic;
use thiserror::Error;

use super::decider::name;
use super::error::PlanError;
use super::premises::Premises;
use super::reason::FieldChange;
use crate::base::{RelPath, hidden, percent_decoded, printable};
use crate::manifest::ManifestError;
use crate::model::{EnvironmentId, IndexLocation, Model};

/// Every code of refusals and what it means, for the README.
pub(crate) const CODES: &[(&str, &str)] = &[
    ("envloom::plan::drift", "a manifest is not what tasks.kdl says, and this call writes none"),
    ("envloom::plan::no_manifest", "an adopted manifest does not exist"),
    ("envloom::plan::no_lockfile", "a task reads a lockfile that does not exist"),
    ("envloom::plan::lock_interrupted", "a lock was cut off, so the lockfile may be half-written"),
    ("envloom::plan::upgrade_locked", "--upgrade was given to a call that may write no lockfile"),
    ("envloom::plan::not_ordinary", "a file to be written is a link, or lies behind one that leads out"),
    ("envloom::plan::moved_manifest", "a manifest was changed by something else during the run"),
    ("envloom::plan::inputs_moved", "what a sync reads was changed by something else during the run"),
    ("envloom::plan::not_a_venv", "the place of a venv holds something else"),
    ("envloom::plan::no_venv", "uv said that it made a venv, and there is none"),
    ("envloom::plan::stale_lockfile", "manifest and lockfile do not agree"),
    ("envloom::plan::moved_tree", "a lockfile names indexes of another directory"),
    ("envloom::plan::no_interpreter", "no interpreter was found for an environment"),
    ("envloom::plan::no_uv", "a task needs uv and none was looked for"),
];

/// A task's failure before it began.
#[derive(Debug, Clone, Error, Diagnostic)]
pub(crate) enum Refusal {
    /// A hand edit, a manifest without a record, a text that cannot be served.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Manifest(ManifestError),
    /// A file that cannot be read, a variable that is refused.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plan(Arc<PlanError>),
    /// `check`, or `--locked`.
    #[error("{manifest} is not what tasks.kdl says:\n{changes}")]
    #[diagnostic(
        code(envloom::plan::drift),
        help("type `envloom generate:{environment}` and commit what it writes")
    )]
    Drift {
        /// The manifest.
        manifest: String,
        /// The environment.
        environment: String,
        /// What would change, one a line.
        changes: String,
    },
    /// Nothing to lock, check or sync from, and envloom writes none.
    #[error("there is no {manifest}, which {environment} adopts")]
    #[diagnostic(
        code(envloom::plan::no_manifest),
        help(
            "write it, check out the submodule it lies in, or delete the environment; envloom writes no adopted manifest"
        )
    )]
    NoManifest {
        /// The manifest.
        manifest: String,
        /// The environment.
        environment: String,
    },
    /// Nothing to check, verify or sync from.
    #[error("there is no {lockfile}")]
    #[diagnostic(
        code(envloom::plan::no_lockfile),
        help("type `envloom lock:{environment}` and commit what it writes")
    )]
    NoLockfile {
        /// The lockfile.
        lockfile: String,
        /// The environment.
        environment: String,
    },
    /// The journal has the former lockfile.
    #[error("a lock of {environment} was cut off: {lockfile} may be half-written")]
    #[diagnostic(
        code(envloom::plan::lock_interrupted),
        help("type `envloom lock:{environment}`: it puts the former lockfile back and locks again")
    )]
    LockInterrupted {
        /// The lockfile.
        lockfile: String,
        /// The environment.
        environment: String,
    },
    /// A contradiction in terms.
    #[error("an upgrade, or words for uv, may change the lockfile, and --locked forbids that")]
    #[diagnostic(
        code(envloom::plan::upgrade_locked),
        help("leave `--locked` out; where CI is set, add `--no-locked`")
    )]
    UpgradeLocked,
    /// F21: a link out of the repository, a directory, a device.
    #[error("{path} is {}", what(.leads_to.as_deref()))]
    #[diagnostic(
        code(envloom::plan::not_ordinary),
        help(
            "put an ordinary file there: uv would write through the link, to a place that is not this repository's"
        )
    )]
    NotOrdinary {
        /// The path.
        path: String,
        /// Where the link leads.
        leads_to: Option<String>,
    },
    /// Between rendering and writing.
    #[error("{manifest} was changed by something else during this run")]
    #[diagnostic(
        code(envloom::plan::moved_manifest),
        help("nothing was written; type the same command again")
    )]
    MovedManifest {
        /// The manifest, or the `.python-version` beside it.
        manifest: String,
    },
    /// The venv may hold either state, so it stays marked.
    #[error("{input} changed while the venv was being synced")]
    #[diagnostic(code(envloom::plan::inputs_moved), help("type the same command again: the venv is rebuilt"))]
    InputsMoved {
        /// The field.
        input: String,
    },
    /// A directory without `pyvenv.cfg` that is not empty.
    #[error("{place} holds something that is no venv")]
    #[diagnostic(code(envloom::plan::not_a_venv), help("move it away, then type the same command again"))]
    NotAVenv {
        /// The directory.
        place: String,
    },
    /// uv returned 0.
    #[error("uv succeeded, and yet there is no venv at {place}")]
    #[diagnostic(
        code(envloom::plan::no_venv),
        help("type the same command with `-v -v` to see what uv says")
    )]
    NoVenv {
        /// The directory.
        place: String,
    },
    /// `uv lock --check` failed.
    #[error("{manifest} and {lockfile} do not agree")]
    #[diagnostic(
        code(envloom::plan::stale_lockfile),
        help("type `envloom lock:{environment}` and commit what it writes; what uv said stands above")
    )]
    StaleLockfile {
        /// The manifest.
        manifest: String,
        /// The lockfile.
        lockfile: String,
        /// The environment.
        environment: String,
    },
    /// uv#15055: a path index is recorded by its absolute path.
    #[error("{lockfile} was locked in another directory: it names {place}")]
    #[diagnostic(
        code(envloom::plan::moved_tree),
        help(
            "uv records a path index by its absolute path (uv#15055), so `--locked` holds only where it was locked: type `envloom lock:{environment}`, or use a URL for an index whose lockfile is shared. Frozen syncs are not affected"
        )
    )]
    MovedTree {
        /// The lockfile.
        lockfile: String,
        /// The first place that is not of this directory.
        place: String,
        /// The environment.
        environment: String,
    },
    /// Found out earlier for every environment that is selected.
    #[error("no interpreter suits {environment}")]
    #[diagnostic(
        code(envloom::plan::no_interpreter),
        help("install a Python that its `requires-python` allows")
    )]
    NoInterpreter {
        /// The environment.
        environment: String,
    },
    /// Found out earlier for every task that needs it.
    #[error("this task needs uv")]
    #[diagnostic(
        code(envloom::plan::no_uv),
        help("install uv, or write an exact version such as `uv \"0.13.9\"` into tasks.kdl")
    )]
    NoUv,
}

fn what(leads_to: Option<&str>) -> String {
    match leads_to {
        Some(place) => format!("a link to {place}, or lies behind one"),
        None => "no ordinary file".to_owned(),
    }
}

impl Refusal {
    /// A manifest that would change, with what would change in it.
    pub(super) fn drift(premises: &Premises, id: EnvironmentId, changes: &[FieldChange]) -> Self {
        let changes: Vec<String> = changes.iter().map(|change| format!("  {change}")).collect();
        Self::Drift {
            manifest: premises.manifest(id).to_string(),
            environment: name(premises, id),
            changes: changes.join("\n"),
        }
    }

    /// A path beside a manifest that cannot be in the repository.
    pub(crate) fn outside(path: &RelPath) -> Self {
        Self::NotOrdinary { path: path.to_string(), leads_to: None }
    }

    pub(crate) fn moved(manifest: String) -> Self {
        Self::MovedManifest { manifest }
    }

    pub(crate) fn inputs_moved(input: &str) -> Self {
        Self::InputsMoved { input: input.to_owned() }
    }

    /// Why `uv lock --check` failed, as far as the lockfile tells.
    pub(crate) fn stale(premises: &Premises, id: EnvironmentId, lockfile: &RelPath) -> Self {
        let environment = name(premises, id);
        let text = std::fs::read_to_string(lockfile.under(&premises.root)).unwrap_or_default();
        match locked_elsewhere(&premises.model, &premises.root, &text) {
            Some(place) => Self::MovedTree { lockfile: lockfile.to_string(), place, environment },
            None => Self::StaleLockfile {
                manifest: premises.manifest(id).to_string(),
                lockfile: lockfile.to_string(),
                environment,
            },
        }
    }

    pub(super) fn no_interpreter(premises: &Premises, id: EnvironmentId) -> Self {
        Self::NoInterpreter { environment: name(premises, id) }
    }
}

/// A place outside of `root` that a lockfile names for an index of paths: it was locked in another directory.
pub(crate) fn locked_elsewhere(model: &Model, root: &Path, lockfile: &str) -> Option<String> {
    let place = foreign_place(lockfile, root, &declared_places(model))?;
    // Whoever wrote the lockfile wrote it.
    Some(printable(&hidden(&place)).into_owned())
}

/// The paths of indexes that `tasks.kdl` itself names by `file://`: they mean the same from every directory.
fn declared_places(model: &Model) -> Vec<String> {
    let variants = model.axes.iter().flat_map(|axis| &axis.variants);
    let indexes = model.indexes.iter().chain(variants.filter_map(|variant| variant.index.as_ref()));
    indexes
        .filter_map(|index| match &index.location {
            IndexLocation::Url(url) => url.strip_prefix("file://").map(percent_decoded),
            IndexLocation::Path(_) => None,
        })
        .collect()
}

/// The first `index = "file://…"` of a lockfile that neither lies below `root` nor was `declared`.
fn foreign_place(lockfile: &str, root: &Path, declared: &[String]) -> Option<String> {
    lockfile
        .split("index = \"file://")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(place, _)| percent_decoded(place))
        .find(|place| !Path::new(place).starts_with(root) && !declared.contains(place))
}

impl From<PlanError> for Refusal {
    fn from(error: PlanError) -> Self {
        Self::Plan(Arc::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::told;

    #[test]
    #[expect(clippy::too_many_lines, reason = "one line for each error, and the look of all of them")]
    fn every_message_says_what_to_do() {
        let environment = || "prod".to_owned();
        let (manifest, lockfile) = (|| "prod/pyproject.toml".to_owned(), || "prod/uv.lock".to_owned());
        let place = || ".envloom/venvs/prod-cpu".to_owned();
        let changes = "  tool.uv.package: true -> false".to_owned();
        let errors = [
            Refusal::Drift { manifest: manifest(), environment: environment(), changes },
            Refusal::NoManifest { manifest: manifest(), environment: environment() },
            Refusal::NoLockfile { lockfile: lockfile(), environment: environment() },
            Refusal::LockInterrupted { lockfile: lockfile(), environment: environment() },
            Refusal::UpgradeLocked,
            Refusal::NotOrdinary { path: lockfile(), leads_to: None },
            Refusal::MovedManifest { manifest: manifest() },
            Refusal::InputsMoved { input: lockfile() },
            Refusal::NotAVenv { place: place() },
            Refusal::NoVenv { place: place() },
            Refusal::StaleLockfile { manifest: manifest(), lockfile: lockfile(), environment: environment() },
            Refusal::MovedTree {
                lockfile: lockfile(),
                place: "/old/index".into(),
                environment: environment(),
            },
            Refusal::NoInterpreter { environment: environment() },
            Refusal::NoUv,
        ];
        assert_eq!(errors.len(), CODES.len());
        insta::assert_snapshot!(errors.iter().map(|error| told(error)).collect::<String>(), @r#"
        envloom::plan::drift
            prod/pyproject.toml is not what tasks.kdl says:
          tool.uv.package: true -> false
            help: type `envloom generate:prod` and commit what it writes
        envloom::plan::no_manifest
            there is no prod/pyproject.toml, which prod adopts
            help: write it, check out the submodule it lies in, or delete the environment; envloom writes no adopted manifest
        envloom::plan::no_lockfile
            there is no prod/uv.lock
            help: type `envloom lock:prod` and commit what it writes
        envloom::plan::lock_interrupted
            a lock of prod was cut off: prod/uv.lock may be half-written
            help: type `envloom lock:prod`: it puts the former lockfile back and locks again
        envloom::plan::upgrade_locked
            an upgrade, or words for uv, may change the lockfile, and --locked forbids that
            help: leave `--locked` out; where CI is set, add `--no-locked`
        envloom::plan::not_ordinary
            prod/uv.lock is no ordinary file
            help: put an ordinary file there: uv would write through the link, to a place that is not this repository's
        envloom::plan::moved_manifest
            prod/pyproject.toml was changed by something else during this run
            help: nothing was written; type the same command again
        envloom::plan::inputs_moved
            prod/uv.lock changed while the venv was being synced
            help: type the same command again: the venv is rebuilt
        envloom::plan::not_a_venv
            .envloom/venvs/prod-cpu holds something that is no venv
            help: move it away, then type the same command again
        envloom::plan::no_venv
            uv succeeded, and yet there is no venv at .envloom/venvs/prod-cpu
            help: type the same command with `-v -v` to see what uv says
        envloom::plan::stale_lockfile
            prod/pyproject.toml and prod/uv.lock do not agree
            help: type `envloom lock:prod` and commit what it writes; what uv said stands above
        envloom::plan::moved_tree
            prod/uv.lock was locked in another directory: it names /old/index
            help: uv records a path index by its absolute path (uv#15055), so `--locked` holds only where it was locked: type `envloom lock:prod`, or use a URL for an index whose lockfile is shared. Frozen syncs are not affected
        envloom::plan::no_interpreter
            no interpreter suits prod
            help: install a Python that its `requires-python` allows
        envloom::plan::no_uv
            this task needs uv
            help: install uv, or write an exact version such as `uv "0.13.9"` into tasks.kdl
        "#);
    }

    #[test]
    fn an_index_that_was_declared_by_its_place_is_no_foreign_one() {
        let lockfile = "x = { index = \"file:///srv/a%20b\" }, { index = \"file:///repo/index\" }";
        let root = Path::new("/repo");
        assert_eq!(foreign_place(lockfile, root, &[]), Some("/srv/a b".to_owned()));
        assert_eq!(foreign_place(lockfile, root, &["/srv/a b".to_owned()]), None);
    }
}
