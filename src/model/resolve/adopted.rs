//! Adopted environments: those of `adopt` and `projects`, whose manifests exist and are never written; and those
//! that are made `from` one.

use std::collections::{BTreeMap, BTreeSet};

use miette::SourceSpan;

use super::super::adopted_error::AdoptedFinding;
use super::super::cell::MAX_CELLS;
use super::super::environment::{
    Environment, EnvironmentId, Group, Kept, Requirement, Settings, Sources, Sync,
};
use super::super::error::ModelFinding;
use super::super::found::{Facts, Found, FoundProject, Supplied};
use super::super::name::{PackageName, normal};
use super::super::package::{Package, PackageId};
use super::super::variant::{Axis, Index, Variant};
use super::environment::{NOT_ENVIRONMENTS, Shared};
use super::{Packages, Resolver};
use crate::base::{RelPath, Spanned, brief};
use crate::config::{AxisChoice, EnvironmentNode, Install, KeptNode, ProjectsNode, Role, SourcesNode};

/// The name of the first axis that an adopted manifest's conflicts make.
const AXIS: &str = "extra";

impl Resolver {
    /// An environment that says `adopt`.
    pub(super) fn adopted(
        &mut self,
        node: &EnvironmentNode,
        manifest: Spanned<RelPath>,
        found: &Found,
    ) -> Environment {
        let facts = found.manifests.get(&manifest.value);
        if let Some(workspace) = facts.and_then(|facts| facts.workspace.as_ref()) {
            self.report(
                AdoptedFinding::WorkspaceMember {
                    manifest: manifest.value.to_string(),
                    workspace: brief(workspace),
                    span: manifest.span,
                }
                .into(),
            );
        }
        let mut environment = self.of_facts(node.name.clone(), manifest, facts, node.span);
        environment.sync = self.adopted_sync(node, facts);
        environment
    }

    /// An environment that says `from`, before it is known what that is.
    pub(super) fn underived(&mut self, node: &EnvironmentNode, manifest: Spanned<RelPath>) -> Environment {
        self.of_facts(node.name.clone(), manifest, None, node.span)
    }

    /// What every adopted manifest makes of an environment.
    fn of_facts(
        &mut self,
        name: Spanned<String>,
        manifest: Spanned<RelPath>,
        facts: Option<&Facts>,
        span: SourceSpan,
    ) -> Environment {
        let text = |text: &String| Spanned::new(text.clone(), span);
        Environment {
            name,
            manifest,
            kept: Kept::Adopted,
            project: facts.and_then(|facts| facts.name.clone()),
            sources: Sources::Workspace,
            settings: Settings {
                requires_python: facts.and_then(|facts| facts.requires_python.as_ref()).map(text),
                python: facts.and_then(|facts| facts.python.as_ref()).map(text),
                ..Settings::default()
            },
            packages: Vec::new(),
            groups: Vec::new(),
            carry: None,
            sync: Sync {
                groups: None,
                extras: Vec::new(),
                install: Install::All,
                editable: true,
                link_mode: None,
            },
            axes: facts.map(|facts| self.axes_of(facts, span)).unwrap_or_default(),
            span,
        }
    }

    /// The axes that sets of conflicting extras make: extras that a chain of sets joins are on one, so that no cell
    /// has two that exclude one another.
    fn axes_of(&mut self, facts: &Facts, span: SourceSpan) -> Vec<Axis> {
        let mut joined: Vec<Vec<&String>> = Vec::new();
        for set in &facts.conflicts {
            let touches = |axis: &Vec<&String>| axis.iter().any(|extra| set.contains(extra));
            let first = joined.iter().position(touches).unwrap_or(joined.len());
            let (met, others): (Vec<_>, Vec<_>) = joined.into_iter().partition(touches);
            let mut axis: Vec<&String> = met.into_iter().flatten().collect();
            for extra in set {
                if !axis.contains(&extra) {
                    axis.push(extra);
                }
            }
            joined = others;
            joined.insert(first, axis);
        }
        joined.retain(|axis| axis.len() > 1);
        let cells = joined.iter().fold(1_u128, |cells, axis| cells.saturating_mul(axis.len() as u128 + 1));
        if cells > MAX_CELLS as u128 {
            self.report(ModelFinding::TooManyCells { count: cells.to_string(), most: MAX_CELLS, span });
        }
        let named = |(at, extras): (usize, Vec<&String>)| Axis {
            name: Spanned::new(if at == 0 { AXIS.to_owned() } else { format!("{AXIS}{}", at + 1) }, span),
            choose: AxisChoice::OneOrNone,
            requirements: Vec::new(),
            variants: extras
                .into_iter()
                .map(|extra| variant(extra, facts.supplies.get(extra), span))
                .collect(),
            span,
        };
        joined.into_iter().enumerate().map(named).collect()
    }

    fn adopted_sync(&mut self, node: &EnvironmentNode, facts: Option<&Facts>) -> Sync {
        let known = |names: fn(&Facts) -> &Vec<String>| -> Option<Vec<&str>> {
            facts.map(|facts| names(facts).iter().map(String::as_str).collect())
        };
        let mut named = |what, names: &[Spanned<String>], known: Option<Vec<&str>>| match known {
            Some(known) => self.declared(what, names, &known),
            // Nobody knows what an unreadable manifest has; uv will say.
            None => names.iter().map(|name| name.value.clone()).collect(),
        };
        let groups = node.sync.groups.as_ref();
        let groups = groups.map(|names| named("group", names, known(|facts| &facts.groups)));
        let extras = named("extra", &node.sync.extras, known(|facts| &facts.extras));
        self.sync_of(node, groups, extras, false)
    }

    /// What is wrong with the patterns of `projects` themselves.
    pub(super) fn project_patterns(&mut self, nodes: &[ProjectsNode], found: &Found) {
        for pattern in nodes.iter().flat_map(|node| &node.patterns) {
            let fits = found.projects.iter().any(|project| project.span == pattern.span);
            if self.path(pattern).is_some() && !fits {
                let (pattern, span) = (brief(&pattern.value), pattern.span);
                self.report(AdoptedFinding::NoProjects { pattern, span }.into());
            }
        }
        for except in nodes.iter().filter_map(|node| node.except.as_ref()) {
            for pattern in self.list(except) {
                self.path(&pattern);
            }
        }
    }

    /// The directories of `projects`: each an adopted environment, unless something else is said of it.
    pub(super) fn projects(
        &mut self,
        found: &Found,
        packages: &Packages<'_>,
        environments: &mut Vec<Environment>,
    ) {
        let mut names: BTreeMap<String, (String, SourceSpan)> = environments
            .iter()
            .map(|environment| {
                let place = environment.manifest.value.to_string();
                (environment.name.value.clone(), (place, environment.name.span))
            })
            .collect();
        let mut manifests: BTreeSet<RelPath> =
            environments.iter().map(|environment| environment.manifest.value.clone()).collect();
        manifests.extend(found.projects.iter().filter_map(|project| manifest_in(&project.directory)));
        let declared = environments.len();
        let mut met = BTreeSet::new();
        for project in &found.projects {
            // Two patterns may fit one directory.
            if !met.insert(&project.directory) {
                continue;
            }
            let Some(manifest) = manifest_in(&project.directory) else { continue };
            let is_declared =
                environments[..declared].iter().any(|environment| environment.manifest.value == manifest);
            if is_declared || is_internal(packages, &project.directory) {
                continue;
            }
            let facts = found.manifests.get(&manifest);
            if let Some(workspace) = facts.and_then(|facts| facts.workspace.as_ref()) {
                let root = RelPath::parse(workspace).ok().and_then(|root| manifest_in(&root));
                if !root.is_some_and(|root| manifests.contains(&root)) {
                    let (manifest, workspace) = (manifest.to_string(), brief(workspace));
                    self.report(
                        AdoptedFinding::WorkspaceMember { manifest, workspace, span: project.span }.into(),
                    );
                }
                continue;
            }
            let Some(name) = self.name_of(project, &manifest, &mut names) else { continue };
            let manifest = Spanned::new(manifest, project.span);
            let name = Spanned::new(name, project.span);
            environments.push(self.of_facts(name, manifest, facts, project.span));
        }
    }

    /// The name of a found project: its directory's, as a target can have it.
    fn name_of(
        &mut self,
        project: &FoundProject,
        manifest: &RelPath,
        names: &mut BTreeMap<String, (String, SourceSpan)>,
    ) -> Option<String> {
        let name: String = project
            .directory
            .file_name()
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() {
                    letter.to_ascii_lowercase()
                } else if letter == '_' {
                    '_'
                } else {
                    '-'
                }
            })
            .collect();
        let name = name.trim_matches(['-', '_']).to_owned();
        let text = Spanned::new(name.clone(), project.span);
        if !self.word("an environment", &text) || self.reserved("an environment", &text, NOT_ENVIRONMENTS) {
            return None;
        }
        if let Some((other, first)) = names.get(&name) {
            let (one, other) = (manifest.to_string(), other.clone());
            self.report(
                AdoptedFinding::SameProject { name, one, other, first: *first, span: project.span }.into(),
            );
            return None;
        }
        names.insert(name.clone(), (manifest.to_string(), project.span));
        Some(name)
    }

    /// Fills the environments that are made `from` an adopted one.
    pub(super) fn derive(
        &mut self,
        nodes: &[EnvironmentNode],
        shared: &Shared<'_>,
        found: &Found,
        environments: &mut [Environment],
    ) {
        for node in nodes {
            let KeptNode::From(from) = &node.kept else { continue };
            let place = |name: &str| environments.iter().position(|one| one.name.value == name);
            let Some(at) = environments.iter().position(|one| one.span == node.span) else { continue };
            let Some(origin) = place(&from.value) else {
                let known: Vec<&str> = environments
                    .iter()
                    .filter(|one| one.kept == Kept::Adopted)
                    .map(|one| one.name.value.as_str())
                    .collect();
                self.unknown("adopted environment", from, &known);
                continue;
            };
            let is_declared = |node: &&EnvironmentNode| node.name.value == from.value;
            let origin_node = nodes.iter().find(is_declared);
            if origin_node.is_some_and(|node| !matches!(node.kept, KeptNode::Adopted)) {
                let name = brief(&from.value);
                self.report(AdoptedFinding::NotAdopted { name, span: from.span }.into());
                continue;
            }
            let origin = Origin {
                id: EnvironmentId(origin),
                facts: found.manifests.get(&environments[origin].manifest.value),
                environment: environments[origin].clone(),
            };
            self.derived(node, shared, &origin, &mut environments[at]);
        }
    }

    fn derived(
        &mut self,
        node: &EnvironmentNode,
        shared: &Shared<'_>,
        origin: &Origin<'_>,
        environment: &mut Environment,
    ) {
        let facts = origin.facts;
        environment.kept = Kept::Derived(origin.id);
        environment.project.clone_from(&origin.environment.project);
        environment.settings = origin.environment.settings.clone();
        environment.axes.clone_from(&origin.environment.axes);
        let no_facts = Facts::default();
        let known = facts.unwrap_or(&no_facts);
        let channel = match node.sources {
            SourcesNode::Tags { channel, span } => (channel, span),
            SourcesNode::Workspace => {
                let environment = brief(&node.name.value);
                return self
                    .report(AdoptedFinding::DerivedInWorkspace { environment, span: node.name.span }.into());
            }
        };
        environment.sources = Sources::Tags(channel.0);
        let chosen = self.taking_part(node, shared, known);
        environment.packages = self.pinned_packages(node, &chosen, channel, shared.packages);
        let groups: Vec<&str> = known.groups.iter().map(String::as_str).collect();
        let has = if facts.is_some() {
            self.declared("group", &node.groups, &groups)
        } else {
            node.groups.iter().map(|name| name.value.clone()).collect()
        };
        environment.groups = has
            .iter()
            .map(|name| Group { name: Spanned::new(name.clone(), node.span), requirements: Vec::new() })
            .collect();
        let names: Vec<&str> = has.iter().map(String::as_str).collect();
        let synced = match &node.sync.groups {
            None => has.clone(),
            Some(chosen) => self.declared("group", chosen, &names),
        };
        let extras: Vec<&str> = known.extras.iter().map(String::as_str).collect();
        let extras = match facts {
            Some(_) => self.declared("extra", &node.sync.extras, &extras),
            None => node.sync.extras.iter().map(|name| name.value.clone()).collect(),
        };
        environment.sync = self.sync_of(node, Some(synced), extras, true);
        environment.carry.clone_from(&node.carry);
        self.check_carry(node);
    }

    /// The internal packages of a derived environment: those that `packages` names, else those that the adopted
    /// manifest requires or a pin names.
    fn taking_part(&mut self, node: &EnvironmentNode, shared: &Shared<'_>, facts: &Facts) -> Vec<PackageId> {
        let may = self.participants(node, shared);
        if node.packages.is_some() {
            return may;
        }
        let pinned: Vec<String> = node.pins.iter().map(|pin| normal(&pin.package.value)).collect();
        let takes = |package: &Package| {
            facts.requires.contains(&package.name.value)
                || pinned.iter().any(|name| name == package.name.value.as_str())
        };
        may.into_iter().filter(|id| takes(&shared.packages.all[id.0])).collect()
    }
}

/// What an environment is made from.
struct Origin<'f> {
    id: EnvironmentId,
    environment: Environment,
    /// What its manifest says, if that can be read.
    facts: Option<&'f Facts>,
}

/// An extra as a variant, with what it supplies from an index of its own: `verify` holds the lockfile to that.
fn variant(extra: &str, supplied: Option<&Supplied>, span: SourceSpan) -> Variant {
    let requirement =
        |(name, text): &(PackageName, String)| Requirement { name: name.clone(), text: text.clone(), span };
    Variant {
        name: Spanned::new(extra.to_owned(), span),
        index: supplied.map(|supplied| Index {
            name: Spanned::new(supplied.index.clone(), span),
            location: supplied.location.clone(),
            explicit: true,
            default: false,
            span,
        }),
        driver: None,
        platforms: Vec::new(),
        requirements: supplied.iter().flat_map(|one| &one.requirements).map(requirement).collect(),
        foreign_requirements: Vec::new(),
        span,
    }
}

/// Is the directory that of a declared package that has no lockfile of its own?
fn is_internal(packages: &Packages<'_>, directory: &RelPath) -> bool {
    packages.all.iter().any(|package| {
        package.role != Role::Path && package.path.as_ref().is_some_and(|path| path.value == *directory)
    })
}

/// The manifest in a directory.
fn manifest_in(directory: &RelPath) -> Option<RelPath> {
    directory.join("pyproject.toml").ok()
}
