//! Where in `tasks.kdl` a change of a manifest belongs.
//!
//! | changed | goes to |
//! | --- | --- |
//! | a requirement, version, requires-python, pin's tag | the text that asks for it, which environments may share |
//! | a requirement added | the environment's own list, or the project's if every other manifest has it too; the group or extra it stands in; the variant |
//! | one taken away | out of the list, if no other manifest has it; an extra or group as a whole with its node (`whole`) |
//! | a group or an extra spelt otherwise | its name, wherever it has a list (`respelt`) |
//! | a workspace member added | `package`, limited to the environment where others would lack it |
//!
//! What has no such place is left with the reason. Nothing here is believed: the text that comes of it is read, resolved
//! and rendered again, and compared.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::Value;

use super::super::entry::{Entry, EntryPath};
use super::super::identity;
use super::super::supply::marker;
use super::super::words::{self, parts, place, quoted};
use super::difference::{Edit, Looked};
use super::writing::Writing;
use crate::base::{RelPath, Spanned};
use crate::config::{Outline, OutlineNode};
use crate::model::{Axis, Kept, Model, PackageName, PinReference, Variant, WantedUv, even, normal};

/// Names of packages by their directories, as their manifests say.
pub(crate) type Names = BTreeMap<RelPath, PackageName>;

/// One environment at work.
pub(super) struct Placing<'p> {
    pub(super) model: &'p Model,
    pub(super) outline: &'p Outline,
    pub(super) here: &'p Looked<'p>,
    /// The other manifests that envloom writes from `tasks.kdl`.
    pub(super) others: &'p [Looked<'p>],
    pub(super) names: &'p Names,
    pub(super) edits: &'p [Edit],
    pub(super) writing: Writing<'p>,
    /// What was placed.
    pub(super) placed: BTreeSet<EntryPath>,
    /// What was not, and why, with what to type.
    pub(super) reasons: BTreeMap<EntryPath, String>,
    /// Packages that were new: each member gets a source.
    pub(super) made: BTreeSet<String>,
}

impl<'p> Placing<'p> {
    /// Places every edit that has a place.
    pub(super) fn place(&mut self) {
        self.members();
        self.respelt();
        for edit in self.edits {
            if self.placed.contains(&edit.path) {
                continue;
            }
            match self.one(edit) {
                Ok(()) => drop(self.placed.insert(edit.path.clone())),
                Err(reason) => drop(self.reasons.insert(edit.path.clone(), reason)),
            }
        }
    }

    fn one(&mut self, edit: &'p Edit) -> Result<(), String> {
        if let Kept::Derived(origin) = self.here.environment.kept
            && !words::is_pin(self.model, &edit.path)
        {
            let origin = &self.model.environment(origin).manifest.value;
            return Err(format!("it comes from {origin}: say the same there"));
        }
        let (keys, _) = parts(&edit.path);
        match (&edit.wanted, &edit.found) {
            (Some(entry), Some(found)) => match keys.as_slice() {
                ["project", "name" | "version" | "description" | "requires-python"] => {
                    self.setting(entry, found)
                }
                ["project", "dependencies"] | ["dependency-groups", _] => self.requirement(entry, found),
                ["project", "optional-dependencies", extra] => match self.variant(extra) {
                    Some((axis, variant)) => self.supplied(axis, variant, entry),
                    None => self.requirement(entry, found),
                },
                ["tool", "uv", "required-version"] => self.uv(entry, found),
                ["tool", "uv", "sources", name] => self.pin(name, found),
                _ => Err(self.no_word(edit)),
            },
            (Some(entry), None) => match keys.as_slice() {
                ["project", "dependencies"] | ["tool", "uv", "environments"] => self.gone(edit, entry),
                ["project", "optional-dependencies", _] | ["dependency-groups", _] => {
                    let variant = match keys.as_slice() {
                        ["project", _, extra] => self.variant(extra),
                        _ => None,
                    };
                    match (variant, self.whole(&edit.path)) {
                        (Some((_, variant)), Some(_)) => Err(format!(
                            "a variant has an extra, if an empty one: write `{} = []`, or take the variant out at {}",
                            variant.name.value,
                            place(self.model, variant.span)
                        )),
                        (Some((axis, variant)), None) => self.supplied(axis, variant, entry),
                        (None, Some(whole)) => self.gone_whole(&whole, edit),
                        (None, None) => self.gone(edit, entry),
                    }
                }
                _ => Err(format!("take it out at {}", place(self.model, entry.span))),
            },
            (None, Some(found)) => self.added(edit, &keys, found),
            (None, None) => Ok(()),
        }
    }

    pub(super) fn no_word(&self, edit: &Edit) -> String {
        let found = edit.found.as_ref();
        let line = found.and_then(|found| words::kdl(self.model, self.here.environment, &edit.path, found));
        let at = edit.wanted.as_ref().map(|entry| place(self.model, entry.span));
        match (line, at) {
            (Some(line), Some(at)) => format!("write at {at}: {line}"),
            (Some(line), None) => format!("write: {line}"),
            (None, Some(at)) => format!("it follows from {at}"),
            (None, None) => "tasks.kdl has no word for it".to_owned(),
        }
    }

    /// Puts another Python in the place of the pin.
    pub(super) fn python(&mut self, pin: &Spanned<String>, found: &str) {
        // A pin is an argument of its node; one that is none would not be found, and the check says so.
        drop(self.rewrite(pin.span.offset(), found));
    }

    /// The node of the environment.
    pub(super) fn own(&self) -> Option<&'p OutlineNode> {
        node_at(self.outline, self.here.environment.span.offset())
    }

    pub(super) fn project(&self) -> Option<&'p OutlineNode> {
        node_at(self.outline, self.model.project.as_ref()?.span.offset())
    }

    pub(super) fn variant(&self, extra: &str) -> Option<(&'p Axis, &'p Variant)> {
        let variants =
            self.model.axes.iter().flat_map(|axis| axis.variants.iter().map(move |one| (axis, one)));
        variants.into_iter().find(|(_, variant)| variant.name.value == extra)
    }

    /// Puts another text in the place of the one that asks for an entry.
    fn rewrite(&mut self, at: usize, text: &str) -> Result<(), String> {
        let argument =
            |node: &OutlineNode| node.arguments.iter().find(|(_, place)| place.start == at).cloned();
        match self.outline.around(at).last().and_then(|node| argument(node)) {
            Some((_, place)) => {
                self.writing.replace(place, text);
                Ok(())
            }
            None => Err(format!("write it at {}", place(self.model, (at, 0).into()))),
        }
    }

    fn setting(&mut self, entry: &Entry, found: &Value) -> Result<(), String> {
        let text = found.as_str().ok_or("it is no text")?;
        let word = parts(&entry.path).0.last().copied().unwrap_or_default().to_owned();
        let is_absent = word == "version" && self.here.environment.settings.version.is_none();
        if !is_absent {
            return self.rewrite(entry.span.offset(), text);
        }
        let project = self.project();
        self.writing.make(project, &format!("version {}", quoted(text)), None, "");
        Ok(())
    }

    fn uv(&mut self, entry: &Entry, found: &Value) -> Result<(), String> {
        let text = found.as_str().ok_or("it is no text")?;
        let exact = matches!(self.model.uv.as_ref().map(|uv| &uv.wanted), Some(WantedUv::Exact(_)));
        let text = text.strip_prefix("==").filter(|_| exact).unwrap_or(text);
        self.rewrite(entry.span.offset(), text)
    }

    /// A requirement of the project, an extra or a group.
    fn requirement(&mut self, entry: &Entry, found: &Value) -> Result<(), String> {
        let text = found.as_str().ok_or("it is no text")?;
        let name = parts(&entry.path).1.map(identity::bare).unwrap_or_default();
        let is_package = parts(&entry.path).0 == ["project", "dependencies"];
        if let Some(package) =
            self.model.packages.iter().find(|package| is_package && package.name.value.as_str() == name)
        {
            let at = place(self.model, package.span);
            return Err(format!(
                "an internal package is asked for by its `package`: of extras say extras=\"…\" at {at}"
            ));
        }
        self.rewrite(entry.span.offset(), text)
    }

    /// A tag.
    fn pin(&mut self, name: &str, found: &Value) -> Result<(), String> {
        let mut participants = self.here.environment.packages.iter();
        let participant = participants
            .find(|participant| self.model.package(participant.package).name.value.as_str() == name);
        let Some((participant, pin)) = participant.and_then(|one| one.pin.as_ref().map(|pin| (one, pin)))
        else {
            return Err("it follows from what tasks.kdl says of packages and variants".to_owned());
        };
        let package = self.model.package(participant.package);
        let table = found.as_inline_table();
        let text = |key: &str| table.and_then(|table| table.get(key)).and_then(Value::as_str);
        let remote = package.git.as_ref().map(|git| git.value.as_str());
        if text("git") != remote {
            return Err(format!(
                "the remote is `git=` of the package at {}",
                place(self.model, package.span)
            ));
        }
        match (&pin.reference, text("tag")) {
            (PinReference::Tag(_), Some(tag)) if text("rev").is_none() => {
                self.rewrite(pin.span.offset(), tag)
            }
            _ => Err(format!(
                "a commit needs its version: pin {} rev=\"…\" version=\"…\" at {}",
                quoted(name),
                place(self.model, pin.span)
            )),
        }
    }

    /// A requirement that a variant supplies: its own, or one that all variants of the axis share.
    fn supplied(&mut self, axis: &'p Axis, variant: &'p Variant, entry: &Entry) -> Result<(), String> {
        let at = entry.span.offset();
        if !axis.requirements.iter().any(|shared| shared.span == entry.span) {
            return match self.now_in(variant, entry)? {
                Some(text) => self.rewrite(at, &text),
                None if self.writing.remove(at) => Ok(()),
                None => Err(format!("take it out at {}", place(self.model, entry.span))),
            };
        }
        let mut texts: Vec<(&Variant, Option<String>)> = Vec::new();
        for one in &axis.variants {
            texts.push((one, self.now_in(one, entry)?));
        }
        let first = texts.first().and_then(|(_, text)| text.clone());
        if texts.iter().all(|(_, text)| *text == first) {
            return match first {
                Some(text) => self.rewrite(at, &text),
                None if self.writing.remove(at) => Ok(()),
                None => Err(format!("take it out at {}", place(self.model, entry.span))),
            };
        }
        // They differ now, so that each says its own.
        if !self.writing.remove(at) {
            return Err(format!("write it in each variant instead of at {}", place(self.model, entry.span)));
        }
        for (one, text) in texts {
            if let Some(text) = text {
                self.give_variant(one, &text, true);
            }
        }
        Ok(())
    }

    /// What the text of a requirement is in a variant's extra now, without the marker of the variant's platforms;
    /// `None`: it is gone.
    fn now_in(&self, variant: &Variant, entry: &Entry) -> Result<Option<String>, String> {
        let of_variant = |path: &EntryPath| {
            parts(path).0 == ["project", "optional-dependencies", variant.name.value.as_str()]
        };
        let wanted = self.here.wanted.iter().find(|one| one.span == entry.span && of_variant(&one.path));
        let Some(wanted) = wanted else { return Ok(None) };
        let edit = self.edits.iter().find(|edit| {
            edit.wanted.as_ref().is_some_and(|one| one.path == wanted.path && one.span == wanted.span)
        });
        let now = match edit {
            None => wanted.value.as_str(),
            Some(Edit { found: Some(found), .. }) => found.as_str(),
            // Without its extra a variant says nothing of what it is to have.
            Some(Edit { found: None, path, .. }) if self.whole(path).is_some() => wanted.value.as_str(),
            Some(Edit { found: None, .. }) => return Ok(None),
        };
        self.unmarked(variant, now.unwrap_or_default()).map(Some)
    }

    /// A requirement of a variant's extra as `tasks.kdl` says it.
    pub(super) fn unmarked(&self, variant: &Variant, text: &str) -> Result<String, String> {
        let Some(marker) = marker(variant, self.here.environment) else { return Ok(text.to_owned()) };
        let reason = || {
            format!(
                "what variant {} supplies is for its platforms only: write it with the marker `{marker}`",
                quoted(&variant.name.value)
            )
        };
        let rest = identity::split_name(text).map(|(_, rest)| rest).ok_or_else(reason)?;
        let own = identity::marker_of(rest);
        let plain = text[..text.len() - own.len()].trim_end().trim_end_matches(';').trim_end();
        if even(own) == even(&marker) {
            return Ok(plain.to_owned());
        }
        let inner = even(own);
        let tail = format!(") and ({})", even(&marker));
        let inner = inner.strip_prefix('(').and_then(|inner| inner.strip_suffix(&tail));
        inner.map(|inner| format!("{plain} ; {inner}")).ok_or_else(reason)
    }

    /// Adds a requirement to a variant.
    pub(super) fn give_variant(&mut self, variant: &Variant, text: &str, from_index: bool) {
        let tail = if from_index || variant.index.is_none() { "" } else { " from-index=#false" };
        let Some(node) = node_at(self.outline, variant.span.offset()) else { return };
        let is_foreign = |node: &OutlineNode| node.properties.iter().any(|(_, value, _)| value == "#false");
        let list = node
            .children()
            .iter()
            .rfind(|child| child.name == "dependencies" && is_foreign(child) != tail.is_empty());
        match list {
            Some(list) => self.writing.append(list, text),
            None => self.writing.make(Some(node), "dependencies", Some(text), tail),
        }
    }
}

/// The innermost node that starts at that byte.
pub(super) fn node_at(outline: &Outline, at: usize) -> Option<&OutlineNode> {
    outline.around(at).into_iter().find(|node| node.span.start == at)
}

/// The last list of that word, and of that name, in a block.
pub(super) fn find_list<'o>(around: &'o OutlineNode, list: &[&str]) -> Option<&'o OutlineNode> {
    around.children().iter().rfind(|child| {
        let named =
            list.get(1).is_none_or(|name| child.first().is_some_and(|one| normal(one) == normal(name)));
        Some(&child.name.as_str()) == list.first() && named
    })
}
