use super::keep::KeepError;
use super::prune::Pruned;
use super::restore::RestoreError;
use super::*;
use crate::base::Patterns;
use crate::cache::content::Contents;
use crate::cache::observe::Observer;
use std::os::unix::fs::{PermissionsExt as _, symlink};

/// What is said, and what was put into a tree or outside of it.
type InTheWay = (&'static str, fn(&Path, &Path));

/// A working tree and a store beside it.
struct Place {
    home: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("tree")).unwrap();
        Self { home }
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("tree")
    }

    fn store(&self) -> OutputStore {
        OutputStore::new(self.home.path().join("store"))
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Every path below the root, with what is there.
    fn shown(&self) -> Vec<String> {
        fn enter(root: &Path, directory: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(root).unwrap().display().to_string();
                let metadata = fs::symlink_metadata(&path).unwrap();
                if metadata.is_symlink() {
                    found.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
                } else if metadata.is_dir() {
                    found.push(format!("{name}/"));
                    enter(root, &path, found);
                } else {
                    let text = fs::read_to_string(&path).unwrap();
                    found.push(format!("{name} {:o} {text}", metadata.permissions().mode() & 0o777));
                }
            }
        }
        let mut found = Vec::new();
        enter(&self.root(), &self.root(), &mut found);
        found.retain(|line| !line.starts_with(".envloom"));
        found.sort();
        found
    }

    fn keep(&self, key: &str, outputs: &[&str]) -> Result<Kept, KeepError> {
        let outputs = Patterns::parse(outputs.iter().copied()).unwrap();
        let log = self.home.path().join("log");
        fs::write(&log, format!("log of {key}\n")).unwrap();
        let fields = BTreeMap::from([("uv".to_owned(), "0.13.9".to_owned())]);
        let made = Made {
            task: "test:dev",
            fields,
            outputs: &outputs,
            before: &Before::default(),
            log: Some(&log),
            duration_ms: 12,
        };
        self.store().keep(Digest::of(key), &self.root(), made)
    }

    fn restore(&self, kept: &Kept, former: Option<&Kept>) -> Result<(), RestoreError> {
        let stage = self.root().join(".envloom/tmp");
        self.store().restore(kept, &self.root(), &stage, former)
    }

    fn differs(&self, kept: &Kept) -> Vec<Difference> {
        let contents = Contents::load(self.home.path());
        kept.differs(&self.root(), &contents, &Observer::new()).unwrap()
    }
}

#[test]
fn what_was_kept_comes_back_as_it_was() {
    let place = Place::new();
    place.write("out/a.txt", "a");
    place.write("out/deep/tool", "#!/bin/sh\n");
    place.write("src/x.py", "x");
    fs::set_permissions(place.root().join("out/deep/tool"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::set_permissions(place.root().join("out/a.txt"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(place.root().join("src/x.py"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::create_dir(place.root().join("out/empty")).unwrap();
    symlink("../src/x.py", place.root().join("out/link")).unwrap();
    let before = place.shown();
    let kept = place.keep("k", &["out/"]).unwrap();
    assert_eq!(place.store().find(Digest::of("k")), Some(kept.clone()));
    assert_eq!(place.store().find(Digest::of("other")), None);
    assert_eq!(place.store().log(&kept).unwrap(), b"log of k\n");
    assert_eq!(place.differs(&kept), []);
    fs::remove_dir_all(place.root().join("out")).unwrap();
    assert_eq!(place.differs(&kept).len(), 4);
    place.restore(&kept, None).unwrap();
    assert_eq!(place.shown(), before);
    assert_eq!(place.store().size().unwrap(), Size { files: 4, bytes: place.store().size().unwrap().bytes });
}

/// Every file of the store, with its path.
fn stored(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(stored(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn no_truncation_and_no_flipped_bit_of_an_action_passes_for_a_record() {
    let place = Place::new();
    place.write("out/a", "a");
    place.keep("k", &["out"]).unwrap();
    let (store, key) = (place.store(), Digest::of("k"));
    let path = store.action_path(key);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(store.find(key), None, "{length}");
    }
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).unwrap();
        assert_eq!(store.find(key), None, "bit {bit}");
    }
    // Another key's whole record is another's.
    let other = store.action_path(Digest::of("other"));
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, &whole).unwrap();
    assert_eq!(store.find(Digest::of("other")), None);
}

#[test]
fn no_truncation_and_no_flipped_bit_of_a_blob_is_restored() {
    let place = Place::new();
    place.write("out/a", "first");
    place.write("out/b", "second");
    let kept = place.keep("k", &["out"]).unwrap();
    let blob = place.store().blob_path(Digest::of("second"));
    let whole = fs::read(&blob).unwrap();
    let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
    let flipped = (0..whole.len() * 8).map(|bit| {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        damaged
    });
    fs::remove_dir_all(place.root().join("out")).unwrap();
    for damaged in cut.chain(flipped) {
        fs::write(&blob, damaged).unwrap();
        let error = place.restore(&kept, None).unwrap_err();
        assert!(matches!(&error, RestoreError::Miss { path } if path.as_str() == "out/b"), "{error}");
        assert_eq!(place.shown(), [""; 0]);
        // It is gone, so that the next run keeps a whole one.
        assert!(!blob.exists());
    }
    assert!(matches!(place.restore(&kept, None), Err(RestoreError::Miss { .. })));
    let log = place.store().blob_path(kept.log.unwrap());
    fs::write(log, "another log").unwrap();
    assert_eq!(place.store().log(&kept), None);
    place.write("out/a", "first");
    place.write("out/b", "second");
    let kept = place.keep("k", &["out"]).unwrap();
    fs::remove_dir_all(place.root().join("out")).unwrap();
    place.restore(&kept, None).unwrap();
    assert_eq!(place.shown().len(), 3);
}

#[test]
fn what_cannot_be_kept_is_said_and_nothing_is_found() {
    let place = Place::new();
    place.write("out/a", "a");
    let pipe = place.root().join("out/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let mut said = vec![place.keep("k", &["out"]).unwrap_err().to_string()];
    fs::remove_file(pipe).unwrap();
    for target in ["/etc/hostname", "../../x", ".git/config", "../.git"] {
        let link = place.root().join("out/link");
        symlink(target, &link).unwrap();
        said.push(place.keep("k", &["out"]).unwrap_err().to_string());
        fs::remove_file(link).unwrap();
    }
    place.write("out/b\u{1b}c", "");
    said.push(place.keep("k", &["out"]).unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"), @r"
    the output `out/pipe` is no file, link or directory
    the output `out/link` is a link out of the repository, to `/etc/hostname`
    the output `out/link` is a link out of the repository, to `../../x`
    the output `out/link` is a link out of the repository, to `.git/config`
    the output `out/link` is a link out of the repository, to `../.git`
    the name of the output `out/b\u{1b}c` cannot be shown or shared
    ");
    assert_eq!(place.store().find(Digest::of("k")), None);
    // Not declared, not looked at.
    place.keep("k", &["out/a"]).unwrap();
}

#[test]
fn a_store_that_cannot_be_written_keeps_nothing() {
    for in_the_way in ["blobs", "actions", "tmp"] {
        let place = Place::new();
        place.write("out/a", "a");
        fs::create_dir(place.home.path().join("store")).unwrap();
        fs::write(place.home.path().join("store").join(in_the_way), "").unwrap();
        assert!(matches!(place.keep("k", &["out"]), Err(KeepError::File(_))), "{in_the_way}");
        assert_eq!(place.store().find(Digest::of("k")), None);
    }
}

#[test]
fn what_a_killed_writer_left_is_nobodys_and_goes_in_time() {
    let place = Place::new();
    place.write("out/a", "a");
    let kept = place.keep("k", &["out"]).unwrap();
    let store = place.store();
    let shard = store.action_path(Digest::of("k")).parent().unwrap().to_owned();
    let litter = [store.workshop().join(".tmpAbc"), shard.join(".x.json.envloom-1.tmp")];
    let old = SystemTime::now() - Duration::from_hours(48);
    for path in &litter {
        File::create(path).unwrap().set_modified(old).unwrap();
    }
    fs::write(store.workshop().join(".tmpYoung"), "someone writes this now").unwrap();
    assert_eq!(store.find(Digest::of("k")), Some(kept));
    let pruned =
        store.prune(Limits { bytes: None, age: Some(Duration::from_hours(24)) }, Duration::MAX).unwrap();
    assert_eq!((pruned.removed.files, pruned.is_partial), (2, false));
    assert!(litter.iter().all(|path| !path.exists()) && store.workshop().join(".tmpYoung").exists());
    assert!(store.find(Digest::of("k")).is_some());
}

#[test]
fn equal_contents_are_kept_once_and_equal_outputs_are_not_touched() {
    let place = Place::new();
    place.write("out/a", "same");
    place.write("out/b", "same");
    let kept = place.keep("k", &["out"]).unwrap();
    place.keep("l", &["out"]).unwrap();
    // Two records, one content, two logs.
    assert_eq!(stored(&place.home.path().join("store")).len(), 2 + 1 + 2);
    let inode =
        |name: &str| std::os::unix::fs::MetadataExt::ino(&fs::metadata(place.root().join(name)).unwrap());
    let before = inode("out/a");
    fs::remove_file(place.root().join("out/b")).unwrap();
    place.restore(&kept, None).unwrap();
    assert_eq!(inode("out/a"), before);
    assert_eq!(place.differs(&kept), []);
}

#[test]
fn each_difference_is_told() {
    let place = Place::new();
    for path in ["out/a", "out/b", "out/c", "out/d"] {
        place.write(path, "text");
        fs::set_permissions(place.root().join(path), fs::Permissions::from_mode(0o644)).unwrap();
    }
    symlink("a", place.root().join("out/link")).unwrap();
    fs::create_dir(place.root().join("out/empty")).unwrap();
    let kept = place.keep("k", &["out"]).unwrap();
    place.write("out/a", "tex!");
    fs::remove_file(place.root().join("out/b")).unwrap();
    fs::set_permissions(place.root().join("out/c"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(place.root().join("out/d")).unwrap();
    fs::create_dir(place.root().join("out/d")).unwrap();
    fs::remove_file(place.root().join("out/link")).unwrap();
    symlink("c", place.root().join("out/link")).unwrap();
    fs::remove_dir(place.root().join("out/empty")).unwrap();
    let path = |text: &str| RelPath::parse(text).unwrap();
    assert_eq!(
        place.differs(&kept),
        [
            Difference::Changed { path: path("out/a") },
            Difference::Missing { path: path("out/b") },
            Difference::Mode { path: path("out/c"), was: 0o644, is: 0o755 },
            Difference::Changed { path: path("out/d") },
            Difference::Missing { path: path("out/empty") },
            Difference::Changed { path: path("out/link") },
        ]
    );
    // An empty directory where a file was is nobody's loss.
    place.restore(&kept, None).unwrap();
    assert_eq!(place.differs(&kept), []);
}

#[test]
fn outputs_that_are_no_more_go_unless_someone_changed_them() {
    let place = Place::new();
    for path in ["out/stale", "out/mine", "out/both", "out/was/file"] {
        place.write(path, "old");
    }
    let former = place.keep("old", &["out"]).unwrap();
    fs::remove_dir_all(place.root().join("out")).unwrap();
    place.write("out/both", "new");
    place.write("out/was", "new");
    let kept = place.keep("new", &["out"]).unwrap();
    fs::remove_dir_all(place.root().join("out")).unwrap();
    place.restore(&former, Some(&kept)).unwrap();
    place.write("out/mine", "edited");
    place.write("other", "stays");
    place.restore(&kept, Some(&former)).unwrap();
    let names: Vec<String> = place.shown().iter().map(|line| line.replace(" 644", "")).collect();
    assert_eq!(names, ["other stays", "out/", "out/both new", "out/mine edited", "out/was new"]);
}

#[test]
fn before_a_run_goes_what_the_last_one_wrote_and_nothing_else() {
    let place = Place::new();
    let outputs = Patterns::parse(["out/**"]).unwrap();
    place.write("out/found", "theirs");
    place.write("out/read", "theirs");
    let read = RelPath::parse("out/read").unwrap();
    let before = Before::look(&place.root(), &outputs, std::slice::from_ref(&read)).unwrap();
    place.write("out/read", "made of theirs");
    for path in ["out/a/b/c", "out/edited", "out/spared", "out/linked/x", "out/own/x"] {
        place.write(path, "made");
    }
    fs::create_dir(place.root().join("out/empty")).unwrap();
    symlink("found", place.root().join("out/link")).unwrap();
    let made = Made {
        task: "t",
        fields: BTreeMap::new(),
        outputs: &outputs,
        before: &before,
        log: None,
        duration_ms: 1,
    };
    let kept = place.store().keep(Digest::of("k"), &place.root(), made).unwrap();
    assert_eq!(kept.found, [RelPath::parse("out/found").unwrap(), read]);
    place.write("out/edited", "mine");
    place.write("out/own/.git", "gitdir: elsewhere");
    fs::rename(place.root().join("out/linked"), place.root().join("real")).unwrap();
    symlink("../real", place.root().join("out/linked")).unwrap();
    let may_go = |path: &RelPath| path.as_str() != "out/spared";
    let contents = Contents::load(place.home.path());
    kept.clear(&place.root(), &contents, &may_go, &|path| !path.is_root()).unwrap();
    let left: Vec<String> = place.shown().iter().map(|line| line.replace(" 644", "")).collect();
    assert_eq!(
        left,
        [
            "out/",
            "out/edited mine",
            "out/found theirs",
            "out/linked -> ../real",
            "out/own/",
            "out/own/.git gitdir: elsewhere",
            "out/own/x made",
            "out/read made of theirs",
            "out/spared made",
            "real/",
            "real/x made",
        ]
    );
}

#[test]
fn nothing_is_written_through_a_link_or_over_what_is_not_the_tasks() {
    let place = Place::new();
    place.write("out/deep/a", "a");
    place.write("out/b", "b");
    let kept = place.keep("k", &["out"]).unwrap();
    let outside = place.home.path().join("outside");
    let cases: [InTheWay; 4] = [
        ("a link stands on the way to it", |root, outside| symlink(outside, root.join("out")).unwrap()),
        ("a link stands on the way to it", |root, outside| {
            fs::create_dir(root.join("out")).unwrap();
            symlink(outside, root.join("out/deep")).unwrap();
        }),
        ("a file stands on the way to it", |root, _| {
            fs::create_dir(root.join("out")).unwrap();
            fs::write(root.join("out/deep"), "mine").unwrap();
        }),
        ("a directory with files in it lies there", |root, _| {
            fs::create_dir_all(root.join("out/b")).unwrap();
            fs::write(root.join("out/b/mine"), "mine").unwrap();
        }),
    ];
    for (expected, prepare) in cases {
        fs::remove_dir_all(place.root()).unwrap();
        fs::create_dir(place.root()).unwrap();
        let _ = fs::remove_dir_all(&outside);
        fs::create_dir(&outside).unwrap();
        prepare(&place.root(), &outside);
        let before = place.shown();
        let error = place.restore(&kept, None).unwrap_err();
        assert!(
            matches!(error, RestoreError::InTheWay { what, .. } if what == expected),
            "{expected}: {error}"
        );
        assert_eq!(place.shown(), before, "{expected}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{expected}");
    }
    // A link in the output's own place is replaced, not followed.
    fs::remove_dir_all(place.root()).unwrap();
    fs::create_dir_all(place.root().join("out")).unwrap();
    fs::write(outside.join("target"), "theirs").unwrap();
    symlink(outside.join("target"), place.root().join("out/b")).unwrap();
    place.restore(&kept, None).unwrap();
    assert_eq!(fs::read_to_string(outside.join("target")).unwrap(), "theirs");
    assert_eq!(place.differs(&kept), []);
}

#[test]
fn a_record_that_leads_out_of_the_repository_is_none() {
    let place = Place::new();
    let (store, key) = (place.store(), Digest::of("k"));
    let file = |path: &str| Output {
        path: serde_json::from_value(path.into()).unwrap(),
        left: Left::File { digest: key, mode: 0o644, size: 0 },
    };
    let link = |target: &str| Output {
        path: RelPath::parse("a/link").unwrap(),
        left: Left::Symlink { target: target.to_owned() },
    };
    let sound = |outputs: Vec<Output>| {
        let kept = Kept {
            task: "t".into(),
            fields: BTreeMap::new(),
            outputs,
            found: vec![],
            log: None,
            duration_ms: 0,
        };
        file::write(&store.action_path(key), key, &kept).unwrap();
        store.find(key).is_some()
    };
    assert!(sound(vec![file("a"), file("a-b"), file("c/d")]) && sound(vec![link("../b"), file("x")]));
    for path in ["../x", "/x", "a/../../x", "a//b", ".git/hooks/x", ".envloom/made-here", "."] {
        assert!(!sound(vec![file(path)]), "{path}");
    }
    for target in ["../../x", "/x", "", "../.git/x"] {
        assert!(!sound(vec![link(target)]), "{target}");
    }
    assert!(!sound(vec![file("a"), file("a-b"), file("a/b")]) && !sound(vec![file("a"), file("a")]));
}

/// Puts the last use of a key and of what it needs so many hours back.
fn age(store: &OutputStore, key: &str, kept: &Kept, hours: u64) {
    let then = SystemTime::now() - Duration::from_hours(hours);
    for path in kept.blobs().map(|blob| store.blob_path(blob)).chain([store.action_path(Digest::of(key))]) {
        touch(&path, then);
    }
}

#[test]
fn what_was_used_longest_ago_goes_first_and_whole() {
    let place = Place::new();
    place.write("out/shared", &"s".repeat(1000));
    let keep = |key: &str| {
        place.write("out/own", &key.repeat(1000));
        place.keep(key, &["out"]).unwrap()
    };
    let (a, b, c) = (keep("a"), keep("b"), keep("c"));
    let store = place.store();
    for (key, kept, hours) in [("a", &a, 30), ("c", &c, 20), ("b", &b, 10)] {
        age(&store, key, kept, hours);
    }
    // Used again, `a` is the youngest.
    store.note_use(Digest::of("a"));
    let size = store.size().unwrap();
    assert_eq!(size.files, 10);
    let limits = |bytes| Limits { bytes: Some(bytes), age: None };
    assert_eq!(store.prune(limits(size.bytes), Duration::MAX).unwrap(), Pruned::default());
    let pruned = store.prune(limits(size.bytes - 1), Duration::MAX).unwrap();
    assert_eq!(store.size().unwrap().bytes, size.bytes - pruned.removed.bytes);
    assert_eq!(store.find(Digest::of("c")), None);
    for (key, kept) in [("a", &a), ("b", &b)] {
        assert_eq!(store.find(Digest::of(key)).as_ref(), Some(kept));
        place.restore(kept, None).unwrap();
    }
    let pruned = store.prune(Limits { bytes: None, age: Some(Duration::ZERO) }, Duration::MAX).unwrap();
    assert!(!pruned.is_partial);
    assert_eq!(store.size().unwrap(), Size::default());
}

#[test]
fn a_prune_without_time_is_partial_and_leaves_a_sound_store() {
    let place = Place::new();
    place.write("out/a", "a");
    let kept = place.keep("k", &["out"]).unwrap();
    age(&place.store(), "k", &kept, 100);
    let limits = Limits { bytes: Some(0), age: Some(Duration::from_hours(1)) };
    assert!(place.store().prune(limits, Duration::ZERO).unwrap().is_partial);
    assert_eq!(place.store().find(Digest::of("k")), Some(kept));
}

#[test]
fn a_look_at_the_size_is_due_once_an_hour() {
    let place = Place::new();
    let store = place.store();
    assert!(!store.is_prune_due());
    place.keep("k", &[]).unwrap();
    assert!(store.is_prune_due());
    store.prune(Limits::default(), Duration::MAX).unwrap();
    assert!(!store.is_prune_due());
    touch(&place.home.path().join("store/looked"), SystemTime::now() - Duration::from_hours(2));
    assert!(store.is_prune_due());
}

#[test]
fn a_cleaned_store_is_gone() {
    let place = Place::new();
    assert_eq!(place.store().clean().unwrap(), Size::default());
    place.write("out/a", "a");
    place.keep("k", &["out"]).unwrap();
    let size = place.store().size().unwrap();
    assert_eq!(place.store().clean().unwrap(), size);
    assert!(!place.home.path().join("store").exists());
    place.keep("k", &["out"]).unwrap();
}

#[test]
fn many_may_keep_prune_and_restore_at_once() {
    let place = Place::new();
    for at in 0..20 {
        place.write(&format!("out/f{at}"), &format!("content {}", at % 5));
    }
    let kept = place.keep("first", &["out"]).unwrap();
    std::thread::scope(|scope| {
        let place = &place;
        for thread in 0..4_u32 {
            let kept = &kept;
            scope.spawn(move || {
                let outputs = Patterns::parse(["out"]).unwrap();
                for round in 0..10_u32 {
                    let key = Digest::of((thread * 100 + round).to_le_bytes());
                    let made = Made {
                        task: "t",
                        fields: BTreeMap::new(),
                        outputs: &outputs,
                        before: &Before::default(),
                        log: None,
                        duration_ms: 0,
                    };
                    place.store().keep(key, &place.root(), made).unwrap();
                    let tree = tempfile::tempdir_in(place.home.path()).unwrap();
                    match place.store().restore(kept, tree.path(), &tree.path().join("stage"), None) {
                        Ok(()) => {
                            let differs =
                                kept.differs(tree.path(), &Contents::load(tree.path()), &Observer::new());
                            assert_eq!(differs.unwrap(), []);
                        }
                        Err(RestoreError::Miss { .. }) => assert!(!tree.path().join("out").exists()),
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
        scope.spawn(|| {
            for bytes in [10_000, 1_000, 0, 5_000] {
                place.store().prune(Limits { bytes: Some(bytes), age: None }, Duration::MAX).unwrap();
            }
        });
    });
    for path in stored(&place.home.path().join("store/blobs")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(Digest::of(fs::read(&path).unwrap()).to_string(), name);
    }
    assert_eq!(fs::read_dir(place.store().workshop()).unwrap().count(), 0);
}
