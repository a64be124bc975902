//! What keeps a merge from being resolved.

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

/// Every code of this verb and what it means, for the README.
pub(in crate::cli) const CODES: &[(&str, &str)] = &[
    ("envloom::resolve::tasks_file", "resolve where tasks.kdl itself holds conflict markers"),
    ("envloom::resolve::by_hand", "both sides of a merge changed lines of a manifest that are not envloom's"),
    ("envloom::resolve::two_commits", "the two sides of a merge have recorded one tag at two commits"),
    ("envloom::resolve::no_sides", "a file holds conflict markers, and git knows of no conflict in it"),
    ("envloom::resolve::not_text", "a side of a file in conflict is not UTF-8"),
];

/// All that is wrong with one merge.
#[derive(Debug, Error, Diagnostic)]
#[error("the merge cannot be resolved yet: nothing was changed")]
pub(in crate::cli) struct ResolveError {
    /// At least one.
    #[related]
    pub(super) findings: Vec<ResolveFinding>,
}

/// One thing that is wrong.
#[derive(Debug, Error, Diagnostic)]
pub(in crate::cli) enum ResolveFinding {
    /// Nothing can be made from it.
    #[error("a merge left conflict markers in {path}, which everything else is made from")]
    #[diagnostic(
        code(envloom::resolve::tasks_file),
        help("take the lines that are to stay, and the markers out; then type `envloom resolve` again")
    )]
    TasksFile {
        /// The file.
        path: String,
        #[source_code]
        source_code: NamedSource<String>,
        #[label("the first one")]
        span: SourceSpan,
    },
    /// A member's or an adopted manifest; or what someone wrote beside envloom's entries.
    #[error("{path} has conflicts that are not envloom's to settle{lines}")]
    #[diagnostic(
        code(envloom::resolve::by_hand),
        help(
            "take the lines that are to stay, and the markers out of {path}; then type `envloom resolve` again"
        )
    )]
    ByHand {
        /// The manifest.
        path: String,
        /// What both sides changed, if only some of the lines are meant.
        lines: String,
    },
    /// The tag was moved between the two `lock`s.
    #[error("`{release}` is recorded at two commits: {ours} on this side, {theirs} on the other")]
    #[diagnostic(
        code(envloom::resolve::two_commits),
        help(
            "the tag was moved: find out why; `envloom resolve --accept-moved {package}` believes where it leads now"
        )
    )]
    TwoCommits {
        /// Package and tag.
        release: String,
        /// The package.
        package: String,
        /// The commit of this side.
        ours: String,
        /// The commit of the other.
        theirs: String,
    },
    /// Committed with its markers, or `git add` came too early.
    #[error("{path} holds conflict markers, and git no longer knows the sides")]
    #[diagnostic(
        code(envloom::resolve::no_sides),
        help(
            "type `git checkout -m -- {path}` while the merge goes on; else take the file of a commit: `git checkout REV -- {path}`"
        )
    )]
    NoSides {
        /// The file.
        path: String,
    },
    /// Bytes.
    #[error("{path} is not UTF-8 in one of the two branches")]
    #[diagnostic(
        code(envloom::resolve::not_text),
        help(
            "take one side: `git checkout --ours -- {path}`, or `--theirs`; then type `envloom resolve` again"
        )
    )]
    NotText {
        /// The file.
        path: String,
    },
}

impl From<ResolveFinding> for ResolveError {
    fn from(finding: ResolveFinding) -> Self {
        Self { findings: vec![finding] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::told;

    #[test]
    fn rare_messages_say_what_to_do() {
        let path = "prod/pyproject.toml".to_owned();
        let errors = [
            ResolveFinding::ByHand { path: path.clone(), lines: String::new() },
            ResolveFinding::TwoCommits {
                release: "foo v0.1.2".to_owned(),
                package: "foo".to_owned(),
                ours: "a".repeat(40),
                theirs: "b".repeat(40),
            },
            ResolveFinding::NoSides { path: "prod/uv.lock".to_owned() },
            ResolveFinding::NotText { path },
        ];
        insta::assert_snapshot!(errors.iter().map(|error| told(error)).collect::<String>(), @r"
        envloom::resolve::by_hand
            prod/pyproject.toml has conflicts that are not envloom's to settle
            help: take the lines that are to stay, and the markers out of prod/pyproject.toml; then type `envloom resolve` again
        envloom::resolve::two_commits
            `foo v0.1.2` is recorded at two commits: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa on this side, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb on the other
            help: the tag was moved: find out why; `envloom resolve --accept-moved foo` believes where it leads now
        envloom::resolve::no_sides
            prod/uv.lock holds conflict markers, and git no longer knows the sides
            help: type `git checkout -m -- prod/uv.lock` while the merge goes on; else take the file of a commit: `git checkout REV -- prod/uv.lock`
        envloom::resolve::not_text
            prod/pyproject.toml is not UTF-8 in one of the two branches
            help: take one side: `git checkout --ours -- prod/pyproject.toml`, or `--theirs`; then type `envloom resolve` again
        ");
    }
}
