//! The name of one run, which each of its processes carries in its environment.
//!
//! Goes out: the value of [`RUN_VARIABLE`] for children, and the question "does this environment belong
//! to that run?". A task may itself run envloom; that inner run appends its own id, so the variable is a
//! chain `outer:inner`, and a process belongs to every run of its chain. envloom itself and its
//! supervisor never carry the id of their own run.

use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

/// The variable that marks every process of a run.
pub(crate) const RUN_VARIABLE: &str = "ENVLOOM_RUN";

/// One run's id and the chain of runs it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunId {
    /// Outer ids first, this run's id last, joined by `:`.
    chain: String,
    /// Where this run's own id begins in `chain`.
    own: usize,
}

impl RunId {
    /// A new id. `outer` is what [`RUN_VARIABLE`] held when envloom started.
    pub(crate) fn generate(outer: Option<&str>) -> Self {
        // No secret and no key: it only has to differ between runs on one machine. The clock may stand
        // still or be set back, but no two processes alive at once have one pid.
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Self::named(&format!("{:x}-{clock:x}", process::id()), outer)
    }

    /// The run called `own`, inside `outer`.
    fn named(own: &str, outer: Option<&str>) -> Self {
        match outer.filter(|outer| !outer.is_empty()) {
            Some(outer) => Self { chain: format!("{outer}:{own}"), own: outer.len() + 1 },
            None => Self { chain: own.to_owned(), own: 0 },
        }
    }

    /// The value of [`RUN_VARIABLE`] for this run's children.
    pub(crate) fn chain(&self) -> &str {
        &self.chain
    }

    /// This run's id alone.
    pub(crate) fn own(&self) -> &str {
        &self.chain[self.own..]
    }
}

/// Whether a process with this environment (`NAME=value`, each ended by NUL, as in `/proc/PID/environ`)
/// belongs to the run called `id`.
pub(crate) fn belongs_to(environ: &[u8], id: &str) -> bool {
    environ
        .split(|byte| *byte == 0)
        .filter_map(|entry| entry.strip_prefix(RUN_VARIABLE.as_bytes())?.strip_prefix(b"="))
        .any(|chain| chain.split(|byte| *byte == b':').any(|part| part == id.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_run_belongs_to_both() {
        let outer = RunId::named("a-1", None);
        let inner = RunId::named("b-2", Some(outer.chain()));
        let environ = format!("PATH=/bin\0{RUN_VARIABLE}={}\0", inner.chain());
        assert!(belongs_to(environ.as_bytes(), "a-1"));
        assert!(belongs_to(environ.as_bytes(), "b-2"));
        assert_eq!(inner.own(), "b-2");
    }

    #[test]
    fn only_whole_components_of_the_exact_variable_count() {
        for environ in [
            "ENVLOOM_RUN=a-12\0",
            "ENVLOOM_RUN=xa-1\0",
            "MY_ENVLOOM_RUN=a-1\0",
            "ENVLOOM_RUN_ID=a-1\0",
            "X=ENVLOOM_RUN=a-1\0",
            "",
        ] {
            assert!(!belongs_to(environ.as_bytes(), "a-1"), "{environ}");
        }
    }

    #[test]
    fn ids_differ_between_runs() {
        assert_ne!(RunId::generate(None), RunId::generate(None));
    }
}
