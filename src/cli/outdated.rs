//! `outdated`: which pins have a newer tag. It asks the packages' remotes, or with `--offline` goes by what they said
//! before, and writes nothing but that.
//!
//! A pin is outdated where its environment's channel has a newer release, in the order of PEP 440. The newest tag of
//! all, which the channel may not accept, stands beside. Tags that are no versions, or of another form than the
//! package's, are never considered.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::call::Call;
use super::error::CliError;
use super::exit;
use super::load::Stop;
use super::output::Output;
use super::state;
use crate::base::{counted, duration_text, hidden, printable};
use crate::config::Channel;
use crate::graph::{AskDriver, subjects};
use crate::ledger::{Asked, Asking, Freshness, Progress, Tagged, Told, max_age, newest, releases, tags_of};
use crate::model::{Environment, Model, Package, Pin, PinReference, Sources};
use crate::tool::ToolError;
use crate::tool::git::Git;

/// `outdated [ENV…]`: without words every environment whose packages come from tags.
///
/// # Errors
/// When a word names no such environment, there is no git, or a remote does not answer; what the others said has been
/// printed then.
pub(super) fn outdated(call: &Call<'_>, words: &[String], output: &Output) -> Result<u8, Stop> {
    let pinned = pinned(call, words)?;
    state::make(&call.place)?;
    let began = SystemTime::now();
    let asked = ask(call, &pinned, output)?;
    let rows: Vec<Row<'_>> = pinned.iter().map(|pinned| Row::of(pinned, &asked)).collect();
    let newer = rows.iter().filter(|row| row.is_outdated()).count();
    let is_failed = rows.iter().any(|row| matches!(row.told, Some(Told::Failed(_))));
    let printed = if output.is_json() {
        let pins: Vec<Value> = rows.iter().map(Row::json).collect();
        Output::answer(&json!({ "pins": pins, "newer": newer }))
    } else {
        let all = call.arguments.verbose > 0;
        let shown: Vec<&Row<'_>> = rows.iter().filter(|row| all || row.is_outdated()).collect();
        Output::data(&table(&shown))
    };
    summary(&rows, newer, began, output);
    if let Some(unkept) = &asked.unkept {
        output.say(&format!("what the remotes said is not kept: {unkept}"));
    }
    if is_failed && !output.is_json() {
        return Err(silent(asked).into());
    }
    let is_news = call.arguments.exit_code && newer > 0;
    Ok(if is_failed || is_news { exit::FAILED.max(printed) } else { printed })
}

/// A pin and what it pins.
struct Pinned<'m> {
    package: &'m Package,
    environment: &'m Environment,
    channel: Channel,
    pin: &'m Pin,
    remote: &'m str,
}

/// The pins of the environments that the words name.
fn pinned<'m>(call: &'m Call<'_>, words: &[String]) -> Result<Vec<Pinned<'m>>, Stop> {
    let ask = || call.driver();
    let typed = call.cell_words("outdated ", words, AskDriver(&ask));
    let (subjects, _) = subjects(&call.model, call.local.as_ref(), &typed)?;
    if !typed.assignments.is_empty() || subjects.iter().any(|subject| subject.cell.is_some()) {
        let (verb, problem) = ("outdated".to_owned(), "takes names of environments".to_owned());
        return Err(CliError::VerbWords { verb, problem, usage: "envloom outdated [ENV…]".to_owned() }.into());
    }
    let named: BTreeSet<_> = subjects.into_iter().map(|subject| subject.environment).collect();
    let is_frozen = |environment: &Environment| matches!(environment.sources, Sources::Tags(_));
    for environment in named.iter().map(|id| call.model.environment(*id)) {
        if !is_frozen(environment) {
            let frozen = call.model.environments.iter().filter(|environment| is_frozen(environment));
            let frozen: Vec<&str> = frozen.map(|environment| environment.name.value.as_str()).collect();
            let help = match frozen.as_slice() {
                [] => "no environment has `sources \"tags\"`".to_owned(),
                frozen => format!("those that have pins: {}", frozen.join(", ")),
            };
            return Err(CliError::NoPins { environment: environment.name.value.clone(), help }.into());
        }
    }
    let chosen = call.model.environments().filter(|(id, _)| named.is_empty() || named.contains(id));
    Ok(chosen.flat_map(|(_, environment)| pins(&call.model, environment)).collect())
}

/// The pins of one environment, in the order in which packages are declared.
fn pins<'m>(model: &'m Model, environment: &'m Environment) -> Vec<Pinned<'m>> {
    let Sources::Tags(channel) = environment.sources else { return Vec::new() };
    let pinned = environment.packages.iter().filter_map(|participant| {
        let package = model.package(participant.package);
        let remote = package.git.as_ref()?.value.as_str();
        Some(Pinned { package, environment, channel, pin: participant.pin.as_ref()?, remote })
    });
    pinned.collect()
}

/// Asks each remote once.
fn ask(call: &Call<'_>, pinned: &[Pinned<'_>], output: &Output) -> Result<Asked, ToolError> {
    let arguments = call.arguments;
    let freshness = match () {
        () if arguments.offline => Freshness::Offline,
        () if arguments.always_make => Freshness::Since(SystemTime::now()),
        () => Freshness::within(max_age(&call.model, call.local.as_ref())),
    };
    let remotes: BTreeSet<&str> = pinned.iter().map(|pinned| pinned.remote).collect();
    let remotes: Vec<&str> = remotes.into_iter().collect();
    let tell = |progress: Progress<'_>| {
        if let Progress::Asking { git } = progress
            && arguments.verbose > 0
        {
            output.say(&format!("asking {}", hidden(git)));
        }
    };
    let git = || Git::find(&call.process.surroundings, &call.place.root);
    let asking = Asking { state: &call.place.state(), freshness, git: &git, progress: &tell };
    tags_of(&remotes, &asking)
}

/// A pin, and the tags beside it.
struct Row<'a> {
    pinned: &'a Pinned<'a>,
    told: Option<&'a Told>,
    /// The newest that the channel accepts.
    newest: Option<Tagged<'a>>,
    newest_of_all: Option<Tagged<'a>>,
}

impl<'a> Row<'a> {
    fn of(pinned: &'a Pinned<'a>, asked: &'a Asked) -> Self {
        let told = asked.told.get(pinned.remote);
        let of = |channel| match told {
            Some(Told::Known(answer)) => {
                newest(&releases(&answer.tags, &pinned.package.tag_form, channel), pinned.pin)
            }
            _ => None,
        };
        Self { pinned, told, newest: of(Some(pinned.channel)), newest_of_all: of(None) }
    }

    fn is_outdated(&self) -> bool {
        self.newest.as_ref().is_some_and(|newest| newest.version > self.pinned.pin.version)
    }

    /// The columns of the table.
    fn columns(&self) -> [String; 5] {
        let pin = self.pinned.pin;
        let pinned = match &pin.reference {
            PinReference::Tag(tag) => tag.clone(),
            PinReference::Rev(rev) => {
                format!("{} ({})", rev.chars().take(12).collect::<String>(), pin.version)
            }
        };
        let tag = |tagged: &Option<Tagged<'_>>| match (tagged, self.told) {
            (Some(tagged), _) => tagged.tag.to_owned(),
            (None, Some(Told::Known(_))) => "none".to_owned(),
            (None, _) => "unknown".to_owned(),
        };
        let environment = self.pinned.environment.name.value.clone();
        let columns = [
            self.pinned.package.name.value.to_string(),
            environment,
            pinned,
            tag(&self.newest),
            tag(&self.newest_of_all),
        ];
        columns.map(|column| printable(&column).into_owned())
    }

    fn json(&self) -> Value {
        let pin = self.pinned.pin;
        let (tag, rev) = match &pin.reference {
            PinReference::Tag(tag) => (Some(tag), None),
            PinReference::Rev(rev) => (None, Some(rev)),
        };
        let tagged = |tagged: &Option<Tagged<'_>>| {
            let json = |tagged: &Tagged<'_>| json!({ "tag": tagged.tag, "version": tagged.version.to_string(), "commit": tagged.target.peeled.as_str() });
            tagged.as_ref().map(json)
        };
        let (asked, problem) = match self.told {
            Some(Told::Known(answer)) => {
                (answer.asked.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs()), None)
            }
            Some(Told::Failed(error)) => (None, Some(hidden(&error.to_string()))),
            Some(Told::NotAsked) | None => (None, Some("never asked".to_owned())),
        };
        json!({
            "package": self.pinned.package.name.value.to_string(),
            "environment": self.pinned.environment.name.value,
            "channel": match self.pinned.channel { Channel::Dev => "dev", Channel::Stable => "stable" },
            "pinned": { "tag": tag, "rev": rev, "version": pin.version.to_string() },
            "newest": tagged(&self.newest),
            "newest_of_all": tagged(&self.newest_of_all),
            "newer": self.is_outdated(),
            "asked": asked,
            "problem": problem,
        })
    }
}

/// The rows under a head; nothing for none.
fn table(rows: &[&Row<'_>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head = ["package", "environment", "pinned", "newest", "newest of all"].map(str::to_owned);
    let lines: Vec<[String; 5]> = [head].into_iter().chain(rows.iter().map(|row| row.columns())).collect();
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or_default();
    let widths = [0, 1, 2, 3].map(width);
    let mut text = String::new();
    for [package, environment, pinned, newest, of_all] in &lines {
        let [one, two, three, four] = widths;
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "{package:one$}  {environment:two$}  {pinned:three$}  {newest:four$}  {of_all}");
    }
    text
}

/// How many pins have a newer tag, whose remotes are not known, and how old the answers are.
fn summary(rows: &[Row<'_>], newer: usize, began: SystemTime, output: &Output) {
    let known: Vec<SystemTime> = rows
        .iter()
        .filter_map(|row| match row.told {
            Some(Told::Known(answer)) => Some(answer.asked),
            _ => None,
        })
        .collect();
    let pins = counted(known.len(), "pin", "pins");
    output.say(&match (known.len(), newer) {
        (0, _) if rows.is_empty() => "nothing is pinned".to_owned(),
        (0, _) => "no pin could be judged".to_owned(),
        (1, 0) => "the pin is the newest of its channel".to_owned(),
        (_, 0) => format!("all {pins} are the newest of their channels"),
        (_, 1) => format!("1 of {pins} has a newer tag"),
        (_, newer) => format!("{newer} of {pins} have newer tags"),
    });
    let not_asked = rows.iter().filter(|row| matches!(row.told, Some(Told::NotAsked)));
    let unasked: BTreeSet<&str> = not_asked.map(|row| row.pinned.remote).collect();
    for remote in unasked {
        output.say(&format!("{} was never asked, and --offline forbids it", hidden(remote)));
    }
    if let Some(oldest) = known.into_iter().min().filter(|oldest| *oldest < began) {
        let age = began.duration_since(oldest).unwrap_or(Duration::ZERO);
        output.say(&format!("the remotes were asked {} ago; -B asks anew", duration_text(age)));
    }
}

/// What keeps remotes from answering.
fn silent(asked: Asked) -> CliError {
    let failed = asked.told.into_iter().filter_map(|(url, told)| match told {
        Told::Failed(error) => Some((hidden(&url), error)),
        Told::Known(_) | Told::NotAsked => None,
    });
    let (remotes, causes): (Vec<String>, Vec<ToolError>) = failed.unzip();
    CliError::RemoteSilent { remotes: remotes.join(", "), causes }
}
