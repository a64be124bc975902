//! A parsed document against the table.
//!
//! Comes in: kdl's document. Goes out: [`Node`]s that have exactly what their [`NodeSpec`] promises, and a
//! finding for everything that has not. A node with findings still goes out, so that one run reports all;
//! `decode` only reads nodes when there were none.

use std::collections::VecDeque;

use kdl::{KdlDocument, KdlEntry, KdlIdentifier, KdlNode};
use miette::SourceSpan;

use super::error::ConfigFinding;
use super::schema::{ArgumentSpec, Block, NodeSpec, PropertySpec, Rest};
use super::table::{LOCAL_ROOT, ROOT};
use super::value::{Subject, Value};
use crate::base::{Spanned, brief, nearest};

/// A node with its values decoded.
pub(super) struct Node {
    pub(super) spec: &'static NodeSpec,
    /// Its name as written: that of its spec, or any other where the block allows it.
    pub(super) name: Spanned<String>,
    pub(super) arguments: Vec<Spanned<Value>>,
    pub(super) properties: Vec<(&'static str, Spanned<Value>)>,
    /// Properties of names that the table leaves to the maintainer.
    pub(super) others: Vec<(Spanned<String>, Spanned<Value>)>,
    pub(super) children: Vec<Node>,
    /// From the name to the end of the node.
    pub(super) span: SourceSpan,
}

/// Which file is checked, and where in it.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) local: bool,
    /// The node around; `None` at the top.
    parent: Option<&'static NodeSpec>,
}

impl Place {
    pub(super) fn top(local: bool) -> Self {
        Self { local, parent: None }
    }

    fn within(self, parent: &'static NodeSpec) -> Self {
        Self { parent: Some(parent), ..self }
    }

    fn block(self) -> &'static Block {
        match self.parent {
            Some(parent) => parent.children.unwrap_or(&Block { nodes: &[], reserved: &[], other: None }),
            None if self.local => &LOCAL_ROOT,
            None => &ROOT,
        }
    }

    fn words(self) -> String {
        match self.parent {
            Some(parent) => format!("in `{}`", parent.name),
            None => "at the top of the file".to_owned(),
        }
    }
}

/// Checks the nodes of one block. Blocks are at most as deep as the table, plus the bound of the pre-scan.
pub(super) fn check_block(
    document: &KdlDocument,
    place: Place,
    findings: &mut Vec<ConfigFinding>,
) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for node in document.nodes() {
        let Some(spec) = place.block().find(node.name().value()).or(place.block().other) else {
            findings.push(unknown(node, place));
            continue;
        };
        let checked = check_node(node, spec, place, findings);
        let before = nodes.iter().find(|before| before.name.value == checked.name.value && !spec.repeats);
        if let Some(before) = before {
            let (first, span) = (before.span, node.name().span());
            findings.push(ConfigFinding::Twice { name: brief(&checked.name.value), first, span });
        }
        nodes.push(checked);
    }
    nodes
}

/// What to say about a node that the table does not have here.
fn unknown(node: &KdlNode, place: Place) -> ConfigFinding {
    let (raw, span) = (node.name().value(), node.name().span());
    let name = brief(raw);
    if place.block().reserved.contains(&raw) {
        return ConfigFinding::NotSupportedYet { name, span };
    }
    let known: Vec<&str> = place.block().specs().map(|spec| spec.name).collect();
    if place.local && place.parent.is_none() && (ROOT.find(raw).is_some() || ROOT.reserved.contains(&raw)) {
        return ConfigFinding::NotLocal { name, known: known.join(", "), span };
    }
    let homes = if place.local { vec![] } else { homes(raw) };
    let near = nearest(raw, known.iter().copied());
    if near.is_none()
        && let Some(home) = homes.first()
    {
        let help = format!("move it {home}");
        return ConfigFinding::Misplaced { name, place: place.words(), help, span };
    }
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "delete it".to_owned(),
        None => format!("use one of: {}", known.join(", ")),
    };
    ConfigFinding::UnknownNode { name, help, span, place: place.words() }
}

/// Where a word may stand.
fn homes(name: &str) -> Vec<String> {
    let mut homes = Vec::new();
    let mut blocks = VecDeque::from([("to the top of the file".to_owned(), &ROOT)]);
    while let Some((home, block)) = blocks.pop_front() {
        if block.find(name).is_some() {
            homes.push(home);
        }
        let inner = block.specs().filter_map(|spec| Some((format!("into `{}`", spec.name), spec.children?)));
        blocks.extend(inner);
    }
    if LOCAL_ROOT.find(name).is_some() && homes.is_empty() {
        homes.push("to tasks.local.kdl".to_owned());
    }
    homes
}

fn check_node(
    node: &KdlNode,
    spec: &'static NodeSpec,
    place: Place,
    findings: &mut Vec<ConfigFinding>,
) -> Node {
    let mut checked = Node {
        spec,
        name: Spanned::new(node.name().value().to_owned(), node.name().span()),
        arguments: Vec::new(),
        properties: Vec::new(),
        others: Vec::new(),
        children: Vec::new(),
        span: whole_span(node),
    };
    for entry in node.entries() {
        match entry.name() {
            Some(name) => check_property(&mut checked, name, entry, findings),
            None => check_argument(&mut checked, entry, findings),
        }
    }
    let missing = spec.arguments.get(checked.arguments.len()..).unwrap_or_default();
    if let Some(missing) = missing.first() {
        let what = format!("its {}", missing.name);
        findings.push(needs(spec, what, spec.example, node.name().span()));
    }
    for property in spec.properties.iter().filter(|property| property.required) {
        if node.entry(property.name).is_none() {
            let what = format!("the property `{}`", property.name);
            findings.push(needs(spec, what, spec.example, node.name().span()));
        }
    }
    check_children(node, &mut checked, place, findings);
    checked
}

fn needs(spec: &NodeSpec, what: String, example: &str, span: SourceSpan) -> ConfigFinding {
    ConfigFinding::Missing { node: spec.name, what, example: example.to_owned(), span }
}

fn check_children(node: &KdlNode, checked: &mut Node, place: Place, findings: &mut Vec<ConfigFinding>) {
    let spec = checked.spec;
    let inner = place.within(spec);
    match node.children() {
        Some(children) if spec.children.is_some() => {
            checked.children = check_block(children, inner, findings);
        }
        Some(children) => {
            let example = spec.example.to_owned();
            findings.push(ConfigFinding::NoChildren { node: spec.name, example, span: children.span() });
        }
        None => {}
    }
    for required in inner.block().specs().filter(|child| child.required) {
        let has =
            |nodes: &KdlDocument| nodes.nodes().iter().any(|child| child.name().value() == required.name);
        if !node.children().is_some_and(has) {
            let what = format!("a `{}` in its block", required.name);
            findings.push(needs(spec, what, required.example, node.name().span()));
        }
    }
}

fn check_property(
    checked: &mut Node,
    name: &KdlIdentifier,
    entry: &KdlEntry,
    findings: &mut Vec<ConfigFinding>,
) {
    let spec = checked.spec;
    let Some(property) = spec.properties.iter().find(|property| property.name == name.value()) else {
        match spec.other {
            Some(other) => check_other(checked, &other, name, entry, findings),
            None => findings.push(unknown_property(spec, name)),
        }
        return;
    };
    if let Some((_, first)) = checked.properties.iter().find(|(known, _)| *known == property.name) {
        let (first, span) = (first.span, entry.span());
        findings.push(ConfigFinding::Twice { name: property.name.to_owned(), first, span });
        return;
    }
    let what = Subject { spec, what: format!("`{}`", property.name), kind: property.kind };
    if let Some(value) = what.value(entry, findings) {
        checked.properties.push((property.name, value));
    }
}

/// A property whose name is the maintainer's.
fn check_other(
    checked: &mut Node,
    other: &PropertySpec,
    name: &KdlIdentifier,
    entry: &KdlEntry,
    findings: &mut Vec<ConfigFinding>,
) {
    if let Some((_, first)) = checked.others.iter().find(|(known, _)| known.value == name.value()) {
        let (first, span) = (first.span, entry.span());
        findings.push(ConfigFinding::Twice { name: brief(name.value()), first, span });
        return;
    }
    let what = Subject { spec: checked.spec, what: format!("`{}`", brief(name.value())), kind: other.kind };
    if let Some(value) = what.value(entry, findings) {
        checked.others.push((Spanned::new(name.value().to_owned(), name.span()), value));
    }
}

fn unknown_property(spec: &'static NodeSpec, name: &KdlIdentifier) -> ConfigFinding {
    let known: Vec<&str> = spec.properties.iter().map(|property| property.name).collect();
    let child = spec.children.and_then(|children| children.find(name.value()));
    let help = match (nearest(name.value(), known.iter().copied()), child) {
        (_, Some(child)) => format!("write it as a child: {} … {{ {} }}", spec.name, child.example),
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, _) if known.is_empty() => format!("it has none; write `{}`", spec.example),
        (None, _) => format!("use one of: {}", known.join(", ")),
    };
    ConfigFinding::UnknownProperty { node: spec.name, name: brief(name.value()), help, span: name.span() }
}

fn check_argument(checked: &mut Node, entry: &KdlEntry, findings: &mut Vec<ConfigFinding>) {
    let spec = checked.spec;
    let position = checked.arguments.len();
    let argument: ArgumentSpec = match (spec.arguments.get(position), spec.rest) {
        (Some(argument), _) => *argument,
        (None, Rest::Any(argument)) => argument,
        (None, Rest::Optional(argument)) if position == spec.arguments.len() => argument,
        _ => {
            let example = spec.example.to_owned();
            findings.push(ConfigFinding::ExtraArgument { node: spec.name, example, span: entry.span() });
            return;
        }
    };
    let what = Subject { spec, what: format!("the {}", argument.name), kind: argument.kind };
    let value = what.value(entry, findings);
    // A wrong one keeps its place, so that those behind it are not taken for others.
    let value = value.unwrap_or_else(|| Spanned::new(Value::Text(String::new()), entry.span()));
    checked.arguments.push(value);
}

/// From the first byte of a node to its last, without the blanks and the line end that kdl counts in.
fn whole_span(node: &KdlNode) -> SourceSpan {
    let start = node.name().span().offset();
    let end = node
        .children()
        .map(|children| children.span().offset() + children.span().len())
        .into_iter()
        .chain(node.entries().iter().map(|entry| entry.span().offset() + entry.span().len()))
        .chain([node.name().span().offset() + node.name().span().len()])
        .max()
        .unwrap_or(start);
    (start, end - start).into()
}

impl Node {
    /// The text of a property.
    pub(super) fn text_of(&self, property: &str) -> Option<Spanned<String>> {
        self.property(property).and_then(|value| match &value.value {
            Value::Text(text) => Some(Spanned::new(text.clone(), value.span)),
            Value::Flag(_) | Value::Count(_) => None,
        })
    }

    /// A flag, with what holds where it is absent.
    pub(super) fn flag_of(&self, property: &str, default: bool) -> bool {
        match self.property(property).map(|value| &value.value) {
            Some(Value::Flag(flag)) => *flag,
            _ => default,
        }
    }

    fn property(&self, name: &str) -> Option<&Spanned<Value>> {
        debug_assert!(self.spec.properties.iter().any(|known: &PropertySpec| known.name == name));
        self.properties.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The flag that is its one argument; written without, it is set.
    pub(super) fn flag(&self) -> bool {
        !matches!(self.arguments.first(), Some(Spanned { value: Value::Flag(false), .. }))
    }

    /// The texts of the properties whose names are the maintainer's.
    pub(super) fn named_texts(&self) -> Vec<(Spanned<String>, Spanned<String>)> {
        let texts = self.others.iter().filter_map(|(name, value)| match &value.value {
            Value::Text(text) => Some((name.clone(), Spanned::new(text.clone(), value.span))),
            Value::Flag(_) | Value::Count(_) => None,
        });
        texts.collect()
    }

    /// The arguments as texts.
    pub(super) fn texts(&self) -> Vec<Spanned<String>> {
        let texts = self.arguments.iter().filter_map(|argument| match &argument.value {
            Value::Text(text) => Some(Spanned::new(text.clone(), argument.span)),
            Value::Flag(_) | Value::Count(_) => None,
        });
        texts.collect()
    }
}
