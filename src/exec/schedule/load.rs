//! `-l`: whether the machine has room for another task.
//!
//! The load average follows what is started only after a while, so that all tasks would begin before it rises. As make
//! does, the tasks started in this second and the last are taken for a quarter and a sixteenth each.
//!
//! A system that has no load average (`/proc/loadavg` is not there) has room for everything: whoever sets the limit
//! finds out first with [`load_average`].

use std::time::Instant;

/// What a task just started is taken for.
const JUST_STARTED: f64 = 0.25;

/// `-l`: no task is started beside others while the load is at or above `most`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoadLimit {
    /// The limit.
    pub(crate) most: f64,
    /// Asks for the load average.
    pub(crate) average: fn() -> Option<f64>,
}

/// The limit, and the tasks that were started lately.
pub(super) struct Load {
    limit: LoadLimit,
    /// When the second began that is counted now.
    second: Instant,
    /// Started in it.
    now: f64,
    /// Started in the one before.
    before: f64,
}

impl Load {
    /// Nothing was started yet.
    pub(super) fn new(limit: LoadLimit, now: Instant) -> Self {
        Self { limit, second: now, now: 0.0, before: 0.0 }
    }

    /// A task is started.
    pub(super) fn started(&mut self, at: Instant) {
        self.turn(at);
        self.now += 1.0;
    }

    /// Is there no room for another?
    pub(super) fn is_high(&mut self, at: Instant) -> bool {
        self.turn(at);
        let guess = JUST_STARTED * (self.now + JUST_STARTED * self.before);
        (self.limit.average)().is_some_and(|average| average + guess >= self.limit.most)
    }

    /// Goes on to the second that holds `at`.
    fn turn(&mut self, at: Instant) {
        let seconds = at.saturating_duration_since(self.second).as_secs();
        if seconds > 0 {
            self.before = if seconds == 1 { self.now } else { 0.0 };
            self.now = 0.0;
            self.second = at;
        }
    }
}

/// The load average of the last minute; `None`: this system does not tell.
pub(crate) fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_was_just_started_counts_before_the_average_does() {
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let mut load = Load::new(LoadLimit { most: 2.0, average: || Some(1.5) }, begin);
        assert!(!load.is_high(begin));
        load.started(begin);
        assert!(!load.is_high(begin));
        load.started(begin);
        assert!(load.is_high(begin));
        // A sixteenth of the two that were started a second ago.
        assert!(!load.is_high(after(1)));
        load.started(after(1));
        assert!(!load.is_high(after(1)));
        load.started(after(1));
        assert!(load.is_high(after(1)));
        assert!(!load.is_high(after(9)));
    }

    #[test]
    fn a_system_that_tells_no_load_has_room() {
        let begin = Instant::now();
        assert!(!Load::new(LoadLimit { most: 0.0, average: || None }, begin).is_high(begin));
        assert!(Load::new(LoadLimit { most: 0.0, average: || Some(0.0) }, begin).is_high(begin));
    }
}
