//! Real uv over fake wheels, packages and indexes.

use crate::support::{Monorepo, Package, Wheel, python};

/// A dev manifest: two variants, a workspace of submodules.
const DEV: &str = r#"
[project]
name = "app"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["foo", "tqdm"]

[project.optional-dependencies]
cu124 = ["torch"]
cpu = ["torch"]

[tool.uv]
conflicts = [[{ extra = "cu124" }, { extra = "cpu" }]]

[tool.uv.workspace]
members = ["packages/*"]

[tool.uv.sources]
foo = { workspace = true }
torch = [{ index = "cu124", extra = "cu124" }, { index = "cpu", extra = "cpu" }]

[[tool.uv.index]]
name = "cu124"
url = "[INDEX]/cu124"
explicit = true

[[tool.uv.index]]
name = "cpu"
url = "[INDEX]/cpu"
explicit = true
"#;

/// A prod manifest: packages from tags.
const PROD: &str = r#"
[project]
name = "app"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["foo", "bar"]

[tool.uv.sources]
foo = { git = "https://git.example.com/foo.git", tag = "foo-v0.1.2", subdirectory = "python" }
bar = { git = "https://git.example.com/bar.git", tag = "v0.2.0" }
"#;

fn with_indexes() -> Monorepo {
    Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("numpy", "2.0.0")])
        .index(
            "cu124",
            &[Wheel::new("torch", "2.4.0+cu124").requires("numpy").extra("fast").requires_python(">=3.10")],
        )
        .index("cpu", &[("torch", "2.4.0")])
}

#[test]
fn uv_locks_and_syncs_variants_and_editable_submodules() {
    let repo = with_indexes()
        .add(Package::new("foo").requires("bar").workspace_source("bar").tag("v0.1.2"))
        .package("bar", &["v0.2.0"])
        .write("pyproject.toml", DEV)
        .commit("start");
    repo.uv(&["lock"]).success();
    let lockfile = repo.read("uv.lock");
    assert!(
        lockfile.contains("2.4.0+cu124") && lockfile.contains("editable = \"packages/bar\""),
        "{lockfile}"
    );

    repo.uv(&["sync", "--extra", "cu124"]).success();
    let imports = "import foo, bar, torch; print(foo.__file__, bar.__version__, torch.__index__)";
    let printed = repo.exec(repo.path(".venv/bin/python"), &["-c", imports]).success();
    insta::assert_snapshot!(repo.redact(printed.stdout()), @"[ROOT]/repo/packages/foo/src/foo/__init__.py 0.2.0 cu124");
    insta::assert_snapshot!(repo.status(), @"?? uv.lock");
    repo.commit("locked").assert_clean();
}

#[test]
fn uv_takes_packages_from_tags_of_the_declared_remote() {
    let repo = Monorepo::new()
        .add(Package::new("foo").subdirectory("python").lightweight_tag("foo-v0.1.2").remote_only())
        .package("bar", &["v0.2.0.dev0", "v0.2.0"])
        .write("prod/pyproject.toml", PROD);
    repo.in_dir("prod").uv(&["lock"]).success().uv(&["sync", "--frozen"]).success();
    let commit = repo.tag_commit("bar", "v0.2.0");
    assert!(
        repo.read("prod/uv.lock")
            .contains(&format!("git = \"{}?tag=v0.2.0#{commit}\"", repo.package_url("bar")))
    );
    insta::assert_snapshot!(repo.snapshot("prod/uv.lock"), @r#"
    version = 1
    revision = 5
    requires-python = ">=3.10"

    [[package]]
    name = "app"
    version = "0.1.0"
    source = { virtual = "." }
    dependencies = [
        { name = "bar" },
        { name = "foo" },
    ]

    [package.metadata]
    requires-dist = [
        { name = "bar", git = "https://git.example.com/bar.git?tag=v0.2.0" },
        { name = "foo", git = "https://git.example.com/foo.git?subdirectory=python&tag=foo-v0.1.2" },
    ]

    [[package]]
    name = "bar"
    version = "0.2.0"
    source = { git = "https://git.example.com/bar.git?tag=v0.2.0#[COMMIT]" }

    [[package]]
    name = "foo"
    version = "0.1.2"
    source = { git = "https://git.example.com/foo.git?subdirectory=python&tag=foo-v0.1.2#[COMMIT]" }
    "#);
    let imports = "import foo, bar; print(foo.__version__, bar.__version__)";
    assert_eq!(repo.exec(repo.path("prod/.venv/bin/python"), &["-c", imports]).text(), "0.1.2 0.2.0");
}

#[test]
fn every_python_builds_a_package() {
    for minor in ["3.10", "3.12"] {
        let repo = Monorepo::new().index("pypi", &[("tqdm", "4.67.1")]).add(
            Package::new("foo")
                .requires("tqdm>=4")
                .extra("gpu", &["tqdm"])
                .toml("[tool.uv]\ncache-keys = [{ file = \"pyproject.toml\" }]")
                .in_tree()
                .path("libs/foo"),
        );
        let interpreter = python(minor).to_str().unwrap();
        repo.in_dir("libs/foo").uv(&["sync", "--no-editable", "--python", interpreter]).success();
        let print = "import foo, tqdm, sys; print(foo.__version__, sys.version_info[1])";
        let printed = repo.exec(repo.path("libs/foo/.venv/bin/python"), &["-c", print]).text();
        assert_eq!(printed, format!("0.1.0 {}", &minor[2..]));
    }
}

#[test]
fn an_index_is_served_over_http_and_requests_are_recorded() {
    let repo = with_indexes().serve();
    let sync = repo
        .uv(&["venv", "--quiet"])
        .success()
        .uv(&["pip", "install", "--index", &repo.fill("[HTTP]/cu124"), "torch"])
        .success();
    insta::assert_snapshot!(sync.output_snapshot(), @r#"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    Resolved 2 packages in [TIME]
    Prepared 2 packages in [TIME]
    Installed 2 packages in [TIME]
     + numpy==2.0.0
     + torch==2.4.0+cu124
    "#);
    assert!(repo.http_requests().contains(&"GET /cu124/torch/".to_owned()), "{:?}", repo.http_requests());
    assert!(repo.http_requests().contains(&"GET /cu124/numpy/".to_owned()), "{:?}", repo.http_requests());
}

#[test]
fn a_wheelhouse_in_the_repository_is_a_flat_index() {
    let wheels = [Wheel::new("pytest", "8.0")
        .script("pytest = pytest:main")
        .file("pytest/__init__.py", "def main(): print('tested')\n")];
    let repo = Monorepo::new().path_index("wheelhouse", &wheels);
    repo.uv(&["venv", "--quiet"]).success();
    repo.uv(&["pip", "install", "--no-index", "--find-links", "wheelhouse", "pytest"]).success();
    assert_eq!(repo.exec(repo.path(".venv/bin/pytest"), &[]).text(), "tested");
}

#[test]
fn uv_refuses_what_no_index_has_without_reaching_the_network() {
    let repo = Monorepo::new().index("pypi", &[Wheel::new("native", "1.0").tag("cp39-cp39-win_amd64")]);
    repo.uv(&["venv", "--quiet"]).success();
    insta::assert_snapshot!(repo.uv(&["pip", "install", "absent"]).code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    error: No solution found when resolving dependencies
      cause: Because absent was not found in the package registry and you require absent, we can
             conclude that your requirements are unsatisfiable.
    "#);
    repo.uv(&["pip", "install", "native"]).code(1).stderr_has("no wheels with a matching Python");
    let again = repo.index("pypi", &[("absent", "1.0")]);
    again.uv(&["pip", "install", "absent", "--refresh"]).success();
    again
        .remove_from_index("pypi", "absent")
        .uv(&["pip", "install", "absent", "--reinstall", "--refresh"])
        .code(1);
    let url = "https://index.example.org/simple";
    repo.uv(&["pip", "install", "--default-index", url, "other"]).code(2).stderr_has("tcp connect error");
}
