//! `verify`: the integrity rules on the lockfile; reads only and starts nothing.

use std::time::Instant;

use super::child::keep_if_unmoved;
use crate::base::SourceFile;
use crate::base::counted;
use crate::exec::failure::TaskFailure;
use crate::exec::work::{Done, Hand};
use crate::ledger::{self, Lockfile, VerifyError};
use crate::model::EnvironmentId;
use crate::plan::verification;

/// Reads the lockfile and judges it.
pub(in crate::exec) fn verify(hand: &Hand<'_>, id: EnvironmentId) -> Result<Done, TaskFailure> {
    let began = Instant::now();
    let premises = hand.premises;
    let environment = premises.model.environment(id).name.value.as_str();
    let path = premises.lockfile(id)?;
    let bytes = premises.observer.read(&path.under(&premises.root))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lockfile =
        Lockfile::parse(&SourceFile::new(path.as_str(), text), environment).map_err(TaskFailure::found)?;
    let findings = ledger::verify(&premises.model, id, &premises.record, &lockfile, &premises.root);
    if let Some(error) = VerifyError::of(environment, &premises.model.source, findings) {
        return Err(TaskFailure::found(error));
    }
    keep_if_unmoved(hand, &verification(premises, id)?, &[], began.elapsed());
    let note = counted(lockfile.packages.len(), "package", "packages");
    Ok(Done { note: Some(note), ..Done::default() })
}
