//! The scheduler's laws, on random graphs and on gates. A gate is a channel: nothing here sleeps or
//! measures time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::time::Duration;

use proptest::prelude::*;
use rustix::process::Signal;

use super::coordinator::execute_wired;
use super::spec::MessageOf;
use super::*;
use crate::exec::error::ExecError;
use crate::exec::groups::{Groups, Standing};
use crate::exec::jobserver::{Jobserver, Token};
use crate::exec::locks::{Attempt, LockGuard, Locks};
use crate::exec::run_id::RunId;
use crate::exec::signals::SignalEvent;

/// What a fake task does.
type Act<'a> = Box<dyn Fn(TaskIndex, &Context<'_, Fake<'a>>) -> Result<(), String> + Sync + 'a>;

struct Fake<'a> {
    fresh: BTreeSet<TaskIndex>,
    act: Act<'a>,
}

struct Failure(String);

impl From<ExecError> for Failure {
    fn from(error: ExecError) -> Self {
        Self(error.to_string())
    }
}

impl Work for Fake<'_> {
    type Report = String;
    type Success = ();
    type Failure = Failure;

    fn decide(&self, task: TaskIndex) -> Result<Decision, Failure> {
        Ok(if self.fresh.contains(&task) { Decision::Fresh } else { Decision::Run })
    }

    fn run(&self, task: TaskIndex, context: &Context<'_, Self>) -> Result<(), Failure> {
        (self.act)(task, context).map_err(Failure)
    }
}

impl<'a> Fake<'a> {
    fn new(act: impl Fn(TaskIndex, &Context<'_, Fake<'a>>) -> Result<(), String> + Sync + 'a) -> Self {
        Self { fresh: BTreeSet::new(), act: Box::new(act) }
    }
}

fn tasks(after: &[&[usize]]) -> Schedule {
    let spec = |after: &&[usize]| TaskSpec {
        after: after.iter().map(|at| TaskIndex(*at)).collect(),
        ..TaskSpec::default()
    };
    Schedule { tasks: after.iter().map(spec).collect(), resources: Vec::new() }
}

fn text(event: &ScheduleEvent<Fake<'_>>) -> String {
    match event {
        ScheduleEvent::Started { task, .. } => format!("start {}", task.0),
        ScheduleEvent::Report { task, report } => format!("{} says {report}", task.0),
        ScheduleEvent::LockWaiting { task, busy, .. } => format!("{} waits for {}", task.0, busy.name),
        ScheduleEvent::Finished { task, finish: Finish::Ran(()), .. } => format!("ran {}", task.0),
        ScheduleEvent::Finished { task, finish: Finish::Fresh, .. } => format!("fresh {}", task.0),
        ScheduleEvent::Finished { task, finish: Finish::Failed(Failure(why)), .. } => {
            format!("failed {}: {why}", task.0)
        }
        ScheduleEvent::Skipped { task, because } => format!("skip {}: {because:?}", task.0),
        ScheduleEvent::NoMoreTokens { cause } => format!("no more tokens: {cause}"),
        ScheduleEvent::Interrupted { signal } => format!("interrupted by {}", signal.as_raw()),
        ScheduleEvent::Killed => "killed".to_owned(),
    }
}

/// Runs without signals and locks; gives the events and the outcome.
fn run(schedule: &Schedule, work: &Fake<'_>, options: &Options) -> (Vec<String>, Outcome) {
    run_with(schedule, work, options, None, |_| {})
}

fn run_with(
    schedule: &Schedule,
    work: &Fake<'_>,
    options: &Options,
    locks: Option<&Locks>,
    watch: impl FnMut(&str),
) -> (Vec<String>, Outcome) {
    run_beside(schedule, work, options, (locks, None), watch)
}

/// With locks and a jobserver.
fn run_beside<'a>(
    schedule: &Schedule,
    work: &Fake<'a>,
    options: &Options,
    (locks, jobserver): (Option<&Locks>, Option<&Jobserver>),
    mut watch: impl FnMut(&str),
) -> (Vec<String>, Outcome) {
    let groups = Groups::new(RunId::generate(None), None);
    let mut events = Vec::new();
    let mut sink = |event: ScheduleEvent<Fake<'a>>| {
        let event = text(&event);
        watch(&event);
        events.push(event);
    };
    let control = Control { options, groups: &groups, locks, jobserver, cancel: None };
    let outcome = execute_wired(schedule, work, control, &mut sink, |_| Ok(())).unwrap();
    (events, outcome)
}

fn jobs(jobs: usize) -> Options {
    Options { jobs, ..Options::default() }
}

/// One end waits until the other is used.
fn gate() -> (Sender<()>, Mutex<Receiver<()>>) {
    let (open, wait) = channel();
    (open, Mutex::new(wait))
}

fn pass(gate: &Mutex<Receiver<()>>) {
    gate.lock().unwrap().recv_timeout(Duration::from_secs(20)).expect("the gate was opened");
}

/// What a random run did.
#[derive(Default)]
struct Seen {
    running: usize,
    most: usize,
    in_use: BTreeMap<usize, u64>,
    runs: BTreeMap<TaskIndex, u32>,
    done: BTreeSet<TaskIndex>,
    broken: Vec<String>,
}

#[derive(Debug, Clone)]
struct Case {
    schedule: Schedule,
    failing: BTreeSet<TaskIndex>,
    fresh: BTreeSet<TaskIndex>,
    options: Options,
}

fn cases() -> impl Strategy<Value = Case> {
    let task = (
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        prop::collection::btree_map(0..3_usize, 1..4_u64, 0..3),
        0..5_u64,
        0..10_u8,
    );
    (prop::collection::vec(task, 0..40), 1..5_usize, any::<bool>()).prop_map(|(raw, jobs, keep_going)| {
        let resource =
            |(name, capacity): (&str, u64)| Resource { name: name.to_owned(), capacity, shared: false };
        let mut case = Case {
            schedule: Schedule {
                tasks: Vec::new(),
                resources: [("gpu", 3), ("sync", 2), ("venv", 1)].map(resource).into(),
            },
            failing: BTreeSet::new(),
            fresh: BTreeSet::new(),
            options: Options { jobs, keep_going, ..Options::default() },
        };
        for (at, (after, claims, seconds, luck)) in raw.into_iter().enumerate() {
            let after =
                if at == 0 { Vec::new() } else { after.iter().map(|any| TaskIndex(any.index(at))).collect() };
            let (expected, known) = (Duration::from_secs(seconds), luck == 2);
            case.schedule.tasks.push(TaskSpec { after, claims, expected, known });
            match luck {
                0 => case.failing.extend([TaskIndex(at)]),
                1 | 2 => case.fresh.extend([TaskIndex(at)]),
                _ => {}
            }
        }
        case
    })
}

fn observe(case: &Case, seen: &Mutex<Seen>, task: TaskIndex) -> Result<(), String> {
    let spec = &case.schedule.tasks[task.0];
    let amount = |at: &usize, wanted: &u64| (*wanted).min(case.schedule.resources[*at].capacity);
    {
        let mut seen = seen.lock().unwrap();
        seen.running += 1;
        seen.most = seen.most.max(seen.running);
        *seen.runs.entry(task).or_default() += 1;
        for earlier in &spec.after {
            if !seen.done.contains(earlier) && !case.fresh.contains(earlier) {
                seen.broken.push(format!("{task:?} before {earlier:?}"));
            }
        }
        for (at, wanted) in &spec.claims {
            let used = seen.in_use.entry(*at).or_default();
            *used += amount(at, wanted);
            if *used > case.schedule.resources[*at].capacity {
                seen.broken.push(format!("too much of {at}"));
            }
        }
    }
    std::thread::yield_now();
    let mut seen = seen.lock().unwrap();
    seen.running -= 1;
    for (at, wanted) in &spec.claims {
        *seen.in_use.entry(*at).or_default() -= amount(at, wanted);
    }
    if case.failing.contains(&task) {
        return Err("bad luck".to_owned());
    }
    seen.done.insert(task);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold(case in cases()) {
        let seen = Mutex::new(Seen::default());
        let mut work = Fake::new(|task, _| observe(&case, &seen, task));
        work.fresh.clone_from(&case.fresh);
        let (events, outcome) = run(&case.schedule, &work, &case.options);
        drop(work);
        let seen = seen.into_inner().unwrap();
        prop_assert!(seen.broken.is_empty(), "{:?}", seen.broken);
        prop_assert!(seen.most <= case.options.jobs);
        prop_assert!(seen.runs.values().all(|count| *count == 1));
        let ends = events.iter().filter(|event| ["ran", "fresh", "failed", "skip"].iter().any(|word| event.starts_with(word)));
        prop_assert_eq!(ends.count(), case.schedule.tasks.len());
        for (at, spec) in case.schedule.tasks.iter().enumerate() {
            let end = outcome.ends[at];
            let blocked = spec.after.iter().any(|earlier| outcome.ends[earlier.0] != TaskEnd::Done);
            let ran = seen.runs.contains_key(&TaskIndex(at));
            match end {
                TaskEnd::Done => prop_assert!(!blocked && (ran || case.fresh.contains(&TaskIndex(at)))),
                TaskEnd::Failed => prop_assert!(!blocked && ran && case.failing.contains(&TaskIndex(at))),
                TaskEnd::Skipped(Because::Failed(root)) => {
                    prop_assert!(blocked && !ran && outcome.ends[root.0] == TaskEnd::Failed);
                }
                TaskEnd::Skipped(_) => prop_assert!(!ran && !case.options.keep_going),
            }
            if case.options.keep_going {
                prop_assert_eq!(blocked, matches!(end, TaskEnd::Skipped(_)));
            }
        }
    }
}

#[test]
fn what_is_known_ends_at_once_unless_something_before_it_is_not() {
    // 0 and 1 are known; 2 is not; 3 is, but comes after 2.
    let mut schedule = tasks(&[&[1], &[], &[1], &[2]]);
    for at in [0, 1, 3] {
        schedule.tasks[at].known = true;
    }
    let asked = Mutex::new(Vec::new());
    let work = Fake::new(|task, _| {
        asked.lock().unwrap().push(task.0);
        Ok(())
    });
    let (events, outcome) = run(&schedule, &work, &jobs(1));
    assert_eq!(events, ["fresh 1", "fresh 0", "start 2", "ran 2", "start 3", "ran 3"]);
    assert_eq!(outcome.ends, [TaskEnd::Done; 4]);
    drop(work);
    assert_eq!(asked.into_inner().unwrap(), [2, 3]);
}

fn taken(jobserver: &Jobserver) -> Vec<Token<'_>> {
    std::iter::from_fn(|| jobserver.try_take().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// Somebody else takes tokens and gives them back meanwhile.
    #[test]
    fn every_task_but_the_first_has_a_token_and_all_go_back(case in cases(), slots in 1..5_usize) {
        let state = tempfile::tempdir().unwrap();
        let server = Jobserver::serve(state.path(), slots, false).unwrap();
        // Followed by its address, so that its maker does not put anything right.
        let shared = Jobserver::inherit(&server.address().unwrap()).unwrap();
        let seen = Mutex::new(Seen::default());
        let mut work = Fake::new(|task, _| {
            let others = server.try_take().unwrap();
            let result = observe(&case, &seen, task);
            drop(others);
            result
        });
        work.fresh.clone_from(&case.fresh);
        let (events, outcome) = run_beside(&case.schedule, &work, &case.options, (None, Some(&shared)), |_| {});
        drop(work);
        let seen = seen.into_inner().unwrap();
        prop_assert!(seen.most <= case.options.jobs.min(slots), "{}", seen.most);
        prop_assert!(events.iter().all(|event| !event.starts_with("no more tokens")));
        prop_assert_eq!(taken(&server).len(), slots - 1);
        let skipped = outcome.ends.iter().filter(|end| matches!(end, TaskEnd::Skipped(_))).count();
        prop_assert!(seen.runs.len() + case.fresh.len() + skipped >= case.schedule.tasks.len());
    }
}

#[test]
fn a_token_that_comes_back_starts_a_task_that_waits() {
    let state = tempfile::tempdir().unwrap();
    let server = Jobserver::serve(state.path(), 2, false).unwrap();
    let shared = Jobserver::inherit(&server.address().unwrap()).unwrap();
    let others = Mutex::new(taken(&server));
    let meeting = std::sync::Barrier::new(2);
    let work = Fake::new(|task, _| {
        if task.0 == 0 {
            // The other one waits for this token: nothing runs beside this task.
            others.lock().unwrap().clear();
        }
        meeting.wait();
        Ok(())
    });
    let outcome = run_beside(&tasks(&[&[], &[]]), &work, &jobs(2), (None, Some(&shared)), |_| {}).1;
    drop(work);
    assert!(outcome.success());
    assert_eq!(taken(&server).len(), 1);
}

#[test]
fn tokens_go_back_when_a_task_panics_and_when_the_coordinator_does() {
    let state = tempfile::tempdir().unwrap();
    let server = Jobserver::serve(state.path(), 3, false).unwrap();
    let shared = Jobserver::inherit(&server.address().unwrap()).unwrap();
    let meeting = std::sync::Barrier::new(3);
    let work = Fake::new(|_, _| {
        meeting.wait();
        panic!("on purpose");
    });
    let schedule = tasks(&[&[], &[], &[]]);
    let (_, outcome) = run_beside(&schedule, &work, &jobs(3), (None, Some(&shared)), |_| {});
    assert!(!outcome.success());
    assert_eq!(taken(&server).len(), 2);
    let watch = |event: &str| assert!(!event.starts_with("failed"), "on purpose");
    let whole = std::panic::AssertUnwindSafe(|| {
        run_beside(&schedule, &work, &jobs(3), (None, Some(&shared)), watch);
    });
    assert!(std::panic::catch_unwind(whole).is_err());
    assert_eq!(taken(&server).len(), 2);
}

#[test]
fn tokens_that_died_with_a_child_come_back_once_nothing_runs() {
    let state = tempfile::tempdir().unwrap();
    let server = Jobserver::serve(state.path(), 2, false).unwrap();
    let meeting = std::sync::Barrier::new(2);
    let work = Fake::new(|task, _| {
        if task.0 == 0 {
            taken(&server).into_iter().for_each(std::mem::forget);
        } else {
            meeting.wait();
        }
        Ok(())
    });
    let schedule = tasks(&[&[], &[0], &[0]]);
    assert!(run_beside(&schedule, &work, &jobs(2), (None, Some(&server)), |_| {}).1.success());
}

#[test]
fn nothing_to_do_is_done() {
    let (events, outcome) = run(&tasks(&[]), &Fake::new(|_, _| Ok(())), &jobs(4));
    assert!(events.is_empty() && outcome.success());
}

#[test]
fn one_job_runs_the_longest_first() {
    let mut schedule = tasks(&[&[], &[], &[0], &[]]);
    for (at, seconds) in [1, 9, 5, 2].into_iter().enumerate() {
        schedule.tasks[at].expected = Duration::from_secs(seconds);
    }
    let (events, _) = run(&schedule, &Fake::new(|_, _| Ok(())), &jobs(1));
    let started: Vec<_> = events.iter().filter(|event| event.starts_with("start")).collect();
    assert_eq!(started, ["start 1", "start 3", "start 0", "start 2"]);
}

#[test]
fn a_chain_of_any_length_needs_no_stack() {
    let length = 10_000;
    let mut schedule = tasks(&vec![&[] as &[usize]; length]);
    for at in 1..length {
        schedule.tasks[at].after.push(TaskIndex(at - 1));
    }
    let (_, outcome) = run(&schedule, &Fake::new(|_, _| Ok(())), &jobs(2));
    assert!(outcome.success());

    let (events, outcome) =
        run(&schedule, &Fake::new(|_, _| Err("no".to_owned())), &Options { keep_going: true, ..jobs(2) });
    assert_eq!(outcome.ends[length - 1], TaskEnd::Skipped(Because::Failed(TaskIndex(0))));
    assert_eq!(events.len(), length + 1);
}

#[test]
fn many_tasks_at_one_resource_are_no_trouble() {
    let mut schedule = tasks(&vec![&[] as &[usize]; 10_000]);
    schedule.resources.push(Resource { name: "sync".to_owned(), capacity: 2, shared: false });
    schedule.tasks.iter_mut().for_each(|task| task.claims = Claims::from([(0, 1)]));
    let (_, outcome) = run(&schedule, &Fake::new(|_, _| Ok(())), &jobs(4));
    assert!(outcome.success());
}

#[test]
fn two_jobs_run_at_once() {
    let meeting = std::sync::Barrier::new(2);
    let work = Fake::new(|_, _| {
        meeting.wait();
        Ok(())
    });
    assert!(run(&tasks(&[&[], &[]]), &work, &jobs(2)).1.success());
}

#[test]
fn at_the_load_limit_one_runs_at_a_time_and_below_it_all_do() {
    let full = LoadLimit { most: 0.0, average: || Some(8.0) };
    let seen = Mutex::new(Seen::default());
    let case = Case {
        schedule: tasks(&vec![&[] as &[usize]; 20]),
        failing: BTreeSet::new(),
        fresh: BTreeSet::new(),
        options: Options { load: Some(full), ..jobs(4) },
    };
    assert!(
        run(&case.schedule, &Fake::new(|task, _| observe(&case, &seen, task)), &case.options).1.success()
    );
    assert_eq!(seen.lock().unwrap().most, 1);

    let meeting = std::sync::Barrier::new(2);
    let work = Fake::new(|_, _| {
        meeting.wait();
        Ok(())
    });
    let idle = LoadLimit { most: 99.0, average: || Some(8.0) };
    assert!(run(&tasks(&[&[], &[]]), &work, &Options { load: Some(idle), ..jobs(2) }).1.success());
}

#[test]
fn a_failure_lets_the_running_finish_and_starts_no_more() {
    let (open, failed) = gate();
    let work = Fake::new(|task, _| {
        if task.0 == 0 {
            return Err("broken".to_owned());
        }
        pass(&failed);
        Ok(())
    });
    let schedule = tasks(&[&[], &[], &[], &[0], &[1]]);
    let (events, outcome) = run_with(&schedule, &work, &jobs(2), None, |event| {
        if event.starts_with("failed") {
            open.send(()).unwrap();
        }
    });
    let expected = [
        "start 0",
        "start 1",
        "failed 0: broken",
        "skip 3: Failed(TaskIndex(0))",
        "skip 2: Stopped",
        "skip 4: Stopped",
        "ran 1",
    ];
    assert_eq!(events, expected);
    assert!(!outcome.success());
}

#[test]
fn a_panic_is_one_tasks_failure() {
    let work = Fake::new(|task, _| if task.0 == 0 { panic!("oh {}", task.0) } else { Ok(()) });
    let (events, _) = run(&tasks(&[&[], &[], &[0]]), &work, &Options { keep_going: true, ..jobs(1) });
    assert!(events.contains(&"failed 0: internal error: oh 0".to_owned()), "{events:?}");
    assert!(events.contains(&"ran 1".to_owned()));
    assert!(events.contains(&"skip 2: Failed(TaskIndex(0))".to_owned()));
}

#[test]
fn reports_come_in_order_before_the_end() {
    let work = Fake::new(|_, context| {
        (0..3000).for_each(|number| context.report(number.to_string()));
        Ok(())
    });
    let (events, _) = run(&tasks(&[&[]]), &work, &jobs(1));
    assert_eq!(events.len(), 3002);
    assert_eq!(events[3000], "0 says 2999");
    assert_eq!(events[3001], "ran 0");
}

fn held(locks: &Locks, name: &str) -> Option<LockGuard> {
    match locks.try_acquire(&BTreeSet::from([name.to_owned()])).unwrap() {
        Attempt::Held(guard) => Some(guard),
        Attempt::Busy(_) => None,
    }
}

fn locks(directory: &Path) -> Locks {
    Locks::new(&directory.join("locks"), None).unwrap()
}

/// Tasks without edges that each need the lock `venv`, but for the last `free`.
fn locking(count: usize, free: usize) -> Schedule {
    let mut schedule = tasks(&vec![&[] as &[usize]; count]);
    schedule.resources.push(Resource { name: "venv".to_owned(), capacity: 1, shared: true });
    schedule.tasks[..count - free].iter_mut().for_each(|task| task.claims = Claims::from([(0, 1)]));
    schedule
}

#[test]
fn a_task_that_waits_for_another_process_holds_no_worker() {
    let root = tempfile::tempdir().unwrap();
    let locks = locks(root.path());
    let guard = Mutex::new(held(&locks, "venv"));
    let work = Fake::new(|task, _| {
        if task.0 == 1 {
            drop(guard.lock().unwrap().take());
        }
        Ok(())
    });
    let (events, outcome) = run_with(&locking(2, 1), &work, &jobs(1), Some(&locks), |_| {});
    assert!(outcome.success());
    assert_eq!(events[..2], ["start 1", "ran 1"]);
}

#[test]
fn waiting_for_a_lock_is_said_after_a_while() {
    let root = tempfile::tempdir().unwrap();
    let locks = locks(root.path());
    let mut guard = held(&locks, "venv");
    let options = Options { lock_notice: Duration::from_millis(1), ..jobs(2) };
    let (events, outcome) =
        run_with(&locking(2, 0), &Fake::new(|_, _| Ok(())), &options, Some(&locks), |event| {
            if event.contains("waits") {
                drop(guard.take());
            }
        });
    assert!(outcome.success());
    assert_eq!(events, ["0 waits for venv", "start 0", "ran 0", "start 1", "ran 1"]);
}

#[test]
fn without_waiting_a_busy_lock_is_a_failure() {
    let root = tempfile::tempdir().unwrap();
    let locks = locks(root.path());
    let _guard = held(&locks, "venv");
    let options = Options { no_wait: true, ..jobs(1) };
    let (events, _) = run_with(&locking(1, 0), &Fake::new(|_, _| Ok(())), &options, Some(&locks), |_| {});
    assert_eq!(
        events,
        [format!("failed 0: `venv` is in use by another envloom (process {})", std::process::id())]
    );
}

#[test]
fn a_lock_is_held_until_the_end_was_passed_on() {
    let root = tempfile::tempdir().unwrap();
    let locks = locks(root.path());
    let mut looked = 0;
    run_with(&locking(1, 0), &Fake::new(|_, _| Ok(())), &jobs(1), Some(&locks), |_| {
        looked += 1;
        assert!(held(&locks, "venv").is_none());
    });
    assert_eq!(looked, 2);
    assert!(held(&locks, "venv").is_some());
}

/// Runs with signals sent by the sink; `send` maps an event to a signal.
fn run_interrupted<'a>(
    schedule: &Schedule,
    work: &Fake<'a>,
    options: &Options,
    send: impl Fn(&str) -> Option<Signal>,
) -> (Vec<String>, Outcome) {
    let groups = Groups::new(RunId::generate(None), None);
    let mut events = Vec::new();
    let port: Mutex<Option<SyncSender<MessageOf<Fake<'a>>>>> = Mutex::new(None);
    let mut sink = |event: ScheduleEvent<Fake<'a>>| {
        let event = text(&event);
        if let (Some(signal), Some(port)) = (send(&event), &*port.lock().unwrap()) {
            port.send(super::spec::Message::Signal(SignalEvent::Stop(signal))).ok().unwrap();
        }
        events.push(event);
    };
    let control = Control { options, groups: &groups, locks: None, jobserver: None, cancel: None };
    let outcome = execute_wired(schedule, work, control, &mut sink, |outbox| {
        *port.lock().unwrap() = Some(outbox.clone());
        Ok(())
    });
    (events, outcome.unwrap())
}

/// Waits until the run is at least this far in stopping.
fn until(context: &Context<'_, Fake<'_>>, reached: fn(Standing) -> bool) {
    while !reached(context.groups().standing()) {
        std::thread::yield_now();
    }
}

#[test]
fn a_signal_stops_the_run_and_gives_the_running_their_grace() {
    let work = Fake::new(|_, context| {
        until(context, |standing| matches!(standing, Standing::Stopping(_)));
        Ok(())
    });
    let (events, outcome) = run_interrupted(&tasks(&[&[], &[], &[0]]), &work, &jobs(1), |event| {
        (event == "start 0").then_some(Signal::INT)
    });
    assert_eq!(
        events,
        ["start 0", "interrupted by 2", "skip 1: Interrupted", "skip 2: Interrupted", "ran 0"]
    );
    assert_eq!(outcome.interrupted, Some(2));
}

#[test]
fn a_second_signal_kills_at_once() {
    let work = Fake::new(|_, context| {
        until(context, |standing| standing == Standing::Killed);
        Err("killed".to_owned())
    });
    let (events, outcome) = run_interrupted(&tasks(&[&[]]), &work, &jobs(1), |event| match event {
        "start 0" => Some(Signal::INT),
        "interrupted by 2" => Some(Signal::TERM),
        _ => None,
    });
    assert_eq!(events, ["start 0", "interrupted by 2", "killed", "failed 0: killed"]);
    assert_eq!(outcome.interrupted, Some(2));
}

#[test]
fn the_same_signal_twice_in_a_moment_is_one_and_the_grace_ends() {
    let work = Fake::new(|_, context| {
        until(context, |standing| standing == Standing::Killed);
        Ok(())
    });
    let options = Options { grace: Duration::from_millis(1), ..jobs(1) };
    let (events, _) = run_interrupted(&tasks(&[&[]]), &work, &options, |event| {
        ["start 0", "interrupted by 15"].contains(&event).then_some(Signal::TERM)
    });
    assert_eq!(events, ["start 0", "interrupted by 15", "killed", "ran 0"]);
}
