//! Cut-down lockfiles of uv 0.13.9, changed by replacement.

use std::path::Path;

use super::*;
use crate::base::{RelPath, SourceFile};
use crate::ledger::Lockfile;
use crate::ledger::testing::{PROD_LOCK, model};
use crate::model::Model;

const MANIFEST: &str = r#"
[project]
name = "VLM-hyperbench"
requires-python = ">=3.10"
dependencies = ["tqdm>=4.67.1", "Bench_Utils"]

[tool.uv]
prerelease = "allow"
constraint-dependencies = ["torch<2.8", "bench-utils"]
find-links = ["../wheels"]

[tool.uv.sources]
bench-utils = { git = "https://git.example.com/vlm/bench-utils.git", tag = "v0.1.2" }
torch = [{ index = "cu124", extra = "cu124" }]

[[tool.uv.index]]
name = "cu124"
url = "../indexes/cu124"
"#;

/// A second package for the tests: `[[package]]` at the end of a lockfile.
const CUDNN: &str = r#"
[[package]]
name = "nvidia-cudnn-cu12"
version = "9.1.0"
source = { registry = "../indexes/wheelhouse" }
"#;

struct Given {
    lock: String,
    manifest: String,
    directory: &'static str,
    taken: Option<Taken>,
}

fn given(lock: &str) -> Given {
    Given { lock: lock.to_owned(), manifest: MANIFEST.to_owned(), directory: "prod", taken: None }
}

fn cell(lock: &str, variant: &str, python: Option<&str>) -> Given {
    let taken = Taken {
        variants: vec![variant.to_owned()],
        extras: Vec::new(),
        groups: None,
        python: python.map(str::to_owned),
    };
    Given { taken: Some(taken), ..given(lock) }
}

/// A lockfile after replacements, each of which must hit.
fn with(replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(PROD_LOCK.to_owned(), |lock, (old, new)| {
        assert!(lock.contains(old), "{old}");
        lock.replace(old, new)
    })
}

fn compare(model: &Model, from: &Given, to: &Given) -> Difference {
    let internal = model.packages.iter().map(|package| package.name.value.to_string()).collect();
    let lockfiles =
        [from, to].map(|given| Lockfile::parse(&SourceFile::new("uv.lock", &*given.lock), "prod").unwrap());
    let manifests = [from, to].map(|given| given.manifest.parse().unwrap());
    let side = |at: usize, given: &Given| Side {
        lockfile: &lockfiles[at],
        manifest: &manifests[at],
        directory: RelPath::parse(given.directory).unwrap(),
        root: Path::new("/lab"),
        axes: &model.axes,
        taken: given.taken.clone(),
    };
    difference(&internal, &side(0, from), &side(1, to))
}

/// Section, package with its variants, and both sides.
fn rows(difference: &Difference) -> Vec<String> {
    let side = |builds: &[Build]| builds.iter().map(Build::version).collect::<Vec<_>>().join(", ");
    let sections = [
        ("internal", &difference.internal),
        ("third", &difference.third_party),
        ("variant", &difference.variants),
        ("added", &difference.added),
        ("removed", &difference.removed),
    ];
    let row = |section: &str, change: &Change| {
        let variants = change.variants.join("+");
        format!("{section} {} [{variants}] {} -> {}", change.package, side(&change.from), side(&change.to))
    };
    let packages = sections.iter().flat_map(|(name, list)| list.iter().map(|change| row(name, change)));
    let settings = difference.settings.iter();
    let settings = settings
        .map(|change| format!("{}: {} -> {}", change.setting, change.from.join(" "), change.to.join(" ")));
    packages.chain(settings).collect()
}

#[test]
fn a_lockfile_agrees_with_itself_wherever_it_lies() {
    let here = given(PROD_LOCK);
    let same = compare(&model(), &here, &here);
    assert!(same.is_empty());
    assert_eq!(same.agreeing, 4);
    // The same indexes and wheels, seen from another directory, from the root, and by absolute paths.
    let manifest = MANIFEST.replace("../", "../../");
    let deeper = Given { manifest, directory: "a/b", ..given(&with(&[("../indexes", "../../indexes")])) };
    assert_eq!(rows(&compare(&model(), &here, &deeper)), [""; 0]);
    let root = Given {
        manifest: MANIFEST.replace("../wheels", "/lab/wheels").replace("../indexes", "file:///lab/indexes"),
        directory: ".",
        ..given(&with(&[("../indexes/cpu", "indexes/cpu"), ("../indexes", "/lab/indexes")]))
    };
    assert_eq!(rows(&compare(&model(), &here, &root)), [""; 0]);
}

#[test]
fn an_internal_package_by_tag_commit_and_place() {
    let bench = "git = \"https://git.example.com/vlm/bench-utils.git?tag=v0.1.2#049c28bcf510116c5cdcbfe4693d165b7f578c90\"";
    let from = given(PROD_LOCK);
    let after = |source: &str| {
        let difference = compare(&model(), &from, &given(&with(&[(bench, source)])));
        assert_eq!(difference.agreeing, 3);
        let [change] = <[Change; 1]>::try_from(difference.internal).unwrap();
        change.to[0].release().unwrap_or_else(|| (change.to[0].place(), String::new()))
    };
    assert_eq!(after(&bench.replace("#049c", "#149c")), ("v0.1.2".into(), "149c28bcf510".into()));
    let rev = bench.replace("tag=v0.1.2", "rev=049c28bcf510116c5cdcbfe4693d165b7f578c90");
    assert_eq!(after(&rev), ("049c28bcf510".into(), "049c28bcf510".into()));
    assert_eq!(after(&bench.replace("tag=v0.1.2", "branch=main")).0, "branch main");
    assert_eq!(after("editable = \"../packages/bench\"").0, "the editable directory packages/bench");
    // Hostile texts of a lockfile do not reach a terminal.
    assert_eq!(after(&bench.replace("v0.1.2", "%1b%5b2J")).0, "\\u{1b}[2J");
}

#[test]
fn builds_of_variants_are_told_by_variant() {
    let both = ("2.6.0+cu124", "2.6.1+cu124");
    let found = compare(&model(), &given(PROD_LOCK), &given(&with(&[both])));
    assert_eq!(rows(&found), ["variant torch [cu124] 2.6.0+cu124 -> 2.6.1+cu124"]);
    // What torch brings for one of them is a build of that variant, too.
    let torch = "version = \"2.6.0+cu124\"\nsource = { registry = \"../indexes/cu124\" }\n";
    let brings = format!("{torch}dependencies = [{{ name = \"nvidia-cudnn-cu12\" }}]\n");
    let brings = with(&[(torch, &brings)]) + CUDNN;
    let found = compare(&model(), &given(PROD_LOCK), &given(&brings));
    assert_eq!(rows(&found), ["variant nvidia-cudnn-cu12 [cu124]  -> 9.1.0"]);
    // The same change for both is told once.
    let elsewhere = given(&with(&[("2.6.0+cu124", "2.7.0+cpu"), ("../indexes/cu124", "../indexes/cpu")]));
    let older = given(&elsewhere.lock.replace("2.7.0+cpu", "2.5.0+cpu"));
    assert_eq!(
        rows(&compare(&model(), &older, &elsewhere)),
        ["variant torch [cu124+cpu] 2.5.0+cpu -> 2.7.0+cpu"]
    );
}

#[test]
fn the_fork_without_a_variant_is_third_party() {
    let default = "\n[[package]]\nname = \"torch\"\nversion = \"2.8.0\"\nsource = { registry = \"../indexes/wheelhouse\" }\n";
    let found = compare(&model(), &given(PROD_LOCK), &given(&(PROD_LOCK.to_owned() + default)));
    assert_eq!(rows(&found), ["added torch []  -> 2.8.0"]);
}

#[test]
fn third_parties_are_changed_added_and_removed() {
    let tqdm = "name = \"tqdm\"\nversion = \"4.67.1\"";
    let found =
        compare(&model(), &given(PROD_LOCK), &given(&with(&[(tqdm, "name = \"tqdm\"\nversion = \"4.68\"")])));
    assert_eq!(rows(&found), ["third tqdm [] 4.67.1 -> 4.68"]);
    let found = compare(
        &model(),
        &given(PROD_LOCK),
        &given(&with(&[("../indexes/wheelhouse", "https://h/simple/")])),
    );
    assert_eq!(found.third_party[0].to[0].place(), "the index https://h/simple");
    let found = compare(&model(), &given(PROD_LOCK), &given(&with(&[("\"tqdm\"", "\"rich\"")])));
    assert_eq!(rows(&found), ["added rich []  -> 4.67.1", "removed tqdm [] 4.67.1 -> "]);
}

#[test]
fn two_cells_differ_in_what_they_install() {
    let found = compare(&model(), &cell(PROD_LOCK, "cu124", None), &cell(PROD_LOCK, "cpu", None));
    assert_eq!(rows(&found), ["variant torch [] 2.6.0+cu124 -> 2.7.0+cpu"]);
    // What a Python's marker rules out is not installed, nor are groups that are not asked for.
    let edge = "{ name = \"tqdm\", marker = \"python_full_version < '3.12'\" }";
    let old = with(&[
        ("    { name = \"tqdm\" },\n]\n\n[package.optional", &format!("    {edge},\n]\n\n[package.optional")),
        (
            "dependencies = [\n    { name = \"tqdm\" },\n]\n\n[[package]]\nname = \"model",
            "\n[[package]]\nname = \"model",
        ),
    ]);
    let python = |minor: &str| cell(&old, "cpu", Some(minor));
    assert_eq!(rows(&compare(&model(), &python("3.11"), &python("3.12"))), ["removed tqdm [] 4.67.1 -> "]);
    assert_eq!(rows(&compare(&model(), &python("3.12.1"), &python("3.12"))), [""; 0]);
    let group =
        "\n[package.dev-dependencies]\ndev = [{ name = \"nvidia-cudnn-cu12\" }]\n\n[package.metadata]";
    let grouped = with(&[("\n[package.metadata]", group)]) + CUDNN;
    let without = cell(&grouped, "cpu", None);
    let without =
        Given { taken: without.taken.map(|taken| Taken { groups: Some(Vec::new()), ..taken }), ..without };
    let found = compare(&model(), &without, &cell(&grouped, "cpu", None));
    assert_eq!(rows(&found), ["added nvidia-cudnn-cu12 []  -> 9.1.0"]);
    let named = Given {
        manifest: MANIFEST.replace("[tool.uv]", "[tool.uv]\ndefault-groups = []"),
        ..cell(&grouped, "cpu", None)
    };
    assert_eq!(rows(&compare(&model(), &without, &named)), [""; 0]);
}

#[test]
fn settings_are_told_by_element_without_internal_packages() {
    let from = given(PROD_LOCK);
    let after = |old: &str, new: &str| {
        assert!(MANIFEST.contains(old), "{old}");
        rows(&compare(&model(), &from, &Given { manifest: MANIFEST.replace(old, new), ..given(PROD_LOCK) }))
    };
    assert_eq!(after("\"bench-utils\"]", "]"), [""; 0]);
    assert_eq!(after("\"Bench_Utils\"]", "\"rich\"]"), ["project.dependencies:  -> \"rich\""]);
    assert_eq!(after("tag = \"v0.1.2\"", "tag = \"v0.1.3\""), [""; 0]);
    assert_eq!(
        after("\"torch<2.8\"", "\"torch<2.9\""),
        ["tool.uv.constraint-dependencies: \"torch<2.8\" -> \"torch<2.9\""]
    );
    assert_eq!(after("prerelease = \"allow\"\n", ""), ["tool.uv.prerelease: \"allow\" -> "]);
    assert_eq!(
        after("../indexes/cu124", "https://h/cu124"),
        [
            "tool.uv.index: { name = \"cu124\", url = \"indexes/cu124\" } -> { name = \"cu124\", url = \"https://h/cu124\" }"
        ]
    );
    let lock = PROD_LOCK
        .replace("\n[manifest]\n", "\n[options]\nexclude-newer = \"2026-01-01T00:00:00Z\"\n\n[manifest]\n");
    assert_eq!(
        rows(&compare(&model(), &from, &given(&lock))),
        ["uv.lock options.exclude-newer:  -> \"2026-01-01T00:00:00Z\""]
    );
}
