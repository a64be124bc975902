//! `variants` nodes.

use std::collections::BTreeMap;

use miette::SourceSpan;
use pep440_rs::VersionSpecifiers;

use super::super::cell::MAX_CELLS;
use super::super::error::ModelFinding;
use super::super::name::PackageName;
use super::super::variant::{Axis, Index, Platform, Variant};
use super::requirement::Named;
use super::{ONE_NAME, Packages, Resolver, Thing};
use crate::base::{Spanned, nearest};
use crate::config::{VariantNode, VariantsNode};

/// What a target writes beside axes.
const NOT_AXES: &[&str] = &["python", "environment", "env", "cell", "matrix", "exclude"];
/// What a target writes beside variants.
const NOT_VARIANTS: &[&str] = &["none", "auto", "all"];

/// Names that a later axis, extra or index must not have.
#[derive(Default)]
pub(super) struct Taken {
    /// Variants, which are extras of every manifest.
    pub(super) variants: BTreeMap<PackageName, SourceSpan>,
    /// Indexes of variants, named like them.
    pub(super) indexes: BTreeMap<PackageName, SourceSpan>,
}

impl Resolver {
    pub(super) fn axes(
        &mut self,
        nodes: &[VariantsNode],
        packages: &Packages<'_>,
        taken: &mut Taken,
    ) -> Vec<Axis> {
        let mut names = BTreeMap::new();
        let mut all = Vec::new();
        let mut cells: u128 = 1;
        for node in nodes {
            let fits = self.axis_name(&node.name);
            let axis = self.axis(node, packages, taken);
            cells = cells.saturating_mul(axis.options().count().max(1) as u128);
            if self.once(&mut names, node.name.value.clone(), &Thing::new("axis", &node.name)) && fits {
                all.push(axis);
            }
        }
        if let Some(last) = nodes.last().filter(|_| cells > MAX_CELLS as u128) {
            let (count, span) = (cells.to_string(), last.name.span);
            self.report(ModelFinding::TooManyCells { count, most: MAX_CELLS, span });
        }
        all
    }

    fn axis(&mut self, node: &VariantsNode, packages: &Packages<'_>, taken: &mut Taken) -> Axis {
        let mut common = Named::default();
        let requirements = self.requirements(&node.dependencies, &mut common);
        self.refuse_internal(&requirements, packages);
        let mut variants = Vec::new();
        for variant in &node.variants {
            // All requirements of a variant end in one extra.
            variants.extend(self.variant(variant, packages, &mut common.clone(), taken));
        }
        Axis { name: node.name.clone(), choose: node.choose, requirements, variants, span: node.span }
    }

    fn variant(
        &mut self,
        node: &VariantNode,
        packages: &Packages<'_>,
        seen: &mut Named,
        taken: &mut Taken,
    ) -> Option<Variant> {
        let name = self.variant_name(&node.name);
        let location = node.index.as_ref().and_then(|index| self.index_location(index));
        let driver = node.driver.as_ref().and_then(|driver| self.driver(driver));
        let platforms = node.on.as_ref().map(|on| self.platforms(on)).unwrap_or_default();
        let (mut requirements, mut foreign_requirements) = (Vec::new(), Vec::new());
        for (list, from_index) in &node.dependencies {
            let list = self.requirements([list], seen);
            self.refuse_internal(&list, packages);
            if *from_index { &mut requirements } else { &mut foreign_requirements }.extend(list);
        }
        let name = name?;
        let thing = Thing::new("variant", &node.name).because(ONE_NAME);
        if !self.once(&mut taken.variants, name.clone(), &thing) {
            return None;
        }
        let called = node.index_name.as_ref().unwrap_or(&node.name);
        let index_name =
            node.index_name.as_ref().map_or(Some(name), |text| self.package_name("an index", text));
        let index = location.zip(index_name).map(|(location, name)| {
            taken.indexes.insert(name, called.span);
            let span = node.index.as_ref().map_or(node.span, |index| index.span);
            Index { name: called.clone(), location, explicit: true, default: false, span }
        });
        let name = node.name.clone();
        Some(Variant { name, index, driver, platforms, requirements, foreign_requirements, span: node.span })
    }

    /// `py=3.12` and `3d=…` must not look alike.
    fn axis_name(&mut self, name: &Spanned<String>) -> bool {
        if !self.word("an axis", name) || self.reserved("an axis", name, NOT_AXES) {
            return false;
        }
        let letter = name.value.starts_with(|c: char| c.is_ascii_lowercase());
        if !letter {
            self.invalid_name("an axis", name, "start with a letter, unlike a Python version");
        }
        letter
    }

    /// A target tells variants from Python versions by their first letter.
    fn variant_name(&mut self, name: &Spanned<String>) -> Option<PackageName> {
        if self.reserved("a variant", name, NOT_VARIANTS) {
            return None;
        }
        if !name.value.starts_with(|c: char| c.is_ascii_alphabetic()) {
            self.invalid_name(
                "a variant",
                name,
                "start with a letter: `cu124`, not `12.4`, which would be a Python",
            );
            return None;
        }
        self.package_name("a variant", name)
    }

    fn driver(&mut self, text: &Spanned<String>) -> Option<Spanned<VersionSpecifiers>> {
        self.range(text).map(|range| Spanned::new(range, text.span))
    }

    fn platforms(&mut self, text: &Spanned<String>) -> Vec<Platform> {
        let all = [Platform::Linux, Platform::Macos, Platform::Windows];
        let mut platforms = Vec::new();
        for word in self.list(text) {
            match all.into_iter().find(|platform| platform.word() == word.value) {
                Some(platform) if !platforms.contains(&platform) => platforms.push(platform),
                Some(_) => {}
                None => {
                    let words = ["linux", "macos", "windows"];
                    let near = match word.value.as_str() {
                        "darwin" | "mac" | "osx" => Some("macos"),
                        "win32" | "win" => Some("windows"),
                        other => nearest(other, words),
                    };
                    let help = near.map_or_else(
                        || "use linux, macos or windows".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    let name = crate::base::brief(&word.value);
                    self.report(ModelFinding::UnknownName { what: "platform", name, help, span: word.span });
                }
            }
        }
        platforms
    }
}
