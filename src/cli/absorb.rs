//! `absorb E`: what someone changed in E's manifest goes into `tasks.kdl`.
//!
//! The new text is read, resolved and rendered before anything is written. `tasks.kdl` and `envloom.lock` are written
//! together or not at all (`cache::Commit`). The manifest itself is not touched.

use std::collections::BTreeMap;

use serde_json::json;

use super::call::Call;
use super::error::CliError;
use super::hunk::hunk;
use super::load::{self, Stop};
use super::output::Output;
use super::pin::tasks_file;
use super::{exit, prepare, state, trial};
use crate::base::{SourceFile, counted, printable};
use crate::cache::{FileChange, Journal};
use crate::graph::environment_of;
use crate::ledger::Record;
use crate::manifest::{self, Members, Names, OnDisk, Request, Settled};
use crate::model::{EnvironmentId, Kept, Model};

/// Everything that the manifests rest on, at one moment.
struct Found {
    record: Record,
    on_disk: BTreeMap<EnvironmentId, OnDisk>,
    dispositions: BTreeMap<EnvironmentId, manifest::Disposition>,
}

impl Found {
    fn request<'r>(&'r self, model: &'r Model, members: &'r Members) -> Request<'r> {
        Request {
            model,
            record: &self.record,
            on_disk: &self.on_disk,
            members,
            dispositions: &self.dispositions,
            scoped_excludes: prepare::has_scoped_excludes(model),
        }
    }
}

/// Carries out the verb.
///
/// # Errors
/// When nothing may be written, the manifest is not envloom's, or what stands there cannot be absorbed.
pub(super) fn carry_out(call: &Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    refuse_locked(call, "absorb")?;
    let id = environment(call, "absorb ", words)?;
    let environment = call.model.environment(id);
    let path = &environment.manifest.value;
    let found = Found {
        record: load::record(&call.place, &call.model, &call.observer)?,
        on_disk: load::on_disk(&call.place.root, &call.model, &call.observer)?,
        dispositions: BTreeMap::new(),
    };
    let manifest = found.on_disk.get(&id).and_then(|found| found.manifest.as_deref());
    if !found.record.owned.contains_key(path) || manifest.is_none() {
        let (manifest, environment) = (path.to_string(), environment.name.value.clone());
        return Err(CliError::NeverGenerated { manifest, environment }.into());
    }
    let members = prepare::members(&call.place.root, &call.model, &call.observer)?;
    let before = found.request(&call.model, &members);
    let names = names(call, id, manifest.unwrap_or_default())?;
    let absorbed = manifest::absorb(&before, id, &names)?;
    let source = SourceFile::new(call.place.file_name.as_str(), absorbed.text.as_str());
    let model = remodelled(call, &source, path.as_str())?;
    let members = prepare::members(&call.place.root, &model, &call.observer)?;
    let settled = absorbed.settle(&before, &found.request(&model, &members))?;
    if !call.arguments.dry_run {
        write(call, id, &found, &source, &settled)?;
    }
    let told = Told { call, id, model: &model, settled: &settled, text: &absorbed.text };
    Ok(if output.is_json() { told.json() } else { told.lines(output) })
}

/// A verb that writes tracked files does not where none may be written.
///
/// # Errors
/// With `--locked`, and where CI is set without `--no-locked`.
pub(super) fn refuse_locked(call: &Call<'_>, verb: &'static str) -> Result<(), CliError> {
    if call.is_locked() { Err(CliError::LockedVerb { verb }) } else { Ok(()) }
}

/// The environment that the word after the verb names; its manifest is one that envloom writes.
///
/// # Errors
/// When it names none, or an adopted one.
pub(super) fn environment(call: &Call<'_>, lead: &str, words: &[String]) -> Result<EnvironmentId, Stop> {
    let ask = || call.driver();
    let id = environment_of(&call.model, &call.cell_words(lead, words, crate::graph::AskDriver(&ask)))?;
    let environment = call.model.environment(id);
    if environment.kept == Kept::Adopted {
        let manifest = environment.manifest.value.to_string();
        return Err(CliError::AdoptedManifest { manifest, verb: lead.trim_end().to_owned() }.into());
    }
    Ok(id)
}

/// What the packages are called that lie where the manifest has members.
fn names(call: &Call<'_>, id: EnvironmentId, manifest: &str) -> Result<Names, Stop> {
    let mut names = Names::new();
    let directory = call.model.environment(id).directory();
    for member in manifest::members_of(manifest) {
        let Ok(place) = directory.join(&member) else { continue };
        let file = place.under(&call.place.root).join("pyproject.toml");
        let Some(bytes) = call.observer.read(&file)? else { continue };
        if let Some(name) = manifest::project_name(&String::from_utf8_lossy(&bytes)) {
            names.insert(place, name);
        }
    }
    Ok(names)
}

/// What the new text means.
fn remodelled(call: &Call<'_>, source: &SourceFile, manifest: &str) -> Result<Model, Stop> {
    let unfit =
        |stop: Stop| CliError::Unabsorbable { manifest: manifest.to_owned(), reason: reason(stop.as_ref()) };
    load::model_of(&call.place.root, source, &call.observer).map_err(|stop| unfit(stop).into())
}

/// The first thing that is wrong, in one line.
fn reason(stop: &(dyn miette::Diagnostic + Send + Sync)) -> String {
    let first = stop.related().and_then(|mut related| related.next());
    printable(&first.map_or_else(|| stop.to_string(), ToString::to_string)).into_owned()
}

/// Writes both files, unless someone wrote `tasks.kdl` or the manifest meanwhile.
fn write(
    call: &Call<'_>,
    id: EnvironmentId,
    found: &Found,
    source: &SourceFile,
    settled: &Settled,
) -> Result<(), Stop> {
    let root = &call.place.root;
    let path = &call.model.environment(id).manifest.value;
    let read = found.on_disk.get(&id).and_then(|found| found.manifest.as_deref()).unwrap_or_default();
    let is_recorded = found.record.owned.get(path) == Some(&settled.owned);
    if source.text() == call.model.source.text() && is_recorded {
        return Ok(());
    }
    state::make(&call.place)?;
    // It stays as it is: compared under the lock, with the files that change.
    let read = Some(read.as_bytes().to_vec());
    let manifest = FileChange { path: path.clone(), before: read.clone(), after: read };
    let record = load::record_change(&call.place, |record| {
        Journal::new(&call.place.state()).recover_manifest(root, path, record)?;
        record.owned.insert(path.clone(), settled.owned.clone());
        Ok(())
    })?;
    let files = [tasks_file(call, source.text().to_owned())?, record, manifest];
    trial::commit(&call.place, "absorb", &files, None)
}

/// What is said at the end.
struct Told<'t> {
    call: &'t Call<'t>,
    id: EnvironmentId,
    model: &'t Model,
    settled: &'t Settled,
    text: &'t str,
}

impl Told<'_> {
    fn manifest(&self) -> &str {
        self.call.model.environment(self.id).manifest.value.as_str()
    }

    fn code(&self) -> u8 {
        if self.settled.left.iter().any(|left| left.stops) { exit::FAILED } else { exit::DONE }
    }

    /// The environments that the next generate writes.
    fn behind(&self) -> Vec<&str> {
        let name = |id: &EnvironmentId| self.model.environment(*id).name.value.as_str();
        self.settled.behind.iter().map(name).collect()
    }

    fn json(&self) -> u8 {
        let settled = self.settled;
        let change =
            |change: &manifest::Change| json!({ "path": change.path, "old": change.old, "new": change.new });
        let left = |left: &manifest::Left| json!({ "path": left.path, "line": left.line, "stops": left.stops, "reason": left.reason });
        let printed = Output::answer(&json!({
            "environment": self.call.model.environment(self.id).name.value,
            "manifest": self.manifest(),
            "absorbed": settled.changes.iter().map(change).collect::<Vec<_>>(),
            "left": settled.left.iter().map(left).collect::<Vec<_>>(),
            "behind": self.behind(),
            "written": !self.call.arguments.dry_run && self.text != self.call.model.source.text(),
        }));
        printed.max(self.code())
    }

    fn lines(&self, output: &Output) -> u8 {
        let settled = self.settled;
        let file = &self.call.place.file_name;
        let count = counted(settled.changes.len(), "entry", "entries");
        match settled.changes.as_slice() {
            [] if settled.left.is_empty() => {
                output.say(&format!("{file} has nothing to absorb from {}", self.manifest()));
            }
            [] => output.say(&format!("{file} absorbed nothing of {}", self.manifest())),
            _ if self.call.arguments.dry_run => {
                output.say(&format!("{file} would absorb {count} of {}", self.manifest()));
            }
            _ => output.say(&format!("{file} absorbed {count} of {}", self.manifest())),
        }
        for change in &settled.changes {
            output.say(&match (&change.old, &change.new) {
                (Some(old), Some(new)) => format!("  ~ {}: {old} -> {new}", change.path),
                (None, Some(new)) => format!("  + {} = {new}", change.path),
                (Some(old), None) => format!("  - {} = {old}", change.path),
                (None, None) => format!("  {}", change.path),
            });
        }
        for left in &settled.left {
            let what = if left.stops { "not absorbed" } else { "stays beside envloom's entries" };
            output.say(&format!("{}:{}: {} {what}: {}", self.manifest(), left.line, left.path, left.reason));
        }
        let behind = self.behind();
        if !behind.is_empty() {
            output.say(&format!("next: envloom generate (it changes {})", behind.join(", ")));
        }
        let printed = Output::data(&hunk(self.call.model.source.text(), self.text));
        printed.max(self.code())
    }
}
