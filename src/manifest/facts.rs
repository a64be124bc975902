//! What an adopted manifest says that envloom goes by: which Python, which extras and groups, which of them exclude
//! one another, what it requires.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::identity;
use crate::base::RelPath;
use crate::model::{Facts, IndexLocation, PackageName, Supplied};
use crate::tool::variables::without_credentials;

/// The facts of the manifest in a directory; `python_version` is the text of `.python-version` beside it.
#[must_use]
pub(crate) fn facts(manifest: &Table, directory: &RelPath, python_version: Option<&str>) -> Facts {
    let table = |keys: &[&str]| keys.iter().try_fold(manifest, |table, key| table.get(*key)?.as_table());
    let project = table(&["project"]);
    let text = |key: &str| project.and_then(|project| project.get(key)).and_then(Value::as_str);
    let name = text("name").and_then(|name| PackageName::parse(name).ok());
    let extras = table(&["project", "optional-dependencies"]);
    let groups = table(&["dependency-groups"]);
    let names = |table: Option<&Table>| table.into_iter().flat_map(Table::keys).cloned().collect::<Vec<_>>();
    let lists = project.and_then(|project| project.get("dependencies")).into_iter();
    let lists = lists.chain([extras, groups].into_iter().flatten().flat_map(Table::values));
    let sets = table(&["tool", "uv"]).and_then(|uv| uv.get("conflicts")).and_then(Value::as_array);
    Facts {
        requires_python: text("requires-python").map(str::to_owned),
        python: python_version.and_then(pin),
        requires: lists.flat_map(elements).filter_map(required).collect(),
        conflicts: sets.into_iter().flatten().map(|set| conflicting(set, name.as_ref())).collect(),
        supplies: supplies(table(&["tool", "uv"]), extras, directory),
        extras: names(extras),
        groups: names(groups),
        name,
        workspace: None,
    }
}

/// What each extra has from one index, where the sources say so without a condition.
fn supplies(uv: Option<&Table>, extras: Option<&Table>, directory: &RelPath) -> BTreeMap<String, Supplied> {
    let mut supplies: BTreeMap<String, Supplied> = BTreeMap::new();
    // Extras of several indexes: nobody can say which one a package comes from on which platform.
    let mut several = BTreeSet::new();
    for (extra, list) in extras.into_iter().flatten() {
        for text in elements(list).filter_map(Value::as_str) {
            let Some((name, _)) = identity::split_name(text) else { continue };
            let Some(index) = index_of(uv, &name, extra) else { continue };
            let Some(location) = location(uv, index, directory) else { continue };
            let new = Supplied { index: index.to_owned(), location, requirements: Vec::new() };
            let known = supplies.entry(extra.clone()).or_insert(new);
            if known.index != index {
                several.insert(extra.clone());
            }
            known.requirements.push((name, text.to_owned()));
        }
    }
    supplies.retain(|extra, _| !several.contains(extra));
    supplies
}

/// The index that the one source of a package for an extra names.
fn index_of<'m>(uv: Option<&'m Table>, name: &PackageName, extra: &str) -> Option<&'m str> {
    let mut sources = uv?.get("sources")?.as_table()?.iter();
    let (_, sources) = sources.find(|(key, _)| PackageName::parse(key).is_ok_and(|key| key == *name))?;
    let mut for_extra = elements(sources).filter(|source| {
        source.get("extra").and_then(Value::as_str).is_none_or(|for_extra| for_extra == extra)
    });
    let source = for_extra.next().filter(|source| source.get("extra").is_some())?;
    let is_plain = source.get("marker").is_none() && for_extra.next().is_none();
    source.get("index").and_then(Value::as_str).filter(|_| is_plain)
}

/// Where the index of that name is.
fn location(uv: Option<&Table>, name: &str, directory: &RelPath) -> Option<IndexLocation> {
    let mut indexes = uv?.get("index")?.as_array()?.iter();
    let index = indexes.find(|index| index.get("name").and_then(Value::as_str) == Some(name))?;
    let url = index.get("url")?.as_str()?;
    if url.contains("://") {
        return Some(IndexLocation::Url(without_credentials(url)));
    }
    directory.join(url).ok().map(IndexLocation::Path)
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn required(requirement: &Value) -> Option<PackageName> {
    identity::split_name(requirement.as_str()?).map(|(name, _)| name)
}

/// The extras of this project in a conflict set; those of other packages and groups are uv's affair.
fn conflicting(set: &Value, project: Option<&PackageName>) -> Vec<String> {
    let is_ours = |member: &Value| match member.get("package").and_then(Value::as_str) {
        None => true,
        Some(package) => PackageName::parse(package).ok().as_ref() == project,
    };
    let extra = |member: &Value| Some(member.get("extra")?.as_str()?.to_owned());
    elements(set).filter(|member| is_ours(member)).filter_map(extra).collect()
}

/// A pin such as `3.12` or `3.12.1`. Whatever else uv takes there (`pypy`, `>=3.12`) names no one version.
fn pin(text: &str) -> Option<String> {
    let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let line = lines.find(|line| !line.is_empty())?;
    let parts: Vec<&str> = line.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (matches!(parts.len(), 2 | 3) && parts.iter().all(is_number)).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_it_needs_and_what_excludes_what() {
        let manifest = r#"
            [project]
            name = "My_App"
            requires-python = ">=3.10"
            dependencies = ["Core_Lib[x]>=1", "tqdm"]
            [project.optional-dependencies]
            cpu = ["torch"]
            cu124 = ["torch"]
            [dependency-groups]
            dev = ["ruff", { include-group = "lint" }]
            lint = []
            [tool.uv]
            sources.torch = [
                { index = "cpu", extra = "cpu" },
                { index = "cu124", extra = "cu124", marker = "sys_platform == 'linux'" },
            ]
            index = [{ name = "cpu", url = "../wheels", explicit = true }]
            conflicts = [
                [{ extra = "cpu" }, { package = "my.app", extra = "cu124" }, { package = "other", extra = "z" }],
                [{ group = "dev" }, { extra = "cpu" }],
            ]
        "#;
        let found = facts(
            &manifest.parse().unwrap(),
            &RelPath::parse("app").unwrap(),
            Some("# ours\n3.12.1 # why\n"),
        );
        assert_eq!(found.name.as_ref().map(PackageName::as_str), Some("my-app"));
        assert_eq!(found.requires_python.as_deref(), Some(">=3.10"));
        assert_eq!(found.python.as_deref(), Some("3.12.1"));
        assert_eq!(found.extras, ["cpu", "cu124"]);
        // A source with a marker holds on some platforms only, so that nothing is promised for its extra.
        let supplied: Vec<_> =
            found.supplies.iter().map(|(extra, one)| (extra.as_str(), &one.location)).collect();
        assert_eq!(supplied, [("cpu", &IndexLocation::Path(RelPath::parse("wheels").unwrap()))]);
        assert_eq!(found.groups, ["dev", "lint"]);
        assert_eq!(found.conflicts, [vec!["cpu", "cu124"], vec!["cpu"]]);
        let requires: Vec<&str> = found.requires.iter().map(PackageName::as_str).collect();
        assert_eq!(requires, ["core-lib", "ruff", "torch", "tqdm"]);
    }

    #[test]
    fn what_is_not_said_is_not_known() {
        assert_eq!(facts(&Table::new(), &RelPath::root(), None), Facts::default());
        for other in ["pypy3.10", ">=3.12", "3", "", "3.12.x"] {
            assert_eq!(pin(other), None, "{other}");
        }
    }
}
