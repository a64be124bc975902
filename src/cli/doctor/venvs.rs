//! Venvs: cut off, changed, or of cells that there are no more.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::finding::{Finding, Mend, Place};
use super::ground::Ground;
use super::trouble::Trouble;
use crate::graph::TaskKey;
use crate::model::{Cell, Model};
use crate::plan::{self, Cells};

/// Looks at all of them.
pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    // What stands in there then nobody here wrote.
    if ground.foreign.is_some() {
        return Vec::new();
    }
    let mut findings = dangling(ground);
    for cell in remembered(ground) {
        findings.extend(one(ground, &cell));
    }
    for venv in stale(ground) {
        let path = shown(ground, &venv);
        findings.push(Finding {
            place: Place::file(path.as_str()),
            trouble: Trouble::VenvStale { path },
            mend: Mend::Type("envloom doctor --fix".to_owned()),
        });
    }
    findings
}

/// The cells that something is remembered of. A Python of a matrix's makes a cell of its own.
pub(super) fn remembered(ground: &Ground<'_>) -> Vec<Cell> {
    let Ok(entries) = fs::read_dir(ground.call.place.state().join("cells")) else { return Vec::new() };
    let names = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok());
    let slugs = names.filter_map(|name| {
        let slug = name.strip_suffix(".json").or_else(|| name.strip_suffix(".mark"))?;
        Some(slug.to_owned())
    });
    let slugs: BTreeSet<String> = slugs.collect();
    slugs.iter().filter_map(|slug| cell(&ground.call.model, slug)).collect()
}

/// The cell of a slug; `None`: there is no such cell any more.
fn cell(model: &Model, slug: &str) -> Option<Cell> {
    let cells = model.environments().flat_map(|(id, _)| model.cells(id));
    cells.into_iter().map(|cell| Cell { python: None, ..cell }).find_map(|cell| {
        let rest = slug.strip_prefix(&cell.slug(model))?;
        match rest.strip_prefix("-py") {
            Some(python) => Some(Cell { python: Some(python.to_owned()), ..cell }),
            None => rest.is_empty().then_some(cell),
        }
    })
}

/// Where a cell's venv lies.
fn place(ground: &Ground<'_>, cell: &Cell) -> PathBuf {
    let model = &ground.call.model;
    if model.is_only_cell(cell) {
        return model.environment(cell.environment).directory().under(&ground.call.place.root).join(".venv");
    }
    directory(ground).join(cell.slug(model))
}

/// The directory of the venvs of cells.
fn directory(ground: &Ground<'_>) -> PathBuf {
    plan::venvs(&ground.call.place.root, ground.call.local.as_ref())
}

/// A cell that was synced here, or nearly.
fn one(ground: &Ground<'_>, cell: &Cell) -> Option<Finding> {
    let (model, observer) = (&ground.call.model, &ground.call.observer);
    let remembered = Cells::new(ground.call.place.state().join("cells"));
    let slug = cell.slug(model);
    let target = TaskKey::Sync(cell.clone()).name(model);
    let name = target.strip_prefix("sync:").unwrap_or(&target).to_owned();
    let venv = place(ground, cell);
    let trouble = if remembered.is_marked(&slug, observer) {
        Trouble::VenvCutOff { cell: name }
    } else {
        let record = remembered.record(&slug, observer)?;
        let how = match plan::inspect(&venv, observer) {
            // Whoever removed it knows, and the next sync makes it anew.
            Ok(_) if !venv.exists() => return None,
            Ok(now) => plan::compare(&record.state, &now)?,
            Err(error) => error.to_string(),
        };
        Trouble::VenvChanged { cell: name, how }
    };
    Some(Finding {
        trouble,
        place: Place::file(shown(ground, &venv)),
        mend: Mend::Type(format!("envloom {target}")),
    })
}

/// The venvs of cells that there are no more. In a place that `venvs` names others may have theirs, too: there only what
/// something is remembered of was made by envloom.
pub(super) fn stale(ground: &Ground<'_>) -> Vec<PathBuf> {
    let state = ground.call.place.state();
    let is_ours = |name: &str| {
        let remembered = |end: &str| state.join(format!("cells/{name}.{end}")).exists();
        directory(ground).starts_with(&state) || remembered("json") || remembered("mark")
    };
    let is_known = |name: &str| cell(&ground.call.model, name).is_some() || !is_ours(name);
    let Ok(entries) = fs::read_dir(directory(ground)) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| !is_known(name)))
        .map(|entry| entry.path())
        .filter(|path| path.join("pyvenv.cfg").is_file() && !path.is_symlink())
        .collect();
    found.sort();
    found
}

/// A `.venv` that is a link to nothing.
fn dangling(ground: &Ground<'_>) -> Vec<Finding> {
    let model = &ground.call.model;
    let mut findings = Vec::new();
    for environment in &model.environments {
        let link = environment.directory().under(&ground.call.place.root).join(".venv");
        let Ok(to) = fs::read_link(&link) else { continue };
        if link.exists() {
            continue;
        }
        let path = shown(ground, &link);
        findings.push(Finding {
            place: Place::file(path.as_str()),
            trouble: Trouble::VenvDangling { path, to: to.display().to_string() },
            mend: Mend::Do(format!(
                "point it at a cell (envloom use {}), or remove it",
                environment.name.value
            )),
        });
    }
    findings
}

fn shown(ground: &Ground<'_>, path: &Path) -> String {
    path.strip_prefix(&ground.call.place.root).unwrap_or(path).display().to_string()
}
