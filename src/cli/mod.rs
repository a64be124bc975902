//! Layer 9: wires the rooms; reads the arguments and the environment, and turns the end into an exit code.
//!
//! [`main`] is the whole program. A call goes: arguments, place, compiled plan (where everything is as it was when
//! it was last found up to date, that is all), configuration, targets, premises, run, report.

mod absorb;
mod add;
mod affected;
mod args;
mod cache;
mod call;
mod cell;
mod codes;
mod complete;
mod diff;
mod doctor;
mod dry_run;
mod eject;
mod error;
mod exit;
mod export;
mod fetch;
mod found;
mod graph;
mod habits;
mod hunk;
mod import;
mod load;
mod locate;
mod man;
mod matrix;
mod notices;
mod outdated;
mod output;
mod packages;
mod pin;
mod prepare;
mod promote;
mod reference;
mod resolve;
mod show;
mod state;
mod surroundings;
mod svg;
mod targets;
mod trial;
mod unfinished;
mod verbs;
mod vocabulary;
mod watch;
mod width;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use args::Arguments;
use output::Output;
use surroundings::Process;

use crate::cache::Observer;
use crate::exec::{SUPERVISE_VERB, fail_writes_over_the_limit, supervise};
use crate::tool::interrupted;
use crate::tool::make::MakeFlags;

/// The word behind which shells ask for completions.
const COMPLETE_VERB: &str = "__complete";

/// Prints the reference part of the README.
const REFERENCE_VERB: &str = "__reference";

/// Runs the program: everything that `main` does.
#[must_use]
pub fn main() -> ExitCode {
    fail_writes_over_the_limit();
    let process = match Process::read() {
        Ok(process) => process,
        Err(cause) => {
            let what = format!("the current directory cannot be read: {cause}");
            return ExitCode::from(Output::last_words(&error::CliError::Internal { what }, exit::USAGE));
        }
    };
    ExitCode::from(match hidden(&process) {
        Some(code) => code,
        None => call(&process),
    })
}

/// The verbs that programs type, not people.
fn hidden(process: &Process) -> Option<u8> {
    let (verb, rest) = process.words.split_first()?;
    if verb == SUPERVISE_VERB {
        let run = rest.first().map(|run| run.to_string_lossy().into_owned()).unwrap_or_default();
        supervise(&run, io::stdin(), io::stdout());
        return Some(exit::DONE);
    }
    if verb == REFERENCE_VERB {
        let written = io::stdout().write_all(reference::reference().as_bytes());
        return Some(if written.is_ok() { exit::DONE } else { exit::FAILED });
    }
    (verb == COMPLETE_VERB).then(|| complete::answer(process, rest))
}

/// A call that a person typed.
fn call(process: &Process) -> u8 {
    let arguments = match Arguments::read(process.words.iter().map(OsString::from)) {
        Ok(arguments) => arguments,
        Err(refused) => {
            let code = if refused.use_stderr() { exit::USAGE } else { exit::DONE };
            // Where even this cannot be printed nothing is left to say.
            let _ = refused.print();
            return code;
        }
    };
    let make = MakeFlags::of(&process.surroundings).filter(|_| verbs::runs_targets(&arguments));
    let arguments = match &make {
        Some(flags) => arguments.after_make(flags),
        None => arguments,
    };
    let output = Output::new(process, &arguments);
    let result = if verbs::of(&arguments).is_some_and(|verb| verb.only_reads(&arguments)) {
        Ok(())
    } else {
        unfinished::complete(process, &arguments, &output)
    };
    let result = result.and_then(|()| match verbs::of(&arguments) {
        Some(verb) => verb.carry_out(process, &arguments, &output),
        None => targets::run(process, &arguments, &output, &arguments.words),
    });
    let code = match result {
        Ok(code) => code,
        Err(stop) => {
            let place = call::place_of(process, &arguments, &Observer::new());
            output.stopped(stop.as_ref(), place.ok().as_ref().map(|place| place.root.as_path()))
        }
    };
    // Whatever was made of a question that was cut off: the call was.
    let signal = interrupted().and_then(|signal| u8::try_from(signal).ok());
    signal.map_or(code, |signal| exit::SIGNAL.saturating_add(signal))
}
