//! One run of a watch: of all its targets, without the compiled plan, which notes nothing.

use std::collections::BTreeMap;

use super::super::args::Arguments;
use super::super::call::Call;
use super::super::load::Stop;
use super::super::notices::notices;
use super::super::output::Output;
use super::super::state;
use super::super::surroundings::Process;
use super::super::targets::{Run, prepared};
use crate::cache::Notice;
use crate::exec::Cancel;
use crate::plan::Rest;

/// What a watch is told of a run: its exit code, and what each task that was decided rested on.
pub(super) type Watched = (u8, BTreeMap<String, Rest>);

/// Runs the targets among `words` once, for a watch. `changed` is what it runs for.
///
/// # Errors
/// What stops the call before its tasks.
pub(super) fn run_watched(
    (process, arguments): (&Process, &Arguments),
    output: &Output,
    words: &[String],
    cancel: &Cancel,
    changed: Option<Notice>,
) -> Result<Watched, Stop> {
    let call = Call::read(process, arguments)?;
    let chosen = call.choose("watch ", words)?;
    call.check_options(&chosen)?;
    state::make(&call.place)?;
    let (premises, width) = prepared(call, &chosen, output, true)?;
    let mut notices = notices(&premises, &chosen, arguments);
    notices.extend(changed);
    let run = Run { process, arguments, output, premises: &premises, chosen: &chosen, notices: &notices };
    let (code, _) = run.wet(&width, Some(cancel))?;
    Ok((code, premises.noted.map(|noted| noted.all()).unwrap_or_default()))
}
