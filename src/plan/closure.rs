//! `@closure`: a project with everything that it depends on by path.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::error::PlanError;
use super::fingerprint::Inputs;
use super::premises::Premises;
use super::refusal::Refusal;
use super::uv_files::{Collector, Scope};
use crate::base::RelPath;
use crate::cache::Observer;
use crate::model::Cell;

/// The directories of the project that the cell's environment is, or that `cwd` lies in: its own where it is a
/// package, its workspace's members, its path sources, theirs too. Path sources may form circles; each directory is
/// met once. Also those of them that lie outside of the root, where no walk goes.
pub(super) fn closure(
    premises: &Premises,
    observer: &Observer,
    cell: Option<&Cell>,
    cwd: &RelPath,
) -> Result<(BTreeSet<RelPath>, Vec<PathBuf>), Refusal> {
    let directory = match cell {
        Some(cell) => premises.model.environment(cell.environment).directory(),
        None => project_around(premises, observer, cwd)?,
    };
    let inputs = Inputs {
        root: &premises.root,
        directory: &directory,
        home: premises.machine.home.as_deref(),
        variables: &premises.machine.variables,
        // Which directories there are depends on no program.
        uv: "",
        interpreter: Path::new(""),
        python: "",
        observer,
        parsed: &premises.parsed,
    };
    let mut collector = Collector::new(&inputs, Scope::Metadata);
    collector.project()?;
    let relative = |path: &PathBuf| {
        let inside = path.strip_prefix(&premises.root).ok()?;
        RelPath::parse(inside.to_str()?).ok().or_else(|| inside.as_os_str().is_empty().then(RelPath::root))
    };
    let mut found: BTreeSet<RelPath> = collector.met.iter().filter_map(relative).collect();
    let manifest = directory.join("pyproject.toml").map(|path| path.to_string()).unwrap_or_default();
    if collector.fields.get(&format!("{manifest}: tool.uv.package")).is_some_and(|value| value == "false") {
        found.remove(&directory);
    }
    let outside = collector.met.iter().filter(|path| !path.starts_with(&premises.root)).cloned().collect();
    Ok((found, outside))
}

/// The nearest directory with a manifest, from `cwd` up to the root; `cwd` itself where there is none.
fn project_around(premises: &Premises, observer: &Observer, cwd: &RelPath) -> Result<RelPath, PlanError> {
    let mut directory = cwd.clone();
    loop {
        if observer.stat(&directory.under(&premises.root).join("pyproject.toml"))?.is_some() {
            return Ok(directory);
        }
        if directory.is_root() {
            return Ok(cwd.clone());
        }
        directory = directory.parent();
    }
}
