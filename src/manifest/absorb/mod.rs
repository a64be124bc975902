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
mod asking;
mod difference;
mod ground;
mod packages;
mod pins;
mod placing;
mod removing;
mod respelt;
mod settling;
mod whole;
mod writing;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use self::difference::{Edit, Looked};
use self::ground::Ground;
use self::placing::Placing;
use self::writing::Writing;
use super::entry::EntryPath;
use super::error::{ManifestError, ManifestFinding};
use super::python::PYTHON_VERSION;
use super::render::render;
use super::request::Request;
use super::settle::without_mark;
use super::view::View;
use super::words;
use crate::base::{Digest, SourceFile, Spanned};
use crate::config::outline;
use crate::model::{EnvironmentId, Kept, PackageName};

pub(crate) use asking::{List, lists_with, requirement_name, with_requirements, without_requirements};
pub(crate) use packages::{NewPackage, with_package, without_package};
pub(crate) use pins::{NewPin, NewReference, repinned};
pub(crate) use placing::Names;
pub(crate) use settling::{Left, Settled};

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
