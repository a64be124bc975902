//! Rows of `verify` on the releases that a tags environment pins: does the tag still stand where it was recorded, and
//! do record, metadata shim and lockfile say what the package's own manifest says at that commit? Pure: what remotes
//! and manifests say is handed in.

use std::collections::{BTreeMap, BTreeSet};

use super::at_commit::{AtCommit, ManifestAt};
use super::complete::{is_of, key, pins_of};
use super::finding::VerifyFinding;
use super::lockfile::Shim;
use super::reading::near;
use super::record::{Record, Release};
use super::requirement::alike;
use super::tags::Told;
use super::verify::Case;
use crate::base::{duration_text, hidden, printable};
use crate::model::{EnvironmentId, Model, Package, PackageName, Pin, PinReference};

/// One pinned release of the environment.
struct Pinned<'a> {
    case: &'a Case<'a>,
    package: &'a Package,
    pin: &'a Pin,
    /// As recorded; `None` where it is not, which another row says.
    release: Option<&'a Release>,
}

/// Row: every pinned tag stands at its remote where it was recorded.
pub(super) fn tags_at_remotes(case: &Case<'_>, findings: &mut Vec<VerifyFinding>) {
    let mut silent = BTreeSet::new();
    for pinned in pinned(case) {
        let (PinReference::Tag(tag), Some(git)) = (&pinned.pin.reference, &pinned.package.git) else {
            continue;
        };
        match case.evidence.told.get(&git.value) {
            Some(Told::Known(answer)) => {
                let now = answer.tags.get(tag).map(|found| found.peeled.as_str());
                let place = match answer.age() {
                    Some(age) if case.evidence.is_offline => {
                        format!("at its remote {} ago", duration_text(age))
                    }
                    _ => "at its remote".to_owned(),
                };
                findings.extend(pinned.stands((tag, &git.value), now, place, || {
                    near(
                        tag,
                        &pinned.pin.version,
                        &pinned.package.tag_form,
                        &answer.tags.keys().cloned().collect(),
                    )
                }));
            }
            Some(Told::Failed(error)) if silent.insert(git.value.as_str()) => {
                findings.push(VerifyFinding::RemoteSilent {
                    git: printable(&git.value).into_owned(),
                    what: "its tags".to_owned(),
                    cause: error.to_string(),
                    span: pinned.pin.span,
                });
            }
            Some(Told::Failed(_) | Told::NotAsked) | None => {}
        }
    }
}

/// Row: the record and the metadata shims are what the packages' manifests say at the recorded commits.
pub(super) fn manifests(case: &Case<'_>, findings: &mut Vec<VerifyFinding>) {
    for pinned in pinned(case) {
        let Some(release) = pinned.release else { continue };
        match case.evidence.manifests.get(&key(pinned.package, pinned.pin)) {
            Some(AtCommit::Read(manifest)) => {
                pinned.is_truly_recorded(release, manifest, findings);
                let name = pinned.package.name.value.as_str();
                for shim in case.lockfile.shims.iter().filter(|shim| shim.name == name) {
                    pinned.is_true(shim, manifest, findings);
                }
            }
            Some(AtCommit::Gone) => findings.push(VerifyFinding::CommitGone {
                package: pinned.package.name.to_string(),
                reference: pinned.reference(),
                commit: release.commit.clone(),
                git: printable(&release.git).into_owned(),
                environment: case.name(),
                span: pinned.pin.span,
            }),
            Some(AtCommit::Unusable(reason)) => {
                findings.push(pinned.differs("manifest", "usable", reason, release));
            }
            Some(AtCommit::Failed(error)) => findings.push(VerifyFinding::RemoteSilent {
                git: printable(&release.git).into_owned(),
                what: format!("`{}` {}", pinned.package.name, pinned.reference()),
                cause: error.to_string(),
                span: pinned.pin.span,
            }),
            Some(AtCommit::NotAsked) | None => {}
        }
    }
}

/// How an answer may be at odds with the record without anything being wrong: it is older than a pin, or than a move
/// that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It names another commit for a pinned tag.
    Moved,
    /// It lacks a pinned tag.
    Missing,
}

/// The remotes whose known answers are at odds with the record, and how; they should be asked again before they are
/// believed.
#[must_use]
pub(crate) fn doubtful(
    model: &Model,
    environment: EnvironmentId,
    record: &Record,
    told: &BTreeMap<String, Told>,
) -> BTreeMap<String, Doubt> {
    let mut doubtful = BTreeMap::new();
    for (key, package, pin) in pins_of(model, environment) {
        let (PinReference::Tag(tag), Some(git)) = (&pin.reference, &package.git) else { continue };
        let Some(Told::Known(answer)) = told.get(&git.value) else { continue };
        let recorded = record.releases.get(&key).map(|release| release.commit.as_str());
        let doubt = match answer.tags.get(tag) {
            None => Doubt::Missing,
            Some(found) if recorded.is_some_and(|recorded| recorded != found.peeled.as_str()) => Doubt::Moved,
            Some(_) => continue,
        };
        // A move is said even where another tag is missing.
        let known = doubtful.entry(git.value.clone()).or_insert(doubt);
        if doubt == Doubt::Moved {
            *known = doubt;
        }
    }
    doubtful
}

/// The pins of a frozen environment with their releases.
fn pinned<'a>(case: &'a Case<'a>) -> impl Iterator<Item = Pinned<'a>> {
    case.environment.packages.iter().filter_map(|participant| {
        let (package, pin) = (case.model.package(participant.package), participant.pin.as_ref()?);
        let release = case.record.releases.get(&key(package, pin));
        Some(Pinned { case, package, pin, release: release.filter(|release| is_of(package, pin, release)) })
    })
}

impl Pinned<'_> {
    fn reference(&self) -> String {
        self.pin.reference.as_str().to_owned()
    }

    /// Is the tag, which now stands for the commit `now`, where it was recorded?
    fn stands(
        &self,
        (tag, git): (&str, &str),
        now: Option<&str>,
        place: String,
        near: impl FnOnce() -> String,
    ) -> Option<VerifyFinding> {
        let (package, span) = (self.package.name.to_string(), self.pin.span);
        match (now, self.release) {
            (None, _) => {
                let (tag, git) = (tag.to_owned(), printable(git).into_owned());
                Some(VerifyFinding::TagGone { package, tag, git, near: near(), span })
            }
            (Some(now), Some(release)) if release.commit != now => Some(VerifyFinding::MovedTag {
                package,
                reference: tag.to_owned(),
                recorded: release.commit.clone(),
                now: now.to_owned(),
                place,
                environment: self.case.name(),
                span,
            }),
            _ => None,
        }
    }

    /// The record against the manifest, field by field.
    fn is_truly_recorded(&self, release: &Release, manifest: &ManifestAt, findings: &mut Vec<VerifyFinding>) {
        let truth = &manifest.release;
        if PackageName::parse(&manifest.name).as_ref() != Ok(&self.package.name.value) {
            findings.push(self.differs("name", self.package.name.value.as_str(), &manifest.name, release));
        }
        let one = |text: &Option<String>| vec![text.clone().unwrap_or_else(|| "not there".to_owned())];
        for (field, recorded, found, is_list) in [
            ("version", one(&release.version), one(&truth.version), false),
            ("requires-python", one(&release.requires_python), one(&truth.requires_python), false),
            ("requires-dist", release.requires_dist.clone(), truth.requires_dist.clone(), true),
            ("provides-extra", release.provides_extra.clone(), truth.provides_extra.clone(), true),
            ("sources", release.sources.clone(), truth.sources.clone(), true),
            ("dynamic", release.dynamic.clone(), truth.dynamic.clone(), true),
        ] {
            // What is shown may be alike: passwords are not shown.
            if recorded != found {
                let shown = |texts: &[String]| if is_list { list(texts) } else { texts.concat() };
                findings.push(self.differs(field, &shown(&recorded), &shown(&found), release));
            }
        }
    }

    /// A shim against the manifest. uv writes requirements its own way, so that they compare by what they ask for.
    fn is_true(&self, shim: &Shim, manifest: &ManifestAt, findings: &mut Vec<VerifyFinding>) {
        let truth = &manifest.release;
        let mut differs = |field: &'static str, found: &[String], expected: &[String]| {
            findings.push(VerifyFinding::ShimDiffers {
                package: self.package.name.to_string(),
                reference: self.reference(),
                field,
                found: list(found),
                expected: list(expected),
                environment: self.case.name(),
                span: self.pin.span,
            });
        };
        if counted(&shim.requires_dist) != counted(&truth.requires_dist) {
            differs("requires-dist", &shim.requires_dist, &truth.requires_dist);
        }
        let names = |extras: &[String]| {
            extras.iter().map(|extra| PackageName::parse(extra).ok()).collect::<BTreeSet<_>>()
        };
        // uv drops a list of extras that nobody asks for.
        let extras = &shim.provides_extras;
        if !extras.is_empty() && names(extras) != names(&truth.provides_extra) {
            differs("provides-extra", extras, &truth.provides_extra);
        }
    }

    fn differs(&self, field: &'static str, recorded: &str, found: &str, release: &Release) -> VerifyFinding {
        VerifyFinding::RecordDiffers {
            package: self.package.name.to_string(),
            reference: self.reference(),
            commit: release.commit.chars().take(12).collect(),
            field,
            recorded: printable(&hidden(recorded)).into_owned(),
            found: printable(&hidden(found)).into_owned(),
            environment: self.case.name(),
            span: self.pin.span,
        }
    }
}

/// How often each requirement is asked for, in one spelling.
fn counted(requirements: &[String]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for requirement in requirements {
        *counted.entry(alike(requirement)).or_default() += 1;
    }
    counted
}

/// A list for a message.
fn list(texts: &[String]) -> String {
    printable(&hidden(&format!("[{}]", texts.join(", ")))).into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::ledger::tags::Answer;
    use crate::ledger::testing::{PROD, PROD_LOCK, judged, model, recorded, seen};
    use crate::ledger::{Evidence, Release};
    use crate::tool::git::TagRef;

    const BENCH: &str = "https://git.example.com/vlm/bench-utils.git";

    /// What remotes say where every tag stands as recorded, and what the manifests say where the record is true.
    fn evidence(record: &Record) -> Evidence {
        let mut evidence = Evidence::default();
        for (key, release) in &record.releases {
            let commit: crate::tool::git::ObjectId = release.commit.parse().unwrap();
            let tag = TagRef { object: commit.clone(), peeled: commit };
            let tags = [(key.reference.clone(), tag)].into_iter().collect();
            let answer = Answer { tags, asked: SystemTime::now() };
            evidence.told.insert(release.git.clone(), Told::Known(answer));
            let manifest = ManifestAt { name: key.package.as_str().to_owned(), release: release.clone() };
            evidence.manifests.insert(key.clone(), AtCommit::Read(Box::new(manifest)));
        }
        evidence
    }

    /// The record of prod as its shim says.
    fn record() -> Record {
        let mut record = recorded();
        let release = record.releases.values_mut().last().unwrap();
        release.requires_dist = vec!["torch >= 2.4".into(), "bench-utils>=0.1".into()];
        record
    }

    fn told(evidence: &mut Evidence, tag: &str, commit: Option<&str>) {
        let Some(Told::Known(answer)) = evidence.told.get_mut(BENCH) else { panic!("it is known") };
        answer.tags.clear();
        for (tag, commit) in commit.into_iter().map(|commit| (tag, commit)) {
            let commit: crate::tool::git::ObjectId = commit.parse().unwrap();
            answer.tags.insert(tag.to_owned(), TagRef { object: commit.clone(), peeled: commit });
        }
    }

    fn manifest(evidence: &mut Evidence) -> &mut ManifestAt {
        match evidence.manifests.values_mut().last().unwrap() {
            AtCommit::Read(manifest) => manifest,
            other => panic!("{other:?}"),
        }
    }

    fn found(record: &Record, evidence: &Evidence) -> Vec<VerifyFinding> {
        judged(&model(), PROD, record, PROD_LOCK, evidence)
    }

    #[test]
    fn what_agrees_has_no_findings() {
        let record = record();
        assert_eq!(found(&record, &evidence(&record)), []);
        let mut offline = evidence(&record);
        offline.told.insert(BENCH.to_owned(), Told::NotAsked);
        offline.manifests.values_mut().for_each(|at| *at = AtCommit::NotAsked);
        assert_eq!(found(&record, &offline), []);
    }

    #[test]
    fn a_tag_that_moved_or_is_gone_at_its_remote() {
        let record = record();
        let mut moved = evidence(&record);
        told(&mut moved, "v0.1.2", Some(&"1".repeat(40)));
        insta::assert_snapshot!(seen(found(&record, &moved)), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::moved_tag

          × `bench-utils` v0.1.2 was 049c28bcf510116c5cdcbfe4693d165b7f578c90 when it was recorded, and is
          │ 1111111111111111111111111111111111111111 at its remote
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
        let mut gone = evidence(&record);
        told(&mut gone, "v0.1.3", Some(&"1".repeat(40)));
        insta::assert_snapshot!(seen(found(&record, &gone)), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::tag_gone

          × `bench-utils` has no tag `v0.1.2` at https://git.example.com/vlm/bench-utils.git any more
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── no such tag now
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: push the tag, or pin one of the nearest: `v0.1.3`
        "#);
    }

    #[test]
    fn an_answer_that_is_at_odds_with_the_record_is_doubtful() {
        let record = record();
        let doubt = |evidence: &Evidence| doubtful(&model(), PROD, &record, &evidence.told).remove(BENCH);
        let mut one = evidence(&record);
        assert_eq!(doubt(&one), None);
        told(&mut one, "v0.1.2", Some(&"1".repeat(40)));
        assert_eq!(doubt(&one), Some(Doubt::Moved));
        told(&mut one, "v0.1.2", None);
        assert_eq!(doubt(&one), Some(Doubt::Missing));
        one.told.insert(BENCH.to_owned(), Told::NotAsked);
        assert_eq!(doubt(&one), None);
    }

    #[test]
    fn offline_a_moved_tag_says_how_long_it_is_known() {
        let record = record();
        let mut moved = Evidence { is_offline: true, ..evidence(&record) };
        told(&mut moved, "v0.1.2", Some(&"1".repeat(40)));
        let Some(Told::Known(answer)) = moved.told.get_mut(BENCH) else { panic!("it is known") };
        answer.asked -= std::time::Duration::from_hours(2);
        assert!(found(&record, &moved)[0].to_string().ends_with(" at its remote 2 h ago"));
    }

    #[test]
    fn a_remote_that_does_not_answer() {
        let record = record();
        let mut silent = evidence(&record);
        let error = crate::tool::ToolError::GitNotFound;
        silent.told.insert(BENCH.to_owned(), Told::Failed(error));
        insta::assert_snapshot!(seen(found(&record, &silent)), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::remote_silent

          × https://git.example.com/vlm/bench-utils.git could not be asked for its tags: git was not found
          │ on PATH
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── pinned here
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: mend what git says; `--offline` verifies what this repository knows, and says what it did
                not ask
        "#);
        let mut unread = evidence(&record);
        unread
            .manifests
            .values_mut()
            .for_each(|at| *at = AtCommit::Failed(std::sync::Arc::new(crate::tool::ToolError::GitNotFound)));
        assert!(matches!(found(&record, &unread)[..], [VerifyFinding::RemoteSilent { .. }, ..]));
    }

    #[test]
    fn a_password_in_a_requirement_is_not_shown() {
        let mut record = record();
        let mut other = evidence(&record);
        let asked = |word: &str| vec![format!("x @ https://me:{word}@h.example/x.whl")];
        manifest(&mut other).release.requires_dist = asked("s3cret1");
        record.releases.values_mut().last().unwrap().requires_dist = asked("s3cret2");
        let seen = format!("{}{:?}", seen(found(&record, &other)), found(&record, &other));
        assert!(
            seen.contains("record_differs") && seen.contains("shim_differs") && !seen.contains("s3cret"),
            "{seen}"
        );
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one look at every field that can differ")]
    fn a_record_that_is_not_what_the_manifest_says() {
        let record = record();
        let mut other = evidence(&record);
        *manifest(&mut other) = ManifestAt {
            name: "stranger".into(),
            release: Release {
                version: None,
                requires_python: Some(">=3.12".into()),
                provides_extra: vec!["x".into()],
                ..manifest(&mut other).release.clone()
            },
        };
        insta::assert_snapshot!(seen(found(&record, &other)), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::record_differs

          × envloom.lock says that the name of `model-interface` v0.1.2 is model-interface; at its commit
          │ d6623e58d2f9 it is stranger
            ╭─[tasks.kdl:14:5]
         13 │     pin "bench-utils" "v0.1.2"
         14 │     pin "model-interface" "v0.1.2"
            ·     ───────────────┬──────────────
            ·                    ╰── pinned here
         15 │ }
            ╰────
          help: envloom.lock was changed by hand or by a merge; type `envloom lock:prod --accept-moved
                model-interface` to have it read again

        Error: envloom::ledger::record_differs

          × envloom.lock says that the version of `model-interface` v0.1.2 is 0.1.2; at its commit
          │ d6623e58d2f9 it is not there
            ╭─[tasks.kdl:14:5]
         13 │     pin "bench-utils" "v0.1.2"
         14 │     pin "model-interface" "v0.1.2"
            ·     ───────────────┬──────────────
            ·                    ╰── pinned here
         15 │ }
            ╰────
          help: envloom.lock was changed by hand or by a merge; type `envloom lock:prod --accept-moved
                model-interface` to have it read again

        Error: envloom::ledger::record_differs

          × envloom.lock says that the requires-python of `model-interface` v0.1.2 is not there; at its
          │ commit d6623e58d2f9 it is >=3.12
            ╭─[tasks.kdl:14:5]
         13 │     pin "bench-utils" "v0.1.2"
         14 │     pin "model-interface" "v0.1.2"
            ·     ───────────────┬──────────────
            ·                    ╰── pinned here
         15 │ }
            ╰────
          help: envloom.lock was changed by hand or by a merge; type `envloom lock:prod --accept-moved
                model-interface` to have it read again

        Error: envloom::ledger::record_differs

          × envloom.lock says that the provides-extra of `model-interface` v0.1.2 is []; at its commit
          │ d6623e58d2f9 it is [x]
            ╭─[tasks.kdl:14:5]
         13 │     pin "bench-utils" "v0.1.2"
         14 │     pin "model-interface" "v0.1.2"
            ·     ───────────────┬──────────────
            ·                    ╰── pinned here
         15 │ }
            ╰────
          help: envloom.lock was changed by hand or by a merge; type `envloom lock:prod --accept-moved
                model-interface` to have it read again
        "#);
    }

    #[test]
    fn a_commit_that_is_gone_and_one_without_a_manifest() {
        let record = record();
        let mut gone = evidence(&record);
        gone.manifests.values_mut().for_each(|at| *at = AtCommit::Gone);
        insta::assert_snapshot!(seen(found(&record, &gone)[..1].to_vec()), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::commit_gone

          × the commit 049c28bcf510116c5cdcbfe4693d165b7f578c90, which `bench-utils` v0.1.2 was when it
          │ was recorded, is not at https://git.example.com/vlm/bench-utils.git any more
            ╭─[tasks.kdl:13:5]
         12 │     sources "tags"
         13 │     pin "bench-utils" "v0.1.2"
            ·     ─────────────┬────────────
            ·                  ╰── pinned here
         14 │     pin "model-interface" "v0.1.2"
            ╰────
          help: its history was rewritten. Pin another release; or, if that is meant, type `envloom
                lock:prod --accept-moved bench-utils`
        "#);
        let mut unusable = evidence(&record);
        unusable
            .manifests
            .values_mut()
            .for_each(|at| *at = AtCommit::Unusable("there is no pyproject.toml".into()));
        assert!(matches!(
            found(&record, &unusable)[0],
            VerifyFinding::RecordDiffers { field: "manifest", .. }
        ));
    }

    #[test]
    fn a_shim_that_lies() {
        let mut record = record();
        let release = record.releases.values_mut().last().unwrap();
        release.requires_dist = vec!["torch >= 2.5".into(), "bench-utils>=0.1".into()];
        insta::assert_snapshot!(seen(found(&record, &evidence(&record))), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::shim_differs

          × the metadata shim of `model-interface` v0.1.2 in the lockfile says requires-dist [torch>=2.4,
          │ bench-utils>=0.1]; its manifest says [torch >= 2.5, bench-utils>=0.1]
            ╭─[tasks.kdl:14:5]
         13 │     pin "bench-utils" "v0.1.2"
         14 │     pin "model-interface" "v0.1.2"
            ·     ───────────────┬──────────────
            ·                    ╰── pinned here
         15 │ }
            ╰────
          help: uv believes whatever a shim says; type `envloom generate:prod lock:prod`
        "#);
    }
}
