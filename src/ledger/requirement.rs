//! Requirements (PEP 508) in one spelling, to tell whether uv's words ask for what a manifest asks for. Pure.
//!
//! uv rewrites markers (`python_version` becomes `python_full_version`, parentheses go), and nothing here knows what a
//! marker means. So of a marker only the extras it names count, and whether there is one; everything before it counts.

use std::collections::BTreeSet;

use pep440_rs::VersionSpecifiers;

use super::metadata::marker_at;
use crate::model::PackageName;

/// The requirement in one spelling: equal ones ask for the same.
pub(super) fn alike(requirement: &str) -> String {
    let at = marker_at(requirement);
    let (head, marker) = match at {
        Some(at) => (&requirement[..at], Some(&requirement[at + 1..])),
        None => (requirement, None),
    };
    let marker = marker.map_or_else(String::new, |marker| format!(" ; {}", extras_in(marker)));
    format!("{}{marker}", head_alike(head.trim()))
}

/// `Name [b, A] (>=1, <2)` as `name[a,b]<2,>=1`.
fn head_alike(head: &str) -> String {
    let end = head.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(head.len());
    let (name, rest) = head.split_at(end);
    let (extras, rest) = match rest.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((extras, rest)) => (extras, rest),
        None => ("", rest),
    };
    let extras: BTreeSet<String> =
        extras.split(',').map(name_alike).filter(|extra| !extra.is_empty()).collect();
    let extras = extras.into_iter().collect::<Vec<_>>().join(",");
    let rest = rest.trim();
    let rest = match rest.strip_prefix('@') {
        Some(url) => format!("@ {}", url.trim()),
        None => specifiers_alike(rest),
    };
    format!("{}[{extras}]{rest}", name_alike(name))
}

fn name_alike(name: &str) -> String {
    let name = name.trim();
    PackageName::parse(name).map_or_else(|_| name.to_owned(), |name| name.as_str().to_owned())
}

fn specifiers_alike(text: &str) -> String {
    let bare = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text);
    match bare.parse::<VersionSpecifiers>() {
        Ok(specifiers) => {
            let mut each: Vec<String> = specifiers.iter().map(ToString::to_string).collect();
            each.sort();
            each.join(",")
        }
        Err(_) => bare.split_whitespace().collect(),
    }
}

/// The values that a marker compares `extra` with.
fn extras_in(marker: &str) -> String {
    let even = marker.replace('"', "'");
    let mut extras = BTreeSet::new();
    for (at, word) in even.match_indices("extra") {
        let rest = even[at + word.len()..].trim_start();
        let Some(rest) = rest.strip_prefix("==").map(str::trim_start) else { continue };
        extras.extend(
            rest.strip_prefix('\'')
                .and_then(|rest| rest.split_once('\''))
                .map(|(extra, _)| name_alike(extra)),
        );
    }
    extras.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_uv_writes_is_what_was_asked_for() {
        // Each right side is what uv 0.13.9 wrote into a lockfile for the left one.
        for (asked, written) in [
            (
                "Bar_X [b,A] >=1 , <2 ; (python_version<'3.9') and extra == 'x'",
                "bar-x[b,a]>=1,<2 ; python_full_version < '3.9' and extra == 'x'",
            ),
            (
                "z @ https://example.com/z-1.zip ; extra == 'y'",
                "z @ https://example.com/z-1.zip ; extra == 'y'",
            ),
            (
                "numpy (>=1,<3); sys_platform == \"linux\" and extra == 'x'",
                "numpy>=1,<3 ; sys_platform == 'linux' and extra == 'x'",
            ),
            ("q ; python_version < '3.8' ", "q ; python_full_version < '3.8'"),
            ("tqdm >=4", "tqdm>=4"),
        ] {
            assert_eq!(alike(asked), alike(written));
        }
    }

    #[test]
    fn what_asks_for_something_else_is_told_apart() {
        let all = [
            "a",
            "b",
            "a>=1",
            "a>=2",
            "a[x]",
            "a ; extra == 'x'",
            "a ; extra == 'y'",
            "a ; os_name == 'x'",
            "a @ https://h/a",
        ];
        let apart: BTreeSet<String> = all.iter().map(|one| alike(one)).collect();
        assert_eq!(apart.len(), all.len(), "{apart:?}");
    }
}
