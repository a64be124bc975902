//! Which locked packages an install of certain variants takes.
//!
//! uv writes the forks of conflicting extras (tried, 0.13.9) in two places: `[package.optional-dependencies]`
//! of the project lists each extra's packages by version and source, and every other edge that differs
//! between forks has a marker of the form `extra == 'extra-14-vlm-hyperbench-cu124'`, where 14 is the length
//! of the project's name. An edge is followed unless its marker rules the chosen extras out on every platform.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::str::FromStr as _;

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

/// Every package that an install of the project with the `chosen` variants can take, on any platform, with
/// any of its groups and of the extras that are no variants (`variants` are all there are), unless they conflict
/// with what is chosen.
pub(super) fn reached<'a>(
    lockfile: &'a Lockfile,
    project: &'a LockedPackage,
    chosen: &[&str],
    variants: &BTreeSet<String>,
) -> Vec<Reached<'a>> {
    let active = active_extras(&project.name, chosen);
    let mut named: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, package) in lockfile.packages.iter().enumerate() {
        named.entry(&package.name).or_default().push(at);
    }
    let mut walk =
        Walk { lockfile, named, active, seen: BTreeSet::new(), waiting: VecDeque::new(), found: Vec::new() };
    let is_ruled_out = |kind, name: &str| {
        lockfile.conflicts.iter().any(|set| {
            let has = |kind, name: &str| {
                set.iter().any(|member| kind_of(member, &project.name) == Some((kind, name)))
            };
            has(kind, name) && chosen.iter().any(|chosen| has(Kind::Extra, chosen))
        })
    };
    let extras = project.optional.iter().filter(|(extra, _)| {
        let is_free = !variants.contains(extra.as_str()) && !is_ruled_out(Kind::Extra, extra);
        chosen.contains(&extra.as_str()) || is_free
    });
    let groups = project.groups.iter().filter(|(group, _)| !is_ruled_out(Kind::Group, group));
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
        let Some(marker) = edge.marker.as_deref().filter(|marker| marker.contains("extra")) else {
            return true;
        };
        // pep508_rs panics on some texts that are no markers; what is none holds, as uv would not have written it.
        if marker_fault(marker).is_some() {
            return true;
        }
        MarkerTree::from_str(marker).map_or(true, |tree| tree.evaluate_extras(&self.active))
    }
}

/// Of the packages of the edge's name, is it this one?
fn is_target(edge: &Dependency, package: &LockedPackage) -> bool {
    (edge.version.is_none() || edge.version == package.version)
        && edge.source.as_ref().is_none_or(|source| *source == package.source)
}
