//! What manifests require, and whether a lockfile was made from just that. Pure.
//!
//! Whether a lockfile holds only uv knows. What is seen here is less, and sure: uv writes into the lockfile what each
//! local package required when it was locked, dependencies, extras and groups. Names are compared, and specifiers where
//! nothing but an index was asked; markers are not, because uv rewrites them.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use pep440_rs::VersionSpecifiers;
use toml::{Table, Value};

use super::manifests::table_at;
use crate::model::normal;

/// Keys of `[tool.uv]` that list requirements.
const LISTS: [&str; 4] =
    ["dev-dependencies", "constraint-dependencies", "override-dependencies", "build-constraint-dependencies"];

/// Keys of an entry of `requires-dist` that an index answers.
const OF_INDEX: [&str; 6] = ["name", "specifier", "marker", "extras", "index", "conflict"];

/// The name that a requirement asks for.
fn name(requirement: &str) -> String {
    let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    normal(requirement[..end.unwrap_or(requirement.len())].trim())
}

/// Every name that a manifest asks for, wherever.
pub(in crate::cli) fn required(manifest: &Table) -> Vec<String> {
    let uv = table_at(manifest, &["tool", "uv"]);
    let lists = uv.into_iter().flat_map(|uv| LISTS.iter().filter_map(|key| uv.get(*key)));
    let build = table_at(manifest, &["build-system"]).and_then(|build| build.get("requires"));
    let mut found: Vec<String> = lists.chain(build).flat_map(texts).map(name).collect();
    found.extend(own(manifest).flat_map(texts).map(name));
    let groups = table_at(manifest, &["dependency-groups"]).into_iter().flat_map(Table::values);
    found.extend(groups.flat_map(texts).map(name));
    found
}

/// `project.dependencies` and the extras.
fn own(manifest: &Table) -> impl Iterator<Item = &Value> {
    let project = table_at(manifest, &["project"]).and_then(|project| project.get("dependencies"));
    let extras = table_at(manifest, &["project", "optional-dependencies"]);
    project.into_iter().chain(extras.into_iter().flat_map(Table::values))
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// By name, every set of specifiers; `None` among them: one that no index answers.
type Asked = BTreeMap<String, BTreeSet<Option<String>>>;

/// Groups, by name.
type Groups = BTreeMap<String, Asked>;

/// Why a lockfile is not of a manifest, if that is seen. `place` is the package's directory as the lockfile writes it.
pub(super) fn stale(manifest: &Table, lockfile: &Table, place: &str) -> Option<String> {
    let Some(project) = table_at(manifest, &["project"]) else {
        // The root of a workspace that is no project has groups, and nothing else.
        let locked = table_at(lockfile, &["manifest", "dependency-groups"]);
        return (place == ".")
            .then(|| groups_differ(&groups(manifest)?, &locked_groups(locked), ""))
            .flatten();
    };
    let packages = lockfile.get("package")?.as_array()?.iter().filter_map(Value::as_table);
    let mut local = packages.filter(|package| {
        let source = package.get("source").and_then(Value::as_table);
        let at = |key: &str| source.and_then(|source| source.get(key)).and_then(Value::as_str);
        ["editable", "virtual", "directory"].into_iter().any(|key| at(key) == Some(place))
    });
    let named = project.get("name").and_then(Value::as_str).map(normal)?;
    let Some(package) = local.next() else {
        return (place == ".").then(|| format!("it does not hold {named}"));
    };
    let locked_name = package.get("name").and_then(Value::as_str).unwrap_or_default();
    if locked_name != named {
        return Some(format!("it is of {locked_name}, not of {named}"));
    }
    let metadata = table_at(package, &["metadata"]);
    let of_project = || {
        let dynamic: Vec<&str> = project.get("dynamic").map(|list| texts(list).collect()).unwrap_or_default();
        if dynamic.contains(&"dependencies") || dynamic.contains(&"optional-dependencies") {
            return None;
        }
        let asked = asked(manifest)?;
        // Of itself a project asks for its extras, which some versions of uv write out.
        if asked.contains_key(&named) {
            return None;
        }
        let what = differ(&asked, &locked(metadata.and_then(|metadata| metadata.get("requires-dist"))))?;
        Some(if place == "." { what } else { format!("{named} {what}") })
    };
    let of_groups = || {
        let mut asked = groups(manifest)?;
        asked.retain(|_, asked| !asked.contains_key(&named));
        let mut locked = locked_groups(metadata.and_then(|metadata| table_at(metadata, &["requires-dev"])));
        locked.retain(|_, locked| !locked.contains_key(&named));
        groups_differ(&asked, &locked, &if place == "." { String::new() } else { format!(" of {named}") })
    };
    of_project().or_else(of_groups)
}

/// The first group that differs. One without requirements is as good as none.
fn groups_differ(asked: &Groups, locked: &Groups, of: &str) -> Option<String> {
    let none = Asked::new();
    let names: BTreeSet<&String> = asked.keys().chain(locked.keys()).collect();
    names.into_iter().find_map(|name| {
        let what = differ(asked.get(name).unwrap_or(&none), locked.get(name).unwrap_or(&none))?;
        Some(format!("group {name}{of} {what}"))
    })
}

/// What the groups of a manifest ask for, those that they include too; `None`: something that is no requirement.
fn groups(manifest: &Table) -> Option<Groups> {
    let declared = table_at(manifest, &["dependency-groups"]).into_iter().flatten();
    let declared: BTreeMap<String, &Value> = declared.map(|(name, list)| (normal(name), list)).collect();
    // uv puts these into the group dev.
    let old = table_at(manifest, &["tool", "uv"]).and_then(|uv| uv.get("dev-dependencies"));
    let mut groups = Groups::new();
    for name in declared.keys() {
        let mut asked = Asked::new();
        included(name, &declared, &mut BTreeSet::new(), &mut asked)?;
        groups.insert(name.clone(), asked);
    }
    for text in old.into_iter().flat_map(texts) {
        ask(text, groups.entry("dev".to_owned()).or_default())?;
    }
    Some(groups)
}

fn included(
    name: &str,
    declared: &BTreeMap<String, &Value>,
    seen: &mut BTreeSet<String>,
    asked: &mut Asked,
) -> Option<()> {
    if !seen.insert(name.to_owned()) {
        return Some(());
    }
    for element in declared.get(name)?.as_array()? {
        match element {
            Value::String(text) => ask(text, asked)?,
            other => included(&normal(other.get("include-group")?.as_str()?), declared, seen, asked)?,
        }
    }
    Some(())
}

fn locked_groups(table: Option<&Table>) -> Groups {
    table.into_iter().flatten().map(|(name, list)| (name.clone(), locked(Some(list)))).collect()
}

/// What a manifest asks for; `None`: something that is no requirement.
fn asked(manifest: &Table) -> Option<Asked> {
    let mut asked = Asked::new();
    for text in own(manifest).flat_map(texts) {
        ask(text, &mut asked)?;
    }
    Some(asked)
}

/// Adds a requirement; `None`: it is none.
fn ask(text: &str, asked: &mut Asked) -> Option<()> {
    let requirement = pep508_rs::Requirement::<pep508_rs::VerbatimUrl>::from_str(text).ok()?;
    let specifiers = match &requirement.version_or_url {
        None => Some(String::new()),
        Some(pep508_rs::VersionOrUrl::VersionSpecifier(specifiers)) => Some(sorted(specifiers)),
        Some(pep508_rs::VersionOrUrl::Url(_)) => None,
    };
    asked.entry(normal(requirement.name.as_ref())).or_default().insert(specifiers);
    Some(())
}

/// What a lockfile says was asked for.
fn locked(list: Option<&Value>) -> Asked {
    let mut locked = Asked::new();
    let entries = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
    for entry in entries {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let Some(name) = text("name") else { continue };
        let is_of_index = entry.keys().all(|key| OF_INDEX.contains(&key.as_str()));
        let specifiers = text("specifier").unwrap_or_default();
        let specifiers = specifiers.parse().map_or_else(|_| specifiers.to_owned(), |parsed| sorted(&parsed));
        locked.entry(name.to_owned()).or_default().insert(is_of_index.then_some(specifiers));
    }
    locked
}

fn sorted(specifiers: &VersionSpecifiers) -> String {
    let mut each: Vec<String> = specifiers.iter().map(ToString::to_string).collect();
    each.sort();
    each.join(",")
}

/// The first difference, in words.
fn differ(asked: &Asked, locked: &Asked) -> Option<String> {
    if let Some(name) = asked.keys().find(|name| !locked.contains_key(*name)) {
        return Some(format!("requires {name}, which was not required when it was locked"));
    }
    if let Some(name) = locked.keys().find(|name| !asked.contains_key(*name)) {
        return Some(format!("required {name} when it was locked, and does no longer"));
    }
    let is_elsewhere = |sets: &BTreeSet<Option<String>>| sets.contains(&None);
    let shown = |sets: &BTreeSet<Option<String>>| {
        let each = sets.iter().flatten().map(|set| if set.is_empty() { "any version" } else { set });
        each.collect::<Vec<_>>().join(" or ")
    };
    asked.iter().zip(locked.values()).find_map(|((name, now), then)| {
        let differs = now != then && !is_elsewhere(now) && !is_elsewhere(then);
        differs.then(|| format!("requires {name} {}, and {} when it was locked", shown(now), shown(then)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
        [[package]]
        name = "app"
        source = { virtual = "." }
        [package.metadata]
        requires-dist = [
            { name = "tqdm", specifier = ">=4" },
            { name = "torch", marker = "extra == 'cpu'", specifier = ">=2.4,<2.8", index = "file:///x" },
            { name = "foo", editable = "packages/foo" },
        ]
        [[package]]
        name = "foo"
        source = { editable = "packages/foo" }
        [package.metadata]
        requires-dist = [{ name = "bar", specifier = "==1" }]
    "#;

    fn why(dependencies: &str, place: &str) -> Option<String> {
        let name = if place == "." { "App" } else { "foo" };
        let extra = if place == "." { "cpu = ['torch<2.8,>=2.4']" } else { "" };
        let text = format!(
            "[project]\nname = '{name}'\ndependencies = {dependencies}\n[project.optional-dependencies]\n{extra}"
        );
        stale(&toml::from_str(&text).unwrap(), &toml::from_str(LOCK).unwrap(), place)
    }

    #[test]
    fn what_was_locked_is_told_from_what_is_required() {
        assert_eq!(why("['tqdm >= 4', 'Foo>=3']", "."), None);
        assert_eq!(why("['bar==1']", "packages/foo"), None);
        let cases = [
            ("['tqdm>=4.60', 'foo']", ".", "requires tqdm >=4.60, and >=4 when it was locked"),
            ("['tqdm>=4']", ".", "required foo when it was locked, and does no longer"),
            ("['tqdm>=4', 'foo', 'rich']", ".", "requires rich, which was not required when it was locked"),
            ("['bar']", "packages/foo", "foo requires bar any version, and ==1 when it was locked"),
        ];
        for (dependencies, place, expected) in cases {
            assert_eq!(why(dependencies, place).as_deref(), Some(expected), "{dependencies}");
        }
    }

    #[test]
    fn groups_are_compared_with_all_that_they_include() {
        const GROUPS: &str = "
            [dependency-groups]
            Dev = ['ruff>=0.1', { include-group = 'te_st' }]
            te_st = ['tqdm', 'lib @ https://h/lib.zip']
            self = ['app[cpu]', 'x']
            empty = []
            [tool.uv]
            dev-dependencies = ['pandas >= 2']
        ";
        // As uv 0.13.9 wrote it.
        const LOCKED: &str = "
            dev = [
                { name = 'lib', url = 'https://h/lib.zip' },
                { name = 'pandas', specifier = '>=2' },
                { name = 'ruff', specifier = '>=0.1' },
                { name = 'tqdm' },
            ]
            te-st = [{ name = 'lib', url = 'https://h/lib.zip' }, { name = 'tqdm' }]
            self = [{ name = 'app', extras = ['cpu'] }]
        ";
        let project = |name: &str| format!("[project]\nname = '{name}'\n{GROUPS}");
        let lock = |name: &str, at: &str, groups: &str| {
            let package = format!("[[package]]\nname = '{name}'\nsource = {{ editable = '{at}' }}");
            toml::from_str(&format!("{package}\n[package.metadata.requires-dev]\n{groups}")).unwrap()
        };
        let why =
            |manifest: &str, lock: &Table, at: &str| stale(&toml::from_str(manifest).unwrap(), lock, at);
        assert_eq!(why(&project("app"), &lock("app", ".", LOCKED), "."), None);
        assert_eq!(why(&project("app"), &lock("app", "a", LOCKED), "a"), None);
        let workspace = toml::from_str(&format!("[manifest.dependency-groups]\n{LOCKED}")).unwrap();
        assert_eq!(
            why(&GROUPS.replace("app[cpu]", "app"), &workspace, "."),
            Some("group self requires x, which was not required when it was locked".to_owned())
        );
        let other = LOCKED.replace(">=0.1", ">=0.2");
        let expected = "group dev of app requires ruff >=0.1, and >=0.2 when it was locked";
        assert_eq!(why(&project("app"), &lock("app", "a", &other), "a").as_deref(), Some(expected));
        let added = format!("{LOCKED}\nold = [{{ name = 'y' }}]");
        let expected = "group old required y when it was locked, and does no longer";
        assert_eq!(why(&project("app"), &lock("app", ".", &added), ".").as_deref(), Some(expected));
        // Groups that include each other, or what is not there, only uv judges.
        let odd = project("app").replace("include-group = 'te_st'", "include-group = 'nowhere'");
        assert_eq!(why(&odd, &lock("app", ".", ""), "."), None);
    }

    #[test]
    fn what_cannot_be_judged_is_not() {
        assert_eq!(why("['not a requirement at all ~~']", "."), None);
        assert_eq!(why("[]", "packages/other"), None);
        let dynamic = "[project]\nname = 'app'\ndynamic = ['dependencies']";
        assert_eq!(stale(&toml::from_str(dynamic).unwrap(), &toml::from_str(LOCK).unwrap(), "."), None);
    }
}
