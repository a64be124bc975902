//! What a verb looks at that runs nothing: whole environments, or cells of them.

use super::cell::{CellRequest, cells};
use super::environment::named;
use super::error::{GraphError, GraphFinding};
use super::target::{Notes, Scope, as_cell};
use super::words::{Parts, Words, malformed, split};
use crate::base::Spanned;
use crate::model::{Cell, EnvironmentId, LocalModel, Model};

/// An environment, or one cell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The environment.
    pub(crate) environment: EnvironmentId,
    /// The cell, where one is meant.
    pub(crate) cell: Option<Cell>,
}

/// What each word names: `ENVIRONMENT`, or `ENVIRONMENT@CELL`, also of another platform than this.
///
/// # Errors
/// Every word that names nothing, or more than one cell.
pub(crate) fn subjects(
    model: &Model,
    local: Option<&LocalModel>,
    words: &Words<'_>,
) -> Result<(Vec<Subject>, Notes), GraphError> {
    let scope = Scope { model, local, words };
    let mut notes = Notes::default();
    let mut findings = Vec::new();
    let mut found = Vec::new();
    for word in &words.targets {
        match subject(&scope, word, &mut notes) {
            Ok(subject) => found.push(subject),
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() {
        return Ok((found, notes));
    }
    Err(GraphError { source_code: words.source.named(), findings })
}

fn subject(scope: &Scope<'_>, word: &Spanned<String>, notes: &mut Notes) -> Result<Subject, GraphFinding> {
    let parts = split(word)?;
    if parts.environment.is_some() {
        // No environment has such a name: the message says which there are.
        return named(scope, Spanned::new(&word.value, word.span)).and(Err(malformed(word, "has a `:`")));
    }
    let environment = named(scope, parts.task)?;
    if parts.cell.is_none() {
        return Ok(Subject { environment, cell: None });
    }
    let task = Spanned::new("sync", parts.task.span);
    let parts = Parts { task, environment: Some(parts.task), ..parts };
    let found = cells(&CellRequest { scope, parts: &parts, environment, anywhere: true }).map_err(as_cell)?;
    notes.add(found.notes);
    match <[Cell; 1]>::try_from(found.cells) {
        Ok([cell]) => Ok(Subject { environment, cell: Some(cell) }),
        Err(_) => Err(malformed(word, "names more than one cell")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::rendered;
    use crate::graph::testing::{model, words};

    fn read(text: &str) -> Result<Vec<Subject>, GraphError> {
        subjects(&model(), None, &words(text, ".")).map(|(found, _)| found)
    }

    #[test]
    fn an_environment_is_whole_and_a_cell_is_one() {
        // No platform has `cu124` and `mps` both.
        let found = read("dev prod@cu124 staging@mps,flash").unwrap();
        assert_eq!(found[0], Subject { environment: EnvironmentId(0), cell: None });
        let slugs = found[1..].iter().map(|found| found.cell.as_ref().unwrap().slug(&model()));
        assert_eq!(slugs.collect::<Vec<_>>(), ["prod-cu124-none-py3.12", "staging-mps-flash-py3.12"]);
    }

    #[test]
    fn every_word_that_names_nothing_is_told() {
        let error = read("deb prod@cu999 dev@* lock:dev dev@3.12").unwrap_err();
        insta::assert_snapshot!(rendered(&error), @r#"
          × the call cannot be carried out, for 5 reasons

        Error: envloom::graph::unknown_environment

          × unknown environment `deb`
           ╭─[command line:1:1]
         1 │ deb prod@cu999 dev@* lock:dev dev@3.12
           · ─┬─
           ·  ╰── no environment, manifest or directory of that name
           ╰────
          help: did you mean `dev`?

        Error: envloom::graph::unknown_value

          × no axis has the value `cu999`
           ╭─[command line:1:10]
         1 │ deb prod@cu999 dev@* lock:dev dev@3.12
           ·          ──┬──
           ·            ╰── unknown value
           ╰────
          help: use one of: cu124, mps, cpu, flash, none

        Error: envloom::graph::malformed_target

          × `dev@*` is no target
           ╭─[command line:1:16]
         1 │ deb prod@cu999 dev@* lock:dev dev@3.12
           ·                ──┬──
           ·                  ╰── names more than one cell
           ╰────
          help: a target is TASK[:ENVIRONMENT][@CELL], for example lock:prod or sync:dev@cu124

        Error: envloom::graph::unknown_environment

          × unknown environment `lock:dev`
           ╭─[command line:1:22]
         1 │ deb prod@cu999 dev@* lock:dev dev@3.12
           ·                      ────┬───
           ·                          ╰── no environment, manifest or directory of that name
           ╰────
          help: use one of: dev, staging, prod

        Error: envloom::graph::variant_required

          × `dev` does not say which variant of `cuda`
           ╭─[command line:1:31]
         1 │ deb prod@cu999 dev@* lock:dev dev@3.12
           ·                               ────┬───
           ·                                   ╰── no variant chosen
           ╰────
          help: type `dev@cu124`; the choices are cu124, cpu. A sync without one would remove what the
                variants supply. The axis is declared at tasks.kdl:4:10; `prefer "cuda" "…"` in
                tasks.local.kdl chooses for this machine
        "#);
    }
}
