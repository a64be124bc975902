//! Every folder under `examples/` is run, by the module of its name.

mod minimal;
mod vlm_hyperbench;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of an example.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// The files of an example's folder, without what was made in it since.
fn files(name: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn every_example_has_a_module_that_runs_it() {
    let this = include_str!("mod.rs");
    let entries: Vec<_> = fs::read_dir(folder("")).unwrap().map(Result::unwrap).collect();
    assert!(!entries.is_empty());
    for entry in entries {
        let name = entry.file_name().into_string().unwrap();
        let module = format!("mod {};", name.replace('-', "_"));
        assert!(this.lines().any(|line| line == module), "examples/{name} is run by no test: add `{module}`");
    }
}
