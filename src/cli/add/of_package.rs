//! `add REQUIREMENT… --package X` and `remove … --package X`: requirements of an internal package, in its own manifest.
//!
//! uv changes the manifest, in the copy of a trial; the environments that hold the package from the working tree are
//! locked, checked and verified there. Environments that take the package by a tag see the change with its next release.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::super::args::{Adding, Arguments};
use super::super::call::Call;
use super::super::exit;
use super::super::load::Stop;
use super::super::output::Output;
use super::super::pin::package;
use super::super::prepare;
use super::super::trial::{self, Passed, Request, Tried};
use super::asks;
use super::error::AddError;
use crate::base::{RelPath, SourceFile, brief, credentials, read_if_exists};
use crate::ledger::{Lockfile, lies_at};
use crate::model::{EnvironmentId, Kept, Package, PackageId, Sources};
use crate::tool::address::last_lines;
use crate::tool::run::Query;
use crate::tool::variables::uv_child;
use crate::tool::{python, uv};

/// uv resolves nothing here; a requirement by url it looks at.
const LIMIT: Duration = Duration::from_mins(5);

/// A change of one package's manifest.
struct Change<'c> {
    call: &'c Call<'c>,
    words: &'c [String],
    is_added: bool,
    package: &'c Package,
    /// Where it lies.
    directory: &'c RelPath,
    /// The environments that hold it from the working tree.
    held: Vec<EnvironmentId>,
}

/// Carries out the verb.
///
/// # Errors
/// When there is no such package here, no environment holds it, or uv refuses a word.
pub(super) fn carry_out(
    call: &Call<'_>,
    words: &[String],
    is_added: bool,
    output: &Output,
) -> Result<u8, Stop> {
    let [name] = call.arguments.package.as_slice() else {
        return Err(AddError::SeveralPackages { packages: call.arguments.package.join(", ") }.into());
    };
    if let Some(word) = words.iter().find(|word| is_added && credentials(word).is_some()) {
        return Err(AddError::Credentials { text: brief(word) }.into());
    }
    let id = package(&call.model, "--package", name)?;
    let package = call.model.package(id);
    let directory = match &package.path {
        Some(path) if path.value.under(&call.place.root).join("pyproject.toml").is_file() => &path.value,
        path => {
            let path = path.as_ref().map(|path| path.value.to_string());
            return Err(AddError::no_manifest(package.name.value.as_str(), path).into());
        }
    };
    let held = holding(call, id, directory)?;
    if held.is_empty() {
        let (package, path) = (package.name.value.to_string(), directory.to_string());
        return Err(AddError::NotHeld { package, path }.into());
    }
    Change { call, words, is_added, package, directory, held }.carry_out(output)
}

/// The environments whose lockfile rests on the package's manifest in the working tree.
fn holding(call: &Call<'_>, id: PackageId, directory: &RelPath) -> Result<Vec<EnvironmentId>, Stop> {
    let mut held = Vec::new();
    for (at, environment) in call.model.environments() {
        let takes_part = environment.packages.iter().any(|participant| participant.package == id);
        let holds = match (environment.kept, environment.sources) {
            (_, Sources::Tags(_)) => false,
            (Kept::Adopted, _) => is_locked_from(call, at, id, directory)?,
            _ => takes_part,
        };
        if holds {
            held.push(at);
        }
    }
    Ok(held)
}

/// Of an adopted environment only its lockfile says so.
///
/// # Errors
/// When the lockfile cannot be read.
pub(super) fn is_locked_from(
    call: &Call<'_>,
    at: EnvironmentId,
    id: PackageId,
    directory: &RelPath,
) -> Result<bool, Stop> {
    let (environment, root) = (call.model.environment(at), call.place.root.as_path());
    let path = environment.lockfile();
    let Some(bytes) = read_if_exists(&path.under(root))? else { return Ok(false) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let source = SourceFile::new(path.as_str(), text);
    let lockfile = Lockfile::parse(&source, &environment.name.value)?;
    let name = call.model.package(id).name.value.as_str();
    Ok(lockfile
        .packages
        .iter()
        .any(|one| one.name == name && lies_at(&one.source, (root, &environment.directory()), directory)))
}

impl Change<'_> {
    fn carry_out(&self, output: &Output) -> Result<u8, Stop> {
        let call = self.call;
        let names: Vec<&str> =
            self.held.iter().map(|id| call.model.environment(*id).name.value.as_str()).collect();
        let request = Request {
            call,
            files: Vec::new(),
            targets: trial::locked_and_verified(&names),
            arguments: Arguments { adding: Adding::default(), package: Vec::new(), ..call.arguments.clone() },
        };
        let tried = trial::run_prepared(&request, &|copy| self.by_uv(copy, output), output)?;
        let passed = match tried {
            Tried::Passed(passed) => passed,
            Tried::Failed(code) => return Ok(code),
        };
        if !call.arguments.dry_run {
            passed.commit()?;
        }
        Ok(self.told(&passed, &names, output))
    }

    /// Has uv change the manifest in the copy. It neither locks nor syncs.
    fn by_uv(&self, copy: &Path, output: &Output) -> Result<(), Stop> {
        let call = self.call;
        let (surroundings, home) = (&call.process.surroundings, &call.place.home);
        let wanted = prepare::wanted(&call.model);
        let uv = uv::find(surroundings, &wanted, home, call.arguments.offline, &mut |line| output.say(line))?;
        let found = python::discover(surroundings, home);
        let environment = call.model.environment(self.held[0]);
        let pin = environment.settings.python.as_ref().map(|pin| pin.value.as_str());
        let interpreter = prepare::interpreter(&call.model, self.held[0], pin, &found)?;
        let (mut variables, _) = uv_child(&surroundings.vars);
        variables.insert("UV_PYTHON".into(), interpreter.path.into());
        if call.arguments.offline {
            variables.insert("UV_OFFLINE".into(), "1".into());
        }
        let verb = if self.is_added { "add" } else { "remove" };
        let mut arguments: Vec<OsString> = vec![verb.into(), "--frozen".into(), "--no-progress".into()];
        arguments.extend(["--directory".into(), self.directory.as_str().into()]);
        for (option, value) in
            [("--group", &call.arguments.adding.group), ("--optional", &call.arguments.adding.extra)]
        {
            arguments.extend(value.iter().map(|value| format!("{option}={value}").into()));
        }
        arguments.push("--".into());
        arguments.extend(self.words.iter().map(OsString::from));
        let query = Query {
            program: &uv.path,
            arguments,
            preamble: 0,
            directory: copy,
            vars: &variables,
            limit: LIMIT,
        };
        let answer = query.ask()?;
        if answer.status.success() {
            return Ok(());
        }
        let (package, said) = (self.package.name.value.to_string(), last_lines(&answer.stderr));
        Err(AddError::UvRefused { verb, package, said }.into())
    }

    fn told(&self, passed: &Passed, names: &[&str], output: &Output) -> u8 {
        let package = self.package.name.value.as_str();
        let is_apart = !passed.files.is_empty() && self.is_repository_of_its_own();
        if output.is_json() {
            let mut answer = passed.json(self.call);
            answer[if self.is_added { "added" } else { "removed" }] = json!(self.words);
            answer["package"] = json!(package);
            answer["environments"] = json!(names);
            answer["submodule"] = json!(is_apart.then_some(self.directory.as_str()));
            return Output::answer(&answer);
        }
        let words = self.words.join(", ");
        if passed.files.is_empty() {
            output.say(&format!("{package} asks for {words} already: nothing changes"));
            return exit::DONE;
        }
        let verb = asks(self.is_added, self.call.arguments.dry_run);
        output.say(&format!("{package} {verb} {words}: {}", passed.paths()));
        if is_apart && !self.call.arguments.dry_run {
            let directory = self.directory;
            output.say(&format!(
                "{directory} is a submodule: commit pyproject.toml in it, then the submodule with the other files"
            ));
        }
        passed.print()
    }

    /// Does the package lie in a repository of its own, within that of the environments?
    fn is_repository_of_its_own(&self) -> bool {
        let root = &self.call.place.root;
        let has_git = |directory: &RelPath| directory.under(root).join(".git").symlink_metadata().is_ok();
        self.directory.lineage().any(|directory| !directory.is_root() && has_git(&directory))
    }
}
