//! Which release each package is promoted to.
//!
//! In: both environments, the record, what remotes say of their tags. Out: for each package the commit that was tested
//! and the tag that is that commit; or all that is wrong. Reads only.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use pep440_rs::{Version, VersionSpecifiers};

use super::error::PromoteFinding;
use crate::base::{printable, side_by_side};
use crate::cli::load::Stop;
use crate::config::Channel;
use crate::ledger::{self, Asking, Candidate, Freshness, Match, Record, ReleaseKey, Remotes, Told, Unlike};
use crate::model::{EnvironmentId, Model, Package, PackageId, PackageName, Pin, PinReference, Sources};
use crate::tool::ToolError;
use crate::tool::git::{Git, ObjectId, TagRef};

/// A package that is promoted.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// The package.
    pub(super) package: PackageId,
    /// The tag that is pinned.
    pub(super) old: String,
    /// The tag that will be.
    pub(super) new: String,
    /// What was tested: a tag or the version at a commit, and the commit.
    pub(super) tested: String,
    /// Is the new tag the tested commit?
    pub(super) is_tested: bool,
}

/// What is promoted.
pub(super) struct Promotion<'p> {
    pub(super) model: &'p Model,
    /// `.envloom`.
    pub(super) state: &'p Path,
    pub(super) offline: bool,
    pub(super) from: EnvironmentId,
    pub(super) to: EnvironmentId,
    /// The packages that move; of those that take part.
    pub(super) packages: Vec<PackageId>,
    /// Those that may move without a test.
    pub(super) allowed: Vec<PackageId>,
    pub(super) record: &'p Record,
    pub(super) remotes: &'p Remotes<'p>,
    pub(super) git: &'p Git,
    pub(super) progress: &'p (dyn Fn(ledger::Progress<'_>) + Sync),
}

/// One package on its way.
struct Moving<'m> {
    id: PackageId,
    package: &'m Package,
    url: &'m str,
    /// The pin that would move.
    pin: &'m Pin,
}

impl Promotion<'_> {
    fn name(&self, id: EnvironmentId) -> String {
        self.model.environment(id).name.value.clone()
    }

    /// The release of every package; or all that is wrong.
    ///
    /// # Errors
    /// When git is needed and cannot be asked.
    pub(super) fn choices(&self) -> Result<Result<Vec<Choice>, Vec<PromoteFinding>>, Stop> {
        let moving: Vec<Moving<'_>> = self.packages.iter().filter_map(|id| self.moving(*id)).collect();
        let urls: Vec<&str> = moving.iter().map(|moving| moving.url).collect();
        // A tag that was pushed a moment ago is what is waited for.
        let freshness = if self.offline { Freshness::Offline } else { Freshness::Since(SystemTime::now()) };
        let asking =
            Asking { state: self.state, freshness, git: &|| Ok(self.git.clone()), progress: self.progress };
        let asked = ledger::tags_of(&urls, &asking)?;
        let (mut choices, mut findings) = (Vec::new(), Vec::new());
        // Of one remote one after the other: they share its bare clone.
        let mut groups: BTreeMap<&str, Vec<&Moving<'_>>> = BTreeMap::new();
        for one in &moving {
            groups.entry(one.url).or_default().push(one);
        }
        let groups: Vec<Vec<&Moving<'_>>> = groups.into_values().collect();
        let work = |group: &Vec<&Moving<'_>>| -> Vec<Result<Choice, PromoteFinding>> {
            group.iter().map(|moving| self.one(moving, asked.told.get(moving.url))).collect()
        };
        for answer in side_by_side(&groups, work).into_iter().flatten() {
            match answer {
                Ok(choice) => choices.push(choice),
                Err(finding) => findings.push(finding),
            }
        }
        choices.sort_by_key(|choice| choice.package);
        Ok(if findings.is_empty() { Ok(choices) } else { Err(findings) })
    }

    fn moving(&self, id: PackageId) -> Option<Moving<'_>> {
        let package = self.model.package(id);
        let url = package.git.as_ref()?.value.as_str();
        Some(Moving { id, package, url, pin: crate::cli::pin::pin_of(self.model, self.to, id)? })
    }

    fn one(&self, moving: &Moving<'_>, told: Option<&Told>) -> Result<Choice, PromoteFinding> {
        let (tested, shown) = self.tested(moving)?;
        let tags = match told {
            Some(Told::Known(answer)) => &answer.tags,
            Some(Told::Failed(error)) => return Err(tags_unknown(moving, error.to_string())),
            Some(Told::NotAsked) | None => {
                return Err(tags_unknown(
                    moving,
                    "the remote was never asked, and --offline lets nobody ask it".to_owned(),
                ));
            }
        };
        let (new, is_tested) = self.release(moving, &tested, self.candidates(moving, tags))?;
        let old = crate::cli::pin::told(moving.pin);
        Ok(Choice { package: moving.id, old, new, tested: shown, is_tested })
    }

    /// The tag that is taken; is it the tested commit?
    fn release(
        &self,
        moving: &Moving<'_>,
        tested: &ObjectId,
        candidates: Vec<Candidate>,
    ) -> Result<(String, bool), PromoteFinding> {
        let (newer, older): (Vec<Candidate>, Vec<Candidate>) =
            candidates.into_iter().partition(|candidate| candidate.version >= moving.pin.version);
        // FROM's own tag is the name of what was tested: no other tag of that commit says it better.
        let is_own = |candidate: &&Candidate| {
            self.own_tag(moving) == Some(&candidate.tag) && candidate.commit == *tested
        };
        if let Some(own) = newer.iter().find(is_own) {
            return Ok((own.tag.clone(), true));
        }
        let unreadable = |error: ToolError| self.no_commit(moving, &error.to_string());
        let matching = |candidates: &[Candidate]| {
            ledger::matching(moving.package, moving.url, tested, candidates, self.remotes).map_err(unreadable)
        };
        let unlike = match matching(&newer)? {
            Match::Found(found) => return Ok((found.tag, true)),
            Match::Unlike(unlike) => unlike,
            Match::NotThere => Vec::new(),
        };
        let is_none = |candidate: &Candidate| {
            unlike.iter().any(|(other, why)| other.tag == candidate.tag && *why == Unlike::NoCommit)
        };
        if self.allowed.contains(&moving.id)
            && let Some(newest) = newer.iter().find(|candidate| !is_none(candidate))
        {
            return Ok((newest.tag.clone(), false));
        }
        match matching(&older)? {
            Match::Found(found) => Err(PromoteFinding::Older {
                package: moving.package.name.to_string(),
                from: self.name(self.from),
                to: self.name(self.to),
                tested: found.tag,
                pinned: crate::cli::pin::told(moving.pin),
                span: moving.pin.span,
            }),
            Match::NotThere if self.offline => {
                Err(self.no_commit(moving, "it is in no clone kept here, and --offline lets nobody fetch it"))
            }
            Match::NotThere => Err(self.no_commit(moving, "it was not pushed")),
            Match::Unlike(_) => Err(self.untested(moving, tested, &unlike)),
        }
    }

    /// The tags of the channel, the newest first.
    fn candidates(&self, moving: &Moving<'_>, tags: &BTreeMap<String, TagRef>) -> Vec<Candidate> {
        let stable = self.model.environment(self.to).sources == Sources::Tags(Channel::Stable);
        let candidate = |(tag, at): (&String, &TagRef)| {
            let version = moving.package.tag_form.version_of(tag)?;
            let fits = !stable || version.is_stable();
            fits.then(|| Candidate { tag: tag.clone(), version, commit: at.peeled.clone() })
        };
        let mut candidates: Vec<Candidate> = tags.iter().filter_map(candidate).collect();
        candidates.sort_by(|one, other| (&other.version, &other.tag).cmp(&(&one.version, &one.tag)));
        candidates
    }

    /// The tag by which the environment that was tested pins a package.
    fn own_tag(&self, moving: &Moving<'_>) -> Option<&str> {
        match &crate::cli::pin::pin_of(self.model, self.from, moving.id)?.reference {
            PinReference::Tag(tag) => Some(tag),
            PinReference::Rev(_) => None,
        }
    }

    /// The commit that was tested, and how a reader knows it.
    fn tested(&self, moving: &Moving<'_>) -> Result<(ObjectId, String), PromoteFinding> {
        let span = moving.pin.span;
        let (package, from) = (moving.package.name.to_string(), self.name(self.from));
        let environment = self.model.environment(self.from);
        if !environment.packages.iter().any(|participant| participant.package == moving.id) {
            return Err(PromoteFinding::NotThere { package, from, span });
        }
        let Some(pin) = crate::cli::pin::pin_of(self.model, self.from, moving.id) else {
            return self.checked_out(moving);
        };
        let key = ReleaseKey {
            package: moving.package.name.value.clone(),
            reference: pin.reference.as_str().to_owned(),
        };
        let commit =
            self.record.releases.get(&key).and_then(|release| release.commit.parse::<ObjectId>().ok());
        let commit = commit.ok_or_else(|| self.no_commit(moving, "envloom.lock does not know its commit"))?;
        let shown = match &pin.reference {
            PinReference::Tag(tag) => format!("{tag} ({})", commit.short()),
            PinReference::Rev(_) => commit.short(),
        };
        Ok((commit, shown))
    }

    /// The commit of a package's checkout, which must hold nothing else.
    fn checked_out(&self, moving: &Moving<'_>) -> Result<(ObjectId, String), PromoteFinding> {
        let Some(directory) = self.remotes.checkout(moving.package, moving.url) else {
            return Err(self.no_commit(moving, "there is no checkout of that remote in the working tree"));
        };
        let asked = self
            .git
            .is_clean(&directory, &[])
            .and_then(|clean| Ok((clean, self.git.checked_out(&directory)?)));
        match asked {
            Ok((true, Some(commit))) => {
                let shown = commit.short();
                Ok((commit, shown))
            }
            Ok((true, None)) => Err(self.no_commit(moving, "its checkout has no commit yet")),
            Ok((false, _)) => Err(self.no_commit(moving, "its checkout has changes that are not committed")),
            Err(error) => Err(self.no_commit(moving, &error.to_string())),
        }
    }

    /// `reason` is fit for a message, its line breaks too.
    fn no_commit(&self, moving: &Moving<'_>, reason: &str) -> PromoteFinding {
        PromoteFinding::NoCommit {
            package: moving.package.name.to_string(),
            from: self.name(self.from),
            reason: reason.to_owned(),
            span: moving.pin.span,
        }
    }

    fn untested(
        &self,
        moving: &Moving<'_>,
        tested: &ObjectId,
        unlike: &[(Candidate, Unlike)],
    ) -> PromoteFinding {
        let stable = self.model.environment(self.to).sources == Sources::Tags(Channel::Stable);
        let near = |(candidate, unlike): &(Candidate, Unlike)| {
            let differs = match unlike {
                Unlike::Files(files) => files,
                Unlike::NoCommit if self.offline => {
                    return format!("`{}` leads to no commit of the clone kept here", candidate.tag);
                }
                Unlike::NoCommit => return format!("`{}` leads to no commit", candidate.tag),
            };
            let mut files = differs.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
            if differs.len() > 3 {
                files.extend([" and ", &(differs.len() - 3).to_string(), " more"]);
            }
            format!("`{}` differs in {files}", candidate.tag)
        };
        let nearest: Vec<String> = unlike.iter().take(2).map(near).collect();
        PromoteFinding::Untested {
            package: moving.package.name.to_string(),
            channel: if stable { "stable" } else { "dev" },
            from: self.name(self.from),
            commit: tested.short(),
            nearest: if nearest.is_empty() {
                format!("there is none from {} on", moving.pin.version)
            } else {
                nearest.join("; ")
            },
            span: moving.pin.span,
        }
    }
}

/// `reason` is fit for a message, its line breaks too: what git says has several lines.
fn tags_unknown(moving: &Moving<'_>, reason: String) -> PromoteFinding {
    PromoteFinding::TagsUnknown {
        package: moving.package.name.to_string(),
        reason,
        git: moving.url.to_owned(),
        span: moving.pin.span,
    }
}

/// The requirements between internal packages that the pins of an environment do not meet. `record` has all its releases.
/// uv does not look at them: a name with a git source is what its source says (tried).
pub(super) fn unmet(
    model: &Model,
    to: EnvironmentId,
    record: &Record,
    chosen: &[PackageId],
) -> Vec<PromoteFinding> {
    let pins: Vec<(PackageId, &Pin)> = model
        .environment(to)
        .packages
        .iter()
        .filter_map(|participant| Some((participant.package, participant.pin.as_ref()?)))
        .collect();
    let mut findings = Vec::new();
    for (package, pin) in &pins {
        let name = &model.package(*package).name.value;
        let key = ReleaseKey { package: name.clone(), reference: pin.reference.as_str().to_owned() };
        let Some(release) = record.releases.get(&key) else { continue };
        for requirement in &release.requires_dist {
            let Some((required, range)) = internal(requirement) else { continue };
            let other = pins.iter().find(|(id, _)| model.package(*id).name.value == required);
            let Some((other, other_pin)) = other.filter(|(_, pin)| !range.contains(&pin.version)) else {
                continue;
            };
            if is_for_others(requirement, &required, &other_pin.version, &release.requires_dist) {
                continue;
            }
            let help = if chosen.contains(other) {
                format!("promote a release of `{required}` that suits it, or another one of `{name}`")
            } else {
                format!("add `--package {required}`")
            };
            findings.push(PromoteFinding::NeedsNewer {
                package: name.to_string(),
                release: pin.reference.as_str().to_owned(),
                requirement: printable(requirement).into_owned(),
                to: model.environment(to).name.value.clone(),
                other: required.to_string(),
                version: other_pin.version.to_string(),
                help,
                span: other_pin.span,
            });
        }
    }
    findings
}

/// Does the requirement hold only under a marker, while another one of that name, which holds under one too, is met? So
/// it is where each Python or platform has its own. What markers mean nothing here knows.
fn is_for_others(requirement: &str, name: &PackageName, version: &Version, all: &[String]) -> bool {
    let is_met =
        |one: &String| internal(one).is_some_and(|(of, range)| of == *name && range.contains(version));
    requirement.contains(';') && all.iter().any(|one| one.contains(';') && is_met(one))
}

/// The name that a requirement asks for, and its range.
fn internal(requirement: &str) -> Option<(PackageName, VersionSpecifiers)> {
    let text = requirement.split(';').next()?.trim();
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'))
        .unwrap_or(text.len());
    let name = PackageName::parse(&text[..end]).ok()?;
    let rest = text[end..].trim();
    let rest = rest
        .strip_prefix('[')
        .map_or(rest, |extras| extras.split_once(']').map_or("", |(_, rest)| rest))
        .trim();
    let range = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
    Some((name, range.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{internal, is_for_others};
    use crate::model::PackageName;

    #[test]
    fn a_requirement_for_another_python_is_not_missed() {
        let bar = PackageName::parse("bar").unwrap();
        let [old, new] = ["bar<0.2; python_version < '3.9'", "bar>=0.2; python_version >= '3.9'"];
        let missed = |requirement: &str, all: &[&str]| {
            let all: Vec<String> = all.iter().map(|&one| one.to_owned()).collect();
            !is_for_others(requirement, &bar, &"0.2.1".parse().unwrap(), &all)
        };
        assert!(!missed(old, &[old, new]));
        assert!(missed(old, &[old]) && missed(old, &[old, "bar>=0.2"]) && missed(old, &[old, "foo>=0.2; x"]));
        assert!(missed("bar<0.2", &["bar<0.2", new]));
    }

    #[test]
    fn a_requirement_is_a_name_and_a_range() {
        for (text, shown) in [
            ("bar>=0.1.3", Some("bar >=0.1.3")),
            ("Bar_x[a,b] (>=1,<2); python_version > '3'", Some("bar-x >=1, <2")),
            ("bar", Some("bar ")),
            ("bar @ https://h/bar.whl", None),
        ] {
            let found = internal(text).map(|(name, range)| format!("{name} {range}"));
            assert_eq!(found.as_deref(), shown, "{text}");
        }
    }
}
