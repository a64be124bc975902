//! The real uv, in exactly the version that the tests' expectations were written against.
//!
//! Looked for once per process: `ENVLOOM_TEST_UV`; a uv of that version on PATH; one that an
//! earlier run has put into cargo's directory for tests; else the machine's pip fetches it there,
//! under a file lock, so that it is fetched once. The one thing here that may need an index.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::machine::{ambient, find};
use super::python;

/// The version of uv that the tests want.
pub(super) const VERSION: &str = "0.13.9";

/// The real uv.
pub(super) fn real() -> &'static Path {
    static UV: OnceLock<PathBuf> = OnceLock::new();
    UV.get_or_init(|| {
        let named = ambient("ENVLOOM_TEST_UV").map(PathBuf::from);
        named.or_else(|| find("uv").filter(|uv| is_wanted(uv))).unwrap_or_else(provisioned)
    })
}

fn is_wanted(uv: &Path) -> bool {
    let output = Command::new(uv).arg("--version").output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).split_whitespace().nth(1) == Some(VERSION)
    })
}

/// The uv in cargo's directory for tests, fetched if it is not there.
fn provisioned() -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
    let home = tools.join(format!("uv-{VERSION}"));
    let program = home.join("bin/uv");
    if !program.exists() {
        fs::create_dir_all(&tools).expect("cargo's directory for tests");
        let lock = File::create(tools.join("uv.lock")).expect("cargo's directory for tests");
        lock.lock().expect("cargo's directory for tests can be locked");
        // Another test process may have fetched it meanwhile.
        if !program.exists() {
            fetch(&tools, &home);
        }
    }
    program
}

/// Fetches into a sibling and renames: what stands at `home` is whole.
fn fetch(tools: &Path, home: &Path) {
    let partial = tools.join(format!("uv-{VERSION}.partial"));
    fs::remove_dir_all(&partial).ok();
    let python = &python::newest().path;
    let output = Command::new(python)
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target"])
        .arg(&partial)
        .arg(format!("uv=={VERSION}"))
        .output()
        .expect("the interpreter was found a moment ago");
    assert!(
        output.status.success() && partial.join("bin/uv").exists(),
        "these tests need uv {VERSION} and could not fetch it with `{} -m pip`: make the package index reachable \
         once, or set ENVLOOM_TEST_UV to a uv of that version\n{}",
        python.display(),
        String::from_utf8_lossy(&output.stderr),
    );
    fs::rename(&partial, home).expect("a directory is renamed beside itself");
}
