//! A group or an extra whose name somebody spells otherwise, `Dev` for `dev`: to uv it is the same one.
//!
//! So it is in `tasks.kdl`: every node of it gets the name as it is spelt now. Other manifests follow.

use super::super::entry::{EntryPath, canonical};
use super::super::words::parts;
use super::difference::Edit;
use super::placing::{Placing, node_at};
use super::removing::head;
use crate::model::normal;

impl Placing<'_> {
    /// Places what is the same under another spelling.
    pub(super) fn respelt(&mut self) {
        let edits = self.edits;
        for gone in edits.iter().filter(|edit| edit.found.is_none()) {
            let (keys, _) = parts(&gone.path);
            let Some((word, Some(name))) = head(&keys) else { continue };
            if self.placed.contains(&gone.path)
                || self.variant(name).is_some()
                || self.whole(&gone.path).is_none()
            {
                continue;
            }
            let is_same = |edit: &&Edit| {
                let (other, _) = parts(&edit.path);
                let named = head(&other).and_then(|(other, name)| name.filter(|_| other == word));
                edit.wanted.is_none()
                    && named.is_some_and(|other| other != name && normal(other) == normal(name))
            };
            let come: Vec<&Edit> = edits.iter().filter(is_same).collect();
            let went: Vec<&Edit> = edits.iter().filter(|edit| parts(&edit.path).0 == keys).collect();
            let Some(spelt) = come.first().and_then(|edit| parts(&edit.path).0.last().copied()) else {
                continue;
            };
            if !is_alike(&went, &come) {
                continue;
            }
            self.spell(word, name, spelt);
            self.placed.extend(went.into_iter().chain(come).map(|edit| edit.path.clone()));
        }
    }

    /// Puts another name into every node of a list.
    fn spell(&mut self, word: &str, name: &str, spelt: &str) {
        let environments = self.model.environments.iter().map(|one| one.span);
        let around = self.model.project.iter().map(|project| project.span).chain(environments);
        for parent in around.filter_map(|span| node_at(self.outline, span.offset())) {
            for node in parent.children().iter().filter(|node| node.name == word) {
                let named = node.arguments.first().filter(|(text, _)| normal(text) == normal(name));
                if let Some((_, place)) = named {
                    self.writing.replace(place.clone(), spelt);
                }
            }
        }
    }
}

/// Do the elements that went have the same texts as those that came?
fn is_alike(went: &[&Edit], come: &[&Edit]) -> bool {
    let element = |path: &EntryPath| parts(path).1.map(str::to_owned);
    let same = |gone: &&Edit| {
        let wanted = gone.wanted.as_ref().map(|entry| canonical(&entry.value));
        let there = come.iter().find(|edit| element(&edit.path) == element(&gone.path));
        element(&gone.path).is_some()
            && there.is_some_and(|edit| edit.found.as_ref().map(canonical) == wanted)
    };
    went.len() == come.len() && went.iter().all(same)
}
