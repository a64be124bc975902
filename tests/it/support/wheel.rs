//! Fake wheels: valid, tiny and the same bytes every time.
//!
//! In: a description. Out: the bytes of a wheel with METADATA, WHEEL and a RECORD whose hashes are
//! right, so that uv installs and verifies it like any other. Nothing here knows of an index.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A wheel to be put into an index.
#[derive(Clone, Debug)]
pub(crate) struct Wheel {
    name: String,
    version: String,
    tag: String,
    requires_python: Option<String>,
    requires: Vec<String>,
    extras: Vec<String>,
    scripts: Vec<String>,
    files: BTreeMap<String, String>,
    /// The file of which RECORD says something else.
    misrecorded: Option<String>,
}

impl From<(&str, &str)> for Wheel {
    fn from((name, version): (&str, &str)) -> Self {
        Self::new(name, version)
    }
}

impl From<&Self> for Wheel {
    fn from(wheel: &Self) -> Self {
        wheel.clone()
    }
}

impl From<&(&str, &str)> for Wheel {
    fn from(&(name, version): &(&str, &str)) -> Self {
        Self::new(name, version)
    }
}

impl Wheel {
    /// A pure wheel with one module, `__init__.py`, that holds `__version__` and `__index__`
    /// (the name of the index it was put into, so that a venv can tell where it came from).
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            tag: "py3-none-any".to_owned(),
            requires_python: None,
            requires: Vec::new(),
            extras: Vec::new(),
            scripts: Vec::new(),
            files: BTreeMap::new(),
            misrecorded: None,
        }
    }

    /// Adds a `Requires-Dist`, in the words of PEP 508: `"numpy>=1.26; extra == 'fast'"`.
    pub(crate) fn requires(mut self, requirement: &str) -> Self {
        self.requires.push(requirement.to_owned());
        self
    }

    /// Declares an extra (`Provides-Extra`).
    pub(crate) fn extra(mut self, name: &str) -> Self {
        self.extras.push(name.to_owned());
        self
    }

    /// Sets `Requires-Python`.
    pub(crate) fn requires_python(mut self, range: &str) -> Self {
        self.requires_python = Some(range.to_owned());
        self
    }

    /// Sets the compatibility tag, such as `cp312-cp312-manylinux_2_17_x86_64`.
    pub(crate) fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    /// Adds a file; one at the path of the module's `__init__.py` replaces it.
    pub(crate) fn file(mut self, path: &str, content: &str) -> Self {
        self.files.insert(path.to_owned(), content.to_owned());
        self
    }

    /// Lets RECORD have the hash of another content than the file at `path` has.
    pub(crate) fn misrecord(mut self, path: &str) -> Self {
        self.misrecorded = Some(path.to_owned());
        self
    }

    /// Adds a console script: `"pytest = pytest:main"`.
    pub(crate) fn script(mut self, entry_point: &str) -> Self {
        self.scripts.push(entry_point.to_owned());
        self
    }

    /// The directory of an index it belongs into (PEP 503).
    pub(crate) fn project(&self) -> String {
        normalized(&self.name)
    }

    /// The file name: `torch-2.4.0+cu124-py3-none-any.whl`.
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}-{}.whl", module_name(&self.name), self.version, self.tag)
    }

    /// The wheel's bytes, as it stands in the index `index`.
    pub(crate) fn bytes(&self, index: &str) -> Vec<u8> {
        let files = self.all_files(index);
        let record_path = format!("{}/RECORD", self.dist_info());
        let mut record = String::new();
        for (path, content) in &files {
            let wrong = self.misrecorded.as_ref() == Some(path);
            let digest = if wrong { Sha256::digest("something else") } else { Sha256::digest(content) };
            let hash = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
            writeln!(record, "{path},sha256={hash},{}", content.len()).unwrap();
        }
        writeln!(record, "{record_path},,").unwrap();

        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        // The default time of an entry is 1980: the same bytes, and so the same hash, every time.
        let stored = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .unix_permissions(0o644);
        for (path, content) in files.into_iter().chain([(record_path, record)]) {
            zip.start_file(path, stored).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// Every file but RECORD.
    fn all_files(&self, index: &str) -> BTreeMap<String, String> {
        let mut files = BTreeMap::from([(
            format!("{}/__init__.py", module_name(&self.name)),
            format!("__version__ = \"{}\"\n__index__ = \"{index}\"\n", self.version),
        )]);
        files.extend(self.files.clone());
        let wheel = format!(
            "Wheel-Version: 1.0\nGenerator: envloom-tests\nRoot-Is-Purelib: true\nTag: {}\n",
            self.tag
        );
        files.insert(format!("{}/WHEEL", self.dist_info()), wheel);
        files.insert(format!("{}/METADATA", self.dist_info()), self.metadata());
        if !self.scripts.is_empty() {
            let text = format!("[console_scripts]\n{}\n", self.scripts.join("\n"));
            files.insert(format!("{}/entry_points.txt", self.dist_info()), text);
        }
        files
    }

    fn metadata(&self) -> String {
        let mut text = format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", self.name, self.version);
        let python = self.requires_python.iter().map(|range| ("Requires-Python", range));
        let extras = self.extras.iter().map(|extra| ("Provides-Extra", extra));
        let requires = self.requires.iter().map(|requirement| ("Requires-Dist", requirement));
        for (key, value) in python.chain(extras).chain(requires) {
            writeln!(text, "{key}: {value}").unwrap();
        }
        text
    }

    fn dist_info(&self) -> String {
        format!("{}-{}.dist-info", module_name(&self.name), self.version)
    }
}

/// A project's name as an index's directory: lower case, runs of `-`, `_` and `.` as one `-`.
pub(crate) fn normalized(name: &str) -> String {
    name.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-").to_lowercase()
}

/// A project's name as a Python module and in file names.
pub(crate) fn module_name(name: &str) -> String {
    normalized(name).replace('-', "_")
}

/// The SHA-256 of `bytes`, in hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
