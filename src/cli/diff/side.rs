//! One side of a comparison, read from the working tree or from a commit.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use toml::Table;

use super::error::SideError;
use crate::base::{RelPath, SourceFile, brief};
use crate::cli::call::Call;
use crate::cli::load::Stop;
use crate::config;
use crate::graph::{Subject, TaskKey};
use crate::ledger::{Build, Lockfile, Side, Taken};
use crate::model::{EnvironmentId, Model, PackageName, lockfile_beside};
use crate::plan::{self, Refusal};
use crate::tool::git::{Git, ObjectId};

/// What is known of one side.
pub(in crate::cli) struct Reading {
    /// How it is called: `prod`, `dev@cpu`, `prod at v1`.
    pub(super) label: String,
    /// The packages that `tasks.kdl` declares, or did.
    pub(in crate::cli) internal: BTreeSet<String>,
    environment: EnvironmentId,
    /// As in a target, for `--json`.
    name: String,
    commit: Option<ObjectId>,
    lockfile: Lockfile,
    manifest: Table,
    directory: RelPath,
    taken: Option<Taken>,
}

impl Reading {
    /// As the working tree has it.
    ///
    /// # Errors
    /// When lockfile or manifest is not there, or cannot be read.
    pub(super) fn now(call: &Call<'_>, subject: &Subject) -> Result<Self, Stop> {
        let environment = call.model.environment(subject.environment);
        let name = &environment.name.value;
        let read = |path: &RelPath| -> Result<Option<Vec<u8>>, Stop> {
            plan::inside(&call.place.root, path)?;
            Ok(call.observer.read(&path.under(&call.place.root))?)
        };
        let path = &environment.manifest.value;
        let manifest = read(path)?
            .ok_or_else(|| Refusal::NoManifest { manifest: path.to_string(), environment: name.clone() })?;
        let lock = lockfile_beside(path);
        let locked = read(&lock)?
            .ok_or_else(|| Refusal::NoLockfile { lockfile: lock.to_string(), environment: name.clone() })?;
        let internal = call.model.packages.iter().map(|package| package.name.value.to_string());
        Self::of(
            &call.model,
            subject,
            Files { manifest: &manifest, locked: &locked, path, lock: &lock },
            internal.collect(),
        )
    }

    /// As a commit has it. Where that has a `tasks.kdl`, it says where the manifest was.
    ///
    /// # Errors
    /// When git cannot say, or the commit has no such lockfile or manifest.
    pub(super) fn then(
        call: &Call<'_>,
        subject: &Subject,
        git: &Git,
        (commit, revision): (&ObjectId, &str),
    ) -> Result<Self, Stop> {
        let root = &call.place.root;
        let environment = call.model.environment(subject.environment);
        let tasks = git.file_at(root, commit, &call.place.file_name)?;
        let tasks = tasks.and_then(|bytes| config::from_bytes(&call.place.file_name, bytes).ok());
        let tasks = tasks.and_then(|source| config::parse(&source).ok());
        let declared = tasks.as_ref().and_then(|tasks| {
            let mut named = tasks.environments.iter();
            let node = named.find(|node| node.name.value == environment.name.value)?;
            RelPath::parse(&node.manifest.as_ref()?.value).ok()
        });
        let path = declared.unwrap_or_else(|| environment.manifest.value.clone());
        let lock = lockfile_beside(&path);
        let read = |path: &RelPath| -> Result<Vec<u8>, Stop> {
            let missing = || SideError::NotThen { path: path.to_string(), revision: brief(revision) };
            Ok(git.file_at(root, commit, path.as_str())?.ok_or_else(missing)?)
        };
        let (manifest, locked) = (read(&path)?, read(&lock)?);
        let internal = tasks.iter().flat_map(|tasks| &tasks.packages);
        let internal = internal.filter_map(|package| PackageName::parse(&package.name.value).ok());
        let internal = internal.map(|name| name.to_string()).collect();
        let files = Files { manifest: &manifest, locked: &locked, path: &path, lock: &lock };
        let reading = Self::of(&call.model, subject, files, internal)?;
        let label = format!("{} at {}", reading.label, brief(revision));
        Ok(Self { label, commit: Some(commit.clone()), ..reading })
    }

    /// An environment as a change has found it, or leaves it. What is not there yet is empty.
    ///
    /// # Errors
    /// When one of the files cannot be read as what it is.
    pub(in crate::cli) fn of_files(
        model: &Model,
        environment: EnvironmentId,
        manifest: Option<&[u8]>,
        locked: Option<&[u8]>,
    ) -> Result<Self, Stop> {
        let path = &model.environment(environment).manifest.value;
        let lock = lockfile_beside(path);
        let internal = model.packages.iter().map(|package| package.name.value.to_string());
        let files = Files {
            manifest: manifest.unwrap_or_default(),
            locked: locked.unwrap_or(NO_LOCKFILE),
            path,
            lock: &lock,
        };
        Self::of(model, &Subject { environment, cell: None }, files, internal.collect())
    }

    /// The builds of a package that the whole lockfile holds.
    pub(in crate::cli) fn builds(&self, package: &str) -> Vec<Build> {
        let of_it = self.lockfile.packages.iter().filter(|locked| locked.name == package);
        of_it.map(|locked| Build { version: locked.version.clone(), source: locked.source.clone() }).collect()
    }

    fn of(
        model: &Model,
        subject: &Subject,
        files: Files<'_>,
        internal: BTreeSet<String>,
    ) -> Result<Self, Stop> {
        let environment = model.environment(subject.environment).name.value.as_str();
        let manifest = plan::table(files.manifest)
            .ok_or_else(|| SideError::UnreadableManifest { path: files.path.to_string() })?;
        let text = String::from_utf8_lossy(files.locked).into_owned();
        let lockfile = Lockfile::parse(&SourceFile::new(files.lock.as_str(), text), environment)?;
        let cell = subject.cell.as_ref();
        let name = cell.map_or_else(
            || environment.to_owned(),
            |cell| {
                let target = TaskKey::Sync(cell.clone()).name(model);
                target.strip_prefix("sync:").unwrap_or(&target).to_owned()
            },
        );
        Ok(Self {
            label: name.clone(),
            internal,
            environment: subject.environment,
            name,
            commit: None,
            lockfile,
            manifest,
            directory: files.path.parent(),
            taken: cell.map(|cell| Taken::of(model, cell)),
        })
    }

    /// For the comparison.
    pub(in crate::cli) fn side<'a>(&'a self, model: &'a Model, root: &'a Path) -> Side<'a> {
        Side {
            lockfile: &self.lockfile,
            manifest: &self.manifest,
            directory: self.directory.clone(),
            root,
            axes: model.axes_of(self.environment),
            taken: self.taken.clone(),
        }
    }

    /// Which side it is, as data.
    pub(super) fn json(&self) -> Value {
        let commit = self.commit.as_ref().map(ObjectId::as_str);
        json!({ "name": self.name, "commit": commit })
    }
}

/// A lockfile that holds nothing.
const NO_LOCKFILE: &[u8] = b"version = 1\n";

/// The files of a side.
#[derive(Clone, Copy)]
struct Files<'a> {
    manifest: &'a [u8],
    locked: &'a [u8],
    path: &'a RelPath,
    lock: &'a RelPath,
}
