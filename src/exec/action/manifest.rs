//! `generate`: writes a manifest and the pin beside it.

use std::path::Path;

use super::child::remember;
use crate::base::{clear_siblings, read_if_exists, remove_if_exists, write_whole};
use crate::exec::failure::TaskFailure;
use crate::exec::ledger_file;
use crate::exec::work::{Done, Hand};
use crate::manifest::PythonVersionFile;
use crate::model::EnvironmentId;
use crate::plan::{Premises, Refusal, rendered};

/// Writes what was rendered, then `envloom.lock`. Until that has followed, the journal says what was begun.
pub(in crate::exec) fn generate(hand: &Hand<'_>, id: EnvironmentId) -> Result<Done, TaskFailure> {
    let premises = hand.premises;
    let manifest = rendered(premises, id)?;
    let place = manifest.path.under(&premises.root);
    let beside = place.with_file_name(".python-version");
    unmoved(premises, &place, manifest.old.as_deref(), Some(&manifest.text))?;
    match &manifest.python_version {
        PythonVersionFile::Leave => {}
        PythonVersionFile::Write(text) => {
            unmoved(premises, &beside, manifest.old_python_version.as_deref(), Some(text))?;
        }
        PythonVersionFile::Remove => {
            unmoved(premises, &beside, manifest.old_python_version.as_deref(), None)?;
        }
    }
    ledger_file::recover(premises, manifest)?;
    premises.journal().begin_manifest(&manifest.path, manifest.digest, &manifest.owned)?;
    clear_siblings(&place)?;
    clear_siblings(&beside)?;
    let mut written: Vec<String> = Vec::new();
    if write_whole(&place, manifest.text.as_bytes())? {
        written.push(manifest.path.to_string());
    }
    let pinned = match &manifest.python_version {
        PythonVersionFile::Leave => false,
        PythonVersionFile::Write(text) => write_whole(&beside, text.as_bytes())?,
        PythonVersionFile::Remove => remove_if_exists(&beside)?,
    };
    if pinned {
        written.push(premises.shown(&beside));
    }
    ledger_file::record(premises, manifest)?;
    premises.journal().end_manifest(&manifest.path)?;
    // The observer saw the old state; whoever decides next must look again.
    premises.observer.forget(&place);
    let note = match (written.as_slice(), manifest.changes.len()) {
        ([], _) => "envloom.lock".to_owned(),
        (files, 0 | 1) => files.join(", "),
        (files, entries) => format!("{}, {entries} entries", files.join(", ")),
    };
    remember(hand, std::collections::BTreeMap::new(), std::time::Duration::ZERO);
    Ok(Done { note: Some(note), ..Done::default() })
}

/// Refuses to write a file that is neither as it was `read` nor as it is `wanted`: someone wrote it since, and rendering
/// again is the only safe answer.
fn unmoved(
    premises: &Premises,
    place: &Path,
    read: Option<&str>,
    wanted: Option<&str>,
) -> Result<(), TaskFailure> {
    let now = read_if_exists(place)?;
    let is = |text: Option<&str>| now.as_deref() == text.map(str::as_bytes);
    if is(read) || is(wanted) { Ok(()) } else { Err(Refusal::moved(premises.shown(place)).into()) }
}
