//! `cache`: where outputs of tasks are kept, how much it is, and what goes.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::call::Call;
use super::error::CliError;
use super::load::Stop;
use super::locate::Place;
use super::output::Output;
use crate::base::bytes_text;
use crate::cache::{
    Limits, Observer, OutputStore, Refused, Size, Store, check_owner, forget_memory, memory_size,
    store_directory, sweep_stage,
};
use crate::model::{CacheSettings, LocalModel};
use crate::plan::sweep_lists;
use crate::tool::Surroundings;

/// Bytes of outputs that are kept where nothing else is said.
const LIMIT: u64 = 10 << 30;

/// How long what nobody uses is kept where nothing else is said.
const AGE: Duration = Duration::from_hours(30 * 24);

/// How long somebody who asked for it waits for a prune.
const BUDGET: Duration = Duration::from_mins(5);

/// The word after `cache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Where.
    Dir,
    /// How much.
    Size,
    /// Remove what is beyond the limits.
    Prune,
    /// Remove all.
    Clean,
}

impl Word {
    /// The word of that name.
    pub(super) fn read(word: &str) -> Option<Self> {
        match word {
            "dir" => Some(Self::Dir),
            "size" => Some(Self::Size),
            "prune" => Some(Self::Prune),
            "clean" => Some(Self::Clean),
            _ => None,
        }
    }
}

/// Where the outputs of this repository are kept, and how much of them.
#[derive(Debug)]
pub(super) struct Kept {
    /// The directory, there or not.
    pub(super) directory: std::path::PathBuf,
    /// The store in it.
    pub(super) store: OutputStore,
    /// Of `tasks.local.kdl`, or the defaults.
    pub(super) limits: Limits,
}

/// The store of outputs of the repository at `place`.
///
/// # Errors
/// When nothing says where it is, or someone else could write into it.
pub(super) fn store_of(
    place: &Place,
    local: Option<&LocalModel>,
    surroundings: &Surroundings,
    observer: &Observer,
) -> Result<Kept, Stop> {
    let default = CacheSettings::default();
    let settings = local.map_or(&default, |local| &local.cache);
    let cache = match &settings.directory {
        Some(directory) => place.root.join(directory),
        None => surroundings.cache_home().ok_or(CliError::NoCachePlace)?,
    };
    let directory = store_directory(&cache, &place.root, observer)?;
    let refused = |found| CliError::ForeignStore { path: directory.clone(), found };
    check_owner(&directory).map_err(|why| match why {
        Refused::OtherOwner => refused("belongs to another user"),
        Refused::NoDirectory => refused("is no directory"),
        Refused::Writable => refused("can be written by others"),
    })?;
    Ok(Kept { store: OutputStore::new(&directory), directory, limits: limits(local) })
}

/// How much is kept, and for how long.
pub(super) fn limits(local: Option<&LocalModel>) -> Limits {
    let default = CacheSettings::default();
    let settings = local.map_or(&default, |local| &local.cache);
    Limits { bytes: settings.limit.or(Some(LIMIT)), age: settings.age.or(Some(AGE)) }
}

/// Carries out the verb.
///
/// # Errors
/// When the store may not be used, or cannot be read or written.
pub(super) fn carry_out(call: &Call<'_>, word: Word, output: &Output) -> Result<u8, Stop> {
    let surroundings = &call.process.surroundings;
    let kept = store_of(&call.place, call.local.as_ref(), surroundings, &call.observer)?;
    let state = call.place.state();
    let (store, memory, is_partial) = match word {
        Word::Dir => return Ok(directory(&kept.directory, output)),
        Word::Size => (kept.store.size()?, memory_size(&state)?, false),
        // What would go is not known without removing it, how much there is says the most.
        _ if call.arguments.dry_run => (kept.store.size()?, memory_size(&state)?, false),
        Word::Prune => {
            let pruned = kept.store.prune(kept.limits, BUDGET)?;
            let memory = swept(&state, kept.limits.age.unwrap_or(AGE))?;
            (pruned.removed, memory, pruned.is_partial)
        }
        Word::Clean => (kept.store.clean()?, forget_memory(&state)?, false),
    };
    if output.is_json() {
        let mut answer = json!({ "outputs": size_json(store), "memory": size_json(memory) });
        if is_partial {
            answer["partial"] = true.into();
        }
        return Ok(Output::answer(&answer));
    }
    let what = match word {
        Word::Prune | Word::Clean if !call.arguments.dry_run => "freed ",
        _ => "",
    };
    let row =
        |name: &str, size: Size| format!("{name:<10} {what}{} in {}\n", bytes_text(size.bytes), files(size));
    let more =
        if is_partial { "there is more to remove than there was time for: run it again\n" } else { "" };
    Ok(Output::data(&format!("{}{}{more}", row("outputs", store), row("memory", memory))))
}

/// What nothing refers to any more, and what killed runs left, is gone then; how much it was.
fn swept(state: &Path, age: Duration) -> Result<Size, Stop> {
    let store = Store::new(state.join("cache"));
    let parts = [store.prune(age)?, sweep_lists(state, &store)?, sweep_stage(state)?];
    let add = |sum: Size, one: Size| Size { files: sum.files + one.files, bytes: sum.bytes + one.bytes };
    Ok(parts.into_iter().fold(Size::default(), add))
}

fn directory(directory: &Path, output: &Output) -> u8 {
    if output.is_json() {
        return Output::answer(&json!({ "directory": directory.to_string_lossy() }));
    }
    Output::data(&format!("{}\n", directory.display()))
}

fn files(size: Size) -> String {
    if size.files == 1 { "1 file".to_owned() } else { format!("{} files", size.files) }
}

fn size_json(size: Size) -> Value {
    json!({ "files": size.files, "bytes": size.bytes })
}
