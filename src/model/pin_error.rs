//! Every mistake in which releases of the internal packages are pinned, and in the forms of their tags.

use miette::SourceSpan;

/// One mistake in a `pin`, or in the `tag=` of a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub(crate) enum PinFinding {
    /// A tag that git would refuse or take for something else.
    #[error("`{tag}` is no tag: {reason}")]
    #[diagnostic(
        code(envloom::model::invalid_tag),
        help("write a tag of the package's repository: \"v0.1.2\"")
    )]
    InvalidTag {
        tag: String,
        reason: &'static str,
        #[label("refused")]
        span: SourceSpan,
    },

    /// A tag that names no version.
    #[error("the tag `{tag}` names no version")]
    #[diagnostic(
        code(envloom::model::tag_without_version),
        help("tags of `{package}` are of the form {form}; change the tag, or its `tag=`")
    )]
    TagWithoutVersion {
        tag: String,
        package: String,
        form: String,
        #[label("no version in it")]
        span: SourceSpan,
    },

    /// `tag=` of the wrong form.
    #[error("the form of tags `{form}` {reason}")]
    #[diagnostic(
        code(envloom::model::invalid_tag_form),
        help("write what stands around the version: tag=\"bench-utils-v{{version}}\"")
    )]
    InvalidTagForm {
        form: String,
        reason: &'static str,
        #[label("cannot be used")]
        span: SourceSpan,
    },

    /// A development release where only stable ones are accepted.
    #[error("`{reference}` is a development release; environment `{environment}` accepts stable ones only")]
    #[diagnostic(
        code(envloom::model::unstable_pin),
        help("pin a stable release such as \"{stable}\", or write channel=\"dev\"")
    )]
    UnstablePin {
        reference: String,
        environment: String,
        stable: String,
        #[label("accepts stable tags only")]
        channel: SourceSpan,
        #[label("not stable")]
        span: SourceSpan,
    },

    /// A pin of a package that does not take part.
    #[error("package `{package}` does not take part in environment `{environment}`")]
    #[diagnostic(code(envloom::model::idle_pin), help("delete the pin, or {help}"))]
    IdlePin {
        package: String,
        environment: String,
        help: String,
        #[label("pins nothing")]
        span: SourceSpan,
    },

    /// A package that takes part and has no pin.
    #[error("environment `{environment}` has no pin for package `{package}`")]
    #[diagnostic(code(envloom::model::missing_pin), help("add `{line}` to environment `{environment}`"))]
    MissingPin {
        package: String,
        environment: String,
        line: String,
        #[label("takes part")]
        declared: SourceSpan,
        #[label("no pin in here")]
        span: SourceSpan,
    },

    /// A pin where the working tree is used.
    #[error("environment `{environment}` uses the working tree and has no pins")]
    #[diagnostic(
        code(envloom::model::pin_in_workspace),
        help("delete the pin, or write `sources \"tags\" channel=\"dev\"`")
    )]
    PinInWorkspace {
        environment: String,
        #[label("has no effect")]
        span: SourceSpan,
    },

    /// No full commit id.
    #[error("`{text}` is no commit")]
    #[diagnostic(
        code(envloom::model::invalid_rev),
        help("write all 40 hexadecimal digits: git rev-parse HEAD")
    )]
    InvalidRev {
        text: String,
        #[label("not 40 hexadecimal digits")]
        span: SourceSpan,
    },
}
