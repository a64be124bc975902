//! What a promotion has done, for a reader, a program and the log of git.

use serde_json::{Value, json};

use super::choose::Choice;
use super::{Differing, name};
use crate::base::{counted, printable};
use crate::cli::call::Call;
use crate::cli::output::Output;
use crate::cli::trial::Passed;

/// A promotion that passed its trial.
pub(super) struct Told<'t> {
    pub(super) call: &'t Call<'t>,
    pub(super) from: &'t str,
    pub(super) to: &'t str,
    pub(super) choices: &'t [Choice],
    pub(super) passed: &'t Passed,
    /// Third-party versions that were not tested.
    pub(super) third_party: Vec<Differing>,
}

impl Told<'_> {
    fn moved(&self) -> impl Iterator<Item = &Choice> {
        self.choices.iter().filter(|choice| choice.old != choice.new)
    }

    fn name(&self, choice: &Choice) -> String {
        name(&self.call.model, choice.package)
    }

    pub(super) fn json(&self) -> Value {
        let one = |choice: &Choice| json!({ "package": self.name(choice), "old": choice.old, "new": choice.new, "tested": choice.tested, "untested": !choice.is_tested });
        let third_party = self
            .third_party
            .iter()
            .map(|one| json!({ "package": one.package, "tested": one.tested, "locked": one.locked }));
        let mut answer = self.passed.json(self.call);
        answer["from"] = json!(self.from);
        answer["to"] = json!(self.to);
        answer["promoted"] = self.moved().map(one).collect();
        answer["third_party"] = third_party.collect();
        answer["committed"] = json!(self.is_committed());
        answer
    }

    pub(super) fn lines(&self, output: &Output) {
        let (from, to) = (self.from, self.to);
        if self.passed.files.is_empty() {
            return output.say(&format!("{to} has all that {from} has tested: nothing changes"));
        }
        let would = if self.call.arguments.dry_run { "would have" } else { "has" };
        output.say(&format!("{to} {would} what {from} has tested:"));
        for choice in self.choices {
            output.say(&format!("  {}", self.line(choice)));
        }
        for line in self.versions() {
            output.say(&line);
        }
        let verb = match (self.call.arguments.dry_run, self.is_committed()) {
            (true, _) => "would write",
            (_, true) => "wrote and committed",
            _ => "wrote",
        };
        output.say(&format!("{verb} {}", self.passed.paths()));
    }

    /// One package and how it comes to its release.
    fn line(&self, choice: &Choice) -> String {
        let moved = if choice.old == choice.new {
            format!("stays {}", choice.new)
        } else {
            format!("{} -> {}", choice.old, choice.new)
        };
        let how = if choice.is_tested { "tested as" } else { "NOT TESTED, allowed; tested was" };
        format!("{} {moved} ({how} {})", self.name(choice), choice.tested)
    }

    /// What is to be said of third-party versions.
    fn versions(&self) -> Vec<String> {
        let narrow = !self.call.arguments.package.is_empty();
        if self.third_party.is_empty() {
            return vec![if narrow {
                "no third-party version changes".to_owned()
            } else {
                format!("every third-party version is the one that {} has locked", self.from)
            }];
        }
        let count = counted(self.third_party.len(), "third-party version", "third-party versions");
        let head = if narrow {
            format!("{count} changed:")
        } else {
            format!("{count} that {} has not locked:", self.from)
        };
        let line = |one: &Differing| {
            let tested = if one.tested.is_empty() { "none".to_owned() } else { one.tested.join(", ") };
            printable(&format!("  {} {tested} -> {}", one.package, one.locked.join(", "))).into_owned()
        };
        std::iter::once(head).chain(self.third_party.iter().map(line)).collect()
    }

    /// The message of the commit.
    pub(super) fn message(&self) -> String {
        let moved: Vec<&Choice> = self.moved().collect();
        let short: Vec<String> =
            moved.iter().map(|choice| format!("{} {}", self.name(choice), choice.new)).collect();
        let what = match short.len() {
            0 => "versions of the lockfile".to_owned(),
            1..=3 => short.join(", "),
            more => format!("{more} packages"),
        };
        let lines = moved.iter().map(|choice| self.line(choice)).chain(self.versions());
        let body: String = lines.flat_map(|line| [line, "\n".to_owned()]).collect();
        format!("Promote {} to {}: {what}\n\n{body}", self.from, self.to)
    }

    fn is_committed(&self) -> bool {
        let arguments = &self.call.arguments;
        arguments.commit && !arguments.dry_run && !self.passed.files.is_empty()
    }
}
