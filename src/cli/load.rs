//! Reading `tasks.kdl`, `tasks.local.kdl`, `envloom.lock` and the manifests. Everything goes through the observer,
//! so that the compiled plan rests on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use miette::Diagnostic;

use super::error::CliError;
use super::found::found;
use super::locate::Place;
use crate::base::{Hasher, RelPath, SourceFile, read_if_exists};
use crate::cache::{FileChange, Journal, Observer, recall, remember};
use crate::config::{self, Config, ConfigError};
use crate::ledger::{self, Record};
use crate::manifest::OnDisk;
use crate::model::{self, EnvironmentId, Kept, LocalModel, Model};
use crate::tool::Surroundings;
use crate::tool::memo::place as memo_place;

/// What stops a call, whatever room it comes from.
pub(super) type Stop = Box<dyn Diagnostic + Send + Sync>;

/// The file beside `tasks.kdl` that is never committed.
pub(super) const LOCAL_FILE: &str = "tasks.local.kdl";

/// A shorter text is parsed sooner than a file is written.
const LONG: usize = 8 * 1024;

/// Reads both configuration files.
///
/// # Errors
/// Every mistake of the first stage that has one.
pub(super) fn models(
    place: &Place,
    surroundings: &Surroundings,
    observer: &Observer,
) -> Result<(Model, Option<LocalModel>), Stop> {
    let source =
        text(place, &place.file_name, observer)?.ok_or_else(|| CliError::NotAFile { path: place.file() })?;
    let config = parsed(place, surroundings, &source)?;
    let model = meant(&place.root, config, observer)?;
    let local = match text(place, LOCAL_FILE, observer)? {
        Some(source) => Some(model::resolve_local(config::parse_local(&source)?, &model)?),
        None => None,
    };
    Ok((model, local))
}

/// What a text of `tasks.kdl` means in the repository at `root`.
///
/// # Errors
/// Every mistake of the first stage that has one.
pub(super) fn model_of(root: &Path, source: &SourceFile, observer: &Observer) -> Result<Model, Stop> {
    meant(root, config::parse(source)?, observer)
}

fn meant(root: &Path, config: Config, observer: &Observer) -> Result<Model, Stop> {
    let found = found(root, &config, observer)?;
    Ok(model::resolve(config, &found)?)
}

/// What `tasks.kdl` says. A long one is remembered in the user's cache: the same text says the same, and to parse it costs
/// a shell's completion more than everything else. Not in the repository, where a stranger's commit could bring another.
fn parsed(place: &Place, surroundings: &Surroundings, source: &SourceFile) -> Result<Config, Stop> {
    let file = memo_place(surroundings, &place.file(), "config").filter(|_| source.text().len() >= LONG);
    let Some(file) = file else { return Ok(config::parse(source)?) };
    let mut hasher = Hasher::new(concat!("envloom config ", env!("CARGO_PKG_VERSION")));
    let key = hasher.field(config::FORM.to_le_bytes()).field(source.text()).finish();
    if let Some(known) = recall::<Config>(&file, key) {
        return Ok(Config { source: source.clone(), ..known });
    }
    let config = config::parse(source)?;
    // What cannot be remembered is parsed again.
    let _ = remember(&file, key, &config);
    Ok(config)
}

/// A configuration file, by its name in the root; `None` when it is absent.
fn text(place: &Place, name: &str, observer: &Observer) -> Result<Option<SourceFile>, Stop> {
    let path = place.root.join(name);
    if observer.stat(&path)?.is_none() {
        return Ok(None);
    }
    let metadata =
        fs::metadata(&path).map_err(|cause| crate::base::FileError::new("look at", &path, cause))?;
    if !metadata.is_file() {
        // Reading a pipe would wait for ever.
        return Err(CliError::NotAFile { path }.into());
    }
    if usize::try_from(metadata.len()).map_or(true, |size| size > config::MAX_BYTES) {
        return Err(ConfigError::too_large(name, metadata.len()).into());
    }
    Ok(Some(config::from_bytes(name, observer.read(&path)?.unwrap_or_default())?))
}

/// `envloom.lock`, and what an interrupted run had begun to write besides.
///
/// # Errors
/// When it cannot be read as one.
pub(super) fn record(place: &Place, model: &Model, observer: &Observer) -> Result<Record, Stop> {
    let bytes = observer.read(&place.root.join(ledger::FILE_NAME))?;
    let mut record = match bytes {
        None => Record::default(),
        Some(bytes) => {
            let text = String::from_utf8(bytes).map_err(|error| CliError::NotUtf8 {
                path: ledger::FILE_NAME.into(),
                offset: error.utf8_error().valid_up_to(),
            })?;
            Record::parse(&SourceFile::new(ledger::FILE_NAME, text))?
        }
    };
    let journal = Journal::new(&place.state());
    for environment in model.environments.iter().filter(|environment| environment.is_written()) {
        journal.recover_manifest(&place.root, &environment.manifest.value, &mut record)?;
    }
    Ok(record)
}

/// `envloom.lock` as it is, and with a change.
///
/// # Errors
/// When it cannot be read, and those of `change`.
pub(super) fn record_change(
    place: &Place,
    change: impl FnOnce(&mut Record) -> Result<(), Stop>,
) -> Result<FileChange, Stop> {
    let path = RelPath::parse(ledger::FILE_NAME).expect("the file's name is a path");
    let before = read_if_exists(&path.under(&place.root))?;
    let mut record = match &before {
        Some(bytes) if !bytes.is_empty() => {
            Record::parse(&SourceFile::new(ledger::FILE_NAME, String::from_utf8_lossy(bytes).into_owned()))?
        }
        _ => Record::default(),
    };
    change(&mut record)?;
    Ok(FileChange { path, before, after: Some(record.render().into_bytes()) })
}

/// The manifests that envloom writes, those that it makes others from, and what lies beside them.
///
/// # Errors
/// When one is there and cannot be read as text.
pub(super) fn on_disk(
    root: &Path,
    model: &Model,
    observer: &Observer,
) -> Result<BTreeMap<EnvironmentId, OnDisk>, Stop> {
    let read = |path: &Path| -> Result<Option<String>, Stop> {
        if observer.stat(path)?.is_some() && !path.is_file() {
            return Err(CliError::NotAFile { path: path.to_owned() }.into());
        }
        let Some(bytes) = observer.read(path)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|error| CliError::NotUtf8 {
            path: path.strip_prefix(root).unwrap_or(path).to_owned(),
            offset: error.utf8_error().valid_up_to(),
        })?;
        Ok(Some(text))
    };
    let mut found = BTreeMap::new();
    let origins: BTreeSet<EnvironmentId> = model
        .environments
        .iter()
        .filter_map(|environment| match environment.kept {
            Kept::Derived(origin) => Some(origin),
            Kept::Generated | Kept::Adopted => None,
        })
        .collect();
    for (id, environment) in model.environments() {
        if !environment.is_written() && !origins.contains(&id) {
            continue;
        }
        let directory = environment.directory().under(root);
        found.insert(
            id,
            OnDisk {
                manifest: read(&environment.manifest.value.under(root))?,
                uv_toml: read(&directory.join("uv.toml"))?,
                python_version: read(&directory.join(".python-version"))?,
            },
        );
    }
    Ok(found)
}
