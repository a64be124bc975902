//! What is known of the tags that environments pin: whether it is young enough, and how it enters a fingerprint.
//!
//! Comes in: answers of remotes, as earlier runs kept them, read through the observer. Goes out: fields, the reason to
//! ask again, the time within which a compiled plan may answer instead, and what `--offline` leaves unasked. No remote
//! is asked here: the action of `verify` does that.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::premises::Premises;
use super::reason::RunReason;
use crate::base::{FileError, duration_text, printable};
use crate::ledger::{Answer, Freshness, answer_place, max_age};
use crate::model::{EnvironmentId, PinReference};

/// How long a compiled plan answers that tells the age of something.
const TELLING: Duration = Duration::from_mins(1);

/// Urls that a notice names.
const NAMED: usize = 3;

/// The remotes whose tags an environment pins, each once.
#[must_use]
pub(crate) fn pinned_remotes(premises: &Premises, id: EnvironmentId) -> BTreeSet<&str> {
    pinned_tags(premises, id).map(|(_, _, git)| git).collect()
}

/// How old answers may be for a task that is or is not forced.
#[must_use]
pub(crate) fn freshness(premises: &Premises, forced: bool) -> Freshness {
    if premises.wishes.offline {
        return Freshness::Offline;
    }
    let age = if forced { Duration::ZERO } else { max_age(&premises.model, premises.local.as_ref()) };
    Freshness::Since(premises.began.checked_sub(age).unwrap_or(UNIX_EPOCH))
}

/// What remotes say of the tags that the environment pins, as fields of a fingerprint.
pub(super) fn fields(premises: &Premises, id: EnvironmentId) -> Result<BTreeMap<String, String>, FileError> {
    let known = known(premises, id)?;
    let field = |(package, tag, git): (&str, &str, &str)| {
        let answer = known.get(git).and_then(Option::as_ref);
        let now = answer.map_or("not asked", |answer| {
            answer.tags.get(tag).map_or("not there", |found| found.peeled.as_str())
        });
        (field_name(package, tag), now.to_owned())
    };
    Ok(pinned_tags(premises, id).map(field).collect())
}

/// The names of the fields that an answer may change.
#[must_use]
pub(crate) fn field_names(premises: &Premises, id: EnvironmentId) -> Vec<String> {
    pinned_tags(premises, id).map(|(package, tag, _)| field_name(package, tag)).collect()
}

fn field_name(package: &str, tag: &str) -> String {
    format!("{package} {tag} at its remote")
}

/// Why remotes have to be asked although nothing else has changed.
pub(super) fn reason_to_ask(premises: &Premises, id: EnvironmentId) -> Result<Option<RunReason>, FileError> {
    let freshness = freshness(premises, false);
    let known = known(premises, id)?;
    let old = known.values().filter(|answer| !answer.as_ref().is_some_and(|answer| freshness.allows(answer)));
    let ages: Vec<Option<Duration>> = old.map(|answer| answer.as_ref().and_then(Answer::age)).collect();
    let oldest = ages.iter().copied().collect::<Option<Vec<_>>>().and_then(|ages| ages.into_iter().max());
    Ok((!ages.is_empty()).then(|| RunReason::TagsOld { seconds: oldest.map(|age| age.as_secs()) }))
}

/// The time within which the answers that these environments rest on are believed; `None`: they rest on none, and
/// nothing ends that.
pub(crate) fn believed(
    premises: &Premises,
    environments: &[EnvironmentId],
) -> Result<Option<Range<SystemTime>>, FileError> {
    let mut within: Option<Range<SystemTime>> = None;
    let age = max_age(&premises.model, premises.local.as_ref());
    for id in environments {
        for answer in known(premises, *id)?.into_values() {
            let asked = answer.map_or(UNIX_EPOCH, |answer| answer.asked);
            let (from, until) = if premises.wishes.offline {
                // What is told of ages soon is another text.
                (premises.began, premises.began + TELLING)
            } else {
                (asked, asked + age)
            };
            within = Some(match within {
                None => from..until,
                Some(before) => before.start.max(from)..before.end.min(until),
            });
        }
    }
    Ok(within)
}

/// What `--offline` leaves unasked, in a line for each environment.
pub(crate) fn unasked(premises: &Premises, environments: &[EnvironmentId]) -> Result<Vec<String>, FileError> {
    let mut lines = Vec::new();
    for id in environments.iter().filter(|_| premises.wishes.offline) {
        let known = known(premises, *id)?;
        let told = |(git, answer): (&&str, &Option<Answer>)| {
            let age = answer.as_ref().map(|answer| answer.age().map(duration_text));
            let age = match age {
                None => "never asked".to_owned(),
                Some(None) => "asked at an unknown time".to_owned(),
                Some(Some(age)) => format!("asked {age} ago"),
            };
            format!("{} ({age})", printable(git))
        };
        let mut named: Vec<String> = known.iter().take(NAMED).map(told).collect();
        if known.len() > NAMED {
            named.push(format!("{} more", known.len() - NAMED));
        }
        if !named.is_empty() {
            let name = &premises.model.environment(*id).name.value;
            lines.push(format!("`{name}`: no remote was asked whether tags moved: {}", named.join(", ")));
        }
    }
    Ok(lines)
}

/// The kept answers of the remotes whose tags an environment pins.
fn known(premises: &Premises, id: EnvironmentId) -> Result<BTreeMap<&str, Option<Answer>>, FileError> {
    let state = premises.state();
    let read = |git| {
        let bytes = premises.observer.read(&answer_place(&state, git))?;
        Ok((git, bytes.and_then(|bytes| Answer::parse(&bytes, git))))
    };
    pinned_remotes(premises, id).into_iter().map(read).collect()
}

/// Package, tag and remote of each pin by tag.
fn pinned_tags(premises: &Premises, id: EnvironmentId) -> impl Iterator<Item = (&str, &str, &str)> {
    let participants = &premises.model.environment(id).packages;
    participants.iter().filter_map(|participant| {
        let package = premises.model.package(participant.package);
        let git = package.git.as_ref()?.value.as_str();
        match &participant.pin.as_ref()?.reference {
            PinReference::Tag(tag) => Some((package.name.value.as_str(), tag.as_str(), git)),
            PinReference::Rev(_) => None,
        }
    })
}
