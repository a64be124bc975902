//! The project, its workspace's members and its path sources, as uv finds them.
//!
//! What is looked for, in uv's order (strace of uv 0.13.9): the manifest of E; unless it is itself a workspace
//! root, manifests upward to the first one; the members by that root's globs, where E is the root or one of
//! them; and whatever these name by `path`, round by round.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::error::PlanError;
use super::uv_files::{Collector, Scope, clean};
use super::workspace::{expand, is_member, members, texts, uv_table, workspace_of};
use crate::base::Digest;

/// Dynamic metadata that a lockfile depends on.
const LOCKED_METADATA: [&str; 4] = ["dependencies", "optional-dependencies", "requires-python", "version"];

impl Collector<'_> {
    /// All manifests that matter to the environment. Returns the directory of its lockfile.
    pub(super) fn project(&mut self) -> Result<PathBuf, PlanError> {
        let directory = self.inputs.directory.under(self.inputs.root);
        self.met.insert(directory.clone());
        // uv goes upward for settings as far as the first directory that has some: one that is never reached costs a
        // check when it changes, one that is missed would cost a false verdict.
        for place in directory.ancestors() {
            self.toml(&place.join("uv.toml"))?;
        }
        self.python_pins(&directory)?;
        let manifest = self.toml(&directory.join("pyproject.toml"))?.unwrap_or_default();
        let lock_directory = if let Some(workspace) = workspace_of(&manifest) {
            self.members(&directory, workspace)?;
            directory.clone()
        } else {
            self.upward(&directory)?
        };
        // A manifest without `[project]` is a workspace and no package.
        let is_package = manifest.contains_key("project");
        self.package_files(&directory, &manifest, is_package)?;
        Ok(lock_directory)
    }

    /// Manifests above E, to the first workspace root or the top.
    fn upward(&mut self, directory: &Path) -> Result<PathBuf, PlanError> {
        for above in directory.ancestors().skip(1) {
            let manifest = self.toml(&above.join("pyproject.toml"))?.unwrap_or_default();
            let Some(workspace) = workspace_of(&manifest) else {
                continue;
            };
            if !is_member(above, workspace, directory) {
                break;
            }
            self.members(above, workspace)?;
            // The root of a workspace is a package of its lock too; its sources serve all members.
            self.met.insert(above.to_owned());
            self.package_files(above, &manifest, manifest.contains_key("project"))?;
            return Ok(above.to_owned());
        }
        Ok(directory.to_owned())
    }

    fn members(&mut self, root: &Path, workspace: &Table) -> Result<(), PlanError> {
        for member in members(self.inputs.observer, root, workspace)? {
            // uv looks for a workspace between a member and its root (strace).
            for between in
                member.ancestors().skip(1).take_while(|above| *above != root && above.starts_with(root))
            {
                self.toml(&between.join("pyproject.toml"))?;
            }
            self.package(&member)?;
        }
        Ok(())
    }

    /// A member or a path source: its manifest and what else its metadata or its build depends on.
    fn package(&mut self, directory: &Path) -> Result<(), PlanError> {
        if !self.met.insert(directory.to_owned()) {
            return Ok(());
        }
        let path = directory.join("pyproject.toml");
        let manifest = self.toml(&path)?;
        let is_package = manifest.is_some() || directory.join("setup.py").exists();
        self.package_files(directory, &manifest.unwrap_or_default(), is_package)
    }

    fn package_files(
        &mut self,
        directory: &Path,
        manifest: &Table,
        is_package: bool,
    ) -> Result<(), PlanError> {
        self.bytes(&directory.join("setup.py"))?;
        self.bytes(&directory.join("setup.cfg"))?;
        if is_package {
            self.cache_keys(directory, manifest)?;
        }
        for path in path_sources(manifest) {
            let path = clean(&directory.join(path));
            if path.is_dir() { self.package(&path)? } else { self.bytes(&path)? }
        }
        Ok(())
    }

    fn cache_keys(&mut self, directory: &Path, manifest: &Table) -> Result<(), PlanError> {
        let dynamic = dynamic_metadata(manifest);
        if self.scope == Scope::Metadata && dynamic.is_none() {
            return Ok(());
        }
        let keys = uv_table(manifest).and_then(|uv| uv.get("cache-keys")).and_then(Value::as_array);
        let Some(keys) = keys else {
            if let (Scope::Metadata, Some(dynamic)) = (self.scope, dynamic) {
                let name = self.label(directory);
                self.refuse(format!("{name} has dynamic {dynamic} and no tool.uv.cache-keys"));
            }
            return self.presence(&directory.join("src"));
        };
        for key in keys {
            self.cache_key(directory, key)?;
        }
        Ok(())
    }

    fn cache_key(&mut self, directory: &Path, key: &Value) -> Result<(), PlanError> {
        let word = |name: &str| key.get(name).and_then(Value::as_str);
        if let Some(pattern) = key.as_str().or_else(|| word("file")) {
            for path in expand(self.inputs.observer, directory, pattern)? {
                if !path.is_dir() {
                    self.bytes(&path)?;
                }
            }
        } else if let Some(path) = word("dir") {
            self.presence(&clean(&directory.join(path)))?;
        } else if let Some(name) = word("env") {
            self.inputs.observer.depend_on(name);
            // Whether the variable is a secret nobody says: only its digest.
            let value =
                self.variable(name).map(|value| format!("digest:{}", Digest::of(value.as_encoded_bytes())));
            self.fields.extend(value.map(|value| (format!("cache key {name}"), value)));
        } else {
            let name = self.label(directory);
            self.refuse(format!("{name} has a cache key that only uv can read: {key}"));
        }
        Ok(())
    }

    fn presence(&mut self, path: &Path) -> Result<(), PlanError> {
        if self.inputs.observer.stat(path)?.is_some() {
            self.fields.insert(self.label(path), "present".to_owned());
        }
        Ok(())
    }
}

/// What of the metadata only a build can tell.
fn dynamic_metadata(manifest: &Table) -> Option<String> {
    let Some(project) = manifest.get("project") else {
        return Some("metadata".to_owned());
    };
    let dynamic: Vec<&str> =
        texts(project.get("dynamic")).filter(|name| LOCKED_METADATA.contains(name)).collect();
    (!dynamic.is_empty()).then(|| dynamic.join(", "))
}

/// The `path`s of `tool.uv.sources` and the paths of requirements on `file://`.
fn path_sources(manifest: &Table) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let sources = uv_table(manifest).and_then(|uv| uv.get("sources")).and_then(Value::as_table);
    for source in sources.into_iter().flat_map(Table::values) {
        let one = std::slice::from_ref(source);
        let several = source.as_array().map_or(one, Vec::as_slice);
        paths.extend(several.iter().filter_map(|source| source.get("path")?.as_str()).map(PathBuf::from));
    }
    let mut open: Vec<&Value> = manifest.values().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => paths.extend(file_requirement(text)),
            Value::Array(array) => open.extend(array),
            Value::Table(table) => open.extend(table.values()),
            _ => {}
        }
    }
    paths
}

/// The path of `name @ file:///path`.
fn file_requirement(text: &str) -> Option<PathBuf> {
    let (_, url) = text.split_once('@')?;
    let path = url.trim_start().strip_prefix("file://")?;
    let path = path.split(['#', ';', ' ']).next()?;
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let decoded = (byte == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        bytes.push(decoded.unwrap_or(byte));
        rest = if decoded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok().map(PathBuf::from)
}
