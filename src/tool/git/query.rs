//! Questions to a repository on this machine, a checkout or a bare clone. No network.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::call::Git;
use super::mirror::is_mirror;
use super::object::{ObjectId, TagRef, parse_tags, parse_tree};
use crate::tool::address::check_tag;
use crate::tool::error::ToolError;
use crate::tool::run::Query;

impl Git {
    /// The top of the working tree that `directory` is in, or `None` outside of any. A repository
    /// that git refuses to read (another owner's, a broken one) is an error.
    pub(crate) fn toplevel(&self, directory: &Path) -> Result<Option<PathBuf>, ToolError> {
        let query = self.local(directory, ["rev-parse", "--show-toplevel"]);
        let answer = query.ask()?;
        if answer.status.success() {
            let mut text = answer.stdout;
            text.pop_if(|byte| *byte == b'\n');
            return Ok(Some(PathBuf::from(OsString::from_vec(text))));
        }
        // git has one exit status for all of this; the files tell which it is.
        let is_any = directory.ancestors().any(|above| above.join(".git").exists());
        if is_any { Err(query.failed(&answer)) } else { Ok(None) }
    }

    /// Where the index of the repository lies that `directory` is in.
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn index_file(&self, directory: &Path) -> Result<PathBuf, ToolError> {
        let mut text = self.local(directory, ["rev-parse", "--git-path", "index"]).demand()?;
        text.pop_if(|byte| *byte == b'\n');
        Ok(directory.join(OsString::from_vec(text)))
    }

    /// The user's own file of rules for what git ignores, as git reads it in `directory`, and the files of git's
    /// configuration that say so: what there is to watch. The default place is named whether or not it is there.
    pub(crate) fn excludes_file(
        &self,
        directory: &Path,
    ) -> Result<(Option<PathBuf>, Vec<PathBuf>), ToolError> {
        let listed = self.local(directory, ["config", "--includes", "--null", "--show-origin", "--list"]);
        let answer = listed.demand()?;
        let mut fields = answer.split(|byte| *byte == 0);
        let (mut watched, mut is_set) = (Vec::new(), false);
        while let (Some(origin), Some(entry)) = (fields.next(), fields.next()) {
            if let Some(file) = origin.strip_prefix(b"file:") {
                watched.push(directory.join(OsString::from_vec(file.to_vec())));
            }
            is_set |= entry.split(|byte| *byte == b'\n').next() == Some(b"core.excludesfile");
        }
        watched.extend(self.configuration());
        watched.sort_unstable();
        watched.dedup();
        if !is_set {
            return Ok((self.config_home().map(|home| home.join("git/ignore")), watched));
        }
        let mut path =
            self.local(directory, ["config", "--type=path", "--get", "core.excludesFile"]).demand()?;
        path.pop_if(|byte| *byte == b'\n');
        let path = (!path.is_empty()).then(|| directory.join(OsString::from_vec(path)));
        Ok((path, watched))
    }

    /// The user's and the machine's configuration, there or not.
    fn configuration(&self) -> Vec<PathBuf> {
        let var = |name: &str| self.vars.get(OsStr::new(name)).map(PathBuf::from);
        let global = var("GIT_CONFIG_GLOBAL").map_or_else(
            || {
                let home = var("HOME").map(|home| home.join(".gitconfig"));
                home.into_iter().chain(self.config_home().map(|home| home.join("git/config"))).collect()
            },
            |global| vec![global],
        );
        let system = var("GIT_CONFIG_SYSTEM").unwrap_or_else(|| "/etc/gitconfig".into());
        global.into_iter().chain([system]).collect()
    }

    fn config_home(&self) -> Option<PathBuf> {
        let var =
            |name: &str| self.vars.get(OsStr::new(name)).filter(|value| !value.is_empty()).map(PathBuf::from);
        var("XDG_CONFIG_HOME").or_else(|| var("HOME").map(|home| home.join(".config")))
    }

    /// The files that the index holds under a name, in whatever directory below this one.
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn tracked(&self, directory: &Path, name: &str) -> Result<Vec<PathBuf>, ToolError> {
        // Not by a pattern: pathspecs are literal here.
        let answer = self.local(directory, ["ls-files", "-z"]).demand()?;
        let is_it = |path: &PathBuf| path.file_name().is_some_and(|file| file == name);
        Ok(paths(&answer).into_iter().filter(is_it).collect())
    }

    /// Everything below `directory` that the index holds, a submodule as one path; nothing outside of any repository.
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn tracked_files(&self, directory: &Path) -> Result<Vec<PathBuf>, ToolError> {
        if self.toplevel(directory)?.is_none() {
            return Ok(Vec::new());
        }
        let answer = self.local(directory, ["ls-files", "-z"]).demand()?;
        Ok(paths(&answer))
    }

    /// The commit that is checked out, or `None` before the first commit.
    #[cfg(test)]
    pub(crate) fn head(&self, directory: &Path) -> Result<Option<ObjectId>, ToolError> {
        self.resolve(directory, "HEAD^{commit}")
    }

    /// Whether the repository has this commit.
    pub(crate) fn has_commit(&self, directory: &Path, commit: &ObjectId) -> Result<bool, ToolError> {
        Ok(self.resolve(directory, &format!("{commit}^{{commit}}"))?.is_some())
    }

    /// The commit a tag of this repository ends at, or `None` without such a tag.
    pub(crate) fn resolve_tag(&self, directory: &Path, tag: &str) -> Result<Option<ObjectId>, ToolError> {
        check_tag(tag)?;
        self.resolve(directory, &format!("refs/tags/{tag}^{{commit}}"))
    }

    /// All tags of this repository that can be pinned, by name.
    pub(crate) fn local_tags(&self, directory: &Path) -> Result<BTreeMap<String, TagRef>, ToolError> {
        self.known_repository(directory)?;
        let query = self.query_in(directory, ["show-ref", "--tags", "-d"]);
        let answer = query.ask()?;
        match answer.status.code() {
            Some(0) => parse_tags(&answer.stdout).map_err(|what| query.unexpected(&what)),
            // No tags at all.
            Some(1) => Ok(BTreeMap::new()),
            _ => Err(query.failed(&answer)),
        }
    }

    /// The bytes of the file at `path` in that commit, or `None` if there is no such path. A path
    /// that is no file (a directory, a symlink, a submodule) is an error.
    pub(crate) fn show(
        &self,
        directory: &Path,
        commit: &ObjectId,
        path: &str,
    ) -> Result<Option<Vec<u8>>, ToolError> {
        let query = self.query_in(directory, ["ls-tree", "-z", "--full-tree", commit.as_str(), "--", path]);
        let entries = parse_tree(&query.demand()?).map_err(|what| query.unexpected(&what))?;
        let Some(found) = entries.iter().find(|entry| entry.path == Path::new(path)) else {
            return Ok(None);
        };
        if !matches!(found.mode, 0o100_644 | 0o100_755 | 0o100_664) {
            return Err(query.unexpected("the path is not a regular file in that commit"));
        }
        let arguments = ["cat-file", "blob", found.object.as_str()];
        self.query_in(directory, arguments).demand().map(Some)
    }

    /// `revision` is HEAD, a full id or a full ref of checked parts, so it cannot be an option.
    fn resolve(&self, directory: &Path, revision: &str) -> Result<Option<ObjectId>, ToolError> {
        let query = self.query_in(directory, ["rev-parse", "--verify", "--quiet", revision]);
        let answer = query.ask()?;
        if answer.status.code() == Some(1) {
            return Ok(None);
        }
        if !answer.status.success() {
            self.known_repository(directory)?;
            return Err(query.failed(&answer));
        }
        let text = String::from_utf8_lossy(&answer.stdout);
        text.trim_end().parse().map(Some).map_err(|what: String| query.unexpected(&what))
    }

    /// An error of its own for a directory outside of any repository.
    pub(super) fn known_repository(&self, directory: &Path) -> Result<(), ToolError> {
        if is_mirror(directory) || self.toplevel(directory)?.is_some() {
            return Ok(());
        }
        Err(ToolError::NotARepository { directory: directory.to_path_buf() })
    }

    /// A question to a checkout, or to a clone of ours, which has to be named explicitly: git is
    /// told not to discover bare repositories.
    pub(super) fn query_in<'a, 'b, I>(&'a self, directory: &'a Path, arguments: I) -> Query<'a>
    where
        I: IntoIterator<Item = &'b str>,
    {
        let bare = is_mirror(directory).then(|| {
            let mut option = OsString::from("--git-dir=");
            option.push(directory);
            option
        });
        let rest = arguments.into_iter().map(OsString::from);
        self.local(directory, bare.into_iter().chain(rest))
    }
}

/// The paths of an answer that a zero byte ends each.
fn paths(answer: &[u8]) -> Vec<PathBuf> {
    let paths = answer.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    paths.map(|path| PathBuf::from(OsString::from_vec(path.to_vec()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::Place;

    /// A repository with the tags `light` and `v1` (annotated) on its first commit.
    fn repository(place: &Place) -> (Git, PathBuf) {
        let top = place.directory("repo");
        place.git(&top, &["init", "-q"]);
        place.directory("repo/pkg");
        std::fs::write(top.join("pkg/pyproject.toml"), "[project]\n").unwrap();
        std::fs::write(top.join("readme"), "one").unwrap();
        std::os::unix::fs::symlink("readme", top.join("link")).unwrap();
        place.git(&top, &["add", "."]);
        place.git(&top, &["commit", "-q", "-m", "one"]);
        place.git(&top, &["tag", "light"]);
        place.git(&top, &["tag", "-a", "-m", "x", "v1"]);
        std::fs::write(top.join("readme"), "two").unwrap();
        place.git(&top, &["commit", "-q", "-a", "-m", "two"]);
        (Git::find(&place.machine(), Path::new("/nowhere")).unwrap(), top)
    }

    #[test]
    fn tags_are_peeled_and_differ_from_head() {
        let place = Place::new();
        let (git, top) = repository(&place);
        let tags = git.local_tags(&top).unwrap();
        let commit = git.resolve_tag(&top, "v1").unwrap().unwrap();
        assert_eq!(tags["v1"].peeled, commit);
        assert_ne!(tags["v1"].object, commit);
        assert_eq!(tags["light"].object, commit);
        assert_ne!(git.head(&top).unwrap().unwrap(), commit);
        assert_eq!(git.resolve_tag(&top, "v2").unwrap(), None);
        assert!(git.resolve_tag(&top, "--all").is_err());
    }

    #[test]
    fn the_users_rules_are_found_where_git_finds_them() {
        let place = Place::new();
        let (_, top) = repository(&place);
        let find = |global: &str| {
            let mut surroundings = place.machine();
            surroundings.vars.insert("GIT_CONFIG_GLOBAL".into(), place.root().join(global).into());
            Git::find(&surroundings, Path::new("/nowhere")).unwrap().excludes_file(&top).unwrap()
        };
        let (file, watched) = find("none");
        assert_eq!(file, Some(place.root().join(".config/git/ignore")));
        assert!(watched.contains(&place.root().join("none")) && watched.contains(&top.join(".git/config")));
        std::fs::write(place.root().join("more"), "[core]\n\texcludesFile = ~/mine\n").unwrap();
        std::fs::write(place.root().join("global"), "[include]\n\tpath = more\n").unwrap();
        let (file, watched) = find("global");
        assert_eq!(file, Some(place.root().join("mine")));
        assert!(watched.contains(&place.root().join("more")), "{watched:?}");
    }

    #[test]
    fn a_file_is_read_at_its_commit() {
        let place = Place::new();
        let (git, top) = repository(&place);
        let commit = git.resolve_tag(&top, "v1").unwrap().unwrap();
        assert_eq!(git.show(&top, &commit, "readme").unwrap().unwrap(), b"one");
        assert_eq!(git.show(&top, &commit, "pkg/nothing").unwrap(), None);
        assert!(git.show(&top, &commit, "link").is_err() && git.show(&top, &commit, "pkg").is_err());
    }

    #[test]
    fn an_unknown_commit_is_no_error_for_has_commit() {
        let place = Place::new();
        let (git, top) = repository(&place);
        let head = git.head(&top).unwrap().unwrap();
        assert!(git.has_commit(&top, &head).unwrap());
        let unknown: ObjectId = "d".repeat(40).parse().unwrap();
        assert!(!git.has_commit(&top, &unknown).unwrap());
        assert!(git.show(&top, &unknown, "readme").is_err());
    }

    #[test]
    fn outside_of_a_repository_is_told_apart_from_a_broken_one() {
        let place = Place::new();
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let plain = place.directory("plain");
        assert_eq!(git.toplevel(&plain).unwrap(), None);
        assert!(matches!(git.head(&plain), Err(ToolError::NotARepository { .. })));
        assert!(matches!(git.local_tags(&plain), Err(ToolError::NotARepository { .. })));
        std::fs::write(plain.join(".git"), "gitdir: /nonexistent\n").unwrap();
        assert!(matches!(git.toplevel(&plain), Err(ToolError::Failed(_))));
    }

    #[test]
    fn before_the_first_commit_there_is_no_head_and_no_tag() {
        let place = Place::new();
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let top = place.directory("empty");
        place.git(&top, &["init", "-q"]);
        assert_eq!(git.head(&top).unwrap(), None);
        assert!(git.local_tags(&top).unwrap().is_empty());
    }

    #[test]
    fn a_bare_repository_hidden_in_the_tree_is_not_used() {
        let place = Place::new();
        let (git, top) = repository(&place);
        let hidden = place.directory("repo/hidden");
        place.git(&hidden, &["init", "-q", "--bare"]);
        place.git(&hidden, &["--git-dir=.", "config", "core.sshCommand", "evil"]);
        // Used, it would have no commit and no tag, which is no error.
        assert!(git.head(&hidden).is_err());
        assert!(git.local_tags(&hidden).is_err());
        assert!(git.head(&top).unwrap().is_some());
    }
}
