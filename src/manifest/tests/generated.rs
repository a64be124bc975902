//! What a new manifest looks like, and how it follows `tasks.kdl`.

use insta::assert_snapshot;

use super::fixture::{Bench, DEV, PROD, STAGING, index, requirement, variant};
use crate::base::RelPath;
use crate::config::Role;
use crate::manifest::{Change, PythonVersionFile};
use crate::model::EnvironmentId;
use crate::model::{IndexLocation, PinReference, Platform};

#[test]
#[expect(clippy::too_many_lines, reason = "one manifest, shown whole")]
fn dev_is_written_whole() {
    assert_snapshot!(Bench::new().rendered(DEV).text, @r#"
    # Written by envloom from tasks.kdl. Edit that and run `envloom generate`; what is added here by hand stays.

    [project]
    name = "vlm-hyperbench"
    version = "0.0.3"
    requires-python = ">=3.10, !=3.11.*, <3.13"
    dependencies = [
        "tqdm>=4.67.1",
        "pandas>=2.3.0",
        "bench-utils",
        "model-interface",
    ]

    [project.optional-dependencies]
    cu124 = [
        "torch>=2.4,<2.8",
    ]
    cpu = [
        "torch>=2.4,<2.8",
    ]

    [dependency-groups]
    dev = [
        "ruff>=0.4.2",
    ]

    [tool.uv]
    package = false
    required-version = "==0.13.9"
    environments = [
        "sys_platform == 'linux'",
    ]
    conflicts = [
        [{ extra = "cu124" }, { extra = "cpu" }],
    ]
    constraint-dependencies = [
        "torch>=2.4,<2.8",
    ]
    exclude-dependencies = [
        { package = { name = "model-interface" }, dependencies = ["torch"] },
    ]

    [tool.uv.workspace]
    members = [
        "packages/bench_utils",
        "packages/model_interface",
    ]

    [tool.uv.sources]
    bench-utils = { workspace = true }
    model-interface = { workspace = true }
    torch = [
        { index = "cu124", extra = "cu124" },
        { index = "cpu", extra = "cpu" },
    ]

    [[tool.uv.index]]
    name = "wheelhouse"
    url = "indexes/wheelhouse"
    default = true

    [[tool.uv.index]]
    name = "cu124"
    url = "indexes/cu124"
    explicit = true

    [[tool.uv.index]]
    name = "cpu"
    url = "indexes/cpu"
    explicit = true
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one manifest, shown whole")]
fn staging_is_written_whole() {
    let staging = Bench::new().rendered(STAGING);
    assert_eq!(staging.python_version, PythonVersionFile::Write("3.12\n".into()));
    assert_snapshot!(staging.text, @r#"
    # Written by envloom from tasks.kdl. Edit that and run `envloom generate`; what is added here by hand stays.

    [project]
    name = "vlm-hyperbench"
    version = "0.0.3"
    requires-python = ">=3.10, !=3.11.*, <3.13"
    dependencies = [
        "tqdm>=4.67.1",
        "pandas>=2.3.0",
        "bench-utils",
        "model-interface",
    ]

    [project.optional-dependencies]
    cu124 = [
        "torch>=2.4,<2.8",
    ]
    cpu = [
        "torch>=2.4,<2.8",
    ]

    [tool.uv]
    package = false
    required-version = "==0.13.9"
    environments = [
        "sys_platform == 'linux'",
    ]
    conflicts = [
        [{ extra = "cu124" }, { extra = "cpu" }],
    ]
    constraint-dependencies = [
        "bench-utils",
        "model-interface",
        "torch>=2.4,<2.8",
    ]
    exclude-dependencies = [
        { package = { name = "model-interface" }, dependencies = ["torch"] },
    ]

    [tool.uv.workspace]
    members = []

    [tool.uv.sources]
    bench-utils = { git = "https://git.example.com/vlm/bench-utils.git", tag = "v0.1.2.dev0" }
    model-interface = { git = "https://git.example.com/vlm/model-interface.git", tag = "v0.1.2.dev0" }
    torch = [
        { index = "cu124", extra = "cu124" },
        { index = "cpu", extra = "cpu" },
    ]

    [[tool.uv.index]]
    name = "wheelhouse"
    url = "../indexes/wheelhouse"
    default = true

    [[tool.uv.index]]
    name = "cu124"
    url = "../indexes/cu124"
    explicit = true

    [[tool.uv.index]]
    name = "cpu"
    url = "../indexes/cpu"
    explicit = true

    [[tool.uv.dependency-metadata]]
    name = "model-interface"
    version = "0.1.2.dev0"
    requires-dist = [
        "torch>=2.4",
        "bench-utils>=0.1",
    ]
    provides-extra = []
    "#);
}

#[test]
fn prod_differs_from_staging_in_its_pins_only() {
    let set = Bench::new().render();
    let staging = &set.manifests[&STAGING].text;
    assert_eq!(set.manifests[&PROD].text, staging.replace("0.1.2.dev0", "0.1.2"));
}

#[test]
fn generating_twice_changes_nothing() {
    let mut bench = Bench::generated();
    let set = bench.write();
    for rendered in set.manifests.into_values() {
        assert!(rendered.refused.is_none() && !rendered.differs(), "{}", rendered.path);
        assert_eq!((rendered.changes, rendered.foreign), (vec![], vec![]));
    }
}

#[test]
fn a_moved_pin_changes_its_tag_alone() {
    let mut bench = Bench::generated();
    let pin = bench.model.environments[2].packages[0].pin.as_mut().unwrap();
    pin.reference = PinReference::Tag("v0.1.3".into());
    let prod = bench.rendered(PROD);
    let change = Change {
        path: "tool.uv.sources.bench-utils.tag".into(),
        old: Some("\"v0.1.2\"".into()),
        new: Some("\"v0.1.3\"".into()),
    };
    assert_eq!(prod.changes, [change]);
    assert_eq!(prod.text, bench.text(PROD).replacen("tag = \"v0.1.2\"", "tag = \"v0.1.3\"", 1));
}

#[test]
fn what_tasks_kdl_drops_leaves_no_trace() {
    let mut bench = Bench::generated();
    let texts: Vec<String> = [DEV, STAGING, PROD].map(|id| bench.text(id).to_owned()).into();
    let model = bench.model.clone();
    // A package, a variant, an index, a group, an extra come …
    for environment in &mut bench.model.environments {
        environment.settings.dependencies.push(requirement("numpy>=1"));
        environment.groups.push(crate::model::Group {
            name: crate::base::Spanned::new("docs".into(), (0, 0)),
            requirements: vec![requirement("sphinx")],
        });
    }
    bench.model.indexes.push(index("corp", "indexes/corp"));
    bench.model.axes[0].variants.push(variant("cu128", &[Platform::Linux]));
    bench.model.axes[0].variants[2].requirements.push(requirement("flash>=2"));
    bench.write();
    assert!(bench.text(DEV).contains("{ extra = \"cu128\" }"));
    assert!(bench.text(PROD).contains("flash>=2"));
    // … and go.
    bench.model = model;
    bench.write();
    for (id, text) in [DEV, STAGING, PROD].into_iter().zip(texts) {
        pretty(bench.text(id), &text);
    }
}

fn pretty(one: &str, other: &str) {
    assert!(one == other, "{one}\n=== is not ===\n{other}");
}

#[test]
fn a_package_at_a_path_and_a_member_have_their_own_forms() {
    let mut bench = Bench::new();
    bench.model.packages[0].role = Role::Path;
    bench.model.packages[1].role = Role::Member;
    bench.model.packages[1].subdirectory = RelPath::parse("python").unwrap();
    let set = bench.render();
    let dev = &set.manifests[&EnvironmentId(0)].text;
    assert!(dev.contains("bench-utils = { path = \"packages/bench_utils\", editable = true }"), "{dev}");
    assert!(dev.contains("members = [\n    \"packages/model_interface\",\n]"), "{dev}");
    assert!(!dev.contains("    \"bench-utils\","), "{dev}");
    let prod = &set.manifests[&EnvironmentId(2)].text;
    assert!(prod.contains("tag = \"v0.1.2\", subdirectory = \"python\" }"), "{prod}");
}

#[test]
fn a_variant_of_some_platforms_keeps_to_them() {
    let mut bench = Bench::new();
    bench.model.environments[0].settings.platforms.clear();
    let dev = bench.rendered(DEV).text;
    let marked =
        "cu124 = [\n    \"torch>=2.4,<2.8 ; sys_platform == 'linux' or sys_platform == 'win32'\",\n]";
    assert!(dev.contains(marked), "{dev}");
    assert!(dev.contains("cpu = [\n    \"torch>=2.4,<2.8\",\n]"), "{dev}");
}

#[test]
fn without_scoped_excludes_there_is_the_constraint_only() {
    let mut bench = Bench::new();
    bench.scoped_excludes = false;
    let dev = bench.rendered(DEV).text;
    assert!(!dev.contains("exclude-dependencies") && dev.contains("constraint-dependencies"), "{dev}");
}

#[test]
fn a_range_that_an_internal_package_asks_for_is_kept_as_a_constraint() {
    let mut bench = Bench::new();
    bench.members.insert(
        crate::model::PackageId(0),
        vec!["Torch >=2.5, !=2.6".into(), "torch; os_name == 'x'".into()],
    );
    let dev = bench.rendered(DEV).text;
    assert!(dev.contains("\"torch>=2.4,<2.8,>=2.5,!=2.6\""), "{dev}");
    assert!(dev.contains("{ package = { name = \"bench-utils\" }, dependencies = [\"torch\"] }"), "{dev}");
}

#[test]
fn settings_of_the_workspace_are_carried() {
    let mut bench = Bench::generated();
    bench
        .edit(DEV, "required-version", "prerelease = 'allow'\nfind-links = ['wheels', \"https://x/y\"]\nrequired-version")
        .edit(DEV, "    \"torch>=2.4,<2.8\",\n]\nexclude", "    \"torch>=2.4,<2.8\",\n    \"numpy<3\", # old ABI\n]\nexclude")
        .edit(DEV, "[[tool.uv.index]]", "[tool.uv.config-settings]\na = \"b\"\n\n[[tool.uv.index]]\nname = \"own\"\nurl = \"own/wheels\"\n\n[[tool.uv.index]]");
    let set = bench.write();
    let report: Vec<String> = set.manifests[&EnvironmentId(1)]
        .changes
        .iter()
        .map(|change| format!("{} = {}\n", change.path, change.new.as_deref().unwrap_or_default()))
        .collect();
    assert_snapshot!(report.concat(), @r#"
    tool.uv.constraint-dependencies[numpy] = "numpy<3"
    tool.uv.prerelease = "allow"
    tool.uv.find-links = ["../wheels", "https://x/y"]
    tool.uv.config-settings = { a = "b" }
    tool.uv.index[own] = { name = "own", url = "../own/wheels" }
    "#);
    assert!(
        !set.manifests[&EnvironmentId(0)].differs() && set.manifests[&EnvironmentId(0)].foreign.is_empty()
    );
    // What goes there, goes here; `carry` limits it.
    bench.model.environments[1].carry = Some(Vec::new());
    bench.edit(DEV, "prerelease = 'allow'\n", "");
    let set = bench.write();
    assert_eq!(set.manifests[&EnvironmentId(1)].changes.len(), 5);
    assert_eq!(set.manifests[&EnvironmentId(2)].changes.len(), 1);
    assert!(!bench.text(STAGING).contains("own"), "{}", bench.text(STAGING));
}

#[test]
fn an_index_of_a_url_is_the_same_everywhere() {
    let mut bench = Bench::new();
    bench.model.indexes[0].location = IndexLocation::Url("https://x/simple".into());
    for rendered in bench.render().manifests.into_values() {
        assert!(rendered.text.contains("url = \"https://x/simple\"\ndefault = true"), "{}", rendered.text);
    }
}

#[test]
fn a_pin_of_python_comes_and_goes() {
    let mut bench = Bench::generated();
    assert_eq!(bench.on_disk[&DEV].python_version.as_deref(), Some("3.12\n"));
    bench.model.environments[0].settings.python = None;
    assert_eq!(bench.rendered(DEV).python_version, PythonVersionFile::Remove);
    bench.write();
    assert!(!bench.rendered(DEV).differs());
}
