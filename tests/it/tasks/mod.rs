//! How own tasks run: attempts and clean-up, variables, secrets, pools, services, the terminal, the matrix.

mod attempts;
mod interactive;
mod matrix;
mod pools;
mod secrets;
mod services;
mod variables;

use crate::support::Monorepo;

/// A file of these tasks only.
fn tasks(text: &str) -> Monorepo {
    Monorepo::new().tasks_kdl(text)
}
