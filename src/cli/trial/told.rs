//! What a trial that passed would change, told to a reader and to a program.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::diff::{self, Reading};
use super::super::hunk::hunk;
use super::super::output::Output;
use super::Passed;
use super::mirror::Mirror;
use crate::base::{RelPath, counted, printable};
use crate::cache::FileChange;
use crate::ledger::{Difference, FILE_NAME, difference};
use crate::model::{EnvironmentId, Model};

impl Passed {
    /// Prints what changes: the lines of `tasks.kdl` and of manifests, the versions of lockfiles.
    pub(in crate::cli) fn print(&self) -> u8 {
        let mut text = String::new();
        // What is in these follows from the others.
        let is_told = |change: &&FileChange| ![FILE_NAME, ".gitmodules"].contains(&change.path.as_str());
        for change in self.files.iter().filter(is_told) {
            let lines = match self.locked.get(&change.path).map(Difference::of_lockfiles) {
                Some(difference) if difference.is_empty() => {
                    format!(
                        "every version is as it was ({})\n",
                        counted(difference.agreeing, "package", "packages")
                    )
                }
                Some(difference) => diff::body(&difference),
                None => hunk(&content(change.before.as_ref()), &content(change.after.as_ref())),
            };
            if !lines.is_empty() {
                text.extend([&printable(change.path.as_str()), "\n", &lines]);
            }
        }
        Output::data(&text)
    }

    /// The same as data, in the fields that all verbs have which try something.
    pub(in crate::cli) fn json(&self, call: &Call<'_>) -> Value {
        let locked = self.locked.iter().map(|(path, difference)| {
            let mut value = diff::json(difference);
            value["lockfile"] = json!(path.as_str());
            value
        });
        json!({
            "files": self.files.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(),
            "locked": locked.collect::<Vec<_>>(),
            "written": !call.arguments.dry_run,
        })
    }

    /// The paths of all files, for a message.
    pub(in crate::cli) fn paths(&self) -> String {
        self.files.iter().map(|change| change.path.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// What differs in each lockfile that changes. One that cannot be read, as after a merge, is told by its lines.
pub(super) fn locked(
    (old, new): (&Model, &Model),
    mirror: &Mirror,
    files: &[FileChange],
) -> BTreeMap<RelPath, Difference> {
    let lockfiles = files.iter().filter(|change| change.path.file_name() == "uv.lock");
    let one = |change: &FileChange| {
        let changed = |path: &RelPath| files.iter().find(|change| change.path == *path);
        let of = |model: &Model| environment_in(model, &change.path.parent());
        let (before, after) = (of(old)?, of(new)?);
        let manifest = &new.environment(after).manifest.value;
        let kept = mirror.before(manifest);
        let made = match changed(manifest) {
            Some(change) => change.after.as_deref(),
            None => kept,
        };
        let before = Reading::of_files(old, before, kept, change.before.as_deref()).ok()?;
        let after = Reading::of_files(new, after, made, change.after.as_deref()).ok()?;
        let internal = before.internal.union(&after.internal).cloned().collect();
        let root = mirror.root();
        Some((change.path.clone(), difference(&internal, &before.side(old, root), &after.side(new, root))))
    };
    lockfiles.filter_map(one).collect()
}

/// The environment whose lockfile lies there.
fn environment_in(model: &Model, directory: &RelPath) -> Option<EnvironmentId> {
    let mut all = model.environments();
    all.find(|(_, environment)| environment.directory() == *directory).map(|(id, _)| id)
}

fn content(bytes: Option<&Vec<u8>>) -> String {
    String::from_utf8_lossy(bytes.map(Vec::as_slice).unwrap_or_default()).into_owned()
}
