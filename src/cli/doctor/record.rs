//! `envloom.lock`: what it lacks, and what nothing asks for.

use super::finding::{Finding, Mend, Place};
use super::ground::Ground;
use super::trouble::Trouble;
use crate::ledger::{FILE_NAME, Record, missing, prune};
use crate::model::Model;

/// Looks at it.
pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let Some(record) = &ground.record else { return Vec::new() };
    let model = &ground.call.model;
    let mut findings = Vec::new();
    for need in missing(model, record, |_| true) {
        let environment = ground.name(need.environment).to_owned();
        findings.push(Finding {
            mend: Mend::Type(format!("envloom lock:{environment}")),
            place: Place::span(&model.source, need.span),
            trouble: Trouble::ReleaseUnrecorded {
                release: format!("{} {}", need.key.package, need.key.reference),
                environment,
            },
        });
    }
    let bytes = ground.call.observer.read(&ground.call.place.root.join(FILE_NAME)).ok().flatten();
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    for entry in unused(model, record) {
        findings.push(Finding {
            place: Place::offset(FILE_NAME, &text, text.find(&format!("\"{entry}\""))),
            trouble: Trouble::RecordUnused { entry },
            mend: Mend::Type("envloom doctor --fix".to_owned()),
        });
    }
    findings
}

/// The entries that nothing asks for, by their keys. A `tasks.kdl` without environments was hardly meant so: it says
/// nothing of any entry.
fn unused(model: &Model, record: &Record) -> Vec<String> {
    if model.environments.is_empty() {
        return Vec::new();
    }
    let kept = pruned(model, record.clone());
    let releases = record.releases.keys().filter(|key| !kept.releases.contains_key(key));
    let releases = releases.map(|key| format!("{} {}", key.package, key.reference));
    let owned = record.owned.keys().filter(|path| !kept.owned.contains_key(path));
    releases.chain(owned.map(ToString::to_string)).collect()
}

/// The record with what is asked for only.
pub(super) fn pruned(model: &Model, record: Record) -> Record {
    let mut record = prune(model, record);
    record
        .owned
        .retain(|path, _| model.environments.iter().any(|environment| environment.manifest.value == *path));
    record
}
