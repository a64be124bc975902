//! An internal package: what its repository holds, commit by commit.
//!
//! In: a description, built up in order. Out: a list of [`Change`]s, each with its whole tree,
//! which `remote` turns into git objects. **A commit takes the description as it stands at its
//! call**: requirements and files named after `tag` belong to later commits only.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::wheel::module_name;

/// Where a package is found in the monorepo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A remote of its own, checked out as a submodule.
    Submodule,
    /// A remote of its own, not in the monorepo.
    RemoteOnly,
    /// A directory of the monorepo, without a remote.
    InTree,
}

/// The description of an internal package and the history of its repository.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(super) name: String,
    /// Where it is checked out, from the monorepo's root.
    pub(super) path: String,
    pub(super) place: Place,
    /// The directory of `pyproject.toml` inside its repository; empty for the top.
    subdirectory: String,
    requires: Vec<String>,
    extras: Vec<(String, Vec<String>)>,
    /// Lines of `[tool.uv.sources]`.
    sources: Vec<String>,
    toml: String,
    files: BTreeMap<String, String>,
    /// The whole manifest, if a test wants its own; `{version}` is the commit's.
    pyproject: Option<String>,
    pub(super) history: Vec<Change>,
}

/// One commit of a package's repository and the tag that it gets.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) branch: String,
    pub(super) message: String,
    pub(super) tag: Option<Tag>,
    pub(super) files: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) annotated: bool,
}

impl Package {
    /// A package at `packages/<name>`, a submodule, with a module of its name under `src/`.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: format!("packages/{name}"),
            place: Place::Submodule,
            subdirectory: String::new(),
            requires: Vec::new(),
            extras: Vec::new(),
            sources: Vec::new(),
            toml: String::new(),
            files: BTreeMap::new(),
            pyproject: None,
            history: Vec::new(),
        }
    }

    /// Where its repository is checked out, from the monorepo's root.
    pub(crate) fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Puts `pyproject.toml` and `src/` into a directory of the package's repository.
    pub(crate) fn subdirectory(mut self, path: &str) -> Self {
        path.clone_into(&mut self.subdirectory);
        self
    }

    /// Makes it a plain directory of the monorepo, with no remote of its own.
    pub(crate) fn in_tree(mut self) -> Self {
        self.place = Place::InTree;
        self
    }

    /// Gives it a remote, and no place in the monorepo.
    pub(crate) fn remote_only(mut self) -> Self {
        self.place = Place::RemoteOnly;
        self
    }

    /// Adds to `project.dependencies`.
    pub(crate) fn requires(mut self, requirement: &str) -> Self {
        self.requires.push(requirement.to_owned());
        self
    }

    /// Forgets the requirements named so far.
    pub(crate) fn without_requires(mut self) -> Self {
        self.requires.clear();
        self
    }

    /// Adds an extra with its requirements.
    pub(crate) fn extra(mut self, name: &str, requires: &[&str]) -> Self {
        self.extras.push((name.to_owned(), requires.iter().map(ToString::to_string).collect()));
        self
    }

    /// Names a sibling as a member of the workspace, as real packages' manifests do.
    pub(crate) fn workspace_source(self, name: &str) -> Self {
        self.source(name, "{ workspace = true }")
    }

    /// Adds an entry of `[tool.uv.sources]`, in TOML.
    pub(crate) fn source(mut self, name: &str, value: &str) -> Self {
        self.sources.push(format!("{name} = {value}"));
        self
    }

    /// Adds TOML at the end of the manifest.
    pub(crate) fn toml(mut self, text: &str) -> Self {
        writeln!(self.toml, "\n{text}").unwrap();
        self
    }

    /// Replaces the whole manifest; `{version}` stands for the commit's version.
    pub(crate) fn pyproject(mut self, text: &str) -> Self {
        self.pyproject = Some(text.to_owned());
        self
    }

    /// Adds a file, from the top of the package's repository.
    pub(crate) fn file(mut self, path: &str, content: &str) -> Self {
        self.files.insert(path.to_owned(), content.to_owned());
        self
    }

    /// A commit on `main` with an annotated tag. Its version is what the tag says: `v0.1.2`,
    /// `0.1.2` and `foo-v0.1.2` are 0.1.2.
    pub(crate) fn tag(self, tag: &str) -> Self {
        let version = version_of(tag).to_owned();
        self.tag_with_version(tag, &version)
    }

    /// As [`Self::tag`], on a commit whose manifest says another version.
    pub(crate) fn tag_with_version(self, tag: &str, version: &str) -> Self {
        self.change("main", version, Some((tag, true)))
    }

    /// As [`Self::tag`], with a tag that is no object of its own.
    pub(crate) fn lightweight_tag(self, tag: &str) -> Self {
        let version = version_of(tag).to_owned();
        self.change("main", &version, Some((tag, false)))
    }

    /// A commit without a tag. A branch that is not there starts from `main`.
    pub(crate) fn branch_commit(self, branch: &str, version: &str) -> Self {
        self.change(branch, version, None)
    }

    /// Completes the description: a package without a commit gets one of version 0.1.0.
    pub(super) fn finished(self) -> Self {
        if self.history.is_empty() { self.branch_commit("main", "0.1.0") } else { self }
    }

    /// The description alone, for more commits on top.
    pub(super) fn without_history(mut self) -> Self {
        self.history.clear();
        self
    }

    /// The URL that manifests and `.gitmodules` name; git's `insteadOf` leads to the local remote.
    pub(super) fn url(&self) -> String {
        format!("https://git.example.com/{}.git", self.name)
    }

    fn change(mut self, branch: &str, version: &str, tag: Option<(&str, bool)>) -> Self {
        let files = self.tree(version);
        self.history.push(Change {
            branch: branch.to_owned(),
            message: format!("{} {version}", self.name),
            tag: tag.map(|(name, annotated)| Tag { name: name.to_owned(), annotated }),
            files,
        });
        self
    }

    /// The whole tree of a commit.
    fn tree(&self, version: &str) -> BTreeMap<String, String> {
        let under = |path: &str| match self.subdirectory.as_str() {
            "" => path.to_owned(),
            directory => format!("{directory}/{path}"),
        };
        let module = module_name(&self.name);
        let mut files = BTreeMap::from([
            // Builds and imports leave caches; they must not make the submodule dirty.
            (".gitignore".to_owned(), "__pycache__/\n".to_owned()),
            (under("_build/backend.py"), include_str!("backend.py").to_owned()),
            (under(&format!("src/{module}/__init__.py")), format!("__version__ = \"{version}\"\n")),
            (under("pyproject.toml"), self.manifest(version)),
        ]);
        files.extend(self.files.clone());
        files
    }

    fn manifest(&self, version: &str) -> String {
        if let Some(text) = &self.pyproject {
            return text.replace("{version}", version);
        }
        let mut text = format!(
            "[project]\nname = \"{}\"\nversion = \"{version}\"\nrequires-python = \">=3.10\"\ndependencies = {}\n",
            self.name,
            array(&self.requires),
        );
        if !self.extras.is_empty() {
            text.push_str("\n[project.optional-dependencies]\n");
            for (extra, requires) in &self.extras {
                writeln!(text, "{extra} = {}", array(requires)).unwrap();
            }
        }
        text.push_str(
            "\n[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\"_build\"]\n",
        );
        if !self.sources.is_empty() {
            writeln!(text, "\n[tool.uv.sources]\n{}", self.sources.join("\n")).unwrap();
        }
        text + &self.toml
    }
}

/// The version that a tag's name says: what follows its last `-` or `/`, without a `v`.
fn version_of(tag: &str) -> &str {
    let last = tag.rsplit(['-', '/']).next().unwrap_or(tag);
    last.strip_prefix('v').unwrap_or(last)
}

/// A TOML array of strings. Requirements hold single quotes at most, so that no escape is needed.
fn array(items: &[String]) -> String {
    let lines: String = items.iter().fold(String::new(), |mut lines, item| {
        writeln!(lines, "    \"{item}\",").unwrap();
        lines
    });
    if lines.is_empty() { "[]".to_owned() } else { format!("[\n{lines}]") }
}
