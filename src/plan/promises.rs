//! What `verify` judges by besides the lockfile and the manifest, as fields of its fingerprint.
//!
//! Whatever a row of `ledger::verify` looks at has its field here: a rule that reads more of the model adds a field,
//! else its verdict would outlive what it was given for.

use std::collections::BTreeMap;

use super::premises::Premises;
use super::remote_tags;
use crate::base::FileError;
use crate::ledger::{Release, ReleaseKey};
use crate::model::{Axis, EnvironmentId, IndexLocation, PackageName, Sources, Variant};

/// What `verify` judges by, besides the lockfile and the manifest: the declarations and the ledger.
///
/// # Errors
/// When an answer of a remote is there and cannot be read.
pub(super) fn promises(
    premises: &Premises,
    id: EnvironmentId,
) -> Result<BTreeMap<String, String>, FileError> {
    let model = &premises.model;
    let environment = model.environment(id);
    let project = environment.project.as_ref().map_or("-", PackageName::as_str);
    let sources = match environment.sources {
        Sources::Workspace => "workspace".to_owned(),
        Sources::Tags(channel) => format!("tags, channel {}", format!("{channel:?}").to_lowercase()),
    };
    let mut fields = BTreeMap::from([
        ("sources".to_owned(), sources),
        ("project".to_owned(), project.to_owned()),
        // A lockfile may hold absolute places.
        ("root".to_owned(), premises.root.display().to_string()),
    ]);
    for package in &model.packages {
        let name = &package.name.value;
        let declared = [
            ("path", package.path.as_ref().map(|path| path.value.to_string())),
            ("git", package.git.as_ref().map(|git| git.value.clone())),
            ("subdirectory", Some(package.subdirectory.to_string())),
            ("role", Some(format!("{:?}", package.role).to_lowercase())),
        ];
        let given = declared.into_iter().filter_map(|(word, value)| Some((word, value?)));
        fields.extend(given.map(|(word, value)| (format!("package {name} {word}"), value)));
    }
    for participant in &environment.packages {
        let package = &model.package(participant.package).name.value;
        let pin = participant.pin.as_ref();
        let pin = pin.map(|pin| format!("{} ({})", pin.reference.as_str(), pin.version));
        fields.insert(format!("pin {package}"), pin.unwrap_or_else(|| "workspace".to_owned()));
    }
    for (key, release) in &premises.record.releases {
        if environment.packages.iter().any(|participant| {
            model.package(participant.package).name.value == key.package
                && participant.pin.as_ref().is_some_and(|pin| pin.reference.as_str() == key.reference)
        }) {
            fields.extend(recorded(key, release));
        }
    }
    for axis in model.axes_of(id) {
        for variant in &axis.variants {
            fields.extend(promised(axis, variant));
        }
    }
    fields.extend(remote_tags::fields(premises, id)?);
    Ok(fields)
}

/// What `envloom.lock` says of a release, in its words.
fn recorded(key: &ReleaseKey, release: &Release) -> BTreeMap<String, String> {
    let Release {
        git,
        subdirectory,
        commit,
        version,
        requires_python,
        requires_dist,
        provides_extra,
        sources,
        dynamic,
    } = release;
    let said = [
        ("git", git.clone()),
        ("subdirectory", subdirectory.clone()),
        ("commit", commit.clone()),
        ("version", version.clone().unwrap_or_default()),
        ("requires-python", requires_python.clone().unwrap_or_default()),
        ("requires-dist", requires_dist.join(", ")),
        ("provides-extra", provides_extra.join(", ")),
        ("sources", sources.join(", ")),
        ("dynamic", dynamic.join(", ")),
    ];
    let (package, reference) = (&key.package, &key.reference);
    let said = said.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(word, value)| (format!("release {package} {reference} {word}"), value)).collect()
}

/// What a variant promises: how it is chosen, where it exists, its index, what it supplies.
fn promised(axis: &Axis, variant: &Variant) -> BTreeMap<String, String> {
    let index = variant.index.as_ref().map(|index| match &index.location {
        IndexLocation::Url(url) => url.clone(),
        IndexLocation::Path(path) => path.to_string(),
    });
    let supplied = axis.requirements.iter().chain(&variant.requirements);
    let supplied: Vec<&str> = supplied.map(|requirement| requirement.text.as_str()).collect();
    let platforms: Vec<&str> = variant.platforms.iter().map(|platform| platform.word()).collect();
    let said = [
        ("choose", format!("{:?}", axis.choose)),
        ("on", platforms.join(" ")),
        ("index", index.unwrap_or_default()),
        ("dependencies", supplied.join(", ")),
    ];
    let (axis, name) = (&axis.name.value, &variant.name.value);
    let said = said.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(word, value)| (format!("variants {axis} {name} {word}"), value)).collect()
}
