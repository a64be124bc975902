//! The compiled plan: a call that found everything up to date, with all it rested on.
//!
//! The plan of one call (its words, its directory, the variables it depends on) lists every path that was
//! read, listed or found absent, each with its stamp. While all of them hold, nothing that the call would
//! decide can have changed, and it is answered without parsing KDL, TOML or a lockfile and without starting
//! a program.
//!
//! # Of a part
//! Where one file of many has changed, most tasks are as they were. So a plan also holds what each own task that was up
//! to date rested on by itself, and, apart from that, what the call had looked at before it decided any task: the
//! ground, from which the tasks' declarations follow. A call that finds the same ground ([`Part::has_ground`], by what it
//! has itself looked at, so that nothing can change in between) declares the same tasks, and those are up to date whose
//! own looks hold. A run that has run something leaves such a plan too, for the tasks it found up to date.

use std::collections::{BTreeMap, BTreeSet};
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
    /// When it holds as a whole; `None`: whenever all else does.
    within: Option<Range<SystemTime>>,
    /// Was everything up to date?
    is_whole: bool,
    /// What it rests on. A path may stand there in two states, of which one does not hold.
    stamps: Vec<(PathBuf, Stamp)>,
    /// What of it was looked at before any task was decided.
    ground: Vec<usize>,
    /// What of it each own task rested on.
    rests: BTreeMap<String, Places>,
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
        Self {
            targets,
            by_default,
            tasks,
            notices,
            within: None,
            is_whole: true,
            stamps,
            ground: Vec::new(),
            rests: BTreeMap::new(),
            variables: Vec::new(),
        }
    }

    /// The plan, holding as a whole at these times only.
    #[must_use]
    pub(crate) fn within(self, within: Option<Range<SystemTime>>) -> Self {
        Self { within, ..self }
    }

    /// A plan of a call that has run something: it says nothing but what its parts say.
    #[must_use]
    pub(crate) fn of_parts() -> Self {
        let plan = Self::new(Vec::new(), false, Vec::new(), Vec::new(), Observation::new());
        Self { is_whole: false, ..plan }
    }

    /// The plan, with what its call looked at before any task, and what each own task rested on.
    #[must_use]
    pub(crate) fn with_parts(mut self, ground: Observation, rests: BTreeMap<String, Rest>) -> Self {
        let mut places: BTreeMap<PathBuf, Vec<usize>> = BTreeMap::new();
        for (place, (path, _)) in self.stamps.iter().enumerate() {
            places.entry(path.clone()).or_default().push(place);
        }
        let stamps = &mut self.stamps;
        let mut place_of = |(path, stamp): (PathBuf, Stamp)| {
            let known = places.entry(path.clone()).or_default();
            known.iter().copied().find(|place| stamps[*place].1 == stamp).unwrap_or_else(|| {
                known.push(stamps.len());
                stamps.push((path, stamp));
                stamps.len() - 1
            })
        };
        self.ground = ground.into_iter().map(&mut place_of).collect();
        self.rests = rests
            .into_iter()
            .map(|(task, rest)| (task, (rest.seen.into_iter().map(&mut place_of).collect(), rest.keys)))
            .collect();
        self
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
    fn holds_with(&self, now: &Variables) -> bool {
        self.variables.iter().all(|(name, value)| value_of(name, now) == *value)
    }

    /// The stored plan of that call, if the variables it rests on are as they were: what of it still holds.
    #[must_use]
    pub(crate) fn load(directory: &Path, key: PlanKey, now: &Variables) -> Option<Answer> {
        let bytes = read_if_exists(&path(directory, key)).ok()??;
        // The digest in front keeps a damaged file from being taken for a plan that says less.
        let (digest, body) = bytes.split_at_checked(64)?;
        if Digest::of(body).to_string().as_bytes() != digest {
            return None;
        }
        let mut plan: Self = postcard::from_bytes(body).ok()?;
        if !plan.holds_with(now) {
            return None;
        }
        // Before any stat: what is old enough by this clock was so when it was looked at.
        let looked = SystemTime::now();
        let holds: Vec<bool> = plan.stamps.iter().map(|(path, stamp)| stamp.holds(path)).collect();
        let is_in_time = plan.within.as_ref().is_none_or(|within| within.contains(&looked));
        if !plan.is_whole || !is_in_time || holds.contains(&false) {
            return plan.part(&holds).map(Answer::Part);
        }
        if plan.settle(looked) {
            // A plan that cannot be kept costs the next call a look at the contents again.
            let _ = plan.save(directory, key);
        }
        Some(Answer::Whole(plan))
    }

    /// The tasks whose looks hold, if there are any. `None` also of a damaged plan.
    fn part(self, holds: &[bool]) -> Option<Part> {
        let of = |places: &[usize]| -> Option<Observation> {
            places.iter().map(|place| self.stamps.get(*place).cloned()).collect()
        };
        let ground = of(&self.ground)?;
        let is_held = |places: &[usize]| places.iter().all(|place| holds.get(*place) == Some(&true));
        let held = self.rests.iter().filter(|(_, (places, _))| is_held(places));
        let held = held.map(|(task, (places, keys))| {
            Some((task.clone(), Rest { seen: of(places)?, keys: keys.clone() }))
        });
        let held: BTreeMap<String, Rest> = held.collect::<Option<_>>()?;
        let variables = self.variables.into_iter().map(|(name, _)| name).collect();
        (!held.is_empty()).then_some(Part { ground, held, variables })
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

/// What an own task was up to date with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rest {
    /// What was looked at for it alone.
    pub(crate) seen: Observation,
    /// What it uses in the store of outputs.
    pub(crate) keys: BTreeSet<Digest>,
}

/// A [`Rest`] whose looks are places in a plan's stamps.
type Places = (Vec<usize>, BTreeSet<Digest>);

/// What a stored plan still says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All of it.
    Whole(CompiledPlan),
    /// Something has changed, or was not up to date.
    Part(Part),
}

/// What a plan says of single tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// What its call had looked at before any task.
    ground: Observation,
    /// The own tasks that are up to date, each with what that rests on.
    pub(crate) held: BTreeMap<String, Rest>,
    /// The variables that something rests on and that only a file names.
    pub(crate) variables: Vec<String>,
}

impl Part {
    /// Does a call that has looked at `now` before any task stand on the same ground?
    #[must_use]
    pub(crate) fn has_ground(&self, now: &Observation) -> bool {
        self.ground.len() == now.len()
            && self
                .ground
                .iter()
                .zip(now)
                .all(|((path, then), (same, now))| path == same && now.is_what_was(then, path))
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

    /// The plan, if all of it holds.
    fn whole(directory: &Path, key: PlanKey) -> Option<CompiledPlan> {
        match CompiledPlan::load(directory, key, &Variables::new())? {
            Answer::Whole(plan) => Some(plan),
            Answer::Part(_) => None,
        }
    }

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
        assert_eq!(whole(&plans, key), Some(plan.clone()));
        assert_eq!(whole(&plans, PlanKey::new([("words", b"lock".as_slice())])), None);
        fs::write(&absent, "").unwrap();
        assert_eq!(whole(&plans, key), None);
        fs::remove_file(&absent).unwrap();
        assert_eq!(whole(&plans, key), Some(plan));
        fs::write(&file, "b").unwrap();
        assert_eq!(whole(&plans, key), None);
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
        assert_eq!(whole(root.path(), key), Some(plan));
        fs::write(&file, "bbbbb").unwrap();
        assert_eq!(whole(root.path(), key), None);
    }

    #[test]
    fn of_a_plan_that_does_not_hold_the_tasks_that_rest_on_nothing_else_do() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str| root.path().join(name);
        let look = |names: &[&str]| {
            let observer = Observer::new();
            for name in names {
                observer.read(&file(name)).unwrap();
            }
            observer.seen()
        };
        for name in ["tasks.kdl", "a", "b"] {
            fs::write(file(name), name).unwrap();
        }
        let rests = [("one", &["a", "absent"][..]), ("other", &["b"]), ("both", &["a", "b"]), ("alias", &[])];
        let rests = rests.map(|(task, names)| {
            (task.to_owned(), Rest { seen: look(names), keys: BTreeSet::from([Digest::of(task)]) })
        });
        let plan = CompiledPlan::of_parts().with_parts(look(&["tasks.kdl"]), rests.clone().into());
        let (plans, key, variables) = (file("plans"), PlanKey::new([]), Variables::new());
        plan.save(&plans, key).unwrap();
        let part = || match CompiledPlan::load(&plans, key, &variables) {
            Some(Answer::Part(part)) => part,
            other => panic!("{other:?}"),
        };
        let held = || part().held.into_keys().collect::<Vec<_>>();
        assert_eq!(part().held, rests.into());
        // As long as before, and at the same time.
        let modified = fs::metadata(file("b")).unwrap().modified().unwrap();
        fs::write(file("b"), "c").unwrap();
        fs::File::options().write(true).open(file("b")).unwrap().set_modified(modified).unwrap();
        assert_eq!(held(), ["alias", "one"]);
        fs::write(file("absent"), "").unwrap();
        assert_eq!(held(), ["alias"]);
        fs::remove_file(file("absent")).unwrap();
        // A link to the same bytes is another file.
        fs::write(file("c"), "a").unwrap();
        fs::remove_file(file("a")).unwrap();
        std::os::unix::fs::symlink("c", file("a")).unwrap();
        assert_eq!(held(), ["alias"]);
        // The ground is what the call itself has looked at, not what is there when the plan is read.
        let (same, less) = (look(&["tasks.kdl"]), look(&[]));
        assert!(part().has_ground(&same) && !part().has_ground(&less));
        fs::write(file("tasks.kdl"), "KASTS.kdl").unwrap();
        assert!(part().has_ground(&same) && !part().has_ground(&look(&["tasks.kdl"])));
        let settled =
            same.values().map(|stamp| stamp.settled(SystemTime::now() + Duration::from_mins(1)).unwrap());
        let settled: Observation = same.keys().cloned().zip(settled).collect();
        // It was young then: only its content tells, and that is another.
        assert!(!part().has_ground(&settled));
        let plan = CompiledPlan::of_parts()
            .with_parts(settled.clone(), BTreeMap::from([("t".into(), Rest::default())]));
        plan.save(&plans, key).unwrap();
        // By a clock that was put back it is young again.
        assert!(part().has_ground(&settled) && !part().has_ground(&same));
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
            assert_eq!(whole(root.path(), key).is_some(), holds);
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
        assert!(whole(root.path(), key).is_some());
        assert!(!root.path().join("1.plan").exists() && root.path().join("2.plan").exists());
    }

    #[test]
    fn no_flipped_bit_passes_for_a_plan() {
        let root = tempfile::tempdir().unwrap();
        let key = PlanKey::new([]);
        let plan =
            CompiledPlan::new(Vec::new(), false, vec!["check:dev".into()], Vec::new(), Observation::new());
        plan.save(root.path(), key).unwrap();
        let stored = fs::read(path(root.path(), key)).unwrap();
        for bit in 0..stored.len() * 8 {
            let mut damaged = stored.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(path(root.path(), key), &damaged).unwrap();
            assert_eq!(whole(root.path(), key), None, "bit {bit}");
        }
    }
}
