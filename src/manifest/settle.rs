//! One manifest: what it has against what it is to have, and the new text, or all that speaks against it.
//!
//! Comes in: the entries it is to have. Goes out: [`Rendered`]. What is edited is read again and compared, so that a text
//! which does not hold what was asked for, or in which anything else has changed, is never given out.

use std::collections::BTreeSet;

use toml_edit::TomlError;

use super::edit::{self, Fault};
use super::entry::{Entry, EntryPath};
use super::error::{ManifestError, ManifestFinding};
use super::faithful;
use super::foreign::{Foreign, foreign};
use super::ownership::{self, Case, Edits, places};
use super::python::{PYTHON_VERSION, PythonVersion};
use super::request::{Disposition, OnDisk, PythonVersionFile, Rendered, Request, Unlike};
use super::view::{Node, View};
use super::words;
use crate::base::{Digest, SourceFile};
use crate::ledger::Owned;
use crate::model::{Environment, EnvironmentId, Kept, Model, PackageName};

/// The first line of a manifest that envloom wrote whole. It names no environment, so that those of one kind
/// differ in their pins only.
const HEADER: &str = "# Written by envloom from tasks.kdl. Edit that and run `envloom generate`; what is added here by hand stays.";

/// The first line of one that is made from an adopted manifest.
fn header(model: &Model, environment: &Environment) -> String {
    match environment.kept {
        Kept::Derived(origin) => {
            let origin = &model.environment(origin).manifest.value;
            HEADER.replace("from tasks.kdl. Edit that", &format!("from {origin} and tasks.kdl. Edit these"))
        }
        Kept::Generated | Kept::Adopted => HEADER.to_owned(),
    }
}

/// One manifest at work.
pub(super) struct Manifest<'r> {
    request: &'r Request<'r>,
    id: EnvironmentId,
    environment: &'r Environment,
    on_disk: OnDisk,
    owned: Option<&'r Owned>,
    disposition: Disposition,
}

/// What is settled about one manifest.
struct Settled {
    text: String,
    edits: Edits,
    python_version: PythonVersionFile,
    owned: Owned,
}

impl<'r> Manifest<'r> {
    /// The manifest of that environment, as it stands on disk.
    pub(super) fn new(request: &'r Request<'r>, id: EnvironmentId, environment: &'r Environment) -> Self {
        let on_disk = request.on_disk.get(&id).cloned().unwrap_or_default();
        let owned = request.record.owned.get(&environment.manifest.value);
        let disposition = request.dispositions.get(&id).copied().unwrap_or_default();
        Self { request, id, environment, on_disk, owned, disposition }
    }

    /// The text on disk without its mark; `None` where there is nothing to keep.
    fn old(&self) -> Option<&str> {
        let text = without_mark(self.on_disk.manifest.as_deref()?).1;
        (self.owned.is_some() || !text.trim().is_empty()).then_some(text)
    }

    /// What it is to be.
    pub(super) fn rendered(self, wanted: Result<Vec<Entry>, ManifestError>) -> Rendered {
        let source =
            SourceFile::new(self.environment.manifest.value.as_str(), self.old().unwrap_or_default());
        let settled = wanted.and_then(|all| {
            let all = self.spelt(all);
            let (wanted, left_out) = self.divided(&all);
            let settled = self.settled(&wanted).map_err(|findings| ManifestError::new(&source, findings))?;
            let mut owned = settled.owned.clone();
            owned.extend(left_out.into_iter().map(|entry| ownership::left_out(&entry)));
            Ok((self.foreign(&settled.text, &all), Settled { owned, ..settled }))
        });
        let mark = self.on_disk.manifest.as_deref().map_or("", |text| without_mark(text).0);
        let common = |text: String| (Digest::of(&text), text);
        let path = self.environment.manifest.value.clone();
        match settled {
            Ok((foreign, settled)) => {
                let (digest, text) = common(format!("{mark}{}", settled.text));
                Rendered {
                    environment: self.id,
                    path,
                    refused: None,
                    old: self.on_disk.manifest,
                    text,
                    old_python_version: self.on_disk.python_version,
                    python_version: settled.python_version,
                    digest,
                    owned: settled.owned,
                    changes: settled.edits.changes,
                    foreign,
                }
            }
            Err(refused) => {
                let (digest, text) = common(self.on_disk.manifest.clone().unwrap_or_default());
                Rendered {
                    environment: self.id,
                    path,
                    refused: Some(refused),
                    old: self.on_disk.manifest,
                    text,
                    old_python_version: self.on_disk.python_version,
                    python_version: PythonVersionFile::Leave,
                    digest,
                    owned: self.owned.cloned().unwrap_or_default(),
                    changes: Vec::new(),
                    foreign: Vec::new(),
                }
            }
        }
    }

    /// The entries with names of sources spelt as the text has them: to uv `bench_utils` and `bench-utils` are one, and
    /// both beside one another a mistake.
    pub(super) fn spelt(&self, mut all: Vec<Entry>) -> Vec<Entry> {
        let Some(view) = self.old().and_then(|text| View::parse(text).ok()) else { return all };
        let sources = view.find(&EntryPath::keys(&["tool", "uv", "sources"]).0).ok().flatten();
        let written = sources.map(Node::entries).unwrap_or_default();
        for entry in &mut all {
            let (keys, _) = words::parts(&entry.path);
            let ["tool", "uv", "sources", name] = keys.as_slice() else { continue };
            let is_it = |key: &str| PackageName::parse(key).is_ok_and(|key| key.as_str() == *name);
            if let Some((key, _)) = written.iter().find(|(key, _)| is_it(key.get())) {
                entry.path = EntryPath::keys(&["tool", "uv", "sources", key.get()]);
            }
        }
        all
    }

    /// What is to be written, and what `import` left out and nobody has asked for since.
    pub(super) fn divided(&self, all: &[Entry]) -> (Vec<Entry>, Vec<Entry>) {
        let view = self.old().and_then(|text| View::parse(text).ok());
        let is_left_out = |entry: &Entry| {
            let (path, digest) = ownership::left_out(entry);
            !self.disposition.takes_over()
                && self.owned.is_some_and(|owned| owned.get(&path) == Some(&digest))
                && view.as_ref().is_some_and(|view| !faithful::holds(view, entry))
        };
        let (left_out, wanted) = all.iter().cloned().partition(is_left_out);
        (wanted, left_out)
    }

    /// The entries asked for that it has not, or otherwise.
    pub(super) fn unlike(&self, wanted: &[Entry]) -> Result<Vec<Unlike>, ManifestError> {
        let source =
            SourceFile::new(self.environment.manifest.value.as_str(), self.old().unwrap_or_default());
        let view = View::parse(source.text())
            .map_err(|fault| ManifestError::new(&source, vec![not_toml(&fault)]))?;
        let differs = wanted.iter().filter(|entry| !faithful::holds(&view, entry));
        let told = |entry: &Entry| Unlike {
            path: words::path(&entry.path),
            keys: words::parts(&entry.path).0.into_iter().map(str::to_owned).collect(),
            element: words::parts(&entry.path).1.map(str::to_owned),
            asked: words::shown(&entry.value),
            found: view.find(&entry.path.0).ok().flatten().map(|node| words::shown(&node.value())),
            left_out: ownership::left_out(entry),
        };
        Ok(differs.map(told).collect())
    }

    /// The new text, or all that speaks against it.
    fn settled(&self, wanted: &[Entry]) -> Result<Settled, Vec<ManifestFinding>> {
        let mut findings: Vec<ManifestFinding> = self.uv_toml().into_iter().collect();
        let python = self.python_version().judged().map_err(|finding| findings.push(finding));
        let edited = match self.old() {
            None => self.whole(wanted),
            Some(text) => self.edited(text, wanted),
        };
        match (edited, python) {
            (Ok((text, edits)), Ok((python_version, pin))) if findings.is_empty() => {
                let mut owned: Owned =
                    wanted.iter().map(|entry| (entry.path.to_string(), entry.digest())).collect();
                owned.extend(pin.map(|digest| (PYTHON_VERSION.to_owned(), digest)));
                Ok(Settled { text, edits, python_version, owned })
            }
            (edited, _) => {
                findings.extend(edited.err().into_iter().flatten());
                Err(findings)
            }
        }
    }

    /// A manifest from nothing.
    fn whole(&self, wanted: &[Entry]) -> Result<(String, Edits), Vec<ManifestFinding>> {
        let nothing = View::parse("").map_err(|fault| vec![not_toml(&fault)])?;
        let case = Case { owned: None, disposition: Disposition::TakeOver, ..self.case(&nothing, wanted) };
        let edits = ownership::judge(&case)?;
        let text = format!("{}\n", header(self.request.model, self.environment));
        self.applied(&text, wanted, &edits).map(|text| (text, edits))
    }

    fn case<'c>(&'c self, view: &'c View<'c>, wanted: &'c [Entry]) -> Case<'c> {
        Case {
            model: self.request.model,
            environment: self.environment,
            view,
            wanted,
            owned: self.owned,
            disposition: self.disposition,
        }
    }

    fn edited(&self, text: &str, wanted: &[Entry]) -> Result<(String, Edits), Vec<ManifestFinding>> {
        let view = View::parse(text).map_err(|fault| vec![not_toml(&fault)])?;
        let edits = ownership::judge(&self.case(&view, wanted))?;
        self.applied(text, wanted, &edits).map(|text| (text, edits))
    }

    /// The text with the edits made and checked.
    fn applied(&self, text: &str, wanted: &[Entry], edits: &Edits) -> Result<String, Vec<ManifestFinding>> {
        let unfaithful = |path: Option<&EntryPath>, text: &str| {
            let span =
                path.zip(View::parse(text).ok()).map_or(0..0, |(path, view)| edit::span_of(&view, path));
            let path = path.map_or_else(|| "the text".to_owned(), words::path);
            vec![ManifestFinding::Unfaithful { path, span: span.into() }]
        };
        let result = edit_all(text, wanted, edits).map_err(|(fault, path)| match fault {
            Fault::Blocked(found) => vec![ManifestFinding::InTheWay {
                path: words::path(&found.path),
                found: found.found,
                wanted: found.wanted,
                environment: self.environment.name.value.clone(),
                span: found.span.into(),
            }],
            Fault::Broken => unfaithful(Some(&path), text),
        })?;
        let (Ok(before), Ok(after)) = (View::parse(text), View::parse(&result)) else {
            return Err(unfaithful(None, text));
        };
        let ours = self.ours(wanted, edits);
        match faithful::fault(&before, &after, wanted, &ours) {
            Some(path) => Err(unfaithful(Some(&path), text)),
            None => Ok(result),
        }
    }

    /// Every place that is, was or becomes ours. An array that only has to exist is nobody's: its elements are.
    fn ours(&self, wanted: &[Entry], edits: &Edits) -> BTreeSet<EntryPath> {
        let recorded = self.owned.map(places).unwrap_or_default().into_keys();
        let mut ours: BTreeSet<EntryPath> =
            recorded.chain(edits.exchange.iter().map(|(old, _)| old.clone())).collect();
        ours.retain(|path| super::view::kind_at(&path.0).is_none());
        ours.extend(
            wanted.iter().filter(|entry| !faithful::is_exists(entry)).map(|entry| entry.path.clone()),
        );
        ours
    }

    fn foreign(&self, text: &str, wanted: &[Entry]) -> Vec<Foreign> {
        let ours = self.ours(wanted, &Edits::default());
        View::parse(text)
            .map_or_else(|_| Vec::new(), |view| foreign(self.request.model, self.environment, &view, &ours))
    }

    fn python_version(&self) -> PythonVersion<'_> {
        PythonVersion {
            model: self.request.model,
            environment: self.environment,
            on_disk: &self.on_disk,
            owned: self.owned,
            disposition: self.disposition,
        }
    }

    fn uv_toml(&self) -> Option<ManifestFinding> {
        let text = self.on_disk.uv_toml.as_deref()?;
        let path = self.environment.directory().join("uv.toml").ok()?;
        let source = SourceFile::new(path.as_str(), text);
        let first = text.lines().next().unwrap_or_default().len();
        Some(ManifestFinding::UvToml { text: source.named(), span: (0..first).into() })
    }
}

/// Makes the edits one by one.
fn edit_all(text: &str, wanted: &[Entry], edits: &Edits) -> Result<String, (Fault, EntryPath)> {
    let mut result = text.to_owned();
    let at = |path: &EntryPath| {
        let path = path.clone();
        move |fault| (fault, path)
    };
    for (old, entry) in &edits.exchange {
        result = edit::exchange(&result, old, &entry.value).map_err(at(old))?;
    }
    for entry in &edits.set {
        result = edit::set(&result, &entry.path, &entry.value).map_err(at(&entry.path))?;
    }
    let kept = |path: &EntryPath| wanted.iter().any(|entry| entry.path == *path);
    for path in &edits.remove {
        result = edit::remove(&result, path).map_err(at(path))?;
        result = edit::prune(&result, path, kept).map_err(at(path))?;
    }
    if !text.ends_with('\n') && !edits.remove.is_empty() {
        result.truncate(result.trim_end_matches(['\n', '\r']).len());
    }
    Ok(result)
}

/// The byte order mark, if any, and the text after it.
pub(super) fn without_mark(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
}

/// What is said of a manifest that does not parse.
pub(super) fn not_toml(fault: &TomlError) -> ManifestFinding {
    let span = fault.span().unwrap_or_default();
    ManifestFinding::NotToml {
        message: crate::base::printable(fault.message()).into_owned(),
        span: span.into(),
    }
}
