//! What stands beside our entries and concerns the other environments.

use std::collections::BTreeSet;

use crate::base::SourceFile;
use crate::model::{CARRIED, Environment, Model, Sources, normal};

use super::entry::{EntryPath, Segment};
use super::faithful::is_ours;
use super::view::View;
use super::words;

/// An entry that someone wrote beside ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// Its path, as shown: `project.dependencies[packaging]`.
    pub(crate) path: String,
    /// The line of the manifest it stands in, from 1.
    pub(crate) line: usize,
    /// The line to add to `tasks.kdl`; `None` where `tasks.kdl` has no word for it.
    pub(crate) kdl: Option<String>,
    /// Can `absorb` write it into `tasks.kdl`?
    pub(crate) absorbable: bool,
}

/// The entries of `view` that are not ours and that other environments lack.
pub(super) fn foreign(
    model: &Model,
    environment: &Environment,
    view: &View<'_>,
    ours: &BTreeSet<EntryPath>,
) -> Vec<Foreign> {
    let source = SourceFile::new("", view.text);
    let mut found: Vec<(usize, Foreign)> = Vec::new();
    for leaf in view.leaves() {
        let Some(path) = concerning(model, environment, &leaf.path).filter(|_| !is_ours(&leaf.path, ours))
        else {
            continue;
        };
        let Ok(Some(node)) = view.find(&path.0) else {
            continue;
        };
        let start = node.span().start;
        let entry = Foreign {
            path: words::path(&path),
            line: source.line_column(start).0,
            kdl: words::kdl(model, environment, &path, &node.value()),
            absorbable: words::is_absorbable(model, environment, &path),
        };
        if !found.iter().any(|(_, known)| known.path == entry.path) {
            found.push((start, entry));
        }
    }
    found.sort_by_key(|(start, _)| *start);
    found.into_iter().map(|(_, entry)| entry).collect()
}

/// What the identity of an included group begins with.
const INCLUDED: &str = "include-group:";

/// The entry that a leaf belongs to, if it is of a kind that the other environments would lack.
pub(super) fn concerning(model: &Model, environment: &Environment, leaf: &EntryPath) -> Option<EntryPath> {
    let (keys, element) = words::parts(leaf);
    let concerns = match keys.as_slice() {
        // tasks.kdl has no word for a group that includes another: only who has the same group lacks that.
        ["dependency-groups", group] if element.is_some_and(|element| element.starts_with(INCLUDED)) => {
            let has =
                |other: &Environment| other.groups.iter().any(|one| normal(&one.name.value) == normal(group));
            let others =
                model.environments.iter().filter(|other| other.manifest.value != environment.manifest.value);
            others.filter(|other| other.is_written()).any(has)
        }
        ["project", "dependencies"] | ["project", "optional-dependencies", _] | ["dependency-groups", _] => {
            element.is_some()
        }
        // What a pattern finds, only the working tree knows: there is nothing to say of it in tasks.kdl.
        ["tool", "uv", "workspace", "members"] => {
            element.is_some_and(|member| !member.contains(['*', '?', '[']))
        }
        ["tool", "uv", "sources", _, ..] => {
            let keys = leaf.0.iter().take(4).cloned().collect();
            return Some(EntryPath(keys));
        }
        ["tool", "uv", setting, ..] if CARRIED.contains(setting) => {
            // What a workspace environment says here, the others carry, as far as they may.
            environment.sources != Sources::Workspace
        }
        _ => false,
    };
    concerns.then(|| match leaf.0.as_slice() {
        [tool, uv, setting, Segment::Key(_), ..]
            if keys.first() == Some(&"tool") && keys.get(2) != Some(&"workspace") =>
        {
            EntryPath(vec![tool.clone(), uv.clone(), setting.clone()])
        }
        _ => leaf.clone(),
    })
}
