//! The machine: uv, git, Pythons, the driver. Each is asked for its version; none is taken from the repository.

use pep440_rs::Version;

use super::finding::{Finding, Mend, Place};
use super::ground::Ground;
use super::trouble::Trouble;
use super::venvs;
use crate::cli::prepare;
use crate::model::{EnvironmentId, Preference};
use crate::tool::ToolError;
use crate::tool::{python, uv};

/// The first git that leaves bare repositories hidden in a working tree alone when told to.
const GIT: [u64; 2] = [2, 38];

/// Looks at all of it.
pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(old_git(ground));
    if !ground.call.model.environments.is_empty() {
        findings.extend(unsuitable_uv(ground));
        findings.extend(missing_pythons(ground));
        findings.extend(old_driver(ground));
    }
    findings
}

fn finding(trouble: Trouble, mend: String) -> Finding {
    Finding { trouble, place: Place::machine(), mend: Mend::Do(mend) }
}

fn old_git(ground: &Ground<'_>) -> Option<Finding> {
    let git = ground.git.as_ref().filter(|git| git.version < Version::new(GIT))?;
    let said = format!(
        "git {} ({}) can be made to run programs by a repository hidden in a working tree",
        git.version,
        git.path.display()
    );
    Some(finding(Trouble::GitOld { said }, "install git 2.38 or newer".to_owned()))
}

fn unsuitable_uv(ground: &Ground<'_>) -> Option<Finding> {
    let call = ground.call;
    let wanted = prepare::wanted(&call.model);
    // Without the network: what is missing is said, not fetched.
    let found = uv::find(&call.process.surroundings, &wanted, &call.place.home, true, &mut |_| {});
    let error = found.err()?;
    let place = call
        .model
        .uv
        .as_ref()
        .map_or_else(Place::machine, |uv| Place::span(&call.model.source, uv.text.span));
    let (trouble, mend) = match error {
        ToolError::UvOffline { version, install } => {
            (Trouble::UvMissing { version: version.to_string() }, Mend::Type(install))
        }
        error => {
            let help = miette::Diagnostic::help(&error).map(|help| help.to_string()).unwrap_or_default();
            (Trouble::UvUnsuitable { said: error.to_string() }, Mend::Do(help))
        }
    };
    Some(Finding { trouble, place, mend })
}

fn missing_pythons(ground: &Ground<'_>) -> Vec<Finding> {
    let call = ground.call;
    let found = python::discover(&call.process.surroundings, &call.place.home);
    let mut findings: Vec<Finding> = Vec::new();
    // One of many adopted projects may want a Python that is not here.
    for (id, environment) in call.model.environments().filter(|(_, environment)| environment.is_written()) {
        let pin = environment.settings.python.as_ref().map(|pin| pin.value.as_str());
        let Err(missing) = prepare::interpreter(&call.model, id, pin, &found) else { continue };
        let help = miette::Diagnostic::help(&missing).map(|help| help.to_string()).unwrap_or_default();
        let span = environment.settings.python.as_ref().map_or(environment.span, |pin| pin.span);
        let place = Place::span(&call.model.source, span);
        // Environments that share a pin lack the same.
        if findings.iter().any(|finding| finding.place == place) {
            continue;
        }
        findings.push(Finding {
            trouble: Trouble::PythonMissing { said: missing.to_string() },
            place,
            mend: Mend::Do(help),
        });
    }
    findings
}

/// A variant that was synced here, or is preferred, and needs another driver than there is.
fn old_driver(ground: &Ground<'_>) -> Vec<Finding> {
    let model = &ground.call.model;
    let mut findings: Vec<Finding> = Vec::new();
    for (id, _) in model.environments() {
        for (axis, place) in used(ground, id) {
            let variant = &model.axes_of(id)[axis].variants[place];
            let Some(wanted) = &variant.driver else { continue };
            let Ok(Some(driver)) = ground.call.driver() else { return findings };
            let trouble = Trouble::DriverOld {
                variant: variant.name.value.clone(),
                wanted: wanted.value.to_string(),
                found: format!("{} ({})", driver.text, driver.from),
            };
            if wanted.value.contains(&driver.version)
                || findings.iter().any(|finding| finding.trouble == trouble)
            {
                continue;
            }
            let place = Place::span(&model.source, wanted.span);
            let mend = Mend::Do("update the driver, or sync another variant".to_owned());
            findings.push(Finding { trouble, place, mend });
        }
    }
    findings
}

/// Axis and variant.
fn used(ground: &Ground<'_>, id: EnvironmentId) -> Vec<(usize, usize)> {
    let (call, model) = (ground.call, &ground.call.model);
    let cells = if ground.foreign.is_none() { venvs::remembered(ground) } else { Vec::new() };
    let cells = cells.into_iter().filter(|cell| cell.environment == id);
    let synced = cells.flat_map(|cell| cell.choices.into_iter().enumerate());
    let mut used: Vec<(usize, usize)> = synced.filter_map(|(axis, choice)| Some((axis, choice?))).collect();
    // Preferences are of the axes of tasks.kdl.
    if model.environment(id).kept == crate::model::Kept::Generated {
        let preferred = call.local.iter().flat_map(|local| &local.prefer);
        used.extend(preferred.filter_map(|(axis, preference)| match preference {
            Preference::One(Some(variant)) => Some((*axis, *variant)),
            Preference::One(None) | Preference::Auto => None,
        }));
    }
    used
}
