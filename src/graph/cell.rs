//! Which cells of an environment a target means.

use miette::SourceSpan;

use super::auto::{axis_of_auto, choose, no_drivers};
use super::error::GraphFinding;
use super::target::{Notes, Scope};
use super::words::{Parts, malformed, span_of};
use crate::base::{Spanned, nearest, printable, suggest};
use crate::config::AxisChoice;
use crate::model::{Axis, Cell, EnvironmentId, Kept, Preference, Variant};

/// A target's cell part, for one environment.
pub(super) struct CellRequest<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) parts: &'a Parts<'a>,
    pub(super) environment: EnvironmentId,
    /// Also cells that this platform cannot have?
    pub(super) anywhere: bool,
}

/// The cells found, and what is to be said of how.
pub(super) struct Found {
    pub(super) cells: Vec<Cell>,
    pub(super) notes: Notes,
}

/// What a target says of one axis.
#[derive(Clone, Default)]
pub(super) enum Choice {
    /// Nothing.
    #[default]
    Open,
    /// `*`
    All,
    /// What suits the NVIDIA driver.
    Auto(SourceSpan),
    /// One value; `None` is the empty choice.
    One(Option<usize>, SourceSpan),
}

/// The cells that the target names in the environment.
pub(super) fn cells(request: &CellRequest<'_>) -> Result<Found, GraphFinding> {
    let mut choices = vec![Choice::Open; request.axes().len()];
    let mut python: Option<Spanned<&str>> = None;
    for item in items(request.parts.cell) {
        request.take(item, &mut choices, &mut python)?;
    }
    let python = match python {
        Some(word) => Some(request.check_python(word)?),
        None => request.default_python()?,
    };
    let mut found = Found {
        cells: vec![Cell { environment: request.environment, choices: Vec::new(), python }],
        notes: Notes::default(),
    };
    for (axis, choice) in request.axes().iter().zip(choices) {
        let (values, mut notes) = request.values(axis, &choice)?;
        notes.left_out *= found.cells.len();
        found.notes.add(notes);
        found.cells = found
            .cells
            .iter()
            .flat_map(|cell| {
                values.iter().map(|value| {
                    let mut cell = cell.clone();
                    cell.choices.push(*value);
                    cell
                })
            })
            .collect();
    }
    Ok(found)
}

/// The comma-separated items of a cell, each with its place.
pub(super) fn items(cell: Option<Spanned<&str>>) -> Vec<Spanned<&str>> {
    let Some(cell) = cell else { return Vec::new() };
    let mut start = cell.span.offset();
    cell.value
        .split(',')
        .map(|item| {
            let spanned = Spanned::new(item, (start, item.len()));
            start += item.len() + 1;
            spanned
        })
        .collect()
}

impl<'a> CellRequest<'a> {
    /// The axes of the environment.
    fn axes(&self) -> &'a [Axis] {
        self.scope.model.axes_of(self.environment)
    }

    /// Reads one item into the choices.
    fn take(
        &self,
        item: Spanned<&'a str>,
        choices: &mut [Choice],
        python: &mut Option<Spanned<&'a str>>,
    ) -> Result<(), GraphFinding> {
        if item.value == "*" {
            for choice in choices.iter_mut().filter(|choice| matches!(choice, Choice::Open)) {
                *choice = Choice::All;
            }
            return Ok(());
        }
        if item.value.is_empty() {
            return Err(malformed(self.parts.whole, "an empty item between commas"));
        }
        let (axis, value) = match item.value.split_once('=') {
            Some((axis, value)) => {
                let at = item.span.offset() + axis.len() + 1;
                (
                    Some(Spanned::new(axis, (item.span.offset(), axis.len()))),
                    Spanned::new(value, (at, value.len())),
                )
            }
            None => (None, item),
        };
        let is_python = match axis {
            Some(axis) => axis.value == "python",
            None => {
                value.value.starts_with(|first: char| first.is_ascii_digit()) && self.axis_of(value).is_err()
            }
        };
        if is_python {
            if python.replace(value).is_some() {
                return Err(GraphFinding::TwiceOnAxis { axis: "python".to_owned(), span: value.span });
            }
            return Ok(());
        }
        let at = match axis {
            Some(axis) => self.axis_named(axis)?,
            None => self.axis_of(value)?,
        };
        if !matches!(choices[at], Choice::Open | Choice::All) {
            let axis = self.axes()[at].name.value.clone();
            return Err(GraphFinding::TwiceOnAxis { axis, span: value.span });
        }
        choices[at] = if value.value == "*" { Choice::All } else { self.variant(at, value)? };
        Ok(())
    }

    /// What the items of a target of an own task say of one axis. Those that say nothing of it are not looked at: they
    /// may mean another axis of the task; a lone `*` means all cells of its matrix.
    pub(super) fn said_of(&self, at: usize) -> Result<Choice, GraphFinding> {
        let axis = &self.axes()[at];
        let is_of_auto = |item: &Spanned<&str>| {
            item.value == "auto" && axis_of_auto(self.axes(), item.span).is_ok_and(|of| of == at)
        };
        let says = |item: &Spanned<&str>| match item.value.split_once('=') {
            Some((name, _)) => name == axis.name.value,
            None => words_of(axis).any(|word| word == item.value) || is_of_auto(item),
        };
        let mut choice = Choice::Open;
        for item in items(self.parts.cell).into_iter().filter(says) {
            let value = item.value.split_once('=').map_or(item.value, |(_, value)| value);
            let value = Spanned::new(value, item.span);
            choice = match (choice, value.value) {
                (Choice::Open, "*") => Choice::All,
                (said, "*") => said,
                (Choice::Open | Choice::All, _) => self.variant(at, value)?,
                _ => {
                    let axis = axis.name.value.clone();
                    return Err(GraphFinding::TwiceOnAxis { axis, span: value.span });
                }
            };
        }
        Ok(choice)
    }

    fn axis_named(&self, word: Spanned<&str>) -> Result<usize, GraphFinding> {
        let axes = self.axes();
        axes.iter().position(|axis| axis.name.value == word.value).ok_or_else(|| {
            let known: Vec<&str> =
                axes.iter().map(|axis| axis.name.value.as_str()).chain(["python"]).collect();
            GraphFinding::UnknownAxis {
                axis: printable(word.value).into_owned(),
                help: suggest(word.value, &known),
                span: word.span,
            }
        })
    }

    /// The axis that has a bare value.
    fn axis_of(&self, value: Spanned<&str>) -> Result<usize, GraphFinding> {
        let axes = self.axes();
        let hits: Vec<usize> =
            (0..axes.len()).filter(|&at| words_of(&axes[at]).any(|word| word == value.value)).collect();
        match hits.as_slice() {
            [at] => Ok(*at),
            [] if value.value == "auto" => axis_of_auto(axes, value.span),
            [] => Err(self.unknown_value(value, &axes.iter().flat_map(words_of).collect::<Vec<_>>())),
            several => {
                let names: Vec<&str> = several.iter().map(|&at| axes[at].name.value.as_str()).collect();
                Err(GraphFinding::AmbiguousValue {
                    value: value.value.to_owned(),
                    axes: names.join(" and "),
                    example: format!("`{}={}`", names[0], value.value),
                    span: value.span,
                })
            }
        }
    }

    /// The variant of that name on the axis, or the word for the empty choice, or `auto`.
    fn variant(&self, at: usize, value: Spanned<&str>) -> Result<Choice, GraphFinding> {
        let axis = &self.axes()[at];
        if value.value == "none" && axis.choose.allows_none() {
            return Ok(Choice::One(None, value.span));
        }
        if value.value == "auto" {
            return no_drivers(axis, value.span).map_or(Ok(Choice::Auto(value.span)), Err);
        }
        match axis.variants.iter().position(|variant| variant.name.value == value.value) {
            found @ Some(_) => Ok(Choice::One(found, value.span)),
            None => Err(self.unknown_value(value, &words_of(axis).collect::<Vec<_>>())),
        }
    }

    fn unknown_value(&self, value: Spanned<&str>, known: &[&str]) -> GraphFinding {
        let help = match nearest(value.value, known.iter().copied()) {
            None if known.is_empty() => format!("{} has no variants", self.scope.model.source.name()),
            _ => suggest(value.value, known),
        };
        GraphFinding::UnknownValue { value: printable(value.value).into_owned(), help, span: value.span }
    }

    /// The values of one axis, and what is to be said of how they were chosen.
    pub(super) fn values(
        &self,
        axis: &Axis,
        choice: &Choice,
    ) -> Result<(Vec<Option<usize>>, Notes), GraphFinding> {
        let silent = Notes::default();
        let choice = match choice {
            Choice::Open => self.standing_choice(axis)?,
            said => said.clone(),
        };
        match choice {
            Choice::One(Some(at), span) if !self.anywhere && !axis.variants[at].is_possible_here() => {
                Err(impossible(axis, &axis.variants[at], span))
            }
            Choice::One(value, _) => Ok((vec![value], silent)),
            Choice::Auto(span) => {
                let (value, why) = choose(axis, self.scope, span)?;
                Ok((vec![value], Notes { autos: vec![why], ..silent }))
            }
            Choice::All => {
                let none = (axis.choose.allows_none()).then_some(None);
                let here: Vec<Option<usize>> = (0..axis.variants.len())
                    .filter(|&at| axis.variants[at].is_possible_here())
                    .map(Some)
                    .chain(none)
                    .collect();
                let possible = here.iter().flatten().count();
                Ok((here, Notes { left_out: axis.variants.len() - possible, ..silent }))
            }
            Choice::Open => match (axis.choose, axis.variants.len()) {
                (AxisChoice::AtMostOne, _) => Ok((vec![None], silent)),
                // There is nothing to choose.
                (AxisChoice::ExactlyOne, 1) => Ok((vec![Some(0)], silent)),
                (AxisChoice::ExactlyOne | AxisChoice::OneOrNone, _) => Err(self.variant_required(axis)),
            },
        }
    }

    /// What the call, the machine or `tasks.local.kdl` says of an axis that the target leaves open.
    fn standing_choice(&self, axis: &Axis) -> Result<Choice, GraphFinding> {
        let scope = self.scope;
        let at = self.axes().iter().position(|other| other.name.value == axis.name.value).unwrap_or_default();
        if let Some(word) = scope.assigned(&axis.name.value) {
            if word.value == "*" {
                return Ok(Choice::All);
            }
            let value = Spanned::new(word.value.as_str(), word.span);
            return self.variant(at, value);
        }
        let target = self.parts.whole.span;
        let backend = scope.words.torch_backend.as_deref();
        if let Some(found) =
            axis.variants.iter().position(|variant| Some(variant.name.value.as_str()) == backend)
        {
            return Ok(Choice::One(Some(found), target));
        }
        // uv's own word for it, of which an axis that knows no drivers is not meant.
        if backend == Some("auto") && axis.knows_drivers() {
            return Ok(Choice::Auto(target));
        }
        // What `prefer` names are axes of tasks.kdl; those of adopted manifests are others.
        let declared = scope.model.environment(self.environment).kept == Kept::Generated;
        Ok(match scope.local.filter(|_| declared).and_then(|local| local.prefer.get(&at)) {
            None => Choice::Open,
            Some(Preference::Auto) => Choice::Auto(target),
            Some(Preference::One(value)) => Choice::One(*value, target),
        })
    }

    fn variant_required(&self, axis: &Axis) -> GraphFinding {
        let model = self.scope.model;
        let environment = &model.environment(self.environment).name.value;
        let possible: Vec<&str> = possible_words(axis);
        let (line, column) = model.source.line_column(axis.name.span.offset());
        let name = &axis.name.value;
        let declared = match model.environment(self.environment).kept {
            Kept::Generated => format!(
                "The axis is declared at {}:{line}:{column}; `prefer \"{name}\" \"…\"` in tasks.local.kdl chooses for \
                 this machine",
                model.source.name()
            ),
            Kept::Adopted | Kept::Derived(_) => {
                "They exclude one another by `tool.uv.conflicts` of the adopted manifest".to_owned()
            }
        };
        let none = axis.choose.allows_none().then_some("none");
        let task = self.parts.task.value;
        GraphFinding::VariantRequired {
            target: printable(&self.parts.whole.value).into_owned(),
            axis: axis.name.value.clone(),
            choices: possible.iter().copied().chain(none).collect::<Vec<_>>().join(", "),
            example: format!(
                "`{task}:{environment}@{}`",
                possible.first().copied().unwrap_or(axis.variants[0].name.value.as_str())
            ),
            declared,
            span: span_of(None, self.parts),
        }
    }

    /// `PYTHON=…`, else the environment's pin.
    pub(super) fn default_python(&self) -> Result<Option<String>, GraphFinding> {
        if let Some(word) = self.scope.assigned("PYTHON") {
            return self.check_python(Spanned::new(word.value.as_str(), word.span)).map(Some);
        }
        let pin = self.scope.model.environment(self.environment).settings.python.as_ref();
        Ok(pin.map(|pin| pin.value.clone()))
    }

    /// A Python that a target names must suit `requires-python`.
    fn check_python(&self, word: Spanned<&str>) -> Result<String, GraphFinding> {
        let environment = self.scope.model.environment(self.environment);
        let numbers: Option<Vec<u64>> = word.value.split('.').map(|part| part.parse().ok()).collect();
        let Some(numbers) = numbers.filter(|numbers| matches!(numbers.len(), 2 | 3)) else {
            return Err(self.unknown_value(word, &self.axes().iter().flat_map(words_of).collect::<Vec<_>>()));
        };
        let Some(requires) = &environment.settings.requires_python else { return Ok(word.value.to_owned()) };
        // A minor version stands for all its releases: it suits where an early or a late one does.
        let releases: Vec<Vec<u64>> = match numbers.as_slice() {
            [major, minor] => vec![vec![*major, *minor, 0], vec![*major, *minor, 99]],
            exact => vec![exact.to_vec()],
        };
        let range: Result<pep440_rs::VersionSpecifiers, _> = requires.value.parse();
        let suits = range.is_ok_and(|range| {
            releases.iter().any(|release| range.contains(&pep440_rs::Version::new(release.iter().copied())))
        });
        if suits {
            return Ok(word.value.to_owned());
        }
        Err(GraphFinding::PythonNotAllowed {
            python: word.value.to_owned(),
            requires: requires.value.clone(),
            environment: environment.name.value.clone(),
            span: word.span,
        })
    }
}

/// The words for an axis' values.
pub(super) fn words_of(axis: &Axis) -> impl Iterator<Item = &str> {
    let none = (axis.choose.allows_none()).then_some("none");
    axis.variants.iter().map(|variant| variant.name.value.as_str()).chain(none)
}

/// The variants that exist for this platform.
fn possible_words(axis: &Axis) -> Vec<&str> {
    axis.variants
        .iter()
        .filter(|variant| variant.is_possible_here())
        .map(|variant| variant.name.value.as_str())
        .collect()
}

fn impossible(axis: &Axis, variant: &Variant, span: SourceSpan) -> GraphFinding {
    let platforms: Vec<&str> = variant.platforms.iter().map(|platform| platform.word()).collect();
    let possible = possible_words(axis);
    GraphFinding::ImpossibleCell {
        variant: variant.name.value.clone(),
        platforms: platforms.join(" "),
        possible: if possible.is_empty() { "none".to_owned() } else { possible.join(", ") },
        span,
    }
}
