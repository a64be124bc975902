//! Which form the tags of a remote have, for a package that nobody has declared yet.

use std::collections::BTreeMap;

use crate::ledger::releases;
use crate::model::{PackageName, TagForm};
use crate::tool::git::TagRef;

/// What stands between a package's name and the version, in tags that name the package.
const BETWEEN: [&str; 8] = ["-v", "-", "/v", "/", "@v", "@", "_v", "_"];

/// A form, and how `tag=` writes it; `None`: it needs no word.
pub(super) type Form = (TagForm, Option<String>);

/// The form of the tag that was named; else that of the remote's tags, where these are not plain.
pub(super) fn form(name: &PackageName, tags: &BTreeMap<String, TagRef>, asked: Option<&str>) -> Form {
    let plain = (TagForm::Plain, None);
    if let Some(tag) = asked {
        if TagForm::Plain.version_of(tag).is_some() {
            return plain;
        }
        return of_name(name)
            .find(|(form, _)| form.version_of(tag).is_some())
            .or_else(|| of_tag(tag))
            .unwrap_or(plain);
    }
    if !releases(tags, &TagForm::Plain, None).is_empty() {
        return plain;
    }
    of_name(name).find(|(form, _)| !releases(tags, form, None).is_empty()).unwrap_or(plain)
}

/// The forms that name the package.
fn of_name(name: &PackageName) -> impl Iterator<Item = Form> {
    let spelt = [name.to_string(), name.as_str().replace('-', "_")];
    let texts =
        spelt.into_iter().flat_map(|name| BETWEEN.map(|between| format!("{name}{between}{{version}}")));
    texts.filter_map(|text| Some((TagForm::parse(&text)?, Some(text))))
}

/// Whatever stands before a version in a tag.
fn of_tag(tag: &str) -> Option<Form> {
    let starts = tag.char_indices().filter(|(_, letter)| letter.is_ascii_digit()).map(|(at, _)| at);
    let mut forms = starts.filter_map(|at| {
        let text = format!("{}{{version}}", &tag[..at]);
        Some((TagForm::parse(&text)?, Some(text)))
    });
    forms.find(|(form, _)| form.version_of(tag).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_say_how_they_spell_versions() {
        let id = "a".repeat(40);
        let tags = |names: &[&str]| {
            let one = |name: &&str| {
                let object = id.parse().unwrap();
                let peeled = id.parse().unwrap();
                ((*name).to_owned(), TagRef { object, peeled })
            };
            names.iter().map(one).collect::<BTreeMap<_, _>>()
        };
        let name = PackageName::parse("bench-utils").unwrap();
        for (known, asked, expected) in [
            (&["v1.0", "bench-utils-v2.0"][..], None, None),
            (&["v1.0", "bench-utils-v2.0"], Some("bench-utils-v2.0"), Some("bench-utils-v{version}")),
            (&["bench-utils-v2.0", "other-v3"], None, Some("bench-utils-v{version}")),
            (&["bench_utils/2.0"], None, Some("bench_utils/{version}")),
            (&["bench-utils@v2.0"], None, Some("bench-utils@v{version}")),
            (&["release-2.0"], None, None),
            (&["release-2.0"], Some("release-2.0"), Some("release-{version}")),
            (&["py3-2.0.dev1"], Some("py3-2.0.dev1"), Some("py3-{version}")),
            (&["latest"], Some("latest"), None),
            (&[], None, None),
        ] {
            assert_eq!(form(&name, &tags(known), asked).1.as_deref(), expected, "{known:?} {asked:?}");
        }
    }
}
