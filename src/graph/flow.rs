//! Files between own tasks: one task's output as another's input is an edge, and no two tasks make one file.
//!
//! What is compared are patterns, since no file need be there yet. An output named in full meets an input pattern that
//! matches it; two patterns with wildcards meet where some path matches both. One rule is wider than files: an input
//! pattern that may lie anywhere (`**/*.py`) does not wait for outputs that are patterns too (`build/**`), which are
//! mostly ignored by git and then no input at all.
//!
//! Makers are found by the directories that their patterns begin with, so that many tasks cost no square.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use miette::SourceSpan;

use super::error::GraphFinding;
use super::own_error::OwnFinding;
use super::target::Scope;
use super::task::OwnKey;
use super::words::Parts;
use crate::base::Patterns;

/// All outputs of all own tasks.
pub(super) struct Flow {
    makers: Vec<Maker>,
    /// Makers by the directory or file that their pattern begins with, `/` at its end.
    by_prefix: BTreeMap<String, Vec<usize>>,
}

/// One output of one cell.
struct Maker {
    key: OwnKey,
    text: String,
    patterns: Patterns,
    /// Does the pattern name one file?
    is_literal: bool,
    span: SourceSpan,
}

impl Flow {
    /// The outputs of every own task in every cell that this call could run. A task whose cells the call does not
    /// settle makes nothing in it.
    pub(super) fn new(scope: &Scope<'_>, parameters: &BTreeMap<String, String>) -> Self {
        let mut flow = Self { makers: Vec::new(), by_prefix: BTreeMap::new() };
        for declared in scope.all_declared() {
            let task = scope.declaration(declared);
            if task.outputs.is_empty() {
                continue;
            }
            for cell in scope.all_cells(task, &Parts::alone(&task.name)).unwrap_or_default() {
                let job = task.job(scope.model, &cell, parameters);
                let key = OwnKey { task: declared, cell };
                let outputs = job.outputs.iter().zip(&task.outputs);
                for (text, declared) in outputs.filter(|(text, _)| !text.starts_with('!')) {
                    flow.add(&key, text, declared.span);
                }
            }
        }
        flow
    }

    fn add(&mut self, key: &OwnKey, text: &str, span: SourceSpan) {
        // What a value of the call spoils is reported for the task itself.
        let Ok(patterns) = Patterns::parse([text]) else { return };
        let is_literal = patterns.literals().next().is_some();
        let prefix = prefix(text);
        let (key, text) = (key.clone(), text.to_owned());
        self.by_prefix.entry(prefix).or_default().push(self.makers.len());
        self.makers.push(Maker { key, text, patterns, is_literal, span });
    }

    /// The cells that make what these inputs match, without `key` itself, each with the patterns of what it makes of it.
    pub(super) fn makers_of(&self, key: &OwnKey, inputs: &[String]) -> BTreeMap<OwnKey, BTreeSet<String>> {
        let texts: Vec<&str> = inputs.iter().map(String::as_str).filter(|text| *text != "@closure").collect();
        let Ok(patterns) = Patterns::parse(texts.iter().copied()) else {
            return BTreeMap::new();
        };
        let mut found: BTreeMap<OwnKey, BTreeSet<String>> = BTreeMap::new();
        for text in texts.iter().filter(|text| !text.starts_with('!')) {
            for at in self.near(&prefix(text)) {
                let maker = &self.makers[at];
                let anywhere = prefix(text).is_empty() && !prefix(&maker.text).is_empty();
                let meant = maker.is_literal || !anywhere;
                if maker.key != *key && meant && patterns.overlaps(&maker.patterns) {
                    found.entry(maker.key.clone()).or_default().insert(maker.text.clone());
                }
            }
        }
        found
    }

    /// Makers whose directory lies above or below.
    fn near(&self, prefix: &str) -> impl Iterator<Item = usize> {
        let above = prefix.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| &prefix[..=at]);
        let above = std::iter::once("").chain(above).filter(|above| *above != prefix);
        let above: Vec<usize> =
            above.filter_map(|above| self.by_prefix.get(above)).flatten().copied().collect();
        let from = (Bound::Included(prefix.to_owned()), Bound::Unbounded);
        let below = self.by_prefix.range(from).take_while(|(key, _)| key.starts_with(prefix));
        let below: Vec<usize> = below.flat_map(|(_, makers)| makers.iter().copied()).collect();
        above.into_iter().chain(below)
    }

    /// Files that two tasks, or two cells of one, would both make.
    pub(super) fn clashes(&self, scope: &Scope<'_>) -> Vec<GraphFinding> {
        let mut findings = Vec::new();
        let mut told = BTreeSet::new();
        for (at, maker) in self.makers.iter().enumerate() {
            for other_at in self.near(&prefix(&maker.text)).filter(|other| *other > at) {
                let other = &self.makers[other_at];
                let tasks = (maker.key.task, other.key.task, maker.span.offset(), other.span.offset());
                if maker.key != other.key && maker.patterns.overlaps(&other.patterns) && told.insert(tasks) {
                    findings.push(
                        OwnFinding::SameOutput {
                            output: other.text.clone(),
                            one: scope.own_id(&maker.key),
                            other: scope.own_id(&other.key),
                            first: (other.span != maker.span).then_some(other.span),
                            span: maker.span,
                        }
                        .into(),
                    );
                }
            }
        }
        findings
    }
}

/// The directories, and at last the file, that a pattern begins with before its first wildcard, each with a `/`.
fn prefix(text: &str) -> String {
    let plain = text.split('/').take_while(|part| !part.contains(['*', '?', '[']));
    plain
        .filter(|part| !part.is_empty() && *part != ".")
        .fold(String::new(), |prefix, part| prefix + part + "/")
}
