//! Every trouble that `doctor` knows.

use miette::Diagnostic;
use thiserror::Error;

/// Every code of this verb and what it means, for the README.
pub(in crate::cli) const CODES: &[(&str, &str)] = &[
    ("envloom::doctor::submodule_empty", "a submodule that is a package is not checked out"),
    ("envloom::doctor::submodule_unlisted", "a submodule has no entry in .gitmodules"),
    ("envloom::doctor::submodule_unlinked", ".gitmodules names a submodule that the index has not"),
    ("envloom::doctor::submodule_dirty", "a submodule holds changes that are not committed"),
    ("envloom::doctor::submodule_moved", "a submodule is at another commit than the one recorded"),
    ("envloom::doctor::submodule_behind", "a submodule is older than a release that is pinned"),
    ("envloom::doctor::tag_styles", "tags of one package are spelt in two ways"),
    ("envloom::doctor::source_unused", "a manifest names a source for a package that nothing requires"),
    ("envloom::doctor::source_missing", "an internal package is required without a source"),
    ("envloom::doctor::settings_differ", "a resolution setting is another one in another environment"),
    ("envloom::doctor::manifest_drift", "a manifest is not what tasks.kdl says"),
    (
        "envloom::doctor::manifest_edited",
        "a manifest cannot be written as it is: a hand edit, or no record of it",
    ),
    ("envloom::doctor::uv_toml", "a uv.toml switches off parts of the manifest beside it"),
    ("envloom::doctor::lockfile_missing", "an environment has no lockfile"),
    ("envloom::doctor::lockfile_stale", "a lockfile is not of its manifest"),
    ("envloom::doctor::lockfile_unreadable", "a lockfile cannot be read"),
    ("envloom::doctor::not_ordinary", "a manifest or lockfile is a link, lies behind one, or cannot be read"),
    ("envloom::doctor::conflict_markers", "a merge left conflict markers"),
    ("envloom::doctor::release_unrecorded", "envloom.lock lacks a release that is pinned"),
    ("envloom::doctor::record_unused", "envloom.lock holds an entry that nothing asks for"),
    ("envloom::doctor::record_unreadable", "envloom.lock cannot be read"),
    ("envloom::doctor::venv_cut_off", "a sync of a venv was cut off"),
    ("envloom::doctor::venv_changed", "a venv is not as its last sync left it"),
    ("envloom::doctor::venv_stale", "a venv is of a cell that there is no more"),
    ("envloom::doctor::venv_dangling", "a .venv leads nowhere"),
    ("envloom::doctor::package_missing", "an internal package is not where tasks.kdl says"),
    ("envloom::doctor::uv_missing", "the uv that is asked for is not here yet; the next run fetches it"),
    ("envloom::doctor::uv_unsuitable", "there is no uv that suits"),
    ("envloom::doctor::git_missing", "there is no git"),
    ("envloom::doctor::git_old", "git lacks a protection against repositories of strangers"),
    ("envloom::doctor::git_silent", "git cannot say something about the repository"),
    ("envloom::doctor::python_missing", "no interpreter suits an environment"),
    ("envloom::doctor::driver_old", "a variant in use does not run on this machine's driver"),
    ("envloom::doctor::state_tracked", "git tracks what is of one machine only"),
    ("envloom::doctor::state_foreign", ".envloom came with the repository, or is another user's"),
    ("envloom::doctor::not_ignored", "git does not ignore a file of one machine"),
    ("envloom::doctor::unfinished", "work was cut off and is not finished"),
];

/// One trouble. Errors make the exit code 1.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
pub(super) enum Trouble {
    #[error("submodule {path} is not checked out")]
    #[diagnostic(code(envloom::doctor::submodule_empty))]
    SubmoduleEmpty { path: String },

    #[error("submodule {path} has no entry in .gitmodules: no clone can fetch it")]
    #[diagnostic(code(envloom::doctor::submodule_unlisted))]
    SubmoduleUnlisted { path: String },

    #[error(".gitmodules names {path}, and the index has no submodule there")]
    #[diagnostic(code(envloom::doctor::submodule_unlinked), severity(Warning))]
    SubmoduleUnlinked { path: String },

    #[error("submodule {path} holds changes that are not committed: {changes}")]
    #[diagnostic(code(envloom::doctor::submodule_dirty), severity(Warning))]
    SubmoduleDirty { path: String, changes: String },

    #[error("submodule {path} is at {head}, and this repository records {recorded}")]
    #[diagnostic(code(envloom::doctor::submodule_moved), severity(Warning))]
    SubmoduleMoved { path: String, head: String, recorded: String },

    #[error("submodule {path} is older than {reference}, which {environment} pins")]
    #[diagnostic(code(envloom::doctor::submodule_behind), severity(Warning))]
    SubmoduleBehind { path: String, reference: String, environment: String },

    #[error("tags of `{package}` are spelt in two ways: {one} and {other}")]
    #[diagnostic(code(envloom::doctor::tag_styles), severity(Warning))]
    TagStyles { package: String, one: String, other: String },

    #[error("tool.uv.sources names `{package}`, and nothing in {environment} requires it")]
    #[diagnostic(code(envloom::doctor::source_unused), severity(Warning))]
    SourceUnused { package: String, environment: String },

    #[error(
        "{environment} requires the internal package `{package}` and names no source for it: an index supplies it"
    )]
    #[diagnostic(code(envloom::doctor::source_missing))]
    SourceMissing { package: String, environment: String },

    #[error("{setting} of {environment} is not that of {other}: {difference}")]
    #[diagnostic(code(envloom::doctor::settings_differ), severity(Warning))]
    SettingsDiffer { setting: String, environment: String, other: String, difference: String },

    #[error("{manifest} is not what tasks.kdl says: {changes}")]
    #[diagnostic(code(envloom::doctor::manifest_drift))]
    ManifestDrift { manifest: String, changes: String },

    #[error("{said}")]
    #[diagnostic(code(envloom::doctor::manifest_edited))]
    ManifestEdited { said: String },

    #[error("{path} switches off parts of [tool.uv] in the manifest beside it")]
    #[diagnostic(code(envloom::doctor::uv_toml))]
    UvToml { path: String },

    #[error("{environment} has no lockfile")]
    #[diagnostic(code(envloom::doctor::lockfile_missing))]
    LockfileMissing { environment: String },

    #[error("the lockfile of {environment} is stale: {why}")]
    #[diagnostic(code(envloom::doctor::lockfile_stale))]
    LockfileStale { environment: String, why: String },

    #[error("{said}")]
    #[diagnostic(code(envloom::doctor::lockfile_unreadable))]
    LockfileUnreadable { said: String },

    #[error("{said}")]
    #[diagnostic(code(envloom::doctor::not_ordinary))]
    NotOrdinary { said: String },

    #[error("a merge left conflict markers in {path}")]
    #[diagnostic(code(envloom::doctor::conflict_markers))]
    ConflictMarkers { path: String },

    #[error("envloom.lock does not hold {release}, which {environment} pins")]
    #[diagnostic(code(envloom::doctor::release_unrecorded))]
    ReleaseUnrecorded { release: String, environment: String },

    #[error("envloom.lock holds {entry}, which nothing asks for")]
    #[diagnostic(code(envloom::doctor::record_unused), severity(Warning))]
    RecordUnused { entry: String },

    #[error("{said}")]
    #[diagnostic(code(envloom::doctor::record_unreadable))]
    RecordUnreadable { said: String },

    #[error("a sync of {cell} was cut off: its venv may be half-made")]
    #[diagnostic(code(envloom::doctor::venv_cut_off), severity(Warning))]
    VenvCutOff { cell: String },

    #[error("the venv of {cell} is not as its last sync left it: {how}")]
    #[diagnostic(code(envloom::doctor::venv_changed), severity(Warning))]
    VenvChanged { cell: String, how: String },

    #[error("{path} is of a cell that tasks.kdl has no more")]
    #[diagnostic(code(envloom::doctor::venv_stale), severity(Warning))]
    VenvStale { path: String },

    #[error("{path} leads to {to}, and nothing is there")]
    #[diagnostic(code(envloom::doctor::venv_dangling), severity(Warning))]
    VenvDangling { path: String, to: String },

    #[error("`{package}` is an internal package, and there is no {manifest}")]
    #[diagnostic(code(envloom::doctor::package_missing))]
    PackageMissing { package: String, manifest: String },

    #[error("uv {version} is not on this machine: the next run fetches it")]
    #[diagnostic(code(envloom::doctor::uv_missing), severity(Warning))]
    UvMissing { version: String },

    #[error("{said}")]
    #[diagnostic(code(envloom::doctor::uv_unsuitable))]
    UvUnsuitable { said: String },

    #[error("{said}")]
    #[diagnostic(code(envloom::doctor::git_missing))]
    GitMissing { said: String },

    #[error("{said}")]
    #[diagnostic(code(envloom::doctor::git_old), severity(Warning))]
    GitOld { said: String },

    #[error("git was asked and gave no answer: {said}")]
    #[diagnostic(code(envloom::doctor::git_silent))]
    GitSilent { said: String },

    #[error("{said}")]
    #[diagnostic(code(envloom::doctor::python_missing))]
    PythonMissing { said: String },

    #[error("{variant} needs a driver {wanted}, and this machine has {found}")]
    #[diagnostic(code(envloom::doctor::driver_old), severity(Warning))]
    DriverOld { variant: String, wanted: String, found: String },

    #[error("git tracks {path}, which is of one machine only")]
    #[diagnostic(code(envloom::doctor::state_tracked))]
    StateTracked { path: String },

    #[error("{said}")]
    #[diagnostic(code(envloom::doctor::state_foreign))]
    StateForeign { said: String },

    #[error("git does not ignore {path}, which is of one machine only")]
    #[diagnostic(code(envloom::doctor::not_ignored), severity(Warning))]
    NotIgnored { path: String },

    #[error("work was cut off, and {files} may be half-done")]
    #[diagnostic(code(envloom::doctor::unfinished), severity(Warning))]
    Unfinished { files: String },
}
