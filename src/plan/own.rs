//! Own tasks: what the result of one rests on, and whether it is there already.
//!
//! # Design note
//! | field | why it is in |
//! | --- | --- |
//! | `kind`, `task`, `envloom`, `platform` | one record answers for one task in one cell; another version may judge otherwise |
//! | `command N`, `finally N`, `cwd` | what runs, parameters and axes filled in |
//! | `variable NAME` | declared ones, and those of `tasks.local.kdl`; `unset` and an empty value differ; of the caller's those that often shape a result: `LANG`, `LC_*`, `TZ`, `LD_LIBRARY_PATH`, `CUDA_*`, `*_NUM_THREADS` |
//! | `secret NAME` | its name alone: a token that was renewed changes no result |
//! | `outputs` | other files are kept then |
//! | `cell`, `python`, `interpreter` | the venv's Python; of a task that works in a cell |
//! | `installed NAME` | what its venv holds: version, and the content of its RECORD less what names the venv's place |
//! | `inputs` | how many files, and the digest of the list of their contents |
//!
//! Left out on purpose: the caller's other variables (`PATH`, `CI` and their like, which an own task sees, and what
//! `pass-env` names: they are taken to change nothing), `timeout`, `retries`, `resources` (they decide whether it succeeds, not what it makes), keys of
//! the tasks before it (what they make is an input, or does not matter).
//!
//! The list of inputs may be long and is the same for all cells of a task, so it is kept once, under its digest, and
//! read again only to explain a difference.
//!
//! Without `inputs` everything counts that git does not ignore below the task's directory, and `@closure` where it has
//! a cell. A program that the task names by a path of the repository is an input always.
//!
//! `-t` leaves a record of its own in `.envloom/`, without contents: what someone calls made is so in this working tree
//! alone, and only while it lies there as it did. The store, which worktrees share, holds what tasks have made.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use super::cells::CellRecord;
use super::committed::uncommitted;
use super::decider::Decided;
use super::error::PlanError;
use super::fingerprint::{Fingerprint, platform};
use super::own_inputs::{input_list, inputs, outside, patterns, unseen};
use super::premises::Premises;
use super::reason::{FieldChange, RunReason};
use super::refusal::Refusal;
use super::venv::{has_end, site_packages};
use crate::base::{Digest, FileError, Hasher, Patterns, RelPath};
use crate::cache::{Difference, Kept, Observer, Uses, Walk};
use crate::graph::OwnKey;
use crate::model::{Cell, Job, OwnTask};
use crate::tool::run::quoted;
use crate::tool::variables::shapes_results;

/// What a fingerprint is taken through: the run's own memory, or a fresh one that sees what has changed since.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// Finds files.
    pub(crate) walk: &'a Walk,
    /// Reads them.
    pub(crate) observer: &'a Observer,
}

/// An own task as its fingerprint sees it.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// Its name with its cell.
    pub(crate) id: &'a str,
    /// Which task, and in which cell.
    pub(crate) key: &'a OwnKey,
    /// Its declaration.
    pub(crate) task: &'a OwnTask,
    /// What it is told in this call.
    pub(crate) job: &'a Job,
}

/// Decides an own task. Under `--locked` one that says `check` is up to date only where what it made is committed, and
/// nothing is put back over that: it runs, and is compared.
pub(super) fn decide(
    premises: &Premises,
    place: usize,
    subject: Subject<'_>,
    (observer, uses): (&Observer, &Uses),
) -> Result<Decided, Refusal> {
    let decided = consider(premises, place, subject, (observer, uses))?;
    if !(premises.wishes.locked && subject.task.check) {
        return Ok(decided);
    }
    Ok(match decided {
        Decided::Fresh => {
            // No stamp tells of a commit.
            observer.look_beyond_files();
            let outputs = Patterns::parse(subject.job.outputs.iter().map(String::as_str)).unwrap_or_default();
            let reason = match uncommitted(premises, &outputs) {
                Ok(paths) => paths.first().map(|path| RunReason::NotCommitted { path: path.to_string() }),
                Err(error) => Some(RunReason::NotCacheable { because: error.to_string() }),
            };
            reason.map_or(Decided::Fresh, |reason| Decided::Run { reason, fingerprint: None })
        }
        Decided::Restore { reason, fingerprint, .. } => {
            Decided::Run { reason, fingerprint: Some(fingerprint) }
        }
        run @ Decided::Run { .. } => run,
    })
}

/// Every look at a file goes through the observer, and what is found in the store is in use.
fn consider(
    premises: &Premises,
    place: usize,
    subject: Subject<'_>,
    (observer, uses): (&Observer, &Uses),
) -> Result<Decided, Refusal> {
    let job = subject.job;
    if job.steps.is_empty() && job.finally.is_empty() && job.service.is_none() {
        // A name for those before it.
        return Ok(Decided::Fresh);
    }
    if !is_cacheable(subject.task, subject.job) {
        return Ok(Decided::Run { reason: RunReason::Always, fingerprint: None });
    }
    let asked = premises.wishes.asked.contains(&place);
    if asked && !premises.wishes.arguments.is_empty() {
        let words = premises.wishes.arguments.join(" ");
        return Ok(Decided::Run { reason: RunReason::Arguments { words }, fingerprint: None });
    }
    let look = Look { walk: &premises.walk, observer };
    let fingerprint = fingerprint(premises, look, subject)?;
    if let Some(because) = &fingerprint.uncacheable {
        return Ok(Decided::Run {
            reason: RunReason::NotCacheable { because: because.clone() },
            fingerprint: None,
        });
    }
    if asked && premises.wishes.force {
        return Ok(Decided::Run { reason: RunReason::Forced, fingerprint: Some(fingerprint) });
    }
    if let Some(path) = what_if(premises, &fingerprint) {
        return Ok(Decided::Run { reason: RunReason::WhatIf { path }, fingerprint: Some(fingerprint) });
    }
    // A run of which nothing was kept left no fields.
    let last = premises.store.last(subject.id).filter(|last| !last.fields.is_empty());
    if last.as_ref().is_some_and(|last| are_old(premises, &last.fields, &fingerprint)) {
        return Ok(Decided::Fresh);
    }
    if was_touched(premises, observer, &fingerprint)? {
        return Ok(Decided::Fresh);
    }
    if let Some(kept) =
        premises.outputs.find(fingerprint.digest()).filter(|kept| kept.fields == fingerprint.fields)
    {
        let is_last = last.is_some_and(|last| last.fields == fingerprint.fields);
        return by_kept(premises, subject, fingerprint, (kept, is_last), (observer, uses));
    }
    let changes = last.map(|last| changes_by_name(premises, &last.fields, &fingerprint));
    let changes = changes.unwrap_or_default();
    let reason = if changes.is_empty() { RunReason::NoRecord } else { RunReason::Changed { changes } };
    Ok(Decided::Run { reason, fingerprint: Some(fingerprint) })
}

/// Was what lies here called up to date by `-t`? This comes before the store: what a run elsewhere has made under the key
/// takes nothing from it.
fn was_touched(premises: &Premises, observer: &Observer, fingerprint: &Fingerprint) -> Result<bool, Refusal> {
    let Some(touched) = premises.touched.find(fingerprint.digest()) else { return Ok(false) };
    let differs = touched.differs(&premises.root, &premises.contents, observer).map_err(PlanError::from)?;
    Ok(touched.fields == fingerprint.fields && differs.is_empty())
}

/// Decides by what the store has under the key; `is_last` says whether the last run here had that key.
fn by_kept(
    premises: &Premises,
    subject: Subject<'_>,
    fingerprint: Fingerprint,
    (kept, is_last): (Kept, bool),
    (observer, uses): (&Observer, &Uses),
) -> Result<Decided, Refusal> {
    let differs = kept.differs(&premises.root, &premises.contents, observer).map_err(PlanError::from)?;
    let reason = match differs.first() {
        None if is_last => {
            uses.add(fingerprint.digest());
            return Ok(Decided::Fresh);
        }
        None => RunReason::MadeBefore,
        Some(Difference::Changed { path } | Difference::Mode { path, .. })
            if patterns(premises, observer, subject.job, subject.key)?.matches(path) =>
        {
            // It is an input as well, so that someone's work may be in it: the task makes of it what it makes.
            let reason = RunReason::OutputChanged { path: path.to_string() };
            return Ok(Decided::Run { reason, fingerprint: Some(fingerprint) });
        }
        Some(Difference::Missing { path }) => RunReason::OutputMissing { path: path.to_string() },
        Some(Difference::Changed { path } | Difference::Mode { path, .. }) => {
            RunReason::OutputChanged { path: path.to_string() }
        }
    };
    Ok(Decided::Restore { reason, fingerprint, kept: Box::new(kept) })
}

/// May a result of the task be up to date? One that makes nothing always runs, unless it says otherwise.
fn is_cacheable(task: &OwnTask, job: &Job) -> bool {
    (task.cache || !job.outputs.is_empty()) && task.service.is_none() && !task.interactive
}

/// The first input that `-W` says was changed.
fn what_if(premises: &Premises, fingerprint: &Fingerprint) -> Option<String> {
    let list = input_list(premises, &fingerprint.fields)?;
    let is_input = |path: &&RelPath| {
        list.lines().any(|line| line.split_once(' ').is_some_and(|(_, one)| one == path.as_str()))
    };
    premises.wishes.new_files.iter().find(is_input).map(ToString::to_string)
}

/// Do nothing but files differ that `-o` says were not changed? Their outputs are then not looked at either, as with
/// make, and nothing is kept.
fn are_old(premises: &Premises, last: &BTreeMap<String, String>, now: &Fingerprint) -> bool {
    let old = &premises.wishes.old_files;
    if old.is_empty() {
        return false;
    }
    let changes = changes_by_name(premises, last, now);
    !changes.is_empty() && changes.iter().all(|change| old.iter().any(|path| path.as_str() == change.key))
}

/// What the result of an own task rests on.
///
/// # Errors
/// When a file or directory is there and cannot be read.
pub(crate) fn fingerprint(
    premises: &Premises,
    look: Look<'_>,
    subject: Subject<'_>,
) -> Result<Fingerprint, Refusal> {
    let Subject { id, key, task, .. } = subject;
    let job = &without_secrets(premises, task, subject.job);
    let mut fields = BTreeMap::from([
        ("kind".to_owned(), "own".to_owned()),
        ("task".to_owned(), id.to_owned()),
        ("envloom".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("platform".to_owned(), platform()),
        ("outputs".to_owned(), job.outputs.join(", ")),
    ]);
    let line = |words: &Vec<String>| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    fields.extend(job.steps.iter().enumerate().map(|(at, step)| (format!("command {}", at + 1), line(step))));
    fields
        .extend(job.finally.iter().enumerate().map(|(at, step)| (format!("finally {}", at + 1), line(step))));
    if let Ok(cwd) = &job.cwd {
        fields.insert("cwd".to_owned(), cwd.to_string());
    }
    fields.extend(variables(premises, look.observer, task, job));
    if let Some(cell) = &key.cell.cell {
        fields.extend(installed(premises, look.observer, cell).map_err(PlanError::from)?);
    }
    let inputs = inputs(premises, look, subject)?;
    let count = inputs.lines().count();
    fields.insert("inputs".to_owned(), format!("{count} files, {}", premises.contents.note_list(inputs)));
    // Nothing can be kept where an input lies where no walk goes.
    let outside = outside(premises, look.observer, subject.job, key)?;
    let uncacheable =
        outside.first().map(|path| format!("{} lies outside of the repository", premises.shown(path)));
    let unseen = || unseen(&premises.root, subject.job);
    let uncacheable = uncacheable.or_else(|| {
        unseen().map(|link| {
            format!("`{link}` among its inputs is a link to a directory, which hides what is behind it")
        })
    });
    Ok(Fingerprint { fields, uncacheable })
}

/// A job whose words hold no secret: one may have got into a command by a parameter, or into another variable.
fn without_secrets(premises: &Premises, task: &OwnTask, job: &Job) -> Job {
    let values = task.secrets.iter().filter_map(|name| premises.machine.variables.get(OsStr::new(name)));
    let values: Vec<&str> =
        values.filter_map(|value| value.to_str()).filter(|value| !value.is_empty()).collect();
    let hide = |text: &String| values.iter().fold(text.clone(), |text, value| text.replace(value, "***"));
    let lines = |lines: &[Vec<String>]| lines.iter().map(|line| line.iter().map(hide).collect()).collect();
    Job {
        steps: lines(&job.steps),
        finally: lines(&job.finally),
        env: job.env.iter().map(|(name, value)| (name.clone(), value.as_ref().map(hide))).collect(),
        outputs: job.outputs.iter().map(hide).collect(),
        ..job.clone()
    }
}

/// Declared variables, and those that this machine sets for all own tasks.
fn variables(
    premises: &Premises,
    observer: &Observer,
    task: &OwnTask,
    job: &Job,
) -> BTreeMap<String, String> {
    let shown = |value: &str| format!("{value:?}");
    let local = premises.local.iter().flat_map(|local| &local.env);
    let mut fields: BTreeMap<String, String> =
        local.map(|(name, value)| (format!("variable {name}"), shown(value))).collect();
    for (name, value) in job.env.iter().filter(|(name, _)| !task.secrets.contains(name)) {
        let value = if let Some(value) = value {
            shown(value)
        } else {
            observer.depend_on(name);
            let callers = premises.machine.variables.get(OsStr::new(name));
            callers.map_or_else(|| "unset".to_owned(), |value| shown(&value.to_string_lossy()))
        };
        fields.insert(format!("variable {name}"), value);
    }
    for (name, value) in &premises.machine.variables {
        let name = name.to_str().filter(|name| shapes_results(name) && !job.env.contains_key(*name));
        if let Some(name) = name {
            fields.entry(format!("variable {name}")).or_insert_with(|| shown(&value.to_string_lossy()));
        }
    }
    fields.extend(task.secrets.iter().map(|name| (format!("secret {name}"), "passed".to_owned())));
    fields
}

/// What a cell's venv holds.
fn installed(
    premises: &Premises,
    observer: &Observer,
    cell: &Cell,
) -> Result<BTreeMap<String, String>, FileError> {
    let slug = cell.slug(&premises.model);
    let mut fields = BTreeMap::from([("cell".to_owned(), slug.clone())]);
    if let Some(CellRecord { fields: synced, interpreter, .. }) = premises.cells().record(&slug, observer) {
        fields.insert("interpreter".to_owned(), interpreter.display().to_string());
        fields.extend(synced.get("python").map(|python| ("python".to_owned(), python.clone())));
    }
    for directory in site_packages(&premises.venv(cell), observer)? {
        for name in observer.list(&directory)? {
            if let Some(package) = name.strip_suffix(".dist-info").filter(|_| has_end(&name, "dist-info")) {
                let record = observer.read(&directory.join(&name).join("RECORD"))?.unwrap_or_default();
                let digest = content_of(&record);
                fields.insert(format!("installed {package}"), digest.short());
            } else if has_end(&name, "pth") {
                // Which directories are editable: their files are inputs.
                fields.insert(format!("installed {name}"), "path".to_owned());
            }
        }
    }
    Ok(fields)
}

/// The lines of a RECORD that are the same in every venv: not scripts, whose first line names the venv, nor what an
/// installer notes for itself.
fn content_of(record: &[u8]) -> Digest {
    const NOTES: [&str; 5] = ["/direct_url.json", "/INSTALLER", "/REQUESTED", "/RECORD", "/uv_cache.json"];
    let mut hasher = Hasher::new("envloom installed 1");
    let mut lines: Vec<&str> = std::str::from_utf8(record).unwrap_or_default().lines().collect();
    lines.sort_unstable();
    for line in lines {
        let file = line.split(',').next().unwrap_or_default();
        let own = file.starts_with("../") || has_end(file, "pth") || has_end(file, "pyc");
        if !own && !NOTES.iter().any(|note| file.ends_with(note)) {
            hasher.field(line);
        }
    }
    hasher.finish()
}

/// What differs between two fingerprints, the files among the inputs by name where both lists are still there.
pub(crate) fn changes_by_name(
    premises: &Premises,
    old: &BTreeMap<String, String>,
    new: &Fingerprint,
) -> Vec<FieldChange> {
    let mut changes = new.changes_since(old);
    let Some((before, after)) = input_list(premises, old).zip(input_list(premises, &new.fields)) else {
        return changes;
    };
    if changes.iter().any(|change| change.key == "inputs") {
        changes.retain(|change| change.key != "inputs");
        let by_path = |list: &str| -> BTreeMap<String, String> {
            let lines = list.lines().filter_map(|line| line.split_once(' '));
            lines.map(|(digest, path)| (path.to_owned(), digest.chars().take(12).collect())).collect()
        };
        changes.extend(super::fingerprint::changes(&by_path(&before), &by_path(&after)));
        changes.sort();
    }
    changes
}
