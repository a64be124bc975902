//! How soon a run follows the one before when something has changed meanwhile.
//!
//! # Design note
//! Who has changed it cannot be known: someone who saves while tasks run, or a task that writes what it reads,
//! undeclared. The first must see the last state run, the second must not run for ever. So the first few runs follow at
//! once, the next ones after pauses that double: what someone saves in a pause, when nothing runs, tells the two apart,
//! and all begins anew. What has gone on for so long that a pause of an hour is due is a task's doing.

use std::time::Duration;

/// So many runs in a row follow at once.
const MOST_AT_ONCE: u32 = 3;

/// The first pause.
const FIRST: Duration = Duration::from_millis(250);

/// Longer than that is no pause any more.
const LONGEST: Duration = Duration::from_hours(1);

/// What is done about a change that is found right after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// A run.
    AtOnce,
    /// A run, after this pause.
    After(Duration),
    /// Nothing, until something else changes.
    Never,
}

impl Pace {
    /// After so many runs, each for a change that was found right after the one before.
    pub(super) fn after(in_a_row: u32) -> Self {
        let Some(further) = in_a_row.checked_sub(MOST_AT_ONCE) else { return Self::AtOnce };
        let pause = 2_u32.checked_pow(further).and_then(|times| FIRST.checked_mul(times));
        pause.filter(|pause| *pause <= LONGEST).map_or(Self::Never, Self::After)
    }

    /// Is it the first pause? It is told.
    pub(super) fn is_first_pause(self) -> bool {
        self == Self::After(FIRST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_follow_at_once_then_ever_more_rarely_and_at_last_no_more() {
        let paces: Vec<Pace> = (0..100).map(Pace::after).take_while(|pace| *pace != Pace::Never).collect();
        assert_eq!(paces[..3], [Pace::AtOnce; 3]);
        let pauses: Vec<Duration> = paces[3..]
            .iter()
            .map(|pace| match pace {
                Pace::After(pause) => *pause,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(pauses[0], FIRST);
        assert!(pauses.windows(2).all(|two| two[1] == two[0] * 2), "{pauses:?}");
        assert_eq!(pauses.last(), Some(&Duration::from_secs(2048)));
        assert_eq!(Pace::after(u32::MAX), Pace::Never);
    }
}
