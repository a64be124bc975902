//! One side of a comparison: what its lockfile holds, by package.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::{Table, Value};

use super::Build;
use crate::base::{RelPath, percent_decoded};
use crate::ledger::fork::{Install, Rest, reached};
use crate::ledger::lockfile::{LockedPackage, Lockfile, Source};
use crate::model::{Axis, Cell, Model, normal};

/// A lockfile with what it was made from.
#[derive(Debug, Clone)]
pub(crate) struct Side<'a> {
    /// The lockfile.
    pub(crate) lockfile: &'a Lockfile,
    /// The manifest beside it.
    pub(crate) manifest: &'a Table,
    /// Their directory.
    pub(crate) directory: RelPath,
    /// The absolute root of the repository, which some places in a lockfile are written by.
    pub(crate) root: &'a Path,
    /// The axes of the environment.
    pub(crate) axes: &'a [Axis],
    /// What is installed of it; `None`: all that is locked counts.
    pub(crate) taken: Option<Taken>,
}

/// What one cell installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The chosen variants.
    pub(crate) variants: Vec<String>,
    /// Further extras.
    pub(crate) extras: Vec<String>,
    /// Groups; `None`: those that the manifest has by default.
    pub(crate) groups: Option<Vec<String>>,
    /// The Python, where the cell says which.
    pub(crate) python: Option<String>,
}

/// Builds by the name of their package.
pub(super) type Builds = BTreeMap<String, BTreeSet<Build>>;

/// What a lockfile holds, or a cell installs of it.
pub(super) struct Contents {
    /// Internal packages.
    pub(super) internal: Builds,
    /// All others.
    pub(super) others: Builds,
    /// What an install of each variant takes of the others. Empty for a cell, whose variant is chosen.
    pub(super) variants: Vec<(String, Builds)>,
    /// The names of packages of which variants take different builds.
    pub(super) of_variants: BTreeSet<String>,
}

impl Contents {
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.internal.keys().chain(self.others.keys())
    }

    /// What a variant takes of a package.
    pub(super) fn taken_by(&self, variant: &str, name: &str) -> BTreeSet<Build> {
        let mut taken = self.variants.iter().filter(|(known, _)| known == variant);
        taken.next().and_then(|(_, builds)| builds.get(name)).cloned().unwrap_or_default()
    }
}

impl Taken {
    /// What a sync of the cell is told to install.
    pub(crate) fn of(model: &Model, cell: &Cell) -> Self {
        let sync = &model.environment(cell.environment).sync;
        Self {
            variants: cell.variants(model).map(str::to_owned).collect(),
            extras: sync.extras.clone(),
            groups: sync.groups.clone(),
            python: cell.python.clone(),
        }
    }
}

impl<'a> Side<'a> {
    /// The packages, by what they are.
    pub(super) fn contents(&self, internal: &BTreeSet<String>) -> Contents {
        let forks = self.forks();
        let all = self.lockfile.packages.iter();
        let taken: Vec<&LockedPackage> = match (&self.taken, self.project()) {
            (Some(taken), Some(project)) => self.installed(project, taken),
            _ => all.collect(),
        };
        let mut contents = Contents {
            internal: Builds::new(),
            others: Builds::new(),
            variants: Vec::new(),
            of_variants: self.of_variants(&forks),
        };
        for package in taken.into_iter().filter(|package| !package.source.is_here()) {
            let is_internal = internal.contains(&package.name) || is_of_tree(&package.source);
            let builds = if is_internal { &mut contents.internal } else { &mut contents.others };
            self.add(builds, package);
        }
        if self.taken.is_none() {
            let third_party = |package: &&&LockedPackage| contents.others.contains_key(&package.name);
            contents.variants = forks
                .iter()
                .flatten()
                .map(|(label, packages)| {
                    let mut builds = Builds::new();
                    packages.iter().filter(third_party).for_each(|package| self.add(&mut builds, package));
                    (label.clone(), builds)
                })
                .collect();
        }
        contents
    }

    fn add(&self, builds: &mut Builds, package: &LockedPackage) {
        let build = Build { version: package.version.clone(), source: self.rooted(&package.source) };
        builds.entry(package.name.clone()).or_default().insert(build);
    }

    /// The locked project itself.
    fn project(&self) -> Option<&'a LockedPackage> {
        let name = self.manifest.get("project")?.get("name")?.as_str()?;
        self.lockfile.project(&normal(name))
    }

    /// What an install of each variant alone takes, by axis. An axis whose empty choice is allowed has that one, too.
    fn forks(&self) -> Vec<Vec<(String, Vec<&'a LockedPackage>)>> {
        let Some(project) = self.project() else { return Vec::new() };
        let all: BTreeSet<String> = self.extras().collect();
        let of = |extra: Option<&str>| {
            let install = Install { chosen: extra.as_slice(), rest: Rest::Any(&all), python: None };
            reached(self.lockfile, project, install).into_iter().map(|reached| reached.package).collect()
        };
        self.axes
            .iter()
            .map(|axis| {
                let named = |variant: &String| (variant.clone(), of(Some(&normal(variant))));
                let variants = axis.variants.iter().map(|variant| &variant.name.value).map(named);
                let none = axis.choose.allows_none().then(|| (NO_VARIANT.to_owned(), of(None)));
                variants.chain(none).collect()
            })
            .collect()
    }

    /// The extras that variants are.
    fn extras(&self) -> impl Iterator<Item = String> {
        let variants = self.axes.iter().flat_map(|axis| &axis.variants);
        variants.map(|variant| normal(&variant.name.value))
    }

    /// The names of packages that the extras of variants list, and of those whose builds depend on the variant.
    fn of_variants(&self, forks: &[Vec<(String, Vec<&'a LockedPackage>)>]) -> BTreeSet<String> {
        let optional = self.project().map(|project| &project.optional);
        let listed = self.extras().filter_map(|extra| optional?.get(&extra)).flatten();
        let mut names: BTreeSet<String> = listed.map(|edge| edge.name.clone()).collect();
        for siblings in forks {
            let mut takers: BTreeMap<(&str, Option<&str>, &Source), usize> = BTreeMap::new();
            for package in siblings.iter().flat_map(|(_, packages)| packages) {
                *takers.entry((&package.name, package.version.as_deref(), &package.source)).or_default() += 1;
            }
            let some = takers.into_iter().filter(|(_, count)| *count < siblings.len());
            names.extend(some.map(|((name, ..), _)| name.to_owned()));
        }
        names
    }

    /// What a cell installs.
    fn installed(&self, project: &'a LockedPackage, taken: &Taken) -> Vec<&'a LockedPackage> {
        let normal_all = |names: &[String]| names.iter().map(|name| normal(name)).collect::<Vec<_>>();
        let chosen = normal_all(&taken.variants);
        let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
        let extras = normal_all(&taken.extras);
        let groups = match &taken.groups {
            Some(groups) => normal_all(groups),
            None => self.default_groups(project),
        };
        let rest = Rest::These { extras: &extras, groups: &groups };
        let install = Install { chosen: &chosen, rest, python: taken.python.as_deref() };
        reached(self.lockfile, project, install).into_iter().map(|reached| reached.package).collect()
    }

    /// The groups that uv installs unasked.
    fn default_groups(&self, project: &LockedPackage) -> Vec<String> {
        let said = self.manifest.get("tool").and_then(|tool| tool.get("uv")?.get("default-groups"));
        match said {
            Some(Value::String(all)) if all == "all" => project.groups.keys().cloned().collect(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(normal).collect(),
            _ => vec!["dev".to_owned()],
        }
    }

    /// The source with its path from the root of the repository.
    fn rooted(&self, source: &Source) -> Source {
        let path = |path: &String| self.place(path);
        match source {
            Source::Registry(index) => Source::Registry(path(index)),
            Source::Path(archive) => Source::Path(path(archive)),
            Source::Directory(directory) => Source::Directory(path(directory)),
            Source::Editable(directory) => Source::Editable(path(directory)),
            Source::Virtual(directory) => Source::Virtual(path(directory)),
            Source::Git { .. } | Source::Url(_) => source.clone(),
        }
    }

    /// A path, seen from the root of the repository where it lies in it; a URL stays one.
    pub(super) fn place(&self, text: &str) -> String {
        let absolute = match text.strip_prefix("file://") {
            Some(path) => percent_decoded(path),
            None if text.contains("://") => return text.trim_end_matches('/').to_owned(),
            None => text.to_owned(),
        };
        if absolute.starts_with('/') {
            let inside = Path::new(&absolute).strip_prefix(self.root).ok().and_then(Path::to_str);
            return inside.map_or(absolute.clone(), str::to_owned);
        }
        self.directory.join(&absolute).map_or(absolute, |path| path.to_string())
    }
}

/// The empty choice on an axis.
const NO_VARIANT: &str = "none";

/// Is it installed from the working tree?
fn is_of_tree(source: &Source) -> bool {
    matches!(source, Source::Editable(_) | Source::Directory(_) | Source::Virtual(_))
}
