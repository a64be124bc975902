//! `resolve`: after a merge, rebase or cherry-pick with conflicts, the files that envloom and uv write.
//!
//! | in conflict | what is made of it |
//! | --- | --- |
//! | `tasks.kdl` | nothing: people settle it first |
//! | `envloom.lock` | merged by entry (`ledger::merged`) from the sides that git's index holds |
//! | a manifest | each side is generated from the merged `tasks.kdl`, so that they differ only in what is not envloom's; git merges that ([`manifests`]) |
//! | `uv.lock` | locked anew from the merge base's, so that third-party versions stay |
//! | another manifest, `.gitmodules`, a package's submodule | nothing: people settle it first |
//! | files of an environment that is gone | nothing: the `git rm` is said |
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
use self::sides::{BASE, OURS, Recorded, Sides, THEIRS, beside};
use super::absorb::refuse_locked;
use super::args::Arguments;
use super::call::{Call, place_of};
use super::load::Stop;
use super::output::Output;
use super::surroundings::Process;
use super::trial::{self, Passed, Request, Tried};
use super::{exit, state};
use crate::base::{RelPath, conflict_marker, printable, read_if_exists};
use crate::cache::{FileChange, Observer};
use crate::ledger::{self, Progress, Record, ReleaseKey, Remotes};
use crate::model::{Environment, Package};
use crate::tool::git::Git;

/// Carries out the verb.
///
/// # Errors
/// When nothing may be written, or people have to settle something first.
pub(super) fn carry_out(process: &Process, arguments: &Arguments, output: &Output) -> Result<u8, Stop> {
    let observer = Observer::new();
    let place = place_of(process, arguments, &observer)?;
    let call = Call::at(process, arguments, place, observer)?;
    refuse_locked(&call, "resolve")?;
    let git = Git::find(&process.surroundings, &call.place.home)?;
    let sides = Sides::read(&call, &git)?;
    let ready = ready(&call, &sides, output)?;
    if ready.concerned.is_empty() {
        if output.is_json() {
            let nothing: [&str; 0] = [];
            return Ok(Output::answer(&json!({
                "files": nothing, "locked": nothing, "written": false,
                "environments": nothing, "add": nothing, "remove": ready.gone.iter().map(RelPath::as_str).collect::<Vec<_>>(), "others": ready.others,
            })));
        }
        output.say("nothing to resolve: no file that envloom or uv writes is in conflict");
        still_in_conflict(&sides, &ready, output);
        return Ok(exit::DONE);
    }
    let request = Request {
        call: &call,
        files: ready.files.clone(),
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
    told(&call, (&sides, &ready), &passed, output)
}

/// What the trial begins with.
#[derive(Default)]
struct Ready {
    files: Vec<FileChange>,
    /// The environments that are locked anew; none where nothing is in conflict.
    concerned: Vec<String>,
    /// Files in conflict that no environment has any more.
    gone: Vec<RelPath>,
    /// All other paths in conflict.
    others: Vec<String>,
}

/// Makes what can be made without uv.
fn ready(call: &Call<'_>, sides: &Sides<'_>, output: &Output) -> Result<Ready, Stop> {
    let findings = for_people(call, sides)?;
    if !findings.is_empty() {
        return Err(ResolveError { findings }.into());
    }
    let recorded = sides.recorded()?;
    let gone = sides.gone(&recorded);
    let others = sides.others(&gone);
    if !sides.has_ours() {
        return Ok(Ready { gone, others, ..Ready::default() });
    }
    let findings = two_commits(call, sides, &recorded)?;
    if !findings.is_empty() {
        return Err(ResolveError { findings }.into());
    }
    let record = completed(call, sides.git, &recorded, output)?;
    let mut manifests = Manifests::read(call, sides, &recorded, record)?;
    let findings = manifests.settle()?;
    if !findings.is_empty() {
        return Err(ResolveError { findings }.into());
    }
    let (mut files, record, unlike) = manifests.done()?;
    let path = RelPath::parse(ledger::FILE_NAME).expect("the file's name is a path");
    let before = sides.bytes(&path)?;
    if before.is_some() || record != Record::default() {
        files.push(FileChange { path, before, after: Some(record.render().into_bytes()) });
    }
    files.extend(lockfiles(call, sides)?);
    let concerned = concerned(call, sides, &unlike)?;
    Ok(Ready { files, concerned, gone, others })
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
fn two_commits(call: &Call<'_>, sides: &Sides<'_>, recorded: &Recorded) -> Result<Vec<ResolveFinding>, Stop> {
    let pinned = ledger::prune(&call.model, recorded.merged.record.clone()).releases;
    let clashes = recorded.merged.two_commits.iter().filter(|(key, _)| pinned.contains_key(key));
    let open = clashes.filter(|(key, _)| {
        !call.arguments.accept_moved.iter().any(|accepted| accepted == key.package.as_str())
    });
    let finding = |(key, [ours, theirs]): (&ReleaseKey, &[String; 2])| {
        Ok(ResolveFinding::TwoCommits {
            release: format!("{} {}", key.package, key.reference),
            package: key.package.to_string(),
            ours: format!("{ours} in {}", sides.name(OURS)?),
            theirs: format!("{theirs} in {}", sides.name(THEIRS)?),
        })
    };
    open.map(finding).collect()
}

/// What nothing can be made from before people have settled it: files of theirs that hold markers, submodules, and
/// files of which git knows no sides.
fn for_people(call: &Call<'_>, sides: &Sides<'_>) -> Result<Vec<ResolveFinding>, Stop> {
    let model = &call.model;
    let mut findings = Vec::new();
    let modules = sides.git.toplevel(&call.place.root)?.map(|top| top.join(".gitmodules"));
    if let Some(bytes) = modules.map(|path| read_if_exists(&path)).transpose()?.flatten()
        && conflict_marker(&String::from_utf8_lossy(&bytes)).is_some()
    {
        findings.push(ResolveFinding::ByHand { path: ".gitmodules".to_owned(), lines: String::new() });
    }
    for (path, [ours, theirs]) in sides.commits() {
        let is_package = |package: &Package| package.path.as_ref().is_some_and(|at| at.value.is_in(path));
        if model.packages.iter().any(is_package) {
            let told = |commit: Option<&str>, at| {
                let commit = commit.map_or("nothing", |commit| commit.get(..12).unwrap_or(commit));
                Ok::<_, Stop>(format!("{commit} in {}", sides.name(at)?))
            };
            findings.push(ResolveFinding::Submodule {
                path: path.to_string(),
                typed: sides.typed([path]),
                ours: told(ours, OURS)?,
                theirs: told(theirs, THEIRS)?,
                commit: theirs.or(ours).unwrap_or_default().chars().take(12).collect(),
            });
        }
    }
    let members = model.packages.iter().filter_map(|package| package.path.as_ref());
    let members = members.filter_map(|path| path.value.join("pyproject.toml").ok());
    let adopted = model.environments.iter().filter(|environment| !environment.is_written());
    let of_adopted = adopted.flat_map(|one| [one.manifest.value.clone(), beside(one, ".python-version")]);
    let written = model.environments.iter().filter(|environment| environment.is_written());
    let mut ours: BTreeSet<RelPath> = written
        .flat_map(|one| [one.manifest.value.clone(), beside(one, ".python-version")])
        .chain(model.environments.iter().map(Environment::lockfile))
        .collect();
    ours.extend(RelPath::parse(ledger::FILE_NAME).ok());
    let theirs: BTreeSet<RelPath> = members.chain(of_adopted).filter(|path| !ours.contains(path)).collect();
    for path in theirs {
        if sides.is_marked(&path)? {
            findings.push(ResolveFinding::ByHand { path: path.to_string(), lines: String::new() });
        }
    }
    for path in ours {
        if !sides.is_unmerged(&path) && sides.is_marked(&path)? {
            findings.push(ResolveFinding::NoSides { path: path.to_string(), typed: sides.typed([&path]) });
        }
    }
    Ok(findings)
}

/// Lockfiles with markers, each as the merge base had it.
fn lockfiles(call: &Call<'_>, sides: &Sides<'_>) -> Result<Vec<FileChange>, Stop> {
    let mut files = Vec::new();
    let paths: BTreeSet<RelPath> = call.model.environments.iter().map(Environment::lockfile).collect();
    for path in paths {
        if !sides.is_marked(&path)? {
            continue;
        }
        let mut seed = None;
        for at in [BASE, OURS, THEIRS] {
            seed = seed.or(sides.side(&path, at)?);
        }
        files.push(FileChange { before: sides.bytes(&path)?, path, after: seed });
    }
    Ok(files)
}

/// The environments of which a file is in conflict, or came from the other side, or has to be another one now; all where
/// none is.
fn concerned(call: &Call<'_>, sides: &Sides<'_>, unlike: &BTreeSet<String>) -> Result<Vec<String>, Stop> {
    let changed = sides.changed()?;
    let is_concerned = |environment: &&Environment| {
        let beside = [environment.lockfile(), beside(environment, ".python-version")];
        let mut files = beside.iter().chain([&environment.manifest.value]);
        unlike.contains(&environment.name.value)
            || files.any(|file| changed.contains(file) || sides.is_unmerged(file))
    };
    let name = |environment: &Environment| environment.name.value.clone();
    let found: Vec<String> = call.model.environments.iter().filter(is_concerned).map(name).collect();
    Ok(if found.is_empty() { call.model.environments.iter().map(name).collect() } else { found })
}

/// Says what was done, and what is left to type.
fn told(
    call: &Call<'_>,
    (sides, ready): (&Sides<'_>, &Ready),
    passed: &Passed,
    output: &Output,
) -> Result<u8, Stop> {
    let written = passed.files.iter().map(|change| change.path.clone());
    let add: BTreeSet<RelPath> = written.chain(sides.ours()).collect();
    if output.is_json() {
        let mut answer = passed.json(call);
        answer["environments"] = json!(ready.concerned);
        answer["add"] = json!(add.iter().map(RelPath::as_str).collect::<Vec<_>>());
        answer["remove"] = json!(ready.gone.iter().map(RelPath::as_str).collect::<Vec<_>>());
        answer["others"] = json!(ready.others);
        return Ok(Output::answer(&answer));
    }
    let verb = if call.arguments.dry_run { "would resolve" } else { "resolved" };
    let paths: Vec<&str> = add.iter().map(RelPath::as_str).collect();
    output.say(&format!("{verb}: {}", paths.join(", ")));
    still_in_conflict(sides, ready, output);
    if call.arguments.dry_run {
        return Ok(exit::DONE);
    }
    output.say(&format!("look at `git diff`, then type: git add -- {}", sides.typed(&add)));
    if let Some(line) = sides.underway()?.operation.continued().filter(|_| ready.others.is_empty()) {
        output.say(&format!("and then: {line}"));
    }
    Ok(exit::DONE)
}

fn still_in_conflict(sides: &Sides<'_>, ready: &Ready, output: &Output) {
    if !ready.gone.is_empty() {
        let line = sides.typed(&ready.gone);
        output.say(&format!("tasks.kdl has no environment for these any more, type: git rm -- {line}"));
    }
    if !ready.others.is_empty() {
        output.say(&format!("still in conflict, and not envloom's: {}", printable(&ready.others.join(", "))));
    }
}
