//! `import`, and `init`, which is the same where there are manifests and else writes a beginning.
//!
//! Asks nothing, and overwrites nothing: two files come, `tasks.kdl` and `envloom.lock`, both or none.

mod settle;
mod survey;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use self::settle::{LeftOut, Settled};
use super::args::Arguments;
use super::error::CliError;
use super::load::Stop;
use super::locate::{Place, TASKS_FILE, enter};
use super::output::Output;
use super::surroundings::Process;
use crate::base::{counted, printable, remove_if_exists, write_whole};
use crate::import::{Decision, Survey};
use crate::ledger::{FILE_NAME, Record};

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
    record: Option<Record>,
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
    let place = place(process, arguments)?;
    let survey = survey::survey(&place.root, process)?;
    if survey.manifests.is_empty() {
        return Err(CliError::NothingToImport { directory: place.root }.into());
    }
    carry_out(&place, &survey, process, arguments, output)
}

/// `init`.
///
/// # Errors
/// As of [`import`], but that there is always something to write.
pub(super) fn init(process: &Process, arguments: &Arguments, output: &Output) -> Result<u8, Stop> {
    let place = place(process, arguments)?;
    let survey = survey::survey(&place.root, process)?;
    if !survey.manifests.is_empty() {
        return carry_out(&place, &survey, process, arguments, output);
    }
    let next = ["envloom list", "envloom -n generate", "envloom lock sync:dev"].map(str::to_owned);
    let outcome = Outcome {
        text: STARTER.to_owned(),
        record: None,
        environments: vec![("dev".to_owned(), "pyproject.toml".to_owned(), "generated")],
        decisions: Vec::new(),
        left_out: Vec::new(),
        next: next.to_vec(),
    };
    finish(&place, &outcome, arguments, output)
}

/// Where the file is to be: the current directory, unless there is one.
fn place(process: &Process, arguments: &Arguments) -> Result<Place, CliError> {
    if arguments.file.is_some() {
        return Err(CliError::OptionWithoutUse { option: "--file", belongs_to: "targets and other verbs" });
    }
    let in_ci = process.variable("CI").is_some_and(|value| value != "0" && value != "false");
    if (arguments.locked || (in_ci && !arguments.no_locked)) && !arguments.dry_run {
        return Err(CliError::LockedVerb { verb: "import" });
    }
    let root: PathBuf = enter(&process.surroundings.cwd, &arguments.directory)?;
    for name in [TASKS_FILE, FILE_NAME] {
        let path = root.join(name);
        if fs::symlink_metadata(&path).is_ok() {
            return Err(CliError::AlreadyThere { path });
        }
    }
    Ok(Place { home: root.clone(), root, file_name: TASKS_FILE.to_owned(), directory: None })
}

fn carry_out(
    place: &Place,
    survey: &Survey,
    process: &Process,
    arguments: &Arguments,
    output: &Output,
) -> Result<u8, Stop> {
    let settled = settle::settle(place, survey, process, arguments.offline, &|line| output.say(line))?;
    let Settled { draft, record, left_out, choice } = settled;
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
        record: Some(record),
        environments,
        decisions: draft.decisions,
        left_out,
        next,
    };
    finish(place, &outcome, arguments, output)
}

/// Writes and tells.
fn finish(place: &Place, outcome: &Outcome, arguments: &Arguments, output: &Output) -> Result<u8, Stop> {
    let mut written = Vec::new();
    if !arguments.dry_run {
        if let Some(record) = &outcome.record {
            written.push(FILE_NAME);
            write_whole(&place.root.join(FILE_NAME), record.render().as_bytes())?;
        }
        if let Err(failed) = write_whole(&place.root.join(TASKS_FILE), outcome.text.as_bytes()) {
            // Both or none.
            remove_if_exists(&place.root.join(FILE_NAME))?;
            return Err(failed.into());
        }
        written.insert(0, TASKS_FILE);
    }
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

/// The path of a file of the repository, for messages.
fn shown(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_owned()
}
