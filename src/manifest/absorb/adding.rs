//! Where in `tasks.kdl` what someone put beside envloom's entries belongs: lists, variants, members.

use toml_edit::Value;

use super::super::entry::{EntryPath, canonical};
use super::super::identity;
use super::super::project::Parts;
use super::super::words::{parts, place, quoted};
use super::difference::Edit;
use super::placing::{Placing, find_list, node_at};
use crate::base::brief;
use crate::config::OutlineNode;
use crate::model::{Axis, Environment, Kept, PackageName, Sources, Variant, normal};

impl<'p> Placing<'p> {
    /// Something beside envloom's entries.
    pub(super) fn added(&mut self, edit: &'p Edit, keys: &[&str], found: &Value) -> Result<(), String> {
        let text = found.as_str();
        match (keys, text) {
            (["project", "dependencies"], Some(text)) => {
                let name = parts(&edit.path).1.map(identity::bare).unwrap_or_default();
                if self.model.packages.iter().any(|package| package.name.value.as_str() == name) {
                    return Err(format!(
                        "{name} is an internal package that takes no part here: see its `package`"
                    ));
                }
                self.add(&["dependencies"], text, self.is_everywhere(edit));
                self.keep_beside(name);
                Ok(())
            }
            (["project", "optional-dependencies", extra], Some(text)) => {
                if let Some((axis, variant)) = self.variant(extra) {
                    return self.added_to_variant(axis, variant, text);
                }
                self.add(&["extra", extra], text, self.is_everywhere(edit));
                Ok(())
            }
            (["dependency-groups", group], Some(text)) => {
                self.add(&["group", group], text, self.is_everywhere(edit));
                self.take_group(group);
                Ok(())
            }
            (["tool", "uv", "environments"], Some(text)) => {
                self.add(&["platforms"], text, self.is_everywhere(edit));
                Ok(())
            }
            _ => Err(self.no_word(edit)),
        }
    }

    /// Does every other manifest have the same?
    fn is_everywhere(&self, edit: &Edit) -> bool {
        let Some(found) = edit.found.as_ref().map(canonical) else { return false };
        self.others
            .iter()
            .all(|other| other.found(&edit.path).is_some_and(|(value, _)| canonical(&value) == found))
    }

    /// Adds to a list: that of the environment where it has one, or the project's. An extra or a group is one list for
    /// all that have it.
    fn add(&mut self, list: &[&str], text: &str, is_shared: bool) {
        let (own, project) = (self.own(), self.project());
        let of = |around: Option<&'p OutlineNode>| -> Option<&'p OutlineNode> {
            find_list(around?, list).filter(|node| !self.writing.is_dropped(node))
        };
        let named = list.len() > 1;
        let (own_list, shared_list) = (of(own), of(project));
        let head = match list {
            [word, name] => format!("{word} {}", quoted(name)),
            _ => list.concat(),
        };
        match (own_list, shared_list) {
            (Some(node), _) if named || !is_shared => self.writing.append(node, text),
            (_, Some(node)) if named || is_shared => self.writing.append(node, text),
            _ => {
                let around = if is_shared { project } else { own };
                self.writing.make(around, &head, Some(text), "");
            }
        }
    }

    /// An environment's own requirement replaces the project's of that name: those that stand there too go along.
    fn keep_beside(&mut self, name: &str) {
        let Some(own) = self.own() else { return };
        let beside: Vec<String> = self
            .here
            .environment
            .settings
            .dependencies
            .iter()
            .filter(|one| one.name.as_str() == name && !own.span.contains(&one.span.offset()))
            .map(|one| one.text.clone())
            .collect();
        for text in beside {
            self.add(&["dependencies"], &text, false);
        }
    }

    /// Makes the environment have a group that only the project declares.
    fn take_group(&mut self, group: &str) {
        let environment = self.here.environment;
        let same = |one: &str| normal(one) == normal(group);
        let declared = self.project().and_then(|project| find_list(project, &["group", group])).is_some();
        if !declared || environment.groups.iter().any(|one| same(&one.name.value)) {
            return;
        }
        let Some(own) = self.own() else { return };
        match own.children().iter().find(|child| child.name == "groups") {
            Some(groups) => self.writing.append(groups, group),
            None => self.writing.make(Some(own), "groups", Some(group), ""),
        }
    }

    /// A requirement put into a variant's extra: the variant's, or all variants' where all have it from their indexes.
    fn added_to_variant(&mut self, axis: &'p Axis, variant: &'p Variant, text: &str) -> Result<(), String> {
        let plain = self.unmarked(variant, text)?;
        let (name, _) = identity::split_name(&plain).ok_or("it is no requirement")?;
        let same = |one: &Variant| {
            self.edits.iter().filter(|other| other.wanted.is_none()).any(|other| {
                let (keys, _) = parts(&other.path);
                let here = keys == ["project", "optional-dependencies", one.name.value.as_str()];
                let text = other.found.as_ref().and_then(Value::as_str).filter(|_| here);
                text.is_some_and(|text| self.unmarked(one, text).is_ok_and(|found| found == plain))
            })
        };
        let sourced = |one: &Variant| one.index.is_some() && self.is_sourced(&name, one);
        let is_common = axis.variants.iter().all(|one| same(one) && (sourced(one) || one.index.is_none()));
        if !is_common {
            let from_index = sourced(variant);
            self.give_variant(variant, &plain, from_index);
            return Ok(());
        }
        let node = node_at(self.outline, axis.span.offset());
        let list = node.and_then(|node| find_list(node, &["dependencies"]));
        match list {
            Some(list) => self.writing.append(list, &plain),
            None => self.writing.make(node, "dependencies", Some(&plain), ""),
        }
        Ok(())
    }

    /// Does the manifest take the package for a variant from the variant's index?
    fn is_sourced(&self, name: &PackageName, variant: &Variant) -> bool {
        let path = EntryPath::keys(&["tool", "uv", "sources", name.as_str()]);
        let Some((found, _)) = self.here.found(&path) else { return false };
        let items: Vec<Value> = match found {
            Value::Array(items) => items.into_iter().collect(),
            one => vec![one],
        };
        let text = |item: &Value, key: &str| {
            item.as_inline_table().and_then(|table| table.get(key)).and_then(Value::as_str).map(str::to_owned)
        };
        let word = Some(variant.name.value.clone());
        items.iter().any(|item| text(item, "index") == word && text(item, "extra") == word)
    }

    /// Workspace members that `tasks.kdl` does not know.
    pub(super) fn members(&mut self) {
        if self.here.environment.sources != Sources::Workspace
            || self.here.environment.kept != Kept::Generated
        {
            return;
        }
        for edit in self.edits.iter().filter(|edit| edit.wanted.is_none()) {
            if parts(&edit.path).0 != ["tool", "uv", "workspace", "members"] {
                continue;
            }
            let member = edit.found.as_ref().and_then(Value::as_str).unwrap_or_default();
            match self.member(member) {
                Ok(()) => drop(self.placed.insert(edit.path.clone())),
                Err(reason) => drop(self.reasons.insert(edit.path.clone(), reason)),
            }
        }
    }

    fn member(&mut self, member: &str) -> Result<(), String> {
        let environment = self.here.environment;
        let directory =
            environment.directory().join(member).map_err(|_| "it lies outside of the repository")?;
        let name = self.names.get(&directory).ok_or_else(|| {
            format!("no package of a known name lies at {}: write a `package` for each", brief(member))
        })?;
        if let Some(known) = self.model.packages.iter().find(|package| package.name.value == *name) {
            return Err(format!("{name} is another `package` already, at {}", place(self.model, known.span)));
        }
        let list = EntryPath::keys(&["project", "dependencies"]);
        let asked = self.edits.iter().find(|edit| {
            let bare = parts(&edit.path).1.map(identity::bare);
            edit.wanted.is_none() && edit.path.is_in(&list) && bare == Some(name.as_str())
        });
        let mut head = format!("package {} path={}", quoted(name.as_str()), quoted(directory.as_str()));
        let sharing = |other: &Environment| asked.is_some() || other.sources == Sources::Workspace;
        if self.others.iter().any(|other| sharing(other.environment)) {
            head.extend([" environments=", &quoted(&environment.name.value)]);
        }
        match asked.and_then(|edit| edit.found.as_ref()).and_then(Value::as_str) {
            None => head.push_str(" role=\"member\""),
            Some(text) => {
                let parts =
                    Parts::of(text).filter(|parts| parts.ranges.is_empty() && parts.marker.is_empty());
                let parts = parts.ok_or("a member is asked for by its name alone: take the range away")?;
                if !parts.extras.is_empty() {
                    head.extend([" extras=", &quoted(&parts.extras.join(" "))]);
                }
            }
        }
        self.writing.make(None, &head, None, "");
        self.made.insert(name.to_string());
        self.placed.extend(asked.map(|edit| edit.path.clone()));
        let source = EntryPath::keys(&["tool", "uv", "sources", name.as_str()]);
        self.placed
            .extend(self.edits.iter().filter(|edit| edit.path == source).map(|edit| edit.path.clone()));
        Ok(())
    }
}
