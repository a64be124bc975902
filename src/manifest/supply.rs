//! Variants, lowered in one place to what uv has: extras, sources, indexes, conflict sets, constraints and
//! scoped excludes.
//!
//! A variant for some platforms only has their marker on its *requirements*. On the source it would send the
//! other platforms to the default index (tried: uv then fails there, or takes the index's torch); without the
//! requirement they simply have none. Where `tool.uv.environments` already says no more than that, no marker
//! is written.

use std::collections::BTreeMap;

use miette::SourceSpan;
use toml_edit::{Array, Value};

use super::identity;
use super::project::{Entries, Parts, joined, requirements, table};
use crate::model::{Environment, Index, IndexLocation, Model, PackageName, Requirement, Variant};

/// Each variant as an extra.
pub(super) fn extras(model: &Model, environment: &Environment, entries: &mut Entries) {
    for axis in &model.axes {
        for variant in &axis.variants {
            let keys = ["project", "optional-dependencies", variant.name.value.as_str()];
            let own = variant.requirements.iter().chain(&variant.foreign_requirements);
            let marker = marker(variant, environment);
            let all: Vec<Requirement> = axis
                .requirements
                .iter()
                .chain(own)
                .map(|requirement| marked(requirement, marker.as_deref()))
                .collect();
            if all.is_empty() {
                entries.key(&keys, Array::new(), variant.span);
            }
            requirements(entries, &keys, &all);
        }
    }
}

/// The marker that keeps a variant to its platforms; `None` where it needs none.
pub(super) fn marker(variant: &Variant, environment: &Environment) -> Option<String> {
    let markers: Vec<String> = variant
        .platforms
        .iter()
        .map(|platform| format!("sys_platform == '{}'", platform.sys_platform()))
        .collect();
    let platforms = &environment.settings.platforms;
    let implied = !platforms.is_empty()
        && platforms.iter().all(|platform| markers.contains(&platform.value.trim().replace('"', "'")));
    (!markers.is_empty() && !implied).then(|| markers.join(" or "))
}

/// The requirement under that marker.
fn marked(requirement: &Requirement, marker: Option<&str>) -> Requirement {
    let Some(marker) = marker else {
        return requirement.clone();
    };
    let rest = identity::split_name(&requirement.text).map_or("", |(_, rest)| rest);
    let own = identity::marker_of(rest);
    let text = if own.is_empty() {
        format!("{} ; {marker}", requirement.text.trim_end())
    } else {
        let plain = requirement.text[..requirement.text.len() - own.len()]
            .trim_end()
            .trim_end_matches(';')
            .trim_end();
        format!("{plain} ; ({own}) and ({marker})")
    };
    Requirement { text, ..requirement.clone() }
}

/// For each axis of two or more: its variants exclude one another.
pub(super) fn conflicts(model: &Model, entries: &mut Entries) {
    for axis in model.axes.iter().filter(|axis| axis.variants.len() >= 2) {
        let set: Array = axis
            .variants
            .iter()
            .map(|variant| table([("extra", variant.name.value.as_str().into())]))
            .collect();
        entries.element(&["tool", "uv", "conflicts"], set, axis.span);
    }
}

/// The packages that variants supply, each with where it comes from.
fn supplied(model: &Model) -> BTreeMap<&PackageName, Supply<'_>> {
    let mut supplies: BTreeMap<&PackageName, Supply<'_>> = BTreeMap::new();
    for axis in &model.axes {
        for variant in &axis.variants {
            for requirement in axis.requirements.iter().chain(&variant.requirements) {
                let supply = supplies.entry(&requirement.name).or_insert_with(|| Supply {
                    texts: Vec::new(),
                    variants: Vec::new(),
                    span: requirement.span,
                });
                if !supply.texts.contains(&requirement.text.as_str()) {
                    supply.texts.push(&requirement.text);
                }
                if !supply.variants.iter().any(|known| known.name.value == variant.name.value) {
                    supply.variants.push(variant);
                }
            }
        }
    }
    supplies
}

struct Supply<'m> {
    texts: Vec<&'m str>,
    variants: Vec<&'m Variant>,
    span: SourceSpan,
}

/// The names in the order that `tasks.kdl` first has them.
fn in_order(model: &Model) -> Vec<(&PackageName, Supply<'_>)> {
    let mut all: Vec<_> = supplied(model).into_iter().collect();
    all.sort_by_key(|(_, supply)| supply.span.offset());
    all
}

/// Each supplied package comes from the index of the chosen variant.
pub(super) fn sources(model: &Model, entries: &mut Entries) {
    for (name, supply) in in_order(model) {
        let from: Array = supply
            .variants
            .iter()
            .filter_map(|variant| variant.index.as_ref().map(|index| (variant, index)))
            .map(|(variant, index)| {
                let word = |name: &str| Value::from(name);
                table([("index", word(&index.name.value)), ("extra", word(&variant.name.value))])
            })
            .collect();
        if !from.is_empty() {
            entries.key(&["tool", "uv", "sources", name.as_str()], from, supply.span);
        }
    }
}

/// The declared indexes, then those of variants, which serve nothing else.
pub(super) fn indexes(model: &Model, environment: &Environment, entries: &mut Entries) {
    let own = model.axes.iter().flat_map(|axis| &axis.variants).filter_map(|variant| variant.index.as_ref());
    for (index, explicit) in
        model.indexes.iter().map(|index| (index, index.explicit)).chain(own.map(|own| (own, true)))
    {
        let mut items =
            vec![("name", index.name.value.as_str().into()), ("url", location(index, environment).into())];
        if explicit {
            items.push(("explicit", true.into()));
        }
        if index.default {
            items.push(("default", true.into()));
        }
        entries.element(&["tool", "uv", "index"], table(items), index.span);
    }
}

fn location(index: &Index, environment: &Environment) -> String {
    match &index.location {
        IndexLocation::Url(url) => url.clone(),
        IndexLocation::Path(path) => path.relative_to(&environment.directory()),
    }
}

/// What the internal packages of an environment require, as their manifests say.
pub(super) type Required<'r> = Vec<(&'r PackageName, SourceSpan, &'r [String])>;

/// The ranges of supplied packages as constraints, so that they hold wherever else such a package is asked
/// for; and, for each internal package that itself requires one, the exclude that leaves it to the variants,
/// with the range that it asked for among the constraints instead.
pub(super) fn bounds(model: &Model, required: &Required<'_>, scoped_excludes: bool, entries: &mut Entries) {
    let supplies = in_order(model);
    for (name, supply) in &supplies {
        let [text] = supply.texts.as_slice() else { continue };
        let asked = if scoped_excludes { asked_elsewhere(name, required) } else { Vec::new() };
        let range = asked.iter().fold(range(name, text), |known, more| match (known, range(name, more)) {
            (Some(one), Some(other)) => joined(&one, &other),
            (one, other) => one.or(other),
        });
        if let Some(range) = range {
            entries.element(&["tool", "uv", "constraint-dependencies"], range, supply.span);
        }
    }
    if scoped_excludes {
        excludes(&supplies, required, entries);
    }
}

fn excludes(supplies: &[(&PackageName, Supply<'_>)], required: &Required<'_>, entries: &mut Entries) {
    for (package, span, texts) in required {
        let names: Array = supplies
            .iter()
            .filter(|(name, _)| texts.iter().any(|text| names(text, name)))
            .map(|(name, _)| Value::from(name.as_str()))
            .collect();
        if !names.is_empty() {
            let scope = table([("name", package.as_str().into())]);
            let exclude = table([("package", scope), ("dependencies", names.into())]);
            entries.element(&["tool", "uv", "exclude-dependencies"], exclude, *span);
        }
    }
}

fn names(text: &str, name: &PackageName) -> bool {
    identity::split_name(text).is_some_and(|(found, _)| &found == name)
}

/// What internal packages ask of a supplied package everywhere.
fn asked_elsewhere<'r>(name: &PackageName, required: &Required<'r>) -> Vec<&'r String> {
    let all = required.iter().flat_map(|(_, _, texts)| texts.iter());
    all.filter(|text| names(text, name) && Parts::of(text).is_some_and(|parts| parts.marker.is_empty()))
        .collect()
}

/// The requirement as a constraint: name and range. `None` where it has no range.
fn range(name: &PackageName, text: &str) -> Option<String> {
    let parts = Parts::of(text)?;
    (!parts.ranges.is_empty() && parts.marker.is_empty()).then(|| format!("{name}{}", parts.ranges.join(",")))
}
