//! Fills the record with the releases that the model pins: tag -> peeled commit, and the package's metadata
//! there.
//!
//! A recorded release is never read again while its pin, remote and subdirectory stay: the record is what
//! says that a tag moved (`verify`, `lock`), so it must not follow the tag. A release is read from the
//! package's submodule where that is to be trusted, else from a bare clone (`repository`); remotes are asked
//! side by side, and nothing ever prompts. All that is wrong is reported at once.

use std::collections::{BTreeMap, BTreeSet};

use miette::SourceSpan;
use pep440_rs::Version;

use super::error::{LedgerError, LedgerFinding};
use super::reading::{Group, read_all};
use super::record::{Record, Release, ReleaseKey};
use super::repository::Remotes;
use crate::base::{RelPath, side_by_side};
use crate::model::{EnvironmentId, Model, Package, PackageId, Pin, PinReference};

/// A release that the model pins and the record lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// Which release.
    pub(crate) key: ReleaseKey,
    /// Its package.
    pub(crate) package: PackageId,
    /// The first environment that pins it.
    pub(crate) environment: EnvironmentId,
    /// The tag or commit.
    pub(crate) reference: PinReference,
    /// The version the pin stands for.
    pub(crate) version: Version,
    /// The pin.
    pub(crate) span: SourceSpan,
    /// Why the record does not do.
    pub(crate) reason: NeedReason,
}

/// Why a record does not hold a release that is pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NeedReason {
    /// It has none of that name.
    Absent,
    /// `git=` of the package is another one now; the recorded one.
    RemoteChanged(String),
    /// `subdirectory=` of the package is another one now; the recorded one.
    SubdirectoryChanged(String),
    /// The pin stands for another version than the recorded one.
    VersionChanged(String),
}

/// The releases that pins of `selected` environments name and the record lacks, in their order; each once.
#[must_use]
pub(crate) fn missing(model: &Model, record: &Record, selected: impl Fn(EnvironmentId) -> bool) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for (environment, package, pin) in pins(model).filter(|(environment, ..)| selected(*environment)) {
        let key = key(model.package(package), pin);
        let Some(reason) = reason(model.package(package), pin, record.releases.get(&key)) else {
            continue;
        };
        if needs.iter().any(|need| need.key == key && need.version == pin.version) {
            continue;
        }
        let (reference, version, span) = (pin.reference.clone(), pin.version.clone(), pin.span);
        needs.push(Need { key, package, environment, reference, version, span, reason });
    }
    needs
}

/// The recorded releases that the pins of an environment name.
#[must_use]
pub(crate) fn releases_of<'r>(
    model: &Model,
    environment: EnvironmentId,
    record: &'r Record,
) -> BTreeMap<ReleaseKey, &'r Release> {
    pins(model)
        .filter(|(id, ..)| *id == environment)
        .map(|(_, package, pin)| key(model.package(package), pin))
        .filter_map(|key| record.releases.get(&key).map(|release| (key, release)))
        .collect()
}

/// The record without the releases that no pin names any more.
#[must_use]
pub(crate) fn prune(model: &Model, mut record: Record) -> Record {
    let wanted: BTreeSet<ReleaseKey> =
        pins(model).map(|(_, package, pin)| key(model.package(package), pin)).collect();
    record.releases.retain(|key, _| wanted.contains(key));
    record
}

/// The record with every release that the model pins, and no other.
///
/// # Errors
/// Every pin whose release cannot be recorded, with its place in `tasks.kdl`.
pub(crate) fn complete(model: &Model, record: Record, remotes: &Remotes<'_>) -> Result<Record, LedgerError> {
    let mut record = prune(model, record);
    let needs = missing(model, &record, |_| true);
    let mut findings = Vec::new();
    let groups = by_remote(model, &needs, &mut findings);
    for answer in side_by_side(&groups, |group| read_all(model, group, remotes)).into_iter().flatten() {
        match answer {
            Ok((key, release)) => {
                record.releases.insert(key, release);
            }
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() {
        return Ok(record);
    }
    let summary = match findings.len() {
        1 => "a pinned release cannot be recorded".to_owned(),
        several => format!("{several} pinned releases cannot be recorded"),
    };
    Err(LedgerError::new(summary, &model.source, findings))
}

/// Every pin of every tags environment.
fn pins(model: &Model) -> impl Iterator<Item = (EnvironmentId, PackageId, &Pin)> {
    model.environments().flat_map(|(id, environment)| {
        environment.packages.iter().filter_map(move |part| Some((id, part.package, part.pin.as_ref()?)))
    })
}

/// The pins of one environment, with their packages and the names of their releases.
pub(super) fn pins_of(
    model: &Model,
    environment: EnvironmentId,
) -> impl Iterator<Item = (ReleaseKey, &Package, &Pin)> {
    let own = pins(model).filter(move |(id, ..)| *id == environment);
    own.map(|(_, package, pin)| (key(model.package(package), pin), model.package(package), pin))
}

/// Is the release of the package's declared remote and directory? Its version is judged elsewhere.
pub(super) fn is_of(package: &Package, pin: &Pin, release: &Release) -> bool {
    matches!(reason(package, pin, Some(release)), None | Some(NeedReason::VersionChanged(_)))
}

/// The name of a pin's release in the record.
pub(super) fn key(package: &Package, pin: &Pin) -> ReleaseKey {
    ReleaseKey { package: package.name.value.clone(), reference: pin.reference.as_str().to_owned() }
}

/// Why `release` does not do for `pin`; `None`: it does.
pub(super) fn reason(package: &Package, pin: &Pin, release: Option<&Release>) -> Option<NeedReason> {
    let Some(release) = release else {
        return Some(NeedReason::Absent);
    };
    if package.git.as_ref().is_some_and(|git| git.value != release.git) {
        return Some(NeedReason::RemoteChanged(release.git.clone()));
    }
    if recorded_path(&package.subdirectory) != release.subdirectory {
        return Some(NeedReason::SubdirectoryChanged(release.subdirectory.clone()));
    }
    let version = release.version.as_ref().filter(|version| version.parse().as_ref() != Ok(&pin.version));
    version.map(|version| NeedReason::VersionChanged(version.clone()))
}

/// A subdirectory as the record writes it: empty for the root.
pub(super) fn recorded_path(path: &RelPath) -> String {
    if path.is_root() { String::new() } else { path.to_string() }
}

fn by_remote<'a>(model: &'a Model, needs: &'a [Need], findings: &mut Vec<LedgerFinding>) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<&str, Vec<&Need>> = BTreeMap::new();
    for need in needs {
        let package = model.package(need.package);
        match &package.git {
            Some(git) => groups.entry(git.value.as_str()).or_default().push(need),
            None => {
                findings.push(LedgerFinding::NoRemote { package: package.name.to_string(), span: need.span });
            }
        }
    }
    groups.into_iter().map(|(url, needs)| Group { url, needs }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    use crate::base::Spanned;
    use crate::ledger::repository::Progress;
    use crate::ledger::testing::{Place, look, model, pin, pin_tag};

    const MANIFEST: &str =
        "[project]\nname = \"bench-utils\"\nversion = \"0.1.2\"\ndependencies = [\"tqdm >=4\"]\n";

    /// A model with bench-utils alone.
    fn one_package() -> Model {
        let mut model = model();
        model.packages.truncate(1);
        model.environments.iter_mut().for_each(|environment| environment.packages.truncate(1));
        model
    }

    fn complete_in(place: &Place, model: &Model, record: Record) -> Result<Record, LedgerError> {
        let git = place.git();
        complete(model, record, &Remotes::new(&git, place.root(), false, &|_| {}))
    }

    fn only(record: &Record) -> &Release {
        assert_eq!(record.releases.len(), 1);
        record.releases.values().next().unwrap()
    }

    #[test]
    fn a_release_is_read_from_a_bare_clone_once() {
        let place = Place::new();
        let commit = place.release("bench-utils", "v0.1.2", &[("pyproject.toml", MANIFEST)]);
        let model = one_package();
        assert_eq!(missing(&model, &Record::default(), |_| true)[0].reason, NeedReason::Absent);
        let record = complete_in(&place, &model, Record::default()).unwrap();
        let release = only(&record);
        assert_eq!((&release.commit, release.version.as_deref()), (&commit, Some("0.1.2")));
        assert_eq!(release.requires_dist, ["tqdm >=4"]);
        assert!(missing(&model, &record, |_| true).is_empty());
        assert_eq!(Record::parse(&crate::base::SourceFile::new("x", record.render())).unwrap(), record);
        // The tag moves; the record does not.
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", MANIFEST), ("x", "")]);
        assert_eq!(complete_in(&place, &model, record.clone()).unwrap(), record);
    }

    #[test]
    fn a_submodule_is_read_only_if_it_comes_from_the_declared_remote() {
        let place = Place::new();
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", MANIFEST)]);
        let model = one_package();
        place.clone_to("bench-utils", "packages/bench_utils");
        place.remove("remotes/bench-utils.git");
        // The remote is gone, so only the submodule can have answered.
        complete_in(&place, &model, Record::default()).unwrap();
        place.run(
            "packages/bench_utils",
            &["remote", "set-url", "origin", "https://elsewhere.example.com/x.git"],
        );
        let failed = complete_in(&place, &model, Record::default()).unwrap_err();
        assert!(matches!(failed.findings[..], [LedgerFinding::Unreachable { .. }]), "{failed:?}");
    }

    #[test]
    fn a_submodule_without_the_tag_leaves_it_to_the_remote() {
        let place = Place::new();
        place.release("bench-utils", "v0.1.1", &[("pyproject.toml", MANIFEST)]);
        place.clone_to("bench-utils", "packages/bench_utils");
        let commit = place.release("bench-utils", "v0.1.2", &[("pyproject.toml", MANIFEST)]);
        let record = complete_in(&place, &one_package(), Record::default()).unwrap();
        assert_eq!(only(&record).commit, commit);
    }

    #[test]
    fn a_missing_tag_names_the_nearest() {
        let place = Place::new();
        for tag in ["v0.1.1", "v0.1.10", "v0.1.3", "release"] {
            place.release("bench-utils", tag, &[("pyproject.toml", MANIFEST)]);
        }
        let failed = complete_in(&place, &one_package(), Record::default()).unwrap_err();
        insta::assert_snapshot!(look(&failed), @r#"
          × a pinned release cannot be recorded

        Error: envloom::ledger::missing_tag

          × `bench-utils` has no tag `v0.1.2` at https://git.example.com/vlm/bench-utils.git
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── no such tag
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: push the tag, or pin one of the nearest: `v0.1.1`, `v0.1.3`
        "#);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the looks of four findings")]
    fn a_manifest_that_is_not_the_releases_is_refused() {
        let place = Place::new();
        let old = MANIFEST.replace("0.1.2", "0.1.1");
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", &old)]);
        insta::assert_snapshot!(look(&complete_in(&place, &one_package(), Record::default()).unwrap_err()), @r#"
          × a pinned release cannot be recorded

        Error: envloom::ledger::wrong_version

          × `bench-utils` v0.1.2 stands for version 0.1.2, but its pyproject.toml says 0.1.1 (commit
          │ 3770e0a8d3cc)
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── stands for 0.1.2
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: tag a commit whose version is 0.1.2, or pin the tag that belongs to 0.1.1
        "#);
        place.release(
            "bench-utils",
            "v0.1.2",
            &[("pyproject.toml", &MANIFEST.replace("bench-utils", "other"))],
        );
        insta::assert_snapshot!(look(&complete_in(&place, &one_package(), Record::default()).unwrap_err()), @r#"
          × a pinned release cannot be recorded

        Error: envloom::ledger::wrong_name

          × `bench-utils` v0.1.2 is a package called `other` (commit c43759023050)
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── pinned here
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: check `git=` and `subdirectory=` of `package "bench-utils"`
        "#);
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", "[tool.uv]\n")]);
        insta::assert_snapshot!(look(&complete_in(&place, &one_package(), Record::default()).unwrap_err()), @r#"
          × a pinned release cannot be recorded

        Error: envloom::ledger::bad_manifest

          × `pyproject.toml` of `bench-utils` v0.1.2 cannot be used: it has no [project] table
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── pinned here
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: mend it in the package's repository, tag a new release and pin that one
        "#);
        place.release("bench-utils", "v0.1.2", &[("setup.py", "")]);
        insta::assert_snapshot!(look(&complete_in(&place, &one_package(), Record::default()).unwrap_err()), @r#"
          × a pinned release cannot be recorded

        Error: envloom::ledger::no_manifest

          × `bench-utils` v0.1.2 has no `pyproject.toml` (commit 85d057923a32)
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── pinned here
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: if the package lies elsewhere in its repository, set `subdirectory=` of `package "bench-
                utils"`; else pin a release that has a pyproject.toml
        "#);
    }

    #[test]
    fn hostile_metadata_never_reaches_the_record() {
        let place = Place::new();
        let hostile = MANIFEST.replace("tqdm >=4", "tqdm\\u001b[2J");
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", &hostile)]);
        let failed = complete_in(&place, &one_package(), Record::default()).unwrap_err();
        assert!(matches!(failed.findings[..], [LedgerFinding::BadManifest { .. }]), "{failed:?}");
        assert!(!look(&failed).contains('\u{1b}'));
    }

    #[test]
    fn a_commit_is_pinned_like_a_tag() {
        let place = Place::new();
        let commit = place.release("bench-utils", "v9", &[("pyproject.toml", MANIFEST)]);
        let mut model = one_package();
        pin(&mut model, 0).reference = PinReference::Rev(commit.clone());
        assert_eq!(only(&complete_in(&place, &model, Record::default()).unwrap()).commit, commit);
        pin(&mut model, 0).version = Version::new([3]);
        let failed = complete_in(&place, &model, Record::default()).unwrap_err();
        assert!(matches!(failed.findings[..], [LedgerFinding::WrongVersion { .. }]), "{failed:?}");
        pin(&mut model, 0).reference = PinReference::Rev("0".repeat(40));
        insta::assert_snapshot!(look(&complete_in(&place, &model, Record::default()).unwrap_err()), @r#"
          × a pinned release cannot be recorded

        Error: envloom::ledger::missing_commit

          × `bench-utils` has no commit 0000000000000000000000000000000000000000 on any branch or tag at
          │ https://git.example.com/vlm/bench-utils.git
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── no such commit
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: push it, or pin another one: `git ls-remote https://git.example.com/vlm/bench-utils.git`
                lists what is there
        "#);
    }

    #[test]
    fn a_member_of_a_workspace_inherits_the_roots_sources() {
        let place = Place::new();
        let root = "[tool.uv.workspace]\nmembers = [\"py/*\"]\n[tool.uv.sources]\ntqdm = { workspace = true }\nnot-asked = { workspace = true }\n";
        place.release(
            "bench-utils",
            "v0.1.2",
            &[("pyproject.toml", root), ("py/bench/pyproject.toml", MANIFEST)],
        );
        let mut model = one_package();
        model.packages[0].subdirectory = RelPath::parse("py/bench").unwrap();
        let record = complete_in(&place, &model, Record::default()).unwrap();
        assert_eq!(
            (only(&record).subdirectory.as_str(), only(&record).sources.as_slice()),
            ("py/bench", &["tqdm".to_owned()][..])
        );
        model.packages[0].subdirectory = RelPath::root();
        let changed = NeedReason::SubdirectoryChanged("py/bench".into());
        assert_eq!(missing(&model, &record, |_| true)[0].reason, changed);
    }

    #[test]
    fn a_dynamic_version_is_recorded_as_such() {
        let place = Place::new();
        let dynamic = MANIFEST.replace("version = \"0.1.2\"", "dynamic = [\"version\"]");
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", &dynamic)]);
        let record = complete_in(&place, &one_package(), Record::default()).unwrap();
        assert_eq!(
            (only(&record).version.as_ref(), only(&record).dynamic.as_slice()),
            (None, &["version".to_owned()][..])
        );
    }

    #[test]
    fn offline_asks_nobody_and_says_what_to_type() {
        let place = Place::new();
        let model = one_package();
        let git = place.git();
        let told = Mutex::new(Vec::new());
        let tell = |progress: Progress<'_>| told.lock().unwrap().push(format!("{progress:?}"));
        let offline = Remotes::new(&git, place.root(), true, &tell);
        let failed = complete(&model, Record::default(), &offline).unwrap_err();
        insta::assert_snapshot!(look(&failed), @r#"
          × a pinned release cannot be recorded

        Error: envloom::ledger::offline

          × envloom.lock has no release `bench-utils v0.1.2`, and --offline forbids asking https://
          │ git.example.com/vlm/bench-utils.git
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── pinned here
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: type `envloom generate:prod` once without --offline, and commit envloom.lock
        "#);
        // What a clone of an earlier run holds is good.
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", MANIFEST)]);
        complete(&model, Record::default(), &Remotes::new(&git, place.root(), false, &tell)).unwrap();
        complete(&model, Record::default(), &offline).unwrap();
        assert_eq!(told.lock().unwrap().iter().filter(|line| line.starts_with("Fetching")).count(), 1);
    }

    #[test]
    fn an_unreachable_remote_and_a_missing_one_are_reported_together() {
        let place = Place::new();
        let mut model = model();
        model.packages[0].git = Some(Spanned::new("http://git.example.com/x".into(), model.packages[0].span));
        model.packages[1].git = None;
        let failed = complete_in(&place, &model, Record::default()).unwrap_err();
        let is_expected = matches!(
            failed.findings[..],
            [LedgerFinding::NoRemote { .. }, LedgerFinding::Unreachable { .. }]
        );
        assert!(is_expected, "{failed:?}");
        insta::assert_snapshot!(look(&failed), @r#"
          × 2 pinned releases cannot be recorded

        Error: envloom::ledger::no_remote

          × `model-interface` is pinned but has no remote
            ╭─[tasks.kdl:14:5]
         13 │     pin "bench-utils" "v0.1.2"
         14 │     pin "model-interface" "v0.1.2"
            ·     ───────────────┬──────────────
            ·                    ╰── pinned here
         15 │ }
            ╰────
          help: add `git="https://…"` to `package "model-interface"`

        Error: envloom::ledger::unreachable

          × the release `bench-utils v0.1.2` could not be read from http://git.example.com/x
          ╰─▶ envloom::tool::url_refused

                × the git url `http://git.example.com/x` is refused: plain http can be changed on the way
                help: write it as `https://host/path`, `ssh://git@host/path`, `git@host:path` or `file:///
                      path`; credentials belong in a credential helper

            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── pinned here
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: mend what git says, and run the same command again
        "#);
    }

    #[test]
    fn a_hostile_remote_runs_nothing() {
        let place = Place::new();
        let mut model = one_package();
        let canary = place.root().join("canary");
        for url in [
            format!("ext::sh -c touch% {}", canary.display()),
            format!("--upload-pack=touch {}", canary.display()),
        ] {
            model.packages[0].git = Some(Spanned::new(url, model.packages[0].span));
            complete_in(&place, &model, Record::default()).unwrap_err();
        }
        assert!(!canary.exists());
    }

    #[test]
    fn releases_that_no_pin_names_are_dropped() {
        let place = Place::new();
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", MANIFEST)]);
        place.release("bench-utils", "v0.1.3", &[("pyproject.toml", &MANIFEST.replace("0.1.2", "0.1.3"))]);
        let mut model = one_package();
        let before = complete_in(&place, &model, Record::default()).unwrap();
        pin_tag(&mut model, 0, "v0.1.3");
        let after = complete_in(&place, &model, before).unwrap();
        assert_eq!(after.releases.keys().next().unwrap().reference, "v0.1.3");
        only(&after);
    }
}
