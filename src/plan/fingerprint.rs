//! Fingerprints: what a task's result depends on, field by field.
//!
//! # Design note
//! A fingerprint is a deny-list: everything that uv reads to come to its verdict is a field, less what is named
//! here. Each field is one line of `explain`, so it is named for a reader: `prod/pyproject.toml: tool.uv.index[0].url`.
//!
//! | field | why it is in |
//! | --- | --- |
//! | `kind`, `environment` | one record answers for one kind of task of one environment |
//! | `envloom` | another version may fingerprint, or verify, otherwise |
//! | `uv` | another uv resolves and locks otherwise |
//! | `interpreter`, `python` | the Python a child is given: markers, `requires-python`, what a build runs on |
//! | `platform` | system and processor; the C library is the interpreter's, which is built for one |
//! | `E/pyproject.toml: KEY` | every value of the manifest but the tables of [`LEFT_OUT`](super::LEFT_OUT) |
//! | `root` (sync, or with an index that is a path) | editable installs hold absolute paths; so does a lockfile for an index that is a path (uv#15055): in a moved tree `--locked` fails (tried) |
//! | `E/uv.lock` | the digest of its bytes: a lockfile is a source file |
//! | `DIR/pyproject.toml: …` above E | uv looks upward for a workspace: up to the first root of one, and not when E is one |
//! | `DIR/uv.toml: …` above E | uv looks upward for settings; to the top, although it stops at the first it finds |
//! | `MEMBER/pyproject.toml: …`, `setup.py`, `setup.cfg` | members by the workspace's globs, and path sources, theirs too |
//! | `MEMBER/FILE` | files of `tool.uv.cache-keys`; for a lock only where the metadata is dynamic, since static metadata is read from the manifest (strace) |
//! | `MEMBER/src` (sync) | uv's default cache key: whether the directory is there |
//! | `cache key NAME` | the digest of a variable that `cache-keys` names |
//! | `…/uv/uv.toml` | the user's and the system's settings |
//! | `E/.python-version(s)` | choose the interpreter where nothing else does |
//! | `variable NAME` | keyed variables ([`crate::tool::variables`]) |
//! | files of `UV_CONFIG_FILE`, `UV_CONSTRAINT`, `UV_OVERRIDE`, `UV_EXCLUDE`, `UV_BUILD_CONSTRAINT` | the variable names the file, the file says what holds |
//! | whatever the caller hands in | sync: groups, extras, install, editable, link-mode; verify: releases of the ledger, pins, and where pinned tags stand at their remotes |
//!
//! A file that is not there has no field; one that is has the field `FILE` = `present`, so that an empty `uv.toml`
//! counts. Left out on purpose:
//!
//! - **Indexes**, also those that are paths: a lockfile that satisfies its manifest is checked without reading one
//!   (tried), and a frozen sync takes only what the lockfile has the hash of.
//! - **Git remotes**: a satisfied lock starts no git (tried); moved tags are `verify`'s matter.
//! - **Source files** of editable members: an install points at them. Of others uv itself sees only cache keys.
//! - **Credentials**, caches, timeouts, certificates: they decide whether a run succeeds, not what it finds.
//! - **CC, CFLAGS and their like**: uv does not rebuild for them either; a member names them in `cache-keys`.
//! - **Includes** (`-r`, `-c`) in constraint files: no project command of uv 0.13.9 reads these files.
//! - **The clock**: relative `exclude-newer` moves, but a lockfile once satisfied stays so.
//!
//! What cannot be fingerprinted makes the verdict uncacheable ([`Fingerprint::uncacheable`]): dynamic metadata
//! without `cache-keys`, a `git` cache key, a constraint file behind a URL.
//!
//! Every file is read through the [`Observer`], so that the compiled plan rests on it. Options refused: hashing
//! manifests as bytes (a comment would relock), an allow-list of keys (a new key of uv would be a false hit).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::PlanError;
use super::parsed::Parsed;
use super::reason::FieldChange;
use super::uv_files::{Collector, Scope};
use crate::base::{Digest, Hasher, RelPath};
use crate::cache::Observer;
use crate::tool::variables::{Variables, keyed};

/// Changes when equal fields no longer mean the same. Older records are misses then.
const FORM: &str = "envloom fingerprint 1";

/// Where a fingerprint looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// The repository's root, absolute.
    pub(crate) root: &'a Path,
    /// The directory of the environment's manifest.
    pub(crate) directory: &'a RelPath,
    /// The user's home directory.
    pub(crate) home: Option<&'a Path>,
    /// The process environment.
    pub(crate) variables: &'a Variables,
    /// uv's version.
    pub(crate) uv: &'a str,
    /// The Python that the child is given.
    pub(crate) interpreter: &'a Path,
    /// Its version, in full.
    pub(crate) python: &'a str,
    /// The one reader of files.
    pub(crate) observer: &'a Observer,
    /// TOML that was parsed before.
    pub(crate) parsed: &'a Parsed,
}

/// What a result depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// Key path -> value, or the digest of a value that is long.
    pub(crate) fields: BTreeMap<String, String>,
    /// Why no verdict may be kept or believed, in a few words.
    pub(crate) uncacheable: Option<String>,
}

impl Fingerprint {
    /// That manifests and lockfile of `environment` agree: for `lock` and `check`.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub(crate) fn agreement(inputs: &Inputs<'_>, environment: &str) -> Result<Self, PlanError> {
        Self::of_uv(inputs, environment, "agreement", Scope::Metadata)
    }

    /// That the lockfile of `environment` keeps envloom's promises. `handed` are its releases in `envloom.lock`,
    /// its pins and all else of the model that the rules look at.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub(crate) fn verification(
        inputs: &Inputs<'_>,
        environment: &str,
        handed: &BTreeMap<String, String>,
    ) -> Result<Self, PlanError> {
        let mut collector = Collector::new(inputs, Scope::Metadata);
        let directory = inputs.directory.under(inputs.root);
        collector.files_of_settings()?;
        collector.bytes(&directory.join("uv.lock"))?;
        collector.fields.extend(own_fields(environment, "verification"));
        collector.fields.extend(handed.clone());
        Ok(collector.finish())
    }

    /// The files that uv takes the environment's settings from, absolute: those that a verification rests on.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub(crate) fn files_of_settings(inputs: &Inputs<'_>) -> Result<Vec<PathBuf>, PlanError> {
        Collector::new(inputs, Scope::Metadata).files_of_settings()
    }

    /// That a venv of `environment` holds what the lockfile says. `chosen` are the words of the command line:
    /// variants, groups, extras, what to leave out, editable, link mode.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub(crate) fn sync(
        inputs: &Inputs<'_>,
        environment: &str,
        chosen: &BTreeMap<String, String>,
    ) -> Result<Self, PlanError> {
        let mut fingerprint = Self::of_uv(inputs, environment, "sync", Scope::Build)?;
        fingerprint.fields.insert("root".to_owned(), inputs.root.display().to_string());
        fingerprint.fields.extend(chosen.clone());
        Ok(fingerprint)
    }

    /// Of a uv command that reads the manifests.
    fn of_uv(inputs: &Inputs<'_>, environment: &str, kind: &str, scope: Scope) -> Result<Self, PlanError> {
        let mut collector = Collector::new(inputs, scope);
        let lock_directory = collector.project()?;
        collector.bytes(&lock_directory.join("uv.lock"))?;
        collector.settings()?;
        let fields = &mut collector.fields;
        fields.extend(own_fields(environment, kind));
        fields.insert("uv".to_owned(), inputs.uv.to_owned());
        fields.insert("interpreter".to_owned(), inputs.interpreter.display().to_string());
        fields.insert("python".to_owned(), inputs.python.to_owned());
        fields.insert("platform".to_owned(), platform());
        fields.extend(
            keyed(inputs.variables).into_iter().map(|(name, value)| (format!("variable {name}"), value)),
        );
        if fields.iter().any(|(key, value)| is_path_index(key, value)) {
            fields.insert("root".to_owned(), inputs.root.display().to_string());
        }
        Ok(collector.finish())
    }

    /// The key of the cache.
    #[must_use]
    pub(crate) fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(FORM);
        for (key, value) in &self.fields {
            hasher.field(key).field(value);
        }
        hasher.finish()
    }

    /// What differs from the fields `old`, by key path.
    #[must_use]
    pub(crate) fn changes_since(&self, old: &BTreeMap<String, String>) -> Vec<FieldChange> {
        changes(old, &self.fields)
    }
}

/// What differs between two lists of fields, sorted by key path.
#[must_use]
pub(crate) fn changes(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<FieldChange> {
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    let mut changes: Vec<FieldChange> = new
        .keys()
        .chain(gone)
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| FieldChange { key: key.clone(), old: old.get(key).cloned(), new: new.get(key).cloned() })
        .collect();
    changes.sort();
    changes
}

/// The system and the processor, `linux x86_64`.
#[must_use]
pub(crate) fn platform() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Does the field name an index by a path? One too many costs a run in a moved tree, so the test is wide.
fn is_path_index(key: &str, value: &str) -> bool {
    let key = key.rsplit_once(": ").map_or(key, |(_, key)| key).to_ascii_lowercase();
    let names_index = (key.contains("index[") && key.rsplit('.').next() == Some("url"))
        || ["index-url", "find-links", "find_links"].iter().any(|word| key.contains(word))
        || (key.starts_with("variable uv_") && key.contains("index"));
    names_index && (!value.contains("://") || value.contains("file://"))
}

fn own_fields(environment: &str, kind: &str) -> [(String, String); 3] {
    [
        ("kind".to_owned(), kind.to_owned()),
        ("environment".to_owned(), environment.to_owned()),
        ("envloom".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::path::PathBuf;

    const DEV: &str = r#"
        [project]
        name = "demo"
        version = "1"
        dependencies = ["tqdm>=4", "bench-utils", "tool"]
        [tool.uv.workspace]
        members = ["packages/*", "libs/**/core"]
        exclude = ["packages/old"]
        [tool.uv.sources]
        bench-utils = { workspace = true }
        tool = { path = "tools/tool" }
        wheel = [{ path = "wheels/w.whl", extra = "cpu" }]
        [tool.ruff]
        line-length = 100
    "#;

    fn package(name: &str, rest: &str) -> String {
        format!("[project]\nname = \"{name}\"\nversion = \"1\"\n{rest}\n")
    }

    /// A repository in a directory of its own, and a machine.
    struct Repository {
        _place: tempfile::TempDir,
        root: PathBuf,
        variables: Variables,
        uv: String,
        interpreter: PathBuf,
        python: String,
        environment: String,
        directory: &'static str,
        handed: BTreeMap<String, String>,
    }

    impl Repository {
        fn new() -> Self {
            let place = tempfile::tempdir().unwrap();
            let root = place.path().join("above/repository");
            let home = place.path().join("home");
            let variables =
                [("XDG_CONFIG_HOME", home.clone()), ("XDG_CONFIG_DIRS", place.path().join("system"))];
            let repository = Self {
                variables: variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
                _place: place,
                root,
                uv: "0.13.9".into(),
                interpreter: "/opt/python3.12".into(),
                python: "3.12.1".into(),
                environment: "dev".into(),
                directory: ".",
                handed: BTreeMap::from([("groups".into(), "dev".into())]),
            };
            for (path, text) in [
                ("pyproject.toml", DEV.to_owned()),
                ("uv.lock", "version = 1\n".to_owned()),
                ("packages/bench_utils/pyproject.toml", package("bench-utils", "")),
                ("packages/old/pyproject.toml", package("old", "")),
                ("libs/deep/er/core/pyproject.toml", package("core", "")),
                (
                    "tools/tool/pyproject.toml",
                    package("tool", "[tool.uv.sources]\nnext = { path = '../next' }"),
                ),
                (
                    "tools/next/pyproject.toml",
                    package("next", "[tool.uv.sources]\ntool = { path = '../tool' }"),
                ),
                ("wheels/w.whl", "wheel".to_owned()),
                ("prod/pyproject.toml", package("demo", "[tool.uv.workspace]\n")),
                ("prod/uv.lock", "version = 1\n".to_owned()),
                ("plain/pyproject.toml", package("plain", "")),
            ] {
                repository.write(path, &text);
            }
            repository
        }

        fn at(&self, path: &str) -> PathBuf {
            super::super::uv_files::clean(&self.root.join(path))
        }

        fn write(&self, path: &str, text: &str) {
            fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
            fs::write(self.at(path), text).unwrap();
        }

        fn edit(&self, path: &str, old: &str, new: &str) {
            let text = fs::read_to_string(self.at(path)).unwrap();
            assert!(text.contains(old), "{path}: {old}");
            fs::write(self.at(path), text.replacen(old, new, 1)).unwrap();
        }

        fn set(&mut self, name: &str, value: &str) {
            self.variables.insert(name.into(), value.into());
        }

        fn of(&self, kind: &str, observer: &Observer) -> Fingerprint {
            let inputs = Inputs {
                root: &self.root,
                directory: &RelPath::parse(self.directory).unwrap(),
                home: None,
                variables: &self.variables,
                uv: &self.uv,
                interpreter: &self.interpreter,
                python: &self.python,
                observer,
                parsed: &Parsed::default(),
            };
            match kind {
                "agreement" => Fingerprint::agreement(&inputs, &self.environment),
                "verification" => Fingerprint::verification(&inputs, &self.environment, &self.handed),
                _ => Fingerprint::sync(&inputs, &self.environment, &self.handed),
            }
            .unwrap()
        }

        fn take(&self, kind: &str) -> Fingerprint {
            self.of(kind, &Observer::new())
        }
    }

    /// Changes one thing and gives the keys that differ. The observer must have seen it too, where it is a file.
    fn keys_after(kind: &str, directory: &'static str, change: impl FnOnce(&mut Repository)) -> Vec<String> {
        let mut repository = Repository { directory, ..Repository::new() };
        let observer = Observer::new();
        let before = repository.of(kind, &observer);
        assert_eq!(before.digest(), repository.take(kind).digest(), "unchanged is unchanged");
        change(&mut repository);
        let after = repository.take(kind);
        let keys: Vec<String> =
            after.changes_since(&before.fields).into_iter().map(|change| change.key).collect();
        assert_eq!(keys.is_empty(), before.digest() == after.digest());
        let only_files =
            keys.iter().all(|key| key.contains('/') || key.contains(".toml") || key.contains(".lock"));
        if !keys.is_empty() && only_files {
            assert!(!observer.seen().iter().all(|(path, stamp)| stamp.holds(path)), "{keys:?} not observed");
        }
        keys
    }

    #[test]
    fn every_field_of_an_agreement_changes_its_digest() {
        type Change = fn(&mut Repository);
        let cases: &[(&str, Change)] = &[
            ("environment", |r| r.environment = "other".into()),
            ("uv", |r| r.uv = "0.13.10".into()),
            ("interpreter", |r| r.interpreter = "/opt/other/python3.12".into()),
            ("python", |r| r.python = "3.12.2".into()),
            ("variable UV_PRERELEASE", |r| r.set("UV_PRERELEASE", "allow")),
            ("variable UV_UNKNOWN", |r| r.set("UV_UNKNOWN", "1")),
            ("uv.lock", |r| r.write("uv.lock", "version = 2\n")),
            ("uv.lock", |r| fs::remove_file(r.at("uv.lock")).unwrap()),
            ("pyproject.toml: project.dependencies[tqdm]", |r| {
                r.edit("pyproject.toml", "tqdm>=4", "tqdm>=5");
            }),
            ("pyproject.toml: new.thing", |r| {
                r.edit("pyproject.toml", "[tool.ruff]", "[new]\nthing=1\n[tool.ruff]");
            }),
            ("pyproject.toml", |r| r.write("pyproject.toml", "= broken")),
            ("uv.toml", |r| r.write("uv.toml", "")),
            (".python-version", |r| r.write(".python-version", "3.12\n")),
            (".python-versions", |r| r.write(".python-versions", "3.12\n")),
            ("setup.py", |r| r.write("setup.py", "")),
            ("packages/bench_utils/pyproject.toml: project.version", |r| {
                r.edit("packages/bench_utils/pyproject.toml", "\"1\"", "\"2\"");
            }),
            ("packages/bench_utils/setup.cfg", |r| r.write("packages/bench_utils/setup.cfg", "")),
            ("packages/new/pyproject.toml", |r| r.write("packages/new/pyproject.toml", &package("new", ""))),
            ("packages/pyproject.toml", |r| r.write("packages/pyproject.toml", "")),
            ("libs/deep/er/core/pyproject.toml: project.name", |r| {
                r.edit("libs/deep/er/core/pyproject.toml", "core", "kernel");
            }),
            ("libs/more/core/pyproject.toml", |r| {
                r.write("libs/more/core/pyproject.toml", &package("m", ""));
            }),
            ("tools/tool/pyproject.toml: project.version", |r| {
                r.edit("tools/tool/pyproject.toml", "\"1\"", "\"2\"");
            }),
            ("tools/next/pyproject.toml: project.version", |r| {
                r.edit("tools/next/pyproject.toml", "\"1\"", "\"2\"");
            }),
            ("wheels/w.whl", |r| r.write("wheels/w.whl", "other")),
        ];
        for (key, change) in cases {
            let keys = keys_after("agreement", ".", change);
            assert!(keys.iter().any(|found| found == key), "{key}: {keys:?}");
        }
    }

    #[test]
    fn settings_of_user_and_system_and_files_that_variables_name_are_fields() {
        for place in ["../../home/uv/uv.toml", "../../system/uv/uv.toml"] {
            let keys = keys_after("agreement", ".", |r| r.write(place, "prerelease = 'allow'\n"));
            assert!(keys.iter().any(|key| key.ends_with("uv/uv.toml: prerelease")), "{keys:?}");
        }
        for name in ["UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_BUILD_CONSTRAINT", "UV_CONFIG_FILE"] {
            let mut repository = Repository { directory: "prod", ..Repository::new() };
            repository.set(name, "../named.toml");
            let before = repository.take("agreement");
            repository.write("named.toml", "a = 1\n");
            let keys = repository.take("agreement").changes_since(&before.fields);
            assert!(keys.iter().any(|change| change.key.starts_with("named.toml")), "{name}: {keys:?}");
        }
        let mut repository = Repository::new();
        repository.set("UV_CONSTRAINT", "https://example.com/c.txt");
        assert_eq!(repository.take("sync").uncacheable.unwrap(), "UV_CONSTRAINT names a file behind a URL");
    }

    #[test]
    fn comments_layout_linters_and_what_uv_does_not_read_are_no_change() {
        type Change = fn(&mut Repository);
        let cases: &[Change] = &[
            |r| r.edit("pyproject.toml", "[project]", "# a comment\n[project]  "),
            |r| r.edit("pyproject.toml", "\"tqdm>=4\", \"bench-utils\"", "'bench-utils',\n'tqdm>=4'"),
            |r| r.edit("pyproject.toml", "line-length = 100", "line-length = 120"),
            |r| r.edit("packages/old/pyproject.toml", "\"1\"", "\"2\""),
            |r| r.write("packages/bench_utils/src/bench_utils/__init__.py", "x = 1"),
            |r| r.write("prod/pyproject.toml", ""),
            |r| r.set("UV_CACHE_DIR", "/elsewhere"),
            |r| r.set("UV_INDEX_CORP_PASSWORD", "s3cret"),
            |r| r.set("EDITOR", "vi"),
        ];
        for (at, change) in cases.iter().enumerate() {
            assert_eq!(keys_after("agreement", ".", change), [""; 0], "{at}");
        }
    }

    #[test]
    fn a_workspace_root_stops_the_search_upward_and_another_manifest_does_not() {
        let upward = |r: &mut Repository| r.edit("pyproject.toml", "tqdm>=4", "tqdm>=5");
        assert_eq!(keys_after("agreement", "prod", upward), [""; 0]);
        assert_eq!(keys_after("agreement", "plain", upward), ["pyproject.toml: project.dependencies[tqdm]"]);
        // Not a member: the members of the workspace above are nothing to it.
        let member = |r: &mut Repository| r.edit("packages/bench_utils/pyproject.toml", "\"1\"", "\"2\"");
        assert_eq!(keys_after("agreement", "plain", member), [""; 0]);
        // A member: the lockfile is the root's.
        let lock = |r: &mut Repository| r.write("uv.lock", "version = 2\n");
        assert_eq!(keys_after("agreement", "packages/bench_utils", lock), ["uv.lock"]);
        let sibling = |r: &mut Repository| r.edit("libs/deep/er/core/pyproject.toml", "\"1\"", "\"2\"");
        assert_eq!(
            keys_after("agreement", "packages/bench_utils", sibling),
            ["libs/deep/er/core/pyproject.toml: project.version"]
        );
        // Above the repository too, where no workspace root stands between.
        let above = |r: &mut Repository| {
            fs::remove_file(r.at("pyproject.toml")).unwrap();
            r.write("../pyproject.toml", "[tool.uv]\n");
        };
        let keys = keys_after("agreement", "plain", above);
        assert!(keys.iter().any(|key| key.ends_with("/above/pyproject.toml")), "{keys:?}");
    }

    #[test]
    fn settings_above_are_fields_of_a_workspace_root_too() {
        for directory in [".", "prod", "plain"] {
            let keys = keys_after("agreement", directory, |r| r.write("../uv.toml", ""));
            assert!(keys.iter().any(|key| key.ends_with("/above/uv.toml")), "{directory}: {keys:?}");
        }
        assert_eq!(keys_after("agreement", "prod", |r| r.write("uv.toml", "")), ["uv.toml"]);
    }

    #[test]
    fn dynamic_metadata_needs_cache_keys_and_these_are_fields() {
        let manifest = "packages/bench_utils/pyproject.toml";
        let dynamic = |keys: &str| {
            let repository = Repository::new();
            let rest = format!("dynamic = ['dependencies', 'readme']\n{keys}");
            repository.write(manifest, &package("bench-utils", &rest));
            repository
        };
        let because = dynamic("").take("agreement").uncacheable.unwrap();
        assert_eq!(because, "packages/bench_utils has dynamic dependencies and no tool.uv.cache-keys");
        assert_eq!(dynamic("").take("sync").uncacheable, None);

        let keys = "[tool.uv]\ncache-keys = [{ file = 'req/**/*.txt' }, 'VERSION', { env = 'BUILD' }, { dir = 'data' }]";
        let mut repository = dynamic(keys);
        let before = repository.take("agreement");
        assert_eq!(before.uncacheable, None);
        repository.write("packages/bench_utils/req/a/b.txt", "x");
        repository.write("packages/bench_utils/VERSION", "1");
        repository.write("packages/bench_utils/data/x", "1");
        repository.set("BUILD", "s3cret");
        let changes = repository.take("agreement").changes_since(&before.fields);
        let keys: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "cache key BUILD",
                "packages/bench_utils/VERSION",
                "packages/bench_utils/data",
                "packages/bench_utils/req/a/b.txt"
            ]
        );
        assert!(!format!("{changes:?}").contains("s3cret"));
        assert!(dynamic("[tool.uv]\ncache-keys = [{ git = true }]").take("agreement").uncacheable.is_some());

        let no_project = Repository::new();
        no_project.write(manifest, "[build-system]\nrequires = []\n");
        assert!(no_project.take("agreement").uncacheable.unwrap().contains("dynamic metadata"));
    }

    #[test]
    fn a_sync_depends_on_choices_and_on_what_makes_uv_build_again() {
        let chosen = |r: &mut Repository| r.handed = BTreeMap::from([("groups".into(), "dev test".into())]);
        assert_eq!(keys_after("sync", ".", chosen), ["groups"]);
        assert_eq!(keys_after("sync", ".", |r| r.set("UV_LINK_MODE", "copy")), ["variable UV_LINK_MODE"]);
        let source = |r: &mut Repository| r.write("packages/bench_utils/src/x.py", "");
        assert_eq!(keys_after("sync", ".", source), ["packages/bench_utils/src"]);
        assert_eq!(keys_after("agreement", ".", source), [""; 0]);
        let repository = Repository::new();
        assert_ne!(repository.take("sync").digest(), repository.take("agreement").digest());
    }

    #[test]
    fn the_place_of_the_repository_counts_where_a_lockfile_holds_it() {
        let index = |url: &str| {
            let repository = Repository { directory: "prod", ..Repository::new() };
            repository.write("prod/uv.toml", &format!("[[index]]\nname = 'x'\nurl = '{url}'\n"));
            repository.take("agreement").fields.contains_key("root")
        };
        assert!(index("../wheels") && index("file:///wheels"));
        assert!(!index("https://example.com/simple"));
        assert!(Repository::new().take("sync").fields.contains_key("root"));
    }

    #[test]
    fn a_verification_depends_on_manifest_lockfile_and_what_is_handed_in() {
        let pin = |r: &mut Repository| r.handed.extend([("release bench-utils".into(), "v0.1.3".into())]);
        assert_eq!(keys_after("verification", "prod", pin), ["release bench-utils"]);
        let lock = |r: &mut Repository| r.write("prod/uv.lock", "version = 2\n");
        assert_eq!(keys_after("verification", "prod", lock), ["prod/uv.lock"]);
        let manifest = |r: &mut Repository| r.edit("prod/pyproject.toml", "\"1\"", "\"2\"");
        assert_eq!(keys_after("verification", "prod", manifest), ["prod/pyproject.toml: project.version"]);
        assert_eq!(keys_after("verification", "prod", |r| r.uv = "0.14.0".into()), [""; 0]);
        let user = |r: &mut Repository| r.write("../../home/uv/uv.toml", "prerelease = 'allow'\n");
        let keys = keys_after("verification", "prod", user);
        assert!(keys.iter().any(|key| key.ends_with("uv/uv.toml: prerelease")), "{keys:?}");
    }

    #[test]
    fn no_credential_of_a_manifest_reaches_a_field() {
        let repository = Repository::new();
        repository.write("prod/uv.toml", "[[index]]\nurl = 'https://me:s3cret@example.com/simple'\n");
        let fingerprint = Repository { directory: "prod", ..repository }.take("agreement");
        assert!(!format!("{fingerprint:?}").contains("s3cret"));
        assert_eq!(fingerprint.fields["prod/uv.toml: index[0].url"], "\"https://example.com/simple\"");
    }

    proptest! {
        /// Digests are equal exactly when the fields are, and then there is no change to name.
        #[test]
        fn a_digest_stands_for_its_fields(
            one in prop::collection::btree_map("[a-c]{1,2}", "[a-c]{0,2}", 0..5),
            other in prop::collection::btree_map("[a-c]{1,2}", "[a-c]{0,2}", 0..5),
        ) {
            let of = |fields: &BTreeMap<String, String>| Fingerprint { fields: fields.clone(), uncacheable: None };
            prop_assert_eq!(of(&one).digest() == of(&other).digest(), one == other);
            let changes = of(&other).changes_since(&one);
            prop_assert_eq!(changes.is_empty(), one == other);
            let mut patched = one;
            for change in changes {
                match change.new {
                    Some(new) => patched.insert(change.key, new),
                    None => patched.remove(&change.key),
                };
            }
            prop_assert_eq!(patched, other);
        }
    }
}
