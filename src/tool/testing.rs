//! A temporary place for this room's unit tests: fake programs, and git with fixed author and
//! dates. It knows no test.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::surroundings::Surroundings;

/// A temporary directory that is also `HOME`.
pub(super) struct Place(tempfile::TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn directory(&self, relative: &str) -> PathBuf {
        let path = self.root().join(relative);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// An environment of nothing but `HOME` and these `PATH` entries.
    pub(super) fn surroundings(&self, path: &[&Path]) -> Surroundings {
        let vars = BTreeMap::from([
            ("HOME".into(), self.root().as_os_str().to_owned()),
            ("PATH".into(), std::env::join_paths(path).unwrap()),
            ("GIT_CONFIG_GLOBAL".into(), "/dev/null".into()),
            ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
        ]);
        Surroundings { vars, cwd: self.root().to_path_buf() }
    }

    /// The `PATH` of the machine, `HOME` here.
    #[expect(clippy::disallowed_methods, reason = "a test has no cli above it")]
    pub(super) fn machine(&self) -> Surroundings {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let entries: Vec<PathBuf> = std::env::split_paths(&path).collect();
        self.surroundings(&entries.iter().map(PathBuf::as_path).collect::<Vec<_>>())
    }

    /// The `PATH` and the `HOME` of the machine, for reading only.
    #[expect(clippy::disallowed_methods, reason = "a test has no cli above it")]
    pub(super) fn real_home(&self) -> Surroundings {
        let mut surroundings = self.machine();
        if let Some(home) = std::env::var_os("HOME") {
            surroundings.vars.insert("HOME".into(), home);
        }
        surroundings
    }

    /// Runs real git for setting up; the author and the dates are fixed, so ids are too.
    pub(super) fn git(&self, directory: &Path, arguments: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(["-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(directory)
            .env("HOME", self.root())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Writes a shell script and makes it executable.
pub(super) fn executable(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
