//! The one writer of `envloom.lock`.
//!
//! Several `generate` tasks, of this run and of others, each add their part, and so do verbs ([`change_record`]). So a write is a read, a change and a
//! whole-file write under a lock of its own, held only that long; nobody's part is lost.

use std::fs::{self, File};
use std::path::Path;

use crate::base::{FileError, SourceFile, clear_siblings, read_if_exists, write_whole};
use crate::exec::failure::TaskFailure;
use crate::ledger::{FILE_NAME, LedgerError, Owned, Record, prune};
use crate::manifest::Rendered;
use crate::plan::Premises;

/// Records that envloom wrote `manifest`, and the releases that the run found.
pub(super) fn record(premises: &Premises, manifest: &Rendered) -> Result<(), TaskFailure> {
    update(premises, |record| {
        merge(record, premises, manifest);
        Ok(())
    })
}

/// Records what an interrupted run wrote and noted, before the note makes room for the next one: cut off again,
/// that text would else look like someone's edit.
pub(super) fn recover(premises: &Premises, manifest: &Rendered) -> Result<(), TaskFailure> {
    if !premises.journal().has_manifest(&manifest.path) {
        return Ok(());
    }
    update(premises, |record| {
        Ok(premises.journal().recover_manifest(&premises.root, &manifest.path, record)?)
    })
}

/// The same for a task: what was read of the file before holds no longer.
fn update(
    premises: &Premises,
    change: impl FnOnce(&mut Record) -> Result<(), TaskFailure>,
) -> Result<(), TaskFailure> {
    change_record(&premises.root, &premises.state(), change)?;
    premises.observer.forget(&premises.root.join(FILE_NAME));
    Ok(())
}

/// Waits for the lock of the file; dropping what is returned gives it up.
///
/// # Errors
/// When the lock's file cannot be made or locked.
pub(crate) fn lock_record(state: &Path) -> Result<File, FileError> {
    let directory = state.join("locks");
    let path = directory.join("ledger.lock");
    let fail = |cause| FileError::new("lock", &path, cause);
    fs::create_dir_all(&directory).map_err(fail)?;
    let lock = File::create(&path).map_err(fail)?;
    lock.lock().map_err(fail)?;
    Ok(lock)
}

/// Reads, changes and writes the file below `root`, and lets nobody else do so meanwhile. Where `change` fails nothing
/// is written.
///
/// # Errors
/// Those of `change`; a file that cannot be locked, read or written.
pub(crate) fn change_record<E: From<FileError> + From<LedgerError>>(
    root: &Path,
    state: &Path,
    change: impl FnOnce(&mut Record) -> Result<(), E>,
) -> Result<(), E> {
    let _lock = lock_record(state)?;
    let place = root.join(FILE_NAME);
    let bytes = read_if_exists(&place)?.unwrap_or_default();
    let mut record = if bytes.is_empty() {
        Record::default()
    } else {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Record::parse(&SourceFile::new(FILE_NAME, text))?
    };
    change(&mut record)?;
    clear_siblings(&place)?;
    write_whole(&place, record.render().as_bytes())?;
    Ok(())
}

/// The run's releases beside those that another process may have added meanwhile, and the manifest's part; nothing of
/// pins and manifests that there are no more.
fn merge(record: &mut Record, premises: &Premises, manifest: &Rendered) {
    record.releases.extend(premises.record.releases.clone());
    *record = prune(&premises.model, std::mem::take(record));
    record.owned.retain(|path, _: &mut Owned| {
        premises.model.environments.iter().any(|environment| environment.manifest.value == *path)
    });
    record.owned.insert(manifest.path.clone(), manifest.owned.clone());
}
