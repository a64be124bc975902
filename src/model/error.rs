//! Every mistake in what the configuration means.

use miette::SourceSpan;

use super::adopted_error::AdoptedFinding;
use super::pin_error::PinFinding;
use super::task_error::TaskFinding;

/// One mistake, in `tasks.kdl` or `tasks.local.kdl`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub(crate) enum ModelFinding {
    /// A mistake in a task.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Task(#[from] TaskFinding),

    /// A mistake in what is adopted, or made from that.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Adopted(#[from] AdoptedFinding),

    /// A mistake in a pin, or in the form of tags.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Pin(#[from] PinFinding),

    /// The file is for other versions of envloom.
    #[error("this file is for envloom {range}; this is envloom {running}")]
    #[diagnostic(
        code(envloom::model::other_envloom),
        help("install an envloom in that range: uv tool install 'envloom{range}'")
    )]
    OtherEnvloom {
        range: String,
        running: &'static str,
        #[label("does not include {running}")]
        span: SourceSpan,
    },

    /// No version (PEP 440).
    #[error("`{text}` is no {what}")]
    #[diagnostic(code(envloom::model::invalid_version), help("{help}"))]
    InvalidVersion {
        what: &'static str,
        text: String,
        help: String,
        #[label("not a version as PEP 440 writes it")]
        span: SourceSpan,
    },

    /// No version range (PEP 440).
    #[error("`{text}` is no version range")]
    #[diagnostic(code(envloom::model::invalid_range), help("{help}"))]
    InvalidRange {
        text: String,
        help: String,
        #[label("not a range as PEP 440 writes it")]
        span: SourceSpan,
    },

    /// No SHA-256, or none can be meant.
    #[error("{reason}")]
    #[diagnostic(
        code(envloom::model::invalid_sha256),
        help("write the 64 hexadecimal digits of one wheel, beside one exact version")
    )]
    InvalidSha256 {
        reason: &'static str,
        #[label("of no use here")]
        span: SourceSpan,
    },

    /// A name of the wrong form.
    #[error("`{name}` is no name for {what}")]
    #[diagnostic(code(envloom::model::invalid_name), help("{form}"))]
    InvalidName {
        what: &'static str,
        name: String,
        form: &'static str,
        #[label("not of this form")]
        span: SourceSpan,
    },

    /// A name that already means something.
    #[error("`{name}` is taken and cannot name {what}")]
    #[diagnostic(code(envloom::model::reserved_name), help("choose another one, such as `my-{name}`"))]
    ReservedName {
        what: &'static str,
        name: String,
        by: &'static str,
        #[label("{by}")]
        span: SourceSpan,
    },

    /// Two things that must differ are the same.
    #[error("{what} `{name}` is declared twice")]
    #[diagnostic(code(envloom::model::duplicate), help("{help}"))]
    Duplicate {
        what: &'static str,
        name: String,
        help: &'static str,
        #[label("first here")]
        first: SourceSpan,
        #[label("again here")]
        span: SourceSpan,
    },

    /// A list in one text that has separators only.
    #[error("the list has no words")]
    #[diagnostic(
        code(envloom::model::empty_list),
        help("write words with blanks or commas between them, or delete the property")
    )]
    EmptyList {
        #[label("nothing in it")]
        span: SourceSpan,
    },

    /// No requirement (PEP 508).
    #[error("`{text}` is no requirement: {reason}")]
    #[diagnostic(
        code(envloom::model::invalid_requirement),
        help("write it as in a pyproject.toml: \"pandas>=2.3\"")
    )]
    InvalidRequirement {
        text: String,
        reason: String,
        #[label("not as PEP 508 writes it")]
        span: SourceSpan,
    },

    /// No marker (PEP 508).
    #[error("`{text}` is no marker: {reason}")]
    #[diagnostic(
        code(envloom::model::invalid_marker),
        help("write it as in a pyproject.toml: \"sys_platform == 'linux'\"")
    )]
    InvalidMarker {
        text: String,
        reason: String,
        #[label("not as PEP 508 writes it")]
        span: SourceSpan,
    },

    /// An internal package among the requirements.
    #[error("`{name}` is an internal package")]
    #[diagnostic(code(envloom::model::internal_requirement), help("{help}"))]
    InternalRequirement {
        name: String,
        help: &'static str,
        #[label("declared here")]
        declared: SourceSpan,
        #[label("must not be required here")]
        span: SourceSpan,
    },

    /// A package that variants supply from their indexes, among the dependencies too.
    #[error("`{name}` is in `dependencies` and in the variants of `{axis}`")]
    #[diagnostic(
        code(envloom::model::supplied_requirement),
        help("delete it from `dependencies`: there it would come from the default index")
    )]
    SuppliedRequirement {
        name: String,
        axis: String,
        #[label("from the chosen variant's index")]
        supplied: SourceSpan,
        #[label("from the default index")]
        span: SourceSpan,
    },

    /// A name that nothing has.
    #[error("unknown {what} `{name}`")]
    #[diagnostic(code(envloom::model::unknown_name), help("{help}"))]
    UnknownName {
        what: &'static str,
        name: String,
        help: String,
        #[label("not declared")]
        span: SourceSpan,
    },

    /// A URL that is none, or of a kind that is not used.
    #[error("`{url}` cannot be used as {what}: {reason}")]
    #[diagnostic(code(envloom::model::invalid_url), help("{help}"))]
    InvalidUrl {
        what: &'static str,
        url: String,
        reason: &'static str,
        help: &'static str,
        #[label("refused")]
        span: SourceSpan,
    },

    /// Plain http.
    #[error("`{url}` is not encrypted")]
    #[diagnostic(
        code(envloom::model::insecure_url),
        help("write https://; plain http is for this machine only")
    )]
    InsecureUrl {
        url: String,
        #[label("anyone on the way can change what comes back")]
        span: SourceSpan,
    },

    /// A password or token in a URL. The message does not repeat it.
    #[error("{what} holds credentials")]
    #[diagnostic(
        code(envloom::model::credentials),
        help(
            "delete what stands before the `@`; use a keyring, netrc, UV_INDEX_<NAME>_USERNAME or git's credential helper, and revoke what was committed"
        )
    )]
    Credentials {
        what: &'static str,
        #[label("everybody who can read this file can use them")]
        span: SourceSpan,
    },

    /// A path that cannot be used.
    #[error("`{path}` cannot be used: {reason}")]
    #[diagnostic(
        code(envloom::model::invalid_path),
        help("write a path inside the repository, relative to its root")
    )]
    InvalidPath {
        path: String,
        reason: String,
        #[label("refused")]
        span: SourceSpan,
    },

    /// A package that lacks what its sources need.
    #[error("package `{package}` needs `{property}=` {reason}")]
    #[diagnostic(
        code(envloom::model::missing_place),
        help("write {property}=\"…\", or limit the package with environments=\"…\"")
    )]
    MissingPlace {
        package: String,
        property: &'static str,
        reason: String,
        #[label("has none")]
        span: SourceSpan,
    },

    /// A manifest that uv would not find.
    #[error("a manifest is called pyproject.toml, not `{name}`")]
    #[diagnostic(code(envloom::model::manifest_name), help("write `manifest \"{suggestion}\"`"))]
    ManifestName {
        name: String,
        suggestion: String,
        #[label("uv does not read it")]
        span: SourceSpan,
    },

    /// A manifest that is a package's own.
    #[error("the manifest of environment `{environment}` lies in package `{package}`")]
    #[diagnostic(
        code(envloom::model::manifest_in_package),
        help("give the environment a directory of its own: `manifest \"{environment}/pyproject.toml\"`")
    )]
    ManifestInPackage {
        environment: String,
        package: String,
        #[label("the package")]
        declared: SourceSpan,
        #[label("inside it")]
        span: SourceSpan,
    },

    /// An environment without a manifest.
    #[error("environment `{environment}` has no manifest")]
    #[diagnostic(code(envloom::model::missing_manifest), help("write `manifest \"{suggestion}\"` in it"))]
    MissingManifest {
        environment: String,
        suggestion: String,
        #[label("without one")]
        span: SourceSpan,
    },

    /// Environments without a project.
    #[error("there are environments, but no project")]
    #[diagnostic(code(envloom::model::missing_project), help("write `project \"name\" {{ … }}` above them"))]
    MissingProject {
        #[label("an environment of which project?")]
        span: SourceSpan,
    },

    /// A package that is asked for where it cannot be.
    #[error("package `{package}` cannot take part in environment `{environment}`: {reason}")]
    #[diagnostic(code(envloom::model::excluded_package), help("{help}"))]
    ExcludedPackage {
        package: String,
        environment: String,
        reason: &'static str,
        help: &'static str,
        #[label("asked for here")]
        span: SourceSpan,
    },

    /// A group or extra that needs a package which the environment lacks.
    #[error(
        "{what} `{name}` needs package `{package}`, which does not take part in environment `{environment}`"
    )]
    #[diagnostic(
        code(envloom::model::absent_package),
        help("leave `{name}` out of `{environment}`, or let `{package}` take part in it")
    )]
    AbsentPackage {
        what: &'static str,
        name: String,
        package: String,
        environment: String,
        #[label("needed here")]
        requirement: SourceSpan,
        #[label("without the package")]
        span: SourceSpan,
    },

    /// A pin that the project does not support.
    #[error("Python {python} is outside `{range}`")]
    #[diagnostic(
        code(envloom::model::python_outside_range),
        help("choose a Python that `requires-python` includes")
    )]
    PythonOutsideRange {
        python: String,
        range: String,
        #[label("supported")]
        supported: SourceSpan,
        #[label("not supported")]
        span: SourceSpan,
    },

    /// Editable packages where tags are used.
    #[error("environment `{environment}` takes packages from tags: nothing can be editable")]
    #[diagnostic(code(envloom::model::editable_tags), help("delete `editable #true`"))]
    EditableTags {
        environment: String,
        #[label("not possible here")]
        span: SourceSpan,
    },

    /// `carry` where nothing is carried to.
    #[error("environment `{environment}` uses the working tree and carries nothing")]
    #[diagnostic(
        code(envloom::model::carry_in_workspace),
        help("delete `carry`: environments of `sources \"tags\"` carry from this one's manifest")
    )]
    CarryInWorkspace {
        environment: String,
        #[label("has no effect in here")]
        span: SourceSpan,
    },

    /// Names that join to the same text.
    #[error("the cells `{one}` and `{other}` would both be called `{slug}`")]
    #[diagnostic(
        code(envloom::model::same_cell),
        help("rename an environment or a variant: a cell's venv and log have its name")
    )]
    SameCell {
        slug: String,
        one: String,
        other: String,
        #[label("of this environment")]
        first: SourceSpan,
        #[label("and this one")]
        span: SourceSpan,
    },

    /// More combinations than anyone syncs.
    #[error("the axes have {count} combinations; at most {most} are allowed")]
    #[diagnostic(
        code(envloom::model::too_many_cells),
        help("put variants that exclude one another on one axis")
    )]
    TooManyCells {
        count: String,
        most: usize,
        #[label("the last axis")]
        span: SourceSpan,
    },
}
