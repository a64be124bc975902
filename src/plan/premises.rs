//! What every decision of a run rests on: read once, shared by the threads that decide.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use super::cells::Cells;
use super::known::Known;
use super::noted::Noted;
use super::parsed::Parsed;
use super::reason::RunReason;
use super::tracked::Tracked;
use crate::base::{Digest, FileError, RelPath, SourceFile};
use crate::cache::{Contents, Journal, Limits, Observer, OutputStore, Store, Uses, Walk};
use crate::graph::Declared;
use crate::ledger::{FILE_NAME, Record};
use crate::manifest::ManifestSet;
use crate::model::{Cell, EnvironmentId, LocalModel, Model, OwnTask};
use crate::tool::git::Git;
use crate::tool::python::Interpreter;
use crate::tool::uv::Uv;
use crate::tool::variables::Variables;

/// Everything that is known before the first task is decided.
#[derive(Debug)]
pub(crate) struct Premises {
    /// The absolute root of the repository.
    pub(crate) root: PathBuf,
    /// What `tasks.kdl` means.
    pub(crate) model: Model,
    /// What `tasks.local.kdl` means.
    pub(crate) local: Option<LocalModel>,
    /// What every manifest is to be.
    pub(crate) manifests: ManifestSet,
    /// `envloom.lock` as it is to be, less what `generate` will own.
    pub(crate) record: Record,
    /// The programs of this machine.
    pub(crate) machine: Machine,
    /// What the call asks for besides targets.
    pub(crate) wishes: Wishes,
    /// Verdicts of earlier runs.
    pub(crate) store: Store,
    /// What git tracks.
    pub(crate) tracked: Tracked,
    /// Finds the files that patterns mean.
    pub(crate) walk: Walk,
    /// What is known of files' contents.
    pub(crate) contents: Contents,
    /// Outputs and logs of own tasks, shared by the worktrees of the repository.
    pub(crate) outputs: OutputStore,
    /// What of them was found up to date.
    pub(crate) uses: Uses,
    /// What of this working tree `-t` has called up to date as it is. Records alone: nothing can be restored from it.
    pub(crate) touched: OutputStore,
    /// How much of them is kept.
    pub(crate) limits: Limits,
    /// Reads files and remembers which.
    pub(crate) observer: Observer,
    /// Remembers the TOML it parsed.
    pub(crate) parsed: Parsed,
    /// When the call began: what was asked since is never asked again.
    pub(crate) began: SystemTime,
    /// Held by whoever asks remotes: tasks of several environments share remotes and their clones.
    pub(crate) remotes: Mutex<()>,
    /// Own tasks that are known to be up to date.
    pub(crate) known: Known,
    /// What each task rested on; `None`: nobody asks.
    pub(crate) noted: Option<Noted>,
}

/// The programs of this machine, and the variables they will see.
#[derive(Debug)]
pub(crate) struct Machine {
    /// uv; `None` where no selected task needs it.
    pub(crate) uv: Option<Uv>,
    /// git; `None` where it is missing, or no selected task keeps outputs.
    pub(crate) git: Option<Git>,
    /// For each environment that a selected task works in, and each Python asked for there, the interpreter.
    pub(crate) interpreters: BTreeMap<(EnvironmentId, Option<String>), Interpreter>,
    /// The variables of envloom's own process.
    pub(crate) variables: Variables,
    /// The user's home directory.
    pub(crate) home: Option<PathBuf>,
}

/// What a call asks for besides its targets.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line, and all combinations are allowed"
)]
pub(crate) struct Wishes {
    /// `-B`: run the tasks that were asked for although they are fresh.
    pub(crate) force: bool,
    /// `-i`: a step of an own task that fails is passed over. Own tasks only: no sync may start whose check or verify
    /// did not pass.
    pub(crate) ignore_errors: bool,
    /// `-t`: own tasks are called up to date as they are. Own tasks only: nothing else may pass for checked.
    pub(crate) touch: bool,
    /// `-W`: inputs of own tasks that count as just changed.
    pub(crate) new_files: Vec<RelPath>,
    /// `-o`: inputs of own tasks that count as not changed.
    pub(crate) old_files: Vec<RelPath>,
    /// `--locked`: write no tracked file.
    pub(crate) locked: bool,
    /// `--offline`: use no network.
    pub(crate) offline: bool,
    /// `--upgrade`
    pub(crate) upgrade: bool,
    /// `--upgrade-package`, in the order given.
    pub(crate) upgrade_packages: Vec<String>,
    /// The words after `--`, for uv.
    pub(crate) arguments: Vec<String>,
    /// The tasks the targets name, as places in the graph; the others are only needed by them.
    pub(crate) asked: BTreeSet<usize>,
}

impl Wishes {
    /// Why `lock` runs whatever its verdict says, where the call asks for that.
    pub(crate) fn lock_reason(&self) -> Option<RunReason> {
        if self.upgrade || !self.upgrade_packages.is_empty() {
            return Some(RunReason::Upgrade);
        }
        (!self.arguments.is_empty()).then(|| RunReason::Arguments { words: self.arguments.join(" ") })
    }
}

impl Premises {
    /// The declaration of an own task.
    pub(crate) fn own_task(&self, declared: Declared) -> &OwnTask {
        match declared {
            Declared::Shared(at) => &self.model.tasks[at],
            Declared::Private(at) => {
                &self.local.as_ref().expect("a private task is declared in the local model").tasks[at]
            }
        }
    }

    /// The directory of envloom's own state.
    pub(crate) fn state(&self) -> PathBuf {
        self.root.join(".envloom")
    }

    /// The interpreter of a whole environment: for locks and checks.
    pub(crate) fn interpreter(&self, environment: EnvironmentId) -> Option<&Interpreter> {
        let pin = self.model.environment(environment).settings.python.as_ref().map(|pin| pin.value.clone());
        self.machine.interpreters.get(&(environment, pin))
    }

    /// The interpreter of a cell.
    pub(crate) fn interpreter_of_cell(&self, cell: &Cell) -> Option<&Interpreter> {
        self.machine.interpreters.get(&(cell.environment, cell.python.clone()))
    }

    /// The directory of an environment's manifest.
    pub(crate) fn directory(&self, environment: EnvironmentId) -> PathBuf {
        self.model.environment(environment).directory().under(&self.root)
    }

    /// `envloom.lock` as it is now: `generate` tasks of this run and of others may have written it since the run
    /// began. One that cannot be read as a record is an empty one: what it should say is then missing.
    pub(crate) fn recorded(&self) -> Result<Record, FileError> {
        let bytes = self.observer.read(&self.root.join(FILE_NAME))?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if text.is_empty() {
            return Ok(Record::default());
        }
        Ok(Record::parse(&SourceFile::new(FILE_NAME, text)).unwrap_or_default())
    }

    /// The notes of work that was cut off.
    pub(crate) fn journal(&self) -> Journal {
        Journal::new(&self.state())
    }

    /// Was a lock of the environment cut off?
    pub(crate) fn journal_has_lockfile(&self, environment: EnvironmentId) -> bool {
        self.journal().has_lockfile(&self.lockfile(environment))
    }

    /// The lockfile of an environment, relative to the root.
    pub(crate) fn lockfile(&self, environment: EnvironmentId) -> RelPath {
        self.model.environment(environment).lockfile()
    }

    /// Where a cell's venv lies (product section 4): each cell has its own, so that a sync of one never
    /// rewrites another; a project with nothing to choose uses `.venv` beside its manifest.
    pub(crate) fn venv(&self, cell: &Cell) -> PathBuf {
        if self.is_only_cell(cell) {
            return self.directory(cell.environment).join(".venv");
        }
        venvs(&self.root, self.local.as_ref()).join(cell.slug(&self.model))
    }

    /// Is `.venv` beside the manifest this cell's own venv?
    pub(crate) fn is_only_cell(&self, cell: &Cell) -> bool {
        self.model.is_only_cell(cell)
    }

    /// What is remembered of cells' venvs.
    pub(crate) fn cells(&self) -> Cells {
        Cells::new(self.state().join("cells"))
    }

    /// A path as a user sees it: relative to the root where it lies below it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// The manifest of an environment, relative to the root.
    pub(crate) fn manifest(&self, environment: EnvironmentId) -> &RelPath {
        &self.model.environment(environment).manifest.value
    }
}

/// The directory of the venvs of the cells of the repository at `root`.
pub(crate) fn venvs(root: &Path, local: Option<&LocalModel>) -> PathBuf {
    match local.and_then(|local| local.venvs.as_deref()) {
        // Other repositories, and other clones of this one, may have their cells there too, of the same names.
        Some(place) if Path::new(place).is_absolute() => {
            // What tells this repository from all others of this machine, readable.
            let name = root.file_name().unwrap_or_default().to_string_lossy();
            Path::new(place)
                .join(format!("{name}-{}", Digest::of(root.as_os_str().as_encoded_bytes()).short()))
        }
        Some(place) => root.join(place),
        None => root.join(".envloom/venvs"),
    }
}
