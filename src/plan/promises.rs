//! What `verify` judges by besides the lockfile and the manifest, as fields of its fingerprint.
//!
//! Whatever a row of `ledger::verify` looks at has its field here: a rule that reads more of the model adds a field,
//! else its verdict would outlive what it was given for.

use std::collections::BTreeMap;

use super::premises::Premises;
use super::remote_tags;
use crate::base::FileError;
use crate::model::{Axis, EnvironmentId, IndexLocation, PackageName, Variant};

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
    let mut fields = BTreeMap::from([
        ("sources".to_owned(), format!("{:?}", environment.sources)),
        ("project".to_owned(), project.to_owned()),
        // A lockfile may hold absolute places.
        ("root".to_owned(), premises.root.display().to_string()),
    ]);
    for package in &model.packages {
        let place = package.path.as_ref().map_or("-", |path| path.value.as_str());
        let remote = package.git.as_ref().map_or("-", |git| git.value.as_str());
        let value = format!("{place} {remote} {} {:?}", package.subdirectory, package.role);
        fields.insert(format!("package {}", package.name.value), value);
    }
    for participant in &environment.packages {
        let package = &model.package(participant.package).name.value;
        let pin = participant.pin.as_ref();
        let pin = pin.map(|pin| format!("{} {}", pin.reference.as_str(), pin.version));
        fields.insert(format!("takes part {package}"), pin.unwrap_or_else(|| "workspace".to_owned()));
    }
    for (key, release) in &premises.record.releases {
        if environment.packages.iter().any(|participant| {
            model.package(participant.package).name.value == key.package
                && participant.pin.as_ref().is_some_and(|pin| pin.reference.as_str() == key.reference)
        }) {
            fields.insert(format!("release {} {}", key.package, key.reference), format!("{release:?}"));
        }
    }
    for axis in model.axes_of(id) {
        for variant in &axis.variants {
            fields.insert(format!("variant {}", variant.name.value), promised(axis, variant));
        }
    }
    fields.extend(remote_tags::fields(premises, id)?);
    Ok(fields)
}

/// What a variant promises: how it is chosen, where it exists, its index, what it supplies.
fn promised(axis: &Axis, variant: &Variant) -> String {
    let index = variant.index.as_ref().map(|index| match &index.location {
        IndexLocation::Url(url) => url.clone(),
        IndexLocation::Path(path) => path.to_string(),
    });
    let supplied = axis.requirements.iter().chain(&variant.requirements);
    let supplied = supplied.map(|requirement| requirement.text.as_str()).collect::<Vec<_>>().join(", ");
    let index = index.as_deref().unwrap_or("-");
    format!("{:?} {:?} {index} {supplied}", axis.choose, variant.platforms)
}
