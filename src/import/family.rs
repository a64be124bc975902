//! Which manifests are one project in several environments, and which internal packages that project has.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Survey;
use super::manifest::{Manifest, Reference, Source, requirement};
use crate::base::RelPath;
use crate::model::PackageName;

/// The project that is described.
pub(super) struct Family<'s> {
    /// Its manifests, the nearest to the root first.
    pub(super) all: Vec<(&'s RelPath, &'s Manifest)>,
    /// Its internal packages, and where each lies in the working tree.
    pub(super) internal: BTreeMap<&'s PackageName, Option<RelPath>>,
}

/// Words that only a build can tell where `project.dynamic` names them.
const STATIC: [&str; 5] = ["name", "version", "requires-python", "dependencies", "optional-dependencies"];

impl<'s> Family<'s> {
    /// The project that most manifests have; else the one at the root.
    pub(super) fn of(survey: &'s Survey) -> Option<Self> {
        let mut named: BTreeMap<&PackageName, Vec<(&RelPath, &Manifest)>> = BTreeMap::new();
        for (path, manifest) in &survey.manifests {
            if let Some(name) = manifest.name.as_ref().filter(|_| manifest.workspace.is_none()) {
                named.entry(name).or_default().push((path, manifest));
            }
        }
        let mut families: Vec<_> = named.into_values().collect();
        for family in &mut families {
            family.sort_by_key(|(path, _)| (path.parts().count(), *path));
        }
        // Of equally many the one nearest to the root.
        families.sort_by_key(|family| (usize::MAX - family.len(), family[0].0.parts().count(), family[0].0));
        let all = families.into_iter().next().filter(|all| all.len() > 1 || is_at_root(all[0].0));
        let all = all.or_else(|| {
            let root = survey.manifests.iter().find(|(path, _)| is_at_root(path))?;
            root.1.name.is_some().then(|| vec![root])
        })?;
        let mut family = Self { internal: internal(survey, &all, all.len() > 1), all };
        family.add_alike(survey);
        Some(family)
    }

    /// Adds the manifests of another name that are clearly this project: `app-prod` beside `app`, with releases of packages
    /// that `app` has in the working tree.
    fn add_alike(&mut self, survey: &'s Survey) {
        let Some(name) = self.all[0].1.name.as_ref().map(PackageName::as_str) else { return };
        let is_alike = |manifest: &Manifest| {
            let other = manifest.name.as_ref().map_or("", PackageName::as_str);
            let (short, long) = if other.len() < name.len() { (other, name) } else { (name, other) };
            let is_longer = long.strip_prefix(short).is_some_and(|rest| rest.starts_with('-'));
            let mut in_tree = tree(survey, &self.all).into_iter();
            !short.is_empty() && is_longer && in_tree.any(|package| manifest.release(package).is_some())
        };
        let alike = survey.manifests.iter().filter(|(_, one)| one.workspace.is_none() && is_alike(one));
        let alike: Vec<_> = alike.collect();
        if !alike.is_empty() {
            self.all.extend(alike);
            self.internal = internal(survey, &self.all, true);
        }
    }

    /// The same project as only some of its manifests make it.
    pub(super) fn of_these(&self, survey: &'s Survey, these: &[(&'s RelPath, &'s Manifest)]) -> Self {
        Self { all: these.to_vec(), internal: internal(survey, these, self.all.len() > 1) }
    }

    /// Why a manifest cannot be described, as far as that can be seen in it alone.
    pub(super) fn fault(&self, manifest: &Manifest) -> Option<String> {
        let words: Vec<&str> =
            manifest.dynamic.iter().map(String::as_str).filter(|word| STATIC.contains(word)).collect();
        if !words.is_empty() {
            return Some(format!("only a build can tell its {} (project.dynamic)", words.join(", ")));
        }
        if manifest.version.is_none() {
            return Some("it has no version".to_owned());
        }
        let is_moving =
            |package: &&&PackageName| matches!(manifest.release(package), Some((_, Reference::Moving, _)));
        if let Some(package) = self.internal.keys().find(is_moving) {
            return Some(format!("`{package}` comes from a branch there, which is no release"));
        }
        (self.all.len() == 1 && manifest.is_built).then(|| "it builds a package itself".to_owned())
    }

    /// Do internal packages come from releases there?
    pub(super) fn is_frozen(&self, manifest: &Manifest) -> bool {
        self.internal.keys().any(|package| {
            matches!(manifest.release(package), Some((_, Reference::Tag(_) | Reference::Rev(_), _)))
        })
    }

    /// Does the package take part there?
    pub(super) fn takes_part(&self, path: &RelPath, manifest: &Manifest, package: &PackageName) -> bool {
        if self.is_frozen(manifest) {
            return manifest.release(package).is_some();
        }
        let directory = path.parent();
        let is_member = |place: &RelPath| *place != directory && place.is_in(&directory);
        let place = self.internal.get(package).and_then(Option::as_ref);
        (manifest.is_workspace && place.is_some_and(is_member)) || manifest.sources.contains_key(package)
    }

    /// Is the package asked for among the dependencies of one of them?
    pub(super) fn is_asked_for(
        manifests: &[(&RelPath, &Manifest)],
        package: &PackageName,
    ) -> Option<Vec<String>> {
        let texts = manifests.iter().flat_map(|(_, manifest)| &manifest.dependencies);
        let mut asked = texts.filter_map(|text| requirement(text)).filter(|(name, _)| name == package);
        asked.next().map(|(_, extras)| extras)
    }
}

fn is_at_root(path: &RelPath) -> bool {
    path.parent().is_root()
}

/// The packages that some manifests have from the working tree: members of their workspaces, and directories.
fn tree<'s>(survey: &'s Survey, all: &[(&'s RelPath, &'s Manifest)]) -> BTreeSet<&'s PackageName> {
    let from_directory = |source: &Source| matches!(source, Source::Path(_) | Source::Workspace);
    let named = all.iter().flat_map(|(_, one)| &one.sources);
    let named = named.filter(|(_, sources)| sources.iter().any(from_directory)).map(|(name, _)| name);
    named.chain(members(survey, all).map(|(name, _)| name)).collect()
}

/// The members of the workspaces of some manifests.
fn members<'s, 'a>(
    survey: &'s Survey,
    all: &'a [(&'s RelPath, &'s Manifest)],
) -> impl Iterator<Item = (&'s PackageName, RelPath)> + use<'s, 'a> {
    survey.manifests.iter().filter_map(|(path, member)| {
        let root = member.workspace.as_ref()?;
        let is_member = all.iter().any(|(path, _)| path.parent() == *root);
        member.name.as_ref().filter(|_| is_member).map(|name| (name, path.parent()))
    })
}

/// The packages that are both in the working tree and the project's: members of its workspace, and what one environment
/// has from a directory and another from a release. Where none of `several` manifests has any in the working tree, all
/// that come from releases.
fn internal<'s>(
    survey: &'s Survey,
    all: &[(&'s RelPath, &'s Manifest)],
    several: bool,
) -> BTreeMap<&'s PackageName, Option<RelPath>> {
    let mut internal: BTreeMap<&PackageName, Option<RelPath>> =
        members(survey, all).map(|(name, place)| (name, Some(place))).collect();
    let released: BTreeSet<&PackageName> = all
        .iter()
        .flat_map(|(_, one)| one.sources.keys().filter(|name| one.release(name).is_some()))
        .collect();
    let mut from_tree = !internal.is_empty();
    for (path, manifest) in all {
        for (name, sources) in manifest.sources.iter().filter(|(name, _)| released.contains(name)) {
            let [Source::Path(place)] = sources.as_slice() else { continue };
            let Ok(place) = path.parent().join(place) else { continue };
            let is_there =
                place.join("pyproject.toml").is_ok_and(|manifest| survey.manifests.contains_key(&manifest));
            if is_there {
                from_tree = true;
                internal.entry(name).or_insert(Some(place));
            }
        }
    }
    if !from_tree && several {
        internal.extend(released.into_iter().map(|name| (name, None)));
    }
    internal
}
