//! The doors: text -> [`Config`], text -> [`LocalConfig`].
//!
//! Pre-scan, parser, table, then the types of `document`. The first two decide whether there is a document
//! at all; whatever the pre-scan could replace is reported together with what the table finds.

use kdl::KdlDocument;

use super::check::{Node, Place, check_block};
use super::document::{
    Channel, Config, EnvironmentNode, KeptNode, LocalConfig, PinNode, PreferNode, SourcesNode, SyncNode,
};
use super::error::{ConfigError, ConfigFinding, offset, span};
use super::lower::{
    cache, count, first, index, package, project, projects, second, settings, sync, uv, variants,
};
use super::prescan::prescan;
use super::task::task;
use super::task_document::TaskNode;
use crate::base::{SourceFile, brief, conflict_marker};

/// Reads `tasks.kdl`.
///
/// # Errors
/// Every mistake of the text.
pub(crate) fn parse(source: &SourceFile) -> Result<Config, ConfigError> {
    let read = || {
        let (nodes, findings) = nodes(source, false)?;
        let mut reader = Reader { findings };
        let config = reader.config(source, &nodes);
        reader.done(source, config)
    };
    read().map_err(|error| merged(source).unwrap_or(error))
}

/// Reads `tasks.local.kdl`.
///
/// # Errors
/// Every mistake of the text.
pub(crate) fn parse_local(source: &SourceFile) -> Result<LocalConfig, ConfigError> {
    let read = || {
        let (nodes, findings) = nodes(source, true)?;
        let mut reader = Reader { findings };
        let config = reader.local_config(source, &nodes);
        reader.done(source, config)
    };
    read().map_err(|error| merged(source).unwrap_or(error))
}

/// Of a text that both sides of a merge stand in nothing else is worth saying.
fn merged(source: &SourceFile) -> Option<ConfigError> {
    let span = conflict_marker(source.text())?.into();
    Some(ConfigError::new(source, vec![ConfigFinding::Conflict { span }]))
}

/// The bytes of a file as a text.
///
/// # Errors
/// They are more than [`MAX_BYTES`](super::MAX_BYTES), or no UTF-8.
pub(crate) fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<SourceFile, ConfigError> {
    if bytes.len() > super::MAX_BYTES {
        return Err(ConfigError::too_large(name, bytes.len() as u64));
    }
    String::from_utf8(bytes).map(|text| SourceFile::new(name, text)).map_err(|fault| {
        let at = fault.utf8_error().valid_up_to();
        let source = SourceFile::new(name, String::from_utf8_lossy(fault.as_bytes()).into_owned());
        ConfigError::new(&source, vec![ConfigFinding::NotUtf8 { span: (at, 1).into() }])
    })
}

/// The nodes of a text, with what was found wrong with them; an error where there is no document.
pub(super) fn nodes(
    source: &SourceFile,
    local: bool,
) -> Result<(Vec<Node>, Vec<ConfigFinding>), ConfigError> {
    let scan = prescan(source.text());
    let mut findings = scan.findings;
    if !scan.parseable {
        return Err(ConfigError::new(source, findings));
    }
    let document = match KdlDocument::parse_v2(&scan.text) {
        Ok(document) => document,
        Err(error) => {
            findings.extend(error.diagnostics.iter().map(syntax));
            findings.sort_by_key(offset);
            return Err(ConfigError::new(source, findings));
        }
    };
    let mut further = Vec::new();
    let nodes = check_block(&document, Place::top(local), &mut further);
    // What stands in for a mistake is not to be blamed a second time.
    further.retain(|finding| !findings.iter().any(|before| overlap(before, finding)));
    findings.extend(further);
    Ok((nodes, findings))
}

fn overlap(one: &ConfigFinding, other: &ConfigFinding) -> bool {
    let (Some(one), Some(other)) = (span(one), span(other)) else {
        return false;
    };
    one.offset() < other.offset() + other.len().max(1) && other.offset() < one.offset() + one.len().max(1)
}

/// A finding of the parser in our words.
pub(super) fn syntax(diagnostic: &kdl::KdlDiagnostic) -> ConfigFinding {
    let message = diagnostic.message.as_deref().unwrap_or("unexpected text");
    let help = diagnostic.help.as_deref().unwrap_or("compare it with the examples of the README");
    ConfigFinding::Syntax {
        message: brief(message.trim_end_matches('.')),
        help: help.to_owned(),
        span: diagnostic.span,
    }
}

/// Builds the document's types and collects what words of one node say against each other.
struct Reader {
    findings: Vec<ConfigFinding>,
}

impl Reader {
    fn done<T>(mut self, source: &SourceFile, read: T) -> Result<T, ConfigError> {
        if self.findings.is_empty() {
            return Ok(read);
        }
        self.findings.sort_by_key(offset);
        Err(ConfigError::new(source, self.findings))
    }

    fn config(&mut self, source: &SourceFile, nodes: &[Node]) -> Config {
        let mut config = Config {
            source: source.clone(),
            envloom: None,
            uv: None,
            project: None,
            packages: Vec::new(),
            indexes: Vec::new(),
            variants: Vec::new(),
            environments: Vec::new(),
            projects: Vec::new(),
            tasks: Vec::new(),
            resources: Vec::new(),
            max_age: None,
            default: Vec::new(),
            default_environment: None,
        };
        for node in nodes {
            match node.spec.name {
                "envloom" => config.envloom = Some(first(node)),
                "uv" => config.uv = Some(uv(node)),
                "project" => config.project = Some(project(node)),
                "package" => config.packages.push(package(node)),
                "index" => config.indexes.push(index(node)),
                "variants" => config.variants.push(variants(node)),
                "environment" => config.environments.push(self.environment(node)),
                "projects" => config.projects.push(projects(node)),
                "task" => config.tasks.push(self.task(node)),
                "resources" => config.resources = node.named_texts(),
                "remotes" => config.max_age = node.text_of("max-age"),
                "default" => config.default = node.texts(),
                "default-environment" => config.default_environment = Some(first(node)),
                _ => {}
            }
        }
        config
    }

    fn environment(&mut self, node: &Node) -> EnvironmentNode {
        let mut environment = EnvironmentNode {
            name: first(node),
            manifest: None,
            kept: self.kept(node),
            project: None,
            sources: SourcesNode::Workspace,
            groups: Vec::new(),
            packages: None,
            pins: Vec::new(),
            carry: None,
            sync: SyncNode::default(),
            settings: settings(node),
            span: node.span,
        };
        for child in &node.children {
            match child.spec.name {
                "manifest" => environment.manifest = Some(first(child)),
                "sources" => environment.sources = self.sources(child),
                "groups" => environment.groups = child.texts(),
                "name" => environment.project = Some(first(child)),
                "packages" => environment.packages = Some(child.texts()),
                "pin" => environment.pins.push(self.pin(child)),
                "carry" => environment.carry = Some(child.texts()),
                "sync" => environment.sync = sync(child),
                _ => {}
            }
        }
        environment
    }

    /// Whose the manifest is; words that its maker decides about must not stand beside.
    fn kept(&mut self, node: &Node) -> KeptNode {
        let of = |name: &str| node.children.iter().find(|child| child.spec.name == name);
        let (kept, what, beside): (_, _, &[&str]) = match (of("adopt"), of("from")) {
            (None, None) => return KeptNode::Generated,
            (Some(_), _) => {
                (KeptNode::Adopted, "an adopted manifest says this itself", &["adopt", "manifest", "sync"])
            }
            (None, Some(from)) => (
                KeptNode::From(first(from)),
                "this comes from the adopted manifest",
                &["from", "manifest", "sources", "pin", "packages", "groups", "carry", "sync"],
            ),
        };
        for child in node.children.iter().filter(|child| !beside.contains(&child.spec.name)) {
            let help = format!("delete it; what may stand here is {}", beside.join(", "));
            self.findings.push(ConfigFinding::Disagree { what, help, span: child.span });
        }
        kept
    }

    fn sources(&mut self, node: &Node) -> SourcesNode {
        let from = first(node);
        let channel = node.text_of("channel");
        let tags = from.value == "tags";
        if tags == channel.is_none() && !from.value.is_empty() {
            let (what, help) = if tags {
                (
                    "`sources \"tags\"` needs a channel",
                    "write channel=\"stable\", or channel=\"dev\" to accept dev tags too",
                )
            } else {
                ("only `sources \"tags\"` has a channel", "delete `channel`, or write `sources \"tags\"`")
            };
            self.findings.push(ConfigFinding::Disagree { what, help: help.to_owned(), span: node.span });
        }
        if !tags {
            return SourcesNode::Workspace;
        }
        let stable = channel.is_none_or(|channel| channel.value == "stable");
        SourcesNode::Tags { channel: if stable { Channel::Stable } else { Channel::Dev }, span: from.span }
    }

    fn pin(&mut self, node: &Node) -> PinNode {
        let pin = PinNode {
            package: first(node),
            tag: node.texts().into_iter().nth(1),
            rev: node.text_of("rev"),
            version: node.text_of("version"),
            span: node.span,
        };
        let name = brief(&pin.package.value);
        let by_tag = format!("pin \"{name}\" \"v0.1.2\"");
        let by_commit = format!("pin \"{name}\" rev=\"<40 hexadecimal digits>\" version=\"0.1.2\"");
        let wrong = match (&pin.tag, &pin.rev, &pin.version) {
            (Some(_), None, None) | (None, Some(_), Some(_)) => None,
            (Some(_), None, Some(_)) => Some(("a tag says its version itself", format!("write `{by_tag}`"))),
            (Some(_), Some(_), _) => {
                Some(("a pin has a tag or a `rev`, not both", format!("write `{by_tag}`")))
            }
            (None, Some(_), None) => {
                Some(("a pin by `rev` needs the version at that commit", format!("write `{by_commit}`")))
            }
            (None, None, _) => {
                Some(("a pin needs a tag or a `rev`", format!("write `{by_tag}` or `{by_commit}`")))
            }
        };
        if let Some((what, help)) = wrong {
            self.findings.push(ConfigFinding::Disagree { what, help, span: node.span });
        }
        pin
    }

    fn task(&mut self, node: &Node) -> TaskNode {
        let task = task(node);
        let has_steps =
            !task.common.steps.is_empty() || task.cells.iter().any(|cell| !cell.words.steps.is_empty());
        if !has_steps && task.service.is_none() && task.after.is_empty() {
            self.findings.push(ConfigFinding::Missing {
                node: node.spec.name,
                what: "a `run`, `shell`, `service` or `after` in its block".to_owned(),
                example: "run \"pytest\" \"-q\"".to_owned(),
                span: node.name.span,
            });
        }
        let service = node.children.iter().find(|child| child.spec.name == "service");
        if let Some(service) = service.filter(|_| has_steps) {
            let what = "a task has a `service` or steps, not both";
            let help = "move the `run`s to a task of their own, `after` this one".to_owned();
            self.findings.push(ConfigFinding::Disagree { what, help, span: service.span });
        }
        task
    }

    fn local_config(&mut self, source: &SourceFile, nodes: &[Node]) -> LocalConfig {
        let mut config = LocalConfig {
            source: source.clone(),
            default: Vec::new(),
            default_environment: None,
            prefer: Vec::new(),
            jobs: None,
            env: Vec::new(),
            tasks: Vec::new(),
            resources: Vec::new(),
            max_age: None,
            venvs: None,
            cache: None,
        };
        for node in nodes {
            match node.spec.name {
                "task" => config.tasks.push(self.task(node)),
                "resources" => config.resources = node.named_texts(),
                "remotes" => config.max_age = node.text_of("max-age"),
                "default" => config.default = node.texts(),
                "default-environment" => config.default_environment = Some(first(node)),
                "prefer" => config.prefer.push(PreferNode { axis: first(node), variant: second(node) }),
                "jobs" => config.jobs = count(node),
                "env" => config.env.push((first(node), second(node))),
                "venvs" => config.venvs = Some(first(node)),
                "cache" => config.cache = Some(cache(node)),
                _ => {}
            }
        }
        config
    }
}
