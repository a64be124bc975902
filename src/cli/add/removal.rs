//! `remove package NAME [--keep-files]`: what `add package` has made goes again, with all that follows.
//!
//! Out of `tasks.kdl` go its node, its pins and the requirements on it; manifests and lockfiles are made in a trial, in
//! which its files are gone. A submodule in which no other package lies goes with its section of `.gitmodules`, its entry
//! of the index and its repository, unless something would be lost with it ([`Git::at_stake`]). All of it, or nothing:
//! the files are written together, and a note ([`super::note`]) has the rest done after them, by the next call if this
//! one is cut off.
//!
//! Refused while something else requires the package: a manifest of another package, an adopted one, a release that an
//! environment pins. uv would take a stranger's package of that name from an index.

use std::collections::BTreeSet;
use std::fs;

use super::super::absorb::refuse_locked;
use super::super::args::{Adding, Arguments};
use super::super::call::Call;
use super::super::doctor::required;
use super::super::fetch::alone;
use super::super::load::{self, Stop};
use super::super::output::Output;
use super::super::pin::{package, tasks_file};
use super::super::trial::{self, Passed, Request, Tried};
use super::error::AddError;
use super::modules::{modules_file, refuse_git_at_work};
use super::note::{Note, Settled, Work};
use super::of_package::is_locked_from;
use super::removal_told::{Told, lost, still};
use crate::base::{RelPath, SourceFile, read_if_exists};
use crate::ledger::ReleaseKey;
use crate::manifest::{requirement_name, without_package};
use crate::model::{Environment, EnvironmentId, Kept, Model, Package, PackageId};
use crate::plan;
use crate::tool::git::{Elsewhere, Git, Module, ObjectId, Standing, without_section};

/// A package that is to go.
struct Gone<'g> {
    call: &'g Call<'g>,
    id: PackageId,
    package: &'g Package,
    git: Git,
}

/// The submodule that goes with it.
pub(super) struct Submodule {
    pub(super) path: RelPath,
    /// What git calls it.
    name: String,
    url: String,
    /// What the index pins.
    commit: ObjectId,
    /// Commits that are not lost with it.
    elsewhere: BTreeSet<ObjectId>,
}

/// What becomes of the package's files.
pub(super) enum Files {
    /// It has none here.
    None,
    /// They stay, because of that.
    Stay(String),
    /// They are a submodule.
    Submodule(Submodule),
}

/// Carries out the verb. `name` is the package's.
///
/// # Errors
/// When nothing may be written, something requires the package, or what only its submodule has would be lost.
pub(in crate::cli) fn remove_package(call: &Call<'_>, name: &str, output: &Output) -> Result<u8, Stop> {
    refuse_locked(call, "remove")?;
    let id = package(&call.model, "remove package", name)?;
    let git = Git::find(&call.process.surroundings, &call.place.home)?;
    let gone = Gone { call, id, package: call.model.package(id), git };
    let _alone = alone(call, output)?;
    gone.refuse_required()?;
    let files = gone.files()?;
    gone.carry_out(&files, output)
}

impl Gone<'_> {
    fn name(&self) -> &str {
        self.package.name.value.as_str()
    }

    fn keeps_files(&self) -> bool {
        self.call.arguments.adding.keep_files
    }

    /// Does the environment take the package?
    fn takes_part(&self, environment: &Environment) -> bool {
        environment.packages.iter().any(|participant| participant.package == self.id)
    }

    /// Stops where something that envloom does not write requires it.
    fn refuse_required(&self) -> Result<(), Stop> {
        let model = &self.call.model;
        let (mut by, mut help) = (String::new(), None);
        let mut found = |line: String, todo: String| {
            by.extend(["\n  ", &line]);
            help.get_or_insert(todo);
        };
        for (at, other) in model.packages.iter().enumerate() {
            let Some(path) = other.path.as_ref().filter(|_| PackageId(at) != self.id) else { continue };
            if self.is_required_in(&path.value)? {
                let name = &other.name.value;
                found(
                    format!("by {name}, in {}/pyproject.toml", path.value),
                    format!(
                        "take it out there first, with `envloom remove {} --package {name}`",
                        self.name()
                    ),
                );
            }
        }
        for (at, environment) in model.environments() {
            let manifest = &environment.manifest.value;
            if environment.kept == Kept::Adopted
                && (self.is_required_in(&environment.directory())? || self.is_locked_in(at)?)
            {
                found(
                    format!("by {}, in {manifest}", environment.name.value),
                    format!("take it out of {manifest} first, with `uv remove`"),
                );
            }
        }
        for (release, environment) in self.pinned_requiring()? {
            found(
                format!("by {} {} in {environment}", release.package, release.reference),
                format!("pin a release of {} that does not", release.package),
            );
        }
        let package = self.name().to_owned();
        help.map_or(Ok(()), |help| Err(AddError::Required { package, by, help }.into()))
    }

    fn is_required_in(&self, directory: &RelPath) -> Result<bool, Stop> {
        let place = directory.under(&self.call.place.root).join("pyproject.toml");
        // One that is not there, or is no TOML, the trial speaks of.
        let table = read_if_exists(&place)?.as_deref().and_then(plan::table);
        Ok(table.is_some_and(|table| required(&table).iter().any(|name| name == self.name())))
    }

    fn is_locked_in(&self, at: EnvironmentId) -> Result<bool, Stop> {
        match &self.package.path {
            Some(path) if !self.keeps_files() => is_locked_from(self.call, at, self.id, &path.value),
            _ => Ok(false),
        }
    }

    /// Releases pinned beside it that require it.
    fn pinned_requiring(&self) -> Result<Vec<(ReleaseKey, String)>, Stop> {
        let (call, model) = (self.call, &self.call.model);
        let record = load::record(&call.place, model, &call.observer)?;
        let mut found = Vec::new();
        for environment in model.environments.iter().filter(|one| self.takes_part(one)) {
            for other in environment.packages.iter().filter(|one| one.package != self.id) {
                let Some(pin) = &other.pin else { continue };
                let key = ReleaseKey {
                    package: model.package(other.package).name.value.clone(),
                    reference: pin.reference.as_str().to_owned(),
                };
                let requires = record.releases.get(&key).map(|release| release.requires_dist.as_slice());
                let is_it = |text: &String| requirement_name(text).as_deref() == Some(self.name());
                if requires.unwrap_or_default().iter().any(is_it) {
                    found.push((key, environment.name.value.clone()));
                }
            }
        }
        Ok(found)
    }

    /// What is to become of its files.
    fn files(&self) -> Result<Files, Stop> {
        let Some(path) = self.package.path.as_ref().map(|path| &path.value) else { return Ok(Files::None) };
        let root = &self.call.place.root;
        let plain = || Ok(Files::Stay(format!("its files stay in {path}")));
        let Some(top) = self.git.toplevel(root)? else { return plain() };
        if top != *root {
            return plain();
        }
        let holds = |inner: &RelPath| path.is_in(inner);
        let found = self.git.submodules(root)?.into_iter().find_map(|one| {
            let inner = RelPath::parse(one.path.to_str()?).ok().filter(holds)?;
            Some((inner, one.commit.clone()?, one))
        });
        let Some((inner, commit, declared)) = found else { return plain() };
        let others =
            self.call.model.packages.iter().filter(|other| other.name.value != self.package.name.value);
        let others: Vec<&str> = others
            .filter(|other| other.path.as_ref().is_some_and(|path| path.value.is_in(&inner)))
            .map(|other| other.name.value.as_str())
            .collect();
        if !others.is_empty() {
            return Ok(Files::Stay(format!("{inner} stays: {} lies in it, too", others.join(", "))));
        }
        modules_file(root, |_| None)?;
        refuse_git_at_work(&self.call.place, &self.git)?;
        if self.git.unmerged(root)?.keys().any(|path| path.to_str() == Some(".gitmodules")) {
            return Err(AddError::ModulesUnfit { problem: "it is in conflict".to_owned() }.into());
        }
        let git = self.package.git.as_ref().map(|git| git.value.clone());
        let mut submodule = Submodule {
            name: declared.name.unwrap_or_else(|| inner.to_string()),
            url: declared.url.or(git).unwrap_or_default(),
            path: inner,
            commit,
            elsewhere: BTreeSet::new(),
        };
        if !self.keeps_files() {
            submodule.elsewhere = self.refuse_loss(&submodule)?;
        }
        Ok(Files::Submodule(submodule))
    }

    /// Stops where something would be lost. Says which commits are not, because the remote has them by its tags.
    fn refuse_loss(&self, submodule: &Submodule) -> Result<BTreeSet<ObjectId>, Stop> {
        let (root, path) = (&self.call.place.root, &submodule.path);
        let refuse = |lost: String, help| {
            Err(Stop::from(AddError::HasWork { path: path.to_string(), lost: format!("\n  {lost}"), help }))
        };
        match self.git.standing(root, path)? {
            Standing::Occupied => {
                return refuse("files that are no checkout of the submodule".to_owned(), "move them away");
            }
            Standing::CheckedOut(at) if at.as_ref() != Some(&submodule.commit) => {
                let at = at.as_ref().map_or_else(|| "no commit".to_owned(), ObjectId::short);
                let pinned = submodule.commit.short();
                let help = "type `git submodule update`, or add the submodule as it is";
                return refuse(format!("it is at {at}, not at {pinned}, which the index pins"), help);
            }
            _ => {}
        }
        let of = (path, submodule.name.as_str());
        let mut elsewhere = Elsewhere::default();
        let mut at_stake = self.git.at_stake(root, of, &elsewhere)?;
        // Branches of the remote that are known here do not lead to every release.
        if lost::has_commits(&at_stake) && !self.call.arguments.offline && !submodule.url.is_empty() {
            let tags = self.git.remote_tags(&submodule.url)?;
            elsewhere.commits = tags.into_values().map(|tag| tag.peeled).collect();
            at_stake = self.git.at_stake(root, of, &elsewhere)?;
        }
        match lost::told(&at_stake) {
            Some((lines, help)) => refuse(lines, help),
            None => Ok(elsewhere.commits),
        }
    }

    fn carry_out(&self, files: &Files, output: &Output) -> Result<u8, Stop> {
        let call = self.call;
        let without = without_package(&call.model, self.id)?;
        let source = SourceFile::new(call.place.file_name.as_str(), without.text.as_str());
        let model = load::model_of(&call.place.root, &source, &call.observer)?;
        let names = self.concerned(&model);
        let request = Request {
            call,
            files: vec![tasks_file(call, without.text.clone())?],
            targets: targets(&model, &names),
            arguments: Arguments { adding: Adding::default(), ..call.arguments.clone() },
        };
        let gone = match files {
            Files::Submodule(submodule) if !self.keeps_files() => Some(&submodule.path),
            _ => None,
        };
        let prepare = |copy: &std::path::Path| -> Result<(), Stop> {
            let Some(place) = gone.map(|path| path.under(copy)).filter(|place| place.exists()) else {
                return Ok(());
            };
            fs::remove_dir_all(&place)
                .map_err(|cause| crate::base::FileError::new("remove", &place, cause).into())
        };
        let mut passed = match trial::run_prepared(&request, &prepare, output)? {
            Tried::Passed(passed) => passed,
            Tried::Failed(code) => return Ok(code),
        };
        // That they go is git's to know, not a change of files.
        passed.files.retain(|change| gone.is_none_or(|path| !change.path.is_in(path)));
        let settled = match files {
            Files::Submodule(submodule) => self.submodule(submodule, &mut passed)?,
            _ if call.arguments.dry_run => None,
            _ => passed.commit().map(|()| None)?,
        };
        let still = still(&model, &passed, self.name());
        let told = Told {
            call,
            package: self.package,
            passed: &passed,
            names: &names,
            files,
            naming: &without.naming,
            settled,
            still,
        };
        Ok(told.tell(output))
    }

    /// Writes all files with `.gitmodules`, and has git forget the submodule.
    fn submodule(&self, submodule: &Submodule, passed: &mut Passed) -> Result<Option<Settled>, Stop> {
        let place = &self.call.place;
        passed.files.extend(modules_file(&place.root, |text| without_section(text, &submodule.name))?);
        passed.files.sort_by(|one, other| one.path.cmp(&other.path));
        if self.call.arguments.dry_run {
            return Ok(None);
        }
        let (work, elsewhere) = if self.keeps_files() {
            (Work::Released, BTreeSet::new())
        } else {
            // Somebody may have gone on working while this was tried.
            (Work::Removed, self.refuse_loss(submodule)?)
        };
        refuse_git_at_work(place, &self.git)?;
        let Submodule { path, name, url, commit, .. } = submodule;
        let note = Note::new(work, &Module { top: &place.root, path, name, url, commit }, elsewhere);
        note.write(place)?;
        let committed = passed.commit_noted(Some(&note.decision()));
        let settled = Note::settle(place, &self.git);
        committed?;
        settled
    }

    /// The environments whose manifest or lockfile follows from the package; all that are written where none does, so
    /// that what was changed is tried.
    fn concerned(&self, model: &Model) -> Vec<String> {
        let differing = super::differing(&self.call.model, model);
        let written = || self.call.model.environments.iter().filter(|one| one.kept != Kept::Adopted);
        let name = |one: &Environment| one.name.value.clone();
        let follows = |one: &&Environment| self.takes_part(one) || differing.contains(&one.name.value);
        let following: Vec<String> = written().filter(follows).map(name).collect();
        if following.is_empty() { written().map(name).collect() } else { following }
    }
}

/// What is tried. An adopted environment does not follow from the package: where there are no other ones, that all is as
/// it was.
fn targets(model: &Model, names: &[String]) -> Vec<String> {
    if names.is_empty() {
        return model.environments.iter().map(|one| format!("check:{}", one.name.value)).collect();
    }
    trial::locked_and_verified(names)
}
