//! `--since REF`, `--affected` and the verb `affected`: the tasks of a call that rest on something that has changed.
//!
//! What differs is asked of git; which tasks rest on it says [`plan::affected`](crate::plan::affected). The call then
//! keeps those tasks and what they need, as if only they had been named.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::args::Arguments;
use super::call::{Call, Chosen};
use super::error::CliError;
use super::load::{LOCAL_FILE, Stop};
use super::output::Output;
use super::prepare;
use super::surroundings::Process;
use crate::base::{SourceFile, brief, nearest, printable};
use crate::cache::Notice;
use crate::config;
use crate::graph::TaskKey;
use crate::ledger::{FILE_NAME, Record};
use crate::plan::{Because, Declarations, Since, affected};
use crate::tool::git::{Git, ObjectId};

/// What a call compares the working tree with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    /// A revision.
    Revision(String),
    /// Where HEAD left the default branch.
    Branch,
}

impl Base {
    /// What the options say.
    pub(super) fn of(arguments: &Arguments) -> Option<Self> {
        let branch = arguments.affected.then_some(Self::Branch);
        arguments.since.clone().map(Self::Revision).or(branch)
    }
}

/// The tasks of a call that are affected.
pub(super) struct Affected {
    /// As it is told: `main`, `the branch left origin/main`.
    base: String,
    commit: ObjectId,
    /// How many tasks the call names.
    asked: usize,
    /// Those of them that are affected, in their order.
    found: Vec<(TaskKey, String, Because)>,
}

/// Finds the tasks of `words` that are affected. `lead` is the verb before them.
///
/// # Errors
/// When there is nothing to compare with, or the premises cannot be made.
pub(super) fn narrow(
    process: &Process,
    arguments: &Arguments,
    base: &Base,
    (lead, words): (&str, &[String]),
    output: &Output,
) -> Result<Affected, Stop> {
    let call = Call::read(process, arguments)?;
    let chosen = call.choose(lead, words)?;
    let root = call.place.root.clone();
    let git = Git::find(&process.surroundings, &root)?;
    let (commit, base) = commit_of(&git, &call, base)?;
    let since = since(&git, &call, &commit)?;
    let progress = |line: &str| output.say(line);
    let read_only = arguments.only_looks() || !lead.is_empty();
    let mut premises = prepare::premises(call.ground(&chosen, read_only, &progress), &chosen.graph)?;
    let because = affected(&mut premises, &chosen.graph, &since);
    let asked: BTreeSet<&TaskKey> = chosen.selection.keys.iter().collect();
    let tasks = chosen.graph.tasks().iter().zip(because);
    let found = tasks
        .filter(|(task, _)| asked.contains(&task.key))
        .filter_map(|(task, because)| Some((task.key.clone(), task.id.clone(), because?)))
        .collect();
    Ok(Affected { base, commit, asked: asked.len(), found })
}

/// The commit to compare with, and how it is told.
fn commit_of(git: &Git, call: &Call<'_>, base: &Base) -> Result<(ObjectId, String), Stop> {
    let root = &call.place.root;
    match base {
        Base::Revision(revision) => Ok((named(git, call, revision)?, revision.clone())),
        Base::Branch => {
            let (branch, tip) = git.default_branch(root)?.ok_or(CliError::NoDefaultBranch)?;
            match git.merge_base(root, &tip)? {
                Some(commit) => Ok((commit, format!("the branch left {branch}"))),
                None => Err(CliError::NoMergeBase { branch, is_shallow: git.is_shallow(root)? }.into()),
            }
        }
    }
}

/// The commit that a revision names.
///
/// # Errors
/// When this repository has none of that name.
pub(super) fn named(git: &Git, call: &Call<'_>, revision: &str) -> Result<ObjectId, Stop> {
    match git.commit_of(&call.place.root, revision)? {
        Some(commit) => Ok(commit),
        None => Err(unknown(git, call, revision)?.into()),
    }
}

fn unknown(git: &Git, call: &Call<'_>, revision: &str) -> Result<CliError, Stop> {
    let known = git.revisions(&call.place.root)?;
    let help = match nearest(revision, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{}`?", brief(near)),
        None if git.is_shallow(&call.place.root)? => {
            "this clone is shallow: type `git fetch --unshallow`, or fetch the revision".to_owned()
        }
        None => "name a branch, a tag or a commit; `git fetch` brings those of the remote".to_owned(),
    };
    Ok(CliError::UnknownRevision { revision: brief(revision), help })
}

/// Everything that has changed since `commit`.
fn since(git: &Git, call: &Call<'_>, commit: &ObjectId) -> Result<Since, Stop> {
    let (root, name) = (&call.place.root, call.place.file_name.as_str());
    let changes = git.changes_since(root, commit)?;
    let is_changed = |name: &str| changes.iter().any(|change| change.path.as_os_str() == name);
    // One that is tracked all the same says things of every task.
    let declarations = if is_changed(LOCAL_FILE) {
        Declarations::All
    } else if is_changed(name) {
        let old = git.file_at(root, commit, name)?.and_then(|bytes| config::from_bytes(name, bytes).ok());
        Declarations::between(old.as_ref(), &call.model.source)
    } else {
        Declarations::none()
    };
    let record = if is_changed(FILE_NAME) { record_at(git, call, commit)? } else { None };
    Ok(Since { changes, declarations, record })
}

/// `envloom.lock` as it was, where it could be read.
fn record_at(git: &Git, call: &Call<'_>, commit: &ObjectId) -> Result<Option<Record>, Stop> {
    let Some(bytes) = git.file_at(&call.place.root, commit, FILE_NAME)? else {
        return Ok(Some(Record::default()));
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Record::parse(&SourceFile::new(FILE_NAME, text)).ok())
}

impl Affected {
    /// Leaves of the tasks of a call those that are affected, and what they need; says how many.
    pub(super) fn of(self, chosen: &mut Chosen) -> Notice {
        let told = self.told();
        let keep: BTreeSet<TaskKey> = self.found.into_iter().map(|(key, ..)| key).collect();
        chosen.selection.keys.retain(|key| keep.contains(key));
        let tasks = chosen.graph.tasks().iter().enumerate();
        let places: Vec<usize> =
            tasks.filter(|(_, task)| keep.contains(&task.key)).map(|(at, _)| at).collect();
        chosen.graph = chosen.graph.only(places);
        ("envloom::cli::affected".to_owned(), told, None)
    }

    /// How many of the tasks are affected, in one line.
    fn told(&self) -> String {
        let count = match (self.found.len(), self.asked) {
            (0, 1) => "the task is not affected".to_owned(),
            (0, asked) => format!("none of {asked} tasks is affected"),
            (1, 1) => "the task is affected".to_owned(),
            (some, asked) => {
                format!("{some} of {asked} tasks {} affected", if some == 1 { "is" } else { "are" })
            }
        };
        let commit = self.commit.short();
        format!("{count} since {} ({commit})", brief(&self.base))
    }

    fn json(&self) -> Value {
        let tasks = self.found.iter();
        let tasks: Vec<Value> =
            tasks.map(|(_, task, because)| json!({ "task": task, "because": because.to_string() })).collect();
        json!({ "since": self.commit.as_str(), "asked": self.asked, "tasks": tasks })
    }
}

/// `affected`: prints the affected tasks, one a line, with `-v` also why. Without `--since`: since the branch left the
/// default one.
///
/// # Errors
/// As [`narrow`].
pub(super) fn list(
    process: &Process,
    arguments: &Arguments,
    words: &[String],
    output: &Output,
) -> Result<u8, Stop> {
    let base = Base::of(arguments).unwrap_or(Base::Branch);
    let affected = narrow(process, arguments, &base, ("affected ", words), output)?;
    if output.is_json() {
        return Ok(Output::answer(&affected.json()));
    }
    if affected.found.is_empty() {
        output.say(&affected.told());
    }
    let line = |(_, task, because): &(TaskKey, String, Because)| {
        let because = if arguments.verbose > 0 { format!("  ({because})") } else { String::new() };
        printable(&format!("{task}{because}")).into_owned() + "\n"
    };
    Ok(Output::data(&affected.found.iter().map(line).collect::<String>()))
}
