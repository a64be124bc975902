//! Tries drafts until one stands: read as every `tasks.kdl` is, its manifests rendered, no byte of them changed. What
//! does not stand is adopted, and the rest is tried again; each round adopts at least one more.

use std::collections::{BTreeMap, BTreeSet};

use miette::Diagnostic;

use super::super::found::found;
use super::super::load::{self, Stop};
use super::super::locate::{Place, TASKS_FILE};
use super::super::prepare::{has_scoped_excludes, members};
use super::super::state;
use super::super::surroundings::Process;
use crate::base::{Digest, RelPath, SourceFile, counted};
use crate::cache::Observer;
use crate::config;
use crate::import::{Draft, Refused, Survey, must_hold};
use crate::ledger::{self, Owned, Progress, Record, Remotes};
use crate::manifest::{self, Disposition, Request};
use crate::model::{self, Model};
use crate::tool::git::Git;

/// A draft that stands.
pub(super) struct Settled {
    /// The draft.
    pub(super) draft: Draft,
    /// The record that goes with it.
    pub(super) record: Record,
    /// The manifests that it describes, each with the digest of its text.
    pub(super) manifests: BTreeMap<RelPath, Digest>,
    /// What the manifests lack.
    pub(super) left_out: Vec<LeftOut>,
    /// A choice on the axes of the first environment, where a sync needs one.
    pub(super) choice: Option<String>,
}

/// What envloom would write into a manifest of its own accord, and does not.
pub(super) struct LeftOut {
    /// The environment.
    pub(super) environment: String,
    /// The paths of the entries.
    pub(super) entries: Vec<String>,
}

impl LeftOut {
    /// For a reader.
    pub(super) fn told(&self) -> String {
        let Self { environment, entries } = self;
        let mut named = entries.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        if entries.len() > 3 {
            named.push_str(", …");
        }
        let count = counted(entries.len(), "entry", "entries");
        format!(
            "{environment}: left as found: {count} that envloom would write ({named}); to write them: envloom generate:{environment} --take-over"
        )
    }
}

/// What came of one draft.
enum Tried {
    Stands {
        record: Record,
        manifests: BTreeMap<RelPath, Digest>,
        left_out: Vec<LeftOut>,
        model: Box<Model>,
    },
    /// These manifests cannot be described, each for its reason.
    Refused(BTreeMap<RelPath, String>),
}

/// Finds the draft that describes most and stands.
///
/// # Errors
/// When a file cannot be read, or even the draft that describes nothing has mistakes.
pub(super) fn settle(
    place: &Place,
    survey: &Survey,
    process: &Process,
    offline: bool,
    say: &(dyn Fn(&str) + Sync),
) -> Result<Settled, Stop> {
    let mut refused = Refused::default();
    loop {
        let draft = survey.draft(&refused);
        let trial = Trial { place, process, offline, say, draft: &draft };
        match trial.run()? {
            Tried::Stands { record, manifests, left_out, model } => {
                let choice = choice(&model);
                return Ok(Settled { draft, record, manifests, left_out, choice });
            }
            Tried::Refused(more) => {
                let blamed: Vec<&RelPath> =
                    more.keys().filter(|path| !draft.described.contains_key(*path)).collect();
                let of_pattern = blamed.len() > 1;
                for path in blamed.into_iter().cloned().collect::<Vec<_>>() {
                    if of_pattern && refused.alone.insert(path.clone()) {
                        continue;
                    }
                    refused.adopted.insert(path.clone(), more[&path].clone());
                }
                let described = more.into_iter().filter(|(path, _)| draft.described.contains_key(path));
                refused.described.extend(described);
            }
        }
    }
}

/// A variant of each axis of the first environment.
fn choice(model: &Model) -> Option<String> {
    let (id, _) = model.environments().next()?;
    let first = model.axes_of(id).iter().filter_map(|axis| axis.variants.last());
    let names: Vec<&str> = first.map(|variant| variant.name.value.as_str()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

struct Trial<'t> {
    place: &'t Place,
    process: &'t Process,
    offline: bool,
    say: &'t (dyn Fn(&str) + Sync),
    draft: &'t Draft,
}

impl Trial<'_> {
    fn run(&self) -> Result<Tried, Stop> {
        let observer = Observer::new();
        let model = match self.model(&observer) {
            Ok(model) => model,
            Err(stop) => return self.blamed(stop),
        };
        let record = match self.releases(&model) {
            Ok(record) => record,
            Err(stop) => return self.blamed(stop),
        };
        self.compared(model, record, &observer)
    }

    fn model(&self, observer: &Observer) -> Result<Model, Stop> {
        let config = config::parse(&SourceFile::new(TASKS_FILE, self.draft.text.as_str()))?;
        let found = found(&self.place.root, &config, observer)?;
        Ok(model::resolve(config, &found)?)
    }

    /// The record with the releases of all pins.
    fn releases(&self, model: &Model) -> Result<Record, Stop> {
        if ledger::missing(model, &Record::default(), |_| true).is_empty() {
            return Ok(Record::default());
        }
        // Clones of remotes are kept there.
        state::make(self.place)?;
        let git = Git::find(&self.process.surroundings, &self.place.root)?;
        let tell = |progress: Progress<'_>| match progress {
            Progress::Fetching { git } => (self.say)(&format!("fetching {git}")),
            Progress::Asking { .. } | Progress::Read { .. } => {}
        };
        let remotes = Remotes::new(&git, &self.place.root, self.offline, &tell);
        Ok(ledger::complete(model, Record::default(), &remotes)?)
    }

    /// Are the manifests what the draft makes of them?
    fn compared(&self, model: Model, mut record: Record, observer: &Observer) -> Result<Tried, Stop> {
        let root = &self.place.root;
        let on_disk = load::on_disk(root, &model, observer)?;
        let members = members(root, &model, observer)?;
        let dispositions = model.environments().map(|(id, _)| (id, Disposition::Stop)).collect();
        let scoped_excludes = has_scoped_excludes(&model);
        let request = |record| Request {
            model: &model,
            record,
            on_disk: &on_disk,
            members: &members,
            dispositions: &dispositions,
            scoped_excludes,
        };
        let mut refused = BTreeMap::new();
        let mut left_out = Vec::new();
        let mut owned: Vec<(RelPath, Owned)> = Vec::new();
        let bare = record.clone();
        for (id, unlike) in manifest::unlike(&request(&bare)) {
            let environment = model.environment(id);
            let path = &environment.manifest.value;
            let is_frozen = self.draft.described.get(path).copied().unwrap_or_default();
            let unlike = match unlike {
                Ok(unlike) => unlike,
                Err(stop) => {
                    refused.insert(path.clone(), reason(&stop));
                    continue;
                }
            };
            if let Some(why) = must_hold(self.draft, is_frozen, &unlike) {
                refused.insert(path.clone(), why);
                continue;
            }
            owned.push((path.clone(), unlike.iter().map(|one| one.left_out.clone()).collect()));
            if !unlike.is_empty() {
                let entries = unlike.into_iter().map(|one| one.path).collect();
                left_out.push(LeftOut { environment: environment.name.value.clone(), entries });
            }
        }
        record.owned.extend(owned);
        let mut manifests = BTreeMap::new();
        let rendered = manifest::render(&request(&record)).manifests;
        for manifest in rendered.into_values() {
            let is_same = manifest.old.as_deref() == Some(manifest.text.as_str())
                && manifest.python_version == manifest::PythonVersionFile::Leave;
            match &manifest.refused {
                Some(stop) => drop(refused.entry(manifest.path.clone()).or_insert_with(|| reason(stop))),
                None if !is_same => {
                    let why = || "generate would change it".to_owned();
                    refused.entry(manifest.path.clone()).or_insert_with(why);
                }
                None => {}
            }
            manifests.insert(manifest.path.clone(), manifest.digest);
            record.owned.insert(manifest.path, manifest.owned);
        }
        if refused.is_empty() {
            return Ok(Tried::Stands { record, manifests, left_out, model: Box::new(model) });
        }
        Ok(Tried::Refused(refused))
    }

    /// The described manifests that mistakes of the draft are about: those in whose nodes they stand, else all.
    fn blamed(&self, stop: Stop) -> Result<Tried, Stop> {
        let mut refused: BTreeMap<RelPath, String> = BTreeMap::new();
        let mut others = BTreeSet::new();
        for finding in stop.related().into_iter().flatten() {
            let labels: Vec<usize> =
                finding.labels().into_iter().flatten().map(|label| label.offset()).collect();
            let stand = |at: &usize| {
                let places = self.draft.places.iter();
                let paths = places.filter(|(range, _)| range.contains(at)).map(|(_, path)| path);
                paths.collect::<Vec<_>>()
            };
            let stand = labels.iter().map(stand).find(|paths| !paths.is_empty()).unwrap_or_default();
            if stand.is_empty() {
                others.insert(finding.to_string());
            }
            for path in stand {
                refused.entry(path.clone()).or_insert_with(|| finding.to_string());
            }
        }
        if refused.is_empty() {
            let why = others.into_iter().next().unwrap_or_else(|| stop.to_string());
            refused.extend(self.draft.described.keys().map(|path| (path.clone(), why.clone())));
        }
        if refused.is_empty() { Err(stop) } else { Ok(Tried::Refused(refused)) }
    }
}

/// The first thing that an error says.
fn reason(stop: &dyn Diagnostic) -> String {
    let mut related = stop.related().into_iter().flatten();
    related.next().map_or_else(|| stop.to_string(), ToString::to_string)
}
