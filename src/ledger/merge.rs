//! Two sides of `envloom.lock` become one, entry by entry. Pure.
//!
//! | base | ours | theirs | taken |
//! | --- | --- | --- | --- |
//! | any | a | a | a |
//! | a | a | b or nothing | theirs |
//! | a | b or nothing | a | ours |
//! | a | nothing | b | b: what nobody needs goes with the next generate |
//! | any | b | c | a release with two commits: nobody can say which; else ours |
//!
//! Owned entries clash where both sides changed one: then the text of the manifest has to be settled first.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Owned, Record, Release, ReleaseKey};
use crate::base::RelPath;

/// What comes of two sides.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    /// The entries that could be taken; of those that clash, ours.
    pub(crate) record: Record,
    /// Releases that the sides have at two commits, with both.
    pub(crate) two_commits: BTreeMap<ReleaseKey, [String; 2]>,
    /// Manifests of which both sides changed one owned entry, each otherwise.
    pub(crate) owned_otherwise: BTreeSet<RelPath>,
}

/// Merges `ours` and `theirs`, which have both grown from `base`.
#[must_use]
pub(crate) fn merged([base, ours, theirs]: [&Record; 3]) -> Merged {
    let mut merged = Merged::default();
    for key in ours.releases.keys().chain(theirs.releases.keys()) {
        let sides = [base, ours, theirs].map(|side| side.releases.get(key));
        if let [_, Some(one), Some(other)] = sides
            && is_clash(&sides)
            && one.commit != other.commit
        {
            let commits = [one, other].map(|release: &Release| release.commit.clone());
            merged.two_commits.insert(key.clone(), commits);
        }
        if let Some(release) = taken(sides) {
            merged.record.releases.insert(key.clone(), release.clone());
        }
    }
    for path in ours.owned.keys().chain(theirs.owned.keys()) {
        let sides = [base, ours, theirs].map(|side| side.owned.get(path));
        let [Some(one), Some(other)] = [sides[1], sides[2]] else {
            // One side made it, or forgot it and the other went on with it.
            merged.record.owned.extend(taken(sides).map(|owned| (path.clone(), owned.clone())));
            continue;
        };
        let nothing = Owned::new();
        let [base, ours, theirs] = [sides[0].unwrap_or(&nothing), one, other];
        let mut owned = Owned::new();
        for entry in ours.keys().chain(theirs.keys()) {
            let sides = [base, ours, theirs].map(|side| side.get(entry));
            if is_clash(&sides) {
                merged.owned_otherwise.insert(path.clone());
            }
            owned.extend(taken(sides).map(|digest| (entry.clone(), *digest)));
        }
        merged.record.owned.insert(path.clone(), owned);
    }
    merged
}

/// Did both sides change it, each otherwise?
fn is_clash<T: PartialEq>([base, ours, theirs]: &[Option<&T>; 3]) -> bool {
    ours != theirs && ours != base && theirs != base
}

fn taken<T: PartialEq>([base, ours, theirs]: [Option<&T>; 3]) -> Option<&T> {
    if ours == base {
        theirs
    } else if theirs == base {
        ours
    } else {
        ours.or(theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;
    use crate::model::PackageName;

    fn record(releases: &[(&str, char)], owned: &[(&str, &str)]) -> Record {
        let release = |(tag, digit): &(&str, char)| {
            let key =
                ReleaseKey { package: PackageName::parse("foo").unwrap(), reference: (*tag).to_owned() };
            let release = Release {
                git: "https://git.example.com/foo.git".to_owned(),
                subdirectory: String::new(),
                commit: digit.to_string().repeat(40),
                version: None,
                requires_python: None,
                requires_dist: Vec::new(),
                provides_extra: Vec::new(),
                sources: Vec::new(),
                dynamic: Vec::new(),
            };
            (key, release)
        };
        let entries = owned.iter().map(|(path, value)| ((*path).to_owned(), Digest::of(value)));
        let path = RelPath::parse("prod/pyproject.toml").unwrap();
        let owned = if owned.is_empty() { BTreeMap::new() } else { [(path, entries.collect())].into() };
        Record { releases: releases.iter().map(release).collect(), owned }
    }

    #[test]
    fn what_one_side_changed_is_taken() {
        let base = record(&[("v1", 'a'), ("v2", 'a'), ("v3", 'a')], &[("x", "1"), ("y", "1"), ("z", "1")]);
        let ours = record(&[("v1", 'b'), ("v2", 'a'), ("v4", 'a')], &[("x", "2"), ("y", "1")]);
        let theirs = record(
            &[("v1", 'a'), ("v2", 'c'), ("v3", 'a'), ("v5", 'a')],
            &[("x", "1"), ("y", "3"), ("z", "1")],
        );
        let merged = merged([&base, &ours, &theirs]);
        let expected =
            record(&[("v1", 'b'), ("v2", 'c'), ("v4", 'a'), ("v5", 'a')], &[("x", "2"), ("y", "3")]);
        assert_eq!(merged.record, expected);
        assert!(merged.two_commits.is_empty() && merged.owned_otherwise.is_empty());
    }

    #[test]
    fn one_tag_at_two_commits_is_said_and_so_is_an_entry_with_two_values() {
        let base = record(&[], &[("x", "1")]);
        let (ours, theirs) = (record(&[("v1", 'a')], &[("x", "2")]), record(&[("v1", 'b')], &[("x", "3")]));
        let merged = merged([&base, &ours, &theirs]);
        let commits: Vec<_> = merged.two_commits.values().collect();
        assert_eq!(commits, [&['a', 'b'].map(|digit| digit.to_string().repeat(40))]);
        assert_eq!(merged.owned_otherwise.len(), 1);
    }

    #[test]
    fn what_one_side_forgot_whole_and_the_other_kept_is_forgotten() {
        let base = record(&[], &[("x", "1")]);
        assert_eq!(merged([&base, &record(&[], &[]), &base]).record, Record::default());
        let theirs = record(&[], &[("x", "2")]);
        assert_eq!(merged([&base, &record(&[], &[]), &theirs]).record, theirs);
    }
}
