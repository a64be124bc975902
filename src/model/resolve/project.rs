//! The words of `project`, and how an environment adds to them or replaces them.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use pep440_rs::{Version, VersionSpecifiers};

use super::super::environment::{Group, Requirement, Settings};
use super::super::error::ModelFinding;
use super::super::name::{PackageName, normal};
use super::axis::Taken;
use super::requirement::Named;
use super::{ONE_NAME, Packages, Resolver, Thing};
use crate::base::Spanned;
use crate::config::{GroupNode, SettingsNode};

/// The words of `project`, or those of an environment alone.
#[derive(Default, Clone)]
pub(super) struct Words {
    pub(super) settings: Settings,
    pub(super) groups: Vec<Group>,
    /// Which lists replace the project's.
    only: Only,
}

#[derive(Default, Clone)]
struct Only {
    dependencies: bool,
    platforms: bool,
    /// Extras and groups, by the normal form of their names.
    extras: Vec<String>,
    groups: Vec<String>,
}

/// The highest patch release of a Python that a pin such as `3.12` is tried with.
const MAX_PATCH: u64 = 60;

impl Resolver {
    pub(super) fn words(&mut self, node: &SettingsNode, packages: &Packages<'_>, taken: &Taken) -> Words {
        let mut words = Words::default();
        words.settings.dependencies = self.requirements(&node.dependencies, &mut Named::default());
        words.only.dependencies = node.dependencies.iter().any(|list| list.only);
        self.refuse_internal(&words.settings.dependencies, packages);
        words.settings.version = node
            .version
            .clone()
            .filter(|text| self.version("version", text, "write it like \"0.1.0\"").is_some());
        words.settings.description.clone_from(&node.description);
        words.settings.requires_python =
            node.requires_python.clone().filter(|text| self.range(text).is_some());
        words.settings.python = node.python.clone().filter(|text| self.python(text));
        if let Some(platforms) = &node.platforms {
            words.settings.platforms = self.markers(platforms);
            words.only.platforms = platforms.only;
        }
        let mut names = taken.variants.clone();
        (words.settings.extras, words.only.extras) = self.groups("extra", &node.extras, &mut names);
        (words.groups, words.only.groups) = self.groups("group", &node.groups, &mut BTreeMap::new());
        words
    }

    /// Named lists, and the names of those that replace the project's.
    fn groups(
        &mut self,
        what: &'static str,
        nodes: &[GroupNode],
        names: &mut BTreeMap<PackageName, miette::SourceSpan>,
    ) -> (Vec<Group>, Vec<String>) {
        let (mut groups, mut only) = (Vec::new(), Vec::new());
        for node in nodes {
            let requirements = self.requirements([&node.requirements], &mut Named::default());
            let Some(name) = self.package_name(what, &node.name) else {
                continue;
            };
            if node.requirements.only {
                only.push(name.as_str().to_owned());
            }
            if self.once(names, name, &Thing::new(what, &node.name).because(ONE_NAME)) {
                groups.push(Group { name: node.name.clone(), requirements });
            }
        }
        (groups, only)
    }

    /// A pin is a minor version or a patch release.
    pub(super) fn python(&mut self, text: &Spanned<String>) -> bool {
        let help = "write it like \"3.12\" or \"3.12.1\"";
        let Some(version) = self.version("Python version", text, help) else {
            return false;
        };
        let plain = text.value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let fits = version.epoch() == 0 && plain && matches!(version.release().len(), 2 | 3);
        if !fits {
            let (text, help, span) = (crate::base::brief(&text.value), help.to_owned(), text.span);
            self.report(ModelFinding::InvalidVersion { what: "Python version", text, help, span });
        }
        fits
    }

    /// Does the pin lie in the range?
    pub(super) fn check_python(&mut self, settings: &Settings) {
        if let (Some(python), Some(supported)) = (&settings.python, &settings.requires_python) {
            self.check_supported(python, supported);
        }
    }

    /// Reports a Python outside of the supported range.
    pub(super) fn check_supported(&mut self, python: &Spanned<String>, supported: &Spanned<String>) {
        let range = VersionSpecifiers::from_str(&supported.value);
        let (Ok(pin), Ok(range)) = (Version::from_str(&python.value), range) else {
            return;
        };
        let inside = if let [major, minor] = *pin.release() {
            (0..=MAX_PATCH).any(|patch| range.contains(&Version::new([major, minor, patch])))
        } else {
            range.contains(&pin)
        };
        if !inside {
            self.report(ModelFinding::PythonOutsideRange {
                python: python.value.clone(),
                range: supported.value.clone(),
                supported: supported.span,
                span: python.span,
            });
        }
    }
}

impl Words {
    /// These words with an environment's added to them or put in their place.
    pub(super) fn with(&self, own: &Self) -> Self {
        let base = &self.settings;
        let added = &own.settings;
        let dependencies = if own.only.dependencies {
            added.dependencies.clone()
        } else {
            add_requirements(&base.dependencies, &added.dependencies)
        };
        let mut platforms = if own.only.platforms { Vec::new() } else { base.platforms.clone() };
        platforms.extend(added.platforms.iter().cloned());
        Self {
            settings: Settings {
                version: added.version.clone().or_else(|| base.version.clone()),
                description: added.description.clone().or_else(|| base.description.clone()),
                requires_python: added.requires_python.clone().or_else(|| base.requires_python.clone()),
                python: added.python.clone().or_else(|| base.python.clone()),
                dependencies,
                extras: add_groups(&base.extras, &added.extras, &own.only.extras),
                platforms,
            },
            groups: add_groups(&self.groups, &own.groups, &own.only.groups),
            only: Only::default(),
        }
    }
}

/// An environment's requirement replaces the project's of the same package, in its place.
fn add_requirements(base: &[Requirement], added: &[Requirement]) -> Vec<Requirement> {
    let of = |name: &PackageName| {
        added.iter().filter(move |requirement| requirement.name == *name).cloned().collect::<Vec<_>>()
    };
    let mut all: Vec<Requirement> = Vec::new();
    for requirement in base {
        let own = of(&requirement.name);
        if own.is_empty() {
            all.push(requirement.clone());
        } else if !all.iter().any(|before| before.name == requirement.name) {
            all.extend(own);
        }
    }
    let known: Vec<PackageName> = base.iter().map(|requirement| requirement.name.clone()).collect();
    all.extend(added.iter().filter(|requirement| !known.contains(&requirement.name)).cloned());
    all
}

fn add_groups(base: &[Group], added: &[Group], only: &[String]) -> Vec<Group> {
    let same = |one: &Group, other: &Group| normal(&one.name.value) == normal(&other.name.value);
    let mut all: Vec<Group> = base.to_vec();
    for group in added {
        match all.iter_mut().find(|before| same(before, group)) {
            Some(before) if only.contains(&normal(&group.name.value)) => {
                before.requirements.clone_from(&group.requirements);
            }
            Some(before) => before.requirements = add_requirements(&before.requirements, &group.requirements),
            None => all.push(group.clone()),
        }
    }
    all
}
