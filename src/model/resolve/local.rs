//! `tasks.local.kdl` against the model.

use std::collections::BTreeMap;

use super::super::error::ModelFinding;
use super::super::report::ModelError;
use super::super::task_error::TaskFinding;
use super::super::{Axis, CacheSettings, LocalModel, Model, Preference};
use super::task::Ground;
use super::{Resolver, Thing};
use crate::base::{Spanned, brief, parse_bytes};
use crate::config::{CacheNode, LocalConfig, PreferNode};

/// Gives the private configuration its meaning.
///
/// # Errors
/// Every mistake in what it means.
pub(crate) fn resolve_local(local: LocalConfig, model: &Model) -> Result<LocalModel, ModelError> {
    let mut resolver = Resolver::new(local.source.clone());
    let prefer = resolver.prefer(&local.prefer, &model.axes);
    let env = resolver.env(&local.env);
    let environment = super::top::environment_of_matrices(model);
    let ground = Ground { model, others: &model.tasks, environment };
    let tasks = resolver.tasks(&local.tasks, &ground);
    let pools =
        resolver.amounts(&local.resources).into_iter().map(|(name, amount)| (name.value, amount)).collect();
    let max_age = local.max_age.as_ref().and_then(|age| resolver.max_age(age));
    let cache = local.cache.as_ref().map(|node| resolver.cache(node)).unwrap_or_default();
    let venvs = local.venvs.as_ref().and_then(|venvs| resolver.venvs(venvs));
    let default_environment = local
        .default_environment
        .and_then(|name| resolver.default_environment(&name, &model.environments, &[]));
    if !resolver.findings.is_empty() {
        return Err(ModelError::new(&local.source, resolver.findings));
    }
    let (source, default) = (local.source, local.default);
    let jobs = local.jobs.map(|jobs| jobs.value);
    Ok(LocalModel {
        source,
        default,
        default_environment,
        prefer,
        jobs,
        env,
        tasks,
        pools,
        max_age,
        venvs,
        cache,
    })
}

impl Resolver {
    /// The preferred choices by axis.
    fn prefer(&mut self, nodes: &[PreferNode], axes: &[Axis]) -> BTreeMap<usize, Preference> {
        let mut prefer = BTreeMap::new();
        let mut seen = BTreeMap::new();
        for node in nodes {
            let Some(at) = axes.iter().position(|axis| axis.name.value == node.axis.value) else {
                let known: Vec<&str> = axes.iter().map(|axis| axis.name.value.as_str()).collect();
                self.unknown("axis", &node.axis, &known);
                continue;
            };
            self.once(&mut seen, at, &Thing::new("a preference for", &node.axis));
            let word = |choice: Option<usize>| {
                choice.map_or("none", |variant| axes[at].variants[variant].name.value.as_str())
            };
            let choice = axes[at].options().find(|&choice| word(choice) == node.variant.value);
            if let Some(choice) = choice {
                prefer.insert(at, Preference::One(choice));
            } else if node.variant.value == "auto" && axes[at].knows_drivers() {
                prefer.insert(at, Preference::Auto);
            } else {
                let auto = axes[at].knows_drivers().then_some("auto");
                let known: Vec<&str> = axes[at].options().map(word).chain(auto).collect();
                self.unknown("variant", &node.variant, &known);
            }
        }
        prefer
    }

    fn env(&mut self, nodes: &[(Spanned<String>, Spanned<String>)]) -> Vec<(String, String)> {
        let mut names = BTreeMap::new();
        self.variables(nodes.iter().map(|(name, _)| name));
        for (name, _) in nodes {
            self.once(&mut names, name.value.clone(), &Thing::new("variable", name));
        }
        nodes.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect()
    }

    fn cache(&mut self, node: &CacheNode) -> CacheSettings {
        let directory = node.directory.as_ref().and_then(|directory| self.venvs(directory));
        let limit = node.limit.as_ref().and_then(|limit| self.bytes(limit));
        let age = node.age.as_ref().and_then(|age| self.duration(age));
        CacheSettings { directory, limit, age }
    }

    fn bytes(&mut self, text: &Spanned<String>) -> Option<u64> {
        let found = parse_bytes(&text.value).ok();
        if found.is_none() {
            let (what, example) = ("amount", "\"500MB\" or \"10GiB\"");
            let text_of = brief(&text.value);
            self.report(TaskFinding::InvalidAmount { what, text: text_of, example, span: text.span }.into());
        }
        found
    }

    /// An absolute directory, or one relative to the root, which may not climb out.
    fn venvs(&mut self, text: &Spanned<String>) -> Option<String> {
        if !text.value.starts_with('/') {
            return self.path(text).map(|path| path.value.to_string());
        }
        if text.value.split('/').any(|part| part == "..") || text.value.trim_matches('/').is_empty() {
            let (path, reason) = (brief(&text.value), "write the directory itself".to_owned());
            self.report(ModelFinding::InvalidPath { path, reason, span: text.span });
            return None;
        }
        Some(text.value.clone())
    }
}
