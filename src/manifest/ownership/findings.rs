//! How what was found is told: the manifest's line, the place in `tasks.kdl`, the next thing to type.

use std::collections::BTreeSet;
use std::ops::Range;

use toml_edit::Value;

use super::super::edit::span_of;
use super::super::entry::{Entry, EntryPath, digest};
use super::super::error::ManifestFinding;
use super::super::request::Change;
use super::super::words::{self, kdl, place, shown};
use super::Judge;
use crate::base::counted;
use crate::model::Kept;

impl Judge<'_> {
    /// `tasks.kdl:9:18 asks for "tqdm>=4.67.1"`.
    fn asked(&self, entry: Option<&Entry>) -> String {
        match entry {
            Some(entry) => format!("{} asks for {}", place(self.case.model, entry.span), shown(&entry.value)),
            None => format!("{} asks for it no longer", self.case.model.source.name()),
        }
    }

    pub(super) fn hand_edit(
        &mut self,
        path: &EntryPath,
        now: &Value,
        span: Range<usize>,
        entry: Option<&Entry>,
    ) {
        let keep = self.keep(path, now, entry);
        let help =
            format!("{keep}\nto undo it: envloom generate:{} --discard", self.case.environment.name.value);
        let (path, now, entry, span) = self.narrowed(path, now, entry, span);
        self.findings.push(ManifestFinding::HandEdit {
            path: words::path(&path),
            now: shown(&now),
            asked: self.asked(entry.as_ref()),
            help,
            span: span.into(),
        });
    }

    /// What to write where, to keep a value.
    fn keep(&self, path: &EntryPath, now: &Value, entry: Option<&Entry>) -> String {
        let model = self.case.model;
        if let Kept::Derived(origin) = self.case.environment.kept
            && !words::is_pin(model, path)
        {
            return format!("to keep it, say the same in {}", model.environment(origin).manifest.value);
        }
        let at = entry.map_or_else(
            || format!("in {}", model.source.name()),
            |entry| format!("at {}", place(model, entry.span)),
        );
        let line = kdl(model, self.case.environment, path, now);
        match (line, self.absorb(path)) {
            (Some(line), Some(absorb)) => format!("to keep it: {absorb}, or write {at}: {line}"),
            (None, Some(absorb)) => format!("to keep it: {absorb}, or say the same {at}"),
            (Some(line), None) => format!("to keep it, write {at}: {line}"),
            (None, None) => format!("to keep it, say the same {at}"),
        }
    }

    /// The command that writes an edit into `tasks.kdl`, where there may be a place for it.
    fn absorb(&self, path: &EntryPath) -> Option<String> {
        let environment = self.case.environment;
        words::is_absorbable(self.case.model, environment, path)
            .then(|| format!("envloom absorb {}", environment.name.value))
    }

    /// The one key of a table that differs, if it is one.
    fn narrowed(
        &self,
        path: &EntryPath,
        now: &Value,
        entry: Option<&Entry>,
        span: Range<usize>,
    ) -> (EntryPath, Value, Option<Entry>, Range<usize>) {
        let whole = || (path.clone(), now.clone(), entry.cloned(), span.clone());
        let (Value::InlineTable(found), Some(Value::InlineTable(asked))) =
            (now, entry.map(|entry| &entry.value))
        else {
            return whole();
        };
        let differs = |key: &&str| match (found.get(key), asked.get(key)) {
            (Some(one), Some(other)) => digest(one) != digest(other),
            _ => true,
        };
        let keys: BTreeSet<&str> = found.iter().chain(asked).map(|(key, _)| key).collect();
        let mut keys = keys.into_iter().filter(differs);
        match (keys.next(), keys.next(), entry) {
            (Some(key), None, Some(entry)) => {
                let (Some(one), Some(other)) = (found.get(key), asked.get(key)) else {
                    return whole();
                };
                let path = path.clone().key(key);
                let span = self.found(&path).map_or(span.clone(), |(_, span)| span);
                (path, one.clone(), Some(Entry { value: other.clone(), ..entry.clone() }), span)
            }
            _ => whole(),
        }
    }

    pub(super) fn hand_removal(&mut self, entry: &Entry) {
        let environment = &self.case.environment.name.value;
        let at = place(self.case.model, entry.span);
        let keep = match self.absorb(&entry.path) {
            Some(absorb) => format!("to keep it so: {absorb}, or take it out at {at}"),
            None => format!("to keep it so, take it out at {at}"),
        };
        let help = format!("{keep}\nto put it back: envloom generate:{environment} --discard");
        let finding = ManifestFinding::HandRemoval {
            path: words::path(&entry.path),
            asked: self.asked(Some(entry)),
            help,
            span: span_of(self.case.view, &entry.path).into(),
        };
        self.findings.push(finding);
    }

    pub(super) fn foreign_in_place(&mut self, entry: &Entry, now: &Value, span: Range<usize>) {
        let keep = self.keep(&entry.path, now, Some(entry));
        let environment = &self.case.environment.name.value;
        let help =
            format!("{keep}\nto put there what it asks for: envloom generate:{environment} --take-over");
        let (path, now, asked, span) = self.narrowed(&entry.path, now, Some(entry), span);
        self.findings.push(ManifestFinding::ForeignInPlace {
            path: words::path(&path),
            now: shown(&now),
            asked: self.asked(asked.as_ref()),
            help,
            span: span.into(),
        });
    }

    /// A manifest without a record is left alone unless it is to be taken over or nothing would change.
    pub(super) fn never_generated(&mut self) {
        let unowned = self.case.owned.is_none() && !self.case.disposition.takes_over();
        if !unowned || self.edits.changes.is_empty() {
            return;
        }
        let first = self.edits.set.iter().filter_map(|entry| self.found(&entry.path)).map(|(_, span)| span);
        self.findings.push(ManifestFinding::NeverGenerated {
            count: counted(self.edits.changes.len(), "entry", "entries"),
            difference: difference(&self.edits.changes),
            environment: self.case.environment.name.value.clone(),
            span: first.min_by_key(|span| span.start).unwrap_or(0..0).into(),
        });
    }
}

/// A line for each change; a long list is cut.
fn difference(changes: &[Change]) -> String {
    const MOST: usize = 20;
    let line = |change: &Change| match (&change.old, &change.new) {
        (Some(old), Some(new)) => format!("\n  ~ {}: {old} -> {new}", change.path),
        (None, Some(new)) => format!("\n  + {} = {new}", change.path),
        (Some(old), None) => format!("\n  - {} = {old}", change.path),
        (None, None) => String::new(),
    };
    let more = changes.len().saturating_sub(MOST);
    let rest = (more > 0).then(|| format!("\n  and {more} more"));
    changes.iter().take(MOST).map(line).chain(rest).collect()
}
