//! The real pytest, as wheels in cargo's directory for tests.
//!
//! Fetched once by the machine's pip, for the oldest Python that the tests use, under a file lock. With uv, the one
//! thing here that may need an index.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::monorepo::Monorepo;
use super::python;

/// The version of pytest that the tests want.
const VERSION: &str = "8.4.2";

/// The oldest Python that it is installed for: later ones need a part of what this one needs.
const OLDEST: &str = "3.10";

/// What only old Pythons need: pip asks the markers of the Python that it runs on.
const OF_OLD_PYTHONS: [&str; 3] = ["exceptiongroup>=1", "tomli>=1", "typing-extensions>=4"];

impl Monorepo {
    /// Puts pytest and what it needs into the default index.
    pub(crate) fn with_pytest(&self) -> Self {
        for wheel in wheels() {
            self.index_file("pypi", wheel);
        }
        self.clone()
    }
}

fn wheels() -> &'static [PathBuf] {
    static WHEELS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    WHEELS.get_or_init(|| {
        let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
        let home = tools.join(format!("pytest-{VERSION}"));
        if !home.exists() {
            fs::create_dir_all(&tools).expect("cargo's directory for tests");
            let lock = File::create(tools.join("pytest.lock")).expect("cargo's directory for tests");
            lock.lock().expect("cargo's directory for tests can be locked");
            // Another test process may have fetched it meanwhile.
            if !home.exists() {
                fetch(&tools, &home);
            }
        }
        let entries = fs::read_dir(&home).expect("a directory that was just made");
        entries.map(|entry| entry.expect("it can be listed").path()).collect()
    })
}

/// Fetches into a sibling and renames: what stands at `home` is whole.
fn fetch(tools: &Path, home: &Path) {
    let partial = tools.join(format!("pytest-{VERSION}.partial"));
    fs::remove_dir_all(&partial).ok();
    let python = &python::newest().path;
    let output = Command::new(python)
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--only-binary=:all:",
            "--python-version",
            OLDEST,
            "--dest",
        ])
        .arg(&partial)
        .arg(format!("pytest=={VERSION}"))
        .args(OF_OLD_PYTHONS)
        .output()
        .expect("the interpreter was found a moment ago");
    assert!(
        output.status.success(),
        "these tests need pytest {VERSION} and could not fetch it with `{} -m pip`: make the package index reachable \
         once\n{}",
        python.display(),
        String::from_utf8_lossy(&output.stderr),
    );
    fs::rename(&partial, home).expect("a directory is renamed beside itself");
}
