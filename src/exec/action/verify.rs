//! `verify`: the integrity rules on the lockfile. It reads, asks remotes for their tags where what is known is too old,
//! and writes nothing but what it was told.

use std::cell::OnceCell;
use std::sync::PoisonError;
use std::time::Instant;

use super::child::{keep_if_unmoved, notice, remember};
use crate::base::{SourceFile, counted, printable};
use crate::exec::failure::TaskFailure;
use crate::exec::work::{Done, Hand};
use crate::ledger::{
    self, Asked, Asking, AtCommit, Doubt, Evidence, Freshness, Lockfile, ManifestsAt, Reach, Subject, Told,
    VerifyError, answer_place, doubtful, manifests_at, releases_of, tags_of,
};
use crate::model::{EnvironmentId, Sources};
use crate::plan::{RunReason, field_names, files_of_settings, freshness, pinned_remotes, verification};
use crate::tool::git::Git;
use crate::tool::{Surroundings, ToolError};

/// Reads the lockfile, finds out what it is judged by, and judges it.
pub(in crate::exec) fn verify(hand: &Hand<'_>, id: EnvironmentId) -> Result<Done, TaskFailure> {
    let began = Instant::now();
    let premises = hand.premises;
    let environment = premises.model.environment(id).name.value.as_str();
    let path = premises.lockfile(id);
    let bytes = premises.observer.read(&path.under(&premises.root))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lockfile =
        Lockfile::parse(&SourceFile::new(path.as_str(), text), environment).map_err(TaskFailure::found)?;
    let evidence = evidence(hand, id)?;
    let findings = ledger::verify(&Subject {
        model: &premises.model,
        environment: id,
        record: &premises.record,
        lockfile: &lockfile,
        root: &premises.root,
        evidence: &evidence,
    });
    if let Some(error) = VerifyError::of(environment, &premises.model.source, findings) {
        return Err(TaskFailure::found(error));
    }
    let after = verification(premises, id)?;
    if is_partial(&evidence) {
        // Online it would say more: no verdict is left that a later call might believe.
        remember(hand, after.fields, began.elapsed());
    } else {
        keep_if_unmoved(hand, &after, &field_names(premises, id), began.elapsed());
    }
    Ok(Done { note: Some(note(hand, id, &lockfile, &evidence)), ..Done::default() })
}

/// Everything that the lockfile is judged by besides the record. git is looked for once, where it is needed.
fn evidence(hand: &Hand<'_>, id: EnvironmentId) -> Result<Evidence, TaskFailure> {
    let premises = hand.premises;
    if !matches!(premises.model.environment(id).sources, Sources::Tags(_)) {
        return Ok(Evidence::default());
    }
    let found = OnceCell::new();
    let git = || match found.get() {
        Some(git) => Ok(Git::clone(git)),
        None => find_git(hand).inspect(|git| drop(found.set(git.clone()))),
    };
    // One task at a time: that of another environment then finds the answers that this one was given.
    let turn = premises.remotes.lock().unwrap_or_else(PoisonError::into_inner);
    let Asked { told, unkept } = tags(hand, id, &git)?;
    let reach = Reach { root: &premises.root, offline: premises.wishes.offline, git: &git };
    let ManifestsAt { read, unkept: further } =
        manifests_at(&premises.model, id, &premises.record, &reach).map_err(TaskFailure::found)?;
    drop(turn);
    for error in unkept.into_iter().chain(further) {
        notice(hand, "envloom::cache::not_written", error.to_string(), None);
    }
    Ok(Evidence { told, manifests: read, is_offline: premises.wishes.offline, settings: settings(hand, id)? })
}

/// What the remotes say of their tags; those whose answers are old are asked.
fn tags(
    hand: &Hand<'_>,
    id: EnvironmentId,
    git: &dyn Fn() -> Result<Git, ToolError>,
) -> Result<Asked, TaskFailure> {
    let premises = hand.premises;
    let remotes: Vec<&str> = pinned_remotes(premises, id).into_iter().collect();
    let state = premises.state();
    let freshness = freshness(premises, matches!(hand.reason, RunReason::Forced));
    let asking = Asking { state: &state, freshness, git, progress: &|_| {} };
    let mut asked = tags_of(&remotes, &asking).map_err(TaskFailure::found)?;
    let doubtful = doubtful(&premises.model, id, &premises.record, &asked.told);
    if premises.wishes.offline {
        // What lacks a tag is older than the pin: it says nothing of it.
        let older = doubtful.into_iter().filter(|(_, doubt)| *doubt == Doubt::Missing);
        asked.told.extend(older.map(|(git, _)| (git, Told::NotAsked)));
    } else {
        let again: Vec<&str> = doubtful.keys().map(String::as_str).collect();
        let asking = Asking { freshness: Freshness::Since(premises.began), ..asking };
        let anew = tags_of(&again, &asking).map_err(TaskFailure::found)?;
        asked.told.extend(anew.told);
        asked.unkept = asked.unkept.or(anew.unkept);
    }
    for url in remotes {
        premises.observer.forget(&answer_place(&state, url));
    }
    Ok(asked)
}

fn find_git(hand: &Hand<'_>) -> Result<Git, ToolError> {
    let premises = hand.premises;
    if let Some(git) = &premises.machine.git {
        return Ok(git.clone());
    }
    let surroundings = Surroundings { vars: premises.machine.variables.clone(), cwd: premises.root.clone() };
    Git::find(&surroundings, &premises.root)
}

/// What uv takes its settings from, as it is.
fn settings(hand: &Hand<'_>, id: EnvironmentId) -> Result<Vec<SourceFile>, TaskFailure> {
    let premises = hand.premises;
    let mut files = Vec::new();
    for path in files_of_settings(premises, id)? {
        if let Some(bytes) = premises.observer.read(&path)? {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            files.push(SourceFile::new(printable(&premises.shown(&path)).into_owned(), text));
        }
    }
    Ok(files)
}

/// Does something of the judgement rest on a remote that could not be asked, offline?
fn is_partial(evidence: &Evidence) -> bool {
    evidence.told.values().any(|told| matches!(told, Told::NotAsked))
        || evidence.manifests.values().any(|at| matches!(at, AtCommit::NotAsked))
}

/// How much was judged, and what was not.
fn note(hand: &Hand<'_>, id: EnvironmentId, lockfile: &Lockfile, evidence: &Evidence) -> String {
    let premises = hand.premises;
    let mut note = counted(lockfile.packages.len(), "package", "packages");
    let releases = releases_of(&premises.model, id, &premises.record);
    let dynamic = releases.values().filter(|release| release.version.is_none()).count();
    if dynamic > 0 {
        note.push_str(", ");
        note.push_str(&counted(dynamic, "dynamic version", "dynamic versions"));
        note.push_str(" not compared");
    }
    let unread = evidence.manifests.values().filter(|at| matches!(at, AtCommit::NotAsked)).count();
    if unread > 0 {
        note.push_str(", ");
        note.push_str(&counted(unread, "manifest", "manifests"));
        note.push_str(" not read (--offline)");
    }
    note
}
