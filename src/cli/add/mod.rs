//! `add REQUIREMENT…` and `remove REQUIREMENT…`: requirements of `tasks.kdl`, by hand.
//!
//! Comes in: the words, and options that name one list. `tasks.kdl` is changed by splices, the environments whose
//! requirements are other ones then are generated, locked, checked and verified in a trial, and all files are written,
//! or none. With `--package` it is the manifest of an internal package that is changed ([`of_package`]).

mod error;
mod forms;
mod modules;
mod note;
mod of_package;
mod package;
mod removal;
mod removal_told;

use std::collections::BTreeSet;

use serde_json::json;

use self::error::AddError;
use super::absorb::refuse_locked;
use super::args::{Adding, Arguments};
use super::call::Call;
use super::exit;
use super::load::{self, Stop};
use super::output::Output;
use super::pin::tasks_file;
use super::trial::{self, Passed, Request, Tried};
use crate::base::{SourceFile, brief, nearest, suggest};
use crate::graph::{AskDriver, environment_of};
use crate::manifest::{List, lists_with, requirement_name, with_requirements, without_requirements};
use crate::model::{Axis, Environment, EnvironmentId, Group, Kept, Model, Requirement};

pub(super) use self::error::CODES;
pub(super) use self::note::{complete, is_pending, token};
pub(super) use self::package::add_package;
pub(super) use self::removal::remove_package;

/// Carries out `add`.
///
/// # Errors
/// When nothing may be written, a word or an option means nothing, or the new `tasks.kdl` has mistakes.
pub(super) fn add(call: &Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    refuse_locked(call, "add")?;
    refuse_other_words(words)?;
    if !call.arguments.package.is_empty() {
        return of_package::carry_out(call, words, true, output);
    }
    let list = list(call, "add ")?;
    let text = with_requirements(&call.model, &list, words)?;
    Change { call, list, words, is_added: true }.carry_out(text, output)
}

/// Carries out `remove`.
///
/// # Errors
/// As `add`; and when the list has no such requirement.
pub(super) fn remove(call: &Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    refuse_locked(call, "remove")?;
    refuse_other_words(words)?;
    if !call.arguments.package.is_empty() {
        return of_package::carry_out(call, words, false, output);
    }
    let list = list(call, "remove ")?;
    let (text, absent) = without_requirements(&call.model, &list, words)?;
    if !absent.is_empty() {
        return Err(not_asked_for(call, &list, &absent)?.into());
    }
    Change { call, list, words, is_added: false }.carry_out(text, output)
}

fn refuse_other_words(words: &[String]) -> Result<(), AddError> {
    match words.iter().find(|word| requirement_name(word).is_none()) {
        Some(word) => Err(AddError::NotARequirement { text: brief(word) }),
        None => Ok(()),
    }
}

/// The list that the options name. `lead` is the verb.
fn list(call: &Call<'_>, lead: &str) -> Result<List, Stop> {
    let Adding { group, extra, environment: named, variant, no_from_index, .. } =
        call.arguments.adding.clone();
    refuse_without_lists(call)?;
    if let Some(name) = variant {
        return Ok(of_variant(&call.model, name, !no_from_index)?);
    }
    let id = named.map(|name| environment(call, &format!("{lead}--environment "), name)).transpose()?;
    Ok(match (group, extra) {
        (Some(group), _) => List::Group(id, group),
        (_, Some(extra)) => List::Extra(id, extra),
        _ => List::Dependencies(id),
    })
}

/// Where every manifest is adopted or made from one, nothing of `tasks.kdl` asks for anything.
fn refuse_without_lists(call: &Call<'_>) -> Result<(), AddError> {
    if call.model.environments.is_empty() {
        return Err(AddError::NoEnvironment);
    }
    let generated = call.model.environments.iter().any(|one| one.kept == Kept::Generated);
    if !generated || call.model.project.is_none() {
        let manifests: Vec<&str> =
            call.model.environments.iter().map(|one| one.manifest.value.as_str()).collect();
        let what = "every environment".to_owned();
        return Err(AddError::NoLists { what, manifest: manifests.join(", ") });
    }
    Ok(())
}

/// The environment of that name, where it has lists of its own.
fn environment(call: &Call<'_>, lead: &str, name: String) -> Result<EnvironmentId, Stop> {
    let ask = || call.driver();
    let id = environment_of(&call.model, &call.cell_words(lead, &[name], AskDriver(&ask)))?;
    let environment = call.model.environment(id);
    let origin = match environment.kept {
        Kept::Generated => return Ok(id),
        Kept::Derived(origin) => call.model.environment(origin),
        Kept::Adopted => environment,
    };
    let what = environment.name.value.clone();
    Err(AddError::NoLists { what, manifest: origin.manifest.value.to_string() }.into())
}

fn of_variant(model: &Model, name: String, from_index: bool) -> Result<List, AddError> {
    let variants =
        || model.axes.iter().flat_map(|axis| &axis.variants).map(|variant| variant.name.value.as_str());
    let axes = || model.axes.iter().map(|axis| axis.name.value.as_str());
    if variants().any(|known| known == name) {
        return Ok(List::Variant { name, from_index });
    }
    if axes().any(|known| known == name) {
        return Ok(List::Axis(name));
    }
    let known: Vec<&str> = variants().chain(axes()).collect();
    let help = suggest(&name, &known);
    Err(AddError::UnknownVariant { name: brief(&name), help })
}

fn not_asked_for(call: &Call<'_>, list: &List, absent: &[&str]) -> Result<AddError, Stop> {
    let names: Vec<String> = absent.iter().filter_map(|word| requirement_name(word)).collect();
    let mut elsewhere = Vec::new();
    for word in absent {
        for other in lists_with(&call.model, word)? {
            let options = other.options(&call.model);
            let blank = if options.is_empty() { "" } else { " " };
            elsewhere.push(format!("`envloom remove {}{blank}{options}`", brief(word)));
        }
    }
    let help = if elsewhere.is_empty() {
        let known = asked_anywhere(&call.model);
        let known = || known.iter().map(String::as_str);
        let near = names.iter().find_map(|name| nearest(name, known()));
        let near = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
        format!("no list of tasks.kdl asks for it by that name{near}")
    } else {
        format!("it is elsewhere: {}", elsewhere.join(", "))
    };
    let (is_one, list) = (names.len() == 1, list.told(&call.model));
    Ok(AddError::NotAskedFor { names: names.join(", "), is_one, list, help })
}

/// What happens to the words, or would.
fn asks(is_added: bool, dry_run: bool) -> &'static str {
    match (is_added, dry_run) {
        (true, false) => "asks for",
        (true, true) => "would ask for",
        (false, false) => "no longer asks for",
        (false, true) => "would no longer ask for",
    }
}

/// A change of one list.
struct Change<'c> {
    call: &'c Call<'c>,
    list: List,
    words: &'c [String],
    /// Do the words come, or go?
    is_added: bool,
}

impl Change<'_> {
    /// Tries the new text of `tasks.kdl`, writes what comes of it, and says so.
    fn carry_out(&self, text: String, output: &Output) -> Result<u8, Stop> {
        let call = self.call;
        if text == call.model.source.text() {
            return Ok(self.unchanged(output));
        }
        let source = SourceFile::new(call.place.file_name.as_str(), text.as_str());
        let model = load::model_of(&call.place.root, &source, &call.observer)?;
        let concerned = concerned(&call.model, &model);
        let request = Request {
            call,
            files: vec![tasks_file(call, text)?],
            targets: trial::locked_and_verified(&concerned),
            arguments: Arguments { adding: Adding::default(), ..call.arguments.clone() },
        };
        let passed = match trial::run(&request, output)? {
            Tried::Passed(passed) => passed,
            Tried::Failed(code) => return Ok(code),
        };
        if !call.arguments.dry_run {
            passed.commit()?;
        }
        Ok(self.told(&passed, &concerned, output))
    }

    fn unchanged(&self, output: &Output) -> u8 {
        if output.is_json() {
            return Output::answer(&json!({
                self.key(): [], "list": self.list.told(&self.call.model), "environments": [],
                "files": [], "locked": [], "written": false,
            }));
        }
        let (file, words) = (&self.call.place.file_name, self.words.join(", "));
        let list = self.list.told(&self.call.model);
        output.say(&format!("{file} asks for {words} in {list} already: nothing changes"));
        exit::DONE
    }

    /// What the words are in the answer.
    fn key(&self) -> &'static str {
        if self.is_added { "added" } else { "removed" }
    }

    fn told(&self, passed: &Passed, concerned: &[String], output: &Output) -> u8 {
        let list = self.list.told(&self.call.model);
        if output.is_json() {
            let mut answer = passed.json(self.call);
            answer[self.key()] = json!(self.words);
            answer["list"] = json!(list);
            answer["environments"] = json!(concerned);
            return Output::answer(&answer);
        }
        let verb = asks(self.is_added, self.call.arguments.dry_run);
        let (file, words) = (&self.call.place.file_name, self.words.join(", "));
        output.say(&format!("{file} {verb} {words} in {list}: {}", passed.paths()));
        passed.print()
    }
}

/// The generated environments whose requirements differ in two models of the same environments; all of them where none
/// does, so that what was changed is tried.
fn concerned(old: &Model, new: &Model) -> Vec<String> {
    let differing = differing(old, new);
    let generated = new.environments.iter().filter(|one| one.kept == Kept::Generated);
    if differing.is_empty() { generated.map(|one| one.name.value.clone()).collect() } else { differing }
}

/// The generated environments whose requirements differ.
fn differing(old: &Model, new: &Model) -> Vec<String> {
    let generated = |model: &Model| {
        let all = model.environments.iter().filter(|one| one.kept == Kept::Generated);
        all.map(|one| (one.name.value.clone(), asked(one))).collect::<Vec<_>>()
    };
    let supplied = |model: &Model| model.axes.iter().map(supplied).collect::<Vec<_>>();
    let (before, is_all) = (generated(old), supplied(old) != supplied(new));
    let all = generated(new).into_iter().filter(|one| is_all || !before.contains(one));
    all.map(|(name, _)| name).collect()
}

/// Everything that an environment asks for, as texts.
fn asked(environment: &Environment) -> Vec<String> {
    let group = |group: &Group| {
        let texts = group.requirements.iter().map(|one| one.text.clone());
        std::iter::once(format!("[{}]", group.name.value)).chain(texts).collect::<Vec<_>>()
    };
    let settings = &environment.settings;
    let dependencies = settings.dependencies.iter().map(|one| one.text.clone());
    let groups = settings.extras.iter().chain(&environment.groups).flat_map(group);
    dependencies.chain(["[extras]".to_owned()]).chain(groups).collect()
}

/// The names of all that any list asks for.
fn asked_anywhere(model: &Model) -> BTreeSet<String> {
    let of_variants = model.axes.iter().flat_map(supplied).flatten();
    let texts = model.environments.iter().flat_map(asked).chain(of_variants);
    texts.filter_map(|text| requirement_name(&text)).collect()
}

/// Everything that the variants of an axis supply, as texts.
fn supplied(axis: &Axis) -> Vec<Vec<String>> {
    let texts = |list: &[Requirement]| list.iter().map(|one| one.text.clone()).collect::<Vec<_>>();
    let variants = axis
        .variants
        .iter()
        .flat_map(|variant| [texts(&variant.requirements), texts(&variant.foreign_requirements)]);
    std::iter::once(texts(&axis.requirements)).chain(variants).collect()
}
