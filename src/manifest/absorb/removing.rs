//! What someone took out of a manifest: out of `tasks.kdl` too, unless others would lose it, or it would come back.

use std::collections::BTreeSet;

use super::super::entry::Entry;
use super::super::identity;
use super::super::words::{parts, place, quoted};
use super::difference::{Edit, Looked};
use super::placing::Placing;
use super::writing::spaced;
use crate::base::Spanned;
use crate::config::OutlineNode;
use crate::model::{Group, Requirement, normal};

/// One element of a list that the project and its environments add to.
struct Listed {
    text: String,
    /// Where it is asked for.
    at: usize,
}

impl Placing<'_> {
    /// One that was taken away, where no other manifest has it.
    pub(super) fn gone(&mut self, edit: &Edit, entry: &Entry) -> Result<(), String> {
        let at = place(self.model, entry.span);
        let has = |other: &&Looked<'_>| {
            let asked = other.wanted.iter().any(|one| one.path == edit.path && one.span == entry.span);
            // One that was never written will have it.
            asked && (other.view.text.is_empty() || other.found(&edit.path).is_some())
        };
        let sharing: Vec<&str> =
            self.others.iter().filter(has).map(|other| other.environment.name.value.as_str()).collect();
        let environment = &self.here.environment.name.value;
        if !sharing.is_empty() {
            let have = if sharing.len() == 1 { "has" } else { "have" };
            let alone = self.alone(edit);
            let alone =
                alone.map(|line| format!("; for {environment} alone, write in its environment: {line}"));
            return Err(format!(
                "{} {have} it too: for all, take it out at {at}{}",
                sharing.join(", "),
                alone.unwrap_or_default()
            ));
        }
        if let (Some(shadowed), Some(line)) = (self.shadowed(edit, entry), self.alone(edit)) {
            let shadowed = place(self.model, (shadowed, 0).into());
            return Err(format!(
                "without it the one at {shadowed} holds: take it out at {at} and write in the environment: {line}"
            ));
        }
        if self.writing.remove(entry.span.offset()) { Ok(()) } else { Err(format!("take it out at {at}")) }
    }

    /// The project's requirement that an environment's own one replaces, where nothing else does any more.
    fn shadowed(&self, edit: &Edit, entry: &Entry) -> Option<usize> {
        let (own, project) = (self.own()?, self.project()?);
        let (keys, element) = parts(&edit.path);
        let (word, named) = head(&keys)?;
        let lists = |around: &OutlineNode| {
            let same = |node: &&OutlineNode| {
                node.name == word && named.is_none_or(|name| node.first().map(normal) == Some(normal(name)))
            };
            around.children().iter().filter(same).cloned().collect::<Vec<_>>()
        };
        let is_only = |list: &OutlineNode| {
            list.properties.iter().any(|(name, value, _)| name == "only" && value == "#true")
        };
        let bare = identity::bare(element?);
        let same = |text: &str| identity::split_name(text).is_some_and(|(name, _)| name.as_str() == bare);
        let is_own = |at: usize| own.span.contains(&at);
        let is_held = self.remaining(&keys).iter().any(|one| is_own(one.at) && same(&one.text));
        if !is_own(entry.span.offset()) || is_held || lists(own).iter().any(is_only) {
            return None;
        }
        let shared = lists(project);
        let mut arguments =
            shared.iter().flat_map(|list| list.arguments.iter().skip(usize::from(named.is_some())));
        arguments.find(|(text, _)| same(text)).map(|(_, place)| place.start)
    }

    /// The line of an environment whose list holds nothing but what remains.
    fn alone(&self, edit: &Edit) -> Option<String> {
        let (keys, _) = parts(&edit.path);
        let (word, named) = head(&keys)?;
        let name = named.map(|name| format!(" {}", quoted(name))).unwrap_or_default();
        // What the environment adds stays where it is.
        let is_own = |at: usize| self.own().is_some_and(|own| own.span.contains(&at));
        let remaining = self.remaining(&keys);
        let rest = spaced(remaining.iter().filter(|one| !is_own(one.at)).map(|one| &one.text));
        Some(format!("{word}{name} only=#true{rest}"))
    }

    /// What `tasks.kdl` asks for in that list of the environment, and nobody took out.
    fn remaining(&self, keys: &[&str]) -> Vec<Listed> {
        let environment = self.here.environment;
        let settings = &environment.settings;
        let of = |groups: &[Group], name: &str| -> Vec<Requirement> {
            let group = groups.iter().find(|group| normal(&group.name.value) == normal(name));
            group.map(|group| group.requirements.clone()).unwrap_or_default()
        };
        let listed = |one: &Requirement| Listed { text: one.text.clone(), at: one.span.offset() };
        let mut all: Vec<Listed> = match keys {
            ["project", "dependencies"] => settings.dependencies.iter().map(listed).collect(),
            ["project", "optional-dependencies", extra] => {
                of(&settings.extras, extra).iter().map(listed).collect()
            }
            ["dependency-groups", group] => of(&environment.groups, group).iter().map(listed).collect(),
            ["tool", "uv", "environments"] => {
                let listed =
                    |one: &Spanned<String>| Listed { text: one.value.clone(), at: one.span.offset() };
                settings.platforms.iter().map(listed).collect()
            }
            _ => Vec::new(),
        };
        let of_list = |edit: &&Edit| edit.found.is_none() && parts(&edit.path).0 == keys;
        let gone = self.edits.iter().filter(of_list).filter_map(|edit| edit.wanted.as_ref());
        let gone: BTreeSet<usize> = gone.map(|entry| entry.span.offset()).collect();
        all.retain(|one| !gone.contains(&one.at));
        all
    }
}

/// The word of `tasks.kdl` for a list, and the name that comes after it.
pub(super) fn head<'k>(keys: &[&'k str]) -> Option<(&'static str, Option<&'k str>)> {
    match keys {
        ["project", "dependencies"] => Some(("dependencies", None)),
        ["project", "optional-dependencies", extra] => Some(("extra", Some(*extra))),
        ["dependency-groups", group] => Some(("group", Some(*group))),
        ["tool", "uv", "environments"] => Some(("platforms", None)),
        _ => None,
    }
}
