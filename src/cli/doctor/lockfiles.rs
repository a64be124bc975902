//! Lockfiles: is there one, and is it of what its manifest asks for, as far as that is seen without uv.

use super::finding::{Finding, Mend, Place};
use super::ground::{Files, Ground, Text};
use super::requirements::stale;
use super::trouble::Trouble;
use crate::ledger::{GitReference, Lockfile, ReleaseKey, Source};
use crate::model::{Environment, Model, PinReference, Sources};
use crate::plan;
use crate::tool::git::ObjectId;

/// Looks at all of them.
pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    ground.files.iter().filter(|files| !files.is_said).filter_map(|files| one(ground, files)).collect()
}

fn one(ground: &Ground<'_>, files: &Files) -> Option<Finding> {
    let environment = ground.call.model.environment(files.id);
    let name = environment.name.value.clone();
    let manifest = files.manifest.as_ref()?;
    let mend = Mend::Type(format!("envloom lock:{name}"));
    let (Some(lockfile), Some(locked)) = (&files.lockfile, &files.locked) else {
        let place = Place::file(manifest.path.as_str());
        return Some(Finding { trouble: Trouble::LockfileMissing { environment: name }, place, mend });
    };
    let why = pinned_otherwise(&ground.call.model, environment, locked)
        .or_else(|| stale(manifest.table.as_ref()?, lockfile.table.as_ref()?, "."))
        .or_else(|| members(ground, environment, files))
        .or_else(|| elsewhere(ground, lockfile));
    let place = Place::file(lockfile.path.as_str());
    if why.is_none()
        && let Some((package, why)) = recorded_otherwise(ground, environment, locked)
    {
        let mend = Mend::Type(format!("envloom lock:{name} --accept-moved {package}"));
        return Some(Finding { trouble: Trouble::LockfileStale { environment: name, why }, place, mend });
    }
    Some(Finding { trouble: Trouble::LockfileStale { environment: name, why: why? }, place, mend })
}

/// An index of paths of another directory; `uv lock --check` refuses it (uv#15055).
fn elsewhere(ground: &Ground<'_>, lockfile: &Text) -> Option<String> {
    let place = plan::locked_elsewhere(&ground.call.model, &ground.call.place.root, &lockfile.content)?;
    Some(format!("it was locked in another directory: it names {place}"))
}

/// A pin that the lockfile does not have.
fn pinned_otherwise(model: &Model, environment: &Environment, locked: &Lockfile) -> Option<String> {
    environment.packages.iter().find_map(|participant| {
        let (pin, name) =
            (participant.pin.as_ref()?, model.package(participant.package).name.value.to_string());
        let package = locked.packages.iter().find(|package| package.name == name)?;
        let Source::Git { reference, .. } = &package.source else { return None };
        let found = match (&pin.reference, reference) {
            (PinReference::Tag(tag), GitReference::Tag(found)) if tag == found => return None,
            (PinReference::Rev(rev), GitReference::Rev(found)) if rev == found => return None,
            (_, GitReference::Tag(found) | GitReference::Rev(found) | GitReference::Branch(found)) => {
                found.as_str()
            }
            (_, GitReference::Default) => "the default branch",
        };
        Some(format!("it holds {name} {found}, and {} is pinned", pin.reference.as_str()))
    })
}

/// A release that the lockfile has at another commit than `envloom.lock`, as after a move that was accepted for one
/// environment only. `lock` alone leaves such a lockfile as it is, because uv keeps what is locked.
fn recorded_otherwise(
    ground: &Ground<'_>,
    environment: &Environment,
    locked: &Lockfile,
) -> Option<(String, String)> {
    environment.packages.iter().find_map(|participant| {
        let package = ground.call.model.package(participant.package).name.value.clone();
        let reference = participant.pin.as_ref()?.reference.as_str();
        let key = ReleaseKey { package: package.clone(), reference: reference.to_owned() };
        let recorded = ground.record.as_ref()?.releases.get(&key)?.commit.parse::<ObjectId>().ok()?;
        let locked = locked.packages.iter().find(|locked| locked.name == package.as_str())?;
        let Source::Git { commit, .. } = &locked.source else { return None };
        let commit: ObjectId = commit.parse().ok().filter(|commit| *commit != recorded)?;
        let (held, recorded) = (commit.short(), recorded.short());
        let why = format!("it holds {package} {reference} at {held}, and envloom.lock records {recorded}");
        Some((package.to_string(), why))
    })
}

/// A member of the workspace that requires something else than when it was locked.
fn members(ground: &Ground<'_>, environment: &Environment, files: &Files) -> Option<String> {
    if environment.sources != Sources::Workspace {
        return None;
    }
    let (call, lockfile) = (ground.call, files.lockfile.as_ref()?.table.as_ref()?);
    environment.packages.iter().find_map(|participant| {
        let path = &call.model.package(participant.package).path.as_ref()?.value;
        let manifest = path.join("pyproject.toml").ok()?;
        plan::inside(&call.place.root, &manifest).ok()?;
        let bytes = call.observer.read(&manifest.under(&call.place.root)).ok()??;
        stale(&plan::table(&bytes)?, lockfile, &path.relative_to(&environment.directory()))
    })
}
