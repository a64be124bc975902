//! The entries of a tags environment: internal packages come from git, each at its pin.
//!
//! What uv does there (tried with 0.13.9): a git source binds a package that is required only by others just
//! where it is named among the constraints; a range on it is ignored, so the bare name stands there. A
//! release whose own sources name siblings needs a metadata shim, which is applied only if it has a version.
//! An empty workspace keeps uv from reading the manifest of the repository's root.

use toml_edit::{Array, Value};

use super::entry::Entry;
use super::project::{self, Entries, table};
use super::supply::{self, Required};
use crate::ledger::{Record, Release, ReleaseKey};
use crate::model::{Environment, Model, Package, Pin, PinReference, Project};

/// What the manifest is to have.
pub(super) fn entries(
    model: &Model,
    environment: &Environment,
    project: &Project,
    record: &Record,
    scoped_excludes: bool,
) -> Vec<Entry> {
    let mut entries = project::project(model, environment, project);
    project::tool(model, environment, project, &mut entries);
    let releases = Releases::of(model, environment, record);
    releases.constraints(&mut entries);
    supply::bounds(model, &releases.required(), scoped_excludes, &mut entries);
    releases.sources(environment, &mut entries);
    supply::sources(model, &mut entries);
    supply::indexes(model, environment, &mut entries);
    releases.shims(&mut entries);
    entries.0
}

/// The internal packages of a tags environment.
pub(super) struct Releases<'m> {
    pinned: Vec<(&'m Package, &'m Pin)>,
    /// Those whose releases the record has.
    released: Vec<(&'m Package, &'m Pin, &'m Release)>,
}

impl<'m> Releases<'m> {
    pub(super) fn of(model: &'m Model, environment: &'m Environment, record: &'m Record) -> Self {
        let pinned: Vec<(&Package, &Pin)> = environment
            .packages
            .iter()
            .filter_map(|participant| {
                participant.pin.as_ref().map(|pin| (model.package(participant.package), pin))
            })
            .collect();
        let released = pinned
            .iter()
            .filter_map(|(package, pin)| {
                let key = ReleaseKey {
                    package: package.name.value.clone(),
                    reference: pin.reference.as_str().to_owned(),
                };
                record.releases.get(&key).map(|release| (*package, *pin, release))
            })
            .collect();
        Self { pinned, released }
    }

    /// The bare names, which bind the sources of what only other packages require.
    pub(super) fn constraints(&self, entries: &mut Entries) {
        for (package, _) in &self.pinned {
            let name = package.name.value.as_str();
            entries.element(&["tool", "uv", "constraint-dependencies"], name, package.span);
        }
    }

    fn required(&self) -> Required<'m> {
        let of = |(package, _, release): &(&'m Package, &'m Pin, &'m Release)| {
            (&package.name.value, package.span, release.requires_dist.as_slice())
        };
        self.released.iter().map(of).collect()
    }

    /// An empty workspace, and where each package comes from.
    pub(super) fn sources(&self, environment: &Environment, entries: &mut Entries) {
        entries.key(&["tool", "uv", "workspace", "members"], Array::new(), environment.span);
        for (package, pin) in &self.pinned {
            source(package, pin, entries);
        }
    }

    /// What uv is to believe of releases whose own sources it cannot follow.
    pub(super) fn shims(&self, entries: &mut Entries) {
        for (package, pin, release) in
            self.released.iter().filter(|(_, _, release)| !release.sources.is_empty())
        {
            shim(package, pin, release, entries);
        }
    }
}

fn source(package: &Package, pin: &Pin, entries: &mut Entries) {
    // `resolve` gives a pin only to packages that have a remote.
    let Some(git) = &package.git else { return };
    let mut items = vec![("git", Value::from(git.value.as_str()))];
    items.push(match &pin.reference {
        PinReference::Tag(tag) => ("tag", tag.as_str().into()),
        PinReference::Rev(rev) => ("rev", rev.as_str().into()),
    });
    if !package.subdirectory.is_root() {
        items.push(("subdirectory", package.subdirectory.as_str().into()));
    }
    entries.key(&["tool", "uv", "sources", package.name.value.as_str()], table(items), pin.span);
}

/// What uv is to believe of a release instead of following its sources.
fn shim(package: &Package, pin: &Pin, release: &Release, entries: &mut Entries) {
    let version = release.version.clone().unwrap_or_else(|| pin.version.to_string());
    let texts = |texts: &[String]| texts.iter().map(|text| Value::from(text.as_str())).collect::<Array>();
    let shim = table([
        ("name", package.name.value.as_str().into()),
        ("version", version.into()),
        ("requires-dist", texts(&release.requires_dist).into()),
        ("provides-extra", texts(&release.provides_extra).into()),
    ]);
    entries.element(&["tool", "uv", "dependency-metadata"], shim, pin.span);
}
