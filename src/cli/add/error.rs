//! What is wrong with a call of `add` or `remove`.

use miette::Diagnostic;
use thiserror::Error;

/// Every code of these verbs and what it means, for the README.
pub(in crate::cli) const CODES: &[(&str, &str)] = &[
    ("envloom::cli::not_a_requirement", "add or remove was given a word that is no requirement"),
    ("envloom::cli::requirement_credentials", "add --package of a requirement whose URL holds credentials"),
    ("envloom::cli::unknown_variant", "--variant names neither a variant nor an axis"),
    ("envloom::cli::not_asked_for", "remove of a requirement that the list does not have"),
    ("envloom::cli::no_lists", "add or remove where no environment takes its requirements from tasks.kdl"),
    ("envloom::cli::several_packages", "add or remove was given more than one --package"),
    ("envloom::cli::no_package_manifest", "add or remove --package, and the package's manifest is not here"),
    (
        "envloom::cli::package_not_held",
        "add or remove --package, and no environment takes it from the working tree",
    ),
    ("envloom::cli::not_a_package", "add package of something that is none, or that is one already"),
    ("envloom::cli::package_place_taken", "add package where files or a submodule lie already"),
    ("envloom::cli::git_at_work", "add or remove package while another git has the index or git's settings"),
    ("envloom::cli::gitmodules_unfit", "`.gitmodules` cannot be changed with the other files"),
    ("envloom::cli::package_required", "remove package of one that something else requires"),
    ("envloom::cli::package_has_work", "remove package would lose what its submodule alone has"),
    ("envloom::cli::uv_refused", "uv does not change a package's manifest as it was asked to"),
];

/// One thing that is wrong.
#[derive(Debug, Error, Diagnostic)]
pub(in crate::cli) enum AddError {
    /// `add ./here`.
    #[error("`{text}` is no requirement")]
    #[diagnostic(
        code(envloom::cli::not_a_requirement),
        help("write it as a manifest has it, quoted for the shell: 'numpy>=1.26'")
    )]
    NotARequirement {
        /// The word.
        text: String,
    },
    /// `add 'x @ https://me:secret@h/x.whl' --package p`; in `tasks.kdl` the model refuses it.
    #[error("the URL of `{text}` holds credentials")]
    #[diagnostic(
        code(envloom::cli::requirement_credentials),
        help(
            "everybody who can read the manifest could use them; use a keyring, netrc, UV_INDEX_<NAME>_USERNAME or git's credential helper"
        )
    )]
    Credentials {
        /// The word, without them.
        text: String,
    },
    /// `--variant` of nothing.
    #[error("`--variant {name}`: tasks.kdl declares no such variant")]
    #[diagnostic(code(envloom::cli::unknown_variant), help("{help}"))]
    UnknownVariant {
        /// What was named.
        name: String,
        /// The nearest name, or all of them.
        help: String,
    },
    /// It is somewhere else, or nowhere.
    #[error("{names} {} not asked for in {list}", if *is_one { "is" } else { "are" })]
    #[diagnostic(code(envloom::cli::not_asked_for), help("{help}"))]
    NotAskedFor {
        /// The packages.
        names: String,
        /// Is it one?
        is_one: bool,
        /// The list.
        list: String,
        /// Where they are.
        help: String,
    },
    /// All manifests are adopted or derived, or the environment's is.
    #[error("{what} takes its requirements from {manifest}, not from tasks.kdl")]
    #[diagnostic(
        code(envloom::cli::no_lists),
        help("change them there, with `uv add` and `uv remove` in its directory, then `envloom lock`")
    )]
    NoLists {
        /// The environment, or every one.
        what: String,
        /// The manifest.
        manifest: String,
    },
    /// There is nothing that anything could be asked for in.
    #[error("tasks.kdl declares no environment")]
    #[diagnostic(
        code(envloom::cli::no_lists),
        help("declare one: environment \"dev\" {{ manifest \"pyproject.toml\" }}")
    )]
    NoEnvironment,
    /// `--package a --package b`.
    #[error("one package at a time, not {packages}")]
    #[diagnostic(code(envloom::cli::several_packages), help("call it once for each"))]
    SeveralPackages {
        /// All that were named.
        packages: String,
    },
    /// It has only a remote, or its submodule is empty.
    #[error("the manifest of {package} is not in this repository")]
    #[diagnostic(code(envloom::cli::no_package_manifest), help("{help}"))]
    NoPackageManifest {
        /// The package.
        package: String,
        /// What brings it, or where it is.
        help: String,
    },
    /// All take it by a tag.
    #[error("no environment takes {package} from the working tree")]
    #[diagnostic(
        code(envloom::cli::package_not_held),
        help("nothing is to be locked: change its manifest with `uv add` and `uv remove` in {path}")
    )]
    NotHeld {
        /// The package.
        package: String,
        /// Where it lies.
        path: String,
    },
    /// A name, a remote or a place that cannot be one.
    #[error("{problem}")]
    #[diagnostic(
        code(envloom::cli::not_a_package),
        help("nothing was changed; type `envloom add package NAME --git URL [--path PATH] [--tag TAG]`")
    )]
    NotAPackage {
        /// What is wrong.
        problem: String,
    },
    /// Files, a submodule, or the repository of one that was there before.
    #[error("{path} is taken, or was a submodule before")]
    #[diagnostic(
        code(envloom::cli::package_place_taken),
        help("name another place with --path; or move what lies there, and .git/modules/{path}, away")
    )]
    Occupied {
        /// Where the package was to lie.
        path: String,
    },
    /// A lock of git's, which may be left over.
    #[error("git is at work here, or was killed: {lock} is there")]
    #[diagnostic(
        code(envloom::cli::git_at_work),
        help("nothing was changed; wait for that git, or remove the file if no git is running")
    )]
    GitAtWork {
        /// The lock.
        lock: String,
    },
    /// A link, a conflict, a form that is not git's.
    #[error("`.gitmodules` cannot be changed: {problem}")]
    #[diagnostic(
        code(envloom::cli::gitmodules_unfit),
        help("nothing was changed; mend it, then type the same again")
    )]
    ModulesUnfit {
        /// Why.
        problem: String,
    },
    /// A manifest, or a release that is pinned.
    #[error("{package} is still required:{by}")]
    #[diagnostic(code(envloom::cli::package_required), help("nothing was changed; {help}"))]
    Required {
        /// The package.
        package: String,
        /// By what, a line each.
        by: String,
        /// What to do about the first of them.
        help: String,
    },
    /// What is not committed, or not pushed.
    #[error("{path} has what would be lost with it:{lost}")]
    #[diagnostic(
        code(envloom::cli::package_has_work),
        help("nothing was changed; {help}, or leave its files where they are with --keep-files")
    )]
    HasWork {
        /// The submodule.
        path: String,
        /// What, a line each.
        lost: String,
        /// What saves it.
        help: &'static str,
    },
    /// `uv add` or `uv remove` failed.
    #[error("`uv {verb}` does not change the manifest of {package}:\n{said}")]
    #[diagnostic(code(envloom::cli::uv_refused), help("nothing was changed; the words and options are uv's"))]
    UvRefused {
        /// add or remove.
        verb: &'static str,
        /// The package.
        package: String,
        /// The end of what uv said.
        said: String,
    },
}

impl AddError {
    /// The manifest of a package is not here; with the path where `tasks.kdl` says it lies.
    pub(super) fn no_manifest(package: &str, path: Option<String>) -> Self {
        let help = match path {
            Some(path) => format!("type `envloom fetch {package}`, if {path} is a submodule that is empty"),
            None => "it has only a remote: change it there".to_owned(),
        };
        Self::NoPackageManifest { package: package.to_owned(), help }
    }
}
