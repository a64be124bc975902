//! Exit codes. Their meaning never changes.

/// Done, or everything was up to date.
pub(crate) const DONE: u8 = 0;
/// A task failed, or a tracked file is not what it should be.
pub(crate) const FAILED: u8 = 1;
/// The call or a configuration file is wrong; nothing was run.
pub(crate) const USAGE: u8 = 2;
/// A mistake of envloom's own.
pub(crate) const INTERNAL: u8 = 3;
/// A task ran out of its time.
pub(crate) const TIMEOUT: u8 = 124;
/// Ended by a signal: its number is added.
pub(crate) const SIGNAL: u8 = 128;

/// What each means, for the manual page.
pub(crate) const TABLE: &[(&str, &str)] = &[
    ("0", "done, or everything was up to date"),
    ("1", "a task failed, or a tracked file is not what it should be"),
    ("2", "the call or a configuration file is wrong; nothing was run"),
    ("3", "a mistake of envloom's own"),
    ("124", "a task ran out of its time"),
    ("128+n", "ended by signal n"),
];
