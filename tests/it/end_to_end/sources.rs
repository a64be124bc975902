//! Where the locked packages come from: no trap of the default index is in any lockfile.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::shop::locked;
use crate::support::Monorepo;

/// The packages of a lockfile that bear a name.
fn packages(repo: &Monorepo, lockfile: &str, name: &str) -> Vec<Value> {
    let lockfile: Table = repo.read(lockfile).parse().unwrap();
    let packages = lockfile["package"].as_array().unwrap();
    packages.iter().filter(|package| package["name"].as_str() == Some(name)).cloned().collect()
}

#[test]
fn no_torch_of_any_lockfile_comes_from_the_default_index() {
    let (origin, repo) = locked();
    let expected = [
        ("2.6.0+cu124", origin.fill("[HTTP]/cu124")),
        ("2.7.0+cpu", origin.fill("[HTTP]/cpu")),
        ("2.7.0+cu128", origin.fill("[HTTP]/cu128")),
    ];
    for lockfile in ["uv.lock", "staging/uv.lock", "prod/uv.lock"] {
        let locked: BTreeSet<(String, String)> = packages(&repo, lockfile, "torch")
            .iter()
            .map(|torch| (torch["version"].as_str(), torch["source"]["registry"].as_str()))
            .map(|(version, registry)| (version.unwrap().to_owned(), registry.unwrap().to_owned()))
            .collect();
        let expected = expected.iter().map(|(version, index)| ((*version).to_owned(), index.clone()));
        assert_eq!(locked, expected.collect(), "{lockfile}");
        assert!(!repo.read(lockfile).contains("2.7.1"), "{lockfile}");
    }
}

#[test]
fn no_internal_package_of_any_lockfile_comes_from_an_index() {
    let (_origin, repo) = locked();
    for (lockfile, version, tag) in
        [("staging/uv.lock", "0.1.2.dev0", "v0.1.2.dev0"), ("prod/uv.lock", "0.1.2", "v0.1.2")]
    {
        for name in ["hello-world", "model-interface", "print-utils"] {
            let found = packages(&repo, lockfile, name);
            let url = format!("https://git.example.com/{name}.git?tag={tag}#{}", repo.tag_commit(name, tag));
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0]["version"].as_str(), Some(version));
            assert_eq!(found[0]["source"]["git"].as_str(), Some(url.as_str()));
        }
    }
    let print_utils = packages(&repo, "uv.lock", "print-utils");
    assert_eq!(print_utils.len(), 1, "{print_utils:?}");
    assert_eq!(print_utils[0]["source"]["editable"].as_str(), Some("packages/print-utils"));
}
