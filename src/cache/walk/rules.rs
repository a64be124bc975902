//! What git leaves alone: the lines of `.gitignore`, `.git/info/exclude` and the user's own file, each from where it
//! stands.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::base::{Digest, FileError, RelPath};
use crate::cache::observe::Observer;
use crate::cache::place::Repository;

/// The rules of one file, and behind it those that yield to it.
#[derive(Debug)]
pub(super) struct Level {
    from: From,
    matcher: Arc<Gitignore>,
    weaker: Rules,
}

/// The rules that hold in a directory, strongest first.
pub(super) type Rules = Option<Arc<Level>>;

/// Where the paths that a file's lines speak of begin.
#[derive(Debug, Clone)]
enum From {
    /// In a directory of the root, this many bytes into a path.
    Below(usize),
    /// Above the root: this stands before each path.
    Above(String),
}

/// Reads rules, equal texts once.
#[derive(Debug, Default)]
pub(super) struct Reader {
    compiled: Mutex<BTreeMap<Digest, Arc<Gitignore>>>,
}

impl Level {
    /// Does git ignore what lies at `path`, not looking at the directories above it?
    fn decides(&self, path: &str, is_directory: bool) -> Match<()> {
        let local: Cow<'_, str> = match &self.from {
            From::Below(length) => path[*length..].into(),
            From::Above(prefix) => format!("{prefix}{path}").into(),
        };
        self.matcher.matched(Path::new(&*local), is_directory).map(|_| ())
    }
}

/// Does git ignore what lies at `path`? The first file with something to say decides.
pub(super) fn is_ignored(rules: &Rules, path: &str, is_directory: bool) -> bool {
    let mut next = rules.as_deref();
    while let Some(level) = next {
        match level.decides(path, is_directory) {
            Match::None => next = level.weaker.as_deref(),
            decision => return decision.is_ignore(),
        }
    }
    false
}

impl Reader {
    /// What holds at the root before its own `.gitignore`: the user's file, the repository's, those above.
    pub(super) fn above(
        &self,
        root: &Path,
        user: Option<&Path>,
        observer: &Observer,
    ) -> Result<Rules, FileError> {
        let Some(repository) = Repository::around(root, observer)? else {
            return self.add(user, From::Below(0), None, observer);
        };
        let Ok(within) = root.strip_prefix(&repository.top) else { return Ok(None) };
        let parts: Vec<String> =
            within.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        let below = |depth: usize| {
            let rest: String = parts[depth..].iter().flat_map(|part| [part.as_str(), "/"]).collect();
            From::Above(rest)
        };
        let mut rules = self.add(user, below(0), None, observer)?;
        rules = self.add(Some(&repository.common.join("info/exclude")), below(0), rules, observer)?;
        let mut directory = repository.top;
        for (depth, part) in parts.iter().enumerate() {
            rules = self.add(Some(&directory.join(".gitignore")), below(depth), rules, observer)?;
            directory.push(part);
        }
        Ok(rules)
    }

    /// What holds in a repository within the root before its own `.gitignore`.
    pub(super) fn nested(
        &self,
        root: &Path,
        directory: &RelPath,
        user: Option<&Path>,
        observer: &Observer,
    ) -> Result<Rules, FileError> {
        let rules = self.add(user, inside(directory), None, observer)?;
        match Repository::at(&directory.under(root), observer)? {
            Some(found) => {
                self.add(Some(&found.common.join("info/exclude")), inside(directory), rules, observer)
            }
            None => Ok(rules),
        }
    }

    /// With the `.gitignore` of a directory.
    pub(super) fn within(
        &self,
        root: &Path,
        directory: &RelPath,
        weaker: Rules,
        observer: &Observer,
    ) -> Result<Rules, FileError> {
        let file = directory.under(root).join(".gitignore");
        // git does not follow a link here.
        let is_file = std::fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_file());
        if is_file { self.add(Some(&file), inside(directory), weaker, observer) } else { Ok(weaker) }
    }

    fn add(
        &self,
        file: Option<&Path>,
        from: From,
        weaker: Rules,
        observer: &Observer,
    ) -> Result<Rules, FileError> {
        let Some(bytes) = file.map(|file| observer.read(file)).transpose()?.flatten() else {
            return Ok(weaker);
        };
        let matcher = self.compile(&bytes);
        if matcher.is_empty() {
            return Ok(weaker);
        }
        Ok(Some(Arc::new(Level { from, matcher, weaker })))
    }

    fn compile(&self, bytes: &[u8]) -> Arc<Gitignore> {
        let digest = Digest::of(bytes);
        let lock = || self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&digest) {
            return Arc::clone(known);
        }
        let mut builder = GitignoreBuilder::new("");
        let text = String::from_utf8_lossy(bytes);
        for line in text.strip_prefix('\u{feff}').unwrap_or(&text).split('\n') {
            // Also of a last line without an end, which `str::lines` would leave it on.
            let line = line.strip_suffix('\r').unwrap_or(line);
            // A line that is no pattern says nothing, as with git.
            drop(builder.add_line(None, &kept_end(line)));
        }
        let compiled = Arc::new(builder.build().unwrap_or_else(|_| Gitignore::empty()));
        lock().insert(digest, Arc::clone(&compiled));
        compiled
    }
}

/// The crate takes all white space off a line's end, git only spaces: any other is kept as a class of itself.
fn kept_end(line: &str) -> Cow<'_, str> {
    let bare = line.trim_end_matches(' ');
    if bare.ends_with('\\') {
        return Cow::Borrowed(line);
    }
    match bare.char_indices().next_back() {
        Some((at, last)) if last.is_whitespace() => Cow::Owned(format!("{}[{last}]", &bare[..at])),
        _ => Cow::Borrowed(bare),
    }
}

/// Paths from a directory of the root on.
fn inside(directory: &RelPath) -> From {
    From::Below(if directory.is_root() { 0 } else { directory.as_str().len() + 1 })
}
