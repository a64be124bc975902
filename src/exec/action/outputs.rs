//! What own tasks leave behind: kept in the store, put back from there.
//!
//! A store that fails costs time, never the result: whatever goes wrong here is a notice, and the task has run, or
//! runs. Nothing is kept of a run whose inputs moved meanwhile, that was given words, that passed over a failure, or
//! that met the end of some resource of the machine: its success may not be what the inputs make.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::child::{log, notice, remember, remember_kept};
use crate::base::{Digest, Patterns, RelPath, write_cached, write_whole};
use crate::cache::{Before, Kept, Made, Observer};
use crate::event::millis;
use crate::exec::failure::TaskFailure;
use crate::exec::output::clean_line;
use crate::exec::work::{Done, Hand, OwnWork, Said};
use crate::plan::{
    Look, Subject, changes_by_name, input_list, inputs_of, link_before, list_path, own_fingerprint,
};

/// What a program prints when the machine has no more of something. A tool that goes on after that may have left half
/// of its work.
const SHORTAGES: [&str; 7] = [
    "No space left on device",
    "Cannot allocate memory",
    "Too many open files",
    "Resource temporarily unavailable",
    "Disk quota exceeded",
    "Read-only file system",
    "Input/output error",
];

/// Puts back what is in the store, and says what the task printed when it ran. `None`: it has to run.
pub(in crate::exec) fn restore(hand: &Hand<'_>, work: &OwnWork<'_>, kept: &Kept) -> Option<Done> {
    let premises = hand.premises;
    if kept.log.is_some() && premises.outputs.log(kept).is_none() {
        let message = "the store no longer has its log".to_owned();
        notice(hand, "envloom::cache::not_restored", message, Some("it runs instead".to_owned()));
        return None;
    }
    let stage = premises.state().join("stage");
    let restored = premises.outputs.restore(kept, &premises.root, &stage, former(hand).as_ref());
    forget(hand, work);
    if let Some(fingerprint) = hand.fingerprint {
        premises.outputs.note_use(fingerprint.digest());
    }
    if let Err(error) = restored {
        let help = Some("it runs instead".to_owned());
        notice(hand, "envloom::cache::not_restored", error.to_string(), help);
        return None;
    }
    let printed = premises.outputs.log(kept).unwrap_or_default();
    for line in printed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        hand.context.report(Said::Line(clean_line(line, hand.colour)));
    }
    if let Err(error) = write_whole(hand.log, &printed) {
        notice(hand, "envloom::cache::not_written", error.to_string(), None);
    }
    remember(hand, kept.fields.clone(), std::time::Duration::from_millis(kept.duration_ms));
    keep_inputs(hand, &kept.fields);
    Some(Done { restored: true, log: Some(log(hand)), ..Done::default() })
}

/// `-t`: what is there counts as what the task would make.
pub(in crate::exec) fn touch(hand: &Hand<'_>, work: &OwnWork<'_>) -> Done {
    let last = hand.premises.store.last(hand.id).map_or(0, |last| last.duration_ms);
    let done = Done { took: std::time::Duration::from_millis(last), ..Done::default() };
    let note = match hand.fingerprint {
        Some(_) => {
            let touched = &hand.premises.touched;
            keep_by(hand, work, (&done, &Before::default()), |key, root, made| {
                // What the last run here has made is what the next one clears away.
                let former = hand.premises.store.last(hand.id).and_then(|last| last.kept);
                touched.record(key, root, made).map(|_| former)
            });
            "touched, not run"
        }
        None => "not run; it is never up to date",
    };
    Done { touched: true, note: Some(note.to_owned()), ..done }
}

/// The record of what the task left here before.
fn former(hand: &Hand<'_>) -> Option<Kept> {
    let last = hand.premises.store.last(hand.id)?;
    hand.premises.outputs.find(last.kept?)
}

/// Before the task runs: what its last run here wrote goes, so that it is not taken for what this one writes. What git
/// tracks, what the task reads and what someone has changed stays. Says what lies there then.
pub(in crate::exec) fn clear(hand: &Hand<'_>, work: &OwnWork<'_>) -> Result<Before, TaskFailure> {
    let premises = hand.premises;
    let outputs = patterns(&work.job.outputs);
    if hand.fingerprint.is_none() || outputs.is_empty() {
        return Ok(Before::default());
    }
    if let Some(former) = former(hand).filter(|former| !former.outputs.is_empty())
        && let Some(git) = premises.machine.git.as_ref()
        && let Some(tracked) = premises.tracked.paths(git, &premises.root)
    {
        let named = work.job.inputs.iter().flatten().filter(|text| *text != "@closure");
        let named = Patterns::parse(named.map(String::as_str)).unwrap_or_default();
        let may_go = |path: &RelPath| {
            outputs.matches(path) && !named.matches(path) && !path.lineage().any(|one| tracked.contains(&one))
        };
        let needs = |directory: &RelPath| work.job.cwd.as_ref().is_ok_and(|cwd| cwd.is_in(directory));
        let may_empty = |directory: &RelPath| outputs.matches_directory(directory) && !needs(directory);
        former.clear(&premises.root, &premises.contents, &may_go, &may_empty)?;
        forget(hand, work);
    }
    let inputs = inputs_of(premises, &premises.observer, work.job, work.key)?;
    let inputs = premises.walk.files(&inputs, &premises.observer)?;
    // What cannot be an output is said once the task has run.
    Ok(Before::look(&premises.root, &outputs, &inputs).unwrap_or_default())
}

/// What the task has changed is looked at anew: its outputs, or where it declares none, everything.
pub(in crate::exec) fn forget(hand: &Hand<'_>, work: &OwnWork<'_>) {
    let premises = hand.premises;
    let everything = ["**".to_owned()];
    let texts = if work.job.outputs.is_empty() { everything.as_slice() } else { &work.job.outputs };
    let changed = patterns(texts);
    premises.walk.forget(&changed, &premises.observer);
    if let Some(files) = changed.only_literals() {
        for file in files {
            premises.observer.forget_below(&file.under(&premises.root), |_| true);
        }
        return;
    }
    premises.observer.forget_below(&premises.root, |path| {
        let inside = path.strip_prefix(&premises.root).ok().and_then(|inside| inside.to_str());
        inside.and_then(|inside| RelPath::parse(inside).ok()).is_some_and(|inside| changed.matches(&inside))
    });
}

/// Keeps what the task has left, if it is what its inputs make.
pub(in crate::exec) fn keep(hand: &Hand<'_>, work: &OwnWork<'_>, done: &Done, lay: &Before) {
    let outputs = &hand.premises.outputs;
    keep_by(hand, work, (done, lay), |key, root, made| outputs.keep(key, root, made).map(|_| Some(key)));
}

/// The same by what `put` does, which says under which key lies what the task itself has left.
fn keep_by<E: std::fmt::Display>(
    hand: &Hand<'_>,
    work: &OwnWork<'_>,
    (done, lay): (&Done, &Before),
    put: impl FnOnce(Digest, &Path, Made<'_>) -> Result<Option<Digest>, E>,
) {
    let premises = hand.premises;
    let took = done.took;
    let Some(before) = hand.fingerprint.filter(|_| !done.unsure) else {
        remember(hand, BTreeMap::new(), took);
        return;
    };
    let unkept = |code: &'static str, message: String, help: Option<String>| {
        notice(hand, code, message, help);
        remember(hand, BTreeMap::new(), took);
    };
    let (observer, walk) = (Observer::new(), premises.walk.anew());
    let after =
        match own_fingerprint(premises, Look { walk: &walk, observer: &observer }, subject(hand, work)) {
            Ok(after) => after,
            Err(refusal) => return unkept("envloom::cache::not_written", refusal.to_string(), None),
        };
    if let Some(moved) = changes_by_name(premises, &before.fields, &after).first() {
        let message = format!("{} changed while it ran, so nothing is kept", moved.key);
        return unkept(
            "envloom::cache::inputs_moved",
            message,
            Some("run the same command again".to_owned()),
        );
    }
    if let Some(shortage) = shortage(hand) {
        let message = format!("it printed \"{shortage}\", so nothing is kept");
        return unkept("envloom::cache::shortage", message, Some("make room, and run it again".to_owned()));
    }
    let outputs = patterns(&work.job.outputs);
    if let Some(missing) =
        outputs.literals().find(|path| path.under(&premises.root).symlink_metadata().is_err())
    {
        let message = format!("it did not make its output `{missing}`, so nothing is kept");
        return unkept("envloom::cache::output_missing", message, None);
    }
    if let Some(link) = work.job.outputs.iter().find_map(|text| link_before(&premises.root, text)) {
        let message = format!("its outputs lie behind the link `{link}`, so nothing is kept");
        return unkept("envloom::cache::not_kept", message, None);
    }
    let made = Made {
        task: hand.id,
        fields: before.fields.clone(),
        outputs: &outputs,
        before: lay,
        log: done.log.as_deref(),
        duration_ms: millis(took),
    };
    match put(before.digest(), &premises.root, made) {
        Ok(kept) => {
            remember_kept(hand, before.fields.clone(), took, kept);
            keep_inputs(hand, &before.fields);
        }
        Err(error) => unkept("envloom::cache::not_kept", error.to_string(), None),
    }
}

fn subject<'a>(hand: &'a Hand<'_>, work: &'a OwnWork<'_>) -> Subject<'a> {
    Subject { id: hand.id, key: work.key, task: work.task, job: work.job }
}

/// The list of inputs, to explain the next run by.
fn keep_inputs(hand: &Hand<'_>, fields: &BTreeMap<String, String>) {
    let digest = fields.get("inputs").and_then(|field| field.rsplit(' ').next());
    let list = input_list(hand.premises, fields);
    let Some((digest, list)) = digest.zip(list) else { return };
    let path = list_path(&hand.premises.state(), digest);
    // Its name is its content's digest: one that is there is the same.
    if !path.exists()
        && let Err(error) = write_cached(&path, list.as_bytes())
    {
        notice(hand, "envloom::cache::not_written", error.to_string(), None);
    }
}

/// The first shortage that the task's log tells of.
fn shortage(hand: &Hand<'_>) -> Option<&'static str> {
    let printed = fs::read(hand.log).unwrap_or_default();
    SHORTAGES.into_iter().find(|words| contains(&printed, words.as_bytes()))
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}

/// The patterns of texts that were judged when the graph was made.
pub(super) fn patterns(texts: &[String]) -> Patterns {
    Patterns::parse(texts.iter().map(String::as_str)).unwrap_or_default()
}
