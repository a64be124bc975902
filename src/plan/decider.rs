//! What to do about each task, and why: the one code path of running, `-n`, `-v` and `explain`.
//!
//! [`decide`] is asked when a task is ready, that is when everything before it is done and its locks are held,
//! so that it sees the files as the task will. It changes nothing. What it cannot let pass it refuses: a hand
//! edit, drift under `--locked`, a link out of the repository.

use std::path::Path;

use super::decide::{Decision, SyncInputs, decide as by_record, decide_sync};
use super::error::PlanError;
use super::fingerprint::Fingerprint;
use super::own::{self, Subject};
use super::premises::Premises;
use super::reason::{FieldChange, RunReason};
use super::refusal::Refusal;
use super::remote_tags::reason_to_ask;
use super::uv_fingerprints::{agreement, sync_fingerprint, verification};
use super::venv::inspect;
use crate::base::RelPath;
use crate::cache::{Kept, Observer, Uses};
use crate::graph::{Task, TaskKey};
use crate::ledger::{Owned, releases_of};
use crate::manifest::{PythonVersionFile, Rendered};
use crate::model::{Cell, EnvironmentId};

/// What to do about a task.
#[derive(Debug)]
pub(crate) enum Decided {
    /// It is up to date.
    Fresh,
    /// Its result is in the store, and is put back from there.
    Restore {
        /// Why it is not fresh.
        reason: RunReason,
        /// What the result rests on.
        fingerprint: Fingerprint,
        /// The result.
        kept: Box<Kept>,
    },
    /// It runs.
    Run {
        /// Why.
        reason: RunReason,
        /// What its result will rest on; `None` for tasks that leave no verdict.
        fingerprint: Option<Fingerprint>,
    },
}

/// Decides the task at `place` of the graph.
///
/// # Errors
/// A [`Refusal`] is the task's failure: it may neither run nor count as fresh.
pub(crate) fn decide(premises: &Premises, place: usize, task: &Task) -> Result<Decided, Refusal> {
    let decided = by_kind(premises, place, task);
    if let Some(noted) = &premises.noted {
        noted.note(premises, task, &decided);
    }
    decided
}

fn by_kind(premises: &Premises, place: usize, task: &Task) -> Result<Decided, Refusal> {
    match &task.key {
        TaskKey::Generate(id) => generate(premises, *id),
        TaskKey::Own(key) => match &task.job {
            Some(job) => {
                if premises.known.holds(&task.id) {
                    return Ok(Decided::Fresh);
                }
                let subject = Subject { id: &task.id, key, task: premises.own_task(key.task), job };
                let (observer, uses) = (Observer::new(), Uses::default());
                let decided = own::decide(premises, place, subject, (&observer, &uses));
                premises.observer.adopt(&observer);
                premises.uses.adopt(&uses);
                premises.known.note(&task.id, &decided, &observer, &uses);
                decided
            }
            None => Ok(Decided::Run { reason: RunReason::Always, fingerprint: None }),
        },
        TaskKey::Lock(id) => lock(premises, *id, place),
        TaskKey::Check(id) => check(premises, *id, place),
        TaskKey::Verify(id) => verify(premises, *id, &task.id, place),
        TaskKey::Sync(cell) => sync(premises, cell, place),
    }
}

/// The manifest of an environment as it is to be, or why it cannot be.
pub(crate) fn rendered(premises: &Premises, id: EnvironmentId) -> Result<&Rendered, Refusal> {
    let rendered = &premises.manifests.manifests[&id];
    // First: a message about the text would show what lies behind a link.
    inside(&premises.root, &rendered.path)?;
    match &rendered.refused {
        Some(error) => Err(Refusal::Manifest(error.clone())),
        None => Ok(rendered),
    }
}

fn generate(premises: &Premises, id: EnvironmentId) -> Result<Decided, Refusal> {
    let rendered = rendered(premises, id)?;
    let changes = changes_of(premises, rendered)?;
    if changes.is_empty() {
        return Ok(Decided::Fresh);
    }
    if premises.wishes.locked {
        return Err(Refusal::drift(premises, id, &changes));
    }
    Ok(Decided::Run { reason: RunReason::ManifestDiffers { changes }, fingerprint: None })
}

/// Is the manifest adopted? Then it must be there, since envloom makes none.
fn adopted(premises: &Premises, id: EnvironmentId) -> Result<bool, Refusal> {
    if premises.model.environment(id).is_written() {
        return Ok(false);
    }
    let manifest = premises.manifest(id);
    match premises.observer.stat(&manifest.under(&premises.root)).map_err(PlanError::from)? {
        Some(_) => Ok(true),
        None => Err(Refusal::NoManifest { manifest: manifest.to_string(), environment: name(premises, id) }),
    }
}

/// Everything that `generate` would write: entries, `.python-version`, the record.
fn changes_of(premises: &Premises, rendered: &Rendered) -> Result<Vec<FieldChange>, Refusal> {
    let mut changes: Vec<FieldChange> = Vec::new();
    let field = |key: &str| format!("{}: {key}", rendered.path);
    let on_disk = premises.observer.read(&rendered.path.under(&premises.root)).map_err(PlanError::from)?;
    if on_disk.as_deref() != Some(rendered.text.as_bytes()) {
        changes.extend(rendered.changes.iter().map(|change| FieldChange {
            key: field(&change.path),
            old: change.old.clone(),
            new: change.new.clone(),
        }));
        if changes.is_empty() {
            changes.push(FieldChange {
                key: rendered.path.to_string(),
                old: None,
                new: Some("the manifest".into()),
            });
        }
    }
    changes.extend(pin_change(premises, rendered)?);
    let recorded = premises.recorded().map_err(PlanError::from)?;
    if changes.is_empty() {
        changes.extend(owned_change(recorded.owned.get(&rendered.path), rendered));
    }
    let releases = |record| releases_of(&premises.model, rendered.environment, record);
    if releases(&recorded) != releases(&premises.record) && changes.is_empty() {
        changes.push(record_change(&rendered.path, "the releases that pins name"));
    }
    Ok(changes)
}

/// What `generate` would do to the `.python-version` beside the manifest.
fn pin_change(premises: &Premises, rendered: &Rendered) -> Result<Option<FieldChange>, Refusal> {
    let path =
        rendered.path.parent().join(".python-version").map_err(|_| Refusal::outside(&rendered.path))?;
    inside(&premises.root, &path)?;
    let wanted = match &rendered.python_version {
        PythonVersionFile::Leave => return Ok(None),
        PythonVersionFile::Write(text) => Some(text.clone()),
        PythonVersionFile::Remove => None,
    };
    let now = premises.observer.read(&path.under(&premises.root)).map_err(PlanError::from)?;
    let now = now.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if now == wanted {
        return Ok(None);
    }
    let show = |text: String| format!("{:?}", text.trim_end());
    Ok(Some(FieldChange { key: path.to_string(), old: now.map(show), new: wanted.map(show) }))
}

/// What `generate` would say in the record of the entries that envloom owns.
fn owned_change(old: Option<&Owned>, rendered: &Rendered) -> Option<FieldChange> {
    let new = &rendered.owned;
    if old == Some(new) {
        return None;
    }
    let anew =
        old.map_or(0, |old| new.iter().filter(|(path, digest)| old.get(*path) != Some(digest)).count());
    let anew = if anew > 0 { format!(", {anew} recorded anew") } else { String::new() };
    Some(FieldChange {
        key: format!("{}: entries of {} that envloom owns", crate::ledger::FILE_NAME, rendered.path),
        old: Some(old.map_or_else(|| "none".to_owned(), |old| old.len().to_string())),
        new: Some(format!("{}{anew}", new.len())),
    })
}

fn record_change(path: &RelPath, what: &str) -> FieldChange {
    FieldChange {
        key: format!("{}: {path}", crate::ledger::FILE_NAME),
        old: None,
        new: Some(what.to_owned()),
    }
}

fn lock(premises: &Premises, id: EnvironmentId, place: usize) -> Result<Decided, Refusal> {
    adopted(premises, id)?;
    let lockfile = lockfile(premises, id)?;
    let fingerprint = agreement(premises, id)?;
    if let Some(reason) = premises.wishes.lock_reason().filter(|_| premises.wishes.asked.contains(&place)) {
        return if premises.wishes.locked {
            Err(Refusal::UpgradeLocked)
        } else {
            Ok(Decided::Run { reason, fingerprint: Some(fingerprint) })
        };
    }
    if premises.journal_has_lockfile(id) {
        return Ok(Decided::Run { reason: RunReason::Interrupted, fingerprint: Some(fingerprint) });
    }
    if premises.observer.stat(&lockfile.under(&premises.root)).map_err(PlanError::from)?.is_none() {
        if premises.wishes.locked {
            return Err(Refusal::NoLockfile {
                lockfile: lockfile.to_string(),
                environment: name(premises, id),
            });
        }
        let reason = RunReason::OutputMissing { path: lockfile.to_string() };
        return Ok(Decided::Run { reason, fingerprint: Some(fingerprint) });
    }
    Ok(by_agreement(premises, id, place, fingerprint))
}

fn check(premises: &Premises, id: EnvironmentId, place: usize) -> Result<Decided, Refusal> {
    if !adopted(premises, id)? {
        let changes = changes_of(premises, rendered(premises, id)?)?;
        if !changes.is_empty() {
            return Err(Refusal::drift(premises, id, &changes));
        }
    }
    let lockfile = lockfile(premises, id)?;
    if premises.journal_has_lockfile(id) {
        return Err(Refusal::LockInterrupted {
            lockfile: lockfile.to_string(),
            environment: name(premises, id),
        });
    }
    if premises.observer.stat(&lockfile.under(&premises.root)).map_err(PlanError::from)?.is_none() {
        return Err(Refusal::NoLockfile { lockfile: lockfile.to_string(), environment: name(premises, id) });
    }
    Ok(by_agreement(premises, id, place, agreement(premises, id)?))
}

fn verify(premises: &Premises, id: EnvironmentId, task: &str, place: usize) -> Result<Decided, Refusal> {
    if !adopted(premises, id)? {
        rendered(premises, id)?;
    }
    let lockfile = lockfile(premises, id)?;
    if premises.observer.stat(&lockfile.under(&premises.root)).map_err(PlanError::from)?.is_none() {
        return Err(Refusal::NoLockfile { lockfile: lockfile.to_string(), environment: name(premises, id) });
    }
    let decided = by_verdict(premises, &[task], place, verification(premises, id)?);
    let Decided::Fresh = decided else { return Ok(decided) };
    match reason_to_ask(premises, id).map_err(PlanError::from)? {
        None => Ok(Decided::Fresh),
        Some(reason) => Ok(Decided::Run { reason, fingerprint: Some(verification(premises, id)?) }),
    }
}

fn sync(premises: &Premises, cell: &Cell, place: usize) -> Result<Decided, Refusal> {
    adopted(premises, cell.environment)?;
    lockfile(premises, cell.environment)?;
    let fingerprint = sync_fingerprint(premises, cell)?;
    let venv = premises.venv(cell);
    let state = inspect(&venv, &premises.observer).map_err(PlanError::from)?;
    let slug = cell.slug(&premises.model);
    let decision = decide_sync(&SyncInputs {
        fingerprint: &fingerprint,
        record: premises.cells().record(&slug, &premises.observer).as_ref(),
        state: &state,
        marked: premises.cells().is_marked(&slug, &premises.observer),
        forced: forced(premises, place),
        venv: &premises.shown(&venv),
    });
    Ok(decided(decision, fingerprint))
}

fn decided(decision: Decision, fingerprint: Fingerprint) -> Decided {
    match decision {
        Decision::Fresh => Decided::Fresh,
        Decision::Run(reason) => Decided::Run { reason, fingerprint: Some(fingerprint) },
    }
}

/// A lock and a check of one environment leave the same verdict, so that each is explained by the other's run too.
fn by_agreement(premises: &Premises, id: EnvironmentId, place: usize, fingerprint: Fingerprint) -> Decided {
    let tasks = ["lock", "check"].map(|verb| format!("{verb}:{}", name(premises, id)));
    by_verdict(premises, &tasks.each_ref().map(String::as_str), place, fingerprint)
}

/// Fresh where the store has a verdict for these inputs; else the reason why it has not.
fn by_verdict(premises: &Premises, tasks: &[&str], place: usize, fingerprint: Fingerprint) -> Decided {
    decided(by_record(&premises.store, tasks, &fingerprint, forced(premises, place)), fingerprint)
}

/// `-B` means the tasks that were asked for; what they only need stays as it is.
fn forced(premises: &Premises, place: usize) -> bool {
    premises.wishes.force && premises.wishes.asked.contains(&place)
}

/// The lockfile of an environment, which may not lead out of the repository.
fn lockfile(premises: &Premises, id: EnvironmentId) -> Result<RelPath, Refusal> {
    inside(&premises.root, premises.manifest(id))?;
    let lockfile = premises.lockfile(id);
    inside(&premises.root, &lockfile)?;
    Ok(lockfile)
}

/// Refuses what is written through a symbolic link, or is no ordinary file: uv, and a whole-file write, would
/// replace or overwrite something that is not where it seems to be (tried: uv overwrote a file outside).
pub(crate) fn inside(root: &Path, path: &RelPath) -> Result<(), Refusal> {
    let place = path.under(root);
    if let Ok(metadata) = std::fs::symlink_metadata(&place)
        && !metadata.is_file()
    {
        let leads_to = std::fs::read_link(&place).ok().map(|to| to.display().to_string());
        return Err(Refusal::NotOrdinary { path: path.to_string(), leads_to });
    }
    let directory = place.parent().unwrap_or(Path::new("/"));
    match directory.canonicalize() {
        // Also a link that stays inside: the file would be another environment's, or an adopted one.
        Ok(real) if real != directory => {
            Err(Refusal::NotOrdinary { path: path.to_string(), leads_to: Some(real.display().to_string()) })
        }
        // A directory that is yet to be made lies where its name says.
        _ => Ok(()),
    }
}

pub(super) fn name(premises: &Premises, id: EnvironmentId) -> String {
    premises.model.environment(id).name.value.clone()
}
