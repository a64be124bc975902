//! What the packages' remotes said of their tags, kept with the time at which they were asked.
//!
//! In: urls, and how old an answer may be. Out: for each url its tags, or why they are not known. One `git ls-remote`
//! for each remote that has to be asked, side by side; nothing ever prompts. Answers lie in `.envloom/cache/tags`,
//! a file for each remote, and may go at any time.
//!
//! Judging what an answer means (a tag that moved or is gone, a newer release) is the caller's. The clock is the wall's:
//! an answer of the future has no age and is never believed to be fresh.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::repository::Progress;
use crate::base::{Digest, FileError, read_if_exists, side_by_side, write_cached};
use crate::model::{LocalModel, Model};
use crate::tool::ToolError;
use crate::tool::git::{Git, TagRef};

/// How long an answer is believed where neither `tasks.kdl` nor `tasks.local.kdl` says.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The form of a kept answer. Another one is none.
const FORMAT: u32 = 1;

/// How old an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It was given at or after this moment; else the remote is asked.
    Since(SystemTime),
    /// As old as it is: no remote is asked.
    Offline,
}

/// How remotes are asked.
pub(crate) struct Asking<'a> {
    /// `.envloom`, absolute.
    pub(crate) state: &'a Path,
    /// How old answers may be.
    pub(crate) freshness: Freshness,
    /// Finds git, where a remote has to be asked.
    pub(crate) git: &'a dyn Fn() -> Result<Git, ToolError>,
    /// Told before a remote is asked; from several threads at once.
    pub(crate) progress: &'a (dyn Fn(Progress<'_>) + Sync),
}

/// The tags of a remote, and when it named them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Every tag that can be pinned, by name.
    pub(crate) tags: BTreeMap<String, TagRef>,
    /// When it was asked.
    pub(crate) asked: SystemTime,
}

/// What is known of a remote.
#[derive(Debug)]
pub(crate) enum Told {
    /// Its tags.
    Known(Answer),
    /// It was never asked, and may not be now.
    NotAsked,
    /// It was asked and gave no answer.
    Failed(ToolError),
}

/// What is known of several remotes.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// By url.
    pub(crate) told: BTreeMap<String, Told>,
    /// Why an answer could not be kept: the next call asks again.
    pub(crate) unkept: Option<FileError>,
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    git: String,
    /// Microseconds since 1970.
    asked: u64,
    tags: BTreeMap<String, TagRef>,
}

impl Freshness {
    /// Answers not older than `age`.
    #[must_use]
    pub(crate) fn within(age: Duration) -> Self {
        Self::Since(SystemTime::now().checked_sub(age).unwrap_or(UNIX_EPOCH))
    }

    /// Does that answer do?
    #[must_use]
    pub(crate) fn allows(self, answer: &Answer) -> bool {
        match self {
            Self::Since(moment) => answer.asked >= moment && answer.age().is_some(),
            Self::Offline => true,
        }
    }
}

impl Answer {
    /// How old it is; `None`: its time lies in the future.
    #[must_use]
    pub(crate) fn age(&self) -> Option<Duration> {
        SystemTime::now().duration_since(self.asked).ok()
    }

    /// Reads a kept answer of `url`; `None` where it is damaged, of another form or of another remote.
    #[must_use]
    pub(crate) fn parse(bytes: &[u8], url: &str) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(bytes).ok()?;
        let asked = UNIX_EPOCH.checked_add(Duration::from_micros(kept.asked))?;
        (kept.format == FORMAT && kept.git == url).then_some(Self { tags: kept.tags, asked })
    }
}

/// How long answers are believed.
#[must_use]
pub(crate) fn max_age(model: &Model, local: Option<&LocalModel>) -> Duration {
    local.and_then(|local| local.max_age).or(model.max_age).unwrap_or(MAX_AGE)
}

/// Where the answer of `url` is kept, below `.envloom`.
#[must_use]
pub(crate) fn answer_place(state: &Path, url: &str) -> PathBuf {
    state.join("cache/tags").join(format!("{}.json", Digest::of(url)))
}

/// The tags of `remotes`, each asked at most once and only where what is kept is too old.
///
/// # Errors
/// When a remote has to be asked and there is no git, or when envloom is told to end meanwhile. What keeps one remote from answering is in its [`Told`].
pub(crate) fn tags_of(remotes: &[&str], asking: &Asking<'_>) -> Result<Asked, ToolError> {
    let mut asked = Asked::default();
    let mut to_ask = Vec::new();
    for &url in remotes {
        // What cannot be read is asked for again.
        let kept = read_if_exists(&answer_place(asking.state, url)).ok().flatten();
        let answer = kept.and_then(|bytes| Answer::parse(&bytes, url));
        let told = match answer.filter(|answer| asking.freshness.allows(answer)) {
            Some(answer) => Told::Known(answer),
            None => Told::NotAsked,
        };
        let is_new = asked.told.insert(url.to_owned(), told).is_none();
        if is_new && asking.freshness != Freshness::Offline && matches!(asked.told[url], Told::NotAsked) {
            to_ask.push(url);
        }
    }
    if to_ask.is_empty() {
        return Ok(asked);
    }
    let git = (asking.git)()?;
    let progress = asking.progress;
    let answers = side_by_side(&to_ask, |url| {
        progress(Progress::Asking { git: url });
        // Before the question: a tag that moves meanwhile must not count as seen.
        let moment = SystemTime::now();
        git.remote_tags(url).map(|tags| Answer { tags, asked: moment })
    });
    for (url, answer) in to_ask.into_iter().zip(answers) {
        let told = match answer {
            Ok(answer) => {
                asked.unkept = keep(asking.state, url, &answer).err().or(asked.unkept);
                Told::Known(answer)
            }
            Err(error @ ToolError::Interrupted { .. }) => return Err(error),
            Err(error) => Told::Failed(error),
        };
        asked.told.insert(url.to_owned(), told);
    }
    Ok(asked)
}

fn keep(state: &Path, url: &str, answer: &Answer) -> Result<(), FileError> {
    let since = answer.asked.duration_since(UNIX_EPOCH).unwrap_or_default();
    let asked = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
    let kept = Kept { format: FORMAT, git: url.to_owned(), asked, tags: answer.tags.clone() };
    let place = answer_place(state, url);
    let bytes = serde_json::to_vec(&kept)
        .map_err(|cause| FileError::new("write", &place, std::io::Error::other(cause)))?;
    write_cached(&place, &bytes)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Mutex;

    use super::*;
    use crate::ledger::testing::Place;

    const URL: &str = "https://git.example.com/vlm/bench-utils.git";
    const HOUR: Duration = Duration::from_hours(1);

    /// The answers, the remotes that were asked, and how often git was looked for.
    fn ask(place: &Place, freshness: Freshness, remotes: &[&str]) -> (Asked, Vec<String>, usize) {
        let (asked, found) = (Mutex::new(Vec::new()), Cell::new(0));
        let state = place.root().join(".envloom");
        let tell = |progress: Progress<'_>| {
            if let Progress::Asking { git } = progress {
                asked.lock().unwrap().push(git.to_owned());
            }
        };
        let find = || {
            found.set(found.get() + 1);
            Ok(place.git())
        };
        let asking = Asking { state: &state, freshness, git: &find, progress: &tell };
        let answer = tags_of(remotes, &asking).unwrap();
        (answer, asked.into_inner().unwrap(), found.get())
    }

    fn names(asked: &Asked, url: &str) -> Vec<String> {
        match &asked.told[url] {
            Told::Known(answer) => answer.tags.keys().cloned().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_remote_is_asked_once_while_its_answer_is_young() {
        let place = Place::new();
        let commit = place.release("bench-utils", "v0.1.2", &[("pyproject.toml", "")]);
        let (offline, asked, found) = ask(&place, Freshness::Offline, &[URL]);
        assert!(matches!(offline.told[URL], Told::NotAsked) && asked.is_empty() && found == 0);
        let (first, asked, found) = ask(&place, Freshness::within(HOUR), &[URL, URL]);
        assert_eq!((asked, found), (vec![URL.to_owned()], 1));
        let Told::Known(answer) = &first.told[URL] else { panic!("{first:?}") };
        assert_eq!(answer.tags["v0.1.2"].peeled.as_str(), commit);
        place.release("bench-utils", "v0.1.3", &[("pyproject.toml", "")]);
        for freshness in [Freshness::within(HOUR), Freshness::Offline] {
            let (second, asked, found) = ask(&place, freshness, &[URL]);
            assert!(asked.is_empty() && found == 0);
            assert_eq!(names(&second, URL), ["v0.1.2"]);
        }
        let (third, asked, _) = ask(&place, Freshness::Since(SystemTime::now()), &[URL]);
        assert_eq!((names(&third, URL).len(), asked.len()), (2, 1));
    }

    #[test]
    fn an_answer_of_the_future_is_asked_for_again() {
        let place = Place::new();
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", "")]);
        let state = place.root().join(".envloom");
        let answer = Answer { tags: BTreeMap::new(), asked: SystemTime::now() + HOUR };
        keep(&state, URL, &answer).unwrap();
        let (offline, ..) = ask(&place, Freshness::Offline, &[URL]);
        assert!(names(&offline, URL).is_empty());
        let (asked, ..) = ask(&place, Freshness::within(HOUR), &[URL]);
        assert_eq!(names(&asked, URL), ["v0.1.2"]);
    }

    #[test]
    fn a_damaged_answer_and_that_of_another_remote_are_none() {
        let answer = serde_json::json!({ "format": 1, "git": URL, "asked": 5, "tags": {} }).to_string();
        assert!(Answer::parse(answer.as_bytes(), URL).is_some());
        assert!(Answer::parse(answer.as_bytes(), "https://git.example.com/x.git").is_none());
        for end in 0..answer.len() {
            assert!(Answer::parse(&answer.as_bytes()[..end], URL).is_none());
        }
        let later = answer.replace("\"format\":1", "\"format\":2");
        assert!(Answer::parse(later.as_bytes(), URL).is_none());
        let far = answer.replace("\"asked\":5", "\"asked\":18446744073709551615");
        assert!(Answer::parse(far.as_bytes(), URL).is_none_or(|answer| answer.age().is_none()));
        let no_commit = answer.replace("{}", "{\"v1\":{\"object\":\"x\",\"peeled\":\"y\"}}");
        assert!(Answer::parse(no_commit.as_bytes(), URL).is_none());
    }

    #[test]
    fn a_remote_that_does_not_answer_keeps_no_other_from_answering() {
        let place = Place::new();
        place.release("bench-utils", "v0.1.2", &[("pyproject.toml", "")]);
        let gone = "https://git.example.com/vlm/gone.git";
        let (asked, ..) = ask(&place, Freshness::within(HOUR), &[gone, URL]);
        assert!(matches!(asked.told[gone], Told::Failed(_)), "{asked:?}");
        assert_eq!(names(&asked, URL), ["v0.1.2"]);
    }
}
