//! `matrix` nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::cell::MAX_CELLS;
use super::super::matrix::{AxisKind, Matrix, MatrixAxis, Point};
use super::super::task::Coordinates;
use super::super::task_error::TaskFinding;
use super::super::{EnvironmentId, Model};
use super::task::{Ground, kind_of_axis};
use super::{Resolver, Thing};
use crate::base::{Spanned, brief, nearest};
use crate::config::{CoordinatesNode, MatrixNode};

/// Names that a task's texts and targets use otherwise.
const NOT_OWN_AXES: &[&str] =
    &["cell", "project", "matrix", "include", "exclude", "env", "all", "none", "auto"];
/// Values that a target uses otherwise.
const NOT_OWN_VALUES: &[&str] = &["none", "auto", "all"];

/// An axis with its values, read.
struct Read {
    axis: MatrixAxis,
    /// Each value with what it is.
    values: Vec<Value>,
}

/// A value on an axis.
#[derive(Clone)]
struct Value {
    word: String,
    environment: Option<EnvironmentId>,
    /// The variant; `None` is the empty choice, or a value that is no variant.
    choice: Option<usize>,
}

impl Value {
    fn plain(word: &str) -> Self {
        Self { word: word.to_owned(), environment: None, choice: None }
    }
}

impl Resolver {
    /// The matrix of a task, expanded.
    pub(super) fn matrix(
        &mut self,
        task: &Spanned<String>,
        node: &MatrixNode,
        ground: &Ground<'_>,
    ) -> Matrix {
        let mut read: Vec<Read> = Vec::new();
        for (name, values) in &node.axes {
            if kind_of_axis(ground.model, &name.value) == AxisKind::Own {
                let _ = self.word("an axis", name) && !self.reserved("an axis", name, NOT_OWN_AXES);
            }
            read.push(self.axis_of_matrix(name, values, ground.model));
        }
        let axes = read.iter().map(|read| read.axis.clone()).collect();
        let mut matrix = Matrix { axes, points: Vec::new() };
        let count = read.iter().map(|read| read.values.len() as u128).product::<u128>();
        if count > MAX_CELLS as u128 {
            let sizes: Vec<String> = read
                .iter()
                .map(|read| format!("{} has {} values", brief(&read.axis.name.value), read.values.len()))
                .collect();
            self.report(
                TaskFinding::TooManyTaskCells {
                    task: brief(&task.value),
                    count: count.to_string(),
                    most: MAX_CELLS,
                    axes: sizes.join(", "),
                    span: node.span,
                }
                .into(),
            );
            return matrix;
        }
        let environment = self.environment_of_matrix(task, node, &read, ground);
        let combinations = self.combinations(node, &read);
        if combinations.is_empty() {
            self.report(TaskFinding::EmptyMatrix { task: brief(&task.value), span: node.span }.into());
        }
        let point = |values: &Vec<Value>| point(&matrix.axes, values, environment);
        let points: Vec<Point> = combinations.iter().map(point).collect();
        matrix.points = points;
        self.check_points(task, node, &matrix, ground.model);
        matrix
    }

    fn axis_of_matrix(&mut self, name: &Spanned<String>, texts: &[Spanned<String>], model: &Model) -> Read {
        let kind = kind_of_axis(model, &name.value);
        let mut seen = BTreeMap::new();
        let mut values: Vec<Value> = Vec::new();
        for text in texts {
            if self.once(&mut seen, text.value.clone(), &Thing::new("the value", text)) {
                values.extend(self.values(kind, name, text, model));
            }
        }
        let mut words = BTreeSet::new();
        values.retain(|value| words.insert(value.word.clone()));
        Read { axis: MatrixAxis { name: name.clone(), kind }, values }
    }

    /// What one word of an axis stands for.
    fn values(
        &mut self,
        kind: AxisKind,
        axis: &Spanned<String>,
        text: &Spanned<String>,
        model: &Model,
    ) -> Vec<Value> {
        let all = text.value == "*";
        let known: Vec<Value> = match kind {
            AxisKind::Environment => model
                .environments()
                .map(|(id, environment)| Value {
                    environment: Some(id),
                    ..Value::plain(&environment.name.value)
                })
                .collect(),
            AxisKind::Variants(at) => model.axes[at]
                .options()
                .map(|choice| {
                    let word =
                        choice.map_or("none", |at_of| model.axes[at].variants[at_of].name.value.as_str());
                    Value { choice, ..Value::plain(word) }
                })
                .collect(),
            AxisKind::Python => {
                return if self.python(text) { vec![Value::plain(&text.value)] } else { Vec::new() };
            }
            AxisKind::Own => {
                let fits =
                    !self.reserved("a value of a matrix", text, NOT_OWN_VALUES) && self.own_value(text);
                return if fits { vec![Value::plain(&text.value)] } else { Vec::new() };
            }
        };
        let chosen: Vec<Value> =
            known.iter().filter(|value| all || value.word == text.value).cloned().collect();
        if chosen.is_empty() {
            let words: Vec<&str> = known.iter().map(|value| value.word.as_str()).collect();
            self.unknown_axis_value(&axis.value, text, &words);
        }
        chosen
    }

    /// A value of a task's own axis: part of file names and targets.
    fn own_value(&mut self, text: &Spanned<String>) -> bool {
        let bytes = text.value.as_bytes();
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+');
        let fits = bytes.len() <= 60
            && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.iter().all(inner);
        if !fits {
            let form = "use letters, digits, `-`, `_`, `+` and `.`, a letter or digit first";
            self.invalid_name("a value of a matrix", text, form);
        }
        fits
    }

    fn unknown_axis_value(&mut self, axis: &str, text: &Spanned<String>, known: &[&str]) {
        let help = match nearest(&text.value, known.iter().copied()) {
            Some(near) => format!("did you mean `{}`?", brief(near)),
            None if known.is_empty() => "declare one first".to_owned(),
            None => {
                format!("use one of: {}", known.iter().map(|word| brief(word)).collect::<Vec<_>>().join(", "))
            }
        };
        let (value, axis) = (brief(&text.value), brief(axis));
        self.report(TaskFinding::UnknownAxisValue { value, axis, help, span: text.span }.into());
    }

    /// The environment of a matrix that needs one and names none.
    fn environment_of_matrix(
        &mut self,
        task: &Spanned<String>,
        node: &MatrixNode,
        read: &[Read],
        ground: &Ground<'_>,
    ) -> Option<EnvironmentId> {
        let has = |wanted: fn(AxisKind) -> bool| read.iter().any(|read| wanted(read.axis.kind));
        let variants = has(|kind| matches!(kind, AxisKind::Variants(_)));
        let python = has(|kind| kind == AxisKind::Python) && !ground.model.environments.is_empty();
        if has(|kind| kind == AxisKind::Environment) || !(variants || python) {
            return None;
        }
        if ground.environment.is_none() {
            let example = ground.model.environments.first();
            let example = example.map_or("dev", |environment| environment.name.value.as_str()).to_owned();
            let (task, span) = (brief(&task.value), node.span);
            self.report(TaskFinding::MatrixWithoutEnvironment { task, example, span }.into());
        }
        ground.environment
    }

    /// All combinations but the excluded ones, then the included ones.
    fn combinations(&mut self, node: &MatrixNode, read: &[Read]) -> Vec<Vec<Value>> {
        let axes: Vec<&MatrixAxis> = read.iter().map(|read| &read.axis).collect();
        let excluded: Vec<Vec<(usize, String)>> =
            node.exclude.iter().map(|exclude| self.placed(exclude, read, false)).collect();
        let mut combinations: Vec<Vec<Value>> = vec![Vec::new()];
        for one in read {
            let longer = |combination: &Vec<Value>| {
                let combination = combination.clone();
                one.values
                    .iter()
                    .map(move |value| [combination.as_slice(), std::slice::from_ref(value)].concat())
            };
            combinations = combinations.iter().flat_map(longer).collect();
        }
        combinations.retain(|values| {
            let fits =
                |places: &Vec<(usize, String)>| places.iter().all(|(at, word)| values[*at].word == *word);
            !excluded.iter().any(|places| !places.is_empty() && fits(places))
        });
        for include in &node.include {
            let placed = self.placed(include, read, true);
            if let Some(missing) = (0..axes.len()).find(|at| !placed.iter().any(|(known, _)| known == at)) {
                let finding = TaskFinding::IncompleteCell {
                    axis: brief(&axes[missing].name.value),
                    span: include.span,
                };
                self.report(finding.into());
                continue;
            }
            let value = |at: usize| {
                let word = &placed.iter().find(|(known, _)| *known == at)?.1;
                let known = read[at].values.iter().find(|value| value.word == *word);
                Some(known.cloned().unwrap_or_else(|| Value::plain(word)))
            };
            combinations.extend((0..axes.len()).map(value).collect::<Option<Vec<Value>>>());
        }
        combinations
    }

    /// Coordinates by the places of their axes. An `include` may have a value of the task's own, or a Python, that no
    /// other cell has.
    fn placed(&mut self, node: &CoordinatesNode, read: &[Read], may_be_new: bool) -> Vec<(usize, String)> {
        let mut placed = Vec::new();
        for (axis, value) in &node.values {
            let Some(at) = read.iter().position(|read| read.axis.name.value == axis.value) else {
                let known: Vec<&str> = read.iter().map(|read| read.axis.name.value.as_str()).collect();
                self.unknown_word("axis", axis, &known);
                continue;
            };
            let words: Vec<&str> = read[at].values.iter().map(|value| value.word.as_str()).collect();
            let known = words.contains(&value.value.as_str());
            let fits = match read[at].axis.kind {
                _ if known => true,
                AxisKind::Own if may_be_new => self.own_value(value),
                AxisKind::Python if may_be_new => self.python(value),
                _ => {
                    self.unknown_axis_value(&axis.value, value, &words);
                    false
                }
            };
            if fits {
                placed.push((at, value.value.clone()));
            }
        }
        placed
    }

    /// The coordinates of a `cell` of a task.
    pub(super) fn coordinates(
        &mut self,
        values: &[(Spanned<String>, Spanned<String>)],
        matrix: Option<&Matrix>,
        model: &Model,
    ) -> Coordinates {
        let axes = matrix.map(|matrix| matrix.axes.as_slice()).unwrap_or_default();
        let points = matrix.map(|matrix| matrix.points.as_slice()).unwrap_or_default();
        for (axis, value) in values {
            let Some(on) = axes.iter().find(|known| known.name.value == axis.value) else {
                let known: Vec<&str> = axes.iter().map(|known| known.name.value.as_str()).collect();
                self.unknown_word("axis", axis, &known);
                continue;
            };
            let mut known: Vec<String> = Vec::new();
            for word in points.iter().filter_map(|point| point.value(on, model)) {
                if !known.contains(&word) {
                    known.push(word);
                }
            }
            // A matrix without a cell was refused itself.
            if !known.is_empty() && !known.contains(&value.value) {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                self.unknown_axis_value(&axis.value, value, &known);
            }
        }
        values.iter().map(|(axis, value)| (axis.value.clone(), value.value.clone())).collect()
    }

    /// Are Pythons supported, and names told apart?
    fn check_points(&mut self, task: &Spanned<String>, node: &MatrixNode, matrix: &Matrix, model: &Model) {
        let pythons =
            node.axes.iter().filter(|(name, _)| name.value == "python").flat_map(|(_, values)| values);
        for python in pythons {
            let with = |point: &&Point| point.python.as_deref() == Some(&python.value);
            for id in matrix
                .points
                .iter()
                .filter(with)
                .filter_map(|point| point.environment)
                .collect::<BTreeSet<_>>()
            {
                if let Some(supported) = &model.environment(id).settings.requires_python {
                    self.check_supported(python, supported);
                }
            }
        }
        let mut slugs = BTreeSet::new();
        for point in &matrix.points {
            let slug = point.words(model).join("-");
            if !slugs.insert(slug.clone()) {
                let task = brief(&task.value);
                self.report(TaskFinding::SameTaskCell { task, slug, span: node.span }.into());
            }
        }
    }
}

fn point(axes: &[MatrixAxis], values: &[Value], environment: Option<EnvironmentId>) -> Point {
    let mut point = Point { environment, ..Point::default() };
    for (axis, value) in axes.iter().zip(values) {
        match axis.kind {
            AxisKind::Environment => point.environment = value.environment,
            AxisKind::Variants(at) => {
                point.choices.insert(at, value.choice);
            }
            AxisKind::Python => point.python = Some(value.word.clone()),
            AxisKind::Own => point.own.push((axis.name.value.clone(), value.word.clone())),
        }
    }
    point
}
