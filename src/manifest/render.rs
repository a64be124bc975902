//! The door: what every manifest is to be.

use std::collections::{BTreeMap, BTreeSet};

use super::carry::{self, Origin};
use super::entry::{Entry, EntryPath};
use super::error::ManifestError;
use super::ownership::places;
use super::request::{ManifestSet, Request, Unlike};
use super::settle::{Manifest, not_toml, without_mark};
use super::view::View;
use super::words;
use super::{derived, dev, pinned};
use crate::base::{RelPath, SourceFile};
use crate::model::{Environment, EnvironmentId, Kept, Project, Sources};

/// Says what every manifest is to be.
#[must_use]
pub(crate) fn render(request: &Request<'_>) -> ManifestSet {
    let rendered = |(id, environment, wanted): (EnvironmentId, &Environment, Wanted)| {
        (id, Manifest::new(request, id, environment).rendered(wanted))
    };
    ManifestSet { manifests: wanted(request).into_iter().map(rendered).collect() }
}

/// What `import` has to know of manifests that are there: of each the entries that `tasks.kdl` asks for and that it has
/// not, or otherwise.
#[must_use]
pub(crate) fn unlike(request: &Request<'_>) -> BTreeMap<EnvironmentId, Result<Vec<Unlike>, ManifestError>> {
    let compared = |(id, environment, wanted): (EnvironmentId, &Environment, Wanted)| {
        let manifest = Manifest::new(request, id, environment);
        (id, wanted.and_then(|wanted| manifest.unlike(&manifest.spelt(wanted))))
    };
    wanted(request).into_iter().map(compared).collect()
}

/// What is to be written into each manifest that can be made, and what `import` left out of it.
pub(super) fn divided(request: &Request<'_>) -> BTreeMap<EnvironmentId, (Vec<Entry>, Vec<Entry>)> {
    let of = |(id, environment, wanted): (EnvironmentId, &Environment, Wanted)| {
        let manifest = Manifest::new(request, id, environment);
        Some((id, manifest.divided(&manifest.spelt(wanted.ok()?))))
    };
    wanted(request).into_iter().filter_map(of).collect()
}

/// The entries of one manifest.
type Wanted = Result<Vec<Entry>, ManifestError>;

/// What every manifest that envloom writes is to have.
fn wanted<'r>(request: &Request<'r>) -> Vec<(EnvironmentId, &'r Environment, Wanted)> {
    let model = request.model;
    let workspace = model.workspace_environment().zip(model.project.as_ref());
    let origin =
        workspace.map(|((id, environment), project)| Workspace::read(request, id, environment, project));
    model
        .environments()
        .filter_map(|(id, environment)| {
            let project = match environment.kept {
                Kept::Adopted => return None,
                Kept::Derived(from) => return Some((id, environment, derived(request, environment, from))),
                // `resolve` demands one of every model that has such an environment.
                Kept::Generated => model.project.as_ref()?,
            };
            let wanted = match (environment.sources, &origin) {
                (Sources::Workspace, _) => Ok(wanted_in_workspace(request, environment, project)),
                (Sources::Tags(_), Some(Err(unread))) => Err(unread.clone()),
                (Sources::Tags(_), origin) => {
                    let own =
                        pinned::entries(model, environment, project, request.record, request.scoped_excludes);
                    let carried = match origin {
                        Some(Ok(workspace)) => workspace.carried(environment),
                        _ => Vec::new(),
                    };
                    Ok(carry::merged(own, carried))
                }
            };
            Some((id, environment, wanted))
        })
        .collect()
}

/// The requirements in a package's manifest: its dependencies and those of its extras. An unreadable manifest
/// has none here: uv will say what is wrong with it.
#[must_use]
pub(crate) fn requirements_of(manifest: &str) -> Vec<String> {
    let Ok(view) = View::parse(without_mark(manifest).1) else {
        return Vec::new();
    };
    let required = |path: &EntryPath| {
        matches!(
            words::parts(path).0.as_slice(),
            ["project", "dependencies"] | ["project", "optional-dependencies", _]
        )
    };
    let leaves = view.leaves().into_iter().filter(|leaf| required(&leaf.path));
    leaves.filter_map(|leaf| leaf.value.as_str().map(str::to_owned)).collect()
}

fn derived(
    request: &Request<'_>,
    environment: &Environment,
    from: EnvironmentId,
) -> Result<Vec<Entry>, ManifestError> {
    let text = request.on_disk.get(&from).and_then(|found| found.manifest.as_deref());
    let text = text.map(|text| without_mark(text).1);
    derived::entries(request, environment, request.model.environment(from), text)
}

fn wanted_in_workspace(request: &Request<'_>, environment: &Environment, project: &Project) -> Vec<Entry> {
    dev::entries(request.model, environment, project, request.members, request.scoped_excludes)
}

/// What tags environments carry over from.
struct Workspace {
    text: String,
    directory: RelPath,
    ours: BTreeSet<EntryPath>,
}

impl Workspace {
    /// Fails where its manifest cannot be read: then nobody knows what to carry.
    fn read(
        request: &Request<'_>,
        id: EnvironmentId,
        environment: &Environment,
        project: &Project,
    ) -> Result<Self, ManifestError> {
        let text = request.on_disk.get(&id).and_then(|found| found.manifest.as_deref()).unwrap_or_default();
        let text = without_mark(text).1.to_owned();
        if let Err(fault) = View::parse(&text) {
            let source = SourceFile::new(environment.manifest.value.as_str(), text.as_str());
            return Err(ManifestError::new(&source, vec![not_toml(&fault)]));
        }
        let wanted = wanted_in_workspace(request, environment, project);
        let owned = request.record.owned.get(&environment.manifest.value).map(places).unwrap_or_default();
        let ours = wanted.into_iter().map(|entry| entry.path).chain(owned.into_keys()).collect();
        Ok(Self { text, directory: environment.directory(), ours })
    }

    fn carried(&self, environment: &Environment) -> Vec<Entry> {
        let Ok(view) = View::parse(&self.text) else {
            return Vec::new();
        };
        carry::entries(
            &Origin { view: &view, directory: self.directory.clone(), ours: &self.ours },
            environment,
        )
    }
}
