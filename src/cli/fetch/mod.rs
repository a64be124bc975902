//! `fetch [PACKAGE…]`: submodules that are empty are checked out at the commits that the repository pins.
//!
//! Without words it fetches those in which packages of `tasks.kdl` lie. Where a submodule comes from this clone's
//! settings say, `.gitmodules`, or, where both lack it, `git=` of the package. One that is checked out is left as it is,
//! whatever it holds; nothing that git tracks is written.

mod error;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use self::error::FetchError;
use super::call::Call;
use super::load::Stop;
use super::output::Output;
use super::{exit, state};
use crate::base::{RelPath, brief, hidden, side_by_side, suggest};
use crate::exec::{LOCKS_VARIABLE, LockGuard, Locks};
use crate::model::{Package, normal};
use crate::report::diagnostic_json;
use crate::tool::git::{Git, Module, ObjectId, Standing, Submodule};
use crate::tool::{ToolError, interrupted};

pub(super) use self::error::CODES;

/// A submodule with a gitlink.
struct Pinned<'p> {
    path: RelPath,
    commit: ObjectId,
    declared: &'p Submodule,
    /// The packages that lie in it.
    packages: Vec<&'p Package>,
}

/// What became of one.
enum Outcome {
    /// It was there, at that commit.
    Present(Option<ObjectId>),
    /// It is there now, or would be; from that url.
    Fetched(String),
    Failed(Stop),
}

/// Carries out the verb.
///
/// # Errors
/// When this is no repository of git's, or a word names no submodule. What one submodule fails with is reported, and the
/// others are fetched.
pub(super) fn fetch(call: &Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    let git = Git::find(&call.process.surroundings, &call.place.home)?;
    let root = &call.place.root;
    let top = git.toplevel(root)?.ok_or_else(|| ToolError::NotARepository { directory: root.clone() })?;
    let declared = git.submodules(&top)?;
    let all = pinned(call, &top, &declared);
    let chosen = chosen(call, &top, &all, words)?;
    let _alone = if call.arguments.dry_run { None } else { Some(alone(call, output)?) };
    let work = Work { call, git: &git, top: &top, settings: Mutex::new(()), output };
    let mut outcomes = side_by_side(&chosen, |one| fetched(&work, one));
    if interrupted().is_some()
        && let Some(at) = outcomes.iter().position(|outcome| matches!(outcome, Outcome::Failed(_)))
        && let Outcome::Failed(stop) = outcomes.swap_remove(at)
    {
        // The others failed of the same, or are there.
        return Err(stop);
    }
    let told = Told { call, output, chosen: &chosen, outcomes: &outcomes };
    Ok(if output.is_json() { told.json() } else { told.lines() })
}

/// No other fetch works in this repository until the lock goes.
pub(super) fn alone(call: &Call<'_>, output: &Output) -> Result<LockGuard, Stop> {
    state::make(&call.place)?;
    let locks =
        Locks::new(&call.place.state().join("locks"), call.process.variable(LOCKS_VARIABLE).as_deref())?;
    let names = BTreeSet::from(["submodules".to_owned()]);
    let waiting = || output.say("waiting for another envloom that fetches submodules");
    Ok(locks.hold(&names, call.arguments.no_wait, |_| waiting())?)
}

/// The submodules that have a gitlink, with the packages in them.
fn pinned<'p>(call: &'p Call<'_>, top: &Path, declared: &'p [Submodule]) -> Vec<Pinned<'p>> {
    let of_top = |path: &RelPath| from_top(call, top, path.as_str());
    let one = |submodule: &'p Submodule| {
        let path = RelPath::parse(submodule.path.to_str()?).ok()?;
        let lies_in = |package: &&Package| {
            let place = package.path.as_ref().and_then(|of| of_top(&of.value));
            place.is_some_and(|place| place == path || place.is_in(&path))
        };
        let packages = call.model.packages.iter().filter(lies_in).collect();
        Some(Pinned { path, commit: submodule.commit.clone()?, declared: submodule, packages })
    };
    declared.iter().filter_map(one).collect()
}

/// A path that is seen from the root, from the top of the repository.
fn from_top(call: &Call<'_>, top: &Path, path: &str) -> Option<RelPath> {
    let below = call.place.root.strip_prefix(top).ok()?.to_str()?;
    RelPath::parse(below).ok()?.join(path).ok()
}

/// Those that the words name: packages, or paths of submodules, from where the call is made or from the top.
fn chosen<'c, 'p>(
    call: &Call<'_>,
    top: &Path,
    all: &'c [Pinned<'p>],
    words: &[String],
) -> Result<Vec<&'c Pinned<'p>>, FetchError> {
    if words.is_empty() {
        return Ok(all.iter().filter(|one| !one.packages.is_empty()).collect());
    }
    let mut chosen = BTreeSet::new();
    for word in words {
        let here = call.place.directory.as_ref().and_then(|here| here.join(word).ok());
        let here = here.and_then(|path| from_top(call, top, path.as_str()));
        let named = |one: &Pinned<'_>| {
            here.as_ref() == Some(&one.path)
                || one.path.as_str() == word.trim_end_matches('/')
                || one.packages.iter().any(|package| package.name.value.as_str() == normal(word))
        };
        let Some(at) = all.iter().position(named) else {
            let known: Vec<&str> = all.iter().flat_map(Pinned::names).collect();
            let help = suggest(word, &known);
            return Err(FetchError::NoSubmodule { name: brief(word), help });
        };
        chosen.insert(at);
    }
    Ok(chosen.into_iter().map(|at| &all[at]).collect())
}

/// What fetching one submodule rests on.
struct Work<'w> {
    call: &'w Call<'w>,
    git: &'w Git,
    top: &'w Path,
    /// git's settings have one writer at a time.
    settings: Mutex<()>,
    output: &'w Output,
}

/// Fetches one, if it is empty.
fn fetched(work: &Work<'_>, one: &Pinned<'_>) -> Outcome {
    let Work { call, git, top, settings, output } = work;
    let (path, arguments) = (|| one.path.to_string(), call.arguments);
    let carried_out = || -> Result<Outcome, Stop> {
        match git.standing(top, &one.path)? {
            Standing::CheckedOut(commit) => return Ok(Outcome::Present(commit)),
            Standing::Occupied => return Err(FetchError::InTheWay { path: path() }.into()),
            Standing::Empty => {}
        }
        let url = url(git, top, one)?.ok_or_else(|| FetchError::NoUrl { path: path() })?;
        let module = one.module(top, one.declared.name.as_deref().unwrap_or(one.path.as_str()), &url);
        if arguments.offline && !git.keeps(&module)? {
            return Err(FetchError::Offline { path: path() }.into());
        }
        if !arguments.dry_run {
            output.say(&format!("fetching {} from {}", one.path, hidden(&url)));
            git.check_out(&module)?;
            if one.declared.name.is_some() {
                let _alone = settings.lock().unwrap_or_else(PoisonError::into_inner);
                git.register(&module, &super::add::token(&call.place))?;
            }
        }
        Ok(Outcome::Fetched(url))
    };
    carried_out().unwrap_or_else(Outcome::Failed)
}

/// Where it comes from.
fn url(git: &Git, top: &Path, one: &Pinned<'_>) -> Result<Option<String>, ToolError> {
    if let Some(name) = &one.declared.name
        && let Some(url) = git.module_url(top, name)?
    {
        return Ok(Some(url));
    }
    match &one.declared.url {
        Some(url) if url.starts_with("./") || url.starts_with("../") => {
            let base = git.origin(top)?.unwrap_or_else(|| top.display().to_string());
            Ok(Some(resolved(&base, url)))
        }
        Some(url) => Ok(Some(url.clone())),
        None => {
            let remotes = one.packages.iter().filter_map(|package| package.git.as_ref());
            Ok(remotes.map(|git| git.value.clone()).next())
        }
    }
}

/// A url of `.gitmodules` that is relative to the one that the repository around comes from, as git reads it.
fn resolved(base: &str, relative: &str) -> String {
    let mut base = base.trim_end_matches('/');
    let mut rest = relative;
    let mut sign = '/';
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            let Some(at) = base.rfind(['/', ':']) else { break };
            sign = if base[at..].starts_with(':') { ':' } else { '/' };
            (base, rest) = (&base[..at], after);
        } else {
            break;
        }
    }
    format!("{base}{sign}{rest}")
}

impl Pinned<'_> {
    fn module<'m>(&'m self, top: &'m Path, name: &'m str, url: &'m str) -> Module<'m> {
        Module { top, path: &self.path, name, url, commit: &self.commit }
    }

    /// What it may be called by.
    fn names(&self) -> Vec<&str> {
        let packages = self.packages.iter().map(|package| package.name.value.as_str());
        if self.packages.is_empty() { vec![self.path.as_str()] } else { packages.collect() }
    }
}

/// What is said at the end.
struct Told<'t> {
    call: &'t Call<'t>,
    output: &'t Output,
    chosen: &'t [&'t Pinned<'t>],
    outcomes: &'t [Outcome],
}

impl Told<'_> {
    fn code(&self) -> u8 {
        let failed = self.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed(_)));
        if failed { exit::FAILED } else { exit::DONE }
    }

    fn json(&self) -> u8 {
        let (mut fetched, mut present, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for (one, outcome) in self.chosen.iter().zip(self.outcomes) {
            let names: Vec<&str> = one.packages.iter().map(|package| package.name.value.as_str()).collect();
            let mut about: Value =
                json!({ "path": one.path.as_str(), "packages": names, "pinned": one.commit.as_str() });
            match outcome {
                Outcome::Fetched(url) => {
                    about["url"] = json!(hidden(url));
                    fetched.push(about);
                }
                Outcome::Present(commit) => {
                    about["commit"] = json!(commit.as_ref().map(ObjectId::as_str));
                    present.push(about);
                }
                Outcome::Failed(stop) => {
                    about["error"] = diagnostic_json(stop.as_ref());
                    failed.push(about);
                }
            }
        }
        let written = !self.call.arguments.dry_run && !fetched.is_empty();
        let answer = json!({ "fetched": fetched, "present": present, "failed": failed, "written": written });
        Output::answer(&answer).max(self.code())
    }

    fn lines(&self) -> u8 {
        let (mut fetched, mut present, mut failed) = (0, 0, 0);
        for (one, outcome) in self.chosen.iter().zip(self.outcomes) {
            let pinned = one.commit.short();
            match outcome {
                Outcome::Fetched(url) => {
                    fetched += 1;
                    if self.call.arguments.dry_run {
                        let url = hidden(url);
                        self.output.say(&format!("{} would be fetched at {pinned} from {url}", one.path));
                    }
                }
                Outcome::Present(commit) => {
                    present += 1;
                    if commit.as_ref() != Some(&one.commit) {
                        let at = commit.as_ref().map_or_else(|| "no commit".to_owned(), ObjectId::short);
                        let path = &one.path;
                        self.output
                            .say(&format!("{path} is at {at}, not at the pinned {pinned}: left as it is"));
                    }
                }
                Outcome::Failed(stop) => {
                    failed += 1;
                    self.output.stopped(stop.as_ref(), Some(&self.call.place.root));
                }
            }
        }
        let failed = if failed == 0 { String::new() } else { format!(", failed {failed}") };
        let verb = if self.call.arguments.dry_run { "would fetch" } else { "fetched" };
        self.output.say(&format!("{verb} {fetched}, there already {present}{failed}"));
        self.code()
    }
}

#[cfg(test)]
mod tests {
    use super::resolved;

    #[test]
    fn a_relative_url_is_that_of_a_neighbour() {
        for (base, relative, url) in [
            ("https://h/a/repo.git", "../foo.git", "https://h/a/foo.git"),
            ("https://h/a/repo.git/", "../../b/foo", "https://h/b/foo"),
            ("git@h:repo", "../foo", "git@h:foo"),
            ("git@h:a/repo", "../foo", "git@h:a/foo"),
            ("/srv/repo", "./foo", "/srv/repo/foo"),
        ] {
            assert_eq!(resolved(base, relative), url, "{base} {relative}");
        }
    }
}
