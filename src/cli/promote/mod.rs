//! `promote FROM TO`: the releases that one environment has tested become another one's.
//!
//! For each package the commit that FROM has is looked for among the tags of TO's channel ([`choose`], `ledger::tested`).
//! The pins are spliced into `tasks.kdl`; FROM's lockfile is what TO's begins with, so that third-party versions stay the
//! tested ones (with `--package` TO's own is, so that nothing else moves). Everything is locked, checked and verified in a
//! trial, FROM's lockfile too: what does not suit its manifest was not tested. Then all files are written, or none.

mod choose;
mod error;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use self::choose::{Choice, Promotion};
pub(super) use self::error::CODES;
use self::error::PromoteError;
use self::told::Told;
use super::absorb::{environment, refuse_locked};
use super::call::Call;
use super::diff::Reading;
use super::error::CliError;
use super::load::{self, Stop};
use super::output::Output;
use super::pin::{package, pin_of, pinning, tasks_file};
use super::trial::{self, Passed, Request, Tried};
use super::{exit, state};
use crate::base::{RelPath, SourceFile, printable, read_if_exists};
use crate::cache::FileChange;
use crate::ledger::{self, Build, Progress, Remotes, difference};
use crate::manifest::{NewPin, NewReference, repinned};
use crate::model::{EnvironmentId, Model, PackageId, Sources};
use crate::tool::ToolError;
use crate::tool::git::Git;

/// Carries out the verb. `words` are the two environments.
///
/// # Errors
/// When nothing may be written, a word means nothing, or a package cannot be promoted.
pub(super) fn carry_out(call: &Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    refuse_locked(call, "promote")?;
    let from = environment(call, "promote ", &words[..1])?;
    let lead = format!("promote {} ", call.model.environment(from).name.value);
    let to = pinning(call, &lead, &words[1])?;
    let wrong = |problem: &str| CliError::VerbWords {
        verb: "promote".to_owned(),
        problem: problem.to_owned(),
        usage: "envloom promote FROM TO".to_owned(),
    };
    if from == to {
        return Err(wrong("takes two different environments").into());
    }
    let packages = named(call, to, "--package", &call.arguments.package)?;
    let allowed = named(call, to, "--allow-untested", &call.arguments.allow_untested)?;
    let git = Git::find(&call.process.surroundings, &call.place.home)?;
    state::make(&call.place)?;
    let tell = |progress: Progress<'_>| match progress {
        Progress::Fetching { git } => output.say(&format!("fetching {git}")),
        Progress::Asking { .. } | Progress::Read { .. } => {}
    };
    let remotes = Remotes::new(&git, &call.place.root, call.arguments.offline, &tell);
    let record = load::record(&call.place, &call.model, &call.observer)?;
    let all = || call.model.environment(to).packages.iter().map(|participant| participant.package).collect();
    let state = call.place.state();
    let promotion = Promotion {
        model: &call.model,
        state: &state,
        offline: call.arguments.offline,
        from,
        to,
        packages: if packages.is_empty() { all() } else { packages },
        allowed,
        record: &record,
        remotes: &remotes,
        git: &git,
        progress: &tell,
    };
    let ready = ready(call, &promotion)?;
    if call.arguments.commit && !call.arguments.dry_run {
        let paths: Vec<RelPath> = ready.files.iter().map(|change| change.path.clone()).collect();
        refuse_dirty(call, &git, to, &paths)?;
    }
    tried(call, (from, to), ready, &git, output)
}

/// Tries the promotion, writes it and says so.
fn tried(
    call: &Call<'_>,
    (from, to): (EnvironmentId, EnvironmentId),
    Ready { choices, files }: Ready,
    git: &Git,
    output: &Output,
) -> Result<u8, Stop> {
    let [from_name, to_name] = [from, to].map(|id| call.model.environment(id).name.value.as_str());
    let mut targets = trial::locked_and_verified(&[to_name]);
    targets.push(format!("check:{from_name}"));
    if matches!(call.model.environment(from).sources, Sources::Tags(_)) {
        targets.push(format!("verify:{from_name}"));
    }
    let request = Request { call, files, targets, arguments: call.arguments.clone() };
    let passed = match trial::run(&request, output)? {
        Tried::Passed(passed) => passed,
        Tried::Failed(code) => return Ok(code),
    };
    let third_party = differing(call, (from, to), &passed)?;
    let told = Told { call, from: from_name, to: to_name, choices: &choices, passed: &passed, third_party };
    if !call.arguments.dry_run {
        passed.commit()?;
        if call.arguments.commit && !passed.files.is_empty() {
            committed(call, git, &passed, &told.message())?;
        }
    }
    if output.is_json() {
        return Ok(Output::answer(&told.json()));
    }
    told.lines(output);
    Ok(if passed.files.is_empty() { exit::DONE } else { passed.print() })
}

/// The packages that an option names; each takes part in the environment.
fn named(
    call: &Call<'_>,
    to: EnvironmentId,
    option: &'static str,
    words: &[String],
) -> Result<Vec<PackageId>, CliError> {
    let one = |word: &String| {
        let id = package(&call.model, option, word)?;
        if pin_of(&call.model, to, id).is_some() {
            return Ok(id);
        }
        let environment = &call.model.environment(to).name.value;
        Err(CliError::VerbWords {
            verb: format!("{option} {word}"),
            problem: format!("names a package that takes no part in {environment}"),
            usage: "envloom promote FROM TO".to_owned(),
        })
    };
    words.iter().map(one).collect()
}

/// What the trial begins with.
struct Ready {
    choices: Vec<Choice>,
    files: Vec<FileChange>,
}

/// Chooses the releases, and makes the files that follow from them without uv.
fn ready(call: &Call<'_>, promotion: &Promotion<'_>) -> Result<Ready, Stop> {
    let Promotion { from, to, record, remotes, .. } = *promotion;
    let names = [from, to].map(|id| call.model.environment(id).name.value.as_str());
    let stopped = |findings| PromoteError::new((names[0], names[1]), &call.model.source, findings);
    let choices = promotion.choices()?.map_err(stopped)?;
    let pins: Vec<NewPin> = choices
        .iter()
        .filter(|choice| choice.old != choice.new)
        .map(|choice| NewPin {
            environment: to,
            package: choice.package,
            reference: NewReference::Tag(choice.new.clone()),
        })
        .collect();
    let text = repinned(&call.model, &pins)?;
    let source = SourceFile::new(call.place.file_name.as_str(), text.as_str());
    let model = load::model_of(&call.place.root, &source, &call.observer)?;
    // Both environments' releases: what the former pins named goes only with the next generate.
    let completed = ledger::complete(&model, record.clone(), remotes)?;
    let unmet = choose::unmet(&model, to, &completed, &promotion.packages);
    if !unmet.is_empty() {
        return Err(PromoteError::new((names[0], names[1]), &model.source, unmet).into());
    }
    // With the new releases, so that the trial need not read them once more.
    let record = load::record_change(&call.place, |record| {
        record.releases = completed.releases;
        Ok(())
    })?;
    let mut files = vec![tasks_file(call, text)?, record];
    if call.arguments.package.is_empty() {
        files.extend(seed(call, from, to)?);
    }
    Ok(Ready { choices, files })
}

/// TO's lockfile as it is, and FROM's in its place. uv believes a version that is locked for the same index, and indexes
/// that are directories are written from where the lockfile lies.
fn seed(call: &Call<'_>, from: EnvironmentId, to: EnvironmentId) -> Result<Option<FileChange>, Stop> {
    let (from, to) = (call.model.environment(from), call.model.environment(to));
    let Some(tested) = read_if_exists(&from.lockfile().under(&call.place.root))? else { return Ok(None) };
    let before = read_if_exists(&to.lockfile().under(&call.place.root))?;
    let tested = String::from_utf8_lossy(&tested).into_owned();
    let after = Some(moved(&tested, &from.directory(), &to.directory()).into_bytes());
    Ok(Some(FileChange { path: to.lockfile(), before, after }))
}

/// A lockfile whose relative indexes are written from another directory.
fn moved(lockfile: &str, from: &RelPath, to: &RelPath) -> String {
    const SOURCE: &str = "source = { registry = \"";
    let mut moved = String::with_capacity(lockfile.len());
    let mut rest = lockfile;
    while let Some((before, after)) = rest.split_once(SOURCE) {
        moved.extend([before, SOURCE]);
        let Some(end) = after.find('"') else { return moved + after };
        let (place, behind) = after.split_at(end);
        match from.join(place) {
            Ok(path) if !place.contains("://") => moved.push_str(&path.relative_to(to)),
            _ => moved.push_str(place),
        }
        rest = behind;
    }
    moved + rest
}

/// A third-party package whose locked version is not the one that was tested.
struct Differing {
    package: String,
    tested: Vec<String>,
    locked: Vec<String>,
}

/// What of TO's third-party versions FROM has not locked; with `--package`, what of them has changed.
fn differing(
    call: &Call<'_>,
    (from, to): (EnvironmentId, EnvironmentId),
    passed: &Passed,
) -> Result<Vec<Differing>, Stop> {
    let narrow = !call.arguments.package.is_empty();
    let was = if narrow { to } else { from };
    // Of FROM, and of what is not written, the repository has what counts.
    let found = |path: &RelPath, is_old: bool| -> Result<Option<Vec<u8>>, Stop> {
        match passed.files.iter().find(|change| change.path == *path) {
            Some(change) if is_old => Ok(change.before.clone()),
            Some(change) => Ok(change.after.clone()),
            None => Ok(read_if_exists(&path.under(&call.place.root))?),
        }
    };
    let side = |model: &Model, id: EnvironmentId, is_old: bool| -> Result<Reading, Stop> {
        let environment = model.environment(id);
        let manifest = found(&environment.manifest.value, is_old)?;
        let locked = found(&environment.lockfile(), is_old)?;
        Reading::of_files(model, id, manifest.as_deref(), locked.as_deref())
    };
    let old = side(&call.model, was, true)?;
    let new = side(&passed.model, to, false)?;
    let root = &call.place.root;
    let difference = difference(&new.internal, &old.side(&call.model, root), &new.side(&passed.model, root));
    let mut differing: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for change in difference.third_party() {
        let known: BTreeSet<String> = old.builds(&change.package).iter().map(label).collect();
        let locked = change.to.iter().map(label).filter(|label| !known.contains(label));
        differing.entry(&change.package).or_default().extend(locked);
    }
    differing.retain(|_, locked| !locked.is_empty());
    let one = |(package, locked): (&str, BTreeSet<String>)| {
        let tested: BTreeSet<String> = old.builds(package).iter().map(label).collect();
        let list = |labels: BTreeSet<String>| labels.into_iter().collect();
        Differing { package: package.to_owned(), tested: list(tested), locked: list(locked) }
    };
    Ok(differing.into_iter().map(one).collect())
}

/// A build in one word: what it is tested as.
fn label(build: &Build) -> String {
    match build.release() {
        Some((_, commit)) => format!("{} ({commit})", build.version()),
        None => build.version(),
    }
}

/// What is committed is the promotion alone.
fn refuse_dirty(call: &Call<'_>, git: &Git, to: EnvironmentId, further: &[RelPath]) -> Result<(), Stop> {
    let environment = call.model.environment(to);
    let own = ["pyproject.toml", ".python-version"]
        .into_iter()
        .filter_map(|name| environment.directory().join(name).ok());
    let paths: Vec<RelPath> = own.chain([environment.lockfile()]).chain(further.iter().cloned()).collect();
    if git.is_clean(&call.place.root, &paths)? {
        return Ok(());
    }
    Err(CliError::NotCommitted { verb: "promote --commit" }.into())
}

/// Commits what was written; where that fails everything is as it was.
fn committed(call: &Call<'_>, git: &Git, passed: &Passed, message: &str) -> Result<(), Stop> {
    let paths: Vec<RelPath> = passed.files.iter().map(|change| change.path.clone()).collect();
    let result = git.commit(&call.place.root, &call.process.surroundings, (&paths, message));
    if let Err(failed) = result {
        let undone = passed.files.iter().map(|change| FileChange {
            path: change.path.clone(),
            before: change.after.clone(),
            after: change.before.clone(),
        });
        let kept = trial::commit(&call.place, "promote", &undone.collect::<Vec<_>>(), None).err();
        let said = match &failed {
            // The command line holds the whole message.
            ToolError::Failed(failed) => failed.stderr.trim_start_matches([':', '\n']).lines().last(),
            _ => None,
        };
        let reason = said.map_or_else(|| failed.to_string(), str::to_owned);
        let reason = printable(&reason).into_owned();
        let Some(kept) = kept else { return Err(CliError::CommitFailed { reason }.into()) };
        let files = paths.iter().map(RelPath::as_str).collect::<Vec<_>>().join(" ");
        return Err(CliError::CommitLeft { reason, because: kept.to_string(), files }.into());
    }
    Ok(())
}

/// The name of a package.
fn name(model: &Model, id: PackageId) -> String {
    model.package(id).name.value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_in_the_repository_are_written_from_the_other_directory() {
        let path = |text: &str| RelPath::parse(text).unwrap();
        let text = "source = { registry = \"indexes/cu 124\" }\nsource = { registry = \"https://h/simple\" }\nsource = { editable = \"x\" }\n";
        let there = moved(text, &RelPath::root(), &path("prod"));
        assert_eq!(there, text.replace("indexes/cu 124", "../indexes/cu 124"));
        assert_eq!(moved(&there, &path("prod"), &RelPath::root()), text);
        assert_eq!(moved(&there, &path("staging"), &path("prod")), there);
        assert_eq!(moved("source = { registry = \"", &path("a"), &path("b")), "source = { registry = \"");
    }
}
