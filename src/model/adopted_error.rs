//! Every mistake in what is adopted, and in what is made from that.

use miette::SourceSpan;

/// One mistake about `adopt`, `projects` or `from`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub(crate) enum AdoptedFinding {
    /// uv finds the root above it, and locks there.
    #[error("{manifest} is a member of the workspace in {workspace}, whose lockfile is its lockfile too")]
    #[diagnostic(
        code(envloom::model::workspace_member),
        help("adopt the root: `environment \"…\" {{ manifest \"{workspace}/pyproject.toml\"; adopt }}`")
    )]
    WorkspaceMember {
        manifest: String,
        workspace: String,
        #[label("no lockfile of its own")]
        span: SourceSpan,
    },

    /// Two projects whose directories have one name, or one that is called like a declared environment.
    #[error("{one} and {other} would both be environment `{name}`")]
    #[diagnostic(
        code(envloom::model::same_project),
        help(
            "declare one by another name, `environment \"…\" {{ manifest \"{one}\"; adopt }}`, or leave it out by `except=`"
        )
    )]
    SameProject {
        name: String,
        one: String,
        other: String,
        #[label("{other}")]
        first: SourceSpan,
        #[label("{one}")]
        span: SourceSpan,
    },

    /// Nothing is there.
    #[error("no directory that fits `{pattern}` has a pyproject.toml")]
    #[diagnostic(
        code(envloom::model::no_projects),
        help("a pattern is of directories, from the repository's root, such as \"libs/*\"")
    )]
    NoProjects {
        pattern: String,
        #[label("nothing here")]
        span: SourceSpan,
    },

    /// `from` an environment whose manifest envloom writes.
    #[error("environment `{name}` is not adopted")]
    #[diagnostic(
        code(envloom::model::not_adopted),
        help(
            "`from` takes a manifest that is written by hand; what is written from tasks.kdl shares `project` already"
        )
    )]
    NotAdopted {
        name: String,
        #[label("envloom writes its manifest")]
        span: SourceSpan,
    },

    /// `from` without tags: there would be nothing to say.
    #[error("environment `{environment}` is made from an adopted one and has no `sources \"tags\"`")]
    #[diagnostic(
        code(envloom::model::derived_in_workspace),
        help("write `sources \"tags\" channel=\"stable\"` and a `pin` for each internal package")
    )]
    DerivedInWorkspace {
        environment: String,
        #[label("its packages come from tags")]
        span: SourceSpan,
    },
}
