//! What manifests require, and whether a lockfile was made from just that. Pure.
//!
//! Whether a lockfile holds only uv knows. What is seen here is less, and sure: uv writes into the lockfile what each
//! local package required when it was locked. Names are compared, and specifiers where nothing but an index was asked;
//! markers are not, because uv rewrites them.

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
pub(super) fn required(manifest: &Table) -> Vec<String> {
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

/// Why a lockfile is not of a manifest, if that is seen. `place` is the package's directory as the lockfile writes it.
pub(super) fn stale(manifest: &Table, lockfile: &Table, place: &str) -> Option<String> {
    let packages = lockfile.get("package")?.as_array()?.iter().filter_map(Value::as_table);
    let mut local = packages.filter(|package| {
        let source = package.get("source").and_then(Value::as_table);
        let at = |key: &str| source.and_then(|source| source.get(key)).and_then(Value::as_str);
        ["editable", "virtual", "directory"].into_iter().any(|key| at(key) == Some(place))
    });
    let project = table_at(manifest, &["project"])?;
    let named = project.get("name").and_then(Value::as_str).map(normal)?;
    let Some(package) = local.next() else {
        return (place == ".").then(|| format!("it does not hold {named}"));
    };
    let locked_name = package.get("name").and_then(Value::as_str).unwrap_or_default();
    if locked_name != named {
        return Some(format!("it is of {locked_name}, not of {named}"));
    }
    let dynamic: Vec<&str> = project.get("dynamic").map(|list| texts(list).collect()).unwrap_or_default();
    if dynamic.contains(&"dependencies") || dynamic.contains(&"optional-dependencies") {
        return None;
    }
    let asked = asked(manifest)?;
    // Of itself a project asks for its extras, which uv writes out.
    if asked.contains_key(&named) {
        return None;
    }
    let list = table_at(package, &["metadata"]).and_then(|metadata| metadata.get("requires-dist"));
    differ(&asked, &locked(list)).map(|what| if place == "." { what } else { format!("{named} {what}") })
}

/// What a manifest asks for; `None`: something that is no requirement.
fn asked(manifest: &Table) -> Option<Asked> {
    let mut asked = Asked::new();
    for text in own(manifest).flat_map(texts) {
        let requirement = pep508_rs::Requirement::<pep508_rs::VerbatimUrl>::from_str(text).ok()?;
        let specifiers = match &requirement.version_or_url {
            None => Some(String::new()),
            Some(pep508_rs::VersionOrUrl::VersionSpecifier(specifiers)) => Some(sorted(specifiers)),
            Some(pep508_rs::VersionOrUrl::Url(_)) => None,
        };
        asked.entry(normal(requirement.name.as_ref())).or_default().insert(specifiers);
    }
    Some(asked)
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
    fn what_cannot_be_judged_is_not() {
        assert_eq!(why("['not a requirement at all ~~']", "."), None);
        assert_eq!(why("[]", "packages/other"), None);
        let dynamic = "[project]\nname = 'app'\ndynamic = ['dependencies']";
        assert_eq!(stale(&toml::from_str(dynamic).unwrap(), &toml::from_str(LOCK).unwrap(), "."), None);
    }
}
