use super::*;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What changes, how, and whether an answer rests on it.
type Change = (&'static str, fn(&Place), bool);

/// A repository of real git, with a user's file of rules beside it.
struct Place {
    home: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { home: tempfile::tempdir().unwrap() };
        fs::create_dir(place.root()).unwrap();
        place.git(&place.root(), &["init", "-q"]);
        place
    }

    fn root(&self) -> PathBuf {
        self.home.path().canonicalize().unwrap().join("repo")
    }

    fn user(&self) -> PathBuf {
        self.home.path().join("user-ignore")
    }

    fn git(&self, directory: &Path, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"])
            .arg("-c")
            .arg(format!("core.excludesFile={}", self.user().display()))
            .args(arguments)
            .current_dir(directory)
            .env("HOME", self.home.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn walk(&self) -> Walk {
        Walk::new(self.root(), Some(self.user()))
    }

    fn files(&self, texts: &[&str]) -> Vec<String> {
        shown(&self.walk().files(&patterns(texts), &Observer::new()).unwrap())
    }

    /// What git neither ignores nor knows, in this repository and those that `nested` names.
    fn untracked(&self, nested: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for directory in [""].iter().chain(nested) {
            let listed =
                self.git(&self.root().join(directory), &["ls-files", "-o", "--exclude-standard", "-z"]);
            let names =
                listed.split(|byte| *byte == 0).filter(|name| !name.is_empty() && !name.ends_with(b"/"));
            let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
            found.extend(names.map(|name| format!("{prefix}{}", std::str::from_utf8(name).unwrap())));
        }
        found.sort();
        found
    }
}

fn patterns(texts: &[&str]) -> Patterns {
    Patterns::parse(texts.iter().copied()).unwrap()
}

fn shown(paths: &[RelPath]) -> Vec<String> {
    paths.iter().map(ToString::to_string).collect()
}

#[test]
fn what_git_ignores_does_not_count_unless_it_is_named() {
    let place = Place::new();
    for path in
        ["a.py", "a.log", "gen/x.py", "gen/deep/y.py", "src/b.py", "src/keep.log", "src/b.tmp", "mine.swp"]
    {
        place.write(path, "");
    }
    place.write(".gitignore", "*.log\n/gen/\n");
    place.write("src/.gitignore", "!keep.log\n*.tmp\n");
    fs::write(place.user(), "*.swp\n").unwrap();
    fs::write(place.root().join(".git/info/exclude"), "src/.gitignore\n").unwrap();
    assert_eq!(place.files(&["**"]), [".gitignore", "a.py", "src/b.py", "src/keep.log"]);
    assert_eq!(place.files(&["**"]), place.untracked(&[]));
    assert_eq!(place.files(&["**/*.py", "a.log"]), ["a.log", "a.py", "src/b.py"]);
    assert_eq!(place.files(&["gen"]), ["gen/deep/y.py", "gen/x.py"]);
    assert_eq!(place.files(&["gen/deep/y.py"]), ["gen/deep/y.py"]);
    assert_eq!(place.files(&["gen/**", "src/b.tmp"]), ["src/b.tmp"]);
    assert_eq!(place.files(&["gen", "!gen/deep"]), ["gen/x.py"]);
    assert_eq!(place.files(&["src", "!**/*.py"]), ["src/keep.log"]);
}

#[test]
fn what_tools_make_is_entered_only_by_name() {
    let place = Place::new();
    for path in [".venv/x", "a/__pycache__/m.pyc", "a/node_modules/b/c", "a/b.py", ".envloom/y"] {
        place.write(path, "");
    }
    assert_eq!(place.files(&["**"]), ["a/b.py"]);
    assert_eq!(place.files(&["a"]), ["a/b.py"]);
    assert_eq!(place.files(&["a/node_modules/b"]), ["a/node_modules/b/c"]);
    assert_eq!(place.files(&["a/*", "a/__pycache__/"]), ["a/__pycache__/m.pyc", "a/b.py"]);
}

#[test]
fn a_submodule_is_entered_and_has_rules_of_its_own() {
    let place = Place::new();
    let other = place.home.path().join("other");
    fs::create_dir(&other).unwrap();
    place.git(&other, &["init", "-q"]);
    fs::write(other.join(".gitignore"), "*.o\n").unwrap();
    place.git(&other, &["add", "."]);
    place.git(&other, &["commit", "-qm", "one"]);
    place.git(&place.root(), &["submodule", "--quiet", "add", other.to_str().unwrap(), "packages/foo"]);
    place.write(".gitignore", "*.log\n");
    for path in
        ["packages/foo/a.log", "packages/foo/a.o", "packages/foo/a.py", "packages/a.log", "packages/a.o"]
    {
        place.write(path, "");
    }
    fs::write(place.root().join(".git/modules/packages/foo/info/exclude"), "a.py\n").unwrap();
    assert_eq!(
        place.files(&["packages/**"]),
        ["packages/a.o", "packages/foo/.git ignore".replace(' ', "").as_str(), "packages/foo/a.log"]
    );
    assert_eq!(place.untracked(&["packages/foo"]), [".gitignore", "packages/a.o", "packages/foo/a.log"]);
}

#[test]
fn a_root_below_the_repositorys_top_has_the_rules_from_above() {
    let place = Place::new();
    for path in ["sub/root/a.log", "sub/root/b.py", "sub/root/only", "sub/root/x/c.py", "sub/root/d.tmp"] {
        place.write(path, "");
    }
    place.write(".gitignore", "*.log\n/sub/root/only\n");
    place.write("sub/.gitignore", "root/x\n!*.log\n");
    fs::write(place.root().join(".git/info/exclude"), "/sub/root/*.tmp\n").unwrap();
    let root = place.root().join("sub/root");
    let found = Walk::new(root, None).files(&patterns(&["**"]), &Observer::new()).unwrap();
    assert_eq!(shown(&found), ["a.log", "b.py"]);
}

#[test]
fn links_count_and_are_not_entered() {
    let place = Place::new();
    place.write("real/a", "");
    std::os::unix::fs::symlink("real", place.root().join("linked")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", place.root().join("out")).unwrap();
    std::os::unix::fs::symlink("nowhere", place.root().join("broken")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.root().join("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    assert_eq!(place.files(&["**"]), ["broken", "linked", "out", "real/a"]);
    assert_eq!(place.files(&["linked/"]), ["linked"]);
    assert_eq!(place.files(&["**"]), place.untracked(&[]));
}

#[test]
fn a_name_that_cannot_be_shown_is_refused_where_it_is_meant() {
    let place = Place::new();
    place.write("src/a\u{202e}b", "");
    place.write("b", "");
    assert_eq!(place.files(&["b"]), ["b"]);
    assert_eq!(place.files(&["src", "!src/a*"]), [""; 0]);
    let error = place.walk().files(&patterns(&["src"]), &Observer::new()).unwrap_err();
    assert_eq!(error.cause.to_string(), "its name holds a character that cannot be shown or shared");
}

#[test]
fn whatever_could_change_the_answer_is_noted() {
    let place = Place::new();
    place.write("src/a.py", "");
    place.write("other/b.py", "");
    let changes: [Change; 6] = [
        ("a new file", |place| place.write("src/b.py", ""), true),
        ("a new directory", |place| place.write("src/deep/b.py", ""), true),
        ("new rules", |place| place.write("src/.gitignore", "a.py"), true),
        ("the user's rules", |place| fs::write(place.user(), "a.py").unwrap(), true),
        (
            "what git excludes",
            |place| fs::write(place.root().join(".git/info/exclude"), "a.py").unwrap(),
            true,
        ),
        ("a file elsewhere", |place| place.write("other/c.py", ""), false),
    ];
    for (what, change, is_seen) in changes {
        let observer = Observer::new();
        place.walk().files(&patterns(&["src/**/*.py"]), &observer).unwrap();
        let seen = observer.seen();
        assert!(seen.iter().all(|(path, stamp)| stamp.holds(path)), "{what}");
        change(&place);
        assert_eq!(!seen.iter().all(|(path, stamp)| stamp.holds(path)), is_seen, "{what}");
    }
}

#[test]
fn what_a_task_has_written_is_seen_once_it_is_forgotten() {
    let place = Place::new();
    place.write("src/a.py", "");
    let (walk, observer, python) = (place.walk(), Observer::new(), patterns(&["**/*.py"]));
    assert_eq!(shown(&walk.files(&python, &observer).unwrap()), ["src/a.py"]);
    place.write("gen/b.py", "");
    assert_eq!(shown(&walk.files(&python, &observer).unwrap()), ["src/a.py"]);
    walk.forget(&patterns(&["gen/b.py"]), &observer);
    assert_eq!(shown(&walk.files(&python, &observer).unwrap()), ["gen/b.py", "src/a.py"]);
    assert!(observer.seen().iter().all(|(path, stamp)| stamp.holds(path)));
    place.write("src/.gitignore", "*.py\n");
    walk.forget(&patterns(&["src/.gitignore"]), &observer);
    assert_eq!(shown(&walk.files(&python, &observer).unwrap()), ["gen/b.py"]);
}

#[test]
fn threads_may_ask_at_once() {
    let place = Place::new();
    for at in 0..50 {
        place.write(&format!("d{}/f{at}", at % 7), "");
    }
    let (walk, observer) = (place.walk(), Observer::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(walk.files(&patterns(&["**"]), &observer).unwrap().len(), 50));
        }
    });
}

/// A line of a .gitignore, of the kinds that people write.
fn line() -> impl Strategy<Value = String> {
    let name = "[ab]|[ab]\\*|\\*|\\*\\.[ab]|a\\?|\\[ab\\]|\\[!a\\]|\\*\\*|\\\\a|a[*][*]b";
    let parts = prop::collection::vec(name, 1..4).prop_map(|parts| parts.join("/"));
    let front = prop::sample::select(vec!["", "", "", "!", "/", "!/", "#", "\\!", "./"]);
    let end = prop::sample::select(vec!["", "", "", "/", " ", "\\ ", "/**", "\r", "\t", "\t ", " \t"]);
    (front, parts, end).prop_map(|(front, parts, end)| format!("{front}{parts}{end}"))
}

fn lines() -> impl Strategy<Value = String> {
    prop::collection::vec(line(), 0..4).prop_map(|lines| lines.join("\n"))
}

fn tree() -> impl Strategy<Value = Vec<String>> {
    let path = prop::collection::vec("[ab]{1,2}|a\\.b|b\\.a", 1..5);
    prop::collection::vec(path.prop_map(|parts| parts.join("/")), 1..20)
}

proptest! {
    #![proptest_config(crate::base::testing::properties(150))]

    #[test]
    fn files_are_those_that_git_does_not_ignore(
        tree in tree(), rules in prop::collection::vec((prop::sample::select(vec!["", "a/", "b/", "a/a/"]), lines()), 0..3),
        exclude in lines(), user in lines(),
    ) {
        let place = Place::new();
        for path in &tree {
            let place = place.root().join(path);
            // What is a file on one path may be a directory on another.
            if fs::create_dir_all(place.parent().unwrap()).is_ok() {
                let _ = fs::write(place, "");
            }
        }
        for (directory, lines) in &rules {
            if place.root().join(directory).is_dir() {
                place.write(&format!("{directory}.gitignore"), lines);
            }
        }
        fs::write(place.root().join(".git/info/exclude"), &exclude).unwrap();
        fs::write(place.user(), &user).unwrap();
        prop_assert_eq!(place.files(&["**"]), place.untracked(&[]), "{:?}", rules);
    }
}
