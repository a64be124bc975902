//! `check`: under `--locked` the outputs of a task are what is committed, and a run must not change them.
//!
//! They are put aside, the task runs, what it made is compared with what was there and with the last commit (the tree
//! may hold what somebody generated and did not commit), and what was there is put back, whatever happened.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::outputs::{forget, patterns};
use crate::base::{Digest, FileError, RelPath, read_if_exists};
use crate::cache::{Before, Contents, Difference, Kept, Made, Observer, OutputStore};
use crate::exec::error::ExecError;
use crate::exec::failure::TaskFailure;
use crate::exec::work::{Done, Hand, OwnWork};
use crate::plan::{head_content, uncommitted};
use crate::tool::ToolError;

/// What is committed, aside for the time of a check.
pub(in crate::exec) struct Committed {
    place: PathBuf,
    store: OutputStore,
    kept: Kept,
}

/// Under `--locked` a task that says `check` must not change its outputs: they are put aside.
pub(in crate::exec) fn begin(hand: &Hand<'_>, work: &OwnWork<'_>) -> Result<Option<Committed>, TaskFailure> {
    if !(hand.premises.wishes.locked && work.task.check) {
        return Ok(None);
    }
    let place = hand.premises.state().join("stage").join(format!("check-{}", Digest::of(hand.id).short()));
    if place.exists() {
        // What is in the tree now may be what that run had half made.
        let shown = hand.premises.shown(&place);
        let cause =
            format!("an earlier check was cut off. See that they are as committed, then remove {shown}");
        return Err(ExecError::CheckImpossible { cause }.into());
    }
    let store = OutputStore::new(&place);
    let kept = set_aside(hand, work, &store)?;
    Ok(Some(Committed { place, store, kept }))
}

fn set_aside(hand: &Hand<'_>, work: &OwnWork<'_>, store: &OutputStore) -> Result<Kept, ExecError> {
    let outputs = patterns(&work.job.outputs);
    let made = Made {
        task: hand.id,
        fields: BTreeMap::new(),
        outputs: &outputs,
        before: &Before::default(),
        log: None,
        duration_ms: 0,
    };
    store.keep(Digest::of(hand.id), &hand.premises.root, made).map_err(impossible)
}

/// Puts back what is committed, and fails where the task would have changed it.
pub(in crate::exec) fn end(
    hand: &Hand<'_>,
    work: &OwnWork<'_>,
    committed: Option<Committed>,
    done: Result<Done, TaskFailure>,
) -> Result<Done, TaskFailure> {
    let Some(Committed { place, store, kept }) = committed else { return done };
    let premises = hand.premises;
    let made = set_aside(hand, work, &store);
    let contents = Contents::load(&premises.state().join("cache"));
    let differs = kept.differs(&premises.root, &contents, &Observer::new());
    let judged = made.as_ref().ok().zip(differs.as_ref().ok());
    let changed = judged.map(|(made, differs)| changes(&kept, made, differs)).unwrap_or_default();
    let shown = changed.first().map(|path| {
        let old = store.content(&kept, path).unwrap_or_default();
        difference(hand, &old, path)
    });
    let uncommitted = match &shown {
        Some(_) => Ok(None),
        None => uncommitted_now(hand, work),
    };
    // Before anything else is said: what is committed comes back, whatever the task has left.
    let put_back = store.restore(&kept, &premises.root, &premises.state().join("stage"), made.as_ref().ok());
    put_back.map_err(impossible)?;
    made?;
    differs.map_err(impossible)?;
    let uncommitted = uncommitted.map_err(impossible)?;
    std::fs::remove_dir_all(&place).map_err(|cause| FileError::new("remove", &place, cause))?;
    forget(hand, work);
    let task = || hand.id.to_owned();
    match (shown, uncommitted) {
        (Some(difference), _) if done.is_ok() => {
            let paths = listed(&changed);
            Err(ExecError::NotAsCommitted { paths, difference, task: task() }.into())
        }
        (None, Some((paths, difference))) if done.is_ok() => {
            Err(ExecError::NotCommitted { paths, difference, task: task() }.into())
        }
        _ => done,
    }
}

/// What lies in the tree now and differs from the last commit: the paths, and the first difference.
fn uncommitted_now(hand: &Hand<'_>, work: &OwnWork<'_>) -> Result<Option<(String, String)>, ToolError> {
    let paths = uncommitted(hand.premises, &patterns(&work.job.outputs))?;
    let Some(first) = paths.first() else { return Ok(None) };
    let old = head_content(hand.premises, first)?.unwrap_or_default();
    Ok(Some((listed(&paths), difference(hand, &old, first))))
}

fn listed(paths: &[RelPath]) -> String {
    paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The outputs that a run has changed, removed or added.
fn changes(before: &Kept, after: &Kept, differs: &[Difference]) -> Vec<RelPath> {
    let changed = differs.iter().filter_map(|difference| match difference {
        Difference::Missing { path } | Difference::Changed { path } => Some(path.clone()),
        // git knows of a mode only whether its owner may run the file.
        Difference::Mode { path, was, is } => ((was ^ is) & 0o100 != 0).then(|| path.clone()),
    });
    let is_new = |path: &RelPath| !before.outputs.iter().any(|output| output.path == *path);
    let added = after.outputs.iter().map(|output| output.path.clone()).filter(|path| is_new(path));
    changed.chain(added).collect()
}

/// The first lines that differ in one output.
fn difference(hand: &Hand<'_>, old: &[u8], path: &RelPath) -> String {
    const SHOWN: usize = 3;
    // A file that is gone, or cannot be read, shows as no lines.
    let new = read_if_exists(&path.under(&hand.premises.root)).ok().flatten().unwrap_or_default();
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (lines(old), lines(&new));
    let same = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let removed = old.iter().skip(same).take(SHOWN).map(|line| format!("- {line}"));
    let added = new.iter().skip(same).take(SHOWN).map(|line| format!("+ {line}"));
    let lines: Vec<String> = removed.chain(added).collect();
    format!("{path}:{}:\n{}", same + 1, lines.join("\n"))
}

fn impossible(error: impl std::fmt::Display) -> ExecError {
    ExecError::CheckImpossible { cause: error.to_string() }
}
