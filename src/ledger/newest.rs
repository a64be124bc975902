//! Which tags of a package are releases, and which is the newest. Pure.

use std::collections::BTreeMap;

use pep440_rs::Version;

use crate::config::Channel;
use crate::model::{Pin, TagForm};
use crate::tool::git::TagRef;

/// A tag that names a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tagged<'t> {
    /// The version that it names.
    pub(crate) version: Version,
    /// The tag.
    pub(crate) tag: &'t str,
    /// What it stands for.
    pub(crate) target: &'t TagRef,
}

/// The tags of a package's form that a channel accepts, in the order of PEP 440; `None`: any channel. Tags of one
/// version stand in the order of their names.
#[must_use]
pub(crate) fn releases<'t>(
    tags: &'t BTreeMap<String, TagRef>,
    form: &TagForm,
    channel: Option<Channel>,
) -> Vec<Tagged<'t>> {
    let release = |(tag, target): (&'t String, &'t TagRef)| {
        let version = form.version_of(tag)?;
        let is_accepted = channel.is_none_or(|channel| channel.accepts(&version));
        is_accepted.then_some(Tagged { version, tag, target })
    };
    let mut releases: Vec<Tagged<'_>> = tags.iter().filter_map(release).collect();
    releases.sort_by(|one, other| (&one.version, one.tag).cmp(&(&other.version, other.tag)));
    releases
}

/// The newest of them. Where one version has several tags, it is the one spelt as the pin is, with or without `v`.
#[must_use]
pub(crate) fn newest<'t>(releases: &[Tagged<'t>], pin: &Pin) -> Option<Tagged<'t>> {
    let last = releases.last()?;
    let same = releases.iter().rev().take_while(|release| release.version == last.version);
    let has_v = |tag: &str| tag.starts_with('v');
    let alike = same.clone().find(|release| has_v(release.tag) == has_v(pin.reference.as_str()));
    alike.or(Some(last)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::{model, pin_tag};

    /// The newest of these tags beside a pin of `v0.1.2` or of what `pinned` says.
    fn newest_of(pinned: &str, channel: Option<Channel>, form: &TagForm, tags: &[&str]) -> Option<String> {
        let mut model = model();
        pin_tag(&mut model, 0, pinned);
        let pin = model.environments[1].packages[0].pin.clone().unwrap();
        let commit: crate::tool::git::ObjectId = "0".repeat(40).parse().unwrap();
        let target = TagRef { object: commit.clone(), peeled: commit };
        let tags = tags.iter().map(|tag| ((*tag).to_owned(), target.clone())).collect();
        newest(&releases(&tags, form, channel), &pin).map(|release| release.tag.to_owned())
    }

    #[test]
    fn versions_are_in_the_order_of_pep_440() {
        let tags =
            ["v0.1.2", "v0.1.10.dev1", "v0.1.9", "v0.1.10rc1", "v0.1.9.post1", "x", "vv2", "2-final;id"];
        let newest = |channel| newest_of("v0.1.2", channel, &TagForm::Plain, &tags);
        assert_eq!(newest(Some(Channel::Stable)).as_deref(), Some("v0.1.9.post1"));
        assert_eq!(newest(Some(Channel::Dev)).as_deref(), Some("v0.1.10rc1"));
        assert_eq!(newest(None), newest(Some(Channel::Dev)));
        let stable = newest_of("v0.1.2", Some(Channel::Dev), &TagForm::Plain, &["v1.0.dev0", "v1.0"]);
        assert_eq!(stable.as_deref(), Some("v1.0"));
        assert_eq!(newest_of("v0.1.2", Some(Channel::Stable), &TagForm::Plain, &["v1.0.dev0"]), None);
    }

    #[test]
    fn a_tag_is_of_the_packages_form_and_spelt_as_the_pin() {
        let both = ["v1.0", "1.0", "0.9"];
        let newest = |pinned: &str| newest_of(pinned, None, &TagForm::Plain, &both);
        assert_eq!((newest("v0.1.2").as_deref(), newest("0.1.2").as_deref()), (Some("v1.0"), Some("1.0")));
        assert_eq!(newest_of("v0.1.2", None, &TagForm::Plain, &["1.0"]).as_deref(), Some("1.0"));
        let form = TagForm::Around { prefix: "bench-utils-v".into(), suffix: String::new() };
        let tags = ["bench-utils-v0.3", "model-interface-v9.0", "v9.0"];
        assert_eq!(newest_of("v0.1.2", None, &form, &tags).as_deref(), Some("bench-utils-v0.3"));
    }
}
