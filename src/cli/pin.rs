//! `pin E PACKAGE TAG`: another release of one package for one environment, by hand.
//!
//! The pin is spliced into `tasks.kdl`; manifest and lockfile are made in a trial, checked and verified there, and then
//! all files are written, or none.

use serde_json::json;

use super::absorb::{environment, refuse_locked};
use super::call::Call;
use super::error::CliError;
use super::exit;
use super::load::Stop;
use super::output::Output;
use super::trial::{self, Request, Tried};
use crate::base::{RelPath, brief, suggest};
use crate::cache::FileChange;
use crate::manifest::{NewPin, NewReference, repinned};
use crate::model::{EnvironmentId, Model, PackageId, PackageName, Pin, PinReference, Sources};

/// Carries out the verb. `words` are the environment, the package and the release.
///
/// # Errors
/// When nothing may be written, a word means nothing, or the release cannot be pinned.
pub(super) fn carry_out(call: &Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    refuse_locked(call, "pin")?;
    let id = pinning(call, "pin ", &words[0])?;
    let package = package(&call.model, "pin", &words[1])?;
    let reference = reference(&words[2..]).ok_or_else(|| CliError::VerbWords {
        verb: "pin".to_owned(),
        problem: "takes a tag, or rev=COMMIT version=VERSION".to_owned(),
        usage: "envloom pin ENV PACKAGE TAG".to_owned(),
    })?;
    let new = NewPin { environment: id, package, reference };
    let text = repinned(&call.model, std::slice::from_ref(&new))?;
    let name = call.model.environment(id).name.value.clone();
    let shown = Shown { environment: &name, package: call.model.package(package).name.value.to_string() };
    let old = pin_of(&call.model, id, package).map(told);
    let tried = trial::run(
        &Request {
            call,
            files: vec![tasks_file(call, text)?],
            targets: trial::locked_and_verified(&[&name]),
            arguments: call.arguments.clone(),
        },
        output,
    )?;
    let passed = match tried {
        Tried::Passed(passed) => passed,
        Tried::Failed(code) => return Ok(code),
    };
    if !call.arguments.dry_run {
        passed.commit()?;
    }
    let now = pin_of(&passed.model, id, package).map(told).unwrap_or_default();
    if output.is_json() {
        let mut answer = passed.json(call);
        answer["environment"] = json!(name);
        answer["package"] = json!(shown.package);
        answer["old"] = json!(old);
        answer["new"] = json!(now);
        return Ok(Output::answer(&answer));
    }
    let was = old.map_or_else(|| "had none".to_owned(), |old| format!("was {old}"));
    if passed.files.is_empty() {
        output.say(&format!("{} already pins {} {now}: nothing changes", shown.environment, shown.package));
        return Ok(exit::DONE);
    }
    let verb = if call.arguments.dry_run { "would pin" } else { "pins" };
    output.say(&format!("{} {verb} {} {now} ({was}): {}", shown.environment, shown.package, passed.paths()));
    Ok(passed.print())
}

struct Shown<'s> {
    environment: &'s str,
    package: String,
}

/// The environment of that name; it has pins.
///
/// # Errors
/// When there is none, or it takes its packages from the workspace.
pub(super) fn pinning(call: &Call<'_>, lead: &str, word: &str) -> Result<EnvironmentId, Stop> {
    let id = environment(call, lead, &[word.to_owned()])?;
    if matches!(call.model.environment(id).sources, Sources::Tags(_)) {
        return Ok(id);
    }
    let known = call.model.environments().filter(|(_, one)| matches!(one.sources, Sources::Tags(_)));
    let known: Vec<&str> = known.map(|(_, one)| one.name.value.as_str()).collect();
    let help = if known.is_empty() {
        "declare an environment with `sources \"tags\"`".to_owned()
    } else {
        format!("name one that does: {}", known.join(", "))
    };
    let environment = call.model.environment(id).name.value.clone();
    Err(CliError::NoPins { environment, help }.into())
}

/// The package of that name.
///
/// # Errors
/// When `tasks.kdl` declares none.
pub(super) fn package(model: &Model, option: &'static str, word: &str) -> Result<PackageId, CliError> {
    let parsed = PackageName::parse(word).ok();
    let found = model.packages.iter().position(|package| Some(&package.name.value) == parsed.as_ref());
    found.map(PackageId).ok_or_else(|| unknown_package(model, option, word))
}

/// What is said of a package that `tasks.kdl` does not declare.
pub(super) fn unknown_package(model: &Model, option: &'static str, word: &str) -> CliError {
    let names: Vec<&str> = model.packages.iter().map(|package| package.name.value.as_str()).collect();
    let help = suggest(word, &names);
    CliError::UnknownPackage { option, name: brief(word), help }
}

/// What the words say of the release.
fn reference(words: &[String]) -> Option<NewReference> {
    let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)).map(str::to_owned);
    match words {
        [tag] if !tag.contains('=') => Some(NewReference::Tag(tag.clone())),
        [_, _] => Some(NewReference::Commit { rev: value("rev=")?, version: value("version=")? }),
        _ => None,
    }
}

/// The pin of a package in an environment.
pub(super) fn pin_of(model: &Model, environment: EnvironmentId, package: PackageId) -> Option<&Pin> {
    let mut participants = model.environment(environment).packages.iter();
    participants.find(|participant| participant.package == package)?.pin.as_ref()
}

/// A pin for a reader.
pub(super) fn told(pin: &Pin) -> String {
    match &pin.reference {
        PinReference::Tag(tag) => tag.clone(),
        PinReference::Rev(rev) => format!("{} ({})", pin.version, rev.get(..12).unwrap_or(rev)),
    }
}

/// `tasks.kdl` with another text.
///
/// # Errors
/// When it lies where nothing is written, or is a link.
pub(super) fn tasks_file(call: &Call<'_>, text: String) -> Result<FileChange, CliError> {
    let refused = || CliError::NotAFile { path: call.place.file() };
    let path = RelPath::parse(&call.place.file_name).map_err(|_| refused())?;
    // What is written would take the place of the link, and whatever it leads to stay as it is.
    if call.place.file().is_symlink() {
        return Err(refused());
    }
    let before = Some(call.model.source.text().as_bytes().to_vec());
    Ok(FileChange { path, before, after: Some(text.into_bytes()) })
}
