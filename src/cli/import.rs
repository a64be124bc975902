//! `import`, and `init`, which is the same where there are manifests and else writes a beginning.
//!
//! Asks nothing, and overwrites nothing: two files come, `tasks.kdl` and `envloom.lock`, both or none.

mod error;
mod place;
mod settle;
mod survey;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use self::error::ImportError;
use self::settle::{LeftOut, Settled};
use super::args::Arguments;
use super::load::Stop;
use super::locate::{Place, TASKS_FILE};
use super::output::Output;
use super::state;
use super::surroundings::Process;
use crate::base::{
    Digest, FileError, RelPath, clear_siblings, counted, printable, remove_if_exists, write_whole,
};
use crate::cache::Journal;
use crate::import::{Decision, Refused, Survey, Unreadable};
use crate::ledger::{FILE_NAME, Record};
use crate::tool::run::quoted;

/// What `init` writes where there is nothing to go by.
const STARTER: &str = r#"// What envloom keeps here. `envloom help` and the README show the words.
envloom ">=0.1"
// uv "0.13.9"                  // the uv to use: one version, or a range

project "example" {
    version "0.1.0"
    requires-python ">=3.10"
    // dependencies "tqdm>=4.67" "pandas>=2.3"
    // group "dev" "pytest>=8" "ruff>=0.4"
}

// package "my-lib" path="packages/my_lib" git="https://git.example.com/my-lib.git"

// One manifest and one lockfile each.
environment "dev" { manifest "pyproject.toml" }
// environment "prod" { manifest "prod/pyproject.toml"; sources "tags" channel="stable"; pin "my-lib" "v0.1.0" }

// task "test" { after "sync"; run "pytest" "-q" }

default "check"
default-environment "dev"
"#;

/// What comes of a call.
struct Outcome {
    text: String,
    /// The record, and the digest of each described manifest's text.
    record: Option<(Record, BTreeMap<RelPath, Digest>)>,
    environments: Vec<(String, String, &'static str)>,
    decisions: Vec<Decision>,
    left_out: Vec<LeftOut>,
    next: Vec<String>,
}

/// `import`.
///
/// # Errors
/// When there is a tasks.kdl, or nothing to import, or a file cannot be read or written.
pub(super) fn import(process: &Process, arguments: &Arguments, output: &Output) -> Result<u8, Stop> {
    let place = place::place(process, arguments, "import")?;
    let survey = looked(&place, process, output, "import")?;
    if survey.manifests.is_empty() {
        if survey.left.is_empty() {
            return Err(ImportError::NothingToImport { directory: place.root }.into());
        }
        return Err(nothing_adoptable(&place, &survey.draft(&Refused::default()).decisions).into());
    }
    carry_out(&place, &survey, process, arguments, output)
}

/// `init`.
///
/// # Errors
/// As of [`import`], but that there is something to write where there is nothing for uv.
pub(super) fn init(process: &Process, arguments: &Arguments, output: &Output) -> Result<u8, Stop> {
    let place = place::place(process, arguments, "init")?;
    let survey = looked(&place, process, output, "init")?;
    if !survey.manifests.is_empty() {
        return carry_out(&place, &survey, process, arguments, output);
    }
    let decisions = survey.draft(&Refused::default()).decisions;
    // The beginning is of a project whose manifest lies at the root.
    let at_root = survey.left.iter().find(|(path, _)| path.parent().is_root());
    if at_root.is_some_and(|(_, why)| *why != Unreadable::NotForUv) {
        return Err(nothing_adoptable(&place, &decisions).into());
    }
    let next = ["envloom list", "envloom -n generate", "envloom lock sync:dev"].map(str::to_owned);
    let outcome = Outcome {
        text: STARTER.to_owned(),
        record: None,
        environments: vec![("dev".to_owned(), "pyproject.toml".to_owned(), "generated")],
        decisions,
        left_out: Vec::new(),
        next: next.to_vec(),
    };
    finish(&place, &outcome, arguments, output)
}

/// What there is; says what of the repository lies outside.
fn looked(place: &Place, process: &Process, output: &Output, verb: &str) -> Result<Survey, Stop> {
    let git = survey::git(&place.root, process)?;
    if let Some((top, count)) = survey::outside(&place.root, git.as_ref())?.filter(|(_, count)| *count > 0) {
        let are = if count == 1 { "is" } else { "are" };
        output.say(&format!(
            "warning: {} of this git repository, outside of {}, {are} left out; to take in all: envloom -C {} {verb}",
            counted(count, "manifest", "manifests"),
            place.root.display(),
            quoted(&top.to_string_lossy()),
        ));
    }
    survey::survey(&place.root, git.as_ref())
}

/// Why nothing is written.
fn nothing_adoptable(place: &Place, decisions: &[Decision]) -> ImportError {
    let about = decisions.iter().filter_map(|one| Some((one.manifest.as_ref()?, &one.text)));
    let why = |text: &str| text.trim_start_matches("left alone: ").to_owned();
    let reasons: Vec<String> =
        about.map(|(manifest, text)| format!("\n  {manifest}: {}", why(text))).collect();
    let mut told = reasons.iter().take(LISTED).cloned().collect::<String>();
    if let Some(more) = reasons.len().checked_sub(LISTED).filter(|more| *more > 0) {
        // Writing to a String cannot fail.
        let _ = write!(told, "\n  and {more} more");
    }
    ImportError::NothingAdoptable { directory: place.root.clone(), reasons: told }
}

fn carry_out(
    place: &Place,
    survey: &Survey,
    process: &Process,
    arguments: &Arguments,
    output: &Output,
) -> Result<u8, Stop> {
    let settled = settle::settle(place, survey, process, arguments.offline, &|line| output.say(line))?;
    let Settled { draft, record, manifests, left_out, choice } = settled;
    if draft.environments.is_empty() {
        return Err(nothing_adoptable(place, &draft.decisions).into());
    }
    let environments = draft.environments.iter().map(|(name, manifest)| {
        let how = if draft.described.contains_key(manifest) { "generated" } else { "adopted" };
        (name.clone(), manifest.to_string(), how)
    });
    let environments: Vec<_> = environments.collect();
    let has_lockfile = |(_, path): &(String, crate::base::RelPath)| {
        path.under(&place.root).with_file_name("uv.lock").exists()
    };
    let first = if draft.environments.iter().all(has_lockfile) { "envloom check" } else { "envloom lock" };
    let sync = match (environments.first(), choice) {
        (Some((name, ..)), Some(choice)) => format!("envloom sync:{name}@{choice}"),
        (Some((name, ..)), None) => format!("envloom sync:{name}"),
        (None, _) => "envloom help".to_owned(),
    };
    let next = vec!["envloom list".to_owned(), first.to_owned(), sync];
    let outcome = Outcome {
        text: draft.text,
        record: Some((record, manifests)),
        environments,
        decisions: draft.decisions,
        left_out,
        next,
    };
    finish(place, &outcome, arguments, output)
}

/// Writes and tells.
fn finish(place: &Place, outcome: &Outcome, arguments: &Arguments, output: &Output) -> Result<u8, Stop> {
    let written = if arguments.dry_run { Vec::new() } else { outcome.write(place)? };
    if output.is_json() {
        return Ok(Output::answer(&outcome.json(&written)));
    }
    if arguments.dry_run {
        outcome.told(&written).lines().for_each(|line| output.say(line));
        return Ok(Output::data(&outcome.text));
    }
    Ok(Output::data(&outcome.told(&written)))
}

impl Outcome {
    /// Writes all files or none. Cut off in between, the journal says what the next run is to put into the record.
    fn write(&self, place: &Place) -> Result<Vec<&'static str>, Stop> {
        // A remote may have taken its time.
        place::free(place)?;
        let tasks = place.root.join(TASKS_FILE);
        clear_siblings(&tasks)?;
        let Some((record, manifests)) = &self.record else {
            write_whole(&tasks, self.text.as_bytes())?;
            return Ok(vec![TASKS_FILE]);
        };
        let journal = Journal::new(&place.state());
        if !record.owned.is_empty() {
            state::make(place)?;
        }
        let file = place.root.join(FILE_NAME);
        let written = || -> Result<(), FileError> {
            let with = (RelPath::parse(TASKS_FILE).expect("a name"), Digest::of(&self.text));
            for (manifest, owned) in &record.owned {
                if let Some(digest) = manifests.get(manifest) {
                    journal.begin_with(manifest, *digest, owned, with.clone())?;
                }
            }
            write_whole(&tasks, self.text.as_bytes())?;
            clear_siblings(&file)?;
            write_whole(&file, record.render().as_bytes())?;
            Ok(())
        };
        let result = written();
        if result.is_err() {
            remove_if_exists(&tasks)?;
        }
        for manifest in record.owned.keys() {
            journal.end_manifest(manifest)?;
        }
        result?;
        Ok(vec![TASKS_FILE, FILE_NAME])
    }

    /// One line for each thing that was found or decided, then what to type next.
    fn told(&self, written: &[&str]) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let mut line =
            |parts: std::fmt::Arguments<'_>| _ = writeln!(text, "{}", printable(&parts.to_string()));
        let width = self.environments.iter().map(|(name, ..)| name.len()).max().unwrap_or_default().min(24);
        for (name, manifest, how) in self.environments.iter().take(LISTED) {
            line(format_args!("{name:width$}  {manifest}  {how}"));
        }
        if let Some(more) = self.environments.len().checked_sub(LISTED).filter(|more| *more > 0) {
            line(format_args!("and {} besides", counted(more, "environment", "environments")));
        }
        for decision in &self.decisions {
            match &decision.manifest {
                Some(manifest) => line(format_args!("{manifest}: {}", decision.text)),
                None => line(format_args!("{}", decision.text)),
            }
        }
        for left_out in &self.left_out {
            line(format_args!("{}", left_out.told()));
        }
        if !written.is_empty() {
            line(format_args!("wrote {}", written.join(" and ")));
        }
        line(format_args!("next:"));
        for command in &self.next {
            line(format_args!("  {command}"));
        }
        text
    }

    fn json(&self, written: &[&str]) -> serde_json::Value {
        let environments = self
            .environments
            .iter()
            .map(|(name, manifest, how)| json!({ "name": name, "manifest": manifest, "kept": how }));
        let decisions = self.decisions.iter().map(|decision| {
            json!({ "manifest": decision.manifest.as_ref().map(ToString::to_string), "decided": decision.text })
        });
        let left_out =
            self.left_out.iter().map(|one| json!({ "environment": one.environment, "entries": one.entries }));
        json!({
            "written": written,
            "environments": environments.collect::<Vec<_>>(),
            "decisions": decisions.collect::<Vec<_>>(),
            "left_out": left_out.collect::<Vec<_>>(),
            "next": self.next,
            "tasks.kdl": self.text,
        })
    }
}

/// So many environments are named in the answer.
const LISTED: usize = 12;
