//! How wide a run is, and with whom it shares that: `-j`, `MAKEFLAGS`, `tasks.local.kdl`, the cores, a jobserver.
//!
//! | `-j` is | jobserver |
//! | --- | --- |
//! | on the command line | one of envloom's own; that of a make above is left, with a warning, as make does |
//! | in `MAKEFLAGS`, with a jobserver | that one; where it cannot be opened (a recipe without `+`), a warning and one task at a time |
//! | in `MAKEFLAGS` or `tasks.local.kdl`, without | one of envloom's own |
//! | nowhere | none: that many cores are there is no reason for a make in an own task to run that many jobs |
//!
//! Only own tasks' children are told of a jobserver, so one of envloom's own is made only where the call has own tasks,
//! more than one job, and a number of them.

use std::path::Path;

use super::args::Jobs;
use crate::cache::Notice;
use crate::exec::Jobserver;
use crate::tool::Surroundings;
use crate::tool::make::{Address, Limit, MAKEFLAGS, MakeFlags, knows_fifos};
use crate::tool::variables::Variables;

/// What says how wide a run is.
pub(super) struct Wanted<'a> {
    /// `-j` of the command line.
    pub(super) typed: Option<Jobs>,
    /// `jobs` of `tasks.local.kdl`.
    pub(super) local: Option<u32>,
    /// Variables of the process.
    pub(super) surroundings: &'a Surroundings,
    /// The root of the repository.
    pub(super) root: &'a Path,
    /// The state directory.
    pub(super) state: &'a Path,
    /// Are there own tasks?
    pub(super) own_tasks: bool,
}

/// How wide a run is.
pub(super) struct Width {
    /// So many tasks at once.
    pub(super) jobs: usize,
    /// With whom.
    pub(super) jobserver: Option<Jobserver>,
    /// What a user should know of that.
    pub(super) notices: Vec<Notice>,
    /// `MAKEFLAGS` for own tasks, where it is not what envloom was given.
    makeflags: Option<String>,
}

impl Width {
    /// Decides, and opens or makes the jobserver.
    pub(super) fn of(wanted: &Wanted<'_>) -> Self {
        let flags = MakeFlags::of(wanted.surroundings).unwrap_or_default();
        match (&flags.jobserver, wanted.typed) {
            (Some(address), None) => Self::inherited(address, &flags),
            (Some(_), Some(_)) => {
                let mut width = Self::own(wanted, &flags);
                // What is left of the old one must not reach children, whether there is a new one or not.
                width.makeflags.get_or_insert_with(|| flags.for_children(None));
                let message = "-j is given, so the jobserver of the make above is not used".to_owned();
                width.notices.push(notice(message, Some("leave -j out to share its jobs")));
                width
            }
            (None, _) => Self::own(wanted, &flags),
        }
    }

    fn inherited(address: &Address, flags: &MakeFlags) -> Self {
        match Jobserver::inherit(address) {
            Ok(jobserver) => {
                let jobs = count(flags.jobs.unwrap_or(Limit::Absent)).on(1);
                Self { jobs, jobserver: Some(jobserver), notices: Vec::new(), makeflags: None }
            }
            Err(why) => {
                let message =
                    format!("the jobserver of the make above is out of reach: {why}; one task at a time");
                let help = "begin the line of the recipe with `+`";
                let makeflags = Some(flags.for_children(None));
                Self { jobs: 1, jobserver: None, notices: vec![notice(message, Some(help))], makeflags }
            }
        }
    }

    fn own(wanted: &Wanted<'_>, flags: &MakeFlags) -> Self {
        let local = wanted.local.map(|jobs| Jobs::Count(jobs as usize));
        let asked = wanted.typed.or(flags.jobs.map(count)).or(local);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut width = Self {
            jobs: asked.map_or(cores, |jobs| jobs.on(cores)),
            jobserver: None,
            notices: Vec::new(),
            makeflags: None,
        };
        let counted = asked.is_some_and(|jobs| jobs != Jobs::Unlimited) && width.jobs > 1;
        if counted && wanted.own_tasks {
            let descriptors = !knows_fifos(wanted.surroundings, wanted.root);
            match Jobserver::serve(wanted.state, width.jobs, descriptors) {
                Ok(jobserver) => {
                    let address = jobserver.address();
                    width.makeflags = address.map(|address| flags.for_children(Some((width.jobs, &address))));
                    width.jobserver = Some(jobserver);
                }
                Err(cause) => {
                    let message = format!("there is no jobserver for what tasks start: {cause}");
                    width.notices.push(notice(message, None));
                }
            }
        }
        width
    }

    /// Tells own tasks.
    pub(super) fn tell(&self, variables: &mut Variables) {
        if let Some(flags) = &self.makeflags {
            variables.insert(MAKEFLAGS.into(), flags.into());
        }
    }
}

fn count(limit: Limit<usize>) -> Jobs {
    match limit {
        Limit::At(jobs) if jobs > 0 => Jobs::Count(jobs),
        Limit::At(_) | Limit::Absent => Jobs::Unlimited,
    }
}

fn notice(message: String, help: Option<&str>) -> Notice {
    ("envloom::exec::jobserver".to_owned(), message, help.map(str::to_owned))
}
