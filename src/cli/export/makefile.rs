//! Rules -> a fragment of a Makefile.
//!
//! A task with a verdict has a stamp in `.envloom/make`, made when envloom has succeeded; the files that the verdict
//! rests on are its prerequisites, so that make asks envloom only when one of them is newer. A task that always runs,
//! or that rests on a file which make cannot name, is phony.
//!
//! - A prerequisite that is there is named as it is, with an empty rule: when it is gone, make takes it for new instead
//!   of stopping, and a rule of the Makefile's that makes it counts. One that is not there, and one outside of the
//!   repository, which another machine may not have, is looked for (`wildcard`).
//! - Prerequisites stand in a variable: written into the rule, `a=b` would be an assignment (tried, make 4.3).
//! - make has no way to name a file with `;`, `|`, a backslash or a line break, and gives back what it has looked for
//!   without the backslash that a space or a colon needs (tried).
//! - `%` in a target is a pattern, and in a prerequisite it is none (tried): as a target it has a backslash.
//! - The recipe begins with `+`, so that envloom shares make's slots, and under `make -n` says what it would do.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::base::Digest;
use crate::tool::run::quoted;

/// A target that is always new.
const ASK: &str = "envloom_ask";

/// A whole fragment.
#[derive(Debug, Default)]
pub(super) struct Fragment {
    /// The words that made it.
    pub(super) command: String,
    /// Options that each call needs.
    pub(super) options: Vec<String>,
    /// `VAR=VALUE` words that each call needs.
    pub(super) assignments: Vec<String>,
    /// Where stamps lie.
    pub(super) state: PathBuf,
    /// A rule a task.
    pub(super) rules: Vec<Rule>,
    /// Targets that mean several tasks.
    pub(super) groups: Vec<(String, Vec<String>)>,
}

/// What make is to know of a task.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its name, as a user would type it.
    pub(super) id: String,
    /// Does it run whatever its inputs are?
    pub(super) always: bool,
    /// What its decision rests on.
    pub(super) inputs: Vec<Input>,
}

/// A path that a decision rests on.
#[derive(Debug)]
pub(super) struct Input {
    /// As make is to name it: relative to the Makefile's directory, absolute outside of the repository.
    pub(super) path: PathBuf,
    /// Is there anything now?
    pub(super) is_there: bool,
}

impl Fragment {
    /// The text.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "# Made by `envloom {}` for a Makefile in the same directory, to be included there. Make it\n\
             # again when tasks.kdl or the set of files changes. Variables of the environment are no files: after a\n\
             # change of one that counts, call envloom itself.\n\
             ENVLOOM ?= envloom\n\
             envloom_goal := $(.DEFAULT_GOAL)\n\
             .PHONY: {ASK}\n\
             {ASK}:\n",
            self.command
        );
        for (at, rule) in self.rules.iter().enumerate() {
            self.rule(&mut text, at + 1, rule);
        }
        for (target, ids) in &self.groups {
            let ids: Vec<String> = ids.iter().map(|id| name(id)).collect();
            // Writing to a String cannot fail, here and below.
            let _ =
                write!(text, "\n.PHONY: {}\n{}: {}\n", name(target), as_target(&name(target)), ids.join(" "));
        }
        text.push_str(
            "\n# What the Makefile makes by default stays what it was.\n.DEFAULT_GOAL := $(envloom_goal)\n",
        );
        text
    }

    fn rule(&self, text: &mut String, number: usize, rule: &Rule) {
        let words: Vec<Option<String>> = rule.inputs.iter().map(Input::word).collect();
        let nameless = words.iter().any(Option::is_none);
        let phony = name(&rule.id);
        let target = as_target(&phony);
        let variable = format!("envloom_{number}");
        let words: Vec<String> = words.into_iter().flatten().collect();
        let has_pattern = words.iter().any(|word| word.contains('%'));
        let _ = writeln!(text, "\n{variable} := {}", words.join(" \\\n    "));
        let call: Vec<String> = self
            .options
            .iter()
            .cloned()
            .chain(std::iter::once(&rule.id).chain(&self.assignments).map(|word| quoted(word)))
            .collect();
        let recipe = format!("\t+$(ENVLOOM) {}", call.join(" ").replace('$', "$$"));
        if rule.always || nameless {
            let _ = write!(text, ".PHONY: {phony}\n{target}: $({variable})\n{recipe}\n");
        } else {
            let stamp = name(&self.stamp(&rule.id).to_string_lossy());
            let made = as_target(&stamp);
            let _ = write!(
                text,
                ".PHONY: {phony}\n{target}: {stamp}\n{made}: $({variable})\n{recipe}\n\
                 \t@mkdir -p \"$(@D)\" && touch \"$@\"\n"
            );
        }
        let _ = if has_pattern {
            writeln!(text, "$(subst %,\\%,$({variable})):")
        } else {
            writeln!(text, "$({variable}):")
        };
    }

    /// The stamp of a task: ids hold characters that file names should not.
    fn stamp(&self, id: &str) -> PathBuf {
        let plain: String = id
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
            .collect();
        if plain == id {
            return self.state.join(plain);
        }
        self.state.join(format!("{plain}-{}", Digest::of(id.as_bytes()).short()))
    }
}

impl Input {
    /// As a word of a variable; `None`: make cannot name it.
    fn word(&self) -> Option<String> {
        let path = self.path.to_str().filter(|path| !path.chars().any(char::is_control))?;
        let hard = |c: char| "\\;|".contains(c);
        if self.is_there && !self.path.is_absolute() {
            return (!path.contains(hard)).then(|| name(path));
        }
        if !path.contains(|c| hard(c) || " :()".contains(c)) {
            return Some(format!("$(wildcard {})", name(path)));
        }
        // What is found could not be named: envloom is asked each time then.
        let pattern = path.chars().map(|c| if hard(c) || " :()".contains(c) { '?' } else { c });
        let pattern = name(&pattern.collect::<String>()).replace("\\?", "?");
        Some(format!("$(if $(wildcard {pattern}),{ASK})"))
    }
}

/// A name in a rule, or in the value of a variable that a rule uses.
fn name(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.starts_with('~') {
        out.push_str("./");
    }
    for c in text.chars() {
        match c {
            '$' => out.push('$'),
            ' ' | '#' | ':' | '*' | '?' | '[' => out.push('\\'),
            _ => {}
        }
        out.push(c);
    }
    out
}

/// A [`name`] where it is a target.
fn as_target(name: &str) -> String {
    name.replace('%', "\\%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(path: &str, is_there: bool) -> Input {
        Input { path: path.into(), is_there }
    }

    #[test]
    fn a_rule_for_each_kind_of_task() {
        let fragment = Fragment {
            command: "export make check gen".to_owned(),
            options: vec!["-f t.kdl".to_owned()],
            assignments: vec!["K=a $b".to_owned()],
            state: "../.envloom/make".into(),
            rules: vec![
                Rule {
                    id: "check:dev".to_owned(),
                    always: false,
                    inputs: vec![
                        input("../a b#c=d", true),
                        input("../uv.toml", false),
                        input("/usr/bin", true),
                    ],
                },
                Rule { id: "gen".to_owned(), always: true, inputs: vec![input("x", true)] },
                Rule {
                    id: "odd".to_owned(),
                    always: false,
                    inputs: vec![input("a;b", true), input("no such", false)],
                },
            ],
            groups: vec![("check".to_owned(), vec!["check:dev".to_owned()])],
        };
        insta::assert_snapshot!(fragment.text(), @r#"
    # Made by `envloom export make check gen` for a Makefile in the same directory, to be included there. Make it
    # again when tasks.kdl or the set of files changes. Variables of the environment are no files: after a
    # change of one that counts, call envloom itself.
    ENVLOOM ?= envloom
    envloom_goal := $(.DEFAULT_GOAL)
    .PHONY: envloom_ask
    envloom_ask:

    envloom_1 := ../a\ b\#c=d \
        $(wildcard ../uv.toml) \
        $(wildcard /usr/bin)
    .PHONY: check\:dev
    check\:dev: ../.envloom/make/check-dev-92426d626500
    ../.envloom/make/check-dev-92426d626500: $(envloom_1)
    	+$(ENVLOOM) -f t.kdl check:dev 'K=a $$b'
    	@mkdir -p "$(@D)" && touch "$@"
    $(envloom_1):

    envloom_2 := x
    .PHONY: gen
    gen: $(envloom_2)
    	+$(ENVLOOM) -f t.kdl gen 'K=a $$b'
    $(envloom_2):

    envloom_3 := $(if $(wildcard no?such),envloom_ask)
    .PHONY: odd
    odd: $(envloom_3)
    	+$(ENVLOOM) -f t.kdl odd 'K=a $$b'
    $(envloom_3):

    .PHONY: check
    check: check\:dev

    # What the Makefile makes by default stays what it was.
    .DEFAULT_GOAL := $(envloom_goal)
    "#);
    }

    #[test]
    fn a_percent_is_no_pattern() {
        let inputs = vec![input("100%.txt", true), input("/a%b/c", true)];
        let fragment = Fragment {
            state: "/r%s/.envloom/make".into(),
            rules: vec![Rule { id: "gen".to_owned(), always: false, inputs }],
            ..Fragment::default()
        };
        let text = fragment.text();
        let rule = text.split_once("\n\n").unwrap().1.split_once("\n\n").unwrap().0;
        insta::assert_snapshot!(rule, @r#"
        envloom_1 := 100%.txt \
            $(wildcard /a%b/c)
        .PHONY: gen
        gen: /r%s/.envloom/make/gen
        /r\%s/.envloom/make/gen: $(envloom_1)
        	+$(ENVLOOM) gen
        	@mkdir -p "$(@D)" && touch "$@"
        $(subst %,\%,$(envloom_1)):
        "#);
    }

    #[test]
    fn two_tasks_never_share_a_stamp() {
        let fragment = Fragment::default();
        assert_ne!(fragment.stamp("a:b"), fragment.stamp("a@b"));
        assert_eq!(fragment.stamp("a-b"), PathBuf::from("a-b"));
    }
}
