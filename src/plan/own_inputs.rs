//! Own tasks: which files the result of one rests on.
//!
//! Comes in: what a task declares, and its cell. Goes out: the list of those files with their digests, one a line, for
//! the field `inputs` of its fingerprint, and that list again to explain a difference. The rules are in the header of `own`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::closure::closure;
use super::error::PlanError;
use super::own::{Look, Subject};
use super::premises::Premises;
use super::refusal::Refusal;
use crate::base::{FileError, Patterns, RelPath};
use crate::cache::{Observer, Size, Store, sweep};
use crate::graph::OwnKey;
use crate::model::Job;

/// The list of the files that a task's result rests on.
pub(super) fn inputs(premises: &Premises, look: Look<'_>, subject: Subject<'_>) -> Result<String, Refusal> {
    let job = subject.job;
    let patterns = patterns(premises, look.observer, job, subject.key)?;
    let outputs = Patterns::parse(job.outputs.iter().map(String::as_str)).unwrap_or_default();
    let mut files: BTreeSet<RelPath> =
        look.walk.files(&patterns, look.observer).map_err(PlanError::from)?.iter().cloned().collect();
    files.extend(made(&patterns, look, &job.made)?);
    let mut list = String::new();
    for path in files.iter().filter(|path| !outputs.matches(path)) {
        let digest = premises.contents.input(&premises.root, path, look.observer).map_err(PlanError::from)?;
        if let Some(digest) = digest {
            // Writing to a String cannot fail.
            let _ = writeln!(list, "{digest} {path}");
        }
    }
    Ok(list)
}

/// What tasks before this one make and its inputs mean, whether or not git ignores it: the directories that their
/// patterns begin with are named in full, and what is named counts.
fn made(inputs: &Patterns, look: Look<'_>, texts: &[String]) -> Result<Vec<RelPath>, Refusal> {
    let mut found = Vec::new();
    for text in texts {
        let (Ok(made), start) = (Patterns::parse([text.as_str()]), plain_start(text)) else { continue };
        let Ok(below) = Patterns::parse([start.as_str()]) else { continue };
        let files = look.walk.files(&below, look.observer).map_err(PlanError::from)?;
        found.extend(files.iter().filter(|path| made.matches(path) && inputs.matches(path)).cloned());
    }
    Ok(found)
}

/// The path that a pattern begins with, before its first wildcard; `**` where it may lie anywhere.
fn plain_start(text: &str) -> String {
    let plain: Vec<&str> = text.split('/').take_while(|part| !part.contains(['*', '?', '['])).collect();
    match plain.join("/") {
        start if start.is_empty() => "**".to_owned(),
        start => start,
    }
}

/// The patterns of a task's inputs, with everything in them that stands for several.
pub(crate) fn patterns(
    premises: &Premises,
    observer: &Observer,
    job: &Job,
    key: &OwnKey,
) -> Result<Patterns, Refusal> {
    let cwd = job.cwd.clone().unwrap_or_else(|_| RelPath::root());
    let below = |directory: &RelPath| {
        if directory.is_root() { "**".to_owned() } else { format!("{}/", literally(directory.as_str())) }
    };
    let mut texts = Vec::new();
    let close = |texts: &mut Vec<String>| -> Result<(), Refusal> {
        let (found, _) = closure(premises, observer, key.cell.cell.as_ref(), &cwd)?;
        texts.extend(found.iter().map(below));
        Ok(())
    };
    if let Some(declared) = &job.inputs {
        for text in declared {
            if text == "@closure" { close(&mut texts)? } else { texts.push(text.clone()) }
        }
    } else {
        texts.push(below(&cwd));
        if key.cell.cell.is_some() {
            close(&mut texts)?;
        }
    }
    texts.extend(programs(job, &cwd).map(|program| literally(program.as_str())));
    // What a value of the call spoils was refused when the graph was made.
    Ok(Patterns::parse(texts.iter().map(String::as_str)).unwrap_or_default())
}

/// The programs that steps name by a path of the repository.
fn programs<'j>(job: &'j Job, cwd: &'j RelPath) -> impl Iterator<Item = RelPath> + 'j {
    let steps = job.steps.iter().chain(&job.finally).filter_map(|step| step.first());
    steps.filter(|program| program.contains('/')).filter_map(|program| cwd.join(program).ok())
}

/// A path as a pattern that means just it.
fn literally(path: &str) -> String {
    // A `!` in front would take out.
    let mut text = if path.starts_with('!') { "./".to_owned() } else { String::new() };
    for character in path.chars() {
        match character {
            '*' | '?' | '[' => {
                text.extend(['[', character, ']']);
            }
            plain => text.push(plain),
        }
    }
    text
}

/// The path dependencies among a task's inputs that lie outside of the root.
pub(super) fn outside(
    premises: &Premises,
    observer: &Observer,
    job: &Job,
    key: &OwnKey,
) -> Result<Vec<PathBuf>, Refusal> {
    let closed = job
        .inputs
        .as_ref()
        .map_or(key.cell.cell.is_some(), |inputs| inputs.iter().any(|text| text == "@closure"));
    if !closed {
        return Ok(Vec::new());
    }
    let cwd = job.cwd.clone().unwrap_or_else(|_| RelPath::root());
    let (_, outside) = closure(premises, observer, key.cell.cell.as_ref(), &cwd)?;
    Ok(outside)
}

/// The first directory among a task's inputs that is a link: what lies behind it is not seen. Files that are named in
/// full are, where nothing but such files is named.
pub(super) fn unseen(root: &Path, job: &Job) -> Option<String> {
    let declared = job.inputs.iter().flatten().map(String::as_str);
    let texts: Vec<&str> = declared.filter(|text| *text != "@closure" && !text.starts_with('!')).collect();
    let patterns = Patterns::parse(texts.iter().copied()).ok()?;
    let are_files = patterns.only_literals().is_some();
    texts.into_iter().find_map(|text| {
        let place = root.join(text);
        match place.is_dir() {
            true if place.is_symlink() => Some(text.trim_end_matches('/').to_owned()),
            false if are_files => None,
            _ => link_before(root, text),
        }
    })
}

/// The first link to a directory on the way to what a pattern means: neither the store nor a walk enters
/// one.
pub(crate) fn link_before(root: &Path, text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let plain = parts.iter().take_while(|part| !part.contains(['*', '?', '['])).count();
    // The last part of a path in full may be a link itself: it is kept as one.
    let directories = if plain == parts.len() { plain.saturating_sub(1) } else { plain };
    let mut place = root.to_owned();
    for part in &parts[..directories] {
        place.push(part);
        if place.is_symlink() {
            return Some(place.strip_prefix(root).unwrap_or(&place).display().to_string());
        }
    }
    None
}

/// The list behind the field `inputs`: of this run, or as it was kept. It serves to explain, so that one that is gone
/// is no error.
pub(crate) fn input_list(premises: &Premises, fields: &BTreeMap<String, String>) -> Option<Arc<str>> {
    let digest = fields.get("inputs")?.rsplit(' ').next()?;
    premises
        .contents
        .list(digest)
        .or_else(|| std::fs::read_to_string(list_path(&premises.state(), digest)).ok().map(Arc::from))
}

/// Where the list of inputs with that digest is kept.
pub(crate) fn list_path(state: &Path, digest: &str) -> PathBuf {
    let name: String = digest.chars().filter(char::is_ascii_hexdigit).collect();
    state.join("cache/inputs").join(name)
}

/// Removes lists that no task's last run here was made from: nothing is explained by them any more.
///
/// # Errors
/// When they cannot be listed or removed.
pub(crate) fn sweep_lists(state: &Path, store: &Store) -> Result<Size, FileError> {
    let lasts = store.lasts()?;
    let digests = lasts.iter().filter_map(|last| last.fields.get("inputs")?.rsplit(' ').next());
    let in_use: BTreeSet<PathBuf> = digests.map(|digest| list_path(state, digest)).collect();
    sweep(&state.join("cache/inputs"), &|path| !in_use.contains(path))
}
