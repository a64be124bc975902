//! The JSON report of a run: one event a line, in the file that `ENVLOOM_EVENTS` names.
//!
//! In: that file. Out: questions that tests ask. Only the fields `event`, `task` and `result` of
//! `{"event":"finished","task":"lock:prod","result":"ran"}` are known here; others are passed on.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// The events of one run, in their order.
#[derive(Debug)]
pub(crate) struct Events(Vec<Value>);

impl Events {
    /// The events that a run has written; `None` when it wrote no report.
    #[track_caller]
    pub(super) fn read(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the event {line}"))
        };
        Some(Self(text.lines().map(parse).collect()))
    }

    /// All events.
    pub(crate) fn all(&self) -> &[Value] {
        &self.0
    }

    /// The tasks of the events of a kind (`started`, `finished`), in their order.
    pub(crate) fn tasks(&self, event: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|value| value["event"] == event)
            .filter_map(|value| value["task"].as_str())
            .collect()
    }

    /// The finished tasks, in their order.
    pub(super) fn finished(&self) -> Vec<&str> {
        self.tasks("finished")
    }

    /// The tasks that finished with a result: `ran`, `fresh`, `restored`, `failed`, `skipped`.
    pub(super) fn with_result(&self, result: &str) -> BTreeSet<&str> {
        let finished =
            self.0.iter().filter(|value| value["event"] == "finished" && value["result"] == result);
        finished.filter_map(|value| value["task"].as_str()).collect()
    }
}
