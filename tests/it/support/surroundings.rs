//! The environment of every child: built from an explicit list, never inherited.
//!
//! | variables | why |
//! | --- | --- |
//! | `HOME`, `TMPDIR`, `UV_CACHE_DIR`, `ENVLOOM_CACHE_DIR` | directories of the test's own root |
//! | `PATH` | the real interpreters, git and the system; no shims, no uv |
//! | `ENVLOOM_UV` | the real uv |
//! | `UV_PYTHON_DOWNLOADS`, `UV_HTTP_RETRIES`, proxies to a closed port | nothing reaches the network, and what tries fails at once |
//! | `GIT_CONFIG_GLOBAL`, `_NOSYSTEM`, `GIT_CEILING_DIRECTORIES` | no one else's git settings, no repository above the root |
//! | `GIT_CONFIG_COUNT`, `_KEY_n`, `_VALUE_n` | git.example.com is the directory `remotes`; `file://` is allowed for submodules |
//! | `GIT_AUTHOR_*`, `GIT_COMMITTER_*` | commit ids are the same in every run |
//! | `NO_COLOR`, `COLUMNS`, `TERM`, `LANG`, `TZ` | output is the same everywhere |

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::machine::{ambient, tool_directories};
use super::monorepo::Monorepo;
use super::{python, uv};

/// A port that nothing listens on: what would reach the network fails at once.
const CLOSED: &str = "http://127.0.0.1:9";

impl Monorepo {
    /// Uses a fake pyenv, whose shims stand first on PATH; see [`shims`](super::shims).
    #[must_use]
    pub(crate) fn with_shims(&self) -> Self {
        let pyenv = self.install_shims();
        self.path_first(pyenv.join("shims")).env("PYENV_ROOT", pyenv.to_str().expect("the root is UTF-8"))
    }

    /// Puts the real uv on PATH, for tests of how it is found and for tasks that call it.
    #[must_use]
    pub(crate) fn with_uv_on_path(&self) -> Self {
        self.path_first(uv::real().parent().expect("a program stands in a directory"))
    }

    /// Lets pip reach the package index that the machine is set up for: its settings, its proxy and
    /// its certificates. For tests of fetching uv, and for nothing else.
    #[must_use]
    pub(crate) fn with_machine_index(&self) -> Self {
        let mut reaching = self.clone();
        for name in MACHINE_INDEX {
            reaching.view.environment.insert(name.to_owned(), ambient(name));
        }
        if let (None, Some(home)) = (ambient("PIP_CONFIG_FILE"), ambient("HOME")) {
            let settings =
                ["config/pip/pip.conf", "pip/pip.conf"].map(|path| Path::new(&home).join(format!(".{path}")));
            if let Some(file) = settings.iter().find(|file| file.is_file()) {
                reaching.view.environment.insert("PIP_CONFIG_FILE".to_owned(), Some(file.into()));
            }
        }
        reaching
    }

    /// Every variable of the next child.
    pub(super) fn environment(&self) -> BTreeMap<String, OsString> {
        let root = self.root();
        let mut environment = BTreeMap::new();
        let mut set = |name: &str, value: OsString| drop(environment.insert(name.to_owned(), value));
        for (name, directory) in [
            ("HOME", "home"),
            ("TMPDIR", "tmp"),
            ("UV_CACHE_DIR", "cache/uv"),
            ("ENVLOOM_CACHE_DIR", "cache/envloom"),
        ] {
            set(name, root.join(directory).into());
        }
        set("PATH", self.search_path());
        set("ENVLOOM_UV", uv::real().into());
        set("GIT_CEILING_DIRECTORIES", root.into());
        for (name, value) in FIXED {
            set(name, value.into());
        }
        for (number, (key, value)) in (0..).zip(git_settings(root)) {
            set(&format!("GIT_CONFIG_KEY_{number}"), key.into());
            set(&format!("GIT_CONFIG_VALUE_{number}"), value.into());
            set("GIT_CONFIG_COUNT", (number + 1).to_string().into());
        }
        // Coverage of the program under test is collected through this one.
        if let Some(profile) = ambient("LLVM_PROFILE_FILE") {
            set("LLVM_PROFILE_FILE", profile);
        }
        for (name, value) in &self.view.environment {
            match value {
                Some(value) => environment.insert(name.clone(), value.clone()),
                None => environment.remove(name),
            };
        }
        environment
    }

    fn search_path(&self) -> OsString {
        let mut directories = self.view.path_first.clone();
        for directory in python::directories().into_iter().chain(tool_directories()) {
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
        std::env::join_paths(directories).expect("directories of PATH hold no separator")
    }
}

/// How pip reaches the machine's package index.
const MACHINE_INDEX: [&str; 20] = [
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_NO_INDEX",
    "PIP_PROXY",
    "PIP_TRUSTED_HOST",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "UV_DEFAULT_INDEX",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "NO_PROXY",
];

/// Variables with the same value in every test.
const FIXED: [(&str, &str); 22] = [
    ("UV_PYTHON_DOWNLOADS", "never"),
    ("UV_HTTP_RETRIES", "0"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_AUTHOR_NAME", "Envloom Tests"),
    ("GIT_AUTHOR_EMAIL", "tests@example.com"),
    ("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z"),
    ("GIT_COMMITTER_NAME", "Envloom Tests"),
    ("GIT_COMMITTER_EMAIL", "tests@example.com"),
    ("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z"),
    ("HTTP_PROXY", CLOSED),
    ("HTTPS_PROXY", CLOSED),
    ("ALL_PROXY", CLOSED),
    ("NO_PROXY", "127.0.0.1,localhost"),
    ("NO_COLOR", "1"),
    ("COLUMNS", "100"),
    ("TERM", "dumb"),
    ("LANG", "C.UTF-8"),
    ("TZ", "UTC"),
    ("USER", "tester"),
    ("SHELL", "/bin/sh"),
];

/// Git's configuration by environment: it reaches every git, also those that uv starts.
fn git_settings(root: &Path) -> Vec<(String, String)> {
    let remotes = format!("url.file://{}/.insteadOf", root.join("remotes").display());
    let hosts = ["https://git.example.com/", "ssh://git@git.example.com/", "git@git.example.com:"];
    let mut settings = vec![
        ("protocol.file.allow".to_owned(), "always".to_owned()),
        ("init.defaultBranch".to_owned(), "main".to_owned()),
        // No background repacking under a directory that is about to be removed.
        ("gc.auto".to_owned(), "0".to_owned()),
        ("maintenance.auto".to_owned(), "false".to_owned()),
    ];
    settings.extend(hosts.map(|host| (remotes.clone(), host.to_owned())));
    settings
}
