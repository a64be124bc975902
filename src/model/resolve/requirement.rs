//! Requirements and markers (PEP 508).
//!
//! They are checked, and the name is learnt; the text goes on as it was written. `pep508_rs` is not asked: it
//! panics on `a.[x]`, `a[b.:` and many markers, and reads the environment for a `${VARIABLE}` in a URL.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use miette::SourceSpan;
use pep440_rs::VersionSpecifiers;

use super::super::environment::Requirement;
use super::super::error::ModelFinding;
use super::super::marker::{even, marker_fault};
use super::super::name::PackageName;
use super::{Packages, Resolver, Thing};
use crate::base::{Spanned, brief, credentials, hidden, printable};
use crate::config::{Requirements, Role};

/// Longer than any requirement.
const MAX_LENGTH: usize = 2000;

/// What one list of a manifest asks for, by package and marker.
#[derive(Default, Clone)]
pub(super) struct Named(BTreeMap<(PackageName, String), SourceSpan>);

/// Why `a>=1` and `a<3` are one.
const ONE_REQUIREMENT: &str =
    "a list has a package once for each marker; write one requirement: \"name>=1,<3\"";

impl Resolver {
    /// The requirements of lists, without those that are none. One manifest's list has a package once for each
    /// marker; `seen` holds what that list has already.
    pub(super) fn requirements<'l>(
        &mut self,
        lists: impl IntoIterator<Item = &'l Requirements>,
        seen: &mut Named,
    ) -> Vec<Requirement> {
        let mut requirements = Vec::new();
        for text in lists.into_iter().flat_map(|list| &list.items) {
            let Some((requirement, marker)) = self.requirement(text) else {
                continue;
            };
            let named = Spanned::new(requirement.name.to_string(), requirement.span);
            let thing = Thing::new("the requirement of", &named).because(ONE_REQUIREMENT);
            if self.once(&mut seen.0, (requirement.name.clone(), marker), &thing) {
                requirements.push(requirement);
            }
        }
        requirements
    }

    /// A requirement and its marker in one spelling.
    fn requirement(&mut self, text: &Spanned<String>) -> Option<(Requirement, String)> {
        if credentials(&text.value).is_some() {
            self.report(ModelFinding::Credentials { what: "the URL of a requirement", span: text.span });
            return None;
        }
        match parse(&text.value) {
            Ok((name, marker)) => {
                let requirement = Requirement { name, text: text.value.trim().to_owned(), span: text.span };
                Some((requirement, even(marker)))
            }
            Err(reason) => {
                let (text, reason, span) = (brief(&text.value), clause(&reason), text.span);
                self.report(ModelFinding::InvalidRequirement { text, reason, span });
                None
            }
        }
    }

    /// Markers for `tool.uv.environments`.
    pub(super) fn markers(&mut self, list: &Requirements) -> Vec<Spanned<String>> {
        let mut markers = Vec::new();
        for text in &list.items {
            let reason = unfit(&text.value).map(str::to_owned).or_else(|| marker_fault(&text.value));
            match reason {
                None => markers.push(text.clone()),
                Some(reason) => {
                    let (text, reason, span) = (brief(&text.value), clause(&reason), text.span);
                    self.report(ModelFinding::InvalidMarker { text, reason, span });
                }
            }
        }
        markers
    }

    /// Reports internal packages among requirements that must name others.
    pub(super) fn refuse_internal(&mut self, requirements: &[Requirement], packages: &Packages<'_>) {
        for requirement in requirements {
            let Some((_, package)) = packages.find(&requirement.name) else {
                continue;
            };
            let help = match package.role {
                Role::Dependency => "delete it: the `package` node already makes it a dependency",
                Role::Member | Role::Path => "put it into a `group`, or delete the package's `role=`",
            };
            let (name, declared) = (requirement.name.to_string(), package.name.span);
            self.report(ModelFinding::InternalRequirement { name, help, declared, span: requirement.span });
        }
    }
}

/// Is `text` a requirement?
pub(crate) fn is_requirement(text: &str) -> bool {
    parse(text).is_ok()
}

/// The name of a requirement and its marker, empty where it has none; or why it is none.
fn parse(text: &str) -> Result<(PackageName, &str), String> {
    if let Some(reason) = unfit(text) {
        return Err(reason.to_owned());
    }
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'))
        .unwrap_or(text.len());
    let name = PackageName::parse(&text[..end]).map_err(|_| "it starts with no package name")?;
    let rest = extras(text[end..].trim_start())?;
    if let Some(reference) = rest.strip_prefix('@') {
        // In a direct reference a blank ends the URL.
        let reference = reference.trim_start();
        let (url, after) = reference.split_once([' ', '\t']).unwrap_or((reference, ""));
        if !url.contains("://") {
            return Err("after `@` comes a URL".to_owned());
        }
        return marker(after.trim_start()).map(|marker| (name, marker));
    }
    let end = rest.find(';').unwrap_or(rest.len());
    let range = rest[..end].trim();
    let range = range.strip_prefix('(').and_then(|range| range.strip_suffix(')')).unwrap_or(range);
    if VersionSpecifiers::from_str(range).is_err() {
        return Err(format!("`{range}` is no version range"));
    }
    marker(&rest[end..]).map(|marker| (name, marker))
}

/// What follows `[a, b]`.
fn extras(text: &str) -> Result<&str, String> {
    let Some(list) = text.strip_prefix('[') else {
        return Ok(text);
    };
    let (names, rest) = list.split_once(']').ok_or("a `[` is not closed")?;
    let wrong = |extra: &&str| PackageName::parse(extra).is_err();
    if let Some(extra) = names.split(',').map(str::trim).filter(|extra| !extra.is_empty()).find(wrong) {
        return Err(format!("`{extra}` is no extra"));
    }
    Ok(rest.trim_start())
}

/// The marker after a `;`; or nothing.
fn marker(text: &str) -> Result<&str, String> {
    if text.is_empty() {
        return Ok("");
    }
    let marker = text.strip_prefix(';').ok_or("after the URL comes `;` and a marker, or nothing")?;
    marker_fault(marker).map_or(Ok(marker), Err)
}

/// What no part of a requirement or marker may be.
fn unfit(text: &str) -> Option<&'static str> {
    if !text.is_ascii() {
        return Some("it holds a character outside ASCII");
    }
    (text.len() > MAX_LENGTH).then_some("it is longer than 2000 characters")
}

/// A reason that may repeat what a file says, as a message shows it.
fn clause(reason: &str) -> String {
    let short: String = hidden(reason).chars().take(120).collect();
    printable(&short).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_told_from_other_texts() {
        for good in [
            "tqdm",
            "tqdm>=4.67.1",
            "a.b_c [x, y] >=1,<2 ; python_version >= '3.10'",
            "a (>=1)",
            "a==1.*",
            "a[]",
            "a;os_name=='nt'",
            "a @ https://h/a.whl",
            "a[x]@git+https://h/a@v1#egg=a ; os_name == 'nt'",
            "a~=1.0",
        ] {
            assert_eq!(parse(good).err(), None, "{good}");
        }
        for bad in [
            "",
            "a b",
            "a.[x]",
            "a.",
            "-a",
            "a[b.]",
            "a[b",
            "a>=",
            "a=1",
            "a ;",
            "a ; linux",
            "a @ x",
            "a @ https://h x",
            ">=1",
            "a>=1)",
            "a,b",
            "https://h/a.whl",
            "./a",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
