//! A package that comes into `tasks.kdl`: its node, its pins, and its name where an environment lists its packages.

use super::placing::{find_list, node_at};
use super::writing::Writing;
use crate::base::RelPath;
use crate::config::{ConfigError, outline};
use crate::manifest::words::quoted;
use crate::model::{EnvironmentId, Model, PackageName};

/// A package to be declared.
#[derive(Debug, Clone)]
pub(crate) struct NewPackage<'n> {
    /// Its name.
    pub(crate) name: &'n PackageName,
    /// Where it lies.
    pub(crate) path: &'n RelPath,
    /// Its remote.
    pub(crate) git: &'n str,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SourceFile;
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
        let new =
            NewPackage { name: &name, path: &path, git: "https://h/b.git", environments, everywhere: false };
        let known: Vec<&str> = text.lines().collect();
        let with = with_package(&model, &new).unwrap();
        let lines: Vec<&str> = with.lines().filter(|line| !known.contains(line)).collect();
        assert_eq!(
            lines,
            [
                "package \"bar\" path=\"libs/bar\" git=\"https://h/b.git\" environments=\"dev prod\"",
                "environment \"dev\" { manifest \"pyproject.toml\"; packages \"foo\" \"bar\" }",
                "    pin \"bar\" \"v2\"",
            ]
        );
    }
}
