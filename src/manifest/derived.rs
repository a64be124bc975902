//! The entries of a manifest that is made from an adopted one: its project, extras, groups, sources, conflicts and
//! resolution settings as they are there, but internal packages from git, each at its pin.
//!
//! What the working tree supplies there must have a release here: a frozen environment holds no directory. What is
//! the authors' own is left there: how the project is built, its scripts, its workspace. Groups come where the
//! environment names them, so that a deployment needs no release of a tool that only development uses.

use std::collections::BTreeSet;

use toml_edit::{Array, Value};

use super::carry::{self, Origin, plain};
use super::entry::{Entry, EntryPath};
use super::error::{ManifestError, ManifestFinding};
use super::identity;
use super::pinned::Releases;
use super::project::{Entries, required_uv};
use super::request::Request;
use super::view::{Node, View};
use crate::base::{SourceFile, printable};
use crate::model::{Environment, Model, PackageName, normal};

/// Metadata that must stand in the manifest itself to be taken over.
const NEEDED: [&str; 2] = ["dependencies", "optional-dependencies"];

/// What the manifest is to have; `text` is the adopted one, if it is there.
pub(super) fn entries(
    request: &Request<'_>,
    environment: &Environment,
    adopted: &Environment,
    text: Option<&str>,
) -> Result<Vec<Entry>, ManifestError> {
    let source = SourceFile::new(adopted.manifest.value.as_str(), text.unwrap_or_default());
    let wrong = |findings| ManifestError::new(&source, findings);
    if text.is_none() {
        let environment = adopted.name.value.clone();
        return Err(wrong(vec![ManifestFinding::NoOrigin { environment, span: (0, 0).into() }]));
    }
    let view = View::parse(source.text()).map_err(|fault| wrong(vec![super::settle::not_toml(&fault)]))?;
    let mut making = Making {
        model: request.model,
        environment,
        view: &view,
        entries: Entries::default(),
        asked: BTreeSet::new(),
        findings: Vec::new(),
    };
    making.project();
    making.tool();
    let mut foreign = Entries::default();
    making.sources(&mut foreign);
    let Making { mut entries, findings, .. } = making;
    if !findings.is_empty() {
        return Err(wrong(findings));
    }
    let releases = Releases::of(request.model, environment, request.record);
    releases.constraints(&mut entries);
    releases.sources(environment, &mut entries);
    entries.0.extend(foreign.0);
    releases.shims(&mut entries);
    let ours = BTreeSet::new();
    let origin = Origin { view: &view, directory: adopted.directory(), ours: &ours };
    Ok(carry::merged(entries.0, carry::entries(&origin, environment)))
}

struct Making<'m> {
    model: &'m Model,
    environment: &'m Environment,
    view: &'m View<'m>,
    entries: Entries,
    /// The packages that something taken over requires.
    asked: BTreeSet<PackageName>,
    findings: Vec<ManifestFinding>,
}

impl<'m> Making<'m> {
    /// What stands at keys.
    fn at(&self, keys: &[&str]) -> Option<Node<'m>> {
        self.view.find(&EntryPath::keys(keys).0).ok().flatten()
    }

    fn key(&mut self, keys: &[&str], value: impl Into<Value>) {
        self.entries.key(keys, value, self.environment.span);
    }

    fn project(&mut self) {
        let Some(name) = self.at(&["project", "name"]) else {
            let what = "it has no `[project]` with a name";
            return self.findings.push(ManifestFinding::Underivable { what, span: (0, 0).into() });
        };
        if let Some(dynamic) = self.at(&["project", "dynamic"]) {
            let unknown = |node: &Node<'_>| node.value().as_str().is_some_and(|word| NEEDED.contains(&word));
            if let Some(found) = dynamic.elements().into_iter().find(unknown) {
                let (what, span) = ("what it requires only a build can tell", found.span().into());
                self.findings.push(ManifestFinding::Underivable { what, span });
            }
        }
        self.key(&["project", "name"], plain(&name.value()));
        let version =
            self.at(&["project", "version"]).map_or_else(|| "0.0.0".into(), |node| plain(&node.value()));
        self.key(&["project", "version"], version);
        for word in ["description", "requires-python"] {
            if let Some(node) = self.at(&["project", word]) {
                self.key(&["project", word], plain(&node.value()));
            }
        }
        if let Some(list) = self.at(&["project", "dependencies"]) {
            self.requirements(&["project", "dependencies"], list);
        }
        for (extra, list) in
            self.at(&["project", "optional-dependencies"]).map(Node::entries).unwrap_or_default()
        {
            self.list(&["project", "optional-dependencies", extra.get()], list);
        }
        let groups = self.groups();
        for (group, list) in self.at(&["dependency-groups"]).map(Node::entries).unwrap_or_default() {
            if groups.contains(&normal(group.get())) {
                self.list(&["dependency-groups", group.get()], list);
            }
        }
    }

    /// The groups that the environment names, and those that they include.
    fn groups(&self) -> BTreeSet<String> {
        let declared = self.at(&["dependency-groups"]).map(Node::entries).unwrap_or_default();
        let mut open: Vec<String> =
            self.environment.groups.iter().map(|group| normal(&group.name.value)).collect();
        let mut groups = BTreeSet::new();
        while let Some(name) = open.pop() {
            let lists = declared.iter().filter(|(group, _)| normal(group.get()) == name);
            for element in lists.flat_map(|(_, list)| list.elements()) {
                let value = element.value();
                let included = value.as_inline_table().and_then(|table| table.get("include-group"));
                open.extend(
                    included.and_then(Value::as_str).map(normal).filter(|name| !groups.contains(name)),
                );
            }
            groups.insert(name);
        }
        groups
    }

    /// An extra or a group, which is there though it be empty.
    fn list(&mut self, keys: &[&str], list: Node<'_>) {
        if list.elements().is_empty() {
            self.key(keys, Array::new());
        }
        self.requirements(keys, list);
    }

    fn requirements(&mut self, keys: &[&str], list: Node<'_>) {
        for element in list.elements() {
            let value = plain(&element.value());
            let Some(text) = value.as_str() else {
                self.entries.element(keys, value, self.environment.span);
                continue;
            };
            let Some((name, rest)) = identity::split_name(text) else {
                let (text, span) = (format!("`{}`", printable(text)), element.span().into());
                self.findings.push(ManifestFinding::NotARequirement { text, span });
                continue;
            };
            let mut wanted = text.to_owned();
            if rest.starts_with('@') && self.is_pinned(&name) {
                // The pin says where it comes from.
                let marker = identity::marker_of(rest);
                wanted = if marker.is_empty() { name.to_string() } else { format!("{name} ; {marker}") };
            } else if rest.starts_with('@') && is_local(rest[1..].trim_start()) {
                self.working_tree(&name, &element);
            }
            self.asked.insert(name);
            self.entries.element(keys, wanted, self.environment.span);
        }
    }

    fn tool(&mut self) {
        self.key(&["tool", "uv", "package"], false);
        if !required_uv(self.model, &mut self.entries)
            && let Some(node) = self.at(&["tool", "uv", "required-version"])
        {
            self.key(&["tool", "uv", "required-version"], plain(&node.value()));
        }
        let groups = self.groups();
        for set in self.at(&["tool", "uv", "conflicts"]).map(Node::elements).unwrap_or_default() {
            let has = |member: &Value| {
                let group =
                    member.as_inline_table().and_then(|table| table.get("group")).and_then(Value::as_str);
                group.is_none_or(|group| groups.contains(&normal(group)))
            };
            let set = plain(&set.value());
            let members: Array =
                set.as_array().into_iter().flatten().filter(|one| has(one)).cloned().collect();
            if members.len() > 1 {
                let set = plain(&Value::Array(members));
                self.entries.element(&["tool", "uv", "conflicts"], set, self.environment.span);
            }
        }
    }

    /// Sources of whatever is not pinned here.
    fn sources(&mut self, entries: &mut Entries) {
        let groups = self.groups();
        for (name, node) in self.at(&["tool", "uv", "sources"]).map(Node::entries).unwrap_or_default() {
            let Ok(package) = PackageName::parse(name.get()) else { continue };
            if self.is_pinned(&package) {
                continue;
            }
            let value = plain(&node.value());
            let text = |item: &Value, key: &str| {
                item.as_inline_table()
                    .and_then(|table| table.get(key))
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            };
            let applies =
                |item: &Value| text(item, "group").is_none_or(|group| groups.contains(&normal(&group)));
            let local = |item: &Value| {
                let table = item.as_inline_table();
                text(item, "path").is_some()
                    || table.and_then(|table| table.get("workspace")).and_then(Value::as_bool) == Some(true)
                    || text(item, "git").is_some_and(|git| is_local(&git))
            };
            let is_array = value.is_array();
            let items: Vec<Value> = match value {
                Value::Array(items) => items.into_iter().filter(applies).collect(),
                one => Some(one).filter(applies).into_iter().collect(),
            };
            if items.iter().any(local) {
                if self.asked.contains(&package) {
                    self.working_tree(&package, &node);
                }
                continue;
            }
            let source = match items.as_slice() {
                [] => continue,
                [one] if !is_array => one.clone(),
                several => plain(&Value::Array(several.iter().cloned().collect())),
            };
            entries.key(&["tool", "uv", "sources", name.get()], source, self.environment.span);
        }
    }

    fn working_tree(&mut self, package: &PackageName, node: &Node<'_>) {
        self.findings.push(ManifestFinding::FromWorkingTree {
            package: package.to_string(),
            environment: self.environment.name.value.clone(),
            span: node.span().into(),
        });
    }

    fn is_pinned(&self, name: &PackageName) -> bool {
        let mut packages = self.environment.packages.iter();
        packages.any(|participant| self.model.package(participant.package).name.value == *name)
    }
}

/// A place on this machine: a path, or a URL of one.
fn is_local(place: &str) -> bool {
    place.starts_with("file:")
        || place.starts_with("git+file:")
        || !place.contains("://") && !place.contains('@')
}
