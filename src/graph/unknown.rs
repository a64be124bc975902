//! Words of a call that name nothing: what is said of each, with the nearest name that is known.

use std::collections::BTreeMap;

use super::cell::words_of;
use super::error::GraphFinding;
use super::target::Scope;
use super::task::VERBS_OF_TASKS;
use crate::base::{Spanned, printable, suggest};
use crate::model::Axis;

impl Scope<'_> {
    /// The own tasks that a call may name.
    pub(super) fn own_names(&self) -> Vec<&str> {
        let private = self.local.iter().flat_map(|local| &local.tasks);
        let listed = self.model.tasks.iter().chain(private).filter(|task| !task.private);
        listed.map(|task| task.name.value.as_str()).collect()
    }

    /// A word that is no task.
    pub(super) fn unknown_task(&self, word: Spanned<&str>) -> GraphFinding {
        let own = self.own_names();
        let known: Vec<&str> = VERBS_OF_TASKS.iter().copied().chain(own).collect();
        GraphFinding::UnknownTask {
            name: printable(word.value).into_owned(),
            help: suggest(word.value, &known),
            span: word.span,
        }
    }

    /// A task of environments where there are none.
    pub(super) fn no_project(&self, word: Spanned<&str>) -> GraphFinding {
        let own = self.own_names();
        GraphFinding::NoProject {
            task: word.value.to_owned(),
            file: self.model.source.name().to_owned(),
            tasks: if own.is_empty() { "it has none".to_owned() } else { own.join(", ") },
            span: word.span,
        }
    }

    /// The axes of `tasks.kdl` and those of adopted manifests; some have the same name.
    fn axes(&self) -> impl Iterator<Item = &Axis> {
        self.model.axes.iter().chain(self.model.environments.iter().flat_map(|environment| &environment.axes))
    }

    /// `VAR=VALUE` words that set nothing.
    pub(super) fn unknown_variables(&self) -> Vec<GraphFinding> {
        let axes = self.axes().map(|axis| axis.name.value.to_uppercase());
        let tasks = self.all_declared().map(|declared| self.declaration(declared));
        let own = tasks.flat_map(|task| {
            let axes =
                task.matrix.iter().flat_map(|matrix| &matrix.axes).map(|axis| axis.name.value.to_uppercase());
            axes.chain(task.parameters.iter().map(|parameter| parameter.name.value.clone()))
        });
        let mut known: Vec<String> = axes.chain(own).filter(|name| name != "ENVIRONMENT").collect();
        known.extend(["ENV".to_owned(), "PYTHON".to_owned()]);
        known.dedup();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.words
            .assignments
            .iter()
            .filter(|assignment| !known.iter().any(|name| name.eq_ignore_ascii_case(&assignment.name.value)))
            .map(|assignment| GraphFinding::UnknownVariable {
                name: printable(&assignment.name.value).into_owned(),
                help: suggest(&assignment.name.value, &known),
                span: assignment.name.span,
            })
            .collect()
    }

    /// `AXIS=VALUE` words with a value that the axis has not, whether a target asks for it or not.
    pub(super) fn unknown_values(&self) -> Vec<GraphFinding> {
        let mut axes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for axis in self.axes() {
            axes.entry(&axis.name.value).or_default().extend(words_of(axis));
        }
        let words = axes.into_iter().filter_map(|(axis, known)| Some((known, self.assigned(axis)?)));
        words
            .filter_map(|(known, word)| {
                let is_known = known.iter().chain(&["*", "auto"]).any(|known| *known == word.value);
                (!is_known).then(|| GraphFinding::UnknownValue {
                    value: printable(&word.value).into_owned(),
                    help: suggest(&word.value, &known),
                    span: word.span,
                })
            })
            .collect()
    }
}
