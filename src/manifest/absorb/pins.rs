//! Another release for a package: its pin in `tasks.kdl`, spliced. There is one: a package that takes part in an
//! environment with tags has a pin there, or `tasks.kdl` has a mistake.

use super::placing::node_at;
use super::writing::Writing;
use crate::config::{ConfigError, OutlineNode, outline};
use crate::manifest::words::quoted;
use crate::model::{EnvironmentId, Model, PackageId, PackageName};

/// A pin as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewPin {
    /// Whose environment's.
    pub(crate) environment: EnvironmentId,
    /// Of which package.
    pub(crate) package: PackageId,
    /// What it is to name.
    pub(crate) reference: NewReference,
}

/// What a pin is to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NewReference {
    /// A tag.
    Tag(String),
    /// A commit and the version there.
    Commit {
        /// Its id.
        rev: String,
        /// The version.
        version: String,
    },
}

impl NewReference {
    /// What stands behind the package's name.
    fn words(&self) -> String {
        match self {
            Self::Tag(tag) => quoted(tag),
            Self::Commit { rev, version } => format!("rev={} version={}", quoted(rev), quoted(version)),
        }
    }
}

/// The text of `tasks.kdl` with these pins; every other byte is as it was.
///
/// # Errors
/// When the text that the model was read from is none.
pub(crate) fn repinned(model: &Model, pins: &[NewPin]) -> Result<String, ConfigError> {
    let outline = outline(&model.source)?;
    let mut writing = Writing::new(model.source.text(), &outline);
    for pin in pins {
        let name = &model.package(pin.package).name.value;
        let parent = node_at(&outline, model.environment(pin.environment).span.offset());
        let is_it = |node: &&OutlineNode| {
            node.name == "pin"
                && node.first().is_some_and(|first| PackageName::parse(first).as_ref() == Ok(name))
        };
        let known = parent.and_then(|parent| parent.children().iter().find(is_it));
        let Some(node) = known else { continue };
        match &pin.reference {
            NewReference::Tag(tag) if node.arguments.len() > 1 => {
                writing.replace(node.arguments[1].1.clone(), tag);
            }
            reference => {
                let after_name = node.arguments[0].1.end;
                writing.put(after_name..node.head.end, format!(" {}", reference.words()));
            }
        }
    }
    // Two pins of one package are one node: the last one is meant.
    Ok(writing.done().unwrap_or_else(|| model.source.text().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SourceFile;
    use crate::{config, model};

    const HEAD: &str = "project \"a\" { requires-python \">=3.10\"; version \"1\" }\n\
        package \"foo\" git=\"https://h/foo.git\"\npackage \"Bar_x\" git=\"https://h/bar.git\"\n";

    /// The lines of the environment with both packages pinned otherwise.
    fn changed(environment: &str, foo: &NewReference, bar: &NewReference) -> String {
        let text = format!("{HEAD}{environment}");
        let config = config::parse(&SourceFile::new("tasks.kdl", text)).unwrap();
        let model = model::resolve(config, &model::Found::default()).unwrap();
        let pin = |package, reference: &NewReference| NewPin {
            environment: EnvironmentId(0),
            package: PackageId(package),
            reference: reference.clone(),
        };
        let text = repinned(&model, &[pin(0, foo), pin(1, bar)]).unwrap();
        text.strip_prefix(HEAD).unwrap().to_owned()
    }

    #[test]
    fn only_the_pins_change() {
        let tag = NewReference::Tag("v2".to_owned());
        let rev = "0123456789012345678901234567890123456789".to_owned();
        let commit = NewReference::Commit { rev: rev.clone(), version: "3".to_owned() };
        let old = format!(
            "environment \"prod\" {{ // c\r\n\tmanifest \"pyproject.toml\"; sources \"tags\" channel=\"dev\"\r\n\tpin \"foo\"  \"v1\" // why\r\n\tpin \"bar-x\" rev=\"{rev}\" version=\"1\" // d\r\n}}\r\n"
        );
        let new = old.replace("\"v1\"", "\"v2\"");
        assert_eq!(
            changed(&old, &tag, &tag),
            new.replace(&format!(" rev=\"{rev}\" version=\"1\""), " \"v2\"")
        );
        assert_eq!(changed(&old, &tag, &commit), new.replace("version=\"1\"", "version=\"3\""));
        let both = changed(&old, &commit, &commit);
        assert_eq!(
            both,
            old.replace("version=\"1\"", "version=\"3\"")
                .replace("  \"v1\"", &format!(" rev=\"{rev}\" version=\"3\""))
        );
    }
}
