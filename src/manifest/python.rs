//! `.python-version` beside a manifest: one entry more, in a file of its own, under the same rules.

use toml_edit::Value;

use super::error::ManifestFinding;
use super::request::{Disposition, OnDisk, PythonVersionFile};
use super::words;
use crate::base::{Digest, RelPath, SourceFile, printable};
use crate::ledger::Owned;
use crate::model::{Environment, Model};

/// Its name, and that of its entry in `envloom.lock`.
pub(super) const PYTHON_VERSION: &str = ".python-version";

/// What is known of it.
pub(super) struct PythonVersion<'p> {
    pub(super) model: &'p Model,
    pub(super) environment: &'p Environment,
    pub(super) on_disk: &'p OnDisk,
    pub(super) owned: Option<&'p Owned>,
    pub(super) disposition: Disposition,
}

impl PythonVersion<'_> {
    /// What becomes of `.python-version`, and the digest to remember. The same rules as for entries.
    pub(super) fn judged(&self) -> Result<(PythonVersionFile, Option<Digest>), ManifestFinding> {
        let written = self.owned.and_then(|owned| owned.get(PYTHON_VERSION)).copied();
        let found = self.on_disk.python_version.as_deref().map(str::trim);
        let pin = self.environment.settings.python.as_ref();
        let wanted = pin.map(|pin| pin.value.as_str());
        let digest = wanted.map(Digest::of);
        let put = || PythonVersionFile::Write(format!("{}\n", wanted.unwrap_or_default()));
        let edited = match (wanted, found) {
            (Some(wanted), Some(found)) if wanted == found => return Ok((PythonVersionFile::Leave, digest)),
            (None, None) => return Ok((PythonVersionFile::Leave, None)),
            (None, Some(_)) if written.is_none() => return Ok((PythonVersionFile::Leave, None)),
            (Some(_), None) => false,
            (_, Some(found)) => written != Some(Digest::of(found)),
        };
        let overridden =
            if written.is_some() { self.disposition.discards() } else { self.disposition.takes_over() };
        if edited && !overridden {
            return Err(self.edited(found.unwrap_or_default(), written.is_some()));
        }
        Ok(if wanted.is_some() { (put(), digest) } else { (PythonVersionFile::Remove, None) })
    }

    fn edited(&self, found: &str, written: bool) -> ManifestFinding {
        let model = self.model;
        let path = self.environment.directory().join(PYTHON_VERSION);
        let name = path.as_ref().map_or(PYTHON_VERSION, RelPath::as_str);
        let text = self.on_disk.python_version.as_deref().unwrap_or_default();
        let word = Value::from(found);
        let line = format!("python {}", words::quoted(word.as_str().unwrap_or_default()));
        let keep = match &self.environment.settings.python {
            Some(_) if written => {
                format!("to keep it: envloom absorb {}, or write: {line}", self.environment.name.value)
            }
            _ => format!("to keep it, write: {line}"),
        };
        let flag = if written { "--discard" } else { "--take-over" };
        let asked = match &self.environment.settings.python {
            Some(pin) => format!(
                "{} asks for {}",
                words::place(model, pin.span),
                words::shown(&Value::from(pin.value.as_str()))
            ),
            None => format!("{} asks for it no longer", model.source.name()),
        };
        ManifestFinding::PythonVersion {
            now: printable(found).into_owned(),
            asked,
            help: format!("{keep}\nto undo it: envloom generate:{} {flag}", self.environment.name.value),
            text: SourceFile::new(name, text).named(),
            span: (0..text.trim_end().len()).into(),
        }
    }
}
