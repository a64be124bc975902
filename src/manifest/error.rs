//! What can be wrong with a manifest, with the place in its text.

use miette::{Diagnostic, NamedSource, SourceSpan};

use crate::base::SourceFile;

/// Why a manifest is not written: everything found, over the text it was found in.
#[derive(Debug, Clone, thiserror::Error, Diagnostic)]
#[error("`{name}` is left as it is")]
pub(crate) struct ManifestError {
    name: String,
    #[source_code]
    source_code: NamedSource<String>,
    /// All of it, in the order of the text.
    #[related]
    pub(crate) findings: Vec<ManifestFinding>,
}

impl ManifestError {
    /// Joins findings with the text that their spans point into.
    pub(super) fn new(source: &SourceFile, mut findings: Vec<ManifestFinding>) -> Self {
        findings.sort_by_key(|finding| {
            finding.labels().and_then(|mut labels| labels.next()).map(|label| label.offset())
        });
        Self { name: source.name().to_owned(), source_code: source.named(), findings }
    }
}

/// One thing found.
#[derive(Debug, Clone, thiserror::Error, Diagnostic)]
pub(crate) enum ManifestFinding {
    /// The text does not parse.
    #[error("the manifest is not valid TOML: {message}")]
    #[diagnostic(
        code(envloom::manifest::not_toml),
        help("mend the text by hand or with git: envloom changes no manifest that it cannot read")
    )]
    NotToml {
        /// What the parser says.
        message: String,
        /// Where.
        #[label("here")]
        span: SourceSpan,
    },
    /// Something of the wrong type stands on the way to an entry.
    #[error("`{path}` is {found}, where {wanted} is needed")]
    #[diagnostic(
        code(envloom::manifest::in_the_way),
        help("remove it, or turn it into {wanted}; then run: envloom generate:{environment}")
    )]
    InTheWay {
        /// Its place.
        path: String,
        /// What it is.
        found: &'static str,
        /// What is needed.
        wanted: &'static str,
        /// The environment.
        environment: String,
        /// Where it stands.
        #[label("{found}")]
        span: SourceSpan,
    },
    /// An element of an array of requirements is none.
    #[error("{text} is not a requirement")]
    #[diagnostic(
        code(envloom::manifest::not_a_requirement),
        help("a requirement is a name and a range, such as \"tqdm>=4.67\" (PEP 508)")
    )]
    NotARequirement {
        /// The element.
        text: String,
        /// Where it stands.
        #[label("neither uv nor envloom can read this")]
        span: SourceSpan,
    },
    /// Two elements of an array have one identity, and an entry of envloom's is meant by it.
    #[error("`{path}` stands there twice")]
    #[diagnostic(
        code(envloom::manifest::listed_twice),
        help("keep one of them; then run: envloom generate:{environment}")
    )]
    ListedTwice {
        /// Its place.
        path: String,
        /// The environment.
        environment: String,
        /// Where it stands first.
        #[label("here")]
        span: SourceSpan,
        /// Where it stands again.
        #[label("and here")]
        again: SourceSpan,
    },
    /// An owned entry is not what envloom last wrote.
    #[error("`{path}` was edited by hand: it is {now}")]
    #[diagnostic(code(envloom::manifest::hand_edit), help("{help}"))]
    HandEdit {
        /// Its place.
        path: String,
        /// Its value in the text.
        now: String,
        /// What `tasks.kdl` says, and where.
        asked: String,
        /// The KDL that would keep the edit, and the command that would undo it.
        help: String,
        /// Where it stands.
        #[label("{asked}")]
        span: SourceSpan,
    },
    /// An owned entry is gone.
    #[error("`{path}` was removed by hand")]
    #[diagnostic(code(envloom::manifest::hand_removal), help("{help}"))]
    HandRemoval {
        /// Its place.
        path: String,
        /// What `tasks.kdl` says, and where.
        asked: String,
        /// What to do.
        help: String,
        /// What it stood in.
        #[label("{asked}")]
        span: SourceSpan,
    },
    /// An entry that is wanted stands there with another value, which envloom did not write.
    #[error("`{path}` is {now} already, and envloom did not write it")]
    #[diagnostic(code(envloom::manifest::foreign_in_place), help("{help}"))]
    ForeignInPlace {
        /// Its place.
        path: String,
        /// Its value in the text.
        now: String,
        /// What `tasks.kdl` says, and where.
        asked: String,
        /// What to do.
        help: String,
        /// Where it stands.
        #[label("{asked}")]
        span: SourceSpan,
    },
    /// The manifest exists, and envloom never wrote it.
    #[error("envloom did not write this manifest, and generating it would change {count}:{difference}")]
    #[diagnostic(
        code(envloom::manifest::never_generated),
        help(
            "to make these changes and own these entries from now on: envloom generate:{environment} --take-over"
        )
    )]
    NeverGenerated {
        /// How many entries.
        count: String,
        /// A line for each.
        difference: String,
        /// The environment.
        environment: String,
        /// The first of them in the text.
        #[label("the first of them")]
        span: SourceSpan,
    },
    /// A `uv.toml` beside the manifest.
    #[error("a `uv.toml` beside a generated manifest makes uv ignore most of its [tool.uv]")]
    #[diagnostic(
        code(envloom::manifest::uv_toml),
        help("move its settings into [tool.uv] of the manifest, where they stay, and remove the file")
    )]
    UvToml {
        /// Its text.
        #[source_code]
        text: NamedSource<String>,
        /// Its first line.
        #[label("uv reads this instead")]
        span: SourceSpan,
    },
    /// `.python-version` is not what envloom last wrote.
    #[error("`.python-version` was edited by hand: it is `{now}`")]
    #[diagnostic(code(envloom::manifest::python_version), help("{help}"))]
    PythonVersion {
        /// What it says.
        now: String,
        /// What `tasks.kdl` says, and where.
        asked: String,
        /// What to do.
        help: String,
        /// Its text.
        #[source_code]
        text: NamedSource<String>,
        /// All of it.
        #[label("{asked}")]
        span: SourceSpan,
    },
    /// There is nothing to make a manifest from.
    #[error("there is no such manifest to make another one from")]
    #[diagnostic(
        code(envloom::manifest::no_origin),
        help("write it, or correct the `manifest` of environment `{environment}`")
    )]
    NoOrigin {
        /// The adopted environment.
        environment: String,
        /// The start.
        #[label("not there")]
        span: SourceSpan,
    },
    /// The adopted manifest does not say what a frozen environment needs.
    #[error("no manifest can be made from this one: {what}")]
    #[diagnostic(
        code(envloom::manifest::underivable),
        help(
            "write name and dependencies into [project]; a frozen environment is made of what stands there"
        )
    )]
    Underivable {
        /// What is missing.
        what: &'static str,
        /// Where.
        #[label("here")]
        span: SourceSpan,
    },
    /// A frozen environment has no working tree.
    #[error("`{package}` comes from the working tree here, and `{environment}` has no release of it")]
    #[diagnostic(
        code(envloom::manifest::from_working_tree),
        help(
            "declare it in tasks.kdl, `package \"{package}\" path=\"…\" git=\"…\"`, and pin it in environment \"{environment}\": `pin \"{package}\" \"v…\"`"
        )
    )]
    FromWorkingTree {
        /// The package.
        package: String,
        /// The environment that is made.
        environment: String,
        /// Its source.
        #[label("no release")]
        span: SourceSpan,
    },
    /// What was absorbed would not come out as it stands.
    #[error("written into tasks.kdl, this would not leave `{path}` of {environment} as it stands")]
    #[diagnostic(
        code(envloom::manifest::not_absorbed),
        help("nothing was written; change tasks.kdl by hand, then run: envloom generate")
    )]
    NotAbsorbed {
        /// The place that would change.
        path: String,
        /// The environment it is of.
        environment: String,
        /// The place in the manifest that was to be absorbed.
        #[label("edited")]
        span: SourceSpan,
    },
    /// The check after an edit failed.
    #[error("editing the manifest would not have kept or made `{path}` as it must be")]
    #[diagnostic(
        code(envloom::manifest::unfaithful),
        help("this is a defect of envloom: nothing was written; please report it with this manifest")
    )]
    Unfaithful {
        /// The place that failed the check.
        path: String,
        /// Where it stands.
        #[label("this")]
        span: SourceSpan,
    },
}

/// Every code of this room, with what it means.
pub(crate) const CODES: &[(&str, &str)] = &[
    ("envloom::manifest::not_toml", "a manifest is not valid TOML"),
    ("envloom::manifest::in_the_way", "a value of another type stands where an entry or its table must be"),
    ("envloom::manifest::not_a_requirement", "an array of requirements holds something else"),
    ("envloom::manifest::listed_twice", "an entry of envloom's stands twice in an array"),
    ("envloom::manifest::hand_edit", "an entry of envloom's was edited in the manifest"),
    ("envloom::manifest::hand_removal", "an entry of envloom's was removed from the manifest"),
    ("envloom::manifest::foreign_in_place", "a new entry stands in the manifest already, with another value"),
    ("envloom::manifest::never_generated", "the manifest exists and envloom never wrote it"),
    ("envloom::manifest::uv_toml", "a uv.toml beside a generated manifest"),
    ("envloom::manifest::python_version", "a .python-version that envloom wrote was edited"),
    ("envloom::manifest::no_origin", "an adopted manifest that another is made from does not exist"),
    ("envloom::manifest::underivable", "an adopted manifest does not say what another needs"),
    (
        "envloom::manifest::from_working_tree",
        "a package of the working tree that a derived environment has no release of",
    ),
    (
        "envloom::manifest::not_absorbed",
        "an edit of a manifest cannot be written into tasks.kdl without side effects",
    ),
    ("envloom::manifest::unfaithful", "a defect of envloom: the check after an edit failed"),
];
