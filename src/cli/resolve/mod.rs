//! `resolve`: after a merge, rebase or cherry-pick with conflicts, the files that envloom and uv write.
//!
//! | in conflict | what is made of it |
//! | --- | --- |
//! | `tasks.kdl` | nothing: people settle it first |
//! | `envloom.lock` | merged by entry (`ledger::merged`) from the sides that git's index holds |
//! | a manifest | each side is generated from the merged `tasks.kdl`, so that they differ only in what is not envloom's; git merges that ([`manifests`]) |
//! | `uv.lock` | locked anew from the merge base's, so that third-party versions stay |
//! | another manifest | nothing: people settle it first |
//!
//! All of it is locked, checked and verified in a trial; then all files are written, or none. The index is git's and the
//! user's: the `git add` is said, never run.

mod error;
mod manifests;
mod sides;

use std::collections::BTreeSet;

use serde_json::json;

pub(super) use self::error::CODES;
use self::error::{ResolveError, ResolveFinding};
use self::manifests::Manifests;
use self::sides::{Recorded, Sides};
use super::absorb::refuse_locked;
use super::args::Arguments;
use super::call::{Call, place_of};
use super::load::Stop;
use super::locate::Place;
use super::output::Output;
use super::surroundings::Process;
use super::trial::{self, Passed, Request, Tried};
use super::{exit, state};
use crate::base::{RelPath, SourceFile, printable, read_if_exists};
use crate::cache::{FileChange, Observer};
use crate::ledger::{self, Progress, Record, Remotes, conflict_marker};
use crate::model::Environment;
use crate::tool::git::Git;
use crate::tool::run::quoted;

/// Carries out the verb.
///
/// # Errors
/// When nothing may be written, or people have to settle something first.
pub(super) fn carry_out(process: &Process, arguments: &Arguments, output: &Output) -> Result<u8, Stop> {
    let observer = Observer::new();
    let place = place_of(process, arguments, &observer)?;
    refuse_marked(&place)?;
    let call = Call::at(process, arguments, place, observer)?;
    refuse_locked(&call, "resolve")?;
    let git = Git::find(&process.surroundings, &call.place.home)?;
    let sides = Sides::read(&call, &git)?;
    let Some(ready) = ready(&call, &sides, output)? else {
        if output.is_json() {
            let nothing: [&str; 0] = [];
            let others = sides.others();
            return Ok(Output::answer(&json!({
                "files": nothing, "locked": nothing, "written": false,
                "environments": nothing, "add": nothing, "others": others,
            })));
        }
        output.say("nothing to resolve: no file that envloom or uv writes is in conflict");
        still_in_conflict(&sides, output);
        return Ok(exit::DONE);
    };
    let request = Request {
        call: &call,
        files: ready.files,
        targets: trial::locked_and_verified(&ready.concerned),
        arguments: call.arguments.clone(),
    };
    let passed = match trial::run(&request, output)? {
        Tried::Passed(passed) => passed,
        Tried::Failed(code) => return Ok(code),
    };
    if !arguments.dry_run {
        passed.commit()?;
    }
    Ok(told(&call, (&sides, &ready.concerned), &passed, output))
}

/// `tasks.kdl` is what everything is made from.
fn refuse_marked(place: &Place) -> Result<(), Stop> {
    let bytes = read_if_exists(&place.file())?.unwrap_or_default();
    let source = SourceFile::new(place.file_name.as_str(), String::from_utf8_lossy(&bytes).into_owned());
    match conflict_marker(source.text()) {
        Some(at) => Err(ResolveFinding::TasksFile {
            path: place.file_name.clone(),
            source_code: source.named(),
            span: at.into(),
        }
        .into()),
        None => Ok(()),
    }
}

/// What the trial begins with.
struct Ready {
    files: Vec<FileChange>,
    /// The environments that are locked anew.
    concerned: Vec<String>,
}

/// Makes what can be made without uv; `None` where nothing is in conflict.
fn ready(call: &Call<'_>, sides: &Sides<'_>, output: &Output) -> Result<Option<Ready>, Stop> {
    let recorded = sides.recorded()?;
    let mut findings = not_ours(call, sides)?;
    findings.extend(two_commits(call, &recorded));
    let (lockfiles, unknown) = lockfiles(call, sides)?;
    findings.extend(unknown);
    if !findings.is_empty() {
        return Err(ResolveError { findings }.into());
    }
    if !sides.has_ours() && lockfiles.is_empty() {
        return Ok(None);
    }
    let record = completed(call, sides.git, &recorded, output)?;
    let mut manifests = Manifests::read(call, sides, &recorded, record)?;
    let findings = manifests.settle()?;
    if !findings.is_empty() {
        return Err(ResolveError { findings }.into());
    }
    let (changed, record, unlike) = manifests.done()?;
    let mut files = changed;
    let path = RelPath::parse(ledger::FILE_NAME).expect("the file's name is a path");
    let before = sides.bytes(&path)?;
    if before.is_some() || record != Record::default() {
        files.push(FileChange { path, before, after: Some(record.render().into_bytes()) });
    }
    files.extend(lockfiles);
    let concerned = concerned(call, sides, &unlike)?;
    Ok(Some(Ready { files, concerned }))
}

/// The releases, with every one that is pinned. Those whose commits clash are asked for anew: that was allowed.
fn completed(call: &Call<'_>, git: &Git, recorded: &Recorded, output: &Output) -> Result<Record, Stop> {
    state::make(&call.place)?;
    let tell = |progress: Progress<'_>| match progress {
        Progress::Fetching { git } => output.say(&format!("fetching {git}")),
        Progress::Asking { .. } | Progress::Read { .. } => {}
    };
    let remotes = Remotes::new(git, &call.place.root, call.arguments.offline, &tell)
        .believing_only_remotes(&call.arguments.accept_moved);
    let mut record = recorded.merged.record.clone();
    record.releases.retain(|key, _| !recorded.merged.two_commits.contains_key(key));
    Ok(ledger::complete(&call.model, record, &remotes)?)
}

/// Pinned releases of which nobody can say where they are.
fn two_commits(call: &Call<'_>, recorded: &Recorded) -> Vec<ResolveFinding> {
    let pinned = ledger::prune(&call.model, recorded.merged.record.clone()).releases;
    let clashes = recorded.merged.two_commits.iter().filter(|(key, _)| pinned.contains_key(key));
    let open = clashes.filter(|(key, _)| {
        !call.arguments.accept_moved.iter().any(|accepted| accepted == key.package.as_str())
    });
    open.map(|(key, [ours, theirs])| ResolveFinding::TwoCommits {
        release: format!("{} {}", key.package, key.reference),
        package: key.package.to_string(),
        ours: ours.clone(),
        theirs: theirs.clone(),
    })
    .collect()
}

/// Manifests of people that hold markers.
fn not_ours(call: &Call<'_>, sides: &Sides<'_>) -> Result<Vec<ResolveFinding>, Stop> {
    let members = call.model.packages.iter().filter_map(|package| package.path.as_ref());
    let members = members.filter_map(|path| path.value.join("pyproject.toml").ok());
    let adopted = call.model.environments.iter().filter(|environment| !environment.is_written());
    let paths: BTreeSet<RelPath> =
        members.chain(adopted.map(|environment| environment.manifest.value.clone())).collect();
    let written: BTreeSet<&RelPath> = call
        .model
        .environments
        .iter()
        .filter(|environment| environment.is_written())
        .map(|environment| &environment.manifest.value)
        .collect();
    let mut findings = Vec::new();
    for path in paths.into_iter().filter(|path| !written.contains(path)) {
        if sides.is_marked(&path)? {
            findings.push(ResolveFinding::ByHand { path: path.to_string(), lines: String::new() });
        }
    }
    Ok(findings)
}

/// Lockfiles with markers, each as the merge base had it; and those of which git knows no sides.
fn lockfiles(call: &Call<'_>, sides: &Sides<'_>) -> Result<(Vec<FileChange>, Vec<ResolveFinding>), Stop> {
    let (mut files, mut unknown) = (Vec::new(), Vec::new());
    let paths: BTreeSet<RelPath> = call.model.environments.iter().filter_map(lockfile).collect();
    for path in paths {
        if !sides.is_marked(&path)? {
            continue;
        }
        let mut found = None;
        for at in [sides::BASE, sides::OURS, sides::THEIRS] {
            found = found.or(sides.side(&path, at)?);
        }
        match found {
            Some(seed) => files.push(FileChange { before: sides.bytes(&path)?, path, after: Some(seed) }),
            None => unknown.push(ResolveFinding::NoSides { path: path.to_string() }),
        }
    }
    Ok((files, unknown))
}

fn lockfile(environment: &Environment) -> Option<RelPath> {
    environment.directory().join("uv.lock").ok()
}

/// The environments of which a file is in conflict, or came from the other side, or has to be another one now; all where
/// none is.
fn concerned(call: &Call<'_>, sides: &Sides<'_>, unlike: &BTreeSet<String>) -> Result<Vec<String>, Stop> {
    let changed = sides.changed()?;
    let is_concerned = |environment: &&Environment| {
        let directory = environment.directory();
        let beside = ["uv.lock", ".python-version"].into_iter().filter_map(|name| directory.join(name).ok());
        let mut files = beside.chain([environment.manifest.value.clone()]);
        unlike.contains(&environment.name.value)
            || files.any(|file| changed.contains(&file) || sides.is_unmerged(&file))
    };
    let name = |environment: &Environment| environment.name.value.clone();
    let found: Vec<String> = call.model.environments.iter().filter(is_concerned).map(name).collect();
    Ok(if found.is_empty() { call.model.environments.iter().map(name).collect() } else { found })
}

/// Says what was done, and what is left to type.
fn told(
    call: &Call<'_>,
    (sides, concerned): (&Sides<'_>, &[String]),
    passed: &Passed,
    output: &Output,
) -> u8 {
    let written = passed.files.iter().map(|change| change.path.clone());
    let add: BTreeSet<RelPath> = written.chain(sides.ours()).collect();
    let others = sides.others();
    if output.is_json() {
        let mut answer = passed.json(call);
        answer["environments"] = json!(concerned);
        answer["add"] = json!(add.iter().map(RelPath::as_str).collect::<Vec<_>>());
        answer["others"] = json!(others);
        return Output::answer(&answer);
    }
    let verb = if call.arguments.dry_run { "would resolve" } else { "resolved" };
    let paths: Vec<&str> = add.iter().map(RelPath::as_str).collect();
    output.say(&format!("{verb}: {}", paths.join(", ")));
    still_in_conflict(sides, output);
    if call.arguments.dry_run {
        return exit::DONE;
    }
    let typed: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
    output.say(&format!("look at `git diff`, then type: git add -- {}", typed.join(" ")));
    exit::DONE
}

fn still_in_conflict(sides: &Sides<'_>, output: &Output) {
    let others = sides.others();
    if !others.is_empty() {
        output.say(&format!("still in conflict, and not envloom's: {}", printable(&others.join(", "))));
    }
}
