//! Which files of the repository patterns mean.
//!
//! In: the root, patterns. Out: the paths of files and links that match, sorted. Everything that is listed or read on
//! the way is noted with the [`Observer`], so that a new file is seen by whoever rests on the answer.
//!
//! # What counts
//! - What git ignores does not: `.gitignore` in each directory, `.git/info/exclude`, the user's `core.excludesFile`.
//!   That a file is tracked all the same is not looked at: the index changes with every `git add`, and whoever rested on
//!   it would decide anew each time. Name such a file without a wildcard.
//! - A path without wildcard counts even where git ignores it; if it is an ignored directory, everything below it.
//! - `.venv`, `__pycache__` and `node_modules` are never entered unless a path without wildcard leads into them; `.git`
//!   and `.envloom` not even then.
//! - Submodules and other repositories within the root are entered: their own rules hold in there, and ours do not.
//! - Links count as files; a link to a directory is not entered. Pipes, sockets and devices do not count.
//!
//! # Cost
//! Each directory is listed once for all tasks of a run, and only if one of their patterns can mean something below it.
//! Equal lists of patterns are answered once.

use std::collections::BTreeMap;
use std::fs::{self, FileType};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

mod rules;
#[cfg(test)]
mod tests;

use rules::{Reader, Rules, is_ignored};

use super::observe::Observer;
use crate::base::{FileError, Patterns, RelPath};

/// Directories that hold what tools have made, never what people have written.
const MADE: [&str; 3] = [".venv", "__pycache__", "node_modules"];

/// The files of one repository, listed as they are asked for. Shared by the threads that decide.
#[derive(Debug)]
pub(crate) struct Walk {
    root: PathBuf,
    /// The user's own file of rules for git.
    user: Option<PathBuf>,
    reader: Reader,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// By path, and whether git's rules hold there: what is ignored has none of its own.
    directories: BTreeMap<(RelPath, bool), Arc<Listed>>,
    answers: BTreeMap<Patterns, Arc<[RelPath]>>,
    /// How often something was forgotten: what was looked at before that is not remembered after it.
    forgotten: u64,
}

/// A directory.
#[derive(Debug)]
struct Listed {
    entries: Vec<Entry>,
    rules: Rules,
}

/// What is in it.
#[derive(Debug)]
struct Entry {
    name: String,
    /// `None`: a name that no path may have.
    path: Option<RelPath>,
    kind: Kind,
    is_ignored: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Link,
    Directory,
}

/// How the walk stands to what is in a directory.
#[derive(Debug, Clone)]
enum Stance {
    /// git's rules say what counts; these hold in the directory above.
    Ruled(Rules),
    /// Ignored: only what leads to a literal counts.
    Hidden,
    /// Ignored, and named: all of it counts.
    Named,
}

impl Walk {
    /// A walk of the repository at `root`. `user` is what `core.excludesFile` names: see
    /// [`Git::excludes_file`](crate::tool::git::Git::excludes_file).
    #[must_use]
    pub(crate) fn new(root: impl Into<PathBuf>, user: Option<PathBuf>) -> Self {
        let (root, reader) = (root.into(), Reader::default());
        Self { root, user, reader, memory: Mutex::default() }
    }

    /// Another walk of the same repository that remembers nothing.
    #[must_use]
    pub(crate) fn anew(&self) -> Self {
        Self::new(self.root.clone(), self.user.clone())
    }

    /// The files and links that match, sorted.
    ///
    /// # Errors
    /// When a directory or a file of rules cannot be read, or a file that matches has a name that no path may have.
    pub(crate) fn files(
        &self,
        patterns: &Patterns,
        observer: &Observer,
    ) -> Result<Arc<[RelPath]>, FileError> {
        if let Some(found) = self.named(patterns, observer)? {
            return Ok(found);
        }
        observer.share_a_look();
        if let Some(known) = self.memory().answers.get(patterns) {
            return Ok(Arc::clone(known));
        }
        let forgotten = self.memory().forgotten;
        let mut found = Vec::new();
        if !patterns.is_empty() {
            let rules = self.reader.above(&self.root, self.user.as_deref(), observer)?;
            let asked = Asked { walk: self, patterns, observer };
            asked.enter(&RelPath::root(), &Stance::Ruled(rules), &mut found)?;
        }
        found.sort_unstable();
        let found: Arc<[RelPath]> = found.into();
        let mut memory = self.memory();
        if memory.forgotten == forgotten {
            memory.answers.insert(patterns.clone(), Arc::clone(&found));
        }
        Ok(found)
    }

    /// The same for patterns that all name one file each: these are looked at where they lie, and no directory is
    /// listed, which would cost many tasks of one directory the square of their number. One behind a link to a directory,
    /// which a walk does not enter, counts as well: it was named. `None`: one is no file, or lies in a directory that a
    /// walk does not enter, so that the walk must say what it means.
    fn named(&self, patterns: &Patterns, observer: &Observer) -> Result<Option<Arc<[RelPath]>>, FileError> {
        let Some(literals) = patterns.only_literals() else { return Ok(None) };
        let mut found = Vec::new();
        for path in literals {
            if path.parts().any(|part| [".git", ".envloom"].iter().any(|own| part.eq_ignore_ascii_case(own)))
            {
                return Ok(None);
            }
            let place = path.under(&self.root);
            match fs::symlink_metadata(&place) {
                Ok(metadata) if metadata.is_file() => {
                    found.push(path.clone());
                }
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                    // Its appearance counts.
                    observer.stat(&place)?;
                }
                _ => return Ok(None),
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(Some(found.into()))
    }

    /// Forgets the directories where a task has written what matches `changed`, so that they are looked at anew.
    pub(crate) fn forget(&self, changed: &Patterns, observer: &Observer) {
        let mut memory = self.memory();
        memory.answers.clear();
        memory.forgotten += 1;
        let mut are_rules_changed = false;
        memory.directories.retain(|(directory, _), _| {
            if !changed.may_hold(directory) {
                return true;
            }
            let place = directory.under(&self.root);
            observer.forget(&place);
            if directory.join(".gitignore").is_ok_and(|rules| changed.matches(&rules)) {
                observer.forget(&place.join(".gitignore"));
                are_rules_changed = true;
            }
            false
        });
        if are_rules_changed {
            // Whatever lies below had its rules from there.
            memory.directories.clear();
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(
        &self,
        directory: &RelPath,
        stance: &Stance,
        observer: &Observer,
    ) -> Result<Arc<Listed>, FileError> {
        let key = (directory.clone(), matches!(stance, Stance::Ruled(_)));
        if let Some(known) = self.memory().directories.get(&key) {
            return Ok(Arc::clone(known));
        }
        // Two threads may do this at once; both find the same.
        let forgotten = self.memory().forgotten;
        let entries = observer.entries(&directory.under(&self.root))?;
        let rules = match stance {
            Stance::Ruled(above) => {
                let is_nested = !directory.is_root() && entries.iter().any(|(name, _)| name == ".git");
                let above = if is_nested {
                    self.reader.nested(&self.root, directory, self.user.as_deref(), observer)?
                } else {
                    above.clone()
                };
                let has_own = entries.iter().any(|(name, _)| name == ".gitignore");
                if has_own { self.reader.within(&self.root, directory, above, observer)? } else { above }
            }
            _ => None,
        };
        let entries = entries.into_iter().filter_map(|(name, kind)| {
            Entry::new(directory, &name.to_string_lossy(), kind_of(kind)?, &rules)
        });
        let listed = Arc::new(Listed { entries: entries.collect(), rules: rules.clone() });
        let mut memory = self.memory();
        if memory.forgotten == forgotten {
            memory.directories.insert(key, Arc::clone(&listed));
        }
        Ok(listed)
    }
}

fn kind_of(kind: FileType) -> Option<Kind> {
    match () {
        () if kind.is_file() => Some(Kind::File),
        () if kind.is_symlink() => Some(Kind::Link),
        () if kind.is_dir() => Some(Kind::Directory),
        () => None,
    }
}

impl Entry {
    fn new(directory: &RelPath, name: &str, kind: Kind, rules: &Rules) -> Option<Self> {
        if [".git", ".envloom"].iter().any(|own| name.eq_ignore_ascii_case(own)) {
            return None;
        }
        let path = directory.join(name).ok();
        let text = if directory.is_root() { name.to_owned() } else { format!("{directory}/{name}") };
        let is_ignored = is_ignored(rules, &text, kind == Kind::Directory);
        Some(Self { name: name.to_owned(), path, kind, is_ignored })
    }
}

/// One question.
struct Asked<'a> {
    walk: &'a Walk,
    patterns: &'a Patterns,
    observer: &'a Observer,
}

impl Asked<'_> {
    fn enter(&self, directory: &RelPath, stance: &Stance, found: &mut Vec<RelPath>) -> Result<(), FileError> {
        let listed = self.walk.list(directory, stance, self.observer)?;
        let below = match stance {
            Stance::Ruled(_) => Stance::Ruled(listed.rules.clone()),
            other => other.clone(),
        };
        listed.entries.iter().try_for_each(|entry| self.look(directory, entry, &below, found))
    }

    fn look(
        &self,
        directory: &RelPath,
        entry: &Entry,
        stance: &Stance,
        found: &mut Vec<RelPath>,
    ) -> Result<(), FileError> {
        let is_directory = entry.kind == Kind::Directory;
        let is_made = is_directory && MADE.contains(&entry.name.as_str());
        let is_ignored = match stance {
            Stance::Ruled(_) => entry.is_ignored || is_made,
            Stance::Hidden => true,
            Stance::Named => is_made,
        };
        let Some(path) = &entry.path else {
            let is_meant = !is_ignored && self.patterns.matches_below(directory, &entry.name, is_directory);
            let place = directory.under(&self.walk.root).join(&entry.name);
            let cause = || io::Error::other("its name holds a character that cannot be shown or shared");
            return if is_meant { Err(FileError::new("use", place, cause())) } else { Ok(()) };
        };
        let stance = if is_ignored {
            let mut leading = self.patterns.literals().filter(|literal| literal.is_in(path)).peekable();
            if leading.peek().is_none() {
                return Ok(());
            }
            if leading.any(|literal| literal == path) { Stance::Named } else { Stance::Hidden }
        } else {
            stance.clone()
        };
        if is_directory {
            return if self.patterns.may_hold(path) { self.enter(path, &stance, found) } else { Ok(()) };
        }
        // A link may be meant as the directory it leads to.
        let is_link = entry.kind == Kind::Link;
        if self.patterns.matches(path) || (is_link && self.patterns.matches_directory(path)) {
            found.push(path.clone());
        }
        Ok(())
    }
}
