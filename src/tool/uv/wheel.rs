//! Unpacks uv's wheel after comparing every file with RECORD.
//!
//! In: a wheel pip downloaded. Out: the files of its `*.data/scripts/`, executable. Refused: a
//! file that RECORD does not list, a listed file that is missing, a wrong hash or size, a name that
//! leaves the directory, a symlink, an absurd size. The reason comes back as text.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pep440_rs::Version;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

/// The most that is unpacked; uv's wheel holds 40 MB.
const LARGEST: u64 = 1 << 30;
/// The largest RECORD that is read.
const LARGEST_RECORD: u64 = 1 << 20;

/// What RECORD says about one file.
struct Recorded {
    sha256: String,
    size: u64,
}

/// The sha256 of a file, hexadecimal.
pub(super) fn sha256(file: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(file)?, &mut hasher)?;
    let digest = hasher.finalize();
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect())
}

/// Puts the programs of the wheel into `into`. On an error `into` holds garbage: drop it.
pub(super) fn unpack(wheel: &Path, version: &Version, into: &Path) -> Result<(), String> {
    let file = File::open(wheel).map_err(|error| error.to_string())?;
    let mut archive = ZipArchive::new(file).map_err(|error| format!("it is no zip: {error}"))?;
    let record_name = format!("uv-{version}.dist-info/RECORD");
    let mut recorded = read_record(&mut archive, &record_name)?;
    recorded.remove(&record_name);
    let scripts = format!("uv-{version}.data/scripts/");
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| error.to_string())?;
        let name = entry.name().to_owned();
        if name == record_name || entry.is_dir() {
            continue;
        }
        check_name(&name)?;
        if entry.is_symlink() {
            return Err(format!("`{name}` is a symlink"));
        }
        let expected = recorded.remove(&name).ok_or_else(|| format!("`{name}` is not in RECORD"))?;
        match name.strip_prefix(&scripts) {
            Some(program) if !program.contains('/') => {
                let mut file = create(&into.join(program)).map_err(|error| error.to_string())?;
                compare(&mut entry, &mut file, &expected, &name)?;
                file.sync_all().map_err(|error| error.to_string())?;
            }
            _ => compare(&mut entry, &mut io::sink(), &expected, &name)?,
        }
    }
    match recorded.keys().next() {
        Some(name) => Err(format!("`{name}` is in RECORD and missing")),
        None if into.join("uv").is_file() => Ok(()),
        None => Err(format!("there is no `{scripts}uv` in it")),
    }
}

/// Writes a file and makes sure that it is on the disk.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn create(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(path)
}

/// Copies `entry` to `out` and compares hash and size.
fn compare(
    entry: &mut impl Read,
    out: &mut impl Write,
    expected: &Recorded,
    name: &str,
) -> Result<(), String> {
    let mut hasher = Sha256::new();
    let mut limited = entry.take(expected.size + 1);
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        let count = limited.read(&mut buffer).map_err(|error| format!("`{name}`: {error}"))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        out.write_all(&buffer[..count]).map_err(|error| error.to_string())?;
        size += count as u64;
    }
    if size == expected.size && URL_SAFE_NO_PAD.encode(hasher.finalize()) == expected.sha256 {
        Ok(())
    } else {
        Err(format!("`{name}` is not what RECORD says"))
    }
}

fn read_record(archive: &mut ZipArchive<File>, name: &str) -> Result<BTreeMap<String, Recorded>, String> {
    let entry = archive.by_name(name).map_err(|_| format!("there is no `{name}` in it"))?;
    let mut text = String::new();
    let read = entry.take(LARGEST_RECORD).read_to_string(&mut text);
    read.map_err(|error| format!("`{name}`: {error}"))?;
    let mut recorded = BTreeMap::new();
    let mut total = 0_u64;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (path, entry) = parse_line(line, name).ok_or_else(|| format!("the line `{line}`"))?;
        check_name(&path)?;
        total = total.saturating_add(entry.size);
        if recorded.insert(path, entry).is_some() {
            return Err(format!("RECORD lists a file twice: `{line}`"));
        }
    }
    if total > LARGEST { Err("it would unpack to more than 1 GiB".to_owned()) } else { Ok(recorded) }
}

/// `path,sha256=<url-safe base64>,<size>`; RECORD itself has neither hash nor size. A path with a
/// comma would be quoted; uv has none, so quotes are refused.
fn parse_line(line: &str, record_name: &str) -> Option<(String, Recorded)> {
    let mut fields = line.split(',');
    let (path, hash, size) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || path.contains('"') {
        return None;
    }
    if path == record_name {
        return Some((path.to_owned(), Recorded { sha256: String::new(), size: 0 }));
    }
    let sha256 = hash.strip_prefix("sha256=")?.to_owned();
    Some((path.to_owned(), Recorded { sha256, size: size.parse().ok()? }))
}

fn check_name(name: &str) -> Result<(), String> {
    let odd = |part: &str| part.is_empty() || part == "." || part == "..";
    if name.contains(['\\', ':', '\0']) || name.split('/').any(odd) {
        return Err(format!("the file name `{name}` leaves the wheel"));
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    /// A file of a made-up wheel.
    pub(crate) struct WheelFile {
        name: String,
        text: String,
        /// What RECORD says instead of the truth.
        recorded: Option<String>,
    }

    impl WheelFile {
        pub(crate) fn new(name: &str, text: &str) -> Self {
            Self { name: name.to_owned(), text: text.to_owned(), recorded: None }
        }

        fn recorded_as(mut self, line: &str) -> Self {
            self.recorded = Some(line.to_owned());
            self
        }

        fn line(&self) -> String {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&self.text));
            format!("{},sha256={hash},{}\n", self.name, self.text.len())
        }
    }

    /// Writes a wheel of uv with these files and a RECORD.
    pub(crate) fn build(wheel: &Path, version: &str, files: &[WheelFile]) {
        let info = format!("uv-{version}.dist-info");
        let metadata = format!("Metadata-Version: 2.1\nName: uv\nVersion: {version}\n");
        let tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n";
        let fixed = [
            WheelFile::new(&format!("{info}/METADATA"), &metadata),
            WheelFile::new(&format!("{info}/WHEEL"), tags),
        ];
        let mut zip = ZipWriter::new(File::create(wheel).unwrap());
        let mut record = format!("{info}/RECORD,,\n");
        for file in fixed.iter().chain(files) {
            zip.start_file(&file.name, SimpleFileOptions::default()).unwrap();
            zip.write_all(file.text.as_bytes()).unwrap();
            record += &file.recorded.clone().unwrap_or_else(|| file.line());
        }
        zip.start_file(format!("{info}/RECORD"), SimpleFileOptions::default()).unwrap();
        zip.write_all(record.as_bytes()).unwrap();
        zip.finish().unwrap();
    }

    fn unpacked(files: &[WheelFile]) -> Result<Vec<String>, String> {
        let place = tempfile::tempdir().unwrap();
        let (wheel, into) = (place.path().join("x.whl"), place.path().join("into"));
        fs::create_dir(&into).unwrap();
        build(&wheel, "1.0", files);
        unpack(&wheel, &Version::new([1, 0]), &into)?;
        assert!(!place.path().join("evil").exists());
        let names = fs::read_dir(into).unwrap();
        Ok(names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect())
    }

    fn uv() -> WheelFile {
        WheelFile::new("uv-1.0.data/scripts/uv", "program")
    }

    #[test]
    fn only_the_programs_of_a_good_wheel_are_unpacked() {
        let library = WheelFile::new("uv/__init__.py", "");
        assert_eq!(unpacked(&[uv(), library]).unwrap(), ["uv"]);
    }

    #[test]
    fn each_deviation_from_record_is_refused() {
        let wrong = "uv-1.0.data/scripts/uv,sha256=AAAA,7\n";
        let twice = uv().line() + &uv().line();
        for (files, expected) in [
            (vec![uv().recorded_as(wrong)], "not what RECORD says"),
            (vec![uv().recorded_as("")], "not in RECORD"),
            (vec![uv().recorded_as(&twice)], "twice"),
            (vec![uv(), uv_missing()], "missing"),
            (vec![uv().recorded_as("uv-1.0.data/scripts/uv,md5=x,7\n")], "the line"),
            (vec![WheelFile::new("uv/__init__.py", "")], "there is no"),
        ] {
            let reason = unpacked(&files).unwrap_err();
            assert!(reason.contains(expected), "{reason:?} is not about {expected:?}");
        }
    }

    /// In RECORD twice under two names, in the wheel once.
    fn uv_missing() -> WheelFile {
        let file = WheelFile::new("uv/a.py", "a");
        let line = file.line() + &WheelFile::new("uv/b.py", "b").line();
        file.recorded_as(&line)
    }

    #[test]
    fn names_that_leave_the_directory_are_refused() {
        for name in ["../evil", "/evil", "uv-1.0.data/scripts/../../evil", "a\\b", "uv//x"] {
            let reason = unpacked(&[uv(), WheelFile::new(name, "x")]).unwrap_err();
            assert!(reason.contains("leaves the wheel"), "{name}: {reason}");
        }
    }

    #[test]
    fn a_symlink_and_a_file_that_is_no_zip_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let wheel = place.path().join("x.whl");
        fs::write(&wheel, "not a zip").unwrap();
        assert!(unpack(&wheel, &Version::new([1, 0]), place.path()).is_err());
        let mut zip = ZipWriter::new(File::create(&wheel).unwrap());
        let name = "uv-1.0.data/scripts/uv";
        zip.add_symlink(name, "/bin/sh", SimpleFileOptions::default()).unwrap();
        zip.start_file("uv-1.0.dist-info/RECORD", SimpleFileOptions::default()).unwrap();
        zip.write_all(WheelFile::new(name, "/bin/sh").line().as_bytes()).unwrap();
        zip.finish().unwrap();
        let reason = unpack(&wheel, &Version::new([1, 0]), place.path()).unwrap_err();
        assert!(reason.contains("symlink"), "{reason}");
    }
}
