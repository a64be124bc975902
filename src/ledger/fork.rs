//! Which locked packages an install of certain variants takes.
//!
//! uv writes the forks of conflicting extras (tried, 0.13.9) in two places: `[package.optional-dependencies]`
//! of the project lists each extra's packages by version and source, and every other edge that differs
//! between forks has a marker of the form `extra == 'extra-14-vlm-hyperbench-cu124'`, where 14 is the length
//! of the project's name. An edge is followed unless its marker rules the chosen extras out on every platform.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::str::FromStr as _;

use pep440_rs::Version;
use pep508_rs::{ExtraName, MarkerTree};

use super::lockfile::{Conflict, Dependency, LockedPackage, Lockfile};
use crate::model::marker_fault;

/// A package that an install takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached<'a> {
    /// The package.
    pub(super) package: &'a LockedPackage,
    /// The package that asked for it first; `None`: the project.
    pub(super) through: Option<&'a str>,
}

/// What an install takes of the project.
#[derive(Debug, Clone, Copy)]
pub(super) struct Install<'a> {
    /// The extras of the chosen variants.
    pub(super) chosen: &'a [&'a str],
    /// What it takes besides.
    pub(super) rest: Rest<'a>,
    /// The Python it is for, such as `3.12`; `None`: any.
    pub(super) python: Option<&'a str>,
}

/// Groups and extras of the project that are no variants.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rest<'a> {
    /// Any of them, unless they conflict with what is chosen. These are all the variants there are.
    Any(&'a BTreeSet<String>),
    /// These.
    These {
        /// The extras.
        extras: &'a [String],
        /// The groups.
        groups: &'a [String],
    },
}

/// Every package that the install can take, on any platform.
pub(super) fn reached<'a>(
    lockfile: &'a Lockfile,
    project: &'a LockedPackage,
    asked: Install<'_>,
) -> Vec<Reached<'a>> {
    let active = active_extras(&project.name, asked.chosen);
    let mut named: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, package) in lockfile.packages.iter().enumerate() {
        named.entry(&package.name).or_default().push(at);
    }
    let mut walk = Walk {
        lockfile,
        named,
        active,
        python: asked.python.and_then(release),
        seen: BTreeSet::new(),
        waiting: VecDeque::new(),
        found: Vec::new(),
    };
    let is_ruled_out = |kind, name: &str| {
        lockfile.conflicts.iter().any(|set| {
            let has = |kind, name: &str| {
                set.iter().any(|member| kind_of(member, &project.name) == Some((kind, name)))
            };
            has(kind, name) && asked.chosen.iter().any(|chosen| has(Kind::Extra, chosen))
        })
    };
    let is_taken = |kind, name: &String| match (asked.rest, kind) {
        (Rest::Any(variants), Kind::Extra) => !variants.contains(name) && !is_ruled_out(kind, name),
        (Rest::Any(_), Kind::Group) => !is_ruled_out(kind, name),
        (Rest::These { extras, .. }, Kind::Extra) => extras.contains(name),
        (Rest::These { groups, .. }, Kind::Group) => groups.contains(name),
    };
    let extras = project
        .optional
        .iter()
        .filter(|(extra, _)| asked.chosen.contains(&extra.as_str()) || is_taken(Kind::Extra, extra));
    let groups = project.groups.iter().filter(|(group, _)| is_taken(Kind::Group, group));
    let lists = extras.chain(groups).map(|(_, list)| list).chain([&project.dependencies]);
    for list in lists {
        walk.follow(list, None);
    }
    while let Some((at, extra)) = walk.waiting.pop_front() {
        let package = &lockfile.packages[at];
        let list = extra.map_or(Some(&package.dependencies), |extra| package.optional.get(extra));
        walk.follow(list.map(Vec::as_slice).unwrap_or_default(), Some(&package.name));
    }
    walk.found
}

/// What a member of a conflict set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Extra,
    Group,
}

/// The extra or group of the project that a conflict names.
fn kind_of<'c>(member: &'c Conflict, project: &str) -> Option<(Kind, &'c str)> {
    if member.package != project {
        return None;
    }
    let extra = member.extra.as_deref().map(|extra| (Kind::Extra, extra));
    extra.or_else(|| member.group.as_deref().map(|group| (Kind::Group, group)))
}

/// The names that markers of the lockfile use for the chosen extras.
fn active_extras(project: &str, chosen: &[&str]) -> Vec<ExtraName> {
    chosen
        .iter()
        .flat_map(|extra| [(*extra).to_owned(), format!("extra-{}-{project}-{extra}", project.len())])
        .filter_map(|name| ExtraName::from_str(&name).ok())
        .collect()
}

struct Walk<'a> {
    lockfile: &'a Lockfile,
    /// The positions of the packages of each name.
    named: BTreeMap<&'a str, Vec<usize>>,
    active: Vec<ExtraName>,
    /// The first version of the Python that counts, and the first after it.
    python: Option<(Version, Version)>,
    /// Packages by position, with the extra whose list it is; `None`: the package's own.
    seen: BTreeSet<(usize, Option<&'a str>)>,
    waiting: VecDeque<(usize, Option<&'a str>)>,
    found: Vec<Reached<'a>>,
}

impl<'a> Walk<'a> {
    fn follow(&mut self, edges: &'a [Dependency], through: Option<&'a str>) {
        for edge in edges {
            if !self.holds(edge) {
                continue;
            }
            for at in self.named.get(edge.name.as_str()).cloned().unwrap_or_default() {
                let package = &self.lockfile.packages[at];
                if !is_target(edge, package) {
                    continue;
                }
                if self.seen.insert((at, None)) {
                    self.found.push(Reached { package, through });
                    self.waiting.push_back((at, None));
                }
                for extra in &edge.extra {
                    if self.seen.insert((at, Some(extra))) {
                        self.waiting.push_back((at, Some(extra)));
                    }
                }
            }
        }
    }

    /// Can the edge be taken with the chosen extras? A marker that cannot be read is no reason not to look.
    fn holds(&self, edge: &Dependency) -> bool {
        let says =
            |marker: &&str| marker.contains("extra") || (self.python.is_some() && marker.contains("python"));
        let Some(marker) = edge.marker.as_deref().filter(says) else {
            return true;
        };
        // pep508_rs panics on some texts that are no markers; what is none holds, as uv would not have written it.
        if marker_fault(marker).is_some() {
            return true;
        }
        MarkerTree::from_str(marker).map_or(true, |tree| {
            let tree = match &self.python {
                Some((first, next)) => {
                    tree.simplify_python_versions(Bound::Included(first), Bound::Excluded(next))
                }
                None => tree,
            };
            tree.evaluate_extras(&self.active)
        })
    }
}

/// The releases that a Python such as `3.12` or `3.12.1` stands for: the first, and the first after them.
fn release(python: &str) -> Option<(Version, Version)> {
    let numbers: Option<Vec<u64>> = python.split('.').map(|part| part.parse().ok()).collect();
    let first = numbers?;
    let mut next = first.clone();
    let last = next.last_mut()?;
    *last = last.checked_add(1)?;
    Some((Version::new(first), Version::new(next)))
}

/// Of the packages of the edge's name, is it this one?
fn is_target(edge: &Dependency, package: &LockedPackage) -> bool {
    (edge.version.is_none() || edge.version == package.version)
        && edge.source.as_ref().is_none_or(|source| *source == package.source)
}
