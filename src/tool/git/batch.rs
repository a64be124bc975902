//! Files at commits, any number of them from one process: `git cat-file --batch`.
//!
//! Everything is asked before the first answer is read, and answered in the order of the questions. Of each path its
//! directory is asked too: only a tree says whether a path is a file, a symbolic link or a submodule.

use std::path::Path;

use super::call::Git;
use super::object::ObjectId;
use crate::tool::address::check_tag;
use crate::tool::error::ToolError;

/// A commit, as it is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Revision<'a> {
    /// By its id.
    Commit(ObjectId),
    /// The one a tag ends at.
    Tag(&'a str),
}

/// What is asked about one commit.
#[derive(Debug, Clone)]
pub(crate) struct Question<'a> {
    /// Which one.
    pub(crate) revision: Revision<'a>,
    /// Files, from the top of the repository; without line breaks, as every checked path is.
    pub(crate) paths: Vec<String>,
}

/// What a commit has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilesAt {
    /// Its id.
    pub(crate) commit: ObjectId,
    /// What is at each path, in the order of the question.
    pub(crate) files: Vec<Content>,
}

/// A stranger's file is not looked at beyond this.
pub(crate) const LONGEST: usize = 1 << 20;

/// What is at a path of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A file.
    File(Vec<u8>),
    /// Something else: a directory, a symbolic link, a submodule.
    Other,
    /// A file beyond [`LONGEST`].
    TooLong,
    /// Nothing.
    Absent,
}

impl Git {
    /// The answers of the repository at `directory`; `None`: it has no such tag or commit.
    ///
    /// # Errors
    /// When a tag has not the form of one, or git cannot read the repository.
    pub(crate) fn files_at(
        &self,
        directory: &Path,
        questions: &[Question<'_>],
    ) -> Result<Vec<Option<FilesAt>>, ToolError> {
        let mut input = String::new();
        for question in questions {
            if let Revision::Tag(tag) = &question.revision {
                check_tag(tag)?;
            }
            input.extend(question.objects().into_iter().flat_map(|object| [object, "\n".to_owned()]));
        }
        if input.is_empty() {
            return Ok(Vec::new());
        }
        let query = self.query_in(directory, ["cat-file", "--batch"]);
        let answer = query.ask_with(Some(input.into_bytes()))?;
        if !answer.status.success() {
            self.known_repository(directory)?;
            return Err(query.failed(&answer));
        }
        let mut objects = Objects { rest: &answer.stdout };
        let read = |question: &Question<'_>| objects.answer(question);
        questions.iter().map(read).collect::<Result<_, String>>().map_err(|what| query.unexpected(&what))
    }

    /// Of each of these ids: is it a commit that the repository has?
    ///
    /// # Errors
    /// When git cannot read the repository.
    pub(crate) fn has_commits(&self, directory: &Path, ids: &[&ObjectId]) -> Result<Vec<bool>, ToolError> {
        let input: String = ids.iter().flat_map(|id| [id.as_str(), "\n"]).collect();
        let query = self.query_in(directory, ["cat-file", "--batch-check=%(objecttype)"]);
        let answer = query.ask_with(Some(input.into_bytes()))?;
        if !answer.status.success() {
            self.known_repository(directory)?;
            return Err(query.failed(&answer));
        }
        let found = answer.stdout.split(|&byte| byte == b'\n').map(|line| line == b"commit");
        let found: Vec<bool> = found.take(ids.len()).collect();
        if found.len() == ids.len() { Ok(found) } else { Err(query.unexpected("half an answer")) }
    }

    /// The contents of files, by their ids.
    ///
    /// # Errors
    /// When the repository lacks one.
    pub(crate) fn blobs(&self, directory: &Path, ids: &[&ObjectId]) -> Result<Vec<Vec<u8>>, ToolError> {
        let input: String = ids.iter().flat_map(|id| [id.as_str(), "\n"]).collect();
        let query = self.query_in(directory, ["cat-file", "--batch"]);
        let answer = query.demand_with(input.into_bytes())?;
        let mut objects = Objects { rest: &answer };
        let read = |id: &&ObjectId| match objects.next()? {
            Some(object) if object.id == id.as_str() && object.kind == "blob" => Ok(object.content.to_vec()),
            _ => Err(format!("there is no file {id}")),
        };
        ids.iter().map(read).collect::<Result<_, String>>().map_err(|what| query.unexpected(&what))
    }
}

impl Question<'_> {
    /// What is asked: the commit, then of each path its directory and itself.
    fn objects(&self) -> Vec<String> {
        let commit = match &self.revision {
            Revision::Commit(id) => format!("{id}^{{commit}}"),
            Revision::Tag(tag) => format!("refs/tags/{tag}^{{commit}}"),
        };
        let at = |path: &str| format!("{commit}:{path}");
        let of_paths = self.paths.iter().flat_map(|path| [at(split(path).0), at(path)]);
        let of_paths: Vec<String> = of_paths.collect();
        std::iter::once(commit.clone()).chain(of_paths).collect()
    }
}

/// A path's directory and its name there.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// An object as it is printed.
struct Object<'a> {
    id: &'a str,
    kind: &'a str,
    content: &'a [u8],
}

/// What is left of an answer.
struct Objects<'a> {
    rest: &'a [u8],
}

impl<'a> Objects<'a> {
    /// `None`: there is none.
    fn next(&mut self) -> Result<Option<Object<'a>>, String> {
        let end = self.rest.iter().position(|&byte| byte == b'\n').ok_or("half an answer")?;
        let head = std::str::from_utf8(&self.rest[..end]).map_err(|_| "an answer that is no text")?;
        self.rest = &self.rest[end + 1..];
        let words: Vec<&str> = head.split(' ').collect();
        let [id, kind, size] = words[..] else { return nothing(head) };
        let (Ok(_), Ok(size)) = (id.parse::<ObjectId>(), size.parse::<usize>()) else { return nothing(head) };
        let content = self.rest.get(..size).ok_or("half an object")?;
        self.rest = self.rest[size..].strip_prefix(b"\n").ok_or("an object without an end")?;
        Ok(Some(Object { id, kind, content }))
    }

    fn answer(&mut self, question: &Question<'_>) -> Result<Option<FilesAt>, String> {
        let commit = self.next()?.filter(|object| object.kind == "commit");
        let files = question.paths.iter().map(|path| self.content(split(path).1));
        let files = files.collect::<Result<_, String>>()?;
        let found = commit.map(|commit| Ok::<_, String>(FilesAt { commit: commit.id.parse()?, files }));
        found.transpose()
    }

    /// What is at a path: the answers about its directory and about itself.
    fn content(&mut self, name: &str) -> Result<Content, String> {
        let (directory, found) = (self.next()?, self.next()?);
        let Some(directory) = directory.filter(|object| object.kind == "tree") else {
            return Ok(Content::Absent);
        };
        let Some((mode, id)) = entry(&directory, name.as_bytes())? else { return Ok(Content::Absent) };
        if !matches!(mode, b"100644" | b"100755" | b"100664") {
            return Ok(Content::Other);
        }
        match found {
            Some(object) if object.kind == "blob" && object.id == id => match object.content {
                content if content.len() > LONGEST => Ok(Content::TooLong),
                content => Ok(Content::File(content.to_vec())),
            },
            _ => Err(format!("there is no file {id}")),
        }
    }
}

/// What git says instead of an object: the name that was asked for, and why there is none.
fn nothing<T>(head: &str) -> Result<Option<T>, String> {
    let is_known = head.ends_with(" missing") || head.ends_with(" submodule");
    if is_known { Ok(None) } else { Err(format!("`{head}`")) }
}

/// Mode and id of an entry of a tree: `<mode> <name>\0<id>`, the id in binary.
fn entry<'a>(tree: &Object<'a>, name: &[u8]) -> Result<Option<(&'a [u8], String)>, String> {
    let length = tree.id.len() / 2;
    let mut rest = tree.content;
    while !rest.is_empty() {
        let space = rest.iter().position(|&byte| byte == b' ').ok_or("an entry without a mode")?;
        let end = rest.iter().position(|&byte| byte == 0).filter(|end| *end > space);
        let end = end.ok_or("an entry without a name")?;
        let id = rest.get(end + 1..end + 1 + length).ok_or("an entry without an id")?;
        if &rest[space + 1..end] == name {
            let id = id.iter().fold(String::new(), |id, byte| format!("{id}{byte:02x}"));
            return Ok(Some((&rest[..space], id)));
        }
        rest = &rest[end + 1 + length..];
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::base::RelPath;
    use crate::tool::testing::Place;

    fn ask<'a>(revision: Revision<'a>, paths: &[&str]) -> Question<'a> {
        Question { revision, paths: paths.iter().map(|&path| path.to_owned()).collect() }
    }

    #[test]
    fn files_are_read_at_commits_and_tags_by_one_process() {
        for format in ["sha1", "sha256"] {
            let place = Place::new();
            let top = place.directory("repo");
            place.git(&top, &["init", "-q", &format!("--object-format={format}")]);
            place.directory("repo/a b");
            fs::write(top.join("a b/file 3 missing"), "one\nmissing\0").unwrap();
            fs::write(top.join("empty"), "").unwrap();
            fs::write(top.join("full"), "x".repeat(LONGEST)).unwrap();
            fs::write(top.join("fuller"), "x".repeat(LONGEST + 1)).unwrap();
            symlink("empty", top.join("link")).unwrap();
            symlink("a b", top.join("way")).unwrap();
            place.git(&top, &["add", "."]);
            place.git(&top, &["commit", "-q", "-m", "one\n\n100 missing"]);
            place.git(&top, &["tag", "-a", "-m", "x", "v1"]);
            place.git(&top, &["tag", "a-file", "HEAD:empty"]);
            let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
            let head = git.head(&top).unwrap().unwrap();
            let none: ObjectId = "d".repeat(head.as_str().len()).parse().unwrap();
            let paths = ["a b/file 3 missing", "empty", "link", "way/file 3 missing", "a b", "x/y"];
            let answers = git
                .files_at(
                    &top,
                    &[
                        ask(Revision::Commit(none.clone()), &paths),
                        ask(Revision::Tag("v1"), &paths),
                        ask(Revision::Tag("v2"), &[]),
                        ask(Revision::Tag("a-file"), &["empty"]),
                        ask(Revision::Commit(head.clone()), &["empty"]),
                    ],
                )
                .unwrap();
            let file = |text: &str| Content::File(text.into());
            let files = [file("one\nmissing\0"), file(""), Content::Other, Content::Absent, Content::Other];
            let at = |files: &[Content]| Some(FilesAt { commit: head.clone(), files: files.to_vec() });
            assert_eq!(answers[1], at(&[&files[..], &[Content::Absent]].concat()));
            let long = [ask(Revision::Commit(head.clone()), &["full", "fuller"])];
            let long = git.files_at(&top, &long).unwrap();
            assert_eq!(long, [at(&[file(&"x".repeat(LONGEST)), Content::TooLong])]);
            assert_eq!([&answers[0], &answers[2], &answers[3]], [&None; 3]);
            assert_eq!(answers[4], at(&files[1..2]));
            let listed = git.files_of(&top, &head, &RelPath::root()).unwrap();
            let contents = git.blobs(&top, &[0, 1, 0].map(|at: usize| &listed[at].object)).unwrap();
            assert_eq!(contents, [&b"one\nmissing\0"[..], b"", b"one\nmissing\0"]);
            let known = git.has_commits(&top, &[&head, &none, &listed[0].object, &head]).unwrap();
            assert_eq!(known, [true, false, false, true]);
            assert!(git.blobs(&top, &[&none]).is_err() && git.blobs(&top, &[&head]).is_err());
        }
    }

    #[test]
    fn a_submodule_is_no_file_and_a_place_that_is_no_repository_says_so() {
        let place = Place::new();
        let (inner, outer) = (place.directory("inner"), place.directory("outer"));
        for top in [&inner, &outer] {
            place.git(top, &["init", "-q"]);
            place.git(top, &["commit", "-q", "--allow-empty", "-m", "one"]);
        }
        let url = inner.display().to_string();
        place.git(&outer, &["submodule", "--quiet", "add", &url, "sub"]);
        place.git(&outer, &["commit", "-q", "-m", "two"]);
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let head = git.head(&outer).unwrap().unwrap();
        let asked = [ask(Revision::Commit(head.clone()), &["sub", "sub/file", ".gitmodules"])];
        let answer = git.files_at(&outer, &asked).unwrap().remove(0).unwrap();
        assert!(
            matches!(answer.files[..], [Content::Other, Content::Absent, Content::File(_)]),
            "{answer:?}"
        );
        let nowhere = git.files_at(&place.directory("plain"), &asked);
        assert!(matches!(nowhere, Err(ToolError::NotARepository { .. })), "{nowhere:?}");
        assert!(git.files_at(&outer, &[ask(Revision::Tag("--all"), &[])]).is_err());
    }

    #[test]
    fn an_answer_that_was_cut_off_is_none() {
        let id = "a".repeat(40);
        let whole = format!("{id} commit 1\nx\n");
        for end in 0..whole.len() {
            assert!(Objects { rest: &whole.as_bytes()[..end] }.next().is_err(), "{end}");
        }
        assert!(Objects { rest: whole.as_bytes() }.next().unwrap().is_some());
        assert!(Objects { rest: b"x missing\n" }.next().unwrap().is_none());
        assert!(Objects { rest: b"fatal: x\n" }.next().is_err());
    }
}
