//! `matrix`: the cells of targets, for scripts and for the jobs of a CI. It only looks.
//!
//! As JSON it is a list of flat objects, so that it can be the `include` of a matrix of GitHub Actions as it is. Cells
//! that this platform cannot have are in it, and say so: another runner may.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::load::Stop;
use super::output::Output;
use crate::base::printable;
use crate::graph::{AskDriver, TaskKey, matrix as cells_of};
use crate::model::{Cell, Model, OwnCell};

/// `matrix [TARGET…]`: without words every own task.
///
/// # Errors
/// When a word names nothing, or a cell that there is not.
pub(super) fn matrix(call: &Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    let ask = || call.driver();
    let typed = call.cell_words("matrix ", words, AskDriver(&ask));
    let found = cells_of(&call.model, call.local.as_ref(), &typed)?;
    if output.is_json() {
        let rows = found.iter().map(|(id, key)| {
            let mut row = describe(&call.model, id, &cell_of(key));
            if let Some(environment) = key.environment() {
                row["environment"] = json!(call.model.environment(environment).name.value);
            }
            row
        });
        return Ok(Output::answer(&rows.collect()));
    }
    if found.is_empty() {
        output.say("no cells found");
    }
    let line = |(id, key): &(String, TaskKey)| {
        let possible = cell_of(key).is_possible_here(&call.model);
        let rest = if possible { "" } else { "  (not on this platform)" };
        format!("{}{rest}\n", printable(id))
    };
    Ok(Output::data(&found.iter().map(line).collect::<String>()))
}

/// The cell a task works in; an empty one for a task of a whole environment.
fn cell_of(key: &TaskKey) -> OwnCell {
    match key {
        TaskKey::Own(key) => key.cell.clone(),
        TaskKey::Sync(cell) => of_sync(cell.clone()),
        _ => OwnCell::default(),
    }
}

/// The cell of a sync.
pub(super) fn of_sync(cell: Cell) -> OwnCell {
    OwnCell { cell: Some(cell), ..OwnCell::default() }
}

/// One cell, as an object: a value for each axis beside what every cell has.
pub(super) fn describe(model: &Model, target: &str, of: &OwnCell) -> Value {
    let mut row = Map::new();
    let in_cell = of.cell.as_ref();
    let axes = in_cell.into_iter().flat_map(|cell| model.axes_of(cell.environment));
    let names = axes.map(|axis| &axis.name.value).chain(of.own.iter().map(|(name, _)| name));
    for name in names {
        row.insert(name.clone(), json!(of.value(model, name)));
    }
    // Last: no axis may take their place.
    row.insert("target".to_owned(), json!(target));
    row.insert("cell".to_owned(), json!(of.slug(model)));
    row.insert("environment".to_owned(), json!(of.value(model, "environment")));
    row.insert("python".to_owned(), json!(of.value(model, "python")));
    let variants: Vec<_> = in_cell.into_iter().flat_map(|cell| cell.variants(model)).collect();
    row.insert("variants".to_owned(), json!(variants));
    row.insert("possible".to_owned(), json!(of.is_possible_here(model)));
    Value::Object(row)
}
