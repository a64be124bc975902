//! From the words of a call to the premises of its tasks: programs found, releases known, manifests rendered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use super::cache;
use super::error::CliError;
use super::load::{self, Stop};
use super::locate::Place;
use super::packages;
use crate::cache::{Contents, Limits, Observer, OutputStore, Store, Uses, Walk};
use crate::graph::{Declared, Kind, Task, TaskGraph, TaskKey};
use crate::ledger::{self, Progress, Record, Remotes};
use crate::manifest::{self, Disposition, Members};
use crate::model::{EnvironmentId, LocalModel, Model, PackageId, Sources, WantedUv};
use crate::plan::{Known, Machine, Noted, Parsed, PlanError, Premises, Tracked, Wishes};
use crate::tool::Surroundings;
use crate::tool::git::Git;
use crate::tool::memo::{Memo, place as memo_place};
use crate::tool::python::{self, Interpreter};
use crate::tool::uv::{self, Uv, Wanted};
use crate::tool::variables::trust_changing;

/// What is known before the tasks are looked at.
pub(super) struct Ground<'a> {
    /// Where the repository is.
    pub(super) place: Place,
    /// The process's variables and directory.
    pub(super) surroundings: &'a Surroundings,
    /// What `tasks.kdl` means.
    pub(super) model: Model,
    /// What `tasks.local.kdl` means.
    pub(super) local: Option<LocalModel>,
    /// What the call asks for.
    pub(super) wishes: Wishes,
    /// What to do with hand edits, and in which environments.
    pub(super) disposition: (Disposition, BTreeSet<EnvironmentId>),
    /// May nothing be written, not even a cache of git's? No remote is asked then.
    pub(super) read_only: bool,
    /// Tags whose release is to be read again (`--accept-moved`).
    pub(super) accept_moved: Vec<String>,
    /// Is it to be noted what each task rests on?
    pub(super) watching: bool,
    /// Reads files.
    pub(super) observer: Observer,
    /// Says what takes long.
    pub(super) progress: &'a (dyn Fn(&str) + Sync),
}

/// Makes the premises for the tasks of `graph`.
///
/// # Errors
/// When a program or an interpreter is missing, a variable is refused, a release cannot be read.
pub(super) fn premises(ground: Ground<'_>, graph: &TaskGraph) -> Result<Premises, Stop> {
    let selected = Selected::of(graph);
    refuse_variables(&ground, &selected)?;
    packages::present(&ground.place, &ground.model, ground.surroundings, &selected.environments)?;
    let recorded = load::record(&ground.place, &ground.model, &ground.observer)?;
    let record = releases(&ground, &selected, recorded)?;
    let mut machine = machine(&ground, &selected)?;
    let on_disk = load::on_disk(&ground.place.root, &ground.model, &ground.observer)?;
    let members = members(&ground.place.root, &ground.model, &ground.observer)?;
    let dispositions = ground.disposition.1.iter().map(|id| (*id, ground.disposition.0)).collect();
    let manifests = manifest::render(&manifest::Request {
        model: &ground.model,
        record: &record,
        on_disk: &on_disk,
        members: &members,
        dispositions: &dispositions,
        scoped_excludes: has_scoped_excludes(&ground.model),
    });
    let (git, walk, outputs, limits) = own_tasks(&ground, graph)?;
    machine.git = git;
    Ok(Premises {
        root: ground.place.root.clone(),
        tracked: Tracked::default(),
        walk,
        contents: Contents::load(&ground.place.state().join("cache")),
        outputs,
        uses: Uses::default(),
        touched: OutputStore::new(ground.place.state().join("cache/touched")),
        limits,
        store: Store::new(ground.place.state().join("cache")),
        model: ground.model,
        local: ground.local,
        manifests,
        record,
        machine,
        wishes: ground.wishes,
        observer: ground.observer,
        parsed: Parsed::default(),
        began: SystemTime::now(),
        remotes: Mutex::default(),
        known: Known::default(),
        noted: ground.watching.then(Noted::default),
    })
}

/// What finds the inputs of own tasks, and where their outputs are kept. A call without such tasks asks git nothing.
fn own_tasks(
    ground: &Ground<'_>,
    graph: &TaskGraph,
) -> Result<(Option<Git>, Walk, OutputStore, Limits), Stop> {
    let root = &ground.place.root;
    let here = ground.place.state().join("cache/outputs");
    let is_kept = |task: &Task| match &task.key {
        TaskKey::Own(key) => {
            let declared = match key.task {
                Declared::Shared(at) => &ground.model.tasks[at],
                Declared::Private(at) => match &ground.local {
                    Some(local) => &local.tasks[at],
                    None => return false,
                },
            };
            declared.cache || !declared.outputs.is_empty()
        }
        _ => false,
    };
    if !ground.watching && !graph.tasks().iter().any(is_kept) {
        return Ok((
            None,
            Walk::new(root, None),
            OutputStore::new(here),
            cache::limits(ground.local.as_ref()),
        ));
    }
    // Without git nothing is ignored.
    let git = Git::find(ground.surroundings, &ground.place.home).ok();
    let excludes = match &git {
        Some(git) => {
            let (file, watched) = git.excludes_file(root)?;
            observe(ground, &watched);
            file
        }
        None => None,
    };
    let store =
        match cache::store_of(&ground.place, ground.local.as_ref(), ground.surroundings, &ground.observer) {
            Ok(kept) => (kept.store, kept.limits),
            // A store that cannot be trusted costs sharing, not the run.
            Err(refused) => {
                (ground.progress)(&format!("{refused}: outputs are kept in .envloom instead"));
                (OutputStore::new(here), cache::limits(ground.local.as_ref()))
            }
        };
    Ok((git, Walk::new(root, excludes), store.0, store.1))
}

/// What the packages of the working tree require: a member that asks for what variants supply needs an exclude.
///
/// # Errors
/// When a manifest is there and cannot be read.
pub(super) fn members(root: &Path, model: &Model, observer: &Observer) -> Result<Members, Stop> {
    let mut members = Members::new();
    for (at, package) in model.packages.iter().enumerate() {
        let Some(path) = &package.path else { continue };
        let manifest = path.value.under(root).join("pyproject.toml");
        let Some(bytes) = observer.read(&manifest)? else { continue };
        members.insert(PackageId(at), manifest::requirements_of(&String::from_utf8_lossy(&bytes)));
    }
    Ok(members)
}

/// The last uv that refuses the form of `exclude-dependencies` that names a package (tried; uv#19977).
const WITHOUT_SCOPED_EXCLUDES: [u64; 3] = [0, 11, 24];

/// May manifests use that form? A manifest must not depend on which uv a machine happens to have, only on which
/// ones `tasks.kdl` allows.
pub(super) fn has_scoped_excludes(model: &Model) -> bool {
    let last = pep440_rs::Version::new(WITHOUT_SCOPED_EXCLUDES);
    match model.uv.as_ref().map(|request| &request.wanted) {
        None => true,
        Some(WantedUv::Exact(version)) => *version > last,
        Some(WantedUv::Range(range)) => !range.contains(&last),
    }
}

/// What the selected tasks need.
struct Selected {
    environments: BTreeSet<EnvironmentId>,
    /// Environments and Pythons that uv will be given.
    pythons: BTreeSet<(EnvironmentId, Option<String>)>,
    /// Does a task run uv?
    uv: bool,
    /// May missing releases be read from their remotes?
    writes_ledger: bool,
}

impl Selected {
    fn of(graph: &TaskGraph) -> Self {
        let mut selected =
            Self { environments: BTreeSet::new(), pythons: BTreeSet::new(), uv: false, writes_ledger: false };
        for task in graph.tasks() {
            let Some(id) = task.key.environment() else { continue };
            selected.environments.insert(id);
            let kind = task.key.kind();
            selected.writes_ledger |= matches!(kind, Kind::Generate | Kind::Lock);
            selected.uv |= kind != Kind::Generate;
            if let crate::graph::TaskKey::Sync(cell) = &task.key {
                selected.pythons.insert((id, cell.python.clone()));
            }
        }
        selected
    }
}

/// A frozen environment means what its files say; a variable that changes resolution or trust is refused.
fn refuse_variables(ground: &Ground<'_>, selected: &Selected) -> Result<(), PlanError> {
    let frozen = selected
        .environments
        .iter()
        .map(|id| ground.model.environment(*id))
        .find(|environment| matches!(environment.sources, Sources::Tags(_)));
    let Some(environment) = frozen.filter(|_| selected.uv) else { return Ok(()) };
    let set = trust_changing(&ground.surroundings.vars);
    PlanError::refused_variables(&environment.name.value, &set).map_or(Ok(()), Err)
}

/// Fills the record with the releases that pins name and it lacks, where this call may.
fn releases(ground: &Ground<'_>, selected: &Selected, mut record: Record) -> Result<Record, Stop> {
    record.releases.retain(|key, _| !ground.accept_moved.contains(&key.package.to_string()));
    let missing = ledger::missing(&ground.model, &record, |id| selected.environments.contains(&id));
    if missing.is_empty() {
        return Ok(ledger::prune(&ground.model, record));
    }
    let unknown = || {
        let names = missing.iter().map(|need| format!("{} {}", need.key.package, need.key.reference));
        let mut releases = names.clone().take(3).collect::<Vec<_>>().join(", ");
        if missing.len() > 3 {
            let _ = write!(releases, " and {} more releases", missing.len() - 3);
        }
        let mut environments: Vec<&str> = missing
            .iter()
            .map(|need| ground.model.environment(need.environment).name.value.as_str())
            .collect();
        environments.dedup();
        let command = match environments.as_slice() {
            [only] => format!("lock:{only}"),
            _ => "lock".to_owned(),
        };
        Box::new(CliError::ReleaseUnknown { releases, command })
    };
    if ground.wishes.locked || !selected.writes_ledger {
        return Err(unknown());
    }
    let git = Git::find(ground.surroundings, &ground.place.home)?;
    let tell = |progress: Progress<'_>| match progress {
        Progress::Fetching { git } => (ground.progress)(&format!("fetching {git}")),
        Progress::Asking { .. } | Progress::Read { .. } => {}
    };
    // A call that writes nothing reads what is here: a submodule has its package's tags.
    let offline = ground.wishes.offline || ground.read_only;
    let remotes =
        Remotes::new(&git, &ground.place.root, offline, &tell).believing_only_remotes(&ground.accept_moved);
    match ledger::complete(&ground.model, record, &remotes) {
        Err(_) if ground.read_only => Err(unknown()),
        completed => Ok(completed?),
    }
}

/// Finds uv and an interpreter for every environment that needs them.
fn machine(ground: &Ground<'_>, selected: &Selected) -> Result<Machine, Stop> {
    let mut machine = Machine {
        uv: None,
        git: None,
        interpreters: BTreeMap::new(),
        variables: ground.surroundings.vars.clone(),
        home: ground.surroundings.home(),
    };
    if !selected.uv {
        return Ok(machine);
    }
    machine.uv = Some(find_uv(ground)?);
    let found = find_pythons(ground)?;
    let mut wanted = selected.pythons.clone();
    for id in &selected.environments {
        let pin = ground.model.environment(*id).settings.python.as_ref().map(|pin| pin.value.clone());
        wanted.insert((*id, pin));
    }
    for (id, python) in wanted {
        let chosen = match interpreter(&ground.model, id, python.as_deref(), &found) {
            Ok(chosen) => chosen,
            // One of many projects may want a Python that is not here: its own tasks say so, the others go on.
            Err(_) if !ground.model.environment(id).is_written() => continue,
            Err(missing) => return Err(missing.into()),
        };
        ground.observer.stat(&chosen.path)?;
        machine.interpreters.insert((id, python), chosen);
    }
    Ok(machine)
}

/// The uv that `tasks.kdl` asks for.
pub(super) fn wanted(model: &Model) -> Wanted {
    match &model.uv {
        None => Wanted::Any,
        Some(request) => match &request.wanted {
            WantedUv::Range(range) => Wanted::Range(range.clone()),
            WantedUv::Exact(version) => {
                Wanted::Exact { version: version.clone(), sha256: request.sha256.clone() }
            }
        },
    }
}

/// uv, remembered in the user's cache while nothing it was found by has changed.
fn find_uv(ground: &Ground<'_>) -> Result<Uv, Stop> {
    let root = &ground.place.home;
    let wanted = wanted(&ground.model);
    let search = || {
        uv::find(ground.surroundings, &wanted, root, ground.wishes.offline, &mut |line| {
            (ground.progress)(line);
        })
    };
    let found = match memo_place(ground.surroundings, root, "uv") {
        Some(file) => {
            let subject = format!("{wanted} {}", root.display());
            let memo = Memo { file: &file, surroundings: ground.surroundings, subject: &subject };
            memo.recall_or(search, |found: &Uv| watched(uv::watched(ground.surroundings, root), &found.path))?
        }
        None => search()?,
    };
    observe(ground, &uv::watched(ground.surroundings, root));
    ground.observer.stat(&found.path)?;
    Ok(found)
}

/// The Pythons of this machine, remembered likewise.
fn find_pythons(ground: &Ground<'_>) -> Result<Vec<Interpreter>, Stop> {
    let root = &ground.place.home;
    let search = || Ok(python::discover(ground.surroundings, root));
    let found = match memo_place(ground.surroundings, root, "python") {
        Some(file) => {
            let subject = root.display().to_string();
            let memo = Memo { file: &file, surroundings: ground.surroundings, subject: &subject };
            memo.recall_or(search, |_: &Vec<Interpreter>| python::watched(ground.surroundings, root))?
        }
        None => search()?,
    };
    observe(ground, &python::watched(ground.surroundings, root));
    Ok(found)
}

fn watched(mut paths: Vec<std::path::PathBuf>, found: &Path) -> Vec<std::path::PathBuf> {
    paths.push(found.to_owned());
    paths
}

/// The compiled plan rests on what programs were found by, too. A place that cannot be looked at, such as another user's
/// directory on `PATH`, holds no program that could have been taken.
fn observe(ground: &Ground<'_>, paths: &[std::path::PathBuf]) {
    for path in paths {
        drop(ground.observer.stat(path));
    }
}

/// The interpreter of an environment for a requested Python, or for its pin.
///
/// # Errors
/// When none of those found suits.
pub(super) fn interpreter(
    model: &Model,
    id: EnvironmentId,
    python: Option<&str>,
    found: &[Interpreter],
) -> Result<Interpreter, CliError> {
    let environment = model.environment(id);
    let requires = environment.settings.requires_python.as_ref();
    let range = requires.and_then(|text| text.value.parse().ok());
    if let Some(chosen) = python::choose(found, python, range.as_ref()) {
        return Ok(chosen.clone());
    }
    let (wanted, example) = match (python, requires) {
        (Some(python), _) => (format!("Python {python}"), python.to_owned()),
        (None, Some(range)) => {
            (format!("a Python {}", range.value), format!("'{}'", range.value.replace(' ', "")))
        }
        (None, None) => ("any Python".to_owned(), "3.12".to_owned()),
    };
    let versions: Vec<String> = found.iter().map(|one| one.version.to_string()).collect();
    Err(CliError::InterpreterMissing {
        environment: environment.name.value.clone(),
        wanted,
        found: if versions.is_empty() { "none".to_owned() } else { versions.join(", ") },
        example,
    })
}
