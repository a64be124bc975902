//! Which tasks rest on something that has changed since a revision.
//!
//! # Design note
//! | a task | is affected when |
//! | --- | --- |
//! | any | its node of `tasks.kdl` differs, or its environment's, or a node that is neither |
//! | own | a changed path matches the patterns of its inputs, whether or not a file is there now, or one of them leads to it by links |
//! | own, `@closure` | something has changed in a path dependency beside the root, in the same git repository |
//! | own, in a cell | the cell's manifest, its lockfile or the pin of Python beside them has changed: what is installed follows them |
//! | own, `check` | one of its outputs has changed: they are committed |
//! | of envloom's own | a file that its decision looks at has changed, come or gone; what `envloom.lock` says of its environment differs; it would write its manifest, or be refused |
//! | any | a task that it waits for is affected |
//!
//! Too much is better than too little: what cannot be told (a `tasks.kdl` that had mistakes, a task that is refused)
//! counts as affected. A node is compared as it is written, so that a comment in it counts. What git ignores is never
//! a change, even where `inputs` name it.
//!
//! Refused: comparing fingerprints with those at the revision. It needs a second checkout, its submodules included,
//! and a file that has moved away between two of its tasks' patterns is told by its name just as well.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::decider::{Decided, decide};
use super::error::PlanError;
use super::own_inputs::{outside, patterns};
use super::parsed::Parsed;
use super::premises::Premises;
use super::refusal::Refusal;
use super::uv_files::clean;
use crate::base::{Patterns, RelPath, SourceFile};
use crate::cache::Observer;
use crate::config::{Declaration, declarations};
use crate::graph::{Declared, Kind, OwnKey, Task, TaskGraph, TaskKey};
use crate::ledger::{FILE_NAME, Record, releases_of};
use crate::model::{EnvironmentId, Job, Kept};
use crate::tool::git::Change;

/// What has changed since a revision.
#[derive(Debug)]
pub(crate) struct Since {
    /// Paths, relative to the root; also those beside it.
    pub(crate) changes: Vec<Change>,
    /// Nodes of `tasks.kdl`.
    pub(crate) declarations: Declarations,
    /// `envloom.lock` as it was; `None` where that cannot be told.
    pub(crate) record: Option<Record>,
}

/// Which nodes of `tasks.kdl` have come or differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Declarations {
    /// More than can be told apart: all tasks.
    All,
    /// These.
    Only {
        /// Own tasks.
        tasks: BTreeSet<String>,
        /// Environments.
        environments: BTreeSet<String>,
    },
}

/// Why a task is affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Because {
    /// Something that it reads.
    Changed {
        /// Relative to the root.
        path: String,
    },
    /// `tasks.kdl` says something else of it.
    Declared,
    /// `envloom.lock` does.
    Recorded,
    /// Its manifest is not what it is to be.
    WouldWrite,
    /// It could not run.
    Refused {
        /// What is said of it.
        why: String,
    },
    /// It waits for a task that is affected.
    Behind {
        /// That task.
        task: String,
    },
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { path } => write!(f, "{path} changed"),
            Self::Declared => write!(f, "its declaration changed"),
            Self::Recorded => write!(f, "{FILE_NAME} says something else of it"),
            Self::WouldWrite => write!(f, "its manifest is not as tasks.kdl says"),
            Self::Refused { why } => write!(f, "it would fail: {why}"),
            Self::Behind { task } => write!(f, "it comes after {task}"),
        }
    }
}

impl Declarations {
    /// Nothing differs.
    #[must_use]
    pub(crate) fn none() -> Self {
        Self::Only { tasks: BTreeSet::new(), environments: BTreeSet::new() }
    }

    /// What differs between two texts of `tasks.kdl`; `old` is `None` where there was none, or none that can be read.
    #[must_use]
    pub(crate) fn between(old: Option<&SourceFile>, new: &SourceFile) -> Self {
        let read = |source: &SourceFile| declarations(source).ok();
        let (Some(old), Some(new)) = (old.and_then(read), read(new)) else { return Self::All };
        // What a call without targets means changes no task.
        let is_common = |one: &&Declaration| !["task", "environment", "default"].contains(&one.word.as_str());
        if !old.iter().filter(is_common).eq(new.iter().filter(is_common)) {
            return Self::All;
        }
        let differing = |word: &str| {
            let of = |all: &[Declaration]| -> BTreeMap<Option<String>, String> {
                let named = all.iter().filter(|one| one.word == word);
                named.map(|one| (one.name.clone(), one.text.clone())).collect()
            };
            let (old, new) = (of(&old), of(&new));
            let differs = new.into_iter().filter(|(name, text)| old.get(name) != Some(text));
            differs.filter_map(|(name, _)| name).collect()
        };
        Self::Only { tasks: differing("task"), environments: differing("environment") }
    }
}

/// Says of each task of the graph whether it is affected, and why. The premises' observer is not used up: each task is
/// looked at with one of its own.
pub(crate) fn affected(premises: &mut Premises, graph: &TaskGraph, since: &Since) -> Vec<Option<Because>> {
    // What a call asks for besides says nothing about files.
    let wishes = std::mem::take(&mut premises.wishes);
    let tasks = graph.tasks().iter().enumerate();
    let ways = Ways::default();
    let mut found: Vec<Option<Because>> =
        tasks.map(|(place, task)| Asked { since, task, ways: &ways }.because(premises, place)).collect();
    premises.wishes = wishes;
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); found.len()];
    for (place, task) in graph.tasks().iter().enumerate() {
        task.needs.iter().chain(&task.after).for_each(|&on| dependents[on].push(place));
    }
    let mut way: Vec<usize> = (0..found.len()).filter(|&place| found[place].is_some()).collect();
    while let Some(on) = way.pop() {
        for &place in &dependents[on] {
            if found[place].is_none() {
                found[place] = Some(Because::Behind { task: graph.tasks()[on].id.clone() });
                way.push(place);
            }
        }
    }
    found
}

/// By the patterns of inputs: what these lead to by links, and the links on the way. The cells of a task share theirs.
type Ways = RefCell<BTreeMap<Patterns, Rc<BTreeSet<PathBuf>>>>;

/// One task, and what has changed.
struct Asked<'a> {
    since: &'a Since,
    task: &'a Task,
    ways: &'a Ways,
}

impl Asked<'_> {
    fn because(&self, premises: &mut Premises, place: usize) -> Option<Because> {
        if self.is_declared_anew(premises) {
            return Some(Because::Declared);
        }
        match (&self.task.key, &self.task.job) {
            (TaskKey::Own(key), Some(job)) => self.own(premises, key, job),
            _ => self.by_decision(premises, place),
        }
    }

    /// Does `tasks.kdl` say something else of it?
    fn is_declared_anew(&self, premises: &Premises) -> bool {
        let Declarations::Only { tasks, environments } = &self.since.declarations else { return true };
        let model = &premises.model;
        let has_changed = |id: EnvironmentId| environments.contains(&model.environment(id).name.value);
        let of_environment = |id: EnvironmentId| match model.environment(id).kept {
            Kept::Derived(origin) => has_changed(id) || has_changed(origin),
            Kept::Generated | Kept::Adopted => has_changed(id),
        };
        match &self.task.key {
            TaskKey::Own(key) => {
                let is_shared = matches!(key.task, Declared::Shared(_));
                is_shared && tasks.contains(&premises.own_task(key.task).name.value)
                    || key.cell.cell.as_ref().is_some_and(|cell| of_environment(cell.environment))
            }
            other => other.environment().is_some_and(of_environment),
        }
    }

    fn own(&self, premises: &Premises, key: &OwnKey, job: &Job) -> Option<Because> {
        self.own_input(premises, key, job)
            .unwrap_or_else(|refusal| Some(Because::Refused { why: refusal.to_string() }))
    }

    fn own_input(&self, premises: &Premises, key: &OwnKey, job: &Job) -> Result<Option<Because>, Refusal> {
        let inputs = patterns(premises, &Observer::new(), job, key)?;
        // What a value of the call spoils was refused when the graph was made.
        let outputs = Patterns::parse(job.outputs.iter().map(String::as_str)).unwrap_or_default();
        let is_checked = premises.own_task(key.task).check;
        let installed = installed_by(premises, key);
        let is_meant = |path: &RelPath| {
            // A link that has come, gone or changed on the way to a file that is named.
            let is_on_the_way = || inputs.literals().any(|one| one.is_in(path));
            if outputs.matches(path) {
                is_checked
            } else {
                inputs.matches(path) || installed.contains(path) || is_on_the_way()
            }
        };
        let may_hold = |path: &RelPath| {
            let has = |patterns: &Patterns| patterns.matches(path) || patterns.may_hold(path);
            has(&inputs) || (is_checked && has(&outputs)) || installed.iter().any(|one| one.is_in(path))
        };
        let found = self.changed(|change| match (place_of(&change.path), change.is_tree) {
            (Place::Beside, _) => false,
            (Place::Inside(path, true), false) => is_meant(&path),
            (Place::Inside(path, _), _) => may_hold(&path),
            (Place::Root, _) => true,
        });
        if found.is_some() || self.since.changes.is_empty() {
            return Ok(found);
        }
        let mut ways = BTreeSet::clone(&*self.ways(premises, &inputs)?);
        for path in &installed {
            add_way(&path.under(&premises.root), &mut ways);
        }
        let beside = outside(premises, &Observer::new(), job, key)?;
        let beside: Vec<PathBuf> =
            beside.into_iter().flat_map(|path| path.canonicalize().ok().into_iter().chain([path])).collect();
        Ok(self.changed(|change| {
            let path = clean(&premises.root.join(&change.path));
            let holds = |one: &PathBuf| path.starts_with(one) || (change.is_tree && one.starts_with(&path));
            is_among(&premises.root, change, &ways) || beside.iter().any(holds)
        }))
    }

    /// Where links among the inputs lead.
    fn ways(&self, premises: &Premises, inputs: &Patterns) -> Result<Rc<BTreeSet<PathBuf>>, Refusal> {
        if let Some(known) = self.ways.borrow().get(inputs) {
            return Ok(Rc::clone(known));
        }
        let files = premises.walk.files(inputs, &Observer::new()).map_err(PlanError::from)?;
        let mut ways = BTreeSet::new();
        for path in files.iter().chain(inputs.literals()) {
            add_way(&path.under(&premises.root), &mut ways);
        }
        let ways = Rc::new(ways);
        self.ways.borrow_mut().insert(inputs.clone(), Rc::clone(&ways));
        Ok(ways)
    }

    /// A task of envloom's own: decides it, and sees what is looked at.
    fn by_decision(&self, premises: &mut Premises, place: usize) -> Option<Because> {
        let kept = std::mem::take(&mut premises.observer);
        premises.parsed = Parsed::default();
        let decided = decide(premises, place, self.task);
        let seen = std::mem::replace(&mut premises.observer, kept).seen();
        // A file that is reached by a link has two names.
        let mut names = BTreeSet::new();
        for path in seen.into_keys() {
            add_way(&path, &mut names);
            names.insert(path);
        }
        if let Some(found) = self.changed(|change| is_among(&premises.root, change, &names)) {
            return Some(found);
        }
        if self.task.key.environment().is_some_and(|id| self.is_recorded_anew(premises, id)) {
            return Some(Because::Recorded);
        }
        match decided {
            Err(refusal) => Some(Because::Refused { why: refusal.to_string() }),
            Ok(Decided::Run { .. }) if self.task.key.kind() == Kind::Generate => Some(Because::WouldWrite),
            Ok(_) => None,
        }
    }

    /// Does `envloom.lock` say something else of an environment? The file is shared by all.
    fn is_recorded_anew(&self, premises: &Premises, id: EnvironmentId) -> bool {
        let is_changed = self.since.changes.iter().any(|change| change.path == Path::new(FILE_NAME));
        if !is_changed || !premises.model.environment(id).is_written() {
            return false;
        }
        let Some((old, new)) = self.since.record.as_ref().zip(premises.recorded().ok()) else { return true };
        let manifest = premises.manifest(id);
        old.owned.get(manifest) != new.owned.get(manifest)
            || releases_of(&premises.model, id, old) != releases_of(&premises.model, id, &new)
    }

    fn changed(&self, counts: impl Fn(&Change) -> bool) -> Option<Because> {
        let change = self.since.changes.iter().find(|change| counts(change))?;
        Some(Because::Changed { path: change.path.to_string_lossy().into_owned() })
    }
}

/// What is installed in the cell of an own task follows these.
fn installed_by(premises: &Premises, key: &OwnKey) -> Vec<RelPath> {
    let Some(cell) = &key.cell.cell else { return Vec::new() };
    let manifest = premises.manifest(cell.environment).clone();
    let pins = [".python-version", ".python-versions"].map(|name| manifest.parent().join(name));
    let beside = pins.into_iter().filter_map(Result::ok).chain([premises.lockfile(cell.environment)]);
    beside.chain([manifest.clone()]).collect()
}

/// Where a changed path lies.
enum Place {
    /// Outside of the root, in the same git repository.
    Beside,
    /// At this path of the root; `true`: itself. What has a name that no path may have stands for its directory.
    Inside(RelPath, bool),
    /// The root stands for it.
    Root,
}

fn place_of(path: &Path) -> Place {
    if path.starts_with("..") {
        return Place::Beside;
    }
    let mut parts = path.ancestors().filter_map(|above| Some((RelPath::parse(above.to_str()?).ok()?, above)));
    parts.next().map_or(Place::Root, |(found, above)| Place::Inside(found, above == path))
}

/// Adds the links on the way to what `path` leads to, and that, whether or not it is there; nothing where no link is.
fn add_way(path: &Path, ways: &mut BTreeSet<PathBuf>) {
    // More is a circle.
    const MOST_LINKS: usize = 40;
    if path.canonicalize().is_ok_and(|end| end == path) {
        return;
    }
    let mut links = Vec::new();
    let mut end = PathBuf::new();
    let mut rest: Vec<OsString> = reversed(path);
    while links.len() < MOST_LINKS
        && let Some(part) = rest.pop()
    {
        if part == ".." {
            end.pop();
            continue;
        }
        end.push(part);
        if let Ok(target) = end.read_link() {
            links.push(end.clone());
            end.pop();
            // Of a target that begins at the root of the file system nothing before it counts.
            rest.extend(reversed(&target));
        }
    }
    // One that is no end of anything is left out.
    let end = (!links.is_empty() && rest.is_empty()).then_some(end);
    ways.extend(links.into_iter().chain(end));
}

/// The parts of a path, the last one first.
fn reversed(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    parts.rev().map(|part| part.as_os_str().to_owned()).collect()
}

/// Is a change among the paths that were looked at?
fn is_among(root: &Path, change: &Change, seen: &BTreeSet<PathBuf>) -> bool {
    if change.path == Path::new(FILE_NAME) {
        // Shared by all environments, and compared by what it says.
        return false;
    }
    let path = clean(&root.join(&change.path));
    if change.is_tree {
        return seen.range(path.clone()..).next().is_some_and(|first| first.starts_with(&path));
    }
    // What has gone with its directories is missed where they were listed.
    let above = || path.ancestors().skip(1).find(|above| above.exists());
    seen.contains(&path) || (change.is_listed && above().is_some_and(|above| seen.contains(above)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(old: &str, new: &str) -> Declarations {
        let source = |text: &str| SourceFile::new("tasks.kdl", text);
        Declarations::between(Some(&source(old)), &source(new))
    }

    fn only(tasks: &[&str], environments: &[&str]) -> Declarations {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Declarations::Only { tasks: set(tasks), environments: set(environments) }
    }

    #[test]
    fn only_what_differs_is_declared_anew() {
        let old = "project \"p\"\ntask \"a\" { run \"x\" }\ntask \"b\" { run \"x\" }\nenvironment \"dev\"\n";
        assert_eq!(between(old, old), only(&[], &[]));
        assert_eq!(between(old, &old.replace("\"b\" { run \"x\"", "\"b\" { run \"y\"")), only(&["b"], &[]));
        assert_eq!(between(old, &old.replace("\"b\"", "\"c\"")), only(&["c"], &[]));
        let sources = old.replace("environment \"dev\"", "environment \"dev\" { sources \"tags\" }");
        assert_eq!(between(old, &sources), only(&[], &["dev"]));
        assert_eq!(between(old, &format!("default \"a\"\n// a comment\n{old}")), only(&[], &[]));
        assert_eq!(between(old, &old.replace("\"p\"", "\"q\"")), Declarations::All);
        assert_eq!(between("task \"a\" {", old), Declarations::All);
        assert_eq!(Declarations::between(None, &SourceFile::new("tasks.kdl", old)), Declarations::All);
    }

    #[test]
    fn a_path_that_has_come_or_gone_is_missed_where_its_directory_was_listed() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        std::fs::create_dir(root.join("packages")).unwrap();
        let seen = BTreeSet::from([root.join("packages"), root.join("uv.lock")]);
        let change = |path: &str, is_tree, is_listed| Change { path: path.into(), is_tree, is_listed };
        assert!(is_among(root, &change("packages/gone/pyproject.toml", false, true), &seen));
        assert!(!is_among(root, &change("packages/a/b", false, false), &seen));
        assert!(is_among(root, &change("uv.lock", false, false), &seen));
        assert!(is_among(root, &change("packages", true, false), &seen));
        assert!(!is_among(root, &change("package", true, false), &seen));
        assert!(!is_among(root, &change("README", false, true), &seen));
    }

    #[test]
    fn the_way_of_a_link_is_each_link_and_the_end_and_a_circle_ends() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        let ways = |name: &str| {
            let mut ways = BTreeSet::new();
            add_way(&root.join(name), &mut ways);
            let shown = |path: PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
            ways.into_iter().map(shown).collect::<Vec<_>>().join(" ")
        };
        std::fs::create_dir_all(root.join("real/deep")).unwrap();
        std::fs::write(root.join("real/deep/file"), "").unwrap();
        link("real/./deep", "way");
        link("../way/file", "real/link");
        link(root.join("gone/x").to_str().unwrap(), "out");
        link("circle", "circle");
        assert_eq!(ways("real/deep/file"), "");
        assert_eq!(ways("none/at/all"), "");
        assert_eq!(ways("way/file"), "real/deep/file way");
        assert_eq!(ways("way/none"), "real/deep/none way");
        assert_eq!(ways("real/link"), "real/deep/file real/link way");
        assert_eq!(ways("out"), "gone/x out");
        assert_eq!(ways("circle"), "circle");
    }
}
