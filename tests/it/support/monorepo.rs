//! The handle that tests hold: a root directory and a view of it.
//!
//! [`Monorepo`] is cheap to clone, and every method gives one back, so that a test reads as one
//! chain and can still keep the handle. Methods that change files change them for every clone;
//! `env`, `without_env`, `in_dir` and their like change **only the handle they return** (the view):
//! `repo.env("CI", "true").run("lock")` leaves `repo` as it was.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::{fs, io};

use tempfile::TempDir;

use super::machine::ambient;
use super::package::Package;
use super::server::Server;

/// 2026-01-01T00:00:00Z: the time of the first commit.
const EPOCH: u64 = 1_767_225_600;

/// A monorepo in a root of its own, and how the next command sees it.
#[derive(Clone, Debug)]
pub(crate) struct Monorepo {
    shared: Arc<Shared>,
    pub(super) view: View,
}

/// What the next command gets besides the surroundings that all have.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// The working directory, from the repository's root.
    pub(super) directory: PathBuf,
    /// Variables set, or taken away.
    pub(super) environment: BTreeMap<String, Option<OsString>>,
    /// Directories before the usual ones of PATH.
    pub(super) path_first: Vec<PathBuf>,
}

#[derive(Debug)]
struct Shared {
    /// `None` once the directory has been kept for a look at it.
    temporary: Option<TempDir>,
    /// The root, without symlinks: tools print resolved paths.
    root: PathBuf,
    /// Counts commits and tags, so that each has its own second.
    ticks: AtomicU64,
    /// Counts runs; each has its own file of events.
    runs: AtomicU64,
    packages: Mutex<BTreeMap<String, Package>>,
    server: OnceLock<Server>,
}

impl Monorepo {
    /// An empty git repository, `repo/`, beside `home/`, `cache/`, `tmp/`, `remotes/` and `index/`.
    /// The index `pypi` is there and empty, and the default of every command by the user's uv.toml.
    pub(crate) fn new() -> Self {
        let temporary = tempfile::Builder::new().prefix("envloom-").tempdir().expect("a temporary directory");
        let root = temporary.path().canonicalize().expect("a directory that was just made");
        for directory in ["repo", "home/.config/uv", "cache", "tmp", "remotes", "index/pypi", "events"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        fs::write(root.join("index/pypi/index.html"), "<!DOCTYPE html>\n").unwrap();
        create_repository(&root.join("repo/.git"));
        let shared = Shared {
            temporary: Some(temporary),
            root,
            ticks: AtomicU64::new(0),
            runs: AtomicU64::new(0),
            packages: Mutex::default(),
            server: OnceLock::new(),
        };
        let monorepo = Self { shared: Arc::new(shared), view: View::default() };
        let settings = monorepo.fill("[[index]]\nname = \"pypi\"\nurl = \"[INDEX]/pypi\"\ndefault = true\n");
        fs::write(monorepo.root().join("home/.config/uv/uv.toml"), settings).unwrap();
        monorepo
    }

    /// The directory that holds everything; `[ROOT]` in texts.
    pub(crate) fn root(&self) -> &Path {
        &self.shared.root
    }

    /// A path in the repository.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join("repo").join(path)
    }

    /// Sets a variable for the commands of the handle that is returned.
    #[must_use]
    pub(crate) fn env(&self, name: &str, value: &str) -> Self {
        let value = self.fill(value).into();
        self.viewed(|view| drop(view.environment.insert(name.to_owned(), Some(value))))
    }

    /// Takes a variable away from the commands of the handle that is returned.
    #[must_use]
    pub(crate) fn without_env(&self, name: &str) -> Self {
        self.viewed(|view| drop(view.environment.insert(name.to_owned(), None)))
    }

    /// Runs the commands of the handle that is returned in a directory of the repository.
    #[must_use]
    pub(crate) fn in_dir(&self, path: &str) -> Self {
        self.viewed(|view| view.directory = path.into())
    }

    /// Puts a directory before all others of PATH, for the commands of the handle that is returned.
    #[must_use]
    pub(crate) fn path_first(&self, directory: impl Into<PathBuf>) -> Self {
        self.viewed(|view| view.path_first.insert(0, directory.into()))
    }

    fn viewed(&self, change: impl FnOnce(&mut View)) -> Self {
        let mut monorepo = self.clone();
        change(&mut monorepo.view);
        monorepo
    }

    /// The next moment, as git writes it.
    pub(super) fn tick(&self) -> String {
        format!("{} +0000", EPOCH + 60 * self.shared.ticks.fetch_add(1, Ordering::SeqCst))
    }

    /// The file that the next run writes its events to.
    pub(super) fn next_events_file(&self) -> PathBuf {
        let run = self.shared.runs.fetch_add(1, Ordering::SeqCst);
        self.root().join("events").join(format!("{run}.jsonl"))
    }

    /// The HTTP server, started at the first call.
    pub(super) fn server(&self) -> &Server {
        self.shared.server.get_or_init(|| Server::start(self.root().join("index")))
    }

    /// The address of the HTTP server, if it has been started.
    pub(super) fn server_url(&self) -> Option<String> {
        self.shared.server.get().map(Server::url)
    }

    pub(super) fn remember(&self, package: Package) {
        self.shared.packages.lock().unwrap().insert(package.name.clone(), package.without_history());
    }

    /// A package as last described, with no commits in its history.
    #[track_caller]
    pub(super) fn remembered(&self, name: &str) -> Package {
        let packages = self.shared.packages.lock().unwrap();
        packages.get(name).unwrap_or_else(|| panic!("the test has no package `{name}`")).clone()
    }
}

impl Drop for Shared {
    /// With `ENVLOOM_TEST_KEEP` set, a failed test leaves its root behind and says where.
    fn drop(&mut self) {
        if thread::panicking() && ambient("ENVLOOM_TEST_KEEP").is_some() {
            let kept = self.temporary.take().map(TempDir::keep);
            let kept = kept.expect("dropped once");
            writeln!(io::stderr(), "kept: {}", kept.display()).ok();
        }
    }
}

/// A repository, as `git init` makes it, without the process.
fn create_repository(directory: &Path) {
    for part in ["objects", "refs/heads", "refs/tags", "info", "hooks"] {
        fs::create_dir_all(directory.join(part)).unwrap();
    }
    fs::write(directory.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(directory.join("info/exclude"), "").unwrap();
    let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n";
    fs::write(directory.join("config"), config).unwrap();
}
