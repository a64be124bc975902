//! Paths that cannot leave the repository.
//!
//! A [`RelPath`] is lexically clean: relative, forward slashes, no `.` or `..`, no empty part. Whether a
//! symbolic link on the way leads outside only the file system knows; whoever writes checks that.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A path inside the repository, relative to its root; the root itself is the empty path, shown as `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct RelPath(String);

/// Why a text is no [`RelPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathFault {
    /// Starts with `/`, `~` or a drive letter.
    #[error("the path is absolute")]
    Absolute,
    /// A `..` climbs above the root.
    #[error("the path leaves the repository")]
    Outside,
    /// Control or bidirectional characters, or a backslash.
    #[error("the path contains a character that cannot be shown or shared")]
    Character,
    /// One part is longer than file systems allow.
    #[error("a part of the path is longer than 255 bytes")]
    TooLong,
    /// Lies in `.git` or `.envloom`.
    #[error("the path lies in a directory that belongs to git or to envloom")]
    Reserved,
}

impl RelPath {
    /// The root of the repository.
    #[must_use]
    pub(crate) fn root() -> Self {
        Self(String::new())
    }

    /// Cleans `text`, taken relative to the root.
    ///
    /// # Errors
    /// The [`PathFault`] of the first thing found wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, PathFault> {
        Self::root().join(text)
    }

    /// Cleans `text`, taken relative to `self`; `..` may climb up to the root.
    ///
    /// # Errors
    /// The [`PathFault`] of the first thing found wrong.
    pub(crate) fn join(&self, text: &str) -> Result<Self, PathFault> {
        let drive = text.as_bytes().get(1) == Some(&b':');
        if text.starts_with(['/', '~']) || drive {
            return Err(PathFault::Absolute);
        }
        if text.contains('\\') || super::printable(text) != text {
            return Err(PathFault::Character);
        }
        let mut parts: Vec<&str> = self.parts().collect();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or(PathFault::Outside)?;
                }
                name if name.len() > 255 => return Err(PathFault::TooLong),
                name => parts.push(name),
            }
        }
        if parts.iter().any(|part| part.eq_ignore_ascii_case(".git"))
            || parts.first().is_some_and(|part| part.eq_ignore_ascii_case(".envloom"))
        {
            return Err(PathFault::Reserved);
        }
        Ok(Self(parts.join("/")))
    }

    /// The parts from the root down.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// The directory this lies in; the root's is the root.
    #[must_use]
    pub(crate) fn parent(&self) -> Self {
        Self(self.0.rsplit_once('/').map_or_else(String::new, |(parent, _)| parent.to_owned()))
    }

    /// The last part, empty for the root.
    #[must_use]
    pub(crate) fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Is this the root itself?
    #[must_use]
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This path, the directory it is in, and so on, less the root.
    pub(crate) fn lineage(&self) -> impl Iterator<Item = Self> + use<> {
        let above = |path: &Self| Some(path.parent()).filter(|parent| !parent.is_root());
        std::iter::successors(Some(self.clone()).filter(|path| !path.is_root()), above)
    }

    /// Is this `other` or below it?
    #[must_use]
    pub(crate) fn is_in(&self, other: &Self) -> bool {
        other.is_root() || self.0 == other.0 || self.0.starts_with(&format!("{}/", other.0))
    }

    /// The way from the directory `from` to this path, with `..` where needed; `.` if they are one.
    #[must_use]
    pub(crate) fn relative_to(&self, from: &Self) -> String {
        let here: Vec<&str> = from.parts().collect();
        let there: Vec<&str> = self.parts().collect();
        let shared = here.iter().zip(&there).take_while(|(a, b)| a == b).count();
        let mut way = vec![".."; here.len() - shared];
        way.extend(&there[shared..]);
        if way.is_empty() { ".".to_owned() } else { way.join("/") }
    }

    /// The path in the file system below `root`.
    #[must_use]
    pub(crate) fn under(&self, root: &Path) -> PathBuf {
        if self.is_root() { root.to_owned() } else { root.join(&self.0) }
    }

    /// As text, `.` for the root.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        if self.is_root() { "." } else { &self.0 }
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_and_refuses() {
        assert_eq!(RelPath::parse("./a//b/../c").unwrap().as_str(), "a/c");
        assert_eq!(RelPath::parse(".").unwrap(), RelPath::root());
        assert_eq!(RelPath::parse("../x"), Err(PathFault::Outside));
        assert_eq!(RelPath::parse("/x"), Err(PathFault::Absolute));
        assert_eq!(RelPath::parse("C:/x"), Err(PathFault::Absolute));
        assert_eq!(RelPath::parse("a\u{202e}b"), Err(PathFault::Character));
        assert_eq!(RelPath::parse("a\\b"), Err(PathFault::Character));
        assert_eq!(RelPath::parse("a/.git/config"), Err(PathFault::Reserved));
        assert_eq!(RelPath::parse(".envloom/x"), Err(PathFault::Reserved));
        assert_eq!(RelPath::parse(&"x".repeat(256)), Err(PathFault::TooLong));
    }

    #[test]
    fn finds_the_way_between_two_places() {
        let staging = RelPath::parse("staging").unwrap();
        let wheels = RelPath::parse("wheels/cu124").unwrap();
        assert_eq!(wheels.relative_to(&staging), "../wheels/cu124");
        assert_eq!(wheels.relative_to(&RelPath::root()), "wheels/cu124");
        assert_eq!(staging.relative_to(&staging), ".");
        assert!(wheels.is_in(&RelPath::parse("wheels").unwrap()));
        assert!(!wheels.is_in(&RelPath::parse("wheel").unwrap()));
    }
}
