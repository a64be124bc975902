//! The text of `uv.lock` -> [`Lockfile`]: what `verify` and `diff` need of it.
//!
//! Whether a lockfile is up to date only uv knows (`uv lock --locked`); nothing here judges that. A `version`
//! other than 1 is an error, never skipped: reading a form that is not known could miss a stranger's package.
//! Fields of later revisions of version 1 are passed over, as uv does.
//!
//! How uv 0.13.9 writes places (tried): a path index as the path from the lockfile's directory, not percent-
//! encoded, in each package's `source` (and by its absolute `file://` url in the metadata, which is not read
//! here); a git source as `url?subdirectory=…&tag=…#commit`, the query form-encoded.
//!
//! What uv reads need not be what uv writes: a name in another spelling is the same name to it, a query may be encoded
//! where it need not, `distribution` is an old word for `package` (tried). All of it reads the same here.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Table;

use super::error::{LedgerError, LedgerFinding};
use super::origin::plain_http_in;
use crate::base::{SourceFile, conflict_marker, percent_decoded, printable};
use crate::model::normal;

/// A lockfile of uv.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Lockfile {
    /// The revision within version 1.
    pub(crate) revision: u64,
    /// Every locked package; a name may occur several times.
    pub(crate) packages: Vec<LockedPackage>,
    /// Sets of extras and groups that are never installed together.
    pub(crate) conflicts: Vec<Vec<Conflict>>,
    /// `[[manifest.dependency-metadata]]`: the metadata shims that the resolution believed.
    pub(crate) shims: Vec<Shim>,
    /// `[options]`: how versions were chosen, whoever asked for it.
    pub(crate) options: Table,
}

/// One locked package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LockedPackage {
    /// Its normalised name.
    pub(crate) name: String,
    /// Its version; `None` where the build backend computes it.
    pub(crate) version: Option<String>,
    /// Where it comes from.
    pub(crate) source: Source,
    /// Of its archives, those that are fetched by plain http from another machine.
    pub(crate) plain: Vec<String>,
    /// What it requires.
    pub(crate) dependencies: Vec<Dependency>,
    /// What each of its extras requires.
    pub(crate) optional: BTreeMap<String, Vec<Dependency>>,
    /// What each of its dependency groups requires.
    pub(crate) groups: BTreeMap<String, Vec<Dependency>>,
}

/// An edge to a locked package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Dependency {
    /// The package.
    #[serde(deserialize_with = "normalised")]
    pub(crate) name: String,
    /// Its version, where several packages have the name.
    pub(crate) version: Option<String>,
    /// Its source, where several packages have the name.
    pub(crate) source: Option<Source>,
    /// The extras asked of it.
    #[serde(default)]
    pub(crate) extra: Vec<String>,
    /// When it holds; forks of conflicting extras are written here as `extra == 'extra-7-project-cu124'`.
    pub(crate) marker: Option<String>,
}

/// A member of a conflict set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Conflict {
    /// Whose it is.
    #[serde(deserialize_with = "normalised")]
    pub(crate) package: String,
    /// The extra, where it is one.
    pub(crate) extra: Option<String>,
    /// The dependency group, where it is one.
    pub(crate) group: Option<String>,
}

/// A metadata shim, as the lockfile repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Shim {
    /// The package.
    #[serde(deserialize_with = "normalised")]
    pub(crate) name: String,
    /// The version it holds for.
    pub(crate) version: Option<String>,
    /// Its requirements.
    #[serde(default)]
    pub(crate) requires_dist: Vec<String>,
    /// Its extras; uv leaves out a list that is empty.
    #[serde(default)]
    pub(crate) provides_extras: Vec<String>,
}

/// Where a locked package comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "RawSource")]
pub(crate) enum Source {
    /// An index: its URL, or its path from the lockfile's directory.
    Registry(String),
    /// A repository.
    Git {
        /// The remote, without query and fragment.
        url: String,
        /// What was asked for.
        reference: GitReference,
        /// The directory in the repository; empty for its root.
        subdirectory: String,
        /// The commit that it was.
        commit: String,
    },
    /// An archive on the net.
    Url(String),
    /// An archive on this machine.
    Path(String),
    /// A directory, installed as a copy.
    Directory(String),
    /// A directory, installed editable.
    Editable(String),
    /// A directory whose package is not installed.
    Virtual(String),
}

/// What a git source asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GitReference {
    /// A tag.
    Tag(String),
    /// A commit, or whatever `rev` named.
    Rev(String),
    /// A branch.
    Branch(String),
    /// The remote's default branch.
    Default,
}

/// A source as uv writes it: a table of one key, besides `subdirectory`.
#[derive(Deserialize)]
struct RawSource {
    registry: Option<String>,
    git: Option<String>,
    url: Option<String>,
    path: Option<String>,
    directory: Option<String>,
    editable: Option<String>,
    r#virtual: Option<String>,
}

#[derive(Deserialize)]
struct Raw {
    version: u64,
    #[serde(default)]
    revision: u64,
    #[serde(default, rename = "package", alias = "distribution")]
    packages: Vec<RawPackage>,
    #[serde(default)]
    conflicts: Vec<Vec<Conflict>>,
    #[serde(default)]
    manifest: RawManifest,
    #[serde(default)]
    options: Table,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct RawManifest {
    #[serde(default)]
    dependency_metadata: Vec<Shim>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawPackage {
    #[serde(deserialize_with = "normalised")]
    name: String,
    version: Option<String>,
    source: Source,
    sdist: Option<RawArchive>,
    #[serde(default)]
    wheels: Vec<RawArchive>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<Dependency>>,
    #[serde(default, alias = "dependency-groups")]
    dev_dependencies: BTreeMap<String, Vec<Dependency>>,
}

#[derive(Deserialize)]
struct RawArchive {
    url: Option<String>,
}

/// Only what says whether the rest can be read.
#[derive(Deserialize)]
struct Versioned {
    version: Option<toml::Spanned<toml::Value>>,
}

impl Lockfile {
    /// Reads a lockfile; `environment` is whose it is, for messages.
    ///
    /// # Errors
    /// Conflict markers, another version, no TOML of uv's form.
    pub(crate) fn parse(source: &SourceFile, environment: &str) -> Result<Self, LedgerError> {
        let fail = |finding| {
            let summary = format!("the lockfile of `{environment}` cannot be read");
            LedgerError::new(summary, source, vec![finding])
        };
        if let Some(at) = conflict_marker(source.text()) {
            let (file, environment) = (source.name().to_owned(), environment.to_owned());
            return Err(fail(LedgerFinding::LockfileConflict { file, environment, span: at.into() }));
        }
        match toml::from_str::<Raw>(source.text()) {
            Ok(raw) if raw.version == 1 => Ok(raw.into()),
            Ok(_) => Err(fail(unreadable(source, environment, None))),
            Err(error) => Err(fail(unreadable(source, environment, Some(&error)))),
        }
    }

    /// The packages of that name.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a LockedPackage> {
        self.packages.iter().filter(move |package| package.name == name)
    }

    /// The project itself: the package of that name that lies where the lockfile lies.
    #[must_use]
    pub(crate) fn project(&self, name: &str) -> Option<&LockedPackage> {
        self.packages.iter().find(|package| package.name == name && package.source.is_here())
    }
}

impl Source {
    /// The directory that holds the lockfile.
    #[must_use]
    pub(crate) fn is_here(&self) -> bool {
        matches!(self, Self::Virtual(path) | Self::Editable(path) | Self::Directory(path) if path == ".")
    }
}

/// Why a text that did not parse as version 1 cannot be read.
fn unreadable(source: &SourceFile, environment: &str, error: Option<&toml::de::Error>) -> LedgerFinding {
    let (file, environment) = (source.name().to_owned(), environment.to_owned());
    let version = toml::from_str::<Versioned>(source.text()).map(|found| found.version);
    match (version, error) {
        (Ok(Some(version)), _) if version.get_ref() != &toml::Value::Integer(1) => {
            let found = printable(&version.get_ref().to_string()).into_owned();
            LedgerFinding::LockfileVersion { file, environment, found, span: Some(version.span().into()) }
        }
        (_, Some(error)) => LedgerFinding::LockfileSyntax {
            file,
            environment,
            message: printable(error.message()).into_owned(),
            span: error.span().map(Into::into),
        },
        (_, None) => {
            LedgerFinding::LockfileVersion { file, environment, found: "none".to_owned(), span: None }
        }
    }
}

impl From<Raw> for Lockfile {
    fn from(raw: Raw) -> Self {
        let packages = raw.packages.into_iter().map(|package| LockedPackage {
            name: package.name,
            version: package.version,
            source: package.source,
            plain: package
                .sdist
                .into_iter()
                .chain(package.wheels)
                .filter_map(|archive| archive.url.filter(|url| plain_http_in(url).is_some()))
                .collect(),
            dependencies: package.dependencies,
            optional: package.optional_dependencies,
            groups: package.dev_dependencies,
        });
        Self {
            revision: raw.revision,
            packages: packages.collect(),
            conflicts: raw.conflicts,
            shims: raw.manifest.dependency_metadata,
            options: raw.options,
        }
    }
}

fn normalised<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|name| normal(&name))
}

impl TryFrom<RawSource> for Source {
    type Error = String;

    fn try_from(raw: RawSource) -> Result<Self, String> {
        let one = [
            raw.registry.map(Self::Registry),
            raw.git.as_deref().map(git_source),
            raw.url.map(Self::Url),
            raw.path.map(Self::Path),
            raw.directory.map(Self::Directory),
            raw.editable.map(Self::Editable),
            raw.r#virtual.map(Self::Virtual),
        ];
        let mut known = one.into_iter().flatten();
        match (known.next(), known.next()) {
            (Some(source), None) => Ok(source),
            _ => {
                Err("a source names one of registry, git, url, path, directory, editable, virtual".to_owned())
            }
        }
    }
}

/// `url?subdirectory=…&tag=…#commit`.
fn git_source(text: &str) -> Source {
    let (place, commit) = text.rsplit_once('#').unwrap_or((text, ""));
    let (url, query) = place.split_once('?').unwrap_or((place, ""));
    let mut reference = GitReference::Default;
    let mut subdirectory = String::new();
    for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let value = form_decoded(value);
        match form_decoded(key).as_str() {
            "tag" => reference = GitReference::Tag(value),
            "rev" => reference = GitReference::Rev(value),
            "branch" => reference = GitReference::Branch(value),
            "subdirectory" => subdirectory = value,
            _ => {}
        }
    }
    Source::Git { url: url.to_owned(), reference, subdirectory, commit: commit.to_owned() }
}

/// The value of a query: `+` is a blank, `%2F` a slash.
fn form_decoded(text: &str) -> String {
    percent_decoded(&text.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::{PROD_LOCK, look};

    fn parse(text: &str) -> Result<Lockfile, LedgerError> {
        Lockfile::parse(&SourceFile::new("prod/uv.lock", text), "prod")
    }

    #[test]
    fn a_real_lockfile_is_read() {
        let lockfile = parse(PROD_LOCK).unwrap();
        assert_eq!((lockfile.revision, lockfile.shims.len()), (5, 1));
        let project = lockfile.project("vlm-hyperbench").unwrap();
        assert_eq!(project.source, Source::Virtual(".".into()));
        assert_eq!(project.optional["cu124"][0].source, Some(Source::Registry("../indexes/cu124".into())));
        let Source::Git { url, reference, subdirectory, commit } =
            &lockfile.named("bench-utils").next().unwrap().source
        else {
            panic!("bench-utils is no git source")
        };
        assert_eq!(url, "https://git.example.com/vlm/bench-utils.git");
        assert_eq!(reference, &GitReference::Tag("v0.1.2".into()));
        assert_eq!(
            (subdirectory.as_str(), commit.as_str()),
            ("", "049c28bcf510116c5cdcbfe4693d165b7f578c90")
        );
    }

    #[test]
    fn the_query_of_a_git_source_is_decoded() {
        // As uv 0.13.9 wrote it.
        let text = "file:///tmp/pr%20oj/sub?subdirectory=p%2Fq+r&tag=subby%401.0%2Bx%21y%3Dz#f102de96";
        let expected = Source::Git {
            url: "file:///tmp/pr%20oj/sub".into(),
            reference: GitReference::Tag("subby@1.0+x!y=z".into()),
            subdirectory: "p/q r".into(),
            commit: "f102de96".into(),
        };
        assert_eq!(git_source(text), expected);
        let encoded = text.replace("subdirectory=", "%73ubdirectory=");
        assert_eq!(git_source(&encoded), expected);
    }

    #[test]
    fn what_uv_reads_but_does_not_write_reads_the_same() {
        let written = parse(PROD_LOCK).unwrap();
        let old =
            PROD_LOCK.replace("[package", "[distribution").replace("dev-dependencies", "dependency-groups");
        assert_eq!(parse(&old).unwrap(), written);
        assert_eq!(parse(&PROD_LOCK.replace("\"bench-utils\"", "\"Bench._UTILS\"")).unwrap(), written);
        assert!(written.packages.iter().all(|package| package.plain.is_empty()));
    }

    #[test]
    fn an_unknown_version_is_an_error_even_if_the_rest_could_be_read() {
        insta::assert_snapshot!(look(&parse("version = 2\nrevision = 1\n").unwrap_err()), @r#"
          × the lockfile of `prod` cannot be read

        Error: envloom::ledger::lockfile_version

          × prod/uv.lock has version 2; this envloom knows version 1
           ╭─[prod/uv.lock:1:11]
         1 │ version = 2
           ·           ┬
           ·           ╰── an unknown version
         2 │ revision = 1
           ╰────
          help: upgrade envloom, or lock with the uv that tasks.kdl names: `envloom lock:prod`
        "#);
        insta::assert_snapshot!(look(&parse("version = 2\npackage = \"elsewhere\"\n").unwrap_err()), @r#"
          × the lockfile of `prod` cannot be read

        Error: envloom::ledger::lockfile_version

          × prod/uv.lock has version 2; this envloom knows version 1
           ╭─[prod/uv.lock:1:11]
         1 │ version = 2
           ·           ┬
           ·           ╰── an unknown version
         2 │ package = "elsewhere"
           ╰────
          help: upgrade envloom, or lock with the uv that tasks.kdl names: `envloom lock:prod`
        "#);
        assert!(parse("revision = 1\n").is_err());
    }

    #[test]
    fn conflict_markers_are_recognised() {
        let text = "version = 1\n<<<<<<< HEAD\nrevision = 4\n=======\nrevision = 5\n>>>>>>> other\n";
        insta::assert_snapshot!(look(&parse(text).unwrap_err()), @r"
          × the lockfile of `prod` cannot be read

        Error: envloom::ledger::lockfile_conflict

          × a merge left conflict markers in prod/uv.lock
           ╭─[prod/uv.lock:2:1]
         1 │ version = 1
         2 │ <<<<<<< HEAD
           · ──────┬─────
           ·       ╰── the first one
         3 │ revision = 4
           ╰────
          help: type `envloom resolve`: it locks prod anew from what both sides have grown from, so that
                other versions stay
        ");
    }

    #[test]
    fn a_source_of_an_unknown_kind_is_an_error() {
        let text = "version = 1\n[[package]]\nname = \"x\"\nsource = { oci = \"registry.example.com/x\" }\n";
        insta::assert_snapshot!(look(&parse(text).unwrap_err()), @r#"
          × the lockfile of `prod` cannot be read

        Error: envloom::ledger::lockfile_syntax

          × prod/uv.lock cannot be read: a source names one of registry, git, url, path, directory,
          │ editable, virtual
           ╭─[prod/uv.lock:4:10]
         3 │ name = "x"
         4 │ source = { oci = "registry.example.com/x" }
           ·          ─────────────────┬────────────────
           ·                           ╰── here
           ╰────
          help: take the committed one back with `git checkout -- prod/uv.lock`, or lock anew with
                `envloom lock:prod`
        "#);
    }
}
