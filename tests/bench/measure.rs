//! Whole processes by the clock on the wall, two programs alternately, and the table of what came out.
//!
//! In: closures that start processes. Out: medians, and the ratio of the medians. Absolute times drift with
//! the machine and its load; a ratio from one run, whose sides alternate, does not.

use std::fmt;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often a side is measured.
#[derive(Clone, Copy)]
pub(crate) struct Rounds {
    /// Rounds; in each both sides are measured.
    pub(crate) rounds: usize,
    /// How often our side runs in a round: a call of milliseconds needs more runs than one of seconds.
    pub(crate) ours: usize,
}

/// The medians of two sides.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    /// Of envloom.
    pub(crate) ours: Duration,
    /// Of its peer.
    pub(crate) peer: Duration,
}

/// Measures both sides alternately. Each closure gives the time it wants counted.
pub(crate) fn pair(
    rounds: Rounds,
    mut ours: impl FnMut() -> Duration,
    mut peer: impl FnMut() -> Duration,
) -> Pair {
    let (mut our_times, mut peer_times) = (Vec::new(), Vec::new());
    for _ in 0..rounds.rounds {
        our_times.extend((0..rounds.ours).map(|_| ours()));
        peer_times.push(peer());
    }
    Pair { ours: median(our_times), peer: median(peer_times) }
}

/// Runs a command to its end.
///
/// # Panics
/// When it fails: the time of a failure is no measurement.
#[track_caller]
pub(crate) fn timed(mut command: Command) -> Duration {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = command.status().expect("a program that is there");
    let took = begun.elapsed();
    assert!(status.success(), "{status}: {command:?}");
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A heading, and what the table below it is measured on.
pub(crate) fn heading(title: &str, explanation: &str) {
    say(format_args!("\n## {title}\n{explanation}\n"));
    say(format_args!("| call | envloom | peer | its time | ratio |\n|---|---|---|---|---|"));
}

/// A row of the table.
pub(crate) fn row(call: &str, peer: &str, times: Pair) {
    let ratio = times.ours.as_secs_f64() / times.peer.as_secs_f64();
    let against = if ratio < 0.5 { format!("1/{:.0}", 1.0 / ratio) } else { format!("{ratio:.2}") };
    say(format_args!("| {call} | {} | {peer} | {} | {against} |", shown(times.ours), shown(times.peer)));
}

fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn say(text: fmt::Arguments<'_>) {
    writeln!(io::stdout(), "{text}").expect("someone reads what is measured");
}
