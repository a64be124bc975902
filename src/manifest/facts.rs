//! What an adopted manifest says that envloom goes by: which Python, which extras and groups, which of them exclude
//! one another, what it requires.

use toml::{Table, Value};

use super::identity;
use crate::model::{Facts, PackageName};

/// The facts of a manifest; `python_version` is the text of `.python-version` beside it.
#[must_use]
pub(crate) fn facts(manifest: &Table, python_version: Option<&str>) -> Facts {
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
        extras: names(extras),
        groups: names(groups),
        name,
        workspace: None,
    }
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
            conflicts = [
                [{ extra = "cpu" }, { package = "my.app", extra = "cu124" }, { package = "other", extra = "z" }],
                [{ group = "dev" }, { extra = "cpu" }],
            ]
        "#;
        let found = facts(&manifest.parse().unwrap(), Some("# ours\n3.12.1 # why\n"));
        assert_eq!(found.name.as_ref().map(PackageName::as_str), Some("my-app"));
        assert_eq!(found.requires_python.as_deref(), Some(">=3.10"));
        assert_eq!(found.python.as_deref(), Some("3.12.1"));
        assert_eq!(found.extras, ["cpu", "cu124"]);
        assert_eq!(found.groups, ["dev", "lint"]);
        assert_eq!(found.conflicts, [vec!["cpu", "cu124"], vec!["cpu"]]);
        let requires: Vec<&str> = found.requires.iter().map(PackageName::as_str).collect();
        assert_eq!(requires, ["core-lib", "ruff", "torch", "tqdm"]);
    }

    #[test]
    fn what_is_not_said_is_not_known() {
        assert_eq!(facts(&Table::new(), None), Facts::default());
        for other in ["pypy3.10", ">=3.12", "3", "", "3.12.x"] {
            assert_eq!(pin(other), None, "{other}");
        }
    }
}
