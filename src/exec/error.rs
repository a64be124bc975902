//! What can go wrong while a plan is carried out, apart from a task's own exit status.
//!
//! A task that runs and fails is no `ExecError`: that is an [`Exit`](super::child::Exit) which its
//! caller judges. These are the cases where envloom could not do its part: start a child, keep its log,
//! take a lock, watch its processes.

use std::io;
use std::path::PathBuf;

use crate::base::printable;

/// Every code of this room and what it means, for the README.
pub(crate) const CODES: &[(&str, &str)] = &[
    ("envloom::exec::program_missing", "a program to be started does not exist"),
    (
        "envloom::exec::interpreter_missing",
        "a program exists, but its `#!` line or loader names a file that does not",
    ),
    ("envloom::exec::directory_missing", "the directory a program was to run in does not exist"),
    ("envloom::exec::not_executable", "a program may not be executed"),
    ("envloom::exec::out_of_processes", "the system has no room for another process"),
    ("envloom::exec::out_of_files", "no more files can be opened"),
    ("envloom::exec::spawn", "a program could not be started for another reason"),
    ("envloom::exec::output", "a program's output could not be followed; its process group was killed"),
    ("envloom::exec::log", "a log could not be written in full"),
    ("envloom::exec::interrupted", "the run is being stopped, so nothing further was started"),
    ("envloom::exec::supervisor", "the process that watches over a run could not be started"),
    ("envloom::exec::signals", "signal handlers could not be installed"),
    ("envloom::exec::workers", "the worker threads could not be started"),
    ("envloom::exec::lock", "a lock file could not be opened or locked"),
    ("envloom::exec::locks_unsupported", "the file system has no locks"),
    ("envloom::exec::lock_busy", "another envloom holds what a task needs, and --no-wait was given"),
    ("envloom::exec::lock_held_by_parent", "a task runs envloom for something it holds itself"),
    ("envloom::exec::not_as_committed", "a task under `check` would change what is committed"),
    ("envloom::exec::not_committed", "what a task under `check` makes lies in the tree and is not committed"),
    ("envloom::exec::check_impossible", "the outputs of a task under `check` could not be compared"),
    ("envloom::exec::service_ended", "a service ended while tasks relied on it"),
    ("envloom::exec::undecided", "a mistake of envloom's own: a task ran without a decision"),
    ("envloom::exec::panicked", "a mistake of envloom's own: a task panicked; the others are not affected"),
];

/// Why envloom could not carry out its part of a task.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum ExecError {
    /// ENOENT for the program itself.
    #[error("program `{}` does not exist", printable(&program.to_string_lossy()))]
    #[diagnostic(
        code(envloom::exec::program_missing),
        help("install it, or sync the environment it belongs to")
    )]
    ProgramMissing {
        /// The absolute path that was to be started.
        program: PathBuf,
    },

    /// ENOENT although the program exists: its `#!` line or its ELF loader names a file that does not.
    #[error("program `{}` exists, but the interpreter it names does not", printable(&program.to_string_lossy()))]
    #[diagnostic(
        code(envloom::exec::interpreter_missing),
        help("a venv that was moved has such scripts; remove it and sync it again")
    )]
    InterpreterMissing {
        /// The script or binary.
        program: PathBuf,
    },

    /// ENOENT or ENOTDIR for the directory the child was to run in.
    #[error("directory `{}` does not exist", printable(&directory.to_string_lossy()))]
    #[diagnostic(code(envloom::exec::directory_missing), help("create it, or correct the task's directory"))]
    DirectoryMissing {
        /// The directory.
        directory: PathBuf,
    },

    /// EACCES or ENOEXEC.
    #[error("program `{}` may not be executed: {cause}", printable(&program.to_string_lossy()))]
    #[diagnostic(
        code(envloom::exec::not_executable),
        help("check its permissions, its first line and the mount's `noexec`")
    )]
    NotExecutable {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },

    /// EAGAIN or ENOMEM: the user's process limit, or memory.
    #[error("the system has no room for another process: {cause}")]
    #[diagnostic(
        code(envloom::exec::out_of_processes),
        help("run with a smaller `-j`, or raise `ulimit -u`; nothing was cached")
    )]
    OutOfProcesses {
        /// What the system said.
        #[source]
        cause: io::Error,
    },

    /// EMFILE or ENFILE.
    #[error("no more files can be opened: {cause}")]
    #[diagnostic(
        code(envloom::exec::out_of_files),
        help("run with a smaller `-j`, or raise `ulimit -n`; nothing was cached")
    )]
    OutOfFiles {
        /// What the system said.
        #[source]
        cause: io::Error,
    },

    /// Any other refusal to start the child.
    #[error("cannot start `{}`: {cause}", printable(&program.to_string_lossy()))]
    #[diagnostic(code(envloom::exec::spawn), help("run the command by hand to see whether it starts there"))]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },

    /// The child's output could not be followed; its process group was killed.
    #[error("lost the output of `{}`: {cause}", printable(&program.to_string_lossy()))]
    #[diagnostic(code(envloom::exec::output), help("its processes were killed; run the task again"))]
    Output {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },

    /// The log could not be created or written in full.
    #[error("cannot write the log `{}`: {cause}", printable(&path.to_string_lossy()))]
    #[diagnostic(
        code(envloom::exec::log),
        help("free some space or mend the permissions; a task without its whole log is not cached")
    )]
    Log {
        /// The log file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },

    /// The run is being stopped, so no further child was started.
    #[error("not started: the run was interrupted")]
    #[diagnostic(code(envloom::exec::interrupted), help("run the same command again to go on"))]
    Interrupted,

    /// The supervisor process could not be started.
    #[error("cannot start the supervisor process: {cause}")]
    #[diagnostic(
        code(envloom::exec::supervisor),
        help("without it a killed envloom would leave its children running; run with a smaller `-j`")
    )]
    Supervisor {
        /// What the system said.
        #[source]
        cause: io::Error,
    },

    /// Signal handlers could not be installed.
    #[error("cannot watch for signals: {cause}")]
    #[diagnostic(code(envloom::exec::signals), help("run with a smaller `-j`, or raise `ulimit -n`"))]
    Signals {
        /// What the system said.
        #[source]
        cause: io::Error,
    },

    /// The worker threads could not be started.
    #[error("cannot start {threads} worker threads: {cause}")]
    #[diagnostic(code(envloom::exec::workers), help("run with a smaller `-j`"))]
    Workers {
        /// How many were asked for.
        threads: usize,
        /// What rayon or the system said.
        cause: String,
    },

    /// A lock file could not be opened or locked.
    #[error("cannot lock `{}`: {cause}", printable(&path.to_string_lossy()))]
    #[diagnostic(
        code(envloom::exec::lock),
        help("envloom writes its locks below `.envloom/locks`; mend the cause and run again")
    )]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },

    /// The file system refuses locks altogether (ENOLCK, ENOSYS, EOPNOTSUPP).
    #[error("the file system of `{}` has no locks: {cause}", printable(&path.to_string_lossy()))]
    #[diagnostic(
        code(envloom::exec::locks_unsupported),
        help(
            "move the repository to a local disk, or have the network file system mounted with locks; envloom never runs without them"
        )
    )]
    LocksUnsupported {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },

    /// Another envloom holds the lock and waiting was forbidden.
    #[error("`{}` is in use by another envloom{}", printable(name), holder_text(*holder))]
    #[diagnostic(code(envloom::exec::lock_busy), help("leave out `--no-wait` to wait for it"))]
    LockBusy {
        /// The lock's name.
        name: String,
        /// The process that last took it.
        holder: Option<u32>,
    },

    /// The envloom that started this one (through a task) holds the lock: waiting would never end.
    #[error("`{}` is held by the task that started this envloom", printable(name))]
    #[diagnostic(
        code(envloom::exec::lock_held_by_parent),
        help("let the outer task wait for the inner one (`after \"…\"`) instead of calling envloom")
    )]
    LockHeldByParent {
        /// The lock's name.
        name: String,
    },

    /// What a generator makes is not what is committed.
    #[error("`{task}` would change {paths}; at {difference}")]
    #[diagnostic(
        code(envloom::exec::not_as_committed),
        help("run `envloom {task} --no-locked` and commit what it makes")
    )]
    NotAsCommitted {
        /// The task.
        task: String,
        /// The files, listed.
        paths: String,
        /// The first lines that differ.
        difference: String,
    },

    /// What a generator makes lies in the tree, and is not committed.
    #[error("what `{task}` makes is not committed: {paths}; at {difference}")]
    #[diagnostic(code(envloom::exec::not_committed), help("commit what `envloom {task} --no-locked` makes"))]
    NotCommitted {
        /// The task.
        task: String,
        /// The files, listed.
        paths: String,
        /// The first lines that differ.
        difference: String,
    },

    /// Outputs that cannot be put aside or back.
    #[error("its outputs cannot be compared with what is committed: {cause}")]
    #[diagnostic(
        code(envloom::exec::check_impossible),
        help("see that its outputs are files of the repository, and that .envloom can be written")
    )]
    CheckImpossible {
        /// Why not.
        cause: String,
    },

    /// A service that a task relies on is gone.
    #[error("the service `{service}` ended while it was needed: {how}")]
    #[diagnostic(code(envloom::exec::service_ended), help("its log says more: {}", printable(&log.to_string_lossy())))]
    ServiceEnded {
        /// The service's task.
        service: String,
        /// Its end, in a few words.
        how: String,
        /// Its log.
        log: PathBuf,
    },

    /// The scheduler ran a task that nothing decided to run, or one that lacks what its kind always has.
    #[error("internal error: a task was started without a decision")]
    #[diagnostic(
        code(envloom::exec::undecided),
        help("this is a fault in envloom; please report it with the command you typed")
    )]
    Undecided,

    /// A task panicked. The others are not affected.
    #[error("internal error: {}", printable(message))]
    #[diagnostic(
        code(envloom::exec::panicked),
        help("this is a fault in envloom; please report it with the command you typed")
    )]
    Panicked {
        /// The panic's message.
        message: String,
    },
}

/// `` (process 12)``, or nothing.
fn holder_text(holder: Option<u32>) -> String {
    holder.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::told;

    fn cause(kind: io::ErrorKind) -> io::Error {
        io::Error::from(kind)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one line for each error, and the look of all of them")]
    fn every_message_says_what_to_do() {
        use io::ErrorKind::{PermissionDenied, Unsupported, WouldBlock};
        let (program, path) = (PathBuf::from("/bin/x"), PathBuf::from(".envloom/locks/a"));
        let errors = [
            ExecError::ProgramMissing { program: program.clone() },
            ExecError::InterpreterMissing { program: program.clone() },
            ExecError::DirectoryMissing { directory: "/gone".into() },
            ExecError::NotExecutable { program: program.clone(), cause: cause(PermissionDenied) },
            ExecError::OutOfProcesses { cause: cause(WouldBlock) },
            ExecError::OutOfFiles { cause: cause(WouldBlock) },
            ExecError::Spawn { program: program.clone(), cause: cause(PermissionDenied) },
            ExecError::Output { program, cause: cause(WouldBlock) },
            ExecError::Log { path: path.clone(), cause: cause(PermissionDenied) },
            ExecError::Interrupted,
            ExecError::Supervisor { cause: cause(WouldBlock) },
            ExecError::Signals { cause: cause(WouldBlock) },
            ExecError::Workers { threads: 4, cause: "no room".to_owned() },
            ExecError::Lock { path: path.clone(), cause: cause(PermissionDenied) },
            ExecError::LocksUnsupported { path, cause: cause(Unsupported) },
            ExecError::LockBusy { name: "venv dev-cpu".to_owned(), holder: Some(7) },
            ExecError::LockHeldByParent { name: "venv dev-cpu".to_owned() },
            ExecError::NotAsCommitted {
                task: "gen".to_owned(),
                paths: "gen.py".to_owned(),
                difference: "gen.py:2:\n- a\n+ b".to_owned(),
            },
            ExecError::NotCommitted {
                task: "gen".to_owned(),
                paths: "gen.py".to_owned(),
                difference: "gen.py:2:\n- a\n+ b".to_owned(),
            },
            ExecError::CheckImpossible { cause: "it is a pipe".to_owned() },
            ExecError::ServiceEnded {
                service: "db".to_owned(),
                how: "it exited with status 1".to_owned(),
                log: ".envloom/logs/db.log".into(),
            },
            ExecError::Undecided,
            ExecError::Panicked { message: "index out of bounds".to_owned() },
        ];
        assert_eq!(errors.len(), CODES.len());
        insta::assert_snapshot!(errors.iter().map(|error| told(error)).collect::<String>(), @r#"
        envloom::exec::program_missing
            program `/bin/x` does not exist
            help: install it, or sync the environment it belongs to
        envloom::exec::interpreter_missing
            program `/bin/x` exists, but the interpreter it names does not
            help: a venv that was moved has such scripts; remove it and sync it again
        envloom::exec::directory_missing
            directory `/gone` does not exist
            help: create it, or correct the task's directory
        envloom::exec::not_executable
            program `/bin/x` may not be executed: permission denied
            help: check its permissions, its first line and the mount's `noexec`
        envloom::exec::out_of_processes
            the system has no room for another process: operation would block
            help: run with a smaller `-j`, or raise `ulimit -u`; nothing was cached
        envloom::exec::out_of_files
            no more files can be opened: operation would block
            help: run with a smaller `-j`, or raise `ulimit -n`; nothing was cached
        envloom::exec::spawn
            cannot start `/bin/x`: permission denied
            help: run the command by hand to see whether it starts there
        envloom::exec::output
            lost the output of `/bin/x`: operation would block
            help: its processes were killed; run the task again
        envloom::exec::log
            cannot write the log `.envloom/locks/a`: permission denied
            help: free some space or mend the permissions; a task without its whole log is not cached
        envloom::exec::interrupted
            not started: the run was interrupted
            help: run the same command again to go on
        envloom::exec::supervisor
            cannot start the supervisor process: operation would block
            help: without it a killed envloom would leave its children running; run with a smaller `-j`
        envloom::exec::signals
            cannot watch for signals: operation would block
            help: run with a smaller `-j`, or raise `ulimit -n`
        envloom::exec::workers
            cannot start 4 worker threads: no room
            help: run with a smaller `-j`
        envloom::exec::lock
            cannot lock `.envloom/locks/a`: permission denied
            help: envloom writes its locks below `.envloom/locks`; mend the cause and run again
        envloom::exec::locks_unsupported
            the file system of `.envloom/locks/a` has no locks: unsupported
            help: move the repository to a local disk, or have the network file system mounted with locks; envloom never runs without them
        envloom::exec::lock_busy
            `venv dev-cpu` is in use by another envloom (process 7)
            help: leave out `--no-wait` to wait for it
        envloom::exec::lock_held_by_parent
            `venv dev-cpu` is held by the task that started this envloom
            help: let the outer task wait for the inner one (`after "…"`) instead of calling envloom
        envloom::exec::not_as_committed
            `gen` would change gen.py; at gen.py:2:
        - a
        + b
            help: run `envloom gen --no-locked` and commit what it makes
        envloom::exec::not_committed
            what `gen` makes is not committed: gen.py; at gen.py:2:
        - a
        + b
            help: commit what `envloom gen --no-locked` makes
        envloom::exec::check_impossible
            its outputs cannot be compared with what is committed: it is a pipe
            help: see that its outputs are files of the repository, and that .envloom can be written
        envloom::exec::service_ended
            the service `db` ended while it was needed: it exited with status 1
            help: its log says more: .envloom/logs/db.log
        envloom::exec::undecided
            internal error: a task was started without a decision
            help: this is a fault in envloom; please report it with the command you typed
        envloom::exec::panicked
            internal error: index out of bounds
            help: this is a fault in envloom; please report it with the command you typed
        "#);
    }
}
