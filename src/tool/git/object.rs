//! What git's answers are made of, and their parsing. Pure.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::tool::address::check_tag;

/// A full object id, lower-case hexadecimal: 40 digits (SHA-1) or 64 (SHA-256).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ObjectId(String);

impl ObjectId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The first digits, for messages.
    pub(crate) fn short(&self) -> String {
        self.0.chars().take(12).collect()
    }
}

impl FromStr for ObjectId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if matches!(text.len(), 40 | 64) && text.bytes().all(hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a full object id has 40 or 64 lower-case hexadecimal digits".to_owned())
        }
    }
}

impl TryFrom<String> for ObjectId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ObjectId> for String {
    fn from(id: ObjectId) -> Self {
        id.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a tag points to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TagRef {
    /// The tag object of an annotated tag; the commit itself for a light one.
    pub(crate) object: ObjectId,
    /// The commit at the end: what is checked out, and what a lockfile records.
    pub(crate) peeled: ObjectId,
}

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    /// As git writes it: `0o100_644`, `0o100_755`, `0o120_000` (symlink), `0o160_000` (gitlink).
    pub(crate) mode: u32,
    /// The blob, or a submodule's commit.
    pub(crate) object: ObjectId,
    /// Relative to the top of the repository; may be any bytes.
    pub(crate) path: PathBuf,
    /// The bytes of a file that is here, where git was asked for them.
    pub(crate) size: Option<u64>,
}

/// Reads the lines of `ls-remote` and `show-ref -d`: `<id> refs/tags/<tag>[^{}]`. Tags that
/// [`check_tag`] refuses are left out: nobody can pin them, and they must not stop the others.
pub(super) fn parse_tags(text: &[u8]) -> Result<BTreeMap<String, TagRef>, String> {
    let mut tags = BTreeMap::new();
    for line in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let line = String::from_utf8_lossy(line);
        let (id, name) = line.split_once(['\t', ' ']).ok_or("a line without a name")?;
        let id: ObjectId = id.parse()?;
        let Some(name) = name.strip_prefix("refs/tags/") else {
            continue;
        };
        let (tag, peeled) = match name.strip_suffix("^{}") {
            Some(tag) => (tag, true),
            None => (name, false),
        };
        if check_tag(tag).is_err() {
            continue;
        }
        // The peeled line follows the line of its tag object.
        let found = TagRef { object: id.clone(), peeled: id.clone() };
        let entry = tags.entry(tag.to_owned()).or_insert(found);
        if peeled {
            entry.peeled = id;
        }
    }
    Ok(tags)
}

/// Reads `ls-tree -z --long`: `<mode> <type> <id> <size>\t<path>\0`; the size may be missing or padded.
pub(super) fn parse_tree(text: &[u8]) -> Result<Vec<TreeEntry>, String> {
    records(text).map(|(head, path)| entry(&head, [0, 2], path)).collect()
}

/// Reads `ls-files -s -z`: `<mode> <id> <stage>\t<path>\0`.
pub(super) fn parse_index(text: &[u8]) -> Result<Vec<TreeEntry>, String> {
    records(text).map(|(head, path)| entry(&head, [0, 1], path)).collect()
}

fn records(text: &[u8]) -> impl Iterator<Item = (String, PathBuf)> {
    text.split(|&byte| byte == 0).filter(|record| !record.is_empty()).map(|record| {
        let tab = record.iter().position(|&byte| byte == b'\t').unwrap_or(record.len());
        let path = record.get(tab + 1..).unwrap_or_default();
        (String::from_utf8_lossy(&record[..tab]).into_owned(), OsStr::from_bytes(path).into())
    })
}

fn entry(head: &str, columns: [usize; 2], path: PathBuf) -> Result<TreeEntry, String> {
    let words: Vec<&str> = head.split(' ').collect();
    let [mode, object] = columns.map(|column| words.get(column).copied().unwrap_or_default());
    let mode = u32::from_str_radix(mode, 8).map_err(|_| format!("the mode `{mode}`"))?;
    let size = words.iter().skip(3).find_map(|word| word.parse().ok());
    Ok(TreeEntry { mode, object: object.parse()?, path, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    #[test]
    fn an_annotated_tag_is_peeled_and_a_hostile_one_left_out() {
        let text = format!(
            "{A}\trefs/tags/v1\n{B}\trefs/tags/v1^{{}}\n{A}\trefs/tags/-x\n{A}\trefs/tags/v;id\n\
             {B}\trefs/tags/v2\n{B}\trefs/heads/main\n"
        );
        let tags = parse_tags(text.as_bytes()).unwrap();
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["v1", "v2"]);
        assert_eq!((tags["v1"].object.as_str(), tags["v1"].peeled.as_str()), (A, B));
        assert_eq!(tags["v2"].object, tags["v2"].peeled);
    }

    #[test]
    fn an_answer_that_is_no_list_of_tags_is_an_error() {
        assert!(parse_tags(b"<html>proxy login</html>\n").is_err());
        assert!(parse_tree(b"100644 blob nonsense\tx\0").is_err());
        let sizes =
            |size: &str| parse_tree(format!("100644 blob {A}{size}\tx\0").as_bytes()).unwrap()[0].size;
        assert_eq!(
            ["", "      7", " 1234567890", "    BAD", "      -"].map(sizes),
            [None, Some(7), Some(1_234_567_890), None, None]
        );
        assert!("HEAD".parse::<ObjectId>().is_err() && A[1..].parse::<ObjectId>().is_err());
    }
}
