//! A call that names targets: runs them, or answers from the compiled plan.

use std::ffi::OsString;
use std::path::Path;

use super::affected;
use super::args::{Arguments, Load};
use super::call::{Call, Chosen, place_of};
use super::dry_run;
use super::exit;
use super::load::Stop;
use super::locate::Place;
use super::notices::{notices, verified};
use super::output::Output;
use super::prepare::{self, Ground};
use super::state;
use super::surroundings::Process;
use super::width::{Wanted, Width};
use crate::cache::{Answer, CompiledPlan, Notice, Observation, Observer, Part, PlanKey, Uses, note_uses};
use crate::event::{Counts, Event, Fact, TaskResult, millis};
use crate::exec::{self, Cancel, Tally};
use crate::graph::Kind;
use crate::plan::{Decided, Known, Premises, believed, decide};
use crate::tool::make::MakeFlags;
use crate::tool::variables::plan_inputs;

/// Runs the targets among `words`.
///
/// # Errors
/// What stops the call before its tasks.
pub(super) fn run(
    process: &Process,
    arguments: &Arguments,
    output: &Output,
    words: &[String],
) -> Result<u8, Stop> {
    let place = place_of(process, arguments, &Observer::new())?;
    state::refuse_foreign(&place)?;
    let plans = place.state().join("plans");
    let key = plan_key(process, &place);
    let base = affected::Base::of(arguments);
    // What differs from a commit is no file that a plan could watch.
    let answer = CompiledPlan::load(&plans, key, &process.surroundings.vars).filter(|_| base.is_none());
    let part = match answer {
        Some(Answer::Whole(plan)) => {
            let code = replay(process, output, &plan)?;
            note_uses(&plans, key);
            return Ok(code);
        }
        Some(Answer::Part(part)) => Some(part),
        None => None,
    };
    let call = Call::read(process, arguments)?;
    let mut chosen = call.choose("", words)?;
    call.check_options(&chosen)?;
    if !arguments.only_looks() {
        state::make(&place)?;
    }
    let narrowed = match &base {
        Some(base) => Some(affected::narrow(process, arguments, base, ("", words), output)?.of(&mut chosen)),
        None => None,
    };
    let (premises, width, ground) = if arguments.only_looks() {
        let progress = |line: &str| output.say(line);
        (prepare::premises(call.ground(&chosen, true, &progress), &chosen.graph)?, None, None)
    } else {
        let (mut premises, width) = prepared(call, &chosen, output, false)?;
        let ground = stand(&mut premises, part);
        if !premises.known.is_empty() {
            note_uses(&plans, key);
        }
        (premises, Some(width), ground)
    };
    let mut notices = notices(&premises, &chosen, arguments);
    let is_narrowed = narrowed.is_some();
    match narrowed {
        Some(notice) if output.is_json() => notices.push(notice),
        Some((_, message, _)) => output.say(&message),
        None => {}
    }
    let run = Run { process, arguments, output, premises: &premises, chosen: &chosen, notices: &notices };
    let (code, counts) = match &width {
        None => run.dry()?,
        Some(width) => run.wet(width, None)?,
    };
    if code == exit::DONE
        && !arguments.only_looks()
        && !is_narrowed
        && let Some((plan, uses)) = run.plan_after(&counts, words, ground)
    {
        // A plan that cannot be kept costs the next call a look at everything.
        let _ = plan.save(&plans, key);
        let _ = uses.save(&plans, key, &premises.outputs);
    }
    Ok(code)
}

/// Runs the sync behind a verb, whose own words after `--` are not uv's.
///
/// # Errors
/// What stops the call before its tasks.
pub(super) fn run_sync(
    process: &Process,
    arguments: &Arguments,
    output: &Output,
    target: &str,
) -> Result<u8, Stop> {
    let words = vec![target.to_owned()];
    let plain = Arguments { words, trailing: Vec::new(), json: false, ..arguments.clone() };
    run_for_verb(Call::read(process, &plain)?, output)
}

/// Runs the targets of a call that a verb makes. It says nothing but what its tasks say, and has no compiled plan: that
/// they are not up to date is known.
///
/// # Errors
/// What stops the call before its tasks.
pub(super) fn run_for_verb(call: Call<'_>, output: &Output) -> Result<u8, Stop> {
    let (process, arguments) = (call.process, call.arguments);
    let chosen = call.choose("", &arguments.words)?;
    state::make(&call.place)?;
    let (premises, width) = prepared(call, &chosen, output, false)?;
    let run = Run { process, arguments, output, premises: &premises, chosen: &chosen, notices: &[] };
    run.wet(&width, None).map(|(code, _)| code)
}

/// What a run with effects starts from: the premises of its tasks, and how wide it is.
///
/// # Errors
/// When something they rest on cannot be found or read.
pub(super) fn prepared(
    call: Call<'_>,
    chosen: &Chosen,
    output: &Output,
    watching: bool,
) -> Result<(Premises, Width), Stop> {
    let (process, arguments) = (call.process, call.arguments);
    let progress = |line: &str| output.say(line);
    let ground = Ground { watching, ..call.ground(chosen, false, &progress) };
    let mut premises = prepare::premises(ground, &chosen.graph)?;
    let width = width(process, arguments, &mut premises, chosen);
    Ok((premises, width))
}

/// How wide the run is; own tasks are told.
fn width(process: &Process, arguments: &Arguments, premises: &mut Premises, chosen: &Chosen) -> Width {
    let width = Width::of(&Wanted {
        typed: arguments.jobs,
        local: premises.local.as_ref().and_then(|local| local.jobs),
        surroundings: &process.surroundings,
        root: &premises.root,
        state: &premises.state(),
        own_tasks: chosen.graph.tasks().iter().any(|task| task.key.kind() == Kind::Own),
    });
    width.tell(&mut premises.machine.variables);
    width
}

/// One run of chosen tasks.
pub(super) struct Run<'a> {
    pub(super) process: &'a Process,
    pub(super) arguments: &'a Arguments,
    pub(super) output: &'a Output,
    pub(super) premises: &'a Premises,
    pub(super) chosen: &'a Chosen,
    pub(super) notices: &'a [Notice],
}

impl Run<'_> {
    /// What the next call may answer from, after a run that went well.
    fn plan_after(
        &self,
        counts: &Counts,
        words: &[String],
        ground: Option<Observation>,
    ) -> Option<(CompiledPlan, Uses)> {
        if counts.ran + counts.restored + counts.touched == 0 {
            return compiled(self.premises, self.chosen, self.notices.to_vec(), ground);
        }
        if self.premises.known.is_empty() {
            return recompile(self.process, self.arguments, words);
        }
        ground.map(|ground| with_parts(CompiledPlan::of_parts(), self.premises, ground))
    }

    /// Runs the tasks.
    pub(super) fn wet(&self, width: &Width, cancel: Option<&Cancel>) -> Result<(u8, Counts), Stop> {
        let request = exec::Request {
            premises: self.premises,
            graph: &self.chosen.graph,
            means: &self.means()?,
            jobs: width.jobs,
            jobserver: width.jobserver.as_ref(),
            keep_going: self.arguments.keep_going,
            load: match self.arguments.load {
                Some(Load::Below(most)) => Some(most),
                Some(Load::Any) | None => None,
            },
            no_wait: self.arguments.no_wait,
            colour: self.output.colour(),
            envloom: Process::program(),
            outer: (self.process.variable(exec::RUN_VARIABLE), self.process.variable(exec::LOCKS_VARIABLE)),
            began: self.process.began,
            cancel,
        };
        self.reported(width.jobs, &width.notices, |send| {
            let (ended, tally) = exec::execute(&request, send)?;
            let code = match ended.interrupted {
                Some(signal) => exit::SIGNAL.saturating_add(u8::try_from(signal).unwrap_or_default()),
                None if ended.timed_out => exit::TIMEOUT,
                None if tally.counts.failed > 0 => exit::FAILED,
                None => exit::DONE,
            };
            Ok((code, tally))
        })
    }

    /// What own tasks need besides their inputs.
    fn means(&self) -> Result<exec::Means, exec::MeansError> {
        exec::Means::of(self.premises, &self.chosen.graph, &self.process.surroundings)
    }

    /// Says what would run.
    fn dry(&self) -> Result<(u8, Counts), Stop> {
        self.means()?;
        self.reported(1, &[], |send| {
            let began = self.process.began;
            let tally = dry_run::look(self.premises, &self.chosen.graph, &mut |fact| {
                send(Event { at_ms: millis(began.elapsed()), fact });
            });
            let stale = self.arguments.question && tally.counts.would_run > 0;
            Ok((if tally.counts.failed > 0 || stale { exit::FAILED } else { exit::DONE }, tally))
        })
    }

    /// Frames a run with its first and last events.
    fn reported(
        &self,
        jobs: usize,
        further: &[Notice],
        work: impl FnOnce(&mut dyn FnMut(Event)) -> Result<(u8, Tally), exec::ExecError>,
    ) -> Result<(u8, Counts), Stop> {
        let (sender, reporter) = self.output.reporter(&self.premises.root)?;
        let mut send = |event: Event| {
            // A reporter that is gone has nobody to report to.
            let _ = sender.send(event);
        };
        let fact = |fact: Fact| send(Event { at_ms: millis(self.process.began.elapsed()), fact });
        fact(Fact::Began {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            targets: self.chosen.targets.clone(),
            by_default: self.chosen.by_default,
            tasks: self.chosen.graph.tasks().len(),
            jobs,
        });
        let announced = self.output.take_announced();
        for (code, message, help) in announced.iter().chain(self.notices).chain(further) {
            fact(Fact::Notice { code: code.clone(), message: message.clone(), help: help.clone() });
        }
        let result = work(&mut send);
        if let Ok((code, tally)) = &result {
            send(ended(self.process, tally, *code));
        }
        drop(sender);
        self.output.closed(reporter);
        let (code, tally) = result?;
        Ok((code, tally.counts))
    }
}

fn ended(process: &Process, tally: &Tally, exit_code: u8) -> Event {
    let wall_ms = millis(process.began.elapsed());
    Event {
        at_ms: wall_ms,
        fact: Fact::Ended {
            counts: tally.counts,
            wall_ms,
            sum_ms: millis(tally.sum),
            slowest: tally.slowest.as_ref().map(|(task, took)| (task.clone(), millis(*took))),
            exit_code,
        },
    }
}

/// What a call depends on besides files: its words, its directory, the variables.
fn plan_key(process: &Process, place: &Place) -> PlanKey {
    let bytes = |word: &OsString| word.as_encoded_bytes().to_vec();
    let mut inputs: Vec<(String, Vec<u8>)> =
        process.words.iter().enumerate().map(|(at, word)| (format!("word {at}"), bytes(word))).collect();
    let path = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
    inputs.push(("directory".to_owned(), path(&process.surroundings.cwd)));
    inputs.push(("root".to_owned(), path(&place.root)));
    let make = MakeFlags::of(&process.surroundings).map_or_else(String::new, |flags| flags.key());
    inputs.push(("make".to_owned(), make.into_bytes()));
    inputs.extend(plan_inputs(&process.surroundings.vars));
    PlanKey::new(inputs.iter().map(|(name, value)| (name.as_str(), value.as_slice())))
}

/// Says again what the compiled plan's call said.
fn replay(process: &Process, output: &Output, plan: &CompiledPlan) -> Result<u8, Stop> {
    let event = |fact: Fact| Event { at_ms: millis(process.began.elapsed()), fact };
    let began = Fact::Began {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        targets: plan.targets.clone(),
        by_default: plan.by_default,
        tasks: plan.tasks.len(),
        jobs: 1,
    };
    let announced = output.take_announced();
    let notices = announced.iter().chain(&plan.notices).map(|(code, message, help)| Fact::Notice {
        code: code.clone(),
        message: message.clone(),
        help: help.clone(),
    });
    let fresh = plan.tasks.iter().map(|task| fresh(task));
    let tally = Tally { counts: Counts { fresh: plan.tasks.len(), ..Counts::default() }, ..Tally::default() };
    let facts = std::iter::once(began).chain(notices).chain(fresh).map(event);
    let last = std::iter::once_with(|| ended(process, &tally, exit::DONE));
    output.report(facts.chain(last))?;
    Ok(exit::DONE)
}

/// The end of a task that was up to date.
pub(super) fn fresh(task: &str) -> Fact {
    Fact::Finished {
        task: task.to_owned(),
        result: TaskResult::Fresh,
        reason: None,
        duration_ms: 0,
        note: None,
        log: None,
        failure: None,
    }
}

/// What was looked at before any task, and makes the tasks what they are; `None` where it is more than a plan can watch.
/// What an earlier call found up to date is known where that stood on the same ground.
fn stand(premises: &mut Premises, part: Option<Part>) -> Option<Observation> {
    let ground = premises.observer.has_seen_all().then(|| premises.observer.seen())?;
    if let Some(part) = part.filter(|part| part.has_ground(&ground)) {
        part.variables.iter().for_each(|name| premises.observer.depend_on(name));
        premises.known = Known::new(part);
    }
    Some(ground)
}

/// The plan of a call all of whose tasks are up to date; `None` where it rests on more than a plan can watch.
fn compiled(
    premises: &Premises,
    chosen: &Chosen,
    notices: Vec<Notice>,
    ground: Option<Observation>,
) -> Option<(CompiledPlan, Uses)> {
    let within = believed(premises, &verified(chosen)).ok()?;
    let seen = premises.observer.has_seen_all().then(|| premises.observer.seen())?;
    let tasks = chosen.graph.tasks().iter().map(|task| task.id.clone()).collect();
    let plan = CompiledPlan::new(chosen.targets.clone(), chosen.by_default, tasks, notices, seen);
    Some(with_parts(plan.within(within), premises, ground?))
}

/// A plan with what is known of single tasks.
fn with_parts(plan: CompiledPlan, premises: &Premises, ground: Observation) -> (CompiledPlan, Uses) {
    let (rests, uses) = (premises.known.all(), premises.uses.taken());
    rests.values().flat_map(|rest| &rest.keys).for_each(|key| uses.add(*key));
    let plan = plan.with_parts(ground, rests);
    (plan.with_variables(premises.observer.variables(), &premises.machine.variables), uses)
}

/// The plan of a call whose tasks have just run: everything is looked at once more, since what was seen before
/// them no longer holds. `None` where something is still not up to date, or always runs.
fn recompile(process: &Process, arguments: &Arguments, words: &[String]) -> Option<(CompiledPlan, Uses)> {
    let call = Call::read(process, arguments).ok()?;
    let chosen = call.choose("", words).ok()?;
    let mut premises = prepare::premises(call.ground(&chosen, true, &|_| {}), &chosen.graph).ok()?;
    let ground = stand(&mut premises, None);
    let all_fresh = chosen
        .graph
        .tasks()
        .iter()
        .enumerate()
        .all(|(place, task)| matches!(decide(&premises, place, task), Ok(Decided::Fresh)));
    let notices = notices(&premises, &chosen, arguments);
    compiled(&premises, &chosen, notices, ground).filter(|_| all_fresh)
}
