//! The doors of the room: [`resolve`] and [`resolve_local`].
//!
//! One [`Resolver`] collects the findings of a text; each file lowers one kind of node. Something wrong is
//! reported and left out, and what is left goes on, so that one run reports all; the model is handed out only
//! when there were no findings.

mod adopted;
mod axis;
mod environment;
mod local;
mod matrix;
mod package;
mod participant;
mod pin;
mod project;
pub(super) mod requirement;
mod task;
mod top;
mod words;

use std::collections::BTreeMap;

use miette::SourceSpan;

pub(crate) use local::resolve_local;
pub(crate) use top::resolve;

use super::error::ModelFinding;
use super::name::PackageName;
use super::package::{Package, PackageId};
use crate::base::{SourceFile, Spanned, brief, nearest};

/// What is being found out about one text.
struct Resolver {
    source: SourceFile,
    findings: Vec<ModelFinding>,
    /// Packages whose path or remote has a finding already, by their nodes: nothing is missing there.
    misplaced: Vec<SourceSpan>,
}

/// The internal packages by name.
struct Packages<'p> {
    all: &'p [Package],
    by_name: BTreeMap<&'p PackageName, PackageId>,
}

impl<'p> Packages<'p> {
    fn new(all: &'p [Package]) -> Self {
        let by_name =
            all.iter().enumerate().map(|(at, package)| (&package.name.value, PackageId(at))).collect();
        Self { all, by_name }
    }

    fn find(&self, name: &PackageName) -> Option<(PackageId, &'p Package)> {
        self.by_name.get(name).map(|&id| (id, &self.all[id.0]))
    }

    fn names(&self) -> Vec<&'p str> {
        self.all.iter().map(|package| package.name.value.as_str()).collect()
    }
}

impl Resolver {
    fn new(source: SourceFile) -> Self {
        Self { source, findings: Vec::new(), misplaced: Vec::new() }
    }

    /// Reports a mistake, once: what all environments inherit is looked at for each of them.
    fn report(&mut self, finding: ModelFinding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// A name that nothing has, with the nearest that something has.
    fn unknown(&mut self, what: &'static str, name: &Spanned<String>, known: &[&str]) {
        let help = match nearest(&name.value, known.iter().copied()) {
            Some(near) => format!("did you mean `{}`?", brief(near)),
            None if known.is_empty() => format!("declare it; there is no {what} yet"),
            None => format!("declare it, or use one of: {}", listed(known)),
        };
        self.report(ModelFinding::UnknownName { what, name: brief(&name.value), help, span: name.span });
    }

    /// A word that is none of those uv knows.
    fn unknown_word(&mut self, what: &'static str, name: &Spanned<String>, known: &[&str]) {
        let help = match nearest(&name.value, known.iter().copied()) {
            Some(near) => format!("did you mean `{}`?", brief(near)),
            None => format!("use one of: {}", listed(known)),
        };
        self.report(ModelFinding::UnknownName { what, name: brief(&name.value), help, span: name.span });
    }

    /// Puts a name on a list; one that is there already is reported.
    fn once<K: Ord>(&mut self, seen: &mut BTreeMap<K, SourceSpan>, key: K, thing: &Thing<'_>) -> bool {
        if let Some(&first) = seen.get(&key) {
            let (what, name, help, span) = (thing.what, brief(thing.name), thing.help, thing.span);
            self.report(ModelFinding::Duplicate { what, name, help, first, span });
            return false;
        }
        seen.insert(key, thing.span);
        true
    }
}

/// Names as a message lists them; also wrong ones are listed.
fn listed(names: &[&str]) -> String {
    names.iter().map(|name| brief(name)).collect::<Vec<_>>().join(", ")
}

/// Something that must be declared once.
struct Thing<'t> {
    what: &'static str,
    name: &'t str,
    help: &'static str,
    span: SourceSpan,
}

impl<'t> Thing<'t> {
    fn new(what: &'static str, name: &'t Spanned<String>) -> Self {
        Self { what, name: &name.value, help: "rename or delete one of them", span: name.span }
    }

    /// The same thing, with why two names that look different are one.
    fn because(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}

/// Why `Foo_bar` and `foo-bar` are one.
const ONE_NAME: &str =
    "names are equal when they differ only in case, `-`, `_` and `.`; rename or delete one of them";
