//! An extra or a group that is gone from a manifest altogether, its key included.
//!
//! A list that stays in `tasks.kdl` is written, if only as `docs = []`: so its node goes, with the environment's word for
//! it. What somebody else needs stays, and where that keeps the list in this manifest the place is named.

use super::super::entry::EntryPath;
use super::super::words::{parts, place, quoted};
use super::difference::{Edit, Looked};
use super::placing::{Placing, find_list, node_at};
use super::removing::head;
use crate::config::OutlineNode;
use crate::model::{Environment, normal};

/// An extra or a group by its path in the manifest and its words in `tasks.kdl`.
pub(super) struct Whole {
    path: EntryPath,
    word: &'static str,
    name: String,
}

impl<'p> Placing<'p> {
    /// The extra or group that an edit belongs to, if nothing of it stands in the manifest any more.
    pub(super) fn whole(&self, path: &EntryPath) -> Option<Whole> {
        let (keys, _) = parts(path);
        let (word, Some(name)) = head(&keys)? else { return None };
        let list = EntryPath::keys(&keys);
        let is_edit = |path: &EntryPath| self.edits.iter().any(|edit| edit.path == *path);
        let mut wanted = self.here.wanted.iter().filter(|entry| entry.path.is_in(&list));
        // What was never written cannot have been taken away.
        let is_gone =
            matches!(self.here.view.find(&list.0), Ok(None)) && wanted.all(|one| is_edit(&one.path));
        is_gone.then(|| Whole { path: list, word, name: name.to_owned() })
    }

    /// Takes it out of `tasks.kdl`.
    pub(super) fn gone_whole(&mut self, whole: &Whole, edit: &Edit) -> Result<(), String> {
        let (own, shared) = (self.list_of(self.here.environment, whole), self.project_list(whole));
        if own.is_none() && shared.is_none() {
            let at = edit.wanted.as_ref().map(|entry| place(self.model, entry.span));
            return Err(format!("take it out at {}", at.unwrap_or_default()));
        }
        let others = self.others;
        let (having, without): (Vec<&Looked<'_>>, Vec<&Looked<'_>>) =
            others.iter().filter(|other| asks(other, whole)).partition(|other| is_there(other, whole));
        let is_held = shared.is_some() && !having.is_empty();
        if is_held && whole.word == "extra" {
            return Err(self.shared_extra(whole, own, shared, &having));
        }
        // With the project's, those that have none of their own lose it.
        let mut losing = vec![self.here.environment];
        if shared.is_some() && !is_held {
            let bare = without.iter().map(|other| other.environment);
            losing.extend(bare.filter(|environment| self.list_of(environment, whole).is_none()));
        }
        for environment in &losing {
            self.refuse_synced(environment, whole)?;
        }
        if whole.word == "group" {
            for environment in losing {
                self.drop_name(environment, whole);
            }
        }
        for node in own.into_iter().chain(shared.filter(|_| !is_held)) {
            self.writing.drop(node);
        }
        Ok(())
    }

    /// What is said of an extra of the project: it stands in every manifest.
    fn shared_extra(
        &self,
        whole: &Whole,
        own: Option<&OutlineNode>,
        shared: Option<&OutlineNode>,
        having: &[&Looked<'_>],
    ) -> String {
        let at = |node: &OutlineNode| place(self.model, node.span.start.into());
        let names: Vec<&str> = having.iter().map(|other| other.environment.name.value.as_str()).collect();
        let have = if names.len() == 1 { "has" } else { "have" };
        let places: Vec<String> = shared.into_iter().chain(own).map(at).collect();
        let environment = &self.here.environment.name.value;
        let written = own.map_or_else(|| "in its environment".to_owned(), |own| format!("at {}", at(own)));
        format!(
            "{} {have} it too: for all, take it out at {}; to have it empty in {environment} alone, write {written}: {} {} only=#true",
            names.join(", "),
            places.join(" and "),
            whole.word,
            quoted(&whole.name)
        )
    }

    /// A sync that names what is no longer there would be a mistake.
    fn refuse_synced(&self, environment: &Environment, whole: &Whole) -> Result<(), String> {
        let words = if whole.word == "extra" { "extras" } else { "groups" };
        let sync = self.node_of(environment).and_then(|node| find_list(node, &["sync"]));
        let Some(at) = sync.and_then(|sync| named_in(sync, words, &whole.name)).map(|(_, at)| at) else {
            return Ok(());
        };
        let environment = &environment.name.value;
        Err(format!(
            "the sync of {environment} asks for it: take {} out at {} first",
            quoted(&whole.name),
            place(self.model, at.into())
        ))
    }

    /// Takes a group's name out of those that an environment has.
    fn drop_name(&mut self, environment: &Environment, whole: &Whole) {
        let found = self.node_of(environment).and_then(|node| named_in(node, "groups", &whole.name));
        if let Some((node, at)) = found {
            self.writing.remove_from(node, at);
        }
    }

    fn node_of(&self, environment: &Environment) -> Option<&'p OutlineNode> {
        node_at(self.outline, environment.span.offset())
    }

    fn list_of(&self, environment: &Environment, whole: &Whole) -> Option<&'p OutlineNode> {
        find_list(self.node_of(environment)?, &[whole.word, &whole.name])
    }

    fn project_list(&self, whole: &Whole) -> Option<&'p OutlineNode> {
        find_list(self.project()?, &[whole.word, &whole.name])
    }
}

/// Is a manifest to have it?
fn asks(looked: &Looked<'_>, whole: &Whole) -> bool {
    looked.wanted.iter().any(|entry| entry.path.is_in(&whole.path))
}

/// Does it have it? One that was never written will.
fn is_there(looked: &Looked<'_>, whole: &Whole) -> bool {
    looked.view.text.is_empty() || !matches!(looked.view.find(&whole.path.0), Ok(None))
}

/// The node of that word whose arguments have the name, and where.
fn named_in<'o>(around: &'o OutlineNode, word: &str, name: &str) -> Option<(&'o OutlineNode, usize)> {
    let mut nodes = around.children().iter().filter(|node| node.name == word);
    nodes.find_map(|node| {
        let argument = node.arguments.iter().find(|(text, _)| normal(text) == normal(name));
        argument.map(|(_, place)| (node, place.start))
    })
}
