//! Manifests in conflict.
//!
//! Each side of one is generated from the merged `tasks.kdl`, by what that side's `envloom.lock` says is envloom's in it.
//! The three texts then differ only in what is not envloom's, and that merges as git merges texts. A manifest that
//! people have settled already is generated as it stands: what envloom wrote there by either side gives way, what people
//! edited is said.

use std::collections::{BTreeMap, BTreeSet};

use miette::Diagnostic as _;

use super::super::call::Call;
use super::super::load::{self, Stop};
use super::super::prepare;
use super::error::ResolveFinding;
use super::sides::{BASE, OURS, Recorded, Sides, THEIRS, beside};
use crate::base::{FileError, RelPath, conflict_marker, printable, write_cached};
use crate::cache::FileChange;
use crate::ledger::Record;
use crate::manifest::{
    self, Disposition, ManifestError, Members, OnDisk, PythonVersionFile, Rendered, Request,
};
use crate::model::{Environment, EnvironmentId, Kept, Sources};
use crate::tool::git::MergedText;

/// The name of the file, and of its entry in `envloom.lock`.
const PYTHON_VERSION: &str = ".python-version";

/// What a text is called that people have settled.
const IN_TREE: &str = "the working tree";

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
        let found = self.on_disk.get(&id).cloned().unwrap_or_default();
        let is_marked =
            |text: &Option<String>| text.as_deref().is_some_and(|text| conflict_marker(text).is_some());
        let marked =
            Marked { manifest: is_marked(&found.manifest), python_version: is_marked(&found.python_version) };
        if marked.manifest || marked.python_version {
            return self.merge((id, environment), &marked, &found);
        }
        let is_settled =
            self.sides.is_unmerged(path) || self.sides.is_unmerged(&beside(environment, PYTHON_VERSION));
        if is_settled || self.recorded.merged.owned_otherwise.contains(path) {
            let side = Side { on_disk: found.clone(), records: self.all_records(path) };
            match self.judged(id, &side) {
                Ok(rendered) => {
                    let text = rendered.text.clone();
                    self.take(id, environment, (rendered, text), found.python_version);
                }
                Err(refused) => match self.refused((id, environment), &side, IN_TREE, &refused) {
                    edited @ ResolveFinding::EditedSide { .. } => return Ok(Some(edited)),
                    // The text is the one that people see.
                    _ => return Err((*refused).into()),
                },
            }
        }
        Ok(None)
    }

    fn merge(
        &mut self,
        (id, environment): (EnvironmentId, &Environment),
        marked: &Marked,
        found: &OnDisk,
    ) -> Result<Option<ResolveFinding>, Stop> {
        let mut texts = Vec::new();
        let mut ours = None;
        for at in [BASE, OURS, THEIRS] {
            let side = self.side(environment, marked, found, at)?;
            let there = side.on_disk.manifest.clone().unwrap_or_default();
            let python_version = side.on_disk.python_version.clone();
            let rendered = match at {
                // Only compared with.
                BASE => self.rendered(id, &side, Disposition::DiscardAndTakeOver),
                _ => self.judged(id, &side),
            };
            match rendered {
                Ok(rendered) => {
                    texts.push(rendered.text.clone());
                    if at == OURS {
                        ours = Some((rendered, python_version));
                    }
                }
                Err(_) if at == BASE => texts.push(there),
                Err(refused) => {
                    let name = self.sides.name(at)?;
                    return Ok(Some(self.refused((id, environment), &side, name, &refused)));
                }
            }
        }
        let path = &environment.manifest.value;
        let merged = self.merged_text(&texts)?;
        let text = String::from_utf8_lossy(&merged.text).into_owned();
        let by_hand = |path: &RelPath, lines| Some(ResolveFinding::ByHand { path: path.to_string(), lines });
        if merged.has_conflicts {
            return Ok(by_hand(path, in_conflict(&text, [self.sides.name(OURS)?, self.sides.name(THEIRS)?])));
        }
        if let Some(fault) = toml_fault(&text) {
            return Ok(by_hand(path, fault));
        }
        if let Some((rendered, python_version)) = ours {
            let is_peoples =
                rendered.python_version == PythonVersionFile::Leave && environment.settings.python.is_none();
            if marked.python_version && is_peoples {
                return Ok(by_hand(&beside(environment, PYTHON_VERSION), String::new()));
            }
            self.take(id, environment, (rendered, text), python_version);
        }
        Ok(None)
    }

    /// The files of one side, and what is envloom's in them. A file without markers is the same on all sides: git has
    /// merged it, or people have settled it.
    fn side(
        &self,
        environment: &Environment,
        marked: &Marked,
        found: &OnDisk,
        at: usize,
    ) -> Result<Side, Stop> {
        let (path, python_version) = (&environment.manifest.value, beside(environment, PYTHON_VERSION));
        let mut on_disk = found.clone();
        if marked.manifest {
            on_disk.manifest = self.sides.text(path, at)?;
        }
        if marked.python_version {
            on_disk.python_version = self.sides.text(&python_version, at)?;
        }
        let is_settled = !marked.manifest && self.sides.is_unmerged(path);
        let Some(recorded) = self.recorded.sides[at].as_ref().filter(|_| !is_settled) else {
            return Ok(Side { on_disk, records: self.all_records(path) });
        };
        let there = recorded.owned.get(path);
        let mut record = self.record.clone();
        if marked.manifest {
            record.owned.remove(path);
            record.owned.extend(there.map(|owned| (path.clone(), owned.clone())));
        } else if let Some(owned) = record.owned.get_mut(path) {
            owned.remove(PYTHON_VERSION);
            let there = there.and_then(|owned| owned.get(PYTHON_VERSION));
            owned.extend(there.map(|digest| (PYTHON_VERSION.to_owned(), *digest)));
        }
        Ok(Side { on_disk, records: vec![record] })
    }

    /// What envloom has written into a manifest by any of the sides: of a text that people have settled, and of a side
    /// that git has no note of, nobody knows where an entry comes from.
    fn all_records(&self, path: &RelPath) -> Vec<Record> {
        let with = |side: &Record| {
            let mut record = self.record.clone();
            record.owned.remove(path);
            record.owned.extend(side.owned.get(path).map(|owned| (path.clone(), owned.clone())));
            record
        };
        let sides = self.recorded.sides.iter().flatten();
        sides.chain([&self.recorded.merged.record]).map(with).collect()
    }

    /// A side as it is generated. What none of its records knows was written by people, and is refused.
    fn judged(&self, id: EnvironmentId, side: &Side) -> Result<Rendered, Box<ManifestError>> {
        if self.call.arguments.discard {
            return self.rendered(id, side, Disposition::DiscardAndTakeOver);
        }
        let mut refused: Option<Box<ManifestError>> = None;
        for record in &side.records {
            let alone = Side { on_disk: side.on_disk.clone(), records: vec![record.clone()] };
            let Err(found) = self.rendered(id, &alone, Disposition::Stop) else {
                return self.rendered(id, side, Disposition::Discard);
            };
            let told: BTreeSet<String> = found.findings.iter().map(ToString::to_string).collect();
            let known = refused.get_or_insert(found);
            known.findings.retain(|finding| told.contains(&finding.to_string()));
        }
        match refused.filter(|refused| !refused.findings.is_empty()) {
            Some(refused) => Err(refused),
            None => self.rendered(id, side, Disposition::Discard),
        }
    }

    /// What to tell of a side that cannot be generated.
    fn refused(
        &self,
        (id, environment): (EnvironmentId, &Environment),
        side: &Side,
        name: &str,
        refused: &ManifestError,
    ) -> ResolveFinding {
        let mut edits = String::new();
        for finding in &refused.findings {
            let asked = finding.labels().and_then(|mut labels| labels.next());
            let asked = asked.and_then(|label| label.label().map(str::to_owned));
            edits.extend(["\n  ", &finding.to_string()]);
            edits.extend(asked.filter(|asked| asked.contains(" asks ")).map(|asked| format!("; {asked}")));
        }
        let path = environment.manifest.value.to_string();
        if self.rendered(id, side, Disposition::DiscardAndTakeOver).is_ok() {
            ResolveFinding::EditedSide { side: name.to_owned(), path, edits }
        } else {
            ResolveFinding::ByHand { path, lines: format!(", in {name}:{edits}") }
        }
    }

    /// A side as it is generated by all of its records together.
    fn rendered(
        &self,
        id: EnvironmentId,
        side: &Side,
        disposition: Disposition,
    ) -> Result<Rendered, Box<ManifestError>> {
        let mut records = side.records.iter();
        let mut record = records.next().cloned().unwrap_or_default();
        for (path, owned) in records.flat_map(|record| &record.owned) {
            record.owned.entry(path.clone()).or_default().extend(owned.clone());
        }
        let mut on_disk = self.on_disk.clone();
        on_disk.insert(id, side.on_disk.clone());
        let mut set = self.rendered_all((&record, &on_disk), &[(id, disposition)].into());
        let rendered = set.remove(&id).expect("a manifest that is written is rendered");
        match rendered.refused {
            Some(refused) => Err(Box::new(refused)),
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
            change(beside(environment, PYTHON_VERSION), &there.python_version, &here.python_version);
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

/// Which of an environment's two files holds conflict markers.
struct Marked {
    manifest: bool,
    python_version: bool,
}

/// One side of a manifest.
struct Side {
    on_disk: OnDisk,
    /// Each says what may be envloom's in it.
    records: Vec<Record>,
}

/// The lines that stand in conflict, for a message.
fn in_conflict(text: &str, [ours, theirs]: [&str; 2]) -> String {
    let mut lines = String::from(":");
    let mut side = None;
    for line in text.lines() {
        side = match line.get(..7) {
            Some("<<<<<<<") => Some(ours),
            Some("=======") if side.is_some() => Some(theirs),
            Some(">>>>>>>") => None,
            _ => {
                if let Some(side) = side {
                    lines.extend(["\n  in ", side, ": ", &printable(line)]);
                }
                side
            }
        };
    }
    lines
}

/// What is wrong with a text that git has merged without a conflict: both sides may have added one table.
fn toml_fault(text: &str) -> Option<String> {
    let error = text.parse::<toml::Table>().err()?;
    let line = error.span().and_then(|span| text.get(..span.start)?.lines().count().checked_sub(1));
    let line = line.and_then(|at| text.lines().nth(at)).map(|line| format!(" at `{}`", printable(line)));
    let (message, line) = (printable(error.message()), line.unwrap_or_default());
    Some(format!(": what both sides have together is not valid TOML{line}: {message}"))
}
