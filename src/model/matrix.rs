//! The matrix of an own task: its axes, and the points they span.
//!
//! The points are all that `tasks.kdl` alone decides. What a point leaves open (an axis of variants that the matrix does
//! not name) is a matter of the call, so that `graph` makes [`OwnCell`](super::OwnCell)s of points.

use std::collections::BTreeMap;

use super::Model;
use super::environment::EnvironmentId;
use crate::base::Spanned;

/// The cells a task runs in.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    /// The axes, in the order written.
    pub(crate) axes: Vec<MatrixAxis>,
    /// The points, in the order of the axes' values; included ones last. Also those that this platform cannot have.
    pub(crate) points: Vec<Point>,
}

/// One axis.
#[derive(Debug, Clone)]
pub(crate) struct MatrixAxis {
    /// Its name as written.
    pub(crate) name: Spanned<String>,
    /// What its values are.
    pub(crate) kind: AxisKind,
}

/// What the values of an axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AxisKind {
    /// Environments.
    Environment,
    /// Variants of the axis at this place of the model.
    Variants(usize),
    /// Python versions.
    Python,
    /// Words of the task's own.
    Own,
}

/// A point of a matrix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Point {
    /// The environment; `None`: the task knows no environments.
    pub(crate) environment: Option<EnvironmentId>,
    /// Choices on the axes of variants that the matrix names, by their places in the model.
    pub(crate) choices: BTreeMap<usize, Option<usize>>,
    /// The Python, where the matrix names one.
    pub(crate) python: Option<String>,
    /// Values on the task's own axes, in the order written.
    pub(crate) own: Vec<(String, String)>,
}

impl Point {
    /// Its value on an axis of its matrix.
    pub(super) fn value(&self, axis: &MatrixAxis, model: &Model) -> Option<String> {
        match axis.kind {
            AxisKind::Environment => self.environment.map(|id| model.environment(id).name.value.clone()),
            AxisKind::Variants(at) => {
                let of = &model.axes[at];
                let choice = self.choices.get(&at)?;
                Some(choice.map_or("none", |variant| of.variants[variant].name.value.as_str()).to_owned())
            }
            AxisKind::Python => self.python.clone(),
            AxisKind::Own => {
                self.own.iter().find(|(name, _)| *name == axis.name.value).map(|(_, value)| value.clone())
            }
        }
    }

    /// The values that it has, in the order of names of cells.
    pub(super) fn words(&self, model: &Model) -> Vec<String> {
        let environment = self.environment.map(|id| model.environment(id).name.value.clone());
        let variants = self.choices.iter().map(|(at, choice)| {
            choice.map_or("none", |variant| model.axes[*at].variants[variant].name.value.as_str()).to_owned()
        });
        let python = self.python.as_ref().map(|python| format!("py{python}"));
        let own = self.own.iter().map(|(_, value)| value.clone());
        environment.into_iter().chain(variants).chain(python).chain(own).collect()
    }
}
