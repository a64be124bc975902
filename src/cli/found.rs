//! What `tasks.kdl` points at: the directories of `projects` and the adopted manifests. All of it is read through the
//! observer, so that a compiled plan knows of a new directory.

use std::collections::BTreeMap;
use std::path::Path;

use super::load::Stop;
use crate::base::{RelPath, Spanned};
use crate::cache::Observer;
use crate::config::{Config, KeptNode, ProjectsNode};
use crate::manifest;
use crate::model::{Facts, Found, FoundProject};
use crate::plan::{Roots, expand, is_unmanaged, matcher, table};

/// Looks for all that the configuration points at.
///
/// # Errors
/// When a directory cannot be listed.
pub(super) fn found(root: &Path, config: &Config, observer: &Observer) -> Result<Found, Stop> {
    let mut search = Search { root, observer, roots: Roots::new(observer), manifests: BTreeMap::new() };
    let mut projects = Vec::new();
    for node in &config.projects {
        for pattern in &node.patterns {
            search.projects(node, pattern, &mut projects)?;
        }
    }
    projects.sort_by(|one, other| one.directory.cmp(&other.directory));
    let adopted = config.environments.iter().filter(|node| matches!(node.kept, KeptNode::Adopted));
    for text in adopted.filter_map(|node| node.manifest.as_ref()) {
        // What is wrong with a path is the model's to say.
        if let Ok(manifest) = RelPath::parse(&text.value) {
            search.manifest(&manifest);
        }
    }
    Ok(Found { projects, manifests: search.manifests })
}

struct Search<'a> {
    root: &'a Path,
    observer: &'a Observer,
    roots: Roots<'a>,
    manifests: BTreeMap<RelPath, Facts>,
}

impl Search<'_> {
    /// The directories of one pattern that have a manifest, uv's to manage, and are not left out.
    fn projects(
        &mut self,
        node: &ProjectsNode,
        pattern: &Spanned<String>,
        projects: &mut Vec<FoundProject>,
    ) -> Result<(), Stop> {
        let Ok(cleaned) = RelPath::parse(&pattern.value) else { return Ok(()) };
        let except = node.except.iter().flat_map(|text| text.value.split([' ', ',', '\t']));
        let except: Vec<_> = except
            .filter_map(|pattern| RelPath::parse(pattern).ok().filter(|pattern| !pattern.is_root()))
            .filter_map(|pattern| matcher(pattern.as_str()))
            .collect();
        for path in expand(self.observer, self.root, cleaned.as_str())? {
            let inside = path.strip_prefix(self.root).ok().and_then(Path::to_str);
            let Some(Ok(directory)) = inside.map(RelPath::parse) else { continue };
            let is_hidden = directory.parts().any(|part| part.starts_with('.'));
            let is_left_out = || except.iter().any(|pattern| pattern.is_match(directory.as_str()));
            if is_hidden || is_left_out() || self.is_other_name(&path) {
                continue;
            }
            let Ok(manifest) = directory.join("pyproject.toml") else { continue };
            if self.manifest(&manifest) {
                projects.push(FoundProject { directory, span: pattern.span });
            }
        }
        Ok(())
    }

    /// Does a link lead there from another directory of the repository? Two projects would share one lockfile. What
    /// leads out of it is found, and its tasks say what is wrong with that.
    fn is_other_name(&self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|real| real != path && real.starts_with(self.root))
    }

    /// Reads a manifest; says whether there is one for uv.
    fn manifest(&mut self, path: &RelPath) -> bool {
        let place = path.under(self.root);
        let bytes = match self.observer.read(&place) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return false,
            // Its own tasks will say why it cannot be read.
            Err(_) => return true,
        };
        let Some(manifest) = table(&bytes) else { return true };
        if is_unmanaged(&manifest) {
            return false;
        }
        let pin = self.observer.read(&place.with_file_name(".python-version")).ok().flatten();
        let pin = pin.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let directory = path.parent().under(self.root);
        let workspace = self.roots.of(&directory, &manifest).map(|root| self.shown(&root));
        self.manifests.insert(
            path.clone(),
            Facts { workspace, ..manifest::facts(&manifest, &path.parent(), pin.as_deref()) },
        );
        true
    }

    /// A directory relative to the root, where it lies below.
    fn shown(&self, directory: &Path) -> String {
        match directory.strip_prefix(self.root) {
            Ok(inside) if inside.as_os_str().is_empty() => ".".to_owned(),
            Ok(inside) => inside.display().to_string(),
            Err(_) => directory.display().to_string(),
        }
    }
}
