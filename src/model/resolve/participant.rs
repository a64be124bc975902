//! Which internal packages take part in which environment.

use super::super::environment::Participant;
use super::super::error::ModelFinding;
use super::super::name::PackageName;
use super::super::package::{Package, PackageId};
use super::super::pin_error::PinFinding;
use super::environment::Shared;
use super::{Packages, Resolver};
use crate::base::{Spanned, brief};
use crate::config::{EnvironmentNode, PackageNode, Role, SourcesNode};

impl Resolver {
    /// For each package of the model the environments that `environments=` names.
    pub(super) fn limits(
        &mut self,
        packages: &Packages<'_>,
        nodes: &[PackageNode],
        environments: &[EnvironmentNode],
    ) -> Vec<Option<Vec<Spanned<String>>>> {
        let known: Vec<&str> =
            environments.iter().map(|environment| environment.name.value.as_str()).collect();
        let mut limits = vec![None; packages.all.len()];
        for node in nodes {
            let Some(text) = &node.environments else { continue };
            let words = self.list(text);
            for word in &words {
                let environment =
                    environments.iter().find(|environment| environment.name.value == word.value);
                match environment {
                    None => self.unknown("environment", word, &known),
                    Some(environment) => self.check_limit(node, environment, word),
                }
            }
            let package = packages.all.iter().position(|package| package.span == node.span);
            if let Some(at) = package {
                limits[at] = Some(words);
            }
        }
        limits
    }

    /// A package of the working tree cannot be asked for where packages come from tags.
    fn check_limit(&mut self, node: &PackageNode, environment: &EnvironmentNode, word: &Spanned<String>) {
        if node.role != Role::Dependency && matches!(environment.sources, SourcesNode::Tags { .. }) {
            self.report(ModelFinding::ExcludedPackage {
                package: brief(&node.name.value),
                environment: brief(&word.value),
                reason: TREE_ONLY,
                help: "delete the environment, or the package's `role=`",
                span: word.span,
            });
        }
    }

    /// The packages that take part: those that `packages` selects of those that may.
    pub(super) fn participants(&mut self, node: &EnvironmentNode, shared: &Shared<'_>) -> Vec<PackageId> {
        let selected = node.packages.as_ref().map(|names| self.selected(node, names, shared));
        let may = |(at, package): &(usize, &Package)| {
            excluded(node, package, shared.limits[*at].as_ref()).is_none()
        };
        let all = shared.packages.all.iter().enumerate().filter(may).map(|(at, _)| PackageId(at));
        all.filter(|id| selected.as_ref().is_none_or(|selected| selected.contains(id))).collect()
    }

    fn selected(
        &mut self,
        node: &EnvironmentNode,
        names: &[Spanned<String>],
        shared: &Shared<'_>,
    ) -> Vec<PackageId> {
        let mut selected = Vec::new();
        for text in names {
            let found = PackageName::parse(&text.value).ok().and_then(|name| shared.packages.find(&name));
            let Some((id, package)) = found else {
                self.unknown("package", text, &shared.packages.names());
                continue;
            };
            if let Some((reason, help)) = excluded(node, package, shared.limits[id.0].as_ref()) {
                let (package, environment) = (package.name.value.to_string(), brief(&node.name.value));
                self.report(ModelFinding::ExcludedPackage {
                    package,
                    environment,
                    reason,
                    help,
                    span: text.span,
                });
            }
            selected.push(id);
        }
        selected
    }

    pub(super) fn workspace_packages(
        &mut self,
        node: &EnvironmentNode,
        chosen: &[PackageId],
        packages: &Packages<'_>,
    ) -> Vec<Participant> {
        for pin in &node.pins {
            let environment = brief(&node.name.value);
            self.report(PinFinding::PinInWorkspace { environment, span: pin.span }.into());
        }
        for id in chosen {
            let package = &packages.all[id.0];
            if package.path.is_none() && !self.misplaced.contains(&package.span) {
                let reason =
                    format!("in environment `{}`, which uses the working tree", brief(&node.name.value));
                let (name, span) = (package.name.value.to_string(), package.name.span);
                self.report(ModelFinding::MissingPlace { package: name, property: "path", reason, span });
            }
        }
        chosen.iter().map(|&package| Participant { package, pin: None }).collect()
    }
}

/// Why packages of the working tree are not in a tags environment.
const TREE_ONLY: &str = "it is of the working tree only, and packages come from tags";

/// Why a package cannot take part in an environment, and what to do.
fn excluded(
    node: &EnvironmentNode,
    package: &Package,
    limit: Option<&Vec<Spanned<String>>>,
) -> Option<(&'static str, &'static str)> {
    if limit.is_some_and(|names| !names.iter().any(|name| name.value == node.name.value)) {
        return Some((
            "its `environments=` leaves it out",
            "add the environment to the package's `environments=`",
        ));
    }
    let tags = matches!(node.sources, SourcesNode::Tags { .. });
    (tags && package.role != Role::Dependency).then_some((TREE_ONLY, "delete the package's `role=`"))
}
