//! Names of Python packages.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A package's name in the normal form of PEP 503: lower case, runs of `-`, `_`, `.` as one `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct PackageName(String);

/// The text is no package name: not of ASCII letters, digits, `-`, `_`, `.`, or not starting and ending
/// with a letter or digit (PEP 508, "Names").
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a package name is of ASCII letters, digits, `-`, `_` and `.`, and starts and ends with a letter or digit"
)]
pub(crate) struct NameFault;

impl PackageName {
    /// Normalises `text`.
    ///
    /// # Errors
    /// [`NameFault`] when it is no name.
    pub(crate) fn parse(text: &str) -> Result<Self, NameFault> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let ends = text.as_bytes().first().zip(text.as_bytes().last());
        if !ends.is_some_and(|(first, last)| first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric())
            || !text.bytes().all(inner)
        {
            return Err(NameFault);
        }
        let mut normal = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '-' | '_' | '.' if normal.ends_with('-') => {}
                '-' | '_' | '.' => normal.push('-'),
                other => normal.push(other.to_ascii_lowercase()),
            }
        }
        Ok(Self(normal))
    }

    /// The normal form.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The normal form of a package's, an extra's or a group's name; what is no name stays as it is.
#[must_use]
pub(crate) fn normal(name: &str) -> String {
    PackageName::parse(name).map_or_else(|_| name.to_owned(), |name| name.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_and_checked() {
        assert_eq!(PackageName::parse("Bench__utils.X").unwrap().as_str(), "bench-utils-x");
        for wrong in ["", "-a", "a-", "a b", "é", "a;b"] {
            assert_eq!(PackageName::parse(wrong), Err(NameFault), "{wrong}");
        }
    }
}
