//! Models, lockfiles and looks for this room's tests. It knows no test.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, SourceSpan};

use super::finding::{VerifyError, VerifyFinding};
use super::lockfile::Lockfile;
use super::record::{Record, Release, ReleaseKey};
use super::verify::{Evidence, Subject, verify};
use crate::base::{RelPath, SourceFile, Spanned};
use crate::config::{AxisChoice, Channel, Install, Role};
use crate::model::{
    Axis, Environment, EnvironmentId, Index, IndexLocation, Kept, Model, Package, PackageId, PackageName,
    Participant, Pin, PinReference, Project, Requirement, Settings, Sources, Sync, TagForm, Variant,
};
use crate::tool::Surroundings;
use crate::tool::git::Git;

/// Cut from what uv 0.13.9 wrote for the demonstration's prod.
pub(super) const PROD_LOCK: &str = r#"version = 1
revision = 5
requires-python = ">=3.10, !=3.11.*, <3.13"
conflicts = [[
    { package = "vlm-hyperbench", extra = "cpu" },
    { package = "vlm-hyperbench", extra = "cu124" },
]]

[manifest]
constraints = [
    { name = "bench-utils", git = "https://git.example.com/vlm/bench-utils.git?tag=v0.1.2" },
]
excludes = [{ package = { name = "model-interface" }, dependencies = ["torch"] }]

[[manifest.dependency-metadata]]
name = "model-interface"
version = "0.1.2"
requires-dist = ["torch>=2.4", "bench-utils>=0.1"]

[[package]]
name = "bench-utils"
version = "0.1.2"
source = { git = "https://git.example.com/vlm/bench-utils.git?tag=v0.1.2#049c28bcf510116c5cdcbfe4693d165b7f578c90" }
dependencies = [
    { name = "tqdm" },
]

[[package]]
name = "model-interface"
version = "0.1.2"
source = { git = "https://git.example.com/vlm/model-interface.git?tag=v0.1.2#d6623e58d2f93822d08c359747ad523dd79593c9" }
dependencies = [
    { name = "bench-utils" },
]

[[package]]
name = "torch"
version = "2.6.0+cu124"
source = { registry = "../indexes/cu124" }

[[package]]
name = "torch"
version = "2.7.0+cpu"
source = { registry = "../indexes/cpu" }

[[package]]
name = "tqdm"
version = "4.67.1"
source = { registry = "../indexes/wheelhouse" }
wheels = [
    { path = "tqdm/tqdm-4.67.1-py3-none-any.whl", hash = "sha256:aa264953ff02c87d566138e325b192dace067aa24c57f12f563e4cb3b804a6a6" },
]

[[package]]
name = "vlm-hyperbench"
version = "0.0.3"
source = { virtual = "." }
dependencies = [
    { name = "bench-utils" },
    { name = "model-interface" },
    { name = "tqdm" },
]

[package.optional-dependencies]
cpu = [
    { name = "torch", version = "2.7.0+cpu", source = { registry = "../indexes/cpu" } },
]
cu124 = [
    { name = "torch", version = "2.6.0+cu124", source = { registry = "../indexes/cu124" } },
]

[package.metadata]
requires-dist = [
    { name = "bench-utils", git = "https://git.example.com/vlm/bench-utils.git?tag=v0.1.2" },
    { name = "torch", marker = "extra == 'cpu'", specifier = ">=2.4,<2.8", index = "file:///lab/indexes/cpu", conflict = { package = "vlm-hyperbench", extra = "cpu" } },
]
provides-extras = ["cu124", "cpu"]
"#;

/// The `tasks.kdl` that [`model`] is the meaning of.
const TASKS: &str = r#"project "vlm-hyperbench"
package "bench-utils" path="packages/bench_utils"
package "model-interface" path="packages/model_interface"
variants "cuda" {
    dependencies "torch>=2.4,<2.8"
    variant "cu124" index="indexes/cu124"
    variant "cpu" index="indexes/cpu"
}
environment "dev" { manifest "pyproject.toml"; }
environment "prod" {
    manifest "prod/pyproject.toml"
    sources "tags"
    pin "bench-utils" "v0.1.2"
    pin "model-interface" "v0.1.2"
}
"#;

/// The workspace environment of [`model`].
pub(super) const DEV: EnvironmentId = EnvironmentId(0);
/// The frozen environment of [`model`].
pub(super) const PROD: EnvironmentId = EnvironmentId(1);

/// Two packages, two variants, dev and prod.
pub(super) fn model() -> Model {
    let packages = vec![package("bench-utils", "bench_utils"), package("model-interface", "model_interface")];
    let axis = Axis {
        name: word("cuda"),
        choose: AxisChoice::ExactlyOne,
        requirements: vec![requirement("torch>=2.4,<2.8")],
        variants: vec![variant("cu124"), variant("cpu")],
        span: at("variants \"cuda\""),
    };
    Model {
        source: SourceFile::new("tasks.kdl", TASKS),
        uv: None,
        project: Some(Project { name: name("vlm-hyperbench"), span: at("project \"vlm-hyperbench\"") }),
        packages,
        indexes: Vec::new(),
        axes: vec![axis],
        environments: vec![
            environment("dev", "pyproject.toml", Sources::Workspace),
            environment("prod", "prod/pyproject.toml", Sources::Tags(Channel::Stable)),
        ],
        tasks: Vec::new(),
        pools: std::collections::BTreeMap::new(),
        max_age: None,
        default: Vec::new(),
        default_environment: None,
    }
}

/// The pin of a package in prod, to be changed.
pub(super) fn pin(model: &mut Model, package: usize) -> &mut Pin {
    model.environments[PROD.0].packages[package].pin.as_mut().unwrap()
}

/// Pins a tag in prod, with the version it names.
pub(super) fn pin_tag(model: &mut Model, package: usize, tag: &str) {
    let form = model.packages[package].tag_form.clone();
    let pin = pin(model, package);
    pin.version = form.version_of(tag).unwrap();
    pin.reference = PinReference::Tag(tag.to_owned());
}

fn package(of: &str, directory: &str) -> Package {
    let line = at(&format!("package \"{of}\""));
    Package {
        name: name(of),
        path: Some(Spanned::new(RelPath::parse(&format!("packages/{directory}")).unwrap(), line)),
        git: Some(Spanned::new(format!("https://git.example.com/vlm/{of}.git"), line)),
        subdirectory: RelPath::root(),
        role: Role::Dependency,
        extras: Vec::new(),
        tag_form: TagForm::Plain,
        span: line,
    }
}

fn variant(of: &str) -> Variant {
    let index = Index {
        name: word(of),
        location: IndexLocation::Path(RelPath::parse(&format!("indexes/{of}")).unwrap()),
        explicit: true,
        default: false,
        span: at(of),
    };
    Variant {
        name: word(of),
        index: Some(index),
        driver: None,
        platforms: Vec::new(),
        requirements: Vec::new(),
        foreign_requirements: Vec::new(),
        span: at(&format!("variant \"{of}\"")),
    }
}

fn environment(of: &str, manifest: &str, sources: Sources) -> Environment {
    let participant = |id: usize, package: &str| Participant {
        package: PackageId(id),
        pin: matches!(sources, Sources::Tags(_)).then(|| Pin {
            reference: PinReference::Tag("v0.1.2".into()),
            version: "0.1.2".parse().unwrap(),
            span: at(&format!("pin \"{package}\" \"v0.1.2\"")),
        }),
    };
    Environment {
        name: word(of),
        manifest: Spanned::new(RelPath::parse(manifest).unwrap(), at(manifest)),
        kept: Kept::Generated,
        project: Some(PackageName::parse("vlm-hyperbench").unwrap()),
        axes: Vec::new(),
        sources,
        settings: Settings::default(),
        packages: vec![participant(0, "bench-utils"), participant(1, "model-interface")],
        groups: Vec::new(),
        carry: None,
        sync: Sync {
            groups: Some(Vec::new()),
            extras: Vec::new(),
            install: Install::All,
            editable: true,
            link_mode: None,
        },
        span: at(&format!("environment \"{of}\"")),
    }
}

fn requirement(text: &str) -> Requirement {
    let end = text.find(['>', '=', '<', ';']).unwrap_or(text.len());
    Requirement { name: PackageName::parse(&text[..end]).unwrap(), text: text.to_owned(), span: at(text) }
}

fn name(text: &str) -> Spanned<PackageName> {
    Spanned::new(PackageName::parse(text).unwrap(), at(&format!("\"{text}\"")))
}

fn word(text: &str) -> Spanned<String> {
    Spanned::new(text.to_owned(), at(&format!("\"{text}\"")))
}

/// Where a text stands first in [`TASKS`].
fn at(text: &str) -> SourceSpan {
    (TASKS.find(text).unwrap(), text.len()).into()
}

/// How a user sees it, without colours.
pub(super) fn look(diagnostic: &dyn Diagnostic) -> String {
    let mut shown = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    handler.render_report(&mut shown, diagnostic).unwrap();
    shown.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The releases that [`PROD_LOCK`] holds.
pub(super) fn recorded() -> Record {
    let mut record = Record::default();
    for (package, commit) in [
        ("bench-utils", "049c28bcf510116c5cdcbfe4693d165b7f578c90"),
        ("model-interface", "d6623e58d2f93822d08c359747ad523dd79593c9"),
    ] {
        let package_name = PackageName::parse(package).unwrap();
        let release = Release {
            git: format!("https://git.example.com/vlm/{package}.git"),
            subdirectory: String::new(),
            commit: commit.into(),
            version: Some("0.1.2".into()),
            requires_python: None,
            requires_dist: Vec::new(),
            provides_extra: Vec::new(),
            sources: Vec::new(),
            dynamic: Vec::new(),
        };
        record.releases.insert(ReleaseKey { package: package_name, reference: "v0.1.2".into() }, release);
    }
    record
}

/// What `verify` finds.
pub(super) fn found(
    model: &Model,
    environment: EnvironmentId,
    record: &Record,
    lock: &str,
) -> Vec<VerifyFinding> {
    judged(model, environment, record, lock, &Evidence::default())
}

/// The same with what was found out besides.
pub(super) fn judged(
    model: &Model,
    environment: EnvironmentId,
    record: &Record,
    lock: &str,
    evidence: &Evidence,
) -> Vec<VerifyFinding> {
    let lockfile = Lockfile::parse(&SourceFile::new("uv.lock", lock), "prod").unwrap();
    let root = Path::new("/lab");
    verify(&Subject { model, environment, record, lockfile: &lockfile, root, evidence })
}

/// What prod's lockfile gives after one replacement, which must hit.
pub(super) fn prod(old: &str, new: &str) -> Vec<VerifyFinding> {
    assert!(PROD_LOCK.contains(old), "{old}");
    found(&model(), PROD, &recorded(), &PROD_LOCK.replace(old, new))
}

/// How a user sees findings.
pub(super) fn seen(findings: Vec<VerifyFinding>) -> String {
    look(&VerifyError::of("prod", &model().source, findings).unwrap())
}

/// A repository's root in a temporary directory, with remotes beside it.
pub(super) struct Place {
    _directory: tempfile::TempDir,
    root: PathBuf,
}

impl Place {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        Self { _directory: directory, root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The program, with nobody's configuration.
    pub(super) fn git(&self) -> Git {
        let mut surroundings = Surroundings::default();
        let path = OsString::from("/usr/local/bin:/usr/bin:/bin");
        let none = OsString::from("/dev/null");
        surroundings.vars = [
            ("PATH".into(), path),
            ("HOME".into(), self.root.clone().into()),
            ("GIT_CONFIG_GLOBAL".into(), none.clone()),
            ("GIT_CONFIG_SYSTEM".into(), none),
            ("GIT_CONFIG_COUNT".into(), "1".into()),
            ("GIT_CONFIG_KEY_0".into(), self.instead_of().into()),
            ("GIT_CONFIG_VALUE_0".into(), "https://git.example.com/vlm/".into()),
        ]
        .into();
        surroundings.cwd = self.root.clone();
        Git::find(&surroundings, Path::new("/nowhere")).unwrap()
    }

    /// The setting by which git finds the remotes of [`model`] here, so that messages name no directory.
    fn instead_of(&self) -> String {
        format!("url.file://{}/remotes/.insteadOf", self.root.display())
    }

    /// A commit of exactly these files with that annotated tag, moved there if it exists. Gives the commit.
    pub(super) fn release(&self, remote: &str, tag: &str, files: &[(&str, &str)]) -> String {
        let directory = format!("remotes/{remote}.git");
        let top = self.root.join(&directory);
        fs::create_dir_all(&top).unwrap();
        if !top.join(".git").exists() {
            self.run(&directory, &["init", "-q"]);
        }
        self.run(&directory, &["rm", "-rfq", "--ignore-unmatch", "."]);
        for (path, text) in files {
            fs::create_dir_all(top.join(path).parent().unwrap()).unwrap();
            fs::write(top.join(path), text).unwrap();
        }
        self.run(&directory, &["add", "-A"]);
        self.run(&directory, &["commit", "-q", "--allow-empty", "-m", tag]);
        self.run(&directory, &["tag", "-f", "-a", "-m", tag, tag]);
        self.run(&directory, &["rev-parse", "HEAD"]).trim().to_owned()
    }

    pub(super) fn clone_to(&self, remote: &str, path: &str) {
        self.run(".", &["clone", "-q", &format!("https://git.example.com/vlm/{remote}.git"), path]);
    }

    pub(super) fn remove(&self, path: &str) {
        fs::remove_dir_all(self.root.join(path)).unwrap();
    }

    /// Runs real git with a fixed author and fixed dates.
    pub(super) fn run(&self, directory: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "init.defaultBranch=main",
        ]);
        command.args(["-c", &format!("{}=https://git.example.com/vlm/", self.instead_of())]);
        command.args(arguments).current_dir(self.root.join(directory));
        for (name, value) in [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")] {
            command.env(name, value);
        }
        for name in ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"] {
            command.env(name, "2026-01-01T00:00:00Z");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
