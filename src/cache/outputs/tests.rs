use super::*;
use crate::base::Patterns;
use crate::cache::content::Contents;
use crate::cache::observe::Observer;
use std::os::unix::fs::{PermissionsExt as _, symlink};

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
        let made = Made { task: "test:dev", fields, outputs: &outputs, log: Some(&log), duration_ms: 12 };
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
    assert_eq!(kept.size(), 11);
    assert_eq!(
        place.store().size().unwrap(),
        Size { actions: 1, blobs: 3, bytes: place.store().size().unwrap().bytes }
    );
}
