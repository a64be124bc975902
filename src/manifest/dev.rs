//! The entries of a workspace environment: internal packages are its members, or lie at a path.

use toml_edit::Value;

use super::entry::Entry;
use super::project::{self, Entries, table};
use super::request::Members;
use super::supply::{self, Required};
use crate::config::Role;
use crate::model::{Environment, Model, Project};

/// What the manifest is to have. `members` says what each package's own manifest requires.
pub(super) fn entries(
    model: &Model,
    environment: &Environment,
    project: &Project,
    members: &Members,
    scoped_excludes: bool,
) -> Vec<Entry> {
    let mut entries = project::project(model, environment, project);
    project::tool(model, environment, project, &mut entries);
    // uv applies excludes to workspace members too (tried).
    let required: Required<'_> = environment
        .packages
        .iter()
        .filter_map(|participant| {
            let package = model.package(participant.package);
            members
                .get(&participant.package)
                .map(|requires| (&package.name.value, package.span, requires.as_slice()))
        })
        .collect();
    supply::bounds(model, &required, scoped_excludes, &mut entries);
    places(model, environment, &mut entries);
    supply::sources(model, &mut entries);
    supply::indexes(model, environment, &mut entries);
    entries.0
}

/// Members and sources. Every member has a source here: uv asks for one where a member requires another.
fn places(model: &Model, environment: &Environment, entries: &mut Entries) {
    let here = environment.directory();
    let packages = environment.packages.iter().map(|participant| model.package(participant.package));
    let placed: Vec<_> = packages
        .filter_map(|package| package.path.as_ref().map(|path| (package, path.value.relative_to(&here))))
        .collect();
    for (package, path) in placed.iter().filter(|(package, _)| package.role != Role::Path) {
        entries.element(&["tool", "uv", "workspace", "members"], path.as_str(), package.span);
    }
    for (package, path) in placed {
        let source = match package.role {
            Role::Path => table([("path", path.into()), ("editable", Value::from(true))]),
            Role::Dependency | Role::Member => table([("workspace", Value::from(true))]),
        };
        entries.key(&["tool", "uv", "sources", package.name.value.as_str()], source, package.span);
    }
}
