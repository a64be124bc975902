//! Starts a child, or says why not.
//!
//! Comes in: a [`ChildRequest`] and the pipe for its output. Goes out: the child, or the error whose help
//! fits the system's refusal. It follows nothing and registers nothing.

use std::io::{self, PipeWriter};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::io::Errno;

use super::child::ChildRequest;
use super::error::ExecError;
use super::groups::Groups;
use super::locks::LOCKS_VARIABLE;
use super::run_id::RUN_VARIABLE;

/// Starts the child.
pub(super) fn spawn(
    request: &ChildRequest<'_>,
    groups: &Groups,
    writer: PipeWriter,
) -> Result<Child, ExecError> {
    let second = writer.try_clone().map_err(|cause| out_of_files(cause, |cause| output(request, cause)))?;
    // The command owns the pipe's write ends and closes them when it is dropped here.
    Command::new(request.program)
        .args(request.args)
        .current_dir(request.directory)
        .env_clear()
        .envs(request.environment)
        .env(RUN_VARIABLE, groups.run().chain())
        .env(LOCKS_VARIABLE, request.held)
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(second)
        .process_group(0)
        .spawn()
        .map_err(|cause| refusal(request.program, request.directory, cause))
}

/// Says what a refusal to start a program in a directory means.
pub(super) fn refusal(program: &Path, directory: &Path, cause: io::Error) -> ExecError {
    let program = program.to_owned();
    match Errno::from_io_error(&cause) {
        // The system does not say which of the three paths it missed.
        Some(Errno::NOENT | Errno::NOTDIR) if !directory.is_dir() => {
            ExecError::DirectoryMissing { directory: directory.to_owned() }
        }
        Some(Errno::NOENT) if program.exists() => ExecError::InterpreterMissing { program },
        Some(Errno::NOENT | Errno::NOTDIR) => ExecError::ProgramMissing { program },
        Some(Errno::ACCESS | Errno::NOEXEC | Errno::PERM) => ExecError::NotExecutable { program, cause },
        Some(Errno::AGAIN | Errno::NOMEM) => ExecError::OutOfProcesses { cause },
        _ => out_of_files(cause, |cause| ExecError::Spawn { program, cause }),
    }
}

/// EMFILE and ENFILE mean the same wherever they come from.
pub(super) fn out_of_files(cause: io::Error, otherwise: impl FnOnce(io::Error) -> ExecError) -> ExecError {
    match Errno::from_io_error(&cause) {
        Some(Errno::MFILE | Errno::NFILE) => ExecError::OutOfFiles { cause },
        _ => otherwise(cause),
    }
}

/// The output could not be followed.
pub(super) fn output(request: &ChildRequest<'_>, cause: io::Error) -> ExecError {
    ExecError::Output { program: request.program.to_owned(), cause }
}

/// The log could not be written.
pub(super) fn log_error(request: &ChildRequest<'_>, cause: io::Error) -> ExecError {
    ExecError::Log { path: request.log.to_owned(), cause }
}
