//! Which environments a target means.

use super::error::GraphFinding;
use super::target::Scope;
use super::words::{Parts, span_of};
use crate::base::{RelPath, Spanned, hidden, printable, suggest};
use crate::model::EnvironmentId;

/// The environments that a target names: those after `:`, else those of `ENV=…`, else all.
pub(super) fn environments_of(
    scope: &Scope<'_>,
    parts: &Parts<'_>,
) -> Result<Vec<EnvironmentId>, GraphFinding> {
    match parts.environment.or_else(|| assigned_environment(scope)) {
        Some(word) if word.value == "*" => Ok(all(scope)),
        Some(word) => named(scope, word).map(|id| vec![id]),
        None => Ok(all(scope)),
    }
}

/// The one environment of a target that names none.
pub(super) fn the_environment(scope: &Scope<'_>, parts: &Parts<'_>) -> Result<EnvironmentId, GraphFinding> {
    if let Some(word) = assigned_environment(scope) {
        return named(scope, word);
    }
    let local = scope.local.and_then(|local| local.default_environment);
    let only = || (scope.model.environments.len() == 1).then_some(EnvironmentId(0));
    of_directory(scope).or(local).or(scope.model.default_environment).or_else(only).ok_or_else(|| {
        GraphFinding::NoEnvironment {
            task: parts.task.value.to_owned(),
            example: scope
                .model
                .environments
                .iter()
                .map(|environment| format!("`{}:{}`", parts.task.value, environment.name.value))
                .collect::<Vec<_>>()
                .join(" or "),
            span: span_of(None, parts),
        }
    })
}

pub(super) fn assigned_environment<'a>(scope: &Scope<'a>) -> Option<Spanned<&'a str>> {
    let words = scope.words;
    words
        .assignments
        .iter()
        .rev()
        .find(|assignment| assignment.name.value.eq_ignore_ascii_case("ENV"))
        .map(|assignment| Spanned::new(assignment.value.value.as_str(), assignment.value.span))
}

fn all(scope: &Scope<'_>) -> Vec<EnvironmentId> {
    scope.model.environments().map(|(id, _)| id).collect()
}

/// The environment whose directory the call was made in, or nearest above it.
fn of_directory(scope: &Scope<'_>) -> Option<EnvironmentId> {
    let here = scope.words.directory.as_ref()?;
    scope
        .model
        .environments()
        .filter(|(_, environment)| here.is_in(&environment.directory()))
        .max_by_key(|(_, environment)| environment.directory().parts().count())
        .map(|(id, _)| id)
}

/// A name, a manifest's path or a directory. A word that is the name of one environment and the place of
/// another could mean either, so it means neither.
pub(super) fn named(scope: &Scope<'_>, word: Spanned<&str>) -> Result<EnvironmentId, GraphFinding> {
    let place = scope.words.directory.as_ref().and_then(|here| here.join(word.value).ok());
    let is_place = |path: &RelPath, directory: &RelPath| {
        place.as_ref().is_some_and(|place| place == path || place == directory)
    };
    let hits: Vec<(EnvironmentId, &str)> = scope
        .model
        .environments()
        .filter(|(_, environment)| {
            environment.name.value == word.value
                || is_place(&environment.manifest.value, &environment.directory())
        })
        .map(|(id, environment)| (id, environment.name.value.as_str()))
        .collect();
    match hits.as_slice() {
        [(id, _)] => Ok(*id),
        [] => {
            let known: Vec<&str> =
                scope.model.environments.iter().map(|environment| environment.name.value.as_str()).collect();
            Err(GraphFinding::UnknownEnvironment {
                // Whatever was typed in the wrong place.
                name: printable(&hidden(word.value)).into_owned(),
                help: suggest(word.value, &known),
                span: word.span,
            })
        }
        several => Err(GraphFinding::AmbiguousEnvironment {
            name: printable(word.value).into_owned(),
            hits: several.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", "),
            span: word.span,
        }),
    }
}
