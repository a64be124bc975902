//! Submodules: what `.gitmodules` declares, joined with the gitlinks of the index.
//!
//! Either side may miss the other (a gitlink without entry, an entry without gitlink); both are
//! kept, since `doctor` reports them. URLs are as written, unchecked and possibly relative: they
//! pass `check_url` before any use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::call::Git;
use super::object::{ObjectId, parse_index};
use crate::tool::error::ToolError;

/// A submodule of the repository, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Submodule {
    /// Its name in `.gitmodules`; `None` for a gitlink without entry.
    pub(crate) name: Option<String>,
    /// Relative to the top of the repository; from `.gitmodules` it may be any text.
    pub(crate) path: PathBuf,
    /// The URL as written, not checked.
    pub(crate) url: Option<String>,
    /// The commit the index records; `None` for an entry without gitlink.
    pub(crate) commit: Option<ObjectId>,
}

/// The mode of a submodule's entry in a tree or index.
pub(super) const GITLINK: u32 = 0o160_000;

impl Git {
    /// The submodules of the repository whose top is `root`, sorted by path.
    pub(crate) fn submodules(&self, root: &Path) -> Result<Vec<Submodule>, ToolError> {
        let mut found: BTreeMap<PathBuf, Submodule> = BTreeMap::new();
        for submodule in self.declared_submodules(root)? {
            found.insert(submodule.path.clone(), submodule);
        }
        let query = self.local(root, ["ls-files", "-s", "-z"]);
        let index = parse_index(&query.demand()?).map_err(|what| query.unexpected(&what))?;
        for entry in index.into_iter().filter(|entry| entry.mode == GITLINK) {
            let empty = Submodule { name: None, path: entry.path.clone(), url: None, commit: None };
            found.entry(entry.path).or_insert(empty).commit = Some(entry.object);
        }
        Ok(found.into_values().collect())
    }

    fn declared_submodules(&self, root: &Path) -> Result<Vec<Submodule>, ToolError> {
        let file = root.join(".gitmodules");
        // A symlink is not followed, as git itself does not: it could name any file.
        if !file.symlink_metadata().is_ok_and(|found| found.is_file()) {
            return Ok(Vec::new());
        }
        let arguments = ["config".as_ref(), "-f".as_ref(), file.as_os_str()];
        let arguments = arguments.into_iter().chain(["-z".as_ref(), "--list".as_ref()]);
        let text = self.local(root, arguments).demand()?;
        Ok(parse_modules(&text))
    }
}

/// Reads `submodule.<name>.<key>\n<value>\0`. A name may itself contain dots.
fn parse_modules(text: &[u8]) -> Vec<Submodule> {
    let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for record in text.split(|&byte| byte == 0) {
        let record = String::from_utf8_lossy(record);
        let Some((key, value)) = record.split_once('\n') else {
            continue;
        };
        let Some((name, key)) = key.strip_prefix("submodule.").and_then(|rest| rest.rsplit_once('.')) else {
            continue;
        };
        sections.entry(name.to_owned()).or_default().insert(key.to_owned(), value.to_owned());
    }
    let submodule = |(name, mut keys): (String, BTreeMap<String, String>)| {
        let path = PathBuf::from(keys.remove("path")?);
        Some(Submodule { name: Some(name), path, url: keys.remove("url"), commit: None })
    };
    sections.into_iter().filter_map(submodule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::Place;

    #[test]
    fn entries_and_gitlinks_are_joined_and_odd_ones_kept() {
        let place = Place::new();
        let (inner, outer) = (place.directory("inner"), place.directory("outer"));
        place.git(&inner, &["init", "-q"]);
        place.git(&inner, &["commit", "-q", "--allow-empty", "-m", "one"]);
        place.git(&outer, &["init", "-q"]);
        let url = inner.display().to_string();
        place.git(&outer, &["submodule", "--quiet", "add", "--name", "a.b", &url, "packages/a b"]);
        place.git(&outer, &["clone", "-q", &url, "stray"]);
        place.git(&outer, &["add", "stray"]);
        let declared = "[submodule \"x\"]\n\tpath = packages/x\n\turl = -x\n";
        let file = outer.join(".gitmodules");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text + declared).unwrap();

        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let found = git.submodules(&outer).unwrap();
        let commit = git.head(&inner).unwrap();
        let names: Vec<_> = found.iter().map(|entry| entry.name.as_deref()).collect();
        assert_eq!(names, [Some("a.b"), Some("x"), None]);
        assert_eq!(found[0].path, Path::new("packages/a b"));
        assert_eq!((&found[0].url, &found[0].commit), (&Some(url), &commit));
        assert_eq!((found[1].url.as_deref(), &found[1].commit), (Some("-x"), &None));
        assert_eq!((&found[2].path, &found[2].commit), (&PathBuf::from("stray"), &commit));
    }
}
