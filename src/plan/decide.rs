//! Does a task run, and why? `run`, `-n`, `-v` and `explain` all ask here, so that what is explained is what
//! is done: decide and explain are one code path.
//!
//! Nothing is started or written. Files were read before, through the observer; a verdict is read here.

use super::cells::CellRecord;
use super::fingerprint::Fingerprint;
use super::reason::RunReason;
use super::venv::{VenvState, compare};
use crate::cache::Store;

/// What is done with a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It runs, for this reason.
    Run(RunReason),
    /// A success with just these inputs is on record.
    Fresh,
}

/// Decides a task whose whole result is a verdict: `lock`, `check`, `verify`.
///
/// The order: what was asked for (`-B`) needs no look at the cache; what cannot be fingerprinted must not be
/// answered from it, even where some older verdict would fit; then the verdict, and only for a reason the last runs
/// of `tasks`, which share one verdict: that of the run that differs least, since it was the last to be believed.
#[must_use]
pub(crate) fn decide(store: &Store, tasks: &[&str], fingerprint: &Fingerprint, forced: bool) -> Decision {
    if forced {
        return Decision::Run(RunReason::Forced);
    }
    if let Some(because) = &fingerprint.uncacheable {
        return Decision::Run(RunReason::NotCacheable { because: because.clone() });
    }
    // The fields are compared too: a file put under another name would else be believed.
    if store.verdict(fingerprint.digest()).is_some_and(|verdict| verdict.fields == fingerprint.fields) {
        return Decision::Fresh;
    }
    let last = tasks.iter().filter_map(|task| store.last(task));
    let changes =
        last.map(|last| fingerprint.changes_since(&last.fields)).min_by_key(Vec::len).unwrap_or_default();
    // No difference, and yet no verdict: its record is gone.
    Decision::Run(if changes.is_empty() { RunReason::NoRecord } else { RunReason::Changed { changes } })
}

/// What a sync is decided by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SyncInputs<'a> {
    /// The fingerprint of the sync as it would run now.
    pub(crate) fingerprint: &'a Fingerprint,
    /// What the last successful sync of the cell left.
    pub(crate) record: Option<&'a CellRecord>,
    /// The venv now.
    pub(crate) state: &'a VenvState,
    /// Is there the mark of a sync that was cut off?
    pub(crate) marked: bool,
    /// Was `-B` given?
    pub(crate) forced: bool,
    /// The venv's directory, relative to the root where it lies below it.
    pub(crate) venv: &'a str,
}

/// Decides a sync. A venv is an output, so its own state is asked, not the store.
///
/// The order: a mark first, even under `-B`, since it asks for more than a sync: the venv is rebuilt. Then what was
/// asked for, and whether there is a record at all. Then the venv before the inputs: one that is gone, or that
/// something else has changed, must be told whatever else has changed, because someone's work may be in it.
#[must_use]
pub(crate) fn decide_sync(inputs: &SyncInputs<'_>) -> Decision {
    if inputs.marked {
        return Decision::Run(RunReason::VenvInterrupted);
    }
    if inputs.forced {
        return Decision::Run(RunReason::Forced);
    }
    let Some(record) = inputs.record else {
        return Decision::Run(RunReason::NoRecord);
    };
    if inputs.state.config.is_none() {
        return Decision::Run(RunReason::OutputMissing { path: inputs.venv.to_owned() });
    }
    if let Some(found) = compare(&record.state, inputs.state) {
        return Decision::Run(RunReason::VenvChanged { found });
    }
    if let Some(because) = &inputs.fingerprint.uncacheable {
        return Decision::Run(RunReason::NotCacheable { because: because.clone() });
    }
    let changes = inputs.fingerprint.changes_since(&record.fields);
    if changes.is_empty() { Decision::Fresh } else { Decision::Run(RunReason::Changed { changes }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;
    use crate::cache::{LastRun, Verdict};
    use std::collections::BTreeMap;

    fn fingerprint(uv: &str) -> Fingerprint {
        Fingerprint { fields: BTreeMap::from([("uv".into(), uv.into())]), uncacheable: None }
    }

    fn succeed(store: &Store, fingerprint: &Fingerprint) {
        let fields = fingerprint.fields.clone();
        store
            .keep(fingerprint.digest(), &Verdict { task: "check:dev".into(), fields: fields.clone() })
            .unwrap();
        let run = LastRun { fields, duration_ms: 1, reason: serde_json::Value::Null, kept: None };
        store.note("check:dev", &run).unwrap();
    }

    #[test]
    fn a_miss_is_explained_by_the_last_run_that_fits_best() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path());
        succeed(&store, &fingerprint("0.13.9"));
        let ask = |tasks: &[&str]| decide(&store, tasks, &fingerprint("0.13.10"), false);
        assert_eq!(ask(&["lock:dev"]), Decision::Run(RunReason::NoRecord));
        let Decision::Run(RunReason::Changed { changes }) = ask(&["lock:dev", "check:dev"]) else {
            panic!("the check's run explains the lock");
        };
        assert_eq!(changes[0].to_string(), "uv: 0.13.9 -> 0.13.10");
    }

    #[test]
    fn a_verdict_is_fresh_until_a_field_changes_and_again_when_it_changes_back() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path());
        let (old, new) = (fingerprint("0.13.9"), fingerprint("0.13.10"));
        let ask = |fingerprint: &Fingerprint| decide(&store, &["check:dev"], fingerprint, false);
        assert_eq!(ask(&old), Decision::Run(RunReason::NoRecord));
        succeed(&store, &old);
        assert_eq!(ask(&old), Decision::Fresh);
        let Decision::Run(reason) = ask(&new) else { panic!("uv changed") };
        assert_eq!(reason.to_string(), "uv: 0.13.9 -> 0.13.10");
        succeed(&store, &new);
        assert_eq!(ask(&old), Decision::Fresh);
        assert_eq!(decide(&store, &["check:dev"], &old, true), Decision::Run(RunReason::Forced));
    }

    #[test]
    fn what_cannot_be_fingerprinted_is_never_fresh() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path());
        let mut one = fingerprint("0.13.9");
        succeed(&store, &one);
        one.uncacheable = Some("x has dynamic version".into());
        let decision = decide(&store, &["check:dev"], &one, false);
        assert_eq!(
            decision,
            Decision::Run(RunReason::NotCacheable { because: "x has dynamic version".into() })
        );
    }

    #[test]
    fn a_record_that_is_gone_or_of_other_fields_is_no_record() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path());
        let one = fingerprint("0.13.9");
        succeed(&store, &one);
        let other = Verdict { task: "check:dev".into(), fields: BTreeMap::new() };
        store.keep(one.digest(), &other).unwrap();
        assert_eq!(decide(&store, &["check:dev"], &one, false), Decision::Run(RunReason::NoRecord));
    }

    #[test]
    fn the_reasons_of_a_sync_come_in_their_order() {
        let state = VenvState { config: Some(Digest::of("c")), interpreter: None, entries: BTreeMap::new() };
        let (old, new) = (fingerprint("1"), fingerprint("2"));
        let record =
            CellRecord { fields: old.fields.clone(), state: state.clone(), interpreter: "/p".into() };
        let gone = VenvState { config: None, ..state.clone() };
        let other = VenvState { config: Some(Digest::of("d")), ..state.clone() };
        let base = SyncInputs {
            fingerprint: &old,
            record: Some(&record),
            state: &state,
            marked: false,
            forced: false,
            venv: ".venv",
        };
        let reason = |inputs: SyncInputs<'_>| match decide_sync(&inputs) {
            Decision::Run(reason) => reason.to_string(),
            Decision::Fresh => "fresh".to_owned(),
        };
        assert_eq!(reason(base), "fresh");
        assert_eq!(reason(SyncInputs { fingerprint: &new, ..base }), "uv: 1 -> 2");
        let changed = SyncInputs { fingerprint: &new, state: &other, ..base };
        assert_eq!(reason(changed), "the venv was changed by something else: pyvenv.cfg differs");
        assert_eq!(reason(SyncInputs { state: &gone, ..changed }), ".venv is missing");
        assert_eq!(reason(SyncInputs { record: None, ..changed }), "no record of it here");
        assert_eq!(reason(SyncInputs { forced: true, ..changed }), "forced by -B");
        let marked = SyncInputs { marked: true, forced: true, ..changed };
        assert_eq!(reason(marked), "its last sync was cut off, the venv is rebuilt");
    }
}
