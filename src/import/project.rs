//! The words of the project: what all its manifests say goes into `project`, as the first says it; what another says
//! otherwise, or not all say, into the environment.

use std::collections::{BTreeMap, BTreeSet};

use super::family::Family;
use super::kdl::{Node, requirements};
use super::manifest::{Manifest, requirement};
use crate::model::PackageName;

/// The words of some manifests, told apart.
pub(super) struct Words<'f> {
    family: &'f Family<'f>,
    manifests: &'f [&'f Manifest],
    variants: &'f BTreeSet<String>,
}

impl<'f> Words<'f> {
    /// The words of `manifests`; extras that are variants are none of them.
    pub(super) fn new(
        family: &'f Family<'f>,
        manifests: &'f [&'f Manifest],
        variants: &'f BTreeSet<String>,
    ) -> Self {
        Self { family, manifests, variants }
    }

    /// Do all say the same?
    fn common<T: PartialEq>(&self, of: impl Fn(&Manifest) -> T) -> bool {
        self.manifests.windows(2).all(|pair| of(pair[0]) == of(pair[1]))
    }

    /// What stands in `project`.
    pub(super) fn shared(&self) -> Vec<Node> {
        self.manifests.first().map(|first| self.nodes(first, true)).unwrap_or_default()
    }

    /// What stands in the environment of `manifest`.
    pub(super) fn own(&self, manifest: &Manifest) -> Vec<Node> {
        let mut nodes = self.nodes(manifest, false);
        // A group that all who have it have alike is the project's, and named here.
        let named: Vec<String> =
            manifest.groups.keys().filter(|group| self.is_shared_group(group)).cloned().collect();
        if !named.is_empty() {
            nodes.insert(0, Node::new("groups").arguments(&named));
        }
        let installed: Vec<String> =
            manifest.groups.keys().filter(|group| manifest.default_groups.contains(group)).cloned().collect();
        if installed.len() < manifest.groups.len() {
            nodes.push(Node::new("sync").child(Node::new("groups").arguments(&installed)));
        }
        nodes
    }

    fn nodes(&self, manifest: &Manifest, shared: bool) -> Vec<Node> {
        let mut nodes = Vec::new();
        if let Some(name) = &manifest.name
            && !shared
            && self.manifests.first().is_some_and(|first| first.name.as_ref() != Some(name))
        {
            nodes.push(Node::new("name").argument(name.as_str()));
        }
        let mut word = |name: &str, of: fn(&Manifest) -> &Option<String>| {
            // What all have, the first has for the project; who has it otherwise says so.
            let everywhere = self.manifests.iter().all(|one| of(one).is_some());
            let is_own = !everywhere || self.manifests.first().is_some_and(|first| of(first) != of(manifest));
            if let Some(text) = of(manifest).as_ref().filter(|_| if shared { everywhere } else { is_own }) {
                nodes.push(Node::new(name).argument(text));
            }
        };
        word("version", |manifest| &manifest.version);
        word("description", |manifest| &manifest.description);
        word("requires-python", |manifest| &manifest.requires_python);
        word("python", |manifest| &manifest.python);
        let is_here =
            |text: &&String| requirement(text).is_none_or(|(name, _)| self.is_said(manifest, &name, shared));
        let dependencies: Vec<String> = manifest.dependencies.iter().filter(is_here).cloned().collect();
        if !dependencies.is_empty() {
            nodes.extend(requirements("dependencies", None, &dependencies));
        }
        for (extra, texts) in &manifest.extras {
            let is_shared = self.common(|one| one.extras.get(extra).cloned());
            if !self.variants.contains(extra) && is_shared == shared {
                nodes.extend(requirements("extra", Some(extra), texts));
            }
        }
        let groups: BTreeMap<&String, &Vec<String>> = if shared {
            self.manifests.iter().flat_map(|one| &one.groups).collect()
        } else {
            manifest.groups.iter().collect()
        };
        for (group, texts) in groups {
            if self.is_shared_group(group) == shared {
                nodes.extend(requirements("group", Some(group), texts));
            }
        }
        if !manifest.platforms.is_empty() && self.common(|one| one.platforms.clone()) == shared {
            nodes.push(Node::new("platforms").arguments(&manifest.platforms));
        }
        nodes
    }

    /// Does what a manifest asks of a package stand here? An internal package is declared as such. What all ask for, the
    /// first asks for in the project's name; who asks otherwise says all of it, which replaces that.
    fn is_said(&self, manifest: &Manifest, package: &PackageName, shared: bool) -> bool {
        if self.family.internal.contains_key(package) {
            return false;
        }
        let everywhere = self.manifests.iter().all(|one| !texts_of(one, package).is_empty());
        let like_first = self
            .manifests
            .first()
            .is_some_and(|first| texts_of(first, package) == texts_of(manifest, package));
        if shared { everywhere } else { !(everywhere && like_first) }
    }

    /// Is the group the same wherever it is?
    fn is_shared_group(&self, group: &str) -> bool {
        let mut found = self.manifests.iter().filter_map(|one| one.groups.get(group));
        let first = found.next();
        found.all(|other| Some(other) == first)
    }
}

/// What a manifest asks of a package.
fn texts_of(manifest: &Manifest, package: &PackageName) -> BTreeSet<String> {
    let is_it = |text: &&String| requirement(text).is_some_and(|(name, ..)| name == *package);
    manifest.dependencies.iter().filter(is_it).cloned().collect()
}
