//! A submodule that comes to a repository, or goes: the index, its files and its repository.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use super::call::Git;
use super::checkout::{ASIDE, Module};
use super::modules_file::{with_section, without_section};
use super::object::{ObjectId, parse_index};
use super::remote::{network, patiently};
use crate::base::RelPath;
use crate::tool::address::check_url;
use crate::tool::error::ToolError;

/// What declares submodules.
const MODULES: &str = ".gitmodules";

impl Git {
    /// The commit of a remote's default branch; `None`: it has none yet.
    ///
    /// # Errors
    /// When the url is refused, or the remote does not answer.
    pub(crate) fn remote_head(&self, url: &str) -> Result<Option<ObjectId>, ToolError> {
        let git = self.reaching(url)?;
        let query = git.query(Path::new("/"), network(["ls-remote", "--", url, "HEAD"]), git.limits.asking);
        let answer = patiently(&query, check_url(url)?)?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        let id = text.lines().find_map(|line| line.strip_suffix("\tHEAD"));
        id.map(|id| id.parse().map_err(|what: String| query.unexpected(&what))).transpose()
    }

    /// Puts the submodule's commit and its section of `.gitmodules` into the index, as `git submodule add` does. What else
    /// differs in `.gitmodules` stays out. `token` is what a lock of git's holds meanwhile.
    ///
    /// # Errors
    /// When git cannot write the index.
    pub(crate) fn stage_module(&self, module: &Module<'_>, token: &str) -> Result<(), ToolError> {
        let modules = self.staged_modules(module.top)?.unwrap_or_default();
        let text = match without_section(&modules, module.name) {
            Some(_) => modules,
            None => with_section(&modules, module.name, module.path.as_str(), module.url),
        };
        let entry = format!("160000,{},{}", module.commit, module.path);
        self.stage(module.top, token, &text, &["--cacheinfo", entry.as_str()])
    }

    /// Takes both out of the index.
    ///
    /// # Errors
    /// When git cannot write the index.
    pub(crate) fn unstage_module(
        &self,
        top: &Path,
        (path, name): (&RelPath, &str),
        token: &str,
    ) -> Result<(), ToolError> {
        let modules = self.staged_modules(top)?;
        let text = modules.as_ref().and_then(|text| without_section(text, name));
        let gone = ["--force-remove", "--", path.as_str()];
        match text.or(modules) {
            Some(text) if !text.trim_ascii().is_empty() => self.stage(top, token, &text, &gone),
            Some(_) => {
                let both = ["--force-remove", "--", path.as_str(), MODULES];
                self.update_index(top, token, both.map(OsString::from).to_vec())
            }
            None => self.update_index(top, token, gone.map(OsString::from).to_vec()),
        }
    }

    /// `.gitmodules` as the index has it.
    fn staged_modules(&self, top: &Path) -> Result<Option<Vec<u8>>, ToolError> {
        let query = self.local(top, ["ls-files", "-s", "-z", "--", MODULES]);
        let entries = parse_index(&query.demand()?).map_err(|what| query.unexpected(&what))?;
        match entries.as_slice() {
            [] => Ok(None),
            [one] if one.mode & 0o170_000 == 0o100_000 => self.blob(top, &one.object).map(Some),
            _ => Err(query.unexpected("`.gitmodules` is a link, or in conflict")),
        }
    }

    /// Puts `.gitmodules` into the index as that text, and what `arguments` say.
    fn stage(&self, top: &Path, token: &str, modules: &[u8], arguments: &[&str]) -> Result<(), ToolError> {
        let parent = self.own_file(top, "index")?;
        let parent = parent.parent().unwrap_or(top);
        let mut file = tempfile::NamedTempFile::new_in(parent).map_err(ToolError::io("write in", parent))?;
        file.write_all(modules).map_err(ToolError::io("write", file.path()))?;
        let hash: [&OsStr; 5] = [
            "hash-object".as_ref(),
            "-w".as_ref(),
            "--no-filters".as_ref(),
            "--".as_ref(),
            file.path().as_ref(),
        ];
        let query = self.local(top, hash);
        let blob = String::from_utf8_lossy(&query.demand()?).trim_end().to_owned();
        let blob: ObjectId = blob.parse().map_err(|what: String| query.unexpected(&what))?;
        let entry = format!("100644,{blob},{MODULES}");
        let words = ["--add", "--cacheinfo", entry.as_str()].into_iter().chain(arguments.iter().copied());
        self.update_index(top, token, words.map(OsString::from).collect())
    }

    fn update_index(&self, top: &Path, token: &str, arguments: Vec<OsString>) -> Result<(), ToolError> {
        Self::change_own(&self.own_file(top, "index")?, token, |copy| {
            let mut git = self.clone();
            git.vars.insert("GIT_INDEX_FILE".into(), copy.into());
            let words = [OsString::from("update-index")].into_iter().chain(arguments);
            git.local(top, words).demand().map(drop)
        })
    }

    /// Takes a submodule away of which nothing is lost: its files, its repository, and the directories around them that
    /// are empty then. It goes at once, whatever ends this call.
    ///
    /// # Errors
    /// When it cannot be looked at, or not be removed.
    pub(crate) fn take_away(&self, module: &Module<'_>) -> Result<(), ToolError> {
        let place = self.module_place(module.top, module.name)?;
        let tree = module.path.under(module.top);
        let parent = place.parent().unwrap_or(module.top);
        fs::create_dir_all(parent).map_err(ToolError::io("create", parent))?;
        let aside = tempfile::Builder::new().prefix(ASIDE).tempdir_in(parent);
        let aside = aside.map_err(ToolError::io("create a directory in", parent))?;
        // Without its repository a checkout is files of nobody: it goes first.
        for (path, name) in [(&tree, "tree"), (&place, "git")] {
            if path.symlink_metadata().is_err() {
                continue;
            }
            match fs::rename(path, aside.path().join(name)) {
                Err(cause) if cause.kind() == ErrorKind::CrossesDevices => fs::remove_dir_all(path),
                renamed => renamed,
            }
            .map_err(ToolError::io("remove", path))?;
        }
        drop(aside);
        // What was cut off before has left; whoever calls lets nobody else clone meanwhile.
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(ASIDE.as_bytes()) {
                fs::remove_dir_all(entry.path()).map_err(ToolError::io("remove", &entry.path()))?;
            }
        }
        for place in [place, tree] {
            let mut above = place.parent();
            // A directory that is not empty, or the repository's own, stays.
            while let Some(directory) = above.filter(|one| *one != module.top && !one.ends_with(".git")) {
                if fs::remove_dir(directory).is_err() {
                    break;
                }
                above = directory.parent();
            }
        }
        Ok(())
    }

    /// Is there a repository already where the submodule's would lie?
    ///
    /// # Errors
    /// When git cannot say.
    pub(crate) fn has_module(&self, top: &Path, name: &str) -> Result<bool, ToolError> {
        Ok(self.module_place(top, name)?.symlink_metadata().is_ok())
    }
}
