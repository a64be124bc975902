//! GNU make around envloom: what `MAKEFLAGS` says, and what a make on `PATH` understands.
//!
//! Comes in: the text of the variable. Goes out: [`MakeFlags`], the options that mean the same to envloom, and the
//! variable's text for children with another jobserver in it.
//!
//! # How the variable is read
//! As make reads it (tried with make 4.3): words between spaces, a backslash takes the next character as it is. The
//! first word may be a cluster of letters without a dash (`kB`); after `--` only variables follow. Letters of make
//! that say nothing to envloom (`w`, `r`, `R`, `e` …), long options other than those below, and variables are left
//! alone: they reach own tasks with the rest of the text, and change nothing here.
//!
//! A jobserver is named by `--jobserver-auth=R,W`, before make 4.2 by `--jobserver-fds=R,W`, since make 4.4 also by
//! `--jobserver-auth=fifo:PATH`. A make before 4.4 that is given a fifo stops at once ("internal error: invalid
//! --jobserver-auth string", tried): so whoever offers one asks [`knows_fifos`] first.
//!
//! It must not know what a task is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::run::Query;
use super::surroundings::Surroundings;

/// The variable.
pub(crate) const MAKEFLAGS: &str = "MAKEFLAGS";

/// Variables by which one make tells the next about itself. Not for uv: what it builds is no part of make's build.
pub(crate) const OF_MAKE: [&str; 3] = [MAKEFLAGS, "MFLAGS", "MAKELEVEL"];

/// What `MAKEFLAGS` says to envloom.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a letter of make, and all combinations are allowed"
)]
pub(crate) struct MakeFlags {
    /// `-k`
    pub(crate) keep_going: bool,
    /// `-n`
    pub(crate) dry_run: bool,
    /// `-B`
    pub(crate) always_make: bool,
    /// `-i`
    pub(crate) ignore_errors: bool,
    /// `-s`
    pub(crate) silent: bool,
    /// `-q`: make asks whether anything would run.
    pub(crate) question: bool,
    /// `-t`
    pub(crate) touch: bool,
    /// `-l`
    pub(crate) load: Option<Limit<f64>>,
    /// `-O`: is output held back until its task's end?
    pub(crate) output_sync: Option<bool>,
    /// `-j`
    pub(crate) jobs: Option<Limit<usize>>,
    /// The jobserver.
    pub(crate) jobserver: Option<Address>,
    /// All letters without a value, for children.
    letters: String,
    /// Every other word that says nothing about jobs, for children.
    others: Vec<String>,
}

/// The value of an option that may stand without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit<T> {
    /// No value: explicitly no limit.
    Absent,
    /// Up to this.
    At(T),
}

impl<T: FromStr> Limit<T> {
    fn read(value: &str) -> Self {
        value.parse().map_or(Self::Absent, Self::At)
    }
}

/// Where a jobserver is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// Inherited file descriptors: one to read tokens from, one to give them back to.
    Descriptors(i32, i32),
    /// A named pipe.
    Fifo(PathBuf),
    /// Something no make before 4.5 writes.
    Unknown(String),
}

impl MakeFlags {
    /// Those of a process; `None`: the variable is not set, or empty.
    pub(crate) fn of(surroundings: &Surroundings) -> Option<Self> {
        let text = surroundings.vars.get(OsStr::new(MAKEFLAGS))?.to_string_lossy();
        (!text.trim().is_empty()).then(|| Self::parse(&text))
    }

    /// Reads the text.
    pub(crate) fn parse(text: &str) -> Self {
        let mut flags = Self::default();
        let mut words = split(text).into_iter().enumerate();
        while let Some((at, word)) = words.next() {
            if word == "--" {
                flags.others.push(word);
                flags.others.extend(words.map(|(_, word)| word));
                break;
            }
            if let Some(option) = word.strip_prefix("--") {
                flags.long(option);
            } else if let Some(letters) = word.strip_prefix('-') {
                flags.cluster(letters);
            } else if at == 0 && !word.contains('=') {
                flags.cluster(&word);
            } else {
                flags.others.push(word);
            }
        }
        flags
    }

    /// A long option.
    fn long(&mut self, option: &str) {
        let (name, value) =
            option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        match name {
            "jobserver-auth" | "jobserver-fds" => self.jobserver = value.map(address),
            "jobs" => self.jobs = Some(Limit::read(value.unwrap_or_default())),
            "load-average" | "max-load" => self.load = Some(Limit::read(value.unwrap_or_default())),
            "output-sync" => self.output_sync = Some(value != Some("none")),
            "keep-going" => self.keep_going = true,
            "just-print" | "dry-run" | "recon" => self.dry_run = true,
            "always-make" => self.always_make = true,
            "ignore-errors" => self.ignore_errors = true,
            "silent" | "quiet" => self.silent = true,
            "question" => self.question = true,
            "touch" => self.touch = true,
            _ => {}
        }
        if !name.starts_with("job") {
            self.others.push(format!("--{option}"));
        }
    }

    /// Letters; one with a value is the last.
    fn cluster(&mut self, letters: &str) {
        for (at, letter) in letters.char_indices() {
            let value = &letters[at + letter.len_utf8()..];
            match letter {
                'k' => self.keep_going = true,
                'n' => self.dry_run = true,
                'B' => self.always_make = true,
                'i' => self.ignore_errors = true,
                't' => self.touch = true,
                's' => self.silent = true,
                'q' => self.question = true,
                'j' => return self.jobs = Some(Limit::read(value)),
                'l' => self.load = Some(Limit::read(value)),
                'O' => self.output_sync = Some(value != "none"),
                _ => {}
            }
            if "CEIOWdflo".contains(letter) {
                return self.others.push(format!("-{}", &letters[at..]));
            }
            self.letters.push(letter);
        }
    }

    /// The letters that are set, for a key: two calls that differ in them are two calls.
    pub(crate) fn key(&self) -> String {
        let Self {
            keep_going, dry_run, always_make, ignore_errors, silent, question, load, output_sync, ..
        } = self;
        format!(
            "{keep_going} {dry_run} {always_make} {ignore_errors} {silent} {question} {load:?} {output_sync:?}"
        )
    }

    /// The text for children that are to use a jobserver of `jobs` slots, or none.
    pub(crate) fn for_children(&self, jobserver: Option<(usize, &Address)>) -> String {
        let jobs = jobserver.map(|(jobs, address)| [format!("-j{jobs}"), address.option()]);
        // Letters come first, without a dash, as make writes them; where there are none stands a space.
        let mut text = self.letters.clone();
        for word in jobs.into_iter().flatten().chain(self.others.iter().map(|word| escaped(word))) {
            text.push(' ');
            text.push_str(&word);
        }
        text
    }
}

impl Address {
    /// As an option of make.
    fn option(&self) -> String {
        match self {
            Self::Descriptors(read, write) => format!("--jobserver-auth={read},{write}"),
            Self::Fifo(path) => format!("--jobserver-auth=fifo:{}", escaped(&path.to_string_lossy())),
            Self::Unknown(text) => format!("--jobserver-auth={}", escaped(text)),
        }
    }
}

fn address(value: &str) -> Address {
    if let Some(path) = value.strip_prefix("fifo:") {
        return Address::Fifo(path.into());
    }
    let numbers =
        value.split_once(',').and_then(|(read, write)| Some((read.parse().ok()?, write.parse().ok()?)));
    numbers
        .map_or_else(|| Address::Unknown(value.to_owned()), |(read, write)| Address::Descriptors(read, write))
}

/// The words of the text; a backslash takes the next character as it is.
fn split(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, words.last_mut()) {
            (' ' | '\t' | '\n', _) => words.push(String::new()),
            ('\\', Some(word)) => word.extend(characters.next()),
            (c, Some(word)) => word.push(c),
            (_, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The other way round.
fn escaped(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    for c in word.chars() {
        if c == '\\' || c.is_whitespace() {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// Does every make that children find take a fifo for a jobserver? True also where there is none.
pub(crate) fn knows_fifos(surroundings: &Surroundings, root: &Path) -> bool {
    surroundings.programs("make", root).first().is_none_or(|make| {
        let vars = surroundings.harmless_vars(root);
        let query = Query {
            program: make,
            arguments: vec!["--version".into()],
            preamble: 0,
            directory: root,
            vars: &vars,
            limit: Duration::from_secs(5),
        };
        query.demand().is_ok_and(|answer| takes_fifos(&String::from_utf8_lossy(&answer)))
    })
}

/// By the first line of `make --version`.
fn takes_fifos(answer: &str) -> bool {
    let version = answer.lines().next().and_then(|line| line.strip_prefix("GNU Make "));
    let mut numbers = version.into_iter().flat_map(|version| version.split('.')).map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (4, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_as_make_writes_them() {
        let flags = MakeFlags::parse("Bkw -j4 -l3.5 -Oline --jobserver-auth=3,4 --trace -- X=1 k");
        assert!(flags.always_make && flags.keep_going && !flags.dry_run);
        assert_eq!(flags.jobs, Some(Limit::At(4)));
        assert_eq!(flags.load, Some(Limit::At(3.5)));
        assert_eq!(flags.output_sync, Some(true));
        assert_eq!(flags.jobserver, Some(Address::Descriptors(3, 4)));
        for (text, keep_going) in [
            ("k", true),
            ("-k", true),
            ("--keep-going", true),
            (" -- k", false),
            ("X=k", false),
            ("-j k", false),
            ("-Ik", false),
            ("-fk", false),
            ("", false),
        ] {
            assert_eq!(MakeFlags::parse(text).keep_going, keep_going, "{text:?}");
        }
        assert_eq!(MakeFlags::parse(" -j --jobserver-fds=5,6").jobs, Some(Limit::Absent));
        assert_eq!(MakeFlags::parse("-Onone").output_sync, Some(false));
        assert_eq!(MakeFlags::parse("-l").load, Some(Limit::Absent));
        assert!(MakeFlags::parse("nisq -j1").question);
    }

    #[test]
    fn a_jobserver_is_a_pair_or_a_fifo() {
        for (value, address) in [
            ("5,6", Address::Descriptors(5, 6)),
            ("-2,-2", Address::Descriptors(-2, -2)),
            (r"fifo:/tmp/a\ b", Address::Fifo("/tmp/a b".into())),
            ("sem:x", Address::Unknown("sem:x".into())),
        ] {
            let flags = MakeFlags::parse(&format!(" -j2 --jobserver-auth={value}"));
            assert_eq!(flags.jobserver.as_ref(), Some(&address));
            let again = MakeFlags::parse(&flags.for_children(Some((2, &address))));
            assert_eq!(again.jobserver, Some(address));
        }
    }

    #[test]
    fn children_keep_all_but_the_jobs() {
        let fifo = Address::Fifo("/r/.envloom/f o".into());
        for (text, with, without) in [
            ("", r" -j3 --jobserver-auth=fifo:/r/.envloom/f\ o", ""),
            ("kw", r"kw -j3 --jobserver-auth=fifo:/r/.envloom/f\ o", "kw"),
            ("kj8", r"k -j3 --jobserver-auth=fifo:/r/.envloom/f\ o", "k"),
            ("-l2 -kB", r"kB -j3 --jobserver-auth=fifo:/r/.envloom/f\ o -l2", "kB -l2"),
            (
                r"k -j8 --jobserver-auth=3,4 --trace -- X=a\ b",
                r"k -j3 --jobserver-auth=fifo:/r/.envloom/f\ o --trace -- X=a\ b",
                r"k --trace -- X=a\ b",
            ),
            (" -j8 -- X=1", r" -j3 --jobserver-auth=fifo:/r/.envloom/f\ o -- X=1", " -- X=1"),
        ] {
            let flags = MakeFlags::parse(text);
            assert_eq!(flags.for_children(Some((3, &fifo))), with);
            assert_eq!(flags.for_children(None), without);
        }
    }

    #[test]
    fn only_a_new_make_takes_a_fifo() {
        for (answer, takes) in [
            ("GNU Make 4.3\nBuilt for x", false),
            ("GNU Make 3.81", false),
            ("GNU Make 4.4", true),
            ("GNU Make 4.4.1\n", true),
            ("GNU Make 4.10", true),
            ("bmake 2024", false),
            ("", false),
        ] {
            assert_eq!(takes_fifos(answer), takes, "{answer}");
        }
    }
}
