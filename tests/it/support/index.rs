//! Indexes: directories of wheels, with or without PEP 503 pages.
//!
//! In: wheels. Out: files under `index/<name>/` of the root, readable as `file://` and by
//! [`Server`](super::server::Server); or a flat wheelhouse inside the repository.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::monorepo::Monorepo;
use super::wheel::{Wheel, sha256_hex};

impl Monorepo {
    /// Puts wheels into the index `name`, which is made when it is not there. Tuples of name and
    /// version do, as do [`Wheel`]s. The index `pypi` is every child's default index.
    pub(crate) fn index<'w, W>(&self, name: &str, wheels: &'w [W]) -> Self
    where
        Wheel: From<&'w W>,
    {
        let index = self.root().join("index").join(name);
        fs::create_dir_all(&index).unwrap();
        for wheel in wheels.iter().map(Wheel::from) {
            let project = index.join(wheel.project());
            fs::create_dir_all(&project).unwrap();
            fs::write(project.join(wheel.file_name()), wheel.bytes(name)).unwrap();
            write_project_page(&project);
        }
        write_root_page(&index);
        self.clone()
    }

    /// Puts a wheel that lies somewhere else into the index `name`.
    pub(super) fn index_file(&self, name: &str, wheel: &Path) {
        let index = self.root().join("index").join(name);
        let file = wheel.file_name().and_then(|file| file.to_str()).expect("a wheel has a name");
        let project = index.join(super::wheel::normalized(file.split('-').next().unwrap_or_default()));
        fs::create_dir_all(&project).unwrap();
        fs::copy(wheel, project.join(file)).unwrap();
        write_project_page(&project);
        write_root_page(&index);
    }

    /// Takes a project out of an index: its pages and wheels.
    pub(crate) fn remove_from_index(&self, name: &str, project: &str) -> Self {
        let index = self.root().join("index").join(name);
        fs::remove_dir_all(index.join(project)).unwrap();
        write_root_page(&index);
        self.clone()
    }

    /// Puts wheels into a flat directory of the repository, as `--find-links` and an index with
    /// `format = "flat"` read it.
    pub(crate) fn path_index<'w, W>(&self, path: &str, wheels: &'w [W]) -> Self
    where
        Wheel: From<&'w W>,
    {
        let directory = self.path(path);
        fs::create_dir_all(&directory).unwrap();
        for wheel in wheels.iter().map(Wheel::from) {
            fs::write(directory.join(wheel.file_name()), wheel.bytes(path)).unwrap();
        }
        self.clone()
    }

    /// The `file://` address of an index.
    pub(crate) fn index_url(&self, name: &str) -> String {
        self.fill(&format!("[INDEX]/{name}"))
    }
}

/// The page of one project: its wheels with their hashes.
fn write_project_page(project: &Path) {
    let mut page = String::from("<!DOCTYPE html>\n<html><body>\n");
    for file in names(project).iter().filter(|name| name.as_str() != "index.html") {
        let hash = sha256_hex(&fs::read(project.join(file)).unwrap());
        // A raw `+` in an address is a space to some servers; real indexes escape it.
        writeln!(page, "<a href=\"{}#sha256={hash}\">{file}</a><br>", file.replace('+', "%2B")).unwrap();
    }
    page.push_str("</body></html>\n");
    fs::write(project.join("index.html"), page).unwrap();
}

/// The page that lists an index's projects.
fn write_root_page(index: &Path) {
    let mut page = String::from("<!DOCTYPE html>\n<html><body>\n");
    for project in names(index).iter().filter(|name| index.join(name).is_dir()) {
        writeln!(page, "<a href=\"{project}/\">{project}</a><br>").unwrap();
    }
    page.push_str("</body></html>\n");
    fs::write(index.join("index.html"), page).unwrap();
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
