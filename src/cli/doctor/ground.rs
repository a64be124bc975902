//! What all looks of `doctor` rest on, read once.

use std::path::Path;

use toml::Table;

use super::finding::{Finding, Mend, Place};
use super::trouble::Trouble;
use crate::base::{FileError, RelPath, SourceFile, conflict_marker};
use crate::cli::call::Call;
use crate::cli::load;
use crate::ledger::{FILE_NAME, Lockfile, Record};
use crate::model::{Environment, EnvironmentId, Package, PackageId};
use crate::plan;
use crate::tool::ToolError;
use crate::tool::git::{Git, Submodule};

/// It.
pub(super) struct Ground<'a> {
    pub(super) call: &'a Call<'a>,
    /// `None`: there is none.
    pub(super) git: Option<Git>,
    /// Why `.envloom` is not to be believed.
    pub(super) foreign: Option<String>,
    /// `envloom.lock`; `None`: it cannot be read.
    pub(super) record: Option<Record>,
    /// Manifest and lockfile of every environment.
    pub(super) files: Vec<Files>,
    /// Is a file no ordinary one, or cannot be read? That was said.
    pub(super) is_unread: bool,
}

/// What one environment has on disk.
pub(super) struct Files {
    pub(super) id: EnvironmentId,
    /// `None`: not there, or not to be read; that was said.
    pub(super) manifest: Option<Text>,
    pub(super) lockfile: Option<Text>,
    /// The lockfile, where it can be read as one.
    pub(super) locked: Option<Lockfile>,
    /// Has a trouble of the lockfile been said already?
    pub(super) is_said: bool,
}

/// A file that was read.
pub(super) struct Text {
    pub(super) path: String,
    pub(super) content: String,
    /// `None`: it is no TOML.
    pub(super) table: Option<Table>,
}

impl<'a> Ground<'a> {
    /// Reads it. What cannot be read is a finding.
    pub(super) fn read(
        call: &'a Call<'a>,
        git: Option<Git>,
        foreign: Option<String>,
    ) -> (Self, Vec<Finding>) {
        let mut findings = Vec::new();
        let mut files = Vec::new();
        for (id, environment) in call.model.environments() {
            files.push(Files::read(call, id, environment, &mut findings));
        }
        for path in call.model.packages.iter().filter_map(manifest_of) {
            // What is not there, or is no file, its own looks say.
            drop(read(call, &path, &mut findings));
        }
        let is_unread = findings.iter().any(|finding| matches!(finding.trouble, Trouble::NotOrdinary { .. }));
        let record = record(call, foreign.is_some(), &mut findings);
        (Self { call, git, foreign, record, files, is_unread }, findings)
    }

    /// The environment's name.
    pub(super) fn name(&self, id: EnvironmentId) -> &str {
        &self.call.model.environment(id).name.value
    }

    /// The packages of the working tree that have no manifest there.
    pub(super) fn absent(&self) -> Vec<(PackageId, RelPath)> {
        let packages = self.call.model.packages.iter().enumerate();
        let manifests = packages.filter_map(|(at, package)| Some((PackageId(at), manifest_of(package)?)));
        manifests.filter(|(_, path)| !path.under(&self.call.place.root).is_file()).collect()
    }

    /// The submodules below the root, by their paths from it. Those whose path leads elsewhere are no package's.
    pub(super) fn submodules(&self, git: &Git) -> Result<Vec<(RelPath, Submodule)>, ToolError> {
        let root = &self.call.place.root;
        let Some(top) = git.toplevel(root)? else { return Ok(Vec::new()) };
        let below = |submodule: Submodule| Some((below(&top, root, &submodule.path)?, submodule));
        Ok(git.submodules(&top)?.into_iter().filter_map(below).collect())
    }
}

impl Files {
    fn read(
        call: &Call<'_>,
        id: EnvironmentId,
        environment: &Environment,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let name = &environment.name.value;
        let path = &environment.manifest.value;
        let manifest = read(call, path, findings).unwrap_or_default();
        if let Some(unread) =
            manifest.as_ref().filter(|manifest| manifest.table.is_none() && !environment.is_written())
            && conflict_marker(&unread.content).is_none()
        {
            findings.push(Finding {
                trouble: Trouble::ManifestEdited { said: format!("{path} is no TOML") },
                place: Place::file(path.as_str()),
                mend: Mend::Type(format!("envloom check:{name}")),
            });
        }
        let before = findings.len();
        let lockfile = read(call, &environment.lockfile(), findings).unwrap_or_default();
        let locked = lockfile.as_ref().filter(|_| findings.len() == before).and_then(|lockfile| {
            let source = SourceFile::new(lockfile.path.as_str(), lockfile.content.as_str());
            match Lockfile::parse(&source, name) {
                Ok(locked) => Some(locked),
                Err(error) => {
                    findings.push(Finding {
                        trouble: Trouble::LockfileUnreadable { said: first(&error) },
                        place: Place::file(lockfile.path.as_str()),
                        mend: Mend::Do(format!(
                            "take the committed one back (git checkout -- {}), or type `envloom lock:{name}`",
                            lockfile.path
                        )),
                    });
                    None
                }
            }
        });
        Self { id, manifest, lockfile, locked, is_said: findings.len() > before }
    }
}

/// Reads a file; says where it is none, or has conflict markers. `Err`: it is there and was not read.
fn read(call: &Call<'_>, path: &RelPath, findings: &mut Vec<Finding>) -> Result<Option<Text>, ()> {
    let root = &call.place.root;
    if let Err(refused) = plan::inside(root, path) {
        findings.push(Finding {
            trouble: Trouble::NotOrdinary { said: refused.to_string() },
            place: Place::file(path.as_str()),
            mend: Mend::Do("put an ordinary file there: uv would write through the link".to_owned()),
        });
        return Err(());
    }
    let bytes = match call.observer.read(&path.under(root)) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(error) => {
            findings.push(unread(path, &error));
            return Err(());
        }
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    findings.extend(marked(path.as_str(), &text));
    let table = plan::table(&bytes);
    Ok(Some(Text { path: path.to_string(), content: text, table }))
}

/// A file that is there and gives nothing away.
fn unread(path: &RelPath, error: &FileError) -> Finding {
    Finding {
        trouble: Trouble::NotOrdinary { said: error.to_string() },
        place: Place::file(path.as_str()),
        mend: Mend::Do("make it a file that you can read".to_owned()),
    }
}

/// A finding where a text has conflict markers.
pub(super) fn marked(path: &str, text: &str) -> Option<Finding> {
    let at = conflict_marker(text)?;
    let mend = match path {
        _ if path.ends_with("uv.lock") || path.ends_with("pyproject.toml") || path == FILE_NAME => {
            Mend::Type("envloom resolve".to_owned())
        }
        _ => Mend::Do(
            "take the lines that are to stay, and the markers out; then type `envloom resolve`".to_owned(),
        ),
    };
    let trouble = Trouble::ConflictMarkers { path: path.to_owned() };
    Some(Finding { trouble, place: Place::offset(path, text, Some(at.start)), mend })
}

/// `envloom.lock`, with what an interrupted run had begun to write where that is to be believed.
fn record(call: &Call<'_>, is_foreign: bool, findings: &mut Vec<Finding>) -> Option<Record> {
    let bytes = call.observer.read(&call.place.root.join(FILE_NAME)).ok().flatten();
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    if let Some(marked) = marked(FILE_NAME, &text) {
        findings.push(marked);
        return None;
    }
    let read = match is_foreign {
        true if text.is_empty() => Ok(Record::default()),
        true => Record::parse(&SourceFile::new(FILE_NAME, text)).map_err(|error| first(&error)),
        false => load::record(&call.place, &call.model, &call.observer).map_err(|stop| first(stop.as_ref())),
    };
    match read {
        Ok(record) => Some(record),
        Err(said) => {
            findings.push(Finding {
                trouble: Trouble::RecordUnreadable { said },
                place: Place::file(FILE_NAME),
                mend: Mend::Do(format!("take the committed one back: git checkout -- {FILE_NAME}")),
            });
            None
        }
    }
}

/// What an error says that only joins others: the first of them.
pub(super) fn first(error: &(dyn miette::Diagnostic + '_)) -> String {
    let related = error.related().and_then(|mut related| related.next().map(ToString::to_string));
    related.unwrap_or_else(|| error.to_string())
}

/// The manifest of a package of the working tree.
fn manifest_of(package: &Package) -> Option<RelPath> {
    package.path.as_ref()?.value.join("pyproject.toml").ok()
}

/// A path from the top of the repository, from the root.
fn below(top: &Path, root: &Path, path: &Path) -> Option<RelPath> {
    let prefix = root.strip_prefix(top).ok()?;
    RelPath::parse(path.strip_prefix(prefix).ok()?.to_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_is_not_said_to_be_absent() {
        let path = RelPath::parse("prod/uv.lock").unwrap();
        let error = FileError::new("read", "/r/prod/uv.lock", std::io::ErrorKind::PermissionDenied.into());
        insta::assert_snapshot!(unread(&path, &error).text(), @r"
        error: cannot read `/r/prod/uv.lock`: permission denied
          prod/uv.lock, envloom::doctor::not_ordinary
          make it a file that you can read
        ");
    }
}
