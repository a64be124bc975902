//! What is wrong with a call before any room has the word.

use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

use crate::tool::ToolError;

/// One thing that is wrong.
#[derive(Debug, Error, Diagnostic)]
pub(super) enum CliError {
    /// Nothing to read.
    #[error("there is no tasks.kdl in {} or above", directory.display())]
    #[diagnostic(
        code(envloom::cli::no_tasks_file),
        help(
            "go to the repository, name it with `-C DIR`, or write a tasks.kdl (`envloom help` shows the words)"
        )
    )]
    NoTasksFile {
        /// Where the search began.
        directory: PathBuf,
    },
    /// A directory, a pipe, a device.
    #[error("{} is no ordinary file", path.display())]
    #[diagnostic(code(envloom::cli::not_a_file), help("put a plain text file there"))]
    NotAFile {
        /// What was found.
        path: PathBuf,
    },
    /// `-C` to nowhere.
    #[error("-C {}: no such directory", path.display())]
    #[diagnostic(code(envloom::cli::bad_directory), help("name a directory that exists"))]
    BadDirectory {
        /// What was named.
        path: PathBuf,
    },
    /// Bytes that are no text.
    #[error("{} is not UTF-8: byte {offset} fits no character", path.display())]
    #[diagnostic(code(envloom::cli::not_utf8), help("save it as UTF-8"))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The first byte that does not fit.
        offset: usize,
    },
    /// Neither `XDG_CACHE_HOME` nor `HOME`.
    #[error("nothing says where the user's cache is: neither XDG_CACHE_HOME nor HOME is set")]
    #[diagnostic(
        code(envloom::cli::no_cache_place),
        help("set one of them, or write `cache directory=\"…\"` into tasks.local.kdl")
    )]
    NoCachePlace,
    /// Outputs from there would be believed.
    #[error("the store of outputs {} {found}", path.display())]
    #[diagnostic(
        code(envloom::cli::foreign_store),
        help("remove it, or write `cache directory=\"…\"` into tasks.local.kdl")
    )]
    ForeignStore {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        found: &'static str,
    },
    /// Too many or too few words.
    #[error("`{verb}` {problem}")]
    #[diagnostic(code(envloom::cli::verb_words), help("type `{usage}`"))]
    VerbWords {
        /// The verb.
        verb: String,
        /// What is wrong.
        problem: String,
        /// How it is used.
        usage: String,
    },
    /// `--discard` without generate, and the like.
    #[error("`{option}` says nothing to this call")]
    #[diagnostic(code(envloom::cli::option_without_use), help("it belongs to {belongs_to}"))]
    OptionWithoutUse {
        /// The option.
        option: &'static str,
        /// What it belongs to.
        belongs_to: &'static str,
    },
    /// `--accept-moved` of a package that there is not.
    #[error("`{option} {name}`: tasks.kdl declares no such package")]
    #[diagnostic(code(envloom::cli::unknown_package), help("{help}"))]
    UnknownPackage {
        /// The option.
        option: &'static str,
        /// What was named.
        name: String,
        /// The nearest name, or all of them.
        help: String,
    },
    /// Words after `--`.
    #[error("words after `--` go to `lock`, to `sync` or to one own task")]
    #[diagnostic(
        code(envloom::cli::arguments_without_use),
        help("name one of these, or leave the words out")
    )]
    ArgumentsWithoutUse,
    /// `run`, `env` or `use` of a cell that has no whole venv.
    #[error("{cell} is not synced: {found}")]
    #[diagnostic(code(envloom::cli::not_synced), help("type `envloom sync:{cell}`"))]
    NotSynced {
        /// The cell, as in a target.
        cell: String,
        /// What was found.
        found: String,
    },
    /// `run` of nothing.
    #[error("`{program}` is neither in the venv of {cell} nor on PATH")]
    #[diagnostic(
        code(envloom::cli::program_not_found),
        help("add the package that has it to tasks.kdl, then sync")
    )]
    ProgramNotFound {
        /// The first word after `--`.
        program: String,
        /// The cell.
        cell: String,
    },
    /// A `.venv` that somebody else made.
    #[error("{} is a directory that envloom did not make", path.display())]
    #[diagnostic(
        code(envloom::cli::venv_in_the_way),
        help("move it away (`mv {} {}.old`) and type the command again", path.display(), path.display())
    )]
    VenvInTheWay {
        /// The directory.
        path: PathBuf,
    },
    /// A link or a file named `.envloom`.
    #[error("{} is no directory", path.display())]
    #[diagnostic(
        code(envloom::cli::state_in_the_way),
        help("remove it: envloom keeps its state in a directory of that name")
    )]
    StateInTheWay {
        /// The path.
        path: PathBuf,
    },
    /// Forged verdicts would be believed.
    #[error("{} {found}: what it holds is not believed", path.display())]
    #[diagnostic(
        code(envloom::cli::foreign_state),
        help("type `rm -r {}`, or `git rm -r --cached` it first where git tracks it", path.display())
    )]
    ForeignState {
        /// `.envloom`.
        path: PathBuf,
        /// What is wrong with it.
        found: &'static str,
    },
    /// A gitlink, or an entry of `.gitmodules`, without a working tree.
    #[error("not checked out: {packages}")]
    #[diagnostic(
        code(envloom::cli::submodule_empty),
        help(
            "type `envloom fetch`, or `git submodule update --init -- {paths}` at the root of the repository"
        )
    )]
    SubmoduleEmpty {
        /// The packages.
        packages: String,
        /// Their paths, quoted for a shell.
        paths: String,
    },
    /// No manifest, and no submodule either.
    #[error("no manifest of {packages}: there is no {paths}")]
    #[diagnostic(
        code(envloom::cli::package_missing),
        help("correct `path=` of the package in tasks.kdl, or put the package there")
    )]
    PackageMissing {
        /// The packages.
        packages: String,
        /// The manifests that should be there.
        paths: String,
    },
    /// No interpreter.
    #[error("no Python on this machine suits {environment}: {wanted}; found {found}")]
    #[diagnostic(
        code(envloom::cli::interpreter_missing),
        help(
            "install one, for example `uv python install {example}` or with pyenv; envloom looks in PATH, pyenv's versions and uv's own"
        )
    )]
    InterpreterMissing {
        /// The environment.
        environment: String,
        /// What it wants.
        wanted: String,
        /// The versions there are.
        found: String,
        /// A version to install.
        example: String,
    },
    /// The record lacks a release.
    #[error("envloom.lock does not hold {releases}")]
    #[diagnostic(
        code(envloom::cli::release_unknown),
        help("type `envloom {command}` where the remotes can be reached, and commit envloom.lock")
    )]
    ReleaseUnknown {
        /// Package and tag, comma-separated.
        releases: String,
        /// What fills the record.
        command: String,
    },
    /// `--since` of nothing.
    #[error("`--since {revision}`: there is no such revision here")]
    #[diagnostic(code(envloom::cli::unknown_revision), help("{help}"))]
    UnknownRevision {
        /// As typed.
        revision: String,
        /// The nearest name, or how to get it.
        help: String,
    },
    /// `--affected` without anything to compare with.
    #[error("nothing says which branch is the default one: there is no origin/HEAD, main or master")]
    #[diagnostic(
        code(envloom::cli::no_default_branch),
        help("type `git remote set-head origin --auto`, or name a revision with `--since REF`")
    )]
    NoDefaultBranch,
    /// Unrelated, or the clone is too shallow to tell.
    #[error("HEAD and {branch} have no commit in common{}", if *is_shallow { ": this clone is shallow" } else { "" })]
    #[diagnostic(
        code(envloom::cli::no_merge_base),
        help("{}", if *is_shallow { "type `git fetch --unshallow` (in GitHub Actions: `fetch-depth: 0` of actions/checkout)" }
            else { "name a revision with `--since REF`" })
    )]
    NoMergeBase {
        /// The default branch.
        branch: String,
        /// Does the clone lack older commits?
        is_shallow: bool,
    },
    /// `absorb` and `eject` with `--locked`.
    #[error("`{verb}` writes tracked files, and --locked, the default where CI is set, lets it write none")]
    #[diagnostic(
        code(envloom::cli::locked_verb),
        help("type it where you work and commit what it writes; or add --no-locked")
    )]
    LockedVerb {
        /// The verb.
        verb: &'static str,
    },
    /// `adopt`.
    #[error("{manifest} is adopted: envloom owns nothing in it")]
    #[diagnostic(
        code(envloom::cli::adopted_manifest),
        help("there is nothing to {verb}: edit it as you like, then `envloom lock`")
    )]
    AdoptedManifest {
        /// The manifest.
        manifest: String,
        /// The verb.
        verb: String,
    },
    /// No record, or no manifest.
    #[error("envloom has not written {manifest} yet: there is no edit of it")]
    #[diagnostic(
        code(envloom::cli::never_generated),
        help("type `envloom generate:{environment}`, with `--take-over` where the manifest exists")
    )]
    NeverGenerated {
        /// The manifest.
        manifest: String,
        /// The environment.
        environment: String,
    },
    /// The new text has a mistake.
    #[error("what stands in {manifest} cannot be written into tasks.kdl: {reason}")]
    #[diagnostic(
        code(envloom::cli::unabsorbable),
        help("nothing was written; mend the manifest, or change tasks.kdl by hand")
    )]
    Unabsorbable {
        /// The manifest.
        manifest: String,
        /// The first mistake that it would have.
        reason: String,
    },
    /// `sources "workspace"`.
    #[error("environment `{environment}` takes its packages from the workspace: it has no pins")]
    #[diagnostic(code(envloom::cli::no_pins), help("{help}"))]
    NoPins {
        /// The environment.
        environment: String,
        /// What to name.
        help: String,
    },
    /// A hook, a signature, a name that git lacks.
    #[error("git made no commit: {reason}")]
    #[diagnostic(
        code(envloom::cli::commit_failed),
        help("every file is as it was; mend the cause, or leave --commit out and commit by hand")
    )]
    CommitFailed {
        /// What git said.
        reason: String,
    },
    /// A hook that changes files before it fails, or somebody at work on them: nobody's edit is overwritten.
    #[error(
        "git made no commit: {reason}; and {because}, so that everything stays as it was to be committed"
    )]
    #[diagnostic(
        code(envloom::cli::commit_left),
        help("look at `git diff`; then commit it by hand, or take it back with `git checkout -- {files}`")
    )]
    CommitLeft {
        /// What git said.
        reason: String,
        /// Why it was not taken back.
        because: String,
        /// What was written.
        files: String,
    },
    /// Other changes would go into the commit.
    #[error(
        "`{verb}` would commit changes that are not its own: tasks.kdl, envloom.lock or the files of that environment differ from the last commit"
    )]
    #[diagnostic(
        code(envloom::cli::not_committed),
        help("commit or stash them first, or leave --commit out")
    )]
    NotCommitted {
        /// The verb.
        verb: &'static str,
    },
    /// Someone was faster.
    #[error("{} was changed meanwhile", path.display())]
    #[diagnostic(code(envloom::cli::moved), help("nothing was written; type the command again"))]
    Moved {
        /// The file.
        path: PathBuf,
    },
    /// Notes in the journal.
    #[error("a run was cut off while it wrote {files}")]
    #[diagnostic(
        code(envloom::cli::unfinished),
        help("type `envloom lock` first, which finishes that or puts back what was there")
    )]
    Unfinished {
        /// The files.
        files: String,
    },
    /// Told where a program reads: in words the tasks have said it themselves.
    #[error("what was tried failed, and nothing was changed")]
    #[diagnostic(
        code(envloom::cli::trial_failed),
        help("standard error says which task and why; what was tried stays in {kept} until the next trial")
    )]
    TrialFailed {
        /// The copy of the repository, below its root.
        kept: String,
    },
    /// `ls-remote` failed.
    #[error("no tags were learnt from {remotes}")]
    #[diagnostic(
        code(envloom::cli::remote_silent),
        help("mend what git says and type the same command again; `--offline` goes by what was said before")
    )]
    RemoteSilent {
        /// The remotes.
        remotes: String,
        /// What git said of each.
        #[related]
        causes: Vec<ToolError>,
    },
    /// Should not happen.
    #[error("{what}")]
    #[diagnostic(
        code(envloom::cli::internal),
        help("this is a mistake in envloom; please report it with the command line")
    )]
    Internal {
        /// What happened.
        what: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::told;

    /// What no call of the harness brings about; the others are seen there.
    #[test]
    fn rare_messages_say_what_to_do() {
        let errors = [
            CliError::NotSynced { cell: "dev@cpu".into(), found: "it changed again after its sync".into() },
            CliError::InterpreterMissing {
                environment: "dev".to_owned(),
                wanted: "Python 3.9".to_owned(),
                found: "3.12.1".to_owned(),
                example: "3.9".to_owned(),
            },
            CliError::Moved { path: "tasks.kdl".into() },
            CliError::Internal { what: "run without a command".to_owned() },
        ];
        insta::assert_snapshot!(errors.iter().map(|error| told(error)).collect::<String>(), @r"
        envloom::cli::not_synced
            dev@cpu is not synced: it changed again after its sync
            help: type `envloom sync:dev@cpu`
        envloom::cli::interpreter_missing
            no Python on this machine suits dev: Python 3.9; found 3.12.1
            help: install one, for example `uv python install 3.9` or with pyenv; envloom looks in PATH, pyenv's versions and uv's own
        envloom::cli::moved
            tasks.kdl was changed meanwhile
            help: nothing was written; type the command again
        envloom::cli::internal
            run without a command
            help: this is a mistake in envloom; please report it with the command line
        ");
    }
}
