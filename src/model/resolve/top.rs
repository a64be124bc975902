//! The top of `tasks.kdl`: [`resolve`], versions of tools, tasks, defaults.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::time::Duration;

use pep440_rs::{Operator, Version, VersionSpecifiers};

use super::super::environment::{EnvironmentId, Project};
use super::super::error::ModelFinding;
use super::super::found::Found;
use super::super::report::ModelError;
use super::super::{Cell, Environment, Model, UvRequest, WantedUv};
use super::axis::Taken;
use super::environment::Shared;
use super::task::Ground;
use super::{Packages, Resolver};
use crate::base::{Spanned, brief};
use crate::config::{Config, EnvironmentNode, KeptNode, ProjectNode, UvNode};

/// The version of this program.
const RUNNING: &str = env!("CARGO_PKG_VERSION");

/// Gives the configuration its meaning, with what was found where it points.
///
/// # Errors
/// Every mistake in what it means.
pub(crate) fn resolve(config: Config, found: &Found) -> Result<Model, ModelError> {
    let mut resolver = Resolver::new(config.source.clone());
    if let Some(range) = &config.envloom {
        resolver.running(range);
    }
    let uv = config.uv.as_ref().and_then(|uv| resolver.uv(uv));
    let project = config.project.as_ref().and_then(|project| resolver.project(project));
    let packages = resolver.packages(&config.packages, project.as_ref().map(|project| &project.name.value));
    let named = Packages::new(&packages);
    let mut taken = Taken::default();
    let axes = resolver.axes(&config.variants, &named, &mut taken);
    let indexes = resolver.indexes(&config.indexes, &mut taken.indexes);
    let words = config.project.as_ref().map(|project| resolver.words(&project.settings, &named, &taken));
    let words = words.unwrap_or_default();
    resolver.check_python(&words.settings);
    let generated = config.environments.iter().find(|node| matches!(node.kept, KeptNode::Generated));
    if let Some(environment) = generated.filter(|_| config.project.is_none()) {
        resolver.report(ModelFinding::MissingProject { span: environment.name.span });
    }
    let limits = resolver.limits(&named, &config.packages, &config.environments);
    let name = project.as_ref().map(|project| project.name.value.clone());
    let shared = Shared { name, packages: &named, limits, project: words, taken: &taken, axes: &axes };
    resolver.project_patterns(&config.projects, found);
    let environments = resolver.environments(&config.environments, &shared, found);
    let default_environment = config
        .default_environment
        .and_then(|name| resolver.default_environment(&name, &environments, &config.environments));
    let pools =
        resolver.amounts(&config.resources).into_iter().map(|(name, amount)| (name.value, amount)).collect();
    let max_age = config.max_age.as_ref().and_then(|age| resolver.max_age(age));
    let (source, default) = (config.source, config.default);
    let mut model = Model {
        source,
        uv,
        project,
        packages,
        indexes,
        axes,
        environments,
        tasks: Vec::new(),
        pools,
        max_age,
        default,
        default_environment,
    };
    let ground = Ground { model: &model, others: &[], environment: environment_of_matrices(&model) };
    model.tasks = resolver.tasks(&config.tasks, &ground);
    if !resolver.findings.is_empty() {
        return Err(ModelError::new(&model.source, resolver.findings));
    }
    let clashes = clashing_cells(&model);
    if clashes.is_empty() { Ok(model) } else { Err(ModelError::new(&model.source, clashes)) }
}

/// Cells of one name: they would share a venv, a record and a log, and be rebuilt in turn for ever. Names may hold
/// the `-` that joins them: `a` with `b-c` and `a-b` with `c` are both `a-b-c`.
fn clashing_cells(model: &Model) -> Vec<ModelFinding> {
    let mut named: BTreeMap<String, Cell> = BTreeMap::new();
    let mut findings = Vec::new();
    for (id, environment) in model.environments() {
        for cell in model.cells(id) {
            let slug = cell.slug(model);
            let Some(other) = named.insert(slug.clone(), cell.clone()) else { continue };
            let target = |cell: &Cell| {
                let address = cell.address(model).unwrap_or_default();
                format!("{}@{address}", model.environment(cell.environment).name.value)
            };
            findings.push(ModelFinding::SameCell {
                slug,
                one: target(&other),
                other: target(&cell),
                first: model.environment(other.environment).name.span,
                span: environment.name.span,
            });
        }
    }
    findings
}

impl Resolver {
    /// Is the file for this envloom?
    fn running(&mut self, text: &Spanned<String>) {
        let Some(range) = self.range(text) else { return };
        if Version::from_str(RUNNING).is_ok_and(|running| !range.contains(&running)) {
            let (range, span) = (brief(&text.value), text.span);
            self.report(ModelFinding::OtherEnvloom { range, running: RUNNING, span });
        }
    }

    fn uv(&mut self, node: &UvNode) -> Option<UvRequest> {
        let wanted = match Version::from_str(&node.version.value) {
            Ok(version) => Some(WantedUv::Exact(version)),
            Err(_) => self.range(&node.version).map(wanted),
        };
        let exact = matches!(wanted, Some(WantedUv::Exact(_)) | None);
        if let Some(sha256) = &node.sha256 {
            let digits =
                sha256.value.len() == 64 && sha256.value.bytes().all(|byte| byte.is_ascii_hexdigit());
            let reason = if digits { "a range of uv has no one SHA-256" } else { "this is no SHA-256" };
            if !digits || !exact {
                self.report(ModelFinding::InvalidSha256 { reason, span: sha256.span });
            }
        }
        let sha256 = node.sha256.as_ref().map(|sha256| sha256.value.to_ascii_lowercase());
        Some(UvRequest { text: node.version.clone(), wanted: wanted?, sha256 })
    }

    fn project(&mut self, node: &ProjectNode) -> Option<Project> {
        let name = self.package_name("a project", &node.name)?;
        Some(Project { name: Spanned::new(name, node.name.span), span: node.span })
    }

    /// A length of time, or none at all.
    pub(super) fn max_age(&mut self, text: &Spanned<String>) -> Option<Duration> {
        if matches!(text.value.as_str(), "0" | "0s") { Some(Duration::ZERO) } else { self.duration(text) }
    }

    /// The environment of that name; one that is declared but wrong has findings of its own.
    pub(super) fn default_environment(
        &mut self,
        name: &Spanned<String>,
        environments: &[Environment],
        nodes: &[EnvironmentNode],
    ) -> Option<EnvironmentId> {
        let found = environments.iter().position(|environment| environment.name.value == name.value);
        if found.is_none() && !nodes.iter().any(|node| node.name.value == name.value) {
            let known: Vec<&str> =
                environments.iter().map(|environment| environment.name.value.as_str()).collect();
            self.unknown("environment", name, &known);
        }
        found.map(EnvironmentId)
    }
}

/// `==0.13.9` is one version.
fn wanted(range: VersionSpecifiers) -> WantedUv {
    match &*range {
        [only] if matches!(only.operator(), Operator::Equal | Operator::ExactEqual) => {
            WantedUv::Exact(only.version().clone())
        }
        _ => WantedUv::Range(range),
    }
}

/// The environment of a matrix that names none: the default, else the only one.
pub(super) fn environment_of_matrices(model: &Model) -> Option<EnvironmentId> {
    model.default_environment.or_else(|| (model.environments.len() == 1).then_some(EnvironmentId(0)))
}
