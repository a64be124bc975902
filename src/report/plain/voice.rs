//! Who of the running tasks may print: whose lines are shown at once, whose are held, and whose they are said to be.

use super::super::held::{Held, Taken};
use super::super::outlet::Outlet;
use super::super::text::program_line;
use super::super::{github, lines};
use super::Narrator;

/// What a running task may print.
#[derive(Debug)]
pub(super) struct Voice {
    own: bool,
    /// Is its output shown although it succeeds?
    pub(super) voiced: bool,
    command: Option<String>,
    introduced: bool,
    pub(super) held: Held,
}

impl Narrator {
    /// A task begins; its command is shown once it has the word.
    pub(super) fn started(&mut self, task: &str, own: bool, command: Option<&str>) {
        self.open();
        let voice = Voice {
            own,
            voiced: own || self.verbose(),
            command: command
                .filter(|_| !self.options.silent && !self.options.trace && !self.quiet())
                .map(str::to_owned),
            introduced: false,
            held: Held::default(),
        };
        let speaks = voice.voiced && voice.command.is_some() && !self.options.held_back;
        self.voices.insert(task.to_owned(), voice);
        if speaks && self.sole_voice() == Some(task) {
            self.introduce(task);
        }
    }

    /// The voiced task, if it is the only one.
    pub(super) fn sole_voice(&self) -> Option<&str> {
        let mut voiced = self.voices.iter().filter(|(_, voice)| voice.voiced);
        let (task, _) = voiced.next()?;
        voiced.next().is_none().then_some(task)
    }

    /// A line that a task printed: shown at once where it is the only one that may print, else held.
    pub(super) fn output(&mut self, task: &str, line: &str) {
        let alone = self.sole_voice() == Some(task) && !self.options.held_back;
        let Some(voice) = self.voices.get_mut(task) else { return };
        voice.held.push(line);
        if alone {
            self.release(task);
        }
    }

    /// Prints what is held for a task.
    pub(super) fn release(&mut self, task: &str) {
        let Some(voice) = self.voices.get_mut(task) else { return };
        let Taken { head, missing, tail } = voice.held.take();
        let own = voice.own;
        if head.is_empty() && (voice.introduced || voice.command.is_none()) {
            return;
        }
        self.introduce(task);
        for line in &head {
            self.print(own, line);
        }
        if missing > 0 {
            self.page.note(&lines::gap(self.options.style, missing));
        }
        for line in &tail {
            self.print(own, line);
        }
    }

    fn print(&mut self, own: bool, line: &str) {
        if own {
            self.page.data(&program_line(line, self.options.color_stdout));
        } else {
            // An empty line is a line, too.
            self.page.note(&(program_line(line, self.options.style.color) + "\n"));
        }
    }

    /// Says whose lines follow, unless the reader knows.
    pub(super) fn introduce(&mut self, task: &str) {
        let quiet = self.quiet();
        let Some(voice) = self.voices.get_mut(task) else { return };
        let command = if voice.introduced { None } else { voice.command.as_deref() };
        voice.introduced = true;
        if self.speaker.as_deref() == Some(task) {
            return;
        }
        let outlet = if voice.own { Outlet::Out } else { Outlet::Err };
        let told = command.is_some() || (self.progress.selected > 1 && !quiet);
        // Standard output that someone asked to have as it is holds no groups.
        if told && self.options.github && !self.options.silent {
            let title = command.map_or_else(|| task.to_owned(), |command| format!("{task}: {command}"));
            self.close_group();
            self.page.command(outlet, &github::group(&title));
            self.group = Some(outlet);
        } else if told {
            self.page.note(&lines::speaker(self.options.style, task, command));
        }
        self.speaker = Some(task.to_owned());
    }

    /// What is no task's own must not be folded away with its lines. The next of them open a group anew.
    pub(super) fn close_group(&mut self) {
        if let Some(outlet) = self.group.take() {
            self.page.command(outlet, github::END_OF_GROUP);
            self.speaker = None;
        }
    }
}
