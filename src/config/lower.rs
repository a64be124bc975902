//! Checked nodes -> the types of `document`, one function each.
//!
//! The table has checked every node, so that nothing can fail here; a value that was reported as wrong is
//! absent, and the document it is missing in is never handed out.

use super::check::Node;
use super::document::{
    AxisChoice, CacheNode, GroupNode, IndexNode, Install, PackageNode, ProjectNode, ProjectsNode,
    Requirements, Role, SettingsNode, SyncNode, UvNode, VariantNode, VariantsNode,
};
use super::value::Value;
use crate::base::Spanned;

/// The first argument, which the table demands; a text without meaning where it was reported missing.
pub(super) fn first(node: &Node) -> Spanned<String> {
    node.texts().into_iter().next().unwrap_or_else(|| Spanned::new(String::new(), node.span))
}

/// The second argument, likewise.
pub(super) fn second(node: &Node) -> Spanned<String> {
    node.texts().into_iter().nth(1).unwrap_or_else(|| Spanned::new(String::new(), node.span))
}

pub(super) fn count(node: &Node) -> Option<Spanned<u32>> {
    match node.arguments.first()? {
        Spanned { value: Value::Count(count), span } => Some(Spanned::new(*count, *span)),
        _ => None,
    }
}

pub(super) fn uv(node: &Node) -> UvNode {
    UvNode { version: first(node), sha256: node.text_of("sha256") }
}

pub(super) fn cache(node: &Node) -> CacheNode {
    let text = |name| node.text_of(name);
    CacheNode { directory: text("directory"), limit: text("limit"), age: text("age") }
}

pub(super) fn project(node: &Node) -> ProjectNode {
    ProjectNode { name: first(node), settings: settings(node), span: node.span }
}

pub(super) fn settings(node: &Node) -> SettingsNode {
    let mut settings = SettingsNode::default();
    for child in &node.children {
        match child.spec.name {
            "version" => settings.version = Some(first(child)),
            "description" => settings.description = Some(first(child)),
            "requires-python" => settings.requires_python = Some(first(child)),
            "python" => settings.python = Some(first(child)),
            "dependencies" => settings.dependencies.push(requirements(child)),
            "extra" => settings.extras.push(group(child)),
            "group" => settings.groups.push(group(child)),
            "platforms" => settings.platforms = Some(requirements(child)),
            _ => {}
        }
    }
    settings
}

fn requirements(node: &Node) -> Requirements {
    let has_only = node.spec.properties.iter().any(|property| property.name == "only");
    Requirements { items: node.texts(), only: has_only && node.flag_of("only", false) }
}

fn group(node: &Node) -> GroupNode {
    let mut requirements = requirements(node);
    requirements.items.drain(..requirements.items.len().min(1));
    GroupNode { name: first(node), requirements }
}

pub(super) fn package(node: &Node) -> PackageNode {
    let role = match node.text_of("role").map(|role| role.value).as_deref() {
        Some("member") => Role::Member,
        Some("path") => Role::Path,
        _ => Role::Dependency,
    };
    PackageNode {
        name: first(node),
        path: node.text_of("path"),
        git: node.text_of("git"),
        subdirectory: node.text_of("subdirectory"),
        role,
        environments: node.text_of("environments"),
        extras: node.text_of("extras"),
        tag: node.text_of("tag"),
        span: node.span,
    }
}

pub(super) fn projects(node: &Node) -> ProjectsNode {
    ProjectsNode { patterns: node.texts(), except: node.text_of("except") }
}

pub(super) fn index(node: &Node) -> IndexNode {
    IndexNode {
        name: first(node),
        url: node.text_of("url").unwrap_or_else(|| Spanned::new(String::new(), node.span)),
        explicit: node.flag_of("explicit", false),
        default: node.flag_of("default", false),
        span: node.span,
    }
}

pub(super) fn variants(node: &Node) -> VariantsNode {
    let at_most_one = node.text_of("choose").is_some_and(|choose| choose.value == "at-most-one");
    let of = |name: &'static str| node.children.iter().filter(move |child| child.spec.name == name);
    VariantsNode {
        name: first(node),
        choose: if at_most_one { AxisChoice::AtMostOne } else { AxisChoice::ExactlyOne },
        dependencies: of("dependencies").map(requirements).collect(),
        variants: of("variant").map(variant).collect(),
        span: node.span,
    }
}

fn variant(node: &Node) -> VariantNode {
    VariantNode {
        name: first(node),
        index: node.text_of("index"),
        index_name: node.text_of("index-name"),
        driver: node.text_of("driver"),
        on: node.text_of("on"),
        dependencies: node
            .children
            .iter()
            .map(|child| (requirements(child), child.flag_of("from-index", true)))
            .collect(),
        span: node.span,
    }
}

pub(super) fn sync(node: &Node) -> SyncNode {
    let mut sync = SyncNode::default();
    for child in &node.children {
        match child.spec.name {
            "groups" => sync.groups = Some(child.texts()),
            "extras" => sync.extras = child.texts(),
            "install" => {
                let word = first(child);
                let third_party = word.value == "third-party";
                sync.install =
                    Some(word.map(|_| if third_party { Install::ThirdParty } else { Install::All }));
            }
            "editable" => {
                sync.editable = child.arguments.first().and_then(|argument| match argument.value {
                    Value::Flag(flag) => Some(Spanned::new(flag, argument.span)),
                    _ => None,
                });
            }
            "link-mode" => sync.link_mode = Some(first(child)),
            _ => {}
        }
    }
    sync
}
