//! What keeps a merge from being resolved.

use miette::Diagnostic;
use thiserror::Error;

/// Every code of this verb and what it means, for the README.
pub(in crate::cli) const CODES: &[(&str, &str)] = &[
    ("envloom::resolve::by_hand", "both sides of a merge changed lines of a manifest that are not envloom's"),
    ("envloom::resolve::edited_side", "in one side of a merge, entries of envloom's were edited by hand"),
    ("envloom::resolve::submodule", "a submodule that is a package is in conflict"),
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
    /// A member's or an adopted manifest; or what someone wrote beside envloom's entries.
    #[error("{path} has conflicts that are not envloom's to settle{lines}")]
    #[diagnostic(
        code(envloom::resolve::by_hand),
        help(
            "take the lines that are to stay, and the markers out of {path}; then type `envloom resolve` again"
        )
    )]
    ByHand {
        /// The file.
        path: String,
        /// What both sides changed, if only some of the lines are meant.
        lines: String,
    },
    /// Somebody committed it so.
    #[error("in {side}, {path} is not as envloom left it:{edits}")]
    #[diagnostic(
        code(envloom::resolve::edited_side),
        help(
            "to keep an edit: write it into tasks.kdl, and type `envloom resolve` again; to undo what tasks.kdl does not \
             say: envloom resolve --discard"
        )
    )]
    EditedSide {
        /// What people call the side.
        side: String,
        /// The manifest.
        path: String,
        /// What was edited, a line each.
        edits: String,
    },
    /// What is locked from the working tree rests on it.
    #[error("the submodule {path} is in conflict: {ours}, {theirs}")]
    #[diagnostic(
        code(envloom::resolve::submodule),
        help(
            "check out there what is to stay, such as `git -C {typed} checkout {commit}`, and type `git add -- {typed}`; \
             then `envloom resolve` again"
        )
    )]
    Submodule {
        /// Where it is.
        path: String,
        /// The same as it is typed here.
        typed: String,
        /// What this side has.
        ours: String,
        /// What the other has.
        theirs: String,
        /// A commit of one of them.
        commit: String,
    },
    /// The tag was moved between the two `lock`s.
    #[error("`{release}` is recorded at two commits: {ours}, {theirs}")]
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
        /// The commit of this side, and which side that is.
        ours: String,
        /// The commit of the other.
        theirs: String,
    },
    /// Committed with its markers.
    #[error("{path} holds conflict markers, and git no longer knows the sides")]
    #[diagnostic(
        code(envloom::resolve::no_sides),
        help(
            "take the file of a commit without them: `git checkout HEAD~1 -- {typed}`, or of another one; then type \
             `envloom resolve` again"
        )
    )]
    NoSides {
        /// The file.
        path: String,
        /// The same as it is typed here.
        typed: String,
    },
    /// Bytes.
    #[error("{path} is not UTF-8 in one of the two sides")]
    #[diagnostic(
        code(envloom::resolve::not_text),
        help(
            "take one side: `git checkout --ours -- {typed}` is {ours}, with `--theirs` it is {theirs}; then type \
             `envloom resolve` again"
        )
    )]
    NotText {
        /// The file.
        path: String,
        /// The same as it is typed here.
        typed: String,
        /// What git calls "ours".
        ours: String,
        /// What git calls "theirs".
        theirs: String,
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
        let typed = "../prod/pyproject.toml".to_owned();
        let errors = [
            ResolveFinding::ByHand { path: path.clone(), lines: String::new() },
            ResolveFinding::TwoCommits {
                release: "foo v0.1.2".to_owned(),
                package: "foo".to_owned(),
                ours: format!("{} in HEAD (main)", "a".repeat(40)),
                theirs: format!("{} in feature", "b".repeat(40)),
            },
            ResolveFinding::NoSides { path: "prod/uv.lock".to_owned(), typed: "uv.lock".to_owned() },
            ResolveFinding::NotText {
                path,
                typed,
                ours: "HEAD (main)".to_owned(),
                theirs: "feature".to_owned(),
            },
        ];
        insta::assert_snapshot!(errors.iter().map(|error| told(error)).collect::<String>(), @r"
        envloom::resolve::by_hand
            prod/pyproject.toml has conflicts that are not envloom's to settle
            help: take the lines that are to stay, and the markers out of prod/pyproject.toml; then type `envloom resolve` again
        envloom::resolve::two_commits
            `foo v0.1.2` is recorded at two commits: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa in HEAD (main), bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb in feature
            help: the tag was moved: find out why; `envloom resolve --accept-moved foo` believes where it leads now
        envloom::resolve::no_sides
            prod/uv.lock holds conflict markers, and git no longer knows the sides
            help: take the file of a commit without them: `git checkout HEAD~1 -- uv.lock`, or of another one; then type `envloom resolve` again
        envloom::resolve::not_text
            prod/pyproject.toml is not UTF-8 in one of the two sides
            help: take one side: `git checkout --ours -- ../prod/pyproject.toml` is HEAD (main), with `--theirs` it is feature; then type `envloom resolve` again
        ");
    }
}
