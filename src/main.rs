//! The envloom program: arguments in, exit code out. All of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    envloom::cli::main()
}
