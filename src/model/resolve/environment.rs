//! `environment` nodes.

use std::collections::BTreeMap;

use super::super::environment::{CARRIED, Environment, Group, Kept, Requirement, Sources, Sync};
use super::super::error::ModelFinding;
use super::super::found::Found;
use super::super::name::{PackageName, normal};
use super::super::package::{Package, PackageId};
use super::super::variant::Axis;
use super::axis::Taken;
use super::project::Words;
use super::{Packages, Resolver, Thing};
use crate::base::{RelPath, Spanned, brief, hidden};
use crate::config::{EnvironmentNode, Install, KeptNode, SourcesNode};

/// Words that a target or the command line takes for something else.
pub(super) const NOT_ENVIRONMENTS: &[&str] = &["all", "auto", "none", "default"];
/// What uv's `--link-mode` takes.
const LINK_MODES: &[&str] = &["clone", "copy", "hardlink", "symlink"];

/// Why `a/pyproject.toml` and `A/pyproject.toml` are one.
const ONE_MANIFEST: &str =
    "each environment has a manifest of its own, in a directory that differs in more than case";

/// What environments share.
pub(super) struct Shared<'s> {
    /// The name that `project` gives.
    pub(super) name: Option<PackageName>,
    pub(super) packages: &'s Packages<'s>,
    /// For each package the environments it is limited to.
    pub(super) limits: Vec<Option<Vec<Spanned<String>>>>,
    pub(super) project: Words,
    pub(super) taken: &'s Taken,
    pub(super) axes: &'s [Axis],
}

impl Resolver {
    pub(super) fn environments(
        &mut self,
        nodes: &[EnvironmentNode],
        shared: &Shared<'_>,
        found: &Found,
    ) -> Vec<Environment> {
        let mut names = BTreeMap::new();
        let mut manifests = BTreeMap::new();
        let mut environments = Vec::new();
        for node in nodes {
            let fits = self.word("an environment", &node.name)
                && !self.reserved("an environment", &node.name, NOT_ENVIRONMENTS)
                && self.once(&mut names, node.name.value.clone(), &Thing::new("environment", &node.name));
            let manifest = self.manifest(node, shared.packages);
            if let Some(path) = &manifest {
                let text = Spanned::new(path.value.to_string(), path.span);
                let thing = Thing::new("the manifest", &text).because(ONE_MANIFEST);
                self.once(&mut manifests, path.value.as_str().to_lowercase(), &thing);
            }
            let environment = match node.kept {
                KeptNode::Adopted => manifest.map(|manifest| self.adopted(node, manifest, found)),
                KeptNode::From(_) => manifest.map(|manifest| self.underived(node, manifest)),
                KeptNode::Generated => self.environment(node, manifest, shared),
            };
            environments.extend(environment.filter(|_| fits));
        }
        self.projects(found, shared.packages, &mut environments);
        self.derive(nodes, shared, found, &mut environments);
        environments
    }

    fn environment(
        &mut self,
        node: &EnvironmentNode,
        manifest: Option<Spanned<RelPath>>,
        shared: &Shared<'_>,
    ) -> Option<Environment> {
        let own = self.words(&node.settings, shared.packages, shared.taken);
        let words = shared.project.with(&own);
        self.check_python(&words.settings);
        self.check_supplied(&words.settings.dependencies, shared.axes);
        let sources = match node.sources {
            SourcesNode::Workspace => Sources::Workspace,
            SourcesNode::Tags { channel, .. } => Sources::Tags(channel),
        };
        let chosen = self.participants(node, shared);
        let packages = match node.sources {
            SourcesNode::Workspace => self.workspace_packages(node, &chosen, shared.packages),
            SourcesNode::Tags { channel, span } => {
                self.pinned_packages(node, &chosen, (channel, span), shared.packages)
            }
        };
        let groups = self.chosen_groups(node, &words, &own);
        self.check_absent(node, &words, &groups, (&chosen, shared.packages));
        let sync = self.sync(node, &words, &groups);
        self.check_carry(node);
        Some(Environment {
            name: node.name.clone(),
            manifest: manifest?,
            kept: Kept::Generated,
            project: match &node.project {
                Some(name) => self.package_name("a project", name),
                None => shared.name.clone(),
            },
            axes: Vec::new(),
            sources,
            settings: words.settings,
            packages,
            groups,
            carry: node.carry.clone(),
            sync,
            span: node.span,
        })
    }

    /// What variants supply from their own indexes is no dependency besides.
    fn check_supplied(&mut self, dependencies: &[Requirement], axes: &[Axis]) {
        for axis in axes.iter().filter(|axis| axis.variants.iter().any(|variant| variant.index.is_some())) {
            for requirement in dependencies {
                let supplied = axis.supplied().find(|supplied| supplied.name == requirement.name);
                if let Some(supplied) = supplied {
                    self.report(ModelFinding::SuppliedRequirement {
                        name: requirement.name.to_string(),
                        axis: brief(&axis.name.value),
                        supplied: supplied.span,
                        span: requirement.span,
                    });
                }
            }
        }
    }

    pub(super) fn check_carry(&mut self, node: &EnvironmentNode) {
        let Some(carry) = &node.carry else { return };
        if matches!(node.sources, SourcesNode::Workspace) {
            let span = carry.first().map_or(node.name.span, |key| key.span);
            self.report(ModelFinding::CarryInWorkspace { environment: brief(&node.name.value), span });
        }
        carry
            .iter()
            .filter(|key| !CARRIED.contains(&key.value.as_str()))
            .for_each(|key| self.unknown_word("setting", key, CARRIED));
    }

    fn manifest(&mut self, node: &EnvironmentNode, packages: &Packages<'_>) -> Option<Spanned<RelPath>> {
        let environment = brief(&node.name.value);
        let Some(text) = &node.manifest else {
            let first = matches!(node.sources, SourcesNode::Workspace);
            let suggestion =
                if first { "pyproject.toml".to_owned() } else { format!("{environment}/pyproject.toml") };
            self.report(ModelFinding::MissingManifest { environment, suggestion, span: node.name.span });
            return None;
        };
        let path = self.path(text)?;
        if path.value.file_name() != "pyproject.toml" {
            let directory =
                if path.value.file_name().contains('.') { path.value.parent() } else { path.value.clone() };
            let suggestion = directory
                .join("pyproject.toml")
                .map_or_else(|_| "pyproject.toml".to_owned(), |path| hidden(path.as_str()));
            let name = brief(&text.value);
            self.report(ModelFinding::ManifestName { name, suggestion, span: text.span });
            return None;
        }
        // An adopted one is written by nobody but its authors.
        let adopted = matches!(node.kept, KeptNode::Adopted);
        let around = |package: &&Package| package.path.as_ref().is_some_and(|of| path.value.is_in(&of.value));
        if let Some(package) = packages.all.iter().find(around).filter(|_| !adopted) {
            let (package, declared) = (package.name.value.to_string(), package.name.span);
            self.report(ModelFinding::ManifestInPackage { environment, package, declared, span: text.span });
        }
        Some(path)
    }

    /// The groups that the manifest has: those it names, then those it declares itself.
    fn chosen_groups(&mut self, node: &EnvironmentNode, words: &Words, own: &Words) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let declared = own.groups.iter().map(|group| &group.name);
        for name in node.groups.iter().chain(declared) {
            if groups.iter().any(|before| normal(&before.name.value) == normal(&name.value)) {
                continue;
            }
            let group = words.groups.iter().find(|group| normal(&group.name.value) == normal(&name.value));
            match group {
                Some(group) => groups.push(group.clone()),
                None => self.unknown("group", name, &group_names(&words.groups)),
            }
        }
        groups
    }

    /// Groups and extras whose internal packages do not take part.
    fn check_absent(
        &mut self,
        node: &EnvironmentNode,
        words: &Words,
        groups: &[Group],
        (chosen, packages): (&[PackageId], &Packages<'_>),
    ) {
        let of = |what: &'static str| move |group| (what, group);
        let all = groups.iter().map(of("group")).chain(words.settings.extras.iter().map(of("extra")));
        for (what, group) in all {
            let named = node
                .groups
                .iter()
                .find(|name| what == "group" && normal(&name.value) == normal(&group.name.value));
            for requirement in &group.requirements {
                let Some((id, package)) = packages.find(&requirement.name) else {
                    continue;
                };
                if !chosen.contains(&id) {
                    self.report(ModelFinding::AbsentPackage {
                        what,
                        name: brief(&group.name.value),
                        package: package.name.value.to_string(),
                        environment: brief(&node.name.value),
                        requirement: requirement.span,
                        span: named.map_or(node.name.span, |name| name.span),
                    });
                }
            }
        }
    }

    fn sync(&mut self, node: &EnvironmentNode, words: &Words, groups: &[Group]) -> Sync {
        let declared = group_names(groups);
        let chosen = match &node.sync.groups {
            None => declared.iter().map(ToString::to_string).collect(),
            Some(names) => self.declared("group", names, &declared),
        };
        let extras = self.declared("extra", &node.sync.extras, &group_names(&words.settings.extras));
        let tags = matches!(node.sources, SourcesNode::Tags { .. });
        self.sync_of(node, Some(chosen), extras, tags)
    }

    /// How an environment is synced, its groups and extras being known.
    pub(super) fn sync_of(
        &mut self,
        node: &EnvironmentNode,
        groups: Option<Vec<String>>,
        extras: Vec<String>,
        tags: bool,
    ) -> Sync {
        if let Some(editable) = node.sync.editable.filter(|editable| editable.value && tags) {
            let environment = brief(&node.name.value);
            self.report(ModelFinding::EditableTags { environment, span: editable.span });
        }
        let link_mode = node.sync.link_mode.as_ref();
        if let Some(mode) = link_mode.filter(|mode| !LINK_MODES.contains(&mode.value.as_str())) {
            self.unknown_word("link mode", mode, LINK_MODES);
        }
        Sync {
            groups,
            extras,
            install: node.sync.install.map_or(Install::All, |install| install.value),
            editable: node.sync.editable.map_or(!tags, |editable| editable.value),
            link_mode: link_mode.map(|mode| mode.value.clone()),
        }
    }

    /// The names as they are declared, each once.
    pub(super) fn declared(
        &mut self,
        what: &'static str,
        names: &[Spanned<String>],
        known: &[&str],
    ) -> Vec<String> {
        let mut declared: Vec<String> = Vec::new();
        for name in names {
            match known.iter().find(|known| normal(known) == normal(&name.value)) {
                None => self.unknown(what, name, known),
                Some(&known) if declared.iter().any(|before| before == known) => {}
                Some(&known) => declared.push(known.to_owned()),
            }
        }
        declared
    }
}

fn group_names(groups: &[Group]) -> Vec<&str> {
    groups.iter().map(|group| group.name.value.as_str()).collect()
}
