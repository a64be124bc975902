//! BLAKE3 digests, and a hasher whose input cannot be confused.
//!
//! Fields are framed by their length, so that `("ab", "c")` and `("a", "bc")` differ.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The BLAKE3 hash of something, printed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// Of bytes as they are.
    pub(crate) fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(*blake3::hash(bytes.as_ref()).as_bytes())
    }

    /// Of all that can be read, without holding it, and how many bytes that were.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn of_stream(mut from: impl std::io::Read) -> std::io::Result<(Self, u64)> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok((Self(*hasher.finalize().as_bytes()), hasher.count())),
                Ok(length) => hasher.update(&buffer[..length]),
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(cause),
            };
        }
    }

    /// Its 32 bytes.
    pub(crate) fn bytes(self) -> [u8; 32] {
        self.0
    }

    /// The digest of these bytes, which [`Digest::bytes`] gave.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The first 12 digits: enough to tell two apart by eye.
    pub(crate) fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        blake3::Hash::from_hex(text)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|_| "a digest is 64 hexadecimal digits".to_owned())
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Hashes a list of named fields.
#[derive(Default)]
pub(crate) struct Hasher(blake3::Hasher);

impl Hasher {
    /// Starts with the name and version of what is hashed, so that two kinds never meet.
    #[must_use]
    pub(crate) fn new(domain: &str) -> Self {
        let mut hasher = Self::default();
        hasher.field(domain);
        hasher
    }

    /// Adds one field.
    pub(crate) fn field(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// The digest of all fields so far.
    #[must_use]
    pub(crate) fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_run_into_one_another() {
        let one = Hasher::new("t").field("ab").field("c").finish();
        let other = Hasher::new("t").field("a").field("bc").finish();
        assert_ne!(one, other);
    }

    #[test]
    fn a_digest_survives_its_text() {
        let digest = Digest::of("x");
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        assert_eq!(Digest::from_bytes(digest.bytes()), digest);
        assert!("xyz".parse::<Digest>().is_err());
    }

    #[test]
    fn a_stream_has_the_digest_of_its_bytes() {
        let bytes = vec![7; 100_000];
        assert_eq!(Digest::of_stream(&bytes[..]).unwrap(), (Digest::of(&bytes), 100_000));
    }
}
