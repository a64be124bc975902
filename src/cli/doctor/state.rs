//! What is of this machine only: `.envloom`, `tasks.local.kdl`, notes of work that was cut off.

use super::finding::{Finding, Mend, Place};
use super::ground::Ground;
use super::submodules::silent;
use super::trouble::Trouble;
use crate::cache::{Commit, Journal};
use crate::cli::load::LOCAL_FILE;

/// envloom's own directory.
const STATE: &str = ".envloom";

/// Looks at all of it.
pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = tracked(ground);
    let root = &ground.call.place.root;
    if let Some(said) = &ground.foreign {
        // What git tracks has been said, with what mends it.
        let is_said = |finding: &Finding| finding.trouble == Trouble::StateTracked { path: STATE.to_owned() };
        if !findings.iter().any(is_said) {
            findings.push(Finding {
                trouble: Trouble::StateForeign { said: said.clone() },
                place: Place::file(STATE),
                mend: Mend::Type("rm -r .envloom".to_owned()),
            });
        }
        return findings;
    }
    let mut files = match Journal::new(&ground.call.place.state()).unfinished() {
        Ok(files) => files,
        Err(error) => vec![error.to_string()],
    };
    if Commit::new(root, &ground.call.place.state()).is_pending() {
        files.push("a change of several files".to_owned());
    }
    if !files.is_empty() {
        findings.push(Finding {
            trouble: Trouble::Unfinished { files: files.join(", ") },
            place: Place::file(".envloom/journal"),
            mend: Mend::Type("envloom lock".to_owned()),
        });
    }
    findings
}

/// What git tracks, or would add.
fn tracked(ground: &Ground<'_>) -> Vec<Finding> {
    let Some(git) = &ground.git else { return Vec::new() };
    let root = &ground.call.place.root;
    let mut findings = Vec::new();
    for (path, word) in [(STATE, "-r "), (LOCAL_FILE, ""), (".venv", "-r ")] {
        if root.join(path).symlink_metadata().is_err() {
            continue;
        }
        let tracked = match git.tracks(root, path) {
            Ok(tracked) => tracked,
            Err(error) => {
                findings.push(silent(&error));
                continue;
            }
        };
        let trouble = match tracked {
            None => continue,
            Some(true) => Trouble::StateTracked { path: path.to_owned() },
            Some(false) => match git.ignores(root, path) {
                Ok(true) => continue,
                Ok(false) => Trouble::NotIgnored { path: path.to_owned() },
                Err(error) => {
                    findings.push(silent(&error));
                    continue;
                }
            },
        };
        let mend = match trouble {
            Trouble::StateTracked { .. } => format!("git rm {word}--cached {path}"),
            _ => "envloom doctor --fix".to_owned(),
        };
        findings.push(Finding { trouble, place: Place::file(path), mend: Mend::Type(mend) });
    }
    findings
}
