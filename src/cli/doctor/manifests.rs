//! Manifests: are they what `tasks.kdl` says, do sources and requirements fit, do environments ask for the same.

use std::collections::{BTreeMap, BTreeSet};

use miette::Diagnostic as _;
use toml::Table;

use super::finding::{Finding, Mend, Place};
use super::ground::{Files, Ground, Text, first};
use super::requirements::required;
use super::trouble::Trouble;
use crate::base::conflict_marker;
use crate::cli::{load, prepare};
use crate::ledger::{self, Difference, Side, Source, difference, missing};
use crate::manifest::{self, PythonVersionFile, Rendered};
use crate::model::{Environment, EnvironmentId, Kept, Model, Sources, normal};

/// So many changes are named.
const NAMED: usize = 3;

/// Settings that envloom writes for each environment from its own packages and variants.
const OWN: [&str; 5] =
    ["exclude-dependencies", "dependency-metadata", "environments", "conflicts", "required-version"];

/// Looks at all of them.
pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = drift(ground);
    findings.extend(uv_tomls(ground));
    for files in &ground.files {
        let environment = ground.call.model.environment(files.id);
        if let Some(text) = &files.manifest
            && let Some(table) = &text.table
        {
            findings.extend(sources(ground, files, text, table));
        }
        findings.extend(settings(ground, files, environment));
    }
    findings
}

/// What generate would write, or would not.
fn drift(ground: &Ground<'_>) -> Vec<Finding> {
    let Some(record) = &ground.record else { return Vec::new() };
    let (call, model) = (ground.call, &ground.call.model);
    let root = &call.place.root;
    let on_disk = load::on_disk(root, model, &call.observer);
    let members = prepare::members(root, model, &call.observer);
    let (on_disk, members) = match (on_disk, members) {
        (Ok(on_disk), Ok(members)) => (on_disk, members),
        // A file that is no file, or cannot be read, has been said.
        (Err(_), _) | (_, Err(_)) if ground.is_unread => return Vec::new(),
        (Err(stop), _) | (_, Err(stop)) => {
            return vec![edited(first(stop.as_ref()), Place::file("."), "generate")];
        }
    };
    let rendered = manifest::render(&manifest::Request {
        model,
        record,
        on_disk: &on_disk,
        members: &members,
        dispositions: &BTreeMap::new(),
        scoped_excludes: prepare::has_scoped_excludes(model),
    });
    let is_unknown = |id: EnvironmentId| {
        let environment = model.environment(id);
        let mut taken = environment.packages.iter();
        let is_absent = environment.sources == Sources::Workspace
            && taken.any(|one| ground.absent().iter().any(|(absent, _)| *absent == one.package));
        // Without a release, or a member's manifest, nobody knows what it is to be; that is said.
        is_absent || marked(ground, id) || !missing(model, record, |one| one == id).is_empty()
    };
    let known = rendered.manifests.values().filter(|one| !is_unknown(one.environment));
    let known = known.filter(|one| uv_toml(ground, one.environment).is_none());
    known.filter_map(|one| drifted(one, ground.name(one.environment))).collect()
}

/// The `uv.toml` beside a manifest that envloom writes.
fn uv_toml(ground: &Ground<'_>, id: EnvironmentId) -> Option<String> {
    let environment = ground.call.model.environment(id);
    let path = environment.directory().join("uv.toml").ok()?;
    (environment.is_written() && path.under(&ground.call.place.root).exists()).then(|| path.to_string())
}

fn uv_tomls(ground: &Ground<'_>) -> Vec<Finding> {
    let found = ground.call.model.environments().filter_map(|(id, _)| uv_toml(ground, id));
    let finding = |path: String| Finding {
        place: Place::file(path.as_str()),
        trouble: Trouble::UvToml { path },
        mend: Mend::Do("move its settings into [tool.uv] of the manifest, and remove it".to_owned()),
    };
    found.map(finding).collect()
}

/// Has the manifest conflict markers? That was said.
fn marked(ground: &Ground<'_>, id: EnvironmentId) -> bool {
    let manifest = ground.files.iter().find(|files| files.id == id).and_then(|files| files.manifest.as_ref());
    manifest.is_some_and(|manifest| conflict_marker(&manifest.content).is_some())
}

fn edited(said: String, place: Place, target: &str) -> Finding {
    Finding {
        trouble: Trouble::ManifestEdited { said },
        place,
        mend: Mend::Type(format!("envloom {target}")),
    }
}

fn drifted(one: &Rendered, name: &str) -> Option<Finding> {
    let path = one.path.to_string();
    if let Some(refused) = &one.refused {
        let found = refused.findings.first();
        let offset = found.and_then(|found| Some(found.labels()?.next()?.offset()));
        let place = Place::offset(&path, one.old.as_deref().unwrap_or_default(), offset);
        let said = format!("{path}: {}", found.map_or_else(|| refused.to_string(), ToString::to_string));
        let help = found.and_then(miette::Diagnostic::help).map(|help| help.to_string());
        let mend = help.map_or_else(|| Mend::Type(format!("envloom generate:{name}")), Mend::Do);
        return Some(Finding { trouble: Trouble::ManifestEdited { said }, place, mend });
    }
    let is_pin = one.python_version != PythonVersionFile::Leave;
    let changes = match &one.old {
        None => "it is not there".to_owned(),
        Some(old) if *old == one.text && !is_pin => return None,
        Some(_) if one.changes.is_empty() => {
            if is_pin { ".python-version beside it" } else { "its layout" }.to_owned()
        }
        Some(_) => {
            let named = one.changes.iter().take(NAMED).map(|change| change.path.as_str());
            let more = one.changes.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            named.collect::<Vec<_>>().join(", ") + &more
        }
    };
    Some(Finding {
        trouble: Trouble::ManifestDrift { manifest: path.clone(), changes },
        place: Place::file(path),
        mend: Mend::Type(format!("envloom lock:{name}")),
    })
}

/// Sources without a requirement, internal packages without a source.
fn sources(ground: &Ground<'_>, files: &Files, text: &Text, table: &Table) -> Vec<Finding> {
    let model = &ground.call.model;
    let name = ground.name(files.id);
    let own = table_at(table, &["tool", "uv", "sources"]);
    let declared: BTreeSet<String> = own.into_iter().flat_map(Table::keys).map(|key| normal(key)).collect();
    let asked: BTreeSet<String> = required(table).into_iter().collect();
    let mut findings = Vec::new();
    // What a member or a package of the lockfile asks for, the sources serve, too.
    if let Some(locked) = &files.locked {
        for key in own.into_iter().flat_map(Table::keys) {
            let package = normal(key);
            let is_used = asked.contains(&package) || locked.packages.iter().any(|one| one.name == package);
            if !is_used && !packages_of(model, files.id).contains(&package) {
                let environment = name.to_owned();
                findings.push(Finding {
                    trouble: Trouble::SourceUnused { package, environment },
                    place: Place::offset(
                        &text.path,
                        &text.content,
                        offset_of(&text.content, &["tool", "uv", "sources", key]),
                    ),
                    mend: Mend::Do("require it, or take its source out".to_owned()),
                });
            }
        }
    }
    for package in model.packages.iter().map(|package| package.name.value.to_string()) {
        if declared.contains(&package) || !asked.contains(&package) {
            continue;
        }
        let from_index = files.locked.as_ref().is_none_or(|locked| {
            locked.packages.iter().any(|one| one.name == package && matches!(one.source, Source::Registry(_)))
        });
        if from_index {
            let mend = match model.environment(files.id).kept {
                Kept::Adopted => Mend::Do(format!("name its source in [tool.uv.sources] of {}", text.path)),
                Kept::Generated | Kept::Derived(_) => Mend::Type(format!("envloom lock:{name}")),
            };
            let at = offset_of(&text.content, &["project", "dependencies"]);
            findings.push(Finding {
                trouble: Trouble::SourceMissing { package, environment: name.to_owned() },
                place: Place::offset(&text.path, &text.content, at),
                mend,
            });
        }
    }
    findings
}

/// The internal packages that take part.
fn packages_of(model: &Model, id: EnvironmentId) -> BTreeSet<String> {
    let packages = model.environment(id).packages.iter();
    packages.map(|one| model.package(one.package).name.value.to_string()).collect()
}

/// Settings of a frozen environment that are not those of the one it was tested in.
fn settings(ground: &Ground<'_>, files: &Files, environment: &Environment) -> Vec<Finding> {
    let model = &ground.call.model;
    let origin = match (environment.sources, environment.kept) {
        (Sources::Workspace, _) => return Vec::new(),
        (Sources::Tags(_), Kept::Derived(origin)) => Some(origin),
        (Sources::Tags(_), _) => model.workspace_environment().map(|(id, _)| id),
    };
    let origin = ground.files.iter().find(|files| Some(files.id) == origin);
    let Some(difference) = origin.and_then(|origin| compared(ground, origin, files)) else {
        return Vec::new();
    };
    let other = origin.map(|origin| ground.name(origin.id)).unwrap_or_default();
    let is_carried =
        |key: &str| environment.carry.as_ref().is_none_or(|carry| carry.iter().any(|one| one.value == key));
    let mut findings = Vec::new();
    for change in difference.settings {
        let Some(key) = change.setting.strip_prefix("tool.uv.") else { continue };
        let key = key.split('.').next().unwrap_or(key);
        if OWN.contains(&key) || key == "sources" || !is_carried(key) {
            continue;
        }
        let list = |elements: &[String]| {
            if elements.is_empty() { "nothing".to_owned() } else { elements.join(", ") }
        };
        let manifest = files.manifest.as_ref();
        let at = |text: &Text| {
            Place::offset(&text.path, &text.content, offset_of(&text.content, &["tool", "uv", key]))
        };
        findings.push(Finding {
            trouble: Trouble::SettingsDiffer {
                setting: change.setting.clone(),
                environment: environment.name.value.clone(),
                other: other.to_owned(),
                difference: format!("{} here, {} there", list(&change.to), list(&change.from)),
            },
            place: manifest.map_or_else(|| Place::file(environment.manifest.value.as_str()), at),
            mend: Mend::Do(format!(
                "write it into both, or into neither; `envloom diff {other} {}` shows all",
                environment.name.value
            )),
        });
    }
    findings
}

fn compared(ground: &Ground<'_>, one: &Files, other: &Files) -> Option<Difference> {
    let model = &ground.call.model;
    let root = &ground.call.place.root;
    let side = |files: &'_ Files| -> Option<(Table, ledger::Lockfile)> {
        Some((files.manifest.as_ref()?.table.clone()?, files.locked.clone().unwrap_or_default()))
    };
    let ((one_table, one_lock), (other_table, other_lock)) = (side(one)?, side(other)?);
    let of = |id: EnvironmentId| (model.environment(id).directory(), model.axes_of(id));
    let ((one_directory, one_axes), (other_directory, other_axes)) = (of(one.id), of(other.id));
    let internal = model.packages.iter().map(|package| package.name.value.to_string()).collect();
    let one = Side {
        lockfile: &one_lock,
        manifest: &one_table,
        directory: one_directory,
        root,
        axes: one_axes,
        taken: None,
    };
    let other = Side {
        lockfile: &other_lock,
        manifest: &other_table,
        directory: other_directory,
        root,
        axes: other_axes,
        taken: None,
    };
    Some(difference(&internal, &one, &other))
}

/// A table at keys.
pub(super) fn table_at<'t>(table: &'t Table, keys: &[&str]) -> Option<&'t Table> {
    keys.iter().try_fold(table, |table, key| table.get(*key)?.as_table())
}

/// Where a key stands in a text of TOML.
fn offset_of(text: &str, keys: &[&str]) -> Option<usize> {
    let document = toml_edit::Document::parse(text).ok()?;
    let (last, above) = keys.split_last()?;
    let mut table: &dyn toml_edit::TableLike = document.as_table();
    for key in above {
        table = table.get(key)?.as_table_like()?;
    }
    let (key, item) = table.get_key_value(last)?;
    key.span().or_else(|| item.span()).map(|span| span.start)
}
