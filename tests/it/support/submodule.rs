//! Submodules: checkouts of packages inside the monorepo.
//!
//! In: a [`Package`] whose remote is there. Out: what `git submodule add` and a checkout of the
//! last commit on `main` leave behind, made by hand: that command is a shell script that takes
//! longer than all the rest of a test's surroundings. The self-tests hold it against real git.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use super::monorepo::Monorepo;
use super::package::Package;

impl Monorepo {
    pub(super) fn add_submodule(&self, package: &Package) {
        let (path, url) = (&package.path, package.url());
        let repository = self.path(".git/modules").join(path);
        let remote = self.remote(&package.name);
        // Every step out of `.git/modules/<path>` and back into the working tree.
        let up = "../".repeat(path.split('/').count());

        let worktree = self.path(path);
        fs::create_dir_all(&worktree).unwrap();
        fs::create_dir_all(repository.join("objects/pack")).unwrap();
        fs::create_dir_all(repository.join("refs/heads")).unwrap();
        fs::write(worktree.join(".git"), format!("gitdir: {up}.git/modules/{path}\n")).unwrap();
        link_all(&remote.join("objects/pack"), &repository.join("objects/pack")).unwrap();
        let config = format!(
            "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n\
             \tworktree = {up}../../{path}\n[remote \"origin\"]\n\turl = {url}\n\
             \tfetch = +refs/heads/*:refs/remotes/origin/*\n",
        );
        fs::write(repository.join("config"), config).unwrap();
        fs::write(repository.join("packed-refs"), packed_references(&remote).unwrap()).unwrap();
        let head =
            fs::read(remote.join("refs/heads/main")).expect("a submodule's package has a commit on main");
        fs::write(repository.join("HEAD"), head).unwrap();
        self.git(&["-C", path, "read-tree", "--reset", "-u", "HEAD"]).success();

        self.append(".gitmodules", &format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n"));
        self.append(".git/config", &format!("[submodule \"{path}\"]\n\tactive = true\n\turl = {url}\n"));
        self.git(&["add", ".gitmodules", path]).success();
    }

    /// Empties a submodule's directory and forgets its repository: a clone that nobody has run
    /// `git submodule update --init` in.
    pub(crate) fn deinit(&self, package: &str) -> Self {
        let path = self.remembered(package).path;
        self.git(&["submodule", "--quiet", "deinit", "--force", &path]).success();
        fs::remove_dir_all(self.path(".git/modules").join(&path)).unwrap();
        self.clone()
    }
}

/// The remote's references as a clone records them.
fn packed_references(remote: &Path) -> io::Result<String> {
    let mut lines = Vec::new();
    for (from, to) in [("refs/heads", "refs/remotes/origin"), ("refs/tags", "refs/tags")] {
        collect_references(&remote.join(from), to, &mut lines)?;
    }
    lines.sort();
    Ok(lines.into_iter().fold(String::from("# pack-refs with: sorted \n"), |mut text, (name, id)| {
        writeln!(text, "{} {name}", id.trim_end()).expect("a string takes everything");
        text
    }))
}

fn collect_references(directory: &Path, prefix: &str, lines: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect_references(&entry.path(), &name, lines)?;
        } else {
            lines.push((name, fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}

/// Shares a directory's files by hard links; packs are never written to.
fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::hard_link(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
