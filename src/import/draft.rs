//! The text of `tasks.kdl`, and what in it stands for which manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::adopted::{Adopted, word};
use super::family::Family;
use super::kdl::{Node, comment};
use super::manifest::{Manifest, Reference, Unreadable};
use super::project::Words;
use super::variants::{Variants, place};
use crate::base::{RelPath, credentials};
use crate::model::PackageName;

/// What was found in a repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Survey {
    /// The manifests that are for uv.
    pub(crate) manifests: BTreeMap<RelPath, Manifest>,
    /// Those that are left alone, and why.
    pub(crate) left: BTreeMap<RelPath, Unreadable>,
    /// The remote of each submodule, by its path.
    pub(crate) submodules: BTreeMap<String, String>,
    /// Targets of other programs: `make` and its `test`.
    pub(crate) hints: Vec<(&'static str, String)>,
}

/// Something that a reader should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The manifest it is about.
    pub(crate) manifest: Option<RelPath>,
    /// What was decided, and why.
    pub(crate) text: String,
}

/// What earlier candidates did not stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refused {
    /// Manifests that cannot be described, each for its reason: they are adopted.
    pub(crate) described: BTreeMap<RelPath, String>,
    /// Manifests that no pattern is to name, since one of several has a mistake.
    pub(crate) alone: BTreeSet<RelPath>,
    /// Manifests that cannot even be adopted, each for its reason.
    pub(crate) adopted: BTreeMap<RelPath, String>,
}

/// A candidate.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// The text.
    pub(crate) text: String,
    /// Where in it each manifest stands.
    pub(crate) places: Vec<(Range<usize>, RelPath)>,
    /// The described manifests, and whether they are of releases.
    pub(crate) described: BTreeMap<RelPath, bool>,
    /// Every environment's name and manifest.
    pub(crate) environments: Vec<(String, RelPath)>,
    /// What was decided.
    pub(crate) decisions: Vec<Decision>,
    packages: BTreeSet<PackageName>,
    places_of_packages: BTreeSet<RelPath>,
    variants: BTreeSet<String>,
}

impl Draft {
    /// Is it an internal package?
    pub(super) fn is_package(&self, name: &PackageName) -> bool {
        self.packages.contains(name)
    }

    /// Is the extra a variant?
    pub(super) fn is_variant(&self, extra: &str) -> bool {
        self.variants.contains(extra)
    }

    fn push(&mut self, nodes: &[Node]) {
        if !nodes.is_empty() {
            self.text.push('\n');
        }
        for node in nodes {
            self.text.push_str(&node.text(0));
        }
    }
}

/// The described manifests of a draft.
type Described<'s> = Vec<(String, &'s RelPath, &'s Manifest)>;

impl Survey {
    /// A candidate in which the `refused` manifests are adopted or left alone.
    #[must_use]
    pub(crate) fn draft(&self, refused: &Refused) -> Draft {
        let family = Family::of(self);
        let mut why = refused.described.clone();
        let mut described: Described<'_> = Vec::new();
        for (path, manifest) in family.iter().flat_map(|family| &family.all) {
            match family.as_ref().and_then(|family| family.fault(manifest)) {
                Some(fault) => drop(why.entry((*path).clone()).or_insert(fault)),
                None if why.contains_key(*path) => {}
                None => {
                    let name = environment_name(path, &described);
                    described.push((name, path, manifest));
                }
            }
        }
        let family = family.map(|family| {
            let these: Vec<_> = described.iter().map(|(_, path, manifest)| (*path, *manifest)).collect();
            family.of_these(self, &these)
        });
        if let Some(family) = &family {
            // As releases go: the working tree, then what is tried, then what ships.
            described.sort_by_key(|(_, path, manifest)| {
                (family.is_frozen(manifest), pins(family, manifest).1, path.parts().count(), *path)
            });
        }
        let mut draft = Draft { text: opening(&described), ..Draft::default() };
        if let Some(family) = family.filter(|_| !described.is_empty()) {
            self.describe(&family, &described, &mut draft);
        }
        let is_other = |(path, one): &(&RelPath, &Manifest)| {
            one.workspace.is_none()
                && !refused.adopted.contains_key(*path)
                && !draft.described.contains_key(*path)
                && !draft.places_of_packages.contains(&path.parent())
        };
        let adopted: Vec<&RelPath> = self.manifests.iter().filter(is_other).map(|(path, _)| path).collect();
        let taken = described.iter().map(|(name, ..)| name.clone()).collect();
        let adopted = Adopted::of(self, &adopted, (&why, refused), &taken);
        for nodes in [&adopted.environments, &adopted.projects] {
            if !nodes.is_empty() {
                draft.text.push('\n');
            }
            for (node, paths) in nodes {
                let start = draft.text.len();
                draft.text.push_str(&node.text(0));
                draft.places.extend(paths.iter().map(|path| (start..draft.text.len(), path.clone())));
            }
        }
        draft.environments.extend(adopted.names);
        draft.decisions.extend(adopted.decisions);
        for (path, why) in &refused.adopted {
            let text = format!("left alone: {why}");
            draft.decisions.push(Decision { manifest: Some(path.clone()), text });
        }
        for (path, why) in &self.left {
            draft.decisions.push(Decision {
                manifest: Some(path.clone()),
                text: format!("left alone: {}", why.reason()),
            });
        }
        self.close(&mut draft);
        draft
    }

    /// The hints, and the targets of a call that names none.
    fn close(&self, draft: &mut Draft) {
        if !self.hints.is_empty() {
            draft.text.push_str("\n// What other programs do here; uncomment what envloom is to run.\n");
        }
        for (program, target) in &self.hints {
            let name = word(target);
            let name =
                if crate::model::VERBS.contains(&name.as_str()) { format!("{program}-{name}") } else { name };
            let run = Node::new("run").argument(program).argument(target);
            let task = Node::new("task").argument(&name).child(run).text(0);
            draft.text.extend([comment(task.trim_end()).as_str(), "\n"]);
        }
        if !draft.environments.is_empty() {
            draft.push(&[Node::new("default").argument("check")]);
        }
        let mut dev = draft.environments.iter().filter(|(_, path)| draft.described.get(path) == Some(&false));
        if let Some((name, _)) = dev.next() {
            let node = Node::new("default-environment").argument(name).text(0);
            draft.text.push_str(&node);
        }
    }

    /// The project, its packages, indexes, variants and environments.
    fn describe(&self, family: &Family<'_>, described: &Described<'_>, draft: &mut Draft) {
        let (_, first_path, first) = described[0];
        let variants = Variants::of(first, &first_path.parent());
        let manifests: Vec<&Manifest> = described.iter().map(|(.., manifest)| *manifest).collect();
        let words = Words::new(family, &manifests, &variants.names);
        let name = first.name.as_ref().map_or("project", PackageName::as_str);
        draft.push(&[Node::new("project").argument(name).children(words.shared())]);
        let packages: Vec<Node> =
            family.internal.keys().filter_map(|package| self.package(family, described, package)).collect();
        draft.push(&packages);
        let indexes: Vec<Node> = first
            .indexes
            .iter()
            .filter(|index| !variants.indexes.contains(&index.name) && credentials(&index.url).is_none())
            .filter_map(|index| {
                let node = Node::new("index").argument(&index.name);
                let node = node.property("url", &place(&index.url, &first_path.parent())?);
                let node = if index.explicit { node.flag("explicit") } else { node };
                Some(if index.default { node.flag("default") } else { node })
            })
            .collect();
        draft.push(&indexes);
        draft.push(&variants.nodes);
        draft.text.push('\n');
        for (name, path, manifest) in described {
            let start = draft.text.len();
            let node = environment(family, name, path, manifest).children(words.own(manifest));
            draft.text.push_str(&node.text(0));
            draft.places.push((start..draft.text.len(), (*path).clone()));
            draft.described.insert((*path).clone(), family.is_frozen(manifest));
            draft.environments.push((name.clone(), (*path).clone()));
            if let [first, rest @ ..] = manifest.including.as_slice() {
                let groups = if rest.is_empty() {
                    format!("group `{first}` includes")
                } else {
                    "groups include".to_owned()
                };
                let text = format!(
                    "{groups} others (include-group), which tasks.kdl has no word for: they go on doing so"
                );
                draft.decisions.push(Decision { manifest: Some((*path).clone()), text });
            }
        }
        draft.packages = family.internal.keys().map(|name| (*name).clone()).collect();
        draft.places_of_packages = family.internal.values().flatten().cloned().collect();
        draft.variants = variants.names;
    }

    /// The node of a package; `None`: it takes part nowhere.
    fn package(&self, family: &Family<'_>, described: &Described<'_>, package: &PackageName) -> Option<Node> {
        let place = family.internal.get(package)?.as_ref();
        let takes_part =
            |(_, path, manifest): &&(String, &RelPath, &Manifest)| family.takes_part(path, manifest, package);
        let parts: Vec<_> = described.iter().filter(takes_part).collect();
        if parts.is_empty() {
            return None;
        }
        let all: Vec<(&RelPath, &Manifest)> = described.iter().map(|(_, path, one)| (*path, *one)).collect();
        let is_released = parts.iter().any(|(_, _, manifest)| family.is_frozen(manifest));
        let asked = Family::is_asked_for(&all, package);
        let is_dependency = is_released || asked.is_some();
        let mut node = Node::new("package").argument(package.as_str());
        if let Some(place) = place {
            node = node.property("path", place.as_str());
        }
        let release = parts.iter().find_map(|(_, _, manifest)| manifest.release(package));
        let submodule = place.and_then(|place| self.submodules.get(place.as_str()));
        let remote = |url: &&String| {
            credentials(url).is_none() && (url.starts_with("https://") || url.starts_with("ssh://"))
        };
        if let Some(git) = release.map(|(url, ..)| url).or(submodule.filter(remote).map(String::as_str)) {
            node = node.property("git", git);
        }
        if let Some((_, _, Some(subdirectory))) = release {
            node = node.property("subdirectory", subdirectory);
        }
        if !is_dependency {
            node = node.property("role", "member");
        }
        let frozen = described.iter().filter(|(_, _, manifest)| family.is_frozen(manifest)).count();
        let expected = if is_dependency { described.len() } else { described.len() - frozen };
        if parts.len() < expected {
            let names: Vec<&str> = parts.iter().map(|(name, ..)| name.as_str()).collect();
            node = node.property("environments", &names.join(" "));
        }
        if let Some(extras) = asked.filter(|extras| !extras.is_empty()) {
            node = node.property("extras", &extras.join(" "));
        }
        let mut tags = parts.iter().filter_map(|(_, _, manifest)| match manifest.release(package) {
            Some((_, Reference::Tag(tag), _)) => Some(tag.as_str()),
            _ => None,
        });
        if let Some(form) = tags.find_map(tag_form) {
            node = node.property("tag", &form);
        }
        Some(node)
    }
}

/// The first lines.
fn opening(described: &Described<'_>) -> String {
    let mut text = String::from("// Written by `envloom import` from the manifests. It is yours: edit it.\n");
    let mut version = env!("CARGO_PKG_VERSION").split('.');
    let range = version.by_ref().take(2).collect::<Vec<_>>().join(".");
    text.push_str(&Node::new("envloom").argument(&format!(">={range}")).text(0));
    if let Some(uv) = described.first().and_then(|(.., manifest)| manifest.required_uv.as_ref()) {
        text.push_str(&Node::new("uv").argument(uv.strip_prefix("==").unwrap_or(uv)).text(0));
    }
    text
}

/// The name of a described environment: its directory's; of the one at the root `dev`.
fn environment_name(path: &RelPath, known: &Described<'_>) -> String {
    let place = path.parent();
    let short = if place.is_root() { "dev".to_owned() } else { word(place.file_name()) };
    if known.iter().any(|(name, ..)| *name == short) {
        word(&place.as_str().replace('/', "-"))
    } else {
        short
    }
}

/// An environment with its sources and pins.
fn environment(family: &Family<'_>, name: &str, path: &RelPath, manifest: &Manifest) -> Node {
    let node = Node::new("environment").argument(name).child(Node::new("manifest").argument(path.as_str()));
    if !family.is_frozen(manifest) {
        return node.child(Node::new("sources").argument("workspace"));
    }
    let (pins, is_stable) = pins(family, manifest);
    let channel = if is_stable { "stable" } else { "dev" };
    node.child(Node::new("sources").argument("tags").property("channel", channel)).children(pins)
}

/// The pins of a manifest, and whether all of them are stable releases.
fn pins(family: &Family<'_>, manifest: &Manifest) -> (Vec<Node>, bool) {
    let mut pins = Vec::new();
    let mut is_stable = true;
    for package in family.internal.keys() {
        let Some((_, reference, _)) = manifest.release(package) else { continue };
        let pin = Node::new("pin").argument(package.as_str());
        let version = match reference {
            Reference::Tag(tag) => {
                pins.push(pin.argument(tag));
                version_of(tag).map(|(_, version)| version)
            }
            Reference::Rev(rev) => {
                let version = manifest.locked.get(*package);
                let pin = pin.property("rev", rev);
                pins.push(version.into_iter().fold(pin, |pin, version| pin.property("version", version)));
                version.and_then(|version| version.parse().ok())
            }
            Reference::Moving => None,
        };
        is_stable &= version.is_none_or(|version| version.is_stable());
    }
    (pins, is_stable)
}

/// The version in a tag, and what stands before it.
fn version_of(tag: &str) -> Option<(&str, pep440_rs::Version)> {
    let starts = tag.char_indices().filter(|(at, letter)| {
        letter.is_ascii_digit()
            && !tag[..*at].ends_with(|before: char| before.is_ascii_digit() || before == '.')
    });
    let mut versions = starts.filter_map(|(at, _)| Some((&tag[..at], tag[at..].parse().ok()?)));
    versions.next()
}

/// The form of a tag that is neither a version nor one with a `v` before it.
fn tag_form(tag: &str) -> Option<String> {
    let (before, _) = version_of(tag)?;
    (!matches!(before, "" | "v")).then(|| format!("{before}{{version}}"))
}
