//! The model -> hooks for a `.pre-commit-config.yaml`.
//!
//! One hook an environment: it runs `envloom check` of that one when its manifest, its lockfile, the manifest of an
//! internal package of its workspace, `tasks.kdl` or the record changes. `check` reads only and judges the working tree,
//! so it takes no file names. pre-commit works in the top directory of the git repository, which may lie above.

use std::fmt::Write as _;

use crate::ledger;
use crate::model::{Environment, Model, Sources};
use crate::tool::run::quoted;

/// The text of the fragment. `tasks` is the file that was read, `below` the directory it lies in, from the top of the
/// git repository; empty: that is the top.
pub(super) fn text(model: &Model, tasks: &str, below: &str) -> String {
    let (prefix, directory) = match below {
        "" => (String::new(), String::new()),
        below => (format!("{below}/"), format!("-C {} ", quoted(below))),
    };
    let mut text = String::from("repos:\n  - repo: local\n    hooks:\n");
    for (_, environment) in model.environments() {
        let name = &environment.name.value;
        let files =
            [tasks.to_owned(), ledger::FILE_NAME.to_owned()].into_iter().chain(of(model, environment));
        let files: Vec<String> = files.map(|file| literal(&format!("{prefix}{file}"))).collect();
        let (entry, pattern) = (
            scalar(&format!("envloom {directory}check:{name}")),
            scalar(&format!("^({})$", files.join("|"))),
        );
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "      - id: {}\n        name: {}\n        entry: {entry}\n        language: system\n\
             \x20       files: {pattern}\n        pass_filenames: false\n        require_serial: true\n",
            scalar(&format!("envloom-check-{name}")),
            scalar(&format!("envloom check {name}")),
        );
    }
    text
}

/// What git tracks of an environment.
fn of(model: &Model, environment: &Environment) -> Vec<String> {
    let manifest = environment.manifest.value.as_str();
    let directory = manifest.rsplit_once('/').map_or(String::new(), |(directory, _)| format!("{directory}/"));
    let mut files = vec![manifest.to_owned(), format!("{directory}uv.lock")];
    if environment.sources == Sources::Workspace {
        let packages = environment.packages.iter().map(|participant| model.package(participant.package));
        let places = packages.filter_map(|package| package.path.as_ref());
        files.extend(places.map(|place| format!("{}/pyproject.toml", place.value)));
    }
    files
}

/// A pattern of Python's that means just this text.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !"/_-".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A YAML scalar in single quotes, in which only these are special.
fn scalar(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
