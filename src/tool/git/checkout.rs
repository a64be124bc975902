//! Submodules that are empty, checked out at the commit that the index holds.
//!
//! What comes of it is what `git submodule update --init` makes: the repository under `.git/modules`, a `.git` file that
//! names it, the commit detached. git's own command is not used: it takes urls, and commands to run, from the settings of
//! the repository it is in, and knows no submodule that `.gitmodules` lacks.
//!
//! A clone is made beside its place and renamed. A mark in it, without an index, says that files are being written;
//! whoever finds that does it again. git writes the index last, so that beside one the mark says nothing: somebody has
//! completed the checkout, and what lies there is theirs. What fails takes away what it made.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::call::{Git, with_settings};
use super::object::ObjectId;
use super::remote::{network, patiently};
use crate::base::{RelPath, read_if_exists};
use crate::tool::address::check_url;
use crate::tool::error::ToolError;

/// In a submodule's repository while its files are written.
const MARK: &str = "envloom-fetching";

/// What git knows of the files of a checkout, once all are written.
const INDEX: &str = "index";
/// How directories are called that are made beside a submodule's repository: a clone that is not whole, what goes.
pub(super) const ASIDE: &str = ".clone-";

/// A submodule to be checked out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Module<'m> {
    /// The top of the repository around it, as git says it.
    pub(crate) top: &'m Path,
    /// Where it lies there.
    pub(crate) path: &'m RelPath,
    /// Its name; without an entry in `.gitmodules` its path.
    pub(crate) name: &'m str,
    /// Where it comes from.
    pub(crate) url: &'m str,
    /// What is to be checked out.
    pub(crate) commit: &'m ObjectId,
}

/// What lies where a submodule belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing, or what a fetch that was cut off has left.
    Empty,
    /// A checkout, at that commit.
    CheckedOut(Option<ObjectId>),
    /// Something that is no checkout of its own, or a link.
    Occupied,
}

impl Git {
    /// What lies at `path`.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub(crate) fn standing(&self, top: &Path, path: &RelPath) -> Result<Standing, ToolError> {
        let directory = path.under(top);
        let is_link = |one: &RelPath| one.under(top).is_symlink();
        if path.lineage().any(|one| !one.is_root() && is_link(&one)) {
            return Ok(Standing::Occupied);
        }
        if directory.symlink_metadata().is_err() {
            return Ok(Standing::Empty);
        }
        if !directory.is_dir() {
            return Ok(Standing::Occupied);
        }
        let mut entries = fs::read_dir(&directory).map_err(ToolError::io("list", &directory))?;
        if entries.next().is_none() {
            return Ok(Standing::Empty);
        }
        if !leads_somewhere(&directory.join(".git"))
            || self.toplevel(&directory)?.as_deref() != Some(directory.as_path())
        {
            return Ok(Standing::Occupied);
        }
        let place = self.local(&directory, ["rev-parse", "--absolute-git-dir"]).demand()?;
        let place = PathBuf::from(String::from_utf8_lossy(&place).trim_end());
        if place.join(MARK).exists() && !place.join(INDEX).exists() {
            return Ok(Standing::Empty);
        }
        Ok(Standing::CheckedOut(self.checked_out(&directory)?))
    }

    /// Is the commit here already, left by an earlier checkout?
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn keeps(&self, module: &Module<'_>) -> Result<bool, ToolError> {
        let place = self.module_place(module.top, module.name)?;
        Ok(place.is_dir() && self.holds(&place, module.commit)?)
    }

    /// Checks an empty submodule out.
    ///
    /// # Errors
    /// When the url is refused, or the commit cannot be brought or written; nothing is left of it then.
    pub(crate) fn check_out(&self, module: &Module<'_>) -> Result<(), ToolError> {
        let place = self.module_place(module.top, module.name)?;
        let is_new = place.symlink_metadata().is_err();
        if is_new {
            self.clone_module(module, &place)?;
        } else if !self.holds(&place, module.commit)? {
            self.fetch_commit(module, &place)?;
        }
        let tree = module.path.under(module.top);
        let mark = place.join(MARK);
        let written = write(&mark, b"").and_then(|()| self.write_tree(module, &place, &tree));
        if written.is_ok() {
            return fs::remove_file(&mark).map_err(ToolError::io("remove", &mark));
        }
        // It was empty. That this fails too says nothing more than the first failure.
        drop(fs::remove_dir_all(&tree));
        drop(fs::create_dir(&tree));
        let left = if is_new { fs::remove_dir_all(&place) } else { fs::remove_file(&mark) };
        drop(left);
        written
    }

    /// Makes the repository around know the submodule, as `git submodule init` does, unless it does. `token` is what a
    /// lock of git's holds meanwhile.
    ///
    /// # Errors
    /// When git cannot write its settings.
    pub(crate) fn register(&self, module: &Module<'_>, token: &str) -> Result<(), ToolError> {
        let Module { top, name, url, .. } = module;
        if self.module_url(top, name)?.is_some() {
            return Ok(());
        }
        Self::change_own(&self.own_file(top, "config")?, token, |copy| {
            for (key, value) in [("active", "true"), ("url", *url)] {
                let key = format!("submodule.{name}.{key}");
                let words: [&OsStr; 5] =
                    ["config".as_ref(), "--file".as_ref(), copy.as_ref(), key.as_ref(), value.as_ref()];
                self.local(top, words).demand()?;
            }
            Ok(())
        })
    }

    /// Makes the repository around forget the submodule, as `git submodule deinit` does.
    ///
    /// # Errors
    /// When git cannot write its settings.
    pub(crate) fn forget(&self, top: &Path, name: &str, token: &str) -> Result<(), ToolError> {
        let file = self.own_file(top, "config")?;
        let list: [&OsStr; 5] =
            ["config".as_ref(), "--file".as_ref(), file.as_ref(), "-z".as_ref(), "--list".as_ref()];
        let text = self.local(top, list).demand()?;
        let lead = format!("submodule.{name}.");
        // A name may hold dots, and be the beginning of another one.
        let is_it = |record: &[u8]| {
            let key = record.split(|byte| *byte == b'\n').next().unwrap_or_default();
            key.strip_prefix(lead.as_bytes()).is_some_and(|rest| !rest.contains(&b'.'))
        };
        if !text.split(|byte| *byte == 0).any(is_it) {
            return Ok(());
        }
        Self::change_own(&file, token, |copy| {
            let section = format!("submodule.{name}");
            let words: [&OsStr; 5] = [
                "config".as_ref(),
                "--file".as_ref(),
                copy.as_ref(),
                "--remove-section".as_ref(),
                section.as_ref(),
            ];
            self.local(top, words).demand().map(drop)
        })
    }

    /// The url that this clone of the repository has for a submodule of that name.
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn module_url(&self, top: &Path, name: &str) -> Result<Option<String>, ToolError> {
        let key = format!("submodule.{name}.url");
        let query = self.local(top, ["config", "--get", key.as_str()]);
        let answer = query.ask()?;
        match answer.status.code() {
            Some(0) => Ok(Some(String::from_utf8_lossy(&answer.stdout).trim_end_matches('\n').to_owned())),
            Some(1) => Ok(None),
            _ => Err(query.failed(&answer)),
        }
    }

    /// Where the submodule's repository lies.
    pub(super) fn module_place(&self, top: &Path, name: &str) -> Result<PathBuf, ToolError> {
        let below = format!("modules/{name}");
        let arguments = ["rev-parse", "--path-format=absolute", "--git-path", below.as_str()];
        let query = self.local(top, arguments);
        let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || name.is_empty() {
            // A name such as `../../hooks` would be a place elsewhere.
            return Err(query.unexpected("the submodule's name is no plain path"));
        }
        let answer = query.demand()?;
        Ok(PathBuf::from(String::from_utf8_lossy(&answer).trim_end_matches('\n')))
    }

    fn clone_module(&self, module: &Module<'_>, place: &Path) -> Result<(), ToolError> {
        let git = self.reaching(module.url)?;
        let parent = place.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(ToolError::io("create", parent))?;
        let beside = tempfile::Builder::new()
            .prefix(ASIDE)
            .tempdir_in(parent)
            .map_err(ToolError::io("create a directory in", parent))?;
        let fresh = beside.path().join("git");
        let clone = ["clone", "--no-checkout", "--quiet", "--template=", "--no-hardlinks", "--", module.url];
        let mut query = git.query(Path::new("/"), network(clone), git.limits.transfer);
        let line = query.line();
        let mut separate = OsString::from("--separate-git-dir=");
        separate.push(&fresh);
        let verb = query.arguments.len() - clone.len();
        query.arguments.insert(verb + 1, separate);
        query.arguments.insert(verb + 1, "--origin=origin".into());
        query.arguments.push(beside.path().join("tree").into());
        patiently(&query, check_url(module.url)?).map_err(|error| error.elsewhere(line))?;
        if !git.holds(&fresh, module.commit)? {
            git.fetch_commit(module, &fresh)?;
        }
        fs::rename(&fresh, place).map_err(ToolError::io("rename the clone to", place))
    }

    /// Brings branches and tags; where none of them leads to the commit, the commit by itself.
    fn fetch_commit(&self, module: &Module<'_>, place: &Path) -> Result<(), ToolError> {
        let git = self.reaching(module.url)?;
        let heads = "+refs/heads/*:refs/remotes/origin/*";
        for reference in [heads, module.commit.as_str()] {
            let fetch = ["fetch", "--quiet", "--no-write-fetch-head", "--", module.url, reference];
            let mut words = network(fetch);
            words.insert(words.len() - fetch.len(), git_dir(place));
            let query = git.query(Path::new("/"), words, git.limits.transfer);
            patiently(&query, check_url(module.url)?)?;
            if git.holds(place, module.commit)? {
                return Ok(());
            }
        }
        let query = git.query(Path::new("/"), with_settings(["fetch"]), git.limits.local);
        Err(query.unexpected("the remote has no such commit"))
    }

    fn write_tree(&self, module: &Module<'_>, place: &Path, tree: &Path) -> Result<(), ToolError> {
        fs::create_dir_all(tree).map_err(ToolError::io("create", tree))?;
        let mut words = vec![git_dir(place), "config".into(), "core.worktree".into()];
        words.push(relative(place, tree).into());
        self.local(Path::new("/"), words).demand()?;
        let line = [b"gitdir: ", relative(tree, place).as_os_str().as_encoded_bytes(), b"\n"].concat();
        write(&tree.join(".git"), &line)?;
        // Of one that was cut off; and the index of files that are no more.
        for name in ["index.lock", INDEX] {
            let old = place.join(name);
            if old.symlink_metadata().is_ok() {
                fs::remove_file(&old).map_err(ToolError::io("remove", &old))?;
            }
        }
        let commit = module.commit.as_str();
        // git itself would do this last, after the index.
        self.local(
            Path::new("/"),
            [
                git_dir(place).as_os_str(),
                "update-ref".as_ref(),
                "--no-deref".as_ref(),
                "HEAD".as_ref(),
                commit.as_ref(),
            ],
        )
        .demand()?;
        // Its place is named: where this has failed, the line that repeats it must not mean the repository around.
        let checkout = ["checkout", "--quiet", "--force", "--detach", commit];
        let words = std::iter::once(git_dir(place)).chain(checkout.map(OsString::from));
        self.query(tree, with_settings(words), self.limits.transfer).demand().map(drop)
    }

    /// Has that repository the commit?
    fn holds(&self, place: &Path, commit: &ObjectId) -> Result<bool, ToolError> {
        let wanted = format!("{commit}^{{commit}}");
        let words = vec![git_dir(place), "cat-file".into(), "-e".into(), wanted.into()];
        Ok(self.local(Path::new("/"), words).ask()?.status.success())
    }
}

/// Is it a repository, or a file that names one which is there?
fn leads_somewhere(git: &Path) -> bool {
    let Ok(bytes) = read_if_exists(git) else { return git.is_dir() };
    let text = String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
    let place = text.strip_prefix("gitdir:").map(str::trim);
    place.zip(git.parent()).is_some_and(|(place, above)| above.join(place).exists())
}

fn git_dir(place: &Path) -> OsString {
    let mut option = OsString::from("--git-dir=");
    option.push(place);
    option
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ToolError> {
    fs::write(path, bytes).map_err(ToolError::io("write", path))
}

/// The way from one absolute directory to another place.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::Place;

    /// A repository whose submodule `packages/a b` is empty, and the submodule's remote.
    fn cloned(place: &Place) -> (Git, PathBuf, PathBuf) {
        let (inner, outer, top) =
            (place.directory("inner"), place.directory("outer"), place.root().join("clone"));
        place.git(&inner, &["init", "-q"]);
        std::fs::write(inner.join("x"), "one").unwrap();
        place.git(&inner, &["add", "x"]);
        place.git(&inner, &["commit", "-q", "-m", "one"]);
        place.git(&outer, &["init", "-q"]);
        let url = format!("file://{}", inner.display());
        place.git(&outer, &["submodule", "--quiet", "add", &url, "packages/a b"]);
        place.git(&outer, &["commit", "-q", "-m", "one"]);
        place.git(place.root(), &["clone", "-q", outer.to_str().unwrap(), top.to_str().unwrap()]);
        (Git::find(&place.machine(), Path::new("/nowhere")).unwrap(), top.canonicalize().unwrap(), inner)
    }

    #[test]
    fn what_is_checked_out_is_what_git_makes() {
        let place = Place::new();
        let (git, top, inner) = cloned(&place);
        let found = git.submodules(&top).unwrap().remove(0);
        let (path, url) = (RelPath::parse("packages/a b").unwrap(), format!("file://{}", inner.display()));
        let commit = found.commit.unwrap();
        let module = Module { top: &top, path: &path, name: "packages/a b", url: &url, commit: &commit };
        assert_eq!(git.standing(&top, &path).unwrap(), Standing::Empty);
        assert!(!git.keeps(&module).unwrap());

        // A commit that the remote has not is an error that leaves nothing.
        let unknown: ObjectId = "d".repeat(40).parse().unwrap();
        git.check_out(&Module { commit: &unknown, ..module }).unwrap_err();
        assert!(!top.join(".git/modules/packages/a b").exists());
        assert_eq!(git.standing(&top, &path).unwrap(), Standing::Empty);

        git.check_out(&module).unwrap();
        git.register(&module, "token").unwrap();
        assert_eq!(git.standing(&top, &path).unwrap(), Standing::CheckedOut(Some(commit.clone())));
        assert_eq!(std::fs::read(top.join("packages/a b/x")).unwrap(), b"one");
        place.git(&top, &["submodule", "--quiet", "update", "--init"]);
        place.git(&top, &["diff", "--exit-code", "--ignore-submodules=none"]);

        // Cut off while its files were written.
        let kept = top.join(".git/modules/packages/a b");
        std::fs::write(kept.join(MARK), "").unwrap();
        std::fs::remove_file(kept.join("index")).unwrap();
        std::fs::write(kept.join("index.lock"), "").unwrap();
        assert_eq!(git.standing(&top, &path).unwrap(), Standing::Empty);
        git.check_out(&module).unwrap();
        assert_eq!(git.standing(&top, &path).unwrap(), Standing::CheckedOut(Some(commit.clone())));

        // Cut off, and completed by somebody who has worked in it since.
        std::fs::write(kept.join(MARK), "").unwrap();
        assert_eq!(git.standing(&top, &path).unwrap(), Standing::CheckedOut(Some(commit.clone())));

        // Kept on a branch by `git submodule deinit`: the branch stays where it is.
        place.git(&top.join("packages/a b"), &["checkout", "-q", "-b", "mine"]);
        place.git(&top.join("packages/a b"), &["commit", "-q", "--allow-empty", "-m", "mine"]);
        place.git(&top, &["submodule", "--quiet", "deinit", "--force", "packages/a b"]);
        git.check_out(&module).unwrap();
        assert_eq!(git.standing(&top, &path).unwrap(), Standing::CheckedOut(Some(commit.clone())));
        assert_ne!(git.commit_of(&top.join("packages/a b"), "mine").unwrap(), Some(commit.clone()));
        place.git(&top, &["diff", "--exit-code", "--ignore-submodules=none"]);

        // Its repository is gone.
        std::fs::rename(&kept, top.join(".git/modules/elsewhere")).unwrap();
        assert_eq!(git.standing(&top, &path).unwrap(), Standing::Occupied);

        // Elsewhere than a submodule's files may come to lie.
        let outside = Module { name: "../../x", ..module };
        assert!(git.keeps(&outside).is_err());
        std::os::unix::fs::symlink(place.root(), top.join("link")).unwrap();
        assert_eq!(git.standing(&top, &RelPath::parse("link/a").unwrap()).unwrap(), Standing::Occupied);
    }

    #[test]
    fn the_way_between_two_places_is_relative() {
        for (from, to, way) in [
            ("/r/.git/modules/p/a", "/r/p/a", "../../../../p/a"),
            ("/r/p/a", "/r/.git/modules/p/a", "../../.git/modules/p/a"),
            ("/r", "/r/x", "x"),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to)), Path::new(way));
        }
    }
}
