//! `add package NAME --git URL [--path P] [--tag T]`: an internal package, as a submodule of the repository.
//!
//! It is checked out at its place, so that a trial sees its files; then `tasks.kdl` with its node and pins, the manifests
//! and lockfiles of a trial and `.gitmodules` are written together, or none, and the checkout goes again. A note in the
//! journal ([`super::note`]) says so to the call after one that was cut off. Environments in whose channel the package
//! has no tag yet are left out, by `environments=`, and that is said.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::absorb::refuse_locked;
use super::super::args::{Adding, Arguments};
use super::super::call::Call;
use super::super::fetch::alone;
use super::super::load::Stop;
use super::super::output::Output;
use super::super::pin::tasks_file;
use super::super::trial::{self, Passed, Request, Tried};
use super::error::AddError;
use super::note::{Note, Settled};
use super::refuse_without_lists;
use crate::base::{RelPath, brief, hidden, read_if_exists};
use crate::cache::FileChange;
use crate::ledger::releases;
use crate::manifest::{NewPackage, project_name, with_package};
use crate::model::{EnvironmentId, Kept, PackageName, Sources, TagForm};
use crate::tool::git::{Git, Module, ObjectId, Standing, TagRef};

/// A package that is to be added.
struct New<'n> {
    call: &'n Call<'n>,
    name: PackageName,
    path: RelPath,
    url: &'n str,
    tag: Option<&'n str>,
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
    let commit = new.commit(&tags)?;
    let note = Note::new(&new.path, new.url, &commit);
    note.write(&call.place)?;
    output.say(&format!("fetching {} from {}", new.path, hidden(new.url)));
    let carried_out = new.carry_out(&tags, &commit, output);
    // Where `.gitmodules` was written git is told of the submodule; else the checkout goes again.
    let settled = note.settle(&call.place, &new.git);
    let code = carried_out?;
    if settled? == Settled::Left {
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
            Ok(path) if !path.is_root() => path,
            _ => return refuse(format!("`{}` is no path in the repository", brief(text))),
        };
        let git = Git::find(&call.process.surroundings, &call.place.home)?;
        if git.toplevel(&call.place.root)?.as_deref() != Some(call.place.root.as_path()) {
            return refuse(
                "tasks.kdl is not at the top of a git repository, where .gitmodules is".to_owned(),
            );
        }
        Ok(Self { call, name, path, url, tag: adding.tag.as_deref(), git })
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

    /// Nobody's files are written over, and no submodule's.
    fn refuse_what_is_there(&self) -> Result<(), Stop> {
        let (root, path) = (&self.call.place.root, &self.path);
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
    fn commit(&self, tags: &BTreeMap<String, TagRef>) -> Result<ObjectId, Stop> {
        let (found, what) = match self.tag {
            Some(tag) => {
                let found = TagForm::Plain.version_of(tag).and_then(|_| tags.get(tag));
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
        tags: &BTreeMap<String, TagRef>,
    ) -> (Vec<(EnvironmentId, Option<String>)>, Vec<&'n str>) {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for (id, environment) in self.call.model.environments() {
            match (environment.kept, environment.sources) {
                (Kept::Generated, Sources::Workspace) => with.push((id, None)),
                (Kept::Generated, Sources::Tags(channel)) => {
                    let accepted = releases(tags, &TagForm::Plain, Some(channel));
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
        tags: &BTreeMap<String, TagRef>,
        commit: &ObjectId,
        output: &Output,
    ) -> Result<u8, Stop> {
        let call = self.call;
        self.git.check_out(&self.module(commit))?;
        self.refuse_another_name()?;
        let (environments, without) = self.environments(tags);
        let names: Vec<&str> =
            environments.iter().map(|(id, _)| call.model.environment(*id).name.value.as_str()).collect();
        let new = NewPackage {
            name: &self.name,
            path: &self.path,
            git: self.url,
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
        passed.files.insert(0, self.declared()?);
        if !call.arguments.dry_run {
            passed.commit()?;
        }
        Ok(self.told(&passed, &names, &without, output))
    }

    fn refuse_another_name(&self) -> Result<(), Stop> {
        let place = self.path.under(&self.call.place.root).join("pyproject.toml");
        // What is no ordinary file names nothing: a link to a device would never end.
        let manifest = read_if_exists(&place).ok().flatten().unwrap_or_default();
        match project_name(&String::from_utf8_lossy(&manifest)) {
            Some(name) if name == self.name => Ok(()),
            Some(name) => {
                let problem = format!("{} is the package {name}, not {}", hidden(self.url), self.name);
                Err(AddError::NotAPackage { problem }.into())
            }
            None => {
                let problem = format!("{} has no pyproject.toml that names a package", hidden(self.url));
                Err(AddError::NotAPackage { problem }.into())
            }
        }
    }

    /// `.gitmodules` with an entry more.
    fn declared(&self) -> Result<FileChange, Stop> {
        let path = RelPath::root()
            .join(".gitmodules")
            .map_err(|_| AddError::Occupied { path: self.path.to_string() })?;
        let before = read_if_exists(&path.under(&self.call.place.root))?;
        let mut after = before.clone().unwrap_or_default();
        if !after.is_empty() && !after.ends_with(b"\n") {
            after.push(b'\n');
        }
        let (name, place, url) =
            (git_quoted(self.path.as_str()), git_value(self.path.as_str()), git_value(self.url));
        after.extend(format!("[submodule {name}]\n\tpath = {place}\n\turl = {url}\n").into_bytes());
        Ok(FileChange { path, before, after: Some(after) })
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

/// A value of git's settings, as git itself writes it.
fn git_value(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-:@+~%".contains(letter);
    if text.chars().all(is_plain) { text.to_owned() } else { git_quoted(text) }
}

fn git_quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::git_value;

    #[test]
    fn a_value_is_quoted_where_git_would_read_it_otherwise() {
        for (text, value) in [
            ("packages/a", "packages/a"),
            ("https://h/a.git", "https://h/a.git"),
            ("a b", "\"a b\""),
            ("a#b\"c\\", "\"a#b\\\"c\\\\\""),
        ] {
            assert_eq!(git_value(text), value);
        }
    }
}
