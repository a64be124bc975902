//! Fetching one exact uv into the user's cache, with the machine's pip.
//!
//! `<cache>/uv/<version>-<os>-<architecture>/` holds `uv`, `uvx` and a marker. The directory is
//! made under another name and renamed when everything was checked, so it is whole or absent; of
//! two that fetch at once, the second finds the first one's and drops its own. The platform is in
//! the name because a home directory may be shared by machines of different kinds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use super::find::{Uv, ask};
use super::wheel;
use crate::tool::address::{last_lines, plain};
use crate::tool::error::ToolError;
use crate::tool::python::{self, Interpreter};
use crate::tool::run::{Answer, Query, quoted};
use crate::tool::surroundings::{Surroundings, subdirectories};

/// The file that says what the directory holds; written last.
const MARKER: &str = "envloom.json";
/// The directory names of fetches under way.
const FETCHING: &str = ".fetch-";

/// What to fetch, for whom.
#[derive(Debug)]
pub(super) struct Provision<'a> {
    pub(super) surroundings: &'a Surroundings,
    pub(super) version: &'a Version,
    /// Of the wheel, hexadecimal.
    pub(super) sha256: Option<&'a str>,
    /// The top of the repository, from which no program is taken.
    pub(super) root: &'a Path,
    /// The line a person would type instead.
    pub(super) install: String,
}

/// What a provisioned directory says about itself.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    format: u32,
    version: Version,
    /// The wheel's file name and sha256.
    wheel: String,
    sha256: String,
    /// Of the program, in bytes.
    size: u64,
}

/// The programs fetched earlier, whichever version; unchecked but for the owner of the directory.
pub(super) fn provisioned(surroundings: &Surroundings) -> Vec<PathBuf> {
    let Some(store) = surroundings.cache_home().map(|cache| cache.join("uv")) else {
        return Vec::new();
    };
    if check_owner(&store).is_err() {
        return Vec::new();
    }
    let whole = subdirectories(&store).into_iter().filter(|place| marker(place).is_some());
    whole.map(|place| place.join("uv")).collect()
}

impl Provision<'_> {
    /// The uv fetched earlier, else a freshly fetched one.
    pub(super) fn obtain(&self, offline: bool, progress: &mut dyn FnMut(&str)) -> Result<Uv, ToolError> {
        let version = self.version.clone();
        let Some(cache) = self.surroundings.cache_home() else {
            return Err(ToolError::NoCache { version });
        };
        let store = cache.join("uv");
        let place = store.join(self.place_name());
        if store.exists() {
            check_owner(&store)?;
            if let Some(uv) = self.verified(&place) {
                return Ok(uv);
            }
        }
        if offline {
            return Err(ToolError::UvOffline { version, install: self.install.clone() });
        }
        let python = self.python_with_pip()?;
        progress(&format!("fetching uv {version} with pip of {}", python.path.display()));
        self.fetch(&python, &store, &place)
    }

    fn place_name(&self) -> String {
        let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
        format!("{}-{os}-{architecture}", self.version)
    }

    /// The uv in `place`, if the marker, the file and its own answer agree with what is wanted.
    fn verified(&self, place: &Path) -> Option<Uv> {
        let marker = marker(place)?;
        let agrees = self.sha256.is_none_or(|sha256| sha256.eq_ignore_ascii_case(&marker.sha256));
        let uv = ask(self.surroundings, &place.join("uv"), self.root).ok()?;
        (agrees && marker.version == *self.version && uv.version == *self.version).then_some(uv)
    }

    fn python_with_pip(&self) -> Result<Interpreter, ToolError> {
        let vars = self.pip_vars();
        let has_pip = |python: &Interpreter| {
            let query = Query {
                program: &python.path,
                arguments: ["-m", "pip", "--version"].map(OsString::from).to_vec(),
                preamble: 0,
                directory: Path::new("/"),
                vars: &vars,
                limit: Duration::from_secs(30),
            };
            query.ask().is_ok_and(|answer| answer.status.success())
        };
        python::discover(self.surroundings, self.root)
            .into_iter()
            .find(has_pip)
            .ok_or_else(|| ToolError::NoPip { version: self.version.clone() })
    }

    fn fetch(&self, python: &Interpreter, store: &Path, place: &Path) -> Result<Uv, ToolError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(store)
            .map_err(ToolError::io("create", store))?;
        check_owner(store)?;
        sweep(store);
        let work = tempfile::Builder::new()
            .prefix(FETCHING)
            .tempdir_in(store)
            .map_err(ToolError::io("create a directory in", store))?;
        let wheel = self.download(python, work.path())?;
        let fresh = work.path().join("tool");
        self.unpack(&wheel, &fresh)?;
        self.settle(&fresh, place)
    }

    /// Lets pip download the wheel into `work`.
    fn download(&self, python: &Interpreter, work: &Path) -> Result<PathBuf, ToolError> {
        let into = work.join("wheels");
        fs::create_dir(&into).map_err(ToolError::io("create", &into))?;
        let mut arguments: Vec<OsString> = [
            "-m",
            "pip",
            "--no-input",
            "--disable-pip-version-check",
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--progress-bar",
            "off",
            "--dest",
        ]
        .map(OsString::from)
        .to_vec();
        arguments.extend([into.clone().into(), "--".into(), format!("uv=={}", self.version).into()]);
        let vars = self.pip_vars();
        let (limit, preamble, directory) = (Duration::from_mins(15), 0, work);
        // `-m` puts the working directory on Python's path: it must be one nobody else fills.
        let query = Query { program: &python.path, arguments, preamble, directory, vars: &vars, limit };
        let answer = query.ask()?;
        if !answer.status.success() {
            return Err(self.fetch_failed(python, &answer));
        }
        let prefix = format!("uv-{}-", self.version);
        let entries = fs::read_dir(&into).map_err(ToolError::io("read", &into))?;
        let mut wheels = entries.flatten().map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&prefix) && name.ends_with(".whl")
        });
        wheels.next().ok_or_else(|| query.unexpected("no wheel of that version"))
    }

    fn fetch_failed(&self, python: &Interpreter, answer: &Answer) -> ToolError {
        let shown = last_lines(&answer.stderr);
        let python = quoted(&python.path.to_string_lossy());
        let wheel = format!("uv=={}", self.version);
        ToolError::FetchFailed {
            version: self.version.clone(),
            status: answer.status.to_string(),
            stderr: if shown.is_empty() { shown } else { format!(":\n{shown}") },
            line: format!("{python} -m pip download --no-deps --only-binary=:all: {wheel}"),
        }
    }

    /// pip's own settings pass through. Python's do not, and uv's default index wins over pip's.
    fn pip_vars(&self) -> BTreeMap<OsString, OsString> {
        let mut vars = self.surroundings.vars.clone();
        vars.retain(|name, _| {
            let name = name.to_string_lossy();
            !name.starts_with("PYTHON") && name != "VIRTUAL_ENV"
        });
        vars.insert("PATH".into(), self.surroundings.clean_path(self.root));
        // Nothing is installed, so a rule about where to install does not apply.
        vars.insert("PIP_REQUIRE_VIRTUALENV".into(), "0".into());
        if let Some(index) = self.surroundings.var("UV_DEFAULT_INDEX") {
            // By variable and not by `--index-url`: it may hold a password, and any user of the
            // machine can read the arguments of a process.
            let index = index.to_string_lossy();
            vars.insert("PIP_INDEX_URL".into(), index_url(&index).into());
        }
        vars
    }

    /// Checks the wheel and puts its programs and the marker into `fresh`.
    fn unpack(&self, wheel: &Path, fresh: &Path) -> Result<(), ToolError> {
        let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let refuse = |reason: String| ToolError::WheelRefused { wheel: plain(&name), reason: plain(&reason) };
        let sha256 = wheel::sha256(wheel).map_err(ToolError::io("read", wheel))?;
        if let Some(wanted) = self.sha256.filter(|wanted| !wanted.eq_ignore_ascii_case(&sha256)) {
            return Err(refuse(format!("its sha256 is {sha256}, and tasks.kdl wants {wanted}")));
        }
        fs::create_dir(fresh).map_err(ToolError::io("create", fresh))?;
        wheel::unpack(wheel, self.version, fresh).map_err(refuse)?;
        let uv = ask(self.surroundings, &fresh.join("uv"), self.root)
            .map_err(|reason| refuse(format!("the uv in it {reason}")))?;
        if uv.version != *self.version {
            return Err(refuse(format!("the uv in it is {}", uv.version)));
        }
        let program = fresh.join("uv");
        let size = fs::metadata(&program).map_err(ToolError::io("read", &program))?.len();
        let marker = Marker { format: 1, version: uv.version, wheel: name.clone(), sha256, size };
        let text = serde_json::to_vec_pretty(&marker).map_err(|error| refuse(error.to_string()))?;
        let file = fresh.join(MARKER);
        wheel::write_synced(&file, &text).map_err(ToolError::io("write", &file))
    }

    /// Renames the finished directory into place, keeping another's if it was first.
    fn settle(&self, fresh: &Path, place: &Path) -> Result<Uv, ToolError> {
        let uv = Uv { path: place.join("uv"), version: self.version.clone() };
        sync_directory(fresh)?;
        if fs::rename(fresh, place).is_err() {
            // Another run's, or a broken or unwanted one in the way.
            if let Some(uv) = self.verified(place) {
                return Ok(uv);
            }
            let aside = fresh.with_file_name("old");
            fs::rename(place, &aside).map_err(ToolError::io("move aside", place))?;
            match fs::rename(fresh, place) {
                Err(_) if self.verified(place).is_some() => {}
                renamed => renamed.map_err(ToolError::io("rename uv to", place))?,
            }
        }
        sync_directory(place.parent().unwrap_or(place))?;
        Ok(uv)
    }
}

/// uv allows `name=url`; pip wants the URL.
fn index_url(index: &str) -> &str {
    match index.split_once('=') {
        Some((name, url)) if !name.contains([':', '/']) => url,
        _ => index,
    }
}

/// The marker of a whole directory whose program has the recorded size.
fn marker(place: &Path) -> Option<Marker> {
    let marker: Marker = serde_json::from_slice(&fs::read(place.join(MARKER)).ok()?).ok()?;
    let size = fs::metadata(place.join("uv")).ok()?.len();
    (marker.format == 1 && marker.size == size).then_some(marker)
}

/// Programs are run from here, so nobody else may have put them here.
fn check_owner(store: &Path) -> Result<(), ToolError> {
    let found = fs::metadata(store).map_err(ToolError::io("read", store))?;
    let reason = if found.uid() != rustix::process::geteuid().as_raw() {
        "it belongs to another user"
    } else if found.mode() & 0o022 != 0 {
        "other users may write to it"
    } else {
        return Ok(());
    };
    let directory = store.to_path_buf();
    Err(ToolError::UnsafeDirectory { directory, reason: reason.to_owned() })
}

/// Removes what killed runs left: nobody fetches for a day.
fn sweep(store: &Path) {
    for place in subdirectories(store) {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let modified = fs::metadata(&place).and_then(|found| found.modified());
        let age = modified.ok().and_then(|modified| modified.elapsed().ok()).unwrap_or_default();
        if name.starts_with(FETCHING) && age > Duration::from_hours(24) {
            // What cannot be removed costs space only.
            let _ = fs::remove_dir_all(&place);
        }
    }
}

fn sync_directory(directory: &Path) -> Result<(), ToolError> {
    let synced = File::open(directory).and_then(|opened| opened.sync_all());
    synced.map_err(ToolError::io("sync", directory))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::wheel::tests::{WheelFile, build};
    use super::*;
    use crate::tool::testing::Place;
    use crate::tool::uv::{Wanted, find};

    /// The machine without any uv on PATH, whose pip sees only the wheels in `shop`.
    fn shop(place: &Place, script: &str) -> (Surroundings, PathBuf) {
        let shop = place.directory("shop");
        let wheel = shop.join("uv-9.8.7-py3-none-any.whl");
        let files = [WheelFile::new("uv-9.8.7.data/scripts/uv", &format!("#!/bin/sh\n{script}\n"))];
        build(&wheel, "9.8.7", &files);
        let mut surroundings = place.machine();
        for (name, value) in [("PIP_NO_INDEX", "1"), ("PIP_CONFIG_FILE", "/dev/null")] {
            surroundings.vars.insert(name.into(), value.into());
        }
        surroundings.vars.insert("PIP_FIND_LINKS".into(), shop.into());
        (surroundings, wheel)
    }

    fn wanted(sha256: Option<String>) -> Wanted {
        Wanted::Exact { version: Version::new([9, 8, 7]), sha256 }
    }

    fn get(surroundings: &Surroundings, wanted: &Wanted, offline: bool) -> Result<Uv, ToolError> {
        find(surroundings, wanted, Path::new("/nowhere"), offline, &mut |_| {})
    }

    #[test]
    fn a_missing_exact_version_is_fetched_once_and_used_offline_afterwards() {
        let place = Place::new();
        let (surroundings, wheel) = shop(&place, "echo uv 9.8.7");
        let sha256 = wheel::sha256(&wheel).unwrap();
        assert!(matches!(get(&surroundings, &wanted(None), true), Err(ToolError::UvOffline { .. })));
        let mut said = Vec::new();
        let first = find(&surroundings, &wanted(Some(sha256)), Path::new("/nowhere"), false, &mut |s| {
            said.push(s.to_owned());
        });
        let first = first.unwrap();
        assert!(said.len() == 1 && said[0].starts_with("fetching uv 9.8.7 with pip of /"));
        fs::remove_file(wheel).unwrap();
        assert_eq!(get(&surroundings, &wanted(None), true).unwrap(), first);
        let other = wanted(Some("0".repeat(64)));
        assert!(get(&surroundings, &other, true).is_err(), "its wheel was another");
        let any = Wanted::Range(">=9".parse().unwrap());
        assert_eq!(get(&surroundings, &any, true).unwrap(), first);
        let store = surroundings.cache_home().unwrap().join("uv");
        assert_eq!(subdirectories(&store).len(), 1, "something was left over");
    }

    #[test]
    fn another_wheel_than_the_wanted_one_is_refused() {
        let place = Place::new();
        let (surroundings, _) = shop(&place, "echo uv 9.8.7");
        let error = get(&surroundings, &wanted(Some("0".repeat(64))), false).unwrap_err();
        assert!(matches!(error, ToolError::WheelRefused { .. }), "{error}");
        assert!(provisioned(&surroundings).is_empty());
    }

    #[test]
    fn a_wheel_whose_uv_is_of_another_version_is_refused() {
        let place = Place::new();
        let (surroundings, _) = shop(&place, "echo uv 9.8.6");
        let error = get(&surroundings, &wanted(None), false).unwrap_err();
        assert!(error.to_string().contains("the uv in it is 9.8.6"), "{error}");
        assert!(provisioned(&surroundings).is_empty());
    }

    #[test]
    fn a_damaged_program_is_fetched_again() {
        let place = Place::new();
        let (surroundings, _) = shop(&place, "echo uv 9.8.7");
        let uv = get(&surroundings, &wanted(None), false).unwrap();
        fs::write(&uv.path, "#!/bin/sh\necho uv 9.8.7 # and something else\n").unwrap();
        assert!(get(&surroundings, &wanted(None), true).is_err());
        assert_eq!(get(&surroundings, &wanted(None), false).unwrap(), uv);
        assert!(!fs::read_to_string(&uv.path).unwrap().contains("something else"));
    }

    #[test]
    fn two_that_fetch_at_once_both_get_it() {
        let place = Place::new();
        let (surroundings, _) = shop(&place, "echo uv 9.8.7");
        std::thread::scope(|scope| {
            let both = [(); 2].map(|()| scope.spawn(|| get(&surroundings, &wanted(None), false)));
            let [first, second] = both.map(|one| one.join().unwrap().unwrap());
            assert_eq!(first, second);
        });
    }

    #[test]
    fn a_cache_others_may_write_to_is_not_run_from() {
        let place = Place::new();
        let (surroundings, _) = shop(&place, "echo uv 9.8.7");
        get(&surroundings, &wanted(None), false).unwrap();
        let store = surroundings.cache_home().unwrap().join("uv");
        fs::set_permissions(&store, fs::Permissions::from_mode(0o777)).unwrap();
        let error = get(&surroundings, &wanted(None), false).unwrap_err();
        assert!(matches!(error, ToolError::UnsafeDirectory { .. }), "{error}");
        assert!(provisioned(&surroundings).is_empty());
    }

    #[test]
    fn a_version_the_index_lacks_shows_pips_words() {
        let place = Place::new();
        let (surroundings, _) = shop(&place, "echo uv 9.8.7");
        let version = Version::new([9, 9, 9]);
        let error = get(&surroundings, &Wanted::Exact { version, sha256: None }, false).unwrap_err();
        assert!(matches!(error, ToolError::FetchFailed { .. }), "{error}");
        assert!(error.to_string().contains("No matching distribution"), "{error}");
    }

    #[test]
    fn uvs_index_goes_to_pip_without_its_name_and_not_by_argument() {
        assert_eq!(index_url("corp=https://h/simple?a=b"), "https://h/simple?a=b");
        assert_eq!(index_url("https://h/simple?a=b"), "https://h/simple?a=b");
    }
}
