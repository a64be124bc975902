//! Which cells of an own task a target means.
//!
//! The matrix of `tasks.kdl` gives points; what they leave open (an axis of variants that the matrix does not name, the
//! Python) is settled as for a sync: by the target, `VAR=VALUE`, the machine, `tasks.local.kdl`. All words of the target
//! and `VAR=VALUE` then narrow: a value keeps the cells that have it.

use super::auto::{axis_of_auto, choose, no_drivers};
use super::cell::{CellRequest, Choice, items};
use super::environment::{assigned_environment, named};
use super::error::GraphFinding;
use super::own_error::OwnFinding;
use super::target::{Notes, Scope};
use super::task::{Declared, OwnKey};
use super::words::Parts;
use crate::base::{Spanned, printable, suggest};
use crate::model::{Cell, EnvironmentId, Kept, OwnCell, OwnTask, Point};

/// The cells found, and what is to be said of how.
pub(super) struct Found {
    pub(super) cells: Vec<OwnCell>,
    pub(super) notes: Notes,
}

impl<'a> Scope<'a> {
    /// The declaration of an own task.
    pub(super) fn declaration(&self, declared: Declared) -> &'a OwnTask {
        match declared {
            Declared::Shared(at) => &self.model.tasks[at],
            Declared::Private(at) => {
                &self.local.expect("a private task is declared in the local model").tasks[at]
            }
        }
    }

    /// Every own task.
    pub(super) fn all_declared(&self) -> impl Iterator<Item = Declared> + use<> {
        let private = self.local.map_or(0, |local| local.tasks.len());
        (0..self.model.tasks.len()).map(Declared::Shared).chain((0..private).map(Declared::Private))
    }

    /// Does a task have a parameter, or an axis of its own, of that name?
    pub(super) fn takes(&self, declared: Declared, name: &str) -> bool {
        let task = self.declaration(declared);
        let axes = task.matrix.iter().flat_map(|matrix| &matrix.axes).map(|axis| &axis.name.value);
        let parameters = task.parameters.iter().map(|parameter| &parameter.name.value);
        axes.chain(parameters).any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Is it a name that every call may give: `ENV`, `PYTHON`, an axis of variants?
    pub(super) fn is_common(&self, name: &str) -> bool {
        self.model.axis_names().chain(["ENV", "PYTHON"]).any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The name of an own task in a cell, as a user would type it.
    pub(super) fn own_id(&self, key: &OwnKey) -> String {
        format!("{}{}", self.declaration(key.task).name.value, key.cell.address(self.model))
    }

    /// The cells of a target that names an own task.
    pub(super) fn own_cells(&self, declared: Declared, parts: &Parts<'_>) -> Result<Found, GraphFinding> {
        let Found { mut cells, mut notes } = self.cells_anywhere(declared, parts)?;
        let all = cells.len();
        cells.retain(|cell| cell.is_possible_here(self.model));
        notes.left_out = all - cells.len();
        if cells.is_empty() {
            let (task, span) = (printable(parts.task.value).into_owned(), parts.whole.span);
            return Err(OwnFinding::NoCellHere { task, count: all, span }.into());
        }
        Ok(Found { cells, notes })
    }

    /// The same, also the cells that this platform cannot have.
    pub(super) fn cells_anywhere(
        &self,
        declared: Declared,
        parts: &Parts<'_>,
    ) -> Result<Found, GraphFinding> {
        let task = self.declaration(declared);
        if task.matrix.is_none() {
            return match parts.environment.or(parts.cell) {
                None => Ok(Found { cells: vec![OwnCell::default()], notes: Notes::default() }),
                Some(extra) => {
                    let task = printable(parts.task.value).into_owned();
                    Err(GraphFinding::NeedlessEnvironment { task, span: extra.span })
                }
            };
        }
        let mut cells = self.all_cells(task, parts)?;
        let mut notes = Notes::default();
        self.narrow(task, parts, &mut cells, &mut notes)?;
        Ok(Found { cells, notes })
    }

    /// Every cell of a task, whatever the platform.
    pub(super) fn all_cells(&self, task: &OwnTask, parts: &Parts<'_>) -> Result<Vec<OwnCell>, GraphFinding> {
        let Some(matrix) = &task.matrix else { return Ok(vec![OwnCell::default()]) };
        let mut cells = Vec::new();
        let meant = self.environment_meant(&matrix.points, parts)?;
        for point in matrix.points.iter().filter(|point| meant.is_none() || point.environment == meant) {
            match point.environment {
                None => {
                    cells.push(OwnCell { cell: None, python: point.python.clone(), own: point.own.clone() });
                }
                Some(environment) => {
                    // What chooses among the extras of an adopted manifest is in the cell already.
                    let axes = self.model.axes_of(environment);
                    let is_chosen = |name: &String| axes.iter().any(|axis| axis.name.value == *name);
                    let own: Vec<_> =
                        point.own.iter().filter(|(name, _)| !is_chosen(name)).cloned().collect();
                    let of = |cell| OwnCell { cell: Some(cell), python: None, own: own.clone() };
                    cells.extend(self.cells_of_point(point, environment, parts)?.into_iter().map(of));
                }
            }
        }
        Ok(cells)
    }

    /// The one environment that the call names, if any point is there: what others leave open need not be settled.
    fn environment_meant(
        &self,
        points: &[Point],
        parts: &Parts<'_>,
    ) -> Result<Option<EnvironmentId>, GraphFinding> {
        let word = parts.environment.or_else(|| assigned_environment(self)).filter(|word| word.value != "*");
        if points.iter().all(|point| point.environment.is_none()) {
            return Ok(None);
        }
        let meant = word.map(|word| named(self, word)).transpose()?;
        Ok(meant.filter(|_| points.iter().any(|point| point.environment == meant)))
    }

    fn cells_of_point(
        &self,
        point: &Point,
        environment: EnvironmentId,
        parts: &Parts<'_>,
    ) -> Result<Vec<Cell>, GraphFinding> {
        let request = CellRequest { scope: self, parts, environment, anywhere: false };
        let python = match &point.python {
            Some(python) => Some(python.clone()),
            None => request.default_python()?,
        };
        let mut cells = vec![Cell { environment, choices: Vec::new(), python }];
        for (at, axis) in self.model.axes_of(environment).iter().enumerate() {
            let values = match self.choice_of_point(point, environment, at) {
                Choice::One(choice, _) => vec![choice],
                _ => match request.said_of(at)? {
                    // Also those that this platform cannot have: they are counted.
                    Choice::All => axis.options().collect(),
                    said => request.values(axis, &said)?.0,
                },
            };
            let longer = |cell: &Cell| {
                let cell = cell.clone();
                values.iter().map(move |value| {
                    let mut cell = cell.clone();
                    cell.choices.push(*value);
                    cell
                })
            };
            cells = cells.iter().flat_map(longer).collect();
        }
        Ok(cells)
    }

    /// What a point of a matrix says on an axis of its environment. An adopted manifest's axes are none of `tasks.kdl`:
    /// there it says so by the axis' name, or by a variant that is called like an extra of it.
    fn choice_of_point(&self, point: &Point, environment: EnvironmentId, at: usize) -> Choice {
        let one = |choice| Choice::One(choice, (0, 0).into());
        if self.model.environment(environment).kept == Kept::Generated {
            return point.choices.get(&at).map_or(Choice::Open, |choice| one(*choice));
        }
        let axis = &self.model.axes_of(environment)[at];
        let named = |word: &str| axis.variants.iter().position(|variant| variant.name.value == word);
        let own =
            point.own.iter().filter(|(name, _)| *name == axis.name.value).map(|(_, word)| word.as_str());
        let declared = point
            .choices
            .iter()
            .filter_map(|(&at, &choice)| Some(self.model.axes[at].variants[choice?].name.value.as_str()));
        own.chain(declared).find_map(named).map_or(Choice::Open, |found| one(Some(found)))
    }

    /// Keeps the cells that the target and the assignments mean.
    fn narrow(
        &self,
        task: &OwnTask,
        parts: &Parts<'_>,
        cells: &mut Vec<OwnCell>,
        notes: &mut Notes,
    ) -> Result<(), GraphFinding> {
        let environment = parts.environment.or_else(|| assigned_environment(self));
        let knows_environments = cells.iter().any(|cell| cell.cell.is_some());
        match environment {
            Some(word) if word.value == "*" => {}
            Some(word) if knows_environments => {
                let id = named(self, word)?;
                let fits = |cell: &OwnCell| cell.cell.as_ref().is_some_and(|cell| cell.environment == id);
                self.keep(task, word, cells, &fits)?;
            }
            Some(word) if parts.environment.is_some() => return Err(self.no_such_cell(task, word, cells)),
            _ => {}
        }
        let axes = self.axes_of(task, cells);
        let mut said = vec!["environment".to_owned()];
        for item in items(parts.cell).into_iter().filter(|item| item.value != "*") {
            let (on, value) = self.read_item(task, item, &axes, cells)?;
            self.keep_value(task, (&on, value), cells, notes)?;
            said.push(on);
        }
        for axis in axes.iter().filter(|axis| !said.contains(axis)) {
            if let Some(word) = self.assigned(axis) {
                let word = Spanned::new(word.value.as_str(), word.span);
                self.keep_value(task, (axis, word), cells, notes)?;
            }
        }
        Ok(())
    }

    /// The axis and the value that an item of a target names.
    fn read_item<'w>(
        &self,
        task: &OwnTask,
        item: Spanned<&'w str>,
        axes: &[String],
        cells: &[OwnCell],
    ) -> Result<(String, Spanned<&'w str>), GraphFinding> {
        let Some((name, value)) = item.value.split_once('=') else {
            let on = if item.value == "auto" {
                self.model.axes[axis_of_auto(&self.model.axes, item.span)?].name.value.clone()
            } else {
                self.axis_with(task, item, axes, cells)?
            };
            return Ok((on, item));
        };
        if axes.iter().any(|known| known == name) {
            return Ok((name.to_owned(), Spanned::new(value, item.span)));
        }
        let known: Vec<&str> = axes.iter().map(String::as_str).collect();
        Err(GraphFinding::UnknownAxis {
            axis: printable(name).into_owned(),
            help: suggest(name, &known),
            span: item.span,
        })
    }

    /// Keeps the cells with a value on an axis; `*` keeps all, `auto` asks for the driver.
    fn keep_value(
        &self,
        task: &OwnTask,
        (axis, word): (&str, Spanned<&str>),
        cells: &mut Vec<OwnCell>,
        notes: &mut Notes,
    ) -> Result<(), GraphFinding> {
        let at = self.model.axes.iter().position(|known| known.name.value == axis);
        match (word.value, at) {
            ("*", _) => Ok(()),
            ("auto", Some(at)) => {
                let of = &self.model.axes[at];
                if let Some(finding) = no_drivers(of, word.span) {
                    return Err(finding);
                }
                let (choice, why) = choose(of, self, word.span)?;
                notes.add(Notes { left_out: 0, autos: vec![why] });
                let has = |cell: &Cell| cell.choices.get(at) == Some(&choice);
                self.keep(task, word, cells, &|cell| cell.cell.as_ref().is_some_and(has))
            }
            (value, _) => {
                let fits = |cell: &OwnCell| cell.value(self.model, axis).as_deref() == Some(value);
                self.keep(task, word, cells, &fits)
            }
        }
    }

    /// The one axis on which a cell has that value.
    fn axis_with(
        &self,
        task: &OwnTask,
        item: Spanned<&str>,
        axes: &[String],
        cells: &[OwnCell],
    ) -> Result<String, GraphFinding> {
        let has = |axis: &&String| {
            cells.iter().any(|cell| cell.value(self.model, axis).as_deref() == Some(item.value))
        };
        let hits: Vec<&String> = axes.iter().filter(has).collect();
        match hits.as_slice() {
            [only] => Ok((*only).clone()),
            [] => Err(self.no_such_cell(task, item, cells)),
            several => Err(GraphFinding::AmbiguousValue {
                value: printable(item.value).into_owned(),
                axes: several.iter().map(|axis| axis.as_str()).collect::<Vec<_>>().join(" and "),
                example: format!("`{}={}`", several[0], printable(item.value)),
                span: item.span,
            }),
        }
    }

    fn keep(
        &self,
        task: &OwnTask,
        word: Spanned<&str>,
        cells: &mut Vec<OwnCell>,
        fits: &dyn Fn(&OwnCell) -> bool,
    ) -> Result<(), GraphFinding> {
        if !cells.iter().any(fits) {
            return Err(self.no_such_cell(task, word, cells));
        }
        cells.retain(fits);
        Ok(())
    }

    fn no_such_cell(&self, task: &OwnTask, word: Spanned<&str>, cells: &[OwnCell]) -> GraphFinding {
        const SHOWN: usize = 5;
        let name = &task.name.value;
        let shown: Vec<String> =
            cells.iter().take(SHOWN).map(|cell| format!("{name}{}", cell.address(self.model))).collect();
        let more =
            if cells.len() > SHOWN { format!(" and {} more", cells.len() - SHOWN) } else { String::new() };
        let help = format!("it has {}{more}", shown.join(", "));
        let value = printable(word.value).into_owned();
        OwnFinding::NoSuchCell { task: name.clone(), value, help, span: word.span }.into()
    }

    /// The axes of a task's cells, by name: those of its matrix, and those of its environments.
    pub(super) fn axes_of(&self, task: &OwnTask, cells: &[OwnCell]) -> Vec<String> {
        let matrix = task.matrix.iter().flat_map(|matrix| &matrix.axes);
        let mut axes: Vec<String> = matrix.map(|axis| axis.name.value.clone()).collect();
        if cells.iter().any(|cell| cell.cell.is_some()) {
            let in_cells = self.model.axis_names().map(str::to_owned);
            axes.extend(["environment".to_owned(), "python".to_owned()].into_iter().chain(in_cells));
        }
        axes.sort();
        axes.dedup();
        axes
    }
}

impl From<OwnFinding> for GraphFinding {
    fn from(finding: OwnFinding) -> Self {
        Self::Own(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::graph_with;
    use crate::base::testing::rendered;

    /// The matrix leaves `cuda` open; one value of its own axis is a variant's name, too.
    const OPEN: &str =
        "task \"t\" { matrix { environment \"dev\" \"prod\"; size \"s\" \"flash\" }; run \"true\" }";

    fn cells(line: &str) -> Vec<String> {
        graph_with(OPEN, line).map_err(|error| rendered(&error)).unwrap()
    }

    #[test]
    fn a_word_of_the_target_settles_what_the_matrix_leaves_open() {
        let dev = ["t:dev@cu124,none,s", "t:dev@cu124,none,flash"];
        for line in ["t:dev CUDA=cu124", "t:dev@cu124", "t:dev@cuda=cu124", "t:dev@cu124 CUDA=cpu"] {
            assert_eq!(cells(line), dev, "{line}");
        }
        assert_eq!(cells("t@cpu,s"), ["t:dev@cpu,none,s", "t:prod@cpu,none,s"]);
        assert_eq!(cells("t:dev@cpu,attention=flash,size=s"), ["t:dev@cpu,flash,s"]);
        assert_eq!(cells("t:prod@cuda=*,attention=none,size=s").len(), 2);
        assert_eq!(cells("t:prod@*,size=s,cuda=cpu,attention=*").len(), 2);
    }

    #[test]
    fn a_value_of_two_axes_or_two_values_of_one_are_refused() {
        let refused = |line: &str| rendered(&graph_with(OPEN, line).unwrap_err());
        insta::assert_snapshot!(refused("t:dev@cu124,cpu"), @r"
          × the call cannot be carried out

        Error: envloom::graph::twice_on_axis

          × two values for the axis `cuda`
           ╭─[command line:1:13]
         1 │ t:dev@cu124,cpu
           ·             ─┬─
           ·              ╰── the second one
           ╰────
          help: a venv holds one of them; write two targets to sync both
        ");
        insta::assert_snapshot!(refused("t:dev@cpu,flash"), @r"
          × the call cannot be carried out

        Error: envloom::graph::ambiguous_value

          × `flash` is a value of the axes attention and size
           ╭─[command line:1:11]
         1 │ t:dev@cpu,flash
           ·           ──┬──
           ·             ╰── of which axis?
           ╰────
          help: write `attention=flash`
        ");
        insta::assert_snapshot!(refused("t:dev@cu12"), @r#"
          × the call cannot be carried out

        Error: envloom::graph::variant_required

          × `t:dev@cu12` does not say which variant of `cuda`
           ╭─[command line:1:1]
         1 │ t:dev@cu12
           · ─────┬────
           ·      ╰── no variant chosen
           ╰────
          help: type `t:dev@cu124`; the choices are cu124, cpu. A sync without one would remove what the
                variants supply. The axis is declared at tasks.kdl:4:10; `prefer "cuda" "…"` in
                tasks.local.kdl chooses for this machine
        "#);
    }
}
