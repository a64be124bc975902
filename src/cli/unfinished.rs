//! What a call does before it reads anything: it completes a change of several tracked files that was cut off.
//!
//! A call that only looks does so, too. Half of a change is a state that nobody made, about which nothing can be said;
//! what is written was decided by the call that began it. What became of it is said in every case, with `-q` too: files
//! that are tracked have changed, or have not although somebody asked for it.

use super::add;
use super::args::Arguments;
use super::call::place_of;
use super::load::Stop;
use super::locate::Place;
use super::output::Output;
use super::state;
use super::surroundings::Process;
use crate::base::RelPath;
use crate::cache::{Commit, Finished, Observer};
use crate::exec::lock_record;

/// The code of what is said of it.
pub(super) const CUT_OFF: &str = "envloom::cli::cut_off";

/// Completes what is there to complete, and says so.
///
/// # Errors
/// When the files cannot be written.
pub(super) fn complete(process: &Process, arguments: &Arguments, output: &Output) -> Result<(), Stop> {
    // A call without a repository says so itself, if it needs one.
    let Ok(place) = place_of(process, arguments, &Observer::new()) else { return Ok(()) };
    let commit = Commit::new(&place.root, &place.state());
    if commit.is_pending() {
        finish(&place, &commit, output)?;
    }
    if add::is_pending(&place) {
        state::refuse_foreign(&place)?;
        add::complete(process, &place, output)?;
    }
    Ok(())
}

fn finish(place: &Place, commit: &Commit, output: &Output) -> Result<(), Stop> {
    state::refuse_foreign(place)?;
    // Whoever is just writing has the lock, and leaves no log.
    let _recorded = lock_record(&place.state())?;
    if let Some(said) = said(place, commit.finish()?) {
        output.announce(CUT_OFF, &said);
    }
    Ok(())
}

/// What became of a change, in words.
fn said(place: &Place, finished: Finished) -> Option<String> {
    let cut_off = |by: &str| match by {
        "" => "a change of several files was cut off".to_owned(),
        verb => format!("`envloom {verb}` was cut off while it wrote its files"),
    };
    Some(match finished {
        Finished::Nothing => return None,
        Finished::Completed { by, paths } => {
            let paths: Vec<&str> = paths.iter().map(RelPath::as_str).collect();
            format!("{}; all of them are written now: {}; see `git diff`", cut_off(&by), paths.join(", "))
        }
        Finished::Dropped { by } => {
            format!("{}; none of it is there, so it is dropped: type it again if it is wanted", cut_off(&by))
        }
        Finished::SetAside { by, kept, because } => {
            let kept = kept.strip_prefix(&place.root).unwrap_or(&kept).display();
            let why = because.map_or_else(
                || "what was noted of it cannot be read".to_owned(),
                |path| format!("{path} was changed since"),
            );
            format!(
                "{}, and all stays as it is: {why}; what was to be written is in {kept}, see `git diff` too",
                cut_off(&by)
            )
        }
    })
}
