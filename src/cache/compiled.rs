//! The compiled plan: a call that found everything up to date, with all it rested on.
//!
//! The plan of one call (its words, its directory, the variables it depends on) lists every path that was
//! read, listed or found absent, each with its stamp. While all of them hold, nothing that the call would
//! decide can have changed, and it is answered without parsing KDL, TOML or a lockfile and without starting
//! a program.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::observe::Observation;
use super::stamp::Stamp;
use crate::base::{Digest, FileError, Hasher, read_if_exists, write_cached};
use crate::tool::variables::Variables;

/// The form of a stored plan, together with the program's version: a new envloom decides anew.
const FORMAT: &str = concat!("envloom plan 4 ", env!("CARGO_PKG_VERSION"));

/// How many plans are kept.
const MOST: usize = 200;

/// Which call a plan belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlanKey(Digest);

impl PlanKey {
    /// Of everything outside the file system that a call depends on, as `(name, value)` in a fixed order.
    pub(crate) fn new<'a>(inputs: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut hasher = Hasher::new(FORMAT);
        for (name, value) in inputs {
            hasher.field(name).field(value);
        }
        Self(hasher.finish())
    }

    /// A file of that call's in the directory of plans.
    pub(super) fn file(self, plans: &Path, kind: &str) -> PathBuf {
        plans.join(format!("{}.{kind}", self.0))
    }
}

/// A line that stops nothing: code, message, what to type.
pub(crate) type Notice = (String, String, Option<String>);

/// What a call found, and what that rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CompiledPlan {
    /// The targets, as typed or as `default` gives them.
    pub(crate) targets: Vec<String>,
    /// Did `default` give them?
    pub(crate) by_default: bool,
    /// The tasks that were up to date.
    pub(crate) tasks: Vec<String>,
    /// What the call gave notice of, and must again.
    pub(crate) notices: Vec<Notice>,
    /// When it holds; `None`: whenever all else does.
    within: Option<Range<SystemTime>>,
    /// What it rests on, sorted by path.
    stamps: Vec<(PathBuf, Stamp)>,
    /// Variables that only a file names, each with the digest of its value.
    variables: Vec<(String, Option<Digest>)>,
}

impl CompiledPlan {
    /// A plan that rests on `seen`.
    #[must_use]
    pub(crate) fn new(
        targets: Vec<String>,
        by_default: bool,
        tasks: Vec<String>,
        notices: Vec<Notice>,
        seen: Observation,
    ) -> Self {
        let stamps = seen.into_iter().collect();
        Self { targets, by_default, tasks, notices, within: None, stamps, variables: Vec::new() }
    }

    /// The plan, holding at these times only.
    #[must_use]
    pub(crate) fn within(self, within: Option<Range<SystemTime>>) -> Self {
        Self { within, ..self }
    }

    /// The plan, resting on these variables as they are now besides.
    #[must_use]
    pub(crate) fn with_variables(mut self, names: BTreeSet<String>, now: &Variables) -> Self {
        self.variables = names
            .into_iter()
            .map(|name| {
                let value = value_of(&name, now);
                (name, value)
            })
            .collect();
        self
    }

    /// Are the variables that it rests on as they were?
    #[must_use]
    pub(crate) fn holds_with(&self, now: &Variables) -> bool {
        self.variables.iter().all(|(name, value)| value_of(name, now) == *value)
    }

    /// The stored plan of that call, if all it rests on still holds.
    #[must_use]
    pub(crate) fn load(directory: &Path, key: PlanKey) -> Option<Self> {
        let bytes = read_if_exists(&path(directory, key)).ok()??;
        // The digest in front keeps a damaged file from being taken for a plan that says less.
        let (digest, body) = bytes.split_at_checked(64)?;
        if Digest::of(body).to_string().as_bytes() != digest {
            return None;
        }
        let mut plan: Self = postcard::from_bytes(body).ok()?;
        // Before any stat: what is old enough by this clock was so when it was looked at.
        let looked = SystemTime::now();
        if plan.within.as_ref().is_some_and(|within| !within.contains(&looked)) {
            return None;
        }
        if !plan.stamps.iter().all(|(path, stamp)| stamp.holds(path)) {
            return None;
        }
        if plan.settle(looked) {
            // A plan that cannot be kept costs the next call a look at the contents again.
            let _ = plan.save(directory, key);
        }
        Some(plan)
    }

    /// Whether any stamp could be replaced by one that is cheaper to check.
    fn settle(&mut self, looked: SystemTime) -> bool {
        let mut any = false;
        for (_, stamp) in &mut self.stamps {
            if let Some(settled) = stamp.settled(looked) {
                *stamp = settled;
                any = true;
            }
        }
        any
    }

    /// Keeps the plan for the next call.
    ///
    /// # Errors
    /// When it cannot be written; the caller warns and goes on.
    pub(crate) fn save(&self, directory: &Path, key: PlanKey) -> Result<(), FileError> {
        let path = path(directory, key);
        let body = postcard::to_stdvec(self)
            .map_err(|cause| FileError::new("write", &path, std::io::Error::other(cause)))?;
        let mut bytes = Digest::of(&body).to_string().into_bytes();
        bytes.extend(body);
        write_cached(&path, &bytes)?;
        forget_oldest(directory);
        Ok(())
    }
}

/// Keeps the directory from growing with every change of a variable: of more than [`MOST`] plans the oldest go. One that
/// cannot be removed is in nobody's way.
fn forget_oldest(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let written = |entry: &DirEntry| entry.metadata().and_then(|metadata| metadata.modified()).ok();
    let plans = entries.filter(|entry| entry.path().extension() == Some(OsStr::new("plan")));
    let mut plans: Vec<_> = plans.map(|entry| (written(&entry), entry.path())).collect();
    plans.sort_unstable();
    for (_, oldest) in plans.iter().take(plans.len().saturating_sub(MOST)) {
        drop((fs::remove_file(oldest), fs::remove_file(oldest.with_extension("uses"))));
    }
}

/// The digest of a variable's value: it may be a secret.
fn value_of(name: &str, variables: &Variables) -> Option<Digest> {
    variables.get(OsStr::new(name)).map(|value| Digest::of(value.as_encoded_bytes()))
}

fn path(directory: &Path, key: PlanKey) -> PathBuf {
    key.file(directory, "plan")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Observer;
    use std::time::Duration;

    #[test]
    fn a_plan_holds_until_anything_it_saw_changes() {
        let root = tempfile::tempdir().unwrap();
        let (file, absent) = (root.path().join("tasks.kdl"), root.path().join("uv.toml"));
        fs::write(&file, "a").unwrap();
        let observer = Observer::new();
        observer.read(&file).unwrap();
        observer.read(&absent).unwrap();
        let key = PlanKey::new([("words", b"check".as_slice())]);
        let plan = CompiledPlan::new(
            vec!["check".into()],
            false,
            vec!["check:dev".into()],
            Vec::new(),
            observer.seen(),
        );
        let plans = root.path().join("plans");
        plan.save(&plans, key).unwrap();
        assert_eq!(CompiledPlan::load(&plans, key), Some(plan.clone()));
        assert_eq!(CompiledPlan::load(&plans, PlanKey::new([("words", b"lock".as_slice())])), None);
        fs::write(&absent, "").unwrap();
        assert_eq!(CompiledPlan::load(&plans, key), None);
        fs::remove_file(&absent).unwrap();
        assert_eq!(CompiledPlan::load(&plans, key), Some(plan));
        fs::write(&file, "b").unwrap();
        assert_eq!(CompiledPlan::load(&plans, key), None);
    }

    #[test]
    fn a_plan_that_holds_settles_and_still_notices_every_change() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("uv.lock");
        fs::write(&file, "aaaa").unwrap();
        let observer = Observer::new();
        observer.read(&file).unwrap();
        let mut plan = CompiledPlan::new(Vec::new(), false, Vec::new(), Vec::new(), observer.seen());
        assert!(!plan.settle(SystemTime::now()));
        assert!(plan.settle(SystemTime::now() + Duration::from_mins(1)));
        assert!(!plan.settle(SystemTime::now() + Duration::from_mins(1)));
        let key = PlanKey::new([]);
        plan.save(root.path(), key).unwrap();
        assert_eq!(CompiledPlan::load(root.path(), key), Some(plan));
        fs::write(&file, "bbbbb").unwrap();
        assert_eq!(CompiledPlan::load(root.path(), key), None);
    }

    #[test]
    fn a_plan_holds_within_its_time_only() {
        let root = tempfile::tempdir().unwrap();
        let key = PlanKey::new([]);
        let (now, hour) = (SystemTime::now(), Duration::from_hours(1));
        for (within, holds) in [
            (now - hour..now + hour, true),
            (now - hour..now - hour / 2, false),
            (now + hour..now + 2 * hour, false),
        ] {
            let plan = CompiledPlan::new(Vec::new(), false, Vec::new(), Vec::new(), Observation::new());
            plan.within(Some(within)).save(root.path(), key).unwrap();
            assert_eq!(CompiledPlan::load(root.path(), key).is_some(), holds);
        }
    }

    #[test]
    fn of_many_plans_the_oldest_go() {
        let root = tempfile::tempdir().unwrap();
        for at in 0..=MOST {
            let file = fs::File::create(root.path().join(format!("{at}.plan"))).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(at as u64)).unwrap();
        }
        let key = PlanKey::new([]);
        CompiledPlan::new(Vec::new(), false, Vec::new(), Vec::new(), Observation::new())
            .save(root.path(), key)
            .unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), MOST);
        assert!(CompiledPlan::load(root.path(), key).is_some());
        assert!(!root.path().join("1.plan").exists() && root.path().join("2.plan").exists());
    }

    #[test]
    fn no_flipped_bit_passes_for_a_plan() {
        let root = tempfile::tempdir().unwrap();
        let key = PlanKey::new([]);
        let plan =
            CompiledPlan::new(Vec::new(), false, vec!["check:dev".into()], Vec::new(), Observation::new());
        plan.save(root.path(), key).unwrap();
        let whole = fs::read(path(root.path(), key)).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(path(root.path(), key), &damaged).unwrap();
            assert_eq!(CompiledPlan::load(root.path(), key), None, "bit {bit}");
        }
    }
}
