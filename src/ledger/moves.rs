//! Which versions differ between two lockfiles. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::lockfile::{GitReference, LockedPackage, Lockfile, Source};

/// A package that is locked otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    /// Its name.
    pub(crate) name: String,
    /// What was locked; empty: nothing.
    pub(crate) old: Vec<String>,
    /// What is locked; empty: nothing.
    pub(crate) new: Vec<String>,
    /// Is it, or was it, an internal package: one from a repository or a directory?
    pub(crate) internal: bool,
}

/// The packages that differ, by name.
#[must_use]
pub(crate) fn moves(old: &Lockfile, new: &Lockfile) -> Vec<Move> {
    let (before, after) = (versions(old), versions(new));
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let of = |all: &BTreeMap<&str, BTreeSet<String>>, name: &str| -> Vec<String> {
        all.get(name).into_iter().flatten().cloned().collect()
    };
    let is_internal = |name: &str| {
        let mut packages = old.packages.iter().chain(&new.packages).filter(|package| package.name == name);
        packages
            .any(|package| !matches!(package.source, Source::Registry(_) | Source::Url(_) | Source::Path(_)))
    };
    names
        .into_iter()
        .map(|name| Move {
            name: name.to_owned(),
            old: of(&before, name),
            new: of(&after, name),
            internal: is_internal(name),
        })
        .filter(|one| one.old != one.new)
        .collect()
}

fn versions(lockfile: &Lockfile) -> BTreeMap<&str, BTreeSet<String>> {
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in &lockfile.packages {
        versions.entry(package.name.as_str()).or_default().insert(label(package));
    }
    versions
}

/// A locked package in one word: a release by its tag, since the version alone does not tell `v0.1.2` from a moved one.
fn label(package: &LockedPackage) -> String {
    let version = package.version.clone().unwrap_or_else(|| "dynamic".to_owned());
    match &package.source {
        Source::Git { reference: GitReference::Tag(tag), commit, .. } => format!("{tag} ({})", short(commit)),
        Source::Git { commit, .. } => format!("{version} ({})", short(commit)),
        _ => version,
    }
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SourceFile;

    fn lockfile(packages: &str) -> Lockfile {
        let text = format!("version = 1\nrevision = 3\n{packages}");
        Lockfile::parse(&SourceFile::new("uv.lock", text), "prod").unwrap()
    }

    fn registry(name: &str, version: &str) -> String {
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = {{ registry = \"x\" }}\n")
    }

    #[test]
    fn versions_and_releases_that_differ_are_told() {
        let git = |tag: &str, commit: &str| {
            format!(
                "[[package]]\nname = \"foo\"\nversion = \"1\"\nsource = {{ git = \"https://h/foo.git?tag={tag}#{commit}\" }}\n"
            )
        };
        let (one, other) = ("a".repeat(40), "b".repeat(40));
        let old = lockfile(&[git("v1", &one), registry("tqdm", "1"), registry("torch", "2")].concat());
        let torches = [registry("torch", "2"), registry("torch", "3")].concat();
        let new = lockfile(&[git("v1", &other), torches].concat());
        let found: Vec<String> = moves(&old, &new)
            .into_iter()
            .map(|one| format!("{} {:?} {:?} {}", one.name, one.old, one.new, one.internal))
            .collect();
        assert_eq!(
            found,
            [
                "foo [\"v1 (aaaaaaaaaaaa)\"] [\"v1 (bbbbbbbbbbbb)\"] true",
                "torch [\"2\"] [\"2\", \"3\"] false",
                "tqdm [\"1\"] [] false",
            ]
        );
        assert_eq!(moves(&old, &old), []);
    }
}
