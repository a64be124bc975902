//! A package's `pyproject.toml` at a commit -> what the record keeps of it. Pure.
//!
//! Requirements stay as written, but for the marker that an extra adds: they go into a manifest as
//! `dependency-metadata`, and whoever reads that should find the package's own words. Everything else a
//! stranger may write here is held to its form by `Release::faults` before it is recorded.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::model::PackageName;

/// What a package says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) requires_python: Option<String>,
    pub(super) requires_dist: Vec<String>,
    pub(super) provides_extra: Vec<String>,
    pub(super) sources: BTreeSet<String>,
    pub(super) dynamic: Vec<String>,
}

#[derive(Deserialize)]
struct PyProject {
    project: Option<Project>,
    #[serde(default)]
    tool: Tool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Project {
    name: String,
    version: Option<String>,
    requires_python: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    dynamic: Vec<String>,
}

#[derive(Deserialize, Default)]
struct Tool {
    #[serde(default)]
    uv: Uv,
}

#[derive(Deserialize, Default)]
struct Uv {
    #[serde(default)]
    sources: BTreeMap<String, toml::Value>,
    workspace: Option<toml::Value>,
}

/// Reads a package's manifest. The error is the reason, in words.
pub(super) fn read(text: &[u8]) -> Result<Metadata, String> {
    let PyProject { project, tool } = pyproject(text)?;
    let project = project.ok_or("it has no [project] table")?;
    let mut dynamic = project.dynamic;
    dynamic.sort();
    if project.version.is_none() && !dynamic.iter().any(|field| field == "version") {
        return Err("its [project] table has neither a version nor says that it is dynamic".to_owned());
    }
    let mut requires_dist = project.dependencies;
    let mut provides_extra = Vec::new();
    for (extra, requirements) in project.optional_dependencies {
        let extra = PackageName::parse(&extra)
            .map_err(|fault| format!("the extra `{extra}` is misnamed: {fault}"))?;
        requires_dist.extend(requirements.iter().map(|requirement| with_extra(requirement, extra.as_str())));
        provides_extra.push(extra.as_str().to_owned());
    }
    if let Some(nameless) = requires_dist.iter().find(|requirement| name_of(requirement).is_none()) {
        return Err(format!("the requirement `{nameless}` begins with no package name"));
    }
    Ok(Metadata {
        name: project.name,
        version: project.version,
        requires_python: project.requires_python,
        requires_dist,
        provides_extra,
        sources: siblings(&tool.uv.sources),
        dynamic,
    })
}

/// The sources of a workspace root in the package's repository, which its members inherit; `None` where the
/// manifest is no workspace root. Broken ones are uv's to report: they are none here.
pub(super) fn workspace_sources(text: &[u8]) -> Option<BTreeSet<String>> {
    let uv = pyproject(text).ok()?.tool.uv;
    uv.workspace.map(|_| siblings(&uv.sources))
}

/// The names that a list of requirements asks for, normalised.
pub(super) fn required(requirements: &[String]) -> BTreeSet<String> {
    requirements.iter().filter_map(|text| name_of(text)).map(|name| name.as_str().to_owned()).collect()
}

fn pyproject(text: &[u8]) -> Result<PyProject, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8")?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

/// Names whose source only makes sense in the package's own repository. An index is no such place: whoever
/// depends on the package chooses their own.
fn siblings(sources: &BTreeMap<String, toml::Value>) -> BTreeSet<String> {
    let is_sibling = |source: &toml::Value| {
        ["workspace", "path", "git"]
            .iter()
            .any(|key| source.get(key).is_some_and(|v| v.as_bool() != Some(false)))
    };
    let any = |source: &toml::Value| match source.as_array() {
        Some(several) => several.iter().any(is_sibling),
        None => is_sibling(source),
    };
    sources
        .iter()
        .filter(|(_, source)| any(source))
        .filter_map(|(name, _)| PackageName::parse(name).ok())
        .map(|name| name.as_str().to_owned())
        .collect()
}

/// The requirement with `extra == '…'` added to its marker.
fn with_extra(requirement: &str, extra: &str) -> String {
    let requirement = requirement.trim();
    match marker_at(requirement) {
        Some(at) => {
            let (head, marker) = (&requirement[..at], requirement[at + 1..].trim());
            format!("{head}; ({marker}) and extra == '{extra}'")
        }
        // A url runs to the next blank, so the semicolon needs one before it.
        None if is_direct(requirement) => format!("{requirement} ; extra == '{extra}'"),
        None => format!("{requirement}; extra == '{extra}'"),
    }
}

/// Where the semicolon before a requirement's marker is. In a url only one after a blank counts (PEP 508).
pub(super) fn marker_at(requirement: &str) -> Option<usize> {
    if is_direct(requirement) {
        return requirement
            .char_indices()
            .find(|&(at, character)| character == ';' && requirement[..at].ends_with(char::is_whitespace))
            .map(|(at, _)| at);
    }
    requirement.find(';')
}

/// Is it `name[extras] @ url`?
fn is_direct(requirement: &str) -> bool {
    let rest = requirement.trim_start().trim_start_matches(is_name_character).trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']').map_or("", |(_, rest)| rest).trim_start(),
        None => rest,
    };
    rest.starts_with('@')
}

fn name_of(requirement: &str) -> Option<PackageName> {
    let requirement = requirement.trim_start();
    let end = requirement.find(|character| !is_name_character(character)).unwrap_or(requirement.len());
    PackageName::parse(&requirement[..end]).ok()
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extras_become_markers_and_other_words_stay() {
        for (written, expected) in [
            ("numpy>=1", "numpy>=1; extra == 'x'"),
            ("numpy >=1 , <2", "numpy >=1 , <2; extra == 'x'"),
            ("numpy>=1 ; python_version<'3.9'", "numpy>=1 ; (python_version<'3.9') and extra == 'x'"),
            ("a; os_name=='nt' or os_name=='x'", "a; (os_name=='nt' or os_name=='x') and extra == 'x'"),
            ("a @ https://h/a;b", "a @ https://h/a;b ; extra == 'x'"),
            ("a[b]@https://h/a ; os_name=='x'", "a[b]@https://h/a ; (os_name=='x') and extra == 'x'"),
        ] {
            let marked = with_extra(written, "x");
            assert_eq!(marked, expected);
            marked.parse::<pep508_rs::Requirement<pep508_rs::VerbatimUrl>>().unwrap();
        }
    }

    #[test]
    fn a_manifest_is_read() {
        let text = r#"
            [project]
            name = "Bench_Utils"
            version = "0.1.2"
            requires-python = ">=3.10"
            dependencies = ["torch >= 2.4", "print-utils"]
            optional-dependencies = { All_Of = ["rich"] }
            [tool.uv.sources]
            Print_Utils = { workspace = true }
            torch = [{ index = "cu124", extra = "cu124" }]
            other = [{ path = "../x", marker = "os_name == 'nt'" }, { index = "y" }]
            no = { workspace = false }
        "#;
        let read = read(text.as_bytes()).unwrap();
        assert_eq!(read.requires_dist, ["torch >= 2.4", "print-utils", "rich; extra == 'all-of'"]);
        assert_eq!(read.provides_extra, ["all-of"]);
        assert_eq!(read.sources.iter().collect::<Vec<_>>(), ["other", "print-utils"]);
        assert_eq!((read.version.as_deref(), read.dynamic.len()), (Some("0.1.2"), 0));
    }

    #[test]
    fn what_cannot_be_recorded_says_why() {
        for (text, part) in [
            ("x", "expected"),
            ("[tool.uv]", "no [project] table"),
            ("[project]\nname = 'a'", "neither a version"),
            ("[project]\nname = 'a'\nversion = '1'\ndependencies = ['>=1']", "begins with no package name"),
            ("[project]\nname = 'a'\nversion = '1'\noptional-dependencies = { '' = [] }", "misnamed"),
        ] {
            let reason = read(text.as_bytes()).unwrap_err();
            assert!(reason.contains(part), "{reason}");
        }
    }

    #[test]
    fn a_dynamic_version_is_known_to_be_dynamic() {
        let read = read(b"[project]\nname = 'a'\ndynamic = ['version', 'dependencies']").unwrap();
        assert_eq!(
            (read.version, read.dynamic),
            (None, vec!["dependencies".to_owned(), "version".to_owned()])
        );
    }
}
