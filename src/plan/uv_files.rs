//! The files that uv reads besides members: settings, pins of Python, what variables name.
//!
//! Comes in: [`Inputs`]. Goes out: fields. [`Collector`] is the state of one fingerprint in the making; the
//! other half of it, members and path sources, is in `packages`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use toml::Table;

use super::error::PlanError;
use super::fingerprint::{Fingerprint, Inputs};
use super::manifest_fields::shown;
use crate::base::Digest;

/// Variables that name files, separated by spaces.
const NAMING_FILES: [&str; 5] =
    ["UV_CONFIG_FILE", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_BUILD_CONSTRAINT"];

/// How much of a package counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Its metadata: what a lock depends on.
    Metadata,
    /// All that makes uv build it again as well: what a sync depends on.
    Build,
}

/// A fingerprint in the making.
pub(super) struct Collector<'a> {
    pub(super) inputs: &'a Inputs<'a>,
    pub(super) scope: Scope,
    pub(super) fields: BTreeMap<String, String>,
    /// Directories of packages already looked at: path sources may form a circle.
    pub(super) met: BTreeSet<PathBuf>,
    uncacheable: Option<String>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(inputs: &'a Inputs<'a>, scope: Scope) -> Self {
        Self { inputs, scope, fields: BTreeMap::new(), met: BTreeSet::new(), uncacheable: None }
    }

    pub(super) fn finish(self) -> Fingerprint {
        Fingerprint { fields: self.fields, uncacheable: self.uncacheable }
    }

    /// Notes that no verdict may be kept; the first reason is told.
    pub(super) fn refuse(&mut self, because: String) {
        self.uncacheable.get_or_insert(because);
    }

    /// Every value of a TOML file.
    pub(super) fn toml(&mut self, path: &Path) -> Result<Option<Arc<Table>>, PlanError> {
        let Some(bytes) = self.read(path)? else {
            return Ok(None);
        };
        let label = self.label(path);
        Ok(self.inputs.parsed.add(&label, bytes, &mut self.fields))
    }

    /// The digest of a file.
    pub(super) fn bytes(&mut self, path: &Path) -> Result<(), PlanError> {
        if let Some(bytes) = self.read(path)? {
            self.fields.insert(self.label(path), format!("digest:{}", Digest::of(bytes)));
        }
        Ok(())
    }

    /// Settings files of the user and the system, and the files that variables name.
    pub(super) fn settings(&mut self) -> Result<(), PlanError> {
        for path in self.of_user_and_system() {
            self.toml(&path)?;
        }
        for name in NAMING_FILES {
            self.files_named_by(name)?;
        }
        Ok(())
    }

    /// The files that uv takes E's settings from: its manifest, the `uv.toml` beside it, the user's and the system's.
    /// It looks no further up than a manifest with `[tool.uv]` (tried), and that of a frozen environment has it. What
    /// is no TOML is not among them: uv refuses it.
    pub(super) fn files_of_settings(&mut self) -> Result<Vec<PathBuf>, PlanError> {
        let directory = self.inputs.directory.under(self.inputs.root);
        let beside = ["pyproject.toml", "uv.toml"].map(|name| directory.join(name));
        let mut files = Vec::new();
        for path in beside.into_iter().chain(self.of_user_and_system()) {
            if self.toml(&path)?.is_some() {
                files.push(path);
            }
        }
        Ok(files)
    }

    fn of_user_and_system(&self) -> Vec<PathBuf> {
        let home = self.inputs.home.map(|home| home.join(".config"));
        let user = self.variable("XDG_CONFIG_HOME").map(PathBuf::from).or(home);
        let system = self.variable("XDG_CONFIG_DIRS").unwrap_or(OsStr::new("/etc/xdg"));
        let places = user.into_iter().chain(std::env::split_paths(system)).chain([PathBuf::from("/etc")]);
        // A relative one is not believed, as the standard for these directories says.
        places.filter(|place| place.is_absolute()).map(|place| place.join("uv/uv.toml")).collect()
    }

    /// The pin of Python beside a manifest; comments and blank lines are no change.
    pub(super) fn python_pins(&mut self, directory: &Path) -> Result<(), PlanError> {
        for name in [".python-version", ".python-versions"] {
            let path = directory.join(name);
            if let Some(bytes) = self.read(&path)? {
                let text = String::from_utf8_lossy(&bytes);
                let words: Vec<&str> = text
                    .lines()
                    .map(|line| line.split('#').next().unwrap_or_default().trim())
                    .filter(|line| !line.is_empty())
                    .collect();
                self.fields.insert(self.label(&path), shown(&words.join(" ")));
            }
        }
        Ok(())
    }

    /// uv resolves these against the directory it runs in, which is the manifest's.
    fn files_named_by(&mut self, variable: &str) -> Result<(), PlanError> {
        let Some(value) = self.variable(variable) else {
            return Ok(());
        };
        let value = value.to_string_lossy().into_owned();
        let directory = self.inputs.directory.under(self.inputs.root);
        let words: Vec<&str> =
            if variable == "UV_CONFIG_FILE" { vec![&value] } else { value.split_whitespace().collect() };
        for word in words {
            if word.contains("://") {
                self.refuse(format!("{variable} names a file behind a URL"));
            } else if variable == "UV_CONFIG_FILE" {
                self.toml(&clean(&directory.join(word)))?;
            } else {
                self.bytes(&clean(&directory.join(word)))?;
            }
        }
        Ok(())
    }

    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&'a OsStr> {
        self.inputs
            .variables
            .get(OsStr::new(name))
            .map(std::ffi::OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// The bytes of a file. Above the repository a file may belong to someone else: that it cannot be read is
    /// then a field, and uv's to complain about.
    fn read(&mut self, path: &Path) -> Result<Option<Vec<u8>>, PlanError> {
        match self.inputs.observer.read(path) {
            Ok(bytes) => Ok(bytes),
            Err(error)
                if error.cause.kind() == ErrorKind::PermissionDenied
                    && !path.starts_with(self.inputs.root) =>
            {
                self.fields.insert(self.label(path), "unreadable".to_owned());
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// How a path is named in a field: relative to the root where it lies below it.
    pub(super) fn label(&self, path: &Path) -> String {
        match path.strip_prefix(self.inputs.root) {
            Ok(inside) if inside.as_os_str().is_empty() => ".".to_owned(),
            Ok(inside) => inside.display().to_string(),
            Err(_) => path.display().to_string(),
        }
    }
}

/// The path without `.` and `..`, by its text alone.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}
