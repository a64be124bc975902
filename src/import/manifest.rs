//! What a manifest says, as far as `tasks.kdl` has words for it.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::base::RelPath;
use crate::model::PackageName;

/// A manifest that could be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manifest {
    /// `project.name`.
    pub(crate) name: Option<PackageName>,
    /// `project.version`.
    pub(crate) version: Option<String>,
    /// `project.description`.
    pub(crate) description: Option<String>,
    /// `project.requires-python`.
    pub(crate) requires_python: Option<String>,
    /// `project.dynamic`.
    pub(crate) dynamic: Vec<String>,
    /// Is the project itself built and installed?
    pub(crate) is_built: bool,
    /// `project.dependencies`.
    pub(crate) dependencies: Vec<String>,
    /// `project.optional-dependencies`.
    pub(crate) extras: BTreeMap<String, Vec<String>>,
    /// `dependency-groups`, without the groups that they include.
    pub(crate) groups: BTreeMap<String, Vec<String>>,
    /// Those of them that include others.
    pub(crate) including: Vec<String>,
    /// The groups that uv installs by default.
    pub(crate) default_groups: Vec<String>,
    /// `tool.uv.sources`.
    pub(crate) sources: BTreeMap<PackageName, Vec<Source>>,
    /// `tool.uv.index`, those of the simplest form.
    pub(crate) indexes: Vec<IndexFact>,
    /// `tool.uv.conflicts`: the sets of extras alone.
    pub(crate) conflicts: Vec<Vec<String>>,
    /// `tool.uv.environments`.
    pub(crate) platforms: Vec<String>,
    /// `tool.uv.required-version`.
    pub(crate) required_uv: Option<String>,
    /// Does it have `[tool.uv.workspace]`?
    pub(crate) is_workspace: bool,
    /// Is it for uv: has it a project, or a workspace?
    pub(crate) is_for_uv: bool,
    /// The pin in `.python-version` beside it, where that is nothing else.
    pub(crate) python: Option<String>,
    /// The directory of the workspace that it is a member of.
    pub(crate) workspace: Option<RelPath>,
    /// The version of each package in the lockfile beside it.
    pub(crate) locked: BTreeMap<PackageName, String>,
}

/// One source of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// `workspace = true`.
    Workspace,
    /// A directory.
    Path(String),
    /// A repository.
    Git { url: String, reference: Reference, subdirectory: Option<String> },
    /// An index, for an extra.
    Index { index: String, extra: Option<String> },
    /// Anything else.
    Other,
}

/// What of a repository is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    Tag(String),
    Rev(String),
    /// A branch, or nothing.
    Moving,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexFact {
    /// Its name.
    pub(crate) name: String,
    /// A URL, or a path from the manifest.
    pub(crate) url: String,
    pub(crate) explicit: bool,
    pub(crate) default: bool,
}

/// Why a manifest is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unreadable {
    /// It is no TOML.
    NotToml,
    /// It is no text.
    NotText,
    /// `tool.uv.managed = false`.
    Unmanaged,
    /// It has neither a project nor a workspace.
    NotForUv,
    /// It is a member of a workspace whose root lies above what is imported.
    Member,
}

impl Unreadable {
    /// Why, for a reader.
    #[must_use]
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::NotToml => "it is no TOML",
            Self::NotText => "it is not UTF-8",
            Self::Unmanaged => "it says `tool.uv.managed = false`",
            Self::NotForUv => "it has neither `[project]` nor a workspace of uv's",
            Self::Member => "it is a member of a workspace above, which uv locks as a whole",
        }
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let elements = value.and_then(Value::as_array).into_iter().flatten();
    elements.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn lists(table: Option<&Table>) -> BTreeMap<String, Vec<String>> {
    table.into_iter().flatten().map(|(name, list)| (name.clone(), texts(Some(list)))).collect()
}

/// The lists that have more than texts.
fn including(table: Option<&Table>) -> Vec<String> {
    let is_more = |list: &Value| list.as_array().is_some_and(|list| list.iter().any(Value::is_table));
    table.into_iter().flatten().filter(|(_, list)| is_more(list)).map(|(name, _)| name.clone()).collect()
}

impl Manifest {
    /// From its table and the text of `.python-version` beside it.
    #[must_use]
    pub(crate) fn of(table: &Table, python_version: Option<&str>) -> Self {
        let at = |keys: &[&str]| {
            keys.iter().try_fold(table, |table, key| table.get(*key).and_then(Value::as_table))
        };
        let (project, uv) = (at(&["project"]), at(&["tool", "uv"]));
        let text = |table: Option<&Table>, key: &str| {
            table.and_then(|table| table.get(key)).and_then(Value::as_str).map(str::to_owned)
        };
        let list = |table: Option<&Table>, key: &str| texts(table.and_then(|table| table.get(key)));
        let name = text(project, "name").and_then(|name| PackageName::parse(&name).ok());
        let flag = uv.and_then(|uv| uv.get("package")).and_then(Value::as_bool);
        let groups = lists(at(&["dependency-groups"]));
        let is_workspace = at(&["tool", "uv", "workspace"]).is_some();
        let elements =
            |key: &str| uv.and_then(|uv| uv.get(key)).and_then(Value::as_array).into_iter().flatten();
        Self {
            version: text(project, "version"),
            description: text(project, "description"),
            requires_python: text(project, "requires-python"),
            dynamic: list(project, "dynamic"),
            is_built: flag.unwrap_or(table.contains_key("build-system")),
            dependencies: list(project, "dependencies"),
            extras: lists(at(&["project", "optional-dependencies"])),
            default_groups: default_groups(uv, &groups),
            including: including(at(&["dependency-groups"])),
            groups,
            sources: sources(at(&["tool", "uv", "sources"])),
            indexes: elements("index").filter_map(index).collect(),
            conflicts: elements("conflicts").filter_map(extras_of).collect(),
            platforms: list(uv, "environments"),
            required_uv: text(uv, "required-version"),
            is_workspace,
            is_for_uv: project.is_some() || is_workspace,
            python: python_version.map(str::trim).filter(|text| is_pin(text)).map(str::to_owned),
            name,
            workspace: None,
            locked: BTreeMap::new(),
        }
    }

    /// Does a package come from a commit here?
    pub(crate) fn has_revs(&self) -> bool {
        let is_rev = |source: &Source| matches!(source, Source::Git { reference: Reference::Rev(_), .. });
        self.sources.values().flatten().any(is_rev)
    }

    /// The index of that name.
    pub(super) fn index(&self, name: &str) -> Option<&IndexFact> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// The one release that a package comes from here.
    pub(super) fn release(&self, package: &PackageName) -> Option<(&str, &Reference, Option<&str>)> {
        match self.sources.get(package)?.as_slice() {
            [Source::Git { url, reference, subdirectory }] => {
                Some((url.as_str(), reference, subdirectory.as_deref()))
            }
            _ => None,
        }
    }
}

/// `3.12` or `3.12.1`.
fn is_pin(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts.len(), 2 | 3) && parts.iter().all(is_number)
}

fn default_groups(uv: Option<&Table>, groups: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    match uv.and_then(|uv| uv.get("default-groups")) {
        Some(Value::String(all)) if all == "all" => groups.keys().cloned().collect(),
        Some(list) => texts(Some(list)),
        None => vec!["dev".to_owned()],
    }
}

fn sources(table: Option<&Table>) -> BTreeMap<PackageName, Vec<Source>> {
    let mut sources = BTreeMap::new();
    for (name, value) in table.into_iter().flatten() {
        let Ok(name) = PackageName::parse(name) else { continue };
        let items = match value {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        };
        sources.insert(name, items.into_iter().map(source).collect());
    }
    sources
}

fn source(value: &Value) -> Source {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let known = |keys: &[&str]| {
        value.as_table().is_some_and(|table| table.keys().all(|key| keys.contains(&key.as_str())))
    };
    if value.get("workspace").and_then(Value::as_bool) == Some(true) {
        return Source::Workspace;
    }
    if let Some(url) = text("git").filter(|_| known(&["git", "tag", "rev", "branch", "subdirectory"])) {
        let reference = match (text("tag"), text("rev")) {
            (Some(tag), None) => Reference::Tag(tag),
            (None, Some(rev)) if rev.len() == 40 => Reference::Rev(rev),
            _ => Reference::Moving,
        };
        return Source::Git { url, reference, subdirectory: text("subdirectory") };
    }
    if let Some(index) = text("index").filter(|_| known(&["index", "extra"])) {
        return Source::Index { index, extra: text("extra") };
    }
    text("path").map_or(Source::Other, Source::Path)
}

fn index(value: &Value) -> Option<IndexFact> {
    let table = value.as_table()?;
    let text = |key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
    let flag = |key: &str| table.get(key).and_then(Value::as_bool).unwrap_or(false);
    let is_simple = table.keys().all(|key| ["name", "url", "explicit", "default"].contains(&key.as_str()));
    let fact = IndexFact {
        name: text("name")?,
        url: text("url")?,
        explicit: flag("explicit"),
        default: flag("default"),
    };
    is_simple.then_some(fact)
}

/// A set of this project's extras and nothing else.
fn extras_of(set: &Value) -> Option<Vec<String>> {
    let one = |member: &Value| {
        let table = member.as_table().filter(|table| table.len() == 1)?;
        table.get("extra")?.as_str().map(str::to_owned)
    };
    let extras: Vec<String> = set.as_array()?.iter().map(one).collect::<Option<_>>()?;
    (extras.len() > 1).then_some(extras)
}

/// The versions in the text of a lockfile. One that cannot be read has none: what needs them is not described then.
#[must_use]
pub(crate) fn locked_versions(lockfile: &str) -> BTreeMap<PackageName, String> {
    let table: Table = lockfile.parse().unwrap_or_default();
    let packages = table.get("package").and_then(Value::as_array).into_iter().flatten();
    let version = |package: &Value| {
        let name = PackageName::parse(package.get("name")?.as_str()?).ok()?;
        Some((name, package.get("version")?.as_str()?.to_owned()))
    };
    packages.filter_map(version).collect()
}

/// The name of a requirement and the extras it asks for.
pub(super) fn requirement(text: &str) -> Option<(PackageName, Vec<String>)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(text.len());
    let name = PackageName::parse(&text[..end]).ok()?;
    let rest = text[end..].trim_start();
    let extras =
        rest.strip_prefix('[').and_then(|open| open.split_once(']')).map_or("", |(extras, _)| extras);
    let extras = extras.split(',').map(str::trim).filter(|extra| !extra.is_empty()).map(str::to_owned);
    Some((name, extras.collect()))
}
