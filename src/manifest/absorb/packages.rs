//! A package that comes into `tasks.kdl`, or goes: its node, its pins, its name where an environment lists its packages,
//! and requirements on it.

use super::asking::ask_nowhere;
use super::placing::{find_list, node_at};
use super::writing::Writing;
use crate::base::{RelPath, SourceFile};
use crate::config::{ConfigError, OutlineNode, outline};
use crate::manifest::words::quoted;
use crate::model::{EnvironmentId, Model, PackageId, PackageName};

/// A package to be declared.
#[derive(Debug, Clone)]
pub(crate) struct NewPackage<'n> {
    /// Its name.
    pub(crate) name: &'n PackageName,
    /// Where it lies.
    pub(crate) path: &'n RelPath,
    /// Its remote.
    pub(crate) git: &'n str,
    /// Where it lies there.
    pub(crate) subdirectory: Option<&'n RelPath>,
    /// How it takes part, where that is not as a dependency.
    pub(crate) role: Option<&'static str>,
    /// The form of its tags, as `tag=` writes it, where it is not the plain one.
    pub(crate) tag_form: Option<&'n str>,
    /// The environments that it takes part in, with its tag where they have tags.
    pub(crate) environments: Vec<(EnvironmentId, Option<String>)>,
    /// Are these all that there are?
    pub(crate) everywhere: bool,
}

/// The text of `tasks.kdl` with the package; every other byte is as it was.
///
/// # Errors
/// When the text that the model was read from is none.
pub(crate) fn with_package(model: &Model, new: &NewPackage<'_>) -> Result<String, ConfigError> {
    let outline = outline(&model.source)?;
    let mut writing = Writing::new(model.source.text(), &outline);
    let name = quoted(new.name.as_str());
    let mut head = format!("package {name} path={} git={}", quoted(new.path.as_str()), quoted(new.git));
    let more =
        [("subdirectory", new.subdirectory.map(RelPath::as_str)), ("role", new.role), ("tag", new.tag_form)];
    for (word, value) in more {
        head.extend(value.map(|value| format!(" {word}={}", quoted(value))));
    }
    if !new.everywhere {
        let names = new.environments.iter().map(|(id, _)| model.environment(*id).name.value.as_str());
        head.extend([" environments=", &quoted(&names.collect::<Vec<_>>().join(" "))]);
    }
    writing.make(None, &head, None, "");
    for (id, tag) in &new.environments {
        let Some(node) = node_at(&outline, model.environment(*id).span.offset()) else { continue };
        if let Some(list) = find_list(node, &["packages"]) {
            writing.append(list, new.name.as_str());
        }
        if let Some(tag) = tag {
            writing.make(Some(node), &format!("pin {name} {}", quoted(tag)), None, "");
        }
    }
    // Lists that are appended to, and new nodes: none is in another's way.
    Ok(writing.done().unwrap_or_else(|| model.source.text().to_owned()))
}

/// A `tasks.kdl` that has a package no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Without {
    /// Its text.
    pub(crate) text: String,
    /// Its lines that name the package's directory all the same, or something in it.
    pub(crate) naming: Vec<usize>,
}

/// The text of `tasks.kdl` without the package, its pins and the requirements on it; every other byte is as it was.
///
/// # Errors
/// When the text that the model was read from is none.
pub(crate) fn without_package(model: &Model, id: PackageId) -> Result<Without, ConfigError> {
    let outline = self::outline(&model.source)?;
    let package = model.package(id);
    let name = &package.name.value;
    let is_name = |text: Option<&str>| text.is_some_and(|text| PackageName::parse(text).as_ref() == Ok(name));
    let writing = Writing::new(model.source.text(), &outline);
    let mut writing = ask_nowhere(model, &outline, writing, name.as_str());
    if let Some(node) = node_at(&outline, package.span.offset()) {
        writing.drop(node);
    }
    for environment in &model.environments {
        // Those that were found by `projects` have no node of their own.
        let Some(node) =
            node_at(&outline, environment.span.offset()).filter(|node| node.name == "environment")
        else {
            continue;
        };
        for child in node.children() {
            match child.name.as_str() {
                "pin" if is_name(child.first()) => writing.drop(child),
                "packages" => {
                    let named = child.arguments.iter().filter(|(text, _)| is_name(Some(text)));
                    for (_, place) in named {
                        writing.remove_from(child, place.start);
                    }
                }
                _ => {}
            }
        }
    }
    // Nodes that go, and arguments of other ones: none is in another's way.
    let text = writing.done().unwrap_or_else(|| model.source.text().to_owned());
    let mut naming = Vec::new();
    if let Some(path) = &package.path {
        let source = SourceFile::new(model.source.name(), text.as_str());
        for node in &self::outline(&source)?.nodes {
            lines_naming(&source, node, path.value.as_str(), &mut naming);
        }
    }
    naming.dedup();
    Ok(Without { text, naming })
}

/// The lines of a node and its children whose values begin with that path.
fn lines_naming(source: &SourceFile, node: &OutlineNode, path: &str, lines: &mut Vec<usize>) {
    let arguments = node.arguments.iter().map(|(text, place)| (text, place));
    let values = arguments.chain(node.properties.iter().map(|(_, text, place)| (text, place)));
    for (text, place) in values {
        let rest = text.trim_start_matches('!').strip_prefix(path);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            lines.push(source.line_column(place.start).0);
        }
    }
    node.children().iter().for_each(|child| lines_naming(source, child, path, lines));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config, model};

    #[test]
    fn a_package_comes_with_its_pins() {
        let text = "project \"a\" { requires-python \">=3.10\"; version \"1\" }\n\
            package \"foo\" path=\"foo\" git=\"https://h/foo.git\"\n\
            environment \"dev\" { manifest \"pyproject.toml\"; packages \"foo\" }\n\
            environment \"prod\" {\n    manifest \"prod/pyproject.toml\"; sources \"tags\" channel=\"stable\"\n    \
            pin \"foo\" \"v1\"\n}\n\
            environment \"edge\" { manifest \"edge/pyproject.toml\"; sources \"tags\" channel=\"dev\"; pin \"foo\" \"v1\" }\n";
        let config = config::parse(&SourceFile::new("tasks.kdl", text)).unwrap();
        let model = model::resolve(config, &model::Found::default()).unwrap();
        let (name, path) = (PackageName::parse("Bar").unwrap(), RelPath::parse("libs/bar").unwrap());
        let tag = Some("v2".to_owned());
        let environments = vec![(EnvironmentId(0), None), (EnvironmentId(1), tag)];
        let new = NewPackage {
            name: &name,
            path: &path,
            git: "https://h/b.git",
            subdirectory: None,
            role: None,
            tag_form: Some("b-{version}"),
            environments,
            everywhere: false,
        };
        let known: Vec<&str> = text.lines().collect();
        let with = with_package(&model, &new).unwrap();
        let lines: Vec<&str> = with.lines().filter(|line| !known.contains(line)).collect();
        assert_eq!(
            lines,
            [
                "package \"bar\" path=\"libs/bar\" git=\"https://h/b.git\" tag=\"b-{version}\" environments=\"dev prod\"",
                "environment \"dev\" { manifest \"pyproject.toml\"; packages \"foo\" \"bar\" }",
                "    pin \"bar\" \"v2\"",
            ]
        );
    }

    #[test]
    fn a_package_goes_with_all_that_names_it() {
        let text = "project \"a\" {\n    requires-python \">=3.10\"; version \"1\"\n    group \"dev\" \"Foo_x\" \"ruff\"\n}\n\
            // of foo\npackage \"bar\" path=\"bar\" git=\"https://h/bar.git\"\n\
            package \"foo-x\" path=\"libs/foo\" git=\"https://h/foo.git\" // why\n\
            environment \"dev\" { manifest \"pyproject.toml\"; packages \"foo-x\"; groups \"dev\" }\n\
            environment \"prod\" {\n    manifest \"prod/pyproject.toml\"; sources \"tags\" channel=\"stable\"\n    \
            pin \"Foo.x\" \"v1\"\n    pin \"bar\" \"v1\"\n}\n\
            task \"t\" {\n    inputs \"libs/foo/**\" \"libs/foot\"\n    cwd \"libs/foo\"\n    run \"x\"\n}\n";
        let config = config::parse(&SourceFile::new("tasks.kdl", text)).unwrap();
        let model = model::resolve(config, &model::Found::default()).unwrap();
        let without = without_package(&model, PackageId(1)).unwrap();
        let expected = text
            .replace(" \"Foo_x\"", "")
            .replace("package \"foo-x\" path=\"libs/foo\" git=\"https://h/foo.git\" // why\n", "")
            .replace("packages \"foo-x\"", "packages")
            .replace("    pin \"Foo.x\" \"v1\"\n", "");
        assert_eq!(without.text, expected);
        assert_eq!(without.naming, [13, 14]);
        let config = config::parse(&SourceFile::new("tasks.kdl", expected)).unwrap();
        let model = model::resolve(config, &model::Found::default()).unwrap();
        assert!(model.environments[0].packages.is_empty());
    }
}
