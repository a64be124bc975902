//! What differs between two lockfiles and the settings that decided them. Pure: no file is read, git is not asked.
//!
//! Comes in: two [`Side`]s, each a lockfile with its manifest, whole or as far as one cell installs it; and the names
//! of internal packages. Goes out: a [`Difference`] in sections, sorted by name. Places are told from the root of the
//! repository, so that `../indexes/cpu` of one environment is `indexes/cpu` of another.
//!
//! | section | what is in it |
//! | --- | --- |
//! | internal | packages of `tasks.kdl`, and whatever else comes from the working tree: tags, commits, directories |
//! | variants | packages of which a variant takes another build than its siblings do, told by variant |
//! | third party | all others that both sides have, in other versions or from elsewhere |
//! | added, removed | all others that one side has |
//! | settings | what the manifest says that decides a resolution; `[options]` of the lockfile, which an environment variable may have set |
//!
//! Which packages are a variant's is seen in the lockfile (`fork`), not declared: `nvidia-cudnn-cu12`, which `torch`
//! brings, has as many builds as `torch`.

mod contents;
mod settings;

use std::collections::BTreeSet;

pub(crate) use contents::{Side, Taken};

use contents::{Builds, Contents};

use super::lockfile::{GitReference, Source};
use super::origin::describe;
use crate::base::{hidden, printable};

/// What differs, each section sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Internal packages, also those that one side lacks.
    pub(crate) internal: Vec<Change>,
    /// Other packages that both sides have.
    pub(crate) third_party: Vec<Change>,
    /// Packages of variants, also those that one side lacks.
    pub(crate) variants: Vec<Change>,
    /// Other packages that only the second side has.
    pub(crate) added: Vec<Change>,
    /// Other packages that only the first side has.
    pub(crate) removed: Vec<Change>,
    /// What decides resolutions.
    pub(crate) settings: Vec<SettingChange>,
    /// How many packages are the same on both sides.
    pub(crate) agreeing: usize,
}

/// A package that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its name.
    pub(crate) package: String,
    /// The variants whose builds these are; empty where they are nobody's, or where two cells are compared.
    pub(crate) variants: Vec<String>,
    /// What the first side has of it; empty: nothing.
    pub(crate) from: Vec<Build>,
    /// What the second side has.
    pub(crate) to: Vec<Build>,
}

/// One build of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Build {
    /// Its version; `None` where the build backend computes it.
    pub(crate) version: Option<String>,
    /// Where it comes from; paths are from the root of the repository.
    pub(crate) source: Source,
}

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingChange {
    /// Its keys, `tool.uv.prerelease`.
    pub(crate) setting: String,
    /// Its value on the first side, or the elements of it that the second lacks; empty: not set.
    pub(crate) from: Vec<String>,
    /// The same of the second side.
    pub(crate) to: Vec<String>,
}

impl Difference {
    /// Do the sides agree in everything?
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.changes().next().is_none() && self.settings.is_empty()
    }

    /// The same less what the manifests say, for whoever sees their lines beside it.
    pub(crate) fn of_lockfiles(&self) -> Self {
        let mut rest = self.clone();
        rest.settings.retain(|change| change.setting.starts_with(settings::OPTIONS));
        rest
    }

    /// The packages that differ and are not internal.
    pub(crate) fn third_party(&self) -> impl Iterator<Item = &Change> {
        [&self.third_party, &self.variants, &self.added, &self.removed].into_iter().flatten()
    }

    /// All packages that differ.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.internal.iter().chain(self.third_party())
    }
}

impl Build {
    /// Its version in words.
    #[must_use]
    pub(crate) fn version(&self) -> String {
        self.version.as_deref().map_or_else(|| "(dynamic)".to_owned(), shown)
    }

    /// Where it comes from, in words.
    #[must_use]
    pub(crate) fn place(&self) -> String {
        hidden(&describe(&self.source))
    }

    /// The tag, commit or branch and the commit behind it, where it comes from git.
    #[must_use]
    pub(crate) fn release(&self) -> Option<(String, String)> {
        let Source::Git { reference, commit, .. } = &self.source else { return None };
        let reference = match reference {
            GitReference::Tag(tag) => shown(tag),
            GitReference::Rev(rev) => shown(&rev.chars().take(SHORT).collect::<String>()),
            GitReference::Branch(branch) => format!("branch {}", shown(branch)),
            GitReference::Default => "the default branch".to_owned(),
        };
        Some((reference, shown(&commit.chars().take(SHORT).collect::<String>())))
    }
}

/// As many digits of a commit as messages show.
const SHORT: usize = 12;

/// A text of a lockfile as a message may repeat it.
fn shown(text: &str) -> String {
    printable(&hidden(text)).into_owned()
}

/// What differs between two sides. `internal` are the names of the packages that `tasks.kdl` declares, or did.
#[must_use]
pub(crate) fn difference(internal: &BTreeSet<String>, from: &Side<'_>, to: &Side<'_>) -> Difference {
    let (before, after) = (from.contents(internal), to.contents(internal));
    let mut difference = Difference {
        internal: differing(&before.internal, &after.internal),
        settings: settings::changes(&settings::settings(from, internal), &settings::settings(to, internal)),
        ..Difference::default()
    };
    for change in third_party(&before, &after, &mut difference.variants) {
        let section = match (change.from.as_slice(), change.to.as_slice()) {
            ([], _) => &mut difference.added,
            (_, []) => &mut difference.removed,
            _ => &mut difference.third_party,
        };
        section.push(change);
    }
    let names: BTreeSet<&String> = [&before, &after].into_iter().flat_map(Contents::names).collect();
    let differ: BTreeSet<&String> = difference.changes().map(|change| &change.package).collect();
    difference.agreeing = names.difference(&differ).count();
    difference
}

/// What is not internal: the changes that are no variant's; those that are one's are added to `variants`.
fn third_party(before: &Contents, after: &Contents, variants: &mut Vec<Change>) -> Vec<Change> {
    let of_variants: BTreeSet<&String> = before.of_variants.union(&after.of_variants).collect();
    let split = |all: &Builds| -> (Builds, Builds) {
        all.clone().into_iter().partition(|(name, _)| of_variants.contains(name))
    };
    let ((forked_before, common_before), (forked_after, common_after)) =
        (split(&before.others), split(&after.others));
    let mut changes = differing(&common_before, &common_after);
    let labels: Vec<&String> = {
        let known = |label: &&String| !before.variants.iter().any(|(one, _)| one == *label);
        let further = after.variants.iter().map(|(label, _)| label).filter(known);
        before.variants.iter().map(|(label, _)| label).chain(further).collect()
    };
    if labels.is_empty() {
        // Two cells, each with its choice: which variant a build is of, the names of the cells say.
        variants.extend(differing(&forked_before, &forked_after));
        return changes;
    }
    for name in of_variants {
        variants.extend(by_variant(name, &labels, before, after));
        let change = differing_in(name, &unclaimed(name, before), &unclaimed(name, after));
        changes.extend(change);
    }
    changes.sort_by(|one, other| one.package.cmp(&other.package));
    changes
}

/// What differs of one package between the same variants of both sides; variants that differ alike are told together.
fn by_variant(name: &str, labels: &[&String], before: &Contents, after: &Contents) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for label in labels {
        let (one, other) = (before.taken_by(label, name), after.taken_by(label, name));
        let Some(change) = differing_in(name, &one, &other) else { continue };
        match changes.iter_mut().find(|known| (&known.from, &known.to) == (&change.from, &change.to)) {
            Some(known) => known.variants.push((*label).clone()),
            None => changes.push(Change { variants: vec![(*label).clone()], ..change }),
        }
    }
    changes
}

/// The builds that no variant takes: of the fork without a variant.
fn unclaimed(name: &str, contents: &Contents) -> BTreeSet<Build> {
    let all = contents.others.get(name).into_iter().flatten();
    let is_claimed = |build: &&Build| {
        contents.variants.iter().any(|(_, taken)| taken.get(name).is_some_and(|taken| taken.contains(*build)))
    };
    all.filter(|build| !is_claimed(build)).cloned().collect()
}

/// Every package of which the sides have other builds.
fn differing(before: &Builds, after: &Builds) -> Vec<Change> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |builds: &Builds, name: &str| builds.get(name).cloned().unwrap_or_default();
    names.into_iter().filter_map(|name| differing_in(name, &of(before, name), &of(after, name))).collect()
}

fn differing_in(name: &str, before: &BTreeSet<Build>, after: &BTreeSet<Build>) -> Option<Change> {
    let list = |builds: &BTreeSet<Build>| builds.iter().cloned().collect();
    (before != after).then(|| Change {
        package: name.to_owned(),
        variants: Vec::new(),
        from: list(before),
        to: list(after),
    })
}

#[cfg(test)]
mod tests;
