//! A lockfile against the model and the record: what uv lets through and envloom does not. Pure.
//!
//! Each row of [`ROWS`] judges one kind of thing and knows nothing of the others; a new row is a function
//! more. No row asks whether the lockfile is up to date: `check` does, with uv.
//!
//! | row | uv 0.13.9 says | here |
//! | --- | --- | --- |
//! | internal packages | a stranger's 9.9.9 from an index, rc 0; an editable package in prod, rc 0; a moved tag, rc 0 | from their declared place, at the recorded commit, of the version the tag names |
//! | tags at remotes | nothing: a satisfied lock asks no remote | each pinned tag stands where it was recorded |
//! | manifests | a shim and a record are believed, rc 0 | both are what the package's manifest says at that commit |
//! | third parties | a directory in a frozen lockfile, rc 0 | no working tree in a frozen environment but the project's own |
//! | variants | `torch` of one variant from another's index, rc 0 | each from its variant's index, in every fork |
//! | transport | plain http, rc 0 | refused in a frozen environment, but for this machine's own |
//! | settings | an index of PyTorch for every package, an unsafe index strategy, rc 0 | refused in a frozen environment |

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use miette::SourceSpan;
use pep440_rs::Version;

use super::at_commit::AtCommit;
use super::complete::{is_of, key, recorded_path};
use super::finding::VerifyFinding;
use super::lockfile::{GitReference, LockedPackage, Lockfile, Source};
use super::origin::{Here, describe, describe_git, is_same_remote, plain_http};
use super::record::{Record, ReleaseKey};
use super::released::{manifests, tags_at_remotes};
use super::settings::settings;
use super::tags::Told;
use super::variants::variants;
use crate::base::{SourceFile, hidden, printable};
use crate::config::Role;
use crate::model::{
    Axis, Environment, EnvironmentId, Model, Package, Participant, Pin, PinReference, Sources,
};

/// What is judged, in the order of the report.
const ROWS: [fn(&Case<'_>, &mut Vec<VerifyFinding>); 7] =
    [internal_packages, tags_at_remotes, manifests, third_parties, variants, transport, settings];

/// What is judged: an environment's lockfile, against all that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// What `tasks.kdl` means.
    pub(crate) model: &'a Model,
    /// The environment.
    pub(crate) environment: EnvironmentId,
    /// What `envloom.lock` says.
    pub(crate) record: &'a Record,
    /// Its lockfile.
    pub(crate) lockfile: &'a Lockfile,
    /// The absolute root of the repository, which some places in a lockfile are written by.
    pub(crate) root: &'a Path,
    /// What was found out besides.
    pub(crate) evidence: &'a Evidence,
}

/// What was found out besides the lockfile and the record. What is absent is not judged.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// What remotes say of their tags, by url.
    pub(crate) told: BTreeMap<String, Told>,
    /// The packages' manifests at the recorded commits.
    pub(crate) manifests: BTreeMap<ReleaseKey, AtCommit>,
    /// May no remote be asked, so that what is known may be old?
    pub(crate) is_offline: bool,
    /// The environment's manifest, and the `uv.toml` beside it.
    pub(crate) settings: Vec<SourceFile>,
}

/// All that a row may look at.
pub(super) struct Case<'a> {
    pub(super) model: &'a Model,
    pub(super) environment: &'a Environment,
    pub(super) id: EnvironmentId,
    pub(super) record: &'a Record,
    pub(super) lockfile: &'a Lockfile,
    pub(super) here: Here<'a>,
    pub(super) evidence: &'a Evidence,
}

/// Everything in which the environment's lockfile is not what the model and the record ask for.
#[must_use]
pub(crate) fn verify(subject: &Subject<'_>) -> Vec<VerifyFinding> {
    let Subject { model, environment: id, record, lockfile, root, evidence } = *subject;
    let environment = model.environment(id);
    let here = Here { root, directory: environment.directory() };
    let case = Case { model, environment, id, record, lockfile, here, evidence };
    let mut findings = Vec::new();
    for row in ROWS {
        row(&case, &mut findings);
    }
    findings
}

impl Case<'_> {
    pub(super) fn is_frozen(&self) -> bool {
        matches!(self.environment.sources, Sources::Tags(_))
    }

    /// The axes of variants whose packages are judged.
    pub(super) fn axes(&self) -> &'_ [Axis] {
        self.model.axes_of(self.id)
    }

    /// The environment's name, for a message.
    pub(super) fn name(&self) -> String {
        self.environment.name.value.clone()
    }

    /// The locked project itself.
    pub(super) fn project(&self) -> Option<&LockedPackage> {
        self.lockfile.project(self.environment.project.as_ref()?.as_str())
    }
}

/// Row: every internal package, taking part or not, comes from where it is declared.
fn internal_packages(case: &Case<'_>, findings: &mut Vec<VerifyFinding>) {
    for (at, package) in case.model.packages.iter().enumerate() {
        let participant = case.environment.packages.iter().find(|participant| participant.package.0 == at);
        let mut is_locked = false;
        for locked in case.lockfile.named(package.name.value.as_str()) {
            is_locked = true;
            let internal = Internal { case, package, participant, locked };
            if case.is_frozen() {
                internal.is_released(findings);
            } else {
                internal.is_of_workspace(findings);
            }
        }
        // Members and paths are locked where something asks for them; a dependency is the project's own.
        if let Some(participant) = participant.filter(|_| !is_locked && package.role == Role::Dependency) {
            let span = participant.pin.as_ref().map_or(case.environment.span, |pin| pin.span);
            findings.push(VerifyFinding::NotLocked {
                package: package.name.to_string(),
                environment: case.name(),
                span,
            });
        }
    }
}

/// One locked internal package.
struct Internal<'a> {
    case: &'a Case<'a>,
    package: &'a Package,
    participant: Option<&'a Participant>,
    locked: &'a LockedPackage,
}

impl Internal<'_> {
    /// In a workspace environment: the directory of the working tree, or the remote where there is none.
    fn is_of_workspace(&self, findings: &mut Vec<VerifyFinding>) {
        let path = self.package.path.as_ref().map(|path| &path.value);
        let expected = match (path, &self.package.git, &self.locked.source) {
            (_, _, Source::Registry(index)) => return findings.push(self.taken_from_index(index)),
            _ if self.participant.is_none() => return,
            (Some(path), _, Source::Editable(found) | Source::Virtual(found) | Source::Directory(found))
                if self.case.here.is_path(found, path) =>
            {
                return;
            }
            (None, Some(git), Source::Git { url, .. }) if is_same_remote(url, &git.value) => return,
            (Some(path), ..) => format!("the directory {path}"),
            (None, Some(git), _) => git.value.clone(),
            (None, None, _) => return,
        };
        findings.push(self.wrong_source(expected));
    }

    /// In a tags environment: the pinned release at the recorded commit.
    fn is_released(&self, findings: &mut Vec<VerifyFinding>) {
        let pin = self.participant.and_then(|participant| participant.pin.as_ref());
        match (&self.locked.source, pin) {
            (Source::Registry(index), _) => findings.push(self.taken_from_index(index)),
            (Source::Editable(_) | Source::Directory(_) | Source::Virtual(_), _) => {
                findings.push(VerifyFinding::WorkingTree {
                    package: self.package.name.to_string(),
                    found: describe(&self.locked.source),
                    environment: self.case.name(),
                    span: self.span(),
                });
            }
            (_, None) => findings.push(VerifyFinding::Unpinned {
                package: self.package.name.to_string(),
                environment: self.case.name(),
                span: self.package.span,
            }),
            (source, Some(pin)) => self.is_pinned(source, pin, findings),
        }
    }

    fn is_pinned(&self, source: &Source, pin: &Pin, findings: &mut Vec<VerifyFinding>) {
        let git = self.package.git.as_ref().map_or("", |git| git.value.as_str());
        let asked = match &pin.reference {
            PinReference::Tag(tag) => GitReference::Tag(tag.clone()),
            PinReference::Rev(rev) => GitReference::Rev(rev.clone()),
        };
        let within = recorded_path(&self.package.subdirectory);
        match source {
            Source::Git { url, reference, subdirectory, commit }
                if is_same_remote(url, git)
                    && *reference == asked
                    && subdirectory.trim_matches('/') == within =>
            {
                self.is_recorded(pin, commit, findings);
            }
            _ => findings.push(self.wrong_source(describe_git(git, &asked, &within))),
        }
    }

    /// The commit and the versions agree with the record.
    fn is_recorded(&self, pin: &Pin, commit: &str, findings: &mut Vec<VerifyFinding>) {
        let release = self.case.record.releases.get(&key(self.package, pin));
        let (package, reference) = (self.package.name.to_string(), pin.reference.as_str().to_owned());
        let Some(release) = release.filter(|release| is_of(self.package, pin, release)) else {
            let environment = self.case.name();
            return findings.push(VerifyFinding::NotRecorded {
                package,
                reference,
                environment,
                span: pin.span,
            });
        };
        if release.commit != commit {
            findings.push(VerifyFinding::MovedTag {
                package,
                reference,
                recorded: release.commit.clone(),
                now: printable(commit).into_owned(),
                place: "in the lockfile".to_owned(),
                environment: self.case.name(),
                span: pin.span,
            });
        }
        let shims = self.case.lockfile.shims.iter().filter(|shim| shim.name == self.locked.name);
        let places =
            [("envloom.lock", release.version.as_ref()), ("the lockfile", self.locked.version.as_ref())];
        let shims = shims.map(|shim| ("the metadata shim in the lockfile", shim.version.as_ref()));
        for (place, version) in places.into_iter().chain(shims) {
            findings.extend(version.and_then(|found| self.version_differs(pin, place, found)));
        }
    }

    /// A version that is not the one the pin stands for. One that is computed at build time has none here.
    fn version_differs(&self, pin: &Pin, place: &'static str, found: &str) -> Option<VerifyFinding> {
        (found.parse::<Version>().as_ref() != Ok(&pin.version)).then(|| VerifyFinding::VersionDiffers {
            package: self.package.name.to_string(),
            reference: pin.reference.as_str().to_owned(),
            expected: pin.version.to_string(),
            place,
            found: printable(found).into_owned(),
            span: pin.span,
        })
    }

    fn taken_from_index(&self, index: &str) -> VerifyFinding {
        VerifyFinding::FromIndex {
            package: self.package.name.to_string(),
            version: version(self.locked),
            index: printable(&hidden(index)).into_owned(),
            environment: self.case.name(),
            span: self.span(),
        }
    }

    fn wrong_source(&self, expected: String) -> VerifyFinding {
        VerifyFinding::WrongSource {
            package: self.package.name.to_string(),
            found: describe(&self.locked.source),
            expected,
            environment: self.case.name(),
            span: self.span(),
        }
    }

    /// The pin, else the package.
    fn span(&self) -> SourceSpan {
        let pin = self.participant.and_then(|participant| participant.pin.as_ref());
        pin.map_or(self.package.span, |pin| pin.span)
    }
}

/// Row: a frozen lockfile holds no directory of the working tree but the project's own.
fn third_parties(case: &Case<'_>, findings: &mut Vec<VerifyFinding>) {
    if !case.is_frozen() {
        return;
    }
    let project = case.project().map(|project| project.name.as_str());
    let is_internal =
        |name: &str| case.model.packages.iter().any(|package| package.name.value.as_str() == name);
    for locked in &case.lockfile.packages {
        let is_directory =
            matches!(locked.source, Source::Editable(_) | Source::Directory(_) | Source::Virtual(_));
        let is_project = locked.source.is_here() && project == Some(locked.name.as_str());
        if is_directory && !is_project && !is_internal(&locked.name) {
            findings.push(VerifyFinding::WorkingTree {
                package: printable(&locked.name).into_owned(),
                found: describe(&locked.source),
                environment: case.name(),
                span: case.environment.span,
            });
        }
    }
}

/// Row: nothing of a frozen environment travels by plain http.
fn transport(case: &Case<'_>, findings: &mut Vec<VerifyFinding>) {
    if !case.is_frozen() {
        return;
    }
    let mut seen = BTreeSet::new();
    for locked in &case.lockfile.packages {
        // Of archives one says enough: an index has them all in one place.
        let archive = locked.plain.first().map(String::as_str);
        if let Some(url) = plain_http(&locked.source).or(archive).filter(|url| seen.insert(*url)) {
            findings.push(VerifyFinding::PlainHttp {
                package: printable(&locked.name).into_owned(),
                url: printable(&hidden(url)).into_owned(),
                span: case.environment.span,
            });
        }
    }
}

/// A package's version for a message.
pub(super) fn version(package: &LockedPackage) -> String {
    package
        .version
        .as_deref()
        .map_or_else(|| "(dynamic)".to_owned(), |version| printable(version).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{RelPath, Spanned};
    use crate::ledger::VerifyError;
    use crate::ledger::record::ReleaseKey;
    use crate::ledger::testing::{DEV, PROD, PROD_LOCK, found, model, pin, pin_tag, prod, recorded, seen};
    use crate::model::PackageName;

    const BENCH: &str = "git = \"https://git.example.com/vlm/bench-utils.git?tag=v0.1.2#049c28bcf510116c5cdcbfe4693d165b7f578c90\"";

    #[test]
    fn a_lockfile_as_asked_for_has_no_findings() {
        assert_eq!(found(&model(), PROD, &recorded(), PROD_LOCK), []);
        assert!(VerifyError::of("prod", &model().source, Vec::new()).is_none());
    }

    #[test]
    fn an_internal_package_from_an_index() {
        insta::assert_snapshot!(seen(prod(BENCH, "registry = \"https://index.example.org/simple\"")), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::from_index

          × internal package `bench-utils` 0.1.2 is locked from the index https://index.example.org/simple
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── internal
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: whoever owns that name there chooses your code; type `envloom generate:prod lock:prod`
        "#);
    }

    #[test]
    fn an_internal_package_from_the_working_tree() {
        insta::assert_snapshot!(seen(prod(BENCH, "editable = \"../packages/bench_utils\"")), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::working_tree

          × `bench-utils` is locked as the editable directory ../packages/bench_utils, but `prod` is
          │ frozen
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── releases only
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: a frozen environment holds releases only; type `envloom generate:prod lock:prod`
        "#);
        assert_eq!(prod(BENCH, "directory = \"../packages/bench_utils\"").len(), 1);
    }

    #[test]
    fn a_third_party_from_the_working_tree() {
        insta::assert_snapshot!(seen(prod("version = \"4.67.1\"\nsource = { registry = \"../indexes/wheelhouse\" }", "version = \"4.67.1\"\nsource = { directory = \"../vendor/tqdm\" }")), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::working_tree

          × `tqdm` is locked as the directory ../vendor/tqdm, but `prod` is frozen
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── releases only
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: a frozen environment holds releases only; type `envloom generate:prod lock:prod`
        "#);
    }

    #[test]
    fn another_remote_tag_or_directory() {
        insta::assert_snapshot!(seen(prod("vlm/bench-utils.git?tag=v0.1.2#", "evil/bench-utils.git?tag=v0.1.2#")), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::wrong_source

          × `bench-utils` is locked from tag v0.1.2 of https://git.example.com/evil/bench-utils.git, not
          │ from tag v0.1.2 of https://git.example.com/vlm/bench-utils.git
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── tag v0.1.2 of https://git.example.com/vlm/bench-utils.git
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: type `envloom generate:prod lock:prod`
        "#);
        for other in ["?tag=v0.1.3#", "?rev=v0.1.2#", "?branch=main#", "#", "?subdirectory=x&tag=v0.1.2#"] {
            let changed = prod("vlm/bench-utils.git?tag=v0.1.2#", &format!("vlm/bench-utils.git{other}"));
            assert!(matches!(changed[..], [VerifyFinding::WrongSource { .. }]), "{other}: {changed:?}");
        }
    }

    #[test]
    fn a_moved_tag_shows_both_commits() {
        insta::assert_snapshot!(seen(prod("#049c28bc", "#ffffffff")), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::moved_tag

          × `bench-utils` v0.1.2 was 049c28bcf510116c5cdcbfe4693d165b7f578c90 when it was recorded, and is
          │ fffffffff510116c5cdcbfe4693d165b7f578c90 in the lockfile
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── moved
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: the tag was moved. Pin another release; or, if the move is meant, type `envloom lock:prod
                --accept-moved bench-utils`
        "#);
    }

    #[test]
    fn a_release_that_is_not_recorded() {
        insta::assert_snapshot!(seen(found(&model(), PROD, &Record::default(), PROD_LOCK)), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::not_recorded

          × envloom.lock has no release `bench-utils v0.1.2`
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── pinned here
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: type `envloom generate:prod` and commit envloom.lock

        Error: envloom::ledger::not_recorded

          × envloom.lock has no release `model-interface v0.1.2`
            ╭─[tasks.kdl:14:5]
         13 │     pin "bench-utils" "v0.1.2"
         14 │     pin "model-interface" "v0.1.2"
            ·     ───────────────┬──────────────
            ·                    ╰── pinned here
         15 │ }
            ╰────
          help: type `envloom generate:prod` and commit envloom.lock
        "#);
        let mut moved = model();
        moved.packages[0].git.as_mut().unwrap().value = "https://git.example.com/new/bench-utils.git".into();
        let lock = PROD_LOCK.replace("vlm/bench-utils.git", "new/bench-utils.git");
        let findings = found(&moved, PROD, &recorded(), &lock);
        assert!(matches!(findings[..], [VerifyFinding::NotRecorded { .. }]), "{findings:?}");
    }

    #[test]
    fn a_version_that_is_not_the_tags() {
        let lock = "name = \"bench-utils\"\nversion = \"0.1.2\"\nsource";
        insta::assert_snapshot!(seen(prod(lock, &lock.replace("0.1.2", "0.1.1"))), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::version_differs

          × `bench-utils` v0.1.2 stands for version 0.1.2, but the lockfile says 0.1.1
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── stands for 0.1.2
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: tag a commit whose version is 0.1.2, or pin the tag that belongs to 0.1.1
        "#);
        let shim = "name = \"model-interface\"\nversion = \"0.1.2\"\nrequires-dist";
        let findings = prod(shim, &shim.replace("0.1.2", "0.1.3"));
        assert!(matches!(
            findings[..],
            [VerifyFinding::VersionDiffers { place: "the metadata shim in the lockfile", .. }]
        ));
        let mut wrong = recorded();
        wrong.releases.values_mut().for_each(|release| release.version = Some("7".into()));
        assert_eq!(found(&model(), PROD, &wrong, PROD_LOCK).len(), 2);
        wrong.releases.values_mut().for_each(|release| release.version = None);
        assert_eq!(found(&model(), PROD, &wrong, PROD_LOCK), []);
    }

    #[test]
    fn a_package_that_is_not_locked_or_not_pinned() {
        insta::assert_snapshot!(seen(prod("name = \"bench-utils\"\nversion", "name = \"bench\"\nversion")), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::not_locked

          × `bench-utils` takes part in `prod` and is not in its lockfile
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── not locked
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: type `envloom lock:prod`
        "#);
        let mut unpinned = model();
        unpinned.environments[PROD.0].packages.remove(0);
        insta::assert_snapshot!(seen(found(&unpinned, PROD, &recorded(), PROD_LOCK)), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::unpinned

          × internal package `bench-utils` is in the lockfile of `prod` without a pin
           ╭─[tasks.kdl:2:1]
         1 │ project "vlm-hyperbench"
         2 │ package "bench-utils" path="packages/bench_utils"
           · ──────────┬──────────
           ·           ╰── internal
         3 │ package "model-interface" path="packages/model_interface"
           ╰────
          help: something requires it: add `pin "bench-utils" "<tag>"` to `environment "prod"`
        "#);
    }

    #[test]
    fn plain_http_in_a_frozen_environment() {
        let archive = "{ url = \"http://files.example.org/x-1.whl\", hash = \"sha256:0\" }";
        let lockfile = PROD_LOCK.replacen("wheels = [", &format!("wheels = [\n    {archive},"), 1);
        let found = found(&model(), PROD, &recorded(), &lockfile);
        assert!(
            matches!(&found[..], [VerifyFinding::PlainHttp { url, .. }] if url == "http://files.example.org/x-1.whl")
        );
        insta::assert_snapshot!(seen(prod("../indexes/wheelhouse", "http://index.example.com/simple")), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::plain_http

          × `tqdm` is locked from http://index.example.com/simple, which is not encrypted
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── this environment is frozen
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: use the https address of that server; only this machine's own (localhost) may go without
        "#);
        assert_eq!(prod("../indexes/wheelhouse", "http://127.0.0.1:3141/simple"), []);
    }

    #[test]
    fn a_workspace_environment_holds_its_own_directories() {
        let bench = "bench-utils.git?tag=v0.1.2#049c28bcf510116c5cdcbfe4693d165b7f578c90";
        let interface = "model-interface.git?tag=v0.1.2#d6623e58d2f93822d08c359747ad523dd79593c9";
        let git = "git = \"https://git.example.com/vlm/";
        let dev = PROD_LOCK
            .replace(&format!("{git}{bench}\""), "editable = \"packages/bench_utils\"")
            .replace(&format!("{git}{interface}\""), "virtual = \"packages/model_interface\"")
            .replace("../indexes", "indexes");
        assert_eq!(found(&model(), DEV, &Record::default(), &dev), []);
        let elsewhere = dev.replace("packages/bench_utils", "../bench_utils");
        insta::assert_snapshot!(seen(found(&model(), DEV, &Record::default(), &elsewhere)), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::wrong_source

          × `bench-utils` is locked from the editable directory ../bench_utils, not from the directory
          │ packages/bench_utils
           ╭─[tasks.kdl:2:1]
         1 │ project "vlm-hyperbench"
         2 │ package "bench-utils" path="packages/bench_utils"
           · ──────────┬──────────
           ·           ╰── the directory packages/bench_utils
         3 │ package "model-interface" path="packages/model_interface"
           ╰────
          help: type `envloom generate:dev lock:dev`
        "#);
        let index = dev.replace(
            "editable = \"packages/bench_utils\"",
            "registry = \"https://index.example.org/simple\"",
        );
        assert!(matches!(
            found(&model(), DEV, &Record::default(), &index)[..],
            [VerifyFinding::FromIndex { .. }]
        ));
    }

    #[test]
    fn a_commit_and_a_subdirectory_are_compared_too() {
        let rev = "049c28bcf510116c5cdcbfe4693d165b7f578c90";
        let mut model = model();
        pin(&mut model, 0).reference = PinReference::Rev(rev.into());
        model.packages[0].subdirectory = RelPath::parse("py/bench").unwrap();
        let mut record = recorded();
        let mut release = record.releases.values().next().unwrap().clone();
        release.subdirectory = "py/bench".into();
        let package = PackageName::parse("bench-utils").unwrap();
        record.releases.insert(ReleaseKey { package, reference: rev.into() }, release);
        let lock = PROD_LOCK.replace(
            "bench-utils.git?tag=v0.1.2#",
            &format!("bench-utils.git?subdirectory=py%2Fbench&rev={rev}#"),
        );
        assert_eq!(found(&model, PROD, &record, &lock), []);
    }

    #[test]
    fn a_name_with_other_spellings_of_its_remote_is_the_same() {
        let mut model = model();
        pin_tag(&mut model, 0, "v0.1.2");
        model.packages[0].git =
            Some(Spanned::new("git@git.example.com:vlm/bench-utils.git".into(), model.packages[0].span));
        let mut record = recorded();
        record.releases.values_mut().next().unwrap().git = "git@git.example.com:vlm/bench-utils.git".into();
        let lock =
            PROD_LOCK.replace("https://git.example.com/vlm/bench", "ssh://git@git.example.com/vlm/bench");
        assert_eq!(found(&model, PROD, &record, &lock), []);
    }
}
