//! Command lines of children, and the line a user pastes to repeat one.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::model::{Cell, EnvironmentId};
use crate::plan::Premises;
use crate::tool::run::quoted;
use crate::tool::variables::{Variables, uv_child};

/// A program, its arguments and all it will see.
#[derive(Debug, Clone)]
pub(crate) struct CommandLine {
    /// Absolute.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<OsString>,
    /// Where it runs.
    pub(crate) directory: PathBuf,
    /// Its whole environment.
    pub(crate) environment: Variables,
    /// The variables that make it what it is, for the line to paste.
    pub(crate) telling: Vec<(&'static str, OsString)>,
}

impl CommandLine {
    /// `uv VERB --directory E …`, run from the root. uv resolves relative index paths against its working
    /// directory, so it is `--directory`, never `--project` (tried).
    pub(crate) fn uv(
        premises: &Premises,
        environment: EnvironmentId,
        verb: &str,
        interpreter: &Path,
    ) -> Option<Self> {
        let uv = premises.machine.uv.as_ref()?;
        let (mut variables, _) = uv_child(&premises.machine.variables);
        let mut telling = vec![("UV_PYTHON", interpreter.as_os_str().to_owned())];
        if premises.wishes.offline {
            telling.push(("UV_OFFLINE", "1".into()));
        }
        for (name, value) in &telling {
            variables.insert((*name).into(), value.clone());
        }
        let directory = premises.model.environment(environment).directory();
        Some(Self {
            program: uv.path.clone(),
            arguments: vec![verb.into(), "--directory".into(), directory.as_str().into()],
            directory: premises.root.clone(),
            environment: variables,
            telling,
        })
    }

    /// Adds arguments.
    pub(crate) fn with<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable that belongs to the line to paste.
    pub(crate) fn telling(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        let value = value.into();
        self.environment.insert(name.into(), value.clone());
        self.telling.push((name, value));
        self
    }

    /// The program's name alone.
    pub(crate) fn program_name(&self) -> String {
        let name = self.program.file_name().unwrap_or(self.program.as_os_str());
        crate::base::printable(&name.to_string_lossy()).into_owned()
    }

    /// The line to paste into a shell at the root of the repository.
    pub(crate) fn to_paste(&self) -> String {
        let variables =
            self.telling.iter().map(|(name, value)| format!("{name}={}", quoted(&value.to_string_lossy())));
        let words = std::iter::once(self.program.as_os_str())
            .chain(self.arguments.iter().map(OsString::as_os_str))
            .map(|word| quoted(&word.to_string_lossy()));
        variables.chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// The variables that make a child work in a cell: what `source bin/activate` sets, and what keeps a nested
/// `uv run` from making a venv of its own without the variant (tried).
pub(crate) fn cell_variables(premises: &Premises, cell: &Cell, variables: &mut Variables) {
    let venv = premises.venv(cell);
    let mut path = vec![venv.join("bin")];
    if let Some(old) = variables.get(OsStr::new("PATH")) {
        path.extend(std::env::split_paths(old));
    }
    // A directory whose name holds a colon cannot be on PATH; the venv is then reached by VIRTUAL_ENV only.
    if let Ok(joined) = std::env::join_paths(path) {
        variables.insert("PATH".into(), joined);
    }
    variables.insert("VIRTUAL_ENV".into(), venv.clone().into());
    variables.insert("UV_PROJECT_ENVIRONMENT".into(), venv.clone().into());
    variables.insert("UV_NO_SYNC".into(), "1".into());
    variables.insert("UV_PYTHON".into(), venv.join("bin/python").into());
}
