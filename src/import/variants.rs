//! Sets of extras that exclude one another -> `variants`.

use std::collections::BTreeSet;

use super::kdl::{Node, requirements};
use super::manifest::{IndexFact, Manifest, Source, requirement};
use crate::base::{RelPath, credentials};

/// What targets take for something else.
const TAKEN: [&str; 3] = ["none", "auto", "all"];

/// The axes of a project.
#[derive(Default)]
pub(super) struct Variants {
    /// Their nodes.
    pub(super) nodes: Vec<Node>,
    /// The extras that they are.
    pub(super) names: BTreeSet<String>,
    /// The indexes that they use.
    pub(super) indexes: BTreeSet<String>,
}

impl Variants {
    /// From the conflicts of a manifest in `directory`.
    pub(super) fn of(manifest: &Manifest, directory: &RelPath) -> Self {
        let mut variants = Self::default();
        for set in &manifest.conflicts {
            let fits = |extra: &String| {
                manifest.extras.contains_key(extra)
                    && !TAKEN.contains(&extra.as_str())
                    && extra.starts_with(|first: char| first.is_ascii_alphabetic())
            };
            // An extra in two sets would be on two axes.
            if set.iter().all(fits) && variants.names.is_disjoint(&set.iter().cloned().collect()) {
                let node = variants.axis(manifest, directory, set);
                variants.nodes.push(node);
                variants.names.extend(set.iter().cloned());
            }
        }
        variants
    }

    fn axis(&mut self, manifest: &Manifest, directory: &RelPath, set: &[String]) -> Node {
        let supplies: Vec<Option<Supply<'_>>> =
            set.iter().map(|extra| Supply::of(manifest, directory, extra)).collect();
        let from_index = |at: usize, text: &String| {
            supplies[at].as_ref().is_none_or(|supply| supply.texts.contains(&text))
        };
        let extras: Vec<&Vec<String>> = set.iter().map(|extra| &manifest.extras[extra]).collect();
        let is_common = |text: &String| {
            extras.iter().enumerate().all(|(at, texts)| texts.contains(text) && from_index(at, text))
        };
        let common: Vec<String> = extras[0].iter().filter(|text| is_common(text)).cloned().collect();
        let name = match self.nodes.len() {
            0 if set.iter().any(|extra| is_cuda(extra)) => "cuda".to_owned(),
            0 => "variant".to_owned(),
            more => format!("variant{}", more + 1),
        };
        let choose = if supplies.iter().all(Option::is_some) { "exactly-one" } else { "at-most-one" };
        let mut axis = Node::new("variants").argument(&name).property("choose", choose);
        if choose == "at-most-one" {
            axis = axis.comment("a sync may also choose none of these: `@none`");
        }
        if !common.is_empty() {
            axis = axis.children(requirements("dependencies", None, &common));
        }
        for (at, extra) in set.iter().enumerate() {
            let mut node = Node::new("variant").argument(extra);
            if let Some(supply) = &supplies[at] {
                node = node.property("index", &supply.place);
                if supply.index.name != *extra {
                    node = node.property("index-name", &supply.index.name);
                }
                self.indexes.insert(supply.index.name.clone());
            }
            let own = extras[at].iter().filter(|text| !common.contains(text));
            let (here, elsewhere): (Vec<String>, Vec<String>) =
                own.cloned().partition(|text| from_index(at, text));
            if !here.is_empty() {
                node = node.children(requirements("dependencies", None, &here));
            }
            if !elsewhere.is_empty() {
                let lines = requirements("dependencies", None, &elsewhere);
                node = node.children(lines.into_iter().map(|line| line.raw("from-index=#false")));
            }
            axis = axis.child(node);
        }
        axis
    }
}

/// `cu124`.
fn is_cuda(extra: &str) -> bool {
    extra.strip_prefix("cu").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// The one index that an extra has packages from.
struct Supply<'m> {
    index: &'m IndexFact,
    /// Where it is, from the root of the repository.
    place: String,
    /// The requirements that come from it.
    texts: Vec<&'m String>,
}

impl<'m> Supply<'m> {
    fn of(manifest: &'m Manifest, directory: &RelPath, extra: &str) -> Option<Self> {
        let mut supply: Option<Self> = None;
        for text in &manifest.extras[extra] {
            let Some((name, ..)) = requirement(text) else { continue };
            let sources = manifest.sources.get(&name).into_iter().flatten();
            let named = sources.filter_map(|source| match source {
                Source::Index { index, extra: Some(of) } if of == extra => Some(index),
                _ => None,
            });
            for index in named {
                let index = manifest.index(index).filter(|index| credentials(&index.url).is_none())?;
                match &mut supply {
                    None => {
                        let place = place(&index.url, directory)?;
                        supply = Some(Self { index, place, texts: vec![text] });
                    }
                    // Of two indexes nobody can say which is the variant's.
                    Some(known) if known.index.name != index.name => return None,
                    Some(known) => known.texts.push(text),
                }
            }
        }
        supply
    }
}

/// Where an index is, as `tasks.kdl` writes it.
pub(super) fn place(url: &str, directory: &RelPath) -> Option<String> {
    if url.contains("://") {
        return Some(url.to_owned());
    }
    directory.join(url).ok().map(|path| path.to_string())
}
