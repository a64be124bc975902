//! What someone changed in a manifest -> `tasks.kdl` with that.
//!
//! A person, `uv add` or a bot edits a generated manifest. [`absorb`] finds what they changed (`difference`), where in
//! `tasks.kdl` each change belongs (`placing`), and makes the new text by splices (`writing`): all bytes outside of them
//! stay. Whoever called reads and resolves that text, and [`Absorbed::settle`] renders it and compares: every absorbed
//! entry is asked for as it stands, and nothing else has become different, here or in another environment's manifest.
//!
//! What follows from an absorbed entry (a constraint of a variant's range, the shim of a release) is the next generate's.
//! What `tasks.kdl` has no word for is left, with the reason.

mod adding;
mod difference;
mod placing;
mod removing;
mod writing;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{InlineTable, Value};

use self::difference::{Edit, Looked, differing};
use self::placing::Placing;
use self::writing::Writing;
use super::entry::{Entry, EntryPath, Segment};
use super::error::{ManifestError, ManifestFinding};
use super::faithful::is_exists;
use super::identity;
use super::python::PYTHON_VERSION;
use super::render::{divided, render};
use super::request::{Change, Request};
use super::settle::without_mark;
use super::view::View;
use super::words::{self, parts, shown};
use crate::base::{Digest, SourceFile, Spanned, printable};
use crate::config::outline;
use crate::ledger::Owned;
use crate::model::{EnvironmentId, Kept, PackageName};

pub(crate) use placing::Names;

/// What is to become of `tasks.kdl`.
#[derive(Debug)]
pub(crate) struct Absorbed {
    /// Its text with what was absorbed; the same as before where there is nothing to absorb.
    pub(crate) text: String,
    environment: EnvironmentId,
    edits: Vec<Edit>,
    placed: BTreeSet<EntryPath>,
    reasons: BTreeMap<EntryPath, String>,
    made: BTreeSet<String>,
    /// The pin that someone wrote, and the one before.
    python: Option<(String, String)>,
}

/// What was absorbed, checked.
#[derive(Debug)]
pub(crate) struct Settled {
    /// What envloom owns of the manifest now.
    pub(crate) owned: Owned,
    /// What was absorbed.
    pub(crate) changes: Vec<Change>,
    /// What was not.
    pub(crate) left: Vec<Left>,
    /// The environments whose manifests the next generate changes.
    pub(crate) behind: Vec<EnvironmentId>,
}

/// An edit that stays in the manifest alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// Its place.
    pub(crate) path: String,
    /// The line of the manifest, from 1.
    pub(crate) line: usize,
    /// Does it stop generate?
    pub(crate) stops: bool,
    /// Why, and what to type.
    pub(crate) reason: String,
}

/// The texts and entries of all manifests that envloom writes.
struct Ground {
    texts: BTreeMap<EnvironmentId, String>,
    wanted: BTreeMap<EnvironmentId, Vec<Entry>>,
    left_out: BTreeMap<EnvironmentId, Vec<Entry>>,
    owned: BTreeMap<EnvironmentId, Owned>,
}

impl Ground {
    fn of(request: &Request<'_>) -> Self {
        let (mut wanted, mut left_out) = (BTreeMap::new(), BTreeMap::new());
        for (id, (entries, others)) in divided(request) {
            wanted.insert(id, entries);
            left_out.insert(id, others);
        }
        let text =
            |id| request.on_disk.get(id).and_then(|found| found.manifest.as_deref()).unwrap_or_default();
        let owned = |id: &EnvironmentId| {
            request
                .record
                .owned
                .get(&request.model.environment(*id).manifest.value)
                .cloned()
                .unwrap_or_default()
        };
        Self {
            texts: wanted.keys().map(|id| (*id, without_mark(text(id)).1.to_owned())).collect(),
            owned: wanted.keys().map(|id| (*id, owned(id))).collect(),
            wanted,
            left_out,
        }
    }

    /// The manifests that can be read.
    fn views(&self) -> BTreeMap<EnvironmentId, View<'_>> {
        self.texts.iter().filter_map(|(id, text)| Some((*id, View::parse(text).ok()?))).collect()
    }

    fn looked<'g>(
        &'g self,
        request: &Request<'g>,
        views: &'g BTreeMap<EnvironmentId, View<'g>>,
        id: EnvironmentId,
    ) -> Option<Looked<'g>> {
        let (view, wanted, owned) = (views.get(&id)?, self.wanted.get(&id)?, self.owned.get(&id)?);
        let (environment, left_out) = (request.model.environment(id), self.left_out.get(&id)?);
        Some(Looked { environment, view, wanted, left_out, owned })
    }
}

/// The text of `tasks.kdl` that asks for what someone changed in an environment's manifest. `names` are those of the
/// packages that lie where the manifest's members do.
///
/// # Errors
/// What makes the manifest unfit, beside the edits.
pub(crate) fn absorb(
    request: &Request<'_>,
    id: EnvironmentId,
    names: &Names,
) -> Result<Absorbed, ManifestError> {
    if let Some(refused) = unfit(request, id) {
        return Err(refused);
    }
    let ground = Ground::of(request);
    let views = ground.views();
    let source = &request.model.source;
    let mut absorbed = Absorbed {
        text: source.text().to_owned(),
        environment: id,
        edits: Vec::new(),
        placed: BTreeSet::new(),
        reasons: BTreeMap::new(),
        made: BTreeSet::new(),
        python: None,
    };
    // The model was made from that text, and a manifest that is fit has a view.
    let (Ok(outline), Some(here)) = (outline(source), ground.looked(request, &views, id)) else {
        return Ok(absorbed);
    };
    let generated =
        request.model.environments().filter(|(_, environment)| environment.kept == Kept::Generated);
    let others: Vec<Looked<'_>> = generated
        .filter(|(other, _)| *other != id)
        .filter_map(|(other, _)| ground.looked(request, &views, other))
        .collect();
    absorbed.edits = here.edits();
    let mut placing = Placing {
        model: request.model,
        outline: &outline,
        here: &here,
        others: &others,
        names,
        edits: &absorbed.edits,
        writing: Writing::new(source.text(), &outline),
        placed: BTreeSet::new(),
        reasons: BTreeMap::new(),
        made: BTreeSet::new(),
    };
    placing.place();
    if let Some((pin, found)) = python(request, id) {
        placing.python(pin, &found);
        absorbed.python = Some((pin.value.clone(), found));
    }
    let Placing { writing, placed, reasons, made, .. } = placing;
    let Some(text) = writing.done() else {
        return Err(entangled(request, id, &absorbed.edits));
    };
    Ok(Absorbed { text, placed, reasons, made, ..absorbed })
}

/// Two edits at one place of `tasks.kdl`: which one is meant nobody knows.
fn entangled(request: &Request<'_>, id: EnvironmentId, edits: &[Edit]) -> ManifestError {
    let environment = request.model.environment(id);
    let text = request.on_disk.get(&id).and_then(|found| found.manifest.as_deref()).unwrap_or_default();
    let source = SourceFile::new(environment.manifest.value.as_str(), without_mark(text).1);
    let first = edits.first();
    let finding = ManifestFinding::NotAbsorbed {
        path: first.map(|edit| words::path(&edit.path)).unwrap_or_default(),
        environment: environment.name.value.clone(),
        span: first.map_or(0..0, |edit| edit.span.clone()).into(),
    };
    ManifestError::new(&source, vec![finding])
}

/// What is wrong with the manifest beside edits.
fn unfit(request: &Request<'_>, id: EnvironmentId) -> Option<ManifestError> {
    let refused = render(request).manifests.remove(&id)?.refused?;
    let is_edit = |finding: &ManifestFinding| {
        matches!(
            finding,
            ManifestFinding::HandEdit { .. }
                | ManifestFinding::HandRemoval { .. }
                | ManifestFinding::ForeignInPlace { .. }
                | ManifestFinding::PythonVersion { .. }
        )
    };
    (!refused.findings.iter().all(is_edit)).then_some(refused)
}

/// The pin of `tasks.kdl` and what someone wrote into `.python-version` instead.
fn python<'r>(request: &Request<'r>, id: EnvironmentId) -> Option<(&'r Spanned<String>, String)> {
    let environment = request.model.environment(id);
    let pin = environment.settings.python.as_ref()?;
    let found = request.on_disk.get(&id)?.python_version.as_deref()?.trim();
    let owned = request.record.owned.get(&environment.manifest.value)?;
    let is_edited = found != pin.value && owned.get(PYTHON_VERSION) != Some(&Digest::of(found));
    is_edited.then(|| (pin, found.to_owned()))
}

impl Absorbed {
    /// Compares what the new text asks for, `after`, with the manifest and with what was asked for `before`.
    ///
    /// # Errors
    /// When something else would change, or an absorbed entry would not be as it stands.
    pub(crate) fn settle(&self, before: &Request<'_>, after: &Request<'_>) -> Result<Settled, ManifestError> {
        // An entry beside envloom's may stand there twice, one of envloom's may not.
        if let Some(refused) = unfit(after, self.environment) {
            return Err(refused);
        }
        let (old, new) = (Ground::of(before), Ground::of(after));
        let views = new.views();
        let environment = after.model.environment(self.environment);
        let Some(here) = new.looked(after, &views, self.environment) else {
            return Err(entangled(before, self.environment, &self.edits));
        };
        let remaining = here.edits();
        let touched = self.touched();
        if let Some(path) = self.misplaced(&remaining) {
            return Err(self.refused(&here, path, &environment.name.value));
        }
        let pin = environment.settings.python.as_ref().map(|pin| pin.value.as_str());
        if self.python.as_ref().is_some_and(|(_, found)| pin != Some(found)) {
            let path = EntryPath::keys(&[PYTHON_VERSION]);
            return Err(self.refused(&here, &path, &environment.name.value));
        }
        let mut behind = Vec::new();
        for (id, wanted) in &new.wanted {
            let former = old.wanted.get(id).map_or(&[][..], Vec::as_slice);
            let differing = differing(former, wanted);
            let there = new.looked(after, &views, *id);
            let is_there = |path: &EntryPath| {
                let wanted = wanted.iter().find(|entry| entry.path == *path);
                there.as_ref().is_some_and(|there| match wanted {
                    Some(entry) => super::faithful::holds(there.view, entry),
                    None => there.found(path).is_none(),
                })
            };
            // A list that had to be there, empty, has entries of its own now.
            let is_filled = |path: &EntryPath| {
                former.iter().any(|entry| entry.path == *path && is_exists(entry))
                    && wanted.iter().any(|entry| entry.path.is_in(path))
            };
            let open: Vec<&EntryPath> =
                differing.iter().filter(|path| !is_filled(path) && !is_there(path)).collect();
            let wrong = open.iter().find(|path| !touched.allows(path, *id == self.environment));
            if let Some(path) = wrong {
                let name = &after.model.environment(*id).name.value;
                return Err(self.refused(&here, path, name));
            }
            if !open.is_empty() {
                behind.push(*id);
            }
        }
        let mut owned = here.owned_now();
        if let Some((_, found)) = &self.python {
            owned.insert(PYTHON_VERSION.to_owned(), Digest::of(found));
        }
        let left = remaining.iter().map(|edit| self.left(&here, edit)).collect();
        Ok(Settled { owned, changes: self.changes(), left, behind })
    }

    fn touched(&self) -> Touched {
        let placed = self.edits.iter().filter(|edit| self.placed.contains(&edit.path));
        let paths: BTreeSet<EntryPath> = placed
            .flat_map(|edit| [Some(edit.path.clone()), edit.wanted.as_ref().map(|entry| entry.path.clone())])
            .flatten()
            .collect();
        let bare = |path: &EntryPath| parts(path).1.map(|identity| identity::bare(identity).to_owned());
        let names = paths.iter().filter_map(bare).chain(self.made.iter().cloned()).collect();
        Touched { paths, names }
    }

    /// A placed entry that is still an edit.
    fn misplaced<'e>(&'e self, remaining: &'e [Edit]) -> Option<&'e EntryPath> {
        remaining.iter().map(|edit| &edit.path).find(|path| self.placed.contains(*path))
    }

    fn refused(&self, here: &Looked<'_>, path: &EntryPath, environment: &str) -> ManifestError {
        let source = SourceFile::new(here.environment.manifest.value.as_str(), here.view.text);
        let edit = self.edits.iter().find(|edit| edit.path == *path).or_else(|| self.edits.first());
        let finding = ManifestFinding::NotAbsorbed {
            path: words::path(path),
            environment: environment.to_owned(),
            span: edit.map_or(0..0, |edit| edit.span.clone()).into(),
        };
        ManifestError::new(&source, vec![finding])
    }

    fn changes(&self) -> Vec<Change> {
        let placed = self.edits.iter().filter(|edit| self.placed.contains(&edit.path));
        let mut changes: Vec<Change> = placed.map(change).collect();
        changes.extend(self.python.as_ref().map(|(pin, found)| Change {
            path: PYTHON_VERSION.to_owned(),
            old: Some(format!("\"{}\"", printable(pin))),
            new: Some(format!("\"{}\"", printable(found))),
        }));
        changes
    }

    fn left(&self, here: &Looked<'_>, edit: &Edit) -> Left {
        let source = SourceFile::new("", here.view.text);
        let reason = self.reasons.get(&edit.path).cloned();
        Left {
            path: words::path(&edit.path),
            line: source.line_column(edit.span.start).0,
            stops: edit.wanted.is_some() || here.owned.contains_key(&edit.path.to_string()),
            reason: reason.unwrap_or_else(|| "tasks.kdl has no word for it".to_owned()),
        }
    }
}

/// The edit for a reader: the one key that differs, where tables differ in one.
fn change(edit: &Edit) -> Change {
    let wanted = edit.wanted.as_ref().map(|entry| &entry.value);
    if let (Some(Value::InlineTable(old)), Some(Value::InlineTable(new))) = (wanted, &edit.found) {
        let text = |table: &InlineTable, key: &str| table.get(key).map(shown);
        let keys: BTreeSet<&str> = old.iter().chain(new).map(|(key, _)| key).collect();
        let mut keys = keys.into_iter().filter(|key| text(old, key) != text(new, key));
        if let (Some(key), None) = (keys.next(), keys.next()) {
            let path = words::path(&edit.path.clone().key(key));
            return Change { path, old: text(old, key), new: text(new, key) };
        }
    }
    let path = words::path(&edit.path);
    Change { path, old: wanted.map(shown), new: edit.found.as_ref().map(shown) }
}

/// What absorbed entries may bring about.
struct Touched {
    paths: BTreeSet<EntryPath>,
    names: BTreeSet<String>,
}

impl Touched {
    /// May the next generate change that place?
    fn allows(&self, path: &EntryPath, is_here: bool) -> bool {
        let (keys, element) = parts(path);
        match keys.as_slice() {
            // Bounds and shims follow from requirements and releases.
            ["tool", "uv", "constraint-dependencies" | "exclude-dependencies" | "dependency-metadata"] => {
                true
            }
            ["tool", "uv", "sources", name] => self.names.contains(*name),
            // The rest of a group that the environment has from now on.
            ["dependency-groups", _] if is_here => {
                let array =
                    |path: &EntryPath| path.0.iter().filter(|one| matches!(one, Segment::Key(_))).count();
                let same = |known: &EntryPath| parts(known).0 == keys && array(known) == keys.len();
                element.is_some() && self.paths.iter().any(same)
            }
            _ => self.paths.contains(path),
        }
    }
}

/// The members that a manifest's workspace names, as written.
#[must_use]
pub(crate) fn members_of(manifest: &str) -> Vec<String> {
    let Ok(view) = View::parse(without_mark(manifest).1) else { return Vec::new() };
    let path = EntryPath::keys(&["tool", "uv", "workspace", "members"]);
    let members = view.find(&path.0).ok().flatten().map(super::view::Node::elements).unwrap_or_default();
    members.into_iter().filter_map(|node| node.value().as_str().map(str::to_owned)).collect()
}

/// The name that a manifest gives its project.
#[must_use]
pub(crate) fn project_name(manifest: &str) -> Option<PackageName> {
    let view = View::parse(without_mark(manifest).1).ok()?;
    let node = view.find(&EntryPath::keys(&["project", "name"]).0).ok()??;
    PackageName::parse(node.value().as_str()?).ok()
}
