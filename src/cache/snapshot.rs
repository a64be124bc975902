//! Values that are found again faster than they are made: each stands in a file with the key that it was made from.
//!
//! In: a file, a key that holds everything the value follows from, the value. Out: the value of that very key, or nothing:
//! a file that is damaged, of another key or of another form is a miss.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::{Digest, FileError, read_if_exists, write_cached};

/// The value of `key` in `file`.
#[must_use]
pub(crate) fn recall<T: DeserializeOwned>(file: &Path, key: Digest) -> Option<T> {
    let bytes = read_if_exists(file).ok()??;
    let (known, rest) = bytes.split_first_chunk::<32>()?;
    let (digest, body) = rest.split_first_chunk::<32>()?;
    if *known != key.bytes() || Digest::of(body).bytes() != *digest {
        return None;
    }
    postcard::from_bytes(body).ok()
}

/// Puts the value of `key` into `file`, for this user alone.
///
/// # Errors
/// When it cannot be written; the caller goes on without.
pub(crate) fn remember(file: &Path, key: Digest, value: &impl Serialize) -> Result<(), FileError> {
    let fail = |cause| FileError::new("write", file, cause);
    let body = postcard::to_stdvec(value).map_err(|cause| fail(std::io::Error::other(cause)))?;
    if let Some(directory) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fail)?;
    }
    let bytes = [key.bytes().as_slice(), Digest::of(&body).bytes().as_slice(), &body].concat();
    write_cached(file, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_the_whole_value_of_the_very_key_is_found() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a/value");
        let (key, value) = (Digest::of("key"), vec!["one".to_owned(), "two".to_owned()]);
        assert_eq!(recall::<Vec<String>>(&file, key), None);
        remember(&file, key, &value).unwrap();
        assert_eq!(recall(&file, key), Some(value));
        assert_eq!(recall::<Vec<String>>(&file, Digest::of("other")), None);
        let whole = fs::read(&file).unwrap();
        for length in 0..whole.len() {
            fs::write(&file, &whole[..length]).unwrap();
            assert_eq!(recall::<Vec<String>>(&file, key), None, "{length}");
        }
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, &damaged).unwrap();
            assert_eq!(recall::<Vec<String>>(&file, key), None, "bit {bit}");
        }
    }
}
