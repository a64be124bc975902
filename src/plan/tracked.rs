//! What git tracks, for whoever is about to remove files: asked once, and again when it may have become something else.
//!
//! That is only what the index says. git replaces it whole, so a stat tells; and a repository that is made within the one
//! that answered, or where there was none, tells by its `.git`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::RelPath;
use crate::cache::Stamp;
use crate::tool::git::Git;

/// The answer that was given last.
#[derive(Debug, Default)]
pub(crate) struct Tracked {
    known: Mutex<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    /// What it rests on.
    ground: Vec<(PathBuf, Stamp)>,
    paths: Arc<BTreeSet<RelPath>>,
}

impl Tracked {
    /// Everything below `root` that git tracks, a repository within this one as one path; `None` where that is not known.
    pub(crate) fn paths(&self, git: &Git, root: &Path) -> Option<Arc<BTreeSet<RelPath>>> {
        // Held while git is asked: who comes meanwhile wants the same answer.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known
            && known.ground.iter().all(|(path, stamp)| stamp.holds(path))
        {
            return Some(Arc::clone(&known.paths));
        }
        *known = None;
        // Looked at before git does: what changes in between is found changed by the next look.
        let ground = ground(git, root)?;
        let paths = git.tracked_files(root).ok()?;
        let paths = paths.iter().filter_map(|path| RelPath::parse(path.to_str()?).ok());
        let paths: Arc<BTreeSet<RelPath>> = Arc::new(paths.collect());
        *known = Some(Known { ground, paths: Arc::clone(&paths) });
        Some(paths)
    }
}

/// The index, and where no repository may come to be.
fn ground(git: &Git, root: &Path) -> Option<Vec<(PathBuf, Stamp)>> {
    let top = git.toplevel(root).ok()?;
    let index = top.as_ref().map(|_| git.index_file(root)).transpose().ok()?;
    // git and the file system may call the top by different names: then nothing is left out.
    let below = root.ancestors().take_while(|above| Some(*above) != top.as_deref());
    let places = below.map(|directory| directory.join(".git")).chain(index);
    places.map(|path| Stamp::take(&path).ok().map(|stamp| (path, stamp))).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;
    use crate::tool::Surroundings;

    fn run(directory: &Path, words: &[&str]) {
        let mut git = Command::new("git");
        git.args(words).current_dir(directory).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let status = git.status().unwrap();
        assert!(status.success(), "{words:?}");
    }

    #[test]
    fn what_is_added_meanwhile_is_known_and_otherwise_nobody_is_asked() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap().join("top/root");
        fs::create_dir_all(&root).unwrap();
        for file in ["a", "b"] {
            fs::write(root.join(file), "").unwrap();
        }
        let mut surroundings = Surroundings::default();
        surroundings.vars.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
        let git = Git::find(&surroundings, Path::new("/nowhere")).unwrap();
        let tracked = Tracked::default();
        let paths = |git: &Git| {
            let paths = tracked.paths(git, &root).unwrap();
            paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        // A git that is asked would fail.
        let mut mute = git.clone();
        mute.path = "/nonexistent/git".into();
        assert_eq!([paths(&git), paths(&mute)], ["", ""]);
        let top = root.parent().unwrap();
        run(top, &["init", "-q"]);
        assert!(tracked.paths(&mute, &root).is_none());
        run(top, &["add", "root/a"]);
        assert_eq!([paths(&git), paths(&mute)], ["a", "a"]);
        run(top, &["add", "root/b"]);
        assert!(tracked.paths(&mute, &root).is_none());
        assert_eq!([paths(&git), paths(&mute)], ["a b", "a b"]);
        run(&root, &["init", "-q"]);
        assert_eq!([paths(&git), paths(&mute)], ["", ""]);
    }
}
