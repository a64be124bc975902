//! Row of `verify`: what a variant supplies comes from its index, in every fork that has the variant.
//!
//! Forks without any variant are not judged: there a third-party package may pull in the default index's.

use std::collections::BTreeSet;

use super::finding::VerifyFinding;
use super::fork::{Install, Reached, Rest, reached};
use super::lockfile::Source;
use super::origin::describe;
use super::verify::{Case, version};
use crate::base::printable;
use crate::model::{Axis, IndexLocation, Variant, normal};

/// Combinations of variants that are looked at; beyond it each variant is looked at alone.
const MOST_COMBINATIONS: usize = 512;

/// Each chosen variant's packages, in every combination; then those that a variant lacks.
pub(super) fn variants(case: &Case<'_>, findings: &mut Vec<VerifyFinding>) {
    let project = case.project();
    let all: BTreeSet<String> = all_variants(case.axes()).map(|(_, variant)| extra_name(variant)).collect();
    for chosen in combinations(case.axes()) {
        let extras: Vec<String> = chosen.iter().map(|(_, variant)| extra_name(variant)).collect();
        let extras: Vec<&str> = extras.iter().map(String::as_str).collect();
        let asked = Install { chosen: &extras, rest: Rest::Any(&all), python: None };
        let taken = project.map(|project| reached(case.lockfile, project, asked));
        for reached in taken.into_iter().flatten() {
            let finding = wrong_index(case, &chosen, reached);
            findings.extend(finding.filter(|finding| !findings.contains(finding)));
        }
    }
    for (axis, variant) in all_variants(case.axes()) {
        let locked = project.and_then(|project| project.optional.get(&extra_name(variant)));
        let locked = locked.map(Vec::as_slice).unwrap_or_default();
        // A marker or a platform may rule a requirement out; then its absence says nothing.
        let asked = axis.requirements.iter().chain(&variant.requirements);
        let always = asked.filter(|asked| variant.platforms.is_empty() && !asked.text.contains(';'));
        for asked in always.filter(|asked| locked.iter().all(|edge| edge.name != asked.name.as_str())) {
            findings.push(VerifyFinding::VariantLacks {
                variant: variant.name.value.clone(),
                package: asked.name.to_string(),
                environment: case.name(),
                span: variant.name.span,
            });
        }
    }
}

/// A variant chosen on its axis.
type Choice<'a> = (&'a Axis, &'a Variant);

fn all_variants(axes: &[Axis]) -> impl Iterator<Item = Choice<'_>> {
    axes.iter().flat_map(|axis| axis.variants.iter().map(move |variant| (axis, variant)))
}

/// The extra that a variant becomes, as the lockfile writes it.
fn extra_name(variant: &Variant) -> String {
    normal(&variant.name.value)
}

/// Every way to choose at least one variant.
fn combinations(axes: &[Axis]) -> Vec<Vec<Choice<'_>>> {
    let choices = |axis: &Axis| axis.variants.len() + usize::from(axis.choose.allows_none());
    let count = axes.iter().map(choices).fold(1_usize, usize::saturating_mul);
    if count > MOST_COMBINATIONS {
        return axes
            .iter()
            .flat_map(|axis| axis.variants.iter().map(move |variant| vec![(axis, variant)]))
            .collect();
    }
    let mut all: Vec<Vec<Choice<'_>>> = vec![Vec::new()];
    for axis in axes {
        let mut longer = Vec::new();
        for chosen in &all {
            let with = |variant| chosen.iter().copied().chain([(axis, variant)]).collect();
            longer.extend(axis.variants.iter().map(with));
        }
        if axis.choose.allows_none() {
            longer.extend(all);
        }
        all = longer;
    }
    all.retain(|chosen| !chosen.is_empty());
    all
}

/// Is the package one that a chosen variant supplies, and from elsewhere than that variant's index?
fn wrong_index(case: &Case<'_>, chosen: &[Choice<'_>], reached: Reached<'_>) -> Option<VerifyFinding> {
    let package = reached.package;
    let suppliers: Vec<&Variant> = chosen
        .iter()
        .filter(|(axis, variant)| {
            axis.requirements
                .iter()
                .chain(&variant.requirements)
                .any(|asked| asked.name.as_str() == package.name)
        })
        .map(|(_, variant)| *variant)
        .collect();
    let supplier = *suppliers.first()?;
    if suppliers.iter().any(|variant| is_from(case, variant, &package.source)) {
        return None;
    }
    let own = supplier.index.as_ref().map(|index| case.here.describe_index(&index.location));
    Some(VerifyFinding::WrongIndex {
        variant: supplier.name.value.clone(),
        package: package.name.clone(),
        version: version(package),
        found: describe(&package.source),
        expected: own.unwrap_or_else(|| "the default index".to_owned()),
        through: reached.through.map(|by| format!(" (required by `{}`)", printable(by))).unwrap_or_default(),
        environment: case.name(),
        span: supplier.name.span,
    })
}

/// Is `source` where the variant's packages come from? A variant without an index of its own takes any but
/// another variant's.
fn is_from(case: &Case<'_>, variant: &Variant, source: &Source) -> bool {
    let is = |location: &IndexLocation| case.here.is_index(source, location);
    match &variant.index {
        Some(index) => is(&index.location),
        None => !all_variants(case.axes())
            .any(|(_, other)| other.index.as_ref().is_some_and(|it| is(&it.location))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AxisChoice;
    use crate::ledger::testing::{PROD, PROD_LOCK, found, model, prod, recorded, seen};

    #[test]
    fn two_axes_are_looked_at_together() {
        let mut model = model();
        let mut second = model.axes[0].clone();
        second.choose = AxisChoice::AtMostOne;
        model.axes.push(second);
        assert_eq!(combinations(&model.axes).len(), 2 * 3);
        model.axes = vec![model.axes[1].clone(); 10];
        assert_eq!(combinations(&model.axes).len(), 20);
    }

    #[test]
    fn a_variants_package_from_another_variants_index() {
        let edge =
            "{ name = \"torch\", version = \"2.6.0+cu124\", source = { registry = \"../indexes/cu124\" } }";
        let other =
            "{ name = \"torch\", version = \"2.7.0+cpu\", source = { registry = \"../indexes/cpu\" } }";
        insta::assert_snapshot!(seen(prod(edge, other)), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::wrong_index

          × with `cu124`, `torch` 2.7.0+cpu comes from the index ../indexes/cpu, not from the index ../
          │ indexes/cu124
           ╭─[tasks.kdl:6:13]
         5 │     dependencies "torch>=2.4,<2.8"
         6 │     variant "cu124" index="indexes/cu124"
           ·             ───┬───
           ·                ╰── this variant
         7 │     variant "cpu" index="indexes/cpu"
           ╰────
          help: type `envloom generate:prod lock:prod`; if it stays, exclude `torch` from the package that
                asks for it
        "#);
        // The package itself moved to another index.
        let moved = PROD_LOCK.replace("../indexes/cu124", "https://index.example.org/simple");
        assert!(matches!(found(&model(), PROD, &recorded(), &moved)[..], [VerifyFinding::WrongIndex { .. }]));
    }

    #[test]
    fn a_fork_that_reaches_the_package_another_way() {
        // As uv 0.13.9 writes it where an internal package requires torch itself.
        let chosen = "extra == 'extra-14-vlm-hyperbench-cu124'";
        let neither = "(extra != 'extra-14-vlm-hyperbench-cpu' and extra != 'extra-14-vlm-hyperbench-cu124') or (extra == 'extra-14-vlm-hyperbench-cpu' and extra == 'extra-14-vlm-hyperbench-cu124')";
        let default = "\n[[package]]\nname = \"torch\"\nversion = \"2.8.0\"\nsource = { registry = \"https://index.example.org/simple\" }\n";
        let with = |marker: &str| {
            let edge = format!(
                "    {{ name = \"torch\", version = \"2.8.0\", source = {{ registry = \"https://index.example.org/simple\" }}, marker = \"{marker}\" }},\n"
            );
            let lock = PROD_LOCK.replace(
                "    { name = \"bench-utils\" },\n]\n\n[[package]]\nname = \"torch\"",
                &format!("    {{ name = \"bench-utils\" }},\n{edge}]\n\n[[package]]\nname = \"torch\""),
            );
            found(&model(), PROD, &recorded(), &(lock + default))
        };
        // The fork without a variant may hold the default index's.
        assert_eq!(with(neither), []);
        insta::assert_snapshot!(seen(with(chosen)), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::wrong_index

          × with `cu124`, `torch` 2.8.0 comes from the index https://index.example.org/simple, not from
          │ the index ../indexes/cu124 (required by `model-interface`)
           ╭─[tasks.kdl:6:13]
         5 │     dependencies "torch>=2.4,<2.8"
         6 │     variant "cu124" index="indexes/cu124"
           ·             ───┬───
           ·                ╰── this variant
         7 │     variant "cpu" index="indexes/cpu"
           ╰────
          help: type `envloom generate:prod lock:prod`; if it stays, exclude `torch` from the package that
                asks for it
        "#);
        // Without a marker it is in both forks; a platform alone rules nothing out.
        assert_eq!(with("sys_platform == 'linux'").len(), 2);
    }

    #[test]
    fn a_variant_that_lacks_its_package() {
        let edge = "    { name = \"torch\", version = \"2.7.0+cpu\", source = { registry = \"../indexes/cpu\" } },\n";
        insta::assert_snapshot!(seen(prod(edge, "")), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::variant_lacks

          × the lockfile of `prod` has no `torch` for `cpu`
           ╭─[tasks.kdl:7:13]
         6 │     variant "cu124" index="indexes/cu124"
         7 │     variant "cpu" index="indexes/cpu"
           ·             ──┬──
           ·               ╰── this variant
         8 │ }
           ╰────
          help: type `envloom generate:prod lock:prod`
        "#);
        let other_project = prod("name = \"vlm-hyperbench\"\nversion", "name = \"other\"\nversion");
        assert!(other_project.iter().any(|finding| matches!(finding, VerifyFinding::VariantLacks { .. })));
    }

    #[test]
    fn a_variant_without_an_index_takes_no_other_variants() {
        let mut model = model();
        model.axes[0].variants[1].index = None;
        assert_eq!(found(&model, PROD, &recorded(), PROD_LOCK), []);
        let taken = PROD_LOCK.replace("../indexes/cpu", "../indexes/cu124");
        assert!(matches!(found(&model, PROD, &recorded(), &taken)[..], [VerifyFinding::WrongIndex { .. }]));
    }

    #[test]
    fn an_extra_that_conflicts_with_the_variant_is_not_in_its_fork() {
        let extra = "[package.optional-dependencies]\nrocm = [\n    { name = \"torch\", version = \"2.6.0+cu124\", source = { registry = \"../indexes/cu124\" } },\n]\n";
        let lock = PROD_LOCK.replace("[package.optional-dependencies]\n", extra);
        let with = |lock: &str| found(&model(), PROD, &recorded(), lock);
        assert!(matches!(with(&lock)[..], [VerifyFinding::WrongIndex { .. }]));
        let member = "    { package = \"vlm-hyperbench\", extra = \"cpu\" },\n";
        let conflict = format!("{member}    {{ package = \"vlm-hyperbench\", extra = \"rocm\" }},\n");
        assert_eq!(with(&lock.replacen(member, &conflict, 1)), []);
    }
}
