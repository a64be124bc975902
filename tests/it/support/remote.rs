//! The bare repositories that packages are published in.
//!
//! In: a [`Package`] and what later happens to its tags. Out: `remotes/<name>.git`, written by one
//! `git fast-import` per push, since a process costs more than all the rest. Dates come from the
//! monorepo's clock, so that commit ids are the same in every run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::monorepo::Monorepo;
use super::package::{Change, Package, Place};

/// One file of a commit, as git has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'e> {
    /// `100644`, `120000` for a link, `160000` for a submodule.
    pub(crate) mode: &'e str,
    pub(crate) path: &'e [u8],
    pub(crate) content: &'e [u8],
}

/// Author, committer and tagger of everything.
pub(super) const PERSON: &str = "Envloom Tests <tests@example.com>";

impl Monorepo {
    /// Adds a package with an annotated tag per name, as a submodule at `packages/<name>`.
    pub(crate) fn package(&self, name: &str, tags: &[&str]) -> Self {
        self.add(tags.iter().fold(Package::new(name), |package, tag| package.tag(tag)))
    }

    /// Adds a package: its remote, and its place in the monorepo.
    pub(crate) fn add(&self, package: Package) -> Self {
        let package = package.finished();
        if package.place != Place::InTree {
            create_bare(&self.remote(&package.name)).unwrap();
            self.import(&package.name, &package.history);
        }
        match package.place {
            Place::Submodule => self.add_submodule(&package),
            Place::InTree => {
                let tree = &package.history.last().expect("a finished package has a commit").files;
                for (path, content) in tree {
                    self.write_bytes(&format!("{}/{path}", package.path), content.as_bytes());
                }
            }
            Place::RemoteOnly => {}
        }
        self.remember(package);
        self.clone()
    }

    /// Pushes a new release to a package's remote: the package as last described, with one more
    /// commit and an annotated tag. The submodule's checkout stays as it is.
    pub(crate) fn release(&self, name: &str, tag: &str) -> Self {
        self.push(self.remembered(name).tag(tag))
    }

    /// Pushes the commits and tags of `package`, described anew, on top of its remote's.
    pub(crate) fn push(&self, package: Package) -> Self {
        self.import(&package.name, &package.history);
        self.remember(package);
        self.clone()
    }

    /// Pushes a commit with an annotated tag: what `main` has, with `entries` besides. Modes and paths are git's, and
    /// nothing has to be text; the content of a submodule (`160000`) is its commit.
    pub(crate) fn push_entries(&self, name: &str, tag: &str, entries: &[Entry<'_>]) -> Self {
        let time = self.tick();
        // Names and words of people are bytes as well.
        let mut stream = b"commit refs/heads/main\ncommitter E\xff\x1b]0;x\x07 <e@example.com> ".to_vec();
        stream.extend(format!("{time}\ndata 5\n").into_bytes());
        stream.extend(b"\xff\x1b[2J\nfrom refs/heads/main^0\n");
        for Entry { mode, path, content } in entries {
            let path = path.iter().fold(String::new(), |mut path, byte| {
                write!(path, "\\{byte:03o}").unwrap();
                path
            });
            if *mode == "160000" {
                stream.extend([b"M 160000 ", *content].concat());
                stream.extend(format!(" \"{path}\"\n").into_bytes());
                continue;
            }
            stream.extend(format!("M {mode} inline \"{path}\"\ndata {}\n", content.len()).into_bytes());
            stream.extend([*content, b"\n"].concat());
        }
        stream.extend(self.annotated(tag, "refs/heads/main").into_bytes());
        self.fast_import(name, &stream);
        self.clone()
    }

    /// Moves a tag of a package's remote to a new commit: same version, one more file.
    pub(crate) fn move_tag(&self, name: &str, tag: &str) -> Self {
        // Fast-import writes commits to a reference only; this one is gone again a line later.
        let stream = format!(
            "commit refs/moved\nmark :1\ncommitter {PERSON} {}\n{}from refs/tags/{tag}^0\n\
             M 100644 inline moved.txt\n{}{}reset refs/moved\nfrom 0000000000000000000000000000000000000000\n\n",
            self.tick(),
            data(&format!("{tag}, moved")),
            data(tag),
            self.annotated(tag, ":1"),
        );
        self.fast_import(name, &stream);
        self.clone()
    }

    /// Moves a tag of a package's remote to a commit that is there.
    pub(crate) fn move_tag_to(&self, name: &str, tag: &str, commit: &str) -> Self {
        self.fast_import(name, self.annotated(tag, &format!("{commit}^0")));
        self.clone()
    }

    /// Deletes a tag of a package's remote.
    pub(crate) fn delete_tag(&self, name: &str, tag: &str) -> Self {
        self.remote_git(name, &["update-ref", "-d", &format!("refs/tags/{tag}")]);
        self.clone()
    }

    /// The commit that a tag of a package's remote stands for, peeled.
    pub(crate) fn tag_commit(&self, name: &str, tag: &str) -> String {
        self.remote_git(name, &["rev-parse", "--verify", &format!("refs/tags/{tag}^{{commit}}")])
    }

    /// The directory of a package's remote.
    pub(crate) fn remote(&self, name: &str) -> PathBuf {
        self.root().join("remotes").join(format!("{name}.git"))
    }

    /// The URL that manifests and `tasks.kdl` name for a package.
    pub(crate) fn package_url(&self, name: &str) -> String {
        self.remembered(name).url()
    }

    fn remote_git(&self, name: &str, arguments: &[&str]) -> String {
        let remote = self.remote(name);
        let remote = remote.to_str().expect("the root is UTF-8");
        self.git(&[&["--git-dir", remote], arguments].concat()).text()
    }

    fn import(&self, name: &str, history: &[Change]) {
        let remote = self.remote(name);
        let exists = |branch: &str| remote.join("refs/heads").join(branch).exists();
        let mut stream = String::new();
        let mut pushed: Vec<&str> = Vec::new();
        for (change, mark) in history.iter().zip(1..) {
            let branch = change.branch.as_str();
            let parent = if pushed.contains(&branch) {
                None
            } else if exists(branch) {
                Some(format!("refs/heads/{branch}^0"))
            } else if exists("main") || pushed.contains(&"main") {
                // A branch that this stream has made is a name without `^0` to fast-import.
                Some(
                    if pushed.contains(&"main") { "refs/heads/main" } else { "refs/heads/main^0" }.to_owned(),
                )
            } else {
                None
            };
            pushed.push(branch);
            stream.push_str(&self.commit_command(change, mark, parent.as_deref()));
        }
        self.fast_import(name, &stream);
    }

    fn commit_command(&self, change: &Change, mark: usize, parent: Option<&str>) -> String {
        let mut text = format!(
            "commit refs/heads/{}\nmark :{mark}\ncommitter {PERSON} {}\n",
            change.branch,
            self.tick()
        );
        text.push_str(&data(&change.message));
        if let Some(parent) = parent {
            writeln!(text, "from {parent}").unwrap();
        }
        text.push_str("deleteall\n");
        for (path, content) in &change.files {
            write!(text, "M 100644 inline \"{path}\"\n{}", data(content)).unwrap();
        }
        match &change.tag {
            Some(tag) if tag.annotated => {
                text.push_str(&self.annotated(&tag.name, &format!(":{mark}")));
            }
            Some(tag) => write!(text, "reset refs/tags/{}\nfrom :{mark}\n\n", tag.name).unwrap(),
            None => {}
        }
        text
    }

    fn annotated(&self, tag: &str, from: &str) -> String {
        format!("tag {tag}\nfrom {from}\ntagger {PERSON} {}\n{}", self.tick(), data(tag))
    }

    fn fast_import(&self, name: &str, stream: impl AsRef<[u8]>) {
        let file = self.root().join("remotes/stream");
        fs::write(&file, stream).unwrap();
        let stdin = fs::File::open(&file).unwrap();
        let remote = self.remote(name);
        let remote = remote.to_str().expect("the root is UTF-8");
        // A pack, not loose objects: two files to link into the submodule's repository.
        let arguments =
            ["-c", "fastimport.unpackLimit=1", "--git-dir", remote, "fast-import", "--quiet", "--force"];
        self.git_with_input(&arguments, stdin).success();
    }
}

/// A bare repository, as `git init --bare` makes it, without the process.
fn create_bare(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory.join("objects/pack"))?;
    fs::create_dir_all(directory.join("refs/heads"))?;
    fs::create_dir_all(directory.join("refs/tags"))?;
    fs::write(directory.join("HEAD"), "ref: refs/heads/main\n")?;
    // Partial clones work with the hosts that people use.
    let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[uploadpack]\n\tallowFilter = true\n";
    fs::write(directory.join("config"), config)
}

/// Fast-import's counted data.
fn data(text: &str) -> String {
    format!("data {}\n{text}\n", text.len())
}
