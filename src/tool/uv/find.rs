//! Choosing a uv among those on the machine.

use std::fmt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use pep440_rs::{Version, VersionSpecifiers};
use serde::{Deserialize, Serialize};

use super::provision::{Provision, provisioned};
use crate::tool::address::plain;
use crate::tool::error::ToolError;
use crate::tool::run::Query;
use crate::tool::surroundings::Surroundings;

/// A uv that printed its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Uv {
    /// Absolute.
    pub(crate) path: PathBuf,
    pub(crate) version: Version,
}

/// What `tasks.kdl` says about uv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Nothing: the newest there is.
    Any,
    /// `uv ">=0.11,<0.14"`
    Range(VersionSpecifiers),
    /// `uv "0.13.9"`; fetched if missing. The sha256 (hexadecimal) is that of the wheel and is
    /// compared when it is fetched; a uv found on the machine is trusted as the machine is.
    Exact { version: Version, sha256: Option<String> },
}

/// What the floor is for.
pub(crate) const ADVISORY: &str = "GHSA-w476-p2h3-79g9 (CVE-2025-62518)";

/// The oldest uv that is used: below it a crafted archive unpacks differently than in other tools.
pub(crate) fn floor() -> Version {
    Version::new([0, 9, 5])
}

impl Wanted {
    fn accepts(&self, version: &Version) -> bool {
        match self {
            Self::Any => true,
            Self::Range(range) => range.contains(version),
            Self::Exact { version: exact, .. } => version == exact,
        }
    }

    /// The line that installs a suitable uv.
    pub(super) fn install(&self) -> String {
        let wanted = match self {
            Self::Any => format!(">={}", floor()),
            other => other.to_string().replace(' ', ""),
        };
        format!("python3 -m pip install 'uv{wanted}'")
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("any version"),
            Self::Range(range) => write!(formatter, "{range}"),
            Self::Exact { version, .. } => write!(formatter, "=={version}"),
        }
    }
}

/// Finds or fetches the wanted uv. `root` is the top of the repository, from which no program is
/// taken. `progress` hears about what takes long.
pub(crate) fn find(
    surroundings: &Surroundings,
    wanted: &Wanted,
    root: &Path,
    offline: bool,
    progress: &mut dyn FnMut(&str),
) -> Result<Uv, ToolError> {
    if let Wanted::Exact { version, .. } = wanted {
        check_floor(version, None)?;
    }
    if surroundings.var("ENVLOOM_UV").is_some() {
        return overriding(surroundings, wanted, root);
    }
    let survey = survey(surroundings, &surroundings.programs("uv", root), root);
    if let Some(best) = survey.best(wanted) {
        return Ok(best.clone());
    }
    if let Wanted::Exact { version, sha256 } = wanted {
        let sha256 = sha256.as_deref();
        let provision = Provision { surroundings, version, sha256, root, install: wanted.install() };
        return provision.obtain(offline, progress);
    }
    let fetched = self::survey(surroundings, &provisioned(surroundings), root);
    match fetched.best(wanted) {
        Some(best) => Ok(best.clone()),
        None => Err(survey.no_suitable(wanted)),
    }
}

/// The files and directories the result of [`find`] depends on, for the memo.
pub(crate) fn watched(surroundings: &Surroundings, root: &Path) -> Vec<PathBuf> {
    let mut paths = surroundings.version_homes("uv", &surroundings.path_entries(root));
    paths.extend(surroundings.listed_entries());
    paths.extend(surroundings.program_directories("uv", root));
    paths.extend(surroundings.programs("uv", root));
    paths.extend(surroundings.cache_home().map(|cache| cache.join("uv")));
    paths.extend(provisioned(surroundings));
    paths.extend(surroundings.var("ENVLOOM_UV").map(|path| surroundings.cwd.join(path)));
    paths
}

/// `path` is where it was found; an exact version that is only asked for has none.
fn check_floor(version: &Version, path: Option<&Path>) -> Result<(), ToolError> {
    if *version >= floor() {
        return Ok(());
    }
    let install = Wanted::Any.install();
    let found = match path {
        Some(path) => format!("{version} ({})", plain(&path.to_string_lossy())),
        None => version.to_string(),
    };
    Err(ToolError::UvTooOld { found, floor: floor(), advisory: ADVISORY, install })
}

/// `ENVLOOM_UV` is the user's own word: it may lie anywhere, and it is used or refused, never
/// replaced by another.
fn overriding(surroundings: &Surroundings, wanted: &Wanted, root: &Path) -> Result<Uv, ToolError> {
    let value = surroundings.var("ENVLOOM_UV").unwrap_or_default();
    let path = surroundings.cwd.join(value);
    let refuse = |reason: String| {
        let value = plain(&path.to_string_lossy());
        ToolError::UvOverride { value, reason }
    };
    if !Path::new(&value).is_absolute() {
        // Taken from the directory envloom happens to be called in it could be a program of the repository.
        return Err(refuse("is no absolute path".to_owned()));
    }
    if !path.is_file() {
        return Err(refuse("is not a file".to_owned()));
    }
    let uv = ask(surroundings, &path, root).map_err(refuse)?;
    check_floor(&uv.version, Some(&uv.path))?;
    if wanted.accepts(&uv.version) {
        Ok(uv)
    } else {
        Err(refuse(format!("is uv {}, and {wanted} is wanted", uv.version)))
    }
}

/// The programs called uv and what they turned out to be.
#[derive(Debug, Default)]
struct Survey {
    /// Real ones, best directory first.
    found: Vec<Uv>,
    /// The others, with reasons.
    passed_over: Vec<String>,
}

impl Survey {
    /// The newest that suits; among equals the first.
    fn best(&self, wanted: &Wanted) -> Option<&Uv> {
        let suits = |uv: &&Uv| wanted.accepts(&uv.version) && uv.version >= floor();
        // `max_by` returns the last of equals.
        self.found.iter().rev().filter(suits).max_by(|a, b| a.version.cmp(&b.version))
    }

    fn no_suitable(&self, wanted: &Wanted) -> ToolError {
        let install = wanted.install();
        let Some(newest) = self.found.iter().max_by(|a, b| a.version.cmp(&b.version)) else {
            let over = self.passed_over.join("; ");
            let passed_over = if over.is_empty() { over } else { format!("; passed over: {over}") };
            return ToolError::UvNotFound { passed_over, install };
        };
        if newest.version < floor() && wanted.accepts(&newest.version) {
            let found = format!("{} ({})", newest.version, plain(&newest.path.to_string_lossy()));
            let install = wanted.install();
            return ToolError::UvTooOld { found, floor: floor(), advisory: ADVISORY, install };
        }
        let shown = |uv: &Uv| format!("{} ({})", uv.version, plain(&uv.path.to_string_lossy()));
        let found = self.found.iter().map(shown).collect::<Vec<_>>().join(", ");
        ToolError::UvOutOfRange { wanted: wanted.to_string(), found, install }
    }
}

/// Asks all programs at once.
fn survey(surroundings: &Surroundings, programs: &[PathBuf], root: &Path) -> Survey {
    let mut survey = Survey::default();
    thread::scope(|scope| {
        let start = |program| scope.spawn(move || ask(surroundings, program, root));
        let asked: Vec<_> = programs.iter().map(|program| (program, start(program))).collect();
        for (program, answer) in asked {
            let failed = || Err("could not be asked".to_owned());
            match answer.join().unwrap_or_else(|_| failed()) {
                Ok(uv) => survey.found.push(uv),
                Err(reason) => {
                    let shown = plain(&program.to_string_lossy());
                    survey.passed_over.push(format!("{shown} {reason}"));
                }
            }
        }
    });
    survey
}

/// Asks one program for its version; the error says what it is instead of a uv.
pub(super) fn ask(surroundings: &Surroundings, path: &Path, root: &Path) -> Result<Uv, String> {
    let vars = surroundings.harmless_vars(root);
    let query = Query {
        program: path,
        arguments: vec!["--version".into()],
        preamble: 0,
        directory: Path::new("/"),
        vars: &vars,
        limit: Duration::from_secs(20),
    };
    let answer = query.ask().map_err(|error| format!("cannot be used: {error}"))?;
    if !answer.status.success() {
        return Err(format!("is not a working uv: `uv --version` ended with {}", answer.status));
    }
    let text = String::from_utf8_lossy(&answer.stdout);
    let Some(version) = parse_version(&text) else {
        let first = plain(text.lines().next().unwrap_or_default());
        return Err(format!("is another program: it printed `{first}`"));
    };
    Ok(Uv { path: path.to_path_buf(), version })
}

/// `uv 0.13.9`, `uv 0.13.9 (a1b2c3d 2026-10-01)`; one line, nothing else.
fn parse_version(text: &str) -> Option<Version> {
    let rest = text.trim_end().strip_prefix("uv ")?;
    let (version, build) = rest.split_once(' ').unwrap_or((rest, "()"));
    let whole = build.starts_with('(') && build.ends_with(')') && !text.trim_end().contains('\n');
    whole.then(|| version.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::{Place, executable};

    fn range(text: &str) -> Wanted {
        Wanted::Range(text.parse().unwrap())
    }

    fn exact(text: &str) -> Wanted {
        Wanted::Exact { version: text.parse().unwrap(), sha256: None }
    }

    /// A directory with a program `uv` that prints this.
    fn fake(place: &Place, name: &str, printed: &str) -> PathBuf {
        let directory = place.directory(name);
        executable(&directory.join("uv"), &format!("echo '{printed}'"));
        directory
    }

    fn find_here(surroundings: &Surroundings, wanted: &Wanted) -> Result<Uv, ToolError> {
        find(surroundings, wanted, &surroundings.cwd.join("repo"), true, &mut |_| {})
    }

    #[test]
    fn the_newest_in_range_is_taken_and_a_wrong_program_passed_over() {
        let place = Place::new();
        let wrong = fake(&place, "wrong", "universal viewer 3.0");
        let old = fake(&place, "old", "uv 0.11.2 (abc 2026-01-01)");
        let new = fake(&place, "new", "uv 0.13.9 (x86_64-unknown-linux-gnu)");
        let surroundings = place.surroundings(&[&wrong, &old, &new]);
        for (wanted, version, directory) in [
            (Wanted::Any, "0.13.9", &new),
            (range(">=0.11,<0.12"), "0.11.2", &old),
            (exact("0.11.2"), "0.11.2", &old),
        ] {
            let uv = find_here(&surroundings, &wanted).unwrap();
            assert_eq!((uv.version.to_string().as_str(), uv.path), (version, directory.join("uv")));
        }
    }

    #[test]
    fn nothing_suitable_says_what_was_seen_and_what_to_type() {
        let place = Place::new();
        let wrong = fake(&place, "wrong", "universal viewer 3.0");
        let error = find_here(&place.surroundings(&[&wrong]), &Wanted::Any).unwrap_err();
        assert!(error.to_string().contains("universal viewer 3.0"), "{error}");
        let there = fake(&place, "there", "uv 0.13.9");
        let surroundings = place.surroundings(&[&there]);
        let error = find_here(&surroundings, &range(">=0.14")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("no uv here is >=0.14: found 0.13.9 ({})", there.join("uv").display())
        );
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert!(help.contains("python3 -m pip install 'uv>=0.14'"), "{help}");
        let error = find_here(&surroundings, &exact("0.12.0")).unwrap_err();
        assert!(matches!(error, ToolError::UvOffline { .. }), "{error}");
    }

    #[test]
    fn a_uv_below_the_floor_is_refused_with_the_advisory() {
        let place = Place::new();
        let old = fake(&place, "old", "uv 0.9.4");
        let surroundings = place.surroundings(&[&old]);
        for wanted in [Wanted::Any, range("<0.10"), exact("0.9.4")] {
            let error = find_here(&surroundings, &wanted).unwrap_err();
            assert!(matches!(error, ToolError::UvTooOld { .. }), "{wanted}: {error}");
            assert!(error.to_string().contains("GHSA-w476-p2h3-79g9"));
        }
    }

    #[test]
    fn the_variable_wins_and_is_never_silently_replaced() {
        let place = Place::new();
        let (chosen, other) = (fake(&place, "c", "uv 0.11.2"), fake(&place, "o", "uv 0.13.9"));
        let mut surroundings = place.surroundings(&[&other]);
        surroundings.vars.insert("ENVLOOM_UV".into(), "c/uv".into());
        let error = find_here(&surroundings, &Wanted::Any).unwrap_err();
        assert!(error.to_string().contains("is no absolute path"), "{error}");
        surroundings.vars.insert("ENVLOOM_UV".into(), chosen.join("uv").into());
        let uv = find_here(&surroundings, &Wanted::Any).unwrap();
        assert_eq!(uv.path, chosen.join("uv"));
        let error = find_here(&surroundings, &range(">=0.13")).unwrap_err();
        assert!(matches!(error, ToolError::UvOverride { .. }), "{error}");
        surroundings.vars.insert("ENVLOOM_UV".into(), "missing".into());
        assert!(find_here(&surroundings, &Wanted::Any).is_err());
    }

    #[test]
    fn nothing_of_the_repository_is_run() {
        let place = Place::new();
        let repository = place.directory("repo");
        executable(&repository.join("uv"), "touch \"$0.canary\"; echo uv 0.13.9");
        let mut surroundings = place.surroundings(&[Path::new("."), Path::new(""), &repository]);
        surroundings.cwd.clone_from(&repository);
        let found = find(&surroundings, &Wanted::Any, &repository, true, &mut |_| {});
        assert!(matches!(found, Err(ToolError::UvNotFound { .. })));
        assert!(!repository.join("uv.canary").exists());
    }

    #[test]
    fn only_uvs_own_version_line_parses() {
        assert_eq!(parse_version("uv 0.13.9\n"), Some(Version::new([0, 13, 9])));
        for text in ["uv", "uv x", "uvx 0.13.9", "uv 0.13.9 beta", "uv 0.13.9\nmore\n", ""] {
            assert_eq!(parse_version(text), None, "{text:?}");
        }
    }
}
