//! `pin` nodes: the releases of a tags environment.

use std::collections::BTreeMap;

use miette::SourceSpan;
use pep440_rs::Version;

use super::super::environment::{Participant, Pin, PinReference};
use super::super::error::ModelFinding;
use super::super::name::PackageName;
use super::super::package::{Package, PackageId};
use super::super::pin_error::PinFinding;
use super::super::tag::{example, form_text, tag_fault};
use super::{ONE_NAME, Packages, Resolver, Thing};
use crate::base::{Spanned, brief};
use crate::config::{Channel, EnvironmentNode, PinNode};

impl Resolver {
    /// The packages of a tags environment, each with its pin.
    pub(super) fn pinned_packages(
        &mut self,
        node: &EnvironmentNode,
        chosen: &[PackageId],
        channel: (Channel, SourceSpan),
        packages: &Packages<'_>,
    ) -> Vec<Participant> {
        let mut pins: BTreeMap<PackageId, Option<Pin>> = BTreeMap::new();
        let mut seen = BTreeMap::new();
        for pin in &node.pins {
            let found = PackageName::parse(&pin.package.value).ok().and_then(|name| packages.find(&name));
            let Some((id, package)) = found else {
                self.unknown("package", &pin.package, &packages.names());
                continue;
            };
            let fresh = self.once(&mut seen, id, &Thing::new("a pin of", &pin.package).because(ONE_NAME));
            if !chosen.contains(&id) {
                self.idle(node, package, pin);
            }
            let resolved = self.pin(pin, package);
            if let Some(resolved) = &resolved {
                self.check_channel((node, package), pin, resolved, channel);
            }
            if fresh {
                pins.insert(id, resolved);
            }
        }
        for &id in chosen {
            let package = &packages.all[id.0];
            self.check_remote_of(node, package);
            if !pins.contains_key(&id) {
                self.missing(node, package);
            }
        }
        chosen.iter().map(|&package| Participant { package, pin: pins.remove(&package).flatten() }).collect()
    }

    fn idle(&mut self, node: &EnvironmentNode, package: &Package, pin: &PinNode) {
        let help = if node.packages.is_some() {
            "add it to the environment's `packages`"
        } else {
            "change the package's `role=` or `environments=`"
        };
        self.report(
            PinFinding::IdlePin {
                package: package.name.value.to_string(),
                environment: brief(&node.name.value),
                help: help.to_owned(),
                span: pin.span,
            }
            .into(),
        );
    }

    fn missing(&mut self, node: &EnvironmentNode, package: &Package) {
        let name = package.name.value.to_string();
        let tag = example(&package.tag_form, &"…");
        self.report(
            PinFinding::MissingPin {
                line: format!("pin \"{name}\" \"{tag}\""),
                package: name,
                environment: brief(&node.name.value),
                declared: package.name.span,
                span: node.name.span,
            }
            .into(),
        );
    }

    fn check_remote_of(&mut self, node: &EnvironmentNode, package: &Package) {
        if package.git.is_none() && !self.misplaced.contains(&package.span) {
            let reason = format!("in environment `{}`, which uses tags", brief(&node.name.value));
            let (name, span) = (package.name.value.to_string(), package.name.span);
            self.report(ModelFinding::MissingPlace { package: name, property: "git", reason, span });
        }
    }

    fn pin(&mut self, pin: &PinNode, package: &Package) -> Option<Pin> {
        match (&pin.tag, &pin.rev) {
            (Some(tag), _) => self.tag(tag, package),
            (None, Some(rev)) => self.rev(rev, pin),
            // Reported by the room before.
            (None, None) => None,
        }
    }

    fn tag(&mut self, tag: &Spanned<String>, package: &Package) -> Option<Pin> {
        let text = brief(&tag.value);
        if let Some(reason) = tag_fault(&tag.value) {
            self.report(PinFinding::InvalidTag { tag: text, reason, span: tag.span }.into());
            return None;
        }
        let Some(version) = package.tag_form.version_of(&tag.value) else {
            let (package, form) = (package.name.value.to_string(), form_text(&package.tag_form));
            self.report(PinFinding::TagWithoutVersion { tag: text, package, form, span: tag.span }.into());
            return None;
        };
        Some(Pin { reference: PinReference::Tag(tag.value.clone()), version, span: tag.span })
    }

    fn rev(&mut self, rev: &Spanned<String>, pin: &PinNode) -> Option<Pin> {
        let full = rev.value.len() == 40 && rev.value.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !full {
            self.report(PinFinding::InvalidRev { text: brief(&rev.value), span: rev.span }.into());
        }
        let version = self.version("version", pin.version.as_ref()?, "write it like version=\"0.1.2\"");
        let reference = PinReference::Rev(rev.value.to_ascii_lowercase());
        version.filter(|_| full).map(|version| Pin { reference, version, span: pin.span })
    }

    fn check_channel(
        &mut self,
        (node, package): (&EnvironmentNode, &Package),
        pin: &PinNode,
        resolved: &Pin,
        (channel, place): (Channel, SourceSpan),
    ) {
        let form = &package.tag_form;
        if !channel.accepts(&resolved.version) {
            let place_of_version =
                pin.tag.as_ref().or(pin.version.as_ref()).map_or(pin.span, |text| text.span);
            self.report(
                PinFinding::UnstablePin {
                    reference: brief(
                        pin.tag.as_ref().or(pin.version.as_ref()).map_or("", |text| &text.value),
                    ),
                    environment: brief(&node.name.value),
                    stable: example(form, &Version::new(resolved.version.release().iter().copied())),
                    channel: place,
                    span: place_of_version,
                }
                .into(),
            );
        }
    }
}
