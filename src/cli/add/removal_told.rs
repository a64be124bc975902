//! What `remove package` says: at its end, of what would be lost, and of a lockfile that has the package all the same.

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::output::Output;
use super::super::trial::Passed;
use super::note::Settled;
use super::removal::Files;
use crate::base::{SourceFile, printable};
use crate::ledger::Lockfile;
use crate::model::{Model, Package};

/// What is said at the end.
pub(super) struct Told<'t> {
    pub(super) call: &'t Call<'t>,
    pub(super) package: &'t Package,
    pub(super) passed: &'t Passed,
    /// The environments that were locked.
    pub(super) names: &'t [String],
    pub(super) files: &'t Files,
    /// Lines of `tasks.kdl` that name its files still.
    pub(super) naming: &'t [usize],
    pub(super) settled: Option<Settled>,
    pub(super) still: Vec<Still>,
}

impl<'t> Told<'t> {
    pub(super) fn tell(&self, output: &Output) -> u8 {
        let (name, is_dry) = (&self.package.name.value, self.call.arguments.dry_run);
        if output.is_json() {
            return Output::answer(&self.json());
        }
        let verb = if is_dry { "would be" } else { "is" };
        output.say(&format!("{name} {verb} no package any more: {}", self.passed.paths()));
        match self.files {
            Files::None => {}
            Files::Stay(said) => output.say(said),
            Files::Submodule(submodule) => {
                let path = &submodule.path;
                output.say(&if self.settled == Some(Settled::Left) {
                    format!("{path} has changes: its files stay")
                } else if self.call.arguments.adding.keep_files {
                    format!("{path} {verb} no submodule any more; its files stay")
                } else {
                    format!("{path}, its submodule, {verb} gone")
                });
            }
        }
        for line in self.naming.iter().filter(|_| self.goes().is_some()) {
            let (file, path) = (&self.call.place.file_name, self.goes().unwrap_or_default());
            output.say(&format!("{file}:{line} names what was in {path}: look at it"));
        }
        self.still.iter().for_each(|still| output.say(&still.told(name.as_str())));
        self.passed.print()
    }

    fn json(&self) -> Value {
        let mut answer = self.passed.json(self.call);
        let submodule = match self.files {
            Files::Submodule(submodule) => Some(submodule.path.as_str()),
            _ => None,
        };
        answer["package"] = json!(self.package.name.value.as_str());
        answer["submodule"] = json!(submodule);
        answer["environments"] = json!(self.names);
        answer["files_stay"] = json!(!matches!(self.files, Files::None) && self.goes().is_none());
        answer["named_in_lines"] = json!(if self.goes().is_some() { self.naming } else { &[] });
        answer["still_locked"] = self.still.iter().map(Still::json).collect();
        answer
    }

    /// The submodule whose files go.
    fn goes(&self) -> Option<&'t str> {
        match self.files {
            Files::Submodule(submodule)
                if !self.call.arguments.adding.keep_files && self.settled != Some(Settled::Left) =>
            {
                Some(submodule.path.as_str())
            }
            _ => None,
        }
    }
}

/// What would be lost with a submodule.
pub(super) mod lost {
    use crate::base::printable;
    use crate::tool::git::{AtStake, Stake};

    /// Are commits among it?
    pub(in super::super) fn has_commits(all: &[AtStake]) -> bool {
        all.iter().flat_map(|one| &one.lost).any(|stake| matches!(stake, Stake::Commit(..)))
    }

    /// The lines that name it, and what saves it; `None`: it is nothing.
    pub(in super::super) fn told(all: &[AtStake]) -> Option<(String, &'static str)> {
        let mut lines = Vec::new();
        for one in all {
            let within = match one.inner.to_string_lossy() {
                inner if inner.is_empty() => String::new(),
                inner => format!("in {}: ", printable(&inner)),
            };
            lines.extend(one.lost.iter().map(|stake| format!("{within}{}", line(stake))));
        }
        let help = match all.iter().flat_map(|one| &one.lost).next()? {
            Stake::File(_) => "commit and push it there, or throw it away",
            Stake::Commit(..) => "push it there, or delete its branch or tag",
            Stake::Worktree => "type `git worktree list` there",
            Stake::Filters => "look at it yourself",
        };
        Some((lines.join("\n  "), help))
    }

    fn line(stake: &Stake) -> String {
        match stake {
            Stake::File(path) => format!("{} is not committed", printable(&path.to_string_lossy())),
            Stake::Commit(id, subject) => {
                format!("commit {} is on no remote: {}", id.short(), printable(subject))
            }
            Stake::Worktree => "its repository has other working trees".to_owned(),
            Stake::Filters => {
                "its settings name programs to compare files with: whether it is clean is not known"
                    .to_owned()
            }
        }
    }
}

/// A lockfile that has a package of that name still: something from an index asks for it.
pub(super) struct Still {
    lockfile: String,
    version: String,
    by: Vec<String>,
}

/// The changed lockfiles in which a package of that name is.
pub(super) fn still(model: &Model, passed: &Passed, name: &str) -> Vec<Still> {
    let mut found = Vec::new();
    for change in passed.files.iter().filter(|change| change.path.file_name() == "uv.lock") {
        let Some(bytes) = &change.after else { continue };
        let text = String::from_utf8_lossy(bytes).into_owned();
        let environment = model.environments.iter().find(|one| one.lockfile() == change.path);
        let of = environment.map(|one| one.name.value.as_str()).unwrap_or_default();
        // uv has just written it.
        let Ok(lockfile) = Lockfile::parse(&SourceFile::new(change.path.as_str(), text), of) else {
            continue;
        };
        let mut asking = lockfile.packages.iter().filter(|one| {
            let all =
                one.dependencies.iter().chain(one.optional.values().chain(one.groups.values()).flatten());
            all.into_iter().any(|dependency| dependency.name == name)
        });
        let by: Vec<String> = asking.by_ref().map(|one| one.name.clone()).collect();
        found.extend(lockfile.named(name).map(|one| Still {
            lockfile: change.path.to_string(),
            version: one.version.clone().unwrap_or_default(),
            by: by.clone(),
        }));
    }
    found
}

impl Still {
    pub(super) fn told(&self, name: &str) -> String {
        let by = if self.by.is_empty() { "nobody".to_owned() } else { self.by.join(", ") };
        let said =
            format!("{} has {name} {} still, from elsewhere: {by} asks for it", self.lockfile, self.version);
        printable(&said).into_owned()
    }

    pub(super) fn json(&self) -> Value {
        json!({ "lockfile": self.lockfile, "version": self.version, "by": self.by })
    }
}
