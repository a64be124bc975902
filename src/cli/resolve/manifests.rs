//! Manifests in conflict.
//!
//! Each side of one is generated from the merged `tasks.kdl`, by what that side's `envloom.lock` says is envloom's in it.
//! The three texts then differ only in what is not envloom's, and that merges as git merges texts. A manifest that
//! people have settled already is generated as it stands; what is envloom's in it gives way.

use std::collections::{BTreeMap, BTreeSet};

use super::super::call::Call;
use super::super::load::{self, Stop};
use super::super::prepare;
use super::error::ResolveFinding;
use super::sides::{BASE, OURS, Recorded, Sides, THEIRS};
use crate::base::{FileError, RelPath, printable, write_cached};
use crate::cache::FileChange;
use crate::ledger::{Record, conflict_marker};
use crate::manifest::{self, Disposition, Members, OnDisk, PythonVersionFile, Rendered, Request};
use crate::model::{Environment, EnvironmentId, Kept, Sources};
use crate::tool::git::MergedText;

/// The manifests at work.
pub(super) struct Manifests<'m> {
    call: &'m Call<'m>,
    sides: &'m Sides<'m>,
    recorded: &'m Recorded,
    /// As it is to be; the owned entries of what was settled so far.
    record: Record,
    members: Members,
    found: BTreeMap<EnvironmentId, OnDisk>,
    /// As they are to be.
    on_disk: BTreeMap<EnvironmentId, OnDisk>,
}

impl<'m> Manifests<'m> {
    /// Reads what stands in the working tree.
    pub(super) fn read(
        call: &'m Call<'m>,
        sides: &'m Sides<'m>,
        recorded: &'m Recorded,
        record: Record,
    ) -> Result<Self, Stop> {
        let found = load::on_disk(&call.place.root, &call.model, &call.observer)?;
        let members = prepare::members(&call.place.root, &call.model, &call.observer)?;
        Ok(Self { call, sides, recorded, record, members, on_disk: found.clone(), found })
    }

    /// Settles those that are in conflict; returns what people have to.
    pub(super) fn settle(&mut self) -> Result<Vec<ResolveFinding>, Stop> {
        let model = &self.call.model;
        let mut order: Vec<(EnvironmentId, &Environment)> =
            model.environments().filter(|(_, environment)| environment.is_written()).collect();
        // What others carry settings over from, or are made from, comes first.
        order.sort_by_key(|(_, one)| {
            (one.sources != Sources::Workspace, matches!(one.kept, Kept::Derived(_)))
        });
        let mut findings = Vec::new();
        for (id, environment) in order {
            findings.extend(self.settle_one(id, environment)?);
        }
        Ok(findings)
    }

    fn settle_one(
        &mut self,
        id: EnvironmentId,
        environment: &Environment,
    ) -> Result<Option<ResolveFinding>, Stop> {
        let path = &environment.manifest.value;
        let beside = python_version(environment);
        let is_marked =
            |text: &Option<String>| text.as_deref().is_some_and(|text| conflict_marker(text).is_some());
        let found = self.on_disk.get(&id).cloned().unwrap_or_default();
        let marked = [(path, is_marked(&found.manifest)), (&beside, is_marked(&found.python_version))];
        for (path, is_marked) in marked {
            if is_marked && !self.sides.is_unmerged(path) {
                return Ok(Some(ResolveFinding::NoSides { path: path.to_string() }));
            }
        }
        if marked.iter().any(|(_, is_marked)| *is_marked) {
            return self.merge(id, environment, &found);
        }
        let is_settled = marked.iter().any(|(path, _)| self.sides.is_unmerged(path));
        if is_settled || self.recorded.merged.owned_otherwise.contains(path) {
            let rendered = self.rendered(id, found.clone(), &self.record, Disposition::Discard)?;
            let text = rendered.text.clone();
            self.take(id, environment, (rendered, text), found.python_version);
        }
        Ok(None)
    }

    fn merge(
        &mut self,
        id: EnvironmentId,
        environment: &Environment,
        found: &OnDisk,
    ) -> Result<Option<ResolveFinding>, Stop> {
        let (path, beside) = (&environment.manifest.value, python_version(environment));
        let mut texts = Vec::new();
        let mut ours = None;
        for (at, disposition) in [
            // Only compared with.
            (BASE, Disposition::DiscardAndTakeOver),
            (OURS, Disposition::Stop),
            (THEIRS, Disposition::Stop),
        ] {
            let mut there = found.clone();
            if self.sides.is_unmerged(path) {
                there.manifest = self.sides.text(path, at)?;
            }
            if self.sides.is_unmerged(&beside) {
                there.python_version = self.sides.text(&beside, at)?;
            }
            let mut record = self.record.clone();
            record.owned.remove(path);
            let owned = self.recorded.sides[at].owned.get(path);
            record.owned.extend(owned.map(|owned| (path.clone(), owned.clone())));
            let python_version = there.python_version.clone();
            let text = there.manifest.clone().unwrap_or_default();
            match self.rendered(id, there, &record, disposition) {
                Ok(rendered) => {
                    texts.push(rendered.text.clone());
                    if at == OURS {
                        ours = Some((rendered, python_version));
                    }
                }
                Err(_) if at == BASE => texts.push(text),
                Err(refused) => return Err(refused),
            }
        }
        let merged = self.merged_text(&texts)?;
        let text = String::from_utf8_lossy(&merged.text).into_owned();
        if merged.has_conflicts {
            let lines = in_conflict(&text);
            return Ok(Some(ResolveFinding::ByHand { path: path.to_string(), lines }));
        }
        if let Some((rendered, python_version)) = ours {
            self.take(id, environment, (rendered, text), python_version);
        }
        Ok(None)
    }

    fn rendered(
        &self,
        id: EnvironmentId,
        there: OnDisk,
        record: &Record,
        disposition: Disposition,
    ) -> Result<Rendered, Stop> {
        let mut on_disk = self.on_disk.clone();
        on_disk.insert(id, there);
        let mut set = self.rendered_all((record, &on_disk), &[(id, disposition)].into());
        let rendered = set.remove(&id).expect("a manifest that is written is rendered");
        match rendered.refused {
            Some(refused) => Err(refused.into()),
            None => Ok(rendered),
        }
    }

    fn rendered_all(
        &self,
        (record, on_disk): (&Record, &BTreeMap<EnvironmentId, OnDisk>),
        dispositions: &BTreeMap<EnvironmentId, Disposition>,
    ) -> BTreeMap<EnvironmentId, Rendered> {
        let model = &self.call.model;
        let scoped_excludes = prepare::has_scoped_excludes(model);
        let members = &self.members;
        let request = Request { model, record, on_disk, members, dispositions, scoped_excludes };
        manifest::render(&request).manifests
    }

    /// Takes what one manifest is to be.
    fn take(
        &mut self,
        id: EnvironmentId,
        environment: &Environment,
        (rendered, text): (Rendered, String),
        python_version: Option<String>,
    ) {
        let python_version = match rendered.python_version {
            PythonVersionFile::Leave => python_version,
            PythonVersionFile::Write(text) => Some(text),
            PythonVersionFile::Remove => None,
        };
        let here = self.on_disk.entry(id).or_default();
        (here.manifest, here.python_version) = (Some(text), python_version);
        self.record.owned.insert(environment.manifest.value.clone(), rendered.owned);
    }

    fn merged_text(&self, texts: &[String]) -> Result<MergedText, Stop> {
        let scratch = tempfile::tempdir_in(self.call.place.state())
            .map_err(|cause| FileError::new("make", self.call.place.state(), cause))?;
        for (name, text) in ["base", "ours", "theirs"].into_iter().zip(texts) {
            write_cached(&scratch.path().join(name), text.as_bytes())?;
        }
        Ok(self.sides.git.merged_text(scratch.path())?)
    }

    /// The files that change, the record, and the environments whose manifests generate would change besides.
    pub(super) fn done(self) -> Result<(Vec<FileChange>, Record, BTreeSet<String>), Stop> {
        let mut files = Vec::new();
        for (id, here) in &self.on_disk {
            let environment = self.call.model.environment(*id);
            let there = &self.found[id];
            let mut change = |path: RelPath, before: &Option<String>, after: &Option<String>| {
                if before != after {
                    let bytes = |text: &Option<String>| text.as_ref().map(|text| text.clone().into_bytes());
                    files.push(FileChange { path, before: bytes(before), after: bytes(after) });
                }
            };
            change(environment.manifest.value.clone(), &there.manifest, &here.manifest);
            change(python_version(environment), &there.python_version, &here.python_version);
        }
        // Nothing of these is written through a link.
        for file in &files {
            self.sides.bytes(&file.path)?;
        }
        let all = self.rendered_all((&self.record, &self.on_disk), &BTreeMap::new());
        let unlike =
            all.values().filter(|one| one.refused.is_some() || one.old.as_deref() != Some(one.text.as_str()));
        let unlike = unlike.map(|one| self.call.model.environment(one.environment).name.value.clone());
        let unlike = unlike.collect();
        Ok((files, self.record, unlike))
    }
}

fn python_version(environment: &Environment) -> RelPath {
    environment.directory().join(".python-version").expect("the file's name is a path")
}

/// The lines that stand in conflict, for a message.
fn in_conflict(text: &str) -> String {
    let mut lines = String::from(":");
    let mut side = None;
    for line in text.lines() {
        side = match line.get(..7) {
            Some("<<<<<<<") => Some("this side: "),
            Some("=======") if side.is_some() => Some("the other: "),
            Some(">>>>>>>") => None,
            _ => {
                if let Some(side) = side {
                    lines.extend(["\n  ", side, &printable(line)]);
                }
                side
            }
        };
    }
    lines
}
