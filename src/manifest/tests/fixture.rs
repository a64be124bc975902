//! A model of three environments, made by hand, over a text that its spans point into.

use std::collections::BTreeMap;

use miette::SourceSpan;

use crate::base::{RelPath, SourceFile, Spanned};
use crate::config::{AxisChoice, Channel, Install, Role};
use crate::ledger::{Record, Release, ReleaseKey};
use crate::manifest::{Disposition, ManifestSet, Members, OnDisk, Rendered, Request, render};
use crate::model::{
    Axis, Environment, EnvironmentId, Group, Index, IndexLocation, Kept, Model, Package, PackageId,
    PackageName, Participant, Pin, PinReference, Platform, Project, Requirement, Settings, Sources, Sync,
    TagForm, UvRequest, Variant, WantedUv,
};

/// What the model below was made from.
const TASKS: &str = r#"uv "0.13.9"
project "vlm-hyperbench" {
    version "0.0.3"
    requires-python ">=3.10, !=3.11.*, <3.13"
    python "3.12"
    dependencies "tqdm>=4.67.1" "pandas>=2.3.0"
    group "dev" "ruff>=0.4.2"
    platforms "sys_platform == 'linux'"
}
package "bench-utils" path="packages/bench_utils" git="https://git.example.com/vlm/bench-utils.git"
package "model-interface" path="packages/model_interface" git="https://git.example.com/vlm/model-interface.git"
index "wheelhouse" url="indexes/wheelhouse" default=#true
variants "cuda" choose="exactly-one" {
    dependencies "torch>=2.4,<2.8"
    variant "cu124" index="indexes/cu124" on="linux windows"
    variant "cpu" index="indexes/cpu"
}
environment "dev" { manifest "pyproject.toml"; groups "dev" }
environment "staging" { manifest "staging/pyproject.toml"; sources "tags" channel="dev" }
environment "prod" { manifest "prod/pyproject.toml"; sources "tags" channel="stable" }
"#;

/// The span of the first `text` in [`TASKS`].
fn at(text: &str) -> SourceSpan {
    TASKS.find(text).map_or_else(|| (0, 0).into(), |start| (start, text.len()).into())
}

fn spanned(text: &str) -> Spanned<String> {
    Spanned::new(text.to_owned(), at(&format!("\"{text}\"")))
}

pub(super) fn requirement(text: &str) -> Requirement {
    let name = text.split(['>', '<', '=', '[', ' ']).next().unwrap();
    Requirement {
        name: PackageName::parse(name).unwrap(),
        text: text.to_owned(),
        span: at(&format!("\"{text}\"")),
    }
}

fn package(name: &str) -> Package {
    let path = format!("packages/{}", name.replace('-', "_"));
    Package {
        name: Spanned::new(PackageName::parse(name).unwrap(), at(&format!("\"{name}\""))),
        path: Some(Spanned::new(RelPath::parse(&path).unwrap(), at(&path))),
        git: Some(spanned(&format!("https://git.example.com/vlm/{name}.git"))),
        subdirectory: RelPath::root(),
        role: Role::Dependency,
        extras: Vec::new(),
        tag_form: TagForm::Plain,
        span: at(&format!("package \"{name}\"")),
    }
}

pub(super) fn index(name: &str, path: &str) -> Index {
    Index {
        name: spanned(name),
        location: IndexLocation::Path(RelPath::parse(path).unwrap()),
        explicit: false,
        default: false,
        span: at(path),
    }
}

pub(super) fn variant(name: &str, platforms: &[Platform]) -> Variant {
    Variant {
        name: spanned(name),
        index: Some(index(name, &format!("indexes/{name}"))),
        driver: None,
        platforms: platforms.to_vec(),
        requirements: Vec::new(),
        foreign_requirements: Vec::new(),
        span: at(&format!("variant \"{name}\"")),
    }
}

fn environment(name: &str, manifest: &str, sources: Sources, tag: Option<&str>) -> Environment {
    let pin = |tag: &str| Pin {
        reference: PinReference::Tag(tag.to_owned()),
        version: tag[1..].parse().unwrap(),
        span: at(&format!("environment \"{name}\"")),
    };
    let dev = Group { name: spanned("dev"), requirements: vec![requirement("ruff>=0.4.2")] };
    Environment {
        name: spanned(name),
        manifest: Spanned::new(RelPath::parse(manifest).unwrap(), at(manifest)),
        kept: Kept::Generated,
        project: Some(PackageName::parse("vlm-hyperbench").unwrap()),
        axes: Vec::new(),
        sources,
        settings: Settings {
            version: Some(spanned("0.0.3")),
            description: None,
            requires_python: Some(spanned(">=3.10, !=3.11.*, <3.13")),
            python: Some(spanned("3.12")),
            dependencies: vec![requirement("tqdm>=4.67.1"), requirement("pandas>=2.3.0")],
            extras: Vec::new(),
            platforms: vec![spanned("sys_platform == 'linux'")],
        },
        packages: (0..2).map(|id| Participant { package: PackageId(id), pin: tag.map(pin) }).collect(),
        groups: if tag.is_none() { vec![dev] } else { Vec::new() },
        carry: None,
        sync: Sync {
            groups: Some(Vec::new()),
            extras: Vec::new(),
            install: Install::All,
            editable: tag.is_none(),
            link_mode: None,
        },
        span: at(&format!("environment \"{name}\"")),
    }
}

pub(super) fn model() -> Model {
    Model {
        source: SourceFile::new("tasks.kdl", TASKS),
        uv: Some(UvRequest {
            text: spanned("0.13.9"),
            wanted: WantedUv::Exact("0.13.9".parse().unwrap()),
            sha256: None,
        }),
        project: Some(Project {
            name: Spanned::new(PackageName::parse("vlm-hyperbench").unwrap(), at("\"vlm-hyperbench\"")),
            span: at("project"),
        }),
        packages: vec![package("bench-utils"), package("model-interface")],
        indexes: vec![Index { default: true, ..index("wheelhouse", "indexes/wheelhouse") }],
        axes: vec![Axis {
            name: spanned("cuda"),
            choose: AxisChoice::ExactlyOne,
            requirements: vec![requirement("torch>=2.4,<2.8")],
            variants: vec![variant("cu124", &[Platform::Linux, Platform::Windows]), variant("cpu", &[])],
            span: at("variants"),
        }],
        environments: vec![
            environment("dev", "pyproject.toml", Sources::Workspace, None),
            environment(
                "staging",
                "staging/pyproject.toml",
                Sources::Tags(Channel::Dev),
                Some("v0.1.2.dev0"),
            ),
            environment("prod", "prod/pyproject.toml", Sources::Tags(Channel::Stable), Some("v0.1.2")),
        ],
        tasks: Vec::new(),
        pools: BTreeMap::new(),
        max_age: None,
        default: Vec::new(),
        default_environment: None,
    }
}

fn releases() -> BTreeMap<ReleaseKey, Release> {
    let mut releases = BTreeMap::new();
    for tag in ["v0.1.2.dev0", "v0.1.2"] {
        for (name, requires, sources) in [
            ("bench-utils", vec!["tqdm>=4.66"], vec![]),
            ("model-interface", vec!["torch>=2.4", "bench-utils>=0.1"], vec!["bench-utils"]),
        ] {
            let key = ReleaseKey { package: PackageName::parse(name).unwrap(), reference: tag.to_owned() };
            let release = Release {
                git: format!("https://git.example.com/vlm/{name}.git"),
                subdirectory: String::new(),
                commit: "0".repeat(40),
                version: Some(tag[1..].to_owned()),
                requires_python: None,
                requires_dist: requires.into_iter().map(str::to_owned).collect(),
                provides_extra: Vec::new(),
                sources: sources.into_iter().map(str::to_owned).collect(),
                dynamic: Vec::new(),
            };
            releases.insert(key, release);
        }
    }
    releases
}

/// A repository in memory.
pub(super) struct Bench {
    pub(super) model: Model,
    pub(super) record: Record,
    pub(super) on_disk: BTreeMap<EnvironmentId, OnDisk>,
    pub(super) members: Members,
    pub(super) dispositions: BTreeMap<EnvironmentId, Disposition>,
    pub(super) scoped_excludes: bool,
}

pub(super) const DEV: EnvironmentId = EnvironmentId(0);
pub(super) const STAGING: EnvironmentId = EnvironmentId(1);
pub(super) const PROD: EnvironmentId = EnvironmentId(2);

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            model: model(),
            record: Record { releases: releases(), ..Record::default() },
            on_disk: BTreeMap::new(),
            members: [(PackageId(1), vec!["torch>=2.4".to_owned(), "bench-utils>=0.1".to_owned()])].into(),
            dispositions: BTreeMap::new(),
            scoped_excludes: true,
        }
    }

    /// One on whose disk everything was generated.
    pub(super) fn generated() -> Self {
        let mut bench = Self::new();
        bench.write();
        bench
    }

    pub(super) fn render(&self) -> ManifestSet {
        render(&Request {
            model: &self.model,
            record: &self.record,
            on_disk: &self.on_disk,
            members: &self.members,
            dispositions: &self.dispositions,
            scoped_excludes: self.scoped_excludes,
        })
    }

    pub(super) fn rendered(&self, id: EnvironmentId) -> Rendered {
        self.render().manifests[&id].clone()
    }

    /// Renders, and puts what is not refused on the disk and into the record.
    pub(super) fn write(&mut self) -> ManifestSet {
        use crate::manifest::PythonVersionFile as File;
        let set = self.render();
        for rendered in set.manifests.values().filter(|rendered| rendered.refused.is_none()) {
            let disk = self.on_disk.entry(rendered.environment).or_default();
            disk.manifest = Some(rendered.text.clone());
            match &rendered.python_version {
                File::Leave => {}
                File::Write(text) => disk.python_version = Some(text.clone()),
                File::Remove => disk.python_version = None,
            }
            self.record.owned.insert(rendered.path.clone(), rendered.owned.clone());
        }
        set
    }

    pub(super) fn text(&self, id: EnvironmentId) -> &str {
        self.on_disk[&id].manifest.as_deref().unwrap()
    }

    pub(super) fn put(&mut self, id: EnvironmentId, text: impl Into<String>) -> &mut Self {
        self.on_disk.entry(id).or_default().manifest = Some(text.into());
        self
    }

    /// Edits a manifest by hand.
    pub(super) fn edit(&mut self, id: EnvironmentId, from: &str, to: &str) -> &mut Self {
        let text = self.text(id);
        assert!(text.contains(from), "{from:?} is not in\n{text}");
        let text = text.replacen(from, to, 1);
        self.put(id, text)
    }

    pub(super) fn settle(&mut self, id: EnvironmentId, disposition: Disposition) -> &mut Self {
        self.dispositions.insert(id, disposition);
        self
    }
}
