//! Hears that something may have changed: the operating system tells of the directories that are looked at.
//!
//! Directories are watched, never files, since editors replace files; and each by itself, not with all below, since a
//! venv has thousands. Where the system tells nothing (too many watches, or a file system that cannot), the caller
//! looks every second instead.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use notify::event::EventKind;
use notify::{Config, ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::Message;
use crate::cache::Observation;

/// The watched directories.
pub(super) struct Ear {
    /// `None`: the caller looks for itself.
    watcher: Option<RecommendedWatcher>,
    /// Each with its device and inode: one that was removed and made again is another.
    directories: BTreeMap<PathBuf, (u64, u64)>,
}

/// Why nothing more is heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Deaf {
    /// One sentence.
    pub(super) message: String,
    /// What to type.
    pub(super) help: Option<String>,
}

impl Ear {
    /// One that hears nothing yet; with `poll` it never will.
    pub(super) fn new(sender: Sender<Message>, poll: bool) -> (Self, Option<Deaf>) {
        let ear = |watcher| Self { watcher, directories: BTreeMap::new() };
        if poll {
            return (ear(None), None);
        }
        // A watch that is over no longer listens.
        let tell = move |event: notify::Result<Event>| {
            drop(heard(event).map(|paths| sender.send(Message::Heard(paths))));
        };
        match RecommendedWatcher::new(tell, Config::default()) {
            Ok(watcher) => (ear(Some(watcher)), None),
            Err(error) => (ear(None), Some(Deaf::because(&error))),
        }
    }

    /// Does the caller have to look for itself?
    pub(super) fn is_deaf(&self) -> bool {
        self.watcher.is_none()
    }

    /// Listens to just the directories that `seen` rests on. What lies in `own` is envloom's.
    pub(super) fn listen(&mut self, seen: &Observation, own: &Path) -> Option<Deaf> {
        let watcher = self.watcher.as_mut()?;
        let wanted = directories(seen, own);
        for gone in self.directories.iter().filter(|(path, id)| wanted.get(*path) != Some(id)) {
            // The system forgets one that was removed by itself.
            drop(watcher.unwatch(gone.0));
        }
        self.directories.retain(|path, id| wanted.get(path) == Some(id));
        for (path, id) in wanted {
            if self.directories.contains_key(&path) {
                continue;
            }
            match watcher.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.directories.insert(path, id)),
                // It has gone since: its directory tells of it.
                Err(_) if !path.exists() => {}
                Err(error) => {
                    self.watcher = None;
                    return Some(Deaf::because(&error));
                }
            }
        }
        None
    }
}

impl Deaf {
    fn because(error: &notify::Error) -> Self {
        const TOO_MANY: [i32; 2] =
            [rustix::io::Errno::NOSPC.raw_os_error(), rustix::io::Errno::MFILE.raw_os_error()];
        let too_many = match &error.kind {
            ErrorKind::MaxFilesWatch => true,
            ErrorKind::Io(cause) => cause.raw_os_error().is_some_and(|code| TOO_MANY.contains(&code)),
            _ => false,
        };
        if too_many {
            let message =
                "the system watches no more directories for this user: looking every second instead";
            let help = "type `sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`, \
                        or keep to `--poll`";
            return Self { message: message.to_owned(), help: Some(help.to_owned()) };
        }
        Self { message: format!("changes are not told ({error}): looking every second instead"), help: None }
    }
}

/// The paths of an event; none: anything may have changed. `None`: someone has only looked.
fn heard(event: notify::Result<Event>) -> Option<Vec<PathBuf>> {
    match event {
        Ok(event) if event.need_rescan() => Some(Vec::new()),
        Ok(event) if matches!(event.kind, EventKind::Access(_)) => None,
        Ok(event) => Some(event.paths),
        Err(_) => Some(Vec::new()),
    }
}

/// The directories in which a change of what was seen shows: each that was seen, and that around each path; of one that
/// is not there the nearest above.
fn directories(seen: &Observation, own: &Path) -> BTreeMap<PathBuf, (u64, u64)> {
    let mut found = BTreeMap::new();
    let mut add = |path: &Path| {
        let directory = path.ancestors().find_map(|above| {
            let metadata = fs::metadata(above).ok().filter(fs::Metadata::is_dir)?;
            Some((above.to_owned(), (metadata.dev(), metadata.ino())))
        });
        found.extend(directory);
    };
    for path in seen.keys().filter(|path| !path.starts_with(own)) {
        if path.is_dir() {
            add(path);
        }
        path.parent().into_iter().for_each(&mut add);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Observer;
    use std::io;

    #[test]
    fn directories_are_watched_and_what_is_not_there_is_watched_from_above() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("src/deep")).unwrap();
        fs::create_dir_all(root.join(".envloom/cells")).unwrap();
        fs::write(root.join("src/deep/a"), "").unwrap();
        let observer = Observer::new();
        for path in ["src/deep/a", "src", "none/at/all", ".envloom/cells/x"] {
            observer.stat(&root.join(path)).unwrap();
        }
        let found: Vec<_> = directories(&observer.seen(), &root.join(".envloom")).into_keys().collect();
        assert_eq!(found, [root.to_owned(), root.join("src"), root.join("src/deep")]);
    }

    #[test]
    fn too_many_watches_are_told_with_what_to_type() {
        let full = notify::Error::io(io::Error::from_raw_os_error(28));
        let told = [Deaf::because(&full), Deaf::because(&notify::Error::new(ErrorKind::MaxFilesWatch))];
        assert_eq!(told[0], told[1]);
        insta::assert_snapshot!(format!("{}\nhelp: {}", told[0].message, told[0].help.as_deref().unwrap()), @r"
        the system watches no more directories for this user: looking every second instead
        help: type `sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`, or keep to `--poll`
        ");
        let other = Deaf::because(&notify::Error::generic("odd"));
        assert_eq!(other.message, "changes are not told (odd): looking every second instead");
    }
}
