//! Internal packages that must lie in the working tree: a submodule that was not checked out is the usual cause of
//! what uv calls "not a workspace member".

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::locate::Place;
use crate::model::{EnvironmentId, Model, Sources};
use crate::tool::Surroundings;
use crate::tool::git::Git;
use crate::tool::run::quoted;

/// Are the packages of the selected workspace environments there?
///
/// # Errors
/// All that are missing: with the line that checks out those that are submodules.
pub(super) fn present(
    place: &Place,
    model: &Model,
    surroundings: &Surroundings,
    selected: &BTreeSet<EnvironmentId>,
) -> Result<(), CliError> {
    let missing = missing(&place.root, model, selected);
    if missing.is_empty() {
        return Ok(());
    }
    let names =
        |of: &[(String, String)]| of.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>().join(", ");
    let submodules = submodules(place, surroundings);
    let (empty, absent): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|(_, path)| submodules.contains(Path::new(path)));
    if empty.is_empty() {
        let paths: Vec<String> = absent.iter().map(|(_, path)| format!("{path}/pyproject.toml")).collect();
        return Err(CliError::PackageMissing { packages: names(&absent), paths: paths.join(", ") });
    }
    let paths: Vec<String> = empty.iter().map(|(_, path)| quoted(path)).collect();
    Err(CliError::SubmoduleEmpty { packages: names(&empty), paths: paths.join(" ") })
}

/// Names and paths of packages without a manifest.
fn missing(root: &Path, model: &Model, selected: &BTreeSet<EnvironmentId>) -> Vec<(String, String)> {
    let wanted: BTreeSet<usize> = selected
        .iter()
        .map(|id| model.environment(*id))
        .filter(|environment| environment.sources == Sources::Workspace)
        .flat_map(|environment| environment.packages.iter().map(|participant| participant.package.0))
        .collect();
    wanted
        .into_iter()
        .map(|at| &model.packages[at])
        .filter_map(|package| Some((package.name.value.to_string(), &package.path.as_ref()?.value)))
        .filter(|(_, path)| !path.under(root).join("pyproject.toml").is_file())
        .map(|(name, path)| (name, path.to_string()))
        .collect()
}

/// The paths of submodules. Where git cannot say, no path is one, and the general message stands.
fn submodules(place: &Place, surroundings: &Surroundings) -> BTreeSet<PathBuf> {
    let found = Git::find(surroundings, &place.home).and_then(|git| git.submodules(&place.root));
    found.unwrap_or_default().into_iter().map(|submodule| submodule.path).collect()
}
