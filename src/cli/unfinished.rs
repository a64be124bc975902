//! What a call does before it reads anything: it completes a change of several tracked files that was cut off.
//!
//! A call that only looks does so, too. Half of a change is a state that nobody made, about which nothing can be said;
//! what is written was decided by the call that began it.

use super::add;
use super::args::Arguments;
use super::call::place_of;
use super::load::Stop;
use super::locate::Place;
use super::output::Output;
use super::state;
use super::surroundings::Process;
use crate::cache::{Commit, Finished, Observer};
use crate::exec::lock_record;

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
    match commit.finish()? {
        Finished::Nothing => {}
        Finished::Completed(paths) => {
            let paths: Vec<&str> = paths.iter().map(crate::base::RelPath::as_str).collect();
            output.say(&format!("a change that was cut off is complete now: {}", paths.join(", ")));
        }
        Finished::SetAside { kept, because } => {
            let kept = kept.strip_prefix(&place.root).unwrap_or(&kept).display();
            let why = because.map_or_else(
                || "what was noted of it cannot be read".to_owned(),
                |path| format!("{path} was changed since"),
            );
            output.say(&format!(
                "a change was cut off, and is left as it is: {why}; see {kept} and `git diff`"
            ));
        }
    }
    Ok(())
}
