//! `add package NAME --git URL [--path P] [--tag T] [--subdirectory D] [--role R]`: an internal package, as a submodule of
//! the repository.
//!
//! It is checked out at its place, so that a trial sees its files; then `tasks.kdl` with its node and pins, the manifests
//! and lockfiles of a trial and `.gitmodules` are written together, or none, and the checkout goes again. A note in the
//! journal ([`super::note`]) says so to the call after one that was cut off. Environments in whose channel the package
//! has no tag yet are left out, by `environments=`, and that is said. Tags that name the package, `x-v1.2`, are known by
//! that ([`super::forms`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::super::absorb::refuse_locked;
use super::super::args::{Adding, Arguments, NewRole};
use super::super::call::Call;
use super::super::fetch::alone;
use super::super::load::Stop;
use super::super::output::Output;
use super::super::pin::tasks_file;
use super::super::trial::{self, Passed, Request, Tried};
use super::error::AddError;
use super::forms::{Form, form};
use super::modules::{modules_file, refuse_git_at_work};
use super::note::{Note, Settled, Work};
use super::refuse_without_lists;
use crate::base::{RelPath, brief, hidden, read_if_exists};
use crate::ledger::releases;
use crate::manifest::{NewPackage, project_name, with_package};
use crate::model::{EnvironmentId, Kept, PackageName, Sources};
use crate::tool::Tidying;
use crate::tool::git::{Git, Module, ObjectId, Standing, TagRef, with_section};

/// A package that is to be added.
struct New<'n> {
    call: &'n Call<'n>,
    name: PackageName,
    /// Where the submodule lies.
    path: RelPath,
    url: &'n str,
    tag: Option<&'n str>,
    /// Where the package lies in it.
    subdirectory: Option<RelPath>,
    /// The role that the package is given, where it is not the usual one.
    role: Option<&'static str>,
    git: Git,
}

/// Carries out the verb. `name` is the package's.
///
/// # Errors
/// When nothing may be written, the package or its place is taken, or its remote does not have what is asked for.
pub(in crate::cli) fn add_package(call: &Call<'_>, name: &str, output: &Output) -> Result<u8, Stop> {
    refuse_locked(call, "add")?;
    refuse_without_lists(call)?;
    let new = New::read(call, name)?;
    let _alone = alone(call, output)?;
    new.refuse_what_is_there()?;
    let tags = new.git.remote_tags(new.url)?;
    let form = form(&new.name, &tags, new.tag);
    let commit = new.commit(&tags, &form)?;
    let note = Note::new(Work::Added, &new.module(&commit), BTreeSet::new());
    let _tidying = Tidying::take();
    note.write(&call.place)?;
    output.say(&format!("fetching {} from {}", new.path, hidden(new.url)));
    let carried_out = new.carry_out((&tags, &form), &commit, &note, output);
    // Where all files were written git is told of the submodule; else the checkout goes again.
    let settled = Note::settle(&call.place, &new.git);
    let code = carried_out?;
    if settled? == Some(Settled::Left) {
        output.say(&format!("{} is left as it is: it has changes", new.path));
    }
    Ok(code)
}

impl<'n> New<'n> {
    fn read(call: &'n Call<'n>, name: &str) -> Result<Self, Stop> {
        let adding = &call.arguments.adding;
        let refuse = |problem: String| Err(Stop::from(AddError::NotAPackage { problem }));
        let Ok(name) = PackageName::parse(name) else {
            return refuse(format!("`{}` is no name of a package", brief(name)));
        };
        let Some(url) = adding.git.as_deref() else {
            return refuse(format!("nothing says where {name} comes from"));
        };
        if call.arguments.offline {
            return refuse(format!("{name} is to be fetched, and --offline lets no remote be asked"));
        }
        if call.model.packages.iter().any(|package| package.name.value == name) {
            return refuse(format!("{name} is a package of tasks.kdl already"));
        }
        let default = format!("packages/{}", name.as_str().replace('-', "_"));
        let text = adding.path.as_deref().unwrap_or(&default);
        let path = match RelPath::parse(text.trim_end_matches('/')) {
            // A URL in the wrong place would be one, password and all.
            Ok(path) if !path.is_root() && !text.contains("://") => path,
            _ => return refuse(format!("`{}` is no path in the repository", brief(text))),
        };
        let below =
            |text: &String| RelPath::parse(text.trim_end_matches('/')).ok().filter(|path| !path.is_root());
        let subdirectory = match adding.subdirectory.as_ref().map(|text| below(text).ok_or(text)) {
            Some(Err(text)) => return refuse(format!("`{}` is no directory in a repository", brief(text))),
            Some(Ok(path)) => Some(path),
            None => None,
        };
        let role = adding.role.filter(|role| *role != NewRole::Dependency).map(NewRole::word);
        let git = Git::find(&call.process.surroundings, &call.place.home)?;
        if git.toplevel(&call.place.root)?.as_deref() != Some(call.place.root.as_path()) {
            return refuse(
                "tasks.kdl is not at the top of a git repository, where .gitmodules is".to_owned(),
            );
        }
        Ok(Self { call, name, path, url, tag: adding.tag.as_deref(), subdirectory, role, git })
    }

    fn module<'m>(&'m self, commit: &'m ObjectId) -> Module<'m> {
        Module {
            top: &self.call.place.root,
            path: &self.path,
            name: self.path.as_str(),
            url: self.url,
            commit,
        }
    }

    /// Where the package lies.
    fn place(&self) -> RelPath {
        let inner = self.subdirectory.as_ref().map(|inner| self.path.join(inner.as_str()));
        // A path below another one is one.
        inner.and_then(Result::ok).unwrap_or_else(|| self.path.clone())
    }

    /// Nobody's files are written over, and no submodule's.
    fn refuse_what_is_there(&self) -> Result<(), Stop> {
        let (root, path) = (&self.call.place.root, &self.path);
        modules_file(root, |_| None)?;
        refuse_git_at_work(&self.call.place, &self.git)?;
        let known = self.git.submodules(root)?;
        let is_known = known.iter().any(|one| {
            let there = one.path.to_str().and_then(|there| RelPath::parse(there).ok());
            // git knows nothing in a submodule, nor below one.
            there.is_some_and(|there| path.is_in(&there) || there.is_in(path))
                || one.name.as_deref() == Some(path.as_str())
        });
        let is_taken = is_known
            || self.git.standing(root, path)? != Standing::Empty
            || self.git.tracks(root, path.as_str())? == Some(true)
            || self.git.has_module(root, path.as_str())?;
        if is_taken { Err(AddError::Occupied { path: path.to_string() }.into()) } else { Ok(()) }
    }

    /// What is checked out: the tag, or what the remote's default branch is at.
    fn commit(&self, tags: &BTreeMap<String, TagRef>, (form, _): &Form) -> Result<ObjectId, Stop> {
        let (found, what) = match self.tag {
            Some(tag) => {
                let found = form.version_of(tag).and_then(|_| tags.get(tag));
                (found.map(|found| found.peeled.clone()), format!("tag `{}` of a version", brief(tag)))
            }
            None => (self.git.remote_head(self.url)?, "default branch".to_owned()),
        };
        let problem = || format!("{} has no {what}", hidden(self.url));
        Ok(found.ok_or_else(|| AddError::NotAPackage { problem: problem() })?)
    }

    /// The environments that it takes part in, with its tags there; and those that it has no tag for.
    fn environments(
        &self,
        (tags, (form, _)): (&BTreeMap<String, TagRef>, &Form),
    ) -> (Vec<(EnvironmentId, Option<String>)>, Vec<&'n str>) {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for (id, environment) in self.call.model.environments() {
            match (environment.kept, environment.sources) {
                (Kept::Generated, Sources::Workspace) => with.push((id, None)),
                // Such a package is of the working tree alone.
                (_, Sources::Tags(_)) if self.role.is_some() => {}
                (Kept::Generated, Sources::Tags(channel)) => {
                    let accepted = releases(tags, form, Some(channel));
                    let asked = accepted.iter().find(|one| Some(one.tag) == self.tag);
                    match asked.or(accepted.last()) {
                        Some(release) => with.push((id, Some(release.tag.to_owned()))),
                        None => without.push(environment.name.value.as_str()),
                    }
                }
                _ => {}
            }
        }
        (with, without)
    }

    /// Checks it out, tries and writes.
    fn carry_out(
        &self,
        (tags, form): (&BTreeMap<String, TagRef>, &Form),
        commit: &ObjectId,
        note: &Note,
        output: &Output,
    ) -> Result<u8, Stop> {
        let call = self.call;
        self.git.check_out(&self.module(commit))?;
        self.refuse_another_name()?;
        let (environments, without) = self.environments((tags, form));
        let names: Vec<&str> =
            environments.iter().map(|(id, _)| call.model.environment(*id).name.value.as_str()).collect();
        let new = NewPackage {
            name: &self.name,
            path: &self.place(),
            git: self.url,
            subdirectory: self.subdirectory.as_ref(),
            role: self.role,
            tag_form: form.1.as_deref(),
            environments: environments.clone(),
            everywhere: without.is_empty(),
        };
        let request = Request {
            call,
            files: vec![tasks_file(call, with_package(&call.model, &new)?)?],
            targets: trial::locked_and_verified(&names),
            arguments: Arguments { adding: Adding::default(), ..call.arguments.clone() },
        };
        let mut passed = match trial::run(&request, output)? {
            Tried::Passed(passed) => passed,
            Tried::Failed(code) => return Ok(code),
        };
        let with = |text: &[u8]| Some(with_section(text, self.path.as_str(), self.path.as_str(), self.url));
        passed.files.extend(modules_file(&call.place.root, with)?);
        passed.files.sort_by(|one, other| one.path.cmp(&other.path));
        if !call.arguments.dry_run {
            passed.commit_noted(Some(&note.decision()))?;
        }
        Ok(self.told(&passed, &names, &without, output))
    }

    fn refuse_another_name(&self) -> Result<(), Stop> {
        let place = self.place().under(&self.call.place.root).join("pyproject.toml");
        // What is no ordinary file names nothing: a link to a device would never end, and one out of the repository is
        // somebody else's manifest.
        let is_file = place.symlink_metadata().is_ok_and(|found| found.is_file());
        let manifest = if is_file { read_if_exists(&place)? } else { None }.unwrap_or_default();
        match project_name(&String::from_utf8_lossy(&manifest)) {
            Some(name) if name == self.name => Ok(()),
            Some(name) => {
                let problem = format!("{} is the package {name}, not {}", hidden(self.url), self.name);
                Err(AddError::NotAPackage { problem }.into())
            }
            None => {
                let below = self.subdirectory.as_ref().map(|path| format!(" in {path}")).unwrap_or_default();
                let problem =
                    format!("{} has no pyproject.toml{below} that names a package", hidden(self.url));
                Err(AddError::NotAPackage { problem }.into())
            }
        }
    }

    fn told(&self, passed: &Passed, names: &[&str], without: &[&str], output: &Output) -> u8 {
        let (name, is_dry) = (&self.name, self.call.arguments.dry_run);
        if output.is_json() {
            let mut answer = passed.json(self.call);
            answer["package"] = json!(name.as_str());
            answer["submodule"] = json!(self.path.as_str());
            answer["environments"] = json!(names);
            answer["left_out"] = json!(without);
            return Output::answer(&answer);
        }
        let verb = if is_dry { "would be" } else { "is" };
        output.say(&format!("{name} {verb} a package, in {}: {}", self.path, passed.paths()));
        if !without.is_empty() {
            let without = without.join(", ");
            output.say(&format!("it takes no part in {without}: it has no tag of their channels"));
        }
        passed.print()
    }
}
