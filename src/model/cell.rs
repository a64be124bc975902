//! Cells: points of the matrix.

use super::environment::EnvironmentId;
use super::{Axis, Model};

/// More cells of one environment than this are refused when the model is made.
pub(super) const MAX_CELLS: usize = 10_000;

/// One point of the matrix: an environment, a choice on each axis, and a Python version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    /// The environment.
    pub(crate) environment: EnvironmentId,
    /// For each axis of the environment ([`Model::axes_of`]) the chosen variant; `None` is the empty choice.
    pub(crate) choices: Vec<Option<usize>>,
    /// The Python version where the target names one, or the environment's pin. `None`: whatever suits.
    pub(crate) python: Option<String>,
}

impl Cell {
    /// The chosen variants' names, which are the extras to install.
    pub(crate) fn variants<'m>(&self, model: &'m Model) -> impl Iterator<Item = &'m str> {
        self.choices
            .iter()
            .zip(model.axes_of(self.environment))
            .filter_map(|(choice, axis)| choice.map(|at| axis.variants[at].name.value.as_str()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Do all its variants exist for the platform this program runs on?
    pub(crate) fn is_possible_here(&self, model: &Model) -> bool {
        let chosen = self.choices.iter().zip(model.axes_of(self.environment));
        let mut chosen = chosen.filter_map(|(choice, axis)| choice.map(|at| &axis.variants[at]));
        chosen.all(super::Variant::is_possible_here)
    }

    /// The file-safe name, `dev-cu124-py3.12`: the environment, the choice on each axis, the Python.
    #[must_use]
    pub(crate) fn slug(&self, model: &Model) -> String {
        let mut slug = model.environment(self.environment).name.value.clone();
        for (choice, axis) in self.choices.iter().zip(model.axes_of(self.environment)) {
            slug.push('-');
            slug.push_str(Self::choice_word(*choice, axis));
        }
        if let Some(python) = &self.python {
            slug.push_str("-py");
            slug.push_str(python);
        }
        slug
    }

    /// The part of a target after `@`: the choice on each axis, and the Python only where it is not the
    /// environment's pin. `None` where nothing needs to be said.
    #[must_use]
    pub(crate) fn address(&self, model: &Model) -> Option<String> {
        let mut items: Vec<&str> = self
            .choices
            .iter()
            .zip(model.axes_of(self.environment))
            .map(|(choice, axis)| Self::choice_word(*choice, axis))
            .collect();
        let pin = model.environment(self.environment).settings.python.as_ref().map(|python| &python.value);
        if self.python.as_ref() != pin {
            items.extend(self.python.as_deref());
        }
        (!items.is_empty()).then(|| items.join(","))
    }

    /// The word for a choice on an axis.
    fn choice_word(choice: Option<usize>, axis: &Axis) -> &str {
        choice.map_or("none", |at| axis.variants[at].name.value.as_str())
    }
}

/// One cell of an own task: a point of its matrix, with nothing left open. A task without matrix has one, empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct OwnCell {
    /// The cell of an environment; `None`: the task knows no environments.
    pub(crate) cell: Option<Cell>,
    /// The Python of a task that knows no environments.
    pub(crate) python: Option<String>,
    /// Values on the task's own axes, in the order written.
    pub(crate) own: Vec<(String, String)>,
}

impl OwnCell {
    /// The value on an axis, by its name.
    pub(crate) fn value(&self, model: &Model, axis: &str) -> Option<String> {
        if let Some((_, value)) = self.own.iter().find(|(name, _)| name == axis) {
            return Some(value.clone());
        }
        match (axis, &self.cell) {
            ("environment", Some(cell)) => Some(model.environment(cell.environment).name.value.clone()),
            ("python", Some(cell)) => cell.python.clone(),
            ("python", None) => self.python.clone(),
            (_, Some(cell)) => {
                let mut chosen = model.axes_of(cell.environment).iter().zip(&cell.choices);
                let (known, choice) = chosen.find(|(known, _)| known.name.value == axis)?;
                Some(Cell::choice_word(*choice, known).to_owned())
            }
            (_, None) => None,
        }
    }

    /// The file-safe name, `dev-cu124-py3.12-fp16`; empty for a task without matrix.
    pub(crate) fn slug(&self, model: &Model) -> String {
        let cell = self.cell.as_ref().map(|cell| cell.slug(model));
        let python = self.python.as_ref().map(|python| format!("py{python}"));
        let own = self.own.iter().map(|(_, value)| value.clone());
        cell.into_iter().chain(python).chain(own).collect::<Vec<_>>().join("-")
    }

    /// What stands behind the task's name in a target: `:dev@cu124,fp16`, `@fp16`, or nothing.
    pub(crate) fn address(&self, model: &Model) -> String {
        let environment = self.cell.as_ref().map(|cell| &model.environment(cell.environment).name.value);
        let inner = self.cell.as_ref().and_then(|cell| cell.address(model));
        let own = self.own.iter().map(|(_, value)| value.clone());
        let items: Vec<String> = inner.into_iter().chain(self.python.clone()).chain(own).collect();
        let environment = environment.map(|name| format!(":{name}")).unwrap_or_default();
        if items.is_empty() { environment } else { format!("{environment}@{}", items.join(",")) }
    }

    /// Do all its variants exist for the platform this program runs on?
    pub(crate) fn is_possible_here(&self, model: &Model) -> bool {
        self.cell.as_ref().is_none_or(|cell| cell.is_possible_here(model))
    }
}

impl Axis {
    /// The choices there are, in the order written; the empty one comes last.
    pub(crate) fn options(&self) -> impl Iterator<Item = Option<usize>> {
        let empty = (self.choose.allows_none()).then_some(None);
        (0..self.variants.len()).map(Some).chain(empty)
    }
}

impl Model {
    /// Is it the only cell its environment can have, with the Python of its pin? Then `.venv` is its own.
    #[must_use]
    pub(crate) fn is_only_cell(&self, cell: &Cell) -> bool {
        let pin = self.environment(cell.environment).settings.python.as_ref().map(|pin| &pin.value);
        let choices = self.axes_of(cell.environment);
        choices.iter().all(|axis| axis.variants.len() == 1 && cell.choices.iter().all(Option::is_some))
            && cell.python.as_ref() == pin
    }

    /// All cells of an environment: every combination of its axes' choices, with the Python of its pin. Also
    /// those that this platform cannot have; see [`Variant::is_possible_here`](super::Variant::is_possible_here).
    #[must_use]
    pub(crate) fn cells(&self, environment: EnvironmentId) -> Vec<Cell> {
        let python =
            self.environment(environment).settings.python.as_ref().map(|python| python.value.clone());
        let mut combinations = vec![Vec::new()];
        for axis in self.axes_of(environment) {
            let longer = |choices: &Vec<Option<usize>>| {
                let choices = choices.clone();
                axis.options()
                    .map(move |option| choices.iter().copied().chain([option]).collect())
                    .collect::<Vec<_>>()
            };
            combinations = combinations.iter().flat_map(longer).collect();
        }
        let cell = |choices| Cell { environment, choices, python: python.clone() };
        combinations.into_iter().map(cell).collect()
    }
}
