//! The one call that changes a repository of the user: a commit that was asked for.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::call::{Git, with_settings};
use crate::base::RelPath;
use crate::tool::error::ToolError;
use crate::tool::surroundings::Surroundings;

/// Who makes a commit: a caller may say so in its variables.
const AUTHOR: [&str; 6] = [
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_DATE",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_DATE",
];

impl Git {
    /// Commits these files as they lie in the working tree, and nothing else. What the user has of hooks runs, as with
    /// every commit of theirs.
    ///
    /// # Errors
    /// When git refuses; the index is then as it was.
    pub(crate) fn commit(
        &self,
        root: &Path,
        surroundings: &Surroundings,
        (paths, message): (&[RelPath], &str),
    ) -> Result<(), ToolError> {
        let named = || paths.iter().map(RelPath::as_str);
        self.local(root, ["add", "--intent-to-add", "--"].into_iter().chain(named())).demand()?;
        let message = format!("--message={message}");
        let commit = ["commit", "--quiet", "--only", message.as_str(), "--"];
        let mut arguments = with_settings(commit.into_iter().chain(named()));
        let mut vars: BTreeMap<OsString, OsString> = self.vars.clone();
        for name in AUTHOR {
            let value = surroundings.vars.get(OsStr::new(name));
            vars.extend(value.map(|value| (name.into(), value.clone())));
        }
        // `-c` stands before it.
        let hooks = arguments.iter().position(|word| word == "core.hooksPath=/dev/null");
        if let Some(at) = hooks {
            arguments.drain(at - 1..=at);
        }
        let mut query = self.query(root, arguments, self.limits.transfer);
        query.vars = &vars;
        let committed = query.demand();
        if committed.is_err() {
            self.local(root, ["reset", "--quiet", "--"].into_iter().chain(named())).demand()?;
        }
        committed.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::Place;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn only_the_named_files_are_committed_and_hooks_run() {
        let place = Place::new();
        let git = Git::find(&place.machine(), Path::new("/nowhere")).unwrap();
        let top = place.directory("repo");
        place.git(&top, &["init", "-q"]);
        for file in ["a", "b"] {
            std::fs::write(top.join(file), "one").unwrap();
        }
        place.git(&top, &["add", "b"]);
        let (a, b) = (RelPath::parse("a").unwrap(), RelPath::parse("b").unwrap());
        let mut surroundings = place.machine();
        for (name, value) in [("NAME", "t"), ("EMAIL", "t@example.com")] {
            for who in ["AUTHOR", "COMMITTER"] {
                surroundings.vars.insert(format!("GIT_{who}_{name}").into(), value.into());
            }
        }
        let paths = std::slice::from_ref(&a);
        let hook = top.join(".git/hooks/pre-commit");
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, "#!/bin/sh\necho no >&2\nexit 1\n").unwrap();
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        let refused = git.commit(&top, &surroundings, (paths, "m")).unwrap_err();
        assert!(refused.to_string().contains("no") || format!("{refused:?}").contains("no"), "{refused:?}");
        assert_eq!(git.checked_out(&top).unwrap(), None);
        std::fs::remove_file(&hook).unwrap();
        git.commit(&top, &surroundings, (paths, "subject\n\nbody # 1")).unwrap();
        let head = git.checked_out(&top).unwrap().unwrap();
        let files = git.files_of(&top, &head, &RelPath::root()).unwrap();
        assert_eq!(files.iter().map(|file| file.path.clone()).collect::<Vec<_>>(), [Path::new("a")]);
        assert_eq!(git.blob(&top, &files[0].object).unwrap(), b"one");
        assert!(git.is_clean(&top, paths).unwrap() && !git.is_clean(&top, &[b]).unwrap());
        assert!(!git.is_clean(&top, &[]).unwrap());
    }
}
